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
 * The only sigaction(2) of the library.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#ifdef HAVE_SIGNALFD
#include <sys/signalfd.h>
#include <sys/syscall.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

/* glibc's sigprocmask(3) calls this from other pages, which each child would
 * have to map. */
#ifdef HAVE_PTHREAD_SIGMASK
#define set_mask pthread_sigmask
#else
#define set_mask sigprocmask
#endif

/*
 * What a signal does in this process, and in its children
 */

static int
has_handler(const struct sigaction *action)
{
	return action->sa_flags & SA_SIGINFO ||
	    (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

static int
ignores(const struct sigaction *action)
{
	return !has_handler(action) && action->sa_handler == SIG_IGN;
}

static int
ignored(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && ignores(&now);
}

/*
 * The dispositions that differ from the program's. A child gets them back, or
 * a handler that it is given. They are not in struct dsrv_sigfd, which would
 * add a page to the stack for each child to copy.
 */
enum { CHANGED_MAX = 9 };	/* the table, SIGCHLD, SIGPIPE, SIGXFSZ */

static struct change {
	int signo;
	int in_force;	/* given is set here too, where signo is blocked */
	void (*given)(int);
	struct sigaction before;
} changes[CHANGED_MAX];
static int change_count;
static sigset_t given;	/* the signals for which a child gets a handler */

static void
prepare_action(struct sigaction *action, void (*handler)(int))
{
	memset(action, 0, sizeof *action);
	action->sa_handler = handler;
	action->sa_flags = SA_RESTART;
	sigemptyset(&action->sa_mask);
}

static struct change *
change_action(int signo, const struct sigaction *action)
{
	struct change *made = &changes[change_count++];

	made->signo = signo;
	made->in_force = 0;
	made->given = NULL;
	sigaction(signo, action, &made->before);
	return made;
}

static void
change_to(int signo, void (*handler)(int))
{
	struct sigaction action;

	prepare_action(&action, handler);
	change_action(signo, &action);
}

void
dsrv_sigfd_ignore(int signo)
{
	change_to(signo, SIG_IGN);
}

static struct change *
find_change(int signo)
{
	int i;

	for (i = 0; i < change_count; i++)
		if (changes[i].signo == signo)
			return &changes[i];
	return NULL;
}

void
dsrv_sigfd_give(struct dsrv_sigfd *c, int signo, void (*handler)(int))
{
	struct change *made = find_change(signo);
	struct sigaction now, action;

	if (!sigismember(&c->signals, signo))
		return;
	if (made != NULL)
		now = made->before;
	else if (sigaction(signo, NULL, &now) == -1)
		return;
	if (has_handler(&now))
		return;
	if (made == NULL) {
		prepare_action(&action, handler);
		made = change_action(signo, &action);
		made->in_force = 1;
	}
	made->given = handler;
	sigaddset(&given, signo);
	sigaddset(&c->worker_mask, signo);
}

static void
give_back(const struct change *made)
{
	struct sigaction action;

	if (made->given != NULL) {
		prepare_action(&action, made->given);
		sigaction(made->signo, &action, NULL);
	} else
		sigaction(made->signo, &made->before, NULL);
}

/*
 * Two ways to keep a signal until it is read
 */

#ifdef HAVE_SIGNALFD

/* The code of a signal that another thread has passed on. */
enum { FROM_PROCESS = -101, FROM_KERNEL = -102 };

#ifdef SYS_rt_tgsigqueueinfo

static pid_t reader;	/* the thread that blocks and reads them */

/* In another thread of this process, to which the kernel delivered it. */
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
	prepare_action(&action, SIG_DFL);
	action.sa_sigaction = pass_on;
	action.sa_flags |= SA_SIGINFO;
	for (signo = 1; signo < NSIG; signo++)
		if (sigismember(signals, signo) == 1)
			change_action(signo, &action);
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
	struct sigaction now;
	sigset_t mask = c->mask;
	int signo;

	/* Not of interest, but it must not end us when a write fails. */
	sigaddset(&c->signals, SIGPIPE);
	c->fd = dsrv_descriptors_own(signalfd(-1, &c->signals,
	    SFD_CLOEXEC | SFD_NONBLOCK));
	if (c->fd == -1)
		return -1;
	if (!dsrv_settings()->thread_check)
		hear_other_threads(&c->signals);
	/* If it were ignored, as it may have been, there would be no status. */
	if (sigaction(SIGCHLD, NULL, &now) == 0 &&
	    (ignores(&now) || now.sa_flags & SA_NOCLDWAIT))
		change_to(SIGCHLD, SIG_DFL);
	for (signo = 1; signo < NSIG; signo++)
		if (sigismember(&c->signals, signo) == 1)
			sigaddset(&mask, signo);
	set_mask(SIG_SETMASK, &mask, NULL);
	return 0;
}

int
dsrv_sigfd_read(struct dsrv_sigfd *c, struct dsrv_signal *received)
{
	/* Few: they are on the stack, too. */
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

/* They are blocked, and we have no handlers: none can run across the fork. */
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

/* It was of no interest, and would end us. */
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

	if (dsrv_descriptors_pipe(&c->fd, &to_loop) == -1)
		return -1;
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	fcntl(to_loop, F_SETFL, O_NONBLOCK);
	memset((void *)missed, 0, sizeof missed);
	memset(&action, 0, sizeof action);
	action.sa_sigaction = wake;
	action.sa_flags = SA_SIGINFO | SA_NOCLDSTOP;
	sigfillset(&action.sa_mask);
	for (signo = 1; signo < NSIG; signo++)
		if (sigismember(&c->signals, signo) == 1) {
			change_action(signo, &action);
			sigdelset(&mask, signo);
		}
	dsrv_sigfd_ignore(SIGPIPE);
	set_mask(SIG_SETMASK, &mask, NULL);
	return 0;
}

int
dsrv_sigfd_read(struct dsrv_sigfd *c, struct dsrv_signal *received)
{
	ssize_t n = read(c->fd, received,
	    (DSRV_SIGFD_MAX - CHANGED_MAX) * sizeof *received);
	int i, signo, count;

	count = n > 0 ? (int)((size_t)n / sizeof *received) : 0;
	/* If one was missed, the pipe was full, so it has been readable. */
	for (i = 0; i < change_count; i++) {
		signo = changes[i].signo;
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
	dsrv_sigfd_block(&c->held);
}

void
dsrv_sigfd_go_on(struct dsrv_sigfd *c)
{
	set_mask(SIG_SETMASK, &c->held, NULL);
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
 * In process 1, before its first loop
 */

static int guarded;
static volatile sig_atomic_t kept;

static void
obey(int signo, siginfo_t *info, void *context)
{
	int meaning = dsrv_sigtable_meaning(signo, info->si_code > 0);

	(void)context;
	if (getpid() != 1) {	/* a fork of the program: default action */
		signal(signo, SIG_DFL);
		raise(signo);
	} else if (dsrv_sigtable_ask(meaning) & DSRV_ASK_FOR_GOOD)
		dsrv_report_stopped(signo);
	else if (kept != SIGUSR1)
		kept = signo;
}

void
dsrv_sigfd_guard(const sigset_t *untouched)
{
	struct sigaction now, action;
	const int *signo;

	guarded = 1;
	prepare_action(&action, SIG_DFL);
	action.sa_sigaction = obey;
	action.sa_flags |= SA_SIGINFO;
	sigfillset(&action.sa_mask);
	for (signo = dsrv_sigtable; *signo != 0; signo++)
		if (sigaction(*signo, NULL, &now) == 0 && !has_handler(&now) &&
		    !(ignores(&now) && sigismember(untouched, *signo)))
			sigaction(*signo, &action, NULL);
}

static void
unguard(void)
{
	struct sigaction now;
	const int *signo;

	for (signo = dsrv_sigtable; guarded && *signo != 0; signo++)
		if (sigaction(*signo, NULL, &now) == 0 &&
		    now.sa_flags & SA_SIGINFO && now.sa_sigaction == obey)
			signal(*signo, SIG_DFL);
	guarded = 0;
}

int
dsrv_sigfd_kept(void)
{
	return kept;
}

/*
 * From the beginning to the end
 */

int
dsrv_sigfd_open(struct dsrv_sigfd *c, const sigset_t *untouched)
{
	const int *signo;

	change_count = 0;
	sigemptyset(&given);
	sigemptyset(&c->signals);
	for (signo = dsrv_sigtable; *signo != 0; signo++)
		if (untouched == NULL || !sigismember(untouched, *signo))
			sigaddset(&c->signals, *signo);
	sigaddset(&c->signals, SIGCHLD);
	dsrv_sigfd_block(&c->mask);
	unguard();
	c->worker_mask = c->mask;
	if (begin_receiving(c) == 0)
		return 0;
	set_mask(SIG_SETMASK, &c->mask, NULL);
	return -1;
}

void
dsrv_sigfd_close(struct dsrv_sigfd *c, int forgets)
{
	int i;

	dsrv_sigfd_block(NULL);
	for (i = 0; i < change_count; i++)
		sigaction(changes[i].signo, &changes[i].before, NULL);
	if (forgets)
		discard(c);
	forget_sigpipe();
	close_ends(c);
	set_mask(SIG_SETMASK, &c->mask, NULL);
}

void
dsrv_sigfd_hint(void)
{
	raise(SIGCHLD);
}

void
dsrv_sigfd_leave(struct dsrv_sigfd *c, int ignoring)
{
	const int *signo;
	int i;

	close_ends(c);
	for (i = 0; i < change_count; i++)
		if (!changes[i].in_force)
			give_back(&changes[i]);
	for (signo = dsrv_sigtable; ignoring && *signo != 0; signo++)
		signal(*signo, SIG_IGN);
}

void
dsrv_sigfd_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	set_mask(SIG_SETMASK, &all, before);
}

void
dsrv_sigfd_let_in(const sigset_t *mask)
{
	set_mask(SIG_SETMASK, mask, NULL);
}

void
dsrv_sigfd_let_given_in(sigset_t *before)
{
	set_mask(SIG_UNBLOCK, &given, before);
}

int
dsrv_sigfd_pending_given(void)
{
	static const int strongest_first[] = { SIGUSR2, SIGHUP };
	sigset_t pending;
	int i;

	if (sigpending(&pending) == -1)
		return 0;
	for (i = 0; i < DSRV_COUNT(strongest_first); i++)
		if (sigismember(&given, strongest_first[i]) == 1 &&
		    sigismember(&pending, strongest_first[i]) == 1)
			return strongest_first[i];
	return 0;
}

/*
 * Outside of a loop
 */

void
dsrv_sigfd_ignored(sigset_t *signals)
{
	const int *signo;

	sigemptyset(signals);
	for (signo = dsrv_sigtable; *signo != 0; signo++)
		if (ignored(*signo))
			sigaddset(signals, *signo);
}

static void
reset(int signo, const sigset_t *untouched)
{
	sigset_t one;

	if (ignored(signo) && !sigismember(untouched, signo))
		signal(signo, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, signo);
	set_mask(SIG_UNBLOCK, &one, NULL);
}

void
dsrv_sigfd_reset(const sigset_t *untouched)
{
	const int *signo;

	for (signo = dsrv_sigtable; *signo != 0; signo++)
		reset(*signo, untouched);
	reset(SIGCHLD, untouched);
}

void
dsrv_sigfd_die_of(int signo)
{
	struct rlimit none = { 0, 0 };
	sigset_t one;

	setrlimit(RLIMIT_CORE, &none);
	signal(signo, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, signo);
	set_mask(SIG_UNBLOCK, &one, NULL);
	fflush(NULL);
	raise(signo);
	dsrv_report_exit(128 + signo);
}
