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

/* As a daemon that was killed leaves it. */
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
	/* Even if its queue is full. */
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

/* Any user may do that in a directory that all can read. */
START_TEST(a_directory_that_others_keep_locked_does_not_matter)
{
	(void)lock_directory();
	choose_path("s");
	listens();
	close(fds[0]);
	listens();
}
END_TEST

/* Each tells whether it listens, and waits until it is killed. */
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

/* A socket can be reached by another name, too. */
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

/* They may take their time. */
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

/* A spare holds the listener, and goes on when it has a client. */
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

/* It is served again as soon as the next daemon starts. */
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
		the_master_leaves_the_file_of_another,
		the_master_leaves_whatever_has_taken_the_place_of_its_file,
		the_master_leaves_a_link_to_its_socket,
		a_daemon_that_waits_for_its_workers_leaves_its_name_to_the_next,
		more_clients_than_descriptors_learn_of_the_end,
		a_master_that_was_killed_leaves_a_file_that_the_next_replaces
	};

	return RUN_TESTS("unixsocket", tests);
}
