/*
 * measure.c - a daemon's behaviour in figures
 *
 *     make measure
 *
 * Prints one line a figure. Unlike a test it never fails for being slow.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

#include "harness.h"

static int port;
static int listener;

static void
wait_until(double time)
{
	double left;

	while ((left = time - seconds()) > 0)
		poll(NULL, 0, (int)(left * 1000) + 1);
}

/*
 * The daemon
 */

static int spares;
static int reuses;

static void
echo(void)
{
	char line[1024];

	daemon_set_program_name("echo");
	daemon_set_worker_spare_count(spares);
	daemon_start();
	tell_pid("master");
	daemon_master();
	daemon_success();
	tell_pid("server");
	daemon_server(&listener, 1);
	do
		while (fgets(line, sizeof line, stdin) != NULL)
			printf("%s", line);
	while (reuses && daemon_next_connection() >= 0);
}

static pid_t
start_echo(struct run *run)
{
	listener = listen_anywhere(&port);
	run_daemon(run, echo);
	close(listener);
	return (pid_t)heard(run, "master");
}

static void
stop(pid_t master)
{
	send_signal(master, SIGTERM);
	ended(master);
	nothing_left();
}

/*
 * The figures
 */

START_TEST(connections_one_after_another)
{
	enum { CONNECTIONS = 1000 };
	struct run run;
	pid_t master = start_echo(&run), server, pids[8];
	int i, before, zombies = 0, left;
	double began;

	server = (pid_t)heard(&run, "server");
	ask(port, "warm", "warm");
	before = descriptors_of(server);
	began = seconds();
	for (i = 0; i < CONNECTIONS; i++)
		ask(port, "hello", "hello");
	printf("%d connections one after another: %.2f s, ", CONNECTIONS,
	    seconds() - began);
	began = seconds();
	while ((left = children_of(server, pids, 8)) > 0 &&
	    seconds() < began + DEADLINE)
		zombies = left;
	printf("last worker gone %.0f ms later, zombies %d, descriptors "
	    "%d before and %d after\n", (seconds() - began) * 1000,
	    left == 0 ? 0 : zombies, before, descriptors_of(server));
	stop(master);
}
END_TEST

static void
loop_client(double until, int report)
{
	char answer[16];
	long figures[2] = { 0, 0 };
	int fd;

	while (seconds() < until) {
		fd = client_if(port);
		if (fd != -1 && send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 &&
		    recv(fd, answer, 6, MSG_WAITALL) == 6)
			figures[0]++;
		else
			figures[1]++;
		if (fd != -1)
			close(fd);
	}
	if (write(report, figures, sizeof figures) < 0)
		_exit(1);
	_exit(0);
}

static void
reload_under_load(const char *how)
{
	enum { CLIENTS = 8, RELOADS = 25 };	/* every 200 ms for 5 s */
	struct run run;
	pid_t master = start_echo(&run);
	long figures[2], answered = 0, failed = 0, servers = 0, pid;
	double began = seconds();
	int i, ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	fflush(stdout);
	for (i = 0; i < CLIENTS; i++)
		if (fork() == 0)
			loop_client(began + 5, ends[1]);
	for (i = 1; i <= RELOADS; i++) {
		wait_until(began + 0.2 * i);
		send_signal(master, SIGHUP);
	}
	for (i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(read(ends[0], figures, sizeof figures),
		    sizeof figures);
		answered += figures[0];
		failed += figures[1];
		waitpid(-1, NULL, 0);
	}
	send_signal(master, SIGTERM);
	ended(master);
	while (heard_if(&run, "server", &pid))
		servers++;
	printf("%d clients for 5 s, HUP every 200 ms, %s: %ld answered, "
	    "%ld refused, reset or unanswered, %ld servers\n", CLIENTS, how,
	    answered, failed, servers);
	nothing_left();
}

START_TEST(reloads_under_load)
{
	reload_under_load("no spares");
	spares = 8;
	reload_under_load("8 spares");
	reuses = 1;
	reload_under_load("8 spares, reused");
}
END_TEST

/*
 * Reloads that overlap
 */

static struct overlap {
	int servers;
	int broken;	/* every second server that follows fails */
	long answered;
	long lost;
	long last;	/* us: when a client got its first answer, ... */
	long longest;	/* ... and the longest time without one */
} *overlap;

static void
echo_overlapping(void)
{
	char line[1024];

	daemon_set_program_name("echo");
	daemon_set_foreground(1);
	daemon_set_worker_spare_count(spares);
	daemon_start();
	tell_pid("master");
	daemon_master();
	if (__atomic_add_fetch(&overlap->servers, 1, __ATOMIC_SEQ_CST) % 2 ==
	    0 && overlap->broken)
		exit(3);
	daemon_success();
	tell_pid("server");
	daemon_server(&listener, 1);
	do
		while (fgets(line, sizeof line, stdin) != NULL)
			printf("%s", line);
	while (reuses && daemon_next_connection() >= 0);
}

static void
count_answer(void)
{
	long us = (long)(seconds() * 1e6), longest = overlap->longest;

	__atomic_add_fetch(&overlap->answered, 1, __ATOMIC_SEQ_CST);
	us -= __atomic_exchange_n(&overlap->last, us, __ATOMIC_SEQ_CST);
	while (us > longest && !__atomic_compare_exchange_n(&overlap->longest,
	    &longest, us, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

/* Each connection lasts at most this many ms. */
static void
keep_connecting(double until, int most, unsigned seed)
{
	char answer[16];
	int fd;

	while (seconds() < until) {
		if ((fd = client_if(port)) != -1 &&
		    send(fd, "hello\n", 6, MSG_NOSIGNAL) == 6 &&
		    recv(fd, answer, 6, MSG_WAITALL) == 6) {
			count_answer();
			if (most > 0)
				poll(NULL, 0, (int)(rand_r(&seed) %
				    (unsigned)most));
		}
		if (fd == -1 || send(fd, "bye\n", 4, MSG_NOSIGNAL) != 4 ||
		    recv(fd, answer, 4, MSG_WAITALL) != 4)
			__atomic_add_fetch(&overlap->lost, 1, __ATOMIC_SEQ_CST);
		if (fd != -1)
			close(fd);
	}
	_exit(0);
}

static int
count_lines(const char *text, const char *part)
{
	int count = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		count++;
	}
	return count;
}

static void
overlap_under_load(const char *how, int hups, int on, int broken)
{
	enum { CLIENTS = 16, RELOADS = 200 };	/* every 100 ms for 20 s */
	struct run run;
	double began;
	pid_t master, pids[CLIENTS + 1];
	int i, stays;

	overlap = shared_memory(sizeof *overlap);
	listener = listen_anywhere(&port);
	daemon_set_reload_overlap(on);
	overlap->broken = broken;
	run_start(&run, echo_overlapping);
	close(listener);
	master = (pid_t)heard(&run, "master");
	heard(&run, "server");
	stays = client(port);
	echoes(stays, "first");
	began = seconds();
	overlap->last = (long)(began * 1e6);
	fflush(stdout);
	for (i = 0; i <= CLIENTS; i++)
		if ((pids[i] = fork()) == 0) {
			close(stays);
			/* The last client ends each connection at once. */
			keep_connecting(began + 20, i < CLIENTS ? 1000 : 0,
			    (unsigned)i);
		}
	for (i = 1; i <= RELOADS; i++) {
		wait_until(began + 0.1 * i);
		if (hups)
			send_signal(master, SIGHUP);
	}
	if (on || !hups)
		echoes(stays, "last");
	close(stays);
	for (i = 0; i <= CLIENTS; i++)
		ended(pids[i]);
	send_signal(master, SIGTERM);
	run_wait(&run);
	printf("%d clients for up to 1 s each and one that stays, for 20 s, "
	    "%s: %d servers, %ld connections, %ld lost, nobody accepted for "
	    "at most %.1f ms; %d lines of failed reloads\n", CLIENTS,
	    how, overlap->servers, overlap->answered, overlap->lost,
	    (double)overlap->longest / 1000,
	    count_lines(run.err, "the present one goes on"));
	nothing_left();
}

START_TEST(reloads_that_overlap)
{
	overlap_under_load("no HUP", 0, 0, 0);
	overlap_under_load("HUP every 100 ms, no overlap", 1, 0, 0);
	overlap_under_load("overlap", 1, 1, 0);
	overlap_under_load("overlap, every second one broken", 1, 1, 1);
	spares = 8;
	overlap_under_load("8 spares, no HUP", 0, 0, 0);
	overlap_under_load("overlap, 8 spares", 1, 1, 0);
	reuses = 1;
	overlap_under_load("overlap, 8 spares, reused", 1, 1, 0);
	overlap_under_load("overlap, 8 spares, reused, every second one "
	    "broken", 1, 1, 1);
}
END_TEST

static void
exit_in_master(void)
{
	daemon_start();
	exit(3);
}

static void
exit_in_server(void)
{
	daemon_start();
	daemon_master();
	exit(4);
}

static void
abort_in_master(void)
{
	daemon_start();
	abort();
}

static void
abort_in_server(void)
{
	daemon_start();
	daemon_master();
	abort();
}

static void
no_success(void)
{
	daemon_set_start_timeout(1);
	daemon_start();
	daemon_master();
	tell_pid("server");
	for (;;)
		pause();
}

START_TEST(failed_starts)
{
	static const struct {
		const char *name;
		void (*program)(void);
		double cause;	/* seconds from the start until the cause */
		int signo;
	} starts[] = {
		{ "exit(3) in the master", exit_in_master, 0, 0 },
		{ "exit(4) in the server", exit_in_server, 0, 0 },
		{ "abort() in the master", abort_in_master, 0, 0 },
		{ "abort() in the server", abort_in_server, 0, 0 },
		{ "start_timeout of 1 s", no_success, 1, 0 },
		{ "SIGINT to the starter", no_success, 0, SIGINT }
	};
	struct run run;
	double began;
	pid_t pids[8];
	int status;
	size_t i;

	for (i = 0; i < sizeof starts / sizeof starts[0]; i++) {
		began = seconds();
		run_start(&run, starts[i].program);
		if (starts[i].signo != 0) {
			heard(&run, "server");
			began = seconds();
			send_signal(run.pid, starts[i].signo);
		}
		status = run_wait(&run);
		printf("failed start, %s: %s %d, %.0f ms after the cause, "
		    "%d processes left; %s", starts[i].name,
		    WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status),
		    (seconds() - began - starts[i].cause) * 1000,
		    children_of(getpid(), pids, 8), run.err);
		nothing_left();
	}
}
END_TEST

START_TEST(graceful_stop)
{
	struct run run;
	pid_t master = start_echo(&run);
	double began, last_accepted = 0;
	int fd, served = client(port), refused = 0, accepted = 0;
	const char *answer;

	client_says(served, "before\n");
	client_hears(served);
	began = seconds();
	send_signal(master, SIGUSR2);
	while (seconds() < began + 3) {
		if ((fd = client_if(port)) != -1) {
			last_accepted = seconds() - began;
			accepted++;
			close(fd);
		} else
			refused++;
		poll(NULL, 0, 5);
	}
	client_says(served, "after\n");
	answer = client_hears(served);
	printf("USR2 with a client for 3 s: new ones: %d accepted, the last "
	    "after %.1f ms, then %d refused; the served one %s\n", accepted,
	    last_accepted * 1000, refused, answer != NULL &&
	    strcmp(answer, "after") == 0 ? "has its answer" : "is lost");
	close(served);
	ended(master);
	nothing_left();
}
END_TEST

static void
print_lines(void)
{
	int i;

	daemon_start();
	for (i = 0; i < 50000; i++) {
		printf("out %d\n", i);
		fprintf(stderr, "err %d\n", i);
	}
	daemon_master();
	daemon_success();
	tell_pid("server");
	daemon_server(&listener, 1);
	exit(0);
}

static long
count_in_order(const char *text, const char *format)
{
	char wanted[32];
	long i = 0;
	size_t len;

	for (;; i++) {
		len = (size_t)snprintf(wanted, sizeof wanted, format, i);
		if (strncmp(text, wanted, len) != 0)
			return *text == '\0' ? i : -1;
		text += len;
	}
}

START_TEST(start_messages)
{
	struct run run;
	double began = seconds();
	pid_t pids[2];

	listener = listen_anywhere(&port);
	run_daemon(&run, print_lines);
	printf("100,000 lines of start messages: %ld on stdout and %ld on "
	    "stderr, once and in order, %.2f s\n",
	    count_in_order(run.out, "out %ld\n"),
	    count_in_order(run.err, "err %ld\n"), seconds() - began);
	close(listener);
	ck_assert_int_eq(children_of(getpid(), pids, 2), 1);
	stop(pids[0]);
}
END_TEST

/*
 * The log: 50 workers write 2,000 lines each, and something happens to the
 * logger or to its file meanwhile
 */

enum { WRITERS = 50, EACH = 2000, LINES = WRITERS * EACH, DAEMONS = 2 };

#define HALF	"> half a line of somebody else"

static char log_directory[1024];
static const char *log_name = "log";	/* in that directory */
static int at_once = 2;	/* lines between two pauses of 1 ms */
static size_t size_max;
static int drops;
static int refuses_splice;
static int first_number;	/* of this daemon's lines */
static unsigned char seen[DAEMONS * LINES];

/* gVisor does that, or a seccomp filter. */
static void
forbid_splice(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_splice, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1)
		exit(1);
}

static void
set_log(void)
{
	char format[1100];

	if (refuses_splice)
		forbid_splice();
	snprintf(format, sizeof format, "%s/%s", log_directory, log_name);
	daemon_enable_logger();
	daemon_set_logger_name_format(format);
	daemon_set_logger_prefix_format("> ");
	daemon_set_logger_fast_time(0);
	daemon_set_logger_size_max(size_max);
	daemon_set_logger_drop(drops);
}

static void
log_lines(void)
{
	char line[64];
	int i, number;

	set_log();
	daemon_start();
	tell_pid("master");
	if (daemon_master() == DAEMON_LOGGER)
		tell_pid("logger");
	daemon_logger();
	daemon_success();
	daemon_server(&listener, 1);
	if (fgets(line, sizeof line, stdin) == NULL)
		exit(1);
	number = first_number + atoi(line) * EACH;
	for (i = 0; i < EACH; i++) {
		fprintf(stderr, "%d: a line of worker %d\n", number + i,
		    number / EACH);
		if (i % at_once == 0)
			poll(NULL, 0, 1);
	}
	puts("done");
	exit(0);
}

/* A daemon that logs, and its clients. */
struct log {
	struct run run;
	pid_t master;
	int clients[WRITERS];
};

/* Whether its logger could get the file. */
static int
try_log(struct log *log)
{
	int status;

	if (log_directory[0] == '\0')
		strcpy(log_directory, scratch());
	listener = listen_anywhere(&port);
	run_start(&log->run, log_lines);
	status = run_wait(&log->run);
	close(listener);
	return status == 0;
}

static void
begin_log(struct log *log)
{
	char number[16];
	int i;

	log->master = (pid_t)heard(&log->run, "master");
	for (i = 0; i < WRITERS; i++) {
		snprintf(number, sizeof number, "%d\n", i);
		log->clients[i] = client(port);
		client_says(log->clients[i], number);
	}
}

static void
start_log(struct log *log)
{
	ck_assert(try_log(log));
	begin_log(log);
}

/* All lines have been written, though some may not be in the file yet. */
static void
end_log(struct log *log)
{
	int i;

	for (i = 0; i < WRITERS; i++) {
		client_hears(log->clients[i]);
		close(log->clients[i]);
	}
}

static void
stop_log(struct log *log)
{
	send_signal(log->master, SIGTERM);
	ended(log->master);
}

/*
 * What has become of the lines
 */

static struct tally {
	int doubled;
	int damaged;
	long dropped;	/* by what the log says */
} tally;

static void
read_line(const char *line)
{
	static const char losses[] = ": unable to keep all lines: ";
	const char *loss = strstr(line, losses);
	int number, worker, end;

	if (loss != NULL)
		tally.dropped += atol(loss + sizeof losses - 1);
	/* A line of the library's, or another process's half line. */
	if (strstr(line, ": unable to ") != NULL ||
	    strcmp(line, HALF "\n") == 0 || strcmp(line, HALF) == 0)
		return;
	if (sscanf(line, "> %d: a line of worker %d%n", &number, &worker,
	    &end) != 2 || line[end] != '\n' || number < 0 ||
	    number >= DAEMONS * LINES || worker != number / EACH)
		tally.damaged++;
	else
		tally.doubled += seen[number]++ > 0;
}

static void
read_log(const char *path)
{
	char line[256];
	FILE *log = fopen(path, "r");

	while (log != NULL && fgets(line, sizeof line, log) != NULL)
		read_line(line);
	if (log != NULL)
		fclose(log);
}

static void
read_logs(const char *directory)
{
	struct dirent *entry;
	char path[1400];
	struct stat file;
	DIR *dir = opendir(directory);

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof path, "%s/%s", directory,
		    entry->d_name);
		if (strncmp(entry->d_name, "log", 3) == 0 &&
		    lstat(path, &file) == 0 && S_ISREG(file.st_mode))
			read_log(path);
	}
	if (dir != NULL)
		closedir(dir);
}

static void
report_log(const char *what, double began, int lines)
{
	int i, missing = 0;

	read_logs(log_directory);
	for (i = 0; i < lines; i++)
		missing += !seen[i];
	printf("log, %s: %d lines in %.2f s, %d missing, %d twice, "
	    "%d damaged", what, lines, seconds() - began, missing,
	    tally.doubled, tally.damaged);
	if (drops)
		printf(", %ld dropped as the log tells", tally.dropped);
	putchar('\n');
	nothing_left();
}

/*
 * Disturbances
 */

enum { KILLS = 100, EVENTS = 20 };

/* Kills at most this many loggers in turn until that time; returns how many. */
static int
kill_loggers(struct run *run, int most, double until)
{
	int kills;

	for (kills = 0; kills < most && seconds() < until; kills++) {
		kill((pid_t)heard(run, "logger"), SIGKILL);
		poll(NULL, 0, kills % 16);
	}
	wait_until(until);
	return kills;
}

/* Calls event() every 100 ms, between kills. */
static void
log_while(struct log *log, void (*event)(int), const char *what)
{
	double began = seconds();
	int i, kills = 0;

	start_log(log);
	for (i = 0; i < EVENTS; i++) {
		kills += kill_loggers(&log->run, KILLS / EVENTS,
		    began + 0.1 * (i + 1));
		event(i);
	}
	printf("%d kills; ", kills);
	end_log(log);
	stop_log(log);
	report_log(what, began, LINES);
}

static void
log_killed_often(int kills, const char *what)
{
	double began = seconds();
	struct log log;
	int i;

	start_log(&log);
	for (i = 0; i < kills; i++) {
		poll(NULL, 0, i % 16);
		kill((pid_t)heard(&log.run, "logger"), SIGKILL);
	}
	printf("%d kills in %.2f s; ", kills, seconds() - began);
	end_log(&log);
	stop_log(&log);
	report_log(what, began, LINES);
}

START_TEST(log_of_a_logger_that_is_killed)
{
	log_killed_often(KILLS, "killed 100 times");
}
END_TEST

START_TEST(log_without_splice)
{
	at_once = 1;
	refuses_splice = 1;
	log_killed_often(10 * KILLS, "without splice(2)");
}
END_TEST

START_TEST(log_in_drop_mode)
{
	drops = 1;
	log_killed_often(KILLS, "in drop mode");
}
END_TEST

static void
path_of(char *path, const char *name)
{
	snprintf(path, 1100, "%s/%s", log_directory, name);
}

static void
rename_log(int number)
{
	char from[1100], to[1120];

	path_of(from, "log");
	snprintf(to, sizeof to, "%s-%d", from, number);
	rename(from, to);
}

START_TEST(log_whose_file_is_renamed)
{
	struct log log;

	at_once = 1;
	log_while(&log, rename_log, "renamed every 100 ms");
}
END_TEST

/* A file with half a line replaces it at once. */
static void
replace_log(int number)
{
	char log[1100], next[1100], old[1120];
	FILE *file;

	path_of(log, "log");
	path_of(next, "next");
	snprintf(old, sizeof old, "%s-%d", log, number);
	if ((file = fopen(next, "w")) == NULL)
		return;
	fputs(HALF, file);
	fclose(file);
	if (renameat2(AT_FDCWD, log, AT_FDCWD, next, RENAME_EXCHANGE) == 0)
		rename(next, old);
}

START_TEST(log_whose_files_begin_with_half_a_line)
{
	struct log log;

	at_once = 1;
	log_while(&log, replace_log, "half lines of others every 100 ms");
}
END_TEST

/*
 * Beside others
 */

/* Two daemons log; their loggers are killed, and the log is disturbed, in
 * turn. */
static void
two_logs_while(struct log *one, struct log *other, void (*event)(int),
    const char *what)
{
	double began = seconds();
	int i, kills = 0;

	for (i = 0; i < EVENTS; i++) {
		kills += kill_loggers(&one->run, KILLS / EVENTS,
		    seconds() + 0.05);
		kills += kill_loggers(&other->run, KILLS / EVENTS,
		    seconds() + 0.05);
		event(i);
	}
	printf("%d kills; ", kills);
	end_log(one);
	end_log(other);
	stop_log(one);
	stop_log(other);
	report_log(what, began, DAEMONS * LINES);
}

static void
nothing(int number)
{
	(void)number;
}

START_TEST(log_that_is_rotated_beside_another_s)
{
	struct log one, other;

	at_once = 1;
	size_max = 200000;
	start_log(&one);
	size_max = 0;
	log_name = "log.3";	/* a name that the rotation uses */
	first_number = LINES;
	start_log(&other);
	two_logs_while(&one, &other, nothing,
	    "rotated beside another daemon's log.3");
}
END_TEST

START_TEST(log_of_two_daemons)
{
	struct log one, other;
	int tries = 0;

	at_once = 1;
	start_log(&one);
	first_number = LINES;
	do		/* so that the other can get the name, if it is fast */
		rename_log(EVENTS + tries++);
	while (!try_log(&other));
	begin_log(&other);
	two_logs_while(&one, &other, rename_log,
	    "two daemons, renamed every 100 ms");
}
END_TEST

START_TEST(log_of_two_daemons_in_one_file)
{
	struct log one, other;

	at_once = 1;
	size_max = 200000;
	start_log(&one);
	first_number = LINES;
	start_log(&other);
	two_logs_while(&one, &other, nothing,
	    "two daemons, one file, rotated by both");
}
END_TEST

/*
 * An upgrade: a new release starts with the port and the log of the old one,
 * which still has a client
 */

enum { UPGRADES = 50, NEW_CLIENTS = 20 };

static void
serve_upgrade(void)
{
	char service[16], line[64];
	int fds[2];

	daemon_clean_fd(3);	/* 3 is where it tells the test */
	set_log();
	snprintf(service, sizeof service, "%d", port);
	daemon_start();
	tell_pid("master");
	if (daemon_listen("127.0.0.1", service, fds, 2) != 1)
		exit(1);
	daemon_master();
	daemon_logger();
	daemon_success();
	daemon_server(fds, 1);
	while (fgets(line, sizeof line, stdin) != NULL) {
		fprintf(stderr, "%d: a line of worker %d\n", atoi(line),
		    atoi(line) / EACH);
		fputs(line, stdout);
	}
	exit(0);
}

/* Asks a question, which is logged, too. Returns whether it was answered. */
static int
is_answered(int fd, int *number)
{
	char question[16], answer[16];
	ssize_t length = sprintf(question, "%d\n", (*number)++);

	return fd != -1 &&
	    send(fd, question, (size_t)length, MSG_NOSIGNAL) == length &&
	    recv(fd, answer, (size_t)length, MSG_WAITALL) == length &&
	    memcmp(question, answer, (size_t)length) == 0;
}

/* Until the port is free for the next daemon. */
static void
wait_until_refused(void)
{
	int fd;

	while ((fd = client_if(port)) != -1) {
		close(fd);
		poll(NULL, 0, 1);
	}
}

/* How many clients of the new release get no answer. */
static int
lost_clients(int *number)
{
	int i, fd, lost = 0;

	for (i = 0; i < NEW_CLIENTS; i++) {
		fd = client_if(port);
		lost += !is_answered(fd, number);
		if (fd != -1)
			close(fd);
	}
	return lost;
}

START_TEST(upgrades)
{
	int failed = 0, lost = 0, lost_old = 0, number = 0, status, old = -1;
	pid_t master = 0;
	double began = seconds();
	struct run run;
	int release;

	strcpy(log_directory, scratch());
	close(listen_anywhere(&port));
	for (release = 0; release <= UPGRADES; release++) {
		if (master != 0) {
			send_signal(master, SIGUSR2);
			wait_until_refused();
		}
		run_start(&run, serve_upgrade);
		status = run_wait(&run);
		failed += status != 0;
		lost += lost_clients(&number);
		if (master != 0) {
			lost_old += !is_answered(old, &number);
			close(old);
			ended(master);
		}
		master = (pid_t)heard(&run, "master");
		close(run.facts);
		old = client_if(port);
		lost_old += !is_answered(old, &number);
	}
	close(old);
	stop_log(&(struct log){ .master = master });
	printf("%d upgrades beside a client of the old release: %d failed "
	    "starts, %d of %d new clients lost, %d of %d old ones\n", UPGRADES,
	    failed, lost, (UPGRADES + 1) * NEW_CLIENTS, lost_old,
	    UPGRADES + 1);
	report_log("of these releases", began, number);
}
END_TEST

/* The directory's owner, another user, keeps replacing it by a link and
 * back. */
static void
exchange_directory(const char *directory, uid_t user)
{
	if (setgid(user) == -1 || setuid(user) == -1 ||
	    chdir(directory) == -1 || symlink("../victim", "link") == -1)
		_exit(1);
	for (;;) {
		renameat2(AT_FDCWD, "20", AT_FDCWD, "link", RENAME_EXCHANGE);
		poll(NULL, 0, 1);
	}
}

static void
make_directory(const char *name, mode_t mode, uid_t owner)
{
	char path[1100];

	path_of(path, name);
	if (mkdir(path, mode) == -1)
		ck_assert_int_eq(chmod(path, mode), 0);
	ck_assert_int_eq(chown(path, owner, owner), 0);
}

static int
names_in(const char *directory)
{
	DIR *dir = opendir(directory);
	int count = 0;

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count - 2;
}

/* Finds the directory where the log is at the end. */
static void
find_directory(const char *name)
{
	struct stat file;
	char path[1100];

	path_of(path, name);
	if (lstat(path, &file) == 0 && S_ISDIR(file.st_mode))
		strcpy(log_directory, path);
}

START_TEST(log_in_a_directory_that_is_exchanged)
{
	enum { NOBODY = 65534 };
	char theirs[1100], victim[1100];
	struct log log;
	pid_t swapper;
	double began;

	if (skip_if(geteuid() != 0, "only root can log below others"))
		return;
	strcpy(log_directory, scratch());
	path_of(theirs, "theirs");
	path_of(victim, "victim");
	make_directory("..", 0711, 0);
	make_directory(".", 0711, 0);
	make_directory("victim", 0755, 0);
	make_directory("theirs", 0755, NOBODY);
	at_once = 1;
	size_max = 200000;
	log_name = "theirs/%C/log";	/* of this century */
	began = seconds();
	start_log(&log);
	fflush(stdout);
	if ((swapper = fork()) == 0)
		exchange_directory(theirs, NOBODY);
	printf("%d kills; ", kill_loggers(&log.run, KILLS, began + 2));
	end_log(&log);
	stop_log(&log);
	kill(swapper, SIGKILL);
	ended(swapper);
	printf("%d files elsewhere; ", names_in(victim));
	find_directory("theirs/20");
	find_directory("theirs/link");
	report_log("in a directory that another user exchanges", began,
	    LINES);
}
END_TEST

static int
run_command_line(const char *format, const char *path)
{
	char command[1200];

	snprintf(command, sizeof command, format, path);
	return system(command);
}

START_TEST(log_on_a_full_disk)
{
	enum { STEPS = 10 };
	char filler[1100];
	struct log log;
	int i, kills = 0;
	double began;

	strcpy(log_directory, scratch());
	if (skip_if(run_command_line(
	    "mount -t tmpfs -o size=16m tmpfs '%s' 2>/dev/null",
	    log_directory) != 0, "to mount a small file system takes root"))
		return;
	at_once = 10;
	start_log(&log);
	began = seconds();
	path_of(filler, "filler");
	run_command_line("head -c 16m /dev/zero >'%s' 2>/dev/null", filler);
	for (i = 1; i <= STEPS; i++)
		kills += kill_loggers(&log.run, KILLS / STEPS,
		    began + 3.0 * i / STEPS);
	unlink(filler);
	printf("%d kills; ", kills);
	end_log(&log);
	stop_log(&log);
	report_log("disk full for 3 s", began, LINES);
	fflush(stdout);
	run_command_line("grep 'unable to write' '%s/log'", log_directory);
	run_command_line("umount '%s'", log_directory);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		connections_one_after_another, reloads_under_load,
		reloads_that_overlap,
		failed_starts, graceful_stop, start_messages,
		log_of_a_logger_that_is_killed, log_without_splice,
		log_in_drop_mode, log_whose_file_is_renamed,
		log_whose_files_begin_with_half_a_line,
		log_that_is_rotated_beside_another_s, log_of_two_daemons,
		log_of_two_daemons_in_one_file, upgrades,
		log_in_a_directory_that_is_exchanged, log_on_a_full_disk
	};

	return RUN_TESTS("measure", tests);
}
