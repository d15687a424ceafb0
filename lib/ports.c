/*
 * ports.c - what a daemon listens on: found at its start, ended at its stop
 *
 * Spares and workers share them, and such a process can hold a socket's lock,
 * as by a page fault. So what takes that lock is done by a child, for which
 * nothing waits: close(2) of a listener does not take it, getsockname(2) does.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "listeners.h"

/* Found while they listen: one that has been shut down cannot be told from
 * others. */
static struct {
	struct port {
		int fd;
		int is_unix;
	} *all;
	int count;
} ports;

/*
 * Finding
 */

static int
add_port(int fd)
{
	struct port *more;

	if (dsrv_listener_check(fd) != 0)
		return 0;
	more = realloc(ports.all,
	    ((size_t)ports.count + 1) * sizeof *more);
	if (more == NULL)
		return -1;
	ports.all = more;
	ports.all[ports.count++] = (struct port) {
		.fd = fd, .is_unix = dsrv_listener_is_unix(fd)
	};
	return 0;
}

void
dsrv_ports_find(void)
{
	free(ports.all);
	ports.all = NULL;
	ports.count = 0;
	dsrv_fdclean_visit(add_port);
}

/*
 * Closing
 */

void
dsrv_ports_close(void)
{
	int i;

	for (i = 0; i < ports.count; i++)
		close(ports.all[i].fd);
	ports.count = 0;
}

/* What clients have sent to a Unix-domain socket may be descriptors, and
 * closing those may take long: not before this process ends. */
void
dsrv_ports_leave(void)
{
	int i;

	for (i = 0; i < ports.count; i++)
		if (!ports.all[i].is_unix)
			close(ports.all[i].fd);
	ports.count = 0;
}

/*
 * Ending, for all processes that hold them
 */

static void
end_all(void)
{
	int i;

	for (i = 0; i < ports.count; i++)
		dsrv_listener_end(ports.all[i].fd);
}

static int
has_unix(void)
{
	int i;

	for (i = 0; i < ports.count; i++)
		if (ports.all[i].is_unix)
			return 1;
	return 0;
}

/* It may sleep for long, and must not keep what others wait to be closed. */
static int
end_by_child(struct dsrv_loop *loop)
{
	pid_t pid = dsrv_loop_fork(loop);

	if (pid != 0)
		return pid == -1 ? -1 : 0;
	dsrv_role_disconnect();
	dsrv_role_leave_log();
	dsrv_descriptors_null(STDIN_FILENO, STDERR_FILENO);
	end_all();
	dsrv_report_exit(0);
}

void
dsrv_ports_end(struct dsrv_loop *loop, int are_shared)
{
	if (ports.count == 0)
		return;
	if (!(are_shared || has_unix()) || end_by_child(loop) == -1)
		end_all();
	dsrv_ports_leave();
}
