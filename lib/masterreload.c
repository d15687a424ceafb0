/*
 * masterreload.c - the next server beside the present one
 *
 * So a reload leaves no gap, and a failed reload changes nothing. HACKING.md
 * has a table of what may happen meanwhile.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>

#include "report.h"
#include "master.h"

enum { DEATH = 1000 /* ms, from the end of its status pipe to its own */ };

static void
start_next(struct master *m)
{
	/* Otherwise another server follows anyway, or none may. */
	if (m->server->child.pid == 0 || m->server->request.asked != 0 ||
	    m->status != -1)
		return;
	if (m->other->child.pid != 0)
		m->postponed.reload = 1;
	else	/* even if a fork has failed a moment ago */
		dsrv_supervise_again(&m->other->child, dsrv_clock_now());
}

void
dsrv_master_reload(struct master *m)
{
	dsrv_notify_reloading();
	start_next(m);
}

void
dsrv_master_reload_again(struct master *m)
{
	if (m->postponed.reload)
		start_next(m);
}

/* Whether the next server could not be forked yet. */
static int
has_unborn(const struct master *m)
{
	return m->other->child.pid == 0 &&
	    dsrv_loop_timer(&m->loop, m->other->child.tag) != DSRV_NEVER;
}

int
dsrv_master_is_reloading(const struct master *m)
{
	return m->postponed.reload || has_unborn(m) || dsrv_master_is_next(m, m->other);
}

static void
exchange(struct master *m)
{
	struct master_server *s = m->server;

	m->server = m->other;
	m->other = s;
	dsrv_loop_set_timer(&m->loop, m->server->hang, DSRV_NEVER);
}

/* Has a server leave at once, and its workers finish. SIGHUP ends a server that
 * has not called daemon_server() yet, and never ends listeners. */
static void
dismiss(struct master *m, struct master_server *s)
{
	__atomic_store_n(&m->shared->on_hup[s - m->servers],
	    DSRV_ON_HUP_LEAVE, __ATOMIC_RELEASE);
	dsrv_master_raise(s, SIGHUP);
	if (!s->pulse.is_aborted)
		dsrv_loop_set_timer(&m->loop, s->hang, DSRV_NEVER);
	dsrv_master_expect_end(m, s);
	dsrv_supervise_signal(&s->child, SIGHUP);
}

/* Signals orphans, too: their server may have died before it could ask them. */
void
dsrv_master_take_over(struct master *m, struct master_server *s)
{
	s->reloads = 0;
	dsrv_orphans_signal(&m->orphans, dsrv_sigtable_to_workers(SIGHUP));
	dsrv_orphans_let_finish(&m->orphans);
	if (s == m->server)	/* it has stepped in */
		return;
	exchange(m);
	dsrv_master_count_restart(m, 1, 0);
	dismiss(m, m->other);
}

int
dsrv_master_step_in(struct master *m)
{
	if (dsrv_master_is_next(m, m->other)) {
		exchange(m);
		return 1;
	}
	if (has_unborn(m)) {	/* the server that follows is enough */
		dsrv_supervise_again(&m->other->child, DSRV_NEVER);
		m->postponed.reload = 1;
	}
	return 0;
}

/*
 * A reload that fails
 */

/* Its status pipe is closed, mostly because the next server is ending. */
void
dsrv_master_doubt_next(struct master *m, struct master_server *s)
{
	dsrv_master_end_within(m, s, DEATH);
}

static void
go_on(const struct master *m, const char *failure)
{
	dsrv_report("reload: the next server %s; the present one goes on",
	    failure);
	if (!m->postponed.reload)
		dsrv_notify_reloaded(failure);
}

void
dsrv_master_give_up(struct master *m, struct master_server *s)
{
	go_on(m, dsrv_loop_watches(&m->loop, s->child.tag) ?
	    "has not called daemon_success() within start_timeout" :
	    "cannot confirm any more");
	dismiss(m, s);
	dsrv_master_reject(m, s);
}

void
dsrv_master_lose_next(struct master *m, const struct master_server *s,
    int status)
{
	if (s->request.asked == 0 && m->server->request.asked == 0)
		go_on(m, dsrv_report_how(status));
}
