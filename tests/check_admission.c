/*
 * check_admission.c - which clients are admitted: limits for a source, a rate,
 * refusals, a time
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <time.h>

#include "clock.h"
#include "puppet.h"
#include "sockets.h"

enum {
	CROWD = 100,		/* refused clients; more than a server keeps */
	KEPT = 64,		/* that it keeps */
	FEW = 32,		/* descriptors; fewer than that */
	SOURCES = 150,
	GIGABYTE = 1 << 30
};

#define TEXT "too many, come back later\r\n"

/* What each server sets, so that a reload changes it. */
static struct limits {
	int workers;
	int source;
	int ipv4, ipv6;
	int refuse;
	int has_text;
	int rate, seconds;
	int time;
	pid_t still;	/* for that process the time stands still */
	int jumps;	/* the clock of the day does, whenever it is read */
	pid_t tester;	/* for the others the other clock is so many seconds */
	int ahead;	/* ahead */
	int forks;
	int deaths;
	int servers;
} *limits;

static void
count_fork(void)
{
	limits->forks++;
}

static void
set_limits(void)
{
	daemon_set_worker_count_max(limits->workers);
	daemon_set_source_worker_max(limits->source);
	daemon_set_source_prefix(limits->ipv4, limits->ipv6);
	daemon_set_worker_refuse(limits->refuse);
	daemon_set_refuse_text(limits->has_text ? TEXT : NULL);
	daemon_set_worker_time_max(limits->time);
	daemon_set_accept_rate(limits->rate, limits->seconds);
	pthread_atfork(count_fork, NULL, NULL);
}

static void
make_limits(void)
{
	limits = shared_memory(sizeof *limits);
	limits->workers = 100;
	limits->ipv4 = 32;
	limits->ipv6 = 64;
	limits->seconds = 1;
	here.before_server = set_limits;
}

/*
 * Clients
 */

static int
served_from(const char *ip)
{
	int fd = connect_from(ip, here.port);

	echoes(fd, "hello");
	return fd;
}

static void
refused_from(const char *ip)
{
	int fd = connect_from(ip, here.port);

	hears(fd, NULL);
	close(fd);
}

static void
refused(void)
{
	refused_from("127.0.0.1");
}

/* A worker's client leaves; the server sees the worker's end. */
static void
goes(int fd, int left)
{
	close(fd);
	has_children(here.server, left);
}

/* The client reads the text and then end of file, not a reset. */
static void
reads_text(int fd)
{
	char byte;

	hears(fd, "too many, come back later\r");
	ck_assert_int_eq(read(fd, &byte, 1), 0);
}

static int
own_port(int fd)
{
	return port_of(fd);
}

/*
 * A limit for each source
 */

START_TEST(source_at_its_limit_is_refused_and_others_are_served)
{
	int fd[4];

	make_limits();
	limits->source = 2;
	start(1, talker);
	fd[0] = served_from("127.0.0.1");
	fd[1] = served_from("127.0.0.1");
	refused();
	fd[2] = served_from("127.0.0.2");
	refused();
	fd[3] = served_from("127.0.0.2");
	refused_from("127.0.0.2");
	echoes(fd[0], "still here");
	echoes(fd[2], "still here");
	stop();
}
END_TEST

START_TEST(source_has_room_again_when_a_worker_has_ended)
{
	int first, second, i;
	pid_t worker;

	make_limits();
	limits->source = 2;
	start(1, talker);
	first = served_from("127.0.0.1");
	for (i = 0; i < 3; i++) {
		second = served(here.port, &worker);
		refused();
		if (i == 1)	/* it does not matter how the worker ends */
			send_signal(worker, SIGKILL);
		goes(second, 1);
	}
	second = served_from("127.0.0.1");
	refused();
	goes(first, 1);
	goes(second, 0);
	first = served_from("127.0.0.1");
	second = served_from("127.0.0.1");
	refused();
	stop();
}
END_TEST

START_TEST(source_is_an_address_or_its_first_bits)
{
	make_limits();
	limits->source = 1;
	limits->ipv4 = 24;
	start(1, talker);
	served_from("127.0.0.1");
	refused_from("127.0.0.1");
	refused_from("127.0.0.255");
	served_from("127.0.1.1");
	refused_from("127.0.1.77");
	stop();
}
END_TEST

static const char *
nth_source(int n)
{
	static char ip[32];

	snprintf(ip, sizeof ip, "127.1.%d.%d", n / 100, n % 100 + 1);
	return ip;
}

START_TEST(sources_by_the_hundred_have_a_limit_each)
{
	int i;

	make_limits();
	limits->workers = SOURCES + 1;
	limits->source = 1;
	start(1, talker);
	for (i = 0; i < SOURCES; i++)
		served_from(nth_source(i));
	for (i = 0; i < SOURCES; i++)
		refused_from(nth_source(i));
	served_from("127.0.0.1");
	stop();
}
END_TEST

START_TEST(source_with_a_mapped_address_is_that_ipv4_address)
{
	int fd;

	if (cannot_use_v6())
		return;
	make_limits();
	limits->source = 2;
	here.fds[0] = listen_for_both(&here.ports[0]);
	here.fds[1] = listen_anywhere(&here.ports[1]);
	here.listeners = 2;
	run_puppet(run_daemon, talker);
	leave_listeners();
	meet();
	here.port = here.ports[0];
	served_from("127.0.0.1");
	here.port = here.ports[1];
	served_from("127.0.0.1");
	refused();
	here.port = here.ports[0];
	refused();
	fd = client_of_v6(here.port);	/* from another source */
	echoes(fd, "hello");
	stop();
}
END_TEST

START_TEST(source_may_be_an_ipv6_address)
{
	int fd;

	if (cannot_use_v6())
		return;
	make_limits();
	limits->source = 1;
	here.open_listener = listen_for_both;
	start(1, talker);
	fd = client_of_v6(here.port);
	echoes(fd, "hello");
	hears(client_of_v6(here.port), NULL);
	goes(fd, 0);
	echoes(client_of_v6(here.port), "hello");
	stop();
}
END_TEST

#if defined(__linux__) && defined(CLONE_NEWNET)

/* As linux/ipv6.h, which does not go with netinet/in.h, has it. */
struct in6_ifreq {
	struct in6_addr addr;
	uint32_t prefix;
	int index;
};

/* From now on this test has a network with no other addresses. */
static int
has_addresses(const char *const *ips, int count)
{
	struct ifreq lo = { .ifr_name = "lo" };
	struct in6_ifreq more = { .prefix = 128 };
	int i, fd, result;

	if (unshare(CLONE_NEWNET) == -1)
		return 0;
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	result = fd != -1 && ioctl(fd, SIOCGIFINDEX, &lo) == 0;
	more.index = lo.ifr_ifindex;
	lo.ifr_flags = IFF_UP;
	result = result && ioctl(fd, SIOCSIFFLAGS, &lo) == 0;
	for (i = 0; result && i < count; i++)
		result = inet_pton(AF_INET6, ips[i], &more.addr) == 1 &&
		    ioctl(fd, SIOCSIFADDR, &more) == 0;
	close(fd);
	return result;
}

#else

static int
has_addresses(const char *const *ips, int count)
{
	(void)ips;
	(void)count;
	return 0;
}

#endif

static int
v6_client_from(const char *ip)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6 };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	ck_assert_int_eq(inet_pton(AF_INET6, ip, &addr.sin6_addr), 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	addr.sin6_addr = in6addr_loopback;
	addr.sin6_port = htons((in_port_t)here.port);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr),
	    0);
	return fd;
}

START_TEST(source_is_the_first_half_of_an_ipv6_address)
{
	static const char *const ips[] = { "2001:db8:0:1::1",
		"2001:db8:0:1:ffff::2", "2001:db8:0:2::1" };
	int fd;

	if (cannot_use_v6() || skip_if(!has_addresses(ips, COUNT(ips)),
	    "there is no network of its own with IPv6"))
		return;
	make_limits();
	limits->source = 1;
	here.open_listener = listen_for_both;
	start(1, talker);
	fd = v6_client_from(ips[0]);
	echoes(fd, "hello");
	hears(v6_client_from(ips[1]), NULL);
	echoes(v6_client_from(ips[2]), "hello");
	goes(fd, 1);
	echoes(v6_client_from(ips[1]), "hello");
	stop();
}
END_TEST

/*
 * Local clients
 */

START_TEST(local_clients_are_not_a_source)
{
	make_limits();
	limits->source = 1;
	here.open_listener = listen_locally;
	start(1, talker);
	echoes(local_client(), "one");
	echoes(local_client(), "two");
	echoes(local_client(), "three");
	stop();
}
END_TEST

START_TEST(local_clients_wait_where_others_are_refused)
{
	int fd, waiting;

	make_limits();
	limits->workers = 1;
	limits->refuse = 1;
	limits->source = 1;
	here.fds[0] = listen_anywhere(&here.ports[0]);
	here.fds[1] = listen_locally(&here.ports[1]);
	here.port = here.ports[0];
	here.listeners = 2;
	run_puppet(run_daemon, talker);
	leave_listeners();
	meet();
	fd = served_from("127.0.0.1");
	waiting = local_client();
	client_says(waiting, "hello\n");
	refused();
	refused();
	ck_assert(silent(waiting));
	goes(fd, 1);
	hears(waiting, "hello");
	refused();
	goes(waiting, 0);
	goes(served_from("127.0.0.1"), 0);
	stop();
}
END_TEST

/*
 * At worker_count_max
 */

START_TEST(clients_wait_at_worker_count_max_unless_they_are_to_be_refused)
{
	int fd, waiting;

	make_limits();
	limits->workers = 1;
	start(1, talker);
	fd = served_from("127.0.0.1");
	waiting = client(here.port);
	client_says(waiting, "hello\n");
	close(fd);
	hears(waiting, "hello");
	limits->refuse = 1;
	send_signal(here.master, SIGHUP);
	close(waiting);
	next_server();
	fd = served_from("127.0.0.1");
	refused();
	refused_from("127.0.0.2");
	goes(fd, 0);
	goes(served_from("127.0.0.1"), 0);
	stop();
}
END_TEST

START_TEST(server_forks_nothing_for_a_client_that_it_refuses)
{
	int i;

	make_limits();
	limits->workers = 2;
	limits->refuse = 1;
	limits->has_text = 1;
	start(1, talker);
	served_from("127.0.0.1");
	served_from("127.0.0.1");
	for (i = 0; i < CROWD; i++) {
		int fd = client(here.port);

		reads_text(fd);
		close(fd);
	}
	ck_assert_int_eq(limits->forks, 2);
	stop();
}
END_TEST

/* Workers ignore TERM, so USR1 leaves them to the master. */
static void
set_limits_and_ignore_term(void)
{
	set_limits();
	signal(SIGTERM, SIG_IGN);
}

static void
served_at_last(void)
{
	long since = 0;
	int fd;

	for (;;) {
		fd = client(here.port);
		client_says(fd, "hello\n");
		if (client_hears(fd) != NULL)
			return;
		close(fd);
		look_again(&since, "a place for another client");
	}
}

START_TEST(reload_with_a_limit_below_what_runs_refuses_until_it_is_kept)
{
	int fd[3];

	if (cannot_adopt())
		return;
	make_limits();
	limits->workers = 3;
	limits->refuse = 1;
	here.before_server = set_limits_and_ignore_term;
	start(1, talker);
	fd[0] = served_from("127.0.0.1");
	fd[1] = served_from("127.0.0.1");
	fd[2] = served_from("127.0.0.1");
	limits->workers = 1;
	send_signal(here.master, SIGUSR1);
	next_server();
	refused();
	close(fd[0]);
	refused();
	echoes(fd[1], "still here");
	close(fd[1]);
	refused();
	echoes(fd[2], "still here");
	close(fd[2]);
	served_at_last();
	refused();
	send_signal(here.server, SIGKILL);	/* its worker still counts */
	next_server();
	refused();
	send_signal(here.master, SIGINT);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

static void
overlap(void)
{
	daemon_set_reload_overlap(1);
}

/* The old server leaves its workers to the master. */
static void
reload_at_once(void)
{
	pid_t old = here.server;

	send_signal(here.master, SIGHUP);
	next_server();
	gone(old);
}

START_TEST(reload_that_overlaps_with_a_limit_below_what_runs_refuses)
{
	int fd[2];

	if (cannot_adopt())
		return;
	make_limits();
	limits->workers = 2;
	limits->refuse = 1;
	here.before_start = overlap;
	start(1, talker);
	fd[0] = served_from("127.0.0.1");
	fd[1] = served_from("127.0.0.1");
	limits->workers = 1;
	reload_at_once();
	refused();
	close(fd[0]);
	refused();
	echoes(fd[1], "still here");
	close(fd[1]);
	served_at_last();
	refused();
	stop();
}
END_TEST

START_TEST(reload_with_a_smaller_limit_for_a_source_begins_to_count_anew)
{
	int fd[3];

	make_limits();
	limits->source = 3;
	here.before_server = set_limits_and_ignore_term;
	start(1, talker);
	fd[0] = served_from("127.0.0.1");
	fd[1] = served_from("127.0.0.1");
	fd[2] = served_from("127.0.0.1");
	refused();
	limits->source = 1;
	send_signal(here.master, SIGUSR1);
	next_server();
	served_from("127.0.0.1");
	refused();
	close(fd[0]);
	close(fd[1]);
	close(fd[2]);
	refused();
	send_signal(here.master, SIGINT);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

/*
 * The rate
 */

enum { DAY = 86400, STEP = 250 };	/* s; ms */

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
waiting(void)
{
	int fd = client(here.port);

	client_says(fd, "hello\n");
	return fd;
}

START_TEST(clients_beyond_the_rate_wait_and_none_is_refused)
{
	int fd[4];

	make_limits();
	limits->rate = 3;
	limits->seconds = DAY;
	start(1, talker);
	fd[0] = served_from("127.0.0.1");
	fd[1] = served_from("127.0.0.2");
	fd[2] = served_from("127.0.0.3");
	fd[3] = waiting();
	goes(fd[0], 2);
	goes(fd[1], 1);
	ck_assert(silent(fd[3]));
	ck_assert_int_eq(limits->forks, 3);
	send_signal(here.master, SIGHUP);
	close(fd[2]);
	next_server();		/* with a full bucket */
	hears(fd[3], "hello");
	goes(fd[3], 0);
	stop();
}
END_TEST

/* The time between the starts of this many workers; the first starts at
 * once. */
static int64_t
time_of(int clients)
{
	int64_t begin = now();
	int i;

	for (i = 0; i < clients; i++) {
		call(here.port);
		has_children(here.server, 0);
	}
	return now() - begin;
}

START_TEST(clients_at_the_rate_come_in_one_after_another)
{
	make_limits();
	limits->rate = 1000 / STEP;
	start(1, talker);
	ck_assert_int_ge(time_of(1000 / STEP + 3), 3 * STEP);
	stop();
}
END_TEST

START_TEST(refused_clients_take_nothing_of_the_rate)
{
	int fd, i;

	make_limits();
	limits->rate = 2;
	limits->seconds = DAY;
	limits->source = 1;
	start(1, talker);
	fd = served_from("127.0.0.1");
	for (i = 0; i < 5; i++)
		refused();
	served_from("127.0.0.2");
	i = waiting();
	goes(fd, 1);
	ck_assert(silent(i));
	stop();
}
END_TEST

START_TEST(clients_are_refused_at_worker_count_max_even_beyond_the_rate)
{
	make_limits();
	limits->rate = 1;
	limits->seconds = DAY;
	limits->workers = 1;
	limits->refuse = 1;
	start(1, talker);
	served_from("127.0.0.1");
	refused();
	refused();
	stop();
}
END_TEST

START_TEST(local_clients_count_for_the_rate)
{
	int fd, last;

	make_limits();
	limits->rate = 1;
	limits->seconds = DAY;
	here.open_listener = listen_locally;
	start(1, talker);
	fd = local_client();
	echoes(fd, "hello");
	last = local_client();
	client_says(last, "hello\n");
	goes(fd, 0);
	ck_assert(silent(last));
	stop();
}
END_TEST

/* The library calls this one, too. */
int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	static struct timespec still;
	int got;

	if (limits != NULL && limits->still == getpid() &&
	    clock == CLOCK_MONOTONIC && still.tv_sec > 0) {
		*ts = still;
		return 0;
	}
	got = real_time(clock, ts);
	if (got == 0 && clock == CLOCK_REALTIME && limits != NULL &&
	    limits->jumps)
		ts->tv_sec += ++limits->jumps % 2 == 0 ? DAY : -DAY;
	if (got == 0 && clock == CLOCK_MONOTONIC && limits != NULL &&
	    limits->ahead != 0 && getpid() != limits->tester)
		ts->tv_sec += limits->ahead;
	if (clock == CLOCK_MONOTONIC)
		still = *ts;
	return got;
}

START_TEST(limits_do_not_care_for_the_time_of_day)
{
	int fd, base;

	make_limits();
	limits->jumps = 1;
	limits->source = 1;
	limits->has_text = 1;
	limits->rate = 1000 / STEP;
	start(1, talker);
	ck_assert_int_ge(time_of(1000 / STEP + 3), 3 * STEP);
	served_from("127.0.0.1");
	base = descriptors_of(here.server);
	fd = client(here.port);
	hears(fd, "too many, come back later\r");
	has_descriptors(here.server, base);
	stop();
}
END_TEST

/*
 * The last words
 */

static void
make_refusing(void)
{
	make_limits();
	limits->source = 1;
	limits->has_text = 1;
	start(1, talker);
}

START_TEST(refused_client_reads_the_text_and_the_end)
{
	int fd;

	make_refusing();
	served_from("127.0.0.1");
	fd = client(here.port);
	reads_text(fd);
	close(fd);
	stop();
}
END_TEST

START_TEST(refused_client_that_has_said_something_sees_no_reset)
{
	int fd, i;

	make_refusing();
	served_from("127.0.0.1");
	for (i = 0; i < 10; i++) {
		stopped(here.server);
		fd = client(here.port);
		client_says(fd, "GET / HTTP/1.1\r\n\r\n");
		send_signal(here.server, SIGCONT);
		reads_text(fd);
		close(fd);
	}
	stop();
}
END_TEST

START_TEST(refused_clients_that_do_not_close_are_closed)
{
	int i, base, fd[CROWD];

	make_refusing();
	served_from("127.0.0.1");
	base = descriptors_of(here.server);
	for (i = 0; i < CROWD; i++) {
		fd[i] = client(here.port);
		/* One more: the client that it has just accepted. */
		hold(descriptors_of(here.server) <= base + KEPT + 1,
		    "%d descriptors", descriptors_of(here.server));
	}
	served_from("127.0.0.2");
	for (i = 0; i < CROWD; i++)
		hears(fd[i], "too many, come back later\r");
	has_descriptors(here.server, base);
	served_from("127.0.0.3");
	for (i = 0; i < CROWD; i++)
		hears(fd[i], NULL);
	stop();
}
END_TEST

/* How many clients these lines tell of. */
static int
told_of(const char *text)
{
	int count = 0, more;

	while ((text = strstr(text, "unable to serve ")) != NULL) {
		text += strlen("unable to serve ");
		count += sscanf(text, "%d more", &more) == 1 &&
		    strncmp(text, "127", 3) != 0 ? more : 1;
	}
	return count;
}

static void
set_limits_and_few_descriptors(void)
{
	const struct rlimit few = { FEW, FEW };

	set_limits();
	if (setrlimit(RLIMIT_NOFILE, &few) == -1)
		_exit(95);
}

START_TEST(refused_clients_keep_nobody_waiting_for_a_descriptor)
{
	int i, fd[CROWD];

	make_limits();
	limits->source = 1;
	limits->has_text = 1;
	here.before_server = set_limits_and_few_descriptors;
	start_in_foreground(1, talker);
	served_from("127.0.0.1");
	for (i = 0; i < CROWD; i++)
		fd[i] = client(here.port);
	for (i = 0; i < CROWD; i++)
		hears(fd[i], "too many, come back later\r");
	served_from("127.0.0.2");
	stop();
	ck_assert_msg(told_of(here.run.err) == CROWD, "%s", here.run.err);
	ck_assert_ptr_null(strstr(here.run.err, "unable to accept"));
}
END_TEST

START_TEST(refused_clients_that_reset_leave_nothing)
{
	int i, base;

	make_refusing();
	served_from("127.0.0.1");
	base = descriptors_of(here.server);
	for (i = 0; i < CROWD; i++)
		reset(client(here.port));
	has_descriptors(here.server, base);
	served_from("127.0.0.2");
	stop();
}
END_TEST

START_TEST(refused_client_that_sends_a_gigabyte_delays_nobody)
{
	static char much[65536];
	long sent = 0;
	ssize_t n;
	int fd;

	make_refusing();
	served_from("127.0.0.1");
	fd = client(here.port);
	while ((n = send(fd, much, sizeof much, MSG_NOSIGNAL)) > 0) {
		if (sent == 0)
			served_from("127.0.0.2");
		sent += n;
		hold(sent < GIGABYTE, "the server has read it all");
	}
	ck_assert(errno == EPIPE || errno == ECONNRESET);
	close(fd);
	served_from("127.0.0.3");
	stop();
}
END_TEST

/* The text stays in the send buffer. */
START_TEST(refused_client_that_is_deaf_delays_nobody_even_with_linger)
{
	int fd, base;

	if (cannot_become_deaf())
		return;
	make_limits();
	limits->source = 1;
	limits->has_text = 1;
	here.open_listener = listen_and_linger;
	start(1, talker);
	served_from("127.0.0.1");
	base = descriptors_of(here.server);
	stopped(here.server);
	fd = client(here.port);
	become_deaf(fd);
	send_signal(here.server, SIGCONT);
	served_from("127.0.0.4");	/* its client came later */
	has_descriptors(here.server, base);
	served_from("127.0.0.2");
	close(fd);
	stop();
}
END_TEST

START_TEST(worker_has_no_connection_of_a_refused_client)
{
	pid_t first, second;
	int i;

	make_refusing();
	served(here.port, &first);
	for (i = 0; i < 10; i++)
		hears(client(here.port), "too many, come back later\r");
	second = (pid_t)number(connect_from("127.0.0.2", here.port), "who");
	ck_assert_int_eq(descriptors_of(first), descriptors_of(second));
	stop();
}
END_TEST

START_TEST(reload_waits_for_last_words_and_a_stop_does_not)
{
	int first, fd;

	make_refusing();
	first = served_from("127.0.0.1");
	stopped(here.server);
	fd = client(here.port);
	client_says(fd, "hello\n");
	send_signal(here.server, SIGCONT);
	hears(fd, "too many, come back later\r");
	close(first);
	send_signal(here.master, SIGHUP);
	next_server();
	hears(fd, NULL);
	close(fd);
	first = served_from("127.0.0.1");
	fd = client(here.port);
	hears(fd, "too many, come back later\r");
	stop();
}
END_TEST

/* The server would otherwise keep the client for 2 s. */
START_TEST(reload_that_overlaps_waits_for_no_last_words)
{
	int fd, other;

	if (cannot_adopt())
		return;
	make_limits();
	limits->source = 1;
	limits->has_text = 1;
	here.before_start = overlap;
	start_in_foreground(1, talker);
	fd = served_from("127.0.0.1");
	limits->still = here.server;
	other = client(here.port);
	client_says(other, "hello\n");
	hears(other, "too many, come back later\r");
	says(message(), "its source is at its limit of 1");
	reload_at_once();
	hears(other, NULL);
	echoes(fd, "still here");
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(refused_client_reads_no_text_unless_there_is_one)
{
	int i, base;

	make_limits();
	limits->source = 1;
	start(1, talker);
	served_from("127.0.0.1");
	base = descriptors_of(here.server);
	for (i = 0; i < CROWD; i++)
		hears(client(here.port), NULL);
	has_descriptors(here.server, base);
	stop();
}
END_TEST

/*
 * The log
 */

START_TEST(log_says_who_was_refused_and_why_and_then_how_many)
{
	char expected[128];
	int i, fd;

	make_limits();
	limits->source = 1;
	start_in_foreground(1, talker);
	served_from("127.0.0.1");
	fd = client(here.port);
	hears(fd, NULL);
	snprintf(expected, sizeof expected, ": unable to serve 127.0.0.1:%d: "
	    "its source is at its limit of 1", own_port(fd));
	says(message(), expected);
	close(fd);
	for (i = 0; i < 5; i++)
		refused();
	stop();
	ck_assert_msg(told_of(here.run.err) == 5, "%s", here.run.err);
	says(here.run.err, "the last one 127.0.0.1:");
}
END_TEST

START_TEST(log_says_each_reason_by_itself)
{
	make_limits();
	limits->workers = 2;
	limits->source = 1;
	limits->refuse = 1;
	start_in_foreground(1, talker);
	served_from("127.0.0.1");
	refused();
	says(message(), "its source is at its limit of 1");
	served_from("127.0.0.2");
	refused_from("127.0.0.3");
	says(message(), "all 2 workers are busy");
	stop();
}
END_TEST

/*
 * The time
 */

static void
make_timed(int seconds)
{
	make_limits();
	limits->time = seconds;
	limits->jumps = 1;
}

START_TEST(worker_is_ended_when_its_time_is_over)
{
	char expected[128];
	pid_t worker;
	int fd, other;

	make_timed(1);
	start_in_foreground(1, talker);
	fd = served(here.port, &worker);
	hears(fd, NULL);
	snprintf(expected, sizeof expected, ": unable to keep worker %ld of "
	    "127.0.0.1:%d: its time is over", (long)worker, own_port(fd));
	says(message(), expected);
	other = served_from("127.0.0.1");	/* its time begins here */
	echoes(other, "hello again");
	close(other);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(worker_that_ends_in_time_is_let_alone)
{
	int fd;

	make_timed(1);
	start_in_foreground(1, talker);
	fd = served_from("127.0.0.1");
	goes(served_from("127.0.0.1"), 1);
	hears(fd, NULL);
	says(message(), ": its time is over");
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* A worker and its helper, both ignoring TERM. */
static void
deaf_program(void)
{
	serve();
	tell_pid("worker");
	if (fork() == 0)
		tell_pid("helper");
	for (;;)
		pause();
}

static void
set_patience(void)
{
	daemon_set_stop_timeout(1);
}

START_TEST(worker_that_does_not_end_is_killed_with_its_helpers)
{
	pid_t worker, helper;
	int fd;

	make_timed(1);
	here.before_start = set_patience;
	here.before_server = set_limits_and_ignore_term;
	start(1, deaf_program);
	fd = client(here.port);
	worker = (pid_t)heard(&here.run, "worker");
	helper = (pid_t)heard(&here.run, "helper");
	gone(worker);
	gone(helper);
	hears(fd, NULL);
	has_children(here.server, 0);
	stop();
}
END_TEST

/*
 * Where the time is over when the test says so
 */

enum { LONG_TIME = 1000, PATIENCE = 10 * DEADLINE };

static void
be_patient(void)
{
	daemon_set_stop_timeout(PATIENCE);
}

static void
make_long_timed(void)
{
	make_limits();
	limits->time = LONG_TIME;
	limits->tester = getpid();
	here.before_start = be_patient;
}

/* For this process, which is made to look at its clock. */
static void
time_passes(pid_t looking, int seconds)
{
	limits->ahead += seconds;
	send_signal(looking, SIGCHLD);
}

static void
tell_term(int signo)
{
	(void)signo;
	tell_pid("term");
}

/* One that follows may get it itself, before it loops. */
static void
handle_term_in_first(void (*handler)(int))
{
	set_limits();
	if (limits->servers++ == 0)
		signal(SIGTERM, handler);
}

static void
tell_term_in_first(void)
{
	handle_term_in_first(tell_term);
}

static void
ignore_term_in_first(void)
{
	handle_term_in_first(SIG_IGN);
}

START_TEST(helpers_get_the_signal_when_the_time_is_over)
{
	pid_t worker, helper, first, second;
	int fd;

	make_long_timed();
	here.before_server = tell_term_in_first;
	start(1, deaf_program);
	fd = client(here.port);
	worker = (pid_t)heard(&here.run, "worker");
	helper = (pid_t)heard(&here.run, "helper");
	time_passes(here.server, LONG_TIME);
	first = (pid_t)heard(&here.run, "term");
	second = (pid_t)heard(&here.run, "term");
	ck_assert(first == worker || first == helper);
	ck_assert_int_eq(second, worker + helper - first);
	ck_assert(silent(fd));
	time_passes(here.server, PATIENCE);
	hears(fd, NULL);
	gone(worker);
	gone(helper);
	has_children(here.server, 0);
	stop();
	never_told("term");
}
END_TEST

/* A worker that obeys TERM, and a helper that is deaf to it and answers the
 * client. */
static void
helped_program(void)
{
	serve();
	if (fork() == 0) {
		converse(0);
		_exit(0);
	}
	signal(SIGTERM, SIG_DFL);
	tell_pid("worker");
	for (;;)
		pause();
}

static int
helped(pid_t *worker, pid_t *helper)
{
	int fd = client(here.port);

	*helper = (pid_t)number(fd, "who");
	*worker = (pid_t)heard(&here.run, "worker");
	return fd;
}

START_TEST(helpers_end_with_a_worker_whose_time_is_over)
{
	pid_t worker, helper;
	int fd;

	make_long_timed();
	limits->workers = 1;
	here.before_server = ignore_term_in_first;
	start(1, helped_program);
	fd = helped(&worker, &helper);
	time_passes(here.server, LONG_TIME);
	hears(fd, NULL);
	gone(worker);
	gone(helper);
	close(fd);
	close(helped(&worker, &helper));	/* there is room */
	stop();
}
END_TEST

START_TEST(helpers_end_with_a_worker_that_has_outlived_its_server)
{
	pid_t worker, helper;
	int fd;

	if (cannot_adopt())
		return;
	make_long_timed();
	here.before_server = ignore_term_in_first;
	start(1, helped_program);
	fd = helped(&worker, &helper);
	send_signal(here.server, SIGKILL);
	next_server();
	echoes(fd, "still here");
	time_passes(here.master, LONG_TIME);
	hears(fd, NULL);
	reaped(worker);
	gone(helper);
	stop();
}
END_TEST

START_TEST(worker_whose_time_is_over_is_killed_in_time_by_whichever_has_it)
{
	int fd;

	if (cannot_adopt())
		return;
	make_long_timed();
	here.before_server = tell_term_in_first;
	start_in_foreground(1, deaf_program);
	fd = client(here.port);
	heard(&here.run, "helper");
	time_passes(here.server, LONG_TIME);
	heard(&here.run, "term");
	heard(&here.run, "term");
	says(message(), ": its time is over");
	settled(here.server);	/* it has noted that */
	time_passes(here.server, PATIENCE / 2);
	send_signal(here.server, SIGKILL);
	says(message(), "unable to keep the server: it was ended by signal 9");
	next_server();
	ck_assert(silent(fd));
	time_passes(here.master, PATIENCE / 2);
	hears(fd, NULL);
	stop();
	ck_assert_str_eq(here.run.err, "");
	never_told("term");
}
END_TEST

static void
never_kill(void)
{
	daemon_set_stop_timeout(0);
}

START_TEST(helpers_stay_if_nothing_is_to_be_killed)
{
	pid_t worker, helper;
	int fd;

	make_long_timed();
	here.before_start = never_kill;
	here.before_server = ignore_term_in_first;
	start(1, helped_program);
	fd = helped(&worker, &helper);
	time_passes(here.server, LONG_TIME);
	reaped(worker);
	echoes(fd, "still here");
	close(fd);
	gone(helper);
	stop();
}
END_TEST

START_TEST(worker_that_has_stopped_is_killed)
{
	pid_t worker;
	int fd;

	make_timed(1);
	here.before_start = set_patience;
	start(1, talker);
	fd = served(here.port, &worker);
	stopped(worker);
	hears(fd, NULL);
	gone(worker);
	stop();
}
END_TEST

START_TEST(reload_does_not_wait_longer_than_the_time)
{
	int fd;

	make_timed(2);
	start(1, talker);
	fd = served_from("127.0.0.1");
	send_signal(here.master, SIGHUP);
	next_server();
	hears(fd, NULL);
	stop();
}
END_TEST

START_TEST(worker_keeps_its_time_when_its_server_has_gone)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	make_timed(2);
	here.before_start = set_patience;
	here.before_server = set_limits_and_ignore_term;
	start(1, deaf_program);
	fd = client(here.port);
	worker = (pid_t)heard(&here.run, "worker");
	heard(&here.run, "helper");
	limits->time = 0;
	send_signal(here.server, SIGKILL);
	next_server();
	hears(fd, NULL);
	gone(worker);
	stop();
}
END_TEST

/* Kills the first server after it has forked its first worker. */
static void
die_once(void)
{
	if (limits->deaths++ == 0)
		raise(SIGKILL);
}

static void
set_limits_and_die_once(void)
{
	set_limits();
	pthread_atfork(NULL, die_once, NULL);
}

START_TEST(worker_has_its_time_even_if_its_server_dies_in_its_birth)
{
	int fd;

	if (cannot_adopt())
		return;
	make_timed(1);
	here.before_server = set_limits_and_die_once;
	start_in_foreground(1, talker);
	fd = client(here.port);
	next_server();
	hears(fd, NULL);
	says(message(), "unable to keep the server: it was ended by signal 9");
	says(message(), ": its time is over");
	stop();
}
END_TEST

START_TEST(worker_keeps_its_time_over_a_reload_that_overlaps)
{
	pid_t worker;
	int fd;

	if (cannot_adopt())
		return;
	make_timed(2);
	here.before_start = overlap;
	start(1, talker);
	fd = served(here.port, &worker);
	limits->time = 0;
	reload_at_once();
	hears(fd, NULL);
	gone(worker);
	stop();
}
END_TEST

START_TEST(log_says_how_many_were_out_of_time)
{
	int i, fd[5];

	make_timed(1);
	start_in_foreground(1, talker);
	for (i = 0; i < 5; i++)
		fd[i] = served_from("127.0.0.1");
	for (i = 0; i < 5; i++)
		hears(fd[i], NULL);
	says(message(), ": its time is over");
	has_children(here.server, 0);
	stop();
	says(here.run.err, ": unable to keep 4 more workers, the last one ");
	says(here.run.err, ": their time is over");
}
END_TEST

/*
 * With spares
 */

static void
refuses_spares(const char *setting)
{
	int status;

	here.spares = 2;
	here.foreground = 1;
	launch(run_start, 1, talker);
	status = run_wait(&here.run);
	exited(status, 1);
	says(here.run.err, ": unable to serve: ");
	says(here.run.err, setting);
	says(here.run.err, " does not work with "
	    "daemon_set_worker_spare_count()");
	nothing_left();
}

START_TEST(server_with_spares_has_no_limit_for_sources)
{
	make_limits();
	limits->source = 1;
	refuses_spares("daemon_set_source_worker_max()");
}
END_TEST

START_TEST(server_with_spares_has_no_rate)
{
	make_limits();
	limits->rate = 1;
	refuses_spares("daemon_set_accept_rate()");
}
END_TEST

START_TEST(server_with_spares_has_no_limit_of_time)
{
	make_limits();
	limits->time = 1;
	refuses_spares("daemon_set_worker_time_max()");
}
END_TEST

START_TEST(server_with_spares_refuses_no_client)
{
	make_limits();
	limits->refuse = 1;
	refuses_spares("daemon_set_worker_refuse()");
}
END_TEST

START_TEST(limit_that_does_not_work_with_spares_fails_the_start)
{
	make_limits();
	limits->source = 1;
	here.before_server = NULL;
	here.before_success = set_limits;
	here.spares = 2;
	launch(run_start, 1, talker);
	exited(run_wait(&here.run), 1);
	says(here.run.err, ": unable to confirm the start: "
	    "daemon_set_source_worker_max() does not work with "
	    "daemon_set_worker_spare_count()\n");
	nothing_left();
}
END_TEST

START_TEST(limit_that_does_not_work_with_spares_fails_a_reload_that_overlaps)
{
	pid_t serving;
	int fd;

	if (cannot_adopt())
		return;
	make_limits();
	here.before_start = overlap;
	here.before_server = NULL;
	here.before_success = set_limits;
	here.spares = 2;
	start_in_foreground(1, talker);
	fd = served_from("127.0.0.1");
	serving = here.server;
	limits->source = 1;
	send_signal(here.master, SIGHUP);
	says(message(), ": unable to confirm the start: ");
	says(message(), "; the present one goes on");
	echoes(fd, "still here");
	served_from("127.0.0.1");
	limits->source = 0;
	next_server();		/* the one that has failed */
	send_signal(here.master, SIGHUP);
	next_server();
	gone(serving);
	served_from("127.0.0.1");
	stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		source_at_its_limit_is_refused_and_others_are_served,
		source_has_room_again_when_a_worker_has_ended,
		source_is_an_address_or_its_first_bits,
		sources_by_the_hundred_have_a_limit_each,
		source_with_a_mapped_address_is_that_ipv4_address,
		source_may_be_an_ipv6_address,
		source_is_the_first_half_of_an_ipv6_address,
		local_clients_are_not_a_source,
		local_clients_wait_where_others_are_refused,
		clients_wait_at_worker_count_max_unless_they_are_to_be_refused,
		server_forks_nothing_for_a_client_that_it_refuses,
		reload_with_a_limit_below_what_runs_refuses_until_it_is_kept,
		reload_that_overlaps_with_a_limit_below_what_runs_refuses,
		reload_with_a_smaller_limit_for_a_source_begins_to_count_anew,
		clients_beyond_the_rate_wait_and_none_is_refused,
		clients_at_the_rate_come_in_one_after_another,
		refused_clients_take_nothing_of_the_rate,
		clients_are_refused_at_worker_count_max_even_beyond_the_rate,
		local_clients_count_for_the_rate,
		limits_do_not_care_for_the_time_of_day,
		refused_client_reads_the_text_and_the_end,
		refused_client_that_has_said_something_sees_no_reset,
		refused_clients_that_do_not_close_are_closed,
		refused_clients_keep_nobody_waiting_for_a_descriptor,
		refused_clients_that_reset_leave_nothing,
		refused_client_that_sends_a_gigabyte_delays_nobody,
		refused_client_that_is_deaf_delays_nobody_even_with_linger,
		worker_has_no_connection_of_a_refused_client,
		reload_waits_for_last_words_and_a_stop_does_not,
		reload_that_overlaps_waits_for_no_last_words,
		refused_client_reads_no_text_unless_there_is_one,
		log_says_who_was_refused_and_why_and_then_how_many,
		log_says_each_reason_by_itself,
		worker_is_ended_when_its_time_is_over,
		worker_that_ends_in_time_is_let_alone,
		worker_that_does_not_end_is_killed_with_its_helpers,
		helpers_get_the_signal_when_the_time_is_over,
		helpers_end_with_a_worker_whose_time_is_over,
		helpers_end_with_a_worker_that_has_outlived_its_server,
		worker_whose_time_is_over_is_killed_in_time_by_whichever_has_it,
		helpers_stay_if_nothing_is_to_be_killed,
		worker_that_has_stopped_is_killed,
		reload_does_not_wait_longer_than_the_time,
		worker_keeps_its_time_when_its_server_has_gone,
		worker_has_its_time_even_if_its_server_dies_in_its_birth,
		worker_keeps_its_time_over_a_reload_that_overlaps,
		log_says_how_many_were_out_of_time,
		server_with_spares_has_no_limit_of_time,
		server_with_spares_has_no_limit_for_sources,
		server_with_spares_has_no_rate,
		server_with_spares_refuses_no_client,
		limit_that_does_not_work_with_spares_fails_the_start,
		limit_that_does_not_work_with_spares_fails_a_reload_that_overlaps
	};

	return RUN_TESTS("admission", tests);
}
