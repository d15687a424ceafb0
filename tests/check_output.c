/*
 * check_output.c - a write never sleeps, with any reader, and what is taken is
 * whole and in order
 *
 * Nothing is read until the writer was told that there is no room: if it slept,
 * the test would not go on.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <termios.h>

#include "ground.h"
#include "harness.h"
#include "terminal.h"

enum { MUCH = 1 << 20 };

static struct dsrv_output output;
static int sink, reader;
static char *sent;
static size_t written, received;

static void
make_text(void)
{
	size_t i;

	ck_assert_ptr_nonnull(sent = malloc(MUCH));
	for (i = 0; i < MUCH; i++)
		sent[i] = (char)('a' + (i * 2654435761u >> 13) % 26);
	written = received = 0;
}

/* Writes until there is no room. */
static void
fill_up(void)
{
	ssize_t n;

	while (written < MUCH && (n = dsrv_output_write(&output,
	    sent + written, MUCH - written)) != -1)
		written += (size_t)n;
	if (written < MUCH)
		ck_assert_int_eq(errno, EAGAIN);
}

/* Reads everything; asserts that it is what was written, in order. */
static int
drain(void)
{
	char buf[8192];
	ssize_t n;

	if ((n = read(reader, buf, sizeof buf)) <= 0)
		return 0;
	hold(received + (size_t)n <= written &&
	    memcmp(buf, sent + received, (size_t)n) == 0,
	    "not what was written, behind %lu bytes", (unsigned long)received);
	received += (size_t)n;
	return 1;
}

static void
drain_all(void)
{
	while (drain())
		;
}

/* The reader comes late and gets everything. The mode of the sink is
 * unchanged. */
static void
comes_whole(void)
{
	make_text();
	dsrv_output_open(&output, sink);
	fill_up();
	ck_assert_uint_gt(written, 0);
	ck_assert_uint_lt(written, MUCH);
	while (received < MUCH) {
		drain_all();
		fill_up();
	}
	ck_assert_int_eq(fcntl(sink, F_GETFL) & O_NONBLOCK, 0);
	dsrv_output_close(&output);
	free(sent);
}

/*
 * Surroundings
 */

static const char *hidden[4];
static int hidden_count;

/* Hides the names below that path. */
static void
hide(const char *path)
{
	ck_assert_int_eq(mount("none", path, "tmpfs", 0, NULL), 0);
	hidden[hidden_count++] = path;
}

static void
show_again(void)
{
	while (hidden_count > 0)
		ck_assert_int_eq(umount(hidden[--hidden_count]), 0);
}

/* Whether this process may hide something; if not, the test is left out. */
static int
is_alone(void)
{
	return !skip_if(unshare(CLONE_NEWNS) == -1 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1,
	    "no mount namespace of one's own");
}

static void
open_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	reader = ends[0];
	sink = ends[1];
	fcntl(reader, F_SETFL, O_NONBLOCK);
}

/* A terminal that passes its input on unchanged; if there is none, the test is
 * left out. */
static int
open_terminal(void)
{
	reader = new_raw_terminal(&sink);
	if (skip_if(reader == -1, "there are no terminals"))
		return 0;
	fcntl(reader, F_SETFL, O_NONBLOCK);
	return 1;
}

/*
 * Pipes
 */

START_TEST(a_pipe_gets_all_whenever_its_reader_comes)
{
	open_pipe();
	comes_whole();
}
END_TEST

START_TEST(so_does_one_that_cannot_be_opened_again)
{
	if (!is_alone())
		return;
	open_pipe();
	hide("/proc");
	comes_whole();
	show_again();
}
END_TEST

/* Another process may fill the pipe between poll(2) and write(2): here there is
 * no poll(2) at all. */
static void
is_told_of_a_pipe_that_is_full(void)
{
	char byte = 0, page[PIPE_BUF] = { 0 };
	int fd = fcntl(sink, F_GETFL);

	fcntl(sink, F_SETFL, fd | O_NONBLOCK);
	while (write(sink, page, sizeof page) > 0)
		;
	fcntl(sink, F_SETFL, fd);
	dsrv_output_open(&output, sink);
	ck_assert_int_eq(dsrv_output_write(&output, &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	dsrv_output_close(&output);
}

START_TEST(a_pipe_that_another_has_filled_keeps_nobody)
{
	open_pipe();
	is_told_of_a_pipe_that_is_full();
}
END_TEST

START_TEST(nor_does_one_that_cannot_be_opened_again)
{
	if (!is_alone())
		return;
	open_pipe();
	hide("/proc");
	is_told_of_a_pipe_that_is_full();
	show_again();
}
END_TEST

START_TEST(a_pipe_without_a_reader_is_epipe)
{
	open_pipe();
	dsrv_output_open(&output, sink);
	close(reader);
	ck_assert_int_eq(dsrv_output_write(&output, "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	dsrv_output_close(&output);
	dsrv_output_open(&output, sink);
	ck_assert_int_eq(dsrv_output_write(&output, "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

/*
 * Terminals
 */

START_TEST(a_terminal_gets_all_whenever_its_reader_comes)
{
	if (!open_terminal())
		return;
	comes_whole();
}
END_TEST

START_TEST(so_does_one_whose_name_cannot_be_found)
{
	if (!is_alone() || !open_terminal())
		return;
	hide("/dev/pts");
	ck_assert_ptr_null(ttyname(sink));
	comes_whole();
	show_again();
}
END_TEST

START_TEST(so_does_one_that_is_found_by_its_name_alone)
{
	if (!is_alone() || !open_terminal())
		return;
	hide("/proc");
	comes_whole();
	show_again();
}
END_TEST

START_TEST(so_does_one_that_only_its_session_can_open)
{
	int status;
	pid_t pid;

	if (!is_alone() || !open_terminal())
		return;
	hide("/proc");
	hide("/dev/pts");
	if ((pid = fork()) == 0) {
		make_text();
		setsid();
		ioctl(sink, TIOCSCTTY, 0);
		dsrv_output_open(&output, sink);
		if (!output.reopened)
			_exit(2);
		while (written < MUCH && (status = (int)dsrv_output_write(
		    &output, sent + written, MUCH - written)) != -1)
			written += (size_t)status;
		_exit(written == MUCH || errno != EAGAIN);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	show_again();
}
END_TEST

START_TEST(so_does_one_that_cannot_be_opened_again_at_all)
{
	if (!is_alone() || !open_terminal())
		return;
	hide("/proc");
	hide("/dev/pts");
	dsrv_output_open(&output, sink);
	ck_assert_int_eq(output.reopened, 0);
	comes_whole();
	show_again();
}
END_TEST

START_TEST(a_terminal_that_is_stopped_keeps_nobody)
{
	if (!open_terminal())
		return;
	ck_assert_int_eq(tcflow(sink, TCOOFF), 0);
	dsrv_output_open(&output, sink);
	ck_assert_int_eq(dsrv_output_write(&output, "x", 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_eq(tcflow(sink, TCOON), 0);
	ck_assert_int_eq(dsrv_output_write(&output, "x", 1), 1);
	dsrv_output_close(&output);
}
END_TEST

/*
 * Others
 */

START_TEST(what_is_opened_again_is_closed_again)
{
	int before;

	if (!open_terminal())
		return;
	before = descriptors_of(getpid());
	dsrv_output_open(&output, sink);
	ck_assert_int_eq(output.reopened, 1);
	dsrv_output_close(&output);
	dsrv_output_close(&output);
	ck_assert_int_eq(descriptors_of(getpid()), before);
}
END_TEST

START_TEST(a_socket_gets_all_whenever_its_reader_comes)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	sink = ends[0];
	reader = ends[1];
	fcntl(reader, F_SETFL, O_NONBLOCK);
	comes_whole();
}
END_TEST

START_TEST(a_socket_without_a_reader_is_epipe)
{
	int ends[2];

	signal(SIGPIPE, SIG_DFL);	/* it would end the test */
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	close(ends[1]);
	dsrv_output_open(&output, ends[0]);
	ck_assert_int_eq(dsrv_output_write(&output, "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

/* Each writes where the other has stopped. */
START_TEST(a_file_stays_the_one_that_others_write_to)
{
	char name[128], text[16] = "";
	int other;

	snprintf(name, sizeof name, "%s/file", scratch());
	sink = open(name, O_RDWR | O_CREAT, 0600);
	other = dup(sink);
	dsrv_output_open(&output, sink);
	ck_assert_int_eq(dsrv_output_write(&output, "one ", 4), 4);
	ck_assert_int_eq(write(other, "two ", 4), 4);
	ck_assert_int_eq(dsrv_output_write(&output, "three", 5), 5);
	ck_assert_int_eq(pread(sink, text, sizeof text - 1, 0), 13);
	ck_assert_str_eq(text, "one two three");
}
END_TEST

START_TEST(what_is_closed_is_ebadf_and_errno_stays_where_nothing_fails)
{
	errno = EDOM;
	dsrv_output_open(&output, 200);
	ck_assert_int_eq(errno, EDOM);
	ck_assert_int_eq(dsrv_output_write(&output, "x", 1), -1);
	ck_assert_int_eq(errno, EBADF);
	errno = EDOM;
	dsrv_output_close(&output);
	ck_assert_int_eq(errno, EDOM);
	sink = open("/dev/null", O_WRONLY);
	dsrv_output_open(&output, sink);
	ck_assert_int_eq(dsrv_output_write(&output, "x", 1), 1);
	dsrv_output_close(&output);
	ck_assert_int_eq(errno, EDOM);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		a_pipe_gets_all_whenever_its_reader_comes,
		so_does_one_that_cannot_be_opened_again,
		a_pipe_that_another_has_filled_keeps_nobody,
		nor_does_one_that_cannot_be_opened_again,
		a_pipe_without_a_reader_is_epipe,
		a_terminal_gets_all_whenever_its_reader_comes,
		so_does_one_whose_name_cannot_be_found,
		so_does_one_that_is_found_by_its_name_alone,
		so_does_one_that_only_its_session_can_open,
		so_does_one_that_cannot_be_opened_again_at_all,
		a_terminal_that_is_stopped_keeps_nobody,
		what_is_opened_again_is_closed_again,
		a_socket_gets_all_whenever_its_reader_comes,
		a_socket_without_a_reader_is_epipe,
		a_file_stays_the_one_that_others_write_to,
		what_is_closed_is_ebadf_and_errno_stays_where_nothing_fails
	};

	return RUN_TESTS("output", tests);
}
