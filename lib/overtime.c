/*
 * overtime.c - workers whose time is over are asked to end, and killed later
 *
 * A worker leads a process group, in which its helpers are: they get the same
 * signals, and none of them stays when the worker has ended.
 *
 * All children are checked when the first one's time may be over, but not
 * often: that costs less than keeping them in order.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>
#include <unistd.h>

#include "clients.h"
#include "report.h"

enum { LOOK_EVERY = 100 };	/* ms, at least */

static void
set_timer(struct dsrv_overtime *o)
{
	dsrv_loop_set_timer(o->loop, o->tag, dsrv_clock_earlier(o->look_at,
	    dsrv_limit_due(&o->limit)));
}

void
dsrv_overtime_open(struct dsrv_overtime *o, struct dsrv_loop *loop, int tag)
{
	o->loop = loop;
	o->tag = tag;
	o->look_at = DSRV_NEVER;
}

static void
set_limit(struct dsrv_overtime *o, pid_t pid, int64_t until)
{
	dsrv_children_set_until(dsrv_loop_known(o->loop), pid, until);
	if (until < o->look_at) {
		o->look_at = until;
		set_timer(o);
	}
}

void
dsrv_overtime_begin(struct dsrv_overtime *o, pid_t pid, int seconds)
{
	if (seconds > 0)
		set_limit(o, pid, dsrv_clock_now() + (int64_t)seconds * 1000);
}

/* With stop_timeout 0 nothing is killed. Last, if the master may read it: so it
 * may ask a worker twice, but kills none too early. */
static void
mark(struct dsrv_child *child)
{
	child->takes_group = dsrv_settings()->stop_timeout > 0;
	__atomic_store_n(&child->overdue, 1, __ATOMIC_RELEASE);
}

void
dsrv_overtime_adopt(struct dsrv_overtime *o, const struct dsrv_roster *roster)
{
	struct dsrv_child *child, told;
	int i, count = dsrv_children_listed(roster);

	for (i = 0; i < count; i++) {
		child = dsrv_loop_child(o->loop, roster->pids[i]);
		if (child == NULL || !child->is_orphan || child->is_helper)
			continue;
		if (roster->until[i] == 0) {	/* it has just been born */
			dsrv_overtime_begin(o, roster->pids[i],
			    roster->time_max);
			continue;
		}
		dsrv_children_read(roster, i, &told);
		if (told.overdue)
			mark(child);
		set_limit(o, roster->pids[i], roster->until[i]);
	}
}

/*
 * Checking
 */

static void
say(struct dsrv_overtime *o, pid_t pid, const struct dsrv_child *child)
{
	dsrv_notice_worker(o->worker, pid, &child->client);
	if (dsrv_limit_event(&o->limit, dsrv_clock_now()))
		dsrv_report("keep worker %s: its time is over", o->worker);
}

static void
say_more(struct dsrv_overtime *o)
{
	int count = dsrv_limit_take(&o->limit, dsrv_clock_now());

	dsrv_report("keep %d more worker%s, the last one %s: their time is "
	    "over", count, count == 1 ? "" : "s", o->worker);
}

/* Each gets it once, even a worker that has left its group. -1: the worker is
 * another user's. */
static int
ask_group(pid_t pid)
{
	int leads = getpgid(pid) == pid;

	kill(-pid, SIGTERM);
	return kill(pid, leads ? 0 : SIGTERM);
}

static void
kill_group(pid_t pid)
{
	kill(pid, SIGKILL);
	kill(-pid, SIGKILL);
}

/* Returns when to kill it. */
static int64_t
ask_child(struct dsrv_overtime *o, pid_t pid, int64_t now,
    struct dsrv_refused *refused)
{
	struct dsrv_child *child = dsrv_loop_child(o->loop, pid);
	int64_t patience = dsrv_settings()->stop_timeout, until =
	    patience > 0 ? now + patience * 1000 : DSRV_NEVER;

	say(o, pid, child);
	if (ask_group(pid) == -1)
		dsrv_refused_add(refused, pid);
	dsrv_children_set_until(dsrv_loop_known(o->loop), pid, until);
	mark(child);
	return until;
}

/* Returns when to check this child again. */
static int64_t
end_child(struct dsrv_overtime *o, pid_t pid, int64_t now,
    struct dsrv_refused *refused)
{
	if (!dsrv_loop_child(o->loop, pid)->overdue)
		return ask_child(o, pid, now, refused);
	kill_group(pid);
	return DSRV_NEVER;
}

/* Returns when the next one's time is over. */
static int64_t
end_children(struct dsrv_overtime *o, int64_t now)
{
	const struct dsrv_children *all = dsrv_loop_known(o->loop);
	struct dsrv_refused refused = { 0 };
	int64_t until, next = DSRV_NEVER;
	pid_t pid;
	int i;

	for (i = 0; i < dsrv_children_count(all); i++) {
		until = dsrv_children_until(all, i);
		if (until == 0)
			continue;
		if (until <= now) {
			pid = dsrv_children_at(all, i);
			until = end_child(o, pid, now, &refused);
			dsrv_children_set_until(all, pid, until);
		}
		next = dsrv_clock_earlier(next, until);
	}
	dsrv_refused_say(&refused, SIGTERM);
	return next;
}

void
dsrv_overtime_look(struct dsrv_overtime *o)
{
	int64_t now = dsrv_clock_now();

	if (now >= o->look_at) {
		o->look_at = end_children(o, now);
		if (o->look_at < now + LOOK_EVERY)
			o->look_at = now + LOOK_EVERY;
	}
	if (now >= dsrv_limit_due(&o->limit))
		say_more(o);
	set_timer(o);
}

void
dsrv_overtime_end(struct dsrv_overtime *o)
{
	if (dsrv_limit_due(&o->limit) != DSRV_NEVER)
		say_more(o);
}
