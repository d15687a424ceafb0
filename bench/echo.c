/*
 * echo.c - the library as a contender
 *
 *     echo [-lr] [-o log] [-s spares] port
 *
 * -s: this many spares. -r: a worker serves one connection after another. -l:
 * every limit is set, too high to be reached. -o: with a logger.
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
	errx(1, "usage: echo [-lr] [-o log] [-s spares] port");
}

static void
set_limits(void)
{
	daemon_set_keepalive(3600);
	daemon_set_source_worker_max(65536);
	daemon_set_accept_rate(10000000, 1);
	daemon_set_worker_refuse(1);
	daemon_set_refuse_text("busy\n");
	daemon_set_worker_time_max(86400);
	daemon_set_proxy_sources("192.0.2.0/24 2001:db8::/32 unix");
}

static void
enable_log(const char *name)
{
	daemon_enable_logger();
	daemon_set_logger_name_format(name);
}

int
main(int argc, char *argv[])
{
	int fds[4], count, option, reuse = 0;

	while ((option = getopt(argc, argv, "lo:rs:")) != -1)
		if (option == 'r')
			reuse = 1;
		else if (option == 'l')
			set_limits();
		else if (option == 'o')
			enable_log(optarg);
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
	daemon_logger();
	daemon_success();
	daemon_server(fds, count);
	do
		serve(STDIN_FILENO, STDOUT_FILENO);
	while (reuse && daemon_next_connection() >= 0);
	_exit(0);
}
