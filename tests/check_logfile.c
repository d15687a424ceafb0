/*
 * check_logfile.c - the log file's name, its opening, rotation and removal
 *
 * Each test works in a directory of its own, so that names are short, and
 * formats relative ones, as the library allows.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/syscall.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <time.h>

#include "logfile.h"
#include "flock.h"
#include "openat.h"
#include "startdir.h"
#include "harness.h"

enum {
	SUMMER = 1782900000,	/* 2026-07-01 10:00:00 UTC */
	NOBODY = 65534		/* a user without rights */
};

#define BERLIN	"CET-1CEST,M3.5.0,M10.5.0/3"

/*
 * In between: another user's act right before a call
 */

static void (*before_call)(void);	/* called once */

static void
interrupt(void)
{
	void (*now)(void) = before_call;

	before_call = NULL;
	if (now != NULL)
		now();
}

int
unlinkat(int dir, const char *name, int flags)
{
	interrupt();
	return (int)syscall(SYS_unlinkat, dir, name, flags);
}

static int lock_error;		/* of the next call, if it is not 0 */
static int locks_before;	/* after this many more an act follows, ... */
static void (*after_lock)(void);	/* ... or right before the lock ... */
static int acts_before_it;

#ifdef HAVE_FLOCK
static void
act(void)
{
	void (*now)(void) = after_lock;

	after_lock = NULL;
	now();
}

int
flock(int fd, int how)
{
	int is_now = after_lock != NULL && (how & LOCK_EX) &&
	    --locks_before == 0, done;

	if (lock_error != 0) {
		errno = lock_error;
		lock_error = 0;
		return -1;
	}
	if (is_now && acts_before_it)
		act();
	done = (int)syscall(SYS_flock, fd, how);
	if (is_now && !acts_before_it)
		act();
	return done;
}
#endif

static int names_read;

char *
strptime(const char *text, const char *format, struct tm *tm)
{
	static char *(*real)(const char *, const char *, struct tm *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "strptime");
	names_read++;
	return real(text, format, tm);
}

static struct run run;
static struct dsrv_logname name_given;	/* what the format gave last */
static char *const path = name_given.path;
static off_t size_given;	/* by the file opened last */

/*
 * Where a test works
 */

/* In this directory, where the daemon is started. */
static void
start_in(const char *directory)
{
	ck_assert_int_eq(chdir(directory), 0);
	umask(0);
	set_time_zone("UTC0");
	dsrv_startdir_is_here();
}

static void
set_format(const char *format)
{
	ck_assert_int_eq(daemon_set_logger_name_format(format), 0);
	ck_assert_int_eq(dsrv_settings_complete(), 0);
}

/* The path at that time, without the working directory, as in the format. */
static const char *
name_at(time_t when)
{
	char *here = getcwd(NULL, 0);
	size_t length = strlen(here);

	ck_assert_int_eq(dsrv_logname_at(&name_given, when), 0);
	ck_assert_msg(strncmp(path, here, length) == 0 &&
	    path[length] == '/', "%s is not in %s", path, here);
	free(here);
	return path + length + 1;
}

/* Most tests use one format. */
static void
start_with(const char *format)
{
	start_in(scratch());
	set_format(format);
	name_at(SUMMER);
}

/*
 * Files
 */

static void
make_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert_msg(file != NULL, "%s: %s", name, strerror(errno));
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void
make_directory(const char *name)
{
	ck_assert_int_eq(mkdir(name, 0755), 0);
}

/* Whether something has that name; a link is not followed. */
static int
is_there(const char *name)
{
	struct stat file;

	return lstat(name, &file) == 0;
}

static void
holds(const char *name, const char *text)
{
	char found[256] = "";
	FILE *file = fopen(name, "r");

	ck_assert_msg(file != NULL, "%s: %s", name, strerror(errno));
	ck_assert_uint_lt(fread(found, 1, sizeof found - 1, file),
	    sizeof found);
	fclose(file);
	ck_assert_msg(strcmp(found, text) == 0, "%s holds \"%s\", not \"%s\"",
	    name, found, text);
}

static unsigned
mode_of(const char *name)
{
	struct stat file;

	ck_assert_msg(lstat(name, &file) == 0, "%s: %s", name,
	    strerror(errno));
	return (unsigned)file.st_mode & 07777;
}

/* Opens the file that the format gives for that time, which must work. */
static int
open_at(time_t when)
{
	int fd;

	ck_assert_int_eq(dsrv_logname_at(&name_given, when), 0);
	fd = dsrv_logfile_open(&name_given, &size_given);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

/* Opens and closes it, with this text written in between. */
static void
log_at(time_t when, const char *text)
{
	int fd = open_at(when);

	ck_assert_int_eq(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
	close(fd);
}

/* Opens the file that the format gave last, or the one of another path. */
static int
open_named(const char *name)
{
	struct dsrv_logname other;

	if (name == path)
		return dsrv_logfile_open(&name_given, &size_given);
	memset(&other, 0, sizeof other);
	strcpy(other.path, name);
	return dsrv_logfile_open(&other, &size_given);
}

/* The process's name as the kernel has it; under valgrind it is another one. */
static const char *
our_name(void)
{
	static char name[64];
	FILE *file = fopen("/proc/self/comm", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(fgets(name, sizeof name, file));
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return name;
}

/* Asserts that this file is refused for this reason, and is not left open. */
static void
refuses(const char *name, const char *why)
{
	int before = descriptors_of(getpid()), fd;

	errno = 0;
	fd = open_named(name);
	ck_assert_msg(fd == -1, "%s is opened", name);
	ck_assert_str_eq(dsrv_logfile_why(errno), why);
	ck_assert_int_eq(descriptors_of(getpid()), before);
}

/*
 * The name
 */

START_TEST(the_name_is_local_time)
{
	start_with("x-%Y-%m-%d-%H%M%S.log");
	ck_assert_str_eq(name_at(SUMMER), "x-2026-07-01-100000.log");
	set_time_zone("XXX-5:30");
	ck_assert_str_eq(name_at(SUMMER), "x-2026-07-01-153000.log");
	set_time_zone("XXX12");
	ck_assert_str_eq(name_at(SUMMER), "x-2026-06-30-220000.log");
}
END_TEST

START_TEST(a_name_without_a_conversion_is_the_same_at_any_time)
{
	start_with("x.log");
	ck_assert_str_eq(name_at(0), "x.log");
	ck_assert_str_eq(name_at(SUMMER), "x.log");
}
END_TEST

START_TEST(a_name_may_hold_percent_signs)
{
	start_with("100%%-%Y%%Y.log");
	ck_assert_str_eq(name_at(SUMMER), "100%-2026%Y.log");
}
END_TEST

START_TEST(a_slash_does_not_belong_to_a_conversion)
{
	struct dsrv_part part;

	dsrv_logname_part(&part, "x%6/y%Y");
	ck_assert_str_eq(part.begins, "x");
	ck_assert_str_eq(part.ends, "");
	ck_assert_str_eq(part.rest, "/y%Y");
	dsrv_logname_part(&part, "x%E/");
	ck_assert_str_eq(part.rest, "/");
	ck_assert_uint_eq(dsrv_timeformat_conversion("%6/x"), 2);
	ck_assert_uint_eq(dsrv_timeformat_conversion("%-/x"), 2);
	ck_assert_uint_eq(dsrv_timeformat_conversion("%"), 1);
}
END_TEST

START_TEST(a_conversion_has_flags_a_width_and_a_modifier_in_this_order)
{
	ck_assert_uint_eq(dsrv_timeformat_conversion("%_-010EYx"), 8);
	ck_assert_uint_eq(dsrv_timeformat_conversion("%^#Ox"), 5);
	ck_assert_uint_eq(dsrv_timeformat_conversion("%4#%2x"), 2);
	ck_assert_uint_eq(dsrv_timeformat_conversion("%E5x"), 2);
	ck_assert_uint_eq(dsrv_timeformat_conversion("%%Y"), 0);
}
END_TEST

START_TEST(an_absolute_format_stays_what_it_is)
{
	start_in(scratch());
	set_format("/%Y/x.log");
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	ck_assert_str_eq(path, "/2026/x.log");
}
END_TEST

START_TEST(a_relative_format_starts_in_the_directory_of_the_start)
{
	char expected[PATH_MAX + 32];

	start_in(scratch());
	ck_assert_ptr_nonnull(getcwd(expected, PATH_MAX));
	strcat(expected, "/./logs/2026.log");
	ck_assert_int_eq(chdir("/"), 0);
	set_format("./logs/%Y.log");
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	ck_assert_str_eq(path, expected);
	/* A complete path is not completed again. */
	ck_assert_int_eq(dsrv_settings_complete(), 0);
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	ck_assert_str_eq(path, expected);
}
END_TEST

START_TEST(a_start_directory_may_hold_percent_signs)
{
	start_in(scratch());
	make_directory("100%Y %");
	start_in("100%Y %");
	set_format("%Y.log");
	ck_assert_str_eq(name_at(SUMMER), "2026.log");
	log_at(SUMMER, "one\n");
	holds("2026.log", "one\n");
}
END_TEST

START_TEST(a_relative_format_without_a_start_directory_is_refused)
{
	start_in(scratch());
	make_directory("gone");
	ck_assert_int_eq(chdir("gone"), 0);
	ck_assert_int_eq(rmdir("../gone"), 0);
	dsrv_startdir_is_here();
	ck_assert_int_eq(daemon_set_logger_name_format("x.log"), 0);
	errno = 0;
	ck_assert_int_eq(dsrv_settings_complete(), -1);
	ck_assert_int_eq(errno, ENOENT);
	set_format("/x.log");
}
END_TEST

START_TEST(the_default_name_is_the_program_s)
{
	start_in(scratch());
	ck_assert_int_eq(daemon_set_program_name("100%Yd"), 0);
	ck_assert_int_eq(dsrv_settings_complete(), 0);
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	ck_assert_str_eq(path, "/var/log/100%Yd.log");
}
END_TEST

START_TEST(the_default_name_is_that_of_a_program_named_with_percent_signs)
{
	char name[NAME_MAX + 1], expected[NAME_MAX + 20];

	memset(name, '%', NAME_MAX);
	name[NAME_MAX] = '\0';
	start_in(scratch());
	ck_assert_int_eq(daemon_set_program_name(name), 0);
	ck_assert_int_eq(dsrv_settings_complete(), 0);
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	snprintf(expected, sizeof expected, "/var/log/%s.log", name);
	ck_assert_str_eq(path, expected);
}
END_TEST

START_TEST(the_default_name_stays_where_another_is_refused)
{
	start_in(scratch());
	ck_assert_int_eq(daemon_set_program_name("testd"), 0);
	ck_assert_int_eq(daemon_set_logger_name_format(""), -1);
	ck_assert_int_eq(daemon_set_logger_name_format("x-%"), -1);
	ck_assert_int_eq(daemon_set_logger_link(""), -1);
	ck_assert_int_eq(dsrv_settings_complete(), 0);
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	ck_assert_str_eq(path, "/var/log/testd.log");
	ck_assert_ptr_null(dsrv_settings()->logger_link);
}
END_TEST

START_TEST(a_path_of_4095_bytes_is_the_longest)
{
	char format[DSRV_PATH_MAX];
	size_t length = DSRV_PATH_MAX - 1;

	start_in(scratch());
	memset(format, 'x', length);
	format[0] = '/';
	format[length] = '\0';
	set_format(format);
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	ck_assert_str_eq(path, format);

	memcpy(format + length - 2, "%Y", 2);	/* becomes two bytes more */
	set_format(format);
	errno = 0;
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
	ck_assert_str_eq(dsrv_logfile_why(ENAMETOOLONG),
	    strerror(ENAMETOOLONG));
}
END_TEST

/*
 * Clocks that change
 */

START_TEST(an_hour_back_the_older_file_is_appended_to)
{
	start_with("x-%H.log");
	log_at(SUMMER, "ten\n");
	log_at(SUMMER + 3600, "eleven\n");
	log_at(SUMMER, "ten again\n");
	holds("x-10.log", "ten\nten again\n");
	holds("x-11.log", "eleven\n");
}
END_TEST

START_TEST(when_summer_time_ends_an_hour_has_one_file_for_both)
{
	start_with("x-%m%d-%H.log");
	set_time_zone(BERLIN);
	log_at(1792888200, "summer\n");	/* 2026-10-25 00:30:00 UTC */
	log_at(1792891800, "winter\n");	/* an hour later */
	holds("x-1025-02.log", "summer\nwinter\n");
}
END_TEST

START_TEST(when_summer_time_ends_two_files_differ_by_their_offset)
{
	start_with("x-%H%z.log");
	set_time_zone(BERLIN);
	ck_assert_str_eq(name_at(1792888200), "x-02+0200.log");
	ck_assert_str_eq(name_at(1792891800), "x-02+0100.log");
}
END_TEST

START_TEST(when_summer_time_begins_an_hour_has_no_file)
{
	start_with("x-%m%d-%H.log");
	set_time_zone(BERLIN);
	ck_assert_str_eq(name_at(1774745999), "x-0329-01.log");
	ck_assert_str_eq(name_at(1774746000), "x-0329-03.log");
}
END_TEST

/*
 * Opening
 */

START_TEST(a_new_file_has_mode_0640)
{
	start_with("x.log");
	log_at(SUMMER, "");
	ck_assert_uint_eq(mode_of("x.log"), 0640);
	umask(077);
	set_format("y.log");
	log_at(SUMMER, "");
	ck_assert_uint_eq(mode_of("y.log"), 0600);
}
END_TEST

/* The group is one that this user may give to a file. */
static void
set_mode(int mode)
{
	char group[16];

	snprintf(group, sizeof group, "%d", geteuid() == 0 ? NOBODY :
	    (int)getegid());
	ck_assert_int_eq(daemon_set_logger_mode(mode, group), 0);
}

static void
has_mode(const char *name, unsigned mode)
{
	struct stat file;

	ck_assert_uint_eq(mode_of(name), mode);
	ck_assert_int_eq(stat(name, &file), 0);
	ck_assert_uint_eq(file.st_gid, geteuid() == 0 ? NOBODY : getegid());
}

START_TEST(a_new_file_has_the_mode_and_the_group_that_were_set)
{
	start_with("x.log");
	umask(077);
	set_mode(0646);
	log_at(SUMMER, "one");
	has_mode("x.log", 0646);
	ck_assert_int_eq(chmod("x.log", 0600), 0);
	log_at(SUMMER, "two");
	ck_assert_uint_eq(mode_of("x.log"), 0600);	/* it is not new */
}
END_TEST

/* A logger that died between two calls leaves this. */
START_TEST(a_new_file_that_has_no_mode_yet_gets_it)
{
	start_with("x.log");
	close(open("x.log", O_CREAT | O_WRONLY, 0200));
	log_at(SUMMER, "");
	ck_assert_uint_eq(mode_of("x.log"), 0200);	/* no mode is set */
	set_mode(0640);
	log_at(SUMMER, "one");
	has_mode("x.log", 0640);
}
END_TEST

/* Otherwise root's rights would open it. */
static void
drop_rights(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(NOBODY), 0);
}

/* Root could read it. */
START_TEST(a_new_file_that_has_no_mode_yet_can_be_read_too)
{
	int fd;

	start_with("x.log");
	ck_assert_int_eq(chmod(".", 0777), 0);
	close(open("x.log", O_CREAT | O_WRONLY, 0200));
	if (geteuid() == 0)
		ck_assert_int_eq(chown("x.log", NOBODY, (gid_t)-1), 0);
	daemon_set_logger_mode(0640, NULL);
	drop_rights();
	fd = open_named("x.log");
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_int_eq(write(fd, "half", 4), 4);
	ck_assert(dsrv_logfile_ends_in_half_a_line(fd));
	close(fd);
}
END_TEST

START_TEST(an_empty_file_that_is_there_keeps_its_mode_too)
{
	start_with("x.log");
	make_file("x.log", "");
	ck_assert_int_eq(chmod("x.log", 0604), 0);
	set_mode(0640);
	log_at(SUMMER, "one");
	ck_assert_uint_eq(mode_of("x.log"), 0604);
}
END_TEST

START_TEST(a_file_that_is_there_keeps_its_mode_and_is_appended_to)
{
	start_with("x.log");
	make_file("x.log", "before\n");
	ck_assert_int_eq(chmod("x.log", 0666), 0);
	log_at(SUMMER, "after\n");
	holds("x.log", "before\nafter\n");
	ck_assert_uint_eq(mode_of("x.log"), 0666);
}
END_TEST

START_TEST(the_descriptor_appends_and_is_closed_on_exec)
{
	int fd;

	start_with("x.log");
	fd = open_at(SUMMER);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_APPEND, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
}
END_TEST

START_TEST(the_descriptor_is_above_2)
{
	int fd;

	start_with("x.log");
	close(STDIN_FILENO);
	fd = open_at(SUMMER);
	ck_assert_int_gt(fd, 2);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(fcntl(STDIN_FILENO, F_GETFD), -1);
	close(fd);
}
END_TEST

/*
 * Directories
 */

START_TEST(a_missing_directory_with_a_conversion_is_made)
{
	start_with("logs-%Y/x.log");
	log_at(SUMMER, "one\n");
	holds("logs-2026/x.log", "one\n");
	ck_assert_uint_eq(mode_of("logs-2026"), 0750);
	ck_assert_uint_eq(mode_of("logs-2026/x.log"), 0640);
}
END_TEST

START_TEST(missing_directories_are_made_within_each_other)
{
	start_with("%Y/%m/%d-%%/%H.log");
	make_directory("2026");
	log_at(SUMMER, "one\n");
	holds("2026/07/01-%/10.log", "one\n");
	ck_assert_uint_eq(mode_of("2026"), 0755);
	ck_assert_uint_eq(mode_of("2026/07"), 0750);
	ck_assert_uint_eq(mode_of("2026/07/01-%"), 0750);
}
END_TEST

START_TEST(a_missing_directory_without_a_conversion_is_not_made)
{
	static const char *const formats[] = { "logs/x.log", "logs/%Y.log",
		"logs/%Y/x.log", "100%%/x.log", "%%Y/x.log", "%Y/logs/x.log" };
	int i;

	start_in(scratch());
	for (i = 0; i < DSRV_COUNT(formats); i++) {
		set_format(formats[i]);
		name_at(SUMMER);
		refuses(path, strerror(ENOENT));
	}
	ck_assert(!is_there("logs"));
	ck_assert(!is_there("100%"));
	ck_assert(!is_there("%Y"));
	ck_assert(!is_there("2026/logs"));
}
END_TEST

START_TEST(what_is_no_directory_is_not_replaced_by_one)
{
	start_with("%Y/x.log");
	make_file("2026", "text");
	refuses(path, strerror(ENOTDIR));
	holds("2026", "text");
}
END_TEST

/* How many names are in the working directory. */
static int
names_here(void)
{
	DIR *here = opendir(".");
	int count = 0;

	ck_assert_ptr_nonnull(here);
	while (readdir(here) != NULL)
		count++;
	closedir(here);
	return count - 2;	/* . and .. */
}

/* With percent signs doubled, the format is longer than any path. */
START_TEST(below_a_long_start_of_percent_signs_the_right_directory_is_made)
{
	enum { DEEP = 10, LENGTH = 250 };
	char name[LENGTH + 1];
	int i, fd;

	memset(name, '%', LENGTH);
	name[LENGTH] = '\0';
	start_in(scratch());
	for (i = 0; i < DEEP; i++) {
		make_directory(name);
		start_in(name);
	}
	set_format("%Y/x.log");
	name_at(SUMMER);
	fd = dsrv_logfile_open(&name_given, &size_given);
	ck_assert_int_eq(names_here(), fd >= 0);
	for (i = 0; i < DEEP; i++) {
		ck_assert_int_eq(chdir(".."), 0);
		ck_assert_int_eq(names_here(), 1);
	}
	ck_assert_int_ge(fd, 0);
	close(fd);
}
END_TEST

/*
 * What is not a log file
 */

START_TEST(a_directory_is_refused)
{
	start_with("x.log");
	make_directory("x.log");
	refuses(path, strerror(EISDIR));
}
END_TEST

START_TEST(a_symbolic_link_is_refused)
{
	start_with("x.log");
	make_file("y.log", "text");
	ck_assert_int_eq(symlink("y.log", "x.log"), 0);
	refuses(path, "it is a symbolic link");
	holds("y.log", "text");
}
END_TEST

START_TEST(a_file_with_another_name_too_is_refused_where_others_may_link)
{
	start_with("x.log");
	make_file("y.log", "text");
	ck_assert_int_eq(link("y.log", "x.log"), 0);
	ck_assert_int_eq(chmod(".", 0770), 0);
	refuses(path, "it has another name too");
	ck_assert_int_eq(chmod(".", 0707), 0);
	refuses(path, "it has another name too");
	holds("y.log", "text");
}
END_TEST

/* As after "cp -al", a backup by hard links. */
START_TEST(a_file_with_another_name_too_is_opened_where_none_but_we_may_link)
{
	start_with("x.log");
	make_file("y.log", "text");
	ck_assert_int_eq(link("y.log", "x.log"), 0);
	log_at(SUMMER, " more");
	holds("y.log", "text more");
	if (skip_if(geteuid() != 0, "only root can give a directory away"))
		return;
	ck_assert_int_eq(chown(".", NOBODY, NOBODY), 0);
	refuses(path, "it has another name too");
}
END_TEST

START_TEST(a_link_in_place_of_a_directory_of_the_format_is_refused)
{
	start_with("logs/%Y/x.log");
	make_directory("logs");
	make_directory("elsewhere");
	ck_assert_int_eq(symlink("../elsewhere", "logs/2026"), 0);
	refuses(path, strerror(ENOTDIR));
	ck_assert(!is_there("elsewhere/x.log"));
}
END_TEST

START_TEST(a_link_in_place_of_another_directory_is_followed)
{
	int fd;

	start_with("logs/%Y/x.log");
	make_directory("elsewhere");
	ck_assert_int_eq(symlink("elsewhere", "logs"), 0);
	fd = open_at(SUMMER);
	ck_assert(is_there("elsewhere/2026/x.log"));
	close(fd);
}
END_TEST

/* Even if it belongs to root or to the logger's user. */
START_TEST(a_link_below_a_directory_of_the_format_is_refused)
{
	start_with("%Y/logs/x.log");
	make_directory("2026");
	make_directory("elsewhere");
	ck_assert_int_eq(symlink("../elsewhere", "2026/logs"), 0);
	refuses(path, strerror(ENOTDIR));
	ck_assert(!is_there("elsewhere/x.log"));
	set_format("%Y/../x.log");
	name_at(SUMMER);
	refuses(path, strerror(ENOTDIR));
	ck_assert(!is_there("x.log"));
}
END_TEST

START_TEST(links_to_directories_are_followed_as_far_as_they_lead)
{
	char absolute[PATH_MAX];

	start_with("a/x.log");
	make_directory("there");
	make_directory("there/below");
	ck_assert_ptr_nonnull(getcwd(absolute, sizeof absolute - 16));
	strcat(absolute, "/b");
	ck_assert_int_eq(symlink(absolute, "a"), 0);
	ck_assert_int_eq(symlink("./there//below/../c/", "b"), 0);
	ck_assert_int_eq(symlink("below/.", "there/c"), 0);
	log_at(SUMMER, "text");
	holds("there/below/x.log", "text");
	ck_assert_int_eq(unlink("there/c"), 0);
	ck_assert_int_eq(symlink("../b", "there/c"), 0);
	refuses(path, "it is a symbolic link");	/* a loop of links */
}
END_TEST

START_TEST(a_link_of_another_user_in_place_of_a_directory_is_refused)
{
	start_with("logs/x.log");
	make_directory("elsewhere");
	ck_assert_int_eq(symlink("elsewhere", "logs"), 0);
	if (skip_if(geteuid() != 0, "only root can give a link away"))
		return;
	ck_assert_int_eq(lchown("logs", NOBODY, NOBODY), 0);
	refuses(path, strerror(ENOTDIR));
	ck_assert(!is_there("elsewhere/x.log"));
	/* The same on the way to the target of a good link. */
	ck_assert_int_eq(rename("logs", "theirs"), 0);
	ck_assert_int_eq(symlink("theirs", "logs"), 0);
	refuses(path, strerror(ENOTDIR));
	ck_assert(!is_there("elsewhere/x.log"));
}
END_TEST

/* Another user puts another directory in place of 2026. */
static void
exchange_directory(void)
{
	ck_assert_int_eq(rename("2026", "was"), 0);
	ck_assert_int_eq(symlink("elsewhere", "2026"), 0);
}

START_TEST(a_directory_that_is_exchanged_meanwhile_leads_nowhere_else)
{
	int fd;

	start_with("%Y/x.log");
	make_directory("2026");
	make_directory("elsewhere");
	make_file("elsewhere/x.log", "precious");
	before_call = exchange_directory;
	fd = open_at(SUMMER);
	ck_assert_int_eq(write(fd, "text", 4), 4);
	close(fd);
	holds("elsewhere/x.log", "precious");
	holds("was/x.log", "text");
}
END_TEST

START_TEST(a_symbolic_link_to_nothing_is_refused)
{
	start_with("x.log");
	ck_assert_int_eq(symlink("y.log", "x.log"), 0);
	refuses(path, "it is a symbolic link");
	ck_assert(!is_there("y.log"));
}
END_TEST

START_TEST(a_fifo_is_opened_whether_somebody_reads_it_or_not)
{
	int fd, reader;
	char text[5];

	start_with("x.log");
	ck_assert_int_eq(mkfifo("x.log", 0600), 0);
	fd = open_at(SUMMER);
	ck_assert_int_eq(size_given, DSRV_FIFO);
	ck_assert_int_eq(write(fd, "text", 4), 4);	/* without SIGPIPE */
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ge(reader = open("x.log", O_RDONLY | O_NONBLOCK), 0);
	ck_assert_int_eq(read(reader, text, sizeof text), 4);
	close(fd);
	fd = open_at(SUMMER);
	close(fd);
	close(reader);
}
END_TEST

START_TEST(a_fifo_of_another_user_is_refused)
{
	if (skip_if(geteuid() != 0, "only root can give a file away"))
		return;
	start_with("x.log");
	ck_assert_int_eq(mkfifo("x.log", 0600), 0);
	ck_assert_int_eq(chown("x.log", NOBODY, NOBODY), 0);
	refuses(path, "it is not a regular file");
}
END_TEST

/*
 * Streams
 */

/* In the foreground: asserts that the file of that name is this stream. */
static void
opens(const char *name, int number)
{
	struct stat expected, found;
	int fd = open_named(name);

	ck_assert_msg(fd > 2, "%s: %s", name, strerror(errno));
	ck_assert_int_eq(size_given, DSRV_STREAM);
	ck_assert_int_eq(fstat(number, &expected), 0);
	ck_assert_int_eq(fstat(fd, &found), 0);
	ck_assert(expected.st_ino == found.st_ino);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	close(fd);
}

START_TEST(standard_output_and_standard_error_can_be_the_log)
{
	int ends[2], others[2];

	start_in(scratch());
	daemon_set_foreground(1);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(pipe(others), 0);
	dup2(ends[1], STDOUT_FILENO);
	dup2(others[1], STDERR_FILENO);
	opens("-", 1);
	opens("/dev/stdout", 1);
	opens("/proc/self/fd/1", 1);
	opens("/dev/stderr", 2);
	opens("/proc/self/fd/2", 2);
	set_format("-");
	ck_assert_int_eq(dsrv_logname_at(&name_given, SUMMER), 0);
	opens(path, 1);
	/* Flags are not shared with other processes that write there. */
	ck_assert_int_eq(fcntl(1, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a_link_to_standard_output_is_as_good)
{
	start_with("x.log");
	daemon_set_foreground(1);
	ck_assert_int_eq(symlink("/dev/stdout", "x.log"), 0);
	opens(path, 1);
	ck_assert_int_eq(unlink("x.log"), 0);
	ck_assert_int_eq(symlink("/dev/stderr", "x.log"), 0);
	opens(path, 2);
	ck_assert_int_eq(unlink("x.log"), 0);
	ck_assert_int_eq(symlink("/dev/null", "x.log"), 0);
	refuses(path, "it is a symbolic link");
	ck_assert_int_eq(unlink("x.log"), 0);
	if (skip_if(geteuid() != 0, "only root can give a link away"))
		return;
	ck_assert_int_eq(symlink("/dev/stdout", "x.log"), 0);
	ck_assert_int_eq(lchown("x.log", NOBODY, NOBODY), 0);
	refuses(path, "it is a symbolic link");
}
END_TEST

/* The start replaces it. */
START_TEST(standard_output_cannot_be_the_log_in_the_background)
{
	start_in(scratch());
	refuses("-", "only a daemon in the foreground keeps it");
	refuses("/dev/stderr", "only a daemon in the foreground keeps it");
}
END_TEST

START_TEST(a_device_is_refused)
{
	start_with("x.log");
	refuses("/dev/null", "it is not a regular file");
	if (skip_if(access("/dev/full", W_OK) == -1, "no /dev/full"))
		return;
	refuses("/dev/full", "it is not a regular file");
}
END_TEST

START_TEST(a_socket_is_refused)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX,
		.sun_path = "x.log" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	start_with("x.log");
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	refuses(path, "it is not a regular file");
	close(fd);
}
END_TEST

START_TEST(a_file_that_may_not_be_written_is_refused)
{
	int fd;

	start_with("x.log");
	make_file("x.log", "text");
	ck_assert_int_eq(chmod(".", 0755), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(chown("x.log", NOBODY, (gid_t)-1), 0);
	drop_rights();
	/* By its short name: not all users can read the directories above. */
	ck_assert_int_ge(fd = open_named("x.log"), 0);
	close(fd);
	ck_assert_int_eq(chmod("x.log", 0400), 0);
	refuses("x.log", strerror(EACCES));
	holds("x.log", "text");
	ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

START_TEST(a_file_is_not_made_where_that_is_not_allowed)
{
	start_with("x.log");
	ck_assert_int_eq(chmod(".", 0555), 0);
	drop_rights();
	refuses("x.log", strerror(EACCES));
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	ck_assert(!is_there("x.log"));
}
END_TEST

static void
hold_the_lock(void)
{
	tell("locked", flock(open("x.log", O_WRONLY), LOCK_EX));
	for (;;)
		pause();
}

/* Our descriptor cannot get the lock, since this process has it. */
static void
is_locked_by(int fd, pid_t pid)
{
	char why[128];

	errno = 0;
	ck_assert_int_eq(dsrv_filelock_take(fd), -1);
	snprintf(why, sizeof why,
	    "process %ld (%s) has locked it", (long)pid, our_name());
	ck_assert_str_eq(dsrv_logfile_why(errno), why);
}

START_TEST(a_file_that_another_process_has_locked_is_opened_and_that_named)
{
	int fd;

	if (has_no_locks())
		return;
	start_with("x.log");
	make_file("x.log", "text");
	run_start(&run, hold_the_lock);
	ck_assert_int_eq(heard(&run, "locked"), 0);
	fd = open_at(SUMMER);
	is_locked_by(fd, run.pid);
	send_signal(run.pid, SIGKILL);
	run_wait(&run);
	ck_assert_int_eq(dsrv_filelock_take(fd), 0);
	holds("x.log", "text");
	close(fd);
}
END_TEST

START_TEST(a_lock_that_fails_is_not_had_unless_there_are_none)
{
	static const int none[] = { ENOSYS, EOPNOTSUPP, EINVAL, ENOLCK };
	static const int others[] = { ENOMEM, EINTR };
	int fd;
	size_t i;

	if (has_no_locks())
		return;
	start_with("x.log");
	fd = open_at(SUMMER);
	for (i = 0; i < sizeof others / sizeof *others; i++) {
		lock_error = others[i];
		ck_assert_int_eq(dsrv_filelock_take(fd), -1);
		ck_assert_int_eq(errno, EWOULDBLOCK);
		ck_assert_str_eq(dsrv_logfile_why(errno),
		    strerror(others[i]));
	}
	for (i = 0; i < sizeof none / sizeof *none; i++) {
		lock_error = none[i];
		ck_assert_int_eq(dsrv_filelock_take(fd), 0);
	}
	close(fd);
}
END_TEST

static void
hand_on_the_lock(void)
{
	int fd = open("x.log", O_RDONLY);	/* enough for flock -s */

	flock(fd, LOCK_SH);
	if (fork() > 0)
		_exit(0);
	tell_pid("heir");
	for (;;)
		pause();
}

START_TEST(a_lock_is_whose_that_has_the_file_once_its_taker_is_gone)
{
	pid_t heir;
	int fd, other;

	if (has_no_locks())
		return;
	start_with("x.log");
	make_file("x.log", "text");
	fd = open("x.log", O_RDWR);	/* a process without the lock */
	run_start(&run, hand_on_the_lock);
	heir = (pid_t)heard(&run, "heir");
	ck_assert_int_eq(run_wait(&run), 0);
	other = open_at(SUMMER);
	is_locked_by(other, heir);
	send_signal(heir, SIGKILL);
	ended(heir);
	close(other);
	close(fd);
}
END_TEST

static void
try_the_lock(void)
{
	int fd = dsrv_logfile_open(&name_given, &size_given);

	tell("locked", dsrv_filelock_take(fd));
	_exit(0);	/* no leak of what the test has allocated */
}

/* So that another can follow. */
static void
end_run(void)
{
	run_wait(&run);
	free(run.out);
	free(run.err);
	close(run.facts);
}

static int
others_find_it_locked(void)
{
	int locked;

	run_start(&run, try_the_lock);
	locked = heard(&run, "locked") == -1;
	end_run();
	return locked;
}

START_TEST(a_lock_is_there_for_others_from_its_taking_to_its_release)
{
	int fd;

	if (has_no_locks())
		return;
	start_with("x.log");
	fd = open_at(SUMMER);
	ck_assert(!others_find_it_locked());
	ck_assert_int_eq(dsrv_filelock_take(fd), 0);
	ck_assert_int_eq(dsrv_filelock_take(fd), 0);	/* as a successor */
	ck_assert(others_find_it_locked());
	dsrv_filelock_release(fd);
	ck_assert(!others_find_it_locked());
	close(fd);
}
END_TEST

/* The master has another descriptor of the same open file. */
START_TEST(a_lock_outlives_the_one_that_has_taken_it)
{
	int fd;

	if (has_no_locks())
		return;
	start_with("x.log");
	fd = open_at(SUMMER);
	if (fork() == 0) {
		dsrv_filelock_take(fd);
		_exit(0);
	}
	ck_assert_int_gt(wait(NULL), 0);
	ck_assert(others_find_it_locked());
	close(fd);
	fd = open_at(SUMMER);
	ck_assert_int_eq(dsrv_filelock_take(fd), 0);
	close(fd);
}
END_TEST

/*
 * Whether the name still leads to what is open
 */

START_TEST(the_file_that_is_open_does_not_differ)
{
	int fd;

	start_with("x.log");
	fd = open_at(SUMMER);
	ck_assert(!dsrv_logfile_differs(&name_given, fd));
	make_file("x.log", "cut and written by somebody");
	ck_assert(!dsrv_logfile_differs(&name_given, fd));
	close(fd);
}
END_TEST

START_TEST(a_file_that_was_renamed_or_removed_differs)
{
	int fd;

	start_with("x.log");
	fd = open_at(SUMMER);
	ck_assert_int_eq(rename("x.log", "y.log"), 0);
	ck_assert(dsrv_logfile_differs(&name_given, fd));
	ck_assert_int_eq(rename("y.log", "x.log"), 0);
	ck_assert(!dsrv_logfile_differs(&name_given, fd));
	ck_assert_int_eq(unlink("x.log"), 0);
	ck_assert(dsrv_logfile_differs(&name_given, fd));
	close(fd);
}
END_TEST

START_TEST(a_file_that_was_replaced_differs)
{
	int fd;

	start_with("x.log");
	fd = open_at(SUMMER);
	make_file("y.log", "");
	ck_assert_int_eq(rename("y.log", "x.log"), 0);
	ck_assert(dsrv_logfile_differs(&name_given, fd));
	close(fd);
}
END_TEST

START_TEST(without_a_file_every_name_differs)
{
	start_with("x.log");
	ck_assert(dsrv_logfile_differs(&name_given, -1));
	make_file("x.log", "");
	ck_assert(dsrv_logfile_differs(&name_given, -1));
}
END_TEST

/* It would not be opened either. */
START_TEST(a_symbolic_link_to_the_renamed_file_differs)
{
	int fd;

	start_with("x.log");
	fd = open_at(SUMMER);
	ck_assert_int_eq(rename("x.log", "y.log"), 0);
	ck_assert_int_eq(symlink("y.log", "x.log"), 0);
	ck_assert(dsrv_logfile_differs(&name_given, fd));
	close(fd);
}
END_TEST

/*
 * Rotation
 */

static int
rotate(void)
{
	int fd = open(path, O_RDONLY);
	int done = dsrv_logrotation_make_way(&name_given, fd), error = errno;

	close(fd);
	errno = error;
	return done;
}

static void
close_up(int number)
{
	dsrv_logrotation_close_up(AT_FDCWD, "x.log", number);
}

START_TEST(rotation_shifts_each_file_by_one)
{
	start_with("x.log");
	make_file("x.log", "now");
	ck_assert_int_eq(rotate(), 0);
	ck_assert(!is_there("x.log"));
	holds("x.log.1", "now");

	make_file("x.log", "later");
	ck_assert_int_eq(rotate(), 0);
	ck_assert(!is_there("x.log"));
	holds("x.log.1", "later");
	holds("x.log.2", "now");
	ck_assert(!is_there("x.log.3"));
}
END_TEST

START_TEST(rotation_counts_beyond_nine)
{
	char name[32], text[32];
	int i;

	start_with("x.log");
	for (i = 0; i < 12; i++) {
		sprintf(text, "%d", i);
		make_file("x.log", text);
		ck_assert_int_eq(rotate(), 0);
	}
	for (i = 0; i < 12; i++) {
		sprintf(name, "x.log.%d", 12 - i);
		sprintf(text, "%d", i);
		holds(name, text);
	}
	ck_assert(!is_there("x.log.13"));
}
END_TEST

/* A logger that died between two renames leaves this. */
START_TEST(rotation_fills_a_gap_and_loses_nothing)
{
	start_with("x.log");
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	make_file("x.log.3", "three");
	make_file("x.log.4", "four");
	ck_assert_int_eq(rotate(), 0);
	ck_assert(!is_there("x.log"));
	holds("x.log.1", "now");
	holds("x.log.2", "one");
	holds("x.log.3", "three");
	holds("x.log.4", "four");

	ck_assert_int_eq(unlink("x.log.1"), 0);
	make_file("x.log", "later");
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.1", "later");
	holds("x.log.2", "one");
	ck_assert(!is_there("x.log.5"));
}
END_TEST

/* A directory or other obstacle stays where it is, and nothing is rotated. */
static void
nothing_is_rotated(void)
{
	errno = 0;
	ck_assert_int_eq(rotate(), -1);
	ck_assert_int_eq(errno, EEXIST);
	holds("x.log", "now");
	holds("x.log.1", "one");
	ck_assert(!is_there("x.log.3"));
}

START_TEST(rotation_moves_nothing_that_is_no_file)
{
	start_with("x.log");
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	make_directory("x.log.2");
	nothing_is_rotated();
	ck_assert_int_eq(rmdir("x.log.2"), 0);
	ck_assert_int_eq(symlink("nowhere", "x.log.2"), 0);
	nothing_is_rotated();
	ck_assert_int_eq(unlink("x.log.2"), 0);
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.2", "one");
}
END_TEST

START_TEST(rotation_goes_no_further_than_files_are_kept)
{
	start_with("x.log");
	ck_assert_int_eq(daemon_set_logger_file_count_max(4), 0);
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	make_file("x.log.2", "two");
	make_file("x.log.3", "three");
	make_file("x.log.4", "somebody's");
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.1", "now");
	holds("x.log.2", "one");
	holds("x.log.3", "two");
	holds("x.log.4", "somebody's");
	ck_assert(!is_there("x.log.5"));

	ck_assert_int_eq(daemon_set_logger_file_count_max(1), 0);
	make_file("x.log", "later");
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.1", "later");
	holds("x.log.2", "one");
}
END_TEST

/* Locks this file until the descriptor is closed. */
static int
lock_file(const char *name)
{
	int fd = open(name, O_WRONLY);

	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	return fd;
}

static void
lock_stops_rotation(const char *locked)
{
	int fd = lock_file(locked);

	errno = 0;
	ck_assert_int_eq(rotate(), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	close(fd);
}

START_TEST(rotation_leaves_a_file_that_is_locked)
{
	if (has_no_locks())
		return;
	start_with("x.log");
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	make_file("x.log.2", "two");
	lock_stops_rotation("x.log.1");
	lock_stops_rotation("x.log.2");
	ck_assert_int_eq(daemon_set_logger_file_count_max(3), 0);
	lock_stops_rotation("x.log.2");
	holds("x.log", "now");
	holds("x.log.1", "one");
	holds("x.log.2", "two");
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.2", "one");
}
END_TEST

/*
 * Two daemons at once
 */

static void
act_at_lock(int nth, int before_it, void (*what)(void))
{
	locks_before = nth;
	acts_before_it = before_it;
	after_lock = what;
}

/* One that keeps no older file removes those that there are. */
static void
prune_all(void)
{
	struct dsrv_logname name = name_given;
	int fd = open("y.log", O_CREAT | O_RDONLY, 0600);

	daemon_set_logger_file_count_max(1);
	dsrv_logprune(&name, fd, 0, NULL, SUMMER);
	close(fd);
	daemon_set_logger_file_count_max(0);
}

/* The log and an older one; the caller of a rotation has locked the first. */
static int
make_log_and_older(void)
{
	const struct timespec times[] = { { SUMMER - 10, 0 },
		{ SUMMER - 10, 0 } };

	start_with("x.log");
	daemon_set_logger_size_max(1);
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	ck_assert_int_eq(utimensat(AT_FDCWD, "x.log.1", times, 0), 0);
	return lock_file("x.log");
}

START_TEST(rotation_keeps_locked_what_it_moves)
{
	int fd;

	if (has_no_locks())
		return;
	fd = make_log_and_older();
	act_at_lock(2, 0, prune_all);	/* the first is only a look */
	ck_assert_int_eq(rotate(), 0);
	ck_assert(after_lock == NULL);
	holds("x.log.1", "now");
	holds("x.log.2", "one");
	close(fd);
}
END_TEST

static void
move_up(void)
{
	ck_assert_int_eq(rename("x.log.1", "x.log.2"), 0);
	ck_assert_int_eq(rename("x.log", "x.log.1"), 0);
}

START_TEST(prune_leaves_what_has_got_the_name_of_an_old_file)
{
	int fd;

	if (has_no_locks())
		return;
	fd = make_log_and_older();
	act_at_lock(3, 1, move_up);	/* the first two are only looks */
	prune_all();
	ck_assert(after_lock == NULL);
	holds("x.log.1", "now");
	holds("x.log.2", "one");
	close(fd);
	prune_all();
	ck_assert(!is_there("x.log.2"));
}
END_TEST

/* Another daemon has this file open as its log, of that name. */
static const char *claimed;
static const char *claimed_as;
static int claims_to_write;

static void
claim(void)
{
	int fd = open(claimed, claims_to_write ? O_WRONLY : O_RDONLY);

	dsrv_logclaim_make(fd, claimed_as);
	tell("claimed", fd != -1);
	for (;;)
		pause();
}

static void
is_claimed(const char *name, const char *as)
{
	claimed = name;
	claimed_as = as;
	run_start(&run, claim);
	ck_assert_int_eq(heard(&run, "claimed"), 1);
}

static void
claim_ends(void)
{
	send_signal(run.pid, SIGKILL);
	end_run();
}

START_TEST(rotation_leaves_a_file_that_is_another_s_log)
{
	start_with("x.log");
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	make_file("x.log.2", "two");
	for (; claims_to_write < 2; claims_to_write++) {
		is_claimed("x.log.2", "x.log.2");
		errno = 0;
		ck_assert_int_eq(rotate(), -1);
		ck_assert_str_eq(dsrv_logfile_why(errno),
		    "a file in the way is another daemon's log");
		claim_ends();
		holds("x.log", "now");
		holds("x.log.1", "one");
		holds("x.log.2", "two");
	}
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.3", "two");
}
END_TEST

/* Another daemon that logs there has not yet seen the last rotation. */
START_TEST(rotation_moves_a_file_that_was_another_s_log_by_another_name)
{
	start_with("x.log");
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	is_claimed("x.log.1", "x.log");
	ck_assert_int_eq(rotate(), 0);
	claim_ends();
	holds("x.log.1", "now");
	holds("x.log.2", "one");
}
END_TEST

static void
look_for_claim(void)
{
	tell("claimed", dsrv_logclaim_is_made(open(claimed, O_RDWR), claimed));
	_exit(0);
}

static void
is_unclaimed(const char *name)
{
	claimed = name;
	run_start(&run, look_for_claim);
	ck_assert_int_eq(heard(&run, "claimed"), 0);
	end_run();
}

START_TEST(a_claim_is_shared_and_ends_though_the_file_stays_open)
{
	int fd, other;

	start_with("x.log");
	make_file("x.log", "");
	fd = open("x.log", O_RDWR);
	ck_assert(!dsrv_logclaim_is_made(fd, "x.log"));
	is_claimed("x.log", "x.log");
	dsrv_logclaim_make(fd, "x.log");
	ck_assert(dsrv_logclaim_is_made(fd, "x.log"));
	ck_assert(!dsrv_logclaim_is_made(fd, "y.log"));
	claim_ends();
	ck_assert(!dsrv_logclaim_is_made(fd, "x.log"));	/* it is ours */
	other = dup(fd);
	dsrv_logclaim_end(fd);
	is_unclaimed("x.log");
	close(other);
	close(fd);
}
END_TEST

/* Another daemon made a file of that name just when it was free. */
START_TEST(rotation_gives_back_what_is_not_the_file)
{
	int fd;

	start_with("x.log");
	make_file("x.log", "ours");
	fd = open("x.log", O_RDONLY);
	ck_assert_int_eq(rename("x.log", "y.log"), 0);
	make_file("x.log", "theirs");
	ck_assert_int_eq(dsrv_logrotation_make_way(&name_given, fd), -1);
	ck_assert_int_eq(errno, EWOULDBLOCK);
	holds("x.log", "theirs");
	ck_assert(!is_there("x.log.1"));
	close(fd);
}
END_TEST

START_TEST(rotation_of_a_missing_file_fails)
{
	start_with("x.log");
	make_file("x.log.1", "one");
	errno = 0;
	ck_assert_int_eq(rotate(), -1);
	ck_assert_int_eq(errno, ENOENT);
	holds("x.log.2", "one");
}
END_TEST

START_TEST(rotation_to_a_name_that_is_too_long_loses_nothing)
{
	char name[NAME_MAX + 1], first[NAME_MAX + 3];

	memset(name, 'x', NAME_MAX - 1);
	name[NAME_MAX - 1] = '\0';
	start_with(name);
	make_file(name, "now");
	errno = 0;
	ck_assert_int_eq(rotate(), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
	holds(name, "now");

	name[NAME_MAX - 2] = '\0';	/* room for .1, but not for .10 */
	start_with(name);
	while (make_file(name, "now"), rotate() == 0)
		;
	ck_assert_int_eq(errno, ENAMETOOLONG);
	holds(name, "now");
	snprintf(first, sizeof first, "%s.9", name);
	holds(first, "now");
	snprintf(first, sizeof first, "%s.1", name);
	holds(first, "now");
}
END_TEST

START_TEST(rotation_moves_what_a_processor_has_made)
{
	start_with("x.log");
	daemon_set_logger_processor("/p");
	make_file("x.log", "now");
	make_file("x.log.1.gz", "one");
	make_file("x.log.2", "two");
	make_file("x.log.2.done", "two, too");
	make_file("x.log.3.gz.gpg", "three");
	make_file("x.log.5.7z", "five");
	make_file("x.log.99999999999999999999", "no number");
	make_file("x.log.1.", "not ours");
	make_file("x.log.2.20240101", "nor this");
	make_file("x.log.3.a b", "nor this");
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.1", "now");
	holds("x.log.2.gz", "one");
	holds("x.log.3", "two");
	holds("x.log.3.done", "two, too");
	holds("x.log.4.gz.gpg", "three");
	holds("x.log.5.7z", "five");
	holds("x.log.1.", "not ours");
	holds("x.log.2.20240101", "nor this");
	holds("x.log.3.a b", "nor this");
	ck_assert(!is_there("x.log.1.gz") && !is_there("x.log.2"));
}
END_TEST

START_TEST(rotation_without_a_processor_leaves_such_names_alone)
{
	start_with("x.log");
	make_file("x.log", "now");
	make_file("x.log.1.gz", "one");
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.1", "now");
	holds("x.log.1.gz", "one");
}
END_TEST

START_TEST(rotation_removes_all_that_was_made_of_the_last_file)
{
	start_with("x.log");
	daemon_set_logger_processor("/p");
	daemon_set_logger_file_count_max(3);
	make_file("x.log", "now");
	make_file("x.log.1.gz", "one");
	make_file("x.log.2.gz", "two");
	make_file("x.log.2.done", "two, too");
	ck_assert_int_eq(rotate(), 0);
	holds("x.log.1", "now");
	holds("x.log.2.gz", "one");
	ck_assert(!is_there("x.log.2.done") && !is_there("x.log.3.gz"));
}
END_TEST

START_TEST(files_behind_a_number_that_is_gone_move_up)
{
	start_with("x.log");
	daemon_set_logger_processor("/p");
	make_file("x.log.1", "one");
	make_file("x.log.3", "three");
	make_file("x.log.3.gz", "three, too");
	make_file("x.log.4.done", "four");
	make_file("x.log.6", "six");
	close_up(1);
	holds("x.log.1", "one");
	holds("x.log.3", "three");
	close_up(2);
	holds("x.log.2", "three");
	holds("x.log.2.gz", "three, too");
	holds("x.log.3.done", "four");
	holds("x.log.6", "six");
	ck_assert(!is_there("x.log.3") && !is_there("x.log.4.done"));
}
END_TEST

START_TEST(files_behind_one_that_cannot_be_moved_stay)
{
	start_with("x.log");
	daemon_set_logger_processor("/p");
	make_file("x.log.2", "two");
	make_directory("x.log.3");
	make_file("x.log.4", "four");
	close_up(1);
	holds("x.log.1", "two");
	holds("x.log.4", "four");
	ck_assert(is_there("x.log.3"));
}
END_TEST

START_TEST(rotation_stops_at_a_result_that_cannot_be_moved)
{
	start_with("x.log");
	daemon_set_logger_processor("/p");
	make_file("x.log", "now");
	make_file("x.log.1", "one");
	make_directory("x.log.1.gz");
	ck_assert_int_eq(rotate(), -1);
	holds("x.log", "now");
	holds("x.log.1", "one");
}
END_TEST

/*
 * The oldest go
 */

static void
make_age(const char *name, int age)
{
	struct timespec times[2] = { { .tv_sec = SUMMER },
		{ .tv_sec = SUMMER - age } };

	ck_assert_int_eq(utimensat(AT_FDCWD, name, times, 0), 0);
}

/* A file that was written this many seconds before the others. */
static void
make_old(const char *name, int age)
{
	make_file(name, name);
	make_age(name, age);
}

static void
make_empty(const char *name, int age)
{
	make_file(name, "");
	make_age(name, age);
}

static size_t size_max = 1;

static uintmax_t others_left;	/* bytes that the last prune left */
static size_t more_bytes;

/* Prunes; left: the name of the previous file, or NULL. */
static void
prune_at(time_t now, const char *left)
{
	int fd = open(path, O_RDONLY);
	struct stat file;

	if (left != NULL)
		ck_assert_int_eq(stat(left, &file), 0);
	others_left = dsrv_logprune(&name_given, fd, more_bytes,
	    left != NULL ? &file : NULL, now);
	close(fd);
}

/* The current file is what the format gives for SUMMER. */
static void
prune(int count)
{
	daemon_set_logger_size_max(size_max);
	ck_assert_int_eq(daemon_set_logger_file_count_max(count), 0);
	name_at(SUMMER);
	prune_at(SUMMER, NULL);
}

static void
stays(const char *name)
{
	ck_assert_msg(is_there(name), "%s was removed", name);
}

static void
goes(const char *name)
{
	ck_assert_msg(!is_there(name), "%s was not removed", name);
}

/* A file with one of these names stays, however old it is. */
static void
are_no_own(const char *const *names, int count)
{
	int i;

	for (i = 0; i < count; i++)
		make_old(names[i], 1000 + i);
	prune(1);
	for (i = 0; i < count; i++)
		stays(names[i]);
}

START_TEST(those_that_were_written_last_are_kept)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 40);	/* not in the order of the names */
	make_old("x-2024.log", 10);
	make_old("x-2023.log", 30);
	make_old("x-2027.log", 20);
	prune(3);
	stays("x-2026.log");
	stays("x-2024.log");
	stays("x-2027.log");
	goes("x-2023.log");
	goes("x-2025.log");
}
END_TEST

START_TEST(as_many_files_as_may_be_are_all_kept)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 1);
	prune(3);
	prune(2);
	stays("x-2026.log");
	stays("x-2025.log");
	prune(1);
	stays("x-2026.log");
	goes("x-2025.log");
}
END_TEST

START_TEST(a_count_of_0_keeps_all)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-1999.log", 1000000);
	prune_at(SUMMER, NULL);	/* nor is any removed by default */
	stays("x-1999.log");
	prune(0);
	stays("x-2026.log");
	stays("x-1999.log");
}
END_TEST

START_TEST(a_nanosecond_makes_a_file_older)
{
	struct timespec times[2] = { { .tv_sec = SUMMER },
		{ .tv_sec = SUMMER, .tv_nsec = 1000 } };
	struct stat file;

	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2024.log", 0);
	make_old("x-2025.log", 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, "x-2024.log", times, 0), 0);
	ck_assert_int_eq(stat("x-2024.log", &file), 0);
	if (skip_if(file.st_mtim.tv_nsec != 1000, "no times that exact"))
		return;
	prune(2);
	stays("x-2024.log");
	goes("x-2025.log");
}
END_TEST

START_TEST(the_current_file_stays_though_it_is_the_oldest)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 100);
	make_old("x-2025.log", 10);
	make_old("x-2024.log", 20);
	prune(2);
	stays("x-2026.log");
	stays("x-2025.log");
	goes("x-2024.log");
	prune(1);
	stays("x-2026.log");
	goes("x-2025.log");
}
END_TEST

START_TEST(numbered_files_are_counted_and_go_too)
{
	start_with("x.log");
	make_old("x.log", 0);
	make_old("x.log.1", 10);
	make_old("x.log.2", 20);
	make_old("x.log.3", 30);
	make_old("x.log.4", 40);
	prune(3);
	stays("x.log");
	stays("x.log.1");
	stays("x.log.2");
	goes("x.log.3");
	goes("x.log.4");
}
END_TEST

START_TEST(numbers_that_no_rotation_gives_are_somebody_else_s)
{
	static const char *const names[] = { "x.log.3", "x.log.4",
		"x.log.20240101", "x.log.7777777777777777777777" };

	start_with("x.log");
	make_old("x.log", 0);
	make_old("x.log.1", 10);
	are_no_own(names, DSRV_COUNT(names));
	goes("x.log.1");
}
END_TEST

/* After an interrupted rotation there is a gap, which the next one does not
 * fill if the file has another name by now. */
START_TEST(numbers_behind_a_gap_are_own_as_far_as_a_rotation_goes)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 10);
	make_old("x-2025.log.2", 20);
	make_old("x-2025.log.4", 30);
	make_old("x-2025.log.5", 31);	/* from a time when more were kept */
	make_old("x-2025.log.8", 32);
	make_old("x-2024.log.3", 40);
	prune(5);
	stays("x-2025.log");
	stays("x-2025.log.2");
	stays("x-2025.log.4");
	stays("x-2025.log.5");
	stays("x-2025.log.8");
	goes("x-2024.log.3");
	prune(2);	/* now the rotation goes to 1 */
	stays("x-2025.log");
	stays("x-2025.log.2");
	stays("x-2025.log.4");
	stays("x-2025.log.5");
}
END_TEST

START_TEST(a_locked_file_is_somebody_else_s_and_does_not_count)
{
	int fd;

	if (has_no_locks())
		return;
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 20);
	make_old("x-8080.log", 10);
	make_old("x-1999.log", 30);
	fd = lock_file("x-8080.log");
	close(lock_file("x-1999.log"));
	prune(2);
	stays("x-2025.log");
	stays("x-8080.log");
	goes("x-1999.log");
	close(fd);
	prune(2);
	stays("x-8080.log");
	goes("x-2025.log");
}
END_TEST

START_TEST(another_s_log_is_not_removed_and_does_not_count)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 20);
	make_old("x-8080.log", 30);
	is_claimed("x-8080.log", "x-8080.log");
	prune(2);
	stays("x-2025.log");
	stays("x-8080.log");
	claim_ends();
	prune(2);
	stays("x-2025.log");
	goes("x-8080.log");
}
END_TEST

/* Each of these files is as long as its name: 10 bytes. */
static void
prune_to(size_t total, size_t more, uintmax_t left)
{
	daemon_set_logger_total_max(total);
	more_bytes = more;
	prune(0);
	ck_assert_uint_eq(others_left, left);
}

START_TEST(as_many_bytes_are_kept_as_may_be_with_the_current_file)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 10);
	make_old("x-2024.log", 20);
	make_old("x-2023.log", 30);
	make_old("y-2022.log", 40);
	prune_to(0, 0, 0);
	prune_to(40, 0, 30);
	stays("x-2023.log");
	prune_to(40, 1, 20);
	goes("x-2023.log");
	stays("x-2024.log");
	prune_to(29, 0, 10);
	goes("x-2024.log");
	prune_to(1, 0, 0);
	goes("x-2025.log");
	stays("x-2026.log");
	stays("y-2022.log");
}
END_TEST

START_TEST(bytes_and_files_are_limited_by_what_is_less)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 10);
	make_old("x-2024.log", 20);
	make_old("x-2023.log", 30);
	daemon_set_logger_total_max(30);
	prune(4);
	goes("x-2023.log");
	stays("x-2024.log");
	prune(2);
	goes("x-2024.log");
	stays("x-2025.log");
}
END_TEST

/* Even if other files have later times. */
START_TEST(the_file_that_was_just_left_is_the_newest)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 20);
	make_old("x-2024.log", 10);
	size_max = 0;
	daemon_set_logger_file_count_max(2);
	prune_at(SUMMER, "x-2025.log");
	stays("x-2025.log");
	goes("x-2024.log");
	daemon_set_logger_file_count_max(1);
	prune_at(SUMMER, "x-2025.log");
	goes("x-2025.log");
}
END_TEST

/* They come from a clock that was wrong for a while. If they stayed, each file
 * that is left would be older than they are, and be removed. */
START_TEST(files_of_a_time_that_is_not_yet_go_first)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 20);
	make_old("x-2030.log", -100000);
	make_old("x-2031.log", -200000);
	make_old("x-2027.log", -59);	/* as by the clock of a file server */
	prune(4);
	stays("x-2025.log");
	stays("x-2027.log");
	stays("x-2031.log");
	goes("x-2030.log");
	prune(3);
	stays("x-2025.log");
	goes("x-2031.log");
	prune(2);
	stays("x-2027.log");
	goes("x-2025.log");
}
END_TEST

/* Another user exchanges the directory, as above. */
START_TEST(nothing_is_removed_where_a_directory_is_exchanged_meanwhile)
{
	static const char *const names[] = { "2026/x-3.log", "2026/x-4.log",
		"2026/x-5.log", "elsewhere/x-3.log", "elsewhere/x-4.log",
		"elsewhere/x-5.log" };
	int i;

	start_with("%Y/x-%u.log");
	make_directory("2026");
	make_directory("elsewhere");
	for (i = 0; i < DSRV_COUNT(names); i++)
		make_old(names[i], 10 + i);
	make_old("x-3.log", 0);
	ck_assert_int_eq(rename("x-3.log", "2026/x-3.log"), 0);
	before_call = exchange_directory;
	prune(1);
	for (i = 3; i < DSRV_COUNT(names); i++)
		stays(names[i]);
	/* The log is still in its old directory: a line stays in one file. */
	goes("was/x-5.log");
	stays("was/x-4.log");
}
END_TEST

START_TEST(names_that_cannot_be_own_cost_no_more_than_to_be_seen)
{
	static const char *const names[] = { "y-%d.log", "x-%d.gz", "%d",
		"x-%d.log.", "x-%d.log.z" };
	char name[32];
	int i, j;

	start_with("x-%Y.log");
	for (i = 0; i < DSRV_COUNT(names); i++)
		for (j = 1000; j < 1200; j++) {
			snprintf(name, sizeof name, names[i], j);
			make_file(name, "");
		}
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 10);
	make_old("x-2025.log.1", 10);
	names_read = 0;
	prune(1);
	goes("x-2025.log");
	goes("x-2025.log.1");
	ck_assert_int_le(names_read, 4);
	ck_assert_int_ge(names_read, 2);
}
END_TEST

START_TEST(without_a_size_every_number_is_somebody_else_s)
{
	static const char *const names[] = { "x-2026.log.1", "x-2025.log.1",
		"x-2025.log.2" };

	start_with("x-%Y.log");
	size_max = 0;
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 10);
	are_no_own(names, DSRV_COUNT(names));
	goes("x-2025.log");
}
END_TEST

START_TEST(of_files_of_one_time_the_higher_number_goes)
{
	char name[32];
	int i;

	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	for (i = 1; i <= 10; i++) {
		sprintf(name, "x-2026.log.%d", i);
		make_old(name, 10);
	}
	prune(10);
	stays("x-2026.log");
	stays("x-2026.log.1");
	stays("x-2026.log.2");
	stays("x-2026.log.9");
	goes("x-2026.log.10");
}
END_TEST

START_TEST(files_of_other_names_stay)
{
	static const char *const names[] = { "x-2025", "x-2025.lo",
		"x-2025.logs", "x-2025.log~", "x-2025.log.new", "y-2025.log",
		"x-.log", "x-today.log", "x- 2025.log", "x-02025.log",
		"x-2025-1.log", "xx-2025.log", ".x-2025.log", "x-2025.LOG",
		"x-*.log", "x-%Y.log" };

	start_with("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 1);
	are_no_own(names, DSRV_COUNT(names));
	goes("x-2025.log");
}
END_TEST

START_TEST(files_with_something_else_than_a_number_behind_stay)
{
	static const char *const names[] = { "x.log.1.gz", "x.log.01",
		"x.log.0", "x.log.", "x.log.-1", "x.log.+1", "x.log. 1",
		"x.log.1x", "x.log.x1", "x.log1", "x.log.1.1", "x.log.gz",
		"x.log.1 ", "x.log..1" };

	start_with("x.log");
	make_old("x.log", 0);
	make_old("x.log.1", 1);
	are_no_own(names, DSRV_COUNT(names));
	goes("x.log.1");
}
END_TEST

START_TEST(what_the_format_reads_but_would_not_write_stays)
{
	static const char *const names[] = { "x-2026-1-1.log",
		"x-2026-001-01.log", "x-2026-13-01.log", "x-2026-01-00.log",
		"x-2026-01-32.log", "x-2026- 1- 1.log", "x-2026-01-1.log" };

	start_with("x-%Y-%m-%d.log");
	make_old("x-2026-07-01.log", 0);
	make_old("x-2026-06-30.log", 1);
	are_no_own(names, DSRV_COUNT(names));
	goes("x-2026-06-30.log");
}
END_TEST

START_TEST(files_of_days_that_there_never_are_stay)
{
	static const char *const names[] = { "x-2026-02-30.log",
		"x-2026-02-31.log", "x-2026-04-31.log", "x-2026-11-31.log" };

	start_with("x-%Y-%m-%d.log");
	make_old("x-2026-07-01.log", 0);
	make_old("x-2024-02-29.log", 1);
	are_no_own(names, DSRV_COUNT(names));
	goes("x-2024-02-29.log");
}
END_TEST

START_TEST(a_number_that_cannot_be_counted_to_is_not_one)
{
	struct dsrv_own own;
	char name[64];

	ck_assert_int_eq(daemon_set_logger_name_format("/x"), 0);
	snprintf(name, sizeof name, "/x.%ld", LONG_MAX - 1);
	ck_assert(dsrv_logname_is_of(name, SUMMER, &own));
	ck_assert_int_eq(own.number, LONG_MAX - 1);
	ck_assert(!dsrv_logname_is_of("/x.99999999999999999999", SUMMER,
	    &own));
}
END_TEST

START_TEST(what_a_processor_has_made_is_one_of_the_files)
{
	static const char *const names[] = { "x-2020.log.g z",
		"x-2020.log.", "x-2020.log..gz", "x-2020.log.012",
		"x-2020.logz", "x-2020.log.1.processing" };

	start_with("x-%Y.log");
	daemon_set_logger_processor("/p");
	make_old("x-2026.log", 0);
	make_old("x-2025.log.gz", 10);
	make_old("x-2024.log.1.gz", 20);
	make_old("x-2023.log.1.done", 30);
	make_old("x-2023.log.1.b.c", 40);
	prune(5);
	stays("x-2023.log.1.b.c");
	prune(4);
	goes("x-2023.log.1.b.c");
	prune(2);
	stays("x-2025.log.gz");
	goes("x-2024.log.1.gz");
	goes("x-2023.log.1.done");
	are_no_own(names, DSRV_COUNT(names));
	goes("x-2025.log.gz");
}
END_TEST

/* As if it was a year ago: then its name was in use before. */
START_TEST(what_a_processor_has_made_is_counted_by_its_number)
{
	static const char *const names[] = { "x-06.log.9.gz", "x-06.log.9" };

	start_with("x-%m.log");
	size_max = 0;
	daemon_set_logger_processor("/p");
	make_old("x-07.log", 0);
	make_old("x-06.log.gz", 30);
	make_old("x-06.log.1.gz", 20);
	make_old("x-06.log.2", 10);
	prune(3);
	goes("x-06.log.gz");
	stays("x-06.log.1.gz");
	prune(2);
	goes("x-06.log.1.gz");
	stays("x-06.log.2");
	are_no_own(names, DSRV_COUNT(names));
}
END_TEST

START_TEST(what_is_in_process_counts_but_stays)
{
	start_with("x-%Y.log");
	daemon_set_logger_processor("/p");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 10);
	make_file("x-2024.log.processing", "0123456789");
	make_file("x-2024.log.processing.gz", "0123456789");
	make_file("x-2024.log.processing.lock", "");
	make_empty("x-2024.log", 20);
	prune_to(40, 0, 30);
	stays("x-2025.log");
	prune_to(39, 0, 20);
	goes("x-2025.log");
	stays("x-2024.log");		/* it would free nothing */
	stays("x-2024.log.processing");
	prune(1);
	goes("x-2024.log");
	stays("x-2024.log.processing");
	stays("x-2024.log.processing.lock");
}
END_TEST

START_TEST(what_is_no_regular_file_stays_and_does_not_count)
{
	start_with("x-%Y.log");
	make_old("x-2026.log", 100);
	make_old("x-2020.log", 50);
	make_directory("x-2025.log");
	ck_assert_int_eq(symlink("x-2020.log", "x-2024.log"), 0);
	ck_assert_int_eq(symlink("nowhere", "x-2023.log"), 0);
	ck_assert_int_eq(mkfifo("x-2022.log", 0600), 0);
	prune(2);
	stays("x-2020.log");
	prune(1);
	stays("x-2026.log");
	stays("x-2025.log");
	stays("x-2024.log");
	stays("x-2023.log");
	stays("x-2022.log");
	goes("x-2020.log");
}
END_TEST

START_TEST(files_in_directories_of_the_format_go)
{
	start_with("%Y/%m-logs/x-%d.log");
	make_directory("2026");
	make_directory("2026/07-logs");
	make_directory("2026/06-logs");
	make_directory("2025");
	make_directory("2025/12-logs");
	make_directory("2025/logs");
	make_old("2026/07-logs/x-01.log", 0);
	make_old("2026/06-logs/x-30.log", 1);
	make_old("2026/06-logs/x-29.log", 2);
	make_old("2025/12-logs/x-31.log", 3);
	make_old("2025/12-logs/x-31.log.1", 4);
	make_old("2025/logs/x-31.log", 5);
	make_old("2025/x-31.log", 6);
	prune(2);
	stays("2026/07-logs/x-01.log");
	stays("2026/06-logs/x-30.log");
	goes("2026/06-logs/x-29.log");
	goes("2025/12-logs/x-31.log");
	goes("2025/12-logs/x-31.log.1");
	stays("2025/logs/x-31.log");
	stays("2025/x-31.log");
	stays("2025/12-logs");	/* a directory is never removed */
}
END_TEST

START_TEST(files_behind_a_link_in_place_of_a_directory_stay)
{
	start_with("%Y/x.log");
	make_directory("2026");
	make_directory("2025");
	make_directory("elsewhere");
	make_old("2026/x.log", 0);
	make_old("2025/x.log", 1);
	make_old("elsewhere/x.log", 2);
	ck_assert_int_eq(symlink("elsewhere", "1999"), 0);
	prune(1);
	stays("2026/x.log");
	goes("2025/x.log");
	stays("elsewhere/x.log");
}
END_TEST

/* The year is in both parts of the path and must agree. */
START_TEST(a_file_whose_directory_tells_another_time_stays)
{
	start_with("%Y/x-%Y-%m.log");
	make_directory("2026");
	make_directory("2025");
	make_old("2026/x-2026-07.log", 0);
	make_old("2026/x-2025-12.log", 1);
	make_old("2025/x-2025-12.log", 2);
	prune(1);
	stays("2026/x-2026-07.log");
	stays("2026/x-2025-12.log");
	goes("2025/x-2025-12.log");
}
END_TEST

START_TEST(the_characters_of_patterns_stand_for_themselves)
{
	start_in(scratch());
	make_directory("d*");
	make_directory("dd");
	make_directory("[a]?\\");
	make_directory("a");
	set_format("d*/x?*[a-z]\\-%Y]%%.log");
	make_old("d*/x?*[a-z]\\-2026]%.log", 0);
	make_old("d*/x?*[a-z]\\-2025]%.log", 1);
	make_old("d*/xyza\\-2025]%.log", 2);
	make_old("dd/x?*[a-z]\\-2025]%.log", 3);
	make_old("d*/x?*[a-z]-2025]%.log", 4);
	prune(1);
	stays("d*/x?*[a-z]\\-2026]%.log");
	goes("d*/x?*[a-z]\\-2025]%.log");
	stays("d*/xyza\\-2025]%.log");
	stays("dd/x?*[a-z]\\-2025]%.log");
	stays("d*/x?*[a-z]-2025]%.log");

	set_format("[a]?\\/x.log");
	make_old("[a]?\\/x.log", 0);
	make_old("[a]?\\/x.log.1", 1);
	make_old("a/x.log.1", 1);
	prune(1);
	stays("[a]?\\/x.log");
	goes("[a]?\\/x.log.1");
	stays("a/x.log.1");
}
END_TEST

START_TEST(a_start_directory_of_such_characters_stands_for_itself)
{
	start_in(scratch());
	make_directory("*");
	make_directory("a");
	make_old("a/x-2025.log", 10);
	start_in("*");
	make_directory("[%Y]\\?%%");
	start_in("[%Y]\\?%%");
	set_format("x-%Y.log");
	make_old("x-2026.log", 0);
	make_old("x-2025.log", 10);
	prune(1);
	stays("x-2026.log");
	goes("x-2025.log");
	stays("../../a/x-2025.log");
}
END_TEST

/* The conversions that log names usually have. */
START_TEST(names_of_any_usual_conversion_are_own)
{
	static const char *const formats[] = { "x-%F.log", "x-%F_%T.log",
		"x-%y%m%d.log", "x-%Y%m%d%H%M%S", "x-%j.log", "x-%Y-%j.log",
		"x-%a.log", "x-%A", "x-%b-%d.log", "x-%B.log", "x-%s.log",
		"x-%Y%m%dT%H%M%S%z.log", "x-%I%p.log", "x-%e.log",
		"x-%-d.log", "x-%_H.log", "x-%C%y.log", "x-%u.log", "x-%w" };
	char old[DSRV_PATH_MAX];
	int i;

	start_in(scratch());
	for (i = 0; i < DSRV_COUNT(formats); i++) {
		set_format(formats[i]);
		/* Other seconds, hours, days and months, but the same year. */
		strcpy(old, name_at(SUMMER - 62 * 86400 - 12 * 3600 - 1));
		make_old(old, 10);
		make_old(name_at(SUMMER), 0);
		prune(1);
		ck_assert_msg(strcmp(old, name_at(SUMMER)) == 0 ||
		    !is_there(old), "%s: %s was not removed", formats[i],
		    old);
		stays(name_at(SUMMER));
		ck_assert_int_eq(unlink(name_at(SUMMER)), 0);
	}
}
END_TEST

/* strptime(3) reads these, but does not find the day. Each file has the time of
 * its name, as it would. */
START_TEST(names_of_weeks_are_own)
{
	static const char *const formats[] = { "x-%Y-%U.log", "x-%Y-%W.log",
		"x-%G-%V.log", "x-%Gw%V.log" };
	char old[DSRV_PATH_MAX];
	int i;

	start_in(scratch());
	for (i = 0; i < DSRV_COUNT(formats); i++) {
		set_format(formats[i]);
		strcpy(old, name_at(SUMMER - 14 * 86400));
		make_old(old, 14 * 86400);
		make_old(name_at(SUMMER), 0);
		prune(1);
		stays(name_at(SUMMER));
		ck_assert_msg(!is_there(old), "%s: %s was not removed",
		    formats[i], old);
	}
}
END_TEST

START_TEST(names_with_a_time_zone_are_own)
{
	start_with("x-%Y-%Z.log");
	set_time_zone(BERLIN);
	make_old("x-2026-CEST.log", 0);
	make_old("x-2025-CET.log", 200 * 86400);
	prune(1);
	stays("x-2026-CEST.log");
	goes("x-2025-CET.log");
}
END_TEST

START_TEST(two_slashes_are_as_good_as_one)
{
	start_with(".//%Y//x.log");
	make_directory("2026");
	make_directory("2025");
	make_old("2026/x.log", 0);
	make_old("2026/x.log.1", 10);
	make_old("2025/x.log", 20);
	prune(1);
	stays("2026/x.log");
	goes("2026/x.log.1");
	goes("2025/x.log");
}
END_TEST

START_TEST(where_there_is_nothing_nothing_is_removed)
{
	start_with("%Y/x.log");
	prune(1);
	make_directory("2026");
	prune(1);
	stays("2026");
}
END_TEST

/*
 * The link
 */

static void
set_link(const char *link)
{
	ck_assert_int_eq(daemon_set_logger_link(link), 0);
	ck_assert_int_eq(dsrv_settings_complete(), 0);
}

static void
leads_to(const char *link, const char *expected)
{
	char target[DSRV_PATH_MAX];
	ssize_t length = readlink(link, target, sizeof target - 1);

	ck_assert_msg(length >= 0, "%s: %s", link, strerror(errno));
	target[length] = '\0';
	ck_assert_str_eq(target, expected);
}

/* Makes the link point to the file of that time. */
static void
link_at(time_t when)
{
	name_at(when);
	ck_assert_msg(dsrv_logfile_link(path) == 0, "%s", strerror(errno));
}

START_TEST(the_link_is_made)
{
	start_with("x-%H.log");
	set_link("current");
	link_at(SUMMER);
	leads_to("current", "x-10.log");
	log_at(SUMMER, "text");
	holds("current", "text");
	ck_assert(!is_there("current.new"));
}
END_TEST

START_TEST(the_link_is_replaced)
{
	start_with("x-%H.log");
	set_link("current");
	link_at(SUMMER);
	link_at(SUMMER);
	leads_to("current", "x-10.log");
	link_at(SUMMER + 3600);
	leads_to("current", "x-11.log");
	ck_assert(!is_there("current.new"));
}
END_TEST

START_TEST(any_symbolic_link_is_replaced_and_what_it_leads_to_stays)
{
	start_with("x.log");
	set_link("current");
	make_file("other", "text");
	make_directory("directory");
	ck_assert_int_eq(symlink("other", "current"), 0);
	link_at(SUMMER);
	leads_to("current", "x.log");
	holds("other", "text");
	ck_assert_int_eq(unlink("current"), 0);
	ck_assert_int_eq(symlink("directory", "current"), 0);
	link_at(SUMMER);
	leads_to("current", "x.log");
	ck_assert_int_eq(rmdir("directory"), 0);
}
END_TEST

START_TEST(the_link_in_another_directory_leads_to_the_whole_path)
{
	start_with("logs/x.log");
	make_directory("logs");
	set_link("current");
	link_at(SUMMER);
	leads_to("current", path);

	make_directory("links");
	set_link("links/current");
	link_at(SUMMER);
	leads_to("links/current", path);
	/* The directory's name with something missing. */
	make_directory("log");
	set_link("log/current");
	link_at(SUMMER);
	leads_to("log/current", path);
	set_link("logs/current");
	link_at(SUMMER);
	leads_to("logs/current", "x.log");
}
END_TEST

START_TEST(without_a_link_none_is_made)
{
	start_with("x.log");
	ck_assert_int_eq(dsrv_logfile_link(path), 0);
	set_link("current");
	set_link(NULL);
	ck_assert_int_eq(dsrv_logfile_link(path), 0);
	ck_assert(!is_there("current"));
}
END_TEST

static void
link_exists(void)
{
	name_at(SUMMER);
	errno = 0;
	ck_assert_int_eq(dsrv_logfile_link(path), -1);
	ck_assert_int_eq(errno, EEXIST);
	ck_assert(!is_there("current.new"));
}

START_TEST(what_is_no_symbolic_link_is_never_replaced)
{
	start_with("x.log");
	set_link("current");
	make_file("current", "text");
	link_exists();
	holds("current", "text");
	ck_assert_int_eq(unlink("current"), 0);
	make_directory("current");
	link_exists();
	ck_assert_int_eq(rmdir("current"), 0);
	ck_assert_int_eq(mkfifo("current", 0600), 0);
	link_exists();
}
END_TEST

START_TEST(the_link_never_replaces_the_file_itself)
{
	start_with("x.log");
	set_link("x.log");
	log_at(SUMMER, "text");
	errno = 0;
	ck_assert_int_eq(dsrv_logfile_link(path), -1);
	ck_assert_int_eq(errno, EEXIST);
	holds("x.log", "text");
}
END_TEST

/* A logger that died before it renamed the new link leaves it behind. */
START_TEST(a_new_link_that_was_left_is_no_obstacle)
{
	start_with("x.log");
	set_link("current");
	ck_assert_int_eq(symlink("y.log", "current.new"), 0);
	link_at(SUMMER);
	leads_to("current", "x.log");
	ck_assert(!is_there("current.new"));
}
END_TEST

START_TEST(a_file_where_the_new_link_is_to_be_stays)
{
	start_with("x.log");
	set_link("current");
	make_file("current.new", "text");
	name_at(SUMMER);
	errno = 0;
	ck_assert_int_eq(dsrv_logfile_link(path), -1);
	ck_assert_int_eq(errno, EEXIST);
	holds("current.new", "text");
	ck_assert(!is_there("current"));
}
END_TEST

START_TEST(a_link_in_a_missing_directory_fails)
{
	start_with("x.log");
	set_link("links/current");
	name_at(SUMMER);
	errno = 0;
	ck_assert_int_eq(dsrv_logfile_link(path), -1);
	ck_assert_int_eq(errno, ENOENT);
}
END_TEST

/* Unlike the file's name, it is not a format. */
START_TEST(the_link_may_hold_percent_signs)
{
	start_in(scratch());
	make_directory("100%%Y");
	start_in("100%%Y");
	set_format("x.log");
	set_link("%Y%");
	link_at(SUMMER);
	leads_to("%Y%", "x.log");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		the_name_is_local_time,
		a_name_without_a_conversion_is_the_same_at_any_time,
		a_name_may_hold_percent_signs,
		a_slash_does_not_belong_to_a_conversion,
		a_conversion_has_flags_a_width_and_a_modifier_in_this_order,
		an_absolute_format_stays_what_it_is,
		a_relative_format_starts_in_the_directory_of_the_start,
		a_start_directory_may_hold_percent_signs,
		a_relative_format_without_a_start_directory_is_refused,
		the_default_name_is_the_program_s,
		the_default_name_is_that_of_a_program_named_with_percent_signs,
		the_default_name_stays_where_another_is_refused,
		a_path_of_4095_bytes_is_the_longest,
		an_hour_back_the_older_file_is_appended_to,
		when_summer_time_ends_an_hour_has_one_file_for_both,
		when_summer_time_ends_two_files_differ_by_their_offset,
		when_summer_time_begins_an_hour_has_no_file,
		a_new_file_has_mode_0640,
		a_new_file_has_the_mode_and_the_group_that_were_set,
		a_new_file_that_has_no_mode_yet_gets_it,
		a_new_file_that_has_no_mode_yet_can_be_read_too,
		an_empty_file_that_is_there_keeps_its_mode_too,
		a_file_that_is_there_keeps_its_mode_and_is_appended_to,
		the_descriptor_appends_and_is_closed_on_exec,
		the_descriptor_is_above_2,
		a_missing_directory_with_a_conversion_is_made,
		missing_directories_are_made_within_each_other,
		a_missing_directory_without_a_conversion_is_not_made,
		what_is_no_directory_is_not_replaced_by_one,
		below_a_long_start_of_percent_signs_the_right_directory_is_made,
		a_directory_is_refused,
		a_symbolic_link_is_refused,
		a_file_with_another_name_too_is_refused_where_others_may_link,
		a_file_with_another_name_too_is_opened_where_none_but_we_may_link,
		a_link_in_place_of_a_directory_of_the_format_is_refused,
		a_link_in_place_of_another_directory_is_followed,
		a_link_below_a_directory_of_the_format_is_refused,
		links_to_directories_are_followed_as_far_as_they_lead,
		a_link_of_another_user_in_place_of_a_directory_is_refused,
		a_directory_that_is_exchanged_meanwhile_leads_nowhere_else,
		a_symbolic_link_to_nothing_is_refused,
		a_fifo_is_opened_whether_somebody_reads_it_or_not,
		a_fifo_of_another_user_is_refused,
		standard_output_and_standard_error_can_be_the_log,
		a_link_to_standard_output_is_as_good,
		standard_output_cannot_be_the_log_in_the_background,
		a_device_is_refused,
		a_socket_is_refused,
		a_file_that_may_not_be_written_is_refused,
		a_file_is_not_made_where_that_is_not_allowed,
		a_file_that_another_process_has_locked_is_opened_and_that_named,
		a_lock_that_fails_is_not_had_unless_there_are_none,
		a_lock_is_whose_that_has_the_file_once_its_taker_is_gone,
		a_lock_is_there_for_others_from_its_taking_to_its_release,
		a_lock_outlives_the_one_that_has_taken_it,
		the_file_that_is_open_does_not_differ,
		a_file_that_was_renamed_or_removed_differs,
		a_file_that_was_replaced_differs,
		without_a_file_every_name_differs,
		a_symbolic_link_to_the_renamed_file_differs,
		rotation_shifts_each_file_by_one,
		rotation_counts_beyond_nine,
		rotation_fills_a_gap_and_loses_nothing,
		rotation_moves_nothing_that_is_no_file,
		rotation_goes_no_further_than_files_are_kept,
		rotation_leaves_a_file_that_is_locked,
		rotation_keeps_locked_what_it_moves,
		prune_leaves_what_has_got_the_name_of_an_old_file,
		rotation_leaves_a_file_that_is_another_s_log,
		rotation_moves_a_file_that_was_another_s_log_by_another_name,
		a_claim_is_shared_and_ends_though_the_file_stays_open,
		rotation_gives_back_what_is_not_the_file,
		rotation_of_a_missing_file_fails,
		rotation_moves_what_a_processor_has_made,
		rotation_without_a_processor_leaves_such_names_alone,
		rotation_removes_all_that_was_made_of_the_last_file,
		files_behind_a_number_that_is_gone_move_up,
		files_behind_one_that_cannot_be_moved_stay,
		rotation_stops_at_a_result_that_cannot_be_moved,
		rotation_to_a_name_that_is_too_long_loses_nothing,
		those_that_were_written_last_are_kept,
		as_many_files_as_may_be_are_all_kept,
		a_count_of_0_keeps_all,
		a_nanosecond_makes_a_file_older,
		the_current_file_stays_though_it_is_the_oldest,
		numbered_files_are_counted_and_go_too,
		numbers_that_no_rotation_gives_are_somebody_else_s,
		numbers_behind_a_gap_are_own_as_far_as_a_rotation_goes,
		a_locked_file_is_somebody_else_s_and_does_not_count,
		another_s_log_is_not_removed_and_does_not_count,
		as_many_bytes_are_kept_as_may_be_with_the_current_file,
		bytes_and_files_are_limited_by_what_is_less,
		the_file_that_was_just_left_is_the_newest,
		files_of_a_time_that_is_not_yet_go_first,
		nothing_is_removed_where_a_directory_is_exchanged_meanwhile,
		names_that_cannot_be_own_cost_no_more_than_to_be_seen,
		without_a_size_every_number_is_somebody_else_s,
		of_files_of_one_time_the_higher_number_goes,
		files_of_other_names_stay,
		files_with_something_else_than_a_number_behind_stay,
		what_the_format_reads_but_would_not_write_stays,
		files_of_days_that_there_never_are_stay,
		a_number_that_cannot_be_counted_to_is_not_one,
		what_a_processor_has_made_is_one_of_the_files,
		what_a_processor_has_made_is_counted_by_its_number,
		what_is_in_process_counts_but_stays,
		what_is_no_regular_file_stays_and_does_not_count,
		files_in_directories_of_the_format_go,
		files_behind_a_link_in_place_of_a_directory_stay,
		a_file_whose_directory_tells_another_time_stays,
		the_characters_of_patterns_stand_for_themselves,
		a_start_directory_of_such_characters_stands_for_itself,
		names_of_any_usual_conversion_are_own,
		names_of_weeks_are_own,
		names_with_a_time_zone_are_own,
		two_slashes_are_as_good_as_one,
		where_there_is_nothing_nothing_is_removed,
		the_link_is_made,
		the_link_is_replaced,
		any_symbolic_link_is_replaced_and_what_it_leads_to_stays,
		the_link_in_another_directory_leads_to_the_whole_path,
		without_a_link_none_is_made,
		what_is_no_symbolic_link_is_never_replaced,
		the_link_never_replaces_the_file_itself,
		a_new_link_that_was_left_is_no_obstacle,
		a_file_where_the_new_link_is_to_be_stays,
		a_link_in_a_missing_directory_fails,
		the_link_may_hold_percent_signs
	};

	before_creation = interrupt;
	return RUN_TESTS("logfile", tests);
}
