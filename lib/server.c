/*
 * server.c - daemon_server(): accept, fork, count
 *
 *     server ---- worker
 *     loops here  returns, one for each connection
 *
 * With spares it does not accept: it forks them ahead of connections.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "server.h"

enum {
	FIRST_PAUSE = 100, LONGEST_PAUSE = 1000,	/* ms */
	BATCH = 8	/* births between two waits for events */
};

struct birth {
	unsigned number;
	pid_t server;
	int place;		/* of its progress */
	int slot;		/* a spare's */
	int workers;		/* with this one */
	struct dsrv_client client;	/* -1: for a spare */
};

static int64_t
tick_length(void)
{
	return (int64_t)dsrv_settings()->server_tick * 1000;
}

static int
has_spares(const struct server *s)
{
	return s->pool.is_open;
}

/*
 * Whom to fork a worker for
 */

static void
pause_for(struct server *s, int ms)
{
	dsrv_loop_set_timer(&s->loop, FORK, dsrv_clock_now() + ms);
}

static int
next_birth(struct server *s, struct birth *birth)
{
	birth->client.conn = -1;
	birth->slot = -1;
	if (s->births == BATCH)
		return 0;
	if (s->client.conn == -1)
		return has_spares(s) && dsrv_pool_next(&s->pool,
		    dsrv_server_may_fork(s), &birth->slot);
	if (dsrv_server_is_pausing(s))
		return 0;
	birth->client = s->client;
	return 1;
}

/* Before each wait. */
static void
watch(struct server *s)
{
	int workers = dsrv_server_workers(s);

	dsrv_title_set_count(workers);
	dsrv_tally_look(&dsrv_role()->roster->tally, workers);
	dsrv_server_watch_clients(s);
	if (s->births == BATCH || dsrv_server_is_over(s))
		dsrv_loop_set_timer(&s->loop, MORE, dsrv_clock_now());
	s->births = 0;
}

/*
 * The one fork of a worker
 */

static void
fork_failed(struct server *s, const struct birth *birth)
{
	dsrv_progress_release(birth->place);
	if (s->fork_failures++ == 0)
		dsrv_report("fork a worker: %s; trying again",
		    strerror(errno));
	pause_for(s, dsrv_backoff(s->fork_failures, FIRST_PAUSE,
	    LONGEST_PAUSE));
}

static void
hand_over(struct server *s, pid_t pid, struct dsrv_child *child)
{
	if (child != NULL) {
		dsrv_address_keep(&child->client,
		    (struct sockaddr *)&s->client.addr, s->client.len);
		dsrv_server_count(s, pid, child);
	}
	close(s->client.conn);
	s->client.conn = -1;
	/* The others were signalled before this worker was forked. */
	if (s->asked)
		kill(pid, dsrv_sigtable_to_workers(
		    s->asked & DSRV_ASK_FOR_GOOD ? SIGUSR2 : SIGHUP));
}

static void
forked(struct server *s, const struct birth *birth, pid_t pid)
{
	struct dsrv_child *child = dsrv_loop_child(&s->loop, pid);

	s->fork_failures = 0;
	if (child != NULL)
		child->place = birth->place;
	if (birth->client.conn != -1)
		hand_over(s, pid, child);
}

static pid_t
fork_worker(struct server *s, struct birth *birth)
{
	pid_t pid;

	s->births++;
	birth->server = dsrv_role()->pid;
	birth->number = dsrv_birth_begin();
	birth->workers = dsrv_server_workers(s) + 1;
	birth->place = dsrv_progress_reserve();
	if ((pid = dsrv_loop_fork_held(&s->loop)) == 0)
		return 0;
	dsrv_slots_give(birth->slot, pid);
	if (pid == -1)
		fork_failed(s, birth);
	else
		forked(s, birth, pid);
	/* Last: it may end now that the server does not hold its connection. */
	dsrv_birth_release(birth->number);
	return pid;
}

/* In a new worker: keeps its connection, and nothing of the server's. */
static void
serve(struct server *s, struct birth *birth)
{
	dsrv_descriptors_close_all(s->fds, s->acceptor.count,
	    birth->client.conn);
	dsrv_farewell_close(&s->farewell);
	dsrv_worker_become(&birth->client);
	dsrv_birth_wait(birth->number, birth->server);
	dsrv_role_drop(DSRV_TO_PARENT);
}

/* In a new spare: exits or gets a client. */
static void
wait_for_client(const struct server *s, struct birth *birth)
{
	dsrv_birth_wait(birth->number, birth->server);
	dsrv_role_drop(DSRV_TO_PARENT);
	dsrv_loop_let_in(&s->loop);
	dsrv_pool_leave();
	if (dsrv_spare_begin(birth->slot, s->pool.turn, &birth->client) == -1)
		dsrv_report_exit(0);
	dsrv_worker_become(&birth->client);
}

static int
become(struct server *s, struct birth *birth)
{
	int listener;

	/* One that was taken over must not accept where the server does not. At
	 * a stop the connection may have got the number of a closed listener. */
	dsrv_descriptors_close_all(s->acceptor.others, s->acceptor.other_count,
	    birth->client.conn);
	/* A signal to its group reaches only it and its helpers. */
	setpgid(0, 0);
	/* The flags of the worker's stderr must not affect others. */
	if (dsrv_settings()->logger_enabled)
		dsrv_descriptors_unshare(STDERR_FILENO);
	if (has_spares(s))
		wait_for_client(s, birth);
	else
		serve(s, birth);
	/* Last: a signal since the fork now meets the program's handlers. */
	dsrv_loop_let_worker_in(&s->loop);
	listener = dsrv_worker_begin(&birth->client);
	dsrv_worker_log(has_spares(s) ? -1 : birth->workers);
	return listener;
}

/*
 * Events
 */

static void
handle_fd(struct server *s)
{
	switch (s->loop.tag) {
	case MASTER:
		dsrv_server_lose_master(s);
		break;
	case SPARES:
		dsrv_pool_hear(&s->pool);
		dsrv_server_hear_of_headers(s);
		break;
	default:	/* another server may have taken the room */
		if (dsrv_server_still_accepts(s))
			dsrv_server_accept(s, s->loop.tag - LISTENERS);
		break;
	}
}

/* A SIGCHLD that is not a child's comes from the master, which has one child
 * fewer: perhaps another server's spare, which has left a client that it was
 * woken for. */
static void
handle_signal(struct server *s)
{
	if (s->loop.signo == SIGCHLD && has_spares(s))
		dsrv_pool_miss(&s->pool);
	dsrv_server_take(s);
}

/* A place is free, which the next check of admission sees. */
static void
lose_worker(struct server *s)
{
	int pause = 0;

	if (dsrv_server_lose_helper(s))
		return;
	dsrv_server_uncount(s);
	dsrv_server_hear_of_headers(s);
	dsrv_crashes_add(&s->crashes, s->asked);
	if (has_spares(s) && !s->asked)
		pause = dsrv_pool_lose(&s->pool, &s->loop.ended);
	dsrv_progress_release(s->loop.ended.child.place);
	if (pause > 0)
		pause_for(s, pause);
}

static void
set_tick(struct server *s)
{
	dsrv_loop_set_timer(&s->loop, TICK, dsrv_clock_now() + tick_length());
}

static void
handle_timer(struct server *s)
{
	switch (s->loop.tag) {
	case TICK:
		set_tick(s);
		dsrv_server_hear_of_headers(s);
		if (has_spares(s) && !s->asked)
			dsrv_pool_tick(&s->pool);
		break;
	case SPARES:
		dsrv_pool_look(&s->pool);
		break;
	case DRAIN:
		dsrv_server_stop_draining(s);
		break;
	case CRASHES:
		dsrv_crashes_look(&s->crashes, s->asked);
		break;
	case DENIALS:
		dsrv_denials_look(&s->denials);
		break;
	case OVERTIME:
		dsrv_overtime_look(&s->overtime);
		break;
	case FAREWELL:
		dsrv_server_look_at_farewell(s);
		break;
	case FORK:
	case MORE:
	case PULSE:
	case RATE:
	case BUSY:	/* seen before the next wait */
		break;
	default:
		dsrv_accept_retry(&s->acceptor, s->loop.tag - LISTENERS);
		break;
	}
}

/*
 * The stage
 */

static int
open_streams(void)
{
	return dsrv_descriptors_fill() == -1 ||
	    dsrv_descriptors_renew(STDIN_FILENO) == -1 ||
	    dsrv_descriptors_renew(STDOUT_FILENO) == -1 ||
	    dsrv_descriptors_renew(STDERR_FILENO) == -1 ? -1 : 0;
}

static void
give_to_workers(struct server *s)
{
	if (!dsrv_settings()->worker_ask)
		return;
	dsrv_loop_give(&s->loop, SIGHUP, dsrv_worker_stop);
	dsrv_loop_give(&s->loop, SIGUSR2, dsrv_worker_stop);
}

static int
open_births(void)
{
	if (dsrv_birth_open() == -1)
		return -1;
	if (dsrv_progress_open() == 0)
		return 0;
	dsrv_birth_close();
	return -1;
}

/* Everything is open. */
static void
begin(struct server *s)
{
	dsrv_loop_watch(&s->loop, MASTER, dsrv_role()->held[DSRV_TO_PARENT], 0);
	dsrv_crashes_open(&s->crashes, &s->loop, CRASHES);
	set_tick(s);
	dsrv_loop_look_every(&s->loop, tick_length());
	if (has_spares(s))
		dsrv_role()->shared->has_spares = 1;
	give_to_workers(s);
	dsrv_ports_find();
}

/* -1 with errno: nothing is open. */
static int
open_server(struct server *s, const int *fds, int count)
{
	sigset_t untouched;

	memset(s, 0, sizeof *s);
	s->client.conn = -1;
	sigemptyset(&untouched);
	if (dsrv_role()->hup_ignored)
		sigaddset(&untouched, SIGHUP);
	if (open_streams() == -1 || open_births() == -1)
		return -1;
	if (dsrv_loop_open(&s->loop, LISTENERS + count, DSRV_REAP_FORKED,
	    dsrv_role()->roster, &untouched) == -1)
		goto close_births;
	if (dsrv_accept_open(&s->acceptor, fds, count, &s->loop,
	    LISTENERS) == -1)
		goto close_loop;
	if (dsrv_server_open_limits(s) == -1)
		goto close_acceptor;
	if (dsrv_settings()->worker_spare_count > 0 && dsrv_pool_open(&s->pool,
	    fds, &s->acceptor, &s->loop, SPARES) == -1)
		goto close_limits;
	s->fds = fds;
	begin(s);
	return 0;

close_limits:
	dsrv_server_close_limits(s);
close_acceptor:
	dsrv_accept_close(&s->acceptor);
close_loop:
	dsrv_loop_close(&s->loop);
close_births:
	dsrv_progress_close();
	dsrv_birth_close();
	return -1;
}

static int
refuse(int error)
{
	return dsrv_report_end(1, error, dsrv_settings()->server_return_fatal);
}

/* A temporary shortage must not end the daemon. Signals have the program's own
 * dispositions here. */
static void
open_in_the_end(struct server *s, const int *fds, int count)
{
	int tries;

	for (tries = 1; open_server(s, fds, count) == -1; tries++) {
		if (tries == 1)
			dsrv_report("serve: %s; trying again",
			    strerror(errno));
		dsrv_clock_sleep(dsrv_backoff(tries, FIRST_PAUSE,
		    LONGEST_PAUSE));
	}
}

int
daemon_server(const int *fds, int count)
{
	int error, saved = errno;
	struct birth birth;
	struct server s;

	if ((error = dsrv_role_enter(DSRV_CONFIRMED, "serve")) != 0 ||
	    (error = dsrv_accept_check_list(fds, count)) != 0 ||
	    (error = dsrv_admission_check("serve")) != 0)
		return refuse(error);
	open_in_the_end(&s, fds, count);
	dsrv_role_become(DSRV_SERVING);
	for (;;) {
		dsrv_pulse_beat(&s.loop, PULSE);
		dsrv_server_see_successor(&s);
		while (next_birth(&s, &birth))
			if (fork_worker(&s, &birth) == 0) {
				count = become(&s, &birth);
				errno = saved;
				return count;
			}
		watch(&s);
		switch (dsrv_loop_next(&s.loop)) {
		case DSRV_EVENT_FD:
			handle_fd(&s);
			break;
		case DSRV_EVENT_SIGNAL:
			handle_signal(&s);
			break;
		case DSRV_EVENT_CHILD:
			lose_worker(&s);
			break;
		case DSRV_EVENT_TIMER:
			handle_timer(&s);
			break;
		}
		if (dsrv_server_is_over(&s))
			return dsrv_server_finish(&s);
	}
}
