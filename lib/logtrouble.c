/*
 * logtrouble.c - what the logger could not do, and tries again
 *
 * One line to syslog(3) when it begins, or in the log if that can be written;
 * one in the log when it is over, which says how long it lasted, even if
 * loggers have died meanwhile.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "logger.h"

static const char *const verbs[] = {
	[DSRV_TROUBLE_READ] = "read lines for",
	[DSRV_TROUBLE_WRITE] = "write",
	[DSRV_TROUBLE_OPEN] = "open",
	[DSRV_TROUBLE_RENAME] = "rename",
	[DSRV_TROUBLE_LOCK] = "lock",
	[DSRV_TROUBLE_PROCESS] = "process"
};

enum { SHOWN = 512 };	/* bytes of a path: a message also has the reason */

const char *
dsrv_trouble_path(const char *path)
{
	static char shown[SHOWN + sizeof "..."];
	size_t length = strlen(path);

	if (length <= SHOWN)
		return path;
	snprintf(shown, sizeof shown, "...%s", path + length - SHOWN);
	return shown;
}

/* If the file is open, the error is not about its name. */
static const char *
why(enum dsrv_trouble verb, int error)
{
	return verb == DSRV_TROUBLE_READ || verb == DSRV_TROUBLE_WRITE ?
	    strerror(error) : dsrv_logfile_why(error);
}

/* The object first: it is not read until the trouble is noted. */
static void
describe(const struct dsrv_handover *h, enum dsrv_trouble verb,
    const char *path, int error)
{
	struct dsrv_trouble_text *text = &h->memory->troubles[verb];

	snprintf(text->path, sizeof text->path, "%s",
	    dsrv_trouble_path(path));
	snprintf(text->reason, sizeof text->reason, "%s", why(verb, error));
	dsrv_report("%s %s: %s; trying again", verbs[verb], text->path,
	    text->reason);
}

/* Keeps errno. */
void
dsrv_trouble_begin(const struct dsrv_handover *h, enum dsrv_trouble verb,
    const char *path)
{
	struct dsrv_handover_state changed = *dsrv_journal_state(h);
	struct dsrv_handover_trouble *trouble = &changed.troubles[verb];
	int error = errno;

	if (trouble->since == 0) {
		describe(h, verb, path, error);
		trouble->since = dsrv_clock_now();
	}
	trouble->until = 0;
	dsrv_journal_set_state(h, &changed);
	errno = error;
}

void
dsrv_trouble_begin_because(const struct dsrv_handover *h,
    enum dsrv_trouble verb, const char *path, const char *reason)
{
	struct dsrv_handover_state changed = *dsrv_journal_state(h);
	struct dsrv_handover_trouble *trouble = &changed.troubles[verb];
	struct dsrv_trouble_text *text = &h->memory->troubles[verb];

	if (trouble->since == 0) {
		snprintf(text->path, sizeof text->path, "%s",
		    dsrv_trouble_path(path));
		snprintf(text->reason, sizeof text->reason, "%s", reason);
		trouble->since = dsrv_clock_now();
		trouble->is_new = 1;
	}
	trouble->until = 0;
	dsrv_journal_set_state(h, &changed);
}

void
dsrv_trouble_end(const struct dsrv_handover *h, enum dsrv_trouble verb)
{
	struct dsrv_handover_state changed = *dsrv_journal_state(h);
	struct dsrv_handover_trouble *trouble = &changed.troubles[verb];

	if (trouble->since == 0 || trouble->until != 0)
		return;
	trouble->until = dsrv_clock_now();
	dsrv_journal_set_state(h, &changed);
}

static int
tell(const struct dsrv_handover *h, enum dsrv_trouble verb,
    const struct dsrv_handover_trouble *trouble, struct dsrv_logline *lines,
    const struct dsrv_stamp *stamp)
{
	const struct dsrv_trouble_text *text = &h->memory->troubles[verb];
	char line[DSRV_REPORT_MAX];
	size_t length;

	if (trouble->is_new)
		length = dsrv_report_line(line, "%s %s: %s; trying again",
		    verbs[verb], text->path, text->reason);
	else
		length = dsrv_report_line(line, "%s %s for %lld s: %s",
		    verbs[verb], text->path, (long long)(trouble->until -
		    trouble->since + 500) / 1000, text->reason);
	return dsrv_logline_say(lines, stamp, line, length);
}

int
dsrv_trouble_is_news(const struct dsrv_handover *h)
{
	int verb;

	for (verb = 0; verb < DSRV_TROUBLES; verb++)
		if (dsrv_journal_state(h)->troubles[verb].until != 0 ||
		    dsrv_journal_state(h)->troubles[verb].is_new)
			return 1;
	return 0;
}

void
dsrv_trouble_tell(const struct dsrv_handover *h, struct dsrv_logline *lines,
    const struct dsrv_stamp *stamp, struct dsrv_handover_state *after)
{
	struct dsrv_handover_trouble *trouble = after->troubles;
	int verb;

	for (verb = 0; verb < DSRV_TROUBLES; verb++, trouble++) {
		if (trouble->is_new && tell(h, (enum dsrv_trouble)verb,
		    trouble, lines, stamp) == 0)
			trouble->is_new = 0;
		if (!trouble->is_new && trouble->until != 0 &&
		    tell(h, (enum dsrv_trouble)verb, trouble, lines,
		    stamp) == 0)
			memset(trouble, 0, sizeof *trouble);
	}
}
