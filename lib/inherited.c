/*
 * inherited.c - daemon_listen_inherited(): sockets that the program was given
 *
 * A service manager names them in the environment, see sd_listen_fds(3); inetd
 * and similar programs pass one as descriptor 0.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "listeners.h"

enum { FIRST = 3, NO_NUMBER = -1 };

static struct {
	int count;	/* of those from FIRST on; NO_NUMBER: unknown */
	char *names;	/* their names, separated by colons; NULL: none */
	int from_inetd;	/* what was descriptor 0; -1: none */
} given = { .from_inetd = -1 };

static int
number_in(const char *text)
{
	char *end;
	long number;

	if (*text < '0' || *text > '9')
		return NO_NUMBER;
	errno = 0;
	number = strtol(text, &end, 10);
	return errno == 0 && *end == '\0' && number <= INT_MAX - FIRST ?
	    (int)number : NO_NUMBER;
}

/*
 * Taking
 */

/* A program that a worker executes must not get them by accident. LISTEN_FDS
 * may be far too large: stops at the first that is not open. */
static int
keep_all(void)
{
	int i;

	for (i = 0; i < given.count &&
	    fcntl(FIRST + i, F_SETFD, FD_CLOEXEC) != -1; i++)
		if (dsrv_ownsocket_add_given(FIRST + i) == -1)
			return -1;
	return 0;
}

static int
take_environment(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");

	if (pid == NULL || count == NULL || number_in(pid) != getpid())
		return 0;
	if (names != NULL && (given.names = strdup(names)) == NULL)
		return -1;
	given.count = number_in(count);
	return keep_all();
}

/* Descriptor 0 will become /dev/null. */
static int
take_stdin(void)
{
	int fd;

	if (given.from_inetd != -1 || dsrv_listener_check(STDIN_FILENO) != 0)
		return 0;
	if ((fd = dsrv_descriptors_own(dup(STDIN_FILENO))) == -1)
		return -1;
	given.from_inetd = fd;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return dsrv_ownsocket_add_given(fd);
}

int
dsrv_inherited_take(void)
{
	if (take_environment() == -1 || take_stdin() == -1)
		return -1;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_PIDFDID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return 0;
}

/*
 * Giving
 */

/* inetd passes the socket as 0, 1 and 2: no text of the daemon must go
 * there. */
static void
leave_streams(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (dsrv_descriptors_same(fd, given.from_inetd))
			dsrv_descriptors_null(fd, fd);
}

/* 0, or an error number. If a descriptor was not open at the start, it may be
 * the program's own by now. */
static int
check(int fd)
{
	int type = 0, error = dsrv_listener_check(fd);
	socklen_t len = sizeof type;

	if (error != 0)
		return error;
	if (!dsrv_ownsocket_is_given(fd))
		return EBADF;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1)
		return errno;
	return type == SOCK_STREAM ? 0 : EINVAL;
}

/* -1 with errno, after a report. */
static int
add(int fd, int *fds, int max, int *count)
{
	int error = *count == max ? ENOSPC : check(fd);

	if (error == 0) {
		fds[(*count)++] = fd;
		return 0;
	}
	dsrv_report("listen on inherited descriptor %d: %s", fd,
	    error == ENOSPC ? "the program has room for fewer" :
	    error == EINVAL ? "It is not a listening stream socket" :
	    strerror(error));
	errno = error;
	return -1;
}

/* The name that follows; NULL: there is none. */
static const char *
next_name(const char *names)
{
	const char *colon = names == NULL ? NULL : strchr(names, ':');

	return colon == NULL ? NULL : colon + 1;
}

static int
is_called(const char *names, const char *name)
{
	size_t len = strlen(name);

	return strncmp(names, name, len) == 0 &&
	    (names[len] == ':' || names[len] == '\0');
}

static int
add_named(const char *name, int *fds, int max, int *count)
{
	const char *names = given.names;
	int i;

	for (i = 0; i < given.count && (name == NULL || names != NULL); i++) {
		if ((name == NULL || is_called(names, name)) &&
		    add(FIRST + i, fds, max, count) == -1)
			return -1;
		names = next_name(names);
	}
	return 0;
}

/* systemd can pass one socket in both ways. */
static int
add_from_inetd(int *fds, int max, int *count)
{
	int i;

	if (given.from_inetd == -1)
		return 0;
	leave_streams();
	for (i = 0; i < *count; i++)
		if (dsrv_descriptors_same(fds[i], given.from_inetd)) {
			dsrv_descriptors_close(&given.from_inetd);
			return 0;
		}
	return add(given.from_inetd, fds, max, count);
}

int
daemon_listen_inherited(const char *name, int *fds, int max)
{
	int count = 0, saved = errno;

	if (fds == NULL || max < 1) {
		errno = EINVAL;
		return -1;
	}
	if (dsrv_inherited_take() == -1) {
		dsrv_report("listen on inherited sockets: %s", strerror(errno));
		return -1;
	}
	if (given.count == NO_NUMBER) {
		dsrv_report("listen on inherited sockets: "
		    "LISTEN_FDS is not a number of descriptors");
		errno = EINVAL;
		return -1;
	}
	if (add_named(name, fds, max, &count) == -1 ||
	    (name == NULL && add_from_inetd(fds, max, &count) == -1))
		return -1;
	errno = saved;
	return count;
}
