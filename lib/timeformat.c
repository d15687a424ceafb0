/*
 * timeformat.c - strftime(3), one conversion at a time, and in one time zone
 *
 * The C library's own %s may read the time zone again, as mktime(3) does: after
 * a chroot(2), or a change of /etc/localtime, the log would go on in another
 * time zone.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "logfile.h"

int
dsrv_timeformat_at(struct dsrv_time *t, time_t second)
{
	t->second = second;
	return localtime_r(&second, &t->tm) != NULL ? 0 : -1;
}

/* If strptime(3) has read "%s", it has also set the offset. */
void
dsrv_timeformat_of(struct dsrv_time *t, const struct tm *tm)
{
	struct tm utc = *tm;

	t->tm = *tm;
	t->second = timegm(&utc) - tm->tm_gmtoff;
}

size_t
dsrv_timeformat_conversion(const char *format)
{
	size_t n = 1;

	if (format[0] != '%' || format[1] == '%')
		return 0;
	n += strspn(format + n, "_-0^#+");
	n += strspn(format + n, "0123456789");
	n += format[n] == 'E' || format[n] == 'O';
	/* What else may follow, such as a slash, is text. */
	return isalpha((unsigned char)format[n]) || format[n] == '%' ? n + 1 :
	    n;
}

/* The seconds since 1970, padded to the width of the conversion. */
static int
format_seconds(char *to, size_t room, const char *conversion, time_t second)
{
	const char *digits = conversion + strcspn(conversion, "123456789s");
	int zeros = memchr(conversion, '0', (size_t)(digits - conversion)) !=
	    NULL;
	long width = strtol(digits, NULL, 10);

	/* The C library would spend time on the whole width. */
	return width >= (long)room ? -1 : snprintf(to, room, zeros ?
	    "%0*lld" : "%*lld", (int)width, (long long)second);
}

/* A letter after the conversion tells an empty result from one without room. */
static int
format_other(char *to, size_t room, const char *conversion,
    const struct tm *tm)
{
	char marked[DSRV_PATH_MAX + 1];
	size_t n;

	snprintf(marked, sizeof marked, "%s.", conversion);
	n = strftime(to, room, marked, tm);
	return n > 0 ? (int)n - 1 : -1;
}

int
dsrv_timeformat_add(char *to, size_t room, const char *format,
    size_t length, const struct dsrv_time *t)
{
	char conversion[DSRV_PATH_MAX];
	int n;

	if (length >= sizeof conversion)
		return -1;
	memcpy(conversion, format, length);
	conversion[length] = '\0';
	n = conversion[length - 1] == 's' ?
	    format_seconds(to, room, conversion, t->second) :
	    format_other(to, room, conversion, &t->tm);
	return n >= 0 && (size_t)n < room ? n : -1;
}
