/*
 * supervise.c - a child that is kept alive: fork and status pipe
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "supervise.h"

enum {
	FIRST_PAUSE = 100, LONGEST_PAUSE = 10000,	/* ms */
	REFUSED = 1000		/* ms until a refused signal is sent again */
};

void
dsrv_supervise_open(struct dsrv_supervised *s, const char *name,
    struct dsrv_loop *loop, int tag)
{
	memset(s, 0, sizeof *s);
	s->name = name;
	s->loop = loop;
	s->tag = tag;
	s->from_child = -1;
}

void
dsrv_supervise_close(struct dsrv_supervised *s)
{
	dsrv_descriptors_close(&s->from_child);
}

void
dsrv_supervise_again(struct dsrv_supervised *s, int64_t when)
{
	dsrv_loop_set_timer(s->loop, s->tag, when);
}

static int
is_stronger(int signo, int other)
{
	return other == 0 || signo == SIGKILL ||
	    (dsrv_sigtable_ask(signo) & ~dsrv_sigtable_ask(other)) != 0;
}

void
dsrv_supervise_signal(struct dsrv_supervised *s, int signo)
{
	if (s->pid == 0)	/* kill(0) would signal our own group */
		return;
	if (kill(s->pid, signo) == 0) {
		if (s->refused != 0 && s->refused != signo)
			kill(s->pid, s->refused);
		s->refused = 0;
		dsrv_supervise_again(s, DSRV_NEVER);
		return;
	}
	if (s->refused == 0)
		dsrv_report("send signal %d (%s) to %s, process %ld: %s: "
		    "let it keep its user, or the master CAP_KILL; "
		    "trying again", signo, strsignal(signo), s->name,
		    (long)s->pid, strerror(errno));
	if (is_stronger(signo, s->refused))
		s->refused = signo;
	dsrv_supervise_again(s, dsrv_clock_now() + REFUSED);
}

void
dsrv_supervise_lose(struct dsrv_supervised *s)
{
	s->pid = s->refused = 0;
	dsrv_supervise_again(s, DSRV_NEVER);
}

int
dsrv_supervise_take_pipe(struct dsrv_supervised *s)
{
	int from_child = s->from_child;

	dsrv_loop_forget(s->loop, s->tag);
	s->from_child = -1;
	return from_child;
}

static pid_t
fail_fork(struct dsrv_supervised *s, const char *what)
{
	if (s->fork_failures++ == 0)
		dsrv_report("%s %s: %s", what, s->name, strerror(errno));
	dsrv_supervise_again(s, dsrv_clock_now() + dsrv_backoff(
	    s->fork_failures, FIRST_PAUSE, LONGEST_PAUSE));
	return -1;
}

pid_t
dsrv_supervise_fork(struct dsrv_supervised *s,
    pid_t (*fork_child)(struct dsrv_loop *))
{
	int to_parent;

	dsrv_supervise_again(s, DSRV_NEVER);
	if (dsrv_statuspipe_open(&s->from_child, &to_parent) == -1)
		return fail_fork(s, "open a pipe for");
	if ((s->pid = fork_child(s->loop)) == 0) {
		dsrv_supervise_close(s);
		dsrv_role_hold(DSRV_TO_PARENT, to_parent);
		return 0;
	}
	close(to_parent);
	if (s->pid == -1) {
		s->pid = 0;
		dsrv_supervise_close(s);
		return fail_fork(s, "fork");
	}
	s->fork_failures = s->refused = 0;
	s->born = dsrv_clock_now();
	dsrv_loop_watch(s->loop, s->tag, s->from_child, POLLIN);
	return s->pid;
}
