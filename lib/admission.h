/*
 * admission.h - which clients are admitted, and the client behind a proxy
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_ADMISSION_H
#define DSRV_ADMISSION_H

#include "ground.h"

/*
 * rate.c - no more than this many in this time; pure
 */

enum { DSRV_RATE_SECONDS_MAX = 86400 };

/* A bucket of count pieces that fills up within this many seconds. */
struct dsrv_rate {
	int count;
	int64_t piece;		/* a ms brings count, and each costs this */
	int64_t level;
	int64_t filled_at;
};

/* It is full at first. count: 1 to INT_MAX; seconds: 1 to the maximum. */
void dsrv_rate_open(struct dsrv_rate *, int count, int seconds, int64_t now);
/* ms until another client is allowed; 0: now. */
int64_t dsrv_rate_wait(struct dsrv_rate *, int64_t now);
/* Counts a client, even if it was not allowed. */
void dsrv_rate_take(struct dsrv_rate *, int64_t now);

/*
 * network.c - the hosts of a list of networks; pure
 */

enum dsrv_host_kind {
	DSRV_HOST_UNKNOWN, DSRV_HOST_UNIX, DSRV_HOST_IPV4, DSRV_HOST_IPV6
};

/* A client's address, without its port. A v4-mapped address is an IPv4 one.
 * Unused bytes are 0. */
struct dsrv_host {
	unsigned char kind;
	unsigned char bytes[16];
};

enum { DSRV_NETWORKS_MAX = 64 };

struct dsrv_networks {
	int count;
	struct {
		struct dsrv_host host;
		int bits;
	} list[DSRV_NETWORKS_MAX];
};

void dsrv_host_from(struct dsrv_host *, const struct sockaddr *, socklen_t);
/* Clears all bits except the first ones. */
void dsrv_host_mask(struct dsrv_host *, int bits);
int dsrv_host_is_same(const struct dsrv_host *, const struct dsrv_host *);

/* "10.0.0.0/8 fd00::/8 192.0.2.1 unix": words separated by spaces. -1: it is
 * malformed, too long, or a network has bits behind its prefix. */
int dsrv_networks_parse(struct dsrv_networks *, const char *text);
int dsrv_networks_have(const struct dsrv_networks *, const struct dsrv_host *);

/*
 * source.c - how many workers each source has, found in O(1); pure data
 */

struct dsrv_source {
	struct dsrv_host host;
	int count;		/* 0: the slot is empty */
};

struct dsrv_sources {
	struct dsrv_source *slots;
	int used;
	int ipv4_bits, ipv6_bits;
	uint64_t key[2];	/* random: no client can choose a slot */
};

/* The bits of an address that make a source. key: random. -1 with errno. */
int dsrv_source_open(struct dsrv_sources *, int ipv4_bits, int ipv6_bits,
    const uint64_t key[2]);
void dsrv_source_close(struct dsrv_sources *);
int dsrv_source_count(const struct dsrv_sources *, const struct dsrv_host *);
/* -1: the table is full, as it never is with DSRV_WORKERS_MAX workers. */
int dsrv_source_add(struct dsrv_sources *, const struct dsrv_host *);
/* Returns whether there was a worker. */
int dsrv_source_remove(struct dsrv_sources *, const struct dsrv_host *);

/*
 * proxy.c - the header of the PROXY protocol, version 1 or 2; pure
 */

enum dsrv_proxy_state {
	DSRV_PROXY_MORE,	/* the header goes on */
	DSRV_PROXY_OWN,		/* it is whole: the connection's own addresses */
	DSRV_PROXY_GIVEN,	/* it is whole: client and local */
	DSRV_PROXY_MISSING,	/* this is not a header */
	DSRV_PROXY_MALFORMED,
	DSRV_PROXY_TOO_LONG	/* a line that has not ended */
};

enum {
	DSRV_PROXY_LINE = 107,		/* bytes of version 1, with its end */
	DSRV_PROXY_HEAD = 16 + 216,	/* bytes of version 2, without TLVs */
	DSRV_PROXY_STEP = 512		/* bytes wanted at a time */
};

/* All zeros at first. */
struct dsrv_proxy {
	enum dsrv_proxy_state state;
	size_t size;		/* bytes that have come */
	unsigned char head[DSRV_PROXY_HEAD];
	struct sockaddr_storage client, local;
	socklen_t client_len, local_len;
};

/* How many of the next bytes certainly belong to the header; 0: it is complete
 * or wrong. */
size_t dsrv_proxy_wants(const struct dsrv_proxy *);
/* Adds the next bytes, no more than are wanted. */
enum dsrv_proxy_state dsrv_proxy_take(struct dsrv_proxy *, const void *bytes,
    size_t count);

/*
 * admission.c - the program's settings for admission; only that file writes
 * them
 */

struct dsrv_admission {
	int source_worker_max;		/* 0: no limit */
	int source_ipv4_bits;
	int source_ipv6_bits;
	int worker_refuse;
	char *refuse_text;		/* NULL: none */
	int worker_time_max;		/* s; 0: no limit */
	struct dsrv_networks proxy_sources;
	int accept_rate_count;		/* 0: no limit */
	int accept_rate_seconds;
};

enum { DSRV_REFUSE_TEXT_MAX = 1024 };	/* it fits into any send buffer */

const struct dsrv_admission *dsrv_admission(void);
/* 0; or reports a limit that does not work with spares, and returns an error
 * number. */
int dsrv_admission_check(const char *verb);

/*
 * random.c - bytes that cannot be guessed
 */

void dsrv_random_fill(void *bytes, size_t size);

#endif
