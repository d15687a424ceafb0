/*
 * tally.c - counters in memory that a master shares with its servers
 *
 * Each counter has one writer. Spares count their clients in the page that they
 * share with their server: what they say there is only shown.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <limits.h>
#include <stdatomic.h>

#include "visible.h"
#include "spares.h"

static void
set(_Atomic unsigned long *counter, unsigned long value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

static void
add(_Atomic unsigned long *counter, unsigned long more)
{
	set(counter, atomic_load_explicit(counter, memory_order_relaxed) +
	    more);
}

void
dsrv_tally_connection(struct dsrv_tally *tally)
{
	add(&tally->connections, 1);
}

void
dsrv_tally_refuse(struct dsrv_tally *tally, int denial, int count)
{
	add(&tally->refused[denial], (unsigned long)count);
}

void
dsrv_tally_end(struct dsrv_tally *tally, int status, int is_late)
{
	add(&tally->ends[is_late ? DSRV_ENDED_LATE :
	    WIFSIGNALED(status) ? DSRV_ENDED_BY_SIGNAL :
	    WEXITSTATUS(status) == 0 ? DSRV_ENDED_WELL : DSRV_ENDED_BADLY], 1);
}

/* A spare cannot make the counter go back. */
static void
take_clients(struct dsrv_tally *tally)
{
	static unsigned taken;
	unsigned clients = dsrv_slots_clients(), more = clients - taken;

	taken = clients;
	if (more <= INT_MAX)
		add(&tally->connections, more);
}

void
dsrv_tally_look(struct dsrv_tally *tally, int workers)
{
	/* Even without the file: the service manager hears it. */
	set(&tally->limit, (unsigned long)dsrv_settings()->worker_count_max);
	if (dsrv_visible()->status_file == NULL)
		return;
	take_clients(tally);
	if ((unsigned long)workers > tally->most)
		set(&tally->most, (unsigned long)workers);
}

void
dsrv_tally_follow(uint64_t *sum, unsigned long *seen, unsigned long now)
{
	*sum += now - *seen;
	*seen = now;
}
