/*
 * fuzz_line.c - a stranger's text becomes lines of the log: each has a prefix,
 * nothing is lost or added, and control characters are always escaped
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "journal.h"
#include "fuzz.h"

static const struct dsrv_stamp stamp = { .made = 1, .size = 3, .text = "p> " };

/* All input and all output. */
static char *text, *out;
static size_t text_size, out_size;

static size_t
at_most(size_t count, size_t most)
{
	return count < most ? count : most;
}

/* Reads in portions, as the logger does. */
static void
run(struct fuzz_input *in, size_t room, size_t limit)
{
	struct dsrv_logline l = { .in = text, .limit = limit };
	size_t used = 0, come = 0;
	char *room_end;
	unsigned byte;

	out_size = 0;
	do {
		byte = fuzz_byte(in);
		come += at_most(1 + byte * 300u, text_size - come);
		l.half = byte & 1;
		l.last = come == text_size;
		l.in = text + used;
		l.in_size = come - used;
		l.out = room_end = fuzz_bytes(room);
		l.out_size = room;
		l.used = l.count = 0;
		dsrv_logline_compose(&l, &stamp);
		must(l.used <= l.in_size && l.count <= room);
		must(!l.last || l.used > 0 || l.count > 0 || l.in_size == 0);
		must(l.count == 0 || l.midline == (l.out[l.count - 1] != '\n'));
		memcpy(out + out_size, l.out, l.count);
		out_size += l.count;
		used += l.used;
		free(room_end);
	} while (used < text_size || come < text_size || l.count > 0);
	must(!l.midline);
}

static unsigned
digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Removes what the logger has added, and compares the text. */
static void
compare(int escaped)
{
	size_t i = 0, n;

	for (n = 0; n < out_size; n++) {
		unsigned byte = (unsigned char)out[n];

		if (n == 0 || out[n - 1] == '\n') {
			must(out_size - n > 3 && memcmp(out + n, "p> ", 3) == 0);
			n += 3;
			byte = (unsigned char)out[n];
		}
		if (escaped && byte == '\\') {
			must(out_size - n > 3 && out[n + 1] == 'x');
			byte = digit(out[n + 2]) << 4 | digit(out[n + 3]);
			n += 3;
		}
		if (i == text_size)	/* the end of the last line */
			must(byte == '\n' && n == out_size - 1);
		else
			must(byte == (unsigned char)text[i++]);
	}
	must(i == text_size);
	must(!escaped || fuzz_is_plain(out, out_size));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	unsigned flags = fuzz_byte(&in), copies = flags >> 2, i;
	int escaped = flags & 1;
	size_t room = 20 + (unsigned)fuzz_int(&in) % 5000;
	size_t limit = flags & 2 ? (size_t)-1 : 37 * fuzz_byte(&in);
	struct fuzz_input portions = { in.at, at_most(in.left, 8) };

	fuzz_fill(&in, &(uint64_t){ 0 }, 8);
	text_size = in.left * (1 + copies);
	text = fuzz_bytes(text_size);
	for (i = 0; i <= copies && in.left > 0; i++)
		memcpy(text + i * in.left, in.at, in.left);
	out = fuzz_bytes(7 * text_size + 8);
	daemon_set_logger_escape(escaped);
	run(&portions, room, limit);
	compare(escaped);
	free(text);
	free(out);
	return 0;
}
