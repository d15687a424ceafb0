/*
 * logwriter.c - the lines in hand, into the file that is the log now
 *
 * The file is rotated before it would be too large.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <errno.h>

#include "logger.h"

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

static int
is_pending(const struct dsrv_logwriter *w)
{
	return dsrv_journal_is_pending(w->handover);
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

/* How many bytes may be added to a file of this size; a single line if others
 * have waited long for the lock. */
static size_t
room(const struct dsrv_logwriter *w, off_t size)
{
	size_t most = dsrv_settings()->logger_size_max;

	if (dsrv_loghold_is_ending(&w->lock))
		return 1;
	if (!is_limited(w))
		return DSRV_HANDOVER_OUT;
	return (uintmax_t)size < most ? most - (size_t)size : 0;
}

/* The longest message of the library that a file of this size may take. */
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

/* Whether another daemon has locked one of the files to be renamed, which it is
 * about to leave or to remove. */
static int
is_crowded(struct dsrv_logwriter *w)
{
	return errno == EWOULDBLOCK &&
	    dsrv_loghold_is_patient(&w->lock, &w->crowded_since);
}

/* Whether all files together would exceed their limit. */
static int
is_too_much(const struct dsrv_logwriter *w, uintmax_t size)
{
	size_t most = dsrv_settings()->logger_total_max;

	return most > 0 && offset(w) >= 0 && w->others > 0 &&
	    w->others + size > most;
}

/* Removes the oldest files; if there is nothing to remove, does not try again
 * in this second. */
static void
prune(struct dsrv_logwriter *w, off_t size, size_t more)
{
	if (w->pruned == w->stamp.second ||
	    !is_too_much(w, (uintmax_t)size + more))
		return;
	w->others = dsrv_logprune(&w->name, w->fd, more, NULL,
	    w->stamp.second);
	if (is_too_much(w, (uintmax_t)size + more))
		w->pruned = w->stamp.second;
}

/* Rotates; after a failure, does not try again in this second. -1: in a
 * moment. */
static int
rotate(struct dsrv_logwriter *w)
{
	enum dsrv_trouble verb = DSRV_TROUBLE_RENAME;

	/* If the file was renamed, or its time is over, the next check changes
	 * files. */
	if (!dsrv_logcurrent_differs(w, &w->name)) {
		if (dsrv_logrotation_make_way(&w->name, w->fd) == 0) {
			w->crowded_since = 0;
			if (dsrv_logcurrent_change(w, w->looked) == 0)
				return 1;
			verb = DSRV_TROUBLE_OPEN;
		} else if (is_crowded(w))
			return -1;
		dsrv_logcurrent_fail(w, verb);
	}
	w->stuck = w->stamp.second;
	return 1;
}

/*
 * The lines
 */

/* After another process has written to the file, or in a file that is new to
 * us, the last line may have no end. */
static int
ends_in_half_a_line(const struct dsrv_logwriter *w, off_t size)
{
	return !state(w)->midline && dsrv_logcurrent_is_ended(w, size) &&
	    dsrv_logfile_ends_in_half_a_line(w->fd);
}

/* If another process has ended our line, its rest becomes a line of its own. */
static void
leave_line(struct dsrv_logwriter *w, off_t size)
{
	struct dsrv_handover_state changed = *state(w);

	if (!changed.midline || !dsrv_logcurrent_is_ended(w, size))
		return;
	changed.midline = 0;
	dsrv_journal_set_state(w->handover, &changed);
}

static int
put(struct dsrv_logwriter *w, off_t size,
    const struct dsrv_handover_put *lines)
{
	int written = dsrv_journal_put(w->handover, w->fd,
	    offset(w) < 0 ? offset(w) : size, lines);

	w->puts += lines->used > 0;
	dsrv_handover_count(w->handover, dsrv_journal_out(w->handover),
	    lines->count);
	if (written == 0)
		return 1;
	dsrv_logcurrent_not_written(w);
	return is_pending(w) ? -1 : 1;
}

/* Writes what fits into the file of this size; rotates it first if it is
 * full. */
static int
write_lines(struct dsrv_logwriter *w, off_t size)
{
	struct dsrv_handover_put lines;
	size_t more;

	leave_line(w, size);
	w->turn.most = room_for_messages(w, size);
	dsrv_logcompose(w->handover, &w->stamp, &w->turn, room(w, size),
	    w->at_end, &lines);
	if (lines.count == 0) {
		dsrv_journal_set_state(w->handover, &lines.state);
		return 0;
	}
	lines.ends_half_a_line = ends_in_half_a_line(w, size);
	more = lines.count + (size_t)lines.ends_half_a_line;
	if (is_full(w, size, more))
		return rotate(w);
	prune(w, size, more);
	return put(w, size, &lines);
}

/* If there is nothing to write, the file is not locked. */
static int
has_something(const struct dsrv_logwriter *w)
{
	return is_pending(w) || w->turn.has_come ||
	    dsrv_journal_text(w->handover).size > 0 ||
	    dsrv_logcompose_has_news(w->handover) ||
	    (w->at_end && state(w)->midline);
}

/* 0: nothing is left; -1: it cannot be written now. */
static int
write_more(struct dsrv_logwriter *w)
{
	struct stat file;
	int turn;

	if (!is_pending(w))
		dsrv_logcompose_done(w->handover);
	if (!has_something(w))
		return 0;
	if ((turn = dsrv_logcurrent_hold(w, &file)) != 0)
		return turn;
	if (is_pending(w))
		return dsrv_logcurrent_finish(w) == 0 ? 1 : -1;
	return write_lines(w, file.st_size);
}

int
dsrv_logwriter_write(struct dsrv_logwriter *w)
{
	int more;

	w->lock.next = DSRV_NEVER;
	while ((more = write_more(w)) == 1)
		if (dsrv_loghold_is_ending(&w->lock))
			dsrv_logcurrent_let_go(w);
	dsrv_logcurrent_let_go(w);
	return more == 0;
}
