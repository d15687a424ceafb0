/*
 * children.c - the live children and their records, found in O(1); pure data
 *
 * The table has room for the most children that there may be, but uses only as
 * much of it as keeps it half empty: pages that are never touched cost nothing.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "loop.h"

enum {
	LEAST_BITS = 10,	/* bits of a slot's number, at least: a page */
	MOST_BITS = 17,
	SLOTS = 1 << MOST_BITS,	/* at least 2 * DSRV_WORKERS_MAX */
	EMPTY = 0		/* else a slot holds a place + 1 */
};

static unsigned
home(const struct dsrv_children *children, pid_t pid)
{
	return (uint32_t)pid * 2654435769u >> (32 - children->bits);
}

static unsigned
following(const struct dsrv_children *children, unsigned slot)
{
	return (slot + 1) % (1u << children->bits);
}

/* The slot that holds pid, or the empty slot for it. */
static unsigned
find(const struct dsrv_children *children, pid_t pid)
{
	unsigned slot = home(children, pid);

	while (children->index[slot] != EMPTY &&
	    children->roster->pids[children->index[slot] - 1] != pid)
		slot = following(children, slot);
	return slot;
}

static void
grow(struct dsrv_children *children)
{
	const struct dsrv_roster *roster = children->roster;
	int place;

	children->bits++;
	memset(children->index, 0,
	    ((size_t)1 << children->bits) * sizeof *children->index);
	for (place = 0; place < roster->count; place++)
		children->index[find(children, roster->pids[place])] =
		    place + 1;
}

int
dsrv_children_open(struct dsrv_children *children, struct dsrv_roster *roster)
{
	children->own = roster == NULL;
	children->bits = LEAST_BITS;
	children->roster = roster != NULL ? roster :
	    dsrv_memory_own(sizeof *roster);
	if (children->roster == NULL)
		return -1;
	children->index = dsrv_memory_own(SLOTS * sizeof *children->index);
	if (children->index != NULL)
		return 0;
	dsrv_children_close(children);
	return -1;
}

void
dsrv_children_close(struct dsrv_children *children)
{
	int saved = errno;

	if (children->index != NULL)
		dsrv_memory_free(children->index,
		    SLOTS * sizeof *children->index);
	errno = saved;
	if (children->own)
		dsrv_memory_free(children->roster, sizeof *children->roster);
}

int
dsrv_children_listed(const struct dsrv_roster *roster)
{
	int count = __atomic_load_n(&roster->count, __ATOMIC_ACQUIRE);

	return count < 0 ? 0 : count < DSRV_COUNT(roster->pids) ? count :
	    DSRV_COUNT(roster->pids);
}

int
dsrv_children_workers(const struct dsrv_roster *roster)
{
	int count = dsrv_children_listed(roster), helpers = roster->helpers;

	return helpers < 0 || helpers > count ? 0 : count - helpers;
}

void
dsrv_children_read(const struct dsrv_roster *roster, int place,
    struct dsrv_child *child)
{
	const struct dsrv_child *told = &roster->records[place];

	memset(child, 0, sizeof *child);
	dsrv_address_keep(&child->client, &told->client.as.any,
	    told->client.len);
	child->since = told->since > 0 ? told->since : 0;
	child->overdue = told->overdue != 0;
	child->is_helper = told->is_helper != 0;
}

void
dsrv_children_forget(struct dsrv_roster *roster)
{
	roster->count = roster->helpers = roster->time_max = 0;
}

int
dsrv_children_count(const struct dsrv_children *children)
{
	return children->roster->count;
}

pid_t
dsrv_children_at(const struct dsrv_children *children, int place)
{
	return children->roster->pids[place];
}

int
dsrv_children_has(const struct dsrv_children *children, pid_t pid)
{
	return children->index[find(children, pid)] != EMPTY;
}

struct dsrv_child *
dsrv_children_record(const struct dsrv_children *children, pid_t pid)
{
	unsigned slot = find(children, pid);

	return children->index[slot] == EMPTY ? NULL :
	    &children->roster->records[children->index[slot] - 1];
}

int64_t
dsrv_children_until(const struct dsrv_children *children, int place)
{
	return children->roster->until[place];
}

/* Without a limit, the page is not written. */
static void
set_until(struct dsrv_roster *roster, int place, int64_t until)
{
	if (roster->until[place] != until)
		roster->until[place] = until;
}

void
dsrv_children_set_until(const struct dsrv_children *children, pid_t pid,
    int64_t until)
{
	unsigned slot = find(children, pid);

	if (children->index[slot] != EMPTY)
		set_until(children->roster, children->index[slot] - 1, until);
}

int
dsrv_children_add(struct dsrv_children *children, pid_t pid, int is_helper)
{
	struct dsrv_roster *roster = children->roster;
	unsigned slot = find(children, pid);

	if (children->index[slot] != EMPTY)
		return 0;
	if (roster->count == DSRV_COUNT(roster->pids))
		return -1;
	memset(&roster->records[roster->count], 0, sizeof *roster->records);
	roster->records[roster->count].is_helper = is_helper;
	/* The pid first: a reader of the roster never finds an unset one. */
	roster->pids[roster->count] = pid;
	set_until(roster, roster->count, 0);
	__atomic_store_n(&roster->count, roster->count + 1, __ATOMIC_RELEASE);
	roster->helpers += is_helper;
	children->index[slot] = roster->count;
	if (children->bits < MOST_BITS &&
	    roster->count > 1 << (children->bits - 1))
		grow(children);
	return 0;
}

/* Closes the gap at slot, where a search would end too early. */
static void
vacate(struct dsrv_children *children, unsigned slot)
{
	unsigned next = slot, wanted, last = (1u << children->bits) - 1;

	for (;;) {
		next = following(children, next);
		if (children->index[next] == EMPTY)
			break;
		wanted = home(children,
		    children->roster->pids[children->index[next] - 1]);
		if (((next - wanted) & last) < ((next - slot) & last))
			continue;
		children->index[slot] = children->index[next];
		slot = next;
	}
	children->index[slot] = EMPTY;
}

int
dsrv_children_remove(struct dsrv_children *children, pid_t pid,
    struct dsrv_child *gone)
{
	struct dsrv_roster *roster = children->roster;
	unsigned slot = find(children, pid);
	int place = children->index[slot] - 1;
	pid_t last;

	if (children->index[slot] == EMPTY)
		return 0;
	if (gone != NULL)
		*gone = roster->records[place];
	roster->helpers -= roster->records[place].is_helper;
	vacate(children, slot);
	last = roster->pids[roster->count - 1];
	if (last != pid) {
		children->index[find(children, last)] = place + 1;
		roster->records[place] = roster->records[roster->count - 1];
		/* A reader never takes the one's time for the other's. */
		set_until(roster, place, 0);
		__atomic_store_n(&roster->pids[place], last, __ATOMIC_RELEASE);
		set_until(roster, place, roster->until[roster->count - 1]);
	}
	/* Last: a reader may find a pid twice, but misses none. */
	__atomic_store_n(&roster->count, roster->count - 1, __ATOMIC_RELEASE);
	return 1;
}
