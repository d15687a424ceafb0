/*
 * serverstop.c - how a server is asked to end, and what it asks of its workers
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>

#include "report.h"
#include "role.h"
#include "server.h"

static void
signal_workers(struct server *s, int signo)
{
	struct dsrv_refused refused = { 0 };
	pid_t pid;
	int i;

	for (i = 0; i < dsrv_loop_children(&s->loop); i++) {
		pid = dsrv_loop_child_at(&s->loop, i);
		if (kill(pid, signo) == -1)
			dsrv_refused_add(&refused, pid);
	}
	dsrv_refused_say(&refused, signo);
}

static void
end_listeners(struct server *s)
{
	dsrv_accept_stop(&s->acceptor);
	/* Even those that are not in the list. */
	dsrv_ports_end(&s->loop, dsrv_role()->roster->has_spares);
}

static void
dismiss_spares(struct server *s)
{
	dsrv_pool_release();
	dsrv_loop_set_timer(&s->loop, SPARES, DSRV_NEVER);
}

void
dsrv_server_obey(struct server *s, int signo)
{
	int64_t seconds = dsrv_settings()->drain_timeout;

	if (!dsrv_sigtable_raise(&s->asked, signo))
		return;
	signal_workers(s, dsrv_sigtable_to_workers(signo));
	/* If this process dies now, the master need not repeat the signal, nor
	 * take the end for a failure if the master was not asked. */
	dsrv_statuspipe_say(DSRV_STATUS_ASKED, signo);
	/* First: a child that ends listeners must not keep spares waiting. */
	if (s->pool.is_open)
		dismiss_spares(s);
	if (s->asked & DSRV_ASK_FOR_GOOD)
		end_listeners(s);
	if (seconds > 0 && dsrv_loop_timer(&s->loop, DRAIN) == DSRV_NEVER)
		dsrv_loop_set_timer(&s->loop, DRAIN,
		    dsrv_clock_now() + seconds * 1000);
}

void
dsrv_server_lose_master(struct server *s)
{
	dsrv_loop_forget(&s->loop, MASTER);
	dsrv_report("go on: the master is gone");
	s->asked |= DSRV_ASK_LEAVE | DSRV_ASK_FOR_GOOD;
	if (s->pool.is_open) {
		dismiss_spares(s);
		signal_workers(s, dsrv_sigtable_to_workers(SIGUSR2));
	}
	end_listeners(s);
}

/* The workers become children of the master, which need not signal them
 * again. */
void
dsrv_server_stop_draining(struct server *s)
{
	signal_workers(s, SIGTERM);
	s->asked |= DSRV_ASK_AT_ONCE;
	dsrv_statuspipe_say(DSRV_STATUS_ASKED, SIGUSR1);
}
