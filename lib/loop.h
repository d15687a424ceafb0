/*
 * loop.h - children and events
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_LOOP_H
#define DSRV_LOOP_H

#include <poll.h>

#include "children.h"
#include "ground.h"
#include "signals.h"

/*
 * wakeup.c - lets untrusted processes wake a looping one
 */

struct dsrv_wakeup {
	int fd;		/* the looping process polls this */
	int to;		/* the others send here; perhaps the same */
};

/* -1 with errno. */
int dsrv_wakeup_open(struct dsrv_wakeup *);
void dsrv_wakeup_close(struct dsrv_wakeup *);
/* In a process that only wakes others. */
void dsrv_wakeup_only_send(struct dsrv_wakeup *);
void dsrv_wakeup_send(int to);
/* After waking: resets it for the next send. */
void dsrv_wakeup_take(const struct dsrv_wakeup *);

/*
 * reap.c - which child has ended; the only waitpid(2)
 */

/* Which children a process waits for: those that it has forked; or all, as it
 * must if it adopts orphans. */
enum dsrv_reap { DSRV_REAP_FORKED, DSRV_REAP_ALL };

struct dsrv_ended {
	pid_t pid;
	int status;
	struct dsrv_child child;	/* if it was known */
};

struct dsrv_reaper {
	struct dsrv_ended ended;	/* what was found last */
	struct dsrv_children children;
	enum dsrv_reap whom;
	int must_reap, failed;	/* DSRV_REAP_ALL: one ended; waitpid(2) */
	int64_t look_every, look_at;	/* ms between checks of all; the next */
	int64_t due_at, began;	/* its last part; this round */
	int64_t owed;		/* checks that are due, times look_every */
	int unswept;		/* children still to check after a signal, ... */
	int sweep_now, recent_now;	/* in this round, of the newest */
	int found;		/* one has: how many checks in the next round */
	int hand;		/* the next one of all, ... */
	unsigned recent;	/* ... and of the newest */
};

enum dsrv_reap_hint {
	DSRV_REAP_ENDED,
	DSRV_REAP_LATER,	/* to be found by dsrv_reap_next() */
	DSRV_REAP_STRANGER	/* the SIGCHLD is not from a child */
};

/* -1 with errno. roster: as for dsrv_children_open(). */
int dsrv_reap_open(struct dsrv_reaper *, enum dsrv_reap, struct dsrv_roster *);
void dsrv_reap_close(struct dsrv_reaper *);
void dsrv_reap_add(struct dsrv_reaper *, pid_t, int is_helper);
/* How often to check for exits that no signal announced; ms. */
void dsrv_reap_look_every(struct dsrv_reaper *, int64_t ms);
/* Takes note of a SIGCHLD that names pid. */
enum dsrv_reap_hint dsrv_reap_hear(struct dsrv_reaper *, pid_t);
/* Finds a child that has ended; returns whether there was one. */
int dsrv_reap_next(struct dsrv_reaper *);
/* After each wait for events; is_quiet: there were none. */
void dsrv_reap_begin_round(struct dsrv_reaper *, int is_quiet);
/* When to begin a round even without an event; in how many ms. */
int64_t dsrv_reap_look_at(const struct dsrv_reaper *);
int64_t dsrv_reap_patience(const struct dsrv_reaper *);
/* Records an adopted child. -1: it is not a child of this process. */
int dsrv_reap_adopt(struct dsrv_reaper *, pid_t, int is_helper);
/* Waits for this child, however long it takes. */
void dsrv_reap_wait(struct dsrv_reaper *, pid_t);
/* Whether orphaned descendants become children of this process. Returns the
 * old value; -1: the system cannot do this. */
int dsrv_reap_adopting(int on);
/* Whether process group pgid is empty; reaps our children in it. */
int dsrv_reap_group_gone(pid_t pgid);
/* Whether pid, or any process, is a child of this one, forked or adopted. */
int dsrv_reap_is_child(pid_t);
int dsrv_reap_has_child(void);
/* Reaps a child that is not recorded; returns whether it had ended. */
int dsrv_reap_stranger(const struct dsrv_reaper *, pid_t);

/*
 * offspring.c - signals children that this process has not forked
 */

/* Signals every child, after reaping unrecorded ones that have ended; session:
 * only those in it, 0: in any; but_group: none of that process group. Returns
 * how many; -1: the system does not list them. */
int dsrv_offspring_signal(const struct dsrv_reaper *, pid_t session,
    pid_t but_group, int signo);

/*
 * loop.c - wait for the next event; the only fork(2)
 */

enum dsrv_event {
	DSRV_EVENT_SIGNAL,	/* loop.signo arrived */
	DSRV_EVENT_CHILD,	/* loop.ended tells which ended, and how */
	DSRV_EVENT_FD,		/* the descriptor of loop.tag is ready */
	DSRV_EVENT_TIMER	/* the time of loop.tag has come */
};

struct dsrv_known {
	int64_t timer;	/* of the tag that is this one's index */
	int place;	/* of its descriptor, in the set; 0: none */
	int tag;	/* that has the place after this one's index */
};

/* A tag is a number from 0 on, by which a stage names a thing that has a
 * descriptor to watch, a timer, or both. */
struct dsrv_loop {
	/* set by dsrv_loop_next() */
	int signo, from_kernel;
	pid_t sender;		/* 0: not known; of SIGCHLD the child */
	struct dsrv_ended ended;
	int tag;

	/* private to the loop */
	struct dsrv_reaper reaper;
	struct pollfd *set;	/* place 0: the signals */
	int places;
	struct dsrv_known *known;
	int tags;
	int cursor;		/* the place checked last in this round */
	int last;		/* the one that was ready last */
	int unseen;		/* places left to check in the round */
	int timed;		/* timers checked in it */
	int in_use;		/* signals that have come are its own */
	struct dsrv_sigfd signals;
	struct dsrv_signal received[DSRV_SIGFD_MAX];
	int received_count;
	int received_next;
};

/* Flushes stdio and takes over signals as dsrv_sigfd_open() does; -1 with
 * errno. roster: as for dsrv_children_open(). */
int dsrv_loop_open(struct dsrv_loop *, int tags, enum dsrv_reap,
    struct dsrv_roster *, const sigset_t *untouched);
/* Gives the program's signals back. Keeps errno. */
void dsrv_loop_close(struct dsrv_loop *);
enum dsrv_event dsrv_loop_next(struct dsrv_loop *);
/* After the last event: whether there is one more signal, not SIGCHLD. */
int dsrv_loop_last_signal(struct dsrv_loop *);

/* With events 0, the descriptor is ready only when its other end is gone. */
void dsrv_loop_watch(struct dsrv_loop *, int tag, int fd, int events);
void dsrv_loop_pause(struct dsrv_loop *, int tag);
void dsrv_loop_resume(struct dsrv_loop *, int tag);
/* Stops watching the descriptor until it is watched again. */
void dsrv_loop_forget(struct dsrv_loop *, int tag);
int dsrv_loop_watches(const struct dsrv_loop *, int tag);
/* Sets the timer, on the clock of dsrv_clock_now(), once; DSRV_NEVER: off. */
void dsrv_loop_set_timer(struct dsrv_loop *, int tag, int64_t when);
int64_t dsrv_loop_timer(const struct dsrv_loop *, int tag);

/* As fork(2), and records the child. The child has the program's signal mask
 * and dispositions, and nothing of the loop. */
pid_t dsrv_loop_fork(struct dsrv_loop *);
/* The same, but the child ignores the signals of the table. */
pid_t dsrv_loop_fork_ignoring(struct dsrv_loop *);
/* The same, for a helper. */
pid_t dsrv_loop_fork_helper(struct dsrv_loop *);
/* The same, but signals are blocked until the child sets a mask: the program's
 * or, for a worker that was given handlers, the workers'. */
pid_t dsrv_loop_fork_held(struct dsrv_loop *);
void dsrv_loop_let_in(const struct dsrv_loop *);
void dsrv_loop_let_worker_in(const struct dsrv_loop *);
/* As dsrv_sigfd_give(). */
void dsrv_loop_give(struct dsrv_loop *, int signo, void (*handler)(int));
/* How many forked or adopted children have not ended; of them, workers. */
int dsrv_loop_children(const struct dsrv_loop *);
int dsrv_loop_workers(const struct dsrv_loop *);
pid_t dsrv_loop_child_at(const struct dsrv_loop *, int place);
int dsrv_loop_has_child(const struct dsrv_loop *, pid_t);
struct dsrv_child *dsrv_loop_child(const struct dsrv_loop *, pid_t);
const struct dsrv_children *dsrv_loop_known(const struct dsrv_loop *);
/* As dsrv_reap_adopt(), _wait() and _look_every(). */
int dsrv_loop_adopt(struct dsrv_loop *, pid_t, int is_helper);
void dsrv_loop_wait(struct dsrv_loop *, pid_t);
void dsrv_loop_look_every(struct dsrv_loop *, int64_t ms);

#endif
