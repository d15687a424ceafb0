/*
 * check_descriptors.c - a descriptor of the log that shares no flags
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>

#include "daemon-private.h"
#include "harness.h"

enum { NOBODY = 54323 };	/* a user of no other processes */

static struct run run;
static int ends[2];

/* stderr is the pipe's, as in a server that has a logger. */
static void
open_pipe(void)
{
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
}

static int
is_nonblocking(int fd)
{
	return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

START_TEST(what_one_does_to_its_flags_is_its_own_affair)
{
	char text[8];

	open_pipe();
	errno = EINTR;
	ck_assert_int_eq(dsrv_descriptors_unshare(STDERR_FILENO), 0);
	ck_assert_int_eq(errno, EINTR);
	ck_assert(!is_nonblocking(STDERR_FILENO));
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFD), 0);
	fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	ck_assert(!is_nonblocking(ends[1]));
	fcntl(STDERR_FILENO, F_SETFL, 0);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	ck_assert(!is_nonblocking(STDERR_FILENO));
	ck_assert_int_eq(write(STDERR_FILENO, "text", 4), 4);
	ck_assert_int_eq(read(ends[0], text, sizeof text), 4);
}
END_TEST

START_TEST(no_other_descriptor_is_left)
{
	int before;

	open_pipe();
	before = descriptors_of(getpid());
	ck_assert_int_eq(dsrv_descriptors_unshare(STDERR_FILENO), 0);
	ck_assert_int_eq(descriptors_of(getpid()), before);
}
END_TEST

/* A file would be written from its beginning, a terminal is the program's. */
START_TEST(what_is_not_a_pipe_stays_what_it_is)
{
	int before, fd;

	fd = open("/dev/null", O_WRONLY | O_APPEND);
	before = fcntl(fd, F_GETFL);
	errno = EINTR;
	ck_assert_int_eq(dsrv_descriptors_unshare(fd), -1);
	ck_assert_int_eq(errno, EINTR);
	ck_assert_int_eq(fcntl(fd, F_GETFL), before);
	ck_assert_int_eq(dsrv_descriptors_unshare(-1), -1);
	close(fd);
}
END_TEST

/* To wait for a reader would be for ever. */
START_TEST(a_pipe_that_nobody_reads_is_not_waited_for)
{
	open_pipe();
	close(ends[0]);
	dsrv_descriptors_unshare(STDERR_FILENO);
	ck_assert_int_eq(write(STDERR_FILENO, "", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

static struct dsrv_handover handover;
static int to_logger;

/* As a worker whose server has given up its rights. */
static void
unshare_without_rights(void)
{
	if (dsrv_handover_open(&handover, &to_logger) == -1 ||
	    dup2(to_logger, STDERR_FILENO) == -1 ||
	    setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
		_exit(96);
	tell("unshared", dsrv_descriptors_unshare(STDERR_FILENO));
	/* It may write, but not read what others have written. */
	tell("read", open("/proc/self/fd/2", O_RDONLY | O_NONBLOCK));
}

START_TEST(a_worker_without_rights_can_do_it_too_and_no_more)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	run_start(&run, unshare_without_rights);
	ck_assert_int_eq(heard(&run, "unshared"), 0);
	ck_assert_int_eq(heard(&run, "read"), -1);
	ck_assert_int_eq(run_wait(&run), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		what_one_does_to_its_flags_is_its_own_affair,
		no_other_descriptor_is_left,
		what_is_not_a_pipe_stays_what_it_is,
		a_pipe_that_nobody_reads_is_not_waited_for,
		a_worker_without_rights_can_do_it_too_and_no_more
	};

	return RUN_TESTS("descriptors", tests);
}
