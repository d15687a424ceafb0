/*
 * logold.c - the older log files: those that the logger itself has made
 *
 * Their names fit the format, and no other process has a lock on them. The
 * directories of the format are read.
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

/*
 * Which files there are
 */

static int
is_unlocked(struct dsrv_logold *p, int dir, const char *name)
{
	struct stat file;
	int fd = dsrv_filelock_open(dir, name, &file);

	if (fd != -1)
		close(fd);
	else if (errno == EWOULDBLOCK || errno == EBUSY)
		p->locked++;
	return fd != -1;
}

static enum dsrv_logold_age
age_of(const struct dsrv_logold *p, const struct stat *file)
{
	if (p->left != NULL && dsrv_logdir_is_same(file, p->left))
		return DSRV_LOGOLD_LEFT;
	return file->st_mtim.tv_sec <= p->now + TOLERANCE ? DSRV_LOGOLD_PAST :
	    DSRV_LOGOLD_AHEAD;
}

static void
add_file(struct dsrv_logold *p, const struct stat *file,
    const struct dsrv_own *own)
{
	size_t size = strlen(p->path) + 1;
	struct dsrv_logold_file *f = malloc(sizeof *f + size);

	if (f == NULL)
		return;
	f->own = *own;
	f->file = *file;
	f->age = age_of(p, file);
	memcpy(f->path, p->path, size);
	if (own->in_process) {
		f->next = p->in_process;
		p->in_process = f;
		return;
	}
	f->next = p->found;
	p->found = f;
	p->found_count++;
}

/* The system call comes last. */
static void
see_file(struct dsrv_logold *p, int dir, const char *name)
{
	struct dsrv_own own;
	struct stat file;

	if (p->reads_back && !dsrv_logname_is_read_back(p->path, &own))
		return;
	if (fstatat(dir, name, &file, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISREG(file.st_mode) || dsrv_logdir_is_same(&file, &p->current))
		return;
	if ((p->reads_back || dsrv_logname_is_of(p->path,
	    file.st_mtim.tv_sec, &own)) &&
	    (own.in_process || is_unlocked(p, dir, name)))
		add_file(p, &file, &own);
}

static void search(struct dsrv_logold *, int dir, const char *format);

/* The entry of this name in dir fits a part of the format, before rest. */
static void
see(struct dsrv_logold *p, int dir, const char *name, const char *rest)
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

/* Visits each name in dir that fits the format's next part. */
static void
search(struct dsrv_logold *p, int dir, const char *format)
{
	struct dsrv_part part;
	struct dirent *entry;
	DIR *names;

	dsrv_logname_part(&part, format);
	if (!part.converts && *part.rest != '\0') {
		see(p, dir, part.begins, part.rest);
		return;
	}
	if ((names = dsrv_logdir_names(dir)) == NULL)
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
order_of_names(const struct dsrv_logold_file *a,
    const struct dsrv_logold_file *b)
{
	if (a->own.length != b->own.length)
		return a->own.length < b->own.length ? -1 : 1;
	return memcmp(a->path, b->path, a->own.length);
}

/* Groups those of one name, sorted by their numbers. */
static int
by_name(const void *left, const void *right)
{
	const struct dsrv_logold_file *a = *(struct dsrv_logold_file *const *)left;
	const struct dsrv_logold_file *b = *(struct dsrv_logold_file *const *)right;
	int order = order_of_names(a, b);

	return order != 0 ? order :
	    (a->own.number > b->own.number) - (a->own.number < b->own.number);
}

/* A rotation uses numbers below the count of files to keep, with a gap if it
 * was interrupted or a file was removed. When that count was larger, it has
 * also used those that follow without a gap. What a processor has made gets a
 * number if there is such a file of an earlier time. */
static int
is_of_a_rotation(const struct dsrv_logold_file *f,
    const struct dsrv_logold_file *before)
{
	int kept = dsrv_settings()->logger_file_count_max;

	if (f->own.number == 0)
		return 1;
	if (dsrv_settings()->logger_size_max == 0 &&
	    dsrv_settings()->logger_processor == NULL)
		return 0;
	return f->own.number < kept || f->own.number == 1 ||
	    (before != NULL && order_of_names(f, before) == 0 &&
	    f->own.number <= before->own.number + 1);
}

static void
sort(struct dsrv_logold *p, int (*order)(const void *, const void *))
{
	if (p->count > 0)
		qsort(p->files, p->count, sizeof *p->files, order);
}

/* Leaves out those that are not the logger's. */
static void
choose_own(struct dsrv_logold *p)
{
	size_t i, own = 0;
	struct dsrv_logold_file *f;

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
 * In which order
 */

/* The newest first. */
static int
by_age(const void *left, const void *right)
{
	const struct dsrv_logold_file *a = *(struct dsrv_logold_file *const *)left;
	const struct dsrv_logold_file *b = *(struct dsrv_logold_file *const *)right;
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

/*
 * Where they are
 */

/* As paths of the format, from which on no link is followed. */
int
dsrv_logold_directory(const struct dsrv_logold *p, const char *path)
{
	struct dsrv_logname n;

	strcpy(n.path, path);
	memset(n.converted, 0, p->fixed);
	memset(n.converted + p->fixed, 1, sizeof n.converted - p->fixed);
	return dsrv_logdir_open(&n, 0);
}

/* The directory that all files of the format share. */
static void
search_all(struct dsrv_logold *p)
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

int
dsrv_logold_find(struct dsrv_logold *p, const struct dsrv_logname *current,
    int fd, const struct stat *left, time_t now)
{
	struct dsrv_own own;

	memset(p, 0, sizeof *p);
	p->left = left;
	p->now = now;
	if (fstat(fd, &p->current) == -1)
		return -1;
	p->reads_back = dsrv_logname_is_read_back(current->path, &own);
	search_all(p);
	choose_own(p);
	sort(p, by_age);
	return 0;
}

static void
forget(struct dsrv_logold_file *f)
{
	struct dsrv_logold_file *next;

	for (; f != NULL; f = next) {
		next = f->next;
		free(f);
	}
}

void
dsrv_logold_forget(struct dsrv_logold *p)
{
	forget(p->found);
	forget(p->in_process);
	free(p->files);
}
