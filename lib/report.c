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

#include "report.h"

enum {
	PATIENCE = 1000,	/* ms, for the starter to read, or at the end */
	REST = 10		/* ms between two tries */
};

static enum dsrv_report_to destination;
static struct {
	pid_t pid;	/* whose messages they are: not a fork's */
	int lost;	/* messages without room, or without a reader */
	size_t size;
	char text[4096];
} waiting;		/* messages, until they are taken */
#define UNABLE "unable to "
#define TOLD_LOST " (%d messages before it are lost)\n"
static int exit_status;
static void (*at_end[2])(void);

void
dsrv_report_to(enum dsrv_report_to to)
{
	destination = to;
}

/*
 * Where messages go: each way takes the first line, or a part of it, and never
 * waits. It returns how much it took; -1 with errno, EAGAIN: try later.
 */

/* Writing without a reader would bring SIGPIPE. */
static int
has_reader(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLOUT };

	return poll(&one, 1, 0) != 1 || !(one.revents & (POLLERR | POLLNVAL));
}

static ssize_t
write_to_stderr(const char *line, size_t size)
{
	struct dsrv_output err;
	ssize_t n;

	if (!has_reader(STDERR_FILENO)) {
		errno = EPIPE;
		return -1;
	}
	dsrv_output_open(&err, STDERR_FILENO);
	n = dsrv_output_write(&err, line, size);
	dsrv_output_close(&err);
	return n;
}

/* RFC 3164, as the C libraries use it: in English, in any locale. */
static size_t
make_record(char *record, size_t room, const char *line, size_t size)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const char *rest = line + strnlen(dsrv_settings_name(), NAME_MAX);
	time_t now = time(NULL);
	struct tm tm = { .tm_mday = 1 };
	int level = LOG_ERR;

	if (rest >= line + size || *rest != ':')	/* a part of a line */
		rest = line;
	else if (strncmp(rest + 2, UNABLE, sizeof UNABLE - 1) != 0)
		level = LOG_INFO;
	localtime_r(&now, &tm);
	snprintf(record, room, "<%d>%.3s %2d %02d:%02d:%02d %.*s[%ld]%.*s",
	    LOG_DAEMON | level, months + 3 * tm.tm_mon, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(rest - line), line,
	    (long)getpid(), (int)(line + size - rest), rest);
	return strlen(record);
}

/* A connection to the system's log; -1 with errno. */
static int
connect_to_syslog(int type)
{
	struct sockaddr_un log = { .sun_family = AF_UNIX,
		.sun_path = _PATH_LOG };
	int fd = dsrv_descriptors_own(socket(AF_UNIX, type, 0));

	if (fd == -1)
		return -1;
	if (dsrv_descriptors_nonblock(fd) == 0 &&
	    connect(fd, (struct sockaddr *)&log, sizeof log) == 0)
		return fd;
	dsrv_descriptors_close(&fd);
	return -1;
}

/* Errors that may pass, such as a full queue. */
static int
is_passing(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM ||
	    error == EMFILE || error == ENFILE;
}

/* As syslog(3), but the program's openlog(3) keeps its effect. On a stream
 * socket each record ends with a NUL. */
static ssize_t
write_to_syslog(const char *line, size_t size)
{
	char record[DSRV_REPORT_MAX + 128];
	size_t length = make_record(record, sizeof record, line, size - 1);
	int error, fd = connect_to_syslog(SOCK_DGRAM);
	ssize_t n = -1;

	if (fd == -1 && errno == EPROTOTYPE) {
		fd = connect_to_syslog(SOCK_STREAM);
		length++;
	}
	if (fd != -1)
		n = send(fd, record, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	error = errno;
	if (fd != -1)
		close(fd);
	errno = n == -1 && is_passing(error) ? EAGAIN : error;
	return n == -1 ? -1 : (ssize_t)size;
}

/* A process without an outbox, such as a worker, has the log pipe as stderr. */
static ssize_t
write_to_log(const char *line, size_t size)
{
	switch (dsrv_outbox_write(line, size)) {
	case -1:
		return write_to_stderr(line, size);
	case 0:
		errno = EAGAIN;
		return -1;
	default:
		return (ssize_t)size;
	}
}

static ssize_t (*const ways[])(const char *line, size_t size) = {
	[DSRV_REPORT_STARTER] = write_to_stderr,
	[DSRV_REPORT_STDERR] = write_to_stderr,
	[DSRV_REPORT_LOG] = write_to_log,
	[DSRV_REPORT_SYSLOG] = write_to_syslog
};

/*
 * Messages that wait
 */

/* A child does not repeat its parent's messages. */
static void
own_waiting(void)
{
	if (waiting.pid == getpid())
		return;
	waiting.pid = getpid();
	waiting.lost = 0;
	waiting.size = 0;
}

static void
add_line(const char *line)
{
	size_t room = sizeof waiting.text - waiting.size;
	char *end = waiting.text + waiting.size;
	int size;

	size = waiting.lost == 0 ? snprintf(end, room, "%s\n", line) :
	    snprintf(end, room, "%s" TOLD_LOST, line, waiting.lost);
	if ((size_t)size >= room) {
		*end = '\0';
		waiting.lost++;
		return;
	}
	waiting.lost = 0;
	waiting.size += (size_t)size;
}

static void
remove_waiting(size_t size)
{
	waiting.size -= size;
	memmove(waiting.text, waiting.text + size, waiting.size + 1);
}

/* The line was not taken: counts it, and the lost ones that it counts. */
static void
lose_line(const char *line, size_t size)
{
	const char *at = line;
	int told = 0;

	while (told == 0 && (at = strstr(at, " (")) != NULL &&
	    at < line + size)
		if (sscanf(at++, TOLD_LOST, &told) != 1)
			told = 0;
	waiting.lost += 1 + told;
}

/* A looping process does not wait for a reader, which may never come: it could
 * be neither signalled nor stopped. */
static void
write_waiting(int patience)
{
	size_t size;
	ssize_t n;

	while (waiting.size > 0) {
		size = (size_t)((char *)memchr(waiting.text, '\n',
		    waiting.size) + 1 - waiting.text);
		n = ways[destination](waiting.text, size);
		if (n == -1 && errno == EAGAIN) {
			if ((patience -= REST) < 0)
				return;
			poll(NULL, 0, REST);
			continue;
		}
		if (n == -1)
			lose_line(waiting.text, size);
		remove_waiting(n == -1 ? size : (size_t)n);
	}
}

int
dsrv_report_flush(int patience)
{
	int saved = errno;

	if (waiting.size == 0)
		return 0;
	own_waiting();
	write_waiting(patience ? PATIENCE : 0);
	errno = saved;
	return waiting.size > 0;
}

/*
 * Messages
 */

/* A message stays one line, even if a name or an address contains a newline. */
static void
make_one_line(char *line)
{
	for (; *line != '\0'; line++)
		if (iscntrl((unsigned char)*line))
			*line = '?';
}

static size_t
format_line(char *line, const char *verb, const char *format, va_list args)
{
	int len = snprintf(line, DSRV_REPORT_MAX, "%.*s: %s",
	    NAME_MAX, dsrv_settings_name(), verb);

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
	len = format_line(line, UNABLE, format, args);
	va_end(args);
	return len;
}

void
dsrv_report_again(const char *line)
{
	int saved = errno;

	own_waiting();
	add_line(line);
	write_waiting(destination == DSRV_REPORT_STARTER ? PATIENCE : 0);
	errno = saved;
}

void
dsrv_report(const char *format, ...)
{
	char line[DSRV_REPORT_MAX];
	int saved = errno;
	va_list args;

	va_start(args, format);
	format_line(line, UNABLE, format, args);
	va_end(args);
	dsrv_report_again(line);
	errno = saved;
}

void
dsrv_report_note(const char *format, ...)
{
	char line[DSRV_REPORT_MAX];
	int saved = errno;
	va_list args;

	va_start(args, format);
	format_line(line, "", format, args);
	va_end(args);
	dsrv_report_again(line);
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
dsrv_report_at_end(void (*last)(void))
{
	int i = 0;

	while (at_end[i] != NULL && at_end[i] != last)
		i++;
	at_end[i] = last;
}

/* The only one. */
static void __attribute__((noreturn))
end_process(int status)
{
	int i;

	for (i = 0; i < DSRV_COUNT(at_end) && at_end[i] != NULL; i++)
		at_end[i]();
	_exit(status);
}

void
dsrv_report_exit(int status)
{
	/* Not exit(3): the program's atexit handlers are for the processes that
	 * it ends itself. Its buffered output is not lost. */
	fflush(NULL);
	dsrv_report_flush(1);
	end_process(status);
}

/* Calls only what a signal handler may call. */
void
dsrv_report_leave(int status)
{
	end_process(status);
}

void
dsrv_report_die(const char *what)
{
	dsrv_report("%s: %s", what, strerror(errno));
	dsrv_report_exit(1);
}

/* Calls only what a signal handler may call. */
void
dsrv_report_stopped(int signo)
{
	struct pollfd err = { .fd = STDERR_FILENO, .events = POLLOUT };
	char line[NAME_MAX + 128], number[] = { (char)('0' + signo / 10),
		(char)('0' + signo % 10), '\0' };
	const char *parts[] = { dsrv_settings_name(),
		": unable to start: stopped by signal ",
		number + (signo < 10), " (", dsrv_sigtable_name(signo), ")" };
	size_t size, length = 0;
	int i;

	for (i = 0; i < DSRV_COUNT(parts); i++) {
		size = strlen(parts[i]);
		if (size > sizeof line - 2 - length)
			size = sizeof line - 2 - length;
		memcpy(line + length, parts[i], size);
		length += size;
	}
	line[length] = '\0';
	make_one_line(line);
	line[length++] = '\n';
	while (poll(&err, 1, PATIENCE) == 1 &&
	    write(STDERR_FILENO, line, length) == -1 && errno == EINTR)
		;
	end_process(1);
}

int
daemon_exit_status(void)
{
	return exit_status;
}
