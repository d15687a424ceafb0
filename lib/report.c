/*
 * report.c - the one way to say what went wrong, and to end a process
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <paths.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "daemon-private.h"

enum { PATIENCE = 1000 };	/* ms, while a starter reads, or at an end */

static enum dsrv_report_to destination;
static int lost;	/* messages that nobody took */
enum { ROOM = 4096 };
static struct {
	pid_t pid;	/* whose they are: not those of its forks */
	size_t size;
	char *text;
} waiting;		/* messages, until somebody takes them */
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

/* Between poll(2) and write(2) another process may have filled the log pipe;
 * a page that is spliced into it never waits, and is all there or not. */
static ssize_t
write_now(const char *text, size_t len)
{
#ifdef HAVE_VMSPLICE
	struct iovec page = { .iov_len = len };
	ssize_t n = -1;
	int error;

	page.iov_base = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page.iov_base != MAP_FAILED) {
		memcpy(page.iov_base, text, len);
		n = vmsplice(STDERR_FILENO, &page, 1, SPLICE_F_NONBLOCK);
		error = errno;
		munmap(page.iov_base, len);	/* the pipe has it still */
		if (n != -1 || error == EAGAIN)
			return n;
	}
#endif
	return write(STDERR_FILENO, text, len);
}

static void
add_line(const char *line)
{
	size_t room;
	int len;

	if (waiting.text == NULL)	/* few ever need it */
		waiting.text = malloc(ROOM);
	if (waiting.pid != getpid()) {
		waiting.pid = getpid();
		waiting.size = 0;
	}
	room = waiting.text != NULL ? ROOM - waiting.size : 0;
	len = lost == 0 ? snprintf(waiting.text + waiting.size, room, "%s\n",
	    line) : snprintf(waiting.text + waiting.size, room,
	    "%s (%d messages before it are lost)\n", line, lost);
	if ((size_t)len >= room) {
		lost++;
		return;
	}
	lost = 0;
	waiting.size += (size_t)len;
}

/* Whether standard error takes a line, or nobody is left to read it: to write
 * it then would end us by SIGPIPE. */
static int
takes_line(int patience, int *gone)
{
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
	int n;

	while ((n = poll(&err, 1, patience)) == -1 && errno == EINTR)
		;
	*gone = n == 1 && err.revents & (POLLERR | POLLNVAL);
	return n == 1 && err.revents & POLLOUT && !*gone;
}

/* Waits no longer than this for a reader that may not come: a looping process
 * that does could be neither signalled nor stopped. */
static void
write_waiting(int patience)
{
	size_t len;
	int gone;

	if (waiting.pid != getpid())
		waiting.size = 0;	/* they are our parent's */
	while (waiting.size > 0) {
		len = (size_t)((char *)memchr(waiting.text, '\n',
		    waiting.size) + 1 - waiting.text);
		if (!takes_line(patience, &gone)) {
			if (!gone)
				return;
			lost++;
		} else if (write_now(waiting.text, len) == -1) {
			if (errno == EAGAIN)
				return;
			lost++;
		}
		waiting.size -= len;
		memmove(waiting.text, waiting.text + len, waiting.size);
	}
}

int
dsrv_report_flush(int patience)
{
	int saved = errno;

	if (waiting.size == 0)
		return 0;
	write_waiting(patience ? PATIENCE : 0);
	errno = saved;
	return waiting.size > 0;
}

/* What syslog(3) does, but never waits, and leaves the program's openlog(3)
 * as it is. The protocol is RFC 3164's, as the C libraries speak it. */
static void
log_line(const char *line)
{
	struct sockaddr_un log = { .sun_family = AF_UNIX };
	char text[DSRV_REPORT_MAX + 64], date[32];
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

static size_t
format_line(char *line, const char *format, va_list args)
{
	int len = snprintf(line, DSRV_REPORT_MAX, "%.*s: unable to ",
	    NAME_MAX, dsrv_settings_name());

	vsnprintf(line + len, (size_t)(DSRV_REPORT_MAX - len), format, args);
	make_one_line(line);
	return strlen(line);
}

size_t
dsrv_report_line(char *line, const char *format, ...)
{
	va_list args;
	size_t len;

	va_start(args, format);
	len = format_line(line, format, args);
	va_end(args);
	return len;
}

void
dsrv_report(const char *format, ...)
{
	char line[DSRV_REPORT_MAX];
	int saved = errno;
	va_list args;

	va_start(args, format);
	format_line(line, format, args);
	va_end(args);
	if (destination == DSRV_REPORT_SYSLOG)
		log_line(line);
	else {
		add_line(line);
		write_waiting(destination == DSRV_REPORT_STARTER ?
		    PATIENCE : 0);
	}
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
	dsrv_report_flush(1);
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
