/*
 * sigtable.c - the signal table: what each signal asks for
 *
 * A server can be asked to wait for its workers or to leave at once, and to be
 * followed by a new server or to be the last. Later signals can only make the
 * request stronger.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>

#include "ground.h"

const int dsrv_sigtable[] = {
	SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM, SIGQUIT, 0
};

unsigned
dsrv_sigtable_ask(int signo)
{
	switch (signo) {
	case SIGHUP:
		return DSRV_ASK_LEAVE;
	case SIGUSR1:
		return DSRV_ASK_LEAVE | DSRV_ASK_AT_ONCE;
	case SIGUSR2:
		return DSRV_ASK_LEAVE | DSRV_ASK_FOR_GOOD;
	case SIGINT:
	case SIGTERM:
	case SIGQUIT:
		return DSRV_ASK_LEAVE | DSRV_ASK_AT_ONCE | DSRV_ASK_FOR_GOOD;
	default:
		return 0;
	}
}

int
dsrv_sigtable_to_workers(int signo)
{
	if ((signo == SIGHUP || signo == SIGUSR2) &&
	    !dsrv_settings()->worker_ask)
		return 0;
	return signo == SIGUSR1 ? SIGTERM : signo;
}

int
dsrv_sigtable_meaning(int signo, int from_kernel)
{
	return signo == SIGHUP && from_kernel ? SIGTERM : signo;
}

const char *
dsrv_sigtable_name(int signo)
{
	switch (signo) {
	case SIGHUP:
		return "Hangup";
	case SIGUSR1:
		return "User defined signal 1";
	case SIGUSR2:
		return "User defined signal 2";
	case SIGINT:
		return "Interrupt";
	case SIGTERM:
		return "Terminated";
	default:
		return "Quit";
	}
}

int
dsrv_sigtable_raise(unsigned *asked, int signo)
{
	unsigned before = *asked;

	*asked |= dsrv_sigtable_ask(signo);
	return *asked != before;
}
