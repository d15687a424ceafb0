/*
 * fuzz_compose.c - the text in hand and a hostile page of messages, on their
 * way into the file: every line begins with the prefix, which is nowhere else
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "logger.h"
#include "fuzz.h"

/* Escaped text cannot contain the first byte of this prefix. */
static const struct dsrv_stamp stamp = { .made = 1, .size = 2, .text = "\1>" };

static struct dsrv_handover handover;
static void *outbox;

static void
open_once(void)
{
	int to_logger;

	if (outbox != NULL)
		return;
	must(dsrv_handover_open(&handover, &to_logger) == 0);
	must(dsrv_outbox_open() == 0);
	outbox = fuzz_page;
	dsrv_outbox_become(DSRV_OUTBOX_READER);
}

/* Removes the prefixes: what is left must be text. */
static void
check_lines(const char *out, size_t count, int midline, int escaped)
{
	const char *line, *next, *end = out + count;
	char *rest = fuzz_bytes(count);
	size_t n = 0;

	for (line = out; line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		next = next != NULL ? next + 1 : end;
		if (line > out || !midline) {
			must(next - line > 2 && memcmp(line, "\1>", 2) == 0);
			line += 2;
		}
		memcpy(rest + n, line, (size_t)(next - line));
		n += (size_t)(next - line);
	}
	must(!escaped || fuzz_is_plain(rest, n));
	free(rest);
}

/* An unfinished line is shown completely, except for a part of a character, if
 * there is room. */
static void
check_half(size_t used)
{
	size_t size = dsrv_journal_text(&handover).size;

	must(size - used < 4 || size * 7 > DSRV_HANDOVER_OUT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct dsrv_handover_put put;
	/* RLIMIT_FSIZE would send some messages to syslog. */
	struct dsrv_logturn turn = { .most = (size_t)-1 };
	struct dsrv_record *r;
	unsigned flags = fuzz_byte(&in);
	unsigned number = (unsigned)fuzz_int(&in);
	size_t limit = number % 4096;
	int i;

	open_once();
	memset(handover.memory->logger.records, 0,
	    sizeof handover.memory->logger.records);
	handover.memory->lost = fuzz_byte(&in);
	r = dsrv_journal_revise(&handover);
	r->state.midline = flags & 1;
	memset(outbox, 0, sizeof(struct dsrv_ring_ends) * DSRV_OUTBOX_WRITERS);
	for (i = 0; flags & 8 && i < DSRV_OUTBOX_WRITERS; i++)
		fuzz_fill(&in, &r->state.outbox[i], sizeof(size_t));
	if (flags & 128)	/* a page of nonsense fills any limit */
		limit = (size_t)-1;
	fuzz_fill(&in, outbox, flags & 8 ? sizeof(struct dsrv_ring_ends) *
	    DSRV_OUTBOX_WRITERS + 300 : 0);
	r->in_raw = in.left < DSRV_HANDOVER_RAW ? in.left : DSRV_HANDOVER_RAW;
	fuzz_fill(&in, handover.journal->raw[0], r->in_raw);
	dsrv_journal_note(&handover);
	turn.has_come = (flags >> 4) & 1;
	turn.ends_line = (flags >> 5) & 1;
	turn.shows_half = (number >> 12) & 1;
	for (i = 0; i < DSRV_OUTBOX_WRITERS; i++)
		turn.up_to[i] = flags & 64 ? (size_t)i : dsrv_outbox_end(
		    (enum dsrv_outbox_role)i, r->state.outbox[i]);
	daemon_set_logger_escape((flags >> 1) & 1);
	dsrv_logcompose(&handover, &stamp, &turn, limit, (flags >> 2) & 1, &put);
	must(put.count <= DSRV_HANDOVER_OUT);
	must(put.used <= dsrv_journal_text(&handover).size);
	if (turn.shows_half && !turn.has_come && flags & 128)
		check_half(put.used);
	check_lines(dsrv_journal_out(&handover), put.count, flags & 1,
	    (flags >> 1) & 1);
	return 0;
}
