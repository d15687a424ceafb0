/*
 * accept.c - a server's listeners: accept from the ones that work
 *
 * A listener where accepting keeps failing is paused, the others are not.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "report.h"
#include "workers.h"

enum { SUSPICION = 500 };	/* ms, for a stop to be heard of */

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
		/* What the system is short of says nothing of the socket. */
		if (error != 0 &&
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

	/* A worker has none of it. */
	a->listeners = dsrv_memory_own((size_t)count * sizeof *a->listeners);
	if (a->listeners == NULL)
		return -1;
	a->loop = loop;
	a->tag = tag;
	a->count = a->usable = count;
	a->watched = 1;
	for (i = 0; i < count; i++) {
		a->listeners[i].fd = fds[i];
		if (dsrv_listener_prepare(fds[i]) == -1) {
			dsrv_accept_close(a);
			return -1;
		}
		dsrv_loop_watch(loop, tag + i, fds[i], POLLIN);
	}
	return 0;
}

void
dsrv_accept_close(struct dsrv_acceptor *a)
{
	dsrv_memory_free(a->listeners,
	    (size_t)a->count * sizeof *a->listeners);
	a->listeners = NULL;
}

static void
stop(struct dsrv_acceptor *a, int index)
{
	dsrv_loop_forget(a->loop, a->tag + index);
	dsrv_loop_set_timer(a->loop, a->tag + index, DSRV_NEVER);
}

void
dsrv_accept_stop(struct dsrv_acceptor *a)
{
	int i;

	for (i = 0; i < a->count; i++)
		stop(a, i);
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

/* The master may have ended a socket that no longer listens, and the signal
 * may be on its way. */
static void
suspect(struct dsrv_acceptor *a, int index)
{
	if (is_resting(a, index))
		return;
	a->listeners[index].is_suspect = 1;
	rest(a, index, SUSPICION);
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

/* Whether it is to be tried again; else it is dropped. */
static int
is_cleared(struct dsrv_acceptor *a, int index)
{
	struct dsrv_listener *l = &a->listeners[index];

	if (!l->is_suspect)
		return 1;
	l->is_suspect = 0;
	if ((errno = dsrv_listener_check(l->fd)) == 0)
		return 1;
	drop(a, index);
	if (dsrv_settings()->worker_spare_count > 0)
		dsrv_spare_drop(index);
	return 0;
}

void
dsrv_accept_retry(struct dsrv_acceptor *a, int index)
{
	if (is_cleared(a, index) && a->watched)
		dsrv_loop_resume(a->loop, a->tag + index);
}

/*
 * Clients
 */

int
dsrv_accept_from(struct dsrv_acceptor *a, int index,
    struct dsrv_client *client)
{
	struct dsrv_listener *l = &a->listeners[index];

	if (dsrv_listener_accept(l->fd, client) == -1) {
		if (dsrv_listener_why(errno) == DSRV_LISTENER_SOCKET)
			suspect(a, index);
		else
			fail_listener(a, index, errno);
		return -1;
	}
	client->listener = index;
	l->failures = l->error = 0;
	return 0;
}

void
dsrv_accept_watch(struct dsrv_acceptor *a, int on)
{
	int i;

	for (i = 0; i < a->count && on != a->watched; i++)
		if (!on)
			dsrv_loop_pause(a->loop, a->tag + i);
		else if (!is_resting(a, i))
			dsrv_loop_resume(a->loop, a->tag + i);
	a->watched = on;
}

static int
is_in_use(const struct dsrv_acceptor *a, int index)
{
	return dsrv_loop_watches(a->loop, a->tag + index);
}

int
dsrv_accept_has_clients(const struct dsrv_acceptor *a)
{
	int i;

	for (i = 0; i < a->count; i++)
		if (is_in_use(a, i) &&
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
