/*
 * proxied.c - the client behind a proxy: a worker reads its header
 *
 * The worker does it, since a client may be slow. It notes a failure in a page
 * that it shares with its server, which tells the log. That is only a hint: any
 * worker can write it.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clients.h"
#include "spares.h"

enum { LONGEST = 5000 };	/* ms, for the whole header */
enum { MOST = 65536 };		/* failures that a server believes at a time */

static struct {
	unsigned count;			/* how many failures */
	enum dsrv_proxied_failure last;
	struct dsrv_address client;
} *page;

static unsigned heard;	/* how many of them the server has reported */

int
dsrv_proxied_open(void)
{
	if (dsrv_admission()->proxy_sources.count == 0)
		return 0;
	heard = 0;
	page = dsrv_memory_shared(sizeof *page);
	return page != NULL ? 0 : -1;
}

void
dsrv_proxied_close(void)
{
	if (page != NULL)
		dsrv_memory_free(page, sizeof *page);
	page = NULL;
}

int
dsrv_proxied_hear(struct dsrv_address *client,
    enum dsrv_proxied_failure *failure)
{
	unsigned count;

	if (page == NULL)
		return 0;
	count = __atomic_load_n(&page->count, __ATOMIC_ACQUIRE) - heard;
	heard += count;
	*client = page->client;
	*failure = page->last;
	return count <= MOST ? (int)count : MOST;
}

static void
fail(const struct dsrv_client *client, enum dsrv_proxied_failure failure)
{
	dsrv_address_keep(&page->client,
	    (const struct sockaddr *)&client->addr, client->len);
	page->last = failure;
	__atomic_add_fetch(&page->count, 1, __ATOMIC_RELEASE);
	dsrv_spare_call();	/* others end, which wakes the server */
}

/* Whether the connection must begin with a header. */
static int
is_from_proxy(const struct dsrv_client *client)
{
	struct dsrv_host host;

	if (page == NULL)
		return 0;
	dsrv_host_from(&host, (const struct sockaddr *)&client->addr,
	    client->len);
	return dsrv_networks_have(&dsrv_admission()->proxy_sources, &host);
}

/* As recv(2), but waits until then; -1: nothing has come. */
static ssize_t
receive(char *bytes, size_t count, int64_t until)
{
	struct pollfd conn = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left;
	ssize_t n;

	for (;;) {
		n = recv(STDIN_FILENO, bytes, count, MSG_DONTWAIT);
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return n >= 0 ? n : 0;
		left = until - dsrv_clock_now();
		if (left <= 0)
			return -1;
		poll(&conn, 1, (int)left);
	}
}

/* Never reads a byte that may be the client's own. */
static enum dsrv_proxied_failure
read_header(struct dsrv_proxy *header)
{
	int64_t until = dsrv_clock_now() + LONGEST;
	char bytes[DSRV_PROXY_STEP];
	size_t wanted;
	ssize_t n;

	while ((wanted = dsrv_proxy_wants(header)) > 0) {
		n = receive(bytes, wanted, until);
		if (n <= 0)
			return n == -1 ? DSRV_PROXIED_LATE :
			    header->size > 0 ? DSRV_PROXIED_CUT_OFF :
			    DSRV_PROXIED_EMPTY;
		dsrv_proxy_take(header, bytes, (size_t)n);
	}
	switch (header->state) {
	case DSRV_PROXY_MISSING:
		return DSRV_PROXIED_MISSING;
	case DSRV_PROXY_MALFORMED:
		return DSRV_PROXIED_MALFORMED;
	case DSRV_PROXY_TOO_LONG:
		return DSRV_PROXIED_TOO_LONG;
	default:
		return DSRV_PROXIED_WELL;
	}
}

int
dsrv_proxied_read(const struct dsrv_client *client, struct dsrv_proxy *header)
{
	enum dsrv_proxied_failure failure;

	memset(header, 0, sizeof *header);
	if (!is_from_proxy(client))
		return 0;
	failure = read_header(header);
	if (failure == DSRV_PROXIED_WELL)
		return 0;
	/* A client that only checks whether the port is open sends nothing. */
	if (failure != DSRV_PROXIED_EMPTY)
		fail(client, failure);
	return -1;
}
