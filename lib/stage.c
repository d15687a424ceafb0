/*
 * stage.c - which process this is, and what its parent gave it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon-private.h"

static struct dsrv_stage stage = { .kind = DSRV_PROGRAM, .to_parent = -1 };

static const char *const kinds[] = {
	[DSRV_PROGRAM] = "the program before daemon_start()",
	[DSRV_MASTER] = "the master that daemon_start() returned in",
	[DSRV_STARTING] = "a server before daemon_success()",
	[DSRV_READY] = "a server after daemon_success()",
	[DSRV_WORKER] = "a worker",
	[DSRV_OVER] = "a process whose stage is over"
};

const struct dsrv_stage *
dsrv_stage(void)
{
	return &stage;
}

void
dsrv_stage_become(enum dsrv_stage_kind kind)
{
	stage.kind = kind;
	stage.pid = getpid();
}

void
dsrv_stage_connect(int to_parent, struct dsrv_roster *roster)
{
	dsrv_stage_disconnect();
	stage.to_parent = to_parent;
	stage.roster = roster;
}

void
dsrv_stage_disconnect(void)
{
	if (stage.to_parent != -1)
		close(stage.to_parent);
	stage.to_parent = -1;
}

void
dsrv_stage_keep_hup_ignored(void)
{
	stage.hup_ignored = 1;
}

/* A fork copies the thread that calls it alone. */
static int
has_threads(void)
{
	struct stat tasks;

	return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3;
}

int
dsrv_stage_enter(enum dsrv_stage_kind expected, const char *verb)
{
	if (stage.kind != expected) {
		dsrv_report("%s: this is %s, not %s", verb,
		    kinds[stage.kind], kinds[expected]);
		return EPERM;
	}
	if (stage.kind != DSRV_PROGRAM && stage.pid != getpid()) {
		dsrv_report("%s: the program has forked this process, "
		    "it is not %s", verb, kinds[expected]);
		return EPERM;
	}
	if (has_threads()) {
		dsrv_report("%s: there are threads, which would not go on: "
		    "create them in the worker", verb);
		return EBUSY;
	}
	return 0;
}

int
dsrv_stage_descriptors(int *fds, int max)
{
	if (stage.to_parent == -1 || max < 1)
		return 0;
	fds[0] = stage.to_parent;
	return 1;
}

/*
 * Descriptors
 */

int
dsrv_stage_fill_std(void)
{
	int fd;

	/* Else a socket of ours could become the stdin of somebody. */
	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF &&
		    open("/dev/null", O_RDWR) == -1)
			return -1;
	return 0;
}

int
dsrv_stage_null_std(int first, int last)
{
	int fd, null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null == -1)
		return -1;
	for (fd = first; fd <= last; fd++)
		dup2(null, fd);
	close(null);
	return 0;
}

int
dsrv_stage_renew_std(int fd)
{
	FILE *stream = fd == 0 ? stdin : fd == 1 ? stdout : stderr;
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (kept == -1)
		return -1;
	/* After freopen(3) a stream counts as unused, so that setvbuf(3) is
	 * sure to work, and nothing is left in it. */
	if (freopen("/dev/null", fd == 0 ? "r" : "w", stream) == NULL) {
		close(kept);
		return -1;
	}
	dup2(kept, fd);
	close(kept);
	if (fd != 0)
		setvbuf(stream, NULL, _IOLBF, 0);
	return 0;
}

int
dsrv_stage_own(int fd)
{
	int saved, high;

	if (fd == -1)
		return -1;
	if (fd > 2) {
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		return fd;
	}
	high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	saved = errno;
	close(fd);
	errno = saved;
	return high;
}

int
dsrv_stage_pipe(int *read_end, int *write_end)
{
	int ends[2];

#ifdef HAVE_PIPE2
	if (pipe2(ends, O_CLOEXEC) == -1)
		return -1;
#else
	if (pipe(ends) == -1)
		return -1;
#endif
	*read_end = dsrv_stage_own(ends[0]);
	*write_end = dsrv_stage_own(ends[1]);
	if (*read_end != -1 && *write_end != -1)
		return 0;
	close(*read_end);
	close(*write_end);
	return -1;
}
