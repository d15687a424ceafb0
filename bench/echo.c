/*
 * echo.c - the library as a contender
 *
 *     echo port
 *
 * Another mode of the library is an option here and a line in contenders.sh.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <err.h>
#include <unistd.h>

#include <daemon.h>

#include "serve.h"

int
main(int argc, char *argv[])
{
	int fds[4], count;

	if (argc != 2)
		errx(1, "usage: echo port");
	daemon_set_worker_count_max(65536);
	daemon_start();
	daemon_clean_fd(2);
	count = daemon_listen("127.0.0.1", argv[1], fds, 4);
	if (count == -1)
		return 1;
	daemon_master();
	daemon_success();
	daemon_server(fds, count);
	serve(STDIN_FILENO, STDOUT_FILENO);
	_exit(0);
}
