/*
 * helper.c - a child that does for a looping process what may take long
 *
 * It holds nothing that others wait to be closed, and takes no lock that a
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
