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

/* Returns what this process is now: a new server, or still the master. */
static int
handle_server_timer(struct master *m, struct master_server *s)
{
	if (s->child.pid == 0)
		return dsrv_master_fork_server(m, s) ? DAEMON_SERVER : NOBODY;
	dsrv_supervise_signal(&s->child, s->child.refused);
	return NOBODY;
}

/* Returns the same, or that this is a new logger. */
static int
handle_timer(struct master *m)
{
	struct master_server *s;

	switch (m->loop.tag) {
	case PHASE:
		dsrv_master_go_on(m);
		break;
	case ORPHANS:
		dsrv_orphans_forget(&m->orphans);
		break;
	case CRASHES:
		dsrv_crashes_look(&m->of_orphans.crashes, DSRV_ASK_LEAVE);
		break;
	case OVERTIME:
		dsrv_overtime_look(&m->of_orphans.overtime);
		break;
	case DRAIN:
		dsrv_orphans_drain(&m->orphans);
		break;
	case HANG:
	case OTHER_HANG:
		s = &m->servers[m->loop.tag - HANG];
		dsrv_master_hear_server(m, s);	/* a success counts */
		dsrv_master_end_hung_server(m, s);
		break;
	case PULSE:
		dsrv_master_feel_pulse(m);
		break;
	case NOTIFY:
		dsrv_notify_look(dsrv_master_workers(m), dsrv_master_limit(m));
		break;
	case LOGGER:
		if (m->log.logger.pid == 0)
			return dsrv_master_fork_logger(m) ? DAEMON_LOGGER : NOBODY;
		dsrv_supervise_signal(&m->log.logger, m->log.logger.refused);
		break;
	case SERVER:
	case OTHER_SERVER:
		return handle_server_timer(m, &m->servers[m->loop.tag - SERVER]);
	}
	return NOBODY;
}

static void
handle_fd(struct master *m)
{
	switch (m->loop.tag) {
	case STARTER:	/* it has died, so the start has failed */
		dsrv_loop_forget(&m->loop, STARTER);
		dsrv_master_take(m, SIGTERM);
		break;
	case SERVER:
	case OTHER_SERVER:
		dsrv_master_hear_server(m, &m->servers[m->loop.tag - SERVER]);
		break;
	case LOGGER:
		if (dsrv_keeplog_hear(&m->log) && m->status == -1)
			dsrv_supervise_again(&m->server->child,
			    dsrv_clock_now());
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
	dsrv_master_open_servers(m);
	dsrv_supervise_open(&m->log.logger, "a logger", &m->loop, LOGGER);
	dsrv_supervise_again(dsrv_settings()->logger_enabled ?
	    &m->log.logger : &m->server->child, dsrv_clock_now());
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
	m->shared = dsrv_memory_shared(sizeof *m->shared);
	if (m->shared == NULL)
		return -1;
	if (dsrv_orphans_open(&m->orphans, &m->loop, &m->of_orphans.overtime, ORPHANS,
	    DRAIN) == -1)
		goto free_shared;
	if (dsrv_keeplog_open(&m->log) == -1)
		goto close_orphans;
	if (dsrv_loop_open(&m->loop, TAGS, DSRV_REAP_ALL, NULL,
	    &untouched) == -1)
		goto close_log;
	if (dsrv_statusfile_open(&m->shown.file, &m->loop, STATUS) == -1)
		goto close_loop;
	m->postponed.signal = dsrv_process1_pending();
	dsrv_loop_watch(&m->loop, STARTER, dsrv_role()->held[DSRV_TO_PARENT], 0);
	dsrv_crashes_open(&m->of_orphans.crashes, &m->loop, CRASHES);
	dsrv_overtime_open(&m->of_orphans.overtime, &m->loop, OVERTIME);
	dsrv_master_enter(m, DSRV_PHASE_STARTING);
	first_child(m);
	dsrv_master_feel_pulse(m);
	dsrv_orphans_begin(&m->orphans);
	dsrv_ports_find();
	return 0;

close_loop:
	dsrv_loop_close(&m->loop);
close_log:
	dsrv_keeplog_close(&m->log);
close_orphans:
	dsrv_orphans_close(&m->orphans);
free_shared:
	dsrv_memory_free(m->shared, sizeof *m->shared);
	return -1;
}

static void
close_master(struct master *m)
{
	dsrv_statusfile_close(&m->shown.file);
	dsrv_orphans_close(&m->orphans);
	dsrv_loop_close(&m->loop);
	dsrv_keeplog_close(&m->log);
	dsrv_memory_free(m->shared, sizeof *m->shared);
}

static int
finish_master(struct master *m)
{
	int fatal = dsrv_settings()->master_return_fatal;

	dsrv_unixsocket_remove(m->confirmed);
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

/* Without adoption, the workers that a server leaves would have no parent. */
static int
check_overlap(void)
{
	int was;

	if (!dsrv_settings()->reload_overlap)
		return 0;
	if ((was = dsrv_reap_adopting(1)) == -1) {
		dsrv_report("overlap reloads: this system cannot have the "
		    "master adopt workers");
		return ENOTSUP;
	}
	if (was == 0)
		dsrv_reap_adopting(0);
	return 0;
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
			/* A success that was reported before the signal
			 * counts. */
			if (!m->confirmed && m->server->child.pid != 0)
				dsrv_master_hear_server(m, m->server);
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
		dsrv_master_show_status(m);
		dsrv_keeplog_wake(&m->log);
	}
}

int
daemon_master(void)
{
	int error, value, saved = errno;
	struct master m;

	if ((error = dsrv_role_enter(DSRV_MASTER, "become the master")) != 0 ||
	    (error = dsrv_pidfile_check()) != 0 ||
	    (error = dsrv_statusfile_check()) != 0 ||
	    (error = check_overlap()) != 0)
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
