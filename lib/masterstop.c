/*
 * masterstop.c - how a master is asked to end something, and ends it
 *
 * The master remembers what the daemon was asked to do, and never infers it
 * from how a server ended.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <signal.h>

#include "report.h"
#include "master.h"

enum { ABORT_TIME = 1000 /* ms, from SIGABRT to SIGKILL */ };

/*
 * Phases
 */

void
dsrv_master_enter(struct master *m, enum dsrv_phase phase)
{
	int64_t time = dsrv_phase_time(phase, m->confirmed);

	if (phase < m->phase)
		return;
	m->phase = phase;
	dsrv_loop_set_timer(&m->loop, PHASE, time == DSRV_NEVER ? time :
	    dsrv_clock_now() + time);
}

int
dsrv_master_is_for_good(const struct master *m)
{
	return (m->server->request.asked & DSRV_ASK_FOR_GOOD) != 0;
}

int
dsrv_master_is_at_once(const struct master *m)
{
	return (m->server->request.asked & DSRV_ASK_AT_ONCE) != 0;
}

/* Limits the time of processes that must end at once. */
static void
begin_to_stop(struct master *m)
{
	if (!dsrv_master_is_at_once(m))
		return;
	if (!dsrv_master_is_for_good(m))	/* another must not wait longer */
		dsrv_master_expect_end(m, m->server);
	else if (dsrv_master_has_server(m) &&
	    m->phase < DSRV_PHASE_STOPPING_SERVER)
		dsrv_master_enter(m, DSRV_PHASE_STOPPING_SERVER);
	else if (m->phase == DSRV_PHASE_AWAITING_WORKERS)
		dsrv_master_enter(m, DSRV_PHASE_STOPPING_WORKERS);
}

/*
 * Signals
 */

static int
have_obeyed(const struct master *m)
{
	return ((m->server->request.obeyed | m->other->request.obeyed) &
	    DSRV_ASK_FOR_GOOD) != 0;
}

/* After a stop signal no process of the daemon accepts. A server ends its
 * sockets itself when it obeys, and must not take their end for a failure
 * before that. So the master ends them first only if spares would go on
 * accepting. */
void
dsrv_master_end_listeners(struct master *m)
{
	int has_spares = m->shared->has_spares;

	if (!dsrv_master_is_for_good(m))
		return;
	if (have_obeyed(m))
		dsrv_ports_leave();
	else if (m->server->child.pid == 0 ||
	    (dsrv_master_is_at_once(m) && has_spares)) {
		m->shared->has_ended = 1;	/* it must not mend them */
		dsrv_ports_end(&m->loop, has_spares);
	}
}

/* Even if a signal changes nothing, the manager waits for an answer to its last
 * one. */
static void
tell_manager(const struct master *m)
{
	if (dsrv_master_is_for_good(m))
		dsrv_notify_stopping();
	else
		dsrv_notify_reloading();
}

/* The next server, or the last one, does not wait for its workers. */
static void
ask_other(struct master *m, int signo)
{
	int is_next = dsrv_master_is_next(m, m->other);

	dsrv_master_raise(m->other, signo);
	if (is_next)
		dsrv_master_reject(m, m->other);
	else
		dsrv_master_expect_end(m, m->other);
}

int
dsrv_master_ask(struct master *m, int signo)
{
	if (m->other->child.pid != 0)
		ask_other(m, signo);
	if (!dsrv_master_raise(m->server, signo))
		return 0;
	if (dsrv_master_is_for_good(m) && m->other->child.pid == 0)
		dsrv_supervise_again(&m->other->child, DSRV_NEVER);
	tell_manager(m);
	dsrv_orphans_signal(&m->orphans, dsrv_sigtable_to_workers(signo));
	if (!dsrv_master_is_at_once(m))
		dsrv_orphans_let_finish(&m->orphans);
	begin_to_stop(m);
	return 1;
}

void
dsrv_master_end(struct master *m, int status)
{
	if (m->status != -1)
		return;
	m->status = status;
	dsrv_notify_stopping();
	dsrv_supervise_again(&m->server->child, DSRV_NEVER);
	dsrv_supervise_again(&m->other->child, DSRV_NEVER);
	if (m->server->child.pid != 0 || !dsrv_master_is_for_good(m)) {
		dsrv_master_ask(m, SIGTERM);
		dsrv_master_signal(m, SIGTERM, NULL);
	}
	dsrv_master_end_listeners(m);
	dsrv_master_settle(m);
}

/* Whatever has ended the server: now it is the workers' turn. */
void
dsrv_master_settle(struct master *m)
{
	if (m->status != -1 && !dsrv_master_has_server(m))
		dsrv_master_enter(m, dsrv_master_is_at_once(m) ?
		    DSRV_PHASE_STOPPING_WORKERS : DSRV_PHASE_AWAITING_WORKERS);
}

void
dsrv_master_take(struct master *m, int signo)
{
	int raised;

	if (dsrv_sigtable_ask(signo) == 0)
		return;
	if (!m->confirmed && !(dsrv_sigtable_ask(signo) & DSRV_ASK_FOR_GOOD)) {
		if (m->postponed.signal != SIGUSR1)
			m->postponed.signal = signo;
		return;
	}
	if (signo == SIGHUP)
		dsrv_supervise_signal(&m->log.logger, SIGHUP);
	if (signo == SIGHUP && dsrv_settings()->reload_overlap &&
	    m->server->child.pid != 0) {
		dsrv_master_reload(m);
		return;
	}
	raised = dsrv_master_ask(m, signo);
	if (!raised)
		tell_manager(m);
	/* Even if it asks for nothing new: a handler of the program may have
	 * taken the last one before daemon_server(), which ignores
	 * repetitions. */
	dsrv_master_signal(m, signo, NULL);
	if (m->server->child.pid != 0)
		dsrv_master_end_listeners(m);	/* last: it must not mend them */
	else if (raised && dsrv_master_is_for_good(m))
		dsrv_master_end(m, m->confirmed ? 0 : 1);
	else if (raised && m->status == -1)
		dsrv_supervise_again(&m->server->child, dsrv_clock_now());
}

/*
 * What ends when
 */

/* A process with other rights, or one that hangs in the kernel, may survive
 * SIGKILL. The daemon ends anyway. */
static void
report_left(struct master *m)
{
	int count = m->orphans.count + (m->server->child.pid != 0) +
	    (m->other->child.pid != 0);
	pid_t pid = m->server->child.pid != 0 ? m->server->child.pid :
	    m->other->child.pid != 0 ? m->other->child.pid :
	    dsrv_orphans_first(&m->orphans);

	if (count > 1)
		dsrv_report("end process %ld and %d other%s: they stay",
		    (long)pid, count - 1, count > 2 ? "s" : "");
	else if (count == 1)
		dsrv_report("end process %ld: it stays", (long)pid);
}

/* A server with other rights is left, and the phase ends at once. A large
 * server may need time to die. */
static void
kill_servers(struct master *m)
{
	int i, left = 0;
	pid_t pid;

	for (i = 0; i < DSRV_SERVERS; i++)
		if ((pid = m->servers[i].child.pid) != 0 &&
		    (kill(pid, SIGKILL) == 0 || errno != EPERM))
			left = 1;
	if (dsrv_master_has_server(m) && !left)
		dsrv_loop_set_timer(&m->loop, PHASE, dsrv_clock_now());
}

/* Even if a server is left that cannot be killed: they had the same time. */
static void
kill_orphans(struct master *m)
{
	dsrv_orphans_signal(&m->orphans, SIGCONT);
	dsrv_orphans_signal(&m->orphans, SIGKILL);
}

/* The server's loop hangs. It may leave a core file. */
static void
abort_server(struct master *m, struct master_server *s)
{
	int most = dsrv_settings()->server_hang_max;

	if (s->pulse.is_aborted)
		return;
	s->pulse.is_aborted = 1;
	dsrv_report(s->roster->beats == 0 ? "keep the server: it has prepared "
	    "for %d s longer than start_timeout: it is killed" :
	    "keep the server: it has hung for %d s: it is killed", most);
	dsrv_supervise_signal(&s->child, SIGABRT);
	/* A stopped server takes SIGABRT only when it goes on. */
	dsrv_supervise_signal(&s->child, SIGCONT);
	dsrv_master_end_within(m, s, ABORT_TIME);
}

/* Returns for how many ms the server's loop has hung. The last server was asked
 * to end, but its time may have no limit. */
static int64_t
feel_pulse_of(struct master *m, struct master_server *s)
{
	int64_t silent = s->child.pid == 0 ? 0 :
	    dsrv_pulse_look(&s->pulse, s->roster);
	int64_t most = (int64_t)dsrv_settings()->server_hang_max * 1000;

	/* If it must end at once, that has a time limit of its own. */
	if (most > 0 && silent >= most && !dsrv_master_is_at_once(m))
		abort_server(m, s);
	return silent;
}

void
dsrv_master_feel_pulse(struct master *m)
{
	if (dsrv_pulse_every() == 0)
		return;
	dsrv_loop_set_timer(&m->loop, PULSE,
	    dsrv_clock_now() + dsrv_pulse_every());
	dsrv_notify_alive(feel_pulse_of(m, m->server));
	feel_pulse_of(m, m->other);
}

/* The server has not confirmed; or has not ended at once, or by SIGABRT. For a
 * stop there are phases. */
void
dsrv_master_end_hung_server(struct master *m, struct master_server *s)
{
	int stop_timeout = dsrv_settings()->stop_timeout;

	if (dsrv_master_is_next(m, s)) {
		dsrv_master_give_up(m, s);
		return;
	}
	if (s->child.pid == 0 || (s->request.asked == 0 && !s->pulse.is_aborted)
	    || (dsrv_master_is_for_good(m) && dsrv_master_is_at_once(m)))
		return;
	if (!s->pulse.is_aborted)
		dsrv_report("end the server by signal %d within %d s: "
		    "it is killed", s->request.signo, (int)(dsrv_phase_time(
		    DSRV_PHASE_STOPPING_SERVER, stop_timeout > 0) / 1000));
	dsrv_supervise_signal(&s->child, SIGKILL);
}

/* A phase's time is over before what it waits for has happened. */
void
dsrv_master_go_on(struct master *m)
{
	enum dsrv_phase before = m->phase;

	dsrv_master_enter(m, dsrv_phase_after(before));
	switch (m->phase) {
	case DSRV_PHASE_STOPPING_SERVER:
		m->reason_given = 1;
		dsrv_report("start: no daemon_success() within %d s",
		    dsrv_settings()->start_timeout);
		dsrv_master_take(m, SIGTERM);
		break;
	case DSRV_PHASE_KILLING_SERVER:
		kill_servers(m);
		kill_orphans(m);
		break;
	case DSRV_PHASE_STOPPING_WORKERS:
		dsrv_master_ask(m, SIGTERM);
		break;
	case DSRV_PHASE_KILLING_WORKERS:
		kill_orphans(m);
		break;
	case DSRV_PHASE_WRITING:
		report_left(m);
		if (m->status == -1)	/* the server's is not known */
			m->status = !m->confirmed;
		dsrv_keeplog_leave(&m->log, m->confirmed);
		break;
	case DSRV_PHASE_SILENCING:	/* even uncounted workers */
		dsrv_orphans_signal(&m->orphans, SIGKILL);
		dsrv_keeplog_silence(&m->log, dsrv_phase_time(before, 1));
		break;
	default:
		break;
	}
}

/* Whether what the phase waits for has happened, given that there is no
 * server. */
static int
has_no_workers(const struct master *m)
{
	return m->phase >= DSRV_PHASE_AWAITING_WORKERS &&
	    m->phase < DSRV_PHASE_WRITING && m->orphans.count == 0 &&
	    m->orphans.helpers == 0 && m->orphans.from_dead == -1;
}

int
dsrv_master_is_over(struct master *m)
{
	if (has_no_workers(m)) {
		dsrv_master_enter(m, DSRV_PHASE_WRITING);
		dsrv_crashes_end(&m->of_orphans.crashes, DSRV_ASK_LEAVE);
		dsrv_overtime_end(&m->of_orphans.overtime);
		dsrv_keeplog_leave(&m->log, m->confirmed);
	}
	if (m->phase >= DSRV_PHASE_WRITING && dsrv_keeplog_is_done(&m->log))
		m->phase = DSRV_PHASE_OVER;
	return m->phase == DSRV_PHASE_OVER &&
	    dsrv_statusfile_is_over(&m->shown.file);
}
