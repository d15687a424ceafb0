/*
 * loghold.c - the lock on the log file, which other daemons may log to
 *
 * Held only for a write or a rotation, and for a moment if a line has begun in
 * the file, since another daemon would end it there. The logger does not sleep
 * until it is free: it tries again, and says so if that takes long.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>

#include "logger.h"

enum {
	AGAIN = 2,		/* ms to the next try, ... */
	LATER = 100,		/* ... or this, once a message says so */
	PATIENCE = 2000,	/* ms until a message says so; more than ... */
	MOMENT = 1000		/* ... a line without an end keeps the lock */
};

int
dsrv_loghold_take(struct dsrv_loghold *l, int fd)
{
	if (l->is_held)
		return 0;
	if (dsrv_filelock_take(fd) == -1)
		return -1;
	l->is_held = 1;
	l->since = dsrv_clock_now();
	return 0;
}

void
dsrv_loghold_release(struct dsrv_loghold *l, int fd)
{
	l->is_held = 0;
	dsrv_filelock_release(fd);
}

int
dsrv_loghold_is_ending(const struct dsrv_loghold *l)
{
	return l->is_held && dsrv_clock_now() - l->since >= MOMENT / 2;
}

void
dsrv_loghold_let_go(struct dsrv_loghold *l, int fd, int midline)
{
	if (midline && dsrv_clock_now() - l->since < MOMENT)
		l->next = l->since + MOMENT;
	else
		dsrv_loghold_release(l, fd);
}

int
dsrv_loghold_is_patient(struct dsrv_loghold *l, int64_t *since)
{
	int64_t now = dsrv_clock_now();
	int is_patient;

	if (*since == 0)
		*since = now;
	is_patient = now - *since < PATIENCE;
	l->next = now + (is_patient ? AGAIN : LATER);
	return is_patient;
}
