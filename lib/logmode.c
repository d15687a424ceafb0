/*
 * logmode.c - daemon_set_logger_mode(): the mode and group of a new log file
 *
 * Not in settings.c: to look up a group needs more of libc than most programs
 * want in a static link.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "ground.h"

/* The last number means no group. */
static int
read_number(const char *text, gid_t *gid)
{
	unsigned long long value;

	if (*text == '\0' || strlen(text) > 10 ||
	    strspn(text, "0123456789") != strlen(text))
		return -1;
	value = strtoull(text, NULL, 10);
	*gid = (gid_t)value;
	return value < (gid_t)-1 ? 0 : -1;
}

/* -1 with errno, ENOENT: there is none. */
static int
find_group(const char *name, gid_t *gid)
{
	int saved = errno;
	struct group *found;

	errno = 0;
	if ((found = getgrnam(name)) != NULL)
		*gid = found->gr_gid;
	else if (read_number(name, gid) == -1) {
		if (errno != ENOMEM && errno != EMFILE && errno != ENFILE &&
		    errno != EIO)
			errno = ENOENT;
		return -1;
	}
	errno = saved;
	return 0;
}

int
daemon_set_logger_mode(int mode, const char *group)
{
	gid_t gid = (gid_t)-1;

	/* Without the right to write, the owner could not open it again. */
	if ((mode & ~0777) != 0 || (mode & S_IWUSR) == 0) {
		errno = EINVAL;
		return -1;
	}
	if (group != NULL && find_group(group, &gid) == -1)
		return -1;
	dsrv_settings_set_logger_mode(mode, gid);
	return 0;
}
