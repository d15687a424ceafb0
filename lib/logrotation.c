/*
 * logrotation.c - rotation by size: FILE becomes FILE.1, that FILE.2, ...
 *
 * Nothing is ever replaced: files move up as far as the first free number. If
 * something is in the way that is not a regular file, or is locked, nothing is
 * renamed. FILE is locked by the caller, so that no other daemon rotates it.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "logfile.h"

/* The directory, and the file's name there. */
struct row {
	int dir;
	const char *name;
};

struct numbered {
	char name[DSRV_PATH_MAX + 16];
};

static struct numbered
number(const struct row *row, int n)
{
	struct numbered numbered;

	if (n == 0)
		snprintf(numbered.name, sizeof numbered.name, "%s", row->name);
	else
		snprintf(numbered.name, sizeof numbered.name, "%s.%d",
		    row->name, n);
	return numbered;
}

static int
move(const struct row *row, int from, int to)
{
	struct numbered old = number(row, from), new = number(row, to);

	return dsrv_logdir_rename(row->dir, old.name, new.name);
}

/* Whether this is a file that can be moved or removed; if not, sets errno:
 * ENOENT: there is none. */
static int
is_free_to_go(const struct row *row, int n, int removed)
{
	struct numbered numbered = number(row, n);
	struct stat file;
	int fd, gone = 1;

	if (fstatat(row->dir, numbered.name, &file,
	    AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	errno = EEXIST;
	if (!S_ISREG(file.st_mode) ||
	    (fd = dsrv_filelock_open(row->dir, numbered.name, &file)) == -1)
		return 0;
	if (removed)
		gone = unlinkat(row->dir, numbered.name, 0) == 0;
	close(fd);
	return gone;
}

/* The first free number, so that nothing is replaced even if a logger has died
 * halfway. If one more file would be too many, the last one is removed. -1 with
 * errno: something is in the way. */
static int
free_number(const struct row *row)
{
	int kept = dsrv_settings()->logger_file_count_max, n = 1;
	int last = kept > 1 ? kept - 1 : kept;	/* 0: there is none */

	while (is_free_to_go(row, n, n == last))
		if (n++ == last)
			return last;
	return errno == ENOENT ? n : -1;
}

static int
is_at(const struct row *row, int n, int fd)
{
	struct numbered numbered = number(row, n);
	struct stat named, open;

	return fstatat(row->dir, numbered.name, &named,
	    AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &open) == 0 &&
	    named.st_dev == open.st_dev && named.st_ino == open.st_ino;
}

/* If the file was replaced at this very moment, this may have moved another
 * daemon's new log: it is moved back. */
static int
move_file(const struct row *row, int fd)
{
	if (move(row, 0, 1) == -1)
		return -1;
	if (is_at(row, 1, fd))
		return 0;
	move(row, 1, 0);
	errno = EWOULDBLOCK;
	return -1;
}

static int
make_way(const struct row *row, int fd)
{
	int n = free_number(row);

	if (n == -1)
		return -1;
	for (; n > 1; n--)
		if (move(row, n - 1, n) == -1)
			return -1;
	return move_file(row, fd);
}

int
dsrv_logrotation_make_way(const struct dsrv_logname *n, int fd)
{
	struct row row = { .dir = dsrv_logdir_open(n, 0),
		.name = dsrv_logname_last(n->path) };
	int made;

	if (row.dir == -1)
		return -1;
	made = make_way(&row, fd);
	dsrv_descriptors_close(&row.dir);
	return made;
}
