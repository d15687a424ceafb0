/*
 * accept.c - accept(2) that fails, or sleeps, as often as a test wants
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "accept.h"
#include "harness.h"

struct failing *failing;

void
make_failing(void)
{
	if (failing == NULL)
		failing = shared_memory(sizeof *failing);
	failing->error = 0;
}

void
fail_at(int fd, int error, int times)
{
	failing->fd = fd;
	failing->calls = 0;
	failing->times = times;
	failing->error = error;
}

void
steal_at(int fd, enum theft theft)
{
	failing->fd = fd;
	__atomic_store_n(&failing->theft, theft, __ATOMIC_SEQ_CST);
}

static void
steal(int fd)
{
	int off = 0, theft;

	if (failing == NULL || fd != failing->fd || (theft =
	    __atomic_exchange_n(&failing->theft, NO_THEFT,
	    __ATOMIC_SEQ_CST)) == NO_THEFT)
		return;
	if (theft == BLOCKING_THEFT)
		ioctl(fd, FIONBIO, &off);
	close((int)syscall(SYS_accept4, fd, NULL, NULL, 0));
}

static int
fails_at(int fd)
{
	if (failing == NULL || fd != failing->fd || failing->error == 0 ||
	    failing->times == 0)
		return 0;
	if (failing->times > 0)
		failing->times--;
	__atomic_add_fetch(&failing->calls, 1, __ATOMIC_SEQ_CST);
	errno = failing->error;
	return 1;
}

/* Instead of libc's, whose parameters have types of their own. */
int try_accept4(int, void *, void *, int) __asm__("accept4");
int try_accept(int, void *, void *) __asm__("accept");

int
try_accept4(int fd, void *addr, void *len, int flags)
{
	steal(fd);
	return fails_at(fd) ? -1 :
	    (int)syscall(SYS_accept4, fd, addr, len, flags);
}

int
try_accept(int fd, void *addr, void *len)
{
	return try_accept4(fd, addr, len, 0);
}
