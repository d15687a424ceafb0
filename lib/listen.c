/*
 * listen.c - listening sockets: open them, know them, accept from them
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

enum {
	PORT_TRIES = 16,	/* for one that is free in each family */
	CLIENT_FAILURES = 10,	/* in a row: more are not the clients' */
	FIRST_PAUSE = 100, LONGEST_PAUSE = 1000		/* ms */
};

/*
 * Knowing and accepting
 */

int
dsrv_listen_check(int fd)
{
	socklen_t len = sizeof(int);
	int listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == -1)
		return errno;
	return listening ? 0 : EINVAL;
}

/* Has reset its connection, so that nobody will read an answer. */
static int
is_gone(const struct dsrv_client *client)
{
	struct pollfd conn = { .fd = client->conn };

	/* A Unix-domain client may have left something to be read. */
	return client->addr.ss_family != AF_UNIX && poll(&conn, 1, 0) == 1 &&
	    conn.revents & (POLLERR | POLLHUP);
}

int
dsrv_listen_accept(int fd, struct dsrv_client *client)
{
	struct sockaddr *addr = (struct sockaddr *)&client->addr;

	client->len = sizeof client->addr;
#ifdef HAVE_ACCEPT4
	client->conn = dsrv_descriptors_own(accept4(fd, addr, &client->len,
	    SOCK_CLOEXEC));
#else
	client->conn = dsrv_descriptors_own(accept(fd, addr, &client->len));
	if (client->conn != -1) {	/* some hand the listener's mode on */
		fcntl(client->conn, F_SETFD, FD_CLOEXEC);
		fcntl(client->conn, F_SETFL,
		    fcntl(client->conn, F_GETFL) & ~O_NONBLOCK);
	}
#endif
	if (client->conn != -1 && is_gone(client)) {
		close(client->conn);
		client->conn = -1;
		errno = EAGAIN;
	}
	return client->conn;
}

enum dsrv_listen_failure
dsrv_listen_why(int error)
{
	switch (error) {
	/* What accept(2) and POSIX tell of a client that has gone, of its
	 * network, or of a packet filter. */
	case EAGAIN:
	case EINTR:
	case ECONNABORTED:
	case ECONNRESET:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ENETUNREACH:
#ifdef ENONET
	case ENONET:
#endif
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EPERM:
	case EPROTO:
	case ETIMEDOUT:
		return DSRV_LISTEN_CLIENT;
	case EBADF:
	case EFAULT:
	case EINVAL:
	case ENOTSOCK:
		return DSRV_LISTEN_SOCKET;
	default:
		return DSRV_LISTEN_SYSTEM;
	}
}

int
dsrv_listen_pause(int error, int *failures)
{
	int nth;

	if (error == EAGAIN || error == EINTR)
		return 0;
	nth = ++*failures;
	if (dsrv_listen_why(error) == DSRV_LISTEN_CLIENT)
		nth -= CLIENT_FAILURES;
	return nth > 0 ? dsrv_restart_pause(nth, FIRST_PAUSE, LONGEST_PAUSE) :
	    0;
}

int
dsrv_listen_is_unix(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	    addr.ss_family == AF_UNIX;
}

void
dsrv_listen_prepare(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	/* A client may go between poll(2) and accept(2). */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	/* Else an answer of several lines waits for acknowledgements. To set
	 * it takes a lock that a worker with the listener could hold. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) == -1 || on)
		return;
	on = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

int
dsrv_listen_has_client(int fd)
{
	struct pollfd listener = { .fd = fd, .events = POLLIN };

	return poll(&listener, 1, 0) == 1 && listener.revents & POLLIN;
}

void
dsrv_listen_end(int fd)
{
	struct dsrv_client client;

	if (dsrv_listen_is_inherited(fd))
		return;
	shutdown(fd, SHUT_RDWR);
	/* Clients that wait at a Unix-domain socket would do so until the last
	 * process that has it is gone. */
	if (dsrv_listen_is_unix(fd))
		while (dsrv_listen_accept(fd, &client) != -1)
			;
}

void
dsrv_listen_leave(int fd)
{
	/* What clients have sent to a Unix-domain socket may be descriptors,
	 * and closing those may take long: not before this process ends. */
	if (!dsrv_listen_is_unix(fd))
		close(fd);
}

/*
 * Whose they are: by the socket, since a number may be another's by now
 */

struct known {
	int fd;
	dev_t dev;
	ino_t ino;
};

static struct list {
	struct known *sockets;
	int count;
} ours, inherited;	/* opened here, or there when the daemon was started */

/* Whether fd is the same socket. */
static int
is_that(const struct known *socket, int fd)
{
	struct stat now;

	return fstat(fd, &now) == 0 && S_ISSOCK(now.st_mode) &&
	    now.st_dev == socket->dev && now.st_ino == socket->ino;
}

static int
is_in(const struct list *list, int fd)
{
	int i;

	for (i = 0; i < list->count; i++)
		if (is_that(&list->sockets[i], fd))
			return 1;
	return 0;
}

/* The last of that number is no longer there. */
static void
forget_listener(struct list *list, int fd)
{
	int i;

	for (i = 0; i < list->count; i++)
		if (list->sockets[i].fd == fd)
			list->sockets[i--] = list->sockets[--list->count];
}

/* -1 with errno. */
static int
remember(struct list *list, int fd)
{
	struct known *more;
	struct stat now;

	if (fstat(fd, &now) == -1)
		return -1;
	forget_listener(list, fd);
	more = realloc(list->sockets, (size_t)(list->count + 1) * sizeof *more);
	if (more == NULL)
		return -1;
	list->sockets = more;
	more[list->count++] = (struct known){ fd, now.st_dev, now.st_ino };
	return 0;
}

int
dsrv_listen_is_ours(int fd)
{
	return is_in(&ours, fd);
}

int
dsrv_listen_is_inherited(int fd)
{
	return is_in(&inherited, fd);
}

int
dsrv_listen_inherit(int fd)
{
	return dsrv_listen_check(fd) != 0 || dsrv_listen_is_ours(fd) ? 0 :
	    remember(&inherited, fd);
}

int
dsrv_listen_descriptor(int from)
{
	const struct known *socket;
	int i, best = -1;

	for (i = 0; i < ours.count; i++) {
		socket = &ours.sockets[i];
		if (socket->fd >= from && (best == -1 || socket->fd < best) &&
		    is_that(socket, socket->fd))
			best = socket->fd;
	}
	return best;
}

int
dsrv_listen_keeps(int fd)
{
	int i;

	for (i = 0; i < ours.count; i++)
		if (ours.sockets[i].fd == fd && is_that(&ours.sockets[i], fd))
			return 1;
	return 0;
}

int
dsrv_listen_has_lost(void)
{
	return ours.count > 0 && dsrv_listen_descriptor(0) == -1;
}

/*
 * Opening
 */

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
	int fd, saved, on = 1;

	fd = dsrv_descriptors_own(socket(ai->ai_family, ai->ai_socktype,
	    ai->ai_protocol));
	if (fd == -1)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    (ai->ai_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof on) == 0) &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 &&
	    listen(fd, SOMAXCONN) == 0 && remember(&ours, fd) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* Whether this machine has no addresses of that family at all. */
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
		forget_listener(&ours, fds[--count]);
		close(fds[count]);
	}
	errno = saved;
}

/* The port that the kernel has chosen for the first one is for all. */
static void
learn_port(int fd, in_port_t *port)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0)
		*port = *port_of((struct sockaddr *)&addr);
}

/* Whether an earlier one is the same: a name may have an address twice. */
static int
seen_before(const struct addrinfo *first, const struct addrinfo *ai)
{
	for (; first != ai; first = first->ai_next)
		if (first->ai_addrlen == ai->ai_addrlen &&
		    memcmp(first->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
			return 1;
	return 0;
}

/* All that ai leads to, or -1 with *failed where it failed. */
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

/* Of a number that is too large for a port getaddrinfo(3) takes a part. */
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

int
daemon_listen(const char *host, const char *service, int *fds, int max)
{
	struct addrinfo hints, *found;
	const struct addrinfo *failed;
	int result, error, count, tries = 0, any_port, saved = errno;

	if (service == NULL || fds == NULL || max < 1) {
		errno = EINVAL;
		return -1;
	}
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
		    gai_strerror(result));
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
