/*
 * tally.h - what a daemon has done so far
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_TALLY_H
#define DSRV_TALLY_H

#include <stdint.h>

/*
 * tally.c - counters in memory that a master shares with its servers
 */

enum dsrv_tally_end {
	DSRV_ENDED_WELL,	/* with status 0 */
	DSRV_ENDED_BADLY,
	DSRV_ENDED_BY_SIGNAL,
	DSRV_ENDED_LATE,	/* its time was over */
	DSRV_TALLY_ENDS
};

enum { DSRV_TALLY_REFUSALS = 3 };	/* see enum dsrv_denial */

/* Written by one server of the master, the present one. A counter may wrap. */
struct dsrv_tally {
	_Atomic unsigned long connections;
	_Atomic unsigned long most;	/* workers at once, at most so far */
	_Atomic unsigned long limit;	/* the present server's */
	_Atomic unsigned long ends[DSRV_TALLY_ENDS];
	_Atomic unsigned long refused[DSRV_TALLY_REFUSALS];
};

/* A connection has a worker. */
void dsrv_tally_connection(struct dsrv_tally *);
/* This many clients were refused, for that reason. */
void dsrv_tally_refuse(struct dsrv_tally *, int denial, int count);
/* A worker has ended, with this status as waitpid(2) gave it. */
void dsrv_tally_end(struct dsrv_tally *, int status, int is_late);
/* Before each wait of a server that has this many workers. */
void dsrv_tally_look(struct dsrv_tally *, int workers);
/* For a reader: adds what a counter has counted since it was last seen to
 * sum. */
void dsrv_tally_follow(uint64_t *sum, unsigned long *seen, unsigned long now);

#endif
