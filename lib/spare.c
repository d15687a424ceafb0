/*
 * spare.c - a worker that waits for a connection and accepts it itself
 *
 *     server ---- spare
 *                 waits here for a client, and becomes its worker
 *
 * Signals are unblocked while it waits. A handler that tells it to leave closes
 * what it waits for, so that no signal is lost between a check and a sleep,
 * even if another process has made the listeners blocking.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "spares.h"

enum { FROM_SERVER, TO_SERVER, NULL_DEVICE, WAITER, ENDS };
enum { EXTRA_TIME = 1000 };	/* ms that one for a busy server waits */

struct identity {
	dev_t dev;	/* the file: the program may close it, and ... */
	ino_t ino;	/* ... open another by the same number */
};

static struct {
	int *fds;		/* the listeners, then ENDS; -1: closed */
	struct identity *files;	/* of the listeners and of FROM_SERVER */
	int *failures;		/* in a row, to accept at a listener */
	int64_t *retry_at;	/* when to retry a listener */
	int listeners;
	pid_t pid;		/* 0: this process is not a spare */
	int slot;		/* -1: none */
	int served;		/* connections */
	int usable;		/* it has what it needs for another */
	int resting;		/* some listener has been paused */
	int64_t leave_at;	/* DSRV_NEVER: it waits until it has a client */
	unsigned turn;		/* the listener to try first */
} spare;

static int *
pipe_end(int which)
{
	return &spare.fds[spare.listeners + which];
}

/*
 * In the server, before it forks a spare
 */

static void
remember(int index)
{
	struct stat file;

	if (fstat(spare.fds[index], &file) == 0) {
		spare.files[index].dev = file.st_dev;
		spare.files[index].ino = file.st_ino;
	}
}

int
dsrv_spare_prepare(const int *listeners, int count, int from_server,
    int to_server, int null_device)
{
	int i;

	spare.listeners = count;
	spare.fds = malloc(((size_t)count + ENDS) * sizeof *spare.fds);
	spare.files = calloc((size_t)count + 1, sizeof *spare.files);
	spare.failures = calloc((size_t)count, sizeof *spare.failures);
	spare.retry_at = calloc((size_t)count, sizeof *spare.retry_at);
	if (spare.fds == NULL || spare.files == NULL ||
	    spare.failures == NULL || spare.retry_at == NULL)
		return -1;
	for (i = 0; i < count; i++) {
		spare.fds[i] = listeners[i];
		/* A worker that keeps it may execute another program. */
		fcntl(listeners[i], F_SETFD, FD_CLOEXEC);
	}
	*pipe_end(FROM_SERVER) = from_server;
	*pipe_end(TO_SERVER) = to_server;
	*pipe_end(NULL_DEVICE) = null_device;
	*pipe_end(WAITER) = -1;
	for (i = 0; i <= count; i++)	/* FROM_SERVER comes after them */
		remember(i);
	return 0;
}

void
dsrv_spare_forget(void)
{
	free(spare.fds);
	free(spare.files);
	free(spare.failures);
	free(spare.retry_at);
	memset(&spare, 0, sizeof spare);
}

void
dsrv_spare_drop(int listener)
{
	spare.fds[listener] = -1;
}

/*
 * The spare's descriptors: the program may have closed all, as by closefrom(3)
 */

static int
is_ours(int index)
{
	struct stat file;

	return spare.fds[index] != -1 &&
	    fstat(spare.fds[index], &file) == 0 &&
	    file.st_dev == spare.files[index].dev &&
	    file.st_ino == spare.files[index].ino;
}

/* A signal handler or another thread may be first: only one of them gets it. */
static int
forget_listener(int index)
{
	return __atomic_exchange_n(&spare.fds[index], -1, __ATOMIC_SEQ_CST);
}

static void
close_place(int index)
{
	int fd, ours = is_ours(index);

	if ((fd = forget_listener(index)) != -1 && ours)
		close(fd);
}

/* Only FROM_SERVER can be recognized; the others are closed if it is. */
static void
close_end(int which)
{
	int fd = forget_listener(spare.listeners + which);

	if (fd != -1)
		close(fd);
}

static int
has_ends(void)
{
	return is_ours(spare.listeners + FROM_SERVER);
}

static int
has_listeners(void)
{
	int i, count = 0;

	for (i = 0; i < spare.listeners; i++)
		if (is_ours(i))
			count++;
		else
			forget_listener(i);
	return count > 0;
}

void
dsrv_spare_stop(void)
{
	int i;

	if (spare.pid == 0)
		return;
	if (has_ends())
		close_end(WAITER);
	for (i = 0; i < spare.listeners; i++)
		close_place(i);
}

/* Stops being a spare. */
static void
leave(void)
{
	int i, own = has_ends();

	dsrv_spare_stop();
	for (i = 0; own && i < ENDS; i++)
		close_end(i);
	spare.pid = 0;
}

/*
 * Waiting; a listener where accepting fails is paused
 */

static int
wait_for_one(void)
{
	struct dsrv_await await = {
		.fds = spare.fds, .count = spare.listeners,
		.waiter = pipe_end(WAITER), .first = spare.turn++,
		.retry_at = spare.resting ? spare.retry_at : NULL,
		.leave_at = spare.leave_at
	};

	return dsrv_await_one(&await);
}

/*
 * Taking a client
 */

static int
accept_from(int index, struct dsrv_client *client)
{
	if (dsrv_listener_accept(spare.fds[index], client) == -1)
		return -1;
	client->listener = index;
	spare.failures[index] = 0;
	if (spare.served < INT_MAX)
		spare.served++;
	dsrv_progress_note(DSRV_PROGRESS_CLIENT);
	dsrv_slots_count_client();
	dsrv_slots_work(index);
	return 0;
}

/* If a listener no longer listens, the server must mend it. */
static void
tell_of_failure(int index, int error)
{
	if (dsrv_listener_why(error) == DSRV_LISTENER_SOCKET)
		dsrv_wakeup_send(*pipe_end(TO_SERVER));
	else if (dsrv_slots_fail(index))
		dsrv_report("accept a connection: %s; trying again",
		    strerror(error));
}

/* Returns whether to continue after a failure. */
static int
bear(int index, int error)
{
	int pause = dsrv_listener_pause(error, &spare.failures[index]);

	if (pause == 0)
		return 1;
	if (spare.served > 0 || !is_ours(index))
		return 0;
	tell_of_failure(index, error);
	spare.retry_at[index] = dsrv_clock_now() + pause;
	spare.resting = 1;
	return 1;
}

/* Takes a client that is already waiting. */
static int
take_at_once(struct dsrv_client *client)
{
	unsigned i, index, first = spare.turn++;
	unsigned count = (unsigned)spare.listeners;

	for (i = 0; i < count; i++) {
		index = (first + i) % count;
		/* If another process has made accept(2) block, nothing would
		 * wake a worker there that is not asked to finish. */
		if (spare.fds[index] == -1 || (!dsrv_settings()->worker_ask &&
		    !dsrv_listener_has_client(spare.fds[index])))
			continue;
		if (accept_from((int)index, client) == 0)
			return 0;
		if (errno != EAGAIN)
			bear((int)index, errno);
	}
	return -1;
}

/* Unlike accept(2), this does not wait for a lock, which a worker may hold. */
static int
has_client(void)
{
	int i;

	for (i = 0; i < spare.listeners; i++)
		if (spare.fds[i] != -1 &&
		    dsrv_listener_has_client(spare.fds[i]))
			return 1;
	return 0;
}

/* Forked for a busy server, it leaves its slot; a client that comes later is
 * for the others. */
static int
is_late(void)
{
	if (dsrv_clock_now() < spare.leave_at)
		return 0;
	spare.leave_at = DSRV_NEVER;
	if (!dsrv_slots_too_many_wait())
		return 0;
	dsrv_slots_release(spare.slot);
	spare.slot = -1;
	return 1;
}

/* Returns the next client; -1: it must leave. */
static int
wait_for_client(struct dsrv_client *client)
{
	int index;

	spare.leave_at = spare.served == 0 && dsrv_slots_too_many_wait() ?
	    dsrv_clock_now() + EXTRA_TIME : DSRV_NEVER;
	while (dsrv_role_stop_signal() == 0) {
		if ((index = wait_for_one()) == DSRV_AWAIT_LEAVE)
			return -1;
		if (index == DSRV_AWAIT_NOTHING && is_late())
			return take_at_once(client);
		if (index == DSRV_AWAIT_NOTHING)
			continue;
		if (accept_from(index, client) == 0)
			return 0;
		if (!bear(index, errno))
			return -1;
	}
	return -1;
}

/* Whether the server is alive and has not dismissed its spares. */
static int
is_wanted(void)
{
	struct pollfd server = { .fd = *pipe_end(FROM_SERVER), .events = POLLIN };

	return has_ends() && poll(&server, 1, 0) == 0;
}

/* Waits with a slot, which it releases for a client. If it leaves, it wakes the
 * server, since it may have been woken for a client. */
static int
wait_in_slot(struct dsrv_client *client)
{
	int got;

	dsrv_title_set("spare");
	/* A busy server's spare need not prepare to sleep. */
	if (!is_wanted() || !has_client() ||
	    (got = take_at_once(client)) == -1)
		got = wait_for_client(client);
	if (got == -1 && spare.served == 0)
		return -1;	/* the server will see the end */
	dsrv_slots_release(spare.slot);
	if (got == -1 || dsrv_slots_call())
		dsrv_wakeup_send(*pipe_end(TO_SERVER));
	return got;
}

/*
 * In a child of the server
 */

static void
become(int slot, unsigned turn)
{
	spare.pid = getpid();
	spare.slot = slot;
	spare.turn = turn;
	spare.served = 0;
	dsrv_role_keep(spare.fds, spare.listeners + ENDS);
}

int
dsrv_spare_begin(int slot, unsigned turn, struct dsrv_client *client)
{
	become(slot, turn);
	return slot == -1 ? take_at_once(client) : wait_in_slot(client);
}

static int
may_take_another(void)
{
	int most = dsrv_settings()->worker_connection_max;

	return dsrv_role_stop_signal() == 0 &&
	    (most == 0 || spare.served < most);
}

static int
is_spare(void)
{
	return spare.pid != 0 && spare.pid == getpid();
}

int
dsrv_spare_take(struct dsrv_client *client)
{
	sigset_t before;
	int got = -1;

	if (!is_spare())
		return -1;
	dsrv_sigaction_let_given_in(&before);
	spare.usable = is_wanted() && has_listeners();
	if (spare.usable && may_take_another())
		got = take_at_once(client);
	dsrv_sigaction_let_in(&before);
	return got;
}

int
dsrv_spare_wait(struct dsrv_client *client)
{
	sigset_t before;
	int got = -1;

	if (!is_spare())
		return -1;
	dsrv_sigaction_let_given_in(&before);
	if (spare.usable && may_take_another() &&
	    (spare.slot = dsrv_slots_take(spare.pid)) != -1)
		got = wait_in_slot(client);
	dsrv_sigaction_let_in(&before);
	if (got == -1)
		leave();
	return got;
}

void
dsrv_spare_call(void)
{
	if (is_spare() && has_ends())
		dsrv_wakeup_send(*pipe_end(TO_SERVER));
}

int
dsrv_spare_null(void)
{
	return spare.pid != 0 && has_ends() ? *pipe_end(NULL_DEVICE) : -1;
}
