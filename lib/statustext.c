/*
 * statustext.c - what is in a status file: Prometheus' text format; pure
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clients.h"
#include "status.h"

struct text {
	char *start;
	size_t size;
	char name[2 * NAME_MAX + 1];	/* as the value of a label */
};

static void
add(struct text *text, const char *format, ...)
{
	size_t room = DSRV_STATUS_MAX - text->size;
	va_list values;
	int size;

	va_start(values, format);
	size = vsnprintf(text->start + text->size, room, format, values);
	va_end(values);
	if (size > 0 && (size_t)size < room)
		text->size += (size_t)size;
}

/* A label's value is UTF-8, with \ before some characters. */
static void
keep_name(struct text *text, const char *name)
{
	char *to = text->name;
	size_t i;

	for (i = 0; name[i] != '\0' && i < NAME_MAX; i++) {
		if (name[i] == '"' || name[i] == '\\')
			*to++ = '\\';
		*to++ = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
	}
	*to = '\0';
}

static void
head(struct text *text, const char *metric, const char *type,
    const char *help)
{
	add(text, "# HELP daemonsrv_%s %s\n# TYPE daemonsrv_%s %s\n", metric,
	    help, metric, type);
}

static void
sample(struct text *text, const char *metric, uint64_t value)
{
	add(text, "daemonsrv_%s{daemon=\"%s\"} %llu\n", metric, text->name,
	    (unsigned long long)value);
}

static void
labelled(struct text *text, const char *metric, const char *label,
    const char *value, uint64_t number)
{
	add(text, "daemonsrv_%s{daemon=\"%s\",%s=\"%s\"} %llu\n", metric,
	    text->name, label, value, (unsigned long long)number);
}

static void
gauge(struct text *text, const char *metric, uint64_t value,
    const char *help)
{
	head(text, metric, "gauge", help);
	sample(text, metric, value);
}

static void
counter(struct text *text, const char *metric, uint64_t value,
    const char *help)
{
	head(text, metric, "counter", help);
	sample(text, metric, value);
}

static void
add_workers(struct text *text, const struct dsrv_status *status)
{
	static const char *const kinds[DSRV_TALLY_ENDS] = {
		[DSRV_ENDED_WELL] = "success",
		[DSRV_ENDED_BADLY] = "failure",
		[DSRV_ENDED_BY_SIGNAL] = "signal",
		[DSRV_ENDED_LATE] = "time"
	};
	static const char *const reasons[DSRV_TALLY_REFUSALS] = {
		[DSRV_DENIED_BUSY] = "busy",
		[DSRV_DENIED_SOURCE] = "source",
		[DSRV_DENIED_PROXIED] = "proxy"
	};
	int i;

	gauge(text, "workers", status->workers,
	    "Workers now, spares included.");
	gauge(text, "workers_limit", status->workers_limit,
	    "Workers there may be.");
	gauge(text, "workers_most", status->workers_most,
	    "Workers there have been at once.");
	counter(text, "connections_total", status->connections,
	    "Connections that a worker has served or serves.");
	head(text, "refused_total", "counter", "Clients that were refused.");
	for (i = 0; i < DSRV_TALLY_REFUSALS; i++)
		labelled(text, "refused_total", "reason", reasons[i],
		    status->refused[i]);
	head(text, "worker_ends_total", "counter",
	    "Workers that have ended, spares included.");
	for (i = 0; i < DSRV_TALLY_ENDS; i++)
		labelled(text, "worker_ends_total", "kind", kinds[i],
		    status->ends[i]);
}

static void
add_restarts(struct text *text, const struct dsrv_status *status)
{
	static const char *const reasons[DSRV_RESTART_REASONS] = {
		[DSRV_RESTART_ASKED] = "asked",
		[DSRV_RESTART_ENDED] = "ended",
		[DSRV_RESTART_CRASHED] = "crashed"
	};
	int i;

	head(text, "server_restarts_total", "counter",
	    "Servers that another has followed.");
	for (i = 0; i < DSRV_RESTART_REASONS; i++)
		labelled(text, "server_restarts_total", "reason", reasons[i],
		    status->restarts[i]);
}

static void
add_log(struct text *text, const struct dsrv_status *status)
{
	counter(text, "logger_restarts_total", status->logger_restarts,
	    "Loggers that another has followed.");
	counter(text, "log_lines_total", status->lines,
	    "Lines written to the log.");
	counter(text, "log_bytes_total", status->bytes,
	    "Bytes written to the log.");
	counter(text, "log_lines_lost_total", status->lines_lost,
	    "Lines dropped because the log could not be written.");
}

size_t
dsrv_statustext_make(char *start, const char *name,
    const struct dsrv_status *status)
{
	struct text text = { .start = start };

	keep_name(&text, name);
	gauge(&text, "start_time_seconds", (uint64_t)status->started,
	    "When the daemon started, in seconds since 1970.");
	if (status->reloaded != 0)
		gauge(&text, "reload_time_seconds",
		    (uint64_t)status->reloaded,
		    "When it was last reloaded, in seconds since 1970.");
	gauge(&text, "ending", (uint64_t)status->is_ending,
	    "Whether the daemon was asked to end.");
	add_workers(&text, status);
	add_restarts(&text, status);
	if (status->has_log)
		add_log(&text, status);
	return text.size;
}
