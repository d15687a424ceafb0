/*
 * fuzz_logname.c - which names fit a format: those that it gives do, and one
 * that does is what it gives, perhaps with a number
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "logfile.h"
#include "fuzz.h"

static char path[2 * DSRV_PATH_MAX];

/* Walks through the parts of the format, as prune does. */
static int
fits(const char *name, const char *format)
{
	struct dsrv_part *part = fuzz_bytes(sizeof *part);
	char *own;
	size_t slashes;
	int fitting = 1;

	for (;; name += slashes) {
		dsrv_logname_part(part, format);
		own = strndup(name, strcspn(name, "/"));
		must(own != NULL);
		fitting = fitting && dsrv_logname_fits(part, own);
		name += strlen(own);
		free(own);
		slashes = strspn(part->rest, "/");
		format = part->rest + slashes;
		if (*part->rest == '\0' || *name != '/')
			break;
	}
	fitting = fitting && *part->rest == '\0' && *name == '\0';
	free(part);
	return fitting;
}

static int
has_slash_of_a_conversion(const struct dsrv_logname *n)
{
	const char *at;

	for (at = n->path; *at != '\0'; at++)
		if (*at == '/' && n->converted[at - n->path])
			return 1;
	return 0;
}

static void
own_name(const char *format, time_t when)
{
	struct dsrv_logname *n = fuzz_bytes(sizeof *n);
	struct dsrv_own own;

	if (dsrv_logname_at(n, when) == 0 && strlen(n->path) <
	    DSRV_PATH_MAX - 4) {
		must(dsrv_logname_is_of(n->path, when, &own));
		must(own.length == strlen(n->path) && own.number == 0);
		sprintf(path, "%s.12", n->path);
		must(dsrv_logname_is_of(path, when, &own));
		must(own.length == strlen(n->path) && own.number == 12);
		must(own.suffix == strlen(path) && !own.in_process);
		if (!has_slash_of_a_conversion(n)) {
			must(fits(n->path, format));
			must(fits(path, format));
		}
	}
	free(n);
}

/* What a processor makes of it. */
static void
own_results(const char *format, time_t when)
{
	static const char *const suffixes[] = { ".gz", ".done", ".processing",
		".processing.gz" };
	struct dsrv_logname *n = fuzz_bytes(sizeof *n);
	struct dsrv_own own, behind;
	size_t i;

	for (i = 0; i < 4 && dsrv_logname_at(n, when) == 0 &&
	    strlen(n->path) < DSRV_PATH_MAX; i++) {
		sprintf(path, "%s.12%s", n->path, suffixes[i]);
		must(dsrv_logname_is_of(path, when, &own) == (i < 2));
		must((dsrv_logname_behind(path + strlen(n->path), &behind) &&
		    behind.number == 12 && behind.suffix == 3) == (i < 2));
		if (i < 2)
			must(own.number == 12 && strcmp(path + own.suffix,
			    suffixes[i]) == 0);
		sprintf(path, "%s%s", n->path, suffixes[i]);
		must(dsrv_logname_is_of(path, when, &own) ==
		    (i >= 2 || memchr(n->converted, 1, strlen(n->path)) !=
		    NULL));
		must(!dsrv_logname_is_of(path, when, &own) ||
		    (own.in_process == (i >= 2) && own.number == 0));
		if (!has_slash_of_a_conversion(n))
			must(fits(path, format));
	}
	free(n);
}

/* The same, written again. */
static void
is_written_so(const char *name, const struct dsrv_own *own)
{
	size_t length = strlen(name);

	must(own->length <= own->suffix && own->suffix <= length);
	if (own->number == 0) {
		must(own->length == own->suffix);
		return;
	}
	sprintf(path, "%.*s.%ld%s", (int)own->length, name, own->number,
	    name + own->suffix);
	must(strcmp(path, name) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char format[DSRV_PATH_MAX], name[DSRV_PATH_MAX];
	time_t when = fuzz_int(&in);
	char fixed[DSRV_PATH_MAX];
	struct dsrv_own own;

	format[0] = '/';
	fuzz_string(&in, format + 1, sizeof format - 1);
	fuzz_string(&in, name, sizeof name);
	if (daemon_set_logger_name_format(format) == -1)
		return 0;
	dsrv_logname_fixed(fixed);
	must(strlen(fixed) <= strlen(format));
	own_name(format, when);
	daemon_set_logger_processor("/p");
	own_results(format, when);
	if (dsrv_logname_is_of(name, when, &own))
		is_written_so(name, &own);
	if (dsrv_logname_is_read_back(name, &own))
		is_written_so(name, &own);
	daemon_set_logger_processor(NULL);
	return 0;
}
