/*
 * masterstatus.c - what a master shows in its status file, and when
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>
#include <time.h>

#include "master.h"
#include "visible.h"

void
dsrv_master_count_restart(struct master *m, int is_asked, int status)
{
	struct dsrv_status *shown = &m->shown.status;

	if (is_asked) {
		shown->restarts[DSRV_RESTART_ASKED]++;
		shown->reloaded = time(NULL);
	} else
		shown->restarts[WIFSIGNALED(status) ? DSRV_RESTART_CRASHED :
		    DSRV_RESTART_ENDED]++;
}

int
dsrv_master_workers(const struct master *m)
{
	int i, count = m->orphans.count;

	for (i = 0; i < DSRV_SERVERS; i++)
		if (m->servers[i].child.pid != 0)
			count += dsrv_children_workers(m->servers[i].roster);
	return count;
}

int
dsrv_master_limit(const struct master *m)
{
	int limit = (int)m->server->roster->tally.limit;

	/* 0: it has not looked yet. */
	return limit > 0 ? limit : dsrv_settings()->worker_count_max;
}

static int
is_ending(const struct master *m)
{
	return m->server->request.asked & DSRV_ASK_FOR_GOOD ||
	    m->phase > DSRV_PHASE_RUNNING;
}

static void
add(struct dsrv_status *sum, struct dsrv_seen *seen,
    const struct dsrv_tally *tally)
{
	int i;

	if (tally->most > sum->workers_most)
		sum->workers_most = tally->most;
	dsrv_tally_follow(&sum->connections, &seen->connections,
	    tally->connections);
	for (i = 0; i < DSRV_TALLY_ENDS; i++)
		dsrv_tally_follow(&sum->ends[i], &seen->ends[i],
		    tally->ends[i]);
	for (i = 0; i < DSRV_TALLY_REFUSALS; i++)
		dsrv_tally_follow(&sum->refused[i], &seen->refused[i],
		    tally->refused[i]);
}

static void
add_log(struct dsrv_shown *shown, const struct dsrv_handover *handover)
{
	long lines, bytes, lost;

	dsrv_handover_counts(handover, &lines, &bytes, &lost);
	dsrv_tally_follow(&shown->status.lines, &shown->seen_lines,
	    (unsigned long)lines);
	dsrv_tally_follow(&shown->status.bytes, &shown->seen_bytes,
	    (unsigned long)bytes);
	dsrv_tally_follow(&shown->status.lines_lost, &shown->seen_lost,
	    (unsigned long)lost);
}

static void
gather(struct master *m)
{
	struct dsrv_status *now = &m->shown.status;
	int i;

	now->is_ending = is_ending(m);
	now->workers = (uint64_t)dsrv_master_workers(m);
	if (now->workers > now->workers_most)
		now->workers_most = now->workers;
	now->workers_limit = (uint64_t)dsrv_master_limit(m);
	add(now, &m->shown.seen_orphans, &m->shown.orphans);
	for (i = 0; i < DSRV_SERVERS; i++)
		add(now, &m->shown.seen[i], &m->servers[i].roster->tally);
	now->has_log = dsrv_settings()->logger_enabled;
	if (now->has_log)
		add_log(&m->shown, &m->log.handover);
}

static int
has_changed(struct master *m)
{
	if (m->shown.server == m->server->child.pid &&
	    m->shown.is_ending == is_ending(m))
		return 0;
	m->shown.server = m->server->child.pid;
	m->shown.is_ending = is_ending(m);
	return 1;
}

void
dsrv_master_show_status(struct master *m)
{
	static char text[DSRV_STATUS_MAX];

	/* A start that fails leaves no file. */
	if (dsrv_visible()->status_file == NULL || !m->confirmed)
		return;
	if (m->shown.status.started == 0)
		m->shown.status.started = time(NULL);
	dsrv_statusfile_tick(&m->shown.file);
	if (has_changed(m))
		dsrv_statusfile_change(&m->shown.file);
	gather(m);
	if (!dsrv_statusfile_is_due(&m->shown.file))
		return;
	dsrv_statusfile_write(&m->shown.file, text, dsrv_statustext_make(text,
	    dsrv_settings_name(), &m->shown.status));
}
