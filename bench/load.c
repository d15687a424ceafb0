/*
 * load.c - clients of an echo server on loopback, and how it served them
 *
 *     load [-c clients] [-t seconds | -n connections] [-w ms]
 *         [-h held ...] [-x command] port
 *
 * Each client connects, sends a line, waits for the answer, closes and starts
 * again: a closed loop. With -w it first keeps its connection for a random time
 * of at most this many ms. Each -h holds this many connections, open and
 * silent, while the loop runs, or with -x the command. In the end each of them
 * must still be answered.
 *
 * Prints a line for each loop, of names and values: the rate within the time,
 * the latency in us from connect(2), or with -w from sending the line, to the
 * answer, and how connections ended, by kind. Status 1 if the held connections,
 * or those of -n, were not all served, else 0.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	SECOND = 1000000,	/* times are in us */
	PATIENCE = 5 * SECOND,	/* for an answer */
	BACKOFF = SECOND / 100,	/* after a failure, so that it does not spin */
	SWEEP = SECOND / 100,	/* between two checks of all clients */
	SETTLE = SECOND / 10,	/* between two checks of what still runs, ... */
	SETTLES = 200,		/* ... and how many at most */
	HOLDER = 4000,		/* connections that one process holds */
	BATCH = 250,		/* of these, between two answers */
	STAGES = 8		/* -h at most */
};

enum state { RESTING, SILENT, CONNECTING, LISTENING };

enum outcome {
	SERVED, REFUSED, RESET, CLOSED, WRONG, TIMEOUT, OTHER, OUTCOMES
};

static const char *const names[OUTCOMES] = {
	"served", "refused", "reset", "closed", "wrong", "timeout", "other"
};

struct client {
	enum state state;
	int fd;
	size_t heard;		/* bytes of the answer */
	int64_t began;
	int64_t due;		/* when its pause or silence ends */
};

static const char line[] = "The quick brown fox jumps over the lazy dog\n";
#define LINE_LEN (sizeof line - 1)

static struct sockaddr_in server;
static int events;		/* the epoll descriptor */
static int held;		/* how many connections are held */
static int holders;		/* processes that hold them */
static int held_until[2];	/* a pipe whose end releases them */

/* Options */
static int client_count = 1;
static int think;		/* us that a client waits before its line */
static long wanted = -1;	/* connections; -1: until time runs out */
static double length;		/* s */
static int stages[STAGES];
static int stage_count;
static const char *command;	/* to run instead of the loop */

/* A loop */
static struct {
	long begun;
	int busy;		/* clients that are not paused */
	int stopped;		/* no new connections */
	long outcomes[OUTCOMES];
	long in_time;		/* answers in time */
	size_t latency_count;
} loop;
static uint32_t *latencies;
static size_t latency_room;

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * SECOND + ts.tv_nsec / 1000;
}

/*
 * The figures
 */

static void
keep_latency(int64_t us)
{
	if (loop.latency_count == latency_room) {
		latency_room = latency_room * 2 + 65536;
		latencies = realloc(latencies,
		    latency_room * sizeof *latencies);
		if (latencies == NULL)
			err(1, NULL);
	}
	latencies[loop.latency_count++] = (uint32_t)us;
}

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* The nearest rank: this percentage of the latencies is at most the result. */
static uint32_t
percentile(size_t percent)
{
	size_t rank = (loop.latency_count * percent + 99) / 100;

	return rank == 0 ? 0 : latencies[rank - 1];
}

static void
print_figures(int64_t elapsed)
{
	int i;

	if (loop.latency_count > 0)
		qsort(latencies, loop.latency_count, sizeof *latencies,
		    compare);
	printf("held %d rate %.1f p50 %u p90 %u p99 %u max %u", held,
	    (double)loop.in_time * SECOND / (double)elapsed, percentile(50),
	    percentile(90), percentile(99), percentile(100));
	for (i = 0; i < OUTCOMES; i++)
		printf(" %s %ld", names[i], loop.outcomes[i]);
	printf("\n");
	fflush(stdout);
}

static enum outcome
outcome_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REFUSED;
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case ETIMEDOUT:
		return TIMEOUT;
	default:
		return OTHER;
	}
}

/*
 * One client
 */

/* Closing by a reset leaves no TIME_WAIT on either side. Otherwise thousands of
 * connections a second would soon use up all ports. */
static int
open_socket(int type)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (fd != -1)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	return fd;
}

static void
finish(struct client *c, enum outcome outcome)
{
	int64_t end = now();

	if (c->fd != -1)
		close(c->fd);
	c->state = RESTING;
	c->due = outcome == SERVED ? 0 : end + BACKOFF;
	loop.busy--;
	loop.outcomes[outcome]++;
	if (outcome != SERVED)
		return;
	keep_latency(end - c->began);
	if (!loop.stopped)
		loop.in_time++;
}

static void
watch(struct client *c, int operation, uint32_t what)
{
	struct epoll_event event = { .events = what, .data.ptr = c };

	if (epoll_ctl(events, operation, c->fd, &event) == -1)
		err(1, "epoll_ctl");
}

static void
speak(struct client *c)
{
	ssize_t n = send(c->fd, line, LINE_LEN, MSG_NOSIGNAL);

	if (n == (ssize_t)LINE_LEN) {
		if (c->state == CONNECTING)
			watch(c, EPOLL_CTL_MOD, EPOLLIN);
		c->state = LISTENING;
	} else if (n == -1 && errno == EAGAIN) {
		watch(c, EPOLL_CTL_MOD, EPOLLOUT);
		c->state = CONNECTING;
	} else
		finish(c, n == -1 ? outcome_of(errno) : OTHER);
}

static void
begin(struct client *c)
{
	loop.busy++;
	loop.begun++;
	c->heard = 0;
	c->began = now();
	c->fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK);
	if (c->fd == -1 || (connect(c->fd, (struct sockaddr *)&server,
	    sizeof server) == -1 && errno != EINPROGRESS)) {
		finish(c, outcome_of(errno));
		return;
	}
	c->state = SILENT;
	watch(c, EPOLL_CTL_ADD, EPOLLIN);
	c->due = c->began + (think > 0 ? random() % think : 0);
	if (think == 0)
		speak(c);
}

static void
hear(struct client *c)
{
	char answer[LINE_LEN];
	ssize_t n = recv(c->fd, answer, LINE_LEN - c->heard, 0);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n == -1)
		finish(c, outcome_of(errno));
	else if (n == 0)
		finish(c, CLOSED);
	else if (memcmp(answer, line + c->heard, (size_t)n) != 0)
		finish(c, WRONG);
	else if ((c->heard += (size_t)n) == LINE_LEN)
		finish(c, SERVED);
}

/*
 * All clients
 */

static void
begin_if_due(struct client *c, int64_t time)
{
	if (c->state == RESTING && time >= c->due && !loop.stopped &&
	    (wanted == -1 || loop.begun < wanted))
		begin(c);
}

static void
sweep(struct client *clients, int64_t time)
{
	struct client *c;

	for (c = clients; c < clients + client_count; c++) {
		begin_if_due(c, time);
		if (c->state == SILENT && time >= c->due) {
			c->began = time;
			speak(c);
		} else if (c->state != RESTING && c->state != SILENT &&
		    time - c->began > PATIENCE)
			finish(c, TIMEOUT);
	}
}

static int
done(int64_t time, int64_t end)
{
	if (time >= end)
		loop.stopped = 1;
	return loop.busy == 0 && (loop.stopped || loop.begun == wanted);
}

static void
run(struct client *clients)
{
	int64_t start = now(), time = start, swept = 0;
	int64_t time_limit = (int64_t)(length * SECOND);
	struct epoll_event ready[64];
	struct client *c;
	int i, n;

	memset(&loop, 0, sizeof loop);
	while (!done(time, start + time_limit)) {
		if (time - swept >= SWEEP) {
			sweep(clients, time);
			swept = time;
		}
		n = epoll_wait(events, ready, 64, SWEEP / 1000);
		for (i = 0; i < n; i++) {
			c = ready[i].data.ptr;
			if (c->state == CONNECTING)
				speak(c);
			else
				hear(c);
			begin_if_due(c, time);
		}
		time = now();
	}
	print_figures(wanted == -1 ? time_limit : time - start);
	if (wanted != -1 && loop.outcomes[SERVED] != wanted)
		errx(1, "only %ld of %ld connections served",
		    loop.outcomes[SERVED], wanted);
}

/*
 * Connections that are only held: by other processes, since a process may have
 * too few descriptors
 */

/* Each holder has an address of its own: once most ports of an address are
 * used, connect(2) takes milliseconds to find a free one. */
static int
connect_from(int host)
{
	struct timeval patience = { PATIENCE / SECOND, 0 };
	int on = 1, fd = open_socket(SOCK_STREAM);
	struct sockaddr_in source = server;

	source.sin_port = 0;
	source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)host);
	if (fd == -1 || setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT,
	    &on, sizeof on) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof patience) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof patience) == -1 ||
	    bind(fd, (struct sockaddr *)&source, sizeof source) == -1 ||
	    connect(fd, (struct sockaddr *)&server, sizeof server) == -1)
		err(1, "unable to hold a connection");
	return fd;
}

static void
end_answered(int fd)
{
	char answer[LINE_LEN];

	if (send(fd, line, LINE_LEN, MSG_NOSIGNAL) != (ssize_t)LINE_LEN ||
	    recv(fd, answer, LINE_LEN, MSG_WAITALL) != (ssize_t)LINE_LEN ||
	    memcmp(answer, line, LINE_LEN) != 0)
		err(1, "no answer to a held connection");
	close(fd);
}

/* Holds connections until end of file on held_until. When the last one is
 * answered, those before it have been accepted, too. */
static void
be_holder(int host, int count, int ready)
{
	int i, fds[HOLDER];
	char byte = 0;

	close(held_until[1]);
	for (i = 0; i < count; i++) {
		fds[i] = connect_from(host);
		if ((i + 1) % BATCH == 0 || i + 1 == count)
			end_answered(connect_from(0));
	}
	if (write(ready, &byte, 1) != 1 || read(held_until[0], &byte, 1) != 0)
		err(1, "pipe");
	for (i = 0; i < count; i++)
		end_answered(fds[i]);
	_exit(0);
}

static void
start_holder(int count)
{
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) == -1)
		err(1, "pipe2");
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		be_holder(++holders, count, ready[1]);
	}
	holders++;
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		exit(1);	/* the holder has said why */
	close(ready[0]);
	held += count;
}

/* How many of the machine's processes run or wait for a processor. */
static int
running(void)
{
	FILE *file = fopen("/proc/loadavg", "r");
	int count = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%*s %*s %*s %d", &count) != 1)
		count = 0;
	fclose(file);
	return count;
}

/* Waits until the workers of held connections wait for input: thousands have
 * been forked but have not run yet. */
static void
settle(void)
{
	int i;

	for (i = 0; i < SETTLES; i++) {
		usleep(SETTLE);
		if (running() <= 2)
			break;
	}
}

static void
hold(int count)
{
	if (count == 0)
		return;
	while (held < count)
		start_holder(count - held < HOLDER ? count - held : HOLDER);
	settle();
}

static void
release(void)
{
	int status;

	close(held_until[1]);
	for (; holders > 0; holders--)
		if (wait(&status) == -1 || status != 0)
			exit(1);
	if (held > 0)
		printf("kept %d\n", held);
}

/* As far as the user is allowed to. */
static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void
usage(void)
{
	fputs("usage: load [-c clients] [-t seconds | -n connections] [-w ms]"
	    " [-h held ...] [-x command] port\n", stderr);
	exit(1);
}

static void
add_stage(int count)
{
	if (stage_count == STAGES || count < 0 ||
	    (stage_count > 0 && count < stages[stage_count - 1]))
		usage();
	stages[stage_count++] = count;
}

static void
options(int argc, char *argv[])
{
	int c;

	while ((c = getopt(argc, argv, "c:t:n:w:h:x:")) != -1)
		switch (c) {
		case 'c':
			client_count = atoi(optarg);
			break;
		case 't':
			length = atof(optarg);
			break;
		case 'n':
			wanted = atol(optarg);
			break;
		case 'w':
			think = atoi(optarg) * 1000;
			break;
		case 'h':
			add_stage(atoi(optarg));
			break;
		case 'x':
			command = optarg;
			break;
		default:
			usage();
		}
	if (optind != argc - 1 || client_count < 1)
		usage();
	if (stage_count == 0)
		add_stage(0);
	if (length <= 0)
		length = wanted == -1 ? 1 : 60;
}

int
main(int argc, char *argv[])
{
	struct client *clients;
	int i;

	options(argc, argv);
	server.sin_family = AF_INET;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.sin_port = htons((uint16_t)atoi(argv[optind]));
	raise_limit();
	clients = calloc((size_t)client_count, sizeof *clients);
	events = epoll_create1(EPOLL_CLOEXEC);
	if (clients == NULL || events == -1 ||
	    pipe2(held_until, O_CLOEXEC) == -1)
		err(1, NULL);
	for (i = 0; i < stage_count; i++) {
		hold(stages[i]);
		if (command == NULL)
			run(clients);
		else if (system(command) != 0)
			return 1;
	}
	release();
	return 0;
}
