/*
 * check_report.c - messages: each arrives, and none makes a process wait
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include "report.h"
#include "harness.h"

enum { LINES = 400 };	/* more than the log and the sender hold */

static const struct sockaddr_un dev_log = { .sun_family = AF_UNIX,
	.sun_path = "/dev/log" };

/*
 * A system log of this test's own
 */

static int
open_log(int type)
{
	int fd = socket(AF_UNIX, type, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&dev_log,
	    sizeof dev_log), 0);
	return fd;
}

/* Whether this process could get a /dev of its own, without a log. */
static int
has_own_dev(void)
{
	if (skip_if(unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("none", "/dev", "tmpfs", 0, NULL) == -1,
	    "no /dev of one's own"))
		return 0;
	ck_assert_int_eq(mknod("/dev/null", S_IFCHR | 0666, makedev(1, 3)), 0);
	daemon_set_program_name("testd");
	dsrv_report_to(DSRV_REPORT_SYSLOG);
	return 1;
}

/* Receives the next record as it is; returns its size. */
static size_t
receive(int fd, char *record, size_t size)
{
	struct pollfd one = { .fd = fd, .events = POLLIN };
	ssize_t n;

	ck_assert_int_eq(poll(&one, 1, DEADLINE * 1000), 1);
	ck_assert_int_gt(n = recv(fd, record, size - 1, 0), 0);
	record[n] = '\0';
	return (size_t)n;
}

static void
is_record_of(const char *record, const char *message)
{
	char expected[256];
	size_t len = strlen(record);

	snprintf(expected, sizeof expected, " testd[%ld]: unable to %s",
	    (long)getpid(), message);
	ck_assert_msg(len == 4 + 15 + strlen(expected) &&
	    strncmp(record, "<27>", 4) == 0 &&
	    strcmp(record + 4 + 15, expected) == 0, "\"%s\"", record);
}

START_TEST(a_message_comes_to_the_system_s_log_as_one_record)
{
	char record[1024];
	int fd;

	if (!has_own_dev())
		return;
	fd = open_log(SOCK_DGRAM);
	errno = EDOM;
	dsrv_report("say %d: %s", 1, "why");
	ck_assert_int_eq(errno, EDOM);
	receive(fd, record, sizeof record);
	is_record_of(record, "say 1: why");
}
END_TEST

START_TEST(in_a_stream_each_record_ends_with_a_nul)
{
	char record[1024];
	int i, fd, conn;

	if (!has_own_dev())
		return;
	fd = open_log(SOCK_STREAM);
	ck_assert_int_eq(listen(fd, 4), 0);
	for (i = 0; i < 3; i++)
		dsrv_report("say %d", i);
	for (i = 0; i < 3; i++) {
		size_t size;
		char message[8];

		ck_assert_int_ge(conn = accept(fd, NULL, NULL), 0);
		size = receive(conn, record, sizeof record);
		ck_assert_uint_eq(strlen(record), size - 1);
		snprintf(message, sizeof message, "say %d", i);
		is_record_of(record, message);
		close(conn);
	}
}
END_TEST

static time_t pretended;

time_t
time(time_t *now)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (pretended != 0)
		ts.tv_sec = pretended;
	if (now != NULL)
		*now = ts.tv_sec;
	return ts.tv_sec;
}

/* Programs like syslogd know only English months. */
START_TEST(the_date_is_in_english_whatever_the_locale)
{
	static const char *const locales[] = { "de_DE.UTF-8", "fr_FR.UTF-8",
		"ja_JP.UTF-8", "C.UTF-8" };
	static const char *const dates[] = { "Jan  1", "Feb  1", "Mar  1",
		"Apr  1", "May  1", "Jun  1", "Jul  1", "Aug  1", "Sep  1",
		"Oct  1", "Nov  1", "Dec  1" };
	struct tm tm = { .tm_year = 126, .tm_hour = 2, .tm_min = 3 };
	char record[1024];
	size_t i;
	int fd;

	if (!has_own_dev())
		return;
	fd = open_log(SOCK_DGRAM);
	for (i = 0; i < 4 && setlocale(LC_ALL, locales[i]) == NULL; i++)
		;
	for (i = 0; i < 12; i++) {
		tm.tm_mon = (int)i;
		tm.tm_mday = 1;
		tm.tm_isdst = -1;
		pretended = mktime(&tm);
		dsrv_report("say");
		receive(fd, record, sizeof record);
		ck_assert_msg(strncmp(record + 4, dates[i], 6) == 0 &&
		    strncmp(record + 10, " 02:03:00 ", 10) == 0, "\"%s\"",
		    record);
	}
}
END_TEST

static void
report_lines(void)
{
	int i;

	for (i = 0; i < LINES; i++)
		dsrv_report("say %d", i);
}

/* Those that arrive are in order, and the lost ones are counted. */
static void
has_or_counts_all(const char *record, int *next)
{
	const char *lost = strstr(record, " (");
	int number, missing = 0;

	ck_assert_msg(sscanf(strstr(record, "say "), "say %d", &number) == 1,
	    "\"%s\"", record);
	if (lost != NULL)
		sscanf(lost, " (%d messages before it are lost)", &missing);
	hold(number == *next + missing, "%d, %d lost, behind %d", number,
	    missing, *next);
	*next = number + 1;
}

START_TEST(a_full_log_keeps_nobody_and_has_all_or_their_number)
{
	char record[1024];
	int fd, next = 0, waits;

	if (!has_own_dev())
		return;
	fd = open_log(SOCK_DGRAM);
	report_lines();
	waits = dsrv_report_flush(0);
	ck_assert_int_ne(waits, 0);
	while (waits || recv(fd, record, 1, MSG_PEEK | MSG_DONTWAIT) == 1) {
		receive(fd, record, sizeof record);
		has_or_counts_all(record, &next);
		waits = dsrv_report_flush(0);
	}
	dsrv_report("say %d", LINES);
	receive(fd, record, sizeof record);
	has_or_counts_all(record, &next);
	ck_assert_int_eq(next, LINES + 1);
}
END_TEST

START_TEST(so_does_a_stream_that_nobody_accepts)
{
	char record[1024];
	int fd, conn, next = 0;

	if (!has_own_dev())
		return;
	fd = open_log(SOCK_STREAM);
	ck_assert_int_eq(listen(fd, 2), 0);
	report_lines();
	ck_assert_int_ne(dsrv_report_flush(0), 0);
	while (dsrv_report_flush(0) || next < LINES) {
		ck_assert_int_ge(conn = accept(fd, NULL, NULL), 0);
		receive(conn, record, sizeof record);
		has_or_counts_all(record, &next);
		close(conn);
		if (!dsrv_report_flush(0) && next < LINES)
			dsrv_report("say %d", LINES);
	}
}
END_TEST

START_TEST(a_log_that_comes_later_is_told_how_many_are_lost)
{
	char record[1024];
	int fd;

	if (!has_own_dev())
		return;
	dsrv_report("say 1");
	dsrv_report("say 2");
	ck_assert_int_eq(dsrv_report_flush(0), 0);
	fd = open_log(SOCK_DGRAM);
	dsrv_report("say 3");
	receive(fd, record, sizeof record);
	is_record_of(record, "say 3 (2 messages before it are lost)");
}
END_TEST

START_TEST(without_a_descriptor_a_message_waits_for_one)
{
	struct rlimit limit, none;
	char record[1024];
	int fd;

	if (!has_own_dev())
		return;
	fd = open_log(SOCK_DGRAM);
	getrlimit(RLIMIT_NOFILE, &limit);
	none = limit;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	dsrv_report("say: %s", strerror(EMFILE));
	ck_assert_int_eq(dsrv_report_flush(0), 1);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(dsrv_report_flush(0), 0);
	receive(fd, record, sizeof record);
	is_record_of(record, "say: Too many open files");
}
END_TEST

/*
 * Standard error
 */

static struct run run;

static void
report_without_memory(void)
{
	struct rlimit none = { 0, 0 };

	daemon_set_program_name("testd");
	if (setrlimit(RLIMIT_AS, &none) == -1 || mmap(NULL, 1, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		_exit(98);
	dsrv_report("say: %s", strerror(ENOMEM));
	_exit(1);
}

START_TEST(without_memory_a_message_comes_all_the_same)
{
	run_start(&run, report_without_memory);
	ck_assert_int_eq(WEXITSTATUS(run_wait(&run)), 1);
	ck_assert_str_eq(run.err,
	    "testd: unable to say: Cannot allocate memory\n");
}
END_TEST

/* A socket may take a part of a line. */
START_TEST(what_a_reader_has_no_room_for_follows_when_it_reads)
{
	char text[LINES * 64] = "", line[64], *at = text;
	int i, count, ends[2], kept = dup(2), size = 1;
	size_t len = 0;
	ssize_t n;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	daemon_set_program_name("testd");
	dsrv_report_to(DSRV_REPORT_STDERR);
	ck_assert_int_eq(dup2(ends[0], 2), 2);
	close(ends[0]);
	for (count = 0; dsrv_report_flush(0) == 0; count++)
		dsrv_report("say %d", count);
	do {
		n = recv(ends[1], text + len, 16, MSG_DONTWAIT);
		len += n > 0 ? (size_t)n : 0;
	} while (dsrv_report_flush(0) || n > 0);
	dup2(kept, 2);
	for (i = 0; i < count; i++) {
		snprintf(line, sizeof line, "testd: unable to say %d\n", i);
		ck_assert_msg(strncmp(at, line, strlen(line)) == 0,
		    "not \"%s\" but \"%.40s\"", line, at);
		at += strlen(line);
	}
	ck_assert_str_eq(at, "");
}
END_TEST

static void
report_in_a_child(void)
{
	pid_t pid;
	int ends[2];

	if (pipe(ends) == -1)
		_exit(98);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	while (write(ends[1], "", 1) == 1)
		;
	dup2(ends[1], 1);
	daemon_set_program_name("testd");
	dsrv_report_to(DSRV_REPORT_STDERR);
	dup2(2, 200);
	dup2(1, 2);	/* full */
	dsrv_report("say: the parent");
	if ((pid = fork()) == 0) {
		dup2(200, 2);
		dsrv_report("say: the child");
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	_exit(0);
}

START_TEST(what_waits_in_a_parent_is_not_said_by_its_child)
{
	run_start(&run, report_in_a_child);
	ck_assert_int_eq(run_wait(&run), 0);
	ck_assert_str_eq(run.err, "testd: unable to say: the child\n");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_message_comes_to_the_system_s_log_as_one_record,
		in_a_stream_each_record_ends_with_a_nul,
		the_date_is_in_english_whatever_the_locale,
		a_full_log_keeps_nobody_and_has_all_or_their_number,
		so_does_a_stream_that_nobody_accepts,
		a_log_that_comes_later_is_told_how_many_are_lost,
		without_a_descriptor_a_message_waits_for_one,
		without_memory_a_message_comes_all_the_same,
		what_a_reader_has_no_room_for_follows_when_it_reads,
		what_waits_in_a_parent_is_not_said_by_its_child
	};

	return RUN_TESTS("report", tests);
}
