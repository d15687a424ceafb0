/*
 * master.c - daemon_master(): keep a server alive; pass signals on
 *
 *     master ---- server
 *     loops here  returns, each time anew
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
	FORK_PAUSE = 100,	/* ms, doubling */
	FORK_PAUSE_MAX = 10000
};

struct master {
	struct dsrv_loop loop;
	struct dsrv_history history;
	struct dsrv_roster *roster;	/* the server's children */
	struct dsrv_children strays;	/* orphans that cannot be adopted */
	int adopting;		/* whether this process did; -1: it cannot */
	pid_t server;		/* 0: there is none now */
	int64_t born;
	int from_server;
	int server_place;
	int starter_place;
	int confirmed;		/* the start has succeeded */
	unsigned asked;		/* of the server that there is, ... */
	unsigned obeyed;	/* ... and what it has passed on to workers */
	int signo;		/* that has asked for most */
	int timed_out;
	int told;		/* why the start has failed */
	int later;		/* the signal to take at the first success */
	int fork_failures;	/* in a row */
	int64_t again_at;	/* when to fork a server */
	int64_t start_by;	/* in foreground: success must come first */
	int64_t kill_at;	/* when those who do not obey are killed */
	int killing;		/* since then */
	int ending;
	int status;		/* ending: with this */
};

static int
orphans(const struct master *m)
{
	return dsrv_children_count(&m->loop.children) - (m->server != 0);
}

/*
 * Signals
 */

static void
signal_orphans(struct master *m, int signo)
{
	pid_t pid;
	int i;

	for (i = 0; i < dsrv_children_count(&m->loop.children); i++) {
		pid = dsrv_children_at(&m->loop.children, i);
		if (pid != m->server)
			kill(pid, signo);
	}
	/* A stray's pid may be another process by now; not in our session. */
	for (i = dsrv_children_count(&m->strays) - 1; i >= 0; i--) {
		pid = dsrv_children_at(&m->strays, i);
		if (getsid(pid) == getsid(0))
			kill(pid, signo);
		else
			dsrv_children_remove(&m->strays, pid);
	}
}

/* From now on those who do not obey have only so long. */
static void
limit_patience(struct master *m)
{
	int64_t grace = m->confirmed ?
	    (int64_t)dsrv_settings()->stop_timeout * 1000 : DSRV_START_GRACE;

	if (m->kill_at == DSRV_NEVER && grace > 0)
		m->kill_at = dsrv_loop_now() + grace;
}

/* Adds what signo asks for; whether that is more than before. */
static int
ask(struct master *m, int signo)
{
	if (!dsrv_signals_raise(&m->asked, signo))
		return 0;
	m->signo = signo;
	signal_orphans(m, dsrv_signals_to_workers(signo));
	if (m->asked & DSRV_ASK_FOR_GOOD) {
		dsrv_fdclean_listeners();
		if (m->asked & DSRV_ASK_AT_ONCE)
			limit_patience(m);
	}
	return 1;
}

static void
kill_all(struct master *m)
{
	m->kill_at = DSRV_NEVER;
	m->killing = 1;
	if (m->server != 0) {
		kill(m->server, SIGCONT);
		kill(m->server, SIGKILL);
	}
	signal_orphans(m, SIGCONT);
	signal_orphans(m, SIGKILL);
}

static void
end(struct master *m, int status)
{
	if (m->ending)
		return;
	m->ending = 1;
	m->status = status;
	m->again_at = DSRV_NEVER;
	if (!(m->asked & DSRV_ASK_FOR_GOOD)) {
		dsrv_fdclean_listeners();
		signal_orphans(m, SIGTERM);
	}
	limit_patience(m);
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
	raised = ask(m, signo);
	/* Even if not: the program may have taken the last one for itself,
	 * before daemon_server(), which else does nothing twice. */
	if (m->server != 0)
		kill(m->server, signo);
	else if (!raised)
		return;
	else if (m->asked & DSRV_ASK_FOR_GOOD)
		end(m, m->confirmed ? 0 : 1);
	else if (!m->ending)
		m->again_at = dsrv_loop_now();
}

/*
 * The server's birth, words and end
 */

static void
fork_failed(struct master *m, const char *what)
{
	int error = errno;

	if (m->fork_failures++ == 0)
		dsrv_report("%s: %s", what, strerror(error));
	if (!m->confirmed) {
		m->told = 1;
		end(m, 1);
	} else
		m->again_at = dsrv_loop_now() + dsrv_restart_pause(
		    m->fork_failures, FORK_PAUSE, FORK_PAUSE_MAX);
}

/* Whether this is the new server. */
static int
fork_server(struct master *m)
{
	int to_parent;
	pid_t pid;

	m->again_at = DSRV_NEVER;
	m->asked = m->obeyed = 0;
	m->roster->count = 0;
	m->roster->orphans = orphans(m);
	if (dsrv_ready_pipe(&m->from_server, &to_parent) == -1) {
		fork_failed(m, "open a pipe for the server");
		return 0;
	}
	if ((pid = dsrv_loop_fork(&m->loop)) == 0) {
		close(m->from_server);
		dsrv_stage_connect(to_parent, m->roster);
		dsrv_stage_become(DSRV_STARTING);
		return 1;
	}
	close(to_parent);
	if (pid == -1) {
		close(m->from_server);
		fork_failed(m, "fork a server");
		return 0;
	}
	m->fork_failures = 0;
	m->server = pid;
	m->born = dsrv_loop_now();
	dsrv_loop_rewatch(&m->loop, m->server_place, m->from_server, POLLIN);
	return 0;
}

static void
confirm(struct master *m)
{
	int foreground = dsrv_settings()->foreground;

	if (m->confirmed || m->asked & DSRV_ASK_FOR_GOOD)
		return;
	m->confirmed = 1;
	m->start_by = DSRV_NEVER;
	/* First: the starter reads the relay to its end when it hears. */
	if (!foreground)
		dsrv_descriptors_null(1, 2);
	dsrv_report_to(foreground ? DSRV_REPORT_STDERR : DSRV_REPORT_SYSLOG);
	dsrv_ready_say(DSRV_READY_SUCCESS, 0);
	dsrv_loop_forget(&m->loop, m->starter_place);
	dsrv_stage_disconnect();
	if (m->later != 0)
		take(m, m->later);
}

static void
hear(struct master *m)
{
	int number = 0;

	for (;;)
		switch (dsrv_ready_hear(m->from_server, &number)) {
		case DSRV_READY_SUCCESS:
			confirm(m);
			break;
		case DSRV_READY_ASKED:
			m->obeyed |= dsrv_signals_ask(number);
			ask(m, number);
			break;
		case DSRV_READY_GONE:
			dsrv_loop_forget(&m->loop, m->server_place);
			/* It ends now, or it can never succeed. */
			if (!m->confirmed && m->server != 0) {
				kill(m->server, SIGTERM);
				limit_patience(m);
			}
			return;
		default:
			return;
		}
}

static void
adopt_workers(struct master *m)
{
	int i, count = m->roster->count;
	pid_t pid;

	for (i = 0; i < count && i < DSRV_COUNT(m->roster->pids); i++) {
		pid = m->roster->pids[i];
		/* Without a session of our own a stray cannot be told from
		 * others. */
		if (dsrv_loop_adopt(&m->loop, pid) == -1) {
			if (m->adopting != -1 || pid <= 1 ||
			    dsrv_settings()->foreground ||
			    getsid(pid) != getsid(0))
				continue;
			dsrv_children_add(&m->strays, pid);
		}
		/* The server died before it could pass it on. */
		if (m->asked & ~m->obeyed)
			kill(pid, dsrv_signals_to_workers(m->signo));
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
bury(struct master *m)
{
	struct dsrv_verdict verdict;
	struct dsrv_end seen;
	int status = m->loop.status;

	m->server = 0;
	hear(m);	/* what it wrote came before its end */
	dsrv_loop_forget(&m->loop, m->server_place);
	close(m->from_server);
	adopt_workers(m);
	if (WIFSIGNALED(status))	/* it has obeyed, whoever sent it */
		ask(m, WTERMSIG(status));

	seen.asked = m->asked;
	seen.confirmed = m->confirmed;
	seen.status = status;
	seen.lived = dsrv_loop_now() - m->born;
	verdict = dsrv_restart_judge(&m->history, &seen);
	report_end(m, status, verdict.again);
	if (verdict.again)
		m->again_at = dsrv_loop_now() + verdict.pause;
	else
		end(m, verdict.status);
	if (m->killing)	/* its workers have had their time */
		kill_all(m);
}

static void
lose_child(struct master *m)
{
	if (m->loop.pid == m->server) {
		bury(m);
		return;
	}
	/* The server may have been waiting for the place. */
	m->roster->orphans = orphans(m);
	if (m->server != 0)
		kill(m->server, SIGCHLD);
}

/*
 * Time
 */

/* Whether this is a new server. */
static int
tick(struct master *m)
{
	int64_t now = dsrv_loop_now();

	if (now >= m->kill_at)
		kill_all(m);
	if (now >= m->start_by) {
		m->start_by = DSRV_NEVER;
		m->timed_out = 1;
		take(m, SIGTERM);
	}
	return now >= m->again_at && fork_server(m);
}

/*
 * The stage
 */

static int
open_master(struct master *m)
{
	sigset_t untouched;
	int seconds = dsrv_settings()->start_timeout;

	memset(m, 0, sizeof *m);
	m->start_by = m->kill_at = DSRV_NEVER;
	m->again_at = dsrv_loop_now();
	if (dsrv_settings()->foreground && seconds > 0)
		m->start_by = m->again_at + (int64_t)seconds * 1000;
	sigemptyset(&untouched);
	if (dsrv_stage()->hup_ignored)
		sigaddset(&untouched, SIGHUP);

	m->roster = dsrv_memory_shared(sizeof *m->roster);
	if (m->roster == NULL)
		return -1;
	if (dsrv_children_open(&m->strays, NULL) == -1)
		goto free_roster;
	if (dsrv_loop_open(&m->loop, 2, DSRV_REAP_ALL, NULL, &untouched) == -1)
		goto close_strays;
	m->starter_place = dsrv_loop_watch(&m->loop,
	    dsrv_stage()->to_parent, 0);
	m->server_place = dsrv_loop_watch(&m->loop, -1, POLLIN);
	m->adopting = dsrv_loop_adopting(1);
	return 0;

close_strays:
	dsrv_children_close(&m->strays);
free_roster:
	dsrv_memory_free(m->roster, sizeof *m->roster);
	return -1;
}

static void
close_master(struct master *m)
{
	if (m->adopting == 0)
		dsrv_loop_adopting(0);
	dsrv_loop_close(&m->loop);
	dsrv_children_close(&m->strays);
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

int
daemon_master(void)
{
	int error, saved = errno;
	struct master m;

	error = dsrv_stage_enter(DSRV_MASTER, "become the master");
	if (error != 0)
		return refuse(error);
	if (open_master(&m) == -1) {
		error = errno;
		dsrv_report("become the master: %s", strerror(error));
		return refuse(error);
	}
	for (;;) {
		m.loop.deadline = dsrv_loop_earlier(m.again_at,
		    dsrv_loop_earlier(m.start_by, m.kill_at));
		switch (dsrv_loop_next(&m.loop)) {
		case DSRV_EVENT_SIGNAL:
			take(&m, m.loop.signo);
			break;
		case DSRV_EVENT_CHILD:
			lose_child(&m);
			break;
		case DSRV_EVENT_READY:
			if (m.loop.place == m.server_place)
				hear(&m);
			else {	/* the starter has died: so has the start */
				dsrv_loop_forget(&m.loop, m.starter_place);
				take(&m, SIGTERM);
			}
			break;
		case DSRV_EVENT_TICK:
			if (tick(&m)) {
				errno = saved;
				return DAEMON_SERVER;
			}
			break;
		}
		if (m.ending && m.server == 0 && orphans(&m) == 0)
			return finish(&m);
	}
}
