/*
 * loop.c - wait for the next event; the only fork(2)
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "loop.h"

enum { UNSAID = 1000 };	/* ms, until a message is retried */
enum { FORGOTTEN = -1 };	/* a descriptor; if paused, it is -2 - fd */

/*
 * Opening and closing
 */

static size_t
set_size(const struct dsrv_loop *loop)
{
	return (size_t)(loop->tags + 1) * sizeof *loop->set +
	    (size_t)loop->tags * sizeof *loop->known;
}

static int
open_set(struct dsrv_loop *loop)
{
	int tag;

	loop->set = dsrv_memory_own(set_size(loop));
	if (loop->set == NULL)
		return -1;
	loop->known = (struct dsrv_known *)(void *)(loop->set +
	    loop->tags + 1);
	for (tag = 0; tag < loop->tags; tag++)
		loop->known[tag].timer = DSRV_NEVER;
	return 0;
}

int
dsrv_loop_open(struct dsrv_loop *loop, int tags, enum dsrv_reap whom,
    struct dsrv_roster *roster, const sigset_t *untouched)
{
	fflush(NULL);	/* or a child would write it again */
	memset(loop, 0, sizeof *loop);
	loop->tags = tags;
	loop->places = 1;
	if (open_set(loop) == -1)
		return -1;
	if (dsrv_reap_open(&loop->reaper, whom, roster) == -1)
		goto free_set;
	if (dsrv_sigfd_open(&loop->signals, untouched) == -1)
		goto close_reaper;
	loop->set[0].fd = loop->signals.fd;
	loop->set[0].events = POLLIN;
	if (whom == DSRV_REAP_ALL)	/* one may have ended already */
		dsrv_sigfd_hint();
	return 0;

close_reaper:
	dsrv_reap_close(&loop->reaper);
free_set:
	dsrv_memory_free(loop->set, set_size(loop));
	return -1;
}

void
dsrv_loop_close(struct dsrv_loop *loop)
{
	int saved = errno;

	dsrv_sigfd_close(&loop->signals, loop->in_use);
	dsrv_reap_close(&loop->reaper);
	dsrv_memory_free(loop->set, set_size(loop));
	errno = saved;
}

/*
 * Descriptors and timers
 */

/* A tag gets a place in the set when it is first used for a descriptor: poll(2)
 * accepts no more places than descriptors may be open. */
static struct pollfd *
at(struct dsrv_loop *loop, int tag)
{
	int place = loop->known[tag].place;

	if (place == 0) {
		place = loop->known[tag].place = loop->places++;
		loop->known[place - 1].tag = tag;
		loop->set[place].fd = FORGOTTEN;
	}
	return &loop->set[place];
}

void
dsrv_loop_watch(struct dsrv_loop *loop, int tag, int fd, int events)
{
	struct pollfd *watched = at(loop, tag);

	watched->fd = fd;
	watched->events = (short)events;
	watched->revents = 0;
}

void
dsrv_loop_pause(struct dsrv_loop *loop, int tag)
{
	int *fd = &at(loop, tag)->fd;

	if (*fd >= 0)
		*fd = -2 - *fd;
}

void
dsrv_loop_resume(struct dsrv_loop *loop, int tag)
{
	int *fd = &at(loop, tag)->fd;

	if (*fd < FORGOTTEN)
		*fd = -2 - *fd;
}

void
dsrv_loop_forget(struct dsrv_loop *loop, int tag)
{
	at(loop, tag)->fd = FORGOTTEN;
}

int
dsrv_loop_watches(const struct dsrv_loop *loop, int tag)
{
	int place = loop->known[tag].place;

	return place != 0 && loop->set[place].fd != FORGOTTEN;
}

void
dsrv_loop_set_timer(struct dsrv_loop *loop, int tag, int64_t when)
{
	loop->known[tag].timer = when;
}

int64_t
dsrv_loop_timer(const struct dsrv_loop *loop, int tag)
{
	return loop->known[tag].timer;
}

/*
 * Waiting: a round checks each descriptor once, then the signals, the children
 * and the timers. So what a child wrote is seen before its end, and no
 * descriptor keeps the others or a signal waiting. A round begins after the
 * descriptor that was ready last, as it may have been the only one served.
 */

static int
next_descriptor(struct dsrv_loop *loop)
{
	struct pollfd *watched;

	while (loop->unseen > 0) {
		loop->unseen--;
		loop->cursor = loop->cursor + 1 < loop->places ?
		    loop->cursor + 1 : 1;
		watched = &loop->set[loop->cursor];
		if (watched->fd >= 0 && watched->revents != 0) {
			watched->revents = 0;
			loop->last = loop->cursor;
			loop->tag = loop->known[loop->cursor - 1].tag;
			return 1;
		}
	}
	return 0;
}

static enum dsrv_event
tell_end(struct dsrv_loop *loop)
{
	loop->ended = loop->reaper.ended;
	return DSRV_EVENT_CHILD;
}

static void
receive_signals(struct dsrv_loop *loop)
{
	loop->set[0].revents = 0;
	loop->received_count = dsrv_sigfd_read(&loop->signals,
	    loop->received);
	loop->received_next = 0;
}

static void
tell_signal(struct dsrv_loop *loop, const struct dsrv_signal *found)
{
	loop->signo = found->signo;
	loop->from_kernel = found->from_kernel;
	loop->sender = found->pid;
}

/* Finds a signal, or the end of a child that a SIGCHLD names. */
static int
next_signal(struct dsrv_loop *loop, enum dsrv_event *event)
{
	if (loop->set[0].revents != 0)
		receive_signals(loop);
	while (loop->received_next < loop->received_count) {
		tell_signal(loop, &loop->received[loop->received_next++]);
		*event = DSRV_EVENT_SIGNAL;
		if (loop->signo != SIGCHLD)
			return 1;
		switch (dsrv_reap_hear(&loop->reaper, loop->sender)) {
		case DSRV_REAP_STRANGER:
			return 1;
		case DSRV_REAP_ENDED:
			*event = tell_end(loop);
			return 1;
		case DSRV_REAP_LATER:
			break;
		}
	}
	return 0;
}

/* The process that adopts the children will see which of them have ended. */
int
dsrv_loop_last_signal(struct dsrv_loop *loop)
{
	do {
		if (loop->received_next == loop->received_count)
			receive_signals(loop);
		if (loop->received_count == 0)
			return 0;
		tell_signal(loop, &loop->received[loop->received_next++]);
	} while (loop->signo == SIGCHLD);
	return 1;
}

static int
next_timer(struct dsrv_loop *loop)
{
	int64_t now = 0;

	while (loop->timed < loop->tags) {
		loop->tag = loop->timed++;
		if (loop->known[loop->tag].timer == DSRV_NEVER)
			continue;
		if (now == 0)
			now = dsrv_clock_now();
		if (now < loop->known[loop->tag].timer)
			continue;
		loop->known[loop->tag].timer = DSRV_NEVER;
		return 1;
	}
	return 0;
}

static int
timeout(const struct dsrv_loop *loop)
{
	int64_t until = dsrv_reap_look_at(&loop->reaper), now, left;
	int tag;

	for (tag = 0; tag < loop->tags; tag++)
		until = dsrv_clock_earlier(until, loop->known[tag].timer);
	now = until != DSRV_NEVER ? dsrv_clock_now() : 0;
	left = until > now ? until - now : 0;
	left = dsrv_clock_earlier(left, dsrv_reap_patience(&loop->reaper));
	if (dsrv_report_flush(0))
		left = dsrv_clock_earlier(left, UNSAID);
	if (left >= DSRV_NEVER)
		return -1;
	return left < INT_MAX ? (int)left : INT_MAX;
}

static void
wait_for_more(struct dsrv_loop *loop)
{
	int patience = timeout(loop);
	int n = poll(loop->set, (nfds_t)loop->places, patience);

	loop->cursor = loop->last;
	loop->unseen = n > 0 ? loop->places - 1 : 0;
	loop->timed = 0;
	if (n == -1)	/* signals must still be read */
		loop->set[0].revents = POLLIN;
	if (n == -1 && errno != EINTR)
		dsrv_clock_sleep(100);	/* no memory, which may pass */
	dsrv_reap_begin_round(&loop->reaper, n == 0 && patience != 0);
}

enum dsrv_event
dsrv_loop_next(struct dsrv_loop *loop)
{
	enum dsrv_event event;

	loop->in_use = 1;
	for (;;) {
		if (next_descriptor(loop))
			return DSRV_EVENT_FD;
		if (next_signal(loop, &event))
			return event;
		if (dsrv_reap_next(&loop->reaper))
			return tell_end(loop);
		if (next_timer(loop))
			return DSRV_EVENT_TIMER;
		wait_for_more(loop);
	}
}

/*
 * Children
 */

int
dsrv_loop_children(const struct dsrv_loop *loop)
{
	return dsrv_children_count(&loop->reaper.children);
}

int
dsrv_loop_workers(const struct dsrv_loop *loop)
{
	return dsrv_children_workers(loop->reaper.children.roster);
}

pid_t
dsrv_loop_child_at(const struct dsrv_loop *loop, int place)
{
	return dsrv_children_at(&loop->reaper.children, place);
}

int
dsrv_loop_has_child(const struct dsrv_loop *loop, pid_t pid)
{
	return dsrv_children_has(&loop->reaper.children, pid);
}

struct dsrv_child *
dsrv_loop_child(const struct dsrv_loop *loop, pid_t pid)
{
	return dsrv_children_record(&loop->reaper.children, pid);
}

const struct dsrv_children *
dsrv_loop_known(const struct dsrv_loop *loop)
{
	return &loop->reaper.children;
}

void
dsrv_loop_give(struct dsrv_loop *loop, int signo, void (*handler)(int))
{
	dsrv_sigfd_give(&loop->signals, signo, handler);
}

void
dsrv_loop_let_in(const struct dsrv_loop *loop)
{
	dsrv_sigaction_let_in(&loop->signals.mask);
}

void
dsrv_loop_let_worker_in(const struct dsrv_loop *loop)
{
	dsrv_sigaction_let_in(&loop->signals.worker_mask);
}

enum kind { PLAIN, IGNORING, HELPER };

/* None of our handlers can run across the fork: not in the child, nor here
 * before the child is recorded. */
static pid_t
fork_child(struct dsrv_loop *loop, enum kind kind)
{
	pid_t pid;

	dsrv_sigfd_hold(&loop->signals);
	if ((pid = fork()) == 0) {
		dsrv_memory_forked();
		dsrv_sigfd_leave(&loop->signals, kind != PLAIN);
		return 0;
	}
	if (pid > 0)
		dsrv_reap_add(&loop->reaper, pid, kind == HELPER);
	dsrv_sigfd_go_on(&loop->signals);
	return pid;
}

pid_t
dsrv_loop_fork_held(struct dsrv_loop *loop)
{
	return fork_child(loop, PLAIN);
}

/* Last: a signal since the fork now meets the program's own disposition, so
 * none is lost. */
static pid_t
fork_and_let_in(struct dsrv_loop *loop, enum kind kind)
{
	pid_t pid = fork_child(loop, kind);

	if (pid == 0)
		dsrv_sigaction_let_in(&loop->signals.mask);
	return pid;
}

pid_t
dsrv_loop_fork(struct dsrv_loop *loop)
{
	return fork_and_let_in(loop, PLAIN);
}

pid_t
dsrv_loop_fork_ignoring(struct dsrv_loop *loop)
{
	return fork_and_let_in(loop, IGNORING);
}

pid_t
dsrv_loop_fork_helper(struct dsrv_loop *loop)
{
	return fork_and_let_in(loop, HELPER);
}

void
dsrv_loop_wait(struct dsrv_loop *loop, pid_t pid)
{
	dsrv_reap_wait(&loop->reaper, pid);
	tell_end(loop);
}

int
dsrv_loop_adopt(struct dsrv_loop *loop, pid_t pid, int is_helper)
{
	return dsrv_reap_adopt(&loop->reaper, pid, is_helper);
}

void
dsrv_loop_look_every(struct dsrv_loop *loop, int64_t ms)
{
	dsrv_reap_look_every(&loop->reaper, ms);
}
