/*
 * fdclean.c - close what is open: daemon_clean_fd()
 *
 * Each way to do it is a function of its own. If one fails, for lack of a
 * system call or of /proc, the next one is tried.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "role.h"
#include "listeners.h"

enum {
	/* No loop goes further, even if RLIMIT_NOFILE is higher: 10^9 calls
	 * take minutes. */
	NUMBER_MAX = 1 << 20
};

/* In a helper: the descriptors that stay open. */
static const int *helper_fds;
static int helper_count = -1;	/* -1: this process is not a helper */

/* The lower one; -1: there is none. */
static int
lower(int a, int b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

static int
next_of_helper(int from)
{
	int i, best = -1;

	for (i = 0; i < helper_count; i++)
		if (helper_fds[i] >= from)
			best = lower(best, helper_fds[i]);
	return best;
}

/* The lowest one that stays open and is at least from; -1: none. */
static int
next_kept(int from)
{
	return helper_count != -1 ? next_of_helper(from) :
	    lower(dsrv_role_descriptor(from),
	    dsrv_ownsocket_descriptor(from));
}

static int
kept(int fd)
{
	return next_kept(fd) == fd;
}

/* From first to last; last -1: up to the highest possible one. */
static int
close_range_of(int first, int last)
{
#ifdef HAVE_CLOSE_RANGE
	return close_range((unsigned)first, (unsigned)last, 0);
#else
	(void)first;
	(void)last;
	return -1;
#endif
}

static int
close_by_range(int first)
{
	int own;

	for (; (own = next_kept(first)) != -1; first = own + 1)
		if (own > first && close_range_of(first, own - 1) == -1)
			return -1;
	return close_range_of(first, -1);
}

static int
close_by_closefrom(int first)
{
	/* glibc's closefrom(3) ends the process if it finds no way. */
#if defined(HAVE_CLOSEFROM) && !defined(__GLIBC__)
	int own;

	while ((own = next_kept(first)) != -1) {
		for (; first < own; first++)
			close(first);
		first++;
	}
	closefrom(first);
	return 0;
#else
	(void)first;
	return -1;
#endif
}

/* The open descriptors from first on, in memory to be freed; NULL: the system
 * does not list them. */
static int *
open_numbers(int first, int *count)
{
	int *fds = NULL, *more, fd, room = 0, complete = 0;
	struct dirent *entry;
	DIR *dir;

	if ((dir = opendir("/proc/self/fd")) == NULL &&
	    (dir = opendir("/dev/fd")) == NULL)
		return NULL;
	*count = 0;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		fd = (int)strtol(entry->d_name, NULL, 10);
		/* Some systems list only 0 to 2: is this one listed? */
		if (fd == dirfd(dir))
			complete = 1;
		if (fd < first || fd == dirfd(dir))
			continue;
		if (*count == room) {
			room = room * 2 + 64;
			more = realloc(fds, (size_t)room * sizeof *fds);
			if (more == NULL)
				break;
			fds = more;
		}
		fds[(*count)++] = fd;
	}
	closedir(dir);
	if (entry == NULL && complete)
		return fds != NULL ? fds : calloc(1, sizeof *fds);
	free(fds);
	return NULL;
}

static int
close_by_directory(int first)
{
	int i, count, *fds;

	/* First read all numbers: closing while reading may skip some. */
	if ((fds = open_numbers(first, &count)) == NULL)
		return -1;
	for (i = 0; i < count; i++)
		if (!kept(fds[i]))
			close(fds[i]);
	free(fds);
	return 0;
}

static int
highest_number(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 ||
	    limit.rlim_max > NUMBER_MAX)
		return NUMBER_MAX;
	return (int)limit.rlim_max;	/* some may exceed a lowered limit */
}

static void
close_by_number(int first)
{
	int fd, end = highest_number();

	for (fd = first; fd < end; fd++)
		if (!kept(fd))
			close(fd);
}

static void
close_from(int first)
{
	if (close_by_range(first) == -1 && close_by_closefrom(first) == -1 &&
	    close_by_directory(first) == -1)
		close_by_number(first);
}

void
dsrv_fdclean_helper(const int *fds, int count)
{
	helper_fds = fds;
	helper_count = count;
	close_from(STDERR_FILENO + 1);
}

int
daemon_clean_fd(int highest_kept)
{
	int saved = errno;

	if (highest_kept < 2) {
		errno = EINVAL;
		return -1;
	}
	if (highest_kept == INT_MAX)
		return 0;	/* no higher one exists */
	if (dsrv_role()->kind == DSRV_PROGRAM)
		dsrv_inherited_take();	/* or they would be closed */
	closelog();	/* else syslog(3) would write to a later file */
	close_from(highest_kept + 1);
	errno = saved;
	return 0;
}

/*
 * Listening sockets
 */

int
dsrv_fdclean_visit(int (*visit)(int fd))
{
	int i, count = 0, *fds = open_numbers(0, &count), result = 0;
	int all = fds == NULL ? highest_number() : count;

	for (i = 0; i < all && result == 0; i++)
		result = visit(fds != NULL ? fds[i] : i);
	free(fds);
	return result;
}

int
dsrv_fdclean_inherit(void)
{
	return dsrv_fdclean_visit(dsrv_listener_inherit);
}

static int
is_listener(int fd)
{
	return dsrv_listener_check(fd) == 0;
}

int
dsrv_fdclean_has_listener(void)
{
	return dsrv_fdclean_visit(is_listener);
}
