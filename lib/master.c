/*
 * master.c - daemon_master(): keep a server and a logger alive; pass signals on
 *
 *     master -+- server
 *     loops   |  returns in each server
 *     here    `- logger
 *                returns in each logger; the first before the first server
 *
 * The master remembers what the daemon was asked to do, and never infers it
 * from how a server ended. Workers that outlive their server become its own
 * children, which it counts and signals until they end.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon-private.h"

enum { NOBODY = -1 };	/* beside DAEMON_SERVER and DAEMON_LOGGER */

/* Of the loop: the first four have a descriptor; all but the starter have a
 * timer. */
enum { STARTER, SERVER, LOGGER, ORPHANS, PHASE, CRASHES, HANG, TAGS };

struct master {
	struct dsrv_loop loop;
	struct dsrv_supervised server;
	struct dsrv_orphans orphans;
	struct dsrv_keeplog log;
	struct dsrv_roster *roster;	/* the server's children */
	enum dsrv_phase phase;
	int confirmed;		/* the start has succeeded */
	struct {
		unsigned asked;	/* of the present server, ... */
		unsigned obeyed;	/* ... and what it has passed on */
		int signo;	/* the one that made the request stronger */
	} request;
	int pending_signal;	/* to be obeyed after the first success */
	int reason_given;	/* why the start has failed */
	int status;		/* the daemon's; -1: not decided */
	struct dsrv_crashes crashes;	/* of orphans */
};

/*
 * Phases
 */

/* Never goes back. */
static void
enter_phase(struct master *m, enum dsrv_phase phase)
{
	int64_t time = dsrv_phase_time(phase, m->confirmed);

	if (phase < m->phase)
		return;
	m->phase = phase;
	dsrv_loop_set_timer(&m->loop, PHASE, time == DSRV_NEVER ? time :
	    dsrv_clock_now() + time);
}

static int
is_for_good(const struct master *m)
{
	return (m->request.asked & DSRV_ASK_FOR_GOOD) != 0;
}

static int
is_at_once(const struct master *m)
{
	return (m->request.asked & DSRV_ASK_AT_ONCE) != 0;
}

/* A server that another is to follow must not keep it waiting. */
static void
expect_end(struct master *m)
{
	int64_t time = dsrv_phase_time(DSRV_PHASE_STOPPING_SERVER, 1);

	if (m->server.pid != 0 && time != DSRV_NEVER)
		dsrv_loop_set_timer(&m->loop, HANG, dsrv_clock_now() + time);
}

/* Starts the time limit of processes that must end at once. */
static void
begin_to_stop(struct master *m)
{
	if (!is_at_once(m))
		return;
	if (!is_for_good(m))
		expect_end(m);
	else if (m->server.pid != 0 && m->phase < DSRV_PHASE_STOPPING_SERVER)
		enter_phase(m, DSRV_PHASE_STOPPING_SERVER);
	else if (m->phase == DSRV_PHASE_AWAITING_WORKERS)
		enter_phase(m, DSRV_PHASE_STOPPING_WORKERS);
}

/*
 * Signals
 */

/* From the signal on that means the end nobody of the daemon accepts. A server
 * ends its sockets itself when it hears; one that does not hear must not take
 * that for a failure, unless its spares would go on to accept. */
static void
end_listeners(struct master *m)
{
	int has_spares = m->roster->has_spares;

	if (!is_for_good(m))
		return;
	if (m->request.obeyed & DSRV_ASK_FOR_GOOD)
		dsrv_ports_leave();
	else if (m->server.pid == 0 || (is_at_once(m) && has_spares))
		dsrv_ports_end(&m->loop, has_spares);
}

/* Adds what signo asks for; returns whether that is more than before. */
static int
ask(struct master *m, int signo)
{
	if (!dsrv_sigtable_raise(&m->request.asked, signo))
		return 0;
	m->request.signo = signo;
	dsrv_orphans_signal(&m->orphans, dsrv_sigtable_to_workers(signo));
	end_listeners(m);
	begin_to_stop(m);
	return 1;
}

/* Ends the daemon with status. A server that is still running is stopped. */
static void
end_daemon(struct master *m, int status)
{
	if (m->status != -1)
		return;
	m->status = status;
	dsrv_supervise_again(&m->server, DSRV_NEVER);
	if (m->server.pid != 0 || !is_for_good(m))
		ask(m, SIGTERM);
	dsrv_supervise_signal(&m->server, SIGTERM);
	if (m->server.pid == 0)
		enter_phase(m, is_at_once(m) ? DSRV_PHASE_STOPPING_WORKERS :
		    DSRV_PHASE_AWAITING_WORKERS);
}

static void
take_signal(struct master *m, int signo)
{
	int raised;

	if (dsrv_sigtable_ask(signo) == 0)
		return;
	if (!m->confirmed && !(dsrv_sigtable_ask(signo) & DSRV_ASK_FOR_GOOD)) {
		if (m->pending_signal != SIGUSR1)
			m->pending_signal = signo;
		return;
	}
	if (signo == SIGHUP)
		dsrv_supervise_signal(&m->log.logger, SIGHUP);
	raised = ask(m, signo);
	/* Even if not raised: a handler of the program may have taken the last
	 * one before daemon_server(), which ignores repetitions. */
	if (m->server.pid != 0)
		dsrv_supervise_signal(&m->server, signo);
	else if (!raised)
		return;
	else if (is_for_good(m))
		end_daemon(m, m->confirmed ? 0 : 1);
	else if (m->status == -1)
		dsrv_supervise_again(&m->server, dsrv_clock_now());
}

/* The signal that the server should have passed on to its workers, or 0. */
static int
missed(const struct master *m)
{
	int signo = m->request.signo;

	if (!(m->request.asked & ~m->request.obeyed))
		return 0;
	/* What was asked for last may have been less. */
	if (is_at_once(m) && !(dsrv_sigtable_ask(signo) & DSRV_ASK_AT_ONCE))
		signo = SIGTERM;
	return dsrv_sigtable_to_workers(signo);
}

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
		end_daemon(m, 1);
	}
	return pid;
}

/* Whether this is the new server. */
static int
fork_server(struct master *m)
{
	memset(&m->request, 0, sizeof m->request);
	m->roster->count = 0;
	m->roster->orphans = m->orphans.count;
	m->roster->has_spares = 0;
	if (fork_supervised(m, &m->server, dsrv_loop_fork) != 0)
		return 0;
	dsrv_keeplog_become_server(&m->log);
	/* A helper that the program forks must not choose whom we signal. */
	dsrv_memory_keep(m->roster, sizeof *m->roster);
	dsrv_role_give_roster(m->roster, m->confirmed);
	dsrv_role_become(DSRV_STARTING);
	return 1;
}

/* Whether this is the new logger. A signal sent to all processes must not end
 * it before it has written their last lines. */
static int
fork_logger(struct master *m)
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
	if (m->confirmed || is_for_good(m))
		return;
	/* First: at the success the starter shows the rest of the relay, and
	 * closes it. */
	if (dsrv_statuspipe_settle() == -1) {
		m->reason_given = 1;
		end_daemon(m, 1);
		return;
	}
	m->confirmed = 1;
	if (m->phase == DSRV_PHASE_STARTING)
		enter_phase(m, DSRV_PHASE_RUNNING);
	dsrv_statuspipe_say(DSRV_STATUS_SUCCESS, 0);
	dsrv_loop_forget(&m->loop, STARTER);
	dsrv_role_disconnect();
	if (m->pending_signal != 0)
		take_signal(m, m->pending_signal);
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
		enter_phase(m, DSRV_PHASE_STOPPING_SERVER);
}

static void
hear_server(struct master *m)
{
	int number = 0;

	for (;;)
		switch (dsrv_statuspipe_hear(m->server.from_child, &number)) {
		case DSRV_STATUS_SUCCESS:
			confirm(m);
			break;
		case DSRV_STATUS_ASKED:
			m->request.obeyed |= dsrv_sigtable_ask(number);
			ask(m, number);
			end_listeners(m);
			break;
		case DSRV_STATUS_ORPHAN:
			dsrv_orphans_add(&m->orphans, number, missed(m));
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
	if (!is_for_good(m))
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
		    "which ends the daemon" : "once more than may be");
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
		end_daemon(m, verdict.status);
	else	/* the end was decided before; its workers are ours now */
		enter_phase(m, DSRV_PHASE_STOPPING_WORKERS);
}

/* A server killed by a stop signal has obeyed it, from any sender. But a reload
 * signal that was not requested is a crash: it might repeat at once. */
static void
bury_server(struct master *m)
{
	int status = m->loop.ended.status, signo;

	m->server.pid = 0;
	dsrv_loop_set_timer(&m->loop, HANG, DSRV_NEVER);
	hear_server(m);	/* what it wrote came before its end */
	signo = missed(m);
	dsrv_orphans_adopt(&m->orphans, m->roster, signo);
	dsrv_orphans_expect(&m->orphans,
	    dsrv_supervise_take_pipe(&m->server), signo);
	if (WIFSIGNALED(status) &&
	    dsrv_sigtable_ask(WTERMSIG(status)) & DSRV_ASK_FOR_GOOD)
		ask(m, WTERMSIG(status));
	end_listeners(m);
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
		end_daemon(m, status == 0 ? 1 : dsrv_report_status(status));
		break;
	case DSRV_KEEPLOG_TOO_OFTEN:
		end_daemon(m, 1);
		break;
	case DSRV_KEEPLOG_DONE:
		m->log.done = 1;
		break;
	case DSRV_KEEPLOG_AGAIN:
		break;
	}
}

static void
lose_child(struct master *m)
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
		enter_phase(m, m->phase);	/* many need more time to die */
	/* Its own server may have been asked to end, if not the present one. */
	if (!is_at_once(m))
		dsrv_crashes_add(&m->crashes, DSRV_ASK_LEAVE);
}

/*
 * Time
 */

/* A process that runs with other rights, or hangs in the kernel, may survive
 * SIGKILL. The daemon ends anyway. */
static void
report_left(struct master *m)
{
	int count = m->orphans.count + (m->server.pid != 0);
	pid_t pid = m->server.pid != 0 ? m->server.pid :
	    dsrv_orphans_first(&m->orphans);

	if (count > 1)
		dsrv_report("end process %ld and %d other%s: they stay",
		    (long)pid, count - 1, count > 2 ? "s" : "");
	else if (count == 1)
		dsrv_report("end process %ld: it stays", (long)pid);
}

/* It need not go on for that. One that runs with other rights is left at once;
 * a large one may take its time to die. */
static void
kill_server(struct master *m)
{
	if (m->server.pid != 0 && kill(m->server.pid, SIGKILL) == -1 &&
	    errno == EPERM)
		dsrv_loop_set_timer(&m->loop, PHASE, dsrv_clock_now());
}

/* It was to end at once, and another is to follow it. */
static void
end_hung_server(struct master *m)
{
	if (m->server.pid == 0 || is_for_good(m))
		return;
	dsrv_report("end the server by signal %d within %d s: it is killed",
	    m->request.signo, dsrv_settings()->stop_timeout);
	dsrv_supervise_signal(&m->server, SIGKILL);
}

/* The time of a phase is over before what it waited for. */
static void
go_on(struct master *m)
{
	enum dsrv_phase before = m->phase;

	enter_phase(m, dsrv_phase_after(before));
	switch (m->phase) {
	case DSRV_PHASE_STOPPING_SERVER:
		m->reason_given = 1;
		dsrv_report("start: no daemon_success() within %d s",
		    dsrv_settings()->start_timeout);
		take_signal(m, SIGTERM);
		break;
	case DSRV_PHASE_KILLING_SERVER:
		kill_server(m);
		break;
	case DSRV_PHASE_STOPPING_WORKERS:
		ask(m, SIGTERM);
		break;
	case DSRV_PHASE_KILLING_WORKERS:
		dsrv_orphans_signal(&m->orphans, SIGCONT);
		dsrv_orphans_signal(&m->orphans, SIGKILL);
		break;
	case DSRV_PHASE_WRITING:
		report_left(m);
		if (m->status == -1)	/* the server's is unknown */
			m->status = !m->confirmed;
		dsrv_keeplog_leave(&m->log, m->confirmed);
		break;
	case DSRV_PHASE_SILENCING:	/* even those that are not counted */
		dsrv_orphans_signal(&m->orphans, SIGKILL);
		dsrv_keeplog_silence(&m->log, dsrv_phase_time(before, 1));
		break;
	default:
		break;
	}
}

/* Without a server: whether what the phase waits for has happened. */
static int
has_no_workers(const struct master *m)
{
	return m->phase >= DSRV_PHASE_AWAITING_WORKERS &&
	    m->phase < DSRV_PHASE_WRITING && m->orphans.count == 0 &&
	    m->orphans.from_dead == -1;
}

/* After each event: returns whether the daemon has ended. */
static int
is_over(struct master *m)
{
	if (has_no_workers(m)) {
		enter_phase(m, DSRV_PHASE_WRITING);
		dsrv_crashes_say(&m->crashes);
		dsrv_keeplog_leave(&m->log, m->confirmed);
	}
	if (m->phase >= DSRV_PHASE_WRITING && dsrv_keeplog_is_done(&m->log))
		m->phase = DSRV_PHASE_OVER;
	return m->phase == DSRV_PHASE_OVER;
}

/* Returns what this process is now: a new child, or still the master. */
static int
handle_timer(struct master *m)
{
	switch (m->loop.tag) {
	case PHASE:
		go_on(m);
		break;
	case ORPHANS:
		dsrv_orphans_forget(&m->orphans);
		break;
	case CRASHES:
		dsrv_crashes_say(&m->crashes);
		break;
	case HANG:
		end_hung_server(m);
		break;
	case LOGGER:
		if (m->log.logger.pid == 0)
			return fork_logger(m) ? DAEMON_LOGGER : NOBODY;
		dsrv_supervise_signal(&m->log.logger, m->log.logger.refused);
		break;
	case SERVER:
		if (m->server.pid == 0)
			return fork_server(m) ? DAEMON_SERVER : NOBODY;
		dsrv_supervise_signal(&m->server, m->server.refused);
		break;
	}
	return NOBODY;
}

static void
handle_fd(struct master *m)
{
	switch (m->loop.tag) {
	case STARTER:	/* it has died: the start has failed */
		dsrv_loop_forget(&m->loop, STARTER);
		take_signal(m, SIGTERM);
		break;
	case SERVER:
		hear_server(m);
		break;
	case LOGGER:
		if (dsrv_keeplog_hear(&m->log) && m->status == -1)
			dsrv_supervise_again(&m->server, dsrv_clock_now());
		break;
	case ORPHANS:
		dsrv_orphans_hear(&m->orphans);
		break;
	}
}

/*
 * The stage
 */

static void
first_child(struct master *m)
{
	dsrv_supervise_open(&m->server, "a server", &m->loop, SERVER);
	dsrv_supervise_open(&m->log.logger, "a logger", &m->loop, LOGGER);
	dsrv_supervise_again(dsrv_settings()->logger_enabled ?
	    &m->log.logger : &m->server, dsrv_clock_now());
}

static int
open_master(struct master *m)
{
	sigset_t untouched;

	memset(m, 0, sizeof *m);
	m->status = -1;
	sigemptyset(&untouched);
	if (dsrv_role()->hup_ignored)
		sigaddset(&untouched, SIGHUP);

	m->roster = dsrv_memory_shared(sizeof *m->roster);
	if (m->roster == NULL)
		return -1;
	if (dsrv_orphans_open(&m->orphans, &m->loop, ORPHANS) == -1)
		goto free_roster;
	if (dsrv_keeplog_open(&m->log) == -1)
		goto close_orphans;
	if (dsrv_loop_open(&m->loop, TAGS, DSRV_REAP_ALL, NULL,
	    &untouched) == -1)
		goto close_log;
	m->pending_signal = dsrv_process1_pending();
	dsrv_loop_watch(&m->loop, STARTER, dsrv_role()->to_parent, 0);
	dsrv_crashes_open(&m->crashes, &m->loop, CRASHES);
	enter_phase(m, DSRV_PHASE_STARTING);
	first_child(m);
	dsrv_orphans_begin(&m->orphans);
	dsrv_ports_find();
	return 0;

close_log:
	dsrv_keeplog_close(&m->log);
close_orphans:
	dsrv_orphans_close(&m->orphans);
free_roster:
	dsrv_memory_free(m->roster, sizeof *m->roster);
	return -1;
}

static void
close_master(struct master *m)
{
	dsrv_orphans_close(&m->orphans);
	dsrv_loop_close(&m->loop);
	dsrv_keeplog_close(&m->log);
	dsrv_memory_free(m->roster, sizeof *m->roster);
}

static int
finish_master(struct master *m)
{
	int fatal = dsrv_settings()->master_return_fatal;

	if (m->reason_given)
		dsrv_statuspipe_say(DSRV_STATUS_ENDED, m->status);
	/* Do not restore signals before exiting: one of them could change the
	 * exit status. */
	if (fatal != 0)
		close_master(m);
	dsrv_role_become(DSRV_OVER);
	return dsrv_report_end(m->status, m->status == 0 ? 0 : ECHILD, fatal);
}

static int
refuse(int error)
{
	return dsrv_report_end(1, error, dsrv_settings()->master_return_fatal);
}

/* They count against the server's limit. */
static void
share_orphans(const struct master *m)
{
	if (m->roster->orphans == m->orphans.count)
		return;
	m->roster->orphans = m->orphans.count;
	if (m->server.pid != 0)	/* it may be waiting for a place */
		kill(m->server.pid, SIGCHLD);
}

static int
loop_as_master(struct master *m)
{
	int child;

	for (;;) {
		share_orphans(m);
		switch (dsrv_loop_next(&m->loop)) {
		case DSRV_EVENT_SIGNAL:
			/* A success that came before it counts. */
			if (!m->confirmed && m->server.pid != 0)
				hear_server(m);
			take_signal(m, dsrv_sigtable_meaning(m->loop.signo,
			    m->loop.from_kernel));
			break;
		case DSRV_EVENT_CHILD:
			lose_child(m);
			break;
		case DSRV_EVENT_FD:
			handle_fd(m);
			break;
		case DSRV_EVENT_TIMER:
			if ((child = handle_timer(m)) != NOBODY)
				return child;
			break;
		}
		if (is_over(m))
			return finish_master(m);
		dsrv_keeplog_wake(&m->log);
	}
}

int
daemon_master(void)
{
	int error, value, saved = errno;
	struct master m;

	error = dsrv_role_enter(DSRV_MASTER, "become the master");
	if (error != 0)
		return refuse(error);
	if (open_master(&m) == -1) {
		error = errno;
		dsrv_report("become the master: %s", strerror(error));
		return refuse(error);
	}
	value = loop_as_master(&m);
	if (value >= 0)
		errno = saved;
	return value;
}
