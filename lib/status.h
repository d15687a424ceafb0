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

/* Why a server was followed by another. */
enum dsrv_restart_reason {
	DSRV_RESTART_ASKED,	/* by a signal */
	DSRV_RESTART_ENDED,	/* it ended with status 0 */
	DSRV_RESTART_CRASHED,
	DSRV_RESTART_REASONS
};

struct dsrv_status {
	time_t started;
	time_t reloaded;	/* 0: never */
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
	int dir;		/* its directory; -1: it was not there */
	struct dsrv_written *written;	/* shared with its children */
	pid_t child;		/* that writes or removes it; 0: none */
	int64_t since;		/* that child; ms */
	int is_wanted;		/* something has changed */
	int has_failed;		/* that was said */
	int is_there;		/* there may be a file */
	enum {
		DSRV_STATUSFILE_KEPT,
		DSRV_STATUSFILE_WAITS,	/* for the last child, at the end */
		DSRV_STATUSFILE_GOES	/* it is being removed */
	} end;
	int64_t until;		/* how long to wait, at the end */
};

/* 0; or reports why it has no path, and returns an error number. */
int dsrv_statusfile_check(void);
/* Does nothing unless the program wants a status file. -1 with errno. */
int dsrv_statusfile_open(struct dsrv_statusfile *, struct dsrv_loop *,
    int tag);
/* At the end, or in a child. */
void dsrv_statusfile_close(struct dsrv_statusfile *);
/* Something has changed; whether or not, the time of its timer may have come. */
void dsrv_statusfile_change(struct dsrv_statusfile *);
void dsrv_statusfile_tick(struct dsrv_statusfile *);
/* Whether to write it now. */
int dsrv_statusfile_is_due(const struct dsrv_statusfile *);
void dsrv_statusfile_write(struct dsrv_statusfile *, const char *text,
    size_t size);
/* A child has ended: whether it was its. */
int dsrv_statusfile_lose(struct dsrv_statusfile *, const struct dsrv_ended *);
/* At the end of the daemon: whether it is removed, or cannot be. */
int dsrv_statusfile_is_over(struct dsrv_statusfile *);

/*
 * masterstatus.c - what a master shows in its status file
 */

struct master;

/* Counters of others, as they were when they were added to the sum. */
struct dsrv_seen {
	unsigned long connections;
	unsigned long ends[DSRV_TALLY_ENDS];
	unsigned long refused[DSRV_TALLY_REFUSALS];
};

/* What it counts, and what it has shown last. */
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

/* Of all servers; spares count too. */
int dsrv_master_workers(const struct master *);
/* Those that may be at once, as the server has it. */
int dsrv_master_limit(const struct master *);
/* After each event. */
void dsrv_master_show_status(struct master *);
/* A server is followed by another: it was asked to end, or ended so. */
void dsrv_master_count_restart(struct master *, int is_asked, int status);

#endif
