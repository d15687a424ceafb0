/*
 * pool.c - a server's side of its spares: when to fork them, when they leave
 *
 * The server does not accept: it has other processes hold its listeners, and
 * one of them might make accept(2) wait. Where clients wait and no spare takes
 * them, it forks others, whatever the slots say.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <unistd.h>

#include "daemon-private.h"

static struct {
	struct dsrv_wakeup wakeup;	/* by the spares */
	int from_server;		/* the spares': its end of file ... */
	int lifeline;			/* ... has those that wait leave */
	int null_device;
} pool = { .wakeup = { -1, -1 }, .from_server = -1, .lifeline = -1,
	.null_device = -1 };

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

int
dsrv_pool_open(const int *listeners, int count)
{
	const struct dsrv_settings *set = dsrv_settings();

	if (dsrv_slots_open(set->worker_spare_count,
	    set->worker_count_max) == 0 &&
	    dsrv_wakeup_open(&pool.wakeup) == 0 &&
	    dsrv_descriptors_pipe(&pool.from_server, &pool.lifeline) == 0 &&
	    (pool.null_device = dsrv_descriptors_open_null()) != -1 &&
	    dsrv_spare_prepare(listeners, count, pool.from_server,
	    pool.wakeup.to, pool.null_device) == 0)
		return pool.wakeup.fd;
	dsrv_pool_close();
	return -1;
}

void
dsrv_pool_close(void)
{
	int saved = errno;

	dsrv_pool_dismiss();
	dsrv_wakeup_close(&pool.wakeup);
	shut(&pool.from_server);
	shut(&pool.null_device);
	dsrv_slots_close();
	dsrv_spare_forget();
	errno = saved;
}

void
dsrv_pool_dismiss(void)
{
	shut(&pool.lifeline);
}

int
dsrv_pool_is_short(int room)
{
	/* The flag first: a spare that leaves its slot now sees it, or is
	 * counted here. */
	dsrv_slots_allow_call(room);
	return room && dsrv_slots_few_wait();
}

void
dsrv_pool_hear(void)
{
	dsrv_wakeup_take(&pool.wakeup);
}

void
dsrv_pool_leave(void)
{
	dsrv_pool_dismiss();
	dsrv_wakeup_only_send(&pool.wakeup);
}
