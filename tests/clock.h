/*
 * clock.h - the real time, for tests that have a clock_gettime(2) of their own
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int
real_time(clockid_t clock, struct timespec *now)
{
	long number = SYS_clock_gettime;

#ifdef SYS_clock_gettime64
	if (sizeof(time_t) > sizeof(long))
		number = SYS_clock_gettime64;
#endif
	return (int)syscall(number, clock, now);
}

#endif
