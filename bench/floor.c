/*
 * floor.c - the least that a connection can cost a server in C
 *
 *     floor [-r processes] port
 *
 * One fork for each connection, of a child that the kernel reaps: nothing is
 * counted, limited or signalled. With -r this many processes accept and serve
 * one connection after another: the limit for workers that are reused.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/prctl.h>
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

int
main(int argc, char *argv[])
{
	int listener, option, processes = 0;

	while ((option = getopt(argc, argv, "r:")) != -1)
		if (option != 'r' || (processes = atoi(optarg)) < 1)
			return 1;
	if (optind != argc - 1)
		errx(1, "usage: floor [-r processes] port");
	signal(SIGCHLD, SIG_IGN);
	listener = listen_on(argv[optind]);
	if (processes == 0)
		fork_for_each(listener);
	while (--processes > 0)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGTERM);
			break;
		}
	serve_all(listener);
}
