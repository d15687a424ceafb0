/*
 * memory.c - memory that children do not inherit
 *
 * Pages that a looping process writes after each fork would be copied for each
 * child. And a worker that has dropped its rights must not write memory that a
 * looping process reads.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>

#include "ground.h"

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

/* If the system cannot keep memory from a child, the child unmaps it. */
#if HAVE_DECL_MADV_DONTFORK
#define keep_from_children(p, size) madvise(p, size, MADV_DONTFORK)
#define give_to_children(p, size) madvise(p, size, MADV_DOFORK)
#elif defined(HAVE_MINHERIT) && defined(INHERIT_NONE)
#define keep_from_children(p, size) minherit(p, size, INHERIT_NONE)
#define give_to_children(p, size) minherit(p, size, INHERIT_SHARE)
#else
#define keep_from_children(p, size) ((void)(p), (void)(size), -1)
#define give_to_children(p, size) ((void)(p), (void)(size), -1)
#endif

static struct {
	void *start;
	size_t size;
} shown[16];	/* what a child must unmap */

static void *
map(size_t size, int flags)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    flags | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void
dsrv_memory_keep(void *p, size_t size)
{
	int i;

	if (keep_from_children(p, size) == 0)
		return;
	for (i = 0; i < DSRV_COUNT(shown); i++)
		if (shown[i].start == NULL || shown[i].start == p) {
			shown[i].start = p;
			shown[i].size = size;
			return;
		}
}

void *
dsrv_memory_own(size_t size)
{
	void *p = map(size, MAP_PRIVATE);

	if (p != NULL)
		dsrv_memory_keep(p, size);
	return p;
}

void *
dsrv_memory_shared(size_t size)
{
	return map(size, MAP_SHARED);
}

static void
forget_block(const void *p)
{
	int i;

	for (i = 0; i < DSRV_COUNT(shown); i++)
		if (shown[i].start == p)
			shown[i].start = NULL;
}

void
dsrv_memory_lend(void *p, size_t size)
{
	if (give_to_children(p, size) == -1)
		forget_block(p);
}

void
dsrv_memory_free(void *p, size_t size)
{
	forget_block(p);
	munmap(p, size);
}

void
dsrv_memory_forked(void)
{
	int i;

	for (i = 0; i < DSRV_COUNT(shown); i++)
		if (shown[i].start != NULL)
			dsrv_memory_free(shown[i].start, shown[i].size);
}
