/*
 * admission.h - which clients may come in, and which client it is
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_ADMISSION_H
#define DSRV_ADMISSION_H

#include "ground.h"
#include "workers.h"

/*
 * rate.c - no more than this many in this time; pure
 */

enum { DSRV_RATE_SECONDS_MAX = 86400 };

/* A bucket of count pieces that fills up in so many seconds. */
struct dsrv_rate {
	int count;
	int64_t piece;		/* a ms brings count, and each costs this */
	int64_t level;
	int64_t filled_at;
};

/* It is full at first. count: 1 to INT_MAX; seconds: 1 to the maximum. */
void dsrv_rate_open(struct dsrv_rate *, int count, int seconds, int64_t now);
/* ms until another one may come; 0: now. */
int64_t dsrv_rate_wait(struct dsrv_rate *, int64_t now);
/* One has come; whether or not it was allowed to. */
void dsrv_rate_take(struct dsrv_rate *, int64_t now);

/*
 * network.c - the hosts of a list of networks; pure
 */

enum dsrv_host_kind {
	DSRV_HOST_UNKNOWN, DSRV_HOST_UNIX, DSRV_HOST_IPV4, DSRV_HOST_IPV6
};

/* Where a client comes from, without its port. A v4-mapped address is an IPv4
 * one. Unused bytes are 0. */
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
/* Clears all but its first bits. */
void dsrv_host_mask(struct dsrv_host *, int bits);
int dsrv_host_is_same(const struct dsrv_host *, const struct dsrv_host *);

/* "10.0.0.0/8 fd00::/8 192.0.2.1 unix": words between spaces. -1: it is
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
	uint64_t key[2];	/* so that no client can choose its slot */
};

/* The bits of an address that make a source. key: random. -1 with errno. */
int dsrv_source_open(struct dsrv_sources *, int ipv4_bits, int ipv6_bits,
    const uint64_t key[2]);
void dsrv_source_close(struct dsrv_sources *);
int dsrv_source_count(const struct dsrv_sources *, const struct dsrv_host *);
/* -1: the table is full, as it never is with DSRV_WORKERS_MAX workers. */
int dsrv_source_add(struct dsrv_sources *, const struct dsrv_host *);
/* Returns whether there was one. */
int dsrv_source_remove(struct dsrv_sources *, const struct dsrv_host *);

/*
 * proxy.c - the header of the PROXY protocol, version 1 or 2; pure
 */

enum dsrv_proxy_state {
	DSRV_PROXY_MORE,	/* it goes on */
	DSRV_PROXY_OWN,		/* it is whole: the connection's own addresses */
	DSRV_PROXY_GIVEN,	/* it is whole: client and local */
	DSRV_PROXY_MISSING,	/* this is not a header */
	DSRV_PROXY_MALFORMED,
	DSRV_PROXY_TOO_LONG	/* a line that has not ended */
};

enum {
	DSRV_PROXY_LINE = 107,		/* bytes of version 1, with its end */
	DSRV_PROXY_HEAD = 16 + 216,	/* bytes of version 2, without TLVs */
	DSRV_PROXY_STEP = 512		/* bytes wanted at once */
};

/* Begins as zeros. */
struct dsrv_proxy {
	enum dsrv_proxy_state state;
	size_t size;		/* that have come */
	unsigned char head[DSRV_PROXY_HEAD];
	struct sockaddr_storage client, local;
	socklen_t client_len, local_len;
};

/* How many of the bytes that come next belong to the header for certain, as far
 * as can be known now; 0: it is whole or bad. */
size_t dsrv_proxy_wants(const struct dsrv_proxy *);
/* The next bytes, not more than are wanted. */
enum dsrv_proxy_state dsrv_proxy_take(struct dsrv_proxy *, const void *bytes,
    size_t count);

/*
 * admission.c - what the program has set about who may come in; only that file
 * writes it
 */

struct dsrv_admission {
	int source_worker_max;		/* 0: no limit */
	int source_ipv4_bits;
	int source_ipv6_bits;
	int worker_refuse;
	char *refuse_text;		/* NULL: none */
	struct dsrv_networks proxy_sources;
	int accept_rate_count;		/* 0: no limit */
	int accept_rate_seconds;
};

enum { DSRV_REFUSE_TEXT_MAX = 1024 };	/* any send buffer holds it */

const struct dsrv_admission *dsrv_admission(void);

/*
 * proxied.c - the client behind a proxy: a worker reads its header
 */

enum dsrv_proxied_failure {
	DSRV_PROXIED_WELL,
	DSRV_PROXIED_EMPTY,	/* the client has gone without a word */
	DSRV_PROXIED_MISSING,
	DSRV_PROXIED_MALFORMED,
	DSRV_PROXIED_TOO_LONG,
	DSRV_PROXIED_CUT_OFF,
	DSRV_PROXIED_LATE
};

/* In the server; -1 with errno. */
int dsrv_proxied_open(void);
void dsrv_proxied_close(void);
/* How many headers have failed since the last call, and the last one. */
int dsrv_proxied_hear(struct dsrv_address *, enum dsrv_proxied_failure *);
/* In a worker: reads the header from stdin, if this client must show one. -1:
 * it has none that is good. */
int dsrv_proxied_read(const struct dsrv_client *, struct dsrv_proxy *);

/*
 * denial.c - what the log says about clients that are refused
 */

enum dsrv_denial {
	DSRV_DENIED_BUSY, DSRV_DENIED_SOURCE, DSRV_DENIED_PROXIED, DSRV_DENIALS
};

struct dsrv_denials {
	struct dsrv_loop *loop;
	int tag;		/* its timer: when to report how many more */
	struct {
		struct dsrv_limit limit;
		struct dsrv_address client;	/* the last one */
		int detail;		/* of it: enum dsrv_proxied_failure */
	} by[DSRV_DENIALS];
};

void dsrv_denials_open(struct dsrv_denials *, struct dsrv_loop *, int tag);
/* count clients, at least one, of which this was the last. */
void dsrv_denials_add(struct dsrv_denials *, enum dsrv_denial, int detail,
    const struct dsrv_address *client, int count);
/* Reports those that were refused since the last line, if any: when the timer
 * says so, and all when the process ends. */
void dsrv_denials_look(struct dsrv_denials *);
void dsrv_denials_end(struct dsrv_denials *);

/*
 * farewell.c - the last words for a client that is refused
 */

enum { DSRV_FAREWELL_MAX = 64 };	/* each costs every fork */

/* Connections whose clients may still be reading, the oldest first. */
struct dsrv_farewell {
	int count;
	struct {
		int conn;
		int64_t until;
	} kept[DSRV_FAREWELL_MAX];
};

/* Sends text, if not NULL, and ends the connection, sooner or later. Not for
 * one of a Unix-domain socket. */
void dsrv_farewell_say(struct dsrv_farewell *, int conn, const char *text);
/* Ends what can be ended; returns when to look again, or DSRV_NEVER. */
int64_t dsrv_farewell_look(struct dsrv_farewell *);
/* In a new child, or at the end. */
void dsrv_farewell_close(struct dsrv_farewell *);

/*
 * random.c - bytes that nobody can guess
 */

void dsrv_random_fill(void *bytes, size_t size);

#endif
