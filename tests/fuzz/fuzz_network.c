/*
 * fuzz_network.c - any text as a list of networks, and any address as a client:
 * a network has a host if their first bits are the same
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "admission.h"
#include "fuzz.h"

static unsigned
bit(const struct dsrv_host *host, int place)
{
	return host->bytes[place / 8] >> (7 - place % 8) & 1;
}

static int
is_in(const struct dsrv_host *host, const struct dsrv_host *network, int bits)
{
	int i;

	if (host->kind != network->kind)
		return 0;
	for (i = 0; i < bits; i++)
		if (bit(host, i) != bit(network, i))
			return 0;
	return 1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct dsrv_networks *networks = fuzz_bytes(sizeof *networks);
	size_t len = fuzz_byte(&in) % 128;
	struct sockaddr *addr = fuzz_bytes(len);
	struct dsrv_host host;
	char text[2000];
	int i, found = 0;

	fuzz_fill(&in, addr, len);
	dsrv_host_from(&host, addr, (socklen_t)len);
	must(host.kind <= DSRV_HOST_IPV6);
	if (dsrv_networks_parse(networks, fuzz_string(&in, text,
	    sizeof text)) == 0) {
		must(networks->count <= DSRV_NETWORKS_MAX);
		for (i = 0; i < networks->count; i++)
			found |= is_in(&host, &networks->list[i].host,
			    networks->list[i].bits);
		must(dsrv_networks_have(networks, &host) == found);
	}
	free(addr);
	free(networks);
	return 0;
}
