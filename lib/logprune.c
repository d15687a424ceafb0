/*
 * logprune.c - no more log files, and bytes, than are to be kept: the oldest go
 *
 * Only those that the logger itself has made: their names fit the format, and
 * no other process has a lock on them. The directories of the format are read,
 * and each file to be removed is looked up again from the top, so that nothing
 * is removed in a directory that another user has put there meanwhile.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "logfile.h"

enum { TOLERANCE = 60 };	/* s that a file system's clock may be ahead */

/* From the newest to the oldest. */
enum age {
	LEFT,		/* just now */
	PAST,
	AHEAD		/* a time in the future: a wrong clock */
};

struct old_file {
	struct old_file *next;	/* found before it */
	struct dsrv_own own;	/* the part of its path from the format */
	struct stat file;
	enum age age;
	char path[];
};

struct prune {
	struct stat current;
	const struct stat *left;	/* the file before it, or NULL */
	time_t now;
	int reads_back;		/* by which own names are known */
	size_t fixed;		/* bytes of path before any conversion */
	char path[DSRV_PATH_MAX];	/* where the search is */
	struct old_file *found;	/* the last one */
	size_t found_count;
	struct old_file **files;	/* those of the logger; sorted */
	size_t count;
};

static int
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * Which files there are
 */

static int
is_unlocked(int dir, const char *name)
{
	struct stat file;
	int fd = dsrv_filelock_open(dir, name, &file);

	if (fd != -1)
		close(fd);
	return fd != -1;
}

static enum age
age_of(const struct prune *p, const struct stat *file)
{
	if (p->left != NULL && is_same(file, p->left))
		return LEFT;
	return file->st_mtim.tv_sec <= p->now + TOLERANCE ? PAST : AHEAD;
}

static void
add_file(struct prune *p, const struct stat *file, const struct dsrv_own *own)
{
	size_t size = strlen(p->path) + 1;
	struct old_file *f = malloc(sizeof *f + size);

	if (f == NULL)
		return;
	f->next = p->found;
	f->own = *own;
	f->file = *file;
	f->age = age_of(p, file);
	memcpy(f->path, p->path, size);
	p->found = f;
	p->found_count++;
}

/* The system call comes last. */
static void
see_file(struct prune *p, int dir, const char *name)
{
	struct dsrv_own own;
	struct stat file;

	if (p->reads_back && !dsrv_logname_is_read_back(p->path, &own))
		return;
	if (fstatat(dir, name, &file, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(file.st_mode) || is_same(&file, &p->current))
		return;
	if ((p->reads_back || dsrv_logname_is_of(p->path,
	    file.st_mtim.tv_sec, &own)) && is_unlocked(dir, name))
		add_file(p, &file, &own);
}

static void search(struct prune *, int dir, const char *format);

/* The entry of this name in dir fits a part of the format, before rest. */
static void
see(struct prune *p, int dir, const char *name, const char *rest)
{
	size_t length = strlen(p->path), slashes = strspn(rest, "/");
	int below;

	if (length + strlen(name) + slashes >= sizeof p->path)
		return;
	strcpy(p->path + length, name);
	strncat(p->path, rest, slashes);
	if (*rest == '\0')
		see_file(p, dir, name);
	else if ((below = dsrv_logdir_enter(dir, name)) != -1) {
		search(p, below, rest + slashes);
		close(below);
	}
	p->path[length] = '\0';
}

/* A second descriptor of the directory, to read it. */
static DIR *
open_names(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *names = fd != -1 ? fdopendir(fd) : NULL;

	if (names == NULL && fd != -1)
		close(fd);
	return names;
}

/* Visits each name in dir that fits the format's next part. */
static void
search(struct prune *p, int dir, const char *format)
{
	struct dsrv_part part;
	struct dirent *entry;
	DIR *names;

	dsrv_logname_part(&part, format);
	if (!part.converts && *part.rest != '\0') {
		see(p, dir, part.begins, part.rest);
		return;
	}
	if ((names = open_names(dir)) == NULL)
		return;
	while ((entry = readdir(names)) != NULL)
		if (dsrv_logname_fits(&part, entry->d_name))
			see(p, dir, entry->d_name, part.rest);
	closedir(names);
}

/*
 * Which of them the logger has made
 */

static int
order_of_names(const struct old_file *a, const struct old_file *b)
{
	if (a->own.length != b->own.length)
		return a->own.length < b->own.length ? -1 : 1;
	return memcmp(a->path, b->path, a->own.length);
}

/* Groups those of one name, sorted by their numbers. */
static int
by_name(const void *left, const void *right)
{
	const struct old_file *a = *(struct old_file *const *)left;
	const struct old_file *b = *(struct old_file *const *)right;
	int order = order_of_names(a, b);

	return order != 0 ? order :
	    (a->own.number > b->own.number) - (a->own.number < b->own.number);
}

/* A rotation uses numbers below the count of files to keep, with a gap if it
 * was interrupted or a file was removed. When that count was larger, it has
 * also used those that follow without a gap. */
static int
is_of_a_rotation(const struct old_file *f, const struct old_file *before)
{
	int kept = dsrv_settings()->logger_file_count_max;

	if (f->own.number == 0)
		return 1;
	if (dsrv_settings()->logger_size_max == 0)
		return 0;
	return f->own.number < kept || f->own.number == 1 ||
	    (before != NULL && order_of_names(f, before) == 0 &&
	    f->own.number == before->own.number + 1);
}

static void
sort(struct prune *p, int (*order)(const void *, const void *))
{
	if (p->count > 0)
		qsort(p->files, p->count, sizeof *p->files, order);
}

/* Leaves out those that are not the logger's. */
static void
choose_own(struct prune *p)
{
	size_t i, own = 0;
	struct old_file *f;

	p->files = malloc((p->found_count + 1) * sizeof *p->files);
	if (p->files == NULL)
		return;
	for (f = p->found; f != NULL; f = f->next)
		p->files[p->count++] = f;
	sort(p, by_name);
	for (i = 0; i < p->count; i++)
		if (is_of_a_rotation(p->files[i],
		    own > 0 ? p->files[own - 1] : NULL))
			p->files[own++] = p->files[i];
	p->count = own;
}

/*
 * Which go
 */

/* The newest first. */
static int
by_age(const void *left, const void *right)
{
	const struct old_file *a = *(struct old_file *const *)left;
	const struct old_file *b = *(struct old_file *const *)right;
	const struct timespec *one = &a->file.st_mtim;
	const struct timespec *two = &b->file.st_mtim;

	if (a->age != b->age)
		return a->age < b->age ? -1 : 1;
	if (one->tv_sec != two->tv_sec)
		return one->tv_sec < two->tv_sec ? 1 : -1;
	if (one->tv_nsec != two->tv_nsec)
		return one->tv_nsec < two->tv_nsec ? 1 : -1;
	return (a->own.number > b->own.number) -
	    (a->own.number < b->own.number);
}

/* Removes it where it was found, if it is still that file and not locked. */
static void
remove_file(const struct prune *p, const struct old_file *f)
{
	struct dsrv_logname n;
	const char *name;
	struct stat file;
	int dir, fd = -1;

	strcpy(n.path, f->path);
	memset(n.converted, 0, p->fixed);
	memset(n.converted + p->fixed, 1, sizeof n.converted - p->fixed);
	name = dsrv_logname_last(n.path);
	if ((dir = dsrv_logdir_open(&n, 0)) == -1)
		return;
	if ((fd = dsrv_filelock_open(dir, name, &file)) != -1) {
		if (is_same(&file, &f->file))
			unlinkat(dir, name, 0);
		close(fd);
	}
	close(dir);
}

/* The directory that all files of the format share. */
static void
search_all(struct prune *p)
{
	struct dsrv_logname n;
	const char *format;
	int dir;

	format = dsrv_logname_fixed(n.path);
	memset(n.converted, 0, sizeof n.converted);
	strcpy(p->path, n.path);
	p->fixed = strlen(n.path);
	if ((dir = dsrv_logdir_open(&n, 0)) == -1)
		return;
	search(p, dir, format);
	close(dir);
}

static void
forget(struct prune *p)
{
	struct old_file *f, *next;

	for (f = p->found; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
	free(p->files);
}

/* Removes the oldest that exceed a limit; the current file, of this size, counts
 * as one of those that are kept. How many bytes the others have then. */
static uintmax_t
remove_oldest(const struct prune *p, uintmax_t current)
{
	size_t kept = (size_t)dsrv_settings()->logger_file_count_max;
	size_t most = dsrv_settings()->logger_total_max, i;
	uintmax_t bytes = 0;

	for (i = 0; i < p->count; i++)
		bytes += (uintmax_t)p->files[i]->file.st_size;
	for (i = p->count; i > 0 && ((kept > 0 && i > kept - 1) ||
	    (most > 0 && current + bytes > most)); i--) {
		remove_file(p, p->files[i - 1]);
		bytes -= (uintmax_t)p->files[i - 1]->file.st_size;
	}
	return bytes;
}

uintmax_t
dsrv_logprune(const struct dsrv_logname *current, int fd, size_t more,
    const struct stat *left, time_t now)
{
	struct prune p = { .left = left, .now = now };
	struct dsrv_own own;
	uintmax_t bytes;

	if ((dsrv_settings()->logger_file_count_max == 0 &&
	    dsrv_settings()->logger_total_max == 0) ||
	    fstat(fd, &p.current) == -1)
		return 0;
	p.reads_back = dsrv_logname_is_read_back(current->path, &own);
	search_all(&p);
	choose_own(&p);
	sort(&p, by_age);
	bytes = remove_oldest(&p, (uintmax_t)p.current.st_size + more);
	forget(&p);
	return bytes;
}
