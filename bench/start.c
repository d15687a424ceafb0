/*
 * start.c - how long a daemon takes to start and to stop
 *
 *     start [-h held] [-n] [-x command] program [argument ...]
 *
 * Starts the program as a shell does, and waits for its end: then the shell
 * would show its prompt. An argument "PORT" becomes a free port of 127.0.0.1.
 * Once the server there answers, holds this many connections; -n: it has no
 * port, so it has started as soon as it has a process. Then sends TERM to this
 * program's own children and waits until none is left; or with -x runs the
 * command to do that.
 *
 * Prints, in us, the time to the prompt, to the first answer, and from TERM to
 * the end of the last process. Status 0; 1: a failure.
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
	PATIENCE = 10,		/* s, for an answer or the end */
	HELD_MAX = 16000,
	CHILDREN_MAX = 65536
};

static struct sockaddr_in server;
static int has_port = 1, held_count;
static const char *stop_command;
static int held[HELD_MAX];

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void
pause_ms(int ms)
{
	struct timespec ts = { 0, ms * 1000000L };

	nanosleep(&ts, NULL);
}

/* It does not listen, so a server that sets SO_REUSEADDR can have the port. */
static void
find_port(char *argv[])
{
	static char text[16];
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof server;

	server.sin_family = AF_INET;
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof on) == -1 ||
	    bind(fd, (struct sockaddr *)&server, sizeof server) == -1 ||
	    getsockname(fd, (struct sockaddr *)&server, &len) == -1)
		err(1, "unable to find a free port");
	snprintf(text, sizeof text, "%d", ntohs(server.sin_port));
	for (; *argv != NULL; argv++)
		if (strcmp(*argv, "PORT") == 0)
			*argv = text;
}

/*
 * Its life
 */

static void
execute(char *argv[])
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
	execvp(argv[0], argv);
	_exit(127);
}

/* Waits for the shell's prompt. */
static void
run(char *argv[])
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		execute(argv);
	if (pid == -1 || waitpid(pid, &status, 0) == -1)
		err(1, "fork");
	if (status != 0)
		errx(1, "%s: status %#x", argv[0], (unsigned)status);
}

/* A connection that has been answered and stays open; -1: there is none. */
static int
connect_once(void)
{
	struct timeval patience = { PATIENCE, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (fd != -1 && connect(fd, (struct sockaddr *)&server,
	    sizeof server) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
is_answered(void)
{
	int fd = connect_once();
	char answer[2];
	int ok;

	if (fd == -1)
		return 0;
	ok = send(fd, "?\n", 2, MSG_NOSIGNAL) == 2 &&
	    recv(fd, answer, 2, MSG_WAITALL) == 2;
	close(fd);
	return ok;
}

static int
children(pid_t *pids)
{
	return proc_children(getpid(), pids, CHILDREN_MAX);
}

static void
wait_for_start(void)
{
	static pid_t pids[CHILDREN_MAX];
	int64_t until = now() + PATIENCE * 1000000;

	while (has_port ? !is_answered() : children(pids) == 0) {
		if (now() > until)
			errx(1, "it does not start");
		pause_ms(1);
	}
}

/* Once the last one is answered, all have a worker. */
static void
hold(void)
{
	struct rlimit limit;
	int i;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	for (i = 0; i < held_count; i++)
		if ((held[i] = connect_once()) == -1)
			err(1, "unable to hold a connection");
	if (held_count > 0 && !is_answered())
		errx(1, "it does not answer");
}

static void
end_all(void)
{
	static pid_t pids[CHILDREN_MAX];
	int count = children(pids);

	if (stop_command != NULL && system(stop_command) != 0)
		errx(1, "%s failed", stop_command);
	while (count-- > 0)
		kill(pids[count], SIGTERM);
	alarm(PATIENCE);	/* a failure; what is left stays */
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int
main(int argc, char *argv[])
{
	int64_t began, prompt, answer, asked;
	int option;

	while ((option = getopt(argc, argv, "+h:nx:")) != -1)
		if (option == 'h')
			held_count = atoi(optarg);
		else if (option == 'n')
			has_port = 0;
		else if (option == 'x')
			stop_command = optarg;
		else
			return 1;
	if (optind == argc || held_count < 0 || held_count > HELD_MAX)
		errx(1, "usage: start [-h held] [-n] [-x command] "
		    "program [argument ...]");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
		err(1, "prctl");
	find_port(argv + optind);
	began = now();
	run(argv + optind);
	prompt = now();
	wait_for_start();
	answer = now();
	hold();
	asked = now();
	end_all();
	printf("prompt %ld answer %ld stop %ld\n", (long)(prompt - began),
	    (long)(answer - began), (long)(now() - asked));
	return 0;
}
