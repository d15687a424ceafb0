/*
 * floor.c - the least that a connection can cost a server in C
 *
 *     floor [-d depth] [-r processes] port
 *
 * One fork for each connection, of a child that the kernel reaps: nothing is
 * counted, limited or signalled. With -r this many processes accept and serve
 * one connection after another: the limit for workers that are reused.
 *
 * With -d the one that forks is a child of a child, and so on: the kernel links
 * the memory of a process to that of each process it descends from since the
 * last exec(3), and a server has three of them.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>

#include "listen.h"
#include "serve.h"

static void
fork_for_each(int listener)
{
	int conn;

	for (;;) {
		conn = accept(listener, NULL, NULL);
		if (conn == -1)
			continue;
		if (fork() == 0) {
			close(listener);
			serve(conn, conn);
			_exit(0);
		}
		close(conn);
	}
}

static void
serve_all(int listener)
{
	int conn;

	for (;;) {
		conn = accept(listener, NULL, NULL);
		if (conn == -1)
			continue;
		serve(conn, conn);
		close(conn);
	}
}

static pid_t
fork_bound_to_us(void)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGTERM);
	return pid;
}

static void
descend(int depth)
{
	while (depth-- > 0)
		if (fork_bound_to_us() != 0) {
			wait(NULL);	/* it ends as its children do */
			exit(0);
		}
}

int
main(int argc, char *argv[])
{
	int listener, option, depth = 0, processes = 0;

	while ((option = getopt(argc, argv, "d:r:")) != -1)
		if (option == 'd')
			depth = atoi(optarg);
		else if (option == 'r')
			processes = atoi(optarg);
		else
			return 1;
	if (optind != argc - 1)
		errx(1, "usage: floor [-d depth] [-r processes] port");
	descend(depth);
	signal(SIGCHLD, SIG_IGN);
	listener = listen_on(argv[optind]);
	if (processes == 0)
		fork_for_each(listener);
	while (--processes > 0)
		if (fork_bound_to_us() == 0)
			break;
	serve_all(listener);
}
