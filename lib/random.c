/*
 * random.c - bytes that cannot be guessed
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admission.h"

/* -1: the system has none. */
static int
fill_from_system(unsigned char *bytes, size_t size)
{
#ifdef HAVE_GETENTROPY
	return getentropy(bytes, size);
#else
	int fd = dsrv_descriptors_own(open("/dev/urandom",
	    O_RDONLY | O_CLOEXEC));
	ssize_t n;

	if (fd == -1)	/* as after a chroot(2) */
		return -1;
	n = read(fd, bytes, size);
	close(fd);
	return n == (ssize_t)size ? 0 : -1;
#endif
}

/* At least hard to guess unless one has a process on this machine. */
static void
fill_from_process(unsigned char *bytes, size_t size)
{
	struct {
		struct timespec time;
		void *place;
		pid_t pid;
	} here;
	size_t i;

	memset(&here, 0, sizeof here);
	clock_gettime(CLOCK_MONOTONIC, &here.time);
	here.place = &here;
	here.pid = getpid();
	memset(bytes, 0, size);
	for (i = 0; i < sizeof here; i++)
		bytes[i % size] ^= ((unsigned char *)&here)[i];
}

void
dsrv_random_fill(void *bytes, size_t size)
{
	if (fill_from_system(bytes, size) == -1)
		fill_from_process(bytes, size);
}
