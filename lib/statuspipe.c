/*
 * statuspipe.c - the words that travel up the status pipe, hop by hop
 *
 * Each child that a stage forks holds the write end of a pipe to its looping
 * parent. A word has eight bytes; end of file says that no more will come; and
 * the child sees the parent's death as an error on the write end. So the pipe
 * is the lifeline of both.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admission.h"
#include "report.h"
#include "role.h"
#include "listeners.h"

enum {
	SHORT_OF_MEMORY = 10,	/* ms, until the next try; */
	TRIES = 100
};

struct word {
	int32_t word;
	int32_t number;
};

int
dsrv_statuspipe_open(int *from_child, int *to_parent)
{
	return dsrv_descriptors_pipe(from_child, to_parent,
	    DSRV_READ_END | DSRV_WRITE_END);
}

/* A pipe takes eight bytes at once, unless there is no memory, or it is full
 * because the parent was stopped: then it is full of reloads, since other words
 * are rare. One reload there is enough. */
static int
may_try_again(enum dsrv_status_word word, int *tries)
{
	if (errno == EINTR)
		return 1;
	if (errno == EPIPE || (errno == EAGAIN && word == DSRV_STATUS_RELOAD) ||
	    (*tries)-- == 0)
		return 0;
	poll(NULL, 0, SHORT_OF_MEMORY);
	return 1;
}

int
dsrv_statuspipe_say(enum dsrv_status_word word, int number)
{
	struct word said = { .word = (int32_t)word, .number = number };
	int fd = dsrv_role()->held[DSRV_TO_PARENT], tries = TRIES;
	ssize_t n;

	if (fd == -1)
		return 0;
	do
		n = write(fd, &said, sizeof said);
	while (n == -1 && may_try_again(word, &tries));
	return n == -1 ? -1 : 0;
}

enum dsrv_status_word
dsrv_statuspipe_hear(int from_child, int *number)
{
	struct word said;
	ssize_t n;

	while ((n = read(from_child, &said, sizeof said)) == -1 &&
	    errno == EINTR)
		;
	if (n == 0)
		return DSRV_STATUS_GONE;
	/* After an error the pipe is read again. A word that the child cannot
	 * have sent is ignored. */
	if (n != (ssize_t)sizeof said || said.word < DSRV_STATUS_SUCCESS ||
	    said.word > DSRV_STATUS_ORPHAN)
		return DSRV_STATUS_NOTHING;
	*number = said.number;
	return (enum dsrv_status_word)said.word;
}

static int
use_log(int log, int foreground)
{
	return (!foreground &&
	    dsrv_descriptors_put(log, STDOUT_FILENO) == -1) ||
	    dsrv_descriptors_put(log, STDERR_FILENO) == -1 ? -1 : 0;
}

int
dsrv_statuspipe_settle(void)
{
	int log = dsrv_role()->held[DSRV_TO_LOGGER];
	int foreground = dsrv_settings()->foreground;

	if ((log != -1 ? use_log(log, foreground) :
	    foreground ? 0 : dsrv_descriptors_null(1, 2)) == -1) {
		dsrv_report("%s: %s", log != -1 ? "write to the log" :
		    "open /dev/null", strerror(errno));
		return -1;
	}
	dsrv_report_to(log != -1 ? DSRV_REPORT_LOG :
	    foreground ? DSRV_REPORT_STDERR : DSRV_REPORT_SYSLOG);
	return 0;
}

/* Here the shell sees what daemon_server() would refuse, and at a reload an
 * earlier server still serves. */
static int
check_start(void)
{
	static const char verb[] = "confirm the start";
	int error = dsrv_role_enter(DSRV_STARTING, verb);

	if (error == 0)
		error = dsrv_admission_check(verb);
	if (error != 0 || !dsrv_ownsocket_has_lost() ||
	    dsrv_fdclean_has_listener())
		return error;
	dsrv_report("%s: there is no socket to serve: daemon_listen() has "
	    "failed, or what it opened is closed", verb);
	return EBADF;
}

int
daemon_success(void)
{
	int error, saved = errno;
	int fatal = dsrv_settings()->server_return_fatal;

	if (dsrv_role()->kind == DSRV_CONFIRMED && dsrv_role()->pid == getpid())
		return 0;
	if ((error = check_start()) != 0)
		return dsrv_report_end(1, error, fatal);

	/* The starter shows what is in the relay when it hears of the success:
	 * nothing may be written there later. */
	fflush(NULL);
	/* A later server already has the master's streams: a shortage for a
	 * moment must not end the daemon. */
	if (dsrv_statuspipe_settle() == -1 && !dsrv_role()->follows)
		return dsrv_report_end(1, errno, fatal);
	dsrv_role_leave(DSRV_TO_LOGGER);
	dsrv_role_become(DSRV_CONFIRMED);
	dsrv_statuspipe_say(DSRV_STATUS_SUCCESS, 0);
	errno = saved;
	return 0;
}
