/*
 * fuzz_outbox.c - messages in a page that a hostile process has written
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "report.h"
#include "fuzz.h"

/* Each message is a line, and uses some of the page. */
static void
read_all(enum dsrv_outbox_role writer, size_t from)
{
	char *line = fuzz_bytes(DSRV_OUTBOX_LINE_MAX);
	size_t length, next, first = from;

	while (from - first <= fuzz_page_size &&
	    (next = dsrv_outbox_read(writer, from, line, &length)) > 0) {
		must(next <= DSRV_OUTBOX_LINE_MAX);
		must(length == next || length == next - 1);
		must(memchr(line, '\n', length) == NULL);
		from += next;
		dsrv_outbox_have_read(writer, from);
	}
	free(line);
}

static void
write_one(enum dsrv_outbox_role writer, struct fuzz_input *in)
{
	char line[DSRV_OUTBOX_LINE_MAX];
	size_t length = (unsigned)fuzz_int(in) % sizeof line;

	fuzz_fill(in, line, length);
	dsrv_outbox_become(writer);
	must(dsrv_outbox_write(line, length) >= 0);
	dsrv_outbox_is_waiting();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	enum dsrv_outbox_role writer = fuzz_byte(&in) % 2 ?
	    DSRV_OUTBOX_SERVER : DSRV_OUTBOX_MASTER;
	size_t from, at;

	must(dsrv_outbox_open() == 0);
	at = (size_t)fuzz_int(&in) % fuzz_page_size;
	fuzz_fill(&in, &from, sizeof from);
	fuzz_fill(&in, fuzz_page, sizeof(struct dsrv_ring_ends) *
	    DSRV_OUTBOX_WRITERS);
	if (fuzz_byte(&in) % 2)
		write_one(writer, &in);
	fuzz_fill(&in, (char *)fuzz_page + at,
	    in.left < fuzz_page_size - at ? in.left : fuzz_page_size - at);
	dsrv_outbox_become(DSRV_OUTBOX_READER);
	read_all(writer, from);
	dsrv_outbox_close();
	return 0;
}
