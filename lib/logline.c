/*
 * logline.c - from what was read to what is written: prefix, escapes
 *
 * No file, no process, no clock.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <string.h>
#include <time.h>

#include "daemon-private.h"

/*
 * The prefix
 */

/* The digits of the fraction of a second that begins at format: %N, or %3N
 * and its like, as in date(1). 0: it is none. */
static int
fraction_digits(const char *format, size_t *length)
{
	*length = 2;
	if (format[0] != '%')
		return 0;
	if (format[1] == 'N')
		return 9;
	*length = 3;
	return format[1] >= '1' && format[1] <= '9' && format[2] == 'N' ?
	    format[1] - '0' : 0;
}

/* Where the text of this piece of the format ends: before a fraction. */
static size_t
piece_length(const char *format)
{
	size_t n = 0, length;

	while (format[n] != '\0' && fraction_digits(format + n, &length) == 0)
		n += format[n] == '%' && format[n + 1] != '\0' ? 2 : 1;
	return n;
}

static void
add_piece(struct dsrv_stamp *stamp, const char *format, size_t length,
    const struct tm *tm)
{
	char piece[DSRV_PREFIX_FORMAT_MAX + 1];

	memcpy(piece, format, length);
	piece[length] = '\0';
	/* What does not fit is left out, so the room is never exceeded. */
	stamp->size += strftime(stamp->text + stamp->size,
	    sizeof stamp->text - stamp->size, piece, tm);
}

static void
add_fraction(struct dsrv_stamp *stamp, int digits)
{
	if (sizeof stamp->text - stamp->size < (size_t)digits)
		return;
	stamp->fractions[stamp->fraction_count].at = stamp->size;
	stamp->fractions[stamp->fraction_count].digits = digits;
	stamp->fraction_count++;
	stamp->size += (size_t)digits;
}

static void
format_second(struct dsrv_stamp *stamp, time_t second)
{
	const char *format = dsrv_settings()->logger_prefix_format;
	size_t length;
	struct tm tm;
	int digits;

	stamp->second = second;
	stamp->made = 1;
	stamp->size = 0;
	stamp->fraction_count = 0;
	if (localtime_r(&second, &tm) == NULL)
		return;
	while (*format != '\0') {
		if ((digits = fraction_digits(format, &length)) > 0)
			add_fraction(stamp, digits);
		else
			add_piece(stamp, format,
			    length = piece_length(format), &tm);
		format += length;
	}
}

static void
write_digits(char *to, int digits, long nanoseconds)
{
	int i;

	for (i = digits; i < 9; i++)
		nanoseconds /= 10;
	for (i = digits; i-- > 0; nanoseconds /= 10)
		to[i] = (char)('0' + nanoseconds % 10);
}

void
dsrv_logline_stamp(struct dsrv_stamp *stamp, const struct timespec *now)
{
	int i;

	if (!stamp->made || stamp->second != now->tv_sec)
		format_second(stamp, now->tv_sec);
	for (i = 0; i < stamp->fraction_count; i++)
		write_digits(stamp->text + stamp->fractions[i].at,
		    stamp->fractions[i].digits, now->tv_nsec);
}

/*
 * The lines
 */

/* Control bytes become \xHH, and the backslash, or it could not be told what
 * was one. */
static char *
escape(char *to, const char *from, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char c;

	for (; length > 0; from++, length--) {
		c = (unsigned char)*from;
		if (c >= ' ' && c != 0x7f && c != '\\') {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return to;
}

enum { ESCAPED = 4 };	/* bytes for one, at most */

static char *
copy(char *to, const char *from, size_t length)
{
	if (dsrv_settings()->logger_escape)
		return escape(to, from, length);
	memcpy(to, from, length);
	return to + length;
}

/* The most of a line that fits where nothing is written yet. */
static size_t
cut(const struct dsrv_logline *l, size_t room, size_t length)
{
	size_t most = dsrv_settings()->logger_escape ? room / ESCAPED : room;

	return l->count == 0 && length > most ? most : length;
}

void
dsrv_logline_say(struct dsrv_logline *l, const struct dsrv_stamp *stamp,
    const char *line, size_t length)
{
	char *to = l->out + l->count;

	if (l->out_size - l->count < stamp->size + length + 2)
		return;
	if (l->midline)
		*to++ = '\n';
	memcpy(to, stamp->text, stamp->size);
	memcpy(to + stamp->size, line, length);
	to[stamp->size + length] = '\n';
	l->count = (size_t)(to - l->out) + stamp->size + length + 1;
	l->midline = 0;
}

void
dsrv_logline_compose(struct dsrv_logline *l, const struct dsrv_stamp *stamp)
{
	size_t prefix, length, room, left;
	const char *line, *end;
	char *start, *to;
	int whole;

	while ((left = l->in_size - l->used) > 0) {
		line = l->in + l->used;
		end = memchr(line, '\n', left);
		length = end != NULL ? (size_t)(end - line) : left;
		/* The rest of it may come yet. */
		if (end == NULL && !l->last && left < DSRV_LOGLINE_PIECE)
			return;
		prefix = l->midline ? 0 : stamp->size;
		if (l->out_size - l->count < prefix + 1)
			return;
		room = l->out_size - l->count - prefix - 1;
		whole = cut(l, room, length) == length;
		length = cut(l, room, length);
		if (length * (dsrv_settings()->logger_escape ? ESCAPED : 1) >
		    room)
			return;

		to = start = l->out + l->count;
		memcpy(to, stamp->text, prefix);
		to = copy(to + prefix, line, length);
		whole = whole && (end != NULL || l->last);
		if (whole)
			*to++ = '\n';
		if (l->count > 0 && l->count + (size_t)(to - start) > l->limit)
			return;
		l->count += (size_t)(to - start);
		l->used += length + (whole && end != NULL);
		l->midline = !whole;
	}
	/* Its last piece was written before it was known to be the last. */
	if (l->last && l->midline && l->count < l->out_size) {
		l->out[l->count++] = '\n';
		l->midline = 0;
	}
}
