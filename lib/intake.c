/*
 * intake.c - from the log pipe into the text in hand, each byte once
 *
 * Through the pending pipe, if splice(2) may be called; else straight into
 * memory, over a mark that only the bytes read can overwrite.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "logger.h"

static char *
end_of_text(const struct dsrv_handover *h)
{
	const struct dsrv_record *now = dsrv_journal_record(h);

	return h->journal->raw[now->raw] + now->in_raw;
}

/* Notes the end of the read that is under way. */
static void
note_read(const struct dsrv_handover *h, size_t count)
{
	struct dsrv_record *r = dsrv_journal_revise(h);

	r->in_raw += count;
	r->from_pending = r->from_log = 0;
	dsrv_journal_note(h);
}

/*
 * Through the pending pipe
 */

/* -1 with errno: the read of the rest is still noted. */
static int
empty_pending(const struct dsrv_handover *h, size_t count)
{
	ssize_t n;

	while (count > 0) {
		dsrv_journal_revise(h)->from_pending = count;
		dsrv_journal_note(h);
		n = read(h->ends[DSRV_HANDOVER_PENDING_OUT], end_of_text(h),
		    count);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n == -1)
			n = 0;
		note_read(h, (size_t)n);
		count -= (size_t)n;
	}
	return 0;
}

static int
recover_pending(const struct dsrv_handover *h)
{
	size_t noted = dsrv_journal_record(h)->from_pending;
	int left;

	if (ioctl(h->ends[DSRV_HANDOVER_PENDING_OUT], FIONREAD, &left) == -1)
		return -1;
	if (noted > 0)
		note_read(h, noted - (size_t)left);
	return empty_pending(h, (size_t)left);
}

/*
 * Without splice(2). No other process reads the log, so a read of no more than
 * it holds takes all of that or, before a death, nothing: the mark at the end
 * of the destination is overwritten or whole. Its bytes never occur in UTF-8.
 */

enum {
	MARK = 32,
	PAGE = 4096,
	AT_ONCE = 64 * 1024
};

static const char mark[MARK] =
    "\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff" "\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff"
    "\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff" "\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";

/* Where the mark of a read of this many bytes is, and how long. */
static size_t
mark_of(const struct dsrv_handover *h, size_t count, char **at)
{
	size_t size = count < MARK ? count : MARK;

	*at = end_of_text(h) + count - size;
	return size;
}

/* Touches each page, too: a process that is killed during a read into a missing
 * page has read only a part. */
static void
make_mark(const struct dsrv_handover *h, size_t count)
{
	volatile char *page = end_of_text(h);
	char *at;
	size_t i, size;

	for (i = 0; i < count; i += PAGE)
		page[i] = 0;
	size = mark_of(h, count, &at);
	memcpy(at, mark + MARK - size, size);
}

static void
recover_log(const struct dsrv_handover *h)
{
	size_t noted = dsrv_journal_record(h)->from_log, size;
	char *at;

	if (noted == 0)
		return;
	size = mark_of(h, noted, &at);
	note_read(h, memcmp(at, mark + MARK - size, size) != 0 ? noted : 0);
}

static ssize_t
take_from_log(const struct dsrv_handover *h, size_t room)
{
	int there, error;
	size_t count;
	ssize_t n;

	if (ioctl(h->ends[DSRV_HANDOVER_LOG], FIONREAD, &there) == -1)
		return -1;
	count = there > 0 ? (size_t)there : 1;	/* perhaps end of file */
	if (count > room)
		count = room;
	if (count > AT_ONCE)
		count = AT_ONCE;
	make_mark(h, count);
	dsrv_journal_revise(h)->from_log = count;
	dsrv_journal_note(h);
	n = read(h->ends[DSRV_HANDOVER_LOG], end_of_text(h), count);
	error = errno;
	note_read(h, n > 0 ? (size_t)n : 0);
	errno = error;
	return n;
}

/*
 * Both
 */

#ifdef HAVE_SPLICE

static int is_refused;	/* splice(2), by a filter or an emulation of Linux */

static ssize_t
take_from_pipe(const struct dsrv_handover *h, size_t room)
{
	ssize_t n;

	if (is_refused)
		return take_from_log(h, room);
	n = splice(h->ends[DSRV_HANDOVER_LOG], NULL,
	    h->ends[DSRV_HANDOVER_PENDING_IN], NULL, room, SPLICE_F_NONBLOCK);
	if (n == -1 && (errno == ENOSYS || errno == EPERM ||
	    errno == EACCES || errno == EINVAL || errno == EOPNOTSUPP)) {
		is_refused = 1;
		return take_from_log(h, room);
	}
	return n > 0 && empty_pending(h, (size_t)n) == -1 ? -1 : n;
}

#else

static ssize_t
take_from_pipe(const struct dsrv_handover *h, size_t room)
{
	return take_from_log(h, room);
}

#endif

int
dsrv_intake_recover(const struct dsrv_handover *h)
{
	struct dsrv_ring ring = dsrv_handover_ring(h);

	if (h->from_ring) {
		dsrv_ring_take(&ring, dsrv_journal_record(h)->ring);
		return 0;
	}
	recover_log(h);
	return recover_pending(h);
}

/* In drop mode the reader has read it already. */
static ssize_t
take_from_ring(const struct dsrv_handover *h, size_t room)
{
	struct dsrv_ring ring = dsrv_handover_ring(h);
	struct dsrv_record *r;
	size_t count, from = dsrv_journal_record(h)->ring;
	int ended = atomic_load(&h->memory->ended);

	count = dsrv_ring_fill(&ring, from);
	if (count > room)
		count = room;
	if (count == 0) {
		errno = EAGAIN;
		return ended ? 0 : -1;
	}
	dsrv_ring_load(&ring, from, end_of_text(h), count);
	r = dsrv_journal_revise(h);
	r->in_raw += count;
	r->ring += count;
	dsrv_journal_note(h);
	dsrv_ring_take(&ring, from + count);
	return (ssize_t)count;
}

ssize_t
dsrv_intake_take(const struct dsrv_handover *h)
{
	size_t room;

	if (dsrv_journal_record(h)->from_pending > 0 &&
	    recover_pending(h) == -1)
		return -1;
	room = DSRV_HANDOVER_RAW - dsrv_journal_record(h)->in_raw;
	if (room == 0) {
		errno = ENOBUFS;
		return -1;
	}
	return h->from_ring ? take_from_ring(h, room) : take_from_pipe(h, room);
}

int
dsrv_intake_is_over(const struct dsrv_handover *h)
{
	return atomic_load(&h->memory->ended);
}

/* The order matters: what has left the pipe is in the reader's memory, or
 * already in the ring. poll(2) does not take the pipe's lock. */
int
dsrv_intake_has_all(const struct dsrv_handover *h)
{
	struct pollfd log = { .fd = h->ends[DSRV_HANDOVER_LOG],
		.events = POLLIN };
	struct dsrv_ring ring = dsrv_handover_ring(h);

	if (poll(&log, 1, 0) == -1 || log.revents & POLLIN)
		return 0;
	if (!h->from_ring)
		return dsrv_journal_record(h)->from_pending == 0;
	return !atomic_load(&h->memory->reader_reads) &&
	    dsrv_ring_fill(&ring, dsrv_journal_record(h)->ring) == 0;
}

/* The reader puts text there before it checks whether we sleep. */
int
dsrv_intake_has_more(const struct dsrv_handover *h)
{
	struct dsrv_ring ring = dsrv_handover_ring(h);

	atomic_store(&h->memory->logger_sleeps, 1);
	atomic_thread_fence(memory_order_seq_cst);
	return dsrv_ring_fill(&ring, dsrv_journal_record(h)->ring) > 0 ||
	    dsrv_intake_is_over(h);
}
