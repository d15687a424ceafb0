/*
 * logged.c - a service that logs its clients and never loses its log
 *
 *     logged [directory [port]]
 *
 * Each day has a file of its own, DIRECTORY/logged-YYYY-MM-DD.log, and
 * DIRECTORY/logged.log is a link to it. A file that reaches 10 MB is followed
 * by another; the last 30 files are kept. They contain what the server, the
 * workers and the library write to stderr.
 *
 * SPDX-License-Identifier: ISC
 */
#include <daemon.h>
#include <stdio.h>

int
main(int argc, char *argv[])
{
	const char *directory = argc > 1 ? argv[1] : "/var/log";
	char format[4096], link[4096], line[512], peer[64];
	int fds[8], count, lines = 0;

	snprintf(format, sizeof format, "%s/logged-%%Y-%%m-%%d.log",
	    directory);
	snprintf(link, sizeof link, "%s/logged.log", directory);
	daemon_enable_logger();
	if (daemon_set_logger_name_format(format) == -1 ||
	    daemon_set_logger_link(link) == -1) {
		perror(directory);
		return 1;
	}
	daemon_set_logger_prefix_format("%Y-%m-%d %H:%M:%S.%3N ");
	daemon_set_logger_size_max(10 * 1000 * 1000);
	daemon_set_logger_file_count_max(30);
	daemon_set_logger_escape(1);	/* a client must not write the log */

	daemon_start();
	daemon_clean_fd(2);
	count = daemon_listen(NULL, argc > 2 ? argv[2] : "7008", fds, 8);
	if (count == -1)
		return 1;
	daemon_master();
	daemon_logger();	/* the logger stays here */
	daemon_success();
	fprintf(stderr, "waiting for clients\n");
	daemon_server(fds, count);

	daemon_peer_text(peer, sizeof peer);
	fprintf(stderr, "%s: here\n", peer);
	for (; fgets(line, sizeof line, stdin) != NULL; lines++)
		printf("noted: %s", line);
	fprintf(stderr, "%s: gone after %d lines\n", peer, lines);
	return 0;
}
