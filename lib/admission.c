/*
 * admission.c - the program's settings for admission; the only file that writes
 * them
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "admission.h"
#include "report.h"

static struct dsrv_admission admission = {
	.source_ipv4_bits = 32,
	.source_ipv6_bits = 64,
	.accept_rate_seconds = 1,
};

const struct dsrv_admission *
dsrv_admission(void)
{
	return &admission;
}

/* Spares accept by themselves, and only give hints about it. */
int
dsrv_admission_check(const char *verb)
{
	const char *limit = admission.source_worker_max > 0 ?
	    "daemon_set_source_worker_max()" : admission.worker_refuse ?
	    "daemon_set_worker_refuse()" : admission.accept_rate_count > 0 ?
	    "daemon_set_accept_rate()" : admission.worker_time_max > 0 ?
	    "daemon_set_worker_time_max()" : NULL;

	if (limit == NULL || dsrv_settings()->worker_spare_count == 0)
		return 0;
	dsrv_report("%s: %s does not work with "
	    "daemon_set_worker_spare_count()", verb, limit);
	return EINVAL;
}

static int
is_from(int value, int least, int most)
{
	if (value >= least && value <= most)
		return 1;
	errno = EINVAL;
	return 0;
}

int
daemon_set_source_worker_max(int count)
{
	return dsrv_settings_set(&admission.source_worker_max, count, 0,
	    INT_MAX);
}

int
daemon_set_worker_time_max(int seconds)
{
	return dsrv_settings_set(&admission.worker_time_max, seconds, 0,
	    INT_MAX);
}

int
daemon_set_proxy_sources(const char *networks)
{
	struct dsrv_networks parsed = { 0 };

	if (networks != NULL && (dsrv_networks_parse(&parsed, networks) == -1 ||
	    parsed.count == 0)) {
		errno = EINVAL;
		return -1;
	}
	admission.proxy_sources = parsed;
	return 0;
}

int
daemon_set_accept_rate(int count, int seconds)
{
	if (!is_from(count, 0, INT_MAX) ||
	    !is_from(seconds, 1, DSRV_RATE_SECONDS_MAX))
		return -1;
	admission.accept_rate_count = count;
	admission.accept_rate_seconds = seconds;
	return 0;
}

int
daemon_set_worker_refuse(int on)
{
	return dsrv_settings_set(&admission.worker_refuse, on, 0, INT_MAX);
}

int
daemon_set_refuse_text(const char *text)
{
	if (text != NULL &&
	    (*text == '\0' || strlen(text) > DSRV_REFUSE_TEXT_MAX)) {
		errno = EINVAL;
		return -1;
	}
	return dsrv_settings_set_text(&admission.refuse_text, text, NULL);
}

int
daemon_set_source_prefix(int ipv4, int ipv6)
{
	if (!is_from(ipv4, 1, 32) || !is_from(ipv6, 1, 128))
		return -1;
	admission.source_ipv4_bits = ipv4;
	admission.source_ipv6_bits = ipv6;
	return 0;
}
