/*
 * slots.c - the page in which spares say that they wait; only a hint
 *
 * A spare that waits for a client has a slot with its pid. So the server knows
 * how many wait, and a worker whether it may wait again, without messages. But
 * workers can write the page, and one may be compromised: the server checks
 * each slot against its children, and looks for clients that no spare takes.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "visible.h"
#include "spares.h"

enum {
	FREE = 0,		/* else the pid of a spare; or it is ... */
	RESERVED = -1		/* ... reserved for one that is being forked */
};

enum { BUSY = 16 };	/* so many spares wait if clients do */

static struct {
	int wanted;	/* how many should wait now, ... */
	int least, most;	/* ... between these */
	int usual;	/* slots, also for workers that return */
	int count;	/* with those that only a busy server needs */
	struct {
		unsigned clients;	/* that spares have taken */
		int wanted;	/* as the server wants them now */
		int may_call;	/* enum dsrv_slots_call */
		int failing;	/* the listener where accepting failed last,
				 * + 1, and that was reported; 0: none */
		pid_t slots[];
	} *shared;
} page;

static size_t
page_size(void)
{
	return sizeof *page.shared +
	    (size_t)page.count * sizeof page.shared->slots[0];
}

static int
smaller(int a, int b)
{
	return a < b ? a : b;
}

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

int
dsrv_slots_open(int wanted, int most)
{
	page.least = page.wanted = smaller(wanted, most);
	page.most = smaller(larger(wanted, BUSY), most);
	/* With only one slot for each spare, a worker that returns would find
	 * its slot taken by the spare forked in its place. */
	page.usual = smaller(2 * page.least, most);
	page.count = larger(page.usual, page.most);
	page.shared = dsrv_memory_shared(page_size());
	if (page.shared == NULL)
		return -1;
	page.shared->wanted = page.wanted;
	return 0;
}

void
dsrv_slots_close(void)
{
	if (page.shared != NULL)
		dsrv_memory_free(page.shared, page_size());
	page.shared = NULL;
}

static pid_t
holder(int slot)
{
	return __atomic_load_n(&page.shared->slots[slot], __ATOMIC_SEQ_CST);
}

/* Changes the slot if it holds from; returns whether it did. */
static int
change_slot(int slot, pid_t from, pid_t to)
{
	return __atomic_compare_exchange_n(&page.shared->slots[slot], &from,
	    to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int
take(int count, pid_t pid)
{
	int slot;

	for (slot = 0; slot < count; slot++)
		if (change_slot(slot, FREE, pid))
			return slot;
	return -1;
}

int
dsrv_slots_take(pid_t pid)
{
	return take(page.usual, pid);
}

int
dsrv_slots_reserve(void)
{
	return take(larger(page.usual, page.wanted), RESERVED);
}

void
dsrv_slots_give(int slot, pid_t pid)
{
	if (slot != -1)
		__atomic_store_n(&page.shared->slots[slot],
		    pid == -1 ? FREE : pid, __ATOMIC_SEQ_CST);
}

void
dsrv_slots_release(int slot)
{
	dsrv_slots_give(slot, FREE);
}

int
dsrv_slots_lose(pid_t pid)
{
	int slot, had = 0;

	for (slot = 0; slot < page.count; slot++)
		if (pid > 0 && holder(slot) == pid)
			had |= change_slot(slot, pid, FREE);
	return had;
}

void
dsrv_slots_count_client(void)
{
	if (dsrv_visible()->status_file != NULL)
		__atomic_add_fetch(&page.shared->clients, 1,
		    __ATOMIC_RELAXED);
}

unsigned
dsrv_slots_clients(void)
{
	return page.shared == NULL ? 0 :
	    __atomic_load_n(&page.shared->clients, __ATOMIC_RELAXED);
}

void
dsrv_slots_audit(const struct dsrv_children *children)
{
	static int audits;
	struct dsrv_child *child;
	int slot;
	pid_t pid;

	audits++;
	for (slot = 0; slot < page.count; slot++) {
		if ((pid = holder(slot)) == FREE)
			continue;
		child = dsrv_children_record(children, pid);
		if (child == NULL || child->audited == audits)
			change_slot(slot, pid, FREE);
		else
			child->audited = audits;
	}
}

static int
waiting(void)
{
	int slot, count = 0;

	for (slot = 0; slot < page.count; slot++)
		count += holder(slot) != FREE;
	return count;
}

int
dsrv_slots_any_wait(void)
{
	return waiting() > 0;
}

static int
few_wait(int wanted)
{
	return waiting() <= wanted / 2;
}

int
dsrv_slots_few_wait(void)
{
	return few_wait(page.wanted);
}

static int
is_failing(void)
{
	return __atomic_load_n(&page.shared->failing, __ATOMIC_SEQ_CST) != 0;
}

/* A server that wants one spare would fork the next only when that has its
 * client, and serve fewer than without. */
void
dsrv_slots_adapt(int clients_wait)
{
	if (clients_wait && !is_failing())
		page.wanted = smaller(2 * page.wanted, page.most);
	else
		page.wanted = larger(page.wanted / 2, page.least);
	__atomic_store_n(&page.shared->wanted, page.wanted, __ATOMIC_RELAXED);
}

int
dsrv_slots_enough_wait(void)
{
	return waiting() >= page.wanted;
}

int
dsrv_slots_too_many_wait(void)
{
	return waiting() > page.least;
}

void
dsrv_slots_allow_call(enum dsrv_slots_call when)
{
	__atomic_store_n(&page.shared->may_call, when, __ATOMIC_SEQ_CST);
}

int
dsrv_slots_call(void)
{
	switch (__atomic_load_n(&page.shared->may_call, __ATOMIC_SEQ_CST)) {
	case DSRV_CALL_IF_FEW:
		if (!few_wait(__atomic_load_n(&page.shared->wanted,
		    __ATOMIC_RELAXED)))
			return 0;
		break;
	case DSRV_CALL_IF_NONE:
		if (dsrv_slots_any_wait())
			return 0;
		break;
	default:
		return 0;
	}
	return __atomic_exchange_n(&page.shared->may_call, DSRV_CALL_NEVER,
	    __ATOMIC_SEQ_CST) != DSRV_CALL_NEVER;
}

int
dsrv_slots_fail(int listener)
{
	return __atomic_exchange_n(&page.shared->failing, listener + 1,
	    __ATOMIC_SEQ_CST) == 0;
}

void
dsrv_slots_work(int listener)
{
	int failing = listener + 1;

	if (page.shared->failing == failing)
		__atomic_compare_exchange_n(&page.shared->failing, &failing,
		    0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
