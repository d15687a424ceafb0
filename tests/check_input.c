/*
 * check_input.c - wrong use, wrong values and shortages: one line that says so,
 * status 1, and nothing left
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#include "harness.h"

enum {
	UNUSED = 200,		/* a descriptor that is not open */
	FEW = 16,		/* this many descriptors must suffice */
	MANY = 1048576,
	STRANGERS = 200000	/* from here on, user ids without an account */
};

/* The stages, and the return_fatal value of each. */
enum call { START, MASTER, LOGGER, SUCCESS, SERVER, CALLS };
static const int returns[CALLS] = { -3, -4, -5, -6, -6 };

/* The places of a program: a bit for each stage that is wrong there. */
enum place { PROGRAM, IN_MASTER, IN_SERVER, IN_READY, IN_WORKER, PLACES };
static const unsigned wrong[PLACES] = {
	1 << MASTER | 1 << LOGGER | 1 << SUCCESS | 1 << SERVER,
	1 << START | 1 << LOGGER | 1 << SUCCESS | 1 << SERVER,
	1 << START | 1 << MASTER | 1 << SERVER,
	1 << START | 1 << MASTER,
	1 << START | 1 << MASTER | 1 << LOGGER | 1 << SUCCESS | 1 << SERVER
};

static struct run run;
static int port;

/*
 * Programs
 */

static enum place place;
static enum call stage;
static int number;
static int foreground;
static int listener;
static int system_log;
static int gate[2];

static void
open_port(void)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof addr;

	if (daemon_listen("127.0.0.1", "0", &listener, 1) != 1 ||
	    getsockname(listener, (struct sockaddr *)&addr, &len) == -1)
		_exit(98);
	tell("port", ntohs(addr.sin_port));
}

static void
echo(void)
{
	char line[256];

	while (fgets(line, sizeof line, stdin) != NULL)
		fputs(line, stdout);
}

static int
call(enum call which)
{
	switch (which) {
	case START:
		return daemon_start();
	case MASTER:
		return daemon_master();
	case LOGGER:
		return daemon_logger();
	case SUCCESS:
		return daemon_success();
	default:
		return daemon_server(&listener, 1);
	}
}

/* If a stage has returned its value, the program is over. */
static void
go(enum place from, enum place to)
{
	if (from < IN_MASTER && to >= IN_MASTER) {
		if (daemon_start() != 0)
			exit(daemon_exit_status());
		open_port();
		tell_pid("master");
	}
	if (from < IN_SERVER && to >= IN_SERVER && daemon_master() != 0)
		exit(daemon_exit_status());
	if (from < IN_READY && to >= IN_READY && daemon_success() != 0)
		exit(daemon_exit_status());
	if (from < IN_WORKER && to >= IN_WORKER &&
	    daemon_server(&listener, 1) < 0)
		exit(daemon_exit_status());
}

static void
go_to(enum place there)
{
	daemon_set_program_name("testd");
	daemon_set_foreground(foreground);
	go(PROGRAM, there);
}

static void
go_on_from(enum place here)
{
	go(here, IN_WORKER);
	echo();
}

static void
echo_daemon(void)
{
	go_to(IN_WORKER);
	echo();
}

static void
return_fatal(void)
{
	daemon_set_start_return_fatal(returns[START]);
	daemon_set_master_return_fatal(returns[MASTER]);
	daemon_set_logger_return_fatal(returns[LOGGER]);
	daemon_set_server_return_fatal(returns[SERVER]);
}

/* Whether that stage has returned its value for this error. */
static int
refuses(enum call which, int error)
{
	errno = 0;
	return call(which) == returns[which] && errno == error &&
	    daemon_exit_status() == 1;
}

/*
 * What the test does
 */

/* There are this many messages, one a line and without control bytes; the first
 * says this. */
static void
messages(int count, const char *part)
{
	const char *line = run.err, *end, *p;
	int lines = 0;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1, lines++) {
		ck_assert_msg(strncmp(line, "testd: unable to ", 17) == 0,
		    "\"%s\" is not a message", line);
		for (p = line; p < end; p++)
			ck_assert(!iscntrl((unsigned char)*p));
	}
	ck_assert_msg(*line == '\0' && lines == count,
	    "not %d messages: \"%s\"", count, run.err);
	says(run.err, part);
	ck_assert(strstr(run.err, part) < strchr(run.err, '\n'));
}

/* Its own message; if the program was in another process, also that of the
 * process that waits for it. */
static void
fails(void (*program)(void), int count, const char *part)
{
	run_start(&run, program);
	exited(run_wait(&run), 1);
	messages(count, part);
	nothing_left();
}

static pid_t
starts(void (*program)(void))
{
	run_start(&run, program);
	port = (int)heard(&run, "port");
	return (pid_t)heard(&run, "master");
}

static void
stops(pid_t master)
{
	send_signal(master, SIGTERM);
	exited(master == run.pid ? run_wait(&run) : ended(master), 0);
	nothing_left();
}

/*
 * Stages out of order
 */

static void
calls_there(void)
{
	go_to(place);
	call(stage);
	exit(0);
}

/* In the master or the server: the starter says that it has ended as well. */
START_TEST(a_stage_out_of_order_fails_the_start)
{
	for (place = PROGRAM; place <= IN_SERVER; place++)
		for (stage = START; stage < CALLS; stage++)
			if (wrong[place] >> stage & 1)
				fails(calls_there, place == PROGRAM ? 1 : 2,
				    ": this is ");
}
END_TEST

START_TEST(a_stage_out_of_order_after_success_ends_the_daemon)
{
	foreground = 1;
	place = IN_READY;
	for (stage = START; stage < CALLS; stage++)
		if (wrong[place] >> stage & 1)
			fails(calls_there, 2, ": this is ");
}
END_TEST

START_TEST(a_stage_in_a_worker_ends_the_worker)
{
	pid_t master;
	int fd;

	foreground = 1;
	place = IN_WORKER;
	for (stage = START; stage < CALLS; stage++) {
		master = starts(calls_there);
		fd = client(port);
		ck_assert_ptr_null(client_hears(fd));
		close(fd);
		stops(master);
		messages(1, ": this is ");
	}
}
END_TEST

/* Tells how many wrong calls were not refused as they should be. */
static void
try_wrong_calls(enum place here)
{
	enum call which;
	int bad = 0;

	for (which = START; which < CALLS; which++)
		if (wrong[here] >> which & 1)
			bad += !refuses(which, EPERM);
	tell("bad", bad);
}

static void
daemon_with_wrong_calls(void)
{
	return_fatal();
	go_to(PROGRAM);
	try_wrong_calls(PROGRAM);
	go(PROGRAM, IN_MASTER);
	try_wrong_calls(IN_MASTER);
	go(IN_MASTER, IN_SERVER);
	try_wrong_calls(IN_SERVER);
	go(IN_SERVER, IN_READY);
	try_wrong_calls(IN_READY);
	tell("success", daemon_success());
	tell("logger", daemon_logger());
	go(IN_READY, IN_WORKER);
	try_wrong_calls(IN_WORKER);
	echo();
}

START_TEST(a_stage_out_of_order_returns_its_value_and_changes_nothing)
{
	pid_t master;

	run_start(&run, daemon_with_wrong_calls);
	ck_assert_int_eq(heard(&run, "bad"), 0);
	port = (int)heard(&run, "port");
	master = (pid_t)heard(&run, "master");
	ck_assert_int_eq(heard(&run, "bad"), 0);
	ck_assert_int_eq(heard(&run, "bad"), 0);
	ck_assert_int_eq(heard(&run, "bad"), 0);
	ck_assert_int_eq(heard(&run, "success"), 0);
	ck_assert_int_eq(heard(&run, "logger"), 0);
	exited(run_wait(&run), 0);
	messages(4 + 4 + 3, ": this is ");
	ask(port, "hello", "hello");
	ck_assert_int_eq(heard(&run, "bad"), 0);
	stops(master);
}
END_TEST

static void
starter_that_starts_again(void)
{
	return_fatal();
	daemon_set_program_name("testd");
	if (daemon_start() == 0)
		exit(7);
	tell("status", daemon_exit_status());
	tell("refused", refuses(START, EPERM));
	exit(0);
}

START_TEST(a_start_that_is_over_cannot_be_made_again)
{
	run_daemon(&run, starter_that_starts_again);
	ck_assert_int_eq(heard(&run, "status"), 7);
	ck_assert_int_eq(heard(&run, "refused"), 1);
	nothing_left();
}
END_TEST

/*
 * Stages in processes of the program's own
 */

/* Its child calls the stage, and the program goes on. */
static void
calls_in_a_child(void)
{
	int status = 0;

	go_to(place);
	if (fork() == 0) {
		call(stage);
		_exit(0);
	}
	wait(&status);
	tell("status", status);
	go_on_from(place);
}

/* The right stages, called by the wrong process. */
static const struct {
	enum place place;
	enum call call;
} own_children[] = { { IN_MASTER, MASTER }, { IN_SERVER, SUCCESS },
	{ IN_SERVER, LOGGER }, { IN_READY, SUCCESS }, { IN_READY, LOGGER },
	{ IN_READY, SERVER } };

START_TEST(a_stage_in_a_child_of_the_program_ends_the_child)
{
	pid_t master;
	size_t i;

	foreground = 1;
	for (i = 0; i < sizeof own_children / sizeof own_children[0]; i++) {
		place = own_children[i].place;
		stage = own_children[i].call;
		master = starts(calls_in_a_child);
		exited((int)heard(&run, "status"), 1);
		ask(port, "hello", "hello");
		stops(master);
		messages(1, "unable to ");
	}
}
END_TEST

static void
child_that_starts(void)
{
	int status = 0;

	if (fork() == 0) {
		echo_daemon();
		exit(0);
	}
	wait(&status);
	tell("status", status);
	exit(0);
}

START_TEST(a_child_of_the_program_may_start_the_daemon)
{
	pid_t master = starts(child_that_starts);

	exited((int)heard(&run, "status"), 0);
	exited(run_wait(&run), 0);
	stops(master);
}
END_TEST

/*
 * Threads
 */

static void *
stay(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void
start_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, stay, NULL) != 0)
		_exit(98);
}

/* The stages that are right at each place. */
static const enum call next[] = { START, MASTER, SUCCESS, SERVER };

static void
calls_beside_a_thread(void)
{
	go_to(place);
	start_thread();
	call(next[place]);
	exit(0);
}

START_TEST(a_stage_beside_a_thread_fails)
{
	for (place = PROGRAM; place <= IN_READY; place++) {
		foreground = place == IN_READY;
		fails(calls_beside_a_thread, place == PROGRAM ? 1 : 2,
		    ": there are threads");
	}
}
END_TEST

static void
calls_and_returns_beside_a_thread(void)
{
	return_fatal();
	go_to(place);
	start_thread();
	tell("refused", refuses(next[place], EBUSY));
	exit(5);
}

START_TEST(a_stage_beside_a_thread_returns_its_value_and_ebusy)
{
	foreground = 1;
	for (place = PROGRAM; place <= IN_READY; place++) {
		run_start(&run, calls_and_returns_beside_a_thread);
		ck_assert_int_eq(heard(&run, "refused"), 1);
		run_wait(&run);
		nothing_left();
	}
}
END_TEST

/* The kernel wakes the joiner of a thread before it closes the thread's files:
 * here a connection so full that this takes a moment. */
static void *
end_slowly(void *unused)
{
	static const char bytes[65536];
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)number),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd;

	if (unshare(CLONE_FILES) == -1 ||
	    (fd = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof addr) == -1)
		_exit(98);
	while (send(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
		;
	return unused;
}

static void
daemon_after_a_thread(void)
{
	pthread_t thread;

	close(listener);	/* it is the test's */
	if (pthread_create(&thread, NULL, end_slowly, NULL) != 0 ||
	    pthread_join(thread, NULL) != 0)
		_exit(98);
	echo_daemon();
}

START_TEST(a_thread_that_was_joined_is_not_counted)
{
	pid_t master;
	int i;

	listener = listen_anywhere(&number);
	for (i = 0; i < 5; i++) {
		master = starts(daemon_after_a_thread);
		exited(run_wait(&run), 0);
		ask(port, "hello", "hello");
		stops(master);
	}
}
END_TEST

static void
daemon_of_an_agent(void)
{
	daemon_set_thread_check(0);
	start_thread();
	go_to(IN_SERVER);
	tell_pid("server");
	go_on_from(IN_SERVER);
}

/* The agent's thread lets all signals in, and has a handler for none. */
START_TEST(beside_an_agent_s_thread_the_master_hears_all)
{
	pid_t master, server;

	foreground = 1;
	master = starts(daemon_of_an_agent);
	heard(&run, "server");
	ask(port, "one", "one");
	send_signal(master, SIGHUP);
	server = (pid_t)heard(&run, "server");
	ask(port, "two", "two");
	send_signal(server, SIGKILL);
	heard(&run, "server");
	ask(port, "three", "three");
	stops(master);
}
END_TEST

static void
stuck_daemon_of_an_agent(void)
{
	daemon_set_thread_check(0);
	start_thread();
	go_to(IN_SERVER);
	for (;;)
		pause();
}

START_TEST(beside_an_agent_s_thread_the_starter_hears_all)
{
	starts(stuck_daemon_of_an_agent);
	send_signal(run.pid, SIGTERM);
	ck_assert_int_eq(WTERMSIG(run_wait(&run)), SIGTERM);
	messages(1, "interrupted by signal 15");
	nothing_left();
	nobody_listens(port);
}
END_TEST

/*
 * Lists of descriptors
 */

struct list {
	const int *fds;
	int count;
	int error;
};

enum { LISTS = 11 };

/* Lists that no server can serve, in static memory. */
static struct list
bad_list(int which)
{
	static int some[2], ends[2];
	struct list list = { some, 1, EINVAL };

	some[0] = some[1] = listener;
	switch (which) {
	case 0:
		return (struct list) { NULL, 1, EINVAL };
	case 1:
		return (struct list) { some, 0, EINVAL };
	case 2:
		return (struct list) { some, -1, EINVAL };
	case 3:
		some[0] = UNUSED;
		list.error = EBADF;
		break;
	case 4:
		some[0] = -1;
		list.error = EBADF;
		break;
	case 5:
		some[0] = open("/dev/null", O_RDWR);
		list.error = ENOTSOCK;
		break;
	case 6:
		some[0] = pipe(ends) == 0 ? ends[0] : -1;
		list.error = ENOTSOCK;
		break;
	case 7:
		some[0] = socket(AF_INET, SOCK_STREAM, 0);
		break;
	case 8:
		some[0] = socket(AF_INET, SOCK_DGRAM, 0);
		break;
	case 9:
		list.count = 2;		/* twice the same */
		break;
	default:
		some[1] = UNUSED;	/* and a good one */
		list.count = 2;
		list.error = EBADF;
		break;
	}
	return list;
}

/* number: which list */
static void
serves_bad_list(void)
{
	struct list list;

	go_to(IN_READY);
	list = bad_list(number);
	daemon_server(list.fds, list.count);
	exit(0);
}

START_TEST(a_bad_list_of_descriptors_ends_the_daemon_with_status_1)
{
	foreground = 1;
	for (number = 0; number < LISTS; number++)
		fails(serves_bad_list, 2, "unable to serve");
}
END_TEST

/* Once the starter has ended, so that the test is the master's parent. */
static void
serves_bad_list_later(void)
{
	struct list list;
	char byte;

	go_to(IN_READY);
	if (read(gate[0], &byte, 1) != 1)
		_exit(98);
	list = bad_list(number);
	daemon_server(list.fds, list.count);
	exit(0);
}

START_TEST(a_bad_list_of_descriptors_ends_it_in_the_background_too)
{
	pid_t master;

	ck_assert_int_eq(pipe(gate), 0);
	for (number = 0; number < LISTS; number++) {
		master = starts(serves_bad_list_later);
		exited(run_wait(&run), 0);
		ck_assert_str_eq(run.err, "");
		ck_assert_int_eq(write(gate[1], "", 1), 1);
		exited(ended(master), 1);
		nothing_left();
	}
}
END_TEST

/* Tells how many of the lists are not refused as they should be. */
static void
serves_all_bad_lists(void)
{
	struct list list;
	int i, bad = 0;

	return_fatal();
	go_to(IN_READY);
	for (i = 0; i < LISTS; i++) {
		list = bad_list(i);
		errno = 0;
		bad += daemon_server(list.fds, list.count) !=
		    returns[SERVER] || errno != list.error ||
		    daemon_exit_status() != 1;
	}
	tell("bad", bad);
	go_on_from(IN_READY);
}

START_TEST(a_bad_list_of_descriptors_returns_its_value_and_errno)
{
	pid_t master;

	foreground = 1;
	master = starts(serves_all_bad_lists);
	ck_assert_int_eq(heard(&run, "bad"), 0);
	ask(port, "hello", "hello");
	stops(master);
	messages(LISTS, "unable to serve");
}
END_TEST

/*
 * Limits
 */

/* Both limits of RLIMIT_NOFILE; whether they could be set. */
static int
set_limit(rlim_t files)
{
	struct rlimit limit = { files, files };

	daemon_clean_fd(FACTS);
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* number: this many descriptors, or as near as allowed */
static void
daemon_with_a_limit(void)
{
	struct rlimit limit;

	if (!set_limit((rlim_t)number)) {
		getrlimit(RLIMIT_NOFILE, &limit);
		set_limit(limit.rlim_max);
	}
	go_to(IN_SERVER);
	daemon_clean_fd(listener);
	go_on_from(IN_SERVER);
}

static void
works_with(int descriptors)
{
	pid_t master;

	number = descriptors;
	master = starts(daemon_with_a_limit);
	exited(run_wait(&run), 0);
	ask(port, "one", "one");
	send_signal(master, SIGHUP);
	ask(port, "two", "two");
	stops(master);
}

START_TEST(sixteen_descriptors_will_do)
{
	works_with(FEW);
}
END_TEST

START_TEST(a_million_descriptors_do_no_harm)
{
	works_with(MANY);
}
END_TEST

START_TEST(too_few_descriptors_fail_the_start_or_do_not)
{
	long got;
	int status;

	for (number = FACTS + 1; number < FEW; number++) {
		run_start(&run, daemon_with_a_limit);
		status = run_wait(&run);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			heard(&run, "port");
			stops((pid_t)heard(&run, "master"));
			continue;
		}
		ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 1 ||
		    WEXITSTATUS(status) == 98), "%d: wait status %#x",
		    number, status);
		says(run.err, "testd: unable to ");
		says(run.err, "Too many open files");
		nothing_left();
		ck_assert(!heard_if(&run, "none", &got));
	}
}
END_TEST

/* Still root by name, so that a watching tool can write its files, but without
 * the right to have more processes than others. */
static int
become_a_user(uid_t user)
{
	struct __user_cap_header_struct version = {
		_LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2];

	memset(none, 0, sizeof none);
	return setresuid(user, (uid_t)-1, (uid_t)-1) == 0 &&
	    syscall(SYS_capset, &version, none) == 0;
}

/* number: how many processes the user that it becomes may have */
static void
daemon_of_a_user(void)
{
	struct rlimit limit = { (rlim_t)number, (rlim_t)number };

	/* No other running test uses the same. */
	if (!become_a_user((uid_t)(STRANGERS + getpid())) ||
	    setrlimit(RLIMIT_NPROC, &limit) == -1)
		_exit(98);
	echo_daemon();
}

static int
no_users(void)
{
	return skip_if(geteuid() != 0, "only root can become another user");
}

START_TEST(a_fork_that_fails_fails_the_start)
{
	static const char *const who[] = { NULL, "fork the leader",
		"fork the master", "fork a server" };

	if (no_users())
		return;
	for (number = 1; number <= 3; number++) {
		run_start(&run, daemon_of_a_user);
		exited(run_wait(&run), 1);
		says(run.err, "testd: unable to ");
		says(run.err, who[number]);
		says(run.err, ": Resource temporarily unavailable\n");
		nothing_left();
	}
}
END_TEST

START_TEST(five_processes_will_do)
{
	pid_t master;

	if (no_users())
		return;
	number = 5;
	master = starts(daemon_of_a_user);
	exited(run_wait(&run), 0);
	ask(port, "hello", "hello");
	stops(master);
}
END_TEST

/* In a /dev that has nothing but a log. number: bit n where descriptor n is
 * closed; 0 can be written, too, as on a terminal. */
static void
daemon_without_null(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "/dev/log" };
	int fd, could = unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", "/dev", "tmpfs", 0, NULL) == 0 &&
	    bind(system_log, (struct sockaddr *)&addr, sizeof addr) == 0;

	tell("could", could);
	if (!could)
		exit(0);
	dup2(1, 0);
	for (fd = 0; fd <= 2; fd++)
		if (number >> fd & 1)
			close(fd);
	echo_daemon();
}

/* On stderr; if that is closed, on another of the three; if all are, in the
 * system's log. */
START_TEST(a_start_without_dev_null_says_why)
{
	char record[256] = "";
	const char *said;

	for (number = 0; number < 8; number++) {
		system_log = socket(AF_UNIX, SOCK_DGRAM, 0);
		run_start(&run, daemon_without_null);
		if (skip_if(!heard(&run, "could"), "no /dev of one's own"))
			return;
		exited(run_wait(&run), 1);
		ck_assert_int_eq(recv(system_log, record, sizeof record - 1,
		    MSG_DONTWAIT) > 0, number == 7);
		said = number == 7 ? strchr(record, ']') + 1 :
		    number & 4 ? run.out + 5 : run.err + 5;
		ck_assert_msg(strncmp(said, ": unable to open /dev/null: "
		    "No such file or directory", 52) == 0, "%d: \"%s\"",
		    number, said);
		nothing_left();
		close(system_log);
	}
}
END_TEST

/*
 * Messages
 */

static void
name_with_control_bytes(void)
{
	daemon_set_program_name("testd: unable to \n\r\033[2J\177");
	daemon_master();
}

START_TEST(a_name_with_control_bytes_makes_no_second_line)
{
	fails(name_with_control_bytes, 1, "[2J");
}
END_TEST

static void
host_with_control_bytes(void)
{
	go_to(PROGRAM);
	/* Too long for a name, so that no name server is asked. */
	daemon_listen("a\nhost\033[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	    "0", &listener, 1);
	exit(1);
}

START_TEST(a_host_with_control_bytes_makes_no_second_line)
{
	fails(host_with_control_bytes, 1, "host");
}
END_TEST

static void
long_host(void)
{
	static char host[10001];

	go_to(PROGRAM);
	memset(host, 'x', sizeof host - 1);
	daemon_listen(host, "0", &listener, 1);
	exit(1);
}

START_TEST(a_host_of_10000_bytes_makes_one_line)
{
	fails(long_host, 1, "xxxx");
}
END_TEST

static void
directory_with_control_bytes(void)
{
	daemon_set_working_directory("/no\nsuch\033[2Jdirectory");
	go_to(IN_MASTER);
}

START_TEST(a_directory_with_control_bytes_makes_no_second_line)
{
	fails(directory_with_control_bytes, 1, "directory");
}
END_TEST

static void
daemon_that_nobody_hears(void)
{
	int ends[2];

	if (pipe(ends) == -1)
		_exit(98);
	dup2(ends[1], 2);
	close(ends[0]);
	close(ends[1]);
	calls_there();
}

START_TEST(the_status_is_1_though_nobody_reads_the_message)
{
	for (place = PROGRAM; place <= IN_SERVER; place++)
		for (stage = START; stage < CALLS; stage++) {
			if (!(wrong[place] >> stage & 1))
				continue;
			run_start(&run, daemon_that_nobody_hears);
			exited(run_wait(&run), 1);
			nothing_left();
		}
}
END_TEST

static void
daemon_without_stderr(void)
{
	close(2);
	calls_there();
}

START_TEST(the_status_is_1_though_there_is_no_stderr)
{
	place = PROGRAM;
	for (stage = MASTER; stage < CALLS; stage++) {
		run_start(&run, daemon_without_stderr);
		exited(run_wait(&run), 1);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_stage_out_of_order_fails_the_start,
		a_stage_out_of_order_after_success_ends_the_daemon,
		a_stage_in_a_worker_ends_the_worker,
		a_stage_out_of_order_returns_its_value_and_changes_nothing,
		a_start_that_is_over_cannot_be_made_again,
		a_stage_in_a_child_of_the_program_ends_the_child,
		a_child_of_the_program_may_start_the_daemon,
		a_stage_beside_a_thread_fails,
		a_stage_beside_a_thread_returns_its_value_and_ebusy,
		a_thread_that_was_joined_is_not_counted,
		beside_an_agent_s_thread_the_master_hears_all,
		beside_an_agent_s_thread_the_starter_hears_all,
		a_bad_list_of_descriptors_ends_the_daemon_with_status_1,
		a_bad_list_of_descriptors_ends_it_in_the_background_too,
		a_bad_list_of_descriptors_returns_its_value_and_errno,
		sixteen_descriptors_will_do,
		a_million_descriptors_do_no_harm,
		too_few_descriptors_fail_the_start_or_do_not,
		a_fork_that_fails_fails_the_start,
		five_processes_will_do,
		a_start_without_dev_null_says_why,
		a_name_with_control_bytes_makes_no_second_line,
		a_host_with_control_bytes_makes_no_second_line,
		a_host_of_10000_bytes_makes_one_line,
		a_directory_with_control_bytes_makes_no_second_line,
		the_status_is_1_though_nobody_reads_the_message,
		the_status_is_1_though_there_is_no_stderr
	};

	return RUN_TESTS("input", tests);
}
