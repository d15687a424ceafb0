/*
 * check_settings.c - each setting takes the values in its range, refuses the
 * rest with EINVAL, and has an effect
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

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
	SETTING(daemon_set_thread_check, 0, INT_MAX),
	SETTING(daemon_set_restart_count_max, 0, INT_MAX),
	SETTING(daemon_set_server_fast_time, 0, INT_MAX),
	SETTING(daemon_set_server_fast_max, 0, INT_MAX),
	SETTING(daemon_set_server_tick, 1, INT_MAX),
	SETTING(daemon_set_worker_connection_max, 0, INT_MAX),
	SETTING(daemon_set_connection_log, 0, INT_MAX),
	SETTING(daemon_set_worker_count_max, 1, 65536),
	SETTING(daemon_set_worker_environment, 0, INT_MAX),
	SETTING(daemon_set_worker_spare_count, 0, 65536),
	SETTING(daemon_set_drain_timeout, 0, INT_MAX),
	SETTING(daemon_set_reload_overlap, 0, INT_MAX),
	SETTING(daemon_set_stop_timeout, 0, INT_MAX),
	SETTING(daemon_set_server_hang_max, 0, INT_MAX),
	SETTING(daemon_set_keepalive, 0, 32767),
	SETTING(daemon_set_source_worker_max, 0, INT_MAX),
	SETTING(daemon_set_worker_time_max, 0, INT_MAX),
	SETTING(daemon_set_worker_refuse, 0, INT_MAX),
	SETTING(daemon_set_logger_fast_time, 0, INT_MAX),
	SETTING(daemon_set_logger_fast_max, 0, INT_MAX),
	SETTING(daemon_set_logger_file_count_max, 0, INT_MAX),
	SETTING(daemon_set_logger_drop, 0, INT_MAX),
	SETTING(daemon_set_logger_escape, 0, INT_MAX),
	SETTING(daemon_set_start_return_fatal, INT_MIN, 0),
	SETTING(daemon_set_master_return_fatal, INT_MIN, 0),
	SETTING(daemon_set_logger_return_fatal, INT_MIN, 0),
	SETTING(daemon_set_server_return_fatal, INT_MIN, 0)
};

enum { SETTINGS = sizeof settings / sizeof settings[0], OWN_ERROR = 1234 };

static struct run run;

/* The value is accepted, and errno is unchanged. */
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
 * Who may come in
 */

static void
takes_two(int (*set)(int, int), int first, int second)
{
	errno = OWN_ERROR;
	ck_assert_msg(set(first, second) == 0 && errno == OWN_ERROR,
	    "%d, %d: errno %d", first, second, errno);
}

static void
refuses_two(int (*set)(int, int), int first, int second)
{
	errno = 0;
	ck_assert_msg(set(first, second) == -1 && errno == EINVAL,
	    "%d, %d: errno %d", first, second, errno);
}

START_TEST(a_source_is_1_to_32_and_1_to_128_bits)
{
	takes_two(daemon_set_source_prefix, 1, 1);
	takes_two(daemon_set_source_prefix, 32, 128);
	refuses_two(daemon_set_source_prefix, 0, 64);
	refuses_two(daemon_set_source_prefix, 33, 64);
	refuses_two(daemon_set_source_prefix, -1, 64);
	refuses_two(daemon_set_source_prefix, INT_MAX, 64);
	refuses_two(daemon_set_source_prefix, 32, 0);
	refuses_two(daemon_set_source_prefix, 32, 129);
	refuses_two(daemon_set_source_prefix, 32, INT_MIN);
}
END_TEST

/*
 * The logger's texts
 */

typedef int (*set_text)(const char *);

static void
takes_text(set_text set, const char *text)
{
	errno = OWN_ERROR;
	ck_assert_msg(set(text) == 0 && errno == OWN_ERROR,
	    "\"%.40s\": errno %d", text != NULL ? text : "NULL", errno);
}

static void
refuses_text(set_text set, const char *text)
{
	errno = 0;
	ck_assert_msg(set(text) == -1 && errno == EINVAL,
	    "\"%.40s\": errno %d", text != NULL ? text : "NULL", errno);
}

/* Formats that strftime(3) does not accept. */
static const char *const bad_formats[] = { "%", "x%", "%%%", "%H%", "%-",
	"%Y-%_", "%0", "%^", "%#", "%E", "%O", "%3", "%99", "%-5" };

/* Some are complete conversions that strftime(3) does not know. */
static const char *const good_formats[] = { "%%", "x", "100%%", "%%%%", "%H",
	"%%H", "%-d", "%_d", "%Ey", "%N", "%3N", "%%N", "%Q", "%\xff" };

static void
checks_formats(set_text set)
{
	size_t i;

	refuses_text(set, NULL);
	refuses_text(set, long_text(10000));
	for (i = 0; i < sizeof bad_formats / sizeof bad_formats[0]; i++)
		refuses_text(set, bad_formats[i]);
	for (i = 0; i < sizeof good_formats / sizeof good_formats[0]; i++)
		takes_text(set, good_formats[i]);
}

START_TEST(a_log_file_name_is_a_format_of_1_to_4095_bytes)
{
	checks_formats(daemon_set_logger_name_format);
	refuses_text(daemon_set_logger_name_format, "");
	refuses_text(daemon_set_logger_name_format, long_text(4096));
	takes_text(daemon_set_logger_name_format, long_text(4095));
	takes_text(daemon_set_logger_name_format, "/");
}
END_TEST

START_TEST(a_log_prefix_is_a_format_of_up_to_255_bytes)
{
	checks_formats(daemon_set_logger_prefix_format);
	refuses_text(daemon_set_logger_prefix_format, long_text(256));
	takes_text(daemon_set_logger_prefix_format, long_text(255));
	takes_text(daemon_set_logger_prefix_format, "");
}
END_TEST

START_TEST(a_log_link_is_any_path_of_1_to_4095_bytes_or_none)
{
	refuses_text(daemon_set_logger_link, "");
	refuses_text(daemon_set_logger_link, long_text(4096));
	refuses_text(daemon_set_logger_link, long_text(10000));
	takes_text(daemon_set_logger_link, long_text(4095));
	takes_text(daemon_set_logger_link, "%");	/* it is not a format */
	takes_text(daemon_set_logger_link, NULL);
	takes_text(daemon_set_logger_link, NULL);
	refuses_text(daemon_set_logger_processor, "");
	refuses_text(daemon_set_logger_processor, long_text(4096));
	takes_text(daemon_set_logger_processor, long_text(4095));
	takes_text(daemon_set_logger_processor, NULL);
}
END_TEST

START_TEST(a_rate_is_for_1_to_86400_seconds)
{
	takes_two(daemon_set_accept_rate, 0, 1);
	takes_two(daemon_set_accept_rate, INT_MAX, 86400);
	refuses_two(daemon_set_accept_rate, -1, 1);
	refuses_two(daemon_set_accept_rate, 1, 0);
	refuses_two(daemon_set_accept_rate, 1, 86401);
	refuses_two(daemon_set_accept_rate, 1, INT_MIN);
}
END_TEST

START_TEST(a_refuse_text_has_1_to_1024_bytes_or_is_none)
{
	refuses_text(daemon_set_refuse_text, "");
	refuses_text(daemon_set_refuse_text, long_text(1025));
	refuses_text(daemon_set_refuse_text, long_text(10000));
	takes_text(daemon_set_refuse_text, long_text(1024));
	takes_text(daemon_set_refuse_text, "421 \xff%s\r\n");
	takes_text(daemon_set_refuse_text, NULL);
	takes_text(daemon_set_refuse_text, NULL);
}
END_TEST

START_TEST(proxies_are_at_most_64_networks_or_none)
{
	char many[65 * 8 + 1] = "";
	int i;

	refuses_text(daemon_set_proxy_sources, "");
	refuses_text(daemon_set_proxy_sources, "  ");
	refuses_text(daemon_set_proxy_sources, "localhost");
	refuses_text(daemon_set_proxy_sources, "10.0.0.1/8");
	refuses_text(daemon_set_proxy_sources, "10.0.0.0/33");
	refuses_text(daemon_set_proxy_sources, long_text(10000));
	takes_text(daemon_set_proxy_sources, "10.0.0.0/8 fd00::/8 unix");
	takes_text(daemon_set_proxy_sources, " ::1  127.0.0.1 ");
	for (i = 0; i < 64; i++)
		strcat(many, "1.1.1.1 ");
	takes_text(daemon_set_proxy_sources, many);
	refuses_text(daemon_set_proxy_sources, strcat(many, "1.1.1.1 "));
	takes_text(daemon_set_proxy_sources, NULL);
}
END_TEST

static void
refuses_mode(int mode, const char *group, int error)
{
	errno = 0;
	ck_assert_int_eq(daemon_set_logger_mode(mode, group), -1);
	ck_assert_int_eq(errno, error);
}

START_TEST(a_log_mode_lets_the_owner_write_and_its_group_exists)
{
	errno = OWN_ERROR;
	ck_assert_int_eq(daemon_set_logger_mode(0200, NULL), 0);
	ck_assert_int_eq(daemon_set_logger_mode(0777, "4294967294"), 0);
	ck_assert_int_eq(errno, OWN_ERROR);
	refuses_mode(0440, NULL, EINVAL);
	refuses_mode(01640, NULL, EINVAL);
	refuses_mode(-1, NULL, EINVAL);
	refuses_mode(0640, "no such group", ENOENT);
	refuses_mode(0640, "", ENOENT);
	refuses_mode(0640, "4294967295", ENOENT);
}
END_TEST

START_TEST(a_log_size_is_any_and_the_logger_always_enabled)
{
	errno = OWN_ERROR;
	ck_assert_int_eq(daemon_set_logger_size_max(0), 0);
	ck_assert_int_eq(daemon_set_logger_size_max(1), 0);
	ck_assert_int_eq(daemon_set_logger_size_max((size_t)-1), 0);
	ck_assert_int_eq(daemon_set_logger_total_max((size_t)-1), 0);
	ck_assert_int_eq(daemon_set_logger_total_max(0), 0);
	ck_assert_int_eq(daemon_enable_logger(), 0);
	ck_assert_int_eq(daemon_enable_logger(), 0);
	ck_assert_int_eq(errno, OWN_ERROR);
}
END_TEST

/*
 * What has been set
 */

/* The start fails at once, and logs a message. */
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

/* Each is refused; it would show in what is logged. */
static void
refused_formats(void)
{
	char name[] = "log";
	size_t i;

	daemon_set_logger_name_format(name);
	memset(name, 'x', sizeof name - 1);
	for (i = 0; i < sizeof bad_formats / sizeof bad_formats[0]; i++) {
		daemon_set_logger_name_format(bad_formats[i]);
		daemon_set_logger_prefix_format(bad_formats[i]);
	}
	daemon_set_logger_name_format("");
	daemon_set_logger_prefix_format(long_text(256));
	daemon_set_logger_link("");
	daemon_set_logger_file_count_max(-1);
	daemon_set_logger_escape(-1);
	daemon_set_logger_drop(-1);
	daemon_enable_logger();
	daemon_start();
	tell_pid("master");
	daemon_master();
	daemon_logger();
	daemon_success();
	fputs("a\tline\n", stderr);
	/* The leader is the last to hear of the success: otherwise it could
	 * reap the master before the test does. */
	while (kill(getsid(0), 0) == 0)
		poll(NULL, 0, 1);
	exit(7);
}

START_TEST(the_logger_s_values_stay_where_others_are_refused)
{
	char line[128] = "", rest[128];
	int field;
	FILE *log;

	ck_assert_int_eq(chdir(scratch()), 0);
	run_daemon(&run, refused_formats);
	ck_assert_int_eq(WEXITSTATUS(ended((pid_t)heard(&run, "master"))), 7);
	ck_assert_ptr_nonnull(log = fopen("log", "r"));
	/* A message of the master may come first. */
	while (fgets(line, sizeof line, log) != NULL &&
	    strstr(line, "unable to") != NULL)
		;
	/* 2026-07-01T12:00:00+0200 */
	ck_assert_msg(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d%5d%127[^\n]",
	    &field, &field, &field, &field, &field, &field, &field,
	    rest) == 8, "the first line is \"%s\"", line);
	ck_assert_str_eq(rest, " a\tline");
	fclose(log);
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

START_TEST(a_pid_file_is_any_path_of_less_than_4096_bytes)
{
	ck_assert_int_eq(daemon_set_pid_file("/run/x.pid"), 0);
	ck_assert_int_eq(daemon_set_pid_file("x.pid"), 0);
	ck_assert_int_eq(daemon_set_pid_file(long_text(4095)), 0);
	ck_assert_int_eq(daemon_set_pid_file(NULL), 0);
	errno = 0;
	ck_assert_int_eq(daemon_set_pid_file(""), -1);
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_int_eq(daemon_set_pid_file(long_text(4096)), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

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
		a_log_file_name_is_a_format_of_1_to_4095_bytes,
		a_log_prefix_is_a_format_of_up_to_255_bytes,
		a_log_link_is_any_path_of_1_to_4095_bytes_or_none,
		a_source_is_1_to_32_and_1_to_128_bits,
		a_rate_is_for_1_to_86400_seconds,
		a_refuse_text_has_1_to_1024_bytes_or_is_none,
		proxies_are_at_most_64_networks_or_none,
		a_log_mode_lets_the_owner_write_and_its_group_exists,
		a_log_size_is_any_and_the_logger_always_enabled,
		a_name_is_copied_and_stays_where_another_is_refused,
		a_name_of_255_bytes_is_shown_whole,
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
		the_name_is_first_that_by_which_the_program_was_started,
#endif
		a_value_stays_where_another_is_refused,
		the_logger_s_values_stay_where_others_are_refused,
		a_return_value_of_0_is_the_default_again,
		a_pid_file_is_any_path_of_less_than_4096_bytes,
		a_working_directory_of_10000_bytes_fails_the_start,
		the_version_is_the_package_s,
		the_parts_of_the_version_make_it
	};

	return RUN_TESTS("settings", tests);
}
