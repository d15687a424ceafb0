/*
 * report.h - messages and the end of a process
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_REPORT_H
#define DSRV_REPORT_H

#include "ground.h"

/*
 * ring.c - bytes from one process to one other, through memory that they share
 */

/* How many bytes were ever put, and taken. */
struct dsrv_ring_ends {
	_Atomic size_t head;
	_Atomic size_t tail;
};

struct dsrv_ring {
	struct dsrv_ring_ends *ends;
	char *bytes;
	size_t size;	/* a power of two */
};

/* For the process that takes, where head counts the bytes that were taken: how
 * many there are; copies them; has taken them up to head. */
size_t dsrv_ring_fill(const struct dsrv_ring *, size_t head);
void dsrv_ring_load(const struct dsrv_ring *, size_t head, char *text,
    size_t count);
void dsrv_ring_take(const struct dsrv_ring *, size_t head);
/* For the one that puts: how many it has put; room for how many more there is;
 * copies them after these; has put them up to tail. */
size_t dsrv_ring_tail(const struct dsrv_ring *);
size_t dsrv_ring_room(const struct dsrv_ring *, size_t tail);
void dsrv_ring_store(const struct dsrv_ring *, size_t tail, const char *text,
    size_t count);
void dsrv_ring_put(const struct dsrv_ring *, size_t tail);

/*
 * outbox.c - the library's own messages, on their way into the log
 */

enum dsrv_outbox_role {
	DSRV_OUTBOX_MASTER,
	DSRV_OUTBOX_SERVER,
	DSRV_OUTBOX_OTHER_SERVER,	/* beside it, in a reload */
	DSRV_OUTBOX_WRITERS,
	DSRV_OUTBOX_READER = DSRV_OUTBOX_WRITERS	/* the logger */
};

enum { DSRV_OUTBOX_LINE_MAX = 1100 };	/* bytes, with its newline */

/* In the master; -1 with errno. */
int dsrv_outbox_open(void);
void dsrv_outbox_close(void);
/* In a new server or logger, first of all: its children have no part in it. */
void dsrv_outbox_become(enum dsrv_outbox_role);
/* Leaves a line, with its newline, for the logger; never waits. 0: there is no
 * room; -1: this process has no outbox. */
int dsrv_outbox_write(const char *line, size_t length);
/* Whether the logger has not yet taken all that this process has left. */
int dsrv_outbox_is_waiting(void);
/* In the logger: stores a writer's next line, without its newline, in
 * DSRV_OUTBOX_LINE_MAX bytes. Returns how many bytes it takes up in the outbox;
 * 0: there is none. */
size_t dsrv_outbox_read(enum dsrv_outbox_role writer, size_t from, char *line,
    size_t *length);
/* Where the lines end that this writer has left so far. */
size_t dsrv_outbox_end(enum dsrv_outbox_role writer, size_t from);
/* Up to there they are in the log, and their room is free. */
void dsrv_outbox_have_read(enum dsrv_outbox_role writer, size_t up_to);
/* In the master, if no logger follows: stores the next line that is not in the
 * log, with a NUL, in one byte more. Returns whether there was one. */
int dsrv_outbox_take_back(enum dsrv_outbox_role writer, char *line);

/*
 * report.c - the only way to report an error and to end a process
 */

/* Where messages go: during the start to standard error, which the starter
 * empties, waiting a little; later there without waiting, or to syslog(3). */
enum dsrv_report_to {
	DSRV_REPORT_STARTER,
	DSRV_REPORT_STDERR,
	DSRV_REPORT_LOG,	/* by the outbox; without one, to stderr */
	DSRV_REPORT_SYSLOG
};

void dsrv_report_to(enum dsrv_report_to);
/* "NAME: unable to " and the formatted rest, in one line. Keeps errno. */
void dsrv_report(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* The same without "unable to ", for what is not an error. */
void dsrv_report_note(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* Reports a line again that did not arrive. */
void dsrv_report_again(const char *line);
/* Stores that line without a newline in DSRV_REPORT_MAX bytes; returns its
 * length. */
enum { DSRV_REPORT_MAX = 1024 };
size_t dsrv_report_line(char *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes text for which standard error had no room; with patience, waits a
 * moment for some. Returns whether text is left. */
int dsrv_report_flush(int patience);
/* How a process ended, in words: "ended with status 3"; in static memory. */
const char *dsrv_report_how(int wait_status);
/* The exit status for a wait status: 128+n for signal n. */
int dsrv_report_status(int wait_status);
/* Ends the process; or, if return_fatal is not 0, returns it with this errno,
 * and daemon_exit_status() returns status. */
int dsrv_report_end(int status, int error, int return_fatal);
/* What to do before this process, or a fork of it, ends here: only what is
 * allowed in a signal handler. */
void dsrv_report_at_end(void (*)(void));
/* Ends the process even if a return_fatal is set. */
void dsrv_report_exit(int status) __attribute__((noreturn));
/* The same for a helper: the text in its stdio is another process's. */
void dsrv_report_leave(int status) __attribute__((noreturn));
/* Reports "NAME: unable to WHAT" with errno, and exits with status 1. */
void dsrv_report_die(const char *what) __attribute__((noreturn));
/* In a signal handler: reports that this signal has ended the start, and exits
 * with status 1. */
void dsrv_report_stopped(int signo) __attribute__((noreturn));

#endif
