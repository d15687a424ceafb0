/*
 * children.h - the children of a process, and what another one reads of them
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_CHILDREN_H
#define DSRV_CHILDREN_H

#include "ground.h"
#include "tally.h"

/*
 * children.c - the live children and their records, found in O(1); pure data
 */

/* What a process knows about a child. */
struct dsrv_child {
	struct dsrv_address client;
	int64_t since;	/* it has that; 0: not known */
	int is_orphan;	/* adopted by the master */
	int overdue;	/* its time is over: it was asked to end, or killed */
	int takes_group;	/* when it ends, its process group is killed */
	int64_t leave_by;	/* an orphan: when it gets SIGTERM; 0: not */
	int is_helper;	/* for listeners: not a worker */
	int audited;	/* in this audit of the spares' slots */
	int place;	/* where it notes its progress; 0: nowhere */
};

/* All of them, packed. In separate memory, so that the master can read a
 * server's after the server has died. */
struct dsrv_roster {
	int count;
	int helpers;	/* of them */
	int pulse;	/* ms between two looks at beats; 0: none */
	_Atomic unsigned beats;	/* of the server's loop; written by it */
	int time_max;	/* s, of a worker; written by it; 0: no limit */
	struct dsrv_tally tally;
	pid_t pids[DSRV_WORKERS_MAX + 8];
	/* Its time is over, or, if it was asked to end, it is killed; 0: never. */
	int64_t until[DSRV_WORKERS_MAX + 8];
	struct dsrv_child records[DSRV_WORKERS_MAX + 8];
};

struct dsrv_children {
	struct dsrv_roster *roster;
	int32_t *index;	/* open addressing: pid -> its place in pids + 1, or 0 */
	int own, bits;	/* must free the roster; of a slot's number */
};

/* Allocates a roster if that is NULL; -1 with errno. */
int dsrv_children_open(struct dsrv_children *, struct dsrv_roster *);
void dsrv_children_close(struct dsrv_children *);
/* At most as many as it has places: another process writes that roster. */
int dsrv_children_listed(const struct dsrv_roster *);
/* How many of these are workers. */
int dsrv_children_workers(const struct dsrv_roster *);
/* What it has known of the child there, as far as that can be true. */
void dsrv_children_read(const struct dsrv_roster *, int place,
    struct dsrv_child *);
/* That process has gone, and another will write it. */
void dsrv_children_forget(struct dsrv_roster *);
int dsrv_children_count(const struct dsrv_children *);
pid_t dsrv_children_at(const struct dsrv_children *, int place);
int dsrv_children_has(const struct dsrv_children *, pid_t);
/* The child's record, to be filled; NULL: no such child. */
struct dsrv_child *dsrv_children_record(const struct dsrv_children *, pid_t);
/* When this child's time is over; 0: never. */
int64_t dsrv_children_until(const struct dsrv_children *, int place);
void dsrv_children_set_until(const struct dsrv_children *, pid_t,
    int64_t until);
/* -1: the table is full. A child that is in it already is not added again. */
int dsrv_children_add(struct dsrv_children *, pid_t, int is_helper);
/* Returns whether it was there, and stores its record in gone, if not NULL.
 * The last one takes its place. */
int dsrv_children_remove(struct dsrv_children *, pid_t,
    struct dsrv_child *gone);

#endif
