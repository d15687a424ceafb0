/*
 * check_processor.c - daemon_set_logger_processor(): what becomes of finished
 * log files
 *
 * A file ends after each line, since the largest size is a byte. The processor
 * is a script beside the directory of the log, which is its own directory. It
 * notes there what it was run on, and waits at a FIFO.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "flock.h"
#include "puppet.h"

enum {
	NAMES = 64,
	OLD = 1000000000	/* 2001-09-09, in the 36th week */
};

static char log_path[512];
static int gate;	/* both its ends */

/*
 * The program
 */

/* As its rest says, in one write. */
static void
obey_say(void)
{
	char line[512];
	int length = snprintf(line, sizeof line, "%s\n", here.rest);

	if (write(STDERR_FILENO, line, (size_t)length) != length)
		_exit(97);
	puts("ok");
}

/* The same, but the line does not end there. */
static void
obey_begin(void)
{
	size_t length = strlen(here.rest);

	if (write(STDERR_FILENO, here.rest, length) != (ssize_t)length)
		_exit(97);
	puts("ok");
}

static const struct command commands[] = {
	{ "say", obey_say, NULL },
	{ "begin", obey_begin, NULL },
	{ NULL, NULL, NULL }
};

/*
 * The daemon, from outside
 */

/* A path in the scratch directory, valid until the fourth call from now. */
static const char *
in_scratch(const char *name)
{
	static char paths[4][512];
	static int next;

	next = (next + 1) % 4;
	snprintf(paths[next], sizeof paths[next], "%s/%s", scratch(), name);
	return paths[next];
}

static const char *
in_logs(const char *name)
{
	char path[256];

	snprintf(path, sizeof path, "logs/%s", name);
	return in_scratch(path);
}

static void
write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);

	ck_assert_msg(fd != -1, "open %s: %s", path, strerror(errno));
	ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
	close(fd);
}

/* A file of an older time, which is the same for all. */
static void
write_old(const char *path, const char *text, mode_t mode)
{
	static const struct timespec times[2] = { { .tv_sec = OLD },
		{ .tv_sec = OLD } };

	write_file(path, text, mode);
	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Under another name first: it may be executed now. */
static void
set_script(const char *text)
{
	char script[2048];

	snprintf(script, sizeof script, "#!/bin/sh\n"
	    "note() { echo \"$@\" >>../noted; }\n"
	    "wait_here() { read -r go <../gate; }\n"
	    "%s\n", text);
	write_file(in_scratch("script.new"), script, 0755);
	ck_assert_int_eq(rename(in_scratch("script.new"),
	    in_scratch("script")), 0);
}

static void
log_to(const char *format)
{
	here.has_logger = 1;
	here.commands = commands;
	strcpy(log_path, in_logs(format));
	daemon_set_program_name("tested");
	daemon_enable_logger();
	ck_assert_int_eq(daemon_set_logger_name_format(log_path), 0);
	daemon_set_logger_prefix_format("");
}

/* One file for each line. */
static void
process_with(const char *text)
{
	ck_assert_int_eq(mkdir(in_scratch("logs"), 0755), 0);
	ck_assert_int_eq(mkfifo(in_scratch("gate"), 0666), 0);
	gate = open(in_scratch("gate"), O_RDWR | O_CLOEXEC);
	ck_assert_int_ne(gate, -1);
	write_file(in_scratch("noted"), "", 0666);
	ck_assert_int_eq(chmod(in_scratch("noted"), 0666), 0);
	set_script(text);
	log_to("log");
	daemon_set_logger_size_max(1);
	ck_assert_int_eq(daemon_set_logger_processor(in_scratch("script")),
	    0);
}

static void
start_logging(void)
{
	start(1, talker);
}

static void
next_logger(void)
{
	here.logger = (pid_t)heard(&here.run, "logger");
}

/* The text of a file, valid until the next call; "" if there is none. */
static const char *
content(const char *path)
{
	static char text[65536];
	int fd = open(path, O_RDONLY);
	ssize_t n = 0;

	if (fd != -1) {
		n = read(fd, text, sizeof text - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
comes(const char *path, const char *part)
{
	char what[2048];
	long since = 0;

	snprintf(what, sizeof what, "\"%s\" in %s", part, path);
	while (strstr(content(path), part) == NULL)
		look_again(&since, what);
}

static void
holds(const char *path, const char *text)
{
	ck_assert_pstr_eq(content(path), text);
}

static void
has_said(const char *how, const char *text)
{
	char line[512];
	int fd = client(here.port);

	snprintf(line, sizeof line, "%s %s\n", how, text);
	client_says(fd, line);
	hears(fd, "ok");
	close(fd);
}

static void
say(const char *text)
{
	has_said("say", text);
}

/* A line, which begins a new file. */
static void
logs(const char *text)
{
	char line[512];

	say(text);
	snprintf(line, sizeof line, "%s\n", text);
	comes(log_path, line);
}

static int
by_name(const void *one, const void *other)
{
	return strcmp(one, other);
}

/* The names in the log's directory, sorted, with blanks between them. */
static const char *
row(void)
{
	static char names[NAMES][256], text[NAMES * 256];
	struct dirent *entry;
	int i, count = 0;
	DIR *dir;

	ck_assert_ptr_nonnull(dir = opendir(in_scratch("logs")));
	while ((entry = readdir(dir)) != NULL && count < NAMES)
		if (entry->d_name[0] != '.')
			strcpy(names[count++], entry->d_name);
	closedir(dir);
	qsort(names, (size_t)count, sizeof names[0], by_name);
	text[0] = '\0';
	for (i = 0; i < count; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, names[i]);
	}
	return text;
}

static void
row_becomes(const char *names)
{
	char what[2048];
	long since = 0;

	for (;;) {
		snprintf(what, sizeof what, "\"%s\", not \"%s\"", names, row());
		if (strcmp(row(), names) == 0)
			return;
		look_again(&since, what);
	}
}

static void
row_begins(const char *names)
{
	long since = 0;

	while (strncmp(row(), names, strlen(names)) != 0)
		look_again(&since, row());
}

static int
all_are_processed(void)
{
	char *names = strdup(row()), *name;
	int all = 1;

	for (name = strtok(names, " "); name != NULL; name = strtok(NULL, " "))
		all = all && (strcmp(name, "log") == 0 ||
		    strcmp(name + strlen(name) - 2, ".x") == 0);
	free(names);
	return all;
}

static void
is_at_rest(void)
{
	long since = 0;

	while (!all_are_processed())
		look_again(&since, "all files to be processed");
}

/* Lets one processor go on, which waits or will. If the gate were opened and
 * closed each time, the next one might find it open, and go on at its end. */
static void
let_go(void)
{
	ck_assert_int_eq(write(gate, "\n", 1), 1);
}

/* The number that follows the word in what was noted last with it. */
static pid_t
noted_pid(const char *word)
{
	const char *at, *last = NULL;

	for (at = content(in_scratch("noted")); (at = strstr(at, word)) !=
	    NULL; at += strlen(word))
		last = at + strlen(word);
	ck_assert_ptr_nonnull(last);
	return (pid_t)atol(last);
}

static int
lines_noted(void)
{
	const char *at;
	int count = 0;

	for (at = content(in_scratch("noted")); *at != '\0'; at++)
		count += *at == '\n';
	return count;
}

static void
are_noted(int count)
{
	long since = 0;

	while (lines_noted() != count)
		look_again(&since, "the processor to note what it does");
}

static int
has_no_gzip(void)
{
	return skip_if(system("gzip --version >/dev/null 2>&1") != 0,
	    "there is no gzip(1)");
}

/* What gzip(1) has made of a file holds this. */
static void
holds_packed(const char *name, const char *text)
{
	char command[1024];

	snprintf(command, sizeof command, "gzip -dc '%s' >'%s'",
	    in_logs(name), in_scratch("unpacked"));
	ck_assert_int_eq(system(command), 0);
	holds(in_scratch("unpacked"), text);
}

/*
 * What is made of a file
 */

START_TEST(files_are_packed_and_keep_their_places)
{
	if (has_no_gzip())
		return;
	process_with("exec gzip \"$1\"");
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1.gz");
	logs("three");
	row_becomes("log log.1.gz log.2.gz");
	logs("four");
	row_becomes("log log.1.gz log.2.gz log.3.gz");
	stop();
	holds(log_path, "four\n");
	holds_packed("log.1.gz", "three\n");
	holds_packed("log.2.gz", "two\n");
	holds_packed("log.3.gz", "one\n");
}
END_TEST

/* The script is not needed. */
START_TEST(a_program_can_be_the_processor_itself)
{
	if (has_no_gzip() || skip_if(access("/bin/gzip", X_OK) != 0,
	    "there is no /bin/gzip"))
		return;
	process_with("");
	ck_assert_int_eq(daemon_set_logger_processor("/bin/gzip"), 0);
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1.gz");
	stop();
	holds_packed("log.1.gz", "one\n");
}
END_TEST

START_TEST(log_is_rotated_while_a_file_is_processed)
{
	int i;

	process_with("wait_here; note \"$1\" \"$(cat \"$1\")\";"
	    " mv \"$1\" \"$1.x\"");
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1 log.processing log.processing.lock");
	holds(in_logs("log.1"), "");
	logs("three");
	logs("four");
	row_becomes("log log.1 log.2 log.3 log.processing "
	    "log.processing.lock");
	holds(in_logs("log.1"), "three\n");
	holds(in_logs("log.3"), "");
	for (i = 1; i <= 3; i++) {
		let_go();
		are_noted(i);
	}
	row_becomes("log log.1.x log.2.x log.3.x");
	stop();
	holds(in_logs("log.1.x"), "three\n");
	holds(in_logs("log.3.x"), "one\n");
	holds(in_scratch("noted"), "log.processing one\n"
	    "log.processing two\nlog.processing three\n");
}
END_TEST

START_TEST(file_that_a_processor_leaves_is_done_and_not_run_again)
{
	process_with("note \"$(cat \"$1\")\"");
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1.done");
	stop();
	start_logging();
	logs("three");
	row_becomes("log log.1.done log.2.done");
	stop();
	holds(in_logs("log.1.done"), "two\n");
	holds(in_scratch("noted"), "one\ntwo\n");
}
END_TEST

START_TEST(file_that_a_processor_removes_leaves_its_place)
{
	process_with("note \"$(cat \"$1\")\"; rm \"$1\"");
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	row_becomes("log");
	logs("three");
	are_noted(2);
	row_becomes("log");
	stop();
	holds(in_scratch("noted"), "one\ntwo\n");
}
END_TEST

START_TEST(all_that_is_made_of_a_file_keeps_its_place)
{
	process_with("echo a >\"$1.a\"; echo b >\"$1.b.c\"");
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1.a log.1.b.c log.1.done");
	logs("three");
	row_becomes("log log.1.a log.1.b.c log.1.done "
	    "log.2.a log.2.b.c log.2.done");
	stop();
	holds(in_logs("log.2.done"), "one\n");
}
END_TEST

START_TEST(result_has_the_time_of_its_file)
{
	struct stat file;

	process_with("cat \"$1\" >\"$1.x\"; rm \"$1\"");
	write_old(in_logs("log.1"), "old\n", 0600);
	start_logging();
	row_becomes("log log.1.x");
	ck_assert_int_eq(stat(in_logs("log.1.x"), &file), 0);
	ck_assert_int_eq((long)file.st_mtime, OLD);
	stop();
}
END_TEST

/* By a format that strptime(3) cannot read a name is known by the file's time,
 * which a result does not have yet. */
START_TEST(file_of_another_week_is_processed_in_its_place)
{
	process_with("cat \"$1\" >\"$1.x\"; rm \"$1\"");
	log_to("log-%G-%V");
	write_old(in_logs("log-2001-36"), "old\n", 0600);
	start_logging();
	row_begins("log-2001-36.x log-2");
	stop();
	holds(in_logs("log-2001-36.x"), "old\n");
}
END_TEST

START_TEST(what_a_dead_logger_leaves_of_another_week_is_put_in_its_place)
{
	process_with("note \"$1\"");
	log_to("log-%G-%V");
	write_old(in_logs("log-2001-36.processing.lock"), "", 0600);
	write_file(in_logs("log-2001-36.processing.x"), "old\n", 0600);
	write_old(in_logs("log-2001-36"), "", 0600);
	start_logging();
	row_begins("log-2001-36.x log-2");
	stop();
	holds(in_scratch("noted"), "");
}
END_TEST

START_TEST(file_of_another_time_is_processed_in_its_place)
{
	process_with("mv \"$1\" \"$1.x\"; note \"$1\"");
	log_to("log-%Y-");
	write_file(in_logs("log-1998-"), "old\n", 0600);
	write_file(in_logs("log-1999-.y"), "done\n", 0600);
	write_file(in_logs("log-1999-.1"), "older\n", 0600);
	write_file(in_logs("log-19999"), "other\n", 0600);
	start_logging();
	row_begins("log-1998-.x log-1999-.1.x log-1999-.y log-19999 log-2");
	stop();
	start_logging();
	row_begins("log-1998-.x log-1999-.1.x log-1999-.y log-19999 log-2");
	stop();
	ck_assert_int_eq(lines_noted(), 2);
	holds(in_logs("log-1998-.x"), "old\n");
}
END_TEST

/*
 * Limits
 */

START_TEST(results_are_counted_with_the_files)
{
	char line[32];
	int i;

	process_with("mv \"$1\" \"$1.x\"");
	daemon_set_logger_file_count_max(3);
	start_logging();
	for (i = 0; i < 10; i++) {
		snprintf(line, sizeof line, "line %d", i);
		logs(line);
	}
	row_becomes("log log.1.x log.2.x");
	stop();
	holds(in_logs("log.1.x"), "line 8\n");
	holds(in_logs("log.2.x"), "line 7\n");
}
END_TEST

/* Each has 7 bytes, even while it is processed. */
START_TEST(results_have_together_no_more_bytes_than_the_files_may)
{
	char line[32];
	int i;

	process_with("mv \"$1\" \"$1.x\"");
	daemon_set_logger_total_max(30);
	start_logging();
	for (i = 0; i < 10; i++) {
		snprintf(line, sizeof line, "line %d", i);
		logs(line);
	}
	is_at_rest();
	stop();
	holds(in_logs("log.1.x"), "line 8\n");
	holds(in_logs("log.2.x"), "line 7\n");
	/* It may have gone instead of one that was in process. */
	if (access(in_logs("log.3.x"), F_OK) == 0)
		holds(in_logs("log.3.x"), "line 6\n");
}
END_TEST

START_TEST(results_that_are_larger_leave_fewer_files)
{
	process_with("cat \"$1\" \"$1\" >\"$1.x\"; rm \"$1\"");
	daemon_set_logger_total_max(30);
	start_logging();
	logs("line 1");
	logs("line 2");
	row_becomes("log log.1.x");
	logs("line 3");
	row_becomes("log log.1.x");
	stop();
	holds(in_logs("log.1.x"), "line 2\nline 2\n");
}
END_TEST

START_TEST(file_that_is_too_old_when_it_has_been_processed_goes)
{
	process_with("note \"$(cat \"$1\")\"; [ \"$(cat \"$1\")\" != one ] ||"
	    " wait_here; mv \"$1\" \"$1.x\"");
	daemon_set_logger_file_count_max(3);
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	logs("three");
	logs("four");
	row_becomes("log log.1 log.2 log.processing log.processing.lock");
	let_go();
	are_noted(3);
	row_becomes("log log.1.x log.2.x");
	stop();
	holds(in_logs("log.1.x"), "three\n");
	holds(in_logs("log.2.x"), "two\n");
}
END_TEST

/* One that is not the one which keeps a place. */
START_TEST(empty_file_that_goes_takes_no_log_with_it)
{
	process_with("note \"$(cat \"$1\")\"; wait_here; mv \"$1\" \"$1.x\"");
	daemon_set_logger_file_count_max(4);
	write_old(in_logs("log.3"), "", 0600);
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	logs("three");
	logs("four");
	row_becomes("log log.1 log.2 log.3 log.processing "
	    "log.processing.lock");
	let_go();
	are_noted(2);
	row_becomes("log log.1 log.2 log.3.x log.processing "
	    "log.processing.lock");
	stop();
	holds(in_logs("log.3.x"), "one\n");
}
END_TEST

/* Only FILE.N.SUFFIX is the logger's, where the format has no conversion. */
START_TEST(names_of_others_stay_as_they_are)
{
	process_with("mv \"$1\" \"$1.x\"");
	daemon_set_logger_file_count_max(2);
	write_file(in_logs("log.bak"), "bak", 0600);
	write_file(in_logs("log.gz"), "gz", 0600);
	write_file(in_logs("log.20240101.gz"), "rotated", 0600);
	write_file(in_logs("log.processing.gz.d e"), "blank", 0600);
	write_file(in_logs("log2.1"), "other", 0600);
	ck_assert_int_eq(mkdir(in_logs("log.7"), 0700), 0);
	ck_assert_int_eq(symlink("../script", in_logs("log.8")), 0);
	start_logging();
	logs("one");
	logs("two");
	logs("three");
	row_becomes("log log.1.x log.20240101.gz log.7 log.8 log.bak log.gz "
	    "log.processing.gz.d e log2.1");
	stop();
}
END_TEST

/*
 * Deaths
 */

START_TEST(processor_that_was_killed_with_its_logger_is_run_again)
{
	pid_t processor;

	process_with("ls \"$1\".* >../there; note pid $$; echo half >\"$1.x\";"
	    " wait_here; mv \"$1\" \"$1.x\"");
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	row_becomes("log log.1 log.processing log.processing.lock "
	    "log.processing.x");
	processor = noted_pid("pid ");
	stopped(processor);
	send_signal(here.logger, SIGKILL);
	next_logger();
	send_signal(processor, SIGKILL);
	comes(log_path, "another follows\n");	/* so two ends */
	are_noted(2);
	holds(in_scratch("there"), "log.processing.lock\n");
	let_go();
	are_noted(3);
	let_go();
	row_becomes("log log.1.x log.2.x");
	stop();
	holds(in_logs("log.1.x"), "two\n");
	holds(in_logs("log.2.x"), "one\n");
}
END_TEST

START_TEST(processor_that_outlives_its_logger_is_not_run_twice)
{
	int i;

	if (has_no_locks())
		return;
	process_with("note pid $$; wait_here; mv \"$1\" \"$1.x\"");
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	send_signal(here.logger, SIGKILL);
	next_logger();
	comes(log_path, "another follows\n");	/* so two ends */
	logs("three");
	row_becomes("log log.1 log.2 log.3 log.processing "
	    "log.processing.lock");
	for (i = 2; i <= 3; i++) {
		let_go();
		are_noted(i);
	}
	let_go();
	row_becomes("log log.1.x log.2.x log.3.x");
	stop();
	ck_assert_int_eq(lines_noted(), 3);
	holds(in_logs("log.3.x"), "one\n");
}
END_TEST

/* A reader outlives its logger, too. */
START_TEST(reader_of_the_log_does_not_have_the_lock)
{
	pid_t reader, processor;

	if (has_no_locks())
		return;
	process_with("note pid $$; wait_here");
	daemon_set_logger_drop(1);
	start_logging();
	reader = only_child_of(here.logger);
	logs("one");
	logs("two");
	are_noted(1);
	processor = noted_pid("pid ");
	send_signal(reader, SIGKILL);
	logs("three");		/* by another reader */
	send_signal(here.logger, SIGKILL);
	next_logger();
	send_signal(processor, SIGKILL);
	are_noted(2);
	stop();
}
END_TEST

/* As the table in logplace.c has it: what a logger that has died leaves. */
START_TEST(what_a_dead_logger_leaves_is_put_in_its_place)
{
	static const struct {
		const char *left[4];
		const char *row;
		int runs;
	} deaths[] = {
		{ { "log.1", "log.processing.lock" }, "log log.1.x", 1 },
		{ { "log.processing", "log.processing.lock" },
		    "log log.1.x", 1 },
		{ { "log.processing", "empty.1", "log.processing.lock" },
		    "log log.1.x", 1 },
		{ { "log.processing", "new.1", "log.processing.lock" },
		    "log log.1.x", 1 },
		{ { "log.processing", "log.processing.x", "empty.1",
		    "log.processing.lock" }, "log log.1.x", 1 },
		{ { "log.processing.x", "empty.1", "log.processing.lock" },
		    "log log.1.x", 0 },
		{ { "log.processing.x", "log.processing.lock" },
		    "log log.1.x", 0 },
		{ { "log.processing.x" }, "log log.1.x", 0 },
		{ { "log.1.x", "log.processing.lock" }, "log log.1.x", 0 },
		{ { "log.1.done", "log.processing.x", "log.processing.lock" },
		    "log log.1.done log.2.x", 0 }
	};
	int i, j, runs = 0;

	process_with("note \"$1\"; mv \"$1\" \"$1.x\"");
	for (i = 0; i < COUNT(deaths); i++) {
		for (j = 0; j < 4 && deaths[i].left[j] != NULL; j++)
			if (strcmp(deaths[i].left[j], "empty.1") == 0)
				write_old(in_logs("log.1"), "", 0600);
			else if (strcmp(deaths[i].left[j], "new.1") == 0)
				write_file(in_logs("log.1"), "", 0200);
			else
				write_old(in_logs(deaths[i].left[j]),
				    strstr(deaths[i].left[j], "lock") ? "" :
				    "text\n", 0600);
		start_logging();
		row_becomes(deaths[i].row);
		runs += deaths[i].runs;
		stop();
		ck_assert_int_eq(lines_noted(), runs);
		ck_assert_int_eq(unlink(in_logs("log")), 0);
		unlink(in_logs("log.1.x"));
		unlink(in_logs("log.1.done"));
		unlink(in_logs("log.2.x"));
	}
}
END_TEST

/*
 * Failures
 */

START_TEST(failure_is_said_once_with_its_reason_and_its_end)
{
	char line[1024];

	process_with("note \"$(cat \"$1\")\"; echo half >\"$1.x\";"
	    " echo no such luck >&2; echo more >&2; exit 3");
	write_file(in_logs("log.1"), "one\n", 0600);
	write_file(in_logs("log.2"), "two\n", 0600);
	daemon_set_logger_size_max(1000);
	start_logging();
	/* Which is the older one is not known. */
	snprintf(line, sizeof line, ": %s ended with status 3: no such luck; "
	    "trying again\n", in_scratch("script"));
	comes(log_path, line);
	snprintf(line, sizeof line, "tested: unable to process %s.", log_path);
	comes(log_path, line);
	are_noted(2);
	row_becomes("log log.1 log.2");
	holds(in_logs("log.1"), "one\n");
	holds(in_logs("log.2"), "two\n");
	set_script("mv \"$1\" \"$1.x\"");
	send_signal(here.master, SIGHUP);
	row_becomes("log log.1.x log.2.x");
	comes(log_path, " s: ");
	stop();
	ck_assert_ptr_null(strstr(strstr(content(log_path), "trying again") +
	    1, "trying again"));
	holds(in_logs("log.1.x"), "one\n");
}
END_TEST

START_TEST(file_that_fails_does_not_keep_newer_ones)
{
	process_with("note \"$(cat \"$1\")\"; grep -q bad \"$1\" && exit 1;"
	    " mv \"$1\" \"$1.x\"");
	start_logging();
	logs("one");
	logs("bad");
	row_becomes("log log.1.x");
	say("two");
	comes(log_path, "trying again");	/* so two ends */
	row_becomes("log log.1.x log.2 log.3.x");
	stop();
	holds(in_scratch("noted"), "one\nbad\ntwo\n");
}
END_TEST

/* As if another program had sent them away. */
START_TEST(file_that_fails_is_tried_again_though_newer_ones_are_gone)
{
	process_with("note \"$(cat \"$1\")\"; grep -q bad \"$1\" &&"
	    " [ ! -e ../good ] && exit 1; rm \"$1\"");
	start_logging();
	logs("bad");
	say("two");
	comes(log_path, "trying again");	/* so two ends */
	row_becomes("log log.1");
	holds(in_logs("log.1"), "bad\n");
	write_file(in_scratch("good"), "", 0666);
	send_signal(here.master, SIGHUP);
	row_becomes("log");
	stop();
	ck_assert_int_eq(strncmp(content(in_scratch("noted")),
	    "bad\ntwo\nbad\n", 12), 0);
}
END_TEST

START_TEST(processor_that_is_missing_is_named)
{
	process_with("");
	daemon_set_logger_size_max(1000);
	daemon_set_logger_processor(in_scratch("nothing"));
	write_file(in_logs("log.1"), "one\n", 0600);
	start_logging();
	comes(log_path, "/nothing ended with status 127: "
	    "No such file or directory; trying again\n");
	row_becomes("log log.1");
	stop();
}
END_TEST

static void
become_nobody_who_cannot_fork(void)
{
	struct rlimit limit = { 0, 0 };

	become_nobody();
	if (setrlimit(RLIMIT_NPROC, &limit) == -1)
		_exit(97);
}

/* All wait, since none could be run. */
START_TEST(processor_that_cannot_be_started_is_said)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	process_with("note \"$1\"");
	daemon_set_logger_size_max(1000);
	write_file(in_logs("log.2"), "two\n", 0600);
	write_file(in_logs("log.1"), "one\n", 0600);
	ck_assert_int_eq(chmod(in_scratch(".."), 0711), 0);
	ck_assert_int_eq(chmod(scratch(), 0711), 0);
	ck_assert_int_eq(chown(in_logs("log.1"), NOBODY, NOBODY), 0);
	ck_assert_int_eq(chown(in_logs("log.2"), NOBODY, NOBODY), 0);
	ck_assert_int_eq(chown(in_scratch("logs"), NOBODY, NOBODY), 0);
	here.in_logger = become_nobody_who_cannot_fork;
	start_logging();
	comes(log_path, "/log.2: Resource temporarily unavailable; "
	    "trying again\n");
	row_becomes("log log.1 log.2 log.processing log.processing.lock");
	holds(in_logs("log.1"), "one\n");
	stop();
	holds(in_scratch("noted"), "");
}
END_TEST

START_TEST(processor_is_not_run_where_others_can_rename_its_file)
{
	process_with("note \"$1\"");
	daemon_set_logger_size_max(1000);
	ck_assert_int_eq(chmod(in_scratch("logs"), 0777), 0);
	write_file(in_logs("log.1"), "one\n", 0600);
	start_logging();
	comes(log_path, "/log.1: others can write its directory; "
	    "trying again\n");
	row_becomes("log log.1");
	stop();
	holds(in_scratch("noted"), "");
}
END_TEST

/* Neither the log nor the daemon's end waits for it. */
START_TEST(processor_that_never_ends_keeps_nothing_waiting)
{
	process_with("note $$; exec yes >&2");
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	logs("three");
	logs("four");
	row_becomes("log log.1 log.2 log.3 log.processing "
	    "log.processing.lock");
	stop();
	set_script("mv \"$1\" \"$1.x\"");
	start_logging();
	row_becomes("log log.1.x log.2.x log.3.x");
	stop();
	holds(in_logs("log.3.x"), "one\n");
}
END_TEST

/* Nor if it ignores SIGTERM: the next daemon waits for it. */
START_TEST(processor_that_does_not_end_with_the_daemon_is_not_run_twice)
{
	if (has_no_locks())
		return;
	process_with("trap '' TERM; note $$; wait_here; mv \"$1\" \"$1.x\"");
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	start_logging();
	logs("three");
	row_becomes("log log.1 log.2 log.processing log.processing.lock");
	let_go();
	are_noted(2);
	let_go();
	row_becomes("log log.1.x log.2.x");
	stop();
	holds(in_logs("log.2.x"), "one\n");
}
END_TEST

/*
 * The process
 */

static void
have_more(void)
{
	signal(SIGUSR1, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (dup2(STDIN_FILENO, 50) == -1)
		_exit(97);
}

static void
has(const char *part)
{
	says(content(in_scratch("noted")), part);
}

/* libc keeps those above 31 from programs. */
static void
has_no_signal(const char *line)
{
	const char *at = strstr(content(in_scratch("noted")), line);

	ck_assert_ptr_nonnull(at);
	ck_assert_uint_eq(strtoull(at + strlen(line), NULL, 16) & 0x7fffffff,
	    0);
}

START_TEST(processor_has_nothing_of_the_logger)
{
	process_with("note \"nice $(nice)\"; note \"in $(readlink "
	    "/proc/self/fd/0)\"; note \"out $(readlink /proc/$$/fd/1)\";"
	    "note \"$(grep ^Sig /proc/self/status)\";"
	    "note fds $(ls /proc/self/fd) end; mv \"$1\" \"$1.x\"");
	if (skip_if(access("/proc/self/fd", R_OK) != 0, "there is no /proc"))
		return;
	here.before_start = have_more;
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1.x");
	stop();
	has("nice 1");
	has("in /dev/null\n");
	has("out /dev/null\n");
	has_no_signal("SigBlk:\t");
	has_no_signal("SigIgn:\t");
	has("fds 0 1 2 3 4 end\n");
}
END_TEST

START_TEST(processor_has_the_rights_of_the_logger)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	process_with("note \"$(id -u)\"; mv \"$1\" \"$1.x\"");
	ck_assert_int_eq(chmod(in_scratch(".."), 0711), 0);
	ck_assert_int_eq(chmod(scratch(), 0711), 0);
	ck_assert_int_eq(chown(in_scratch("logs"), NOBODY, NOBODY), 0);
	here.in_logger = become_nobody;
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1.x");
	stop();
	ck_assert_int_eq(atol(content(in_scratch("noted"))), NOBODY);
}
END_TEST

/* How many of its descriptors are of the log's directory, or below. */
static int
has_open_there(void)
{
	char link[64], path[512];
	int fd, count = 0;
	ssize_t n;

	for (fd = 0; fd < 256; fd++) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		n = readlink(link, path, sizeof path - 1);
		path[n > 0 ? n : 0] = '\0';
		count += strstr(path, "/logs") != NULL;
	}
	return count;
}

static void
log_and_go_on(void)
{
	int value = daemon_logger();

	tell("open", has_open_there());
	over("logger", value, NULL);
}

START_TEST(program_that_was_a_logger_has_nothing_of_its_processor)
{
	process_with("note \"$1\"; wait_here");
	if (skip_if(access("/proc/self/fd", R_OK) != 0, "there is no /proc"))
		return;
	daemon_set_logger_return_fatal(-2);
	here.in_logger = log_and_go_on;
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	stop();
	ck_assert_int_eq(heard(&here.run, "open"), 0);
	ck_assert_int_eq(heard(&here.run, "logger over"), -2);
}
END_TEST

START_TEST(directory_that_cannot_be_written_is_said_and_nothing_else_happens)
{
	if (skip_if(geteuid() != 0, "only root can drop rights"))
		return;
	process_with("note \"$1\"");
	daemon_set_logger_size_max(1000);
	write_file(log_path, "", 0600);
	write_file(in_logs("log.1"), "one\n", 0600);
	ck_assert_int_eq(chmod(in_scratch(".."), 0711), 0);
	ck_assert_int_eq(chmod(scratch(), 0711), 0);
	ck_assert_int_eq(chown(log_path, NOBODY, NOBODY), 0);
	ck_assert_int_eq(chown(in_logs("log.1"), NOBODY, NOBODY), 0);
	here.in_logger = become_nobody;
	start_logging();
	comes(log_path, "/log.1: Permission denied; trying again\n");
	row_becomes("log log.1");
	stop();
	holds(in_scratch("noted"), "");
}
END_TEST

/*
 * Other daemons
 */

START_TEST(file_that_another_daemon_has_is_left_to_it)
{
	int fd;

	if (has_no_locks())
		return;
	process_with("note \"$1\"; mv \"$1\" \"$1.x\"");
	write_old(in_logs("log.processing"), "theirs\n", 0600);
	write_old(in_logs("log.processing.x"), "", 0600);
	write_old(in_logs("log.1"), "", 0600);
	write_old(in_logs("log.processing.lock"), "", 0600);
	fd = open(in_logs("log.processing.lock"), O_RDWR);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1 log.2 log.processing log.processing.lock "
	    "log.processing.x");
	flock(fd, LOCK_UN);
	close(fd);
	are_noted(2);
	row_becomes("log log.1.x log.2.x");
	stop();
	holds(in_logs("log.2.x"), "theirs\n");
}
END_TEST

/* Nothing else happens that would make the logger look. */
START_TEST(file_that_was_locked_is_processed_later)
{
	int fd;

	if (has_no_locks())
		return;
	process_with("note \"$(cat \"$1\")\"; mv \"$1\" \"$1.x\"");
	daemon_set_logger_size_max(1000);
	daemon_set_logger_file_count_max(5);
	write_file(in_logs("log.1"), "locked\n", 0600);
	write_file(in_logs("log.2"), "free\n", 0600);
	fd = open(in_logs("log.1"), O_RDWR);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	start_logging();
	row_becomes("log log.1 log.2.x");
	flock(fd, LOCK_UN);
	close(fd);
	row_becomes("log log.1.x log.2.x");
	stop();
	holds(in_scratch("noted"), "free\nlocked\n");
}
END_TEST

/* Its result waits, so that the place is not lost. */
START_TEST(place_that_was_locked_is_taken_later)
{
	int fd;

	if (has_no_locks())
		return;
	process_with("wait_here; note \"$1\"; mv \"$1\" \"$1.x\"");
	start_logging();
	logs("one");
	logs("two");
	row_becomes("log log.1 log.processing log.processing.lock");
	fd = open(in_logs("log.1"), O_RDWR);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	let_go();
	are_noted(1);
	row_becomes("log log.1 log.processing.lock log.processing.x");
	flock(fd, LOCK_UN);
	close(fd);
	row_becomes("log log.1.x");
	stop();
}
END_TEST

/* It has claimed the file that another daemon has rotated. */
START_TEST(daemon_that_waits_for_the_end_of_a_line_keeps_its_file)
{
	struct puppet other;

	if (has_no_locks())
		return;
	process_with("note \"$(cat \"$1\")\"; wait_here; mv \"$1\" \"$1.x\"");
	start_logging();
	has_said("begin", "half");
	comes(log_path, "half");	/* the file is no longer locked */
	other = here;
	here.run.facts = 0;
	start_logging();
	logs("one");
	logs("two");
	are_noted(1);
	holds(in_scratch("noted"), "one\n");
	row_becomes("log log.1 log.2 log.processing log.processing.lock");
	holds(in_logs("log.2"), "half");
	send_signal(here.master, SIGTERM);
	exited(ended(here.master), 0);
	here = other;
	say(" a line");
	are_noted(2);	/* it has left its file, and looked */
	logs("more");
	comes(in_logs("log.3"), "half a line\n");
	stop();
}
END_TEST

START_TEST(two_daemons_process_each_file_once)
{
	enum { LINES = 20 };
	struct puppet first;
	char line[32];
	int i;

	if (has_no_locks())
		return;
	process_with("note \"$(cat \"$1\")\"; mv \"$1\" \"$1.x\"");
	start_logging();
	first = here;
	here.run.facts = 0;
	start_logging();
	for (i = 0; i < LINES; i++) {
		struct puppet other = first;

		snprintf(line, sizeof line, "line %d.", i);
		logs(line);
		first = here;
		here = other;
	}
	are_noted(LINES - 1);
	is_at_rest();
	send_signal(first.master, SIGTERM);
	exited(ended(first.master), 0);
	stop();
	for (i = 0; i < LINES - 1; i++) {
		char name[32];

		snprintf(line, sizeof line, "line %d.\n", i);
		snprintf(name, sizeof name, "log.%d.x", LINES - 1 - i);
		holds(in_logs(name), line);
	}
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		files_are_packed_and_keep_their_places,
		a_program_can_be_the_processor_itself,
		log_is_rotated_while_a_file_is_processed,
		file_that_a_processor_leaves_is_done_and_not_run_again,
		file_that_a_processor_removes_leaves_its_place,
		all_that_is_made_of_a_file_keeps_its_place,
		result_has_the_time_of_its_file,
		file_of_another_week_is_processed_in_its_place,
		what_a_dead_logger_leaves_of_another_week_is_put_in_its_place,
		file_of_another_time_is_processed_in_its_place,
		results_are_counted_with_the_files,
		results_have_together_no_more_bytes_than_the_files_may,
		results_that_are_larger_leave_fewer_files,
		file_that_is_too_old_when_it_has_been_processed_goes,
		empty_file_that_goes_takes_no_log_with_it,
		names_of_others_stay_as_they_are,
		processor_that_was_killed_with_its_logger_is_run_again,
		processor_that_outlives_its_logger_is_not_run_twice,
		reader_of_the_log_does_not_have_the_lock,
		what_a_dead_logger_leaves_is_put_in_its_place,
		failure_is_said_once_with_its_reason_and_its_end,
		file_that_fails_does_not_keep_newer_ones,
		file_that_fails_is_tried_again_though_newer_ones_are_gone,
		processor_that_is_missing_is_named,
		processor_that_cannot_be_started_is_said,
		processor_is_not_run_where_others_can_rename_its_file,
		processor_that_never_ends_keeps_nothing_waiting,
		processor_that_does_not_end_with_the_daemon_is_not_run_twice,
		processor_has_nothing_of_the_logger,
		processor_has_the_rights_of_the_logger,
		program_that_was_a_logger_has_nothing_of_its_processor,
		directory_that_cannot_be_written_is_said_and_nothing_else_happens,
		file_that_another_daemon_has_is_left_to_it,
		file_that_was_locked_is_processed_later,
		place_that_was_locked_is_taken_later,
		daemon_that_waits_for_the_end_of_a_line_keeps_its_file,
		two_daemons_process_each_file_once
	};

	return RUN_TESTS("processor", tests);
}
