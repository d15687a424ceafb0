/*
 * proxy.c - the header of the PROXY protocol, version 1 or 2; pure
 *
 * The byte behind a header is the client's. So the parser says how many bytes
 * still belong to the header: as many as in the shortest one that begins like
 * this.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/un.h>
#include <arpa/inet.h>
#include <string.h>

#include "admission.h"

enum {
	SHORTEST = 15,		/* "PROXY UNKNOWN\r\n" */
	FIXED = 16,		/* of version 2; behind it are addresses */
	NAME = 108		/* bytes of a path in it */
};

static const unsigned char line_begin[] = { 'P', 'R', 'O', 'X', 'Y', ' ' };
static const unsigned char signature[] = { '\r', '\n', '\r', '\n', '\0', '\r',
	'\n', 'Q', 'U', 'I', 'T', '\n' };

static int
is_line(const struct dsrv_proxy *p)
{
	return p->head[0] == line_begin[0];
}

/* Whether the bytes that have come are the beginning of this, or begin with
 * it. */
static int
begins_as(const struct dsrv_proxy *p, const unsigned char *begin, size_t length)
{
	return memcmp(p->head, begin, p->size < length ? p->size : length) == 0;
}

/* How long the whole header is, once the fixed part of version 2 has come. */
static size_t
length_of(const struct dsrv_proxy *p)
{
	return FIXED + ((size_t)p->head[14] << 8 | p->head[15]);
}

size_t
dsrv_proxy_wants(const struct dsrv_proxy *p)
{
	size_t left;

	if (p->state != DSRV_PROXY_MORE)
		return 0;
	if (p->size < SHORTEST)
		return SHORTEST - p->size;
	if (is_line(p))
		return p->head[p->size - 1] == '\r' ? 1 : 2;
	left = p->size < FIXED ? FIXED - p->size : length_of(p) - p->size;
	return left < DSRV_PROXY_STEP ? left : DSRV_PROXY_STEP;
}

/*
 * Addresses
 */

static socklen_t
set_ipv4(struct sockaddr_storage *addr, const void *host, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	memcpy(&in.sin_addr, host, sizeof in.sin_addr);
	in.sin_port = htons((in_port_t)port);
	memcpy(addr, &in, sizeof in);
	return sizeof in;
}

static socklen_t
set_ipv6(struct sockaddr_storage *addr, const void *host, unsigned port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };

	memcpy(&in6.sin6_addr, host, sizeof in6.sin6_addr);
	in6.sin6_port = htons((in_port_t)port);
	memcpy(addr, &in6, sizeof in6);
	return sizeof in6;
}

/* The zeros after an abstract name are not part of it; the one after a path
 * is. */
static socklen_t
set_unix(struct sockaddr_storage *addr, const unsigned char *name)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t length = NAME, room = sizeof un.sun_path;

	while (length > 0 && name[length - 1] == '\0')
		length--;
	length = length < room ? length : room;
	memcpy(un.sun_path, name, length);
	if (length > 0 && name[0] != '\0' && length < room)
		length++;
	memcpy(addr, &un, sizeof un);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

/*
 * Version 1
 */

/* The next word of a line, ended by one space; NULL: there is none. */
static char *
next_word(char **rest)
{
	char *word = *rest;

	if (word == NULL || *word == '\0' || *word == ' ')
		return NULL;
	*rest = strchr(word, ' ');
	if (*rest != NULL)
		*(*rest)++ = '\0';
	return word;
}

static int
port_of(const char *word)
{
	int port = 0;

	if (word == NULL || (*word == '0' && word[1] != '\0'))
		return -1;
	for (; *word != '\0'; word++) {
		if (*word < '0' || *word > '9')
			return -1;
		port = 10 * port + *word - '0';
		if (port > 65535)
			return -1;
	}
	return port;
}

static socklen_t
set_from_words(struct sockaddr_storage *addr, int family, const char *host,
    const char *port)
{
	unsigned char bytes[16];

	if (host == NULL || port_of(port) == -1 ||
	    inet_pton(family, host, bytes) != 1)
		return 0;
	return (family == AF_INET ? set_ipv4 : set_ipv6)(addr, bytes,
	    (unsigned)port_of(port));
}

/* The words after "PROXY TCP4 " or "PROXY TCP6 ". */
static enum dsrv_proxy_state
parse_words(struct dsrv_proxy *p, int family, char *rest)
{
	char *words[4];
	int i;

	for (i = 0; i < 4; i++)
		words[i] = next_word(&rest);
	p->client_len = set_from_words(&p->client, family, words[0], words[2]);
	p->local_len = set_from_words(&p->local, family, words[1], words[3]);
	return rest == NULL && p->client_len > 0 && p->local_len > 0 ?
	    DSRV_PROXY_GIVEN : DSRV_PROXY_MALFORMED;
}

static enum dsrv_proxy_state
parse_line(struct dsrv_proxy *p)
{
	char line[DSRV_PROXY_LINE];
	size_t length = p->size - sizeof line_begin - 2;

	memcpy(line, p->head + sizeof line_begin, length);
	line[length] = '\0';
	if (strcmp(line, "UNKNOWN") == 0 || strncmp(line, "UNKNOWN ", 8) == 0)
		return DSRV_PROXY_OWN;
	if (strlen(line) != length)	/* a NUL would end a word */
		return DSRV_PROXY_MALFORMED;
	if (strncmp(line, "TCP4 ", 5) == 0)
		return parse_words(p, AF_INET, line + 5);
	if (strncmp(line, "TCP6 ", 5) == 0)
		return parse_words(p, AF_INET6, line + 5);
	return DSRV_PROXY_MALFORMED;
}

/* A carriage return and a line feed may only be the last two bytes. */
static enum dsrv_proxy_state
check_line(struct dsrv_proxy *p)
{
	const unsigned char *cr = memchr(p->head, '\r', p->size);
	const unsigned char *lf = memchr(p->head, '\n', p->size);
	const unsigned char *end = p->head + p->size;

	if (!begins_as(p, line_begin, sizeof line_begin))
		return DSRV_PROXY_MISSING;
	if ((lf != NULL && (cr == NULL || lf != cr + 1 || lf != end - 1)) ||
	    (cr != NULL && lf == NULL && cr != end - 1))
		return DSRV_PROXY_MALFORMED;
	if (lf != NULL)
		return p->size >= SHORTEST ? parse_line(p) :
		    DSRV_PROXY_MALFORMED;
	return p->size >= SHORTEST && p->size + dsrv_proxy_wants(p) >
	    DSRV_PROXY_LINE ? DSRV_PROXY_TOO_LONG : DSRV_PROXY_MORE;
}

/*
 * Version 2
 */

/* The addresses, for families that a stream may have; TLVs follow them. */
static enum dsrv_proxy_state
parse_addresses(struct dsrv_proxy *p, int family)
{
	const unsigned char *at = p->head + FIXED;

	if (family == 1) {
		p->client_len = set_ipv4(&p->client, at,
		    (unsigned)at[8] << 8 | at[9]);
		p->local_len = set_ipv4(&p->local, at + 4,
		    (unsigned)at[10] << 8 | at[11]);
	} else if (family == 2) {
		p->client_len = set_ipv6(&p->client, at,
		    (unsigned)at[32] << 8 | at[33]);
		p->local_len = set_ipv6(&p->local, at + 16,
		    (unsigned)at[34] << 8 | at[35]);
	} else {
		p->client_len = set_unix(&p->client, at);
		p->local_len = set_unix(&p->local, at + NAME);
	}
	return DSRV_PROXY_GIVEN;
}

/* Whether the fixed part is valid; with LOCAL, the family is ignored. */
static int
is_sound(const struct dsrv_proxy *p)
{
	static const size_t sizes[] = { 0, 12, 36, 2 * NAME };
	unsigned version = p->head[12] >> 4, command = p->head[12] & 15;
	unsigned family = p->head[13] >> 4, transport = p->head[13] & 15;

	if (version != 2 || command > 1)
		return 0;
	return command == 0 || (family <= 3 && transport <= 2 &&
	    length_of(p) - FIXED >= sizes[family]);
}

static enum dsrv_proxy_state
check_binary(struct dsrv_proxy *p)
{
	int is_local, family, is_stream;

	if (!begins_as(p, signature, sizeof signature))
		return DSRV_PROXY_MISSING;
	if (p->size < FIXED)
		return DSRV_PROXY_MORE;
	if (!is_sound(p))
		return DSRV_PROXY_MALFORMED;
	if (p->size < length_of(p))
		return DSRV_PROXY_MORE;
	is_local = (p->head[12] & 15) == 0;
	family = p->head[13] >> 4;
	is_stream = (p->head[13] & 15) == 1;
	/* Families that a stream cannot have are ignored. */
	return is_local || family == 0 || !is_stream ? DSRV_PROXY_OWN :
	    parse_addresses(p, family);
}

enum dsrv_proxy_state
dsrv_proxy_take(struct dsrv_proxy *p, const void *bytes, size_t count)
{
	size_t room = p->size < sizeof p->head ? sizeof p->head - p->size : 0;

	if (p->state != DSRV_PROXY_MORE || count == 0)
		return p->state;
	/* TLVs are ignored. */
	if (room > 0)
		memcpy(p->head + p->size, bytes, count < room ? count : room);
	p->size += count;
	return p->state = is_line(p) ? check_line(p) : check_binary(p);
}
