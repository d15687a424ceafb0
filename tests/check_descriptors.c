/*
 * check_descriptors.c - pipes that do not block, standard streams that are what
 * they should be, a descriptor of the log that shares no flags
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>

#include "role.h"
#include "listeners.h"
#include "harness.h"

enum { NOBODY = 54323 };	/* a user without other processes */

static struct run run;
static int ends[2];

/* Makes stderr the pipe, as in a server that has a logger. */
static void
open_pipe(void)
{
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
}

/* how many calls of dup2(2) fail, and with what */
static int failures, failure;

int
dup2(int fd, int at)
{
	if (failures > 0) {
		failures--;
		errno = failure;
		return -1;
	}
	return fd == at ? fd : dup3(fd, at, 0);
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

/* A file would be written from its beginning; a terminal belongs to the
 * program. */
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

/* Opening the pipe again would wait for a reader for ever. */
START_TEST(a_pipe_that_nobody_reads_is_not_waited_for)
{
	open_pipe();
	close(ends[0]);
	dsrv_descriptors_unshare(STDERR_FILENO);
	ck_assert_int_eq(write(STDERR_FILENO, "", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

/*
 * Pipes
 */

START_TEST(the_ends_named_do_not_block)
{
	int named, one, other;

	for (named = 0; named <= (DSRV_READ_END | DSRV_WRITE_END); named++) {
		ck_assert_int_eq(dsrv_descriptors_pipe(&one, &other, named), 0);
		ck_assert_int_eq(is_nonblocking(one),
		    (named & DSRV_READ_END) != 0);
		ck_assert_int_eq(is_nonblocking(other),
		    (named & DSRV_WRITE_END) != 0);
		close(one);
		close(other);
	}
}
END_TEST

#ifdef SYS_fcntl64
enum { FCNTL = SYS_fcntl64 };
#else
enum { FCNTL = SYS_fcntl };
#endif

/* how many ends must not block */
static int number;

static void
open_pipe_that_would_block(void)
{
	struct dsrv_wakeup wakeup;
	int before, one, other, is_forbidden;

	before = descriptors_of(getpid());
	is_forbidden = forbid_call(FCNTL, 1, F_SETFL, EPERM);
	tell("forbidden", is_forbidden);
	if (!is_forbidden)
		return;
	tell("pipe", dsrv_descriptors_pipe(&one, &other, number));
	tell("errno", errno);
	tell("ends", one == -1 && other == -1);
	tell("status", dsrv_statuspipe_open(&one, &other));
	tell("unshared", dsrv_descriptors_unshare(STDERR_FILENO));
	if (dsrv_wakeup_open(&wakeup) == 0) {	/* it is an eventfd(2) */
		tell("blocks", !is_nonblocking(wakeup.fd));
		dsrv_wakeup_close(&wakeup);
	} else
		tell("blocks", 0);
	tell("left", descriptors_of(getpid()) - before);
	tell("plain", dsrv_descriptors_pipe(&one, &other, 0));
}

START_TEST(what_would_block_is_not_opened)
{
	for (number = 1; number <= 3; number++) {
		run_start(&run, open_pipe_that_would_block);
		if (skip_if(!heard(&run, "forbidden"),
		    "no seccomp(2) filters here")) {
			run_wait(&run);
			return;
		}
		ck_assert_int_eq(heard(&run, "pipe"), -1);
		ck_assert_int_eq(heard(&run, "errno"), EPERM);
		ck_assert_int_eq(heard(&run, "ends"), 1);
		ck_assert_int_eq(heard(&run, "status"), -1);
		ck_assert_int_eq(heard(&run, "unshared"), -1);
		ck_assert_int_eq(heard(&run, "blocks"), 0);
		ck_assert_int_eq(heard(&run, "left"), 0);
		ck_assert_int_eq(heard(&run, "plain"), 0);
		ck_assert_int_eq(run_wait(&run), 0);
	}
}
END_TEST

/*
 * The standard streams
 */

static const int passing[] = { EBUSY, EINTR, EMFILE };

static void
holds_pipe(int fd)
{
	struct stat one, other;

	ck_assert_int_eq(fstat(fd, &one), 0);
	ck_assert_int_eq(fstat(ends[1], &other), 0);
	ck_assert(one.st_ino == other.st_ino && S_ISFIFO(one.st_mode));
}

START_TEST(what_dup2_refuses_for_a_moment_is_tried_again)
{
	int i;

	for (i = 0; i < DSRV_COUNT(passing); i++) {
		open_pipe();
		failure = passing[i];
		failures = 1;
		ck_assert_int_eq(dsrv_descriptors_null(2, 2), 0);
		failures = 3;
		ck_assert_int_eq(dsrv_descriptors_put(ends[1], 2), 0);
		holds_pipe(2);
		/* At each of the calls that it makes. */
		failures = 1;
		ck_assert_int_eq(dsrv_descriptors_renew(2), 0);
		holds_pipe(2);
		ck_assert_int_eq(failures, 0);
	}
}
END_TEST

START_TEST(what_dup2_refuses_for_good_stays_as_it_was_and_is_told)
{
	int before;

	open_pipe();
	before = descriptors_of(getpid());
	failure = EBUSY;
	failures = 1000;
	ck_assert_int_eq(dsrv_descriptors_put(0, 2), -1);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_int_eq(dsrv_descriptors_null(2, 2), -1);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_int_eq(dsrv_descriptors_unshare(2), -1);
	holds_pipe(2);
	ck_assert_int_eq(dsrv_descriptors_renew(2), -1);
	ck_assert_int_eq(errno, EBUSY);
	ck_assert_int_gt(failures, 900);
	failures = 0;
	ck_assert_int_eq(dsrv_descriptors_put(-1, 2), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(descriptors_of(getpid()), before);
}
END_TEST

/*
 * A worker's own descriptor of the log
 */

static struct dsrv_handover handover;
static int to_logger;

/* What a worker does whose server has given up its rights. */
static void
unshare_without_rights(void)
{
	if (dsrv_handover_open(&handover, &to_logger) == -1 ||
	    dup2(to_logger, STDERR_FILENO) == -1 ||
	    setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
		_exit(96);
	tell("unshared", dsrv_descriptors_unshare(STDERR_FILENO));
	/* The worker may write, but not read what others have written. */
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
		the_ends_named_do_not_block,
		what_would_block_is_not_opened,
		what_dup2_refuses_for_a_moment_is_tried_again,
		what_dup2_refuses_for_good_stays_as_it_was_and_is_told,
		what_one_does_to_its_flags_is_its_own_affair,
		no_other_descriptor_is_left,
		what_is_not_a_pipe_stays_what_it_is,
		a_pipe_that_nobody_reads_is_not_waited_for,
		a_worker_without_rights_can_do_it_too_and_no_more
	};

	return RUN_TESTS("descriptors", tests);
}
