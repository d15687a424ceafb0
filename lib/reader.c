/*
 * reader.c - reads the log for a logger that may sleep: in drop mode
 *
 *     logger -+  forks it, and takes from the ring
 *             `- reader
 *                log pipe -> ring, to the end of its input
 *
 * A disk that hangs has the logger sleep in write(2) or open(2), for how long
 * nobody knows. The reader touches no file: it goes on, drops the lines that
 * there is no room for, and counts them. It outlives its logger, and leaves
 * when the log has ended, or when neither a master nor a logger is left that
 * could take what it reads.
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

#include "logger-private.h"

enum {
	AGAIN = 1000,	/* ms, until a read that has failed is tried again */
	/* See logger.c: lines that come one by one are waited for. */
	MOMENT = 400,	/* us */
	FEW = 16 * 1024,
	/* For the logger so many moments, while no more is in the pipe. */
	MOMENTS = 25,
	SOME = 16 * 1024
};

struct reader {
	struct dsrv_loop loop;
	struct dsrv_airlock airlock;
	int log_place;
	int bell_place;
	int at_end;	/* nothing more will come */
	ssize_t last;	/* this many bytes came */
};

/*
 * From the text in hand into the ring
 */

struct delivery {
	struct dsrv_ring ring;
	size_t tail;
	struct dsrv_airlock_state state;
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

/* A line, or a piece of one that has no end yet: whole or not at all. One byte
 * of the ring is left for the newline of a line whose rest is lost. */
static void
deliver_line(struct delivery *d, const char *line, size_t length, int has_end)
{
	struct dsrv_airlock_state *s = &d->state;

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

/* The length of the next line, with its end, or of a piece of it; 0: the rest
 * of it may come yet. */
static size_t
next_line(const char *text, size_t size, int at_end, int *has_end)
{
	const char *end = size > 0 ? memchr(text, '\n', size) : NULL;

	*has_end = end != NULL || at_end;
	if (end != NULL)
		return (size_t)(end + 1 - text);
	return at_end || size >= DSRV_LOGLINE_PIECE ? size : 0;
}

/* Tells the logger what is there. */
static void
publish(const struct dsrv_airlock *a, int at_end)
{
	const struct dsrv_record *now = dsrv_journal_record(a);
	struct dsrv_ring ring = dsrv_airlock_ring(a);

	atomic_store(&a->memory->lost, now->state.lost);
	dsrv_ring_put(&ring, now->ring);
	if (at_end)
		atomic_store(&a->memory->ended, 1);
	/* It says that it will sleep, and looks then: one of us sees. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_exchange(&a->memory->logger_sleeps, 0))
		/* A pipe takes a byte at once, or the logger has others. */
		while (write(a->ends[DSRV_AIRLOCK_BELL], "", 1) == -1 &&
		    errno == EINTR)
			;
}

static void
deliver(struct reader *r)
{
	const struct dsrv_airlock *a = &r->airlock;
	struct dsrv_airlock_text text = dsrv_journal_text(a);
	struct delivery d = { .ring = dsrv_airlock_ring(a),
		.tail = dsrv_journal_record(a)->ring,
		.state = *dsrv_journal_state(a) };
	size_t used = 0, length;
	int has_end;

	while ((length = next_line(text.start + used, text.size - used,
	    r->at_end, &has_end)) > 0) {
		deliver_line(&d, text.start + used, length, has_end);
		used += length;
	}
	if (r->at_end && d.state.skipping) {
		d.state.skipping = 0;
		d.state.lost++;
	}
	if (used > 0 || r->at_end)
		dsrv_journal_hand_on(a, used, d.tail, &d.state);
	publish(a, r->at_end);
}

/*
 * The process
 */

/* Lines that the logger has no room for may stay in the pipe for a moment, as
 * long as that is not full: it may have only been slow. */
static void
wait_for_room(const struct reader *r)
{
	struct dsrv_ring ring = dsrv_airlock_ring(&r->airlock);
	size_t tail = dsrv_journal_record(&r->airlock)->ring;
	int i, there = 0;

	for (i = 0; i < MOMENTS; i++) {
		if (ioctl(r->airlock.ends[DSRV_AIRLOCK_LOG], FIONREAD,
		    &there) == -1 || there > SOME ||
		    dsrv_ring_room(&ring, tail) > (size_t)there)
			break;
		dsrv_loop_doze(MOMENT);
	}
}

static void
receive(struct reader *r)
{
	if (r->last <= FEW)
		dsrv_loop_doze(MOMENT);
	wait_for_room(r);
	r->last = dsrv_intake_take(&r->airlock);
	r->at_end = r->last == 0;
	if (r->last == -1 && errno != EAGAIN && errno != EINTR) {
		dsrv_loop_pause(&r->loop, r->log_place);
		r->loop.deadline = dsrv_loop_now() + AGAIN;
	}
}

static void
keep_only(struct dsrv_airlock *a, int bell)
{
	dsrv_airlock_release(a);	/* the file, the bell's other end */
	a->ends[DSRV_AIRLOCK_BELL] = bell;
	fcntl(bell, F_SETFL, O_NONBLOCK);
	dsrv_stage_disconnect();
	close(a->ends[DSRV_AIRLOCK_KEEP]);
	close(a->ends[DSRV_AIRLOCK_KEPT]);
	a->ends[DSRV_AIRLOCK_KEEP] = a->ends[DSRV_AIRLOCK_KEPT] = -1;
}

static int
open_reader(struct reader *r, const struct dsrv_airlock *a, int bell)
{
	memset(r, 0, sizeof *r);
	r->airlock = *a;
	r->airlock.journal = &a->memory->reader;
	r->airlock.from_ring = 0;
	keep_only(&r->airlock, bell);
	dsrv_airlock_inherit(&r->airlock);
	if (dsrv_loop_open(&r->loop, 2, DSRV_REAP_FORKED, NULL, NULL) == -1)
		return -1;
	r->log_place = dsrv_loop_watch(&r->loop,
	    r->airlock.ends[DSRV_AIRLOCK_LOG], POLLIN);
	r->bell_place = dsrv_loop_watch(&r->loop, bell, 0);
	return dsrv_intake_recover(&r->airlock);
}

/* Stays here. */
static void
run(const struct dsrv_airlock *a, int bell)
{
	struct reader r;

	if (open_reader(&r, a, bell) == -1)
		dsrv_report_die("read the log");
	for (deliver(&r); !r.at_end; deliver(&r))
		switch (dsrv_loop_next(&r.loop)) {
		case DSRV_EVENT_READY:
			if (r.loop.place == r.bell_place)
				dsrv_report_exit(0);
			receive(&r);
			break;
		case DSRV_EVENT_TICK:
			dsrv_loop_resume(&r.loop, r.log_place);
			r.loop.deadline = DSRV_NEVER;
			break;
		default:
			break;
		}
	dsrv_report_exit(0);
}

int
dsrv_reader_start(struct dsrv_loop *loop, const struct dsrv_airlock *a,
    int bell)
{
	pid_t pid;

	dsrv_memory_lend(a->memory, sizeof *a->memory);
	if ((pid = dsrv_loop_fork_deaf(loop)) == 0)
		run(a, bell);
	dsrv_airlock_inherit(a);
	return pid == -1 ? -1 : 0;
}
