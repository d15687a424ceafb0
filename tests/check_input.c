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
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>

#include "puppet.h"

enum {
	UNUSED = 200,		/* a descriptor that is not open */
	FEW = 16,		/* descriptors that must be enough */
	MANY = 1048576,
	STRANGERS = 200000	/* from here on, user ids without an account */
};

/* The stages, and the return_fatal value of each. */
enum call { START, MASTER, LOGGER, SUCCESS, SERVER, CALLS };
static const int returns[CALLS] = { -3, -4, -5, -6, -6 };

/* The places in a program; below, a bit for each stage that is wrong there. */
enum place { PROGRAM, IN_MASTER, IN_SERVER, IN_READY, IN_WORKER, PLACES };
static const unsigned wrong[PLACES] = {
	1 << MASTER | 1 << LOGGER | 1 << SUCCESS | 1 << SERVER,
	1 << START | 1 << LOGGER | 1 << SUCCESS | 1 << SERVER,
	1 << START | 1 << MASTER | 1 << SERVER,
	1 << START | 1 << MASTER,
	1 << START | 1 << MASTER | 1 << LOGGER | 1 << SUCCESS | 1 << SERVER
};

/*
 * Programs
 */

static enum place place;
static enum call stage;
static int chosen;
static int system_log;
static void (*in_worker)(void);

static void
program(void)
{
	int index = serve();

	over("server", index, NULL);
	if (in_worker != NULL)
		in_worker();
	converse(index);
}

/* Has the program do this at that place. */
static void
at(enum place there, void (*act)(void))
{
	here.before_start = there == PROGRAM ? act : NULL;
	here.before_master = there == IN_MASTER ? act : NULL;
	here.before_success = there == IN_SERVER ? act : NULL;
	here.before_server = there == IN_READY ? act : NULL;
	in_worker = there == IN_WORKER ? act : NULL;
}

static int
call_stage(enum call which)
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
		return daemon_server(here.fds, 1);
	}
}

/* Each stage returns its own value for a fatal error. */
static void
return_fatal(void)
{
	daemon_set_start_return_fatal(returns[START]);
	daemon_set_master_return_fatal(returns[MASTER]);
	daemon_set_logger_return_fatal(returns[LOGGER]);
	daemon_set_server_return_fatal(returns[SERVER]);
}

/* Whether the stage returns its value, with this error. */
static int
refuses(enum call which, int error)
{
	errno = 0;
	return call_stage(which) == returns[which] && errno == error &&
	    daemon_exit_status() == 1;
}

/*
 * What the test does
 */

/* There are this many messages, and the first contains this. */
static void
messages_say(int count, const char *part)
{
	messages(here.run.err, count);
	says(here.run.err, part);
	ck_assert(strstr(here.run.err, part) < strchr(here.run.err, '\n'));
}

/* One message; if the failure was in another process, a second one by the
 * process that waits for it. */
static void
fails(void (*fatal)(void), int count, const char *part)
{
	run_puppet(run_start, fatal);
	exited(run_wait(&here.run), 1);
	messages_say(count, part);
	nothing_left();
}

/* Waits for a start that succeeds. */
static void
comes_up(void)
{
	run_puppet(run_start, program);
	meet();
}

static void
succeeds(void)
{
	comes_up();
	exited(run_wait(&here.run), 0);
}

/*
 * Stages out of order
 */

static void
call_and_exit(void)
{
	call_stage(stage);
	exit(0);
}

/* In the master or the server the starter reports their end as well. */
START_TEST(a_stage_out_of_order_fails_the_start)
{
	for (place = PROGRAM; place <= IN_SERVER; place++) {
		at(place, call_and_exit);
		for (stage = START; stage < CALLS; stage++)
			if (wrong[place] >> stage & 1)
				fails(program, place == PROGRAM ? 1 : 2,
				    ": this is ");
	}
}
END_TEST

START_TEST(a_stage_out_of_order_after_success_ends_the_daemon)
{
	here.foreground = 1;
	at(IN_READY, call_and_exit);
	for (stage = START; stage < CALLS; stage++)
		if (wrong[IN_READY] >> stage & 1)
			fails(program, 2, ": this is ");
}
END_TEST

START_TEST(a_stage_in_a_worker_ends_the_worker)
{
	int fd;

	here.foreground = 1;
	at(IN_WORKER, call_and_exit);
	for (stage = START; stage < CALLS; stage++) {
		comes_up();
		fd = client(here.port);
		ck_assert_ptr_null(client_hears(fd));
		close(fd);
		stop();
		messages_say(1, ": this is ");
	}
}
END_TEST

/* Tells at each place how many wrong calls were not refused. */
static void
try_wrong_calls(void)
{
	enum call which;
	int bad = 0;

	for (which = START; which < CALLS; which++)
		if (wrong[place] >> which & 1)
			bad += !refuses(which, EPERM);
	tell("bad", bad);
	place++;
}

static void
try_calls_of_a_server(void)
{
	try_wrong_calls();
	tell("success", daemon_success());
	tell("logger", daemon_logger());
}

START_TEST(a_stage_out_of_order_returns_its_value_and_changes_nothing)
{
	return_fatal();
	place = PROGRAM;
	here.before_start = here.before_master = here.before_success =
	    in_worker = try_wrong_calls;
	here.before_server = try_calls_of_a_server;
	run_puppet(run_start, program);
	ck_assert_int_eq(heard(&here.run, "bad"), 0);
	ck_assert_int_eq(heard(&here.run, "bad"), 0);
	meet();
	ck_assert_int_eq(heard(&here.run, "bad"), 0);
	ck_assert_int_eq(heard(&here.run, "bad"), 0);
	ck_assert_int_eq(heard(&here.run, "success"), 0);
	ck_assert_int_eq(heard(&here.run, "logger"), 0);
	exited(run_wait(&here.run), 0);
	messages_say(4 + 4 + 3, ": this is ");
	ask(here.port, "hello", "hello");
	ck_assert_int_eq(heard(&here.run, "bad"), 0);
	stop();
}
END_TEST

static void
starter_that_starts_again(void)
{
	return_fatal();
	if (daemon_start() == 0)
		exit(7);
	tell("status", daemon_exit_status());
	tell("refused", refuses(START, EPERM));
	exit(0);
}

START_TEST(a_start_that_is_over_cannot_be_made_again)
{
	run_daemon(&here.run, starter_that_starts_again);
	ck_assert_int_eq(heard(&here.run, "status"), 7);
	ck_assert_int_eq(heard(&here.run, "refused"), 1);
	nothing_left();
}
END_TEST

/*
 * Stages in processes of the program's own
 */

/* A child calls the stage, and the program goes on. */
static void
call_in_a_child(void)
{
	int status = 0;

	if (fork() == 0) {
		call_stage(stage);
		_exit(0);
	}
	wait(&status);
	tell("status", status);
}

/* The right stage, called by the wrong process. */
static const struct {
	enum place place;
	enum call call;
} own_children[] = { { IN_MASTER, MASTER }, { IN_SERVER, SUCCESS },
	{ IN_SERVER, LOGGER }, { IN_READY, SUCCESS }, { IN_READY, LOGGER },
	{ IN_READY, SERVER } };

START_TEST(a_stage_in_a_child_of_the_program_ends_the_child)
{
	int i, in_master;

	here.foreground = 1;
	for (i = 0; i < COUNT(own_children); i++) {
		at(own_children[i].place, call_in_a_child);
		stage = own_children[i].call;
		in_master = own_children[i].place == IN_MASTER;
		run_puppet(run_start, program);
		if (in_master)
			exited((int)heard(&here.run, "status"), 1);
		meet();
		if (!in_master)
			exited((int)heard(&here.run, "status"), 1);
		ask(here.port, "hello", "hello");
		stop();
		messages_say(1, "unable to ");
	}
}
END_TEST

static void
child_that_starts(void)
{
	int status = 0;

	if (fork() == 0) {
		program();
		exit(0);
	}
	wait(&status);
	tell("status", status);
	exit(0);
}

START_TEST(a_child_of_the_program_may_start_the_daemon)
{
	run_puppet(run_start, child_that_starts);
	meet();
	exited((int)heard(&here.run, "status"), 0);
	exited(run_wait(&here.run), 0);
	stop();
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
call_beside_a_thread(void)
{
	start_thread();
	call_stage(next[place]);
	exit(0);
}

START_TEST(a_stage_beside_a_thread_fails)
{
	for (place = PROGRAM; place <= IN_READY; place++) {
		here.foreground = place == IN_READY;
		at(place, call_beside_a_thread);
		fails(program, place == PROGRAM ? 1 : 2,
		    ": there are threads");
	}
}
END_TEST

static void
call_and_return_beside_a_thread(void)
{
	start_thread();
	tell("refused", refuses(next[place], EBUSY));
	exit(5);
}

START_TEST(a_stage_beside_a_thread_returns_its_value_and_ebusy)
{
	here.foreground = 1;
	return_fatal();
	for (place = PROGRAM; place <= IN_READY; place++) {
		at(place, call_and_return_beside_a_thread);
		run_puppet(run_start, program);
		ck_assert_int_eq(heard(&here.run, "refused"), 1);
		run_wait(&here.run);
		nothing_left();
	}
}
END_TEST

/* The kernel wakes the joiner of a thread before it closes the thread's files.
 * Here it closes a connection so full that this takes a moment. */
static void *
end_slowly(void *unused)
{
	static const char bytes[65536];
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)chosen),
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
join_a_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_slowly, NULL) != 0 ||
	    pthread_join(thread, NULL) != 0)
		_exit(98);
}

START_TEST(a_thread_that_was_joined_is_not_counted)
{
	int i, fd = listen_anywhere(&chosen);

	ck_assert_int_eq(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	here.before_start = join_a_thread;
	for (i = 0; i < 5; i++) {
		succeeds();
		ask(here.port, "hello", "hello");
		stop();
	}
}
END_TEST

static void
load_an_agent(void)
{
	daemon_set_thread_check(0);
	start_thread();
}

/* The agent's thread blocks no signal and has no handlers. */
START_TEST(beside_an_agent_s_thread_the_master_hears_all)
{
	here.foreground = 1;
	here.before_start = load_an_agent;
	comes_up();
	ask(here.port, "one", "one");
	send_signal(here.master, SIGHUP);
	next_server();
	ask(here.port, "two", "two");
	send_signal(here.server, SIGKILL);
	next_server();
	ask(here.port, "three", "three");
	stop();
}
END_TEST

static void
be_stuck(void)
{
	stay(NULL);
}

START_TEST(beside_an_agent_s_thread_the_starter_hears_all)
{
	here.before_start = load_an_agent;
	here.before_success = be_stuck;
	comes_up();
	send_signal(here.run.pid, SIGTERM);
	ck_assert_int_eq(WTERMSIG(run_wait(&here.run)), SIGTERM);
	messages_say(1, "interrupted by signal 15");
	nothing_left();
	nobody_listens(here.port);
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

/* One of the lists that no server can serve, in static memory. */
static struct list
bad_list(int which)
{
	static int some[2], ends[2];
	struct list list = { some, 1, EINVAL };

	some[0] = some[1] = here.fds[0];
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
		list.count = 2;		/* the same one twice */
		break;
	default:
		some[1] = UNUSED;	/* beside a good one */
		list.count = 2;
		list.error = EBADF;
		break;
	}
	return list;
}

/* chosen: which list */
static void
serve_bad_list(void)
{
	struct list list = bad_list(chosen);

	daemon_server(list.fds, list.count);
	exit(0);
}

START_TEST(a_bad_list_of_descriptors_ends_the_daemon_with_status_1)
{
	here.foreground = 1;
	at(IN_READY, serve_bad_list);
	for (chosen = 0; chosen < LISTS; chosen++)
		fails(program, 2, "unable to serve");
}
END_TEST

/* Waits until the starter has ended, so that the test is the master's
 * parent. */
static void
serve_bad_list_later(void)
{
	at_gate();
	serve_bad_list();
}

START_TEST(a_bad_list_of_descriptors_ends_it_in_the_background_too)
{
	make_gate();
	at(IN_READY, serve_bad_list_later);
	for (chosen = 0; chosen < LISTS; chosen++) {
		succeeds();
		ck_assert_str_eq(here.run.err, "");
		open_gate();
		exited(ended(here.master), 1);
		nothing_left();
	}
}
END_TEST

/* Tells how many of the lists were not refused. */
static void
serve_all_bad_lists(void)
{
	struct list list;
	int i, bad = 0;

	for (i = 0; i < LISTS; i++) {
		list = bad_list(i);
		errno = 0;
		bad += daemon_server(list.fds, list.count) !=
		    returns[SERVER] || errno != list.error ||
		    daemon_exit_status() != 1;
	}
	tell("bad", bad);
}

START_TEST(a_bad_list_of_descriptors_returns_its_value_and_errno)
{
	here.foreground = 1;
	return_fatal();
	at(IN_READY, serve_all_bad_lists);
	comes_up();
	ck_assert_int_eq(heard(&here.run, "bad"), 0);
	ask(here.port, "hello", "hello");
	stop();
	messages_say(LISTS, "unable to serve");
}
END_TEST

/*
 * Limits
 */

/* Sets both limits of RLIMIT_NOFILE; returns whether it could. */
static int
set_limit(rlim_t files)
{
	struct rlimit limit = { files, files };

	daemon_clean_fd(FACTS);
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* chosen: how many descriptors, or the nearest that is allowed */
static void
limit_descriptors(void)
{
	struct rlimit limit;

	if (!set_limit((rlim_t)chosen)) {
		getrlimit(RLIMIT_NOFILE, &limit);
		set_limit(limit.rlim_max);
	}
}

static void
keep_the_listener(void)
{
	daemon_clean_fd(here.fds[0]);
}

static void
limited(void)
{
	here.before_start = limit_descriptors;
	here.before_success = keep_the_listener;
}

static void
works_with(int descriptors)
{
	limited();
	chosen = descriptors;
	succeeds();
	ask(here.port, "one", "one");
	send_signal(here.master, SIGHUP);
	ask(here.port, "two", "two");
	stop();
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

	limited();
	for (chosen = FACTS + 1; chosen < FEW; chosen++) {
		run_puppet(run_start, program);
		status = run_wait(&here.run);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			meet();
			stop();
			continue;
		}
		ck_assert_msg(WIFEXITED(status) && (WEXITSTATUS(status) == 1 ||
		    WEXITSTATUS(status) == 97), "%d: wait status %#x",
		    chosen, status);
		says(here.run.err, "testd: unable to ");
		says(here.run.err, "Too many open files");
		nothing_left();
		ck_assert(!heard_if(&here.run, "none", &got));
	}
}
END_TEST

/* Its user id stays 0, so that a tool that watches it can write its files, but
 * it loses the right to exceed a user's limit of processes. */
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

/* chosen: the limit of processes of the user that it becomes */
static void
become_a_limited_user(void)
{
	struct rlimit limit = { (rlim_t)chosen, (rlim_t)chosen };

	/* Another test that runs at the same time has another user. */
	if (!become_a_user((uid_t)(STRANGERS + getpid())) ||
	    setrlimit(RLIMIT_NPROC, &limit) == -1)
		_exit(98);
}

static int
no_users(void)
{
	return skip_if(geteuid() != 0, "only root can become another user");
}

START_TEST(a_fork_that_fails_fails_the_start)
{
	static const char *const what[] = { NULL, "fork the leader",
		"fork the master", "fork a server" };

	if (no_users())
		return;
	here.before_start = become_a_limited_user;
	for (chosen = 1; chosen <= 3; chosen++) {
		run_puppet(run_start, program);
		exited(run_wait(&here.run), 1);
		says(here.run.err, "testd: unable to ");
		says(here.run.err, what[chosen]);
		says(here.run.err, ": Resource temporarily unavailable\n");
		nothing_left();
	}
}
END_TEST

START_TEST(five_processes_will_do)
{
	if (no_users())
		return;
	here.before_start = become_a_limited_user;
	chosen = 5;
	succeeds();
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

/* A /dev with nothing but a log. chosen: bit n where descriptor n is closed; 0
 * is open for writing, too, as on a terminal. */
static void
lose_null(void)
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
		if (chosen >> fd & 1)
			close(fd);
}

/* It says so on stderr; if that is closed, on another of the three; if all
 * three are closed, in the system's log. */
START_TEST(a_start_without_dev_null_says_why)
{
	char record[256] = "";
	const char *said;

	here.before_start = lose_null;
	for (chosen = 0; chosen < 8; chosen++) {
		system_log = socket(AF_UNIX, SOCK_DGRAM, 0);
		run_puppet(run_start, program);
		if (skip_if(!heard(&here.run, "could"), "no /dev of one's own"))
			return;
		exited(run_wait(&here.run), 1);
		ck_assert_int_eq(recv(system_log, record, sizeof record - 1,
		    MSG_DONTWAIT) > 0, chosen == 7);
		said = chosen == 7 ? strchr(record, ']') + 1 :
		    chosen & 4 ? here.run.out + 5 : here.run.err + 5;
		ck_assert_msg(strncmp(said, ": unable to open /dev/null: "
		    "No such file or directory", 52) == 0, "%d: \"%s\"",
		    chosen, said);
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
	/* Too long for a host's name, so no name server is asked. */
	daemon_listen("a\nhost\033[2Jxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	    "0", here.fds, 1);
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

	memset(host, 'x', sizeof host - 1);
	daemon_listen(host, "0", here.fds, 1);
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
	program();
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
	program();
}

START_TEST(the_status_is_1_though_nobody_reads_the_message)
{
	for (place = PROGRAM; place <= IN_SERVER; place++) {
		at(place, call_and_exit);
		for (stage = START; stage < CALLS; stage++) {
			if (!(wrong[place] >> stage & 1))
				continue;
			run_puppet(run_start, daemon_that_nobody_hears);
			exited(run_wait(&here.run), 1);
			nothing_left();
		}
	}
}
END_TEST

static void
daemon_without_stderr(void)
{
	close(2);
	program();
}

START_TEST(the_status_is_1_though_there_is_no_stderr)
{
	at(PROGRAM, call_and_exit);
	for (stage = MASTER; stage < CALLS; stage++) {
		run_puppet(run_start, daemon_without_stderr);
		exited(run_wait(&here.run), 1);
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

	daemon_set_program_name("testd");
	return RUN_TESTS("input", tests);
}
