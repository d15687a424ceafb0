/*
 * check_connlog.c - daemon_set_connection_log(): the lines about connections,
 * on the standard error of a daemon in the foreground, and in a log
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <limits.h>

#include "puppet.h"
#include "sockets.h"

enum { LINE = 256, MANY = 300 };

/*
 * The program
 */

static void
end_connection(void)
{
	daemon_end_connection();
	at_gate();
	_exit(3);
}

static const struct command commands[] = {
	{ "end", end_connection, NULL },
	{ NULL, NULL, NULL }
};

static void
program(void)
{
	here.commands = commands;
	reused_talker();
}

static void
one_client(void)
{
	here.commands = commands;
	converse(serve());
}

/*
 * What a test reads
 */

static void
start_logging(void (*what)(void))
{
	daemon_set_program_name("tested");
	daemon_set_connection_log(1);
	make_gate();
	start_in_foreground(1, what);
}

/* A client of the only worker may have to wait a second on a slow machine. */
static const char *
line_of_worker(void)
{
	const char *line = message();

	while (strstr(line, "all 1 workers ") != NULL)
		line = message();
	return line;
}

static void
no_worker_is_in(const char *text)
{
	ck_assert_msg(strstr(text, "tested: worker ") == NULL, "%s", text);
}

/* The next line is "tested: worker PID" and this. */
static void
says_of(pid_t worker, const char *rest)
{
	char expected[LINE];

	snprintf(expected, sizeof expected, "tested: worker %d %s",
	    (int)worker, rest);
	ck_assert_pstr_eq(line_of_worker(), expected);
}

static void
begins(pid_t worker, int port, const char *counts)
{
	char rest[LINE];

	snprintf(rest, sizeof rest, "begins with 127.0.0.1:%d%s", port,
	    counts);
	says_of(worker, rest);
}

/* The line has these parts around a time, which can be any. */
static void
lasts(const char *line, const char *before, const char *behind)
{
	const char *time, *end;
	int i;

	ck_assert_ptr_nonnull(line);
	time = strstr(line, " after ");
	end = time != NULL ? strstr(time, " s") : NULL;
	ck_assert_msg(end != NULL && end - time > 11, "no time: %s", line);
	ck_assert_msg(strncmp(line, before, (size_t)(time - line)) == 0 &&
	    strlen(before) == (size_t)(time - line), "\"%s\" does not begin "
	    "with \"%s\"", line, before);
	ck_assert_str_eq(end + 2, behind);
	ck_assert_int_eq(end[-4], '.');
	for (i = 1; time + 6 + i < end; i++)
		ck_assert_msg(end - 4 == time + 6 + i || (time[6 + i] >= '0' &&
		    time[6 + i] <= '9'), "no time: %s", line);
}

static void
ends(pid_t worker, int port, const char *how, const char *counts)
{
	char before[LINE];

	snprintf(before, sizeof before, "tested: worker %d of 127.0.0.1:%d %s",
	    (int)worker, port, how);
	lasts(line_of_worker(), before, counts);
}

static void
is_done(pid_t worker, int port)
{
	char before[LINE];

	snprintf(before, sizeof before,
	    "tested: worker %d is done with 127.0.0.1:%d", (int)worker, port);
	lasts(line_of_worker(), before, "");
}

/*
 * A worker for each connection
 */

START_TEST(connlog_says_when_connections_begin_and_end)
{
	pid_t worker, other;
	int fd, second;

	daemon_set_worker_count_max(7);
	start_logging(program);
	fd = served(here.port, &worker);
	begins(worker, port_of(fd), ", 1 of 7");
	second = served(here.port, &other);
	begins(other, port_of(second), ", 2 of 7");
	client_says(fd, "exit 3\n");
	ends(worker, port_of(fd), "ended with status 3", ", 1 of 7");
	client_says(second, "exit 0\n");
	ends(other, port_of(second), "ended with status 0", ", 0 of 7");
	close(fd);
	close(second);
	stop();
}
END_TEST

START_TEST(connlog_names_the_signal_that_ended_a_worker)
{
	pid_t worker;
	int fd;

	start_logging(program);
	fd = served(here.port, &worker);
	begins(worker, port_of(fd), ", 1 of 100");
	client_says(fd, "crash\n");
	ends(worker, port_of(fd),
	    "was ended by signal 11 (Segmentation fault)", ", 0 of 100");
	says(message(), "unable to keep worker ");
	close(fd);
	stop();
}
END_TEST

START_TEST(connlog_ends_a_connection_with_its_worker)
{
	pid_t worker;
	int fd;

	start_logging(program);
	fd = served(here.port, &worker);
	begins(worker, port_of(fd), ", 1 of 100");
	client_says(fd, "end\n");
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	ck_assert_int_eq(running(worker), 1);
	open_gate();
	ends(worker, port_of(fd), "ended with status 3", ", 0 of 100");
	close(fd);
	stop();
}
END_TEST

START_TEST(connlog_goes_on_after_a_reload)
{
	pid_t worker, other;
	int fd;

	start_logging(program);
	fd = served(here.port, &worker);
	begins(worker, port_of(fd), ", 1 of 100");
	send_signal(here.master, SIGHUP);
	is_asked(fd, SIGHUP);
	client_says(fd, "exit 0\n");
	ends(worker, port_of(fd), "ended with status 0", ", 0 of 100");
	next_server();
	close(fd);
	fd = served(here.port, &other);
	begins(other, port_of(fd), ", 1 of 100");
	client_says(fd, "exit 0\n");
	ends(other, port_of(fd), "ended with status 0", ", 0 of 100");
	close(fd);
	stop();
}
END_TEST

START_TEST(connlog_tells_of_workers_that_have_outlived_their_server)
{
	pid_t worker;
	int fd, port;

	if (cannot_adopt())
		return;
	start_logging(program);
	fd = served(here.port, &worker);
	begins(worker, port_of(fd), ", 1 of 100");
	send_signal(here.server, SIGKILL);
	says(message(), "unable to keep the server: ");
	next_server();
	port = here.port;
	client_says(fd, "exit 4\n");
	ends(worker, port_of(fd), "ended with status 4", "");
	close(fd);
	fd = served(port, &worker);
	/* The new server may not have seen that end: 1 or 2 of 100. */
	says(message(), " begins with 127.0.0.1:");
	close(fd);
	stop();
}
END_TEST

START_TEST(connlog_names_the_client_of_a_worker_that_a_reload_has_left)
{
	char expected[LINE];
	pid_t worker, last;
	int fd;

	if (cannot_adopt())
		return;
	daemon_set_reload_overlap(1);
	start_logging(program);
	fd = served(here.port, &worker);
	begins(worker, port_of(fd), ", 1 of 100");
	last = here.server;
	send_signal(here.master, SIGHUP);
	next_server();
	reaped(last);
	client_says(fd, "crash\n");
	ends(worker, port_of(fd),
	    "was ended by signal 11 (Segmentation fault)", "");
	snprintf(expected, sizeof expected, "tested: unable to keep worker %d "
	    "of 127.0.0.1:%d: it was ended by signal 11 (Segmentation fault)",
	    (int)worker, port_of(fd));
	ck_assert_pstr_eq(message(), expected);
	close(fd);
	stop();
}
END_TEST

START_TEST(connlog_names_a_unix_client_so)
{
	int fd;

	daemon_set_program_name("tested");
	daemon_set_connection_log(1);
	here.foreground = 1;
	here.open_listener = listen_locally;
	start(1, program);
	fd = local_client();
	says_of((pid_t)number(fd, "who"), "begins with unix, 1 of 100");
	close(fd);
	says(message(), " of unix ended with status 0 after ");
	stop_by(SIGUSR2);
	/* The child that ends the listener is not reported. */
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(connlog_says_nothing_unless_it_is_on)
{
	int fd;

	for (here.spares = 0; here.spares <= 1; here.spares++) {
		start_in_foreground(1, program);
		fd = served(here.port, NULL);
		close(fd);
		stop();
		ck_assert_str_eq(here.run.err, "");
	}
}
END_TEST

/*
 * Spares
 */

START_TEST(connlog_of_spares_says_what_each_worker_knows)
{
	pid_t worker;
	char rest[LINE];
	int fd;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	start_logging(one_client);
	fd = served(here.port, &worker);
	begins(worker, port_of(fd), "");
	client_says(fd, "exit 3\n");
	snprintf(rest, sizeof rest, "ended with status 3, 0 of 1");
	says_of(worker, rest);
	close(fd);
	stop();
	/* A new spare has taken its place and has had no client. */
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* No status of a worker means something to its server. */
START_TEST(connlog_of_spares_has_the_end_of_each_whatever_its_status)
{
	char end[LINE];
	pid_t worker;
	int fd, i;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	start_logging(one_client);
	for (i = 71; i <= 79; i += 2) {
		fd = served(here.port, &worker);
		begins(worker, port_of(fd), "");
		snprintf(end, sizeof end, "exit %d\n", i);
		client_says(fd, end);
		snprintf(end, sizeof end, "ended with status %d, 0 of 1", i);
		says_of(worker, end);
		close(fd);
	}
	stop();
	no_worker_is_in(here.run.err);
}
END_TEST

START_TEST(connlog_has_nothing_of_spares_without_a_client)
{
	here.spares = 3;
	start_logging(one_client);
	has_children(here.server, 3);
	stop_by(SIGUSR2);
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(connlog_of_a_reused_worker_has_each_connection)
{
	pid_t worker, next;
	int fd, i, port;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	daemon_set_worker_connection_max(3);
	start_logging(program);
	fd = served(here.port, &worker);
	for (i = 1; i <= 3; i++) {
		port = port_of(fd);
		begins(worker, port, "");
		shutdown(fd, SHUT_WR);
		hears(fd, NULL);
		close(fd);
		is_done(worker, port);
		if (i == 3)
			break;
		fd = served(here.port, &next);
		ck_assert_int_eq(next, worker);
	}
	says_of(worker, "ended with status 0, 0 of 1");
	stop();
}
END_TEST

START_TEST(connlog_of_a_spare_ends_a_connection_once)
{
	pid_t worker;
	int fd, port;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	start_logging(one_client);
	fd = served(here.port, &worker);
	port = port_of(fd);
	begins(worker, port, "");
	client_says(fd, "end\n");
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	is_done(worker, port);
	open_gate();
	says_of(worker, "ended with status 3, 0 of 1");
	stop();
}
END_TEST

/*
 * Behind a proxy: a connection begins with its header
 */

static void
behind_proxy(int spares, void (*what)(void))
{
	here.spares = spares;
	daemon_set_worker_count_max(1);
	daemon_set_proxy_sources("127.0.0.1");
	start_logging(what);
}

/* As a load balancer does to see whether a port is open. */
static void
checks_port(void)
{
	int fd = client(here.port);

	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	if (here.spares == 0)	/* or its worker might become an orphan */
		has_children(here.server, 0);
}


static int
proxied(pid_t *worker)
{
	int fd = client(here.port);

	client_says(fd, "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n");
	*worker = (pid_t)number(fd, "who");
	return fd;
}

START_TEST(connlog_begins_behind_a_proxy_with_the_header)
{
	pid_t worker;
	int fd, i;

	behind_proxy(0, program);
	for (i = 0; i < 3; i++)
		checks_port();
	fd = proxied(&worker);
	says_of(worker, "begins with 192.0.2.1:4711, 1 of 1");
	client_says(fd, "exit 3\n");
	ends(worker, port_of(fd), "ended with status 3", ", 0 of 1");
	close(fd);
	checks_port();
	stop();
	no_worker_is_in(here.run.err);
}
END_TEST

START_TEST(connlog_of_spares_begins_behind_a_proxy_with_the_header)
{
	pid_t worker;
	int fd, i;

	behind_proxy(1, one_client);
	for (i = 0; i < 3; i++)
		checks_port();
	fd = proxied(&worker);
	says_of(worker, "begins with 192.0.2.1:4711");
	client_says(fd, "exit 3\n");
	says_of(worker, "ended with status 3, 0 of 1");
	close(fd);
	checks_port();
	stop();
	no_worker_is_in(here.run.err);
}
END_TEST

START_TEST(connlog_of_a_reused_worker_begins_behind_a_proxy_with_the_header)
{
	char done[LINE];
	pid_t worker;
	int fd, i;

	behind_proxy(1, program);
	for (i = 0; i < 3; i++) {
		checks_port();
		fd = proxied(&worker);
		says_of(worker, "begins with 192.0.2.1:4711");
		shutdown(fd, SHUT_WR);
		hears(fd, NULL);
		snprintf(done, sizeof done, "tested: worker %d is done with "
		    "192.0.2.1:4711", (int)worker);
		lasts(line_of_worker(), done, "");
		close(fd);
		checks_port();
	}
	stop_by(SIGUSR2);
	/* The child that ends the listener may still count. */
	snprintf(done, sizeof done, "tested: worker %d ended with status 0, ",
	    (int)worker);
	says(here.run.err, done);
}
END_TEST

START_TEST(connlog_has_no_end_of_a_worker_that_is_killed_before_the_header)
{
	char expected[LINE];
	pid_t worker;
	int fd;

	behind_proxy(0, program);
	fd = client(here.port);
	worker = only_child_of(here.server);
	send_signal(worker, SIGKILL);
	snprintf(expected, sizeof expected, "tested: unable to keep worker %d "
	    "of 127.0.0.1:%d: it was ended by signal 9 (Killed)", (int)worker,
	    port_of(fd));
	ck_assert_pstr_eq(message(), expected);
	close(fd);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/*
 * In a log
 */

static char log_path[PATH_MAX];

static const char *
logged(void)
{
	static char text[1024 * 1024];
	FILE *file = fopen(log_path, "r");
	size_t n = 0;

	if (file != NULL) {
		n = fread(text, 1, sizeof text - 1, file);
		fclose(file);
	}
	text[n] = '\0';
	return text;
}

static int
times(const char *part)
{
	const char *at = logged();
	int count = 0;

	for (; (at = strstr(at, part)) != NULL; at++)
		count++;
	return count;
}

/* No line is lost, even if clients come one after another. */
START_TEST(connlog_has_each_of_many_connections_in_the_log)
{
	int i;

	snprintf(log_path, sizeof log_path, "%s/log", scratch());
	daemon_set_program_name("tested");
	daemon_set_connection_log(1);
	here.has_logger = 1;
	daemon_enable_logger();
	daemon_set_logger_name_format(log_path);
	start(1, program);
	for (i = 0; i < MANY; i++)
		call(here.port);
	/* USR2: the server waits for the end of each worker. */
	stop_by(SIGUSR2);
	ck_assert_int_eq(times(" before it are lost"), 0);
	ck_assert_int_eq(times(" begins with 127.0.0.1:"), MANY);
	ck_assert_int_eq(times(" ended with status 0 after "), MANY);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		connlog_says_when_connections_begin_and_end,
		connlog_names_the_signal_that_ended_a_worker,
		connlog_ends_a_connection_with_its_worker,
		connlog_goes_on_after_a_reload,
		connlog_tells_of_workers_that_have_outlived_their_server,
		connlog_names_the_client_of_a_worker_that_a_reload_has_left,
		connlog_names_a_unix_client_so,
		connlog_says_nothing_unless_it_is_on,
		connlog_of_spares_says_what_each_worker_knows,
		connlog_of_spares_has_the_end_of_each_whatever_its_status,
		connlog_has_nothing_of_spares_without_a_client,
		connlog_of_a_reused_worker_has_each_connection,
		connlog_of_a_spare_ends_a_connection_once,
		connlog_begins_behind_a_proxy_with_the_header,
		connlog_of_spares_begins_behind_a_proxy_with_the_header,
		connlog_of_a_reused_worker_begins_behind_a_proxy_with_the_header,
		connlog_has_no_end_of_a_worker_that_is_killed_before_the_header,
		connlog_has_each_of_many_connections_in_the_log
	};

	return RUN_TESTS("connlog", tests);
}
