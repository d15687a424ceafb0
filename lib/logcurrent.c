/*
 * logcurrent.c - the file that is the log now
 *
 * Its name is checked every second, and before each write, since another daemon
 * may have rotated it. It changes only at the end of a line.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "logger.h"

enum { PATIENCE = 1000 };	/* ms that a stream may be full */

static const struct dsrv_handover_state *
state(const struct dsrv_logwriter *w)
{
	return dsrv_journal_state(w->handover);
}

static off_t
offset(const struct dsrv_logwriter *w)
{
	return dsrv_journal_record(w->handover)->offset;
}

/* The path by which the file was opened. */
static const char *
path(const struct dsrv_logwriter *w)
{
	return w->handover->memory->paths[dsrv_journal_record(w->handover)->path];
}

static int
is_pending(const struct dsrv_logwriter *w)
{
	return dsrv_journal_is_pending(w->handover);
}

void
dsrv_logcurrent_fail(const struct dsrv_logwriter *w, enum dsrv_trouble verb)
{
	dsrv_trouble_begin(w->handover, verb,
	    verb == DSRV_TROUBLE_OPEN ? w->name.path : path(w));
}

static void
succeed(const struct dsrv_logwriter *w, enum dsrv_trouble verb)
{
	dsrv_trouble_end(w->handover, verb);
}

/*
 * Which file it is
 */

static void
link_file(struct dsrv_logwriter *w)
{
	int was_linked = w->linked;

	w->linked = offset(w) < 0 || dsrv_logfile_link(path(w)) == 0;
	if (was_linked && !w->linked)
		dsrv_report("link %s: %s; trying again",
		    dsrv_trouble_path(dsrv_settings()->logger_link),
		    strerror(errno));
}

/* With NFS, flock(2) locks all bytes, so another daemon could not write beside
 * a claim: there this ends the claim. */
static void
claim(int fd, const struct dsrv_logname *n)
{
	dsrv_logclaim_make(fd, dsrv_logname_last(n->path));
	if (dsrv_filelock_take(fd) == 0)
		dsrv_filelock_release(fd);
}

/* Unlocks it, too: the master may not have its descriptor yet. */
static void
leave_file(struct dsrv_logwriter *w, struct stat *left)
{
	if (w->fd == -1 || fstat(w->fd, left) == -1)
		memset(left, 0, sizeof *left);
	if (w->fd != -1) {
		dsrv_logclaim_end(w->fd);
		dsrv_loghold_release(&w->lock, w->fd);
		close(w->fd);
	}
	w->fd = -1;
}

/* From now on this file is the log, and the text in hand goes there. */
static int
keep_file(struct dsrv_logwriter *w, int fd, off_t size)
{
	struct dsrv_kept kept = {
		.file = fd, .bell = w->bell, .path = w->name.path,
		.before = w->fd, .size = size
	};

	if (dsrv_handover_keep(w->handover, &kept) == 0)
		return 0;
	dsrv_descriptors_close(&fd);
	return -1;
}

/* Opens the file that has the name now; -1 with errno: the old one stays. */
int
dsrv_logcurrent_change(struct dsrv_logwriter *w, time_t now)
{
	struct stat left;
	off_t size;
	int fd = dsrv_logfile_open(&w->name, &size);

	if (fd != -1 && size >= 0)
		claim(fd, &w->name);
	if (fd == -1 || keep_file(w, fd, size) == -1)
		return -1;
	leave_file(w, &left);
	w->fd = fd;
	succeed(w, DSRV_TROUBLE_RENAME);	/* even if it was too large */
	link_file(w);
	if (size >= 0)
		w->others = dsrv_logprune(&w->name, fd, 0, &left, now);
	return 0;
}

/*
 * Only the daemon that has locked the file may write to it
 */

static int
lock_file(struct dsrv_logwriter *w)
{
	if (dsrv_loghold_take(&w->lock, w->fd) == -1) {
		if (!dsrv_loghold_is_patient(&w->lock, &w->locked_since)) {
			errno = EWOULDBLOCK;
			dsrv_logcurrent_fail(w, DSRV_TROUBLE_LOCK);
		}
		return -1;
	}
	w->locked_since = 0;
	succeed(w, DSRV_TROUBLE_LOCK);
	return 0;
}

/* A write that is under way keeps the lock, even after a death; a line without
 * an end does not keep it for long. */
void
dsrv_logcurrent_let_go(struct dsrv_logwriter *w)
{
	if (w->lock.is_held && !dsrv_journal_is_under_way(w->handover))
		dsrv_loghold_let_go(&w->lock, w->fd,
		    state(w)->midline && !w->turn.shows_half);
}

/*
 * Failed writes
 */

/* A stream that has lost its reader will not get another one. A full one is in
 * trouble only if it stays full. */
void
dsrv_logcurrent_not_written(struct dsrv_logwriter *w)
{
	size_t left = dsrv_journal_record(w->handover)->to_file;
	int64_t now = dsrv_clock_now();

	if (offset(w) < 0 && errno == EAGAIN) {
		if (w->full_since == 0 || left != w->left)
			w->full_since = now;
		w->left = left;
		if (now - w->full_since < PATIENCE)
			return;
	}
	dsrv_logcurrent_fail(w, DSRV_TROUBLE_WRITE);
	if (offset(w) < 0 && errno == EPIPE)
		dsrv_journal_forget_pending(w->handover);
}

/* What was pending when the file changed begins in the new one. */
static int
begin_write(struct dsrv_logwriter *w)
{
	struct stat file;

	if (!is_pending(w) || dsrv_journal_is_under_way(w->handover))
		return 0;
	if (offset(w) < 0)
		dsrv_journal_begin(w->handover, offset(w), 0);
	else if (lock_file(w) == -1 || fstat(w->fd, &file) == -1)
		return -1;
	else
		dsrv_journal_begin(w->handover, file.st_size,
		    dsrv_logfile_ends_in_half_a_line(w->fd));
	return 0;
}

/* Finishes the pending write. */
int
dsrv_logcurrent_finish(struct dsrv_logwriter *w)
{
	if (begin_write(w) == -1)
		return -1;
	if (is_pending(w) && dsrv_journal_resume(w->handover, w->fd) == -1) {
		dsrv_logcurrent_not_written(w);
		return is_pending(w) ? -1 : 0;
	}
	w->full_since = 0;
	succeed(w, DSRV_TROUBLE_WRITE);
	return 0;
}

/* Whether another process has written to the file of this size after us: then a
 * line that we had begun has been ended. */
int
dsrv_logcurrent_is_ended(const struct dsrv_logwriter *w, off_t size)
{
	return offset(w) >= 0 && size != dsrv_journal_record(w->handover)->end;
}

/* A line ends in the file in which it began, unless that has no name any more
 * or cannot be written: then the torn line is repeated. */
static int
may_leave_file(struct dsrv_logwriter *w)
{
	struct stat file;

	if (fstat(w->fd, &file) == 0 && file.st_nlink == 0)
		return 1;
	return dsrv_logcurrent_finish(w) == -1 || !state(w)->midline ||
	    (fstat(w->fd, &file) == 0 &&
	    dsrv_logcurrent_is_ended(w, file.st_size));
}

int
dsrv_logcurrent_differs(const struct dsrv_logwriter *w,
    const struct dsrv_logname *name)
{
	return offset(w) != DSRV_STREAM && dsrv_logfile_differs(name, w->fd);
}

void
dsrv_logcurrent_look(struct dsrv_logwriter *w, time_t now)
{
	struct dsrv_logname name;
	int is_other;

	w->looked = now;
	if (dsrv_logname_at(&name, now) == -1) {
		dsrv_logcurrent_fail(w, DSRV_TROUBLE_OPEN);
		return;
	}
	is_other = dsrv_logcurrent_differs(w, &name);
	if (is_other && !may_leave_file(w))
		return;
	w->name = name;
	if (is_other && dsrv_logcurrent_change(w, now) == -1) {
		dsrv_logcurrent_fail(w, DSRV_TROUBLE_OPEN);
		return;
	}
	succeed(w, DSRV_TROUBLE_OPEN);
	if (!w->linked)
		link_file(w);
}

/* Whether the file's name still leads to it. */
static int
is_found(const struct dsrv_logwriter *w, const struct stat *file)
{
	return offset(w) < 0 ? file->st_nlink > 0 :
	    dsrv_logfile_is_at(w->name.path, file);
}

/* Another daemon may have rotated the file, but cannot while we hold the lock.
 * Returns whether we have changed files. */
static int
follow(struct dsrv_logwriter *w, const struct stat *file)
{
	uint64_t was = dsrv_journal_record(w->handover)->kept;

	if (is_found(w, file) || w->astray == w->stamp.second)
		return 0;
	dsrv_logcurrent_look(w, w->stamp.second);
	if (dsrv_journal_record(w->handover)->kept != was)
		return 1;
	w->astray = w->stamp.second;
	return 0;
}

/* Locks the file and stores its state; 1: another file has replaced it; -1: it
 * cannot be written now. */
int
dsrv_logcurrent_hold(struct dsrv_logwriter *w, struct stat *file)
{
	int was_held = w->lock.is_held;

	if (!was_held && offset(w) >= 0 && lock_file(w) == -1)
		return -1;
	if (fstat(w->fd, file) == -1)
		return -1;
	if ((!was_held || file->st_nlink == 0) && follow(w, file))
		return 1;
	return file->st_nlink > 0 ? 0 : -1;
}

/*
 * The first file, or the last logger's
 */

/* The last logger may have had the lock when it died. */
static void
take_over_lock(struct dsrv_logwriter *w)
{
	if (offset(w) < 0)
		return;
	dsrv_logclaim_make(w->fd, dsrv_logname_last(path(w)));
	if (dsrv_journal_is_under_way(w->handover) || state(w)->midline)
		lock_file(w);
	else
		dsrv_loghold_release(&w->lock, w->fd);
}

static void
take_over(struct dsrv_logwriter *w, const struct dsrv_kept *kept, time_t now)
{
	w->fd = kept->file;
	w->bell = kept->bell;
	take_over_lock(w);
	/* The last logger may have died before it did this. */
	if (!dsrv_logcurrent_differs(w, &w->name) && offset(w) >= 0) {
		link_file(w);
		w->others = dsrv_logprune(&w->name, w->fd, 0, NULL, now);
	}
}

int
dsrv_logcurrent_open(struct dsrv_logwriter *w, struct dsrv_handover *h,
    time_t now)
{
	struct dsrv_kept kept;

	memset(w, 0, sizeof *w);
	w->handover = h;
	w->fd = w->bell = -1;
	w->linked = 1;
	if (dsrv_logname_at(&w->name, now) == -1)
		return -1;
	if (dsrv_handover_recover(h, &kept) == 0) {
		take_over(w, &kept, now);
		return 0;
	}
	return errno == ENOENT ? dsrv_logcurrent_change(w, now) : -1;
}
