/*
 * logprune.c - no more log files, and bytes, than are to be kept: the oldest go
 *
 * Only those that the logger itself has made. Each file to be removed is looked
 * up again from the top, so that nothing is removed in a directory that another
 * user has put there meanwhile.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <unistd.h>

#include "logfile.h"

/* Removes it where it was found, if it is still that file and not locked;
 * returns whether it did. */
static int
remove_file(const struct dsrv_logold *old, const struct dsrv_logold_file *f)
{
	int dir = dsrv_logold_directory(old, f->path), fd, removed = 0;
	const char *name = dsrv_logname_last(f->path);
	struct stat file;

	if (dir == -1)
		return 0;
	if ((fd = dsrv_filelock_open(dir, name, &file)) != -1) {
		removed = dsrv_logdir_is_same(&file, &f->file) &&
		    unlinkat(dir, name, 0) == 0;
		close(fd);
	}
	close(dir);
	return removed;
}

/* Of those that a processor has now: they count, but are not removed. */
static uintmax_t
in_process(const struct dsrv_logold *old)
{
	const struct dsrv_logold_file *f;
	uintmax_t bytes = 0;

	for (f = old->in_process; f != NULL; f = f->next)
		bytes += (uintmax_t)f->file.st_size;
	return bytes;
}

/* Removes the oldest files that exceed a limit; the current file, of this size,
 * counts as one. Returns how many bytes the other files have then. */
static uintmax_t
remove_oldest(const struct dsrv_logold *old, uintmax_t current)
{
	size_t kept = (size_t)dsrv_settings()->logger_file_count_max;
	size_t most = dsrv_settings()->logger_total_max, i;
	uintmax_t bytes = in_process(old), its;

	for (i = 0; i < old->count; i++)
		bytes += (uintmax_t)old->files[i]->file.st_size;
	for (i = old->count; i > 0; i--) {
		its = (uintmax_t)old->files[i - 1]->file.st_size;
		if (kept == 0 || i <= kept - 1) {
			if (most == 0 || current + bytes <= most)
				break;
			if (its == 0)
				continue;	/* it would free nothing */
		}
		if (remove_file(old, old->files[i - 1]))
			bytes -= its;
	}
	return bytes;
}

uintmax_t
dsrv_logprune(const struct dsrv_logname *current, int fd, size_t more,
    const struct stat *left, time_t now)
{
	struct dsrv_logold old;
	uintmax_t bytes;

	if ((dsrv_settings()->logger_file_count_max == 0 &&
	    dsrv_settings()->logger_total_max == 0) ||
	    dsrv_logold_find(&old, current, fd, left, now) == -1)
		return 0;
	bytes = remove_oldest(&old, (uintmax_t)old.current.st_size + more);
	dsrv_logold_forget(&old);
	return bytes;
}
