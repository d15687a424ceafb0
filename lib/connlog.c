/*
 * connlog.c - a line in the log when a connection begins, and one when it ends
 *
 * A worker writes the first one, before its own lines. Its server writes the
 * second, since it sees how the worker ends; but a worker that serves one
 * client after another writes that, too.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "report.h"
#include "visible.h"
#include "spares.h"
#include "workers.h"

enum { COUNTS = 40, DURATION = 40 };	/* bytes */

/* ", 12 of 100"; or nothing. */
static const char *
counts(char *text, int workers)
{
	*text = '\0';
	if (workers >= 0)
		snprintf(text, COUNTS, ", %d of %d", workers,
		    dsrv_settings()->worker_count_max);
	return text;
}

/* " after 1.234 s"; or nothing. */
static const char *
duration(char *text, int64_t since)
{
	long long ms = dsrv_clock_now() - since;

	*text = '\0';
	if (since > 0)
		snprintf(text, DURATION, " after %lld.%03lld s", ms / 1000,
		    ms % 1000);
	return text;
}

void
dsrv_connlog_begin(const char *client, int workers)
{
	char text[COUNTS];

	dsrv_report_note("worker %ld begins with %s%s", (long)getpid(),
	    client, counts(text, workers));
	dsrv_report_flush(1);
}

void
dsrv_connlog_done(const char *client, int64_t since)
{
	char text[DURATION];

	dsrv_report_note("worker %ld is done with %s%s", (long)getpid(),
	    client, duration(text, since));
	dsrv_report_flush(1);
}

void
dsrv_connlog_born(struct dsrv_child *child)
{
	child->since = dsrv_visible()->connection_log ? dsrv_clock_now() : 0;
}

void
dsrv_connlog_end(const struct dsrv_ended *ended, int workers)
{
	char client[DSRV_ADDRESS_TEXT], time[DURATION], text[COUNTS];

	if (!dsrv_visible()->connection_log ||
	    !dsrv_progress_has(ended->child.place, DSRV_PROGRESS_BEGUN))
		return;
	dsrv_address_text(client, &ended->child.client);
	dsrv_report_note("worker %ld%s%s %s%s%s", (long)ended->pid,
	    *client != '\0' ? " of " : "", client,
	    dsrv_report_how(ended->status),
	    duration(time, ended->child.since), counts(text, workers));
}
