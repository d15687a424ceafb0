/*
 * workers.h - a server's workers
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

/* Counts an event; returns whether to report it now. The second counts several,
 * at least one, of which one is to be reported. */
int dsrv_limit_event(struct dsrv_limit *, int64_t now);
int dsrv_limit_events(struct dsrv_limit *, int count, int64_t now);
/* When to report the count; DSRV_NEVER. */
int64_t dsrv_limit_due(const struct dsrv_limit *);
/* The events since the last report, which count as reported now. */
int dsrv_limit_take(struct dsrv_limit *, int64_t now);

/*
 * notice.c - what the log says about workers
 */

enum { DSRV_NOTICE_WORKER = DSRV_ADDRESS_TEXT + 32 };

struct dsrv_crashes {
	struct dsrv_loop *loop;
	int tag;		/* its timer tells when to report the others */
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
/* Reports workers that have crashed since the last line: when the timer says
 * so, and all of them when the process ends. */
void dsrv_crashes_look(struct dsrv_crashes *, unsigned asked);
void dsrv_crashes_end(struct dsrv_crashes *, unsigned asked);
/* After a failed kill(2); and after the last one for this signal. */
void dsrv_refused_add(struct dsrv_refused *, pid_t worker);
void dsrv_refused_say(const struct dsrv_refused *, int signo);
/* Called before each wait; returns when to check again. */
int64_t dsrv_busy_watch(struct dsrv_busy *, int is_full,
    const struct dsrv_acceptor *);
/* In a server that does not accept any more: when there is room again, or when
 * it ends. */
void dsrv_busy_end(struct dsrv_busy *);

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
 * environment.c - a worker's connection, in variables for the programs that it
 * executes
 */

/* Of a connection. */
struct dsrv_endpoint {
	struct sockaddr_storage addr;
	socklen_t len;		/* 0: unknown */
};

/* -1 with errno. same: connections of the client's host; 0: not known; -1: the
 * host is known only from a proxy. */
int dsrv_environment_set(const struct dsrv_endpoint *peer,
    const struct dsrv_endpoint *local, int same);

/*
 * connlog.c - a line in the log when a connection begins, and one when it ends
 */

/* In a worker; workers: how many there are now; -1: not known. */
void dsrv_connlog_begin(const char *client, int workers);
/* The worker has ended the connection itself. */
void dsrv_connlog_done(const char *client, int64_t since);
/* In its server: it was forked for a client. In that or in the master: it has
 * ended. */
void dsrv_connlog_born(struct dsrv_child *);
void dsrv_connlog_end(const struct dsrv_ended *, int workers);

/*
 * worker.c - the calls that a worker may make
 */

/* Makes the calling process the worker of this connection. */
void dsrv_worker_become(const struct dsrv_client *);
/* Whether this client, perhaps behind a proxy, or another one may be served:
 * returns the listener's index, or exits. */
int dsrv_worker_begin(const struct dsrv_client *);
/* After that, when signals are unblocked: logs the beginning. */
void dsrv_worker_log(int workers);
/* The handler from which daemon_stop_requested() knows. */
void dsrv_worker_stop(int signo);

#endif
