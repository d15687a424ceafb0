/*
 * check_notify.c - what a service manager hears of a daemon
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "puppet.h"

static int manager;		/* where the manager receives */
static char name[108];
static char heard_text[4096];
static const struct ucred *sender;

/* As in a manager, the kernel says which process has sent a datagram. */
static void
receive_at(const char *where)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int on = 1;

	snprintf(name, sizeof name, "%s", where);
	memcpy(addr.sun_path, name, strlen(name));
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&addr,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(name))), 0);
	ck_assert_int_eq(setsockopt(manager, SOL_SOCKET, SO_PASSCRED, &on,
	    sizeof on), 0);
}

static void
receive(void)
{
	char path[100];

	snprintf(path, sizeof path, "%s/notify", scratch());
	receive_at(path);
	setenv("NOTIFY_SOCKET", name, 1);
}

/* The next datagram: lines with a "=", without a newline or NUL at the end. */
static const char *
next_message(void)
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec text = { heard_text, sizeof heard_text - 1 };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof control };
	struct pollfd ready = { .fd = manager, .events = POLLIN };
	char copy[4096], *line, *rest = copy;
	ssize_t n;

	ck_assert_int_eq(poll(&ready, 1, DEADLINE * 1000), 1);
	ck_assert_int_gt(n = recvmsg(manager, &message, 0), 0);
	heard_text[n] = '\0';
	ck_assert_uint_eq(strlen(heard_text), (size_t)n);
	strcpy(copy, heard_text);
	while ((line = strsep(&rest, "\n")) != NULL)
		ck_assert(strchr(line, '=') > line);
	sender = (const struct ucred *)(const void *)
	    CMSG_DATA(CMSG_FIRSTHDR(&message));
	return heard_text;
}

/* The next change in the daemon's life, by the master; messages that only time
 * brings are skipped. */
static void
next_step(void)
{
	do {
		next_message();
		ck_assert_int_eq(sender->pid, here.master);
	} while (strstr(heard_text, " workers") != NULL ||
	    strcmp(heard_text, "WATCHDOG=1") == 0);
}

static void
hears_of(const char *text)
{
	next_step();
	ck_assert_str_eq(heard_text, text);
}

static void
hears_ready(void)
{
	char text[64];

	snprintf(text, sizeof text, "READY=1\nMAINPID=%ld",
	    (long)here.master);
	hears_of(text);
}

static int64_t
microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* With a time that is not before this one. */
static void
hears_reloading(int64_t since)
{
	long long when = 0;

	next_step();
	ck_assert_int_eq(sscanf(heard_text, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    &when), 1);
	ck_assert_int_ge(when, since);
	ck_assert_int_le(when, microseconds());
}

/* It is the last message. */
static void
hears_stopping(void)
{
	char byte;

	hears_of("STOPPING=1");
	ck_assert_int_eq(recv(manager, &byte, 1, MSG_DONTWAIT), -1);
}

static void
hears_reloaded(void)
{
	hears_of("READY=1\nSTATUS=Reloaded");
}

/*
 * systemd
 */

START_TEST(the_master_says_ready_at_success_and_stopping_at_the_end)
{
	receive();
	start(1, talker);
	hears_ready();
	stop();
	hears_stopping();
}
END_TEST

START_TEST(an_abstract_name_does_as_well)
{
	char abstract[64];

	snprintf(abstract, sizeof abstract, "@testd-%ld", (long)getpid());
	receive_at(abstract);
	setenv("NOTIFY_SOCKET", name, 1);
	start(1, talker);
	hears_ready();
	stop();
}
END_TEST

static long
has_variable(void)
{
	return (getenv("NOTIFY_SOCKET") != NULL) +
	    (getenv("WATCHDOG_USEC") != NULL) +
	    (getenv("WATCHDOG_PID") != NULL);
}

START_TEST(a_worker_cannot_speak_for_the_service)
{
	static const struct command commands[] = {
		{ "variable", NULL, has_variable },
		{ NULL, NULL, NULL }
	};
	int fd;

	receive();
	setenv("WATCHDOG_USEC", "1", 1);
	setenv("WATCHDOG_PID", "1", 1);
	here.commands = commands;
	start(1, talker);
	hears_ready();
	fd = served(here.port, NULL);
	ck_assert_int_eq(number(fd, "variable"), 0);
	close(fd);
	stop();
}
END_TEST

static void
reloads_by(int signo, int directly)
{
	int64_t since = microseconds();

	call(here.port);	/* before daemon_server() it would be killed */
	send_signal(directly ? here.server : here.master, signo);
	hears_reloading(since);
	next_server();
	hears_reloaded();
}

START_TEST(a_reload_begins_with_reloading_and_ends_with_ready)
{
	receive();
	start(1, talker);
	hears_ready();
	reloads_by(SIGHUP, 0);
	reloads_by(SIGUSR1, 0);
	reloads_by(SIGHUP, 1);
	stop();
	hears_stopping();
}
END_TEST

/* A signal of systemd's own is followed by a wait for the answer. */
static void
is_answered(int signo)
{
	int64_t since = microseconds();

	send_signal(here.master, signo);
	hears_reloading(since);
}

START_TEST(further_signals_during_a_reload_are_answered_too)
{
	int fd;

	receive();
	start(1, talker);
	hears_ready();
	fd = served(here.port, NULL);
	is_answered(SIGHUP);
	is_answered(SIGHUP);
	close(fd);
	hears_reloaded();
	next_server();
	stopped(here.server);	/* so that it does not yet obey */
	is_answered(SIGUSR1);
	is_answered(SIGUSR1);
	is_answered(SIGHUP);
	send_signal(here.server, SIGCONT);
	hears_reloaded();
	stop();
	hears_stopping();
}
END_TEST

static int *waits;

static void
wait_at_gate(void)
{
	if (*waits)
		at_gate();
}

/* Each server but the first waits at the gate before its success. */
static void
start_with_a_gate(void)
{
	receive();
	make_gate();
	waits = shared_memory(sizeof *waits);
	here.before_success = wait_at_gate;
	start(1, talker);
	hears_ready();
	*waits = 1;
}

START_TEST(a_signal_before_the_next_server_is_ready_prolongs_the_reload)
{
	start_with_a_gate();
	is_answered(SIGHUP);
	next_server();
	is_answered(SIGHUP);	/* this one ends the server */
	next_server();
	open_gate();
	hears_reloaded();
	stop();
	hears_stopping();
}
END_TEST

static void
fails_by(char order, const char *status)
{
	start_with_a_gate();
	is_answered(SIGHUP);
	next_server();
	order_at_gate(order);
	hears_of(status);
	next_server();		/* as after a crash: not a reload */
	open_gate();
	stop();
	hears_stopping();
}

START_TEST(a_reload_that_fails_is_said_and_is_over)
{
	fails_by('0', "READY=1\nSTATUS=Reload failed: "
	    "the server ended with status 0");
}
END_TEST

START_TEST(a_reload_that_crashes_is_said_and_is_over)
{
	fails_by('K', "READY=1\nSTATUS=Reload failed: "
	    "the server was ended by signal 9 (Killed)");
}
END_TEST

START_TEST(a_reload_that_ends_the_daemon_is_said_before_the_stop)
{
	start_with_a_gate();
	is_answered(SIGHUP);
	next_server();
	order_at_gate('3');
	hears_of("READY=1\nSTATUS=Reload failed: "
	    "the server ended with status 3");
	hears_stopping();
	exited(ended(here.master), 3);
}
END_TEST

START_TEST(a_reload_that_overlaps_is_over_when_the_last_one_is)
{
	if (cannot_adopt())
		return;
	daemon_set_reload_overlap(1);
	start_with_a_gate();
	is_answered(SIGHUP);
	next_server();
	order_at_gate('3');
	hears_of("READY=1\nSTATUS=Reload failed: "
	    "the server ended with status 3");
	is_answered(SIGHUP);
	next_server();
	is_answered(SIGHUP);	/* another is to follow */
	open_gate();
	next_server();
	is_answered(SIGHUP);
	order_at_gate('3');	/* it fails, and another follows */
	next_server();
	open_gate();
	hears_reloaded();
	stop();
	hears_stopping();
}
END_TEST

START_TEST(a_stop_ends_a_reload_that_overlaps)
{
	if (cannot_adopt())
		return;
	daemon_set_reload_overlap(1);
	start_with_a_gate();
	is_answered(SIGHUP);
	next_server();
	stop();
	hears_stopping();
}
END_TEST

START_TEST(a_server_that_crashes_during_a_reload_does_not_end_it)
{
	int fd;

	receive();
	start(1, talker);
	hears_ready();
	fd = served(here.port, NULL);
	is_answered(SIGHUP);
	send_signal(here.server, SIGKILL);
	hears_reloaded();
	close(fd);
	stop();
	hears_stopping();
}
END_TEST

START_TEST(a_reload_right_after_a_crash_is_one)
{
	receive();
	start(1, talker);
	hears_ready();
	send_signal(here.server, SIGKILL);
	is_answered(SIGHUP);
	hears_reloaded();
	stop();
	hears_stopping();
}
END_TEST

START_TEST(a_stop_ends_a_reload)
{
	receive();
	start(1, talker);
	hears_ready();
	(void)served(here.port, NULL);
	is_answered(SIGHUP);
	stop();
	hears_stopping();
}
END_TEST

START_TEST(a_reload_before_the_success_follows_it)
{
	receive();
	make_gate();
	here.before_success = at_gate;
	start_in_foreground(1, talker);
	send_signal(here.master, SIGHUP);
	open_gate();
	open_gate();
	hears_ready();
	hears_reloading(0);
	hears_reloaded();
	stop();
	hears_stopping();
}
END_TEST

START_TEST(a_crash_is_not_a_reload)
{
	receive();
	start(1, talker);
	hears_ready();
	send_signal(here.server, SIGKILL);
	next_server();
	stop();
	hears_stopping();
}
END_TEST

START_TEST(a_failed_start_says_nothing)
{
	receive();
	here.before_success = end_with_3;
	listen_on(1);
	run_puppet(run_start, talker);
	exited(run_wait(&here.run), 3);
	ck_assert_int_eq(recv(manager, heard_text, 1, MSG_DONTWAIT), -1);
}
END_TEST

static void
tick_at_once(void)
{
	daemon_set_server_tick(1);
	daemon_set_worker_count_max(7);
}

START_TEST(the_number_of_workers_is_said_when_it_has_changed)
{
	int one, other;

	receive();
	here.before_start = tick_at_once;
	start(1, talker);
	hears_ready();
	one = served(here.port, NULL);
	other = served(here.port, NULL);
	while (strcmp(next_message(), "STATUS=2 of 7 workers") != 0)
		ck_assert(strstr(heard_text, " of 7 workers") != NULL);
	close(one);
	close(other);
	while (strcmp(next_message(), "STATUS=0 of 7 workers") != 0)
		ck_assert(strstr(heard_text, " of 7 workers") != NULL);
	stop();
}
END_TEST

static void
allow_nine_in_the_server(void)
{
	daemon_set_worker_count_max(9);
}

START_TEST(the_limit_that_the_server_has_set_is_said)
{
	int one, other;

	receive();
	here.before_start = tick_at_once;
	here.before_success = allow_nine_in_the_server;
	start(1, talker);
	hears_ready();
	one = served(here.port, NULL);
	settled(here.server);	/* it knows its limit, and says it */
	other = served(here.port, NULL);
	while (strncmp(next_message(), "STATUS=2 ", 9) != 0)
		ck_assert_ptr_nonnull(strstr(heard_text, " workers"));
	ck_assert_str_eq(heard_text, "STATUS=2 of 9 workers");
	close(one);
	close(other);
	stop();
}
END_TEST

/* Filled by this process; returns how many it has taken. */
static int
fill(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), count = 0;

	strcpy(addr.sun_path, name);
	while (sendto(fd, "X=1", 3, 0, (struct sockaddr *)&addr,
	    sizeof addr) == 3)
		count++;
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
	return count;
}

/* With several reloads, the last one counts: the manager must not wait for
 * another. */
START_TEST(a_full_socket_is_not_waited_for_and_gets_the_newest_later)
{
	int count, reloads;
	int64_t since = 0;

	receive();
	count = fill();
	start(1, talker);	/* it is ready, and serves */
	for (reloads = 0; reloads < 12; reloads++) {
		since = microseconds();
		send_signal(here.master, SIGHUP);
		next_server();
		call(here.port);
	}
	while (count-- > 0)
		ck_assert_str_eq(next_message(), "X=1");
	hears_ready();
	hears_reloading(since);
	hears_reloaded();
	stop();
	hears_stopping();
}
END_TEST

static void
serves_without(const char *socket, const char *message)
{
	setenv("NOTIFY_SOCKET", socket, 1);
	here.foreground = 1;
	start_in_foreground(1, talker);
	call(here.port);
	send_signal(here.master, SIGHUP);
	next_server();
	call(here.port);
	send_signal(here.master, SIGTERM);
	exited(run_wait(&here.run), 0);
	says(here.run.err, message);
	ck_assert_ptr_null(strstr(strstr(here.run.err, "unable to notify") + 1,
	    "unable to notify"));
}

START_TEST(a_socket_that_is_wrong_costs_one_line)
{
	serves_without("vsock:2:1", "unable to notify vsock:2:1: ");
}
END_TEST

START_TEST(a_socket_that_is_absent_costs_one_line)
{
	serves_without("/nowhere/notify",
	    "unable to notify /nowhere/notify: No such file or directory\n");
}
END_TEST

/*
 * The watchdog
 */

static void
hears_watchdog(void)
{
	while (strcmp(next_message(), "WATCHDOG=1") != 0)
		ck_assert_ptr_nonnull(strstr(heard_text, " workers"));
}

static void
set_watchdog(void)
{
	char pid[32];

	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	setenv("WATCHDOG_PID", pid, 1);
}

static void
start_watched(void (*before_start)(void))
{
	receive();
	setenv("WATCHDOG_USEC", "400000", 1);
	here.before_start = before_start;
	start(1, talker);
	hears_ready();
}

START_TEST(the_watchdog_is_fed_while_the_server_goes_round)
{
	start_watched(set_watchdog);
	hears_watchdog();
	hears_watchdog();
	stop();
}
END_TEST

START_TEST(the_watchdog_is_fed_by_a_server_with_spares)
{
	here.spares = 2;
	start_watched(set_watchdog);
	hears_watchdog();
	hears_watchdog();
	stop();
}
END_TEST

START_TEST(the_watchdog_is_fed_while_a_reload_waits_for_a_worker)
{
	int fd;

	start_watched(set_watchdog);
	fd = served(here.port, NULL);
	send_signal(here.master, SIGHUP);
	hears_reloading(0);
	hears_watchdog();
	hears_watchdog();
	close(fd);
	hears_reloaded();
	hears_watchdog();
	stop();
}
END_TEST

/* After a reload it waits for the test: there is something to save. */
static void
talker_that_saves(void)
{
	int index;

	daemon_set_server_return_fatal(-7);
	index = serve();
	if (index == -7 && daemon_exit_status() == 0) {
		tell_pid("saving");
		at_gate();
	}
	if (index == -7)
		_exit(daemon_exit_status());
	converse(index);
}

static void
forget_messages(void)
{
	while (recv(manager, heard_text, sizeof heard_text, MSG_DONTWAIT) > 0)
		;
}

/* Each 200 ms; it would miss the server after 400. */
START_TEST(the_watchdog_is_fed_while_a_server_clears_up)
{
	int i;

	make_gate();
	receive();
	setenv("WATCHDOG_USEC", "400000", 1);
	here.before_start = set_watchdog;
	start(1, talker_that_saves);
	hears_ready();
	call(here.port);	/* it goes round */
	send_signal(here.master, SIGHUP);
	hears_reloading(0);
	ck_assert_int_eq(heard(&here.run, "saving"), here.server);
	forget_messages();
	for (i = 0; i < 5; i++)
		hears_watchdog();
	open_gate();
	hears_reloaded();
	next_server();
	stop();
}
END_TEST

static void
hang_for_three_seconds(void)
{
	struct rlimit none = { 0, 0 };

	daemon_set_server_hang_max(3);
	setrlimit(RLIMIT_CORE, &none);
}

static void
end_at_the_second_crash(void)
{
	set_watchdog();
	hang_for_three_seconds();
	daemon_set_restart_count_max(1);
}

/* The master checks every 100 ms. After 4 checks without a sign of life it
 * stops feeding the watchdog; after 30 it kills the server, and so itself: the
 * test hears the end. */
START_TEST(the_watchdog_is_not_fed_while_the_server_hangs)
{
	int count = 0;

	start_watched(end_at_the_second_crash);
	send_signal(here.server, SIGKILL);
	next_server();
	call(here.port);	/* its loop runs */
	stopped(here.server);
	forget_messages();
	while (strcmp(next_message(), "STOPPING=1") != 0)
		count += strcmp(heard_text, "WATCHDOG=1") == 0;
	ck_assert_int_le(count, 4);
	exited(ended(here.master), 128 + SIGABRT);
}
END_TEST

static int *births;

static void
hang_in_the_second(void)
{
	if (++*births == 2)
		at_gate();
}

/* Not in the starter: the start itself may take longer. */
static void
prepare_in_a_second(void)
{
	daemon_set_start_timeout(1);
}

static void
be_watched_and_hang(void)
{
	set_watchdog();
	hang_for_three_seconds();
}

/* Looked at each 100 ms: 10 times it may prepare, 4 times later it is not fed,
 * and 40 times later, it would be 20 messages, it is killed. */
START_TEST(a_reload_that_hangs_before_its_success_is_found_and_said)
{
	int count = 0;

	make_gate();
	births = shared_memory(sizeof *births);
	here.before_master = prepare_in_a_second;
	here.before_success = hang_in_the_second;
	start_watched(be_watched_and_hang);
	is_answered(SIGHUP);
	while (strncmp(next_message(), "READY=1", 7) != 0)
		count += strcmp(heard_text, "WATCHDOG=1") == 0;
	ck_assert_int_le(count, 15);
	says(heard_text, "STATUS=Reload failed: the server was ended by "
	    "signal 6 (");
	next_server();
	next_server();
	call(here.port);
	hears_watchdog();
	stop();
}
END_TEST

static void
set_watchdog_of_another(void)
{
	setenv("WATCHDOG_PID", "1", 1);
	tick_at_once();
}

/* The tick is longer than what it would wait. */
START_TEST(a_watchdog_of_another_process_is_not_fed)
{
	start_watched(set_watchdog_of_another);
	ck_assert_str_eq(next_message(), "STATUS=0 of 7 workers");
	stop();
	hears_stopping();
}
END_TEST

/* In the foreground, so that its messages can be read. */
static void
start_hanging(void)
{
	here.before_start = hang_for_three_seconds;
	start_in_foreground(1, talker);
}

static void
is_killed(void)
{
	says(message(), "unable to keep the server: it has hung for 3 s: "
	    "it is killed");
}

static void
hangs_and_is_replaced(void)
{
	int fd = served(here.port, NULL);

	stopped(here.server);
	is_killed();
	says(message(), "unable to keep the server: it was ended by signal");
	next_server();
	echoes(fd, "still here");
	close(fd);
	call(here.port);
	stop();
}

START_TEST(a_server_that_hangs_is_replaced)
{
	start_hanging();
	hangs_and_is_replaced();
}
END_TEST

START_TEST(a_server_with_spares_that_hangs_is_replaced)
{
	here.spares = 2;
	start_hanging();
	hangs_and_is_replaced();
}
END_TEST

static void
ignore_abort(void)
{
	signal(SIGABRT, SIG_IGN);
}

START_TEST(a_server_that_ignores_sigabrt_is_replaced)
{
	here.before_server = ignore_abort;
	start_hanging();
	hangs_and_is_replaced();
}
END_TEST

START_TEST(a_server_that_hangs_in_a_reload_is_replaced)
{
	int fd;

	start_hanging();
	fd = served(here.port, NULL);
	stopped(here.server);
	send_signal(here.master, SIGHUP);
	is_killed();
	next_server();
	echoes(fd, "still here");
	close(fd);
	call(here.port);
	stop();
}
END_TEST

START_TEST(a_server_that_hangs_is_replaced_by_the_one_beside_it)
{
	int fd;

	if (cannot_adopt())
		return;
	make_gate();
	waits = shared_memory(sizeof *waits);
	here.before_success = wait_at_gate;
	daemon_set_reload_overlap(1);
	start_hanging();
	fd = served(here.port, NULL);
	*waits = 1;
	stopped(here.server);
	send_signal(here.master, SIGHUP);
	next_server();
	is_killed();
	open_gate();
	echoes(fd, "still here");
	close(fd);
	call(here.port);
	stop();
}
END_TEST

START_TEST(a_stop_that_waits_for_workers_goes_on_without_a_hung_server)
{
	int fd;

	start_hanging();
	fd = served(here.port, NULL);
	stopped(here.server);
	send_signal(here.master, SIGUSR2);
	is_killed();
	echoes(fd, "still here");
	close(fd);
	exited(run_wait(&here.run), 0);
	nothing_left();
}
END_TEST

/*
 * s6 and dinit
 */

static int to_test, from_daemon;

static void
notify_test(void)
{
	daemon_set_notify_fd(to_test);
}

static void
clean(void)
{
	daemon_clean_fd(FACTS);
	if (fcntl(to_test, F_GETFD) == -1)
		_exit(97);
}

/* Reads a newline and end of file, when the last process has closed it. */
static void
hears_a_newline(void)
{
	char text[8];

	close(to_test);
	ck_assert_int_eq(read(from_daemon, text, sizeof text), 1);
	ck_assert_int_eq(text[0], '\n');
	ck_assert_int_eq(read(from_daemon, text, sizeof text), 0);
}

static void
open_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	from_daemon = ends[0];
	to_test = fcntl(ends[1], F_DUPFD, 20);
	close(ends[1]);
	fcntl(from_daemon, F_SETFD, FD_CLOEXEC);
	here.before_start = notify_test;
}

START_TEST(a_descriptor_gets_a_newline_at_success_and_is_closed)
{
	open_pipe();
	here.foreground = 1;
	start_in_foreground(1, talker);
	hears_a_newline();
	call(here.port);
	send_signal(here.master, SIGHUP);
	next_server();
	send_signal(here.master, SIGTERM);
	exited(run_wait(&here.run), 0);
}
END_TEST

START_TEST(no_server_logger_or_starter_keeps_the_descriptor)
{
	open_pipe();
	start(1, talker);
	hears_a_newline();
	stop();
}
END_TEST

/* Its numbers are the library's from now on. */
static void
close_all(void)
{
	int fd;

	for (fd = FACTS + 1; fd < 256; fd++)
		close(fd);
}

static void
notify_and_close(void)
{
	notify_test();
	close_all();
}

static void
close_it(void)
{
	close(to_test);
}

/* By now it is another file. */
static void
exchange(void)
{
	int fd = open("/dev/null", O_WRONLY);

	if (fd == -1 || dup2(fd, to_test) == -1)
		_exit(97);
}

static void
is_missed(const char *stage)
{
	char text[128];

	run_puppet(run_start, talker);
	exited(run_wait(&here.run), 1);
	snprintf(text, sizeof text, "unable to %s: the program has closed "
	    "descriptor %d, which it has given to daemon_set_notify_fd()\n",
	    stage, to_test);
	says(here.run.err, text);
	nothing_left();
}

START_TEST(a_descriptor_that_the_program_has_closed_is_an_error)
{
	here.listeners = 0;
	open_pipe();
	here.before_start = notify_and_close;
	is_missed("start");
	here.before_start = notify_test;
	here.before_master = close_it;
	is_missed("become the master");
	here.before_master = exchange;
	is_missed("become the master");
}
END_TEST

/* Only the last one gets it; the others are the program's. */
static void
notify_test_in_the_end(void)
{
	daemon_set_notify_fd(FACTS);
	notify_test();
	notify_test();
}

START_TEST(a_descriptor_may_be_given_twice)
{
	open_pipe();
	here.before_start = notify_test_in_the_end;
	start(1, talker);
	hears_a_newline();
	stop();
}
END_TEST

/* Its start has succeeded, and it goes on. */
static void
starter_stays(void)
{
	notify_test();
	daemon_set_start_return_fatal(-7);
	if (daemon_start() == -7) {
		at_gate();
		_exit(0);
	}
	open_port();
	tell_pid("master");
	daemon_master();
	daemon_success();
	converse(daemon_server(here.fds, here.listeners));
}

START_TEST(a_starter_that_returns_does_not_keep_the_descriptor)
{
	make_gate();
	open_pipe();
	run_start(&here.run, starter_stays);
	here.master = (pid_t)heard(&here.run, "master");
	hears_a_newline();
	open_gate();
	exited(run_wait(&here.run), 0);
	stop();
}
END_TEST

START_TEST(daemon_clean_fd_leaves_the_descriptor)
{
	open_pipe();
	here.before_master = clean;
	here.listeners = 0;
	run_puppet(run_daemon, talker);
	hears_a_newline();
	here.master = (pid_t)heard(&here.run, "master");
	stop();
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_meant_is_an_error)
{
	static const int refused[] = { INT_MIN, -1, 0, 1, 2 };
	int i;

	for (i = 0; i < COUNT(refused); i++) {
		errno = 0;
		ck_assert_int_eq(daemon_set_notify_fd(refused[i]), -1);
		ck_assert_int_eq(errno, EINVAL);
	}
	open_pipe();
	close(to_test);
	ck_assert_int_eq(daemon_set_notify_fd(to_test), -1);
	ck_assert_int_eq(errno, EBADF);
	ck_assert_int_eq(daemon_set_notify_fd(from_daemon), 0);
}
END_TEST

static void
write_file(const char *file, const char *format, const char *value)
{
	char path[PATH_MAX];
	FILE *to;

	snprintf(path, sizeof path, "%s/%s", scratch(), file);
	ck_assert_ptr_nonnull(to = fopen(path, "w"));
	fprintf(to, format, value);
	fputc('\n', to);
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

/* s6-svwait fails if the service ends, and waits while it is not ready. */
START_TEST(s6_hears_that_a_service_is_ready)
{
	char supervise[] = "s6-supervise", wait_for[] = "s6-svwait",
	    ready[] = "-U", stop_it[] = "s6-svc", down[] = "-xd", path[512];
	char *service[] = { supervise, path, NULL };
	char *waiter[] = { wait_for, ready, path, NULL };
	char *stopper[] = { stop_it, down, path, NULL };
	struct run run, other;
	long since = 0;

	if (skip_if(system("command -v s6-supervise >/dev/null") != 0,
	    "there is no s6-supervise"))
		return;
	snprintf(path, sizeof path, "%s", scratch());
	write_file("notification-fd", "%s", "5");
	write_file("run", "#!/bin/sh\nexec '%s/examples/superserver' -f -d 5 "
	    "-a 127.0.0.1 /bin/cat", getenv("TOP_BUILDDIR"));
	run_command(&run, service);
	snprintf(path + strlen(path), sizeof path - strlen(path),
	    "/supervise/status");
	while (access(path, F_OK) == -1)
		look_again(&since, "s6-supervise");
	snprintf(path, sizeof path, "%s", scratch());
	run_command(&other, waiter);
	exited(run_wait(&other), 0);
	run_command(&other, stopper);
	exited(run_wait(&other), 0);
	exited(run_wait(&run), 0);
	nothing_left();
}
END_TEST

START_TEST(a_descriptor_that_nobody_reads_does_not_end_the_daemon)
{
	open_pipe();
	close(from_daemon);
	start(1, talker);
	call(here.port);
	stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		the_master_says_ready_at_success_and_stopping_at_the_end,
		an_abstract_name_does_as_well,
		a_worker_cannot_speak_for_the_service,
		a_reload_begins_with_reloading_and_ends_with_ready,
		further_signals_during_a_reload_are_answered_too,
		a_signal_before_the_next_server_is_ready_prolongs_the_reload,
		a_reload_that_fails_is_said_and_is_over,
		a_reload_that_crashes_is_said_and_is_over,
		a_reload_that_ends_the_daemon_is_said_before_the_stop,
		a_reload_that_overlaps_is_over_when_the_last_one_is,
		a_stop_ends_a_reload_that_overlaps,
		a_server_that_crashes_during_a_reload_does_not_end_it,
		a_reload_right_after_a_crash_is_one,
		a_stop_ends_a_reload,
		a_reload_before_the_success_follows_it,
		a_crash_is_not_a_reload,
		a_failed_start_says_nothing,
		the_number_of_workers_is_said_when_it_has_changed,
		the_limit_that_the_server_has_set_is_said,
		a_full_socket_is_not_waited_for_and_gets_the_newest_later,
		a_socket_that_is_wrong_costs_one_line,
		a_socket_that_is_absent_costs_one_line,
		the_watchdog_is_fed_while_the_server_goes_round,
		the_watchdog_is_fed_by_a_server_with_spares,
		the_watchdog_is_fed_while_a_reload_waits_for_a_worker,
		the_watchdog_is_fed_while_a_server_clears_up,
		the_watchdog_is_not_fed_while_the_server_hangs,
		a_reload_that_hangs_before_its_success_is_found_and_said,
		a_watchdog_of_another_process_is_not_fed,
		a_server_that_hangs_is_replaced,
		a_server_with_spares_that_hangs_is_replaced,
		a_server_that_ignores_sigabrt_is_replaced,
		a_server_that_hangs_in_a_reload_is_replaced,
		a_server_that_hangs_is_replaced_by_the_one_beside_it,
		a_stop_that_waits_for_workers_goes_on_without_a_hung_server,
		a_descriptor_that_cannot_be_meant_is_an_error,
		a_descriptor_gets_a_newline_at_success_and_is_closed,
		no_server_logger_or_starter_keeps_the_descriptor,
		a_descriptor_that_the_program_has_closed_is_an_error,
		a_descriptor_may_be_given_twice,
		a_starter_that_returns_does_not_keep_the_descriptor,
		daemon_clean_fd_leaves_the_descriptor,
		s6_hears_that_a_service_is_ready,
		a_descriptor_that_nobody_reads_does_not_end_the_daemon
	};

	return RUN_TESTS("notify", tests);
}
