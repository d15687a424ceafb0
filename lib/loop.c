/*
 * loop.c - wait for the next event
 *
 * The only fork(2) and waitpid(2) of the library.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
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
 * SIGCHLDs merge: two children that end together may cause only one. So each is
 * a hint at the child that it names, and a reason to check all others in turn:
 * few while there is work to do, since each check costs a system call, and many
 * after a moment without work.
 */
enum {
	SWEEP_BUSY = 2,
	SWEEP_QUIET = 32,
	QUIET = 2,	/* ms */
	RECENT = 64
};

enum {
	UNSAID = 1000,		/* ms, until a message is retried */
	FAILED = 100,		/* ms, until waitpid(2) is retried */
	LOOK_EVERY = 10000	/* ms, unless the stage sets another value */
};

enum { FORGOTTEN = -1 };	/* a place; a paused one holds -2 - fd */

/*
 * Opening and closing
 */

int
dsrv_loop_open(struct dsrv_loop *loop, int places, enum dsrv_loop_reap reap,
    struct dsrv_roster *roster, const sigset_t *untouched)
{
	fflush(NULL);	/* else a child would write it again */
	memset(loop, 0, sizeof *loop);
	loop->reap = reap;
	loop->deadline = DSRV_NEVER;
	dsrv_loop_look_every(loop, LOOK_EVERY);
	loop->set_max = places + 1;
	loop->set = dsrv_memory_own((size_t)loop->set_max *
	    sizeof *loop->set);
	if (loop->set == NULL)
		return -1;
	if (dsrv_children_open(&loop->children, roster) == -1)
		goto free_set;
	if (dsrv_sigfd_open(&loop->signals, untouched) == -1)
		goto close_children;
	dsrv_loop_watch(loop, loop->signals.fd, POLLIN);
	if (reap == DSRV_REAP_ALL)	/* one may have ended already */
		dsrv_sigfd_hint();
	return 0;

close_children:
	dsrv_children_close(&loop->children);
free_set:
	dsrv_memory_free(loop->set, (size_t)loop->set_max *
	    sizeof *loop->set);
	return -1;
}

void
dsrv_loop_close(struct dsrv_loop *loop)
{
	int saved = errno;

	dsrv_sigfd_close(&loop->signals, loop->in_use);
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

int
dsrv_loop_watches(const struct dsrv_loop *loop, int place)
{
	return loop->set[place].fd != FORGOTTEN;
}

/*
 * Waiting: a round checks each place once, then the signals, then the children.
 * So what a child wrote is seen before its end, and no place keeps the others
 * or a signal waiting. A round begins after the place that was ready last, as
 * it may have been the only one served.
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

/* Whether this child has ended. */
static int
reap(struct dsrv_loop *loop, pid_t pid)
{
	pid_t got = loop->failed ? 0 : waitpid(pid, &loop->status, WNOHANG);

	if (got == -1 && errno != ECHILD)
		loop->failed = 1;
	if (got == 0 || loop->failed)
		return 0;
	if (got == -1)	/* its status was taken elsewhere */
		loop->status = 0;
	loop->pid = pid;
	dsrv_children_remove(&loop->children, pid, &loop->child);
	return 1;
}

/* The number of checks after which each child was checked. */
static int
to_ask(const struct dsrv_loop *loop)
{
	int count = dsrv_children_count(&loop->children);

	return count > RECENT ? 2 * count : count;
}

/* Finds a signal, or the end of a child that a SIGCHLD names. */
static int
next_signal(struct dsrv_loop *loop, enum dsrv_event *event)
{
	struct dsrv_signal *found;

	if (loop->set[0].revents != 0) {
		loop->set[0].revents = 0;
		loop->received_count = dsrv_sigfd_read(&loop->signals,
		    loop->received);
		loop->received_next = 0;
	}
	while (loop->received_next < loop->received_count) {
		found = &loop->received[loop->received_next++];
		loop->signo = found->signo;
		loop->from_kernel = found->from_kernel;
		*event = DSRV_EVENT_SIGNAL;
		if (found->signo != SIGCHLD)
			return 1;
		loop->must_reap = 1;
		loop->unswept = to_ask(loop);
		if (loop->reap == DSRV_REAP_ALL)
			continue;
		if (!dsrv_children_has(&loop->children, found->pid))
			return 1;	/* not from a child */
		if (reap(loop, found->pid)) {
			loop->unswept--;	/* others may have ended too */
			*event = DSRV_EVENT_CHILD;
			return 1;
		}
	}
	return 0;
}

static int
reap_all(struct dsrv_loop *loop)
{
	while (loop->must_reap && !loop->failed) {
		loop->pid = waitpid(-1, &loop->status, WNOHANG);
		if (loop->pid == -1 && errno != ECHILD)
			loop->failed = 1;
		else if (loop->pid <= 0)
			loop->must_reap = 0;
		else if (dsrv_children_remove(&loop->children, loop->pid,
		    &loop->child))
			return 1;
	}
	return 0;
}

/* The child to check next: every second one is among the newest, which end
 * more often than those that have lived long. */
static int
next_place_to_ask(struct dsrv_loop *loop, int count)
{
	if (count > RECENT && loop->unswept % 2 != 0)
		return count - 1 - (int)(loop->recent++ % RECENT);
	if (loop->hand >= count)
		loop->hand = 0;
	return loop->hand++;
}

static int
sweep(struct dsrv_loop *loop)
{
	int count, place;

	while (loop->unswept > 0 && loop->sweep_now > 0 && !loop->failed) {
		loop->unswept--;
		loop->sweep_now--;
		if ((count = dsrv_children_count(&loop->children)) == 0)
			break;
		place = next_place_to_ask(loop, count);
		if (reap(loop, dsrv_children_at(&loop->children, place))) {
			if (place < loop->hand)	/* another is there now */
				loop->hand--;
			return 1;
		}
		if (loop->failed)	/* it must be checked again */
			loop->unswept++;
	}
	return 0;
}

static int
next_end(struct dsrv_loop *loop)
{
	return loop->reap == DSRV_REAP_ALL ? reap_all(loop) : sweep(loop);
}

/* A signal should have announced an exit, but may be lost if a call failed. */
static void
look_without_reason(struct dsrv_loop *loop)
{
	int64_t now;

	if (dsrv_children_count(&loop->children) == 0 ||
	    (now = dsrv_loop_now()) < loop->look_at)
		return;
	loop->look_at = now + loop->look_every;
	loop->must_reap = 1;
	loop->unswept = loop->sweep_now = to_ask(loop);
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
	int64_t until = loop->deadline, now, left;

	if (dsrv_children_count(&loop->children) > 0)
		until = dsrv_loop_earlier(until, loop->look_at);
	now = until != DSRV_NEVER ? dsrv_loop_now() : 0;
	left = until > now ? until - now : 0;
	if (loop->failed)
		left = dsrv_loop_earlier(left, FAILED);
	else if (loop->reap == DSRV_REAP_FORKED && loop->unswept > 0)
		left = dsrv_loop_earlier(left, QUIET);
	if (dsrv_report_flush(0))
		left = dsrv_loop_earlier(left, UNSAID);
	if (left >= DSRV_NEVER)
		return -1;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static void
wait_for_more(struct dsrv_loop *loop)
{
	int n = poll(loop->set, (nfds_t)loop->watched, timeout(loop));

	loop->ticked = 0;
	loop->failed = 0;
	loop->cursor = loop->place;
	loop->unseen = n > 0 ? loop->watched - 1 : 0;
	loop->sweep_now = n == 0 ? SWEEP_QUIET : SWEEP_BUSY;
	if (n == -1)	/* signals must still be read */
		loop->set[0].revents = POLLIN;
	if (n == -1 && errno != EINTR)
		dsrv_loop_sleep(100);	/* no memory: it may pass */
	look_without_reason(loop);
}

enum dsrv_event
dsrv_loop_next(struct dsrv_loop *loop)
{
	enum dsrv_event event;

	loop->in_use = 1;
	for (;;) {
		if (next_place(loop))
			return DSRV_EVENT_FD;
		if (next_signal(loop, &event))
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

void
dsrv_loop_look_every(struct dsrv_loop *loop, int64_t ms)
{
	loop->look_every = ms;
	loop->look_at = dsrv_loop_now() + ms;
}

int
dsrv_loop_children(const struct dsrv_loop *loop)
{
	return dsrv_children_count(&loop->children);
}

pid_t
dsrv_loop_child_at(const struct dsrv_loop *loop, int place)
{
	return dsrv_children_at(&loop->children, place);
}

int
dsrv_loop_has_child(const struct dsrv_loop *loop, pid_t pid)
{
	return dsrv_children_has(&loop->children, pid);
}

struct dsrv_child *
dsrv_loop_child(const struct dsrv_loop *loop, pid_t pid)
{
	return dsrv_children_record(&loop->children, pid);
}

const struct dsrv_children *
dsrv_loop_known(const struct dsrv_loop *loop)
{
	return &loop->children;
}

void
dsrv_loop_give(struct dsrv_loop *loop, int signo, void (*handler)(int))
{
	dsrv_sigfd_give(&loop->signals, signo, handler);
}

void
dsrv_loop_let_in(const struct dsrv_loop *loop)
{
	dsrv_sigfd_let_in(&loop->signals.mask);
}

void
dsrv_loop_let_worker_in(const struct dsrv_loop *loop)
{
	dsrv_sigfd_let_in(&loop->signals.worker_mask);
}

/* None of our handlers can run across the fork: not in the child, nor here
 * before the child is recorded. */
static pid_t
fork_child(struct dsrv_loop *loop, int ignoring)
{
	pid_t pid;

	dsrv_sigfd_hold(&loop->signals);
	if ((pid = fork()) == 0) {
		dsrv_memory_forked();
		dsrv_sigfd_leave(&loop->signals, ignoring);
		return 0;
	}
	if (pid > 0)
		dsrv_children_add(&loop->children, pid);
	dsrv_sigfd_go_on(&loop->signals);
	return pid;
}

pid_t
dsrv_loop_fork_held(struct dsrv_loop *loop)
{
	return fork_child(loop, 0);
}

/* Last: a signal that has arrived since the fork now meets the program's own
 * disposition, so none is lost. */
static pid_t
fork_and_let_in(struct dsrv_loop *loop, int ignoring)
{
	pid_t pid = fork_child(loop, ignoring);

	if (pid == 0)
		dsrv_sigfd_let_in(&loop->signals.mask);
	return pid;
}

pid_t
dsrv_loop_fork(struct dsrv_loop *loop)
{
	return fork_and_let_in(loop, 0);
}

pid_t
dsrv_loop_fork_ignoring(struct dsrv_loop *loop)
{
	return fork_and_let_in(loop, 1);
}

void
dsrv_loop_wait(struct dsrv_loop *loop, pid_t pid)
{
	while (waitpid(pid, &loop->status, 0) == -1 && errno == EINTR)
		;
	dsrv_children_remove(&loop->children, pid, NULL);
}

int
dsrv_loop_adopt(struct dsrv_loop *loop, pid_t pid)
{
	siginfo_t info;

	/* The pid may be a lie: it is signalled only if it is our child. */
	if (pid <= 1 || waitid(P_PID, (id_t)pid, &info,
	    WEXITED | WNOHANG | WNOWAIT) == -1)
		return -1;
	dsrv_sigfd_hint();
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
