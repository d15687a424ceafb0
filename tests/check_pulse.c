/*
 * check_pulse.c - when a server counts as hung
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>

#include "harness.h"
#include "role.h"

static struct dsrv_roster roster;
static struct dsrv_pulse pulse;

static void
hang(int seconds)
{
	ck_assert_int_eq(daemon_set_server_hang_max(seconds), 0);
}

/* As from systemd. */
static void
watchdog(const char *microseconds)
{
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	setenv("WATCHDOG_USEC", microseconds, 1);
	ck_assert_int_eq(dsrv_notify_take(), 0);
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
}

START_TEST(nobody_looks_if_nobody_wants_to_know)
{
	ck_assert_int_eq(dsrv_pulse_every(), 0);
}
END_TEST

START_TEST(the_master_looks_four_times_in_the_shorter_time_or_twice_a_second)
{
	hang(1);
	ck_assert_int_eq(dsrv_pulse_every(), 250);
	hang(2);
	ck_assert_int_eq(dsrv_pulse_every(), 500);
	hang(INT_MAX);
	ck_assert_int_eq(dsrv_pulse_every(), 500);
	watchdog("400000");
	ck_assert_int_eq(dsrv_pulse_every(), 100);
	hang(0);
	ck_assert_int_eq(dsrv_pulse_every(), 100);
	watchdog("30000000");
	ck_assert_int_eq(dsrv_pulse_every(), 500);
}
END_TEST

START_TEST(a_watchdog_whose_time_is_not_one_is_none)
{
	static const char *const times[] = { "", "x", "0", "-5000000", "999",
		"9999999999999999999999" };
	int i;

	for (i = 0; i < COUNT(times); i++) {
		watchdog(times[i]);
		ck_assert_int_eq(dsrv_notify_watchdog(), 0);
	}
}
END_TEST

static int64_t
look(int times)
{
	int64_t silent = 0;

	while (times-- > 0)
		silent = dsrv_pulse_look(&pulse, &roster);
	return silent;
}

/* Not the time that has passed: the master may have been stopped as well. */
START_TEST(silence_is_as_long_as_the_master_has_looked_in_vain)
{
	hang(2);
	dsrv_pulse_begin(&pulse, &roster);
	roster.beats = 1;
	ck_assert_int_eq(look(1), 0);
	ck_assert_int_eq(look(1), 500);
	ck_assert_int_eq(look(3), 2000);
	roster.beats = 5;
	ck_assert_int_eq(look(1), 0);
	ck_assert_int_eq(look(2), 1000);
	dsrv_pulse_begin(&pulse, &roster);
	ck_assert_int_eq(look(1), 0);
}
END_TEST

START_TEST(before_its_first_beat_a_server_has_the_time_of_a_start)
{
	hang(1);
	daemon_set_start_timeout(3);
	dsrv_pulse_begin(&pulse, &roster);
	ck_assert_int_eq(look(12), 0);
	ck_assert_int_eq(look(1), 250);
	ck_assert_int_eq(look(3), 1000);
	roster.beats = 1;
	ck_assert_int_eq(look(1), 0);
	ck_assert_int_eq(look(1), 250);
	daemon_set_start_timeout(0);
	dsrv_pulse_begin(&pulse, &roster);
	ck_assert_int_eq(look(1000), 0);
}
END_TEST

/* It saves what it has, say. */
START_TEST(after_its_loop_a_server_may_take_as_long_as_it_likes)
{
	static struct dsrv_shared shared;

	hang(1);
	dsrv_role_give_shared(&shared, 0, 0);
	dsrv_pulse_begin(&pulse, &shared.rosters[0]);
	shared.rosters[0].beats = 1;
	ck_assert_int_eq(dsrv_pulse_look(&pulse, &shared.rosters[0]), 0);
	ck_assert_int_eq(dsrv_pulse_look(&pulse, &shared.rosters[0]), 250);
	dsrv_pulse_end();
	ck_assert_int_eq(dsrv_pulse_look(&pulse, &shared.rosters[0]), 0);
	ck_assert_int_eq(dsrv_pulse_look(&pulse, &shared.rosters[0]), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		nobody_looks_if_nobody_wants_to_know,
		the_master_looks_four_times_in_the_shorter_time_or_twice_a_second,
		a_watchdog_whose_time_is_not_one_is_none,
		silence_is_as_long_as_the_master_has_looked_in_vain,
		before_its_first_beat_a_server_has_the_time_of_a_start,
		after_its_loop_a_server_may_take_as_long_as_it_likes
	};

	return RUN_TESTS("pulse", tests);
}
