/*
 * starter.c - the process that waits for the verdict on a start
 *
 * It shows what the daemon prints until the start succeeds. If the start fails,
 * it ends all processes of the daemon and tells the shell why.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "start.h"

enum {
	LOOK = 20,	/* ms between two checks of what is left of a start */
	LAST_LOOK = 1000,	/* ms after SIGKILL, then a process is left */
	FAREWELL = 1000,	/* ms, for a leader that cannot be killed */
	PATIENCE = 1000	/* ms, with a reader that takes nothing */
};

/* Of the loop. */
enum { MASTER, DEADLINE, RELAYS, TAGS = RELAYS + DSRV_RELAY_TAGS };

struct starter {
	struct dsrv_loop loop;
	struct dsrv_relays relays;
	int from_master;	/* the status pipe */
	int lifeline;		/* the leader sees its end */
	pid_t leader;
	int adopting;		/* what adopting was before */
	enum { STARTING, SUCCEEDED, FAILED } state;
	int gone;		/* FAILED: no process of the start is left */
	int64_t start_by;	/* when success must have come */
	int64_t kill_at;
	int64_t leave_by;	/* SUCCEEDED: without the leader's end */
	int signo;		/* the signal that has interrupted the start */
	int timed_out;
	int in_a_hurry;		/* waits no longer for a reader */
	int told;		/* the daemon has said why */
	int explained;		/* FAILED: so has the starter */
	int status;		/* FAILED: the status that tells why, ... */
	int error;		/* ... and the error number */
	int leader_status;
};

static void
set_timer(struct starter *s, int64_t when)
{
	dsrv_loop_set_timer(&s->loop, DEADLINE, when);
}

static void
close_ends(struct starter *s)
{
	dsrv_descriptors_close(&s->from_master);
	dsrv_descriptors_close(&s->lifeline);
	dsrv_relays_close(&s->relays);
}

/*
 * The verdict
 */

/* How long to wait, after a failure, for a reader that takes nothing: not for
 * ever if the start's time is over, or a signal has ended it. */
static int64_t
show_until(const struct starter *s)
{
	int64_t from = dsrv_clock_now();

	if (s->in_a_hurry)
		return from + PATIENCE;
	if (s->start_by == DSRV_NEVER)
		return DSRV_NEVER;
	return (from > s->start_by ? from : s->start_by) + PATIENCE;
}

static void
tell_leader(const struct starter *s, enum dsrv_leader_word word)
{
	char byte = (char)word;
	ssize_t n = write(s->lifeline, &byte, 1);

	(void)n;	/* it may have ended */
}

/* The leader cannot be killed, and must not take our end for a failure. */
static void
part_from_leader(struct starter *s)
{
	tell_leader(s, DSRV_LEADER_GO);
	s->leave_by = dsrv_clock_now() + FAREWELL;
	set_timer(s, s->leave_by);
}

static void
succeed(struct starter *s)
{
	s->state = SUCCEEDED;
	dsrv_remains_leave();
	set_timer(s, DSRV_NEVER);
	/* Before the starter ends: the shell's next command must find the
	 * master with the parent that it will keep. */
	if (s->adopting == 0)
		dsrv_reap_adopting(0);
	if (dsrv_loop_has_child(&s->loop, s->leader)) {
		if (kill(s->leader, SIGKILL) == 0)
			dsrv_loop_wait(&s->loop, s->leader);
		else
			part_from_leader(s);
	}
	dsrv_relays_finish(&s->relays, &s->loop);
}

/* Signals the leader's session, or only the leader until that exists. Once all
 * are gone, that id may belong to strangers. */
static void
signal_daemon(struct starter *s, int signo)
{
	if (!dsrv_loop_has_child(&s->loop, s->leader)) {
		if (!dsrv_reap_group_gone(s->leader))
			kill(-s->leader, signo);
		dsrv_offspring_signal(&s->loop.reaper, s->leader, s->leader,
		    signo);
	} else if (kill(-s->leader, signo) == -1)
		kill(s->leader, signo);
}

static void
fail_start(struct starter *s)
{
	if (s->state != STARTING)
		return;
	s->state = FAILED;
	s->kill_at = dsrv_clock_now() + DSRV_START_GRACE;
	set_timer(s, dsrv_clock_now());
	signal_daemon(s, SIGTERM);
	if (!dsrv_loop_has_child(&s->loop, s->leader))
		return;
	/* The leader kills what is left, including what it adopts. */
	tell_leader(s, DSRV_LEADER_END);
	s->kill_at += LAST_LOOK;
}

static void
hear_master(struct starter *s)
{
	int number = 0;

	while (s->state == STARTING)
		switch (dsrv_statuspipe_hear(s->from_master, &number)) {
		case DSRV_STATUS_SUCCESS:
			succeed(s);
			break;
		case DSRV_STATUS_ENDED:
			/* It may still have to clean up: its end follows. */
			s->told = 1;
			s->status = number;
			break;
		case DSRV_STATUS_GONE:
			fail_start(s);
			break;
		default:
			return;
		}
	dsrv_loop_forget(&s->loop, MASTER);
}

static void
lose_leader(struct starter *s)
{
	s->leader_status = s->loop.ended.status;
	hear_master(s);	/* success may have been first */
	if (s->state == SUCCEEDED)
		return;
	if (s->status == 0)
		s->status = dsrv_report_status(s->loop.ended.status);
	fail_start(s);
	set_timer(s, dsrv_clock_now());
}

static void
interrupt(struct starter *s)
{
	if (s->loop.signo == SIGCHLD)
		return;
	s->in_a_hurry = 1;
	hear_master(s);
	if (s->state == STARTING)
		s->signo = s->loop.signo;
	else if (s->state == SUCCEEDED || s->gone)
		dsrv_relays_give_up(&s->relays);
	fail_start(s);
}

/* Ends what is left of a failed start. */
static void
clear_up(struct starter *s)
{
	int64_t now = dsrv_clock_now();

	set_timer(s, now + LOOK);
	if (!dsrv_loop_has_child(&s->loop, s->leader))
		s->gone = dsrv_reap_group_gone(s->leader) &&
		    dsrv_offspring_signal(&s->loop.reaper, s->leader, 0, 0)
		    <= 0;
	if (!s->gone && now >= s->kill_at) {
		s->gone = now >= s->kill_at + LAST_LOOK;
		signal_daemon(s, SIGKILL);
	}
	if (s->gone) {
		set_timer(s, show_until(s));
		dsrv_relays_finish(&s->relays, &s->loop);
	}
}

static void
handle_time(struct starter *s)
{
	hear_master(s);
	if (s->state == STARTING) {
		s->timed_out = s->in_a_hurry = 1;
		fail_start(s);
	}
	if (s->gone)
		dsrv_relays_give_up(&s->relays);
	else if (s->state == FAILED)
		clear_up(s);
}

static void
handle_fd(struct starter *s)
{
	if (s->loop.tag == MASTER)
		hear_master(s);
	else
		dsrv_relays_ready(&s->relays, &s->loop);
	if (s->gone)
		set_timer(s, show_until(s));
}

/* Stores a line that says why the start has failed; returns its length; 0:
 * there is nothing to say. */
static size_t
find_reason(struct starter *s, char *line)
{
	if (s->signo != 0) {
		s->status = 128 + s->signo;
		s->error = EINTR;
		return dsrv_report_line(line,
		    "start: interrupted by signal %d (%s)", s->signo,
		    strsignal(s->signo));
	}
	if (s->timed_out) {
		s->status = 1;
		s->error = ETIMEDOUT;
		return dsrv_report_line(line,
		    "start: no daemon_success() within %d s",
		    dsrv_settings()->start_timeout);
	}
	if (s->status == 0)
		s->status = 1;
	s->error = ECHILD;
	return s->told ? 0 : dsrv_report_line(line,
	    "start: the master %s before daemon_success()",
	    dsrv_report_how(s->leader_status));
}

/* Follows all that the daemon has said, with the same patience for a reader. */
static void
explain(struct starter *s)
{
	char line[DSRV_REPORT_MAX];
	size_t size = find_reason(s, line);

	s->explained = 1;
	set_timer(s, show_until(s));
	if (size > 0)
		dsrv_relays_say(&s->relays, &s->loop, line, size);
}

static int
has_leader(const struct starter *s)
{
	return dsrv_loop_has_child(&s->loop, s->leader) &&
	    dsrv_clock_now() < s->leave_by;
}

/* Whether everything has been shown. */
static int
is_over(struct starter *s)
{
	if ((s->state != SUCCEEDED && !s->gone) ||
	    !dsrv_relays_over(&s->relays) ||
	    (s->state == SUCCEEDED && has_leader(s)))
		return 0;
	if (s->state == FAILED && !s->explained)
		explain(s);
	return dsrv_relays_over(&s->relays);
}

static void
close_starter(struct starter *s)
{
	dsrv_loop_close(&s->loop);
	if (s->adopting == 0)
		dsrv_reap_adopting(0);
	close_ends(s);
}

static int
finish_start(struct starter *s)
{
	int fatal = dsrv_settings()->start_return_fatal;

	dsrv_remains_remove();	/* after a success they are the master's */
	/* Now no signal may change the status any more. */
	if (s->state == FAILED || fatal != 0)
		close_starter(s);
	if (s->signo != 0 && fatal == 0)
		dsrv_sigaction_die_of(s->signo);
	dsrv_role_become(DSRV_OVER);
	return dsrv_report_end(s->status, s->error, fatal);
}

static int
wait_for_verdict(struct starter *s)
{
	for (;;) {
		switch (dsrv_loop_next(&s->loop)) {
		case DSRV_EVENT_FD:
			handle_fd(s);
			break;
		case DSRV_EVENT_SIGNAL:
			interrupt(s);
			break;
		case DSRV_EVENT_CHILD:
			lose_leader(s);
			break;
		case DSRV_EVENT_TIMER:
			handle_time(s);
			break;
		}
		if (is_over(s))
			return finish_start(s);
	}
}

/*
 * Setting up
 */

/* The daemon's ends are the caller's to close, even after -1 with errno. */
static int
open_pipes(struct starter *s, struct dsrv_ends *daemons)
{
	s->from_master = s->lifeline = -1;
	daemons->to_starter = daemons->from_starter = -1;
	if (dsrv_relays_open(&s->relays, &daemons->to_stdout,
	    &daemons->to_stderr) == -1)
		return -1;
	if (dsrv_statuspipe_open(&s->from_master, &daemons->to_starter) == -1)
		return -1;
	return dsrv_descriptors_pipe(&daemons->from_starter, &s->lifeline,
	    DSRV_READ_END);
}

static int
open_starter(struct starter *s, struct dsrv_ends *daemons)
{
	int error;
	sigset_t untouched;

	memset(s, 0, sizeof *s);
	dsrv_sigaction_ignored(&untouched);	/* by nohup(1), or in a script's & */
	if (open_pipes(s, daemons) == -1 || dsrv_loop_open(&s->loop, TAGS,
	    DSRV_REAP_FORKED, NULL, &untouched) == -1) {
		error = errno;
		close_ends(s);
		errno = error;
		return -1;
	}
	s->adopting = dsrv_reap_adopting(1);
	return 0;
}

static void
watch(struct starter *s)
{
	int seconds = dsrv_settings()->start_timeout;

	dsrv_loop_watch(&s->loop, MASTER, s->from_master, POLLIN);
	dsrv_relays_watch(&s->relays, &s->loop, RELAYS);
	s->start_by = seconds == 0 ? DSRV_NEVER :
	    dsrv_clock_now() + (int64_t)seconds * 1000;
	set_timer(s, s->start_by);
}

/* s is NULL if it is not open, what if the error was reported. */
static int
refuse(struct starter *s, struct dsrv_ends *daemons, const char *what)
{
	int error = errno;

	if (what != NULL)
		dsrv_report("%s: %s", what, strerror(error));
	dsrv_remains_remove();
	dsrv_starter_close(daemons);
	if (s != NULL)
		close_starter(s);
	return dsrv_report_end(1, error, dsrv_settings()->start_return_fatal);
}

int
dsrv_starter_run(struct dsrv_ends *daemons)
{
	struct starter s;

	if ((daemons->null = dsrv_descriptors_first_null()) == -1)
		return refuse(NULL, daemons, "open /dev/null");
	if (open_starter(&s, daemons) == -1)
		return refuse(NULL, daemons, "prepare the starter");
	/* From here on no signal ends this process before it has cleared up. */
	if (dsrv_remains_open() == -1)
		return refuse(&s, daemons, NULL);
	if ((s.leader = dsrv_loop_fork(&s.loop)) == -1)
		return refuse(&s, daemons, "fork the leader");
	if (s.leader == 0) {
		close_ends(&s);
		return 0;
	}
	dsrv_starter_close(daemons);
	watch(&s);
	return wait_for_verdict(&s);
}

void
dsrv_starter_close(struct dsrv_ends *daemons)
{
	dsrv_descriptors_close(&daemons->null);
	dsrv_descriptors_close(&daemons->to_starter);
	dsrv_descriptors_close(&daemons->from_starter);
	dsrv_descriptors_close(&daemons->to_stdout);
	dsrv_descriptors_close(&daemons->to_stderr);
}
