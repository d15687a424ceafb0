/*
 * serveradmit.c - whether a server lets another client in
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "role.h"
#include "server.h"

static int
has_spares(const struct server *s)
{
	return s->pool.is_open;
}

static int
has_room(const struct server *s)
{
	return dsrv_loop_children(&s->loop) + dsrv_role()->roster->orphans <
	    dsrv_settings()->worker_count_max;
}

/* No spare waits for a client, and none can be forked. */
static int
is_full(const struct server *s)
{
	return !has_room(s) && !(has_spares(s) && dsrv_slots_any_wait());
}

int
dsrv_server_is_pausing(const struct server *s)
{
	return dsrv_loop_timer(&s->loop, FORK) != DSRV_NEVER;
}

int
dsrv_server_may_fork(const struct server *s)
{
	return !s->asked && s->client.conn == -1 &&
	    !dsrv_server_is_pausing(s) && has_room(s);
}

void
dsrv_server_watch_clients(struct server *s)
{
	dsrv_accept_watch(&s->acceptor, !has_spares(s) &&
	    dsrv_server_may_fork(s));
	/* The last one to be taken tells that all are busy. First: one that
	 * leaves its slot at this moment sees it or is counted below. */
	if (has_spares(s) && !has_room(s) && !s->asked && s->busy.since == 0)
		dsrv_slots_allow_call(DSRV_CALL_IF_NONE);
	dsrv_loop_set_timer(&s->loop, BUSY, s->asked ? DSRV_NEVER :
	    dsrv_busy_watch(&s->busy, is_full(s), &s->acceptor));
}
