/*
 * echo.c - the library as a contender
 *
 *     echo [-r] [-s spares] port
 *
 * -s: this many spares. -r: a worker serves one connection after another.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include <daemon.h>

#include "serve.h"

static void
usage(void)
{
	errx(1, "usage: echo [-r] [-s spares] port");
}

int
main(int argc, char *argv[])
{
	int fds[4], count, option, reuse = 0;

	while ((option = getopt(argc, argv, "rs:")) != -1)
		if (option == 'r')
			reuse = 1;
		else if (option != 's' ||
		    daemon_set_worker_spare_count(atoi(optarg)) == -1)
			usage();
	if (optind != argc - 1)
		usage();
	daemon_set_worker_count_max(65536);
	daemon_start();
	daemon_clean_fd(2);
	count = daemon_listen("127.0.0.1", argv[optind], fds, 4);
	if (count == -1)
		return 1;
	daemon_master();
	daemon_success();
	daemon_server(fds, count);
	do
		serve(STDIN_FILENO, STDOUT_FILENO);
	while (reuse && daemon_next_connection() >= 0);
	_exit(0);
}
