/*
 * pidfile.c - the pid file: the master's lock, and its number
 *
 * The process that has locked the file is the daemon; the number only says
 * which process that is. The lock belongs to the open file, which is opened
 * before the first fork: starter and leader hold it until the start has
 * succeeded, so that they can remove the file if it fails; the master holds it
 * until it ends, and its children never do.
 *
 * A process that checks whether the file is locked takes a shared lock for a
 * moment, and any process that can read the file can lock it. Neither is the
 * daemon, so a start waits a while if the lock is not held by the process of
 * the number. No other user can open a new file before it is locked.
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

#include "logfile.h"
#include "report.h"
#include "role.h"
#include "start.h"

enum {
	OPEN = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	NEW = 0600,		/* until it is locked */
	LONGEST = 64,		/* bytes that a start may remove */
	PAUSE = 5,		/* ms between two checks */
	DOUBT = 20,		/* checks: the lock may be another process's */
	PATIENCE = 400		/* checks until there is a number, or no lock */
};

static char *locked;	/* its path, since the program may change the setting */

/*
 * Locks
 */

enum lock {
	MINE,
	LOOKED_AT,	/* by a process that releases it in a moment */
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

static int
is_locked(int fd)
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

static int
is_locked(int fd)
{
	(void)fd;
	errno = ENOSYS;
	return -1;
}
#endif

/* Whether path still leads to this file: a daemon that has just ended may have
 * removed it. */
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

	if (fstat(fd, &file) == -1)
		return 0;
	errno = EINVAL;
	return S_ISREG(file.st_mode);
}

/* Why a daemon cannot write to it; NULL: it can. A second name may be a trick,
 * to make us empty the file of the first. A long file would be lost by the
 * mistake of an administrator. */
static const char *
fault_of(int fd)
{
	struct stat file;

	if (fstat(fd, &file) == -1)
		return strerror(errno);
	errno = EINVAL;
	return !S_ISREG(file.st_mode) ? "not a regular file" :
	    file.st_nlink > 1 ? "a file with more than one name" :
	    file.st_size > LONGEST ? "too long to be a pid file" : NULL;
}

/*
 * The number
 */

/* 0: none yet. */
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
	return is_locked(fd) == 1 && read_number(fd) == pid;
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

/* -1 with errno; EAGAIN: it has just been removed. */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDWR | OPEN | O_CREAT | O_EXCL, NEW);

	if (fd == -1 && errno == EEXIST &&
	    (fd = open(path, O_RDWR | OPEN)) == -1 && errno == ENOENT)
		errno = EAGAIN;
	return dsrv_descriptors_own(fd);
}

/* Reports which process has locked it. */
static int
fail_locked(const char *what, const char *holder)
{
	char why[160];

	snprintf(why, sizeof why, "%s%s", what, holder);
	errno = EWOULDBLOCK;
	return fail(why);
}

/* Reports that this process has it, or (0) one that has not written its
 * number. */
static int
fail_running(pid_t pid, const char *holder)
{
	char what[64] = "already running: ";

	if (pid != 0)
		snprintf(what, sizeof what, "already running as process %ld%s",
		    (long)pid, *holder != '\0' ? ", but " : "");
	return fail_locked(what, holder);
}

/* This start may have created it: it was empty. */
static void
remove_new(const char *path, int fd)
{
	struct stat file;
	int saved = errno;

	if (fstat(fd, &file) == 0 && file.st_size == 0 && is_there(path, fd))
		unlink(path);
	errno = saved;
}

/* 1: this process has it; 0: check again; -1: it was reported. */
static int
empty(const char *path, int fd, int is_late)
{
	errno = EAGAIN;
	if (!is_there(path, fd))
		return is_late ? fail("another file has its name") : 0;
	fchmod(fd, 0644);	/* others may read which daemon runs */
	return ftruncate(fd, 0) == 0 ? 1 : fail(strerror(errno));
}

/* The same for a file that another process has locked. */
static int
meet_holder(int fd, int is_late)
{
	pid_t pid = read_number(fd);

	if (pid != 0 && dsrv_filelock_has(pid, fd) != 0)
		return fail_running(pid, "");
	return is_late ? fail_running(pid, dsrv_filelock_who(fd)) : 0;
}

/* The same for any file. */
static int
take(const char *path, int fd, int is_late)
{
	const char *fault = fault_of(fd);

	if (fault != NULL)
		return fail(fault);
	switch (lock(fd)) {
	case MINE:
		return empty(path, fd, is_late);
	case TAKEN:
		return meet_holder(fd, is_late);
	case LOOKED_AT:
		return is_late ? fail_locked("", dsrv_filelock_who(fd)) : 0;
	default:
		fail(strerror(errno));
		remove_new(path, fd);
		return -1;
	}
}

static int
open_and_take(const char *path)
{
	int fd, looks, taken;

	for (looks = 0;; looks++, dsrv_clock_sleep(PAUSE)) {
		if ((fd = open_file(path)) == -1) {
			if (errno == EAGAIN && looks < PATIENCE)
				continue;
			return fail(strerror(errno));
		}
		taken = take(path, fd, looks >= PATIENCE);
		if (taken == 1)
			return fd;
		dsrv_descriptors_close(&fd);
		if (taken == -1)
			return -1;
	}
}

/* -1 with errno: nothing has changed. Empties a removed file, too: it may have
 * another name, and a process that has waited for its lock is not the daemon of
 * that number. */
static int
drop_file(void)
{
	int fd = dsrv_role()->held[DSRV_PID_FILE], removed;

	if (!dsrv_role_holds(DSRV_PID_FILE))
		return 0;
	removed = is_there(locked, fd) && unlink(locked) == 0;
	return ftruncate(fd, 0) == 0 || removed ? 0 : -1;
}

/* The program or the library ends the master before its stage is over, perhaps
 * in a signal handler. */
static void
remove_at_end(void)
{
	if (dsrv_role()->kind == DSRV_MASTER &&
	    dsrv_role()->pid == getpid() &&
	    dsrv_role()->held[DSRV_PID_FILE] != -1)
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
	dsrv_role_hold(DSRV_PID_FILE, fd);
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
	int fd = dsrv_role()->held[DSRV_PID_FILE];
	ssize_t n;

	if (fd == -1)
		return 0;
	if ((n = pwrite(fd, text, (size_t)size, 0)) == size)
		return 0;
	if (n >= 0)
		errno = ENOSPC;
	return fail(strerror(errno));
}

int
dsrv_pidfile_check(void)
{
	if (dsrv_role()->held[DSRV_PID_FILE] == -1 ||
	    dsrv_role_holds(DSRV_PID_FILE))
		return 0;
	dsrv_report("become the master: %s: the program has closed it",
	    locked);
	return EBADF;
}

void
dsrv_pidfile_remove(void)
{
	int saved = errno;

	if (dsrv_role()->held[DSRV_PID_FILE] == -1)
		return;
	if (drop_file() == -1)
		dsrv_report("remove %s: %s", locked, strerror(errno));
	dsrv_role_leave(DSRV_PID_FILE);
	errno = saved;
}

/*
 * In another process
 */

/* If the file is locked: 1: by that process; 0: check again; -1 with errno,
 * EBUSY: by another, which may be a daemon in another container. */
static int
read_holder(int fd, pid_t *pid, int looks)
{
	if ((*pid = read_number(fd)) != 0 &&
	    dsrv_filelock_has(*pid, fd) != 0)
		return 1;
	errno = *pid != 0 ? EBUSY : EAGAIN;
	return looks >= (*pid != 0 ? DOUBT : PATIENCE) ? -1 : 0;
}

/* The same for any file; ESRCH: no process has locked it. */
static int
look(const char *path, int fd, pid_t *pid, int looks)
{
	switch (is_locked(fd)) {
	case -1:
		return -1;
	case 0:
		errno = ESRCH;	/* or another file has replaced it */
		return is_there(path, fd) || looks >= PATIENCE ? -1 : 0;
	default:
		return read_holder(fd, pid, looks);
	}
}

/* Whether a start has created it, but not locked it yet. */
static int
is_new(const char *path)
{
	struct stat file;
	int saved = errno, is;

	is = lstat(path, &file) == 0 && S_ISREG(file.st_mode) &&
	    file.st_size == 0 && (file.st_mode & 077) == 0;
	errno = saved;
	return is;
}

int
dsrv_pidfile_find(const char *path, pid_t *pid)
{
	int fd, found, looks;

	for (looks = 0;; looks++, dsrv_clock_sleep(PAUSE)) {
		if ((fd = open(path, O_RDONLY | OPEN)) == -1) {
			if (errno == EACCES && is_new(path) &&
			    looks < PATIENCE)
				continue;
			if (errno == ENOENT)
				errno = ESRCH;
			return -1;
		}
		found = is_regular(fd) ? look(path, fd, pid, looks) : -1;
		if (found == 1)
			return fd;
		dsrv_descriptors_close(&fd);
		if (found == -1)
			return -1;
	}
}
