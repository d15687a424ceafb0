/*
 * reader.c - reads the log for a logger that may sleep: in drop mode
 *
 *     logger -+  forks it, and takes from the ring
 *             `- reader
 *                log pipe -> ring, to the end of its input
 *
 * If a disk hangs, the logger may sleep in write(2) or open(2) for ever. The
 * reader touches no file: it goes on, drops lines for which there is no room,
 * and counts them. It outlives its logger, and exits when the log has ended, or
 * when neither a master nor a logger is left that could take what it reads.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "logger.h"

enum {
	HALF = 1000,	/* ms, to wait for the end of a line; so does the logger */
	AGAIN = 1000,	/* ms until a failed read is tried again */
	/* See logger.c: lines that come one by one need fewer wake-ups. */
	MOMENT = 400,	/* us */
	FEW = 16 * 1024,
	/* How many moments to wait for the logger, while the pipe holds no
	 * more than SOME. */
	MOMENTS = 25,
	SOME = 16 * 1024
};

enum { LOG, BELL, TAGS };	/* of the loop */

struct reader {
	struct dsrv_loop loop;
	struct dsrv_handover handover;
	int at_end;	/* nothing follows */
	int64_t half_since;	/* since when a line has no end; 0: none */
	ssize_t last;	/* this many bytes came */
};

/*
 * From the text in hand into the ring
 */

struct delivery {
	struct dsrv_ring ring;
	size_t tail;
	struct dsrv_handover_state state;
};

static size_t
room(const struct delivery *d)
{
	return dsrv_ring_room(&d->ring, d->tail);
}

static void
store(struct delivery *d, const char *text, size_t length)
{
	dsrv_ring_store(&d->ring, d->tail, text, length);
	d->tail += length;
}

/* Puts a line, or a piece of one, whole or not at all. One byte of the ring is
 * kept for the newline of a line whose rest is lost. */
static void
deliver_line(struct delivery *d, const char *line, size_t length, int has_end)
{
	struct dsrv_handover_state *s = &d->state;

	if (!s->skipping && length < room(d)) {
		store(d, line, length);
		s->midline = !has_end;
		return;
	}
	if (s->midline)
		store(d, "\n", 1);
	s->midline = 0;
	s->skipping = !has_end;
	s->lost += has_end;
}

/* The length of the next line with its end, or of a piece of it; 0: its rest
 * may still come. */
static size_t
next_line(const char *text, size_t size, int at_end, int shows_half,
    int *has_end)
{
	const char *end = size > 0 ? memchr(text, '\n', size) : NULL;

	*has_end = end != NULL || at_end;
	if (end != NULL)
		return (size_t)(end + 1 - text);
	return at_end || shows_half || size >= DSRV_LOGLINE_PIECE ? size : 0;
}

/* Whether a line has waited long for its end. */
static int
shows_half(const struct reader *r)
{
	return r->half_since != 0 && dsrv_clock_now() - r->half_since >= HALF;
}

static void
look_for_half(struct reader *r, size_t used, size_t left)
{
	if (left == 0)
		r->half_since = 0;
	else if (used > 0 || r->half_since == 0 || shows_half(r))
		r->half_since = dsrv_clock_now();
	dsrv_loop_set_timer(&r->loop, BELL, r->half_since == 0 ? DSRV_NEVER :
	    r->half_since + HALF);
}

/* Shows the logger what is there. */
static void
publish(const struct dsrv_handover *h, int at_end)
{
	const struct dsrv_record *now = dsrv_journal_record(h);
	struct dsrv_ring ring = dsrv_handover_ring(h);

	atomic_store(&h->memory->lost, now->state.lost);
	dsrv_ring_put(&ring, now->ring);
	atomic_store(&h->memory->reader_reads, 0);
	if (at_end)
		atomic_store(&h->memory->ended, 1);
	/* The logger says that it will sleep and then checks the ring: it sees
	 * this, or we see that. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&h->memory->logger_sleeps, 0))
		/* A pipe has room for a byte, or holds one for the logger. */
		while (write(h->ends[DSRV_HANDOVER_BELL], "", 1) == -1 &&
		    errno == EINTR)
			;
}

static void
deliver(struct reader *r)
{
	const struct dsrv_handover *h = &r->handover;
	struct dsrv_handover_text text = dsrv_journal_text(h);
	struct delivery d = { .ring = dsrv_handover_ring(h),
		.tail = dsrv_journal_record(h)->ring,
		.state = *dsrv_journal_state(h) };
	size_t used = 0, length;
	int has_end, half = shows_half(r) && text.size < room(&d);

	while ((length = next_line(text.start + used, text.size - used,
	    r->at_end, half, &has_end)) > 0) {
		deliver_line(&d, text.start + used, length, has_end);
		used += length;
	}
	if (r->at_end && d.state.skipping) {
		d.state.skipping = 0;
		d.state.lost++;
	}
	if (used > 0 || r->at_end)
		dsrv_journal_hand_on(h, used, d.tail, &d.state);
	publish(h, r->at_end);
	look_for_half(r, used, text.size - used);
}

/*
 * The process
 */

/* If the ring has no room for lines, they may stay in the pipe for a moment, as
 * long as that is not full: the logger may only be slow. */
static void
wait_for_room(const struct reader *r)
{
	struct dsrv_ring ring = dsrv_handover_ring(&r->handover);
	size_t tail = dsrv_journal_record(&r->handover)->ring;
	int i, there = 0;

	for (i = 0; i < MOMENTS; i++) {
		if (ioctl(r->handover.ends[DSRV_HANDOVER_LOG], FIONREAD,
		    &there) == -1 || there > SOME ||
		    dsrv_ring_room(&ring, tail) > (size_t)there)
			break;
		dsrv_clock_doze(MOMENT);
	}
}

static void
receive(struct reader *r)
{
	if (r->last <= FEW)
		dsrv_clock_doze(MOMENT);
	wait_for_room(r);
	atomic_store(&r->handover.memory->reader_reads, 1);
	r->last = dsrv_intake_take(&r->handover);
	r->at_end = r->last == 0;
	if (r->last == -1 && errno != EAGAIN && errno != EINTR) {
		dsrv_loop_pause(&r->loop, LOG);
		dsrv_loop_set_timer(&r->loop, LOG, dsrv_clock_now() + AGAIN);
	}
}

static void
keep_only(struct dsrv_handover *h, int bell)
{
	dsrv_handover_release(h);	/* its file, the bell's other end */
	h->ends[DSRV_HANDOVER_BELL] = bell;
	dsrv_role_leave(DSRV_TO_PARENT);
	close(h->ends[DSRV_HANDOVER_KEEP]);
	close(h->ends[DSRV_HANDOVER_KEPT]);
	h->ends[DSRV_HANDOVER_KEEP] = h->ends[DSRV_HANDOVER_KEPT] = -1;
}

static int
open_reader(struct reader *r, const struct dsrv_handover *h, int bell)
{
	memset(r, 0, sizeof *r);
	r->handover = *h;
	r->handover.journal = &h->memory->reader;
	r->handover.from_ring = 0;
	keep_only(&r->handover, bell);
	dsrv_handover_inherit(&r->handover);
	if (dsrv_loop_open(&r->loop, TAGS, DSRV_REAP_FORKED, NULL, NULL) == -1)
		return -1;
	dsrv_loop_watch(&r->loop, LOG, r->handover.ends[DSRV_HANDOVER_LOG],
	    POLLIN);
	dsrv_loop_watch(&r->loop, BELL, bell, 0);
	return dsrv_intake_recover(&r->handover);
}

/* Does not return. */
static void
run_reader(const struct dsrv_handover *h, int bell)
{
	struct reader r;

	dsrv_title_set("reader");
	if (open_reader(&r, h, bell) == -1)
		dsrv_report_die("read the log");
	for (deliver(&r); !r.at_end; deliver(&r))
		switch (dsrv_loop_next(&r.loop)) {
		case DSRV_EVENT_FD:
			if (r.loop.tag == BELL)
				dsrv_report_exit(0);
			receive(&r);
			break;
		case DSRV_EVENT_TIMER:
			if (r.loop.tag == LOG)
				dsrv_loop_resume(&r.loop, LOG);
			break;
		default:
			break;
		}
	dsrv_report_exit(0);
}

int
dsrv_reader_start(struct dsrv_loop *loop, const struct dsrv_handover *h,
    int bell, const int *others, int count)
{
	pid_t pid;
	int i;

	dsrv_memory_lend(h->memory, sizeof *h->memory);
	if ((pid = dsrv_loop_fork_ignoring(loop)) == 0) {
		for (i = 0; i < count; i++)
			if (others[i] != -1)
				close(others[i]);
		run_reader(h, bell);
	}
	dsrv_handover_inherit(h);
	return pid == -1 ? -1 : 0;
}
