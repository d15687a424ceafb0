/*
 * settings.c - what the program has set, and the only writer of it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon-private.h"

static char root[] = "/";

static struct dsrv_settings settings = {
	.working_directory = root,
	.start_timeout = 60,
	.server_fast_time = 10,
	.server_fast_max = 5,
	.server_tick = 10,
	.worker_count_max = 100,
	.stop_timeout = 10,
};

const struct dsrv_settings *
dsrv_settings(void)
{
	return &settings;
}

const char *
dsrv_settings_name(void)
{
	if (settings.program_name != NULL)
		return settings.program_name;
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
	return program_invocation_short_name;
#elif defined(HAVE_GETPROGNAME)
	return getprogname();
#else
	return "daemon";
#endif
}

static int
set(int *setting, int value, int least, int most)
{
	if (value < least || value > most) {
		errno = EINVAL;
		return -1;
	}
	*setting = value;
	return 0;
}

static int
set_text(char **setting, const char *text, const char *unset)
{
	char *copy = NULL;

	if (text != NULL && (copy = strdup(text)) == NULL)
		return -1;
	if (*setting != unset)
		free(*setting);
	*setting = copy;
	return 0;
}

int
daemon_set_program_name(const char *name)
{
	if (name == NULL || *name == '\0' || strlen(name) > NAME_MAX ||
	    strchr(name, '/') != NULL) {
		errno = EINVAL;
		return -1;
	}
	return set_text(&settings.program_name, name, NULL);
}

int
daemon_set_working_directory(const char *path)
{
	if (path != NULL && *path == '\0') {
		errno = EINVAL;
		return -1;
	}
	return set_text(&settings.working_directory, path, root);
}

int
daemon_set_start_timeout(int seconds)
{
	return set(&settings.start_timeout, seconds, 0, INT_MAX);
}

int
daemon_set_foreground(int on)
{
	return set(&settings.foreground, on, 0, INT_MAX);
}

int
daemon_set_restart_count_max(int count)
{
	return set(&settings.restart_count_max, count, 0, INT_MAX);
}

int
daemon_set_server_fast_time(int seconds)
{
	return set(&settings.server_fast_time, seconds, 0, INT_MAX);
}

int
daemon_set_server_fast_max(int count)
{
	return set(&settings.server_fast_max, count, 0, INT_MAX);
}

int
daemon_set_server_tick(int seconds)
{
	return set(&settings.server_tick, seconds, 1, INT_MAX);
}

int
daemon_set_worker_count_max(int count)
{
	return set(&settings.worker_count_max, count, 1, DSRV_WORKERS_MAX);
}

int
daemon_set_drain_timeout(int seconds)
{
	return set(&settings.drain_timeout, seconds, 0, INT_MAX);
}

int
daemon_set_stop_timeout(int seconds)
{
	return set(&settings.stop_timeout, seconds, 0, INT_MAX);
}

int
daemon_set_start_return_fatal(int value)
{
	return set(&settings.start_return_fatal, value, INT_MIN, 0);
}

int
daemon_set_master_return_fatal(int value)
{
	return set(&settings.master_return_fatal, value, INT_MIN, 0);
}

int
daemon_set_logger_return_fatal(int value)
{
	return set(&settings.logger_return_fatal, value, INT_MIN, 0);
}

int
daemon_set_server_return_fatal(int value)
{
	return set(&settings.server_return_fatal, value, INT_MIN, 0);
}
