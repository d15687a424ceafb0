/*
 * terminal.c - terminals for programs under test
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <fcntl.h>
#include <termios.h>

#include "harness.h"
#include "terminal.h"

int
new_terminal(char *name, size_t size)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);

	const char *found;

	if (fd == -1)
		return -1;
	if (grantpt(fd) == -1 || unlockpt(fd) == -1 ||
	    (found = ptsname(fd)) == NULL) {
		close(fd);
		return -1;
	}
	snprintf(name, size, "%s", found);
	return fd;
}

int
new_raw_terminal(int *terminal)
{
	struct termios mode;
	char name[64];
	int fd = new_terminal(name, sizeof name);

	if (fd == -1)
		return -1;
	ck_assert_int_ge(*terminal = open(name, O_RDWR | O_NOCTTY), 0);
	ck_assert_int_eq(tcgetattr(*terminal, &mode), 0);
	mode.c_oflag &= ~(tcflag_t)OPOST;
	ck_assert_int_eq(tcsetattr(*terminal, TCSANOW, &mode), 0);
	return fd;
}
