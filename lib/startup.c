/*
 * startup.c - daemon_start(): the starter waits, the master goes on
 *
 *     shell -- starter ---- leader -- master
 *              loops in               returns
 *              starter.c
 *
 * In the foreground there is only the master.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "start.h"
#include "startdir.h"
#include "listeners.h"

static int
refuse(const char *what, int error)
{
	dsrv_report("%s: %s", what, strerror(error));
	return dsrv_report_end(1, error, dsrv_settings()->start_return_fatal);
}

static int
refuse_without_null(int error)
{
	int value, lent = dsrv_descriptors_lend_stderr();

	if (lent == -1)
		dsrv_report_to(DSRV_REPORT_SYSLOG);
	value = refuse("open /dev/null", error);
	if (lent == 1)
		close(STDERR_FILENO);
	return value;
}

/* In a master that has reported why. */
static void
end_start(void)
{
	dsrv_statuspipe_say(DSRV_STATUS_ENDED, 1);
	dsrv_report_exit(1);
}

/* Called in the leader, returns in the master. */
static void
become_master(struct dsrv_ends *ends)
{
	int for_master[] = { ends->to_starter, ends->to_stdout,
		ends->to_stderr };
	const char *directory = dsrv_settings()->working_directory;
	sigset_t none;

	dsrv_leader_become(ends->from_starter, ends->null, for_master,
	    DSRV_COUNT(for_master));
	ends->from_starter = -1;

	if (dsrv_descriptors_put(ends->null, STDIN_FILENO) == -1 ||
	    dsrv_descriptors_put(ends->to_stdout, STDOUT_FILENO) == -1 ||
	    dsrv_descriptors_put(ends->to_stderr, STDERR_FILENO) == -1)
		dsrv_report_die("give the master its streams");
	dsrv_role_hold(DSRV_TO_PARENT, ends->to_starter);
	ends->to_starter = -1;
	dsrv_starter_close(ends);
	if (dsrv_descriptors_renew(STDIN_FILENO) == -1 ||
	    dsrv_descriptors_renew(STDOUT_FILENO) == -1)
		dsrv_report_die("renew stdin and stdout");
	sigemptyset(&none);
	dsrv_sigaction_reset(&none);
	dsrv_role_become(DSRV_MASTER);
	dsrv_role_guard();
	dsrv_unixsocket_keep();
	if (directory != NULL && chdir(directory) == -1) {
		dsrv_report("change to directory %s: %s", directory,
		    strerror(errno));
		end_start();
	}
	if (dsrv_pidfile_write() == -1)
		end_start();
}

static int
go_into_background(void)
{
	struct dsrv_ends ends = { -1, -1, -1, -1, -1 };
	int value = dsrv_starter_run(&ends);

	if (value == 0)
		become_master(&ends);
	return value;
}

static void
guard_master(void)
{
	sigset_t untouched;

	dsrv_sigaction_ignored(&untouched);
	if (sigismember(&untouched, SIGHUP))
		dsrv_role_keep_hup_ignored();
	sigemptyset(&untouched);
	sigaddset(&untouched, SIGHUP);
	if (getpid() == 1)
		dsrv_process1_guard(&untouched);
	dsrv_sigaction_reset(&untouched);
	dsrv_role_become(DSRV_MASTER);
	dsrv_role_guard();
}

static int
stay_in_foreground(void)
{
	int error;

	guard_master();	/* first, since a stop also removes the file */
	if (dsrv_pidfile_open() == 0 && dsrv_pidfile_write() == 0)
		return 0;
	error = errno;
	dsrv_pidfile_remove();
	dsrv_role_become(DSRV_PROGRAM);
	return dsrv_report_end(1, error, dsrv_settings()->start_return_fatal);
}

int
daemon_start(void)
{
	int error, value, saved = errno;

	if (dsrv_descriptors_fill() == -1)
		return refuse_without_null(errno);
	if ((error = dsrv_role_enter(DSRV_PROGRAM, "start")) != 0)
		return dsrv_report_end(1, error,
		    dsrv_settings()->start_return_fatal);
	if (dsrv_notify_take() == -1 || dsrv_inherited_take() == -1 ||
	    dsrv_fdclean_inherit() == -1)
		return refuse("start", errno);
	dsrv_startdir_is_here();
	if (getpid() == 1)	/* process 1 must not end */
		dsrv_settings_stay_in_foreground();
	value = dsrv_settings()->foreground ? stay_in_foreground() :
	    go_into_background();
	if (value == 0)
		errno = saved;
	return value;
}
