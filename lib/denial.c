/*
 * denial.c - what the log says about clients that are refused
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdio.h>

#include "clients.h"
#include "report.h"

void
dsrv_denials_open(struct dsrv_denials *denials, struct dsrv_loop *loop, int tag)
{
	denials->loop = loop;
	denials->tag = tag;
}

static const char *
fault(int failure)
{
	switch (failure) {
	case DSRV_PROXIED_MALFORMED:
		return "malformed";
	case DSRV_PROXIED_TOO_LONG:
		return "too long";
	case DSRV_PROXIED_CUT_OFF:
		return "cut off";
	case DSRV_PROXIED_LATE:
		return "late";
	default:
		return "missing";
	}
}

static void
say_why(char *text, size_t size, enum dsrv_denial why, int detail)
{
	switch (why) {
	case DSRV_DENIED_BUSY:
		snprintf(text, size, "all %d workers are busy",
		    dsrv_settings()->worker_count_max);
		break;
	case DSRV_DENIED_SOURCE:
		snprintf(text, size, "its source is at its limit of %d",
		    dsrv_admission()->source_worker_max);
		break;
	case DSRV_DENIED_PROXIED:
		snprintf(text, size, "its PROXY header is %s", fault(detail));
		break;
	case DSRV_DENIALS:
		break;
	}
}

/* Reports one client, or this many, of which that one was the last. */
static void
report(const struct dsrv_denials *denials, enum dsrv_denial why, int more)
{
	char client[DSRV_ADDRESS_TEXT], reason[64] = "";

	dsrv_address_text(client, &denials->by[why].client);
	say_why(reason, sizeof reason, why, denials->by[why].detail);
	if (more == 0)
		dsrv_report("serve %s: %s", client, reason);
	else
		dsrv_report("serve %d more client%s, the last one %s: %s", more,
		    more == 1 ? "" : "s", client, reason);
}

static void
set_timer(struct dsrv_denials *denials)
{
	int64_t when = DSRV_NEVER;
	int why;

	for (why = 0; why < DSRV_DENIALS; why++)
		when = dsrv_clock_earlier(when,
		    dsrv_limit_due(&denials->by[why].limit));
	dsrv_loop_set_timer(denials->loop, denials->tag, when);
}

void
dsrv_denials_add(struct dsrv_denials *denials, enum dsrv_denial why,
    int detail, const struct dsrv_address *client, int count)
{
	denials->by[why].client = *client;
	denials->by[why].detail = detail;
	if (dsrv_limit_events(&denials->by[why].limit, count,
	    dsrv_clock_now()))
		report(denials, why, 0);
	set_timer(denials);
}

/* Reports those whose time has come. */
static void
report_more(struct dsrv_denials *denials, int64_t until)
{
	struct dsrv_limit *limit;
	int why;

	for (why = 0; why < DSRV_DENIALS; why++) {
		limit = &denials->by[why].limit;
		if (dsrv_limit_due(limit) <= until)
			report(denials, why,
			    dsrv_limit_take(limit, dsrv_clock_now()));
	}
}

void
dsrv_denials_look(struct dsrv_denials *denials)
{
	report_more(denials, dsrv_clock_now());
	set_timer(denials);
}

void
dsrv_denials_end(struct dsrv_denials *denials)
{
	report_more(denials, DSRV_NEVER - 1);
}
