/*
 * logclaim.c - a log file is claimed for as long as it is open
 *
 * The lock for a write is released after it, and other daemons may then rotate
 * the file. But if it only looks like an older file of theirs, they must not
 * rename or remove it. So a logger also holds a read lock on it, which all that
 * log there share. It is on a byte that stands for the file's name: once a
 * rotation has changed the name, the file is an older one.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"

/* A lock of the open file, which the master keeps. Where there are only locks
 * of a process, the claim is lost for a moment if the logger dies. */
#if HAVE_DECL_F_OFD_SETLK
enum { SET = F_OFD_SETLK, ASK = F_OFD_GETLK };
#else
enum { SET = F_SETLK, ASK = F_GETLK };
#endif

/* FNV-1a, without a byte that would be beyond the largest file. */
static off_t
byte_of(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
	return (off_t)(hash >> (sizeof(off_t) < 8 ? 34 : 2));
}

static struct flock
lock_of(const char *name, short type)
{
	struct flock lock;

	memset(&lock, 0, sizeof lock);
	lock.l_type = type;
	lock.l_whence = SEEK_SET;
	lock.l_start = byte_of(name);
	lock.l_len = 1;
	return lock;
}

/* Some kernels know only locks of a process. */
static int
set(int fd, struct flock *lock)
{
	int done = fcntl(fd, SET, lock);

	return done == -1 && errno == EINVAL ? fcntl(fd, F_SETLK, lock) : done;
}

static int
ask(int fd, struct flock *lock)
{
	int done = fcntl(fd, ASK, lock);

	return done == -1 && errno == EINVAL ? fcntl(fd, F_GETLK, lock) : done;
}

void
dsrv_logclaim_make(int fd, const char *name)
{
	struct flock lock = lock_of(name, F_RDLCK);

	if (set(fd, &lock) == 0 || errno != EBADF)
		return;
	lock.l_type = F_WRLCK;	/* the file may be open only for writing */
	set(fd, &lock);
}

void
dsrv_logclaim_end(int fd)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	set(fd, &lock);
}

int
dsrv_logclaim_is_made(int fd, const char *name)
{
	struct flock lock = lock_of(name, F_WRLCK);

	return ask(fd, &lock) == 0 && lock.l_type != F_UNLCK;
}
