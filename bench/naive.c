/*
 * naive.c - the textbook server: accept, fork, and nothing else
 *
 *     naive port
 *
 * The first version that one would write. It has no limits, and handles no
 * errors and no signal except SIGCHLD.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
#include <signal.h>

#include "listen.h"
#include "serve.h"

static void
bury(int signo)
{
	int saved = errno;

	(void)signo;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved;
}

int
main(int argc, char *argv[])
{
	struct sigaction action;
	int listener, conn;

	if (argc != 2)
		errx(1, "usage: naive port");
	memset(&action, 0, sizeof action);
	action.sa_handler = bury;
	action.sa_flags = SA_RESTART;
	sigaction(SIGCHLD, &action, NULL);
	listener = listen_on(argv[1]);
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
