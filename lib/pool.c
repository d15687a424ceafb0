/*
 * pool.c - a server's side of its spares: when to fork and to dismiss them
 *
 * The server does not accept: other processes share its listeners, and one of
 * them might make accept(2) block. If clients wait and no spare takes them, it
 * forks more, even if slots say that spares wait.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
#include <unistd.h>

#include "report.h"
#include "spares.h"

enum {
	FIRST_PAUSE = 100, LONGEST_PAUSE = 1000,	/* ms */
	HELPINGS = 8	/* spares at a time, for clients that no spare takes */
};

/* Children inherit these. */
static struct {
	struct dsrv_wakeup wakeup;	/* spares wake the server */
	int from_server;		/* the spares': end of file ... */
	int lifeline;			/* ... tells idle ones to exit */
	int null_device;
} ends = { .wakeup = { -1, -1 }, .from_server = -1, .lifeline = -1,
	.null_device = -1 };

static int
open_ends(const int *listeners, int count)
{
	const struct dsrv_settings *set = dsrv_settings();

	if (dsrv_slots_open(set->worker_spare_count,
	    set->worker_count_max) == 0 &&
	    dsrv_wakeup_open(&ends.wakeup) == 0 &&
	    dsrv_descriptors_pipe(&ends.from_server, &ends.lifeline, 0) == 0 &&
	    (ends.null_device = dsrv_descriptors_open_null()) != -1 &&
	    dsrv_spare_prepare(listeners, count, ends.from_server,
	    ends.wakeup.to, ends.null_device) == 0)
		return 0;
	dsrv_pool_close();
	return -1;
}

int
dsrv_pool_open(struct dsrv_pool *pool, const int *listeners,
    struct dsrv_acceptor *acceptor, struct dsrv_loop *loop, int tag)
{
	if (open_ends(listeners, acceptor->count) == -1)
		return -1;
	pool->is_open = 1;
	pool->acceptor = acceptor;
	pool->loop = loop;
	pool->tag = tag;
	dsrv_loop_watch(loop, tag, ends.wakeup.fd, POLLIN);
	return 0;
}

void
dsrv_pool_close(void)
{
	int saved = errno;

	dsrv_pool_release();
	dsrv_wakeup_close(&ends.wakeup);
	dsrv_descriptors_close(&ends.from_server);
	dsrv_descriptors_close(&ends.null_device);
	dsrv_slots_close();
	dsrv_spare_forget();
	errno = saved;
}

void
dsrv_pool_release(void)
{
	dsrv_descriptors_close(&ends.lifeline);
}

/*
 * When to fork: first for clients that wait, even if slots say that spares
 * wait; then until enough spares wait
 */

int
dsrv_pool_next(struct dsrv_pool *pool, int may_fork, int *slot)
{
	/* Before counting: a spare that leaves its slot right now sees the
	 * flag, or is counted here. */
	dsrv_slots_allow_call(may_fork ? DSRV_CALL_IF_FEW : DSRV_CALL_NEVER);
	if (!may_fork)
		return 0;
	if (dsrv_slots_few_wait())
		pool->refill = 1;
	if (pool->hungry > 0 && dsrv_accept_has_clients(pool->acceptor)) {
		pool->hungry--;
		pool->sent++;
		pool->turn++;
		/* If enough seem to wait, it is not to wait itself. */
		*slot = dsrv_slots_enough_wait() ? -1 : dsrv_slots_reserve();
		return 1;
	}
	pool->hungry = 0;
	if (pool->refill && !dsrv_slots_enough_wait() &&
	    (*slot = dsrv_slots_reserve()) != -1) {
		pool->turn++;
		return 1;
	}
	pool->refill = 0;
	return 0;
}

void
dsrv_pool_hear(struct dsrv_pool *pool)
{
	dsrv_wakeup_take(&ends.wakeup);
	dsrv_slots_adapt(dsrv_accept_has_clients(pool->acceptor));
	/* A spare that has gone may have been woken for a client. */
	pool->refill = pool->hungry = 1;
	pool->lost = 0;
	dsrv_accept_check(pool->acceptor);
}

void
dsrv_pool_miss(struct dsrv_pool *pool)
{
	pool->hungry = 1;
}

/* The spare may have been the only one woken for a client. */
int
dsrv_pool_lose(struct dsrv_pool *pool, const struct dsrv_ended *ended)
{
	int waited = dsrv_slots_lose(ended->pid);
	int in_vain = !waited && !dsrv_progress_has(ended->child.place,
	    DSRV_PROGRESS_CLIENT);

	pool->sent_in_vain += in_vain;
	if (in_vain)
		dsrv_slots_adapt(0);
	/* No spare wakes for a listener that has become useless. */
	if (in_vain || waited)
		dsrv_accept_check(pool->acceptor);
	if (!waited)
		return 0;
	/* Deaths by a signal are reported for all workers. */
	if (pool->lost++ == 0 && WIFEXITED(ended->status))
		dsrv_report("keep a spare: it %s; another follows",
		    dsrv_report_how(ended->status));
	pool->refill = pool->hungry = 1;
	return pool->lost > 1 || !dsrv_accept_has_clients(pool->acceptor) ?
	    dsrv_backoff(pool->lost, FIRST_PAUSE, LONGEST_PAUSE) : 0;
}

void
dsrv_pool_tick(struct dsrv_pool *pool)
{
	pool->lost = 0;
	/* No spare notices if a worker has made a listener a client. */
	dsrv_accept_check(pool->acceptor);
	if (dsrv_loop_timer(pool->loop, pool->tag) == DSRV_NEVER)
		dsrv_pool_look(pool);
}

/* Whether all spares that were forked for clients ended without one, as if
 * accepting fails. */
static int
was_in_vain(const struct dsrv_pool *pool)
{
	return pool->sent > 0 && pool->sent_in_vain >= pool->sent;
}

/* The slots are only a hint. Forks for clients that still wait after a moment,
 * as often as necessary, but not often in vain. */
void
dsrv_pool_look(struct dsrv_pool *pool)
{
	int waits = dsrv_accept_has_clients(pool->acceptor);

	dsrv_slots_audit(dsrv_loop_known(pool->loop));
	pool->vain_looks = waits && was_in_vain(pool) ?
	    pool->vain_looks + 1 : 0;
	pool->sent = pool->sent_in_vain = 0;
	if (waits && pool->looked)
		pool->hungry = pool->vain_looks > 0 ? 1 : HELPINGS;
	pool->looked = waits;
	dsrv_loop_set_timer(pool->loop, pool->tag, waits ? dsrv_clock_now() +
	    dsrv_backoff(pool->vain_looks + 1, FIRST_PAUSE,
	    LONGEST_PAUSE) : DSRV_NEVER);
}

void
dsrv_pool_leave(void)
{
	dsrv_pool_release();
	dsrv_wakeup_only_send(&ends.wakeup);
}
