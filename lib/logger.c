/*
 * logger.c - daemon_logger(): from the log pipe to the log file
 *
 *     logger
 *     loops here, to the end of its input
 *
 * The text in hand is in the handover, so that nothing is lost or written twice
 * if it dies. In drop mode it has a child, the reader. In a server the call
 * returns at once.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "logprocess.h"

enum {
	LOOK = 1000,	/* ms between two checks of the file */
	AGAIN = 100,	/* ms to the next try to begin, doubling to LOOK */
	/* After a read of at most PORTION bytes it waits this long for more, so
	 * that lines that come one by one need fewer wake-ups. */
	MOMENT = 400,	/* us */
	FEW = 16 * 1024
};

/* Of the loop: the log pipe, or the reader's bell; the file, if that may have
 * no room; the processor of older files. */
enum { LOG, STREAM, PROCESSOR, TAGS };

struct logger {
	struct dsrv_loop loop;
	struct dsrv_handover handover;
	struct dsrv_logwriter writer;
	struct dsrv_logprocess process;
	int waiting;		/* the text in hand cannot be written now */
	struct dsrv_loghalf half;
	int64_t read_at;	/* not before this: it could not be read */
	ssize_t last;		/* this many bytes came */
};

/*
 * The reader
 */

/* Without a reader it would always be ready, at end of file. */
static void
close_bell(struct logger *l)
{
	dsrv_loop_forget(&l->loop, LOG);
	dsrv_descriptors_close(&l->writer.bell);
	l->handover.ends[DSRV_HANDOVER_BELL] = -1;
}

/* The end of its pipe is kept before the reader is forked, so for the next
 * logger end of file means that no reader was forked, or that it has died. */
static int
start_reader(struct logger *l)
{
	const struct dsrv_taken *taken = &l->process.taken;
	int others[] = { taken->dir, taken->lock, taken->file,
		l->process.processor.complaints };
	struct dsrv_kept kept = { .file = l->writer.fd };
	int to_logger, started = -1;

	if (dsrv_descriptors_pipe(&kept.bell, &to_logger,
	    DSRV_READ_END | DSRV_WRITE_END) == -1)
		return -1;
	l->writer.bell = kept.bell;
	dsrv_loop_watch(&l->loop, LOG, kept.bell, POLLIN);
	if (dsrv_handover_keep(&l->handover, &kept) == 0) {
		l->handover.ends[DSRV_HANDOVER_FILE] = kept.file;
		l->handover.ends[DSRV_HANDOVER_BELL] = kept.bell;
		started = dsrv_reader_start(&l->loop, &l->handover, to_logger,
		    others, DSRV_COUNT(others));
	}
	close(to_logger);
	if (started == -1)
		close_bell(l);
	return started;
}

static void
fail_to_read(struct logger *l)
{
	l->read_at = dsrv_clock_now() + LOOK;
	dsrv_trouble_begin(&l->handover, DSRV_TROUBLE_READ,
	    l->writer.name.path);
}

/* The reader has died. After the end of the log no other is needed. */
static void
lose_reader(struct logger *l)
{
	close_bell(l);
	if (!dsrv_intake_is_over(&l->handover) && start_reader(l) == -1)
		fail_to_read(l);
}

static void
hear_bell(struct logger *l)
{
	char bytes[16];
	ssize_t n;

	do
		n = read(l->writer.bell, bytes, sizeof bytes);
	while (n == (ssize_t)sizeof bytes || (n == -1 && errno == EINTR));
	if (n == 0)
		lose_reader(l);
}

/*
 * Reading
 */

static int
take_lines(struct logger *l)
{
	l->last = dsrv_intake_take(&l->handover);
	dsrv_logturn_have_read(&l->writer.turn, l->last);
	return l->last != -1 || errno == EAGAIN || errno == EINTR ||
	    errno == ENOBUFS;
}

static void
receive(struct logger *l)
{
	if (take_lines(l))
		dsrv_trouble_end(&l->handover, DSRV_TROUBLE_READ);
	else
		fail_to_read(l);
	if (l->last == 0)
		l->writer.at_end = 1;
}

/* Whether to read on. */
static int
may_read(struct logger *l)
{
	if (l->read_at != 0 && dsrv_clock_now() >= l->read_at)
		l->read_at = 0;
	return !l->waiting && !l->writer.at_end && l->read_at == 0;
}

/* Says what to wait for next. */
static void
watch(struct logger *l)
{
	int64_t when = dsrv_clock_now() + LOOK;
	int reads = may_read(l);

	if (l->read_at != 0)
		when = dsrv_clock_earlier(when, l->read_at);
	if (l->handover.from_ring) {
		if (reads && dsrv_intake_has_more(&l->handover))
			when = 0;
	} else if (reads)
		dsrv_loop_resume(&l->loop, LOG);
	else
		dsrv_loop_pause(&l->loop, LOG);
	when = dsrv_clock_earlier(when, l->writer.lock.next);
	when = dsrv_clock_earlier(when,
	    dsrv_logturn_half_at(&l->half, &l->handover));
	if (!l->waiting)
		when = dsrv_clock_earlier(when,
		    dsrv_logturn_next(&l->writer.turn, &l->handover));
	if (l->waiting && l->writer.full_since != 0)
		dsrv_loop_watch(&l->loop, STREAM, l->writer.fd, POLLOUT);
	else
		dsrv_loop_forget(&l->loop, STREAM);
	dsrv_loop_set_timer(&l->loop, LOG, when);
}

static void
look_for_messages(struct logger *l)
{
	struct dsrv_logturn_now at = { .now = dsrv_clock_now(),
		.is_end = l->writer.at_end, .cannot_read = l->read_at != 0,
		.cannot_write = l->waiting };

	dsrv_logturn_look(&l->writer.turn, &l->handover, &at);
}

/* Writes what there is to the file. */
static void
handle(struct logger *l)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	dsrv_logline_stamp(&l->writer.stamp, &now);
	if (now.tv_sec != l->writer.looked)
		dsrv_logcurrent_look(&l->writer, now.tv_sec);
	look_for_messages(l);
	l->writer.turn.shows_half = dsrv_clock_now() >=
	    dsrv_logturn_half_at(&l->half, &l->handover);
	l->waiting = !dsrv_logwriter_write(&l->writer);
	dsrv_logprocess_look(&l->process, &l->writer);
	dsrv_logturn_look_for_half(&l->half, &l->handover, l->writer.puts,
	    l->waiting);
	watch(l);
}

/* Everything is written, and no reader is left. A processor may be. */
static int
is_over(const struct logger *l)
{
	return l->writer.at_end && !l->waiting && l->writer.bell == -1 &&
	    dsrv_loop_children(&l->loop) == (l->process.processor.pid != 0);
}

static void
hear(struct logger *l)
{
	if (l->loop.tag == PROCESSOR)
		dsrv_processor_hear(&l->process.processor);
	if (l->loop.tag != LOG)
		return;		/* the stream has room again */
	if (l->handover.from_ring)
		hear_bell(l);
	else {
		if (l->last <= FEW)
			dsrv_clock_doze(MOMENT);
		receive(l);
	}
}

static void
look_at_file(struct logger *l)
{
	if (!l->handover.from_ring)
		return;
	if (l->writer.bell == -1 && !dsrv_intake_is_over(&l->handover) &&
	    start_reader(l) == -1)
		fail_to_read(l);
	if (may_read(l))
		receive(l);
}

static void
look_at_all(struct logger *l)
{
	l->writer.looked = 0;
	dsrv_logprocess_try_again(&l->process);
}

/*
 * The stage: if the first logger cannot begin, the start fails; a later one
 * tries again, since other processes wait to write their lines
 */

/* The program may have set another path in the logger. */
static int
name_file(struct logger *l)
{
	(void)l;
	return dsrv_settings_complete();
}

static int
open_file(struct logger *l)
{
	return dsrv_logcurrent_open(&l->writer, &l->handover, time(NULL));
}

/* Takes over the text in hand from the last logger; with a reader, also what
 * that took from the ring. */
static int
open_intake(struct logger *l)
{
	int has_reader = l->writer.bell != -1;

	if (!has_reader && (dsrv_intake_recover(&l->handover) == -1 ||
	    !take_lines(l)))
		return -1;
	l->handover.from_ring = has_reader || dsrv_settings()->logger_drop;
	return l->handover.from_ring ? dsrv_intake_recover(&l->handover) : 0;
}

static int
leave_output(struct logger *l)
{
	(void)l;
	return dsrv_descriptors_null(STDOUT_FILENO, STDERR_FILENO);
}

static int
open_loop(struct logger *l)
{
	if (dsrv_loop_open(&l->loop, TAGS, DSRV_REAP_FORKED, NULL, NULL) == -1)
		return -1;
	dsrv_sigaction_ignore(SIGXFSZ);
	dsrv_logprocess_open(&l->process, &l->loop, PROCESSOR);
	dsrv_loop_watch(&l->loop, LOG, l->handover.from_ring ?
	    l->writer.bell : l->handover.ends[DSRV_HANDOVER_LOG], POLLIN);
	return 0;
}

static int
open_reader(struct logger *l)
{
	return l->handover.from_ring && l->writer.bell == -1 ?
	    start_reader(l) : 0;
}

static const struct step {
	const char *what;
	int (*take)(struct logger *);
} steps[] = {
	{ "name the log file", name_file },
	{ "open", open_file },
	{ "read the log", open_intake },
	{ "open /dev/null", leave_output },
	{ "log", open_loop },
	{ "start a reader of the log", open_reader }
};

static void
say_failure(const struct logger *l, const struct step *step, int error,
    const char *then)
{
	if (step->take == open_file)
		dsrv_report("open %s: %s%s",
		    dsrv_trouble_path(l->writer.name.path),
		    dsrv_logfile_why(error), then);
	else
		dsrv_report("%s: %s%s", step->what, strerror(error), then);
}

/* -1 with errno. */
static int
begin_step(struct logger *l, const struct step *step)
{
	int error;

	if (step->take(l) == 0)
		return 0;
	error = errno;
	say_failure(l, step, error, "");
	errno = error;
	return -1;
}

static int
begin_step_again(struct logger *l, const struct step *step)
{
	int tries = 0;

	while (step->take(l) == -1) {
		if (tries == 0)
			say_failure(l, step, errno, "; trying again");
		dsrv_clock_sleep(dsrv_backoff(++tries, AGAIN, LOOK));
	}
	return 0;
}

static int
open_logger(struct logger *l)
{
	int (*take_step)(struct logger *, const struct step *);
	int i, is_first;

	memset(l, 0, sizeof *l);
	l->handover = dsrv_role()->handover;
	l->writer.fd = l->writer.bell = -1;
	is_first = dsrv_journal_record(&l->handover)->kept == 0;
	take_step = is_first ? begin_step : begin_step_again;
	for (i = 0; i < DSRV_COUNT(steps); i++)
		if (take_step(l, &steps[i]) == -1)
			return -1;
	dsrv_report_to(DSRV_REPORT_SYSLOG);
	return dsrv_statuspipe_say(DSRV_STATUS_SUCCESS, 0) == -1 && is_first ?
	    -1 : 0;
}

/* Frees everything, for a program that continues. */
static void
close_logger(struct logger *l)
{
	dsrv_logprocess_close(&l->process);
	dsrv_loop_close(&l->loop);
	dsrv_role_leave(DSRV_TO_PARENT);
	l->handover.ends[DSRV_HANDOVER_FILE] = l->writer.fd;
	l->handover.ends[DSRV_HANDOVER_BELL] = l->writer.bell;
	dsrv_handover_close(&l->handover);
	dsrv_outbox_close();
}

static int
end_logger(int status, int error)
{
	dsrv_role_become(DSRV_OVER);
	return dsrv_report_end(status, error,
	    dsrv_settings()->logger_return_fatal);
}

static int
run_logger(void)
{
	struct logger l;

	if (open_logger(&l) == -1)
		return end_logger(1, errno);
	for (handle(&l); !is_over(&l); handle(&l))
		switch (dsrv_loop_next(&l.loop)) {
		case DSRV_EVENT_FD:
			hear(&l);
			break;
		case DSRV_EVENT_SIGNAL:
			if (l.loop.signo == SIGHUP)
				look_at_all(&l);
			break;
		case DSRV_EVENT_CHILD:
			dsrv_logprocess_lose(&l.process);
			break;
		case DSRV_EVENT_TIMER:
			look_at_file(&l);
			break;
		}
	dsrv_processor_end(&l.process.processor);
	/* Do not restore signals before exiting. */
	if (dsrv_settings()->logger_return_fatal != 0)
		close_logger(&l);
	return end_logger(0, 0);
}

int
daemon_logger(void)
{
	const struct dsrv_role *stage = dsrv_role();
	int error;

	if ((stage->kind == DSRV_STARTING || stage->kind == DSRV_CONFIRMED) &&
	    stage->pid == getpid())
		return 0;
	error = dsrv_role_enter(DSRV_LOGGER, "log");
	if (error != 0)
		return dsrv_report_end(1, error,
		    dsrv_settings()->logger_return_fatal);
	return run_logger();
}
