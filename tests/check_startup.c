/*
 * check_startup.c - daemon_start() as a shell, a terminal and a service
 * manager see it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mount.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "puppet.h"
#include "terminal.h"

enum {
	LINES = 100000,
	TOO_MUCH = 100000,	/* bytes: between one pipeful and two */
	MOMENTS = 40
};

static const int table[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM,
	SIGQUIT, SIGCHLD };
enum { SIGNALS = sizeof table / sizeof table[0] };

/*
 * What the kernel may answer, in one process of a daemon
 */

static pid_t without_dup2;	/* dup2(2) fails in this process */
static int without_sigkill;	/* SIGKILL fails, as by a security module */

int
dup2(int fd, int at)
{
	if (without_dup2 == getpid()) {
		errno = EBUSY;
		return -1;
	}
	return fd == at ? fd : dup3(fd, at, 0);
}

int
kill(pid_t pid, int signo)
{
	if (signo == SIGKILL && without_sigkill) {
		errno = EPERM;
		return -1;
	}
	return (int)syscall(SYS_kill, pid, signo);
}

/*
 * What programs are made of. A test sets the first two before it starts one.
 */

static int chosen;
static const char *path;

static void
stay(void)
{
	for (;;)
		pause();
}

static void
be_master(void)
{
	open_port();
	tell_pid("master");
}

static void
be_server(void)
{
	be_master();
	daemon_master();
	tell_pid("server");
}

static void
go_on(void)
{
	daemon_success();
	daemon_server(here.fds, 1);
	converse(0);
}

/* Its servers wait at the gate before they confirm the start. */
static void
gated_daemon(void)
{
	daemon_start();
	be_server();
	at_gate();
	go_on();
}

static void
gated_daemon_without_sigkill(void)
{
	without_sigkill = 1;
	gated_daemon();
}

static void
stuck_master(void)
{
	daemon_start();
	be_master();
	stay();
}

static void
stuck_server(void)
{
	daemon_start();
	be_server();
	stay();
}

static void
fork_helper(void (*helper)(void))
{
	if (fork() == 0) {
		helper();
		_exit(0);
	}
}

/*
 * What the test does
 */

static void
died(int status, int signo)
{
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == signo,
	    "wait status %#x, not signal %d; stderr: %s", status, signo,
	    here.run.err);
}

/* When the starter has ended, no process is left. The starter has reaped all of
 * them, if it can adopt them. */
static void
left_nothing(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		;
	ck_assert_msg(pid == -1 && errno == ECHILD, "a process is left");
}

static void
fails_with(int status)
{
	exited(run_wait(&here.run), status);
	left_nothing();
}

static void
fails(void (*program)(void), int status)
{
	run_puppet(run_start, program);
	fails_with(status);
}

static void
refused(void)
{
	nobody_listens(here.port);
}

static void
has_null(pid_t pid, int first, int last)
{
	for (; first <= last; first++)
		ck_assert_str_eq(link_of_fd(pid, first), "/dev/null");
}

/* Everything up to end of file, when no process has the other end open. */
static const char *
all_of(int fd)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	static char text[65536];
	size_t len = 0;
	ssize_t n;

	do {
		ck_assert_msg(poll(&pfd, 1, DEADLINE * 1000) == 1,
		    "a process holds the other end");
		n = read(fd, text + len, sizeof text - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	text[len] = '\0';
	return text;
}

/*
 * What is shown
 */

static void
chatty_daemon(void)
{
	daemon_start();
	printf("master out\n");
	fprintf(stderr, "master err\n");
	be_server();
	printf("server out\nno newline");
	fprintf(stderr, "server err\nno newline");
	go_on();
}

START_TEST(the_starter_shows_what_was_written_before_success)
{
	start(0, chatty_daemon);
	ck_assert_str_eq(here.run.out, "master out\nserver out\nno newline");
	ck_assert_str_eq(here.run.err, "master err\nserver err\nno newline");
	stop();
}
END_TEST

static void
talker_that_fails(void)
{
	daemon_start();
	printf("master out\n");
	fprintf(stderr, "master err\n");
	be_server();
	printf("server out");
	fprintf(stderr, "server err\n");
	exit(5);
}

START_TEST(the_starter_shows_what_a_start_that_failed_has_written)
{
	fails(talker_that_fails, 5);
	ck_assert_str_eq(here.run.out, "master out\nserver out");
	says(here.run.err, "master err\nserver err\ntestd: unable to start: ");
}
END_TEST

static void
say_lines(int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		printf("o%05d\n", i);
		fprintf(stderr, "e%05d\n", i);
	}
}

static void
long_talker(void)
{
	daemon_start();
	say_lines(0, LINES / 2);
	be_server();
	say_lines(LINES / 2, LINES);
	go_on();
}

static void
has_lines(const char *text, const char *format, int count)
{
	size_t len = (size_t)snprintf(NULL, 0, format, 0);
	char line[16];
	int i;

	ck_assert_uint_eq(strlen(text), (size_t)count * len);
	for (i = 0; i < count; i++, text += len) {
		snprintf(line, sizeof line, format, i);
		ck_assert_msg(strncmp(text, line, len) == 0,
		    "line %d is \"%.*s\"", i, (int)len, text);
	}
}

START_TEST(it_shows_100000_lines_once_and_in_order_on_each_stream)
{
	start(0, long_talker);
	has_lines(here.run.out, "o%05d\n", LINES);
	has_lines(here.run.err, "e%05d\n", LINES);
	stop();
}
END_TEST

static void
say_in_turns(void)
{
	int i;

	for (i = 0; i < 1000; i++)
		dprintf(1 + i % 2, "%03d\n", i);
}

/* chosen: the descriptor for both streams */
static void
talker_on_one_file(void)
{
	dup2(chosen, 1);
	dup2(chosen, 2);
	daemon_start();
	be_server();
	say_in_turns();
	go_on();
}

START_TEST(one_pipe_carries_both_streams_in_order)
{
	chosen = 1;
	start(0, talker_on_one_file);
	has_lines(here.run.out, "%03d\n", 1000);
	stop();
}
END_TEST

START_TEST(one_file_takes_both_streams_in_order)
{
	char name[128], text[8192] = "";

	snprintf(name, sizeof name, "%s/both", scratch());
	ck_assert_int_ge(chosen = open(name, O_RDWR | O_CREAT, 0600), 0);
	start(0, talker_on_one_file);
	ck_assert_int_ge(pread(chosen, text, sizeof text - 1, 0), 0);
	has_lines(text, "%03d\n", 1000);
	stop();
}
END_TEST

static void
close_reader_of(int fd)
{
	int ends[2];

	if (pipe(ends) == -1)
		_exit(98);
	dup2(ends[1], fd);
	close(ends[0]);
	close(ends[1]);
}

/* chosen: the server's exit status; 0: it serves */
static void
talker_whom_nobody_hears(void)
{
	close_reader_of(1);
	daemon_start();
	be_server();
	say_in_turns();
	if (chosen != 0)
		exit(chosen);
	go_on();
}

START_TEST(the_start_succeeds_though_nobody_reads_stdout)
{
	start(0, talker_whom_nobody_hears);
	ck_assert_uint_eq(strlen(here.run.err), 2000);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

START_TEST(the_status_stays_the_same_though_nobody_reads_stdout)
{
	chosen = 9;
	fails(talker_whom_nobody_hears, 9);
}
END_TEST

static void
say_too_much(void)
{
	static char text[TOO_MUCH];

	memset(text, 'x', sizeof text);
	fwrite(text, sizeof text, 1, stdout);
	fflush(stdout);
}

static void
say_far_too_much(void)
{
	say_too_much();
	say_too_much();
	say_too_much();
}

static void
talker_with_a_helper(void)
{
	daemon_start();
	be_server();
	fork_helper(say_far_too_much);
	fprintf(stderr, "still here\n");
	wait(NULL);
	go_on();
}

START_TEST(a_full_stdout_does_not_hold_stderr_up)
{
	char text[16] = "";

	start_begins(talker_with_a_helper);
	ck_assert_int_eq(read(here.run.err_fd, text, 11), 11);
	ck_assert_str_eq(text, "still here\n");
	exited(run_wait(&here.run), 0);
	ck_assert_uint_eq(strlen(here.run.out), 3 * TOO_MUCH);
	stop();
}
END_TEST

/* HUP waits for the success, so once there is another server, the starter has
 * been told of it. */
static void
confirms(void)
{
	heard(&here.run, "server");
	send_signal(here.master, SIGHUP);
	open_gate();
	heard(&here.run, "server");
	open_gate();
}

static void
gated_talker(void)
{
	daemon_start();
	be_server();
	at_gate();
	say_too_much();
	go_on();
}

START_TEST(a_slow_reader_gets_all_before_the_starter_ends)
{
	make_gate();
	start_begins(gated_talker);
	confirms();
	ck_assert_int_eq(waitpid(here.run.pid, NULL, WNOHANG), 0);
	exited(run_wait(&here.run), 0);
	ck_assert_uint_eq(strlen(here.run.out), TOO_MUCH);
	stop();
}
END_TEST

static void
say_for_ever(void)
{
	for (;;)
		say_too_much();
}

static void
daemon_with_a_chatty_helper(void)
{
	daemon_start();
	be_server();
	fork_helper(say_for_ever);
	go_on();
}

START_TEST(the_starter_ends_though_a_helper_goes_on_writing)
{
	start(0, daemon_with_a_chatty_helper);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

START_TEST(nothing_of_the_daemon_holds_the_relay_after_success)
{
	int out, err;

	run_start(&here.run, chatty_daemon);
	out = dup(here.run.out_fd);
	err = dup(here.run.err_fd);
	exited(run_wait(&here.run), 0);
	ck_assert_str_eq(all_of(out), "");
	ck_assert_str_eq(all_of(err), "");
	here.master = (pid_t)heard(&here.run, "master");
	ck_assert(running(here.master));
	stop();
}
END_TEST

START_TEST(stdin_stdout_and_stderr_are_dev_null_after_success)
{
	start(0, talker);
	has_null(here.master, 0, 2);
	has_null(here.server, 0, 2);
	stop();
}
END_TEST

/*
 * The leader
 */

START_TEST(the_leader_is_gone_before_the_starter_ends)
{
	pid_t pids[2];

	start(0, talker);
	ck_assert_int_eq(children_of(getpid(), pids, 2), 1);
	ck_assert_int_eq(pids[0], here.master);
	ck_assert_int_eq(kill(getsid(here.master), 0), -1);
	stop();
}
END_TEST

static void
talker_without_sigkill(void)
{
	without_sigkill = 1;
	talker();
}

START_TEST(a_leader_that_cannot_be_killed_leaves_by_itself)
{
	start(0, talker_without_sigkill);
	ck_assert_str_eq(here.run.err, "");
	ck_assert_int_eq(kill(getsid(here.master), 0), -1);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

/* The leader ends when it goes on. */
START_TEST(a_leader_that_cannot_be_killed_and_is_stopped_does_not_end_the_daemon)
{
	pid_t leader;

	make_gate();
	start_begins(gated_daemon_without_sigkill);
	leader = getsid(here.master);
	send_signal(leader, SIGSTOP);
	open_gate();
	exited(run_wait(&here.run), 0);
	ask(here.port, "hello", "hello");
	send_signal(leader, SIGCONT);
	exited(ended(leader), 0);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

START_TEST(a_leader_that_is_killed_fails_the_start)
{
	start_begins(stuck_server);
	send_signal(getsid(here.master), SIGKILL);
	fails_with(128 + SIGKILL);
	messages(here.run.err, 1);
}
END_TEST

/*
 * The status
 */

/* chosen: the exit status */
static void
exits_as_master(void)
{
	daemon_start();
	exit(chosen);
}

static void
exits_as_server(void)
{
	daemon_start();
	be_server();
	exit(chosen);
}

/* chosen: whether there is a logger */
static int in_master;	/* where it fails; else in the server */

static void
daemon_without_dup2(void)
{
	if (chosen) {
		daemon_enable_logger();
		daemon_set_logger_name_format(path);
	}
	daemon_start();
	be_master();
	if (in_master)
		without_dup2 = getpid();
	if (daemon_master() == DAEMON_LOGGER)
		daemon_logger();
	if (!in_master)
		without_dup2 = getpid();
	go_on();
}

/* Otherwise they would still be the starter's, which closes them. */
START_TEST(a_start_fails_with_a_reason_where_its_streams_cannot_be_set)
{
	static char file[PATH_MAX];

	snprintf(file, sizeof file, "%s/log", scratch());
	path = file;
	for (chosen = 0; chosen <= 1; chosen++)
		for (in_master = 0; in_master <= 1; in_master++) {
			fails(daemon_without_dup2, 1);
			messages(here.run.err, in_master ? 1 : 2);
			says(here.run.err, chosen ? "write to the log: " :
			    "open /dev/null: ");
		}
}
END_TEST

START_TEST(the_status_is_the_failing_stage_s_own)
{
	chosen = 7;
	fails(exits_as_master, 7);
	messages(here.run.err, 1);
	says(here.run.err, "the master ended with status 7");
	chosen = 9;
	fails(exits_as_server, 9);
	messages(here.run.err, 1);
	says(here.run.err, "the server ended with status 9");
}
END_TEST

START_TEST(an_exit_with_0_before_success_is_status_1)
{
	chosen = 0;
	fails(exits_as_master, 1);
	messages(here.run.err, 1);
	fails(exits_as_server, 1);
	messages(here.run.err, 1);
}
END_TEST

/* chosen: the signal that it dies of */
static void
dies_as_master(void)
{
	daemon_start();
	raise(chosen);
}

static void
dies_as_server(void)
{
	daemon_start();
	be_server();
	raise(chosen);
}

START_TEST(a_signal_n_gives_status_128_plus_n)
{
	static const int signals[] = { SIGKILL, SIGABRT };
	size_t i;

	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		chosen = signals[i];
		fails(dies_as_master, 128 + chosen);
		messages(here.run.err, 1);
		fails(dies_as_server, 128 + chosen);
		messages(here.run.err, 1);
	}
}
END_TEST

START_TEST(a_signal_that_means_the_end_gives_status_1)
{
	start_begins(stuck_server);
	heard(&here.run, "server");
	send_signal(here.master, SIGTERM);
	fails_with(1);
	messages(here.run.err, 1);
	start_begins(stuck_server);
	send_signal((pid_t)heard(&here.run, "server"), SIGTERM);
	fails_with(1);
	messages(here.run.err, 1);
}
END_TEST

/* chosen: the timeout */
static void
gated_daemon_for_so_long(void)
{
	daemon_set_start_timeout(chosen);
	gated_daemon();
}

START_TEST(a_timeout_of_0_is_none)
{
	static const int timeouts[] = { 0, INT_MAX };
	int i;

	make_gate();
	for (i = 0; i < 2; i++) {
		chosen = timeouts[i];
		start_begins(gated_daemon_for_so_long);
		heard(&here.run, "server");
		open_gate();
		exited(run_wait(&here.run), 0);
		stop();
	}
}
END_TEST

static void
server_with_a_helper(void)
{
	daemon_start();
	be_server();
	fork_helper(stay);
	exit(5);
}

START_TEST(a_failure_is_seen_though_a_helper_holds_all_the_pipes)
{
	fails(server_with_a_helper, 5);
}
END_TEST

static void
close_all(void)
{
	int fd;

	for (fd = 3; fd < 256; fd++)
		close(fd);
}

static void
master_that_closes_all(void)
{
	daemon_start();
	close_all();
	stay();
}

static void
server_that_closes_all(void)
{
	daemon_start();
	be_server();
	close_all();
	stay();
}

START_TEST(who_closes_the_pipes_of_the_library_has_failed)
{
	fails(server_that_closes_all, 1);
	messages(here.run.err, 1);
	run_start(&here.run, master_that_closes_all);
	ck_assert_int_ne(WEXITSTATUS(run_wait(&here.run)), 0);
	messages(here.run.err, 1);
	left_nothing();
}
END_TEST

/* The daemon reports its success while the starter is stopped. */
static void
confirms_unheard(void)
{
	make_gate();
	start_begins(gated_daemon);
	send_signal(here.run.pid, SIGSTOP);
	confirms();
}

START_TEST(a_success_already_written_wins_over_a_signal)
{
	confirms_unheard();
	send_signal(here.run.pid, SIGINT);
	send_signal(here.run.pid, SIGCONT);
	exited(run_wait(&here.run), 0);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

static void
confirms_and_ends(void)
{
	daemon_start();
	be_server();
	at_gate();
	daemon_success();
	_exit(3);
}

START_TEST(a_success_already_written_wins_over_a_death)
{
	pid_t leader;

	make_gate();
	start_begins(confirms_and_ends);
	leader = getsid(here.master);
	send_signal(here.run.pid, SIGSTOP);
	open_gate();
	gone(leader);
	send_signal(here.run.pid, SIGCONT);
	exited(run_wait(&here.run), 0);
	nothing_left();
}
END_TEST

START_TEST(a_success_already_written_wins_over_the_deadline)
{
	make_gate();
	chosen = 1;
	start_begins(gated_daemon_for_so_long);
	send_signal(here.run.pid, SIGSTOP);
	confirms();
	poll(NULL, 0, 1100);	/* the deadline passes: no event tells when */
	send_signal(here.run.pid, SIGCONT);
	exited(run_wait(&here.run), 0);
	stop();
}
END_TEST

START_TEST(a_signal_after_success_ends_the_starter_alone)
{
	make_gate();
	start_begins(gated_talker);
	confirms();
	send_signal(here.run.pid, SIGINT);
	exited(run_wait(&here.run), 0);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

/*
 * A start that is ended
 */

/* This signal ends the start, and the starter dies of it. */
static void
ends_the_start(int signo)
{
	start_begins(stuck_server);
	heard(&here.run, "server");
	send_signal(here.run.pid, signo);
	died(run_wait(&here.run), signo);
	left_nothing();
	refused();
	messages(here.run.err, 1);
	start_begins(stuck_master);
	send_signal(here.run.pid, signo);
	died(run_wait(&here.run), signo);
	left_nothing();
	refused();
	messages(here.run.err, 1);
}

START_TEST(sigint_to_the_starter_ends_the_start_and_it_dies_of_sigint)
{
	ends_the_start(SIGINT);
}
END_TEST

START_TEST(sigterm_to_the_starter_ends_the_start_and_it_dies_of_sigterm)
{
	ends_the_start(SIGTERM);
}
END_TEST

START_TEST(sighup_to_the_starter_ends_the_start_and_it_dies_of_sighup)
{
	ends_the_start(SIGHUP);
}
END_TEST

static void
stuck_server_from_now_on(void)
{
	tell("began", 1);
	stuck_server();
}

START_TEST(a_signal_at_any_moment_leaves_nothing)
{
	struct timespec moment = { 0, 0 };
	int i;

	for (i = 0; i < MOMENTS; i++) {
		run_start(&here.run, stuck_server_from_now_on);
		heard(&here.run, "began");
		moment.tv_nsec = i * 50000;
		nanosleep(&moment, NULL);
		send_signal(here.run.pid, SIGINT);
		died(run_wait(&here.run), SIGINT);
		left_nothing();
	}
}
END_TEST

static void
nohup_daemon(void)
{
	signal(SIGHUP, SIG_IGN);
	gated_daemon();
}

START_TEST(a_signal_that_was_ignored_does_not_end_the_start)
{
	make_gate();
	start_begins(nohup_daemon);
	send_signal(here.run.pid, SIGHUP);
	open_gate();
	exited(run_wait(&here.run), 0);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

static void
clear_up(int signo)
{
	tell("cleared", signo);
	_exit(0);
}

static void
tidy_master(void)
{
	daemon_start();
	signal(SIGTERM, clear_up);
	be_master();
	stay();
}

static void
tidy_server(void)
{
	daemon_start();
	be_master();
	daemon_master();
	signal(SIGTERM, clear_up);
	tell_pid("server");
	stay();
}

START_TEST(a_start_that_is_ended_lets_master_and_server_clear_up)
{
	start_begins(tidy_master);
	send_signal(here.run.pid, SIGINT);
	ck_assert_int_eq(heard(&here.run, "cleared"), SIGTERM);
	died(run_wait(&here.run), SIGINT);
	start_begins(tidy_server);
	heard(&here.run, "server");
	send_signal(here.run.pid, SIGINT);
	ck_assert_int_eq(heard(&here.run, "cleared"), SIGTERM);
	died(run_wait(&here.run), SIGINT);
	left_nothing();
}
END_TEST

static void
ignore_term(void)
{
	signal(SIGTERM, SIG_IGN);
	tell_pid("deaf");
	stay();
}

static void
deaf_master(void)
{
	daemon_start();
	ignore_term();
}

static void
deaf_server(void)
{
	daemon_start();
	be_server();
	ignore_term();
}

static void
deaf_helper(void)
{
	daemon_start();
	be_server();
	fork_helper(ignore_term);
	stay();
}

/* chosen: the exit status */
static void
deaf_helper_of_a_server_that_ends(void)
{
	daemon_start();
	be_server();
	fork_helper(ignore_term);
	at_gate();
	exit(6);
}

/* The master does not hear of the server's success. A worker leads a group of
 * its own. */
static void
deaf_worker(void)
{
	daemon_start();
	be_server();
	kill(getppid(), SIGSTOP);
	daemon_success();
	daemon_server(here.fds, 1);
	ignore_term();
}

static void
deaf_helper_in_a_session_of_its_own(void)
{
	daemon_start();
	if (fork() == 0) {
		setsid();
		fork_helper(ignore_term);
		_exit(0);
	}
	be_server();
	stay();
}

/* Starts a deaf_worker, and gives it a client. */
static pid_t
begins_with_a_deaf_worker(void)
{
	int fd;

	start_begins(deaf_worker);
	fd = client(here.port);
	heard(&here.run, "deaf");
	close(fd);
	return getsid(here.master);
}

START_TEST(a_start_that_is_ended_leaves_no_worker)
{
	if (cannot_adopt())
		return;
	begins_with_a_deaf_worker();
	send_signal(here.run.pid, SIGTERM);
	died(run_wait(&here.run), SIGTERM);
	left_nothing();
	refused();
}
END_TEST

START_TEST(a_start_whose_master_is_killed_leaves_no_worker)
{
	if (cannot_adopt())
		return;
	begins_with_a_deaf_worker();
	send_signal(here.master, SIGKILL);
	fails_with(128 + SIGKILL);
	refused();
}
END_TEST

START_TEST(a_start_whose_leader_is_killed_leaves_no_worker)
{
	if (cannot_adopt())
		return;
	send_signal(begins_with_a_deaf_worker(), SIGKILL);
	fails_with(128 + SIGKILL);
	refused();
}
END_TEST

START_TEST(a_start_whose_starter_is_killed_leaves_no_worker)
{
	if (cannot_adopt())
		return;
	begins_with_a_deaf_worker();
	send_signal(here.run.pid, SIGKILL);
	died(run_wait(&here.run), SIGKILL);
	nothing_left();
	refused();
}
END_TEST

START_TEST(a_start_that_is_ended_leaves_no_other_session)
{
	if (cannot_adopt())
		return;
	run_start(&here.run, deaf_helper_in_a_session_of_its_own);
	heard(&here.run, "deaf");
	send_signal(here.run.pid, SIGTERM);
	died(run_wait(&here.run), SIGTERM);
	left_nothing();
}
END_TEST

START_TEST(what_does_not_obey_is_killed_after_two_seconds)
{
	static void (*const programs[])(void) = { deaf_master, deaf_server,
		deaf_helper, deaf_helper_of_a_server_that_ends };
	static struct run runs[4];
	double began;
	int i;

	make_gate();
	for (i = 0; i < 4; i++) {
		run_start(&runs[i], programs[i]);
		heard(&runs[i], "deaf");
	}
	began = seconds();
	open_gate();
	for (i = 0; i < 3; i++)
		send_signal(runs[i].pid, SIGINT);
	for (i = 0; i < 3; i++)
		died(run_wait(&runs[i]), SIGINT);
	exited(run_wait(&runs[3]), 6);
	left_nothing();
	ck_assert(seconds() - began > 1.9);
}
END_TEST

/* Its master waits at the gate before daemon_master(). */
static void
gated_master(void)
{
	daemon_start();
	be_master();
	at_gate();
	daemon_master();
	go_on();
}

START_TEST(a_starter_that_is_killed_fails_the_start)
{
	static void (*const programs[])(void) = { stuck_master, stuck_server,
		gated_master };
	static struct run runs[3];
	int i, ports[3];
	pid_t leader;

	make_gate();
	for (i = 0; i < 3; i++) {
		run_start(&runs[i], programs[i]);
		ports[i] = (int)heard(&runs[i], "port");
		here.master = (pid_t)heard(&runs[i], "master");
	}
	/* The last one's leader is stopped, and dies with it. */
	leader = getsid(here.master);
	send_signal(leader, SIGSTOP);
	for (i = 0; i < 3; i++)
		send_signal(runs[i].pid, SIGKILL);
	send_signal(leader, SIGKILL);
	for (i = 0; i < 3; i++)
		died(run_wait(&runs[i]), SIGKILL);
	open_gate();
	nothing_left();
	for (i = 0; i < 3; i++)
		nobody_listens(ports[i]);
}
END_TEST

START_TEST(no_server_follows_before_the_first_success)
{
	long pid;

	start_begins(stuck_server);
	send_signal((pid_t)heard(&here.run, "server"), SIGKILL);
	fails_with(128 + SIGKILL);
	ck_assert(!heard_if(&here.run, "server", &pid));
}
END_TEST

/*
 * Isolation
 */

START_TEST(the_master_is_in_a_new_session_that_it_does_not_lead)
{
	start(0, talker);
	ck_assert_int_ne(getsid(here.master), getsid(0));
	ck_assert_int_ne(getsid(here.master), here.master);
	ck_assert_int_ne(getpgid(here.master), here.master);
	ck_assert_int_eq(getsid(here.server), getsid(here.master));
	stop();
}
END_TEST

static void
daemon_of_a_session_leader(void)
{
	if (setsid() == -1)
		_exit(98);
	talker();
}

START_TEST(a_session_leader_may_start_it)
{
	start(0, daemon_of_a_session_leader);
	ck_assert_int_ne(getsid(here.master), here.master);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

/* A terminal to start programs on, and its other end. */
static char terminal[64];
static int keyboard;

/* In a chroot there may be none. */
static int
are_no_terminals(void)
{
	char name[64];
	int fd = new_terminal(name, sizeof name);

	close(fd);
	return skip_if(fd == -1, "there are no terminals");
}

/* A shell at that terminal, which waits for one program and then at the
 * gate. */
static void
be_shell(void (*program)(void))
{
	int fd, status;
	pid_t pid;

	setsid();
	close(keyboard);
	if ((fd = open(terminal, O_RDWR)) == -1)
		_exit(98);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	close(fd);
	if ((pid = fork()) == 0) {
		program();
		exit(0);
	}
	signal(SIGINT, SIG_IGN);
	waitpid(pid, &status, 0);
	tell("status", status);
	at_gate();
}

static void
tell_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR);

	tell("tty", fd == -1 ? errno : 0);
	close(open(path, O_RDWR));
	fd = open("/dev/tty", O_RDWR);
	tell("tty", fd == -1 ? errno : 0);
}

static void
daemon_on_a_terminal(void)
{
	daemon_start();
	tell_terminal();
	printf("master out\n");
	fprintf(stderr, "master err\n");
	be_server();
	tell_terminal();
	printf("server out\n");
	go_on();
}

static void
shell_with_a_daemon(void)
{
	be_shell(daemon_on_a_terminal);
}

static int
holds(pid_t pid, const char *name)
{
	char what[320];
	struct dirent *entry;
	int found = 0;
	DIR *dir;

	snprintf(what, sizeof what, "/proc/%ld/fd", (long)pid);
	ck_assert_ptr_nonnull(dir = opendir(what));
	while ((entry = readdir(dir)) != NULL) {
		snprintf(what, sizeof what, "fd/%s", entry->d_name);
		if (entry->d_name[0] != '.' &&
		    strcmp(link_of(pid, what), name) == 0)
			found = 1;
	}
	closedir(dir);
	return found;
}

/* The kernel passes on a terminal's output in its own time. */
static void
shows(const char *expected)
{
	char text[256] = "";
	size_t len = 0;
	ssize_t n;

	while (len < strlen(expected)) {
		n = read(keyboard, text + len, strlen(expected) - len);
		ck_assert_int_gt(n, 0);
		len += (size_t)n;
	}
	ck_assert_str_eq(text, expected);
}

START_TEST(the_starter_shows_it_on_a_terminal_that_nobody_holds_then)
{
	char spare[64];

	if (are_no_terminals())
		return;
	keyboard = new_terminal(terminal, sizeof terminal);
	new_terminal(spare, sizeof spare);
	path = spare;
	make_gate();
	start_begins(shell_with_a_daemon);
	ck_assert_int_eq(heard(&here.run, "status"), 0);
	shows("master out\r\nmaster err\r\nserver out\r\n");
	ck_assert(!holds(here.master, terminal));
	open_gate();
	exited(run_wait(&here.run), 0);
	close(keyboard);
	ck_assert(running(here.master));
	stop();
}
END_TEST

START_TEST(no_terminal_can_come_back)
{
	char spare[64];
	int i;

	if (are_no_terminals())
		return;
	keyboard = new_terminal(terminal, sizeof terminal);
	new_terminal(spare, sizeof spare);
	path = spare;
	make_gate();
	run_start(&here.run, shell_with_a_daemon);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(heard(&here.run, "tty"), ENXIO);
	here.master = (pid_t)heard(&here.run, "master");
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(heard(&here.run, "tty"), ENXIO);
	open_gate();
	exited(run_wait(&here.run), 0);
	stop();
}
END_TEST

static void
shell_with_a_stuck_server(void)
{
	be_shell(stuck_server);
}

START_TEST(an_interrupt_from_the_terminal_ends_the_start)
{
	if (are_no_terminals())
		return;
	keyboard = new_terminal(terminal, sizeof terminal);
	make_gate();
	start_begins(shell_with_a_stuck_server);
	heard(&here.run, "server");
	ck_assert_int_eq(write(keyboard, "\003", 1), 1);
	died((int)heard(&here.run, "status"), SIGINT);
	refused();
	open_gate();
	exited(run_wait(&here.run), 0);
	left_nothing();
}
END_TEST

START_TEST(a_hang_up_of_the_terminal_ends_the_start)
{
	if (are_no_terminals())
		return;
	keyboard = new_terminal(terminal, sizeof terminal);
	make_gate();
	start_begins(shell_with_a_stuck_server);
	heard(&here.run, "server");
	close(keyboard);
	died(run_wait(&here.run), SIGHUP);
	nothing_left();
	refused();
}
END_TEST

/*
 * Output without a reader
 */

/* How a starter can find the file that is its stdout and stderr. */
enum surroundings { ALL, NO_NAME, NO_PROC, CHROOT, SURROUNDINGS };
static enum surroundings surroundings;
static int shared_sink;
static void (*speak)(void);

static int
hide(const char *name)
{
	return mount("none", name, "tmpfs", 0, NULL);
}

static int
surround(void)
{
	if (surroundings == ALL)
		return 0;
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
		return -1;
	if (surroundings == NO_NAME)
		return hide("/dev/pts");
	if (surroundings == NO_PROC)
		return hide("/proc");
	return hide(path) == -1 || chdir(path) == -1 ||
	    mkdir("dev", 0755) == -1 ||
	    mknod("dev/null", S_IFCHR | 0666, makedev(1, 3)) == -1 ||
	    chroot(".") == -1 ? -1 : 0;
}

/* Writes something, and then confirms the start. */
static void
surrounded_talker(void)
{
	int could = surround() == 0;

	tell("could", could);
	if (!could)
		exit(0);
	dup2(shared_sink, 1);
	dup2(shared_sink, 2);
	daemon_start();
	be_server();
	speak();
	go_on();
}

static void
impatient_talker(void)
{
	daemon_set_start_timeout(1);
	surrounded_talker();
}

/* Starts the program in all surroundings; returns whether it could, and if not,
 * says why. */
static int
start_in_all(struct run *runs, void (*program)(void), int *readers)
{
	char name[64];
	int could = 1;

	if (are_no_terminals())
		return 0;
	path = scratch();
	for (surroundings = 0; surroundings < SURROUNDINGS; surroundings++) {
		readers[surroundings] = new_terminal(name, sizeof name);
		fcntl(readers[surroundings], F_SETFL, O_NONBLOCK);
		fcntl(readers[surroundings], F_SETFD, FD_CLOEXEC);
		shared_sink = open(name, O_RDWR | O_NOCTTY);
		ck_assert_int_ge(shared_sink, 0);
		run_start(&runs[surroundings], program);
		close(shared_sink);
		could &= heard(&runs[surroundings], "could") == 1;
	}
	return !skip_if(!could, "no mount namespace of one's own");
}

/* Waits until its output is not taken any more. */
static void
is_stuck(struct run *one)
{
	pid_t server = (pid_t)heard(one, "server");
	int i;

	for (i = 0; i < 10; i++) {
		settled(server);
		settled(one->pid);
	}
}

START_TEST(a_terminal_that_nobody_reads_keeps_no_signal_out)
{
	static const int signals[SURROUNDINGS] = { SIGTERM, SIGINT, SIGHUP,
		SIGTERM };
	static struct run runs[SURROUNDINGS];
	int i, readers[SURROUNDINGS];

	speak = say_for_ever;
	if (!start_in_all(runs, surrounded_talker, readers))
		return;
	for (i = 0; i < SURROUNDINGS; i++)
		is_stuck(&runs[i]);
	for (i = 0; i < SURROUNDINGS; i++)
		send_signal(runs[i].pid, signals[i]);
	for (i = 0; i < SURROUNDINGS; i++)
		died(run_wait(&runs[i]), signals[i]);
	left_nothing();
}
END_TEST

START_TEST(a_terminal_that_nobody_reads_does_not_prolong_the_timeout)
{
	static struct run runs[SURROUNDINGS];
	int i, readers[SURROUNDINGS];

	speak = say_for_ever;
	if (!start_in_all(runs, impatient_talker, readers))
		return;
	for (i = 0; i < SURROUNDINGS; i++)
		exited(run_wait(&runs[i]), 1);
	left_nothing();
}
END_TEST

enum { SOME_LINES = 30000 };	/* more than all buffers on the way hold */

static void
say_some_lines(void)
{
	int i;

	for (i = 0; i < SOME_LINES; i++)
		printf("o%05d\n", i);
}

/* This many bytes of the output, without carriage returns. */
static char *
read_text(int reader, size_t size)
{
	static char text[SOME_LINES * 8];
	size_t len = 0;
	ssize_t n, i;
	char buf[4096];
	long since = 0;

	while (len < size) {
		if ((n = read(reader, buf, sizeof buf)) <= 0)
			look_again(&since, "all that was said");
		for (i = 0; i < n && len < sizeof text - 1; i++)
			if (buf[i] != '\r')
				text[len++] = buf[i];
	}
	text[len] = '\0';
	return text;
}

START_TEST(a_terminal_gets_all_in_order_when_somebody_reads_again)
{
	static struct run runs[SURROUNDINGS];
	int i, readers[SURROUNDINGS];

	speak = say_some_lines;
	if (!start_in_all(runs, surrounded_talker, readers))
		return;
	for (i = 0; i < SURROUNDINGS; i++)
		is_stuck(&runs[i]);
	for (i = 0; i < SURROUNDINGS; i++) {
		has_lines(read_text(readers[i],
		    SOME_LINES * strlen("o00000\n")), "o%05d\n", SOME_LINES);
		exited(run_wait(&runs[i]), 0);
	}
}
END_TEST

/* chosen: the first letter */
static void
say_the_alphabet(void)
{
	int i = 0;

	for (;;)
		putchar(chosen + i++ % 26);
}

/* Asserts that the letters follow each other, from this one on. */
static void
is_the_alphabet(const char *text, ssize_t len, int first, int *next)
{
	for (; len > 0; text++, len--) {
		if (*text < first || *text >= first + 26)
			continue;
		hold(*text == first + *next, "not %c but %c", first + *next,
		    *text);
		*next = (*next + 1) % 26;
	}
}

/* Both are woken whenever there is room for one. */
START_TEST(two_starters_on_one_pipe_do_not_hold_each_other_up)
{
	static struct run runs[2];
	int ends[2], i, next[2] = { 0, 0 };
	char page[4096];
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	speak = say_the_alphabet;
	shared_sink = ends[1];
	for (i = 0; i < 2; i++) {
		chosen = i == 0 ? 'a' : 'A';
		run_start(&runs[i], surrounded_talker);
	}
	for (i = 0; i < 2; i++)
		is_stuck(&runs[i]);
	for (i = 0; i < 200; i++) {
		ck_assert_int_gt(n = read(ends[0], page, sizeof page), 0);
		is_the_alphabet(page, n, 'a', &next[0]);
		is_the_alphabet(page, n, 'A', &next[1]);
	}
	for (i = 0; i < 2; i++)
		send_signal(runs[i].pid, SIGTERM);
	for (i = 0; i < 2; i++)
		died(run_wait(&runs[i]), SIGTERM);
	left_nothing();
}
END_TEST

/* chosen: the exit status */
static void
talker_that_fails_unheard(void)
{
	daemon_start();
	dup2(2, 1);
	be_server();
	say_too_much();
	exit(chosen);
}

/* Waits until the starter waits for a reader of its last words. */
static void
fails_unheard(void)
{
	int i;

	chosen = 5;
	start_begins(talker_that_fails_unheard);
	gone((pid_t)heard(&here.run, "server"));
	gone(here.master);
	for (i = 0; i < 10; i++)
		settled(here.run.pid);
}

START_TEST(the_reason_of_a_failure_waits_for_a_reader)
{
	fails_unheard();
	exited(run_wait(&here.run), 5);
	ck_assert_uint_gt(strlen(here.run.err), TOO_MUCH);
	messages(here.run.err + TOO_MUCH, 1);
	left_nothing();
}
END_TEST

START_TEST(a_signal_ends_a_starter_whose_last_words_nobody_reads)
{
	fails_unheard();
	send_signal(here.run.pid, SIGTERM);
	gone(here.run.pid);
	exited(run_wait(&here.run), 5);
	left_nothing();
}
END_TEST

/* chosen: bit n where descriptor n is closed at the start */
static void
daemon_without_descriptors(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (chosen >> fd & 1)
			close(fd);
	gated_daemon();
}

START_TEST(descriptors_0_to_2_are_made_to_exist)
{
	int fd;

	make_gate();
	for (chosen = 1; chosen < 8; chosen++) {
		start_begins(daemon_without_descriptors);
		heard(&here.run, "server");
		for (fd = 0; fd <= 2; fd++)
			if (chosen >> fd & 1)
				has_null(here.run.pid, fd, fd);
		open_gate();
		exited(run_wait(&here.run), 0);
		has_null(here.master, 0, 2);
		ask(here.port, "hello", "hello");
		stop();
	}
}
END_TEST

static void
daemon_with_stdin(void)
{
	char line[16] = "";
	int ends[2];

	if (pipe(ends) == -1 || write(ends[1], "one\ntwo\n", 8) != 8)
		_exit(98);
	dup2(ends[0], 0);
	tell("lines", fgets(line, sizeof line, stdin) != NULL);
	daemon_start();
	tell("lines", fgets(line, sizeof line, stdin) != NULL);
	be_server();
	go_on();
}

START_TEST(stdin_is_dev_null_and_empty_from_the_start_on)
{
	run_start(&here.run, daemon_with_stdin);
	ck_assert_int_eq(heard(&here.run, "lines"), 1);
	ck_assert_int_eq(heard(&here.run, "lines"), 0);
	exited(run_wait(&here.run), 0);
	here.master = (pid_t)heard(&here.run, "master");
	has_null(here.master, 0, 0);
	stop();
}
END_TEST

static void
tell_signals(void)
{
	struct sigaction action;
	int i, blocked = 0, ignored = 0;
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	for (i = 0; i < SIGNALS; i++) {
		sigaction(table[i], NULL, &action);
		blocked += sigismember(&mask, table[i]);
		ignored += action.sa_handler != SIG_DFL;
	}
	tell("blocked", blocked);
	tell("ignored", ignored);
}

static void
daemon_deaf_before(void)
{
	sigset_t all;
	int i;

	for (i = 0; i < SIGNALS; i++)
		signal(table[i], SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	daemon_start();
	tell_signals();
	be_server();
	tell_signals();
	go_on();
}

START_TEST(signals_that_were_blocked_or_ignored_are_so_no_longer)
{
	int i;

	run_start(&here.run, daemon_deaf_before);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(heard(&here.run, "blocked"), 0);
		ck_assert_int_eq(heard(&here.run, "ignored"), 0);
		if (i == 0)
			here.master = (pid_t)heard(&here.run, "master");
	}
	exited(run_wait(&here.run), 0);
	stop();
}
END_TEST

/* chosen: the exit status */
static void
child_of_one_that_ignores_sigchld(void)
{
	signal(SIGCHLD, SIG_IGN);
	exits_as_server();
}

START_TEST(a_parent_that_ignored_sigchld_does_not_hide_the_status)
{
	chosen = 11;
	fails(child_of_one_that_ignores_sigchld, 11);
}
END_TEST

static void
nothing(int signo)
{
	(void)signo;
}

/* How many of the 8 things that the program has set are unchanged. */
static int
own_things(void)
{
	struct sigaction window, term, tty, broken;
	struct rlimit limit;
	sigset_t mask;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	sigaction(SIGWINCH, NULL, &window);
	sigaction(SIGTERM, NULL, &term);
	sigaction(SIGTTOU, NULL, &tty);
	sigaction(SIGPIPE, NULL, &broken);
	getrlimit(RLIMIT_NOFILE, &limit);
	return (window.sa_handler == nothing) + (term.sa_handler == nothing) +
	    (tty.sa_handler == SIG_IGN) + (broken.sa_handler == SIG_DFL) +
	    (sigismember(&mask, SIGWINCH) == 1) + (umask(027) == 027) +
	    (limit.rlim_cur == 100) + (getenv("TESTD") != NULL);
}

static void
daemon_with_own_things(void)
{
	struct rlimit limit;
	sigset_t mask;

	signal(SIGWINCH, nothing);
	signal(SIGTERM, nothing);
	signal(SIGTTOU, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	umask(027);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 100;
	setrlimit(RLIMIT_NOFILE, &limit);
	setenv("TESTD", "1", 1);

	daemon_start();
	tell("own", own_things());
	be_master();
	daemon_master();
	tell("own", own_things());
	daemon_success();
	daemon_server(here.fds, 1);
	tell("own", own_things());
}

START_TEST(handlers_mask_limits_and_environment_stay_the_program_s)
{
	run_start(&here.run, daemon_with_own_things);
	ck_assert_int_eq(heard(&here.run, "own"), 8);
	here.port = (int)heard(&here.run, "port");
	here.master = (pid_t)heard(&here.run, "master");
	ck_assert_int_eq(heard(&here.run, "own"), 8);
	exited(run_wait(&here.run), 0);
	close(client(here.port));
	ck_assert_int_eq(heard(&here.run, "own"), 8);
	stop();
}
END_TEST

static void
leaves_things_alone(pid_t pid)
{
	ck_assert(has_signal(pid, "SigIgn", SIGPIPE) ||
	    has_signal(pid, "SigBlk", SIGPIPE));
	ck_assert(has_signal(pid, "SigBlk", SIGWINCH));
	ck_assert(has_signal(pid, "SigIgn", SIGTTOU));
	ck_assert_int_eq(strtol(status_of(pid, "Umask"), NULL, 8), 027);
}

static void
gated_daemon_with_own_things(void)
{
	sigset_t mask;

	signal(SIGTTOU, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGWINCH);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	umask(027);
	gated_daemon();
}

START_TEST(who_loops_ignores_sigpipe_and_leaves_the_rest_alone)
{
	make_gate();
	start_begins(gated_daemon_with_own_things);
	heard(&here.run, "server");
	leaves_things_alone(here.run.pid);
	leaves_things_alone(getsid(here.master));
	leaves_things_alone(here.master);
	open_gate();
	exited(run_wait(&here.run), 0);
	stop();
}
END_TEST

static void
daemon_with_a_file(void)
{
	FILE *file = fopen(path, "w");

	daemon_set_working_directory(NULL);
	fputs("start ", file);
	printf("start ");
	daemon_start();
	fputs("master ", file);
	printf("master ");
	be_server();
	fputs("success ", file);
	printf("success ");
	daemon_success();
	fputs("server ", file);
	daemon_server(here.fds, 1);
	fputs("worker", file);
}

START_TEST(text_in_stdio_before_a_stage_is_written_once)
{
	char name[128], text[128] = "";
	int fd;

	snprintf(name, sizeof name, "%s/text", scratch());
	path = name;
	start(0, daemon_with_a_file);
	ck_assert_str_eq(here.run.out, "start master success ");
	fd = client(here.port);
	ck_assert_ptr_null(client_hears(fd));
	stop();
	close(fd);
	fd = open(name, O_RDONLY);
	ck_assert_int_ge(read(fd, text, sizeof text - 1), 0);
	ck_assert_str_eq(text, "start master success server worker");
}
END_TEST

static void
tell_exit(void)
{
	tell_pid("exit");
}

static void
daemon_with_a_handler(void)
{
	atexit(tell_exit);
	daemon_start();
	be_server();
	daemon_success();
	daemon_server(here.fds, 1);
	tell_pid("worker");
}

static void
daemon_with_a_handler_that_fails(void)
{
	atexit(tell_exit);
	exits_as_server();
}

START_TEST(atexit_handlers_run_where_the_program_itself_ends)
{
	long worker, server;

	start(0, daemon_with_a_handler);
	close(client(here.port));
	worker = heard(&here.run, "worker");
	ck_assert_int_eq(heard(&here.run, "exit"), worker);
	stop();
	ck_assert(!heard_if(&here.run, "exit", &worker));

	chosen = 3;
	fails(daemon_with_a_handler_that_fails, 3);
	server = heard(&here.run, "server");
	ck_assert_int_eq(heard(&here.run, "exit"), server);
	ck_assert(!heard_if(&here.run, "exit", &server));
}
END_TEST

/*
 * The working directory
 */

/* path: the directory to set; NULL: none is set */
static void
daemon_in_a_directory(void)
{
	if (chdir("/tmp") == -1)
		_exit(98);
	daemon_set_working_directory(path);
	talker();
}

static void
goes_to(void (*program)(void), const char *directory)
{
	start(0, program);
	ck_assert_str_eq(link_of(here.master, "cwd"), directory);
	ck_assert_str_eq(link_of(here.server, "cwd"), directory);
	stop();
}

START_TEST(the_working_directory_is_the_root_or_what_is_set)
{
	goes_to(talker, "/");
	path = "/usr";
	goes_to(daemon_in_a_directory, "/usr");
	path = NULL;
	goes_to(daemon_in_a_directory, "/tmp");
	path = "../usr";
	goes_to(daemon_in_a_directory, "/usr");
}
END_TEST

START_TEST(a_working_directory_that_is_missing_fails_the_start)
{
	path = "/no/such/directory";
	fails(daemon_in_a_directory, 1);
	says(here.run.err, "testd: unable to change to directory "
	    "/no/such/directory: No such file or directory\n");
}
END_TEST

/*
 * A start that returns in the starter
 */

static void
tell_return(int value)
{
	int error = errno;

	tell_pid("returned");
	tell("value", value);
	tell("errno", error);
	tell("status", daemon_exit_status());
}

/* Whether this is the master; the starter tells, and exits with status 0. */
static int
begin_returning(void)
{
	int value;

	daemon_set_start_return_fatal(-7);
	errno = 0;
	if ((value = daemon_start()) == 0)
		return 1;
	tell_return(value);
	return 0;
}

static void
returning_exit(void)
{
	if (begin_returning())
		exit(chosen);
}

static void
returning_stuck_server(void)
{
	if (begin_returning()) {
		be_server();
		stay();
	}
}

static void
returning_daemon(void)
{
	if (begin_returning()) {
		be_server();
		go_on();
	}
}

static void
returned(struct run *from, pid_t starter, int error, int status)
{
	ck_assert_int_eq(heard(from, "returned"), starter);
	ck_assert_int_eq(heard(from, "value"), -7);
	ck_assert_int_eq(heard(from, "errno"), error);
	ck_assert_int_eq(heard(from, "status"), status);
}

START_TEST(start_return_fatal_is_returned_in_the_starter_of_a_failed_start)
{
	pid_t starter;

	chosen = 7;
	run_start(&here.run, returning_exit);
	starter = here.run.pid;
	fails_with(0);
	returned(&here.run, starter, ECHILD, 7);
	messages(here.run.err, 1);
}
END_TEST

START_TEST(start_return_fatal_is_returned_in_a_starter_that_is_interrupted)
{
	pid_t starter;

	start_begins(returning_stuck_server);
	starter = here.run.pid;
	send_signal(starter, SIGINT);
	fails_with(0);
	returned(&here.run, starter, EINTR, 128 + SIGINT);
}
END_TEST

START_TEST(start_return_fatal_is_returned_in_the_starter_after_success)
{
	pid_t starter;

	start_begins(returning_daemon);
	starter = here.run.pid;
	returned(&here.run, starter, 0, 0);
	exited(run_wait(&here.run), 0);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

/* It has a child of its own. */
static void
starter_that_goes_on(void)
{
	int before = descriptors_of(getpid());
	pid_t child;

	signal(SIGTERM, nothing);
	if ((child = fork()) == 0)
		stay();
	if (begin_returning()) {
		be_server();
		exit(chosen);
	}
	tell("descriptors", descriptors_of(getpid()) - before);
	tell_signals();
	tell("child", waitpid(-1, NULL, WNOHANG));
	kill(child, SIGKILL);
	tell("child", waitpid(-1, NULL, 0) == child);
	tell("child", waitpid(-1, NULL, WNOHANG));
}

START_TEST(the_starter_that_goes_on_is_as_it_was_before)
{
	chosen = 7;
	run_start(&here.run, starter_that_goes_on);
	ck_assert_int_eq(heard(&here.run, "descriptors"), 0);
	ck_assert_int_eq(heard(&here.run, "blocked"), 0);
	ck_assert_int_eq(heard(&here.run, "ignored"), 1);
	ck_assert_int_eq(heard(&here.run, "child"), 0);
	ck_assert_int_eq(heard(&here.run, "child"), 1);
	ck_assert_int_eq(heard(&here.run, "child"), -1);
	fails_with(0);
}
END_TEST

/*
 * The timeout
 */

static void
stuck_master_for_a_second(void)
{
	daemon_set_start_timeout(1);
	stuck_master();
}

static void
stuck_server_for_a_second(void)
{
	daemon_set_start_timeout(1);
	stuck_server();
}

static void
foreground_for_a_second(void)
{
	daemon_set_foreground(1);
	stuck_server_for_a_second();
}

static void
returning_after_a_second(void)
{
	daemon_set_start_timeout(1);
	returning_stuck_server();
}

START_TEST(the_timeout_ends_all_and_is_status_1)
{
	static void (*const programs[])(void) = { stuck_master_for_a_second,
		stuck_server_for_a_second, foreground_for_a_second,
		returning_after_a_second };
	static struct run runs[4];
	double began = seconds();
	pid_t starter;
	int i;

	for (i = 0; i < 4; i++)
		run_start(&runs[i], programs[i]);
	starter = runs[3].pid;
	for (i = 0; i < 4; i++) {
		exited(run_wait(&runs[i]), i < 3);
		messages(runs[i].err, 1);
		says(runs[i].err, "no daemon_success() within 1 s");
	}
	left_nothing();
	returned(&runs[3], starter, ETIMEDOUT, 1);
	ck_assert(seconds() - began > 0.9);
}
END_TEST

/*
 * In the foreground
 */

static void
tell_descriptors(void)
{
	struct stat file;
	int fd;

	for (fd = 0; fd <= 2; fd++)
		tell("file", fstat(fd, &file) == 0 ? (long)file.st_ino : -1);
}

static void
foreground_daemon(void)
{
	tell_descriptors();
	daemon_start();
	be_server();
	printf("before\n");
	daemon_success();
	printf("after\n");
	fflush(stdout);
	tell_descriptors();
	daemon_server(here.fds, 1);
	converse(0);
}

START_TEST(in_foreground_the_calling_process_is_the_master)
{
	here.foreground = 1;
	start_begins(foreground_daemon);
	ck_assert_int_eq(here.master, here.run.pid);
	ck_assert_int_eq(getsid(here.master), getsid(0));
	ask(here.port, "hello", "hello");
	stop_by(SIGTERM);
}
END_TEST

START_TEST(in_foreground_descriptors_0_to_2_are_kept)
{
	long before[3];
	int i;

	here.foreground = 1;
	run_puppet(run_start, foreground_daemon);
	for (i = 0; i < 3; i++)
		before[i] = heard(&here.run, "file");
	here.master = (pid_t)heard(&here.run, "master");
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(heard(&here.run, "file"), before[i]);
	stop_by(SIGTERM);
	ck_assert_str_eq(here.run.out, "before\nafter\n");
}
END_TEST

START_TEST(in_foreground_the_directory_is_kept)
{
	here.foreground = 1;
	path = "/";
	start_begins(daemon_in_a_directory);
	ask(here.port, "hello", "hello");
	ck_assert_str_eq(link_of(here.master, "cwd"), "/tmp");
	stop_by(SIGTERM);
}
END_TEST

START_TEST(in_foreground_descriptors_0_to_2_are_made_to_exist)
{
	make_gate();
	here.foreground = 1;
	chosen = 7;
	start_begins(daemon_without_descriptors);
	has_null(here.master, 0, 2);
	open_gate();
	ask(here.port, "hello", "hello");
	stop_by(SIGTERM);
}
END_TEST

/* Whether it has a handler for it, or has it blocked for signalfd(2). */
static int
hears_signal(pid_t pid, int signo)
{
	return has_signal(pid, "SigCgt", signo) ||
	    has_signal(pid, "SigBlk", signo);
}

/* HUP and INT are ignored. */
static void
deaf_daemon(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	gated_daemon();
}

START_TEST(in_foreground_an_ignored_hup_stays_ignored)
{
	pid_t server;

	make_gate();
	here.foreground = 1;
	start_begins(deaf_daemon);
	server = (pid_t)heard(&here.run, "server");
	ck_assert(has_signal(server, "SigIgn", SIGHUP));
	ck_assert(!has_signal(server, "SigIgn", SIGINT));
	open_gate();
	ask(here.port, "hello", "hello");
	ck_assert(has_signal(here.master, "SigIgn", SIGHUP));
	ck_assert(has_signal(server, "SigIgn", SIGHUP));
	ck_assert(hears_signal(here.master, SIGINT));
	ck_assert(hears_signal(server, SIGINT));
	stop_by(SIGINT);
}
END_TEST

START_TEST(in_foreground_a_failed_start_has_the_same_status)
{
	here.foreground = 1;
	chosen = 9;
	fails(exits_as_server, 9);
	messages(here.run.err, 1);
	chosen = 0;
	fails(exits_as_server, 1);
	messages(here.run.err, 1);
	chosen = SIGKILL;
	fails(dies_as_server, 128 + SIGKILL);
	messages(here.run.err, 1);
}
END_TEST

START_TEST(in_foreground_a_start_that_is_interrupted_has_status_1)
{
	here.foreground = 1;
	start_begins(stuck_server);
	heard(&here.run, "server");
	send_signal(here.master, SIGINT);
	fails_with(1);
	messages(here.run.err, 1);
	refused();
}
END_TEST

static void
forks_an_orphan(void)
{
	fork_helper(at_gate);
}

/* The program is the first process of a container. It does not call exit(3),
 * since a sanitizer would start a process in the container. */
static void
be_container(void (*first)(void))
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID) == -1) {
		tell("port", 0);
		return;
	}
	if ((pid = fork()) == 0) {
		first();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
}

/* Starts a container, and waits for its port; returns whether it could. */
static int
begins_container(void (*program)(void))
{
	pid_t pids[4];

	run_start(&here.run, program);
	if ((here.port = (int)heard(&here.run, "port")) == 0) {
		skip_if(1, "there are no process namespaces");
		run_wait(&here.run);
		return 0;
	}
	ck_assert_int_ge(children_of(here.run.pid, pids, 4), 1);
	here.master = pids[0];
	here.foreground = 1;
	return 1;
}

static void
first_process(void)
{
	daemon_start();	/* it stays in the foreground, unasked */
	be_master();
	daemon_master();
	fork_helper(forks_an_orphan);
	wait(NULL);
	go_on();
}

static void
container(void)
{
	be_container(first_process);
}

START_TEST(process_1_serves_stops_and_reaps_strangers)
{
	pid_t pids[4];

	make_gate();
	if (!begins_container(container))
		return;
	ask(here.port, "hello", "hello");
	while (children_of(here.master, pids, 4) > 1)	/* and the orphan */
		open_gate();
	stop_by(SIGTERM);
}
END_TEST

static void
stuck_first_process(void)
{
	daemon_start();
	open_port();
	for (;;)
		pause();
}

static void
stuck_container(void)
{
	be_container(stuck_first_process);
}

START_TEST(a_stop_of_process_1_before_daemon_master_ends_the_start)
{
	static const int stops[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR2 };
	char said[64];
	size_t i;

	for (i = 0; i < sizeof stops / sizeof stops[0]; i++) {
		if (!begins_container(stuck_container))
			return;
		send_signal(here.master, stops[i]);
		fails_with(1);
		messages(here.run.err, 1);
		snprintf(said, sizeof said, "start: stopped by signal %d (%s)\n",
		    stops[i], strsignal(stops[i]));
		says(here.run.err, said);
	}
}
END_TEST

/* A program that waits at the gate. */
static void
gated_first_process(void)
{
	daemon_start();
	open_port();
	at_gate();
	daemon_master();
	tell_pid("server");
	tell_signals();
	go_on();
}

static void
gated_container(void)
{
	be_container(gated_first_process);
}

START_TEST(a_reload_of_process_1_before_daemon_master_is_one_after_success)
{
	static const int reloads[] = { SIGHUP, SIGUSR1 };
	int i, k;

	make_gate();
	for (i = 0; i < 2; i++) {
		if (!begins_container(gated_container))
			return;
		send_signal(here.master, reloads[i]);
		open_gate();
		for (k = 0; k < 2; k++) {	/* the program's own */
			heard(&here.run, "server");
			ck_assert_int_eq(heard(&here.run, "blocked"), 0);
			ck_assert_int_eq(heard(&here.run, "ignored"), 0);
		}
		ask(here.port, "hello", "hello");
		stop_by(SIGTERM);
	}
}
END_TEST

static void
tell_signal(int signo)
{
	tell("signal", signo);
}

static void
first_process_with_a_handler(void)
{
	signal(SIGTERM, tell_signal);
	daemon_start();
	signal(SIGINT, tell_signal);
	signal(SIGUSR2, SIG_IGN);
	be_master();
	at_gate();
	daemon_master();
	go_on();
}

static void
container_with_a_handler(void)
{
	be_container(first_process_with_a_handler);
}

START_TEST(process_1_leaves_the_program_its_handlers)
{
	make_gate();
	if (!begins_container(container_with_a_handler))
		return;
	heard(&here.run, "master");
	send_signal(here.master, SIGUSR2);
	send_signal(here.master, SIGTERM);
	ck_assert_int_eq(heard(&here.run, "signal"), SIGTERM);
	send_signal(here.master, SIGINT);
	ck_assert_int_eq(heard(&here.run, "signal"), SIGINT);
	open_gate();
	ask(here.port, "hello", "hello");
	stop_by(SIGTERM);
}
END_TEST

/* chosen: the signal that its helper gets */
static void
first_process_with_a_helper(void)
{
	int status;
	pid_t pid;

	daemon_start();
	open_port();
	if ((pid = fork()) == 0)
		stay();
	kill(pid, chosen);
	waitpid(pid, &status, 0);
	tell("status", status);
	at_gate();
}

static void
container_with_a_helper(void)
{
	be_container(first_process_with_a_helper);
}

START_TEST(a_helper_of_process_1_dies_of_a_signal_as_any_other)
{
	static const int signals[] = { SIGTERM, SIGHUP };
	int i;

	make_gate();
	for (i = 0; i < 2; i++) {
		chosen = signals[i];
		if (!begins_container(container_with_a_helper))
			return;
		died((int)heard(&here.run, "status"), chosen);
		open_gate();
		run_wait(&here.run);
		ck_assert_str_eq(here.run.err, "");
	}
}
END_TEST

static void
first_process_on_a_terminal(void)
{
	int fd;

	setsid();
	if ((fd = open(terminal, O_RDWR)) == -1)	/* its own now */
		_exit(98);
	stuck_first_process();
}

static void
container_on_a_terminal(void)
{
	close(keyboard);
	be_container(first_process_on_a_terminal);
}

START_TEST(a_hang_up_of_its_terminal_ends_process_1)
{
	if (are_no_terminals())
		return;
	keyboard = new_terminal(terminal, sizeof terminal);
	if (!begins_container(container_on_a_terminal))
		return;
	close(keyboard);
	fails_with(1);
	says(here.run.err, "start: stopped by signal 1 (Hangup)\n");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		the_starter_shows_what_was_written_before_success,
		the_starter_shows_what_a_start_that_failed_has_written,
		it_shows_100000_lines_once_and_in_order_on_each_stream,
		one_pipe_carries_both_streams_in_order,
		one_file_takes_both_streams_in_order,
		the_start_succeeds_though_nobody_reads_stdout,
		the_status_stays_the_same_though_nobody_reads_stdout,
		a_full_stdout_does_not_hold_stderr_up,
		a_slow_reader_gets_all_before_the_starter_ends,
		the_starter_ends_though_a_helper_goes_on_writing,
		nothing_of_the_daemon_holds_the_relay_after_success,
		stdin_stdout_and_stderr_are_dev_null_after_success,
		the_leader_is_gone_before_the_starter_ends,
		a_leader_that_cannot_be_killed_leaves_by_itself,
		a_leader_that_cannot_be_killed_and_is_stopped_does_not_end_the_daemon,
		a_leader_that_is_killed_fails_the_start,
		a_start_fails_with_a_reason_where_its_streams_cannot_be_set,
		the_status_is_the_failing_stage_s_own,
		an_exit_with_0_before_success_is_status_1,
		a_signal_n_gives_status_128_plus_n,
		a_signal_that_means_the_end_gives_status_1,
		a_timeout_of_0_is_none,
		a_failure_is_seen_though_a_helper_holds_all_the_pipes,
		who_closes_the_pipes_of_the_library_has_failed,
		a_success_already_written_wins_over_a_signal,
		a_success_already_written_wins_over_a_death,
		a_success_already_written_wins_over_the_deadline,
		a_signal_after_success_ends_the_starter_alone,
		sigint_to_the_starter_ends_the_start_and_it_dies_of_sigint,
		sigterm_to_the_starter_ends_the_start_and_it_dies_of_sigterm,
		sighup_to_the_starter_ends_the_start_and_it_dies_of_sighup,
		a_signal_at_any_moment_leaves_nothing,
		a_signal_that_was_ignored_does_not_end_the_start,
		a_start_that_is_ended_lets_master_and_server_clear_up,
		a_start_that_is_ended_leaves_no_worker,
		a_start_whose_master_is_killed_leaves_no_worker,
		a_start_whose_leader_is_killed_leaves_no_worker,
		a_start_whose_starter_is_killed_leaves_no_worker,
		a_start_that_is_ended_leaves_no_other_session,
		what_does_not_obey_is_killed_after_two_seconds,
		a_starter_that_is_killed_fails_the_start,
		no_server_follows_before_the_first_success,
		the_master_is_in_a_new_session_that_it_does_not_lead,
		a_session_leader_may_start_it,
		the_starter_shows_it_on_a_terminal_that_nobody_holds_then,
		no_terminal_can_come_back,
		an_interrupt_from_the_terminal_ends_the_start,
		a_hang_up_of_the_terminal_ends_the_start,
		a_terminal_that_nobody_reads_keeps_no_signal_out,
		a_terminal_that_nobody_reads_does_not_prolong_the_timeout,
		a_terminal_gets_all_in_order_when_somebody_reads_again,
		two_starters_on_one_pipe_do_not_hold_each_other_up,
		the_reason_of_a_failure_waits_for_a_reader,
		a_signal_ends_a_starter_whose_last_words_nobody_reads,
		descriptors_0_to_2_are_made_to_exist,
		stdin_is_dev_null_and_empty_from_the_start_on,
		signals_that_were_blocked_or_ignored_are_so_no_longer,
		a_parent_that_ignored_sigchld_does_not_hide_the_status,
		handlers_mask_limits_and_environment_stay_the_program_s,
		who_loops_ignores_sigpipe_and_leaves_the_rest_alone,
		text_in_stdio_before_a_stage_is_written_once,
		atexit_handlers_run_where_the_program_itself_ends,
		the_working_directory_is_the_root_or_what_is_set,
		a_working_directory_that_is_missing_fails_the_start,
		start_return_fatal_is_returned_in_the_starter_of_a_failed_start,
		start_return_fatal_is_returned_in_a_starter_that_is_interrupted,
		start_return_fatal_is_returned_in_the_starter_after_success,
		the_starter_that_goes_on_is_as_it_was_before,
		the_timeout_ends_all_and_is_status_1,
		in_foreground_the_calling_process_is_the_master,
		in_foreground_descriptors_0_to_2_are_kept,
		in_foreground_the_directory_is_kept,
		in_foreground_descriptors_0_to_2_are_made_to_exist,
		in_foreground_an_ignored_hup_stays_ignored,
		in_foreground_a_failed_start_has_the_same_status,
		in_foreground_a_start_that_is_interrupted_has_status_1,
		process_1_serves_stops_and_reaps_strangers,
		a_stop_of_process_1_before_daemon_master_ends_the_start,
		a_reload_of_process_1_before_daemon_master_is_one_after_success,
		process_1_leaves_the_program_its_handlers,
		a_helper_of_process_1_dies_of_a_signal_as_any_other,
		a_hang_up_of_its_terminal_ends_process_1
	};

	daemon_set_program_name("testd");
	return RUN_TESTS("startup", tests);
}
