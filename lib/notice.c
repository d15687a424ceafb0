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

enum { LOOK = 1000, QUIET = 10000 };	/* ms */

/*
 * Workers that a signal has ended
 */

/* Not a requested signal, nor SIGPIPE because the client has gone. */
static int
is_crash(int status, unsigned asked)
{
	return WIFSIGNALED(status) && WTERMSIG(status) != SIGPIPE &&
	    !(asked && dsrv_sigtable_ask(WTERMSIG(status)) != 0);
}

static void
describe(char *text, pid_t pid, const struct dsrv_address *client)
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

void
dsrv_crashes_add(struct dsrv_crashes *crashes, unsigned asked)
{
	const struct dsrv_ended *ended = &crashes->loop->ended;

	if (!is_crash(ended->status, asked))
		return;
	describe(crashes->worker, ended->pid, &ended->child.client);
	crashes->status = ended->status;
	if (dsrv_limit_event(&crashes->limit, dsrv_clock_now()))
		dsrv_report("keep worker %s: it %s", crashes->worker,
		    dsrv_report_how(ended->status));
	dsrv_loop_set_timer(crashes->loop, crashes->tag,
	    dsrv_limit_due(&crashes->limit));
}

void
dsrv_crashes_say(struct dsrv_crashes *crashes)
{
	int count;

	if (dsrv_limit_due(&crashes->limit) == DSRV_NEVER)
		return;
	count = dsrv_limit_take(&crashes->limit, dsrv_clock_now());
	dsrv_report("keep %d more %s: the last one, %s, %s", count,
	    count == 1 ? "worker" : "workers", crashes->worker,
	    dsrv_report_how(crashes->status));
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

/* When to check again. */
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
	/* Not if waiting clients will fill it again at once. */
	if (busy->said && !dsrv_accept_has_clients(acceptor))
		say_over(busy);
	if (!busy->said)
		busy->since = 0;
	return DSRV_NEVER;
}
