/*
 * title.c - how ps(1) shows a process
 *
 * The kernel shows the memory in which it has put the program's arguments and
 * environment. daemon_set_titles() moves these elsewhere, and each process
 * writes its title there. A title that does not fit is cut off.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ground.h"

enum { TITLE_MAX = 512 };	/* bytes: the longest name and title */

#ifdef HAVE_SETPROCTITLE

static int chosen;

static int
is_on(void)
{
	return chosen;
}

int
daemon_set_titles(int argc, char **argv)
{
	if (argc < 1 || argv == NULL || argv[0] == NULL) {
		errno = EINVAL;
		return -1;
	}
	chosen = 1;
	return 0;
}

static void
show(const char *title)
{
	setproctitle("-%s", title);
}

#else

extern char **environ;

static struct {
	char *start;
	size_t size;	/* 0: titles are not wanted */
	char *last;	/* the NUL of the last argument */
	size_t shown;	/* bytes of the title shown now */
	char *moved;	/* what was in that memory */
} place;

static int
is_on(void)
{
	return place.size > 0;
}

/* As main() has been given them: above the array, and together they fill the
 * room from the first one on, in whatever order getopt(3) has put them. Others
 * may be constant. Returns where the room ends; NULL: they are others. */
static char *
end_of_arguments(int argc, char *const *argv)
{
	char *end, *here;
	size_t sum = 0;
	int i;

	if (argc < 1 || argv == NULL || argv[0] == NULL || argv[argc] != NULL ||
	    (uintptr_t)argv[0] <= (uintptr_t)&argv[argc])
		return NULL;
	end = argv[0];
	for (i = 0; i < argc && argv[i] != NULL; i++) {
		here = argv[i] + strlen(argv[i]) + 1;
		sum += (size_t)(here - argv[i]);
		if (here > end)
			end = here;
	}
	return i == argc && sum == (size_t)(end - argv[0]) ? end : NULL;
}

static char *
end_of_environment(char *end)
{
	int i;

	for (i = 0; environ != NULL && environ[i] != NULL; i++)
		if (environ[i] == end)
			end += strlen(end) + 1;
	return end;
}

/* Corrects a pointer to what has been moved. */
static void
follow(char **text, const char *start, const char *end)
{
	if (*text >= start && *text < end)
		*text = place.moved + (*text - start);
}

static void
follow_all(char **texts, const char *start, const char *end)
{
	int i;

	for (i = 0; texts != NULL && texts[i] != NULL; i++)
		follow(&texts[i], start, end);
}

/* -1 with errno: nothing has moved. */
static int
move_away(char **argv, char *start, const char *end)
{
	size_t size = (size_t)(end - start);

	if ((place.moved = malloc(size)) == NULL)
		return -1;
	memcpy(place.moved, start, size);
	follow_all(argv, start, end);
	follow_all(environ, start, end);
#if HAVE_DECL_PROGRAM_INVOCATION_SHORT_NAME
	follow(&program_invocation_name, start, end);
	follow(&program_invocation_short_name, start, end);
#endif
	return 0;
}

int
daemon_set_titles(int argc, char **argv)
{
	char *start, *last, *end;

	if (is_on())
		return 0;
	if ((last = end_of_arguments(argc, argv)) == NULL) {
		errno = EINVAL;
		return -1;
	}
	start = argv[0];
	end = end_of_environment(last);
	if (move_away(argv, start, end) == -1)
		return -1;
	place.start = start;
	place.size = (size_t)(end - start);
	place.last = last - 1;
	place.shown = (size_t)(last - start);
	return 0;
}

/* If the last byte of the arguments is not NUL, Linux shows everything up to
 * the first NUL, otherwise all arguments. */
static void
show(const char *title)
{
	size_t length = strlen(title);

	if (length > place.size - 1)
		length = place.size - 1;
	memcpy(place.start, title, length);
	if (length < place.shown)
		memset(place.start + length, '\0', place.shown - length);
	place.start[length] = '\0';
	if (place.start + length < place.last)
		*place.last = '.';
	place.shown = length;
}

#endif

int
dsrv_title_is_on(void)
{
	return is_on();
}

void
dsrv_title_set(const char *format, ...)
{
	char title[TITLE_MAX];
	int length;
	va_list values;

	if (!is_on())
		return;
	length = snprintf(title, sizeof title, "%.*s: ", NAME_MAX,
	    dsrv_settings_name());
	va_start(values, format);
	vsnprintf(title + length, sizeof title - (size_t)length, format,
	    values);
	va_end(values);
	show(title);
}

void
dsrv_title_set_count(int workers)
{
	static int before = -1;

	if (!is_on() || workers == before)
		return;
	before = workers;
	dsrv_title_set("server %d/%d", workers,
	    dsrv_settings()->worker_count_max);
}
