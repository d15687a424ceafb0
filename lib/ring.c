/*
 * ring.c - bytes from one process to one other, through memory that they share
 *
 * Each end is a count of bytes that only grows, with one writer. Bytes are
 * copied first and then counted, by one store: after a death in between they
 * are not there. The other process's count is never trusted: a wrong one yields
 * wrong bytes, but all of them in the ring.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdatomic.h>
#include <string.h>

#include "report.h"

size_t
dsrv_ring_fill(const struct dsrv_ring *r, size_t head)
{
	size_t fill = atomic_load_explicit(&r->ends->tail,
	    memory_order_acquire) - head;

	return fill < r->size ? fill : r->size;
}

size_t
dsrv_ring_room(const struct dsrv_ring *r, size_t tail)
{
	size_t used = tail - atomic_load_explicit(&r->ends->head,
	    memory_order_acquire);

	return used < r->size ? r->size - used : 0;
}

size_t
dsrv_ring_tail(const struct dsrv_ring *r)
{
	return atomic_load_explicit(&r->ends->tail, memory_order_relaxed);
}

/* How many of these bytes are contiguous. */
static size_t
straight(const struct dsrv_ring *r, size_t at, size_t count)
{
	size_t left = r->size - at % r->size;

	return count < left ? count : left;
}

void
dsrv_ring_store(const struct dsrv_ring *r, size_t tail, const char *text,
    size_t count)
{
	size_t first = straight(r, tail, count);

	memcpy(r->bytes + tail % r->size, text, first);
	memcpy(r->bytes, text + first, count - first);
}

void
dsrv_ring_load(const struct dsrv_ring *r, size_t head, char *text,
    size_t count)
{
	size_t first = straight(r, head, count);

	memcpy(text, r->bytes + head % r->size, first);
	memcpy(text + first, r->bytes, count - first);
}

void
dsrv_ring_put(const struct dsrv_ring *r, size_t tail)
{
	atomic_store_explicit(&r->ends->tail, tail, memory_order_release);
}

void
dsrv_ring_take(const struct dsrv_ring *r, size_t head)
{
	atomic_store_explicit(&r->ends->head, head, memory_order_release);
}
