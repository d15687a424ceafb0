/*
 * spare.c - workers that wait for a connection, and take it themselves
 *
 *     server ---- spare
 *                 waits here for a client, and is its worker then
 *
 * A spare that waits has a seat, in memory that it shares with its server: so
 * a worker knows whether it may wait once more, and the server how many wait,
 * without a word. One word is said when half of the seats are free and the
 * server could fill them. It is advice: a worker that was taken over can have
 * the server fork too few spares with it, or too many within its limit, and no
 * more.
 *
 * Each spare holds one end of a socket pair whose other end its server alone
 * has. At the end of file there it knows that the server is gone, or that it
 * is to leave.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#ifdef HAVE_EPOLL_PWAIT
#include <sys/epoll.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

enum { FIRST_PAUSE = 100, LONGEST_PAUSE = 1000 };	/* ms */

enum {
	FREE = 0,	/* a seat; else who has it, or ... */
	RESERVED = -1	/* ... the spare that is being forked for it */
};

enum { NOTHING = -1 };	/* no index of what is ready */

static struct {
	int count;		/* of seats; 0: there are no spares */
	struct {
		int may_call;	/* the server could fork others */
		int is_short;	/* the system, and that was said */
		unsigned turn;	/* the listener to be looked at first */
		pid_t seats[];
	} *shared;
	pid_t *forked;		/* for which spare a seat was reserved last */
	int from_spares;	/* the server's end */

	/* A spare's: the listeners, then to_server, null and the waiter; -1
	 * where it has none, or has it no more. */
	int *fds;
	int listeners;
	int to_server;
	int null;
	pid_t pid;
	int seat;
	int served;		/* connections */
} spares = { .from_spares = -1, .null = -1 };

enum { MORE = 3 };	/* descriptors than listeners */

static size_t
shared_size(void)
{
	return sizeof *spares.shared +
	    (size_t)spares.count * sizeof spares.shared->seats[0];
}

static pid_t
seated(int seat)
{
	return __atomic_load_n(&spares.shared->seats[seat], __ATOMIC_SEQ_CST);
}

static void
seat(int seat, pid_t who)
{
	__atomic_store_n(&spares.shared->seats[seat], who, __ATOMIC_SEQ_CST);
}

static int
few_wait(void)
{
	int i, waiting = 0;

	for (i = 0; i < spares.count; i++)
		waiting += seated(i) != FREE;
	return waiting <= spares.count / 2;
}

/* Others are to be forked. */
static void
call_server(void)
{
	/* If that is full, the server has enough to read. */
	send(spares.to_server, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * In the server
 */

int
dsrv_spares_open(const int *listeners, int count)
{
	int i;

	spares.count = dsrv_settings()->worker_spare_count;
	spares.fds = malloc(((size_t)count + MORE) * sizeof *spares.fds);
	spares.forked = calloc((size_t)spares.count, sizeof *spares.forked);
	spares.shared = dsrv_memory_shared(shared_size());
	if (spares.fds == NULL || spares.forked == NULL ||
	    spares.shared == NULL ||
	    dsrv_descriptors_pair(&spares.from_spares,
	    &spares.to_server) == -1 ||
	    (spares.null = dsrv_descriptors_open_null()) == -1) {
		dsrv_spares_close();
		return -1;
	}
	spares.listeners = count;
	for (i = 0; i < count; i++) {
		spares.fds[i] = listeners[i];
		/* A worker keeps it, and may execute another program. */
		fcntl(listeners[i], F_SETFD, FD_CLOEXEC);
	}
	spares.fds[count] = spares.to_server;
	spares.fds[count + 1] = spares.null;
	spares.fds[count + 2] = -1;
	return spares.from_spares;
}

void
dsrv_spares_close(void)
{
	int saved = errno;

	if (spares.from_spares != -1) {
		close(spares.from_spares);
		close(spares.to_server);
	}
	if (spares.null != -1)
		close(spares.null);
	if (spares.shared != NULL)
		dsrv_memory_free(spares.shared, shared_size());
	free(spares.fds);
	free(spares.forked);
	spares.from_spares = spares.null = -1;
	spares.count = 0;
	errno = saved;
}

int
dsrv_spares_wanted(int room)
{
	/* The flag first: a spare that is seated no more then sees it, or is
	 * counted here. */
	__atomic_store_n(&spares.shared->may_call, room, __ATOMIC_SEQ_CST);
	return room && few_wait();
}

int
dsrv_spares_reserve(void)
{
	int i;

	for (i = 0; i < spares.count; i++)
		if (seated(i) == FREE) {
			spares.shared->turn++;
			spares.seat = i;
			seat(i, RESERVED);
			return 1;
		}
	return 0;
}

void
dsrv_spares_forked(pid_t pid)
{
	spares.forked[spares.seat] = pid;
	if (pid == -1)
		seat(spares.seat, FREE);
}

int
dsrv_spares_lose(pid_t pid)
{
	int i, lost = 0;
	pid_t who;

	for (i = 0; i < spares.count; i++) {
		who = seated(i);
		if (who != pid &&
		    (who != RESERVED || spares.forked[i] != pid))
			continue;
		seat(i, FREE);
		lost = 1;
	}
	return lost;
}

void
dsrv_spares_hear(void)
{
	char calls[64];

	while (recv(spares.from_spares, calls, sizeof calls,
	    MSG_DONTWAIT) == (ssize_t)sizeof calls)
		;
}

void
dsrv_spares_drop(int listener)
{
	if (spares.count > 0)
		spares.fds[listener] = -1;
}

void
dsrv_spares_dismiss(void)
{
	if (spares.from_spares != -1)
		shutdown(spares.from_spares, SHUT_WR);
}

/*
 * Waiting: for a listener that is ready, or the end of file from the server;
 * signals are let in then, and only then
 */

/* The index of what is ready in spares.fds, or NOTHING. */
static int
wait_by_poll(int timeout, const sigset_t *mask)
{
	unsigned count = (unsigned)spares.listeners + 1, i, place;
	struct pollfd *set = calloc(count, sizeof *set);
	int ready = NOTHING;

	if (set == NULL) {
		dsrv_loop_sleep(FIRST_PAUSE);
		return NOTHING;
	}
	for (i = 0; i < count; i++) {
		set[i].fd = spares.fds[i];
		set[i].events = POLLIN;
	}
	if (dsrv_catch_poll(set, (int)count, timeout, mask) > 0)
		for (i = 0; i < count && ready == NOTHING; i++) {
			place = (spares.shared->turn + i) % count;
			if (set[place].revents != 0)
				ready = (int)place;
		}
	free(set);
	return ready;
}

#ifdef HAVE_EPOLL_PWAIT

/* One connection wakes one spare, also where there are several listeners: for
 * that each spare has a waiter of its own. */
static int
watch(int waiter, unsigned index, uint32_t how)
{
	struct epoll_event event = { .events = EPOLLIN | how };

	event.data.u32 = index;
	return spares.fds[index] == -1 ? 0 :
	    epoll_ctl(waiter, EPOLL_CTL_ADD, spares.fds[index], &event);
}

static int
watch_all(int waiter)
{
	unsigned count = (unsigned)spares.listeners, i, index;

	for (i = 0; i < count; i++) {
		/* Each new spare looks first at another. */
		index = (spares.shared->turn + i) % count;
		if (watch(waiter, index, EPOLLEXCLUSIVE) == -1)
			return -1;
	}
	return watch(waiter, count, 0);
}

static void
open_waiter(void)
{
	int waiter = dsrv_descriptors_own(epoll_create1(EPOLL_CLOEXEC));

	if (waiter != -1 && watch_all(waiter) == -1) {
		close(waiter);
		waiter = -1;
	}
	spares.fds[spares.listeners + 2] = waiter;
}

static int
wait_for_one(int timeout, const sigset_t *mask)
{
	int waiter = spares.fds[spares.listeners + 2];
	struct epoll_event event;

	if (waiter == -1)
		return wait_by_poll(timeout, mask);
	return epoll_pwait(waiter, &event, 1, timeout, mask) == 1 ?
	    (int)event.data.u32 : NOTHING;
}

#else

static void
open_waiter(void)
{
}

static int
wait_for_one(int timeout, const sigset_t *mask)
{
	return wait_by_poll(timeout, mask);
}

#endif

/*
 * In a spare
 */

/* The system is short of something: not now, and one message from all. */
static void
pause_after(int failures, const sigset_t *mask)
{
	struct pollfd server = { .fd = spares.to_server, .events = POLLIN };

	if (!__atomic_exchange_n(&spares.shared->is_short, 1,
	    __ATOMIC_SEQ_CST))
		dsrv_report("accept a connection: %s; trying again",
		    strerror(errno));
	dsrv_catch_poll(&server, 1, dsrv_restart_pause(failures, FIRST_PAUSE,
	    LONGEST_PAUSE), mask);
}

static int
take(int index, struct dsrv_client *client)
{
	if (dsrv_listen_accept(spares.fds[index], client) == -1)
		return -1;
	client->listener = index;
	if (spares.shared->is_short)
		spares.shared->is_short = 0;
	return 0;
}

static void
forget(int index)
{
	close(spares.fds[index]);
	spares.fds[index] = -1;
}

/* The next client; -1: there is none, or it is to leave. */
static int
wait_for_client(struct dsrv_client *client, int timeout, const sigset_t *mask)
{
	int index, failures = 0;

	for (;;) {
		if (daemon_stop_requested())
			return -1;
		index = wait_for_one(timeout, mask);
		if (index == spares.listeners)
			return -1;
		if (index == NOTHING) {	/* or a signal that is none of ours */
			if (timeout == 0)
				return -1;
			continue;
		}
		if (take(index, client) == 0)
			return 0;
		switch (dsrv_listen_why(errno)) {
		case DSRV_LISTEN_CLIENT:
			break;
		case DSRV_LISTEN_SOCKET:	/* the server will find it, too */
			forget(index);
			call_server();
			break;
		case DSRV_LISTEN_SYSTEM:
			pause_after(++failures, mask);
			break;
		}
	}
}

/* Waits with a seat, which it gives up for a client. */
static int
wait_seated(struct dsrv_client *client, const sigset_t *mask)
{
	int got = wait_for_client(client, -1, mask);

	seat(spares.seat, FREE);
	/* One that leaves may have been woken for a client. */
	if (got == -1 || (few_wait() && __atomic_exchange_n(
	    &spares.shared->may_call, 0, __ATOMIC_SEQ_CST)))
		call_server();
	return got;
}

static int
take_seat(void)
{
	pid_t free_seat;
	int i;

	for (i = 0; i < spares.count; i++) {
		free_seat = FREE;
		if (__atomic_compare_exchange_n(&spares.shared->seats[i],
		    &free_seat, spares.pid, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			spares.seat = i;
			return 1;
		}
	}
	return 0;
}

static void
close_first(int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (spares.fds[i] != -1)
			forget(i);
}

/* Finishes with what spares have. */
static void
leave(void)
{
	close_first(spares.listeners + MORE);
	spares.null = -1;
}

int
dsrv_spare_begin(struct dsrv_client *client, const sigset_t *mask)
{
	close(spares.from_spares);
	spares.pid = getpid();
	dsrv_stage_keep(spares.fds, spares.listeners + MORE);
	open_waiter();
	if (wait_seated(client, mask) == -1)
		return -1;
	spares.served = 1;
	return 0;
}

int
dsrv_spare_next(struct dsrv_client *client)
{
	int most = dsrv_settings()->worker_connection_max, got = -1;
	sigset_t mask;

	if (spares.count == 0 || spares.pid != getpid())
		return -1;
	dsrv_catch_block(&mask);
	if (most == 0 || spares.served < most)
		got = take_seat() ? wait_seated(client, &mask) :
		    wait_for_client(client, 0, &mask);
	if (got == -1)
		leave();
	spares.served++;
	dsrv_catch_let_in(&mask);
	return got;
}

int
dsrv_spare_null(void)
{
	return spares.null;
}

void
dsrv_spare_stop(void)
{
	close_first(spares.listeners);
}
