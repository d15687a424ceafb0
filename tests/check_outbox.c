/*
 * check_outbox.c - the ring, and the messages that are left in it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "report.h"
#include "harness.h"

enum { SIZE = 64 };

static struct dsrv_ring_ends ends;
static char bytes[SIZE];
static struct dsrv_ring ring = { &ends, bytes, SIZE };
static size_t head;
static struct run run;

/*
 * The ring
 */

static int
put(const char *text)
{
	size_t tail = dsrv_ring_tail(&ring), length = strlen(text);

	if (dsrv_ring_room(&ring, tail) < length)
		return 0;
	dsrv_ring_store(&ring, tail, text, length);
	dsrv_ring_put(&ring, tail + length);
	return 1;
}

static void
takes(const char *text)
{
	char taken[SIZE + 1] = "";
	size_t length = dsrv_ring_fill(&ring, head);

	dsrv_ring_load(&ring, head, taken, length);
	head += length;
	dsrv_ring_take(&ring, head);
	ck_assert_str_eq(taken, text);
}

START_TEST(what_was_put_is_taken_in_order)
{
	takes("");
	ck_assert(put("one "));
	ck_assert(put("two"));
	takes("one two");
	takes("");
}
END_TEST

START_TEST(what_goes_over_the_end_of_the_ring_is_whole)
{
	char text[24];
	int i;

	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "the number of it is %d", i);
		ck_assert(put(text));
		takes(text);
	}
}
END_TEST

START_TEST(a_ring_takes_as_much_as_it_has_room_for_and_no_more)
{
	char all[SIZE + 1];

	memset(all, 'x', SIZE);
	all[SIZE] = '\0';
	ck_assert(put("x"));
	takes("x");
	ck_assert(put(all));
	ck_assert(!put("y"));
	takes(all);
	ck_assert(put("y"));
	takes("y");
}
END_TEST

START_TEST(what_was_copied_and_not_counted_is_not_there)
{
	ck_assert(put("one"));
	dsrv_ring_store(&ring, dsrv_ring_tail(&ring), "two", 3);
	takes("one");
	ck_assert(put("six"));
	takes("six");
}
END_TEST

/* A compromised process may leave such counts. */
START_TEST(wrong_counts_lead_nowhere_else)
{
	static const size_t wrong[] = { SIZE + 1, 1000000, (size_t)-1,
		(size_t)-SIZE, (size_t)1 << 31 };
	char taken[SIZE];
	int i;

	for (i = 0; i < DSRV_COUNT(wrong); i++) {
		ends.tail = wrong[i];
		ck_assert_uint_le(dsrv_ring_fill(&ring, 0), SIZE);
		dsrv_ring_load(&ring, 0, taken, dsrv_ring_fill(&ring, 0));
		ends.head = wrong[i];
		ck_assert_uint_le(dsrv_ring_room(&ring, 0), SIZE);
	}
}
END_TEST

/*
 * The outbox
 */

static int
leave(const char *line)
{
	return dsrv_outbox_write(line, strlen(line));
}

/* Tells the lines in a process that has the outbox as a logger. */
static void
tell_lines(void)
{
	char line[DSRV_OUTBOX_LINE_MAX + 1];
	size_t from[DSRV_OUTBOX_WRITERS] = { 0 }, next, length;
	int writer;

	dsrv_outbox_become(DSRV_OUTBOX_READER);
	for (writer = 0; writer < DSRV_OUTBOX_WRITERS; writer++) {
		while ((next = dsrv_outbox_read((enum dsrv_outbox_role)writer,
		    from[writer], line, &length)) > 0) {
			line[length] = '\0';
			tell(line, writer);
			from[writer] += next;
		}
		dsrv_outbox_have_read((enum dsrv_outbox_role)writer,
		    from[writer]);
	}
	tell("end", 0);
}

START_TEST(two_servers_at_once_leave_lines_each_whole)
{
	enum { LINES = 200 };
	static char line[DSRV_OUTBOX_LINE_MAX];
	pid_t servers[2];
	char text[32];
	int i, j;

	ck_assert_int_eq(dsrv_outbox_open(), 0);
	for (i = 0; i < 2; i++)
		if ((servers[i] = fork()) == 0) {
			dsrv_outbox_become(i == 0 ? DSRV_OUTBOX_SERVER :
			    DSRV_OUTBOX_OTHER_SERVER);
			for (j = 0; j < LINES; j++) {
				snprintf(line, sizeof line, "line-%d-%d\n", i,
				    j);
				if (leave(line) != 1)
					_exit(1);
			}
			_exit(0);
		}
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(ended(servers[i]), 0);
	run_start(&run, tell_lines);
	for (i = 0; i < 2; i++)
		for (j = 0; j < LINES; j++) {
			snprintf(text, sizeof text, "line-%d-%d", i, j);
			ck_assert_int_eq(heard(&run, text),
			    DSRV_OUTBOX_SERVER + i);
		}
	ck_assert_int_eq(heard(&run, "end"), 0);
	ck_assert_int_eq(run_wait(&run), 0);
}
END_TEST

START_TEST(the_logger_reads_what_master_and_servers_leave)
{
	pid_t server;
	int i;

	ck_assert_int_eq(dsrv_outbox_open(), 0);
	ck_assert(!dsrv_outbox_is_waiting());
	ck_assert_int_eq(leave("one\n"), 1);
	ck_assert_int_eq(leave("two\n"), 1);
	ck_assert(dsrv_outbox_is_waiting());
	for (i = 0; i < 2; i++) {	/* one server after another */
		if ((server = fork()) == 0) {
			dsrv_outbox_become(DSRV_OUTBOX_SERVER);
			_exit(leave(i == 0 ? "three\n" : "four\n") != 1);
		}
		ck_assert_int_eq(ended(server), 0);
	}
	run_start(&run, tell_lines);
	ck_assert_int_eq(heard(&run, "one"), DSRV_OUTBOX_MASTER);
	ck_assert_int_eq(heard(&run, "two"), DSRV_OUTBOX_MASTER);
	ck_assert_int_eq(heard(&run, "three"), DSRV_OUTBOX_SERVER);
	ck_assert_int_eq(heard(&run, "four"), DSRV_OUTBOX_SERVER);
	ck_assert_int_eq(heard(&run, "end"), 0);
	ck_assert_int_eq(run_wait(&run), 0);
	ck_assert(!dsrv_outbox_is_waiting());
}
END_TEST

/* The first two lines of the master are in the log. */
START_TEST(the_master_takes_back_what_is_not_in_the_log)
{
	char line[DSRV_OUTBOX_LINE_MAX + 1];
	pid_t other;

	ck_assert_int_eq(dsrv_outbox_open(), 0);
	ck_assert(!dsrv_outbox_take_back(DSRV_OUTBOX_MASTER, line));
	ck_assert_int_eq(leave("one\n"), 1);
	ck_assert_int_eq(leave("two\n"), 1);
	ck_assert_int_eq(leave("three\n"), 1);
	if ((other = fork()) == 0) {
		dsrv_outbox_become(DSRV_OUTBOX_SERVER);
		_exit(leave("four\n") != 1 ||
		    dsrv_outbox_take_back(DSRV_OUTBOX_SERVER, line));
	}
	ck_assert_int_eq(ended(other), 0);
	if ((other = fork()) == 0) {
		dsrv_outbox_become(DSRV_OUTBOX_READER);
		dsrv_outbox_have_read(DSRV_OUTBOX_MASTER, 8);
		_exit(dsrv_outbox_take_back(DSRV_OUTBOX_MASTER, line));
	}
	ck_assert_int_eq(ended(other), 0);
	ck_assert(dsrv_outbox_take_back(DSRV_OUTBOX_MASTER, line));
	ck_assert_str_eq(line, "three");
	ck_assert(!dsrv_outbox_take_back(DSRV_OUTBOX_MASTER, line));
	ck_assert(dsrv_outbox_take_back(DSRV_OUTBOX_SERVER, line));
	ck_assert_str_eq(line, "four");
	ck_assert(!dsrv_outbox_is_waiting());
}
END_TEST

START_TEST(a_message_that_has_no_room_is_refused_whole)
{
	char line[DSRV_REPORT_MAX];
	int count = 0;

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\0';
	line[sizeof line - 2] = '\n';
	ck_assert_int_eq(dsrv_outbox_open(), 0);
	while (leave(line) == 1)
		count++;
	ck_assert_int_ge(count, 16);
	ck_assert_int_eq(leave(line), 0);
}
END_TEST

/* Children of a master or server do not have its memory: either none at all, or
 * not after the library has forked them. */
static void
try_outbox(void)
{
	char line[DSRV_OUTBOX_LINE_MAX];
	size_t length;

	tell("write", leave("child\n"));
	tell("waits", dsrv_outbox_is_waiting());
	tell("read", (long)dsrv_outbox_read(DSRV_OUTBOX_MASTER, 0, line,
	    &length));
}

START_TEST(a_child_has_no_outbox)
{
	ck_assert_int_eq(dsrv_outbox_open(), 0);
	ck_assert_int_eq(leave("one\n"), 1);
	run_start(&run, try_outbox);
	ck_assert_int_eq(heard(&run, "write"), -1);
	ck_assert_int_eq(heard(&run, "waits"), 0);
	ck_assert_int_eq(heard(&run, "read"), 0);
	ck_assert_int_eq(run_wait(&run), 0);
	dsrv_outbox_close();
	ck_assert_int_eq(leave("two\n"), -1);
	run_start(&run, try_outbox);
	ck_assert_int_eq(heard(&run, "write"), -1);
	ck_assert_int_eq(run_wait(&run), 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		what_was_put_is_taken_in_order,
		what_goes_over_the_end_of_the_ring_is_whole,
		a_ring_takes_as_much_as_it_has_room_for_and_no_more,
		what_was_copied_and_not_counted_is_not_there,
		wrong_counts_lead_nowhere_else,
		the_logger_reads_what_master_and_servers_leave,
		two_servers_at_once_leave_lines_each_whole,
		the_master_takes_back_what_is_not_in_the_log,
		a_message_that_has_no_room_is_refused_whole,
		a_child_has_no_outbox
	};

	return RUN_TESTS("outbox", tests);
}
