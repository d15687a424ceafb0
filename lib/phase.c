/*
 * phase.c - the phases of a daemon's life, as its master sees them; pure
 *
 * They only go forward. Each phase has a time limit, and a next phase for when
 * that is over. The master moves on earlier if what it waits for has happened.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "start.h"
#include "supervise.h"

enum {
	DEATH = 1000,		/* ms, for a process that gets SIGKILL, ... */
	LARGE_DEATH = 5000,	/* ... for one that may be large */
	LAST_LINES = 5000	/* ms, for the logger to write the last lines */
};

static int64_t
seconds(int count)
{
	return count > 0 ? (int64_t)count * 1000 : DSRV_NEVER;
}

/* How long workers, or a server, have to obey. */
static int64_t
patience(int confirmed)
{
	return confirmed ? seconds(dsrv_settings()->stop_timeout) :
	    DSRV_START_GRACE;
}

int64_t
dsrv_phase_time(enum dsrv_phase phase, int confirmed)
{
	switch (phase) {
	case DSRV_PHASE_STARTING:	/* else the starter counts the time */
		return dsrv_settings()->foreground ?
		    seconds(dsrv_settings()->start_timeout) : DSRV_NEVER;
	case DSRV_PHASE_AWAITING_WORKERS:
		return confirmed && dsrv_settings()->reload_overlap ?
		    seconds(dsrv_settings()->drain_timeout) :
		    patience(confirmed);
	case DSRV_PHASE_STOPPING_SERVER:
	case DSRV_PHASE_STOPPING_WORKERS:
		return patience(confirmed);
	case DSRV_PHASE_KILLING_SERVER:
		return LARGE_DEATH;
	case DSRV_PHASE_KILLING_WORKERS:
	case DSRV_PHASE_SILENCING:
		return DEATH;
	case DSRV_PHASE_WRITING:
		return LAST_LINES;
	default:
		return DSRV_NEVER;
	}
}

enum dsrv_phase
dsrv_phase_after(enum dsrv_phase phase)
{
	switch (phase) {
	case DSRV_PHASE_STARTING:
		return DSRV_PHASE_STOPPING_SERVER;
	case DSRV_PHASE_STOPPING_SERVER:
		return DSRV_PHASE_KILLING_SERVER;
	case DSRV_PHASE_AWAITING_WORKERS:
		return DSRV_PHASE_STOPPING_WORKERS;
	case DSRV_PHASE_STOPPING_WORKERS:
		return DSRV_PHASE_KILLING_WORKERS;
	case DSRV_PHASE_KILLING_SERVER:	/* those that survive are left */
	case DSRV_PHASE_KILLING_WORKERS:
		return DSRV_PHASE_WRITING;
	case DSRV_PHASE_WRITING:
		return DSRV_PHASE_SILENCING;
	case DSRV_PHASE_SILENCING:
		return DSRV_PHASE_OVER;
	default:
		return phase;
	}
}
