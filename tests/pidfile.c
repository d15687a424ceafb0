/*
 * pidfile.c - what the tests of pid files share
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/file.h>
#include <fcntl.h>

#include "pidfile.h"

char directory[PATH_MAX], path[PATH_MAX + 16], other[PATH_MAX + 16];

void
use_directory_with(void (*prepare)(void))
{
	snprintf(directory, sizeof directory, "%s", scratch());
	snprintf(path, sizeof path, "%s/pid", directory);
	snprintf(other, sizeof other, "%s/other", directory);
	here.before_start = prepare;
}

void
has_pid_file(void)
{
	daemon_set_program_name("piddler");
	daemon_set_pid_file(path);
	daemon_set_foreground(here.foreground);
}

void
use_directory(void)
{
	use_directory_with(has_pid_file);
}

pid_t
stranger(void)
{
	pid_t pid = fork();

	while (pid == 0)
		pause();
	ck_assert_int_gt(pid, 0);
	return pid;
}

void
end_stranger(pid_t pid)
{
	ck_assert(running(pid));
	send_signal(pid, SIGKILL);
	ended(pid);
}

void
lock_for_ever(int how)
{
	int fd;

	for (;;) {
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			continue;
		flock(fd, how | LOCK_NB);
		close(fd);
	}
}
