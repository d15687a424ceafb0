/*
 * serveradmit.c - whether a server admits another client
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <unistd.h>

#include "report.h"
#include "role.h"
#include "server.h"
#include "visible.h"

static int
has_spares(const struct server *s)
{
	return s->pool.is_open;
}

/*
 * Limits
 */

static void
close_sources(struct server *s)
{
	if (s->sources.slots != NULL)
		dsrv_source_close(&s->sources);
	if (s->hosts.slots != NULL)
		dsrv_source_close(&s->hosts);
}

/* For $TCPCONNNUM, sources are whole addresses. */
static int
open_sources(struct server *s)
{
	const struct dsrv_admission *set = dsrv_admission();
	int limited = set->source_worker_max > 0;
	int counted = dsrv_visible()->worker_environment &&
	    dsrv_settings()->worker_spare_count == 0;
	uint64_t key[2];

	if (limited || counted)
		dsrv_random_fill(key, sizeof key);
	if (limited && dsrv_source_open(&s->sources,
	    set->source_ipv4_bits, set->source_ipv6_bits, key) == -1)
		return -1;
	if (counted && dsrv_source_open(&s->hosts, 32, 128, key) == -1) {
		close_sources(s);
		return -1;
	}
	return 0;
}

int
dsrv_server_open_limits(struct server *s)
{
	const struct dsrv_admission *set = dsrv_admission();

	if (set->accept_rate_count > 0)
		dsrv_rate_open(&s->rate, set->accept_rate_count,
		    set->accept_rate_seconds, dsrv_clock_now());
	dsrv_role()->roster->time_max = set->worker_time_max;
	dsrv_overtime_open(&s->overtime, &s->loop, OVERTIME);
	dsrv_denials_open(&s->denials, &s->loop, DENIALS);
	if (dsrv_proxied_open() == -1)
		return -1;
	if (open_sources(s) == 0)
		return 0;
	dsrv_proxied_close();
	return -1;
}

void
dsrv_server_close_limits(struct server *s)
{
	dsrv_proxied_close();
	close_sources(s);
}

/*
 * Room
 */

int
dsrv_server_workers(const struct server *s)
{
	return dsrv_loop_workers(&s->loop) + dsrv_role_others();
}

static int
has_room(const struct server *s)
{
	return dsrv_server_workers(s) < dsrv_settings()->worker_count_max;
}

/* Whether no spare waits for a client, and none can be forked. */
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

/* Whether it is ready for another client, given that there is room. */
static int
is_ready(const struct server *s)
{
	return !s->asked && s->client.conn == -1 &&
	    s->acceptor.taker.pid == 0 && !dsrv_server_is_pausing(s);
}

int
dsrv_server_may_fork(const struct server *s)
{
	return is_ready(s) && has_room(s);
}

/* If so, sets the timer for when it is over. */
static int
is_too_fast(struct server *s)
{
	int64_t now, left;

	if (s->rate.count == 0)
		return 0;
	now = dsrv_clock_now();
	left = dsrv_rate_wait(&s->rate, now);
	dsrv_loop_set_timer(&s->loop, RATE, left > 0 ? now + left :
	    DSRV_NEVER);
	return left > 0;
}

/* Which listeners to accept from: without room, only those whose clients may be
 * refused. */
static enum dsrv_accept
may_accept(struct server *s)
{
	if (has_spares(s) || !is_ready(s))
		return DSRV_ACCEPT_NONE;
	if (has_room(s))
		return is_too_fast(s) ? DSRV_ACCEPT_NONE : DSRV_ACCEPT_ALL;
	return dsrv_admission()->worker_refuse ? DSRV_ACCEPT_NOT_UNIX :
	    DSRV_ACCEPT_NONE;
}

void
dsrv_server_watch_clients(struct server *s)
{
	dsrv_accept_watch(&s->acceptor, may_accept(s));
	/* The last spare to be taken reports that all are busy. Before
	 * counting: a spare that leaves its slot right now sees the flag, or is
	 * counted below. */
	if (has_spares(s) && !has_room(s) && !s->asked && s->busy.since == 0)
		dsrv_slots_allow_call(DSRV_CALL_IF_NONE);
	if (s->asked && !is_full(s))
		dsrv_busy_end(&s->busy);
	dsrv_loop_set_timer(&s->loop, BUSY, s->asked ? DSRV_NEVER :
	    dsrv_busy_watch(&s->busy, is_full(s), &s->acceptor));
}

int
dsrv_server_still_accepts(struct server *s)
{
	return may_accept(s) == s->acceptor.watched;
}

/*
 * One client
 */

void
dsrv_server_look_at_farewell(struct server *s)
{
	dsrv_loop_set_timer(&s->loop, FAREWELL,
	    dsrv_farewell_look(&s->farewell));
}

/* Whether the client counts: local clients have no source. */
static int
has_source(const struct dsrv_sources *sources, struct dsrv_host *host,
    const struct sockaddr *addr, socklen_t len)
{
	if (sources->slots == NULL)
		return 0;
	dsrv_host_from(host, addr, len);
	return host->kind == DSRV_HOST_IPV4 || host->kind == DSRV_HOST_IPV6;
}

static int
source_is_full(const struct server *s)
{
	struct dsrv_host host;

	return has_source(&s->sources, &host,
	    (const struct sockaddr *)&s->client.addr, s->client.len) &&
	    dsrv_source_count(&s->sources, &host) >=
	    dsrv_admission()->source_worker_max;
}

/* Never a client of a Unix-domain socket: see enum dsrv_accept. */
static int
may_refuse(const struct server *s)
{
	return !s->acceptor.listeners[s->client.listener].is_unix;
}

/* Why the client is not admitted; DSRV_DENIALS: it is. */
static enum dsrv_denial
verdict(const struct server *s)
{
	if (!may_refuse(s))
		return DSRV_DENIALS;
	if (dsrv_admission()->worker_refuse && !has_room(s))
		return DSRV_DENIED_BUSY;
	return source_is_full(s) ? DSRV_DENIED_SOURCE : DSRV_DENIALS;
}

static struct dsrv_tally *
tally(void)
{
	return &dsrv_role()->roster->tally;
}

static void
deny(struct server *s, enum dsrv_denial why)
{
	struct dsrv_address client;

	dsrv_address_keep(&client, (const struct sockaddr *)&s->client.addr,
	    s->client.len);
	dsrv_denials_add(&s->denials, why, 0, &client, 1);
	dsrv_tally_refuse(tally(), (int)why, 1);
	dsrv_farewell_say(&s->farewell, s->client.conn,
	    dsrv_admission()->refuse_text);
	s->client.conn = -1;
	/* A timer that is set already must not be postponed by later
	 * clients. */
	if (dsrv_loop_timer(&s->loop, FAREWELL) == DSRV_NEVER)
		dsrv_server_look_at_farewell(s);
}

static void
admit(struct server *s)
{
	enum dsrv_denial why = verdict(s);
	struct dsrv_host host;

	if (why != DSRV_DENIALS) {
		deny(s, why);
		return;
	}
	if (s->rate.count > 0)
		dsrv_rate_take(&s->rate, dsrv_clock_now());
	if (has_source(&s->hosts, &host,
	    (const struct sockaddr *)&s->client.addr, s->client.len))
		s->client.same = dsrv_source_count(&s->hosts, &host) + 1;
}

static int
accept_from(struct server *s, int index)
{
	if (dsrv_accept_may_sleep(&s->acceptor, index))
		return dsrv_accept_begin(&s->acceptor, index);
	return dsrv_accept_from(&s->acceptor, index, &s->client);
}

void
dsrv_server_accept(struct server *s, int index)
{
	int error;

	/* It may lack what refused clients still hold. */
	do
		error = accept_from(s, index);
	while (error != 0 && dsrv_listener_why(error) ==
	    DSRV_LISTENER_SYSTEM && dsrv_farewell_end_oldest(&s->farewell));
	if (error != 0)
		dsrv_accept_fail(&s->acceptor, index, error);
	else if (s->client.conn != -1)
		admit(s);
}

int
dsrv_server_lose_helper(struct server *s)
{
	if (dsrv_accept_end(&s->acceptor, &s->loop.ended, &s->client) == 0)
		admit(s);
	return dsrv_accept_lose(&s->acceptor, &s->loop.ended) ||
	    s->loop.ended.child.is_helper;
}

void
dsrv_server_hear_of_headers(struct server *s)
{
	enum dsrv_proxied_failure failure;
	struct dsrv_address client;
	int count = dsrv_proxied_hear(&client, &failure);

	if (count > 0) {
		dsrv_denials_add(&s->denials, DSRV_DENIED_PROXIED,
		    (int)failure, &client, count);
		dsrv_tally_refuse(tally(), DSRV_DENIED_PROXIED, count);
	}
}

void
dsrv_server_count(struct server *s, pid_t pid, struct dsrv_child *child)
{
	const struct dsrv_address *client = &child->client;
	struct dsrv_host host;

	dsrv_connlog_born(child);
	dsrv_tally_connection(tally());
	if (has_source(&s->sources, &host, &client->as.any, client->len))
		dsrv_source_add(&s->sources, &host);
	if (has_source(&s->hosts, &host, &client->as.any, client->len))
		dsrv_source_add(&s->hosts, &host);
	dsrv_overtime_begin(&s->overtime, pid, dsrv_admission()->worker_time_max);
}

void
dsrv_server_uncount(struct server *s)
{
	const struct dsrv_address *client = &s->loop.ended.child.client;
	struct dsrv_host host;

	dsrv_connlog_end(&s->loop.ended, dsrv_server_workers(s));
	dsrv_tally_end(tally(), s->loop.ended.status,
	    s->loop.ended.child.overdue);
	if (has_source(&s->sources, &host, &client->as.any, client->len))
		dsrv_source_remove(&s->sources, &host);
	if (has_source(&s->hosts, &host, &client->as.any, client->len))
		dsrv_source_remove(&s->hosts, &host);
}
