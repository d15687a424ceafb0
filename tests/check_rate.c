/*
 * check_rate.c - no more than this many in this time
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "admission.h"
#include "harness.h"

enum { BEGIN = 1000000 };

static struct dsrv_rate rate;

/* How many are admitted in this millisecond, if they come as fast as
 * possible. */
static int
take_all(int64_t now)
{
	int count = 0;

	while (dsrv_rate_wait(&rate, now) == 0) {
		dsrv_rate_take(&rate, now);
		count++;
	}
	return count;
}

START_TEST(rate_lets_as_many_in_at_once_as_the_bucket_holds)
{
	dsrv_rate_open(&rate, 7, 3, BEGIN);
	ck_assert_int_eq(take_all(BEGIN), 7);
	ck_assert_int_eq(take_all(BEGIN), 0);
}
END_TEST

START_TEST(rate_lets_the_next_in_when_it_said_so_and_not_a_ms_before)
{
	int64_t now = BEGIN, wait;
	int i;

	dsrv_rate_open(&rate, 7, 3, now);
	take_all(now);
	for (i = 0; i < 1000; i++) {
		wait = dsrv_rate_wait(&rate, now);
		ck_assert_int_ge(wait, 428);
		ck_assert_int_le(wait, 429);
		ck_assert_int_eq(dsrv_rate_wait(&rate, now + wait - 1), 1);
		now += wait;
		ck_assert_int_eq(take_all(now), 1);
	}
	/* 7 in 3 s, without a loss by rounding. */
	ck_assert_int_le(now - BEGIN, 1000 * 3000 / 7 + 1);
}
END_TEST

START_TEST(rate_is_kept_exactly_however_often_it_is_asked)
{
	int counts[] = { 1, 3, 10, 999, 1000, 1001, 30000 };
	int i, ms, total;

	for (i = 0; i < DSRV_COUNT(counts); i++) {
		dsrv_rate_open(&rate, counts[i], 10, BEGIN);
		take_all(BEGIN);
		for (total = 0, ms = 1; ms <= 20000; ms++)
			total += take_all(BEGIN + ms);
		ck_assert_int_eq(total, 2 * counts[i]);
	}
}
END_TEST

START_TEST(rate_bucket_is_never_more_than_full)
{
	dsrv_rate_open(&rate, 5, 1, BEGIN);
	take_all(BEGIN);
	ck_assert_int_eq(take_all(BEGIN + 1000000000), 5);
	ck_assert_int_eq(take_all(INT64_MAX), 5);
}
END_TEST

START_TEST(rate_of_the_largest_numbers_does_not_overflow)
{
	dsrv_rate_open(&rate, INT_MAX, DSRV_RATE_SECONDS_MAX, 0);
	ck_assert_int_eq(dsrv_rate_wait(&rate, INT64_MAX), 0);
	dsrv_rate_open(&rate, 1, DSRV_RATE_SECONDS_MAX, 0);
	dsrv_rate_take(&rate, 0);
	ck_assert_int_eq(dsrv_rate_wait(&rate, 0),
	    DSRV_RATE_SECONDS_MAX * INT64_C(1000));
	dsrv_rate_open(&rate, INT_MAX, 1, 0);
	dsrv_rate_take(&rate, 0);
	ck_assert_int_eq(dsrv_rate_wait(&rate, 1), 0);
	ck_assert_int_eq(rate.level, INT_MAX * INT64_C(1000));
}
END_TEST

START_TEST(rate_is_not_changed_by_a_clock_that_goes_back)
{
	dsrv_rate_open(&rate, 2, 1, BEGIN);
	take_all(BEGIN);
	ck_assert_int_eq(take_all(BEGIN - 5000), 0);
	ck_assert_int_eq(take_all(BEGIN + 499), 0);
	ck_assert_int_eq(take_all(BEGIN + 500), 1);
}
END_TEST

/* A spare may have accepted one before the server could forbid it. */
START_TEST(rate_of_one_that_came_too_early_is_paid_no_deeper_than_empty)
{
	int i;

	dsrv_rate_open(&rate, 2, 1, BEGIN);
	for (i = 0; i < 100; i++)
		dsrv_rate_take(&rate, BEGIN);
	ck_assert_int_eq(dsrv_rate_wait(&rate, BEGIN), 500);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		rate_lets_as_many_in_at_once_as_the_bucket_holds,
		rate_lets_the_next_in_when_it_said_so_and_not_a_ms_before,
		rate_is_kept_exactly_however_often_it_is_asked,
		rate_bucket_is_never_more_than_full,
		rate_of_the_largest_numbers_does_not_overflow,
		rate_is_not_changed_by_a_clock_that_goes_back,
		rate_of_one_that_came_too_early_is_paid_no_deeper_than_empty
	};

	return RUN_TESTS("rate", tests);
}
