/*
 * backoff.c - the pause after repeated failures; pure
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "ground.h"

int
dsrv_backoff(int nth, int first, int most)
{
	while (--nth > 0 && first < most)
		first *= 2;
	return first < most ? first : most;
}
