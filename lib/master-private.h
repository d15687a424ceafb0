/*
 * master-private.h - what the files of the master share
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DAEMON_MASTER_PRIVATE_H
#define DAEMON_MASTER_PRIVATE_H

#include "daemon-private.h"

/* Of the loop: the first four have a descriptor; all but the starter have a
 * timer. */
enum { STARTER, SERVER, LOGGER, ORPHANS, PHASE, CRASHES, HANG, TAGS };

struct master {
	struct dsrv_loop loop;
	struct dsrv_supervised server;
	struct dsrv_orphans orphans;
	struct dsrv_keeplog log;
	struct dsrv_roster *roster;	/* the server's children */
	enum dsrv_phase phase;
	int confirmed;		/* the start has succeeded */
	struct {
		unsigned asked;	/* of the present server, ... */
		unsigned obeyed;	/* ... and what it has passed on */
		int signo;	/* the one that made the request stronger */
	} request;
	int pending_signal;	/* to be obeyed after the first success */
	int reason_given;	/* why the start has failed */
	int status;		/* the daemon's; -1: not decided */
	struct dsrv_crashes crashes;	/* of orphans */
};

/*
 * masterstop.c - how a master is asked to end something, and ends it
 */

/* Never goes back to an earlier phase. */
void dsrv_master_enter(struct master *, enum dsrv_phase);
/* What the present server was asked for. */
int dsrv_master_is_for_good(const struct master *);
int dsrv_master_is_at_once(const struct master *);
/* Adds what signo asks for; returns whether that is more than before. */
int dsrv_master_ask(struct master *, int signo);
/* The signal that the server should have passed on to its workers, or 0. */
int dsrv_master_missed(const struct master *);
/* At a stop, nobody of the daemon accepts any more. */
void dsrv_master_end_listeners(struct master *);
/* The master has received signo. */
void dsrv_master_take(struct master *, int signo);
/* Ends the daemon with status. A server that is still running is stopped. */
void dsrv_master_end(struct master *, int status);
/* When the timers HANG and PHASE say so. */
void dsrv_master_end_hung_server(struct master *);
void dsrv_master_go_on(struct master *);
/* After each event: returns whether the daemon has ended. */
int dsrv_master_is_over(struct master *);

/*
 * masterchild.c - the children of a master: birth, words and end
 */

/* Whether this is the new child. */
int dsrv_master_fork_server(struct master *);
int dsrv_master_fork_logger(struct master *);
void dsrv_master_hear_server(struct master *);
/* The child in loop.ended has ended. */
void dsrv_master_lose_child(struct master *);
/* Orphans count against the server's limit. */
void dsrv_master_share_orphans(const struct master *);

#endif
