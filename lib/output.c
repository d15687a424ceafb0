/*
 * output.c - write to a descriptor that others share, without sleeping
 *
 * A write to the shell's terminal, or to a pipe that another process fills
 * between poll(2) and write(2), would block, and the process would be deaf.
 * Setting O_NONBLOCK is not an answer: it affects every process that shares the
 * open file. So it depends on the kind of file:
 *
 *     socket          send(2) with MSG_DONTWAIT
 *     terminal, pipe  opened again, in a mode of our own
 *     pipe            else a page is spliced into it, which never waits
 *     either          else, after poll(2), as much as surely has room
 *     other files     write(2)
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "ground.h"

static int
has_room(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLOUT };

	return poll(&one, 1, 0) == 1;
}

/*
 * The ways: as write(2), but with EAGAIN instead of a sleep
 */

static ssize_t
send_now(int fd, const char *text, size_t size)
{
	return send(fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* If poll(2) says that there is room, a piece fits, unless another process
 * writes at the same moment. */
static ssize_t
write_pieces(int fd, const char *text, size_t size, size_t piece)
{
	size_t done = 0;
	ssize_t n = -1;

	errno = EAGAIN;
	while (done < size && has_room(fd)) {
		n = write(fd, text + done,
		    size - done < piece ? size - done : piece);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done > 0 ? (ssize_t)done : n;
}

static ssize_t
write_to_terminal(int fd, const char *text, size_t size)
{
	return write_pieces(fd, text, size, 1);
}

static ssize_t
write_to_pipe(int fd, const char *text, size_t size)
{
#ifdef HAVE_VMSPLICE
	struct iovec page = { .iov_len = size < PIPE_BUF ? size : PIPE_BUF };
	ssize_t n = -1;
	int error;

	page.iov_base = mmap(NULL, page.iov_len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page.iov_base != MAP_FAILED) {
		memcpy(page.iov_base, text, page.iov_len);
		n = vmsplice(fd, &page, 1, SPLICE_F_NONBLOCK);
		error = errno;
		munmap(page.iov_base, page.iov_len);	/* it stays there */
		errno = error;
		if (n != -1 || errno == EAGAIN || errno == EPIPE)
			return n;
	}
#endif
	return write_pieces(fd, text, size, PIPE_BUF);
}

/*
 * Opening it again
 */

/* On some systems this is a copy of the descriptor, with a shared mode. */
static int
open_path(const char *path)
{
	int fd = dsrv_descriptors_own(open(path, O_WRONLY | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC));

	if (fd != -1 && !(fcntl(fd, F_GETFL) & O_NONBLOCK)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
open_by_number(int fd)
{
	char path[32];
	int opened;

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	opened = open_path(path);
	if (opened != -1 && !dsrv_descriptors_same(opened, fd)) {
		close(opened);
		return -1;
	}
	return opened;
}

/* Opens the session's terminal even if its name cannot be opened: in a
 * chroot(2), or with the rights of another user. */
static int
open_terminal(int fd)
{
	const char *path = ttyname(fd);
	int opened = path != NULL ? open_path(path) : -1;

	if (opened == -1 && tcgetsid(fd) == getsid(0))
		opened = open_path("/dev/tty");
	return opened;
}

/*
 * The unit
 */

static void
open_shared(struct dsrv_output *out, int is_pipe)
{
	int opened = open_by_number(out->fd);

	if (opened == -1 && !is_pipe)
		opened = open_terminal(out->fd);
	out->reopened = opened != -1;
	if (out->reopened)
		out->fd = opened;
	else
		out->write = is_pipe ? write_to_pipe : write_to_terminal;
}

static ssize_t
write_plainly(int fd, const char *text, size_t size)
{
	return write(fd, text, size);
}

void
dsrv_output_open(struct dsrv_output *out, int fd)
{
	int saved = errno;
	struct stat file;

	*out = (struct dsrv_output){ .fd = fd, .write = write_plainly };
	if (fstat(fd, &file) == 0) {
		if (S_ISSOCK(file.st_mode))
			out->write = send_now;
		else if (S_ISFIFO(file.st_mode) || isatty(fd))
			open_shared(out, S_ISFIFO(file.st_mode));
	}
	errno = saved;
}

ssize_t
dsrv_output_write(const struct dsrv_output *out, const char *text,
    size_t size)
{
	ssize_t n;

	while ((n = out->write(out->fd, text, size)) == -1 && errno == EINTR)
		;
	return n;
}

void
dsrv_output_close(struct dsrv_output *out)
{
	int saved = errno;

	if (out->reopened)
		close(out->fd);
	out->reopened = 0;
	errno = saved;
}
