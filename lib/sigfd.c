/*
 * sigfd.c - the signals that a process obeys, made readable
 *
 * A signal that arrives just before poll(2) must still wake it. So signals are
 * read from a descriptor that poll(2) watches. With signalfd(2) they are
 * blocked and the kernel keeps them; without it a handler writes them to a
 * pipe. The mask of ppoll(2) would not do: if a descriptor is ready, Linux
 * returns it and runs no handler, so a busy listener would keep signals out.
 *
 * With signalfd(2) a child only restores its mask, and no handler touches the
 * stack, whose pages would have to be copied after each fork.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_SIGNALFD
#include <sys/signalfd.h>
#include <sys/syscall.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "signals.h"

/*
 * Two ways to keep a signal until it is read
 */

#ifdef HAVE_SIGNALFD

/* The code of a signal that another thread has passed on. */
enum { FROM_PROCESS = -101, FROM_KERNEL = -102 };

#ifdef SYS_rt_tgsigqueueinfo

static pid_t reader;	/* the thread that blocks and reads them */

/* In another thread of this process, which the kernel has chosen. */
static void
pass_on(int signo, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)context;
	info->si_code = info->si_code > 0 ? FROM_KERNEL : FROM_PROCESS;
	syscall(SYS_rt_tgsigqueueinfo, getpid(), reader, signo, info);
	errno = saved;
}

static void
hear_other_threads(const sigset_t *signals)
{
	struct sigaction action;
	int signo;

	reader = (pid_t)syscall(SYS_gettid);
	dsrv_sigaction_prepare(&action, pass_on);
	for (signo = 1; signo < NSIG; signo++)
		if (sigismember(signals, signo) == 1)
			dsrv_sigaction_change(signo, &action);
}

#else

static void
hear_other_threads(const sigset_t *signals)
{
	(void)signals;
}

#endif

static int
begin_receiving(struct dsrv_sigfd *c)
{
	sigset_t mask = c->mask;
	int signo;

	/* We ignore it, but a failed write must not end us. */
	sigaddset(&c->signals, SIGPIPE);
	c->fd = dsrv_descriptors_own(signalfd(-1, &c->signals,
	    SFD_CLOEXEC | SFD_NONBLOCK));
	if (c->fd == -1)
		return -1;
	if (!dsrv_settings()->thread_check)
		hear_other_threads(&c->signals);
	dsrv_sigaction_want_status();
	for (signo = 1; signo < NSIG; signo++)
		if (sigismember(&c->signals, signo) == 1)
			sigaddset(&mask, signo);
	dsrv_sigaction_let_in(&mask);
	return 0;
}

int
dsrv_sigfd_read(struct dsrv_sigfd *c, struct dsrv_signal *received)
{
	/* Only a few: they are on the stack, too. */
	struct signalfd_siginfo kept[4];
	ssize_t n = read(c->fd, kept, sizeof kept);
	int i, count = 0;

	for (i = 0; n > 0 && i < (int)((size_t)n / sizeof kept[0]); i++) {
		if (kept[i].ssi_signo == SIGPIPE)
			continue;
		received[count].signo = (int)kept[i].ssi_signo;
		received[count].from_kernel = kept[i].ssi_code > 0 ||
		    kept[i].ssi_code == FROM_KERNEL;
		received[count++].pid = (pid_t)kept[i].ssi_pid;
	}
	return count;
}

/* The signals are blocked, and we have no handlers that could run across the
 * fork. */
void
dsrv_sigfd_hold(struct dsrv_sigfd *c)
{
	(void)c;
}

void
dsrv_sigfd_go_on(struct dsrv_sigfd *c)
{
	(void)c;
}

static void
discard(struct dsrv_sigfd *c)
{
	struct pollfd kept = { .fd = c->fd, .events = POLLIN };
	struct dsrv_signal received[DSRV_SIGFD_MAX];

	while (poll(&kept, 1, 0) == 1)
		dsrv_sigfd_read(c, received);
}

static void
close_ends(struct dsrv_sigfd *c)
{
	close(c->fd);
}

/* Takes a pending SIGPIPE, which we ignore, but which would end us. */
static void
forget_sigpipe(void)
{
	static const struct timespec now;
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, SIGPIPE);
	while (sigtimedwait(&one, NULL, &now) == SIGPIPE)
		;
}

#else

enum { KINDS_MAX = 8 };	/* the table, SIGCHLD */

static int to_loop = -1;
static volatile sig_atomic_t missed[NSIG];	/* the pipe was full */

static void
wake(int signo, siginfo_t *info, void *context)
{
	struct dsrv_signal record = { .signo = signo, .pid = info->si_pid,
		.from_kernel = info->si_code > 0 };
	int saved = errno;

	(void)context;
	if (write(to_loop, &record, sizeof record) != (ssize_t)sizeof record)
		missed[signo] = 1;
	if (errno != saved)	/* a write would copy its page after a fork */
		errno = saved;
}

static int
begin_receiving(struct dsrv_sigfd *c)
{
	struct sigaction action;
	sigset_t mask = c->mask;
	int signo;

	if (dsrv_descriptors_pipe(&c->fd, &to_loop,
	    DSRV_READ_END | DSRV_WRITE_END) == -1)
		return -1;
	memset((void *)missed, 0, sizeof missed);
	dsrv_sigaction_prepare(&action, wake);
	action.sa_flags = SA_SIGINFO | SA_NOCLDSTOP;
	sigfillset(&action.sa_mask);
	for (signo = 1; signo < NSIG; signo++)
		if (sigismember(&c->signals, signo) == 1) {
			dsrv_sigaction_change(signo, &action);
			sigdelset(&mask, signo);
		}
	dsrv_sigaction_ignore(SIGPIPE);
	dsrv_sigaction_let_in(&mask);
	return 0;
}

int
dsrv_sigfd_read(struct dsrv_sigfd *c, struct dsrv_signal *received)
{
	ssize_t n = read(c->fd, received,
	    (DSRV_SIGFD_MAX - KINDS_MAX) * sizeof *received);
	int signo, count;

	count = n > 0 ? (int)((size_t)n / sizeof *received) : 0;
	/* If a signal was missed, the pipe was full, so it has become
	 * readable. */
	for (signo = 1; signo < NSIG; signo++) {
		if (!missed[signo])
			continue;
		missed[signo] = 0;
		received[count].signo = signo;
		received[count].from_kernel = 0;
		received[count++].pid = 0;
	}
	return count;
}

void
dsrv_sigfd_hold(struct dsrv_sigfd *c)
{
	dsrv_sigaction_block(&c->held);
}

void
dsrv_sigfd_go_on(struct dsrv_sigfd *c)
{
	dsrv_sigaction_let_in(&c->held);
}

static void
discard(struct dsrv_sigfd *c)
{
	(void)c;	/* it goes with the pipe */
}

static void
close_ends(struct dsrv_sigfd *c)
{
	close(c->fd);
	close(to_loop);
	to_loop = -1;
}

static void
forget_sigpipe(void)
{
	/* it was ignored */
}

#endif

/*
 * From the beginning to the end
 */

int
dsrv_sigfd_open(struct dsrv_sigfd *c, const sigset_t *untouched)
{
	const int *signo;

	dsrv_sigaction_begin();
	sigemptyset(&c->signals);
	for (signo = dsrv_sigtable; *signo != 0; signo++)
		if (untouched == NULL || !sigismember(untouched, *signo))
			sigaddset(&c->signals, *signo);
	sigaddset(&c->signals, SIGCHLD);
	dsrv_sigaction_block(&c->mask);
	dsrv_process1_leave();
	c->worker_mask = c->mask;
	if (begin_receiving(c) == 0)
		return 0;
	dsrv_sigaction_let_in(&c->mask);
	return -1;
}

void
dsrv_sigfd_close(struct dsrv_sigfd *c, int forgets)
{
	dsrv_sigaction_block(NULL);
	dsrv_sigaction_end();
	if (forgets)
		discard(c);
	forget_sigpipe();
	close_ends(c);
	dsrv_sigaction_let_in(&c->mask);
}

void
dsrv_sigfd_hint(void)
{
	raise(SIGCHLD);
}

void
dsrv_sigfd_give(struct dsrv_sigfd *c, int signo, void (*handler)(int))
{
	if (sigismember(&c->signals, signo) &&
	    dsrv_sigaction_give(signo, handler))
		sigaddset(&c->worker_mask, signo);
}

void
dsrv_sigfd_leave(struct dsrv_sigfd *c, int ignoring)
{
	close_ends(c);
	dsrv_sigaction_leave(ignoring);
}
