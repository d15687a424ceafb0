/*
 * logger.c - daemon_logger(): from the log pipe to the log file
 *
 *     logger
 *     loops here, to the end of its input
 *
 * What it has in hand lies in the airlock, so that nothing is lost or doubled
 * when it dies. A server passes by.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

enum {
	LOOK = 1000,	/* ms, between two looks at the file */
	/* Lines that come one by one are waited for, so that one wake-up does
	 * for many; so long, after a read of no more than so many bytes. */
	MOMENT = 400,	/* us */
	FEW = 16 * 1024
};

static const char *const verbs[] = {
	[DSRV_AIRLOCK_READ] = "read lines for",
	[DSRV_AIRLOCK_WRITE] = "write",
	[DSRV_AIRLOCK_OPEN] = "open",
	[DSRV_AIRLOCK_RENAME] = "rename"
};

struct logger {
	struct dsrv_loop loop;
	const struct dsrv_airlock *airlock;
	struct dsrv_stamp stamp;
	char path[DSRV_PATH_MAX];	/* what the file's name should be */
	int fd;
	int ended;		/* it does not end in somebody else's line */
	int linked;		/* the link leads to it */
	int log_place;
	time_t looked;		/* at the file, in this second; 0: do */
	time_t stuck;		/* in this second it could not be rotated */
	int waiting;		/* what is in hand cannot be written now */
	int deaf;		/* until the next look: it cannot be read */
	int at_end;		/* nothing more will come */
	ssize_t last;		/* so many bytes came */
};

static const struct dsrv_airlock_state *
state(const struct logger *l)
{
	return dsrv_airlock_state(l->airlock);
}

/*
 * Trouble: one line to syslog(3) when it begins, one in the log when it is
 * over, and each second another try
 */

/* Keeps errno. */
static void
fail(const struct logger *l, enum dsrv_airlock_verb verb)
{
	struct dsrv_airlock_state changed = *state(l);
	struct dsrv_airlock_trouble *trouble = &changed.troubles[verb];
	int error = errno;

	if (trouble->error == 0) {
		dsrv_report("%s %s: %s; trying again", verbs[verb], l->path,
		    dsrv_logfile_why(error));
		trouble->error = error;
		trouble->since = dsrv_loop_now();
	}
	trouble->until = 0;
	dsrv_airlock_set_state(l->airlock, &changed);
	errno = error;
}

static void
succeed(const struct logger *l, enum dsrv_airlock_verb verb)
{
	struct dsrv_airlock_state changed = *state(l);
	struct dsrv_airlock_trouble *trouble = &changed.troubles[verb];

	if (trouble->error == 0 || trouble->until != 0)
		return;
	trouble->until = dsrv_loop_now();
	dsrv_airlock_set_state(l->airlock, &changed);
}

static void
tell_trouble(const struct logger *l, enum dsrv_airlock_verb verb,
    struct dsrv_logline *lines, struct dsrv_airlock_trouble *trouble)
{
	char line[DSRV_REPORT_MAX];
	size_t length;

	if (trouble->until == 0)
		return;
	length = dsrv_report_line(line, "%s %s for %lld s: %s", verbs[verb],
	    l->path, (long long)(trouble->until - trouble->since + 500) / 1000,
	    dsrv_logfile_why(trouble->error));
	dsrv_logline_say(lines, &l->stamp, line, length);
	memset(trouble, 0, sizeof *trouble);
}

/* What is over, and said no more then. Not in the middle of a line, unless
 * the rest of it is lost. */
static void
tell_troubles(const struct logger *l, struct dsrv_logline *lines,
    struct dsrv_airlock_state *after)
{
	char line[DSRV_REPORT_MAX];
	size_t length;
	int verb;

	if (lines->midline && after->lost == 0)
		return;
	for (verb = 0; verb < DSRV_AIRLOCK_VERBS; verb++)
		tell_trouble(l, (enum dsrv_airlock_verb)verb, lines,
		    &after->troubles[verb]);
	if (after->lost > 0) {
		length = dsrv_report_line(line,
		    "keep all lines: %ld lines are lost", after->lost);
		dsrv_logline_say(lines, &l->stamp, line, length);
		after->lost = 0;
	}
}

/*
 * The file
 */

static void
link_file(struct logger *l)
{
	int was_linked = l->linked;

	l->linked = dsrv_logfile_link(l->path) == 0;
	if (was_linked && !l->linked)
		dsrv_report("link %s to %s: %s; trying again",
		    dsrv_settings()->logger_link, l->path, strerror(errno));
}

/* A line whose beginning is in a file that is no more begins anew. */
static void
forget_beginning(const struct logger *l)
{
	struct dsrv_airlock_state changed = *state(l);

	/* What is pending begins in the new file with a whole line. */
	if (changed.midline && !dsrv_airlock_pending(l->airlock)) {
		changed.midline = 0;
		dsrv_airlock_set_state(l->airlock, &changed);
	}
}

/* Makes what is at l->path the file; -1 with errno: it stays the old one. */
static int
change_file(struct logger *l, time_t now)
{
	int error, fd = dsrv_logfile_open(l->path, now);

	if (fd == -1)
		return -1;
	if (dsrv_airlock_keep(l->airlock, fd, l->fd) == -1) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	if (l->fd != -1)
		close(l->fd);
	l->fd = fd;
	l->ended = 0;
	forget_beginning(l);
	succeed(l, DSRV_AIRLOCK_RENAME);	/* whatever was too large */
	link_file(l);
	dsrv_logfile_prune(l->path);
	return 0;
}

/* Ends what has begun: a line that somebody else has left in the file without
 * an end, and the write that is under way. */
static int
finish(struct logger *l)
{
	if (!l->ended)
		l->ended = dsrv_logfile_end_line(l->fd) == 0;
	if (!l->ended || (dsrv_airlock_pending(l->airlock) &&
	    dsrv_airlock_resume(l->airlock, l->fd) == -1)) {
		fail(l, DSRV_AIRLOCK_WRITE);
		return -1;
	}
	succeed(l, DSRV_AIRLOCK_WRITE);
	return 0;
}

/* What has begun in a file ends in it, unless nobody will find it there, or
 * it cannot be written: then a torn line begins anew. */
static int
may_leave_file(struct logger *l)
{
	struct stat file;

	if (fstat(l->fd, &file) == 0 && file.st_nlink == 0)
		return 1;
	return finish(l) == -1 || !state(l)->midline;
}

/* Whether the file is still the one that its name says, and says the time. */
static void
look(struct logger *l, time_t now)
{
	char path[DSRV_PATH_MAX];
	int differs;

	l->looked = now;
	if (dsrv_logfile_name(path, now) == -1) {
		fail(l, DSRV_AIRLOCK_OPEN);
		return;
	}
	differs = dsrv_logfile_differs(path, l->fd);
	if (differs && !may_leave_file(l))
		return;
	strcpy(l->path, path);
	if (differs && change_file(l, now) == -1) {
		fail(l, DSRV_AIRLOCK_OPEN);
		return;
	}
	succeed(l, DSRV_AIRLOCK_OPEN);
	if (!l->linked)
		link_file(l);
}

static int
is_limited(const struct logger *l)
{
	return dsrv_settings()->logger_size_max > 0 &&
	    l->stuck != l->stamp.second;
}

/* Whether there would be more in the file than may be. */
static int
is_full(const struct logger *l, off_t size, size_t more)
{
	return is_limited(l) && size > 0 && !state(l)->midline &&
	    (uintmax_t)size + more > dsrv_settings()->logger_size_max;
}

/* How much may be written to a file of this size. */
static size_t
room(const struct logger *l, off_t size)
{
	size_t most = dsrv_settings()->logger_size_max;

	if (!is_limited(l))
		return DSRV_AIRLOCK_OUT;
	return (uintmax_t)size < most ? most - (size_t)size : 0;
}

/* A new file, or for this second no more thought of one. */
static void
rotate(struct logger *l)
{
	/* Has it been renamed, or is its time over, look() will see to it. */
	if (dsrv_logfile_differs(l->path, l->fd))
		l->stuck = l->stamp.second;
	else if (dsrv_logfile_rotate(l->path) == -1) {
		fail(l, DSRV_AIRLOCK_RENAME);
		l->stuck = l->stamp.second;
	} else if (change_file(l, l->looked) == -1) {
		fail(l, DSRV_AIRLOCK_OPEN);
		l->stuck = l->stamp.second;
	}
}

/* Whether there is a file that will be found; file: what it is now. */
static int
find_file(struct logger *l, struct stat *file)
{
	if (fstat(l->fd, file) == 0 && file->st_nlink > 0)
		return 1;
	look(l, l->stamp.second);
	return fstat(l->fd, file) == 0 && file->st_nlink > 0;
}

/*
 * The lines
 */

static void
compose(const struct logger *l, off_t size, struct dsrv_airlock_put *put)
{
	struct dsrv_airlock_text text = dsrv_airlock_text(l->airlock);
	struct dsrv_logline lines;

	put->state = *state(l);
	memset(&lines, 0, sizeof lines);
	lines.in = text.start;
	lines.in_size = text.size;
	lines.out = dsrv_airlock_out(l->airlock);
	lines.out_size = DSRV_AIRLOCK_OUT;
	lines.limit = room(l, size);
	lines.last = l->at_end;
	lines.midline = put->state.midline;
	tell_troubles(l, &lines, &put->state);
	dsrv_logline_compose(&lines, &l->stamp);
	put->used = lines.used;
	put->count = lines.count;
	put->state.midline = lines.midline;
}

/* Whether all that can be in the file is there. */
static int
write_lines(struct logger *l)
{
	struct dsrv_airlock_put put;
	struct stat file;

	while (find_file(l, &file)) {
		if (!l->ended || dsrv_airlock_pending(l->airlock)) {
			if (finish(l) == -1)
				return 0;
			continue;
		}
		compose(l, file.st_size, &put);
		if (put.count == 0)
			return 1;
		if (is_full(l, file.st_size, put.count)) {
			rotate(l);
			continue;
		}
		if (dsrv_airlock_put(l->airlock, l->fd, file.st_size,
		    &put) == -1) {
			fail(l, DSRV_AIRLOCK_WRITE);
			return 0;
		}
	}
	return 0;
}

/* Reads on, though it cannot be written, and forgets lines for new ones. */
static void
drop_lines(struct logger *l)
{
	struct dsrv_airlock_text text = dsrv_airlock_text(l->airlock);
	struct dsrv_airlock_state after = *state(l);
	const char *end, *next = text.start;
	size_t left = text.size;

	while (left > 0 && (end = memchr(next, '\n', left)) != NULL) {
		left -= (size_t)(end + 1 - next);
		next = end + 1;
		after.lost++;
		after.skipping = 0;
	}
	if (left == text.size) {	/* a line that is too long to be kept */
		left = 0;
		after.skipping = 1;
	}
	dsrv_airlock_drop(l->airlock, text.size - left, &after);
}

/* The rest of a line whose beginning is lost is lost too. */
static void
skip_rest(struct logger *l)
{
	struct dsrv_airlock_text text = dsrv_airlock_text(l->airlock);
	struct dsrv_airlock_state after = *state(l);
	const char *end = memchr(text.start, '\n', text.size);

	if (end != NULL || l->at_end) {
		after.skipping = 0;
		after.lost++;
	}
	dsrv_airlock_drop(l->airlock,
	    end != NULL ? (size_t)(end + 1 - text.start) : text.size, &after);
}

/* Brings into the file what there is, and says whether to read on. */
static void
handle(struct logger *l)
{
	int drops = dsrv_settings()->logger_drop;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	dsrv_logline_stamp(&l->stamp, &now);
	if (now.tv_sec != l->looked)
		look(l, now.tv_sec);
	if (state(l)->skipping)
		skip_rest(l);
	l->waiting = !write_lines(l);
	if (l->waiting && drops &&
	    dsrv_airlock_text(l->airlock).size > DSRV_AIRLOCK_RAW / 2)
		drop_lines(l);
	if (l->deaf || (l->waiting && !drops))
		dsrv_loop_pause(&l->loop, l->log_place);
	else
		dsrv_loop_resume(&l->loop, l->log_place);
}

/* Whether the log could be read, though nothing may be there now. */
static int
take(struct logger *l)
{
	l->last = dsrv_airlock_take(l->airlock);
	return l->last != -1 || errno == EAGAIN || errno == EINTR ||
	    errno == ENOBUFS;
}

static void
receive(struct logger *l)
{
	if (l->last <= FEW)
		dsrv_loop_doze(MOMENT);
	l->deaf = !take(l);
	if (l->deaf)
		fail(l, DSRV_AIRLOCK_READ);
	else
		succeed(l, DSRV_AIRLOCK_READ);
	if (l->last == 0) {
		l->at_end = 1;
		dsrv_loop_forget(&l->loop, l->log_place);
	}
}

/*
 * The stage
 */

/* The first file, or that of the logger before. */
static int
open_file(struct logger *l)
{
	time_t now = time(NULL);

	/* The program may have set another here. */
	if (dsrv_settings_complete() == -1 ||
	    dsrv_logfile_name(l->path, now) == -1) {
		dsrv_report("name the log file: %s", strerror(errno));
		return -1;
	}
	if ((l->fd = dsrv_airlock_recover(l->airlock)) != -1) {
		l->ended = state(l)->midline || dsrv_airlock_pending(
		    l->airlock);
		/* The one before may have died before it came to this. */
		if (!dsrv_logfile_differs(l->path, l->fd)) {
			link_file(l);
			dsrv_logfile_prune(l->path);
		}
		return 0;
	}
	if (errno != ENOENT)
		dsrv_report("take over the log file: %s", strerror(errno));
	else if (change_file(l, now) == -1)
		dsrv_report("open %s: %s", l->path, dsrv_logfile_why(errno));
	else
		return 0;
	return -1;
}

static int
open_logger(struct logger *l)
{
	memset(l, 0, sizeof *l);
	l->linked = 1;
	l->airlock = &dsrv_stage()->airlock;
	if (open_file(l) == -1)
		return -1;
	/* Where splice(2) is not allowed there would never be a line. */
	if (!take(l)) {
		dsrv_report("read the log: %s", strerror(errno));
		return -1;
	}
	if (dsrv_loop_open(&l->loop, 1, DSRV_REAP_FORKED, NULL, NULL) == -1 ||
	    dsrv_descriptors_null(STDOUT_FILENO, STDERR_FILENO) == -1) {
		dsrv_report("log: %s", strerror(errno));
		return -1;
	}
	dsrv_catch_ignore(SIGXFSZ);
	l->log_place = dsrv_loop_watch(&l->loop,
	    l->airlock->ends[DSRV_AIRLOCK_LOG], POLLIN);
	dsrv_report_to(DSRV_REPORT_SYSLOG);
	dsrv_ready_say(DSRV_READY_SUCCESS, 0);
	dsrv_stage_disconnect();
	return 0;
}

/* Gives all back, for a program that goes on. */
static void
close_logger(struct logger *l)
{
	struct dsrv_airlock airlock = *l->airlock;

	dsrv_loop_close(&l->loop);
	airlock.file = l->fd;
	dsrv_airlock_close(&airlock);
}

static int
end(int status, int error)
{
	dsrv_stage_become(DSRV_OVER);
	return dsrv_report_end(status, error,
	    dsrv_settings()->logger_return_fatal);
}

static int
run(void)
{
	struct logger l;

	if (open_logger(&l) == -1)
		return end(1, errno);
	for (;;) {
		handle(&l);
		if (l.at_end && !l.waiting)
			break;
		l.loop.deadline = dsrv_loop_now() + LOOK;
		switch (dsrv_loop_next(&l.loop)) {
		case DSRV_EVENT_READY:
			receive(&l);
			break;
		case DSRV_EVENT_SIGNAL:
			if (l.loop.signo == SIGHUP)
				l.looked = 0;
			break;
		case DSRV_EVENT_TICK:
			l.deaf = 0;
			break;
		case DSRV_EVENT_CHILD:
			break;
		}
	}
	/* Who ends needs nothing back. */
	if (dsrv_settings()->logger_return_fatal != 0)
		close_logger(&l);
	return end(0, 0);
}

int
daemon_logger(void)
{
	const struct dsrv_stage *stage = dsrv_stage();
	int error;

	if ((stage->kind == DSRV_STARTING || stage->kind == DSRV_CONFIRMED) &&
	    stage->pid == getpid())
		return 0;
	error = dsrv_stage_enter(DSRV_LOGGER, "log");
	if (error != 0)
		return dsrv_report_end(1, error,
		    dsrv_settings()->logger_return_fatal);
	return run();
}
