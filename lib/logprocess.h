/*
 * logprocess.h - the program's processor of finished log files
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_LOGPROCESS_H
#define DSRV_LOGPROCESS_H

#include "logger.h"

/*
 * logplace.c - how a log file leaves the row, to be processed
 */

/* An empty file that keeps a place: it does not have its time yet. */
enum { DSRV_UNFINISHED = 0200 };

/* FILE.processing. */
struct dsrv_taken {
	char path[DSRV_PATH_MAX];	/* FILE's */
	int dir;
	int lock;	/* of FILE.processing.lock, which has its time */
	int file;	/* locked, too; -1: it is gone */
};

/* Whether it is a file of the row, not the log itself. */
int dsrv_logplace_is_in_row(const struct dsrv_logold_file *);
/* What is in process of the same FILE, itself if possible; NULL: nothing. */
const struct dsrv_logold_file *dsrv_logplace_find(const struct dsrv_logold *,
    const struct dsrv_logold_file *);
/* Takes it out of the row, or over from a dead logger. 0: all that is left is
 * what a processor has made; -1 with errno, EBUSY: not now; EWOULDBLOCK:
 * another process has the lock. */
int dsrv_logplace_take(struct dsrv_taken *, const struct dsrv_logold *,
    const struct dsrv_logold_file *);
void dsrv_logplace_close(struct dsrv_taken *);

struct dsrv_placename {
	char text[DSRV_PATH_MAX + 64];
};

/* FILE.N.SUFFIX, without a directory; 0: without a number. */
struct dsrv_placename dsrv_logplace_name(const struct dsrv_taken *,
    long number, const char *suffix);
/* The next name that FILE's directory has for something of it; NULL: there are
 * no more. */
const char *dsrv_logplace_next(DIR *names, const struct dsrv_taken *,
    struct dsrv_own *);
/* The next one that its processor has made. */
const char *dsrv_logplace_next_made(DIR *names, const struct dsrv_taken *,
    const char **suffix);
void dsrv_logplace_remove_made(const struct dsrv_taken *);

/*
 * logback.c - how a log file, or what was made of it, comes back into the row
 */

/* Where it was put. */
struct dsrv_logplace {
	char path[2 * DSRV_PATH_MAX];
	long number;
	struct timespec modified;
};

/* Puts the file, or what was made of it, into the row, and closes it. -1 with
 * errno: not all of it; EWOULDBLOCK: not now, and nothing is closed. */
int dsrv_logback_put(struct dsrv_taken *, const struct dsrv_logold *,
    int has_failed, struct dsrv_logplace *);

/*
 * processor.c - the program's processor, run on one file
 */

struct dsrv_processor {
	struct dsrv_loop *loop;
	int tag;
	pid_t pid;	/* 0: it does not run */
	int complaints;	/* what it says on its standard error; -1 */
	char said[128];	/* the first line */
	size_t said_length;
	int has_said;
};

/* -1 with errno. */
int dsrv_processor_start(struct dsrv_processor *, const struct dsrv_taken *);
/* The descriptor of its tag is ready. */
void dsrv_processor_hear(struct dsrv_processor *);
/* A child has ended: whether it is this one. */
int dsrv_processor_lose(struct dsrv_processor *);
/* Asks it to end, but does not wait. */
void dsrv_processor_end(const struct dsrv_processor *);

/*
 * logprocess.c - the program's processor, run on one finished file at a time
 */

struct dsrv_logprocess {
	const struct dsrv_handover *handover;
	struct dsrv_processor processor;
	struct dsrv_taken taken;
	int status;		/* how it has ended, if ... */
	int has_ended;		/* ... and the file is not yet put back */
	uint64_t seen;		/* the log file, when it looked last */
	int64_t next;		/* when to look, if there is no other */
	int is_busy;		/* another process has a file, ... */
	int locked;		/* ... or this many that were not looked at */
	int waits;		/* for these, in a row */
	int has_failed;		/* at a file ... */
	struct timespec failed;	/* ... of this time, ... */
	long failed_number;	/* ... with this number */
	int all_wait;		/* even newer ones */
	int failures;		/* in a row */
	int64_t again;		/* when to try all again */
};

void dsrv_logprocess_open(struct dsrv_logprocess *, struct dsrv_loop *,
    int tag);
/* Does what there is to do; may set the timer of the tag. */
void dsrv_logprocess_look(struct dsrv_logprocess *, struct dsrv_logwriter *);
/* A child has ended. */
void dsrv_logprocess_lose(struct dsrv_logprocess *);
/* What has failed, too, and now. */
void dsrv_logprocess_try_again(struct dsrv_logprocess *);
/* Leaves what it has to the next logger. */
void dsrv_logprocess_close(struct dsrv_logprocess *);

#endif
