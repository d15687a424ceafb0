/*
 * keeplog.c - the master's side of the log: keep a logger alive
 *
 * The master keeps the log pipe, so that the death of a logger loses no line.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "supervise.h"

enum { FIRST_PAUSE = 100, LONGEST_PAUSE = 10000 };	/* ms */

/*
 * Opening, and in a child
 */

int
dsrv_keeplog_open(struct dsrv_keeplog *k)
{
	int to_logger;

	memset(k, 0, sizeof *k);
	if (!dsrv_settings()->logger_enabled)
		return 0;
	tzset();	/* after a chroot(2) the zone could not be read */
	if (dsrv_settings_complete() == -1 || dsrv_outbox_open() == -1)
		return -1;
	if (dsrv_handover_open(&k->handover, &to_logger) == -1) {
		dsrv_outbox_close();
		return -1;
	}
	dsrv_role_hold(DSRV_TO_LOGGER, to_logger);
	return 0;
}

void
dsrv_keeplog_close(struct dsrv_keeplog *k)
{
	dsrv_role_leave(DSRV_TO_LOGGER);
	if (dsrv_settings()->logger_enabled)
		dsrv_handover_close(&k->handover);
	dsrv_outbox_close();
}

void
dsrv_keeplog_become_server(struct dsrv_keeplog *k, enum dsrv_outbox_role own)
{
	if (dsrv_settings()->logger_enabled)
		dsrv_handover_close(&k->handover);
	dsrv_outbox_become(own);
}

void
dsrv_keeplog_become_logger(struct dsrv_keeplog *k)
{
	dsrv_role_leave(DSRV_TO_LOGGER);
	if (k->opened) {	/* 1 and 2 are the log: it would wait for itself */
		dsrv_report_to(DSRV_REPORT_SYSLOG);
		if (dsrv_descriptors_null(STDOUT_FILENO, STDERR_FILENO) == -1)
			dsrv_report_die("become a logger");
	}
	dsrv_handover_inherit(&k->handover);
	dsrv_outbox_become(DSRV_OUTBOX_READER);
	dsrv_role_give_handover(&k->handover);
	dsrv_role_become(DSRV_LOGGER);
}

void
dsrv_keeplog_wake(const struct dsrv_keeplog *k)
{
	if (k->logger.pid != 0 && dsrv_outbox_is_waiting())
		kill(k->logger.pid, SIGCHLD);
}

/*
 * The logger's words and end
 */

int
dsrv_keeplog_hear(struct dsrv_keeplog *k)
{
	int number, first = 0;
	enum dsrv_status_word word = dsrv_statuspipe_hear(k->logger.from_child,
	    &number);

	if (word == DSRV_STATUS_SUCCESS) {
		dsrv_handover_release(&k->handover);
		first = !k->opened;
		k->opened = 1;
	}
	if (word == DSRV_STATUS_GONE) {
		dsrv_loop_forget(k->logger.loop, k->logger.tag);
		/* The logger is ending, or can no longer say that it has its
		 * file. */
		if (!k->opened && k->logger.pid != 0)
			kill(k->logger.pid, SIGKILL);
	}
	return first;
}

/* While the daemon is stopping, a new logger starts unless this one wrote
 * everything: a writer would block for ever without a reader. */
static enum dsrv_keeplog_end
lose_late(struct dsrv_keeplog *k, int status)
{
	if (k->left && status == 0)
		return DSRV_KEEPLOG_DONE;
	dsrv_supervise_again(&k->logger, dsrv_clock_now() + dsrv_backoff(
	    ++k->history.fast_ends, FIRST_PAUSE, LONGEST_PAUSE));
	return DSRV_KEEPLOG_AGAIN;
}

static enum dsrv_keeplog_end
judge(struct dsrv_keeplog *k, int status)
{
	int64_t now = dsrv_clock_now();
	struct dsrv_verdict verdict = dsrv_restart_judge_logger(
	    &k->history, now - k->logger.born);

	if (!verdict.again) {
		dsrv_report("go on: the logger %s, more often than allowed",
		    dsrv_report_how(status));
		lose_late(k, status);
		return DSRV_KEEPLOG_TOO_OFTEN;
	}
	dsrv_supervise_again(&k->logger, now + verdict.pause);
	dsrv_report("keep the logger: it %s; another follows",
	    dsrv_report_how(status));
	return DSRV_KEEPLOG_AGAIN;
}

enum dsrv_keeplog_end
dsrv_keeplog_lose(struct dsrv_keeplog *k, int status, int is_ending)
{
	dsrv_supervise_lose(&k->logger);
	dsrv_keeplog_hear(k);
	dsrv_loop_forget(k->logger.loop, k->logger.tag);
	dsrv_supervise_close(&k->logger);
	dsrv_handover_collect(&k->handover);
	if (k->opened)
		return is_ending ? lose_late(k, status) : judge(k, status);
	if (!is_ending)
		dsrv_report("start: the logger %s before its file was open",
		    dsrv_report_how(status));
	return DSRV_KEEPLOG_FAILED;
}

/*
 * The end: a logger ends when no process has the log pipe open any more
 */

int
dsrv_keeplog_is_done(const struct dsrv_keeplog *k)
{
	return k->logger.pid == 0 && (!k->opened || k->done);
}

void
dsrv_keeplog_leave(struct dsrv_keeplog *k, int confirmed)
{
	if (dsrv_keeplog_is_done(k))
		return;
	k->left = 1;
	dsrv_report_flush(1);
	dsrv_role_leave(DSRV_TO_LOGGER);
	if (confirmed) {
		dsrv_descriptors_null(dsrv_settings()->foreground ?
		    STDERR_FILENO : STDOUT_FILENO, STDERR_FILENO);
		dsrv_report_to(DSRV_REPORT_SYSLOG);
	}
	if (k->logger.pid == 0)
		dsrv_supervise_again(&k->logger, dsrv_clock_now());
	else
		kill(k->logger.pid, SIGCONT);
}

/* The messages of the master and the server must not be lost. */
static void
say_what_is_left(void)
{
	char line[DSRV_OUTBOX_LINE_MAX + 1];
	int writer;

	for (writer = 0; writer < DSRV_OUTBOX_WRITERS; writer++)
		while (dsrv_outbox_take_back((enum dsrv_outbox_role)writer,
		    line))
			dsrv_report_again(line);
}

/* The logger has not written everything, or a process still holds the log
 * pipe. */
void
dsrv_keeplog_silence(struct dsrv_keeplog *k, int64_t ms)
{
	long lost = dsrv_handover_lost(&k->handover);

	k->done = 1;
	dsrv_supervise_again(&k->logger, DSRV_NEVER);
	dsrv_report("have the last lines written within %lld s",
	    (long long)ms / 1000);
	if (lost > 0)
		dsrv_report("keep all lines: %ld lines are lost", lost);
	if (k->logger.pid != 0)
		kill(k->logger.pid, SIGKILL);
	say_what_is_left();
}
