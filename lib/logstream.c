/*
 * logstream.c - standard output or standard error as the log, or a FIFO
 *
 * For when another program collects the lines, as in containers. Nothing can be
 * measured, renamed or removed there.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"

int
dsrv_logstream_of(const char *path)
{
	if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0 ||
	    strcmp(path, "/proc/self/fd/1") == 0)
		return STDOUT_FILENO;
	if (strcmp(path, "/dev/stderr") == 0 ||
	    strcmp(path, "/proc/self/fd/2") == 0)
		return STDERR_FILENO;
	return -1;
}

int
dsrv_logstream_open(int number)
{
	if (dsrv_settings()->foreground)
		return fcntl(number, F_DUPFD_CLOEXEC, 3);
	errno = EOPNOTSUPP;
	return -1;
}

/* Other processes share the pipe or terminal, and may need it to block. */
ssize_t
dsrv_logstream_write(int fd, const char *text, size_t count)
{
	struct dsrv_output out;
	ssize_t n;
	int error;

	dsrv_output_open(&out, fd);
	n = dsrv_output_write(&out, text, count);
	error = errno;
	dsrv_output_close(&out);
	errno = error;
	return n;
}
