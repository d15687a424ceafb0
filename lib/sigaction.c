/*
 * sigaction.c - what signals do in this process and in its children
 *
 * The only sigaction(2) and the only masks of the library.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "signals.h"

/* glibc's sigprocmask(3) calls this one, from pages that each child would also
 * have to map. */
#ifdef HAVE_PTHREAD_SIGMASK
#define set_mask pthread_sigmask
#else
#define set_mask sigprocmask
#endif

/*
 * Masks
 */

void
dsrv_sigaction_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	set_mask(SIG_SETMASK, &all, before);
}

void
dsrv_sigaction_let_in(const sigset_t *mask)
{
	set_mask(SIG_SETMASK, mask, NULL);
}

static void
unblock(int signo)
{
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, signo);
	set_mask(SIG_UNBLOCK, &one, NULL);
}

/*
 * Dispositions
 */

int
dsrv_sigaction_has_handler(const struct sigaction *action)
{
	return action->sa_flags & SA_SIGINFO ||
	    (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN);
}

int
dsrv_sigaction_ignores(const struct sigaction *action)
{
	return !dsrv_sigaction_has_handler(action) &&
	    action->sa_handler == SIG_IGN;
}

static int
is_ignored(int signo)
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 &&
	    dsrv_sigaction_ignores(&now);
}

void
dsrv_sigaction_prepare(struct sigaction *action,
    void (*handler)(int, siginfo_t *, void *))
{
	memset(action, 0, sizeof *action);
	action->sa_flags = SA_RESTART;
	sigemptyset(&action->sa_mask);
	if (handler == NULL)
		return;
	action->sa_sigaction = handler;
	action->sa_flags |= SA_SIGINFO;
}

static void
prepare_simple(struct sigaction *action, void (*handler)(int))
{
	dsrv_sigaction_prepare(action, NULL);
	action->sa_handler = handler;
}

void
dsrv_sigaction_ignored(sigset_t *signals)
{
	const int *signo;

	sigemptyset(signals);
	for (signo = dsrv_sigtable; *signo != 0; signo++)
		if (is_ignored(*signo))
			sigaddset(signals, *signo);
}

static void
reset(int signo, const sigset_t *untouched)
{
	if (is_ignored(signo) && !sigismember(untouched, signo))
		signal(signo, SIG_DFL);
	unblock(signo);
}

void
dsrv_sigaction_reset(const sigset_t *untouched)
{
	const int *signo;

	for (signo = dsrv_sigtable; *signo != 0; signo++)
		reset(*signo, untouched);
	reset(SIGCHLD, untouched);
}

void
dsrv_sigaction_default(void)
{
	sigset_t none;
	int signo;

	for (signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	sigemptyset(&none);
	set_mask(SIG_SETMASK, &none, NULL);
}

void
dsrv_sigaction_die_of(int signo)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	signal(signo, SIG_DFL);
	unblock(signo);
	fflush(NULL);
	raise(signo);
	dsrv_report_exit(128 + signo);
}

/*
 * Changes while a loop runs: dispositions that differ from the program's. A
 * child gets the program's back, or a handler that it was given. They are not
 * in struct dsrv_loop, where they would add a page to the stack for each child
 * to copy.
 */

enum { CHANGED_MAX = 9 };	/* the table, SIGCHLD, SIGPIPE, SIGXFSZ */

static struct change {
	int signo;
	int in_force;	/* given is set here, too, where signo is blocked */
	void (*given)(int);
	struct sigaction before;
} changes[CHANGED_MAX];
static int change_count;
static sigset_t given;	/* the signals for which a child gets a handler */

void
dsrv_sigaction_begin(void)
{
	change_count = 0;
	sigemptyset(&given);
}

static struct change *
change(int signo, const struct sigaction *action)
{
	struct change *made = &changes[change_count++];

	made->signo = signo;
	made->in_force = 0;
	made->given = NULL;
	sigaction(signo, action, &made->before);
	return made;
}

void
dsrv_sigaction_change(int signo, const struct sigaction *action)
{
	change(signo, action);
}

void
dsrv_sigaction_ignore(int signo)
{
	struct sigaction action;

	prepare_simple(&action, SIG_IGN);
	change(signo, &action);
}

void
dsrv_sigaction_want_status(void)
{
	struct sigaction now, action;

	if (sigaction(SIGCHLD, NULL, &now) == -1 ||
	    !(dsrv_sigaction_ignores(&now) || now.sa_flags & SA_NOCLDWAIT))
		return;
	prepare_simple(&action, SIG_DFL);
	change(SIGCHLD, &action);
}

void
dsrv_sigaction_end(void)
{
	int i;

	for (i = 0; i < change_count; i++)
		sigaction(changes[i].signo, &changes[i].before, NULL);
}

/*
 * Handlers for workers
 */

static struct change *
find_change(int signo)
{
	int i;

	for (i = 0; i < change_count; i++)
		if (changes[i].signo == signo)
			return &changes[i];
	return NULL;
}

int
dsrv_sigaction_give(int signo, void (*handler)(int))
{
	struct change *made = find_change(signo);
	struct sigaction now, action;

	if (made != NULL)
		now = made->before;
	else if (sigaction(signo, NULL, &now) == -1)
		return 0;
	if (dsrv_sigaction_has_handler(&now))
		return 0;
	if (made == NULL) {
		prepare_simple(&action, handler);
		made = change(signo, &action);
		made->in_force = 1;
	}
	made->given = handler;
	sigaddset(&given, signo);
	return 1;
}

static void
give_back(const struct change *made)
{
	struct sigaction action;

	if (made->given != NULL) {
		prepare_simple(&action, made->given);
		sigaction(made->signo, &action, NULL);
	} else
		sigaction(made->signo, &made->before, NULL);
}

void
dsrv_sigaction_leave(int ignoring)
{
	const int *signo;
	int i;

	for (i = 0; i < change_count; i++)
		if (!changes[i].in_force)
			give_back(&changes[i]);
	for (signo = dsrv_sigtable; ignoring && *signo != 0; signo++)
		signal(*signo, SIG_IGN);
}

void
dsrv_sigaction_let_given_in(sigset_t *before)
{
	set_mask(SIG_UNBLOCK, &given, before);
}

int
dsrv_sigaction_pending_given(void)
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
