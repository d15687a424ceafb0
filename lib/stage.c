/*
 * stage.c - which process this is, and what its parent gave it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <unistd.h>

#include "daemon-private.h"

static struct dsrv_stage stage = { .kind = DSRV_PROGRAM, .to_parent = -1 };

static const char *const kinds[] = {
	[DSRV_PROGRAM] = "the program before daemon_start()",
	[DSRV_MASTER] = "the master that daemon_start() returned in",
	[DSRV_STARTING] = "a server before daemon_success()",
	[DSRV_CONFIRMED] = "a server after daemon_success()",
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
	int saved = errno, threads;
	struct stat tasks;

	threads = stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 3;
	errno = saved;
	return threads;
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
