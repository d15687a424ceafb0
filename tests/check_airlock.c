/*
 * check_airlock.c - a logger that dies at each of its steps: every line once
 *
 * The test process is the master here: it owns the log, starts one logger
 * after another, and has them die by SIGKILL at a step that it chooses. Steps
 * are the moments before and after the system calls by which a logger changes
 * anything: the functions of libc that make them are defined here, and so come
 * before libc's own.
 *
 * SPDX-License-Identifier: ISC
 */
#undef _FORTIFY_SOURCE	/* its inline variants would be in the way */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <time.h>

#include "daemon-private.h"
#include "harness.h"

enum {
	LINES_MAX = 20000,
	RUNS = 400,		/* steps that a logger may have, and more */
	WHOLE = 1000000		/* the length of a very long line */
};

/*
 * Dying: in a logger only
 */

static int dies_at;	/* 0: it does not */
static int steps;
static int tears;	/* a write goes halfway before the death */

static int
is_time(void)
{
	return dies_at > 0 && ++steps == dies_at;
}

static void
step(void)
{
	if (is_time())
		raise(SIGKILL);
}

/* After what has been done is a step too: nothing of it is noted yet. */
static long
done(long value)
{
	step();
	return value;
}

ssize_t
write(int fd, const void *text, size_t size)
{
	struct iovec all = { .iov_base = (void *)(uintptr_t)text,
	    .iov_len = size };

	if (is_time()) {
		all.iov_len /= 2;
		if (!tears || fd <= 2 || writev(fd, &all, 1) != -2)
			raise(SIGKILL);
	}
	return done(writev(fd, &all, 1));
}

ssize_t
read(int fd, void *text, size_t size)
{
	struct iovec all = { .iov_base = text, .iov_len = size };

	step();
	return done(readv(fd, &all, 1));
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	step();
	return (int)done(openat(AT_FDCWD, path, flags, mode));
}

int
rename(const char *from, const char *to)
{
	step();
	return (int)done(renameat(AT_FDCWD, from, AT_FDCWD, to));
}

#ifdef HAVE_RENAMEAT2
int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned flags)
{
	step();
	return (int)done(syscall(SYS_renameat2, from_dir, from, to_dir, to,
	    flags));
}
#endif

int
symlink(const char *target, const char *path)
{
	step();
	return (int)done(symlinkat(target, AT_FDCWD, path));
}

int
unlink(const char *path)
{
	step();
	return (int)done(unlinkat(AT_FDCWD, path, 0));
}

ssize_t
recv(int fd, void *text, size_t size, int flags)
{
	step();
	return done(recvfrom(fd, text, size, flags, NULL, NULL));
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	step();
	return done(syscall(SYS_sendmsg, fd, message, flags));
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	step();
	return done(syscall(SYS_recvmsg, fd, message, flags));
}

int
close(int fd)
{
	step();
	return (int)done(syscall(SYS_close, fd));
}

int
ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *value;

	va_start(args, request);
	value = va_arg(args, void *);
	va_end(args);
	step();
	return (int)done(syscall(SYS_ioctl, fd, request, value));
}

#ifdef HAVE_SPLICE
ssize_t
splice(int from, off_t *from_at, int to, off_t *to_at, size_t size,
    unsigned flags)
{
	step();
	return done(syscall(SYS_splice, from, from_at, to, to_at, size,
	    flags));
}
#endif

/*
 * The log, its loggers and its writers
 */

static struct dsrv_airlock airlock;
static int to_logger;
static char directory[PATH_MAX];
static int long_lines;
static void (*between)(int death);	/* what happens when one has died */
static void (*at_the_end)(void);	/* and when all is written */

static void
open_log(const char *name)
{
	char format[PATH_MAX + 32];

	strcpy(directory, scratch());
	snprintf(format, sizeof format, "%s/%s", directory, name);
	ck_assert_int_eq(daemon_set_logger_name_format(format), 0);
	ck_assert_int_eq(daemon_set_logger_prefix_format("> "), 0);
	ck_assert_int_eq(dsrv_airlock_open(&airlock, &to_logger), 0);
	between = NULL;
}

static void
close_log(void)
{
	dsrv_airlock_close(&airlock);
}

/* Its number may be that of another descriptor soon. */
static void
leave_log(void)
{
	if (to_logger != -1)
		close(to_logger);
	to_logger = -1;
}

static pid_t
start_logger(int death)
{
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid > 0)
		return pid;
	leave_log();
	dsrv_stage_give_airlock(&airlock);
	dsrv_stage_become(DSRV_LOGGER);
	steps = 0;
	dies_at = death;
	daemon_logger();
	_exit(99);
}

/* Whether it has died, and not come to the end of the log. */
static int
has_died(pid_t logger)
{
	int status;

	ck_assert_int_eq(waitpid(logger, &status, 0), logger);
	dsrv_airlock_collect(&airlock);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGKILL);
		return 1;
	}
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	return 0;
}

/* Loggers that die at this step, so many, then one that does not. Whether
 * the first had such a step. */
static int
run_loggers(int death, int times)
{
	int i, died = 1, first = 0;

	for (i = 0; i < times && died; i++) {
		died = has_died(start_logger(death));
		first |= died;
		if (died && between != NULL)
			between(i);
	}
	if (died)
		ck_assert(!has_died(start_logger(0)));
	return first;
}

/* A line is its number and filling, of a length that follows from it. */
static size_t
make_line(char *line, int number, size_t length)
{
	size_t n = (size_t)sprintf(line, "%06d ", number);

	memset(line + n, 'a' + number % 26, length);
	line[n + length] = '\n';
	return n + length + 1;
}

static size_t
length_of(int number)
{
	return long_lines && number % 1000 == 999 ? WHOLE :
	    (size_t)number * 7 % 150;
}

static void
write_lines(int first, int count)
{
	static char line[WHOLE + 16];
	size_t length, done;
	ssize_t n;
	int i;

	for (i = first; i < first + count; i++) {
		length = make_line(line, i, length_of(i));
		for (done = 0; done < length; done += (size_t)n) {
			n = write(to_logger, line + done, length - done);
			ck_assert_int_gt(n, 0);
		}
	}
}

/* A process that writes, so that more than a pipe holds can be written. */
static pid_t
start_writer(int first, int count)
{
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		write_lines(first, count);
		_exit(0);
	}
	return pid;
}

/*
 * What is in the files
 */

static int found[LINES_MAX];

static void
read_line(const char *name, const char *text, size_t size)
{
	static char line[WHOLE + 16];
	int number;

	hold(size > 9 && memcmp(text, "> ", 2) == 0,
	    "%s: no prefix: %.*s", name, (int)(size < 80 ? size : 80), text);
	number = atoi(text + 2);
	hold(number >= 0 && number < LINES_MAX, "%s: number %d",
	    name, number);
	hold(make_line(line, number, length_of(number)) == size - 2 &&
	    memcmp(line, text + 2, size - 2) == 0,
	    "%s: line %d is damaged: %.*s", name, number,
	    (int)(size < 80 ? size : 80), text);
	found[number]++;
}

static void
read_file(int dir, const char *name)
{
	char *text, *next, *end;
	struct stat file;
	int fd;

	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW);
	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(fstat(fd, &file), 0);
	text = malloc((size_t)file.st_size + 1);
	ck_assert_int_eq(read(fd, text, (size_t)file.st_size), file.st_size);
	close(fd);
	for (next = text; next < text + file.st_size; next = end + 1) {
		end = memchr(next, '\n',
		    (size_t)(text + file.st_size - next));
		hold(end != NULL, "%s: ends in a line", name);
		read_line(name, next, (size_t)(end + 1 - next));
	}
	free(text);
}

static void
read_files(const char *path)
{
	struct dirent *entry;
	struct stat file;
	DIR *dir = opendir(path);

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		ck_assert_int_eq(fstatat(dirfd(dir), entry->d_name, &file,
		    AT_SYMLINK_NOFOLLOW), 0);
		if (S_ISREG(file.st_mode))
			read_file(dirfd(dir), entry->d_name);
	}
	closedir(dir);
}

static void
each_is_there_once(int count)
{
	int i;

	for (i = 0; i < LINES_MAX; i++)
		hold(found[i] == (i < count),
		    "line %d is there %d times", i, found[i]);
}

static void
remove_files(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

/*
 * The tests
 */

static int
cannot_be_once(void)
{
#ifdef HAVE_SPLICE
	return 0;
#else
	return skip_if(1, "each line once: for that splice(2) is needed");
#endif
}

/* For each step: so many loggers that die there, one after another. */
static void
die_at_each_step(const char *name, int count, int times,
    void (*when_dead)(int death))
{
	int death, had_step = 1;

	for (death = 1; had_step; death++) {
		ck_assert_int_lt(death, RUNS);
		open_log(name);
		between = when_dead;
		write_lines(0, count);
		leave_log();
		had_step = run_loggers(death, times);
		if (at_the_end != NULL)
			at_the_end();
		memset(found, 0, sizeof found);
		read_files(directory);
		each_is_there_once(count);
		close_log();
		remove_files(directory);
	}
	ck_assert_int_gt(death, 10);
}

START_TEST(a_logger_that_dies_at_any_step_loses_and_doubles_nothing)
{
	if (cannot_be_once())
		return;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 400, 1, NULL);
}
END_TEST

START_TEST(nor_do_several_that_die_at_the_same_step)
{
	if (cannot_be_once())
		return;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 400, 5, NULL);
}
END_TEST

/* The link leads to the newest file, as it must after each last logger. */
static void
link_leads_to_log(void)
{
	char link[PATH_MAX + 16], target[64];
	ssize_t length;

	snprintf(link, sizeof link, "%s/link", directory);
	length = readlink(link, target, sizeof target);
	ck_assert_int_eq(length, 3);
	ck_assert_mem_eq(target, "log", 3);
}

START_TEST(nor_does_one_that_dies_in_a_rotation)
{
	char link[PATH_MAX + 16];

	if (cannot_be_once())
		return;
	daemon_set_logger_size_max(8000);
	snprintf(link, sizeof link, "%s/link", scratch());
	daemon_set_logger_link(link);
	at_the_end = link_leads_to_log;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 300, tears ? 3 : 1, NULL);
}
END_TEST

/* As logrotate(8), or somebody in a hurry, does it. */
static void
move_away(int death)
{
	char from[PATH_MAX + 16], to[PATH_MAX + 32];

	snprintf(from, sizeof from, "%s/log", directory);
	snprintf(to, sizeof to, "%s/moved-%d", directory, death);
	renameat(AT_FDCWD, from, AT_FDCWD, to);
}

START_TEST(nor_one_whose_file_is_renamed_before_the_next_comes)
{
	if (cannot_be_once())
		return;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 400, 4, move_away);
}
END_TEST

/* The next pseudo-random number, the same in each run. */
static unsigned
next_random(void)
{
	static unsigned state = 1;

	state = state * 1103515245 + 12345;
	return state >> 16 & 0x7fff;
}

/* Loggers that die at some step, until one comes to the end. */
static void
die_at_random_steps(const char *name, int writers, int lines)
{
	int i, deaths = 0;
	pid_t pids[16];

	open_log(name);
	for (i = 0; i < writers; i++)
		pids[i] = start_writer(i * lines, lines);
	leave_log();
	while (has_died(start_logger(1 + (int)(next_random() % 40))))
		deaths++;
	for (i = 0; i < writers; i++)
		ck_assert_int_eq(ended(pids[i]), 0);
	ck_assert_int_gt(deaths, 1);
	memset(found, 0, sizeof found);
	read_files(directory);
	each_is_there_once(writers * lines);
	close_log();
	remove_files(directory);
}

START_TEST(many_writers_and_many_deaths)
{
	if (cannot_be_once())
		return;
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 10, 900);
}
END_TEST

START_TEST(a_line_of_a_million_bytes_and_many_deaths)
{
	if (cannot_be_once())
		return;
	long_lines = 1;
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 1, 3000);
}
END_TEST

START_TEST(rotations_and_many_deaths)
{
	if (cannot_be_once())
		return;
	daemon_set_logger_size_max(20000);
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 10, 900);
}
END_TEST

/* Not at a step: wherever it is, in the middle of a system call too. */
START_TEST(a_logger_that_is_killed_at_any_moment_loses_and_doubles_nothing)
{
	enum { WRITERS = 10, EACH = 900, KILLS = 150 };
	struct timespec moment = { 0, 0 };
	pid_t pids[WRITERS], logger;
	int i;

	if (cannot_be_once())
		return;
	open_log("log");
	for (i = 0; i < WRITERS; i++)
		pids[i] = start_writer(i * EACH, EACH);
	for (i = 0; i < KILLS; i++) {
		logger = start_logger(0);
		moment.tv_nsec = (long)next_random() * 60;	/* 0 - 2 ms */
		nanosleep(&moment, NULL);
		kill(logger, SIGKILL);
		ck_assert(has_died(logger));
	}
	leave_log();
	ck_assert(!has_died(start_logger(0)));
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(ended(pids[i]), 0);
	read_files(directory);
	each_is_there_once(WRITERS * EACH);
	close_log();
}
END_TEST

enum { PUT = 20 };	/* lines, of which half are in the old file */

static int
open_file(const char *name)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return open(path, O_RDWR | O_APPEND | O_CREAT, 0600);
}

/* A write fails halfway, and another file follows, in which it dies. */
static void
leave_full_file(int death)
{
	int old = open_file("old"), new = open_file("new"), i;
	struct rlimit little = { 0, RLIM_INFINITY };
	struct dsrv_airlock_put put;
	char *out = dsrv_airlock_out(&airlock);

	memset(&put, 0, sizeof put);
	for (i = 0; i < PUT; i++) {
		memcpy(out + put.count, "> ", 2);
		put.count += 2 + make_line(out + put.count + 2, i,
		    length_of(i));
	}
	signal(SIGXFSZ, SIG_IGN);
	little.rlim_cur = put.count / 2;
	setrlimit(RLIMIT_FSIZE, &little);
	if (dsrv_airlock_keep(&airlock, old, -1) == -1 ||
	    dsrv_airlock_put(&airlock, old, 0, &put) != -1)
		_exit(98);
	steps = 0;
	dies_at = death;
	dsrv_airlock_keep(&airlock, new, old);
	_exit(0);
}

static void
resume_file(int death)
{
	(void)death;
	_exit(dsrv_airlock_resume(&airlock, dsrv_airlock_recover(&airlock)));
}

static int
run_child(void (*child)(int), int death)
{
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		child(death);
	return has_died(pid);
}

/* The half of a line that stays there is not looked at. */
static void
cut_old_file(void)
{
	int fd = open_file("old");
	off_t size = lseek(fd, 0, SEEK_END);
	char last;

	for (; size > 0; size--) {
		ck_assert_int_eq(pread(fd, &last, 1, size - 1), 1);
		if (last == '\n')
			break;
	}
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

START_TEST(nor_one_that_dies_when_it_leaves_a_file_without_room)
{
	int death, had_step = 1;

	for (death = 1; had_step; death++) {
		ck_assert_int_lt(death, RUNS);
		open_log("log");
		had_step = run_child(leave_full_file, death);
		ck_assert(!run_child(resume_file, 0));
		cut_old_file();
		memset(found, 0, sizeof found);
		read_files(directory);
		each_is_there_once(PUT);
		leave_log();
		close_log();
		remove_files(directory);
	}
	ck_assert_int_gt(death, 4);
}
END_TEST

START_TEST(an_unfinished_line_outlives_its_logger)
{
	int left = 1;
	pid_t logger;

	if (cannot_be_once())
		return;
	open_log("log");
	ck_assert_int_eq(write(to_logger, "000000", 6), 6);
	logger = start_logger(0);
	while (left > 0)
		ck_assert_int_eq(ioctl(airlock.ends[DSRV_AIRLOCK_LOG],
		    FIONREAD, &left), 0);
	kill(logger, SIGKILL);
	ck_assert(has_died(logger));
	ck_assert_int_eq(write(to_logger, " \n", 2), 2);
	leave_log();
	ck_assert(!has_died(start_logger(0)));
	read_files(directory);
	each_is_there_once(1);
	close_log();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_logger_that_dies_at_any_step_loses_and_doubles_nothing,
		nor_do_several_that_die_at_the_same_step,
		nor_does_one_that_dies_in_a_rotation,
		nor_one_whose_file_is_renamed_before_the_next_comes,
		nor_one_that_dies_when_it_leaves_a_file_without_room,
		many_writers_and_many_deaths,
		a_line_of_a_million_bytes_and_many_deaths,
		rotations_and_many_deaths,
		a_logger_that_is_killed_at_any_moment_loses_and_doubles_nothing,
		an_unfinished_line_outlives_its_logger,
	};

	return RUN_TESTS("airlock", tests);
}
