/*
 * pulse.c - a server shows its master that its loop runs
 *
 * It counts in the page that they share. The master counts its checks without a
 * beat, and not the time: both may have been stopped for a while.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "role.h"

enum { LONGEST = 500 /* ms */, LOOKS = 4 };

int
dsrv_pulse_every(void)
{
	int64_t patience = dsrv_notify_watchdog(), hang =
	    (int64_t)dsrv_settings()->server_hang_max * 1000;

	if (patience == 0 || (hang > 0 && hang < patience))
		patience = hang;
	if (patience == 0)
		return 0;
	patience = patience / LOOKS > 0 ? patience / LOOKS : 1;
	return patience < LONGEST ? (int)patience : LONGEST;
}

void
dsrv_pulse_beat(struct dsrv_loop *loop, int tag)
{
	struct dsrv_roster *roster = dsrv_role()->roster;

	if (roster->pulse == 0 || dsrv_loop_timer(loop, tag) != DSRV_NEVER)
		return;
	roster->beats++;
	dsrv_loop_set_timer(loop, tag, dsrv_clock_now() +
	    (roster->pulse + 1) / 2);
}

void
dsrv_pulse_end(void)
{
	dsrv_role()->roster->pulse = 0;
}

void
dsrv_pulse_begin(struct dsrv_pulse *p, struct dsrv_roster *roster)
{
	p->seen = 0;
	p->in_vain = 0;
	p->is_aborted = 0;
	roster->beats = 0;
	roster->pulse = dsrv_pulse_every();
}

/* Before the first beat the program prepares: it has the time of a start. */
static int64_t
beyond_start(int64_t silent)
{
	int64_t most = (int64_t)dsrv_settings()->start_timeout * 1000;

	return most > 0 && silent > most ? silent - most : 0;
}

/* After the loop the program clears up, which may take any time. */
int64_t
dsrv_pulse_look(struct dsrv_pulse *p, const struct dsrv_roster *roster)
{
	unsigned beats = roster->beats;
	int64_t silent;

	if (beats == p->seen && roster->pulse != 0)
		p->in_vain++;
	else
		p->in_vain = 0;
	p->seen = beats;
	silent = (int64_t)p->in_vain * dsrv_pulse_every();
	return beats == 0 ? beyond_start(silent) : silent;
}
