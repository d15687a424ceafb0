/*
 * leader.c - the process between the starter and the master
 *
 *     starter ---- leader ---- master
 *                  loops here  returns
 *
 * It creates the session and does not outlive the start, so the master is in a
 * session without a leader, which can never get a terminal again. If the start
 * fails, it leaves no process behind.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <unistd.h>

#include "report.h"
#include "start.h"

enum { STARTER, TAGS };	/* of the loop */

enum {
	LOOK = 20,	/* ms between two checks of what is left of a start */
	LAST_LOOK = 1000	/* ms after SIGKILL, then a process is left */
};

struct leader {
	struct dsrv_loop loop;
	pid_t master;
	int status;		/* the master's, as waitpid(2) gave it */
	int lifeline;
	int adopts;		/* it adopts all that is left of a start */
	int failed;		/* the start has failed */
	int64_t kill_at;	/* when SIGKILL comes */
};

/* Ends as the process that has failed did. */
static void
end_as(int wait_status)
{
	dsrv_remains_remove();
	if (WIFSIGNALED(wait_status))
		dsrv_sigaction_die_of(WTERMSIG(wait_status));
	dsrv_report_exit(WEXITSTATUS(wait_status));
}

/* Each child that it kills leaves its children to the leader. */
static void
kill_all(struct leader *l)
{
	if (!l->adopts ||
	    dsrv_offspring_signal(&l->loop.reaper, 0, 0, SIGKILL) == -1)
		kill(-getpid(), SIGKILL);
}

/* Signals its own group, and the workers, which have groups of their own. */
static void
fail_start(struct leader *l, int was_signalled)
{
	if (l->failed)
		return;
	l->failed = 1;
	l->kill_at = dsrv_clock_now() + DSRV_START_GRACE;
	dsrv_loop_set_timer(&l->loop, STARTER, dsrv_clock_now() + LOOK);
	if (!was_signalled)
		kill(-getpid(), SIGTERM);
	dsrv_offspring_signal(&l->loop.reaper, 0, getpid(), SIGTERM);
}

static void
clear_up(struct leader *l)
{
	int64_t now = dsrv_clock_now();

	dsrv_loop_set_timer(&l->loop, STARTER, now + LOOK);
	if (now >= l->kill_at)
		kill_all(l);
	if (now < l->kill_at + LAST_LOOK)
		return;
	if (dsrv_loop_has_child(&l->loop, l->master)) {
		dsrv_remains_remove();
		dsrv_report_exit(1);
	}
	end_as(l->status);
}

static void
hear_starter(struct leader *l)
{
	char word = 0;

	if (read(l->lifeline, &word, 1) == -1)
		return;
	if (word == DSRV_LEADER_GO)
		dsrv_report_exit(0);
	dsrv_loop_forget(&l->loop, STARTER);
	/* Otherwise the starter has died, which fails the start. */
	fail_start(l, word == DSRV_LEADER_END);
}

static void
lose_master(struct leader *l)
{
	l->status = l->loop.ended.status;
	if (!dsrv_reap_has_child())
		end_as(l->status);
	fail_start(l, 0);
}

static void
lead(struct leader *l)
{
	for (;;) {
		switch (dsrv_loop_next(&l->loop)) {
		case DSRV_EVENT_CHILD:
			lose_master(l);
			break;
		case DSRV_EVENT_SIGNAL:
			/* A signal to the session may have come before the
			 * master was in it. */
			if (dsrv_loop_has_child(&l->loop, l->master))
				kill(l->master, l->loop.signo);
			break;
		case DSRV_EVENT_FD:
			hear_starter(l);
			break;
		case DSRV_EVENT_TIMER:
			clear_up(l);
			break;
		}
		if (l->failed && !dsrv_reap_has_child())
			end_as(l->status);
	}
}

void
dsrv_leader_become(int lifeline, int null, const int *for_master, int count)
{
	struct leader l = { .lifeline = lifeline };
	int i;

	if (setsid() == -1)
		dsrv_report_die("make a session");
	if (dsrv_loop_open(&l.loop, TAGS, DSRV_REAP_ALL, NULL, NULL) == -1)
		dsrv_report_die("lead the session");
	l.adopts = dsrv_reap_adopting(1) != -1;
	if ((l.master = dsrv_loop_fork(&l.loop)) == -1)
		dsrv_report_die("fork the master");
	if (l.master == 0) {
		close(lifeline);
		return;
	}
	/* Otherwise the starter would wait for an end of file that never comes,
	 * and the terminal would stay open. */
	for (i = 0; i < count; i++)
		if (for_master[i] != -1)
			close(for_master[i]);
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (dsrv_descriptors_put(null, i) == -1)
			dsrv_report_die("lead the session");
	close(null);
	dsrv_loop_watch(&l.loop, STARTER, lifeline, POLLIN);
	lead(&l);
}
