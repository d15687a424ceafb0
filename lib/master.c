/*
 * master.c - daemon_master(): keep a server and a logger alive; pass signals on
 *
 *     master -+- server
 *     loops   |  returns, each time anew
 *     here    `- logger
 *                returns, each time anew; the first before the first server
 *
 * The master keeps what was asked of the daemon itself and never guesses it
 * from how a server ended. Workers whose server is gone become its own
 * children, which it counts and signals until they have ended too.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon-private.h"

enum {
	FIRST_PAUSE = 100, LONGEST_PAUSE = 10000,	/* ms */
	LAST_WORDS = 5000,	/* ms, for the logger to write them */
	DEATH = 1000		/* ms, of one that is killed */
};

enum { NOBODY = -1 };	/* beside DAEMON_SERVER and DAEMON_LOGGER */

struct master {
	struct dsrv_loop loop;
	struct dsrv_supervised server;
	struct dsrv_supervised logger;
	struct dsrv_orphans orphans;
	struct dsrv_airlock airlock;	/* the logger's */
	int logs;		/* a logger has had its file open */
	int log_left;		/* nobody writes to the log any more, ... */
	int log_over;		/* ... and all is in the file, or never will */
	int late_ends;		/* of loggers, while the daemon ends */
	int abandoned;		/* the logger does not die */
	struct dsrv_roster *roster;	/* the server's children */
	int starter_place;
	int confirmed;		/* the start has succeeded */
	unsigned asked;		/* of the server that there is, ... */
	unsigned obeyed;	/* ... and what it has passed on to workers */
	int signo;		/* that has asked for most */
	int timed_out;
	int told;		/* why the start has failed */
	int later;		/* the signal to take at the first success */
	int64_t start_by;	/* in foreground: success must come first */
	int64_t kill_at;	/* when those that do not obey are killed */
	int64_t give_up_at;	/* when those that do not die are left */
	int given_up;
	int64_t hush_at;	/* when the logger is, at the end */
	int ending;
	int status;		/* ending: with this */
	struct dsrv_crashes crashes;	/* of orphans */
};

/*
 * Signals
 */

/* From now on those that do not obey have only stop_timeout. */
static void
limit_patience(struct master *m)
{
	int64_t grace = m->confirmed ?
	    (int64_t)dsrv_settings()->stop_timeout * 1000 : DSRV_START_GRACE;

	if (grace > 0)
		m->kill_at = dsrv_loop_now() + grace;
}

/* Once the daemon is to end. A server that has not heard of it yet would take
 * this for a failure of its sockets; it does so itself when it hears. */
static void
end_listeners(struct master *m)
{
	if (m->asked & DSRV_ASK_FOR_GOOD &&
	    (m->server.pid == 0 || m->obeyed & DSRV_ASK_FOR_GOOD))
		dsrv_fdclean_close_listeners(1);
}

/* Adds what signo asks for; whether that is more than before. */
static int
ask(struct master *m, int signo)
{
	if (!dsrv_signals_raise(&m->asked, signo))
		return 0;
	m->signo = signo;
	dsrv_orphans_signal(&m->orphans, dsrv_signals_to_workers(signo));
	end_listeners(m);
	if (m->asked & DSRV_ASK_FOR_GOOD && m->asked & DSRV_ASK_AT_ONCE)
		limit_patience(m);
	return 1;
}

/* Those that were asked to end, and have had their time. A server's workers
 * come to us then, and are asked themselves if it has not done so. */
static void
kill_all(struct master *m)
{
	m->kill_at = DSRV_NEVER;
	m->give_up_at = dsrv_loop_now() + DEATH;
	if (m->server.pid != 0) {
		kill(m->server.pid, SIGCONT);
		kill(m->server.pid, SIGKILL);
	}
	dsrv_orphans_signal(&m->orphans, SIGCONT);
	dsrv_orphans_signal(&m->orphans, SIGKILL);
}

/* A process that runs with other rights, or hangs in the kernel, may not die
 * of SIGKILL. The daemon ends all the same. */
static void
give_up(struct master *m)
{
	int count = m->orphans.count + (m->server.pid != 0);
	pid_t pid = m->server.pid != 0 ? m->server.pid :
	    dsrv_orphans_first(&m->orphans);

	m->give_up_at = DSRV_NEVER;
	m->given_up = 1;
	if (count > 1)
		dsrv_report("end process %ld and %d others: they stay",
		    (long)pid, count - 1);
	else
		dsrv_report("end process %ld: it stays", (long)pid);
}

/* Workers that were to finish in peace are asked to end first. */
static void
lose_patience(struct master *m)
{
	if (m->asked & DSRV_ASK_AT_ONCE)
		kill_all(m);
	else
		ask(m, SIGTERM);
}

static void
stop_if_late(struct master *m)
{
	if (m->server.pid != 0 || m->orphans.count > 0)
		give_up(m);
	else
		m->give_up_at = DSRV_NEVER;
}

/* With the server gone, or, where that is not the reason, as by SIGTERM: then
 * it has been asked for good, whatever it ends by. */
static void
end(struct master *m, int status)
{
	if (m->ending)
		return;
	m->ending = 1;
	m->status = status;
	m->server.again_at = DSRV_NEVER;
	if (!(m->asked & DSRV_ASK_FOR_GOOD))
		ask(m, SIGTERM);
	if (m->kill_at == DSRV_NEVER)
		limit_patience(m);
	if (m->server.pid != 0)
		kill(m->server.pid, SIGTERM);
}

static void
take(struct master *m, int signo)
{
	int raised;

	if (dsrv_signals_ask(signo) == 0)
		return;
	if (!m->confirmed && !(dsrv_signals_ask(signo) & DSRV_ASK_FOR_GOOD)) {
		if (m->later != SIGUSR1)
			m->later = signo;
		return;
	}
	if (signo == SIGHUP && m->logger.pid != 0)
		kill(m->logger.pid, SIGHUP);
	raised = ask(m, signo);
	/* Even if not: the program may have taken the last one for itself,
	 * before daemon_server(), which else does nothing twice. */
	if (m->server.pid != 0)
		kill(m->server.pid, signo);
	else if (!raised)
		return;
	else if (m->asked & DSRV_ASK_FOR_GOOD)
		end(m, m->confirmed ? 0 : 1);
	else if (!m->ending)
		m->server.again_at = dsrv_loop_now();
}

/*
 * Birth
 */

/* A child has no end of the other's pipe: that one could not notice the master's
 * death. */
static void
close_pipes(struct master *m)
{
	dsrv_supervise_close(&m->server);
	dsrv_supervise_close(&m->logger);
	dsrv_orphans_leave(&m->orphans);
}

/* As fork(2) does. Before the start has succeeded a failure is the answer. */
static pid_t
fork_supervised(struct master *m, struct dsrv_supervised *s,
    pid_t (*fork_child)(struct dsrv_loop *))
{
	pid_t pid = dsrv_supervise_fork(s, &m->loop, fork_child);

	if (pid == 0)
		close_pipes(m);
	if (pid == -1 && !m->confirmed) {
		m->told = 1;
		end(m, 1);
	}
	return pid;
}

/* Whether this is the new server. */
static int
fork_server(struct master *m)
{
	m->asked = m->obeyed = 0;
	m->signo = 0;
	m->roster->count = 0;
	m->roster->orphans = m->orphans.count;
	if (fork_supervised(m, &m->server, dsrv_loop_fork) != 0)
		return 0;
	if (dsrv_settings()->logger_enabled)
		dsrv_airlock_close(&m->airlock);
	/* A helper that the program forks must not choose whom we signal. */
	dsrv_memory_keep(m->roster, sizeof *m->roster);
	dsrv_stage_give_roster(m->roster, m->confirmed);
	dsrv_stage_become(DSRV_STARTING);
	return 1;
}

/* Whether this is the new logger. */
static int
fork_logger(struct master *m)
{
	/* Deaf: who stops all must not stop it before their last words. */
	if (fork_supervised(m, &m->logger, dsrv_loop_fork_deaf) != 0)
		return 0;
	dsrv_memory_free(m->roster, sizeof *m->roster);
	dsrv_fdclean_close_listeners(0);
	dsrv_stage_leave_log();
	if (m->logs) {	/* 1 and 2 are the log pipe: it would wait for itself */
		dsrv_descriptors_null(STDOUT_FILENO, STDERR_FILENO);
		dsrv_report_to(DSRV_REPORT_SYSLOG);
	}
	dsrv_stage_give_airlock(&m->airlock);
	dsrv_stage_become(DSRV_LOGGER);
	return 1;
}

/*
 * The server's words and end
 */

static void
confirm(struct master *m)
{
	if (m->confirmed || m->asked & DSRV_ASK_FOR_GOOD)
		return;
	m->confirmed = 1;
	m->start_by = DSRV_NEVER;
	/* First: the starter reads the relay to its end when it hears. */
	dsrv_ready_settle();
	dsrv_ready_say(DSRV_READY_SUCCESS, 0);
	dsrv_loop_forget(&m->loop, m->starter_place);
	dsrv_stage_disconnect();
	if (m->later != 0)
		take(m, m->later);
}

/* What the server should have passed on to its workers, and has not; or 0. */
static int
missed(const struct master *m)
{
	return m->asked & ~m->obeyed ? dsrv_signals_to_workers(m->signo) : 0;
}

static void
hear(struct master *m)
{
	int number = 0;

	for (;;)
		switch (dsrv_ready_hear(m->server.from_child, &number)) {
		case DSRV_READY_SUCCESS:
			confirm(m);
			break;
		case DSRV_READY_ASKED:
			m->obeyed |= dsrv_signals_ask(number);
			ask(m, number);
			end_listeners(m);
			break;
		case DSRV_READY_ORPHAN:
			dsrv_orphans_add(&m->orphans, number, missed(m));
			break;
		case DSRV_READY_GONE:
			dsrv_loop_forget(&m->loop, m->server.place);
			/* It ends now, or it can never succeed. */
			if (!m->confirmed && m->server.pid != 0) {
				kill(m->server.pid, SIGTERM);
				limit_patience(m);
			}
			return;
		default:
			return;
		}
}

/* A stop that comes before success comes from the starter as a rule, and it
 * will say why. */
static void
report_failed_start(struct master *m, int status)
{
	m->told = 1;
	if (m->timed_out)
		dsrv_report("start: no daemon_success() within %d s",
		    dsrv_settings()->start_timeout);
	else if (!(m->asked & DSRV_ASK_FOR_GOOD))
		dsrv_report("start: the server %s before daemon_success()",
		    dsrv_report_how(status));
	else if (dsrv_settings()->foreground)
		dsrv_report("start: stopped by signal %d (%s)", m->signo,
		    strsignal(m->signo));
	else
		m->told = 0;
}

static void
report_end(struct master *m, int status, int again)
{
	if (!m->confirmed)
		report_failed_start(m, status);
	else if (m->asked)
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

	seen.asked = m->asked;
	seen.confirmed = m->confirmed;
	seen.status = status;
	seen.lived = dsrv_loop_now() - m->server.born;
	verdict = dsrv_restart_judge(&m->server.history, &seen);
	report_end(m, status, verdict.again);
	if (verdict.again)
		m->server.again_at = dsrv_loop_now() + verdict.pause;
	else
		end(m, verdict.status);
}

/* A stop that it died of it has obeyed, whoever sent it. But a reload that
 * nobody has asked for is a crash: the program might do it again at once. */
static void
bury_server(struct master *m)
{
	int status = m->loop.status, signo;

	m->server.pid = 0;
	hear(m);	/* what it wrote came before its end */
	signo = missed(m);
	dsrv_orphans_adopt(&m->orphans, m->roster, signo);
	dsrv_orphans_expect(&m->orphans,
	    dsrv_supervise_take_pipe(&m->server, &m->loop), signo);
	if (m->give_up_at != DSRV_NEVER) {	/* we have killed it */
		m->give_up_at = DSRV_NEVER;
		m->kill_at = dsrv_loop_now();
		if (signo != 0)	/* its workers hear of the stop only now */
			limit_patience(m);
	}
	if (WIFSIGNALED(status) &&
	    dsrv_signals_ask(WTERMSIG(status)) & DSRV_ASK_FOR_GOOD)
		ask(m, WTERMSIG(status));
	end_listeners(m);
	judge_server(m, status);
}

/*
 * The logger's words and end
 */

/* It has its file: the first server may come. */
static void
hear_logger(struct master *m)
{
	int number;
	enum dsrv_ready_word word = dsrv_ready_hear(m->logger.from_child,
	    &number);

	if (word == DSRV_READY_SUCCESS) {
		dsrv_airlock_release(&m->airlock);
		if (!m->logs && !m->ending)
			m->server.again_at = dsrv_loop_now();
		m->logs = 1;
	}
	if (word != DSRV_READY_GONE)
		return;
	dsrv_loop_forget(&m->loop, m->logger.place);
	/* It ends now, or it can never say that it has its file. */
	if (!m->logs && m->logger.pid != 0)
		kill(m->logger.pid, SIGKILL);
}

static void
lose_first_logger(struct master *m, int status)
{
	m->log_over = 1;
	if (!m->ending) {
		dsrv_report("start: the logger %s before its file was open",
		    dsrv_report_how(status));
		m->told = 1;
	}
	end(m, status == 0 ? 1 : dsrv_report_status(status));
}

/* While the daemon ends: another, unless this one had all. Whoever still
 * writes would wait for ever if nobody read. */
static void
lose_late_logger(struct master *m, int status)
{
	if (m->log_left && status == 0)
		m->log_over = 1;
	if (!m->log_over)
		m->logger.again_at = dsrv_loop_now() + dsrv_restart_pause(
		    ++m->late_ends, FIRST_PAUSE, LONGEST_PAUSE);
}

static void
lose_logger(struct master *m, int status)
{
	int64_t now = dsrv_loop_now();
	struct dsrv_verdict verdict = dsrv_restart_judge_logger(
	    &m->logger.history, now - m->logger.born);

	if (verdict.again) {
		m->logger.again_at = now + verdict.pause;
		dsrv_report("keep the logger: it %s; another follows",
		    dsrv_report_how(status));
		return;
	}
	dsrv_report("go on: the logger %s, once more than may be",
	    dsrv_report_how(status));
	end(m, 1);
	lose_late_logger(m, status);
}

static void
bury_logger(struct master *m)
{
	int status = m->loop.status;

	m->logger.pid = 0;
	hear_logger(m);
	dsrv_loop_forget(&m->loop, m->logger.place);
	dsrv_supervise_close(&m->logger);
	dsrv_airlock_collect(&m->airlock);
	if (!m->logs)
		lose_first_logger(m, status);
	else if (m->ending)
		lose_late_logger(m, status);
	else
		lose_logger(m, status);
}

/* The last thing of all: a logger ends when nobody has the log any more. */
static void
leave_log(struct master *m)
{
	int64_t now = dsrv_loop_now();

	m->log_left = 1;
	dsrv_report_flush(1);
	dsrv_stage_leave_log();
	if (m->confirmed) {
		dsrv_descriptors_null(dsrv_settings()->foreground ?
		    STDERR_FILENO : STDOUT_FILENO, STDERR_FILENO);
		dsrv_report_to(DSRV_REPORT_SYSLOG);
	}
	if (m->logger.pid == 0)
		m->logger.again_at = now;
	else
		kill(m->logger.pid, SIGCONT);
	m->hush_at = now + LAST_WORDS;
}

/* It has not written all, or somebody has the log who should not. One that
 * does not even die is left behind. */
static void
hush(struct master *m)
{
	long lost;

	m->hush_at = m->logger.again_at = DSRV_NEVER;
	if (m->log_over) {
		m->abandoned = 1;
		return;
	}
	dsrv_report("have the last lines written within %d s",
	    LAST_WORDS / 1000);
	if ((lost = dsrv_airlock_state(&m->airlock)->lost) > 0)
		dsrv_report("keep all lines: %ld lines are lost", lost);
	m->log_over = 1;
	if (m->logger.pid != 0) {
		kill(m->logger.pid, SIGKILL);
		m->hush_at = dsrv_loop_now() + DEATH;
	}
}

/*
 * Other children, and time
 */

static void
lose_child(struct master *m)
{
	if (m->loop.pid == m->server.pid) {
		bury_server(m);
		return;
	}
	if (m->loop.pid == m->logger.pid) {
		bury_logger(m);
		return;
	}
	dsrv_orphans_lose(&m->orphans, &m->loop.child);
	if (!(m->asked & DSRV_ASK_AT_ONCE))
		dsrv_crashes_add(&m->crashes, m->asked, &m->loop);
	/* The server may have been waiting for the place. */
	m->roster->orphans = m->orphans.count;
	if (m->server.pid != 0)
		kill(m->server.pid, SIGCHLD);
}

/* What this process is now: a new child, or the master still. */
static int
tick(struct master *m)
{
	int64_t now = dsrv_loop_now();

	if (now >= m->kill_at)
		lose_patience(m);
	else if (now >= m->give_up_at)
		stop_if_late(m);
	if (now >= m->orphans.until)
		dsrv_orphans_forget(&m->orphans);
	if (now >= dsrv_crashes_due(&m->crashes))
		dsrv_crashes_say(&m->crashes, now);
	if (now >= m->hush_at)
		hush(m);
	if (now >= m->start_by) {
		m->start_by = DSRV_NEVER;
		m->timed_out = 1;
		take(m, SIGTERM);
	}
	if (now >= m->logger.again_at && fork_logger(m))
		return DAEMON_LOGGER;
	if (now >= m->server.again_at && fork_server(m))
		return DAEMON_SERVER;
	return NOBODY;
}

/* Whether nobody is left. */
static int
is_over(struct master *m)
{
	if (!m->ending || m->orphans.from_dead != -1 ||
	    (!m->given_up && (m->server.pid != 0 || m->orphans.count > 0)))
		return 0;
	if (!m->log_over && !m->log_left)
		leave_log(m);
	return m->log_over && (m->logger.pid == 0 || m->abandoned);
}

/*
 * The stage
 */

/* The log, which outlives each logger; -1 with errno. */
static int
open_log(struct master *m)
{
	int to_logger;

	tzset();	/* after a chroot(2) the time zone cannot be read */
	if (dsrv_settings_complete() == -1 ||
	    dsrv_airlock_open(&m->airlock, &to_logger) == -1)
		return -1;
	dsrv_stage_hold_log(to_logger);
	return 0;
}

static void
close_log(struct master *m)
{
	dsrv_stage_leave_log();
	if (dsrv_settings()->logger_enabled)
		dsrv_airlock_close(&m->airlock);
}

static int
open_master(struct master *m)
{
	const struct dsrv_settings *set = dsrv_settings();
	int64_t now = dsrv_loop_now();
	sigset_t untouched;

	memset(m, 0, sizeof *m);
	m->start_by = m->kill_at = m->hush_at = DSRV_NEVER;
	m->give_up_at = DSRV_NEVER;
	m->log_over = !set->logger_enabled;
	if (set->foreground && set->start_timeout > 0)
		m->start_by = now + (int64_t)set->start_timeout * 1000;
	sigemptyset(&untouched);
	if (dsrv_stage()->hup_ignored)
		sigaddset(&untouched, SIGHUP);

	m->roster = dsrv_memory_shared(sizeof *m->roster);
	if (m->roster == NULL)
		return -1;
	if (dsrv_orphans_open(&m->orphans, &m->loop) == -1)
		goto free_roster;
	if (set->logger_enabled && open_log(m) == -1)
		goto close_orphans;
	if (dsrv_loop_open(&m->loop, 4, DSRV_REAP_ALL, NULL, &untouched) == -1)
		goto close_log;
	m->starter_place = dsrv_loop_watch(&m->loop,
	    dsrv_stage()->to_parent, 0);
	dsrv_supervise_open(&m->server, "a server", &m->loop);
	dsrv_supervise_open(&m->logger, "a logger", &m->loop);
	dsrv_orphans_watch(&m->orphans);
	if (set->logger_enabled)
		m->logger.again_at = now;
	else
		m->server.again_at = now;
	dsrv_fdclean_find_listeners();
	return 0;

close_log:
	close_log(m);
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
	close_log(m);
	dsrv_memory_free(m->roster, sizeof *m->roster);
}

static int
finish(struct master *m)
{
	int fatal = dsrv_settings()->master_return_fatal;

	if (m->told)
		dsrv_ready_say(DSRV_READY_ENDED, m->status);
	/* Who ends needs no signals back: one of them could change how. */
	if (fatal != 0)
		close_master(m);
	dsrv_stage_become(DSRV_OVER);
	return dsrv_report_end(m->status, m->status == 0 ? 0 : ECHILD, fatal);
}

static int
refuse(int error)
{
	return dsrv_report_end(1, error, dsrv_settings()->master_return_fatal);
}

static int64_t
next_deadline(const struct master *m)
{
	const int64_t deadlines[] = { m->server.again_at, m->logger.again_at,
		m->start_by, m->kill_at, m->give_up_at, m->orphans.until,
		m->hush_at, dsrv_crashes_due(&m->crashes) };
	int64_t first = DSRV_NEVER;
	int i;

	for (i = 0; i < DSRV_COUNT(deadlines); i++)
		first = dsrv_loop_earlier(first, deadlines[i]);
	return first;
}

static int
loop_as_master(struct master *m)
{
	int child;

	for (;;) {
		m->loop.deadline = next_deadline(m);
		switch (dsrv_loop_next(&m->loop)) {
		case DSRV_EVENT_SIGNAL:
			take(m, dsrv_signals_meaning(m->loop.signo,
			    m->loop.from_kernel));
			break;
		case DSRV_EVENT_CHILD:
			lose_child(m);
			break;
		case DSRV_EVENT_READY:
			if (m->loop.place == m->server.place)
				hear(m);
			else if (m->loop.place == m->logger.place)
				hear_logger(m);
			else if (m->loop.place == m->orphans.place)
				dsrv_orphans_hear(&m->orphans, missed(m));
			else {	/* the starter has died: so has the start */
				dsrv_loop_forget(&m->loop, m->starter_place);
				take(m, SIGTERM);
			}
			break;
		case DSRV_EVENT_TICK:
			if ((child = tick(m)) != NOBODY)
				return child;
			break;
		}
		if (is_over(m))
			return finish(m);
	}
}

int
daemon_master(void)
{
	int error, value, saved = errno;
	struct master m;

	error = dsrv_stage_enter(DSRV_MASTER, "become the master");
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
