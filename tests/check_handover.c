/*
 * check_handover.c - a logger that dies at each of its steps: every line once
 *
 * The test process is the master here: it owns the log, starts one logger after
 * another, and has each die by SIGKILL at a chosen step. Steps are the moments
 * before and after the system calls by which a logger changes anything that
 * outlives it: the libc functions that make them are defined here, in place of
 * libc's own.
 *
 * Loggers and writers assert nothing: a record of Check's that a death has torn
 * would spoil all others.
 *
 * SPDX-License-Identifier: ISC
 */
#undef _FORTIFY_SOURCE	/* without its inline variants */
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
#include <poll.h>
#include <time.h>

#include "journal.h"
#include "clock.h"
#include "flock.h"
#include "openat.h"
#include "harness.h"

enum {
	LINES_MAX = 20000,
	RUNS = 400,		/* more steps than a logger has */
	DEATHS = 250,		/* loggers in a test of random steps, ... */
	STEPS = 40,		/* ... each at one of this many next steps */
	WHOLE = 1000000		/* the length of a very long line */
};

static struct dsrv_handover handover;

/*
 * Dying: in a logger only
 */

static int dies_at;	/* 0: it does not die */
static int steps;
static int tears;	/* a write stops halfway before the death */

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

/* The moment after a call is a step too: nothing has been noted yet. */
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
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	step();
	return (int)done(syscall(SYS_renameat2, from_dir, from, to_dir, to,
	    0));
}

int
symlinkat(const char *target, int dir, const char *name)
{
	step();
	return (int)done(syscall(SYS_symlinkat, target, dir, name));
}

int
unlinkat(int dir, const char *name, int flags)
{
	step();
	return (int)done(syscall(SYS_unlinkat, dir, name, flags));
}

int
fchown(int fd, uid_t user, gid_t group)
{
	step();
	return (int)done(syscall(SYS_fchown, fd, user, group));
}

int
fchmod(int fd, mode_t mode)
{
	step();
	return (int)done(syscall(SYS_fchmod, fd, mode));
}

#ifdef HAVE_FLOCK
int
flock(int fd, int how)
{
	/* The lock must be held while something is being written. */
	if (how == LOCK_UN && handover.memory != NULL &&
	    dsrv_journal_is_under_way(&handover))
		_exit(98);
	step();
	return (int)done(syscall(SYS_flock, fd, how));
}
#endif

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

static int refuses_splice;

#ifdef HAVE_SPLICE
ssize_t
splice(int from, off_t *from_at, int to, off_t *to_at, size_t size,
    unsigned flags)
{
	if (refuses_splice) {
		errno = ENOSYS;
		return -1;
	}
	step();
	return done(syscall(SYS_splice, from, from_at, to, to_at, size,
	    flags));
}
#endif

/*
 * Not sleeping: in a logger, time passes at once, and where it would wait for
 * ever it ends
 */

enum {
	ASLEEP = 50,	/* that status */
	NAPS = 50	/* with a time limit */
};

static int never_sleeps;
static int naps;
static int64_t slept;	/* ms */

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (real_time(clock, now) == -1)
		return -1;
	now->tv_sec += (time_t)(slept / 1000);
	return 0;
}

int
poll(struct pollfd *fds, nfds_t count, int timeout)
{
	struct timespec time = { .tv_sec = 0 };
	int ready, is_awake = never_sleeps && dsrv_role()->kind == DSRV_LOGGER;

	if (!is_awake && timeout > 0) {
		time.tv_sec = timeout / 1000;
		time.tv_nsec = timeout % 1000 * 1000000L;
	}
	ready = ppoll(fds, count, !is_awake && timeout < 0 ? NULL : &time,
	    NULL);
	if (!is_awake || ready != 0)
		return ready;
	if (timeout < 0 || ++naps == NAPS)
		_exit(ASLEEP);
	slept += timeout;
	return 0;
}

/*
 * The log, its loggers and its writers
 */

static int to_logger;
static char directory[PATH_MAX];
static int long_lines;
static int notes;	/* how many lines come as messages of the library */
static void (*at_the_start)(void);	/* before the first logger */
static void (*between)(int death);	/* after each death */
static void (*at_the_end)(void);	/* when everything is written */

static void
open_log(const char *name)
{
	char format[PATH_MAX + 32];

	strcpy(directory, scratch());
	snprintf(format, sizeof format, "%s/%s", directory, name);
	ck_assert_int_eq(daemon_set_logger_name_format(format), 0);
	ck_assert_int_eq(daemon_set_logger_prefix_format("> "), 0);
	ck_assert_int_eq(dsrv_handover_open(&handover, &to_logger), 0);
	if (notes > 0)
		ck_assert_int_eq(dsrv_outbox_open(), 0);
	between = NULL;
}

static void
close_log(void)
{
	dsrv_handover_close(&handover);
	dsrv_outbox_close();
}

/* Forgets the number, which may soon be another descriptor's. */
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
	dsrv_handover_inherit(&handover);
	dsrv_outbox_become(DSRV_OUTBOX_READER);
	dsrv_role_give_handover(&handover);
	dsrv_role_become(DSRV_LOGGER);
	steps = 0;
	dies_at = death;
	daemon_logger();
	_exit(99);
}

/* Whether it has died before it came to the end of the log. */
static int
has_died(pid_t logger)
{
	int status;

	ck_assert_int_eq(waitpid(logger, &status, 0), logger);
	dsrv_handover_collect(&handover);
	if (WIFSIGNALED(status)) {
		ck_assert_int_eq(WTERMSIG(status), SIGKILL);
		return 1;
	}
	ck_assert_int_eq(WEXITSTATUS(status), 0);
	return 0;
}

/* This many loggers die at this step, the next one does not. Returns whether
 * the first one had such a step. */
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

/* A child tells only by its status whether it could do its work. */
static void
must(int holds)
{
	if (!holds)
		_exit(97);
}

/* A line is its number and padding, whose length depends on the number. */
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
			must(n > 0);
		}
	}
}

/* A process of its own writes, since a pipe does not hold all. */
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

#define HALF	"somebody else's line, which has no end"

enum { OTHERS = 10000 };	/* another daemon's first line, ... */

static int others;	/* ... and how many it has */
static int found[LINES_MAX];
static int in_order;	/* no line comes after ... */
static int last_read;	/* ... one with a higher number */

static int
is_half(const char *text, const char *end)
{
	return end - text == sizeof HALF - 1 &&
	    memcmp(text, HALF, sizeof HALF - 1) == 0;
}

/* Whether this is a message about lines that were dropped. */
static int
is_of_losses(const char *text)
{
	static const char losses[] =
	    "> check_handover: unable to keep all lines: ";

	return strncmp(text, losses, sizeof losses - 1) == 0;
}

static void
read_line(const char *name, const char *text, size_t size)
{
	static char line[WHOLE + 16];
	int number;

	if (is_half(text, text + size - 1) || is_of_losses(text))
		return;
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
	hold(!in_order || number > last_read, "line %d is behind line %d",
	    number, last_read);
	last_read = number;
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
		/* A torn line that nothing follows stays torn. */
		if (end == NULL && is_half(next, text + file.st_size))
			break;
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
		hold(found[i] == (i < count ||
		    (i >= OTHERS && i < OTHERS + others)),
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

/* Leaves lines as messages of the master; they have no newline. */
static void
leave_notes(int first, int count)
{
	char line[256];
	size_t length;

	for (; count > 0; first++, count--) {
		length = make_line(line, first, length_of(first));
		ck_assert_int_eq(dsrv_outbox_write(line, length), 1);
	}
}

/* For each step, this many loggers die there, one after another. */
static void
die_at_each_step(const char *name, int count, int times,
    void (*when_dead)(int death))
{
	int death, had_step = 1;

	for (death = 1; had_step; death++) {
		ck_assert_int_lt(death, RUNS);
		open_log(name);
		between = when_dead;
		if (at_the_start != NULL)
			at_the_start();
		write_lines(0, count);
		leave_notes(count, notes);
		leave_log();
		had_step = run_loggers(death, times);
		if (at_the_end != NULL)
			at_the_end();
		memset(found, 0, sizeof found);
		last_read = -1;
		read_files(directory);
		each_is_there_once(count + notes);
		close_log();
		remove_files(directory);
	}
	ck_assert_int_gt(death, 10);
}

START_TEST(a_logger_that_dies_at_any_step_loses_and_doubles_nothing)
{
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 400, 1, NULL);
}
END_TEST

START_TEST(nor_does_one_that_may_not_call_splice)
{
	refuses_splice = 1;
	die_at_each_step("log", 400, 1, NULL);
	die_at_each_step("log", 400, 3, NULL);
}
END_TEST

/* The log file begins with half a line. */
static void
leave_half_a_line(void)
{
	char path[PATH_MAX + 16];
	FILE *file;

	snprintf(path, sizeof path, "%s/log", directory);
	ck_assert_ptr_nonnull(file = fopen(path, "w"));
	fputs(HALF, file);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(nor_does_one_whose_file_begins_with_half_a_line)
{
	at_the_start = leave_half_a_line;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 100, 3, NULL);
}
END_TEST

/* The messages come after the lines, which were written before them. */
START_TEST(nor_one_that_messages_of_the_library_are_left_for)
{
	notes = 40;
	in_order = 1;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 200, 2, NULL);
}
END_TEST

/* Readers die at each step, too. */
START_TEST(nor_does_one_with_a_reader)
{
	daemon_set_logger_drop(1);
	tears = 1;
	die_at_each_step("log", 200, 1, NULL);
	die_at_each_step("log", 200, 3, NULL);
}
END_TEST

START_TEST(nor_does_one_with_a_reader_that_messages_are_left_for)
{
	daemon_set_logger_drop(1);
	notes = 40;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 200, 2, NULL);
}
END_TEST

START_TEST(nor_do_several_that_die_at_the_same_step)
{
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 400, 5, NULL);
}
END_TEST

/* The link leads to the newest file after each last logger. */
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

	daemon_set_logger_size_max(8000);
	snprintf(link, sizeof link, "%s/link", scratch());
	daemon_set_logger_link(link);
	at_the_end = link_leads_to_log;
	tears = 1;
	die_at_each_step("log", 200, 2, NULL);
}
END_TEST

static void
log_has_its_mode(void)
{
	char path[PATH_MAX + 16];
	struct stat file;

	snprintf(path, sizeof path, "%s/log", directory);
	ck_assert_int_eq(stat(path, &file), 0);
	ck_assert_uint_eq(file.st_mode & 07777u, 0604);
}

START_TEST(nor_does_one_that_gives_its_file_a_mode)
{
	char group[16];

	snprintf(group, sizeof group, "%u", (unsigned)getegid());
	ck_assert_int_eq(daemon_set_logger_mode(0604, group), 0);
	at_the_end = log_has_its_mode;
	die_at_each_step("log", 100, 2, NULL);
}
END_TEST

/* What logrotate(8) does, perhaps several times in a second. */
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
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 400, 4, move_away);
}
END_TEST

/* The next file ends with half a line. */
static void
move_half_a_line_there(int death)
{
	move_away(death);
	leave_half_a_line();
}

START_TEST(nor_one_whose_next_file_has_half_a_line)
{
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 200, 3, move_half_a_line_there);
}
END_TEST

/*
 * Beside another daemon that logs to the same file
 */

/* Opens the file as another daemon does. */
static int
open_log_file(void)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof path, "%s/log", directory);
	return open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

static int
is_the_log(int fd)
{
	char path[PATH_MAX + 16];
	struct stat named, open;

	snprintf(path, sizeof path, "%s/log", directory);
	return stat(path, &named) == 0 && fstat(fd, &open) == 0 &&
	    named.st_ino == open.st_ino;
}

static void
add_a_line(int fd)
{
	char line[256] = "\n> ", last = '\n';
	off_t size = lseek(fd, 0, SEEK_END);
	size_t length;

	ck_assert(size == 0 || pread(fd, &last, 1, size - 1) == 1);
	length = make_line(line + 3, OTHERS + others,
	    length_of(OTHERS + others)) + 2;
	if (last == '\n')
		ck_assert_int_eq(write(fd, line + 1, length),
		    (ssize_t)length);
	else
		ck_assert_int_eq(write(fd, line, length + 1),
		    (ssize_t)length + 1);
	others++;
}

/* Whether the other daemon could write now. */
static int
other_writes(void)
{
	int fd = open_log_file(), has = flock(fd, LOCK_EX | LOCK_NB) == 0;

	if (has && is_the_log(fd))
		add_a_line(fd);
	close(fd);
	return has;
}

/* The other daemon is kept out of a write that is under way. */
static void
other_comes_between(int death)
{
	(void)death;
	ck_assert(!other_writes() || !dsrv_journal_is_under_way(&handover));
}

static void
other_begins(void)
{
	others = 0;
	ck_assert(other_writes());
}

static void
other_is_kept_out_no_longer(void)
{
	ck_assert(other_writes());
}

START_TEST(nor_does_one_beside_another_daemon)
{
	if (has_no_locks())
		return;
	at_the_start = other_begins;
	at_the_end = other_is_kept_out_no_longer;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 400, 4, other_comes_between);
}
END_TEST

START_TEST(nor_one_that_rotates_a_file_of_both)
{
	if (has_no_locks())
		return;
	daemon_set_logger_size_max(8000);
	at_the_start = other_begins;
	at_the_end = other_is_kept_out_no_longer;
	for (tears = 0; tears <= 1; tears++)
		die_at_each_step("log", 200, 3, other_comes_between);
}
END_TEST

/*
 * Half a line, of which two loggers write pieces, with the other daemon's lines
 * between them
 */

enum { HALF_LENGTH = 50000 };

static int splits;	/* runs in which such a line was there */

/* Whether it has died at that step, or has nothing more to do. */
static int
dies_before_it_sleeps(int death)
{
	pid_t logger;
	int status;

	never_sleeps = 1;
	logger = start_logger(death);
	never_sleeps = 0;
	ck_assert_int_eq(waitpid(logger, &status, 0), logger);
	dsrv_handover_collect(&handover);
	hold(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL :
	    WEXITSTATUS(status) == ASLEEP, "a logger ended by %#x", status);
	return WIFSIGNALED(status);
}

/* In the order in which they were written, from that byte on. */
static int
read_piece(const char *text, size_t size, int from)
{
	size_t i;

	for (i = 0; i < size; i++, from++)
		hold(text[i] == (from < HALF_LENGTH ? 'x' : 'y'),
		    "byte %d is %c", from, text[i]);
	return from;
}

static void
line_is_whole(void)
{
	char path[PATH_MAX + 16], *line = NULL;
	int next = 0, pieces = 0;
	size_t size = 0;
	ssize_t n;
	FILE *file;

	memset(found, 0, sizeof found);
	snprintf(path, sizeof path, "%s/log", directory);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while ((n = getline(&line, &size, file)) > 0) {
		hold(n > 3 && memcmp(line, "> ", 2) == 0 &&
		    line[n - 1] == '\n', "not a line: %.80s", line);
		if (line[2] != 'x' && line[2] != 'y') {
			read_line("log", line, (size_t)n);
			continue;
		}
		next = read_piece(line + 2, (size_t)n - 3, next);
		pieces++;
	}
	free(line);
	fclose(file);
	ck_assert_int_eq(next, HALF_LENGTH + 3);
	each_is_there_once(0);
	splits += pieces > 1;
}

static int
die_in_half_a_line(int first, int second, int third)
{
	static char half[HALF_LENGTH];
	int had_step;

	open_log("log");
	others = 0;
	memset(half, 'x', sizeof half);
	ck_assert_int_eq(write(to_logger, half, sizeof half), sizeof half);
	had_step = dies_before_it_sleeps(first);
	other_comes_between(0);
	dies_before_it_sleeps(second);
	other_comes_between(0);
	ck_assert_int_eq(write(to_logger, "yyy\n", 4), 4);
	leave_log();
	if (has_died(start_logger(third))) {
		other_comes_between(0);
		ck_assert(!has_died(start_logger(0)));
	}
	line_is_whole();
	close_log();
	remove_files(directory);
	return had_step;
}

START_TEST(half_a_line_of_two_loggers_beside_another_daemon_is_whole)
{
	int first, second, had_step;

	if (has_no_locks())
		return;
	for (tears = 0; tears <= 1; tears++)
		for (first = had_step = 1; had_step; first++)
			for (second = 1 + first % 10; second <= 40;
			    second += 10)
				had_step = die_in_half_a_line(first, second,
				    1 + (first * 7 + second * 3) % 40);
	ck_assert_int_gt(first, 10);
	ck_assert_int_gt(splits, 0);
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

/* At most this many loggers die at random steps, until one comes to the end:
 * with slow writers there are more steps than a test has time for. */
static void
die_at_random_steps(const char *name, int writers, int lines, unsigned most)
{
	int i, deaths = 0;
	pid_t pids[16];

	open_log(name);
	if (at_the_start != NULL)
		at_the_start();
	for (i = 0; i < writers; i++)
		pids[i] = start_writer(i * lines, lines);
	leave_log();
	/* The first two die at one of their first steps, however few there
	 * are. */
	while (has_died(start_logger(deaths < DEATHS ?
	    1 + (int)(next_random() % (deaths < 2 ? 3 : most)) : 0)))
		deaths++;
	for (i = 0; i < writers; i++)
		ck_assert_int_eq(ended(pids[i]), 0);
	if (at_the_end != NULL)
		at_the_end();
	ck_assert_int_gt(deaths, 1);
	memset(found, 0, sizeof found);
	read_files(directory);
	each_is_there_once(writers * lines);
	close_log();
	remove_files(directory);
}

/* The master of another daemon, whose loggers die too. It asserts nothing,
 * since it is not the test process. */
static void
be_other_master(int writers, int lines)
{
	int status, deaths = 0, i;
	pid_t pid;

	leave_log();
	dsrv_handover_close(&handover);
	must(dsrv_handover_open(&handover, &to_logger) == 0);
	for (i = 0; i < writers; i++)
		start_writer(OTHERS + i * lines, lines);
	leave_log();
	do {
		pid = start_logger(deaths++ < DEATHS ?
		    1 + (int)(next_random() % STEPS) : 0);
		must(waitpid(pid, &status, 0) == pid);
		dsrv_handover_collect(&handover);
	} while (WIFSIGNALED(status));
	must(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	for (i = 0; i < writers; i++)
		must(wait(&status) > 0 && status == 0);
	_exit(0);
}

static pid_t other_master;

static void
start_other_master(void)
{
	enum { WRITERS = 10, EACH = 900 };

	others = WRITERS * EACH;
	ck_assert_int_ne(other_master = fork(), -1);
	if (other_master == 0)
		be_other_master(WRITERS, EACH);
}

static void
other_master_ends(void)
{
	ck_assert_int_eq(ended(other_master), 0);
}

START_TEST(two_daemons_with_one_file_and_many_deaths)
{
	if (has_no_locks())
		return;
	at_the_start = start_other_master;
	at_the_end = other_master_ends;
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 10, 900, STEPS);
}
END_TEST

START_TEST(two_daemons_that_rotate_one_file_and_many_deaths)
{
	if (has_no_locks())
		return;
	daemon_set_logger_size_max(20000);
	at_the_start = start_other_master;
	at_the_end = other_master_ends;
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 10, 900, STEPS);
}
END_TEST

START_TEST(many_writers_and_many_deaths)
{
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 10, 900, STEPS);
}
END_TEST

START_TEST(many_writers_and_many_deaths_without_splice)
{
	refuses_splice = 1;	/* fewer steps */
	die_at_random_steps("log", 10, 900, STEPS / 4);
}
END_TEST

START_TEST(a_line_of_a_million_bytes_and_many_deaths)
{
	long_lines = 1;
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 1, 3000, STEPS);
}
END_TEST

START_TEST(rotations_and_many_deaths)
{
	daemon_set_logger_size_max(20000);
	for (tears = 0; tears <= 1; tears++)
		die_at_random_steps("log", 10, 900, STEPS);
}
END_TEST

/* Kills it at no step: anywhere, even inside a system call. */
static void
kill_at_any_moment(void)
{
	enum { WRITERS = 10, EACH = 900, KILLS = 150 };
	struct timespec moment = { 0, 0 };
	pid_t pids[WRITERS], logger;
	int i;

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

START_TEST(a_logger_that_is_killed_at_any_moment_loses_and_doubles_nothing)
{
	kill_at_any_moment();
}
END_TEST

START_TEST(nor_does_one_that_is_killed_so_and_may_not_call_splice)
{
	refuses_splice = 1;
	kill_at_any_moment();
}
END_TEST

/* Remembers the reader, if this logger has one by now. */
static void
see_reader(pid_t logger, pid_t *reader)
{
	pid_t pids[2];

	if (children_of(logger, pids, 2) > 0)
		*reader = pids[0];
}

static long
lines_missing(int count)
{
	long missing = 0;
	int i;

	for (i = 0; i < count; i++) {
		hold(found[i] <= 1, "line %d is there %d times", i, found[i]);
		missing += !found[i];
	}
	return missing;
}

/* Dropped lines are counted, and no others are missing. */
START_TEST(nor_do_a_logger_and_a_reader_that_are_killed_at_any_moment)
{
	enum { WRITERS = 10, EACH = 1500, KILLS = 200 };
	struct timespec moment = { 0, 0 };
	pid_t pids[WRITERS], logger, reader = 0;
	int i;

	daemon_set_logger_drop(1);
	open_log("log");
	for (i = 0; i < WRITERS; i++)
		pids[i] = start_writer(i * EACH, EACH);
	for (i = 0; i < KILLS; i++) {
		logger = start_logger(0);
		moment.tv_nsec = (long)next_random() * 60;	/* 0 - 2 ms */
		nanosleep(&moment, NULL);
		see_reader(logger, &reader);
		if (i % 2 == 0 && reader > 1 && running(reader))
			kill(reader, SIGKILL);
		nanosleep(&moment, NULL);
		kill(logger, SIGKILL);
		ck_assert(has_died(logger));
	}
	leave_log();
	ck_assert(!has_died(start_logger(0)));
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(ended(pids[i]), 0);
	read_files(directory);
	ck_assert_int_eq(lines_missing(WRITERS * EACH), handover.memory->lost);
	close_log();
}
END_TEST

enum { PUT = 20 };	/* lines, of which the old file has half */

static int
open_file(const char *name)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof path, "%s/%s", directory, name);
	return open(path, O_RDWR | O_APPEND | O_CREAT, 0600);
}

static int old_has_half, new_has_half;	/* a line of another process */

static void
add_half_to(const char *name)
{
	int fd = open_file(name);

	ck_assert_int_eq(write(fd, HALF, sizeof HALF - 1), sizeof HALF - 1);
	close(fd);
}

/* A write fails halfway, another file follows, and the logger dies there. */
static void
leave_full_file(int death)
{
	int old = open_file("old"), new = open_file("new"), i;
	struct rlimit little = { 0, RLIM_INFINITY };
	struct dsrv_kept kept = { .file = old, .bell = -1, .path = "old",
	    .before = -1 };
	struct dsrv_handover_put put;
	char *out = dsrv_journal_out(&handover);

	memset(&put, 0, sizeof put);
	for (i = 0; i < PUT; i++) {
		memcpy(out + put.count, "> ", 2);
		put.count += 2 + make_line(out + put.count + 2, i,
		    length_of(i));
	}
	signal(SIGXFSZ, SIG_IGN);
	kept.size = lseek(old, 0, SEEK_END);
	put.ends_half_a_line = old_has_half;
	/* The old file takes none of the text, or half of it. */
	little.rlim_cur = old_has_half ? (rlim_t)kept.size : put.count / 2;
	setrlimit(RLIMIT_FSIZE, &little);
	if (dsrv_handover_keep(&handover, &kept) == -1 ||
	    dsrv_journal_put(&handover, old, kept.size, &put) != -1)
		_exit(98);
	steps = 0;
	dies_at = death;
	kept.file = new;
	kept.path = "new";
	kept.before = old;
	kept.size = lseek(new, 0, SEEK_END);
	dsrv_handover_keep(&handover, &kept);
	_exit(0);
}

static void
resume_file(int death)
{
	struct dsrv_kept kept;

	(void)death;
	if (dsrv_handover_recover(&handover, &kept) == -1)
		_exit(96);
	if (!dsrv_journal_is_under_way(&handover))
		dsrv_journal_begin(&handover, lseek(kept.file, 0, SEEK_END),
		    new_has_half);
	_exit(dsrv_journal_resume(&handover, kept.file) != 0);
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

/* Removes the half line, which is to be ignored. */
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

static void
leave_at_each_step(void)
{
	int death, had_step = 1;

	for (death = 1; had_step; death++) {
		ck_assert_int_lt(death, RUNS);
		open_log("log");
		if (old_has_half)
			add_half_to("old");
		if (new_has_half)
			add_half_to("new");
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

START_TEST(nor_one_that_dies_when_it_leaves_a_file_without_room)
{
	leave_at_each_step();
}
END_TEST

START_TEST(nor_where_the_next_file_has_half_a_line)
{
	new_has_half = 1;
	leave_at_each_step();
}
END_TEST

START_TEST(nor_where_the_file_that_it_leaves_has_half_a_line)
{
	old_has_half = 1;
	leave_at_each_step();
	new_has_half = 1;
	leave_at_each_step();
}
END_TEST

START_TEST(an_unfinished_line_outlives_its_logger)
{
	int left = 1;
	pid_t logger;

	open_log("log");
	ck_assert_int_eq(write(to_logger, "000000", 6), 6);
	logger = start_logger(0);
	while (left > 0)
		ck_assert_int_eq(ioctl(handover.ends[DSRV_HANDOVER_LOG],
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
		nor_does_one_that_may_not_call_splice,
		nor_does_one_whose_file_begins_with_half_a_line,
		nor_one_that_messages_of_the_library_are_left_for,
		nor_does_one_with_a_reader,
		nor_does_one_with_a_reader_that_messages_are_left_for,
		nor_do_several_that_die_at_the_same_step,
		nor_does_one_that_dies_in_a_rotation,
		nor_does_one_that_gives_its_file_a_mode,
		nor_one_whose_file_is_renamed_before_the_next_comes,
		nor_one_whose_next_file_has_half_a_line,
		nor_one_that_dies_when_it_leaves_a_file_without_room,
		nor_where_the_next_file_has_half_a_line,
		nor_where_the_file_that_it_leaves_has_half_a_line,
		nor_does_one_beside_another_daemon,
		nor_one_that_rotates_a_file_of_both,
		half_a_line_of_two_loggers_beside_another_daemon_is_whole,
		many_writers_and_many_deaths,
		two_daemons_with_one_file_and_many_deaths,
		two_daemons_that_rotate_one_file_and_many_deaths,
		many_writers_and_many_deaths_without_splice,
		a_line_of_a_million_bytes_and_many_deaths,
		rotations_and_many_deaths,
		a_logger_that_is_killed_at_any_moment_loses_and_doubles_nothing,
		nor_does_one_that_is_killed_so_and_may_not_call_splice,
		nor_do_a_logger_and_a_reader_that_are_killed_at_any_moment,
		an_unfinished_line_outlives_its_logger,
	};

	before_creation = after_creation = step;
	return RUN_TESTS("handover", tests);
}
