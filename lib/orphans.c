/*
 * orphans.c - workers that have outlived their server: adopt them, signal them
 *
 * The master adopts its orphaned descendants. On systems that cannot do this
 * they are still signalled, but not counted and not waited for.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "clients.h"
#include "supervise.h"

enum { LATE = 1000 };	/* ms, for workers that a dead server had not recorded */

int
dsrv_orphans_open(struct dsrv_orphans *o, struct dsrv_loop *loop,
    struct dsrv_overtime *overtime, int tag, int drain)
{
	memset(o, 0, sizeof *o);
	o->loop = loop;
	o->overtime = overtime;
	o->tag = tag;
	o->drain = drain;
	o->adopting = 1;	/* nothing to undo */
	o->from_dead = -1;
	return dsrv_children_open(&o->unadopted, NULL);
}

void
dsrv_orphans_begin(struct dsrv_orphans *o)
{
	o->adopting = dsrv_reap_adopting(1);
}

void
dsrv_orphans_close(struct dsrv_orphans *o)
{
	if (o->adopting == 0)
		dsrv_reap_adopting(0);
	dsrv_orphans_leave(o);
	dsrv_children_close(&o->unadopted);
}

void
dsrv_orphans_leave(struct dsrv_orphans *o)
{
	dsrv_descriptors_close(&o->from_dead);
}

/*
 * Signals
 */

/* A worker leads a group of its own, with its helpers. */
static void
send_to(pid_t pid, int signo, struct dsrv_refused *refused)
{
	if (kill(pid, signo) == -1)
		dsrv_refused_add(refused, pid);
	if (signo == SIGKILL)
		kill(-pid, signo);
}

static int
is_orphan(const struct dsrv_loop *loop, pid_t pid)
{
	return dsrv_loop_child(loop, pid)->is_orphan;
}

/* The pid may be another process's by now, but then not in our session. */
static int
is_still_there(pid_t pid)
{
	return getsid(pid) == getsid(0);
}

void
dsrv_orphans_signal(struct dsrv_orphans *o, int signo)
{
	struct dsrv_refused refused = { 0 };
	pid_t pid;
	int i;

	if (signo != 0 && o->from_dead != -1)	/* for those not heard yet */
		o->missed = signo;
	for (i = 0; i < dsrv_loop_children(o->loop); i++) {
		pid = dsrv_loop_child_at(o->loop, i);
		if (!is_orphan(o->loop, pid))
			continue;
		send_to(pid, signo, &refused);
		if (dsrv_sigtable_ask(signo) & DSRV_ASK_AT_ONCE)
			dsrv_loop_child(o->loop, pid)->leave_by = DSRV_NEVER;
	}
	for (i = dsrv_children_count(&o->unadopted) - 1; i >= 0; i--) {
		pid = dsrv_children_at(&o->unadopted, i);
		if (is_still_there(pid))
			send_to(pid, signo, &refused);
		else
			dsrv_children_remove(&o->unadopted, pid, NULL);
	}
	/* Those that survive SIGKILL are reported as left. */
	if (signo != SIGCONT && signo != SIGKILL)
		dsrv_refused_say(&refused, signo);
}

/*
 * If a reload leaves its workers to the master, they get the time here that
 * their server would give them
 */

void
dsrv_orphans_let_finish(struct dsrv_orphans *o)
{
	const struct dsrv_settings *set = dsrv_settings();
	struct dsrv_child *child;
	int64_t when;
	int i;

	if (!set->reload_overlap || set->drain_timeout == 0)
		return;
	when = dsrv_clock_now() + (int64_t)set->drain_timeout * 1000;
	for (i = 0; i < dsrv_loop_children(o->loop); i++) {
		child = dsrv_loop_child(o->loop, dsrv_loop_child_at(o->loop, i));
		if (child->is_orphan && child->leave_by == 0)
			child->leave_by = when;
	}
	dsrv_loop_set_timer(o->loop, o->drain, dsrv_clock_earlier(
	    dsrv_loop_timer(o->loop, o->drain), when));
}

void
dsrv_orphans_drain(struct dsrv_orphans *o)
{
	struct dsrv_refused refused = { 0 };
	int64_t now = dsrv_clock_now(), next = DSRV_NEVER;
	struct dsrv_child *child;
	pid_t pid;
	int i;

	for (i = 0; i < dsrv_loop_children(o->loop); i++) {
		pid = dsrv_loop_child_at(o->loop, i);
		child = dsrv_loop_child(o->loop, pid);
		if (!child->is_orphan || child->leave_by == 0)
			continue;
		if (child->leave_by <= now) {
			child->leave_by = DSRV_NEVER;
			send_to(pid, SIGTERM, &refused);
		}
		next = dsrv_clock_earlier(next, child->leave_by);
	}
	dsrv_loop_set_timer(o->loop, o->drain, next);
	dsrv_refused_say(&refused, SIGTERM);
}

pid_t
dsrv_orphans_first(const struct dsrv_orphans *o)
{
	pid_t pid;
	int i;

	for (i = 0; i < dsrv_loop_children(o->loop); i++) {
		pid = dsrv_loop_child_at(o->loop, i);
		if (is_orphan(o->loop, pid) &&
		    !dsrv_loop_child(o->loop, pid)->is_helper)
			return pid;
	}
	return 0;
}

/*
 * Adoption
 */

/* A helper is not a worker. */
static void
keep_count(struct dsrv_orphans *o, int is_helper, int more)
{
	if (is_helper)
		o->helpers += more;
	else
		o->count += more;
}

static void
add_orphan(struct dsrv_orphans *o, pid_t pid, int is_helper, int missed,
    struct dsrv_refused *refused)
{
	if (dsrv_loop_has_child(o->loop, pid) ||
	    dsrv_children_has(&o->unadopted, pid))
		return;		/* in the roster, and it has spoken too */
	if (dsrv_loop_adopt(o->loop, pid, is_helper) == 0) {
		dsrv_loop_child(o->loop, pid)->is_orphan = 1;
		keep_count(o, is_helper, 1);
	} else {
		/* Only in a session of our own can it be told from
		 * strangers. */
		if (o->adopting != -1 || pid <= 1 ||
		    dsrv_settings()->foreground || !is_still_there(pid))
			return;
		dsrv_children_add(&o->unadopted, pid, is_helper);
	}
	if (kill(pid, missed) == -1)
		dsrv_refused_add(refused, pid);
}

/* For the log: its server knew its client. */
static void
learn(const struct dsrv_orphans *o, pid_t pid, const struct dsrv_child *told)
{
	struct dsrv_child *child;

	if (!dsrv_loop_has_child(o->loop, pid) || !is_orphan(o->loop, pid))
		return;
	child = dsrv_loop_child(o->loop, pid);
	child->client = told->client;
	child->since = told->since;
}

void
dsrv_orphans_add(struct dsrv_orphans *o, pid_t pid, int missed, int time_max)
{
	struct dsrv_refused refused = { 0 };

	add_orphan(o, pid, 0, missed, &refused);
	if (dsrv_loop_has_child(o->loop, pid) && is_orphan(o->loop, pid))
		dsrv_overtime_begin(o->overtime, pid, time_max);
	dsrv_refused_say(&refused, missed);
}

void
dsrv_orphans_adopt(struct dsrv_orphans *o, const struct dsrv_roster *roster,
    int missed)
{
	struct dsrv_refused refused = { 0 };
	int i, count = dsrv_children_listed(roster);
	struct dsrv_child told;

	for (i = 0; i < count; i++) {
		dsrv_children_read(roster, i, &told);
		add_orphan(o, roster->pids[i], told.is_helper, missed,
		    &refused);
		learn(o, roster->pids[i], &told);
	}
	dsrv_refused_say(&refused, missed);
}

void
dsrv_orphans_expect(struct dsrv_orphans *o, int from_dead, int missed,
    int time_max)
{
	dsrv_orphans_hear(o);
	dsrv_orphans_leave(o);	/* the last server that died */
	o->from_dead = from_dead;
	o->missed = missed;
	o->time_max = time_max;
	dsrv_loop_set_timer(o->loop, o->tag, dsrv_clock_now() + LATE);
	dsrv_loop_watch(o->loop, o->tag, from_dead, POLLIN);
	dsrv_orphans_hear(o);
}

static void
hear_of(struct dsrv_orphans *o, pid_t pid)
{
	dsrv_orphans_add(o, pid, o->missed, o->time_max);
	if (o->missed != 0 && !(dsrv_sigtable_ask(o->missed) & DSRV_ASK_AT_ONCE))
		dsrv_orphans_let_finish(o);
}

void
dsrv_orphans_hear(struct dsrv_orphans *o)
{
	enum dsrv_status_word word;
	int pid = 0;

	if (o->from_dead == -1)
		return;
	while ((word = dsrv_statuspipe_hear(o->from_dead, &pid)) !=
	    DSRV_STATUS_NOTHING) {
		if (word == DSRV_STATUS_ORPHAN)
			hear_of(o, pid);
		if (word == DSRV_STATUS_GONE) {
			dsrv_orphans_forget(o);
			return;
		}
	}
}

void
dsrv_orphans_forget(struct dsrv_orphans *o)
{
	dsrv_loop_forget(o->loop, o->tag);
	dsrv_loop_set_timer(o->loop, o->tag, DSRV_NEVER);
	dsrv_orphans_leave(o);
}

void
dsrv_orphans_lose(struct dsrv_orphans *o, const struct dsrv_child *child)
{
	if (child->is_orphan)
		keep_count(o, child->is_helper, -1);
}
