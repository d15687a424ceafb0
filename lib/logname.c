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

/* Reads ".N", if there is one; what is behind it. NULL: it is not ours. */
static const char *
read_number(const char *behind, long *number)
{
	size_t digits = *behind == '.' ? strspn(behind + 1, "0123456789") : 0;
	const char *end = behind + 1 + digits;

	*number = 0;
	if (digits == 0 || behind[1] == '0' || (*end != '\0' && *end != '.'))
		return behind;
	*number = strtol(behind + 1, NULL, 10);
	return *number < LONG_MAX ? end : NULL;
}

/* Such as ".gz": what a processor may add. Its first part is not a number. */
static int
is_suffix(const char *text)
{
	size_t first;

	if (dsrv_settings()->logger_processor == NULL || *text != '.')
		return 0;
	first = strcspn(text + 1, ".");
	return first > strspn(text + 1, "0123456789") &&
	    strspn(text + 1, "0123456789abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ._+-") == strlen(text + 1);
}

/* Whether the text is ".processing", perhaps with a suffix. */
static int
is_in_process(const char *text)
{
	size_t length = sizeof DSRV_PROCESSING - 1;

	return strncmp(text, DSRV_PROCESSING, length) == 0 &&
	    (text[length] == '\0' || is_suffix(text + length));
}

/* Whether what is behind a name may be ours. */
static int
read_behind(const char *behind, struct dsrv_own *own)
{
	const char *suffix = read_number(behind, &own->number);

	if (suffix == NULL || (*suffix != '\0' && !is_suffix(suffix)))
		return 0;
	own->in_process = is_in_process(suffix);
	own->suffix = own->length + (size_t)(suffix - behind);
	return !own->in_process || own->number == 0;
}

/* Whether path is what the format gives for t, perhaps with a number and a
 * suffix behind it. Without a number and a conversion there is only one file,
 * which is never finished. */
static int
is_of(const char *path, const struct dsrv_time *t, struct dsrv_own *own)
{
	struct dsrv_logname n;

	if (format_name(&n, t) == -1)
		return 0;
	own->length = strlen(n.path);
	if (strncmp(n.path, path, own->length) != 0 ||
	    !read_behind(path + own->length, own))
		return 0;
	return own->number > 0 || own->in_process ||
	    path[own->suffix] == '\0' ||
	    memchr(n.converted, 1, own->length) != NULL;
}

/* strptime(3) thinks that every month has 31 days. */
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

/* Copies text up to the first conversion; returns where that begins. */
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

int
dsrv_logname_fits(const struct dsrv_part *p, const char *name)
{
	struct dsrv_own own = { 0 };
	const char *dot;

	if (fits(p, name, strlen(name)))
		return 1;
	if (*p->rest != '\0')
		return 0;
	for (dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
		if (read_behind(dot, &own) && fits(p, name, (size_t)(dot - name)))
			return 1;
	return 0;
}

int
dsrv_logname_behind(const char *behind, struct dsrv_own *own)
{
	own->length = 0;
	return read_behind(behind, own);
}

int
dsrv_logname_is_final(void)
{
	const char *format = dsrv_settings()->logger_name_format;

	while (*format != '\0' && dsrv_timeformat_conversion(format) == 0)
		format += *format == '%' ? 2 : 1;
	return *format == '\0';
}
