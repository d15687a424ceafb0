/*
 * check_children.c - the table of children against a plain list of pids
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <netinet/in.h>

#include "loop.h"
#include "harness.h"

enum {
	OPERATIONS = 200000,
	KNOWN = 6000,		/* the pids that operations choose from */
	CHAINS = 40,		/* groups of them that collide in the table */
	CAPACITY = DSRV_WORKERS_MAX + 8
};

static struct dsrv_children children;
static struct dsrv_roster given;

static pid_t known[KNOWN];
static int there[KNOWN];	/* the reference: of known[i] */

static uint64_t seed = 20240611;

/* The same numbers on every system (xorshift). */
static int
any(int below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int)(seed % (uint64_t)below);
}

static void
open_table(struct dsrv_roster *roster)
{
	ck_assert_int_eq(dsrv_children_open(&children, roster), 0);
	ck_assert_int_eq(dsrv_children_count(&children), 0);
}

static int
known_already(pid_t pid, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (known[i] == pid)
			return 1;
	return 0;
}

/* Neighbours, as on a busy system; strangers; and pids that differ only in
 * their high bits, which a table by remainder takes for one. */
static void
choose_pids(void)
{
	pid_t pid;
	int i;

	for (i = 0; i < KNOWN; i++) {
		do {
			if (i < KNOWN / 3)
				pid = 1000 + i;
			else if (i < KNOWN / 3 * 2)
				pid = 2 + any(4194302);
			else
				pid = 77 + i % CHAINS + (any(127) << 24);
		} while (known_already(pid, i));
		known[i] = pid;
		there[i] = 0;
	}
}

static int
reference_count(void)
{
	int i, count = 0;

	for (i = 0; i < KNOWN; i++)
		count += there[i];
	return count;
}

static int
compare_pids(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;

	return (left > right) - (left < right);
}

/* Every other child has a time. */
static int64_t
time_of(pid_t pid)
{
	return pid % 2 != 0 ? pid : 0;
}

/* Each expected child is in the table once, with its time, and no other is. */
static void
agrees_with_the_reference(void)
{
	static pid_t listed[KNOWN], expected[KNOWN];
	int i, n = 0, wrong = 0, count = dsrv_children_count(&children);

	ck_assert_int_eq(count, reference_count());
	for (i = 0; i < count; i++) {
		listed[i] = dsrv_children_at(&children, i);
		wrong += dsrv_children_until(&children, i) !=
		    time_of(listed[i]);
	}
	for (i = 0; i < KNOWN; i++) {
		wrong += dsrv_children_has(&children, known[i]) != there[i];
		if (there[i])
			expected[n++] = known[i];
	}
	ck_assert_int_eq(wrong, 0);
	qsort(listed, (size_t)n, sizeof listed[0], compare_pids);
	qsort(expected, (size_t)n, sizeof expected[0], compare_pids);
	ck_assert_int_eq(memcmp(listed, expected,
	    (size_t)n * sizeof listed[0]), 0);
}

/* Whether the answer is the reference's. It is not asserted here: an assertion
 * costs a system call, and there are many operations. */
static int
one_operation(int additions)
{
	int i = any(KNOWN), other = any(KNOWN), right;

	if (any(100) < additions) {
		right = dsrv_children_add(&children, known[i], 0) == 0;
		if (time_of(known[i]) != 0)
			dsrv_children_set_until(&children, known[i],
			    time_of(known[i]));
		there[i] = 1;
	} else {
		right = dsrv_children_remove(&children, known[i], NULL) == there[i];
		there[i] = 0;
	}
	return right &&
	    dsrv_children_has(&children, known[other]) == there[other];
}

START_TEST(children_are_as_in_a_plain_list_after_any_operations)
{
	int i, additions = 50;

	choose_pids();
	open_table(NULL);
	for (i = 0; i < OPERATIONS; i++) {
		if (i % 20000 == 0)	/* it fills, then empties */
			additions = i / 20000 % 2 == 0 ? 80 : 20;
		if (!one_operation(additions))
			ck_abort_msg("operation %d went wrong", i);
		if (i % 2000 == 0)
			agrees_with_the_reference();
	}
	agrees_with_the_reference();
	dsrv_children_close(&children);
}
END_TEST

START_TEST(children_keep_a_pid_that_is_added_twice_once)
{
	open_table(NULL);
	ck_assert_int_eq(dsrv_children_add(&children, 4711, 0), 0);
	ck_assert_int_eq(dsrv_children_add(&children, 4711, 0), 0);
	ck_assert_int_eq(dsrv_children_count(&children), 1);
	ck_assert_int_ne(dsrv_children_remove(&children, 4711, NULL), 0);
	ck_assert_int_eq(dsrv_children_count(&children), 0);
	ck_assert(!dsrv_children_has(&children, 4711));
	ck_assert_int_eq(dsrv_children_remove(&children, 4711, NULL), 0);
	dsrv_children_close(&children);
}
END_TEST

START_TEST(children_close_the_gap_with_the_last_one)
{
	open_table(NULL);
	dsrv_children_add(&children, 11, 0);
	dsrv_children_add(&children, 12, 0);
	dsrv_children_add(&children, 13, 0);
	dsrv_children_add(&children, 14, 0);
	ck_assert_int_ne(dsrv_children_remove(&children, 12, NULL), 0);
	ck_assert_int_eq(dsrv_children_count(&children), 3);
	ck_assert_int_eq(dsrv_children_at(&children, 0), 11);
	ck_assert_int_eq(dsrv_children_at(&children, 1), 14);
	ck_assert_int_eq(dsrv_children_at(&children, 2), 13);
	ck_assert_int_ne(dsrv_children_remove(&children, 14, NULL), 0);
	ck_assert_int_eq(dsrv_children_at(&children, 1), 13);
	ck_assert_int_ne(dsrv_children_remove(&children, 13, NULL), 0);
	ck_assert_int_ne(dsrv_children_remove(&children, 11, NULL), 0);
	ck_assert_int_eq(dsrv_children_count(&children), 0);
	dsrv_children_close(&children);
}
END_TEST

/* The capacity is one more than the most workers: a master has a server,
 * too. */
START_TEST(children_say_when_there_is_no_more_room)
{
	int i, wrong = 0;

	open_table(NULL);
	for (i = 0; i < CAPACITY; i++)
		wrong += dsrv_children_add(&children, 100 + i, 0) != 0;
	ck_assert_int_eq(wrong, 0);
	ck_assert_int_eq(dsrv_children_count(&children), CAPACITY);
	ck_assert_int_eq(dsrv_children_add(&children, 99, 0), -1);
	ck_assert(!dsrv_children_has(&children, 99));
	ck_assert_int_eq(dsrv_children_count(&children), CAPACITY);
	ck_assert_int_eq(dsrv_children_add(&children, 100, 0), 0);

	for (i = 0; i < CAPACITY; i++)
		wrong += !dsrv_children_has(&children, 100 + i);
	ck_assert_int_eq(wrong, 0);
	ck_assert_int_ne(dsrv_children_remove(&children, 5000, NULL), 0);
	ck_assert_int_eq(dsrv_children_add(&children, 99, 0), 0);
	ck_assert(dsrv_children_has(&children, 99));
	ck_assert(!dsrv_children_has(&children, 5000));
	for (i = 0; i < CAPACITY; i++)
		wrong += dsrv_children_remove(&children, 100 + i, NULL) !=
		    (100 + i != 5000);
	ck_assert_int_eq(wrong, 0);
	ck_assert_int_eq(dsrv_children_count(&children), 1);
	ck_assert_int_eq(dsrv_children_at(&children, 0), 99);
	dsrv_children_close(&children);
}
END_TEST

START_TEST(children_find_none_in_an_empty_table)
{
	open_table(NULL);
	ck_assert(!dsrv_children_has(&children, 0));
	ck_assert(!dsrv_children_has(&children, 1));
	ck_assert(!dsrv_children_has(&children, -1));
	ck_assert(!dsrv_children_has(&children, INT32_MAX));
	ck_assert_int_eq(dsrv_children_remove(&children, 2, NULL), 0);
	dsrv_children_close(&children);
}
END_TEST

START_TEST(children_are_written_to_a_roster_that_was_given)
{
	int i, found = 0;

	memset(&given, 0, sizeof given);
	given.pulse = 3;
	open_table(&given);
	for (i = 0; i < 1000; i++)
		dsrv_children_add(&children, 2 + i * 7, 0);
	for (i = 0; i < 1000; i += 2)
		dsrv_children_remove(&children, 2 + i * 7, NULL);
	ck_assert_int_eq(given.count, 500);
	for (i = 0; i < given.count; i++)
		found += given.pids[i] == dsrv_children_at(&children, i) &&
		    (given.pids[i] - 2) % 14 == 7;
	ck_assert_int_eq(found, 500);
	ck_assert_int_eq(given.pulse, 3);

	/* The list belongs to the caller and outlives the table. */
	dsrv_children_close(&children);
	ck_assert_int_eq(given.count, 500);
}
END_TEST

START_TEST(children_that_are_helpers_are_not_workers)
{
	struct dsrv_child gone;
	int i, wrong = 0;

	memset(&given, 0, sizeof given);
	open_table(&given);
	for (i = 0; i < 100; i++)
		dsrv_children_add(&children, 2 + i, i % 4 == 0);
	ck_assert_int_eq(dsrv_children_workers(&given), 75);
	dsrv_children_add(&children, 2, 1);	/* it is there already */
	for (i = 0; i < 100; i += 3) {
		wrong += !dsrv_children_remove(&children, 2 + i, &gone);
		wrong += gone.is_helper != (i % 4 == 0);
	}
	ck_assert_int_eq(dsrv_children_workers(&given), 50);
	for (i = 0; i < given.count; i++) {
		dsrv_children_read(&given, i, &gone);
		wrong += gone.is_helper != (given.pids[i] % 4 == 2);
	}
	ck_assert_int_eq(wrong, 0);

	/* Another process may write anything. */
	given.helpers = given.count + 1;
	ck_assert_int_eq(dsrv_children_workers(&given), 0);
	given.helpers = INT_MIN;
	ck_assert_int_eq(dsrv_children_workers(&given), 0);
	dsrv_children_forget(&given);
	ck_assert_int_eq(dsrv_children_listed(&given), 0);
	ck_assert_int_eq(dsrv_children_workers(&given), 0);
	dsrv_children_close(&children);
}
END_TEST

START_TEST(children_read_of_another_process_may_be_anything)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct dsrv_child told, *child;
	char text[DSRV_ADDRESS_TEXT];

	memset(&given, 0, sizeof given);
	open_table(&given);
	dsrv_children_add(&children, 4711, 0);
	child = dsrv_children_record(&children, 4711);
	addr.sin_port = htons(77);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	dsrv_address_keep(&child->client, (struct sockaddr *)&addr,
	    sizeof addr);
	child->since = 5;
	dsrv_children_read(&given, 0, &told);
	dsrv_address_text(text, &told.client);
	ck_assert_str_eq(text, "127.0.0.1:77");
	ck_assert_int_eq(told.since, 5);

	memset(child, 0xff, sizeof *child);
	dsrv_children_read(&given, 0, &told);
	ck_assert_uint_le(told.client.len, sizeof told.client.as);
	ck_assert_int_eq(told.since, 0);
	ck_assert_int_eq(told.is_helper, 1);
	dsrv_children_close(&children);
}
END_TEST

START_TEST(children_of_another_process_are_not_more_than_there_is_room_for)
{
	given.count = 3;
	ck_assert_int_eq(dsrv_children_listed(&given), 3);
	given.count = INT_MAX;
	ck_assert_int_eq(dsrv_children_listed(&given),
	    DSRV_COUNT(given.pids));
	given.count = INT_MIN;
	ck_assert_int_eq(dsrv_children_listed(&given), 0);
	given.count = 0;
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		children_are_as_in_a_plain_list_after_any_operations,
		children_keep_a_pid_that_is_added_twice_once,
		children_close_the_gap_with_the_last_one,
		children_say_when_there_is_no_more_room,
		children_find_none_in_an_empty_table,
		children_are_written_to_a_roster_that_was_given,
		children_that_are_helpers_are_not_workers,
		children_read_of_another_process_may_be_anything,
		children_of_another_process_are_not_more_than_there_is_room_for
	};

	return RUN_TESTS("children", tests);
}
