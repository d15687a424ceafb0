/*
 * check_birth.c - a new worker waits until its server knows it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <poll.h>

#include "role.h"
#include "workers.h"
#include "harness.h"

enum { MANY_WORDS = 200000 };	/* more than a pipe holds */

static int from_child, to_test;	/* a byte when it is released */
static int from_newborn;	/* the status pipe's read end */

static void
open_pipes(void)
{
	int ends[2], to_master;

	ck_assert_int_eq(pipe(ends), 0);
	from_child = ends[0];
	to_test = ends[1];
	ck_assert_int_eq(dsrv_statuspipe_open(&from_newborn, &to_master), 0);
	dsrv_role_hold(DSRV_TO_PARENT, to_master);
}

/* Makes this process the server. */
static void
open_births(void)
{
	open_pipes();
	ck_assert_int_eq(dsrv_birth_open(), 0);
}

/* Forks a worker of that birth, which tells the test when it is released. */
static pid_t
fork_child(unsigned birth, pid_t server)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(from_newborn);
	dsrv_birth_wait(birth, server);
	_exit(write(to_test, "", 1) != 1);
}

/* Whether a child has been released. */
static int
has_come_through(int wait)
{
	struct pollfd one = { .fd = from_child, .events = POLLIN };
	char byte;

	return poll(&one, 1, wait) == 1 && read(from_child, &byte, 1) == 1;
}

static void
waits(pid_t pid)
{
	settled(pid);	/* it sleeps nowhere but in its birth */
	ck_assert(!has_come_through(0));
}

static void
comes_through(pid_t pid)
{
	ck_assert(has_come_through(DEADLINE * 1000));
	ck_assert_int_eq(ended(pid), 0);
}

static enum dsrv_status_word
word_to_master(int *number)
{
	return dsrv_statuspipe_hear(from_newborn, number);
}

START_TEST(birth_is_over_when_the_server_has_released_the_child)
{
	unsigned birth;
	pid_t pid;
	int i, number;

	open_births();
	for (i = 0; i < 20; i++) {
		birth = dsrv_birth_begin();
		waits(pid = fork_child(birth, getpid()));
		dsrv_birth_release(birth);
		comes_through(pid);
	}
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_NOTHING);
	dsrv_birth_close();
}
END_TEST

START_TEST(birth_may_be_over_before_the_child_looks)
{
	unsigned birth;

	open_births();
	birth = dsrv_birth_begin();
	dsrv_birth_release(birth);
	comes_through(fork_child(birth, getpid()));
	dsrv_birth_close();
}
END_TEST

START_TEST(births_are_released_by_their_own_number_and_later_ones)
{
	unsigned first, second, third;
	pid_t pids[2];

	open_births();
	first = dsrv_birth_begin();
	second = dsrv_birth_begin();
	third = dsrv_birth_begin();
	pids[0] = fork_child(second, getpid());
	waits(pids[0]);
	dsrv_birth_release(first);
	waits(pids[0]);
	dsrv_birth_release(second);
	comes_through(pids[0]);
	pids[0] = fork_child(third, getpid());
	pids[1] = fork_child(dsrv_birth_begin(), getpid());
	waits(pids[0]);
	waits(pids[1]);
	dsrv_birth_release(dsrv_birth_begin());
	ck_assert(has_come_through(DEADLINE * 1000));
	ck_assert(has_come_through(DEADLINE * 1000));
	ck_assert_int_eq(ended(pids[0]), 0);
	ck_assert_int_eq(ended(pids[1]), 0);
	dsrv_birth_close();
}
END_TEST

/* The server forks a worker and dies. */
static void
die_as_server(int to_tester, int releases)
{
	unsigned birth;
	pid_t child;

	if (dsrv_birth_open() == -1)
		_exit(1);
	birth = dsrv_birth_begin();
	if (releases)
		dsrv_birth_release(birth);
	child = fork_child(birth, getpid());
	if (write(to_tester, &child, sizeof child) != sizeof child)
		_exit(1);
	raise(SIGKILL);
}

/* Starts a server that forks a worker and dies; returns the worker's pid. */
static pid_t
child_of_a_server_that_dies(int releases)
{
	int ends[2];
	pid_t server, child = 0;

	ck_assert_int_eq(pipe(ends), 0);
	if ((server = fork()) == 0)
		die_as_server(ends[1], releases);
	ck_assert_int_eq(read(ends[0], &child, sizeof child), sizeof child);
	ck_assert_int_eq(ended(server), SIGKILL);
	return child;
}

START_TEST(a_child_whose_server_has_died_tells_the_master_and_goes_on)
{
	pid_t pid;
	int number = 0;

	open_pipes();
	pid = child_of_a_server_that_dies(0);
	comes_through(pid);
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_ORPHAN);
	ck_assert_int_eq(number, pid);
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_NOTHING);
}
END_TEST

START_TEST(a_child_whose_server_has_died_and_that_nobody_hears_ends)
{
	pid_t pid;

	open_pipes();
	close(from_newborn);
	pid = child_of_a_server_that_dies(0);
	ck_assert_int_eq(WEXITSTATUS(ended(pid)), 1);
	ck_assert(!has_come_through(0));
}
END_TEST

START_TEST(a_child_that_was_released_says_nothing_when_its_server_dies)
{
	int number;

	open_pipes();
	comes_through(child_of_a_server_that_dies(1));
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_NOTHING);
}
END_TEST

/* An untrusted process may write three bytes, or words that do not exist. */
START_TEST(only_a_word_is_heard_as_one_and_only_the_end_as_the_end)
{
	static const int words[] = { DSRV_STATUS_NOTHING, DSRV_STATUS_GONE,
		DSRV_STATUS_ORPHAN + 1, -1 };
	int32_t said[2] = { 0, 5 };
	int i, number = 7;

	open_pipes();
	ck_assert_int_eq(write(dsrv_role()->held[DSRV_TO_PARENT], "abc", 3), 3);
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_NOTHING);
	for (i = 0; i < DSRV_COUNT(words); i++) {
		said[0] = words[i];
		ck_assert_int_eq(write(dsrv_role()->held[DSRV_TO_PARENT], said,
		    sizeof said), sizeof said);
		ck_assert_int_eq(word_to_master(&number),
		    DSRV_STATUS_NOTHING);
	}
	ck_assert_int_eq(number, 7);
	ck_assert_int_eq(dsrv_statuspipe_say(DSRV_STATUS_ASKED, 3), 0);
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_ASKED);
	ck_assert_int_eq(number, 3);
	dsrv_role_leave(DSRV_TO_PARENT);
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_GONE);
}
END_TEST

/* The master may be stopped. */
START_TEST(a_reload_is_asked_for_even_if_nobody_listens_to_the_pipe)
{
	enum dsrv_status_word word;
	int i, number, heard = 0;

	open_pipes();
	for (i = 0; i < MANY_WORDS; i++)
		dsrv_statuspipe_say(DSRV_STATUS_RELOAD, 0);
	while ((word = word_to_master(&number)) != DSRV_STATUS_NOTHING) {
		hold(word == DSRV_STATUS_RELOAD, "word %d", (int)word);
		heard++;
	}
	ck_assert_int_gt(heard, 0);
	ck_assert_int_lt(heard, MANY_WORDS);
	ck_assert_int_eq(dsrv_statuspipe_say(DSRV_STATUS_ASKED, 3), 0);
	ck_assert_int_eq(word_to_master(&number), DSRV_STATUS_ASKED);
}
END_TEST

/* How many mappings a child could write for other processes to read. */
static int
make_writable(void)
{
	unsigned long start, end;
	char line[512], rights[8];
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	if (maps == NULL)
		return -1;
	while (fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3 &&
		    rights[3] == 's')
			count += mprotect((void *)start, end - start,
			    PROT_READ | PROT_WRITE) == 0;
	fclose(maps);
	return count;
}

START_TEST(a_child_that_goes_on_cannot_release_others)
{
	unsigned birth;
	pid_t pid;

	open_births();
	birth = dsrv_birth_begin();
	dsrv_birth_release(birth);
	if ((pid = fork()) == 0) {
		dsrv_memory_forked();	/* as in a fork by the loop */
		dsrv_birth_wait(birth, getppid());
		_exit(make_writable());
	}
	ck_assert_int_eq(ended(pid), 0);
	dsrv_birth_close();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		birth_is_over_when_the_server_has_released_the_child,
		birth_may_be_over_before_the_child_looks,
		births_are_released_by_their_own_number_and_later_ones,
		a_child_whose_server_has_died_tells_the_master_and_goes_on,
		a_child_whose_server_has_died_and_that_nobody_hears_ends,
		a_child_that_was_released_says_nothing_when_its_server_dies,
		only_a_word_is_heard_as_one_and_only_the_end_as_the_end,
		a_reload_is_asked_for_even_if_nobody_listens_to_the_pipe,
		a_child_that_goes_on_cannot_release_others
	};

	return RUN_TESTS("birth", tests);
}
