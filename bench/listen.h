/*
 * listen.h - the listening socket of the servers that are written by hand
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef BENCH_LISTEN_H
#define BENCH_LISTEN_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <err.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int
listen_on(const char *port)
{
	struct sockaddr_in addr;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&addr, 0, sizeof addr);
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) == -1)
		err(1, "bind");
	if (listen(fd, SOMAXCONN) == -1)
		err(1, "listen");
	return fd;
}

#endif
