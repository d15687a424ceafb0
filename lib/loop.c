/*
 * loop.c - wait for what happens next
 *
 * The only fork(2), waitpid(2) and sigaction(2) of the library. A signal
 * handler writes the signal to a pipe that the loop polls, so a signal that
 * comes just before the loop goes to sleep wakes it all the same. A mask
 * opened by ppoll(2) would not do: with a descriptor ready Linux returns
 * that first and the handler never runs, so a busy listener would keep
 * signals out.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#ifdef HAVE_SYS_PROCCTL_H
#include <sys/procctl.h>
#endif

#include "daemon-private.h"

/*
 * SIGCHLDs merge: two children that end together may cause one. Each is
 * taken as a hint at the child it names, and as a reason to ask all others
 * in turn: few while there is work to do, since to ask costs a system call,
 * and many once there was none for a moment.
 */
enum {
	SWEEP_BUSY = 2,
	SWEEP_QUIET = 32,
	QUIET = 2	/* ms */
};

enum { UNSAID = 1000 };		/* ms, until a message is tried again */

enum { FORGOTTEN = -1 };	/* a place; a paused one holds -2 - fd */

static int wake_from = -1;
static int wake_to = -1;
static volatile sig_atomic_t missed[NSIG];	/* the pipe was full */

/*
 * Signals
 */

static void
wake(int signo, siginfo_t *info, void *context)
{
	struct dsrv_wake record = { .signo = signo, .pid = info->si_pid };
	int saved = errno;

	(void)context;
	if (write(wake_to, &record, sizeof record) != (ssize_t)sizeof record)
		missed[signo] = 1;
	if (errno != saved)	/* else its page would be copied at a fork */
		errno = saved;
}

/* As if a SIGCHLD came: one may have come before there was a handler. */
static void
hint_at_end(void)
{
	struct dsrv_wake record = { .signo = SIGCHLD };

	if (write(wake_to, &record, sizeof record) != (ssize_t)sizeof record)
		missed[SIGCHLD] = 1;
}

static void
catch(struct dsrv_loop *loop, int signo, const struct sigaction *action)
{
	struct sigaction *before = &loop->dispositions[loop->caught].before;

	if (sigaction(signo, action, before) == -1)
		return;
	loop->dispositions[loop->caught].signo = signo;
	loop->dispositions[loop->caught].child = *before;
	loop->caught++;
}

static void
take_signals(struct dsrv_loop *loop, const sigset_t *untouched)
{
	struct sigaction action;
	sigset_t mask = loop->mask;
	const int *signo;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = wake;
	action.sa_flags = SA_SIGINFO | SA_NOCLDSTOP;
	sigfillset(&action.sa_mask);
	for (signo = dsrv_signals; *signo != 0; signo++)
		if (!sigismember(untouched, *signo)) {
			catch(loop, *signo, &action);
			sigdelset(&mask, *signo);
		}
	/* Were it ignored, as it may have been, there would be no status. */
	catch(loop, SIGCHLD, &action);
	sigdelset(&mask, SIGCHLD);
	dsrv_loop_ignore(loop, SIGPIPE);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

static int
ignored(int signo)
{
	struct sigaction action;

	return sigaction(signo, NULL, &action) == 0 &&
	    !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN;
}

void
dsrv_loop_ignored(sigset_t *signals)
{
	const int *signo;

	sigemptyset(signals);
	for (signo = dsrv_signals; *signo != 0; signo++)
		if (ignored(*signo))
			sigaddset(signals, *signo);
}

static void
reset(int signo, const sigset_t *untouched)
{
	sigset_t one;

	if (ignored(signo) && !sigismember(untouched, signo))
		signal(signo, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, signo);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
}

void
dsrv_loop_reset(const sigset_t *untouched)
{
	const int *signo;

	for (signo = dsrv_signals; *signo != 0; signo++)
		reset(*signo, untouched);
	reset(SIGCHLD, untouched);
}

void
dsrv_loop_give(struct dsrv_loop *loop, int signo, void (*handler)(int))
{
	struct sigaction *child;
	int i;

	for (i = 0; i < loop->caught; i++) {
		child = &loop->dispositions[i].child;
		if (loop->dispositions[i].signo != signo ||
		    child->sa_flags & SA_SIGINFO ||
		    (child->sa_handler != SIG_DFL &&
		    child->sa_handler != SIG_IGN))
			continue;
		memset(child, 0, sizeof *child);
		child->sa_handler = handler;
		child->sa_flags = SA_RESTART;
		sigemptyset(&child->sa_mask);
	}
}

void
dsrv_loop_ignore(struct dsrv_loop *loop, int signo)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = SIG_IGN;
	catch(loop, signo, &action);
}

void
dsrv_loop_die_of(int signo)
{
	struct rlimit none = { 0, 0 };
	sigset_t one;

	setrlimit(RLIMIT_CORE, &none);
	signal(signo, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, signo);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	fflush(NULL);
	raise(signo);
	dsrv_report_exit(128 + signo);
}

/*
 * Opening and closing
 */

int
dsrv_loop_open(struct dsrv_loop *loop, int places, enum dsrv_loop_reap reap,
    struct dsrv_roster *roster, const sigset_t *untouched)
{
	sigset_t all, none;

	fflush(NULL);	/* else a child would write it once more */
	memset(loop, 0, sizeof *loop);
	memset((void *)missed, 0, sizeof missed);
	loop->reap = reap;
	loop->deadline = DSRV_NEVER;
	loop->set_max = places + 1;
	loop->set = dsrv_memory_own((size_t)loop->set_max *
	    sizeof *loop->set);
	if (loop->set == NULL)
		return -1;
	if (dsrv_children_open(&loop->children, roster) == -1)
		goto free_set;
	if (dsrv_descriptors_pipe(&wake_from, &wake_to) == -1)
		goto close_children;
	fcntl(wake_from, F_SETFL, O_NONBLOCK);
	fcntl(wake_to, F_SETFL, O_NONBLOCK);
	dsrv_loop_watch(loop, wake_from, POLLIN);

	sigemptyset(&none);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &loop->mask);
	take_signals(loop, untouched != NULL ? untouched : &none);
	if (reap == DSRV_REAP_ALL)
		hint_at_end();
	return 0;

close_children:
	dsrv_children_close(&loop->children);
free_set:
	dsrv_memory_free(loop->set, (size_t)loop->set_max *
	    sizeof *loop->set);
	return -1;
}

static void
close_wake(void)
{
	close(wake_from);
	close(wake_to);
	wake_from = wake_to = -1;
}

void
dsrv_loop_close(struct dsrv_loop *loop)
{
	int i, saved = errno;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (i = 0; i < loop->caught; i++)
		sigaction(loop->dispositions[i].signo,
		    &loop->dispositions[i].before, NULL);
	close_wake();
	sigprocmask(SIG_SETMASK, &loop->mask, NULL);
	dsrv_children_close(&loop->children);
	dsrv_memory_free(loop->set, (size_t)loop->set_max *
	    sizeof *loop->set);
	errno = saved;
}

/*
 * What is watched
 */

void
dsrv_loop_rewatch(struct dsrv_loop *loop, int place, int fd, int events)
{
	loop->set[place].fd = fd;
	loop->set[place].events = (short)events;
	loop->set[place].revents = 0;
}

int
dsrv_loop_watch(struct dsrv_loop *loop, int fd, int events)
{
	dsrv_loop_rewatch(loop, loop->watched, fd, events);
	return loop->watched++;
}

void
dsrv_loop_pause(struct dsrv_loop *loop, int place)
{
	int *fd = &loop->set[place].fd;

	if (*fd >= 0)
		*fd = -2 - *fd;
}

void
dsrv_loop_resume(struct dsrv_loop *loop, int place)
{
	int *fd = &loop->set[place].fd;

	if (*fd < FORGOTTEN)
		*fd = -2 - *fd;
}

void
dsrv_loop_forget(struct dsrv_loop *loop, int place)
{
	loop->set[place].fd = FORGOTTEN;
}

/*
 * Waiting: a round looks at each place once, then at the signals, then at
 * the children, so that what a child wrote is known before its end is, and
 * no place keeps the others or a signal waiting. It begins behind the place
 * that was ready last, which may have been all that there was room for.
 */

int64_t
dsrv_loop_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t
dsrv_loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
dsrv_loop_sleep(int ms)
{
	poll(NULL, 0, ms);
}

void
dsrv_loop_doze(int us)
{
	struct timespec moment = { .tv_nsec = us * 1000L };

	nanosleep(&moment, NULL);
}

static int
next_place(struct dsrv_loop *loop)
{
	struct pollfd *place;

	while (loop->unseen > 0) {
		loop->unseen--;
		loop->cursor = loop->cursor + 1 < loop->watched ?
		    loop->cursor + 1 : 1;
		place = &loop->set[loop->cursor];
		if (place->fd >= 0 && place->revents != 0) {
			place->revents = 0;
			loop->place = loop->cursor;
			loop->fd = place->fd;
			return 1;
		}
	}
	return 0;
}

static void
read_wakes(struct dsrv_loop *loop)
{
	struct dsrv_wake *next;
	ssize_t n;
	int i, signo;

	n = read(wake_from, loop->wakes,
	    DSRV_LOOP_WAKES * sizeof loop->wakes[0]);
	loop->wake_next = 0;
	loop->wake_count = n > 0 ?
	    (int)((size_t)n / sizeof loop->wakes[0]) : 0;
	/* While one is missed there is something in the pipe to read. */
	for (i = 0; i < loop->caught; i++) {
		signo = loop->dispositions[i].signo;
		if (!missed[signo])
			continue;
		missed[signo] = 0;
		next = &loop->wakes[loop->wake_count++];
		next->signo = signo;
		next->pid = 0;
	}
}

/* Whether this child has ended. */
static int
reap(struct dsrv_loop *loop, pid_t pid)
{
	pid_t got = waitpid(pid, &loop->status, WNOHANG);

	if (got == 0 || (got == -1 && errno != ECHILD))
		return 0;
	if (got == -1)	/* somebody else has had its status */
		loop->status = 0;
	loop->pid = pid;
	dsrv_children_remove(&loop->children, pid);
	return 1;
}

/* Finds a signal, or the end of a child that a SIGCHLD names. */
static int
next_wake(struct dsrv_loop *loop, enum dsrv_event *event)
{
	struct dsrv_wake *found;

	if (loop->set[0].revents != 0) {
		loop->set[0].revents = 0;
		read_wakes(loop);
	}
	while (loop->wake_next < loop->wake_count) {
		found = &loop->wakes[loop->wake_next++];
		loop->signo = found->signo;
		*event = DSRV_EVENT_SIGNAL;
		if (found->signo != SIGCHLD)
			return 1;
		loop->must_reap = 1;
		loop->unswept = dsrv_children_count(&loop->children);
		if (loop->reap == DSRV_REAP_ALL)
			continue;
		if (!dsrv_children_has(&loop->children, found->pid))
			return 1;	/* from a process that is no child */
		if (reap(loop, found->pid)) {
			*event = DSRV_EVENT_CHILD;
			return 1;
		}
	}
	return 0;
}

static int
reap_all(struct dsrv_loop *loop)
{
	while (loop->must_reap) {
		loop->pid = waitpid(-1, &loop->status, WNOHANG);
		if (loop->pid <= 0)
			loop->must_reap = 0;
		else if (dsrv_children_remove(&loop->children, loop->pid))
			return 1;
	}
	return 0;
}

static int
sweep(struct dsrv_loop *loop)
{
	int count;

	while (loop->unswept > 0 && loop->sweep_now > 0) {
		loop->unswept--;
		loop->sweep_now--;
		if ((count = dsrv_children_count(&loop->children)) == 0)
			break;
		if (loop->hand >= count)
			loop->hand = 0;
		if (reap(loop, dsrv_children_at(&loop->children, loop->hand)))
			return 1;
		loop->hand++;
	}
	return 0;
}

static int
next_end(struct dsrv_loop *loop)
{
	return loop->reap == DSRV_REAP_ALL ? reap_all(loop) : sweep(loop);
}

static int
next_tick(struct dsrv_loop *loop)
{
	if (loop->ticked || loop->deadline == DSRV_NEVER ||
	    dsrv_loop_now() < loop->deadline)
		return 0;
	loop->ticked = 1;
	return 1;
}

static int
timeout(const struct dsrv_loop *loop)
{
	int64_t left = dsrv_report_flush(0) ? UNSAID : -1;

	if (loop->reap == DSRV_REAP_FORKED && loop->unswept > 0)
		left = QUIET;
	if (loop->deadline != DSRV_NEVER) {
		int64_t until = loop->deadline - dsrv_loop_now();

		if (until < 0)
			until = 0;
		if (left == -1 || until < left)
			left = until < INT_MAX ? until : INT_MAX;
	}
	return (int)left;
}

static void
wait_for_more(struct dsrv_loop *loop)
{
	int n = poll(loop->set, (nfds_t)loop->watched, timeout(loop));

	loop->ticked = 0;
	loop->cursor = loop->place;
	loop->unseen = n > 0 ? loop->watched - 1 : 0;
	loop->sweep_now = n == 0 ? SWEEP_QUIET : SWEEP_BUSY;
	if (n == -1)	/* signals are heard all the same */
		loop->set[0].revents = POLLIN;
	if (n == -1 && errno != EINTR)
		dsrv_loop_sleep(100);	/* no memory: it may pass */
}

enum dsrv_event
dsrv_loop_next(struct dsrv_loop *loop)
{
	enum dsrv_event event;

	for (;;) {
		if (next_place(loop))
			return DSRV_EVENT_READY;
		if (next_wake(loop, &event))
			return event;
		if (next_end(loop))
			return DSRV_EVENT_CHILD;
		if (next_tick(loop))
			return DSRV_EVENT_TICK;
		wait_for_more(loop);
	}
}

/*
 * Children
 */

/* In a new child: it has the program's signals, and nothing of the loop. */
static void
become_child(const struct dsrv_loop *loop, int deaf)
{
	int i, signo;

	close_wake();
	dsrv_memory_forked();
	for (i = 0; i < loop->caught; i++) {
		signo = loop->dispositions[i].signo;
		if (deaf && dsrv_signals_ask(signo) != 0)
			signal(signo, SIG_IGN);
		else
			sigaction(signo, &loop->dispositions[i].child, NULL);
	}
	/* Last: a signal that came since the fork meets the program's own
	 * disposition now, and none is lost. */
	sigprocmask(SIG_SETMASK, &loop->mask, NULL);
}

static pid_t
fork_child(struct dsrv_loop *loop, int deaf)
{
	sigset_t all, mask;
	pid_t pid;

	/* Nothing comes between: neither in the child, whose handler would
	 * write to our pipe, nor here before the child is known. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	if ((pid = fork()) == 0) {
		become_child(loop, deaf);
		return 0;
	}
	if (pid > 0)
		dsrv_children_add(&loop->children, pid);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return pid;
}

pid_t
dsrv_loop_fork(struct dsrv_loop *loop)
{
	return fork_child(loop, 0);
}

pid_t
dsrv_loop_fork_deaf(struct dsrv_loop *loop)
{
	return fork_child(loop, 1);
}

void
dsrv_loop_wait(struct dsrv_loop *loop, pid_t pid)
{
	while (waitpid(pid, &loop->status, 0) == -1 && errno == EINTR)
		;
	dsrv_children_remove(&loop->children, pid);
}

void
dsrv_loop_sweep(struct dsrv_loop *loop)
{
	loop->unswept = loop->sweep_now =
	    dsrv_children_count(&loop->children);
}

int
dsrv_loop_adopt(struct dsrv_loop *loop, pid_t pid)
{
	siginfo_t info;

	/* Whoever wrote this pid down: it is signalled only as our child. */
	if (pid <= 1 || waitid(P_PID, (id_t)pid, &info,
	    WEXITED | WNOHANG | WNOWAIT) == -1)
		return -1;
	hint_at_end();
	return dsrv_children_add(&loop->children, pid);
}

int
dsrv_loop_adopting(int on)
{
#if defined(HAVE_PRCTL) && defined(PR_SET_CHILD_SUBREAPER)
	int was = 0;

	if (prctl(PR_GET_CHILD_SUBREAPER, &was, 0, 0, 0) == -1 ||
	    prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0) == -1)
		return -1;
	return was;
#elif defined(HAVE_PROCCTL) && defined(PROC_REAP_ACQUIRE)
	if (procctl(P_PID, 0, on ? PROC_REAP_ACQUIRE : PROC_REAP_RELEASE,
	    NULL) == -1)
		return errno == EBUSY ? 1 : -1;
	return !on;
#else
	(void)on;
	return -1;
#endif
}

int
dsrv_loop_group_gone(pid_t pgid)
{
	while (waitpid(-pgid, NULL, WNOHANG) > 0)
		;
	return kill(-pgid, 0) == -1 && errno == ESRCH;
}
