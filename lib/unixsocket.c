/*
 * unixsocket.c - a listening Unix-domain socket, and the file that is its name
 *
 * The file outlives the socket. A socket on which no process listens is
 * replaced. The directory is locked from before bind(2) until after listen(2),
 * since a socket between the two looks like a dead one.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"
#include "listeners.h"

enum { LOCK_TRIES = 200, LOCK_PAUSE = 10 /* ms */ };	/* 2 s */

struct name {
	struct sockaddr_un addr;
	socklen_t len;
};

static struct {
	struct bound {
		struct name name;
		int fd;
		dev_t dev;	/* of the file */
		ino_t ino;
	} *all;
	int count;
} bound;

int
dsrv_unixsocket_is_meant(const char *service)
{
#ifdef __linux__
	if (*service == '@')
		return 1;
#endif
	return *service == '/';
}

int
dsrv_unixsocket_name(struct sockaddr_un *addr, socklen_t *addr_len,
    const char *service)
{
	size_t len = strlen(service);

	memset(addr, 0, sizeof *addr);
	addr->sun_family = AF_UNIX;
	if (len >= sizeof addr->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr->sun_path, service, len);
	*addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (*service == '/')
		++*addr_len;		/* its NUL */
	else
		addr->sun_path[0] = '\0';
	return 0;
}

static int
is_path(const struct name *name)
{
	return name->addr.sun_path[0] != '\0';
}

/*
 * The lock of its directory, for daemons that start and end. Any user can hold
 * it for ever, so the wait for it is limited. There is no lock if the directory
 * cannot be read.
 */

/* -1: it cannot be opened. */
static int
open_directory(const struct name *name)
{
	char path[sizeof name->addr.sun_path];
	size_t len = (size_t)(strrchr(name->addr.sun_path, '/') -
	    name->addr.sun_path);

	memcpy(path, name->addr.sun_path, len + 1);
	path[len > 0 ? len : 1] = '\0';
	return dsrv_descriptors_own(open(path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* tries: how often it may still be tried again. */
static int
lock_directory(const struct name *name, int *tries)
{
	int directory = is_path(name) ? open_directory(name) : -1;

	while (directory != -1 && dsrv_filelock_take(directory) == -1 &&
	    --*tries > 0)
		dsrv_clock_sleep(LOCK_PAUSE);
	return directory;
}

/*
 * Listening
 */

/* Anything except a refusal means that it is alive, or that we cannot know. */
static int
is_dead(const struct name *name)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), is_refused;

	if (fd == -1)
		return 0;
	is_refused = dsrv_descriptors_nonblock(fd) == 0 &&
	    connect(fd, (const struct sockaddr *)&name->addr, name->len) == -1 &&
	    errno == ECONNREFUSED;
	close(fd);
	return is_refused;
}

/* A file that is not a socket refuses clients too. */
static int
remove_dead(const struct name *name)
{
	struct stat file;

	if (is_path(name) && lstat(name->addr.sun_path, &file) == 0 &&
	    S_ISSOCK(file.st_mode) && is_dead(name))
		return unlink(name->addr.sun_path);
	errno = EADDRINUSE;
	return -1;
}

static int
bind_to(int fd, const struct name *name)
{
	const struct sockaddr *addr = (const struct sockaddr *)&name->addr;

	if (bind(fd, addr, name->len) == 0)
		return 0;
	return errno == EADDRINUSE && remove_dead(name) == 0 ?
	    bind(fd, addr, name->len) : -1;
}

static int
remember(const struct name *name, int fd)
{
	struct bound *more;
	struct stat file;

	if (!is_path(name))
		return 0;
	more = realloc(bound.all, ((size_t)bound.count + 1) * sizeof *more);
	if (more == NULL)
		return -1;
	bound.all = more;
	if (lstat(name->addr.sun_path, &file) == -1)
		return -1;
	more[bound.count++] = (struct bound){ *name, fd, file.st_dev,
		file.st_ino };
	return 0;
}

static int
listen_as(int fd, const struct name *name)
{
	if (bind_to(fd, name) == -1)
		return -1;
	if (listen(fd, SOMAXCONN) == 0 && dsrv_ownsocket_add(fd) == 0 &&
	    remember(name, fd) == 0)
		return 0;
	if (is_path(name))
		unlink(name->addr.sun_path);
	return -1;
}

static int
listen_locked(const struct name *name)
{
	int fd = dsrv_descriptors_own(socket(AF_UNIX, SOCK_STREAM, 0)), saved;

	if (fd == -1)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (listen_as(fd, name) == 0)
		return fd;
	saved = errno;
	dsrv_ownsocket_forget(fd);
	close(fd);
	errno = saved;
	return -1;
}

int
dsrv_unixsocket_listen(const char *service)
{
	struct name name;
	int directory, fd, saved, tries = LOCK_TRIES;

	if (dsrv_unixsocket_name(&name.addr, &name.len, service) == -1)
		return -1;
	directory = lock_directory(&name, &tries);
	fd = listen_locked(&name);
	saved = errno;
	dsrv_descriptors_close(&directory);
	errno = saved;
	return fd;
}

/*
 * At the end
 */

/* While the socket is open no other file gets the inode number of its file,
 * even if that was removed. */
static int
is_still_ours(const struct bound *one)
{
	struct stat now;

	return dsrv_ownsocket_keeps(one->fd) &&
	    lstat(one->name.addr.sun_path, &now) == 0 &&
	    now.st_dev == one->dev && now.st_ino == one->ino;
}

/* In one time for all: other users may hold all the locks. */
void
dsrv_unixsocket_remove(void)
{
	int i, directory, tries = LOCK_TRIES;

	for (i = 0; i < bound.count; i++) {
		directory = lock_directory(&bound.all[i].name, &tries);
		if (is_still_ours(&bound.all[i]))
			unlink(bound.all[i].name.addr.sun_path);
		dsrv_descriptors_close(&directory);
	}
}
