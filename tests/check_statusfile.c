/*
 * check_statusfile.c - daemon_set_status_file(): what is in the file, when it
 * exists, and what may happen to it and its directory
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_FLOCK
#include <sys/file.h>
#endif
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <syslog.h>
#include <time.h>

#include "master.h"
#include "puppet.h"
#include "sockets.h"

static char directory[256], file[300], new_file[320];

/* A thread of the program may have held the lock at the fork. */
static int closelog_hangs;

void
closelog(void)
{
	while (closelog_hangs)
		pause();
}

/*
 * Two daemons that write at the same time, and a child that is killed
 */

static struct race {
	pid_t old;	/* the master of the first daemon */
	int newer_waits;	/* with a new file of its own, ... */
	int older_waits;	/* ... for this one, which has one as well */
	int newer_goes_on;
	char dies;	/* each child: before the file is in its place, after */
} *race;

static void
make_race(void)
{
	race = shared_memory(sizeof *race);
}

static void
wait_for(const int *flag)
{
	while (!__atomic_load_n(flag, __ATOMIC_SEQ_CST))
		poll(NULL, 0, 1);
}

static void
set(int *flag)
{
	__atomic_store_n(flag, 1, __ATOMIC_SEQ_CST);
}

static int
is_of_older(void)
{
	return getppid() == race->old;
}

static int
move(int from, const char *name, int to, const char *new_name)
{
#ifdef SYS_renameat
	return (int)syscall(SYS_renameat, from, name, to, new_name);
#else
	return (int)syscall(SYS_renameat2, from, name, to, new_name, 0);
#endif
}

static int
move_last(int from, const char *name, int to, const char *new_name)
{
	set(&race->older_waits);
	wait_for(&race->newer_goes_on);
	return move(from, name, to, new_name);
}

static int
move_first(int from, const char *name, int to, const char *new_name)
{
	int result;

	set(&race->newer_waits);
	wait_for(&race->older_waits);
	result = move(from, name, to, new_name);
	set(&race->newer_goes_on);
	return result;
}

int
renameat(int from, const char *name, int to, const char *new_name)
{
	int result;

	if (race == NULL || strstr(name, ".prom.new") == NULL)
		return move(from, name, to, new_name);
	if (race->dies == 'b')
		raise(SIGKILL);
	if (race->old == 0 || race->newer_goes_on)
		result = move(from, name, to, new_name);
	else if (!is_of_older())
		result = move_first(from, name, to, new_name);
	else if (race->newer_waits)
		result = move_last(from, name, to, new_name);
	else
		result = move(from, name, to, new_name);
	if (race->dies == 'a')
		raise(SIGKILL);
	return result;
}

#ifdef HAVE_FLOCK

/* The first daemon waits here as well. */
int
flock(int fd, int how)
{
	int result = (int)syscall(SYS_flock, fd, how);

	if (result == -1 && race != NULL && race->newer_waits && is_of_older())
		set(&race->older_waits);
	return result;
}

#endif

/*
 * The program
 */

static void
log_lines(void)
{
	int i;

	for (i = atoi(here.rest); i > 0; i--)
		fprintf(stderr, "a line\n");
	puts("done");
}

static const struct command commands[] = {
	{ "log", log_lines, NULL },
	{ NULL, NULL, NULL }
};

static void
program(void)
{
	here.commands = commands;
	reused_talker();
}

/*
 * The file
 */

/* Sets it in a directory of its own. */
static void
set_path(const char *name)
{
	snprintf(directory, sizeof directory, "%s/status", scratch());
	if (mkdir(directory, 0755) == -1)
		ck_assert_int_eq(errno, EEXIST);
	snprintf(file, sizeof file, "%s/%s", directory, name);
	snprintf(new_file, sizeof new_file, "%s.new", file);
}

static void
set_up(void)
{
	set_path("tested.prom");
	daemon_set_program_name("tested");
	ck_assert_int_eq(daemon_set_status_file(file), 0);
	daemon_set_server_tick(1);
}

/* Valid until the next call; empty if there is no file. */
static const char *
text(void)
{
	static char all[DSRV_STATUS_MAX];
	FILE *stream = fopen(file, "r");
	size_t n = 0;

	if (stream != NULL) {
		n = fread(all, 1, sizeof all - 1, stream);
		fclose(stream);
	}
	all[n] = '\0';
	return all;
}

/* The number in the line of that name and labels; -1: there is no such line. */
static long
shown(const char *name, const char *labels)
{
	char line[128];
	const char *at;

	snprintf(line, sizeof line, "\ndaemonsrv_%s{daemon=\"tested\"%s} ",
	    name, labels);
	at = strstr(text(), line);
	return at != NULL ? atol(at + strlen(line)) : -1;
}

static void
shows(const char *name, const char *labels, long number)
{
	long since = 0;
	char why[256];

	while (shown(name, labels) != number) {
		snprintf(why, sizeof why, "%s%s %ld; there is %ld", name,
		    labels, number, shown(name, labels));
		look_again(&since, why);
	}
}

static int
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void
comes(const char *path)
{
	long since = 0;

	while (!is_there(path))
		look_again(&since, path);
}

/* Only what the test has put there is left. */
static void
is_removed(void)
{
	ck_assert_int_eq(is_there(file), 0);
	ck_assert_int_eq(is_there(new_file), 0);
}

static void
hang_up_with(int fd, const char *how)
{
	client_says(fd, how);
	hears(fd, NULL);
	close(fd);
}

/*
 * What it shows
 */

START_TEST(statusfile_shows_workers_and_how_they_ended)
{
	int fd, second, third;

	for (here.foreground = 0; here.foreground <= 1; here.foreground++) {
		set_up();
		start(1, program);
		comes(file);
		fd = served(here.port, NULL);
		second = served(here.port, NULL);
		third = served(here.port, NULL);
		shows("workers", "", 3);
		shows("workers_limit", "", 100);
		hang_up_with(fd, "exit 0\n");
		hang_up_with(second, "exit 3\n");
		hang_up_with(third, "crash\n");
		shows("workers", "", 0);
		shows("workers_most", "", 3);
		shows("connections_total", "", 3);
		shows("worker_ends_total", ",kind=\"success\"", 1);
		shows("worker_ends_total", ",kind=\"failure\"", 1);
		shows("worker_ends_total", ",kind=\"signal\"", 1);
		shows("ending", "", 0);
		ck_assert_int_eq(shown("log_lines_total", ""), -1);
		stop();
		is_removed();
	}
}
END_TEST

START_TEST(statusfile_counts_clients_that_were_refused)
{
	int fd, refused;

	set_up();
	daemon_set_worker_count_max(2);
	daemon_set_worker_refuse(1);
	daemon_set_source_worker_max(1);
	start(1, program);
	fd = served(here.port, NULL);
	refused = client(here.port);
	hears(refused, NULL);
	close(refused);
	shows("refused_total", ",reason=\"source\"", 1);
	shows("refused_total", ",reason=\"busy\"", 0);
	close(fd);
	stop();
	daemon_set_source_worker_max(0);
	daemon_set_worker_count_max(1);
	daemon_set_worker_time_max(1);
	start(1, program);
	fd = served(here.port, NULL);
	refused = client(here.port);
	hears(refused, NULL);
	close(refused);
	shows("refused_total", ",reason=\"busy\"", 1);
	/* The worker was ended. */
	hears(fd, NULL);
	close(fd);
	shows("worker_ends_total", ",kind=\"time\"", 1);
	shows("worker_ends_total", ",kind=\"signal\"", 0);
	stop();
}
END_TEST

/* At a stop a server with a Unix-domain socket has a child end it, which waits
 * here. */

static int *stopping;

static void
wait_in_helper(void)
{
	if (!*stopping)
		return;
	tell_pid("helper");
	at_gate();
}

static void
be_deaf_and_hold_helper(void)
{
	signal(SIGTERM, SIG_IGN);
	pthread_atfork(NULL, NULL, wait_in_helper);
}

START_TEST(statusfile_does_not_count_a_helper_nor_does_the_log_tell_of_it)
{
	pid_t helper, worker;
	int fd, second;

	if (cannot_adopt())
		return;
	set_up();
	daemon_set_connection_log(1);
	daemon_set_stop_timeout(10 * DEADLINE);
	stopping = shared_memory(sizeof *stopping);
	make_gate();
	here.open_listener = listen_locally;
	here.before_server = be_deaf_and_hold_helper;
	here.foreground = 1;
	start(1, program);
	fd = local_client();
	worker = (pid_t)number(fd, "who");
	second = local_client();
	echoes(second, "hello");
	*stopping = 1;
	send_signal(here.master, SIGTERM);
	helper = (pid_t)heard(&here.run, "helper");
	reaped(here.server);
	shows("ending", "", 1);
	ck_assert_int_eq(shown("workers", ""), 2);
	open_gate();
	reaped(helper);
	send_signal(worker, SIGKILL);
	shows("worker_ends_total", ",kind=\"signal\"", 1);
	ck_assert_int_eq(shown("worker_ends_total", ",kind=\"success\""), 0);
	ck_assert_int_eq(shown("workers", ""), 1);
	send_signal((pid_t)number(second, "who"), SIGKILL);
	exited(run_wait(&here.run), 0);
	ck_assert_ptr_null(strstr(here.run.err, "status 0"));
	nothing_left();
	is_removed();
	close(fd);
	close(second);
}
END_TEST

START_TEST(statusfile_counts_headers_of_proxies_that_are_bad)
{
	int fd, i;

	set_up();
	daemon_set_proxy_sources("127.0.0.0/8");
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		start(1, program);
		for (i = 0; i < 2; i++) {
			fd = client(here.port);
			client_says(fd, "no header\r\n");
			hears(fd, NULL);
			close(fd);
		}
		shows("refused_total", ",reason=\"proxy\"", 2);
		stop();
	}
}
END_TEST

START_TEST(statusfile_counts_the_connections_of_spares)
{
	int fd, i;

	set_up();
	here.spares = 1;
	daemon_set_worker_count_max(1);
	start(1, program);
	for (i = 0; i < 3; i++) {
		fd = served(here.port, NULL);
		shutdown(fd, SHUT_WR);
		hears(fd, NULL);
		close(fd);
	}
	shows("connections_total", "", 3);
	shows("workers", "", 1);
	shows("workers_limit", "", 1);
	stop();
	is_removed();
}
END_TEST

/* A busy server forks more than it needs in the end. */
START_TEST(statusfile_counts_no_failure_of_spares_without_a_client)
{
	enum { MANY = 30 };
	int i, fds[MANY];
	long since = 0;
	pid_t spare;

	set_up();
	here.spares = 1;
	start(1, program);
	spare = only_child_of(here.server);
	stopped(here.server);
	stopped(spare);
	for (i = 0; i < MANY; i++) {
		fds[i] = client(here.port);
		client_says(fds[i], "hello\n");
	}
	send_signal(spare, SIGCONT);
	send_signal(here.server, SIGCONT);
	for (i = 0; i < MANY; i++)
		hears(fds[i], "hello");
	for (i = 0; i < MANY; i++)
		close(fds[i]);
	shows("connections_total", "", MANY);
	while (shown("workers", "") > 2)
		look_again(&since, "the others to leave");
	ck_assert_int_ge(shown("worker_ends_total", ",kind=\"success\""),
	    MANY - 2);
	shows("worker_ends_total", ",kind=\"failure\"", 0);
	stop();
}
END_TEST

START_TEST(statusfile_keeps_its_counters_when_another_server_follows)
{
	time_t before = time(NULL);
	pid_t worker;
	int fd;

	set_up();
	start(1, program);
	call(here.port);
	shows("connections_total", "", 1);
	ck_assert_int_ge(shown("start_time_seconds", ""), before);
	ck_assert_int_le(shown("start_time_seconds", ""), time(NULL));
	ck_assert_int_eq(shown("reload_time_seconds", ""), -1);
	send_signal(here.master, SIGHUP);
	next_server();
	shows("server_restarts_total", ",reason=\"asked\"", 1);
	ck_assert_int_ge(shown("reload_time_seconds", ""), before);
	ck_assert_int_le(shown("reload_time_seconds", ""), time(NULL));
	fd = served(here.port, &worker);
	send_signal(here.server, SIGKILL);
	next_server();
	shows("server_restarts_total", ",reason=\"crashed\"", 1);
	shows("connections_total", "", 2);
	if (ADOPTING) {
		shows("workers", "", 1);
		hang_up_with(fd, "exit 3\n");
		shows("worker_ends_total", ",kind=\"failure\"", 1);
		shows("workers", "", 0);
	}
	ck_assert_int_eq(shown("server_restarts_total", ",reason=\"ended\""),
	    0);
	stop();
	is_removed();
}
END_TEST

START_TEST(statusfile_counts_a_server_that_takes_over_as_a_reload)
{
	pid_t first;
	int fd;

	if (cannot_adopt())
		return;
	set_up();
	daemon_set_reload_overlap(1);
	start(1, program);
	first = here.server;
	fd = served(here.port, NULL);
	send_signal(here.master, SIGHUP);
	next_server();
	reaped(first);
	shows("server_restarts_total", ",reason=\"asked\"", 1);
	ck_assert_int_ge(shown("reload_time_seconds", ""), 0);
	call(here.port);
	shows("connections_total", "", 2);
	shows("workers", "", 1);
	close(fd);
	shows("workers", "", 0);
	stop();
	is_removed();
}
END_TEST

START_TEST(statusfile_counts_what_the_log_has)
{
	char log[300];
	struct stat st;
	pid_t first;
	int fd;

	set_up();
	here.has_logger = 1;
	snprintf(log, sizeof log, "%s/log", scratch());
	daemon_enable_logger();
	daemon_set_logger_name_format(log);
	start(1, program);
	fd = served(here.port, NULL);
	ck_assert_str_eq(answer(fd, "log 50"), "done");
	shows("log_lines_total", "", 50);
	ck_assert_int_eq(stat(log, &st), 0);
	ck_assert_int_eq(shown("log_bytes_total", ""), st.st_size);
	ck_assert_int_eq(shown("log_lines_lost_total", ""), 0);
	first = here.logger;
	send_signal(first, SIGKILL);
	here.logger = (pid_t)heard(&here.run, "logger");
	shows("logger_restarts_total", "", 1);
	ck_assert_str_eq(answer(fd, "log 7"), "done");
	/* One of them is from the logger. */
	shows("log_lines_total", "", 58);
	close(fd);
	stop();
	is_removed();
}
END_TEST

START_TEST(statusfile_says_that_the_daemon_is_ending)
{
	int fd;

	set_up();
	start(1, program);
	fd = served(here.port, NULL);
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	shows("ending", "", 1);
	shows("workers", "", 1);
	close(fd);
	exited(ended(here.master), 0);
	nothing_left();
	is_removed();
}
END_TEST

START_TEST(statusfile_is_what_promtool_takes)
{
	char command[700];
	long since = 0;

	if (skip_if(system("command -v promtool >/dev/null") != 0,
	    "there is no promtool"))
		return;
	set_up();
	daemon_set_program_name("a \"name\" \\ \xc3\xa4\xff\n");
	here.has_logger = 1;
	snprintf(command, sizeof command, "%s/log", scratch());
	daemon_enable_logger();
	daemon_set_logger_name_format(command);
	start(1, program);
	send_signal(here.master, SIGHUP);
	next_server();
	while (strstr(text(), "reload_time_seconds") == NULL)
		look_again(&since, "a reload");
	snprintf(command, sizeof command, "promtool check metrics <%s", file);
	ck_assert_int_eq(system(command), 0);
	stop();
	is_removed();
}
END_TEST

/*
 * When it is there
 */

static void
before_success(void)
{
	tell("is there", is_there(file));
	at_gate();
}

START_TEST(statusfile_is_not_there_before_the_success)
{
	set_up();
	make_gate();
	here.before_success = before_success;
	listen_on(1);
	run_puppet(run_start, program);
	leave_listeners();
	ck_assert_int_eq(heard(&here.run, "is there"), 0);
	order_at_gate('3');
	exited(run_wait(&here.run), 3);
	nothing_left();
	is_removed();
}
END_TEST

START_TEST(statusfile_is_readable_for_others_whatever_the_umask)
{
	struct stat st;

	set_up();
	umask(077);
	start(1, program);
	comes(file);
	ck_assert_int_eq(stat(file, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0644);
	stop();
}
END_TEST

START_TEST(statusfile_begins_where_the_program_was_started)
{
	set_up();
	ck_assert_int_eq(chdir(directory), 0);
	daemon_set_status_file("tested.prom");
	start(1, program);
	comes(file);
	stop();
	is_removed();
}
END_TEST

START_TEST(statusfile_is_replaced_after_a_master_was_killed)
{
	int fd;

	set_up();
	start(1, program);
	comes(file);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	gone(here.server);
	ck_assert_int_eq(is_there(file), 1);
	while (waitpid(-1, NULL, 0) > 0)
		;
	start(1, program);
	fd = served(here.port, NULL);
	shows("workers", "", 1);
	close(fd);
	stop();
	is_removed();
}
END_TEST

/* Replaces the file while it is not being written: that happens again when
 * another server follows. */
static void
start_and_put_another(void)
{
	char other[320];
	FILE *stream;

	set_up();
	daemon_set_server_tick(600);
	start_in_foreground(1, program);
	comes(file);
	has_children(here.master, 1);	/* the one that has put it there is gone */
	snprintf(other, sizeof other, "%s/other", directory);
	stream = fopen(other, "w");
	fputs("another daemon's\n", stream);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_int_eq(rename(other, file), 0);
	send_signal(here.master, SIGHUP);
}

START_TEST(statusfile_of_another_daemon_stays)
{
	start_and_put_another();
	says(message(), "tested.prom: File exists; trying again");
	ck_assert_str_eq(text(), "another daemon's\n");
	stop();
	ck_assert_str_eq(text(), "another daemon's\n");
	ck_assert_str_eq(here.run.err, "");	/* it was reported before */
}
END_TEST

START_TEST(statusfile_comes_again_when_that_of_another_daemon_goes)
{
	start_and_put_another();
	says(message(), "tested.prom: File exists; trying again");
	ck_assert_int_eq(unlink(file), 0);
	next_server();
	send_signal(here.master, SIGHUP);
	comes(file);
	stop();
	is_removed();
}
END_TEST

/* Each has written a new file before the other has put its own in place. */
START_TEST(statusfile_of_two_daemons_is_kept_by_the_second_one)
{
	struct puppet first;
	int fd;

	set_up();
	make_race();
	start(1, program);
	comes(file);
	race->old = here.master;
	first = here;
	free(first.run.out);
	free(first.run.err);
	memset(&here.run, 0, sizeof here.run);
	start(1, program);
	fd = served(here.port, NULL);
	shows("workers", "", 1);
	wait_for(&race->newer_goes_on);
	close(fd);
	shows("workers", "", 0);
	fd = served(first.port, NULL);
	call(here.port);
	shows("connections_total", "", 2);
	close(fd);
	send_signal(first.master, SIGTERM);
	exited(ended(first.master), 0);
	fd = served(here.port, NULL);
	shows("workers", "", 1);
	close(fd);
	stop();
	is_removed();
}
END_TEST

static void
leaves_nothing_when_it_dies(char when)
{
	set_up();
	make_race();
	race->dies = when;
	start_in_foreground(1, program);
	says(message(), "tested.prom: was ended by signal 9 (Killed)");
	comes(when == 'b' ? new_file : file);
	stop();
	is_removed();
	ck_assert_str_eq(here.run.err, "");
}

START_TEST(statusfile_leaves_nothing_if_each_child_dies_before_it_is_in_place)
{
	leaves_nothing_when_it_dies('b');
}
END_TEST

START_TEST(statusfile_leaves_nothing_if_each_child_dies_when_it_is_in_place)
{
	leaves_nothing_when_it_dies('a');
}
END_TEST

START_TEST(statusfile_takes_the_place_of_one_that_a_killed_daemon_was_writing)
{
	FILE *stream;

	set_up();
	stream = fopen(new_file, "w");
	fputs("half a fi", stream);
	ck_assert_int_eq(fclose(stream), 0);
	start_in_foreground(1, program);
	shows("workers_limit", "", 100);
	stop();
	is_removed();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(statusfile_that_begins_nowhere_ends_the_start)
{
	set_up();
	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_int_eq(rmdir(directory), 0);
	daemon_set_status_file("tested.prom");
	run_start(&here.run, talker);
	exited(run_wait(&here.run), 1);
	says(here.run.err, "unable to become the master: tested.prom: No such "
	    "file or directory");
	nothing_left();
}
END_TEST

static int
has_no_locks(void)
{
#ifdef HAVE_FLOCK
	return 0;
#else
	return skip_if(1, "a pid file takes flock(2)");
#endif
}

START_TEST(statusfile_that_is_the_pid_file_ends_the_start)
{
	char expected[sizeof file + 64];

	if (has_no_locks())
		return;
	set_up();
	ck_assert_int_eq(daemon_set_pid_file(file), 0);
	run_start(&here.run, talker);
	exited(run_wait(&here.run), 1);
	snprintf(expected, sizeof expected, "unable to become the master: %s: "
	    "it is the pid file", file);
	says(here.run.err, expected);
	is_removed();
	nothing_left();
}
END_TEST

START_TEST(statusfile_takes_no_lock_of_another_thread)
{
	closelog_hangs = 1;
	set_up();
	start(1, program);
	comes(file);
	stop();
	is_removed();
}
END_TEST

/* A process that has it open could keep it busy, or look into it. */
static int
holds_directory(pid_t pid)
{
	int fd, holds = 0;

	for (fd = 0; fd < 64; fd++)
		holds |= strcmp(link_of_fd(pid, fd), directory) == 0;
	return holds;
}

START_TEST(statusfile_leaves_its_directory_to_the_master_alone)
{
	pid_t worker;
	char log[300];
	int fd;

	set_up();
	here.has_logger = 1;
	snprintf(log, sizeof log, "%s/log", scratch());
	daemon_enable_logger();
	daemon_set_logger_name_format(log);
	start(1, program);
	fd = served(here.port, &worker);
	if (!skip_if(!holds_directory(here.master), "no /proc/PID/fd")) {
		ck_assert_int_eq(holds_directory(here.server), 0);
		ck_assert_int_eq(holds_directory(here.logger), 0);
		ck_assert_int_eq(holds_directory(worker), 0);
	}
	close(fd);
	stop();
}
END_TEST

/*
 * What others do to it
 */

/* A file of the test's own, which must not change. */
static void
make_victim(char *path)
{
	int fd;

	sprintf(path, "%s/victim", scratch());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_eq(write(fd, "mine\n", 5), 5);
	close(fd);
}

static void
is_untouched(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 5);
	ck_assert_int_eq(st.st_mode & 07777, 0600);
}

START_TEST(statusfile_follows_no_link_in_its_place)
{
	char victim[300];
	struct stat st;

	set_up();
	make_victim(victim);
	ck_assert_int_eq(symlink(victim, file), 0);
	ck_assert_int_eq(symlink(victim, new_file), 0);
	start(1, program);
	shows("workers", "", 0);
	ck_assert_int_eq(lstat(file, &st), 0);
	ck_assert_int_eq(S_ISREG(st.st_mode), 1);
	is_untouched(victim);
	stop();
	is_removed();
	is_untouched(victim);
}
END_TEST

START_TEST(statusfile_follows_no_link_of_another_user_on_its_way)
{
	char link_path[300], path[400];

	if (skip_if(geteuid() != 0, "only root can make another's link"))
		return;
	set_up();
	snprintf(link_path, sizeof link_path, "%s/link", scratch());
	ck_assert_int_eq(symlink(directory, link_path), 0);
	ck_assert_int_eq(lchown(link_path, NOBODY, NOBODY), 0);
	snprintf(path, sizeof path, "%s/tested.prom", link_path);
	daemon_set_status_file(path);
	start_in_foreground(1, program);
	says(message(), "tested.prom: Not a directory; trying again");
	call(here.port);
	stop();
	is_removed();
	/* A link of root's own is followed. */
	ck_assert_int_eq(lchown(link_path, 0, 0), 0);
	start(1, program);
	comes(file);
	stop();
	is_removed();
}
END_TEST

START_TEST(statusfile_stays_in_its_directory_when_that_is_renamed)
{
	char moved[256], there[400];
	int fd;

	set_up();
	start(1, program);
	comes(file);
	snprintf(moved, sizeof moved, "%s/moved", scratch());
	ck_assert_int_eq(rename(directory, moved), 0);
	/* A directory put in its place gets no file. */
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	fd = served(here.port, NULL);
	snprintf(there, sizeof there, "%s", file);
	snprintf(file, sizeof file, "%s/tested.prom", moved);
	shows("workers", "", 1);
	ck_assert_int_eq(is_there(there), 0);
	close(fd);
	stop();
	is_removed();
}
END_TEST

START_TEST(statusfile_comes_again_when_its_directory_does)
{
	int fd;

	set_up();
	start_in_foreground(1, program);
	comes(file);
	while (rmdir(directory) == -1)	/* it may be being written */
		unlink(file);
	says(message(), "unable to write ");
	call(here.port);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	comes(file);
	fd = served(here.port, NULL);
	shows("workers", "", 1);
	close(fd);
	stop();
	is_removed();
	ck_assert_str_eq(here.run.err, "");	/* it was reported before */
}
END_TEST

START_TEST(statusfile_that_cannot_be_put_there_is_told_once)
{
	set_up();
	ck_assert_int_eq(mkdir(file, 0755), 0);
	start_in_foreground(1, program);
	says(message(), "tested.prom: Is a directory; trying again");
	call(here.port);
	ck_assert_int_eq(is_there(new_file), 0);
	ck_assert_int_eq(rmdir(file), 0);
	comes(file);
	shows("connections_total", "", 1);
	stop();
	is_removed();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(statusfile_is_tried_again_when_there_is_no_room)
{
	struct rlimit few = { 10, RLIM_INFINITY };
	struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };

	if (skip_if(prlimit(getpid(), RLIMIT_FSIZE, NULL, &more) == -1 ||
	    more.rlim_max != RLIM_INFINITY, "no limits can be set"))
		return;
	set_up();
	start_in_foreground(1, program);
	shows("workers_limit", "", 100);
	ck_assert_int_eq(prlimit(here.master, RLIMIT_FSIZE, &few, NULL), 0);
	says(message(), "tested.prom: File too large; trying again");
	call(here.port);
	/* The last complete file stays. */
	ck_assert_int_eq(is_there(new_file), 0);
	ck_assert_int_eq(shown("workers_limit", ""), 100);
	ck_assert_int_eq(prlimit(here.master, RLIMIT_FSIZE, &more, NULL), 0);
	shows("connections_total", "", 1);
	stop();
	is_removed();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* A small disk for this program only, gone when the test ends. */
static void
mount_disk(void)
{
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", directory, "tmpfs", 0, "size=2m,mode=755") == -1)
		_exit(96);
}

static int
can_mount(void)
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		mount_disk();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

/* From now on these names are those on the daemon's own disk. */
static void
look_at_disk(void)
{
	char path[sizeof directory];

	snprintf(path, sizeof path, "%s", directory);
	ck_assert_int_lt(snprintf(directory, sizeof directory,
	    "/proc/%ld/root%s", (long)here.master, path),
	    (int)sizeof directory);
	snprintf(file, sizeof file, "%s/tested.prom", directory);
	snprintf(new_file, sizeof new_file, "%s.new", file);
}

/* Fills every block that is free now. */
static void
fill_disk(const char *ballast)
{
	int fd = open(ballast, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
	    0600);
	char block[512] = "";

	ck_assert_int_ge(fd, 0);
	while (write(fd, block, sizeof block) > 0)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

/* Clients call until the trouble is reported; a block may become free in
 * between. Returns how many have called. */
static int
call_on_full_disk(const char *ballast)
{
	int calls = 0;

	do {
		fill_disk(ballast);
		call(here.port);
		calls++;
	} while (no_message(200));
	says(message(), "tested.prom: No space left on device; trying again");
	return calls;
}

START_TEST(statusfile_on_a_full_disk_of_its_own_waits_for_room)
{
	char ballast[300];
	struct stat disk, other;
	int calls;

	set_up();
	if (skip_if(!can_mount(), "this user cannot mount a file system"))
		return;
	here.before_start = mount_disk;
	start_in_foreground(1, program);
	look_at_disk();
	shows("workers_limit", "", 100);
	/* The program's directory is on another disk. */
	ck_assert_int_eq(stat(directory, &disk), 0);
	ck_assert_int_eq(stat(".", &other), 0);
	ck_assert(disk.st_dev != other.st_dev);
	snprintf(ballast, sizeof ballast, "%s/ballast", directory);
	calls = call_on_full_disk(ballast);
	ck_assert_int_eq(shown("workers_limit", ""), 100);
	ck_assert_int_eq(unlink(ballast), 0);
	shows("connections_total", "", calls);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(statusfile_without_the_rights_for_it_ends_nothing)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	set_up();
	here.before_master = become_nobody;
	start_in_foreground(1, program);
	says(message(), "tested.prom: Permission denied; trying again");
	call(here.port);
	stop();
	is_removed();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(statusfile_of_a_missing_directory_is_told_at_the_start)
{
	set_up();
	ck_assert_int_eq(rmdir(directory), 0);
	start_in_foreground(1, program);
	says(message(), "tested.prom: No such file or directory; trying again");
	call(here.port);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	comes(file);
	stop();
	is_removed();
}
END_TEST

/*
 * Its units
 */

/* The child waits for a disk that does not answer. */
START_TEST(statusfile_waits_for_a_hanging_child_only_at_the_end)
{
	struct dsrv_statusfile f;
	struct dsrv_loop loop;
	pid_t child;

	set_up();
	ck_assert_int_eq(dsrv_loop_open(&loop, 1, DSRV_REAP_ALL, NULL, NULL),
	    0);
	dsrv_statusfile_open(&f, &loop, 0);
	dsrv_statusfile_change(&f);
	ck_assert_int_eq(dsrv_statusfile_is_due(&f), 1);
	if ((child = dsrv_loop_fork(&loop)) == 0)
		for (;;)
			pause();
	f.child = child;
	f.is_there = 1;
	/* There is no second child while it hangs. */
	ck_assert_int_eq(dsrv_statusfile_is_due(&f), 0);
	while (!dsrv_statusfile_is_over(&f)) {
		ck_assert_int_eq(dsrv_loop_next(&loop), DSRV_EVENT_TIMER);
		dsrv_statusfile_tick(&f);
	}
	ck_assert_int_eq(dsrv_loop_next(&loop), DSRV_EVENT_CHILD);
	ck_assert_int_eq(loop.ended.pid, child);
	ck_assert_int_eq(WTERMSIG(loop.ended.status), SIGKILL);
	dsrv_statusfile_close(&f);
	dsrv_loop_close(&loop);
}
END_TEST

/* Where a long has 32 bits, that happens soon. */
START_TEST(statusfile_counts_on_when_a_counter_has_wrapped)
{
	uint64_t sum = 0;
	unsigned long seen = ULONG_MAX - 1;

	dsrv_tally_follow(&sum, &seen, ULONG_MAX);
	dsrv_tally_follow(&sum, &seen, 3);
	ck_assert_uint_eq(sum, 5);
	ck_assert_uint_eq(seen, 3);
}
END_TEST

START_TEST(statusfile_has_room_for_the_largest_numbers)
{
	static char all[DSRV_STATUS_MAX];
	struct dsrv_status status;
	char name[NAME_MAX + 1];
	size_t size;

	memset(&status, 0xff, sizeof status);
	status.has_log = 1;
	memset(name, '"', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	size = dsrv_statustext_make(all, name, &status);
	ck_assert_uint_eq(size, strlen(all));
	ck_assert_uint_lt(size, sizeof all - 1024);
	ck_assert_int_eq(all[size - 1], '\n');
	says(all, "# TYPE daemonsrv_log_lines_lost_total counter\n");
}
END_TEST

START_TEST(statusfile_escapes_a_name_of_any_bytes)
{
	static char all[DSRV_STATUS_MAX];
	struct dsrv_status status;

	memset(&status, 0, sizeof status);
	dsrv_statustext_make(all, "a\"b\\c\nd\xc3\xa4~", &status);
	says(all, "\ndaemonsrv_workers{daemon=\"a\\\"b\\\\c?d??~\"} 0\n");
	ck_assert_ptr_null(strstr(all, "reload_time"));
	ck_assert_ptr_null(strstr(all, "log_lines"));
}
END_TEST

static void
refuses(const char *path)
{
	errno = 0;
	ck_assert_int_eq(daemon_set_status_file(path), -1);
	ck_assert_int_eq(errno, EINVAL);
}

START_TEST(statusfile_has_a_name_with_room_for_another)
{
	char path[DSRV_PATH_MAX + 1];

	refuses("");
	refuses("/");
	refuses("directory/");
	memset(path, 'x', sizeof path);
	path[NAME_MAX - 3] = '\0';
	refuses(path);
	path[NAME_MAX - 4] = '\0';
	ck_assert_int_eq(daemon_set_status_file(path), 0);
	memset(path, '/', sizeof path);
	path[DSRV_PATH_MAX - 1] = 'x';
	path[DSRV_PATH_MAX] = '\0';
	refuses(path);
	ck_assert_int_eq(daemon_set_status_file(path + 1), 0);
	ck_assert_int_eq(daemon_set_status_file(NULL), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		statusfile_shows_workers_and_how_they_ended,
		statusfile_counts_clients_that_were_refused,
		statusfile_does_not_count_a_helper_nor_does_the_log_tell_of_it,
		statusfile_counts_headers_of_proxies_that_are_bad,
		statusfile_counts_the_connections_of_spares,
		statusfile_counts_no_failure_of_spares_without_a_client,
		statusfile_keeps_its_counters_when_another_server_follows,
		statusfile_counts_a_server_that_takes_over_as_a_reload,
		statusfile_counts_what_the_log_has,
		statusfile_says_that_the_daemon_is_ending,
		statusfile_is_what_promtool_takes,
		statusfile_is_not_there_before_the_success,
		statusfile_is_readable_for_others_whatever_the_umask,
		statusfile_begins_where_the_program_was_started,
		statusfile_is_replaced_after_a_master_was_killed,
		statusfile_of_another_daemon_stays,
		statusfile_comes_again_when_that_of_another_daemon_goes,
		statusfile_of_two_daemons_is_kept_by_the_second_one,
		statusfile_leaves_nothing_if_each_child_dies_before_it_is_in_place,
		statusfile_leaves_nothing_if_each_child_dies_when_it_is_in_place,
		statusfile_takes_the_place_of_one_that_a_killed_daemon_was_writing,
		statusfile_that_begins_nowhere_ends_the_start,
		statusfile_that_is_the_pid_file_ends_the_start,
		statusfile_takes_no_lock_of_another_thread,
		statusfile_leaves_its_directory_to_the_master_alone,
		statusfile_follows_no_link_in_its_place,
		statusfile_follows_no_link_of_another_user_on_its_way,
		statusfile_stays_in_its_directory_when_that_is_renamed,
		statusfile_comes_again_when_its_directory_does,
		statusfile_that_cannot_be_put_there_is_told_once,
		statusfile_is_tried_again_when_there_is_no_room,
		statusfile_on_a_full_disk_of_its_own_waits_for_room,
		statusfile_without_the_rights_for_it_ends_nothing,
		statusfile_of_a_missing_directory_is_told_at_the_start,
		statusfile_waits_for_a_hanging_child_only_at_the_end,
		statusfile_counts_on_when_a_counter_has_wrapped,
		statusfile_has_room_for_the_largest_numbers,
		statusfile_escapes_a_name_of_any_bytes,
		statusfile_has_a_name_with_room_for_another
	};

	return RUN_TESTS("statusfile", tests);
}
