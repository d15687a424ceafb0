/*
 * address.c - a client's address, stored compactly and as text; pure
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ground.h"

void
dsrv_address_keep(struct dsrv_address *kept, const struct sockaddr *addr,
    socklen_t len)
{
	kept->len = 0;
	if (len > (socklen_t)sizeof kept->as)
		len = (socklen_t)sizeof kept->as;
	/* A client of a Unix-domain socket usually has an empty address. */
	if (len < (socklen_t)sizeof addr->sa_family)
		return;
	memcpy(&kept->as, addr, len);
	kept->len = len;
}

static int
family(const struct dsrv_address *address)
{
	return address->len > 0 ? address->as.any.sa_family : AF_UNSPEC;
}

int
dsrv_address_host(char *text, const struct dsrv_address *address)
{
	const struct in6_addr *host = &address->as.in6.sin6_addr;
	const char *end = NULL;

	if (family(address) == AF_INET)
		end = inet_ntop(AF_INET, &address->as.in.sin_addr, text,
		    DSRV_ADDRESS_HOST);
	else if (family(address) == AF_INET6)
		/* A client that comes by IPv4 to a socket for both is shown as
		 * IPv4. */
		end = IN6_IS_ADDR_V4MAPPED(host) ?
		    inet_ntop(AF_INET, host->s6_addr + 12, text,
		    DSRV_ADDRESS_HOST) :
		    inet_ntop(AF_INET6, host, text, DSRV_ADDRESS_HOST);
	if (end == NULL)
		return -1;
	return ntohs(family(address) == AF_INET ? address->as.in.sin_port :
	    address->as.in6.sin6_port);
}

void
dsrv_address_text(char *text, const struct dsrv_address *address)
{
	char host[DSRV_ADDRESS_HOST];
	int port = dsrv_address_host(host, address);

	if (port == -1)
		strcpy(text, family(address) == AF_UNIX ? "unix" : "");
	else if (strchr(host, ':') == NULL)
		snprintf(text, DSRV_ADDRESS_TEXT, "%s:%d", host, port);
	else
		snprintf(text, DSRV_ADDRESS_TEXT, "[%s]:%d", host, port);
}
