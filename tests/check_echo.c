/*
 * check_echo.c - examples/echo, the smallest daemon, as its clients see it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <poll.h>

#include "example.h"

enum {
	CLIENTS = 8,
	LONG = 20000		/* more than the program reads at once */
};

static struct run run;

/* Starts it on a port of the kernel's choice; returns the master. */
static pid_t
serve(int *port)
{
	start_example(&run, "echo", "0", NULL);
	return run_started_silently(&run, port);
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
	stop_master(master);
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
	stop_master(master);
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
	stop_master(master);
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
	stop_master(master);
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
	stop_master(master);
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
	/* While the server does not yet obey, each try gets a worker. */
	while ((fd = client_if(port)) != -1) {
		close(fd);
		poll(NULL, 0, 20);
	}
	echoes(held, "meanwhile");
	close(held);
	master_ends(master);
}
END_TEST

START_TEST(echo_stops_at_once)
{
	pid_t master;
	int port, held;

	master = serve(&port);
	held = client(port);
	echoes(held, "before");
	stop_master(master);
	ck_assert_ptr_null(client_hears(held));
	close(held);
}
END_TEST

START_TEST(echo_says_which_port_is_taken)
{
	char port[16], expected[64];
	int number, fd;

	fd = listen_anywhere(&number);
	snprintf(port, sizeof port, "%d", number);
	start_example(&run, "echo", port, NULL);
	snprintf(expected, sizeof expected, ":%d: Address already in use",
	    number);
	run_fails(&run, 1, expected);
	says(run.err, "echo: unable to listen on ");
	ck_assert_str_eq(run.out, "");
	close(fd);
}
END_TEST

START_TEST(echo_says_which_port_there_cannot_be)
{
	start_example(&run, "echo", "no-such-service", NULL);
	run_fails(&run, 1, "no-such-service");
	says(run.err, "echo: unable to listen on ");
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
