/*
 * fuzz_proxy.c - a client's first bytes as a PROXY header: what is found does
 * not depend on how they are cut, and the byte behind it is never taken
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "admission.h"
#include "fuzz.h"

/* Gives as many bytes as are wanted, but at most this many at a time. */
static void
feed(struct dsrv_proxy *p, const uint8_t *bytes, size_t size, size_t most)
{
	size_t count, used = 0;
	void *some;

	memset(p, 0, sizeof *p);
	while (used < size && (count = dsrv_proxy_wants(p)) > 0) {
		must(count <= DSRV_PROXY_STEP);
		count = count < most ? count : most;
		count = count < size - used ? count : size - used;
		some = fuzz_bytes(count);
		memcpy(some, bytes + used, count);
		dsrv_proxy_take(p, some, count);
		free(some);
		used += count;
	}
	must(p->size == used);
	must((p->state == DSRV_PROXY_MORE) == (dsrv_proxy_wants(p) > 0));
}

/* The end of a complete header, found by another algorithm. */
static size_t
end_of(const uint8_t *bytes, size_t size)
{
	size_t i;

	if (bytes[0] == '\r')
		return 16u + bytes[14] * 256u + bytes[15];
	for (i = 0; i < size && bytes[i] != '\n'; i++)
		;
	return i + 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dsrv_proxy *whole = fuzz_bytes(sizeof *whole);
	struct dsrv_proxy *cut = fuzz_bytes(sizeof *cut);
	size_t most = size > 0 ? 1u + data[size - 1] : 1;
	int is_whole;

	feed(whole, data, size, DSRV_PROXY_STEP);
	feed(cut, data, size, most);
	is_whole = whole->state == DSRV_PROXY_OWN ||
	    whole->state == DSRV_PROXY_GIVEN;
	/* Bytes can be wrong for two reasons; how they are cut decides which is
	 * found first. */
	must(is_whole == (cut->state == DSRV_PROXY_OWN ||
	    cut->state == DSRV_PROXY_GIVEN));
	must((whole->state == DSRV_PROXY_MORE) ==
	    (cut->state == DSRV_PROXY_MORE));
	if (is_whole) {
		must(memcmp(whole, cut, sizeof *cut) == 0);
		must(whole->size == end_of(data, size));
	}
	must((whole->state == DSRV_PROXY_GIVEN) == (is_whole &&
	    whole->client_len > 0 && whole->local_len > 0));
	must(whole->client_len <= (socklen_t)sizeof whole->client);
	free(whole);
	free(cut);
	return 0;
}
