/*
 * fuzz_prefix.c - prefixes of any format, at any time, against the C library
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <ctype.h>

#include "logfile.h"
#include "journal.h"
#include "fuzz.h"

/* Whether all C libraries agree on every conversion in the format. */
static int
is_usual(const char *format)
{
	while ((format = strchr(format, '%')) != NULL) {
		if (*++format != '%') {
			format += strspn(format, "_-0^#");
			format += strspn(format, "0123456789");
			format += *format == 'E' || *format == 'O';
			if (!isalpha((unsigned char)*format) ||
			    strchr("EfikKJLNoOqQsv", *format) != NULL)
				return 0;
		}
		format++;
	}
	return 1;
}

/* Compares the whole prefix with the C library's. */
static void
compare(const struct dsrv_stamp *stamp, const char *format,
    const struct timespec *now)
{
	char whole[900];
	struct dsrv_time t;
	size_t n;

	if (!is_usual(format) || dsrv_timeformat_at(&t, now->tv_sec) == -1)
		return;
	n = strftime(whole, sizeof whole, format, &t.tm);
	if (n > 0)
		must(stamp->size == n && memcmp(stamp->text, whole, n) == 0);
}

/* Compares the fractions with the digits that the C library prints. */
static void
compare_fractions(const struct dsrv_stamp *stamp, long nanoseconds)
{
	char digits[32];
	int i;

	snprintf(digits, sizeof digits, "%09ld", nanoseconds);
	for (i = 0; i < stamp->fraction_count; i++)
		must(memcmp(stamp->text + stamp->fractions[i].at, digits,
		    (size_t)stamp->fractions[i].digits) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct dsrv_stamp *fresh = fuzz_bytes(sizeof *fresh);
	struct dsrv_stamp *used = fuzz_bytes(sizeof *used);
	struct timespec now, before;
	char format[400];

	fuzz_fill(&in, &now.tv_sec, sizeof now.tv_sec);
	now.tv_nsec = (uint32_t)fuzz_int(&in) % 1000000000;
	before.tv_sec = now.tv_sec ^ (time_t)(fuzz_byte(&in) % 2);
	before.tv_nsec = 123456789;
	memset(fresh, 0, sizeof *fresh);
	memset(used, 0, sizeof *used);
	if (daemon_set_logger_prefix_format(fuzz_string(&in, format,
	    sizeof format)) == 0) {
		dsrv_logline_stamp(fresh, &now);
		dsrv_logline_stamp(used, &before);
		dsrv_logline_stamp(used, &now);
		must(fresh->size <= sizeof fresh->text);
		must(used->size == fresh->size);
		must(memcmp(used->text, fresh->text, used->size) == 0);
		compare(fresh, format, &now);
		compare_fractions(fresh, now.tv_nsec);
	}
	free(fresh);
	free(used);
	return 0;
}
