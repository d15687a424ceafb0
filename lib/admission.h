/*
 * admission.h - which clients may come in, and which client it is
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_ADMISSION_H
#define DSRV_ADMISSION_H

#include "ground.h"

/*
 * rate.c - no more than this many in this time; pure
 */

enum { DSRV_RATE_SECONDS_MAX = 86400 };

/* A bucket of count pieces that fills up in so many seconds. */
struct dsrv_rate {
	int count;
	int64_t piece;		/* a ms brings count, and each costs this */
	int64_t level;
	int64_t filled_at;
};

/* It is full at first. count: 1 to INT_MAX; seconds: 1 to the maximum. */
void dsrv_rate_open(struct dsrv_rate *, int count, int seconds, int64_t now);
/* ms until another one may come; 0: now. */
int64_t dsrv_rate_wait(struct dsrv_rate *, int64_t now);
/* One has come; whether or not it was allowed to. */
void dsrv_rate_take(struct dsrv_rate *, int64_t now);

#endif
