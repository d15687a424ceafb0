/*
 * privileges.c - daemon_drop_privileges(): another user, for good
 *
 * What can be seen to fail is seen first: names are looked up, and each right
 * that will be needed is used without effect. Only then something changes.
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
#ifdef HAVE_LINUX_CAPABILITY_H
#include <linux/capability.h>
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include "report.h"

#define NOBODY ((uid_t)-1)	/* for setresuid(2): as it is */
#define NO_GROUP ((gid_t)-1)

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int count;	/* of groups */
	int root;	/* a directory, or -1 */
};

/* -1 with errno. */
static int
fail(int error, const char *what, const char *name)
{
	dsrv_report("drop privileges: %s%s%s: %s", what,
	    *name != '\0' ? " " : "", name, strerror(error));
	errno = error;
	return -1;
}

/*
 * Who that is
 */

/* Both kinds of number are 32 bits without a sign, and the last of them means
 * none. */
static int
read_number(const char *text, unsigned *number)
{
	unsigned long long value;
	int saved = errno;

	if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
		return -1;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno != 0 || value >= NOBODY) {
		errno = saved;
		return -1;
	}
	*number = (unsigned)value;
	return 0;
}

/* After a look-up: errno may be anything where there is no such account. */
static int
fail_unknown(const char *what, const char *name)
{
	if (errno != 0 && errno != ENOENT && errno != ESRCH &&
	    errno != EBADF && errno != EPERM && errno != EINVAL)
		return fail(errno, what, name);
	dsrv_report("drop privileges: %s %s: unknown", what, name);
	errno = ENOENT;
	return -1;
}

/* Of the account's name, and with its group. */
static int
find_groups(struct identity *to, const char *name)
{
	int room, wanted = 64;
	gid_t *more;

	do {
		room = wanted;
		more = realloc(to->groups, (size_t)room * sizeof *more);
		if (more == NULL)
			return fail(ENOMEM, "find the groups of", name);
		to->groups = more;
		if (getgrouplist(name, to->gid, to->groups, &wanted) != -1) {
			to->count = wanted;
			break;
		}
		if (wanted <= room)	/* it does not tell how many */
			wanted = 2 * room;
	} while (wanted <= 1 << 24);
	if (to->count == 0 || to->count > sysconf(_SC_NGROUPS_MAX))
		return fail(EINVAL, "too many groups of user", name);
	return 0;
}

static int
only_group(struct identity *to)
{
	if ((to->groups = malloc(sizeof *to->groups)) == NULL)
		return fail(ENOMEM, "find groups", "");
	to->groups[0] = to->gid;
	to->count = 1;
	return 0;
}

static int
find_group(struct identity *to, const char *name)
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

/* A number needs no account, if the group is told. */
static int
find_user(struct identity *to, const char *name)
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
		    to->gid == NO_GROUP)
			return fail_unknown("group of user", name);
	}
	if (found == NULL)
		return only_group(to);
	to->uid = found->pw_uid;
	if (to->gid == NO_GROUP)
		to->gid = found->pw_gid;
	return find_groups(to, found->pw_name);
}

static int
find_root(struct identity *to, const char *path)
{
	to->root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return to->root == -1 ? fail(errno, "change root to", path) : 0;
}

static int
find(struct identity *to, const char *user, const char *group,
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
	return setuid(real);	/* of a privileged process: all three */
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

/* The saved one is that of the effective where it cannot be read. */
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
is_that(const struct identity *to)
{
	uid_t uids[3];
	gid_t gids[3];
	int i, is = 1;

	read_ids(uids, gids);
	for (i = 0; i < 3; i++)
		is = is && (to->uid == NOBODY || uids[i] == to->uid) &&
		    (to->gid == NO_GROUP || gids[i] == to->gid);
	return is;
}

static int
compare(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

/* Duplicates count once: some systems drop them. */
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
has_groups(struct identity *to)
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
 * What it may do: each right is used, and nothing changes
 */

static int
try_groups(void)
{
	int count = 0, error, result;
	gid_t *groups = read_groups(&count);

	if (groups == NULL)
		return -1;
	result = setgroups((size_t)count, groups);
	error = errno;
	free(groups);
	errno = error;
	return result;
}

/* As the saved one, and back. Only after try_groups(): without rights there
 * would be no way back. */
static int
try_ids(const struct identity *to)
{
#ifdef HAVE_SETRESUID
	uid_t uids[3];
	gid_t gids[3];

	read_ids(uids, gids);
	if (setresgid(NO_GROUP, NO_GROUP, to->gid) == -1 ||
	    setresgid(NO_GROUP, NO_GROUP, gids[2]) == -1 ||
	    setresuid(NOBODY, NOBODY, to->uid) == -1)
		return -1;
	return setresuid(NOBODY, NOBODY, uids[2]);
#else
	(void)to;
	return 0;
#endif
}

static int
try(const struct identity *to, const char *root, const char *user,
    const char *group)
{
	if (to->root != -1 && chroot("/") == -1)
		return fail(errno, "change root to", root);
	if (to->groups != NULL && (try_groups() == -1 || try_ids(to) == -1))
		return user != NULL ? fail(errno, "become user", user) :
		    fail(errno, "take on group", group);
	return 0;
}

/*
 * The change, and the proof
 */

/* Else they outlive a change from one user to another that is not root, and
 * every change after PR_SET_KEEPCAPS. */
static int
drop_capabilities(void)
{
#ifdef HAVE_LINUX_CAPABILITY_H
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof none);
	return (int)syscall(SYS_capset, &header, none);
#else
	return 0;
#endif
}

static int
enter_root(const struct identity *to, const char *path)
{
	if (fchdir(to->root) == -1 || chroot(".") == -1 || chdir("/") == -1)
		return fail(errno, "change root to", path);
	return 0;
}

static int
change(const struct identity *to)
{
	if (setgroups((size_t)to->count, to->groups) == -1)
		return fail(errno, "set the groups", "");
	if (to->gid != NO_GROUP && set_gids(to->gid, to->gid, to->gid) == -1)
		return fail(errno, "set the group", "");
	if (to->uid == NOBODY)
		return 0;
	if (set_uids(to->uid, to->uid, to->uid) == -1)
		return fail(errno, "set the user", "");
	if (to->uid != 0 && drop_capabilities() == -1)
		return fail(errno, "drop capabilities", "");
	return 0;
}

/* Each of these calls must fail. */
static int
can_return(const struct identity *to)
{
	if (to->uid == NOBODY || to->uid == 0)	/* root can do it all */
		return 0;
	return set_uids(0, 0, 0) == 0 || seteuid(0) == 0 || setuid(0) == 0 ||
	    (to->gid != 0 && (set_gids(0, 0, 0) == 0 || setegid(0) == 0)) ||
	    setgroups(0, NULL) == 0;
}

static int
prove(const struct identity *to)
{
	if (!is_that(to) || can_return(to))
		return fail(EPERM, "they can be had back", "");
	return 0;
}

static int
drop(struct identity *to, const char *user, const char *group,
    const char *root)
{
	/* Started as that user, by a service manager or by the last call. */
	if (to->root == -1 && is_that(to) &&
	    (to->groups == NULL || try_groups() == -1))
		return prove(to);
	if (try(to, root, user, group) == -1 ||
	    (to->root != -1 && enter_root(to, root) == -1))
		return -1;
	if (to->groups == NULL)
		return 0;
	if (change(to) == -1)
		return -1;
	if (!has_groups(to))
		return fail(EPERM, "groups were kept", "");
	return prove(to);
}

int
daemon_drop_privileges(const char *user, const char *group, const char *root)
{
	struct identity to = { .uid = NOBODY, .gid = NO_GROUP, .root = -1 };
	int error, result, saved = errno;

	result = find(&to, user, group, root);
	if (result == 0)
		result = drop(&to, user, group, root);
	error = result == 0 ? saved : errno;
	if (to.root != -1)
		close(to.root);
	free(to.groups);
	errno = error;
	return result;
}
