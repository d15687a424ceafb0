/*
 * offspring.c - signals children that this process has not forked
 *
 * A process that adopts orphans has children that it does not know. waitpid(2)
 * says that there are some, but not which; so each pid that proc(5) lists is
 * tried. A child's pid is not used again before it was waited for.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"

int
dsrv_offspring_signal(const struct dsrv_reaper *reaper, pid_t session,
    pid_t but_group, int signo)
{
	struct dirent *entry;
	int count = 0;
	pid_t pid;
	DIR *dir;

	if ((dir = opendir("/proc")) == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL) {
		pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid <= 1 || !dsrv_reap_is_child(pid) ||
		    (session != 0 && getsid(pid) != session) ||
		    (but_group != 0 && getpgid(pid) == but_group) ||
		    dsrv_reap_stranger(reaper, pid))
			continue;
		kill(pid, signo);
		count++;
	}
	closedir(dir);
	return count;
}
