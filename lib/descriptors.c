/*
 * descriptors.c - what 0, 1 and 2 are, and how all others are opened
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#ifdef HAVE___FPURGE
#include <stdio_ext.h>
#endif
#include <unistd.h>
#include <wchar.h>

#include "ground.h"

enum { TRIES = 10, REST = 10 /* ms */ };

int
dsrv_descriptors_put(int fd, int at)
{
	int tries = TRIES;

	/* It may fail for a moment, as while another thread opens a file. */
	while (dup2(fd, at) == -1) {
		if (errno == EBADF || --tries == 0)
			return -1;
		poll(NULL, 0, REST);
	}
	return 0;
}

int
dsrv_descriptors_fill(void)
{
	int fd;

	/* Otherwise a socket of ours could be another program's stdin. */
	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", O_RDWR) == -1)
			return -1;
	return 0;
}

int
dsrv_descriptors_lend_stderr(void)
{
	int fd;

	if (fcntl(STDERR_FILENO, F_GETFD) != -1)
		return 0;
	for (fd = STDOUT_FILENO; fd >= STDIN_FILENO; fd--)
		if (fcntl(fd, F_GETFD) != -1 &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY &&
		    dsrv_descriptors_put(fd, STDERR_FILENO) == 0)
			return 1;
	return -1;
}

int
dsrv_descriptors_first_null(void)
{
	return dsrv_descriptors_own(open("/dev/null", O_RDWR | O_CLOEXEC));
}

int
dsrv_descriptors_null(int first, int last)
{
	int fd, saved, result = 0, null = dsrv_descriptors_first_null();

	if (null == -1 && first > STDIN_FILENO)
		null = STDIN_FILENO;	/* since daemon_start() */
	if (null == -1)
		return -1;
	for (fd = first; fd <= last && result == 0; fd++)
		result = dsrv_descriptors_put(null, fd);
	saved = errno;
	if (null > STDIN_FILENO)
		close(null);
	errno = saved;
	return result;
}

int
dsrv_descriptors_renew(int fd)
{
	FILE *stream = fd == 0 ? stdin : fd == 1 ? stdout : stderr;
	int saved, result, kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (kept == -1)
		return -1;
	/* After freopen(3) a stream counts as unused: it is empty, and
	 * setvbuf(3) is sure to work. After a chroot(2) without a /dev/null it
	 * stays what daemon_start() has made it. A stream that was closed gets
	 * the lowest free descriptor. */
	if (fileno(stream) != fd)
		close(fd);
	if (access("/dev/null", R_OK | W_OK) == 0 &&
	    freopen("/dev/null", fd == 0 ? "r" : "w", stream) == NULL) {
		saved = errno;
		dsrv_descriptors_put(kept, fd);
		close(kept);
		errno = saved;
		return -1;
	}
	clearerr(stream);
	result = dsrv_descriptors_put(kept, fd);
	saved = errno;
	close(kept);
	errno = saved;
	if (fd != 0)
		setvbuf(stream, NULL, _IOLBF, 0);
	return result;
}

int
dsrv_descriptors_refresh(int fd)
{
#ifdef HAVE___FPURGE
	FILE *stream = fd == 0 ? stdin : stdout;

	/* It is as the library has left it, so only its contents must go. */
	if (fileno(stream) == fd && fwide(stream, 0) <= 0 &&
	    (fd == 0 || __flbf(stream))) {
		__fpurge(stream);
		clearerr(stream);
		return 0;
	}
#endif
	return dsrv_descriptors_renew(fd);
}

int
dsrv_descriptors_open_null(void)
{
	int null = dsrv_descriptors_first_null();

	/* After a chroot(2): stdin has been /dev/null since daemon_start(). */
	return null != -1 ? null : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
}

int
dsrv_descriptors_unshare(int fd)
{
	int own = -1, result = -1, saved = errno;
	struct stat file;
	char path[32];

	/* Opening a pipe without a reader would block. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (fstat(fd, &file) == 0 && S_ISFIFO(file.st_mode))
		own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (own != -1) {
		if (fcntl(own, F_SETFL, 0) == 0)
			result = dsrv_descriptors_put(own, fd);
		close(own);
	}
	errno = saved;
	return result;
}

int
dsrv_descriptors_same(int one, int other)
{
	struct stat a, b;

	return fstat(one, &a) == 0 && fstat(other, &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int
dsrv_descriptors_own(int fd)
{
	int high;

	if (fd == -1 || fd > 2)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	dsrv_descriptors_close(&fd);
	return high;
}

static int
give_up(int *one, int *other)
{
	int saved = errno;

	if (*one != -1)
		close(*one);
	if (*other != -1)
		close(*other);
	*one = *other = -1;
	errno = saved;
	return -1;
}

/* Both above 2, or none. */
static int
own_both(const int *ends, int *one, int *other)
{
	*one = dsrv_descriptors_own(ends[0]);
	*other = dsrv_descriptors_own(ends[1]);
	return *one != -1 && *other != -1 ? 0 : give_up(one, other);
}

static void
close_on_exec(const int *ends)
{
	fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	fcntl(ends[1], F_SETFD, FD_CLOEXEC);
}

int
dsrv_descriptors_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ?
	    -1 : 0;
}

int
dsrv_descriptors_pipe(int *read_end, int *write_end, int nonblocking)
{
	int ends[2];

#ifdef HAVE_PIPE2
	if (pipe2(ends, O_CLOEXEC) == -1)
		return -1;
#else
	if (pipe(ends) == -1)
		return -1;
	close_on_exec(ends);
#endif
	if (own_both(ends, read_end, write_end) == -1)
		return -1;
	if ((nonblocking & DSRV_READ_END &&
	    dsrv_descriptors_nonblock(*read_end) == -1) ||
	    (nonblocking & DSRV_WRITE_END &&
	    dsrv_descriptors_nonblock(*write_end) == -1))
		return give_up(read_end, write_end);
	return 0;
}

int
dsrv_descriptors_pair(int *one, int *other)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
		return -1;
	close_on_exec(ends);
	return own_both(ends, one, other);
}

void
dsrv_descriptors_close_all(const int *fds, int count, int except)
{
	int i;

	for (i = 0; i < count; i++)
		if (fds[i] != except)
			close(fds[i]);
}

void
dsrv_descriptors_close(int *fd)
{
	int saved = errno;

	if (*fd != -1)
		close(*fd);
	*fd = -1;
	errno = saved;
}
