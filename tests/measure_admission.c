/*
 * measure_admission.c - what limits cost, and what they are good for
 *
 *     make measure
 *
 * Prints one line for each figure. Unlike a test it never fails because it is
 * slow. Things to compare are measured in turn, in short rounds, and a ratio is
 * the median over the rounds.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <time.h>

#include "puppet.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum {
	CLIENTS_MAX = 16,
	ROUNDS_MAX = 25,
	LIMIT = 128,	/* workers of a source */
	FLOOD = 10000,	/* connections a second */
	FLIGHT = 64,	/* of a flood, at any time */
	HELD = 20000,
	PART = 8192,	/* held by one process */
	STEP = 1024,
	MOST = 65536
};

static const in_addr_t flooder = 0x7f000009, busy_one = 0x7f000002;

static int main_argc;
static char **main_argv;

/*
 * The daemon
 */

static struct limits {
	int source;
	int has_text;
	int all;	/* every limit is set, too high to be reached */
} limits;

static void
set_limits(void)
{
	daemon_set_worker_count_max(MOST);
	daemon_set_source_worker_max(limits.source);
	daemon_set_refuse_text(limits.has_text ? "come back later\r\n" : NULL);
	if (!limits.all)
		return;
	daemon_set_keepalive(3600);
	daemon_set_source_worker_max(MOST);
	daemon_set_accept_rate(10000000, 1);
	daemon_set_worker_refuse(1);
	daemon_set_refuse_text("come back later\r\n");
	daemon_set_worker_time_max(86400);
	daemon_set_proxy_sources("192.0.2.0/24 2001:db8::/32 unix");
}

/* Sets the same, and everything that shows what the daemon does. */
static void
show_all(void)
{
	char path[PATH_MAX];

	daemon_set_program_name("shown");
	daemon_set_titles(main_argc, main_argv);
	daemon_set_connection_log(1);
	daemon_set_worker_environment(1);
	snprintf(path, sizeof path, "%s/shown.prom", scratch());
	daemon_set_status_file(path);
	snprintf(path, sizeof path, "%s/log", scratch());
	daemon_enable_logger();
	daemon_set_logger_name_format(path);
}

/* Starts another daemon beside those that run. */
static void
start_another(struct puppet *its, struct limits with)
{
	limits = with;
	here.before_start = set_limits;
	here.run = (struct run){ 0 };
	start(1, talker);
	*its = here;
}

static void
stop_one(const struct puppet *its)
{
	send_signal(its->master, SIGTERM);
	exited(ended(its->master), 0);
}

/*
 * Clients
 */

/* Connects from that address, perhaps without waiting for it. -1: see errno. */
static int
come_from(in_addr_t host, int port, int flags)
{
	struct timeval limit = { DEADLINE, 0 };
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	int on = 1, error;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	from.sin_addr.s_addr = htonl(host);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons((in_port_t)port);
	if (bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
	    (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ||
	    errno == EINPROGRESS))
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static int
has_answer(int fd)
{
	char answer[16];

	return fd != -1 && send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 &&
	    recv(fd, answer, 6, MSG_WAITALL) == 6;
}

static int
is_served(in_addr_t host, int port)
{
	int fd = come_from(host, port, 0), served = has_answer(fd);

	if (fd != -1)
		close(fd);
	return served;
}

/* The counts of all clients of a round. */
static struct counts {
	long answered[CLIENTS_MAX];
	long lost[CLIENTS_MAX];
	long flooding;		/* since the flood began */
	long refused;
} *counts;

static void
work_until(double until, int port, int i)
{
	while (seconds() < until)
		if (is_served(busy_one, port))
			counts->answered[i]++;
		else
			counts->lost[i]++;
	_exit(0);
}

static long
sum(const long *figures)
{
	long all = 0;
	int i;

	for (i = 0; i < CLIENTS_MAX; i++)
		all += figures[i];
	return all;
}

/* How many connections a second this many clients make. */
static double
rate_of(int port, int clients, double length)
{
	pid_t pids[CLIENTS_MAX];
	double until;
	int i;

	memset(counts->answered, 0, sizeof counts->answered);
	fflush(stdout);
	until = seconds() + length;
	for (i = 0; i < clients; i++)
		if ((pids[i] = fork()) == 0)
			work_until(until, port, i);
	for (i = 0; i < clients; i++)
		exited(ended(pids[i]), 0);
	return (double)sum(counts->answered) / length;
}

static int
compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double
median(double *figures, int count)
{
	qsort(figures, (size_t)count, sizeof *figures, compare);
	return count % 2 ? figures[count / 2] :
	    (figures[count / 2 - 1] + figures[count / 2]) / 2;
}

/*
 * A flood
 */

/* Reads to end of file, if there is a connection. */
static void
see_refusal(int fd)
{
	struct pollfd conn = { .fd = fd, .events = POLLIN };
	char text[64];
	ssize_t n = 1;

	if (fd == -1)
		return;
	while (n > 0 && poll(&conn, 1, DEADLINE * 1000) == 1)
		n = recv(fd, text, sizeof text, 0);
	if (n == 0)
		counts->refused++;
	close(fd);
}

/* Connects at this rate, or as fast as possible, until it is killed. */
static void
flood(int port, int rate)
{
	double began = seconds();
	int fds[FLIGHT], slot;
	long started = 0;

	memset(fds, -1, sizeof fds);
	counts->flooding = 1;
	for (;;) {
		if (rate > 0 && (double)started >= (seconds() - began) * rate) {
			poll(NULL, 0, 1);
			continue;
		}
		slot = (int)(started++ % FLIGHT);
		see_refusal(fds[slot]);
		fds[slot] = come_from(flooder, port, SOCK_NONBLOCK);
	}
}

static pid_t
flood_begins(int port, int rate)
{
	long since = 0;
	pid_t pid;

	counts->flooding = counts->refused = 0;
	fflush(stdout);
	if ((pid = fork()) == 0)
		flood(port, rate);
	while (!*(volatile long *)&counts->flooding)
		look_again(&since, "a flood");
	return pid;
}

static void
flood_ends(pid_t pid)
{
	send_signal(pid, SIGKILL);
	ended(pid);
}

/* Only accepts and closes, which shows what a flood costs the machine. */
static pid_t
start_bare(int *port)
{
	int fd = listen_anywhere(port), conn;
	pid_t pid;

	fflush(stdout);
	if ((pid = fork()) == 0)
		for (;;)
			if ((conn = accept(fd, NULL, NULL)) != -1)
				close(conn);
	close(fd);
	return pid;
}

/* Brings the source of the flood to its limit. */
static void
fill_source(void)
{
	int i;

	for (i = 0; i < LIMIT; i++)
		ck_assert(has_answer(come_from(flooder, here.port, 0)));
}

struct flooded {
	double alone[ROUNDS_MAX];
	double kept[ROUNDS_MAX];	/* this share of it is kept */
	double kept_beside[ROUNDS_MAX];	/* with the flood at the bare one */
	double refused[ROUNDS_MAX];	/* by the daemon, each second */
	double taken[ROUNDS_MAX];	/* by the bare one, each second */
};

/* The rate of the clients while a flood goes to flooded_port. */
static double
rate_beside(int flooded_port, int rate, int clients, double length,
    double *refused)
{
	pid_t pid = flood_begins(flooded_port, rate);
	double began = seconds(), got = rate_of(here.port, clients, length);

	*refused = (double)counts->refused / (seconds() - began);
	flood_ends(pid);
	return got;
}

static void
round_of_flood(struct flooded *f, int i, int bare, int rate, int clients)
{
	const double length = 0.5;

	f->alone[i] = rate_of(here.port, clients, length);
	f->kept[i] = rate_beside(here.port, rate, clients, length,
	    &f->refused[i]) / f->alone[i];
	f->kept_beside[i] = rate_beside(bare, rate, clients, length,
	    &f->taken[i]) / f->alone[i];
}

static void
flood_beside(int bare, int rate, int clients)
{
	enum { ROUNDS = 9 };
	struct flooded f;
	char speed[64] = "as fast as it can";
	int i;

	memset(counts, 0, sizeof *counts);
	for (i = 0; i < ROUNDS; i++)
		round_of_flood(&f, i, bare, rate, clients);
	if (rate > 0)
		snprintf(speed, sizeof speed, "%d a second", rate);
	printf("a flood, %s, refused %s text, beside %d client%s of another "
	    "source, which alone have %.0f connections a second: %.0f a second "
	    "refused, the others keep %.2f, %ld lost; %.0f a second to a bare "
	    "listener: they keep %.2f\n", speed,
	    limits.has_text ? "with" : "without", clients,
	    clients == 1 ? "" : "s", median(f.alone, ROUNDS),
	    median(f.refused, ROUNDS), median(f.kept, ROUNDS),
	    sum(counts->lost), median(f.taken, ROUNDS),
	    median(f.kept_beside, ROUNDS));
}

/* Seconds of processor time of a process, without its children. */
static double
processor_time(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	ck_assert_int_eq(clock_getcpuclockid(pid, &clock), 0);
	ck_assert_int_eq(clock_gettime(clock, &ts), 0);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Microseconds for each client of a flood that this process refuses. */
static double
cost_of_refusal(pid_t pid, int port)
{
	pid_t flooding = flood_begins(port, FLOOD);
	double before = processor_time(pid);
	long refused = counts->refused;

	poll(NULL, 0, 2000);
	before = processor_time(pid) - before;
	refused = counts->refused - refused;
	flood_ends(flooding);
	return before * 1e6 / (double)refused;
}

static void
flood_with(int has_text)
{
	struct puppet its;
	int port, clients;
	pid_t bare = start_bare(&port);

	start_another(&its, (struct limits){ .source = LIMIT,
	    .has_text = has_text });
	fill_source();
	printf("a refused client %s text costs the server %.1f us of a "
	    "processor; accept(2) and close(2) alone, %.1f us\n",
	    has_text ? "with" : "without", cost_of_refusal(its.server,
	    its.port), cost_of_refusal(bare, port));
	for (clients = 1; clients <= CLIENTS_MAX; clients += CLIENTS_MAX - 1) {
		flood_beside(port, FLOOD, clients);
		flood_beside(port, 0, clients);
	}
	stop_one(&its);
	flood_ends(bare);
	nothing_left();
}

START_TEST(a_flood_from_one_source)
{
	counts = shared_memory(sizeof *counts);
	flood_with(0);
	flood_with(1);
}
END_TEST

/*
 * Many sources
 */

static long
number_in(const char *path, const char *format)
{
	char line[256];
	long number = -1;
	FILE *file = fopen(path, "r");

	while (file != NULL && number == -1 &&
	    fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, format, &number) != 1)
			number = -1;
	if (file != NULL)
		fclose(file);
	return number;
}

static long
kib_available(void)
{
	return number_in("/proc/meminfo", "MemAvailable: %ld");
}

/* Connections are held by several processes, since one may have too few
 * descriptors. */
static struct held {
	int count;
	char reason[64];	/* why no more could be held; "": all were */
	long kib;		/* how much memory each costs */
	int holders;
	pid_t pids[MOST / PART + 1];
} *held;

/* Whether the machine has too little for another step; notes why. */
static int
is_short(void)
{
	long pids = number_in("/proc/sys/kernel/pid_max", "%ld");
	long threads = number_in("/proc/loadavg", "%*f %*f %*f %*d/%ld");

	if (kib_available() < number_in("/proc/meminfo", "MemTotal: %ld") / 4)
		strcpy(held->reason, "a quarter of the memory must be left");
	else if (threads + 2 * STEP > pids)
		snprintf(held->reason, sizeof held->reason,
		    "kernel.pid_max is %ld", pids);
	return held->reason[0] != '\0';
}

/* Each comes from a source of its own. */
static int
hold_one(void)
{
	int fd = come_from(0x7f010001 + (in_addr_t)held->count, here.port,
	    0);

	if (has_answer(fd))
		held->count++;
	else
		snprintf(held->reason, sizeof held->reason,
		    "it was not served (%s)", strerror(errno));
	return held->reason[0] == '\0';
}

static void
hold_part(int wanted, int report)
{
	int i;

	for (i = 0; i < PART && held->count < wanted; i++)
		if ((i % STEP == 0 && is_short()) || !hold_one())
			break;
	close(report);
	for (;;)
		pause();
}

static void
start_holder(int wanted)
{
	int ends[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	fflush(stdout);
	if ((pid = fork()) == 0) {
		close(ends[0]);
		hold_part(wanted, ends[1]);
	}
	held->pids[held->holders++] = pid;
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void
hold_many(int wanted)
{
	long before = kib_available();

	memset(held, 0, sizeof *held);
	while (held->count < wanted && held->reason[0] == '\0')
		start_holder(wanted);
	if (held->count > 0)
		held->kib = (before - kib_available()) / held->count;
}

static void
let_go(void)
{
	while (held->holders > 0)
		flood_ends(held->pids[--held->holders]);
}

/* The rate of new connections while many are held. */
static void
rate_beside_held(int source, int wanted, double *rates, int rounds)
{
	struct puppet its;
	int i;

	start_another(&its, (struct limits){ .source = source });
	hold_many(wanted);
	for (i = 0; i < rounds; i++)
		rates[i] = rate_of(its.port, 1, 0.5);
	let_go();
	stop_one(&its);
	nothing_left();
}

static void
say_why_no_more(void)
{
	if (held->reason[0] != '\0')
		printf("; no more: %s", held->reason);
	printf("\n");
}

START_TEST(many_sources)
{
	enum { TURNS = 2, ROUNDS = 5 };
	double with[TURNS * ROUNDS], without[TURNS * ROUNDS];
	int turn;

	counts = shared_memory(sizeof *counts);
	held = shared_memory(sizeof *held);
	for (turn = 0; turn < TURNS; turn++) {
		rate_beside_held(0, HELD, without + turn * ROUNDS, ROUNDS);
		rate_beside_held(LIMIT, HELD, with + turn * ROUNDS, ROUNDS);
	}
	printf("a client beside %d held connections of as many sources: "
	    "%.0f a second, with a limit for sources %.2f of that",
	    held->count, median(without, TURNS * ROUNDS),
	    median(with, TURNS * ROUNDS) / median(without, TURNS * ROUNDS));
	say_why_no_more();
}
END_TEST

START_TEST(as_many_sources_as_there_may_be)
{
	enum { ROUNDS = 5, ROOM = 16 };
	double rates[ROUNDS];

	counts = shared_memory(sizeof *counts);
	held = shared_memory(sizeof *held);
	rate_beside_held(LIMIT, MOST - ROOM, rates, ROUNDS);
	printf("a client beside %d held connections of as many sources, of "
	    "%ld KiB each: %.0f a second", held->count, held->kib,
	    median(rates, ROUNDS));
	say_why_no_more();
}
END_TEST

/*
 * Every limit
 */

enum { NONE, LIMITED, SHOWN, WAYS };

static struct ways {
	struct puppet its[WAYS];
	double rates[WAYS][ROUNDS_MAX];
	double costs[WAYS][ROUNDS_MAX];	/* us that the server takes for each */
} *ways;

static void
round_of_way(int way, int i, int clients)
{
	const struct puppet *its = &ways->its[way];
	double before = processor_time(its->server);
	const double length = 0.3;

	ways->rates[way][i] = rate_of(its->port, clients, length);
	ways->costs[way][i] = (processor_time(its->server) - before) * 1e6 /
	    (ways->rates[way][i] * length);
}

static double
median_ratio(double figures[WAYS][ROUNDS_MAX], int way)
{
	double ratios[ROUNDS_MAX];
	int i;

	for (i = 0; i < ROUNDS_MAX; i++)
		ratios[i] = figures[way][i] / figures[NONE][i];
	return median(ratios, ROUNDS_MAX);
}

static void
say_way(const char *name, int way)
{
	printf("; %s %.3f of that, and %.3f of the time", name,
	    median_ratio(ways->rates, way), median_ratio(ways->costs, way));
}

/* All in turn, so that a disturbance on the machine affects all. */
static void
rounds_of_ways(int clients)
{
	double rates[ROUNDS_MAX], costs[ROUNDS_MAX];
	int i, way;

	for (i = 0; i < ROUNDS_MAX; i++)
		for (way = 0; way < WAYS; way++)
			round_of_way((way + i) % WAYS, i, clients);
	memcpy(rates, ways->rates[NONE], sizeof rates);
	memcpy(costs, ways->costs[NONE], sizeof costs);
	printf("%d client%s, without limits: %.0f connections a second, and "
	    "%.0f us of the server's processor time for each", clients,
	    clients == 1 ? "" : "s", median(rates, ROUNDS_MAX),
	    median(costs, ROUNDS_MAX));
	say_way("with every limit", LIMITED);
	say_way("with those, a status file, titles, a connection log and the "
	    "environment", SHOWN);
	printf("\n");
}

START_TEST(every_limit)
{
	int way;

	counts = shared_memory(sizeof *counts);
	ways = shared_memory(sizeof *ways);
	start_another(&ways->its[NONE], (struct limits){ 0 });
	start_another(&ways->its[LIMITED], (struct limits){ .all = 1 });
	show_all();
	here.has_logger = 1;
	start_another(&ways->its[SHOWN], (struct limits){ .all = 1 });
	rounds_of_ways(1);
	rounds_of_ways(CLIENTS_MAX);
	for (way = 0; way < WAYS; way++)
		stop_one(&ways->its[way]);
	nothing_left();
}
END_TEST

int
main(int argc, char **argv)
{
	const TTest *const tests[] = {
		a_flood_from_one_source, every_limit, many_sources,
		as_many_sources_as_there_may_be
	};

	main_argc = argc;
	main_argv = argv;
	return RUN_TESTS("measure_admission", tests);
}
