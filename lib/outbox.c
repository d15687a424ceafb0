/*
 * outbox.c - the library's own messages, on their way into the log
 *
 * The master and the server leave them in memory, since the log pipe has a lock
 * that a worker can hold for as long as it likes. The logger takes them. No
 * other process has that memory: no worker, and nothing that the program forks.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "report.h"

enum { SIZE = 256 * 1024 };	/* a power of two, and many messages */

struct shared {
	struct dsrv_ring_ends ends[DSRV_OUTBOX_WRITERS];
	char bytes[DSRV_OUTBOX_WRITERS][SIZE];
};

static struct shared *memory;
static pid_t owner;	/* the process that has it, not a fork of it */
static enum dsrv_outbox_role own_role;

static struct dsrv_ring
ring(enum dsrv_outbox_role writer)
{
	return (struct dsrv_ring){ .ends = &memory->ends[writer],
		.bytes = memory->bytes[writer], .size = SIZE };
}

static int
writes(void)
{
	return memory != NULL && owner == getpid() &&
	    own_role < DSRV_OUTBOX_WRITERS;
}

static int
reads(void)
{
	return memory != NULL && owner == getpid() &&
	    own_role == DSRV_OUTBOX_READER;
}

int
dsrv_outbox_open(void)
{
	memory = dsrv_memory_shared(sizeof *memory);
	owner = getpid();
	own_role = DSRV_OUTBOX_MASTER;
	return memory != NULL ? 0 : -1;
}

void
dsrv_outbox_close(void)
{
	if (memory != NULL)
		dsrv_memory_free(memory, sizeof *memory);
	memory = NULL;
}

void
dsrv_outbox_become(enum dsrv_outbox_role role)
{
	if (memory == NULL)
		return;
	owner = getpid();
	own_role = role;
	dsrv_memory_keep(memory, sizeof *memory);
}

int
dsrv_outbox_write(const char *line, size_t length)
{
	struct dsrv_ring r;
	size_t tail;

	if (!writes())
		return -1;
	r = ring(own_role);
	tail = dsrv_ring_tail(&r);
	if (dsrv_ring_room(&r, tail) < length)
		return 0;
	dsrv_ring_store(&r, tail, line, length);
	dsrv_ring_put(&r, tail + length);
	return 1;
}

int
dsrv_outbox_is_waiting(void)
{
	struct dsrv_ring r;

	if (!writes())
		return 0;
	r = ring(own_role);
	return dsrv_ring_room(&r, dsrv_ring_tail(&r)) < r.size;
}

/* The next line from there on; returns how many bytes it takes up. */
static size_t
load_line(const struct dsrv_ring *r, size_t from, char *line, size_t *length)
{
	size_t there = dsrv_ring_fill(r, from);
	char *end;

	if (there > DSRV_OUTBOX_LINE_MAX)
		there = DSRV_OUTBOX_LINE_MAX;
	dsrv_ring_load(r, from, line, there);
	end = memchr(line, '\n', there);
	*length = end != NULL ? (size_t)(end - line) : there;
	return end != NULL ? *length + 1 : there;
}

size_t
dsrv_outbox_read(enum dsrv_outbox_role writer, size_t from, char *line,
    size_t *length)
{
	struct dsrv_ring r;

	*length = 0;
	if (!reads())
		return 0;
	r = ring(writer);
	return load_line(&r, from, line, length);
}

int
dsrv_outbox_take_back(enum dsrv_outbox_role writer, char *line)
{
	struct dsrv_ring r;
	size_t tail, head, length, used;

	if (!writes() || own_role != DSRV_OUTBOX_MASTER)
		return 0;
	r = ring(writer);
	tail = dsrv_ring_tail(&r);
	head = tail - (r.size - dsrv_ring_room(&r, tail));
	if ((used = load_line(&r, head, line, &length)) == 0)
		return 0;
	line[length] = '\0';
	dsrv_ring_take(&r, head + used);
	return 1;
}

size_t
dsrv_outbox_end(enum dsrv_outbox_role writer, size_t from)
{
	struct dsrv_ring r;

	if (!reads())
		return from;
	r = ring(writer);
	return from + dsrv_ring_fill(&r, from);
}

void
dsrv_outbox_have_read(enum dsrv_outbox_role writer, size_t up_to)
{
	struct dsrv_ring r;

	if (!reads())
		return;
	r = ring(writer);
	dsrv_ring_take(&r, up_to);
}
