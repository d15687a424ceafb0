/*
 * remains.c - what a start that fails must not leave: files
 *
 * The pid file, and the names of Unix-domain sockets. The starter and the leader
 * each remove them, since the other may have been killed.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "report.h"
#include "role.h"
#include "start.h"
#include "listeners.h"

int
dsrv_remains_open(void)
{
	if (dsrv_unixsocket_share() == -1) {
		dsrv_report("start: %s", strerror(errno));
		return -1;
	}
	return dsrv_pidfile_open();
}

/* Where the program goes on, what it has opened before the start is still its
 * own. */
void
dsrv_remains_remove(void)
{
	if (dsrv_settings()->start_return_fatal == 0)
		dsrv_unixsocket_remove(0);
	dsrv_unixsocket_remove_told();
	dsrv_pidfile_remove();
}

void
dsrv_remains_leave(void)
{
	dsrv_unixsocket_leave();
	dsrv_role_leave(DSRV_PID_FILE);
}
