/*
 * role.c - which process this is, and what its parent gave it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#ifdef HAVE_PTHREAD_ATFORK
#include <pthread.h>
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "role.h"

static struct dsrv_role role = {
	.kind = DSRV_PROGRAM,
	.held = { -1, -1, -1, -1 }
};

static struct {		/* those of role.held */
	dev_t dev;
	ino_t ino;
} files[DSRV_HELD];

static volatile sig_atomic_t stop_signal;

static const char *const kinds[] = {
	[DSRV_PROGRAM] = "the program before daemon_start()",
	[DSRV_MASTER] = "the master that daemon_start() returned in",
	[DSRV_STARTING] = "a server before daemon_success()",
	[DSRV_CONFIRMED] = "a server after daemon_success()",
	[DSRV_SERVING] = "a server in daemon_server()",
	[DSRV_WORKER] = "a worker",
	[DSRV_LOGGER] = "a logger before daemon_logger()",
	[DSRV_OVER] = "a process whose stage is over"
};

/* What each of them is to call. */
static const char *const calls[] = {
	[DSRV_PROGRAM] = "daemon_start()",
	[DSRV_MASTER] = "daemon_master()",
	[DSRV_STARTING] = "daemon_success()",
	[DSRV_LOGGER] = "daemon_logger()",
	[DSRV_OVER] = NULL
};

const struct dsrv_role *
dsrv_role(void)
{
	return &role;
}

static void
show(enum dsrv_role_kind kind)
{
	if (kind == DSRV_MASTER)
		dsrv_title_set("master");
	else if (kind == DSRV_STARTING)
		dsrv_title_set("server");
	else if (kind == DSRV_LOGGER)
		dsrv_title_set("logger");
}

void
dsrv_role_become(enum dsrv_role_kind kind)
{
	role.kind = kind;
	show(kind);
	if (kind == DSRV_OVER)	/* its reader waits for the end of the master's */
		dsrv_role_leave(DSRV_NOTIFY);
	/* A worker calls no stage: it need not ask. */
	role.pid = kind == DSRV_WORKER ? 0 : getpid();
}

/* A process that the library forks gets a pipe of its own. But a helper of the
 * program could send words to our parent, make it wait for end of file, and
 * hold the lock of a daemon that has ended. */
static void
forked(void)
{
	if (role.kind == DSRV_PROGRAM)	/* the leader keeps the lock */
		return;
	dsrv_role_leave(DSRV_PID_FILE);
	if (role.kind != DSRV_SERVING && role.kind != DSRV_WORKER)
		dsrv_role_leave(DSRV_TO_PARENT);
}

void
dsrv_role_guard(void)
{
#ifdef HAVE_PTHREAD_ATFORK
	static int guarded;

	if (!guarded)
		guarded = pthread_atfork(NULL, NULL, forked) == 0;
#endif
}

void
dsrv_role_hold(enum dsrv_held which, int fd)
{
	struct stat file;

	dsrv_role_leave(which);
	if (fstat(fd, &file) == -1)
		return;
	role.held[which] = fd;
	files[which].dev = file.st_dev;
	files[which].ino = file.st_ino;
}

void
dsrv_role_forget(enum dsrv_held which)
{
	role.held[which] = -1;
}

int
dsrv_role_holds(enum dsrv_held which)
{
	struct stat now;

	return role.held[which] != -1 && fstat(role.held[which], &now) == 0 &&
	    now.st_dev == files[which].dev &&
	    now.st_ino == files[which].ino;
}

void
dsrv_role_drop(enum dsrv_held which)
{
	if (role.held[which] != -1)
		close(role.held[which]);
	role.held[which] = -1;
}

void
dsrv_role_leave(enum dsrv_held which)
{
	int saved;

	if (role.held[which] == -1)
		return;
	saved = errno;
	if (!dsrv_role_holds(which))
		dsrv_role_forget(which);
	dsrv_role_drop(which);
	errno = saved;
}

void
dsrv_role_give_shared(struct dsrv_shared *shared, int place, int follows)
{
	role.shared = shared;
	role.place = place;
	role.roster = &shared->rosters[place];
	role.follows = follows;
}

int
dsrv_role_others(void)
{
	int place, count = role.shared->orphans;

	for (place = 0; place < DSRV_SERVERS; place++)
		if (place != role.place)
			count += dsrv_children_workers(
			    &role.shared->rosters[place]);
	return count;
}

enum dsrv_on_hup
dsrv_role_on_hup(void)
{
	return (enum dsrv_on_hup)__atomic_load_n(
	    &role.shared->on_hup[role.place], __ATOMIC_ACQUIRE);
}

void
dsrv_role_give_handover(const struct dsrv_handover *handover)
{
	role.handover = *handover;
}

void
dsrv_role_keep(const int *fds, int count)
{
	role.kept = fds;
	role.kept_count = count;
}

void
dsrv_role_ask_to_stop(int signo)
{
	stop_signal = signo;
}

int
dsrv_role_stop_signal(void)
{
	return stop_signal;
}

void
dsrv_role_keep_hup_ignored(void)
{
	role.hup_ignored = 1;
}

/*
 * Threads, which proc(5) lists: a fork copies only the calling one
 */

/* The fields of a stat file after the name, which may contain anything: flags
 * is the 9th, count the 20th. Returns whether it can be read. */
static int
read_stat(const char *path, unsigned *flags, int *count)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char line[1024], *rest;
	ssize_t n;

	if (fd == -1)
		return 0;
	n = read(fd, line, sizeof line - 1);
	close(fd);
	line[n > 0 ? n : 0] = '\0';
	return (rest = strrchr(line, ')')) != NULL &&
	    sscanf(rest, ") %*s %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s"
	    " %*s %*s %*s %*s %*s %d", flags, count) == 2;
}

/* A thread may still be listed after pthread_join(3), since the kernel wakes
 * the joiner first: it is exiting. */
static int
is_exiting(const char *thread)
{
	enum { PF_EXITING = 4 };	/* from the kernel */
	unsigned flags;
	char path[64];
	int count;

	snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", thread);
	return !read_stat(path, &flags, &count) || flags & PF_EXITING;
}

/* The directory alone is not enough: under qemu-user it also lists the
 * emulator's own threads. */
static int
count_threads(void)
{
	struct dirent *entry;
	int count = 0;
	unsigned flags;
	DIR *dir;

	if (!read_stat("/proc/self/stat", &flags, &count) || count < 2 ||
	    (dir = opendir("/proc/self/task")) == NULL)
		return count;
	count = 0;
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.' && !is_exiting(entry->d_name);
	closedir(dir);
	return count;
}

static int
has_threads(void)
{
	int saved = errno, count = count_threads();

	errno = saved;
	return count > 1;
}

/* The program may have closed it, as by closefrom(3). Its number may be another
 * file's, which must not get our words. */
static int
has_lost(enum dsrv_held which)
{
	return role.held[which] != -1 && !dsrv_role_holds(which);
}

static int
refuse(enum dsrv_role_kind expected, const char *verb)
{
	int is_early = role.kind < expected || role.kind == DSRV_LOGGER;
	const char *call = is_early ? calls[role.kind] : NULL;

	if (call != NULL)
		dsrv_report("%s: this is %s, not %s: call %s first", verb,
		    kinds[role.kind], kinds[expected], call);
	else
		dsrv_report("%s: this is %s, not %s", verb, kinds[role.kind],
		    kinds[expected]);
	return EPERM;
}

static int
check_descriptors(const char *verb)
{
	if (has_lost(DSRV_TO_PARENT) || has_lost(DSRV_TO_LOGGER))
		dsrv_report("%s: the program has closed a descriptor of the "
		    "library: daemon_clean_fd() keeps them open", verb);
	else if (has_lost(DSRV_NOTIFY))
		dsrv_report("%s: the program has closed descriptor %d, which "
		    "it has given to daemon_set_notify_fd()", verb,
		    role.held[DSRV_NOTIFY]);
	else
		return 0;
	return EBADF;
}

int
dsrv_role_enter(enum dsrv_role_kind expected, const char *verb)
{
	if (role.kind != expected)
		return refuse(expected, verb);
	if (role.kind != DSRV_PROGRAM && role.pid != getpid()) {
		dsrv_report("%s: the program has forked this process, "
		    "it is not %s", verb, kinds[expected]);
		return EPERM;
	}
	if (dsrv_settings()->thread_check && has_threads()) {
		dsrv_report("%s: there are threads, which would not go on: "
		    "create them in the worker, or allow those of an agent by "
		    "daemon_set_thread_check(0)", verb);
		return EBUSY;
	}
	return check_descriptors(verb);
}

/* The lower of two that are at least from; -1: there is none. */
static int
lower(int best, int fd, int from)
{
	return fd >= from && fd >= 0 && (best == -1 || fd < best) ? fd : best;
}

int
dsrv_role_descriptor(int from)
{
	int best = -1, i;

	for (i = 0; i < DSRV_HELD; i++)
		best = lower(best, role.held[i], from);
	for (i = 0; i < role.kept_count; i++)
		best = lower(best, role.kept[i], from);
	if (role.kind != DSRV_LOGGER)
		return best;
	for (i = 0; i < DSRV_HANDOVER_ENDS; i++)
		best = lower(best, role.handover.ends[i], from);
	return best;
}
