/*
 * visible.c - the program's settings for what can be seen of a daemon; the only
 * file that writes them
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "ground.h"
#include "startdir.h"
#include "visible.h"

static struct dsrv_visible visible;

const struct dsrv_visible *
dsrv_visible(void)
{
	return &visible;
}

int
daemon_set_worker_environment(int on)
{
	return dsrv_settings_set(&visible.worker_environment, on, 0, INT_MAX);
}

int
daemon_set_connection_log(int on)
{
	return dsrv_settings_set(&visible.connection_log, on, 0, INT_MAX);
}

int
daemon_set_status_file(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;
	const char *name = slash != NULL ? slash + 1 : path;

	/* A temporary name has ".new" at its end. */
	if (path != NULL && (*name == '\0' || strlen(path) >= DSRV_PATH_MAX ||
	    strlen(name) > NAME_MAX - sizeof ".new" + 1)) {
		errno = EINVAL;
		return -1;
	}
	return dsrv_settings_set_text(&visible.status_file, path, NULL);
}

int
dsrv_visible_find_status_file(void)
{
	return dsrv_startdir_complete(&visible.status_file);
}
