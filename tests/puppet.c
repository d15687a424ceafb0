/*
 * puppet.c - the daemon under test, from both sides
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <ctype.h>
#include <errno.h>

#include "puppet.h"

enum {
	GATE = 100,	/* the descriptor to wait on */
	PASS = 'p'
};

struct puppet here = { .asks = 1, .open_listener = listen_anywhere };

/*
 * The program
 */

static void
call_if(void (*prepare)(void))
{
	if (prepare != NULL)
		prepare();
}

static int port_to_open;	/* 0: the kernel chooses it */

void
open_port(void)
{
	char port[8];

	snprintf(port, sizeof port, "%d", port_to_open);
	if (daemon_listen("127.0.0.1", port, here.fds, 1) != 1)
		_exit(97);
	here.listeners = 1;
	tell("port", port_of(here.fds[0]));
}

void
over(const char *stage, int value, void (*then)(void))
{
	int error = errno;
	char word[64];

	if (value >= 0)
		return;
	snprintf(word, sizeof word, "%s over", stage);
	tell(word, value);
	tell("errno", error);
	tell("status", daemon_exit_status());
	call_if(then);
	_exit(daemon_exit_status());
}

int
serve(void)
{
	int where;

	call_if(here.before_start);
	over("starter", daemon_start(), NULL);
	call_if(here.before_master);
	if (here.listeners == 0)
		open_port();
	tell_pid("master");
	over("master", where = daemon_master(), here.after_master);
	if (where == DAEMON_LOGGER) {
		tell_pid("logger");
		call_if(here.in_logger);
	}
	over("logger", daemon_logger(), NULL);
	tell_pid("server");
	call_if(here.before_success);
	daemon_success();
	call_if(here.before_server);
	errno = ERANGE;
	return daemon_server(here.fds, here.listeners);
}

void
end_with_3(void)
{
	exit(3);
}

static int conversing, listener_index;

void
hang_up(void)
{
	conversing = 0;
}

static long
who(void)
{
	return getpid();
}

static long
where(void)
{
	return listener_index;
}

static long
asked(void)
{
	return daemon_stop_requested();
}

static void
die_of(int signo)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(signo, SIG_DFL);
	raise(signo);
}

static void
crash(void)
{
	die_of(SIGSEGV);
}

static void
end_with(void)
{
	_exit(atoi(here.rest));
}

static void
execute(void)
{
	char name[] = "sh", option[] = "-c";
	char *argv[] = { name, option, strdup(here.rest), NULL };

	execvp(name, argv);
}

static const struct command common[] = {
	{ "who", NULL, who },
	{ "where", NULL, where },
	{ "asked", NULL, asked },
	{ "bye", hang_up, NULL },
	{ "exit", end_with, NULL },
	{ "crash", crash, NULL },
	{ "exec", execute, NULL },
	{ NULL, NULL, NULL }
};

static int
obeys(const char *line, const struct command *command)
{
	size_t len;

	for (; command != NULL && command->word != NULL; command++) {
		len = strlen(command->word);
		if (strncmp(line, command->word, len) != 0 ||
		    (line[len] != '\0' && line[len] != ' '))
			continue;
		here.rest = line + len + (line[len] == ' ');
		if (command->obey != NULL)
			command->obey();
		else
			printf("%ld\n", command->tell());
		return 1;
	}
	return 0;
}

void
converse(int index)
{
	char line[512], *end;

	listener_index = index;
	conversing = 1;
	while (conversing && fgets(line, sizeof line, stdin) != NULL) {
		if ((end = strchr(line, '\n')) != NULL)
			*end = '\0';
		if (obeys(line, here.commands) || obeys(line, common))
			continue;
		if (end != NULL)
			*end = '\n';
		fputs(line, stdout);
	}
}

void
talker(void)
{
	converse(serve());
}

void
reused_talker(void)
{
	int index;

	for (index = serve(); index >= 0; index = daemon_next_connection())
		converse(index);
}

/*
 * From a start to an end
 */

void
listen_on(int count)
{
	int i;

	for (i = 0; i < count; i++)
		here.fds[i] = here.open_listener(&here.ports[i]);
	here.listeners = count;
	here.port = here.ports[0];
}

void
leave_listeners(void)
{
	int i;

	for (i = 0; i < here.listeners; i++)
		close(here.fds[i]);
}

/* Frees what the last run has written, if there was one. */
static void
forget_run(void)
{
	free(here.run.out);
	free(here.run.err);
	if (here.run.facts > 0)
		close(here.run.facts);
}

void
run_puppet(void (*how)(struct run *, void (*)(void)), void (*program)(void))
{
	forget_run();
	daemon_set_foreground(here.foreground);
	daemon_set_worker_spare_count(here.spares);
	daemon_set_worker_ask(here.asks);
	port_to_open = here.listeners == 0 ? reserve_port() : 0;
	how(&here.run, program);
}

void
launch(void (*how)(struct run *, void (*)(void)), int listeners,
    void (*program)(void))
{
	listen_on(listeners);
	run_puppet(how, program);
	leave_listeners();
}

void
meet(void)
{
	if (here.listeners == 0)
		here.port = (int)heard(&here.run, "port");
	here.master = (pid_t)heard(&here.run, "master");
	if (here.has_logger)
		here.logger = (pid_t)heard(&here.run, "logger");
	here.server = (pid_t)heard(&here.run, "server");
}

void
start(int listeners, void (*program)(void))
{
	launch(here.foreground ? run_start : run_daemon, listeners, program);
	meet();
}

void
start_begins(void (*program)(void))
{
	run_puppet(run_start, program);
	here.port = (int)heard(&here.run, "port");
	here.master = (pid_t)heard(&here.run, "master");
}

void
start_in_foreground(int listeners, void (*program)(void))
{
	here.foreground = 1;
	listen_on(listeners);
	run_puppet(run_start, program);
	meet();
	ck_assert_int_eq(here.master, here.run.pid);
}

void
next_server(void)
{
	pid_t last = here.server;

	here.server = (pid_t)heard(&here.run, "server");
	ck_assert_int_ne(here.server, last);
}

void
ends_with(int status)
{
	exited(ended(here.master), status);
	nothing_left();
}

void
stop_by(int signo)
{
	send_signal(here.master, signo);
	exited(here.foreground ? run_wait(&here.run) : ended(here.master), 0);
	nothing_left();
}

void
stop(void)
{
	stop_by(SIGTERM);
}

void
messages(const char *text, int count)
{
	const char *line = text, *end;
	int lines = 0;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
		hold(strncmp(line, "testd: unable to ", 17) == 0,
		    "\"%s\" is not a message", line);
		while (line < end)
			hold(!iscntrl((unsigned char)*line++),
			    "a control byte in \"%s\"", text);
	}
	ck_assert_msg(*line == '\0' && lines == count,
	    "not %d messages: \"%s\"", count, text);
}

int
no_message(int ms)
{
	return silent_for(here.run.err_fd, ms);
}

const char *
message(void)
{
	ck_assert_msg(!no_message(DEADLINE * 1000), "no message came");
	return client_hears(here.run.err_fd);
}

void
never_told(const char *word)
{
	long value = 0;

	ck_assert_msg(!heard_if(&here.run, word, &value), "\"%s %ld\"", word,
	    value);
}

/*
 * The gate
 */

static int to_gate;

/* One for all daemons of the test. */
void
make_gate(void)
{
	int ends[2];

	if (to_gate != 0)
		return;
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[0], GATE), GATE);
	close(ends[0]);
	to_gate = ends[1];
}

void
at_gate(void)
{
	char order = PASS;

	while (read(GATE, &order, 1) == -1 && errno == EINTR)
		;
	switch (order) {
	case PASS:
		break;
	case 'K':
		die_of(SIGKILL);
		break;
	case 'S':
		die_of(SIGSEGV);
		break;
	case 'A':
		die_of(SIGABRT);
		break;
	default:
		_exit(order - '0');
	}
}

void
order_at_gate(char order)
{
	ck_assert_int_eq(write(to_gate, &order, 1), 1);
}

void
open_gate(void)
{
	order_at_gate(PASS);
}

/*
 * Other users than root
 */

void
become_nobody(void)
{
	if (setgid(NOBODY) == -1 || setuid(NOBODY) == -1)
		_exit(94);
}

void
limit_processes(rlim_t count)
{
	struct rlimit limit;
	pid_t pid;

	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &limit), 0);
	limit.rlim_cur = count < limit.rlim_max ? count : limit.rlim_max;
	if ((pid = fork()) == 0) {
		become_nobody();
		_exit(prlimit(here.master, RLIMIT_NPROC, &limit, NULL) != 0);
	}
	exited(ended(pid), 0);
}

/*
 * Clients
 */

int
number(int fd, const char *command)
{
	return atoi(answer(fd, command));
}

int
served(int port, pid_t *worker)
{
	int fd = client(port);
	pid_t pid = (pid_t)number(fd, "who");

	ck_assert_int_gt(pid, 1);
	if (worker != NULL)
		*worker = pid;
	return fd;
}

void
call(int port)
{
	int fd = served(port, NULL);

	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	hears(fd, NULL);
	close(fd);
}

void
is_asked(int fd, int signo)
{
	long since = 0;

	while (number(fd, "asked") != signo)
		look_again(&since, "daemon_stop_requested()");
}
