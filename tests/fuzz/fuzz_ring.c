/*
 * fuzz_ring.c - a ring whose other end lies: no access is outside it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "report.h"
#include "fuzz.h"

enum { SIZE = 64 };

static struct dsrv_ring_ends ends;
static struct dsrv_ring ring = { .ends = &ends, .size = SIZE };

static void
take(size_t head)
{
	size_t count = dsrv_ring_fill(&ring, head);
	char *text = fuzz_bytes(count);

	must(count <= SIZE);
	dsrv_ring_load(&ring, head, text, count);
	dsrv_ring_take(&ring, head + count);
	must(dsrv_ring_room(&ring, head + count) == SIZE);
	free(text);
}

/* What is put can be taken unchanged. */
static void
put(size_t tail, struct fuzz_input *in)
{
	size_t count = dsrv_ring_room(&ring, tail);
	char *text = fuzz_bytes(count), *back = fuzz_bytes(count);

	must(count <= SIZE);
	fuzz_fill(in, text, count);
	dsrv_ring_store(&ring, tail, text, count);
	dsrv_ring_put(&ring, tail + count);
	must(dsrv_ring_tail(&ring) == tail + count);
	must(dsrv_ring_fill(&ring, tail) == count);
	dsrv_ring_load(&ring, tail, back, count);
	must(memcmp(text, back, count) == 0);
	free(text);
	free(back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	size_t own;

	ring.bytes = fuzz_bytes(SIZE);
	fuzz_fill(&in, ring.bytes, SIZE);
	while (in.left > 0) {
		fuzz_fill(&in, &own, sizeof own);
		fuzz_fill(&in, &ends, sizeof ends);
		if (fuzz_byte(&in) % 2 == 0)
			take(own);
		else
			put(own, &in);
	}
	free(ring.bytes);
	return 0;
}
