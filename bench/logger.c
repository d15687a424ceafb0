/*
 * logger.c - how fast the library's logger is, beside others
 *
 *     logger [-l lines] [-r rounds] [directory]
 *
 * Each contender writes the same lines of 100 bytes from a pipe to files in
 * the directory, with a time before each line if it can. They take turns, so
 * that other load on the machine affects all of them, and each is compared
 * with the bare copy loop in the same round: once with a writer of 64 KiB
 * blocks, and once with one write(2) a line.
 *
 * SPDX-License-Identifier: ISC
 */
#include <daemon.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "page.h"

enum {
	LINE = 100,
	BLOCK = 64 * 1024,
	PIPE = 256 * 1024,	/* as the library's */
	ROUNDS_MAX = 99
};

static long lines = 5000000;
static int rounds = 5;
static char directory[4000];	/* new for each run */

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

/*
 * The writer
 */

/* Writes all lines to stderr, at_once of them in each write(2). */
static void
write_lines(int at_once)
{
	static char text[BLOCK];
	size_t size, done;
	ssize_t n;
	long left;
	int i;

	memset(text, 'x', sizeof text);
	for (i = 0; i < BLOCK / LINE; i++)
		text[i * LINE + LINE - 1] = '\n';
	for (left = lines; left > 0; left -= at_once) {
		size = (size_t)(left < at_once ? left : at_once) * LINE;
		for (done = 0; done < size; done += (size_t)n)
			if ((n = write(2, text + done, size - done)) == -1)
				exit(1);
	}
}

/*
 * The contenders: each reads its stdin, except for the library, whose server is
 * the writer
 */

static int at_once;	/* lines in one write(2) */
static double *writer_cpu;	/* of the library's writer: shared memory */

static double
cpu(const struct rusage *used)
{
	return (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
	    (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
}

static void
run_library(void)
{
	struct rusage used;

	daemon_enable_logger();
	daemon_set_foreground(1);
	daemon_set_logger_name_format("log");
	daemon_start();
	daemon_master();
	daemon_logger();
	daemon_success();
	write_lines(at_once);
	getrusage(RUSAGE_SELF, &used);
	*writer_cpu = cpu(&used);
	_exit(1);	/* this ends the daemon */
}

static void
run_bare(void)
{
	static char text[BLOCK];
	ssize_t n;
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0640);

	while ((n = read(0, text, sizeof text)) > 0)
		if (write(fd, text, (size_t)n) != n)
			_exit(1);
	_exit(n != 0);
}

/* A logger that may lose lines; puts the time before each. */
static void
run_plain(void)
{
	static char text[BLOCK + LINE], out[2 * BLOCK];
	char prefix[64], *line, *end, *to;
	size_t length, kept = 0;
	time_t second;
	ssize_t n;
	int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0640);

	while ((n = read(0, text + kept, BLOCK)) > 0) {
		second = time(NULL);
		length = strftime(prefix, sizeof prefix,
		    "%Y-%m-%dT%H:%M:%S%z ", localtime(&second));
		kept += (size_t)n;
		to = out;
		for (line = text; (end = memchr(line, '\n', kept)) != NULL;
		    line = end + 1) {
			memcpy(to, prefix, length);
			memcpy(to + length, line, (size_t)(end + 1 - line));
			to += length + (size_t)(end + 1 - line);
			kept -= (size_t)(end + 1 - line);
		}
		memmove(text, line, kept);
		if (write(fd, out, (size_t)(to - out)) != to - out)
			_exit(1);
	}
	_exit(n != 0);
}

static void
run_multilog(void)
{
	/* Its largest files, all of which it keeps. */
	execlp("multilog", "multilog", "t", "s16777215", "n1000", ".",
	    (char *)NULL);
}

static void
run_s6_log(void)
{
	execlp("s6-log", "s6-log", "T", "s268435455", ".", (char *)NULL);
}

static void
run_svlogd(void)
{
	/* Otherwise it would start new files all the time. */
	int config = open("config", O_WRONLY | O_CREAT, 0640);

	if (config == -1 || write(config, "s0\n", 3) != 3)
		_exit(1);
	close(config);
	execlp("svlogd", "svlogd", "-ttt", ".", (char *)NULL);
}

static struct contender {
	const char *name;
	void (*run)(void);
	int has_writer;		/* its writer is not ours */
	int missing;
	double rate[ROUNDS_MAX];	/* MB/s */
	double cost[ROUNDS_MAX];	/* ns of CPU a line */
	double ratio[ROUNDS_MAX];	/* of the rate of the first */
} contenders[] = {
	{ .name = "bare copy loop", .run = run_bare },
	{ .name = "plain loop with a prefix", .run = run_plain },
	{ .name = "libdaemonsrv", .run = run_library, .has_writer = 1 },
	{ .name = "multilog t", .run = run_multilog },
	{ .name = "s6-log T", .run = run_s6_log },
	{ .name = "svlogd -ttt", .run = run_svlogd },
	{ .name = "bare copy loop again", .run = run_bare },
};

enum { CONTENDERS = sizeof contenders / sizeof contenders[0] };

/*
 * A run
 */

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static pid_t
start_writer(const int *ends)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	dup2(ends[1], 2);
	close(ends[0]);
	close(ends[1]);
	write_lines(at_once);
	_exit(0);
}

static pid_t
start(const struct contender *c, const int *ends)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (chdir(directory) == -1 || freopen("errors", "w", stderr) == NULL)
		_exit(1);
	if (!c->has_writer) {
		dup2(ends[0], 0);
		close(ends[0]);
		close(ends[1]);
	}
	c->run();
	_exit(errno == ENOENT ? 127 : 1);
}

/* Whether all lines are in its files: without them its figures mean nothing. */
static int
has_all_lines(void)
{
	char command[8200];
	long count = 0;
	FILE *answer;

	snprintf(command, sizeof command, "cat '%s'/* | tr -cd 'x\\n' | "
	    "grep -c '^x\\{%d\\}$'", directory, LINE - 1);
	if ((answer = popen(command, "r")) == NULL ||
	    fscanf(answer, "%ld", &count) != 1)
		count = -1;
	pclose(answer);
	return count == lines;
}

static void
clean(void)
{
	char command[8200];

	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	if (system(command) != 0)
		fail(directory);
}

static void
measure(struct contender *c, int round)
{
	pid_t pid, writer = 0;
	struct rusage used;
	double took, began;
	int status, ends[2];

	if (c->missing)
		return;
	if (mkdir(directory, 0750) == -1 || pipe(ends) == -1)
		fail(directory);
#ifdef F_SETPIPE_SZ
	/* If it is not allowed, the library's pipe stays small, too. */
	fcntl(ends[1], F_SETPIPE_SZ, PIPE);
#endif
	began = now();
	pid = start(c, ends);
	if (!c->has_writer)
		writer = start_writer(ends);
	close(ends[0]);
	close(ends[1]);
	if (wait4(pid, &status, 0, &used) == -1)
		fail("wait4");
	took = now() - began;
	if (writer != 0)
		waitpid(writer, NULL, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		c->missing = 1;
	else if (!has_all_lines()) {
		fprintf(stderr, "%s: lines are missing\n", c->name);
		clean();
		exit(1);
	}
	clean();
	c->rate[round] = (double)lines * LINE / took / 1e6;
	c->cost[round] = (cpu(&used) - (c->has_writer ? *writer_cpu : 0)) *
	    1e9 / (double)lines;
	c->ratio[round] = c->rate[round] / contenders[0].rate[round];
}

/*
 * The report
 */

static void
report(struct contender *c)
{
	printf("| %s | ", c->name);
	if (c->missing) {
		printf("not installed | | |\n");
		return;
	}
	page_spread(c->rate, rounds, "%.0f [%.0f-%.0f] | ");
	page_spread(c->ratio, rounds, "%.2f [%.2f-%.2f] | ");
	page_spread(c->cost, rounds, "%.0f [%.0f-%.0f] |\n");
}

#define GOAL	0.95	/* of the bare loop's rate: the goal for the library */

static void
report_goal(void)
{
	double ratio;
	int i;

	for (i = 0; contenders[i].run != run_library; i++)
		;
	ratio = page_median(contenders[i].ratio, rounds);
	printf("\nThe goal for libdaemonsrv is %.2f of the bare loop: %.2f, "
	    "%s.\n", GOAL, ratio, ratio < GOAL ? "missed" : "met");
}

static void
compare(const char *writer)
{
	int i, round;

	for (round = 0; round < rounds; round++)
		for (i = 0; i < CONTENDERS; i++) {
			fprintf(stderr, "\r%s: round %d of %d, %-24s", writer,
			    round + 1, rounds, contenders[i].name);
			measure(&contenders[i], round);
		}
	fprintf(stderr, "\r%-70s\r", "");
	printf("\n## %s\n\n| | MB/s | of the bare loop | ns CPU a line |\n"
	    "| --- | ---: | ---: | ---: |\n", writer);
	for (i = 0; i < CONTENDERS; i++)
		report(&contenders[i]);
	report_goal();
}

int
main(int argc, char *argv[])
{
	int option;

	while ((option = getopt(argc, argv, "l:r:")) != -1)
		if (option == 'l')
			lines = atol(optarg);
		else if (option == 'r')
			rounds = atoi(optarg);
		else
			return 1;
	if (rounds < 1 || rounds > ROUNDS_MAX || lines < 1)
		return 1;
	snprintf(directory, sizeof directory, "%s/logs.%ld",
	    optind < argc ? argv[optind] : "/tmp", (long)getpid());
	writer_cpu = mmap(NULL, sizeof *writer_cpu, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (writer_cpu == MAP_FAILED)
		fail("mmap");
	setvbuf(stdout, NULL, _IOLBF, 0);

	printf("# Loggers\n\n%ld lines of %d bytes, median [least-most] of "
	    "%d rounds.\n", lines, LINE, rounds);
	page_machine();
	printf("The bare copy loop writes what it reads. The "
	    "others write a quarter more, and\nwriting is most of the cost "
	    "of a block. To see what it costs to lose nothing\nwhen killed, "
	    "compare libdaemonsrv with the plain loop with a prefix.\n"
	    "All read from a pipe of %d KiB, if the system allows that "
	    "size.\n", PIPE / 1024);
	at_once = BLOCK / LINE;
	compare("Blocks of 64 KiB");
	at_once = 1;
	compare("One write(2) a line");
	return 0;
}
