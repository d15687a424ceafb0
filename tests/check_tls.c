/*
 * check_tls.c - examples/tls as curl, openssl and silent clients see it
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <poll.h>
#include <pwd.h>
#include <stdarg.h>

#include "example.h"

static struct run daemon_run, tool;

#define START(...) \
	start_example(&daemon_run, "tls", "-a", "127.0.0.1", "-p", "0", \
	    "-t", "1000", __VA_ARGS__)

/*
 * What it needs
 */

#ifdef HAVE_OPENSSL
enum { BUILT = 1 };
#else
enum { BUILT = 0 };
#endif

/* The test and its daemon run in the scratch directory. */
static int
tls_is_missing(void)
{
	if (skip_if(!BUILT, "examples/tls is not built: no OpenSSL") ||
	    cannot_adopt() || missing("openssl version"))
		return 1;
	ck_assert_int_eq(chdir(scratch()), 0);
	return 0;
}

/*
 * Commands of the shell
 */

static const char *shell(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Returns what the command writes on stdout. */
static const char *
shell(const char *format, ...)
{
	char text[1024], program[] = "sh", option[] = "-c";
	char *argv[] = { program, option, text, NULL };
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof text, format, values);
	va_end(values);
	start_words(&tool, argv);
	run_succeeds(&tool);
	return tool.out;
}

/* Makes NAME.crt and NAME.key; only the owner can read the key. */
static void
make_certificate(const char *name)
{
	struct stat st;

	shell("umask 077 && openssl req -x509 -newkey ec -pkeyopt "
	    "ec_paramgen_curve:prime256v1 -nodes -keyout %s.key -out %s.crt "
	    "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -days 2",
	    name, name);
	shell("test -s %s.crt && test -s %s.key", name, name);
	ck_assert_int_eq(stat("own.key", &st), 0);
	ck_assert_uint_eq(st.st_mode & 077, 0);
}

/* What s_client prints after a request; it saves its session in a file. */
static const char *
asks(int port, const char *options)
{
	return shell("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client "
	    "-connect 127.0.0.1:%d -CAfile own.crt -verify_return_error "
	    "-ign_eof -state -sess_out session %s 2>&1", port, options);
}

/* What curl gets if the server has that certificate. */
static const char *
gets(int port, const char *certificate)
{
	return shell("curl -q -sS -f --noproxy '*' --cacert %s "
	    "https://127.0.0.1:%d/", certificate, port);
}

static long
worker_in(const char *text)
{
	const char *line = strstr(text, "\nworker ");
	long pid = 0;

	ck_assert_msg(line != NULL && sscanf(line, "\nworker %ld", &pid) == 1,
	    "no worker in \"%s\"", text);
	return pid;
}

/*
 * The daemon
 */

/* Returns the master; option: one option and its value, or two NULLs. */
static pid_t
serve(const char *option, const char *value, int *port)
{
	make_certificate("own");
	if (option == NULL)
		START("own.crt", "own.key", NULL);
	else
		START(option, value, "own.crt", "own.key", NULL);
	return run_started(&daemon_run, port);
}

/* So that its messages can be read. */
static int
serve_in_foreground(void)
{
	make_certificate("own");
	START("-f", "own.crt", "own.key", NULL);
	return port_in(client_hears(daemon_run.out_fd));
}

static void
complains(const char *expected)
{
	ck_assert_msg(!silent_for(daemon_run.err_fd, DEADLINE * 1000),
	    "no message came");
	says(client_hears(daemon_run.err_fd), expected);
}

static void
stop_in_foreground(void)
{
	send_signal(daemon_run.pid, SIGTERM);
	exited(run_wait(&daemon_run), 0);
	nothing_left();
}

static void
reload(pid_t master)
{
	pid_t server = only_child_of(master);

	send_signal(master, SIGHUP);
	gone(server);
	ck_assert_int_ne(only_child_of(master), server);
}

/*
 * Connections
 */

START_TEST(tls_tells_curl_about_its_connection)
{
	const char *page;
	pid_t master;
	int port;

	if (tls_is_missing() || missing("curl --version"))
		return;
	master = serve(NULL, NULL, &port);
	page = gets(port, "own.crt");
	says(page, "client 127.0.0.1:");
	says(page, "\nTLSv1.3 ");
	says(page, "\nsession new\n");
	ck_assert_int_gt(worker_in(page), 1);
	stop_master(master);
}
END_TEST

START_TEST(connection_ends_so_that_the_client_knows_nothing_was_cut_off)
{
	pid_t master;
	int port;

	if (tls_is_missing())
		return;
	master = serve(NULL, NULL, &port);
	says(asks(port, ""), "alert read:warning:close notify");
	stop_master(master);
}
END_TEST

/* Asserts that the session is resumed; returns the worker. */
static long
is_resumed(int port)
{
	const char *said = asks(port, "-sess_in session");

	says(said, "\nReused, TLSv1.3");
	says(said, "\nsession resumed");
	return worker_in(said);
}

START_TEST(session_is_resumed_in_another_worker)
{
	const char *said;
	pid_t master;
	long worker;
	int port;

	if (tls_is_missing())
		return;
	master = serve(NULL, NULL, &port);
	said = asks(port, "");
	says(said, "\nNew, TLSv1.3");
	says(said, "\nsession new");
	worker = worker_in(said);
	ck_assert_int_ne(is_resumed(port), worker);
	stop_master(master);
}
END_TEST

START_TEST(session_is_resumed_after_a_reload_and_after_a_crash)
{
	pid_t master, server;
	int port;

	if (tls_is_missing())
		return;
	master = serve(NULL, NULL, &port);
	says(asks(port, ""), "\nsession new");
	reload(master);
	is_resumed(port);
	server = only_child_of(master);
	send_signal(server, SIGKILL);
	reaped(server);
	is_resumed(port);
	stop_master(master);
}
END_TEST

START_TEST(worker_serves_one_client_after_another_with_spares)
{
	pid_t master, server;
	long worker;
	int port;

	if (tls_is_missing())
		return;
	make_certificate("own");
	START("-c", "1", "-s", "1", "own.crt", "own.key", NULL);
	master = run_started(&daemon_run, &port);
	server = only_child_of(master);
	worker = worker_in(asks(port, ""));
	ck_assert_int_eq(is_resumed(port), worker);
	ck_assert_int_eq(is_resumed(port), worker);
	ck_assert_int_eq(only_child_of(server), (pid_t)worker);
	stop_master(master);
}
END_TEST

START_TEST(worker_serves_no_more_clients_than_it_may)
{
	pid_t master;
	long worker;
	int port;

	if (tls_is_missing())
		return;
	make_certificate("own");
	START("-c", "1", "-s", "1", "-n", "1", "own.crt", "own.key", NULL);
	master = run_started(&daemon_run, &port);
	worker = worker_in(asks(port, ""));
	ck_assert_int_ne(is_resumed(port), worker);
	stop_master(master);
}
END_TEST

/*
 * Clients that do not shake hands
 */

/* Sends a byte every tenth of a second until the other side ends: the record
 * would be complete after half an hour. */
static void
trickle(int fd)
{
	static const char start[5] = { 22, 3, 1, 0x40, 0 };
	struct pollfd conn = { .fd = fd, .events = POLLIN };
	size_t sent = 0;

	while (poll(&conn, 1, 100) == 0 && send(fd, sent < sizeof start ?
	    &start[sent] : "", 1, MSG_NOSIGNAL) == 1)
		sent++;
}

START_TEST(client_that_does_not_shake_hands_is_ended)
{
	int port, silent_one, slow;
	pid_t master;

	if (tls_is_missing())
		return;
	master = serve("-t", "1", &port);
	silent_one = client(port);
	slow = client(port);
	trickle(slow);
	hears(slow, NULL);
	hears(silent_one, NULL);
	has_children(only_child_of(master), 0);
	close(slow);
	close(silent_one);
	stop_master(master);
}
END_TEST

START_TEST(client_that_does_not_shake_hands_keeps_no_other_waiting)
{
	int port, silent_one, slow;
	pid_t master;

	if (tls_is_missing() || missing("curl --version"))
		return;
	master = serve(NULL, NULL, &port);
	silent_one = client(port);
	slow = client(port);
	client_says(slow, "\026\003\001");
	has_children(only_child_of(master), 2);
	says(gets(port, "own.crt"), "\nsession new\n");
	says(asks(port, ""), "\nsession new");
	ck_assert(silent(silent_one) && silent(slow));
	stop_master(master);
	close(slow);
	close(silent_one);
}
END_TEST

START_TEST(log_says_why_a_client_was_not_served)
{
	int port, fd;

	if (tls_is_missing())
		return;
	port = serve_in_foreground();
	fd = client(port);
	client_says(fd, "GET / HTTP/1.0\r\n\r\n");
	while (client_hears(fd) != NULL)
		;	/* skip an alert */
	complains("tls: unable to serve 127.0.0.1:");
	close(fd);
	says(asks(port, ""), "\nsession new");
	stop_in_foreground();
}
END_TEST

/*
 * Files
 */

START_TEST(key_is_read_by_root_and_used_by_another_user)
{
	const struct passwd *nobody = getpwnam("nobody");
	pid_t master, server;
	char uids[64];
	int port, fd;

	if (tls_is_missing() ||
	    skip_if(geteuid() != 0, "only root has privileges to drop") ||
	    skip_if(nobody == NULL, "there is no user nobody"))
		return;
	master = serve("-u", "nobody", &port);
	server = only_child_of(master);
	fd = client(port);
	snprintf(uids, sizeof uids, "%lu\t%lu\t%lu\t%lu",
	    (unsigned long)nobody->pw_uid, (unsigned long)nobody->pw_uid,
	    (unsigned long)nobody->pw_uid, (unsigned long)nobody->pw_uid);
	says(status_of(server, "Uid"), uids);
	says(status_of(only_child_of(server), "Uid"), uids);
	close(fd);
	says(asks(port, ""), "\nsession new");
	/* Root can read it again. */
	reload(master);
	is_resumed(port);
	stop_master(master);
}
END_TEST

START_TEST(renewed_certificate_is_served_after_a_reload)
{
	pid_t master;
	int port;

	if (tls_is_missing() || missing("curl --version"))
		return;
	master = serve(NULL, NULL, &port);
	make_certificate("next");
	shell("cp next.crt own.crt && cp next.key own.key");
	reload(master);
	says(gets(port, "next.crt"), "\nsession new\n");
	stop_master(master);
}
END_TEST

START_TEST(bad_certificate_costs_nothing_at_a_reload)
{
	int port;

	if (tls_is_missing())
		return;
	port = serve_in_foreground();
	says(asks(port, ""), "\nsession new");
	shell("mv own.crt good.crt && echo nonsense >own.crt");
	send_signal(daemon_run.pid, SIGHUP);
	complains("tls: unable to use own.crt: ");
	complains("tls: unable to ");
	shell("mv good.crt own.crt");
	is_resumed(port);
	stop_in_foreground();
}
END_TEST

START_TEST(shell_is_told_what_is_wrong_with_a_file)
{
	if (tls_is_missing())
		return;
	make_certificate("own");
	make_certificate("other");
	START("no.crt", "own.key", NULL);
	run_fails(&daemon_run, 1, "tls: unable to use no.crt: No such file");
	START("own.crt", "no.key", NULL);
	run_fails(&daemon_run, 1, "tls: unable to use no.key: No such file");
	START("own.key", "own.key", NULL);
	run_fails(&daemon_run, 1, "tls: unable to use own.key: ");
	START("own.crt", "own.crt", NULL);
	run_fails(&daemon_run, 1, "tls: unable to use own.crt: ");
	START("own.crt", "other.key", NULL);
	run_fails(&daemon_run, 1, "tls: unable to use other.key: "
	    "key values mismatch");
}
END_TEST

START_TEST(tls_shows_its_usage_where_it_is_not_understood)
{
	static const char *const words[][2] = {
		{ "-x", "1" }, { "-s", "some" }, { "-n", "-1" }, { "-t", "0" },
		{ "-p", "65536" }, { "-c", "0" }
	};
	int i;

	if (tls_is_missing())
		return;
	for (i = 0; i < COUNT(words); i++) {
		START(words[i][0], words[i][1], "own.crt", "own.key", NULL);
		run_fails(&daemon_run, 2, "usage: tls ");
	}
	START("own.crt", NULL);
	run_fails(&daemon_run, 2, "usage: tls ");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		tls_tells_curl_about_its_connection,
		connection_ends_so_that_the_client_knows_nothing_was_cut_off,
		session_is_resumed_in_another_worker,
		session_is_resumed_after_a_reload_and_after_a_crash,
		worker_serves_one_client_after_another_with_spares,
		worker_serves_no_more_clients_than_it_may,
		client_that_does_not_shake_hands_is_ended,
		client_that_does_not_shake_hands_keeps_no_other_waiting,
		log_says_why_a_client_was_not_served,
		key_is_read_by_root_and_used_by_another_user,
		renewed_certificate_is_served_after_a_reload,
		bad_certificate_costs_nothing_at_a_reload,
		shell_is_told_what_is_wrong_with_a_file,
		tls_shows_its_usage_where_it_is_not_understood
	};

	return RUN_TESTS("tls", tests);
}
