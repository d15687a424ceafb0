/*
 * logcompose.c - the text in hand, as it is written to the file
 *
 * The logger's own messages come before it; those of the master and the server
 * after it, when it is their turn.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <string.h>

#include "logger.h"

/* -1: there is no room for it now. If even at the present end of the file
 * RLIMIT_FSIZE would tear it, it goes to syslog instead. */
static int
say_message(struct dsrv_logline *lines, const struct dsrv_stamp *stamp,
    const struct dsrv_logturn *turn, char *line, size_t length)
{
	struct dsrv_logline without = *lines;

	if (dsrv_logline_say(lines, stamp, line, length) == -1)
		return -1;
	if (lines->count <= turn->most)
		return 0;
	*lines = without;
	if (lines->count > 0)
		return -1;
	line[length] = '\0';
	dsrv_report_again(line);
	return 0;
}

/* The messages of the master and the server, as many as there is room for. */
static void
say_messages(struct dsrv_logline *lines, const struct dsrv_stamp *stamp,
    const struct dsrv_logturn *turn, struct dsrv_handover_state *after)
{
	char line[DSRV_OUTBOX_LINE_MAX + 1];
	size_t length, next;
	int writer;

	for (writer = 0; writer < DSRV_OUTBOX_WRITERS; writer++)
		while (after->outbox[writer] != turn->up_to[writer] &&
		    (next = dsrv_outbox_read((enum dsrv_outbox_role)writer,
		    after->outbox[writer], line, &length)) > 0) {
			if (say_message(lines, stamp, turn, line,
			    length) == -1)
				return;
			after->outbox[writer] += next;
		}
}

/* If lines are lost all the time, says so once a second, and at the end. */
static void
say_losses(const struct dsrv_handover *h, struct dsrv_logline *lines,
    const struct dsrv_stamp *stamp, struct dsrv_handover_state *after)
{
	long lost = dsrv_handover_lost(h);
	char line[DSRV_REPORT_MAX];
	size_t length;

	if (lost == 0 || (after->told_in == stamp->second && !lines->last))
		return;
	length = dsrv_report_line(line, "keep all lines: %ld lines are lost",
	    lost);
	if (dsrv_logline_say(lines, stamp, line, length) == -1)
		return;
	after->told += lost;
	after->told_in = stamp->second;
}

int
dsrv_logcompose_has_news(const struct dsrv_handover *h)
{
	return dsrv_handover_lost(h) != 0 || dsrv_trouble_is_news(h);
}

void
dsrv_logcompose(const struct dsrv_handover *h, const struct dsrv_stamp *stamp,
    const struct dsrv_logturn *turn, size_t limit, int last,
    struct dsrv_handover_put *put)
{
	struct dsrv_handover_text text = dsrv_journal_text(h);
	struct dsrv_logline lines;
	int all;

	put->state = *dsrv_journal_state(h);
	memset(&lines, 0, sizeof lines);
	lines.in = text.start;
	lines.in_size = text.size;
	lines.out = dsrv_journal_out(h);
	lines.out_size = DSRV_HANDOVER_OUT;
	lines.limit = limit;
	lines.last = last;
	lines.half = turn->shows_half && !turn->has_come;
	lines.midline = put->state.midline;
	if (!lines.midline || turn->ends_line) {
		dsrv_trouble_tell(h, &lines, stamp, &put->state);
		say_losses(h, &lines, stamp, &put->state);
	}
	all = dsrv_logline_compose(&lines, stamp);
	if (all && turn->has_come && (!lines.midline || turn->ends_line))
		say_messages(&lines, stamp, turn, &put->state);
	put->used = lines.used;
	put->count = lines.count;
	put->state.midline = lines.midline;
}

void
dsrv_logcompose_done(const struct dsrv_handover *h)
{
	int writer;

	for (writer = 0; writer < DSRV_OUTBOX_WRITERS; writer++)
		dsrv_outbox_have_read((enum dsrv_outbox_role)writer,
		    dsrv_journal_state(h)->outbox[writer]);
}
