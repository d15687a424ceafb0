/*
 * reap.c - which child has ended; the only waitpid(2)
 *
 * SIGCHLDs merge: two children that end together may cause only one. So each is
 * a hint at the child that it names, and a reason to check all others in turn.
 * Each check costs a system call. So while there is work to do, only a few of
 * the newest children are checked, which end more often than old ones, and of
 * all children only those that are due, however many there are. A check that
 * finds an end is a reason for more checks; a moment without work, for many.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#ifdef HAVE_SYS_PROCCTL_H
#include <sys/procctl.h>
#endif

#include "loop.h"

enum {
	FEW = 2, MANY = 32,	/* checks in each round, or ... */
	MOST = 1024,		/* ... if rounds are rare */
	RECENT = 64,		/* children; if there are no more, all are */
	QUIET = 2		/* ms */
};

enum {
	FAILED = 100,		/* ms, until waitpid(2) is retried */
	LOOK_EVERY = 10000	/* ms, unless the stage sets another value */
};

int
dsrv_reap_open(struct dsrv_reaper *r, enum dsrv_reap whom,
    struct dsrv_roster *roster)
{
	memset(r, 0, sizeof *r);
	r->whom = whom;
	dsrv_reap_look_every(r, LOOK_EVERY);
	return dsrv_children_open(&r->children, roster);
}

void
dsrv_reap_close(struct dsrv_reaper *r)
{
	dsrv_children_close(&r->children);
}

void
dsrv_reap_look_every(struct dsrv_reaper *r, int64_t ms)
{
	r->look_every = (ms + 1) / 2;	/* to begin; it may take as long */
	r->due_at = dsrv_clock_now();
	r->look_at = r->due_at + r->look_every;
}

/*
 * Looking
 */

/* The first of these that has ended, which stays to be waited for; 0: none; -1:
 * there are none. */
static pid_t
find_ended(idtype_t type, pid_t pid)
{
	siginfo_t info;

	memset(&info, 0, sizeof info);
	return waitid(type, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) ==
	    -1 ? -1 : info.si_pid;
}

static int
takes_group(const struct dsrv_reaper *r, pid_t pid)
{
	const struct dsrv_child *child =
	    dsrv_children_record(&r->children, pid);

	return child != NULL && child->takes_group;
}

/* As waitpid(2). What a child leads is killed before that: later the number may
 * be another group's. */
static pid_t
reap(struct dsrv_reaper *r, pid_t pid)
{
	pid_t ended;

	if (takes_group(r, pid)) {
		if ((ended = find_ended(P_PID, pid)) <= 0)
			return ended;
		kill(-pid, SIGKILL);
	}
	return waitpid(pid, &r->ended.status, WNOHANG);
}

/* Whether this child has ended. */
static int
has_ended(struct dsrv_reaper *r, pid_t pid)
{
	pid_t got = r->failed ? 0 : reap(r, pid);

	if (got == -1 && errno != ECHILD)
		r->failed = 1;
	if (got == 0 || r->failed)
		return 0;
	if (got == -1)	/* its status was taken by the program */
		r->ended.status = 0;
	r->ended.pid = pid;
	dsrv_children_remove(&r->children, pid, &r->ended.child);
	return 1;
}

enum dsrv_reap_hint
dsrv_reap_hear(struct dsrv_reaper *r, pid_t pid)
{
	r->must_reap = 1;
	r->unswept = dsrv_children_count(&r->children);
	if (r->whom == DSRV_REAP_ALL)
		return DSRV_REAP_LATER;
	if (!dsrv_children_has(&r->children, pid))
		return DSRV_REAP_STRANGER;
	if (!has_ended(r, pid))
		return DSRV_REAP_LATER;
	r->unswept--;	/* others may have ended, too */
	return DSRV_REAP_ENDED;
}

static int
reap_all(struct dsrv_reaper *r)
{
	while (r->must_reap && !r->failed) {
		r->ended.pid = find_ended(P_ALL, 0);
		if (r->ended.pid > 0)
			r->ended.pid = reap(r, r->ended.pid);
		if (r->ended.pid == -1 && errno != ECHILD)
			r->failed = 1;
		else if (r->ended.pid <= 0)
			r->must_reap = 0;
		else if (dsrv_children_remove(&r->children, r->ended.pid,
		    &r->ended.child))
			return 1;
	}
	return 0;
}

/* The place of the child to check next; -1: none in this round. */
static int
next_to_ask(struct dsrv_reaper *r, int count)
{
	if (r->recent_now > 0 && count > RECENT) {
		r->recent_now--;
		return count - 1 - (int)(r->recent++ % RECENT);
	}
	if (r->sweep_now == 0)
		return -1;
	r->sweep_now--;
	r->unswept--;
	if (r->hand >= count)
		r->hand = 0;
	return r->hand++;
}

static void
note_end(struct dsrv_reaper *r, int place, int count)
{
	r->found = FEW;
	if (place >= r->hand)
		return;
	r->hand--;	/* another child has taken this place */
	if (count > RECENT)
		r->found = MANY;
}

static int
sweep(struct dsrv_reaper *r)
{
	int count, place;

	while (r->unswept > 0 && !r->failed) {
		count = dsrv_children_count(&r->children);
		if (count == 0)
			r->unswept = 0;
		if (count == 0 || (place = next_to_ask(r, count)) == -1)
			break;
		if (has_ended(r, dsrv_children_at(&r->children, place))) {
			note_end(r, place, count);
			return 1;
		}
		if (r->failed)	/* this child must be checked again */
			r->unswept++;
	}
	return 0;
}

void
dsrv_reap_add(struct dsrv_reaper *r, pid_t pid, int is_helper)
{
	dsrv_children_add(&r->children, pid, is_helper);
	if (r->unswept > 0)	/* it takes a turn */
		r->unswept++;
}

int
dsrv_reap_next(struct dsrv_reaper *r)
{
	return r->whom == DSRV_REAP_ALL ? reap_all(r) : sweep(r);
}

/*
 * Rounds
 */

/* A signal should have announced the exit, but is lost if a call fails. */
static void
look_without_reason(struct dsrv_reaper *r, int64_t now)
{
	if (now < r->look_at)
		return;
	r->look_at = now + r->look_every;
	r->must_reap = 1;
	r->unswept = dsrv_children_count(&r->children);
}

/* How many checks of all are due, so that each child is checked in time. */
static int
due(struct dsrv_reaper *r, int64_t now, int64_t count)
{
	int64_t checks;

	r->owed += (now - r->due_at) * count;
	r->due_at = now;
	checks = r->owed / r->look_every;
	r->owed = checks < MOST ? r->owed % r->look_every : 0;
	return checks < MOST ? (int)checks : MOST;
}

void
dsrv_reap_begin_round(struct dsrv_reaper *r, int is_quiet)
{
	int count = dsrv_children_count(&r->children), checks;
	int64_t now;

	r->failed = 0;
	if (r->unswept > count)	/* some of the newest ended out of turn */
		r->unswept = count;
	if (count == 0)
		return;
	now = dsrv_clock_now();
	look_without_reason(r, now);
	checks = is_quiet ? MANY : r->found ? r->found : now > r->began ?
	    FEW : 0;
	r->began = now;
	r->recent_now = checks;
	r->sweep_now = count > RECENT ? due(r, now, count) : 0;
	if (count <= RECENT || (checks == MANY && r->sweep_now < MANY))
		r->sweep_now = checks;
	r->found = 0;
}

int64_t
dsrv_reap_look_at(const struct dsrv_reaper *r)
{
	return dsrv_children_count(&r->children) > 0 ? r->look_at :
	    DSRV_NEVER;
}

int64_t
dsrv_reap_patience(const struct dsrv_reaper *r)
{
	if (r->failed)
		return FAILED;
	return r->whom == DSRV_REAP_FORKED && r->unswept > 0 ? QUIET :
	    DSRV_NEVER;
}

/*
 * Children of others
 */

int
dsrv_reap_is_child(pid_t pid)
{
	siginfo_t info;

	return waitid(P_PID, (id_t)pid, &info,
	    WEXITED | WNOHANG | WNOWAIT) == 0;
}

int
dsrv_reap_has_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 ||
	    errno != ECHILD;
}

int
dsrv_reap_stranger(const struct dsrv_reaper *r, pid_t pid)
{
	return !dsrv_children_has(&r->children, pid) &&
	    waitpid(pid, NULL, WNOHANG) == pid;
}

int
dsrv_reap_adopt(struct dsrv_reaper *r, pid_t pid, int is_helper)
{
	/* The pid may be a lie: only our own children are signalled. */
	if (pid <= 1 || !dsrv_reap_is_child(pid))
		return -1;
	dsrv_sigfd_hint();
	return dsrv_children_add(&r->children, pid, is_helper);
}

int
dsrv_reap_adopting(int on)
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

void
dsrv_reap_wait(struct dsrv_reaper *r, pid_t pid)
{
	while (waitpid(pid, &r->ended.status, 0) == -1 && errno == EINTR)
		;
	dsrv_children_remove(&r->children, pid, NULL);
}

int
dsrv_reap_group_gone(pid_t pgid)
{
	while (waitpid(-pgid, NULL, WNOHANG) > 0)
		;
	return kill(-pgid, 0) == -1 && errno == ESRCH;
}
