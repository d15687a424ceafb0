/*
 * check_slots.c - the page in which spares say that they wait
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>
#include <stdint.h>

#include "spares.h"
#include "harness.h"

enum { WANTED = 4, SLOTS = 2 * WANTED, BUSY = 16, KNOWN = 1000 };

static struct dsrv_children children;

/* A page for this many children, whose pids begin at KNOWN. */
static void
open_slots(int count)
{
	int i;

	ck_assert_int_eq(dsrv_slots_open(WANTED, 100), 0);
	ck_assert_int_eq(dsrv_children_open(&children, NULL), 0);
	for (i = 0; i < count; i++)
		ck_assert_int_eq(dsrv_children_add(&children, KNOWN + i, 0), 0);
}

static void
close_slots(void)
{
	dsrv_children_close(&children);
	dsrv_slots_close();
}

/* Takes all free slots; returns how many there were. */
static int
free_slots(void)
{
	int count = 0;

	while (dsrv_slots_take(1) != -1)
		count++;
	return count;
}

/* Fills each slot, as a compromised worker can. */
static void
fill(pid_t (*pid_for)(int))
{
	int slot;

	for (slot = 0; slot < SLOTS; slot++)
		dsrv_slots_give(slot, pid_for(slot));
}

static pid_t
one_of_nobody(int slot)
{
	static const pid_t pids[] = { INT_MAX, INT_MIN, 0x7ffffff0, -1, -2,
		1, KNOWN - 1, 77 << 24 };

	return pids[slot];
}

static pid_t
the_same_child(int slot)
{
	return KNOWN + 0 * slot;
}

static pid_t
another_child(int slot)
{
	return KNOWN + slot;
}

START_TEST(slots_are_twice_as_many_as_are_to_wait)
{
	open_slots(0);
	ck_assert_int_eq(free_slots(), SLOTS);
	close_slots();
}
END_TEST

START_TEST(slots_are_no_more_than_there_may_be_workers)
{
	ck_assert_int_eq(dsrv_slots_open(10, 3), 0);
	ck_assert_int_eq(free_slots(), 3);
	dsrv_slots_close();
	ck_assert_int_eq(dsrv_slots_open(2, 3), 0);
	ck_assert_int_eq(free_slots(), 3);
	dsrv_slots_close();
	ck_assert_int_eq(dsrv_slots_open(1, 1), 0);
	ck_assert_int_eq(free_slots(), 1);
	dsrv_slots_close();
}
END_TEST

START_TEST(slots_are_more_for_a_busy_server)
{
	int i;

	open_slots(0);
	ck_assert_int_eq(free_slots(), SLOTS);
	ck_assert_int_eq(dsrv_slots_reserve(), -1);
	dsrv_slots_adapt(1);
	dsrv_slots_adapt(1);
	for (i = SLOTS; i < BUSY; i++)
		ck_assert_int_eq(dsrv_slots_reserve(), i);
	ck_assert_int_eq(dsrv_slots_reserve(), -1);
	close_slots();
}
END_TEST

/* How many must wait to be enough. */
static int
enough(void)
{
	int i, slot[BUSY], count = 0;

	while (!dsrv_slots_enough_wait())
		slot[count++] = dsrv_slots_reserve();
	for (i = 0; i < count; i++)
		dsrv_slots_release(slot[i]);
	return count;
}

START_TEST(slots_want_more_while_clients_wait_and_fewer_after)
{
	static const int clients[] = { 0, 1, 1, 1, 0, 1, 0, 0, 0 };
	static const int wanted[] = { 4, 8, 16, 16, 8, 16, 8, 4, 4 };
	size_t i;

	open_slots(0);
	for (i = 0; i < sizeof clients / sizeof *clients; i++) {
		dsrv_slots_adapt(clients[i]);
		ck_assert_int_eq(enough(), wanted[i]);
	}
	dsrv_slots_fail(0);	/* nor would more spares accept */
	dsrv_slots_adapt(1);
	ck_assert_int_eq(enough(), WANTED);
	close_slots();
}
END_TEST

START_TEST(slots_say_whether_few_or_enough_wait)
{
	int i, slot[SLOTS];

	open_slots(0);
	for (i = 0; i < SLOTS; i++) {
		ck_assert_int_eq(dsrv_slots_any_wait(), i > 0);
		ck_assert_int_eq(dsrv_slots_few_wait(), i <= WANTED / 2);
		ck_assert_int_eq(dsrv_slots_enough_wait(), i >= WANTED);
		ck_assert_int_eq(dsrv_slots_too_many_wait(), i > WANTED);
		slot[i] = dsrv_slots_take(KNOWN + i);
	}
	for (i = 0; i < SLOTS; i++)
		dsrv_slots_release(slot[i]);
	ck_assert(dsrv_slots_few_wait() && !dsrv_slots_enough_wait());
	close_slots();
}
END_TEST

START_TEST(slots_that_are_reserved_count_until_there_was_no_fork)
{
	int slot[WANTED], i;

	open_slots(0);
	for (i = 0; i < WANTED; i++)
		slot[i] = dsrv_slots_reserve();
	ck_assert(dsrv_slots_enough_wait());
	dsrv_slots_give(slot[0], -1);
	ck_assert(!dsrv_slots_enough_wait());
	dsrv_slots_give(slot[1], KNOWN);
	ck_assert_int_eq(dsrv_slots_lose(KNOWN), 1);
	ck_assert_int_eq(free_slots(), SLOTS - WANTED + 2);
	close_slots();
}
END_TEST

START_TEST(slots_of_one_that_has_ended_are_free)
{
	open_slots(0);
	dsrv_slots_take(KNOWN);
	dsrv_slots_take(KNOWN + 1);
	ck_assert_int_eq(dsrv_slots_lose(KNOWN + 2), 0);
	ck_assert_int_eq(dsrv_slots_lose(KNOWN), 1);
	ck_assert_int_eq(dsrv_slots_lose(KNOWN), 0);
	ck_assert_int_eq(free_slots(), SLOTS - 1);
	close_slots();
}
END_TEST

START_TEST(slots_are_shared_with_children)
{
	pid_t pid;

	open_slots(0);
	if ((pid = fork()) == 0)
		_exit(dsrv_slots_take(getpid()));
	ck_assert_int_eq(ended(pid), 0);
	ck_assert_int_eq(dsrv_slots_lose(pid), 1);
	close_slots();
}
END_TEST

START_TEST(slots_of_no_child_are_freed_by_an_audit)
{
	open_slots(SLOTS);
	fill(one_of_nobody);
	ck_assert(dsrv_slots_enough_wait());
	dsrv_slots_audit(&children);
	ck_assert_int_eq(free_slots(), SLOTS);
	close_slots();
}
END_TEST

START_TEST(slots_that_one_child_has_twice_are_freed_by_an_audit)
{
	int i;

	open_slots(SLOTS);
	for (i = 0; i < 3; i++) {	/* none spoils those that follow */
		fill(the_same_child);
		dsrv_slots_audit(&children);
		ck_assert_int_eq(free_slots(), SLOTS - 1);
	}
	close_slots();
}
END_TEST

START_TEST(slots_of_different_children_are_left_by_an_audit)
{
	open_slots(SLOTS);
	fill(another_child);
	dsrv_slots_audit(&children);
	dsrv_slots_audit(&children);
	ck_assert_int_eq(free_slots(), 0);
	close_slots();
}
END_TEST

START_TEST(slots_have_one_call_where_few_wait_and_it_is_allowed)
{
	open_slots(0);
	ck_assert(!dsrv_slots_call());
	dsrv_slots_allow_call(DSRV_CALL_IF_FEW);
	ck_assert(dsrv_slots_call());
	ck_assert(!dsrv_slots_call());
	dsrv_slots_allow_call(DSRV_CALL_IF_FEW);
	fill(another_child);
	ck_assert(!dsrv_slots_call());
	dsrv_slots_audit(&children);	/* the list of children is empty */
	ck_assert(dsrv_slots_call());
	close_slots();
}
END_TEST

START_TEST(slots_have_one_call_where_none_waits_if_that_is_asked)
{
	int slot;

	open_slots(0);
	slot = dsrv_slots_take(getpid());
	dsrv_slots_allow_call(DSRV_CALL_IF_NONE);
	ck_assert(!dsrv_slots_call());
	dsrv_slots_release(slot);
	ck_assert(dsrv_slots_call());
	ck_assert(!dsrv_slots_call());
	close_slots();
}
END_TEST

START_TEST(slots_say_once_that_accepting_fails_until_it_works_there)
{
	open_slots(0);
	ck_assert(dsrv_slots_fail(0));
	ck_assert(!dsrv_slots_fail(0));
	dsrv_slots_work(1);
	ck_assert(!dsrv_slots_fail(0));
	ck_assert(!dsrv_slots_fail(1));
	dsrv_slots_work(0);
	ck_assert(!dsrv_slots_fail(1));
	dsrv_slots_work(1);
	ck_assert(dsrv_slots_fail(1));
	close_slots();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		slots_are_twice_as_many_as_are_to_wait,
		slots_are_no_more_than_there_may_be_workers,
		slots_are_more_for_a_busy_server,
		slots_want_more_while_clients_wait_and_fewer_after,
		slots_say_whether_few_or_enough_wait,
		slots_that_are_reserved_count_until_there_was_no_fork,
		slots_of_one_that_has_ended_are_free,
		slots_are_shared_with_children,
		slots_of_no_child_are_freed_by_an_audit,
		slots_that_one_child_has_twice_are_freed_by_an_audit,
		slots_of_different_children_are_left_by_an_audit,
		slots_have_one_call_where_few_wait_and_it_is_allowed,
		slots_have_one_call_where_none_waits_if_that_is_asked,
		slots_say_once_that_accepting_fails_until_it_works_there
	};

	return RUN_TESTS("slots", tests);
}
