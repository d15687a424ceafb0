/*
 * masterchild.c - the children of a master: birth, words and end
 *
 * Workers that outlive their server become its own children, which it counts
 * and signals until they end.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"
#include "master.h"

/*
 * Birth
 */

/* A child must not hold the other's pipe, or the other would not notice the
 * master's death. */
static void
close_pipes(struct master *m)
{
	dsrv_supervise_close(&m->server);
	dsrv_supervise_close(&m->log.logger);
	dsrv_orphans_leave(&m->orphans);
	dsrv_role_leave_pid_file();
	dsrv_notify_leave();
}

/* As fork(2). A failure before the first success ends the start. */
static pid_t
fork_supervised(struct master *m, struct dsrv_supervised *s,
    pid_t (*fork_child)(struct dsrv_loop *))
{
	pid_t pid = dsrv_supervise_fork(s, fork_child);

	if (pid == 0)
		close_pipes(m);
	if (pid == -1 && !m->confirmed) {
		m->reason_given = 1;
		dsrv_master_end(m, 1);
	}
	return pid;
}

int
dsrv_master_fork_server(struct master *m)
{
	memset(&m->request, 0, sizeof m->request);
	m->roster->count = 0;
	dsrv_pulse_begin(&m->pulse, m->roster);
	m->roster->orphans = m->orphans.count;
	if (fork_supervised(m, &m->server, dsrv_loop_fork) != 0)
		return 0;
	dsrv_keeplog_become_server(&m->log);
	/* A helper of the program must not choose which processes we signal. */
	dsrv_memory_keep(m->roster, sizeof *m->roster);
	dsrv_role_give_roster(m->roster, m->confirmed);
	dsrv_role_become(DSRV_STARTING);
	return 1;
}

/* A signal sent to all processes must not end it before it has written their
 * last lines. */
int
dsrv_master_fork_logger(struct master *m)
{
	if (fork_supervised(m, &m->log.logger, dsrv_loop_fork_ignoring) != 0)
		return 0;
	dsrv_memory_free(m->roster, sizeof *m->roster);
	dsrv_ports_close();
	dsrv_keeplog_become_logger(&m->log);
	return 1;
}

/*
 * The server's words and end
 */

static void
confirm(struct master *m)
{
	if (m->confirmed || dsrv_master_is_for_good(m))
		return;
	/* First: at the success the starter shows the rest of the relay, and
	 * closes it. */
	if (dsrv_statuspipe_settle() == -1) {
		m->reason_given = 1;
		dsrv_master_end(m, 1);
		return;
	}
	m->confirmed = 1;
	if (m->phase == DSRV_PHASE_STARTING)
		dsrv_master_enter(m, DSRV_PHASE_RUNNING);
	dsrv_notify_ready();
	dsrv_statuspipe_say(DSRV_STATUS_SUCCESS, 0);
	dsrv_loop_forget(&m->loop, STARTER);
	dsrv_role_disconnect();
	if (m->pending_signal != 0)
		dsrv_master_take(m, m->pending_signal);
}

/* Its pipe is closed: it is ending, or can never succeed. */
static void
lose_words(struct master *m)
{
	dsrv_loop_forget(&m->loop, SERVER);
	if (m->confirmed || m->server.pid == 0)
		return;
	dsrv_supervise_signal(&m->server, SIGTERM);
	if (m->phase < DSRV_PHASE_STOPPING_SERVER)
		dsrv_master_enter(m, DSRV_PHASE_STOPPING_SERVER);
}

void
dsrv_master_hear_server(struct master *m)
{
	int number = 0;

	for (;;)
		switch (dsrv_statuspipe_hear(m->server.from_child, &number)) {
		case DSRV_STATUS_SUCCESS:
			confirm(m);
			if (m->request.asked == 0)
				dsrv_notify_reloaded(NULL);
			break;
		case DSRV_STATUS_ASKED:
			m->request.obeyed |= dsrv_sigtable_ask(number);
			dsrv_master_ask(m, number);
			dsrv_master_end_listeners(m);
			break;
		case DSRV_STATUS_ORPHAN:
			dsrv_orphans_add(&m->orphans, number, dsrv_master_missed(m));
			break;
		case DSRV_STATUS_GONE:
			lose_words(m);
			return;
		default:
			return;
		}
}

/* A stop before the success usually comes from the starter, which says why. */
static void
report_failed_start(struct master *m, int status)
{
	if (m->reason_given)
		return;
	m->reason_given = 1;
	if (!dsrv_master_is_for_good(m))
		dsrv_report("start: the server %s before daemon_success()",
		    dsrv_report_how(status));
	else if (dsrv_settings()->foreground)
		dsrv_report("start: stopped by signal %d (%s)",
		    m->request.signo, strsignal(m->request.signo));
	else
		m->reason_given = 0;
}

static void
report_end(struct master *m, int status, int again)
{
	if (!m->confirmed)
		report_failed_start(m, status);
	else if (m->request.asked)
		return;
	else if (!again)
		dsrv_report("go on: the server %s, %s",
		    dsrv_report_how(status),
		    WIFEXITED(status) && WEXITSTATUS(status) != 0 ?
		    "which ends the daemon" : "more often than allowed");
	else if (WIFSIGNALED(status))
		dsrv_report("keep the server: it %s; another follows",
		    dsrv_report_how(status));
}

static void
judge_server(struct master *m, int status)
{
	struct dsrv_verdict verdict;
	struct dsrv_end seen;

	seen.asked = m->request.asked;
	seen.confirmed = m->confirmed;
	seen.status = status;
	seen.lived = dsrv_clock_now() - m->server.born;
	verdict = dsrv_restart_judge(&m->server.history, &seen);
	report_end(m, status, verdict.again);
	if (verdict.again)
		dsrv_supervise_again(&m->server,
		    dsrv_clock_now() + verdict.pause);
	else if (m->status == -1)
		dsrv_master_end(m, verdict.status);
	else	/* the end was decided before; its workers are ours now */
		dsrv_master_enter(m, DSRV_PHASE_STOPPING_WORKERS);
}

/* A server killed by a stop signal has obeyed it, from any sender. But a reload
 * signal that was not requested is a crash: it might repeat at once. */
static void
bury_server(struct master *m)
{
	int status = m->loop.ended.status, signo;

	dsrv_supervise_lose(&m->server);
	dsrv_loop_set_timer(&m->loop, HANG, DSRV_NEVER);
	dsrv_master_hear_server(m);	/* what it wrote came before its end */
	signo = dsrv_master_missed(m);
	dsrv_orphans_adopt(&m->orphans, m->roster, signo);
	dsrv_overtime_adopt(&m->overtime, m->roster);
	dsrv_orphans_expect(&m->orphans,
	    dsrv_supervise_take_pipe(&m->server), signo);
	if (WIFSIGNALED(status) &&
	    dsrv_sigtable_ask(WTERMSIG(status)) & DSRV_ASK_FOR_GOOD)
		dsrv_master_ask(m, WTERMSIG(status));
	if (m->request.asked == 0)
		dsrv_notify_reloaded(dsrv_report_how(status));
	dsrv_master_end_listeners(m);
	judge_server(m, status);
}

/*
 * Other children
 */

static void
bury_logger(struct master *m)
{
	int status = m->loop.ended.status;

	switch (dsrv_keeplog_lose(&m->log, status, m->status != -1)) {
	case DSRV_KEEPLOG_FAILED:
		if (m->status == -1)
			m->reason_given = 1;
		dsrv_master_end(m, status == 0 ? 1 : dsrv_report_status(status));
		break;
	case DSRV_KEEPLOG_TOO_OFTEN:
		dsrv_master_end(m, 1);
		break;
	case DSRV_KEEPLOG_DONE:
		m->log.done = 1;
		break;
	case DSRV_KEEPLOG_AGAIN:
		break;
	}
}

void
dsrv_master_lose_child(struct master *m)
{
	if (m->loop.ended.pid == m->server.pid) {
		bury_server(m);
		return;
	}
	if (m->loop.ended.pid == m->log.logger.pid) {
		bury_logger(m);
		return;
	}
	dsrv_orphans_lose(&m->orphans, &m->loop.ended.child);
	if (m->phase == DSRV_PHASE_KILLING_WORKERS)
		dsrv_master_enter(m, m->phase);	/* many need more time to die */
	/* Its own server may have been asked to end, if not the present one. */
	if (!dsrv_master_is_at_once(m))
		dsrv_crashes_add(&m->crashes, DSRV_ASK_LEAVE);
}

void
dsrv_master_share_orphans(const struct master *m)
{
	if (m->roster->orphans == m->orphans.count)
		return;
	m->roster->orphans = m->orphans.count;
	if (m->server.pid != 0)	/* it may be waiting for a place */
		kill(m->server.pid, SIGCHLD);
}
