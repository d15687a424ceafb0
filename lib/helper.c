/*
 * helper.c - a child that does slow work for a looping process
 *
 * It holds no descriptor whose end others wait for, and takes no lock that a
 * thread of the program may have held at the fork: it could wait for ever.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <unistd.h>

#include "report.h"
#include "listeners.h"

void
dsrv_helper_begin(const int *fds, int count)
{
	int fd;

	dsrv_title_set("helper");
	if (dsrv_descriptors_null(STDIN_FILENO, STDERR_FILENO) == -1)
		for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			close(fd);
	dsrv_fdclean_helper(fds, count);
}

void
dsrv_helper_end(int status)
{
	dsrv_report_leave(status);
}
