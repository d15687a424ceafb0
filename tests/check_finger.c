/*
 * check_finger.c - examples/finger-before and what became of it as a daemon,
 * examples/finger: the same answers, but no client waits for another
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>

#include "example.h"

enum {
	MAX_QUERY = 511,	/* bytes, with the line end */
	MAX_PLAN = 65536,
	MAX_ANSWER = 1 << 20
};

static struct run run, before_run;
static pid_t before, master;
static int before_port, port;

/*
 * The two servers
 */

static void
start_before(void)
{
	long since = 0;

	start_example(&before_run, "finger-before", "0", scratch(), NULL);
	before = before_run.pid;
	while ((before_port = port_of_process(before)) == 0)
		look_again(&since, "a port of finger-before");
}

static void
stop_before(void)
{
	int status;

	send_signal(before, SIGTERM);
	status = run_wait(&before_run);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	ck_assert_str_eq(before_run.out, "");
	ck_assert_str_eq(before_run.err, "");
}

static void
start_daemon(void)
{
	start_example(&run, "finger", "0", scratch(), NULL);
	master = run_started_silently(&run, &port);
}

static void
stop_daemon(void)
{
	stop_master(master);
}

/* The daemon first, while it is the only child of this process. */
static void
start_both(void)
{
	start_daemon();
	start_before();
}

static void
stop_both(void)
{
	stop_before();
	stop_daemon();
}

/*
 * Clients
 */

/* Everything up to end of file; valid until the next call. */
static const char *
hears_all(int fd)
{
	static char text[MAX_ANSWER];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	ck_assert_int_eq(n, 0);
	text[len] = '\0';
	close(fd);
	return text;
}

static const char *
reply_to(int from, const char *query)
{
	int fd = client(from);

	client_says(fd, query);
	return hears_all(fd);
}

/* The answer, which must be the same from both; valid until the next call. */
static const char *
both_answer(const char *query)
{
	static char first[MAX_ANSWER];

	strcpy(first, reply_to(before_port, query));
	ck_assert_str_eq(reply_to(port, query), first);
	return first;
}

/* Asserts printable ASCII, tabs, and CR LF at the end of each line. */
static void
is_clean(const char *text)
{
	for (; *text != '\0'; text++) {
		if (strncmp(text, "\r\n", 2) == 0)
			text++;
		else
			ck_assert_msg(*text == '\t' ||
			    (*text >= ' ' && *text <= '~'), "byte %#x",
			    (unsigned char)*text);
	}
}

/*
 * The account of the test itself: the test can choose its plan
 */

static const char *
me(void)
{
	static char name[256];
	struct passwd *account = getpwuid(getuid());

	if (skip_if(account == NULL, "this user has no account"))
		return NULL;
	snprintf(name, sizeof name, "%s", account->pw_name);
	return name;
}

/* Where the server looks for the plan; makes the directories above it. */
static const char *
plan_path(void)
{
	static char path[PATH_MAX];
	struct passwd *account = getpwuid(getuid());
	char *slash;

	snprintf(path, sizeof path, "%s%s/.plan", scratch(), account->pw_dir);
	for (slash = path + strlen(scratch()) + 1;
	    (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	return path;
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(chmod(path, mode), 0);
}

/* Whether root, which every system has, can log in by the rule of the list. */
static int
root_can_log_in(void)
{
	struct passwd *root = getpwnam("root");
	const char *shell;

	ck_assert_ptr_nonnull(root);
	while ((shell = getusershell()) != NULL)
		if (strcmp(shell, root->pw_shell) == 0)
			return 1;
	return 0;
}

/*
 * Answers
 */

START_TEST(both_finger_servers_tell_what_is_known_of_a_user)
{
	struct passwd *root = getpwnam("root");
	char expected[1024];

	start_both();
	snprintf(expected, sizeof expected,
	    "Login: root\r\nName: %.*s\r\nNo plan.\r\n",
	    (int)strcspn(root->pw_gecos, ","), root->pw_gecos);
	ck_assert_str_eq(both_answer("root\r\n"), expected);
	ck_assert_str_eq(both_answer("root\n"), expected);
	ck_assert_str_eq(both_answer("  root  \r\n"), expected);
	ck_assert_str_eq(both_answer("no-such-user-here\r\n"),
	    "No such user.\r\n");
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_tell_more_where_more_is_asked_for)
{
	struct passwd *root = getpwnam("root");
	char expected[1024];

	start_both();
	snprintf(expected, sizeof expected, "Login: root\r\nName: %.*s\r\n"
	    "Directory: %s\r\nShell: %s\r\nNo plan.\r\n",
	    (int)strcspn(root->pw_gecos, ","), root->pw_gecos, root->pw_dir,
	    root->pw_shell);
	ck_assert_str_eq(both_answer("/W root\r\n"), expected);
	ck_assert_str_eq(both_answer("/w  root\n"), expected);
	ck_assert_str_eq(both_answer("/W no-such-user-here\r\n"),
	    "No such user.\r\n");
	ck_assert_str_eq(both_answer("/Wroot\r\n"), "No such user.\r\n");
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_list_who_can_log_in)
{
	static const char *const queries[] = { "\r\n", "\n", " \r\n",
		"/W\r\n", "/W \n" };
	static char all[MAX_ANSWER + 1];
	size_t i;

	start_both();
	snprintf(all, sizeof all, "\n%s", both_answer(queries[0]));
	is_clean(all + 1);
	ck_assert_int_eq(strstr(all, "\nroot\t") != NULL, root_can_log_in());
	for (i = 1; i < sizeof queries / sizeof queries[0]; i++)
		ck_assert_str_eq(both_answer(queries[i]), all + 1);
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_ask_no_other_machine)
{
	static const char *const queries[] = { "root@localhost\r\n",
		"@localhost\r\n", "/W root@localhost\r\n",
		"/W @localhost\n", "root@localhost@localhost\r\n" };
	size_t i;

	start_both();
	for (i = 0; i < sizeof queries / sizeof queries[0]; i++)
		ck_assert_str_eq(both_answer(queries[i]),
		    "Finger forwarding service denied.\r\n");
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_take_no_query_without_bounds)
{
	char query[1024];

	memset(query, 'x', sizeof query);
	start_both();
	strcpy(query + sizeof query - 3, "\r\n");
	ck_assert_str_eq(both_answer(query), "Query too long.\r\n");
	strcpy(query + MAX_QUERY - 1, "\r\n");
	ck_assert_str_eq(both_answer(query), "Query too long.\r\n");
	strcpy(query + MAX_QUERY - 2, "\r\n");
	ck_assert_str_eq(both_answer(query), "No such user.\r\n");
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_do_nothing_with_control_bytes)
{
	static const char *const queries[] = { "root\001\r\n",
		"\033[2Jroot\n", "ro\tot\r\n", "\377\376\r\n", "root;id\r\n",
		"`id`\r\n", "../root\r\n", "-l\r\n", "\r\r\001\n" };
	size_t i;

	start_both();
	for (i = 0; i < sizeof queries / sizeof queries[0]; i++)
		ck_assert_str_eq(both_answer(queries[i]),
		    "No such user.\r\n");
	stop_both();
}
END_TEST

/*
 * Plans
 */

START_TEST(both_finger_servers_show_nothing_that_moves_a_terminal)
{
	const char *user = me();
	char query[300];

	if (user == NULL)
		return;
	write_file(plan_path(), "Be\tquick.\n\033[2J\r\n\303\244\a\nNo end",
	    0644);
	start_both();
	snprintf(query, sizeof query, "%s\r\n", user);
	says(both_answer(query),
	    "\r\nPlan:\r\nBe\tquick.\r\n[2J\r\n\r\nNo end\r\n");
	snprintf(query, sizeof query, "/W %s\r\n", user);
	says(both_answer(query),
	    "\r\nPlan:\r\nBe\tquick.\r\n[2J\r\n\r\nNo end\r\n");
	is_clean(both_answer(query));
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_show_no_more_of_a_plan_than_the_limit)
{
	static char plan[2 * MAX_PLAN];
	const char *user = me(), *shown;
	char query[300];

	if (user == NULL)
		return;
	memset(plan, 'x', sizeof plan - 1);
	write_file(plan_path(), plan, 0644);
	start_both();
	snprintf(query, sizeof query, "%s\r\n", user);
	shown = strstr(both_answer(query), "Plan:\r\n");
	ck_assert_ptr_nonnull(shown);
	ck_assert_uint_eq(strlen(shown), strlen("Plan:\r\n\r\n") + MAX_PLAN);
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_show_no_file_that_is_not_for_everybody)
{
	const char *user = me(), *path;
	char query[300], other[PATH_MAX];

	if (user == NULL)
		return;
	path = plan_path();
	snprintf(query, sizeof query, "%s\r\n", user);
	snprintf(other, sizeof other, "%s/other", scratch());
	write_file(other, "not for everybody\n", 0644);
	start_both();

	write_file(path, "not for everybody\n", 0640);
	says(both_answer(query), "No plan.\r\n");
	unlink(path);
	ck_assert_int_eq(symlink(other, path), 0);
	says(both_answer(query), "No plan.\r\n");
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0644), 0);
	says(both_answer(query), "No plan.\r\n");
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	says(both_answer(query), "No plan.\r\n");
	rmdir(path);
	write_file(path, "for everybody\n", 0644);
	says(both_answer(query), "Plan:\r\nfor everybody\r\n");
	if (getuid() == 0) {
		ck_assert_int_eq(chown(path, 1, 1), 0);
		says(both_answer(query), "No plan.\r\n");
	}
	stop_both();
}
END_TEST

/*
 * Clients that go
 */

START_TEST(both_finger_servers_answer_a_query_without_an_end)
{
	int fd;

	start_both();
	fd = client(before_port);
	client_says(fd, "nobody-at-all");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_str_eq(hears_all(fd), "No such user.\r\n");
	fd = client(port);
	client_says(fd, "nobody-at-all");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_str_eq(hears_all(fd), "No such user.\r\n");
	stop_both();
}
END_TEST

START_TEST(both_finger_servers_go_on_after_a_client_that_went_early)
{
	struct linger reset = { 1, 0 };
	int round, fd, ports[2], i;

	start_both();
	ports[0] = before_port;
	ports[1] = port;
	for (i = 0; i < 2; i++)
		for (round = 0; round < 4; round++) {
			fd = client(ports[i]);
			if (round & 1)
				client_says(fd, "\r\n");
			if (round & 2)
				setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
				    sizeof reset);
			close(fd);
		}
	ck_assert_str_eq(both_answer("no-such-user-here\r\n"),
	    "No such user.\r\n");
	ck_assert_int_eq(children_of(before, &fd, 1), 0);
	stop_both();
}
END_TEST

/*
 * What has become of it
 */

START_TEST(finger_before_lets_a_client_wait_for_another)
{
	struct pollfd second = { -1, POLLIN, 0 };
	long since = 0;
	int first, idle;

	start_before();
	idle = descriptors_of(before);
	first = client(before_port);
	/* The connection takes two: a stream to read, another to write. */
	while (descriptors_of(before) < idle + 2)
		look_again(&since, "the first client's turn");
	second.fd = client(before_port);
	client_says(second.fd, "no-such-user-here\r\n");
	ck_assert_int_eq(descriptors_of(before), idle + 2);
	ck_assert_int_eq(poll(&second, 1, 0), 0);
	close(first);
	ck_assert_str_eq(hears_all(second.fd), "No such user.\r\n");
	stop_before();
	nothing_left();
}
END_TEST

START_TEST(finger_serves_a_client_while_another_says_nothing)
{
	int first;

	start_daemon();
	first = client(port);
	ck_assert_str_eq(reply_to(port, "no-such-user-here\r\n"),
	    "No such user.\r\n");
	client_says(first, "no-such-user-here\r\n");
	ck_assert_str_eq(hears_all(first), "No such user.\r\n");
	stop_daemon();
}
END_TEST

START_TEST(finger_goes_on_with_a_client_over_a_reload)
{
	pid_t server, worker;
	long since = 0;
	int held;

	start_daemon();
	server = only_child_of(master);
	held = client(port);
	while (children_of(server, &worker, 1) == 0)
		look_again(&since, "a worker");
	/* The worker gets it, too: it has the signal when kill(2) returns. */
	send_signal(worker, SIGHUP);
	send_signal(master, SIGHUP);
	client_says(held, "no-such-user-here\r\n");
	ck_assert_str_eq(hears_all(held), "No such user.\r\n");
	gone(server);
	ck_assert_str_eq(reply_to(port, "no-such-user-here\r\n"),
	    "No such user.\r\n");
	ck_assert_int_ne(only_child_of(master), server);
	stop_daemon();
}
END_TEST

START_TEST(finger_stops_at_once)
{
	int held;

	start_daemon();
	held = client(port);
	ck_assert_str_eq(reply_to(port, "no-such-user-here\r\n"),
	    "No such user.\r\n");
	stop_daemon();
	ck_assert_ptr_null(client_hears(held));
	close(held);
	nobody_listens(port);
}
END_TEST

START_TEST(both_finger_servers_say_which_port_is_taken)
{
	static const char *const names[] = { "finger-before", "finger" };
	char number[16];
	int taken, fd;
	size_t i;

	fd = listen_anywhere(&taken);
	snprintf(number, sizeof number, "%d", taken);
	for (i = 0; i < 2; i++) {
		start_example(&run, names[i], number, NULL);
		run_fails(&run, 1, ": Address already in use\n");
		says(run.err, names[i]);
		says(run.err, number);
	}
	close(fd);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		both_finger_servers_tell_what_is_known_of_a_user,
		both_finger_servers_tell_more_where_more_is_asked_for,
		both_finger_servers_list_who_can_log_in,
		both_finger_servers_ask_no_other_machine,
		both_finger_servers_take_no_query_without_bounds,
		both_finger_servers_do_nothing_with_control_bytes,
		both_finger_servers_show_nothing_that_moves_a_terminal,
		both_finger_servers_show_no_more_of_a_plan_than_the_limit,
		both_finger_servers_show_no_file_that_is_not_for_everybody,
		both_finger_servers_answer_a_query_without_an_end,
		both_finger_servers_go_on_after_a_client_that_went_early,
		finger_before_lets_a_client_wait_for_another,
		finger_serves_a_client_while_another_says_nothing,
		finger_goes_on_with_a_client_over_a_reload,
		finger_stops_at_once,
		both_finger_servers_say_which_port_is_taken
	};

	return RUN_TESTS("finger", tests);
}
