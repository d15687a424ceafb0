/*
 * check_progress.c - the page in which workers say how far they have come
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "spares.h"
#include "harness.h"

enum { WORKERS = 5 };

static void
open_progress(void)
{
	daemon_set_worker_count_max(WORKERS);
	daemon_set_worker_spare_count(1);
	ck_assert_int_eq(dsrv_progress_open(), 0);
}

/* A worker comes so far, and ends. Returns its place. */
static int
worker(enum dsrv_progress progress)
{
	int place = dsrv_progress_reserve();
	pid_t pid = fork();

	if (pid == 0) {
		if (progress != DSRV_PROGRESS_NONE)
			dsrv_progress_note(progress);
		_exit(0);
	}
	exited(ended(pid), 0);
	return place;
}

static void
has(int place, enum dsrv_progress progress)
{
	ck_assert_int_eq(dsrv_progress_has(place, DSRV_PROGRESS_CLIENT),
	    progress >= DSRV_PROGRESS_CLIENT);
	ck_assert_int_eq(dsrv_progress_has(place, DSRV_PROGRESS_BEGUN),
	    progress >= DSRV_PROGRESS_BEGUN);
}

START_TEST(progress_is_what_each_worker_has_noted)
{
	int first, second, third;

	open_progress();
	first = worker(DSRV_PROGRESS_CLIENT);
	second = worker(DSRV_PROGRESS_NONE);
	third = worker(DSRV_PROGRESS_BEGUN);
	has(first, DSRV_PROGRESS_CLIENT);
	has(second, DSRV_PROGRESS_NONE);
	has(third, DSRV_PROGRESS_BEGUN);
	dsrv_progress_close();
}
END_TEST

START_TEST(progress_of_a_worker_is_not_that_of_the_one_before)
{
	int place, i;

	open_progress();
	for (i = 0; i < 3 * WORKERS; i++) {
		place = worker(DSRV_PROGRESS_BEGUN);
		ck_assert_int_ne(place, 0);
		has(place, DSRV_PROGRESS_BEGUN);
		dsrv_progress_release(place);
		place = worker(DSRV_PROGRESS_NONE);
		has(place, DSRV_PROGRESS_NONE);
		dsrv_progress_release(place);
	}
	dsrv_progress_close();
}
END_TEST

START_TEST(progress_never_goes_back)
{
	int place;

	open_progress();
	place = dsrv_progress_reserve();
	dsrv_progress_note(DSRV_PROGRESS_BEGUN);
	dsrv_progress_note(DSRV_PROGRESS_CLIENT);
	has(place, DSRV_PROGRESS_BEGUN);
	dsrv_progress_close();
}
END_TEST

START_TEST(progress_has_a_place_for_each_worker_that_there_may_be)
{
	int place[WORKERS], i, j;

	open_progress();
	for (i = 0; i < WORKERS; i++) {
		place[i] = dsrv_progress_reserve();
		ck_assert_int_ne(place[i], 0);
		for (j = 0; j < i; j++)
			ck_assert_int_ne(place[i], place[j]);
	}
	ck_assert_int_eq(dsrv_progress_reserve(), 0);
	dsrv_progress_note(DSRV_PROGRESS_BEGUN);
	for (i = 0; i < WORKERS; i++)
		has(place[i], DSRV_PROGRESS_NONE);
	dsrv_progress_release(place[3]);
	ck_assert_int_eq(dsrv_progress_reserve(), place[3]);
	dsrv_progress_close();
}
END_TEST

START_TEST(progress_is_not_noted_where_nobody_asks)
{
	daemon_set_worker_spare_count(0);
	ck_assert_int_eq(dsrv_progress_open(), 0);
	ck_assert_int_eq(dsrv_progress_reserve(), 0);
	dsrv_progress_note(DSRV_PROGRESS_CLIENT);
	dsrv_progress_release(0);
	has(0, DSRV_PROGRESS_BEGUN);
	dsrv_progress_close();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		progress_is_what_each_worker_has_noted,
		progress_of_a_worker_is_not_that_of_the_one_before,
		progress_never_goes_back,
		progress_has_a_place_for_each_worker_that_there_may_be,
		progress_is_not_noted_where_nobody_asks
	};

	return RUN_TESTS("progress", tests);
}
