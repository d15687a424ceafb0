/*
 * network.c - the hosts of a list of networks; pure
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <arpa/inet.h>
#include <string.h>

#include "admission.h"

static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

static void
set_ipv4(struct dsrv_host *host, const void *bytes)
{
	host->kind = DSRV_HOST_IPV4;
	memcpy(host->bytes, bytes, 4);
}

static void
set_ipv6(struct dsrv_host *host, const struct in6_addr *addr)
{
	if (memcmp(addr, mapped, sizeof mapped) == 0) {
		set_ipv4(host, (const unsigned char *)addr + sizeof mapped);
		return;
	}
	host->kind = DSRV_HOST_IPV6;
	memcpy(host->bytes, addr, 16);
}

void
dsrv_host_from(struct dsrv_host *host, const struct sockaddr *addr,
    socklen_t len)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	int family = len < (socklen_t)(offsetof(struct sockaddr, sa_family) +
	    sizeof addr->sa_family) ? AF_UNSPEC : addr->sa_family;

	memset(host, 0, sizeof *host);
	if (family == AF_INET && len >= (socklen_t)sizeof in) {
		memcpy(&in, addr, sizeof in);
		set_ipv4(host, &in.sin_addr);
	} else if (family == AF_INET6 && len >= (socklen_t)sizeof in6) {
		memcpy(&in6, addr, sizeof in6);
		set_ipv6(host, &in6.sin6_addr);
	} else if (family == AF_UNIX)
		host->kind = DSRV_HOST_UNIX;
}

void
dsrv_host_mask(struct dsrv_host *host, int bits)
{
	int i;

	for (i = 0; i < DSRV_COUNT(host->bytes); i++, bits -= 8)
		if (bits <= 0)
			host->bytes[i] = 0;
		else if (bits < 8)
			host->bytes[i] &= (unsigned char)(0xff << (8 - bits));
}

int
dsrv_host_is_same(const struct dsrv_host *a, const struct dsrv_host *b)
{
	return a->kind == b->kind &&
	    memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The bits of a prefix, "0" to "128" without leading zeros; -1: it is not
 * one. */
static int
bits_of(const char *text, int most)
{
	int bits = 0;
	const char *digit = text;

	if (*text == '\0' || (*text == '0' && text[1] != '\0'))
		return -1;
	for (; *digit != '\0'; digit++) {
		if (*digit < '0' || *digit > '9' || digit - text == 3)
			return -1;
		bits = 10 * bits + *digit - '0';
	}
	return bits <= most ? bits : -1;
}

/* The bits of an address; -1: it is not one. A mapped IPv4 prefix begins after
 * 96 bits. */
static int
parse_address(struct dsrv_host *host, const char *text, const char *prefix)
{
	struct in_addr in;
	struct in6_addr in6;
	int bits, most = strchr(text, ':') != NULL ? 128 : 32;

	bits = prefix != NULL ? bits_of(prefix, most) : most;
	if (bits == -1)
		return -1;
	if (most == 32) {
		if (inet_pton(AF_INET, text, &in) != 1)
			return -1;
		set_ipv4(host, &in);
		return bits;
	}
	if (inet_pton(AF_INET6, text, &in6) != 1)
		return -1;
	set_ipv6(host, &in6);
	return host->kind == DSRV_HOST_IPV6 ? bits : bits < 96 ? -1 :
	    bits - 96;
}

static int
parse_word(struct dsrv_host *host, const char *word, size_t length)
{
	char text[INET6_ADDRSTRLEN + sizeof "/128"], *slash;
	struct dsrv_host first;
	int bits;

	memset(host, 0, sizeof *host);
	if (length >= sizeof text)
		return -1;
	memcpy(text, word, length);
	text[length] = '\0';
	if (strcmp(text, "unix") == 0) {
		host->kind = DSRV_HOST_UNIX;
		return 0;
	}
	if ((slash = strchr(text, '/')) != NULL)
		*slash++ = '\0';
	bits = parse_address(host, text, slash);
	first = *host;
	dsrv_host_mask(&first, bits);
	/* With other bits it could mean the network, or only this host. */
	return dsrv_host_is_same(&first, host) ? bits : -1;
}

int
dsrv_networks_parse(struct dsrv_networks *networks, const char *text)
{
	size_t length;
	int i;

	networks->count = 0;
	for (text += strspn(text, " "); *text != '\0';
	    text += length, text += strspn(text, " ")) {
		length = strcspn(text, " ");
		if ((i = networks->count) == DSRV_NETWORKS_MAX)
			return -1;
		networks->list[i].bits = parse_word(&networks->list[i].host,
		    text, length);
		if (networks->list[i].bits == -1)
			return -1;
		networks->count++;
	}
	return 0;
}

int
dsrv_networks_have(const struct dsrv_networks *networks,
    const struct dsrv_host *host)
{
	struct dsrv_host first;
	int i;

	for (i = 0; i < networks->count; i++) {
		first = *host;
		dsrv_host_mask(&first, networks->list[i].bits);
		if (dsrv_host_is_same(&first, &networks->list[i].host))
			return 1;
	}
	return 0;
}
