/*
 * flock.h - flock(2), or one that fails where there is none, and whether to
 * leave out a test for that
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef FLOCK_H
#define FLOCK_H

#include "harness.h"

#ifdef HAVE_FLOCK
#include <sys/file.h>
#else
#ifndef LOCK_EX		/* fcntl.h may have them */
enum { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN };
#endif

static int
flock(int fd, int how)
{
	(void)fd;
	(void)how;
	return -1;
}
#endif

static int
has_no_locks(void)
{
#ifdef HAVE_FLOCK
	return 0;
#else
	return skip_if(1, "to lock a file takes flock(2)");
#endif
}

#endif
