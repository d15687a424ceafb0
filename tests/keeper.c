/*
 * keeper.c - runs something that leaves nothing behind, however it ends
 *
 * 	caller ── keeper ─┬─ run(argument) ── ...
 * 	                  └─ watcher
 *
 * The keeper leads a session, so that a signal to the caller's group or from
 * its terminal does not reach it, and adopts orphans below it. Only the
 * caller holds the write end of the pipe that the watcher reads: the watcher's
 * end tells the keeper of the caller's.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif

#include "keeper.h"

static char directory[64];

enum {
	MAX_DESCENDANTS = 4096,
	KILL_DEADLINE = 60,	/* seconds */
	LAST_SIGNAL = 31	/* that is not a real-time signal */
};

/*
 * Processes
 */

char
read_state(pid_t pid, pid_t *parent)
{
	char path[64], text[512], state = 0, *p;
	long ppid;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if ((file = fopen(path, "r")) == NULL)
		return 0;
	if (fgets(text, sizeof text, file) != NULL &&
	    (p = strrchr(text, ')')) != NULL &&
	    sscanf(p + 1, " %c %ld", &state, &ppid) == 2 && parent != NULL)
		*parent = (pid_t)ppid;
	fclose(file);
	return state;
}

int
children_of(pid_t pid, pid_t *pids, int max)
{
	struct dirent *entry;
	pid_t parent, child;
	int count = 0;
	DIR *dir;

	if ((dir = opendir("/proc")) == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL) {
		if ((child = (pid_t)atol(entry->d_name)) <= 1)
			continue;
		parent = 0;
		if (read_state(child, &parent) != 0 && parent == pid &&
		    count < max)
			pids[count++] = child;
	}
	closedir(dir);
	return count;
}

void
adopt_orphans(void)
{
#if defined(HAVE_SYS_PRCTL_H) && defined(PR_SET_CHILD_SUBREAPER)
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
#endif
}

/* Parents before children, whose new parent is this process. */
void
kill_descendants(void)
{
	static pid_t pids[MAX_DESCENDANTS];
	time_t deadline = time(NULL) + KILL_DEADLINE;
	int i, count;

	while (waitpid(-1, NULL, WNOHANG) != -1 && time(NULL) < deadline) {
		count = children_of(getpid(), pids, MAX_DESCENDANTS);
		for (i = 0; i < count; i++)
			kill(pids[i], SIGKILL);
	}
}

/*
 * Files
 */

const char *
kept_directory(void)
{
	return directory;
}

void
remove_tree(const char *path)
{
	pid_t pid;

	if ((pid = fork()) == 0) {
		execlp("rm", "rm", "-rf", path, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

void
close_inherited(void)
{
	struct dirent *entry;
	DIR *dir;
	int fd;

	if ((dir = opendir("/proc/self/fd")) == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if ((fd = atoi(entry->d_name)) > 2 && fd != dirfd(dir))
			close(fd);
	closedir(dir);
}

/*
 * The keeper
 */

static pid_t
fork_or_exit(void)
{
	pid_t pid;

	fflush(NULL);
	if ((pid = fork()) == -1) {
		perror("fork");
		exit(EXIT_FAILURE);
	}
	return pid;
}

static int
exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

/* nohup(1) leaves SIGHUP ignored, a shell SIGINT, an interpreter SIGPIPE, and a
 * careless program SIGCHLD, without which waitpid(2) reports nothing. */
static void
reset_signals(void)
{
	sigset_t none;
	int signo;

	for (signo = 1; signo <= LAST_SIGNAL; signo++)
		if (signo != SIGKILL && signo != SIGSTOP)
			signal(signo, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Opens the first three if they are closed: no pipe or socket must get such a
 * number. */
static void
reset_descriptors(void)
{
	int null;

	do
		null = open("/dev/null", O_RDWR);
	while (null >= 0 && null <= 2);
	if (null != -1) {
		dup2(null, STDIN_FILENO);
		close(null);
	}
}

static pid_t
fork_watcher(int from_caller)
{
	pid_t pid;
	char c;

	if ((pid = fork_or_exit()) == 0) {
		while (read(from_caller, &c, 1) == -1 && errno == EINTR)
			;
		_exit(0);
	}
	return pid;
}

static int
wait_for_either(pid_t kept, pid_t watcher)
{
	int status;
	pid_t pid;

	do
		pid = wait(&status);
	while (pid != kept && pid != watcher);
	return pid == kept ? exit_status(status) : EXIT_FAILURE;
}

static int
be_keeper(int from_caller, int (*run)(void *), void *argument)
{
	pid_t kept, watcher;
	int status;

	setsid();
	reset_signals();
	adopt_orphans();
	watcher = fork_watcher(from_caller);
	close(from_caller);
	if ((kept = fork_or_exit()) == 0)
		exit(run(argument));
	status = wait_for_either(kept, watcher);
	kill_descendants();
	remove_tree(directory);
	return status;
}

/* Returns the pid of the keeper. Its pipe is open as long as this process
 * lives. */
static pid_t
fork_keeper(int (*run)(void *), void *argument)
{
	int life[2];
	pid_t pid;

	strcpy(directory, "/tmp/daemonsrv-test.XXXXXX");
	if (mkdtemp(directory) == NULL ||
	    setenv(KEPT_DIRECTORY, directory, 1) == -1 || pipe(life) == -1) {
		perror(directory);
		exit(EXIT_FAILURE);
	}
	if ((pid = fork_or_exit()) == 0) {
		close(life[1]);
		_exit(be_keeper(life[0], run, argument));
	}
	close(life[0]);
	return pid;
}

int
keep(int (*run)(void *), void *argument)
{
	int status;
	pid_t keeper;

	reset_descriptors();
	signal(SIGCHLD, SIG_DFL);
	keeper = fork_keeper(run, argument);
	while (waitpid(keeper, &status, 0) == -1)
		if (errno != EINTR) {
			perror("waitpid");
			return EXIT_FAILURE;
		}
	return exit_status(status);
}
