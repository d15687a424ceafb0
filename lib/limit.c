/*
 * limit.c - frequent events are reported once, then counted; pure
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>

#include "workers.h"

enum { QUIET = 10000 };	/* ms between two lines */

int
dsrv_limit_events(struct dsrv_limit *limit, int count, int64_t now)
{
	int first = limit->unsaid == 0 && now >= limit->quiet_until;

	if (first)
		limit->quiet_until = now + QUIET;
	count -= first;
	/* A worker that was taken over may choose the count. */
	limit->unsaid += count < INT_MAX - limit->unsaid ? count :
	    INT_MAX - limit->unsaid;
	return first;
}

int
dsrv_limit_event(struct dsrv_limit *limit, int64_t now)
{
	return dsrv_limit_events(limit, 1, now);
}

int64_t
dsrv_limit_due(const struct dsrv_limit *limit)
{
	return limit->unsaid > 0 ? limit->quiet_until : DSRV_NEVER;
}

int
dsrv_limit_take(struct dsrv_limit *limit, int64_t now)
{
	int count = limit->unsaid;

	limit->unsaid = 0;
	limit->quiet_until = now + QUIET;
	return count;
}
