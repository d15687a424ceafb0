/*
 * check_master.c - daemon_master(), and how master and server answer each
 * signal, crash and end, seen from outside
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <time.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

#include "puppet.h"
#include "terminal.h"

enum {
	COPY = 101,	/* of the listening socket */
	MASTER_FATAL = -6,
	SERVER_FATAL = -5
};

static const int table[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM,
	SIGQUIT };
static const char *const names[] = { "HUP", "USR1", "USR2", "INT", "TERM",
	"QUIT" };
static const int ending[] = { SIGUSR2, SIGINT, SIGTERM, SIGQUIT };
static const int at_once[] = { SIGINT, SIGTERM, SIGQUIT };
static const int restarting[] = { SIGHUP, SIGUSR1 };

static struct puppet other;

/*
 * Waiting
 */

static long
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*
 * The program: the test chooses what it does at each step
 */

static int counting;	/* workers count their signals */
static int finishing;	/* at SIGTERM they have something to finish */

static volatile sig_atomic_t got_signals[32];
static volatile sig_atomic_t got_count;

static void
note(int signo)
{
	if (got_count < COUNT(got_signals))
		got_signals[got_count++] = signo;
}

static void
handle_all(void (*handler)(int))
{
	struct sigaction action;
	int i;

	memset(&action, 0, sizeof action);
	action.sa_handler = handler;
	action.sa_flags = SA_RESTART;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < COUNT(table); i++)
		sigaction(table[i], &action, NULL);
}

/* After a request to stop it has something to finish, until an order lets it
 * end. */
static void
finish_at_gate(int signo)
{
	(void)signo;
	tell_pid("stopping");
	at_gate();
	tell_pid("stopped");
	_exit(0);
}

/* A process of the program's own. It ends at an order; its status is how many
 * signals it got. Returns its pid. */
static pid_t
fork_helper(void)
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready) == -1)
		_exit(98);
	if ((pid = fork()) == 0) {
		handle_all(note);
		close(STDIN_FILENO);	/* it may be a connection */
		close(STDOUT_FILENO);
		close(ready[0]);
		close(ready[1]);
		at_gate();
		_exit(got_count);
	}
	close(ready[1]);
	while (read(ready[0], &c, 1) == -1 && errno == EINTR)
		;
	close(ready[0]);
	return pid;
}

static void
tell_helper(void)
{
	tell("helper", (long)fork_helper());
}

static int
serve_here(void)
{
	return daemon_server(&here.fds[0], 1);
}

static int
ask_for_peer(void)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return daemon_peer((struct sockaddr *)&addr, &len);
}

/* Each is called in its own process, which tells its status or what the call
 * returned. */
static void
call_in_helpers(void)
{
	static int (*const stages[])(void) = { daemon_start, daemon_master,
		daemon_success, serve_here };
	int i, status;

	for (i = 0; i < COUNT(stages); i++) {
		if (fork() == 0) {
			stages[i]();
			_exit(0);
		}
		wait(&status);
		tell("status", status);
	}
	if (fork() == 0) {
		tell("open", descriptors_of(getpid()));
		tell("next", daemon_next_connection());
		tell("end", daemon_end_connection());
		tell("peer", ask_for_peer());
		tell("stop", daemon_stop_requested());
		_exit(0);
	}
	wait(&status);
	tell("own", descriptors_of(getpid()));
}

static void
take_a_client_in_a_helper(void)
{
	int status;

	if (fork() == 0) {
		tell("next", daemon_next_connection());
		_exit(0);
	}
	wait(&status);
	tell("helped", status);
}

static const char *
name_of(int signo)
{
	int i = 0;

	while (i < COUNT(table) - 1 && table[i] != signo)
		i++;
	return names[i];
}

static void
say_got(void)
{
	int i;

	for (i = 0; i < got_count; i++)
		printf("%s%s", i > 0 ? " " : "", name_of(got_signals[i]));
	putchar('\n');
}

static long
tell_helper_s_pid(void)
{
	return fork_helper();
}

static long
break_listener(void)
{
	return shutdown(COPY, SHUT_RDWR);
}

static const struct command commands[] = {
	{ "got", say_got, NULL },
	{ "fork", NULL, tell_helper_s_pid },
	{ "help", take_a_client_in_a_helper, NULL },
	{ "break", NULL, break_listener },
	{ NULL, NULL, NULL }
};

static void (*after_server)(void);	/* called where it is fatal */

static void
program(void)
{
	int where = serve();

	over("server", where, after_server);
	if (counting) {
		handle_all(note);
		unblock_all();
	}
	if (finishing)
		signal(SIGTERM, finish_at_gate);
	tell_pid("worker");
	converse(where);
	tell_pid("done");
}

/*
 * The daemon, from outside
 */

/* Starts the daemon; its server waits at the gate, before daemon_success(). */
static void
start_to_gate(void)
{
	here.before_success = at_gate;
	make_gate();
	launch(run_start, 0, program);
	meet();
}

/* The process that was started is the master, and ends. */
static void
ends_in_foreground_with(int status)
{
	exited(run_wait(&here.run), status);
	nothing_left();
}

/* Waits until this connection has its worker. */
static pid_t
greeted(int fd)
{
	return (pid_t)number(fd, "who");
}

static void
still_served(int fd)
{
	ck_assert_str_eq(answer(fd, "still here?"), "still here?");
}

/* Waits until the worker has had these signals; it must have had no others. */
static void
got(int fd, const char *signals)
{
	long since = 0;
	const char *text;

	while (strcmp(text = answer(fd, "got"), signals) != 0) {
		ck_assert_msg(strncmp(text, signals, strlen(text)) == 0,
		    "the worker got \"%s\", not \"%s\"", text, signals);
		look_again(&since, "a signal");
	}
}

/* Waits until the worker is asked to finish by this signal. */
static void
asked(int fd, int signo)
{
	long since = 0;
	int by;

	while ((by = atoi(answer(fd, "asked"))) == 0)
		look_again(&since, "daemon_stop_requested()");
	ck_assert_int_eq(by, signo);
}

/* The same in a new daemon, whose workers count their signals. */
static int
start_and_be_served(pid_t *worker)
{
	counting = 1;
	start(0, program);
	return served(here.port, worker);
}

/* Ends the worker, and waits until it has said so. */
static void
end_worker(int fd, pid_t worker)
{
	client_says(fd, "bye\n");
	while (heard(&here.run, "done") != worker)
		;
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
}

/* Kills the server when it has recorded all workers: the master adopts no
 * others. */
static void
kill_server(void)
{
	settled(here.server);
	send_signal(here.server, SIGKILL);
}

/* Kills the server but not its worker; another server follows. */
static int
orphan(pid_t *worker)
{
	int fd = served(here.port, worker);

	kill_server();
	next_server();
	return fd;
}

/* The same in a new daemon; it never counts a server's end as a fast one. */
static int
start_and_orphan(pid_t *worker)
{
	daemon_set_server_fast_time(0);
	start(0, program);
	return orphan(worker);
}

/*
 * Signals: the table
 */

static void
lets_workers_finish_and_is_followed(const pid_t *target)
{
	pid_t worker, server = here.server;
	int waiting, fd = served(here.port, &worker);

	send_signal(*target, SIGHUP);
	asked(fd, SIGHUP);
	waiting = client(here.port);
	settled(server);
	still_served(fd);
	end_worker(fd, worker);
	next_server();		/* not before it was told "done" */
	greeted(waiting);
	close(waiting);
}

START_TEST(hup_to_the_master_lets_workers_finish_and_another_follows)
{
	start(0, program);
	lets_workers_finish_and_is_followed(&here.master);
	lets_workers_finish_and_is_followed(&here.master);
	stop();
}
END_TEST

START_TEST(hup_to_the_server_lets_workers_finish_and_another_follows)
{
	start(0, program);
	lets_workers_finish_and_is_followed(&here.server);
	lets_workers_finish_and_is_followed(&here.server);
	stop();
}
END_TEST

START_TEST(hup_without_workers_makes_another_server_follow)
{
	start(0, program);
	send_signal(here.master, SIGHUP);
	next_server();
	send_signal(here.server, SIGHUP);
	next_server();
	close(served(here.port, NULL));
	stop();
}
END_TEST

START_TEST(hup_reaches_workers_as_hup)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGHUP);
	got(fd, "HUP");
	end_worker(fd, worker);
	next_server();
	stop();
}
END_TEST

static void
does_not_wait_and_is_followed(const pid_t *target)
{
	pid_t worker, second;
	int fd = served(here.port, &worker), fd2;

	send_signal(*target, SIGUSR1);
	next_server();
	got(fd, "TERM");
	fd2 = served(here.port, &second);
	end_worker(fd, worker);
	end_worker(fd2, second);
}

START_TEST(usr1_to_the_master_terminates_workers_and_another_follows)
{
	counting = 1;
	start(0, program);
	does_not_wait_and_is_followed(&here.master);
	does_not_wait_and_is_followed(&here.master);
	stop();
}
END_TEST

START_TEST(usr1_to_the_server_terminates_workers_and_another_follows)
{
	counting = 1;
	start(0, program);
	does_not_wait_and_is_followed(&here.server);
	does_not_wait_and_is_followed(&here.server);
	stop();
}
END_TEST

START_TEST(usr1_ends_a_worker_that_has_no_handler)
{
	int fd;

	start(0, program);
	fd = served(here.port, NULL);
	send_signal(here.master, SIGUSR1);
	ck_assert_ptr_null(client_hears(fd));
	next_server();
	stop();
}
END_TEST

static void
lets_workers_finish_and_ends(const pid_t *target)
{
	pid_t worker;
	int fd;

	start(0, program);
	fd = served(here.port, &worker);
	send_signal(*target, SIGUSR2);
	asked(fd, SIGUSR2);
	nobody_listens(here.port);
	settled(here.server);
	settled(here.master);
	still_served(fd);
	end_worker(fd, worker);
	ends_with(0);
	never_told("server");
}

START_TEST(usr2_to_the_master_lets_workers_finish_and_ends_the_daemon)
{
	lets_workers_finish_and_ends(&here.master);
}
END_TEST

START_TEST(usr2_to_the_server_lets_workers_finish_and_ends_the_daemon)
{
	lets_workers_finish_and_ends(&here.server);
}
END_TEST

START_TEST(usr2_reaches_workers_as_usr2)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGUSR2);
	got(fd, "USR2");
	end_worker(fd, worker);
	ends_with(0);
}
END_TEST

static void
ends_at_once(const pid_t *target, int signo)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(*target, signo);
	gone(here.server);
	got(fd, name_of(signo));
	nobody_listens(here.port);
	end_worker(fd, worker);
	ends_with(0);
	never_told("server");
}

START_TEST(int_term_quit_to_the_master_reach_workers_and_end_the_daemon)
{
	int i;

	for (i = 0; i < COUNT(at_once); i++)
		ends_at_once(&here.master, at_once[i]);
}
END_TEST

START_TEST(int_term_quit_to_the_server_reach_workers_and_end_the_daemon)
{
	int i;

	for (i = 0; i < COUNT(at_once); i++)
		ends_at_once(&here.server, at_once[i]);
}
END_TEST

START_TEST(a_stop_ends_a_worker_that_has_no_handler)
{
	int i, fd;

	for (i = 0; i < COUNT(at_once); i++) {
		start(0, program);
		fd = served(here.port, NULL);
		send_signal(here.master, at_once[i]);
		ck_assert_ptr_null(client_hears(fd));
		close(fd);
		ends_with(0);
	}
}
END_TEST

START_TEST(a_server_exits_0_where_another_follows_and_1_where_none_does)
{
	int i, last;

	daemon_set_server_return_fatal(SERVER_FATAL);
	for (i = 0; i < COUNT(table); i++) {
		last = table[i] != SIGHUP && table[i] != SIGUSR1;
		start(0, program);
		close(served(here.port, NULL));	/* it is in daemon_server() */
		send_signal(i % 2 ? here.master : here.server, table[i]);
		ck_assert_int_eq(heard(&here.run, "server over"),
		    SERVER_FATAL);
		ck_assert_int_eq(heard(&here.run, "status"), last);
		if (last) {
			ends_with(0);
		} else {
			next_server();
			stop();
		}
	}
}
END_TEST

/*
 * Signals: a request adds to those before it
 */

START_TEST(hup_then_usr1_does_not_wait_any_longer)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGHUP);
	got(fd, "HUP");
	send_signal(here.master, SIGUSR1);
	next_server();
	got(fd, "HUP TERM");
	end_worker(fd, worker);
	stop();
}
END_TEST

START_TEST(hup_then_usr2_waits_and_is_the_end)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGHUP);
	got(fd, "HUP");
	send_signal(here.master, SIGUSR2);
	got(fd, "HUP USR2");
	nobody_listens(here.port);
	settled(here.server);
	end_worker(fd, worker);
	ends_with(0);
	never_told("server");
}
END_TEST

/* After USR2, the server no longer waits, and no other follows. */
static void
does_not_wait_after_usr2(int signo)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGUSR2);
	got(fd, "USR2");
	send_signal(here.master, signo);
	gone(here.server);
	got(fd, "USR2 TERM");
	end_worker(fd, worker);
	ends_with(0);
	never_told("server");
}

START_TEST(usr2_then_usr1_does_not_wait_and_is_the_end)
{
	does_not_wait_after_usr2(SIGUSR1);
}
END_TEST

START_TEST(usr2_then_term_does_not_wait_and_is_the_end)
{
	does_not_wait_after_usr2(SIGTERM);
}
END_TEST

/* The second signal asks for nothing that the first has not asked for. */
static void
adds_nothing(int first, int second, const char *signals)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, first);
	got(fd, signals);
	send_signal(here.master, second);
	settled(here.master);
	if (first == SIGUSR2) {		/* the server waits */
		send_signal(here.server, second);
		settled(here.server);
	}
	got(fd, signals);
	end_worker(fd, worker);
	ends_with(0);
	never_told("server");
}

START_TEST(usr2_then_hup_is_the_end)
{
	adds_nothing(SIGUSR2, SIGHUP, "USR2");
}
END_TEST

START_TEST(term_then_hup_is_the_end)
{
	if (cannot_adopt())
		return;
	adds_nothing(SIGTERM, SIGHUP, "TERM");
}
END_TEST

START_TEST(term_then_any_other_signal_is_the_end)
{
	if (cannot_adopt())
		return;
	adds_nothing(SIGTERM, SIGINT, "TERM");
	adds_nothing(SIGINT, SIGTERM, "INT");
	adds_nothing(SIGQUIT, SIGUSR1, "QUIT");
	adds_nothing(SIGTERM, SIGUSR2, "TERM");
}
END_TEST

START_TEST(hup_then_hup_is_one_restart)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGHUP);
	got(fd, "HUP");
	send_signal(here.master, SIGHUP);
	settled(here.master);
	send_signal(here.server, SIGHUP);
	settled(here.server);
	got(fd, "HUP");
	end_worker(fd, worker);
	next_server();
	fd = served(here.port, &worker);
	got(fd, "");
	end_worker(fd, worker);
	stop();
	never_told("server");
}
END_TEST

START_TEST(usr1_then_usr2_is_the_end)
{
	start(0, program);
	close(served(here.port, NULL));	/* by now it is in daemon_server() */
	/* Both are pending before the server can obey. */
	send_signal(here.server, SIGSTOP);
	send_signal(here.master, SIGUSR1);
	send_signal(here.master, SIGUSR2);
	settled(here.master);
	send_signal(here.server, SIGCONT);
	ends_with(0);
	never_told("server");
}
END_TEST

START_TEST(each_signal_goes_to_the_workers_once)
{
	static const int signals[] = { SIGHUP, SIGUSR2 };
	pid_t worker;
	int i, fd;

	fd = start_and_be_served(&worker);
	for (i = 0; i < COUNT(signals); i++) {
		send_signal(here.server, signals[i]);
		send_signal(here.master, signals[i]);
		got(fd, i == 0 ? "HUP" : "HUP USR2");
		send_signal(here.master, signals[i]);
		settled(here.master);
		send_signal(here.server, signals[i]);
		settled(here.server);
		got(fd, i == 0 ? "HUP" : "HUP USR2");
	}
	send_signal(here.server, SIGTERM);
	send_signal(here.master, SIGTERM);
	got(fd, "HUP USR2 TERM");
	gone(here.server);
	if (ADOPTING) {		/* else it has not waited */
		send_signal(here.master, SIGTERM);
		settled(here.master);
		got(fd, "HUP USR2 TERM");
	}
	end_worker(fd, worker);
	ends_with(0);
}
END_TEST

/*
 * Signals: in the program's hands
 */

START_TEST(a_server_that_dies_of_a_reload_asked_of_the_master_has_obeyed)
{
	int i;

	/* These restarts do not count, so no limit is reached. */
	daemon_set_restart_count_max(1);
	daemon_set_server_fast_max(1);
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	for (i = 0; i < 8; i++) {
		send_signal(here.master, restarting[i % 2]);
		next_server();
	}
	open_gate();
	close(served(here.port, NULL));
	stop();
}
END_TEST

static int reload_signal;

static void
raise_reload_signal(void)
{
	raise(reload_signal);
}

/* As if another library used the signal. Without limits the server would be
 * restarted for ever. */
START_TEST(a_server_that_dies_of_a_reload_that_nobody_asked_for_has_crashed)
{
	int i;

	daemon_set_server_fast_max(2);
	here.before_server = raise_reload_signal;
	for (i = 0; i < 2; i++) {
		reload_signal = restarting[i];
		start(0, program);
		next_server();
		next_server();
		ends_with(128 + reload_signal);
		never_told("server");
	}
}
END_TEST

START_TEST(a_server_that_dies_of_another_signal_of_the_table_has_obeyed)
{
	int i;

	here.before_server = at_gate;
	make_gate();
	for (i = 0; i < 2 * COUNT(ending); i++) {
		start(0, program);
		send_signal(i % 2 ? here.master : here.server,
		    ending[i / 2]);
		ends_with(0);
		never_told("server");
	}
}
END_TEST

static void
exit_3(int signo)
{
	(void)signo;
	_exit(3);
}

static void
handle_and_exit(void)
{
	handle_all(exit_3);
}

static void
tell_signal(int signo)
{
	tell("took", signo);
}

static void
handle_and_tell(void)
{
	handle_all(tell_signal);
}

static void
wait_and_handle_no_more(void)
{
	at_gate();
	handle_all(SIG_DFL);
}

START_TEST(what_was_asked_is_never_guessed_from_the_servers_status)
{
	here.before_success = handle_and_exit;
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	send_signal(here.master, SIGHUP);
	next_server();
	send_signal(here.master, SIGUSR1);
	next_server();
	send_signal(here.master, SIGUSR2);
	ends_with(0);
}
END_TEST

START_TEST(a_servers_own_status_counts_where_nobody_asked_the_master)
{
	here.before_success = handle_and_exit;
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	send_signal(here.server, SIGHUP);
	ends_with(3);
}
END_TEST

/* Its start-up takes the signal; then it serves, and the signal comes again. */
static int
takes_by_itself(int signo)
{
	here.before_success = handle_and_tell;
	here.before_server = wait_and_handle_no_more;
	make_gate();
	start(0, program);
	send_signal(here.master, signo);
	ck_assert_int_eq(heard(&here.run, "took"), signo);
	open_gate();
	return served(here.port, NULL);
}

START_TEST(hup_that_the_program_took_by_itself_can_be_sent_again)
{
	int fd = takes_by_itself(SIGHUP);

	send_signal(here.master, SIGHUP);
	asked(fd, SIGHUP);
	close(fd);
	next_server();
	open_gate();
	close(served(here.port, NULL));
	stop();
}
END_TEST

START_TEST(usr2_that_the_program_took_by_itself_can_be_sent_again)
{
	int fd = takes_by_itself(SIGUSR2);

	send_signal(here.master, SIGUSR2);
	asked(fd, SIGUSR2);
	nobody_listens(here.port);
	close(fd);
	ends_with(0);
}
END_TEST

START_TEST(hup_before_the_first_success_is_kept_for_later)
{
	start_to_gate();
	send_signal(here.master, SIGHUP);
	settled(here.master);
	settled(here.server);
	open_gate();
	exited(run_wait(&here.run), 0);
	next_server();
	open_gate();
	close(served(here.port, NULL));
	stop();
	never_told("server");
}
END_TEST

START_TEST(usr1_before_the_first_success_is_kept_for_later)
{
	start_to_gate();
	send_signal(here.master, SIGHUP);
	send_signal(here.master, SIGUSR1);
	settled(here.master);
	send_signal(here.master, SIGHUP);
	settled(here.master);
	settled(here.server);
	open_gate();
	exited(run_wait(&here.run), 0);
	next_server();		/* one for all these signals */
	open_gate();
	close(served(here.port, NULL));
	stop();
	never_told("server");
}
END_TEST

START_TEST(any_other_signal_before_the_first_success_ends_the_start)
{
	int i;

	for (i = 0; i < 2 * COUNT(ending); i++) {
		start_to_gate();
		send_signal(i % 2 ? here.master : here.server,
		    ending[i / 2]);
		exited(run_wait(&here.run), 1);
		nothing_left();
		nobody_listens(here.port);
		never_told("server");
	}
}
END_TEST

static void
ignore_and_wait(void)
{
	signal(SIGTERM, SIG_IGN);
	at_gate();
}

START_TEST(a_start_that_is_to_end_does_not_succeed_any_more)
{
	here.before_success = ignore_and_wait;
	here.before_server = at_gate;
	make_gate();
	launch(run_start, 0, program);
	meet();
	settled(here.server);
	send_signal(here.master, SIGTERM);
	settled(here.master);
	open_gate();
	order_at_gate('0');
	exited(run_wait(&here.run), 1);
	nothing_left();
}
END_TEST

/*
 * Signals: to one process, to all
 */

START_TEST(a_stop_that_reaches_the_server_alone_is_a_requested_stop)
{
	int i;

	for (i = 0; i < COUNT(ending); i++) {
		start(0, program);
		send_signal(here.server, ending[i]);
		ends_with(0);
		never_told("server");
	}
}
END_TEST

/* Stops all of them first, so that each has its signal before any obeys. */
static void
signal_all(const pid_t *pids, int count, int signo)
{
	int i;

	for (i = 0; i < count; i++)
		send_signal(pids[i], SIGSTOP);
	for (i = 0; i < count; i++)
		becomes(pids[i], 'T');
	for (i = 0; i < count; i++)
		send_signal(pids[i], signo);
	for (i = 0; i < count; i++)
		send_signal(pids[i], SIGCONT);
}

START_TEST(a_stop_that_reaches_all_processes_at_once_is_a_requested_stop)
{
	int i, fd;

	for (i = 0; i < 9; i++) {
		pid_t pids[3];

		start(0, program);
		fd = served(here.port, &pids[(i + 2) % 3]);
		pids[i % 3] = here.server;
		pids[(i + 1) % 3] = here.master;
		signal_all(pids, 3, at_once[i / 3]);
		ck_assert_ptr_null(client_hears(fd));
		close(fd);
		ends_with(0);
	}
}
END_TEST

/* The signal ends the worker only if it should, and the server waits for the
 * worker. */
START_TEST(a_reload_that_reaches_all_processes_at_once_is_one_reload)
{
	pid_t pids[3], worker;
	int i, fd;

	for (i = 0; i < 6; i++) {
		start(0, program);
		fd = served(here.port, &worker);
		pids[i % 3] = here.server;
		pids[(i + 1) % 3] = here.master;
		pids[(i + 2) % 3] = worker;
		signal_all(pids, 3, restarting[i / 3]);
		if (restarting[i / 3] == SIGHUP) {
			asked(fd, SIGHUP);
			end_worker(fd, worker);
		}
		next_server();
		close(served(here.port, NULL));
		stop();
		never_told("server");
	}
}
END_TEST

START_TEST(a_stop_that_reaches_all_ends_a_server_in_the_programs_hands)
{
	pid_t pids[2];
	int i;

	here.before_server = at_gate;
	make_gate();
	for (i = 0; i < 2; i++) {
		start(0, program);
		pids[i] = here.server;
		pids[1 - i] = here.master;
		signal_all(pids, 2, SIGTERM);
		ends_with(0);
	}
}
END_TEST

START_TEST(a_stop_of_a_stopped_server_is_obeyed_when_it_goes_on)
{
	start(0, program);
	close(served(here.port, NULL));	/* by now it is in daemon_server() */
	send_signal(here.server, SIGSTOP);
	becomes(here.server, 'T');
	settled(here.master);	/* it has not ended */
	send_signal(here.master, SIGTERM);
	settled(here.master);
	send_signal(here.server, SIGCONT);
	ends_with(0);
}
END_TEST

/*
 * Signals: none is lost
 */

START_TEST(no_signal_is_lost_while_a_server_sets_up)
{
	int i, delay;

	start(0, program);
	for (i = 0; i < 200; i++) {
		/* At another moment in its life each time. */
		for (delay = i % 20 * 100; delay > 0; delay--)
			getppid();
		send_signal(here.master, restarting[i % 2]);
		next_server();
	}
	stop();
	never_told("server");
}
END_TEST

/* Sends one line and gets one back, in a child: 1 if refused, 2 if lost. */
static int
exchange(int port)
{
	int fd = client_if(port);
	char c, last = 0;
	int lines = 0;

	if (fd == -1)
		return 1;
	send(fd, "who\nhello\nbye\n", 14, MSG_NOSIGNAL);
	while (read(fd, &c, 1) == 1) {
		lines += c == '\n';
		last = c;
	}
	close(fd);
	return lines == 2 && last == '\n' ? 0 : 2;
}

/* Clients in another process: this many, or for ever (0), until one is refused:
 * status 1. With a number, none may be lost: status 2. */
static pid_t
crowd(int clients)
{
	pid_t pid;
	int i, result;

	if ((pid = fork()) != 0)
		return pid;
	for (i = 0; clients == 0 || i < clients; i++) {
		result = exchange(here.port);
		if (result == 1 || (result == 2 && clients != 0))
			_exit(result);
	}
	_exit(0);
}

START_TEST(under_load_no_hup_is_lost_and_no_client_either)
{
	pid_t pids[2];
	int i;

	start(0, program);
	for (i = 0; i < 2; i++)
		pids[i] = crowd(250);
	while (state_of(pids[0]) != 'Z' || state_of(pids[1]) != 'Z') {
		send_signal(here.master, SIGHUP);
		poll(NULL, 0, 3);
	}
	for (i = 0; i < 2; i++)
		exited(ended(pids[i]), 0);
	close(served(here.port, NULL));
	stop();
}
END_TEST

START_TEST(under_load_a_stop_ends_all_at_any_moment)
{
	pid_t pids[2];
	int i, j;

	for (i = 0; i < 20; i++) {
		start(0, program);
		for (j = 0; j < 2; j++)
			pids[j] = crowd(0);
		for (j = 0; j < i * 7 % 20; j++)
			heard(&here.run, "worker");
		send_signal(i % 4 == 3 ? here.server : here.master,
		    at_once[i % 3]);
		exited(ended(here.master), 0);
		for (j = 0; j < 2; j++)
			exited(ended(pids[j]), 1);
		nothing_left();
	}
}
END_TEST

/*
 * Signals: only to known processes
 */

START_TEST(a_helper_of_the_master_is_never_signalled_nor_waited_for)
{
	pid_t helper;

	here.before_master = tell_helper;
	make_gate();
	launch(run_daemon, 0, program);
	helper = (pid_t)heard(&here.run, "helper");
	meet();
	send_signal(here.master, SIGHUP);
	next_server();
	send_signal(here.master, SIGUSR1);
	next_server();
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	ck_assert(running(helper));
	open_gate();
	exited(ended(helper), 0);	/* it has had no signal */
	nothing_left();
}
END_TEST

START_TEST(a_helper_of_the_server_is_never_signalled_nor_waited_for)
{
	pid_t helper;

	here.before_server = tell_helper;
	make_gate();
	start(0, program);
	helper = (pid_t)heard(&here.run, "helper");
	send_signal(here.server, SIGUSR2);
	exited(ended(here.master), 0);
	ck_assert(running(helper));
	open_gate();
	exited(ended(helper), 0);
	nothing_left();
}
END_TEST

START_TEST(a_helper_of_a_gone_server_is_never_signalled_nor_waited_for)
{
	pid_t helper;
	int i;

	daemon_set_server_fast_time(0);
	here.before_success = tell_helper;
	make_gate();
	start(0, program);
	helper = (pid_t)heard(&here.run, "helper");
	send_signal(here.server, SIGKILL);
	next_server();
	heard(&here.run, "helper");
	send_signal(here.master, SIGHUP);
	next_server();
	heard(&here.run, "helper");
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	ck_assert(running(helper));
	for (i = 0; i < 3; i++)
		open_gate();
	exited(ended(helper), 0);
	nothing_left();
}
END_TEST

START_TEST(a_helper_of_a_worker_is_never_signalled_counted_nor_waited_for)
{
	pid_t worker, helper;
	int fd;

	daemon_set_worker_count_max(1);
	daemon_set_server_tick(1000);
	make_gate();
	start(0, program);
	fd = served(here.port, &worker);
	helper = (pid_t)atol(answer(fd, "fork"));
	send_signal(here.master, SIGHUP);
	asked(fd, SIGHUP);
	end_worker(fd, worker);
	next_server();
	close(served(here.port, NULL));
	close(served(here.port, NULL));
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	ck_assert(running(helper));
	open_gate();
	exited(ended(helper), 0);
	nothing_left();
}
END_TEST

static void
helpers_were_refused(void)
{
	long open;
	int i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(heard(&here.run, "status"), 1 << 8);
	open = heard(&here.run, "open");
	ck_assert_int_eq(heard(&here.run, "next"), -1);
	ck_assert_int_eq(heard(&here.run, "end"), -1);
	ck_assert_int_eq(heard(&here.run, "peer"), -1);
	ck_assert_int_eq(heard(&here.run, "stop"), 0);
#ifdef HAVE_PTHREAD_ATFORK
	/* It holds the status pipe, which would look like its parent's. */
	ck_assert_int_eq(heard(&here.run, "own"), open + 1);
#else
	skip_if(open > 0, "the library is not told of forks");
#endif
}

START_TEST(a_helper_that_calls_the_library_is_refused_and_changes_nothing)
{
	static void (**const moments[])(void) = { &here.before_master,
		&here.before_success, &here.before_server };
	int i;

	for (i = 0; i < COUNT(moments); i++) {
		*moments[i] = call_in_helpers;
		launch(run_daemon, 0, program);
		if (moments[i] == &here.before_master)
			helpers_were_refused();
		meet();
		if (moments[i] != &here.before_master)
			helpers_were_refused();
		close(served(here.port, NULL));
		send_signal(here.master, SIGHUP);
		next_server();
		if (moments[i] != &here.before_master)
			helpers_were_refused();
		close(served(here.port, NULL));
		stop();
		*moments[i] = NULL;
	}
}
END_TEST

START_TEST(a_helper_of_a_worker_takes_no_client)
{
	int fd, waiting;

	daemon_set_worker_count_max(1);
	here.spares = 1;
	start(0, program);
	fd = served(here.port, NULL);
	waiting = client(here.port);
	client_says(fd, "help\n");
	ck_assert_int_eq(heard(&here.run, "next"), -1);
	ck_assert_int_eq(heard(&here.run, "helped"), 0);
	close(fd);
	greeted(waiting);
	close(waiting);
	stop();
}
END_TEST

/* How many mappings a process shares with others and could write to. */
static int
writable_for_others(pid_t pid)
{
	char path[64], line[512];
	int count = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while (fgets(line, sizeof line, file) != NULL)
		count += strstr(line, " rw-s ") != NULL;
	fclose(file);
	return count;
}

static void
helper_shares_nothing(void)
{
	pid_t helper;
	int i;

	start(0, program);
	for (i = 0; i < 2; i++) {
		helper = (pid_t)heard(&here.run, "helper");
		ck_assert_int_gt(writable_for_others(here.server), 0);
		ck_assert_int_eq(writable_for_others(helper), 0);
		if (i == 0) {
			send_signal(here.master, SIGHUP);
			next_server();
		}
	}
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	open_gate();
	open_gate();
	nothing_left();
}

/* The helper may be without rights: it must not choose what gets a signal. */
START_TEST(a_helper_of_a_server_can_write_nothing_that_the_library_reads)
{
	static char format[128];

#if !HAVE_DECL_MADV_DONTFORK
	if (skip_if(1, "this system cannot keep memory from children"))
		return;
#endif
	make_gate();
	here.before_success = tell_helper;
	helper_shares_nothing();
	here.before_success = NULL;
	here.before_server = tell_helper;
	helper_shares_nothing();
	snprintf(format, sizeof format, "%s/log", scratch());
	daemon_set_logger_name_format(format);
	daemon_enable_logger();
	helper_shares_nothing();
}
END_TEST

START_TEST(the_master_reaps_every_child_that_it_has)
{
	pid_t own, grandchild, worker;
	int fd;

	here.before_master = tell_helper;
	make_gate();
	launch(run_daemon, 0, program);
	own = (pid_t)heard(&here.run, "helper");
	meet();
	open_gate();
	reaped(own);
	if (ADOPTING) {
		fd = served(here.port, &worker);
		grandchild = (pid_t)atol(answer(fd, "fork"));
		end_worker(fd, worker);
		open_gate();
		reaped(grandchild);
	}
	ck_assert_int_eq(children_of(here.master, &worker, 1), 1);
	stop();
}
END_TEST

static void
wait_for_helper(void)
{
	int status = -1;
	pid_t pid = waitpid(-1, &status, 0);

	tell("reaped", (long)pid);
	tell("helper status", status);
}

START_TEST(the_server_reaps_only_its_workers)
{
	pid_t helper, worker;
	int i, fd;

	daemon_set_server_return_fatal(SERVER_FATAL);
	daemon_set_server_tick(1);
	here.before_server = tell_helper;
	after_server = wait_for_helper;
	make_gate();
	start(0, program);
	helper = (pid_t)heard(&here.run, "helper");
	open_gate();
	becomes(helper, 'Z');
	for (i = 0; i < 5; i++) {
		fd = served(here.port, &worker);
		end_worker(fd, worker);
		reaped(worker);
	}
	ck_assert_int_eq(state_of(helper), 'Z');
	send_signal(here.server, SIGTERM);
	ck_assert_int_eq(heard(&here.run, "reaped"), helper);
	ck_assert_int_eq(heard(&here.run, "helper status"), 0);
	ends_with(0);
}
END_TEST

/*
 * The master's status
 */

START_TEST(a_servers_own_status_is_the_masters)
{
	static const char statuses[] = { 1, 2, 7, 77 };
	int i;

	here.before_server = at_gate;
	make_gate();
	for (i = 0; i < COUNT(statuses); i++) {
		start(0, program);
		order_at_gate((char)('0' + statuses[i]));
		ends_with(statuses[i]);
		never_told("server");
	}
}
END_TEST

/* Gives each server in turn one of these orders; another server follows all but
 * the last. */
static void
obey_until_the_end(const char *orders, int status)
{
	here.before_server = at_gate;
	start(0, program);
	for (; orders[1] != '\0'; orders++) {
		order_at_gate(orders[0]);
		next_server();
	}
	order_at_gate(orders[0]);
	ends_with(status);
	never_told("server");
}

START_TEST(at_a_limit_the_status_tells_of_the_last_signal)
{
	daemon_set_server_fast_time(0);
	daemon_set_restart_count_max(1);
	make_gate();
	obey_until_the_end("SS", 128 + SIGSEGV);
	obey_until_the_end("SK", 128 + SIGKILL);
	obey_until_the_end("0A", 128 + SIGABRT);
}
END_TEST

START_TEST(at_a_limit_the_status_is_1_where_the_last_end_was_no_signals)
{
	daemon_set_server_fast_time(0);
	daemon_set_restart_count_max(1);
	make_gate();
	obey_until_the_end("00", 1);
	obey_until_the_end("K0", 1);
}
END_TEST

START_TEST(a_stop_that_comes_with_a_crash_is_a_stop)
{
	start(0, program);
	send_signal(here.master, SIGSTOP);
	becomes(here.master, 'T');
	send_signal(here.server, SIGKILL);
	gone(here.server);
	send_signal(here.master, SIGTERM);
	send_signal(here.master, SIGCONT);
	ends_with(0);
	never_told("server");
}
END_TEST

/*
 * Supervision
 */

START_TEST(a_stop_of_the_server_that_comes_with_a_restart_is_a_stop)
{
	start(0, program);
	call(here.port);
	stopped(here.server);
	send_signal(here.server, SIGUSR1);
	send_signal(here.server, SIGTERM);
	send_signal(here.server, SIGCONT);
	ends_with(0);
	never_told("server");
}
END_TEST

START_TEST(a_server_that_exits_0_or_crashes_is_followed_by_another)
{
	static const char orders[] = "0SAK0";
	int i;

	daemon_set_server_fast_time(0);
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	for (i = 0; orders[i] != '\0'; i++) {
		order_at_gate(orders[i]);
		next_server();
	}
	open_gate();
	close(served(here.port, NULL));
	send_signal(here.server, SIGKILL);	/* now in daemon_server() */
	next_server();
	open_gate();
	close(served(here.port, NULL));
	send_signal(here.server, SIGALRM);
	next_server();
	open_gate();
	close(served(here.port, NULL));
	stop();
}
END_TEST

START_TEST(restart_count_max_is_the_number_of_restarts)
{
	daemon_set_server_fast_time(0);
	daemon_set_restart_count_max(3);
	make_gate();
	obey_until_the_end("0S0K", 128 + SIGKILL);
}
END_TEST

static void
tell_birth(void)
{
	tell("born", now_ms());
}

START_TEST(between_fast_ends_the_pause_doubles_up_to_the_limit)
{
	long born[3];
	int i;

	daemon_set_server_fast_max(2);
	here.before_success = tell_birth;
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	for (i = 0; i < 3; i++) {
		if (i > 0)
			next_server();
		born[i] = heard(&here.run, "born");
		order_at_gate(i == 0 ? '0' : 'K');
	}
	ends_with(128 + SIGKILL);
	never_told("server");
	ck_assert_int_ge(born[1] - born[0], 100);
	ck_assert_int_ge(born[2] - born[1], 200);
}
END_TEST

START_TEST(a_server_that_lived_for_fast_time_has_not_ended_fast)
{
	daemon_set_server_fast_time(1);
	daemon_set_server_fast_max(1);
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	order_at_gate('K');
	next_server();
	poll(NULL, 0, 1001);	/* its life; a longer one will do as well */
	order_at_gate('0');
	next_server();
	order_at_gate('K');
	next_server();
	order_at_gate('A');
	ends_with(128 + SIGABRT);
	never_told("server");
}
END_TEST

START_TEST(restarts_asked_for_count_for_nothing)
{
	int i;

	daemon_set_restart_count_max(1);
	daemon_set_server_fast_max(1);
	start(0, program);
	for (i = 0; i < 10; i++) {
		close(served(here.port, NULL));	/* it is in daemon_server() */
		send_signal(i % 2 ? here.master : here.server,
		    restarting[i / 2 % 2]);
		next_server();
	}
	send_signal(here.server, SIGKILL);
	next_server();
	send_signal(here.master, SIGHUP);
	next_server();
	send_signal(here.server, SIGKILL);
	ends_with(128 + SIGKILL);
	never_told("server");
}
END_TEST

/* Kills the server, and returns when the master waits before the next. */
static void
into_the_pause(void)
{
	send_signal(here.server, SIGKILL);
	reaped(here.server);
	settled(here.master);
}

START_TEST(in_the_pause_a_stop_ends_the_daemon)
{
	int i;

	for (i = 0; i < COUNT(ending); i++) {
		start(0, program);
		into_the_pause();
		send_signal(here.master, ending[i]);
		ends_with(0);
	}
}
END_TEST

START_TEST(in_the_pause_hup_and_usr1_make_a_server_follow)
{
	int i, fd;

	start(0, program);
	for (i = 0; i < 2; i++) {
		into_the_pause();
		fd = client(here.port);
		send_signal(here.master, restarting[i]);
		next_server();
		greeted(fd);
		close(fd);
	}
	stop();
}
END_TEST

START_TEST(servers_come_and_go_without_a_trace)
{
	int i, masters, servers;

	daemon_set_server_fast_time(0);
	start(0, program);
	close(served(here.port, NULL));
	settled(here.server);
	masters = descriptors_of(here.master);
	servers = descriptors_of(here.server);
	for (i = 0; i < 20; i++) {
		if (i % 2)
			send_signal(here.master, SIGHUP);
		else
			send_signal(here.server, SIGKILL);
		next_server();
	}
	close(served(here.port, NULL));
	settled(here.server);
	settled(here.master);
	ck_assert_int_eq(descriptors_of(here.master), masters);
	ck_assert_int_eq(descriptors_of(here.server), servers);
	stop();
}
END_TEST

START_TEST(no_client_is_refused_while_there_is_no_server)
{
	static const char orders[] = "0SAK";
	int i, fd;

	daemon_set_server_fast_time(0);
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	for (i = 0; orders[i] != '\0'; i++) {
		order_at_gate(orders[i]);
		gone(here.server);
		fd = client(here.port);
		next_server();
		open_gate();
		greeted(fd);
		close(fd);

		send_signal(i % 2 ? here.server : here.master,
		    restarting[i / 2]);
		gone(here.server);
		close(client(here.port));
		next_server();
	}
	stop();
}
END_TEST

START_TEST(no_client_is_refused_over_any_respawn)
{
	pid_t pid;
	int i;

	daemon_set_server_fast_time(0);
	start(0, program);
	pid = crowd(0);
	for (i = 0; i < 60; i++) {
		if (i % 3 < 2)
			send_signal(here.master, restarting[i % 3]);
		else
			send_signal(here.server, SIGKILL);
		next_server();
	}
	send_signal(pid, SIGKILL);
	ck_assert_int_eq(ended(pid), SIGKILL);
	stop();
}
END_TEST

START_TEST(another_status_terminates_the_workers_left_and_ends_the_daemon)
{
	pid_t worker;
	int fd;

	counting = 1;
	here.before_server = at_gate;
	make_gate();
	open_gate();
	fd = start_and_orphan(&worker);
	order_at_gate('3');
	got(fd, "TERM");
	nobody_listens(here.port);
	if (ADOPTING)
		settled(here.master);	/* for the worker */
	end_worker(fd, worker);
	ends_with(3);
}
END_TEST

static void
keep_a_copy(void)
{
	dup2(here.fds[0], COPY);
}

START_TEST(after_another_status_workers_have_until_stop_timeout)
{
	pid_t deaf, stopped;
	int fds[2];
	long since;

	if (cannot_adopt())
		return;
	counting = 1;
	daemon_set_stop_timeout(1);
	here.before_success = keep_a_copy;
	start(0, program);
	fds[0] = served(here.port, &deaf);
	fds[1] = served(here.port, &stopped);
	send_signal(stopped, SIGSTOP);
	since = now_ms();
	/* No listening socket is left: the server ends with status 1. */
	ck_assert_str_eq(answer(fds[0], "break"), "0");
	got(fds[0], "TERM");
	gone(here.server);
	ends_with(1);
	ck_assert_int_ge(now_ms() - since, 1000);
}
END_TEST

START_TEST(a_limit_reached_terminates_the_workers_left)
{
	pid_t worker;
	int fd;

	counting = 1;
	daemon_set_restart_count_max(1);
	fd = start_and_orphan(&worker);
	send_signal(here.server, SIGKILL);
	got(fd, "TERM");
	nobody_listens(here.port);
	end_worker(fd, worker);
	ends_with(128 + SIGKILL);
}
END_TEST

/*
 * Listening sockets
 */

static int extra;

static void
open_extra(void)
{
	if (daemon_listen("127.0.0.1", "0", &extra, 1) != 1)
		_exit(97);
	tell("extra", port_of(extra));
}

static void
close_extra(void)
{
	close(extra);
}

START_TEST(once_it_is_to_end_the_master_closes_every_listening_socket)
{
	int i, fd, extra_port;
	pid_t worker;

	here.before_master = open_extra;
	/* so that only the master has it */
	here.before_success = close_extra;
	for (i = 0; i < 2; i++) {
		launch(run_daemon, 0, program);
		extra_port = (int)heard(&here.run, "extra");
		meet();
		fd = served(here.port, &worker);
		close(client(extra_port));
		send_signal(i ? here.master : here.server, SIGUSR2);
		nobody_listens(here.port);
		nobody_listens(extra_port);
		still_served(fd);
		end_worker(fd, worker);
		ends_with(0);
	}
}
END_TEST

static int
listen_at(int port)
{
	struct sockaddr_in addr;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&addr, 0, sizeof addr);
	addr.sin_family = AF_INET;
	addr.sin_port = htons((unsigned short)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	ck_assert_msg(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
	    listen(fd, 1) == 0, "listen on port %d: %s", port,
	    strerror(errno));
	return fd;
}

START_TEST(once_it_is_to_end_a_successor_can_listen)
{
	pid_t worker;
	int fd;

	start(0, program);
	fd = served(here.port, &worker);
	send_signal(here.master, SIGUSR2);
	nobody_listens(here.port);
	close(listen_at(here.port));
	still_served(fd);
	end_worker(fd, worker);
	ends_with(0);
}
END_TEST

START_TEST(once_it_is_to_end_orphans_do_not_keep_the_port)
{
	pid_t worker;
	int fd;

	counting = 1;
	fd = start_and_orphan(&worker);
	send_signal(here.server, SIGTERM);
	nobody_listens(here.port);
	still_served(fd);
	end_worker(fd, worker);
	ends_with(0);
}
END_TEST

/*
 * Orphans: workers whose server is gone
 */

START_TEST(orphans_are_served_on_beside_a_new_server)
{
	pid_t worker;
	int fd;

	fd = start_and_orphan(&worker);
	still_served(fd);
	close(served(here.port, NULL));
	end_worker(fd, worker);
	if (ADOPTING)
		reaped(worker);
	stop();
}
END_TEST

START_TEST(orphans_get_each_signal_once_and_hup_does_not_wait_for_them)
{
	pid_t worker, second;
	int fd, fd2;

	counting = 1;
	fd = start_and_orphan(&worker);
	fd2 = served(here.port, &second);
	send_signal(here.master, SIGHUP);
	got(fd, "HUP");
	got(fd2, "HUP");
	send_signal(here.server, SIGHUP);
	settled(here.server);
	settled(here.master);
	got(fd, "HUP");
	end_worker(fd2, second);
	next_server();		/* the orphan is still there */
	got(fd, "HUP");
	close(served(here.port, NULL));	/* by now it is in daemon_server() */
	send_signal(here.server, SIGUSR1);
	got(fd, "HUP TERM");
	next_server();
	still_served(fd);
	end_worker(fd, worker);
	stop();
}
END_TEST

START_TEST(orphans_get_the_signal_that_ends_the_daemon)
{
	pid_t worker;
	int i, fd;

	counting = 1;
	for (i = 0; i < COUNT(ending); i++) {
		fd = start_and_orphan(&worker);
		send_signal(i % 2 ? here.master : here.server, ending[i]);
		got(fd, name_of(ending[i]));
		gone(here.server);
		if (ADOPTING)
			settled(here.master);	/* for the worker */
		end_worker(fd, worker);
		ends_with(0);
	}
}
END_TEST

START_TEST(an_orphan_without_a_handler_is_asked_or_ended_as_any_worker)
{
	pid_t worker;
	int fd;

	fd = start_and_orphan(&worker);
	send_signal(here.master, SIGHUP);
	asked(fd, SIGHUP);
	next_server();
	send_signal(here.master, SIGTERM);
	ck_assert_ptr_null(client_hears(fd));
	ends_with(0);
}
END_TEST

START_TEST(orphans_that_are_not_to_be_asked_get_a_stop_alone)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	counting = 1;
	here.asks = 0;
	daemon_set_stop_timeout(100);
	fd = start_and_orphan(&worker);
	send_signal(here.master, SIGHUP);
	next_server();
	got(fd, "");
	send_signal(here.master, SIGUSR2);
	nobody_listens(here.port);
	gone(here.server);
	settled(here.master);
	got(fd, "");
	send_signal(here.master, SIGTERM);
	got(fd, "TERM");
	end_worker(fd, worker);
	ends_with(0);
}
END_TEST

/* The first one at once, the number of others at the end. */
START_TEST(orphans_that_a_signal_ends_are_told)
{
	char expected[256];
	pid_t workers[3];
	int i, fds[3], ports[3];

	if (cannot_adopt())
		return;
	daemon_set_server_fast_time(0);
	start_in_foreground(0, program);
	for (i = 0; i < 3; i++) {
		fds[i] = served(here.port, &workers[i]);
		ports[i] = port_of(fds[i]);
	}
	kill_server();
	next_server();
	for (i = 0; i < 3; i++) {
		send_signal(workers[i], i < 2 ? SIGKILL : SIGPIPE);
		reaped(workers[i]);
		close(fds[i]);
	}
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
	snprintf(expected, sizeof expected, ": unable to keep worker %ld of "
	    "127.0.0.1:%d: it was ended by signal %d (", (long)workers[0],
	    ports[0], SIGKILL);
	says(here.run.err, expected);
	snprintf(expected, sizeof expected, ": unable to keep 1 more worker: "
	    "the last one, %ld of 127.0.0.1:%d, was ended by signal %d (",
	    (long)workers[1], ports[1], SIGKILL);
	says(here.run.err, expected);
	ck_assert_ptr_null(strstr(here.run.err, "ended by signal 13"));
}
END_TEST

START_TEST(orphans_count_against_worker_count_max)
{
	pid_t worker, second;
	int fd, waiting;

	if (cannot_adopt())
		return;
	daemon_set_worker_count_max(1);
	daemon_set_server_tick(1000);	/* only the master can wake it */
	fd = start_and_orphan(&worker);
	waiting = client(here.port);
	settled(here.server);
	still_served(fd);
	end_worker(fd, worker);
	second = (pid_t)heard(&here.run, "worker");
	ck_assert_int_eq(greeted(waiting), second);
	end_worker(waiting, second);
	stop();
}
END_TEST

START_TEST(orphans_and_workers_count_together)
{
	pid_t worker, second;
	int fd, fd2, waiting;

	if (cannot_adopt())
		return;
	daemon_set_worker_count_max(2);
	daemon_set_server_tick(1000);
	fd = start_and_orphan(&worker);
	fd2 = served(here.port, &second);
	waiting = client(here.port);
	settled(here.server);
	end_worker(fd2, second);	/* it was not served before */
	second = (pid_t)heard(&here.run, "worker");
	ck_assert_int_eq(greeted(waiting), second);
	fd2 = client(here.port);
	settled(here.server);
	end_worker(fd, worker);		/* nor this one before this */
	second = (pid_t)heard(&here.run, "worker");
	ck_assert_int_eq(greeted(fd2), second);
	close(waiting);
	close(fd2);
	stop();
}
END_TEST

START_TEST(orphans_are_counted_over_several_servers)
{
	pid_t workers[2], second;
	int fds[2], waiting;

	if (cannot_adopt())
		return;
	daemon_set_worker_count_max(2);
	daemon_set_server_tick(1000);
	fds[0] = start_and_orphan(&workers[0]);
	fds[1] = orphan(&workers[1]);
	send_signal(here.master, SIGHUP);
	next_server();
	waiting = client(here.port);
	settled(here.server);
	still_served(fds[0]);
	end_worker(fds[1], workers[1]);
	second = (pid_t)heard(&here.run, "worker");
	ck_assert_int_eq(greeted(waiting), second);
	close(waiting);
	end_worker(fds[0], workers[0]);
	stop();
}
END_TEST

START_TEST(a_worker_that_died_with_its_server_holds_no_place)
{
	pid_t pids[2], worker;
	int i, fds[2];

	daemon_set_worker_count_max(2);
	daemon_set_server_fast_time(0);
	daemon_set_server_tick(1000);
	start(0, program);
	for (i = 0; i < 2; i++)
		fds[i] = served(here.port, &pids[i]);
	/* The master learns of all three deaths at once. */
	send_signal(here.master, SIGSTOP);
	becomes(here.master, 'T');
	kill_server();
	gone(here.server);
	for (i = 0; i < 2; i++) {
		send_signal(pids[i], SIGKILL);
		gone(pids[i]);
		close(fds[i]);
	}
	send_signal(here.master, SIGCONT);
	next_server();
	fds[0] = served(here.port, &worker);
	fds[1] = served(here.port, &worker);
	if (ADOPTING) {
		reaped(pids[0]);
		reaped(pids[1]);
	}
	stop();
}
END_TEST

START_TEST(many_orphans_that_end_at_once_all_give_their_places_back)
{
	enum { MANY = 20 };
	pid_t pids[MANY];
	int i, fds[MANY];

	daemon_set_worker_count_max(MANY);
	daemon_set_server_fast_time(0);
	daemon_set_server_tick(1000);
	start(0, program);
	for (i = 0; i < MANY; i++)
		fds[i] = served(here.port, &pids[i]);
	kill_server();
	next_server();
	send_signal(here.master, SIGSTOP);
	becomes(here.master, 'T');
	for (i = 0; i < MANY; i++)
		send_signal(pids[i], SIGKILL);
	for (i = 0; i < MANY; i++)
		gone(pids[i]);
	send_signal(here.master, SIGCONT);
	for (i = 0; i < MANY; i++) {
		close(fds[i]);
		fds[i] = served(here.port, NULL);
	}
	stop();
}
END_TEST

/* The server dies, and the signal comes before the master knows it. */
static int
dies_before(int signo, pid_t *worker)
{
	int fd;

	daemon_set_stop_timeout(1);
	fd = start_and_be_served(worker);
	send_signal(here.master, SIGSTOP);
	becomes(here.master, 'T');
	kill_server();
	gone(here.server);
	send_signal(here.master, signo);
	send_signal(here.master, SIGCONT);
	return fd;
}

START_TEST(a_stop_reaches_workers_whose_server_died_just_before)
{
	pid_t worker;
	int fd;

	fd = dies_before(SIGTERM, &worker);
	got(fd, "TERM");
	end_worker(fd, worker);
	ends_with(0);
}
END_TEST

START_TEST(a_reload_reaches_workers_whose_server_died_just_before)
{
	pid_t worker;
	int fd;

	fd = dies_before(SIGHUP, &worker);
	next_server();
	got(fd, "HUP");
	end_worker(fd, worker);
	stop();
}
END_TEST

START_TEST(a_stop_reaches_workers_whose_server_dies_without_passing_it_on)
{
	pid_t worker;
	int fd;

	daemon_set_stop_timeout(1);
	fd = start_and_be_served(&worker);
	settled(here.server);
	send_signal(here.server, SIGSTOP);
	becomes(here.server, 'T');
	send_signal(here.master, SIGTERM);
	settled(here.master);
	send_signal(here.server, SIGKILL);
	got(fd, "TERM");
	end_worker(fd, worker);
	ends_with(0);
}
END_TEST

START_TEST(those_who_do_not_obey_a_stop_are_killed_after_stop_timeout)
{
	pid_t deaf, stopped;
	int fds[2];
	long since;

	if (cannot_adopt())
		return;
	counting = 1;
	daemon_set_stop_timeout(1);
	daemon_set_server_fast_time(0);
	here.before_server = ignore_and_wait;
	make_gate();
	start(0, program);
	open_gate();
	fds[0] = served(here.port, &deaf);
	fds[1] = served(here.port, &stopped);
	send_signal(stopped, SIGSTOP);
	becomes(stopped, 'T');
	kill_server();
	next_server();		/* which ignores SIGTERM, at the gate */
	settled(here.server);
	since = now_ms();
	send_signal(here.master, SIGTERM);
	got(fds[0], "TERM");
	still_served(fds[0]);
	ends_with(0);
	ck_assert_int_ge(now_ms() - since, 1000);
	ck_assert_ptr_null(client_hears(fds[0]));
}
END_TEST

/* Each one's time begins when it is asked. */
START_TEST(workers_of_a_hung_server_have_their_time_after_it)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	finishing = 1;
	daemon_set_stop_timeout(2);
	make_gate();
	start(0, program);
	fd = served(here.port, &worker);
	settled(here.server);
	send_signal(here.server, SIGSTOP);
	becomes(here.server, 'T');
	send_signal(here.master, SIGTERM);
	ck_assert_int_eq(heard(&here.run, "stopping"), worker);
	reaped(here.server);
	settled(here.master);
	open_gate();
	ck_assert_int_eq(heard(&here.run, "stopped"), worker);
	ends_with(0);
	close(fd);
}
END_TEST

/* USR1 is one reload, even if the server does not hear it. */
START_TEST(usr1_kills_a_hung_server_after_stop_timeout_and_another_follows)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	daemon_set_stop_timeout(1);
	start_in_foreground(0, program);
	fd = served(here.port, &worker);
	settled(here.server);
	send_signal(here.server, SIGSTOP);
	becomes(here.server, 'T');
	send_signal(here.master, SIGUSR1);
	next_server();
	ck_assert_ptr_null(client_hears(fd));
	reaped(worker);
	close(fd);
	close(served(here.port, NULL));
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
	says(here.run.err, ": unable to end the server by signal 10 within "
	    "1 s: it is killed\n");
}
END_TEST

static void
set_spares(void)
{
	daemon_set_worker_spare_count(2);
}

/* The master can reach them only through the server. */
START_TEST(spares_of_a_hung_server_accept_nobody_after_a_stop)
{
	daemon_set_stop_timeout(0);
	here.before_success = set_spares;
	start(0, program);
	close(served(here.port, NULL));
	settled(here.server);
	send_signal(here.server, SIGSTOP);
	becomes(here.server, 'T');
	send_signal(here.master, SIGTERM);
	nobody_listens(here.port);
	ck_assert_int_eq(state_of(here.server), 'T');
	send_signal(here.server, SIGCONT);
	ends_with(0);
}
END_TEST

START_TEST(workers_get_term_before_kill_where_their_server_crashed_after_usr2)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	finishing = 1;
	daemon_set_stop_timeout(2);
	make_gate();
	start(0, program);
	fd = served(here.port, &worker);
	send_signal(here.master, SIGUSR2);
	asked(fd, SIGUSR2);
	kill_server();
	still_served(fd);
	ck_assert_int_eq(heard(&here.run, "stopping"), worker);
	open_gate();
	ck_assert_int_eq(heard(&here.run, "stopped"), worker);
	ends_with(0);
	close(fd);
}
END_TEST

START_TEST(a_worker_that_is_killed_takes_its_helpers_with_it)
{
	pid_t worker, helper;
	int fd;

	if (cannot_adopt())
		return;
	counting = 1;
	daemon_set_stop_timeout(1);
	make_gate();
	start(0, program);
	fd = served(here.port, &worker);
	helper = (pid_t)atol(answer(fd, "fork"));
	ck_assert_int_eq(getpgid(helper), worker);
	send_signal(here.master, SIGTERM);
	got(fd, "TERM");
	ck_assert(running(helper));
	ends_with(0);
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
}
END_TEST

/*
 * Processes that cannot be signalled
 */

/* Shared with the daemon. */
static struct shield {
	pid_t tester;	/* it can signal all */
	pid_t pids[2];	/* no other process can signal these */
	pid_t slow;	/* runs before its next signal arrives */
} *shield;

static int
is_shielded(pid_t pid)
{
	return shield != NULL && getpid() != shield->tester && pid != 0 &&
	    (abs(pid) == shield->pids[0] || abs(pid) == shield->pids[1]);
}

/* Instead of libc's. */
int
kill(pid_t pid, int signo)
{
	int result;

	if (is_shielded(pid)) {
		errno = EPERM;
		return -1;
	}
	result = (int)syscall(SYS_kill, pid, signo);
	while (shield != NULL && pid == shield->slow && signo == SIGCONT &&
	    getpid() != shield->tester)
		poll(NULL, 0, 1);
	return result;
}

static void
make_shield(void)
{
	shield = mmap(NULL, sizeof *shield, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(shield != MAP_FAILED);
	shield->tester = getpid();
}

static int
messages_in(const char *text)
{
	int count = 0;

	while ((text = strstr(text, ": unable to ")) != NULL) {
		text++;
		count++;
	}
	return count;
}

static struct {
	pid_t pid;
	int fd;
} shielded[2];

/* Starts a daemon with this many workers that only the test can signal. A
 * set-user-ID program is like that: it has other rights. */
static void
start_with_shielded_workers(int count)
{
	int i;

	make_shield();
	start_in_foreground(0, program);
	for (i = 0; i < count; i++)
		shielded[i].fd = served(here.port, &shielded[i].pid);
	for (i = 0; i < count; i++)
		shield->pids[i] = shielded[i].pid;
}

static void
both_shielded_workers_end(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		still_served(shielded[i].fd);
		end_worker(shielded[i].fd, shielded[i].pid);
		reaped(shielded[i].pid);
	}
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
}

/* The place in the text where a message says that neither got SIGHUP. */
static const char *
refused_hangup(const char *text)
{
	char expected[128];

	snprintf(expected, sizeof expected, ": unable to send signal 1 "
	    "(Hangup) to worker %ld and 1 other: ", (long)shielded[0].pid);
	says(text, expected);
	return strstr(text, expected);
}

static void
leaves_who_cannot_be_killed(int count)
{
	char expected[128];
	int i;

	daemon_set_stop_timeout(1);
	start_with_shielded_workers(count);
	send_signal(here.master, SIGTERM);
	exited(run_wait(&here.run), 0);
	snprintf(expected, sizeof expected, ": unable to end process %ld%s\n",
	    (long)shielded[0].pid, count == 1 ? ": it stays" :
	    " and 1 other: they stay");
	says(here.run.err, expected);
	snprintf(expected, sizeof expected, ": unable to send signal 15 "
	    "(Terminated) to worker %ld%s: ", (long)shielded[0].pid,
	    count == 1 ? "" : " and 1 other");
	says(here.run.err, expected);
	ck_assert_int_eq(messages_in(here.run.err), 2);
	for (i = 0; i < count; i++) {
		still_served(shielded[i].fd);
		send_signal(shielded[i].pid, SIGKILL);
		ck_assert_int_eq(ended(shielded[i].pid), SIGKILL);
		close(shielded[i].fd);
	}
	nothing_left();
}

START_TEST(a_master_ends_though_a_worker_cannot_be_killed_and_names_it)
{
	if (cannot_adopt())
		return;
	leaves_who_cannot_be_killed(1);
}
END_TEST

START_TEST(a_master_ends_though_workers_cannot_be_killed_and_counts_them)
{
	if (cannot_adopt())
		return;
	leaves_who_cannot_be_killed(2);
}
END_TEST

START_TEST(a_master_ends_though_its_server_cannot_be_killed)
{
	char expected[128];
	pid_t worker;
	int fd;

	make_shield();
	daemon_set_stop_timeout(1);
	start_in_foreground(0, program);
	fd = served(here.port, &worker);
	settled(here.server);
	shield->pids[0] = here.server;
	send_signal(here.master, SIGTERM);
	exited(run_wait(&here.run), 0);
	snprintf(expected, sizeof expected,
	    ": unable to end process %ld: it stays\n", (long)here.server);
	says(here.run.err, expected);
	/* The server goes on without its master until its worker has
	 * finished. */
	nobody_listens(here.port);
	end_worker(fd, worker);
	exited(ended(here.server), 1);
	nothing_left();
}
END_TEST

START_TEST(a_reload_that_the_server_cannot_be_sent_is_told_once_and_sent_later)
{
	char expected[128];
	int i;

	make_shield();
	start_in_foreground(0, program);
	for (i = 0; i < COUNT(restarting); i++) {
		close(served(here.port, NULL));
		settled(here.server);
		shield->pids[0] = here.server;
		send_signal(here.master, restarting[i]);
		settled(here.master);
		send_signal(here.master, restarting[i]);
		settled(here.master);
		ck_assert(running(here.server));
		shield->pids[0] = 0;
		next_server();
	}
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
	for (i = 0; i < COUNT(restarting); i++) {
		snprintf(expected, sizeof expected, ": unable to send signal "
		    "%d (%s) to a server, process ", restarting[i],
		    strsignal(restarting[i]));
		says(here.run.err, expected);
	}
	ck_assert_int_eq(messages_in(here.run.err), COUNT(restarting));
}
END_TEST

START_TEST(a_signal_that_workers_cannot_be_sent_is_told_once)
{
	if (cannot_adopt())
		return;
	start_with_shielded_workers(2);
	send_signal(here.master, SIGHUP);	/* by the server */
	settled(here.master);
	send_signal(here.server, SIGUSR1);
	next_server();
	send_signal(here.master, SIGHUP);	/* by the master */
	next_server();
	both_shielded_workers_end();
	refused_hangup(refused_hangup(here.run.err) + 1);
	says(here.run.err, ": unable to send signal 15 (Terminated) to ");
	ck_assert_msg(messages_in(here.run.err) == 3, "%s", here.run.err);
}
END_TEST

/* Their server died before it could pass the signal on. */
START_TEST(a_signal_that_orphans_cannot_be_sent_is_told_once)
{
	if (cannot_adopt())
		return;
	start_with_shielded_workers(2);
	send_signal(here.server, SIGSTOP);
	becomes(here.server, 'T');
	send_signal(here.master, SIGHUP);
	settled(here.master);
	send_signal(here.server, SIGKILL);
	next_server();
	both_shielded_workers_end();
	refused_hangup(here.run.err);
	ck_assert_msg(messages_in(here.run.err) == 1, "%s", here.run.err);
}
END_TEST

/* The server may run between SIGCONT and SIGKILL, and pass the stop on. */
START_TEST(workers_that_a_hung_server_tells_at_last_have_their_time)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	make_shield();
	finishing = 1;
	daemon_set_stop_timeout(2);
	make_gate();
	start(0, program);
	fd = served(here.port, &worker);
	settled(here.server);
	send_signal(here.server, SIGSTOP);
	becomes(here.server, 'T');
	shield->slow = here.server;
	send_signal(here.master, SIGTERM);
	ck_assert_int_eq(heard(&here.run, "stopping"), worker);
	shield->slow = 0;
	reaped(here.server);
	settled(here.master);
	open_gate();
	ck_assert_int_eq(heard(&here.run, "stopped"), worker);
	ends_with(0);
	close(fd);
}
END_TEST

/*
 * The master's death
 */

START_TEST(without_its_master_a_server_lets_its_workers_finish_and_ends)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	nobody_listens(here.port);
	settled(here.server);
	got(fd, "");
	end_worker(fd, worker);
	exited(ended(here.server), 1);
	nothing_left();
}
END_TEST

START_TEST(without_its_master_a_server_still_obeys)
{
	pid_t worker;
	int fd;

	fd = start_and_be_served(&worker);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	nobody_listens(here.port);
	send_signal(here.server, SIGTERM);
	exited(ended(here.server), 1);
	got(fd, "TERM");
	end_worker(fd, worker);
	nothing_left();
}
END_TEST

START_TEST(a_server_whose_master_died_before_daemon_server_ends)
{
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	open_gate();
	exited(ended(here.server), 1);
	nobody_listens(here.port);
	nothing_left();
}
END_TEST

/*
 * master_return_fatal, server_return_fatal
 */

START_TEST(at_a_stop_daemon_master_returns_its_return_fatal)
{
	int i;

	daemon_set_master_return_fatal(MASTER_FATAL);
	for (i = 0; i < COUNT(ending); i++) {
		start(0, program);
		send_signal(i % 2 ? here.master : here.server, ending[i]);
		ck_assert_int_eq(heard(&here.run, "master over"),
		    MASTER_FATAL);
		ck_assert_int_eq(heard(&here.run, "status"), 0);
		ends_with(0);
	}
}
END_TEST

START_TEST(at_a_failure_daemon_master_returns_its_return_fatal)
{
	daemon_set_master_return_fatal(MASTER_FATAL);
	here.before_server = at_gate;
	make_gate();
	start(0, program);
	order_at_gate('7');
	ck_assert_int_eq(heard(&here.run, "master over"), MASTER_FATAL);
	ck_assert_int_ne(heard(&here.run, "errno"), 0);
	ck_assert_int_eq(heard(&here.run, "status"), 7);
	ends_with(7);
}
END_TEST

START_TEST(daemon_master_returns_only_when_nothing_of_the_daemon_is_left)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	counting = 1;
	daemon_set_master_return_fatal(MASTER_FATAL);
	fd = start_and_orphan(&worker);
	send_signal(here.master, SIGTERM);
	got(fd, "TERM");
	end_worker(fd, worker);	/* told before what follows */
	heard(&here.run, "master over");
	ends_with(0);
}
END_TEST

static struct sigaction actions[NSIG];
static sigset_t mask;

static void
own_handler(int signo)
{
	(void)signo;
}

static void
set_dispositions(void)
{
	sigset_t blocked;
	int i;

	for (i = 0; i < COUNT(table); i++)
		signal(table[i], i % 2 ? SIG_IGN : own_handler);
	signal(SIGCHLD, own_handler);
	signal(SIGPIPE, own_handler);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	for (i = 1; i < NSIG; i++)
		sigaction(i, NULL, &actions[i]);
	sigprocmask(SIG_SETMASK, NULL, &mask);
}

static void
compare_dispositions(void)
{
	struct sigaction action;
	int i, changed = 0;
	sigset_t set;

	sigprocmask(SIG_SETMASK, NULL, &set);
	for (i = 1; i < NSIG; i++) {
		if (sigismember(&set, i) != sigismember(&mask, i))
			changed = i;
		if (sigaction(i, NULL, &action) == 0 &&
		    (action.sa_handler != actions[i].sa_handler ||
		    action.sa_flags != actions[i].sa_flags))
			changed = i;
	}
	tell("changed", changed);
}

START_TEST(when_daemon_master_returns_the_program_has_its_signals_back)
{
	daemon_set_master_return_fatal(MASTER_FATAL);
	here.before_master = set_dispositions;
	here.after_master = compare_dispositions;
	start(0, program);
	close(served(here.port, NULL));	/* the server no longer ignores it */
	send_signal(here.master, SIGQUIT);
	ck_assert_int_eq(heard(&here.run, "changed"), 0);
	ends_with(0);
}
END_TEST

START_TEST(a_server_has_the_programs_own_signals)
{
	daemon_set_master_return_fatal(MASTER_FATAL);
	here.before_master = set_dispositions;
	here.before_success = compare_dispositions;
	start(0, program);
	ck_assert_int_eq(heard(&here.run, "changed"), 0);
	close(served(here.port, NULL));	/* the server takes SIGHUP itself */
	send_signal(here.master, SIGHUP);
	next_server();
	ck_assert_int_eq(heard(&here.run, "changed"), 0);
	stop();
}
END_TEST

START_TEST(when_daemon_server_returns_the_program_has_its_signals_back)
{
	daemon_set_server_return_fatal(SERVER_FATAL);
	here.before_server = set_dispositions;
	after_server = compare_dispositions;
	start(0, program);
	close(served(here.port, NULL));
	send_signal(here.master, SIGQUIT);
	ck_assert_int_eq(heard(&here.run, "server over"), SERVER_FATAL);
	ck_assert_int_eq(heard(&here.run, "status"), 1);
	ck_assert_int_eq(heard(&here.run, "changed"), 0);
	ends_with(0);
}
END_TEST

START_TEST(without_a_listener_daemon_server_returns_its_return_fatal)
{
	int fd;

	daemon_set_server_return_fatal(SERVER_FATAL);
	here.before_success = keep_a_copy;
	start(0, program);
	fd = served(here.port, NULL);
	client_says(fd, "break\n");
	ck_assert_int_eq(heard(&here.run, "server over"), SERVER_FATAL);
	ck_assert_int_ne(heard(&here.run, "errno"), 0);
	ck_assert_int_eq(heard(&here.run, "status"), 1);
	ends_with(1);
}
END_TEST

START_TEST(without_its_master_daemon_server_returns_its_return_fatal)
{
	daemon_set_server_return_fatal(SERVER_FATAL);
	start(0, program);
	send_signal(here.master, SIGKILL);
	ended(here.master);
	ck_assert_int_eq(heard(&here.run, "server over"), SERVER_FATAL);
	ck_assert_int_eq(heard(&here.run, "status"), 1);
	exited(ended(here.server), 1);
	nothing_left();
}
END_TEST

static void
clean_up(void)
{
	at_gate();
	tell_pid("cleaned");
}

START_TEST(a_failed_start_lets_the_master_clean_up_first)
{
	daemon_set_master_return_fatal(MASTER_FATAL);
	here.after_master = clean_up;
	start_to_gate();
	order_at_gate('5');
	ck_assert_int_eq(heard(&here.run, "master over"), MASTER_FATAL);
	ck_assert_int_ne(heard(&here.run, "errno"), 0);
	ck_assert_int_eq(heard(&here.run, "status"), 5);
	settled(here.run.pid);	/* the starter waits for the master */
	open_gate();
	ck_assert_int_eq(heard(&here.run, "cleaned"), here.master);
	exited(run_wait(&here.run), 5);
	nothing_left();
}
END_TEST

static void
exit_0(void)
{
	_exit(0);
}

START_TEST(a_failed_start_has_the_failed_stages_status_whatever_follows)
{
	daemon_set_master_return_fatal(MASTER_FATAL);
	here.after_master = exit_0;
	make_gate();
	start_to_gate();
	order_at_gate('5');
	exited(run_wait(&here.run), 5);
	nothing_left();
}
END_TEST

START_TEST(the_first_failure_of_a_start_is_the_answer)
{
	static const struct { char order; int status; } rows[] = {
		{ '0', 1 }, { '1', 1 }, { '9', 9 },
		{ 'K', 128 + SIGKILL }, { 'S', 128 + SIGSEGV }
	};
	int i;

	make_gate();
	for (i = 0; i < COUNT(rows); i++) {
		start_to_gate();
		order_at_gate(rows[i].order);
		exited(run_wait(&here.run), rows[i].status);
		nothing_left();
		never_told("server");
		nobody_listens(here.port);
	}
}
END_TEST

static void
master_first(void)
{
	daemon_set_master_return_fatal(MASTER_FATAL);
	over("master", daemon_master(), NULL);
}

static void
master_twice(void)
{
	daemon_start();
	daemon_master();
	daemon_master();
}

START_TEST(daemon_master_elsewhere_than_in_the_master_is_an_error)
{
	launch(run_start, 0, master_first);
	ck_assert_int_eq(heard(&here.run, "master over"), MASTER_FATAL);
	ck_assert_int_ne(heard(&here.run, "errno"), 0);
	ck_assert_int_eq(heard(&here.run, "status"), 1);
	exited(run_wait(&here.run), 1);
	says(here.run.err, ": unable to become the master: ");
	launch(run_start, 0, master_twice);
	exited(run_wait(&here.run), 1);
	says(here.run.err, ": unable to become the master: ");
	nothing_left();
}
END_TEST

/*
 * drain_timeout
 */

static void
swap_daemons(void)
{
	struct puppet saved = here;

	if (other.master == 0) {
		other = here;
		memset(&other.run, 0, sizeof other.run);
	}
	here = other;
	other = saved;
}

START_TEST(after_drain_timeout_workers_get_term_and_all_goes_as_asked)
{
	pid_t workers[2];
	long since;
	int fds[2];

	daemon_set_drain_timeout(1);
	fds[0] = start_and_be_served(&workers[0]);
	swap_daemons();
	fds[1] = start_and_be_served(&workers[1]);
	since = now_ms();
	send_signal(here.master, SIGUSR2);
	send_signal(other.server, SIGHUP);
	got(fds[0], "HUP");
	got(fds[1], "USR2");
	got(fds[1], "USR2 TERM");
	ck_assert_int_ge(now_ms() - since, 1000);
	gone(here.server);
	end_worker(fds[1], workers[1]);
	exited(ended(here.master), 0);
	swap_daemons();
	next_server();
	got(fds[0], "HUP TERM");
	end_worker(fds[0], workers[0]);
	stop();
}
END_TEST

/*
 * Foreground
 */

START_TEST(in_foreground_the_started_process_is_the_master)
{
	start_in_foreground(0, program);
	ck_assert_int_eq(here.master, here.run.pid);
	ck_assert_int_eq(getsid(here.master), getsid(0));
	close(served(here.port, NULL));
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
}
END_TEST

START_TEST(in_foreground_every_signal_of_the_table_works)
{
	pid_t worker;
	int i, fd;

	for (i = 0; i < COUNT(ending); i++) {
		start_in_foreground(0, program);
		send_signal(here.master, SIGHUP);
		next_server();
		send_signal(here.master, SIGUSR1);
		next_server();
		fd = served(here.port, &worker);
		send_signal(here.master, ending[i]);
		if (ending[i] == SIGUSR2) {
			asked(fd, SIGUSR2);
			end_worker(fd, worker);
		}
		ends_in_foreground_with(0);
	}
}
END_TEST

START_TEST(in_foreground_the_master_has_the_status_that_it_would_have)
{
	here.before_server = at_gate;
	make_gate();
	start_in_foreground(0, program);
	order_at_gate('7');
	ends_in_foreground_with(7);

	daemon_set_server_fast_time(0);
	daemon_set_restart_count_max(1);
	start_in_foreground(0, program);
	order_at_gate('0');
	next_server();
	order_at_gate('K');
	ends_in_foreground_with(128 + SIGKILL);
	says(here.run.err, ": unable to go on: the server was ended by "
	    "signal 9");
}
END_TEST

START_TEST(in_foreground_a_failed_start_has_the_starters_status)
{
	static const struct { char order; int status; } rows[] = {
		{ '0', 1 }, { '1', 1 }, { '9', 9 }, { 'K', 128 + SIGKILL }
	};
	int i;

	here.before_success = at_gate;
	make_gate();
	for (i = 0; i < COUNT(rows); i++) {
		start_in_foreground(0, program);
		order_at_gate(rows[i].order);
		ends_in_foreground_with(rows[i].status);
		says(here.run.err, ": unable to start: the server ");
		never_told("server");
	}
	start_in_foreground(0, program);
	send_signal(here.master, SIGINT);
	ends_in_foreground_with(1);
}
END_TEST

START_TEST(in_foreground_the_master_watches_start_timeout)
{
	long since = now_ms();

	daemon_set_start_timeout(1);
	here.before_success = at_gate;
	make_gate();
	start_in_foreground(0, program);
	ends_in_foreground_with(1);
	ck_assert_int_ge(now_ms() - since, 1000);
	says(here.run.err,
	    ": unable to start: no daemon_success() within 1 s");
	never_told("server");
}
END_TEST

static void
ignore_hup_and_run(void)
{
	signal(SIGHUP, SIG_IGN);
	program();
}

START_TEST(in_foreground_an_ignored_hup_stays_ignored)
{
	pid_t server;
	int fd;

	here.foreground = 1;
	launch(run_start, 0, ignore_hup_and_run);
	meet();
	server = here.server;
	fd = served(here.port, NULL);
	send_signal(here.master, SIGHUP);
	send_signal(here.server, SIGHUP);
	settled(here.master);
	settled(here.server);
	ck_assert_str_eq(answer(fd, "asked"), "0");
	close(fd);
	close(served(here.port, NULL));
	send_signal(here.master, SIGUSR1);
	next_server();
	gone(server);
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
	never_told("server");
}
END_TEST

/* The test has the other side. */
static struct {
	int screen;
	char name[64];
} terminal;

static int
open_terminal(void)
{
	terminal.screen = new_terminal(terminal.name, sizeof terminal.name);
	return terminal.screen;
}

/* Makes this process the leader of a session at the terminal. */
static int
log_in(void)
{
	int fd;

	close(terminal.screen);
	if (setsid() == -1 || (fd = open(terminal.name, O_RDWR)) == -1 ||
	    ioctl(fd, TIOCSCTTY, 0) == -1)
		_exit(93);
	return fd;
}

/* The terminal's own command, or a program that a shell has executed. */
static void
program_as_session_leader(void)
{
	log_in();
	program();
}

/* A job of a shell, to which a hangup is fatal. */
static void
program_as_job(void)
{
	int fd = log_in();
	pid_t job;

	if ((job = fork()) == 0) {
		setpgid(0, 0);
		signal(SIGTTOU, SIG_IGN);
		tcsetpgrp(fd, getpid());
		signal(SIGTTOU, SIG_DFL);
		program();
		exit(0);
	}
	for (;;)
		pause();
}

static int
start_at_terminal(void (*what)(void))
{
	if (skip_if(open_terminal() == -1, "there are no pseudoterminals"))
		return -1;
	here.foreground = 1;
	launch(run_start, 0, what);
	meet();
	return 0;
}

START_TEST(in_foreground_a_hang_up_of_the_terminal_is_a_stop)
{
	int fd;

	if (start_at_terminal(program_as_session_leader) == -1)
		return;
	fd = served(here.port, NULL);
	send_signal(here.master, SIGHUP);	/* from a process: a reload */
	asked(fd, SIGHUP);
	client_says(fd, "bye\n");
	next_server();
	close(served(here.port, NULL));
	close(terminal.screen);
	ends_in_foreground_with(0);
	never_told("server");
}
END_TEST

START_TEST(in_foreground_a_hang_up_ends_a_job_with_its_shell)
{
	int status;

	if (start_at_terminal(program_as_job) == -1)
		return;
	close(served(here.port, NULL));
	send_signal(here.master, SIGHUP);
	next_server();
	close(served(here.port, NULL));
	close(terminal.screen);
	status = run_wait(&here.run);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP);
	ends_with(0);
	never_told("server");
}
END_TEST

static void
ignore_hup_and_lead(void)
{
	signal(SIGHUP, SIG_IGN);
	program_as_session_leader();
}

START_TEST(in_foreground_an_ignored_hang_up_ends_nothing)
{
	if (start_at_terminal(ignore_hup_and_lead) == -1)
		return;
	close(served(here.port, NULL));
	close(terminal.screen);
	settled(here.master);
	settled(here.server);
	close(served(here.port, NULL));
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
}
END_TEST

START_TEST(in_background_an_ignored_hup_is_obeyed_again)
{
	launch(run_daemon, 0, ignore_hup_and_run);
	meet();
	send_signal(here.master, SIGHUP);
	next_server();
	send_signal(here.server, SIGHUP);
	next_server();
	stop();
}
END_TEST

START_TEST(in_foreground_a_stop_that_reaches_all_is_a_requested_stop)
{
	pid_t pids[2];
	int i;

	for (i = 0; i < COUNT(at_once); i++) {
		start_in_foreground(0, program);
		pids[0] = here.master;
		pids[1] = here.server;
		close(served(here.port, NULL));
		signal_all(pids, 2, at_once[i]);
		ends_in_foreground_with(0);
	}
}
END_TEST

/*
 * Process 1
 */

static int
new_pid_namespace(void)
{
#ifdef CLONE_NEWPID
	if (unshare(CLONE_NEWPID) == 0 ||
	    unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0)
		return 0;
#endif
	return -1;
}

/* The next process that it forks is process 1 of a new namespace. */
static void
program_as_process_1(void)
{
	int status;
	pid_t pid;

	if (new_pid_namespace() == -1)
		_exit(96);
	if ((pid = fork()) == 0) {
		program();
		exit(0);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		_exit(95);
	_exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status));
}

static int
can_be_process_1(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(new_pid_namespace() == 0 ? 0 : 1);
	return ended(pid) == 0;
}

/* Processes tell their pids in the namespace. Only the master's is corrected
 * here. */
static void
start_as_process_1(void)
{
	here.foreground = 1;
	launch(run_start, 0, program_as_process_1);
	meet();
	ck_assert_int_eq(here.master, 1);
	here.master = only_child_of(here.run.pid);
	ck_assert_int_gt(here.master, 1);
}

START_TEST(as_process_1_every_signal_of_the_table_works)
{
	int i, fd;

	if (skip_if(!can_be_process_1(), "no pid namespace can be made"))
		return;
	for (i = 0; i < COUNT(ending); i++) {
		start_as_process_1();
		send_signal(here.master, SIGHUP);
		next_server();
		send_signal(here.master, SIGUSR1);
		next_server();
		fd = served(here.port, NULL);
		client_says(fd, "bye\n");
		ck_assert_ptr_null(client_hears(fd));
		close(fd);
		send_signal(here.master, ending[i]);
		ends_in_foreground_with(0);
	}
}
END_TEST

START_TEST(as_process_1_a_stop_ends_the_start)
{
	int i;

	if (skip_if(!can_be_process_1(), "no pid namespace can be made"))
		return;
	here.before_success = at_gate;
	make_gate();
	for (i = 0; i < COUNT(ending); i++) {
		start_as_process_1();
		send_signal(here.master, ending[i]);
		ends_in_foreground_with(1);
	}
}
END_TEST

START_TEST(as_process_1_it_reaps_strangers)
{
	pid_t worker, stranger;
	int fd;

	if (skip_if(!can_be_process_1(), "no pid namespace can be made"))
		return;
	make_gate();
	start_as_process_1();
	fd = served(here.port, NULL);
	answer(fd, "fork");
	worker = only_child_of(only_child_of(here.master));
	stranger = only_child_of(worker);
	client_says(fd, "bye\n");
	reaped(worker);
	ck_assert(running(stranger));
	open_gate();
	reaped(stranger);
	close(fd);
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
}
END_TEST

START_TEST(as_process_1_a_crashed_server_is_followed_and_a_failure_told)
{
	if (skip_if(!can_be_process_1(), "no pid namespace can be made"))
		return;
	here.before_server = at_gate;
	daemon_set_server_fast_time(0);
	make_gate();
	start_as_process_1();
	order_at_gate('K');
	next_server();
	order_at_gate('4');
	ends_in_foreground_with(4);
}
END_TEST

/*
 * No more processes
 */

START_TEST(a_master_that_cannot_fork_tries_again)
{
	const char *line;
	int fd;

	if (skip_if(geteuid() != 0, "only root can become another user"))
		return;
	here.before_master = become_nobody;
	daemon_set_server_fast_time(0);
	start_in_foreground(0, program);
	close(served(here.port, NULL));
	limit_processes(0);
	send_signal(here.server, SIGKILL);
	do {
		line = client_hears(here.run.err_fd);
		ck_assert_ptr_nonnull(line);
	} while (strstr(line, ": unable to fork a server: ") == NULL);
	fd = client(here.port);
	limit_processes(RLIM_INFINITY);
	next_server();
	greeted(fd);
	close(fd);
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
	ck_assert_ptr_null(strstr(here.run.err, "unable to fork"));
}
END_TEST

START_TEST(a_master_that_cannot_fork_can_be_stopped)
{
	const char *line;

	if (skip_if(geteuid() != 0, "only root can become another user"))
		return;
	here.before_master = become_nobody;
	start_in_foreground(0, program);
	close(served(here.port, NULL));
	limit_processes(0);
	send_signal(here.master, SIGHUP);
	line = client_hears(here.run.err_fd);
	says(line, ": unable to fork a server: ");
	settled(here.master);
	send_signal(here.master, SIGTERM);
	ends_in_foreground_with(0);
	never_told("server");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		hup_to_the_master_lets_workers_finish_and_another_follows,
		hup_to_the_server_lets_workers_finish_and_another_follows,
		hup_without_workers_makes_another_server_follow,
		hup_reaches_workers_as_hup,
		usr1_to_the_master_terminates_workers_and_another_follows,
		usr1_to_the_server_terminates_workers_and_another_follows,
		usr1_ends_a_worker_that_has_no_handler,
		usr2_to_the_master_lets_workers_finish_and_ends_the_daemon,
		usr2_to_the_server_lets_workers_finish_and_ends_the_daemon,
		usr2_reaches_workers_as_usr2,
		int_term_quit_to_the_master_reach_workers_and_end_the_daemon,
		int_term_quit_to_the_server_reach_workers_and_end_the_daemon,
		a_stop_ends_a_worker_that_has_no_handler,
		a_server_exits_0_where_another_follows_and_1_where_none_does,
		hup_then_usr1_does_not_wait_any_longer,
		hup_then_usr2_waits_and_is_the_end,
		usr2_then_usr1_does_not_wait_and_is_the_end,
		usr2_then_term_does_not_wait_and_is_the_end,
		usr2_then_hup_is_the_end,
		term_then_hup_is_the_end,
		term_then_any_other_signal_is_the_end,
		hup_then_hup_is_one_restart,
		usr1_then_usr2_is_the_end,
		each_signal_goes_to_the_workers_once,
		a_server_that_dies_of_a_reload_asked_of_the_master_has_obeyed,
		a_server_that_dies_of_a_reload_that_nobody_asked_for_has_crashed,
		a_server_that_dies_of_another_signal_of_the_table_has_obeyed,
		what_was_asked_is_never_guessed_from_the_servers_status,
		a_servers_own_status_counts_where_nobody_asked_the_master,
		hup_that_the_program_took_by_itself_can_be_sent_again,
		usr2_that_the_program_took_by_itself_can_be_sent_again,
		hup_before_the_first_success_is_kept_for_later,
		usr1_before_the_first_success_is_kept_for_later,
		any_other_signal_before_the_first_success_ends_the_start,
		a_start_that_is_to_end_does_not_succeed_any_more,
		a_stop_that_reaches_the_server_alone_is_a_requested_stop,
		a_stop_that_reaches_all_processes_at_once_is_a_requested_stop,
		a_reload_that_reaches_all_processes_at_once_is_one_reload,
		a_stop_that_reaches_all_ends_a_server_in_the_programs_hands,
		a_stop_of_a_stopped_server_is_obeyed_when_it_goes_on,
		no_signal_is_lost_while_a_server_sets_up,
		under_load_no_hup_is_lost_and_no_client_either,
		under_load_a_stop_ends_all_at_any_moment,
		a_helper_of_the_master_is_never_signalled_nor_waited_for,
		a_helper_of_the_server_is_never_signalled_nor_waited_for,
		a_helper_of_a_gone_server_is_never_signalled_nor_waited_for,
		a_helper_of_a_worker_is_never_signalled_counted_nor_waited_for,
		a_helper_that_calls_the_library_is_refused_and_changes_nothing,
		a_helper_of_a_worker_takes_no_client,
		a_helper_of_a_server_can_write_nothing_that_the_library_reads,
		the_master_reaps_every_child_that_it_has,
		the_server_reaps_only_its_workers,
		a_servers_own_status_is_the_masters,
		at_a_limit_the_status_tells_of_the_last_signal,
		at_a_limit_the_status_is_1_where_the_last_end_was_no_signals,
		a_stop_that_comes_with_a_crash_is_a_stop,
		a_stop_of_the_server_that_comes_with_a_restart_is_a_stop,
		a_server_that_exits_0_or_crashes_is_followed_by_another,
		restart_count_max_is_the_number_of_restarts,
		between_fast_ends_the_pause_doubles_up_to_the_limit,
		a_server_that_lived_for_fast_time_has_not_ended_fast,
		restarts_asked_for_count_for_nothing,
		in_the_pause_a_stop_ends_the_daemon,
		in_the_pause_hup_and_usr1_make_a_server_follow,
		servers_come_and_go_without_a_trace,
		no_client_is_refused_while_there_is_no_server,
		no_client_is_refused_over_any_respawn,
		another_status_terminates_the_workers_left_and_ends_the_daemon,
		after_another_status_workers_have_until_stop_timeout,
		a_limit_reached_terminates_the_workers_left,
		once_it_is_to_end_the_master_closes_every_listening_socket,
		once_it_is_to_end_a_successor_can_listen,
		once_it_is_to_end_orphans_do_not_keep_the_port,
		orphans_are_served_on_beside_a_new_server,
		orphans_get_each_signal_once_and_hup_does_not_wait_for_them,
		orphans_get_the_signal_that_ends_the_daemon,
		an_orphan_without_a_handler_is_asked_or_ended_as_any_worker,
		orphans_that_are_not_to_be_asked_get_a_stop_alone,
		orphans_that_a_signal_ends_are_told,
		orphans_count_against_worker_count_max,
		orphans_and_workers_count_together,
		orphans_are_counted_over_several_servers,
		a_worker_that_died_with_its_server_holds_no_place,
		many_orphans_that_end_at_once_all_give_their_places_back,
		a_stop_reaches_workers_whose_server_died_just_before,
		a_reload_reaches_workers_whose_server_died_just_before,
		a_stop_reaches_workers_whose_server_dies_without_passing_it_on,
		those_who_do_not_obey_a_stop_are_killed_after_stop_timeout,
		workers_of_a_hung_server_have_their_time_after_it,
		usr1_kills_a_hung_server_after_stop_timeout_and_another_follows,
		spares_of_a_hung_server_accept_nobody_after_a_stop,
		workers_get_term_before_kill_where_their_server_crashed_after_usr2,
		a_worker_that_is_killed_takes_its_helpers_with_it,
		a_master_ends_though_a_worker_cannot_be_killed_and_names_it,
		a_master_ends_though_workers_cannot_be_killed_and_counts_them,
		a_master_ends_though_its_server_cannot_be_killed,
		a_reload_that_the_server_cannot_be_sent_is_told_once_and_sent_later,
		a_signal_that_workers_cannot_be_sent_is_told_once,
		a_signal_that_orphans_cannot_be_sent_is_told_once,
		workers_that_a_hung_server_tells_at_last_have_their_time,
		without_its_master_a_server_lets_its_workers_finish_and_ends,
		without_its_master_a_server_still_obeys,
		a_server_whose_master_died_before_daemon_server_ends,
		at_a_stop_daemon_master_returns_its_return_fatal,
		at_a_failure_daemon_master_returns_its_return_fatal,
		daemon_master_returns_only_when_nothing_of_the_daemon_is_left,
		when_daemon_master_returns_the_program_has_its_signals_back,
		a_server_has_the_programs_own_signals,
		when_daemon_server_returns_the_program_has_its_signals_back,
		without_a_listener_daemon_server_returns_its_return_fatal,
		without_its_master_daemon_server_returns_its_return_fatal,
		a_failed_start_lets_the_master_clean_up_first,
		a_failed_start_has_the_failed_stages_status_whatever_follows,
		the_first_failure_of_a_start_is_the_answer,
		daemon_master_elsewhere_than_in_the_master_is_an_error,
		after_drain_timeout_workers_get_term_and_all_goes_as_asked,
		in_foreground_the_started_process_is_the_master,
		in_foreground_every_signal_of_the_table_works,
		in_foreground_the_master_has_the_status_that_it_would_have,
		in_foreground_a_failed_start_has_the_starters_status,
		in_foreground_the_master_watches_start_timeout,
		in_foreground_an_ignored_hup_stays_ignored,
		in_foreground_a_hang_up_of_the_terminal_is_a_stop,
		in_foreground_a_hang_up_ends_a_job_with_its_shell,
		in_foreground_an_ignored_hang_up_ends_nothing,
		in_background_an_ignored_hup_is_obeyed_again,
		in_foreground_a_stop_that_reaches_all_is_a_requested_stop,
		as_process_1_every_signal_of_the_table_works,
		as_process_1_a_stop_ends_the_start,
		as_process_1_it_reaps_strangers,
		as_process_1_a_crashed_server_is_followed_and_a_failure_told,
		a_master_that_cannot_fork_tries_again,
		a_master_that_cannot_fork_can_be_stopped
	};

	here.commands = commands;
	return RUN_TESTS("master", tests);
}
