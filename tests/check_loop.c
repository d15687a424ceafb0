/*
 * check_loop.c - signals, children, descriptors and deadlines, one at a time
 *
 * The loop runs in the test process itself. Its children only wait, exit or
 * die; they assert nothing.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "loop.h"
#include "harness.h"

enum {
	MANY = 20000,	/* more signals than the pipe of a loop holds */
	PIPE_FULL = 8192,	/* exactly what Linux's pipe holds */
	CROWD = 60,	/* children */
	HELD = 150,
	ENOUGH = 50000	/* events in which everything must have been told */
};

enum { TIMER = 8, TAGS };	/* each descriptor has the next tag from 0 on */

static struct dsrv_loop loop;
static int watched[TIMER];
static int watched_count;
static int waits;		/* calls of waitpid(2) */
static pid_t held[HELD];	/* children, the oldest first */
static int older_count;		/* this many count as older */
static int waits_for_older;
static int waits_that_fail;	/* this many of the next fail, ... */
static int wait_error;		/* ... with this */
static int to_loop, from_test;	/* a test makes this pipe ready */

/*
 * The loop that is tested
 */

static void
open_loop_of(enum dsrv_reap reap)
{
	ck_assert_int_eq(dsrv_loop_open(&loop, TAGS, reap, NULL, NULL), 0);
	watched_count = 0;
}

static void
open_loop(void)
{
	open_loop_of(DSRV_REAP_FORKED);
}

static void
make_pipe(int *read_end, int *write_end)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	*read_end = ends[0];
	*write_end = ends[1];
}

/* Watches a descriptor; returns its tag. */
static int
watch(int fd, int events)
{
	ck_assert_int_lt(watched_count, TIMER);
	dsrv_loop_watch(&loop, watched_count, fd, events);
	watched[watched_count] = fd;
	return watched_count++;
}

/* Watches a pipe that is readable from the start and is never emptied. */
static int
watch_ready_pipe(void)
{
	int read_end, write_end;

	make_pipe(&read_end, &write_end);
	ck_assert_int_eq(write(write_end, "x", 1), 1);
	return watch(read_end, POLLIN);
}

static void
at_latest_in(int ms)
{
	dsrv_loop_set_timer(&loop, TIMER, dsrv_clock_now() + ms);
}

/* The next event that is not SIGCHLD, which only says that the loop may
 * look. */
static enum dsrv_event
next(void)
{
	enum dsrv_event event;

	do
		event = dsrv_loop_next(&loop);
	while (event == DSRV_EVENT_SIGNAL && loop.signo == SIGCHLD);
	return event;
}

/* Waits for an event of that kind; it must be among the next ones. */
static void
next_is_soon(enum dsrv_event wanted, int most)
{
	int count = 0;

	while (next() != wanted)
		ck_assert_msg(++count < most, "not among %d events", most);
}

static void
tells_signal(int signo)
{
	at_latest_in(DEADLINE * 1000);
	ck_assert_int_eq(next(), DSRV_EVENT_SIGNAL);
	ck_assert_int_eq(loop.signo, signo);
}

/* Asserts that all rounds that had something to tell are over. */
static void
tells_nothing_more(void)
{
	at_latest_in(0);
	ck_assert_int_eq(next(), DSRV_EVENT_TIMER);
	at_latest_in(0);
	ck_assert_int_eq(next(), DSRV_EVENT_TIMER);
	ck_assert_int_eq(loop.tag, TIMER);
}

static void
tells_end_of(pid_t pid, int status)
{
	at_latest_in(DEADLINE * 1000);
	ck_assert_int_eq(next(), DSRV_EVENT_CHILD);
	ck_assert_int_eq(loop.ended.pid, pid);
	ck_assert_int_eq(loop.ended.status, status);
}

/*
 * Children
 */

/* A child waits for the test to close its end of the pipe, or for a signal. */
static void
wait_for_test(void)
{
	char c;

	close(to_loop);
	while (read(from_test, &c, 1) == -1)
		;
	_exit(0);
}

static void
let_children_wait(void)
{
	make_pipe(&from_test, &to_loop);
}

static void
let_children_go(void)
{
	close(to_loop);
	close(from_test);
}

static pid_t
fork_waiting(void)
{
	pid_t pid = dsrv_loop_fork(&loop);

	if (pid == 0)
		wait_for_test();
	ck_assert_int_gt(pid, 0);
	return pid;
}

static pid_t
fork_exiting(int status)
{
	pid_t pid = dsrv_loop_fork(&loop);

	if (pid == 0)
		_exit(status);
	ck_assert_int_gt(pid, 0);
	return pid;
}

/* Forks a child without telling the loop, as the program itself may. */
static pid_t
fork_stranger(int status)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (status == -1)
			wait_for_test();
		_exit(status);
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

/* Waits for the end of a child, and leaves its status to the loop. */
static void
has_ended(pid_t pid)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == -1)
		ck_assert_int_eq(errno, EINTR);
}

static void
block(int signo)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signo);
	sigprocmask(SIG_BLOCK, &one, NULL);
}

/*
 * Signals
 */

/* Asserts which kinds of signals were told, even those for which the pipe had
 * no room. */
static void
tells_each_of(const int *wanted, int count)
{
	int seen[NSIG] = { 0 }, missing = count, i, events = 0;
	int64_t end = dsrv_clock_now() + 2000;

	at_latest_in(2000);
	while (missing > 0) {
		ck_assert_int_lt(events++, ENOUGH);
		if (next() == DSRV_EVENT_SIGNAL)
			seen[loop.signo] = 1;
		for (missing = i = 0; i < count; i++)
			missing += !seen[wanted[i]];
		if (dsrv_clock_now() >= end)
			break;
	}
	for (i = 0; i < count; i++)
		ck_assert_msg(seen[wanted[i]], "signal %d is lost",
		    wanted[i]);
}

START_TEST(loop_tells_a_signal_that_came_while_it_did_not_wait)
{
	const int *signo;

	open_loop();
	for (signo = dsrv_sigtable; *signo != 0; signo++) {
		raise(*signo);
		tells_signal(*signo);
	}
	tells_nothing_more();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_each_of_several_signals)
{
	static const int wanted[] = { SIGUSR2, SIGHUP, SIGTERM };

	open_loop();
	raise(SIGUSR2);
	raise(SIGHUP);
	raise(SIGTERM);
	raise(SIGHUP);
	tells_each_of(wanted, DSRV_COUNT(wanted));
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_wakes_by_a_signal)
{
	pid_t pid, self = getpid();

	open_loop();
	if ((pid = fork()) == 0) {
		/* Before or after the loop has gone to sleep: both happen. */
		poll(NULL, 0, 5);
		kill(self, SIGUSR1);
		_exit(0);
	}
	tells_signal(SIGUSR1);
	dsrv_loop_close(&loop);
	ck_assert_int_eq(ended(pid), 0);
}
END_TEST

START_TEST(loop_tells_signals_although_a_descriptor_is_always_ready)
{
	open_loop();
	watch_ready_pipe();
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	raise(SIGHUP);
	next_is_soon(DSRV_EVENT_SIGNAL, 4);
	ck_assert_int_eq(loop.signo, SIGHUP);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_the_deadline_although_a_descriptor_is_always_ready)
{
	open_loop();
	watch_ready_pipe();
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	at_latest_in(0);
	next_is_soon(DSRV_EVENT_TIMER, 4);
	ck_assert_int_eq(loop.tag, TIMER);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	/* A timer that is set again at once keeps no other event out. */
	at_latest_in(0);
	next_is_soon(DSRV_EVENT_TIMER, 4);
	at_latest_in(0);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_ends_although_a_descriptor_is_always_ready)
{
	pid_t pid;

	open_loop();
	watch_ready_pipe();
	has_ended(pid = fork_exiting(5));
	next_is_soon(DSRV_EVENT_CHILD, 4);
	ck_assert_int_eq(loop.ended.pid, pid);
	ck_assert_int_eq(WEXITSTATUS(loop.ended.status), 5);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_the_deadline_neither_early_nor_late)
{
	int64_t begin;

	open_loop();
	begin = dsrv_clock_now();
	at_latest_in(30);
	ck_assert_int_eq(next(), DSRV_EVENT_TIMER);
	ck_assert_int_ge(dsrv_clock_now(), begin + 30);
	ck_assert_int_lt(dsrv_clock_now(), begin + DEADLINE * 1000);
	/* A time that is further away than poll(2) can wait has not come. */
	dsrv_loop_set_timer(&loop, TIMER,
	    dsrv_clock_now() + INT64_C(100000000000));
	raise(SIGHUP);
	ck_assert_int_eq(next(), DSRV_EVENT_SIGNAL);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_each_timer_once_and_which)
{
	int64_t now;
	int tag;

	open_loop();
	now = dsrv_clock_now();
	for (tag = 0; tag < TAGS; tag++)
		dsrv_loop_set_timer(&loop, tag, now - tag);
	dsrv_loop_set_timer(&loop, 1, DSRV_NEVER);
	for (tag = 0; tag < TAGS; tag++) {
		if (tag == 1)
			continue;
		ck_assert_int_eq(next(), DSRV_EVENT_TIMER);
		ck_assert_int_eq(loop.tag, tag);
		ck_assert(dsrv_loop_timer(&loop, tag) == DSRV_NEVER);
	}
	tells_nothing_more();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_loses_no_kind_of_signal_where_thousands_come)
{
	static const int kinds[] = { SIGUSR1, SIGHUP, SIGUSR2, SIGINT,
		SIGQUIT, SIGTERM };
	int i;

	open_loop();
	for (i = 0; i < MANY; i++)
		raise(SIGUSR1);
	for (i = 1; i < DSRV_COUNT(kinds); i++)
		raise(kinds[i]);
	tells_each_of(kinds, DSRV_COUNT(kinds));
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_loses_no_signal_whatever_number_comes_before_it)
{
	static const int kinds[] = { SIGTERM };
	int more, i;

	for (more = -33; more <= 33; more += 11) {
		open_loop();
		for (i = 0; i < PIPE_FULL + more; i++)
			raise(SIGUSR1);
		raise(SIGTERM);
		tells_each_of(kinds, DSRV_COUNT(kinds));
		dsrv_loop_close(&loop);
	}
}
END_TEST

START_TEST(loop_finds_an_end_that_came_among_thousands_of_signals)
{
	pid_t pid;
	int i;

	open_loop();
	for (i = 0; i < MANY; i++)
		raise(SIGUSR1);
	has_ended(pid = fork_exiting(7));
	at_latest_in(2000);
	do
		ck_assert_int_ne(dsrv_loop_next(&loop), DSRV_EVENT_TIMER);
	while (dsrv_children_has(dsrv_loop_known(&loop), pid));
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_ignores_sigpipe)
{
	int read_end, write_end;

	signal(SIGPIPE, SIG_DFL);
	make_pipe(&read_end, &write_end);
	close(read_end);
	open_loop();
	ck_assert_int_eq(write(write_end, "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_leaves_alone_the_signals_that_it_is_told_to)
{
	struct sigaction now;
	sigset_t leave;

	signal(SIGHUP, SIG_IGN);
	sigemptyset(&leave);
	sigaddset(&leave, SIGHUP);
	ck_assert_int_eq(dsrv_loop_open(&loop, TAGS, DSRV_REAP_FORKED, NULL,
	    &leave), 0);
	raise(SIGHUP);
	raise(SIGUSR1);
	tells_signal(SIGUSR1);
	ck_assert_int_eq(sigaction(SIGHUP, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_IGN);
	tells_nothing_more();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_hears_signals_that_the_program_has_blocked)
{
	sigset_t mask;

	block(SIGTERM);
	block(SIGCHLD);
	block(SIGALRM);
	open_loop();
	raise(SIGTERM);
	tells_signal(SIGTERM);
	tells_end_of(fork_exiting(0), 0);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	ck_assert(sigismember(&mask, SIGALRM));
	dsrv_loop_close(&loop);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	ck_assert(sigismember(&mask, SIGTERM));
	ck_assert(sigismember(&mask, SIGCHLD));
}
END_TEST

/*
 * The program's own signals
 */

static void
own_handler(int signo)
{
	(void)signo;
}

static void
own_action(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)info;
	(void)context;
}

/* One signal for each way to set one. */
static void
set_own_signals(void)
{
	struct sigaction action;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGUSR1, own_handler);
	memset(&action, 0, sizeof action);
	action.sa_sigaction = own_action;
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaddset(&action.sa_mask, SIGALRM);
	sigaction(SIGHUP, &action, NULL);
	block(SIGUSR2);
	block(SIGWINCH);
}

struct signals {
	struct sigaction actions[NSIG];
	sigset_t mask;
};

static void
look_at_signals(struct signals *s)
{
	int signo;

	memset(s, 0, sizeof *s);
	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, NULL, &s->actions[signo]);
	sigprocmask(SIG_BLOCK, NULL, &s->mask);
}

/* The first signal that has changed; NSIG: the mask has; 0: nothing. */
static int
differing_signal(const struct signals *before)
{
	/* Ignore the flags that the C library adds. */
	const int flags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_NODEFER |
	    SA_ONSTACK | SA_RESETHAND | SA_RESTART | SA_SIGINFO;
	const struct sigaction *a, *b;
	struct signals s;
	int signo;

	look_at_signals(&s);
	for (signo = 1; signo < NSIG; signo++) {
		a = &s.actions[signo];
		b = &before->actions[signo];
		if ((a->sa_flags & flags) != (b->sa_flags & flags) ||
		    a->sa_handler != b->sa_handler ||
		    !same_set(&a->sa_mask, &b->sa_mask))
			return signo;
	}
	return same_set(&s.mask, &before->mask) ? 0 : NSIG;
}

START_TEST(loop_gives_the_program_its_signals_back)
{
	struct signals before;

	set_own_signals();
	look_at_signals(&before);
	open_loop();
	dsrv_sigfd_give(&loop.signals, SIGTERM, own_handler);
	ck_assert_int_ne(differing_signal(&before), 0);
	errno = ERANGE;
	dsrv_loop_close(&loop);
	ck_assert_int_eq(errno, ERANGE);
	ck_assert_int_eq(differing_signal(&before), 0);
}
END_TEST

START_TEST(loop_gives_its_child_the_signals_of_the_program)
{
	struct signals before;
	pid_t pid;

	set_own_signals();
	look_at_signals(&before);
	open_loop();
	if ((pid = dsrv_loop_fork(&loop)) == 0)
		_exit(differing_signal(&before));
	tells_end_of(pid, 0);
	dsrv_loop_close(&loop);
}
END_TEST

/* The status with which a child ends that gets signo. */
static int
child_gets(int signo, void (*handler)(int))
{
	pid_t pid;

	open_loop();
	dsrv_sigfd_give(&loop.signals, signo, handler);
	if ((pid = dsrv_loop_fork(&loop)) == 0) {
		raise(signo);
		_exit(0);
	}
	at_latest_in(DEADLINE * 1000);
	ck_assert_int_eq(next(), DSRV_EVENT_CHILD);
	ck_assert_int_eq(loop.ended.pid, pid);
	dsrv_loop_close(&loop);
	return loop.ended.status;
}

static void
exit_3(int signo)
{
	(void)signo;
	_exit(3);
}

static void
exit_4(int signo)
{
	(void)signo;
	_exit(4);
}

START_TEST(loop_gives_its_child_a_handler_where_the_program_has_none)
{
	struct sigaction now, own;

	signal(SIGHUP, SIG_DFL);
	ck_assert_int_eq(WEXITSTATUS(child_gets(SIGHUP, exit_3)), 3);
	signal(SIGHUP, SIG_IGN);
	ck_assert_int_eq(WEXITSTATUS(child_gets(SIGHUP, exit_3)), 3);
	/* The program itself keeps its handler. */
	sigaction(SIGHUP, NULL, &now);
	ck_assert(now.sa_handler == SIG_IGN);

	signal(SIGHUP, exit_4);
	ck_assert_int_eq(WEXITSTATUS(child_gets(SIGHUP, exit_3)), 4);
	memset(&own, 0, sizeof own);
	own.sa_sigaction = own_action;
	own.sa_flags = SA_SIGINFO;
	sigaction(SIGHUP, &own, NULL);
	ck_assert_int_eq(child_gets(SIGHUP, exit_3), 0);
}
END_TEST

static int to_test;

static void
tell_test(int signo)
{
	(void)signo;
	if (write(to_test, "x", 1) != 1)
		_exit(8);
}

START_TEST(loop_gives_a_handler_that_restarts_what_it_interrupts)
{
	int i, from_child;
	pid_t pid;
	char c;

	open_loop();
	dsrv_sigfd_give(&loop.signals, SIGHUP, tell_test);
	make_pipe(&from_child, &to_test);
	for (i = 0; i < 5; i++) {
		let_children_wait();
		if ((pid = dsrv_loop_fork(&loop)) == 0) {
			close(to_loop);
			_exit(read(from_test, &c, 1) == 1 ? 0 : 9);
		}
		/* By now it mostly sleeps in the read; it must not matter. */
		poll(NULL, 0, 2);
		send_signal(pid, SIGHUP);
		ck_assert_int_eq(read(from_child, &c, 1), 1);
		ck_assert_int_eq(write(to_loop, "x", 1), 1);
		tells_end_of(pid, 0);
		let_children_go();
	}
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_leaves_a_signal_to_its_child_however_early_it_comes)
{
	int i;

	signal(SIGTERM, SIG_DFL);
	let_children_wait();
	open_loop();
	for (i = 0; i < 100; i++) {
		pid_t pid = fork_waiting();

		send_signal(pid, SIGTERM);
		/* It dies by the default action, and the loop hears of no
		 * signal. */
		tells_end_of(pid, SIGTERM);
	}
	tells_nothing_more();
	dsrv_loop_close(&loop);
	let_children_go();
}
END_TEST

static int
own_descriptors(void)
{
	return descriptors_of(getpid()) - 1;	/* not the one that counts */
}

START_TEST(loop_gives_its_child_no_descriptor)
{
	pid_t pid;
	int before;

	let_children_wait();
	before = own_descriptors();
	open_loop();
	ck_assert_int_gt(own_descriptors(), before);
	pid = fork_waiting();
	/* A child that waits closes one end of the test's pipe. */
	while (descriptors_of(pid) >= before)
		ck_assert(running(pid));
	ck_assert_int_eq(descriptors_of(pid), before - 1);
	let_children_go();
	tells_end_of(pid, 0);
	dsrv_loop_close(&loop);
	ck_assert_int_eq(own_descriptors(), before - 2);
}
END_TEST

START_TEST(loop_unblocks_and_resets_what_a_shell_has_ignored)
{
	struct sigaction now;
	sigset_t leave, mask, ignored;

	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGUSR1, own_handler);
	signal(SIGWINCH, SIG_IGN);
	block(SIGTERM);
	block(SIGHUP);
	block(SIGCHLD);
	block(SIGWINCH);
	dsrv_sigaction_ignored(&ignored);
	ck_assert(sigismember(&ignored, SIGINT));
	ck_assert(sigismember(&ignored, SIGHUP));
	ck_assert(!sigismember(&ignored, SIGUSR1));
	ck_assert(!sigismember(&ignored, SIGTERM));
	ck_assert(!sigismember(&ignored, SIGWINCH));

	sigemptyset(&leave);
	sigaddset(&leave, SIGHUP);
	dsrv_sigaction_reset(&leave);
	sigaction(SIGINT, NULL, &now);
	ck_assert(now.sa_handler == SIG_DFL);
	sigaction(SIGCHLD, NULL, &now);
	ck_assert(now.sa_handler == SIG_DFL);
	sigaction(SIGHUP, NULL, &now);
	ck_assert(now.sa_handler == SIG_IGN);
	sigaction(SIGUSR1, NULL, &now);
	ck_assert(now.sa_handler == own_handler);
	sigaction(SIGWINCH, NULL, &now);
	ck_assert(now.sa_handler == SIG_IGN);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGTERM));
	ck_assert(!sigismember(&mask, SIGCHLD));
	ck_assert(!sigismember(&mask, SIGHUP));
	ck_assert(sigismember(&mask, SIGWINCH));
}
END_TEST

START_TEST(loop_dies_of_a_signal_without_a_core)
{
	pid_t pid;
	int status;

	if ((pid = fork()) == 0) {
		signal(SIGQUIT, SIG_IGN);
		block(SIGQUIT);
		dsrv_sigaction_die_of(SIGQUIT);
	}
	status = ended(pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGQUIT);
	ck_assert(!WCOREDUMP(status));
}
END_TEST

/*
 * Descriptors
 */

START_TEST(loop_tells_which_descriptor_is_ready_and_where)
{
	int a, to_a, b, to_b, tag_a, tag_b;

	open_loop();
	make_pipe(&a, &to_a);
	make_pipe(&b, &to_b);
	tag_a = watch(a, POLLIN);
	tag_b = watch(b, POLLIN);
	ck_assert_int_ne(tag_a, tag_b);
	tells_nothing_more();
	ck_assert_int_eq(write(to_b, "x", 1), 1);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	ck_assert_int_eq(loop.tag, tag_b);
	ck_assert_int_eq(watched[loop.tag], b);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_says_nothing_of_a_paused_descriptor)
{
	int tag;

	open_loop();
	tag = watch_ready_pipe();
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	dsrv_loop_pause(&loop, tag);
	dsrv_loop_pause(&loop, tag);
	tells_nothing_more();
	dsrv_loop_resume(&loop, tag);
	dsrv_loop_resume(&loop, tag);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	ck_assert_int_eq(loop.tag, tag);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_pauses_descriptor_0_too)
{
	int tag, read_end, write_end;

	make_pipe(&read_end, &write_end);
	ck_assert_int_eq(write(write_end, "x", 1), 1);
	ck_assert_int_eq(dup2(read_end, 0), 0);
	open_loop();
	tag = watch(0, POLLIN);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	ck_assert_int_eq(watched[loop.tag], 0);
	dsrv_loop_pause(&loop, tag);
	tells_nothing_more();
	dsrv_loop_resume(&loop, tag);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	ck_assert_int_eq(watched[loop.tag], 0);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_forgets_a_descriptor_for_good)
{
	int tag, read_end, write_end;

	open_loop();
	tag = watch_ready_pipe();
	dsrv_loop_forget(&loop, tag);
	tells_nothing_more();
	dsrv_loop_pause(&loop, tag);
	dsrv_loop_resume(&loop, tag);
	tells_nothing_more();

	make_pipe(&read_end, &write_end);
	ck_assert_int_eq(write(write_end, "x", 1), 1);
	dsrv_loop_watch(&loop, tag, read_end, POLLIN);
	watched[tag] = read_end;
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	ck_assert_int_eq(loop.tag, tag);
	ck_assert_int_eq(watched[loop.tag], read_end);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_forgets_a_paused_descriptor_for_good)
{
	int tag;

	open_loop();
	tag = watch_ready_pipe();
	dsrv_loop_pause(&loop, tag);
	dsrv_loop_forget(&loop, tag);
	dsrv_loop_resume(&loop, tag);
	tells_nothing_more();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_watches_nothing_at_a_place_of_no_descriptor)
{
	open_loop();
	watch(-1, POLLIN);
	tells_nothing_more();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_that_the_other_end_is_gone)
{
	int read_end, write_end, tag;

	open_loop();
	make_pipe(&read_end, &write_end);
	tag = watch(write_end, 0);
	tells_nothing_more();
	close(read_end);
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	ck_assert_int_eq(loop.tag, tag);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_gives_each_ready_descriptor_its_turn)
{
	int i, first;

	open_loop();
	for (i = 0; i < 3; i++)
		watch_ready_pipe();
	ck_assert_int_eq(next(), DSRV_EVENT_FD);
	first = loop.tag;
	for (i = 1; i < 30; i++) {
		if (i % 4 == 0)		/* it takes no descriptor's turn */
			raise(SIGHUP);
		while (next() != DSRV_EVENT_FD)
			;
		ck_assert_int_eq((loop.tag - first + 3) % 3, i % 3);
	}
	dsrv_loop_close(&loop);
}
END_TEST

/* As in a server that has room for only one more worker. */
START_TEST(loop_begins_behind_the_descriptor_that_was_served_last)
{
	int i, k, tags[3], last = -1;

	open_loop();
	for (i = 0; i < 3; i++)
		tags[i] = watch_ready_pipe();
	for (i = 0; i < 12; i++) {
		while (next() != DSRV_EVENT_FD)
			;
		if (last != -1)
			ck_assert_int_eq(loop.tag, (last + 1) % 3);
		last = loop.tag;
		for (k = 0; k < 3; k++)
			dsrv_loop_pause(&loop, tags[k]);
		at_latest_in(0);
		ck_assert_int_eq(next(), DSRV_EVENT_TIMER);
		for (k = 0; k < 3; k++)
			dsrv_loop_resume(&loop, tags[k]);
	}
	dsrv_loop_close(&loop);
}
END_TEST

/*
 * The ends of children
 */

START_TEST(loop_tells_how_each_child_has_ended)
{
	pid_t pid;

	signal(SIGTERM, SIG_DFL);
	open_loop();
	pid = fork_exiting(0);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), 1);
	tells_end_of(pid, 0);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), 0);
	pid = fork_exiting(42);
	at_latest_in(DEADLINE * 1000);
	ck_assert_int_eq(next(), DSRV_EVENT_CHILD);
	ck_assert_int_eq(WEXITSTATUS(loop.ended.status), 42);
	let_children_wait();
	pid = fork_waiting();
	send_signal(pid, SIGKILL);
	tells_end_of(pid, SIGKILL);
	tells_nothing_more();
	dsrv_loop_close(&loop);
	nothing_left();
}
END_TEST

START_TEST(loop_knows_how_a_child_ended_although_sigchld_was_ignored)
{
	signal(SIGCHLD, SIG_IGN);
	open_loop();
	at_latest_in(DEADLINE * 1000);
	fork_exiting(3);
	ck_assert_int_eq(next(), DSRV_EVENT_CHILD);
	ck_assert_int_eq(WEXITSTATUS(loop.ended.status), 3);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_what_a_child_wrote_before_it_tells_its_end)
{
	int read_end, write_end, i;
	pid_t pid;
	char c;

	for (i = 0; i < 20; i++) {
		open_loop_of(i % 2 ? DSRV_REAP_ALL : DSRV_REAP_FORKED);
		make_pipe(&read_end, &write_end);
		watch(read_end, POLLIN);
		tells_nothing_more();
		if ((pid = dsrv_loop_fork(&loop)) == 0) {
			if (write(write_end, "x", 1) != 1)
				_exit(1);
			_exit(0);
		}
		has_ended(pid);
		at_latest_in(DEADLINE * 1000);
		ck_assert_int_eq(next(), DSRV_EVENT_FD);
		ck_assert_int_eq(read(read_end, &c, 1), 1);
		tells_end_of(pid, 0);
		dsrv_loop_close(&loop);
		close(read_end);
		close(write_end);
	}
}
END_TEST

START_TEST(loop_does_not_take_a_stop_for_an_end)
{
	siginfo_t info;
	pid_t pid;

	open_loop();
	let_children_wait();
	pid = fork_waiting();
	send_signal(pid, SIGSTOP);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT),
	    0);
	dsrv_loop_look_every(&loop, 1);
	tells_nothing_more();
	ck_assert(dsrv_children_has(dsrv_loop_known(&loop), pid));
	send_signal(pid, SIGCONT);
	let_children_go();
	tells_end_of(pid, 0);
	dsrv_loop_close(&loop);
}
END_TEST

static pid_t crowd[CROWD];

static void
fork_crowd(void)
{
	int i;

	let_children_wait();
	for (i = 0; i < CROWD; i++)
		crowd[i] = fork_waiting();
}

/* Discards a pending signal, as if it had never come. */
static void
lose(int signo)
{
	static const struct timespec now;
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signo);
	ck_assert_int_eq(sigtimedwait(&one, NULL, &now), signo);
}

/* One SIGCHLD comes for all of them, or none at all. */
static void
end_crowd_at_once(int lose_signal)
{
	sigset_t mask;
	int i;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	block(SIGCHLD);
	let_children_go();
	for (i = 0; i < CROWD; i++)
		has_ended(crowd[i]);
	if (lose_signal)
		lose(SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static void
tells_the_end_of_all(void)
{
	int i, k, told = 0;
	int64_t end = dsrv_clock_now() + DEADLINE * 1000;

	at_latest_in(DEADLINE * 1000);
	for (i = 0; i < CROWD; i++) {
		while (next() == DSRV_EVENT_FD)
			;
		ck_assert_int_ne(loop.ended.pid, 0);
		for (k = 0; k < CROWD; k++)
			if (crowd[k] == loop.ended.pid) {
				crowd[k] = 0;
				told++;
			}
		ck_assert_int_eq(told, i + 1);
	}
	ck_assert_int_lt(dsrv_clock_now(), end);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

START_TEST(loop_finds_all_that_one_signal_tells_of)
{
	open_loop();
	fork_crowd();
	end_crowd_at_once(0);
	tells_the_end_of_all();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_finds_all_that_one_signal_tells_of_while_it_is_busy)
{
	open_loop();
	fork_crowd();
	watch_ready_pipe();
	end_crowd_at_once(0);
	tells_the_end_of_all();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_finds_all_that_one_signal_tells_of_as_a_reaper)
{
	open_loop_of(DSRV_REAP_ALL);
	fork_crowd();
	end_crowd_at_once(0);
	tells_the_end_of_all();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_finds_by_a_sweep_what_no_signal_has_told)
{
	open_loop();
	fork_crowd();
	end_crowd_at_once(1);
	dsrv_loop_look_every(&loop, 1);
	tells_the_end_of_all();
	dsrv_loop_close(&loop);
}
END_TEST

static int
is_older(pid_t pid)
{
	int i = 0;

	while (i < older_count && held[i] != pid)
		i++;
	return i < older_count;
}

/* Instead of libc's: it counts its calls, and fails when it should. */
pid_t
waitpid(pid_t pid, int *status, int options)
{
	waits++;
	waits_for_older += is_older(pid);
	if (waits_that_fail > 0) {
		waits_that_fail--;
		errno = wait_error;
		return -1;
	}
	return wait4(pid, status, options, NULL);
}

static const enum dsrv_reap either[] = { DSRV_REAP_FORKED,
	DSRV_REAP_ALL };

/* A seccomp filter may return an error, or a kernel without memory. */
static void
tells_an_end_after_failures(enum dsrv_reap reap, int error, int count)
{
	pid_t pid;

	open_loop_of(reap);
	tells_nothing_more();
	has_ended(pid = fork_exiting(5));
	waits_that_fail = count;
	wait_error = error;
	tells_end_of(pid, 5 << 8);
	ck_assert_int_eq(waits_that_fail, 0);
	tells_nothing_more();
	dsrv_loop_close(&loop);
}

START_TEST(loop_asks_again_where_waitpid_has_failed)
{
	static const int errors[] = { EPERM, ENOMEM, EINTR, ENOSYS };
	int i;

	for (i = 0; i < DSRV_COUNT(errors); i++) {
		tells_an_end_after_failures(DSRV_REAP_FORKED, errors[i], 1);
		tells_an_end_after_failures(DSRV_REAP_ALL, errors[i], 1);
	}
	tells_an_end_after_failures(DSRV_REAP_FORKED, EPERM, 4);
	tells_an_end_after_failures(DSRV_REAP_ALL, EPERM, 4);
}
END_TEST

/* Meanwhile signals and descriptors are told, and the process sleeps. */
START_TEST(loop_goes_on_while_waitpid_fails)
{
	int i, before;

	for (i = 0; i < DSRV_COUNT(either); i++) {
		open_loop_of(either[i]);
		tells_nothing_more();
		has_ended(fork_exiting(5));
		waits_that_fail = ENOUGH;
		wait_error = EPERM;
		before = waits;
		at_latest_in(250);
		ck_assert_int_eq(next(), DSRV_EVENT_TIMER);
		ck_assert_int_le(waits - before, 10);
		raise(SIGHUP);
		tells_signal(SIGHUP);
		watch_ready_pipe();
		next_is_soon(DSRV_EVENT_FD, 4);
		waits_that_fail = 0;
		next_is_soon(DSRV_EVENT_CHILD, ENOUGH);
		dsrv_loop_close(&loop);
	}
}
END_TEST

/* A loop without a deadline of its own, such as a leader's, finds it, too. */
START_TEST(loop_finds_an_end_that_no_signal_has_told_without_a_tick)
{
	sigset_t mask;
	pid_t pid;
	int i;

	for (i = 0; i < DSRV_COUNT(either); i++) {
		open_loop_of(either[i]);
		tells_nothing_more();
		sigprocmask(SIG_SETMASK, NULL, &mask);
		block(SIGCHLD);
		has_ended(pid = fork_exiting(5));
		lose(SIGCHLD);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		dsrv_loop_look_every(&loop, 50);
		dsrv_loop_set_timer(&loop, TIMER, DSRV_NEVER);
		ck_assert_int_eq(next(), DSRV_EVENT_CHILD);
		ck_assert_int_eq(loop.ended.pid, pid);
		dsrv_loop_close(&loop);
	}
}
END_TEST

/* Each check costs a system call, and many would slow down a busy server. */
START_TEST(loop_asks_few_children_in_a_round_while_it_is_busy)
{
	int i, before, most = 0;

	open_loop();
	fork_crowd();
	watch_ready_pipe();
	send_signal(crowd[CROWD - 1], SIGKILL);
	has_ended(crowd[CROWD - 1]);
	for (i = 0; i < 200; i++) {
		before = waits;
		dsrv_loop_next(&loop);
		if (waits - before > most)
			most = waits - before;
	}
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), CROWD - 1);
	ck_assert_int_le(most, 4);
	let_children_go();
	dsrv_loop_close(&loop);
}
END_TEST

/* Thousands of held connections must not slow down new ones: at each event only
 * the newest children are checked, the others when their time has come. */
static void
hold_many(int64_t look_every)
{
	int i;

	open_loop();
	let_children_wait();
	for (i = 0; i < HELD; i++)
		held[i] = fork_waiting();
	dsrv_loop_look_every(&loop, look_every);
	watch_ready_pipe();
}

START_TEST(loop_asks_only_the_newest_of_many_children_while_it_is_busy)
{
	int i;

	hold_many((int64_t)DEADLINE * 1000 * 1000);
	send_signal(held[HELD - 1], SIGKILL);
	has_ended(held[HELD - 1]);
	older_count = HELD / 2;
	for (i = 0; i < 200; i++)
		dsrv_loop_next(&loop);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), HELD - 1);
	ck_assert_int_eq(waits_for_older, 0);
	let_children_go();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_finds_in_time_which_of_many_have_ended_while_it_is_busy)
{
	sigset_t mask;
	int i;

	hold_many(1);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	block(SIGCHLD);
	for (i = 0; i < 3; i++) {
		send_signal(held[i * 10], SIGKILL);
		has_ended(held[i * 10]);
	}
	lose(SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (i = 0; i < 3; i++)
		next_is_soon(DSRV_EVENT_CHILD, ENOUGH);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), HELD - 3);
	let_children_go();
	dsrv_loop_close(&loop);
}
END_TEST

/* Otherwise it would check for children that it does not have, without end. */
START_TEST(loop_sleeps_when_all_of_many_have_ended_together)
{
	sigset_t mask;
	int i;

	open_loop();
	let_children_wait();
	for (i = 0; i < HELD; i++)
		held[i] = fork_waiting();
	sigprocmask(SIG_SETMASK, NULL, &mask);
	block(SIGCHLD);
	for (i = 0; i < HELD; i++) {
		send_signal(held[i], SIGKILL);
		has_ended(held[i]);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	for (i = 0; i < HELD; i++)
		next_is_soon(DSRV_EVENT_CHILD, ENOUGH);
	at_latest_in(0);
	ck_assert_int_eq(next(), DSRV_EVENT_TIMER);
	ck_assert(dsrv_reap_patience(&loop.reaper) == DSRV_NEVER);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_waits_for_one_child)
{
	pid_t first, second;

	open_loop();
	let_children_wait();
	first = fork_waiting();
	second = fork_exiting(6);
	dsrv_loop_wait(&loop, second);
	ck_assert_int_eq(WEXITSTATUS(loop.ended.status), 6);
	ck_assert(!dsrv_children_has(dsrv_loop_known(&loop), second));
	ck_assert(dsrv_children_has(dsrv_loop_known(&loop), first));
	let_children_go();
	tells_end_of(first, 0);
	tells_nothing_more();
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_goes_on_where_another_has_had_the_status)
{
	pid_t pid;

	open_loop();
	pid = fork_exiting(6);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	at_latest_in(DEADLINE * 1000);
	ck_assert_int_eq(next(), DSRV_EVENT_CHILD);
	ck_assert_int_eq(loop.ended.pid, pid);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), 0);
	dsrv_loop_close(&loop);
}
END_TEST

/*
 * Children that are not the loop's
 */

START_TEST(loop_leaves_the_program_its_own_children)
{
	pid_t own, known;
	int status;

	open_loop();
	has_ended(own = fork_stranger(9));
	has_ended(known = fork_exiting(0));
	tells_end_of(known, 0);
	dsrv_loop_look_every(&loop, 1);
	tells_nothing_more();
	ck_assert_int_eq(waitpid(own, &status, WNOHANG), own);
	ck_assert_int_eq(WEXITSTATUS(status), 9);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_reaps_strangers_silently_where_it_is_the_reaper)
{
	pid_t own, known;

	open_loop_of(DSRV_REAP_ALL);
	has_ended(own = fork_stranger(9));
	has_ended(known = fork_exiting(0));
	tells_end_of(known, 0);
	tells_nothing_more();
	ck_assert_int_eq(waitpid(own, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_reaps_what_ended_before_it_was_opened)
{
	pid_t own;

	has_ended(own = fork_stranger(9));
	open_loop_of(DSRV_REAP_ALL);
	tells_nothing_more();
	ck_assert_int_eq(waitpid(own, NULL, WNOHANG), -1);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_a_sigchld_that_is_of_no_child)
{
	open_loop();
	raise(SIGCHLD);
	at_latest_in(DEADLINE * 1000);
	ck_assert_int_eq(dsrv_loop_next(&loop), DSRV_EVENT_SIGNAL);
	ck_assert_int_eq(loop.signo, SIGCHLD);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_adopts_no_process_that_is_not_its_child)
{
	pid_t gone_one;

	open_loop_of(DSRV_REAP_ALL);
	gone_one = fork_stranger(0);
	ck_assert_int_eq(waitpid(gone_one, NULL, 0), gone_one);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, gone_one, 0), -1);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, getpid(), 0), -1);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, getppid(), 0), -1);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, 1, 0), -1);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, 0, 0), -1);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, -1, 0), -1);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, -getpgrp(), 0), -1);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), 0);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_tells_the_end_of_what_it_has_adopted)
{
	pid_t pid;

	open_loop_of(DSRV_REAP_ALL);
	let_children_wait();
	pid = fork_stranger(-1);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, pid, 0), 0);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, pid, 0), 0);
	ck_assert_int_eq(dsrv_children_count(dsrv_loop_known(&loop)), 1);
	let_children_go();
	tells_end_of(pid, 0);

	/* Even if its SIGCHLD came before it was known. */
	pid = fork_stranger(8);
	has_ended(pid);
	ck_assert_int_eq(dsrv_loop_adopt(&loop, pid, 0), 0);
	at_latest_in(DEADLINE * 1000);
	ck_assert_int_eq(next(), DSRV_EVENT_CHILD);
	ck_assert_int_eq(loop.ended.pid, pid);
	ck_assert_int_eq(WEXITSTATUS(loop.ended.status), 8);
	dsrv_loop_close(&loop);
}
END_TEST

START_TEST(loop_says_whether_it_was_adopting)
{
	int was = dsrv_reap_adopting(1);

	if (skip_if(was == -1, "this system has no subreaper"))
		return;
	ck_assert_int_eq(dsrv_reap_adopting(0), 1);
	ck_assert_int_eq(dsrv_reap_adopting(0), 0);
	ck_assert_int_eq(dsrv_reap_adopting(1), 0);
	ck_assert_int_eq(dsrv_reap_adopting(1), 1);
}
END_TEST

START_TEST(loop_sees_when_a_process_group_is_gone)
{
	pid_t first, second;

	let_children_wait();
	first = fork_stranger(-1);
	ck_assert_int_eq(setpgid(first, first), 0);
	second = fork_stranger(-1);
	ck_assert_int_eq(setpgid(second, first), 0);
	ck_assert(!dsrv_reap_group_gone(first));
	send_signal(first, SIGKILL);
	has_ended(first);
	ck_assert(!dsrv_reap_group_gone(first));
	send_signal(second, SIGKILL);
	has_ended(second);
	ck_assert(dsrv_reap_group_gone(first));
	ck_assert(dsrv_reap_group_gone(first));
	nothing_left();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		loop_tells_a_signal_that_came_while_it_did_not_wait,
		loop_tells_each_of_several_signals,
		loop_wakes_by_a_signal,
		loop_tells_signals_although_a_descriptor_is_always_ready,
		loop_tells_the_deadline_although_a_descriptor_is_always_ready,
		loop_tells_ends_although_a_descriptor_is_always_ready,
		loop_tells_the_deadline_neither_early_nor_late,
		loop_tells_each_timer_once_and_which,
		loop_loses_no_kind_of_signal_where_thousands_come,
		loop_loses_no_signal_whatever_number_comes_before_it,
		loop_finds_an_end_that_came_among_thousands_of_signals,
		loop_ignores_sigpipe,
		loop_leaves_alone_the_signals_that_it_is_told_to,
		loop_hears_signals_that_the_program_has_blocked,
		loop_gives_the_program_its_signals_back,
		loop_gives_its_child_the_signals_of_the_program,
		loop_gives_its_child_a_handler_where_the_program_has_none,
		loop_gives_a_handler_that_restarts_what_it_interrupts,
		loop_leaves_a_signal_to_its_child_however_early_it_comes,
		loop_gives_its_child_no_descriptor,
		loop_unblocks_and_resets_what_a_shell_has_ignored,
		loop_dies_of_a_signal_without_a_core,
		loop_tells_which_descriptor_is_ready_and_where,
		loop_says_nothing_of_a_paused_descriptor,
		loop_pauses_descriptor_0_too,
		loop_forgets_a_descriptor_for_good,
		loop_forgets_a_paused_descriptor_for_good,
		loop_watches_nothing_at_a_place_of_no_descriptor,
		loop_tells_that_the_other_end_is_gone,
		loop_gives_each_ready_descriptor_its_turn,
		loop_begins_behind_the_descriptor_that_was_served_last,
		loop_tells_how_each_child_has_ended,
		loop_knows_how_a_child_ended_although_sigchld_was_ignored,
		loop_tells_what_a_child_wrote_before_it_tells_its_end,
		loop_does_not_take_a_stop_for_an_end,
		loop_finds_all_that_one_signal_tells_of,
		loop_finds_all_that_one_signal_tells_of_while_it_is_busy,
		loop_finds_all_that_one_signal_tells_of_as_a_reaper,
		loop_finds_by_a_sweep_what_no_signal_has_told,
		loop_asks_again_where_waitpid_has_failed,
		loop_goes_on_while_waitpid_fails,
		loop_finds_an_end_that_no_signal_has_told_without_a_tick,
		loop_asks_few_children_in_a_round_while_it_is_busy,
		loop_asks_only_the_newest_of_many_children_while_it_is_busy,
		loop_finds_in_time_which_of_many_have_ended_while_it_is_busy,
		loop_sleeps_when_all_of_many_have_ended_together,
		loop_waits_for_one_child,
		loop_goes_on_where_another_has_had_the_status,
		loop_leaves_the_program_its_own_children,
		loop_reaps_strangers_silently_where_it_is_the_reaper,
		loop_reaps_what_ended_before_it_was_opened,
		loop_tells_a_sigchld_that_is_of_no_child,
		loop_adopts_no_process_that_is_not_its_child,
		loop_tells_the_end_of_what_it_has_adopted,
		loop_says_whether_it_was_adopting,
		loop_sees_when_a_process_group_is_gone
	};

	return RUN_TESTS("loop", tests);
}
