/*
 * wakeup.c - lets untrusted processes wake a looping one
 *
 * A socket could pass descriptors, whose close(2) may take as long as their
 * sender likes, and a pipe has a lock that a writer can hold. An eventfd(2) has
 * neither problem. It is read without waiting, in any mode that others set on
 * it. Without eventfd(2) a pipe must do.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_SYS_EVENTFD_H
#include <sys/eventfd.h>
#endif
#include <sys/uio.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "loop.h"

#if defined(HAVE_SYS_EVENTFD_H) && defined(HAVE_PREADV2) && \
    defined(RWF_NOWAIT)

/* Whether reading works: it has read something, or nothing was there. */
static int
read_at_once(int fd, void *buf, size_t size)
{
	struct iovec iov = { .iov_base = buf, .iov_len = size };

	return preadv2(fd, &iov, 1, -1, RWF_NOWAIT) != -1 || errno == EAGAIN;
}

static int
open_event(struct dsrv_wakeup *w)
{
	uint64_t count;

	w->fd = dsrv_descriptors_own(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	w->to = w->fd;
	if (w->fd == -1)
		return -1;
	if (read_at_once(w->fd, &count, sizeof count))
		return 0;
	close(w->fd);	/* an old kernel would sleep */
	return -1;
}

#else

static int
read_at_once(int fd, void *buf, size_t size)
{
	return read(fd, buf, size) != -1 || errno == EAGAIN;
}

static int
open_event(struct dsrv_wakeup *w)
{
	(void)w;
	return -1;
}

#endif

static int
open_pipe(struct dsrv_wakeup *w)
{
	return dsrv_descriptors_pipe(&w->fd, &w->to,
	    DSRV_READ_END | DSRV_WRITE_END);
}

int
dsrv_wakeup_open(struct dsrv_wakeup *w)
{
	if (open_event(w) == 0 || open_pipe(w) == 0)
		return 0;
	w->fd = w->to = -1;
	return -1;
}

void
dsrv_wakeup_close(struct dsrv_wakeup *w)
{
	dsrv_wakeup_only_send(w);
	if (w->to != -1)
		close(w->to);
	w->to = -1;
}

void
dsrv_wakeup_only_send(struct dsrv_wakeup *w)
{
	if (w->fd != -1 && w->fd != w->to)
		close(w->fd);
	w->fd = -1;
}

static int
is_pending(int signo)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, signo) == 1;
}

/* Writing to a pipe without a reader brings SIGPIPE, which could end the
 * program. */
void
dsrv_wakeup_send(int to)
{
	int was_pending, signo, saved = errno;
	sigset_t one_signal, before;
	uint64_t one = 1;

	sigemptyset(&one_signal);
	sigaddset(&one_signal, SIGPIPE);
	sigprocmask(SIG_BLOCK, &one_signal, &before);
	was_pending = is_pending(SIGPIPE);
	/* If the pipe is full, the other process will wake anyway. */
	while (write(to, &one, sizeof one) == -1 && errno == EINTR)
		;
	if (!was_pending && is_pending(SIGPIPE))
		sigwait(&one_signal, &signo);
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = saved;
}

void
dsrv_wakeup_take(const struct dsrv_wakeup *w)
{
	uint64_t counts[8];
	ssize_t n = 0;

	if (w->fd == w->to)
		read_at_once(w->fd, counts, sizeof counts[0]);
	else	/* only this process holds this end */
		n = read(w->fd, counts, sizeof counts);
	(void)n;
}
