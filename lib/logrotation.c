/*
 * logrotation.c - rotation by size: FILE becomes FILE.1, that FILE.2, ...
 *
 * What a processor has made of FILE.1, such as FILE.1.gz, moves with it, or in
 * its place. If it has made nothing, and FILE.1 is gone, FILE.2 becomes FILE.1.
 *
 * Nothing is ever replaced: files move up as far as the first free number. If
 * something is in the way that is not a regular file, or is locked, nothing is
 * renamed. FILE is locked by the caller, so that no other daemon rotates it.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"

/* FILE.3.gz. */
struct result {
	struct result *next;
	long number;
	char suffix[];	/* its dot included */
};

/* The directory, the file's name there, and what a processor has made. */
struct row {
	int dir;
	const char *name;
	struct result *results;
};

struct numbered {
	char name[DSRV_PATH_MAX + 16];
};

static struct numbered
number(const struct row *row, int n, const char *suffix)
{
	struct numbered numbered;

	if (n == 0)
		snprintf(numbered.name, sizeof numbered.name, "%s", row->name);
	else
		snprintf(numbered.name, sizeof numbered.name, "%s.%d%s",
		    row->name, n, suffix);
	return numbered;
}

/*
 * Results
 */

/* -1: there is no memory for it. */
static int
add_result(struct row *row, long n, const char *suffix)
{
	size_t size = strlen(suffix) + 1;
	struct result *r = malloc(sizeof *r + size);

	if (r == NULL)
		return -1;
	r->number = n;
	memcpy(r->suffix, suffix, size);
	r->next = row->results;
	row->results = r;
	return 0;
}

static int
see(struct row *row, const char *name)
{
	size_t length = strlen(row->name);
	struct dsrv_own own;

	if (strncmp(name, row->name, length) != 0 ||
	    !dsrv_logname_behind(name + length, &own) || own.number == 0 ||
	    name[length + own.suffix] == '\0')
		return 0;
	return add_result(row, own.number, name + length + own.suffix);
}

/* -1 with errno. */
static int
find_results(struct row *row)
{
	struct dirent *entry;
	DIR *names;
	int error = 0;

	if (dsrv_settings()->logger_processor == NULL)
		return 0;
	if ((names = dsrv_logdir_names(row->dir)) == NULL)
		return -1;
	do {
		errno = 0;
		if ((entry = readdir(names)) == NULL)
			error = errno;
		else if (see(row, entry->d_name) == -1)
			error = ENOMEM;
	} while (entry != NULL && error == 0);
	closedir(names);
	errno = error;
	return error == 0 ? 0 : -1;
}

static void
forget_results(struct row *row)
{
	struct result *r;

	while ((r = row->results) != NULL) {
		row->results = r->next;
		free(r);
	}
}

/*
 * One number
 */

static int
rename_one(const struct row *row, int from, int to, const char *suffix)
{
	struct numbered old = number(row, from, suffix);
	struct numbered new = number(row, to, suffix);

	return dsrv_logdir_rename(row->dir, old.name, new.name);
}

/* Locked: another daemon that is about to remove it would remove the file that
 * gets its name. */
static int
move_one(const struct row *row, int from, int to, const char *suffix)
{
	struct numbered numbered = number(row, from, suffix);
	struct stat file;
	int fd = dsrv_filelock_open(row->dir, numbered.name, &file), moved;

	if (fd == -1)
		return -1;
	moved = rename_one(row, from, to, suffix);
	dsrv_descriptors_close(&fd);
	return moved;
}

static int
move(const struct row *row, int from, int to)
{
	const struct result *r;

	if (move_one(row, from, to, "") == -1 &&
	    (errno != ENOENT || row->results == NULL))
		return -1;
	for (r = row->results; r != NULL; r = r->next)
		if (r->number == from &&
		    move_one(row, from, to, r->suffix) == -1)
			return -1;
	return 0;
}

/* Whether this file can be moved or removed; if not, sets errno: ENOENT: there
 * is no such file. */
static int
is_free_to_go(const struct row *row, int n, const char *suffix, int removed)
{
	struct numbered numbered = number(row, n, suffix);
	struct stat file;
	int fd, gone;

	if (fstatat(row->dir, numbered.name, &file,
	    AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	errno = EEXIST;
	if (!S_ISREG(file.st_mode) ||
	    (fd = dsrv_filelock_open(row->dir, numbered.name, &file)) == -1)
		return 0;
	gone = !removed || unlinkat(row->dir, numbered.name, 0) == 0;
	close(fd);
	return gone;
}

/* The same, of all that have the number. */
static int
are_free_to_go(const struct row *row, int n, int removed)
{
	int are_there = is_free_to_go(row, n, "", removed);
	const struct result *r;

	if (!are_there && errno != ENOENT)
		return 0;
	for (r = row->results; r != NULL; r = r->next) {
		if (r->number != n)
			continue;
		if (!is_free_to_go(row, n, r->suffix, removed))
			return 0;
		are_there = 1;
	}
	if (!are_there)
		errno = ENOENT;
	return are_there;
}

/* The first free number, so that nothing is replaced even if a logger has died
 * halfway. If one more file would be too many, the last one is removed. -1 with
 * errno: something is in the way. */
static int
free_number(const struct row *row)
{
	int kept = dsrv_settings()->logger_file_count_max, n = 1;
	int last = kept > 1 ? kept - 1 : kept;	/* 0: there is none */

	while (are_free_to_go(row, n, n == last))
		if (n++ == last)
			return last;
	return errno == ENOENT ? n : -1;
}

/*
 * All
 */

static int
is_at(const struct row *row, int n, int fd)
{
	struct numbered numbered = number(row, n, "");
	struct stat open;

	return fstat(fd, &open) == 0 &&
	    dsrv_logdir_has(row->dir, numbered.name, &open);
}

/* If the file was replaced just now, this may have moved another daemon's new
 * log, which is then moved back. */
static int
move_file(const struct row *row, int fd)
{
	if (rename_one(row, 0, 1, "") == -1)
		return -1;
	if (is_at(row, 1, fd))
		return 0;
	rename_one(row, 1, 0, "");
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
	int made = -1;

	if (row.dir == -1)
		return -1;
	if (find_results(&row) == 0)
		made = make_way(&row, fd);
	forget_results(&row);
	dsrv_descriptors_close(&row.dir);
	return made;
}

void
dsrv_logrotation_close_up(int dir, const char *name, int n)
{
	struct row row = { .dir = dir, .name = name };

	if (find_results(&row) == 0 && !are_free_to_go(&row, n, 0) &&
	    errno == ENOENT)
		while (are_free_to_go(&row, n + 1, 0) &&
		    move(&row, n + 1, n) == 0)
			n++;
	forget_results(&row);
}
