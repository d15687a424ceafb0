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
/* Reads what there is into the text in hand. Returns how many bytes; 0: no more
 * will come; -1 with errno, EAGAIN: not now, ENOBUFS: there is no room. It can
 * be called again after any error. */
ssize_t dsrv_intake_take(const struct dsrv_handover *);
/* In a logger with a reader, before it sleeps: whether there is something to
 * take; if not, the bell rings later. */
int dsrv_intake_has_more(const struct dsrv_handover *);
/* Whether everything written to the log so far is in hand. */
int dsrv_intake_has_all(const struct dsrv_handover *);
/* Whether the reader has seen the end of the log. */
int dsrv_intake_is_over(const struct dsrv_handover *);

/*
 * reader.c - reads the log for a logger that may sleep: in drop mode
 */

/* Forks one, which has the other end of that pipe. FILE and BELL of the ends
 * are what the logger has open; it has others, or -1, that the reader is not to
 * have. -1 with errno. */
int dsrv_reader_start(struct dsrv_loop *, const struct dsrv_handover *,
    int bell, const int *others, int count);

/*
 * logtrouble.c - what the logger could not do, and tries again
 */

/* For messages: a path, of which only the end is shown if it is long. */
const char *dsrv_trouble_path(const char *path);
/* Something has failed at this file, with errno, which is kept. */
void dsrv_trouble_begin(const struct dsrv_handover *, enum dsrv_trouble,
    const char *path);
void dsrv_trouble_end(const struct dsrv_handover *, enum dsrv_trouble);
/* The same for this reason; the log says so at once. */
void dsrv_trouble_begin_because(const struct dsrv_handover *,
    enum dsrv_trouble, const char *path, const char *reason);
/* Whether there is something to tell. */
int dsrv_trouble_is_news(const struct dsrv_handover *);
/* Adds a line for each that is over, or new. */
void dsrv_trouble_tell(const struct dsrv_handover *, struct dsrv_logline *,
    const struct dsrv_stamp *, struct dsrv_handover_state *after);

/*
 * logcompose.c - the text in hand, as it is written to the file
 */

/* When messages of the library may be written: see logturn.c, ... */
struct dsrv_logturn {
	size_t up_to[DSRV_OUTBOX_WRITERS];	/* those that were seen, ... */
	int64_t since;		/* ... at this time; 0: none wait */
	size_t before;		/* bytes of the pipe that may precede them */
	int has_come;
	int64_t held_since;	/* by a line without an end; 0: not held */
	int shows_half;		/* a line has waited long for its end */
	int ends_line;		/* because that takes too long */
	size_t most;		/* bytes by which the file may grow */
};

/* Whether the logger itself has something to report. */
int dsrv_logcompose_has_news(const struct dsrv_handover *);
/* Composes in dsrv_journal_out() what there is to write, at most limit bytes
 * except for the first line; last: nothing will follow. */
void dsrv_logcompose(const struct dsrv_handover *, const struct dsrv_stamp *,
    const struct dsrv_logturn *, size_t limit, int last,
    struct dsrv_handover_put *);
/* What was composed is in the file. */
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
/* When to look again if nothing comes. */
int64_t dsrv_logturn_next(const struct dsrv_logturn *,
    const struct dsrv_handover *);

struct dsrv_loghalf {
	int64_t since;	/* a line has no end; 0: there is none */
	unsigned puts;	/* to the file, then */
};

/* When to write what there is of a line that has no end. */
int64_t dsrv_logturn_half_at(const struct dsrv_loghalf *,
    const struct dsrv_handover *);
/* After all has been written that has an end, by that many puts. */
void dsrv_logturn_look_for_half(struct dsrv_loghalf *,
    const struct dsrv_handover *, unsigned puts, int cannot_write);

/*
 * loghold.c - the lock on the log file, which other daemons may log to
 */

struct dsrv_loghold {
	int is_held;
	int64_t since;		/* when it was taken */
	int64_t next;		/* when to try again to get it */
};

/* Never waits. -1 with errno: another process has locked it. */
int dsrv_loghold_take(struct dsrv_loghold *, int fd);
/* Another process has had the lock since this time, which is 0 at first:
 * whether it is too early to say so. Sets when to try again. */
int dsrv_loghold_is_patient(struct dsrv_loghold *, int64_t *since);
void dsrv_loghold_release(struct dsrv_loghold *, int fd);
/* Releases it, but first waits a moment for the end of a line that has
 * begun. */
void dsrv_loghold_let_go(struct dsrv_loghold *, int fd, int midline);
/* Whether it will be released at the end of the next line. */
int dsrv_loghold_is_ending(const struct dsrv_loghold *);

/* The state of the next two files. */
struct dsrv_logwriter {
	struct dsrv_handover *handover;
	struct dsrv_stamp stamp;	/* at this time; the caller sets it */
	struct dsrv_logturn turn;	/* set by the caller, too */
	int at_end;		/* nothing will follow; the caller's */
	struct dsrv_loghold lock;	/* lock.next: when to write again */
	struct dsrv_logname name;	/* the file's, by the format */
	int fd;
	int bell;		/* of the reader, kept with it; or -1 */
	int linked;		/* the link leads to it */
	time_t looked;		/* when its name was last checked; 0: never */
	time_t stuck;		/* could not be rotated in this second */
	time_t astray;		/* could not be changed in this second */
	uintmax_t others;	/* bytes of the older files */
	time_t pruned;		/* in this second, and too much was left */
	int64_t locked_since;	/* by another process; 0: it is not */
	int64_t crowded_since;	/* a file to be renamed is; 0: none is */
	int64_t full_since;	/* a stream is full; 0: it is not; ... */
	size_t left;		/* ... for this many bytes, since then */
	unsigned puts;		/* of the text in hand, so far */
};

/*
 * logcurrent.c - the file that is the log now
 */

/* Opens the file, or takes over the last logger's. -1 with errno. */
int dsrv_logcurrent_open(struct dsrv_logwriter *, struct dsrv_handover *,
    time_t);
/* Changes files if the file has lost its name, or the time gives another
 * one. */
void dsrv_logcurrent_look(struct dsrv_logwriter *, time_t);
/* Locks the file and stores its state; 1: another file has replaced it; -1: it
 * cannot be written now. */
int dsrv_logcurrent_hold(struct dsrv_logwriter *, struct stat *);
/* Unlocks it, unless a write is under way. */
void dsrv_logcurrent_let_go(struct dsrv_logwriter *);
/* Finishes the pending write. -1: not now. */
int dsrv_logcurrent_finish(struct dsrv_logwriter *);
/* A write has failed, with errno. */
void dsrv_logcurrent_not_written(struct dsrv_logwriter *);
/* Whether another process has written to the file of this size after us: then a
 * line that we had begun has been ended. */
int dsrv_logcurrent_is_ended(const struct dsrv_logwriter *, off_t size);
/* Whether the file has lost that name. */
int dsrv_logcurrent_differs(const struct dsrv_logwriter *,
    const struct dsrv_logname *);
/* Opens the file that has the name now; -1 with errno: the old one stays. */
int dsrv_logcurrent_change(struct dsrv_logwriter *, time_t);
/* A trouble begins, with errno. */
void dsrv_logcurrent_fail(const struct dsrv_logwriter *, enum dsrv_trouble);

/*
 * logwriter.c - the lines in hand, into the file that is the log now
 */

/* Writes what can be written; returns whether that was everything. */
int dsrv_logwriter_write(struct dsrv_logwriter *);

#endif
