/*
 * workers.h - a server's workers and spares
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_WORKERS_H
#define DSRV_WORKERS_H

#include "ground.h"
#include "loop.h"
#include "listeners.h"

/*
 * limit.c - frequent events are reported once, then counted; pure
 */

struct dsrv_limit {
	int unsaid;
	int64_t quiet_until;
};

/* Counts an event; returns whether to report it now. */
int dsrv_limit_event(struct dsrv_limit *, int64_t now);
/* When to report the count; DSRV_NEVER. */
int64_t dsrv_limit_due(const struct dsrv_limit *);
/* The events since the last report; they now count as reported. */
int dsrv_limit_take(struct dsrv_limit *, int64_t now);

/*
 * notice.c - what the log says about workers
 */

enum { DSRV_NOTICE_WORKER = DSRV_ADDRESS_TEXT + 32 };

struct dsrv_crashes {
	struct dsrv_loop *loop;
	int tag;		/* its timer: when to report how many more */
	struct dsrv_limit limit;
	int doubted;		/* ended by a stop that may be on its way here */
	int status;		/* of the last one */
	char worker[DSRV_NOTICE_WORKER];
};

struct dsrv_refused {
	pid_t first;
	int count;
};

struct dsrv_busy {
	int64_t since;		/* 0: there is room */
	int64_t look_at;	/* when to check whether clients wait */
	int said;
};

/* "4711 of 192.0.2.1:40000", in DSRV_NOTICE_WORKER bytes. */
void dsrv_notice_worker(char *text, pid_t, const struct dsrv_address *);
void dsrv_crashes_open(struct dsrv_crashes *, struct dsrv_loop *, int tag);
/* The child in loop.ended has ended. */
void dsrv_crashes_add(struct dsrv_crashes *, unsigned asked);
/* Reports those that have crashed since the last line, if any: when the timer
 * says so, and all when the process ends. */
void dsrv_crashes_look(struct dsrv_crashes *, unsigned asked);
void dsrv_crashes_end(struct dsrv_crashes *, unsigned asked);
/* After a kill(2) that has failed; and after the last one for this signal. */
void dsrv_refused_add(struct dsrv_refused *, pid_t worker);
void dsrv_refused_say(const struct dsrv_refused *, int signo);
/* Called before each wait; returns when to check again. */
int64_t dsrv_busy_watch(struct dsrv_busy *, int is_full,
    const struct dsrv_acceptor *);

/*
 * birth.c - a new worker waits until its server has recorded it
 */

/* In the server; -1 with errno. */
int dsrv_birth_open(void);
void dsrv_birth_close(void);
/* Before each fork: the birth's number, for both processes. */
unsigned dsrv_birth_begin(void);
/* In the server: the child is recorded, and its connection closed here. */
void dsrv_birth_release(unsigned birth);
/* In the child: waits for that, or tells the master that the server is gone. */
void dsrv_birth_wait(unsigned birth, pid_t server);

/*
 * slots.c - the page in which spares say that they wait; only a hint
 */

/* -1 with errno. */
int dsrv_slots_open(int wanted, int most);
void dsrv_slots_close(void);
/* In a spare: a slot for pid; -1: all are taken. */
int dsrv_slots_take(pid_t pid);
void dsrv_slots_release(int slot);
/* In the server: reserves a slot before a fork; gives it to the child's pid, or
 * frees it if that is -1. */
int dsrv_slots_reserve(void);
void dsrv_slots_give(int slot, pid_t pid);
/* A child has ended: returns whether it had a slot, and so perhaps was woken
 * for a client that it did not accept. */
int dsrv_slots_lose(pid_t pid);
/* Whether it has one: it says that it waits. */
int dsrv_slots_have(pid_t pid);
/* In a spare: it has taken a client. And how many they all have. */
void dsrv_slots_count_client(void);
unsigned dsrv_slots_clients(void);
/* Frees slots that belong to no child, or are a child's second one. */
void dsrv_slots_audit(const struct dsrv_children *);
int dsrv_slots_any_wait(void);
int dsrv_slots_few_wait(void);
int dsrv_slots_enough_wait(void);
/* When spares should call; in a spare, whether to call now. */
enum dsrv_slots_call { DSRV_CALL_NEVER, DSRV_CALL_IF_FEW, DSRV_CALL_IF_NONE };
void dsrv_slots_allow_call(enum dsrv_slots_call);
int dsrv_slots_call(void);
/* In a spare: accepting has failed at this listener, or works again. Only one
 * spare reports it in between: the first returns whether to. */
int dsrv_slots_fail(int listener);
void dsrv_slots_work(int listener);

/*
 * await.c - a spare's sleep: until one of its listeners is ready
 */

enum {
	DSRV_AWAIT_NOTHING = -1,	/* timeout, or a signal */
	DSRV_AWAIT_LEAVE = -2	/* the server is gone, or waiting fails */
};

struct dsrv_await {
	const int *fds;		/* listeners or -1, then the server's pipe */
	int count;		/* of the listeners */
	int *waiter;		/* the epoll descriptor, -1 at first */
	unsigned first;		/* the listener to prefer */
	const int64_t *retry_at;	/* when each is to be retried; or NULL */
	int64_t now;
	int timeout;		/* ms; -1: none */
};

/* The index of a ready listener, or a value of the enum. */
int dsrv_await_one(const struct dsrv_await *);

/*
 * spare.c - a worker that waits for a connection and accepts it itself
 */

/* In the server, before it forks one; -1 with errno. */
int dsrv_spare_prepare(const int *listeners, int count, int from_server,
    int to_server, int null_device);
void dsrv_spare_forget(void);
/* This listener has become unusable. */
void dsrv_spare_drop(int listener);
/* In a new spare: waits for a client, trying listener turn first; without a
 * slot (-1) only takes a client that is already waiting. -1: it must exit. */
int dsrv_spare_begin(int slot, unsigned turn, struct dsrv_client *);
/* In a worker: takes another client that is already waiting; -1: none. */
int dsrv_spare_take(struct dsrv_client *);
/* Waits for one; -1: the worker must finish. */
int dsrv_spare_wait(struct dsrv_client *);
/* A descriptor of /dev/null, or -1. */
int dsrv_spare_null(void);
/* In a signal handler: closes the listeners. */
void dsrv_spare_stop(void);

/*
 * pool.c - a server's side of its spares
 */

/* The status of a spare that could not accept a client. */
enum { DSRV_POOL_EMPTY_HANDED = 75 };

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
/* Whether to fork another spare, and for which slot; -1: none. */
int dsrv_pool_next(struct dsrv_pool *, int may_fork, int *slot);
/* A spare has called. The second: a child has died, perhaps a spare; returns
 * the ms to wait before the next fork. */
void dsrv_pool_hear(struct dsrv_pool *);
int dsrv_pool_lose(struct dsrv_pool *, const struct dsrv_ended *);
/* Another server's spare may have left a client. */
void dsrv_pool_miss(struct dsrv_pool *);
/* Once a tick; and when its timer says so. */
void dsrv_pool_tick(struct dsrv_pool *);
void dsrv_pool_look(struct dsrv_pool *);
/* Tells idle spares to exit. */
void dsrv_pool_release(void);
/* In a new child: keeps only what a spare needs. */
void dsrv_pool_leave(void);

/*
 * environment.c - a worker's connection, in variables for the programs that it
 * executes
 */

/* Of a connection. */
struct dsrv_endpoint {
	struct sockaddr_storage addr;
	socklen_t len;		/* 0: unknown */
};

/* -1 with errno. same: connections of the client's host; 0: not known; -1: nor
 * is the host, but by what a proxy has told. */
int dsrv_environment_set(const struct dsrv_endpoint *peer,
    const struct dsrv_endpoint *local, int same);

/*
 * connlog.c - a line in the log when a connection begins, and one when it ends
 */

/* In a worker; workers: how many there are now; -1: it is not known. */
void dsrv_connlog_begin(const char *client, int workers);
/* It has ended the connection itself. */
void dsrv_connlog_done(const char *client, int64_t since);
/* In its server: it has been forked for a client. In that, or in the master: it
 * has ended. */
void dsrv_connlog_born(struct dsrv_child *);
void dsrv_connlog_end(const struct dsrv_ended *, int workers);

/*
 * worker.c - the calls that a worker may make
 */

/* Makes the calling process the worker of this connection. */
void dsrv_worker_become(const struct dsrv_client *);
/* Its client, which comes by a proxy perhaps, may be served, or another one:
 * returns the listener's index. Or exits. */
int dsrv_worker_begin(const struct dsrv_client *);
/* Then, when signals are let in: has the log tell of it. */
void dsrv_worker_log(int workers);
/* The handler that daemon_stop_requested() answers from. */
void dsrv_worker_stop(int signo);

#endif
