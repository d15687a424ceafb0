/*
 * openat.c - openat(2), of which a test hears
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/syscall.h>
#include <sys/types.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include "openat.h"

void (*before_creation)(void), (*after_creation)(void);

int
openat(int dir, const char *name, int flags, ...)
{
	int creates = (flags & O_CREAT) != 0, fd;
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = creates ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (creates && before_creation != NULL)
		before_creation();
	fd = (int)syscall(SYS_openat, dir, name, flags, mode);
	if (creates && after_creation != NULL)
		after_creation();
	return fd;
}
