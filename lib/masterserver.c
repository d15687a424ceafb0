/*
 * masterserver.c - the servers of a master, and what each was asked for
 *
 * There is one that serves, or will. In a reload that overlaps there is another
 * beside it: the next one, which was not asked for anything yet, or the last
 * one, which leaves.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <signal.h>

#include "report.h"
#include "master.h"

void
dsrv_master_open_servers(struct master *m)
{
	struct master_server *s;
	int i;

	for (i = 0; i < DSRV_SERVERS; i++) {
		s = &m->servers[i];
		dsrv_supervise_open(&s->child, "a server", &m->loop,
		    SERVER + i);
		s->hang = HANG + i;
		s->roster = &m->shared->rosters[i];
	}
	m->server = &m->servers[0];
	m->other = &m->servers[1];
}

int
dsrv_master_has_server(const struct master *m)
{
	return m->server->child.pid != 0 || m->other->child.pid != 0;
}

struct master_server *
dsrv_master_find(struct master *m, pid_t pid)
{
	int i;

	for (i = 0; i < DSRV_SERVERS; i++)
		if (m->servers[i].child.pid == pid)
			return &m->servers[i];
	return NULL;
}

int
dsrv_master_is_next(const struct master *m, const struct master_server *s)
{
	return s == m->other && s->child.pid != 0 && s->request.asked == 0;
}

int
dsrv_master_raise(struct master_server *s, int signo)
{
	if (!dsrv_sigtable_raise(&s->request.asked, signo))
		return 0;
	s->request.signo = signo;
	return 1;
}

int
dsrv_master_missed(const struct master_server *s)
{
	int signo = s->request.signo;

	if (!(s->request.asked & ~s->request.obeyed))
		return 0;
	/* The last signal may have asked for less than those before it. */
	if (s->request.asked & DSRV_ASK_AT_ONCE &&
	    !(dsrv_sigtable_ask(signo) & DSRV_ASK_AT_ONCE))
		signo = SIGTERM;
	return dsrv_sigtable_to_workers(signo);
}

void
dsrv_master_signal(struct master *m, int signo,
    const struct master_server *except)
{
	int i;

	for (i = 0; i < DSRV_SERVERS; i++)
		if (&m->servers[i] != except)
			dsrv_supervise_signal(&m->servers[i].child, signo);
}

/* A later signal does not give it more time. */
void
dsrv_master_end_within(struct master *m, struct master_server *s, int64_t ms)
{
	if (s->child.pid != 0 && ms != DSRV_NEVER)
		dsrv_loop_set_timer(&m->loop, s->hang, dsrv_clock_earlier(
		    dsrv_loop_timer(&m->loop, s->hang),
		    dsrv_clock_now() + ms));
}

void
dsrv_master_expect_end(struct master *m, struct master_server *s)
{
	dsrv_master_end_within(m, s,
	    dsrv_phase_time(DSRV_PHASE_STOPPING_SERVER, 1));
}

void
dsrv_master_reject(struct master *m, struct master_server *s)
{
	dsrv_master_end_within(m, s,
	    dsrv_phase_time(DSRV_PHASE_STOPPING_SERVER,
	    dsrv_settings()->stop_timeout > 0));
}

void
dsrv_master_wake(const struct master *m)
{
	int i;

	for (i = 0; i < DSRV_SERVERS; i++)
		if (m->servers[i].child.pid != 0)
			kill(m->servers[i].child.pid, SIGCHLD);
}
