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
 * own. After that a file that is not ours is another daemon's, and stays.
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
	LAST_WAIT = 1000	/* ms, for each of the last two children */
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
	const char *text;	/* NULL: the file is to be removed */
	size_t size;
	const char *name;
	char new_name[NAME_MAX + 1];
	struct dsrv_written *written;
};

/* 0 or an error number, which the other functions return as well. */
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

/* Another file can get the inode number of one that was replaced, but later. */
static int
is_last(const struct dsrv_written *written, const struct stat *file)
{
	return file->st_dev == written->dev && file->st_ino == written->ino &&
	    file->st_mtim.tv_sec == written->at.tv_sec &&
	    file->st_mtim.tv_nsec == written->at.tv_nsec;
}

/* Only a file can be another daemon's. */
static int
is_anothers(int dir, const struct work *work)
{
	struct stat file;

	return work->written->ino != 0 && fstatat(dir, work->name, &file,
	    AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(file.st_mode) &&
	    !is_last(work->written, &file);
}

static void
remember(struct dsrv_written *written, const struct stat *file)
{
	written->dev = file->st_dev;
	written->at = file->st_mtim;
	__atomic_store_n(&written->ino, file->st_ino, __ATOMIC_RELEASE);
}

/* If this process is killed in the middle, the next one replaces any file. */
static int
put_in_place(int dir, const struct work *work, const struct stat *file)
{
	struct dsrv_written before = *work->written;

	work->written->ino = 0;
	if (renameat(dir, work->new_name, dir, work->name) == 0) {
		remember(work->written, file);
		return 0;
	}
	*work->written = before;
	return errno;
}

static int
replace(int dir, const struct work *work)
{
	struct stat file;
	int error, fd;

	if (is_anothers(dir, work))
		return EEXIST;
	unlinkat(dir, work->new_name, 0);
	fd = openat(dir, work->new_name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, MODE);
	if (fd == -1)
		return errno;
	error = write_all(fd, work->text, work->size, &file);
	if (close(fd) == -1 && error == 0)
		error = errno;
	if (error == 0)
		error = put_in_place(dir, work, &file);
	if (error != 0)
		unlinkat(dir, work->new_name, 0);
	return error;
}

static int
act(int dir, const struct work *work)
{
	if (work->text != NULL)
		return replace(dir, work);
	if (work->written->ino == 0 || is_anothers(dir, work))
		return 0;
	unlinkat(dir, work->new_name, 0);
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

/* Said once, until it has worked again. */
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

	if (path() == NULL || dsrv_visible_find_status_file() == 0)
		return 0;
	error = errno;
	dsrv_report("become the master: %s: %s", path(), strerror(error));
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

/* Not before the last child has ended, which would put the file there again. */
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
		kill(f->child, SIGKILL);	/* if it ever wakes up */
	else if (f->end == DSRV_STATUSFILE_WAITS) {
		f->end = DSRV_STATUSFILE_GOES;
		wait_once_more(f);
		fork_child(f, NULL, 0);
		return f->child == 0;
	}
	return 1;
}
