/*
 * progress.c - how far each worker has come, as it says itself; only a hint
 *
 * No exit status can tell it, since the program may end with any. So each worker
 * has a byte in a page that all of them can write, and its server reads that at
 * the worker's end. A compromised worker could change what the log says of
 * connections, and how soon the next spare is forked.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>

#include "visible.h"
#include "spares.h"

static struct {
	unsigned char *shared;	/* a byte for each place; NULL: nobody asks */
	int *free;		/* places that were used before; the server's */
	int free_count;
	int used;		/* places, ever */
	int count;
	int own;		/* the place reserved last: in a child, its own */
} page;

static size_t
free_size(void)
{
	return (size_t)page.count * sizeof *page.free;
}

int
dsrv_progress_open(void)
{
	const struct dsrv_settings *set = dsrv_settings();

	page.free_count = page.used = page.own = 0;
	if (!dsrv_visible()->connection_log && set->worker_spare_count == 0)
		return 0;
	page.count = set->worker_count_max;
	page.shared = dsrv_memory_shared((size_t)page.count);
	page.free = dsrv_memory_own(free_size());
	if (page.shared != NULL && page.free != NULL)
		return 0;
	dsrv_progress_close();
	return -1;
}

void
dsrv_progress_close(void)
{
	int saved = errno;

	if (page.shared != NULL)
		dsrv_memory_free(page.shared, (size_t)page.count);
	if (page.free != NULL)
		dsrv_memory_free(page.free, free_size());
	page.shared = NULL;
	page.free = NULL;
	errno = saved;
}

static unsigned char *
byte(int place)
{
	return &page.shared[place - 1];
}

int
dsrv_progress_reserve(void)
{
	/* Without it nothing may be written: each fork would cost a fault. */
	if (page.shared == NULL)
		return 0;
	page.own = 0;
	if (page.free_count > 0)
		page.own = page.free[--page.free_count];
	else if (page.used < page.count)
		page.own = ++page.used;
	if (page.own != 0)
		__atomic_store_n(byte(page.own), DSRV_PROGRESS_NONE,
		    __ATOMIC_RELAXED);
	return page.own;
}

void
dsrv_progress_release(int place)
{
	if (place != 0)
		page.free[page.free_count++] = place;
}

int
dsrv_progress_has(int place, enum dsrv_progress progress)
{
	return place == 0 ||
	    __atomic_load_n(byte(place), __ATOMIC_RELAXED) >= (int)progress;
}

void
dsrv_progress_note(enum dsrv_progress progress)
{
	if (!dsrv_progress_has(page.own, progress))
		__atomic_store_n(byte(page.own), progress, __ATOMIC_RELAXED);
}
