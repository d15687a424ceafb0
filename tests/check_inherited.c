/*
 * check_inherited.c - daemon_listen_inherited(): sockets of systemd, inetd, s6
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>

#include "harness.h"

enum { MAX = 4, FIRST = 3, HIGH = 50 };

static struct run run;
static char sun_path[PATH_MAX];

/* What the program is started with, ... */
static int sockets[MAX], ports[MAX], given;
static const char *says_pid, *says_count, *says_names;
static int at_stdin;
/* ... and what it asks for. */
static const char *name;
static int room = MAX;

/*
 * The program
 */

/* Above the numbers that they will get, one of which is the facts'
 * descriptor. */
static void
put_sockets(void)
{
	int i, moved[MAX];

	for (i = 0; i < given; i++)
		moved[i] = fcntl(sockets[i], F_DUPFD, HIGH);
	for (i = 0; i < given; i++)
		dup2(moved[i], FIRST + 1 + i);
}

static void
put_variable(const char *variable, const char *value)
{
	if (value != NULL)
		setenv(variable, value, 1);
}

/* Descriptor 3 is the facts', which is not a socket: named "facts". */
static void
dress(void)
{
	char pid[32];

	put_sockets();
	if (at_stdin)
		dup2(sockets[0], STDIN_FILENO);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	put_variable("LISTEN_PID", says_pid != NULL ? says_pid : pid);
	put_variable("LISTEN_FDS", says_count);
	put_variable("LISTEN_FDNAMES", says_names);
	daemon_set_program_name("testd");
}

static void
tell_what_there_is(void)
{
	int fds[MAX] = { -1, -1, -1, -1 }, count, error;

	errno = 0;
	count = daemon_listen_inherited(name, fds, room);
	error = errno;
	tell("count", count);
	tell("errno", error);
	tell("first", fds[0]);
	tell("second", fds[1]);
	tell("variables", (getenv("LISTEN_PID") != NULL) +
	    (getenv("LISTEN_FDS") != NULL) +
	    (getenv("LISTEN_FDNAMES") != NULL));
}

static void
asks_before_the_start(void)
{
	dress();
	tell_what_there_is();
}

static void
asks_without_a_pid(void)
{
	dress();
	unsetenv("LISTEN_PID");
	tell_what_there_is();
}

/* As systemd gives them. Told: how many of them are not close-on-exec. */
static void
looks_at_flags(void)
{
	int fds[MAX], i, count, open = 0;

	dress();
	for (i = 0; i < given; i++)
		if (fcntl(FIRST + 1 + i, F_SETFD, 0) == -1)
			_exit(97);
	if (at_stdin)
		unsetenv("LISTEN_FDS");
	count = daemon_listen_inherited(name, fds, MAX);
	for (i = 0; i < count; i++)
		open += !(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
	tell("count", count);
	tell("open", open);
}

static void
asks_twice(void)
{
	dress();
	tell_what_there_is();
	tell_what_there_is();
}

/* A worker answers with the index of its listener and what variables are
 * left. */
static void
answer_as_worker(int index, const int *fds)
{
	(void)fds;
	printf("%d %s %s\n", index, getenv("LISTEN_FDS") != NULL ? "set" :
	    "unset", getenv("LISTEN_PID") != NULL ? "set" : "unset");
}

static void
serves(void)
{
	int fds[MAX], count;

	dress();
	daemon_start();
	daemon_clean_fd(FACTS);
	tell_pid("master");
	count = daemon_listen_inherited(name, fds, MAX);
	if (count < 1)
		_exit(97);
	daemon_master();
	tell_pid("server");
	daemon_success();
	answer_as_worker(daemon_server(fds, count), fds);
}

/* In a worker: how many sockets listen. */
static int
listening(void)
{
	socklen_t len = sizeof(int);
	int fd, on, count = 0;

	for (fd = FIRST; fd < HIGH; fd++)
		count += getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on,
		    &len) == 0 && on;
	return count;
}

/* It was given one for something else, and opens another. */
static void
serves_one_of_three(void)
{
	int fds[MAX], other;

	dress();
	daemon_start();
	daemon_clean_fd(FACTS);
	tell_pid("master");
	if (daemon_listen_inherited(name, fds, MAX) != 1 ||
	    daemon_listen("127.0.0.1", "0", &other, 1) != 1)
		_exit(97);
	daemon_master();
	daemon_success();
	daemon_server(fds, 1);
	printf("%d\n", listening());
}

static void
cleans_first(void)
{
	dress();
	daemon_clean_fd(FACTS);
	tell_what_there_is();
}

/* The program's own socket gets the number of one that is missing. */
static void
opens_one_itself(void)
{
	int port;

	dress();
	tell_what_there_is();
	if (dup2(listen_anywhere(&port), FIRST + 2) == -1)
		_exit(97);
	name = "absent";
	tell_what_there_is();
}

/* Has the same socket twice, as from systemd with StandardInput=socket;
 * descriptor 3 is not the facts'. The exit status is how many sockets it
 * finds. */
static void
has_it_twice(void)
{
	int fds[MAX], before, count;
	char pid[32];

	dup2(sockets[0], STDIN_FILENO);
	dup2(sockets[0], FIRST);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	before = descriptors_of(getpid());
	count = daemon_listen_inherited(NULL, fds, MAX);
	if (fds[0] != FIRST || descriptors_of(getpid()) != before)
		_exit(97);
	_exit(count == daemon_listen_inherited(NULL, fds, MAX) ? count : 98);
}

static void
serves_in_the_foreground(void)
{
	daemon_set_foreground(1);
	serves();
}

static void
give(int count)
{
	for (given = 0; given < count; given++)
		sockets[given] = listen_anywhere(&ports[given]);
}

static void
asked(void)
{
	run_daemon(&run, asks_before_the_start);
}

static void
finds(int count)
{
	asked();
	ck_assert_int_eq(heard(&run, "count"), count);
	ck_assert_int_eq(heard(&run, "errno"), 0);
}

static void
fails(int error, const char *message)
{
	asked();
	ck_assert_int_eq(heard(&run, "count"), -1);
	ck_assert_int_eq(heard(&run, "errno"), error);
	ck_assert_str_eq(run.err, message);
	nothing_left();
}

/*
 * What it returns
 */

START_TEST(without_variables_there_is_none)
{
	finds(0);
}
END_TEST

START_TEST(sockets_of_another_process_are_not_its)
{
	give(1);
	says_pid = "1";
	says_count = "1";
	says_names = "it";
	finds(0);
	ck_assert_int_eq(heard(&run, "variables"), 0);
	says_pid = "";
	finds(0);
	ck_assert_int_eq(heard(&run, "variables"), 0);
	says_pid = "99999999999999999999";
	finds(0);
	ck_assert_int_eq(heard(&run, "variables"), 0);
}
END_TEST

START_TEST(a_count_without_a_pid_is_for_nobody)
{
	give(1);
	says_count = "2";
	says_names = "facts:it";
	run_daemon(&run, asks_without_a_pid);
	ck_assert_int_eq(heard(&run, "count"), 0);
	ck_assert_int_eq(heard(&run, "errno"), 0);
	ck_assert_int_eq(heard(&run, "variables"), 0);
}
END_TEST

/* A program that a worker executes has none of them. */
START_TEST(they_are_closed_on_exec)
{
	give(2);
	says_count = "3";
	says_names = "facts:it:it";
	name = "it";
	run_daemon(&run, looks_at_flags);
	ck_assert_int_eq(heard(&run, "count"), 2);
	ck_assert_int_eq(heard(&run, "open"), 0);
	name = NULL;
	at_stdin = 1;
	run_daemon(&run, looks_at_flags);
	ck_assert_int_eq(heard(&run, "count"), 1);
	ck_assert_int_eq(heard(&run, "open"), 0);
}
END_TEST

START_TEST(only_those_of_a_name_are_returned)
{
	give(3);
	says_count = "4";
	says_names = "facts:http:admin:http";
	name = "http";
	finds(2);
	ck_assert_int_eq(heard(&run, "first"), FIRST + 1);
	ck_assert_int_eq(heard(&run, "second"), FIRST + 3);
	ck_assert_int_eq(heard(&run, "variables"), 0);
	name = "admin";
	finds(1);
	ck_assert_int_eq(heard(&run, "first"), FIRST + 2);
	name = "htt";
	finds(0);
	name = "";
	finds(0);
}
END_TEST

START_TEST(descriptors_without_names_have_none)
{
	give(2);
	says_count = "3";
	name = "http";
	finds(0);
	says_names = "facts:http";
	finds(1);
}
END_TEST

START_TEST(it_returns_the_same_again)
{
	give(1);
	says_count = "2";
	says_names = "facts:http";
	name = "http";
	run_daemon(&run, asks_twice);
	ck_assert_int_eq(heard(&run, "first"), FIRST + 1);
	ck_assert_int_eq(heard(&run, "first"), FIRST + 1);
}
END_TEST

START_TEST(what_is_not_a_socket_is_an_error)
{
	says_count = "1";
	fails(ENOTSOCK, "testd: unable to listen on inherited descriptor 3: "
	    "Socket operation on non-socket\n");
}
END_TEST

START_TEST(a_socket_that_does_not_listen_is_an_error)
{
	says_count = "2";
	says_names = "facts:it";
	name = "it";
	given = 1;
	sockets[0] = socket(AF_INET, SOCK_DGRAM, 0);
	fails(EINVAL, "testd: unable to listen on inherited descriptor 4: "
	    "It is not a listening stream socket\n");
	sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
	fails(EINVAL, "testd: unable to listen on inherited descriptor 4: "
	    "It is not a listening stream socket\n");
	sockets[0] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	ck_assert_int_eq(bind(sockets[0], (struct sockaddr *)
	    &(struct sockaddr_un){ .sun_family = AF_UNIX },
	    sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(sockets[0], 1), 0);
	fails(EINVAL, "testd: unable to listen on inherited descriptor 4: "
	    "It is not a listening stream socket\n");
}
END_TEST

START_TEST(more_descriptors_than_are_open_is_an_error)
{
	give(1);
	says_count = "2000000000";
	says_names = "facts:it:it:x";
	name = "it";
	fails(EBADF, "testd: unable to listen on inherited descriptor 5: "
	    "Bad file descriptor\n");
}
END_TEST

START_TEST(a_count_that_is_not_a_number_is_an_error)
{
	static const char *const counts[] = { "", "x", "-1", " 1", "1x",
		"2147483647", "99999999999999999999" };
	int i;

	for (i = 0; i < COUNT(counts); i++) {
		says_count = counts[i];
		fails(EINVAL, "testd: unable to listen on inherited sockets: "
		    "LISTEN_FDS is not a number of descriptors\n");
	}
}
END_TEST

START_TEST(more_than_there_is_room_for_is_enospc)
{
	give(2);
	says_count = "3";
	says_names = "facts:it:it";
	name = "it";
	room = 1;
	fails(ENOSPC, "testd: unable to listen on inherited descriptor 5: "
	    "the program has room for fewer\n");
}
END_TEST

START_TEST(a_socket_of_its_own_is_not_inherited)
{
	give(1);
	says_count = "3";
	says_names = "facts:it:absent";
	name = "it";
	run_daemon(&run, opens_one_itself);
	ck_assert_int_eq(heard(&run, "count"), 1);
	ck_assert_int_eq(heard(&run, "count"), -1);
	ck_assert_int_eq(heard(&run, "errno"), EBADF);
}
END_TEST

START_TEST(daemon_clean_fd_keeps_them_even_before_the_start)
{
	give(2);
	says_count = "3";
	says_names = "facts:it:it";
	name = "it";
	run_daemon(&run, cleans_first);
	ck_assert_int_eq(heard(&run, "count"), 2);
	ck_assert_int_eq(heard(&run, "variables"), 0);
}
END_TEST

START_TEST(one_that_is_given_both_ways_is_returned_once)
{
	give(1);
	run_start(&run, has_it_twice);
	exited(run_wait(&run), 1);
}
END_TEST

START_TEST(a_null_pointer_or_no_room_at_all_is_einval)
{
	int fd;

	errno = 0;
	ck_assert_int_eq(daemon_listen_inherited(NULL, NULL, 1), -1);
	ck_assert_int_eq(errno, EINVAL);
	errno = 0;
	ck_assert_int_eq(daemon_listen_inherited(NULL, &fd, 0), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(a_listening_descriptor_0_is_returned_as_another)
{
	give(1);
	at_stdin = 1;
	finds(1);
	ck_assert_int_gt(heard(&run, "first"), 2);
	name = "it";
	finds(0);
}
END_TEST

/*
 * A daemon with it
 */

static int
unix_client(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	long since = 0;

	snprintf(addr.sun_path, sizeof addr.sun_path, "%.100s", path);
	while (connect(fd, (struct sockaddr *)&addr, sizeof addr) == -1)
		look_again(&since, "a service that listens");
	return fd;
}

/* Of all that hold it. */
static int
blocks(int listener)
{
	return !(fcntl(sockets[listener], F_GETFL) & O_NONBLOCK);
}

static void
serves_and_leaves_it(int listener, const char *line)
{
	int port = ports[listener], fd = client(port);
	pid_t master = (pid_t)heard(&run, "master");
	pid_t server = (pid_t)heard(&run, "server");

	hears(fd, line);
	hears(fd, NULL);
	send_signal(master, SIGHUP);	/* a later server has it, too */
	ck_assert_int_ne((pid_t)heard(&run, "server"), server);
	ask(port, "", line);
	send_signal(master, SIGTERM);
	ck_assert_int_eq(ended(master), 0);
	ck_assert_int_ne(client(port), -1);	/* it waits for the next */
}

START_TEST(a_daemon_serves_what_its_starter_was_given_and_leaves_it)
{
	give(2);
	says_count = "3";
	says_names = "facts:admin:http";
	name = "http";
	run_daemon(&run, serves);
	serves_and_leaves_it(1, "0 unset unset");
}
END_TEST

static void
workers_hold(const char *listeners)
{
	pid_t master;

	give(2);
	says_count = "3";
	says_names = "facts:http:admin";
	name = "http";
	run_daemon(&run, serves_one_of_three);
	ask(ports[0], "", listeners);
	master = (pid_t)heard(&run, "master");
	send_signal(master, SIGTERM);
	ck_assert_int_eq(ended(master), 0);
	nothing_left();
}

START_TEST(a_worker_holds_none_of_the_sockets_that_its_server_does_not_use)
{
	workers_hold("0");
}
END_TEST

START_TEST(a_spare_holds_no_socket_that_its_server_does_not_use)
{
	daemon_set_worker_spare_count(2);
	workers_hold("1");
}
END_TEST

static void
gets_mode_back(int flags)
{
	int fd, was;
	pid_t master;

	give(1);
	fcntl(sockets[0], F_SETFL, fcntl(sockets[0], F_GETFL) | flags);
	was = blocks(0);
	at_stdin = 1;
	run_daemon(&run, serves);
	fd = client(ports[0]);
	hears(fd, "0 unset unset");
	close(fd);
	ck_assert(!blocks(0));
	send_signal(master = (pid_t)heard(&run, "master"), SIGTERM);
	ck_assert_int_eq(ended(master), 0);
	nothing_left();
	ck_assert_int_eq(blocks(0), was);
}

/* A program that inetd starts next may know nothing else. */
START_TEST(a_socket_that_blocked_does_so_again_in_the_end)
{
	gets_mode_back(0);
	daemon_set_worker_spare_count(2);
	gets_mode_back(0);
}
END_TEST

START_TEST(a_socket_that_did_not_block_does_not_in_the_end)
{
	gets_mode_back(O_NONBLOCK);
}
END_TEST

START_TEST(a_socket_that_blocked_does_so_again_if_the_master_is_killed)
{
	pid_t master, server;

	give(1);
	at_stdin = 1;
	run_daemon(&run, serves);
	ask(ports[0], "", "0 unset unset");
	master = (pid_t)heard(&run, "master");
	server = (pid_t)heard(&run, "server");
	send_signal(master, SIGKILL);
	ended(master);
	gone(server);
	ck_assert(blocks(0));
}
END_TEST

/* They have it open for as long as they like. */
START_TEST(a_daemon_with_spares_leaves_it)
{
	daemon_set_worker_spare_count(2);
	give(1);
	at_stdin = 1;
	run_daemon(&run, serves);
	serves_and_leaves_it(0, "0 unset unset");
}
END_TEST

START_TEST(a_daemon_leaves_a_unix_domain_socket_and_its_file)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	snprintf(sun_path, sizeof sun_path, "%s/s", scratch());
	snprintf(addr.sun_path, sizeof addr.sun_path, "%.100s", sun_path);
	sockets[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(sockets[0], (struct sockaddr *)&addr,
	    sizeof addr), 0);
	ck_assert_int_eq(listen(sockets[0], 5), 0);
	at_stdin = 1;
	run_daemon(&run, serves);
	fd = unix_client(sun_path);
	hears(fd, "0 unset unset");
	send_signal((pid_t)heard(&run, "master"), SIGTERM);
	hears(fd, NULL);
	nothing_left();
	fd = unix_client(sun_path);
	ck_assert_int_ne(accept(sockets[0], NULL, NULL), -1);
	close(fd);
}
END_TEST

START_TEST(a_daemon_serves_its_descriptor_0_and_leaves_it)
{
	give(1);
	at_stdin = 1;
	run_daemon(&run, serves);
	serves_and_leaves_it(0, "0 unset unset");
}
END_TEST

START_TEST(in_the_foreground_descriptor_0_is_null_after_that)
{
	pid_t master;

	give(1);
	at_stdin = 1;
	run_start(&run, serves_in_the_foreground);
	master = (pid_t)heard(&run, "master");
	(void)heard(&run, "server");
	ck_assert_str_eq(link_of_fd(master, STDIN_FILENO), "/dev/null");
	ask(ports[0], "", "0 unset unset");
	send_signal(master, SIGTERM);
	exited(run_wait(&run), 0);
	ck_assert_int_ne(client(ports[0]), -1);
}
END_TEST

/*
 * The programs that start it: examples/superserver serves cat(1)
 */

static char program[PATH_MAX], conf[PATH_MAX];

static int
has_no(const char *command)
{
	char line[128], why[128];

	snprintf(line, sizeof line, "PATH=$PATH:/usr/sbin:/sbin; "
	    "command -v %s >/dev/null", command);
	snprintf(why, sizeof why, "there is no %s", command);
	return skip_if(system(line) != 0, why);
}

static void
find_superserver(void)
{
	char path[8192];

	ck_assert_ptr_nonnull(getenv("PATH"));
	ck_assert_ptr_nonnull(getenv("TOP_BUILDDIR"));
	snprintf(program, sizeof program, "%s/examples/superserver",
	    getenv("TOP_BUILDDIR"));
	snprintf(path, sizeof path, "%s:/usr/sbin:/sbin", getenv("PATH"));
	setenv("PATH", path, 1);
}

/* The kernel gives an open socket's port to no other; a program that asks for
 * it gets it if it allows reuse as well. */
static int
free_port(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof on), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	return port_of(fd);
}

/* Waits until the port is open. */
static int
first_client(int port)
{
	long since = 0;
	int fd;

	while ((fd = client_if(port)) == -1)
		look_again(&since, "a service that listens");
	return fd;
}

START_TEST(systemd_socket_activate_gives_its_socket)
{
	char listen_at[64], command[] = "systemd-socket-activate", l[] = "-l",
	    f[] = "-f", cat[] = "/bin/cat";
	char *argv[] = { command, l, listen_at, program, f, cat, NULL };
	int port = free_port(), fd;

	if (has_no(command))
		return;
	find_superserver();
	snprintf(listen_at, sizeof listen_at, "127.0.0.1:%d", port);
	run_command(&run, argv);
	fd = first_client(port);
	echoes(fd, "hello");
	close(fd);
	ask(port, "again", "again");
	send_signal(run.pid, SIGTERM);
	exited(run_wait(&run), 0);
	nothing_left();
}
END_TEST

static void
write_file(const char *format, ...)
{
	FILE *file;
	va_list values;

	snprintf(conf, sizeof conf, "%s/conf", scratch());
	ck_assert_ptr_nonnull(file = fopen(conf, "w"));
	va_start(values, format);
	vfprintf(file, format, values);
	va_end(values);
	ck_assert_int_eq(fclose(file), 0);
}

/* The daemon ends, and the next client makes the program start another. */
static void
serves_for(char *const argv[], int port)
{
	pid_t master;
	int fd;

	run_command(&run, argv);
	fd = first_client(port);
	echoes(fd, "hello");
	close(fd);
	master = only_child_of(run.pid);
	send_signal(master, SIGTERM);
	reaped(master);
	ask(port, "again", "again");
	send_signal(only_child_of(run.pid), SIGTERM);
	send_signal(run.pid, SIGTERM);
	run_wait(&run);
}

START_TEST(inetd_gives_its_socket_to_a_wait_service)
{
	char command[] = "inetd", i[] = "-i";
	char *argv[] = { command, i, conf, NULL };
	int port = free_port();

	if (has_no(command) || skip_if(geteuid() != 0, "inetd needs root"))
		return;
	find_superserver();
	write_file("127.0.0.1:%d stream tcp4 wait root %s superserver -f "
	    "/bin/cat\n", port, program);
	serves_for(argv, port);
}
END_TEST

START_TEST(xinetd_gives_its_socket_to_a_wait_service)
{
	char command[] = "xinetd", dontfork[] = "-dontfork", f[] = "-f";
	char *argv[] = { command, dontfork, f, conf, NULL };
	int port = free_port();

	if (has_no(command) || skip_if(geteuid() != 0, "xinetd needs root"))
		return;
	find_superserver();
	write_file("service it\n{\n\ttype = UNLISTED\n\tsocket_type = stream\n"
	    "\tprotocol = tcp\n\tport = %d\n\tbind = 127.0.0.1\n\twait = yes\n"
	    "\tuser = root\n\tserver = %s\n\tserver_args = -f /bin/cat\n}\n",
	    port, program);
	serves_for(argv, port);
}
END_TEST

START_TEST(the_socket_binder_of_s6_gives_its_socket)
{
	char command[] = "s6-ipcserver-socketbinder", f[] = "-f",
	    cat[] = "/bin/cat", bound[] = "--";
	char *argv[] = { command, bound, sun_path, program, f, cat, NULL };

	if (has_no(command))
		return;
	find_superserver();
	snprintf(sun_path, sizeof sun_path, "%s/s", scratch());
	run_command(&run, argv);
	echoes(unix_client(sun_path), "hello");
	send_signal(run.pid, SIGTERM);
	exited(run_wait(&run), 0);
	nothing_left();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		without_variables_there_is_none,
		sockets_of_another_process_are_not_its,
		a_count_without_a_pid_is_for_nobody,
		they_are_closed_on_exec,
		only_those_of_a_name_are_returned,
		descriptors_without_names_have_none,
		it_returns_the_same_again,
		what_is_not_a_socket_is_an_error,
		a_socket_that_does_not_listen_is_an_error,
		more_descriptors_than_are_open_is_an_error,
		a_count_that_is_not_a_number_is_an_error,
		more_than_there_is_room_for_is_enospc,
		a_socket_of_its_own_is_not_inherited,
		daemon_clean_fd_keeps_them_even_before_the_start,
		one_that_is_given_both_ways_is_returned_once,
		a_null_pointer_or_no_room_at_all_is_einval,
		a_listening_descriptor_0_is_returned_as_another,
		a_daemon_serves_what_its_starter_was_given_and_leaves_it,
		a_worker_holds_none_of_the_sockets_that_its_server_does_not_use,
		a_spare_holds_no_socket_that_its_server_does_not_use,
		a_socket_that_blocked_does_so_again_in_the_end,
		a_socket_that_did_not_block_does_not_in_the_end,
		a_socket_that_blocked_does_so_again_if_the_master_is_killed,
		a_daemon_with_spares_leaves_it,
		a_daemon_leaves_a_unix_domain_socket_and_its_file,
		a_daemon_serves_its_descriptor_0_and_leaves_it,
		in_the_foreground_descriptor_0_is_null_after_that,
		systemd_socket_activate_gives_its_socket,
		inetd_gives_its_socket_to_a_wait_service,
		xinetd_gives_its_socket_to_a_wait_service,
		the_socket_binder_of_s6_gives_its_socket
	};

	return RUN_TESTS("inherited", tests);
}
