/*
 * check_pidfile.c - the pid file, as seen by a shell and other daemons
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <spawn.h>

#include "pidfile.h"

static void
has_logger(void)
{
	char log[PATH_MAX + 16];

	has_pid_file();
	snprintf(log, sizeof log, "%s/log", directory);
	daemon_enable_logger();
	daemon_set_logger_name_format(log);
}

/* The contents of a file; "" if there is none. */
static const char *
content_of(const char *name)
{
	static char text[64];
	FILE *file = fopen(name, "r");
	size_t size;

	if (file == NULL)
		return "";
	size = fread(text, 1, sizeof text - 1, file);
	text[size] = '\0';
	fclose(file);
	return text;
}

static const char *
content(void)
{
	return content_of(path);
}

static void
write_to(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert(file != NULL && fputs(text, file) >= 0);
	ck_assert_int_eq(fclose(file), 0);
}

static void
write_content(const char *text)
{
	write_to(path, text);
}

static int
is_locked(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result;

	ck_assert_int_ge(fd, 0);
	result = flock(fd, LOCK_EX | LOCK_NB);
	close(fd);
	return result == -1;
}

static void
has_number(pid_t pid)
{
	char number[32];

	snprintf(number, sizeof number, "%ld\n", (long)pid);
	ck_assert_str_eq(content(), number);
}

static void
holds(pid_t pid, int wanted)
{
	char name[32];
	int fd, found = 0;

	for (fd = 0; fd < 64; fd++) {
		snprintf(name, sizeof name, "fd/%d", fd);
		found += strcmp(link_of(pid, name), path) == 0;
	}
	ck_assert_int_eq(found, wanted);
}

/* Asserts that a start fails with status 1; returns what it says. */
static const char *
failure(void)
{
	static struct run run;

	run_start(&run, talker);
	exited(run_wait(&run), 1);
	return run.err;
}

static void
fails(const char *why)
{
	char line[2 * PATH_MAX];

	snprintf(line, sizeof line, "piddler: unable to start: %s: %s\n", path,
	    why);
	ck_assert_str_eq(failure(), line);
}

/*
 * A life
 */

START_TEST(pid_file_has_the_number_of_the_master_from_the_success_on)
{
	struct stat file;

	use_directory();
	umask(077);
	start(1, talker);
	has_number(here.master);
	ck_assert_int_eq(stat(path, &file), 0);
	ck_assert_int_eq(file.st_mode & 07777, 0644);
	ck_assert(is_locked());
	stop();
	ck_assert(!exists(path));
}
END_TEST

START_TEST(pid_file_of_a_foreground_daemon_is_the_same)
{
	use_directory();
	start_in_foreground(1, talker);
	ck_assert_int_eq(here.master, here.run.pid);
	has_number(here.master);
	ck_assert(is_locked());
	call(here.port);	/* by now it has started */
	stop();
	ck_assert(!exists(path));
}
END_TEST

static void
starts_in_its_directory(void)
{
	if (chdir(directory) == -1)
		_exit(90);
	daemon_set_pid_file("pid");
}

START_TEST(pid_file_is_taken_from_where_the_program_was_started)
{
	use_directory();
	here.before_start = starts_in_its_directory;
	start(1, talker);
	has_number(here.master);
	stop();
	ck_assert(!exists(path));
}
END_TEST

START_TEST(pid_file_is_held_by_the_master_alone)
{
	pid_t worker;
	int fd;

	use_directory();
	here.has_logger = 1;
	here.before_start = has_logger;
	start(1, talker);
	fd = served(here.port, &worker);
	holds(here.master, 1);
	holds(here.server, 0);
	holds(here.logger, 0);
	holds(worker, 0);
	close(fd);
	stop();
}
END_TEST

static pid_t *helper;

static void
leave_a_helper(void)
{
	pid_t pid = fork();

	while (pid == 0)
		pause();
	*helper = pid;
}

/* It outlives the master, without the lock. */
static void
helper_does_not_hold_it(void (*begin)(void))
{
	use_directory();
	helper = shared_memory(sizeof *helper);
	here.before_master = begin;
	start(1, talker);
	settled(*helper);
	holds(here.master, 1);
	holds(*helper, 0);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	ck_assert(running(*helper));
	ck_assert(!is_locked());
	send_signal(*helper, SIGKILL);
	ended(*helper);
}

START_TEST(pid_file_is_not_held_by_what_the_program_leaves_behind)
{
	helper_does_not_hold_it(leave_a_helper);
}
END_TEST

extern char **environ;

/* As system(3) does: no function of pthread_atfork(3) is called. */
static void
spawn_a_helper(void)
{
	static char sleep[] = "sleep", long_time[] = "1000";
	char *argv[] = { sleep, long_time, NULL };

	if (posix_spawnp(helper, sleep, NULL, NULL, argv, environ) != 0)
		_exit(95);
}

START_TEST(pid_file_is_not_held_by_a_program_that_the_master_starts)
{
	helper_does_not_hold_it(spawn_a_helper);
}
END_TEST

/* The puppet itself does not call daemon_clean_fd(). */
static void
clean(void)
{
	daemon_clean_fd(9);
}

START_TEST(pid_file_stays_locked_when_the_program_closes_descriptors)
{
	use_directory();
	here.before_master = clean;
	start(1, talker);
	ck_assert(is_locked());
	stop();
}
END_TEST

/* A file that the program opens gets its descriptor. */
static void
take_its_descriptor(void)
{
	char name[32];
	int fd, file = open(other, O_RDWR | O_CLOEXEC);

	for (fd = 0; fd < 64; fd++) {
		snprintf(name, sizeof name, "fd/%d", fd);
		if (strcmp(link_of(getpid(), name), path) == 0)
			dup2(file, fd);
	}
}

START_TEST(pid_file_that_the_program_closes_ends_the_start)
{
	char line[2 * PATH_MAX];

	use_directory();
	write_to(other, "precious");
	here.before_master = take_its_descriptor;
	snprintf(line, sizeof line, "piddler: unable to become the master: %s: "
	    "the program has closed it\n", path);
	says(failure(), line);
	ck_assert(!exists(path));
	here.foreground = 1;
	ck_assert_str_eq(failure(), line);
	ck_assert_str_eq(content_of(other), "precious");
}
END_TEST

static void
choose_another_file(void)
{
	daemon_set_pid_file(NULL);
}

START_TEST(pid_file_stays_the_same_when_the_setting_changes_later)
{
	use_directory();
	here.before_master = choose_another_file;
	start(1, talker);
	has_number(here.master);
	stop();
	ck_assert(!exists(path));
}
END_TEST

static void
fails_to_become_the_master(void)
{
	struct rlimit before, none = { 0, 0 };

	getrlimit(RLIMIT_NOFILE, &before);
	none.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &none);
	daemon_set_master_return_fatal(-5);
	if (daemon_master() != -5)
		_exit(94);
	daemon_set_master_return_fatal(0);
	setrlimit(RLIMIT_NOFILE, &before);
}

START_TEST(pid_file_stays_locked_while_the_program_tries_again)
{
	use_directory();
	here.before_master = fails_to_become_the_master;
	start(1, talker);
	has_number(here.master);
	ck_assert(is_locked());
	stop();
	ck_assert(!exists(path));
}
END_TEST

/* A failed start leaves nothing in the process that tried it. */
static void
fails_in_the_foreground(void)
{
	daemon_set_foreground(1);
	daemon_set_pid_file(directory);
	daemon_set_start_return_fatal(-5);
	if (daemon_start() != -5)
		_exit(94);
	daemon_set_start_return_fatal(0);
	has_pid_file();
}

START_TEST(pid_file_is_locked_after_a_start_in_the_foreground_has_failed)
{
	use_directory();
	here.before_start = fails_in_the_foreground;
	start(1, talker);
	has_number(here.master);
	ck_assert(is_locked());
	stop();
	ck_assert(!exists(path));
}
END_TEST

/*
 * Another start
 */

START_TEST(pid_file_of_a_daemon_that_runs_fails_another_start)
{
	char why[64];

	use_directory();
	start(1, talker);
	snprintf(why, sizeof why, "already running as process %ld",
	    (long)here.master);
	fails(why);
	has_number(here.master);
	ck_assert(is_locked());
	call(here.port);
	stop();
	ck_assert(!exists(path));
}
END_TEST

static int
lock_file(int how)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flock(fd, how), 0);
	return fd;
}

/* The message names the process in the file and the one that has the lock. */
START_TEST(pid_file_that_another_program_locks_fails_the_start)
{
	char locker[64], number[32];
	const char *line;
	pid_t pid = stranger();
	int fd;

	use_directory();
	snprintf(locker, sizeof locker, "process %ld (", (long)getpid());
	write_content("garbage");
	fd = lock_file(LOCK_EX);
	line = failure();
	says(line, ": already running: ");
	says(line, locker);
	ck_assert_str_eq(content(), "garbage");

	snprintf(number, sizeof number, "%ld\n", (long)pid);
	write_content(number);
	line = failure();
	snprintf(number, sizeof number, "process %ld, but ", (long)pid);
	says(line, ": already running as ");
	says(line, number);
	says(line, locker);
	has_number(pid);
	close(fd);
	send_signal(pid, SIGKILL);
	ended(pid);
}
END_TEST

START_TEST(pid_file_that_is_kept_locked_to_read_fails_the_start)
{
	char locker[64];
	const char *line;
	int fd;

	use_directory();
	snprintf(locker, sizeof locker, ": process %ld (", (long)getpid());
	write_content("1\n");
	fd = lock_file(LOCK_SH);
	line = failure();
	says(line, locker);
	says(line, ") has locked it\n");
	ck_assert_ptr_null(strstr(line, "running"));
	close(fd);
	start(1, talker);
	stop();
}
END_TEST

START_TEST(pid_file_that_others_lock_for_moments_disturbs_no_start)
{
	char number[32];
	pid_t pids[2], old = stranger();
	int i;

	use_directory();
	snprintf(number, sizeof number, "%ld\n", (long)old);
	for (i = 0; i < COUNT(pids); i++)
		if ((pids[i] = fork()) == 0)
			lock_for_ever(i == 0 ? LOCK_EX : LOCK_SH);
	for (i = 0; i < 30; i++) {
		write_content(number);
		start(1, talker);
		has_number(here.master);
		send_signal(here.master, SIGTERM);
		exited(ended(here.master), 0);
	}
	for (i = 0; i < COUNT(pids); i++) {
		send_signal(pids[i], SIGKILL);
		ended(pids[i]);
	}
	send_signal(old, SIGKILL);
	ended(old);
	nothing_left();
}
END_TEST

/* The numbers of a dead daemon, this process and process 1; and no number. */
START_TEST(pid_file_without_a_lock_is_taken_over_whatever_is_in_it)
{
	char ours[32];
	const char *const contents[] = { "4194304\n", ours, "1\n", "garbage",
		"", "99999999999999999999\n" };
	int i;

	use_directory();
	snprintf(ours, sizeof ours, "%ld\n", (long)getpid());
	for (i = 0; i < COUNT(contents); i++) {
		write_content(contents[i]);
		start(1, talker);
		has_number(here.master);
		stop();
		ck_assert(!exists(path));
	}
}
END_TEST

START_TEST(pid_file_that_is_taken_over_can_be_read)
{
	struct stat file;

	use_directory();
	write_content("");
	ck_assert_int_eq(chmod(path, 0600), 0);
	start(1, talker);
	ck_assert_int_eq(stat(path, &file), 0);
	ck_assert_int_eq(file.st_mode & 07777, 0644);
	stop();
}
END_TEST

START_TEST(pid_file_of_a_killed_master_is_taken_over_at_once_50_times)
{
	pid_t server;
	int i;

	use_directory();
	for (i = 0; i < 50; i++) {
		start(1, talker);
		has_number(here.master);
		server = here.server;
		send_signal(here.master, SIGKILL);
		ended(here.master);
		hold(!is_locked(), "it is locked");
		ended(server);
	}
	ck_assert(exists(path));
}
END_TEST

/* The dying master may hold the lock for a moment. */
START_TEST(pid_file_of_a_master_that_is_dying_is_waited_for)
{
	pid_t master, server;
	int i;

	use_directory();
	start(1, talker);
	for (i = 0; i < 50; i++) {
		master = here.master;
		server = here.server;
		send_signal(master, SIGKILL);
		start(1, talker);
		ended(master);
		ended(server);
	}
	stop();
}
END_TEST

START_TEST(pid_file_lets_one_of_two_starts_win_100_times)
{
	struct run runs[2];
	int i, j, status[2];
	pid_t master;

	use_directory();
	listen_on(1);
	for (i = 0; i < 100; i++) {
		for (j = 0; j < 2; j++)
			run_start(&runs[j], talker);
		for (j = 0; j < 2; j++)
			status[j] = WEXITSTATUS(run_wait(&runs[j]));
		hold(status[0] + status[1] == 1, "%d and %d", status[0],
		    status[1]);
		j = status[0] == 0 ? 0 : 1;
		says(runs[!j].err, "already running");
		master = (pid_t)strtol(content(), NULL, 10);
		send_signal(master, SIGTERM);
		exited(ended(master), 0);
		hold(!exists(path), "it is there");
	}
	nothing_left();
}
END_TEST

/*
 * Other things of that name
 */

START_TEST(pid_file_that_is_not_a_regular_file_fails_the_start)
{
	use_directory();
	ck_assert_int_eq(mkdir(path, 0755), 0);
	fails("Is a directory");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	fails("not a regular file");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("elsewhere", path), 0);
	fails("Too many levels of symbolic links");
	ck_assert(exists(path));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/dev/null", path), 0);
	fails("Too many levels of symbolic links");
}
END_TEST

/* It may be a trick to have one of root's files emptied. */
START_TEST(pid_file_that_has_another_name_fails_the_start)
{
	use_directory();
	write_content("precious");
	ck_assert_int_eq(link(path, other), 0);
	fails("a file with more than one name");
	ck_assert_str_eq(content(), "precious");
	ck_assert_int_eq(unlink(other), 0);
	start(1, talker);
	stop();
}
END_TEST

/* As after a mistake in a command: "-P /etc/passwd". */
START_TEST(pid_file_that_is_long_fails_the_start_and_stays)
{
	char line[65];

	use_directory();
	memset(line, 'x', sizeof line);
	line[64] = '\0';
	write_content(line);
	start(1, talker);
	stop();
	write_content("12345 is a name in a long table of names, of which none "
	    "may be lost\n");
	fails("too long to be a pid file");
	ck_assert_int_eq(strncmp(content(), "12345 is ", 9), 0);
}
END_TEST

START_TEST(pid_file_in_no_directory_fails_the_start)
{
	use_directory();
	snprintf(path, sizeof path, "%s/missing/pid", directory);
	fails("No such file or directory");
}
END_TEST

/* As another user than root. */
static void
may_not_write(void)
{
	const unsigned all = 1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, caps) == -1)
		_exit(91);
	caps[0].effective &= ~all;
	if (syscall(SYS_capset, &header, caps) == -1)
		_exit(92);
	has_pid_file();
}

START_TEST(pid_file_that_is_only_to_be_read_fails_the_start)
{
	struct stat file;

	use_directory();
	write_content("precious");
	ck_assert_int_eq(chmod(path, 0444), 0);
	here.before_start = may_not_write;
	fails("Permission denied");
	here.foreground = 1;
	fails("Permission denied");
	ck_assert_str_eq(content(), "precious");
	ck_assert_int_eq(stat(path, &file), 0);
	ck_assert_int_eq(file.st_mode & 07777, 0444);
}
END_TEST

/* A full file system, in a mount namespace of the program's own. */
static void
on_a_full_disk(void)
{
	char file[PATH_MAX + 16], block[4096];
	int fd;

	memset(block, 0, sizeof block);
	snprintf(file, sizeof file, "%s/full", directory);
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", directory, "tmpfs", 0, "size=16k") == -1 ||
	    (fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) == -1)
		_exit(91);
	while (write(fd, block, sizeof block) > 0)
		;
	close(fd);
	has_pid_file();
}

static void
on_a_read_only_disk(void)
{
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", directory, "tmpfs", MS_RDONLY, "size=16k") == -1)
		_exit(91);
	has_pid_file();
}

START_TEST(pid_file_that_cannot_be_written_fails_the_start)
{
	if (skip_if(geteuid() != 0, "only root can mount a file system"))
		return;
	use_directory();
	here.before_start = on_a_full_disk;
	fails("No space left on device");
	here.before_start = on_a_read_only_disk;
	fails("Read-only file system");
	here.foreground = 1;
	here.before_start = on_a_full_disk;
	fails("No space left on device");
}
END_TEST

/* As if another process kept renaming files, or the file system always gave
 * them other numbers. */
static int
forbid_lstat(void)
{
#ifdef SYS_newfstatat
	struct stat file;

	return forbid_call(SYS_newfstatat, 3, AT_SYMLINK_NOFOLLOW, ENOENT) &&
	    lstat("/", &file) == -1;
#else
	return 0;
#endif
}

static void
is_never_there(void)
{
	has_pid_file();
	if (!forbid_lstat())
		_exit(92);
}

START_TEST(pid_file_that_is_never_the_same_fails_the_start)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(forbid_lstat());
	if (skip_if(ended(pid) == 0, "lstat(2) cannot be forbidden"))
		return;
	use_directory();
	here.before_start = is_never_there;
	fails("another file has its name");
}
END_TEST

/*
 * A start that fails
 */

static void
kill_itself(void)
{
	kill(getpid(), SIGKILL);
}

/* The library ends the process. */
static void
take_the_wrong_stage(void)
{
	daemon_server(here.fds, 1);
}

static void
leaves_none(int foreground, void (*before_master)(void),
    void (*before_success)(void), int status)
{
	struct run run;

	here.foreground = foreground;
	here.before_master = before_master;
	here.before_success = before_success;
	run_start(&run, talker);
	exited(run_wait(&run), status);
	ck_assert(!exists(path));
	nothing_left();
}

START_TEST(pid_file_does_not_outlive_a_start_that_fails)
{
	use_directory();
	here.listeners = 0;
	leaves_none(0, end_with_3, NULL, 3);
	leaves_none(0, kill_itself, NULL, 128 + SIGKILL);
	leaves_none(0, NULL, end_with_3, 3);
	leaves_none(0, NULL, kill_itself, 128 + SIGKILL);
	leaves_none(1, end_with_3, NULL, 3);
	leaves_none(1, NULL, end_with_3, 3);
	leaves_none(0, take_the_wrong_stage, NULL, 1);
	leaves_none(1, take_the_wrong_stage, NULL, 1);
}
END_TEST

static void
never_ends(void)
{
	tell("parent", getppid());
	tell_pid("waits");
	for (;;)
		pause();
}

START_TEST(pid_file_does_not_outlive_an_interrupted_start)
{
	use_directory();
	here.before_master = never_ends;
	run_puppet(run_start, talker);
	has_number((pid_t)heard(&here.run, "waits"));
	send_signal(here.run.pid, SIGINT);
	ck_assert_int_eq(WTERMSIG(run_wait(&here.run)), SIGINT);
	ck_assert(!exists(path));
	nothing_left();
}
END_TEST

static void
tells_that_it_starts(void)
{
	has_pid_file();
	tell_pid("starts");
}

/* A signal at any moment. */
START_TEST(pid_file_does_not_outlive_a_start_that_is_stopped_early)
{
	struct run run;
	int i, j;

	use_directory();
	here.before_start = tells_that_it_starts;
	here.before_master = never_ends;
	for (i = 0; i < 100; i++) {
		run_start(&run, talker);
		heard(&run, "starts");
		for (j = 0; j < 100 * i; j++)
			sched_yield();
		send_signal(run.pid, SIGTERM);
		hold(WTERMSIG(run_wait(&run)) == SIGTERM, "it has ended");
		hold(!exists(path), "it is there");
	}
	nothing_left();
}
END_TEST

START_TEST(pid_file_does_not_outlive_a_leader_that_is_killed)
{
	pid_t leader;

	use_directory();
	here.before_master = never_ends;
	run_puppet(run_start, talker);
	leader = (pid_t)heard(&here.run, "parent");
	heard(&here.run, "waits");
	send_signal(leader, SIGKILL);
	exited(run_wait(&here.run), 128 + SIGKILL);
	ck_assert(!exists(path));
	nothing_left();
}
END_TEST

/* The leader cleans up instead. */
START_TEST(pid_file_does_not_outlive_a_starter_that_is_killed)
{
	pid_t master;

	use_directory();
	here.before_master = never_ends;
	run_puppet(run_start, talker);
	master = (pid_t)heard(&here.run, "waits");
	send_signal(here.run.pid, SIGKILL);
	run_wait(&here.run);
	gone(master);
	while (waitpid(-1, NULL, 0) > 0)
		;
	ck_assert(!exists(path));
}
END_TEST

/*
 * The end
 */

START_TEST(pid_file_that_is_another_by_now_stays)
{
	use_directory();
	start(1, talker);
	ck_assert_int_eq(unlink(path), 0);
	write_content("another's");
	stop();
	ck_assert_str_eq(content(), "another's");
}
END_TEST

/* It starts as root; the master becomes another user. */
static void
become_another(void)
{
	if (setgid(64002) == -1 || setuid(64001) == -1)
		_exit(93);
}

START_TEST(pid_file_is_emptied_where_it_cannot_be_removed)
{
	struct stat file;

	if (skip_if(geteuid() != 0, "only root can become another"))
		return;
	use_directory();
	here.before_master = become_another;
	start(1, talker);
	has_number(here.master);
	stop();
	ck_assert_int_eq(stat(path, &file), 0);
	ck_assert_int_eq(file.st_size, 0);
	ck_assert(!is_locked());
}
END_TEST

/*
 * Process 1
 */

static void
as_process_1(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) == -1)
		_exit(96);
	if ((pid = fork()) == 0) {
		talker();
		exit(0);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		_exit(95);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 94);
}

START_TEST(pid_file_of_process_1_is_no_number_for_others)
{
	if (skip_if(geteuid() != 0, "only root can make a pid namespace"))
		return;
	use_directory();
	here.foreground = 1;
	launch(run_start, 1, as_process_1);
	meet();
	call(here.port);
	ck_assert_str_eq(content(), "1\n");
	ck_assert(is_locked());
	errno = 0;
	ck_assert_int_eq(daemon_running(path), -1);
	ck_assert_int_eq(errno, EBUSY);
	errno = 0;
	ck_assert_int_eq(daemon_send(path, SIGTERM, 0), -1);
	ck_assert_int_eq(errno, ESRCH);
	send_signal(only_child_of(here.run.pid), SIGTERM);
	exited(run_wait(&here.run), 0);
	ck_assert(!exists(path));
	nothing_left();
}
END_TEST

START_TEST(pid_file_of_process_1_does_not_outlive_a_stop_of_the_start)
{
	if (skip_if(geteuid() != 0, "only root can make a pid namespace"))
		return;
	use_directory();
	here.foreground = 1;
	here.before_master = never_ends;
	run_puppet(run_start, as_process_1);
	heard(&here.run, "waits");
	ck_assert_str_eq(content(), "1\n");
	send_signal(only_child_of(here.run.pid), SIGTERM);
	exited(run_wait(&here.run), 1);
	ck_assert(!exists(path));
	nothing_left();
}
END_TEST

/*
 * Debian's start-stop-daemon(8)
 */

static int
start_stop(const char *action)
{
	static char words[3 * PATH_MAX], shell[] = "sh", option[] = "-c";
	char *argv[] = { shell, option, words, NULL };
	struct run run;
	int status;

	snprintf(words, sizeof words, "exec start-stop-daemon %s --pidfile %s",
	    action, path);
	run_command(&run, argv);
	status = run_wait(&run);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(pid_file_is_what_start_stop_daemon_stops_the_daemon_by)
{
	pid_t zombie;

	if (skip_if(access("/sbin/start-stop-daemon", X_OK) == -1 ||
	    geteuid() != 0, "there is no start-stop-daemon, or no root"))
		return;
	use_directory();
	start(1, talker);
	ck_assert_int_eq(start_stop("--status"), 0);
	/* The master is our child: as a zombie it would look alive. */
	if ((zombie = fork()) == 0)
		_exit(start_stop("--stop --quiet --retry TERM/60"));
	exited(ended(here.master), 0);
	exited(ended(zombie), 0);
	ck_assert(!exists(path));
	ck_assert_int_eq(start_stop("--status"), 3);
	nothing_left();
}
END_TEST

/*
 * Without flock(2)
 */

START_TEST(pid_file_fails_the_start_where_there_are_no_locks)
{
	use_directory();
	fails("Function not implemented");
	ck_assert(!exists(path));
}
END_TEST

int
main(void)
{
	const TTest *const only[] = {
		pid_file_fails_the_start_where_there_are_no_locks
	};
	const TTest *const tests[] = {
		pid_file_has_the_number_of_the_master_from_the_success_on,
		pid_file_of_a_foreground_daemon_is_the_same,
		pid_file_is_taken_from_where_the_program_was_started,
		pid_file_is_held_by_the_master_alone,
		pid_file_is_not_held_by_what_the_program_leaves_behind,
		pid_file_is_not_held_by_a_program_that_the_master_starts,
		pid_file_stays_locked_when_the_program_closes_descriptors,
		pid_file_that_the_program_closes_ends_the_start,
		pid_file_stays_the_same_when_the_setting_changes_later,
		pid_file_stays_locked_while_the_program_tries_again,
		pid_file_is_locked_after_a_start_in_the_foreground_has_failed,
		pid_file_of_a_daemon_that_runs_fails_another_start,
		pid_file_that_another_program_locks_fails_the_start,
		pid_file_that_is_kept_locked_to_read_fails_the_start,
		pid_file_that_others_lock_for_moments_disturbs_no_start,
		pid_file_without_a_lock_is_taken_over_whatever_is_in_it,
		pid_file_that_is_taken_over_can_be_read,
		pid_file_of_a_killed_master_is_taken_over_at_once_50_times,
		pid_file_of_a_master_that_is_dying_is_waited_for,
		pid_file_lets_one_of_two_starts_win_100_times,
		pid_file_that_is_not_a_regular_file_fails_the_start,
		pid_file_that_has_another_name_fails_the_start,
		pid_file_that_is_long_fails_the_start_and_stays,
		pid_file_in_no_directory_fails_the_start,
		pid_file_that_is_only_to_be_read_fails_the_start,
		pid_file_that_cannot_be_written_fails_the_start,
		pid_file_that_is_never_the_same_fails_the_start,
		pid_file_does_not_outlive_a_start_that_fails,
		pid_file_does_not_outlive_an_interrupted_start,
		pid_file_does_not_outlive_a_start_that_is_stopped_early,
		pid_file_does_not_outlive_a_leader_that_is_killed,
		pid_file_does_not_outlive_a_starter_that_is_killed,
		pid_file_that_is_another_by_now_stays,
		pid_file_is_emptied_where_it_cannot_be_removed,
		pid_file_of_process_1_is_no_number_for_others,
		pid_file_of_process_1_does_not_outlive_a_stop_of_the_start,
		pid_file_is_what_start_stop_daemon_stops_the_daemon_by
	};

	return HAS_LOCKS ? RUN_TESTS("pidfile", tests) :
	    RUN_TESTS("pidfile", only);
}
