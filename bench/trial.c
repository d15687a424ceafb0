/*
 * trial.c - starts a server, runs a command against it, ends both
 *
 *     trial server-command command
 *
 * Both are shell commands, each in a session of its own, since the kernel's
 * autogroups share processors by session. Their environment contains
 *
 *     PORT	a free port of 127.0.0.1, for the server to listen on
 *     PIDS	for the command: the processes of the server, once it answers
 *
 * After the command's output it prints one line: "cpu" and the seconds of
 * processor time that the server and all its children have used since the
 * command started, then "server" and those of the one process that accepts or
 * forks. Its status is the command's; 3 if the server did not start, 4 if the
 * command did not end.
 *
 * A trial is the subreaper of all that it starts, including daemons, and ends
 * when none is left.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"

enum {
	START_LIMIT = 10000,	/* ms */
	RUN_LIMIT = 300000,
	POLITE = 3000,		/* before a stopping server is killed */
	INSISTENT = 10000,
	PIDS_MAX = 65536,
	SERVER_MAX = 64		/* processes before the first connection */
};

static sigset_t noticed;	/* blocked, and waited for */
static sigset_t before;
static int interrupted;		/* the signal that interrupted it */

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Waits until a child ends, the trial must stop, or the time is over. */
static void
wait_for_signal(int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };
	int signo = sigtimedwait(&noticed, NULL, &ts);

	if (signo > 0 && signo != SIGCHLD)
		interrupted = signo;
}

static void
notice_signals(void)
{
	sigemptyset(&noticed);
	sigaddset(&noticed, SIGCHLD);
	sigaddset(&noticed, SIGHUP);
	sigaddset(&noticed, SIGINT);
	sigaddset(&noticed, SIGTERM);
	sigprocmask(SIG_BLOCK, &noticed, &before);
	signal(SIGCHLD, SIG_DFL);
}

/*
 * Processes
 */

/* A server's output goes to out, since the figures go to standard output. */
static pid_t
start(const char *command, int out)
{
	pid_t pid = fork();
	int null;

	if (pid == -1)
		warn("fork");
	if (pid != 0)
		return pid;
	setsid();
	null = open("/dev/null", O_RDWR);
	dup2(null, STDIN_FILENO);
	close(null);
	dup2(out, STDOUT_FILENO);
	sigprocmask(SIG_SETMASK, &before, NULL);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* Reaps children that have ended; returns whether any are left. */
static int
reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	return pid == 0;
}

static int
descendants(pid_t parent, pid_t *pids, int max)
{
	int i, children = proc_children(parent, pids, max), count = children;

	for (i = 0; i < children; i++)
		count += descendants(pids[i], pids + count, max - count);
	return count;
}

/* Asks only the trial's own children first, such as a server's oldest process,
 * which itself stops its workers. */
static void
end_all(void)
{
	static pid_t pids[PIDS_MAX];
	int64_t began = now(), last = began;
	int count = proc_children(getpid(), pids, PIDS_MAX), signo = SIGTERM;

	for (;;) {
		while (count-- > 0)
			kill(pids[count], signo);
		while (now() - last < POLITE) {
			if (!reap())
				return;
			wait_for_signal(50);
		}
		last = now();
		if (last - began > INSISTENT)
			signo = SIGKILL;
		count = descendants(getpid(), pids, PIDS_MAX);
	}
}

/*
 * The server
 */

/* A socket bound to a free port, which no other process gets while it is open.
 * A server that sets SO_REUSEADDR, as all of them do, can listen there. */
static int
reserve_port(struct sockaddr_in *addr)
{
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof *addr;
	char text[16];

	memset(addr, 0, sizeof *addr);
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof on) == -1 ||
	    bind(fd, (struct sockaddr *)addr, sizeof *addr) == -1 ||
	    getsockname(fd, (struct sockaddr *)addr, &len) == -1)
		err(2, "unable to find a free port");
	snprintf(text, sizeof text, "%d", ntohs(addr->sin_port));
	setenv("PORT", text, 1);
	return fd;
}

static int
answers(const struct sockaddr_in *addr)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct timeval second = { 1, 0 };
	int ok, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char answer[2];

	if (fd == -1)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof second);
	ok = connect(fd, (const struct sockaddr *)addr, sizeof *addr) == 0 &&
	    send(fd, "?\n", 2, MSG_NOSIGNAL) == 2 &&
	    recv(fd, answer, 2, MSG_WAITALL) == 2;
	/* Wait for end of file: that worker ends soon. */
	if (ok)
		recv(fd, answer, 1, 0);
	close(fd);
	return ok;
}

static int
wait_for_answer(const struct sockaddr_in *addr)
{
	int64_t until = now() + START_LIMIT;

	while (!answers(addr)) {
		if (interrupted || !reap() || now() > until)
			return -1;
		wait_for_signal(10);
	}
	return 0;
}

static double
seconds(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
	    (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static double
seconds_of_reaped(void)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	return seconds(&usage);
}

static double
seconds_of(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &ts) == -1)
		return 0;
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The server's processes, once none has come or gone for a while, such as a
 * starter, or the worker that has answered. */
static int
settled(pid_t *pids)
{
	pid_t last[SERVER_MAX];
	int i, living, count = 0, last_count;

	do {
		last_count = count;
		memcpy(last, pids, (size_t)count * sizeof *pids);
		wait_for_signal(20);
		reap();
		count = descendants(getpid(), pids, SERVER_MAX);
		for (i = living = 0; i < count; i++)
			living += proc_state(pids[i]) != 'Z';
	} while (!interrupted && (living < count || count != last_count ||
	    memcmp(pids, last, (size_t)count * sizeof *pids) != 0));
	return count;
}

/* The oldest process, or its first child, is the server. */
enum { FIRST = 2 };
static pid_t first[FIRST];
static double first_used[FIRST];

static double
seconds_of_server(void)
{
	double used, most = 0;
	int i;

	for (i = 0; i < FIRST && first[i] != 0; i++) {
		used = seconds_of(first[i]) - first_used[i];
		if (used > most)
			most = used;
	}
	return most;
}

/* Tells the command the server's pids; returns the processor time so far. */
static double
introduce(void)
{
	pid_t pids[SERVER_MAX];
	char text[SERVER_MAX * 12];
	int i, len = 0, count = settled(pids);
	double used = seconds_of_reaped();

	for (i = 0; i < count; i++) {
		used += seconds_of(pids[i]);
		if (i < FIRST) {
			first[i] = pids[i];
			first_used[i] = seconds_of(pids[i]);
		}
		len += sprintf(text + len, "%s%ld", i > 0 ? " " : "",
		    (long)pids[i]);
	}
	setenv("PIDS", text, 1);
	return used;
}

/*
 * The command
 */

/* Returns its status. Its processor time does not count as the server's. */
static int
run(const char *command, double *used)
{
	pid_t pid = start(command, STDOUT_FILENO), ended;
	int64_t until = now() + RUN_LIMIT;
	struct rusage usage;
	int status;

	while (pid != -1 && !interrupted && now() < until) {
		while ((ended = wait4(-1, &status, WNOHANG, &usage)) > 0)
			if (ended == pid) {
				*used += seconds(&usage);
				return WIFEXITED(status) ?
				    WEXITSTATUS(status) : 1;
			}
		wait_for_signal(1000);
	}
	warnx("the command does not end");
	return 4;
}

int
main(int argc, char *argv[])
{
	struct sockaddr_in addr;
	double used = 0, by_server = 0;
	int reserved, status = 3;

	if (argc != 3)
		errx(2, "usage: trial server-command command");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
		err(2, "prctl");
	notice_signals();
	reserved = reserve_port(&addr);
	start(argv[1], STDERR_FILENO);
	if (wait_for_answer(&addr) == -1)
		warnx("the server does not answer");
	else {
		close(reserved);
		used = introduce();
		status = run(argv[2], &used);
		by_server = seconds_of_server();
	}
	end_all();
	if (status != 3)
		printf("cpu %.6f server %.6f\n", seconds_of_reaped() - used,
		    by_server);
	return interrupted ? 128 + interrupted : status;
}
