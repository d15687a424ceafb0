/*
 * journal.c - what a logger has in hand, so that another can go on from there
 *
 * The record is in memory that the master keeps. There are two copies: the one
 * that is not in force is changed, and one store puts it in force, so a death
 * at any moment leaves a whole record. handover.c says what a death at each
 * step leaves.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"
#include "journal.h"

/*
 * The record
 */

const struct dsrv_record *
dsrv_journal_record(const struct dsrv_handover *h)
{
	return &h->journal->records[h->journal->in_force];
}

struct dsrv_record *
dsrv_journal_revise(const struct dsrv_handover *h)
{
	struct dsrv_record *spare =
	    &h->journal->records[!h->journal->in_force];

	*spare = *dsrv_journal_record(h);
	return spare;
}

/* One store, after what it describes and before what follows. */
void
dsrv_journal_note(const struct dsrv_handover *h)
{
	atomic_signal_fence(memory_order_seq_cst);
	h->journal->in_force = !h->journal->in_force;
	atomic_signal_fence(memory_order_seq_cst);
}

const struct dsrv_handover_state *
dsrv_journal_state(const struct dsrv_handover *h)
{
	return &dsrv_journal_record(h)->state;
}

void
dsrv_journal_set_state(const struct dsrv_handover *h,
    const struct dsrv_handover_state *state)
{
	dsrv_journal_revise(h)->state = *state;
	dsrv_journal_note(h);
}

/*
 * The text in hand
 */

struct dsrv_handover_text
dsrv_journal_text(const struct dsrv_handover *h)
{
	const struct dsrv_record *now = dsrv_journal_record(h);

	return (struct dsrv_handover_text) {
		.start = h->journal->raw[now->raw], .size = now->in_raw
	};
}

/* The first used bytes of raw are no longer needed. Copies the rest to the
 * other buffer: a move within one could not be repeated after a death. */
static void
use(const struct dsrv_handover *h, struct dsrv_record *r, size_t used)
{
	char *from = h->journal->raw[r->raw];

	r->raw = !r->raw;
	r->in_raw -= used;
	memcpy(h->journal->raw[r->raw], from + used, r->in_raw);
}

void
dsrv_journal_hand_on(const struct dsrv_handover *h, size_t used, size_t ring,
    const struct dsrv_handover_state *state)
{
	struct dsrv_record *r = dsrv_journal_revise(h);

	use(h, r, used);
	r->ring = ring;
	r->state = *state;
	dsrv_journal_note(h);
}

/*
 * Into the file: a newline is kept before the composed text, to end half a line
 * that another process may have left in the file
 */

char *
dsrv_journal_out(const struct dsrv_handover *h)
{
	h->memory->out[0] = '\n';
	return h->memory->out + 1;
}

int
dsrv_journal_is_pending(const struct dsrv_handover *h)
{
	return dsrv_journal_record(h)->to_file > 0;
}

int
dsrv_journal_is_under_way(const struct dsrv_handover *h)
{
	return dsrv_journal_is_pending(h) &&
	    dsrv_journal_record(h)->under_way;
}

/* A stream does not show how far a write has gone. */
static int
is_stream(const struct dsrv_handover *h)
{
	return dsrv_journal_record(h)->offset < 0;
}

void
dsrv_journal_forget_pending(const struct dsrv_handover *h)
{
	dsrv_journal_revise(h)->to_file = 0;
	dsrv_journal_note(h);
}

static void
note_progress(const struct dsrv_handover *h, size_t done)
{
	struct dsrv_record *r = dsrv_journal_revise(h);

	r->from_out += done;
	r->to_file -= done;
	r->newline = 0;
	dsrv_journal_note(h);
}

static int
write_from(const struct dsrv_handover *h, int fd, size_t done)
{
	const char *text = h->memory->out + dsrv_journal_record(h)->from_out;
	size_t count = dsrv_journal_record(h)->to_file;
	ssize_t n;

	while (done < count) {
		n = is_stream(h) ? dsrv_logstream_write(fd, text + done,
		    count - done) : write(fd, text + done, count - done);
		if (n == 0)
			errno = ENOSPC;
		if (n == 0 || (n == -1 && errno != EINTR))
			return -1;
		if (n == -1)
			continue;
		done += (size_t)n;
		if (is_stream(h))
			note_progress(h, (size_t)n);
	}
	dsrv_journal_forget_pending(h);
	return 0;
}

static void
set_target(struct dsrv_record *r, off_t size, int newline)
{
	r->newline = newline;
	r->from_out -= (size_t)newline;
	r->to_file += (size_t)newline;
	r->offset = size;
	r->end = size + (off_t)r->to_file;
	r->under_way = 1;
}

int
dsrv_journal_put(const struct dsrv_handover *h, int fd, off_t size,
    const struct dsrv_handover_put *put)
{
	struct dsrv_record *r = dsrv_journal_revise(h);

	use(h, r, put->used);
	r->from_out = 1;
	r->to_file = put->count;
	set_target(r, size, put->ends_half_a_line);
	r->state = put->state;
	dsrv_journal_note(h);
	return write_from(h, fd, 0);
}

void
dsrv_journal_begin(const struct dsrv_handover *h, off_t size,
    int ends_half_a_line)
{
	struct dsrv_record *r = dsrv_journal_revise(h);

	h->memory->out[r->from_out - 1] = '\n';	/* none of it is wanted */
	set_target(r, size, ends_half_a_line);
	dsrv_journal_note(h);
}

/* How much of the write is in the file, by the file's length. */
static size_t
written(const struct dsrv_handover *h, off_t size)
{
	const struct dsrv_record *now = dsrv_journal_record(h);
	off_t done = size - now->offset;

	if (is_stream(h) || !now->under_way || done <= 0)
		return 0;
	return done < (off_t)now->to_file ? (size_t)done : now->to_file;
}

/* Another process has truncated the file. */
static void
note_cut(const struct dsrv_handover *h, off_t size)
{
	struct dsrv_record *r = dsrv_journal_revise(h);

	r->offset = size;
	r->end = size + (off_t)r->to_file;
	dsrv_journal_note(h);
}

int
dsrv_journal_resume(const struct dsrv_handover *h, int fd)
{
	struct stat file;

	if (fstat(fd, &file) == -1)
		return -1;
	if (file.st_size < dsrv_journal_record(h)->offset)
		note_cut(h, file.st_size);
	return write_from(h, fd, written(h, file.st_size));
}

/* How much of what is pending is in this file as complete lines, and can be
 * found there. */
static size_t
done_in(const struct dsrv_handover *h, int fd)
{
	const char *text = h->memory->out + dsrv_journal_record(h)->from_out;
	struct stat file;
	size_t done;

	if (fstat(fd, &file) == -1 || file.st_nlink == 0)
		return 0;
	for (done = written(h, file.st_size); done > 0; done--)
		if (text[done - 1] == '\n')
			break;
	return done;
}

/* Whether a newline must end half a line in the new file is known only once
 * that is locked. If no byte is pending of a line that began in the old file,
 * the line's rest becomes a line of its own. */
void
dsrv_journal_move(const struct dsrv_handover *h, struct dsrv_record *r,
    int before)
{
	size_t end = r->from_out + r->to_file, done = done_in(h, before);

	if (r->to_file == 0) {
		r->state.midline = 0;
		return;
	}
	r->from_out += done > 0 ? done : (size_t)r->newline;
	r->newline = r->under_way = 0;
	r->to_file = end - r->from_out;
}
