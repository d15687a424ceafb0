/*
 * clock.c - the monotonic clock, and short sleeps
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <poll.h>
#include <time.h>

#include "ground.h"

int64_t
dsrv_clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
dsrv_clock_earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void
dsrv_clock_sleep(int ms)
{
	poll(NULL, 0, ms);
}

void
dsrv_clock_doze(int us)
{
	struct timespec moment = { .tv_nsec = us * 1000L };

	nanosleep(&moment, NULL);
}
