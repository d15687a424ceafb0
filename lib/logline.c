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

#include "logfile.h"
#include "journal.h"

/*
 * The prefix
 */

/* How many digits of the second's fraction the conversion at format stands for:
 * %N, %3N and so on, as in date(1). 0: it is another conversion. */
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

/* Leaves out what does not fit. */
static void
add_conversion(struct dsrv_stamp *stamp, const char *format, size_t length,
    const struct dsrv_time *t)
{
	int n = dsrv_timeformat_add(stamp->text + stamp->size,
	    sizeof stamp->text - stamp->size, format, length, t);

	if (n > 0)
		stamp->size += (size_t)n;
}

static size_t
add_byte(struct dsrv_stamp *stamp, const char *format)
{
	if (stamp->size < sizeof stamp->text)
		stamp->text[stamp->size++] = *format;
	return *format == '%' ? 2 : 1;	/* "%%" */
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
	struct dsrv_time t;
	size_t length;
	int digits;

	stamp->second = second;
	stamp->made = 1;
	stamp->size = 0;
	stamp->fraction_count = 0;
	if (dsrv_timeformat_at(&t, second) == -1)
		return;
	for (; *format != '\0'; format += length) {
		if ((digits = fraction_digits(format, &length)) > 0)
			add_fraction(stamp, digits);
		else if ((length = dsrv_timeformat_conversion(format)) > 0)
			add_conversion(stamp, format, length, &t);
		else
			length = add_byte(stamp, format);
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
 * Escapes: each byte of a control character becomes \xHH, and so does the
 * backslash, so that escapes can be told from text. Terminals obey 0x80 to 0x9f
 * too, as single bytes or encoded in UTF-8; other UTF-8 characters contain such
 * bytes.
 */

/* The length of the UTF-8 character that s begins with; 0: it has one byte, or
 * is invalid, or a control character. */
static size_t
character(const unsigned char *s, size_t left)
{
	size_t length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2, i;
	unsigned char low = 0x80, high = 0xbf;	/* of the second byte */

	if (s[0] == 0xc2 || s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[0] < 0xc2 || s[0] > 0xf4 || left < length ||
	    s[1] < low || s[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return length;
}

/* The length of the control character that s begins with. */
static size_t
control(const unsigned char *s, size_t left)
{
	if (s[0] < ' ' || s[0] == '\\' || (s[0] >= 0x7f && s[0] < 0xa0))
		return 1;
	return s[0] == 0xc2 && left > 1 && s[1] >= 0x80 && s[1] < 0xa0 ?
	    2 : 0;
}

static char *
escape_bytes(char *to, const unsigned char *from, size_t count)
{
	static const char digits[] = "0123456789abcdef";

	for (; count > 0; from++, count--) {
		*to++ = '\\';
		*to++ = 'x';
		*to++ = digits[*from >> 4];
		*to++ = digits[*from & 15];
	}
	return to;
}

static char *
escape(char *to, const char *text, size_t length)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t n;

	for (; length > 0; from += n, length -= n) {
		if (*from >= 0x80 && (n = character(from, length)) > 0) {
			memcpy(to, from, n);
			to += n;
		} else if ((n = control(from, length)) > 0)
			to = escape_bytes(to, from, n);
		else {
			*to++ = (char)*from;
			n = 1;
		}
	}
	return to;
}

/* The length of a piece of a line that ends between two characters. */
static size_t
whole_characters(const char *line, size_t length)
{
	const unsigned char *s = (const unsigned char *)line;
	size_t n;

	for (n = 1; n < 4 && n <= length && s[length - n] >= 0x80; n++)
		if (s[length - n] >= 0xc2)
			return s[length - n] >= (n == 1 ? 0xc2 : n == 2 ?
			    0xe0 : 0xf0) ? length - n : length;
	return length;
}

enum { ESCAPED = 4 };	/* bytes for one byte, at most */

static int
growth(void)
{
	return dsrv_settings()->logger_escape ? ESCAPED : 1;
}

static char *
copy(char *to, const char *from, size_t length)
{
	if (dsrv_settings()->logger_escape)
		return escape(to, from, length);
	memcpy(to, from, length);
	return to + length;
}

/*
 * The lines
 */

int
dsrv_logline_say(struct dsrv_logline *l, const struct dsrv_stamp *stamp,
    const char *line, size_t length)
{
	size_t most = stamp->size + length * (size_t)growth() + 2;
	char *to = l->out + l->count;

	if (l->out_size - l->count < most ||
	    (l->count > 0 && l->count + most > l->limit))
		return -1;
	if (l->midline)
		*to++ = '\n';
	memcpy(to, stamp->text, stamp->size);
	to = copy(to + stamp->size, line, length);
	*to++ = '\n';
	l->count = (size_t)(to - l->out);
	l->midline = 0;
	return 0;
}

/* A piece of a line, written at once. */
struct piece {
	const char *start;
	size_t length;
	int has_newline;
	int is_last;		/* of its line */
};

/* Finds the next piece as far as it has come; returns whether there is one. */
static int
find_piece(const struct dsrv_logline *l, struct piece *p)
{
	size_t left = l->in_size - l->used;
	const char *end;

	if (left == 0)
		return 0;
	p->start = l->in + l->used;
	end = memchr(p->start, '\n', left);
	p->has_newline = end != NULL;
	p->is_last = p->has_newline || l->last;
	p->length = p->has_newline ? (size_t)(end - p->start) : left;
	if (p->is_last)
		return 1;
	/* The rest of the line may still come. */
	if (left < DSRV_LOGLINE_PIECE && !l->half)
		return 0;
	if (dsrv_settings()->logger_escape)
		p->length = whole_characters(p->start, p->length);
	return p->length > 0;
}

/* Whether the piece fits. It is cut only if nothing has been written yet. */
static int
fit_piece(const struct dsrv_logline *l, struct piece *p, size_t room)
{
	size_t most = room / (size_t)growth();

	if (p->length <= most)
		return 1;
	if (l->count > 0)
		return 0;
	p->length = dsrv_settings()->logger_escape ?
	    whole_characters(p->start, most) : most;
	p->has_newline = p->is_last = 0;
	return p->length > 0;
}

int
dsrv_logline_compose(struct dsrv_logline *l, const struct dsrv_stamp *stamp)
{
	size_t prefix;
	struct piece p;
	char *to;

	while (find_piece(l, &p)) {
		prefix = l->midline ? 0 : stamp->size;
		if (l->out_size - l->count < prefix + 1 ||
		    !fit_piece(l, &p, l->out_size - l->count - prefix - 1))
			return 0;
		to = l->out + l->count;
		memcpy(to, stamp->text, prefix);
		to = copy(to + prefix, p.start, p.length);
		if (p.is_last)
			*to++ = '\n';
		if (l->count > 0 && (size_t)(to - l->out) > l->limit)
			return 0;
		l->count = (size_t)(to - l->out);
		l->used += p.length + (size_t)p.has_newline;
		l->midline = !p.is_last;
	}
	/* The last piece was written before it was known to be the last. */
	if (l->last && l->used == l->in_size && l->midline &&
	    l->count < l->out_size) {
		l->out[l->count++] = '\n';
		l->midline = 0;
	}
	return 1;
}
