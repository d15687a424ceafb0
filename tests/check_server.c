/*
 * check_server.c - daemon_server(): accept, fork, count; obey the signals
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "accept.h"
#include "puppet.h"
#include "sockets.h"

enum {
	THOUSAND = 1000,
	HUNDREDS = 300,
	CROWD = 200,
	FILE_AT = 900,		/* a descriptor */
	CALLERS = 8,
	RELOADS = 30,
	RELOAD_EVERY = 50,	/* ms */
	KILLS = 50,
	FOR_EVER = 3000,	/* seconds that a socket may linger */
	PAUSE = 650		/* ms: longer than the first pauses together */
};

/*
 * The test's side
 */

/* A client that has sent a line and may have to wait for the answer. */
static int
waiting(int port)
{
	int fd = client(port);

	client_says(fd, "hello\n");
	return fd;
}

static void
answered(int fd)
{
	hears(fd, "hello");
}

static void
refuses(int port)
{
	double deadline = seconds() + DEADLINE;
	int fd;

	/* ECONNRESET: the listener was closed with this client in its queue. */
	while ((fd = client_if(port)) != -1 || errno == ECONNRESET) {
		ck_assert_msg(seconds() < deadline, "port %d stays open", port);
		if (fd != -1)
			close(fd);
	}
	ck_assert_int_eq(errno, ECONNREFUSED);
}

/* How many descriptors an idle server has. */
static int
idle_descriptors(void)
{
	call(here.port);
	has_children(here.server, 0);
	return descriptors_of(here.server);
}

static void
freeze(pid_t pid)
{
	send_signal(pid, SIGSTOP);
	becomes(pid, 'T');
}

/* Seconds of processor time that a process has used. */
static double
cpu_of(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	ck_assert_int_eq(clock_getcpuclockid(pid, &clock), 0);
	ck_assert_int_eq(clock_gettime(clock, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * Accepting
 */

static void
one_at_a_time(void)
{
	daemon_set_worker_count_max(1);
	tell("turn", serve());
}

START_TEST(server_gives_each_ready_listener_one_fair_turn)
{
	int clients[15], i, round, turn, had[3];

	start(3, one_at_a_time);
	freeze(here.server);
	for (i = 0; i < 15; i++)
		clients[i] = client(here.ports[i / 5]);
	send_signal(here.server, SIGCONT);
	for (round = 0; round < 5; round++) {
		had[0] = had[1] = had[2] = 0;
		for (i = 0; i < 3; i++) {
			turn = (int)heard(&here.run, "turn");
			ck_assert_msg(!had[turn], "listener %d has two turns "
			    "in round %d", turn, round);
			had[turn] = 1;
		}
	}
	for (i = 0; i < 15; i++)
		close(clients[i]);
	stop();
}
END_TEST

START_TEST(server_lets_no_flood_on_one_listener_starve_another)
{
	int flood[60], others[2], i, flooded = 0, before = 0;

	start(2, one_at_a_time);
	for (i = 0; i < 50; i++)
		flood[flooded++] = client(here.port);
	others[0] = client(here.ports[1]);
	others[1] = client(here.ports[1]);
	/* A client that was served is followed by another at once. */
	for (i = 0; i < 2; before++) {
		ck_assert_int_lt(before, 60);
		if (heard(&here.run, "turn") == 1)
			i++;
		else if (flooded < 60)
			flood[flooded++] = client(here.port);
	}
	while (--flooded >= 0)
		close(flood[flooded]);
	close(others[0]);
	close(others[1]);
	stop();
}
END_TEST

/* The test has it too, as another service would. */
static void
make_it_block(void)
{
	int flags = fcntl(here.fds[0], F_GETFL);

	ck_assert(flags != -1 && flags & O_NONBLOCK);
	fcntl(here.fds[0], F_SETFL, flags & ~O_NONBLOCK);
}

static void
steal_a_client(enum theft theft)
{
	int fd;

	steal_at(here.fds[0], theft);
	fd = client(here.port);
	hears(fd, NULL);
	close(fd);
}

START_TEST(an_inherited_listener_that_others_make_block_makes_nobody_deaf)
{
	make_failing();
	start_in_foreground(2, talker);
	call(here.port);
	make_it_block();
	steal_a_client(THEFT);
	call(here.ports[1]);
	make_it_block();
	call(here.port);
	steal_a_client(BLOCKING_THEFT);
	call(here.ports[1]);
	call(here.port);
	send_signal(here.master, SIGTERM);
	exited(run_wait(&here.run), 0);
	nothing_left();
}
END_TEST

static void
index_teller(void)
{
	printf("%d\n", serve());
}

START_TEST(server_returns_the_index_of_the_listener)
{
	char expected[2] = "0";
	int i, fd;

	start(3, index_teller);
	for (i = 5; i >= 0; i--) {
		expected[0] = (char)('0' + i % 3);
		fd = client(here.ports[i % 3]);
		ck_assert_pstr_eq(client_hears(fd), expected);
		close(fd);
	}
	stop();
}
END_TEST

static void
two_at_a_time(void)
{
	daemon_set_server_tick(1000);	/* longer than a test lasts */
	daemon_set_worker_count_max(2);
	talker();
}

START_TEST(server_lets_clients_wait_at_worker_count_max)
{
	int first, second, third;

	start(1, two_at_a_time);
	first = served(here.port, NULL);
	second = served(here.port, NULL);
	third = waiting(here.port);	/* it waits and is not refused */
	ck_assert(silent_for(third, 50));
	has_children(here.server, 2);
	echoes(first, "still here");
	close(second);
	answered(third);
	close(first);
	close(third);
	stop();
}
END_TEST

START_TEST(server_uses_a_free_slot_at_once)
{
	int held, fd, i;

	start(1, two_at_a_time);
	held = served(here.port, NULL);
	fd = served(here.port, NULL);
	for (i = 0; i < 20; i++) {
		int next = waiting(here.port);

		close(fd);
		answered(fd = next);
	}
	close(fd);
	close(held);
	stop();
}
END_TEST

static void
counter(void)
{
	daemon_set_worker_count_max(3);
	serve();
	tell("worker", 1);
	converse(0);
	tell("worker", -1);
}

START_TEST(server_has_never_more_workers_than_it_may)
{
	struct pollfd callers[40];
	int i, left = 40, count = 0, most = 0;

	start(1, counter);
	for (i = 0; i < 40; i++) {
		callers[i].fd = waiting(here.port);
		callers[i].events = POLLIN;
	}
	for (i = 0; i < 3; i++)
		ck_assert(!silent_for(callers[i].fd, DEADLINE * 1000));
	while (left > 0) {
		ck_assert_int_gt(poll(callers, 40, DEADLINE * 1000), 0);
		for (i = 0; i < 40; i++)
			if (callers[i].fd >= 0 && callers[i].revents != 0) {
				answered(callers[i].fd);
				close(callers[i].fd);
				callers[i].fd = -1;
				left--;
			}
	}
	for (i = 0; i < 80; i++) {
		count += (int)heard(&here.run, "worker");
		ck_assert_int_le(count, 3);
		most = count > most ? count : most;
	}
	ck_assert_int_eq(most, 3);
	stop();
}
END_TEST

START_TEST(server_serves_a_thousand_clients_and_keeps_nothing_of_them)
{
	int i, before;

	start(1, talker);
	before = idle_descriptors();
	for (i = 0; i < THOUSAND; i++)
		call(here.port);
	has_children(here.server, 0);
	has_descriptors(here.server, before);
	stop();
}
END_TEST

static void
talker_to_many(void)
{
	daemon_set_worker_count_max(HUNDREDS);
	talker();
}

START_TEST(server_serves_hundreds_of_clients_side_by_side)
{
	static int clients[HUNDREDS];
	int i, before;

	start(1, talker_to_many);
	before = idle_descriptors();
	for (i = 0; i < HUNDREDS; i++)
		clients[i] = waiting(here.port);
	for (i = 0; i < HUNDREDS; i++)
		answered(clients[i]);
	has_children(here.server, HUNDREDS);
	has_descriptors(here.server, before);
	for (i = 0; i < HUNDREDS; i++) {
		echoes(clients[i], "and again");
		close(clients[i]);
	}
	has_children(here.server, 0);
	stop();
}
END_TEST

START_TEST(server_goes_on_after_clients_that_have_gone)
{
	int i, fd;

	start(1, talker);
	freeze(here.server);
	for (i = 0; i < 10; i++)
		if (i % 2 == 0)
			reset(client(here.port));
		else
			close(client(here.port));
	fd = waiting(here.port);
	send_signal(here.server, SIGCONT);
	answered(fd);
	close(fd);
	has_children(here.server, 0);
	ck_assert_int_eq(only_child_of(here.master), here.server);
	stop();
}
END_TEST

static int forks;	/* by this server */

static void
count_fork(void)
{
	forks++;
}

static void
count_forks(void)
{
	pthread_atfork(NULL, count_fork, NULL);
}

static void
fork_teller(void)
{
	char line[256];

	serve();
	if (fgets(line, sizeof line, stdin) != NULL) {
		tell("forks before", forks);
		fputs(line, stdout);
	}
}

START_TEST(server_forks_nobody_for_a_client_that_has_reset)
{
	int i, fd;

	here.before_server = count_forks;
	start(1, fork_teller);
	freeze(here.server);
	for (i = 0; i < 10; i++)
		reset(waiting(here.port));
	fd = waiting(here.port);
	send_signal(here.server, SIGCONT);
	answered(fd);
	ck_assert_int_eq(heard(&here.run, "forks before"), 0);
	close(fd);
	stop();
}
END_TEST

START_TEST(server_serves_a_client_that_has_said_all_before_it_was_accepted)
{
	int fd;

	start(1, talker);
	freeze(here.server);
	fd = waiting(here.port);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	send_signal(here.server, SIGCONT);
	answered(fd);
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
	stop();
}
END_TEST

/* Another process that shares the listener may empty its queue. */
START_TEST(server_does_not_wait_in_accept)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	int fd, taken;

	start_in_foreground(1, talker);
	call(here.port);
	ck_assert_int_ne(fcntl(here.fds[0], F_GETFL) & O_NONBLOCK, 0);
	freeze(here.server);
	fd = client(here.port);
	taken = accept(here.fds[0], (struct sockaddr *)&addr, &len);
	ck_assert_int_ge(taken, 0);
	send_signal(here.server, SIGCONT);
	close(taken);
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
	call(here.port);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/*
 * When the system is short of something
 */

/* The server sets its own limit at a signal, since a test may not be allowed
 * to. -1: as much as it may. */
static void
limit_self(int signo, siginfo_t *info, void *context)
{
	int resource = signo == SIGRTMIN ? RLIMIT_NOFILE : RLIMIT_NPROC;
	struct rlimit value;

	(void)context;
	getrlimit(resource, &value);
	value.rlim_cur = info->si_value.sival_int == -1 ? value.rlim_max :
	    (rlim_t)info->si_value.sival_int;
	tell("limited", setrlimit(resource, &value));
}

static void
take_limits(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = limit_self;
	action.sa_flags = SA_SIGINFO | SA_RESTART;
	sigaction(SIGRTMIN, &action, NULL);
	sigaction(SIGRTMIN + 1, &action, NULL);
}

static void
limit(int resource, int soft)
{
	union sigval value = { .sival_int = soft };

	ck_assert_int_eq(sigqueue(here.server, resource == RLIMIT_NOFILE ?
	    SIGRTMIN : SIGRTMIN + 1, value), 0);
	ck_assert_int_eq(heard(&here.run, "limited"), 0);
}

/* The next descriptor that the server would get. */
static int
lowest_free(pid_t pid)
{
	char path[64], target[256];
	int fd = -1;

	do
		snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)pid,
		    ++fd);
	while (readlink(path, target, sizeof target) != -1);
	return fd;
}

/* Meanwhile the server says nothing more, and wakes only after 100 ms, another
 * 200 ms and another 400 ms. */
static void
rests(void)
{
	double cpu = cpu_of(here.server), begin = seconds(), pauses;
	long woken = atol(status_of(here.server, "voluntary_ctxt_switches"));

	ck_assert_msg(no_message(PAUSE),
	    "more than one message: %s", message());
	pauses = (seconds() - begin) * 10;
	cpu = cpu_of(here.server) - cpu;
	ck_assert_msg(cpu < pauses / 100, "%.3f s of processor time", cpu);
	woken = atol(status_of(here.server, "voluntary_ctxt_switches")) - woken;
	ck_assert_msg((double)woken < pauses * 0.9, "woken %ld times",
	    woken);
}

static void
talker_with_few_descriptors(void)
{
	take_limits();
	talker();
}

START_TEST(server_rests_when_there_are_no_descriptors_and_goes_on_then)
{
	int round, fd, held, idle;

	start_in_foreground(1, talker_with_few_descriptors);
	idle = idle_descriptors();
	held = served(here.port, NULL);
	for (round = 0; round < 2; round++) {
		has_descriptors(here.server, idle);
		limit(RLIMIT_NOFILE, lowest_free(here.server));
		fd = waiting(here.port);
		says(message(), "unable to accept a connection: "
		    "Too many open files");
		if (round == 0)
			rests();
		echoes(held, "still here");
		limit(RLIMIT_NOFILE, -1);
		answered(fd);
		close(fd);
	}
	close(held);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* Becomes a user without other processes: the limit is for all processes of a
 * user, and not for root. */
static void
become_nobody_else(void)
{
	uid_t uid = (uid_t)(100000 + getpid() % 100000);

	if (geteuid() == 0 && (setgid(uid) == -1 || setuid(uid) == -1))
		_exit(98);
}

static void
talker_of_a_user(void)
{
	become_nobody_else();
	take_limits();
	serve();
	tell_pid("worker");
	tell("parent", getppid());
	converse(0);
}

/* A client that the server keeps, since it cannot fork. */
static int
no_process_for(int (*comes)(int port))
{
	int fd;

	limit(RLIMIT_NPROC, 0);
	fd = comes(here.port);
	says(message(), "unable to fork a worker: ");
	return fd;
}

static int
kept_client(void)
{
	return no_process_for(waiting);
}

START_TEST(server_keeps_the_client_for_whom_there_is_no_process)
{
	int round, kept, later;

	start_in_foreground(1, talker_of_a_user);
	call(here.port);
	for (round = 0; round < 2; round++) {
		kept = kept_client();
		later = waiting(here.port);
		if (round == 0)
			rests();
		has_children(here.server, 0);
		limit(RLIMIT_NPROC, -1);
		answered(kept);
		answered(later);
		close(kept);
		close(later);
		has_children(here.server, 0);
	}
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(server_serves_the_kept_client_before_a_reload_ends_it)
{
	int held, kept;
	pid_t worker;

	start_in_foreground(1, talker_of_a_user);
	held = served(here.port, NULL);
	worker = (pid_t)heard(&here.run, "worker");
	kept = kept_client();
	send_signal(here.master, SIGHUP);
	is_asked(held, SIGHUP);
	close(held);
	gone(worker);
	has_children(here.server, 0);
	limit(RLIMIT_NPROC, -1);
	answered(kept);
	heard(&here.run, "worker");
	ck_assert_int_eq(heard(&here.run, "parent"), here.server);
	/* Its worker was forked too late to be asked together with the
	 * others. */
	is_asked(kept, SIGHUP);
	ck_assert(running(here.server));
	close(kept);
	ck_assert_int_ne(heard(&here.run, "server"), here.server);
	call(here.port);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* Which has sent nothing, and acknowledges nothing. */
START_TEST(server_does_not_linger_for_the_kept_client)
{
	int fd;

	if (cannot_become_deaf())
		return;
	daemon_set_stop_timeout(FOR_EVER);	/* it is not killed */
	here.open_listener = listen_and_linger;
	start_in_foreground(1, talker_of_a_user);
	fd = no_process_for(client);
	become_deaf(fd);
	stop();
	ck_assert_str_eq(here.run.err, "");
	close(fd);
}
END_TEST

START_TEST(server_leaves_the_kept_client_when_it_must_end_at_once)
{
	int kept;

	start_in_foreground(1, talker_of_a_user);
	call(here.port);
	kept = kept_client();
	stop();
	ck_assert_ptr_null(client_hears(kept));
	close(kept);
}
END_TEST

/*
 * When accept(2) does not work
 */

static void
start_with_a_failing_listener(int error, int times)
{
	make_failing();
	start_in_foreground(2, talker);
	call(here.port);
	fail_at(here.fds[0], error, times);
}

/* What a seccomp filter returns for calls that it does not know, and errors
 * that mean one client if they are rare. */
START_TEST(server_lets_a_listener_rest_where_accept_always_fails)
{
	static const int errors[] = { EPERM, EOPNOTSUPP, EACCES };
	char expected[128];
	double begin;
	int i, k, stuck;

	for (i = 0; i < 3; i++) {
		start_with_a_failing_listener(errors[i], -1);
		begin = seconds();
		stuck = waiting(here.port);
		snprintf(expected, sizeof expected, ": unable to accept a "
		    "connection: %s; trying again", strerror(errors[i]));
		says(message(), expected);
		for (k = 0; k < 3; k++)
			call(here.ports[1]);
		ck_assert_msg(no_message(PAUSE), "and: %s",
		    message());
		ck_assert_msg(failing->calls < 20 + (seconds() - begin) * 10,
		    "%d calls", failing->calls);
		call(here.ports[1]);
		failing->error = 0;
		answered(stuck);
		close(stuck);
		call(here.port);
		stop();
		ck_assert_str_eq(here.run.err, "");
		leave_listeners();
	}
}
END_TEST

START_TEST(server_takes_a_few_failures_of_accept_for_those_of_clients)
{
	int fd;

	start_with_a_failing_listener(ECONNABORTED, 9);
	fd = waiting(here.port);
	answered(fd);
	ck_assert_int_eq(failing->times, 0);
	close(fd);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/*
 * When there are no descriptors for a new server
 */

static int *servers;	/* how many there have been */

static void
take_all_descriptors_but_at_first(void)
{
	struct rlimit few;

	if ((*servers)++ == 0)
		return;
	getrlimit(RLIMIT_NOFILE, &few);
	few.rlim_cur = (rlim_t)lowest_free(getpid());
	setrlimit(RLIMIT_NOFILE, &few);
	tell("has none", 1);
}

static void
give_descriptors(void)
{
	struct rlimit few;

	ck_assert_int_eq(prlimit(here.server, RLIMIT_NOFILE, NULL, &few), 0);
	few.rlim_cur = few.rlim_max;
	ck_assert_int_eq(prlimit(here.server, RLIMIT_NOFILE, &few, NULL), 0);
}

static void
reload_without_descriptors(void)
{
	send_signal(here.master, SIGHUP);
	gone(here.server);
	next_server();
	heard(&here.run, "has none");
}

START_TEST(server_that_is_not_the_first_waits_for_descriptors)
{
	int fd;

	servers = shared_memory(sizeof *servers);
	here.before_server = take_all_descriptors_but_at_first;
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		*servers = 0;
		start_in_foreground(1, talker);
		call(here.port);
		reload_without_descriptors();
		fd = waiting(here.port);
		says(message(), ": unable to serve: Too many open files");
		ck_assert_msg(no_message(PAUSE), "and: %s",
		    message());
		give_descriptors();
		answered(fd);
		close(fd);
		stop();
		ck_assert_str_eq(here.run.err, "");
		leave_listeners();
	}
}
END_TEST

static void
talker_that_confirms_without_descriptors(void)
{
	daemon_start();
	tell_pid("master");
	daemon_master();
	tell_pid("server");
	take_all_descriptors_but_at_first();
	daemon_success();
	daemon_server(here.fds, here.listeners);
	converse(0);
}

START_TEST(server_that_is_not_the_first_confirms_without_descriptors)
{
	int fd;

	servers = shared_memory(sizeof *servers);
	start(1, talker_that_confirms_without_descriptors);
	call(here.port);
	reload_without_descriptors();
	fd = waiting(here.port);
	ck_assert(silent_for(fd, 50));
	give_descriptors();
	answered(fd);
	close(fd);
	stop();
}
END_TEST

/*
 * Descriptors of the library
 */

static int file;	/* it gets the numbers of what was closed */

/* What closefrom(3) does. */
static void
put_the_file_everywhere(void)
{
	int fd;

	for (fd = FACTS + 1; fd < 64; fd++)
		if (fd != here.fds[0] && fd != file)
			dup2(file, fd);
}

START_TEST(program_that_closes_what_the_library_needs_is_told_so)
{
	struct stat now;

	file = fileno(tmpfile());
	here.before_server = put_the_file_everywhere;
	start_in_foreground(1, talker);
	says(message(), "unable to serve: the program has closed a descriptor "
	    "of the library: daemon_clean_fd() keeps them open");
	says(message(), "unable to go on: the server ended with status 1, "
	    "which ends the daemon");
	exited(run_wait(&here.run), 1);
	ck_assert_int_eq(fstat(file, &now), 0);
	ck_assert_int_eq(now.st_size, 0);
	close(file);
}
END_TEST

/*
 * Listeners
 */

START_TEST(server_drops_a_listener_that_another_has_shut_down)
{
	double cpu;
	int held;

	start_in_foreground(2, talker);
	held = served(here.port, NULL);
	ck_assert_int_eq(shutdown(here.fds[0], SHUT_RDWR), 0);
	says(message(), "unable to accept on descriptor ");
	cpu = cpu_of(here.server);
	call(here.ports[1]);
	call(here.ports[1]);
	echoes(held, "still here");
	ck_assert(no_message(50));
	ck_assert(cpu_of(here.server) - cpu < 0.04);
	close(held);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(server_ends_with_1_when_no_listener_is_left)
{
	int status;

	start_in_foreground(2, talker);
	call(here.port);
	ck_assert_int_eq(shutdown(here.fds[0], SHUT_RDWR), 0);
	ck_assert_int_eq(shutdown(here.fds[1], SHUT_RDWR), 0);
	status = run_wait(&here.run);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	says(here.run.err, "unable to serve: no listening socket is left");
	nothing_left();
}
END_TEST

static struct {
	const char *why;
	int count;
	int fds[3];
} wrong;

static void
wrong_program(void)
{
	daemon_set_foreground(1);
	daemon_start();
	daemon_master();
	daemon_success();
	daemon_server(wrong.count == -2 ? NULL : wrong.fds,
	    wrong.count == -2 ? 1 : wrong.count);
	tell("returned", 1);
}

static void
refuses_to_serve(const char *why, int count, int first, int second)
{
	long number;
	int status;

	wrong.count = count;
	wrong.fds[0] = first;
	wrong.fds[1] = second;
	run_start(&here.run, wrong_program);
	status = run_wait(&here.run);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	says(here.run.err, "unable to serve");
	says(here.run.err, why);
	ck_assert(!heard_if(&here.run, "returned", &number));
	nothing_left();
}

START_TEST(server_refuses_what_is_no_listening_socket)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(sock, 0);
	listen_on(1);
	refuses_to_serve("does not listen", 2, here.fds[0], sock);
	refuses_to_serve("", 1, 0, 0);		/* /dev/null */
	refuses_to_serve("", 1, -1, 0);
	refuses_to_serve("", 2, here.fds[0], 1000);
	close(sock);
}
END_TEST

START_TEST(server_refuses_a_listener_that_is_in_the_list_twice)
{
	listen_on(1);
	refuses_to_serve("twice", 2, here.fds[0], here.fds[0]);
}
END_TEST

START_TEST(server_refuses_an_empty_list)
{
	listen_on(1);
	refuses_to_serve("", 0, here.fds[0], 0);
	refuses_to_serve("", -1, here.fds[0], 0);
	refuses_to_serve("", -2, 0, 0);
}
END_TEST

static void
early_program(void)
{
	daemon_start();
	daemon_master();
	daemon_server(here.fds, here.listeners);
	tell("returned", 1);
}

START_TEST(server_refuses_to_serve_before_the_start_is_confirmed)
{
	long number;
	int status;

	listen_on(1);
	run_start(&here.run, early_program);
	status = run_wait(&here.run);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	says(here.run.err, "unable to serve: ");
	ck_assert(!heard_if(&here.run, "returned", &number));
	nothing_left();
}
END_TEST

/* What inetd(8) does for a "wait" service. */
static void
talker_on_stdin(void)
{
	dup2(here.fds[0], 0);
	close(here.fds[0]);
	here.fds[0] = 0;
	talker();
}

START_TEST(server_serves_a_listener_that_is_its_stdin)
{
	int first, second;

	start_in_foreground(1, talker_on_stdin);
	leave_listeners();
	first = served(here.port, NULL);
	second = served(here.port, NULL);
	echoes(first, "still here");
	close(first);
	close(second);
	has_children(here.server, 0);
	stop();
}
END_TEST

/* The process that has given it may give it to the next daemon. */
START_TEST(server_leaves_a_listener_that_is_its_stdin_to_others)
{
	static const int signals[] = { SIGUSR2, SIGTERM };
	socklen_t len = sizeof(int);
	int i, fd, listens;

	for (i = 0; i < 2; i++) {
		start_in_foreground(1, talker_on_stdin);
		call(here.port);
		send_signal(here.run.pid, signals[i]);
		ck_assert_int_eq(run_wait(&here.run), 0);
		nothing_left();
		ck_assert_int_eq(getsockopt(here.fds[0], SOL_SOCKET,
		    SO_ACCEPTCONN, &listens, &len), 0);
		ck_assert_int_eq(listens, 1);
		fd = client(here.port);
		close(fd);
		close(here.fds[0]);
	}
}
END_TEST

static void
talker_without_stdio(void)
{
	daemon_start();
	tell_pid("master");
	daemon_master();
	tell_pid("server");
	daemon_success();
	close(0);
	close(1);
	close(2);
	daemon_server(here.fds, here.listeners);
	converse(0);
}

START_TEST(server_serves_where_the_program_has_closed_0_to_2)
{
	int first, second;

	start(1, talker_without_stdio);
	first = served(here.port, NULL);
	second = served(here.port, NULL);
	echoes(first, "still here");
	close(first);
	close(second);
	stop();
}
END_TEST

static void
local_talker(void)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	serve();
	tell("peer", daemon_peer((struct sockaddr *)&addr, &len));
	tell("family", addr.ss_family);
	converse(0);
}

START_TEST(server_serves_a_local_socket)
{
	int fd;

	here.open_listener = listen_locally;
	start(1, local_talker);
	fd = local_client();
	echoes(fd, "hello");
	ck_assert_int_eq(heard(&here.run, "peer"), 0);
	ck_assert_int_eq(heard(&here.run, "family"), AF_UNIX);
	close(fd);
	stop();
}
END_TEST

/* A Unix-domain socket cannot listen again, and accept(2) does not tell why. */
START_TEST(server_ends_with_1_when_its_local_socket_is_shut_down)
{
	static const int ways[] = { SHUT_RD, SHUT_RDWR };
	int i, fd;

	here.open_listener = listen_locally;
	for (i = 0; i < 2; i++) {
		listen_on(1);
		run_puppet(run_daemon, local_talker);
		here.master = (pid_t)heard(&here.run, "master");
		fd = local_client();
		echoes(fd, "hello");
		ck_assert_int_eq(shutdown(here.fds[0], ways[i]), 0);
		leave_listeners();
		ck_assert_int_eq(ended(here.master), 1 << 8);
		close(fd);
		nothing_left();
	}
}
END_TEST

/* The listener is the daemon's own: one that it was given may be served by
 * others next. */
static void
single_local_talker(void)
{
	daemon_set_worker_count_max(1);
	daemon_start();
	listen_on(1);
	tell_pid("master");
	daemon_master();
	daemon_success();
	daemon_server(here.fds, here.listeners);
	converse(0);
}

START_TEST(local_clients_that_wait_are_let_go_at_a_stop)
{
	static const int stops[] = { SIGUSR2, SIGTERM };
	int i, first, second;

	here.open_listener = listen_locally;
	scratch();	/* in memory that all processes share */
	for (i = 0; i < 2; i++) {
		run_puppet(run_daemon, single_local_talker);
		here.master = (pid_t)heard(&here.run, "master");
		first = local_client();
		echoes(first, "hello");
		second = local_client();
		send_signal(here.master, stops[i]);
		ck_assert_ptr_null(client_hears(second));
		if (stops[i] == SIGUSR2)
			echoes(first, "still here");
		close(first);
		ck_assert_int_eq(ended(here.master), 0);
		nothing_left();
		close(second);
	}
}
END_TEST

/*
 * What a worker has
 */

/* The program has one file of its own open, and nothing that it was started
 * with. */
static void
talker_with_a_file(void)
{
	int fd;

	for (fd = FACTS + 1; fd < FILE_AT; fd++)
		if (fd != here.fds[0] && fd != here.fds[1])
			close(fd);
	fd = open("/", O_RDONLY);
	if (dup2(fd, FILE_AT) == -1)
		_exit(97);
	close(fd);
	talker();
}

static void
holds_only_its_own(pid_t worker)
{
	char conn[256];

	ck_assert_int_eq(descriptors_of(worker), 5);
	strcpy(conn, link_of_fd(worker, 0));
	says(conn, "socket:");
	ck_assert_str_eq(link_of_fd(worker, 1), conn);
	ck_assert_str_eq(link_of_fd(worker, 2), "/dev/null");
	says(link_of_fd(worker, FACTS), "pipe:");
	ck_assert_str_eq(link_of_fd(worker, FILE_AT), "/");
}

START_TEST(worker_holds_its_connection_and_what_the_program_has_opened)
{
	int fd[3], i, count;
	pid_t workers[4];

	start(2, talker_with_a_file);
	fd[0] = served(here.port, NULL);
	fd[1] = served(here.ports[1], NULL);
	send_signal(here.master, SIGHUP);	/* the next server's, too */
	is_asked(fd[0], SIGHUP);
	is_asked(fd[1], SIGHUP);
	count = children_of(here.server, workers, 4);
	ck_assert_int_eq(count, 2);
	for (i = 0; i < count; i++)
		holds_only_its_own(workers[i]);
	close(fd[0]);
	close(fd[1]);
	next_server();
	fd[2] = served(here.ports[1], NULL);
	holds_only_its_own(only_child_of(here.server));
	close(fd[2]);
	stop();
}
END_TEST

static void
mode_teller(void)
{
	serve();
	tell("errno", errno);
	tell("stdin", fcntl(0, F_GETFL) & O_NONBLOCK);
	tell("stdout", fcntl(1, F_GETFL) & O_NONBLOCK);
	tell("closed at exec", fcntl(0, F_GETFD) | fcntl(1, F_GETFD));
}

START_TEST(worker_has_a_connection_in_blocking_mode)
{
	int fd;

	start(1, mode_teller);
	fd = client(here.port);
	/* The call succeeds. */
	ck_assert_int_eq(heard(&here.run, "errno"), ERANGE);
	ck_assert_int_eq(heard(&here.run, "stdin"), 0);
	ck_assert_int_eq(heard(&here.run, "stdout"), 0);
	ck_assert_int_eq(heard(&here.run, "closed at exec"), 0);
	close(fd);
	stop();
}
END_TEST

/*
 * The ends of workers
 */

static void
talker_to_a_crowd(void)
{
	daemon_set_server_tick(1000);	/* no test waits for that */
	daemon_set_worker_count_max(CROWD);
	talker();
}

static void
fill(int *clients)
{
	int i;

	for (i = 0; i < CROWD; i++)
		clients[i] = waiting(here.port);
	for (i = 0; i < CROWD; i++)
		answered(clients[i]);
}

START_TEST(server_reaps_all_workers_that_end_at_once)
{
	static int clients[CROWD];
	static pid_t workers[CROWD];
	int i;

	start(1, talker_to_a_crowd);
	fill(clients);
	ck_assert_int_eq(children_of(here.server, workers, CROWD), CROWD);
	freeze(here.server);
	for (i = 0; i < CROWD; i++)
		close(clients[i]);
	for (i = 0; i < CROWD; i++)
		gone(workers[i]);
	/* One SIGCHLD announces all of these ends. */
	send_signal(here.server, SIGCONT);
	has_children(here.server, 0);
	fill(clients);
	for (i = 0; i < CROWD; i++)
		close(clients[i]);
	has_children(here.server, 0);
	stop();
}
END_TEST

START_TEST(server_does_not_take_a_stopped_worker_for_one_that_has_ended)
{
	int first, second, third;
	pid_t workers[2];

	start(1, two_at_a_time);
	first = served(here.port, NULL);
	second = served(here.port, NULL);
	ck_assert_int_eq(children_of(here.server, workers, 2), 2);
	freeze(workers[0]);
	freeze(workers[1]);
	send_signal(here.server, SIGCHLD);
	third = waiting(here.port);
	ck_assert(silent_for(third, 50));
	send_signal(workers[0], SIGCONT);
	send_signal(workers[1], SIGCONT);
	echoes(first, "still here");
	echoes(second, "still here");
	close(first);
	answered(third);
	close(second);
	close(third);
	stop();
}
END_TEST

/* Its helper dies of any signal. */
static void
talker_with_a_helper(void)
{
	pid_t pid;

	daemon_set_worker_count_max(1);
	daemon_start();
	tell_pid("master");
	daemon_master();
	tell_pid("server");
	if ((pid = fork()) == 0)
		for (;;)
			pause();
	tell("helper", pid);
	daemon_success();
	daemon_server(here.fds, here.listeners);
	converse(0);
}

START_TEST(server_lets_the_children_of_the_program_alone)
{
	pid_t first, second;

	start(1, talker_with_a_helper);
	first = (pid_t)heard(&here.run, "helper");
	call(here.port);		/* the helper takes no slot, ... */
	send_signal(here.master, SIGHUP);
	next_server();
	second = (pid_t)heard(&here.run, "helper");
	ck_assert(running(first));	/* ... gets no signal, ... */
	call(here.port);
	send_signal(second, SIGKILL);
	gone(second);
	call(here.port);
	has_children(here.server, 1);	/* ... and the program can reap it */
	send_signal(here.master, SIGTERM);
	ck_assert_int_eq(ended(here.master), 0);
	ck_assert(running(first));
	send_signal(first, SIGKILL);
	ended(first);
	nothing_left();
}
END_TEST

static void
counter_to_one(void)
{
	daemon_set_worker_count_max(1);
	serve();
	tell("worker", 1);
	converse(0);
	tell("worker", -1);
}

START_TEST(server_counts_the_workers_that_the_last_one_has_left)
{
	int held, fd;

#if !defined(HAVE_PRCTL)
	skip_if(1, "orphans cannot be adopted");
	return;
#endif
	start(1, counter_to_one);
	held = served(here.port, NULL);
	settled(here.server);	/* else the master may not know the worker */
	send_signal(here.server, SIGKILL);
	fd = waiting(here.port);
	next_server();
	ck_assert(silent_for(fd, 50));
	echoes(held, "still here");
	close(held);
	answered(fd);
	ck_assert_int_eq(heard(&here.run, "worker"), -1);
	ck_assert_int_eq(heard(&here.run, "worker"), 1);
	close(fd);
	stop();
}
END_TEST

/*
 * Signals
 */

static const int table[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM,
	SIGQUIT };

enum { SIGNALS = sizeof table / sizeof table[0] };

static void
got(int signo)
{
	tell("got", signo);
}

/* The workers tell of each signal, and obey none. */
static void
listener_to_signals(void)
{
	pid_t parent;
	char c;
	int i;

	daemon_start();
	tell_pid("master");
	daemon_master();
	parent = getpid();
	tell("server", parent);
	daemon_success();
	for (i = 0; i < SIGNALS; i++)
		signal(table[i], got);
	daemon_server(here.fds, here.listeners);
	tell_pid("worker");
	tell("of server", parent);
	while (read(0, &c, 1) != 0)
		;
}

/* Asserts that there is another server, and ends the daemon. */
static void
end_another_server(int port)
{
	int fd = client(port);

	/* Until it has a worker, it is the program's own handler that gets
	 * it. */
	heard(&here.run, "worker");
	ck_assert_int_ne(heard(&here.run, "of server"), here.server);
	send_signal(here.master, SIGTERM);
	ck_assert_int_eq(heard(&here.run, "got"), SIGTERM);
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}

static void
tells_no_more_signals(void)
{
	long number;

	ck_assert_msg(!heard_if(&here.run, "got", &number), "and signal %ld",
	    number);
}

/* What this signal does to workers and to the server, sent to the master or to
 * the server itself. */
static void
obeys(int signo, int to_workers, int at_once, int again, int directly)
{
	pid_t worker;
	int fd;

	start(1, listener_to_signals);
	fd = client(here.port);
	worker = (pid_t)heard(&here.run, "worker");
	send_signal(directly ? here.server : here.master, signo);
	ck_assert_int_eq(heard(&here.run, "got"), to_workers);
	if (at_once)
		gone(here.server);
	else
		ck_assert(silent_for(fd, 20) && running(here.server));
	ck_assert(running(worker));
	close(fd);
	gone(worker);
	if (again)
		end_another_server(here.port);
	else {
		ck_assert_int_eq(ended(here.master), 0);
		nothing_left();
	}
	tells_no_more_signals();
}

START_TEST(server_obeys_each_signal_of_the_table)
{
	int directly;

	for (directly = 0; directly <= 1; directly++) {
		obeys(SIGHUP, SIGHUP, 0, 1, directly);
		obeys(SIGUSR1, SIGTERM, 1, 1, directly);
		obeys(SIGUSR2, SIGUSR2, 0, 0, directly);
		obeys(SIGINT, SIGINT, 1, 0, directly);
		obeys(SIGTERM, SIGTERM, 1, 0, directly);
		obeys(SIGQUIT, SIGQUIT, 1, 0, directly);
	}
}
END_TEST

START_TEST(worker_gets_each_signal_once)
{
	int fd;

	start(1, listener_to_signals);
	fd = client(here.port);
	heard(&here.run, "worker");
	send_signal(here.master, SIGHUP);
	ck_assert_int_eq(heard(&here.run, "got"), SIGHUP);
	send_signal(here.master, SIGHUP);
	send_signal(here.server, SIGHUP);
	send_signal(here.master, SIGUSR2);
	ck_assert_int_eq(heard(&here.run, "got"), SIGUSR2);
	send_signal(here.master, SIGUSR2);
	send_signal(here.server, SIGHUP);
	send_signal(here.master, SIGTERM);
	ck_assert_int_eq(heard(&here.run, "got"), SIGTERM);
	gone(here.server);
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
	tells_no_more_signals();
}
END_TEST

START_TEST(server_goes_over_from_waiting_to_at_once)
{
	pid_t worker;
	int fd;

	start(1, listener_to_signals);
	fd = client(here.port);
	worker = (pid_t)heard(&here.run, "worker");
	send_signal(here.master, SIGHUP);
	ck_assert_int_eq(heard(&here.run, "got"), SIGHUP);
	send_signal(here.master, SIGUSR1);
	ck_assert_int_eq(heard(&here.run, "got"), SIGTERM);
	gone(here.server);
	close(fd);
	gone(worker);
	end_another_server(here.port);
	tells_no_more_signals();
}
END_TEST

START_TEST(server_lowers_nothing_that_it_was_asked_for)
{
	int fd;

	start(1, listener_to_signals);
	fd = client(here.port);
	heard(&here.run, "worker");
	send_signal(here.master, SIGUSR2);
	ck_assert_int_eq(heard(&here.run, "got"), SIGUSR2);
	send_signal(here.master, SIGHUP);
	refuses(here.port);
	send_signal(here.master, SIGUSR1);	/* at once, and still the end */
	ck_assert_int_eq(heard(&here.run, "got"), SIGTERM);
	gone(here.server);
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
	tells_no_more_signals();
}
END_TEST

START_TEST(server_lets_clients_wait_for_its_successor_after_hup)
{
	int held, next;

	start(1, talker);
	held = served(here.port, NULL);
	send_signal(here.master, SIGHUP);
	is_asked(held, SIGHUP);
	next = waiting(here.port);	/* it waits and is not refused */
	ck_assert(silent_for(next, 50));
	ck_assert(running(here.server));
	echoes(held, "still here");
	close(held);
	answered(next);
	ck_assert_int_ne(heard(&here.run, "server"), here.server);
	close(next);
	stop();
}
END_TEST

START_TEST(server_refuses_clients_after_usr2_and_lets_its_workers_finish)
{
	int held;

	start(1, talker);
	held = served(here.port, NULL);
	send_signal(here.master, SIGUSR2);
	is_asked(held, SIGUSR2);
	refuses(here.port);
	echoes(held, "still here");
	ck_assert(running(here.server));
	close(held);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

static void
ends_after_the_answer(int fd)
{
	char c;

	answered(fd);
	shutdown(fd, SHUT_WR);
	ck_assert_int_eq(read(fd, &c, 1), 0);
	close(fd);
}

/* Reads the answers that have come. Another client follows each one that was
 * served, unless these are the last. Returns how many are left. */
static int
hear_callers(struct pollfd *callers, int wait, int last)
{
	int i, left = 0;

	poll(callers, CALLERS, wait);
	for (i = 0; i < CALLERS; i++) {
		if (callers[i].fd >= 0 && callers[i].revents != 0) {
			ends_after_the_answer(callers[i].fd);
			callers[i].fd = last ? -1 : waiting(here.port);
		}
		left += callers[i].fd >= 0;
	}
	return left;
}

/* Clients come all the time, and none is refused. */
START_TEST(server_loses_no_client_while_it_is_replaced_all_the_time)
{
	struct pollfd callers[CALLERS];
	double due, deadline;
	int i, reloads = 0;

	start(1, talker);
	for (i = 0; i < CALLERS; i++) {
		callers[i].fd = waiting(here.port);
		callers[i].events = POLLIN;
	}
	for (due = seconds(); reloads < RELOADS; reloads++) {
		do
			hear_callers(callers, 2, 0);
		while (seconds() < due);
		send_signal(here.master, SIGHUP);
		due += RELOAD_EVERY / 1000.0;
	}
	deadline = seconds() + DEADLINE;
	while (hear_callers(callers, 100, 1) > 0)
		ck_assert_msg(seconds() < deadline, "a client is not answered");
	ck_assert_int_ne(heard(&here.run, "server"), here.server);
	stop();
}
END_TEST

static void
impatient_listener_to_signals(void)
{
	daemon_set_drain_timeout(1);
	listener_to_signals();
}

START_TEST(server_drains_no_longer_than_it_may)
{
	struct puppet reloaded;
	pid_t worker_there;
	int fd, fd_there;
	double begin;

	start(1, impatient_listener_to_signals);
	fd_there = client(here.port);
	worker_there = (pid_t)heard(&here.run, "worker");
	reloaded = here;
	memset(&here.run, 0, sizeof here.run);
	start(1, impatient_listener_to_signals);
	fd = client(here.port);
	heard(&here.run, "worker");

	begin = seconds();
	send_signal(reloaded.master, SIGHUP);
	send_signal(here.master, SIGUSR2);
	ck_assert_int_eq(heard(&reloaded.run, "got"), SIGHUP);
	ck_assert_int_eq(heard(&here.run, "got"), SIGUSR2);
	ck_assert_int_eq(heard(&reloaded.run, "got"), SIGTERM);
	ck_assert_int_eq(heard(&here.run, "got"), SIGTERM);
	ck_assert(seconds() - begin > 0.99);
	gone(reloaded.server);
	gone(here.server);
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	tells_no_more_signals();

	here = reloaded;
	close(fd_there);
	gone(worker_there);
	end_another_server(here.port);
	tells_no_more_signals();
}
END_TEST

START_TEST(server_lets_its_workers_finish_when_the_master_is_gone)
{
	int held, status;

	start(1, talker);
	held = served(here.port, NULL);
	send_signal(here.master, SIGKILL);
	ck_assert_int_eq(ended(here.master), SIGKILL);
	refuses(here.port);
	echoes(held, "still here");
	ck_assert(running(here.server));
	close(held);
	status = ended(here.server);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	nothing_left();
}
END_TEST

/*
 * What the log says of workers
 */

/* A worker tells its pid, and dies of the signal whose number comes. */
static void
dier(void)
{
	struct rlimit none = { 0, 0 };
	char line[256];

	setrlimit(RLIMIT_CORE, &none);
	serve();
	printf("%ld\n", (long)getpid());
	while (fgets(line, sizeof line, stdin) != NULL) {
		signal(atoi(line), SIG_DFL);
		raise(atoi(line));
	}
}

/* Returns a client, and stores "PID of ADDRESS" of its worker. */
static int
known_client(char *worker, size_t size)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof addr;
	const char *pid;
	int fd = client(here.port);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	ck_assert_ptr_nonnull(pid = client_hears(fd));
	snprintf(worker, size, "%s of 127.0.0.1:%d", pid,
	    ntohs(addr.sin_port));
	return fd;
}

/* Has the worker of a new client die of this signal; its server knows it. */
static void
die_of(int signo, char *worker, size_t size)
{
	int fd = known_client(worker, size);
	char text[16];

	snprintf(text, sizeof text, "%d\n", signo);
	client_says(fd, text);
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
	has_children(here.server, 0);
}

/* How many more workers these lines report. */
static int
more_workers(const char *text)
{
	static const char begin[] = ": unable to keep ";
	int count = 0;

	while ((text = strstr(text, begin)) != NULL) {
		text += sizeof begin - 1;
		count += strncmp(text, "worker ", 7) == 0 ? 1 : atoi(text);
	}
	return count;
}

START_TEST(log_says_which_worker_a_signal_has_ended)
{
	char worker[64], stopped[64], expected[256];
	int fd;

	start_in_foreground(1, dier);
	die_of(SIGSEGV, worker, sizeof worker);
	snprintf(expected, sizeof expected, ": unable to keep worker %s: "
	    "it was ended by signal %d (", worker, SIGSEGV);
	says(message(), expected);
	/* The following are counted, for 10 s or until the end. */
	die_of(SIGABRT, worker, sizeof worker);
	die_of(SIGPIPE, worker, sizeof worker);
	die_of(SIGSEGV, worker, sizeof worker);
	die_of(SIGKILL, worker, sizeof worker);
	has_children(here.server, 0);	/* it knows of all */
	/* A stop is not counted. */
	fd = known_client(stopped, sizeof stopped);
	stop();
	close(fd);
	says(here.run.err, worker);
	ck_assert_ptr_null(strstr(here.run.err, stopped));
	ck_assert_int_eq(more_workers(here.run.err), 3);
}
END_TEST

/* The server does not know its client; and it was no spare when it ended. */
static void
says_which_spare_a_signal_has_ended(void (*what)(void))
{
	char expected[128];
	pid_t worker;
	int fd;

	here.spares = 1;
	daemon_set_worker_count_max(1);
	start_in_foreground(1, what);
	fd = served(here.port, &worker);
	client_says(fd, "crash\n");
	snprintf(expected, sizeof expected, ": unable to keep worker %d: it "
	    "was ended by signal %d (", (int)worker, SIGSEGV);
	says(message(), expected);
	close(fd);
	fd = served(here.port, NULL);
	close(fd);
	stop();
	ck_assert_str_eq(here.run.err, "");
}

START_TEST(log_says_which_worker_of_a_server_with_spares_a_signal_has_ended)
{
	says_which_spare_a_signal_has_ended(talker);
}
END_TEST

START_TEST(log_says_which_reused_worker_a_signal_has_ended)
{
	says_which_spare_a_signal_has_ended(reused_talker);
}
END_TEST

/* Even if the next one follows very soon. */
START_TEST(log_says_that_workers_are_ended_by_somebody_all_the_time)
{
	char worker[64];

	start_in_foreground(1, dier);
	while (silent(here.run.err_fd))
		die_of(SIGTERM, worker, sizeof worker);
	says(message(), ": unable to keep worker ");
	stop();
}
END_TEST

START_TEST(log_says_nothing_of_workers_that_end_as_they_may)
{
	static const int asking[] = { SIGUSR1, SIGTERM };
	char worker[64];
	int i, fd;

	start_in_foreground(1, dier);
	die_of(SIGPIPE, worker, sizeof worker);
	for (i = 0; i < 2; i++) {
		fd = known_client(worker, sizeof worker);
		send_signal(here.master, asking[i]);
		ck_assert_ptr_null(client_hears(fd));
		close(fd);
		if (asking[i] == SIGUSR1)
			heard(&here.run, "server");
	}
	ck_assert_int_eq(run_wait(&here.run), 0);
	nothing_left();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* No process of the daemon has asked for it. */
START_TEST(log_says_that_a_worker_was_ended_by_somebody)
{
	char worker[64];

	start_in_foreground(1, dier);
	die_of(SIGTERM, worker, sizeof worker);
	says(message(), worker);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(log_says_that_all_workers_are_busy_while_clients_wait)
{
	int first, second, third;

	start_in_foreground(1, two_at_a_time);
	first = served(here.port, NULL);
	second = served(here.port, NULL);
	/* No client waits, so the next check is after a second. */
	ck_assert_msg(no_message(1200), "%s", message());
	third = waiting(here.port);
	says(message(), ": unable to accept a connection: "
	    "all 2 workers are busy");
	close(first);
	answered(third);
	ck_assert(no_message(0));	/* they are busy again */
	close(second);
	says(message(), ": unable to accept connections for ");
	close(third);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* The third client waits, and the log has said so. */
static void
fill_with_clients(int fds[3])
{
	start_in_foreground(1, two_at_a_time);
	fds[0] = served(here.port, NULL);
	fds[1] = served(here.port, NULL);
	fds[2] = waiting(here.port);
	says(message(), ": all 2 workers are busy");
}

START_TEST(log_says_for_how_long_workers_were_busy_even_if_a_reload_begins)
{
	int fds[3];

	fill_with_clients(fds);
	send_signal(here.master, SIGHUP);
	is_asked(fds[1], SIGHUP);
	ck_assert(no_message(0));
	close(fds[0]);
	says(message(), ": unable to accept connections for ");
	close(fds[1]);
	answered(fds[2]);
	close(fds[2]);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(log_says_for_how_long_workers_were_busy_even_if_a_stop_begins)
{
	int fds[3];

	fill_with_clients(fds);
	stop();
	says(here.run.err, ": unable to accept connections for ");
	says(here.run.err, ": all 2 workers were busy\n");
}
END_TEST

/*
 * Births
 */

enum { PARENT = 1, WORKER };	/* which process goes on */

/* On a busy machine a server that has just forked may not run before its child
 * has done what it can. */
static void
let_the_child_go_first(void)
{
	pid_t pids[CALLERS];
	int i, busy = 1;

	while (busy)
		for (busy = i = children_of(getpid(), pids, CALLERS); i > 0; i--)
			busy -= strchr("SZ", state_of(pids[i - 1])) != NULL;
	tell("goes on", PARENT);
}

static void
be_slow_after_each_fork(void)
{
	pthread_atfork(NULL, let_the_child_go_first, NULL);
}

static void
talker_that_goes_on(void)
{
	serve();
	tell("goes on", WORKER);
	converse(0);
}

/* There is a client before there is a server. */
static int
start_with_a_client(void (*program)(void))
{
	int fd;

	listen_on(1);
	fd = waiting(here.port);
	run_puppet(run_daemon, program);
	leave_listeners();
	meet();
	return fd;
}

START_TEST(worker_does_not_come_back_before_its_server_lets_it_go)
{
	int fd;

	here.before_server = be_slow_after_each_fork;
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		fd = start_with_a_client(talker_that_goes_on);
		ck_assert_int_eq(heard(&here.run, "goes on"), PARENT);
		answered(fd);
		close(fd);
		stop();
	}
}
END_TEST

/* Sends more than the client takes, which reads nothing: the last process to
 * close the connection would wait for that. */
static void
leave_unsent(int fd)
{
	struct linger for_long = { 1, FOR_EVER };
	static char much[65536];

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &for_long, sizeof for_long);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, much, sizeof much) > 0)
		;
}

static void
linger(void)
{
	leave_unsent(1);
	_exit(0);
}

static const struct command lingering[] = {
	{ "linger", linger, NULL },
	{ NULL, NULL, NULL }
};

START_TEST(server_does_not_linger_for_a_worker_that_has_ended)
{
	int fd;

	here.commands = lingering;
	here.before_server = be_slow_after_each_fork;
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		start(1, talker);
		freeze(here.server);
		fd = client(here.port);
		client_says(fd, "linger\n");
		send_signal(here.server, SIGCONT);
		call(here.port);
		close(fd);
		stop();
	}
}
END_TEST

/* Kills each server in turn, after this many more forks. */
static int *forks_to_live;

static void
count_forks_to_live(void)
{
	if (--*forks_to_live == 0)
		raise(SIGKILL);
}

static void
be_killed_after_a_fork(void)
{
	pthread_atfork(NULL, count_forks_to_live, NULL);
}

START_TEST(worker_whose_server_is_killed_at_its_birth_is_known)
{
	int first, second, third;

#if !defined(HAVE_PRCTL)
	skip_if(1, "orphans cannot be adopted");
	return;
#endif
	forks_to_live = shared_memory(sizeof *forks_to_live);
	*forks_to_live = 2;
	here.before_server = be_killed_after_a_fork;
	start(1, two_at_a_time);
	first = served(here.port, NULL);
	second = waiting(here.port);
	ck_assert_int_ne(heard(&here.run, "server"), here.server);
	answered(second);
	third = waiting(here.port);
	ck_assert(silent_for(third, 50));	/* both count, ... */
	close(first);
	answered(third);
	send_signal(here.master, SIGTERM);	/* ... and both are told */
	ck_assert_ptr_null(client_hears(second));
	ck_assert_ptr_null(client_hears(third));
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

START_TEST(spare_whose_server_is_killed_at_its_birth_leaves_nothing)
{
	int fd;

	forks_to_live = shared_memory(sizeof *forks_to_live);
	*forks_to_live = 1;
	here.before_server = be_killed_after_a_fork;
	here.spares = 1;
	fd = start_with_a_client(talker);
	ck_assert_int_ne(heard(&here.run, "server"), here.server);
	answered(fd);
	stop();
	close(fd);
}
END_TEST

static void
talker_of_many_servers(void)
{
	daemon_set_server_fast_time(0);
	daemon_set_worker_count_max(THOUSAND);
	talker();
}

/* Kills it at any moment of its work, while more clients come. */
static void
kill_a_busy_server(int moment)
{
	int i;

	for (i = moment % 25 * 40; i > 0; i--)
		getppid();
	send_signal(here.server, SIGKILL);
	next_server();
}

START_TEST(no_worker_outlives_the_daemon_whenever_its_servers_are_killed)
{
	int clients[KILLS][3], i, k;

#if !defined(HAVE_PRCTL)
	skip_if(1, "orphans cannot be adopted");
	return;
#endif
	for (here.spares = 0; here.spares <= 2; here.spares += 2) {
		start(1, talker_of_many_servers);
		for (i = 0; i < KILLS; i++) {
			for (k = 0; k < 3; k++)
				clients[i][k] = waiting(here.port);
			kill_a_busy_server(i);
		}
		stop();
		for (i = 0; i < KILLS; i++)
			for (k = 0; k < 3; k++)
				close(clients[i][k]);
	}
}
END_TEST

/*
 * What clients leave to a server that ends
 */

/* A connection whose other end is never read. */
static int
unread_connection(void)
{
	int listener, port, near, far;

	listener = listen_anywhere(&port);
	near = client(port);
	far = accept(listener, NULL, NULL);
	ck_assert_int_ge(far, 0);
	leave_unsent(near);
	close(listener);
	return near;
}

static void
send_descriptor(int to, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = { 0 }, byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);

	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(head), &fd, sizeof fd);
	ck_assert_int_eq(sendmsg(to, &message, 0), 1);
	close(fd);
}

static void
local_talker_to_one(void)
{
	daemon_set_worker_count_max(1);
	talker();
}

START_TEST(server_does_not_linger_for_what_a_local_client_has_sent)
{
	static const int signals[] = { SIGTERM, SIGUSR2 };
	int i, held, queued;

	here.open_listener = listen_locally;
	for (i = 0; i < 2; i++) {
		listen_on(1);
		run_puppet(run_daemon, local_talker_to_one);
		leave_listeners();
		here.master = (pid_t)heard(&here.run, "master");
		held = local_client();
		echoes(held, "hello");
		queued = local_client();
		send_descriptor(queued, unread_connection());
		close(queued);
		send_signal(here.master, signals[i]);
		if (signals[i] == SIGUSR2)
			is_asked(held, SIGUSR2);
		close(held);
		ck_assert_int_eq(ended(here.master), 0);
		nothing_left();
	}
}
END_TEST

/*
 * Its end
 */

static void
printer(void)
{
	printf("once ");
	daemon_start();
	tell_pid("master");
	printf("and ");
	daemon_master();
	printf("for ");
	tell_pid("server");
	daemon_success();
	printf("all");
	daemon_server(here.fds, here.listeners);
	converse(0);
}

START_TEST(server_writes_what_the_program_has_buffered_once)
{
	start_in_foreground(1, printer);
	call(here.port);
	call(here.port);
	stop();
	ck_assert_str_eq(here.run.out, "once and for all");
}
END_TEST

static void
returner(void)
{
	int value;

	daemon_set_server_return_fatal(-7);
	if ((value = serve()) >= 0) {
		converse(0);
		return;
	}
	tell("returned", value);
	tell("status", daemon_exit_status());
	_exit(daemon_exit_status());
}

START_TEST(server_returns_where_it_would_have_ended_if_that_is_set)
{
	start(1, returner);
	call(here.port);
	send_signal(here.master, SIGHUP);
	ck_assert_int_eq(heard(&here.run, "returned"), -7);
	ck_assert_int_eq(heard(&here.run, "status"), 0);
	ck_assert_int_ne(heard(&here.run, "server"), here.server);
	call(here.port);
	send_signal(here.master, SIGUSR2);
	ck_assert_int_eq(heard(&here.run, "returned"), -7);
	ck_assert_int_eq(heard(&here.run, "status"), 1);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		server_gives_each_ready_listener_one_fair_turn,
		server_lets_no_flood_on_one_listener_starve_another,
		an_inherited_listener_that_others_make_block_makes_nobody_deaf,
		server_returns_the_index_of_the_listener,
		server_lets_clients_wait_at_worker_count_max,
		server_uses_a_free_slot_at_once,
		server_has_never_more_workers_than_it_may,
		server_serves_a_thousand_clients_and_keeps_nothing_of_them,
		server_serves_hundreds_of_clients_side_by_side,
		server_goes_on_after_clients_that_have_gone,
		server_forks_nobody_for_a_client_that_has_reset,
		server_serves_a_client_that_has_said_all_before_it_was_accepted,
		server_does_not_wait_in_accept,
		server_rests_when_there_are_no_descriptors_and_goes_on_then,
		server_keeps_the_client_for_whom_there_is_no_process,
		server_serves_the_kept_client_before_a_reload_ends_it,
		server_does_not_linger_for_the_kept_client,
		server_leaves_the_kept_client_when_it_must_end_at_once,
		server_lets_a_listener_rest_where_accept_always_fails,
		server_takes_a_few_failures_of_accept_for_those_of_clients,
		server_that_is_not_the_first_waits_for_descriptors,
		server_that_is_not_the_first_confirms_without_descriptors,
		program_that_closes_what_the_library_needs_is_told_so,
		server_drops_a_listener_that_another_has_shut_down,
		server_ends_with_1_when_no_listener_is_left,
		server_refuses_what_is_no_listening_socket,
		server_refuses_a_listener_that_is_in_the_list_twice,
		server_refuses_an_empty_list,
		server_refuses_to_serve_before_the_start_is_confirmed,
		server_serves_a_listener_that_is_its_stdin,
		server_leaves_a_listener_that_is_its_stdin_to_others,
		server_serves_where_the_program_has_closed_0_to_2,
		server_serves_a_local_socket,
		server_ends_with_1_when_its_local_socket_is_shut_down,
		local_clients_that_wait_are_let_go_at_a_stop,
		worker_holds_its_connection_and_what_the_program_has_opened,
		worker_has_a_connection_in_blocking_mode,
		server_reaps_all_workers_that_end_at_once,
		server_does_not_take_a_stopped_worker_for_one_that_has_ended,
		server_lets_the_children_of_the_program_alone,
		server_counts_the_workers_that_the_last_one_has_left,
		server_obeys_each_signal_of_the_table,
		worker_gets_each_signal_once,
		server_goes_over_from_waiting_to_at_once,
		server_lowers_nothing_that_it_was_asked_for,
		server_lets_clients_wait_for_its_successor_after_hup,
		server_refuses_clients_after_usr2_and_lets_its_workers_finish,
		server_loses_no_client_while_it_is_replaced_all_the_time,
		server_drains_no_longer_than_it_may,
		server_lets_its_workers_finish_when_the_master_is_gone,
		log_says_which_worker_a_signal_has_ended,
		log_says_which_worker_of_a_server_with_spares_a_signal_has_ended,
		log_says_which_reused_worker_a_signal_has_ended,
		log_says_that_workers_are_ended_by_somebody_all_the_time,
		log_says_nothing_of_workers_that_end_as_they_may,
		log_says_that_a_worker_was_ended_by_somebody,
		log_says_that_all_workers_are_busy_while_clients_wait,
		log_says_for_how_long_workers_were_busy_even_if_a_reload_begins,
		log_says_for_how_long_workers_were_busy_even_if_a_stop_begins,
		worker_does_not_come_back_before_its_server_lets_it_go,
		server_does_not_linger_for_a_worker_that_has_ended,
		worker_whose_server_is_killed_at_its_birth_is_known,
		spare_whose_server_is_killed_at_its_birth_leaves_nothing,
		no_worker_outlives_the_daemon_whenever_its_servers_are_killed,
		server_does_not_linger_for_what_a_local_client_has_sent,
		server_writes_what_the_program_has_buffered_once,
		server_returns_where_it_would_have_ended_if_that_is_set
	};

	return RUN_TESTS("server", tests);
}
