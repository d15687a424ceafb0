/*
 * serverstop.c - how a server is asked to end, and what it asks of its workers
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

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
	/* All of them, even if they are not in the list. */
	dsrv_ports_end(&s->loop, dsrv_role()->shared->has_spares);
}

static void
dismiss_spares(struct server *s)
{
	dsrv_pool_release();
	dsrv_loop_set_timer(&s->loop, SPARES, DSRV_NEVER);
}

/* Another server serves, and the master waits for the workers. */
static int
is_replaced(void)
{
	return dsrv_role_on_hup() == DSRV_ON_HUP_LEAVE;
}

static void
begin_to_drain(struct server *s)
{
	int64_t seconds = dsrv_settings()->drain_timeout;

	if (seconds > 0 && dsrv_loop_timer(&s->loop, DRAIN) == DSRV_NEVER)
		dsrv_loop_set_timer(&s->loop, DRAIN,
		    dsrv_clock_now() + seconds * 1000);
}

static void
obey(struct server *s, int signo)
{
	if (!dsrv_sigtable_raise(&s->asked, signo))
		return;
	signal_workers(s, dsrv_sigtable_to_workers(signo));
	/* If this process dies now, the master need not repeat the signal, nor
	 * take the end for a failure if the master was not asked. */
	dsrv_statuspipe_say(DSRV_STATUS_ASKED, signo);
	/* Before a child that ends listeners, which must not keep spares
	 * waiting. */
	if (s->pool.is_open)
		dismiss_spares(s);
	if (s->asked & DSRV_ASK_FOR_GOOD)
		end_listeners(s);
	else if (is_replaced())	/* which are another's now */
		dsrv_accept_stop(&s->acceptor);
	if (!is_replaced())
		begin_to_drain(s);
}

/* Of two that have merged the kernel names the sender of the first: if that is
 * not the master, one more server is to follow. */
void
dsrv_server_take(struct server *s)
{
	int signo = dsrv_sigtable_meaning(s->loop.signo, s->loop.from_kernel);
	enum dsrv_on_hup on_hup = dsrv_role_on_hup();

	if (signo == SIGHUP && (on_hup == DSRV_ON_HUP_ASK ||
	    (on_hup == DSRV_ON_HUP_LEAVE && s->loop.sender != getppid())))
		dsrv_statuspipe_say(DSRV_STATUS_RELOAD, 0);
	if (signo != SIGHUP || on_hup != DSRV_ON_HUP_ASK)
		obey(s, signo);
}

/* The master may not send it signals, or the program took that one. */
void
dsrv_server_see_successor(struct server *s)
{
	if (s->asked == 0 && is_replaced())
		obey(s, SIGHUP);
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

/*
 * The end
 */

/* One that is replaced still gives the client that it has a worker, but waits
 * for no other. */
int
dsrv_server_is_over(const struct server *s)
{
	if (s->asked & DSRV_ASK_AT_ONCE || s->acceptor.usable == 0)
		return 1;
	return s->asked && s->client.conn == -1 &&
	    s->acceptor.taker.pid == 0 && (is_replaced() ||
	    (s->farewell.count == 0 && dsrv_loop_children(&s->loop) == 0));
}

/* The program goes on in this process. */
static void
close_server(struct server *s)
{
	dsrv_pulse_end();
	dsrv_loop_close(&s->loop);
	dsrv_accept_close(&s->acceptor);
	dsrv_server_close_limits(s);
	if (s->pool.is_open)
		dsrv_pool_close();
	dsrv_progress_close();
	dsrv_birth_close();
}

/* They may ask for more than what ends this process, and would be lost with
 * it. */
static void
take_last_signals(struct server *s)
{
	while (dsrv_loop_last_signal(&s->loop))
		dsrv_server_take(s);
}

static void __attribute__((noreturn))
leave(struct server *s, int error)
{
	fflush(NULL);
	dsrv_report_flush(1);
	take_last_signals(s);	/* after what may have taken a second */
	dsrv_report_leave(error != 0 || s->asked & DSRV_ASK_FOR_GOOD);
}

int
dsrv_server_finish(struct server *s)
{
	int fatal = dsrv_settings()->server_return_fatal, error = 0;

	take_last_signals(s);
	dsrv_busy_end(&s->busy);
	dsrv_crashes_end(&s->crashes, s->asked);
	dsrv_server_hear_of_headers(s);
	dsrv_denials_end(&s->denials);
	dsrv_overtime_end(&s->overtime);
	if (s->acceptor.usable == 0) {
		error = EBADF;
		dsrv_report("serve: no listening socket is left");
	}
	dsrv_accept_leave(&s->acceptor);
	while (dsrv_farewell_end_oldest(&s->farewell))
		;
	/* An exit closes it and does not linger. */
	if (s->client.conn != -1 && fatal != 0)
		dsrv_farewell_leave(s->client.conn);
	/* Do not restore signals before exiting: one of them could change the
	 * exit status. */
	if (fatal == 0)
		leave(s, error);
	close_server(s);
	dsrv_role_become(DSRV_OVER);
	return dsrv_report_end(error != 0 || s->asked & DSRV_ASK_FOR_GOOD,
	    error, fatal);
}
