/*
 * leader.c - the process between the starter and the master
 *
 *     starter ---- leader ---- master
 *                  loops here  returns
 *
 * It makes the session and does not outlive the start, so that the master is
 * in a session without a leader, which can never get a terminal again.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <unistd.h>

#include "daemon-private.h"

enum { STARTER, TAGS };	/* of the loop */

static void
end_as(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		dsrv_sigaction_die_of(WTERMSIG(wait_status));
	dsrv_report_exit(WEXITSTATUS(wait_status));
}

static void
lead(struct dsrv_loop *loop, pid_t master, int lifeline)
{
	int abandoned = 0;

	dsrv_loop_watch(loop, STARTER, lifeline, 0);
	for (;;)
		switch (dsrv_loop_next(loop)) {
		case DSRV_EVENT_CHILD:
			if (!abandoned)
				end_as(loop->ended.status);
			break;
		case DSRV_EVENT_SIGNAL:
			/* What the session got may have come before the
			 * master was in it. */
			if (dsrv_loop_has_child(loop, master))
				kill(master, loop->signo);
			break;
		case DSRV_EVENT_FD:
			/* The starter has died, and so has the start. */
			dsrv_loop_forget(loop, STARTER);
			abandoned = 1;
			kill(-getpid(), SIGTERM);
			dsrv_loop_set_timer(loop, STARTER,
			    dsrv_clock_now() + DSRV_START_GRACE);
			break;
		case DSRV_EVENT_TIMER:
			kill(-getpid(), SIGKILL);
			break;
		}
}

void
dsrv_leader_become(int lifeline, int null, const int *for_master, int count)
{
	struct dsrv_loop loop;
	pid_t master;
	int i;

	if (setsid() == -1)
		dsrv_report_die("make a session");
	if (dsrv_loop_open(&loop, TAGS, DSRV_REAP_ALL, NULL, NULL) == -1)
		dsrv_report_die("lead the session");
	if ((master = dsrv_loop_fork(&loop)) == -1)
		dsrv_report_die("fork the master");
	if (master == 0) {
		close(lifeline);
		return;
	}
	/* Else the starter would wait for an end of file that never comes,
	 * and the terminal would stay open. */
	for (i = 0; i < count; i++)
		if (for_master[i] != -1)
			close(for_master[i]);
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		if (dsrv_descriptors_put(null, i) == -1)
			dsrv_report_die("lead the session");
	close(null);
	lead(&loop, master, lifeline);
}
