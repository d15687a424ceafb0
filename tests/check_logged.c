/*
 * check_logged.c - examples/logged, the service whose log is never lost, as
 * its clients and its directory see it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>

#include "example.h"

enum {
	STAMP = 24		/* bytes of "YYYY-MM-DD HH:MM:SS.mmm " */
};

static struct run run;
static pid_t master, server, logger;
static int port;

/*
 * Waiting
 */

/* Whether the master has two children, of which one listens. */
static int
know_children(void)
{
	pid_t pids[3];
	int listens;

	if (children_of(master, pids, 3) != 2)
		return 0;
	listens = port_of_process(pids[0]) != 0;
	if (listens == (port_of_process(pids[1]) != 0))
		return 0;
	server = pids[!listens];
	logger = pids[listens];
	return 1;
}

static void
meet_others(void)
{
	long since = 0;

	while (!know_children())
		look_again(&since, "a server and a logger");
}

/*
 * The log
 */

static const char *
path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", scratch(), name);
	return path;
}

/* The target of the link; valid until the next call. */
static const char *
log_text(void)
{
	static char text[65536];
	FILE *file;
	size_t n;

	if ((file = fopen(path_of("logged.log"), "r")) == NULL)
		return "";
	n = fread(text, 1, sizeof text - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static int
times_logged(const char *part)
{
	const char *at = log_text();
	int count = 0;

	for (; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

static void
is_logged(const char *part, int times)
{
	long since = 0;

	while (times_logged(part) < times)
		look_again(&since, part);
	ck_assert_int_eq(times_logged(part), times);
}

/* Each line begins with its time, and has nothing but text. */
static void
is_well_formed(void)
{
	static const char form[] = "0000-00-00 00:00:00.000 ";
	const char *line = log_text();
	int i;

	for (; *line != '\0'; line = strchr(line, '\n') + 1) {
		for (i = 0; i < STAMP; i++)
			ck_assert_msg(form[i] == '0' ?
			    isdigit((unsigned char)line[i]) != 0 :
			    line[i] == form[i], "\"%.40s\"", line);
		for (; line[i] != '\n'; i++)
			ck_assert_msg(isprint((unsigned char)line[i]) != 0,
			    "byte %#x", (unsigned)line[i]);
	}
}

/*
 * The daemon
 */

static void
serve(void)
{
	start_example(&run, "logged", scratch(), "0", NULL);
	master = run_started_silently(&run, &port);
	meet_others();
	is_logged("waiting for clients\n", 1);
}

static void
stop(void)
{
	stop_master(master);
	is_well_formed();
}

static void
notes(int fd, const char *line)
{
	char text[256];

	snprintf(text, sizeof text, "%s\n", line);
	client_says(fd, text);
	snprintf(text, sizeof text, "noted: %s", line);
	ck_assert_pstr_eq(client_hears(fd), text);
}

/* By its address. */
static void
is_logged_of(int fd, const char *what)
{
	char line[64];

	snprintf(line, sizeof line, " 127.0.0.1:%d: %s\n", port_of(fd), what);
	is_logged(line, 1);
}

START_TEST(logged_says_who_came_and_went)
{
	int one, other;

	serve();
	one = client(port);
	other = client(port);
	notes(one, "hello");
	notes(other, "hello too");
	notes(other, "and again");
	is_logged_of(one, "here");
	is_logged_of(other, "here");
	shutdown(one, SHUT_WR);
	is_logged_of(one, "gone after 1 lines");
	shutdown(other, SHUT_WR);
	is_logged_of(other, "gone after 2 lines");
	close(one);
	close(other);
	stop();
	is_logged("hello", 0);
}
END_TEST

START_TEST(logged_has_a_file_for_each_day_to_which_the_link_leads)
{
	char before[64], after[64], target[64];
	time_t second = time(NULL);
	ssize_t length;

	strftime(before, sizeof before, "logged-%Y-%m-%d.log",
	    localtime(&second));
	serve();
	second = time(NULL);	/* it may be midnight */
	strftime(after, sizeof after, "logged-%Y-%m-%d.log",
	    localtime(&second));
	length = readlink(path_of("logged.log"), target, sizeof target - 1);
	ck_assert_int_gt(length, 0);
	target[length] = '\0';
	ck_assert_msg(strcmp(target, before) == 0 ||
	    strcmp(target, after) == 0, "it leads to %s", target);
	stop();
}
END_TEST

START_TEST(logged_goes_on_after_a_reload_and_says_so)
{
	pid_t first;
	int held;

	serve();
	first = server;
	held = client(port);
	notes(held, "before");
	send_signal(master, SIGHUP);
	notes(held, "meanwhile");
	close(held);
	gone(first);
	meet_others();
	is_logged("waiting for clients\n", 2);
	is_logged("gone after 2 lines\n", 1);
	stop();
}
END_TEST

START_TEST(logged_loses_nothing_when_its_logger_is_killed)
{
	pid_t first;
	int fd;

	serve();
	first = logger;
	fd = client(port);
	notes(fd, "before");
	send_signal(first, SIGKILL);
	gone(first);
	notes(fd, "after");
	close(fd);
	is_logged(": here\n", 1);
	is_logged(": gone after 2 lines\n", 1);
	is_logged("logged: unable to keep the logger: ", 1);
	stop();
}
END_TEST

/* Writes it to the server's stderr. */
static void
write_as_server(const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%ld/fd/2", (long)server);
	ck_assert_int_ge(fd = open(path, O_WRONLY), 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

START_TEST(logged_lets_nothing_into_its_log_that_moves_a_terminal)
{
	serve();
	write_as_server("\033[2Jred\r\a\n");
	is_logged(" \\x1b[2Jred\\x0d\\x07\n", 1);
	stop();
}
END_TEST

START_TEST(logged_has_the_last_word_in_its_log_when_it_is_stopped)
{
	int held;

	serve();
	held = client(port);
	notes(held, "before");
	send_signal(master, SIGUSR2);
	notes(held, "meanwhile");
	close(held);
	master_ends(master);
	ck_assert_int_eq(times_logged("gone after 2 lines\n"), 1);
}
END_TEST

START_TEST(logged_says_why_it_cannot_log)
{
	start_example(&run, "logged", path_of("missing"), "0", NULL);
	run_fails(&run, 1, "logged: unable to open ");
	says(run.err, "/missing/logged-");
	says(run.err, "No such file or directory\n");
	ck_assert_str_eq(run.out, "");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		logged_says_who_came_and_went,
		logged_has_a_file_for_each_day_to_which_the_link_leads,
		logged_goes_on_after_a_reload_and_says_so,
		logged_loses_nothing_when_its_logger_is_killed,
		logged_lets_nothing_into_its_log_that_moves_a_terminal,
		logged_has_the_last_word_in_its_log_when_it_is_stopped,
		logged_says_why_it_cannot_log
	};

	return RUN_TESTS("logged", tests);
}
