/*
 * signals.h - what signals do, and how they are read
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_SIGNALS_H
#define DSRV_SIGNALS_H

#include <signal.h>

#include "ground.h"

/*
 * sigaction.c - what signals do in this process and in its children
 */

/* Blocks all signals, and sets a mask. */
void dsrv_sigaction_block(sigset_t *before);
void dsrv_sigaction_let_in(const sigset_t *mask);

/* Fills in an action with this handler; NULL: the default action. */
void dsrv_sigaction_prepare(struct sigaction *,
    void (*handler)(int, siginfo_t *, void *));
int dsrv_sigaction_has_handler(const struct sigaction *);
int dsrv_sigaction_ignores(const struct sigaction *);
/* Which signals of the table are ignored. */
void dsrv_sigaction_ignored(sigset_t *);
/* Unblocks the signals of the table and SIGCHLD. Those that are ignored get
 * their default action, except for the untouched ones. */
void dsrv_sigaction_reset(const sigset_t *untouched);
/* Before another program is executed: no signal is ignored or blocked. */
void dsrv_sigaction_default(void);
/* Ends the process by this signal's default action, without a core. */
void dsrv_sigaction_die_of(int signo) __attribute__((noreturn));

/* Changes from here to dsrv_sigaction_end(), which undoes them, are
 * recorded. */
void dsrv_sigaction_begin(void);
void dsrv_sigaction_end(void);
void dsrv_sigaction_change(int signo, const struct sigaction *);
void dsrv_sigaction_ignore(int signo);
/* While SIGCHLD is ignored, the status of a child is lost. */
void dsrv_sigaction_want_status(void);
/* If the program has no handler for signo, workers get this one; returns
 * whether they do. */
int dsrv_sigaction_give(int signo, void (*handler)(int));
/* In a new child: restores the program's dispositions; if ignoring, ignores the
 * signals of the table instead. */
void dsrv_sigaction_leave(int ignoring);
/* In a worker: unblocks the signals for which it was given handlers. The second
 * returns a pending one of them, or 0. */
void dsrv_sigaction_let_given_in(sigset_t *before);
int dsrv_sigaction_pending_given(void);

/*
 * process1.c - process 1 before its first loop
 */

/* Until dsrv_process1_leave() the signals of the table end the start or stay
 * pending, except those that the program handles, or ignores and that are
 * untouched. */
void dsrv_process1_guard(const sigset_t *untouched);
void dsrv_process1_leave(void);
/* The signal to obey after the first success, or 0. */
int dsrv_process1_pending(void);

/*
 * sigfd.c - the signals that a process obeys, made readable
 */

enum {
	DSRV_SIGFD_MAX = 16	/* read at once */
};

struct dsrv_signal {
	int signo;
	int from_kernel;	/* not from a process, as at a hang-up */
	pid_t pid;	/* the sender, 0: not known; for SIGCHLD the child */
};

struct dsrv_sigfd {
	int fd;		/* readable when a signal has arrived */
	sigset_t mask;	/* the program's */
	sigset_t worker_mask;	/* and the one for workers */
	sigset_t held;
	sigset_t signals;
};

/* Takes over SIGCHLD, SIGPIPE (which now does nothing) and the signals of the
 * table except those untouched (NULL: none); -1 with errno. */
int dsrv_sigfd_open(struct dsrv_sigfd *, const sigset_t *untouched);
/* Gives the program's signals back. If it forgets, pending signals are
 * discarded. */
void dsrv_sigfd_close(struct dsrv_sigfd *, int forgets);
/* Stores at most DSRV_SIGFD_MAX; returns how many. */
int dsrv_sigfd_read(struct dsrv_sigfd *, struct dsrv_signal *);
/* Acts as if a SIGCHLD had arrived. */
void dsrv_sigfd_hint(void);
/* As dsrv_sigaction_give(); signo is blocked in workers. */
void dsrv_sigfd_give(struct dsrv_sigfd *, int signo, void (*handler)(int));
/* Around a fork(2): none of our handlers may run in the child. */
void dsrv_sigfd_hold(struct dsrv_sigfd *);
void dsrv_sigfd_go_on(struct dsrv_sigfd *);
/* In a new child: as dsrv_sigaction_leave(). Signals stay blocked until the
 * child sets a mask. */
void dsrv_sigfd_leave(struct dsrv_sigfd *, int ignoring);

#endif
