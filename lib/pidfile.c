/*
 * pidfile.c - the pid file: the master's lock, and its number
 *
 * Whoever has locked the file is the daemon; the number in it only tells which
 * process that is. The lock belongs to the open file, which is opened before
 * the first fork: starter and leader hold it until the start has succeeded, so
 * that they can remove the file of one that fails; the master holds it until it
 * ends, and no child of it ever does.
 *
 * To look whether a file is locked takes a shared lock for a moment, which a
 * start waits for; no daemon has one.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#ifdef HAVE_FLOCK
#include <sys/file.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "start.h"

enum {
	OPEN = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	LOOK = 5,		/* ms between two looks */
	PATIENCE = 2000		/* ms, for a number or the end of other looks */
};

static char *locked;	/* its path; the program may change the setting */

/*
 * Locks
 */

enum lock {
	MINE,
	LOOKED_AT,	/* by a process that will go on in a moment */
	TAKEN,
	NO_LOCKS	/* errno says why */
};

#ifdef HAVE_FLOCK
static enum lock
lock(int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return MINE;
	if (errno != EWOULDBLOCK)
		return NO_LOCKS;
	if (flock(fd, LOCK_SH | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? TAKEN : NO_LOCKS;
	flock(fd, LOCK_UN);
	return LOOKED_AT;
}

int
dsrv_pidfile_is_locked(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? 1 : -1;
	flock(fd, LOCK_UN);
	return 0;
}
#else
static enum lock
lock(int fd)
{
	(void)fd;
	errno = ENOSYS;
	return NO_LOCKS;
}

int
dsrv_pidfile_is_locked(int fd)
{
	(void)fd;
	errno = ENOSYS;
	return -1;
}
#endif

/* Whether path still is this file: who has just ended may have removed it. */
static int
is_there(const char *path, int fd)
{
	struct stat ours, there;

	return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 &&
	    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

static int
is_regular(int fd)
{
	struct stat file;

	return fstat(fd, &file) == 0 && S_ISREG(file.st_mode);
}

/*
 * The number
 */

/* 0: there is none yet. */
static pid_t
read_number(int fd)
{
	char text[32], *end;
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	long number;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	errno = 0;
	number = strtol(text, &end, 10);
	return *end == '\n' && errno == 0 && number > 0 && number <= INT_MAX ?
	    (pid_t)number : 0;
}

int
dsrv_pidfile_is_of(int fd, pid_t pid)
{
	return dsrv_pidfile_is_locked(fd) == 1 && read_number(fd) == pid;
}

/*
 * In the daemon
 */

static int
fail(const char *why)
{
	int error = errno;

	dsrv_report("start: %s: %s", dsrv_settings()->pid_file, why);
	errno = error;
	return -1;
}

/* -1 with errno; ENOENT also if it was removed at that moment. */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDWR | OPEN | O_CREAT | O_EXCL, 0644);

	if (fd != -1)
		fchmod(fd, 0644);	/* others may ask who runs */
	else if (errno == EEXIST && (fd = open(path, O_RDWR | OPEN)) == -1 &&
	    errno == ENOENT)
		errno = EAGAIN;
	return dsrv_descriptors_own(fd);
}

static int
already_runs(pid_t pid)
{
	char why[64] = "already running";

	if (pid != 0)
		snprintf(why, sizeof why, "already running as process %ld",
		    (long)pid);
	errno = EWOULDBLOCK;
	return fail(why);
}

/* It may be this start that has made it: nothing was in it. */
static void
remove_new(const char *path, int fd)
{
	struct stat file;
	int saved = errno;

	if (fstat(fd, &file) == 0 && file.st_size == 0 && is_there(path, fd))
		unlink(path);
	errno = saved;
}

/* 1: this process has it; 0: look again; -1: it was reported. */
static int
take(const char *path, int fd, int is_late)
{
	pid_t pid;

	if (!is_regular(fd)) {
		errno = EINVAL;
		return fail("not a regular file");
	}
	switch (lock(fd)) {
	case MINE:
		if (!is_there(path, fd))
			return 0;
		return ftruncate(fd, 0) == 0 ? 1 : fail(strerror(errno));
	case NO_LOCKS:
		fail(strerror(errno));
		remove_new(path, fd);
		return -1;
	case TAKEN:
		if ((pid = read_number(fd)) != 0 || is_late)
			return already_runs(pid);
		return 0;
	default:
		return is_late ? already_runs(0) : 0;
	}
}

static int
open_and_take(const char *path)
{
	int64_t until = dsrv_clock_now() + PATIENCE;
	int error, fd, taken;

	for (;; dsrv_clock_sleep(LOOK)) {
		if ((fd = open_file(path)) == -1) {
			if (errno == EAGAIN && dsrv_clock_now() < until)
				continue;
			return fail(strerror(errno));
		}
		taken = take(path, fd, dsrv_clock_now() >= until);
		if (taken == 1)
			return fd;
		error = errno;
		close(fd);
		errno = error;
		if (taken == -1)
			return -1;
	}
}

/* -1 with errno: it is as it was. */
static int
drop_file(void)
{
	int fd = dsrv_role()->pid_file;

	return is_there(locked, fd) && unlink(locked) == 0 ? 0 :
	    ftruncate(fd, 0);
}

/* The master ends before its stage is over: the program or the library ends it,
 * perhaps in a signal handler. */
static void
remove_at_end(void)
{
	if (dsrv_role()->kind == DSRV_MASTER &&
	    dsrv_role()->pid == getpid() && dsrv_role()->pid_file != -1)
		drop_file();
}

int
dsrv_pidfile_open(void)
{
	static int registered;
	int fd;

	if (dsrv_settings()->pid_file == NULL)
		return 0;
	if (dsrv_settings_find_pid_file() == -1)
		return fail(strerror(errno));
	free(locked);
	if ((locked = strdup(dsrv_settings()->pid_file)) == NULL)
		return fail(strerror(errno));
	if ((fd = open_and_take(locked)) == -1)
		return -1;
	dsrv_role_hold_pid_file(fd);
	dsrv_report_at_end(remove_at_end);
	if (!registered)
		registered = atexit(remove_at_end) == 0;
	return 0;
}

int
dsrv_pidfile_write(void)
{
	char text[32];
	int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	ssize_t n;

	if (dsrv_role()->pid_file == -1)
		return 0;
	if ((n = pwrite(dsrv_role()->pid_file, text, (size_t)size, 0)) == size)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	return fail(strerror(errno));
}

void
dsrv_pidfile_remove(void)
{
	int saved = errno;

	if (dsrv_role()->pid_file == -1)
		return;
	if (drop_file() == -1)
		dsrv_report("remove %s: %s", locked, strerror(errno));
	dsrv_role_leave_pid_file();
	errno = saved;
}

/*
 * In another process
 */

/* 1: it is locked, and by that process; 0: look again; -1 with errno, ESRCH:
 * none has locked it. */
static int
look(const char *path, int fd, pid_t *pid, int is_late)
{
	int is_locked = dsrv_pidfile_is_locked(fd);

	if (is_locked == -1)
		return -1;
	if (is_locked) {
		if ((*pid = read_number(fd)) != 0)
			return 1;
		errno = EAGAIN;
	} else {
		if (!is_there(path, fd) && !is_late)
			return 0;	/* another may have followed */
		errno = ESRCH;
		return -1;
	}
	return is_late ? -1 : 0;
}

int
dsrv_pidfile_find(const char *path, pid_t *pid)
{
	int64_t until = dsrv_clock_now() + PATIENCE;
	int error, fd, found;

	for (;; dsrv_clock_sleep(LOOK)) {
		if ((fd = open(path, O_RDONLY | OPEN)) == -1) {
			if (errno == ENOENT)
				errno = ESRCH;
			return -1;
		}
		errno = EINVAL;
		found = !is_regular(fd) ? -1 :
		    look(path, fd, pid, dsrv_clock_now() >= until);
		if (found == 1)
			return fd;
		error = errno;
		close(fd);
		errno = error;
		if (found == -1)
			return -1;
	}
}
