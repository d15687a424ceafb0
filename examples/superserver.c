/*
 * superserver.c - any program that talks on stdin and stdout, as a daemon
 *
 *     superserver -p 9418 -u git -P /run/git.pid git daemon --inetd /srv/git
 *     superserver -P /run/git.pid -k reload
 *
 * Each worker executes the program, with the connection as descriptors 0 and 1,
 * and both its addresses in the environment, in tcpserver's variables. Without
 * arguments it prints its options: all settings of the library, except those
 * that mean nothing to an executed program.
 *
 * -k controls the daemon that has the pid file: stop ends it, quit ends it
 * when the last client has gone, and both wait for its end; reload starts a
 * new server; status prints its pid. The exit status is 3 if no daemon runs,
 * and 4 if status cannot find out.
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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <daemon.h>

enum { MAX_SOCKETS = 16 };

/* Options that are not settings of the library. */
static struct {
	const char *address, *port, *name;	/* where to listen */
	const char *user, *group, *root;	/* for server and workers */
	const char *pid_file, *control;
	int print_port;
	int has_titles;
} asked = { .port = "0" };

/*
 * Settings that take more than one call
 */

/* Reads the number up to the byte end. Returns what follows that byte; NULL: it
 * is not a number. */
static const char *
get_number(const char *text, char end, size_t most, size_t *number)
{
	unsigned long long value;
	char *rest;

	errno = 0;
	value = strtoull(text, &rest, 10);
	if (!isdigit((unsigned char)*text) || *rest != end || errno != 0 ||
	    value > most) {
		errno = EINVAL;
		return NULL;
	}
	*number = (size_t)value;
	return rest + 1;
}

/* The text is like "100/1". */
static int
set_pair(int (*set)(int, int), const char *text, char between)
{
	size_t first, second;

	text = get_number(text, between, INT_MAX, &first);
	if (text == NULL || get_number(text, '\0', INT_MAX, &second) == NULL)
		return -1;
	return set((int)first, (int)second);
}

static int
set_source_prefix(const char *text)
{
	return set_pair(daemon_set_source_prefix, text, ',');
}

static int
set_accept_rate(const char *text)
{
	return set_pair(daemon_set_accept_rate, text, '/');
}

static int
set_refuse_text(const char *text)
{
	char line[1026];

	snprintf(line, sizeof line, "%s\n", text);	/* or too long */
	return daemon_set_refuse_text(line);
}

static int
set_bytes(int (*set)(size_t), const char *text)
{
	size_t bytes;

	if (get_number(text, '\0', SIZE_MAX, &bytes) == NULL)
		return -1;
	return set(bytes);
}

static int
set_logger_size_max(const char *text)
{
	return set_bytes(daemon_set_logger_size_max, text);
}

static int
set_logger_total_max(const char *text)
{
	return set_bytes(daemon_set_logger_total_max, text);
}

/* The text is like "0640" or "0640,adm". */
static int
set_logger_mode(const char *text)
{
	char *rest;
	long mode = strtol(text, &rest, 8);

	if (rest == text || (*rest != '\0' && *rest != ',') || mode < 0 ||
	    mode > 0777) {
		errno = EINVAL;
		return -1;
	}
	return daemon_set_logger_mode((int)mode, *rest == ',' ? rest + 1 :
	    NULL);
}

static int
set_logger_name_format(const char *format)
{
	if (daemon_enable_logger() == -1)
		return -1;
	return daemon_set_logger_name_format(format);
}

static int
set_pid_file(const char *path)
{
	asked.pid_file = path;
	return daemon_set_pid_file(path);
}

/* They are set already: see main(). */
static int
set_titles(int on)
{
	if (on && !asked.has_titles)
		errx(2, "-T has to be the first argument");
	return 0;
}

/*
 * Settings: their options
 */

#define SWITCH(letter, name)	{ letter, 1, #name, daemon_set_##name, NULL }
#define NUMBER(letter, name)	{ letter, 0, #name, daemon_set_##name, NULL }
#define TEXT(letter, name)	{ letter, 0, #name, NULL, daemon_set_##name }
#define OTHER(letter, name)	{ letter, 0, #name, NULL, set_##name }

static const struct setting {
	char letter;		/* 0: only by -o */
	int is_switch;		/* the letter sets it to 1 */
	const char *name;
	int (*set_number)(int);
	int (*set_text)(const char *);
} settings[] = {
	{ 'T', 1, "titles", set_titles, NULL },
	TEXT(0, program_name),
	SWITCH('f', foreground),
	TEXT(0, working_directory),
	OTHER('P', pid_file),
	TEXT('s', status_file),
	NUMBER('d', notify_fd),
	NUMBER(0, thread_check),
	NUMBER(0, start_timeout),
	NUMBER(0, stop_timeout),
	NUMBER(0, drain_timeout),
	SWITCH('n', reload_overlap),
	NUMBER(0, restart_count_max),
	NUMBER(0, server_fast_time),
	NUMBER(0, server_fast_max),
	NUMBER(0, server_hang_max),
	NUMBER(0, server_tick),
	NUMBER('c', worker_count_max),
	NUMBER(0, worker_spare_count),
	NUMBER('t', worker_time_max),
	NUMBER(0, worker_ask),
	NUMBER(0, worker_environment),
	SWITCH('r', worker_refuse),
	OTHER('m', refuse_text),
	NUMBER('C', source_worker_max),
	OTHER('N', source_prefix),
	OTHER('R', accept_rate),
	NUMBER('K', keepalive),
	TEXT('H', proxy_sources),
	SWITCH('v', connection_log),
	OTHER('L', logger_name_format),
	TEXT(0, logger_prefix_format),
	OTHER(0, logger_size_max),
	NUMBER(0, logger_file_count_max),
	OTHER(0, logger_total_max),
	OTHER(0, logger_mode),
	TEXT(0, logger_link),
	TEXT(0, logger_processor),
	NUMBER(0, logger_drop),
	NUMBER(0, logger_escape),
	NUMBER(0, logger_fast_time),
	NUMBER(0, logger_fast_max),
};

enum {
	SETTINGS = sizeof settings / sizeof settings[0],
	COLUMNS = 3,
	ROWS = (SETTINGS + COLUMNS - 1) / COLUMNS
};

static void
show_setting(const struct setting *s)
{
	char cell[32];

	snprintf(cell, sizeof cell, "%c%c %s%s", s->letter != 0 ? '-' : ' ',
	    s->letter != 0 ? s->letter : ' ', s->name,
	    s->is_switch ? "" : "=");
	fprintf(stderr, s + ROWS < settings + SETTINGS ? "%-26s" : "%s\n",
	    cell);
}

static void
usage(void)
{
	int i, k;

	fputs("usage: superserver [option ...] program [argument ...]\n"
	    "       superserver -P pidfile -k stop|quit|reload|status\n"
	    "-a host, -p port  where to listen: any host and a free port, which "
	    "it prints;\n"
	    "                  /path, a Unix-domain socket; or sockets of "
	    "systemd or inetd,\n"
	    "-i name           those of this name only\n"
	    "-1                print the number of the port alone\n"
	    "-u user, -g group, -j root    of server and workers\n"
	    "-o SETTING=value  see daemon_set_SETTING(3); these, some of which "
	    "have a letter,\n"
	    "                  which takes the value, or none where it is 1:\n",
	    stderr);
	for (i = 0; i < ROWS; i++)
		for (k = i; k < SETTINGS; k += ROWS)
			show_setting(&settings[k]);
	exit(2);
}

static void
set(const struct setting *s, const char *value)
{
	size_t number;
	int result = -1;

	if (s->set_text != NULL)
		result = s->set_text(value);
	else if (get_number(value, '\0', INT_MAX, &number) != NULL)
		result = s->set_number((int)number);
	if (result == -1)
		err(2, "unable to set %s to %s", s->name, value);
}

static void
set_by_letter(int letter, const char *value)
{
	const struct setting *s;

	for (s = settings; s < settings + SETTINGS; s++) {
		if (s->letter == letter) {
			set(s, s->is_switch ? "1" : value);
			return;
		}
	}
	usage();
}

/* The text is like "worker_ask=1". */
static void
set_by_name(const char *text)
{
	size_t len = strcspn(text, "=");
	const struct setting *s;

	for (s = settings; s < settings + SETTINGS; s++) {
		if (strncmp(s->name, text, len) == 0 && s->name[len] == '\0' &&
		    text[len] == '=') {
			set(s, text + len + 1);
			return;
		}
	}
	errx(2, "-o %s: not a setting and its value", text);
}

/*
 * The command line
 */

static void
set_by_option(int letter, const char *value)
{
	switch (letter) {
	case '1':
		asked.print_port = 1;
		break;
	case 'a':
		asked.address = value;
		break;
	case 'g':
		asked.group = value;
		break;
	case 'i':
		asked.name = value;
		break;
	case 'j':
		asked.root = value;
		break;
	case 'k':
		asked.control = value;
		break;
	case 'o':
		set_by_name(value);
		break;
	case 'p':
		asked.port = value;
		break;
	case 'u':
		asked.user = value;
		break;
	default:
		set_by_letter(letter, value);
	}
}

static void
read_options(int argc, char *argv[])
{
	/* +: options after the program's name belong to the program. */
	char letters[32 + 2 * SETTINGS] = "+1a:g:i:j:k:o:p:u:", *to;
	const struct setting *s;
	int c;

	to = letters + strlen(letters);
	for (s = settings; s < settings + SETTINGS; s++) {
		if (s->letter != 0)
			*to++ = s->letter;
		if (s->letter != 0 && !s->is_switch)
			*to++ = ':';
	}
	while ((c = getopt(argc, argv, letters)) != -1)
		set_by_option(c, optarg);
	/* Either a program or -k. */
	if ((optind == argc) != (asked.control != NULL))
		usage();
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

/* Finds it as execvp(3) would in each worker, but before the daemon starts. */
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

/* The program's path is the same after the chroot(2). */
static void
find_program_below(char path[PATH_MAX], const char *root, const char *name)
{
	char found[2 * PATH_MAX];

	if (name[0] != '/')
		errx(127, "unable to run %s: -j takes an absolute path", name);
	snprintf(found, sizeof found, "%s%s", root, name);
	if (!can_execute(found))
		err(127, "unable to run %s", found);
	absolute(path, name);
}

/*
 * -k
 */

static const struct control {
	const char *word;
	int signo;
	int seconds;	/* seconds to wait for its end */
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
		err(c->signo == 0 ? 4 : errno == EBUSY ? 3 : 1,
		    "unable to read %s", pid_file);
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
 * The daemon
 */

static void
print_port(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char port[32];

	if (!asked.print_port && strcmp(asked.port, "0") != 0)
		return;
	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port,
	    sizeof port, NI_NUMERICSERV) == 0)
		printf("%s%s\n", asked.print_port ? "" : "listening on port ",
		    port);
}

/* Sockets that systemd or inetd has opened, or else -a and -p. */
static int
listen_as_asked(int fds[MAX_SOCKETS])
{
	int count = daemon_listen_inherited(asked.name, fds, MAX_SOCKETS);

	if (count == 0)
		count = daemon_listen(asked.address, asked.port, fds,
		    MAX_SOCKETS);
	if (count > 0)
		print_port(fds[0]);
	return count;
}

static void
become(const char *program, char *argv[])
{
	sigset_t asking;

	/* Many programs have no other reason to end when a client goes. */
	signal(SIGPIPE, SIG_DFL);
	/* The library may have blocked them, for daemon_stop_requested(). */
	sigemptyset(&asking);
	sigaddset(&asking, SIGHUP);
	sigaddset(&asking, SIGUSR2);
	sigprocmask(SIG_UNBLOCK, &asking, NULL);
	execvp(program, argv);
	err(127, "unable to run %s", program);
}

static int
serve(const char *program, char *argv[], const char *root)
{
	int count, fds[MAX_SOCKETS];

	daemon_start();
	daemon_clean_fd(STDERR_FILENO);
	if ((count = listen_as_asked(fds)) == -1)
		return 1;
	daemon_master();
	daemon_logger();
	if (daemon_drop_privileges(asked.user, asked.group, root) == -1)
		return 1;
	daemon_success();
	daemon_server(fds, count);
	become(program, argv);
	return 127;
}

int
main(int argc, char *argv[])
{
	char program[PATH_MAX], root[PATH_MAX];

	/* First, since it moves what argv points to. */
	if (argc > 1 && strcmp(argv[1], "-T") == 0)
		asked.has_titles = daemon_set_titles(argc, argv) == 0;
	/* SIGHUP or SIGUSR2 would end many programs. */
	daemon_set_worker_ask(0);
	/* Programs look at $TCPREMOTEIP. */
	daemon_set_worker_environment(1);
	read_options(argc, argv);
	if (asked.control != NULL)
		return control(asked.pid_file, asked.control);
	if (asked.root == NULL) {
		find_program(program, argv[optind]);
		return serve(program, argv + optind, NULL);
	}
	absolute(root, asked.root);
	find_program_below(program, root, argv[optind]);
	return serve(program, argv + optind, root);
}
