/*
 * filelock.c - a lock on an open file, and which process has it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#ifdef HAVE_FLOCK
#include <sys/file.h>
#endif
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"

static struct stat wanted;	/* the file that could not be locked last, ... */
static int refusal = EWOULDBLOCK;	/* ... by this error */

#ifdef HAVE_FLOCK
static int
has_no_locks(void)
{
	return errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL ||
	    errno == ENOLCK;
}
#endif

int
dsrv_filelock_take(int fd)
{
#ifdef HAVE_FLOCK
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 || has_no_locks())
		return 0;
	refusal = errno;
	if (fstat(fd, &wanted) == -1)
		memset(&wanted, 0, sizeof wanted);
	errno = EWOULDBLOCK;
	return -1;
#else
	(void)fd;
	return 0;
#endif
}

void
dsrv_filelock_release(int fd)
{
#ifdef HAVE_FLOCK
	flock(fd, LOCK_UN);
#else
	(void)fd;
#endif
}

/*
 * Which process has it. The kernel names the process that took the lock, by a
 * pid that may be another's by now. If that process is gone, such as a killed
 * logger or flock(1) in a script, another process still has the open file.
 */

/* Which process took a lock on a file with that inode number, on any file
 * system. */
static pid_t
taken_by(const struct stat *file)
{
	unsigned long inode;
	char line[256], kind[8];
	long pid, found = 0;
	FILE *locks;

	if ((locks = fopen("/proc/locks", "re")) == NULL)
		return 0;
	while (found == 0 && fgets(line, sizeof line, locks) != NULL)
		if (sscanf(line, "%*d: %7s %*s %*s %ld %*[^:]:%*[^:]:%lu",
		    kind, &pid, &inode) == 3 &&
		    strcmp(kind, "FLOCK") == 0 && inode == file->st_ino)
			found = pid;
	fclose(locks);
	return (pid_t)found;
}

/* Whether a descriptor in a process's directory is that file. */
static int
is_it(int dir, const char *fd, const struct stat *file)
{
	struct stat its;

	return fstatat(dir, fd, &its, 0) == 0 &&
	    its.st_ino == file->st_ino && its.st_dev == file->st_dev;
}

static int
has_lock(pid_t pid, const char *fd)
{
	char path[64], line[256];
	int found = 0;
	FILE *info;

	snprintf(path, sizeof path, "/proc/%ld/fdinfo/%.20s", (long)pid, fd);
	if ((info = fopen(path, "re")) == NULL)
		return 0;
	while (!found && fgets(line, sizeof line, info) != NULL)
		found = strncmp(line, "lock:", 5) == 0 &&
		    strstr(line, "FLOCK") != NULL;
	fclose(info);
	return found;
}

/* proc(5) may be mounted so that it hides other users' processes. */
static int
is_hidden(pid_t pid)
{
	return errno == EACCES || errno == EPERM || kill(pid, 0) == 0 ||
	    errno == EPERM;
}

/* Whether a process has the file open, or locked; -1: we may not know. */
static int
has_it(pid_t pid, const struct stat *file, int locked)
{
	struct dirent *entry;
	char path[64];
	int found = 0;
	DIR *fds;

	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	if ((fds = opendir(path)) == NULL)
		return is_hidden(pid) ? -1 : 0;
	while (!found && (entry = readdir(fds)) != NULL)
		found = is_it(dirfd(fds), entry->d_name, file) &&
		    (!locked || has_lock(pid, entry->d_name));
	closedir(fds);
	return found;
}

/* proc(5) may be that of another pid namespace, with other numbers. */
static int
sees_processes(void)
{
	char number[32];
	ssize_t n = readlink("/proc/self", number, sizeof number - 1);

	number[n > 0 ? n : 0] = '\0';
	return atol(number) == getpid();
}

/* A process that gets SIGKILL holds the lock a moment longer, but does
 * nothing. */
static int
is_killed(pid_t pid)
{
	unsigned long long signals, all = 0;
	char path[64], line[256];
	FILE *status;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	if ((status = fopen(path, "re")) == NULL)
		return 0;
	while (fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "SigPnd: %llx", &signals) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &signals) == 1)
			all |= signals;
	fclose(status);
	return (all >> (SIGKILL - 1) & 1) != 0;
}

int
dsrv_filelock_has(pid_t pid, int fd)
{
	int saved = errno, has = -1;
	struct stat file;

	if (fstat(fd, &file) == 0 && sees_processes() &&
	    (has = has_it(pid, &file, 1)) != 0 && is_killed(pid))
		has = 0;
	errno = saved;
	return has;
}

static pid_t
kept_by(const struct stat *file)
{
	struct dirent *entry;
	pid_t pid, found = 0;
	DIR *processes = opendir("/proc");

	while (found == 0 && processes != NULL &&
	    (entry = readdir(processes)) != NULL) {
		pid = (pid_t)atol(entry->d_name);
		if (pid > 0 && pid != getpid() && has_it(pid, file, 1) == 1)
			found = pid;
	}
	if (processes != NULL)
		closedir(processes);
	return found;
}

/* " (NAME)", or nothing. */
static void
name_of(pid_t pid, char *name, size_t size)
{
	char path[64], text[32] = "";
	FILE *comm;

	*name = '\0';
	snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
	if ((comm = fopen(path, "re")) == NULL)
		return;
	if (fgets(text, sizeof text, comm) != NULL) {
		text[strcspn(text, "\n")] = '\0';
		snprintf(name, size, " (%s)", text);
	}
	fclose(comm);
}

static const char *
describe_holder(void)
{
	static char text[96];
	char name[48];
	pid_t pid = taken_by(&wanted);

	if (pid == 0 || has_it(pid, &wanted, 0) == 0)
		pid = kept_by(&wanted);
	if (pid == 0)
		return "another process has locked it";
	name_of(pid, name, sizeof name);
	snprintf(text, sizeof text, "process %ld%s has locked it", (long)pid,
	    name);
	return text;
}

const char *
dsrv_filelock_why(void)
{
	return refusal == EWOULDBLOCK ? describe_holder() : strerror(refusal);
}

const char *
dsrv_filelock_who(int fd)
{
	if (fstat(fd, &wanted) == -1)
		memset(&wanted, 0, sizeof wanted);
	return describe_holder();
}

/*
 * Other processes' files
 */

/* For reading; if that fails, for writing. */
static int
open_to_lock(int dir, const char *name)
{
	int flags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(dir, name, O_RDONLY | flags);

	return fd == -1 && errno == EACCES ?
	    openat(dir, name, O_WRONLY | flags) : fd;
}

/* Whether it is to be kept open; if not, sets errno. */
static int
lock_older(int fd, int dir, const char *name, struct stat *file)
{
	if (fstat(fd, file) == -1)
		return 0;
	errno = EEXIST;
	if (!S_ISREG(file->st_mode) || dsrv_filelock_take(fd) == -1)
		return 0;
	errno = EWOULDBLOCK;	/* or it was renamed before it was locked */
	if (!dsrv_logdir_has(dir, name, file))
		return 0;
	errno = EBUSY;
	return !dsrv_logclaim_is_made(fd, name);
}

int
dsrv_filelock_open(int dir, const char *name, struct stat *file)
{
	int fd = open_to_lock(dir, name);

	if (fd != -1 && !lock_older(fd, dir, name, file))
		dsrv_descriptors_close(&fd);
	return fd;
}
