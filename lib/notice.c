/*
 * notice.c - what the log says about workers: crashes, signals that are refused,
 * and that all are busy
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "report.h"
#include "workers.h"

enum { LOOK = 1000, QUIET = 10000, DOUBT = 100 };	/* ms */

/*
 * Workers that a signal has ended
 */

void
dsrv_notice_worker(char *text, pid_t pid, const struct dsrv_address *client)
{
	char address[DSRV_ADDRESS_TEXT];

	dsrv_address_text(address, client);
	snprintf(text, DSRV_NOTICE_WORKER, "%ld%s%s", (long)pid,
	    *address != '\0' ? " of " : "", address);
}

void
dsrv_crashes_open(struct dsrv_crashes *crashes, struct dsrv_loop *loop, int tag)
{
	crashes->loop = loop;
	crashes->tag = tag;
}

static void
report_crash(struct dsrv_crashes *crashes)
{
	if (dsrv_limit_event(&crashes->limit, dsrv_clock_now()))
		dsrv_report("keep worker %s: it %s", crashes->worker,
		    dsrv_report_how(crashes->status));
}

/* Workers that a stop signal had ended before a stop was requested. */
static void
settle_doubts(struct dsrv_crashes *crashes, unsigned asked)
{
	for (; crashes->doubted > 0; crashes->doubted--)
		if (!asked)
			report_crash(crashes);
}

/* Later doubts must not postpone the first one. */
static void
set_timer(struct dsrv_crashes *crashes)
{
	int64_t when = dsrv_limit_due(&crashes->limit);

	if (crashes->doubted == 1)
		when = dsrv_clock_now() + DOUBT;
	if (crashes->doubted < 2)
		dsrv_loop_set_timer(crashes->loop, crashes->tag, when);
}

void
dsrv_crashes_add(struct dsrv_crashes *crashes, unsigned asked)
{
	const struct dsrv_ended *ended = &crashes->loop->ended;
	int signo = WIFSIGNALED(ended->status) ? WTERMSIG(ended->status) : 0;
	int stops = dsrv_sigtable_ask(signo) != 0;

	/* SIGPIPE: the client has gone. */
	if (signo == 0 || signo == SIGPIPE || (stops && asked) ||
	    (ended->child.overdue && (stops || signo == SIGKILL)))
		return;
	if (!stops)
		settle_doubts(crashes, asked);
	dsrv_notice_worker(crashes->worker, ended->pid, &ended->child.client);
	crashes->status = ended->status;
	if (stops)	/* the worker may get it before the server */
		crashes->doubted++;
	else
		report_crash(crashes);
	set_timer(crashes);
}

static void
report_more(struct dsrv_crashes *crashes)
{
	int count = dsrv_limit_take(&crashes->limit, dsrv_clock_now());

	dsrv_report("keep %d more %s: the last one, %s, %s", count,
	    count == 1 ? "worker" : "workers", crashes->worker,
	    dsrv_report_how(crashes->status));
}

void
dsrv_crashes_look(struct dsrv_crashes *crashes, unsigned asked)
{
	settle_doubts(crashes, asked);
	if (dsrv_clock_now() >= dsrv_limit_due(&crashes->limit))
		report_more(crashes);
	set_timer(crashes);
}

void
dsrv_crashes_end(struct dsrv_crashes *crashes, unsigned asked)
{
	settle_doubts(crashes, asked);
	if (dsrv_limit_due(&crashes->limit) != DSRV_NEVER)
		report_more(crashes);
}

/*
 * Signals that are refused, as to a worker that has executed a set-user-ID
 * program
 */

void
dsrv_refused_add(struct dsrv_refused *refused, pid_t worker)
{
	if (errno == EPERM && refused->count++ == 0)
		refused->first = worker;
}

void
dsrv_refused_say(const struct dsrv_refused *refused, int signo)
{
	char others[32] = "";

	if (refused->count == 0 || signo == 0)
		return;
	if (refused->count > 1)
		snprintf(others, sizeof others, " and %d other%s",
		    refused->count - 1, refused->count > 2 ? "s" : "");
	dsrv_report("send signal %d (%s) to worker %ld%s: %s: let it keep its "
	    "user, or the daemon CAP_KILL", signo, strsignal(signo),
	    (long)refused->first, others, strerror(EPERM));
}

/*
 * All workers are busy, and clients wait
 */

static void
say_busy(struct dsrv_busy *busy, int64_t now)
{
	busy->said = 1;
	busy->look_at = now + QUIET;
	dsrv_report("accept a connection: all %d workers are busy",
	    dsrv_settings()->worker_count_max);
}

static void
say_over(struct dsrv_busy *busy)
{
	dsrv_report("accept connections for %lld s: all %d workers were busy",
	    (long long)(dsrv_clock_now() - busy->since + 500) / 1000,
	    dsrv_settings()->worker_count_max);
	busy->said = 0;
}

/* Returns when to check again. */
static int64_t
watch_busy(struct dsrv_busy *busy, const struct dsrv_acceptor *acceptor)
{
	int64_t now = dsrv_clock_now();

	if (busy->since == 0)
		busy->since = now;
	if (now < busy->look_at)
		return busy->look_at;
	busy->look_at = now + LOOK;
	if (!dsrv_accept_has_clients(acceptor))
		return busy->look_at;
	say_busy(busy, now);
	return DSRV_NEVER;
}

int64_t
dsrv_busy_watch(struct dsrv_busy *busy, int is_full,
    const struct dsrv_acceptor *acceptor)
{
	if (is_full)
		return busy->said ? DSRV_NEVER : watch_busy(busy, acceptor);
	/* Not if waiting clients take the place at once. */
	if (busy->said && !dsrv_accept_has_clients(acceptor))
		say_over(busy);
	if (!busy->said)
		busy->since = 0;
	return DSRV_NEVER;
}

void
dsrv_busy_end(struct dsrv_busy *busy)
{
	if (busy->said)
		say_over(busy);
}
