/*
 * report.c - the one way to say what went wrong, and to end a process
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <paths.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
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

/* What syslog(3) does, but never waits, and leaves the program's openlog(3)
 * as it is. The protocol is RFC 3164's, as the C libraries speak it. */
static void
log_line(const char *line)
{
	struct sockaddr_un log = { .sun_family = AF_UNIX };
	char text[1200], date[32];
	time_t now = time(NULL);
	const char *rest = strchr(line, ':');
	struct tm tm;
	int fd, len;

	strcpy(log.sun_path, _PATH_LOG);
	strftime(date, sizeof date, "%b %e %H:%M:%S", localtime_r(&now, &tm));
	len = snprintf(text, sizeof text, "<%d>%s %.*s[%ld]%s",
	    LOG_DAEMON | LOG_ERR, date, (int)(rest - line), line,
	    (long)getpid(), rest);
	fd = dsrv_descriptors_own(socket(AF_UNIX, SOCK_DGRAM, 0));
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&log, sizeof log) == -1 ||
	    send(fd, text, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) != len)
		lost++;
	if (fd != -1)
		close(fd);
}

void
dsrv_report(const char *format, ...)
{
	int saved = errno, len;
	char line[1024];
	va_list args;

	len = snprintf(line, sizeof line, "%.*s: unable to ", NAME_MAX,
	    dsrv_settings_name());
	va_start(args, format);
	vsnprintf(line + len, sizeof line - (size_t)len, format, args);
	va_end(args);
	make_one_line(line);

	if (destination == DSRV_REPORT_SYSLOG)
		log_line(line);
	else
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
