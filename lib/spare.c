/*
 * spare.c - workers that wait for a connection, and take it themselves
 *
 *     server ---- spare
 *                 waits here for a client, and is its worker then
 *
 * A spare that waits has a seat, in memory that it shares with its server: so
 * a worker knows whether it may wait once more, and the server how many wait,
 * without a word. One word is said, through a socket, when only half as many
 * wait as should and the server could fork others. By the end of file of a pipe
 * a spare knows that its server is gone, or has it leave.
 *
 * All this is advice: a worker that was taken over can have spares be too few
 * with it, or too many within the limit. Then the server, which looks for
 * clients at each tick, serves them as it does where there are no spares.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_EPOLL_PWAIT
#include <sys/epoll.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

enum { FIRST_PAUSE = 100, LONGEST_PAUSE = 1000 };	/* ms */

enum {
	FREE = 0,	/* a seat; else who has it, or ... */
	RESERVED = -1	/* ... the spare that is being forked for it */
};

static struct {
	int wanted;		/* so many are to wait; 0: there are no spares */
	int count;		/* of seats: others may come back, and stay */
	struct {
		int may_call;	/* the server could fork others */
		int is_short;	/* the system, and that was said */
		unsigned turn;	/* the listener that a new spare looks at first */
		pid_t seats[];
	} *shared;

	/* The server's. */
	pid_t *forked;		/* for which spare a seat was reserved last */
	int from_spares;
	int lifeline;		/* -1: those that wait are to leave */

	/* A spare's: its listeners, and then what ENDS tells; -1 where it has
	 * one no more. */
	int *fds;
	int listeners;
	pid_t pid;		/* 0: this process is none */
	int seat;
	int served;		/* connections */
	unsigned turn;
} spares = { .from_spares = -1, .lifeline = -1 };

enum { FROM_SERVER, TO_SERVER, NULL_DEVICE, WAITER, ENDS };

static int *
end(int which)
{
	return &spares.fds[spares.listeners + which];
}

/*
 * Seats
 */

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
vacate(int seat)
{
	__atomic_store_n(&spares.shared->seats[seat], FREE, __ATOMIC_SEQ_CST);
}

static int
take_seat(pid_t who)
{
	pid_t vacant;
	int i;

	for (i = 0; i < spares.count; i++) {
		vacant = FREE;
		if (__atomic_compare_exchange_n(&spares.shared->seats[i],
		    &vacant, who, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			spares.seat = i;
			return 1;
		}
	}
	return 0;
}

static int
waiting(void)
{
	int i, taken = 0;

	for (i = 0; i < spares.count; i++)
		taken += seated(i) != FREE;
	return taken;
}

static int
few_wait(void)
{
	return waiting() <= spares.wanted / 2;
}

/*
 * In the server
 */

static int
open_ends(void)
{
	if (dsrv_descriptors_pipe(end(FROM_SERVER), &spares.lifeline) == -1 ||
	    dsrv_descriptors_pair(&spares.from_spares, end(TO_SERVER)) == -1 ||
	    (*end(NULL_DEVICE) = dsrv_descriptors_open_null()) == -1)
		return -1;
	return 0;
}

int
dsrv_spares_open(const int *listeners, int count)
{
	int i, most = dsrv_settings()->worker_count_max;

	spares.wanted = dsrv_settings()->worker_spare_count;
	if (spares.wanted > most)
		spares.wanted = most;
	/* With one seat for each, whoever comes back would find it taken by
	 * one that was forked in its place. */
	spares.count = 2 * spares.wanted > most ? most : 2 * spares.wanted;
	spares.listeners = count;
	spares.fds = malloc(((size_t)count + ENDS) * sizeof *spares.fds);
	spares.forked = calloc((size_t)spares.count, sizeof *spares.forked);
	spares.shared = dsrv_memory_shared(shared_size());
	for (i = 0; i < count + ENDS && spares.fds != NULL; i++)
		spares.fds[i] = -1;
	if (spares.fds == NULL || spares.forked == NULL ||
	    spares.shared == NULL || open_ends() == -1) {
		dsrv_spares_close();
		return -1;
	}
	for (i = 0; i < count; i++) {
		spares.fds[i] = listeners[i];
		/* A worker keeps it, and may execute another program. */
		fcntl(listeners[i], F_SETFD, FD_CLOEXEC);
	}
	return spares.from_spares;
}

void
dsrv_spares_close(void)
{
	int i, saved = errno;

	if (spares.count == 0)
		return;
	dsrv_spares_dismiss();
	if (spares.from_spares != -1)
		close(spares.from_spares);
	for (i = 0; i < ENDS && spares.fds != NULL; i++)
		if (*end(i) != -1)
			close(*end(i));
	if (spares.shared != NULL)
		dsrv_memory_free(spares.shared, shared_size());
	free(spares.fds);
	free(spares.forked);
	spares.from_spares = -1;
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
	if (waiting() >= spares.wanted || !take_seat(RESERVED))
		return 0;
	spares.shared->turn++;
	return 1;
}

void
dsrv_spares_forked(pid_t pid)
{
	spares.forked[spares.seat] = pid;
	if (pid == -1)
		vacate(spares.seat);
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
		vacate(i);
		lost = 1;
	}
	return lost;
}

int
dsrv_spares_hear(void)
{
	char calls[64];

	/* What more there is makes it ready again. At the end of file some
	 * worker has shut it down. */
	return recv(spares.from_spares, calls, sizeof calls,
	    MSG_DONTWAIT) != 0;
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
	if (spares.lifeline != -1)
		close(spares.lifeline);
	spares.lifeline = -1;
}

/*
 * Waiting: for a listener that is ready, or the end of file from the server;
 * signals are let in then, and only then
 */

enum {
	NOTHING = -1,	/* the time is over, or a signal came */
	DISMISSED = -2	/* or nothing can be waited for any more */
};

/* In place of an index that is ready. */
static int
nothing_ready(void)
{
	return errno == EINTR || errno == ENOMEM ? NOTHING : DISMISSED;
}

static int
wait_by_poll(const sigset_t *mask)
{
	int i, place, n, count = spares.listeners, ready = NOTHING;
	struct pollfd *set = calloc((size_t)count + 1, sizeof *set);

	if (set == NULL)
		return DISMISSED;
	for (i = 0; i <= count; i++) {
		set[i].fd = spares.fds[i];
		set[i].events = POLLIN;
	}
	n = dsrv_catch_poll(set, count + 1, -1, mask);
	if (n == -1)
		ready = nothing_ready();
	else if (set[count].revents != 0)
		ready = DISMISSED;
	for (i = 0; i < count && n > 0 && ready == NOTHING; i++) {
		place = (int)((spares.turn + (unsigned)i) % (unsigned)count);
		if (set[place].revents != 0)
			ready = place;
	}
	free(set);
	return ready;
}

#ifdef HAVE_EPOLL_PWAIT

enum { READY_MAX = 16 };

static int
change(int operation, int index, uint32_t how)
{
	struct epoll_event event = { .events = EPOLLIN | how };

	event.data.u32 = (uint32_t)index;
	return spares.fds[index] == -1 ? 0 : epoll_ctl(*end(WAITER),
	    operation, spares.fds[index], &event);
}

/* One connection wakes one spare, also where there are several listeners: for
 * that each spare has a waiter of its own. */
static int
open_waiter(void)
{
	if (*end(WAITER) == -1)
		*end(WAITER) = dsrv_descriptors_own(
		    epoll_create1(EPOLL_CLOEXEC));
	else
		return 0;
	return *end(WAITER) == -1 ? -1 :
	    change(EPOLL_CTL_ADD, spares.listeners + FROM_SERVER, 0);
}

static int
watch_listeners(void)
{
	unsigned i, index, count = (unsigned)spares.listeners;

	for (i = 0; i < count; i++) {
		index = (spares.turn + i) % count;
		if (change(EPOLL_CTL_ADD, (int)index, EPOLLEXCLUSIVE) == -1)
			return -1;
	}
	return 0;
}

/* Each connection passes by all that watch, so none does that has a client. */
static void
leave_listeners(void)
{
	int i;

	for (i = 0; i < spares.listeners && *end(WAITER) != -1; i++)
		change(EPOLL_CTL_DEL, i, 0);
}

static int
wait_for_one(const sigset_t *mask)
{
	struct epoll_event events[READY_MAX];
	int i, n, ready;

	if (open_waiter() == -1 || watch_listeners() == -1) {
		leave_listeners();
		return wait_by_poll(mask);
	}
	n = epoll_pwait(*end(WAITER), events, READY_MAX, -1, mask);
	ready = n > 0 ? (int)events[0].data.u32 : nothing_ready();
	for (i = 0; i < n; i++)
		if ((int)events[i].data.u32 == spares.listeners)
			ready = DISMISSED;
	leave_listeners();
	return ready;
}

#else

static int
wait_for_one(const sigset_t *mask)
{
	return wait_by_poll(mask);
}

#endif

/*
 * In a spare
 */

/* Others are to be forked; or the server is to look at its listeners. */
static void
call_server(void)
{
	/* If that is full, the server has enough to read. */
	send(*end(TO_SERVER), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The system is short of something: not now, and one message from all. */
static void
pause_after(int failures, const sigset_t *mask)
{
	struct pollfd server = { .fd = *end(FROM_SERVER), .events = POLLIN };

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

/* Whoever comes first: a signal handler, or another thread. */
static int
forget(int index)
{
	return __atomic_exchange_n(&spares.fds[index], -1, __ATOMIC_SEQ_CST);
}

/* A client that is there already. What the program has closed is not used any
 * more: its number may become another's, even our own. */
static int
take_at_once(struct dsrv_client *client)
{
	unsigned i, index, count = (unsigned)spares.listeners;

	for (i = 0; i < count; i++) {
		index = (spares.turn + i) % count;
		if (spares.fds[index] == -1)
			continue;
		if (take((int)index, client) == 0)
			return 0;
		if (dsrv_listen_why(errno) == DSRV_LISTEN_SOCKET)
			forget((int)index);
	}
	return -1;
}

static int
has_listeners(void)
{
	int i;

	for (i = 0; i < spares.listeners; i++)
		if (spares.fds[i] != -1)
			return 1;
	return 0;
}

/* The next client; -1: it is to leave. */
static int
wait_for_client(struct dsrv_client *client, const sigset_t *mask)
{
	int index, failures = 0;

	while (dsrv_stage_stop_signal() == 0) {
		if ((index = wait_for_one(mask)) == DISMISSED)
			return -1;
		spares.turn++;
		if (index == NOTHING)	/* by a signal of the program's own */
			continue;
		if (take(index, client) == 0)
			return 0;
		switch (dsrv_listen_why(errno)) {
		case DSRV_LISTEN_CLIENT:
			break;
		case DSRV_LISTEN_SOCKET:	/* the server will see why */
			return -1;
		case DSRV_LISTEN_SYSTEM:
			if (spares.served > 0)
				return -1;
			pause_after(++failures, mask);
			break;
		}
	}
	return -1;
}

/* With a seat, which it gives up for a client. One that leaves may have been
 * woken for a client. */
static int
wait_seated(struct dsrv_client *client, const sigset_t *mask)
{
	int got = wait_for_client(client, mask);

	if (got == -1 && spares.served == 0)
		return -1;	/* its end will tell */
	vacate(spares.seat);
	if (got == -1 || (few_wait() && __atomic_exchange_n(
	    &spares.shared->may_call, 0, __ATOMIC_SEQ_CST)))
		call_server();
	return got;
}

static void
close_end(int which)
{
	int fd = forget(spares.listeners + which);

	if (fd != -1)
		close(fd);
}

void
dsrv_spare_stop(void)
{
	int i, fd;

	if (spares.pid == 0)
		return;
	close_end(WAITER);
	for (i = 0; i < spares.listeners; i++)
		/* The program may have closed it, and opened another. */
		if ((fd = forget(i)) != -1 && dsrv_listen_check(fd) == 0)
			close(fd);
}

/* Finishes with what spares have. */
static void
leave(void)
{
	int i;

	dsrv_spare_stop();
	for (i = 0; i < ENDS; i++)
		close_end(i);
	spares.pid = 0;
}

/* In a new child of the server. */
static void
become(int served)
{
	close(spares.from_spares);
	dsrv_spares_dismiss();
	spares.pid = getpid();
	spares.turn = spares.shared->turn;
	spares.served = served;
	dsrv_stage_keep(spares.fds, spares.listeners + ENDS);
}

void
dsrv_spare_hired(void)
{
	become(1);
}

int
dsrv_spare_begin(struct dsrv_client *client, const sigset_t *mask)
{
	become(0);
	if (wait_seated(client, mask) == -1)
		return -1;
	spares.served = 1;
	return 0;
}

static int
may_take_another(void)
{
	int most = dsrv_settings()->worker_connection_max;

	return spares.pid != 0 && spares.pid == getpid() &&
	    dsrv_stage_stop_signal() == 0 &&
	    (most == 0 || spares.served < most);
}

int
dsrv_spare_take(struct dsrv_client *client)
{
	sigset_t mask;
	int got;

	if (!may_take_another())
		return -1;
	dsrv_catch_block(&mask);
	got = take_at_once(client);
	spares.served += got == 0;
	dsrv_catch_let_in(&mask);
	return got;
}

int
dsrv_spare_wait(struct dsrv_client *client)
{
	sigset_t mask;
	int got = -1;

	if (spares.pid == 0 || spares.pid != getpid())
		return -1;
	dsrv_catch_block(&mask);
	if (may_take_another() && has_listeners() && take_seat(spares.pid))
		got = wait_seated(client, &mask);
	spares.served += got == 0;
	if (got == -1)
		leave();
	dsrv_catch_let_in(&mask);
	return got;
}

int
dsrv_spare_null(void)
{
	return spares.pid != 0 ? *end(NULL_DEVICE) : -1;
}
