/*
 * check_unixsocket.c - daemon_listen() in the Unix domain
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_FLOCK
#include <sys/file.h>
#endif
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>

#include "harness.h"

enum { LONGEST = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1,
	ROUNDS = 50, RIVALS = 4, FEW = 40 };

static char path[512];
static int fds[1];

static void
choose_path(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", scratch(), name);
}

static int
try_to_connect(const char *name)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(name));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(addr.sun_path, name, strlen(name));
	if (name[0] == '@')
		addr.sun_path[0] = '\0';
	if (connect(fd, (struct sockaddr *)&addr, len) == 0)
		return fd;
	close(fd);
	return -1;
}

static void
listens(void)
{
	ck_assert_int_eq(daemon_listen(NULL, path, fds, 1), 1);
}

static void
fails(int error)
{
	int before = descriptors_of(getpid());

	errno = 0;
	ck_assert_int_eq(daemon_listen(NULL, path, fds, 1), -1);
	ck_assert_int_eq(errno, error);
	ck_assert_int_eq(descriptors_of(getpid()), before);
}

START_TEST(a_path_is_a_unix_domain_socket)
{
	int fd;

	choose_path("s");
	errno = ERANGE;
	listens();
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_int_gt(fds[0], 2);
	ck_assert(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	ck_assert_int_ge(fd = try_to_connect(path), 0);
	close(fd);
}
END_TEST

START_TEST(a_name_with_an_at_sign_is_an_abstract_one)
{
	snprintf(path, sizeof path, "@testd-%ld", (long)getpid());
	listens();
	ck_assert_int_ge(try_to_connect(path), 0);
	fails(EADDRINUSE);
}
END_TEST

START_TEST(it_has_no_host)
{
	errno = 0;
	ck_assert_int_eq(daemon_listen("127.0.0.1", "/nowhere", fds, 1), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

/* A daemon that was killed leaves such a file. */
START_TEST(a_dead_one_is_replaced)
{
	choose_path("s");
	listens();
	close(fds[0]);
	ck_assert(exists(path));
	listens();
	ck_assert_int_ge(try_to_connect(path), 0);
}
END_TEST

START_TEST(a_living_one_is_in_use)
{
	int first;

	choose_path("s");
	listens();
	first = fds[0];
	fails(EADDRINUSE);
	ck_assert_int_ge(try_to_connect(path), 0);
	/* With a full queue it is still in use. */
	ck_assert_int_eq(listen(first, 0), 0);
	fcntl(first, F_SETFL, O_NONBLOCK);
	fails(EADDRINUSE);
	ck_assert(exists(path));
}
END_TEST

START_TEST(a_living_datagram_socket_is_in_use)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	choose_path("s");
	snprintf(addr.sun_path, sizeof addr.sun_path, "%.100s", path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	fails(EADDRINUSE);
	ck_assert(exists(path));
}
END_TEST

static void
stays(void)
{
	struct stat before, after;

	ck_assert_int_eq(lstat(path, &before), 0);
	fails(EADDRINUSE);
	ck_assert_int_eq(lstat(path, &after), 0);
	ck_assert(before.st_ino == after.st_ino);
}

START_TEST(anything_else_stays)
{
	char target[600];

	choose_path("file");
	close(open(path, O_CREAT | O_WRONLY, 0600));
	stays();
	choose_path("fifo");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	stays();
	choose_path("directory");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	stays();
	choose_path("dead");
	listens();
	close(fds[0]);
	snprintf(target, sizeof target, "%s", path);
	choose_path("link");
	ck_assert_int_eq(symlink(target, path), 0);
	stays();
	choose_path("dangling");
	ck_assert_int_eq(symlink("nowhere", path), 0);
	stays();
}
END_TEST

static void
fill_path(int length)
{
	choose_path("");
	memset(path + strlen(path), 'x', sizeof path - strlen(path));
	path[length] = '\0';
}

START_TEST(a_path_has_at_most_107_bytes)
{
	fill_path(LONGEST);
	listens();
	ck_assert(exists(path));
	fill_path(LONGEST + 1);
	fails(ENAMETOOLONG);
	ck_assert(!exists(path));
}
END_TEST

START_TEST(a_directory_that_is_absent_or_closed_is_an_error)
{
	uid_t user = geteuid();

	choose_path("nowhere/s");
	fails(ENOENT);
	choose_path("closed");
	ck_assert_int_eq(mkdir(path, 0555), 0);
	choose_path("closed/s");
	if (skip_if(user == 0 && (chmod(scratch(), 0755) == -1 ||
	    seteuid(65534) == -1), "this is root"))
		return;
	fails(EACCES);
	ck_assert_int_eq(seteuid(user), 0);
}
END_TEST

START_TEST(umask_limits_who_may_connect)
{
	struct stat file;

	umask(077);
	choose_path("s");
	listens();
	ck_assert_int_eq(lstat(path, &file), 0);
	ck_assert_uint_eq(file.st_mode & 07777, 0700);
}
END_TEST

#ifdef HAVE_FLOCK

static int
lock_directory(void)
{
	int directory = open(scratch(), O_RDONLY);

	ck_assert_int_eq(flock(directory, LOCK_EX), 0);
	return directory;
}

/* Any user can lock a directory that all can read. */
START_TEST(a_directory_that_others_keep_locked_does_not_matter)
{
	(void)lock_directory();
	choose_path("s");
	listens();
	close(fds[0]);
	listens();
}
END_TEST

/* Each process tells whether it listens, and stays until it is killed. */
static void
rival(int to_test)
{
	char has = daemon_listen(NULL, path, fds, 1) == 1;

	if (write(to_test, &has, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

START_TEST(of_several_at_the_same_moment_one_wins)
{
	int round, i, ends[2], winners;
	pid_t rivals[RIVALS];
	char has;

	choose_path("s");
	ck_assert_int_eq(pipe(ends), 0);
	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < RIVALS; i++)
			if ((rivals[i] = fork()) == 0) {
				dup2(open("/dev/null", O_WRONLY), 2);
				rival(ends[1]);
			}
		for (i = winners = 0; i < RIVALS; i++) {
			hold(read(ends[0], &has, 1) == 1, "a rival is gone");
			winners += has;
		}
		hold(winners == 1, "%d win", winners);
		for (i = 0; i < RIVALS; i++) {
			send_signal(rivals[i], SIGKILL);
			ended(rivals[i]);
		}
	}
}
END_TEST

#endif

/*
 * A daemon with it
 */

static void
serve_path(void)
{
	daemon_set_program_name("testd");
	daemon_start();
	if (daemon_listen(NULL, path, fds, 1) != 1)
		_exit(97);
	daemon_clean_fd(FACTS);
	tell_pid("master");
	daemon_master();
	tell_pid("server");
	daemon_success();
	daemon_server(fds, 1);
	puts("hello");
	while (getchar() != EOF)
		;
}

static struct run run;
static pid_t master, server;

/* Returns a client. */
static int
start_path_for_one(void)
{
	int fd;

	choose_path("s");
	run_daemon(&run, serve_path);
	master = (pid_t)heard(&run, "master");
	server = (pid_t)heard(&run, "server");
	ck_assert_int_ge(fd = try_to_connect(path), 0);
	hears(fd, "hello");
	return fd;
}

static void
start_path(void)
{
	close(start_path_for_one());
}

static void
ends(int status)
{
	send_signal(master, SIGTERM);
	exited(ended(master), status);
	nothing_left();
}

START_TEST(the_master_removes_its_file_at_the_end)
{
	start_path();
	send_signal(master, SIGHUP);
	server = (pid_t)heard(&run, "server");
	ck_assert_int_ge(try_to_connect(path), 0);
	ends(0);
	ck_assert(!exists(path));
}
END_TEST

START_TEST(also_one_that_was_given_other_rights)
{
	start_path();
	ck_assert_int_eq(chmod(path, 0666), 0);
	ends(0);
	ck_assert(!exists(path));
}
END_TEST

START_TEST(also_when_the_server_cannot_be_restarted)
{
	daemon_set_restart_count_max(1);
	start_path();
	send_signal(server, SIGKILL);
	server = (pid_t)heard(&run, "server");
	send_signal(server, SIGKILL);
	exited(ended(master), 128 + SIGKILL);
	nothing_left();
	ck_assert(!exists(path));
}
END_TEST

static void
fails_to_start(void)
{
	daemon_start();
	if (daemon_listen(NULL, path, fds, 1) != 1)
		_exit(97);
	daemon_master();
	exit(3);
}

START_TEST(a_start_that_fails_leaves_no_file)
{
	choose_path("s");
	run_start(&run, fails_to_start);
	exited(run_wait(&run), 3);
	ck_assert(!exists(path));
}
END_TEST

/*
 * A start that fails
 */

static struct {
	void (*before)(void);
	void (*then)(void);
	int foreground;
	int is_early;	/* it listens before daemon_start() */
	int value;	/* that daemon_start() is to return */
} fails_by;

static void
open_path(void)
{
	if (daemon_listen(NULL, path, fds, 1) != 1 || !exists(path))
		_exit(97);
}

static void
failing(void)
{
	daemon_set_foreground(fails_by.foreground);
	daemon_set_start_return_fatal(fails_by.value);
	if (fails_by.before != NULL)
		fails_by.before();
	if (fails_by.is_early)
		open_path();
	if (daemon_start() != 0) {
		tell_pid("returned");
		for (;;)
			pause();
	}
	if (!fails_by.is_early)
		open_path();
	tell("parent", getppid());
	tell_pid("opened");
	fails_by.then();
	_exit(96);
}

static void
leaves_no_file(void (*then)(void), int foreground, int status)
{
	fails_by.then = then;
	fails_by.foreground = foreground;
	run_start(&run, failing);
	exited(run_wait(&run), status);
	ck_assert(!exists(path));
	nothing_left();
}

static void
exit_with_3(void)
{
	exit(3);
}

/* The library ends it. */
static void
take_the_wrong_stage(void)
{
	daemon_server(fds, 1);
}

static void
have_no_descriptors(void)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_NOFILE, &none);
	daemon_master();
}

static void
kill_itself(void)
{
	kill(getpid(), SIGKILL);
}

static void
pause_for_ever(void)
{
	for (;;)
		pause();
}

static void
have_no_place_for_a_pid_file(void)
{
	daemon_set_pid_file("/nowhere/pid");
}

START_TEST(a_start_that_fails_before_the_master_stage_leaves_no_file)
{
	choose_path("s");
	for (; fails_by.is_early <= 1; fails_by.is_early++) {
		leaves_no_file(exit_with_3, 0, 3);
		leaves_no_file(exit_with_3, 1, 3);
		leaves_no_file(take_the_wrong_stage, 0, 1);
		leaves_no_file(take_the_wrong_stage, 1, 1);
		leaves_no_file(have_no_descriptors, 0, 1);
		leaves_no_file(have_no_descriptors, 1, 1);
		leaves_no_file(kill_itself, 0, 128 + SIGKILL);
	}
}
END_TEST

START_TEST(a_start_that_is_refused_leaves_no_file)
{
	choose_path("s");
	fails_by.is_early = 1;
	fails_by.before = have_no_place_for_a_pid_file;
	leaves_no_file(exit_with_3, 0, 1);
	leaves_no_file(exit_with_3, 1, 1);
}
END_TEST

static void
begins_and_stays(void)
{
	fails_by.then = pause_for_ever;
	run_start(&run, failing);
	heard(&run, "opened");
	ck_assert(exists(path));
}

START_TEST(an_interrupted_start_leaves_no_file)
{
	choose_path("s");
	for (; fails_by.is_early <= 1; fails_by.is_early++) {
		begins_and_stays();
		send_signal(run.pid, SIGINT);
		ck_assert_int_eq(WTERMSIG(run_wait(&run)), SIGINT);
		ck_assert(!exists(path));
		nothing_left();
	}
}
END_TEST

START_TEST(a_start_whose_leader_is_killed_leaves_no_file)
{
	pid_t leader;

	choose_path("s");
	fails_by.then = pause_for_ever;
	run_start(&run, failing);
	leader = (pid_t)heard(&run, "parent");
	heard(&run, "opened");
	send_signal(leader, SIGKILL);
	exited(run_wait(&run), 128 + SIGKILL);
	ck_assert(!exists(path));
	nothing_left();
}
END_TEST

/* The leader cleans up instead. */
START_TEST(a_start_whose_starter_is_killed_leaves_no_file)
{
	choose_path("s");
	for (; fails_by.is_early <= 1; fails_by.is_early++) {
		begins_and_stays();
		send_signal(run.pid, SIGKILL);
		run_wait(&run);
		while (waitpid(-1, NULL, 0) > 0)
			;
		ck_assert(!exists(path));
	}
}
END_TEST

/* As another daemon has it that was killed. */
static void
replace_file(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(addr.sun_path, sizeof addr.sun_path, "%.100s", path);
	if (unlink(path) == -1 ||
	    bind(fd, (struct sockaddr *)&addr, sizeof addr) == -1)
		_exit(95);
	close(fd);
}

static void
replace_file_and_exit(void)
{
	replace_file();
	exit(3);
}

static void
replace_file_and_die(void)
{
	replace_file();
	kill_itself();
}

static void
leaves_the_file(void (*then)(void), int foreground, int status)
{
	fails_by.then = then;
	fails_by.foreground = foreground;
	run_start(&run, failing);
	exited(run_wait(&run), status);
	ck_assert_int_eq(unlink(path), 0);
	nothing_left();
}

START_TEST(a_start_that_fails_leaves_what_is_not_its_own)
{
	choose_path("s");
	leaves_the_file(replace_file_and_exit, 0, 3);
	leaves_the_file(replace_file_and_exit, 1, 3);
	leaves_the_file(replace_file_and_die, 0, 128 + SIGKILL);
}
END_TEST

static void
leave_to_a_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		exit(0);
	waitpid(pid, NULL, 0);
	exit(exists(path) ? 3 : 4);
}

START_TEST(a_fork_of_the_program_removes_no_file)
{
	choose_path("s");
	for (; fails_by.is_early <= 1; fails_by.is_early++) {
		leaves_no_file(leave_to_a_fork, 0, 3);
		leaves_no_file(leave_to_a_fork, 1, 3);
	}
}
END_TEST

/* It has opened the socket itself, and may try again. */
static void
goes_on(void (*then)(void), int foreground)
{
	fails_by.then = then;
	fails_by.foreground = foreground;
	fails_by.value = -5;
	fails_by.is_early = 1;
	run_start(&run, failing);
	heard(&run, "returned");
	ck_assert_int_ge(try_to_connect(path), 0);
	send_signal(run.pid, SIGKILL);
	run_wait(&run);
	nothing_left();
}

START_TEST(a_start_that_fails_in_a_program_that_goes_on_leaves_its_socket)
{
	choose_path("s");
	goes_on(exit_with_3, 0);
	goes_on(kill_itself, 0);
	fails_by.before = have_no_place_for_a_pid_file;
	goes_on(NULL, 0);
	goes_on(NULL, 1);
}
END_TEST

static void
as_process_1(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID) == -1)
		_exit(90);
	if ((pid = fork()) == 0)
		failing();
	if (pid == -1 || waitpid(pid, &status, 0) != pid)
		_exit(91);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 92);
}

START_TEST(process_1_that_is_stopped_early_leaves_no_file)
{
	if (skip_if(geteuid() != 0, "only root can make a pid namespace"))
		return;
	choose_path("s");
	fails_by.then = pause_for_ever;
	run_start(&run, as_process_1);
	heard(&run, "opened");
	send_signal(only_child_of(run.pid), SIGTERM);
	exited(run_wait(&run), 1);
	ck_assert(!exists(path));
	nothing_left();
}
END_TEST

START_TEST(the_master_leaves_the_file_of_another)
{
	int own;

	start_path();
	ck_assert_int_eq(unlink(path), 0);
	listens();
	own = fds[0];
	ends(0);
	ck_assert(exists(path));
	ck_assert_int_ge(try_to_connect(path), 0);
	close(own);
}
END_TEST

static void
stays_at_the_end(void (*put)(void))
{
	start_path();
	ck_assert_int_eq(unlink(path), 0);
	put();
	ends(0);
	ck_assert(exists(path));
	ck_assert(unlink(path) == 0 || rmdir(path) == 0);
}

static void
put_file(void)
{
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void
put_link(void)
{
	ck_assert_int_eq(symlink("nowhere", path), 0);
}

static void
put_dead_socket(void)
{
	listens();
	close(fds[0]);
}

START_TEST(the_master_leaves_whatever_has_taken_the_place_of_its_file)
{
	stays_at_the_end(put_file);
	stays_at_the_end(put_link);
	stays_at_the_end(put_dead_socket);
}
END_TEST

/* A socket may have a second name. */
START_TEST(the_master_leaves_a_link_to_its_socket)
{
	char other[600];

	start_path();
	snprintf(other, sizeof other, "%s.other", path);
	ck_assert_int_eq(rename(path, other), 0);
	ck_assert_int_eq(symlink(other, path), 0);
	ends(0);
	ck_assert(exists(path));
}
END_TEST

/* Its workers may take a long time. */
START_TEST(a_daemon_that_waits_for_its_workers_leaves_its_name_to_the_next)
{
	int first = start_path_for_one(), fd;
	pid_t old = master;
	long since = 0;

	send_signal(old, SIGUSR2);
	while ((fd = try_to_connect(path)) != -1) {
		close(fd);
		look_again(&since, "a socket on which nobody listens");
	}
	start_path();
	close(first);
	exited(ended(old), 0);
	ck_assert_int_ge(try_to_connect(path), 0);
	ends(0);
	ck_assert(!exists(path));
}
END_TEST

/* A spare has the listener open, and serves when it has a client. */
static void
serve_with_few_descriptors(void)
{
	struct rlimit few = { FEW, FEW };

	daemon_set_worker_spare_count(1);
	daemon_set_worker_count_max(1);
	setrlimit(RLIMIT_NOFILE, &few);
	serve_path();
}

START_TEST(more_clients_than_descriptors_learn_of_the_end)
{
	int first, i, waiting[2 * FEW];

	choose_path("s");
	run_daemon(&run, serve_with_few_descriptors);
	master = (pid_t)heard(&run, "master");
	ck_assert_int_ge(first = try_to_connect(path), 0);
	hears(first, "hello");
	for (i = 0; i < 2 * FEW; i++)
		ck_assert_int_ge(waiting[i] = try_to_connect(path), 0);
	send_signal(master, SIGUSR2);
	for (i = 0; i < 2 * FEW; i++) {
		hears(waiting[i], NULL);
		close(waiting[i]);
	}
	close(first);
	exited(ended(master), 0);
	nothing_left();
}
END_TEST

#ifdef HAVE_FLOCK
START_TEST(the_master_removes_its_file_even_if_others_lock_its_directory)
{
	start_path();
	(void)lock_directory();
	ends(0);
	ck_assert(!exists(path));
}
END_TEST
#endif

/* The next daemon that starts can be reached at once. */
START_TEST(a_master_that_was_killed_leaves_a_file_that_the_next_replaces)
{
	start_path();
	send_signal(master, SIGKILL);
	ended(master);
	ended(server);
	ck_assert(exists(path));
	start_path();
	ends(0);
	ck_assert(!exists(path));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_path_is_a_unix_domain_socket,
		a_name_with_an_at_sign_is_an_abstract_one,
		it_has_no_host,
		a_dead_one_is_replaced,
		a_living_one_is_in_use,
		a_living_datagram_socket_is_in_use,
		anything_else_stays,
		a_path_has_at_most_107_bytes,
		a_directory_that_is_absent_or_closed_is_an_error,
		umask_limits_who_may_connect,
#ifdef HAVE_FLOCK
		a_directory_that_others_keep_locked_does_not_matter,
		the_master_removes_its_file_even_if_others_lock_its_directory,
		of_several_at_the_same_moment_one_wins,
#endif
		the_master_removes_its_file_at_the_end,
		also_one_that_was_given_other_rights,
		also_when_the_server_cannot_be_restarted,
		a_start_that_fails_leaves_no_file,
		a_start_that_fails_before_the_master_stage_leaves_no_file,
		a_start_that_is_refused_leaves_no_file,
		an_interrupted_start_leaves_no_file,
		a_start_whose_leader_is_killed_leaves_no_file,
		a_start_whose_starter_is_killed_leaves_no_file,
		a_start_that_fails_leaves_what_is_not_its_own,
		a_fork_of_the_program_removes_no_file,
		a_start_that_fails_in_a_program_that_goes_on_leaves_its_socket,
		process_1_that_is_stopped_early_leaves_no_file,
		the_master_leaves_the_file_of_another,
		the_master_leaves_whatever_has_taken_the_place_of_its_file,
		the_master_leaves_a_link_to_its_socket,
		a_daemon_that_waits_for_its_workers_leaves_its_name_to_the_next,
		more_clients_than_descriptors_learn_of_the_end,
		a_master_that_was_killed_leaves_a_file_that_the_next_replaces
	};

	return RUN_TESTS("unixsocket", tests);
}
