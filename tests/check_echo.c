/*
 * check_echo.c - examples/echo, the smallest daemon, as its clients see it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>
#include <poll.h>

#include "harness.h"

enum {
	CLIENTS = 8,
	LONG = 20000		/* more than the program reads at once */
};

static struct run run;

static void
start(const char *port)
{
	char program[PATH_MAX], *argv[3] = { program, NULL, NULL };

	ck_assert_ptr_nonnull(getenv("TOP_BUILDDIR"));
	snprintf(program, sizeof program, "%s/examples/echo",
	    getenv("TOP_BUILDDIR"));
	argv[1] = strdup(port);
	run_command(&run, argv);
	free(argv[1]);
}

/*
 * The daemon
 */

/* Starts it on a port of the kernel's choice; returns the master. */
static pid_t
serve(int *port)
{
	pid_t master;
	int status;

	start("0");
	status = run_wait(&run);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	    "wait status %#x, stderr: %s", status, run.err);
	ck_assert_str_eq(run.out, "");
	ck_assert_str_eq(run.err, "");
	master = only_child_of(getpid());
	*port = port_of_process(master);
	ck_assert_msg(*port > 0, "the master listens on no port");
	return master;
}

static void
stop(pid_t master)
{
	send_signal(master, SIGTERM);
	ck_assert_int_eq(ended(master), 0);
	nothing_left();
}

START_TEST(echo_sends_each_line_back_before_it_has_the_next)
{
	pid_t master;
	int port, fd;

	master = serve(&port);
	fd = client(port);
	echoes(fd, "hello");
	echoes(fd, "");
	echoes(fd, "and again");
	close(fd);
	stop(master);
}
END_TEST

START_TEST(echo_sends_the_rest_when_the_client_is_done)
{
	pid_t master;
	int port, fd;

	master = serve(&port);
	fd = client(port);
	client_says(fd, "a line\nand no newline");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_pstr_eq(client_hears(fd), "a line");
	ck_assert_pstr_eq(client_hears(fd), "and no newline");
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
	stop(master);
}
END_TEST

START_TEST(echo_sends_a_long_line_back_whole)
{
	char line[LONG + 1];
	pid_t master;
	int port, fd, i;

	for (i = 0; i < LONG; i++)
		line[i] = (char)('!' + i % 90);
	line[LONG] = '\0';
	master = serve(&port);
	fd = client(port);
	echoes(fd, line);
	close(fd);
	stop(master);
}
END_TEST

START_TEST(echo_serves_clients_side_by_side)
{
	int fds[CLIENTS], port, i, round;
	char line[32];
	pid_t master;

	master = serve(&port);
	for (i = 0; i < CLIENTS; i++)
		fds[i] = client(port);
	for (round = 0; round < 3; round++)
		for (i = CLIENTS - 1; i >= 0; i--) {
			snprintf(line, sizeof line, "%d of %d", i, round);
			echoes(fds[i], line);
		}
	for (i = 0; i < CLIENTS; i++)
		close(fds[i]);
	stop(master);
}
END_TEST

START_TEST(echo_goes_on_with_a_client_over_a_reload)
{
	pid_t master, server;
	int port, held, later;

	master = serve(&port);
	held = client(port);
	echoes(held, "before");
	server = only_child_of(master);
	send_signal(master, SIGHUP);
	echoes(held, "meanwhile");
	echoes(held, "at last");
	close(held);
	gone(server);
	later = client(port);
	echoes(later, "after");
	ck_assert_int_ne(only_child_of(master), server);
	close(later);
	stop(master);
}
END_TEST

START_TEST(echo_lets_its_clients_finish_when_it_is_to_drain)
{
	pid_t master;
	int port, held, fd;

	master = serve(&port);
	held = client(port);
	echoes(held, "before");
	send_signal(master, SIGUSR2);
	/* Not yet obeyed: but each try is a worker to be waited for. */
	while ((fd = client_if(port)) != -1) {
		close(fd);
		poll(NULL, 0, 20);
	}
	echoes(held, "meanwhile");
	close(held);
	ck_assert_int_eq(ended(master), 0);
	nothing_left();
}
END_TEST

START_TEST(echo_stops_at_once)
{
	pid_t master;
	int port, held;

	master = serve(&port);
	held = client(port);
	echoes(held, "before");
	stop(master);
	ck_assert_ptr_null(client_hears(held));
	close(held);
}
END_TEST

START_TEST(echo_says_which_port_is_taken)
{
	char port[16], expected[64];
	int number, fd, status;

	fd = listen_anywhere(&number);
	snprintf(port, sizeof port, "%d", number);
	start(port);
	status = run_wait(&run);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	ck_assert_str_eq(run.out, "");
	snprintf(expected, sizeof expected, ":%d: Address already in use",
	    number);
	says(run.err, "echo: unable to listen on ");
	says(run.err, expected);
	nothing_left();
	close(fd);
}
END_TEST

START_TEST(echo_says_which_port_there_cannot_be)
{
	int status;

	start("no-such-service");
	status = run_wait(&run);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	says(run.err, "echo: unable to listen on ");
	says(run.err, "no-such-service");
	nothing_left();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		echo_sends_each_line_back_before_it_has_the_next,
		echo_sends_the_rest_when_the_client_is_done,
		echo_sends_a_long_line_back_whole,
		echo_serves_clients_side_by_side,
		echo_goes_on_with_a_client_over_a_reload,
		echo_lets_its_clients_finish_when_it_is_to_drain,
		echo_stops_at_once,
		echo_says_which_port_is_taken,
		echo_says_which_port_there_cannot_be
	};

	return RUN_TESTS("echo", tests);
}
