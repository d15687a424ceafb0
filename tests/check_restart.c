/*
 * check_restart.c - the verdict on a server's end, without processes
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>

#include "master.h"
#include "harness.h"

enum {
	NOTHING = 0,
	HUP = DSRV_ASK_LEAVE,
	USR1 = DSRV_ASK_LEAVE | DSRV_ASK_AT_ONCE,
	USR2 = DSRV_ASK_LEAVE | DSRV_ASK_FOR_GOOD,
	TERM = DSRV_ASK_LEAVE | DSRV_ASK_AT_ONCE | DSRV_ASK_FOR_GOOD,
	LONG_AGO = 3600 * 1000,	/* ms: not a fast end */
	CORE = 0x80		/* a bit in a wait status */
};

#define EXITED(n)	((n) << 8)
#define KILLED(n)	(n)

static const unsigned any_request[] = { HUP, USR1, USR2, TERM };

static const int any_end[] = { EXITED(0), EXITED(1), EXITED(2), EXITED(7),
	EXITED(255), KILLED(SIGHUP), KILLED(SIGKILL), KILLED(SIGTERM),
	KILLED(SIGSEGV), KILLED(SIGSEGV) | CORE, KILLED(SIGABRT) | CORE };

static struct dsrv_history history;

/*
 * What the verdicts are compared with
 */

static struct dsrv_verdict
judge(unsigned asked, int confirmed, int status, int64_t lived)
{
	struct dsrv_end seen = { .asked = asked, .confirmed = confirmed,
		.status = status, .lived = lived };

	return dsrv_restart_judge(&history, &seen);
}

static void
ends(struct dsrv_verdict verdict, int status)
{
	ck_assert_int_eq(verdict.again, 0);
	ck_assert_int_eq(verdict.status, status);
}

static void
goes_on(struct dsrv_verdict verdict, int pause)
{
	ck_assert_int_eq(verdict.again, 1);
	ck_assert_int_eq(verdict.pause, pause);
}

static void
counts(int restarts, int fast_ends)
{
	ck_assert_int_eq(history.restarts, restarts);
	ck_assert_int_eq(history.fast_ends, fast_ends);
}

/* The server's own status, or 128+n. */
static int
own(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

static void
limits(int restarts, int fast_ends, int fast_time)
{
	ck_assert_int_eq(daemon_set_restart_count_max(restarts), 0);
	ck_assert_int_eq(daemon_set_server_fast_max(fast_ends), 0);
	ck_assert_int_eq(daemon_set_server_fast_time(fast_time), 0);
}

/*
 * Before the first success
 */

START_TEST(the_first_failure_of_a_start_is_the_answer)
{
	static const unsigned asked[] = { NOTHING, HUP, USR1 };
	int i, j, status;

	for (i = 0; i < DSRV_COUNT(asked); i++)
		for (j = 0; j < DSRV_COUNT(any_end); j++) {
			status = own(any_end[j]);
			ends(judge(asked[i], 0, any_end[j], 0),
			    status == 0 ? 1 : status);
			ends(judge(asked[i], 0, any_end[j], LONG_AGO),
			    status == 0 ? 1 : status);
		}
	counts(0, 0);
}
END_TEST

START_TEST(a_start_that_was_to_end_ends_with_1)
{
	int j;

	for (j = 0; j < DSRV_COUNT(any_end); j++) {
		ends(judge(USR2, 0, any_end[j], 0), 1);
		ends(judge(TERM, 0, any_end[j], 0), 1);
	}
	counts(0, 0);
}
END_TEST

START_TEST(no_limit_makes_a_start_go_on)
{
	limits(0, 0, 0);
	ends(judge(NOTHING, 0, EXITED(0), LONG_AGO), 1);
	limits(100, 100, 100);
	ends(judge(NOTHING, 0, EXITED(0), LONG_AGO), 1);
	ends(judge(NOTHING, 0, KILLED(SIGKILL), LONG_AGO), 128 + SIGKILL);
}
END_TEST

/*
 * What was asked for
 */

START_TEST(a_daemon_asked_to_end_ends_with_0_however_its_server_did)
{
	int j;

	for (j = 0; j < DSRV_COUNT(any_end); j++) {
		ends(judge(USR2, 1, any_end[j], 0), 0);
		ends(judge(TERM, 1, any_end[j], 0), 0);
		ends(judge(TERM, 1, any_end[j], LONG_AGO), 0);
	}
	counts(0, 0);
}
END_TEST

START_TEST(a_restart_asked_for_is_made_at_once_however_the_server_ended)
{
	int j;

	for (j = 0; j < DSRV_COUNT(any_end); j++) {
		goes_on(judge(HUP, 1, any_end[j], 0), 0);
		goes_on(judge(USR1, 1, any_end[j], 0), 0);
		goes_on(judge(USR1, 1, any_end[j], LONG_AGO), 0);
	}
}
END_TEST

START_TEST(restarts_asked_for_count_for_nothing)
{
	int i;

	limits(1, 1, 10);
	for (i = 0; i < 100; i++) {
		goes_on(judge(HUP, 1, EXITED(0), 0), 0);
		goes_on(judge(USR1, 1, KILLED(SIGUSR1), 0), 0);
	}
	counts(0, 0);
	goes_on(judge(NOTHING, 1, EXITED(0), 0), 100);
	goes_on(judge(HUP, 1, EXITED(0), 0), 0);
	counts(1, 1);	/* nor is an earlier one forgotten */
	ends(judge(NOTHING, 1, EXITED(0), 0), 1);
}
END_TEST

START_TEST(what_was_asked_for_wins_over_every_limit)
{
	int i;

	limits(1, 1, 10);
	history.restarts = history.fast_ends = 1;
	for (i = 0; i < DSRV_COUNT(any_request); i++)
		if (any_request[i] & DSRV_ASK_FOR_GOOD)
			ends(judge(any_request[i], 1, KILLED(SIGSEGV), 0), 0);
		else
			goes_on(judge(any_request[i], 1, KILLED(SIGSEGV), 0),
			    0);
	counts(1, 1);
}
END_TEST

/*
 * What was not
 */

START_TEST(a_server_that_ends_with_0_or_crashes_is_followed_by_another)
{
	int j;

	for (j = 0; j < DSRV_COUNT(any_end); j++) {
		if (WIFEXITED(any_end[j]) && any_end[j] != 0)
			continue;
		goes_on(judge(NOTHING, 1, any_end[j], LONG_AGO), 0);
	}
	counts(7, 0);
}
END_TEST

START_TEST(any_other_status_of_a_server_is_the_daemons)
{
	int status;

	for (status = 1; status < 256; status++) {
		ends(judge(NOTHING, 1, EXITED(status), 0), status);
		ends(judge(NOTHING, 1, EXITED(status), LONG_AGO), status);
	}
	counts(0, 0);
}
END_TEST

START_TEST(so_many_restarts_are_made_and_no_more)
{
	int max, i;

	for (max = 1; max < 20; max++) {
		limits(max, 0, 0);
		memset(&history, 0, sizeof history);
		for (i = 0; i < max; i++)
			goes_on(judge(NOTHING, 1, EXITED(0), LONG_AGO), 0);
		ends(judge(NOTHING, 1, EXITED(0), LONG_AGO), 1);
	}
}
END_TEST

START_TEST(so_many_fast_ends_in_a_row_are_answered_and_no_more)
{
	int max, i;

	for (max = 1; max < 20; max++) {
		limits(0, max, 10);
		memset(&history, 0, sizeof history);
		for (i = 0; i < max; i++)
			ck_assert_int_eq(
			    judge(NOTHING, 1, EXITED(0), 9999).again, 1);
		ends(judge(NOTHING, 1, EXITED(0), 9999), 1);
	}
}
END_TEST

START_TEST(at_a_limit_the_last_end_alone_gives_the_status)
{
	limits(1, 0, 0);
	goes_on(judge(NOTHING, 1, KILLED(SIGKILL), 0), 0);
	ends(judge(NOTHING, 1, EXITED(0), 0), 1);

	memset(&history, 0, sizeof history);
	goes_on(judge(NOTHING, 1, EXITED(0), 0), 0);
	ends(judge(NOTHING, 1, KILLED(SIGKILL), 0), 128 + SIGKILL);

	limits(0, 1, 10);
	memset(&history, 0, sizeof history);
	goes_on(judge(NOTHING, 1, KILLED(SIGABRT), 0), 100);
	ends(judge(NOTHING, 1, KILLED(SIGSEGV) | CORE, 0), 128 + SIGSEGV);
}
END_TEST

START_TEST(the_limit_that_is_reached_first_holds)
{
	limits(2, 5, 10);
	goes_on(judge(NOTHING, 1, EXITED(0), 0), 100);
	goes_on(judge(NOTHING, 1, EXITED(0), 0), 200);
	ends(judge(NOTHING, 1, EXITED(0), 0), 1);

	limits(5, 2, 10);
	memset(&history, 0, sizeof history);
	goes_on(judge(NOTHING, 1, EXITED(0), 0), 100);
	goes_on(judge(NOTHING, 1, EXITED(0), 0), 200);
	ends(judge(NOTHING, 1, EXITED(0), 0), 1);
}
END_TEST

START_TEST(no_limit_is_no_limit)
{
	int i;

	limits(0, 0, 10);
	for (i = 0; i < 10000; i++)
		ck_assert_int_eq(
		    judge(NOTHING, 1, KILLED(SIGKILL), 0).again, 1);
	counts(10000, 10000);
}
END_TEST

START_TEST(by_default_five_fast_ends_in_a_row_are_answered)
{
	int i;

	for (i = 0; i < 5; i++)
		goes_on(judge(NOTHING, 1, EXITED(0), 9999), 100 << i);
	ends(judge(NOTHING, 1, EXITED(0), 9999), 1);
}
END_TEST

START_TEST(a_life_of_fast_time_is_not_fast)
{
	limits(0, 1, 3);
	goes_on(judge(NOTHING, 1, EXITED(0), 2999), 100);
	goes_on(judge(NOTHING, 1, EXITED(0), 3000), 0);
	counts(2, 0);
	goes_on(judge(NOTHING, 1, EXITED(0), 2999), 100);
	ends(judge(NOTHING, 1, EXITED(0), 2999), 1);

	limits(0, 1, INT_MAX);
	memset(&history, 0, sizeof history);
	goes_on(judge(NOTHING, 1, EXITED(0), (int64_t)INT_MAX * 1000), 0);
	goes_on(judge(NOTHING, 1, EXITED(0), (int64_t)INT_MAX * 1000 - 1),
	    100);
}
END_TEST

START_TEST(a_server_that_lived_long_enough_clears_the_row)
{
	int i;

	limits(0, 2, 10);
	for (i = 0; i < 10; i++) {
		goes_on(judge(NOTHING, 1, EXITED(0), 0), 100);
		goes_on(judge(NOTHING, 1, KILLED(SIGKILL), 0), 200);
		goes_on(judge(NOTHING, 1, EXITED(0), 10000), 0);
	}
	counts(30, 0);
}
END_TEST

START_TEST(with_fast_time_0_no_end_is_fast)
{
	int i;

	limits(0, 1, 0);
	for (i = 0; i < 100; i++)
		goes_on(judge(NOTHING, 1, KILLED(SIGSEGV), 0), 0);
	counts(100, 0);
}
END_TEST

/*
 * Pauses
 */

START_TEST(the_pause_between_fast_ends_doubles_from_100_ms_to_10_s)
{
	static const int pauses[] = { 100, 200, 400, 800, 1600, 3200, 6400,
		10000, 10000, 10000, 10000 };
	int i;

	limits(0, 0, 10);
	for (i = 0; i < DSRV_COUNT(pauses); i++)
		goes_on(judge(NOTHING, 1, EXITED(0), 0), pauses[i]);
	for (i = 0; i < 1000; i++)
		goes_on(judge(NOTHING, 1, EXITED(0), 0), 10000);
	goes_on(judge(NOTHING, 1, EXITED(0), 10000), 0);
	goes_on(judge(NOTHING, 1, EXITED(0), 0), 100);
}
END_TEST

START_TEST(a_pause_doubles_from_the_first_to_the_most)
{
	static const struct { int nth, first, most, pause; } rows[] = {
		{ 1, 100, 10000, 100 }, { 2, 100, 10000, 200 },
		{ 3, 100, 10000, 400 }, { 7, 100, 10000, 6400 },
		{ 8, 100, 10000, 10000 }, { 9, 100, 10000, 10000 },
		{ 100, 100, 10000, 10000 }, { INT_MAX, 100, 10000, 10000 },
		{ 1, 100, 1000, 100 }, { 4, 100, 1000, 800 },
		{ 5, 100, 1000, 1000 }, { 6, 100, 1000, 1000 },
		{ 1, 100, 100, 100 }, { 2, 100, 100, 100 },
		{ 1, 100, 50, 50 }, { 2, 100, 50, 50 },
		{ 4, 1, 8, 8 }, { 5, 1, 8, 8 }, { 5, 1, 9, 9 },
		{ 0, 100, 10000, 100 }
	};
	int i;

	for (i = 0; i < DSRV_COUNT(rows); i++)
		ck_assert_int_eq(dsrv_backoff(rows[i].nth,
		    rows[i].first, rows[i].most), rows[i].pause);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		the_first_failure_of_a_start_is_the_answer,
		a_start_that_was_to_end_ends_with_1,
		no_limit_makes_a_start_go_on,
		a_daemon_asked_to_end_ends_with_0_however_its_server_did,
		a_restart_asked_for_is_made_at_once_however_the_server_ended,
		restarts_asked_for_count_for_nothing,
		what_was_asked_for_wins_over_every_limit,
		a_server_that_ends_with_0_or_crashes_is_followed_by_another,
		any_other_status_of_a_server_is_the_daemons,
		so_many_restarts_are_made_and_no_more,
		so_many_fast_ends_in_a_row_are_answered_and_no_more,
		at_a_limit_the_last_end_alone_gives_the_status,
		the_limit_that_is_reached_first_holds,
		no_limit_is_no_limit,
		by_default_five_fast_ends_in_a_row_are_answered,
		a_life_of_fast_time_is_not_fast,
		a_server_that_lived_long_enough_clears_the_row,
		with_fast_time_0_no_end_is_fast,
		the_pause_between_fast_ends_doubles_from_100_ms_to_10_s,
		a_pause_doubles_from_the_first_to_the_most
	};

	return RUN_TESTS("restart", tests);
}
