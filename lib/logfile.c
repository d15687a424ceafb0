/*
 * logfile.c - the log file: its name, its opening, its rotation
 *
 * No process, no state: a path is what the format gives for a time, and a
 * descriptor what was opened there. Nothing is ever cut or overwritten.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#ifdef HAVE_FLOCK
#include <sys/file.h>
#endif
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon-private.h"

enum { FILE_MODE = 0640, DIRECTORY_MODE = 0750 };

/*
 * The name
 */

static int
format_name(char *path, const char *format, const struct tm *tm)
{
	if (strftime(path, DSRV_PATH_MAX, format, tm) > 0)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

int
dsrv_logfile_name(char *path, time_t when)
{
	struct tm tm;

	return localtime_r(&when, &tm) == NULL ? -1 :
	    format_name(path, dsrv_settings()->logger_name_format, &tm);
}

int
dsrv_logfile_differs(const char *path, int fd)
{
	struct stat named, open;

	/* Not what a link leads to: that is not opened either. */
	return lstat(path, &named) == -1 || fstat(fd, &open) == -1 ||
	    named.st_dev != open.st_dev || named.st_ino != open.st_ino;
}

const char *
dsrv_logfile_why(int error)
{
	switch (error) {
	case EINVAL:
	case ENXIO:	/* a FIFO that nobody reads */
		return "it is not a regular file";
	case EMLINK:	/* somebody else's file perhaps */
		return "it has another name too";
	case ELOOP:
		return "it is a symbolic link";
	case EWOULDBLOCK:
		return "another process has locked it";
	default:
		return strerror(error);
	}
}

/*
 * Opening
 */

/* Whether the part of the format up to end has a conversion in its last
 * name. */
static int
converts(const char *format, const char *end)
{
	while (end > format && end[-1] != '/')
		end--;
	for (; *end != '\0' && *end != '/'; end++)
		if (*end == '%' && *++end != '%')
			return 1;
	return 0;
}

/* Not a link to one: whoever puts that there must not choose where we write
 * or remove. */
static int
is_directory(const char *path)
{
	struct stat there;

	if (lstat(path, &there) == -1)
		return 0;
	errno = ENOTDIR;
	return S_ISDIR(there.st_mode);
}

static int
make_directory(const char *path)
{
	if (is_directory(path))
		return 1;
	if (errno != ENOENT)
		return 0;
	return mkdir(path, DIRECTORY_MODE) == 0 ||
	    (errno == EEXIST && is_directory(path));	/* another was faster */
}

/* Whether each directory whose own name changes with the time is good; else
 * errno. That another is missing may be a mistake. */
static int
are_good(int (*is_good)(const char *), const struct tm *tm)
{
	const char *format = dsrv_settings()->logger_name_format, *end;
	char *part, path[DSRV_PATH_MAX];
	int good;

	for (end = format; (end = strchr(end + 1, '/')) != NULL;) {
		if (!converts(format, end))
			continue;
		/* Longer than a path, where percent signs are doubled. */
		if ((part = strndup(format, (size_t)(end - format))) == NULL)
			return 0;
		good = format_name(path, part, tm) == 0 && is_good(path);
		free(part);
		if (!good)
			return 0;
	}
	return 1;
}

/* Never two daemons in one file; where a file system has no locks, this
 * must not be the reason to have no log. */
static int
lock(int fd)
{
#ifdef HAVE_FLOCK
	return flock(fd, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK ?
	    -1 : 0;
#else
	(void)fd;
	return 0;
#endif
}

static int
open_for(int access, const char *path)
{
	/* O_NONBLOCK: a FIFO would wait for its reader. */
	return dsrv_descriptors_own(open(path, access | O_APPEND | O_CREAT |
	    O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, FILE_MODE));
}

static int
open_regular(const char *path)
{
	struct stat file;
	int error, fd = open_for(O_RDWR, path);	/* for its last byte */

	if (fd == -1 && errno == EACCES)
		fd = open_for(O_WRONLY, path);
	if (fd == -1)
		return -1;
	if (fstat(fd, &file) == 0) {
		if (!S_ISREG(file.st_mode))
			errno = EINVAL;
		else if (file.st_nlink != 1)
			errno = EMLINK;
		else if (lock(fd) == 0)
			return fd;
	}
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

int
dsrv_logfile_open(const char *path, time_t when)
{
	struct tm tm;

	return localtime_r(&when, &tm) != NULL &&
	    are_good(make_directory, &tm) ? open_regular(path) : -1;
}

int
dsrv_logfile_end_line(int fd)
{
	struct stat file;
	char last;

	if (fstat(fd, &file) == -1 || file.st_size == 0 ||
	    pread(fd, &last, 1, file.st_size - 1) != 1 || last == '\n')
		return 0;
	return write(fd, "\n", 1) == 1 ? 0 : -1;
}

/*
 * Rotation by size: FILE becomes FILE.1, FILE.1 becomes FILE.2, ...
 */

static void
number(char *numbered, const char *path, int n)
{
	snprintf(numbered, DSRV_PATH_MAX + 16, "%s.%d", path, n);
}

/* rename(2), but never over what is there. */
static int
move(const char *from, const char *to)
{
	struct stat there;

#ifdef HAVE_RENAMEAT2
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST)
		return -1;	/* else perhaps not every file system can */
#endif
	if (lstat(to, &there) == 0) {
		errno = EEXIST;
		return -1;
	}
	return rename(from, to);
}

/* The first number that is free, so that nothing is replaced also where a
 * logger has died halfway. Where so many files are kept that the next one
 * would be too many, the last goes. -1 with errno: something else than a file
 * is in the way. */
static int
free_number(const char *path)
{
	int kept = dsrv_settings()->logger_file_count_max, n = 1;
	int last = kept > 1 ? kept - 1 : kept;	/* 0: there is none */
	char name[DSRV_PATH_MAX + 16];
	struct stat file;

	for (; number(name, path, n), lstat(name, &file) == 0; n++) {
		if (!S_ISREG(file.st_mode)) {
			errno = EEXIST;
			return -1;
		}
		if (n == last)
			return unlink(name) == 0 ? n : -1;
	}
	return n;
}

int
dsrv_logfile_rotate(const char *path)
{
	char from[DSRV_PATH_MAX + 16], to[DSRV_PATH_MAX + 16];
	int n = free_number(path);

	if (n == -1)
		return -1;
	for (; n > 1; n--) {
		number(from, path, n - 1);
		number(to, path, n);
		if (move(from, to) == -1)
			return -1;
	}
	number(to, path, 1);
	return move(path, to);
}

/*
 * The oldest go
 */

struct own {
	const char *path;
	size_t length;	/* of the name, without ... */
	long number;	/* ... what is behind it; 0: nothing */
	struct timespec written;
};

/* The number behind a name, or -1: that is no number of ours. */
static long
number_of(const char *suffix)
{
	const char *digit = suffix + 1;

	if (*suffix == '\0')
		return 0;
	if (*suffix != '.' || *digit < '1' || *digit > '9')
		return -1;
	while (isdigit((unsigned char)*digit))
		digit++;
	return *digit == '\0' ? strtol(suffix + 1, NULL, 10) : -1;
}

/* Whether strftime(3) makes of tm what own->path begins with, and but for a
 * number ends with. */
static int
is_of(struct own *own, const struct tm *tm)
{
	const char *format = dsrv_settings()->logger_name_format;
	char name[DSRV_PATH_MAX];

	own->length = strftime(name, sizeof name, format, tm);
	return own->length > 0 &&
	    strncmp(name, own->path, own->length) == 0 &&
	    (own->number = number_of(own->path + own->length)) != -1 &&
	    are_good(is_directory, tm);
}

/* Whether strptime(3) reads this as a name of the format, and strftime(3)
 * gives it back: then the logger has made it, or would. */
static int
is_read_back(struct own *own)
{
	struct tm tm;

	memset(&tm, 0, sizeof tm);
	tm.tm_mday = 1;
	return strptime(own->path, dsrv_settings()->logger_name_format,
	    &tm) != NULL && is_of(own, &tm);
}

/* The same for names that strptime(3) cannot read, such as those of weeks:
 * whether it is that of the time it was written last. */
static int
is_of_its_time(struct own *own)
{
	struct tm tm;

	return localtime_r(&own->written.tv_sec, &tm) != NULL &&
	    is_of(own, &tm);
}

static int
order_of_names(const struct own *a, const struct own *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->path, b->path, a->length);
}

/* Those of one name one after another, by their numbers. */
static int
by_name(const void *left, const void *right)
{
	const struct own *a = left, *b = right;
	int order = order_of_names(a, b);

	return order != 0 ? order :
	    (a->number > b->number) - (a->number < b->number);
}

/* Puts those first that the logger can have made, and says how many: numbers
 * only with a rotation, which leaves an unbroken row of them from 1 on. */
static int
choose_own(struct own *owns, int count)
{
	int rotates = dsrv_settings()->logger_size_max > 0, i, own = 0;
	long next;

	qsort(owns, (size_t)count, sizeof *owns, by_name);
	for (i = 0; i < count; i++) {
		next = own > 0 && order_of_names(&owns[own - 1],
		    &owns[i]) == 0 ? owns[own - 1].number + 1 : 1;
		if (owns[i].number == 0 ||
		    (rotates && owns[i].number == next))
			owns[own++] = owns[i];
	}
	return own;
}

/* The newest first. */
static int
by_age(const void *left, const void *right)
{
	const struct own *a = left, *b = right;

	if (a->written.tv_sec != b->written.tv_sec)
		return a->written.tv_sec < b->written.tv_sec ? 1 : -1;
	if (a->written.tv_nsec != b->written.tv_nsec)
		return a->written.tv_nsec < b->written.tv_nsec ? 1 : -1;
	return (a->number > b->number) - (a->number < b->number);
}

enum { PATTERN_MAX = 2 * DSRV_PATH_MAX };

/* A pattern for glob(3) that matches all names of the format; -1: it would be
 * too long. */
static int
make_pattern(char *pattern)
{
	const char *format = dsrv_settings()->logger_name_format;
	const char *end = pattern + PATTERN_MAX - sizeof "\\?*";

	for (; *format != '\0' && pattern < end; format++) {
		if (format[0] == '%' && format[1] != '%') {
			while (format[1] != '\0' &&
			    strchr("_-0^#EO123456789", format[1]) != NULL)
				format++;
			if (format[1] != '\0')
				format++;
			*pattern++ = '*';
			continue;
		}
		if (format[0] == '%')
			format++;
		if (strchr("*?[\\", *format) != NULL)
			*pattern++ = '\\';
		*pattern++ = *format;
	}
	strcpy(pattern, "*");	/* a number, or nothing */
	return *format == '\0' ? 0 : -1;
}

void
dsrv_logfile_prune(const char *current)
{
	int kept = dsrv_settings()->logger_file_count_max, count = 0;
	char pattern[PATTERN_MAX];
	struct own *own, *owns, now = { .path = current };
	struct stat file;
	size_t i;
	glob_t found;
	int (*is_own)(struct own *) = is_read_back(&now) ? is_read_back :
	    is_of_its_time;

	if (kept == 0 || make_pattern(pattern) == -1)
		return;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return;
	if ((owns = calloc(found.gl_pathc, sizeof *owns)) != NULL) {
		for (i = 0; i < found.gl_pathc; i++) {
			own = &owns[count];
			own->path = found.gl_pathv[i];
			if (strcmp(own->path, current) == 0 ||
			    lstat(own->path, &file) == -1 ||
			    !S_ISREG(file.st_mode))
				continue;
			own->written = file.st_mtim;
			count += is_own(own);
		}
		count = choose_own(owns, count);
		qsort(owns, (size_t)count, sizeof *owns, by_age);
		while (count > kept - 1)	/* current is one of them */
			unlink(owns[--count].path);
		free(owns);
	}
	globfree(&found);
}

/*
 * The link to the current file
 */

/* From the link's own directory, where the file is in the same. */
static const char *
target_of(const char *link, const char *path)
{
	size_t directory = (size_t)(strrchr(link, '/') - link) + 1;

	return strncmp(link, path, directory) == 0 &&
	    strchr(path + directory, '/') == NULL ? path + directory : path;
}

int
dsrv_logfile_link(const char *path)
{
	const char *link = dsrv_settings()->logger_link;
	char fresh[DSRV_PATH_MAX + 16];
	struct stat there;

	if (link == NULL)
		return 0;
	/* What is no link is not ours to replace. */
	if (lstat(link, &there) == 0 && !S_ISLNK(there.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	snprintf(fresh, sizeof fresh, "%s.new", link);
	if (lstat(fresh, &there) == 0 && S_ISLNK(there.st_mode))
		unlink(fresh);	/* of a logger that has died here */
	if (symlink(target_of(link, path), fresh) == -1)
		return -1;
	return rename(fresh, link);
}
