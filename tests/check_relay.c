/*
 * check_relay.c - a stream, whole and in order, step by step
 *
 * Each test drives the relay as the starter does: it waits for what a step
 * returns, and is itself the writer before the source and the reader behind the
 * sink, so that nothing depends on time.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "start.h"
#include "harness.h"
#include "terminal.h"

enum {
	SMALL = 4096,	/* the smallest pipe that Linux makes */
	MUCH = 1 << 20
};

static struct dsrv_relay relay;
static struct dsrv_loop loop;
static int to_source, source, sink, from_sink;

static unsigned char *sent;
static size_t written, received;

/*
 * The pipes
 */

static void
make_pipe(int *read_end, int *write_end)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	*read_end = ends[0];
	*write_end = ends[1];
#ifdef F_SETPIPE_SZ
	fcntl(ends[1], F_SETPIPE_SZ, SMALL);
#endif
}

static void
make_source(void)
{
	make_pipe(&source, &to_source);
	fcntl(source, F_SETFL, O_NONBLOCK);
	fcntl(to_source, F_SETFL, O_NONBLOCK);
}

static void
open_relay(void)
{
	make_source();
	make_pipe(&from_sink, &sink);
	fcntl(from_sink, F_SETFL, O_NONBLOCK);
	dsrv_relay_open(&relay, source, sink);
}

static void
write_text(const char *text)
{
	ck_assert_int_eq(write(to_source, text, strlen(text)),
	    (ssize_t)strlen(text));
}

/* What has come out of the sink. */
static const char *
read_text(void)
{
	static char text[256];
	ssize_t n = read(from_sink, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int
ready(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };

	return poll(&one, 1, 0) == 1;
}

static size_t
fill(int fd)
{
	char bytes[1024] = { 0 };
	size_t filled = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = write(fd, bytes, sizeof bytes)) > 0)
		filled += (size_t)n;
	while (write(fd, bytes, 1) == 1)
		filled++;
	return filled;
}

static void
drain(int fd, size_t bytes)
{
	char buf[1024];
	ssize_t n;

	while (bytes > 0) {
		n = read(fd, buf, bytes < sizeof buf ? bytes : sizeof buf);
		ck_assert_int_gt(n, 0);
		bytes -= (size_t)n;
	}
}

/*
 * A long text
 */

static void
make_long_text(void)
{
	size_t i;

	ck_assert_ptr_nonnull(sent = malloc(MUCH));
	for (i = 0; i < MUCH; i++)
		sent[i] = (unsigned char)(i * 2654435761u >> 13);
	written = received = 0;
}

/* Writes up to most bytes to the source, and ends it after the last ones. */
static void
feed(size_t most)
{
	ssize_t n;

	if (written == MUCH)
		return;
	if (most > MUCH - written)
		most = MUCH - written;
	if ((n = write(to_source, sent + written, most)) > 0)
		written += (size_t)n;
	if (written == MUCH)
		close(to_source);
}

/* Reads up to most bytes from the sink, which must be the next ones. */
static void
taste(size_t most)
{
	unsigned char buf[8192];
	ssize_t n = read(from_sink, buf, most);

	if (n <= 0)
		return;
	ck_assert_uint_le(received + (size_t)n, MUCH);
	ck_assert_msg(memcmp(buf, sent + received, (size_t)n) == 0,
	    "not what was written, within %ld bytes from %lu on", (long)n,
	    (unsigned long)received);
	received += (size_t)n;
}

/* Relays everything, written and read in portions of these sizes. Writes are
 * tried even if the sink has little or no room. */
static void
relay_all(size_t in, size_t out)
{
	enum dsrv_relay_wait wait = DSRV_RELAY_SOURCE;

	while (wait != DSRV_RELAY_OVER) {
		if (wait == DSRV_RELAY_SOURCE)
			feed(in);
		else if (!ready(sink, POLLOUT))
			taste(out);
		wait = dsrv_relay_step(&relay);
	}
	dsrv_relay_close(&relay);
	close(sink);
	while (received < MUCH) {
		size_t before = received;

		taste(4096);
		ck_assert_msg(received > before, "%lu bytes are lost",
		    (unsigned long)(MUCH - received));
	}
	ck_assert_int_eq(read(from_sink, &in, 1), 0);
}

START_TEST(relay_passes_all_on_in_order_through_small_pipes)
{
	static const size_t portions[][2] = { { 4096, 4096 }, { 1000, 4096 },
		{ 4096, 777 }, { 8192, 8192 }, { 61, 8192 } };
	size_t i;

	make_long_text();
	for (i = 0; i < sizeof portions / sizeof portions[0]; i++) {
		written = received = 0;
		open_relay();
		relay_all(portions[i][0], portions[i][1]);
		close(from_sink);
	}
	free(sent);
}
END_TEST

/* Unlike a pipe, a socket or a terminal may take a part of a write. */
START_TEST(relay_passes_all_on_in_order_where_the_sink_takes_parts)
{
	int ends[2], size = 1;		/* the smallest */

	make_long_text();
	make_source();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	sink = ends[0];
	from_sink = ends[1];
	setsockopt(sink, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	fcntl(sink, F_SETFL, O_NONBLOCK);
	fcntl(from_sink, F_SETFL, O_NONBLOCK);
	dsrv_relay_open(&relay, source, sink);
	relay_all(4096, 777);
	free(sent);
}
END_TEST

/* A terminal as the sink, which passes its input on; 0: there is none. */
static int
open_terminal(void)
{
	if ((from_sink = new_raw_terminal(&sink)) == -1)
		return 0;
	fcntl(from_sink, F_SETFL, O_NONBLOCK);
	return 1;
}

/* It may be ready for only a part of a write. The shell shares it, so its mode
 * must not change. */
START_TEST(relay_never_blocks_on_a_terminal)
{
	enum dsrv_relay_wait wait;
	int before;

	if (skip_if(!open_terminal(), "there are no terminals"))
		return;
	make_long_text();
	make_source();
	before = descriptors_of(getpid());
	dsrv_relay_open(&relay, source, sink);
	do {	/* no reader; until the kernel has no more room */
		feed(SMALL);
		wait = dsrv_relay_step(&relay);
	} while (wait != DSRV_RELAY_SINK || ready(sink, POLLOUT));
	while (received < MUCH) {
		feed(SMALL);
		dsrv_relay_step(&relay);
		taste(8192);
	}
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_OVER);
	ck_assert_int_eq(fcntl(sink, F_GETFL) & O_NONBLOCK, 0);
	dsrv_relay_close(&relay);
	/* Without the two ends of the pipe to the relay. */
	ck_assert_int_eq(descriptors_of(getpid()), before - 2);
	free(sent);
}
END_TEST

START_TEST(relay_waits_for_its_source)
{
	open_relay();
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	write_text("late\n");
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_str_eq(read_text(), "late\n");
}
END_TEST

START_TEST(relay_waits_for_its_sink_and_reads_no_more_until_then)
{
	size_t filled;

	open_relay();
	filled = fill(sink);
	write_text("first\n");
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	write_text("second\n");
	/* Another process has made the sink non-blocking: nothing is lost. */
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	ck_assert(ready(source, POLLIN));

	drain(from_sink, filled);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_str_eq(read_text(), "first\n");
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_str_eq(read_text(), "second\n");
}
END_TEST

START_TEST(relay_keeps_what_the_sink_has_no_room_for)
{
	char text[SMALL + 1], out[SMALL];
	size_t filled;

	memset(text, 'a', SMALL);
	text[SMALL] = '\0';
	open_relay();
	filled = fill(sink);
	write_text(text);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	drain(from_sink, filled - 1);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	drain(from_sink, 1);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_int_eq(read(from_sink, out, sizeof out), SMALL);
	ck_assert_int_eq(memcmp(out, text, SMALL), 0);
}
END_TEST

START_TEST(relay_drops_what_nobody_reads_and_goes_on)
{
	open_relay();
	close(from_sink);
	write_text("to nobody\n");
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	/* The relay does not even try: it never waits for the sink. */
	write_text("again\n");
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert(!ready(source, POLLIN));
	write_text("the end\n");
	close(to_source);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_OVER);
}
END_TEST

START_TEST(relay_drops_what_a_closed_sink_cannot_take)
{
	open_relay();
	close(sink);
	dsrv_relay_open(&relay, source, sink);
	write_text("to nobody\n");
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	close(to_source);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_OVER);
}
END_TEST

START_TEST(relay_is_over_at_the_end_of_its_source)
{
	open_relay();
	write_text("last words\n");
	close(to_source);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SINK);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_SOURCE);
	ck_assert_str_eq(read_text(), "last words\n");
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_OVER);
	ck_assert_int_eq(dsrv_relay_step(&relay), DSRV_RELAY_OVER);
}
END_TEST

START_TEST(relay_leaves_its_sink_in_blocking_mode)
{
	open_relay();
	ck_assert_int_eq(fcntl(sink, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(source, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

/*
 * In a loop
 */

enum { TIMER = 2, TAGS };

static void
open_loop(void)
{
	open_relay();
	ck_assert_int_eq(dsrv_loop_open(&loop, TAGS, DSRV_REAP_FORKED,
	    NULL, NULL), 0);
	dsrv_relay_watch(&relay, &loop, 0);
}

/* Lets the relay do what it can without more input; returns whether it is over.
 * The timer is always set, so it has nothing to do after two timer events in a
 * row. */
static int
run_loop(void)
{
	int idle = 0;

	while (!relay.over && idle < 2) {
		dsrv_loop_set_timer(&loop, TIMER, dsrv_clock_now());
		if (dsrv_loop_next(&loop) != DSRV_EVENT_FD) {
			idle++;
			continue;
		}
		idle = 0;
		ck_assert(dsrv_relay_has(&relay, loop.tag));
		dsrv_relay_ready(&relay, &loop);
	}
	return relay.over;
}

START_TEST(relay_is_driven_by_a_loop_up_to_the_end)
{
	open_loop();
	ck_assert(!run_loop());
	write_text("one\n");
	ck_assert(!run_loop());
	ck_assert_str_eq(read_text(), "one\n");
	write_text("two\n");
	close(to_source);
	ck_assert(run_loop());
	ck_assert_str_eq(read_text(), "two\n");
	ck_assert(!dsrv_relay_has(&relay, TIMER));
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(relay_is_finished_with_what_the_source_holds)
{
	open_loop();
	write_text("all there is\n");
	dsrv_relay_finish(&relay, &loop);
	ck_assert(run_loop());
	ck_assert_str_eq(read_text(), "all there is\n");
	dsrv_loop_close(&loop);

	open_loop();
	dsrv_relay_finish(&relay, &loop);
	ck_assert(relay.over);
	dsrv_loop_close(&loop);
}
END_TEST

/* A process that still holds the pipe could otherwise keep the starter for
 * ever. */
START_TEST(relay_is_finished_although_more_is_written)
{
	open_loop();
	write_text("before\n");
	dsrv_relay_finish(&relay, &loop);
	write_text("after\n");
	ck_assert(run_loop());
	ck_assert_str_eq(read_text(), "before\n");
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(relay_is_finished_although_nobody_reads)
{
	open_loop();
	close(from_sink);
	write_text("to nobody\n");
	ck_assert(!run_loop());
	write_text("nor this\n");
	dsrv_relay_finish(&relay, &loop);
	ck_assert(run_loop());
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(relay_is_finished_when_its_sink_has_taken_the_rest)
{
	char text[64] = "";
	size_t filled;
	int i;

	open_loop();
	filled = fill(sink);
	write_text("one\n");
	ck_assert(!run_loop());
	write_text("two\n");
	dsrv_relay_finish(&relay, &loop);
	write_text("after\n");
	ck_assert(!run_loop());
	drain(from_sink, filled);
	/* A pipe of one page has no room until it is empty. */
	for (i = 0; i < 3; i++) {
		run_loop();
		strcat(text, read_text());
	}
	ck_assert(relay.over);
	ck_assert_str_eq(text, "one\ntwo\n");
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(relay_adds_a_last_line_when_all_else_is_through)
{
	open_loop();
	write_text("before\n");
	dsrv_relay_finish(&relay, &loop);
	ck_assert(run_loop());
	dsrv_relay_say(&relay, &loop, "the last", 8);
	ck_assert(run_loop());
	ck_assert_str_eq(read_text(), "before\nthe last\n");
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(relay_keeps_the_last_line_until_there_is_room)
{
	size_t filled;

	open_loop();
	filled = fill(sink);
	dsrv_relay_finish(&relay, &loop);
	dsrv_relay_say(&relay, &loop, "the last", 8);
	ck_assert(!run_loop());
	drain(from_sink, filled);
	ck_assert(run_loop());
	ck_assert_str_eq(read_text(), "the last\n");
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(relay_adds_nothing_behind_what_was_given_up)
{
	size_t filled;

	open_loop();
	filled = fill(sink);
	write_text("the half\n");
	dsrv_relay_finish(&relay, &loop);
	ck_assert(!run_loop());
	relay.over = 1;
	dsrv_relay_say(&relay, &loop, "the last", 8);
	ck_assert(relay.over);
	drain(from_sink, filled);
	ck_assert_str_eq(read_text(), "");
	dsrv_loop_close(&loop);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		relay_passes_all_on_in_order_through_small_pipes,
		relay_passes_all_on_in_order_where_the_sink_takes_parts,
		relay_never_blocks_on_a_terminal,
		relay_waits_for_its_source,
		relay_waits_for_its_sink_and_reads_no_more_until_then,
		relay_keeps_what_the_sink_has_no_room_for,
		relay_drops_what_nobody_reads_and_goes_on,
		relay_drops_what_a_closed_sink_cannot_take,
		relay_is_over_at_the_end_of_its_source,
		relay_leaves_its_sink_in_blocking_mode,
		relay_is_driven_by_a_loop_up_to_the_end,
		relay_is_finished_with_what_the_source_holds,
		relay_is_finished_although_more_is_written,
		relay_is_finished_although_nobody_reads,
		relay_is_finished_when_its_sink_has_taken_the_rest,
		relay_adds_a_last_line_when_all_else_is_through,
		relay_keeps_the_last_line_until_there_is_room,
		relay_adds_nothing_behind_what_was_given_up
	};

	return RUN_TESTS("relay", tests);
}
