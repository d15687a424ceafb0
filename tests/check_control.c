/*
 * check_control.c - daemon_running() and daemon_send(), from another process
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>

#include "pidfile.h"

/* Of this file, after it was found locked; -1: none. */
static int lock_to_lose = -1;

/* In the library, too. */
int
flock(int fd, int how)
{
	int result = (int)syscall(SYS_flock, fd, how), error = errno;

	if (result == -1 && lock_to_lose != -1) {
		syscall(SYS_flock, lock_to_lose, LOCK_UN);
		lock_to_lose = -1;
	}
	errno = error;
	return result;
}

static void
write_number(pid_t pid)
{
	FILE *file = fopen(path, "w");

	ck_assert(file != NULL && fprintf(file, "%ld\n", (long)pid) > 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* Asserts 0 with errno unchanged, or -1 with this errno. */
static void
sent(int signo, int seconds, int error)
{
	int result;

	errno = E2BIG;
	result = daemon_send(path, signo, seconds);
	ck_assert_int_eq(errno, error == 0 ? E2BIG : error);
	ck_assert_int_eq(result, error == 0 ? 0 : -1);
}

static void
runs(pid_t pid)
{
	errno = E2BIG;
	ck_assert_int_eq(daemon_running(path), pid);
	ck_assert_int_eq(errno, E2BIG);
}

static void
unknown(const char *file, int error)
{
	errno = 0;
	ck_assert_int_eq(daemon_running(file), -1);
	ck_assert_int_eq(errno, error);
	errno = 0;
	ck_assert_int_eq(daemon_send(file, SIGTERM, 0), -1);
	ck_assert_int_eq(errno, error);
}

/*
 * Which daemon runs
 */

START_TEST(control_tells_which_daemon_runs)
{
	use_directory();
	runs(0);
	start(1, talker);
	runs(here.master);
	stop();
	runs(0);
	sent(SIGTERM, 0, ESRCH);
}
END_TEST

START_TEST(control_knows_that_a_killed_daemon_does_not_run)
{
	pid_t server;

	use_directory();
	start(1, talker);
	server = here.server;
	send_signal(here.master, SIGKILL);
	ended(here.master);
	runs(0);
	sent(SIGTERM, 1, ESRCH);
	ended(server);
}
END_TEST

static void
never_ends(void)
{
	tell_pid("waits");
	for (;;)
		pause();
}

START_TEST(control_knows_a_daemon_that_is_starting)
{
	pid_t master;

	use_directory();
	here.before_master = never_ends;
	run_puppet(run_start, talker);
	master = (pid_t)heard(&here.run, "waits");
	runs(master);
	sent(SIGTERM, 100, 0);
	runs(0);	/* another may start now */
	exited(run_wait(&here.run), 128 + SIGTERM);
	nothing_left();
}
END_TEST

static void
look_for_ever(void)
{
	for (;;)
		if (daemon_running(path) == -1)
			_exit(1);
}

START_TEST(control_disturbs_no_start)
{
	pid_t pids[3];
	int i;

	use_directory();
	for (i = 0; i < COUNT(pids); i++)
		if ((pids[i] = fork()) == 0)
			look_for_ever();
	for (i = 0; i < 30; i++) {
		start(1, talker);
		send_signal(here.master, SIGTERM);
		exited(ended(here.master), 0);
	}
	for (i = 0; i < COUNT(pids); i++) {
		ck_assert(running(pids[i]));
		send_signal(pids[i], SIGKILL);
		ended(pids[i]);
	}
	nothing_left();
}
END_TEST

START_TEST(control_signals_no_process_because_others_lock_its_file)
{
	pid_t pid = stranger(), locker;
	int i;

	use_directory();
	write_number(pid);
	if ((locker = fork()) == 0)
		lock_for_ever(LOCK_EX);
	for (i = 0; i < 300; i++)
		sent(SIGTERM, 1, ESRCH);
	send_signal(locker, SIGKILL);
	ended(locker);
	end_stranger(pid);
}
END_TEST

START_TEST(control_finds_a_daemon_whose_file_has_another_name_by_now)
{
	use_directory();
	snprintf(other, sizeof other, "%s/other", directory);
	start(1, talker);
	ck_assert_int_eq(link(path, other), 0);
	runs(here.master);
	sent(SIGTERM, DEADLINE, 0);
	exited(ended(here.master), 0);
	runs(0);
	nothing_left();
}
END_TEST

START_TEST(control_says_what_is_not_a_pid_file)
{
	use_directory();
	unknown(NULL, EINVAL);
	unknown(directory, EINVAL);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	unknown(path, EINVAL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	unknown(path, ELOOP);
	unknown("/etc/passwd/pid", ENOTDIR);
}
END_TEST

/*
 * Signals
 */

static void
ends_by(int signo)
{
	start(1, talker);
	sent(signo, 100, 0);
	runs(0);
	ck_assert_int_eq(access(path, F_OK), -1);
	exited(ended(here.master), 0);
	nothing_left();
}

START_TEST(control_waits_until_the_daemon_is_gone)
{
	use_directory();
	ends_by(SIGTERM);
	ends_by(SIGINT);
	ends_by(SIGQUIT);
	ends_by(SIGUSR2);
}
END_TEST

static void
lock_when_it_is_free(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	tell_pid("opened");
	flock(fd, LOCK_EX);
	tell_pid("locked");
	for (;;)
		pause();
}

START_TEST(control_does_not_wait_for_a_process_that_locks_the_file_next)
{
	struct run run;

	use_directory();
	start(1, talker);
	run_start(&run, lock_when_it_is_free);
	heard(&run, "opened");
	becomes(run.pid, 'S');
	sent(SIGTERM, DEADLINE, 0);
	heard(&run, "locked");
	runs(0);
	exited(ended(here.master), 0);
	send_signal(run.pid, SIGKILL);
	run_wait(&run);
	nothing_left();
}
END_TEST

/* Its number stays in the file, which that process locks next. */
static void
sees_the_end_of_a_killed_one(void)
{
	struct run run;
	long since = 0;
	pid_t pid;

	start(1, talker);
	run_start(&run, lock_when_it_is_free);
	heard(&run, "opened");
	becomes(run.pid, 'S');
	send_signal(here.master, SIGSTOP);
	becomes(here.master, 'T');
	if ((pid = fork()) == 0)
		_exit(daemon_send(path, SIGTERM, DEADLINE) != 0);
	while (!has_signal(here.master, "ShdPnd", SIGTERM))
		look_again(&since, "no SIGTERM");
	send_signal(here.master, SIGKILL);
	ended(here.master);
	heard(&run, "locked");
	exited(ended(pid), 0);
	send_signal(run.pid, SIGKILL);
	run_wait(&run);
	ended(here.server);
}

START_TEST(control_sees_the_end_of_a_daemon_that_is_killed_meanwhile)
{
	use_directory();
	sees_the_end_of_a_killed_one();
}
END_TEST

START_TEST(control_sees_that_end_also_where_there_is_no_pidfd)
{
	if (skip_if(!forbid_call(SYS_pidfd_open, -1, 0, ENOSYS),
	    "system calls cannot be forbidden"))
		return;
	use_directory();
	sees_the_end_of_a_killed_one();
}
END_TEST

START_TEST(control_waits_also_where_there_is_no_pidfd)
{
	if (skip_if(!forbid_call(SYS_pidfd_open, -1, 0, ENOSYS),
	    "system calls cannot be forbidden"))
		return;
	use_directory();
	ends_by(SIGTERM);
	ends_by(SIGUSR2);
}
END_TEST

START_TEST(control_does_not_wait_for_a_reload)
{
	use_directory();
	start(1, talker);
	sent(SIGHUP, 1000, 0);
	next_server();
	call(here.port);
	sent(0, 0, 0);
	stop();
}
END_TEST

START_TEST(control_does_not_wait_for_a_slow_client_for_ever)
{
	int fd;

	use_directory();
	start(1, talker);
	fd = served(here.port, NULL);
	sent(SIGUSR2, 0, 0);
	sent(SIGUSR2, 1, ETIMEDOUT);
	runs(here.master);
	echoes(fd, "still there");
	close(fd);
	exited(ended(here.master), 0);
	runs(0);
	nothing_left();
}
END_TEST

START_TEST(control_signals_no_process_whose_number_is_in_an_old_file)
{
	pid_t pid = stranger();

	use_directory();
	write_number(pid);
	runs(0);
	sent(SIGTERM, 1, ESRCH);
	end_stranger(pid);
}
END_TEST

/* As with a daemon in another container, whose number is another process's
 * here. */
START_TEST(control_signals_no_process_that_has_not_the_lock)
{
	pid_t pid = stranger();
	int fd;

	use_directory();
	write_number(pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	sent(SIGTERM, 1, ESRCH);
	end_stranger(pid);
	close(fd);
}
END_TEST

/* Any user can lock the file of a daemon that was killed. */
START_TEST(control_takes_no_process_that_has_not_the_lock_for_a_daemon)
{
	pid_t pid = stranger();
	int fd;

	use_directory();
	write_number(pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	errno = 0;
	ck_assert_int_eq(daemon_running(path), -1);
	ck_assert_int_eq(errno, EBUSY);
	close(fd);
	runs(0);
	end_stranger(pid);
}
END_TEST

/* proc(5) shows the processes of another namespace there, by other numbers. */
static int
as_process_1(void)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	pid_t pid;

	signal(SIGTERM, SIG_DFL);	/* Check has set a handler */
	pid = stranger();
	write_number(pid);
	if (flock(fd, LOCK_EX) == -1)
		return 91;
	close(fd);
	if (daemon_running(path) != pid)
		return 92;
	return daemon_send(path, SIGTERM, DEADLINE) == 0 ? 0 : 93;
}

static int
in_a_namespace(int (*process_1)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) == -1)
			_exit(90);
		if ((pid = fork()) == 0)
			_exit(process_1());
		_exit(WEXITSTATUS(ended(pid)));
	}
	return ended(pid);
}

START_TEST(control_signals_a_daemon_that_proc_has_by_another_number)
{
	if (skip_if(geteuid() != 0, "only root can make a pid namespace"))
		return;
	use_directory();
	exited(in_a_namespace(as_process_1), 0);
}
END_TEST

static void
become_another(void)
{
	if (setgid(64002) == -1 || setuid(64001) == -1)
		_exit(94);
}

/* A process that its own user may signal, but that proc(5) hides even from that
 * user. */
static pid_t
changed_stranger(void)
{
	int ready[2];
	pid_t pid;
	char byte;

	if (pipe(ready) == -1)
		return -1;
	if ((pid = fork()) == 0) {
		become_another();
		close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	return read(ready[0], &byte, 1) == 0 ? pid : -1;
}

enum { CANNOT_MOUNT = 77 };

/* It has locked the file; -1: it was not made. */
static pid_t
make_hidden_stranger(void)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	pid_t pid;

	if (chdir(directory) == -1 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("proc", "/proc", "proc", 0, "hidepid=2") == -1)
		_exit(CANNOT_MOUNT);
	signal(SIGTERM, SIG_DFL);
	if ((pid = changed_stranger()) == -1)
		return -1;
	write_number(pid);
	lock_to_lose = fd;
	return flock(fd, LOCK_EX) == -1 ? -1 : pid;
}

static int
where_proc_hides_processes(void)
{
	pid_t sender;

	if (make_hidden_stranger() == -1)
		return 92;
	close(lock_to_lose);
	lock_to_lose = -1;
	if ((sender = fork()) == 0) {
		become_another();
		_exit(daemon_send("pid", SIGTERM, DEADLINE) == 0 ? 0 : 95);
	}
	return WEXITSTATUS(ended(sender));
}

/* As if it had ended, and another process had its number by now. */
static int
where_the_lock_is_lost(void)
{
	pid_t pid = make_hidden_stranger(), sender;

	if (pid == -1)
		return 92;
	if ((sender = fork()) == 0) {
		become_another();
		_exit(daemon_send("pid", SIGTERM, 0) == -1 &&
		    errno == ESRCH && lock_to_lose == -1 ? 0 : 95);
	}
	if (WEXITSTATUS(ended(sender)) != 0)
		return 96;
	return waitpid(pid, NULL, WNOHANG) == 0 ? 0 : 97;
}

static void
in_hidden_proc(int (*process_1)(void))
{
	int status;

	if (skip_if(geteuid() != 0, "only root can make a pid namespace"))
		return;
	use_directory();
	ck_assert_int_eq(chmod(directory, 0755), 0);
	status = in_a_namespace(process_1);
	if (skip_if(WEXITSTATUS(status) == CANNOT_MOUNT,
	    "proc(5) cannot be mounted"))
		return;
	exited(status, 0);
}

START_TEST(control_signals_a_daemon_that_proc_hides)
{
	in_hidden_proc(where_proc_hides_processes);
}
END_TEST

START_TEST(control_looks_again_whether_one_that_proc_hides_has_the_lock)
{
	in_hidden_proc(where_the_lock_is_lost);
}
END_TEST

START_TEST(control_refuses_what_is_not_a_signal)
{
	use_directory();
	sent(SIGTERM, -1, EINVAL);
	sent(-1, 0, EINVAL);
	start(1, talker);
	sent(4711, 0, EINVAL);
	stop();
}
END_TEST

/* Another user may not enter the directory above the test's. */
static int
as_another(void)
{
	if (chdir(directory) == -1 || setgid(64002) == -1 ||
	    setuid(64001) == -1)
		return 90;
	if (daemon_running("pid") != here.master)
		return 91;
	if (daemon_send("pid", SIGTERM, 1) != -1)
		return 92;
	return errno == EPERM ? 0 : 93;
}

START_TEST(control_by_another_user_is_not_permitted)
{
	pid_t pid;

	if (skip_if(geteuid() != 0, "only root can become another"))
		return;
	use_directory();
	ck_assert_int_eq(chmod(directory, 0755), 0);
	start(1, talker);
	if ((pid = fork()) == 0)
		_exit(as_another());
	exited(ended(pid), 0);
	call(here.port);
	stop();
}
END_TEST

START_TEST(control_knows_nothing_where_there_are_no_locks)
{
	use_directory();
	write_number(getpid());
	unknown(path, ENOSYS);
}
END_TEST

int
main(void)
{
	const TTest *const only[] = {
		control_knows_nothing_where_there_are_no_locks
	};
	const TTest *const tests[] = {
		control_tells_which_daemon_runs,
		control_knows_that_a_killed_daemon_does_not_run,
		control_knows_a_daemon_that_is_starting,
		control_disturbs_no_start,
		control_signals_no_process_because_others_lock_its_file,
		control_finds_a_daemon_whose_file_has_another_name_by_now,
		control_says_what_is_not_a_pid_file,
		control_waits_until_the_daemon_is_gone,
		control_does_not_wait_for_a_process_that_locks_the_file_next,
		control_sees_the_end_of_a_daemon_that_is_killed_meanwhile,
		control_sees_that_end_also_where_there_is_no_pidfd,
		control_waits_also_where_there_is_no_pidfd,
		control_does_not_wait_for_a_reload,
		control_does_not_wait_for_a_slow_client_for_ever,
		control_signals_no_process_whose_number_is_in_an_old_file,
		control_signals_no_process_that_has_not_the_lock,
		control_takes_no_process_that_has_not_the_lock_for_a_daemon,
		control_signals_a_daemon_that_proc_has_by_another_number,
		control_signals_a_daemon_that_proc_hides,
		control_looks_again_whether_one_that_proc_hides_has_the_lock,
		control_refuses_what_is_not_a_signal,
		control_by_another_user_is_not_permitted
	};

	return HAS_LOCKS ? RUN_TESTS("control", tests) :
	    RUN_TESTS("control", only);
}
