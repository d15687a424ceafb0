/*
 * superserver.c - any program that talks on stdin and stdout, as a daemon
 *
 *     superserver [-T] [-fnv] [-a address] [-p port] [-c workers] [-d fd]
 *         [-P pidfile] [-s statusfile] [-u user] [limit ...] program
 *         [argument ...]
 *     superserver -P pidfile -k stop|quit|reload|status
 *
 * -f stays in the foreground. Without a port, or with 0, the kernel chooses
 * one; sockets that systemd or inetd has opened for it are used instead of
 * both. Each worker executes the program, with the connection as descriptors 0
 * and 1, and both its addresses in the environment, in tcpserver's variables.
 * The pid file holds the master's pid while the daemon exists. Server and
 * workers run as the user, if one is named. -d is for s6 and dinit: a newline
 * on that descriptor says that clients are served. With -n a reload
 * does not wait for clients: the next server starts beside the last one. -T, the
 * first option: ps(1) shows what each process is. -v: a line on stderr, or in the
 * system's log, when a connection begins and one when it ends. The status file
 * shows what the daemon does.
 *
 * -k controls the daemon that has the pid file: stop ends it, quit ends it
 * when the last client has gone, and both wait for its end; reload starts a
 * new server; status prints its pid. The exit status is 3 if none runs, and 4
 * if status cannot know.
 *
 * The limits decide which clients are served:
 *
 *     -K  seconds until a connection ends if the client's machine has failed
 *     -C  workers at once for one source
 *     -N  bits of an IPv4 and of an IPv6 address that make a source: 24,56
 *     -R  clients within a number of seconds: 100/1
 *     -r  refuse clients when all workers are busy, instead of letting them wait
 *     -m  a line for a refused client to read
 *     -t  seconds that a connection may last
 *     -H  proxies, which send a header of the PROXY protocol: "10.0.0.0/8 unix"
 *
 * SPDX-License-Identifier: ISC
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daemon.h>

enum { MAX_SOCKETS = 16 };

#define LIMITS "C:H:K:m:N:R:rt:"
#define LIMIT_USAGE \
	"limits:    [-K seconds] [-C count] [-N bits,bits] [-R count/seconds]\n" \
	"           [-r] [-m text] [-t seconds] [-H networks]\n"

static void
usage(void)
{
	fprintf(stderr, "usage: superserver [-T] [-fnv] [-a address] [-p port] "
	    "[-c workers] [-d fd]\n"
	    "           [-P pidfile] [-s statusfile] [-u user] [limit ...]\n"
	    "           program [argument ...]\n"
	    "       superserver -P pidfile -k stop|quit|reload|status\n"
	    LIMIT_USAGE);
	exit(2);
}

static int
number(const char *text, int min, int max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
	    value < min || value > max) {
		warnx("%s: not a number from %d to %d", text, min, max);
		usage();
	}
	return (int)value;
}

/*
 * Limits
 */

/* Ends the first number there; returns the second one. */
static char *
split(char *text, char between)
{
	char *second = strchr(text, between);

	if (second == NULL)
		usage();
	*second = '\0';
	return second + 1;
}

static int
set_prefix(char *text)
{
	char *second = split(text, ',');

	return daemon_set_source_prefix(number(text, 1, 32),
	    number(second, 1, 128));
}

static int
set_rate(char *text)
{
	char *second = split(text, '/');

	return daemon_set_accept_rate(number(text, 0, INT_MAX),
	    number(second, 1, 86400));
}

static int
set_text(const char *text)
{
	char line[1025];

	if (snprintf(line, sizeof line, "%s\n", text) >= (int)sizeof line)
		errx(1, "-m: the text is too long");
	return daemon_set_refuse_text(line);
}

/* -1: c is not one of these options. */
static int
set_limit(int c, char *value)
{
	switch (c) {
	case 'C':
		return daemon_set_source_worker_max(number(value, 0, INT_MAX));
	case 'H':
		if (daemon_set_proxy_sources(value) == -1)
			errx(1, "-H %s: not a list of networks", value);
		return 0;
	case 'K':
		return daemon_set_keepalive(number(value, 0, 32767));
	case 'm':
		return set_text(value);
	case 'N':
		return set_prefix(value);
	case 't':
		return daemon_set_worker_time_max(number(value, 0, INT_MAX));
	case 'R':
		return set_rate(value);
	case 'r':
		return daemon_set_worker_refuse(1);
	default:
		return -1;
	}
}

/*
 * Paths: daemon_start() changes to /, so they are first made absolute
 */

static void
absolute(char path[PATH_MAX], const char *name)
{
	size_t len = 0;

	if (name[0] != '/') {
		if (getcwd(path, PATH_MAX - 1) == NULL)
			err(1, "unable to get the working directory");
		len = strlen(path);
		path[len++] = '/';
	}
	if (strlen(name) >= PATH_MAX - len)
		errx(1, "%s: %s", name, strerror(ENAMETOOLONG));
	strcpy(path + len, name);
}

static int
can_execute(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return 0;
	errno = EACCES;
	return S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static void
set_notify_fd(int fd)
{
	if (daemon_set_notify_fd(fd) == -1)
		err(1, "unable to use descriptor %d", fd);
}

/* As execvp(3) will find it in each worker, but before the daemon starts. */
static void
find_program(char path[PATH_MAX], const char *name)
{
	const char *dirs = getenv("PATH");
	char found[PATH_MAX];
	int len;

	if (strchr(name, '/') != NULL) {
		if (!can_execute(name))
			err(127, "unable to run %s", name);
		absolute(path, name);
		return;
	}
	for (dirs = dirs != NULL ? dirs : "/usr/bin:/bin";; dirs += len + 1) {
		len = (int)strcspn(dirs, ":");
		if (snprintf(found, sizeof found, "%.*s%s%s", len, dirs,
		    len > 0 ? "/" : "", name) < (int)sizeof found &&
		    can_execute(found)) {
			absolute(path, found);
			return;
		}
		if (dirs[len] == '\0')
			errx(127, "unable to run %s: not found in PATH", name);
	}
}

/*
 * -k
 */

static const struct control {
	const char *word;
	int signo;
	int seconds;	/* to wait for its end */
} controls[] = {
	{ "stop", SIGTERM, 60 },
	{ "quit", SIGUSR2, INT_MAX },
	{ "reload", SIGHUP, 0 },
	{ "status", 0, 0 },
	{ NULL, 0, 0 }
};

static int
control(const char *pid_file, const char *word)
{
	const struct control *c = controls;
	pid_t pid;

	while (c->word != NULL && strcmp(c->word, word) != 0)
		c++;
	if (c->word == NULL || pid_file == NULL)
		usage();
	if ((pid = daemon_running(pid_file)) == -1)
		err(c->signo == 0 ? 4 : 1, "unable to read %s", pid_file);
	if (pid == 0) {
		warnx("%s: no daemon runs", pid_file);
		return 3;
	}
	if (c->signo == 0)
		printf("%ld\n", (long)pid);
	else if (daemon_send(pid_file, c->signo, c->seconds) == -1)
		err(errno == ESRCH ? 3 : 1, "unable to %s process %ld", word,
		    (long)pid);
	return 0;
}

/*
 * The worker
 */

static void
become(const char *program, char *argv[])
{
	/* Many programs have no other reason to end when a client goes. */
	signal(SIGPIPE, SIG_DFL);
	execvp(program, argv);
	err(127, "unable to run %s", program);
}

static void
print_port(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char port[32];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port,
	    sizeof port, NI_NUMERICSERV) == 0)
		printf("listening on port %s\n", port);
}

int
main(int argc, char *argv[])
{
	const char *address = NULL, *port = "0", *user = NULL;
	const char *pid_file = NULL, *status_file = NULL, *word = NULL;
	char program[PATH_MAX];
	int c, count, fds[MAX_SOCKETS];

	/* First of all: it moves what argv points to. */
	if (argc > 1 && strcmp(argv[1], "-T") == 0)
		daemon_set_titles(argc, argv);
	/* +: arguments after the program's name are the program's. */
	while ((c = getopt(argc, argv, "+a:c:d:fk:np:P:s:Tu:v" LIMITS)) != -1) {
		if (c == 'a')
			address = optarg;
		else if (c == 'c')
			daemon_set_worker_count_max(number(optarg, 1, 65536));
		else if (c == 'd')
			set_notify_fd(number(optarg, 3, INT_MAX));
		else if (c == 'f')
			daemon_set_foreground(1);
		else if (c == 'k')
			word = optarg;
		else if (c == 'n')
			daemon_set_reload_overlap(1);
		else if (c == 'p' && number(optarg, 0, 65535) >= 0)
			port = optarg;
		else if (c == 'P')
			pid_file = optarg;
		else if (c == 'u')
			user = optarg;
		else if (c == 's')
			status_file = optarg;
		else if (c == 'v')
			daemon_set_connection_log(1);
		else if (c == 'T' ? optind != 2 :
		    set_limit(c, optarg) == -1)
			usage();
	}
	if (word != NULL && optind == argc)
		return control(pid_file, word);
	if (word != NULL || optind == argc)
		usage();
	if (daemon_set_pid_file(pid_file) == -1)
		err(1, "unable to use %s", pid_file);
	if (daemon_set_status_file(status_file) == -1)
		err(1, "unable to use %s", status_file);
	find_program(program, argv[optind]);

	/* SIGHUP or SIGUSR2 would end many programs. */
	daemon_set_worker_ask(0);
	/* Programs ask for $TCPREMOTEIP. */
	daemon_set_worker_environment(1);
	daemon_start();
	daemon_clean_fd(STDERR_FILENO);
	/* Sockets that systemd or inetd has opened, or else -a and -p. */
	count = daemon_listen_inherited(NULL, fds, MAX_SOCKETS);
	if (count == 0)
		count = daemon_listen(address, port, fds, MAX_SOCKETS);
	if (count == -1)
		return 1;
	if (strtol(port, NULL, 10) == 0)
		print_port(fds[0]);
	daemon_master();
	if (user != NULL && daemon_drop_privileges(user, NULL, NULL) == -1)
		return 1;
	daemon_success();
	daemon_server(fds, count);
	become(program, argv + optind);
	return 127;
}
