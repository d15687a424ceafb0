/*
 * check_logline.c - from what was read to what is written, without a file
 *
 * The test plays the logger: it feeds text in portions, keeps what was not
 * used, and gathers the output.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdint.h>
#include <time.h>

#include "journal.h"
#include "harness.h"

enum {
	PIECE = DSRV_LOGLINE_PIECE,
	MUCH = 1 << 20,
	SUMMER = 1782900000	/* 2026-07-01 10:00:00 UTC */
};

#define BERLIN	"CET-1CEST,M3.5.0,M10.5.0/3"
#define NO_LIMIT ((size_t)-1)

static struct dsrv_stamp stamp;

/* What composes a line: the room, the limit, and whether a line has begun. */
static size_t out_size = 4096;
static size_t limit = NO_LIMIT;
static int midline;

/* All output so far. */
static char *got;
static size_t got_size;

/*
 * The prefix
 */

/* The stamp for that moment; valid until the next call. */
static const char *
stamp_at(time_t second, long nanosecond)
{
	static char text[sizeof stamp.text + 1];
	struct timespec now = { .tv_sec = second, .tv_nsec = nanosecond };

	dsrv_logline_stamp(&stamp, &now);
	ck_assert_uint_le(stamp.size, sizeof stamp.text);
	memcpy(text, stamp.text, stamp.size);
	text[stamp.size] = '\0';
	return text;
}

static void
set_format(const char *format)
{
	ck_assert_int_eq(daemon_set_logger_prefix_format(format), 0);
	memset(&stamp, 0, sizeof stamp);
}

/* Asserts what the format gives at 123456789 ns. */
static void
gives(const char *format, const char *text)
{
	set_format(format);
	ck_assert_str_eq(stamp_at(SUMMER, 123456789), text);
}

/* The lines of a test begin with this prefix. */
static void
set_prefix(const char *prefix)
{
	gives(prefix, prefix);
}

START_TEST(the_prefix_is_local_time_with_its_offset_by_default)
{
	set_time_zone(BERLIN);
	ck_assert_str_eq(stamp_at(SUMMER, 999999999),
	    "2026-07-01T12:00:00+0200 ");
	ck_assert_str_eq(stamp_at(1767225600, 0),
	    "2026-01-01T01:00:00+0100 ");
	set_time_zone("UTC0");
	memset(&stamp, 0, sizeof stamp);
	ck_assert_str_eq(stamp_at(SUMMER, 0), "2026-07-01T10:00:00+0000 ");
}
END_TEST

START_TEST(the_default_prefix_stays_where_another_is_refused)
{
	set_time_zone("UTC0");
	ck_assert_int_eq(daemon_set_logger_prefix_format(NULL), -1);
	ck_assert_int_eq(daemon_set_logger_prefix_format("%H%"), -1);
	ck_assert_str_eq(stamp_at(SUMMER, 0), "2026-07-01T10:00:00+0000 ");
}
END_TEST

START_TEST(a_fraction_has_as_many_digits_as_its_number_says_or_nine)
{
	gives("%N", "123456789");
	gives("%9N", "123456789");
	gives("%6N", "123456");
	gives("%3N", "123");
	gives("%1N", "1");
	gives("%7N ", "1234567 ");
}
END_TEST

START_TEST(a_fraction_has_its_leading_and_trailing_zeros)
{
	set_format("%N %3N %1N");
	ck_assert_str_eq(stamp_at(SUMMER, 0), "000000000 000 0");
	ck_assert_str_eq(stamp_at(SUMMER, 1), "000000001 000 0");
	ck_assert_str_eq(stamp_at(SUMMER, 1000000), "001000000 001 0");
	ck_assert_str_eq(stamp_at(SUMMER, 900000000), "900000000 900 9");
	ck_assert_str_eq(stamp_at(SUMMER, 999999999), "999999999 999 9");
}
END_TEST

START_TEST(several_fractions_stand_where_the_format_has_them)
{
	set_time_zone("UTC0");
	gives("%3N%6N%1N", "1231234561");
	gives("<%H.%3N|%M,%6N>", "<10.123|00,123456>");
	gives("%T.%N %Y ", "10:00:00.123456789 2026 ");
}
END_TEST

START_TEST(two_percent_signs_are_one_and_begin_no_fraction)
{
	gives("%%", "%");
	gives("100%% ", "100% ");
	gives("%%N", "%N");
	gives("%%3N", "%3N");
	gives("%%%N", "%123456789");
	gives("%%%%3N", "%%3N");
	gives("%%%%%3N", "%%123");
	gives("%3N%%N", "123%N");
}
END_TEST

START_TEST(an_n_or_a_number_alone_is_text)
{
	gives("N 3N 9", "N 3N 9");
	gives("3N%n", "3N\n");
}
END_TEST

/* Here %s is the unit's own work. */
START_TEST(seconds_are_as_strftime_gives_them)
{
	static const char *const formats[] = { "%s", "<%s> %%s", "%15s",
		"%015s", "%_15s", "%-15s", "%-s", "%^5s", "%_s" };
	struct tm tm;
	char text[64];
	time_t second = SUMMER;
	int i;

	set_time_zone("UTC0");
	ck_assert_ptr_nonnull(gmtime_r(&second, &tm));
	gives("%s %H", "1782900000 10");
	for (i = 0; i < DSRV_COUNT(formats); i++) {
		strftime(text, sizeof text, formats[i], &tm);
		gives(formats[i], text);
	}
}
END_TEST

START_TEST(seconds_wider_than_any_room_are_left_out)
{
	gives("<%2000000000s>", "<>");
	gives("<%99999999999999999999s>", "<>");
	gives("<%09999999999s>", "<>");
}
END_TEST

/* As the C library formats %s without TZ. */
START_TEST(the_zone_stays_the_one_that_was_read)
{
	set_time_zone("XXX-5:30");
	gives("%H:%M %s ", "15:30 1782900000 ");
	ck_assert_int_eq(setenv("TZ", "UTC0", 1), 0);
	gives("%s %c ", "1782900000 Wed Jul  1 15:30:00 2026 ");
	gives("%H:%M %s ", "15:30 1782900000 ");
}
END_TEST

START_TEST(an_empty_format_is_no_prefix)
{
	gives("", "");
	ck_assert_uint_eq(stamp.size, 0);
}
END_TEST

START_TEST(the_prefix_is_formatted_anew_for_another_second_only)
{
	set_time_zone("UTC0");
	set_format("%S.%3N ");
	ck_assert_str_eq(stamp_at(SUMMER, 5000000), "00.005 ");
	/* If it were formatted again, it would be by this format. */
	ck_assert_int_eq(daemon_set_logger_prefix_format("new %S %1N"), 0);
	ck_assert_str_eq(stamp_at(SUMMER, 6000000), "00.006 ");
	ck_assert_str_eq(stamp_at(SUMMER, 999999999), "00.999 ");
	ck_assert_str_eq(stamp_at(SUMMER + 1, 0), "new 01 0");
	/* The clock was set back. */
	ck_assert_str_eq(stamp_at(SUMMER - 1, 700000000), "new 59 7");
}
END_TEST

START_TEST(a_moment_of_the_year_1970_is_no_stamp_that_was_made)
{
	set_time_zone("UTC0");
	set_format("%Y ");
	ck_assert_str_eq(stamp_at(0, 0), "1970 ");
}
END_TEST

/* Asserts that the fractions are within the text, and the text within its
 * room. */
static void
is_sound(void)
{
	int i;

	ck_assert_uint_le(stamp.size, sizeof stamp.text);
	ck_assert_int_ge(stamp.fraction_count, 0);
	ck_assert_int_le(stamp.fraction_count, DSRV_COUNT(stamp.fractions));
	for (i = 0; i < stamp.fraction_count; i++)
		ck_assert_uint_le(stamp.fractions[i].at +
		    (size_t)stamp.fractions[i].digits, stamp.size);
}

/* A format of 255 bytes, made by repeating this part. */
static const char *
long_format(const char *part)
{
	static char format[DSRV_PREFIX_FORMAT_MAX + 1];
	size_t length = strlen(part), n;

	memset(format, '.', sizeof format - 1);
	for (n = 0; n + length < sizeof format; n += length)
		memcpy(format + n, part, length);
	return format;
}

START_TEST(a_prefix_that_is_too_long_is_not_written_past_its_room)
{
	set_time_zone("UTC0");
	set_format(long_format("%c"));
	stamp_at(SUMMER, 0);
	is_sound();
	/* The field that follows the text in memory. */
	ck_assert_int_eq(stamp.fraction_count, 0);
}
END_TEST

START_TEST(of_a_prefix_that_is_too_long_what_fits_is_whole)
{
	static const char part[] = "Wed Jul  1 10:00:00 2026123456789";
	const char *text;
	size_t whole, i;

	set_time_zone("UTC0");
	set_format(long_format("%c%N"));
	text = stamp_at(SUMMER, 123456789);
	is_sound();
	whole = sizeof stamp.text / (sizeof part - 1);
	for (i = 0; i < whole; i++)
		ck_assert_int_eq(strncmp(text + i * (sizeof part - 1), part,
		    sizeof part - 1), 0);
}
END_TEST

START_TEST(more_fractions_than_fit_are_left_out)
{
	set_format(long_format("%N"));
	stamp_at(SUMMER, 0);
	is_sound();
	ck_assert_int_eq(stamp.fraction_count, sizeof stamp.text / 9);
	ck_assert_int_eq(strncmp(stamp_at(SUMMER, 999999999) + 9 * 112,
	    "999999999", 9), 0);

	set_format(long_format("%1N"));
	stamp_at(SUMMER, 0);
	is_sound();
	ck_assert_int_eq(stamp.fraction_count, DSRV_PREFIX_FORMAT_MAX / 3);
}
END_TEST

/*
 * What lines are held against
 */

static void
forget(void)
{
	free(got);
	got = NULL;
	got_size = 0;
	midline = 0;
}

static void
gather(const char *text, size_t size)
{
	got = realloc(got, got_size + size + 1);
	ck_assert_ptr_nonnull(got);
	if (size > 0)
		memcpy(got + got_size, text, size);
	got[got_size += size] = '\0';
}

static int half;	/* another writer's line has no end */

/* Composes once, from and to memory of exactly these sizes, and gathers the
 * output. Returns how much text was used. */
static size_t
compose(const char *in, size_t size, int last)
{
	struct dsrv_logline l = { .in_size = size, .out_size = out_size,
		.limit = limit, .last = last, .half = half,
		.midline = midline };
	char *text = malloc(size + 1), *out = malloc(out_size + 1);

	ck_assert(text != NULL && out != NULL);
	if (size > 0)
		memcpy(text, in, size);
	text[size] = '!';
	out[out_size] = '!';
	l.in = text;
	l.out = out;
	dsrv_logline_compose(&l, &stamp);
	ck_assert_uint_le(l.used, size);
	ck_assert_uint_le(l.count, out_size);
	ck_assert_int_eq(out[out_size], '!');
	if (l.count > 0)
		ck_assert_int_eq(l.midline, out[l.count - 1] != '\n');
	else
		ck_assert_int_eq(l.midline, midline);
	gather(out, l.count);
	midline = l.midline;
	free(text);
	free(out);
	return l.used;
}

/* Composes until there is no more output. Returns how much text was used. */
static size_t
compose_all(const char *in, size_t size, int last)
{
	size_t used = 0, before;

	do {
		before = got_size;
		used += compose(in + used, size - used, last);
	} while (got_size > before);
	return used;
}

/* As a logger does: reads portions of this size, and in the end nothing, as
 * read(2) reports end of file. */
static void
feed(const char *text, size_t size, size_t portion)
{
	size_t have = 0, used = 0;

	while (have < size) {
		have += portion < size - have ? portion : size - have;
		used += compose_all(text + used, have - used, 0);
	}
	used += compose_all(text + used, size - used, 1);
	ck_assert_uint_eq(used, size);
}

static void
is_text(const char *what, const char *text, size_t size,
    const char *expected, size_t expected_size)
{
	size_t i, most = size < expected_size ? size : expected_size;

	for (i = 0; i < most && text[i] == expected[i]; i++)
		;
	ck_assert_msg(i == size && i == expected_size,
	    "%s: %lu bytes, not %lu, the first %lu of them are right", what,
	    (unsigned long)size, (unsigned long)expected_size,
	    (unsigned long)i);
}

static void
is_got(const char *expected, size_t size)
{
	is_text("what came out", got != NULL ? got : "", got_size, expected,
	    size);
	forget();
}

/* Asserts what this text becomes, with end of file after it. */
static void
composes(const char *text, const char *expected)
{
	feed(text, strlen(text), strlen(text) + 1);
	ck_assert_str_eq(got != NULL ? got : "", expected);
	forget();
}

/*
 * Lines
 */

START_TEST(a_line_gets_the_prefix_once)
{
	set_prefix("P ");
	composes("one\n", "P one\n");
	composes("one\ntwo\nthree\n", "P one\nP two\nP three\n");
}
END_TEST

START_TEST(without_a_prefix_a_line_stays_what_it_is)
{
	set_prefix("");
	composes("one\n\ntwo\n", "one\n\ntwo\n");
}
END_TEST

START_TEST(no_text_gives_no_line)
{
	set_prefix("P ");
	ck_assert_uint_eq(compose("", 0, 0), 0);
	ck_assert_uint_eq(compose("", 0, 1), 0);
	ck_assert_uint_eq(got_size, 0);
}
END_TEST

START_TEST(an_empty_line_gets_the_prefix)
{
	set_prefix("P ");
	composes("\n", "P \n");
	composes("\n\none\n\n", "P \nP \nP one\nP \n");
}
END_TEST

START_TEST(only_whole_lines_are_used)
{
	set_prefix("P ");
	ck_assert_uint_eq(compose("one\ntwo", 7, 0), 4);
	is_got("P one\n", 6);
	ck_assert_uint_eq(compose("two", 3, 0), 0);
	ck_assert_uint_eq(got_size, 0);
	ck_assert_uint_eq(compose("two, three\n", 11, 0), 11);
	is_got("P two, three\n", 13);
}
END_TEST

START_TEST(a_last_line_without_its_newline_gets_one)
{
	set_prefix("P ");
	composes("one", "P one\n");
	composes("one\ntwo", "P one\nP two\n");
}
END_TEST

START_TEST(a_last_line_with_its_newline_gets_no_other)
{
	set_prefix("P ");
	ck_assert_uint_eq(compose("one\n", 4, 1), 4);
	is_got("P one\n", 6);
}
END_TEST

START_TEST(nul_bytes_pass)
{
	static const char text[] = "\0a\0\0b\n\0\n", lines[] =
	    "P \0a\0\0b\nP \0\n";

	set_prefix("P ");
	feed(text, sizeof text - 1, 1);
	is_got(lines, sizeof lines - 1);
}
END_TEST

/*
 * Long lines
 */

static char *
some_bytes(size_t size, char byte)
{
	char *text = malloc(size);

	ck_assert_ptr_nonnull(text);
	memset(text, byte, size);
	return text;
}

START_TEST(a_line_without_an_end_waits_until_it_is_as_long_as_a_piece)
{
	char *text = some_bytes(PIECE, 'x');

	set_prefix("P ");
	out_size = 2 * PIECE;
	ck_assert_uint_eq(compose(text, 1, 0), 0);
	ck_assert_uint_eq(compose(text, PIECE - 1, 0), 0);
	ck_assert_uint_eq(got_size, 0);
	ck_assert_uint_eq(compose(text, PIECE, 0), PIECE);
	ck_assert_uint_eq(got_size, 2 + PIECE);
	ck_assert_int_eq(midline, 1);
	free(text);
	forget();
}
END_TEST

START_TEST(a_line_without_an_end_is_written_where_it_has_waited_for_it)
{
	set_prefix("P ");
	half = 1;
	ck_assert_uint_eq(compose("x\nab", 4, 0), 4);
	ck_assert_int_eq(midline, 1);
	half = 0;
	ck_assert_uint_eq(compose("c", 1, 0), 0);
	ck_assert_uint_eq(compose("cd\n", 3, 0), 3);
	half = 1;
	ck_assert_uint_eq(compose("", 0, 0), 0);
	ck_assert_int_eq(midline, 0);
	is_got("P x\nP abcd\n", 11);
}
END_TEST

START_TEST(a_character_that_has_not_come_whole_waits_for_its_rest)
{
	set_prefix("");
	daemon_set_logger_escape(1);
	half = 1;
	ck_assert_uint_eq(compose("x\360\237\230", 4, 0), 1);
	ck_assert_uint_eq(compose("\360\237\230", 3, 0), 0);
	ck_assert_uint_eq(compose("\360", 1, 0), 0);
	ck_assert_uint_eq(compose("\360\237\230\200", 4, 0), 4);
	is_got("x\360\237\230\200", 5);
}
END_TEST

START_TEST(a_line_without_an_end_is_written_when_nothing_follows)
{
	set_prefix("P ");
	ck_assert_uint_eq(compose("x", 1, 0), 0);
	ck_assert_uint_eq(compose("x", 1, 1), 1);
	is_got("P x\n", 4);
	ck_assert_int_eq(midline, 0);
}
END_TEST

START_TEST(a_line_that_was_begun_gets_no_second_prefix)
{
	set_prefix("P ");
	midline = 1;
	ck_assert_uint_eq(compose("the rest\none\n", 13, 0), 13);
	is_got("the rest\nP one\n", 15);
	midline = 1;
	ck_assert_uint_eq(compose("\none\n", 5, 0), 5);
	is_got("\nP one\n", 7);
	midline = 1;
	ck_assert_uint_eq(compose("the rest", 8, 1), 8);
	is_got("the rest\n", 9);
}
END_TEST

/* Otherwise the next daemon's first line would continue it, and have its prefix
 * in the middle. */
START_TEST(a_last_line_that_was_written_in_pieces_gets_its_newline)
{
	char *text = some_bytes(PIECE, 'x');

	set_prefix("");
	out_size = 2 * PIECE;
	ck_assert_uint_eq(compose(text, PIECE, 0), PIECE);
	is_got(text, PIECE);
	midline = 1;
	ck_assert_uint_eq(compose("", 0, 1), 0);
	is_got("\n", 1);
	free(text);
}
END_TEST

/* Arbitrary bytes, except newlines. */
static char *
long_line(size_t size)
{
	char *text = some_bytes(size, 0);
	uint32_t i;

	for (i = 0; i < size; i++) {
		text[i] = (char)(i * 2654435761u >> 13);
		if (text[i] == '\n')
			text[i] = '.';
	}
	return text;
}

START_TEST(a_line_of_1_mb_has_one_prefix_and_each_of_its_bytes)
{
	static const size_t portions[] = { 4096, 65536, 5000, 99999, 131072 };
	char *text = long_line(MUCH);
	int i;

	text[MUCH - 1] = '\n';
	set_prefix("P ");
	out_size = 256 * 1024;
	for (i = 0; i < DSRV_COUNT(portions); i++) {
		feed(text, MUCH, portions[i]);
		ck_assert_uint_eq(got_size, 2 + MUCH);
		ck_assert_int_eq(memcmp(got, "P ", 2), 0);
		is_text("the line", got + 2, got_size - 2, text, MUCH);
		forget();
	}
	free(text);
}
END_TEST

START_TEST(a_line_after_a_long_one_has_its_prefix)
{
	char *text = some_bytes(PIECE + 9, 'x');

	memcpy(text + PIECE, "end\nnext\n", 9);
	set_prefix("P ");
	out_size = 2 * PIECE;
	feed(text, PIECE + 9, PIECE);
	ck_assert_uint_eq(got_size, 2 + PIECE + 4 + 2 + 5);
	ck_assert_str_eq(got + 2 + PIECE, "end\nP next\n");
	free(text);
	forget();
}
END_TEST

/*
 * Escapes
 */

START_TEST(control_bytes_stay_unless_they_are_to_be_escaped)
{
	set_prefix("P ");
	composes("\001\033[2J\r\177\t\n", "P \001\033[2J\r\177\t\n");
}
END_TEST

START_TEST(control_bytes_and_the_backslash_are_escaped)
{
	char line[3] = "?\n", escaped[16];
	int c;

	set_prefix("P ");
	daemon_set_logger_escape(1);
	for (c = 0; c < 256; c++) {
		if (c == '\n')
			continue;
		line[0] = (char)c;
		sprintf(escaped, c < ' ' || (c >= 127 && c < 160) ||
		    c == '\\' ? "P \\x%02x\n" : "P %c\n", c);
		feed(line, 2, 2);
		is_got(escaped, strlen(escaped));
	}
}
END_TEST

/* For an 8-bit terminal, or one of UTF-8, 0x9b is as good as ESC [. */
START_TEST(controls_from_0x80_on_are_escaped_alone_and_in_utf_8)
{
	set_prefix("P ");
	daemon_set_logger_escape(1);
	composes("\2332J\n", "P \\x9b2J\n");
	composes("\302\2332J\n", "P \\xc2\\x9b2J\n");
	composes("\302\200\302\237\302\240\n",
	    "P \\xc2\\x80\\xc2\\x9f\302\240\n");
	/* The same in an overlong form, which some terminals accept. */
	composes("\340\202\233\n", "P \340\\x82\\x9b\n");
	composes("\300\233\n", "P \300\\x9b\n");
	composes("\360\200\202\233\n", "P \360\\x80\\x82\\x9b\n");
}
END_TEST

START_TEST(characters_of_utf_8_and_of_latin_1_stay)
{
	/* A capital A with a grave accent, a euro sign, an emoji. */
	static const char text[] =
	    "\303\200 \342\202\254 \360\237\230\200\n";

	set_prefix("");
	daemon_set_logger_escape(1);
	composes(text, text);
	composes("\374 \240 \377\n", "\374 \240 \377\n");
	/* Truncated, or a surrogate, or beyond Unicode. */
	composes("\342\202\n", "\342\\x82\n");
	composes("\303", "\303\n");
	composes("\355\240\200\n", "\355\240\\x80\n");
	composes("\364\220\200\200\n", "\364\\x90\\x80\\x80\n");
}
END_TEST

/* Each piece of a long line ends with a complete character. */
START_TEST(a_character_at_the_end_of_a_piece_stays_whole)
{
	char *text = some_bytes(PIECE + 4, 'x');
	size_t i, n;

	set_prefix("");
	daemon_set_logger_escape(1);
	out_size = 8 * PIECE;
	for (i = 1; i < 4; i++) {
		memcpy(text + PIECE - i, "\360\237\230\200", 4);
		n = compose(text, PIECE, 0);
		ck_assert_uint_eq(n, PIECE - i);
		n += compose(text + n, PIECE + 4 - i - n, 1);
		text[PIECE + 4 - i] = '\n';
		is_got(text, PIECE + 5 - i);
		text[PIECE + 4 - i] = 'x';
		ck_assert_uint_eq(n, PIECE + 4 - i);
	}
	free(text);
}
END_TEST

START_TEST(lines_are_escaped_each_within_its_newline)
{
	set_prefix("P ");
	daemon_set_logger_escape(1);
	composes("a\tb\r\n\033[m\nc", "P a\\x09b\\x0d\nP \\x1b[m\nP c\n");
}
END_TEST

/* A hostile process can write what looks like a message of the library. */
START_TEST(a_line_of_the_library_is_escaped_as_well)
{
	char out[40];
	struct dsrv_logline l = { .out = out, .out_size = sizeof out };

	set_prefix("P ");
	ck_assert_int_eq(dsrv_logline_say(&l, &stamp, "\33[m\0x", 5), 0);
	is_text("as it is", out, l.count, "P \33[m\0x\n", 8);
	daemon_set_logger_escape(1);
	l.count = 0;
	ck_assert_int_eq(dsrv_logline_say(&l, &stamp, "\33[m\0x", 5), 0);
	is_text("escaped", out, l.count, "P \\x1b[m\\x00x\n", 14);
	/* It fits only as it is. */
	l.count = sizeof out - 8;
	ck_assert_int_eq(dsrv_logline_say(&l, &stamp, "\33[m\0x", 5), -1);
	ck_assert_uint_eq(l.count, sizeof out - 8);
}
END_TEST

START_TEST(the_prefix_is_not_escaped)
{
	set_format("%t");
	stamp_at(SUMMER, 0);
	daemon_set_logger_escape(1);
	composes("\t\n", "\t\\x09\n");
}
END_TEST

/* Out has room for the line, but not for its escaped form. */
START_TEST(a_line_that_grows_larger_than_out_is_written_in_pieces)
{
	enum { LENGTH = 1000 };
	char *text = some_bytes(LENGTH + 1, '\001'), *expected;
	size_t size, i;

	text[LENGTH] = '\n';
	ck_assert_ptr_nonnull(expected = malloc(4 * LENGTH + 4));
	strcpy(expected, "P ");
	for (i = 0; i < LENGTH; i++)
		strcpy(expected + 2 + 4 * i, "\\x01");
	strcat(expected, "\n");
	set_prefix("P ");
	daemon_set_logger_escape(1);
	for (size = LENGTH + 10; size < LENGTH + 20; size++) {
		out_size = size;
		feed(text, LENGTH + 1, LENGTH + 1);
		is_got(expected, 4 * LENGTH + 3);
	}
	free(text);
	free(expected);
}
END_TEST

/*
 * Room
 */

START_TEST(what_out_has_no_room_for_is_composed_next_time)
{
	enum { LINES = 1000 };
	char prefix[201], text[2 * LINES], *expected;
	size_t used = 0, n = 0, more;
	int i;

	memset(prefix, 'p', 200);
	prefix[200] = '\0';
	ck_assert_ptr_nonnull(expected = malloc(LINES * 202 + 1));
	for (i = 0; i < LINES; i++) {
		text[2 * i] = (char)('a' + i % 26);
		text[2 * i + 1] = '\n';
		n += (size_t)sprintf(expected + n, "%s%c\n", prefix,
		    'a' + i % 26);
	}
	set_prefix(prefix);
	out_size = sizeof text + 201;
	/* It is full after ten lines, or has an odd room left. */
	for (; used < sizeof text; used += more) {
		more = compose(text + used, sizeof text - used, 0);
		ck_assert_uint_eq(more, sizeof text - used < 20 ?
		    sizeof text - used : 20);
		ck_assert_uint_eq(got_size, (used + more) / 2 * 202);
	}
	is_got(expected, n);
	free(expected);
}
END_TEST

START_TEST(a_line_that_fits_to_the_last_byte_is_whole)
{
	set_prefix("P ");
	out_size = 11;
	ck_assert_uint_eq(compose("one\nx\ntwo\n", 10, 0), 6);
	is_got("P one\nP x\n", 10);
	out_size = 12;
	ck_assert_uint_eq(compose("one\ntwo\n", 8, 0), 8);
	is_got("P one\nP two\n", 12);
}
END_TEST

START_TEST(a_line_is_not_begun_where_its_rest_has_no_room)
{
	set_prefix("P ");
	for (out_size = 16; out_size < 20; out_size++) {
		ck_assert_uint_eq(compose("one\nlong enough\n", 16, 0), 4);
		is_got("P one\n", 6);
	}
	out_size = 20;
	ck_assert_uint_eq(compose("one\nlong enough\n", 16, 0), 16);
	is_got("P one\nP long enough\n", 20);
}
END_TEST

/*
 * The limit
 */

START_TEST(no_line_goes_beyond_the_limit)
{
	set_prefix("P ");
	for (limit = 12; limit < 18; limit++) {
		ck_assert_uint_eq(compose("one\ntwo\nsix\n", 12, 0), 8);
		is_got("P one\nP two\n", 12);
	}
	ck_assert_uint_eq(compose("one\ntwo\nsix\n", 12, 0), 12);
	is_got("P one\nP two\nP six\n", 18);
}
END_TEST

START_TEST(the_first_line_goes_beyond_the_limit_alone)
{
	set_prefix("P ");
	for (limit = 0; limit < 12; limit++) {
		ck_assert_uint_eq(compose("one\ntwo\n", 8, 0), 4);
		is_got("P one\n", 6);
	}
}
END_TEST

START_TEST(a_short_line_does_not_overtake_one_beyond_the_limit)
{
	set_prefix("P ");
	limit = 14;
	ck_assert_uint_eq(compose("one\nlonger\nx\n", 13, 0), 4);
	is_got("P one\n", 6);
}
END_TEST

START_TEST(escapes_count_for_the_limit)
{
	set_prefix("P ");
	daemon_set_logger_escape(1);
	limit = 12;
	ck_assert_uint_eq(compose("one\n\t\nx\n", 8, 0), 4);
	is_got("P one\n", 6);
	limit = 13;
	ck_assert_uint_eq(compose("one\n\t\nx\n", 8, 0), 6);
	is_got("P one\nP \\x09\n", 13);
}
END_TEST

/* The limit does not apply: a line that has begun stays in its file. */
START_TEST(a_line_beyond_the_limit_is_written_to_its_end)
{
	char *text = some_bytes(2 * PIECE + 2, 'x');

	memcpy(text + 2 * PIECE, "\n", 2);
	set_prefix("P ");
	out_size = 2 * PIECE;
	limit = 10;
	feed(text, 2 * PIECE + 1, PIECE);
	ck_assert_uint_eq(got_size, 2 + 2 * PIECE + 1);
	ck_assert_str_eq(got + 2, text);
	free(text);
	forget();
}
END_TEST

/*
 * A notice before the lines
 */

static struct dsrv_logline l;

/* Composes what follows the notice. */
static void
compose_behind(const char *notice, const char *text, size_t room,
    size_t most)
{
	memset(&l, 0, sizeof l);
	l.in = text;
	l.in_size = strlen(text);
	l.out_size = room;
	l.limit = most;
	l.count = strlen(notice);
	ck_assert_ptr_nonnull(l.out = malloc(room));
	memcpy(l.out, notice, l.count);
	dsrv_logline_compose(&l, &stamp);
	is_text("what is in out", l.out, strlen(notice), notice,
	    strlen(notice));
}

static void
is_behind(const char *expected, size_t used)
{
	is_text("out", l.out, l.count, expected, strlen(expected));
	ck_assert_uint_eq(l.used, used);
	free(l.out);
}

START_TEST(lines_are_added_behind_what_is_there)
{
	set_prefix("P ");
	compose_behind("note\n", "one\ntwo\n", 100, NO_LIMIT);
	is_behind("note\nP one\nP two\n", 8);
	compose_behind("note\n", "", 100, NO_LIMIT);
	is_behind("note\n", 0);
	compose_behind("note\n", "no end", 100, NO_LIMIT);
	is_behind("note\n", 0);
}
END_TEST

START_TEST(what_is_there_takes_its_room)
{
	set_prefix("P ");
	compose_behind("note\n", "one\ntwo\n", 11, NO_LIMIT);
	is_behind("note\nP one\n", 4);
	/* Nor a piece of a line: pieces come only into an empty out. */
	compose_behind("note\n", "one\ntwo\n", 10, NO_LIMIT);
	is_behind("note\n", 0);
	compose_behind("note\n", "one\n", 7, NO_LIMIT);
	is_behind("note\n", 0);
	compose_behind("note\n", "one\n", 5, NO_LIMIT);
	is_behind("note\n", 0);
}
END_TEST

START_TEST(what_is_there_is_the_first_line_of_the_limit)
{
	set_prefix("P ");
	compose_behind("note\n", "one\ntwo\n", 100, 11);
	is_behind("note\nP one\n", 4);
	compose_behind("note\n", "one\ntwo\n", 100, 10);
	is_behind("note\n", 0);
	compose_behind("note\n", "one\ntwo\n", 100, 0);
	is_behind("note\n", 0);
}
END_TEST

/*
 * Any text in any portions
 */

static uint32_t random_state;

/* Less than most; the same numbers in each run. */
static size_t
any_below(size_t most)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % most;
}

/* Lines of at most this length, of arbitrary bytes, many of them control bytes
 * or characters of UTF-8. */
static void
make_any_text(char *text, size_t size, size_t longest)
{
	static const char characters[][5] = { "\360\237\230\200",
		"x\342\202\254", "\303\200xx", "\302\233xx", "\342\202xx" };
	size_t i, left = any_below(longest);

	for (i = 0; i < size; i++)
		if (left-- == 0) {
			text[i] = '\n';
			left = any_below(longest);
		} else if (any_below(16) == 0 && size - i > 4 && left > 4) {
			memcpy(text + i, characters[any_below(
			    DSRV_COUNT(characters))], 4);
			i += 3;
			left -= 3;
		} else if ((text[i] = (char)any_below(any_below(4) == 0 ? 32 :
		    256)) == '\n')
			text[i] = '\0';
}

/* How many bytes make up the character of UTF-8 that begins there; 0: none. */
static size_t
utf_8(const unsigned char *s, size_t left)
{
	static const unsigned long least[] = { 0, 0, 0xa0, 0x800, 0x10000 };
	size_t n = s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 :
	    s[0] >> 3 == 30 ? 4 : 0, i;
	unsigned long c = s[0] & (0x7fu >> n);

	for (i = 1; i < n; i++) {
		if (i == left || s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 63);
	}
	return n > 0 && c >= least[n] && c <= 0x10ffff &&
	    (c < 0xd800 || c > 0xdfff) ? n : 0;
}

static int
is_control(const unsigned char *s, size_t left)
{
	return s[0] < 32 || s[0] == '\\' || (s[0] >= 127 && s[0] < 160) ||
	    (s[0] == 0xc2 && left > 1 && s[1] >= 128 && s[1] < 160);
}

/* Escapes a line's bytes independently of the unit. Returns the length. */
static size_t
expect_escaped(char *to, const unsigned char *line, size_t length)
{
	size_t i = 0, n = 0, whole;

	while (i < length) {
		for (whole = utf_8(line + i, length - i); whole > 0; whole--)
			to[n++] = (char)line[i++];
		if (i == length || utf_8(line + i, length - i) > 0)
			continue;
		if (is_control(line + i, length - i))
			n += (size_t)sprintf(to + n, "\\x%02x", line[i]);
		else
			to[n++] = (char)line[i];
		i++;
	}
	return n;
}

/* The expected output for a text. Returns its length. */
static size_t
expect(char *to, const char *text, size_t size, const char *prefix,
    int escapes)
{
	size_t i, n = 0, length;
	const char *end;

	for (i = 0; i < size; i += length + 1) {
		end = memchr(text + i, '\n', size - i);
		length = end != NULL ? (size_t)(end - text) - i : size - i;
		n += (size_t)sprintf(to + n, "%s", prefix);
		if (escapes)
			n += expect_escaped(to + n,
			    (const unsigned char *)text + i, length);
		else {
			memcpy(to + n, text + i, length);
			n += length;
		}
		to[n++] = '\n';
	}
	return n;
}

/* As feed(), but portions, room and limit vary. */
static void
feed_any(const char *text, size_t size, size_t portion)
{
	size_t have = 0, used = 0, before;
	int last = 0;

	do {
		if (have == size)
			last = 1;
		have += any_below(portion);
		if (have > size)
			have = size;
		do {
			out_size = have - used + stamp.size + 40 +
			    any_below(2000);
			limit = any_below(2) ? NO_LIMIT : any_below(4000);
			before = got_size;
			used += compose(text + used, have - used, last);
		} while (got_size > before);
	} while (!last);
	ck_assert_uint_eq(used, size);
}

static void
try_any_text(size_t size, size_t longest, size_t portion)
{
	static const char *const prefixes[] = { "", "P", "a long prefix: " };
	const char *prefix = prefixes[any_below(3)];
	char *text = some_bytes(size + 1, 0);
	char *expected = some_bytes((size + 1) * 20, 0);
	int escapes = any_below(2) != 0;
	size_t n;

	set_prefix(prefix);
	daemon_set_logger_escape(escapes);
	make_any_text(text, size, longest);
	n = expect(expected, text, size, prefix, escapes);
	feed_any(text, size, portion);
	is_got(expected, n);
	free(text);
	free(expected);
}

START_TEST(any_text_in_any_portions_comes_out_line_by_line)
{
	int i;

	random_state = 20261122;
	printf("seed %lu\n", (unsigned long)random_state);
	fflush(stdout);
	for (i = 0; i < 300; i++)
		try_any_text(any_below(3000), 1 + any_below(200),
		    2 + any_below(500));
	for (i = 0; i < 10; i++)
		try_any_text(any_below(300000), 200000, 2 + any_below(60000));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		the_prefix_is_local_time_with_its_offset_by_default,
		the_default_prefix_stays_where_another_is_refused,
		a_fraction_has_as_many_digits_as_its_number_says_or_nine,
		a_fraction_has_its_leading_and_trailing_zeros,
		several_fractions_stand_where_the_format_has_them,
		two_percent_signs_are_one_and_begin_no_fraction,
		an_n_or_a_number_alone_is_text,
		seconds_are_as_strftime_gives_them,
		seconds_wider_than_any_room_are_left_out,
		the_zone_stays_the_one_that_was_read,
		an_empty_format_is_no_prefix,
		the_prefix_is_formatted_anew_for_another_second_only,
		a_moment_of_the_year_1970_is_no_stamp_that_was_made,
		a_prefix_that_is_too_long_is_not_written_past_its_room,
		of_a_prefix_that_is_too_long_what_fits_is_whole,
		more_fractions_than_fit_are_left_out,
		a_line_gets_the_prefix_once,
		without_a_prefix_a_line_stays_what_it_is,
		no_text_gives_no_line,
		an_empty_line_gets_the_prefix,
		only_whole_lines_are_used,
		a_last_line_without_its_newline_gets_one,
		a_last_line_with_its_newline_gets_no_other,
		nul_bytes_pass,
		a_line_without_an_end_waits_until_it_is_as_long_as_a_piece,
		a_line_without_an_end_is_written_where_it_has_waited_for_it,
		a_character_that_has_not_come_whole_waits_for_its_rest,
		a_line_without_an_end_is_written_when_nothing_follows,
		a_line_that_was_begun_gets_no_second_prefix,
		a_last_line_that_was_written_in_pieces_gets_its_newline,
		a_line_of_1_mb_has_one_prefix_and_each_of_its_bytes,
		a_line_after_a_long_one_has_its_prefix,
		control_bytes_stay_unless_they_are_to_be_escaped,
		control_bytes_and_the_backslash_are_escaped,
		controls_from_0x80_on_are_escaped_alone_and_in_utf_8,
		characters_of_utf_8_and_of_latin_1_stay,
		a_character_at_the_end_of_a_piece_stays_whole,
		lines_are_escaped_each_within_its_newline,
		a_line_of_the_library_is_escaped_as_well,
		the_prefix_is_not_escaped,
		a_line_that_grows_larger_than_out_is_written_in_pieces,
		what_out_has_no_room_for_is_composed_next_time,
		a_line_that_fits_to_the_last_byte_is_whole,
		a_line_is_not_begun_where_its_rest_has_no_room,
		no_line_goes_beyond_the_limit,
		the_first_line_goes_beyond_the_limit_alone,
		a_short_line_does_not_overtake_one_beyond_the_limit,
		escapes_count_for_the_limit,
		a_line_beyond_the_limit_is_written_to_its_end,
		lines_are_added_behind_what_is_there,
		what_is_there_takes_its_room,
		what_is_there_is_the_first_line_of_the_limit,
		any_text_in_any_portions_comes_out_line_by_line
	};

	return RUN_TESTS("logline", tests);
}
