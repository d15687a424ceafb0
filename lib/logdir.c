/*
 * logdir.c - the log file's directory, held by a descriptor
 *
 * Log files are accessed relative to this descriptor, so if another user
 * replaces a directory meanwhile, the replacement is not used. On the way there
 * a symbolic link is followed only if root or the logger's own user made it;
 * from the first name with a conversion on none is.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"

enum { DIRECTORY_MODE = 0750, LINKS_MAX = 40 };

/* A directory may be passed without the right to read it. */
#ifdef O_PATH
#define TO_PASS	O_PATH
#elif defined(O_SEARCH)
#define TO_PASS	O_SEARCH
#else
#define TO_PASS	O_RDONLY
#endif

static int
open_directory(int dir, const char *name)
{
	int fd = openat(dir, name, TO_PASS | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);

	if (fd == -1 && (errno == ELOOP || errno == EMLINK))
		errno = ENOTDIR;	/* a link, on some systems */
	return fd;
}

/*
 * Links
 */

static int
may_be_followed(const struct stat *link)
{
	return S_ISLNK(link->st_mode) &&
	    (link->st_uid == 0 || link->st_uid == geteuid());
}

/* The target of the link, if following it is allowed. */
static int
read_link(int dir, const char *name, char *target)
{
	struct stat link;
	ssize_t n = -1;
#ifdef O_PATH
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd == -1)
		return -1;
	if (fstat(fd, &link) == 0 && may_be_followed(&link))
		n = readlinkat(fd, "", target, DSRV_PATH_MAX);
	close(fd);
#else
	if (fstatat(dir, name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
	    may_be_followed(&link))
		n = readlinkat(dir, name, target, DSRV_PATH_MAX);
#endif
	if (n > 0 && n < DSRV_PATH_MAX) {
		target[n] = '\0';
		return 0;
	}
	errno = ENOTDIR;
	return -1;
}

static int pass(int dir, const char *path, int *links);

/* Goes from dir to the directory of that name in it. */
static int
step(int dir, const char *name, int *links)
{
	char target[DSRV_PATH_MAX];
	int fd = open_directory(dir, name);

	if (fd != -1 || errno != ENOTDIR)
		return fd;
	if (read_link(dir, name, target) == -1)
		return -1;
	if (--*links < 0) {
		errno = ELOOP;
		return -1;
	}
	return pass(dir, target, links);
}

/*
 * The way
 */

/* Takes the next name from the path. 0: there is none; -1: it is too long. */
static int
next_name(const char **path, char *name)
{
	size_t length;

	*path += strspn(*path, "/");
	length = strcspn(*path, "/");
	if (length > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, *path, length);
	name[length] = '\0';
	*path += length;
	return length > 0;
}

/* The directory in which a path begins. */
static int
first(int dir, const char *path)
{
	return *path == '/' ? open_directory(AT_FDCWD, "/") :
	    open_directory(dir, ".");
}

static int
pass(int dir, const char *path, int *links)
{
	int fd = first(dir, path), before, more;
	char name[NAME_MAX + 1];

	while (fd != -1 && (more = next_name(&path, name)) != 0) {
		before = fd;
		fd = more == 1 ? step(before, name, links) : -1;
		dsrv_descriptors_close(&before);
	}
	return fd;
}

/* A directory of the format, but not a link; creates it, if that is allowed. */
static int
enter(int dir, const char *name, int make)
{
	int fd;

	if (strcmp(name, "..") == 0) {
		errno = ENOTDIR;	/* it leads to an unknown place */
		return -1;
	}
	fd = open_directory(dir, name);
	if (fd != -1 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(dir, name, DIRECTORY_MODE) == -1 && errno != EEXIST)
		return -1;
	return open_directory(dir, name);
}

int
dsrv_logdir_open(const struct dsrv_logname *n, int make)
{
	const char *last = dsrv_logname_last(n->path), *path = n->path;
	int fd = first(AT_FDCWD, path), links = LINKS_MAX;
	int before, more, converts, below = 0;
	char name[NAME_MAX + 1];

	while (fd != -1 && path + strspn(path, "/") < last) {
		before = fd;
		more = next_name(&path, name);
		converts = more == 1 && memchr(n->converted + (path - n->path)
		    - strlen(name), 1, strlen(name)) != NULL;
		below |= converts;
		if (more == -1)
			fd = -1;
		else if (below)
			fd = enter(before, name, make && converts);
		else
			fd = step(before, name, &links);
		dsrv_descriptors_close(&before);
	}
	return fd;
}

int
dsrv_logdir_enter(int dir, const char *name)
{
	return enter(dir, name, 0);
}

int
dsrv_logdir_rename(int dir, const char *old, const char *new)
{
	struct stat there;

#ifdef HAVE_RENAMEAT2
	if (renameat2(dir, old, dir, new, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST || errno == ENOENT)
		return -1;	/* else some file systems may not support it */
#endif
	if (fstatat(dir, new, &there, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(dir, old, dir, new);
}

int
dsrv_logdir_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

int
dsrv_logdir_has(int dir, const char *name, const struct stat *file)
{
	struct stat named;

	return fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	    dsrv_logdir_is_same(&named, file);
}

/* By a second descriptor: this one may be only to pass. */
DIR *
dsrv_logdir_names(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd != -1 ? fdopendir(fd) : NULL;

	if (names == NULL && fd != -1)
		close(fd);
	return names;
}
