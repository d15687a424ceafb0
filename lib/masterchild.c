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

/* A child must not hold the other child's pipe, or that would not notice the
 * master's death. */
static void
close_pipes(struct master *m)
{
	int i;

	for (i = 0; i < DSRV_SERVERS; i++)
		dsrv_supervise_close(&m->servers[i].child);
	dsrv_supervise_close(&m->log.logger);
	dsrv_orphans_leave(&m->orphans);
	dsrv_statusfile_close(&m->shown.file);
	dsrv_role_leave(DSRV_PID_FILE);
	dsrv_role_leave(DSRV_NOTIFY);
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

static void
prepare(struct master *m, struct master_server *s)
{
	memset(&s->request, 0, sizeof s->request);
	/* If this fork or this server fails, the reload is still to come. */
	if (s == m->other || m->postponed.reload)
		s->reloads = 1;
	dsrv_children_forget(s->roster);
	dsrv_pulse_begin(&s->pulse, s->roster);
	m->shared->orphans = m->orphans.count;
	m->shared->on_hup[s - m->servers] = dsrv_settings()->reload_overlap ?
	    DSRV_ON_HUP_ASK : DSRV_ON_HUP_WAIT;
	m->postponed.reload = 0;
}

/* Within the time that a start may take. */
static void
expect_success(struct master *m, const struct master_server *s)
{
	int seconds = dsrv_settings()->start_timeout;

	if (seconds > 0)
		dsrv_loop_set_timer(&m->loop, s->hang,
		    dsrv_clock_now() + (int64_t)seconds * 1000);
}

int
dsrv_master_fork_server(struct master *m, struct master_server *s)
{
	int place = (int)(s - m->servers);

	prepare(m, s);
	if (fork_supervised(m, &s->child, dsrv_loop_fork) != 0) {
		if (dsrv_master_is_next(m, s))
			expect_success(m, s);
		return 0;
	}
	dsrv_keeplog_become_server(&m->log,
	    (enum dsrv_outbox_role)(DSRV_OUTBOX_SERVER + place));
	/* A helper of the program must not choose which processes we signal. */
	dsrv_memory_keep(m->shared, sizeof *m->shared);
	dsrv_role_give_shared(m->shared, place, m->confirmed);
	dsrv_role_become(DSRV_STARTING);
	return 1;
}

/* A signal sent to all processes must not end the logger before it has written
 * their last lines. */
int
dsrv_master_fork_logger(struct master *m)
{
	if (fork_supervised(m, &m->log.logger, dsrv_loop_fork_ignoring) != 0)
		return 0;
	dsrv_memory_free(m->shared, sizeof *m->shared);
	dsrv_ports_close();
	dsrv_keeplog_become_logger(&m->log);
	return 1;
}

/*
 * The server's words and end
 */

static void
confirm_start(struct master *m)
{
	if (dsrv_master_is_for_good(m))
		return;
	/* Before the success, at which the starter shows the rest of the relay
	 * and closes it. */
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
	dsrv_role_leave(DSRV_TO_PARENT);
	if (m->postponed.signal != 0)
		dsrv_master_take(m, m->postponed.signal);
}

static void
confirm(struct master *m, struct master_server *s)
{
	if (!m->confirmed)
		confirm_start(m);
	else if (s->reloads && s->child.pid != 0 && s->request.asked == 0)
		dsrv_master_take_over(m, s);
	if (s == m->server && s->request.asked == 0 &&
	    !dsrv_master_is_reloading(m))
		dsrv_notify_reloaded(NULL);
}

/* Only the other server has reported a stop: the one that served is dead
 * already, and no other may follow it. */
static void
end_without_server(struct master *m, const struct master_server *s)
{
	if (s == m->other && m->server->child.pid == 0 &&
	    dsrv_master_is_for_good(m))
		dsrv_master_end(m, m->confirmed ? 0 : 1);
}

/* A server has obeyed signo. If the master has not asked for it, it is a
 * request to the whole daemon. */
static void
hear_of_request(struct master *m, struct master_server *s, int signo)
{
	unsigned ask = dsrv_sigtable_ask(signo);

	s->request.obeyed |= ask;
	if (ask & ~s->request.asked && dsrv_master_ask(m, signo))
		dsrv_master_signal(m, signo, s);
	dsrv_master_end_listeners(m);
	end_without_server(m, s);
}

/* The server's pipe is closed: it is ending, or can never succeed. */
static void
lose_words(struct master *m, struct master_server *s)
{
	dsrv_loop_forget(&m->loop, s->child.tag);
	if (dsrv_master_is_next(m, s))
		dsrv_master_doubt_next(m, s);
	if (m->confirmed || s->child.pid == 0)
		return;
	dsrv_supervise_signal(&s->child, SIGTERM);
	if (m->phase < DSRV_PHASE_STOPPING_SERVER)
		dsrv_master_enter(m, DSRV_PHASE_STOPPING_SERVER);
}

void
dsrv_master_hear_server(struct master *m, struct master_server *s)
{
	int number = 0;

	for (;;)
		switch (dsrv_statuspipe_hear(s->child.from_child, &number)) {
		case DSRV_STATUS_SUCCESS:
			confirm(m, s);
			break;
		case DSRV_STATUS_ASKED:
			hear_of_request(m, s, number);
			break;
		case DSRV_STATUS_RELOAD:	/* even if it was replaced since */
			dsrv_master_reload(m);
			break;
		case DSRV_STATUS_ORPHAN:
			dsrv_orphans_add(&m->orphans, number,
			    dsrv_master_missed(s), s->roster->time_max);
			break;
		case DSRV_STATUS_GONE:
			lose_words(m, s);
			return;
		default:
			return;
		}
}

/* A stop before the success usually comes from the starter, which tells why. */
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
		    m->server->request.signo,
		    strsignal(m->server->request.signo));
	else
		m->reason_given = 0;
}

static void
report_end(struct master *m, int status, int again)
{
	if (!m->confirmed)
		report_failed_start(m, status);
	else if (m->server->request.asked)
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

	seen.asked = m->server->request.asked;
	seen.confirmed = m->confirmed;
	seen.status = status;
	seen.lived = dsrv_clock_now() - m->server->child.born;
	verdict = dsrv_restart_judge(&m->history, &seen);
	report_end(m, status, verdict.again);
	if (!verdict.again || m->status != -1) {
		dsrv_master_end(m, verdict.status);
		return;
	}
	dsrv_master_count_restart(m, m->server->request.asked, status);
	if (!dsrv_master_step_in(m))
		dsrv_supervise_again(&m->server->child,
		    dsrv_clock_now() + verdict.pause);
}

/* The server's workers are the master's now. */
static void
inherit(struct master *m, struct master_server *s)
{
	int signo = dsrv_master_missed(s);

	dsrv_orphans_adopt(&m->orphans, s->roster, signo);
	dsrv_overtime_adopt(&m->of_orphans.overtime, s->roster);
	dsrv_orphans_expect(&m->orphans,
	    dsrv_supervise_take_pipe(&s->child), signo, s->roster->time_max);
	if (s->request.asked != 0 && !(s->request.asked & DSRV_ASK_AT_ONCE))
		dsrv_orphans_let_finish(&m->orphans);
	dsrv_master_share_orphans(m);
	dsrv_children_forget(s->roster);
	/* It may wait for a place, or for a client that a spare has left. */
	dsrv_master_wake(m);
}

/* A server killed by a stop signal has obeyed it, from any sender. But a reload
 * signal that was not requested is a crash: it might repeat at once. */
static void
bury_server(struct master *m, struct master_server *s)
{
	int status = m->loop.ended.status;
	int signo = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	dsrv_supervise_lose(&s->child);
	dsrv_loop_set_timer(&m->loop, s->hang, DSRV_NEVER);
	dsrv_master_hear_server(m, s);	/* what it wrote before its end */
	inherit(m, s);
	if (dsrv_sigtable_ask(signo) & DSRV_ASK_FOR_GOOD &&
	    dsrv_master_ask(m, signo))
		dsrv_master_signal(m, signo, NULL);
	end_without_server(m, s);
	if (s == m->server && s->request.asked == 0 &&
	    !dsrv_master_is_reloading(m))
		dsrv_notify_reloaded(dsrv_report_how(status));
	dsrv_master_end_listeners(m);
	if (s == m->server)
		judge_server(m, status);
	else
		dsrv_master_lose_next(m, s, status);
	dsrv_master_settle(m);
	dsrv_master_reload_again(m);
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
		m->shown.status.logger_restarts++;
		break;
	}
}

void
dsrv_master_lose_child(struct master *m)
{
	struct master_server *s = dsrv_master_find(m, m->loop.ended.pid);

	if (s != NULL) {
		bury_server(m, s);
		return;
	}
	if (m->loop.ended.pid == m->log.logger.pid) {
		bury_logger(m);
		return;
	}
	if (dsrv_statusfile_lose(&m->shown.file, &m->loop.ended))
		return;
	dsrv_orphans_lose(&m->orphans, &m->loop.ended.child);
	if (m->loop.ended.child.is_helper)
		return;
	if (m->loop.ended.child.is_orphan)
		dsrv_tally_end(&m->shown.orphans, m->loop.ended.status,
		    m->loop.ended.child.overdue);
	/* Where there are spares, this one may have had no client. */
	if (m->loop.ended.child.is_orphan && !m->shared->has_spares)
		dsrv_connlog_end(&m->loop.ended, -1);
	if (m->phase == DSRV_PHASE_KILLING_WORKERS)
		dsrv_master_enter(m, m->phase);	/* many need more time to die */
	/* If the present server was not asked to end, the worker's own may have
	 * been. */
	if (!dsrv_master_is_at_once(m))
		dsrv_crashes_add(&m->of_orphans.crashes, DSRV_ASK_LEAVE);
}

void
dsrv_master_share_orphans(const struct master *m)
{
	if (m->shared->orphans == m->orphans.count)
		return;
	m->shared->orphans = m->orphans.count;
	dsrv_master_wake(m);
}
