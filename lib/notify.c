/*
 * notify.c - tells the service manager about the daemon
 *
 * As sd_notify(3), by datagrams to the socket of NOTIFY_SOCKET; and for s6, by
 * a newline on a descriptor. Only the master does so. It never waits: what a
 * full socket does not take is kept and retried. The newest message of each
 * kind is kept, so that none replaces one of another kind.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "listeners.h"

/* In the order in which they are sent. */
enum kind { READY, RELOADING, RELOADED, STOPPING, WORKERS, KINDS };

enum {
	TEXT = 256,
	FIRST_PAUSE = 100, LONGEST_PAUSE = 10000	/* ms */
};

static struct {
	char *name;		/* NULL: there is no socket */
	struct sockaddr_un addr;
	socklen_t len;
	char kept[KINDS][TEXT];	/* what was not taken; "": nothing */
	int failures;		/* in a row */
	int64_t again;		/* when to retry; DSRV_NEVER: all was sent */
	int error;		/* that was reported last */
	int is_ready;		/* the start has succeeded */
	int is_reloading;
	int is_stopping;
	int64_t patience;	/* ms, of the watchdog; 0: there is none */
	int64_t fed;		/* when it last got a message */
	int64_t look;		/* when to count the workers */
	int workers, limit;	/* that it was told of; -1: none */
} manager = { .again = DSRV_NEVER, .look = DSRV_NEVER, .workers = -1 };

/* For another process there is none. A second daemon_start() keeps what the first
 * has taken. */
static void
take_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t ms;

	if (usec == NULL)
		return;
	ms = pid == NULL || strtol(pid, NULL, 10) == getpid() ?
	    strtoll(usec, NULL, 10) / 1000 : 0;
	manager.patience = ms > 0 && ms < INT_MAX ? ms : 0;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

int
dsrv_notify_take(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	char *copy = NULL;

	if (name != NULL && *name != '\0' && (copy = strdup(name)) == NULL)
		return -1;
	unsetenv("NOTIFY_SOCKET");
	take_watchdog();
	if (copy == NULL)
		return 0;
	if (!dsrv_unixsocket_is_meant(copy))
		errno = EAFNOSUPPORT;
	else if (dsrv_unixsocket_name(&manager.addr, &manager.len, copy) == 0) {
		manager.name = copy;
		return 0;
	}
	dsrv_report("notify %s: %s", copy, strerror(errno));
	free(copy);
	return 0;
}

/*
 * Sending
 */

/* 0, or an error number. */
static int
send_text(const char *text)
{
	int fd = dsrv_descriptors_own(socket(AF_UNIX, SOCK_DGRAM, 0)), error;

	if (fd == -1)
		return errno;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	error = sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
	    (struct sockaddr *)&manager.addr, manager.len) == -1 ? errno : 0;
	close(fd);
	return error;
}

/* The manager is busy, or the machine is short of something, but the manager is
 * still there. */
static int
is_passing(int error)
{
	return error == EAGAIN || error == ENOBUFS || error == ENOMEM ||
	    error == EMFILE || error == ENFILE || error == EINTR;
}

static void
report_failure(int error)
{
	if (error != 0 && error != manager.error)
		dsrv_report("notify %s: %s", manager.name, strerror(error));
	manager.error = error;
}

/* Whether the text is done with: it was sent, or can never be. */
static int
is_done_with(const char *text)
{
	int error = send_text(text);

	if (is_passing(error))
		return 0;
	report_failure(error);
	return 1;
}

static void
send_kept(void)
{
	int kind;

	for (kind = 0; kind < KINDS; kind++) {
		if (manager.kept[kind][0] == '\0')
			continue;
		if (!is_done_with(manager.kept[kind])) {
			manager.again = dsrv_clock_now() + dsrv_backoff(
			    ++manager.failures, FIRST_PAUSE, LONGEST_PAUSE);
			return;
		}
		manager.kept[kind][0] = '\0';
		manager.failures = 0;
	}
	manager.again = DSRV_NEVER;
}

static void __attribute__((format(printf, 2, 3)))
tell(enum kind kind, const char *format, ...)
{
	va_list values;

	if (manager.name == NULL)
		return;
	va_start(values, format);
	vsnprintf(manager.kept[kind], TEXT, format, values);
	va_end(values);
	if (manager.again == DSRV_NEVER || manager.again <= dsrv_clock_now())
		send_kept();
}

/*
 * The descriptor
 */

static void
write_newline(int fd)
{
	struct dsrv_output output;

	dsrv_output_open(&output, fd);
	if (dsrv_output_write(&output, "\n", 1) != 1)
		dsrv_report("notify descriptor %d: %s", fd, strerror(errno));
	dsrv_output_close(&output);
}

/* Else it could be the library's own by then. */
int
daemon_set_notify_fd(int fd)
{
	if (fd <= STDERR_FILENO) {
		errno = EINVAL;
		return -1;
	}
	if (fcntl(fd, F_GETFD) == -1)
		return -1;
	if (dsrv_role()->kind > DSRV_MASTER)	/* too late */
		return 0;
	dsrv_role_forget(DSRV_NOTIFY);
	dsrv_role_hold(DSRV_NOTIFY, fd);
	return 0;
}

/*
 * The daemon's life
 */

static void
look_later(void)
{
	manager.look = manager.name == NULL ? DSRV_NEVER : dsrv_clock_now() +
	    (int64_t)dsrv_settings()->server_tick * 1000;
}

void
dsrv_notify_ready(void)
{
	tell(READY, "READY=1\nMAINPID=%ld", (long)getpid());
	if (dsrv_role_holds(DSRV_NOTIFY))
		write_newline(dsrv_role()->held[DSRV_NOTIFY]);
	dsrv_role_leave(DSRV_NOTIFY);
	manager.is_ready = 1;
	look_later();
}

/* The time is in microseconds: the manager compares it with that of its
 * signal. */
void
dsrv_notify_reloading(void)
{
	struct timespec now;

	if (!manager.is_ready || manager.is_stopping)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	manager.kept[RELOADED][0] = '\0';	/* that reload ends later */
	tell(RELOADING, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	manager.is_reloading = 1;
}

void
dsrv_notify_reloaded(const char *failure)
{
	if (!manager.is_reloading || manager.is_stopping)
		return;
	manager.is_reloading = 0;
	if (failure == NULL)
		tell(RELOADED, "READY=1\nSTATUS=Reloaded");
	else
		tell(RELOADED, "READY=1\nSTATUS=Reload failed: the server %s",
		    failure);
	manager.workers = -1;
	look_later();
}

void
dsrv_notify_stopping(void)
{
	if (!manager.is_ready || manager.is_stopping)
		return;
	tell(STOPPING, "STOPPING=1");
	manager.is_stopping = 1;
	manager.look = DSRV_NEVER;
}

void
dsrv_notify_look(int workers, int limit)
{
	int64_t now = dsrv_clock_now();

	if (manager.again <= now)
		send_kept();
	if (manager.look > now)
		return;
	look_later();
	if (workers == manager.workers && limit == manager.limit)
		return;
	manager.workers = workers;
	manager.limit = limit;
	tell(WORKERS, "STATUS=%d of %d workers", workers, limit);
}

int64_t
dsrv_notify_watchdog(void)
{
	return manager.name != NULL ? manager.patience : 0;
}

/* Also while the daemon is stopping, which has a time limit of its own. If the
 * message is not taken it is not kept, since the server may hang by the next
 * try. */
void
dsrv_notify_alive(int64_t silent)
{
	int64_t now = dsrv_clock_now();

	if (manager.is_ready && dsrv_notify_watchdog() > 0 &&
	    silent < manager.patience &&
	    now - manager.fed >= manager.patience / 2 &&
	    is_done_with("WATCHDOG=1"))
		manager.fed = now;
}

int64_t
dsrv_notify_when(void)
{
	return dsrv_clock_earlier(manager.again, manager.look);
}
