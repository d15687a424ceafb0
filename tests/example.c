/*
 * example.c - the programs of examples/ under test, started by their commands
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>
#include <stdarg.h>

#include "example.h"

enum { MAX_ARGS = 24 };

void
start_words(struct run *run, char *const argv[])
{
	free(run->out);
	free(run->err);
	run_command(run, argv);
}

void
start_example(struct run *run, const char *name, ...)
{
	char program[PATH_MAX], *argv[MAX_ARGS] = { program };
	const char *word;
	int count = 1;
	va_list words;

	ck_assert_ptr_nonnull(getenv("TOP_BUILDDIR"));
	snprintf(program, sizeof program, "%s/examples/%s",
	    getenv("TOP_BUILDDIR"), name);
	va_start(words, name);
	while ((word = va_arg(words, const char *)) != NULL) {
		ck_assert_int_lt(count, MAX_ARGS - 1);
		argv[count++] = strdup(word);
	}
	va_end(words);
	start_words(run, argv);
	while (count > 1)
		free(argv[--count]);
}

static void
exits_with(struct run *run, int expected)
{
	int status = run_wait(run);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == expected,
	    "wait status %#x, stderr: %s", status, run->err);
}

void
run_succeeds(struct run *run)
{
	exits_with(run, 0);
}

void
run_fails(struct run *run, int status, const char *said)
{
	exits_with(run, status);
	says(run->err, said);
	nothing_left();
}

int
port_in(const char *text)
{
	int port;

	ck_assert_msg(text != NULL &&
	    sscanf(text, "listening on port %d", &port) == 1,
	    "no port in \"%s\"", text != NULL ? text : "");
	return port;
}

pid_t
run_started(struct run *run, int *port)
{
	run_succeeds(run);
	*port = port_in(run->out);
	return only_child_of(getpid());
}

pid_t
run_started_silently(struct run *run, int *port)
{
	pid_t master;

	run_succeeds(run);
	ck_assert_str_eq(run->out, "");
	ck_assert_str_eq(run->err, "");
	master = only_child_of(getpid());
	*port = port_of_process(master);
	ck_assert_msg(*port > 0, "the master listens on no port");
	return master;
}

void
master_ends(pid_t master)
{
	exited(ended(master), 0);
	nothing_left();
}

void
stop_master(pid_t master)
{
	send_signal(master, SIGTERM);
	master_ends(master);
}
