/*
 * plain.c - which bytes a terminal shows as text, by another algorithm than
 * ours
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "fuzz.h"

/* The UTF-8 character at s and its length; -1: there is none. */
static long
decode(const unsigned char *s, size_t left, size_t *length)
{
	static const long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	long value = s[0] >= 0xf0 ? s[0] & 7 : s[0] >= 0xe0 ? s[0] & 15 :
	    s[0] & 31;
	size_t i;

	*length = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	if (s[0] < 0xc0 || s[0] >= 0xf8 || *length > left)
		return -1;
	for (i = 1; i < *length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		value = value << 6 | (s[i] & 63);
	}
	return value < least[*length] || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000) ? -1 : value;
}

static int
is_control(long c)
{
	return (c < ' ' && c != '\n') || (c >= 0x7f && c < 0xa0);
}

int
fuzz_is_plain(const char *text, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t length;
	long c;

	for (; size > 0; s += length, size -= length) {
		if ((c = decode(s, size, &length)) == -1) {
			c = s[0];
			length = 1;
		}
		if (is_control(c))
			return 0;
	}
	return 1;
}
