/*
 * unixsocket.c - a listening Unix-domain socket, and the file that is its name
 *
 * The file outlives the socket. A socket on which no process listens is
 * replaced. The directory is locked from before bind(2) until after listen(2),
 * since a socket between the two looks like a dead one.
 *
 * The file is removed at the end of the daemon, and of a start that fails: by
 * the master, or, if that was killed, by the starter and the leader, to which
 * the master tells the names.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"
#include "report.h"
#include "role.h"
#include "listeners.h"

enum {
	LOCK_TRIES = 200,
	LOCK_PAUSE = 10,	/* ms: 2 s in all */
	TOLD = 30		/* names: in one page */
};

struct name {
	struct sockaddr_un addr;
	socklen_t len;
};

struct file {
	struct name name;
	dev_t dev;
	ino_t ino;
};

static struct bound {
	struct bound *next;
	struct file file;
	pid_t pid;	/* the process that has opened it */
	int fd;
	dev_t dev;	/* of the socket */
	ino_t ino;
} *bound;		/* whole at any moment, for a signal handler */

/* What a master that dies has opened: the starter and the leader read it. */
static struct told {
	int count;
	struct file all[TOLD];
} *told;
static pid_t starter;

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

/* tries: how often it may try again. */
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
 * A dead one
 */

/* Unless it is refused, the socket is alive, or we cannot know. */
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

/* A file that is not a socket refuses clients, too. */
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

/*
 * At the end: only calls that a signal handler may make
 */

/* Of a socket that this process has open. Until it is closed no other file gets
 * the inode number of its file, even if that was removed. */
static int
has_socket(const struct bound *one)
{
	struct stat now;

	return fstat(one->fd, &now) == 0 && S_ISSOCK(now.st_mode) &&
	    now.st_dev == one->dev && now.st_ino == one->ino;
}

static int
is_there(const struct file *file)
{
	struct stat now;

	return lstat(file->name.addr.sun_path, &now) == 0 &&
	    now.st_dev == file->dev && now.st_ino == file->ino;
}

/* After a start that has failed: not what a process opened that has forked the
 * starter, nor what the program has opened, if it goes on. */
static int
must_go(const struct bound *one)
{
	return one->pid == getpid() || (one->pid == starter &&
	    dsrv_settings()->start_return_fatal == 0);
}

/* In one time for all: other users may hold all the locks. */
void
dsrv_unixsocket_remove(int has_started)
{
	int directory, tries = LOCK_TRIES;
	const struct bound *one;

	for (one = bound; one != NULL; one = one->next) {
		if (!has_started && !must_go(one))
			continue;
		directory = lock_directory(&one->file.name, &tries);
		if (has_socket(one) && is_there(&one->file))
			unlink(one->file.name.addr.sun_path);
		dsrv_descriptors_close(&directory);
	}
}

/* The program or the library ends the master before its stage is over, perhaps
 * in a signal handler. */
static void
remove_in_master(void)
{
	if (dsrv_role()->kind == DSRV_MASTER &&
	    dsrv_role()->pid == getpid())
		dsrv_unixsocket_remove(0);
}

/* The library ends this process; before the daemon, if it refuses to start. */
static void
remove_at_end(void)
{
	if (dsrv_role()->kind == DSRV_PROGRAM && bound != NULL &&
	    bound->pid == getpid())
		dsrv_unixsocket_remove(0);
	remove_in_master();
}

static void
remove_at_any_end(void)
{
	static int registered;

	if (dsrv_role()->kind != DSRV_PROGRAM &&
	    dsrv_role()->kind != DSRV_MASTER)
		return;
	dsrv_report_at_end(remove_at_end);
	if (!registered)
		registered = atexit(remove_in_master) == 0;
}

/*
 * The record of those that were opened
 */

static void
tell(const struct file *file)
{
	if (told == NULL || dsrv_role()->kind != DSRV_MASTER ||
	    dsrv_role()->pid != getpid() || told->count == TOLD)
		return;
	told->all[told->count] = *file;
	__atomic_store_n(&told->count, told->count + 1, __ATOMIC_RELEASE);
}

static int
remember(const struct name *name, int fd)
{
	struct stat file, sock;
	struct bound *one;

	if (!is_path(name))
		return 0;
	if (lstat(name->addr.sun_path, &file) == -1 ||
	    fstat(fd, &sock) == -1 || (one = malloc(sizeof *one)) == NULL)
		return -1;
	*one = (struct bound){ bound, { *name, file.st_dev, file.st_ino },
		getpid(), fd, sock.st_dev, sock.st_ino };
	__atomic_store_n(&bound, one, __ATOMIC_RELEASE);
	tell(&one->file);
	remove_at_any_end();
	return 0;
}

/*
 * Listening
 */

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

/* No signal ends this process between the file and the record of it. */
static int
listen_whole(const struct name *name)
{
	sigset_t all, was;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &was);
	fd = listen_locked(name);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return fd;
}

int
dsrv_unixsocket_listen(const char *service)
{
	struct name name;
	int directory, fd, saved, tries = LOCK_TRIES;

	if (dsrv_unixsocket_name(&name.addr, &name.len, service) == -1)
		return -1;
	directory = lock_directory(&name, &tries);
	fd = listen_whole(&name);
	saved = errno;
	dsrv_descriptors_close(&directory);
	errno = saved;
	return fd;
}

/*
 * In the starter and the leader
 */

int
dsrv_unixsocket_share(void)
{
	if (told == NULL && (told = dsrv_memory_shared(sizeof *told)) == NULL)
		return -1;
	told->count = 0;
	starter = getpid();
	return 0;
}

void
dsrv_unixsocket_keep(void)
{
	if (told != NULL)
		dsrv_memory_keep(told, sizeof *told);
}

/* By now another daemon may have a file with such an inode number. */
void
dsrv_unixsocket_remove_told(void)
{
	int i, directory, tries = LOCK_TRIES;
	int count = told == NULL ? 0 :
	    __atomic_load_n(&told->count, __ATOMIC_ACQUIRE);
	const struct file *file;

	/* Perhaps both at once. */
	for (i = 0; i < count && i < TOLD; i++) {
		file = &told->all[i];
		directory = lock_directory(&file->name, &tries);
		if (is_there(file))
			remove_dead(&file->name);
		dsrv_descriptors_close(&directory);
	}
}

void
dsrv_unixsocket_leave(void)
{
	bound = NULL;
	if (told != NULL)
		dsrv_memory_free(told, sizeof *told);
	told = NULL;
}
