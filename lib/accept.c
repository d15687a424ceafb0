/*
 * accept.c - a server's listeners: accept from the ones that work
 *
 * A listener where accepting keeps failing is paused, the others are not. One
 * that no longer listens is mended if a worker may have ended it, else dropped.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "role.h"
#include "spares.h"

enum {
	FIRST_PAUSE = 100, LONGEST_PAUSE = 1000,	/* ms */
	QUIET = 10000	/* ms between two messages about mended listeners */
};

/* With spares, workers hold the listeners, too. */
static int
is_shared(int fd)
{
	return dsrv_role()->shared->has_spares && dsrv_ports_can_mend(fd);
}

/* A socket that the master has ended is not mended. */
static int
can_mend(int fd)
{
	return !dsrv_role()->shared->has_ended && is_shared(fd);
}

int
dsrv_accept_check_list(const int *fds, int count)
{
	int i, j, error;

	if (fds == NULL || count < 1) {
		dsrv_report("serve: there are no listening sockets");
		return EINVAL;
	}
	for (i = 0; i < count; i++) {
		error = dsrv_listener_check(fds[i]);
		/* A shortage of the system says nothing about the socket. */
		if (error != 0 && !can_mend(fds[i]) &&
		    dsrv_listener_why(error) == DSRV_LISTENER_SOCKET) {
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

int
dsrv_accept_open(struct dsrv_acceptor *a, const int *fds, int count,
    struct dsrv_loop *loop, int tag)
{
	int i;

	/* A worker inherits none of it. */
	a->listeners = dsrv_memory_own((size_t)count * sizeof *a->listeners);
	if (a->listeners == NULL)
		return -1;
	a->loop = loop;
	a->tag = tag;
	a->count = a->usable = count;
	a->watched = DSRV_ACCEPT_ALL;
	for (i = 0; i < count; i++) {
		a->listeners[i].fd = fds[i];
		a->listeners[i].is_unix = dsrv_listener_is_unix(fds[i]);
		a->listeners[i].is_inherited =
		    dsrv_ownsocket_is_inherited(fds[i]);
		if (dsrv_listener_prepare(fds[i], dsrv_role()->follows &&
		    is_shared(fds[i])) == -1) {
			dsrv_accept_close(a);
			return -1;
		}
		dsrv_loop_watch(loop, tag + i, fds[i], POLLIN);
	}
	a->other_count = dsrv_ports_others(fds, count, &a->others);
	if (a->other_count == -1)
		dsrv_accept_close(a);
	return a->other_count == -1 ? -1 : 0;
}

void
dsrv_accept_close(struct dsrv_acceptor *a)
{
	dsrv_memory_free(a->listeners,
	    (size_t)a->count * sizeof *a->listeners);
	a->listeners = NULL;
	free(a->others);
}

static void
stop(struct dsrv_acceptor *a, int index)
{
	dsrv_loop_forget(a->loop, a->tag + index);
	dsrv_loop_set_timer(a->loop, a->tag + index, DSRV_NEVER);
}

/* The child that accepts has this much time. */
static void
set_limit(struct dsrv_acceptor *a)
{
	dsrv_loop_set_timer(a->loop, a->tag + a->taker.listener,
	    dsrv_clock_now() + LONGEST_PAUSE);
}

void
dsrv_accept_stop(struct dsrv_acceptor *a)
{
	int i;

	for (i = 0; i < a->count; i++) {
		stop(a, i);
		/* At a stop nothing may listen again. */
		if (a->listeners[i].mender != 0)
			kill(a->listeners[i].mender, SIGKILL);
	}
	if (a->taker.pid != 0)	/* its client is still served */
		set_limit(a);
}

static void
drop(struct dsrv_acceptor *a, int index)
{
	dsrv_report("accept on descriptor %d: %s", a->listeners[index].fd,
	    strerror(errno));
	stop(a, index);
	a->usable--;
}

/*
 * A pause, with the listener's timer
 */

static int
is_in_use(const struct dsrv_acceptor *a, int index)
{
	return dsrv_loop_watches(a->loop, a->tag + index);
}

static int
may_accept(const struct dsrv_acceptor *a, const struct dsrv_listener *l)
{
	return a->watched == DSRV_ACCEPT_ALL ||
	    (a->watched == DSRV_ACCEPT_NOT_UNIX && !l->is_unix);
}

static int
is_resting(const struct dsrv_acceptor *a, int index)
{
	return dsrv_loop_timer(a->loop, a->tag + index) != DSRV_NEVER;
}

static void
rest(struct dsrv_acceptor *a, int index, int pause)
{
	dsrv_loop_pause(a->loop, a->tag + index);
	dsrv_loop_set_timer(a->loop, a->tag + index,
	    dsrv_clock_now() + pause);
}

/* The master may have ended a socket that no longer listens. Then its signal
 * was sent first, and is read before the pause is over. */
static void
suspect(struct dsrv_acceptor *a, int index)
{
	if (is_resting(a, index))
		return;
	a->listeners[index].is_suspect = 1;
	rest(a, index, FIRST_PAUSE);
}

/* One message for all listeners that fail for the same reason. */
static void
say(const struct dsrv_acceptor *a, const struct dsrv_listener *l, int error)
{
	int i;

	for (i = 0; i < a->count; i++)
		if (a->listeners[i].error == error && &a->listeners[i] != l)
			return;
	dsrv_report("accept a connection: %s; trying again", strerror(error));
}

static void
fail_listener(struct dsrv_acceptor *a, int index, int error)
{
	struct dsrv_listener *l = &a->listeners[index];
	int pause = dsrv_listener_pause(error, &l->failures);

	if (pause == 0)
		return;
	if (l->error != error)
		say(a, l, error);
	l->error = error;
	rest(a, index, pause);
}

/*
 * One that no longer listens
 */

static void
mend(struct dsrv_acceptor *a, int index)
{
	struct dsrv_listener *l = &a->listeners[index];

	if (l->mender == 0)	/* the last one may still wait for a lock */
		l->mender = dsrv_ports_mend(a->loop, l->fd);
	if (l->mender == -1)
		l->mender = 0;
	rest(a, index, dsrv_backoff(++l->failures, FIRST_PAUSE,
	    LONGEST_PAUSE));
}

static void
say_mended(struct dsrv_acceptor *a, const struct dsrv_listener *l)
{
	int64_t now = dsrv_clock_now();

	if (now < a->quiet_until)
		return;
	a->quiet_until = now + QUIET;
	dsrv_report("keep listening on descriptor %d: it was shut down; "
	    "it listens again", l->fd);
}

/* The child that was to mend it has ended. */
static void
judge(struct dsrv_acceptor *a, int index, int status)
{
	struct dsrv_listener *l = &a->listeners[index];
	int error = WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;

	l->mender = 0;
	if (!is_in_use(a, index))
		return;
	if (error == 0)
		say_mended(a, l);
	else if (error != l->error)
		dsrv_report("listen on descriptor %d again: %s; trying again",
		    l->fd, strerror(error));
	l->error = error;
	if (error == 0)
		rest(a, index, 0);
}

int
dsrv_accept_lose(struct dsrv_acceptor *a, const struct dsrv_ended *ended)
{
	int i;

	for (i = 0; i < a->count; i++)
		if (a->listeners[i].mender == ended->pid) {
			judge(a, i, ended->status);
			return 1;
		} else if (a->listeners[i].stuck == ended->pid) {
			a->listeners[i].stuck = 0;
			return 1;
		}
	return 0;
}

/* The child that accepts sleeps, as another process has taken its client, and
 * keeps other listeners waiting. After SIGKILL only a lock can keep it. */
static void
hurry(struct dsrv_acceptor *a, int index)
{
	if (a->taker.is_late) {
		a->listeners[index].stuck = dsrv_taker_give_up(&a->taker);
		rest(a, index, LONGEST_PAUSE);
		return;
	}
	kill(a->taker.pid, SIGKILL);
	a->taker.is_late = 1;
	set_limit(a);
}

void
dsrv_accept_retry(struct dsrv_acceptor *a, int index)
{
	struct dsrv_listener *l = &a->listeners[index];
	int error = l->is_suspect ? dsrv_listener_check(l->fd) : 0;

	if (a->taker.pid != 0 && a->taker.listener == index)
		hurry(a, index);
	else if (l->stuck != 0)
		rest(a, index, LONGEST_PAUSE);
	else if (error == 0) {
		if (l->is_suspect)
			l->is_suspect = l->failures = l->error = 0;
		if (may_accept(a, l))
			dsrv_loop_resume(a->loop, a->tag + index);
	} else if (dsrv_role()->shared->has_ended)	/* the signal is coming */
		rest(a, index, FIRST_PAUSE);
	else if (can_mend(l->fd))
		mend(a, index);
	else {
		errno = error;
		drop(a, index);
		if (dsrv_settings()->worker_spare_count > 0)
			dsrv_spare_drop(index);
	}
}

/*
 * Clients
 */

void
dsrv_accept_fail(struct dsrv_acceptor *a, int index, int error)
{
	if (dsrv_listener_why(error) == DSRV_LISTENER_SOCKET)
		suspect(a, index);
	else
		fail_listener(a, index, error);
}

int
dsrv_accept_from(struct dsrv_acceptor *a, int index,
    struct dsrv_client *client)
{
	struct dsrv_listener *l = &a->listeners[index];

	if (dsrv_listener_accept(l->fd, client) == -1)
		return errno;
	client->listener = index;
	l->failures = l->error = 0;
	return 0;
}

/* Workers of an earlier server may hold it, or other services. One of these may
 * make it block when it ends; one that does so again is not to be trusted. */
int
dsrv_accept_may_sleep(struct dsrv_acceptor *a, int index)
{
	struct dsrv_listener *l = &a->listeners[index];

	if (dsrv_role()->shared->has_spares)
		return 1;
	if (!l->is_inherited)
		return 0;
	if (l->changes > 1)
		return 1;
	l->changes += dsrv_listener_unblock(l->fd);
	return l->changes > 1;
}

int
dsrv_accept_begin(struct dsrv_acceptor *a, int index)
{
	int error = dsrv_taker_begin(&a->taker, a->loop,
	    a->listeners[index].fd, index);

	if (error == 0)
		set_limit(a);
	return error;
}

int
dsrv_accept_end(struct dsrv_acceptor *a, const struct dsrv_ended *ended,
    struct dsrv_client *client)
{
	int error, index = a->taker.listener;
	struct dsrv_listener *l = &a->listeners[index];

	if (a->taker.pid == 0 || ended->pid != a->taker.pid)
		return -1;
	error = dsrv_taker_end(&a->taker, ended->status, client);
	dsrv_loop_set_timer(a->loop, a->tag + index, DSRV_NEVER);
	if (error != 0) {
		if (is_in_use(a, index))
			dsrv_accept_fail(a, index, error);
		return -1;
	}
	client->listener = index;
	l->failures = l->error = 0;
	return 0;
}

void
dsrv_accept_leave(const struct dsrv_acceptor *a)
{
	if (a->taker.pid != 0)
		kill(a->taker.pid, SIGKILL);
}

void
dsrv_accept_watch(struct dsrv_acceptor *a, enum dsrv_accept which)
{
	int i;

	if (which == a->watched)
		return;
	a->watched = which;
	for (i = 0; i < a->count; i++)
		if (!may_accept(a, &a->listeners[i]))
			dsrv_loop_pause(a->loop, a->tag + i);
		else if (!is_resting(a, i))
			dsrv_loop_resume(a->loop, a->tag + i);
}

int
dsrv_accept_has_clients(const struct dsrv_acceptor *a)
{
	int i;

	for (i = 0; i < a->count; i++)
		if (is_in_use(a, i) && !(a->watched == DSRV_ACCEPT_NOT_UNIX &&
		    !a->listeners[i].is_unix) &&
		    dsrv_listener_has_client(a->listeners[i].fd))
			return 1;
	return 0;
}

int
dsrv_accept_check(struct dsrv_acceptor *a)
{
	int i, good = 1;

	for (i = 0; i < a->count; i++)
		if (is_in_use(a, i) &&
		    dsrv_listener_check(a->listeners[i].fd) != 0) {
			suspect(a, i);
			good = 0;
		}
	return good;
}
