/*
 * logwriter.c - the lines in hand, into the file that is the log now
 *
 * Which file that is, is checked every second. It is rotated when it is full,
 * and changed only at the end of a line.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "logger.h"

enum { PATIENCE = 1000 };	/* ms, with a stream that is full */

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

/* By this path the file was opened. */
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

static void
fail_write(const struct dsrv_logwriter *w, enum dsrv_trouble verb)
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

/* Unlocks it too: its descriptor may still be on its way to the master. */
static void
leave_file(struct dsrv_logwriter *w, struct stat *left)
{
	if (w->fd == -1 || fstat(w->fd, left) == -1)
		memset(left, 0, sizeof *left);
	if (w->fd != -1) {
		dsrv_filelock_release(w->fd);
		close(w->fd);
	}
	w->fd = -1;
}

/* This file is the log from now on: the text in hand goes there. */
static int
keep_file(struct dsrv_logwriter *w, int fd, off_t size)
{
	struct dsrv_kept kept = {
		.file = fd, .bell = w->bell, .path = w->name.path,
		.before = w->fd, .size = size,
		.in_half_a_line = size > 0 &&
		    dsrv_logfile_ends_in_half_a_line(fd)
	};

	if (dsrv_handover_keep(w->handover, &kept) == 0)
		return 0;
	dsrv_descriptors_close(&fd);
	return -1;
}

/* Opens the file that has the name now; -1 with errno: the old one stays. */
static int
change_file(struct dsrv_logwriter *w, time_t now)
{
	struct stat left;
	off_t size;
	int fd = dsrv_logfile_open(&w->name, &size);

	if (fd == -1 || keep_file(w, fd, size) == -1)
		return -1;
	leave_file(w, &left);
	w->fd = fd;
	w->size = DSRV_UNKNOWN;
	w->is_locked = 1;
	succeed(w, DSRV_TROUBLE_RENAME);	/* even if it was too large */
	link_file(w);
	if (size >= 0)
		dsrv_logprune(&w->name, fd, &left, now);
	return 0;
}

/*
 * Only this daemon may write to it while its master lives. After that,
 * remaining workers may still log, but another daemon may want the file. So it
 * is locked only for each write; if that fails, the logger waits as for a full
 * disk.
 */

static int
hold(struct dsrv_logwriter *w)
{
	if (w->is_locked || offset(w) < 0)
		return 0;
	if (dsrv_filelock_take(w->fd) == -1) {
		fail_write(w, DSRV_TROUBLE_LOCK);
		return -1;
	}
	succeed(w, DSRV_TROUBLE_LOCK);
	w->is_locked = 1;
	w->size = DSRV_UNKNOWN;
	return 0;
}

/* Not in the middle of a line, into which another daemon would write. */
static void
let_go(struct dsrv_logwriter *w)
{
	if (!w->shares || !w->is_locked || is_pending(w) || state(w)->midline)
		return;
	dsrv_filelock_release(w->fd);
	w->is_locked = 0;
}

/*
 * Failed writes
 */

/* A stream without a reader will never have one again. A full one is in trouble
 * only if it stays full. */
static void
not_written(struct dsrv_logwriter *w)
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
	fail_write(w, DSRV_TROUBLE_WRITE);
	if (offset(w) < 0 && errno == EPIPE)
		dsrv_journal_forget_pending(w->handover);
}

/* Ends the write that is under way. */
static int
finish_write(struct dsrv_logwriter *w)
{
	if (is_pending(w) && dsrv_journal_resume(w->handover, w->fd) == -1) {
		not_written(w);
		return is_pending(w) ? -1 : 0;
	}
	w->full_since = 0;
	succeed(w, DSRV_TROUBLE_WRITE);
	return 0;
}

/* A line that has begun in a file ends in it, unless the file has no name any
 * more or cannot be written: the torn line is then repeated. */
static int
may_leave_file(struct dsrv_logwriter *w)
{
	struct stat file;

	if (fstat(w->fd, &file) == 0 && file.st_nlink == 0)
		return 1;
	return finish_write(w) == -1 || !state(w)->midline;
}

static int
differs(const struct dsrv_logwriter *w, const struct dsrv_logname *name)
{
	return offset(w) != DSRV_STREAM && dsrv_logfile_differs(name, w->fd);
}

void
dsrv_logwriter_look(struct dsrv_logwriter *w, time_t now)
{
	struct dsrv_logname name;
	int is_other;

	w->looked = now;
	if (dsrv_logname_at(&name, now) == -1) {
		fail_write(w, DSRV_TROUBLE_OPEN);
		return;
	}
	is_other = differs(w, &name);
	if (is_other && !may_leave_file(w))
		return;
	w->name = name;
	if (is_other && change_file(w, now) == -1) {
		fail_write(w, DSRV_TROUBLE_OPEN);
		return;
	}
	succeed(w, DSRV_TROUBLE_OPEN);
	if (!w->linked)
		link_file(w);
}

/* Whether the file still has a name; file: its present state. */
static int
find_file(struct dsrv_logwriter *w, struct stat *file)
{
	if (fstat(w->fd, file) == 0 && file->st_nlink > 0)
		return 1;
	dsrv_logwriter_look(w, w->stamp.second);
	return fstat(w->fd, file) == 0 && file->st_nlink > 0;
}

/*
 * How long it may be
 */

static int
is_limited(const struct dsrv_logwriter *w)
{
	return dsrv_settings()->logger_size_max > 0 && offset(w) >= 0 &&
	    w->stuck != w->stamp.second;
}

/* Whether the file would exceed its limit. */
static int
is_full(const struct dsrv_logwriter *w, off_t size, size_t more)
{
	return is_limited(w) && size > 0 && !state(w)->midline &&
	    (uintmax_t)size + more > dsrv_settings()->logger_size_max;
}

/* How many bytes may be added to a file of this size. */
static size_t
room(const struct dsrv_logwriter *w, off_t size)
{
	size_t most = dsrv_settings()->logger_size_max;

	if (!is_limited(w))
		return DSRV_HANDOVER_OUT;
	return (uintmax_t)size < most ? most - (size_t)size : 0;
}

/* The longest message of the library that such a file may take. */
static size_t
room_for_messages(const struct dsrv_logwriter *w, off_t size)
{
	struct rlimit most;

	if (!w->turn.has_come || offset(w) < 0 ||
	    getrlimit(RLIMIT_FSIZE, &most) == -1 ||
	    most.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return (uintmax_t)size < most.rlim_cur ?
	    (size_t)(most.rlim_cur - (rlim_t)size) : 0;
}

/* Rotates; if that fails, not again in this second. */
static void
rotate(struct dsrv_logwriter *w)
{
	/* If it was renamed or its time is over, the next check changes
	 * files. */
	if (differs(w, &w->name))
		w->stuck = w->stamp.second;
	else if (dsrv_logrotation_make_way(&w->name, w->fd) == -1) {
		fail_write(w, DSRV_TROUBLE_RENAME);
		w->stuck = w->stamp.second;
	} else if (change_file(w, w->looked) == -1) {
		fail_write(w, DSRV_TROUBLE_OPEN);
		w->stuck = w->stamp.second;
	}
}

/*
 * The lines
 */

/* Another process has written to the file, or it is new to us: its last line
 * may have no end. */
static int
ends_in_half_a_line(const struct dsrv_logwriter *w, off_t size)
{
	return size != w->size && offset(w) >= 0 && !state(w)->midline &&
	    dsrv_logfile_ends_in_half_a_line(w->fd);
}

static int
put(struct dsrv_logwriter *w, off_t size, struct dsrv_handover_put *lines)
{
	int written = dsrv_journal_put(w->handover, w->fd,
	    offset(w) < 0 ? offset(w) : size, lines);

	dsrv_handover_count(w->handover, dsrv_journal_out(w->handover),
	    lines->count);
	w->size = size + (off_t)lines->count + lines->ends_half_a_line;
	if (written == 0)
		return 0;
	not_written(w);
	return is_pending(w) ? -1 : 0;
}

/* Writes what can be written to the file, of this size, or changes files first;
 * 0: nothing is left; -1: it cannot be written now. */
static int
write_more(struct dsrv_logwriter *w, off_t size)
{
	struct dsrv_handover_put lines;

	if (is_pending(w))
		return finish_write(w) == 0 ? 1 : -1;
	dsrv_logcompose_done(w->handover);
	w->turn.most = room_for_messages(w, size);
	dsrv_logcompose(w->handover, &w->stamp, &w->turn, room(w, size),
	    w->at_end, &lines);
	if (lines.count == 0) {
		dsrv_journal_set_state(w->handover, &lines.state);
		return 0;
	}
	lines.ends_half_a_line = ends_in_half_a_line(w, size);
	if (is_full(w, size, lines.count + (size_t)lines.ends_half_a_line)) {
		rotate(w);
		return 1;
	}
	return put(w, size, &lines) == 0 ? 1 : -1;
}

int
dsrv_logwriter_write(struct dsrv_logwriter *w)
{
	struct stat file;
	int more = -1;

	while (find_file(w, &file) && hold(w) == 0 &&
	    (more = write_more(w, file.st_size)) == 1)
		more = -1;
	let_go(w);
	return more == 0;
}

/*
 * The first file, or the previous logger's
 */

static void
take_over(struct dsrv_logwriter *w, const struct dsrv_kept *kept, time_t now)
{
	w->fd = kept->file;
	w->bell = kept->bell;
	/* The previous one may have died before it did this. */
	if (!differs(w, &w->name) && offset(w) >= 0) {
		link_file(w);
		dsrv_logprune(&w->name, w->fd, NULL, now);
	}
}

int
dsrv_logwriter_open(struct dsrv_logwriter *w, struct dsrv_handover *h,
    time_t now)
{
	struct dsrv_kept kept;

	memset(w, 0, sizeof *w);
	w->handover = h;
	w->fd = w->bell = -1;
	w->size = DSRV_UNKNOWN;
	w->linked = w->is_locked = 1;
	if (dsrv_logname_at(&w->name, now) == -1)
		return -1;
	if (dsrv_handover_recover(h, &kept) == 0) {
		take_over(w, &kept, now);
		return 0;
	}
	return errno == ENOENT ? change_file(w, now) : -1;
}
