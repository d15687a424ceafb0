/*
 * startup.c - daemon_start(): the starter waits, the master goes on
 *
 *     shell -- starter ---- leader -- master
 *              loops here             returns
 *
 * The starter shows what the daemon prints until it hears of success; or it
 * ends all of it and tells the shell that there is no daemon.
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
	LOOK = 20,	/* ms between two looks at what is left of a start */
	LAST_LOOK = 1000	/* ms after SIGKILL: it will stay */
};

struct starter {
	struct dsrv_loop loop;
	struct dsrv_relay relays[2];	/* of stdout and stderr, or of both */
	int to_relay[2];		/* the daemon's ends */
	int relay_count;
	int from_master;	/* the ready pipe */
	int to_starter;
	int master_place;
	int lifeline;		/* the leader sees it close */
	int from_starter;	/* ... here */
	pid_t leader;
	int adopting;		/* what it was before */
	enum { STARTING, SUCCEEDED, FAILED } state;
	int gone;		/* FAILED: no process is left */
	int64_t kill_at;
	int signo;		/* that has interrupted the start */
	int timed_out;
	int told;		/* the daemon itself has said why */
	int status;		/* FAILED: the status that tells why */
	int leader_status;
};

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

static void
close_starters_ends(struct starter *s)
{
	shut(&s->from_master);
	shut(&s->lifeline);
	dsrv_relay_close(&s->relays[0]);
	dsrv_relay_close(&s->relays[1]);
}

static void
close_daemons_ends(struct starter *s)
{
	shut(&s->to_starter);
	shut(&s->from_starter);
	shut(&s->to_relay[0]);
	shut(&s->to_relay[1]);
}

/*
 * The master
 */

/* In the leader; returns in the master. */
static void
become_master(struct starter *s)
{
	int ours[] = { s->to_starter, s->to_relay[0], s->to_relay[1] };
	const char *directory = dsrv_settings()->working_directory;
	sigset_t none;

	close_starters_ends(s);
	dsrv_leader_become(s->from_starter, ours, DSRV_COUNT(ours));
	s->from_starter = -1;

	if (dsrv_descriptors_null(STDIN_FILENO, STDIN_FILENO) == -1)
		dsrv_report_die("open /dev/null");
	dup2(s->to_relay[0], STDOUT_FILENO);
	dup2(s->to_relay[s->relay_count - 1], STDERR_FILENO);
	dsrv_stage_connect(s->to_starter);
	s->to_starter = -1;
	close_daemons_ends(s);
	if (dsrv_descriptors_renew(STDIN_FILENO) == -1 ||
	    dsrv_descriptors_renew(STDOUT_FILENO) == -1)
		dsrv_report_die("renew stdin and stdout");
	sigemptyset(&none);
	dsrv_catch_reset(&none);
	dsrv_stage_become(DSRV_MASTER);
	dsrv_stage_guard();
	if (directory != NULL && chdir(directory) == -1) {
		dsrv_report("change to directory %s: %s", directory,
		    strerror(errno));
		dsrv_report_exit(1);
	}
}

static void
stay_in_foreground(void)
{
	sigset_t untouched;

	dsrv_catch_ignored(&untouched);
	if (sigismember(&untouched, SIGHUP))
		dsrv_stage_keep_hup_ignored();
	sigemptyset(&untouched);
	sigaddset(&untouched, SIGHUP);
	dsrv_catch_reset(&untouched);
	dsrv_stage_become(DSRV_MASTER);
	dsrv_stage_guard();
}

/*
 * The starter
 */

static void
show_the_rest(struct starter *s)
{
	int i;

	for (i = 0; i < s->relay_count; i++)
		dsrv_relay_finish(&s->relays[i], &s->loop);
}

static int
all_shown(const struct starter *s)
{
	return s->relays[0].over && s->relays[s->relay_count - 1].over;
}

static void
succeed(struct starter *s)
{
	s->state = SUCCEEDED;
	s->loop.deadline = DSRV_NEVER;
	/* Before the starter ends: whoever looks at the daemon then finds
	 * the master where it will stay. */
	if (s->adopting == 0)
		dsrv_loop_adopting(0);
	if (dsrv_loop_has_child(&s->loop, s->leader)) {
		kill(s->leader, SIGKILL);
		dsrv_loop_wait(&s->loop, s->leader);
	}
	show_the_rest(s);
}

/* To the leader's session; before it has made one it is alone. Whatever
 * has that number once they have all gone is nobody of ours. */
static void
signal_daemon(struct starter *s, int signo)
{
	if (!dsrv_loop_has_child(&s->loop, s->leader)) {
		if (!dsrv_loop_group_gone(s->leader))
			kill(-s->leader, signo);
	} else if (kill(-s->leader, signo) == -1)
		kill(s->leader, signo);
}

static void
fail(struct starter *s)
{
	if (s->state != STARTING)
		return;
	s->state = FAILED;
	s->kill_at = dsrv_loop_now() + DSRV_START_GRACE;
	s->loop.deadline = dsrv_loop_now();
	signal_daemon(s, SIGTERM);
}

static void
hear(struct starter *s)
{
	int number = 0;

	while (s->state == STARTING)
		switch (dsrv_ready_hear(s->from_master, &number)) {
		case DSRV_READY_SUCCESS:
			succeed(s);
			break;
		case DSRV_READY_ENDED:
			/* It may still have to clear up: its end follows. */
			s->told = 1;
			s->status = number;
			break;
		case DSRV_READY_GONE:
			fail(s);
			break;
		default:
			return;
		}
	dsrv_loop_forget(&s->loop, s->master_place);
}

static void
lose_leader(struct starter *s)
{
	s->leader_status = s->loop.status;
	hear(s);	/* success may have come first */
	if (s->state == SUCCEEDED)
		return;
	if (s->status == 0)
		s->status = dsrv_report_status(s->loop.status);
	fail(s);
	s->loop.deadline = dsrv_loop_now();
}

static void
interrupt(struct starter *s)
{
	if (s->loop.signo == SIGCHLD)
		return;
	hear(s);
	if (s->state == STARTING)
		s->signo = s->loop.signo;
	else if (s->state == SUCCEEDED || s->gone)
		/* Nobody reads what is left to show. */
		s->relays[0].over = s->relays[1].over = 1;
	fail(s);
}

/* Ends what is left of a failed start. */
static void
clear_up(struct starter *s)
{
	int64_t now = dsrv_loop_now();

	s->loop.deadline = now + LOOK;
	if (!dsrv_loop_has_child(&s->loop, s->leader))
		s->gone = dsrv_loop_group_gone(s->leader);
	if (!s->gone && now >= s->kill_at) {
		s->gone = now >= s->kill_at + LAST_LOOK;
		signal_daemon(s, SIGKILL);
	}
	if (s->gone) {
		s->loop.deadline = DSRV_NEVER;
		show_the_rest(s);
	}
}

static void
tick(struct starter *s)
{
	hear(s);
	if (s->state == STARTING) {
		s->timed_out = 1;
		fail(s);
	}
	if (s->state == FAILED && !s->gone)
		clear_up(s);
}

static void
ready(struct starter *s)
{
	int i;

	if (s->loop.place == s->master_place)
		hear(s);
	for (i = 0; i < s->relay_count; i++)
		if (dsrv_relay_watches(&s->relays[i], s->loop.place))
			dsrv_relay_ready(&s->relays[i], &s->loop);
}

/* Why there is no daemon; returns the error number for it. */
static int
report_failure(struct starter *s)
{
	if (s->signo != 0) {
		dsrv_report("start: interrupted by signal %d (%s)", s->signo,
		    strsignal(s->signo));
		s->status = 128 + s->signo;
		return EINTR;
	}
	if (s->timed_out) {
		dsrv_report("start: no daemon_success() within %d s",
		    dsrv_settings()->start_timeout);
		s->status = 1;
		return ETIMEDOUT;
	}
	if (!s->told)
		dsrv_report("start: the master %s before daemon_success()",
		    dsrv_report_how(s->leader_status));
	if (s->status == 0)
		s->status = 1;
	return ECHILD;
}

static void
close_starter(struct starter *s)
{
	dsrv_loop_close(&s->loop);
	if (s->adopting == 0)
		dsrv_loop_adopting(0);
	close_starters_ends(s);
	close_daemons_ends(s);
}

static int
finish(struct starter *s)
{
	int fatal = dsrv_settings()->start_return_fatal, error = 0;

	if (s->state == FAILED)
		error = report_failure(s);
	if (s->signo != 0 && fatal == 0)
		dsrv_catch_die_of(s->signo);
	/* Who ends needs no signals back: one of them could change how. */
	if (fatal != 0)
		close_starter(s);
	dsrv_stage_become(DSRV_OVER);
	return dsrv_report_end(s->status, error, fatal);
}

static int
wait_for_verdict(struct starter *s)
{
	for (;;) {
		switch (dsrv_loop_next(&s->loop)) {
		case DSRV_EVENT_READY:
			ready(s);
			break;
		case DSRV_EVENT_SIGNAL:
			interrupt(s);
			break;
		case DSRV_EVENT_CHILD:
			lose_leader(s);
			break;
		case DSRV_EVENT_TICK:
			tick(s);
			break;
		}
		if ((s->state == SUCCEEDED || s->gone) && all_shown(s))
			return finish(s);
	}
}

/*
 * Setting up
 */

static int
one_file(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 &&
	    sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

/* -1 with errno; what is open then is the caller's to close. */
static int
open_pipes(struct starter *s)
{
	int i, source;

	/* In one pipe what comes on both stays in order. */
	s->relay_count = one_file(STDOUT_FILENO, STDERR_FILENO) ? 1 : 2;
	for (i = 0; i < s->relay_count; i++) {
		if (dsrv_descriptors_pipe(&source, &s->to_relay[i]) == -1)
			return -1;
		dsrv_relay_open(&s->relays[i], source, STDOUT_FILENO + i);
	}
	if (dsrv_ready_pipe(&s->from_master, &s->to_starter) == -1)
		return -1;
	return dsrv_descriptors_pipe(&s->lifeline, &s->from_starter);
}

static void
watch(struct starter *s)
{
	int i, seconds = dsrv_settings()->start_timeout;

	s->master_place = dsrv_loop_watch(&s->loop, s->from_master, POLLIN);
	for (i = 0; i < s->relay_count; i++)
		dsrv_relay_watch(&s->relays[i], &s->loop);
	if (seconds > 0)
		s->loop.deadline = dsrv_loop_now() + (int64_t)seconds * 1000;
}

static int
refuse(const char *what, int error)
{
	dsrv_report("%s: %s", what, strerror(error));
	return dsrv_report_end(1, error, dsrv_settings()->start_return_fatal);
}

static int
open_starter(struct starter *s)
{
	int error;
	sigset_t untouched;

	memset(s, 0, sizeof *s);
	s->from_master = s->to_starter = s->lifeline = s->from_starter = -1;
	s->relays[0].source = s->relays[1].source = -1;
	s->to_relay[0] = s->to_relay[1] = -1;
	dsrv_catch_ignored(&untouched);	/* by nohup(1), or in a script's & */
	if (open_pipes(s) == -1 || dsrv_loop_open(&s->loop, 5,
	    DSRV_REAP_FORKED, NULL, &untouched) == -1) {
		error = errno;
		close_starters_ends(s);
		close_daemons_ends(s);
		errno = error;
		return -1;
	}
	s->adopting = dsrv_loop_adopting(1);
	return 0;
}

static int
go_into_background(void)
{
	int error, saved = errno;
	struct starter s;

	if (open_starter(&s) == -1)
		return refuse("prepare the starter", errno);
	if ((s.leader = dsrv_loop_fork(&s.loop)) == 0) {
		become_master(&s);
		errno = saved;
		return 0;
	}
	if (s.leader == -1) {
		error = errno;
		close_starter(&s);
		return refuse("fork the leader", error);
	}
	close_daemons_ends(&s);
	watch(&s);
	return wait_for_verdict(&s);
}

int
daemon_start(void)
{
	int error, saved = errno;

	if (dsrv_descriptors_fill() == -1)
		return refuse("open /dev/null", errno);
	if ((error = dsrv_stage_enter(DSRV_PROGRAM, "start")) != 0)
		return dsrv_report_end(1, error,
		    dsrv_settings()->start_return_fatal);
	dsrv_settings_start_here();
	errno = saved;
	if (!dsrv_settings()->foreground)
		return go_into_background();
	stay_in_foreground();
	errno = saved;
	return 0;
}
