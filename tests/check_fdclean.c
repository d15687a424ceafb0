/*
 * check_fdclean.c - daemon_clean_fd(): what it closes and what stays open
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <syslog.h>
#include <time.h>

#include "puppet.h"

enum {
	LISTENER = FACTS + 1,	/* its number if it is opened first */
	HIGH = 5000,
	MANY = 1048576,
	SOON = 200,	/* ms: less than MANY system calls take */
	OWN_ERROR = 1234
};

/*
 * Programs
 */

static int chosen;
static const char *path;

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

static int
open_descriptors(void)
{
	int fd, count = 0;

	for (fd = 0; fd < HIGH + 10; fd++)
		count += is_open(fd);
	return count;
}

/* Sets the soft limit and lowers the hard one to it if necessary. Returns
 * whether it could. */
static int
set_limit(rlim_t files)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = files;
	if (limit.rlim_max < files)
		limit.rlim_max = files;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Milliseconds of processor time that this process has had. */
static long
used(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Opens these, closes all above 6, and tells how many are wrong. */
static void
clean_down_to_6(void)
{
	static const int some[] = { 4, 5, 6, 7, 8, 100, 999, HIGH };
	int wrong = 0;
	size_t i;

	daemon_clean_fd(FACTS);
	set_limit(HIGH + 1);
	for (i = 0; i < sizeof some / sizeof some[0]; i++)
		if (dup2(0, some[i]) == -1)
			_exit(98);
	errno = OWN_ERROR;
	tell("result", daemon_clean_fd(6) == 0 && errno == OWN_ERROR);
	for (i = 0; i < sizeof some / sizeof some[0]; i++)
		wrong += is_open(some[i]) != (some[i] <= 6);
	tell("wrong", wrong);
	tell("open", open_descriptors());
}

/*
 * What the test does
 */

static void
ends_well(void)
{
	exited(run_wait(&here.run), 0);
}

static void
cleans(void (*program)(void))
{
	run_start(&here.run, program);
	ck_assert_int_eq(heard(&here.run, "result"), 1);
	ck_assert_int_eq(heard(&here.run, "wrong"), 0);
	ck_assert_int_eq(heard(&here.run, "open"), 7);
	ends_well();
}

/*
 * What is closed, and what is not
 */

START_TEST(it_closes_what_is_above_and_keeps_the_rest_and_errno)
{
	cleans(clean_down_to_6);
}
END_TEST

static void
clean_below_2(void)
{
	static const int values[] = { 1, 0, -1, INT_MIN };
	int before = open_descriptors();
	size_t i;

	for (i = 0; i < 4; i++) {
		errno = 0;
		tell("result", daemon_clean_fd(values[i]));
		tell("errno", errno);
	}
	tell("closed", before - open_descriptors());
}

START_TEST(below_2_is_einval_and_closes_nothing)
{
	int i;

	run_start(&here.run, clean_below_2);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(heard(&here.run, "result"), -1);
		ck_assert_int_eq(heard(&here.run, "errno"), EINVAL);
	}
	ck_assert_int_eq(heard(&here.run, "closed"), 0);
	ends_well();
}
END_TEST

static void
clean_down_to_2(void)
{
	dup2(0, 100);
	daemon_clean_fd(2);
	printf("%d descriptors", open_descriptors());
}

START_TEST(down_to_2_nothing_but_0_to_2_is_left)
{
	run_start(&here.run, clean_down_to_2);
	ends_well();
	ck_assert_str_eq(here.run.out, "3 descriptors");
}
END_TEST

START_TEST(nothing_that_the_shell_had_open_stays_open)
{
	int ends[2];
	char byte;

	ck_assert_int_eq(pipe(ends), 0);
	run_start(&here.run, clean_down_to_6);
	ck_assert_int_eq(heard(&here.run, "result"), 1);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	ends_well();
}
END_TEST

/*
 * Numbers and limits
 */

static void
clean_below_a_lowered_limit(void)
{
	set_limit(HIGH + 1);
	dup2(0, HIGH);
	set_limit(64);
	daemon_clean_fd(FACTS);
	tell("open", is_open(HIGH));
}

START_TEST(it_closes_what_is_above_a_limit_that_was_lowered)
{
	run_start(&here.run, clean_below_a_lowered_limit);
	ck_assert_int_eq(heard(&here.run, "open"), 0);
	ends_well();
}
END_TEST

/* Opens the highest descriptor that the system allows. */
static void
clean_many(void)
{
	struct rlimit limit = { 0, MANY };
	long began;
	int last;

	if (!set_limit(MANY)) {
		getrlimit(RLIMIT_NOFILE, &limit);
		set_limit(limit.rlim_max);
	}
	last = (int)limit.rlim_max - 1;
	tell("dup", dup2(0, last) == last);
	began = used();
	daemon_clean_fd(FACTS);
	tell("took", used() - began);
	tell("open", is_open(last));
}

START_TEST(a_million_possible_descriptors_take_no_time)
{
	run_start(&here.run, clean_many);
	ck_assert_int_eq(heard(&here.run, "dup"), 1);
	ck_assert_int_lt(heard(&here.run, "took"), SOON);
	ck_assert_int_eq(heard(&here.run, "open"), 0);
	ends_well();
}
END_TEST

/* close_range(2) fails with this error from now on. Returns whether it does. */
static int
forbid_close_range(unsigned error)
{
#ifdef SYS_close_range
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
#else
	return error != 0;
#endif
}

/* chosen: the error of close_range(2) */
static void
clean_without_close_range(void)
{
	int could = forbid_close_range((unsigned)chosen);

	tell("could", could);
	if (could)
		clean_down_to_6();
}

START_TEST(it_closes_all_where_close_range_fails)
{
	static const int errors[] = { ENOSYS, EPERM, EACCES, EINVAL };
	size_t i;

	for (i = 0; i < sizeof errors / sizeof errors[0]; i++) {
		chosen = errors[i];
		run_start(&here.run, clean_without_close_range);
		if (skip_if(!heard(&here.run, "could"), "no seccomp(2) filters"))
			break;
		ck_assert_int_eq(heard(&here.run, "result"), 1);
		ck_assert_int_eq(heard(&here.run, "wrong"), 0);
		ck_assert_int_eq(heard(&here.run, "open"), 7);
		ends_well();
	}
}
END_TEST

/* path: an empty directory */
static void
clean_without_proc(void)
{
	int could = chroot(path) == 0 && chdir("/") == 0 &&
	    set_limit(HIGH + 1) && forbid_close_range(EPERM);

	tell("could", could);
	if (could)
		clean_down_to_6();
	_exit(0);	/* a sanitizer that runs at exit(3) needs /proc */
}

START_TEST(it_closes_all_where_proc_is_missing_too)
{
	path = scratch();
	run_start(&here.run, clean_without_proc);
	if (skip_if(!heard(&here.run, "could"), "no chroot(2) and seccomp(2)")) {
		ends_well();
		return;
	}
	ck_assert_int_eq(heard(&here.run, "result"), 1);
	ck_assert_int_eq(heard(&here.run, "wrong"), 0);
	ck_assert_int_eq(heard(&here.run, "open"), 7);
	ends_well();
}
END_TEST

/*
 * What the library needs
 */

/* chosen: what daemon_clean_fd() gets; the library's descriptors are above the
 * listener */
static void
clean(void)
{
	tell("clean", daemon_clean_fd(chosen));
}

static void
clean_below_facts(void)
{
	daemon_clean_fd(FACTS);
}

static void
listen_first(void)
{
	clean_below_facts();
	open_port();
	if (here.fds[0] != LISTENER)
		_exit(98);
}

static void
listen_and_clean(void)
{
	listen_first();
	clean();
}

static void
clean_daemon(void)
{
	int index = serve();

	clean();
	converse(index);
}

/* The daemon serves, is reloaded, serves and stops. */
static void
works(int highest)
{
	chosen = highest;
	here.before_start = listen_and_clean;
	here.before_master = here.before_success = here.before_server = clean;
	start(0, clean_daemon);
	ask(here.port, "one", "one");
	send_signal(here.master, SIGUSR1);
	next_server();
	ask(here.port, "two", "two");
	stop();
}

START_TEST(the_daemon_works_where_it_is_called_at_every_stage)
{
	works(LISTENER);
}
END_TEST

START_TEST(the_daemon_works_where_the_highest_number_is_given)
{
	works(INT_MAX);
	works(INT_MAX - 1);
}
END_TEST

START_TEST(the_daemon_works_where_its_listener_is_above_what_is_kept)
{
	works(FACTS);
}
END_TEST

/*
 * What daemon_listen() has opened
 */

/* Cleans around two of its listeners, and where another socket has replaced a
 * third; tells how many descriptors are wrong. */
static void
clean_around_listeners(void)
{
	int fds[3], wrong = 0, i;

	daemon_clean_fd(FACTS);
	for (i = 0; i < 3; i++) {
		dup2(0, 10 + i);	/* the next one is behind it */
		if (daemon_listen("127.0.0.1", "0", &fds[i], 1) != 1)
			_exit(98);
		if (fcntl(fds[i], F_DUPFD, 20 + 10 * i) == -1 ||
		    dup2(fds[i], 20 + 10 * i) == -1)
			_exit(98);
	}
	close(fds[1]);
	dup2(socket(AF_INET, SOCK_STREAM, 0), fds[1]);
	daemon_clean_fd(FACTS);
	for (i = FACTS + 1; i < 100; i++)
		wrong += is_open(i) != (i == fds[0] || i == fds[2]);
	tell("wrong", wrong);
}

static void
clean_around_without_close_range(void)
{
	int could = forbid_close_range(EPERM);

	tell("could", could);
	if (could)
		clean_around_listeners();
}

/* path: an empty directory */
static void
clean_around_without_proc(void)
{
	int could = chroot(path) == 0 && chdir("/") == 0 &&
	    forbid_close_range(EPERM);

	tell("could", could);
	if (could)
		clean_around_listeners();
	_exit(0);
}

START_TEST(it_keeps_the_sockets_that_daemon_listen_has_opened)
{
	run_start(&here.run, clean_around_listeners);
	ck_assert_int_eq(heard(&here.run, "wrong"), 0);
	ends_well();
}
END_TEST

START_TEST(it_keeps_them_where_close_range_fails_and_proc_is_missing)
{
	static void (*const programs[])(void) = {
		clean_around_without_close_range, clean_around_without_proc };
	int i;

	path = scratch();
	for (i = 0; i < 2; i++) {
		run_start(&here.run, programs[i]);
		if (skip_if(!heard(&here.run, "could"),
		    "no chroot(2) and seccomp(2)")) {
			ends_well();
			return;
		}
		ck_assert_int_eq(heard(&here.run, "wrong"), 0);
		ends_well();
	}
}
END_TEST

/* In the order of older programs: listen, go into the background, clean. */
START_TEST(a_daemon_that_listens_before_it_starts_serves)
{
	here.before_start = open_port;
	here.before_master = clean_below_facts;
	start(0, talker);
	ask(here.port, "hello", "hello");
	stop();
}
END_TEST

static void
close_after_listening(void)
{
	open_port();
	close(here.fds[0]);
}

/* Otherwise the shell would hear of a success without a daemon. */
START_TEST(a_start_whose_listeners_are_all_closed_fails_with_a_reason)
{
	daemon_set_program_name("testd");
	here.before_master = close_after_listening;
	run_puppet(run_start, talker);
	exited(run_wait(&here.run), 1);
	says(here.run.err, "testd: unable to confirm the start: there is no "
	    "socket to serve: daemon_listen() has failed, or what it opened is "
	    "closed");
	nothing_left();
}
END_TEST

static void
listen_nowhere(void)
{
	tell("listened", daemon_listen("127.0.0.1", "70000", here.fds, 1));
	here.listeners = 1;
}

START_TEST(a_start_that_goes_on_without_a_listener_fails_with_a_reason)
{
	daemon_set_program_name("testd");
	here.before_master = listen_nowhere;
	run_puppet(run_start, talker);
	exited(run_wait(&here.run), 1);
	says(here.run.err, "it is not a port, from 0 to 65535");
	says(here.run.err, "there is no socket to serve");
	nothing_left();
}
END_TEST

/* chosen: whether it moves its listener, or opens another itself. */
static void
listen_on_another(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	open_port();
	if (chosen)
		here.fds[0] = fcntl(here.fds[0], F_DUPFD, 50);
	else if ((here.fds[0] = socket(AF_INET, SOCK_STREAM, 0)) == -1 ||
	    bind(here.fds[0], (struct sockaddr *)&addr, sizeof addr) == -1 ||
	    listen(here.fds[0], 5) == -1)
		_exit(98);
	close(LISTENER);
}

START_TEST(a_start_with_a_listener_of_any_kind_succeeds)
{
	here.before_start = clean_below_facts;
	here.before_master = listen_on_another;
	for (chosen = 0; chosen < 2; chosen++) {
		start(0, talker);
		stop();
	}
}
END_TEST

/*
 * Failures, and workers
 */

static void
clean_and_fail(void)
{
	clean_below_facts();
	exit(9);
}

START_TEST(a_failed_start_is_seen_all_the_same)
{
	here.before_master = clean_below_facts;
	here.before_success = clean_and_fail;
	run_puppet(run_start, talker);
	exited(run_wait(&here.run), 9);
	nothing_left();
}
END_TEST

static void
open_100(void)
{
	dup2(0, 100);
}

static void
clean_worker(void)
{
	serve();
	clean_below_facts();
	printf("%d descriptors\n", open_descriptors());
}

START_TEST(a_worker_keeps_its_connection_and_nothing_else)
{
	int fd;

	here.before_master = open_100;
	start(0, clean_worker);
	fd = client(here.port);
	ck_assert_pstr_eq(client_hears(fd), "4 descriptors");
	close(fd);
	stop();
}
END_TEST

/*
 * syslog(3)
 */

/* A /dev of this process's own, with a log that is read at fd; whether that
 * works. */
static int
open_own_log(int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "/dev/log" };
	int sock = socket(AF_UNIX, SOCK_DGRAM, 0);

	return unshare(CLONE_NEWNS) == 0 &&
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount("none", "/dev", "tmpfs", 0, NULL) == 0 &&
	    mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)) == 0 &&
	    bind(sock, (struct sockaddr *)&addr, sizeof addr) == 0 &&
	    dup2(sock, fd) == fd;
}

static int
receives(int fd, const char *part)
{
	char text[1024];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, part) != NULL;
}

static void
clean_after_openlog(void)
{
	int could, opened, fd;
	struct stat file;

	daemon_clean_fd(FACTS);
	could = open_own_log(FACTS + 1);
	tell("could", could);
	if (!could)
		exit(0);
	daemon_clean_fd(FACTS + 1);
	openlog("testd", LOG_NDELAY, LOG_DAEMON);
	opened = is_open(FACTS + 2);
	daemon_clean_fd(FACTS + 1);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	tell("same", opened && fd == FACTS + 2);
	syslog(LOG_INFO, "hello");
	fstat(fd, &file);
	tell("size", (long)file.st_size);
	tell("logged", receives(FACTS + 1, "hello"));
}

START_TEST(syslog_does_not_write_to_what_is_opened_next)
{
	char name[128];

	snprintf(name, sizeof name, "%s/file", scratch());
	path = name;
	run_start(&here.run, clean_after_openlog);
	if (skip_if(!heard(&here.run, "could"), "no /dev of one's own")) {
		ends_well();
		return;
	}
	ck_assert_int_eq(heard(&here.run, "same"), 1);
	ck_assert_int_eq(heard(&here.run, "size"), 0);
	ck_assert_int_eq(heard(&here.run, "logged"), 1);
	ends_well();
}
END_TEST

static void
fill_own_log(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "/dev/log" };
	int could, sock = socket(AF_UNIX, SOCK_DGRAM, 0);

	could = open_own_log(FACTS + 1);
	tell("could", could);
	if (!could)
		exit(0);
	while (sendto(sock, "x", 1, MSG_DONTWAIT, (struct sockaddr *)&addr,
	    sizeof addr) == 1)
		;
}

START_TEST(a_full_log_does_not_hold_the_master_up)
{
	long could;

	here.before_start = fill_own_log;
	run_puppet(run_start, talker);
	could = heard(&here.run, "could");
	ends_well();
	if (skip_if(!could, "no /dev of one's own"))
		return;
	meet();
	/* The master tries to log that, and goes on. */
	send_signal(here.server, SIGKILL);
	next_server();
	stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_full_log_does_not_hold_the_master_up,
		it_closes_what_is_above_and_keeps_the_rest_and_errno,
		below_2_is_einval_and_closes_nothing,
		down_to_2_nothing_but_0_to_2_is_left,
		nothing_that_the_shell_had_open_stays_open,
		it_closes_what_is_above_a_limit_that_was_lowered,
		a_million_possible_descriptors_take_no_time,
		it_closes_all_where_close_range_fails,
		it_closes_all_where_proc_is_missing_too,
		the_daemon_works_where_it_is_called_at_every_stage,
		the_daemon_works_where_the_highest_number_is_given,
		the_daemon_works_where_its_listener_is_above_what_is_kept,
		it_keeps_the_sockets_that_daemon_listen_has_opened,
		it_keeps_them_where_close_range_fails_and_proc_is_missing,
		a_daemon_that_listens_before_it_starts_serves,
		a_start_whose_listeners_are_all_closed_fails_with_a_reason,
		a_start_that_goes_on_without_a_listener_fails_with_a_reason,
		a_start_with_a_listener_of_any_kind_succeeds,
		a_failed_start_is_seen_all_the_same,
		a_worker_keeps_its_connection_and_nothing_else,
		syslog_does_not_write_to_what_is_opened_next
	};

	return RUN_TESTS("fdclean", tests);
}
