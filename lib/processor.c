/*
 * processor.c - the program's processor, run on one file
 *
 * At low priority, in a process group of its own. Of the logger it has only the
 * lock, and the write end of a pipe as standard error: what it says there goes
 * with the message if it fails. The logger never waits for it.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/resource.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "listeners.h"
#include "logprocess.h"

enum {
	NICENESS = 10,
	LOCK = 3,		/* the lock's descriptor in the processor */
	ERROR_SIZE = 2,
	READS = 16
};

/*
 * The process
 */

static int
give_descriptors(int lock)
{
	static const int kept[] = { LOCK };

	if (dsrv_descriptors_null(STDIN_FILENO, STDOUT_FILENO) == -1)
		return -1;
	if (lock == LOCK)
		fcntl(lock, F_SETFD, 0);
	else if (dsrv_descriptors_put(lock, LOCK) == -1)
		return -1;
	dsrv_fdclean_helper(kept, DSRV_COUNT(kept));
	return 0;
}

/* Why it could not be executed: the logger puts it into words, since a thread
 * of the program may have had a lock that strerror(3) takes. */
static void
say_error(int error)
{
	char said[ERROR_SIZE] = { '\0', (char)error };

	(void)!write(STDERR_FILENO, said, sizeof said);
}

/* In the directory, so that no other can be put on its way. Does not return. */
static void
execute(const struct dsrv_taken *t, char *file, int to_logger)
{
	char *program = dsrv_settings()->logger_processor;
	char *arguments[] = { program, file, NULL };

	setpgid(0, 0);
	setpriority(PRIO_PROCESS, 0,
	    getpriority(PRIO_PROCESS, 0) + NICENESS);
	dsrv_sigaction_default();
	if (dsrv_descriptors_put(to_logger, STDERR_FILENO) == 0 &&
	    fchdir(t->dir) == 0 && give_descriptors(t->lock) == 0)
		execv(program, arguments);
	say_error(errno);
	dsrv_report_leave(127);
}

int
dsrv_processor_start(struct dsrv_processor *p, const struct dsrv_taken *t)
{
	const char *name = dsrv_logname_last(t->path);
	char file[DSRV_PATH_MAX + 16];
	int to_logger;

	snprintf(file, sizeof file, "%s%s" DSRV_PROCESSING,
	    *name == '-' ? "./" : "", name);
	p->said_length = 0;
	p->has_said = 0;
	if (dsrv_descriptors_pipe(&p->complaints, &to_logger,
	    DSRV_READ_END) == -1)
		return -1;
	if ((p->pid = dsrv_loop_fork_held(p->loop)) == 0)
		execute(t, file, to_logger);
	dsrv_descriptors_close(&to_logger);
	if (p->pid == -1) {
		p->pid = 0;
		dsrv_descriptors_close(&p->complaints);
		return -1;
	}
	setpgid(p->pid, p->pid);	/* so that it can be signalled now */
	dsrv_loop_watch(p->loop, p->tag, p->complaints, POLLIN);
	return 0;
}

/*
 * What it says
 */

/* The first line counts. */
static void
keep(struct dsrv_processor *p, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length && p->said_length < sizeof p->said - 1 &&
	    !p->has_said; i++)
		if (text[i] == '\n')
			p->has_said = p->said_length > 0;
		else
			p->said[p->said_length++] = text[i];
}

static void
keep_error(struct dsrv_processor *p, int error)
{
	const char *why = strerror(error);

	keep(p, why, strlen(why));
	p->has_said = 1;
}

static void
close_complaints(struct dsrv_processor *p)
{
	dsrv_loop_forget(p->loop, p->tag);
	dsrv_descriptors_close(&p->complaints);
}

/* Whether there may be more. */
static int
hear(struct dsrv_processor *p)
{
	char text[4096];
	ssize_t n = read(p->complaints, text, sizeof text);

	if (n == ERROR_SIZE && text[0] == '\0')
		keep_error(p, (unsigned char)text[1]);
	else if (n > 0)
		keep(p, text, (size_t)n);
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_complaints(p);
	return n > 0;
}

void
dsrv_processor_hear(struct dsrv_processor *p)
{
	hear(p);
}

int
dsrv_processor_lose(struct dsrv_processor *p)
{
	int i;

	if (p->pid == 0 || p->loop->ended.pid != p->pid)
		return 0;
	/* A process that it has left may say more and more. */
	for (i = 0; i < READS && p->complaints != -1 && hear(p); i++)
		;
	if (p->complaints != -1)
		close_complaints(p);
	p->pid = 0;
	p->said[p->said_length] = '\0';
	return 1;
}

void
dsrv_processor_end(const struct dsrv_processor *p)
{
	if (p->pid == 0)
		return;
	kill(-p->pid, SIGTERM);
	kill(-p->pid, SIGCONT);
}
