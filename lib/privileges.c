/*
 * privileges.c - daemon_drop_privileges(): becomes another user for good
 *
 * Failures are found first, as far as possible: names are looked up, and each
 * right that will be needed is used without effect. Only then does anything
 * change.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#ifdef HAVE_LINUX_CAPABILITY_H
#include <linux/capability.h>
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include "report.h"
#include "privileges.h"

/*
 * What this process is
 */

static int
set_uids(uid_t real, uid_t effective, uid_t saved)
{
#ifdef HAVE_SETRESUID
	return setresuid(real, effective, saved);
#else
	(void)effective, (void)saved;
	return setuid(real);	/* a privileged process sets all three */
#endif
}

static int
set_gids(gid_t real, gid_t effective, gid_t saved)
{
#ifdef HAVE_SETRESUID
	return setresgid(real, effective, saved);
#else
	(void)effective, (void)saved;
	return setgid(real);
#endif
}

/* A saved id that cannot be read is taken to be the effective one. */
static void
read_ids(uid_t uids[3], gid_t gids[3])
{
	uids[0] = getuid();
	uids[1] = uids[2] = geteuid();
	gids[0] = getgid();
	gids[1] = gids[2] = getegid();
#ifdef HAVE_SETRESUID
	getresuid(&uids[0], &uids[1], &uids[2]);
	getresgid(&gids[0], &gids[1], &gids[2]);
#endif
}

static int
is_user(const struct dsrv_account *to)
{
	uid_t uids[3];
	gid_t gids[3];

	read_ids(uids, gids);
	return to->uid == DSRV_NO_USER || (uids[0] == to->uid &&
	    uids[1] == to->uid && uids[2] == to->uid);
}

static int
is_that(const struct dsrv_account *to)
{
	uid_t uids[3];
	gid_t gids[3];

	read_ids(uids, gids);
	return is_user(to) && (to->gid == DSRV_NO_GROUP ||
	    (gids[0] == to->gid && gids[1] == to->gid && gids[2] == to->gid));
}

static int
compare(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

/* Duplicates count once, since some systems drop them. */
static int
sort_groups(gid_t *groups, int count)
{
	int i, kept = 0;

	qsort(groups, (size_t)count, sizeof *groups, compare);
	for (i = 0; i < count; i++)
		if (kept == 0 || groups[kept - 1] != groups[i])
			groups[kept++] = groups[i];
	return kept;
}

/* This process's supplementary groups; NULL with errno. */
static gid_t *
read_groups(int *count)
{
	int room = getgroups(0, NULL);
	gid_t *groups;

	if (room == -1 ||
	    (groups = malloc((size_t)(room + 1) * sizeof *groups)) == NULL)
		return NULL;
	if ((*count = getgroups(room, groups)) != -1)
		return groups;
	free(groups);
	return NULL;
}

static int
has_groups(struct dsrv_account *to)
{
	int count = 0, same;
	gid_t *groups = read_groups(&count);

	if (groups == NULL)
		return 0;
	count = sort_groups(groups, count);
	to->count = sort_groups(to->groups, to->count);
	same = count == to->count && memcmp(groups, to->groups,
	    (size_t)count * sizeof *groups) == 0;
	free(groups);
	return same;
}

/*
 * What it may do: uses each right, changing nothing
 */

/* Sets the groups that it has. A container may not have all of them: EINVAL
 * means that the right is there. */
static int
try_own_groups(void)
{
	int count = 0, error, result;
	gid_t *groups = read_groups(&count);

	if (groups == NULL)
		return -1;
	result = setgroups((size_t)count, groups);
	error = errno;
	free(groups);
	errno = error;
	return result == -1 && error == EINVAL ? 0 : result;
}

/* Changes the saved id and back, if there is a call for that. */
static int
try_group(gid_t group)
{
#ifdef HAVE_SETRESUID
	uid_t uids[3];
	gid_t gids[3];

	read_ids(uids, gids);
	if (setresgid(DSRV_NO_GROUP, DSRV_NO_GROUP, group) == -1)
		return -1;
	return setresgid(DSRV_NO_GROUP, DSRV_NO_GROUP, gids[2]);
#else
	gid_t before = getegid();

	return setegid(group) == -1 ? -1 : setegid(before);
#endif
}

/* With the right to change it can change back; a container may not have all
 * groups. */
static int
try_groups(const struct dsrv_account *to)
{
	int i, result = try_own_groups();

	for (i = 0; result == 0 && i < to->count; i++)
		result = try_group(to->groups[i]);
	return result;
}

/* The same for a user. Only after try_groups(): without rights it could not
 * change back. */
static int
try_user(const struct dsrv_account *to)
{
#ifdef HAVE_SETRESUID
	uid_t uids[3];
	gid_t gids[3];

	read_ids(uids, gids);
	if (setresuid(DSRV_NO_USER, DSRV_NO_USER, to->uid) == -1)
		return -1;
	return setresuid(DSRV_NO_USER, DSRV_NO_USER, uids[2]);
#else
	(void)to;
	return 0;
#endif
}

static int
try(const struct dsrv_account *to, const char *user, const char *group)
{
	if (try_groups(to) == 0 && try_group(to->gid) == 0 && try_user(to) == 0)
		return 0;
	return user != NULL ? dsrv_account_fail(errno, "become user", user) :
	    dsrv_account_fail(errno, "take on group", group);
}

/*
 * The change, and the proof
 */

/* If any of its ids is root's, it can do everything, and regain what it has
 * given up. */
static int
is_root(void)
{
	uid_t uids[3];
	gid_t gids[3];

	read_ids(uids, gids);
	return uids[0] == 0 || uids[1] == 0 || uids[2] == 0;
}

/* All of them outlive a change between users that are not root, and after
 * PR_SET_KEEPCAPS every change. A process that stays the same user, and is not
 * root, keeps those that cannot undo anything. */
static int
drop_capabilities(int all)
{
#ifdef HAVE_LINUX_CAPABILITY_H
	const unsigned back = 1U << CAP_SETGID | 1U << CAP_SETUID |
	    1U << CAP_SYS_CHROOT;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	memset(caps, 0, sizeof caps);
	if (!all && syscall(SYS_capget, &header, caps) == -1)
		return -1;
	caps[0].effective &= ~back;
	caps[0].permitted &= ~back;
	caps[0].inheritable &= ~back;
	return (int)syscall(SYS_capset, &header, caps);
#else
	(void)all;
	return 0;
#endif
}

static int
enter_root(const struct dsrv_account *to, const char *path)
{
	if (fchdir(to->root) == -1 || chroot(".") == -1 || chdir("/") == -1)
		return dsrv_account_fail(errno, "change root to", path);
	return 0;
}

static int
change(struct dsrv_account *to)
{
	if (setgroups((size_t)to->count, to->groups) == -1)
		return dsrv_account_fail(errno, "set the groups", "");
	if (set_gids(to->gid, to->gid, to->gid) == -1)
		return dsrv_account_fail(errno, "set the group", "");
	if (to->uid != DSRV_NO_USER &&
	    set_uids(to->uid, to->uid, to->uid) == -1)
		return dsrv_account_fail(errno, "set the user", "");
	if (!has_groups(to))
		return dsrv_account_fail(EPERM, "groups were kept", "");
	return 0;
}

/* Each of these calls must fail. */
static int
can_return(const struct dsrv_account *to)
{
	return set_uids(0, 0, 0) == 0 || seteuid(0) == 0 || setuid(0) == 0 ||
	    (to->gid != DSRV_NO_GROUP && to->gid != 0 &&
	    (set_gids(0, 0, 0) == 0 || setegid(0) == 0)) ||
	    setgroups(0, NULL) == 0 || (to->root != -1 && chroot("/") == 0);
}

static int
drop(struct dsrv_account *to, const char *user, const char *group,
    const char *root)
{
	/* It is that user already: started so by a service manager, or this is
	 * a second call. */
	int stays = is_that(to) &&
	    (to->groups == NULL || try_groups(to) == -1);
	int was_user = is_user(to);

	if (to->root == -1 && to->groups == NULL)
		return 0;	/* nothing was named */
	if (to->root != -1 && chroot("/") == -1)
		return dsrv_account_fail(errno, "change root to", root);
	if (!stays && try(to, user, group) == -1)
		return -1;
	if (to->root != -1 && enter_root(to, root) == -1)
		return -1;
	if (!stays && change(to) == -1)
		return -1;
	if (is_root())
		return is_that(to) ? 0 :
		    dsrv_account_fail(EPERM, "the user has stayed", "");
	if (drop_capabilities(!was_user) == -1)
		return dsrv_account_fail(errno, "drop capabilities", "");
	if (!is_that(to) || can_return(to))
		return dsrv_account_fail(EPERM, "they can be had back", "");
	return 0;
}

int
daemon_drop_privileges(const char *user, const char *group, const char *root)
{
	struct dsrv_account to = {
		.uid = DSRV_NO_USER, .gid = DSRV_NO_GROUP, .root = -1
	};
	int error, result, saved = errno;

	result = dsrv_account_find(&to, user, group, root);
	if (result == 0)
		result = drop(&to, user, group, root);
	error = result == 0 ? saved : errno;
	if (to.root != -1)
		close(to.root);
	free(to.groups);
	errno = error;
	return result;
}
