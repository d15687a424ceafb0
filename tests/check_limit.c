/*
 * check_limit.c - frequent events: reported once, then counted
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>

#include "workers.h"
#include "harness.h"

enum { QUIET = 10000, BEGIN = 500000 };	/* ms */

static struct dsrv_limit limit;

START_TEST(limit_says_the_first_event_at_once)
{
	ck_assert_int_eq(dsrv_limit_event(&limit, BEGIN), 1);
	ck_assert(dsrv_limit_due(&limit) == DSRV_NEVER);
}
END_TEST

START_TEST(limit_says_an_event_at_the_clocks_beginning)
{
	ck_assert_int_eq(dsrv_limit_event(&limit, 0), 1);
	ck_assert_int_eq(dsrv_limit_event(&limit, 0), 0);
}
END_TEST

START_TEST(limit_says_how_many_more_there_were_when_the_time_has_come)
{
	int i;

	dsrv_limit_event(&limit, BEGIN);
	for (i = 1; i <= 7; i++)
		ck_assert_int_eq(dsrv_limit_event(&limit, BEGIN + i), 0);
	ck_assert_int_eq(dsrv_limit_due(&limit), BEGIN + QUIET);
	ck_assert_int_eq(dsrv_limit_take(&limit, BEGIN + QUIET), 7);
	ck_assert(dsrv_limit_due(&limit) == DSRV_NEVER);
}
END_TEST

START_TEST(limit_says_one_that_comes_after_a_quiet_time_at_once)
{
	dsrv_limit_event(&limit, BEGIN);
	ck_assert_int_eq(dsrv_limit_event(&limit, BEGIN + QUIET - 1), 0);
	dsrv_limit_take(&limit, BEGIN + QUIET);
	ck_assert_int_eq(dsrv_limit_event(&limit, BEGIN + 2 * QUIET), 1);
	ck_assert_int_eq(dsrv_limit_event(&limit, BEGIN + 4 * QUIET), 1);
}
END_TEST

/* There is one line in each quiet time, however many events there are. */
START_TEST(limit_says_no_more_than_a_line_in_the_quiet_time)
{
	int64_t now;
	int lines = 0, told = 0;

	for (now = BEGIN; now < BEGIN + 10 * QUIET; now++) {
		if (now >= dsrv_limit_due(&limit)) {
			told += dsrv_limit_take(&limit, now);
			lines++;
		}
		if (dsrv_limit_event(&limit, now)) {
			told++;
			lines++;
		}
	}
	ck_assert_int_eq(lines, 10);
	ck_assert_int_eq(told + dsrv_limit_take(&limit, now), 10 * QUIET);
}
END_TEST

/* A busy loop comes late: it reports the old count before a new event. */
START_TEST(limit_loses_none_where_the_line_comes_late)
{
	dsrv_limit_event(&limit, BEGIN);
	dsrv_limit_event(&limit, BEGIN + 1);
	ck_assert_int_eq(dsrv_limit_event(&limit, BEGIN + 3 * QUIET), 0);
	ck_assert_int_eq(dsrv_limit_due(&limit), BEGIN + QUIET);
	ck_assert_int_eq(dsrv_limit_take(&limit, BEGIN + 3 * QUIET), 2);
	ck_assert_int_eq(dsrv_limit_event(&limit, BEGIN + 3 * QUIET), 0);
	ck_assert_int_eq(dsrv_limit_due(&limit), BEGIN + 4 * QUIET);
}
END_TEST

START_TEST(limit_counts_several_at_once)
{
	ck_assert_int_eq(dsrv_limit_events(&limit, 1, BEGIN), 1);
	ck_assert(dsrv_limit_due(&limit) == DSRV_NEVER);
	ck_assert_int_eq(dsrv_limit_events(&limit, 5, BEGIN + 1), 0);
	ck_assert_int_eq(dsrv_limit_take(&limit, BEGIN + QUIET), 5);
	ck_assert_int_eq(dsrv_limit_events(&limit, 5, BEGIN + 2 * QUIET), 1);
	ck_assert_int_eq(dsrv_limit_take(&limit, BEGIN + 3 * QUIET), 4);
}
END_TEST

START_TEST(limit_counts_no_further_than_an_int)
{
	int i;

	dsrv_limit_event(&limit, BEGIN);
	for (i = 0; i < 3; i++)
		dsrv_limit_events(&limit, INT_MAX / 2, BEGIN + 1);
	dsrv_limit_event(&limit, BEGIN + 1);
	ck_assert_int_eq(dsrv_limit_take(&limit, BEGIN + QUIET), INT_MAX);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		limit_says_the_first_event_at_once,
		limit_says_an_event_at_the_clocks_beginning,
		limit_says_how_many_more_there_were_when_the_time_has_come,
		limit_says_one_that_comes_after_a_quiet_time_at_once,
		limit_says_no_more_than_a_line_in_the_quiet_time,
		limit_loses_none_where_the_line_comes_late,
		limit_counts_several_at_once,
		limit_counts_no_further_than_an_int
	};

	return RUN_TESTS("limit", tests);
}
