/*
 * qotd.c - the quote of the day (RFC 865): a whole service
 *
 * Each day has a line of the file quotes; the first 366 lines take turns. A
 * reload reads it again; if it is bad, the log says why, and nothing changes.
 *
 * SPDX-License-Identifier: ISC
 */
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <daemon.h>

static const char usage[] =
    "usage: qotd [-f | -l log] [-P pidfile] [-p port] [-s status]\n"
    "            [-u user] quotes\n"
    "       qotd -k pidfile    stops it\n"
    "       qotd -r pidfile    reloads it\n";

static char quotes[366][511];	/* with CR LF shorter than 512: RFC 865 */
static int days;

static void
read_quotes(const char *path)
{
	FILE *file = fopen(path, "r");

	if (file == NULL)
		err(1, "unable to read %s", path);
	for (; days < 366 && fgets(quotes[days], 511, file) != NULL; days++)
		if (strchr(quotes[days], '\n') == NULL)
			errx(1, "%s:%d: too long or cut off", path, days + 1);
	if (ferror(file) || days == 0)
		errx(1, "%s: no quote can be read", path);
	fclose(file);
}

int
main(int argc, char *argv[])
{
	const char *port = "17", *user = NULL, *quote;
	int c, count, fds[8], foreground = 0, bad = 0;

	daemon_set_titles(argc, argv);
	while ((c = getopt(argc, argv, "fk:l:P:p:r:s:u:")) != -1)
		if (c == 'f')
			daemon_set_foreground(foreground = 1);
		else if (c == 'k' && daemon_send(optarg, SIGTERM, 60) == 0)
			return 0;
		else if (c == 'r' && daemon_send(optarg, SIGHUP, 0) == 0)
			return 0;
		else if (c == 'k' || c == 'r')
			err(1, "unable to signal the daemon of %s", optarg);
		else if (c == 'l')
			bad |= daemon_set_logger_name_format(optarg);
		else if (c == 'P')
			bad |= daemon_set_pid_file(optarg);
		else if (c == 'p')
			port = optarg;
		else if (c == 's')
			bad |= daemon_set_status_file(optarg);
		else if (c == 'u')
			user = optarg;
		else
			bad = 1;
	if (bad || optind != argc - 1) {
		fputs(usage, stderr);
		return 2;
	}
	if (!foreground)
		daemon_enable_logger();		/* otherwise stderr is the log */
	daemon_set_working_directory(NULL);	/* quotes may be relative */
	daemon_set_connection_log(1);
	daemon_set_reload_overlap(1);
	daemon_set_source_worker_max(10);
	daemon_set_worker_time_max(60);

	daemon_start();			/* the shell waits; this is the master */
	daemon_clean_fd(2);
	if ((count = daemon_listen_inherited(NULL, fds, 8)) == 0)
		count = daemon_listen(NULL, port, fds, 8); /* none given */
	if (count == -1)
		return 1;
	daemon_master();		/* this is a server, or the logger, */
	daemon_logger();		/* which stays here */
	read_quotes(argv[optind]);	/* again in each new server */
	if (user != NULL && daemon_drop_privileges(user, NULL, NULL) == -1)
		return 1;
	daemon_success();		/* the shell has its prompt again */
	daemon_server(fds, count);	/* this is a worker: one client */

	quote = quotes[time(NULL) / 86400 % days];
	printf("%.*s\r\n", (int)strcspn(quote, "\n"), quote);
	daemon_end_connection();
	return 0;
}
