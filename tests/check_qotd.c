/*
 * check_qotd.c - examples/qotd, a whole service: its clients, its file of
 * quotes, its options
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/stat.h>
#include <limits.h>
#include <pwd.h>
#include <time.h>

#include "example.h"

enum {
	SOURCE_MAX = 10,	/* clients of one source */
	LONGEST = 509,		/* bytes of a quote */
	CHILDREN = 4		/* of a master: both servers, logger, file */
};

#ifdef HAVE_FLOCK
enum { HAS_LOCKS = 1 };
#else
enum { HAS_LOCKS = 0 };
#endif
#define NO_PID_FILE skip_if(!HAS_LOCKS, "no pid file without flock(2)")

static struct run run, other;
static pid_t master, server;
static int port;

/*
 * Files
 */

/* Valid until the fourth call after this. */
static const char *
path_of(const char *name)
{
	static char paths[4][PATH_MAX];
	static int last;

	last = (last + 1) % 4;
	snprintf(paths[last], sizeof paths[last], "%s/%s", scratch(), name);
	return paths[last];
}

static void
quotes_are(const char *text)
{
	FILE *file = fopen(path_of("quotes"), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

/* Valid until the next call; empty without such a file. */
static const char *
text_of(const char *name)
{
	static char text[65536];
	FILE *file = fopen(path_of(name), "r");
	size_t n = 0;

	if (file != NULL) {
		n = fread(text, 1, sizeof text - 1, file);
		fclose(file);
	}
	text[n] = '\0';
	return text;
}

static void
shows(const char *name, const char *part)
{
	long since = 0;

	while (strstr(text_of(name), part) == NULL)
		look_again(&since, part);
}

/*
 * The daemon
 */

/* With its log in the scratch directory. */
#define start(...) \
	start_example(&run, "qotd", "-l", path_of("log"), __VA_ARGS__)

/* The child that listens, except this one. */
static pid_t
listening_child(pid_t not_this)
{
	pid_t pids[CHILDREN];
	int count = children_of(master, pids, CHILDREN);

	while (count-- > 0)
		if (pids[count] != not_this &&
		    port_of_process(pids[count]) != 0)
			return pids[count];
	return 0;
}

static void
meet_server(void)
{
	pid_t last = server;
	long since = 0;

	while ((server = listening_child(last)) == 0)
		look_again(&since, "a server");
}

static void
started(void)
{
	server = 0;
	master = run_started_silently(&run, &port);
	meet_server();
}

static void
serve(const char *text)
{
	quotes_are(text);
	start("-p", "0", path_of("quotes"), NULL);
	started();
}

/* Waits for another server; the last one serves no new client. */
static void
another_server(void)
{
	gone(server);
	meet_server();
}

/*
 * Clients
 */

static const char *
line(const char *quote)
{
	static char text[LONGEST + 2];

	snprintf(text, sizeof text, "%s\r", quote);
	return text;
}

static void
tells(const char *quote)
{
	int fd = client(port);

	hears(fd, line(quote));
	hears(fd, NULL);
	close(fd);
}

static int
is_one_of(pid_t pid, const pid_t *pids, int count)
{
	while (count-- > 0)
		if (pids[count] == pid)
			return 1;
	return 0;
}

/* A worker that is not one of these. */
static pid_t
new_worker(const pid_t *known, int count)
{
	pid_t pids[SOURCE_MAX + 1];
	int found = children_of(server, pids, SOURCE_MAX + 1);

	while (found-- > 0)
		if (!is_one_of(pids[found], known, count))
			return pids[found];
	return 0;
}

/* Stops a worker, which waits only for its client's end, and not for long. It
 * may be gone by then. */
static int
stopped_in_time(pid_t pid)
{
	long since = 0;

	if (kill(pid, SIGSTOP) == -1)
		return 0;
	while (state_of(pid) != 'T' && running(pid))
		look_again(&since, "a worker to stop");
	return running(pid);
}

/* A client that has heard this quote. Its worker, the next in the array, stays
 * stopped until the test continues it. */
static int
hold_worker(pid_t *workers, int count, const char *quote)
{
	long since = 0;
	int fd;

	for (;; close(fd)) {
		fd = client(port);
		hears(fd, line(quote));
		workers[count] = new_worker(workers, count);
		if (workers[count] != 0 && stopped_in_time(workers[count]))
			return fd;
		look_again(&since, "a worker that can be held");
	}
}

static void
let_go(int fd, pid_t worker)
{
	send_signal(worker, SIGCONT);
	hears(fd, NULL);
	close(fd);
	reaped(worker);
}

/* Whether a client hears the quote, and not only end of file. */
static int
is_served(const char *quote)
{
	int fd = client(port);
	const char *said = client_hears(fd);

	if (said != NULL) {
		ck_assert_str_eq(said, line(quote));
		hears(fd, NULL);
	}
	close(fd);
	return said != NULL;
}

/*
 * Quotes
 */

START_TEST(qotd_tells_each_client_the_same_line_of_its_file_for_a_day)
{
	static const char *const quotes[] = { "First.", "Second.\tAnd more." };
	long before, after;
	char told[LONGEST + 2];
	int fd;

	if (cannot_adopt())
		return;
	serve("First.\nSecond.\tAnd more.\n");
	before = time(NULL) / 86400 % 2;
	fd = client(port);
	snprintf(told, sizeof told, "%s", client_hears(fd));
	hears(fd, NULL);
	close(fd);
	after = time(NULL) / 86400 % 2;	/* at midnight */
	if (strcmp(told, line(quotes[before])) != 0)
		ck_assert_str_eq(told, line(quotes[after]));
	stop_master(master);
}
END_TEST

START_TEST(qotd_tells_a_quote_that_is_as_long_as_the_standard_allows)
{
	char quote[LONGEST + 1], text[LONGEST + 2];

	if (cannot_adopt())
		return;
	memset(quote, 'x', LONGEST);
	quote[LONGEST] = '\0';
	snprintf(text, sizeof text, "%s\n", quote);
	serve(text);
	tells(quote);
	stop_master(master);
}
END_TEST

START_TEST(qotd_does_not_care_what_a_client_sends)
{
	static char much[16384];
	int fd;

	if (cannot_adopt())
		return;
	memset(much, 'x', sizeof much - 1);
	serve("Hush.\n");
	/* Everything is sent before there is a worker, which would not wait for
	 * it. */
	stopped(server);
	fd = client(port);
	client_says(fd, much);
	send_signal(server, SIGCONT);
	hears(fd, line("Hush."));
	hears(fd, NULL);
	close(fd);
	stop_master(master);
}
END_TEST

/*
 * A start that fails
 */

static void
fails_with(const char *text, const char *said)
{
	quotes_are(text);
	start("-p", "0", path_of("quotes"), NULL);
	run_fails(&run, 1, said);
	ck_assert_str_eq(run.out, "");
}

START_TEST(qotd_does_not_start_without_quotes)
{
	char text[LONGEST + 3];

	if (cannot_adopt())
		return;
	start("-p", "0", path_of("missing"), NULL);
	run_fails(&run, 1, "/missing: No such file or directory\n");
	start("-p", "0", scratch(), NULL);
	run_fails(&run, 1, ": no quote can be read\n");
	fails_with("", "/quotes: no quote can be read\n");
	fails_with("Good.\nHalf of ", "/quotes:2: too long or cut off\n");
	memset(text, 'x', LONGEST + 1);
	strcpy(text + LONGEST + 1, "\n");
	fails_with(text, "/quotes:1: too long or cut off\n");
}
END_TEST

START_TEST(qotd_says_how_it_is_called)
{
	start_example(&run, "qotd", NULL);
	run_fails(&run, 2, "usage: qotd ");
	start_example(&run, "qotd", "-x", "quotes", NULL);
	run_fails(&run, 2, "usage: qotd ");
	start_example(&run, "qotd", "quotes", "more", NULL);
	run_fails(&run, 2, "usage: qotd ");
	start_example(&run, "qotd", "-P", "", "quotes", NULL);
	run_fails(&run, 2, "usage: qotd ");
}
END_TEST

START_TEST(qotd_says_which_port_is_taken)
{
	char number[16];
	int taken, fd;

	if (cannot_adopt())
		return;
	fd = listen_anywhere(&taken);
	snprintf(number, sizeof number, "%d", taken);
	quotes_are("Taken.\n");
	start("-p", number, path_of("quotes"), NULL);
	run_fails(&run, 1, ": Address already in use\n");
	says(run.err, number);
	close(fd);
}
END_TEST

/*
 * Reload
 */

START_TEST(qotd_reads_new_quotes_while_a_client_holds_a_worker)
{
	pid_t held;
	int fd;

	if (cannot_adopt())
		return;
	serve("Old.\n");
	fd = hold_worker(&held, 0, "Old.");
	quotes_are("New.\n");
	send_signal(master, SIGHUP);
	another_server();
	tells("New.");
	ck_assert_int_eq(state_of(held), 'T');
	let_go(fd, held);
	stop_master(master);
}
END_TEST

START_TEST(qotd_keeps_its_quotes_at_a_reload_with_a_file_that_is_bad)
{
	pid_t first;

	if (cannot_adopt())
		return;
	serve("Old.\n");
	first = server;
	quotes_are("Half of ");
	send_signal(master, SIGHUP);
	shows("log", "/quotes:1: too long or cut off\n");
	shows("log", "qotd: unable to reload: ");
	tells("Old.");
	ck_assert_int_eq(unlink(path_of("quotes")), 0);
	send_signal(master, SIGHUP);
	shows("log", "/quotes: No such file or directory\n");
	tells("Old.");
	ck_assert(running(first));
	quotes_are("New.\n");
	send_signal(master, SIGHUP);
	another_server();
	tells("New.");
	stop_master(master);
}
END_TEST

/*
 * Limits
 */

START_TEST(qotd_serves_ten_clients_of_a_source_at_once)
{
	pid_t held[SOURCE_MAX];
	int fds[SOURCE_MAX], i;
	long since = 0;

	if (cannot_adopt())
		return;
	serve("Enough.\n");
	for (i = 0; i < SOURCE_MAX; i++)
		fds[i] = hold_worker(held, i, "Enough.");
	ck_assert(!is_served("Enough."));
	shows("log", ": its source is at its limit of 10\n");
	for (i = 0; i < SOURCE_MAX; i++)
		let_go(fds[i], held[i]);
	while (!is_served("Enough."))
		look_again(&since, "a client's turn");
	stop_master(master);
}
END_TEST

/*
 * Options
 */

static void
belongs_to(pid_t pid, uid_t user)
{
	char ids[64];

	snprintf(ids, sizeof ids, "%u\t%u\t%u\t%u", (unsigned)user,
	    (unsigned)user, (unsigned)user, (unsigned)user);
	says(status_of(pid, "Uid"), ids);
}

START_TEST(qotd_serves_as_a_user_who_cannot_read_its_file)
{
	struct passwd *user = getpwnam("nobody");
	pid_t held;
	int fd;

	if (cannot_adopt() ||
	    skip_if(geteuid() != 0, "only root has privileges to drop") ||
	    skip_if(user == NULL, "there is no user nobody"))
		return;
	quotes_are("Secret.\n");
	ck_assert_int_eq(chmod(path_of("quotes"), 0600), 0);
	start("-p", "0", "-u", "nobody", path_of("quotes"), NULL);
	started();
	belongs_to(master, 0);
	belongs_to(server, user->pw_uid);
	fd = hold_worker(&held, 0, "Secret.");
	belongs_to(held, user->pw_uid);
	quotes_are("Another.\n");
	send_signal(master, SIGHUP);
	another_server();
	belongs_to(server, user->pw_uid);
	tells("Another.");
	let_go(fd, held);
	stop_master(master);
}
END_TEST

START_TEST(qotd_does_not_start_as_a_user_that_is_unknown)
{
	if (cannot_adopt())
		return;
	quotes_are("Whose?\n");
	start("-p", "0", "-u", "no-such-user", path_of("quotes"), NULL);
	run_fails(&run, 1, "user no-such-user: unknown\n");
}
END_TEST

START_TEST(qotd_runs_once_and_is_controlled_by_its_pid_file)
{
	char said[64];

	if (cannot_adopt() || NO_PID_FILE)
		return;
	quotes_are("Old.\n");
	start("-p", "0", "-P", path_of("pid"), path_of("quotes"), NULL);
	started();
	start_example(&other, "qotd", "-l", path_of("log2"), "-p", "0", "-P",
	    path_of("pid"), path_of("quotes"), NULL);
	exited(run_wait(&other), 1);
	snprintf(said, sizeof said, "already running as process %ld\n",
	    (long)master);
	says(other.err, said);

	quotes_are("New.\n");
	start_example(&other, "qotd", "-r", path_of("pid"), NULL);
	run_succeeds(&other);
	another_server();
	tells("New.");

	start_example(&other, "qotd", "-k", path_of("pid"), NULL);
	run_succeeds(&other);
	master_ends(master);
	ck_assert_int_eq(access(path_of("pid"), F_OK), -1);
	start_example(&other, "qotd", "-k", path_of("pid"), NULL);
	run_fails(&other, 1, "/pid: No such process\n");
	start_example(&other, "qotd", "-r", path_of("pid"), NULL);
	run_fails(&other, 1, "/pid: No such process\n");
}
END_TEST

START_TEST(qotd_logs_its_clients_and_shows_its_status)
{
	char begin[64];
	int fd;

	if (cannot_adopt())
		return;
	quotes_are("Seen.\n");
	start("-p", "0", "-s", path_of("status"), path_of("quotes"), NULL);
	started();
	shows("status", "daemonsrv_workers{daemon=\"qotd\"} 0\n");
	fd = client(port);
	snprintf(begin, sizeof begin, " begins with 127.0.0.1:%d, ",
	    port_of(fd));
	hears(fd, line("Seen."));
	shows("log", begin);
	close(fd);
	shows("log", " ended with status 0 after ");
	stop_master(master);
	ck_assert_int_eq(access(path_of("status"), F_OK), -1);
}
END_TEST

START_TEST(qotd_stays_in_the_foreground_and_logs_to_stderr)
{
	if (cannot_adopt())
		return;
	quotes_are("Here.\n");
	start("-f", "-p", "0", path_of("quotes"), NULL);
	master = run.pid;
	server = 0;
	meet_server();
	port = port_of_process(server);
	tells("Here.");
	says(client_hears(run.err_fd), " begins with 127.0.0.1:");
	send_signal(master, SIGTERM);
	exited(run_wait(&run), 0);
	nothing_left();
	ck_assert_int_eq(access(path_of("log"), F_OK), -1);
}
END_TEST

/* As systemd would; a shell need only know descriptors up to 9. */
START_TEST(qotd_serves_on_the_socket_that_it_was_started_with)
{
	char program[PATH_MAX], word[] = "sh", option[] = "-c", log[] = "-l",
	    none[] = "-p", nowhere[] = "no-such-port", command[] =
	    "export LISTEN_PID=$$ LISTEN_FDS=1; "
	    "exec \"$0\" \"$@\" 3<&9 9<&-";
	char *argv[] = { word, option, command, program, log, NULL, none,
		nowhere, NULL, NULL };
	int fd;

	if (cannot_adopt())
		return;
	quotes_are("Given.\n");
	snprintf(program, sizeof program, "%s/examples/qotd",
	    getenv("TOP_BUILDDIR"));
	argv[5] = strdup(path_of("log"));
	argv[8] = strdup(path_of("quotes"));
	fd = listen_anywhere(&port);
	ck_assert_int_eq(dup2(fd, 9), 9);
	start_words(&run, argv);
	run_succeeds(&run);
	ck_assert_str_eq(run.err, "");
	master = only_child_of(getpid());
	tells("Given.");
	stop_master(master);
	free(argv[5]);
	free(argv[8]);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		qotd_tells_each_client_the_same_line_of_its_file_for_a_day,
		qotd_tells_a_quote_that_is_as_long_as_the_standard_allows,
		qotd_does_not_care_what_a_client_sends,
		qotd_does_not_start_without_quotes,
		qotd_says_how_it_is_called,
		qotd_says_which_port_is_taken,
		qotd_reads_new_quotes_while_a_client_holds_a_worker,
		qotd_keeps_its_quotes_at_a_reload_with_a_file_that_is_bad,
		qotd_serves_ten_clients_of_a_source_at_once,
		qotd_serves_as_a_user_who_cannot_read_its_file,
		qotd_does_not_start_as_a_user_that_is_unknown,
		qotd_runs_once_and_is_controlled_by_its_pid_file,
		qotd_logs_its_clients_and_shows_its_status,
		qotd_stays_in_the_foreground_and_logs_to_stderr,
		qotd_serves_on_the_socket_that_it_was_started_with
	};

	return RUN_TESTS("qotd", tests);
}
