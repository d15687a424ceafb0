/*
 * status.h - the status file
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_STATUS_H
#define DSRV_STATUS_H

#include "ground.h"
#include "loop.h"
#include "role.h"

/*
 * statustext.c - what is in a status file; pure
 */

/* Why another server has replaced one. */
enum dsrv_restart_reason {
	DSRV_RESTART_ASKED,	/* by a signal */
	DSRV_RESTART_ENDED,	/* it ended with status 0 */
	DSRV_RESTART_CRASHED,
	DSRV_RESTART_REASONS
};

struct dsrv_status {
	time_t started;
	time_t reloaded;	/* when it was last reloaded; 0: never */
	int is_ending;
	uint64_t workers;
	uint64_t workers_limit;
	uint64_t workers_most;
	uint64_t connections;
	uint64_t ends[DSRV_TALLY_ENDS];
	uint64_t refused[DSRV_TALLY_REFUSALS];
	uint64_t restarts[DSRV_RESTART_REASONS];
	int has_log;
	uint64_t logger_restarts;
	uint64_t lines;
	uint64_t bytes;
	uint64_t lines_lost;
};

enum { DSRV_STATUS_MAX = 16 * 1024 };	/* bytes, whatever the numbers are */

/* Stores the text in DSRV_STATUS_MAX bytes; returns its length. */
size_t dsrv_statustext_make(char *text, const char *name,
    const struct dsrv_status *);

/*
 * statusfile.c - the status file is replaced by a child, which may wait for the
 * disk
 */

enum { DSRV_STATUS_NAME_MAX = NAME_MAX - 4 };	/* ".new" follows */

/* What a file that a child has written was then. */
struct dsrv_written_file {
	dev_t dev;
	ino_t ino;	/* 0: there is none */
	struct timespec at;
};

struct dsrv_written {
	struct dsrv_written_file last;	/* is in its place, ... */
	struct dsrv_written_file next;	/* ... or this one by now */
};

struct dsrv_statusfile {
	struct dsrv_loop *loop;
	int tag;		/* its timer: the next tick, or a deadline */
	int dir;		/* its directory; -1: it could not be opened */
	struct dsrv_written *written;	/* shared with its children */
	pid_t child;		/* a child that writes or removes it; 0: none */
	int64_t since;		/* when that child was forked, ms */
	int is_wanted;		/* something has changed since */
	int has_failed;		/* that was reported */
	int is_there;		/* there may be a file */
	enum {
		DSRV_STATUSFILE_KEPT,
		DSRV_STATUSFILE_WAITS,	/* for the last child, at the end */
		DSRV_STATUSFILE_GOES	/* a child is removing the file */
	} end;
	int64_t until;		/* how long to wait, at the end */
};

/* 0; or reports why it can have no path, and returns an error number. */
int dsrv_statusfile_check(void);
/* Does nothing unless the program wants a status file. -1 with errno. */
int dsrv_statusfile_open(struct dsrv_statusfile *, struct dsrv_loop *,
    int tag);
/* At the end, or in a child. */
void dsrv_statusfile_close(struct dsrv_statusfile *);
/* Something has changed. The second: perhaps it has not, but the timer's time
 * may have come. */
void dsrv_statusfile_change(struct dsrv_statusfile *);
void dsrv_statusfile_tick(struct dsrv_statusfile *);
/* Whether to write it now. */
int dsrv_statusfile_is_due(const struct dsrv_statusfile *);
void dsrv_statusfile_write(struct dsrv_statusfile *, const char *text,
    size_t size);
/* A child has ended: returns whether it was one of these. */
int dsrv_statusfile_lose(struct dsrv_statusfile *, const struct dsrv_ended *);
/* At the end of the daemon: whether the file has been removed, or cannot be. */
int dsrv_statusfile_is_over(struct dsrv_statusfile *);

/*
 * masterstatus.c - what a master shows in its status file
 */

struct master;

/* Others' counters, as they were when they were last added up. */
struct dsrv_seen {
	unsigned long connections;
	unsigned long ends[DSRV_TALLY_ENDS];
	unsigned long refused[DSRV_TALLY_REFUSALS];
};

/* What the master counts, and what it last showed. */
struct dsrv_shown {
	struct dsrv_statusfile file;
	struct dsrv_status status;
	struct dsrv_tally orphans;
	struct dsrv_seen seen[DSRV_SERVERS];
	struct dsrv_seen seen_orphans;
	unsigned long seen_lines, seen_bytes, seen_lost;
	pid_t server;
	int is_ending;
};

/* The workers of all servers, and the spares. */
int dsrv_master_workers(const struct master *);
/* Those that may be at once, as the server has it. */
int dsrv_master_limit(const struct master *);
/* After each event. */
void dsrv_master_show_status(struct master *);
/* Another server replaces one that was asked to end, or that ended with
 * status. */
void dsrv_master_count_restart(struct master *, int is_asked, int status);

#endif
