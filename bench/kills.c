/*
 * kills.c - how many lines are lost when a logger is killed again and again
 *
 *     kills [-k kills] [-i us] directory
 *
 * The same rig for each logger: a supervisor keeps both ends of the pipe, so
 * no writer notices, kills the logger after a random time of at most -i, and
 * starts the next at once. The library's master is its own supervisor, so this
 * program only kills. A writer numbers its lines and does not stop in between;
 * in the end the last logger reads what is left. A line is lost if it is not
 * complete in the files.
 *
 * Prints a line for each: its name, and how many lines were written, lost, and
 * are there more than once. The directory must not exist.
 *
 * SPDX-License-Identifier: ISC
 */
#include <daemon.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"

enum {
	LINE = 100,
	AT_ONCE = 20,		/* lines in a write(2) */
	PAUSE = 100,		/* us between two: 200,000 lines a second */
	LINES_MAX = 1 << 25
};

static struct {
	long written;		/* lines */
	pid_t writer;
	int over;		/* tells the writer to end */
} *shared;

static int kills = 500, interval = 10000;
static const char *directory;
static unsigned char *seen;	/* how often each line was found */

static void
pause_us(int us)
{
	struct timespec ts = { 0, us * 1000L };

	nanosleep(&ts, NULL);
}

/*
 * The writer
 */

static void
write_lines(int fd)
{
	char text[AT_ONCE * LINE + 1];
	int i;

	memset(text, 'x', sizeof text);
	while (!__atomic_load_n(&shared->over, __ATOMIC_ACQUIRE) &&
	    shared->written < LINES_MAX - AT_ONCE) {
		for (i = 0; i < AT_ONCE; i++) {
			sprintf(text + i * LINE, "#%010ld",
			    shared->written + i);
			text[i * LINE + 11] = 'x';
			text[i * LINE + LINE - 1] = '\n';
		}
		if (write(fd, text, AT_ONCE * LINE) != AT_ONCE * LINE)
			_exit(1);
		shared->written += AT_ONCE;
		pause_us(PAUSE);
	}
}

/*
 * The contenders
 */

static void
run_multilog(void)
{
	execlp("multilog", "multilog", "t", "s16777215", "n1000", ".",
	    (char *)NULL);
}

static void
run_s6_log(void)
{
	execlp("s6-log", "s6-log", "T", "n1000", "s268435455", ".",
	    (char *)NULL);
}

static void
run_svlogd(void)
{
	int config = open("config", O_WRONLY | O_CREAT | O_TRUNC, 0640);

	if (config == -1 || write(config, "s0\n", 3) != 3)
		_exit(1);
	close(config);
	execlp("svlogd", "svlogd", "-ttt", ".", (char *)NULL);
}

/* The library's server is the writer. */
static void
run_library(void)
{
	daemon_enable_logger();
	daemon_set_foreground(1);
	daemon_set_logger_fast_time(0);
	daemon_set_logger_name_format("log");
	daemon_start();
	daemon_master();
	daemon_logger();
	daemon_success();
	shared->writer = getpid();
	write_lines(2);
	_exit(1);
}

static const struct contender {
	const char *name;
	void (*run)(void);
} contenders[] = {
	{ "libdaemonsrv", run_library },
	{ "multilog", run_multilog },
	{ "s6-log", run_s6_log },
	{ "svlogd", run_svlogd },
};

/* Starts a contender that reads from this pipe; NULL: it makes its own. */
static pid_t
start(const struct contender *c, const int *ends)
{
	pid_t pid = fork();

	if (pid == -1)
		err(1, "fork");
	if (pid != 0)
		return pid;
	if (chdir(directory) == -1 || freopen("errors", "a", stderr) == NULL)
		_exit(1);
	if (ends != NULL) {
		dup2(ends[0], 0);
		close(ends[0]);
		close(ends[1]);
	}
	c->run();
	_exit(1);
}

static void
let_live(void)
{
	pause_us((int)(random() % interval));
}

/*
 * The two ways to kill
 */

static pid_t
start_writer(const int *ends)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	close(ends[0]);
	write_lines(ends[1]);
	_exit(0);
}

static void
kill_under_us(const struct contender *c)
{
	pid_t pid, writer;
	int i, ends[2];

	if (pipe(ends) == -1)
		err(1, "pipe");
	writer = start_writer(ends);
	pid = start(c, ends);
	for (i = 0; i < kills; i++) {
		let_live();
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		pid = start(c, ends);
	}
	__atomic_store_n(&shared->over, 1, __ATOMIC_RELEASE);
	waitpid(writer, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	waitpid(pid, NULL, 0);
}

/* The master's child that is neither the writer nor this one; 0: there is none
 * yet. */
static pid_t
logger_of(pid_t master, pid_t last)
{
	pid_t pids[16];
	int count = proc_children(master, pids, 16);

	while (count-- > 0)
		if (pids[count] != shared->writer && pids[count] != last)
			return pids[count];
	return 0;
}

static void
kill_under_master(const struct contender *c)
{
	pid_t master = start(c, NULL), logger = 0, next;
	int i;

	while (shared->writer == 0)
		pause_us(1000);
	for (i = 0; i < kills; i++) {
		while ((next = logger_of(master, logger)) == 0)
			pause_us(50);
		logger = next;
		let_live();
		kill(logger, SIGKILL);
	}
	__atomic_store_n(&shared->over, 1, __ATOMIC_RELEASE);
	waitpid(master, NULL, 0);
}

/*
 * What is in the files
 */

/* Counts a line, without the time before it. */
static void
note(const char *text, size_t length)
{
	const char *line = memchr(text, '#', length);
	size_t left = line == NULL ? 0 : length - (size_t)(line - text);
	long number;

	if (left != LINE - 1 || memchr(line + 11, 'x', 1) == NULL ||
	    line[LINE - 2] != 'x')
		return;
	number = atol(line + 1);
	if (number >= 0 && number < LINES_MAX && seen[number] < 255)
		seen[number]++;
}

static void
read_file(const char *name)
{
	char path[4200], *text = NULL;
	size_t room = 0;
	ssize_t length;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	if ((file = fopen(path, "r")) == NULL)
		return;
	while ((length = getline(&text, &room, file)) > 0)
		if (text[length - 1] == '\n')
			note(text, (size_t)length - 1);
	free(text);
	fclose(file);
}

static void
read_files(void)
{
	struct dirent *entry;
	DIR *dir = opendir(directory);

	if (dir == NULL)
		err(1, "%s", directory);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			read_file(entry->d_name);
	closedir(dir);
}

static void
report(const struct contender *c)
{
	long i, lost = 0, twice = 0;

	memset(seen, 0, LINES_MAX);
	read_files();
	for (i = 0; i < shared->written; i++) {
		lost += seen[i] == 0;
		twice += seen[i] > 1;
	}
	printf("%s %ld %ld %ld\n", c->name, shared->written, lost, twice);
	fflush(stdout);
}

static int
is_installed(const struct contender *c)
{
	char command[64];

	snprintf(command, sizeof command, "command -v %s >/dev/null", c->name);
	return system(command) == 0;
}

static void
measure(const struct contender *c)
{
	char command[4200];

	if (c->run != run_library && !is_installed(c))
		return;
	if (mkdir(directory, 0750) == -1)
		err(1, "%s", directory);
	memset(shared, 0, sizeof *shared);
	if (c->run == run_library)
		kill_under_master(c);
	else
		kill_under_us(c);
	report(c);
	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	if (system(command) != 0)
		err(1, "%s", directory);
}

int
main(int argc, char *argv[])
{
	int i, option;

	while ((option = getopt(argc, argv, "i:k:")) != -1)
		if (option == 'i')
			interval = atoi(optarg);
		else if (option == 'k')
			kills = atoi(optarg);
		else
			return 1;
	if (optind != argc - 1 || kills < 1 || interval < 1)
		errx(1, "usage: kills [-i us] [-k kills] directory");
	directory = argv[optind];
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	seen = malloc(LINES_MAX);
	if (shared == MAP_FAILED || seen == NULL)
		err(1, NULL);
	for (i = 0; i < (int)(sizeof contenders / sizeof *contenders); i++)
		measure(&contenders[i]);
	return 0;
}
