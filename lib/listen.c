/*
 * listen.c - daemon_listen(): open listening sockets
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "listeners.h"

enum { PORT_TRIES = 16 };	/* to find one free in each family */

static in_port_t *
port_of(struct sockaddr *addr)
{
	if (addr->sa_family == AF_INET)
		return &((struct sockaddr_in *)(void *)addr)->sin_port;
	return &((struct sockaddr_in6 *)(void *)addr)->sin6_port;
}

static int
listen_on(const struct addrinfo *ai)
{
	int fd, on = 1;

	fd = dsrv_descriptors_own(socket(ai->ai_family, ai->ai_socktype,
	    ai->ai_protocol));
	if (fd == -1)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* The listener's setting also covers clients that come before the
	 * server. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	dsrv_listener_keep_alive(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    (ai->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof on) == 0) &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, SOMAXCONN) == 0 && dsrv_ownsocket_add(fd) == 0)
		return fd;
	dsrv_descriptors_close(&fd);
	return -1;
}

/* Whether this machine has no addresses of that family. */
static int
is_absent(int family, int error)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd, absent;

	if (error != EADDRNOTAVAIL || family != AF_INET6)
		return error == EAFNOSUPPORT || error == EPROTONOSUPPORT;
	if ((fd = socket(AF_INET6, SOCK_STREAM, 0)) == -1)
		return 1;
	absent = bind(fd, (struct sockaddr *)&in6, sizeof in6) == -1 &&
	    errno == EADDRNOTAVAIL;
	close(fd);
	return absent;
}

static void
close_all(const int *fds, int count)
{
	int saved = errno;

	while (count > 0) {
		dsrv_ownsocket_forget(fds[--count]);
		close(fds[count]);
	}
	errno = saved;
}

/* All listen on the port that the kernel has chosen for the first. */
static void
learn_port(int fd, in_port_t *port)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0)
		*port = *port_of((struct sockaddr *)&addr);
}

/* Whether the list has this address already, as a name's may. */
static int
seen_before(const struct addrinfo *first, const struct addrinfo *ai)
{
	for (; first != ai; first = first->ai_next)
		if (first->ai_addrlen == ai->ai_addrlen &&
		    memcmp(first->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
			return 1;
	return 0;
}

/* Listens on all addresses; -1: *failed is the one that failed. */
static int
listen_on_all(const struct addrinfo *ai, int *fds, int max,
    const struct addrinfo **failed)
{
	const struct addrinfo *first = ai, *passed_over = NULL;
	int count = 0, error = 0;
	in_port_t port = 0;

	for (; ai != NULL; ai = ai->ai_next) {
		*failed = ai;
		if (*port_of(ai->ai_addr) == 0)
			*port_of(ai->ai_addr) = port;
		if (seen_before(first, ai))
			continue;
		if (count == max) {
			errno = ENOSPC;
			break;
		}
		if ((fds[count] = listen_on(ai)) != -1) {
			if (port == 0)
				learn_port(fds[count], &port);
			*port_of(ai->ai_addr) = port;
			count++;
			continue;
		}
		error = errno;
		if (!is_absent(ai->ai_family, error)) {
			errno = error;
			break;
		}
		passed_over = ai;
	}
	if (ai == NULL && count > 0)
		return count;
	if (ai == NULL) {
		*failed = passed_over;
		errno = error;
	}
	close_all(fds, count);
	return -1;
}

static void
clear_ports(struct addrinfo *ai)
{
	for (; ai != NULL; ai = ai->ai_next)
		*port_of(ai->ai_addr) = 0;
}

/* getaddrinfo(3) truncates port numbers above 65535. */
static int
is_no_port(const char *service)
{
	char *end;
	long number = strtol(service, &end, 10);

	return *service == '\0' ||
	    (*end == '\0' && (number < 0 || number > 65535));
}

static int
resolve_error(int result)
{
	switch (result) {
	case EAI_SYSTEM:
		return errno;
	case EAI_MEMORY:
		return ENOMEM;
	case EAI_AGAIN:
		return EAGAIN;
	case EAI_SERVICE:
		return EINVAL;
	default:
		return EADDRNOTAVAIL;
	}
}

static void
report_address(const struct addrinfo *ai, int error)
{
	char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";

	getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof host, port,
	    sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
	dsrv_report(strchr(host, ':') != NULL ?
	    "listen on [%s]:%s: %s" : "listen on %s:%s: %s", host, port,
	    error == ENOSPC ? "more addresses than the program has room for" :
	    strerror(error));
}

/* In the Unix domain. */
static int
listen_here(const char *service, int *fds)
{
	int saved = errno;

	if ((fds[0] = dsrv_unixsocket_listen(service)) == -1) {
		saved = errno;
		dsrv_report("listen on %s: %s", service, strerror(saved));
	}
	errno = saved;
	return fds[0] == -1 ? -1 : 1;
}

/* On the network. */
static int
listen_there(const char *host, const char *service, int *fds, int max)
{
	struct addrinfo hints, *found;
	const struct addrinfo *failed;
	int result, error, count, tries = 0, any_port, saved = errno;

	memset(&hints, 0, sizeof hints);
	hints.ai_flags = AI_PASSIVE;
	hints.ai_socktype = SOCK_STREAM;
	result = is_no_port(service) ? EAI_SERVICE :
	    getaddrinfo(host, service, &hints, &found);
	if (result != 0) {
		error = resolve_error(result);
		dsrv_report("listen on %s, port %s: %s",
		    host != NULL ? host : "this machine", service,
		    result == EAI_SYSTEM ? strerror(error) :
		    result == EAI_SERVICE ? "it is not a port, from 0 to "
		    "65535, nor a known service" : gai_strerror(result));
		errno = error;
		return -1;
	}
	any_port = *port_of(found->ai_addr) == 0;
	while ((count = listen_on_all(found, fds, max, &failed)) == -1 &&
	    errno == EADDRINUSE && any_port && ++tries < PORT_TRIES)
		clear_ports(found);
	error = errno;
	if (count == -1)
		report_address(failed, error);
	freeaddrinfo(found);
	errno = count == -1 ? error : saved;
	return count;
}

int
daemon_listen(const char *host, const char *service, int *fds, int max)
{
	int is_unix = service != NULL && dsrv_unixsocket_is_meant(service);
	int count;

	if (service == NULL || fds == NULL || max < 1 ||
	    (is_unix && host != NULL)) {
		if (is_unix && host != NULL)
			dsrv_report("listen on %s: it has no address %s",
			    service, host);
		errno = EINVAL;
		return -1;
	}
	count = is_unix ? listen_here(service, fds) :
	    listen_there(host, service, fds, max);
	if (count == -1)
		dsrv_ownsocket_miss();
	return count;
}
