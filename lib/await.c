/*
 * await.c - a spare's sleep: until one of its listeners is ready
 *
 * Or until its server is gone. A signal handler that tells the spare to leave
 * closes what it waits for: a signal before the check is seen, and one after
 * the check ends the wait.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_EPOLL_CREATE1
#include <sys/epoll.h>
#endif
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "role.h"
#include "spares.h"

static int
is_resting(const struct dsrv_await *a, unsigned index)
{
	return a->retry_at != NULL && a->retry_at[index] > a->now;
}

/* Until a paused listener is to be retried, or the spare may be late. */
static void
set_timeout(struct dsrv_await *a)
{
	int64_t until = a->leave_at;
	unsigned i;

	a->timeout = -1;
	if (a->retry_at == NULL && until == DSRV_NEVER)
		return;
	a->now = dsrv_clock_now();
	for (i = 0; i < (unsigned)a->count; i++)
		if (is_resting(a, i))
			until = dsrv_clock_earlier(until, a->retry_at[i]);
	if (until != DSRV_NEVER)
		a->timeout = until > a->now ? (int)(until - a->now) : 0;
}

/* The result if no listener is ready. */
static int
nothing_ready(int n)
{
	return n == 0 || errno == EINTR || errno == ENOMEM ?
	    DSRV_AWAIT_NOTHING : DSRV_AWAIT_LEAVE;
}

static int
wait_by_poll(const struct dsrv_await *a)
{
	unsigned i, index, count = (unsigned)a->count;
	struct pollfd *set = calloc(count + 1, sizeof *set);
	int n, ready;

	if (set == NULL)
		return DSRV_AWAIT_LEAVE;
	for (i = 0; i <= count; i++) {
		set[i].fd = i < count && is_resting(a, i) ? -1 : a->fds[i];
		set[i].events = POLLIN;
	}
	n = dsrv_role_stop_signal() != 0 ? 0 :
	    poll(set, count + 1, a->timeout);
	ready = n > 0 ? DSRV_AWAIT_NOTHING : nothing_ready(n);
	for (i = 0; i < count && n > 0 && ready == DSRV_AWAIT_NOTHING; i++) {
		index = (a->first + i) % count;
		if (set[index].revents != 0)
			ready = (int)index;
	}
	if (n > 0 && set[count].revents != 0)
		ready = DSRV_AWAIT_LEAVE;
	free(set);
	return ready;
}

#ifdef HAVE_EPOLL_CREATE1

enum { READY_MAX = 16 };

static int
change_interest(const struct dsrv_await *a, int operation, unsigned index,
    uint32_t how)
{
	struct epoll_event event = { .events = EPOLLIN | how };

	event.data.u32 = index;
	return a->fds[index] == -1 ? 0 :
	    epoll_ctl(*a->waiter, operation, a->fds[index], &event);
}

/* Each spare has its own waiter, so a connection wakes only one spare, even
 * with several listeners. */
static int
open_waiter(const struct dsrv_await *a)
{
	if (*a->waiter != -1)
		return 0;
	*a->waiter = dsrv_descriptors_own(epoll_create1(EPOLL_CLOEXEC));
	if (*a->waiter == -1)
		return -1;
	if (change_interest(a, EPOLL_CTL_ADD, (unsigned)a->count, 0) == 0)
		return 0;
	close(*a->waiter);	/* without its server it would wait for ever */
	*a->waiter = -1;
	return -1;
}

static int
watch_listeners(const struct dsrv_await *a)
{
	unsigned i, index, count = (unsigned)a->count;

	for (i = 0; i < count; i++) {
		index = (a->first + i) % count;
		if (!is_resting(a, index) &&
		    change_interest(a, EPOLL_CTL_ADD, index,
		    EPOLLEXCLUSIVE) == -1)
			return -1;
	}
	return 0;
}

/* Every process that watches a listener makes each connection slower, so a busy
 * spare stops watching. */
static void
leave_listeners(const struct dsrv_await *a)
{
	unsigned i;

	for (i = 0; i < (unsigned)a->count && *a->waiter != -1; i++)
		change_interest(a, EPOLL_CTL_DEL, i, 0);
}

int
dsrv_await_one(struct dsrv_await *a)
{
	struct epoll_event events[READY_MAX];
	int i, n, ready;

	set_timeout(a);
	if (open_waiter(a) == -1 || watch_listeners(a) == -1) {
		leave_listeners(a);
		return wait_by_poll(a);
	}
	n = dsrv_role_stop_signal() != 0 ? 0 :
	    epoll_wait(*a->waiter, events, READY_MAX, a->timeout);
	ready = n > 0 ? (int)events[0].data.u32 : nothing_ready(n);
	for (i = 0; i < n; i++)
		if ((int)events[i].data.u32 == a->count)
			ready = DSRV_AWAIT_LEAVE;
	leave_listeners(a);
	return ready;
}

#else

int
dsrv_await_one(struct dsrv_await *a)
{
	set_timeout(a);
	return wait_by_poll(a);
}

#endif
