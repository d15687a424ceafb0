/*
 * statusfile.c - the status file is replaced by a child, which may wait for the
 * disk
 *
 * The child writes a new file next to it and renames that, in the directory
 * that the master has open: nothing that another user puts there is followed.
 * If the directory was removed, it goes by the path again. There is one child
 * at a time.
 *
 * The first one replaces any file, since a master that was killed leaves its
 * own. After that a file that is not ours is another daemon's, and stays. Its
 * child may be writing at the same time: the new file is locked until it is in
 * its place, so one that nobody has locked was left by a child that was killed.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "listeners.h"
#include "logfile.h"
#include "report.h"
#include "role.h"
#include "status.h"
#include "visible.h"

enum {
	MODE = 0644,		/* whatever the umask is: others are to read it */
	NEW_MODE = 0600,	/* before that no other user can lock it */
	LAST_WAIT = 1000,	/* ms, for each of the last two children */
	TURNS = 100, TURN = 10	/* ms: how long another daemon may write */
};

static const char *
path(void)
{
	return dsrv_visible()->status_file;
}

/*
 * In the child
 */

struct work {
	const char *text;	/* NULL: remove the file */
	size_t size;
	const char *name;
	char new_name[NAME_MAX + 1];
	struct dsrv_written *written;
};

/* 0 or an error number, which the other functions return as well, except those
 * that ask. */
static int
write_all(int fd, const char *text, size_t size, struct stat *file)
{
	ssize_t n;

	while (size > 0) {
		if ((n = write(fd, text, size)) == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? ENOSPC : errno;
		text += n;
		size -= (size_t)n;
	}
	return fchmod(fd, MODE) == -1 || fstat(fd, file) == -1 ? errno : 0;
}

/* A file may get the inode number of one that was replaced, but at a later
 * time. */
static int
is_that(const struct dsrv_written_file *that, const struct stat *file)
{
	return file->st_dev == that->dev && file->st_ino == that->ino &&
	    file->st_mtim.tv_sec == that->at.tv_sec &&
	    file->st_mtim.tv_nsec == that->at.tv_nsec;
}

static int
is_there(int dir, const char *name, struct stat *file)
{
	return fstatat(dir, name, file, AT_SYMLINK_NOFOLLOW) == 0;
}

static int
has_written(const struct work *work)
{
	return work->written->next.ino != 0;
}

/* The next one may have been put there by a child that was killed just then. */
static int
is_ours(struct dsrv_written *written, const struct stat *file)
{
	if (is_that(&written->next, file))
		written->last = written->next;
	return is_that(&written->last, file);
}

/* Only a regular file can be another daemon's. */
static int
is_anothers(int dir, const struct work *work)
{
	struct stat file;

	return has_written(work) && is_there(dir, work->name, &file) &&
	    S_ISREG(file.st_mode) && !is_ours(work->written, &file);
}

/* EBUSY: another daemon's child has it. */
static int
remove_leftover(int dir, const struct work *work)
{
	const char *name = work->new_name;
	struct stat file;
	int error = 0, fd = dsrv_filelock_open(dir, name, &file);

	if (fd == -1 ? errno == EWOULDBLOCK : !dsrv_logdir_has(dir, name, &file))
		error = EBUSY;
	else if (fd == -1 && errno == ENOENT)
		error = 0;	/* what comes now is another's */
	else if (unlinkat(dir, name, 0) == -1 && errno != ENOENT)
		error = errno;
	dsrv_descriptors_close(&fd);
	return error;
}

/* Locked. -1 with errno; EBUSY: another daemon took it for a leftover before it
 * was locked. */
static int
create(int dir, const struct work *work)
{
	int fd = openat(dir, work->new_name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, NEW_MODE);
	struct stat file;

	if (fd != -1 && (dsrv_filelock_take(fd) == -1 ||
	    fstat(fd, &file) == -1 || !dsrv_logdir_has(dir, work->new_name, &file))) {
		dsrv_descriptors_close(&fd);
		errno = EBUSY;
	}
	return fd;
}

/* When it is this daemon's turn. -1 with errno. */
static int
create_in_turn(int dir, const struct work *work)
{
	int error, fd, turns = TURNS;

	while ((fd = create(dir, work)) == -1 &&
	    (errno == EEXIST || errno == EBUSY)) {
		error = errno == EEXIST ? remove_leftover(dir, work) : EBUSY;
		if (error == EBUSY && --turns > 0)
			dsrv_clock_sleep(TURN);
		else if (error != 0) {
			errno = error;
			break;
		}
	}
	return fd;
}

/* If this process is killed in the middle, the file that is there is one of the
 * two. If another daemon has taken ours for its own, as one of another user may,
 * the next one replaces any. */
static int
put_in_place(int dir, const struct work *work, const struct stat *file)
{
	struct dsrv_written *written = work->written;
	struct dsrv_written_file before = written->next;

	written->next.dev = file->st_dev;
	written->next.at = file->st_mtim;
	written->next.ino = file->st_ino;
	if (renameat(dir, work->new_name, dir, work->name) == -1) {
		written->next = before;
		return errno;
	}
	if (dsrv_logdir_has(dir, work->name, file))
		return 0;
	memset(written, 0, sizeof *written);
	return EBUSY;
}

static int
replace(int dir, const struct work *work)
{
	struct stat file;
	int error, fd;

	if (is_anothers(dir, work))
		return EEXIST;
	if ((fd = create_in_turn(dir, work)) == -1)
		return errno;
	error = is_anothers(dir, work) ? EEXIST :	/* by now */
	    write_all(fd, work->text, work->size, &file);
	if (error == 0 && close(dup(fd)) == -1)
		error = errno;
	if (error == 0)
		error = put_in_place(dir, work, &file);
	if (error != 0 && fstat(fd, &file) == 0 &&
	    dsrv_logdir_has(dir, work->new_name, &file))
		unlinkat(dir, work->new_name, 0);
	close(fd);	/* which unlocks it */
	return error;
}

static int
act(int dir, const struct work *work)
{
	if (work->text != NULL)
		return replace(dir, work);
	remove_leftover(dir, work);
	if (!has_written(work) || is_anothers(dir, work))
		return 0;
	return unlinkat(dir, work->name, 0) == -1 && errno != ENOENT ? errno :
	    0;
}

static int
open_directory(void)
{
	static struct dsrv_logname name;	/* without conversions */

	snprintf(name.path, sizeof name.path, "%s", path());
	return dsrv_logdir_open(&name, 0);
}

static int
is_removed(int dir)
{
	struct stat st;

	return fstat(dir, &st) == -1 || st.st_nlink == 0;
}

static int
act_somewhere(int dir, const struct work *work)
{
	if (dir == -1 || is_removed(dir))
		dir = open_directory();
	return dir == -1 ? errno : act(dir, work);
}

static void
run_child(const struct dsrv_statusfile *f, const char *text, size_t size)
{
	struct work work = { .text = text, .size = size,
		.name = dsrv_logname_last(path()), .written = f->written };

	dsrv_helper_begin(&f->dir, f->dir != -1);
	dsrv_sigaction_ignore(SIGXFSZ);
	snprintf(work.new_name, sizeof work.new_name, "%.*s.new",
	    DSRV_STATUS_NAME_MAX, work.name);
	dsrv_helper_end(act_somewhere(f->dir, &work));
}

/*
 * In the master
 */

/* Reports it once, until writing works again. */
static void
fail(struct dsrv_statusfile *f, const char *why)
{
	if (!f->has_failed)
		dsrv_report("write %s: %s; trying again", path(), why);
	f->has_failed = 1;
}

int
dsrv_statusfile_check(void)
{
	int error;

	if (path() == NULL)
		return 0;
	error = dsrv_visible_find_status_file() == -1 ? errno : 0;
	if (error == 0 && dsrv_settings()->pid_file != NULL &&
	    strcmp(dsrv_settings()->pid_file, path()) == 0)
		error = EEXIST;
	if (error != 0)
		dsrv_report("become the master: %s: %s", path(),
		    error == EEXIST ? "it is the pid file" : strerror(error));
	return error;
}

int
dsrv_statusfile_open(struct dsrv_statusfile *f, struct dsrv_loop *loop,
    int tag)
{
	memset(f, 0, sizeof *f);
	f->loop = loop;
	f->tag = tag;
	f->dir = -1;
	if (path() == NULL)
		return 0;
	if ((f->written = dsrv_memory_shared(sizeof *f->written)) == NULL)
		return -1;
	if ((f->dir = open_directory()) == -1)
		fail(f, strerror(errno));
	return 0;
}

void
dsrv_statusfile_close(struct dsrv_statusfile *f)
{
	dsrv_descriptors_close(&f->dir);
	if (f->written != NULL)
		dsrv_memory_free(f->written, sizeof *f->written);
	f->written = NULL;
}

static void
fork_child(struct dsrv_statusfile *f, const char *text, size_t size)
{
	pid_t pid = dsrv_loop_fork_ignoring(f->loop);

	if (pid == 0)
		run_child(f, text, size);
	if (pid == -1) {
		fail(f, strerror(errno));
		return;
	}
	f->child = pid;
	f->since = dsrv_clock_now();
}

void
dsrv_statusfile_change(struct dsrv_statusfile *f)
{
	f->is_wanted = 1;
}

void
dsrv_statusfile_tick(struct dsrv_statusfile *f)
{
	int64_t now = dsrv_clock_now();
	int64_t tick = (int64_t)dsrv_settings()->server_tick * 1000;

	if (f->end != DSRV_STATUSFILE_KEPT || !f->is_there ||
	    dsrv_loop_timer(f->loop, f->tag) != DSRV_NEVER)
		return;
	if (f->child != 0 && now - f->since >= tick)
		fail(f, "the disk does not answer");
	f->is_wanted = 1;
	dsrv_loop_set_timer(f->loop, f->tag, now + tick);
}

int
dsrv_statusfile_is_due(const struct dsrv_statusfile *f)
{
	return f->is_wanted && f->child == 0 &&
	    f->end == DSRV_STATUSFILE_KEPT;
}

void
dsrv_statusfile_write(struct dsrv_statusfile *f, const char *text,
    size_t size)
{
	f->is_wanted = 0;
	f->is_there = 1;
	if (dsrv_loop_timer(f->loop, f->tag) == DSRV_NEVER)
		dsrv_loop_set_timer(f->loop, f->tag, dsrv_clock_now() +
		    (int64_t)dsrv_settings()->server_tick * 1000);
	fork_child(f, text, size);
}

int
dsrv_statusfile_lose(struct dsrv_statusfile *f, const struct dsrv_ended *ended)
{
	int status = dsrv_report_status(ended->status);

	if (f->child == 0 || ended->pid != f->child)
		return 0;
	f->child = 0;
	if (f->end != DSRV_STATUSFILE_KEPT)
		return 1;
	if (ended->status == 0)
		f->has_failed = 0;
	else
		fail(f, status < 128 ? strerror(status) :
		    dsrv_report_how(ended->status));
	return 1;
}

/*
 * The end
 */

static int
is_too_late(const struct dsrv_statusfile *f)
{
	return dsrv_clock_now() >= f->until;
}

static void
wait_once_more(struct dsrv_statusfile *f)
{
	f->until = dsrv_clock_now() + LAST_WAIT;
	dsrv_loop_set_timer(f->loop, f->tag, f->until);
}

/* Only after the end of the last child, which could write the file again. */
int
dsrv_statusfile_is_over(struct dsrv_statusfile *f)
{
	if (!f->is_there)
		return 1;
	if (f->end == DSRV_STATUSFILE_KEPT) {
		f->end = DSRV_STATUSFILE_WAITS;
		wait_once_more(f);
	}
	if (f->child != 0 && !is_too_late(f))
		return 0;
	if (f->child != 0)
		kill(f->child, SIGKILL);	/* in case it ever wakes up */
	else if (f->end == DSRV_STATUSFILE_WAITS) {
		f->end = DSRV_STATUSFILE_GOES;
		wait_once_more(f);
		fork_child(f, NULL, 0);
		return f->child == 0;
	}
	return 1;
}
