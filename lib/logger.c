/*
 * logger.c - daemon_logger(): the stage that a server passes by
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <unistd.h>

#include "daemon-private.h"

int
daemon_logger(void)
{
	const struct dsrv_stage *stage = dsrv_stage();
	int error;

	if (stage->kind == DSRV_CONFIRMED && stage->pid == getpid())
		return 0;
	error = dsrv_stage_enter(DSRV_STARTING, "pass by the logger");
	if (error != 0)
		return dsrv_report_end(1, error,
		    dsrv_settings()->logger_return_fatal);
	return 0;
}
