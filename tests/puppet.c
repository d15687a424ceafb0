/*
 * puppet.c - the daemon under test, from both sides
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <errno.h>

#include "puppet.h"

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

static void
open_own_listener(void)
{
	if (daemon_listen("127.0.0.1", "0", here.fds, 1) != 1)
		_exit(97);
	here.listeners = 1;
	tell("port", port_of(here.fds[0]));
}

int
serve(void)
{
	call_if(here.before_start);
	daemon_start();
	if (here.listeners == 0)
		open_own_listener();
	call_if(here.before_master);
	tell_pid("master");
	daemon_master();
	tell_pid("server");
	call_if(here.before_success);
	daemon_success();
	call_if(here.before_server);
	errno = ERANGE;
	return daemon_server(here.fds, here.listeners);
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

static const struct command common[] = {
	{ "who", NULL, who },
	{ "where", NULL, where },
	{ "asked", NULL, asked },
	{ "bye", hang_up, NULL },
	{ NULL, NULL, NULL }
};

static int
obeys(const char *line, const struct command *command)
{
	size_t len;

	for (; command != NULL && command->word != NULL; command++) {
		len = strlen(command->word);
		if (strncmp(line, command->word, len) != 0 ||
		    (line[len] != '\n' && line[len] != ' '))
			continue;
		here.rest = line + len + 1;
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
	char line[512];

	listener_index = index;
	conversing = 1;
	while (conversing && fgets(line, sizeof line, stdin) != NULL)
		if (!obeys(line, here.commands) && !obeys(line, common))
			fputs(line, stdout);
}

void
talker(void)
{
	converse(serve());
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

/* What the one before has written, if any. */
static void
forget_run(void)
{
	free(here.run.out);
	free(here.run.err);
	if (here.run.facts > 0)
		close(here.run.facts);
}

void
launch(void (*program)(void))
{
	forget_run();
	daemon_set_foreground(here.foreground);
	daemon_set_worker_spare_count(here.spares);
	daemon_set_worker_ask(here.asks);
	(here.foreground ? run_start : run_daemon)(&here.run, program);
}

void
meet(void)
{
	if (here.listeners == 0)
		here.port = (int)heard(&here.run, "port");
	here.master = (pid_t)heard(&here.run, "master");
	here.server = (pid_t)heard(&here.run, "server");
	if (here.foreground)
		ck_assert_int_eq(here.master, here.run.pid);
}

void
start(int listeners, void (*program)(void))
{
	listen_on(listeners);
	launch(program);
	leave_listeners();
	meet();
}

void
start_in_foreground(int listeners, void (*program)(void))
{
	here.foreground = 1;
	listen_on(listeners);
	launch(program);
	meet();
}

void
next_server(void)
{
	pid_t last = here.server;

	here.server = (pid_t)heard(&here.run, "server");
	ck_assert_int_ne(here.server, last);
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
