/*
 * rate.c - no more than this many in this time; pure
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "admission.h"

static int64_t
full(const struct dsrv_rate *rate)
{
	return rate->count * rate->piece;
}

void
dsrv_rate_open(struct dsrv_rate *rate, int count, int seconds, int64_t now)
{
	rate->count = count;
	rate->piece = (int64_t)seconds * 1000;
	rate->level = full(rate);
	rate->filled_at = now;
}

static void
fill(struct dsrv_rate *rate, int64_t now)
{
	int64_t missing = full(rate) - rate->level;

	if (now <= rate->filled_at)
		return;
	/* Compares first: the product could overflow. */
	if (now - rate->filled_at > missing / rate->count)
		rate->level = full(rate);
	else
		rate->level += (now - rate->filled_at) * rate->count;
	rate->filled_at = now;
}

int64_t
dsrv_rate_wait(struct dsrv_rate *rate, int64_t now)
{
	fill(rate, now);
	if (rate->level >= rate->piece)
		return 0;
	return (rate->piece - rate->level + rate->count - 1) / rate->count;
}

void
dsrv_rate_take(struct dsrv_rate *rate, int64_t now)
{
	fill(rate, now);
	rate->level = rate->level > rate->piece ? rate->level - rate->piece : 0;
}
