/*
 * check_wakeup.c - waking a looping process, even by processes that are not
 * trusted
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "loop.h"
#include "harness.h"

enum { MANY = 100000 };

static struct dsrv_wakeup wakeup;

static int
is_awake(void)
{
	struct pollfd one = { .fd = wakeup.fd, .events = POLLIN };

	return poll(&one, 1, 0) == 1;
}

/* Reads until nothing is there. */
static void
sleeps_again(void)
{
	int i;

	for (i = 0; i < MANY && is_awake(); i++)
		dsrv_wakeup_take(&wakeup);
	ck_assert(!is_awake());
}

START_TEST(a_wakeup_wakes_until_it_is_taken)
{
	ck_assert_int_eq(dsrv_wakeup_open(&wakeup), 0);
	ck_assert(!is_awake());
	dsrv_wakeup_send(wakeup.to);
	ck_assert(is_awake());
	dsrv_wakeup_take(&wakeup);
	ck_assert(!is_awake());
	dsrv_wakeup_close(&wakeup);
}
END_TEST

START_TEST(a_wakeup_comes_from_a_child_that_can_only_send)
{
	pid_t pid;

	ck_assert_int_eq(dsrv_wakeup_open(&wakeup), 0);
	if ((pid = fork()) == 0) {
		dsrv_wakeup_only_send(&wakeup);
		dsrv_wakeup_send(wakeup.to);
		_exit(wakeup.fd != -1);
	}
	ck_assert_int_eq(ended(pid), 0);
	ck_assert(is_awake());
	dsrv_wakeup_close(&wakeup);
}
END_TEST

START_TEST(a_wakeup_never_makes_its_sender_wait)
{
	int i;

	ck_assert_int_eq(dsrv_wakeup_open(&wakeup), 0);
	for (i = 0; i < MANY; i++)
		dsrv_wakeup_send(wakeup.to);
	ck_assert(is_awake());
	sleeps_again();
	dsrv_wakeup_close(&wakeup);
}
END_TEST

/* The file status flags are shared by both processes, so the child can set
 * them. */
START_TEST(a_wakeup_that_is_not_there_makes_nobody_wait_whatever_its_mode)
{
	pid_t pid;

	ck_assert_int_eq(dsrv_wakeup_open(&wakeup), 0);
	if ((pid = fork()) == 0) {
		dsrv_wakeup_only_send(&wakeup);
		_exit(fcntl(wakeup.to, F_SETFL, 0) != 0);
	}
	ck_assert_int_eq(ended(pid), 0);
	dsrv_wakeup_take(&wakeup);
	dsrv_wakeup_send(wakeup.to);
	dsrv_wakeup_take(&wakeup);
	dsrv_wakeup_take(&wakeup);
	ck_assert(!is_awake());
	dsrv_wakeup_close(&wakeup);
}
END_TEST

static struct run run;
static int by_pipe;	/* as if there were no eventfd(2) */

static void
wake_nobody(void)
{
	sigset_t pending;
	int to;

#ifdef SYS_eventfd2
	if (by_pipe)
		tell("forbidden", forbid_call(SYS_eventfd2, -1, 0, ENOSYS));
#else
	if (by_pipe)
		tell("forbidden", 0);
#endif
	if (dsrv_wakeup_open(&wakeup) == -1 || (to = dup(wakeup.to)) == -1)
		_exit(96);
	dsrv_wakeup_close(&wakeup);
	dsrv_wakeup_send(to);
	sigpending(&pending);
	tell("pending", sigismember(&pending, SIGPIPE));
}

/* A worker may have outlived the server that it wakes. */
START_TEST(a_wakeup_of_a_process_that_has_gone_ends_nobody)
{
	for (by_pipe = 0; by_pipe <= 1; by_pipe++) {
		run_start(&run, wake_nobody);
		if (by_pipe)
			skip_if(!heard(&run, "forbidden"),
			    "no seccomp(2) filters here");
		ck_assert_int_eq(heard(&run, "pending"), 0);
		ck_assert_int_eq(run_wait(&run), 0);
	}
}
END_TEST

START_TEST(a_wakeup_brings_no_descriptors)
{
	char control[CMSG_SPACE(sizeof(int))], byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof control };

	ck_assert_int_eq(dsrv_wakeup_open(&wakeup), 0);
	memset(control, 0, sizeof control);
	ck_assert_int_eq(sendmsg(wakeup.to, &message, 0), -1);
	ck_assert_int_eq(errno, ENOTSOCK);
	dsrv_wakeup_close(&wakeup);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_wakeup_wakes_until_it_is_taken,
		a_wakeup_comes_from_a_child_that_can_only_send,
		a_wakeup_never_makes_its_sender_wait,
		a_wakeup_that_is_not_there_makes_nobody_wait_whatever_its_mode,
		a_wakeup_of_a_process_that_has_gone_ends_nobody,
		a_wakeup_brings_no_descriptors
	};

	return RUN_TESTS("wakeup", tests);
}
