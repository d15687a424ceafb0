/*
 * measure.c - what the issue of a daemon's behaviour comes to in figures
 *
 *     make measure
 *
 * Prints one line a figure. Unlike a test it never fails for being slow.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "harness.h"

static int port;
static int listener;

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
wait_until(double time)
{
	double left;

	while ((left = time - now()) > 0)
		poll(NULL, 0, (int)(left * 1000) + 1);
}

/*
 * The daemon
 */

static int spares;
static int reuses;

static void
echo(void)
{
	char line[1024];

	daemon_set_program_name("echo");
	daemon_set_worker_spare_count(spares);
	daemon_start();
	tell_pid("master");
	daemon_master();
	daemon_success();
	tell_pid("server");
	daemon_server(&listener, 1);
	do
		while (fgets(line, sizeof line, stdin) != NULL)
			printf("%s", line);
	while (reuses && daemon_next_connection() >= 0);
}

static pid_t
start_echo(struct run *run)
{
	listener = listen_anywhere(&port);
	run_daemon(run, echo);
	close(listener);
	return (pid_t)heard(run, "master");
}

static void
stop(pid_t master)
{
	send_signal(master, SIGTERM);
	ended(master);
	nothing_left();
}

/*
 * The figures
 */

START_TEST(connections_one_after_another)
{
	enum { CONNECTIONS = 1000 };
	struct run run;
	pid_t master = start_echo(&run), server, pids[8];
	int i, before, zombies = 0, left;
	double began;

	server = (pid_t)heard(&run, "server");
	ask(port, "warm", "warm");
	before = descriptors_of(server);
	began = now();
	for (i = 0; i < CONNECTIONS; i++)
		ask(port, "hello", "hello");
	printf("%d connections one after another: %.2f s, ", CONNECTIONS,
	    now() - began);
	began = now();
	while ((left = children_of(server, pids, 8)) > 0 &&
	    now() < began + DEADLINE)
		zombies = left;
	printf("last worker gone %.0f ms later, zombies %d, descriptors "
	    "%d before and %d after\n", (now() - began) * 1000,
	    left == 0 ? 0 : zombies, before, descriptors_of(server));
	stop(master);
}
END_TEST

static void
loop_client(double until, int report)
{
	char answer[16];
	long figures[2] = { 0, 0 };
	int fd;

	while (now() < until) {
		fd = client_if(port);
		if (fd != -1 && send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 &&
		    recv(fd, answer, 6, MSG_WAITALL) == 6)
			figures[0]++;
		else
			figures[1]++;
		if (fd != -1)
			close(fd);
	}
	if (write(report, figures, sizeof figures) < 0)
		_exit(1);
	_exit(0);
}

static void
reload_under_load(const char *how)
{
	enum { CLIENTS = 8, RELOADS = 25 };	/* every 200 ms for 5 s */
	struct run run;
	pid_t master = start_echo(&run);
	long figures[2], answered = 0, failed = 0, servers = 0, pid;
	double began = now();
	int i, ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	fflush(stdout);
	for (i = 0; i < CLIENTS; i++)
		if (fork() == 0)
			loop_client(began + 5, ends[1]);
	for (i = 1; i <= RELOADS; i++) {
		wait_until(began + 0.2 * i);
		send_signal(master, SIGHUP);
	}
	for (i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(read(ends[0], figures, sizeof figures),
		    sizeof figures);
		answered += figures[0];
		failed += figures[1];
		waitpid(-1, NULL, 0);
	}
	send_signal(master, SIGTERM);
	ended(master);
	while (heard_if(&run, "server", &pid))
		servers++;
	printf("%d clients for 5 s, HUP every 200 ms, %s: %ld answered, "
	    "%ld refused, reset or unanswered, %ld servers\n", CLIENTS, how,
	    answered, failed, servers);
	nothing_left();
}

START_TEST(reloads_under_load)
{
	reload_under_load("no spares");
	spares = 8;
	reload_under_load("8 spares");
	reuses = 1;
	reload_under_load("8 spares, reused");
}
END_TEST

static void
exit_in_master(void)
{
	daemon_start();
	exit(3);
}

static void
exit_in_server(void)
{
	daemon_start();
	daemon_master();
	exit(4);
}

static void
abort_in_master(void)
{
	daemon_start();
	abort();
}

static void
abort_in_server(void)
{
	daemon_start();
	daemon_master();
	abort();
}

static void
no_success(void)
{
	daemon_set_start_timeout(1);
	daemon_start();
	daemon_master();
	tell_pid("server");
	for (;;)
		pause();
}

START_TEST(failed_starts)
{
	static const struct {
		const char *name;
		void (*program)(void);
		double cause;	/* seconds from the start to the cause */
		int signo;
	} starts[] = {
		{ "exit(3) in the master", exit_in_master, 0, 0 },
		{ "exit(4) in the server", exit_in_server, 0, 0 },
		{ "abort() in the master", abort_in_master, 0, 0 },
		{ "abort() in the server", abort_in_server, 0, 0 },
		{ "start_timeout of 1 s", no_success, 1, 0 },
		{ "SIGINT to the starter", no_success, 0, SIGINT }
	};
	struct run run;
	double began;
	pid_t pids[8];
	int status;
	size_t i;

	for (i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		began = now();
		run_start(&run, starts[i].program);
		if (starts[i].signo != 0) {
			heard(&run, "server");
			began = now();
			send_signal(run.pid, starts[i].signo);
		}
		status = run_wait(&run);
		printf("failed start, %s: %s %d, %.0f ms after the cause, "
		    "%d processes left; %s", starts[i].name,
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status),
		    (now() - began - starts[i].cause) * 1000,
		    children_of(getpid(), pids, 8), run.err);
		nothing_left();
	}
}
END_TEST

START_TEST(graceful_stop)
{
	struct run run;
	pid_t master = start_echo(&run);
	double began, last_accepted = 0;
	int fd, served = client(port), refused = 0, accepted = 0;
	const char *answer;

	client_says(served, "before\n");
	client_hears(served);
	began = now();
	send_signal(master, SIGUSR2);
	while (now() < began + 3) {
		if ((fd = client_if(port)) != -1) {
			last_accepted = now() - began;
			accepted++;
			close(fd);
		} else
			refused++;
		poll(NULL, 0, 5);
	}
	client_says(served, "after\n");
	answer = client_hears(served);
	printf("USR2 with a client for 3 s: new ones: %d accepted, the last "
	    "after %.1f ms, then %d refused; the served one %s\n", accepted,
	    last_accepted * 1000, refused, answer != NULL &&
	    strcmp(answer, "after") == 0 ? "has its answer" : "is lost");
	close(served);
	ended(master);
	nothing_left();
}
END_TEST

static void
print_lines(void)
{
	int i;

	daemon_start();
	for (i = 0; i < 50000; i++) {
		printf("out %d\n", i);
		fprintf(stderr, "err %d\n", i);
	}
	daemon_master();
	daemon_success();
	tell_pid("server");
	daemon_server(&listener, 1);
	exit(0);
}

static long
count_in_order(const char *text, const char *format)
{
	char wanted[32];
	long i = 0;
	size_t len;

	for (;; i++) {
		len = (size_t)snprintf(wanted, sizeof wanted, format, i);
		if (strncmp(text, wanted, len) != 0)
			return *text == '\0' ? i : -1;
		text += len;
	}
}

START_TEST(start_messages)
{
	struct run run;
	double began = now();
	pid_t pids[2];

	listener = listen_anywhere(&port);
	run_daemon(&run, print_lines);
	printf("100,000 lines of start messages: %ld on stdout and %ld on "
	    "stderr, once and in order, %.2f s\n",
	    count_in_order(run.out, "out %ld\n"),
	    count_in_order(run.err, "err %ld\n"), now() - began);
	close(listener);
	ck_assert_int_eq(children_of(getpid(), pids, 2), 1);
	stop(pids[0]);
}
END_TEST

/*
 * The log: 50 workers write 2,000 lines each, and something happens to the
 * logger or to its file meanwhile
 */

enum { WRITERS = 50, EACH = 2000, LINES = WRITERS * EACH };

static char log_directory[1024];
static int at_once;	/* lines, between two pauses of 1 ms */
static unsigned char seen[LINES];

static void
log_lines(void)
{
	char format[1100], line[64];
	int i, number;

	snprintf(format, sizeof format, "%s/log", log_directory);
	daemon_enable_logger();
	daemon_set_logger_name_format(format);
	daemon_set_logger_prefix_format("> ");
	daemon_set_logger_fast_time(0);
	daemon_start();
	tell_pid("master");
	if (daemon_master() == DAEMON_LOGGER)
		tell_pid("logger");
	daemon_logger();
	daemon_success();
	daemon_server(&listener, 1);
	if (fgets(line, sizeof line, stdin) == NULL)
		exit(1);
	number = atoi(line) * EACH;
	for (i = 0; i < EACH; i++) {
		fprintf(stderr, "%d: a line of worker %d\n", number + i,
		    number / EACH);
		if (i % at_once == 0)
			poll(NULL, 0, 1);
	}
	puts("done");
	exit(0);
}

static void
start_log(struct run *run, int *clients)
{
	char number[16];
	int i;

	if (log_directory[0] == '\0')
		strcpy(log_directory, scratch());
	listener = listen_anywhere(&port);
	run_daemon(run, log_lines);
	close(listener);
	for (i = 0; i < WRITERS; i++) {
		snprintf(number, sizeof number, "%d\n", i);
		clients[i] = client(port);
		client_says(clients[i], number);
	}
}

static void
read_log(const char *path, int *doubled, int *damaged)
{
	char line[256];
	FILE *log = fopen(path, "r");
	int number, worker, end;

	while (log != NULL && fgets(line, sizeof line, log) != NULL) {
		if (strstr(line, ": unable to ") != NULL)
			continue;	/* the master's */
		if (sscanf(line, "> %d: a line of worker %d%n", &number,
		    &worker, &end) != 2 || line[end] != '\n' ||
		    number < 0 || number >= LINES || worker != number / EACH)
			++*damaged;
		else
			*doubled += seen[number]++ > 0;
	}
	if (log != NULL)
		fclose(log);
}

/* Ends the daemon, and says how its lines have fared. */
static void
report_log(pid_t master, const char *what, double began, int *clients,
    int files)
{
	int i, missing = 0, doubled = 0, damaged = 0;
	char path[1100];

	for (i = 0; i < WRITERS; i++) {
		client_hears(clients[i]);
		close(clients[i]);
	}
	began = now() - began;
	send_signal(master, SIGTERM);
	ended(master);
	snprintf(path, sizeof path, "%s/log", log_directory);
	read_log(path, &doubled, &damaged);
	for (i = 0; i < files; i++) {
		snprintf(path, sizeof path, "%s/log-%d", log_directory, i);
		read_log(path, &doubled, &damaged);
	}
	for (i = 0; i < LINES; i++)
		missing += !seen[i];
	printf("log, %s: %d lines in %.2f s, %d missing, %d twice, "
	    "%d damaged\n", what, LINES, began, missing, doubled, damaged);
	nothing_left();
}

enum { KILLS = 100 };

/* Kills so many loggers, one after another, but only until then; how many. */
static int
kill_loggers(struct run *run, int most, double until)
{
	int kills;

	for (kills = 0; kills < most && now() < until; kills++) {
		kill((pid_t)heard(run, "logger"), SIGKILL);
		poll(NULL, 0, kills % 16);
	}
	wait_until(until);
	return kills;
}

START_TEST(log_of_a_logger_that_is_killed)
{
	int i, clients[WRITERS];
	struct run run;
	pid_t master;
	double began = now();

	at_once = 2;
	start_log(&run, clients);
	master = (pid_t)heard(&run, "master");
	for (i = 0; i < KILLS; i++) {
		poll(NULL, 0, i % 16);
		kill((pid_t)heard(&run, "logger"), SIGKILL);
	}
	printf("100 kills in %.2f s; ", now() - began);
	report_log(master, "killed 100 times", began, clients, 0);
}
END_TEST

START_TEST(log_whose_file_is_renamed)
{
	enum { RENAMES = 20 };
	int i, kills = 0, clients[WRITERS];
	char from[1100], to[1100];
	struct run run;
	pid_t master;
	double began = now();

	at_once = 1;
	start_log(&run, clients);
	master = (pid_t)heard(&run, "master");
	for (i = 0; i < RENAMES; i++) {
		kills += kill_loggers(&run, KILLS / RENAMES,
		    began + 0.1 * (i + 1));
		snprintf(from, sizeof from, "%s/log", log_directory);
		snprintf(to, sizeof to, "%s/log-%d", log_directory, i);
		rename(from, to);
	}
	printf("%d kills; ", kills);
	report_log(master, "renamed every 100 ms", began, clients,
	    RENAMES);
}
END_TEST

static int
run_command_line(const char *format, const char *path)
{
	char command[1200];

	snprintf(command, sizeof command, format, path);
	return system(command);
}

START_TEST(log_on_a_full_disk)
{
	enum { STEPS = 10 };
	int i, kills = 0, clients[WRITERS];
	char filler[1100];
	struct run run;
	pid_t master;
	double began;

	strcpy(log_directory, scratch());
	if (skip_if(run_command_line(
	    "mount -t tmpfs -o size=16m tmpfs '%s' 2>/dev/null",
	    log_directory) != 0, "to mount a small file system takes root"))
		return;
	at_once = 10;
	start_log(&run, clients);
	master = (pid_t)heard(&run, "master");
	began = now();
	snprintf(filler, sizeof filler, "%s/filler", log_directory);
	run_command_line("head -c 16m /dev/zero >'%s' 2>/dev/null", filler);
	for (i = 1; i <= STEPS; i++)
		kills += kill_loggers(&run, KILLS / STEPS,
		    began + 3.0 * i / STEPS);
	unlink(filler);
	printf("%d kills; ", kills);
	report_log(master, "disk full for 3 s", began, clients, 0);
	fflush(stdout);
	run_command_line("grep 'unable to write' '%s/log'", log_directory);
	run_command_line("umount '%s'", log_directory);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		connections_one_after_another, reloads_under_load,
		failed_starts, graceful_stop, start_messages,
		log_of_a_logger_that_is_killed, log_whose_file_is_renamed,
		log_on_a_full_disk
	};

	return RUN_TESTS("measure", tests);
}
