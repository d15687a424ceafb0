/*
 * check_phase.c - the phases of a daemon's life, each walked to its end
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "start.h"
#include "master.h"
#include "harness.h"

enum { PHASES = DSRV_PHASE_OVER + 1 };

/* The only phase without a time limit. */
static int
has_an_end(enum dsrv_phase phase)
{
	return phase != DSRV_PHASE_RUNNING && phase != DSRV_PHASE_OVER;
}

START_TEST(every_phase_with_an_end_leads_down_to_the_last)
{
	enum dsrv_phase phase, next;
	int first, steps;

	for (first = 0; first < PHASES; first++) {
		phase = (enum dsrv_phase)first;
		for (steps = 0; has_an_end(phase); steps++) {
			next = dsrv_phase_after(phase);
			ck_assert_int_gt(next, phase);
			ck_assert_int_lt(steps, PHASES);
			phase = next;
		}
		ck_assert_int_eq(dsrv_phase_after(phase), phase);
	}
}
END_TEST

START_TEST(nothing_is_killed_that_was_not_stopped_before)
{
	ck_assert_int_eq(dsrv_phase_after(DSRV_PHASE_STOPPING_SERVER),
	    DSRV_PHASE_KILLING_SERVER);
	ck_assert_int_eq(dsrv_phase_after(DSRV_PHASE_AWAITING_WORKERS),
	    DSRV_PHASE_STOPPING_WORKERS);
	ck_assert_int_eq(dsrv_phase_after(DSRV_PHASE_STOPPING_WORKERS),
	    DSRV_PHASE_KILLING_WORKERS);
	ck_assert_int_eq(dsrv_phase_after(DSRV_PHASE_KILLING_WORKERS),
	    DSRV_PHASE_WRITING);
}
END_TEST

START_TEST(phases_of_a_stop_last_as_long_as_is_set)
{
	static const enum dsrv_phase stops[] = { DSRV_PHASE_STOPPING_SERVER,
		DSRV_PHASE_AWAITING_WORKERS, DSRV_PHASE_STOPPING_WORKERS };
	int i;

	for (i = 0; i < 3; i++) {
		daemon_set_stop_timeout(5);
		ck_assert_int_eq(dsrv_phase_time(stops[i], 1), 5000);
		ck_assert_int_eq(dsrv_phase_time(stops[i], 0),
		    DSRV_START_GRACE);
		daemon_set_stop_timeout(0);
		ck_assert_int_eq(dsrv_phase_time(stops[i], 1), DSRV_NEVER);
	}
	daemon_set_stop_timeout(INT_MAX);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_STOPPING_SERVER, 1),
	    INT_MAX * INT64_C(1000));
}
END_TEST

START_TEST(workers_that_a_reload_has_left_have_drain_timeout_at_a_stop)
{
	daemon_set_reload_overlap(1);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_AWAITING_WORKERS, 1),
	    DSRV_NEVER);
	daemon_set_drain_timeout(9);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_AWAITING_WORKERS, 1),
	    9000);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_AWAITING_WORKERS, 0),
	    DSRV_START_GRACE);
}
END_TEST

START_TEST(a_start_has_its_time_from_the_master_in_the_foreground_alone)
{
	daemon_set_start_timeout(7);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_STARTING, 0), DSRV_NEVER);
	daemon_set_foreground(1);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_STARTING, 0), 7000);
	daemon_set_start_timeout(0);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_STARTING, 0), DSRV_NEVER);
}
END_TEST

START_TEST(a_daemon_that_runs_or_is_over_has_no_time)
{
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_RUNNING, 1), DSRV_NEVER);
	ck_assert_int_eq(dsrv_phase_time(DSRV_PHASE_OVER, 1), DSRV_NEVER);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		every_phase_with_an_end_leads_down_to_the_last,
		nothing_is_killed_that_was_not_stopped_before,
		phases_of_a_stop_last_as_long_as_is_set,
		workers_that_a_reload_has_left_have_drain_timeout_at_a_stop,
		a_start_has_its_time_from_the_master_in_the_foreground_alone,
		a_daemon_that_runs_or_is_over_has_no_time
	};

	return RUN_TESTS("phase", tests);
}
