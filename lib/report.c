/*
 * report.c - the one way to say what went wrong, and to end a process
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon-private.h"

enum { PATIENCE = 1000 };	/* ms, while a starter reads */

static enum dsrv_report_to destination;
static int lost;	/* messages that nobody took */
static int exit_status;

void
dsrv_report_to(enum dsrv_report_to to)
{
	destination = to;
}

/* Whatever a name or an address holds, a message stays one line. */
static void
make_one_line(char *line)
{
	for (; *line != '\0'; line++)
		if (iscntrl((unsigned char)*line))
			*line = '?';
}

/* Never waits for a reader that may not come: a looping process that does
 * could be neither signalled nor stopped. */
static void
write_line(const char *line, int patience)
{
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
	char text[1200];
	int len, n;

	while ((n = poll(&err, 1, patience)) == -1 && errno == EINTR)
		;
	/* POLLERR: nobody is left to read, and SIGPIPE would end us. */
	if (n != 1 || !(err.revents & POLLOUT) || err.revents & POLLERR) {
		lost++;
		return;
	}
	len = lost == 0 ? snprintf(text, sizeof text, "%s\n", line) :
	    snprintf(text, sizeof text, "%s (%d messages before it are lost)\n",
	    line, lost);
	if (write(STDERR_FILENO, text, (size_t)len) == len)
		lost = 0;
	else
		lost++;
}

void
dsrv_report(const char *format, ...)
{
	int saved = errno, len;
	char line[1024];
	va_list args;

	len = snprintf(line, sizeof line, "%s: unable to ",
	    dsrv_settings_name());
	if (len < 0 || (size_t)len >= sizeof line)
		len = 0;
	va_start(args, format);
	vsnprintf(line + len, sizeof line - (size_t)len, format, args);
	va_end(args);
	make_one_line(line);

	if (destination == DSRV_REPORT_SYSLOG) {
		/* Closed each time: no descriptor that the program does not
		 * know of, for daemon_clean_fd() to close under it. */
		openlog(dsrv_settings_name(), LOG_PID, LOG_DAEMON);
		syslog(LOG_ERR, "%s", line + strlen(dsrv_settings_name()) + 2);
		closelog();
	} else
		write_line(line,
		    destination == DSRV_REPORT_STARTER ? PATIENCE : 0);
	errno = saved;
}

const char *
dsrv_report_how(int wait_status)
{
	static char text[128];

	if (WIFSIGNALED(wait_status))
		snprintf(text, sizeof text, "was ended by signal %d (%s)",
		    WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
	else
		snprintf(text, sizeof text, "ended with status %d",
		    WEXITSTATUS(wait_status));
	return text;
}

int
dsrv_report_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) :
	    WEXITSTATUS(wait_status);
}

int
dsrv_report_end(int status, int error, int return_fatal)
{
	exit_status = status;
	if (return_fatal == 0)
		dsrv_report_exit(status);
	errno = error;
	return return_fatal;
}

void
dsrv_report_exit(int status)
{
	/* Not exit(3): the program's atexit handlers are for the processes
	 * that it ends itself. What it has printed is not lost. */
	fflush(NULL);
	_exit(status);
}

void
dsrv_report_die(const char *what)
{
	dsrv_report("%s: %s", what, strerror(errno));
	dsrv_report_exit(1);
}

int
daemon_exit_status(void)
{
	return exit_status;
}
