/*
 * sockets.c - listening sockets and clients of other families than IPv4
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <netinet/in.h>

#include "sockets.h"

/* -1: there is none on this machine. */
static int
listen_in_v6(struct in6_addr to, int *port)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6,
		.sin6_addr = to };
	int off = 0, fd = socket(AF_INET6, SOCK_STREAM, 0);

	if (fd != -1 && (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off,
	    sizeof off) == -1 || bind(fd, (struct sockaddr *)&addr,
	    sizeof addr) == -1 || listen(fd, SOMAXCONN) == -1)) {
		close(fd);
		return -1;
	}
	*port = fd == -1 ? 0 : port_of(fd);
	return fd;
}

int
cannot_use_v6(void)
{
	int port, fd = listen_in_v6(in6addr_loopback, &port);

	if (fd != -1)
		close(fd);
	return skip_if(fd == -1, "there is no ::1");
}

int
listen_on_v6(int *port)
{
	int fd = listen_in_v6(in6addr_loopback, port);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int
listen_for_both(int *port)
{
	int fd = listen_in_v6(in6addr_any, port);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int
client_of_v6_if(int port)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
		.sin6_port = htons((in_port_t)port) };

	return connect_if((struct sockaddr *)&addr, sizeof addr);
}

int
client_of_v6(int port)
{
	int fd = client_of_v6_if(port);

	ck_assert_int_ge(fd, 0);
	return fd;
}

int
listen_and_linger(int *port)
{
	const struct linger on = { .l_onoff = 1, .l_linger = 3000 };
	int fd = listen_anywhere(port);

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &on, sizeof on),
	    0);
	return fd;
}

struct sockaddr_un
local_address(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(addr.sun_path, sizeof addr.sun_path, "%s/socket", scratch());
	return addr;
}

int
listen_locally(int *port)
{
	struct sockaddr_un addr = local_address();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	*port = 0;
	ck_assert_int_ge(fd, 0);
	unlink(addr.sun_path);	/* the last one's */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	ck_assert_int_eq(listen(fd, SOMAXCONN), 0);
	return fd;
}

int
local_client(void)
{
	struct sockaddr_un addr = local_address();
	int fd = connect_if((struct sockaddr *)&addr, sizeof addr);

	ck_assert_int_ge(fd, 0);
	return fd;
}
