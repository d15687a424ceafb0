/*
 * master.h - the master's servers and its end
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_MASTER_H
#define DSRV_MASTER_H

#include "clients.h"
#include "ground.h"
#include "loop.h"
#include "role.h"
#include "status.h"
#include "supervise.h"
#include "workers.h"

/*
 * What the files of the master share
 */

/* Tags of the loop: the first five have a descriptor, all but the starter a
 * timer. Each server has two. */
enum { STARTER, SERVER, OTHER_SERVER, LOGGER, ORPHANS, PHASE, CRASHES, HANG,
	OTHER_HANG, DRAIN, NOTIFY, PULSE, OVERTIME, STATUS, TAGS };

/* A server, until the next one in its place is forked. */
struct master_server {
	struct dsrv_supervised child;
	struct dsrv_roster *roster;	/* its children */
	struct dsrv_pulse pulse;
	int hang;	/* the tag of a timer: when it must have ended, or, as
			 * the next one, confirmed */
	int reloads;	/* workers of those before it are to finish when it
			 * confirms */
	struct {
		unsigned asked;	/* of it, ... */
		unsigned obeyed;	/* ... and what it has passed on */
		int signo;	/* the one that made the request stronger */
	} request;
};

struct master {
	struct dsrv_loop loop;
	struct master_server servers[DSRV_SERVERS];
	struct master_server *server;	/* the one that serves, or will */
	struct master_server *other;	/* beside it, in a reload: the next one,
					 * or the last one, which leaves */
	struct dsrv_history history;	/* of the servers */
	struct dsrv_orphans orphans;
	struct dsrv_keeplog log;
	struct dsrv_shared *shared;
	enum dsrv_phase phase;
	int confirmed;		/* the start has succeeded */
	struct {
		int reload;	/* another, when this one is over */
		int signal;	/* until the first success */
	} postponed;
	int reason_given;	/* why the start has failed */
	int status;		/* the daemon's; -1: not decided */
	struct {
		struct dsrv_crashes crashes;
		struct dsrv_overtime overtime;
	} of_orphans;
	struct dsrv_shown shown;
};

/*
 * masterserver.c - the servers of a master, and what each was asked for
 */

void dsrv_master_open_servers(struct master *);
int dsrv_master_has_server(const struct master *);
/* The running server with this pid, or NULL. */
struct master_server *dsrv_master_find(struct master *, pid_t);
/* Whether it is the next one, to replace the one that serves. */
int dsrv_master_is_next(const struct master *, const struct master_server *);
/* Adds what signo asks for; returns whether that is more than before. */
int dsrv_master_raise(struct master_server *, int signo);
/* The signal that it should have passed on to its workers; 0: none. */
int dsrv_master_missed(const struct master_server *);
/* Signals all servers except this one (NULL: all). */
void dsrv_master_signal(struct master *, int signo,
    const struct master_server *except);
/* It must end within this many ms, or DSRV_NEVER; within stop_timeout. */
void dsrv_master_end_within(struct master *, struct master_server *,
    int64_t ms);
void dsrv_master_expect_end(struct master *, struct master_server *);
/* The same for a next one that will not serve, but never without a limit: it
 * would keep all later ones away. */
void dsrv_master_reject(struct master *, struct master_server *);
/* A server waits for a place: it must check again. */
void dsrv_master_wake(const struct master *);

/*
 * masterreload.c - the next server beside the present one
 */

/* Starts the next server, or has another follow it. The second: now there is a
 * place for that one. */
void dsrv_master_reload(struct master *);
void dsrv_master_reload_again(struct master *);
/* Whether there is a next server that has not confirmed, or still to be
 * forked. */
int dsrv_master_is_reloading(const struct master *);
/* The next server has confirmed: it serves from now on, and the other
 * leaves. */
void dsrv_master_take_over(struct master *, struct master_server *);
/* The server that served is dead: the next one takes its place; returns whether
 * there was one. */
int dsrv_master_step_in(struct master *);
/* The next server cannot confirm any more; has not confirmed in time; has
 * ended. */
void dsrv_master_doubt_next(struct master *, struct master_server *);
void dsrv_master_give_up(struct master *, struct master_server *);
void dsrv_master_lose_next(struct master *, const struct master_server *,
    int status);

/*
 * masterstop.c - how a master is asked to end something, and ends it
 */

/* Does nothing if the phase is a later one already. */
void dsrv_master_enter(struct master *, enum dsrv_phase);
/* Whether the server that serves was asked to end for good; at once. */
int dsrv_master_is_for_good(const struct master *);
int dsrv_master_is_at_once(const struct master *);
/* Adds what signo asks for; returns whether that is more than before. */
int dsrv_master_ask(struct master *, int signo);
/* From now on no process of the daemon accepts clients. */
void dsrv_master_end_listeners(struct master *);
/* The master has received signo. */
void dsrv_master_take(struct master *, int signo);
/* Ends the daemon with status. A server that is still running is stopped. */
void dsrv_master_end(struct master *, int status);
/* A server has ended and its end was handled. */
void dsrv_master_settle(struct master *);
/* For the timers PULSE, HANG and PHASE. */
void dsrv_master_feel_pulse(struct master *);
void dsrv_master_end_hung_server(struct master *, struct master_server *);
void dsrv_master_go_on(struct master *);
/* After each event: returns whether the daemon has ended. */
int dsrv_master_is_over(struct master *);

/*
 * masterchild.c - the children of a master: birth, words and end
 */

/* Returns whether this is the new child. */
int dsrv_master_fork_server(struct master *, struct master_server *);
int dsrv_master_fork_logger(struct master *);
void dsrv_master_hear_server(struct master *, struct master_server *);
/* The child in loop.ended has ended. */
void dsrv_master_lose_child(struct master *);
/* Orphans count against the limit of the servers. */
void dsrv_master_share_orphans(const struct master *);

#endif
