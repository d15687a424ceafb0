/*
 * check_overlap.c - daemon_set_reload_overlap(): each row of the table in
 * HACKING.md, seen from outside
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <errno.h>
#include <poll.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

#include "puppet.h"

static const int at_once[] = { SIGINT, SIGTERM, SIGQUIT };

/*
 * The program: a server other than the first one waits at the gate, if the test
 * says so, before it confirms
 */

static struct shared {
	int hold;
	int deaf;	/* that server ignores SIGHUP and SIGUSR1 */
	int broken;	/* every second server fails: 1, or ... */
	int servers;	/* ... counts them */
	pid_t leaving;	/* this server writes out its text when it ends, ... */
	int late;	/* ... and is sent this signal meanwhile */
} *shared;

static int reuses;
static int finishing;	/* workers tell that they were sent SIGTERM */

/* In place of libc's. */
int
fflush(FILE *stream)
{
	if (shared != NULL && shared->leaving == getpid()) {
		shared->leaving = 0;
		kill(getpid(), shared->late);
	}
	return fflush_unlocked(stream);
}

static void
before_success(void)
{
	if (shared->deaf) {
		signal(SIGHUP, SIG_IGN);
		signal(SIGUSR1, SIG_IGN);
	}
	if (shared->broken && __atomic_add_fetch(&shared->servers, 1,
	    __ATOMIC_SEQ_CST) % 2 == 0)
		_exit(3);
	if (shared->hold) {
		tell_pid("held");
		at_gate();
	}
}

static void
finish(int signo)
{
	(void)signo;
	tell_pid("finished");
	_exit(0);
}

static void
program(void)
{
	int where = serve();

	if (finishing)
		signal(SIGTERM, finish);
	do
		converse(where);
	while (reuses && (where = daemon_next_connection()) >= 0);
}

/*
 * From outside
 */

/* Whether overlap is not possible here; the test is left out. */
static int
cannot_overlap(void)
{
	if (cannot_adopt())
		return 1;
	daemon_set_reload_overlap(1);
	daemon_set_server_fast_time(0);
	shared = shared_memory(sizeof *shared);
	here.before_success = before_success;
	make_gate();
	return 0;
}

/* With a fork for each client, with spares, and with spares that serve one
 * client after another. */
static void
with_each_kind(void (*does)(void))
{
	if (cannot_overlap())
		return;
	does();
	here.spares = 3;
	does();
	reuses = 1;
	does();
}

static void
start_it(void)
{
	shared->hold = 0;
	here.listeners = 0;	/* its own, which it ends for all */
	if (here.foreground)
		start_in_foreground(0, program);
	else
		start(0, program);
	call(here.port);	/* it has confirmed */
	shared->hold = 1;
}

static pid_t
parent_of(pid_t pid)
{
	return (pid_t)atoi(status_of(pid, "PPid"));
}

/* A client of this server. A spare of the last one may not yet know that it is
 * not needed. */
static int
client_of(pid_t server)
{
	long since = 0;
	pid_t worker;
	int fd;

	while (parent_of((fd = served(here.port, &worker), worker)) !=
	    server) {
		close(fd);
		look_again(&since, "a client of that server");
	}
	return fd;
}

static void
still_served(int fd)
{
	echoes(fd, "still here?");
}

/* Waits for the next server, which waits at the gate. */
static pid_t
next(void)
{
	pid_t pid = (pid_t)heard(&here.run, "server");

	ck_assert_int_ne(pid, here.server);
	ck_assert_int_eq(heard(&here.run, "held"), pid);
	return pid;
}

static pid_t
begin_to_reload(void)
{
	send_signal(here.master, SIGHUP);
	return next();
}

/* This server confirms, and the present one leaves. */
static void
lets(pid_t server)
{
	open_gate();
	reaped(here.server);
	here.server = server;
}

static void
reload(void)
{
	lets(begin_to_reload());
}

/* The next server was ended, and nothing has changed. */
static void
goes_on_without(pid_t server)
{
	reaped(server);
	ck_assert(running(here.server));
	close(client_of(here.server));
}

static void
ends_by(int status)
{
	exited(here.foreground ? run_wait(&here.run) : ended(here.master),
	    status);
	nothing_left();
}

/* Waits until the client's worker has ended. */
static void
is_left(int fd)
{
	hears(fd, NULL);
	close(fd);
}

/*
 * A reload that succeeds
 */

static void
reload_without_a_gap(void)
{
	pid_t worker, server;
	int fd, other;

	start_it();
	fd = served(here.port, &worker);
	server = begin_to_reload();
	other = client_of(here.server);
	ck_assert_int_eq(number(fd, "asked"), 0);
	lets(server);
	is_asked(fd, SIGHUP);
	is_asked(other, SIGHUP);
	ck_assert_int_eq(parent_of(worker), here.master);
	close(client_of(server));
	still_served(fd);
	close(other);
	reload();
	still_served(fd);
	close(client_of(here.server));
	client_says(fd, "bye\n");
	is_left(fd);
	stop();
}

START_TEST(nothing_changes_for_clients_until_the_next_server_confirms)
{
	with_each_kind(reload_without_a_gap);
}
END_TEST

START_TEST(hup_to_the_server_starts_the_next_one_as_well)
{
	pid_t server;

	if (cannot_overlap())
		return;
	start_it();
	close(client_of(here.server));
	send_signal(here.server, SIGHUP);
	server = next();
	close(client_of(here.server));
	lets(server);
	close(client_of(server));
	stop();
}
END_TEST

START_TEST(hup_before_the_first_success_is_a_reload_after_it)
{
	pid_t server;

	if (cannot_overlap())
		return;
	shared->hold = 1;
	launch(run_start, 0, program);
	meet();
	send_signal(here.master, SIGHUP);
	settled(here.master);
	open_gate();
	exited(run_wait(&here.run), 0);
	server = next();
	close(client_of(here.server));
	lets(server);
	close(client_of(server));
	stop();
}
END_TEST

START_TEST(several_reloads_leave_workers_of_each_server)
{
	enum { RELOADS = 5 };
	int i, fds[RELOADS];

	if (cannot_overlap())
		return;
	start_it();
	for (i = 0; i < RELOADS; i++) {
		fds[i] = client_of(here.server);
		reload();
	}
	for (i = 0; i < RELOADS; i++) {
		still_served(fds[i]);
		client_says(fds[i], "bye\n");
		is_left(fds[i]);
	}
	stop();
}
END_TEST

START_TEST(reloads_are_not_restarts)
{
	int i;

	if (cannot_overlap())
		return;
	daemon_set_restart_count_max(1);
	daemon_set_server_fast_time(10);
	daemon_set_server_fast_max(1);
	start_it();
	for (i = 0; i < 3; i++)
		reload();
	order_at_gate('3');
	reaped(begin_to_reload());
	close(client_of(here.server));
	stop();
}
END_TEST

/*
 * One that fails
 */

static void
fails_by(char order, const char *why)
{
	pid_t server;
	char line[128];

	order_at_gate(order);
	server = begin_to_reload();
	snprintf(line, sizeof line, "reload: the next server %s; "
	    "the present one goes on", why);
	says(message(), line);
	goes_on_without(server);
}

START_TEST(a_next_server_that_ends_changes_nothing_and_one_line_says_why)
{
	int fd;

	if (cannot_overlap())
		return;
	here.foreground = 1;
	start_it();
	fd = client_of(here.server);
	fails_by('3', "ended with status 3");
	fails_by('0', "ended with status 0");
	fails_by('K', "was ended by signal 9 (Killed)");
	fails_by('A', "was ended by signal 6 (Aborted)");
	ck_assert_int_eq(number(fd, "asked"), 0);
	ck_assert(no_message(0));
	reload();
	close(client_of(here.server));
	still_served(fd);
	stop();
}
END_TEST

START_TEST(a_next_server_that_a_reload_signal_ends_has_failed)
{
	static const int signals[] = { SIGHUP, SIGUSR1 };
	pid_t server;
	int i;

	if (cannot_overlap())
		return;
	here.foreground = 1;
	start_it();
	for (i = 0; i < COUNT(signals); i++) {
		server = begin_to_reload();
		send_signal(server, signals[i]);
		says(message(), "the present one goes on");
		goes_on_without(server);
	}
	stop();
}
END_TEST

START_TEST(a_next_server_that_does_not_confirm_in_time_is_ended)
{
	pid_t server;

	if (cannot_overlap())
		return;
	here.foreground = 1;
	daemon_set_start_timeout(1);
	start_it();
	server = begin_to_reload();
	says(message(), "reload: the next server has not called "
	    "daemon_success() within start_timeout; the present one goes on");
	goes_on_without(server);
	ck_assert(no_message(0));
	stop();
}
END_TEST

static void
is_killed(int stop_timeout, const char *line)
{
	pid_t server;

	daemon_set_start_timeout(1);
	daemon_set_stop_timeout(stop_timeout);
	here.foreground = 1;
	start_it();
	shared->deaf = 1;
	server = begin_to_reload();
	says(message(), "within start_timeout");
	says(message(), line);
	goes_on_without(server);
	shared->deaf = 0;
	reload();
	close(client_of(here.server));
	stop();
}

START_TEST(one_that_does_not_end_either_is_killed)
{
	if (cannot_overlap())
		return;
	is_killed(1, "end the server by signal 1 within 1 s: it is killed");
}
END_TEST

START_TEST(a_next_server_that_was_given_up_is_killed_even_without_stop_timeout)
{
	if (cannot_overlap())
		return;
	is_killed(0, "end the server by signal 1 within 2 s: it is killed");
}
END_TEST

START_TEST(one_that_ignores_usr1_is_killed_even_without_stop_timeout)
{
	pid_t server;

	if (cannot_overlap())
		return;
	daemon_set_stop_timeout(0);
	here.foreground = 1;
	start_it();
	shared->deaf = 1;
	server = begin_to_reload();
	shared->deaf = shared->hold = 0;
	send_signal(here.master, SIGUSR1);
	next_server();
	says(message(), "within 2 s: it is killed");
	reaped(server);
	close(client_of(here.server));
	shared->hold = 1;
	reload();
	close(client_of(here.server));
	stop();
}
END_TEST

/* The status pipe is closed, but not the listener. */
static void
close_all(void)
{
	int fd;

	for (fd = FACTS + 1; fd < 100 && shared->hold; fd++)
		if (fd != here.fds[0])
			close(fd);
	before_success();
}

static int
start_without_processes(void)
{
	if (skip_if(geteuid() != 0, "only root can become another user"))
		return -1;
	here.before_master = become_nobody;
	here.foreground = 1;
	start_it();
	limit_processes(0);
	send_signal(here.master, SIGHUP);
	says(message(), "unable to fork a server: ");
	return 0;
}

START_TEST(a_next_server_that_cannot_be_forked_is_tried_again)
{
	pid_t server;
	int fd;

	if (cannot_overlap() || start_without_processes() == -1)
		return;
	fd = client(here.port);	/* this server has a limit of its own */
	echoes(fd, "hello");
	limit_processes(RLIM_INFINITY);
	server = next();
	lets(server);
	close(fd);
	close(client_of(server));
	stop();
}
END_TEST

START_TEST(one_that_cannot_be_forked_is_not_needed_where_another_follows)
{
	pid_t server;
	int fd;

	if (cannot_overlap() || start_without_processes() == -1)
		return;
	fd = client_of(here.server);
	settled(here.server);
	send_signal(here.server, SIGKILL);
	reaped(here.server);
	limit_processes(RLIM_INFINITY);
	server = next();
	open_gate();
	close(client_of(server));
	is_asked(fd, SIGHUP);
	close(fd);
	stop();
	never_told("server");
}
END_TEST

START_TEST(one_that_cannot_be_forked_does_not_keep_a_stop_waiting)
{
	if (cannot_overlap() || start_without_processes() == -1)
		return;
	stop();
	never_told("server");
}
END_TEST

/* The master reads both at once, the reload first. */
static void
stop_with_a_reload(int signo)
{
	start_it();
	shared->hold = 0;
	stopped(here.master);
	send_signal(here.master, SIGHUP);
	send_signal(here.master, signo);
	send_signal(here.master, SIGCONT);
	ends_by(0);
	never_told("server");
}

static void
stop_both_ways(void)
{
	stop_with_a_reload(SIGUSR2);
	stop_with_a_reload(SIGTERM);
}

START_TEST(a_stop_that_comes_with_a_reload_is_not_lost)
{
	with_each_kind(stop_both_ways);
}
END_TEST

START_TEST(a_last_server_that_hangs_is_ended_even_without_stop_timeout)
{
	pid_t server;

	if (cannot_overlap())
		return;
	daemon_set_stop_timeout(0);
	daemon_set_server_hang_max(1);
	start_it();
	server = begin_to_reload();
	stopped(here.server);
	lets(server);
	close(client_of(server));
	stop();
}
END_TEST

START_TEST(a_next_server_that_can_confirm_no_more_is_ended)
{
	pid_t server;

	if (cannot_overlap())
		return;
	here.foreground = 1;
	here.before_success = close_all;
	daemon_set_start_timeout(0);
	start_it();
	server = begin_to_reload();
	says(message(), "reload: the next server cannot confirm any more; "
	    "the present one goes on");
	goes_on_without(server);
	stop();
}
END_TEST

/*
 * HUP, USR1 and USR2 while one is under way
 */

START_TEST(hup_while_a_reload_is_under_way_makes_one_more_follow)
{
	pid_t first, second;

	if (cannot_overlap())
		return;
	start_it();
	first = begin_to_reload();
	send_signal(here.master, SIGHUP);
	send_signal(here.master, SIGHUP);
	settled(here.master);
	send_signal(here.master, SIGHUP);
	settled(here.master);
	lets(first);
	second = next();
	close(client_of(first));
	lets(second);
	close(client_of(second));
	settled(here.master);
	stop();
	never_told("server");
}
END_TEST

/* The master is stopped until the next one has confirmed and the present one
 * has had its signal. */
static void
reload_one_that_is_replaced(void)
{
	pid_t first, second, old;
	long since = 0;

	start_it();
	old = here.server;
	first = begin_to_reload();
	stopped(here.master);
	open_gate();
	close(client_of(first));
	send_signal(old, SIGHUP);
	while (has_signal(old, "ShdPnd", SIGHUP))
		look_again(&since, "a server to take its signal");
	settled(old);
	send_signal(here.master, SIGCONT);
	reaped(old);
	here.server = first;
	second = next();
	lets(second);
	close(client_of(second));
	stop();
	never_told("server");
}

START_TEST(hup_to_a_server_that_is_being_replaced_makes_one_more_follow)
{
	with_each_kind(reload_one_that_is_replaced);
}
END_TEST

/* The kernel keeps one of them, the first. */
static void
merge_with_the_master(void)
{
	pid_t first, second, old;

	start_it();
	old = here.server;
	settled(old);
	first = begin_to_reload();
	stopped(old);
	send_signal(old, SIGHUP);
	open_gate();
	close(client_of(first));
	settled(here.master);
	send_signal(old, SIGCONT);
	reaped(old);
	here.server = first;
	second = next();
	lets(second);
	close(client_of(second));
	stop();
	never_told("server");
}

START_TEST(hup_that_merges_with_the_masters_own_makes_one_more_follow)
{
	with_each_kind(merge_with_the_master);
}
END_TEST

START_TEST(hup_while_a_reload_is_under_way_that_fails_makes_one_more_follow)
{
	pid_t first, second;

	if (cannot_overlap())
		return;
	start_it();
	first = begin_to_reload();
	send_signal(here.master, SIGHUP);
	settled(here.master);
	order_at_gate('3');
	reaped(first);
	second = next();
	close(client_of(here.server));
	lets(second);
	close(client_of(second));
	stop();
	never_told("server");
}
END_TEST

static void
usr1_while_one_is_under_way(pid_t (*target)(void))
{
	pid_t server;
	int fd;

	start_it();
	fd = client_of(here.server);
	server = begin_to_reload();
	shared->hold = 0;
	send_signal(target(), SIGUSR1);
	is_left(fd);
	reaped(here.server);
	reaped(server);
	next_server();
	ck_assert_int_ne(here.server, server);
	close(client_of(here.server));
	stop();
	never_told("server");
}

static pid_t
the_master(void)
{
	return here.master;
}

static pid_t
the_server(void)
{
	return here.server;
}

static void
usr1_to_master_and_server(void)
{
	usr1_while_one_is_under_way(the_master);
	usr1_while_one_is_under_way(the_server);
}

START_TEST(usr1_while_a_reload_is_under_way_ends_both_and_one_follows)
{
	with_each_kind(usr1_to_master_and_server);
}
END_TEST

/* USR2 comes to one of three processes, and waits for workers. */
static void
usr2_while_one_is_under_way(int to_next, pid_t (*target)(void))
{
	pid_t server;
	int fd;

	start_it();
	fd = client_of(here.server);
	server = begin_to_reload();
	send_signal(to_next ? server : target(), SIGUSR2);
	reaped(server);
	is_asked(fd, SIGUSR2);
	nobody_listens(here.port);
	still_served(fd);
	client_says(fd, "bye\n");
	is_left(fd);
	ends_by(0);
}

static void
usr2_to_each(void)
{
	usr2_while_one_is_under_way(0, the_master);
	usr2_while_one_is_under_way(0, the_server);
	usr2_while_one_is_under_way(1, the_master);
}

START_TEST(usr2_while_a_reload_is_under_way_lets_workers_finish_and_ends_all)
{
	with_each_kind(usr2_to_each);
}
END_TEST

/*
 * A stop while one is under way
 */

static void
stop_while_one_is_under_way(int signo, int to_next, pid_t (*target)(void))
{
	pid_t server;
	int fd;

	start_it();
	fd = client_of(here.server);
	server = begin_to_reload();
	send_signal(to_next ? server : target(), signo);
	is_left(fd);
	ends_by(0);
	never_told("server");
}

static void
stop_the_master_at_once(void)
{
	int i;

	for (i = 0; i < COUNT(at_once); i++)
		stop_while_one_is_under_way(at_once[i], 0, the_master);
}

START_TEST(a_stop_while_a_reload_is_under_way_goes_to_both)
{
	with_each_kind(stop_the_master_at_once);
}
END_TEST

START_TEST(a_stop_of_either_server_is_one_of_the_daemon)
{
	int i;

	if (cannot_overlap())
		return;
	for (i = 0; i < COUNT(at_once); i++) {
		stop_while_one_is_under_way(at_once[i], 0, the_server);
		stop_while_one_is_under_way(at_once[i], 1, the_server);
	}
}
END_TEST

START_TEST(a_stop_kills_a_next_server_that_does_not_obey)
{
	pid_t server;
	int fd;

	if (cannot_overlap())
		return;
	daemon_set_stop_timeout(1);
	start_it();
	fd = client_of(here.server);
	server = begin_to_reload();
	stopped(server);
	send_signal(here.master, SIGUSR2);
	reaped(server);		/* while its workers finish */
	still_served(fd);
	client_says(fd, "bye\n");
	is_left(fd);
	ends_by(0);
	start_it();
	stopped(begin_to_reload());
	send_signal(here.master, SIGTERM);
	ends_by(0);
}
END_TEST

/*
 * Deaths while one is under way
 */

static void
lose_the_present_one(void)
{
	pid_t server;
	int fd, waiting;

	start_it();
	fd = client_of(here.server);
	settled(here.server);
	server = begin_to_reload();
	send_signal(here.server, SIGKILL);
	reaped(here.server);
	still_served(fd);
	waiting = client(here.port);
	settled(here.master);
	ck_assert_int_eq(number(fd, "asked"), 0);
	open_gate();
	here.server = server;
	echoes(waiting, "hello");
	close(waiting);
	is_asked(fd, SIGHUP);
	still_served(fd);
	close(client_of(server));
	stop();
	never_told("server");
}

START_TEST(the_next_server_takes_the_place_of_one_that_dies)
{
	with_each_kind(lose_the_present_one);
}
END_TEST

START_TEST(a_next_server_in_that_place_may_take_its_time)
{
	pid_t server;

	if (cannot_overlap())
		return;
	daemon_set_start_timeout(1);
	start_it();
	server = begin_to_reload();
	send_signal(here.server, SIGKILL);
	reaped(here.server);
	here.server = server;
	ck_assert(silent_for(here.run.facts, 1200));
	open_gate();
	close(client_of(server));
	stop();
}
END_TEST

START_TEST(where_both_die_another_follows)
{
	pid_t server;

	if (cannot_overlap())
		return;
	start_it();
	server = begin_to_reload();
	send_signal(here.server, SIGKILL);
	reaped(here.server);
	send_signal(server, SIGKILL);
	here.server = server;
	server = next();
	open_gate();
	close(client_of(server));
	here.server = server;
	reload();
	close(client_of(here.server));
	stop();
}
END_TEST

START_TEST(where_both_die_a_status_of_the_last_ends_the_daemon)
{
	int fd;

	if (cannot_overlap())
		return;
	start_it();
	fd = client_of(here.server);
	settled(here.server);
	begin_to_reload();
	send_signal(here.server, SIGKILL);
	reaped(here.server);
	order_at_gate('3');
	is_left(fd);
	ends_by(3);
}
END_TEST

static void
exit_with_4(int signo)
{
	(void)signo;
	_exit(4);
}

static void
end_at_alarm(void)
{
	signal(SIGALRM, exit_with_4);
}

START_TEST(the_status_of_the_present_server_ends_the_daemon)
{
	int fd;

	if (cannot_overlap())
		return;
	here.before_server = end_at_alarm;
	start_it();
	fd = client_of(here.server);
	settled(here.server);
	begin_to_reload();
	send_signal(here.server, SIGALRM);
	is_left(fd);
	ends_by(4);
}
END_TEST

/* Its one restart is over. */
static void
begin_at_the_limit(void)
{
	daemon_set_restart_count_max(1);
	start_it();
	shared->hold = 0;
	send_signal(here.server, SIGKILL);
	next_server();
	close(client_of(here.server));
	shared->hold = 1;
}

START_TEST(a_limit_that_the_present_server_exceeds_ends_the_daemon)
{
	int fd;

	if (cannot_overlap())
		return;
	begin_at_the_limit();
	fd = client_of(here.server);
	settled(here.server);
	begin_to_reload();
	send_signal(here.server, SIGKILL);
	is_left(fd);
	ends_by(128 + SIGKILL);
}
END_TEST

static void
start_with_a_log(void)
{
	static char path[512];

	snprintf(path, sizeof path, "%s/log", scratch());
	daemon_enable_logger();
	daemon_set_logger_name_format(path);
	here.has_logger = 1;
	start_it();
}

START_TEST(a_logger_that_dies_does_not_touch_a_reload)
{
	pid_t server;

	if (cannot_overlap())
		return;
	daemon_set_logger_fast_time(0);
	start_with_a_log();
	server = begin_to_reload();
	send_signal(here.logger, SIGKILL);
	heard(&here.run, "logger");
	lets(server);
	close(client_of(server));
	stop();
}
END_TEST

START_TEST(a_logger_that_dies_too_often_stops_both)
{
	if (cannot_overlap())
		return;
	daemon_set_logger_fast_max(1);
	start_with_a_log();
	begin_to_reload();
	send_signal(here.logger, SIGKILL);
	send_signal((pid_t)heard(&here.run, "logger"), SIGKILL);
	ends_by(1);
}
END_TEST

static void
lose_the_master(void)
{
	pid_t server;
	int fd;

	start_it();
	fd = client_of(here.server);
	server = begin_to_reload();
	send_signal(here.master, SIGKILL);
	ended(here.master);
	nobody_listens(here.port);
	open_gate();
	ended(server);	/* mostly by SIGPIPE, since nobody hears its success */
	still_served(fd);
	client_says(fd, "bye\n");
	is_left(fd);
	exited(ended(here.server), 1);
	nothing_left();
}

START_TEST(without_their_master_both_end_and_workers_finish)
{
	with_each_kind(lose_the_master);
}
END_TEST

/*
 * The moment when the last server leaves: it is stopped there
 */

/* Returns the old server, which has a worker with a client. */
static pid_t
stop_the_leaving_one(int *fd)
{
	pid_t server, old = here.server;

	if (fd != NULL)
		*fd = client_of(old);
	settled(old);
	server = begin_to_reload();
	stopped(old);
	open_gate();
	here.server = server;
	close(client_of(server));
	return old;
}

START_TEST(a_last_server_that_does_not_leave_is_killed)
{
	pid_t old;
	int fd;

	if (cannot_overlap())
		return;
	here.foreground = 1;
	daemon_set_stop_timeout(1);
	start_it();
	old = stop_the_leaving_one(&fd);
	says(message(), "end the server by signal 1 within 1 s: it is killed");
	reaped(old);
	is_asked(fd, SIGHUP);
	still_served(fd);
	stop();
}
END_TEST

static void
forbid_hup(void)
{
	if (!forbid_call(SYS_kill, 1, SIGHUP, EPERM))
		_exit(95);
}

START_TEST(a_last_server_that_cannot_be_sent_hup_leaves_by_itself)
{
	pid_t server;

	if (cannot_overlap())
		return;
	here.before_master = forbid_hup;
	start_it();
	server = begin_to_reload();
	open_gate();
	while (running(here.server))
		call(here.port);
	reaped(here.server);
	close(client_of(server));
	stop();
}
END_TEST

static void
hup_as_one_leaves(pid_t (*target)(void))
{
	pid_t old, server;

	start_it();
	old = stop_the_leaving_one(NULL);
	send_signal(target(), SIGHUP);
	settled(here.server);
	settled(here.master);
	close(client_of(here.server));
	send_signal(old, SIGCONT);
	reaped(old);
	server = next();
	lets(server);
	close(client_of(server));
	stop();
	never_told("server");
}

START_TEST(hup_while_the_last_server_leaves_makes_another_follow)
{
	if (cannot_overlap())
		return;
	hup_as_one_leaves(the_master);
	hup_as_one_leaves(the_server);
}
END_TEST

START_TEST(hup_to_a_last_server_that_has_not_taken_the_masters_adds_nothing)
{
	long since = 0;
	pid_t old;

	if (cannot_overlap())
		return;
	start_it();
	old = stop_the_leaving_one(NULL);
	while (!has_signal(old, "ShdPnd", SIGHUP))
		look_again(&since, "the master's signal");
	send_signal(old, SIGHUP);
	send_signal(old, SIGCONT);
	reaped(old);
	settled(here.master);
	close(client_of(here.server));
	stop();
	never_told("server");
}
END_TEST

/* target NULL: to the last one, which goes on then. */
static void
usr1_as_one_leaves(pid_t (*target)(void))
{
	pid_t old;
	int fd, other;

	start_it();
	old = stop_the_leaving_one(&fd);
	other = client_of(here.server);
	shared->hold = 0;
	send_signal(target != NULL ? target() : old, SIGUSR1);
	if (target == NULL)
		send_signal(old, SIGCONT);
	is_left(other);
	next_server();
	if (target != NULL)
		send_signal(old, SIGCONT);
	reaped(old);
	is_left(fd);
	close(client_of(here.server));
	stop();
	never_told("server");
}

START_TEST(usr1_while_the_last_server_leaves_goes_to_both)
{
	if (cannot_overlap())
		return;
	usr1_as_one_leaves(the_master);
	usr1_as_one_leaves(the_server);
	usr1_as_one_leaves(NULL);
}
END_TEST

static void
usr2_as_one_leaves(pid_t (*target)(void))
{
	pid_t old;
	int fd, other;

	start_it();
	old = stop_the_leaving_one(&fd);
	other = client_of(here.server);
	send_signal(target != NULL ? target() : old, SIGUSR2);
	if (target == NULL)
		send_signal(old, SIGCONT);
	is_asked(other, SIGUSR2);
	nobody_listens(here.port);
	if (target != NULL)
		send_signal(old, SIGCONT);
	reaped(old);
	still_served(other);
	close(other);
	reaped(here.server);
	still_served(fd);
	close(fd);
	ends_by(0);
}

START_TEST(usr2_while_the_last_server_leaves_goes_to_both)
{
	if (cannot_overlap())
		return;
	usr2_as_one_leaves(the_master);
	usr2_as_one_leaves(the_server);
	usr2_as_one_leaves(NULL);
}
END_TEST

static void
stop_as_one_leaves(int signo, int goes_on, pid_t (*target)(void))
{
	pid_t old;
	int fd, other;

	start_it();
	old = stop_the_leaving_one(&fd);
	other = client_of(here.server);
	send_signal(target != NULL ? target() : old, signo);
	if (goes_on)
		send_signal(old, SIGCONT);
	is_left(other);
	is_left(fd);
	ends_by(0);
}

START_TEST(a_stop_while_the_last_server_leaves_goes_to_both)
{
	int i;

	if (cannot_overlap())
		return;
	daemon_set_stop_timeout(1);
	for (i = 0; i < COUNT(at_once); i++) {
		stop_as_one_leaves(at_once[i], 1, the_master);
		stop_as_one_leaves(at_once[i], 1, the_server);
		stop_as_one_leaves(at_once[i], 1, NULL);
	}
	stop_as_one_leaves(SIGTERM, 0, the_master);
}
END_TEST

/* Returns a client of it. */
static int
signal_as_it_ends(int signo, int late)
{
	int fd;

	start_it();
	shared->hold = 0;
	fd = client_of(here.server);
	settled(here.server);
	shared->late = late;
	shared->leaving = here.server;
	send_signal(signo == SIGHUP ? here.master : here.server, signo);
	return fd;
}

static void
stop_as_it_ends(void)
{
	int i, fd;

	for (i = 0; i < COUNT(at_once); i++) {
		is_left(signal_as_it_ends(SIGHUP, at_once[i]));
		ends_by(0);
		is_left(signal_as_it_ends(SIGUSR1, at_once[i]));
		ends_by(0);
	}
	fd = signal_as_it_ends(SIGHUP, SIGUSR2);
	nobody_listens(here.port);
	is_asked(fd, SIGUSR2);
	still_served(fd);
	client_says(fd, "bye\n");
	is_left(fd);
	ends_by(0);
}

START_TEST(a_stop_that_meets_the_end_of_a_server_is_not_lost)
{
	with_each_kind(stop_as_it_ends);
}
END_TEST

START_TEST(hup_that_meets_the_end_of_the_last_server_is_not_lost)
{
	pid_t first, second;

	if (cannot_overlap())
		return;
	close(signal_as_it_ends(SIGHUP, SIGHUP));
	first = (pid_t)heard(&here.run, "server");
	reaped(here.server);
	second = (pid_t)heard(&here.run, "server");
	here.server = second;
	reaped(first);
	close(client_of(second));
	stop();
	never_told("server");
}
END_TEST

START_TEST(a_server_that_dies_while_the_last_one_leaves_is_followed)
{
	pid_t old, server;
	int fd;

	if (cannot_overlap())
		return;
	start_it();
	old = stop_the_leaving_one(&fd);
	settled(here.server);
	send_signal(here.server, SIGKILL);
	server = next();
	open_gate();
	close(client_of(server));
	send_signal(old, SIGCONT);
	reaped(old);
	here.server = server;
	still_served(fd);
	reload();
	stop();
}
END_TEST

START_TEST(its_status_ends_the_daemon_while_the_last_one_leaves)
{
	pid_t old;
	int fd;

	if (cannot_overlap())
		return;
	here.before_server = end_at_alarm;
	start_it();
	old = stop_the_leaving_one(&fd);
	settled(here.server);
	send_signal(here.server, SIGALRM);
	send_signal(old, SIGCONT);
	is_left(fd);
	ends_by(4);
}
END_TEST

START_TEST(a_limit_ends_the_daemon_while_the_last_one_leaves)
{
	pid_t old;
	int fd;

	if (cannot_overlap())
		return;
	begin_at_the_limit();
	old = stop_the_leaving_one(&fd);
	settled(here.server);
	send_signal(here.server, SIGKILL);
	send_signal(old, SIGCONT);
	is_left(fd);
	ends_by(128 + SIGKILL);
}
END_TEST

START_TEST(where_both_die_while_one_leaves_another_follows)
{
	pid_t old, server;
	int fd;

	if (cannot_overlap())
		return;
	start_it();
	old = stop_the_leaving_one(&fd);
	settled(here.server);
	stopped(here.master);
	send_signal(here.server, SIGKILL);
	send_signal(old, SIGKILL);
	send_signal(here.master, SIGCONT);
	server = next();
	open_gate();
	close(client_of(server));
	is_asked(fd, SIGHUP);
	still_served(fd);
	here.server = server;
	stop();
	never_told("server");
}
END_TEST

START_TEST(a_logger_that_dies_while_the_last_one_leaves_touches_neither)
{
	pid_t old;
	int fd;

	if (cannot_overlap())
		return;
	daemon_set_logger_fast_time(0);
	start_with_a_log();
	old = stop_the_leaving_one(&fd);
	send_signal(here.logger, SIGKILL);
	heard(&here.run, "logger");
	send_signal(old, SIGCONT);
	reaped(old);
	still_served(fd);
	close(client_of(here.server));
	reload();
	stop();
}
END_TEST

START_TEST(a_logger_that_dies_too_often_stops_the_last_one_as_well)
{
	int fd;

	if (cannot_overlap())
		return;
	daemon_set_logger_fast_max(1);
	daemon_set_stop_timeout(1);
	start_with_a_log();
	stop_the_leaving_one(&fd);
	send_signal(here.logger, SIGKILL);
	send_signal((pid_t)heard(&here.run, "logger"), SIGKILL);
	is_left(fd);
	ends_by(1);
}
END_TEST

START_TEST(a_last_server_that_is_killed_as_it_leaves_loses_no_worker)
{
	pid_t old;
	int fd;

	if (cannot_overlap())
		return;
	start_it();
	old = stop_the_leaving_one(&fd);
	send_signal(old, SIGKILL);
	reaped(old);
	is_asked(fd, SIGHUP);
	still_served(fd);
	close(client_of(here.server));
	stop();
}
END_TEST

START_TEST(without_their_master_both_end_while_one_leaves)
{
	pid_t old;
	int fd;

	if (cannot_overlap())
		return;
	start_it();
	old = stop_the_leaving_one(&fd);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	send_signal(old, SIGCONT);
	exited(ended(here.server), 1);
	still_served(fd);
	close(fd);
	ended(old);
	while (waitpid(-1, NULL, 0) > 0)
		;
	nothing_left();
}
END_TEST

/*
 * Workers that a reload has left
 */

/* A worker without a handler ends at a signal. */
static int
signalled_within(int fd, int ms)
{
	int is_silent = silent_for(fd, ms);

	still_served(fd);
	return !is_silent;
}

START_TEST(workers_that_are_left_get_every_later_signal)
{
	int fd;

	if (cannot_overlap())
		return;
	start_it();
	fd = client_of(here.server);
	reload();
	is_asked(fd, SIGHUP);
	shared->hold = 0;
	send_signal(here.master, SIGUSR1);
	is_left(fd);
	next_server();
	fd = client_of(here.server);
	shared->hold = 1;
	reload();
	send_signal(here.master, SIGTERM);
	is_left(fd);
	ends_by(0);
}
END_TEST

START_TEST(workers_that_are_left_count_against_worker_count_max)
{
	int fds[2], waiting;

	if (cannot_overlap())
		return;
	daemon_set_worker_count_max(2);
	start_it();
	fds[0] = client_of(here.server);
	fds[1] = client_of(here.server);
	reload();
	waiting = client(here.port);
	settled(here.server);
	client_says(waiting, "hello\n");
	settled(here.server);
	ck_assert(silent(waiting));
	close(fds[0]);
	hears(waiting, "hello");
	still_served(fds[1]);
	stop();
}
END_TEST

START_TEST(workers_of_a_server_that_leaves_count_before_it_has_left)
{
	int fds[2], waiting;
	pid_t old, server;

	if (cannot_overlap())
		return;
	daemon_set_worker_count_max(2);
	start_it();
	old = here.server;
	fds[0] = client_of(old);
	fds[1] = client_of(old);
	settled(old);
	server = begin_to_reload();
	stopped(old);
	open_gate();
	waiting = client(here.port);
	client_says(waiting, "hello\n");
	settled(here.master);
	settled(server);
	ck_assert(silent(waiting));
	send_signal(old, SIGCONT);
	reaped(old);
	close(fds[0]);
	hears(waiting, "hello");
	still_served(fds[1]);
	stop();
}
END_TEST

static void
drain_one(void)
{
	pid_t worker;
	int fd;

	start_it();
	fd = served(here.port, &worker);
	reload();
	is_asked(fd, SIGHUP);
	ck_assert_int_eq(heard(&here.run, "finished"), worker);
	is_left(fd);
	close(client_of(here.server));
	stop();
}

START_TEST(workers_that_are_left_get_term_after_drain_timeout)
{
	finishing = 1;
	daemon_set_drain_timeout(1);
	with_each_kind(drain_one);
}
END_TEST

START_TEST(reloads_that_follow_do_not_prolong_that)
{
	long worker = 0;
	pid_t left;
	int fd;

	if (cannot_overlap())
		return;
	finishing = 1;
	daemon_set_drain_timeout(1);
	start_it();
	fd = served(here.port, &left);
	reload();
	shared->hold = 0;
	while (running(left)) {
		send_signal(here.master, SIGHUP);
		settled(here.master);
		poll(NULL, 0, 50);
	}
	worker = heard(&here.run, "finished");
	ck_assert_int_eq(worker, left);
	is_left(fd);
	stop();
}
END_TEST

START_TEST(a_graceful_stop_gives_them_drain_timeout_as_well)
{
	pid_t worker;
	int fd;

	if (cannot_overlap())
		return;
	finishing = 1;
	daemon_set_drain_timeout(1);
	start_it();
	fd = served(here.port, &worker);
	reload();
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	ck_assert_int_eq(heard(&here.run, "finished"), worker);
	is_left(fd);
	ends_by(0);
}
END_TEST

START_TEST(a_graceful_stop_waits_for_them_without_drain_timeout)
{
	int fd;

	if (cannot_overlap())
		return;
	daemon_set_stop_timeout(1);
	start_it();
	fd = client_of(here.server);
	reload();
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	reaped(here.server);
	ck_assert(!signalled_within(fd, 1500));
	client_says(fd, "bye\n");
	is_left(fd);
	ends_by(0);
}
END_TEST

/*
 * The setting
 */

START_TEST(where_orphans_cannot_be_adopted_the_setting_is_refused)
{
#if defined(HAVE_PRCTL) && defined(PR_SET_CHILD_SUBREAPER)
	if (skip_if(!forbid_call(SYS_prctl, 0, PR_SET_CHILD_SUBREAPER, EINVAL),
	    "the kernel knows no filters"))
		return;
#endif
	daemon_set_reload_overlap(1);
	launch(run_start, 1, program);
	exited(run_wait(&here.run), 1);
	says(here.run.err, "unable to overlap reloads: this system cannot "
	    "have the master adopt workers");
	nothing_left();
}
END_TEST

/*
 * Under load
 */

enum { CLIENTS = 4 };

/* Each connection is answered; tells of any that is not. */
static pid_t
load(int *over)
{
	char line[16];
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	while (!__atomic_load_n(over, __ATOMIC_SEQ_CST)) {
		if ((fd = client_if(here.port)) == -1)
			_exit(1);
		if (send(fd, "hello\n", 6, MSG_NOSIGNAL) != 6 ||
		    recv(fd, line, 6, MSG_WAITALL) != 6)
			_exit(2);
		close(fd);
	}
	_exit(0);
}

static void
reload_under_load(int broken)
{
	enum { RELOADS = 20 };
	int i, fd, *over = shared_memory(sizeof *over);
	pid_t clients[CLIENTS];

	start_it();
	shared->hold = 0;
	shared->servers = 0;
	shared->broken = broken;
	fd = client_of(here.server);
	for (i = 0; i < CLIENTS; i++)
		clients[i] = load(over);
	for (i = 0; i < RELOADS; i++) {
		send_signal(here.master, SIGHUP);
		heard(&here.run, "server");
		still_served(fd);
	}
	__atomic_store_n(over, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < CLIENTS; i++)
		exited(ended(clients[i]), 0);
	shared->broken = 0;
	stop();
}

static void
reload_whole_and_broken(void)
{
	reload_under_load(0);
	reload_under_load(1);
}

START_TEST(no_client_is_lost_over_any_reload)
{
	with_each_kind(reload_whole_and_broken);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		nothing_changes_for_clients_until_the_next_server_confirms,
		hup_to_the_server_starts_the_next_one_as_well,
		hup_before_the_first_success_is_a_reload_after_it,
		several_reloads_leave_workers_of_each_server,
		reloads_are_not_restarts,
		a_next_server_that_ends_changes_nothing_and_one_line_says_why,
		a_next_server_that_a_reload_signal_ends_has_failed,
		a_next_server_that_does_not_confirm_in_time_is_ended,
		one_that_does_not_end_either_is_killed,
		a_next_server_that_was_given_up_is_killed_even_without_stop_timeout,
		one_that_ignores_usr1_is_killed_even_without_stop_timeout,
		a_next_server_that_cannot_be_forked_is_tried_again,
		one_that_cannot_be_forked_is_not_needed_where_another_follows,
		one_that_cannot_be_forked_does_not_keep_a_stop_waiting,
		a_stop_that_comes_with_a_reload_is_not_lost,
		a_last_server_that_hangs_is_ended_even_without_stop_timeout,
		a_next_server_that_can_confirm_no_more_is_ended,
		hup_while_a_reload_is_under_way_makes_one_more_follow,
		hup_while_a_reload_is_under_way_that_fails_makes_one_more_follow,
		hup_to_a_server_that_is_being_replaced_makes_one_more_follow,
		hup_that_merges_with_the_masters_own_makes_one_more_follow,
		usr1_while_a_reload_is_under_way_ends_both_and_one_follows,
		usr2_while_a_reload_is_under_way_lets_workers_finish_and_ends_all,
		a_stop_while_a_reload_is_under_way_goes_to_both,
		a_stop_of_either_server_is_one_of_the_daemon,
		a_stop_kills_a_next_server_that_does_not_obey,
		the_next_server_takes_the_place_of_one_that_dies,
		a_next_server_in_that_place_may_take_its_time,
		where_both_die_another_follows,
		where_both_die_a_status_of_the_last_ends_the_daemon,
		the_status_of_the_present_server_ends_the_daemon,
		a_limit_that_the_present_server_exceeds_ends_the_daemon,
		a_logger_that_dies_does_not_touch_a_reload,
		a_logger_that_dies_too_often_stops_both,
		without_their_master_both_end_and_workers_finish,
		a_last_server_that_does_not_leave_is_killed,
		a_last_server_that_cannot_be_sent_hup_leaves_by_itself,
		hup_while_the_last_server_leaves_makes_another_follow,
		hup_to_a_last_server_that_has_not_taken_the_masters_adds_nothing,
		usr1_while_the_last_server_leaves_goes_to_both,
		usr2_while_the_last_server_leaves_goes_to_both,
		a_stop_while_the_last_server_leaves_goes_to_both,
		a_stop_that_meets_the_end_of_a_server_is_not_lost,
		hup_that_meets_the_end_of_the_last_server_is_not_lost,
		a_server_that_dies_while_the_last_one_leaves_is_followed,
		its_status_ends_the_daemon_while_the_last_one_leaves,
		a_limit_ends_the_daemon_while_the_last_one_leaves,
		where_both_die_while_one_leaves_another_follows,
		a_logger_that_dies_while_the_last_one_leaves_touches_neither,
		a_logger_that_dies_too_often_stops_the_last_one_as_well,
		a_last_server_that_is_killed_as_it_leaves_loses_no_worker,
		without_their_master_both_end_while_one_leaves,
		workers_that_are_left_get_every_later_signal,
		workers_that_are_left_count_against_worker_count_max,
		workers_of_a_server_that_leaves_count_before_it_has_left,
		workers_that_are_left_get_term_after_drain_timeout,
		reloads_that_follow_do_not_prolong_that,
		a_graceful_stop_gives_them_drain_timeout_as_well,
		a_graceful_stop_waits_for_them_without_drain_timeout,
		where_orphans_cannot_be_adopted_the_setting_is_refused,
		no_client_is_lost_over_any_reload
	};

	return RUN_TESTS("overlap", tests);
}
