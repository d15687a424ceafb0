/*
 * check_pulse.c - when a server counts as hung, and when the manager hears what
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/un.h>
#include <limits.h>
#include <time.h>

#include "clock.h"
#include "harness.h"
#include "role.h"

static struct dsrv_roster roster;
static struct dsrv_pulse pulse;

static void
hang(int seconds)
{
	ck_assert_int_eq(daemon_set_server_hang_max(seconds), 0);
}

/* As systemd sets it. */
static void
managed(const char *socket, const char *microseconds)
{
	setenv("NOTIFY_SOCKET", socket, 1);
	setenv("WATCHDOG_USEC", microseconds, 1);
	ck_assert_int_eq(dsrv_notify_take(), 0);
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
}

static void
watchdog(const char *microseconds)
{
	managed("/nowhere", microseconds);
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

/* Not how much time has passed, since the master may have been stopped, too. */
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

/*
 * When the manager hears it, by a clock that the test sets
 */

/* ms; 0: as it is, for Check measures how long a test takes. */
static int64_t set_to;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC || set_to == 0)
		return real_time(clock, now);
	now->tv_sec = (time_t)(set_to / 1000);
	now->tv_nsec = (long)(set_to % 1000) * 1000000;
	return 0;
}

static int manager;

static void
hears_nothing(void)
{
	char text[256];

	ck_assert_int_eq(recv(manager, text, sizeof text, MSG_DONTWAIT), -1);
}

static void
manager_hears(const char *expected)
{
	char text[256] = "";

	ck_assert_int_gt(recv(manager, text, sizeof text - 1, MSG_DONTWAIT),
	    0);
	ck_assert_str_eq(text, expected);
	hears_nothing();
}

/* At 100,000 ms the start succeeds. */
static void
ready_with(const char *microseconds)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char ready[64];

	snprintf(addr.sun_path, sizeof addr.sun_path, "%.90s/notify",
	    scratch());
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&addr, sizeof addr),
	    0);
	managed(addr.sun_path, microseconds);
	set_to = 100000;
	dsrv_notify_ready();
	set_to = 0;
	snprintf(ready, sizeof ready, "READY=1\nMAINPID=%ld", (long)getpid());
	manager_hears(ready);
}

static void
alive_at(int64_t time, int64_t silent)
{
	set_to = time;
	dsrv_notify_alive(silent);
	set_to = 0;
}

START_TEST(the_watchdog_is_fed_at_half_its_time)
{
	ready_with("4000000");
	alive_at(100000, 0);
	manager_hears("WATCHDOG=1");
	alive_at(100000, 0);
	alive_at(101999, 0);
	hears_nothing();
	alive_at(102000, 3999);
	manager_hears("WATCHDOG=1");
	alive_at(103999, 0);
	alive_at(104000, 4000);
	hears_nothing();
	alive_at(104001, 0);
	manager_hears("WATCHDOG=1");
}
END_TEST

static void
counted_at(int64_t time, int workers, int limit)
{
	set_to = time;
	dsrv_notify_look(workers, limit);
	set_to = 0;
}

START_TEST(the_number_of_workers_is_said_at_most_once_a_tick)
{
	daemon_set_server_tick(10);
	ready_with("0");
	ck_assert_int_eq(dsrv_notify_when(), 110000);
	counted_at(109999, 1, 100);
	hears_nothing();
	counted_at(110000, 1, 100);
	manager_hears("STATUS=1 of 100 workers");
	ck_assert_int_eq(dsrv_notify_when(), 120000);
	counted_at(110010, 2, 100);
	counted_at(119999, 3, 100);
	hears_nothing();
	counted_at(120000, 4, 100);
	manager_hears("STATUS=4 of 100 workers");
	counted_at(130000, 4, 100);
	hears_nothing();
	counted_at(140000, 4, 200);
	manager_hears("STATUS=4 of 200 workers");
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
		after_its_loop_a_server_may_take_as_long_as_it_likes,
		the_watchdog_is_fed_at_half_its_time,
		the_number_of_workers_is_said_at_most_once_a_tick
	};

	return RUN_TESTS("pulse", tests);
}
