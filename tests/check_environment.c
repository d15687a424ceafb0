/*
 * check_environment.c - daemon_set_worker_environment(): what a worker, and the
 * program that it executes, find in the environment of their connection
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <dlfcn.h>
#include <errno.h>

#include "puppet.h"
#include "sockets.h"
#include "workers.h"

enum { VALUE = 256 };

/* All variables that describe a connection. */
static const char *const names[] = {
	"PROTO", "TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST",
	"TCPREMOTEINFO", "TCPLOCALIP", "TCPLOCALPORT", "TCPLOCALHOST",
	"TCPCONNNUM", "TCPINTERFACE", "TCP6REMOTEIP", "TCP6REMOTEPORT",
	"TCP6REMOTEHOST", "TCP6LOCALIP", "TCP6LOCALPORT", "TCP6LOCALHOST",
	"TCP6INTERFACE", "IPCREMOTEEUID", "IPCREMOTEEGID", "IPCREMOTEPATH",
	"IPCLOCALPATH", "IPCCONNNUM", "REMOTE_ADDR", "REMOTE_PORT",
	"REMOTE_HOST"
};

static int no_memory;

/* In place of libc's. */
int
putenv(char *text)
{
	static int (*real)(char *);

	if (no_memory) {
		errno = ENOMEM;
		return -1;
	}
	if (real == NULL)
		real = (int (*)(char *))(intptr_t)dlsym(RTLD_NEXT, "putenv");
	return real(text);
}

/*
 * The program
 */

extern char **environ;

static void
show_value(void)
{
	const char *value = getenv(here.rest);

	printf("%s\n", value != NULL ? value : "none");
}

/* Shows how many of them are set, and how many of those twice. */
static void
show_count(void)
{
	int i, k, count = 0, twice = 0;

	for (i = 0; environ[i] != NULL; i++) {
		count++;
		for (k = 0; k < i; k++)
			twice += strncmp(environ[i], environ[k],
			    strcspn(environ[i], "=") + 1) == 0;
	}
	printf("%d %d\n", count, twice);
}

static long
place(void)
{
	return (long)(intptr_t)getenv("TCPREMOTEPORT");
}

static const struct command commands[] = {
	{ "value", show_value, NULL },
	{ "count", show_count, NULL },
	{ "place", NULL, place },
	{ NULL, NULL, NULL }
};

static void
program(void)
{
	here.commands = commands;
	reused_talker();
}

/*
 * What a test asks
 */

static const char *
value_of(int fd, const char *name)
{
	char line[VALUE];

	snprintf(line, sizeof line, "value %s", name);
	return answer(fd, line);
}

static void
is(int fd, const char *name, const char *expected)
{
	ck_assert_msg(strcmp(value_of(fd, name), expected) == 0,
	    "%s is \"%s\", not \"%s\"", name, value_of(fd, name), expected);
}

static void
is_number(int fd, const char *name, long expected)
{
	char text[32];

	snprintf(text, sizeof text, "%ld", expected);
	is(fd, name, text);
}

/* Only the variables in this list, which ends with NULL, are set. */
static void
only(int fd, const char *const *expected)
{
	size_t i;
	int k;

	for (i = 0; i < COUNT(names); i++) {
		for (k = 0; expected[k] != NULL; k++)
			if (strcmp(expected[k], names[i]) == 0)
				break;
		if (expected[k] == NULL)
			is(fd, names[i], "none");
	}
}

static const char *const tcp[] = { "PROTO", "TCPREMOTEIP", "TCPREMOTEPORT",
	"TCPLOCALIP", "TCPLOCALPORT", "REMOTE_ADDR", "REMOTE_PORT", NULL };
static const char *const counted[] = { "PROTO", "TCPREMOTEIP",
	"TCPREMOTEPORT", "TCPLOCALIP", "TCPLOCALPORT", "TCPCONNNUM",
	"REMOTE_ADDR", "REMOTE_PORT", NULL };
static const char *const ipc[] = { "PROTO", "IPCREMOTEEUID", "IPCREMOTEEGID",
	"IPCREMOTEPATH", "IPCLOCALPATH", NULL };
static const char *const named_ipc[] = { "PROTO", "IPCREMOTEEUID",
	"IPCREMOTEEGID", "IPCREMOTEPATH", "IPCLOCALPATH", "REMOTE_ADDR", NULL };

static void
has_tcp(int fd, const char *host)
{
	is(fd, "PROTO", "TCP");
	is(fd, "TCPREMOTEIP", host);
	is_number(fd, "TCPREMOTEPORT", port_of(fd));
	is(fd, "TCPLOCALIP", host);
	is_number(fd, "TCPLOCALPORT", here.port);
	is(fd, "REMOTE_ADDR", host);
	is_number(fd, "REMOTE_PORT", port_of(fd));
	only(fd, here.spares == 0 ? counted : tcp);
}

/* The daemon is started as if by another daemon's worker. */
static void
lie(void)
{
	int i;

	for (i = 0; i < COUNT(names); i++)
		setenv(names[i], "a lie", 1);
}

static void
start_lying(void)
{
	lie();
	daemon_set_worker_environment(1);
	start(1, program);
}

/*
 * TCP
 */

START_TEST(environment_has_the_addresses_of_each_connection)
{
	int one, other;

	start_lying();
	one = client(here.port);
	other = client(here.port);
	has_tcp(one, "127.0.0.1");
	has_tcp(other, "127.0.0.1");
	close(one);
	close(other);
	stop();
}
END_TEST

START_TEST(environment_counts_the_connections_of_each_address)
{
	int fd, second, other;
	long since = 0;

	start_lying();
	fd = client(here.port);
	is(fd, "TCPCONNNUM", "1");
	second = client(here.port);
	is(second, "TCPCONNNUM", "2");
	other = connect_from("127.0.0.2", here.port);
	is(other, "TCPCONNNUM", "1");
	close(second);
	/* The number is free once the server has seen the end of its worker. */
	for (second = client(here.port);
	    strcmp(value_of(second, "TCPCONNNUM"), "2") != 0;
	    second = client(here.port)) {
		close(second);
		look_again(&since, "a place");
	}
	close(fd);
	close(second);
	close(other);
	stop();
}
END_TEST

START_TEST(environment_is_set_in_the_foreground_too)
{
	int fd;

	here.foreground = 1;
	start_lying();
	fd = client(here.port);
	has_tcp(fd, "127.0.0.1");
	close(fd);
	stop();
}
END_TEST

START_TEST(environment_of_a_spare_is_that_of_its_client)
{
	int one, other;

	here.spares = 1;
	start_lying();
	one = client(here.port);
	other = client(here.port);
	has_tcp(one, "127.0.0.1");
	has_tcp(other, "127.0.0.1");
	close(one);
	close(other);
	stop();
}
END_TEST

/* The same worker serves one client after another. */
static void
next_client(int *fd, pid_t worker)
{
	pid_t next;

	shutdown(*fd, SHUT_WR);
	hears(*fd, NULL);
	close(*fd);
	*fd = served(here.port, &next);
	ck_assert_int_eq(next, worker);
}

START_TEST(environment_of_a_worker_is_that_of_its_present_client)
{
	char count[VALUE];
	long first;
	pid_t worker;
	int fd, i;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	start_lying();
	fd = served(here.port, &worker);
	has_tcp(fd, "127.0.0.1");
	snprintf(count, sizeof count, "%s", answer(fd, "count"));
	says(count, " 0");
	first = atol(answer(fd, "place"));
	for (i = 0; i < 20; i++) {
		next_client(&fd, worker);
		has_tcp(fd, "127.0.0.1");
		/* A worker that serves for ever must not grow. */
		ck_assert_int_eq(atol(answer(fd, "place")), first);
		ck_assert_str_eq(answer(fd, "count"), count);
	}
	close(fd);
	stop();
}
END_TEST

START_TEST(environment_is_passed_to_the_program_that_a_worker_executes)
{
	char expected[VALUE];
	int fd;

	for (here.spares = 0; here.spares <= 1; here.spares++) {
		start_lying();
		fd = client(here.port);
		client_says(fd, "exec echo $PROTO $TCPREMOTEIP $TCPREMOTEPORT "
		    "$TCPLOCALIP $TCPLOCALPORT ${TCPREMOTEHOST-none} "
		    "$REMOTE_ADDR:$REMOTE_PORT ${IPCREMOTEPATH-none}\n");
		snprintf(expected, sizeof expected, "TCP 127.0.0.1 %d "
		    "127.0.0.1 %d none 127.0.0.1:%d none", port_of(fd),
		    here.port, port_of(fd));
		hears(fd, expected);
		close(fd);
		stop();
	}
}
END_TEST

START_TEST(environment_keeps_what_is_not_about_the_connection)
{
	int fd;

	setenv("PROTOCOL", "mine", 1);
	setenv("TCPREMOTE", "mine", 1);
	setenv("REMOTE_USER", "mine", 1);
	setenv("EMPTY", "", 1);
	start_lying();
	fd = client(here.port);
	is(fd, "PROTOCOL", "mine");
	is(fd, "TCPREMOTE", "mine");
	is(fd, "REMOTE_USER", "mine");
	is(fd, "EMPTY", "");
	is(fd, "PATH", getenv("PATH"));
	close(fd);
	stop();
}
END_TEST

START_TEST(environment_does_not_change_unless_that_is_set)
{
	int fd, i;

	for (here.spares = 0; here.spares <= 1; here.spares++) {
		lie();
		start(1, program);
		fd = client(here.port);
		for (i = 0; i < COUNT(names); i++)
			is(fd, names[i], "a lie");
		close(fd);
		stop();
	}
}
END_TEST

static void
empty(void)
{
	static char *none[] = { NULL };

	environ = none;
}

static void
clear(void)
{
	environ = NULL;
}

START_TEST(environment_is_set_where_there_was_none)
{
	int fd, i;

	for (i = 0; i < 2; i++) {
		here.before_server = i == 0 ? empty : clear;
		start_lying();
		fd = client(here.port);
		has_tcp(fd, "127.0.0.1");
		ck_assert_str_eq(answer(fd, "count"), "8 0");
		close(fd);
		stop();
	}
}
END_TEST

static void
set_in_server(void)
{
	daemon_set_worker_environment(1);
}

START_TEST(environment_can_be_chosen_by_the_server)
{
	int fd;

	here.before_server = set_in_server;
	lie();
	start(1, program);
	fd = client(here.port);
	has_tcp(fd, "127.0.0.1");
	close(fd);
	stop();
}
END_TEST

/* With the old variables the program would serve the wrong client. */
static void
lose_memory(void)
{
	no_memory = 1;
}

START_TEST(environment_that_cannot_be_set_ends_the_worker)
{
	int fd;

	here.before_server = lose_memory;
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		lie();
		daemon_set_worker_environment(1);
		start_in_foreground(1, program);
		fd = client(here.port);
		hears(fd, NULL);
		says(message(), "unable to set a worker's environment: ");
		close(fd);
		stop();
	}
}
END_TEST

/*
 * IPv6
 */

static void
start_at(int (*open_listener)(int *))
{
	lie();
	daemon_set_worker_environment(1);
	here.open_listener = open_listener;
	start(1, program);
}

START_TEST(environment_of_an_ipv6_connection_has_no_brackets)
{
	int fd;

	if (cannot_use_v6())
		return;
	start_at(listen_on_v6);
	fd = client_of_v6(here.port);
	has_tcp(fd, "::1");
	close(fd);
	stop();
}
END_TEST

START_TEST(environment_of_an_ipv4_client_of_a_socket_for_both_has_ipv4)
{
	int fd;

	if (cannot_use_v6())
		return;
	start_at(listen_for_both);
	fd = client(here.port);
	has_tcp(fd, "127.0.0.1");
	close(fd);
	stop();
}
END_TEST

/*
 * Unix-domain sockets
 */

/* A client with the name of these bytes, or with none. */
static int
client_from(const char *path, size_t bytes)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX },
		server = local_address();
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_uint_le(bytes, sizeof addr.sun_path);
	memcpy(addr.sun_path, path, bytes);
	if (bytes > 0)
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, (socklen_t)
		    (offsetof(struct sockaddr_un, sun_path) + bytes)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&server,
	    sizeof server), 0);
	return fd;
}

static void
has_ipc(int fd, const char *path)
{
	is(fd, "PROTO", "IPC");
	is_number(fd, "IPCREMOTEEUID", geteuid());
	is_number(fd, "IPCREMOTEEGID", getegid());
	is(fd, "IPCLOCALPATH", local_address().sun_path);
	is(fd, "IPCREMOTEPATH", path);
	if (*path != '\0')
		is(fd, "REMOTE_ADDR", path);
	only(fd, *path != '\0' ? named_ipc : ipc);
}

START_TEST(environment_of_a_unix_connection_says_who_it_is)
{
	char path[sizeof local_address().sun_path + 1];
	size_t length;
	int fd;

	start_at(listen_locally);
	fd = client_from("", 0);
	has_ipc(fd, "");
	close(fd);
	snprintf(path, sizeof path, "%s/client", scratch());
	fd = client_from(path, strlen(path) + 1);
	has_ipc(fd, path);
	close(fd);
	/* The longest possible name: without a NUL. */
	length = strlen(path);
	memset(path + length, 'x', sizeof path - length);
	path[sizeof path - 1] = '\0';
	fd = client_from(path, sizeof path - 1);
	has_ipc(fd, path);
	close(fd);
	stop();
}
END_TEST

START_TEST(environment_of_an_abstract_unix_client_begins_with_an_at)
{
#ifdef __linux__
	char name[64];
	int fd;

	snprintf(name, sizeof name, "%cdaemonsrv %d", '\0', (int)getpid());
	start_at(listen_locally);
	fd = client_from(name, 1 + strlen(name + 1));
	name[0] = '@';
	has_ipc(fd, name);
	close(fd);
	/* A name with NULs and a "=" hides none of the variables. */
	snprintf(name, sizeof name, "%cd%c=%d", '\0', '\0', (int)getpid());
	fd = client_from(name, 3 + strlen(name + 3));
	name[0] = name[2] = '@';
	has_ipc(fd, name);
	close(fd);
	stop();
#else
	skip_if(1, "only Linux has abstract names");
#endif
}
END_TEST

START_TEST(environment_of_another_family_says_nothing)
{
	struct dsrv_endpoint other = { .len = sizeof other.addr };

	other.addr.ss_family = AF_MAX;
	setenv("PROTO", "TCP", 1);
	setenv("TCPREMOTEIP", "192.0.2.1", 1);
	ck_assert_int_eq(dsrv_environment_set(&other, &other, 1), 0);
	ck_assert_ptr_null(getenv("PROTO"));
	ck_assert_ptr_null(getenv("TCPREMOTEIP"));
}
END_TEST

START_TEST(environment_of_a_worker_keeps_nothing_of_another_kind)
{
	pid_t worker, next;
	int fd;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	daemon_set_worker_environment(1);
	lie();
	here.fds[0] = listen_anywhere(&here.port);
	here.fds[1] = listen_locally(&here.ports[1]);
	here.listeners = 2;
	run_puppet(run_daemon, program);
	leave_listeners();
	meet();
	fd = served(here.port, &worker);
	has_tcp(fd, "127.0.0.1");
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	fd = client_from("", 0);
	has_ipc(fd, "");
	ck_assert_int_eq(number(fd, "who"), worker);
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	fd = served(here.port, &next);
	ck_assert_int_eq(next, worker);
	has_tcp(fd, "127.0.0.1");
	close(fd);
	stop();
}
END_TEST

/*
 * A proxy
 */

START_TEST(environment_is_about_the_client_behind_a_proxy)
{
	int fd;

	daemon_set_proxy_sources("127.0.0.0/8");
	start_lying();
	fd = client(here.port);
	client_says(fd, "PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n");
	is(fd, "PROTO", "TCP");
	is(fd, "TCPREMOTEIP", "2001:db8::1");
	is(fd, "TCPREMOTEPORT", "4711");
	is(fd, "TCPLOCALIP", "2001:db8::2");
	is(fd, "TCPLOCALPORT", "80");
	is(fd, "REMOTE_ADDR", "2001:db8::1");
	is(fd, "REMOTE_PORT", "4711");
	only(fd, tcp);
	close(fd);
	fd = client(here.port);
	client_says(fd, "PROXY UNKNOWN\r\n");
	/* The proxy's own address. */
	has_tcp(fd, "127.0.0.1");
	close(fd);
	stop();
}
END_TEST

/* The kernel knows only the ids of the proxy. */
START_TEST(environment_of_a_unix_client_behind_a_proxy_has_no_ids)
{
	static const char *const expected[] = { "PROTO", "IPCREMOTEPATH",
		"IPCLOCALPATH", "REMOTE_ADDR", NULL };
	char header[16 + 216] = "\r\n\r\n\0\r\nQUIT\n\x21\x31\0\xd8";
	int fd;

	strcpy(header + 16, "/its/client");
	strcpy(header + 16 + 108, "/its/server");
	daemon_set_proxy_sources("127.0.0.0/8 unix");
	start_lying();
	fd = client(here.port);
	ck_assert_int_eq(write(fd, header, sizeof header), sizeof header);
	is(fd, "PROTO", "IPC");
	is(fd, "IPCREMOTEPATH", "/its/client");
	is(fd, "IPCLOCALPATH", "/its/server");
	is(fd, "REMOTE_ADDR", "/its/client");
	only(fd, expected);
	close(fd);
	stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		environment_has_the_addresses_of_each_connection,
		environment_counts_the_connections_of_each_address,
		environment_is_set_in_the_foreground_too,
		environment_of_a_spare_is_that_of_its_client,
		environment_of_a_worker_is_that_of_its_present_client,
		environment_is_passed_to_the_program_that_a_worker_executes,
		environment_keeps_what_is_not_about_the_connection,
		environment_does_not_change_unless_that_is_set,
		environment_is_set_where_there_was_none,
		environment_can_be_chosen_by_the_server,
		environment_that_cannot_be_set_ends_the_worker,
		environment_of_an_ipv6_connection_has_no_brackets,
		environment_of_an_ipv4_client_of_a_socket_for_both_has_ipv4,
		environment_of_a_unix_connection_says_who_it_is,
		environment_of_an_abstract_unix_client_begins_with_an_at,
		environment_of_another_family_says_nothing,
		environment_of_a_worker_keeps_nothing_of_another_kind,
		environment_is_about_the_client_behind_a_proxy,
		environment_of_a_unix_client_behind_a_proxy_has_no_ids
	};

	return RUN_TESTS("environment", tests);
}
