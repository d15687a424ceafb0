/*
 * check_settings.c - each setting takes what is in its range, says EINVAL to
 * the rest, and is then what the program has set
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <limits.h>

#include "harness.h"

struct setting {
	const char *name;
	int (*set)(int);
	int least;
	int most;
};

#define SETTING(name, least, most) { #name, name, least, most }

static const struct setting settings[] = {
	SETTING(daemon_set_start_timeout, 0, INT_MAX),
	SETTING(daemon_set_foreground, 0, INT_MAX),
	SETTING(daemon_set_restart_count_max, 0, INT_MAX),
	SETTING(daemon_set_server_fast_time, 0, INT_MAX),
	SETTING(daemon_set_server_fast_max, 0, INT_MAX),
	SETTING(daemon_set_server_tick, 1, INT_MAX),
	SETTING(daemon_set_worker_count_max, 1, 65536),
	SETTING(daemon_set_drain_timeout, 0, INT_MAX),
	SETTING(daemon_set_stop_timeout, 0, INT_MAX),
	SETTING(daemon_set_start_return_fatal, INT_MIN, 0),
	SETTING(daemon_set_master_return_fatal, INT_MIN, 0),
	SETTING(daemon_set_logger_return_fatal, INT_MIN, 0),
	SETTING(daemon_set_server_return_fatal, INT_MIN, 0)
};

enum { SETTINGS = sizeof settings / sizeof settings[0], OWN_ERROR = 1234 };

static struct run run;

/* value is taken, and errno stays what it was. */
static void
takes(const struct setting *setting, int value)
{
	errno = OWN_ERROR;
	ck_assert_msg(setting->set(value) == 0 && errno == OWN_ERROR,
	    "%s(%d): errno %d", setting->name, value, errno);
}

static void
refuses(const struct setting *setting, int value)
{
	errno = 0;
	ck_assert_msg(setting->set(value) == -1 && errno == EINVAL,
	    "%s(%d): errno %d", setting->name, value, errno);
}

/*
 * Numbers
 */

START_TEST(a_setting_takes_all_of_its_range_and_keeps_errno)
{
	int i;

	for (i = 0; i < SETTINGS; i++) {
		takes(&settings[i], settings[i].least);
		takes(&settings[i], settings[i].least + 1);
		takes(&settings[i], settings[i].most - 1);
		takes(&settings[i], settings[i].most);
	}
}
END_TEST

START_TEST(a_setting_refuses_what_is_below_its_range)
{
	int i;

	for (i = 0; i < SETTINGS; i++)
		if (settings[i].least > INT_MIN) {
			refuses(&settings[i], settings[i].least - 1);
			refuses(&settings[i], INT_MIN);
		}
}
END_TEST

START_TEST(a_setting_refuses_what_is_above_its_range)
{
	int i;

	for (i = 0; i < SETTINGS; i++)
		if (settings[i].most < INT_MAX) {
			refuses(&settings[i], settings[i].most + 1);
			refuses(&settings[i], INT_MAX);
		}
}
END_TEST

/*
 * Names
 */

/* A text of len bytes; valid until the next call. */
static const char *
long_text(size_t len)
{
	static char text[10001];

	memset(text, 'x', len);
	text[len] = '\0';
	return text;
}

static void
refuses_name(const char *name)
{
	errno = 0;
	ck_assert_int_eq(daemon_set_program_name(name), -1);
	ck_assert_int_eq(errno, EINVAL);
}

START_TEST(a_program_name_has_1_to_255_bytes_and_no_slash)
{
	refuses_name(NULL);
	refuses_name("");
	refuses_name("/");
	refuses_name("/usr/sbin/testd");
	refuses_name("testd/");
	refuses_name(long_text(256));
	refuses_name(long_text(10000));
	errno = OWN_ERROR;
	ck_assert_int_eq(daemon_set_program_name("x"), 0);
	ck_assert_int_eq(daemon_set_program_name(long_text(255)), 0);
	ck_assert_int_eq(daemon_set_program_name("a name, \xc3\xa4\xff"), 0);
	ck_assert_int_eq(errno, OWN_ERROR);
}
END_TEST

START_TEST(a_working_directory_is_any_text_but_the_empty_one)
{
	errno = OWN_ERROR;
	ck_assert_int_eq(daemon_set_working_directory("/tmp"), 0);
	ck_assert_int_eq(daemon_set_working_directory("../tmp"), 0);
	ck_assert_int_eq(daemon_set_working_directory(NULL), 0);
	ck_assert_int_eq(errno, OWN_ERROR);
	ck_assert_int_eq(daemon_set_working_directory(""), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/*
 * What has been set
 */

/* Ends at once, with a message: there is no daemon. */
static void
complain(void)
{
	daemon_master();
}

static void
complains_as(void (*program)(void), const char *name)
{
	char start[300];
	int status;

	run_start(&run, program);
	status = run_wait(&run);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	snprintf(start, sizeof start, "%s: unable to become the master: ",
	    name);
	ck_assert_msg(strncmp(run.err, start, strlen(start)) == 0,
	    "\"%s\" does not begin with \"%s\"", run.err, start);
	nothing_left();
}

static void
own_name(void)
{
	char name[] = "testd";

	daemon_set_program_name("before");
	daemon_set_program_name(name);
	memset(name, 'x', sizeof name - 1);
	daemon_set_program_name("");
	daemon_set_program_name("a/b");
	complain();
}

START_TEST(a_name_is_copied_and_stays_where_another_is_refused)
{
	complains_as(own_name, "testd");
}
END_TEST

static void
long_name(void)
{
	daemon_set_program_name(long_text(255));
	complain();
}

START_TEST(a_name_of_255_bytes_is_shown_whole)
{
	complains_as(long_name, long_text(255));
}
END_TEST

#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
START_TEST(the_name_is_first_that_by_which_the_program_was_started)
{
	complains_as(complain, program_invocation_short_name);
}
END_TEST
#endif

static void
refused_value(void)
{
	daemon_set_start_return_fatal(-5);
	daemon_set_start_return_fatal(5);
	if (daemon_start() == 0)
		exit(7);
	tell("status", daemon_exit_status());
}

START_TEST(a_value_stays_where_another_is_refused)
{
	run_daemon(&run, refused_value);
	ck_assert_int_eq(heard(&run, "status"), 7);
	nothing_left();
}
END_TEST

static void
value_of_0_again(void)
{
	daemon_set_start_return_fatal(-5);
	daemon_set_start_return_fatal(0);
	if (daemon_start() == 0)
		exit(7);
	exit(8);
}

START_TEST(a_return_value_of_0_is_the_default_again)
{
	run_start(&run, value_of_0_again);
	ck_assert_int_eq(WEXITSTATUS(run_wait(&run)), 7);
	nothing_left();
}
END_TEST

static void
long_directory(void)
{
	daemon_set_working_directory(long_text(10000));
	daemon_start();
}

START_TEST(a_working_directory_of_10000_bytes_fails_the_start)
{
	const char *end;

	run_start(&run, long_directory);
	ck_assert_int_eq(WEXITSTATUS(run_wait(&run)), 1);
	says(run.err, ": unable to change to directory xxxx");
	ck_assert_ptr_nonnull(end = strchr(run.err, '\n'));
	ck_assert_int_le(end - run.err, 1100);
	nothing_left();
}
END_TEST

/*
 * The version
 */

START_TEST(the_version_is_the_package_s)
{
	ck_assert_str_eq(DAEMONSRV_VERSION, "1.0.0");
	ck_assert_str_eq(DAEMONSRV_VERSION, PACKAGE_VERSION);
}
END_TEST

START_TEST(the_parts_of_the_version_make_it)
{
	char version[64];

	snprintf(version, sizeof version, "%d.%d.%d",
	    DAEMONSRV_VERSION_MAJOR, DAEMONSRV_VERSION_MINOR,
	    DAEMONSRV_VERSION_PATCH);
	ck_assert_str_eq(version, DAEMONSRV_VERSION);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_setting_takes_all_of_its_range_and_keeps_errno,
		a_setting_refuses_what_is_below_its_range,
		a_setting_refuses_what_is_above_its_range,
		a_program_name_has_1_to_255_bytes_and_no_slash,
		a_working_directory_is_any_text_but_the_empty_one,
		a_name_is_copied_and_stays_where_another_is_refused,
		a_name_of_255_bytes_is_shown_whole,
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
		the_name_is_first_that_by_which_the_program_was_started,
#endif
		a_value_stays_where_another_is_refused,
		a_return_value_of_0_is_the_default_again,
		a_working_directory_of_10000_bytes_fails_the_start,
		the_version_is_the_package_s,
		the_parts_of_the_version_make_it
	};

	return RUN_TESTS("settings", tests);
}
