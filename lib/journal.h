/*
 * journal.h - what a logger has in hand
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_JOURNAL_H
#define DSRV_JOURNAL_H

#include "ground.h"
#include "report.h"
#include "role.h"

/*
 * logline.c - from what was read to what is written: prefix, escapes
 */

/* Longer lines are written in pieces. */
enum { DSRV_LOGLINE_PIECE = 64 * 1024 };

/* The prefix at one moment. All 0 at first. */
struct dsrv_stamp {
	int made;
	time_t second;		/* that text shows, except for fractions */
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
	size_t limit;		/* of out, except for the first line */
	int last;		/* nothing will follow: a line ends here */
	int half;		/* write a line that has no end yet */
	int midline;		/* out continues a line; ends in one */
	size_t used;		/* of in */
	size_t count;		/* in out; not 0 if something is there */
};

void dsrv_logline_stamp(struct dsrv_stamp *, const struct timespec *);
/* Adds a line of the logger's own to out, after ending an unfinished one; -1:
 * there is no room for it. */
int dsrv_logline_say(struct dsrv_logline *, const struct dsrv_stamp *,
    const char *line, size_t length);
/* Adds the lines of in to out, each with the prefix; returns whether all
 * fitted. */
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
	DSRV_TROUBLE_PROCESS,	/* the log can be written: told at once */
	DSRV_TROUBLES
};

struct dsrv_handover_trouble {
	int64_t since;	/* on dsrv_clock_now()'s clock; 0: there is none */
	int64_t until;	/* 0: it goes on */
	int is_new;	/* the log is to tell that it has begun */
};

/* What else the next logger or reader must know. */
struct dsrv_handover_state {
	int midline;	/* the last line written has no newline yet */
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
	size_t from_pending;	/* a read of this many is under way, ... */
	size_t from_log;	/* ... or one straight from the log pipe */
	size_t ring;		/* bytes taken from it; a reader's: put */
	size_t from_out;	/* a write from there on in out, ... */
	size_t to_file;		/* ... of this many, is pending, ... */
	int under_way;		/* ... and has begun, under the file's lock; */
	int newline;		/* ... the first is the end of half a line */
	off_t offset;		/* ... to a file that had this size, ... */
	off_t end;		/* ... and has this with it, -1: unknown, ... */
	int path;		/* ... opened by this path, ... */
	uint64_t kept;		/* ... which is kept by this number */
	uint64_t numbers;	/* given to files so far */
	struct dsrv_handover_state state;
};

enum {
	DSRV_REASON_MAX = 256,
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
		char reason[DSRV_REASON_MAX];
	} troubles[DSRV_TROUBLES];

	struct dsrv_journal reader;
	struct dsrv_ring_ends ring_ends;	/* from it to the logger */
	_Atomic long lost;		/* as its record has it */
	_Atomic long lines;		/* written so far, ... */
	_Atomic long bytes;		/* ... to be shown */
	_Atomic int ended;		/* nothing will follow in the ring */
	_Atomic int logger_sleeps;	/* until the bell rings */
	_Atomic int reader_reads;	/* what is not yet in the ring */
	char ring[DSRV_HANDOVER_RING];
};

struct dsrv_handover_text {
	const char *start;
	size_t size;
};

/* What is written of the text in hand. */
struct dsrv_handover_put {
	size_t used;	/* bytes of the text, ... */
	size_t count;	/* ... which have become this many of out */
	int ends_half_a_line;	/* of another process, before them */
	struct dsrv_handover_state state;	/* after that */
};

/* The record in force; a copy of it to change; puts that copy in force. */
const struct dsrv_record *dsrv_journal_record(const struct dsrv_handover *);
struct dsrv_record *dsrv_journal_revise(const struct dsrv_handover *);
void dsrv_journal_note(const struct dsrv_handover *);
const struct dsrv_handover_state *dsrv_journal_state(
    const struct dsrv_handover *);
void dsrv_journal_set_state(const struct dsrv_handover *,
    const struct dsrv_handover_state *);
struct dsrv_handover_text dsrv_journal_text(const struct dsrv_handover *);
/* In a reader: this much of the text is in the ring, up to there, or lost; it
 * is no longer needed. */
void dsrv_journal_hand_on(const struct dsrv_handover *, size_t used,
    size_t ring, const struct dsrv_handover_state *);
/* Where to compose what is to be written, DSRV_HANDOVER_OUT bytes; not while
 * something is pending. */
char *dsrv_journal_out(const struct dsrv_handover *);
/* Writes it to fd, the file that is kept and has this size. -1 with errno: all
 * or a part of it is pending. */
int dsrv_journal_put(const struct dsrv_handover *, int fd, off_t size,
    const struct dsrv_handover_put *);
int dsrv_journal_is_pending(const struct dsrv_handover *);
/* Whether the write has begun: then the file must stay locked. */
int dsrv_journal_is_under_way(const struct dsrv_handover *);
/* What is pending is to be written to this file, which has this size, after a
 * newline if the file ends with half a line. */
void dsrv_journal_begin(const struct dsrv_handover *, off_t size,
    int ends_half_a_line);
/* Continues a write that is under way; gives up what is pending. */
int dsrv_journal_resume(const struct dsrv_handover *, int fd);
void dsrv_journal_forget_pending(const struct dsrv_handover *);
/* Directs what is pending to another file, in which it has not begun, without
 * whole lines that are in the previous one. The caller notes the record. */
void dsrv_journal_move(const struct dsrv_handover *, struct dsrv_record *,
    int before);

/*
 * handover.c - from the log pipe into the log file, each byte once
 */

struct dsrv_kept {
	int file;
	int bell;	/* the end of the reader's pipe; -1: there is none */
	const char *path;	/* of a new file; NULL: it is the same */
	int before;		/* the previous one; -1: there is none */
	off_t size;		/* below 0: it is a stream */
};

/* In a new logger, first of all: takes over the last logger's file and reader.
 * -1 with errno, ENOENT: this is the first logger. */
int dsrv_handover_recover(struct dsrv_handover *, struct dsrv_kept *);
/* Keeps these for the next logger, instead of earlier ones. What is pending is
 * to begin in a new file. -1 with errno. */
int dsrv_handover_keep(const struct dsrv_handover *, const struct dsrv_kept *);
struct dsrv_ring dsrv_handover_ring(const struct dsrv_handover *);

#endif
