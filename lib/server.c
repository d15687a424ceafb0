/*
 * server.c - daemon_server(): accept, fork, count; obey the signal table
 *
 *     server ---- worker
 *     loops here  returns, one for each connection
 *
 * With spares it accepts nothing itself: it forks them ahead of connections.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

enum {
	FIRST_PAUSE = 100, LONGEST_PAUSE = 1000,	/* ms */
	BATCH = 8	/* spares that are forked in one go */
};

struct server {
	struct dsrv_loop loop;
	const int *fds;		/* the listeners: watched at places 1 ... */
	int count;
	int usable;		/* of them */
	int closed;		/* all of them */
	int accepting;		/* whether they are watched now */
	int master_place;
	int spares_place;	/* -1: there are none */
	int refill;		/* all seats of spares are to be taken */
	int lost_spares;	/* in a row, before they had a client */
	int failures;		/* to accept or to fork, in a row */
	struct dsrv_client kept;	/* accepted, when there was no fork for it */
	unsigned asked;
	int64_t retry_at;
	int64_t drain_by;
	int64_t tick_at;
};

/*
 * Leaving
 */

static void
signal_workers(struct server *s, int signo)
{
	int i;

	for (i = 0; i < dsrv_children_count(&s->loop.children); i++)
		kill(dsrv_children_at(&s->loop.children, i), signo);
}

static void
close_listeners(struct server *s)
{
	int i;

	for (i = 1; i <= s->count; i++)
		dsrv_loop_forget(&s->loop, i);
	if (!s->closed)	/* those too that are not in the list */
		dsrv_fdclean_listeners();
	s->closed = 1;
}

static void
obey(struct server *s, int signo)
{
	int64_t seconds = dsrv_settings()->drain_timeout;

	if (!dsrv_signals_raise(&s->asked, signo))
		return;
	signal_workers(s, dsrv_signals_to_workers(signo));
	/* Now the master need not do it, should this process die; nor take
	 * its end for a failure, where nobody asked the master. */
	dsrv_ready_say(DSRV_READY_ASKED, signo);
	if (s->asked & DSRV_ASK_FOR_GOOD)
		close_listeners(s);
	dsrv_spares_dismiss();
	if (seconds > 0 && s->drain_by == DSRV_NEVER)
		s->drain_by = dsrv_loop_now() + seconds * 1000;
}

static void
lose_master(struct server *s)
{
	dsrv_loop_forget(&s->loop, s->master_place);
	dsrv_report("go on: the master is gone");
	s->asked |= DSRV_ASK_LEAVE | DSRV_ASK_FOR_GOOD;
	close_listeners(s);
	if (s->spares_place != -1) {	/* workers may have the listeners */
		dsrv_spares_dismiss();
		signal_workers(s, SIGUSR2);
	}
}

static int
drained(const struct server *s)
{
	return s->asked && dsrv_children_count(&s->loop.children) == 0 &&
	    s->kept.conn == -1;
}

static int
finish(struct server *s)
{
	int fatal = dsrv_settings()->server_return_fatal, error = 0;

	if (s->usable == 0) {
		error = EBADF;
		dsrv_report("serve: no listening socket is left");
	}
	if (s->kept.conn != -1)
		close(s->kept.conn);
	/* Who ends needs no signals back: one of them could change how. */
	if (fatal != 0) {
		dsrv_loop_close(&s->loop);
		dsrv_spares_close();
	}
	dsrv_stage_become(DSRV_OVER);
	return dsrv_report_end(error != 0 || s->asked & DSRV_ASK_FOR_GOOD,
	    error, fatal);
}

/*
 * Accepting
 */

/* Nothing more is accepted for a while; one message for the whole time. */
static void
pause_after(struct server *s, const char *what)
{
	if (s->failures++ == 0)
		dsrv_report("%s: %s; trying again", what, strerror(errno));
	s->retry_at = dsrv_loop_now() + dsrv_restart_pause(s->failures,
	    FIRST_PAUSE, LONGEST_PAUSE);
}

static void
drop_listener(struct server *s, int index)
{
	dsrv_report("accept on descriptor %d: %s", s->fds[index],
	    strerror(errno));
	dsrv_loop_forget(&s->loop, index + 1);
	dsrv_spares_drop(index);
	s->usable--;
}

static void
accept_failed(struct server *s, int index)
{
	switch (dsrv_listen_why(errno)) {
	case DSRV_LISTEN_CLIENT:
		break;
	case DSRV_LISTEN_SOCKET:
		drop_listener(s, index);
		break;
	case DSRV_LISTEN_SYSTEM:
		pause_after(s, "accept a connection");
		break;
	}
}

/* In a new worker: it keeps its connection and nothing of the server, but for
 * what a spare has. */
static void
become_worker(const struct server *s, const struct dsrv_client *client)
{
	int i;

	if (s->spares_place != -1)
		dsrv_spare_hired();
	else
		for (i = 0; i < s->count && !s->closed; i++)
			close(s->fds[i]);
	dsrv_stage_disconnect();
	dsrv_worker_become(client);
	/* Last: what came since the fork meets the program's own. */
	dsrv_catch_let_in(&s->loop.catch.mask);
}

/* Whether this is the worker. */
static int
hire(struct server *s, const struct dsrv_client *client)
{
	pid_t pid = dsrv_loop_fork_held(&s->loop);

	if (pid == 0) {
		become_worker(s, client);
		return 1;
	}
	if (pid == -1) {
		s->kept = *client;
		pause_after(s, "fork a worker");
		return 0;
	}
	close(client->conn);
	s->failures = 0;
	/* It was forked too late to be signalled with the others. */
	if (s->asked)
		kill(pid, s->asked & DSRV_ASK_FOR_GOOD ? SIGUSR2 : SIGHUP);
	return 0;
}

static int
serve(struct server *s, struct dsrv_client *client, int index)
{
	client->listener = index;
	if (dsrv_listen_accept(s->fds[index], client) == -1) {
		accept_failed(s, index);
		return 0;
	}
	return hire(s, client);
}

static int
room(const struct server *s)
{
	return dsrv_children_count(&s->loop.children) +
	    s->loop.children.roster->orphans <
	    dsrv_settings()->worker_count_max;
}

static int
may_fork(const struct server *s)
{
	return !s->asked && s->kept.conn == -1 &&
	    s->retry_at == DSRV_NEVER && room(s);
}

/* Before each wait: whether to accept, and until when to wait. */
static void
watch(struct server *s)
{
	int accepting = s->spares_place == -1 && may_fork(s);
	void (*change)(struct dsrv_loop *, int) = accepting ?
	    dsrv_loop_resume : dsrv_loop_pause;
	int i;

	for (i = 1; i <= s->count && accepting != s->accepting; i++)
		change(&s->loop, i);
	s->accepting = accepting;
	s->loop.deadline = dsrv_loop_earlier(s->tick_at,
	    dsrv_loop_earlier(s->retry_at, s->drain_by));
	if (s->refill && may_fork(s))
		s->loop.deadline = dsrv_loop_now();
}

/* Clients that no spare takes: there is none, or one has died that was woken.
 * Whether this is a worker. */
static int
serve_waiting(struct server *s, struct dsrv_client *client)
{
	int i;

	for (i = 0; i < s->count && s->spares_place != -1; i++)
		if (may_fork(s) && dsrv_loop_watches(&s->loop, i + 1) &&
		    serve(s, client, i))
			return 1;
	return 0;
}

/* Whether this is a worker. */
static int
tick(struct server *s, struct dsrv_client *client)
{
	int64_t now = dsrv_loop_now();

	if (now >= s->tick_at) {
		s->tick_at = now +
		    (int64_t)dsrv_settings()->server_tick * 1000;
		s->lost_spares = 0;
		dsrv_loop_sweep(&s->loop);
		if (serve_waiting(s, client))
			return 1;
	}
	if (now >= s->drain_by) {
		s->drain_by = DSRV_NEVER;
		signal_workers(s, SIGTERM);
		s->asked |= DSRV_ASK_AT_ONCE;
	}
	if (now >= s->retry_at) {
		s->retry_at = DSRV_NEVER;
		if (s->kept.conn != -1) {
			*client = s->kept;
			s->kept.conn = -1;
			return hire(s, client);
		}
	}
	return 0;
}

/*
 * Spares
 */

/* In a new spare: it ends here, or gets a client. */
static void
become_spare(const struct server *s, struct dsrv_client *client)
{
	dsrv_stage_disconnect();
	if (dsrv_spare_begin(client, &s->loop.catch.mask) == -1)
		dsrv_report_exit(0);
	dsrv_worker_become(client);
	dsrv_catch_let_in(&s->loop.catch.mask);
}

/* Whether this is the spare. */
static int
fork_spare(struct server *s, struct dsrv_client *client)
{
	pid_t pid = dsrv_loop_fork_held(&s->loop);

	if (pid == 0) {
		become_spare(s, client);
		return 1;
	}
	dsrv_spares_forked(pid);
	if (pid == -1)
		pause_after(s, "fork a worker");
	else
		s->failures = 0;
	return 0;
}

/* Before each wait: once there are too few, as many as there are seats and
 * room for, but first those for whom a client waits; and not without a look at
 * signals and ends in between. Whether this is one of them. */
static int
keep_spares(struct server *s, struct dsrv_client *client)
{
	int i, count;

	if (s->spares_place == -1)
		return 0;
	if (dsrv_spares_wanted(may_fork(s)))
		s->refill = 1;
	for (i = 0; i < BATCH && s->refill && may_fork(s); i++) {
		count = dsrv_children_count(&s->loop.children);
		if (serve_waiting(s, client))
			return 1;
		if (dsrv_children_count(&s->loop.children) > count)
			continue;
		if (!dsrv_spares_reserve())
			s->refill = 0;
		else if (fork_spare(s, client))
			return 1;
	}
	return 0;
}

static void
drop_broken_listeners(struct server *s)
{
	int i;

	for (i = 0; i < s->count; i++)
		if (dsrv_loop_watches(&s->loop, i + 1) &&
		    (errno = dsrv_listen_check(s->fds[i])) != 0)
			drop_listener(s, i);
}

/* They ask for others, or one has left that had been used. */
static void
hear_spares(struct server *s)
{
	if (!dsrv_spares_hear())
		dsrv_loop_forget(&s->loop, s->spares_place);
	s->refill = 1;
	s->lost_spares = 0;
	drop_broken_listeners(s);
}

/* Whether this is a worker, of the client that a lost spare may have had. */
static int
lose_worker(struct server *s, struct dsrv_client *client)
{
	if (!dsrv_spares_lose(s->loop.pid) || s->asked)
		return 0;
	if (s->lost_spares++ == 0)
		dsrv_report("keep a spare: it %s; another follows",
		    dsrv_report_how(s->loop.status));
	drop_broken_listeners(s);
	if (serve_waiting(s, client))
		return 1;
	s->refill = 1;
	s->retry_at = dsrv_loop_now() + dsrv_restart_pause(s->lost_spares,
	    FIRST_PAUSE, LONGEST_PAUSE);
	return 0;
}

/*
 * The stage
 */

static int
check_listeners(const int *fds, int count)
{
	int i, j, error;

	if (fds == NULL || count < 1) {
		dsrv_report("serve: there are no listening sockets");
		return EINVAL;
	}
	for (i = 0; i < count; i++) {
		if ((error = dsrv_listen_check(fds[i])) != 0) {
			dsrv_report("serve on descriptor %d: %s", fds[i],
			    error == EINVAL ? "it does not listen" :
			    strerror(error));
			return error;
		}
		for (j = 0; j < i; j++)
			if (fds[j] == fds[i]) {
				dsrv_report("serve on descriptor %d: it is "
				    "in the list twice", fds[i]);
				return EINVAL;
			}
	}
	return 0;
}

static int
open_server(struct server *s, const int *fds, int count)
{
	struct dsrv_roster *roster = dsrv_stage()->roster;
	sigset_t untouched;
	int i, from_spares;

	memset(s, 0, sizeof *s);
	s->spares_place = -1;
	s->fds = fds;
	s->count = s->usable = count;
	s->kept.conn = -1;
	s->accepting = 1;
	s->retry_at = s->drain_by = DSRV_NEVER;
	s->tick_at = dsrv_loop_now() +
	    (int64_t)dsrv_settings()->server_tick * 1000;
	sigemptyset(&untouched);
	if (dsrv_stage()->hup_ignored)
		sigaddset(&untouched, SIGHUP);

	if (dsrv_descriptors_fill() == -1 ||
	    dsrv_descriptors_renew(STDIN_FILENO) == -1 ||
	    dsrv_descriptors_renew(STDOUT_FILENO) == -1 ||
	    dsrv_descriptors_renew(STDERR_FILENO) == -1)
		return -1;
	dsrv_memory_keep(roster, sizeof *roster);
	if (dsrv_loop_open(&s->loop, count + 2, DSRV_REAP_FORKED, roster,
	    &untouched) == -1)
		return -1;
	for (i = 0; i < count; i++) {
		/* A client may go between poll(2) and accept(2). */
		fcntl(fds[i], F_SETFL, fcntl(fds[i], F_GETFL) | O_NONBLOCK);
		dsrv_loop_watch(&s->loop, fds[i], POLLIN);
	}
	s->master_place = dsrv_loop_watch(&s->loop, dsrv_stage()->to_parent,
	    0);
	if (dsrv_settings()->worker_spare_count > 0) {
		if ((from_spares = dsrv_spares_open(fds, count)) == -1) {
			dsrv_loop_close(&s->loop);
			return -1;
		}
		s->spares_place = dsrv_loop_watch(&s->loop, from_spares,
		    POLLIN);
	}
	dsrv_catch_give(&s->loop.catch, SIGHUP, dsrv_worker_stop);
	dsrv_catch_give(&s->loop.catch, SIGUSR2, dsrv_worker_stop);
	return 0;
}

static int
refuse(int error)
{
	return dsrv_report_end(1, error, dsrv_settings()->server_return_fatal);
}

int
daemon_server(const int *fds, int count)
{
	int error, tries, saved = errno;
	struct dsrv_client client;
	struct server s;

	if ((error = dsrv_stage_enter(DSRV_CONFIRMED, "serve")) != 0 ||
	    (error = check_listeners(fds, count)) != 0)
		return refuse(error);
	for (tries = 1; open_server(&s, fds, count) == -1; tries++) {
		error = errno;
		if (tries == 1)
			dsrv_report("serve: %s", strerror(error));
		/* What the system is short of now must not end a daemon. */
		if (error != ENFILE && error != ENOMEM)
			return refuse(error);
		dsrv_loop_sleep(dsrv_restart_pause(tries, FIRST_PAUSE,
		    LONGEST_PAUSE));
	}
	for (;;) {
		if (keep_spares(&s, &client))
			goto worker;
		watch(&s);
		switch (dsrv_loop_next(&s.loop)) {
		case DSRV_EVENT_READY:
			if (s.loop.place == s.master_place)
				lose_master(&s);
			else if (s.loop.place == s.spares_place)
				hear_spares(&s);
			else if (serve(&s, &client, s.loop.place - 1))
				goto worker;
			break;
		case DSRV_EVENT_SIGNAL:
			obey(&s, s.loop.signo);
			break;
		case DSRV_EVENT_CHILD:	/* its place is free: watch() sees it */
			if (lose_worker(&s, &client))
				goto worker;
			break;
		case DSRV_EVENT_TICK:
			if (tick(&s, &client))
				goto worker;
			break;
		}
		if (s.asked & DSRV_ASK_AT_ONCE || drained(&s) ||
		    s.usable == 0)
			return finish(&s);
	}
worker:
	errno = saved;
	return client.listener;
}
