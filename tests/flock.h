/*
 * flock.h - flock(2), or one that fails where there is none
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef FLOCK_H
#define FLOCK_H

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

#endif
