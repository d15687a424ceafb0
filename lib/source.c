/*
 * source.c - how many workers each source has, found in O(1); pure data
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <string.h>

#include "admission.h"

enum { SLOTS = 2 * DSRV_WORKERS_MAX };	/* a power of two, half full */

static uint64_t
rotated(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static void
mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotated(v[1], 13) ^ v[0];
	v[3] = rotated(v[3], 16) ^ v[2];
	v[0] = rotated(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotated(v[1], 17) ^ v[2];
	v[3] = rotated(v[3], 21) ^ v[0];
	v[2] = rotated(v[2], 32);
}

/* SipHash-2-4 of three words. Without it, a client with many addresses could
 * put all of them in one place, where searches would take long. */
static unsigned
home(const struct dsrv_sources *sources, const struct dsrv_host *host)
{
	uint64_t words[3] = { host->kind }, v[4] = {
		sources->key[0] ^ 0x736f6d6570736575,
		sources->key[1] ^ 0x646f72616e646f6d,
		sources->key[0] ^ 0x6c7967656e657261,
		sources->key[1] ^ 0x7465646279746573
	};
	int i;

	memcpy(&words[1], host->bytes, sizeof host->bytes);
	for (i = 0; i < DSRV_COUNT(words); i++) {
		v[3] ^= words[i];
		mix(v);
		mix(v);
		v[0] ^= words[i];
	}
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		mix(v);
	return (unsigned)((v[0] ^ v[1] ^ v[2] ^ v[3]) % SLOTS);
}

static struct dsrv_host
source_of(const struct dsrv_sources *sources, const struct dsrv_host *host)
{
	struct dsrv_host source = *host;

	dsrv_host_mask(&source, host->kind == DSRV_HOST_IPV4 ?
	    sources->ipv4_bits : sources->ipv6_bits);
	return source;
}

/* The slot of that source, or the empty slot for it. */
static unsigned
find(const struct dsrv_sources *sources, const struct dsrv_host *source)
{
	unsigned slot = home(sources, source);

	while (sources->slots[slot].count > 0 &&
	    !dsrv_host_is_same(&sources->slots[slot].host, source))
		slot = (slot + 1) % SLOTS;
	return slot;
}

int
dsrv_source_open(struct dsrv_sources *sources, int ipv4_bits, int ipv6_bits,
    const uint64_t key[2])
{
	sources->used = 0;
	sources->ipv4_bits = ipv4_bits;
	sources->ipv6_bits = ipv6_bits;
	memcpy(sources->key, key, sizeof sources->key);
	sources->slots = dsrv_memory_own(SLOTS * sizeof *sources->slots);
	return sources->slots != NULL ? 0 : -1;
}

void
dsrv_source_close(struct dsrv_sources *sources)
{
	dsrv_memory_free(sources->slots, SLOTS * sizeof *sources->slots);
}

int
dsrv_source_count(const struct dsrv_sources *sources,
    const struct dsrv_host *host)
{
	struct dsrv_host source = source_of(sources, host);

	return sources->slots[find(sources, &source)].count;
}

int
dsrv_source_add(struct dsrv_sources *sources, const struct dsrv_host *host)
{
	struct dsrv_host source = source_of(sources, host);
	unsigned slot = find(sources, &source);

	if (sources->slots[slot].count == 0) {
		if (sources->used == SLOTS / 2)
			return -1;
		sources->used++;
		sources->slots[slot].host = source;
	}
	sources->slots[slot].count++;
	return 0;
}

/* Closes the gap at slot, where a search would end too early. */
static void
vacate(struct dsrv_sources *sources, unsigned slot)
{
	unsigned next = slot, wanted;

	for (;;) {
		next = (next + 1) % SLOTS;
		if (sources->slots[next].count == 0)
			break;
		wanted = home(sources, &sources->slots[next].host);
		if ((next - wanted) % SLOTS < (next - slot) % SLOTS)
			continue;
		sources->slots[slot] = sources->slots[next];
		slot = next;
	}
	sources->slots[slot].count = 0;
}

int
dsrv_source_remove(struct dsrv_sources *sources, const struct dsrv_host *host)
{
	struct dsrv_host source = source_of(sources, host);
	unsigned slot = find(sources, &source);

	if (sources->slots[slot].count == 0)
		return 0;
	if (--sources->slots[slot].count == 0) {
		sources->used--;
		vacate(sources, slot);
	}
	return 1;
}
