/*
 * account.c - accounts by name or number: a user, a group, and the user's
 * groups
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "privileges.h"

#ifdef O_PATH
enum { FIND = O_PATH };		/* works even if it is not readable */
#else
enum { FIND = O_RDONLY };
#endif

int
dsrv_account_fail(int error, const char *what, const char *name)
{
	dsrv_report("drop privileges: %s%s%s: %s", what,
	    *name != '\0' ? " " : "", name, strerror(error));
	errno = error;
	return -1;
}

/* User and group ids are unsigned, with 32 bits; the highest one means none. */
static int
read_number(const char *text, unsigned *number)
{
	unsigned long long value;
	int saved = errno;

	if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
		return -1;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno != 0 || value >= DSRV_NO_USER) {
		errno = saved;
		return -1;
	}
	*number = (unsigned)value;
	return 0;
}

/* If a look-up finds no such account, errno may be anything. */
static int
fail_unknown(const char *what, const char *name)
{
	if (errno != 0 && errno != ENOENT && errno != ESRCH &&
	    errno != EBADF && errno != EPERM && errno != EINVAL)
		return dsrv_account_fail(errno, what, name);
	dsrv_report("drop privileges: %s %s: unknown", what, name);
	errno = ENOENT;
	return -1;
}

static int
fail_groupless(const char *user)
{
	if (errno != 0 && errno != ENOENT)
		return fail_unknown("group of user", user);
	dsrv_report("drop privileges: user %s has no account: name a group, "
	    "too", user);
	errno = ENOENT;
	return -1;
}

/* By the account's name, including its group. */
static int
find_groups(struct dsrv_account *to, const char *name)
{
	int room, wanted = 64;
	gid_t *more;

	do {
		room = wanted;
		more = realloc(to->groups, (size_t)room * sizeof *more);
		if (more == NULL)
			return dsrv_account_fail(ENOMEM,
			    "find the groups of", name);
		to->groups = more;
		if (getgrouplist(name, to->gid, to->groups, &wanted) != -1) {
			to->count = wanted;
			break;
		}
		if (wanted <= room)	/* without saying how many */
			wanted = 2 * room;
	} while (wanted <= 1 << 24);
	if (to->count == 0 || to->count > sysconf(_SC_NGROUPS_MAX))
		return dsrv_account_fail(EINVAL, "too many groups of user",
		    name);
	return 0;
}

static int
only_group(struct dsrv_account *to)
{
	if ((to->groups = malloc(sizeof *to->groups)) == NULL)
		return dsrv_account_fail(ENOMEM, "find groups", "");
	to->groups[0] = to->gid;
	to->count = 1;
	return 0;
}

static int
find_group(struct dsrv_account *to, const char *name)
{
	struct group *found;
	unsigned number;

	errno = 0;
	if ((found = getgrnam(name)) != NULL)
		to->gid = found->gr_gid;
	else if (read_number(name, &number) == 0)
		to->gid = number;
	else
		return fail_unknown("group", name);
	return 0;
}

/* A user given by number needs no account if the group is given. */
static int
find_user(struct dsrv_account *to, const char *name)
{
	struct passwd *found;
	unsigned number;

	errno = 0;
	if ((found = getpwnam(name)) == NULL) {
		if (read_number(name, &number) == -1)
			return fail_unknown("user", name);
		to->uid = number;
		errno = 0;
		if ((found = getpwuid(to->uid)) == NULL &&
		    to->gid == DSRV_NO_GROUP)
			return fail_groupless(name);
	}
	if (found == NULL)
		return only_group(to);
	to->uid = found->pw_uid;
	if (to->gid == DSRV_NO_GROUP)
		to->gid = found->pw_gid;
	return find_groups(to, found->pw_name);
}

static int
find_root(struct dsrv_account *to, const char *path)
{
	to->root = open(path, FIND | O_DIRECTORY | O_CLOEXEC);
	return to->root != -1 ? 0 :
	    dsrv_account_fail(errno, "change root to", path);
}

int
dsrv_account_find(struct dsrv_account *to, const char *user, const char *group,
    const char *root)
{
	if (group != NULL && find_group(to, group) == -1)
		return -1;
	if (user != NULL && find_user(to, user) == -1)
		return -1;
	if (user == NULL && group != NULL && only_group(to) == -1)
		return -1;
	return root != NULL ? find_root(to, root) : 0;
}
