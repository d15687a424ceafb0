/*
 * logplace.c - how a log file leaves the row, to be processed
 *
 * A rotation would rename FILE.1 while the processor reads and removes it, so
 * that becomes FILE.processing. An empty file keeps its place in the row. What
 * is made of it, FILE.processing.gz, becomes FILE.1.gz, or FILE.3.gz if the
 * empty file is FILE.3 by then. Names change only while the log file is locked,
 * so that no daemon rotates it meanwhile.
 *
 * FILE.processing.lock is locked by the logger and the processor. If the logger
 * dies, no other processor begins before this one has ended. A death after each
 * step, and what any daemon that logs to this file does:
 *
 *     lock FILE.processing.lock
 *                       it is there, and not locked: removed
 *     rename FILE.1     FILE.processing is there: run; a gap is its place
 *     make an empty one the same; that one is its place, and known by its mode
 *                       if it does not have the time yet
 *     run               FILE.processing is there: what has been made of it is
 *                       removed, and it is run again; it is gone: what has been
 *                       made of it is whole, and comes back
 *     remove the empty  the same; a gap is its place
 *     rename FILE.processing, if that is left, to FILE.1.done
 *                       what has been made of it comes back
 *     rename the others the same
 *     close the gap, if nothing was made
 *                       the first gap is closed
 *     remove the lock
 *
 * If the processor has failed:
 *
 *     remove the empty  run again; a gap is its place
 *     remove what has been made
 *                       the same
 *     rename FILE.processing to FILE.1
 *                       the lock is removed
 *
 * The lock has the file's time, and so has the empty file: by that it is known,
 * and what comes back gets it. If the empty file has been removed, because it
 * was too old, that goes to a gap, where it is the oldest and is removed.
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

/*
 * Which files are in the row, and which have left it
 */

int
dsrv_logplace_is_in_row(const struct dsrv_logold_file *f)
{
	return f->own.number > 0 || !dsrv_logname_is_final();
}

const struct dsrv_logold_file *
dsrv_logplace_find(const struct dsrv_logold *old,
    const struct dsrv_logold_file *of)
{
	const struct dsrv_logold_file *f, *found = NULL;

	for (f = old->in_process; f != NULL; f = f->next)
		if (f->own.length == of->own.length &&
		    memcmp(f->path, of->path, f->own.length) == 0 &&
		    (found == NULL || strcmp(f->path + f->own.suffix,
		    DSRV_PROCESSING) == 0))
			found = f;
	return found;
}

/*
 * The names in FILE's directory
 */

struct dsrv_placename
dsrv_logplace_name(const struct dsrv_taken *t, long number,
    const char *suffix)
{
	const char *base = dsrv_logname_last(t->path);
	struct dsrv_placename name;

	if (number == 0)
		snprintf(name.text, sizeof name.text, "%s%s", base, suffix);
	else
		snprintf(name.text, sizeof name.text, "%s.%ld%s", base,
		    number, suffix);
	return name;
}

const char *
dsrv_logplace_next(DIR *names, const struct dsrv_taken *t,
    struct dsrv_own *own)
{
	const char *base = dsrv_logname_last(t->path);
	size_t length = strlen(base);
	struct dirent *entry;

	while ((entry = readdir(names)) != NULL)
		if (strncmp(entry->d_name, base, length) == 0 &&
		    dsrv_logname_behind(entry->d_name + length, own)) {
			own->length += length;
			own->suffix += length;
			return entry->d_name;
		}
	return NULL;
}

const char *
dsrv_logplace_next_made(DIR *names, const struct dsrv_taken *t,
    const char **suffix)
{
	struct dsrv_own own;
	const char *name;

	while ((name = dsrv_logplace_next(names, t, &own)) != NULL) {
		if (!own.in_process)
			continue;
		*suffix = name + own.suffix + sizeof DSRV_PROCESSING - 1;
		if (**suffix != '\0' && strcmp(name + own.suffix,
		    DSRV_PROCESSING_LOCK) != 0)
			break;
	}
	return name;
}

void
dsrv_logplace_remove_made(const struct dsrv_taken *t)
{
	DIR *names = dsrv_logdir_names(t->dir);
	const char *name, *suffix;

	if (names == NULL)
		return;
	while ((name = dsrv_logplace_next_made(names, t, &suffix)) != NULL)
		unlinkat(t->dir, name, 0);
	closedir(names);
}

/*
 * Out of the row
 */

/* A daemon of another time may have removed it since it was opened. */
static int
lock_it(int fd, const struct dsrv_taken *t, const char *name)
{
	struct stat open;

	if (dsrv_filelock_take(fd) == -1)
		return -1;
	if (fstat(fd, &open) == 0 && dsrv_logdir_has(t->dir, name, &open))
		return 0;
	errno = EWOULDBLOCK;
	return -1;
}

static int
lock(struct dsrv_taken *t, const struct dsrv_logold_file *f)
{
	struct timespec times[2] = { f->file.st_mtim, f->file.st_mtim };
	int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, is_new;
	struct dsrv_placename name = dsrv_logplace_name(t, 0,
	    DSRV_PROCESSING_LOCK);

	t->lock = dsrv_descriptors_own(openat(t->dir, name.text, flags |
	    O_CREAT | O_EXCL, 0600));
	is_new = t->lock != -1;
	if (!is_new && errno == EEXIST)
		t->lock = dsrv_descriptors_own(openat(t->dir, name.text,
		    flags | O_CREAT, 0600));
	if (t->lock == -1 || lock_it(t->lock, t, name.text) == -1)
		return -1;
	if (is_new || !f->own.in_process)
		futimens(t->lock, times);
	return 0;
}

/* Has its time, so that it is removed no later than the file would be. */
static void
keep_place(int dir, const char *name, const struct stat *file)
{
	struct timespec times[2] = { file->st_mtim, file->st_mtim };
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC, DSRV_UNFINISHED);

	if (fd == -1)
		return;
	futimens(fd, times);
	fchmod(fd, file->st_mode & 0777);
	close(fd);
}

static int
not_now(void)
{
	errno = EBUSY;
	return -1;
}

/* Locks the file too: a daemon that has not yet left it must not write now. If
 * that waits for the end of a line, it may only have claimed it, as FILE. */
static int
open_file(struct dsrv_taken *t, const char *name, struct stat *file)
{
	t->file = dsrv_filelock_open(t->dir, name, file);
	if (t->file == -1)
		return errno == EWOULDBLOCK || errno == ENOENT ? not_now() :
		    -1;
	return dsrv_logclaim_is_made(t->file, dsrv_logname_last(t->path)) ?
	    not_now() : 0;
}

/* A daemon of another time may have moved it meanwhile. */
static int
move_out(const struct dsrv_taken *t, const char *name,
    const struct stat *file)
{
	struct dsrv_placename to = dsrv_logplace_name(t, 0, DSRV_PROCESSING);
	struct stat moved;

	if (dsrv_logdir_rename(t->dir, name, to.text) == -1)
		return errno == ENOENT || errno == EEXIST ? not_now() : -1;
	if (fstatat(t->dir, to.text, &moved, AT_SYMLINK_NOFOLLOW) == 0 &&
	    dsrv_logdir_is_same(file, &moved))
		return 0;
	dsrv_logdir_rename(t->dir, to.text, name);
	return not_now();
}

static int
take_out(struct dsrv_taken *t, const struct dsrv_logold_file *f)
{
	const char *name = dsrv_logname_last(f->path);
	struct stat file;

	if (open_file(t, name, &file) == -1)
		return -1;
	if (!dsrv_logdir_is_same(&file, &f->file) || file.st_size == 0)
		return not_now();	/* another one has come meanwhile */
	if (lock(t, f) == -1 || move_out(t, name, &file) == -1)
		return -1;
	keep_place(t->dir, name, &file);
	return 1;
}

/* What another logger has left. */
static int
take_over(struct dsrv_taken *t, const struct dsrv_logold_file *f)
{
	struct dsrv_placename name = dsrv_logplace_name(t, 0,
	    DSRV_PROCESSING);
	struct stat file;

	if (lock(t, f) == -1)
		return -1;
	if (fstatat(t->dir, name.text, &file, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -1;
	if (open_file(t, name.text, &file) == -1)
		return -1;
	dsrv_logplace_remove_made(t);
	return 1;
}

void
dsrv_logplace_close(struct dsrv_taken *t)
{
	dsrv_descriptors_close(&t->file);
	dsrv_descriptors_close(&t->lock);
	dsrv_descriptors_close(&t->dir);
}

int
dsrv_logplace_take(struct dsrv_taken *t, const struct dsrv_logold *old,
    const struct dsrv_logold_file *f)
{
	int taken = -1;

	memcpy(t->path, f->path, f->own.length);
	t->path[f->own.length] = '\0';
	t->file = t->lock = -1;
	if ((t->dir = dsrv_logold_directory(old, t->path)) == -1)
		return -1;
	errno = EPERM;	/* the processor will use names */
	if (dsrv_logfile_is_trusted(t->dir))
		taken = f->own.in_process ? take_over(t, f) : take_out(t, f);
	if (taken == -1)
		dsrv_logplace_close(t);
	return taken;
}
