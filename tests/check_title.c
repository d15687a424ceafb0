/*
 * check_title.c - daemon_set_titles(): what ps(1) shows of each process, and
 * what that does to the program's arguments and environment
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>

#include "ground.h"
#include "puppet.h"

extern char **environ;

/* what main() got */
static int main_argc;
static char **main_argv;

static int workers_max = 100;

/*
 * What is shown
 */

/* The whole title, with blanks for NULs except the last. */
static const char *
shown(pid_t pid)
{
	static char text[65536];
	char path[32];
	ssize_t i, n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
	if ((fd = open(path, O_RDONLY)) == -1)
		return "";
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n > 0 && text[n - 1] == '\0')
		n--;
	for (i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* valgrind and qemu have arguments of their own. */
static int
nothing_is_shown(void)
{
	char first = main_argv[0][0];
	int follows;

	main_argv[0][0] = '#';
	follows = shown(getpid())[0] == '#';
	main_argv[0][0] = first;
	return skip_if(!follows || shown(getpid())[0] != first,
	    "the system does not show the arguments as they are in memory");
}

static void
shows(pid_t pid, const char *title)
{
	char why[256];
	long since = 0;

	snprintf(why, sizeof why, "\"%s\" of process %d, which has \"%s\"",
	    title, (int)pid, shown(pid));
	while (strcmp(shown(pid), title) != 0)
		look_again(&since, why);
}

static void
shows_client(pid_t worker, int fd)
{
	char title[64];

	snprintf(title, sizeof title, "tested: worker 127.0.0.1:%d",
	    port_of(fd));
	shows(worker, title);
}

/*
 * The program
 */

static int result;	/* what daemon_set_titles() returned */

static void
set_titles(void)
{
	daemon_set_program_name("tested");
	daemon_set_worker_count_max(workers_max);
	errno = ERANGE;
	result = daemon_set_titles(main_argc, main_argv);
	if (result != 0 || errno != ERANGE)
		_exit(96);
}

static void
show_argument(void)
{
	int i = atoi(here.rest);

	puts(i < main_argc ? main_argv[i] : "none");
}

static void
show_variable(void)
{
	const char *value = getenv(here.rest);

	puts(value != NULL ? value : "none");
}

static void
set_variable(void)
{
	setenv(here.rest, "set", 1);
	show_variable();
}

static void
unset_variable(void)
{
	unsetenv(here.rest);
	show_variable();
}

static void
show_name(void)
{
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
	printf("%s %s\n", program_invocation_short_name,
	    program_invocation_name);
#else
	puts("none");
#endif
}

static const struct command commands[] = {
	{ "argument", show_argument, NULL },
	{ "variable", show_variable, NULL },
	{ "set", set_variable, NULL },
	{ "unset", unset_variable, NULL },
	{ "name", show_name, NULL },
	{ NULL, NULL, NULL }
};

static void
program(void)
{
	here.commands = commands;
	reused_talker();
	tell_pid("last");
	at_gate();
}

static void
start_titled(void)
{
	here.before_start = set_titles;
	make_gate();
	start(1, program);
}

static void
let_go(int fd)
{
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	open_gate();
}

/*
 * The processes
 */

START_TEST(titles_say_which_process_is_which)
{
	pid_t worker, other;
	int fd, second;

	if (nothing_is_shown())
		return;
	for (here.foreground = 0; here.foreground <= 1; here.foreground++) {
		start_titled();
		shows(here.master, "tested: master");
		shows(here.server, "tested: server 0/100");
		fd = served(here.port, &worker);
		shows_client(worker, fd);
		shows(here.server, "tested: server 1/100");
		second = served(here.port, &other);
		shows_client(other, second);
		shows(here.server, "tested: server 2/100");
		let_go(fd);
		shows(here.server, "tested: server 1/100");
		let_go(second);
		shows(here.server, "tested: server 0/100");
		shows(here.master, "tested: master");
		stop();
	}
}
END_TEST

START_TEST(titles_say_how_many_workers_there_may_be)
{
	int fd;

	if (nothing_is_shown())
		return;
	workers_max = 65536;
	start_titled();
	fd = client(here.port);
	shows(here.server, "tested: server 1/65536");
	let_go(fd);
	stop();
}
END_TEST

START_TEST(titles_of_a_logger_and_its_reader_differ)
{
	char path[PATH_MAX];

	if (nothing_is_shown())
		return;
	snprintf(path, sizeof path, "%s/log", scratch());
	here.has_logger = 1;
	daemon_enable_logger();
	daemon_set_logger_name_format(path);
	daemon_set_logger_drop(1);
	start_titled();
	shows(here.master, "tested: master");
	shows(here.logger, "tested: logger");
	shows(only_child_of(here.logger), "tested: reader");
	shows(here.server, "tested: server 0/100");
	stop();
}
END_TEST

START_TEST(titles_of_spares_say_whether_they_have_a_client)
{
	pid_t worker, next;
	int fd;

	if (nothing_is_shown())
		return;
	workers_max = here.spares = 1;
	start_titled();
	shows(only_child_of(here.server), "tested: spare");
	shows(here.server, "tested: server 1/1");
	fd = served(here.port, &worker);
	shows_client(worker, fd);
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	shows(worker, "tested: spare");
	fd = served(here.port, &next);
	ck_assert_int_eq(next, worker);
	shows_client(worker, fd);
	close(fd);
	stop();
}
END_TEST

/* And before its header has come, the proxy. */
START_TEST(titles_of_workers_behind_a_proxy_have_the_client)
{
	pid_t worker;
	int fd;

	if (nothing_is_shown())
		return;
	daemon_set_proxy_sources("127.0.0.1");
	workers_max = 1;
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		start_titled();
		fd = client(here.port);
		worker = only_child_of(here.server);
		shows_client(worker, fd);
		client_says(fd, "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80"
		    "\r\n");
		ck_assert_int_eq(number(fd, "who"), worker);
		shows(worker, "tested: worker 192.0.2.1:4711");
		close(fd);
		stop();
	}
}
END_TEST

START_TEST(titles_of_workers_that_finish_have_no_client)
{
	pid_t worker;
	int fd;

	if (nothing_is_shown())
		return;
	daemon_set_worker_connection_max(1);
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		start_titled();
		fd = served(here.port, &worker);
		shutdown(fd, SHUT_WR);
		hears(fd, NULL);
		close(fd);
		ck_assert_int_eq(heard(&here.run, "last"), worker);
		shows(worker, "tested: worker");
		open_gate();
		gone(worker);
		stop();
	}
}
END_TEST

START_TEST(titles_are_those_of_the_next_server_after_a_reload)
{
	pid_t first;

	if (nothing_is_shown())
		return;
	start_titled();
	first = here.server;
	send_signal(here.master, SIGHUP);
	next_server();
	reaped(first);
	shows(here.server, "tested: server 0/100");
	shows(here.master, "tested: master");
	stop();
}
END_TEST

/* They count against the next server's limit. */
START_TEST(titles_of_workers_outlive_their_server)
{
	pid_t worker, first;
	int fd;

	if (cannot_adopt() || nothing_is_shown())
		return;
	start_titled();
	fd = served(here.port, &worker);
	first = here.server;
	send_signal(here.server, SIGKILL);
	next_server();
	ck_assert_int_ne(first, here.server);
	shows_client(worker, fd);
	shows(here.server, "tested: server 1/100");
	let_go(fd);
	shows(here.server, "tested: server 0/100");
	stop();
}
END_TEST

/* The command line is unchanged. */
START_TEST(titles_are_not_shown_unless_they_are_wanted)
{
	char line[65536];
	pid_t worker;
	int fd;

	snprintf(line, sizeof line, "%s", shown(getpid()));
	for (here.spares = 0; here.spares <= 1; here.spares++) {
		start(1, talker);
		fd = served(here.port, &worker);
		ck_assert_str_eq(shown(here.master), line);
		ck_assert_str_eq(shown(here.server), line);
		ck_assert_str_eq(shown(worker), line);
		close(fd);
		stop();
	}
}
END_TEST

/*
 * The program keeps what it was given
 */

START_TEST(titles_leave_the_program_its_arguments)
{
	char line[32], name[PATH_MAX + 64];
	int fd, i;

	start_titled();
	fd = client(here.port);
	for (i = 0; i < main_argc; i++) {
		snprintf(line, sizeof line, "argument %d", i);
		ck_assert_str_eq(answer(fd, line), main_argv[i]);
	}
	snprintf(line, sizeof line, "argument %d", main_argc);
	ck_assert_str_eq(answer(fd, line), "none");
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
	snprintf(name, sizeof name, "%s %s", program_invocation_short_name,
	    program_invocation_name);
	ck_assert_str_eq(answer(fd, "name"), name);
#else
	(void)name;
#endif
	let_go(fd);
	stop();
}
END_TEST

START_TEST(titles_leave_the_program_its_environment)
{
	char line[PATH_MAX], *name;
	int fd, i;

	start_titled();
	fd = client(here.port);
	for (i = 0; environ[i] != NULL; i++) {
		if (strchr(environ[i], '\n') != NULL ||
		    strlen(environ[i]) > 400)
			continue;
		name = strndup(environ[i], strcspn(environ[i], "="));
		snprintf(line, sizeof line, "variable %s", name);
		ck_assert_str_eq(answer(fd, line), getenv(name));
		free(name);
	}
	ck_assert_int_gt(i, 0);
	ck_assert_str_eq(answer(fd, "set NEW_ONE"), "set");
	ck_assert_str_eq(answer(fd, "set PATH"), "set");
	ck_assert_str_eq(answer(fd, "unset PATH"), "none");
	ck_assert_str_eq(answer(fd, "variable NEW_ONE"), "set");
	let_go(fd);
	stop();
}
END_TEST

START_TEST(titles_are_gone_in_the_program_that_a_worker_executes)
{
	int fd;

	setenv("KEPT", "here", 1);
	start_titled();
	fd = client(here.port);
	client_says(fd, "exec echo $KEPT; read line; "
	    "tr '\\0' ' ' </proc/$$/cmdline\n");
	hears(fd, "here");
	client_says(fd, "go on\n");
	ck_assert_int_eq(strncmp(client_hears(fd), "sh -c echo ", 11), 0);
	close(fd);
	stop();
}
END_TEST

/*
 * Room for a title: memory like that from the kernel, followed by what must not
 * change
 */

enum { ROOM = 128, ARGUMENTS = 4, VARIABLES = 4 };

static struct memory {
	char *argv[ARGUMENTS + 1];
	char *envp[VARIABLES + 1];
	char text[ROOM];
	char beyond[ROOM];
	char *next;	/* in text */
} memory;

static char *
lay(const char *text)
{
	char *at = memory.next;

	memory.next += strlen(text) + 1;
	memcpy(at, text, strlen(text) + 1);
	return at;
}

/* Prepares arguments of this many bytes together, the last one the longest, and
 * variables. */
static void
prepare(int argc, int size, int variables)
{
	char text[ROOM];
	int i, length;

	memset(&memory, 0, sizeof memory);
	memset(memory.beyond, '!', sizeof memory.beyond);
	memory.next = memory.text;
	for (i = 0; i < argc; i++) {
		length = i < argc - 1 ? 1 : size - 2 * i - 1;
		memset(text, 'a' + i, sizeof text);
		text[length] = '\0';
		memory.argv[i] = lay(text);
	}
	for (i = 0; i < variables; i++) {
		snprintf(text, sizeof text, "V%d=variable", i);
		memory.envp[i] = lay(text);
	}
	environ = memory.envp;
}

static void
nothing_beyond(const char *end)
{
	for (; end < memory.beyond + sizeof memory.beyond; end++)
		ck_assert_int_eq(*end, end < memory.beyond ? '\0' : '!');
}

/* In a process of its own, since titles are set only once. */
static void
in_child(void (*try)(int), int size)
{
	int status;
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) == 0) {
		try(size);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "with %d bytes: wait status %#x", size,
	    (unsigned)status);
}

static void
check_title(const char *title, size_t room)
{
	char expected[ROOM * 2];

	dsrv_title_set("%s", title);
	snprintf(expected, sizeof expected, "testd: %s", title);
	if (strlen(expected) >= room)
		expected[room - 1] = '\0';
	ck_assert_str_eq(memory.text, expected);
	nothing_beyond(memory.next);
}

/* Long titles, short ones, and the one that just fits, in room of each size. */
static void
fill_arguments(int size)
{
	char title[ROOM];
	int length;

	prepare(1, size, 0);
	daemon_set_program_name("testd");
	ck_assert_int_eq(daemon_set_titles(1, memory.argv), 0);
	ck_assert_ptr_ne(memory.argv[0], memory.text);
	ck_assert_uint_eq(strlen(memory.argv[0]), size - 1);
	memset(title, 't', sizeof title);
	for (length = ROOM - 1; length >= 0; length--) {
		title[length] = '\0';
		check_title(title, (size_t)size);
	}
	for (length = 0; length < ROOM - 1; length++) {
		memset(title, 't', sizeof title);
		title[length] = '\0';
		check_title(title, (size_t)size);
	}
}

START_TEST(titles_that_are_longer_than_the_arguments_are_cut_off)
{
	int size;

	for (size = 1; size <= ROOM; size++)
		in_child(fill_arguments, size);
}
END_TEST

static void
fill_both(int size)
{
	char title[ROOM];
	size_t room;

	prepare(3, size, 3);
	room = (size_t)(memory.next - memory.text);
	daemon_set_program_name("testd");
	ck_assert_int_eq(daemon_set_titles(3, memory.argv), 0);
	memset(title, 't', sizeof title);
	title[sizeof title - 1] = '\0';
	check_title(title, room);
	check_title("", room);
	ck_assert_str_eq(getenv("V0"), "variable");
	ck_assert_str_eq(getenv("V2"), "variable");
	ck_assert_str_eq(memory.argv[0], "a");
	ck_assert_str_eq(memory.argv[1], "b");
	ck_assert_uint_eq(strlen(memory.argv[2]), size - 5);
}

START_TEST(titles_may_fill_the_room_of_the_environment_too)
{
	int size;

	for (size = 5; size <= 60; size++)
		in_child(fill_both, size);
}
END_TEST

static void
not_adjacent(int size)
{
	char own[] = "OWN=variable", *kept;

	prepare(1, size, 3);
	kept = memory.envp[2];
	memory.envp[1] = own;
	daemon_set_program_name("testd");
	ck_assert_int_eq(daemon_set_titles(1, memory.argv), 0);
	/* What the program has put there is not the kernel's. */
	ck_assert_ptr_eq(memory.envp[1], own);
	ck_assert_ptr_eq(memory.envp[2], kept);
	dsrv_title_set("%0100d", 0);
	ck_assert_str_eq(own, "OWN=variable");
	ck_assert_str_eq(kept, "V2=variable");
	ck_assert_str_eq(getenv("V0"), "variable");
}

static void
long_name(int size)
{
	static struct {
		char *argv[2];
		char text[1024];
	} wide;
	char name[256], expected[512];

	(void)size;
	memset(wide.text, 'x', sizeof wide.text - 1);
	wide.argv[0] = wide.text;
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	ck_assert_int_eq(daemon_set_program_name(name), 0);
	ck_assert_int_eq(daemon_set_titles(1, wide.argv), 0);
	dsrv_title_set("worker %s", "[2001:db8::1]:65535");
	snprintf(expected, sizeof expected, "%s: worker [2001:db8::1]:65535",
	    name);
	ck_assert_str_eq(wide.text, expected);
}

START_TEST(titles_have_the_longest_name_whole_if_there_is_room)
{
	in_child(long_name, 0);
}
END_TEST

/* The name that execve(2) gets has no limit. */
static void
endless_name(int size)
{
	static struct {
		char *argv[2];
		char text[4096];
	} wide;
	char expected[512];

	(void)size;
	memset(wide.text, 'x', sizeof wide.text - 1);
	wide.argv[0] = wide.text;
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
	program_invocation_short_name = wide.text;
#endif
	ck_assert_int_eq(daemon_set_titles(1, wide.argv), 0);
	dsrv_title_set("worker");
	memset(expected, 'x', 255);
	strcpy(expected + 255, ": worker");
	if (HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME)
		ck_assert_str_eq(wide.text, expected);
}

START_TEST(titles_have_the_beginning_of_a_name_that_is_too_long)
{
	in_child(endless_name, 0);
}
END_TEST

START_TEST(titles_leave_variables_alone_that_the_program_has_set)
{
	in_child(not_adjacent, 10);
}
END_TEST

static void
permuted(int size)
{
	char *first;

	prepare(4, size, 0);
	first = memory.argv[1];
	memory.argv[1] = memory.argv[3];
	memory.argv[3] = first;
	daemon_set_program_name("testd");
	ck_assert_int_eq(daemon_set_titles(4, memory.argv), 0);
	ck_assert_str_eq(memory.argv[3], "b");
	ck_assert_str_eq(memory.argv[2], "c");
	check_title("in all of the room", (size_t)size);
}

START_TEST(titles_do_not_mind_that_getopt_has_sorted_the_arguments)
{
	in_child(permuted, 40);
}
END_TEST

/*
 * What is refused
 */

static void
refused(int argc, char **argv)
{
	struct memory before = memory;

	errno = 0;
	ck_assert_int_eq(daemon_set_titles(argc, argv), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(dsrv_title_is_on(), 0);
	ck_assert_int_eq(memcmp(&before, &memory, sizeof memory), 0);
}

static void
constant(char **argv, const char *first, const char *second)
{
	argv[0] = (char *)(intptr_t)first;
	argv[1] = (char *)(intptr_t)second;
	argv[2] = NULL;
}

static void
refuse_arguments(int size)
{
	char *own[3], text[2][16] = { "program", "argument" };

	(void)size;
	refused(1, NULL);
	prepare(2, 20, 0);
	refused(0, memory.argv);
	refused(-1, memory.argv);
	refused(INT_MIN, memory.argv);
	refused(1, memory.argv);	/* there are more arguments */
	memory.argv[0] = NULL;
	refused(1, memory.argv);
	prepare(3, 20, 0);
	memory.argv[1] = NULL;
	refused(3, memory.argv);
	/* They are not adjacent. */
	prepare(3, 20, 0);
	memory.argv[1] = memory.argv[2];
	refused(3, memory.argv);
	constant(own, text[0], text[1]);
	refused(2, own);
	/* They are constant: writing there would end the process. */
	constant(own, "program", "argument");
	refused(2, own);
	constant(memory.argv, "program", NULL);
	memory.argv[1] = NULL;
	if ((uintptr_t)memory.argv[0] < (uintptr_t)memory.argv)
		refused(1, memory.argv);
}

START_TEST(titles_are_refused_for_arguments_that_are_not_mains)
{
	in_child(refuse_arguments, 0);
}
END_TEST

static void
without_memory(int size)
{
#if defined(__SANITIZE_ADDRESS__)
	(void)size;
#else
	static struct {
		char *argv[2];
		char text[64 * 1024 * 1024];
	} large;
	struct rlimit none = { 0, 0 };

	(void)size;
	memset(large.text, 'x', sizeof large.text - 1);
	large.argv[0] = large.text;
	if (setrlimit(RLIMIT_AS, &none) == -1)
		_exit(97);
	errno = 0;
	if (daemon_set_titles(1, large.argv) != -1 || errno != ENOMEM ||
	    dsrv_title_is_on() || large.argv[0] != large.text)
		_exit(96);
#endif
}

START_TEST(titles_are_refused_where_there_is_no_memory)
{
	in_child(without_memory, 0);
}
END_TEST

static void
set_twice(int size)
{
	char *first;

	prepare(1, size, 0);
	ck_assert_int_eq(daemon_set_titles(1, memory.argv), 0);
	first = memory.argv[0];
	errno = ERANGE;
	ck_assert_int_eq(daemon_set_titles(1, memory.argv), 0);
	ck_assert_int_eq(daemon_set_titles(0, NULL), 0);
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_ptr_eq(memory.argv[0], first);
}

START_TEST(titles_are_set_up_only_once)
{
	in_child(set_twice, 20);
}
END_TEST

int
main(int argc, char *argv[])
{
	const TTest *const tests[] = {
		titles_say_which_process_is_which,
		titles_say_how_many_workers_there_may_be,
		titles_of_a_logger_and_its_reader_differ,
		titles_of_spares_say_whether_they_have_a_client,
		titles_of_workers_behind_a_proxy_have_the_client,
		titles_of_workers_that_finish_have_no_client,
		titles_are_those_of_the_next_server_after_a_reload,
		titles_of_workers_outlive_their_server,
		titles_are_not_shown_unless_they_are_wanted,
		titles_leave_the_program_its_arguments,
		titles_leave_the_program_its_environment,
		titles_are_gone_in_the_program_that_a_worker_executes,
		titles_that_are_longer_than_the_arguments_are_cut_off,
		titles_may_fill_the_room_of_the_environment_too,
		titles_have_the_longest_name_whole_if_there_is_room,
		titles_have_the_beginning_of_a_name_that_is_too_long,
		titles_leave_variables_alone_that_the_program_has_set,
		titles_do_not_mind_that_getopt_has_sorted_the_arguments,
		titles_are_refused_for_arguments_that_are_not_mains,
		titles_are_refused_where_there_is_no_memory,
		titles_are_set_up_only_once
	};

	main_argc = argc;
	main_argv = argv;
	return RUN_TESTS("title", tests);
}
