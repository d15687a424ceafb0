/*
 * server.h - the state of a server
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_SERVER_H
#define DSRV_SERVER_H

#include "clients.h"
#include "spares.h"

/* Tags of the loop: the master, the spares and each listener have a descriptor,
 * all but the master a timer. */
enum { MASTER, SPARES, TICK, FORK, MORE, DRAIN, BUSY, CRASHES, PULSE,
	DENIALS, FAREWELL, RATE, OVERTIME, LISTENERS };

struct server {
	struct dsrv_loop loop;
	const int *fds;		/* the caller's, which children need not read */
	struct dsrv_acceptor acceptor;
	struct dsrv_pool pool;	/* of the spares, if any */
	struct dsrv_client client;	/* accepted, without a worker yet */
	int births;		/* since the last event */
	int fork_failures;	/* in a row */
	unsigned asked;
	struct dsrv_busy busy;
	struct dsrv_crashes crashes;
	struct dsrv_rate rate;		/* count 0: any */
	struct dsrv_sources sources;	/* slots NULL: they are not limited */
	struct dsrv_sources hosts;	/* likewise: no worker is told */
	struct dsrv_denials denials;
	struct dsrv_overtime overtime;
	struct dsrv_farewell farewell;	/* to clients that were refused */
};

/*
 * serveradmit.c - whether a server lets another client in
 */

/* -1 with errno. */
int dsrv_server_open_limits(struct server *);
void dsrv_server_close_limits(struct server *);
/* How many count against the limit. */
int dsrv_server_workers(const struct server *);
/* Whether a spare, or a worker for the next client, may be forked. */
int dsrv_server_may_fork(const struct server *);
/* Whether it pauses after a fork has failed. */
int dsrv_server_is_pausing(const struct server *);
/* Before each wait: whether to accept, and when to look again without an
 * event. */
void dsrv_server_watch_clients(struct server *);
/* Whether it accepts now: another server may have taken the room. */
int dsrv_server_still_accepts(struct server *);
/* Accepts a client, and refuses it unless it may come in. */
void dsrv_server_accept(struct server *, int index);
/* Whether the child that has ended was not a worker. The same for its client, if
 * it was to accept one. */
int dsrv_server_lose_helper(struct server *);
/* The timer of FAREWELL. */
void dsrv_server_look_at_farewell(struct server *);
/* When a spare has called or a worker has ended, once a tick, and in the end:
 * what they could not read. */
void dsrv_server_hear_of_headers(struct server *);
/* This worker has a client; the worker in loop.ended has ended. */
void dsrv_server_count(struct server *, pid_t, struct dsrv_child *);
void dsrv_server_uncount(struct server *);

/*
 * serverstop.c - how a server is asked to end, and what it asks of its workers
 */

/* The signal that the loop tells of. */
void dsrv_server_take(struct server *);
/* After each event: another may have taken its place. */
void dsrv_server_see_successor(struct server *);
void dsrv_server_lose_master(struct server *);
/* The time that the workers had to finish is over. */
void dsrv_server_stop_draining(struct server *);
/* After each event. The second: the value of daemon_server(), if it returns. */
int dsrv_server_is_over(const struct server *);
int dsrv_server_finish(struct server *);

#endif
