/*
 * settings.c - the program's settings; the only file that writes them
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ground.h"
#include "startdir.h"

static char root[] = "/";
static char prefix[] = "%Y-%m-%dT%H:%M:%S%z ";

static struct dsrv_settings settings = {
	.working_directory = root,
	.start_timeout = 60,
	.thread_check = 1,
	.server_fast_time = 10,
	.server_fast_max = 5,
	.server_tick = 10,
	.worker_count_max = 100,
	.worker_ask = 1,
	.stop_timeout = 5,
	.logger_prefix_format = prefix,
	.logger_fast_time = 10,
	.logger_fast_max = 5,
	.logger_mode = -1, .logger_group = (gid_t)-1,
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

int
dsrv_settings_set(int *setting, int value, int least, int most)
{
	if (value < least || value > most) {
		errno = EINVAL;
		return -1;
	}
	*setting = value;
	return 0;
}

int
dsrv_settings_set_text(char **setting, const char *text, const char *unset)
{
	char *copy = NULL, *before = *setting;

	if (text != NULL && (copy = strdup(text)) == NULL)
		return -1;
	*setting = copy;	/* first, since a signal handler may read it */
	if (before != unset)
		free(before);
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
	return dsrv_settings_set_text(&settings.program_name, name, NULL);
}

int
daemon_set_working_directory(const char *path)
{
	if (path != NULL && *path == '\0') {
		errno = EINVAL;
		return -1;
	}
	return dsrv_settings_set_text(&settings.working_directory, path, root);
}

static int
set_path(char **setting, const char *path)
{
	if (path != NULL && (*path == '\0' || strlen(path) >= DSRV_PATH_MAX)) {
		errno = EINVAL;
		return -1;
	}
	return dsrv_settings_set_text(setting, path, NULL);
}

int
daemon_set_pid_file(const char *path)
{
	return set_path(&settings.pid_file, path);
}

int
daemon_set_start_timeout(int seconds)
{
	return dsrv_settings_set(&settings.start_timeout, seconds, 0, INT_MAX);
}

int
daemon_set_foreground(int on)
{
	return dsrv_settings_set(&settings.foreground, on, 0, INT_MAX);
}

int
daemon_set_thread_check(int on)
{
	return dsrv_settings_set(&settings.thread_check, on, 0, INT_MAX);
}

int
daemon_set_restart_count_max(int count)
{
	return dsrv_settings_set(&settings.restart_count_max,
	    count, 0, INT_MAX);
}

int
daemon_set_server_fast_time(int seconds)
{
	return dsrv_settings_set(&settings.server_fast_time,
	    seconds, 0, INT_MAX);
}

int
daemon_set_server_fast_max(int count)
{
	return dsrv_settings_set(&settings.server_fast_max, count, 0, INT_MAX);
}

int
daemon_set_server_tick(int seconds)
{
	return dsrv_settings_set(&settings.server_tick, seconds, 1, INT_MAX);
}

int
daemon_set_worker_count_max(int count)
{
	return dsrv_settings_set(&settings.worker_count_max,
	    count, 1, DSRV_WORKERS_MAX);
}

int
daemon_set_worker_spare_count(int count)
{
	return dsrv_settings_set(&settings.worker_spare_count,
	    count, 0, DSRV_WORKERS_MAX);
}

int
daemon_set_worker_connection_max(int count)
{
	return dsrv_settings_set(&settings.worker_connection_max,
	    count, 0, INT_MAX);
}

int
daemon_set_worker_ask(int on)
{
	return dsrv_settings_set(&settings.worker_ask, on, 0, INT_MAX);
}

int
daemon_set_keepalive(int seconds)
{
	return dsrv_settings_set(&settings.keepalive,
	    seconds, 0, DSRV_KEEPALIVE_MAX);
}

int
daemon_set_drain_timeout(int seconds)
{
	return dsrv_settings_set(&settings.drain_timeout, seconds, 0, INT_MAX);
}

int
daemon_set_reload_overlap(int on)
{
	return dsrv_settings_set(&settings.reload_overlap, on, 0, INT_MAX);
}

int
daemon_set_stop_timeout(int seconds)
{
	return dsrv_settings_set(&settings.stop_timeout, seconds, 0, INT_MAX);
}

int
daemon_set_server_hang_max(int seconds)
{
	return dsrv_settings_set(&settings.server_hang_max,
	    seconds, 0, INT_MAX);
}

void
dsrv_settings_stay_in_foreground(void)
{
	settings.foreground = 1;
}

/*
 * The logger's
 */

/* /var/log/NAME.log */
static int
set_default_name(void)
{
	char format[2 * NAME_MAX + sizeof "/var/log/.log"], *to;
	const char *from = dsrv_settings_name();

	to = format + sprintf(format, "/var/log/");
	for (; *from != '\0' &&
	    to + 2 <= format + sizeof format - sizeof ".log"; from++) {
		if (*from == '%')
			*to++ = '%';
		*to++ = *from;
	}
	strcpy(to, ".log");
	settings.logger_name_format = strdup(format);
	return settings.logger_name_format != NULL ? 0 : -1;
}

int
dsrv_settings_find_pid_file(void)
{
	return dsrv_startdir_complete(&settings.pid_file);
}

int
dsrv_settings_complete(void)
{
	if (settings.logger_name_format == NULL && set_default_name() == -1)
		return -1;
	if (dsrv_startdir_complete_format(&settings.logger_name_format) == -1)
		return -1;
	if (dsrv_startdir_complete(&settings.logger_link) == -1)
		return -1;
	return dsrv_startdir_complete(&settings.logger_processor);
}

/* Whether each conversion in the format is complete. */
static int
is_complete(const char *format)
{
	while ((format = strchr(format, '%')) != NULL) {
		format++;
		format += strspn(format, "_-0^#EO123456789");
		if (*format == '\0')
			return 0;
		format++;
	}
	return 1;
}

static int
set_format(char **setting, const char *format, size_t most,
    const char *unset)
{
	if (format == NULL || strlen(format) > most || !is_complete(format)) {
		errno = EINVAL;
		return -1;
	}
	return dsrv_settings_set_text(setting, format, unset);
}

int
daemon_enable_logger(void)
{
	settings.logger_enabled = 1;
	return 0;
}

int
daemon_set_logger_name_format(const char *format)
{
	if (format != NULL && *format == '\0') {
		errno = EINVAL;
		return -1;
	}
	return set_format(&settings.logger_name_format, format,
	    DSRV_PATH_MAX - 1, NULL);
}

int
daemon_set_logger_prefix_format(const char *format)
{
	return set_format(&settings.logger_prefix_format, format,
	    DSRV_PREFIX_FORMAT_MAX, prefix);
}

int
daemon_set_logger_link(const char *path)
{
	return set_path(&settings.logger_link, path);
}

int
daemon_set_logger_processor(const char *path)
{
	return set_path(&settings.logger_processor, path);
}

int
daemon_set_logger_fast_time(int seconds)
{
	return dsrv_settings_set(&settings.logger_fast_time,
	    seconds, 0, INT_MAX);
}

int
daemon_set_logger_fast_max(int count)
{
	return dsrv_settings_set(&settings.logger_fast_max, count, 0, INT_MAX);
}

int
daemon_set_logger_size_max(size_t bytes)
{
	settings.logger_size_max = bytes;
	return 0;
}

int
daemon_set_logger_total_max(size_t bytes)
{
	settings.logger_total_max = bytes;
	return 0;
}

int
daemon_set_logger_file_count_max(int count)
{
	return dsrv_settings_set(&settings.logger_file_count_max,
	    count, 0, INT_MAX);
}

void
dsrv_settings_set_logger_mode(int mode, gid_t group)
{
	settings.logger_mode = mode;
	settings.logger_group = group;
}

int
daemon_set_logger_drop(int on)
{
	return dsrv_settings_set(&settings.logger_drop, on, 0, INT_MAX);
}

int
daemon_set_logger_escape(int on)
{
	return dsrv_settings_set(&settings.logger_escape, on, 0, INT_MAX);
}

/*
 * What stages return
 */

int
daemon_set_start_return_fatal(int value)
{
	return dsrv_settings_set(&settings.start_return_fatal,
	    value, INT_MIN, 0);
}

int
daemon_set_master_return_fatal(int value)
{
	return dsrv_settings_set(&settings.master_return_fatal,
	    value, INT_MIN, 0);
}

int
daemon_set_logger_return_fatal(int value)
{
	return dsrv_settings_set(&settings.logger_return_fatal,
	    value, INT_MIN, 0);
}

int
daemon_set_server_return_fatal(int value)
{
	return dsrv_settings_set(&settings.server_return_fatal,
	    value, INT_MIN, 0);
}
