/*
 * check_worker.c - what a worker finds when daemon_server() returns in it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <time.h>

#include "puppet.h"
#include "sockets.h"

enum {
	LONG_WRITE = 16 * 1024 * 1024,	/* more than a socket holds */
	LONG_PART = 4 * 1024 * 1024,
	LONG_ANSWER = LONG_PART + sizeof "unflushed" - 1,
	UNREAD = 100000
};

/*
 * The program
 */

static void
be_worker(void)
{
	serve();
	tell_pid("worker");
}

/*
 * stdin
 */

static void
stdin_teller(void)
{
	be_worker();
	tell("end", feof(stdin) != 0);
	tell("error", ferror(stdin) != 0);
	converse(0);
}

/* The worker's stdin is new, even if the program has used its own. */
static void
has_a_new_stdin(void)
{
	int fd;

	start(1, stdin_teller);
	fd = client(here.port);
	ck_assert_int_eq(heard(&here.run, "end"), 0);
	ck_assert_int_eq(heard(&here.run, "error"), 0);
	echoes(fd, "hello");
	close(fd);
	stop();
}

static void
read_to_the_end(void)
{
	while (getchar() != EOF)
		;
}

START_TEST(worker_has_no_end_of_file_that_the_program_has_seen)
{
	for (here.foreground = 0; here.foreground <= 1; here.foreground++) {
		here.before_start = here.before_success = read_to_the_end;
		here.before_server = NULL;
		has_a_new_stdin();
		here.before_start = here.before_success = NULL;
		here.before_server = read_to_the_end;
		has_a_new_stdin();
	}
}
END_TEST

static void
cause_an_error(void)
{
	fputc('x', stdin);
}

START_TEST(worker_has_no_error_that_the_program_has_had)
{
	here.before_start = here.before_success = here.before_server =
	    cause_an_error;
	has_a_new_stdin();
	here.foreground = 1;
	has_a_new_stdin();
}
END_TEST

static void
read_a_part(void)
{
	int ends[2];

	if (pipe(ends) == -1 || write(ends[1], "old\nolder\n", 10) != 10 ||
	    dup2(ends[0], 0) == -1 || getchar() != 'o')
		_exit(96);
	close(ends[0]);
	close(ends[1]);
}

START_TEST(worker_reads_nothing_that_the_program_has_buffered)
{
	here.before_start = read_a_part;
	has_a_new_stdin();
	here.foreground = 1;
	has_a_new_stdin();
	here.before_start = NULL;
	here.before_server = read_a_part;
	has_a_new_stdin();
}
END_TEST

/*
 * stdout
 */

/* The first letter of a line chooses the function that answers it. */
static void
answerer(void)
{
	char line[256], *p;

	be_worker();
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		switch (line[0]) {
		case 's':
			fputs(line, stdout);
			fputs("\n", stdout);
			break;
		case 'p':
			puts(line);
			break;
		case 'f':
			printf("%s\n", line);
			break;
		case 'w':
			fwrite(line, 1, strlen(line), stdout);
			fwrite("\n", 1, 1, stdout);
			break;
		default:
			for (p = line; *p != '\0'; p++)
				putchar(*p);
			putchar('\n');
		}
	}
}

static void
answers_line_by_line(void)
{
	int fd;

	start(1, answerer);
	fd = client(here.port);
	echoes(fd, "s by fputs");
	echoes(fd, "p by puts");
	echoes(fd, "f by printf");
	echoes(fd, "w by fwrite");
	echoes(fd, "c by putchar");
	echoes(fd, "p by puts again");
	close(fd);
	stop();
}

START_TEST(worker_answers_line_by_line)
{
	answers_line_by_line();
	here.foreground = 1;
	answers_line_by_line();
}
END_TEST

static void
print_a_line(void)
{
	printf("a line\n");
	puts("another");
}

static void
print_a_part(void)
{
	printf("a part ");
}

START_TEST(worker_answers_line_by_line_after_the_server_has_printed)
{
	here.before_success = here.before_server = print_a_line;
	answers_line_by_line();
	ck_assert_str_eq(here.run.out, "a line\nanother\n");
	here.before_success = here.before_server = print_a_part;
	answers_line_by_line();
	ck_assert_str_eq(here.run.out, "a part ");
	here.foreground = 1;
	answers_line_by_line();
	ck_assert_str_eq(here.run.out, "a part a part ");
	here.before_start = print_a_line;
	here.before_success = here.before_server = NULL;
	answers_line_by_line();
	ck_assert_str_eq(here.run.out, "a line\nanother\n");
}
END_TEST

static void
buffer_fully(void)
{
	static char buf[8192];

	setvbuf(stdout, buf, _IOFBF, sizeof buf);
}

static void
renew_stdout(void)
{
	if (freopen("/dev/null", "w", stdout) == NULL)
		_exit(96);
	printf("to nobody\n");
}

START_TEST(worker_answers_line_by_line_whatever_the_server_has_set)
{
	here.before_server = buffer_fully;
	answers_line_by_line();
	here.before_server = renew_stdout;
	answers_line_by_line();
}
END_TEST

static char empty_root[256];

/* There is no /dev/null. */
static void
change_root(void)
{
	if (chroot(empty_root) == -1 || chdir("/") == -1)
		_exit(96);
}

START_TEST(worker_answers_line_by_line_in_a_chroot_of_the_server)
{
	if (skip_if(geteuid() != 0, "only root can call chroot(2)"))
		return;
	snprintf(empty_root, sizeof empty_root, "%s", scratch());
	here.before_server = change_root;
	answers_line_by_line();
	here.before_success = print_a_part;
	answers_line_by_line();
	ck_assert_str_eq(here.run.out, "a part ");
}
END_TEST

static void
full_bufferer(void)
{
	be_worker();
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
	puts("in one");
	puts("piece");
	tell("printed", 1);
	getchar();
	fflush(stdout);
	getchar();
}

START_TEST(worker_may_buffer_fully)
{
	int fd;

	here.before_server = print_a_line;
	start(1, full_bufferer);
	fd = client(here.port);
	heard(&here.run, "printed");
	ck_assert(silent(fd));
	client_says(fd, "\n");
	hears(fd, "in one");
	hears(fd, "piece");
	close(fd);
	stop();
}
END_TEST

static void
unbuffered(void)
{
	be_worker();
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("prompt> ");
	getchar();
	printf("\n");
}

START_TEST(worker_may_buffer_nothing)
{
	char prompt[8];
	int fd;

	start(1, unbuffered);
	fd = client(here.port);
	ck_assert_int_eq(recv(fd, prompt, sizeof prompt, MSG_WAITALL), 8);
	ck_assert_int_eq(memcmp(prompt, "prompt> ", 8), 0);
	client_says(fd, "\n");
	hears(fd, "");
	close(fd);
	stop();
}
END_TEST

static void
quick_worker(void)
{
	be_worker();
	printf("no newline");
}

START_TEST(worker_sends_the_rest_when_it_ends)
{
	int fd;

	start(1, quick_worker);
	fd = client(here.port);
	hears(fd, "no newline");
	hears(fd, NULL);
	close(fd);
	stop();
}
END_TEST

/*
 * stderr
 */

static int
is_null(int fd)
{
	struct stat null, it;

	return stat("/dev/null", &null) == 0 && fstat(fd, &it) == 0 &&
	    S_ISCHR(it.st_mode) && it.st_rdev == null.st_rdev;
}

static void
complainer(void)
{
	char line[256];

	be_worker();
	while (fgets(line, sizeof line, stdin) != NULL) {
		fputs("one ", stderr);
		tell("begun", 1);
		if (getchar() == EOF)
			break;
		fputs("line\n", stderr);
		tell("written", write(2, "raw\n", 4));
		perror("error");
		tell("to nobody", is_null(2));
		fputs("the answer\n", stdout);
	}
}

/* A client whose worker has half a line buffered for stderr. */
static int
complained(void)
{
	int fd = client(here.port);

	client_says(fd, "complain\n");
	heard(&here.run, "begun");
	return fd;
}

static void
goes_on_complaining(int fd)
{
	client_says(fd, "+");
	ck_assert_int_eq(heard(&here.run, "written"), 4);
	hears(fd, "the answer");
}

START_TEST(worker_never_writes_its_errors_to_the_client)
{
	int fd;

	start(1, complainer);
	fd = complained();
	goes_on_complaining(fd);
	ck_assert_int_eq(heard(&here.run, "to nobody"), 1);
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

START_TEST(worker_writes_its_errors_where_a_foreground_program_does)
{
	int fd;

	here.foreground = 1;
	start(1, complainer);
	fd = complained();
	ck_assert_msg(silent(here.run.err_fd), "stderr is not line buffered");
	goes_on_complaining(fd);
	shutdown(fd, SHUT_WR);
	hears(fd, NULL);
	close(fd);
	stop();
	says(here.run.err, "one line\nraw\nerror: ");
}
END_TEST

static char log_path[256];

static void
open_a_log(void)
{
	if (freopen(log_path, "a", stderr) == NULL)
		_exit(96);
	fputs("from the server\n", stderr);
}

START_TEST(worker_writes_its_errors_where_the_program_has_put_stderr)
{
	char text[256] = "";
	FILE *file;
	int fd;

	snprintf(log_path, sizeof log_path, "%s/log", scratch());
	here.before_server = open_a_log;
	start(1, complainer);
	fd = complained();
	goes_on_complaining(fd);
	close(fd);
	stop();
	ck_assert_ptr_nonnull(file = fopen(log_path, "r"));
	ck_assert_uint_gt(fread(text, 1, sizeof text - 1, file), 0);
	fclose(file);
	says(text, "from the server\none line\nraw\nerror: ");
}
END_TEST

/*
 * Signals
 */

static struct {
	struct sigaction actions[NSIG];
	sigset_t mask;
} there;

static int
same_action(const struct sigaction *a, const struct sigaction *b)
{
	/* Ignore the flags that the C library adds. */
	const int flags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_NODEFER |
	    SA_ONSTACK | SA_RESETHAND | SA_RESTART | SA_SIGINFO;

	return a->sa_handler == b->sa_handler &&
	    (a->sa_flags & flags) == (b->sa_flags & flags) &&
	    same_set(&a->sa_mask, &b->sa_mask);
}

static void
own_handler(int signo)
{
	tell("own handler", signo);
}

static void
set_nothing(void)
{
}

static void
ignore_some(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* Even signals that the server needs. */
static void
handle_and_block(void)
{
	struct sigaction action;
	sigset_t set;

	memset(&action, 0, sizeof action);
	action.sa_handler = own_handler;
	action.sa_flags = SA_NODEFER;
	sigaddset(&action.sa_mask, SIGALRM);
	sigaction(SIGHUP, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	signal(SIGTERM, own_handler);
	signal(SIGUSR1, own_handler);
	signal(SIGCHLD, own_handler);
	signal(SIGPIPE, own_handler);
	signal(SIGRTMIN, own_handler);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN + 1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void (*set_signals)(void);

static void
set_and_remember(void)
{
	int signo;

	set_signals();
	for (signo = 1; signo < NSIG; signo++)
		sigaction(signo, NULL, &there.actions[signo]);
	sigprocmask(SIG_BLOCK, NULL, &there.mask);
}

static int
has_handler(const struct sigaction *action)
{
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static void
signal_teller(void)
{
	struct sigaction action;
	sigset_t mask;
	int signo;

	be_worker();
	for (signo = 1; signo < NSIG; signo++) {
		memset(&action, 0, sizeof action);
		sigaction(signo, NULL, &action);
		if (!same_action(&action, &there.actions[signo]))
			tell("differs", signo);
	}
	/* Signals without a handler of the program's are blocked. */
	if (here.asks && !has_handler(&there.actions[SIGHUP]))
		sigaddset(&there.mask, SIGHUP);
	if (here.asks && !has_handler(&there.actions[SIGUSR2]))
		sigaddset(&there.mask, SIGUSR2);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	if (!same_set(&mask, &there.mask))
		tell("differs", NSIG);
	tell("differs", 0);
	if (sigaction(SIGHUP, NULL, &action) == 0)
		tell("restarts", (action.sa_flags & SA_RESTART) != 0);
}

/* Asserts that all signals but these are as they were before
 * daemon_server(). */
static void
keeps_signals(void (*set)(void), int but_for, int and_for)
{
	int fd;

	set_signals = set;
	here.before_server = set_and_remember;
	start(1, signal_teller);
	fd = client(here.port);
	if (but_for != 0)
		ck_assert_int_eq(heard(&here.run, "differs"), but_for);
	if (and_for != 0)
		ck_assert_int_eq(heard(&here.run, "differs"), and_for);
	ck_assert_int_eq(heard(&here.run, "differs"), 0);
	if (but_for == SIGHUP)
		ck_assert_int_eq(heard(&here.run, "restarts"), 1);
	close(fd);
	stop();
}

START_TEST(worker_has_the_signals_of_the_program_but_for_two)
{
	keeps_signals(set_nothing, SIGHUP, SIGUSR2);
	keeps_signals(ignore_some, SIGHUP, SIGUSR2);
}
END_TEST

START_TEST(worker_has_the_handlers_and_the_mask_of_the_program)
{
	keeps_signals(handle_and_block, 0, 0);
	here.foreground = 1;
	keeps_signals(handle_and_block, 0, 0);
}
END_TEST

START_TEST(worker_that_is_not_asked_has_the_signals_of_the_program)
{
	here.asks = 0;
	keeps_signals(set_nothing, 0, 0);
	keeps_signals(ignore_some, 0, 0);
	keeps_signals(handle_and_block, 0, 0);
}
END_TEST

static void
refuses(void)
{
	long since = 0;
	int fd;

	while ((fd = client_if(here.port)) != -1 || errno == ECONNRESET) {
		if (fd != -1)
			close(fd);
		look_again(&since, "a client to be refused");
	}
	ck_assert_int_eq(errno, ECONNREFUSED);
}

START_TEST(worker_that_is_not_asked_finishes_in_peace)
{
	int fd;

	here.asks = 0;
	start(1, talker);
	fd = served(here.port, NULL);
	send_signal(here.master, SIGHUP);
	send_signal(here.master, SIGUSR2);
	refuses();	/* both have been obeyed */
	echoes(fd, "still here");
	client_says(fd, "asked\n");
	hears(fd, "0");
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

/* A letter chooses the call. */
static void
wait_in_a_call(char way)
{
	struct pollfd conn = { .fd = 0, .events = POLLIN };
	struct timespec second = { .tv_sec = 1 };
	static char much[LONG_WRITE];

	tell("waits", 1);
	if (way == 'p')
		tell("poll", poll(&conn, 1, -1));
	else if (way == 's')
		tell("sleep", nanosleep(&second, NULL));
	else if (way == 'w')
		tell("write", (long)write(1, much, sizeof much));
}

static void
waiter_in_calls(void)
{
	char way;

	be_worker();
	if (read(0, &way, 1) == 1 && way != 't')
		wait_in_a_call(way);
	converse(0);
}

/* A client whose worker is in this call when the signal comes. */
static int
waits_through(int signo, const char *way)
{
	pid_t worker;
	int fd, other;

	start(1, waiter_in_calls);
	fd = client(here.port);
	worker = (pid_t)heard(&here.run, "worker");
	other = client(here.port);
	client_says(other, "t");
	echoes(other, "hello");
	client_says(fd, way);
	heard(&here.run, "waits");
	settled(worker);
	send_signal(here.master, signo);
	is_asked(other, signo);	/* it is told later than the first */
	close(other);
	return fd;
}

static void
finishes(int fd, int signo)
{
	echoes(fd, "hello");
	is_asked(fd, signo);
	close(fd);
	if (signo != SIGUSR2)
		send_signal(here.master, SIGTERM);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}

static const int asking[] = { SIGHUP, SIGUSR2 };

START_TEST(worker_that_is_asked_to_finish_goes_on_in_poll)
{
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = waits_through(asking[i], "p");
		client_says(fd, "and so it is ");
		ck_assert_int_eq(heard(&here.run, "poll"), 1);
		client_says(fd, "heard\n");
		hears(fd, "and so it is heard");
		finishes(fd, asking[i]);
	}
}
END_TEST

START_TEST(worker_that_is_asked_to_finish_goes_on_to_sleep)
{
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = waits_through(asking[i], "s");
		ck_assert_int_eq(heard(&here.run, "sleep"), 0);
		finishes(fd, asking[i]);
	}
}
END_TEST

/* Reads up to end of file, but not more than wanted; returns how much came. */
static size_t
read_all(int fd, size_t wanted)
{
	static char text[65536];
	size_t count = 0;
	ssize_t n;

	while (count < wanted && (n = read(fd, text, sizeof text)) > 0)
		count += (size_t)n;
	return count;
}

START_TEST(worker_that_is_asked_to_finish_writes_all_that_it_has)
{
	int i, fd;

	for (i = 0; i < 2; i++) {
		fd = waits_through(asking[i], "w");
		ck_assert_uint_eq(read_all(fd, LONG_WRITE), LONG_WRITE);
		ck_assert_int_eq(heard(&here.run, "write"), LONG_WRITE);
		finishes(fd, asking[i]);
	}
}
END_TEST

static void
wakeful(void)
{
	struct pollfd conn = { .fd = 0, .events = POLLIN };

	be_worker();
	unblock_all();
	tell("poll", poll(&conn, 1, -1) == -1 ? errno : 0);
	tell("stop", daemon_stop_requested());
}

START_TEST(worker_that_lets_the_signals_in_is_woken)
{
	int i, fd;

	for (i = 0; i < 2; i++) {
		start(1, wakeful);
		fd = client(here.port);
		settled((pid_t)heard(&here.run, "worker"));
		send_signal(here.master, asking[i]);
		ck_assert_int_eq(heard(&here.run, "poll"), EINTR);
		ck_assert_int_eq(heard(&here.run, "stop"), asking[i]);
		close(fd);
		if (asking[i] != SIGUSR2)
			send_signal(here.master, SIGTERM);
		ck_assert_int_eq(ended(here.master), 0);
		nothing_left();
	}
}
END_TEST

static void
talker_that_lets_hup_in(void)
{
	sigset_t hup;

	be_worker();
	sigemptyset(&hup);
	sigaddset(&hup, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &hup, NULL);
	converse(0);
}

START_TEST(worker_that_lets_one_signal_in_is_told_of_the_other)
{
	int fd;

	start(1, talker_that_lets_hup_in);
	fd = client(here.port);
	echoes(fd, "hello");
	send_signal(here.master, SIGHUP);
	is_asked(fd, SIGHUP);
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

static void
executer(void)
{
	be_worker();
	execlp("cat", "cat", (char *)NULL);
}

START_TEST(program_that_a_worker_executes_goes_on_at_a_reload)
{
	pid_t worker;
	long since;
	int i, fd;

	for (i = 0; i < 2; i++) {
		since = 0;
		start(1, executer);
		fd = client(here.port);
		echoes(fd, "hello");
		worker = (pid_t)heard(&here.run, "worker");
		send_signal(here.master, asking[i]);
		while (running(worker) &&
		    !has_signal(worker, "ShdPnd", asking[i]))
			look_again(&since, "a signal");
		echoes(fd, "still here");
		close(fd);
		if (asking[i] != SIGUSR2)
			send_signal(here.master, SIGTERM);
		ck_assert_int_eq(ended(here.master), 0);
		nothing_left();
	}
}
END_TEST

static void
kill_group(void)
{
	kill(0, SIGTERM);
}

static const struct command killing[] = {
	{ "kill", kill_group, NULL },
	{ NULL, NULL, NULL }
};

static void
killer(void)
{
	be_worker();
	tell("leads", getpgrp() == getpid());
	converse(0);
}

START_TEST(worker_that_signals_its_process_group_ends_alone)
{
	int first, second;

	here.commands = killing;
	start(1, killer);
	first = served(here.port, NULL);
	second = served(here.port, NULL);
	ck_assert_int_eq(heard(&here.run, "leads"), 1);
	ck_assert_int_eq(heard(&here.run, "leads"), 1);
	client_says(first, "kill\n");
	hears(first, NULL);
	close(first);
	echoes(second, "still here");
	close(second);
	call(here.port);
	stop();
}
END_TEST

START_TEST(worker_is_told_by_which_signal_it_is_to_finish)
{
	int fd;

	start(1, talker);
	fd = client(here.port);
	client_says(fd, "asked\n");
	hears(fd, "0");
	send_signal(here.master, SIGHUP);
	is_asked(fd, SIGHUP);
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	echoes(fd, "still here");
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

START_TEST(worker_is_told_also_where_the_program_ignored_the_signals)
{
	int fd;

	here.before_server = ignore_some;
	start(1, talker);
	fd = served(here.port, NULL);
	send_signal(here.master, SIGHUP);
	is_asked(fd, SIGHUP);
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

START_TEST(worker_goes_on_with_a_line_when_it_is_asked_to_finish)
{
	int first, second;

	start(1, talker);
	first = served(here.port, NULL);
	second = served(here.port, NULL);
	client_says(first, "one ");
	send_signal(here.master, SIGHUP);
	is_asked(second, SIGHUP);
	client_says(first, "line\n");
	hears(first, "one line");
	is_asked(first, SIGHUP);
	close(first);
	close(second);
	call(here.port);
	stop();
}
END_TEST

static void
handle_hup(void)
{
	signal(SIGHUP, own_handler);
}

START_TEST(worker_keeps_the_handler_that_the_program_has_set)
{
	int fd;

	here.before_server = handle_hup;
	start(1, talker);
	fd = served(here.port, NULL);
	send_signal(here.master, SIGHUP);
	ck_assert_int_eq(heard(&here.run, "own handler"), SIGHUP);
	client_says(fd, "asked\n");
	hears(fd, "0");
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	close(fd);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

START_TEST(worker_dies_by_what_ends_any_program)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGPIPE, SIGUSR1,
		SIGALRM };
	pid_t worker;
	int i, fd;

	start(1, talker);
	for (i = 0; i < COUNT(signals); i++) {
		fd = served(here.port, &worker);
		send_signal(worker, signals[i]);
		hears(fd, NULL);
		close(fd);
	}
	ck_assert(running(here.server));
	stop();
}
END_TEST

static void
waiter(void)
{
	int status;

	be_worker();
	status = system("exit 5");
	tell("system", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

START_TEST(worker_can_wait_for_processes_of_its_own)
{
	int fd;

	start(1, waiter);
	fd = client(here.port);
	ck_assert_int_eq(heard(&here.run, "system"), 5);
	close(fd);
	stop();
}
END_TEST

/*
 * daemon_peer()
 */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage all;
};

static void
tell_peer(void)
{
	socklen_t len = sizeof(union address);
	union address peer;

	errno = ERANGE;
	tell("result", daemon_peer(&peer.any, &len));
	tell("errno", errno);
	tell("length", (long)len);
	tell("family", peer.any.sa_family);
	tell("port", ntohs(peer.any.sa_family == AF_INET6 ?
	    peer.v6.sin6_port : peer.v4.sin_port));
}

static void
peer_teller(void)
{
	socklen_t len = sizeof(union address), peer_len = len;
	union address addr, peer;

	be_worker();
	tell_peer();
	memset(&addr, 0, sizeof addr);
	memset(&peer, 0, sizeof peer);
	tell("different", getpeername(0, &addr.any, &len) == -1 ||
	    daemon_peer(&peer.any, &peer_len) == -1 || len != peer_len ||
	    memcmp(&addr, &peer, sizeof addr) != 0);
	converse(0);
	len = sizeof addr;
	tell("getpeername", getpeername(0, &addr.any, &len));
	tell_peer();
}

static void
tells_peer(int family, socklen_t length, int expected)
{
	ck_assert_int_eq(heard(&here.run, "result"), 0);
	ck_assert_int_eq(heard(&here.run, "errno"), ERANGE);
	ck_assert_int_eq(heard(&here.run, "length"), length);
	ck_assert_int_eq(heard(&here.run, "family"), family);
	ck_assert_int_eq(heard(&here.run, "port"), expected);
}

START_TEST(worker_knows_its_peer_also_when_that_has_gone)
{
	int fd, expected;

	start(1, peer_teller);
	fd = client(here.port);
	expected = port_of(fd);
	tells_peer(AF_INET, sizeof(struct sockaddr_in), expected);
	ck_assert_int_eq(heard(&here.run, "different"), 0);
	reset(fd);
	ck_assert_int_eq(heard(&here.run, "getpeername"), -1);
	tells_peer(AF_INET, sizeof(struct sockaddr_in), expected);
	stop();
}
END_TEST

START_TEST(worker_knows_its_peer_of_the_other_family)
{
	int fd, expected;

	if (cannot_use_v6())
		return;
	here.open_listener = listen_on_v6;
	start(1, peer_teller);
	fd = client_of_v6(here.port);
	expected = port_of(fd);
	tells_peer(AF_INET6, sizeof(struct sockaddr_in6), expected);
	ck_assert_int_eq(heard(&here.run, "different"), 0);
	reset(fd);
	tells_peer(AF_INET6, sizeof(struct sockaddr_in6), expected);
	stop();
}
END_TEST

/* As with getpeername(2): stores what fits, and the whole length. */
static void
tell_truncated(void)
{
	unsigned char bytes[sizeof(union address)];
	union address addr, whole;
	socklen_t room, len = sizeof whole, full, i;
	int wrong = 0, beyond = 0;

	daemon_peer(&whole.any, &len);
	full = len;
	for (len = 0; len <= full; len++) {
		memset(&addr, 0xaa, sizeof addr);
		room = len;
		wrong += daemon_peer(&addr.any, &room) == -1 ||
		    room != full || memcmp(&addr, &whole, len) != 0;
		memcpy(bytes, &addr, sizeof bytes);
		for (i = len; i < sizeof bytes; i++)
			beyond += bytes[i] != 0xaa;
	}
	tell("length", (long)full);
	tell("wrong", wrong);
	tell("written beyond", beyond);
}

static void
tell_invalid(void)
{
	union address addr;
	socklen_t len = sizeof addr;

	errno = 0;
	tell("no address", daemon_peer(NULL, &len) == -1 ? errno : 0);
	errno = 0;
	tell("no length", daemon_peer(&addr.any, NULL) == -1 ? errno : 0);
}

static void
strange_asker(void)
{
	be_worker();
	tell_truncated();
	tell_invalid();
}

START_TEST(worker_stores_as_much_of_its_peer_as_there_is_room_for)
{
	int fd;

	start(1, strange_asker);
	fd = client(here.port);
	ck_assert_int_eq(heard(&here.run, "length"),
	    sizeof(struct sockaddr_in));
	ck_assert_int_eq(heard(&here.run, "wrong"), 0);
	ck_assert_int_eq(heard(&here.run, "written beyond"), 0);
	ck_assert_int_eq(heard(&here.run, "no address"), EINVAL);
	ck_assert_int_eq(heard(&here.run, "no length"), EINVAL);
	close(fd);
	stop();
}
END_TEST

static void
ask_elsewhere(void)
{
	union address addr;
	socklen_t len = sizeof addr;

	errno = 0;
	tell("peer", daemon_peer(&addr.any, &len));
	tell("error", errno);
	errno = 0;
	tell("end", daemon_end_connection());
	tell("error", errno);
	tell("next", daemon_next_connection());
	tell("stop", daemon_stop_requested());
}

START_TEST(worker_alone_has_a_peer_and_another_connection)
{
	int i;

	here.before_start = here.before_success = here.before_server =
	    ask_elsewhere;
	listen_on(1);
	run_puppet(run_daemon, talker);
	leave_listeners();
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(heard(&here.run, "peer"), -1);
		ck_assert_int_eq(heard(&here.run, "error"), ENOTCONN);
		ck_assert_int_eq(heard(&here.run, "end"), -1);
		ck_assert_int_eq(heard(&here.run, "error"), ENOTCONN);
		ck_assert_int_eq(heard(&here.run, "next"), -1);
		ck_assert_int_eq(heard(&here.run, "stop"), 0);
		if (i == 0)
			here.master = (pid_t)heard(&here.run, "master");
	}
	call(here.port);
	stop();
}
END_TEST

/*
 * daemon_next_connection()
 */

static void
leaver(void)
{
	be_worker();
	getchar();
	printf("unflushed");
	tell("next", daemon_next_connection());
	tell("stdin is null", is_null(0));
	tell("stdout is null", is_null(1));
	tell("ends", getchar());
	tell("prints", puts("to nobody"));
	tell("flushes", fflush(stdout));
	tell("next", daemon_next_connection());
	for (;;)
		pause();
}

/* A client that has seen end of file although its worker still runs. */
static int
left(void)
{
	int fd;

	start(1, leaver);
	fd = client(here.port);
	client_says(fd, "+");
	hears(fd, "unflushed");
	hears(fd, NULL);
	return fd;
}

START_TEST(worker_ends_its_connection_and_gets_no_other_without_spares)
{
	int fd = left();

	ck_assert_int_eq(heard(&here.run, "next"), -1);
	ck_assert_int_eq(heard(&here.run, "stdin is null"), 1);
	ck_assert_int_eq(heard(&here.run, "stdout is null"), 1);
	ck_assert_int_eq(heard(&here.run, "ends"), EOF);
	ck_assert_int_ge(heard(&here.run, "prints"), 0);
	ck_assert_int_eq(heard(&here.run, "flushes"), 0);
	ck_assert_int_eq(heard(&here.run, "next"), -1);
	close(fd);
	stop();
}
END_TEST

START_TEST(worker_ends_its_connection_in_a_chroot_of_the_server)
{
	int fd;

	if (skip_if(geteuid() != 0, "only root can call chroot(2)"))
		return;
	snprintf(empty_root, sizeof empty_root, "%s", scratch());
	here.before_server = change_root;
	fd = left();
	ck_assert_int_eq(heard(&here.run, "next"), -1);
	ck_assert_int_eq(heard(&here.run, "ends"), EOF);
	close(fd);
	stop();
}
END_TEST

/*
 * The end of a connection
 */

static int (*end_connection)(void);

/* The worker writes more than the client has read by the worker's end, and
 * reads nothing. */
static void
long_answerer(void)
{
	char line[256];
	int i;

	be_worker();
	if (fgets(line, sizeof line, stdin) == NULL)
		return;
	for (i = 0; i < LONG_PART; i += 64)
		fputs("123456789012345678901234567890123456789012345678901234567890"
		    "123\n", stdout);
	printf("unflushed");
	errno = ERANGE;
	tell("ended", end_connection());
	tell("errno", errno);
	tell("stdin is null", is_null(0));
	tell("stdout is null", is_null(1));
	tell("ends", getchar());
	tell("prints", puts("to nobody"));
	tell("ended", end_connection());
}

static int
start_to_answer(int (*end)(void))
{
	char unread[UNREAD];
	int fd;

	end_connection = end;
	start(1, long_answerer);
	fd = client(here.port);
	client_says(fd, "begin\n");
	memset(unread, 'x', sizeof unread);
	ck_assert_int_eq(send(fd, unread, sizeof unread, MSG_NOSIGNAL),
	    sizeof unread);
	return fd;
}

/* The client gets the whole answer and end of file, although the worker has not
 * read all of its input, and more comes. */
static void
gets_a_long_answer(int (*end)(void), int returns)
{
	static char text[16384];
	size_t count = 0;
	ssize_t n;
	int fd = start_to_answer(end);

	while ((n = read(fd, text, sizeof text)) > 0) {
		count += (size_t)n;
		ck_assert_int_eq(send(fd, "more", 4, MSG_NOSIGNAL), 4);
	}
	ck_assert_msg(n == 0, "after %zu bytes: %s", count, strerror(errno));
	ck_assert_uint_eq(count, LONG_ANSWER);
	close(fd);
	ck_assert_int_eq(heard(&here.run, "ended"), returns);
	ck_assert_int_eq(heard(&here.run, "errno"), ERANGE);
	ck_assert_int_eq(heard(&here.run, "stdin is null"), 1);
	ck_assert_int_eq(heard(&here.run, "stdout is null"), 1);
	ck_assert_int_eq(heard(&here.run, "ends"), EOF);
	ck_assert_int_ge(heard(&here.run, "prints"), 0);
	ck_assert_int_eq(heard(&here.run, "ended"), returns);
	stop();
}

static int
end_it(void)
{
	return daemon_end_connection();
}

/* With a maximum of 1 no other client can follow. */
static int
end_it_for_the_next(void)
{
	daemon_set_worker_connection_max(1);
	return daemon_next_connection();
}

START_TEST(worker_that_ends_its_connection_lets_the_client_have_all)
{
	for (here.spares = 0; here.spares <= 1; here.spares++)
		gets_a_long_answer(end_it, 0);
}
END_TEST

START_TEST(worker_that_asks_for_the_next_lets_the_last_client_have_all)
{
	for (here.spares = 0; here.spares <= 1; here.spares++)
		gets_a_long_answer(end_it_for_the_next, -1);
}
END_TEST

/* A client that never closes, and keeps sending, holds up a worker for 2 s. */
START_TEST(worker_that_ends_its_connection_waits_for_nobody_for_ever)
{
	struct pollfd facts = { .events = POLLIN };
	char junk[1024] = { 0 };
	long since = 0;
	int fd = start_to_answer(end_it);

	facts.fd = here.run.facts;
	heard(&here.run, "worker");
	ck_assert_uint_eq(read_all(fd, LONG_ANSWER), LONG_ANSWER);
	while (poll(&facts, 1, 0) == 0) {
		send(fd, junk, sizeof junk, MSG_NOSIGNAL | MSG_DONTWAIT);
		look_again(&since, "the end of a connection");
	}
	ck_assert_int_eq(heard(&here.run, "ended"), 0);
	close(fd);
	stop();
}
END_TEST

static void
delay_teller(void)
{
	socklen_t len = sizeof(int);
	int on = 0;

	be_worker();
	getsockopt(1, IPPROTO_TCP, TCP_NODELAY, &on, &len);
	tell("no delay", on != 0);
}

/* Otherwise an answer of several lines would wait for acknowledgements. */
START_TEST(worker_sends_each_line_without_delay)
{
	int fd, i, on = 0;

	start(1, delay_teller);
	/* The first one may have been accepted before the server set it. */
	for (i = 0; i < 2; i++) {
		fd = client(here.port);
		on = heard(&here.run, "no delay");
		close(fd);
	}
	ck_assert_int_eq(on, 1);
	stop();
}
END_TEST

/*
 * daemon_set_keepalive()
 */

static int keepalive, keeps_spares;

static long
option(int level, int name)
{
	int value = 0;
	socklen_t len = sizeof value;

	return getsockopt(STDIN_FILENO, level, name, &value, &len) == 0 ?
	    value : -1;
}

static void
keepalive_teller(void)
{
	daemon_set_keepalive(keepalive);
	daemon_set_worker_spare_count(keeps_spares);
	be_worker();
	for (;;) {
		tell("alive", option(SOL_SOCKET, SO_KEEPALIVE) > 0);
		tell("idle", option(IPPROTO_TCP, TCP_KEEPIDLE));
		tell("interval", option(IPPROTO_TCP, TCP_KEEPINTVL));
		tell("count", option(IPPROTO_TCP, TCP_KEEPCNT));
		tell("ms", option(IPPROTO_TCP, TCP_USER_TIMEOUT));
		if (daemon_next_connection() < 0)
			break;
	}
}

/* The times that the connection shows add up to this one, and no less. */
static void
hears_keepalive(int seconds)
{
	long idle, interval, count;
	int fd = client(here.port);

	ck_assert_int_eq(heard(&here.run, "alive"), 1);
	idle = heard(&here.run, "idle");
	interval = heard(&here.run, "interval");
	count = heard(&here.run, "count");
	ck_assert_int_ge(idle, 1);
	ck_assert_int_ge(interval, 1);
	ck_assert_int_ge(count, 1);
	ck_assert_int_eq(idle + count * interval, seconds);
	ck_assert_int_eq(heard(&here.run, "ms"), seconds * 1000);
	close(fd);
}

START_TEST(worker_keepalive_ends_a_silent_connection_within_its_time)
{
	static const int times[] = { 2, 3, 4, 5, 6, 7, 11, 60, 32767 };
	int i;

	keeps_spares = 0;
	for (i = 0; i < (int)(sizeof times / sizeof times[0]); i++) {
		keepalive = times[i];
		start(0, keepalive_teller);
		hears_keepalive(keepalive);
		stop();
	}
	keepalive = 1;
	start(0, keepalive_teller);
	hears_keepalive(2);
	stop();
}
END_TEST

/* One may be accepted before the server has set it. */
START_TEST(worker_keepalive_is_for_a_listener_of_any_origin)
{
	keepalive = 60;
	keeps_spares = 0;
	start(1, keepalive_teller);
	close(client(here.port));
	heard(&here.run, "ms");
	hears_keepalive(60);
	stop();
}
END_TEST

START_TEST(worker_keepalive_is_for_each_connection_of_a_spare)
{
	keepalive = 30;
	keeps_spares = 1;
	start(0, keepalive_teller);
	hears_keepalive(30);
	hears_keepalive(30);
	hears_keepalive(30);
	stop();
}
END_TEST

static int owes;	/* the client has not received everything */

static void
loss_teller(void)
{
	char byte;

	daemon_set_keepalive(2);
	be_worker();
	if (owes && read(STDIN_FILENO, &byte, 1) == 1)
		(void)!write(STDOUT_FILENO, "x\n", 2);
	tell("lost", read(STDIN_FILENO, &byte, 1) == -1 ? errno : 0);
}

static void
loses_a_client(int is_owed)
{
	int fd;

	if (cannot_become_deaf())
		return;
	owes = is_owed;
	start(0, loss_teller);
	fd = client(here.port);
	become_deaf(fd);
	if (is_owed)
		client_says(fd, "x");
	ck_assert_int_eq(heard(&here.run, "lost"), ETIMEDOUT);
	close(fd);
	stop();
}

START_TEST(worker_keepalive_notices_a_silent_client_whose_machine_is_gone)
{
	loses_a_client(0);
}
END_TEST

START_TEST(worker_keepalive_notices_a_client_that_is_gone_before_an_answer)
{
	loses_a_client(1);
}
END_TEST

START_TEST(worker_has_no_keepalive_unless_it_was_set)
{
	int fd;

	keepalive = keeps_spares = 0;
	start(0, keepalive_teller);
	fd = client(here.port);
	ck_assert_int_eq(heard(&here.run, "alive"), 0);
	ck_assert_int_eq(heard(&here.run, "ms"), 0);
	close(fd);
	stop();
}
END_TEST

/* What a server sets that was started with keepalive. */
static int *later;

static void
set_keepalive(void)
{
	daemon_set_keepalive(*later);
}

/* The first server has set what later is now. */
static void
is_turned_off(void)
{
	int fd;

	*later = 0;
	send_signal(here.master, SIGHUP);
	next_server();
	/* One may come before the server has set it. */
	close(client(here.port));
	heard(&here.run, "ms");
	fd = client(here.port);
	ck_assert_int_eq(heard(&here.run, "alive"), 0);
	ck_assert_int_eq(heard(&here.run, "ms"), 0);
	close(fd);
	stop();
}

START_TEST(worker_keepalive_is_turned_off_by_a_reload)
{
	int i;

	later = shared_memory(sizeof *later);
	here.before_server = set_keepalive;
	keeps_spares = 0;
	for (i = 0; i <= 1; i++) {
		*later = 60;
		keepalive = i == 0 ? 0 : 60;	/* set by daemon_listen() */
		start(1 - i, keepalive_teller);
		close(client(here.port));
		heard(&here.run, "ms");
		hears_keepalive(60);
		is_turned_off();
	}
}
END_TEST

static int
listen_and_keep_alive(int *port)
{
	int fd = listen_anywhere(port), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	return fd;
}

START_TEST(worker_keepalive_that_is_not_the_library_s_stays)
{
	keepalive = keeps_spares = 0;
	here.open_listener = listen_and_keep_alive;
	start(1, keepalive_teller);
	close(client(here.port));
	ck_assert_int_eq(heard(&here.run, "alive"), 1);
	heard(&here.run, "ms");
	send_signal(here.master, SIGHUP);
	next_server();
	close(client(here.port));
	ck_assert_int_eq(heard(&here.run, "alive"), 1);
	stop();
}
END_TEST

static void
loop_of_connections(void)
{
	char line[256];
	int i;

	daemon_start();
	tell_pid("master");
	daemon_master();
	tell_pid("server");
	daemon_success();
	for (i = daemon_server(&here.fds[0], 1); i >= 0;
	    i = daemon_next_connection())
		if (fgets(line, sizeof line, stdin) != NULL)
			fputs(line, stdout);
}

START_TEST(worker_serves_one_connection_in_the_loop_that_can_serve_many)
{
	int i, fd;

	start(1, loop_of_connections);
	for (i = 0; i < 5; i++) {
		fd = client(here.port);
		echoes(fd, "hello");
		hears(fd, NULL);
		close(fd);
	}
	stop();
}
END_TEST

/*
 * Rights
 */

/* How many mappings without a file a process shares. */
static int
shared_mappings(pid_t pid)
{
	char path[64], line[512];
	int count = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/maps", (long)pid);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while (fgets(line, sizeof line, file) != NULL)
		count += strstr(line, "/dev/zero (deleted)") != NULL;
	fclose(file);
	return count;
}

START_TEST(worker_does_not_have_the_memory_of_the_server)
{
	pid_t worker;
	int fd;

#ifndef MADV_DONTFORK
	if (skip_if(1, "this system has no MADV_DONTFORK"))
		return;
#endif
	start(1, talker);
	fd = served(here.port, &worker);
	ck_assert_int_ge(shared_mappings(here.master), 1);
	ck_assert_int_ge(shared_mappings(here.server), 1);
	ck_assert_int_eq(shared_mappings(worker), 0);
	close(fd);
	stop();
}
END_TEST

/*
 * Its end
 */

static void
ender(void)
{
	struct rlimit none = { 0, 0 };
	char line[256];

	be_worker();
	setrlimit(RLIMIT_CORE, &none);
	if (fgets(line, sizeof line, stdin) == NULL)
		return;
	fputs(line, stdout);
	switch (line[0]) {
	case 'e':
		exit(3);
	case '_':
		_exit(77);
	case 's':
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		break;
	case 'k':
		raise(SIGKILL);
		break;
	}
}

START_TEST(worker_may_end_as_it_likes)
{
	static const char *const ways[] = { "return", "exit", "_exit",
		"segv", "kill" };
	size_t i;
	int fd;

	start(1, ender);
	for (i = 0; i < 2 * sizeof ways / sizeof ways[0]; i++) {
		fd = client(here.port);
		echoes(fd, ways[i / 2]);
		hears(fd, NULL);
		close(fd);
	}
	ck_assert(running(here.server));
	stop();
}
END_TEST

static void
at_end(void)
{
	tell("life", -(long)getpid());
}

static void
register_at_end(void)
{
	atexit(at_end);
}

static void
ender_that_tells(void)
{
	be_worker();
	tell_pid("life");
	if (getchar() == 'e')
		exit(3);
}

START_TEST(worker_alone_runs_what_the_program_has_registered_for_its_end)
{
	long number;
	int i, fd;

	here.before_start = register_at_end;
	start(1, ender_that_tells);
	for (i = 0; i < 4; i++) {
		fd = client(here.port);
		client_says(fd, i % 2 == 0 ? "e" : "r");
		number = heard(&here.run, "life");
		ck_assert_int_gt(number, 0);
		ck_assert_int_eq(heard(&here.run, "life"), -number);
		close(fd);
		if (i == 1) {
			send_signal(here.master, SIGHUP);
			gone(here.server);
		}
	}
	stop();
	/* No server, no master, nor any process before it. */
	ck_assert(!heard_if(&here.run, "life", &number));
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		worker_has_no_end_of_file_that_the_program_has_seen,
		worker_has_no_error_that_the_program_has_had,
		worker_reads_nothing_that_the_program_has_buffered,
		worker_answers_line_by_line,
		worker_answers_line_by_line_after_the_server_has_printed,
		worker_answers_line_by_line_whatever_the_server_has_set,
		worker_answers_line_by_line_in_a_chroot_of_the_server,
		worker_may_buffer_fully,
		worker_may_buffer_nothing,
		worker_sends_the_rest_when_it_ends,
		worker_never_writes_its_errors_to_the_client,
		worker_writes_its_errors_where_a_foreground_program_does,
		worker_writes_its_errors_where_the_program_has_put_stderr,
		worker_has_the_signals_of_the_program_but_for_two,
		worker_has_the_handlers_and_the_mask_of_the_program,
		worker_that_is_not_asked_has_the_signals_of_the_program,
		worker_that_is_not_asked_finishes_in_peace,
		worker_that_is_asked_to_finish_goes_on_in_poll,
		worker_that_is_asked_to_finish_goes_on_to_sleep,
		worker_that_is_asked_to_finish_writes_all_that_it_has,
		worker_that_lets_the_signals_in_is_woken,
		worker_that_lets_one_signal_in_is_told_of_the_other,
		program_that_a_worker_executes_goes_on_at_a_reload,
		worker_that_signals_its_process_group_ends_alone,
		worker_is_told_by_which_signal_it_is_to_finish,
		worker_is_told_also_where_the_program_ignored_the_signals,
		worker_goes_on_with_a_line_when_it_is_asked_to_finish,
		worker_keeps_the_handler_that_the_program_has_set,
		worker_dies_by_what_ends_any_program,
		worker_can_wait_for_processes_of_its_own,
		worker_knows_its_peer_also_when_that_has_gone,
		worker_knows_its_peer_of_the_other_family,
		worker_stores_as_much_of_its_peer_as_there_is_room_for,
		worker_alone_has_a_peer_and_another_connection,
		worker_ends_its_connection_and_gets_no_other_without_spares,
		worker_ends_its_connection_in_a_chroot_of_the_server,
		worker_that_ends_its_connection_lets_the_client_have_all,
		worker_that_asks_for_the_next_lets_the_last_client_have_all,
		worker_that_ends_its_connection_waits_for_nobody_for_ever,
		worker_sends_each_line_without_delay,
		worker_keepalive_ends_a_silent_connection_within_its_time,
		worker_keepalive_is_for_a_listener_of_any_origin,
		worker_keepalive_is_for_each_connection_of_a_spare,
		worker_keepalive_notices_a_silent_client_whose_machine_is_gone,
		worker_keepalive_notices_a_client_that_is_gone_before_an_answer,
		worker_has_no_keepalive_unless_it_was_set,
		worker_keepalive_is_turned_off_by_a_reload,
		worker_keepalive_that_is_not_the_library_s_stays,
		worker_serves_one_connection_in_the_loop_that_can_serve_many,
		worker_does_not_have_the_memory_of_the_server,
		worker_may_end_as_it_likes,
		worker_alone_runs_what_the_program_has_registered_for_its_end
	};

	return RUN_TESTS("worker", tests);
}
