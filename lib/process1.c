/*
 * process1.c - process 1 before its first loop
 *
 * The kernel discards a signal to process 1 that has its default action, so a
 * stop would be lost.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "report.h"
#include "signals.h"

static int guarded;
static volatile sig_atomic_t pending;

static void
obey(int signo, siginfo_t *info, void *context)
{
	int meaning = dsrv_sigtable_meaning(signo, info->si_code > 0);

	(void)context;
	if (getpid() != 1) {	/* a child of the program: default action */
		signal(signo, SIG_DFL);
		raise(signo);
	} else if (dsrv_sigtable_ask(meaning) & DSRV_ASK_FOR_GOOD)
		dsrv_report_stopped(signo);
	else if (pending != SIGUSR1)
		pending = signo;
}

void
dsrv_process1_guard(const sigset_t *untouched)
{
	struct sigaction now, action;
	const int *signo;

	guarded = 1;
	dsrv_sigaction_prepare(&action, obey);
	sigfillset(&action.sa_mask);
	for (signo = dsrv_sigtable; *signo != 0; signo++)
		if (sigaction(*signo, NULL, &now) == 0 &&
		    !dsrv_sigaction_has_handler(&now) &&
		    !(dsrv_sigaction_ignores(&now) &&
		    sigismember(untouched, *signo)))
			sigaction(*signo, &action, NULL);
}

void
dsrv_process1_leave(void)
{
	struct sigaction now;
	const int *signo;

	for (signo = dsrv_sigtable; guarded && *signo != 0; signo++)
		if (sigaction(*signo, NULL, &now) == 0 &&
		    now.sa_flags & SA_SIGINFO && now.sa_sigaction == obey)
			signal(*signo, SIG_DFL);
	guarded = 0;
}

int
dsrv_process1_pending(void)
{
	return pending;
}
