/*
 * listener.c - one listening socket: accept from it, end it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "listeners.h"
#include "role.h"

enum {
	CLIENT_FAILURES = 10,	/* in a row: more are not the clients' */
	FIRST_PAUSE = 100, LONGEST_PAUSE = 1000		/* ms */
};

/* On Linux a Unix-domain socket that has been shut down still counts as
 * listening, and accept(2) only says that no client is there. */
static int
is_shut_down(int fd)
{
#ifdef POLLRDHUP
	struct pollfd listener = { .fd = fd, .events = POLLRDHUP };

	return poll(&listener, 1, 0) == 1 && listener.revents & POLLRDHUP;
#else
	(void)fd;
	return 0;
#endif
}

int
dsrv_listener_check(int fd)
{
	socklen_t len = sizeof(int);
	int listening = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == -1)
		return errno;
	return listening && !is_shut_down(fd) ? 0 : EINVAL;
}

/* Whether the client has reset its connection, so no answer would be read. */
static int
is_gone(const struct dsrv_client *client)
{
	struct pollfd conn = { .fd = client->conn };

	/* A Unix-domain client may have gone and left something to read. */
	return client->addr.ss_family != AF_UNIX && poll(&conn, 1, 0) == 1 &&
	    conn.revents & (POLLERR | POLLHUP);
}

#ifndef HAVE_ACCEPT4

/* On some systems the connection has the listener's mode. -1 with errno: it is
 * closed. */
static int
take_mode_off(int conn)
{
	int flags = fcntl(conn, F_GETFL);

	if (flags != -1 && fcntl(conn, F_SETFD, FD_CLOEXEC) == 0 &&
	    fcntl(conn, F_SETFL, flags & ~O_NONBLOCK) == 0)
		return 0;
	dsrv_descriptors_close(&conn);
	return -1;
}

#endif

int
dsrv_listener_accept(int fd, struct dsrv_client *client)
{
	struct sockaddr *addr = (struct sockaddr *)&client->addr;

	client->len = sizeof client->addr;
	client->same = 0;
#ifdef HAVE_ACCEPT4
	client->conn = dsrv_descriptors_own(accept4(fd, addr, &client->len,
	    SOCK_CLOEXEC));
#else
	client->conn = dsrv_descriptors_own(accept(fd, addr, &client->len));
	if (client->conn != -1 && take_mode_off(client->conn) == -1)
		client->conn = -1;
#endif
	if (client->conn == -1 && errno == EAGAIN)
		errno = is_shut_down(fd) ? EINVAL : EAGAIN;
	if (client->conn != -1 && is_gone(client)) {
		close(client->conn);
		client->conn = -1;
		errno = EAGAIN;
	}
	return client->conn;
}

enum dsrv_listener_failure
dsrv_listener_why(int error)
{
	switch (error) {
	/* Errors, by accept(2) and POSIX, that concern only a client that has
	 * gone, its network, or a packet filter. */
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
		return DSRV_LISTENER_CLIENT;
	case EBADF:
	case EFAULT:
	case EINVAL:
	case ENOTSOCK:
		return DSRV_LISTENER_SOCKET;
	default:
		return DSRV_LISTENER_SYSTEM;
	}
}

int
dsrv_listener_pause(int error, int *failures)
{
	int nth;

	if (error == EAGAIN || error == EINTR)
		return 0;
	nth = ++*failures;
	if (dsrv_listener_why(error) == DSRV_LISTENER_CLIENT)
		nth -= CLIENT_FAILURES;
	return nth > 0 ? dsrv_backoff(nth, FIRST_PAUSE, LONGEST_PAUSE) :
	    0;
}

int
dsrv_listener_is_unix(int fd)
{
	/* Not by getsockname(2), if possible: it takes the socket's lock, which
	 * a worker with the listener could hold. */
#ifdef SO_DOMAIN
	int domain = -1;
	socklen_t len = sizeof domain;

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX;
#else
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	    addr.ss_family == AF_UNIX;
#endif
}

/* The connection of a client that is gone ends if it does not answer some
 * probes, at least 1 s apart, after a silence; or does not acknowledge data. */
static void
set_probes(int fd, int seconds)
{
	int count = seconds > 3 ? 3 : seconds > 2 ? 2 : 1;
	int interval = seconds > 6 ? seconds / 6 : 1;
	int idle = seconds > 2 ? seconds - count * interval : 1, on = 1;
	unsigned ms = (unsigned)seconds * 1000;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
#endif
#ifdef TCP_KEEPINTVL
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
#endif
#ifdef TCP_KEEPCNT
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
#endif
#ifdef TCP_USER_TIMEOUT
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
#endif
	(void)idle;
	(void)interval;
	(void)count;
	(void)ms;
}

static void
set_no_probes(int fd)
{
	unsigned off = 0;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &off, sizeof off);
#ifdef TCP_USER_TIMEOUT
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &off, sizeof off);
#endif
}

static int keeps_alive;	/* some listener, by this process or its parent */

void
dsrv_listener_keep_alive(int fd)
{
	int seconds = dsrv_settings()->keepalive;

	if (seconds <= 0)
		return;
	set_probes(fd, seconds > 1 ? seconds : 2);
	keeps_alive = 1;
}

/* In a server. What others have set stays, but not what an earlier one has. */
static void
keep_alive_or_not(int fd)
{
	struct dsrv_shared *shared = dsrv_role()->shared;

	if (dsrv_settings()->keepalive == 0 &&
	    (keeps_alive || shared->keeps_alive))
		set_no_probes(fd);
	dsrv_listener_keep_alive(fd);
	if (keeps_alive)
		shared->keeps_alive = 1;
}

int
dsrv_listener_prepare(int fd, int is_shared)
{
	int on = 1;

	/* A client may go between poll(2) and accept(2). Not by fcntl(2), which
	 * takes the socket's lock if a worker is changing O_ASYNC. */
	if (ioctl(fd, FIONBIO, &on) == -1)
		return -1;
	/* Otherwise an answer of several lines waits for acknowledgements.
	 * Setting it takes the lock; the first server has done it. */
	if (is_shared || dsrv_listener_is_unix(fd))
		return 0;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	keep_alive_or_not(fd);
	return 0;
}

int
dsrv_listener_unblock(int fd)
{
	int on = 1, flags = fcntl(fd, F_GETFL);

	if (flags == -1 || flags & O_NONBLOCK)
		return 0;
	ioctl(fd, FIONBIO, &on);
	return 1;
}

int
dsrv_listener_has_client(int fd)
{
	struct pollfd listener = { .fd = fd, .events = POLLIN };

	return poll(&listener, 1, 0) == 1 && listener.revents & POLLIN;
}

int
dsrv_listener_end(int fd)
{
	struct dsrv_client client;
	int accepted = 0;

	if (dsrv_ownsocket_is_inherited(fd))
		return 0;
	shutdown(fd, SHUT_RDWR);
	if (!dsrv_listener_is_unix(fd))
		return 0;
	/* Otherwise clients waiting at a Unix-domain socket would wait until
	 * the last process that holds it is gone. */
	while (dsrv_listener_accept(fd, &client) != -1)
		accepted = 1;
	return accepted && (errno == EMFILE || errno == ENFILE);
}

int
dsrv_listener_inherit(int fd)
{
	return dsrv_listener_check(fd) != 0 || dsrv_ownsocket_is_ours(fd) ? 0 :
	    dsrv_ownsocket_add_inherited(fd);
}
