/*
 * logback.c - how a log file, or what was made of it, comes back into the row
 *
 * To the place that the empty file has kept, or else to the first gap. If
 * nothing comes back, the files behind that place move up. The table of deaths
 * is in logplace.c.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "logprocess.h"

enum { TRIES = 1000 };	/* of numbers */

struct place {
	long number;
	struct timespec times[2];	/* the file's */
	int error;			/* something could not be put there */
};

/*
 * Where
 */

static int
is_then(const struct stat *file, const struct timespec *time)
{
	return file->st_mtim.tv_sec == time->tv_sec &&
	    file->st_mtim.tv_nsec == time->tv_nsec;
}

static int
is_unfinished(const struct stat *file)
{
	return (file->st_mode & 07777 & ~DSRV_UNFINISHED) == 0;
}

/* Whether it is the empty file, but not our log by now. */
static int
is_empty_one(const struct dsrv_taken *t, const struct dsrv_logold *old,
    const struct place *place, const char *name)
{
	struct stat file;

	return fstatat(t->dir, name, &file, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(file.st_mode) && file.st_size == 0 &&
	    !dsrv_logdir_is_same(&file, &old->current) &&
	    (is_then(&file, place->times) || is_unfinished(&file));
}

/* Whether there is an empty file. */
static int
find_empty_one(const struct dsrv_taken *t, const struct dsrv_logold *old,
    struct place *place)
{
	DIR *names = dsrv_logdir_names(t->dir);
	struct dsrv_own own;
	const char *name;
	int found = 0;

	while (!found && names != NULL &&
	    (name = dsrv_logplace_next(names, t, &own)) != NULL) {
		place->number = own.number;
		found = name[own.suffix] == '\0' &&
		    own.number >= dsrv_logname_is_final() &&
		    is_empty_one(t, old, place, name);
	}
	if (names != NULL)
		closedir(names);
	return found;
}

/* Removes it. -1 with errno, EBUSY: it is another daemon's log by now. */
static int
clear(const struct dsrv_taken *t, long number)
{
	struct dsrv_placename name = dsrv_logplace_name(t, number, "");
	struct stat file;
	int fd = dsrv_filelock_open(t->dir, name.text, &file);

	if (fd == -1)
		return -1;
	if (file.st_size == 0)
		unlinkat(t->dir, name.text, 0);
	close(fd);
	return 0;
}

static int
is_used(const struct dsrv_taken *t, const struct dsrv_logold *old, long number)
{
	const struct dsrv_logold_file *f;
	size_t i;

	for (i = 0; i < old->count; i++) {
		f = old->files[i];
		if (f->own.number == number &&
		    strlen(t->path) == f->own.length &&
		    memcmp(f->path, t->path, f->own.length) == 0)
			return 1;
	}
	return 0;
}

/* The place of the empty file, which goes; or else the first gap. -1 with
 * errno, EWOULDBLOCK: another process has locked that file. */
static int
find_place(const struct dsrv_taken *t, const struct dsrv_logold *old,
    struct place *place)
{
	struct stat file;

	memset(place, 0, sizeof *place);
	if (fstat(t->lock, &file) == -1)
		return -1;
	place->times[0] = place->times[1] = file.st_mtim;
	if (find_empty_one(t, old, place)) {
		if (clear(t, place->number) == 0)
			return 0;
		if (errno == EWOULDBLOCK)
			return -1;
	}
	place->number = dsrv_logname_is_final();
	while (is_used(t, old, place->number))
		place->number++;
	return 0;
}

/*
 * What
 */

/* Gives the file this place, or the next one that is free, and its time. */
static void
put(const struct dsrv_taken *t, struct place *place, const char *name,
    const char *suffix)
{
	struct dsrv_placename to = dsrv_logplace_name(t, place->number,
	    suffix);
	int i;

	for (i = 0; dsrv_logdir_rename(t->dir, name, to.text) == -1; i++) {
		if (errno != EEXIST || i == TRIES) {
			if (errno != ENOENT)	/* else it is not there */
				place->error = errno;
			return;
		}
		to = dsrv_logplace_name(t, ++place->number, suffix);
	}
	utimensat(t->dir, to.text, place->times, AT_SYMLINK_NOFOLLOW);
}

static void
put_made(const struct dsrv_taken *t, struct place *place)
{
	DIR *names = dsrv_logdir_names(t->dir);
	const char *name, *suffix;

	if (names == NULL) {
		place->error = errno;
		return;
	}
	while ((name = dsrv_logplace_next_made(names, t, &suffix)) != NULL)
		put(t, place, name, suffix);
	closedir(names);
}

/* The file itself first: otherwise it would be run again. */
static void
put_all(const struct dsrv_taken *t, int has_failed, struct place *place)
{
	struct dsrv_placename itself = dsrv_logplace_name(t, 0,
	    DSRV_PROCESSING);
	struct stat file;

	if (has_failed && fstatat(t->dir, itself.text, &file,
	    AT_SYMLINK_NOFOLLOW) == 0) {
		dsrv_logplace_remove_made(t);
		put(t, place, itself.text, "");
		return;
	}
	put(t, place, itself.text, ".done");
	put_made(t, place);
}

int
dsrv_logback_put(struct dsrv_taken *t, const struct dsrv_logold *old,
    int has_failed, struct dsrv_logplace *back)
{
	struct dsrv_placename name = dsrv_logplace_name(t, 0,
	    DSRV_PROCESSING_LOCK);
	struct place place;

	if (find_place(t, old, &place) == -1)
		place.error = errno;
	else
		put_all(t, has_failed, &place);
	if (place.error == 0 && place.number > 0)
		dsrv_logrotation_close_up(t->dir, dsrv_logname_last(t->path),
		    (int)place.number);
	if (place.error == 0 && unlinkat(t->dir, name.text, 0) == -1)
		place.error = errno;
	name = dsrv_logplace_name(t, place.number, "");
	snprintf(back->path, sizeof back->path, "%.*s%s",
	    (int)(dsrv_logname_last(t->path) - t->path), t->path, name.text);
	back->modified = place.times[0];
	back->number = place.number;
	if (place.error != EWOULDBLOCK)
		dsrv_logplace_close(t);
	errno = place.error;
	return place.error == 0 ? 0 : -1;
}
