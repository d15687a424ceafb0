/*
 * ownsocket.c - which listening sockets are the daemon's own
 *
 * A socket is known by its inode: its descriptor may be another file's by now.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "listeners.h"

struct known {
	int fd;
	dev_t dev;
	ino_t ino;
	int blocks;	/* it did when the daemon got it */
};

static struct list {
	struct known *sockets;
	int count;
} ours, inherited, given;	/* opened here; open when the daemon was
				 * started; of these, the ones meant for it */
static int is_missing;		/* one could not be opened */

/* Whether fd is that socket. */
static int
is_that(const struct known *socket, int fd)
{
	struct stat now;

	return fstat(fd, &now) == 0 && S_ISSOCK(now.st_mode) &&
	    now.st_dev == socket->dev && now.st_ino == socket->ino;
}

static int
is_in(const struct list *list, int fd)
{
	int i;

	for (i = 0; i < list->count; i++)
		if (is_that(&list->sockets[i], fd))
			return 1;
	return 0;
}

/* The socket that had this descriptor is closed. */
static void
forget(struct list *list, int fd)
{
	int i;

	for (i = 0; i < list->count; i++)
		if (list->sockets[i].fd == fd)
			list->sockets[i--] = list->sockets[--list->count];
}

/* -1 with errno. */
static int
remember(struct list *list, int fd)
{
	struct known *more;
	struct stat now;

	if (fstat(fd, &now) == -1)
		return -1;
	forget(list, fd);
	more = realloc(list->sockets, (size_t)(list->count + 1) * sizeof *more);
	if (more == NULL)
		return -1;
	list->sockets = more;
	more[list->count++] = (struct known){ fd, now.st_dev, now.st_ino,
	    !(fcntl(fd, F_GETFL) & O_NONBLOCK) };
	return 0;
}

int
dsrv_ownsocket_is_ours(int fd)
{
	return is_in(&ours, fd);
}

int
dsrv_ownsocket_is_inherited(int fd)
{
	return is_in(&inherited, fd);
}

int
dsrv_ownsocket_is_given(int fd)
{
	return is_in(&given, fd);
}

int
dsrv_ownsocket_add(int fd)
{
	return remember(&ours, fd);
}

int
dsrv_ownsocket_add_inherited(int fd)
{
	return remember(&inherited, fd);
}

int
dsrv_ownsocket_add_given(int fd)
{
	return remember(&given, fd);
}

void
dsrv_ownsocket_forget(int fd)
{
	forget(&ours, fd);
}

/* The mode is one for all that hold it. Not by fcntl(2), which may take the
 * socket's lock. */
void
dsrv_ownsocket_give_back(void)
{
	const struct known *socket;
	int i, off = 0;

	for (i = 0; i < given.count; i++) {
		socket = &given.sockets[i];
		if (socket->blocks && is_that(socket, socket->fd))
			ioctl(socket->fd, FIONBIO, &off);
	}
}

/* The lowest of a list from there on, or best, if that is lower; -1: none. */
static int
lowest(const struct list *list, int from, int best)
{
	const struct known *socket;
	int i;

	for (i = 0; i < list->count; i++) {
		socket = &list->sockets[i];
		if (socket->fd >= from && (best == -1 || socket->fd < best) &&
		    is_that(socket, socket->fd))
			best = socket->fd;
	}
	return best;
}

int
dsrv_ownsocket_descriptor(int from)
{
	return lowest(&given, from, lowest(&ours, from, -1));
}

void
dsrv_ownsocket_miss(void)
{
	is_missing = 1;
}

int
dsrv_ownsocket_has_lost(void)
{
	return (ours.count > 0 || is_missing) && lowest(&ours, 0, -1) == -1;
}
