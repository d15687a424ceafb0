/*
 * spares.h - workers that wait for a connection
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_SPARES_H
#define DSRV_SPARES_H

#include "ground.h"
#include "loop.h"
#include "listeners.h"

/*
 * slots.c - the page in which spares say that they wait; only a hint
 */

/* -1 with errno. */
int dsrv_slots_open(int wanted, int most);
void dsrv_slots_close(void);
/* In a spare: takes a slot for pid; -1: none is free. */
int dsrv_slots_take(pid_t pid);
void dsrv_slots_release(int slot);
/* In the server: reserves a slot before a fork, -1 if all are taken; gives it
 * to the child's pid, or frees it if that is -1. */
int dsrv_slots_reserve(void);
void dsrv_slots_give(int slot, pid_t pid);
/* A child has ended: returns whether it had a slot, so it may have been woken
 * for a client that it did not accept. */
int dsrv_slots_lose(pid_t pid);
/* In a spare: it has taken a client. And how many they all have. */
void dsrv_slots_count_client(void);
unsigned dsrv_slots_clients(void);
/* Frees slots that belong to no child, or to one that has another. */
void dsrv_slots_audit(const struct dsrv_children *);
/* In the server, when a spare has called: more spares are wanted if clients
 * wait, and fewer if none does. */
void dsrv_slots_adapt(int clients_wait);
int dsrv_slots_any_wait(void);
int dsrv_slots_few_wait(void);
int dsrv_slots_enough_wait(void);
int dsrv_slots_too_many_wait(void);	/* unless clients do */
/* When spares should wake the server; in a spare, whether to do so now. */
enum dsrv_slots_call { DSRV_CALL_NEVER, DSRV_CALL_IF_FEW, DSRV_CALL_IF_NONE };
void dsrv_slots_allow_call(enum dsrv_slots_call);
int dsrv_slots_call(void);
/* In a spare: accepting has failed at this listener, or works again. Between
 * the two only one spare reports it: the first returns whether to. */
int dsrv_slots_fail(int listener);
void dsrv_slots_work(int listener);

/*
 * progress.c - how far each worker has come, as it says itself; only a hint
 */

enum dsrv_progress {
	DSRV_PROGRESS_NONE,
	DSRV_PROGRESS_CLIENT,	/* a spare: it has accepted a client */
	DSRV_PROGRESS_BEGUN	/* the log says that a connection begins */
};

/* In the server, if something depends on it; -1 with errno. */
int dsrv_progress_open(void);
void dsrv_progress_close(void);
/* Before a fork: the child's place; 0: none. When it has ended: releases it. */
int dsrv_progress_reserve(void);
void dsrv_progress_release(int place);
/* In the child: it has come so far, or farther. */
void dsrv_progress_note(enum dsrv_progress);
/* Whether the one of this place has; 0: it is not known, so it has. */
int dsrv_progress_has(int place, enum dsrv_progress);

/*
 * await.c - a spare's sleep: until one of its listeners is ready
 */

enum {
	DSRV_AWAIT_NOTHING = -1,	/* timeout, or a signal */
	DSRV_AWAIT_LEAVE = -2	/* the server is gone, or waiting has failed */
};

struct dsrv_await {
	const int *fds;		/* listeners or -1, then the server's pipe */
	int count;		/* of the listeners */
	int *waiter;		/* the epoll descriptor, -1 at first */
	unsigned first;		/* the listener to prefer */
	const int64_t *retry_at;	/* when to retry each; or NULL */
	int64_t leave_at;	/* perhaps; or DSRV_NEVER */
	int64_t now;		/* set by it */
	int timeout;
};

/* The index of a ready listener, or a value of the enum. */
int dsrv_await_one(struct dsrv_await *);

/*
 * spare.c - a worker that waits for a connection and accepts it itself
 */

/* In the server, before it forks one; -1 with errno. */
int dsrv_spare_prepare(const int *listeners, int count, int from_server,
    int to_server, int null_device);
void dsrv_spare_forget(void);
/* A listener has become unusable. */
void dsrv_spare_drop(int listener);
/* In a new spare: waits for a client, trying listener turn first; without a
 * slot (-1) only takes a client that is already waiting. -1: it must exit. */
int dsrv_spare_begin(int slot, unsigned turn, struct dsrv_client *);
/* In a worker: takes another client that is already waiting; -1: none. */
int dsrv_spare_take(struct dsrv_client *);
/* Waits for another client; -1: the worker must finish. */
int dsrv_spare_wait(struct dsrv_client *);
/* In a worker that was a spare: wakes the server. */
void dsrv_spare_call(void);
/* A descriptor of /dev/null, or -1. */
int dsrv_spare_null(void);
/* In a signal handler: closes the listeners. */
void dsrv_spare_stop(void);

/*
 * pool.c - a server's side of its spares
 */

struct dsrv_pool {
	int is_open;
	struct dsrv_acceptor *acceptor;
	struct dsrv_loop *loop;
	int tag;		/* spares call there; its timer: the next check */
	int refill;		/* fork until enough wait */
	int hungry;		/* how many more, for waiting clients */
	int sent;		/* for them, since the last check, ... */
	int sent_in_vain;	/* ... that got none, ... */
	int vain_looks;		/* ... and checks in a row at which none did */
	int looked;		/* the last check found waiting clients */
	unsigned turn;		/* the listener that a new spare tries first */
	int lost;		/* in a row, before they had a client */
};

/* -1 with errno. */
int dsrv_pool_open(struct dsrv_pool *, const int *listeners,
    struct dsrv_acceptor *, struct dsrv_loop *, int tag);
void dsrv_pool_close(void);
/* Whether to fork another spare, and for which slot (-1: none). */
int dsrv_pool_next(struct dsrv_pool *, int may_fork, int *slot);
/* A spare has called. The second: a child has died, perhaps a spare; returns
 * how many ms to wait before the next fork. */
void dsrv_pool_hear(struct dsrv_pool *);
int dsrv_pool_lose(struct dsrv_pool *, const struct dsrv_ended *);
/* Another server's spare may have left a client. */
void dsrv_pool_miss(struct dsrv_pool *);
/* At each tick. The second: for the timer. */
void dsrv_pool_tick(struct dsrv_pool *);
void dsrv_pool_look(struct dsrv_pool *);
/* Tells idle spares to exit. */
void dsrv_pool_release(void);
/* In a new child: keeps only what a spare needs. */
void dsrv_pool_leave(void);

#endif
