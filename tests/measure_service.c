/*
 * measure_service.c - figures of a daemon under a service manager
 *
 *     make measure
 *
 * Prints one line for each figure. Unlike a test it never fails because it is
 * slow.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "puppet.h"

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * Restarts of a service; this process is the manager that keeps its socket
 */

enum { CLIENTS = 8, RESTARTS = 100, GIVEN = FACTS + 1 };

struct clients {
	int are_enough;
	long answered[CLIENTS];
	long lost[CLIENTS];
	double longest[CLIENTS];	/* seconds until an answer */
};

static void
serve_what_is_given(void)
{
	char pid[32];

	dup2(here.fds[0], GIVEN);
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "2", 1);
	setenv("LISTEN_FDNAMES", "facts:echo", 1);
	daemon_start();
	daemon_clean_fd(FACTS);
	if (daemon_listen_inherited("echo", here.fds, 1) != 1)
		_exit(97);
	tell_pid("master");
	daemon_master();
	daemon_success();
	converse(daemon_server(here.fds, 1));
}

static int
has_answer(void)
{
	char answer[16];
	int fd = client_if(here.port), has;

	if (fd == -1)
		return 0;
	has = send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 &&
	    recv(fd, answer, 6, MSG_WAITALL) == 6;
	close(fd);
	return has;
}

static void
ask_until_enough(struct clients *clients, int i)
{
	volatile int *enough = &clients->are_enough;
	double began;

	while (!*enough) {
		began = now();
		if (has_answer())
			clients->answered[i]++;
		else
			clients->lost[i]++;
		if (now() - began > clients->longest[i])
			clients->longest[i] = now() - began;
	}
	_exit(0);
}

static void
start_again(void)
{
	run_puppet(run_daemon, serve_what_is_given);
	here.master = (pid_t)heard(&here.run, "master");
}

START_TEST(restarts_with_an_inherited_socket)
{
	struct clients *clients = shared_memory(sizeof *clients);
	pid_t pids[CLIENTS];
	long answered = 0, lost = 0;
	double longest = 0, began;
	int i;

	listen_on(1);
	start_again();
	fflush(stdout);
	for (i = 0; i < CLIENTS; i++)
		if ((pids[i] = fork()) == 0)
			ask_until_enough(clients, i);
	began = now();
	for (i = 0; i < RESTARTS; i++) {
		send_signal(here.master, SIGUSR2);
		exited(ended(here.master), 0);
		start_again();
	}
	began = now() - began;
	clients->are_enough = 1;
	for (i = 0; i < CLIENTS; i++) {
		exited(ended(pids[i]), 0);
		answered += clients->answered[i];
		lost += clients->lost[i];
		if (clients->longest[i] > longest)
			longest = clients->longest[i];
	}
	stop();
	printf("%d restarts in %.1f s with an inherited socket, %d clients: "
	    "%ld answered, the slowest in %.0f ms; %ld refused, reset or "
	    "unanswered\n", RESTARTS, began, CLIENTS, answered,
	    longest * 1000, lost);
}
END_TEST

/*
 * A server that hangs
 */

static int hang_max;

static void
set_hang_max(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	daemon_set_server_hang_max(hang_max);
}

/* Seconds from its last round until the next server's first answer. */
static double
time_to_replace(void)
{
	double began;

	here.before_start = set_hang_max;
	start(1, talker);
	call(here.port);
	stopped(here.server);
	began = now();
	next_server();
	call(here.port);
	began = now() - began;
	stop();
	return began;
}

START_TEST(a_server_that_hangs)
{
	static const struct { int seconds, times; } trials[] = {
		{ 1, 5 }, { 3, 3 }, { 10, 1 }
	};
	double longest, took;
	int i, n;

	for (i = 0; i < COUNT(trials); i++) {
		hang_max = trials[i].seconds;
		longest = 0;
		for (n = 0; n < trials[i].times; n++)
			if ((took = time_to_replace()) > longest)
				longest = took;
		printf("a server that hangs, server_hang_max %d s: the next "
		    "answers after %.2f s (the longest of %d)\n", hang_max,
		    longest, trials[i].times);
	}
}
END_TEST

/*
 * What a connection costs
 */

/* Page faults of a process and of the children that it has waited for. */
static long
faults_of(pid_t pid)
{
	unsigned long own = 0, children = 0;
	char path[64], line[512], *rest;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
	fclose(file);
	ck_assert_ptr_nonnull(rest = strrchr(line, ')'));
	ck_assert_int_eq(sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %lu %lu",
	    &own, &children), 2);
	return (long)(own + children);
}

static void
call_often(int times)
{
	while (times-- > 0)
		call(here.port);
	has_children(here.server, 0);
}

static double
faults(int times)
{
	long before;

	call_often(100);
	before = faults_of(here.server);
	call_often(times);
	return (double)(faults_of(here.server) - before) / times;
}

/* The total that strace(1) has counted; -1: there is none. */
static double
read_count(const char *path)
{
	char line[256], what[64];
	double count = -1, n;
	FILE *file = fopen(path, "r");

	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "%*f %*f %*f %lf %*d %63s", &n, what) == 2 ||
		    sscanf(line, "%*f %*f %*f %lf %63s", &n, what) == 2)
			count = strcmp(what, "total") == 0 ? n : count;
	if (file != NULL)
		fclose(file);
	return count;
}

/* System calls of server and workers for each connection. */
static double
system_calls(int times)
{
	char strace[] = "strace", f[] = "-fcqqo", p[] = "-p", pid[32],
	    path[PATH_MAX];
	char *argv[] = { strace, f, path, p, pid, NULL };
	struct run run;
	long since = 0;

	if (system("command -v strace >/dev/null") != 0)
		return -1;
	snprintf(path, sizeof path, "%s/counts", scratch());
	snprintf(pid, sizeof pid, "%ld", (long)here.server);
	run_command(&run, argv);
	while (atoi(status_of(here.server, "TracerPid")) == 0)
		look_again(&since, "strace");
	call_often(times);
	send_signal(run.pid, SIGINT);
	run_wait(&run);
	return read_count(path) / times;
}

static void
costs(const char *what)
{
	double fault_count, call_count;

	start(1, talker);
	fault_count = faults(2000);
	call_count = system_calls(300);
	stop();
	printf("a connection, %s: %.2f page faults", what, fault_count);
	if (call_count > 0)
		printf(", %.2f system calls", call_count);
	printf("\n");
}

static void
set_all(void)
{
	char pid[32];

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	setenv("WATCHDOG_PID", pid, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	daemon_set_server_hang_max(30);
}

START_TEST(a_connection)
{
	costs("no manager");
	here.before_start = set_all;
	costs("with notification, watchdog and server_hang_max");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		restarts_with_an_inherited_socket, a_server_that_hangs,
		a_connection
	};

	return RUN_TESTS("measure_service", tests);
}
