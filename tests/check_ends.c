/*
 * check_ends.c - both ends of a worker's connection: daemon_peer(),
 * daemon_local() and daemon_peer_text(), however the worker has come to it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <errno.h>

#include "puppet.h"
#include "sockets.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un un;
	struct sockaddr_storage all;
};

enum { TEXT = 64 };

/*
 * The program
 */

/* The family and the port. */
static void
show(int (*end)(struct sockaddr *, socklen_t *))
{
	union address address;
	socklen_t len = sizeof address;

	errno = ERANGE;
	if (end(&address.any, &len) == -1)
		printf("errno %d\n", errno);
	else if (address.any.sa_family == AF_UNIX)
		printf("unix %s\n", len > sizeof address.any.sa_family ?
		    address.un.sun_path : "");
	else
		printf("%d %d%s\n", address.any.sa_family,
		    ntohs(address.any.sa_family == AF_INET6 ?
		    address.v6.sin6_port : address.v4.sin_port),
		    errno == ERANGE ? "" : " and errno");
}

static void
show_peer(void)
{
	show(daemon_peer);
}

static void
show_local(void)
{
	show(daemon_local);
}

static void
show_text(void)
{
	char text[TEXT];

	errno = ERANGE;
	if (daemon_peer_text(text, sizeof text) == -1 || errno != ERANGE)
		printf("errno %d\n", errno);
	else
		puts(text);
}

/* Those of getsockname(2) and getpeername(2), byte for byte. */
static void
compare(void)
{
	union address kernels, ours;
	socklen_t kernels_len = sizeof kernels, our_len = sizeof ours;
	int same;

	memset(&kernels, 0, sizeof kernels);
	memset(&ours, 0, sizeof ours);
	same = getsockname(0, &kernels.any, &kernels_len) == 0 &&
	    daemon_local(&ours.any, &our_len) == 0 &&
	    kernels_len == our_len &&
	    memcmp(&kernels, &ours, kernels_len) == 0;
	printf("%s\n", same ? "same" : "different");
}

/* Tells the test what each end is, even after the client can hear no more. */
static void
tell_all(const char *where)
{
	char text[TEXT] = "", word[TEXT];
	union address address;
	socklen_t len = sizeof address;

	snprintf(word, sizeof word, "local port %s", where);
	tell(word, daemon_local(&address.any, &len) == -1 ? -1 :
	    ntohs(address.v4.sin_port));
	len = sizeof address;
	snprintf(word, sizeof word, "peer port %s", where);
	tell(word, daemon_peer(&address.any, &len) == -1 ? -1 :
	    ntohs(address.v4.sin_port));
	snprintf(word, sizeof word, "port in text %s", where);
	daemon_peer_text(text, sizeof text);
	tell(word, strncmp(text, "127.0.0.1:", 10) == 0 ? atoi(text + 10) :
	    -1);
}

static void
close_both(void)
{
	close(0);
	close(1);
	tell_all("when closed");
	hang_up();
}

/* Puts another socket in the places of the connection, which stays open. */
static void
replace_both(void)
{
	int pair[2], kept = dup(0);

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	dup2(pair[0], 0);
	dup2(pair[0], 1);
	tell_all("when replaced");
	dup2(kept, 0);
	hang_up();
}

static const struct command commands[] = {
	{ "peer", show_peer, NULL },
	{ "local", show_local, NULL },
	{ "text", show_text, NULL },
	{ "compare", compare, NULL },
	{ "close", close_both, NULL },
	{ "replace", replace_both, NULL },
	{ NULL, NULL, NULL }
};

/* With spares, a worker serves one client after another. */
static void
program(void)
{
	here.commands = commands;
	reused_talker();
	tell_all("after the last");
}

static void
one_client(void)
{
	here.commands = commands;
	converse(serve());
	tell_all("at the end");
}

/*
 * The tests
 */

/* On 0.0.0.0, so that a client may choose any address in 127.0.0.0/8. */
static int
listen_on_all(int *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_ANY);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	*port = port_of(fd);
	return fd;
}

static void
knows_both(int fd)
{
	char text[TEXT];

	snprintf(text, sizeof text, "%d %d", AF_INET, port_of(fd));
	ck_assert_str_eq(answer(fd, "peer"), text);
	snprintf(text, sizeof text, "%d %d", AF_INET, here.port);
	ck_assert_str_eq(answer(fd, "local"), text);
	snprintf(text, sizeof text, "127.0.0.1:%d", port_of(fd));
	ck_assert_str_eq(answer(fd, "text"), text);
	ck_assert_str_eq(answer(fd, "compare"), "same");
}

static void
is_told(const char *where, int local, int peer)
{
	char word[TEXT];

	snprintf(word, sizeof word, "local port %s", where);
	ck_assert_int_eq(heard(&here.run, word), local);
	snprintf(word, sizeof word, "peer port %s", where);
	ck_assert_int_eq(heard(&here.run, word), peer);
	snprintf(word, sizeof word, "port in text %s", where);
	ck_assert_int_eq(heard(&here.run, word), peer);
}

START_TEST(ends_of_a_connection_are_what_the_kernel_says)
{
	int one, other;

	here.open_listener = listen_on_all;
	start(1, program);
	one = client(here.port);
	other = client(here.port);
	knows_both(one);
	knows_both(other);
	close(one);
	close(other);
	stop();
}
END_TEST

START_TEST(ends_of_a_connection_are_known_to_a_spare)
{
	int one, other;

	here.spares = 1;
	start(1, one_client);
	one = client(here.port);
	other = client(here.port);
	knows_both(one);
	knows_both(other);
	close(one);
	close(other);
	stop();
}
END_TEST

START_TEST(ends_of_a_connection_are_each_ones_own_when_reused)
{
	pid_t worker, next;
	int fd, i;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	start(1, program);
	fd = served(here.port, &worker);
	for (i = 0; i < 3; i++) {
		knows_both(fd);
		shutdown(fd, SHUT_WR);
		hears(fd, NULL);
		close(fd);
		fd = served(here.port, &next);
		ck_assert_int_eq(next, worker);
	}
	close(fd);
	stop();
}
END_TEST

START_TEST(ends_of_a_connection_are_known_when_it_is_closed)
{
	int fd, peer;

	start(1, one_client);
	fd = client(here.port);
	peer = port_of(fd);
	knows_both(fd);
	client_says(fd, "close\n");
	is_told("when closed", here.port, peer);
	is_told("at the end", here.port, peer);
	close(fd);
	stop();
}
END_TEST

/* The program closes the connection before it asks. */
START_TEST(local_end_is_not_known_when_the_program_has_closed_it)
{
	int fd, peer;

	start(1, one_client);
	fd = client(here.port);
	peer = port_of(fd);
	client_says(fd, "close\n");
	is_told("when closed", -1, peer);
	is_told("at the end", -1, peer);
	close(fd);
	stop();
}
END_TEST

START_TEST(local_end_is_not_that_of_another_socket)
{
	int fd, peer;

	start(1, one_client);
	fd = client(here.port);
	peer = port_of(fd);
	client_says(fd, "replace\n");
	is_told("when replaced", -1, peer);
	is_told("at the end", here.port, peer);
	close(fd);
	stop();
}
END_TEST

START_TEST(ends_of_a_connection_are_known_when_the_client_has_reset_it)
{
	int fd, peer;

	start(1, one_client);
	fd = served(here.port, NULL);
	peer = port_of(fd);
	reset(fd);
	is_told("at the end", here.port, peer);
	stop();
}
END_TEST

START_TEST(ends_of_a_connection_are_known_after_the_last_one)
{
	int fd, peer;

	start(1, program);
	fd = served(here.port, NULL);
	peer = port_of(fd);
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	is_told("after the last", here.port, peer);
	close(fd);
	stop();
}
END_TEST

/*
 * Other families
 */

START_TEST(ends_of_an_ipv6_connection_are_in_brackets)
{
	char text[TEXT];
	int fd;

	if (cannot_use_v6())
		return;
	here.open_listener = listen_on_v6;
	start(1, program);
	fd = client_of_v6(here.port);
	snprintf(text, sizeof text, "[::1]:%d", port_of(fd));
	ck_assert_str_eq(answer(fd, "text"), text);
	snprintf(text, sizeof text, "%d %d", AF_INET6, here.port);
	ck_assert_str_eq(answer(fd, "local"), text);
	ck_assert_str_eq(answer(fd, "compare"), "same");
	close(fd);
	stop();
}
END_TEST

START_TEST(ends_of_an_ipv4_client_of_a_socket_for_both_are_shown_as_ipv4)
{
	char text[TEXT];
	int fd;

	if (cannot_use_v6())
		return;
	here.open_listener = listen_for_both;
	start(1, program);
	fd = client(here.port);
	snprintf(text, sizeof text, "127.0.0.1:%d", port_of(fd));
	ck_assert_str_eq(answer(fd, "text"), text);
	snprintf(text, sizeof text, "%d %d", AF_INET6, port_of(fd));
	ck_assert_str_eq(answer(fd, "peer"), text);
	ck_assert_str_eq(answer(fd, "compare"), "same");
	close(fd);
	stop();
}
END_TEST

START_TEST(ends_of_a_unix_connection_are_the_socket_and_unix)
{
	struct sockaddr_un addr = local_address();
	char text[sizeof addr.sun_path + 8];
	int fd;

	here.open_listener = listen_locally;
	start(1, program);
	fd = local_client();
	ck_assert_str_eq(answer(fd, "text"), "unix");
	ck_assert_str_eq(answer(fd, "peer"), "unix ");
	snprintf(text, sizeof text, "unix %s", addr.sun_path);
	ck_assert_str_eq(answer(fd, "local"), text);
	close(fd);
	stop();
}
END_TEST

/*
 * Errors
 */

static void
tell_invalid(void)
{
	char text[TEXT] = "untouched", whole[TEXT] = "";
	union address address;
	socklen_t len = sizeof address;
	size_t need;

	serve();
	errno = 0;
	tell("no address", daemon_local(NULL, &len) == -1 ? errno : 0);
	errno = 0;
	tell("no length", daemon_local(&address.any, NULL) == -1 ? errno : 0);
	errno = 0;
	tell("no text", daemon_peer_text(NULL, 64) == -1 ? errno : 0);
	daemon_peer_text(whole, sizeof whole);
	need = strlen(whole) + 1;
	errno = 0;
	tell("one too few", daemon_peer_text(text, need - 1) == -1 ? errno : 0);
	errno = 0;
	tell("none", daemon_peer_text(text, 0) == -1 ? errno : 0);
	tell("untouched", strcmp(text, "untouched") == 0);
	tell("just enough", daemon_peer_text(text, need) == 0 &&
	    strcmp(text, whole) == 0);
	len = 3;
	tell("too short", daemon_local(&address.any, &len) == 0 &&
	    len == sizeof(struct sockaddr_in));
}

/*
 * Behind a proxy: those that its header names
 */

static void
knows_proxied(int port, const char *header, const char *family,
    const char *text)
{
	int fd = client(port);
	char expected[TEXT];

	client_says(fd, header);
	snprintf(expected, sizeof expected, "%s 4711", family);
	ck_assert_str_eq(answer(fd, "peer"), expected);
	snprintf(expected, sizeof expected, "%s 80", family);
	ck_assert_str_eq(answer(fd, "local"), expected);
	ck_assert_str_eq(answer(fd, "text"), text);
	ck_assert_str_eq(answer(fd, "compare"), "different");
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
}

/* One worker after another, or the same. */
static void
knows_each_proxied(void)
{
	char v4[TEXT], v6[TEXT];
	int fd;

	snprintf(v4, sizeof v4, "%d", AF_INET);
	snprintf(v6, sizeof v6, "%d", AF_INET6);
	daemon_set_proxy_sources("127.0.0.1");
	start(1, program);
	knows_proxied(here.port, "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80"
	    "\r\n", v4, "192.0.2.1:4711");
	knows_proxied(here.port, "PROXY TCP6 2001:db8::1 2001:db8::2 4711 80"
	    "\r\n", v6, "[2001:db8::1]:4711");
	fd = client(here.port);
	client_says(fd, "PROXY UNKNOWN\r\n");
	knows_both(fd);
	close(fd);
	stop();
}

START_TEST(ends_of_a_connection_behind_a_proxy_are_those_of_its_header)
{
	knows_each_proxied();
}
END_TEST

START_TEST(ends_of_a_connection_behind_a_proxy_are_known_to_a_spare)
{
	here.spares = 1;
	daemon_set_worker_count_max(1);
	knows_each_proxied();
}
END_TEST

START_TEST(ends_are_not_stored_where_there_is_no_room)
{
	int fd;

	start(1, tell_invalid);
	fd = client(here.port);
	ck_assert_int_eq(heard(&here.run, "no address"), EINVAL);
	ck_assert_int_eq(heard(&here.run, "no length"), EINVAL);
	ck_assert_int_eq(heard(&here.run, "no text"), EINVAL);
	ck_assert_int_eq(heard(&here.run, "one too few"), ENOSPC);
	ck_assert_int_eq(heard(&here.run, "none"), ENOSPC);
	ck_assert_int_eq(heard(&here.run, "untouched"), 1);
	ck_assert_int_eq(heard(&here.run, "just enough"), 1);
	ck_assert_int_eq(heard(&here.run, "too short"), 1);
	close(fd);
	stop();
}
END_TEST

static void
ask_elsewhere(void)
{
	union address address;
	socklen_t len = sizeof address;
	char text[TEXT];

	errno = 0;
	tell("local", daemon_local(&address.any, &len) == -1 ? errno : 0);
	errno = 0;
	tell("text", daemon_peer_text(text, sizeof text) == -1 ? errno : 0);
}

START_TEST(ends_are_known_to_a_worker_alone)
{
	int i;

	here.before_start = here.before_success = here.before_server =
	    ask_elsewhere;
	listen_on(1);
	run_puppet(run_daemon, talker);
	leave_listeners();
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(heard(&here.run, "local"), ENOTCONN);
		ck_assert_int_eq(heard(&here.run, "text"), ENOTCONN);
		if (i == 0)
			meet();
	}
	stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		ends_of_a_connection_are_what_the_kernel_says,
		ends_of_a_connection_are_known_to_a_spare,
		ends_of_a_connection_are_each_ones_own_when_reused,
		ends_of_a_connection_are_known_when_it_is_closed,
		local_end_is_not_known_when_the_program_has_closed_it,
		local_end_is_not_that_of_another_socket,
		ends_of_a_connection_are_known_when_the_client_has_reset_it,
		ends_of_a_connection_are_known_after_the_last_one,
		ends_of_an_ipv6_connection_are_in_brackets,
		ends_of_an_ipv4_client_of_a_socket_for_both_are_shown_as_ipv4,
		ends_of_a_unix_connection_are_the_socket_and_unix,
		ends_of_a_connection_behind_a_proxy_are_those_of_its_header,
		ends_of_a_connection_behind_a_proxy_are_known_to_a_spare,
		ends_are_not_stored_where_there_is_no_room,
		ends_are_known_to_a_worker_alone
	};

	return RUN_TESTS("ends", tests);
}
