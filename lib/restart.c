/*
 * restart.c - how to answer the end of a server or logger; pure
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/wait.h>

#include "report.h"
#include "supervise.h"

enum { FIRST_PAUSE = 100, LONGEST_PAUSE = 10000 };	/* ms */

static struct dsrv_verdict
end_with(int status)
{
	return (struct dsrv_verdict) { .again = 0, .status = status };
}

static struct dsrv_verdict
again(int pause)
{
	return (struct dsrv_verdict) { .again = 1, .pause = pause };
}

static int
over(int count, int most)
{
	return most > 0 && count > most;
}

/* Counts a fast end, or starts the count again. */
static void
count_fast(struct dsrv_history *history, int64_t lived, int fast_time)
{
	if (lived < (int64_t)fast_time * 1000)
		history->fast_ends++;
	else
		history->fast_ends = 0;
}

static struct dsrv_verdict
again_soon(const struct dsrv_history *history)
{
	return again(history->fast_ends == 0 ? 0 :
	    dsrv_backoff(history->fast_ends, FIRST_PAUSE,
	    LONGEST_PAUSE));
}

struct dsrv_verdict
dsrv_restart_judge(struct dsrv_history *history, const struct dsrv_end *seen)
{
	const struct dsrv_settings *set = dsrv_settings();
	int status = dsrv_report_status(seen->status);

	if (!seen->confirmed)	/* the first failure decides */
		return end_with(seen->asked & DSRV_ASK_FOR_GOOD || status == 0 ?
		    1 : status);
	if (seen->asked & DSRV_ASK_FOR_GOOD)
		return end_with(0);
	if (seen->asked)
		return again(0);
	if (WIFEXITED(seen->status) && status != 0)
		return end_with(status);

	if (status == 0)
		status = 1;
	history->restarts++;
	count_fast(history, seen->lived, set->server_fast_time);
	if (over(history->restarts, set->restart_count_max) ||
	    over(history->fast_ends, set->server_fast_max))
		return end_with(status);
	return again_soon(history);
}

struct dsrv_verdict
dsrv_restart_judge_logger(struct dsrv_history *history, int64_t lived)
{
	const struct dsrv_settings *set = dsrv_settings();

	count_fast(history, lived, set->logger_fast_time);
	return over(history->fast_ends, set->logger_fast_max) ? end_with(1) :
	    again_soon(history);
}
