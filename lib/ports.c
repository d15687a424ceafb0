/*
 * ports.c - what a daemon listens on: found, mended, and ended at a stop
 *
 * Spares and workers share these sockets. Such a process can end one for all by
 * shutdown(2), and can hold its lock for ever, as by a page fault. So a socket
 * can be made to listen again, and a child, for which nothing waits, makes the
 * calls that take the lock: getsockname(2) does, close(2) of a listener does
 * not.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "listeners.h"

/* Found while they listen: a socket that was shut down looks like any other,
 * and has lost its port. */
static struct {
	struct port {
		int fd;
		dev_t dev;
		ino_t ino;
		struct sockaddr_storage addr;
		socklen_t len;
	} *all;
	int count;
} ports;

/*
 * Finding
 */

/* Whether fd is that socket: its number may be another's by now. */
static int
is_that(const struct port *port, int fd)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_dev == port->dev &&
	    now.st_ino == port->ino;
}

static const struct port *
find_port(int fd)
{
	int i;

	for (i = 0; i < ports.count; i++)
		if (is_that(&ports.all[i], fd))
			return &ports.all[i];
	return NULL;
}

static int
is_found(int fd)
{
	int i;

	for (i = 0; i < ports.count; i++)
		if (ports.all[i].fd == fd)
			return 1;
	return 0;
}

static int
add_port(int fd)
{
	struct port *more, port;
	struct stat file;

	if (is_found(fd) || dsrv_listener_check(fd) != 0)
		return 0;
	if (fstat(fd, &file) == -1)
		return -1;
	more = realloc(ports.all, ((size_t)ports.count + 1) * sizeof *more);
	if (more == NULL)
		return -1;
	ports.all = more;
	memset(&port, 0, sizeof port);
	port.fd = fd;
	port.dev = file.st_dev;
	port.ino = file.st_ino;
	port.len = sizeof port.addr;
	if (getsockname(fd, (struct sockaddr *)&port.addr, &port.len) == -1)
		port.len = 0;
	ports.all[ports.count++] = port;
	return 0;
}

/* What the master has found stays: a worker may have ended these, or hold their
 * locks. */
void
dsrv_ports_find(void)
{
	int i;

	for (i = ports.count - 1; i >= 0; i--)
		if (!is_that(&ports.all[i], ports.all[i].fd))
			ports.all[i] = ports.all[--ports.count];
	dsrv_fdclean_visit(add_port);
}

static int
is_among(int fd, const int *fds, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (fds[i] == fd)
			return 1;
	return 0;
}

/* Not what the program has opened without the library. */
int
dsrv_ports_others(const int *fds, int count, int **others)
{
	int fd, *more, found = 0;

	*others = NULL;
	for (fd = dsrv_ownsocket_descriptor(0); fd != -1;
	    fd = dsrv_ownsocket_descriptor(fd + 1)) {
		if (is_among(fd, fds, count) || dsrv_listener_check(fd) != 0)
			continue;
		more = realloc(*others, ((size_t)found + 1) * sizeof *more);
		if (more == NULL)
			return -1;
		*others = more;
		more[found++] = fd;
	}
	return found;
}

/*
 * Mending
 */

int
dsrv_ports_can_mend(int fd)
{
	const struct port *port = find_port(fd);

	/* A Unix-domain socket cannot listen again. */
	return port != NULL && port->addr.ss_family != AF_UNIX;
}

/* -1 with errno. */
static int
listen_again(const struct port *port, int fd)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	struct sockaddr_storage now;
	socklen_t len = sizeof now;

	if (dsrv_listener_check(fd) == 0)
		return 0;
	/* A worker may have connected the socket. */
	connect(fd, &none, sizeof none);
	/* A port that the kernel chose is free again, and listen(2) would
	 * choose another. If not, bind(2) fails. */
	if (bind(fd, (const struct sockaddr *)&port->addr, port->len) == -1 &&
	    errno != EINVAL)
		return -1;
	memset(&now, 0, sizeof now);
	if (getsockname(fd, (struct sockaddr *)&now, &len) == -1)
		return -1;
	if (memcmp(&now, &port->addr, sizeof now) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	return listen(fd, SOMAXCONN);
}

pid_t
dsrv_ports_mend(struct dsrv_loop *loop, int fd)
{
	pid_t pid = dsrv_loop_fork_helper(loop);
	const struct port *port;

	if (pid != 0)
		return pid;
	port = find_port(fd);
	fd = dsrv_descriptors_own(fd);	/* 0 to 2 will be /dev/null */
	dsrv_helper_begin(&fd, 1);
	if (port == NULL)
		dsrv_helper_end(ENOTSOCK);
	dsrv_helper_end(listen_again(port, fd) == 0 ? 0 : errno);
}

/*
 * Closing
 */

void
dsrv_ports_close(void)
{
	int i;

	for (i = 0; i < ports.count; i++)
		close(ports.all[i].fd);
	ports.count = 0;
}

/* What clients have sent to a Unix-domain socket may be descriptors, and
 * closing those may take long: it stays open until this process ends. */
void
dsrv_ports_leave(void)
{
	int i;

	dsrv_ownsocket_give_back();
	for (i = 0; i < ports.count; i++)
		if (ports.all[i].addr.ss_family != AF_UNIX)
			close(ports.all[i].fd);
	ports.count = 0;
}

/*
 * Ending them, for all processes that hold them
 */

static void
end_all(void)
{
	int i;

	for (i = 0; i < ports.count; i++)
		dsrv_listener_end(ports.all[i].fd);
}

static int
has_unix(void)
{
	int i;

	for (i = 0; i < ports.count; i++)
		if (ports.all[i].addr.ss_family == AF_UNIX)
			return 1;
	return 0;
}

/* Closing what a Unix-domain socket has accepted may take long, if a client has
 * sent descriptors. So it is done only if necessary. */
static void
end_as_helper(const int *fds)
{
	int i;

	dsrv_helper_begin(fds, ports.count);
	for (i = 0; i < ports.count; i++)
		while (dsrv_listener_end(fds[i]))
			dsrv_fdclean_helper(fds, ports.count);
	dsrv_helper_end(0);
}

static int *
numbers(void)
{
	int *fds = malloc((size_t)ports.count * sizeof *fds), i;

	for (i = 0; fds != NULL && i < ports.count; i++)
		fds[i] = ports.all[i].fd;
	return fds;
}

static int
end_by_child(struct dsrv_loop *loop)
{
	int *fds = numbers();
	pid_t pid;

	if (fds == NULL)
		return -1;
	pid = dsrv_loop_fork_helper(loop);	/* it ignores a second stop */
	if (pid == 0)
		end_as_helper(fds);
	free(fds);
	return pid == -1 ? -1 : 0;
}

void
dsrv_ports_end(struct dsrv_loop *loop, int are_shared)
{
	if (ports.count == 0)
		return;
	if (!(are_shared || has_unix()) || end_by_child(loop) == -1)
		end_all();
	dsrv_ports_leave();
}
