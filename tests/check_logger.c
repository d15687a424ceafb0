/*
 * check_logger.c - the logger: its start, its file, its deaths and its end,
 * seen from outside
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <linux/userfaultfd.h>
#include <netinet/in.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <time.h>

#include "clock.h"
#include "flock.h"
#include "openat.h"
#include "puppet.h"

enum {
	FATAL = -7,
	FILES = 64,		/* descriptors of a process, at most */
	LIMIT = 20000,		/* bytes that a file may have in some tests */
	/* Together more than the pipes and the logger hold. */
	PADDING = 1000, LINES = 1500
};

static const int table[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM,
	SIGQUIT };

static pid_t logger_s_helper, server_s_helper;
static char log_path[256];
static char prefix[16] = "> ";
static int padding = 1;	/* how many x are in each numbered line */

/*
 * The clock: a test can set the time that all of the program under test sees
 */

static struct sky {
	volatile time_t second;		/* 0: the real time */
} *sky;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_REALTIME || sky == NULL || sky->second == 0)
		return real_time(clock, now);
	now->tv_sec = sky->second;
	now->tv_nsec = 0;
	return 0;
}

time_t
time(time_t *now)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (now != NULL)
		*now = ts.tv_sec;
	return ts.tv_sec;
}

/* The clock stands still from now on, and only the test moves it. */
static void
stop_the_clock(void)
{
	sky = mmap(NULL, sizeof *sky, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(sky, MAP_FAILED);
	sky->second = 1700000000;
}

/*
 * A disk that hangs, or has an error
 */

static struct disk {
	volatile int hangs;	/* calls do not return until it is 0 */
	volatile int error;	/* of the next write; 0: it works */
	volatile int calls;	/* how many calls were affected */
} *disk;

static void
make_disk(void)
{
	disk = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(disk, MAP_FAILED);
}

static void
hang_with_disk(void)
{
	if (disk == NULL || !disk->hangs)
		return;
	disk->calls++;
	while (disk->hangs)
		poll(NULL, 0, 2);
}

static int
is_on_disk(int fd)
{
	struct stat file;

	return disk != NULL && fstat(fd, &file) == 0 &&
	    S_ISREG(file.st_mode);
}

ssize_t
write(int fd, const void *text, size_t size)
{
	if (!is_on_disk(fd))
		return syscall(SYS_write, fd, text, size);
	hang_with_disk();
	if (disk->error == 0)
		return syscall(SYS_write, fd, text, size);
	errno = disk->error;
	disk->error = 0;
	disk->calls++;
	return -1;
}

/*
 * splice(2), which a system may refuse
 */

static struct ban {
	volatile int error;	/* 0: it works */
	volatile int once;
	volatile int calls;	/* how many have failed */
	struct timespec times[2];	/* of the first two of these */
} *ban;

#ifdef HAVE_SPLICE
ssize_t
splice(int from, off_t *from_at, int to, off_t *to_at, size_t size,
    unsigned flags)
{
	if (ban == NULL || ban->error == 0)
		return syscall(SYS_splice, from, from_at, to, to_at, size,
		    flags);
	if (ban->calls < COUNT(ban->times))
		clock_gettime(CLOCK_MONOTONIC, &ban->times[ban->calls]);
	ban->calls++;
	errno = ban->error;
	if (ban->once)
		ban->error = 0;
	return -1;
}
#endif

static void
make_ban(int error)
{
	ban = mmap(NULL, sizeof *ban, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(ban, MAP_FAILED);
	ban->error = error;
}

/*
 * The worker: it answers each order of its client
 */

/* Writes it to stderr in as few writes as possible. */
static void
put(const char *text, size_t size)
{
	ssize_t n;

	for (; size > 0; text += n, size -= (size_t)n)
		if ((n = write(STDERR_FILENO, text, size)) == -1)
			_exit(97);
}

static void
put_line(const char *text)
{
	char line[512];

	put(line, (size_t)snprintf(line, sizeof line, "%s\n", text));
}

static void
put_numbered(const char *name, long number)
{
	char line[2 * PADDING];
	int length = snprintf(line, sizeof line, "%s %ld ", name, number);

	memset(line + length, 'x', (size_t)padding);
	line[length + padding] = '\n';
	put(line, (size_t)(length + padding + 1));
}

static void
many(const char *name, long count)
{
	long i;

	for (i = 0; i < count; i++)
		put_numbered(name, i);
	printf("%ld\n", i);
}

/* Writes until the client sends another order; "slowly" waits in between. */
static void
flood(const char *name)
{
	struct pollfd order = { .fd = STDIN_FILENO, .events = POLLIN };
	int pause = strcmp(name, "slowly") == 0;
	long i;

	for (i = 0; i % 16 != 0 || poll(&order, 1, pause) == 0; i++)
		put_numbered(name, i);
	printf("%ld\n", i);
}

/* Fills the log pipe, to its last byte. */
static void
fill(void)
{
	static const char zeros[PIPE_BUF];
	size_t size;
	int flags = fcntl(STDERR_FILENO, F_GETFL);

	fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	for (size = sizeof zeros; size > 0; size /= 2)
		while (write(STDERR_FILENO, zeros, size) > 0)
			;
	fcntl(STDERR_FILENO, F_SETFL, flags);
	puts("full");
}

static void
put_bytes(size_t size, int byte)
{
	char *bytes = malloc(size);

	if (bytes == NULL)
		_exit(97);
	memset(bytes, byte, size);
	put(bytes, size);
	free(bytes);
	puts("ok");
}

/* Writes from a page that never comes, and so holds the lock of the pipe. */
static void
hold_log(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register page;
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	memset(&page, 0, sizeof page);
	page.range.start = (uintptr_t)at;
	page.range.len = size;
	page.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (fd == -1 || ioctl(fd, UFFDIO_API, &api) == -1 ||
	    ioctl(fd, UFFDIO_REGISTER, &page) == -1) {
		puts("cannot");
		return;
	}
	puts("holds");
	syscall(SYS_write, STDERR_FILENO, at, size);
}

static void
say_last_words(int signo)
{
	(void)signo;
	put_line("last words");
	_exit(0);
}

/* A process that shares nothing but its stderr with the daemon. */
static void
fork_helper(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() != 0)
			_exit(0);
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		tell_pid("helper");
		at_gate();
		_exit(0);
	}
	puts("ok");
}

static void
obey_say(void)
{
	put_line(here.rest);
	puts("ok");
}

static void
obey_part(void)
{
	put(here.rest, strlen(here.rest));
	puts("ok");
}

static void
obey_many(void)
{
	char name[16];
	long number;

	if (sscanf(here.rest, "%15s %ld", name, &number) == 2)
		many(name, number);
}

static void
obey_flood(void)
{
	flood(here.rest);
}

static void
obey_bytes(void)
{
	long number;
	int byte;

	if (sscanf(here.rest, "%ld %d", &number, &byte) == 2)
		put_bytes((size_t)number, byte);
}

static void
ignore_term(void)
{
	signal(SIGTERM, SIG_IGN);
	puts("ok");
}

static void
have_last_words(void)
{
	signal(SIGTERM, say_last_words);
	puts("ok");
}

static const struct command commands[] = {
	{ "say", obey_say, NULL },
	{ "part", obey_part, NULL },
	{ "many", obey_many, NULL },
	{ "flood", obey_flood, NULL },
	{ "bytes", obey_bytes, NULL },
	{ "fill", fill, NULL },
	{ "helper", fork_helper, NULL },
	{ "hold", hold_log, NULL },
	{ "ignore", ignore_term, NULL },
	{ "last words", have_last_words, NULL },
	{ NULL, NULL, NULL }
};

/*
 * The daemon, from outside
 */

/* Makes the program log to a file of this name in the scratch directory. */
static void
log_to(const char *name)
{
	here.has_logger = 1;
	snprintf(log_path, sizeof log_path, "%s/%s", scratch(), name);
	daemon_set_program_name("tested");
	daemon_enable_logger();
	daemon_set_logger_name_format(log_path);
	daemon_set_logger_prefix_format("> ");
}

/* A path in the scratch directory, valid until the fourth call after this. */
static const char *
in_scratch(const char *name)
{
	static char paths[4][512];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof paths[next], "%s/%s", scratch(), name);
	return paths[next];
}

static void
start_logging(void)
{
	if (log_path[0] == '\0')
		log_to("log");
	start(1, talker);
}

static void
next_logger(void)
{
	here.logger = (pid_t)heard(&here.run, "logger");
}

static void
kill_logger(void)
{
	send_signal(here.logger, SIGKILL);
	next_logger();
}

/* Asserts that there was no server, that no process is left, and that the start
 * gave this reason. */
static void
start_has_failed(int status, const char *reason)
{
	exited(run_wait(&here.run), status);
	says(here.run.err, reason);
	never_told("server");
	nothing_left();
}

static void
start_fails(int status, const char *reason)
{
	launch(run_start, 1, talker);
	start_has_failed(status, reason);
}

/* Sends orders to a worker, and reads its answers. */
static void __attribute__((format(printf, 2, 3)))
order(int fd, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	client_says(fd, line);
}

static void
answers(int fd, const char *line)
{
	ck_assert_pstr_eq(client_hears(fd), line);
}

static long
answers_number(int fd)
{
	const char *line = client_hears(fd);

	ck_assert_ptr_nonnull(line);
	return atol(line);
}

static void
say(int fd, const char *text)
{
	order(fd, "say %s", text);
	answers(fd, "ok");
}

/* A new worker logs one line. */
static void
log_line(const char *text)
{
	int fd = client(here.port);

	say(fd, text);
	close(fd);
}

/*
 * Files
 */

/* The whole file, to be freed; NULL if there is none. */
static char *
content(const char *path, size_t *size)
{
	struct stat file;
	char *text;
	ssize_t n;
	int fd;

	*size = 0;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return NULL;
	ck_assert_int_eq(fstat(fd, &file), 0);
	text = malloc((size_t)file.st_size + 1);
	ck_assert_ptr_nonnull(text);
	while (*size < (size_t)file.st_size && (n = read(fd, text + *size,
	    (size_t)file.st_size - *size)) > 0)
		*size += (size_t)n;
	close(fd);
	text[*size] = '\0';
	return text;
}

static int
occurrences(const char *path, const char *part)
{
	size_t size;
	char *text = content(path, &size);
	const char *at = text;
	int count = 0;

	for (; at != NULL && (at = strstr(at, part)) != NULL; at++)
		count++;
	free(text);
	return count;
}

/* To count the occurrences in a long file takes a sanitizer minutes. */
static int
contains(const char *path, const char *part)
{
	size_t size;
	char *text = content(path, &size);
	int found = text != NULL && strstr(text, part) != NULL;

	free(text);
	return found;
}

/* Waits until the file contains this. */
static void
comes(const char *path, const char *part)
{
	char what[512];
	long since = 0;

	snprintf(what, sizeof what, "\"%s\" in %s", part, path);
	while (!contains(path, part))
		look_again(&since, what);
}

/* Waits for a line with the prefix. */
static void
line_comes(const char *path, const char *text)
{
	char line[512];

	snprintf(line, sizeof line, "%s%s\n", prefix, text);
	comes(path, line);
}

/* Makes the worker log it, and waits for it. */
static void
logs_in(const char *path, const char *text)
{
	log_line(text);
	line_comes(path, text);
}

static void
logs(const char *text)
{
	logs_in(log_path, text);
}

static off_t
size_of(const char *path)
{
	struct stat file;

	return stat(path, &file) == 0 ? file.st_size : -1;
}

static void
becomes_as_long(const char *path, off_t size)
{
	long since = 0;

	while (size_of(path) != size)
		look_again(&since, "a file to be of its size");
}

static void
has_something(const char *path)
{
	long since = 0;

	while (size_of(path) <= 0)
		look_again(&since, path);
}

static void
appears(const char *path)
{
	long since = 0;

	while (size_of(path) == -1)
		look_again(&since, path);
}

/* Waits until the file is exactly this. */
static void
is_exactly(const char *path, const char *expected, size_t expected_size)
{
	size_t size;
	char *text;

	becomes_as_long(path, (off_t)expected_size);
	text = content(path, &size);
	ck_assert_uint_eq(size, expected_size);
	ck_assert_msg(memcmp(text, expected, size) == 0,
	    "%s differs, and begins with \"%.80s\"", path, text);
	free(text);
}

static void
move(const char *from, const char *to)
{
	ck_assert_msg(rename(from, to) == 0, "rename %s: %s", from,
	    strerror(errno));
}

static void
remove_file(const char *path)
{
	ck_assert_msg(unlink(path) == 0, "unlink %s: %s", path,
	    strerror(errno));
}

static void
make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
write_file(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	close(fd);
}

static void
make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(in_scratch(name), 0755), 0);
}

/* The number in a line of that writer; -1: the line is another's. */
static long
number_in(const char *line, const char *name)
{
	size_t length = strlen(name), begin = strlen(prefix);
	long number;
	char *end;

	hold(strncmp(line, prefix, begin) == 0,
	    "a line without its prefix: \"%.80s\"", line);
	line += begin;
	if (strncmp(line, name, length) != 0 || line[length] != ' ')
		return -1;
	number = strtol(line + length, &end, 10);
	hold(*end == ' ' &&
	    strspn(end + 1, "x") == (size_t)padding &&
	    end[1 + padding] == '\n', "a torn line: \"%.80s\"", line);
	return number;
}

/* Calls see() with each number of that writer and its last result. */
static long
see_numbers(const char *path, const char *name, long (*see)(long, long),
    long last)
{
	size_t size;
	char *text = content(path, &size);
	const char *line, *end;
	long number;

	hold(text != NULL, "there is no %s", path);
	ck_assert_uint_eq(strlen(text), size);
	for (line = text; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		hold(end != NULL, "no newline: \"%.80s\"", line);
		if ((number = number_in(line, name)) != -1)
			last = see(number, last);
	}
	free(text);
	return last;
}

static long
is_next(long number, long next)
{
	hold(number == next, "line %ld, and not %ld", number, next);
	return next + 1;
}

static long
count_on(long number, long count)
{
	(void)number;
	return count + 1;
}

/* Asserts that that writer's next lines in the file are in order from this
 * number on, each once; returns the number that follows. */
static long
follow(const char *path, const char *name, long next)
{
	return see_numbers(path, name, is_next, next);
}

static void
has_all(const char *name, long count)
{
	ck_assert_int_eq(follow(log_path, name, 0), count);
}

/* Asserts the same of the rotated files, the highest number first, and the
 * current one together. */
static long
follow_rotated(const char *name, long next)
{
	char path[512];
	int i;

	for (i = 9999; i > 0; i--) {
		snprintf(path, sizeof path, "%s.%d", log_path, i);
		if (access(path, F_OK) == 0)
			next = follow(path, name, next);
	}
	return follow(log_path, name, next);
}

/*
 * What the system may not have
 */

static int
has_no_splice(void)
{
#ifdef HAVE_SPLICE
	return 0;
#else
	return skip_if(1, "there is no splice(2) to fail");
#endif
}

/*
 * The start
 */

START_TEST(start_succeeds_only_when_the_log_file_is_open)
{
	log_to("log");
	make_gate();
	here.in_logger = at_gate;
	launch(run_start, 1, talker);
	heard(&here.run, "logger");
	ck_assert(running(here.run.pid));
	ck_assert_int_eq(size_of(log_path), -1);
	open_gate();
	exited(run_wait(&here.run), 0);
	ck_assert_int_eq(size_of(log_path), 0);
	ck_assert_str_eq(here.run.err, "");
	ck_assert_int_eq(children_of(getpid(), &here.master, 1), 1);
	stop();
}
END_TEST

START_TEST(start_fails_where_the_directory_is_missing)
{
	log_to("missing/log");
	start_fails(1, log_path);
	says(here.run.err, "No such file or directory");
}
END_TEST

START_TEST(start_fails_where_the_log_file_is_a_directory)
{
	log_to("directory");
	make_directory("directory");
	start_fails(1, "Is a directory");
}
END_TEST

START_TEST(start_fails_where_the_log_file_is_a_symbolic_link)
{
	log_to("link");
	make_file(in_scratch("file"));
	ck_assert_int_eq(symlink("file", log_path), 0);
	start_fails(1, "it is a symbolic link");
}
END_TEST

START_TEST(start_fails_where_the_log_file_is_a_device)
{
	log_to("log");
	daemon_set_logger_name_format("/dev/full");
	start_fails(1, "open /dev/full: it is not a regular file");
}
END_TEST

/* As with flock(1) in a script. */
static int
lock_log(void)
{
	int fd = open(log_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	return fd;
}

START_TEST(start_succeeds_where_another_process_has_locked_the_log_file)
{
	int fd;

	if (has_no_locks())
		return;
	log_to("log");
	fd = lock_log();
	start_logging();
	log_line("one");
	settled(here.logger);
	ck_assert_int_eq(size_of(log_path), 0);
	flock(fd, LOCK_UN);	/* the daemon has this descriptor, too */
	close(fd);
	line_comes(log_path, "one");
	stop();
}
END_TEST

static void
drop_rights(void)
{
	if (setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
		_exit(96);
}

START_TEST(start_fails_where_the_logger_has_no_permission)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	log_to("log");
	here.in_logger = drop_rights;
	start_fails(1, "Permission denied");
}
END_TEST

START_TEST(start_fails_where_the_log_cannot_be_read)
{
	if (has_no_splice())
		return;
	log_to("log");
	make_ban(EIO);
	start_fails(1, "read the log: Input/output error");
}
END_TEST

static void
program_without_daemon_logger(void)
{
	daemon_start();
	if (daemon_master() == DAEMON_SERVER)
		tell_pid("server");
	daemon_success();
	daemon_server(&here.fds[0], 1);
}

START_TEST(start_of_a_program_that_never_calls_daemon_logger_fails)
{
	log_to("log");
	run_puppet(run_start, program_without_daemon_logger);
	start_has_failed(1, "this is a logger before daemon_logger(), "
	    "not a server before daemon_success(): call daemon_logger() first");
	ck_assert_int_eq(size_of(log_path), -1);
}
END_TEST

static int how_to_end;	/* negative: by this signal */

static void
end_early(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (how_to_end < 0)
		raise(-how_to_end);
	_exit(how_to_end);
}

static void
logger_ends_early(int how, int status, const char *reason)
{
	log_to("log");
	how_to_end = how;
	here.in_logger = end_early;
	start_fails(status, reason);
}

START_TEST(start_fails_with_the_status_of_a_logger_without_its_file)
{
	logger_ends_early(3, 3, "the logger ended with status 3");
	logger_ends_early(0, 1, "the logger ended with status 0");
	logger_ends_early(-SIGKILL, 128 + SIGKILL, "signal 9");
	logger_ends_early(-SIGABRT, 128 + SIGABRT, "signal 6");
}
END_TEST

START_TEST(start_that_is_interrupted_ends_a_logger_that_has_no_file_yet)
{
	int status;

	log_to("log");
	make_gate();
	here.in_logger = at_gate;
	launch(run_start, 1, talker);
	heard(&here.run, "logger");
	send_signal(here.run.pid, SIGTERM);
	status = run_wait(&here.run);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	never_told("server");
	nothing_left();
}
END_TEST

static void
exit_3(void)
{
	_exit(3);
}

START_TEST(start_that_the_server_fails_leaves_no_logger)
{
	log_to("log");
	here.before_success = exit_3;
	launch(run_start, 1, talker);
	exited(run_wait(&here.run), 3);
	says(here.run.err, "the server ended with status 3");
	nothing_left();
	ck_assert_int_eq(size_of(log_path), 0);
}
END_TEST

START_TEST(start_goes_on_where_a_logger_dies_that_has_had_its_file)
{
	log_to("log");
	make_gate();
	here.before_success = at_gate;
	launch(run_start, 1, talker);
	meet();
	kill_logger();
	open_gate();
	exited(run_wait(&here.run), 0);
	logs("one");
	stop();
}
END_TEST

/*
 * The stage
 */

static void
tell_parent(void)
{
	tell("parent", (long)getppid());
}

START_TEST(logger_is_a_process_of_its_own_and_the_master_is_its_parent)
{
	pid_t pids[3];

	here.in_logger = tell_parent;
	log_to("log");
	launch(run_daemon, 1, talker);
	here.master = (pid_t)heard(&here.run, "master");
	here.logger = (pid_t)heard(&here.run, "logger");
	ck_assert_int_eq(heard(&here.run, "parent"), here.master);
	next_server();
	ck_assert_int_eq(children_of(here.master, pids, 3), 2);
	ck_assert(pids[0] == here.logger || pids[1] == here.logger);
	ck_assert(pids[0] == here.server || pids[1] == here.server);
	stop();
}
END_TEST

static void
go_to_scratch(void)
{
	if (chdir(scratch()) == -1)
		_exit(96);
}

static void
go_elsewhere(void)
{
	if (chdir("/tmp") == -1)
		_exit(96);
}

START_TEST(logger_may_change_its_directory)
{
	log_to("log");
	daemon_set_logger_name_format("log");
	daemon_set_logger_link("link");
	here.before_start = go_to_scratch;
	here.before_master = here.in_logger = go_elsewhere;
	start_logging();
	logs("one");
	kill_logger();
	logs("two");
	ck_assert_int_gt(size_of(in_scratch("link")), 0);
	stop();
}
END_TEST

/* Gives this user the directory, and lets it pass those above. */
static void
give_scratch_to(uid_t user)
{
	ck_assert_int_eq(chmod(in_scratch(".."), 0711), 0);
	ck_assert_int_eq(chmod(scratch(), 0711), 0);
	ck_assert_int_eq(chown(scratch(), user, user), 0);
}

static void
set_paths_elsewhere(void)
{
	go_elsewhere();
	daemon_set_logger_name_format("log");
	daemon_set_logger_link("link");
}

START_TEST(logger_may_set_its_paths_itself)
{
	log_to("log");
	here.before_start = go_to_scratch;
	here.in_logger = set_paths_elsewhere;
	start_logging();
	logs("one");
	ck_assert_int_gt(size_of(in_scratch("link")), 0);
	stop();
}
END_TEST

START_TEST(logger_may_drop_its_rights)
{
	struct stat file;

	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	give_scratch_to(NOBODY);
	here.in_logger = drop_rights;
	start_logging();
	logs("one");
	kill_logger();
	logs("two");
	ck_assert_int_eq(stat(log_path, &file), 0);
	ck_assert_int_eq(file.st_uid, NOBODY);
	stop();
}
END_TEST

static void
change_root(void)
{
	if (chroot(scratch()) == -1 || chdir("/") == -1)
		_exit(96);
}

START_TEST(logger_may_change_its_root)
{
	if (skip_if(geteuid() != 0, "only root can call chroot(2)"))
		return;
	log_to("log");
	daemon_set_logger_name_format("/log");
	here.in_logger = change_root;
	start_logging();
	logs("one");
	remove_file(log_path);
	logs("two");
	kill_logger();
	logs("three");
	stop();
}
END_TEST

static void
tell_logger_value(void)
{
	tell("value", daemon_logger());
}

START_TEST(logger_does_nothing_in_a_server)
{
	here.before_success = here.before_server = tell_logger_value;
	start_logging();
	ck_assert_int_eq(heard(&here.run, "value"), 0);
	ck_assert_int_eq(heard(&here.run, "value"), 0);
	logs("the log goes on");
	stop();
}
END_TEST

static void
program_without_a_logger(void)
{
	daemon_start();
	tell_pid("master");
	tell("where", daemon_master());
	tell("before", daemon_logger());
	daemon_success();
	tell("after", daemon_logger());
	daemon_server(&here.fds[0], 1);
}

START_TEST(logger_never_comes_where_it_is_not_enabled)
{
	pid_t pids[2];

	launch(run_daemon, 1, program_without_a_logger);
	here.master = (pid_t)heard(&here.run, "master");
	ck_assert_int_eq(heard(&here.run, "where"), DAEMON_SERVER);
	ck_assert_int_eq(heard(&here.run, "before"), 0);
	ck_assert_int_eq(heard(&here.run, "after"), 0);
	ck_assert_int_eq(children_of(here.master, pids, 2), 1);
	stop();
}
END_TEST

static void
misplaced_logger(void)
{
	daemon_start();
	over("logger", daemon_logger(), NULL);
}

START_TEST(logger_is_refused_in_the_master)
{
	log_to("log");
	daemon_set_logger_return_fatal(FATAL);
	run_puppet(run_start, misplaced_logger);
	exited(run_wait(&here.run), 1);
	ck_assert_int_eq(heard(&here.run, "errno"), EPERM);
	ck_assert_int_eq(heard(&here.run, "status"), 1);
	says(here.run.err, "not a logger before daemon_logger()");
	nothing_left();
}
END_TEST

/*
 * What is written, and by which process
 */

static void
print_before(void)
{
	fprintf(stderr, "before success\n");
}

static void
print_after(void)
{
	fprintf(stderr, "server to stderr\n");
	printf("server to stdout\n");
}

START_TEST(logger_gets_what_server_and_worker_and_master_write)
{
	here.before_success = print_before;
	here.before_server = print_after;
	start_logging();
	says(here.run.err, "before success\n");
	line_comes(log_path, "server to stderr");
	line_comes(log_path, "server to stdout");
	ck_assert_int_eq(occurrences(log_path, "before success"), 0);
	logs("worker to stderr");
	send_signal(here.server, SIGABRT);
	next_server();
	comes(log_path, "> tested: unable to keep the server: "
	    "it was ended by signal 6");
	stop();
}
END_TEST

START_TEST(logger_gets_all_that_a_restarted_server_writes)
{
	here.before_success = print_before;
	start_logging();
	send_signal(here.master, SIGHUP);
	next_server();
	line_comes(log_path, "before success");
	logs("its worker");
	stop();
}
END_TEST

START_TEST(logger_never_gets_what_a_worker_says_to_its_client)
{
	int fd;

	start_logging();
	fd = client(here.port);
	order(fd, "nice to meet you");
	answers(fd, "nice to meet you");
	say(fd, "a line");
	close(fd);
	stop();
	is_exactly(log_path, "> a line\n", 9);
}
END_TEST

START_TEST(logger_writes_each_line_of_two_workers_whole_and_in_order)
{
	int one, other;

	start_logging();
	one = client(here.port);
	other = client(here.port);
	order(one, "many a 3000");
	order(other, "many b 3000");
	answers(one, "3000");
	answers(other, "3000");
	close(one);
	close(other);
	stop();
	has_all("a", 3000);
	has_all("b", 3000);
	ck_assert_int_eq(occurrences(log_path, "\n"), 6000);
}
END_TEST

/*
 * Descriptors
 */

struct descriptor {
	int number;
	int access;
	char target[256];
};

static int
access_mode(pid_t pid, int number)
{
	char path[64], line[128];
	unsigned flags = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/fdinfo/%d", (long)pid, number);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	fclose(file);
	return (int)(flags & O_ACCMODE);
}

static int
descriptors(pid_t pid, struct descriptor *all)
{
	char path[64], link[320];
	struct dirent *entry;
	int count = 0;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	ck_assert_ptr_nonnull(dir = opendir(path));
	while ((entry = readdir(dir)) != NULL && count < FILES) {
		snprintf(link, sizeof link, "%s/%s", path, entry->d_name);
		n = readlink(link, all[count].target,
		    sizeof all[count].target - 1);
		if (n <= 0)
			continue;
		all[count].target[n] = '\0';
		all[count].number = atoi(entry->d_name);
		all[count].access = access_mode(pid, all[count].number);
		count++;
	}
	closedir(dir);
	return count;
}

static const struct descriptor *
descriptor(pid_t pid, int number)
{
	static struct descriptor all[FILES];
	int i, count = descriptors(pid, all);

	for (i = 0; i < count; i++)
		if (all[i].number == number)
			return &all[i];
	ck_abort_msg("process %ld has no descriptor %d", (long)pid, number);
	return NULL;
}

static int
has_target(const char *target, const struct descriptor *all, int count)
{
	while (count > 0 && strcmp(all[count - 1].target, target) != 0)
		count--;
	return count > 0;
}

/* It is not the test's, nor that of the process that started the test. */
static int
is_loggers(const struct descriptor *d)
{
	struct descriptor ours[FILES];

	return (strncmp(d->target, "pipe:", 5) == 0 ||
	    strncmp(d->target, "socket:", 7) == 0 ||
	    strcmp(d->target, log_path) == 0) &&
	    !has_target(d->target, ours, descriptors(getpid(), ours));
}

/* Except for the log pipe, as stdout and stderr. */
static void
has_nothing_of_the_logger(pid_t pid)
{
	struct descriptor own[FILES], its[FILES];
	int i, j, count = descriptors(pid, own);
	int its_count = descriptors(here.logger, its);

	for (i = 0; i < its_count; i++)
		for (j = 0; j < count && is_loggers(&its[i]); j++)
			ck_assert_msg(strcmp(own[j].target, its[i].target) !=
			    0 || ((own[j].number == 1 || own[j].number == 2) &&
			    own[j].access == O_WRONLY),
			    "its descriptor %d is %s", own[j].number,
			    own[j].target);
}

static void
cannot_write_to_the_log(pid_t pid, const char *log_pipe)
{
	struct descriptor all[FILES];
	int i, count = descriptors(pid, all);

	for (i = 0; i < count; i++)
		ck_assert_msg(strcmp(all[i].target, log_pipe) != 0 ||
		    all[i].access == O_RDONLY, "descriptor %d writes to it",
		    all[i].number);
}

/* Server, worker and logger each have only their own descriptors. */
static void
descriptors_are_right(const char *listens)
{
	struct descriptor all[FILES];
	char log_pipe[256];
	int i, count, fd = client(here.port);
	pid_t worker;

	say(fd, "one");	/* by now all that should be closed is */
	line_comes(log_path, "one");
	worker = (pid_t)number(fd, "who");
	strcpy(log_pipe, descriptor(here.server, 2)->target);
	ck_assert_int_eq(strncmp(log_pipe, "pipe:", 5), 0);
	ck_assert_str_eq(descriptor(here.server, 1)->target, log_pipe);
	ck_assert_str_eq(descriptor(worker, 2)->target, log_pipe);
	has_nothing_of_the_logger(here.server);
	has_nothing_of_the_logger(worker);
	cannot_write_to_the_log(here.logger, log_pipe);
	count = descriptors(here.logger, all);
	for (i = 0; i < count; i++)
		ck_assert_str_ne(all[i].target, listens);
	close(fd);
}

START_TEST(logger_shares_no_descriptor_with_servers_and_workers)
{
	char listens[64];
	struct stat socket;

	log_to("log");
	listen_on(1);
	ck_assert_int_eq(fstat(here.fds[0], &socket), 0);
	snprintf(listens, sizeof listens, "socket:[%lu]",
	    (unsigned long)socket.st_ino);
	run_puppet(run_daemon, talker);
	leave_listeners();
	meet();
	descriptors_are_right(listens);
	kill_logger();
	descriptors_are_right(listens);
	send_signal(here.master, SIGHUP);
	next_server();
	descriptors_are_right(listens);
	stop();
}
END_TEST

static void
stay_confirmed(void)
{
	tell("confirmed", 1);
	at_gate();
}

/* How many descriptors the server has, which waits at the gate. */
static int
descriptors_at_gate(void)
{
	int count = descriptors_of(here.server);

	open_gate();
	return count;
}

START_TEST(logger_costs_a_server_no_descriptor)
{
	int without;

	make_gate();
	here.before_server = stay_confirmed;
	launch(run_daemon, 1, talker);
	here.master = (pid_t)heard(&here.run, "master");
	next_server();
	heard(&here.run, "confirmed");
	without = descriptors_at_gate();
	stop();
	start_logging();
	heard(&here.run, "confirmed");
	ck_assert_int_eq(descriptors_at_gate(), without);
	logs("one");	/* else HUP could end it before the gate is shut */
	send_signal(here.master, SIGHUP);
	next_server();
	heard(&here.run, "confirmed");
	ck_assert_int_eq(descriptors_at_gate(), without);
	kill_logger();
	stop();
}
END_TEST

static void
clean(void)
{
	if (daemon_clean_fd(2) == -1)
		_exit(96);
}

START_TEST(logger_may_clean_its_descriptors)
{
	here.in_logger = clean;
	start_logging();
	logs("one");
	kill_logger();
	logs("two");
	stop();
}
END_TEST

/* The program's listener is closed, so it opens another and logs its port. */
static void
listen_anew(void)
{
	if (daemon_listen("127.0.0.1", "0", here.fds, 1) != 1)
		_exit(96);
	fprintf(stderr, "port %d\n", port_of(here.fds[0]));
}

static void
find_port(const char *path)
{
	size_t size;
	char *text;

	comes(path, "port ");
	text = content(path, &size);
	here.port = atoi(strstr(text, "port ") + 5);
	free(text);
}

START_TEST(logger_gets_all_where_a_server_has_cleaned_its_descriptors)
{
	here.before_success = clean;
	here.before_server = listen_anew;
	start_logging();
	find_port(log_path);
	logs("one");
	move(log_path, in_scratch("old"));
	appears(log_path);	/* else the next line may go into the old one */
	send_signal(here.master, SIGHUP);
	find_port(log_path);
	logs("two");
	stop();
}
END_TEST

/*
 * Memory
 */

/* The inode numbers of a process's shared memory without a file; returns how
 * many there are. */
static int
shared_mappings(pid_t pid, unsigned long *numbers, int max)
{
	char path[64], line[512], rights[8];
	unsigned long number;
	int count = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while (fgets(line, sizeof line, file) != NULL)
		if (strstr(line, "/dev/zero") != NULL &&
		    sscanf(line, "%*s %7s %*s %*s %lu", rights, &number) ==
		    2 && strcmp(rights, "rw-s") == 0 && count < max)
			numbers[count++] = number;
	fclose(file);
	return count;
}

static int
has_number(unsigned long number, const unsigned long *numbers, int count)
{
	while (count > 0 && numbers[count - 1] != number)
		count--;
	return count > 0;
}

/* Asserts that it shares no memory with the logger, except this. */
static void
shares_nothing(pid_t pid, unsigned long except)
{
	unsigned long loggers[4], numbers[4];
	int i, count = shared_mappings(here.logger, loggers, 4);
	int others = shared_mappings(pid, numbers, 4);

	for (i = 0; i < count; i++)
		ck_assert(loggers[i] == except ||
		    !has_number(loggers[i], numbers, others));
}

/* If memory cannot be sealed, server and workers share one page more. */
#ifdef HAVE_MEMFD_CREATE
enum { BIRTHS = 0 };
#else
enum { BIRTHS = 1 };
#endif

/* The master also has the page in which it names its sockets to the starter. The
 * logger has the handover, the server its roster, both have the outbox;
 * processes that the program has forked there have none of these, nor has a
 * worker. */
static void
memory_is_right(void)
{
	unsigned long masters[5], loggers[4], servers[4], notes = 0;
	int i, known = 0, fd = client(here.port);

	say(fd, "one");		/* now each of them is where it loops */
	ck_assert_int_eq(shared_mappings(here.master, masters, 5), 4);
	ck_assert_int_eq(shared_mappings(here.logger, loggers, 4), 2);
	ck_assert_int_eq(shared_mappings(here.server, servers, 4), 2 + BIRTHS);
	for (i = 0; i < 2; i++) {
		ck_assert(has_number(loggers[i], masters, 4));
		if (has_number(loggers[i], servers, 2 + BIRTHS))
			notes = loggers[i];
	}
	for (i = 0; i < 2 + BIRTHS; i++)
		known += has_number(servers[i], masters, 4);
	ck_assert_int_eq(known, 2);
	ck_assert_uint_ne(notes, 0);
	shares_nothing(here.server, notes);
	shares_nothing((pid_t)number(fd, "who"), 0);
	shares_nothing(logger_s_helper, 0);
	shares_nothing(server_s_helper, 0);
	close(fd);
}

static void
fork_helper_of(const char *whose)
{
	pid_t pid = fork();

	if (pid == 0) {
		at_gate();
		_exit(0);
	}
	tell(whose, pid);
}

static void
fork_logger_s_helper(void)
{
	fork_helper_of("logger's helper");
}

static void
fork_server_s_helper(void)
{
	fork_helper_of("server's helper");
}

static void
meet_helper(pid_t *helper, const char *word)
{
	*helper = (pid_t)heard(&here.run, word);
}

START_TEST(logger_shares_memory_with_the_master_that_nobody_else_has)
{
	int i;

	if (skip_if(!HAVE_DECL_MADV_DONTFORK,
	    "this system cannot keep memory from children"))
		return;
	make_gate();
	log_to("log");
	here.in_logger = fork_logger_s_helper;
	here.before_success = fork_server_s_helper;
	launch(run_daemon, 1, talker);
	here.master = (pid_t)heard(&here.run, "master");
	next_logger();
	meet_helper(&logger_s_helper, "logger's helper");
	next_server();
	meet_helper(&server_s_helper, "server's helper");
	memory_is_right();
	kill_logger();
	meet_helper(&logger_s_helper, "logger's helper");
	memory_is_right();
	send_signal(here.master, SIGHUP);
	next_server();
	meet_helper(&server_s_helper, "server's helper");
	memory_is_right();
	for (i = 0; i < 4; i++)
		open_gate();
	stop();
}
END_TEST

/*
 * Signals
 */

static void
send_all(pid_t pid)
{
	int i;

	for (i = 0; i < COUNT(table); i++)
		send_signal(pid, table[i]);
}

START_TEST(logger_goes_on_whatever_signal_it_gets)
{
	pid_t first;

	start_logging();
	first = here.logger;
	send_all(here.logger);
	logs("one");
	ck_assert(running(first));
	kill_logger();
	logs("two");
	send_all(here.logger);
	logs("three");
	ck_assert(running(here.logger));
	stop();
}
END_TEST

START_TEST(logger_gets_no_signal_in_the_code_of_the_program_either)
{
	log_to("log");
	make_gate();
	here.in_logger = at_gate;
	launch(run_start, 1, talker);
	here.master = (pid_t)heard(&here.run, "master");
	here.logger = (pid_t)heard(&here.run, "logger");
	send_all(here.logger);
	open_gate();
	exited(run_wait(&here.run), 0);
	next_server();
	logs("one");
	stop();
}
END_TEST

START_TEST(logger_opens_its_file_again_at_a_hup_to_the_master)
{
	stop_the_clock();	/* so no second passes */
	start_logging();
	logs("one");
	move(log_path, in_scratch("old"));
	send_signal(here.master, SIGHUP);
	appears(log_path);	/* before any line is written */
	next_server();
	logs("two");
	stop();
	is_exactly(in_scratch("old"), "> one\n", 6);
}
END_TEST

/*
 * The file
 */

START_TEST(log_file_has_a_mode_that_others_cannot_read)
{
	struct stat file;

	umask(0);
	start_logging();
	ck_assert_int_eq(stat(log_path, &file), 0);
	ck_assert_int_eq(file.st_mode & 07777, 0640);
	stop();
}
END_TEST

START_TEST(log_file_that_is_there_is_appended_to)
{
	start_logging();
	logs("one");
	stop();
	start_logging();
	logs("two");
	stop();
	is_exactly(log_path, "> one\n> two\n", 12);
}
END_TEST

/* A worker that writes all the time until it is told to end. */
static int
flooding(const char *name)
{
	int fd = client(here.port);

	order(fd, "flood %s", name);
	return fd;
}

static long
flood_ends(int fd)
{
	long count;

	order(fd, "enough");
	count = answers_number(fd);
	answers(fd, "enough");
	close(fd);
	ck_assert_int_gt(count, 0);
	return count;
}

START_TEST(log_file_that_is_renamed_is_followed_by_a_new_one)
{
	long count;
	int fd;

	start_logging();
	fd = client(here.port);
	order(fd, "flood slowly");
	comes(log_path, "> slowly ");
	move(log_path, in_scratch("old"));
	has_something(log_path);
	count = flood_ends(fd);
	stop();
	ck_assert_int_eq(follow(log_path, "slowly",
	    follow(in_scratch("old"), "slowly", 0)), count);
}
END_TEST

START_TEST(log_file_that_is_removed_is_followed_by_a_new_one)
{
	start_logging();
	logs("one");
	remove_file(log_path);
	logs("two");
	kill_logger();
	remove_file(log_path);
	logs("three");
	stop();
	ck_assert_int_eq(occurrences(log_path, "two"), 0);
	ck_assert_int_eq(occurrences(log_path, "> three\n"), 1);
}
END_TEST

START_TEST(log_file_that_is_removed_comes_again_when_nobody_writes)
{
	start_logging();
	remove_file(log_path);
	appears(log_path);
	stop();
}
END_TEST

/* The path that the format gives at the second of the stopped clock. */
static const char *
path_now(const char *format)
{
	char name[256];
	struct tm tm;
	time_t second = sky->second;

	strftime(name, sizeof name, format, localtime_r(&second, &tm));
	return in_scratch(name);
}

static void
set_prefix_of_now(void)
{
	struct tm tm;
	time_t second = sky->second;

	strftime(prefix, sizeof prefix, "%S ", localtime_r(&second, &tm));
}

START_TEST(log_file_changes_with_the_time_and_has_the_lines_of_its_own)
{
	long count, next = 0;
	time_t first;
	int fd, i;

	stop_the_clock();
	first = sky->second;
	log_to("log-%S");
	daemon_set_logger_prefix_format("%S ");
	start_logging();
	fd = flooding("a");
	for (i = 0; i < 20; i++) {
		comes(path_now("log-%S"), " a ");
		sky->second++;
	}
	comes(path_now("log-%S"), " a ");
	count = flood_ends(fd);
	stop();
	for (sky->second = first, i = 0; i <= 20; i++, sky->second++) {
		set_prefix_of_now();
		next = follow(path_now("log-%S"), "a", next);
	}
	ck_assert_int_eq(next, count);
}
END_TEST

static long
count_file(const char *name, long count)
{
	(void)name;
	return count + 1;
}

/* Asserts that each line of the file is of the file's second; returns how many
 * lines there are, with those counted before. */
static long
count_lines(const char *name, long count)
{
	snprintf(prefix, sizeof prefix, "%.2s ", name + 4);
	return see_numbers(in_scratch(name), "a", count_on, count);
}

/* Calls count() with each file of a second and its last result. */
static long
count_seconds(long (*count)(const char *, long))
{
	struct dirent *entry;
	long last = 0;
	DIR *dir;

	ck_assert_ptr_nonnull(dir = opendir(scratch()));
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "log-", 4) == 0)
			last = count(entry->d_name, last);
	closedir(dir);
	return last;
}

START_TEST(log_file_changes_with_the_time_that_it_really_is)
{
	long count = 0, since = 0;
	int fd;

	log_to("log-%S");
	daemon_set_logger_prefix_format("%S ");
	start_logging();
	fd = client(here.port);
	for (; count_seconds(count_file) < 3; count += 10) {
		look_again(&since, "seconds to pass");
		order(fd, "many a 10");
		ck_assert_int_eq(answers_number(fd), 10);
	}
	close(fd);
	stop();
	ck_assert_int_eq(count_seconds(count_lines), count);
}
END_TEST

START_TEST(log_directory_is_made_where_its_name_has_a_conversion)
{
	stop_the_clock();
	log_to("%Y/x%m%%/log-%d");
	start_logging();
	logs_in(path_now("%Y/x%m%%/log-%d"), "one");
	sky->second += 40 * 86400;
	logs_in(path_now("%Y/x%m%%/log-%d"), "two");
	stop();
}
END_TEST

START_TEST(log_directory_is_not_made_where_its_name_has_none)
{
	log_to("%Y/fixed/log");
	start_fails(1, "No such file or directory");
}
END_TEST

/* Asserts that no file exceeds the limit; returns how many there are. */
static int
files_within(off_t most)
{
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	ck_assert_ptr_nonnull(dir = opendir(scratch()));
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "log", 3) == 0) {
			ck_assert_int_le(size_of(in_scratch(entry->d_name)),
			    most);
			count++;
		}
	closedir(dir);
	return count;
}

static void
write_many(const char *name, int count)
{
	int fd = client(here.port);

	order(fd, "many %s %d", name, count);
	ck_assert_int_eq(answers_number(fd), count);
	close(fd);
}

START_TEST(log_file_that_is_full_is_followed_and_nothing_is_lost)
{
	daemon_set_logger_size_max(1000);
	start_logging();
	write_many("a", 1000);
	stop();
	ck_assert_int_eq(follow_rotated("a", 0), 1000);
	/* A line has nine bytes or more, so no file is left half empty. */
	ck_assert_int_le(files_within(1000), 11);
}
END_TEST

/* The number in the first line of a file. */
static long
first_number(const char *path)
{
	size_t size;
	char *text = content(path, &size);
	long number;

	ck_assert_msg(text != NULL, "there is no %s", path);
	number = number_in(text, "a");
	free(text);
	return number;
}

START_TEST(log_files_are_as_many_as_may_be_kept_and_the_newest)
{
	long next;
	int i;

	daemon_set_logger_size_max(1000);
	daemon_set_logger_file_count_max(4);
	log_to("log");
	make_file(in_scratch("log.other"));
	start_logging();
	write_many("a", 1000);
	stop();
	ck_assert_int_eq(files_within(1000), 5);
	remove_file(in_scratch("log.other"));	/* not a file of its own */
	next = first_number(in_scratch("log.3"));
	for (i = 3; i > 0; i--) {
		char name[16];

		snprintf(name, sizeof name, "log.%d", i);
		next = follow(in_scratch(name), "a", next);
	}
	ck_assert_int_eq(follow(log_path, "a", next), 1000);
}
END_TEST

START_TEST(log_files_have_together_no_more_bytes_than_they_may)
{
	char name[16];
	long next;
	int i;

	daemon_set_logger_size_max(1000);
	daemon_set_logger_total_max(3500);
	start_logging();
	write_many("a", 1000);
	stop();
	/* All but the current one are nearly full. */
	i = files_within(1000) - 1;
	ck_assert(i == 2 || i == 3);
	ck_assert_int_le(size_of(log_path) + i * 986, 3500);
	snprintf(name, sizeof name, "log.%d", i);
	next = first_number(in_scratch(name));
	for (; i > 0; i--) {
		snprintf(name, sizeof name, "log.%d", i);
		next = follow(in_scratch(name), "a", next);
	}
	ck_assert_int_eq(follow(log_path, "a", next), 1000);
}
END_TEST

/* At any time, not only when a new file is opened. */
START_TEST(log_file_that_grows_has_the_oldest_removed)
{
	static const struct timespec times[4] = { { .tv_sec = 1 },
		{ .tv_sec = 1 }, { .tv_sec = 2 }, { .tv_sec = 2 } };
	static char old[1000];

	stop_the_clock();
	daemon_set_logger_total_max(2000);
	log_to("log-%Y");
	daemon_set_logger_name_format(in_scratch("log-%Y"));
	memset(old, '\n', sizeof old);
	write_file(in_scratch("log-1998"), old, sizeof old);
	write_file(in_scratch("log-1999"), old, sizeof old - 100);
	ck_assert_int_eq(utimensat(AT_FDCWD, in_scratch("log-1998"),
	    times, 0), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, in_scratch("log-1999"),
	    times + 2, 0), 0);
	start_logging();
	strcpy(log_path, path_now("log-%Y"));
	logs("one");
	ck_assert_int_eq(size_of(in_scratch("log-1998")), 1000);
	write_many("a", 20);
	logs("two");
	ck_assert_int_eq(size_of(in_scratch("log-1998")), -1);
	ck_assert_int_eq(size_of(in_scratch("log-1999")), 900);
	stop();
}
END_TEST

START_TEST(log_files_of_other_times_are_counted_too)
{
	int i;

	stop_the_clock();
	daemon_set_logger_file_count_max(3);
	log_to("log-%S");
	start_logging();
	for (i = 0; i < 6; i++, sky->second++)
		logs_in(path_now("log-%S"), "a line");
	ck_assert_int_eq(files_within(1000), 3);
	for (i = 0; i < 3; i++) {
		sky->second--;
		ck_assert_int_gt(size_of(path_now("log-%S")), 0);
	}
	sky->second += 3;
	stop();
}
END_TEST

static void
leads_to(const char *link, const char *path)
{
	struct stat one, other;
	long since = 0;

	for (;; look_again(&since, "the link to lead to the file")) {
		ck_assert_int_eq(lstat(link, &one), 0);
		ck_assert(S_ISLNK(one.st_mode));
		if (stat(link, &one) == 0 && stat(path, &other) == 0 &&
		    one.st_ino == other.st_ino)
			return;
	}
}

START_TEST(log_link_leads_to_the_current_file)
{
	int i;

	stop_the_clock();
	log_to("log-%S");
	daemon_set_logger_link(in_scratch("link"));
	daemon_set_logger_size_max(1000);
	ck_assert_int_eq(symlink("elsewhere", in_scratch("link")), 0);
	start_logging();
	for (i = 0; i < 3; i++, sky->second++) {
		logs_in(path_now("log-%S"), "a line");
		leads_to(in_scratch("link"), path_now("log-%S"));
	}
	sky->second--;
	write_many("a", 500);
	line_comes(path_now("log-%S"), "a 499 x");
	leads_to(in_scratch("link"), path_now("log-%S"));
	stop();
}
END_TEST

START_TEST(log_link_replaces_no_file_and_is_no_reason_not_to_start)
{
	struct stat file;

	log_to("log");
	make_file(in_scratch("link"));
	daemon_set_logger_link(in_scratch("link"));
	start_logging();
	says(here.run.err, "File exists");
	logs("one");
	ck_assert_int_eq(lstat(in_scratch("link"), &file), 0);
	ck_assert(S_ISREG(file.st_mode));
	stop();
}
END_TEST

START_TEST(log_file_of_an_hour_that_comes_again_is_appended_to)
{
	char before[512];

	stop_the_clock();
	log_to("log-%H");
	start_logging();
	logs_in(path_now("log-%H"), "one");
	strcpy(before, path_now("log-%H"));
	sky->second += 3600;
	logs_in(path_now("log-%H"), "two");
	sky->second -= 3600;
	logs_in(path_now("log-%H"), "three");
	stop();
	is_exactly(before, "> one\n> three\n", 14);
	sky->second += 3600;
	is_exactly(path_now("log-%H"), "> two\n", 6);
}
END_TEST

/*
 * Trouble
 */

static int
writes_bytes(size_t count, int byte)
{
	int fd = client(here.port);

	order(fd, "bytes %lu %d", (unsigned long)count, byte);
	answers(fd, "ok");
	return fd;
}

START_TEST(log_file_that_ends_in_half_a_line_gets_the_next_one_behind_it)
{
	log_to("log");
	write_file(log_path, "> half", 6);
	start_logging();
	logs("one");
	kill_logger();
	logs("two");
	stop();
	ck_assert_int_eq(occurrences(log_path, "> half\n> one\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "\n\n"), 0);
}
END_TEST

START_TEST(log_line_is_not_ended_by_a_hup)
{
	int fd;

	stop_the_clock();
	start_logging();
	fd = writes_bytes(100000, 'y');
	has_something(log_path);
	send_signal(here.logger, SIGHUP);
	settled(here.logger);
	sky->second++;
	say(fd, "z");
	close(fd);
	stop();
	ck_assert_int_eq(occurrences(log_path, "y\n"), 0);
	ck_assert_int_eq(occurrences(log_path, "yz\n"), 1);
}
END_TEST

static void
limit_file(void)
{
	struct rlimit few = { LIMIT, RLIM_INFINITY };

	if (setrlimit(RLIMIT_FSIZE, &few) == -1)
		_exit(96);
	tell("limited", 1);
}

static void
raise_limit_to(rlim_t size)
{
	struct rlimit more = { size, RLIM_INFINITY };

	ck_assert_int_eq(prlimit(here.logger, RLIMIT_FSIZE, &more, NULL), 0);
}

static void
raise_limit(void)
{
	raise_limit_to(RLIM_INFINITY);
}

START_TEST(log_file_that_ends_in_half_a_line_is_ended_when_there_is_room)
{
	char half[LIMIT];

	log_to("log");
	memset(half, 'x', sizeof half);
	write_file(log_path, half, sizeof half);
	here.in_logger = limit_file;
	start_logging();
	log_line("one");
	settled(here.logger);
	raise_limit();
	comes(log_path, "x\n> ");
	line_comes(log_path, "one");
	stop();
	ck_assert_int_eq(occurrences(log_path, "x\n> "), 1);
}
END_TEST

START_TEST(log_file_that_cannot_be_read_is_written_all_the_same)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	log_to("log");
	give_scratch_to(NOBODY);
	write_file(log_path, "> one\n", 6);
	ck_assert_int_eq(chown(log_path, NOBODY, NOBODY), 0);
	ck_assert_int_eq(chmod(log_path, 0200), 0);
	here.in_logger = drop_rights;
	start_logging();
	logs("two");
	stop();
	is_exactly(log_path, "> one\n> two\n", 12);
}
END_TEST

static void
start_with_little_room(void)
{
	here.in_logger = limit_file;
	padding = PADDING;
	start_logging();
}

/* A client whose worker writes more than the pipe holds. */
static int
use_up_room(int count)
{
	int fd = client(here.port);

	order(fd, "many a %d", count);
	becomes_as_long(log_path, LIMIT);
	settled(here.logger);	/* it could not write more, and waits */
	return fd;
}

/* The same, and the file has little room. */
static int
start_with_no_room(int count)
{
	start_with_little_room();
	return use_up_room(count);
}

START_TEST(log_that_cannot_be_written_makes_writers_wait_and_loses_nothing)
{
	int fd = start_with_no_room(LINES);

	ck_assert(silent(fd));
	raise_limit();
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	stop();
	has_all("a", LINES);
	ck_assert_int_eq(occurrences(log_path, "unable to"), 1);
	ck_assert_int_eq(occurrences(log_path, "> tested: unable to write "),
	    1);
	ck_assert_int_eq(occurrences(log_path, " s: File too large\n"), 1);
}
END_TEST

START_TEST(log_that_cannot_be_written_is_all_there_after_a_kill)
{
	int fd;

	fd = start_with_no_room(LINES);
	kill_logger();
	kill_logger();
	heard(&here.run, "limited");
	ck_assert(silent(fd));
	raise_limit();
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	stop();
	has_all("a", LINES);
}
END_TEST

static long
rises(long number, long count)
{
	static long last = -1;

	hold(number > last, "line %ld after %ld", number, last);
	last = number;
	return count + 1;
}

#define ALL_LINES	"unable to keep all lines: "

/* How many lost lines the log reports, perhaps in several messages. */
static long
lines_lost(void)
{
	size_t size;
	char *text = content(log_path, &size);
	const char *at = text;
	long count = 0;

	while ((at = strstr(at, ALL_LINES)) != NULL) {
		at += strlen(ALL_LINES);
		count += atol(at);
	}
	free(text);
	return count;
}

/* Each line is in the log, or counted by a message: there may be several, since
 * the logger may try again between two lines. */
static void
has_or_counts(long written)
{
	long received = see_numbers(log_path, "a", rises, 0);

	ck_assert_int_gt(lines_lost(), 0);
	ck_assert_int_eq(received + lines_lost(), written);
}

/* Waits until the logger has read everything that was written. */
static void
log_pipe_is_empty(void)
{
	char path[64];
	long since = 0;
	int fd, left;

	snprintf(path, sizeof path, "/proc/%ld/fd/2", (long)here.server);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	while (ioctl(fd, FIONREAD, &left) == 0 && left > 0)
		look_again(&since, "the log pipe to be empty");
	close(fd);
}

START_TEST(log_that_cannot_be_written_drops_and_counts_lines_if_so_set)
{
	int fd;

	daemon_set_logger_drop(1);
	fd = start_with_no_room(3 * LINES);
	ck_assert_int_eq(answers_number(fd), 3 * LINES);
	close(fd);
	ck_assert_int_eq(size_of(log_path), LIMIT);
	log_pipe_is_empty();
	raise_limit();
	logs("after all");
	stop();
	has_or_counts(3 * LINES);
	ck_assert_int_eq(occurrences(log_path, "unable to write"), 1);
	ck_assert_int_eq(occurrences(log_path, "unable to"),
	    1 + occurrences(log_path, "unable to keep all lines"));
}
END_TEST

START_TEST(log_that_cannot_be_written_counts_lines_over_kills)
{
	enum { TIMES = 3 };
	long others;
	int i, fd;

	daemon_set_logger_drop(1);
	fd = start_with_no_room(LINES);
	ck_assert_int_eq(answers_number(fd), LINES);
	for (i = 0; i < TIMES; i++) {
		kill_logger();
		order(fd, "many b %d", LINES);
		ck_assert_int_eq(answers_number(fd), LINES);
	}
	close(fd);
	heard(&here.run, "limited");
	raise_limit();
	logs("after all");
	stop();
	others = see_numbers(log_path, "b", count_on, 0);
	ck_assert_int_eq(occurrences(log_path, "unable to keep the logger"),
	    TIMES);
	has_or_counts(LINES + TIMES * LINES - others);
}
END_TEST

START_TEST(log_that_cannot_be_written_counts_a_long_line_as_one)
{
	enum { BYTES = 500000 };
	int received, fd;

	daemon_set_logger_drop(1);
	fd = start_with_no_room(LINES);
	ck_assert_int_eq(answers_number(fd), LINES);
	order(fd, "bytes %d %d", BYTES, '~');
	answers(fd, "ok");
	say(fd, "!");		/* else a message may end the line */
	close(fd);
	log_pipe_is_empty();
	raise_limit();
	logs("after all");
	stop();
	/* If there was room for a part of it, that part may be there. */
	received = occurrences(log_path, "~!\n");
	ck_assert_int_eq(occurrences(log_path, "~") == BYTES, received);
	has_or_counts(LINES + 1 - received);
}
END_TEST

/* A small disk for this program only, gone when the test ends. */
static void
mount_disk(void)
{
	char path[512];
	int fd;

	snprintf(path, sizeof path, "%s/disk", scratch());
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", path, "tmpfs", 0, "size=2m") == -1)
		_exit(96);
	strcat(path, "/ballast");
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	if (fd == -1 || posix_fallocate(fd, 0, 1536 * 1024) != 0)
		_exit(96);
	close(fd);
}

static int
can_mount(void)
{
	int status;
	pid_t pid;

	make_directory("disk");
	if ((pid = fork()) == 0) {
		mount_disk();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static int to_syslog = -1;	/* reads /dev/log */

/* A /dev of the program's own, with a /dev/log. */
static void
mount_dev(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "/dev/log" };

	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/dev", "tmpfs", 0, NULL) == -1 ||
	    mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == -1 ||
	    bind(to_syslog, (struct sockaddr *)&addr, sizeof addr) == -1)
		_exit(96);
}

static int
syslog_has(const char *part)
{
	char text[1100];
	int has = 0;
	ssize_t n;

	while ((n = recv(to_syslog, text, sizeof text - 1,
	    MSG_DONTWAIT)) > 0) {
		text[n] = '\0';
		has |= strstr(text, part) != NULL;
	}
	return has;
}

START_TEST(log_that_cannot_be_written_at_the_end_has_its_losses_in_syslog)
{
	int fd;

	if (skip_if(!can_mount(), "this user cannot mount a file system"))
		return;
	to_syslog = socket(AF_UNIX, SOCK_DGRAM, 0);
	here.before_start = mount_dev;
	daemon_set_logger_drop(1);
	fd = start_with_no_room(3 * LINES);
	ck_assert_int_eq(answers_number(fd), 3 * LINES);
	close(fd);
	stop();		/* after some seconds */
	ck_assert(syslog_has(" lines are lost"));
	close(to_syslog);
}
END_TEST

START_TEST(log_that_cannot_be_written_at_the_end_has_messages_in_syslog)
{
	int fd;

	if (skip_if(!can_mount(), "this user cannot mount a file system"))
		return;
	to_syslog = socket(AF_UNIX, SOCK_DGRAM, 0);
	here.before_start = mount_dev;
	fd = start_with_no_room(30);
	ck_assert_int_eq(answers_number(fd), 30);
	close(fd);
	becomes_as_long(log_path, LIMIT);
	send_signal(here.server, SIGABRT);
	next_server();
	stop();		/* after some seconds */
	ck_assert(syslog_has(": unable to keep the server: it was ended by "
	    "signal 6"));
	close(to_syslog);
}
END_TEST

START_TEST(log_file_removed_where_there_is_no_room_loses_no_later_line)
{
	int fd = start_with_no_room(LINES);
	long next;

	move(log_path, in_scratch("log.old"));
	remove_file(in_scratch("log.old"));
	becomes_as_long(log_path, LIMIT);
	raise_limit();
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	stop();
	/* Lines in the removed file are lost. */
	next = first_number(log_path);
	ck_assert_int_le(next, LIMIT / PADDING);
	ck_assert_int_eq(follow(log_path, "a", next), LINES);
}
END_TEST

START_TEST(log_that_is_cut_where_there_is_no_room_doubles_no_line)
{
	long next;
	int fd;

	start_with_little_room();
	logs("one");	/* so the write that fails is not at offset 0 */
	fd = use_up_room(LINES);
	ck_assert_int_eq(truncate(log_path, 0), 0);
	raise_limit_to(LIMIT + LIMIT / 2);
	becomes_as_long(log_path, LIMIT + LIMIT / 2);
	raise_limit();
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	stop();
	/* Some of the lines that were cut off may be there again, but no
	 * others. */
	next = first_number(log_path);
	ck_assert_int_le(next, LIMIT / PADDING);
	ck_assert_int_eq(follow(log_path, "a", next), LINES);
}
END_TEST

/* Removes the unfinished line at the end of the file; there must be one. */
static void
cut_torn_line(const char *path)
{
	size_t size, whole;
	char *text = content(path, &size);

	ck_assert_ptr_nonnull(text);
	for (whole = size; whole > 0 && text[whole - 1] != '\n'; whole--)
		;
	ck_assert_uint_lt(whole, size);
	ck_assert_int_eq(truncate(path, (off_t)whole), 0);
	free(text);
}

/* The old file cannot be written, so its torn line is whole in the next one. */
static void
goes_on_in(const char *old, const char *next, int fd)
{
	becomes_as_long(next, LIMIT);
	raise_limit();
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	stop();
	cut_torn_line(old);
	ck_assert_int_eq(follow(next, "a", follow(old, "a", 0)), LINES);
}

START_TEST(log_file_renamed_where_there_is_no_room_is_followed_by_a_new_one)
{
	int fd = start_with_no_room(LINES);

	move(log_path, in_scratch("old"));
	goes_on_in(in_scratch("old"), log_path, fd);
}
END_TEST

START_TEST(log_file_without_room_is_left_at_a_hup)
{
	int fd;

	stop_the_clock();
	fd = start_with_no_room(LINES);
	settled(here.logger);
	move(log_path, in_scratch("old"));
	send_signal(here.master, SIGHUP);
	goes_on_in(in_scratch("old"), log_path, fd);
}
END_TEST

START_TEST(log_file_without_room_is_left_when_its_time_is_over)
{
	char old[512];
	int fd;

	stop_the_clock();
	log_to("log-%S");
	strcpy(log_path, path_now("log-%S"));
	strcpy(old, log_path);
	fd = start_with_no_room(LINES);
	sky->second++;
	goes_on_in(old, path_now("log-%S"), fd);
}
END_TEST

START_TEST(log_file_without_room_is_left_by_whichever_logger_there_is)
{
	int fd;

	fd = start_with_no_room(LINES);
	kill_logger();
	move(log_path, in_scratch("old"));
	kill_logger();
	becomes_as_long(log_path, LIMIT);
	kill_logger();
	heard(&here.run, "limited");
	goes_on_in(in_scratch("old"), log_path, fd);
}
END_TEST

/* The old file ends with half a line of another process: it is not repeated. */
static void
goes_on_behind_half_a_line(int fd)
{
	char old[512];

	strcpy(old, in_scratch("old"));
	write_file(in_scratch("new"), "> half", 6);
	move(log_path, old);
	move(in_scratch("new"), log_path);
	sky->second++;
	becomes_as_long(log_path, LIMIT);
	kill_logger();
	heard(&here.run, "limited");
	raise_limit();
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	stop();
	cut_torn_line(old);
	ck_assert_int_eq(follow(log_path, "a", follow(old, "a", 0)), LINES);
	ck_assert_int_eq(occurrences(log_path, "> half\n> a "), 1);
}

START_TEST(log_file_without_room_is_followed_by_one_with_half_a_line)
{
	stop_the_clock();
	goes_on_behind_half_a_line(start_with_no_room(LINES));
}
END_TEST

START_TEST(log_line_begins_behind_half_a_line_that_somebody_else_writes)
{
	FILE *file;

	start_logging();
	logs("one");
	ck_assert_ptr_nonnull(file = fopen(log_path, "a"));
	fputs("half", file);
	ck_assert_int_eq(fclose(file), 0);
	logs("two");
	stop();
	is_exactly(log_path, "> one\nhalf\n> two\n", 17);
}
END_TEST

/* The same file, seen from the program's mount namespace. */
static const char *
on_disk(const char *name)
{
	static char path[512];

	snprintf(path, sizeof path, "/proc/%ld/root%s/disk/%s",
	    (long)here.master,
	    scratch(), name);
	return path;
}

static void
disk_fills(void)
{
	struct statvfs all;
	long since = 0;

	do {
		look_again(&since, "the disk to be full");
		ck_assert_int_eq(statvfs(on_disk("log"), &all), 0);
	} while (all.f_bavail > 0);
}

START_TEST(log_on_a_full_disk_goes_on_when_there_is_room)
{
	char last[PADDING + 64];
	int fd;

	if (skip_if(!can_mount(), "this user cannot mount a file system"))
		return;
	log_to("disk/log");
	here.before_start = mount_disk;
	padding = PADDING;
	start_logging();
	fd = client(here.port);
	order(fd, "many a %d", LINES);
	disk_fills();
	remove_file(on_disk("ballast"));
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	snprintf(last, sizeof last, "> a %d x", LINES - 1);
	comes(on_disk("log"), last);
	comes(on_disk("log"), " s: No space left on device\n");
	ck_assert_int_eq(follow(on_disk("log"), "a", 0), LINES);
	stop();
}
END_TEST

START_TEST(log_goes_on_while_its_directory_has_another_name)
{
	stop_the_clock();
	log_to("there/log");
	make_directory("there");
	start_logging();
	logs("one");
	move(in_scratch("there"), in_scratch("away"));
	sky->second++;
	logs_in(in_scratch("away/log"), "two");
	kill_logger();
	logs_in(in_scratch("away/log"), "three");
	move(in_scratch("away"), in_scratch("there"));
	sky->second++;
	logs("four");
	comes(log_path, "tested: unable to open ");
	comes(log_path, " s: No such file or directory\n");
	stop();
}
END_TEST

START_TEST(log_goes_on_in_the_old_file_where_no_new_one_may_be_made)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	stop_the_clock();
	give_scratch_to(NOBODY);
	here.in_logger = drop_rights;
	start_logging();
	logs("one");
	give_scratch_to(0);
	move(log_path, in_scratch("old"));
	sky->second++;
	logs_in(in_scratch("old"), "two");
	give_scratch_to(NOBODY);
	sky->second++;
	logs("three");
	comes(log_path, " s: Permission denied\n");
	stop();
	is_exactly(in_scratch("old"), "> one\n> two\n", 12);
}
END_TEST

static void
drop_rights_and_limit_file(void)
{
	drop_rights();
	limit_file();
}

/* Only the logger's user may do it, or more rights than root in a container. */
static void
raise_limit_as_nobody(void)
{
	ck_assert_int_eq(setregid(NOBODY, 0), 0);
	ck_assert_int_eq(setreuid(NOBODY, 0), 0);
	raise_limit();
	ck_assert_int_eq(setreuid(0, 0), 0);
	ck_assert_int_eq(setregid(0, 0), 0);
}

START_TEST(log_tells_what_was_lost_also_where_it_could_not_open_its_file)
{
	char old[512];
	int fd;

	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	stop_the_clock();
	give_scratch_to(NOBODY);
	daemon_set_logger_drop(1);
	here.in_logger = drop_rights_and_limit_file;
	padding = PADDING;
	start_logging();
	give_scratch_to(0);
	strcpy(old, in_scratch("old"));
	move(log_path, old);
	sky->second++;
	logs_in(old, "one");	/* by now it has tried to make a new file */
	fd = client(here.port);
	order(fd, "many a %d", 3 * LINES);
	ck_assert_int_eq(answers_number(fd), 3 * LINES);
	close(fd);
	becomes_as_long(old, LIMIT);
	sky->second++;
	raise_limit_as_nobody();
	comes(old, " lines are lost\n");
	logs_in(old, "after all");
	stop();
	ck_assert_int_eq(size_of(log_path), -1);
	strcpy(log_path, old);
	has_or_counts(3 * LINES);
	ck_assert_int_eq(occurrences(old, "unable to open"), 0);
}
END_TEST

/* The worker logs many lines, which may go into several files. */
static void
logs_many(const char *name, int count)
{
	char last[64];

	write_many(name, count);
	snprintf(last, sizeof last, "%s %d x", name, count - 1);
	line_comes(log_path, last);
}

/* How often all files of the rotation contain this. */
static int
occurrences_in_all(const char *part)
{
	char name[16];
	int i, count = occurrences(log_path, part);

	for (i = 1; snprintf(name, sizeof name, "log.%d", i) > 0 &&
	    size_of(in_scratch(name)) != -1; i++)
		count += occurrences(in_scratch(name), part);
	return count;
}

START_TEST(log_tells_once_that_it_could_not_be_rotated)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	int i;

	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	stop_the_clock();
	give_scratch_to(NOBODY);
	daemon_set_logger_size_max(1000);
	here.in_logger = drop_rights;
	start_logging();
	give_scratch_to(0);
	for (i = 0; i < 3; i++, sky->second++)
		logs_many(names[i], 200);
	ck_assert_int_eq(files_within(100000), 1);
	give_scratch_to(NOBODY);
	logs_many(names[3], 200);
	stop();
	ck_assert_int_ge(files_within(100000), 3);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(follow_rotated(names[i], 0), 200);
	ck_assert_int_eq(occurrences_in_all("unable to"), 1);
	ck_assert_int_eq(occurrences_in_all("> tested: unable to rename "), 1);
	ck_assert_int_eq(occurrences_in_all(" s: Permission denied\n"), 1);
}
END_TEST

START_TEST(log_tells_also_in_a_file_of_another_time_that_it_was_not_rotated)
{
	char first[512];

	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	stop_the_clock();
	give_scratch_to(NOBODY);
	log_to("%S/log");
	strcpy(first, path_now("%S"));
	daemon_set_logger_size_max(1000);
	here.in_logger = drop_rights;
	start_logging();
	ck_assert_int_eq(chmod(first, 0555), 0);
	ck_assert_int_eq(chown(first, 0, 0), 0);
	write_many("a", 200);
	line_comes(path_now("%S/log"), "a 199 x");
	sky->second++;
	logs_in(path_now("%S/log"), "next");
	comes(path_now("%S/log"), "> tested: unable to rename ");
	stop();
}
END_TEST

START_TEST(log_waits_where_its_file_is_removed_and_none_may_be_made)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	give_scratch_to(NOBODY);
	here.in_logger = drop_rights;
	start_logging();
	logs("one");
	give_scratch_to(0);
	remove_file(log_path);
	log_line("two");
	kill_logger();
	log_line("three");
	give_scratch_to(NOBODY);
	line_comes(log_path, "three");
	comes(log_path, "> two\n");
	stop();
	ck_assert_int_eq(occurrences(log_path, "> two\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> three\n"), 1);
}
END_TEST

START_TEST(log_that_cannot_be_read_is_tried_once_a_second)
{
	long since = 0;

	if (has_no_splice())
		return;
	make_ban(0);
	start_logging();
	logs("one");
	ban->error = EIO;
	log_line("two");
	while (ban->calls < COUNT(ban->times))
		look_again(&since, "a second read");
	ban->error = 0;
	line_comes(log_path, "two");
	comes(log_path, "> tested: unable to read lines for ");
	comes(log_path, " s: Input/output error\n");
	stop();
	ck_assert_int_eq(occurrences(log_path, "unable to"), 1);
	ck_assert_int_ge((ban->times[1].tv_sec - ban->times[0].tv_sec) * 1000 +
	    (ban->times[1].tv_nsec - ban->times[0].tv_nsec) / 1000000, 900);
}
END_TEST

enum { KILLS = 30 };

static void
grows(const char *path)
{
	off_t size = size_of(path);
	long since = 0;

	while (size_of(path) == size)
		look_again(&since, "a file to grow");
}

/* Kills it while two workers write as fast as they can. */
static void
kill_many_times(long *one, long *other)
{
	int i, fds[2];

	daemon_set_logger_fast_time(0);
	start_logging();
	fds[0] = flooding("a");
	fds[1] = flooding("b");
	for (i = 0; i < KILLS; i++) {
		if (i % 3 != 0)
			grows(log_path);
		kill_logger();
	}
	*one = flood_ends(fds[0]);
	*other = flood_ends(fds[1]);
	stop();
}

/* Several signals a second must not postpone that. */
START_TEST(log_that_could_not_be_read_once_is_read_again_under_hups)
{
	long since = 0;

	if (has_no_splice())
		return;
	make_ban(0);
	ban->once = 1;
	start_logging();
	logs("one");
	ban->error = ENOMEM;
	log_line("two");
	while (ban->calls == 0)
		look_again(&since, "a read that fails");
	for (since = 0; occurrences(log_path, "> two\n") == 0;) {
		look_again(&since, "the line");
		send_signal(here.logger, SIGHUP);
	}
	stop();
}
END_TEST

START_TEST(log_is_read_where_splice_is_refused_and_nothing_is_lost)
{
	static const int errors[] = { ENOSYS, EPERM, EINVAL, EACCES };
	long one, other;
	int i;

	if (has_no_splice())
		return;
	make_ban(0);
	for (i = 0; i < COUNT(errors); i++) {
		ban->error = errors[i];
		ban->calls = 0;
		kill_many_times(&one, &other);
		has_all("a", one);
		has_all("b", other);
		ck_assert_int_gt(ban->calls, 0);
		ck_assert_int_eq(occurrences(log_path, "unable to read"), 0);
		remove_file(log_path);
	}
}
END_TEST

START_TEST(log_trouble_tells_the_file_that_it_was_about)
{
	char old[512], about[600];
	int fd;

	stop_the_clock();
	log_to("log-%S");
	strcpy(log_path, path_now("log-%S"));
	strcpy(old, log_path);
	fd = start_with_no_room(LINES);
	sky->second++;
	becomes_as_long(path_now("log-%S"), LIMIT);
	raise_limit();
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	snprintf(about, sizeof about, "unable to write %s for ", old);
	comes(path_now("log-%S"), about);
	stop();
}
END_TEST

START_TEST(log_trouble_of_a_write_is_told_for_what_it_was)
{
	make_disk();
	start_logging();
	logs("one");
	disk->error = EAGAIN;
	logs("two");
	comes(log_path, " s: Resource temporarily unavailable\n");
	ck_assert_int_eq(occurrences(log_path, "locked"), 0);
	stop();
}
END_TEST

START_TEST(start_fails_with_the_reason_however_long_the_path_is)
{
	char path[4096];
	int i;

	log_to("log");
	snprintf(path, sizeof path, "%s", scratch());
	for (i = 0; i < 15; i++)
		strcat(path, "/a-directory-that-has-a-long-name-and-is-not-"
		    "there-so-that-the-message-becomes-long");
	daemon_set_logger_name_format(path);
	start_fails(1, ": No such file or directory\n");
	says(here.run.err, "...");
	says(here.run.err, "becomes-long: ");
}
END_TEST

/*
 * A disk that hangs
 */

static void
disk_is_met(void)
{
	long since = 0;

	while (disk->calls == 0)
		look_again(&since, "the disk to be met");
}

/* The logger sleeps in a call on the file. */
static void
start_with_disk_that_hangs(void)
{
	make_disk();
	daemon_set_logger_drop(1);
	padding = PADDING;
	start_logging();
	logs("one");
	disk->hangs = 1;
}

static void
goes_on_after_all(long written)
{
	logs("after all");
	stop();
	has_or_counts(written);
}

/* Each line is acknowledged: its writer did not wait for the disk. */
static void
nobody_waits(const char *name)
{
	int fd = client(here.port);

	order(fd, "many %s %d", name, 3 * LINES);
	ck_assert_int_eq(answers_number(fd), 3 * LINES);
	close(fd);
}

START_TEST(log_on_a_disk_that_hangs_has_nobody_wait_if_lines_may_be_dropped)
{
	start_with_disk_that_hangs();
	log_line("two");
	disk_is_met();
	nobody_waits("a");
	disk->hangs = 0;
	goes_on_after_all(3 * LINES);
}
END_TEST

START_TEST(log_file_that_is_opened_for_long_has_nobody_wait_either)
{
	start_with_disk_that_hangs();
	move(log_path, in_scratch("old"));
	disk_is_met();
	nobody_waits("a");
	disk->hangs = 0;
	goes_on_after_all(3 * LINES);
}
END_TEST

START_TEST(logger_that_is_stopped_has_nobody_wait_if_lines_may_be_dropped)
{
	daemon_set_logger_drop(1);
	padding = PADDING;
	start_logging();
	send_signal(here.logger, SIGSTOP);
	nobody_waits("a");
	send_signal(here.logger, SIGCONT);
	goes_on_after_all(3 * LINES);
}
END_TEST

/* There is a reader, but no logger that can write. */
START_TEST(logger_that_cannot_come_back_has_nobody_wait_either)
{
	log_to("log");
	make_gate();
	here.in_logger = at_gate;
	open_gate();	/* for the first; the next one waits */
	daemon_set_logger_drop(1);
	padding = PADDING;
	start_logging();
	kill_logger();
	nobody_waits("a");
	open_gate();
	goes_on_after_all(3 * LINES);
}
END_TEST

static pid_t reader;

/* A child of its logger, or of the master if the logger is dead. */
static pid_t
find_reader(void)
{
	pid_t pids[4];
	int i, count;

	if (children_of(here.logger, pids, 4) > 0)
		return running(pids[0]) ? pids[0] : 0;
	count = children_of(here.master, pids, 4);
	for (i = 0; i < count; i++)
		if (pids[i] != here.logger && pids[i] != here.server &&
		    running(pids[i]))
			return pids[i];
	return 0;
}

static void
meet_reader(void)
{
	long since = 0;

	while ((reader = find_reader()) == 0)
		look_again(&since, "a reader");
}

START_TEST(logger_has_a_reader_if_lines_may_be_dropped)
{
	pid_t pids[2];

	start_logging();
	ck_assert_int_eq(children_of(here.logger, pids, 2), 0);
	stop();
	daemon_set_logger_drop(1);
	start_logging();
	meet_reader();
	send_all(reader);
	logs("one");
	ck_assert(running(reader));
	stop();
}
END_TEST

/* Each portion fits into what a reader holds, so nothing is dropped. */
static long
in_portions(int fd, int portions)
{
	char last[64];
	static int portion;

	for (; portions > 0; portions--, portion++) {
		order(fd, "many %d 50", portion);
		ck_assert_int_eq(answers_number(fd), 50);
		snprintf(last, sizeof last, "> %d 49 x", portion);
		if (portions % 2 == 0)
			comes(log_path, last);
	}
	return portion;
}

static void
has_portions(long count)
{
	char name[32];
	long i;

	for (i = 0; i < count; i++) {
		snprintf(name, sizeof name, "%ld", i);
		has_all(name, 50);
	}
	ck_assert_int_eq(occurrences(log_path, "unable to keep all"), 0);
}

START_TEST(reader_that_is_killed_loses_no_line_and_doubles_none)
{
	long count;
	int i, fd;

#ifndef HAVE_PRCTL
	if (skip_if(1, "the master does not adopt a dead logger's reader"))
		return;
#endif
	daemon_set_logger_drop(1);
	daemon_set_logger_fast_time(0);
	start_logging();
	fd = client(here.port);
	for (i = 0; i < KILLS; i++) {
		count = in_portions(fd, 2);
		meet_reader();
		send_signal(reader, SIGKILL);
		if (i % 3 == 0)
			kill_logger();
		gone(reader);
	}
	count = in_portions(fd, 2);
	close(fd);
	stop();
	has_portions(count);
}
END_TEST

START_TEST(reader_outlives_its_logger_and_leaves_with_the_daemon)
{
	daemon_set_logger_drop(1);
	start_logging();
	meet_reader();
	kill_logger();
	logs("one");
	ck_assert(running(reader));
	kill_logger();
	logs("two");
	ck_assert(running(reader));
	stop();
	ck_assert_int_eq(occurrences(log_path, "> one\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> two\n"), 1);
}
END_TEST

START_TEST(reader_leaves_with_the_master_though_somebody_holds_the_log)
{
	pid_t helper;
	int fd;

	make_gate();
	daemon_set_logger_drop(1);
	start_logging();
	meet_reader();
	fd = client(here.port);
	order(fd, "helper");
	answers(fd, "ok");
	helper = (pid_t)heard(&here.run, "helper");
	close(fd);
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	gone(here.logger);
	gone(reader);
	ck_assert(running(helper));
	open_gate();
	nothing_left();
}
END_TEST

/*
 * The logger's death
 */

START_TEST(logger_that_is_killed_loses_no_line_and_writes_none_twice)
{
	long one, other;

	kill_many_times(&one, &other);
	has_all("a", one);
	has_all("b", other);
}
END_TEST

START_TEST(logger_that_is_killed_loses_nothing_when_it_changes_files)
{
	long one, other;

	daemon_set_logger_size_max(50000);
	kill_many_times(&one, &other);
	ck_assert_int_eq(follow_rotated("a", 0), one);
	ck_assert_int_eq(follow_rotated("b", 0), other);
	files_within(50000);
}
END_TEST

START_TEST(logger_that_is_killed_is_followed_by_one_and_the_log_says_so)
{
	start_logging();
	logs("one");
	kill_logger();
	logs("two");
	comes(log_path, "> tested: unable to keep the logger: "
	    "it was ended by signal 9");
	stop();
}
END_TEST

START_TEST(logger_that_is_stopped_stops_neither_master_nor_server)
{
	int fd;

	start_logging();
	send_signal(here.logger, SIGSTOP);
	fd = client(here.port);
	order(fd, "fill");
	answers(fd, "full");
	close(fd);
	send_signal(here.master, SIGHUP);
	next_server();
	send_signal(here.server, SIGABRT);
	next_server();
	fd = client(here.port);
	order(fd, "hello");
	answers(fd, "hello");
	close(fd);
	send_signal(here.master, SIGTERM);
	ends_with(0);
}
END_TEST

/* The kernel function in which it sleeps. */
static int
waits_in(pid_t pid, const char *function)
{
	char path[64], text[64] = "";
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/wchan", (long)pid);
	if ((file = fopen(path, "r")) == NULL)
		return 0;
	if (fgets(text, sizeof text, file) == NULL)
		text[0] = '\0';
	fclose(file);
	return strcmp(text, function) == 0;
}

START_TEST(log_that_a_worker_holds_for_ever_holds_neither_master_nor_server)
{
	long since = 0;
	pid_t worker;
	int fd;

	start_logging();
	fd = client(here.port);
	worker = (pid_t)number(fd, "who");
	order(fd, "hold");
	if (skip_if(strcmp(client_hears(fd), "holds") != 0,
	    "no userfaultfd(2) here")) {
		stop();
		return;
	}
	while (!waits_in(worker, "handle_userfault"))
		look_again(&since, "the worker to hold the log");
	send_signal(here.server, SIGABRT);
	next_server();
	send_signal(here.server, SIGABRT);
	next_server();
	send_signal(worker, SIGKILL);
	close(fd);
	logs("one");
	ck_assert_int_eq(occurrences(log_path, "unable to keep the server"),
	    2);
	stop();
}
END_TEST

START_TEST(logger_that_ends_fast_too_often_ends_the_daemon)
{
	int fd;

	daemon_set_logger_fast_max(2);
	start_logging();
	fd = client(here.port);
	say(fd, "one");
	kill_logger();
	kill_logger();
	send_signal(here.logger, SIGKILL);
	ck_assert_ptr_null(client_hears(fd));	/* its worker was ended */
	close(fd);
	ends_with(1);
	ck_assert_int_eq(occurrences(log_path, "> one\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> tested: unable to go on: "
	    "the logger was ended by signal 9 (Killed), more often than "
	    "allowed\n"), 1);
}
END_TEST

START_TEST(logger_that_is_given_up_is_not_forked_again_and_again)
{
	enum { FEW = 8 };
	long pid = 0;
	int fd, count = 0;

	daemon_set_logger_fast_max(1);
	daemon_set_stop_timeout(1);
	make_gate();
	here.in_logger = at_gate;
	open_gate();	/* for the first; the others wait to be killed */
	start_logging();
	fd = client(here.port);
	order(fd, "ignore");
	answers(fd, "ok");
	kill_logger();
	/* after this one the log is given up */
	send_signal(here.logger, SIGKILL);
	ck_assert_ptr_null(client_hears(fd));	/* its worker was killed */
	close(fd);
	for (; heard_if(&here.run, "logger", &pid); count++) {
		ck_assert_int_gt(pid, 1);
		kill((pid_t)pid, SIGKILL);
	}
	ends_with(1);
	ck_assert_int_le(count, FEW);
}
END_TEST

static void
ignore_all_but_kill(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	stay_confirmed();
}

START_TEST(logger_that_is_given_up_brings_no_server_back)
{
	daemon_set_logger_fast_max(1);
	daemon_set_stop_timeout(0);
	make_gate();
	here.before_server = ignore_all_but_kill;
	start_logging();
	heard(&here.run, "confirmed");
	kill_logger();
	kill_logger();		/* after this one the log is given up */
	send_signal(here.master, SIGHUP);
	send_signal(here.master, SIGUSR1);
	send_signal(here.server, SIGKILL);
	ends_with(1);
	never_told("server");
}
END_TEST

START_TEST(logger_that_is_given_up_still_has_followers_while_others_write)
{
	int fd;

	daemon_set_logger_fast_max(1);
	daemon_set_stop_timeout(0);
	padding = PADDING;
	start_logging();
	fd = client(here.port);
	order(fd, "ignore");
	answers(fd, "ok");
	kill_logger();
	/* after this one the log is given up */
	send_signal(here.logger, SIGKILL);
	gone(here.server);
	order(fd, "many a %d", LINES);
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	ends_with(1);
	has_all("a", LINES);
}
END_TEST

static void
end_if_broken(void)
{
	if (access(in_scratch("broken"), F_OK) == 0)
		_exit(3);
}

START_TEST(logger_that_cannot_start_any_more_does_not_hold_the_daemon)
{
	int fd;

	daemon_set_logger_fast_max(1);
	daemon_set_stop_timeout(1);
	here.in_logger = end_if_broken;
	start_logging();
	fd = client(here.port);
	order(fd, "ignore");
	answers(fd, "ok");
	make_file(in_scratch("broken"));
	kill_logger();
	order(fd, "flood a");	/* without a reader it must be killed */
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
	ends_with(1);
}
END_TEST

START_TEST(logger_may_end_as_often_as_it_will_where_no_end_is_fast)
{
	int i;

	daemon_set_logger_fast_time(0);
	daemon_set_logger_fast_max(1);
	start_logging();
	for (i = 0; i < 10; i++)
		kill_logger();
	logs("still here");
	stop();
}
END_TEST

START_TEST(logger_ends_with_the_others_where_the_master_is_killed)
{
	start_logging();
	logs("one");
	send_signal(here.master, SIGKILL);
	ended(here.master);
	nothing_left();
	comes(log_path, "the master is gone");
}
END_TEST

START_TEST(logger_that_is_the_second_ends_too_where_the_master_is_killed)
{
	start_logging();
	kill_logger();
	logs("one");
	send_signal(here.master, SIGKILL);
	ended(here.master);
	nothing_left();
	comes(log_path, "the master is gone");
}
END_TEST

static void
lock_is_free(void)
{
	int fd = open(log_path, O_WRONLY);
	long since = 0;

	while (flock(fd, LOCK_EX | LOCK_NB) == -1)
		look_again(&since, "the lock");
	close(fd);
}

/* A worker still has its client, so the logger stays; a new daemon logs to the
 * same file. */
START_TEST(start_succeeds_beside_a_logger_whose_master_was_killed)
{
	pid_t orphan;
	int fd;

	if (has_no_locks())
		return;
	start_logging();
	fd = client(here.port);
	say(fd, "one");
	line_comes(log_path, "one");
	orphan = here.logger;
	send_signal(here.master, SIGKILL);
	ended(here.master);
	lock_is_free();
	start_logging();
	logs("two");
	say(fd, "three");
	close(fd);
	logs("four");
	ck_assert(running(orphan));	/* its worker has not ended */
	stop();			/* waits for both */
	ck_assert_int_eq(occurrences(log_path, "> one\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> two\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> three\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> four\n"), 1);
}
END_TEST

/* It locks the file only for moments, whose end the start waits for. */
START_TEST(start_succeeds_beside_such_a_logger_that_has_much_to_write)
{
	long count;
	int fd;

	if (has_no_locks())
		return;
	start_logging();
	fd = flooding("a");
	comes(log_path, "> a ");
	send_signal(here.master, SIGKILL);
	ended(here.master);
	start_logging();
	logs("two");
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	count = flood_ends(fd);
	nothing_left();
	has_all("a", count);
	ck_assert_int_eq(occurrences(log_path, "> two\n"), 1);
}
END_TEST

START_TEST(logger_whose_master_was_killed_writes_on)
{
	int fd;

	start_logging();
	fd = client(here.port);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	say(fd, "one");
	line_comes(log_path, "one");
	move(log_path, in_scratch("old"));
	appears(log_path);
	say(fd, "two");
	line_comes(log_path, "two");
	close(fd);
	nothing_left();
}
END_TEST

/* EMFILE at different steps of its start: this file's length, if there is one,
 * is how many descriptors may be open. */
static void
limit_descriptors(void)
{
	struct rlimit few;

	if (size_of(in_scratch("few")) == -1)
		return;
	getrlimit(RLIMIT_NOFILE, &few);
	few.rlim_cur = (rlim_t)size_of(in_scratch("few"));
	if (setrlimit(RLIMIT_NOFILE, &few) == -1)
		_exit(96);
	tell("limited", 1);
}

START_TEST(logger_that_cannot_begin_again_for_a_while_is_waited_for)
{
	static const char *const few[] = { "xxx", "xxxxxx", "xxxxxxxxx",
		"xxxxxxxxxxxx", "xxxxxxxxxxxxxxx" };
	struct rlimit more;
	char text[16];
	int i;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &more), 0);

	log_to("log");
	daemon_set_logger_fast_time(0);
	here.in_logger = limit_descriptors;
	start_logging();
	for (i = 0; i < COUNT(few); i++) {
		write_file(in_scratch("few"), few[i], strlen(few[i]));
		kill_logger();
		heard(&here.run, "limited");
		remove_file(in_scratch("few"));
		snprintf(text, sizeof text, "line %d", i);
		log_line(text);
		settled(here.logger);
		ck_assert_int_eq(prlimit(here.logger, RLIMIT_NOFILE, &more,
		    NULL),
		    0);
		line_comes(log_path, text);
		ck_assert(running(here.logger));
	}
	stop();
}
END_TEST

/*
 * Two daemons that log to one file
 */

static struct puppet first;	/* the other daemon; "here" is the second */

static void
start_second(void)
{
	first = here;
	here.run.facts = 0;	/* it is still the first one's */
	start_logging();
}

static void
change_daemons(void)
{
	struct puppet other = first;

	first = here;
	here = other;
}

static void
stop_both(void)
{
	send_signal(first.master, SIGTERM);
	exited(ended(first.master), 0);
	stop();
}

/* Neither waits for the other to end, nor minds its death. */
START_TEST(log_of_two_daemons_has_each_line_once)
{
	int i;

	if (has_no_locks())
		return;
	daemon_set_logger_fast_time(0);
	start_logging();
	logs("one");
	start_second();
	for (i = 0; i < 2; i++) {
		logs(i == 0 ? "two" : "three");
		kill_logger();
		logs(i == 0 ? "four" : "five");
		change_daemons();
	}
	stop_both();
	ck_assert_int_eq(occurrences(log_path, "> one\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> two\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> three\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> four\n"), 1);
	ck_assert_int_eq(occurrences(log_path, "> five\n"), 1);
}
END_TEST

START_TEST(log_of_two_daemons_that_write_at_once_has_each_line_whole)
{
	enum { COUNT = 20000 };
	int fds[2];

	if (has_no_locks())
		return;
	start_logging();
	fds[0] = client(here.port);
	start_second();
	fds[1] = client(here.port);
	order(fds[0], "many a %d", COUNT);
	order(fds[1], "many b %d", COUNT);
	ck_assert_int_eq(answers_number(fds[0]), COUNT);
	ck_assert_int_eq(answers_number(fds[1]), COUNT);
	close(fds[0]);
	close(fds[1]);
	stop_both();
	has_all("a", COUNT);
	has_all("b", COUNT);
}
END_TEST

/* An upgrade: the old release still has a client. */
START_TEST(start_succeeds_beside_a_daemon_that_drains)
{
	int fd;

	if (has_no_locks())
		return;
	start_logging();
	fd = client(here.port);
	say(fd, "one");
	send_signal(here.master, SIGUSR2);
	start_second();
	logs("two");
	say(fd, "three");
	line_comes(log_path, "three");
	logs("four");
	ck_assert(running(first.master));	/* it waits for its worker */
	order(fd, "bye");	/* the second daemon has the descriptor, too */
	exited(ended(first.master), 0);
	close(fd);
	logs("five");
	stop();
	is_exactly(log_path, "> one\n> two\n> three\n> four\n> five\n", 34);
}
END_TEST

/* Not a second later, and without another rotation. */
START_TEST(log_that_another_daemon_has_rotated_is_followed_at_once)
{
	if (has_no_locks())
		return;
	stop_the_clock();	/* so no second passes */
	daemon_set_logger_size_max(24);
	start_logging();
	logs("one, for the first");
	start_second();
	logs("two");
	ck_assert_int_eq(occurrences(in_scratch("log.1"), "> one, "), 1);
	change_daemons();
	logs("three");
	change_daemons();
	logs("four");
	stop_both();
	is_exactly(log_path, "> two\n> three\n> four\n", 21);
	is_exactly(in_scratch("log.1"), "> one, for the first\n", 21);
	ck_assert_int_eq(size_of(in_scratch("log.2")), -1);
}
END_TEST

/* It is not being written then, and its logger may even be dead. */
START_TEST(log_of_another_daemon_is_left_by_a_rotation_that_comes_to_it)
{
	if (skip_if(!HAVE_DECL_F_OFD_SETLK, "a claim ends with its logger"))
		return;
	stop_the_clock();
	daemon_set_logger_fast_time(0);
	log_to("log.2");
	start_logging();
	logs("theirs");
	log_to("log");
	daemon_set_logger_size_max(1);
	start_second();
	logs("one");
	logs("two");
	logs("three");
	stopped(first.master);
	send_signal(first.logger, SIGKILL);
	gone(first.logger);
	sky->second++;
	logs("four");
	send_signal(first.master, SIGCONT);
	change_daemons();
	next_logger();
	logs_in(in_scratch("log.2"), "theirs, too");
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	ck_assert_int_eq(occurrences(in_scratch("log.2"), "> theirs"), 2);
	change_daemons();
	sky->second++;
	log_line("five");	/* now it can be rotated */
	stop();
	ck_assert_int_eq(occurrences_in_all(
	    "a file in the way is another daemon's log\n"), 1);
	ck_assert_int_eq(occurrences_in_all("> five\n"), 1);
	ck_assert_int_gt(size_of(in_scratch("log.3")), 0);
}
END_TEST

/* A line of which one daemon has written only a piece makes the other wait, but
 * not for ever. Then the rest becomes another line. */
START_TEST(log_line_that_does_not_end_is_ended_for_another_daemon)
{
	enum { SIZE = 70000 };
	size_t size, i, found = 0;
	char *text;
	int fd;

	if (has_no_locks())
		return;
	start_logging();
	fd = client(here.port);
	order(fd, "bytes %d %d", SIZE, 'x');
	answers(fd, "ok");
	has_something(log_path);
	start_second();
	logs("two");
	say(fd, "three");
	comes(log_path, "three\n");
	close(fd);
	stop_both();
	text = content(log_path, &size);
	for (i = 0; i < size; i++)
		found += text[i] == 'x';
	ck_assert_uint_eq(found, SIZE);
	ck_assert_uint_eq(size, SIZE + 2 + 1 + 6 + 2 + 6);
	ck_assert_int_eq(occurrences(log_path, "x\n> two\n> "), 1);
	free(text);
}
END_TEST

/* A message says that the lock was held for long, and another that it is
 * free. */
static void
syslog_comes(const char *part)
{
	long since = 0;

	while (!syslog_has(part))
		look_again(&since, part);
}

START_TEST(log_that_is_locked_for_long_is_told_of_and_by_which_process)
{
	char why[128];
	int fd;

	if (has_no_locks() || skip_if(!can_mount(),
	    "this user cannot mount a file system"))
		return;
	to_syslog = socket(AF_UNIX, SOCK_DGRAM, 0);
	here.before_start = mount_dev;
	start_logging();
	logs("one");
	fd = lock_log();
	log_line("two");
	snprintf(why, sizeof why, "process %ld (", (long)getpid());
	syslog_comes(why);
	ck_assert_int_eq(occurrences(log_path, "two"), 0);
	close(fd);
	line_comes(log_path, "two");
	comes(log_path, "> tested: unable to lock ");
	comes(log_path, ") has locked it\n");
	stop();
	ck_assert_int_eq(occurrences(log_path, "unable to"), 1);
	close(to_syslog);
}
END_TEST

/* Whether or not the logger that has written half of it lives. */
START_TEST(log_line_that_is_torn_keeps_other_daemons_out_until_it_is_whole)
{
	int fd;

	if (has_no_locks() || skip_if(!can_mount(),
	    "this user cannot mount a file system"))
		return;
	daemon_set_logger_fast_time(0);
	fd = start_with_no_room(30);
	becomes_as_long(log_path, LIMIT);
	kill_logger();
	heard(&here.run, "limited");
	to_syslog = socket(AF_UNIX, SOCK_DGRAM, 0);
	here.before_start = mount_dev;
	here.in_logger = NULL;
	start_second();
	log_line("two");
	syslog_comes(": unable to lock ");
	ck_assert_int_eq(size_of(log_path), LIMIT);
	change_daemons();
	raise_limit();
	ck_assert_int_eq(answers_number(fd), 30);
	close(fd);
	line_comes(log_path, "two");
	stop_both();
	has_all("a", 30);
	close(to_syslog);
}
END_TEST

/*
 * The end
 */

START_TEST(log_has_the_last_words_of_a_worker)
{
	int fd;

	start_logging();
	fd = client(here.port);
	order(fd, "last words");
	answers(fd, "ok");
	stop();
	close(fd);
	is_exactly(log_path, "> last words\n", 13);
}
END_TEST

START_TEST(log_has_the_last_words_also_where_the_last_logger_is_killed)
{
	make_gate();
	here.in_logger = at_gate;
	open_gate();	/* for the first; the next one waits */
	start_logging();
	kill_logger();
	log_line("one");
	send_signal(here.master, SIGTERM);
	gone(here.server);
	kill_logger();
	open_gate();
	ends_with(0);
	ck_assert_int_eq(occurrences(log_path, "> one\n"), 1);
}
END_TEST

START_TEST(log_has_the_last_words_also_where_the_logger_is_stopped)
{
	start_logging();
	send_signal(here.logger, SIGSTOP);
	log_line("one");
	stop();
	ck_assert_int_eq(occurrences(log_path, "> one\n"), 1);
}
END_TEST

static void
wait_and_exit_3(void)
{
	at_gate();
	_exit(3);
}

START_TEST(log_has_the_last_words_of_the_master)
{
	make_gate();
	here.before_server = wait_and_exit_3;
	start_logging();
	open_gate();
	ends_with(3);
	ck_assert_int_eq(occurrences(log_path, "> tested: unable to go on: "
	    "the server ended with status 3, which ends the daemon\n"), 1);
}
END_TEST

/* There is room in the file for the first bytes of the message. */
START_TEST(log_that_may_not_grow_has_no_message_torn_but_in_syslog)
{
	char old[LIMIT - 10];

	if (skip_if(!can_mount(), "this user cannot mount a file system"))
		return;
	memset(old, '\n', sizeof old);
	to_syslog = socket(AF_UNIX, SOCK_DGRAM, 0);
	make_gate();
	log_to("log");
	write_file(log_path, old, sizeof old);
	here.before_start = mount_dev;
	here.in_logger = limit_file;
	here.before_server = wait_and_exit_3;
	start_logging();
	open_gate();
	ends_with(3);
	ck_assert_int_eq(size_of(log_path), sizeof old);
	ck_assert(syslog_has(": unable to go on: the server ended with "
	    "status 3, which ends the daemon"));
	close(to_syslog);
}
END_TEST

/*
 * The library's messages, among the lines of others
 */

#define CRASH	"tested: unable to keep the server: it was ended by signal 6"

static void
crash_the_server(void)
{
	send_signal(here.server, SIGABRT);
	next_server();
}

/* More lines than the logger reads at once, written while it is stopped. */
static void
write_lines_then_a_message(void)
{
	enum { MANY = 150 };
	char *text, *message;
	size_t size;
	int fd;

	padding = PADDING;
	start_logging();
	send_signal(here.logger, SIGSTOP);
	fd = client(here.port);
	order(fd, "many a %d", MANY);
	ck_assert_int_eq(answers_number(fd), MANY);
	crash_the_server();
	send_signal(here.logger, SIGCONT);
	comes(log_path, CRASH);
	order(fd, "say behind it");
	answers(fd, "ok");
	close(fd);
	line_comes(log_path, "behind it");
	text = content(log_path, &size);
	ck_assert_ptr_nonnull(message = strstr(text, CRASH));
	ck_assert_ptr_nonnull(strstr(text, "> a 149 x"));
	ck_assert_ptr_null(strstr(message, "> a "));
	ck_assert_ptr_nonnull(strstr(message, "> behind it\n"));
	free(text);
	has_all("a", MANY);
	stop();
}

START_TEST(log_has_messages_behind_the_lines_that_were_written_before)
{
	write_lines_then_a_message();
}
END_TEST

START_TEST(log_has_them_there_too_where_lines_may_be_dropped)
{
	daemon_set_logger_drop(1);
	write_lines_then_a_message();
}
END_TEST

/* There is a message while a line of this length has no end yet. */
static void
message_comes_beside_half_a_line(long length)
{
	int fd;

	start_logging();
	fd = client(here.port);
	order(fd, "bytes %ld %d", length, 'x');
	answers(fd, "ok");
	if (length > PIPE_BUF)
		has_something(log_path);
	crash_the_server();
	comes(log_path, "> " CRASH);
	order(fd, "say the end");
	answers(fd, "ok");
	close(fd);
	comes(log_path, "the end\n");
	stop();
}

/* As a prompt does, or a program that hangs halfway through a line. */
static void
half_a_line_comes(void)
{
	int fd;

	start_logging();
	fd = client(here.port);
	order(fd, "part one,");
	answers(fd, "ok");
	becomes_as_long(log_path, 6);
	order(fd, "part  two");
	answers(fd, "ok");
	becomes_as_long(log_path, 10);
	say(fd, ", three");
	logs("four");
	close(fd);
	stop();
	is_exactly(log_path, "> one, two, three\n> four\n", 25);
}

START_TEST(log_shows_a_line_that_does_not_end)
{
	half_a_line_comes();
}
END_TEST

START_TEST(log_shows_a_line_that_does_not_end_in_drop_mode_too)
{
	daemon_set_logger_drop(1);
	half_a_line_comes();
}
END_TEST

/* The line is ended for the message, and its rest begins another. */
START_TEST(log_has_messages_after_a_line_that_was_shown)
{
	int fd;

	start_logging();
	fd = client(here.port);
	order(fd, "part one");
	answers(fd, "ok");
	becomes_as_long(log_path, 5);
	send_signal(here.server, SIGABRT);
	next_server();
	comes(log_path, "> one\n> tested: unable to keep the server: ");
	say(fd, "two");
	line_comes(log_path, "two");
	close(fd);
	stop();
}
END_TEST

/* The first daemon does not hold the lock. */
START_TEST(log_of_two_daemons_has_a_line_that_was_shown_ended_by_the_other)
{
	int fd;

	if (has_no_locks())
		return;
	start_logging();
	fd = client(here.port);
	order(fd, "part one");
	answers(fd, "ok");
	becomes_as_long(log_path, 5);
	start_second();
	logs("two");
	say(fd, "three");
	line_comes(log_path, "three");
	close(fd);
	stop_both();
	is_exactly(log_path, "> one\n> two\n> three\n", 20);
}
END_TEST

START_TEST(log_has_messages_though_a_line_does_not_end)
{
	message_comes_beside_half_a_line(100);
	ck_assert_int_eq(occurrences(log_path, "xxthe end\n"), 1);
}
END_TEST

START_TEST(log_has_messages_though_a_line_that_has_begun_does_not_end)
{
	message_comes_beside_half_a_line(100000);
	ck_assert_int_eq(occurrences(log_path, "x\n> " CRASH), 1);
}
END_TEST

START_TEST(log_has_messages_though_a_worker_writes_all_the_time)
{
	int fd, drops;
	long count;

	for (drops = 0; drops <= 1; drops++) {
		daemon_set_logger_drop(drops);
		log_to(drops ? "dropping" : "waiting");
		start_logging();
		fd = client(here.port);
		order(fd, "flood a");
		comes(log_path, "> a 100 ");
		crash_the_server();
		comes(log_path, "> " CRASH);
		order(fd, "enough");
		count = answers_number(fd);
		close(fd);
		stop();
		if (!drops)
			has_all("a", count);
	}
}
END_TEST

START_TEST(log_has_a_newline_after_a_last_line_that_had_none)
{
	int fd;

	start_logging();
	fd = client(here.port);
	order(fd, "part the end");
	answers(fd, "ok");
	close(fd);
	stop();
	is_exactly(log_path, "> the end\n", 10);
}
END_TEST

START_TEST(log_that_somebody_holds_does_not_hold_the_master)
{
	pid_t helper;
	int fd;

	make_gate();
	start_logging();
	fd = client(here.port);
	order(fd, "helper");
	answers(fd, "ok");
	helper = (pid_t)heard(&here.run, "helper");
	say(fd, "one");
	close(fd);
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	ck_assert(running(helper));
	gone(here.logger);
	open_gate();
	nothing_left();
	is_exactly(log_path, "> one\n", 6);
}
END_TEST

START_TEST(logger_returns_at_its_end_if_so_set)
{
	daemon_set_logger_return_fatal(FATAL);
	start_logging();
	logs("one");
	stop();
	ck_assert_int_eq(heard(&here.run, "logger over"), FATAL);
	ck_assert_int_eq(heard(&here.run, "status"), 0);
	never_told("logger over");
}
END_TEST

START_TEST(logger_returns_where_it_cannot_start_if_so_set)
{
	log_to("missing/log");
	daemon_set_logger_return_fatal(FATAL);
	launch(run_start, 1, talker);
	exited(run_wait(&here.run), 1);
	says(here.run.err, "No such file or directory");
	ck_assert_int_eq(heard(&here.run, "logger over"), FATAL);
	ck_assert_int_eq(heard(&here.run, "errno"), ENOENT);
	ck_assert_int_eq(heard(&here.run, "status"), 1);
	never_told("server");
	nothing_left();
}
END_TEST

/*
 * What writers write
 */

/* Asserts that the file is the prefix, the text this many times, and the
 * rest. */
static void
is_repeated(const char *path, const char *text, size_t count,
    const char *rest)
{
	size_t i, length = strlen(text);
	char *expected, *to;

	expected = malloc(strlen(prefix) + count * length + strlen(rest) + 1);
	ck_assert_ptr_nonnull(expected);
	to = stpcpy(expected, prefix);
	for (i = 0; i < count; i++, to += length)
		memcpy(to, text, length);
	to = stpcpy(to, rest);
	is_exactly(path, expected, (size_t)(to - expected));
	free(expected);
}

START_TEST(log_line_of_a_megabyte_is_whole_and_has_one_prefix)
{
	int fd;

	start_logging();
	fd = writes_bytes(1 << 20, 'y');
	say(fd, "z");
	say(fd, "next");
	close(fd);
	is_repeated(log_path, "y", 1 << 20, "z\n> next\n");
	stop();
}
END_TEST

START_TEST(log_line_that_has_begun_in_a_file_ends_there)
{
	int fd;

	start_logging();
	fd = writes_bytes(200000, 'y');
	has_something(log_path);
	move(log_path, in_scratch("old"));
	say(fd, "z");
	close(fd);
	appears(log_path);
	logs("next");
	stop();
	ck_assert_int_ge(size_of(in_scratch("old")), 200004);
	ck_assert_int_eq(occurrences(in_scratch("old"), "yz\n"), 1);
	ck_assert_int_eq(occurrences(in_scratch("old"), "> y"), 1);
	ck_assert_int_eq(occurrences(log_path, "yz\n"), 0);
}
END_TEST

START_TEST(log_line_that_is_longer_than_a_file_may_be_is_whole)
{
	padding = PADDING;
	daemon_set_logger_size_max(100);
	start_logging();
	write_many("a", 10);
	kill_logger();
	stop();
	ck_assert_int_eq(follow_rotated("a", 0), 10);
}
END_TEST

START_TEST(log_line_without_an_end_is_whole)
{
	start_logging();
	close(writes_bytes(200000, 'y'));
	stop();
	is_repeated(log_path, "y", 200000, "\n");
}
END_TEST

START_TEST(log_line_keeps_what_it_holds)
{
	static const char expected[] = "> \0\0\033[31mred\r\n";
	int fd;

	start_logging();
	fd = writes_bytes(2, 0);
	say(fd, "\033[31mred\r");
	close(fd);
	stop();
	is_exactly(log_path, expected, sizeof expected - 1);
}
END_TEST

START_TEST(log_line_has_its_control_bytes_written_out_if_so_set)
{
	int fd;

	daemon_set_logger_escape(1);
	start_logging();
	fd = writes_bytes(300000, 0);
	say(fd, "\033[31m\303\274\t\177");
	close(fd);
	stop();
	is_repeated(log_path, "\\x00", 300000,
	    "\\x1b[31m\303\274\\x09\\x7f\n");
}
END_TEST

/*
 * Logs that are not files: standard output, standard error, a FIFO
 */

static int stream = -1;	/* the other end of the log, where the test reads */

/* Reads more from there; returns whether there was more. */
static int
read_more(char *text, size_t *size, size_t room)
{
	struct pollfd one = { .fd = stream, .events = POLLIN };
	ssize_t n;

	hold(poll(&one, 1, DEADLINE * 1000) == 1, "nothing comes");
	if ((n = read(stream, text + *size, room - *size)) <= 0)
		return 0;
	*size += (size_t)n;
	return 1;
}

/* The next line without its newline. */
static const char *
read_line(void)
{
	static char text[16 * PADDING], line[2 * PADDING];
	static size_t size;
	size_t length;
	char *end;

	while ((end = memchr(text, '\n', size)) == NULL)
		if (!read_more(text, &size, sizeof text))
			return NULL;
	length = (size_t)(end - text);
	hold(length < sizeof line, "a long line");
	memcpy(line, text, length);
	line[length] = '\0';
	size -= length + 1;
	memmove(text, end + 1, size);
	return line;
}

/* On a busy machine there may be messages about a long wait: skip them. */
static const char *
next_line(void)
{
	const char *line;

	do
		line = read_line();
	while (line != NULL && strstr(line, "unable to write") != NULL);
	return line;
}

static void
line_is(const char *text)
{
	char expected[256];

	snprintf(expected, sizeof expected, "%s%s", prefix, text);
	ck_assert_pstr_eq(next_line(), expected);
}

/* The lines of a writer come in order, each with its prefix. */
static void
lines_are(const char *name, int count)
{
	char expected[256];
	const char *line;
	int i;

	for (i = 0; i < count; i++) {
		snprintf(expected, sizeof expected, "%s%s %d x", prefix, name,
		    i);
		hold((line = next_line()) != NULL, "the end");
		hold(strncmp(line, expected, strlen(expected)) == 0,
		    "\"%.80s\", and not \"%s\"", line, expected);
	}
}

static void
start_in_the_foreground(const char *name)
{
	log_to("log");
	daemon_set_logger_name_format(name);
	here.foreground = 1;
	launch(run_start, 1, talker);
	meet();
}

/* There is no reader for a while: the writer waits, and no line is lost. */
static void
stream_has_all(void)
{
	int fd;

	log_line("one");
	line_is("one");
	padding = PADDING;
	fd = client(here.port);
	order(fd, "many a %d", LINES);
	settled(here.logger);
	lines_are("a", LINES);
	ck_assert_int_eq(answers_number(fd), LINES);
	close(fd);
	log_line("last");
	line_is("last");
	settled(here.logger);	/* by now it knows, too */
}

static void
log_is_stream(const char *name, int end)
{
	here.before_start = NULL;
	padding = PADDING;
	start_in_the_foreground(name);
	stream = end == 1 ? here.run.out_fd : here.run.err_fd;
	stream_has_all();
}

START_TEST(log_may_be_standard_output_in_the_foreground)
{
	log_is_stream("/dev/stdout", 1);
	stop();
	log_is_stream("-", 1);
	stop();
}
END_TEST

START_TEST(log_may_be_standard_error_in_the_foreground)
{
	log_is_stream("/dev/stderr", 2);
	stop();
}
END_TEST

START_TEST(log_may_be_a_link_to_standard_output)
{
	ck_assert_int_eq(symlink("/dev/stdout", in_scratch("link")), 0);
	log_is_stream(in_scratch("link"), 1);
	stop();
}
END_TEST

START_TEST(log_stays_standard_output_over_the_logger_s_death)
{
	log_is_stream("/dev/stdout", 1);
	kill_logger();
	line_is("tested: unable to keep the logger: it was ended by signal 9 "
	    "(Killed); another follows");
	log_line("two");
	line_is("two");
	stop();
}
END_TEST

/* There will never be another reader. */
START_TEST(log_on_standard_output_that_nobody_reads_holds_nobody)
{
	padding = PADDING;
	start_in_the_foreground("/dev/stdout");
	close(here.run.out_fd);
	here.run.out_fd = open("/dev/null", O_RDONLY);
	nobody_waits("a");
	stop();
}
END_TEST

START_TEST(log_on_standard_output_that_is_full_has_nobody_wait_if_so_set)
{
	daemon_set_logger_drop(1);
	padding = PADDING;
	start_in_the_foreground("/dev/stdout");
	nobody_waits("a");
	send_signal(here.master, SIGTERM);
	exited(run_wait(&here.run), 0);
	says(here.run.out, " lines are lost\n");
	nothing_left();
}
END_TEST

START_TEST(start_fails_where_the_log_is_standard_output_in_the_background)
{
	log_to("log");
	daemon_set_logger_name_format("/dev/stdout");
	start_fails(1, "unable to open /dev/stdout: "
	    "only a daemon in the foreground keeps it");
}
END_TEST

START_TEST(log_may_be_a_fifo)
{
	log_to("fifo");
	ck_assert_int_eq(mkfifo(log_path, 0600), 0);
	stream = open(log_path, O_RDWR | O_CLOEXEC);
	padding = PADDING;
	start_logging();
	stream_has_all();
	kill_logger();
	line_is("tested: unable to keep the logger: it was ended by signal 9 "
	    "(Killed); another follows");
	log_line("two");
	line_is("two");
	/* It may be renamed like any other file. */
	move(log_path, in_scratch("old"));
	appears(log_path);
	logs("three");
	stop();
	close(stream);
}
END_TEST

/*
 * In the foreground
 */

START_TEST(log_has_stderr_alone_in_the_foreground)
{
	log_to("log");
	here.foreground = 1;
	here.before_success = print_before;
	here.before_server = print_after;
	launch(run_start, 1, talker);
	meet();
	line_comes(log_path, "server to stderr");
	logs("worker to stderr");
	stop();
	ck_assert_str_eq(here.run.out, "server to stdout\n");
	ck_assert_str_eq(here.run.err, "before success\n");
	ck_assert_int_eq(occurrences(log_path, "stdout"), 0);
}
END_TEST

static void
go_on(void)
{
	puts("the master goes on");
	fflush(stdout);
}

START_TEST(log_leaves_the_master_its_stdout_in_the_foreground)
{
	log_to("log");
	here.after_master = go_on;
	here.foreground = 1;
	daemon_set_master_return_fatal(-1);
	launch(run_start, 1, talker);
	meet();
	logs("one");
	stop();
	ck_assert_int_eq(heard(&here.run, "master over"), -1);
	ck_assert_str_eq(here.run.out, "the master goes on\n");
	ck_assert_str_eq(here.run.err, "");
	ck_assert_int_eq(occurrences(log_path, "\n"), 1);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		start_succeeds_only_when_the_log_file_is_open,
		start_fails_where_the_directory_is_missing,
		start_fails_where_the_log_file_is_a_directory,
		start_fails_where_the_log_file_is_a_symbolic_link,
		start_fails_where_the_log_file_is_a_device,
		start_succeeds_where_another_process_has_locked_the_log_file,
		start_fails_where_the_logger_has_no_permission,
		start_fails_where_the_log_cannot_be_read,
		start_of_a_program_that_never_calls_daemon_logger_fails,
		start_fails_with_the_status_of_a_logger_without_its_file,
		start_that_is_interrupted_ends_a_logger_that_has_no_file_yet,
		start_that_the_server_fails_leaves_no_logger,
		start_goes_on_where_a_logger_dies_that_has_had_its_file,
		logger_is_a_process_of_its_own_and_the_master_is_its_parent,
		logger_may_change_its_directory,
		logger_may_set_its_paths_itself,
		logger_may_drop_its_rights,
		logger_may_change_its_root,
		logger_does_nothing_in_a_server,
		logger_never_comes_where_it_is_not_enabled,
		logger_is_refused_in_the_master,
		logger_gets_what_server_and_worker_and_master_write,
		logger_gets_all_that_a_restarted_server_writes,
		logger_never_gets_what_a_worker_says_to_its_client,
		logger_writes_each_line_of_two_workers_whole_and_in_order,
		logger_shares_no_descriptor_with_servers_and_workers,
		logger_costs_a_server_no_descriptor,
		logger_may_clean_its_descriptors,
		logger_gets_all_where_a_server_has_cleaned_its_descriptors,
		logger_shares_memory_with_the_master_that_nobody_else_has,
		logger_goes_on_whatever_signal_it_gets,
		logger_gets_no_signal_in_the_code_of_the_program_either,
		logger_opens_its_file_again_at_a_hup_to_the_master,
		log_file_has_a_mode_that_others_cannot_read,
		log_file_that_is_there_is_appended_to,
		log_file_that_is_renamed_is_followed_by_a_new_one,
		log_file_that_is_removed_is_followed_by_a_new_one,
		log_file_that_is_removed_comes_again_when_nobody_writes,
		log_file_changes_with_the_time_and_has_the_lines_of_its_own,
		log_file_changes_with_the_time_that_it_really_is,
		log_directory_is_made_where_its_name_has_a_conversion,
		log_directory_is_not_made_where_its_name_has_none,
		log_file_that_is_full_is_followed_and_nothing_is_lost,
		log_files_are_as_many_as_may_be_kept_and_the_newest,
		log_files_have_together_no_more_bytes_than_they_may,
		log_file_that_grows_has_the_oldest_removed,
		log_files_of_other_times_are_counted_too,
		log_link_leads_to_the_current_file,
		log_link_replaces_no_file_and_is_no_reason_not_to_start,
		log_file_of_an_hour_that_comes_again_is_appended_to,
		log_file_that_ends_in_half_a_line_gets_the_next_one_behind_it,
		log_line_is_not_ended_by_a_hup,
		log_file_that_ends_in_half_a_line_is_ended_when_there_is_room,
		log_file_that_cannot_be_read_is_written_all_the_same,
		log_that_cannot_be_written_makes_writers_wait_and_loses_nothing,
		log_that_cannot_be_written_is_all_there_after_a_kill,
		log_that_cannot_be_written_drops_and_counts_lines_if_so_set,
		log_that_cannot_be_written_counts_lines_over_kills,
		log_that_cannot_be_written_counts_a_long_line_as_one,
		log_that_cannot_be_written_at_the_end_has_its_losses_in_syslog,
		log_that_cannot_be_written_at_the_end_has_messages_in_syslog,
		log_file_removed_where_there_is_no_room_loses_no_later_line,
		log_that_is_cut_where_there_is_no_room_doubles_no_line,
		log_file_renamed_where_there_is_no_room_is_followed_by_a_new_one,
		log_file_without_room_is_left_at_a_hup,
		log_file_without_room_is_left_when_its_time_is_over,
		log_file_without_room_is_left_by_whichever_logger_there_is,
		log_file_without_room_is_followed_by_one_with_half_a_line,
		log_line_begins_behind_half_a_line_that_somebody_else_writes,
		log_on_a_full_disk_goes_on_when_there_is_room,
		log_goes_on_while_its_directory_has_another_name,
		log_goes_on_in_the_old_file_where_no_new_one_may_be_made,
		log_tells_what_was_lost_also_where_it_could_not_open_its_file,
		log_tells_once_that_it_could_not_be_rotated,
		log_tells_also_in_a_file_of_another_time_that_it_was_not_rotated,
		log_waits_where_its_file_is_removed_and_none_may_be_made,
		log_that_cannot_be_read_is_tried_once_a_second,
		log_that_could_not_be_read_once_is_read_again_under_hups,
		log_is_read_where_splice_is_refused_and_nothing_is_lost,
		log_trouble_tells_the_file_that_it_was_about,
		log_trouble_of_a_write_is_told_for_what_it_was,
		start_fails_with_the_reason_however_long_the_path_is,
		log_on_a_disk_that_hangs_has_nobody_wait_if_lines_may_be_dropped,
		log_file_that_is_opened_for_long_has_nobody_wait_either,
		logger_that_is_stopped_has_nobody_wait_if_lines_may_be_dropped,
		logger_that_cannot_come_back_has_nobody_wait_either,
		logger_has_a_reader_if_lines_may_be_dropped,
		reader_that_is_killed_loses_no_line_and_doubles_none,
		reader_outlives_its_logger_and_leaves_with_the_daemon,
		reader_leaves_with_the_master_though_somebody_holds_the_log,
		logger_that_is_killed_loses_no_line_and_writes_none_twice,
		logger_that_is_killed_loses_nothing_when_it_changes_files,
		logger_that_is_killed_is_followed_by_one_and_the_log_says_so,
		logger_that_is_stopped_stops_neither_master_nor_server,
		log_that_a_worker_holds_for_ever_holds_neither_master_nor_server,
		logger_that_ends_fast_too_often_ends_the_daemon,
		logger_that_is_given_up_is_not_forked_again_and_again,
		logger_that_is_given_up_brings_no_server_back,
		logger_that_is_given_up_still_has_followers_while_others_write,
		logger_that_cannot_start_any_more_does_not_hold_the_daemon,
		logger_may_end_as_often_as_it_will_where_no_end_is_fast,
		logger_ends_with_the_others_where_the_master_is_killed,
		logger_that_is_the_second_ends_too_where_the_master_is_killed,
		start_succeeds_beside_a_logger_whose_master_was_killed,
		start_succeeds_beside_such_a_logger_that_has_much_to_write,
		logger_whose_master_was_killed_writes_on,
		logger_that_cannot_begin_again_for_a_while_is_waited_for,
		log_of_two_daemons_has_each_line_once,
		log_of_two_daemons_that_write_at_once_has_each_line_whole,
		start_succeeds_beside_a_daemon_that_drains,
		log_that_another_daemon_has_rotated_is_followed_at_once,
		log_of_another_daemon_is_left_by_a_rotation_that_comes_to_it,
		log_line_that_does_not_end_is_ended_for_another_daemon,
		log_that_is_locked_for_long_is_told_of_and_by_which_process,
		log_line_that_is_torn_keeps_other_daemons_out_until_it_is_whole,
		log_has_the_last_words_of_a_worker,
		log_has_the_last_words_also_where_the_last_logger_is_killed,
		log_has_the_last_words_also_where_the_logger_is_stopped,
		log_has_the_last_words_of_the_master,
		log_that_may_not_grow_has_no_message_torn_but_in_syslog,
		log_has_messages_behind_the_lines_that_were_written_before,
		log_has_them_there_too_where_lines_may_be_dropped,
		log_shows_a_line_that_does_not_end,
		log_shows_a_line_that_does_not_end_in_drop_mode_too,
		log_has_messages_after_a_line_that_was_shown,
		log_of_two_daemons_has_a_line_that_was_shown_ended_by_the_other,
		log_has_messages_though_a_line_does_not_end,
		log_has_messages_though_a_line_that_has_begun_does_not_end,
		log_has_messages_though_a_worker_writes_all_the_time,
		log_has_a_newline_after_a_last_line_that_had_none,
		log_that_somebody_holds_does_not_hold_the_master,
		logger_returns_at_its_end_if_so_set,
		logger_returns_where_it_cannot_start_if_so_set,
		log_line_of_a_megabyte_is_whole_and_has_one_prefix,
		log_line_that_has_begun_in_a_file_ends_there,
		log_line_that_is_longer_than_a_file_may_be_is_whole,
		log_line_without_an_end_is_whole,
		log_line_keeps_what_it_holds,
		log_line_has_its_control_bytes_written_out_if_so_set,
		log_may_be_standard_output_in_the_foreground,
		log_may_be_standard_error_in_the_foreground,
		log_may_be_a_link_to_standard_output,
		log_stays_standard_output_over_the_logger_s_death,
		log_on_standard_output_that_nobody_reads_holds_nobody,
		log_on_standard_output_that_is_full_has_nobody_wait_if_so_set,
		start_fails_where_the_log_is_standard_output_in_the_background,
		log_may_be_a_fifo,
		log_has_stderr_alone_in_the_foreground,
		log_leaves_the_master_its_stdout_in_the_foreground
	};

	here.commands = commands;
	before_creation = hang_with_disk;
	return RUN_TESTS("logger", tests);
}
