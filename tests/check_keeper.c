/*
 * check_keeper.c - nothing is left of a test, and its children cannot spoil it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>

#include "harness.h"

static struct run run;

/* In a session of its own, as a daemon is. */
static void
leave_a_process(void)
{
	pid_t pid;

	if ((pid = fork()) == 0) {
		setsid();
		for (;;)
			pause();
	}
	tell("left", pid);
}

static int
leaving(void *unused)
{
	(void)unused;
	leave_a_process();
	return 7;
}

static int
staying(void *unused)
{
	(void)unused;
	leave_a_process();
	return pause();
}

static void
tell_directory(void)
{
	struct stat st;

	tell("directory", stat(kept_directory(), &st) == 0);
}

static void
keep_what_leaves_a_process(void)
{
	int status = keep(leaving, NULL);

	tell("status", status);
	tell_directory();
}

static void
keep_what_stays(void)
{
	keep(staying, NULL);
}

START_TEST(what_a_kept_process_leaves_ends_with_it)
{
	pid_t left;

	run_start(&run, keep_what_leaves_a_process);
	left = (pid_t)heard(&run, "left");
	ck_assert_int_eq(heard(&run, "status"), 7);
	ck_assert_int_eq(heard(&run, "directory"), 0);
	ck_assert(!running(left));
	ck_assert_int_eq(run_wait(&run), 0);
	nothing_left();
}
END_TEST

START_TEST(a_kept_process_ends_with_a_caller_that_is_killed)
{
	pid_t left;
	long none;

	run_start(&run, keep_what_stays);
	left = (pid_t)heard(&run, "left");
	send_signal(run.pid, SIGKILL);
	ck_assert_int_eq(run_wait(&run), SIGKILL);
	/* The keeper does not hold the pipe either. */
	ck_assert(!heard_if(&run, "nothing", &none));
	ck_assert(!running(left));
	nothing_left();
}
END_TEST

static int
dying(void *unused)
{
	(void)unused;
	return raise(SIGTERM);
}

static void
keep_what_dies(void)
{
	tell("status", keep(dying, NULL));
}

START_TEST(the_signal_that_ended_a_kept_process_is_told)
{
	run_start(&run, keep_what_dies);
	ck_assert_int_eq(heard(&run, "status"), 128 + SIGTERM);
	ck_assert_int_eq(run_wait(&run), 0);
	nothing_left();
}
END_TEST

/* How many signals are not as in a new process. */
static int
odd_signals(void)
{
	struct sigaction action;
	int signo, count = 0;
	sigset_t blocked;

	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (signo = 1; signo < 32; signo++)
		count += sigismember(&blocked, signo) ||
		    (sigaction(signo, NULL, &action) == 0 &&
		    action.sa_handler != SIG_DFL);
	return count;
}

static int
telling(void *unused)
{
	int fd, open = 0;

	(void)unused;
	tell("odd", odd_signals());
	for (fd = 0; fd < 3; fd++)
		open += fcntl(fd, F_GETFD) != -1;
	tell("open", open);
	tell("own", getsid(0) == getppid());
	return 0;
}

static void
keep_in_odd_surroundings(void)
{
	sigset_t all;

	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	close(0);
	close(1);
	close(2);
	tell("status", keep(telling, NULL));
}

START_TEST(what_is_kept_begins_alike_whoever_starts_it)
{
	run_start(&run, keep_in_odd_surroundings);
	ck_assert_int_eq(heard(&run, "odd"), 0);
	ck_assert_int_eq(heard(&run, "open"), 3);
	ck_assert_int_eq(heard(&run, "own"), 1);
	ck_assert_int_eq(heard(&run, "status"), 0);
	ck_assert_int_eq(run_wait(&run), 0);
	nothing_left();
}
END_TEST

/* No other part of this program opens this device. */
static const char inherited[] = "/dev/full";

static int
descriptors_inherited(void)
{
	struct stat device, st;
	int fd, count = 0;

	ck_assert_int_eq(stat(inherited, &device), 0);
	for (fd = 3; fd < 256; fd++)
		count += fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
		    st.st_rdev == device.st_rdev;
	return count;
}

START_TEST(a_test_has_no_descriptor_that_its_program_has_inherited)
{
	ck_assert_int_eq(descriptors_inherited(), 0);
}
END_TEST

/* One of them is above those that this program has open and closes at exec. */
static void
open_many(void)
{
	int fd = open(inherited, O_RDWR), i;

	for (i = 3; i < 10; i++)
		dup2(fd, i);
	fcntl(fd, F_DUPFD, 100);
}

static void
run_that_test_with_many_open(void)
{
	open_many();
	setenv("CK_RUN_CASE",
	    "a_test_has_no_descriptor_that_its_program_has_inherited", 1);
	execl("/proc/self/exe", "check_keeper", (char *)NULL);
}

START_TEST(a_test_program_first_closes_the_descriptors_it_inherits)
{
	run_start(&run, run_that_test_with_many_open);
	ck_assert_int_eq(run_wait(&run), 0);
	says(run.out, "100%: Checks: 1, Failures: 0, Errors: 0");
	nothing_left();
}
END_TEST

/* Check's record of it could not be written. */
static void
assert_without_files(void)
{
	struct rlimit none = { 0, 0 };
	int i;

	setrlimit(RLIMIT_FSIZE, &none);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(i, i);
	tell("held", i);
	ck_assert_msg(i == 0, "the number is %d", i);
	tell("went on", i);
}

START_TEST(assertions_of_children_leave_no_records)
{
	long number;

	run_start(&run, assert_without_files);
	ck_assert_int_eq(heard(&run, "held"), 100);
	ck_assert(!heard_if(&run, "went on", &number));
	ck_assert_int_eq(run_wait(&run), CHILD_ASSERTED << 8);
	says(run.err, "check_keeper.c:");
	says(run.err, "the number is 100");
	nothing_left();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		what_a_kept_process_leaves_ends_with_it,
		a_kept_process_ends_with_a_caller_that_is_killed,
		the_signal_that_ended_a_kept_process_is_told,
		what_is_kept_begins_alike_whoever_starts_it,
		a_test_has_no_descriptor_that_its_program_has_inherited,
		a_test_program_first_closes_the_descriptors_it_inherits,
		assertions_of_children_leave_no_records
	};

	return RUN_TESTS("keeper", tests);
}
