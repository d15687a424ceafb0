/*
 * fuzz_prune.c - a directory full of strangers' names: only files whose names
 * the format gives are removed, and only if there are more than are kept
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include "logfile.h"
#include "fuzz.h"

enum { NAMES = 12, NOW = 1782900000 };	/* 2026-07-01 10:00:00 UTC */

static char directory[256];
static int dir = -1;

static void
open_once(void)
{
	const char *parent = getenv("TMPDIR");

	if (dir != -1)
		return;
	snprintf(directory, sizeof directory, "%s/prune.XXXXXX",
	    parent != NULL ? parent : "/tmp");
	must(mkdtemp(directory) != NULL);
	dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir != -1);
	setenv("TZ", "UTC0", 1);
	tzset();
}

/* Reads a number with this many digits at *at; -1: there is none. */
static int
number(const char **at, size_t least, size_t most)
{
	size_t length = strspn(*at, "0123456789");
	const char *digits = *at;

	if (length < least || length > most)
		return -1;
	*at += length;
	return atoi(digits);
}

/* Whether a name begins with "log-" and a date, by another algorithm; returns
 * the rest. A year has no leading zeros. */
static const char *
behind_date(const char *name)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };
	int year, month, day;

	if (strncmp(name, "log-", 4) != 0 || (name[4] == '0' &&
	    name[5] != '-'))
		return NULL;
	name += 4;
	year = number(&name, 1, 4);
	if (year == -1 || *name++ != '-' ||
	    (month = number(&name, 2, 2)) < 1 || month > 12 ||
	    *name++ != '-')
		return NULL;
	day = number(&name, 2, 2);
	return day >= 1 && day <= days[month - 1] ? name : NULL;
}

/* Whether it begins with a dot, and a word that is not a number. */
static int
is_suffix(const char *text)
{
	int has_more = 0;

	if (dsrv_settings()->logger_processor == NULL || *text++ != '.' ||
	    strncmp(text, "processing", 10) == 0)
		return 0;
	for (; *text != '\0' && *text != '.'; text++)
		has_more |= *text < '0' || *text > '9';
	return has_more;
}

static int
is_own(const char *name)
{
	const char *end = behind_date(name);

	if (end == NULL || *end == '\0' || is_suffix(end))
		return end != NULL;
	return *end++ == '.' && *end != '0' && number(&end, 1, 9) > 0 &&
	    (*end == '\0' || is_suffix(end));
}

/* Makes a file, a directory or a link of that name and age. */
static void
make(const char *name, unsigned kind, int32_t age)
{
	struct timespec times[2] = { { .tv_sec = (long)NOW - age },
		{ .tv_sec = (long)NOW - age } };
	int fd;

	if (kind == 1)
		mkdirat(dir, name, 0700);
	else if (kind == 2)
		(void)!symlinkat("log", dir, name);
	else if ((fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC,
	    0600)) != -1)
		close(fd);
	utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

static void
clear(char names[NAMES][64])
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (unlinkat(dir, names[i], 0) == -1)
			unlinkat(dir, names[i], AT_REMOVEDIR);
}

/* Each removed file was the logger's, and no fewer are left than should be
 * kept. */
static void
check(char names[NAMES][64], const int *were_files, int kept)
{
	int i, j, gone = 0, left = 1;
	struct stat file;

	for (i = 0; i < NAMES; i++) {
		for (j = 0; j < i && strcmp(names[i], names[j]) != 0; j++)
			;
		if (j < i || *names[i] == '\0')
			continue;
		if (fstatat(dir, names[i], &file, AT_SYMLINK_NOFOLLOW) == 0) {
			left += S_ISREG(file.st_mode) && is_own(names[i]);
			continue;
		}
		must(were_files[i] && is_own(names[i]));
		gone++;
	}
	must(gone == 0 || left >= kept);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char names[NAMES][64] = { "" }, format[300];
	int i, fd, were_files[NAMES], kept = 1 + (int)(fuzz_byte(&in) % 4);
	struct dsrv_logname current;
	struct stat file;

	open_once();
	snprintf(format, sizeof format, "%s/log-%%Y-%%m-%%d", directory);
	must(daemon_set_logger_name_format(format) == 0);
	daemon_set_logger_file_count_max(kept);
	i = (int)fuzz_byte(&in);
	daemon_set_logger_size_max(i % 2 ? 1000 : 0);
	daemon_set_logger_processor(i % 4 > 1 ? "/p" : NULL);
	for (i = 0; i < NAMES && in.left > 0; i++) {
		unsigned kind = fuzz_byte(&in) % 8;
		int32_t age = fuzz_int(&in);

		fuzz_string(&in, names[i], sizeof names[i]);
		if (strchr(names[i], '/') != NULL || names[i][0] == '.')
			names[i][0] = '\0';
		if (names[i][0] != '\0')
			make(names[i], kind, age);
	}
	must(dsrv_logname_at(&current, NOW) == 0);
	fd = open(current.path, O_CREAT | O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
	    0600);
	for (i = 0; i < NAMES; i++)
		were_files[i] = names[i][0] != '\0' && fstatat(dir, names[i],
		    &file, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(file.st_mode);
	if (fd != -1) {
		dsrv_logprune(&current, fd, 0, NULL, NOW);
		check(names, were_files, kept);
		must(fstatat(dir, dsrv_logname_last(current.path), &file,
		    AT_SYMLINK_NOFOLLOW) == 0);
		close(fd);
		unlink(current.path);
	}
	clear(names);
	return 0;
}
