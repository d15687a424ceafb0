/*
 * master.c - daemon_master(): keep a server and a logger alive; pass signals on
 *
 *     master -+- server
 *     loops   |  returns in each server
 *     here    `- logger
 *                returns in each logger; the first before the first server
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "start.h"
#include "listeners.h"
#include "master.h"

enum { NOBODY = -1 };	/* beside DAEMON_SERVER and DAEMON_LOGGER */

/*
 * Events
 */

/* Of all servers; spares count too. */
static int
workers(const struct master *m)
{
	int count = m->server.pid != 0 ? m->roster->count : 0;

	return (count < 0 || count > DSRV_WORKERS_MAX ? 0 : count) +
	    m->orphans.count;
}

/* Returns what this process is now: a new child, or still the master. */
static int
handle_timer(struct master *m)
{
	switch (m->loop.tag) {
	case PHASE:
		dsrv_master_go_on(m);
		break;
	case ORPHANS:
		dsrv_orphans_forget(&m->orphans);
		break;
	case CRASHES:
		dsrv_crashes_look(&m->crashes, DSRV_ASK_LEAVE);
		break;
	case OVERTIME:
		dsrv_overtime_look(&m->overtime);
		break;
	case HANG:
		dsrv_master_end_hung_server(m);
		break;
	case PULSE:
		dsrv_master_feel_pulse(m);
		break;
	case NOTIFY:
		dsrv_notify_look(workers(m));
		break;
	case LOGGER:
		if (m->log.logger.pid == 0)
			return dsrv_master_fork_logger(m) ? DAEMON_LOGGER : NOBODY;
		dsrv_supervise_signal(&m->log.logger, m->log.logger.refused);
		break;
	case SERVER:
		if (m->server.pid == 0)
			return dsrv_master_fork_server(m) ? DAEMON_SERVER : NOBODY;
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
		dsrv_master_take(m, SIGTERM);
		break;
	case SERVER:
		dsrv_master_hear_server(m);
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
	dsrv_overtime_open(&m->overtime, &m->loop, OVERTIME);
	dsrv_master_enter(m, DSRV_PHASE_STARTING);
	first_child(m);
	dsrv_master_feel_pulse(m);
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

	dsrv_unixsocket_remove();
	if (m->reason_given)
		dsrv_statuspipe_say(DSRV_STATUS_ENDED, m->status);
	/* Do not restore signals before exiting: one of them could change the
	 * exit status. */
	if (fatal != 0)
		close_master(m);
	dsrv_pidfile_remove();
	dsrv_role_become(DSRV_OVER);
	return dsrv_report_end(m->status, m->status == 0 ? 0 : ECHILD, fatal);
}

static int
refuse(int error)
{
	return dsrv_report_end(1, error, dsrv_settings()->master_return_fatal);
}

static int
loop_as_master(struct master *m)
{
	int child;

	for (;;) {
		dsrv_master_share_orphans(m);
		dsrv_loop_set_timer(&m->loop, NOTIFY, dsrv_notify_when());
		switch (dsrv_loop_next(&m->loop)) {
		case DSRV_EVENT_SIGNAL:
			/* A success that came before it counts. */
			if (!m->confirmed && m->server.pid != 0)
				dsrv_master_hear_server(m);
			dsrv_master_take(m, dsrv_sigtable_meaning(m->loop.signo,
			    m->loop.from_kernel));
			break;
		case DSRV_EVENT_CHILD:
			dsrv_master_lose_child(m);
			break;
		case DSRV_EVENT_FD:
			handle_fd(m);
			break;
		case DSRV_EVENT_TIMER:
			if ((child = handle_timer(m)) != NOBODY)
				return child;
			break;
		}
		if (dsrv_master_is_over(m))
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
	if (error == 0)
		error = dsrv_pidfile_check();
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
