/*
 * logger-private.h - the logger's part of the internal interface
 *
 * For the units that the logger alone calls; what others call too is in
 * daemon-private.h. Lowest first here as well.
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef LOGGER_PRIVATE_H
#define LOGGER_PRIVATE_H

#include "daemon-private.h"

/*
 * timeformat.c - strftime(3), one conversion at a time, and in one time zone
 */

struct dsrv_time {
	time_t second;
	struct tm tm;
};

/* Local time; -1 with errno. */
int dsrv_timeformat_at(struct dsrv_time *, time_t);
/* The time that strptime(3) has read. */
void dsrv_timeformat_of(struct dsrv_time *, const struct tm *);
/* The length of the conversion that format begins with; 0: it begins with
 * text, of which "%%" is a part. */
size_t dsrv_timeformat_conversion(const char *format);
/* Formats the conversion of that length; how many bytes, or -1: there is no
 * room for them and a NUL. */
int dsrv_timeformat_add(char *to, size_t room, const char *format,
    size_t length, const struct dsrv_time *);

/*
 * logname.c - the log file's name: what the format gives for a time, and
 * whether it would give a name
 */

struct dsrv_logname {
	char path[DSRV_PATH_MAX];
	char converted[DSRV_PATH_MAX];	/* 1 for a byte of a conversion */
};

/* The file's path at that time; -1 with errno. */
int dsrv_logname_at(struct dsrv_logname *, time_t);
/* The name behind the last slash. */
const char *dsrv_logname_last(const char *path);

/* What a name of the format is made of. */
struct dsrv_own {
	size_t length;	/* of what the format gives, without ... */
	long number;	/* ... what is behind it; 0: nothing */
};

/* Whether strptime(3) reads this as a path of the format, and strftime(3)
 * gives it back: then the logger has made it, or would; ... */
int dsrv_logname_is_read_back(const char *path, struct dsrv_own *);
/* ... or for what strptime(3) cannot read, such as weeks, whether it is the
 * path of that time. */
int dsrv_logname_is_of(const char *path, time_t, struct dsrv_own *);

/* A part of the format, up to a slash or its end. */
struct dsrv_part {
	char begins[DSRV_PATH_MAX];	/* text before the conversions */
	char ends[DSRV_PATH_MAX];	/* text behind them */
	int converts;		/* whether there are any */
	const char *rest;	/* of the format, from that slash on */
};

/* What format begins with. */
void dsrv_logname_part(struct dsrv_part *, const char *format);
/* Stores the path that is the same at all times, with its slash at the end;
 * the format from there on. */
const char *dsrv_logname_fixed(char *path);
/* Whether a name may be one of that part; of the last, or one with a number. */
int dsrv_logname_fits(const struct dsrv_part *, const char *name);

/*
 * logdir.c - the log file's directory, held by a descriptor
 */

/* The directory of that path; missing ones whose own name has a conversion are
 * made, if they may be. -1 with errno. */
int dsrv_logdir_open(const struct dsrv_logname *, int make);
/* The directory of that name in dir, and no link. */
int dsrv_logdir_enter(int dir, const char *name);

/*
 * filelock.c - a lock on an open file, and which process has it
 */

/* Never waits. -1 with EWOULDBLOCK: another process has it; where the file
 * system has no locks none is needed. */
int dsrv_filelock_take(int fd);
void dsrv_filelock_release(int fd);
/* In words, which process had it that dsrv_filelock_take() has met last; in
 * static memory. */
const char *dsrv_filelock_why(void);
/* Opens and locks a regular file of another time. -1 with errno: it is not
 * one, or another process has it. */
struct stat;
int dsrv_filelock_open(int dir, const char *name, struct stat *);

/*
 * logstream.c - standard output or standard error as the log, or a FIFO
 */

/* Instead of a file's size. */
enum {
	DSRV_STREAM = -1,	/* standard output, or standard error */
	DSRV_FIFO = -2,
	DSRV_UNKNOWN = -3
};

/* The descriptor that a path names, as "-" and "/dev/stdout" do; -1: it names
 * a file. */
int dsrv_logstream_of(const char *path);
/* A descriptor for what this one is; -1 with errno. */
int dsrv_logstream_open(int number);
/* write(2), but does not wait: EAGAIN. */
ssize_t dsrv_logstream_write(int fd, const char *text, size_t count);

/*
 * logfile.c - the log file: its opening, and the link to it
 */

/* Whether the name is not that of what is open. */
int dsrv_logfile_differs(const struct dsrv_logname *, int fd);
/* Opens the file, makes it where it is missing, and locks it; size: how long
 * it is. -1 with errno, which dsrv_logfile_why() explains. */
int dsrv_logfile_open(const struct dsrv_logname *, off_t *size);
const char *dsrv_logfile_why(int error);
/* As a full disk or the end of a daemon leaves it; not where that cannot be
 * read. */
int dsrv_logfile_ends_in_half_a_line(int fd);
/* Has the link, if one is set, lead to path. */
int dsrv_logfile_link(const char *path);

/*
 * logrotation.c - rotation by size: FILE becomes FILE.1, that FILE.2, ...
 */

/* Makes way for a new file of that name; fd is the one to be renamed. -1 with
 * errno. */
int dsrv_logrotation_make_way(const struct dsrv_logname *, int fd);

/*
 * logprune.c - no more log files than are to be kept: the oldest go
 */

/* fd is the current file, left what was that before it, or NULL. */
void dsrv_logprune(const struct dsrv_logname *current, int fd,
    const struct stat *left, time_t now);

/*
 * logline.c - from what was read to what is written: prefix, escapes
 */

/* A line that has no end after so many bytes is written in pieces. */
enum { DSRV_LOGLINE_PIECE = 64 * 1024 };

/* The prefix, as it is at one moment. All 0 at first. */
struct dsrv_stamp {
	int made;
	time_t second;		/* text is of this one, but for fractions */
	size_t size;
	char text[1024];
	int fraction_count;
	struct {
		size_t at;
		int digits;
	} fractions[DSRV_PREFIX_FORMAT_MAX / 2 + 1];
};

struct dsrv_logline {
	const char *in;
	size_t in_size;
	char *out;		/* much larger than a prefix */
	size_t out_size;
	size_t limit;		/* no more in out, but for the first line */
	int last;		/* nothing will follow: a line ends here */
	int midline;		/* out continues a line; and then */
	size_t used;		/* of in */
	size_t count;		/* in out; not 0 where something is there */
};

void dsrv_logline_stamp(struct dsrv_stamp *, const struct timespec *);
/* Adds to out a line of the logger's own, and ends the one before it; -1: there
 * is no room for it. */
int dsrv_logline_say(struct dsrv_logline *, const struct dsrv_stamp *,
    const char *line, size_t length);
/* Adds to out what lines there are, each after the prefix; whether that is
 * all of them. */
int dsrv_logline_compose(struct dsrv_logline *, const struct dsrv_stamp *);

/*
 * journal.c - what a logger has in hand, so that another can go on from there
 */

/* What the logger could not do, and tries again. */
enum dsrv_trouble {
	DSRV_TROUBLE_READ,
	DSRV_TROUBLE_WRITE,
	DSRV_TROUBLE_OPEN,
	DSRV_TROUBLE_RENAME,
	DSRV_TROUBLE_LOCK,
	DSRV_TROUBLES
};

struct dsrv_handover_trouble {
	int64_t since;	/* on dsrv_clock_now()'s clock; 0: there is none */
	int64_t until;	/* 0: it goes on */
};

/* What else the next logger must know, or the next reader. */
struct dsrv_handover_state {
	int midline;	/* what is in the file, or ring, has no newline yet */
	int skipping;	/* a reader's: what comes is the rest of a lost line */
	long lost;	/* a reader's: lines, ever; ... */
	long told;	/* ... and of how many the log tells, ... */
	time_t told_in;	/* ... since this second */
	size_t outbox[DSRV_OUTBOX_WRITERS];	/* read so far */
	struct dsrv_handover_trouble troubles[DSRV_TROUBLES];
};

struct dsrv_record {
	int raw;		/* which of the buffers */
	size_t in_raw;		/* bytes that are in no line of out yet */
	size_t from_pending;	/* a read of so many is under way, ... */
	size_t from_log;	/* ... or one straight from the log pipe */
	size_t ring;		/* bytes taken from it; a reader's: put */
	size_t from_out;	/* a write from there on in out, ... */
	size_t to_file;		/* ... of so many, is under way, ... */
	int newline;		/* ... the first is the end of half a line */
	off_t offset;		/* ... to a file that was so long, ... */
	int path;		/* ... opened by this path, ... */
	uint64_t kept;		/* ... which is kept by this number */
	uint64_t numbers;	/* given to files so far */
	struct dsrv_handover_state state;
};

enum {
	DSRV_HANDOVER_RAW = 128 * 1024,	/* bytes read, ... */
	DSRV_HANDOVER_OUT = 256 * 1024,	/* ... and written, at once */
	DSRV_HANDOVER_RING = 512 * 1024	/* a power of two */
};

struct dsrv_journal {
	struct dsrv_record records[2];
	int in_force;
	char raw[2][DSRV_HANDOVER_RAW];
};

struct dsrv_handover_memory {
	struct dsrv_journal logger;
	char out[1 + DSRV_HANDOVER_OUT];
	char paths[2][DSRV_PATH_MAX];
	struct dsrv_trouble_text {
		char path[1024];
		char reason[128];
	} troubles[DSRV_TROUBLES];

	struct dsrv_journal reader;
	struct dsrv_ring_ends ring_ends;	/* from it to the logger */
	_Atomic long lost;		/* as its record has it */
	_Atomic int ended;		/* nothing will follow in the ring */
	_Atomic int logger_sleeps;	/* until the bell rings */
	_Atomic int reader_reads;	/* what is not yet in the ring */
	char ring[DSRV_HANDOVER_RING];
};

struct dsrv_handover_text {
	const char *start;
	size_t size;
};

/* What goes from the text that is in hand to the file. */
struct dsrv_handover_put {
	size_t used;	/* bytes of the text, ... */
	size_t count;	/* ... which have become so many of out */
	int ends_half_a_line;	/* of somebody else, before them */
	struct dsrv_handover_state state;	/* then */
};

/* The record in force; a copy to be changed; and that comes into force. */
const struct dsrv_record *dsrv_journal_record(const struct dsrv_handover *);
struct dsrv_record *dsrv_journal_revise(const struct dsrv_handover *);
void dsrv_journal_note(const struct dsrv_handover *);
const struct dsrv_handover_state *dsrv_journal_state(
    const struct dsrv_handover *);
void dsrv_journal_set_state(const struct dsrv_handover *,
    const struct dsrv_handover_state *);
struct dsrv_handover_text dsrv_journal_text(const struct dsrv_handover *);
/* In a reader: so much of the text is no longer needed, since it is in the
 * ring up to there, or lost. */
void dsrv_journal_hand_on(const struct dsrv_handover *, size_t used,
    size_t ring, const struct dsrv_handover_state *);
/* Where to compose what is to be put, of DSRV_HANDOVER_OUT bytes; not while
 * something is pending. */
char *dsrv_journal_out(const struct dsrv_handover *);
/* Writes it to fd, the file kept, which is so long. -1 with errno: then it,
 * or a part of it, is pending. */
int dsrv_journal_put(const struct dsrv_handover *, int fd, off_t size,
    const struct dsrv_handover_put *);
int dsrv_journal_is_pending(const struct dsrv_handover *);
/* Goes on with what is pending; or gives it up. */
int dsrv_journal_resume(const struct dsrv_handover *, int fd);
void dsrv_journal_forget_pending(const struct dsrv_handover *);
/* Has what is pending be written to another file, except for whole lines that
 * are in the one before. To be noted. */
void dsrv_journal_move(const struct dsrv_handover *, struct dsrv_record *,
    int before, int in_half_a_line);

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
 * handover.c - from the log pipe into the log file, each byte once
 */

struct dsrv_kept {
	int file;
	int bell;	/* the end of the reader's pipe; -1: there is none */
	const char *path;	/* of a new file; NULL: it is the same */
	int before;		/* the one before it; -1: there is none */
	off_t size;
	int in_half_a_line;
};

/* In a new logger, first of all: takes over the file of the one before it, and
 * its reader. -1 with errno, ENOENT: there was none before. */
int dsrv_handover_recover(struct dsrv_handover *, struct dsrv_kept *);
/* Keeps these for the next logger, in place of those before. What is pending
 * is to be written to a new file. -1 with errno. */
int dsrv_handover_keep(const struct dsrv_handover *, const struct dsrv_kept *);
struct dsrv_ring dsrv_handover_ring(const struct dsrv_handover *);

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
};

/* Whether the logger itself has something to say. */
int dsrv_logcompose_has_news(const struct dsrv_handover *);
/* Composes in dsrv_journal_out() what there is to put, but no more than limit
 * bytes, except for the first line; last: nothing will follow. */
void dsrv_logcompose(const struct dsrv_handover *, const struct dsrv_stamp *,
    const struct dsrv_logturn *, size_t limit, int last,
    struct dsrv_handover_put *);
/* What was put is noted. */
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
