/*
 * logname.c - the log file's name: what the format gives for a time, and
 * whether it would give a name
 *
 * Pure: no file, no clock.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "logfile.h"

static int
format_name(struct dsrv_logname *n, const struct dsrv_time *t)
{
	const char *format = dsrv_settings()->logger_name_format;
	size_t size = 0, length;
	int added;

	for (; *format != '\0'; format += length) {
		if ((length = dsrv_timeformat_conversion(format)) == 0) {
			added = 1;
			length = *format == '%' ? 2 : 1;	/* "%%" */
			n->path[size] = *format;
		} else
			added = dsrv_timeformat_add(n->path + size,
			    sizeof n->path - size, format, length, t);
		if (added == -1 || size + (size_t)added >= sizeof n->path) {
			errno = ENAMETOOLONG;
			return -1;
		}
		memset(n->converted + size, length != 1 && format[1] != '%',
		    (size_t)added);
		size += (size_t)added;
	}
	n->path[size] = '\0';
	if (size > 0)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int
dsrv_logname_at(struct dsrv_logname *n, time_t when)
{
	struct dsrv_time t;

	return dsrv_timeformat_at(&t, when) == -1 ? -1 : format_name(n, &t);
}

const char *
dsrv_logname_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/*
 * Names that the format gives
 */

/* The number behind a name; -1: that is not a number of ours. */
static long
number_of(const char *suffix)
{
	const char *digit = suffix + 1;
	long number;

	if (*suffix == '\0')
		return 0;
	if (*suffix != '.' || *digit < '1' || *digit > '9')
		return -1;
	while (isdigit((unsigned char)*digit))
		digit++;
	number = strtol(suffix + 1, NULL, 10);
	return *digit == '\0' && number < LONG_MAX ? number : -1;
}

/* Whether path is what the format gives for t, perhaps with a number behind
 * it. */
static int
is_of(const char *path, const struct dsrv_time *t, struct dsrv_own *own)
{
	struct dsrv_logname n;

	if (format_name(&n, t) == -1)
		return 0;
	own->length = strlen(n.path);
	if (strncmp(n.path, path, own->length) != 0)
		return 0;
	own->number = number_of(path + own->length);
	return own->number != -1;
}

/* For strptime(3) each month has 31 days. */
static int
has_such_a_day(const struct tm *tm)
{
	struct tm day = { .tm_year = 2000 - 1900, .tm_mon = tm->tm_mon,
		.tm_mday = tm->tm_mday };

	return timegm(&day) != -1 && day.tm_mday == tm->tm_mday;
}

int
dsrv_logname_is_read_back(const char *path, struct dsrv_own *own)
{
	struct dsrv_time t;
	struct tm tm;

	memset(&tm, 0, sizeof tm);
	tm.tm_mday = 1;
	if (strptime(path, dsrv_settings()->logger_name_format,
	    &tm) == NULL || !has_such_a_day(&tm))
		return 0;
	dsrv_timeformat_of(&t, &tm);
	return is_of(path, &t, own);
}

int
dsrv_logname_is_of(const char *path, time_t when, struct dsrv_own *own)
{
	struct dsrv_time t;

	return dsrv_timeformat_at(&t, when) == 0 && is_of(path, &t, own);
}

/*
 * The parts of the format, between its slashes
 */

/* Copies text up to the first conversion; where that begins. */
static size_t
copy_text(char *to, const char *part, size_t length)
{
	size_t i = 0;

	while (i < length && dsrv_timeformat_conversion(part + i) == 0) {
		*to++ = part[i];
		i += part[i] == '%' ? 2 : 1;
	}
	*to = '\0';
	return i;
}

void
dsrv_logname_part(struct dsrv_part *p, const char *format)
{
	size_t length = strcspn(format, "/"), i, next;

	p->rest = format + length;
	p->ends[0] = '\0';
	i = copy_text(p->begins, format, length);
	p->converts = i < length;
	for (; i < length; i = next) {
		next = i + dsrv_timeformat_conversion(format + i);
		next += copy_text(p->ends, format + next, length - next);
	}
}

const char *
dsrv_logname_fixed(char *path)
{
	const char *format = dsrv_settings()->logger_name_format;
	struct dsrv_part p;
	size_t slashes;

	for (*path = '\0';; format = p.rest + slashes) {
		dsrv_logname_part(&p, format);
		if (p.converts || *p.rest == '\0')
			return format;
		slashes = strspn(p.rest, "/");
		strcat(path, p.begins);
		strncat(path, p.rest, slashes);
	}
}

static int
fits(const struct dsrv_part *p, const char *name, size_t length)
{
	size_t begins = strlen(p->begins), ends = strlen(p->ends);

	return (p->converts ? length >= begins + ends : length == begins) &&
	    memcmp(name, p->begins, begins) == 0 &&
	    memcmp(name + length - ends, p->ends, ends) == 0;
}

/* The length of a name without a dot and a number behind it. */
static size_t
without_number(const char *name)
{
	size_t length = strlen(name), digits = length;

	while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
		digits--;
	return digits < length && digits > 0 && name[digits - 1] == '.' ?
	    digits - 1 : length;
}

int
dsrv_logname_fits(const struct dsrv_part *p, const char *name)
{
	return fits(p, name, strlen(name)) ||
	    (*p->rest == '\0' && fits(p, name, without_number(name)));
}
