/*
 * naive.c - the textbook server: accept, fork, and nothing else
 *
 *     naive port
 *
 * The base line: a server that forks for each connection can hardly do less. It
 * has no limits and handles no signals or errors.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int
listen_on(const char *port)
{
	struct sockaddr_in addr;
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(&addr, 0, sizeof addr);
	addr.sin_family = AF_INET;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&addr, sizeof addr) == -1)
		err(1, "bind");
	if (listen(fd, SOMAXCONN) == -1)
		err(1, "listen");
	return fd;
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
