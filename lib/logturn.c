/*
 * logturn.c - when it is the turn of the library's messages
 *
 * They do not come through the log pipe, but must follow the lines that were
 * written before them. So a message waits until the pipe was empty, or until as
 * much was read as it may have held: no writer can hold it back by writing
 * more, nor by a line without an end, which is ended after a second.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "logger.h"

enum {
	PATIENCE = 1000,	/* ms */
	HALF = 2000,	/* ms, to wait for the end of a line */
	PIPE_MAX = 1024 * 1024	/* bytes, for a worker without rights */
};

static size_t
said(const struct dsrv_handover *h, int writer)
{
	return dsrv_journal_state(h)->outbox[writer];
}

static size_t
left(const struct dsrv_handover *h, int writer)
{
	return dsrv_outbox_end((enum dsrv_outbox_role)writer,
	    said(h, writer));
}

/* Whether there are messages that are not in the log yet. */
static int
is_waiting(const struct dsrv_handover *h)
{
	int writer;

	for (writer = 0; writer < DSRV_OUTBOX_WRITERS; writer++)
		if (left(h, writer) != said(h, writer))
			return 1;
	return 0;
}

/* Whether all messages that were seen are in the log, or being written. */
static int
is_over(const struct dsrv_logturn *t, const struct dsrv_handover *h)
{
	int writer;

	for (writer = 0; writer < DSRV_OUTBOX_WRITERS; writer++)
		if (t->up_to[writer] != said(h, writer))
			return 0;
	return 1;
}

static void
see(struct dsrv_logturn *t, const struct dsrv_handover *h, int64_t now)
{
	int writer;

	for (writer = 0; writer < DSRV_OUTBOX_WRITERS; writer++)
		t->up_to[writer] = left(h, writer);
	t->since = is_waiting(h) ? now : 0;
	t->before = PIPE_MAX;
}

/* If the pipe cannot be read, or another process reads it, a message waits only
 * for PATIENCE. */
static int
has_come(const struct dsrv_logturn *t, const struct dsrv_handover *h,
    const struct dsrv_logturn_now *at)
{
	if (t->since == 0)
		return 0;
	return at->is_end || t->before == 0 || dsrv_intake_has_all(h) ||
	    ((at->cannot_read || h->from_ring) &&
	    at->now - t->since >= PATIENCE);
}

/* Whether a message waits for the end of a line that is in the file. */
static int
is_held(const struct dsrv_logturn *t, const struct dsrv_handover *h)
{
	return dsrv_journal_state(h)->midline &&
	    (t->has_come || dsrv_logcompose_has_news(h));
}

void
dsrv_logturn_look(struct dsrv_logturn *t, const struct dsrv_handover *h,
    const struct dsrv_logturn_now *at)
{
	if (t->since == 0 || at->is_end || is_over(t, h))
		see(t, h, at->now);
	t->has_come = has_come(t, h, at);
	if (t->ends_line)	/* one line has been ended, this is another */
		t->held_since = 0;
	if (!is_held(t, h) || at->cannot_write)
		t->held_since = 0;
	else if (t->held_since == 0)
		t->held_since = at->now;
	t->ends_line = t->held_since != 0 &&
	    at->now - t->held_since >= PATIENCE;
}

void
dsrv_logturn_have_read(struct dsrv_logturn *t, ssize_t bytes)
{
	if (bytes > 0)
		t->before -= (size_t)bytes < t->before ? (size_t)bytes :
		    t->before;
}

int64_t
dsrv_logturn_next(const struct dsrv_logturn *t, const struct dsrv_handover *h)
{
	int64_t next = DSRV_NEVER;

	if (t->since != 0 && !t->has_come)
		next = dsrv_intake_has_all(h) ? 0 : t->since + PATIENCE;
	else if (is_waiting(h) && is_over(t, h))
		next = 0;
	return t->held_since == 0 ? next :
	    dsrv_clock_earlier(next, t->held_since + PATIENCE);
}

/*
 * Lines without an end
 */

int64_t
dsrv_logturn_half_at(const struct dsrv_loghalf *half,
    const struct dsrv_handover *h)
{
	/* A reader has waited, too. */
	int patience = h->from_ring ? HALF / 2 : HALF;

	return half->since == 0 ? DSRV_NEVER : half->since + patience;
}

void
dsrv_logturn_look_for_half(struct dsrv_loghalf *half,
    const struct dsrv_handover *h, unsigned puts, int cannot_write)
{
	if (cannot_write || dsrv_journal_text(h).size == 0)
		half->since = 0;
	else if (half->since == 0 || half->puts != puts ||
	    dsrv_clock_now() >= dsrv_logturn_half_at(half, h))
		half->since = dsrv_clock_now();
	half->puts = puts;
}
