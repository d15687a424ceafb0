/*
 * startdir.c - where the program was started: relative paths begin there
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "startdir.h"

static char *directory;
static int unknown;	/* why it is not known */

void
dsrv_startdir_is_here(void)
{
	free(directory);
	if ((directory = getcwd(NULL, 0)) == NULL)
		unknown = errno;
}

/* Puts the directory before a relative path; if that is a format, with percent
 * signs doubled. */
static int
complete(char **path, int is_format)
{
	const char *from = directory;
	char *absolute, *to;

	if (*path == NULL || **path == '/')
		return 0;
	if (from == NULL) {	/* removed, or out of memory */
		errno = unknown;
		return -1;
	}
	if ((absolute = malloc(2 * strlen(from) + strlen(*path) + 2)) == NULL)
		return -1;
	for (to = absolute; *from != '\0'; from++) {
		if (is_format && *from == '%')
			*to++ = '%';
		*to++ = *from;
	}
	*to++ = '/';
	strcpy(to, *path);
	free(*path);
	*path = absolute;
	return 0;
}

int
dsrv_startdir_complete(char **path)
{
	return complete(path, 0);
}

int
dsrv_startdir_complete_format(char **format)
{
	if (*format != NULL && strcmp(*format, "-") == 0)
		return 0;
	return complete(format, 1);
}
