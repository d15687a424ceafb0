/*
 * echo.c - the smallest daemon: every line comes back
 *
 *     echo [port]		default 7007; 0: a free port
 *
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>

#include <daemon.h>

int
main(int argc, char *argv[])
{
	char line[1024];
	int fds[4], count;

	daemon_start();			/* the shell waits; this is the master */
	daemon_clean_fd(2);		/* nothing it had open stays open */
	count = daemon_listen(NULL, argc > 1 ? argv[1] : "7007", fds, 4);
	if (count == -1)
		return 1;		/* the shell has been told why */
	daemon_master();		/* this is a server */
	daemon_success();		/* the shell has its prompt again */
	daemon_server(fds, count);	/* this is a worker: one connection */

	while (fgets(line, sizeof line, stdin) != NULL)
		fputs(line, stdout);
	return 0;
}
