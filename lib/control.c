/*
 * control.c - daemon_running(), daemon_send(): a daemon, by its pid file
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/syscall.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "logfile.h"
#include "start.h"

enum {
	LOOK = 20,	/* ms between two checks of the lock */
	REMAINS = 3000	/* ms: what is left of a start holds it no longer */
};

struct target {
	int file;
	pid_t pid;
	int process;	/* a pidfd, or -1: the system has none */
	int64_t ended;	/* when its end was seen; 0: not yet */
};

/*
 * A descriptor of a process, whose number may later be another's
 */

static int
open_process(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	errno = ENOSYS;
	return -1;
#endif
}

static int
send_to(const struct target *t, int signo)
{
#ifdef SYS_pidfd_send_signal
	if (t->process != -1)
		return (int)syscall(SYS_pidfd_send_signal, t->process, signo,
		    NULL, 0);
#endif
	return kill(t->pid, signo);
}

/*
 * Which process it is
 */

static void
close_target(struct target *t)
{
	int saved = errno;

	close(t->file);
	if (t->process != -1)
		close(t->process);
	errno = saved;
}

/* If the process holds the lock now, it also held it when its descriptor was
 * opened. If the lock was taken in another container, the number is that of a
 * stranger, which does not have the file open. */
static int
is_master(const struct target *t)
{
	if (kill(t->pid, 0) == -1)
		return 0;	/* ESRCH or EPERM */
	if (dsrv_pidfile_is_of(t->file, t->pid) &&
	    dsrv_filelock_has(t->pid, t->file) != 0)
		return 1;
	errno = ESRCH;
	return 0;
}

/* -1 with errno; ESRCH: none runs. */
static int
open_target(struct target *t, const char *pid_file)
{
	if ((t->file = dsrv_pidfile_find(pid_file, &t->pid)) == -1) {
		if (errno == EBUSY)
			errno = ESRCH;
		return -1;
	}
	t->process = open_process(t->pid);
	t->ended = 0;
	if (is_master(t))
		return 0;
	close_target(t);
	return -1;
}

/*
 * Its end
 */

static int
ends(int signo)
{
	return signo == SIGUSR2 || signo == SIGINT || signo == SIGTERM ||
	    signo == SIGQUIT;
}

/* Waits up to ms; whether the process has ended, perhaps long ago. */
static int
has_ended(struct target *t, int ms)
{
	struct pollfd process = { .fd = t->process, .events = POLLIN };

	if (t->ended == 0 && (t->process != -1 ?
	    poll(&process, 1, ms) == 1 :
	    kill(t->pid, 0) == -1 && errno == ESRCH))
		t->ended = dsrv_clock_now();
	return t->ended != 0;
}

/* What is left of a start that was ended holds the lock a moment longer. Then it
 * is another process that has waited for it: the number stays if the master was
 * killed. */
static int
has_left(const struct target *t)
{
	return !dsrv_pidfile_is_of(t->file, t->pid) || (t->ended != 0 &&
	    dsrv_clock_now() - t->ended >= REMAINS);
}

/* Waits up to ms; whether it is gone and another may start. */
static int
is_gone(struct target *t, int64_t ms)
{
	int limit = ms > INT_MAX ? INT_MAX : (int)ms;

	if (!has_ended(t, limit) && t->process != -1)
		return 0;
	if (has_left(t))
		return 1;
	dsrv_clock_sleep(limit < LOOK ? limit : LOOK);
	return 0;
}

static int
wait_for_end(struct target *t, int seconds)
{
	int64_t now = dsrv_clock_now(), until = now + (int64_t)seconds * 1000;

	for (; now < until; now = dsrv_clock_now())
		if (is_gone(t, until - now))
			return 0;
	if (is_gone(t, 0))
		return 0;
	errno = ETIMEDOUT;
	return -1;
}

/*
 * The calls
 */

pid_t
daemon_running(const char *pid_file)
{
	int fd, saved = errno;
	pid_t pid = 0;

	if (pid_file == NULL) {
		errno = EINVAL;
		return -1;
	}
	if ((fd = dsrv_pidfile_find(pid_file, &pid)) != -1)
		close(fd);
	else if (errno != ESRCH)
		return -1;
	errno = saved;
	return pid;
}

int
daemon_send(const char *pid_file, int signo, int seconds)
{
	int result, saved = errno;
	struct target t;

	if (pid_file == NULL || signo < 0 || seconds < 0) {
		errno = EINVAL;
		return -1;
	}
	if (open_target(&t, pid_file) == -1)
		return -1;
	result = send_to(&t, signo);
	if (result == 0 && seconds > 0 && ends(signo))
		result = wait_for_end(&t, seconds);
	close_target(&t);
	if (result == 0)
		errno = saved;
	return result;
}
