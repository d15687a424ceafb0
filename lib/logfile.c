/*
 * logfile.c - the log file: its opening, and the link to it
 *
 * It keeps no state except descriptors. Nothing is ever truncated or
 * overwritten.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"

enum {
	FILE_MODE = 0640,
	UNFINISHED = 0200,	/* until it has its own mode and group */
	LINK_TRIES = 10
};

int
dsrv_logfile_is_at(const char *path, const struct stat *open)
{
	return dsrv_logdir_has(AT_FDCWD, path, open);
}

int
dsrv_logfile_differs(const struct dsrv_logname *n, int fd)
{
	int dir = dsrv_logdir_open(n, 0), differs;
	struct stat open;

	if (dir == -1)
		return 1;
	differs = fstat(fd, &open) == -1 ||
	    !dsrv_logdir_has(dir, dsrv_logname_last(n->path), &open);
	close(dir);
	return differs;
}

const char *
dsrv_logfile_why(int error)
{
	switch (error) {
	case EINVAL:
	case ENXIO:	/* a socket, or a device that is not there */
		return "it is not a regular file";
	case EOPNOTSUPP:
		return "only a daemon in the foreground keeps it";
	case EMLINK:	/* perhaps another user's file */
		return "it has another name too";
	case ELOOP:
		return "it is a symbolic link";
	case EWOULDBLOCK:
		return dsrv_filelock_why();
	case EBUSY:
		return "a file in the way is another daemon's log";
	default:
		return strerror(error);
	}
}

/*
 * Opening
 */

static int
open_for(int access, int dir, const char *name)
{
	/* O_NONBLOCK: opening a FIFO would wait for its reader. */
	return dsrv_descriptors_own(openat(dir, name, access | O_APPEND |
	    O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    dsrv_settings()->logger_mode == -1 ? FILE_MODE : UNFINISHED));
}

static int
is_ours(const struct stat *file)
{
	return file->st_uid == 0 || file->st_uid == geteuid();
}

/* Whether no other user can have put a file there: that could be a hard link to
 * a file of ours that has nothing to do with the log. */
int
dsrv_logfile_is_trusted(int dir)
{
	struct stat directory;

	return fstat(dir, &directory) == 0 &&
	    is_ours(&directory) &&
	    (directory.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Whether the file may be the log; if not, sets errno. */
static int
is_good(int dir, const struct stat *file)
{
	if (!S_ISREG(file->st_mode) &&
	    !(S_ISFIFO(file->st_mode) && is_ours(file)))
		errno = EINVAL;
	else if (file->st_nlink > 1 && !dsrv_logfile_is_trusted(dir))
		errno = EMLINK;
	else
		return 1;
	return 0;
}

/* Whether the file is new, or was left unfinished by a logger that died. */
static int
is_unfinished(const struct stat *file)
{
	return S_ISREG(file->st_mode) && file->st_size == 0 &&
	    file->st_uid == geteuid() &&
	    (file->st_mode & 07777 & ~UNFINISHED) == 0;
}

/* Sets exactly this mode, whatever the umask is. */
static int
set_mode(int fd, const struct stat *file)
{
	int mode = dsrv_settings()->logger_mode;
	gid_t group = dsrv_settings()->logger_group;

	if (mode == -1 || !is_unfinished(file))
		return 0;
	if (group != (gid_t)-1 && fchown(fd, (uid_t)-1, group) == -1)
		return -1;
	return fchmod(fd, (mode_t)mode);
}

/* Makes a file block, as a disk does. */
static int
prepare_file(int fd, const struct stat *file, off_t *size)
{
	if (S_ISFIFO(file->st_mode)) {
		*size = DSRV_FIFO;
		return 0;
	}
	*size = file->st_size;
	return fcntl(fd, F_SETFL, O_APPEND);
}

/* Now that its mode allows it, the file of a logger that had not finished it is
 * opened to be read, too: for its last byte. */
static int
open_again(int dir, const char *name, int fd, const struct stat *file)
{
	struct stat again;
	int new = openat(dir, name, O_RDWR | O_APPEND | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (new == -1)
		return fd;
	if (fstat(new, &again) == 0 && dsrv_logdir_is_same(&again, file)) {
		close(fd);
		return dsrv_descriptors_own(new);
	}
	close(new);
	return fd;
}

static int
open_in(int dir, const char *name, off_t *size)
{
	struct stat file;
	int fd = open_for(O_RDWR, dir, name), is_readable = fd != -1;

	if (fd == -1 && errno == EACCES)
		fd = open_for(O_WRONLY, dir, name);
	if (fd == -1)
		return -1;
	if (fstat(fd, &file) == 0 && is_good(dir, &file) &&
	    set_mode(fd, &file) == 0) {
		if (!is_readable && is_unfinished(&file))
			fd = open_again(dir, name, fd, &file);
		if (prepare_file(fd, &file, size) == 0)
			return fd;
	}
	dsrv_descriptors_close(&fd);
	return -1;
}

/* The standard stream to which a link of ours leads, as in container images;
 * -1: it does not. */
static int
stream_behind(int dir, const char *name)
{
	char target[32];
	struct stat link;
	ssize_t n;

	if (fstatat(dir, name, &link, AT_SYMLINK_NOFOLLOW) == -1 ||
	    !S_ISLNK(link.st_mode) || !is_ours(&link))
		return -1;
	n = readlinkat(dir, name, target, sizeof target);
	if (n <= 0 || n == sizeof target)
		return -1;
	target[n] = '\0';
	return dsrv_logstream_of(target);
}

static int
open_stream(int number, off_t *size)
{
	*size = DSRV_STREAM;
	return dsrv_logstream_open(number);
}

int
dsrv_logfile_open(const struct dsrv_logname *n, off_t *size)
{
	const char *name = dsrv_logname_last(n->path);
	int dir, fd, number = dsrv_logstream_of(n->path);

	if (number != -1)
		return open_stream(number, size);
	if ((dir = dsrv_logdir_open(n, 1)) == -1)
		return -1;
	fd = open_in(dir, name, size);
	if (fd == -1 && errno == ELOOP) {
		if ((number = stream_behind(dir, name)) != -1)
			fd = open_stream(number, size);
		else
			errno = ELOOP;
	}
	dsrv_descriptors_close(&dir);
	return fd;
}

int
dsrv_logfile_ends_in_half_a_line(int fd)
{
	struct stat file;
	char last;

	return fstat(fd, &file) == 0 && file.st_size > 0 &&
	    pread(fd, &last, 1, file.st_size - 1) == 1 && last != '\n';
}

/*
 * The link to the current file
 */

/* Relative to the link's own directory if the file is there, too. */
static const char *
target_of(const char *link, const char *path)
{
	size_t directory = (size_t)(dsrv_logname_last(link) - link);

	return strncmp(link, path, directory) == 0 &&
	    strchr(path + directory, '/') == NULL ? path + directory : path;
}

/* Whether something other than a link has that name. */
static int
is_in_the_way(int dir, const char *name, int *is_link)
{
	struct stat there;
	int is_there = fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0;

	*is_link = is_there && S_ISLNK(there.st_mode);
	return is_there && !*is_link;
}

/* Only a link may be replaced. */
static int
make_link(int dir, const char *name, const char *target)
{
	char fresh[DSRV_PATH_MAX + 16];
	int is_link;

	if (is_in_the_way(dir, name, &is_link)) {
		errno = EEXIST;
		return -1;
	}
	snprintf(fresh, sizeof fresh, "%s.new", name);
	is_in_the_way(dir, fresh, &is_link);
	if (is_link)	/* left by a logger that died here */
		unlinkat(dir, fresh, 0);
	if (symlinkat(target, dir, fresh) == -1)
		return -1;
	return renameat(dir, fresh, dir, name);
}

/* Another daemon with the same link may take or remove the new one. */
static int
make_shared_link(int dir, const char *name, const char *target)
{
	int made, tries = 0;

	do
		made = make_link(dir, name, target);
	while (made == -1 && errno == ENOENT && ++tries < LINK_TRIES);
	return made;
}

int
dsrv_logfile_link(const char *path)
{
	const char *link = dsrv_settings()->logger_link;
	struct dsrv_logname n;
	int dir, linked;

	if (link == NULL)
		return 0;
	memset(n.converted, 0, sizeof n.converted);
	strcpy(n.path, link);
	if ((dir = dsrv_logdir_open(&n, 0)) == -1)
		return -1;
	linked = make_shared_link(dir, dsrv_logname_last(link),
	    target_of(link, path));
	dsrv_descriptors_close(&dir);
	return linked;
}
