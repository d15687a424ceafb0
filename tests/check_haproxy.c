/*
 * check_haproxy.c - examples/haproxy.cfg: HAProxy in front of three daemons,
 * which are restarted while clients come
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <limits.h>

#include "example.h"

#ifdef HAVE_FLOCK
enum { HAS_LOCKS = 1 };
#else
enum { HAS_LOCKS = 0 };
#endif

enum {
	DAEMONS = 3,
	CLIENTS = 4,
	SOME = 5,	/* how many answers are enough */
	FRONT = 90	/* HAProxy's descriptor */
};

static struct daemon {
	const char *name, *variable, *address;
	char pid_file[PATH_MAX];
	int port;
	pid_t master;
} daemons[DAEMONS] = {
	{ .name = "one", .variable = "ONE", .address = "127.0.0.11" },
	{ .name = "two", .variable = "TWO", .address = "127.0.0.12" },
	{ .name = "three", .variable = "THREE", .address = "127.0.0.13" }
};

static struct run run, proxy;
static int front;	/* the port that clients connect to */
static struct sockaddr_un admin_socket = { .sun_family = AF_UNIX };

/* Shared with the client processes. */
static struct traffic {
	int clients, over;
	long answers[DAEMONS];	/* from each daemon */
} *traffic;

/* Whether HAProxy is there, as haproxy.cfg needs it. */
static int
has_haproxy(void)
{
	int major = 0, minor = 0;
	FILE *said;

	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
	    "/sbin:/bin", 1);
	said = popen("haproxy -v 2>/dev/null", "r");
	ck_assert_ptr_nonnull(said);
	if (fscanf(said, "HA%*[^0-9]%d.%d", &major, &minor) != 2)
		major = 0;
	while (getc(said) != EOF)
		;
	pclose(said);
	return major > 2 || (major == 2 && minor >= 5);
}

static int
cannot_run(void)
{
	return skip_if(!HAS_LOCKS, "no pid file without flock(2)") ||
	    skip_if(!has_haproxy(), "there is no HAProxy 2.5 or newer");
}

/*
 * The daemons: each has an address of its own, whose ports no other test uses
 */

/* Another program may have taken its port meanwhile. */
static int
has_started(const struct daemon *d)
{
	int status = run_wait(&run);

	ck_assert_msg(status == 0 || (d->port != 0 &&
	    strstr(run.err, "in use") != NULL), "wait status %#x, stderr: %s",
	    status, run.err);
	return status == 0;
}

static void
start_daemon(struct daemon *d)
{
	char program[256], port[16];
	long since = 0;

	snprintf(program, sizeof program, "while read -r line; do "
	    "echo \"$line from $TCPREMOTEIP at %s\"; done", d->name);
	snprintf(port, sizeof port, "%d", d->port);
	for (;;) {
		start_example(&run, "superserver", "-a", d->address, "-p",
		    port, "-P", d->pid_file, "-H", "127.0.0.1", "sh", "-c",
		    program, NULL);
		if (has_started(d))
			break;
		look_again(&since, "a port");
	}
	if (d->port == 0)
		d->port = port_in(run.out);
	d->master = daemon_running(d->pid_file);
	ck_assert_int_gt(d->master, 1);
}

static void
end_daemon(struct daemon *d, const char *how)
{
	start_example(&run, "superserver", "-P", d->pid_file, "-k", how, NULL);
	run_succeeds(&run);
	exited(ended(d->master), 0);
}

static void
start_daemons(void)
{
	char address[64];
	struct daemon *d;

	for (d = daemons; d < daemons + DAEMONS; d++) {
		snprintf(d->pid_file, sizeof d->pid_file, "%s/%s", scratch(),
		    d->name);
		start_daemon(d);
		snprintf(address, sizeof address, "%s:%d", d->address,
		    d->port);
		setenv(d->variable, address, 1);
	}
}

/*
 * HAProxy
 */

static void
start_haproxy(void)
{
	char path[PATH_MAX], log[PATH_MAX], program[] = "haproxy",
	    file[] = "-f", stay[] = "-db";
	char *argv[] = { program, file, path, stay, NULL };
	int fd = listen_anywhere(&front);

	ck_assert_int_eq(dup2(fd, FRONT), FRONT);
	close(fd);
	snprintf(path, sizeof path, "%s/examples/haproxy.cfg",
	    getenv("TOP_SRCDIR"));
	snprintf(log, sizeof log, "%s/log", scratch());
	snprintf(admin_socket.sun_path, sizeof admin_socket.sun_path,
	    "%s/admin", scratch());
	setenv("FRONT", "fd@90", 1);
	setenv("LOG", log, 1);
	setenv("ADMIN", admin_socket.sun_path, 1);
	run_command(&proxy, argv);
	close(FRONT);
}

static void
end_haproxy(void)
{
	send_signal(proxy.pid, SIGTERM);
	run_wait(&proxy);
	free(proxy.out);
	free(proxy.err);
}

/* HAProxy may not have opened the socket yet. */
static int
connect_to_admin(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	long since = 0;

	while (connect(fd, (struct sockaddr *)&admin_socket,
	    sizeof admin_socket) == -1) {
		if (!running(proxy.pid)) {
			run_wait(&proxy);
			ck_abort_msg("no HAProxy: %s", proxy.err);
		}
		look_again(&since, "HAProxy");
	}
	return fd;
}

/* What socat does: returns the answer to a command. */
static const char *
admin(const char *command)
{
	static char text[65536];
	int fd = connect_to_admin();
	size_t len = 0;
	ssize_t n;

	client_says(fd, command);
	while ((n = read(fd, text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	ck_assert_int_eq(n, 0);
	text[len] = '\0';
	close(fd);
	return text;
}

static void
set_state(const struct daemon *d, const char *state)
{
	char command[128];

	snprintf(command, sizeof command, "set server daemons/%s state %s\n",
	    d->name, state);
	admin(command);
}

/* A column of what HAProxy knows about a daemon. */
static const char *
known(const struct daemon *d, int column)
{
	static char value[64];
	char begin[64];
	const char *at;

	snprintf(begin, sizeof begin, "\ndaemons,%s,", d->name);
	at = strstr(admin("show stat\n"), begin);
	ck_assert_msg(at != NULL, "HAProxy does not know %s", d->name);
	for (at++; column > 0; column--)
		at += strcspn(at, ",") + 1;
	snprintf(value, sizeof value, "%.*s", (int)strcspn(at, ","), at);
	return value;
}

enum { SESSIONS = 4, STATUS = 17, CHECK = 36 };

static void
becomes_known(const struct daemon *d, int column, const char *value)
{
	long since = 0;

	while (strcmp(known(d, column), value) != 0)
		look_again(&since, d->name);
}

/*
 * The clients: each has an address of its own, and asks all the time
 */

/* Returns the index of the daemon that has answered. */
static int
asks_from(const char *address)
{
	int i, fd = connect_from(address, front);
	char expected[64];
	const char *line;

	client_says(fd, "hello\n");
	line = client_hears(fd);
	hold(line != NULL, "%s: no answer", address);
	for (i = 0; i < DAEMONS; i++) {
		snprintf(expected, sizeof expected, "hello from %s at %s",
		    address, daemons[i].name);
		if (strcmp(line, expected) == 0)
			break;
	}
	hold(i < DAEMONS, "%s: \"%s\" is no answer", address, line);
	close(fd);
	return i;
}

static void
be_client(void)
{
	int number = __atomic_fetch_add(&traffic->clients, 1,
	    __ATOMIC_SEQ_CST);
	char address[32];

	snprintf(address, sizeof address, "127.0.0.%d", 21 + number);
	while (!__atomic_load_n(&traffic->over, __ATOMIC_SEQ_CST))
		__atomic_fetch_add(&traffic->answers[asks_from(address)], 1,
		    __ATOMIC_SEQ_CST);
}

static long
answers_of(const struct daemon *d)
{
	return __atomic_load_n(&traffic->answers[d - daemons],
	    __ATOMIC_SEQ_CST);
}

static int
all_go_on(const struct run *clients)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		if (!running(clients[i].pid))
			return 0;
	return 1;
}

/* Waits for more answers, or for a client to end, whose status tells why. */
static void
answers(const struct daemon *d, const struct run *clients)
{
	long since = 0, before = answers_of(d);

	while (answers_of(d) < before + SOME && all_go_on(clients))
		look_again(&since, "answers");
}

static void
end_clients(struct run *clients)
{
	int i;

	traffic->over = 1;
	for (i = 0; i < CLIENTS; i++) {
		run_succeeds(&clients[i]);
		free(clients[i].out);
		free(clients[i].err);
	}
}

/*
 * Tests
 */

static void
begin(void)
{
	int i;

	start_daemons();
	start_haproxy();
	for (i = 0; i < DAEMONS; i++)
		becomes_known(&daemons[i], CHECK, "L7OK");
}

static void
end(void)
{
	int i;

	end_haproxy();
	for (i = 0; i < DAEMONS; i++)
		end_daemon(&daemons[i], "stop");
	nothing_left();
}

/* With the commands in haproxy.cfg. */
static void
restart(struct daemon *d, const struct run *clients)
{
	const struct daemon *next = &daemons[(d - daemons + 1) % DAEMONS];

	set_state(d, "drain");
	becomes_known(d, STATUS, "DRAIN");
	becomes_known(d, SESSIONS, "0");
	end_daemon(d, "quit");
	answers(next, clients);
	start_daemon(d);
	set_state(d, "ready");
	becomes_known(d, STATUS, "UP");
	answers(d, clients);
}

START_TEST(daemons_are_restarted_one_after_another_and_no_client_notices)
{
	struct run clients[CLIENTS];
	int i;

	if (cannot_run())
		return;
	begin();
	traffic = shared_memory(sizeof *traffic);
	memset(clients, 0, sizeof clients);
	for (i = 0; i < CLIENTS; i++)
		run_start(&clients[i], be_client);
	for (i = 0; i < DAEMONS; i++)
		answers(&daemons[i], clients);
	for (i = 0; i < DAEMONS; i++)
		restart(&daemons[i], clients);
	end_clients(clients);
	end();
}
END_TEST

/* HAProxy does not know it from a check yet. */
START_TEST(client_of_a_daemon_that_has_ended_is_served_by_another)
{
	long since = 0;
	int i;

	if (cannot_run())
		return;
	begin();
	end_daemon(&daemons[1], "stop");
	for (i = 0; i < SOME * DAEMONS; i++)
		ck_assert_int_ne(asks_from("127.0.0.21"), 1);
	start_daemon(&daemons[1]);
	becomes_known(&daemons[1], STATUS, "UP");
	while (asks_from("127.0.0.21") != 1)
		look_again(&since, "an answer");
	end();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		daemons_are_restarted_one_after_another_and_no_client_notices,
		client_of_a_daemon_that_has_ended_is_served_by_another
	};

	return RUN_TESTS("haproxy", tests);
}
