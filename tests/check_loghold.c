/*
 * check_loghold.c - how long the lock on the log file is held, and waited for
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "logger.h"
#include "clock.h"
#include "flock.h"
#include "harness.h"

/* The time in a test, which the test sets; it never goes back, since Check uses
 * it too. 0: the real time. */
static int64_t clock_ms;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC || clock_ms == 0)
		return real_time(clock, now);
	now->tv_sec = (time_t)(clock_ms / 1000);
	now->tv_nsec = (long)(clock_ms % 1000) * 1000000;
	return 0;
}

static struct dsrv_loghold lock;
static int ours, theirs;	/* opened separately */

static int
open_log(void)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/log", scratch());
	ck_assert_int_ge(fd = open(path, O_RDWR | O_CREAT, 0600), 0);
	return fd;
}

static int
cannot_begin(void)
{
	ours = open_log();
	theirs = open_log();
	clock_ms = dsrv_clock_now() + 1000;
	return has_no_locks();
}

static int
they_may_write(void)
{
	if (flock(theirs, LOCK_EX | LOCK_NB) == -1)
		return 0;
	flock(theirs, LOCK_UN);
	return 1;
}

static void
done(void)
{
	close(ours);
	close(theirs);
}

START_TEST(lock_is_held_until_it_is_let_go)
{
	if (cannot_begin())
		return;
	ck_assert_int_eq(dsrv_loghold_take(&lock, ours), 0);
	ck_assert(lock.is_held && !they_may_write());
	dsrv_loghold_let_go(&lock, ours, 0);
	ck_assert(!lock.is_held && they_may_write());
	done();
}
END_TEST

START_TEST(lock_is_held_for_a_line_that_has_begun_but_for_a_second_only)
{
	if (cannot_begin())
		return;
	dsrv_loghold_take(&lock, ours);
	clock_ms += 999;
	dsrv_loghold_let_go(&lock, ours, 1);
	ck_assert(lock.is_held && !they_may_write());
	ck_assert(lock.next == clock_ms + 1);
	dsrv_loghold_take(&lock, ours);	/* no other second begins here */
	clock_ms++;
	dsrv_loghold_let_go(&lock, ours, 1);
	ck_assert(!lock.is_held && they_may_write());
	done();
}
END_TEST

START_TEST(lock_is_given_up_at_the_end_of_a_line_after_half_a_second)
{
	if (cannot_begin())
		return;
	ck_assert(!dsrv_loghold_is_ending(&lock));
	dsrv_loghold_take(&lock, ours);
	clock_ms += 499;
	ck_assert(!dsrv_loghold_is_ending(&lock));
	clock_ms++;
	ck_assert(dsrv_loghold_is_ending(&lock));
	dsrv_loghold_let_go(&lock, ours, 0);
	dsrv_loghold_take(&lock, ours);
	ck_assert(!dsrv_loghold_is_ending(&lock));
	done();
}
END_TEST

START_TEST(lock_of_another_is_not_waited_for_in_a_call)
{
	if (cannot_begin())
		return;
	ck_assert_int_eq(flock(theirs, LOCK_EX), 0);
	ck_assert_int_eq(dsrv_loghold_take(&lock, ours), -1);
	ck_assert(!lock.is_held);
	flock(theirs, LOCK_UN);
	ck_assert_int_eq(dsrv_loghold_take(&lock, ours), 0);
	done();
}
END_TEST

START_TEST(lock_of_another_is_tried_soon_for_two_seconds_and_then_seldom)
{
	int64_t since = 0;

	clock_ms = dsrv_clock_now() + 1000;
	ck_assert(dsrv_loghold_is_patient(&lock, &since));
	ck_assert(lock.next == clock_ms + 2);
	clock_ms += 1999;
	ck_assert(dsrv_loghold_is_patient(&lock, &since));
	ck_assert(lock.next == clock_ms + 2);
	clock_ms++;
	ck_assert(!dsrv_loghold_is_patient(&lock, &since));
	ck_assert(lock.next == clock_ms + 100);
	since = 0;	/* another wait begins */
	ck_assert(dsrv_loghold_is_patient(&lock, &since));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		lock_is_held_until_it_is_let_go,
		lock_is_held_for_a_line_that_has_begun_but_for_a_second_only,
		lock_is_given_up_at_the_end_of_a_line_after_half_a_second,
		lock_of_another_is_not_waited_for_in_a_call,
		lock_of_another_is_tried_soon_for_two_seconds_and_then_seldom
	};

	return RUN_TESTS("loghold", tests);
}
