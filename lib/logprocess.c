/*
 * logprocess.c - the program's processor, run on one finished file at a time
 *
 *     logger -+  renames FILE.1 to FILE.processing and forks
 *             `- processor FILE.processing
 *                makes FILE.processing.gz of it, which becomes FILE.1.gz
 *
 * The logger looks for finished files when there is a new one, and when the
 * processor has ended. What a dead logger has left comes first, and of the rest
 * the oldest.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "logprocess.h"

enum {
	AGAIN = 100,		/* ms, if the log file is locked */
	BUSY = 1000,		/* ms, if another process has one, ... */
	LONGEST_BUSY = 60 * 1000,	/* ... doubling up to that */
	FIRST_PAUSE = 60 * 1000,	/* ms, after a failure */
	LONGEST_PAUSE = 3600 * 1000
};

/*
 * Failures: the files that are newer than one that has failed do not wait for
 * it; after a pause all are tried again
 */

/* Of two of the same time the one with the lower number is newer. */
static int
is_later(const struct dsrv_logold_file *f, const struct timespec *time,
    long number)
{
	const struct timespec *its = &f->file.st_mtim;

	if (its->tv_sec != time->tv_sec)
		return its->tv_sec > time->tv_sec;
	if (its->tv_nsec != time->tv_nsec)
		return its->tv_nsec > time->tv_nsec;
	return f->own.number > 0 && f->own.number < number;
}

static int
is_to_be_tried(const struct dsrv_logprocess *p,
    const struct dsrv_logold_file *f)
{
	return !p->has_failed || (!p->all_wait &&
	    is_later(f, &p->failed, p->failed_number));
}

/* This file and those that are older are to wait. */
static void
fail(struct dsrv_logprocess *p, const struct timespec *modified, long number,
    const char *path, const char *reason)
{
	p->has_failed = 1;
	p->failed = *modified;
	p->failed_number = number;
	dsrv_trouble_begin_because(p->handover, DSRV_TROUBLE_PROCESS, path,
	    reason);
}

static void
fail_at(struct dsrv_logprocess *p, const struct dsrv_logold_file *f,
    const char *reason)
{
	fail(p, &f->file.st_mtim, f->own.number, f->path, reason);
}

static void
say_failure(struct dsrv_logprocess *p, const struct dsrv_logplace *back)
{
	char reason[DSRV_REASON_MAX];
	const char *said = p->processor.said;

	snprintf(reason, sizeof reason, "%s %s%s%s",
	    dsrv_settings()->logger_processor, dsrv_report_how(p->status),
	    *said != '\0' ? ": " : "", said);
	fail(p, &back->modified, back->number, back->path, reason);
}

/* Nothing is left to do now. */
static void
rest(struct dsrv_logprocess *p)
{
	int64_t now = dsrv_clock_now();

	if (p->has_failed && p->again == DSRV_NEVER)
		p->again = now + dsrv_backoff(++p->failures, FIRST_PAUSE,
		    LONGEST_PAUSE);
	if (!p->has_failed && !p->is_busy) {
		p->failures = 0;
		dsrv_trouble_end(p->handover, DSRV_TROUBLE_PROCESS);
	}
	p->next = p->again;
	if (p->is_busy || p->locked > 0)
		p->next = dsrv_clock_earlier(p->next, now +
		    dsrv_backoff(++p->waits, BUSY, LONGEST_BUSY));
}

/*
 * Which is next
 */

enum begun {
	SOMETHING,
	NOT_THIS,	/* nothing with this file, ... */
	NOTHING		/* ... nor with another one now */
};

/* It could not be taken. Only the lock says that another processor runs. */
static enum begun
leave(struct dsrv_logprocess *p, const struct dsrv_logold_file *f)
{
	if (errno != EWOULDBLOCK && errno != EBUSY) {
		fail_at(p, f, errno == EPERM ?
		    "others can write its directory" : strerror(errno));
		return NOT_THIS;
	}
	p->is_busy = 1;
	return errno == EBUSY ? NOT_THIS : NOTHING;
}

/* It has been taken, and comes back when it is tried again. */
static enum begun
run(struct dsrv_logprocess *p, const struct dsrv_logold_file *f)
{
	if (dsrv_processor_start(&p->processor, &p->taken) == 0)
		return SOMETHING;
	fail_at(p, f, strerror(errno));
	p->all_wait = 1;
	dsrv_logplace_close(&p->taken);
	return NOTHING;
}

static enum begun
begin(struct dsrv_logprocess *p, const struct dsrv_logold *old,
    const struct dsrv_logold_file *f)
{
	int taken = dsrv_logplace_take(&p->taken, old, f);

	if (taken == -1)
		return leave(p, f);
	if (taken == 1)
		return run(p, f);
	p->status = 0;
	p->has_ended = 1;
	return SOMETHING;
}

/* Whether another daemon may have it as its log. */
static int
is_current(const struct dsrv_logold *old, const struct dsrv_logold_file *f)
{
	struct dsrv_logname name;

	return dsrv_logname_at(&name, old->now) == -1 ||
	    strcmp(f->path, name.path) == 0;
}

static int
is_finished(const struct dsrv_logold *old, const struct dsrv_logold_file *f)
{
	return f->path[f->own.suffix] == '\0' && f->file.st_size > 0 &&
	    dsrv_logplace_is_in_row(f) && !is_current(old, f) &&
	    dsrv_logplace_find(old, f) == NULL;
}

/* What a dead logger has left, or another daemon has: one at a time. */
static enum begun
go_on(struct dsrv_logprocess *p, const struct dsrv_logold *old)
{
	const struct dsrv_logold_file *f;
	enum begun begun = NOT_THIS;

	for (f = old->in_process; f != NULL && begun == NOT_THIS; f = f->next)
		if (f == dsrv_logplace_find(old, f) && is_to_be_tried(p, f))
			begun = begin(p, old, f);
	return begun == NOT_THIS && p->is_busy ? NOTHING : begun;
}

/* Whether something was done. */
static int
begin_next(struct dsrv_logprocess *p, const struct dsrv_logold *old)
{
	enum begun begun = go_on(p, old);
	size_t i;

	for (i = old->count; i > 0 && begun == NOT_THIS; i--)
		if (is_finished(old, old->files[i - 1]) &&
		    is_to_be_tried(p, old->files[i - 1]))
			begun = begin(p, old, old->files[i - 1]);
	return begun == SOMETHING;
}

/*
 * When
 */

void
dsrv_logprocess_open(struct dsrv_logprocess *p, struct dsrv_loop *loop,
    int tag)
{
	memset(p, 0, sizeof *p);
	p->processor.loop = loop;
	p->processor.tag = tag;
	p->processor.complaints = -1;
	p->taken.dir = p->taken.lock = p->taken.file = -1;
	p->again = DSRV_NEVER;
}

/* Whether it could be settled now. */
static int
settle(struct dsrv_logprocess *p, struct dsrv_logwriter *w,
    const struct dsrv_logold *old)
{
	struct dsrv_logplace back;
	int put = dsrv_logback_put(&p->taken, old, p->status != 0, &back);

	p->is_busy = p->has_ended = put == -1 && errno == EWOULDBLOCK;
	if (p->has_ended)
		return 0;
	if (put == -1) {
		p->all_wait = 1;
		fail(p, &back.modified, back.number, back.path,
		    strerror(errno));
	} else if (p->status != 0)
		say_failure(p, &back);
	w->others = dsrv_logprune(&w->name, w->fd, 0, NULL, w->stamp.second);
	return 1;
}

/* The log file is locked. Whether to look again. */
static int
advance(struct dsrv_logprocess *p, struct dsrv_logwriter *w)
{
	struct dsrv_logold old;
	int more;

	if (dsrv_logold_find(&old, &w->name, w->fd, NULL,
	    w->stamp.second) == -1)
		return 0;
	more = p->has_ended ? settle(p, w, &old) : begin_next(p, &old);
	p->locked = old.locked;
	dsrv_logold_forget(&old);
	return more;
}

static int
is_due(struct dsrv_logprocess *p, const struct dsrv_logwriter *w)
{
	int64_t now = dsrv_clock_now();

	if (p->has_ended)
		return now >= p->next;
	if (now >= p->again) {
		p->again = DSRV_NEVER;
		p->has_failed = p->all_wait = 0;
		p->next = 0;
	}
	if (p->seen != dsrv_journal_record(w->handover)->kept)
		p->next = p->waits = 0;
	return now >= p->next;
}

/* Only with the lock of the log: not while a line keeps a file that another
 * daemon has rotated. Whether to look again. */
static int
look(struct dsrv_logprocess *p, struct dsrv_logwriter *w)
{
	struct stat file;
	int held = dsrv_logcurrent_hold(w, &file);

	p->seen = dsrv_journal_record(w->handover)->kept;
	if (held != 0 || dsrv_logcurrent_differs(w, &w->name)) {
		p->next = dsrv_clock_now() + (held != 0 ? AGAIN : BUSY);
		return 0;
	}
	p->is_busy = 0;
	if (advance(p, w)) {
		p->waits = 0;
		return 1;
	}
	rest(p);
	return 0;
}

/* A stream has no older files. */
static int
is_stream(struct dsrv_logprocess *p, const struct dsrv_logwriter *w)
{
	if (dsrv_journal_record(w->handover)->offset >= 0)
		return 0;
	dsrv_logprocess_close(p);
	return 1;
}

void
dsrv_logprocess_look(struct dsrv_logprocess *p, struct dsrv_logwriter *w)
{
	if (dsrv_settings()->logger_processor == NULL ||
	    p->processor.pid != 0 || (w->at_end && !p->has_ended) ||
	    is_stream(p, w))
		return;
	p->handover = w->handover;
	if (is_due(p, w)) {
		while (p->processor.pid == 0 && look(p, w) && !w->at_end)
			;
		dsrv_logcurrent_let_go(w);
	}
	dsrv_loop_set_timer(p->processor.loop, p->processor.tag,
	    p->processor.pid == 0 ? p->next : DSRV_NEVER);
}

void
dsrv_logprocess_lose(struct dsrv_logprocess *p)
{
	if (!dsrv_processor_lose(&p->processor))
		return;
	p->status = p->processor.loop->ended.status;
	p->has_ended = 1;
	p->next = 0;
}

void
dsrv_logprocess_try_again(struct dsrv_logprocess *p)
{
	p->again = 0;
	p->waits = 0;
}

void
dsrv_logprocess_close(struct dsrv_logprocess *p)
{
	p->has_ended = 0;
	dsrv_descriptors_close(&p->processor.complaints);
	dsrv_logplace_close(&p->taken);
}
