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

void
dsrv_address_text(char *text, const struct dsrv_address *address)
{
	char host[INET6_ADDRSTRLEN];
	int family = address->len > 0 ? address->as.any.sa_family : AF_UNSPEC;

	if (family == AF_INET && inet_ntop(AF_INET,
	    &address->as.in.sin_addr, host, sizeof host) != NULL)
		snprintf(text, DSRV_ADDRESS_TEXT, "%s:%d", host,
		    ntohs(address->as.in.sin_port));
	else if (family == AF_INET6 && inet_ntop(AF_INET6,
	    &address->as.in6.sin6_addr, host, sizeof host) != NULL)
		snprintf(text, DSRV_ADDRESS_TEXT, "[%s]:%d", host,
		    ntohs(address->as.in6.sin6_port));
	else
		strcpy(text, family == AF_UNIX ? "unix" : "");
}
