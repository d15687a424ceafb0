/*
 * logger.h - from the log pipe to the log file
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_LOGGER_H
#define DSRV_LOGGER_H

#include "ground.h"
#include "report.h"
#include "loop.h"
#include "role.h"
#include "logfile.h"
#include "journal.h"

/*
 * intake.c - from the log pipe into the text in hand, each byte once
 */

/* In a new logger or reader, first of all. -1 with errno. */
int dsrv_intake_recover(const struct dsrv_handover *);
/* Reads what there is into the text in hand. How many bytes; 0: no more
 * will come; -1 with errno, EAGAIN: not now, ENOBUFS: there is no room.
 * After any error it can be called again. */
ssize_t dsrv_intake_take(const struct dsrv_handover *);
/* In a logger with a reader, before it sleeps: whether there is something to
 * take; if not, the bell will ring. */
int dsrv_intake_has_more(const struct dsrv_handover *);
/* Whether what was written to the log before now is all in hand. */
int dsrv_intake_has_all(const struct dsrv_handover *);
/* Whether the reader has seen the end of the log. */
int dsrv_intake_is_over(const struct dsrv_handover *);

/*
 * reader.c - reads the log for a logger that may sleep: in drop mode
 */

/* Forks one, which has the other end of that pipe. FILE and BELL of the ends
 * are what the logger has open. -1 with errno. */
int dsrv_reader_start(struct dsrv_loop *, const struct dsrv_handover *,
    int bell);

/*
 * logtrouble.c - what the logger could not do, and tries again
 */

/* For messages: the end of a long path. */
const char *dsrv_trouble_path(const char *path);
/* It has failed, with errno, which is kept; at this file. */
void dsrv_trouble_begin(const struct dsrv_handover *, enum dsrv_trouble,
    const char *path);
void dsrv_trouble_end(const struct dsrv_handover *, enum dsrv_trouble);
/* Whether one is over, and to be told. */
int dsrv_trouble_is_over(const struct dsrv_handover *);
/* Adds a line for each that is over. */
void dsrv_trouble_tell(const struct dsrv_handover *, struct dsrv_logline *,
    const struct dsrv_stamp *, struct dsrv_handover_state *after);

/*
 * logcompose.c - what is in hand, as it goes into the file
 */

/* When messages of the library may be said: see logturn.c, ... */
struct dsrv_logturn {
	size_t up_to[DSRV_OUTBOX_WRITERS];	/* those that were seen, ... */
	int64_t since;		/* ... then; 0: none wait */
	size_t before;		/* so many bytes of the pipe may precede them */
	int has_come;
	int64_t held_since;	/* by a line that has no end; 0: they are not */
	int ends_line;		/* that has taken too long */
	size_t most;		/* bytes that the file may grow by, then */
};

/* Whether the logger itself has something to say. */
int dsrv_logcompose_has_news(const struct dsrv_handover *);
/* Composes in dsrv_journal_out() what there is to put, but no more than limit
 * bytes, except for the first line; last: nothing will follow. */
void dsrv_logcompose(const struct dsrv_handover *, const struct dsrv_stamp *,
    const struct dsrv_logturn *, size_t limit, int last,
    struct dsrv_handover_put *);
/* What was put is in the file. */
void dsrv_logcompose_done(const struct dsrv_handover *);

/*
 * logturn.c - ... which is behind the lines that were written before them
 */

struct dsrv_logturn_now {
	int64_t now;
	int is_end;		/* nothing more will come */
	int cannot_read;
	int cannot_write;
};

/* Before each write. */
void dsrv_logturn_look(struct dsrv_logturn *, const struct dsrv_handover *,
    const struct dsrv_logturn_now *);
void dsrv_logturn_have_read(struct dsrv_logturn *, ssize_t bytes);
/* When to look again, if nothing comes. */
int64_t dsrv_logturn_next(const struct dsrv_logturn *,
    const struct dsrv_handover *);

/*
 * logwriter.c - the lines in hand, into the file that is the log now
 */

struct dsrv_logwriter {
	struct dsrv_handover *handover;
	struct dsrv_stamp stamp;	/* of now; the caller's */
	struct dsrv_logturn turn;	/* the caller's, too */
	int at_end;		/* nothing will follow; ... */
	int shares;		/* ... the lock with other daemons; ... */
	int is_locked;
	struct dsrv_logname name;	/* what the file's should be */
	int fd;
	int bell;		/* of the reader, kept with it; or -1 */
	off_t size;		/* when we had written last */
	int linked;		/* the link leads to it */
	time_t looked;		/* at the file, in this second; 0: do */
	time_t stuck;		/* in this second it could not be rotated */
	int64_t full_since;	/* a stream; 0: it is not; ... */
	size_t left;		/* ... for so many bytes, since then */
};

/* Opens the file, or takes it over from the logger before. -1 with errno. */
int dsrv_logwriter_open(struct dsrv_logwriter *, struct dsrv_handover *,
    time_t);
/* Whether the file is still the one that its name says, and says the time. */
void dsrv_logwriter_look(struct dsrv_logwriter *, time_t);
/* Writes what can be written; whether that is all. */
int dsrv_logwriter_write(struct dsrv_logwriter *);

#endif
