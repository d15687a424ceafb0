/*
 * tls.c - what a TLS handshake costs in each mode of a daemon
 *
 *     tls [-r rounds] [-s seconds] daemon
 *
 * daemon is examples/tls. Clients connect, shake hands, ask, read the answer to
 * end of file and start again: a closed loop on loopback. The modes take turns,
 * so that other load on the machine affects all of them. For comparison there
 * are handshakes within this process.
 *
 * SPDX-License-Identifier: ISC
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <netinet/in.h>
#include <err.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "page.h"

enum {
	MANY = 16,		/* clients */
	LATENCIES = 100000,
	ROUNDS_MAX = 99
};

static const char certificate[] = "openssl req -x509 -newkey ec -pkeyopt "
    "ec_paramgen_curve:prime256v1 -nodes -keyout key -out cert "
    "-subj /CN=localhost -days 2 2>errors || { cat errors >&2; exit 1; }";

static int rounds = 5;
static double length = 0.5;	/* s */
static const char *program;
static char directory[] = "/tmp/tls.XXXXXX";
static pid_t measurer, daemon_pid;
static SSL_SESSION *session;	/* the last session of this client */

/* What the clients of a load have seen, in shared memory. */
static struct seen {
	int latency_count;
	uint32_t latencies[LATENCIES];	/* us */
	int served;
} *seen;

static struct mode {
	const char *name;
	const char *options[4];
	double cost[2][ROUNDS_MAX];	/* us of processor time; [1]: resumed */
	double latency[2][ROUNDS_MAX];	/* us, with one client */
	double rate[2][ROUNDS_MAX];	/* with many clients */
} modes[] = {
	{ .name = "one fork a connection" },
	{ .name = "16 spares", .options = { "-s", "16", "-n", "1" } },
	{ .name = "16 spares, reused", .options = { "-s", "16" } }
};

enum { MODES = sizeof modes / sizeof modes[0] };

static double alone[2][ROUNDS_MAX];

static double
seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/*
 * A client
 */

static int
keep_session(SSL *tls, SSL_SESSION *new)
{
	(void)tls;
	SSL_SESSION_free(session);
	session = new;
	return 1;
}

static SSL_CTX *
client_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		errx(1, "unable to use TLS");
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT |
	    SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, keep_session);
	return context;
}

/* A session of a connection that is not shut down cannot be resumed. */
static void
end(SSL *tls)
{
	SSL_set_shutdown(tls, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(tls);
}

/* Closing by a reset leaves no TIME_WAIT: otherwise the ports would run out. */
static int
connect_to(int port)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
	    sizeof reset) == -1 || connect(fd, (struct sockaddr *)&addr,
	    sizeof addr) == -1)
		err(1, "unable to connect");
	return fd;
}

static void
ask(SSL_CTX *context, int port, int resumes)
{
	static const char request[] = "GET / HTTP/1.0\r\n\r\n";
	int n, size = 0, fd = connect_to(port);
	SSL *tls = SSL_new(context);
	char answer[4096];

	if (tls == NULL || SSL_set_fd(tls, fd) != 1 ||
	    (resumes && SSL_set_session(tls, session) != 1) ||
	    SSL_connect(tls) != 1 || SSL_session_reused(tls) != resumes ||
	    SSL_write(tls, request, sizeof request - 1) <= 0)
		errx(1, "no %s handshake", resumes ? "resumed" : "full");
	while ((n = SSL_read(tls, answer, sizeof answer)) > 0)
		size += n;
	if (size == 0 || SSL_get_error(tls, n) != SSL_ERROR_ZERO_RETURN)
		errx(1, "no answer");
	end(tls);
	close(fd);
}

static void
be_client(int port, int resumes)
{
	SSL_CTX *context = client_context();
	double until, now, began;
	int i;

	ask(context, port, 0);	/* gets a session, and warms up */
	for (until = seconds(CLOCK_MONOTONIC) + length;
	    (began = seconds(CLOCK_MONOTONIC)) < until;) {
		ask(context, port, resumes);
		now = seconds(CLOCK_MONOTONIC);
		i = __atomic_fetch_add(&seen->latency_count, 1,
		    __ATOMIC_RELAXED);
		if (i < LATENCIES)
			seen->latencies[i] = (uint32_t)((now - began) * 1e6);
	}
}

/*
 * A daemon in the foreground: all of its processes are our descendants, so
 * their processor time is known
 */

static double
cpu_of_children(void)
{
	struct rusage used;

	getrusage(RUSAGE_CHILDREN, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
	    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Returns the port. */
static int
start_daemon(const struct mode *m)
{
	const char *argv[16] = { program, "-f", "-a", "127.0.0.1", "-p", "0",
		"-c", "1000" };
	int i, port, out[2], argc = 8;
	FILE *said;

	for (i = 0; i < 4 && m->options[i] != NULL; i++)
		argv[argc++] = m->options[i];
	argv[argc++] = "cert";
	argv[argc++] = "key";
	if (pipe(out) == -1 || (daemon_pid = fork()) == -1)
		err(1, "unable to start %s", program);
	if (daemon_pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execv(program, (char **)(uintptr_t)argv);
		err(1, "unable to run %s", program);
	}
	close(out[1]);
	said = fdopen(out[0], "r");
	if (said == NULL || fscanf(said, "listening on port %d", &port) != 1)
		errx(1, "%s does not say its port", program);
	fclose(said);
	return port;
}

/* Returns the processor time of all its processes, in s. */
static double
end_daemon(void)
{
	double before = cpu_of_children();

	kill(daemon_pid, SIGTERM);
	waitpid(daemon_pid, NULL, 0);
	daemon_pid = 0;
	return cpu_of_children() - before;
}

static void
run_clients(int count, int port, int resumes)
{
	int i, status;
	pid_t pid;

	memset(seen, 0, sizeof *seen);
	for (i = 0; i < count; i++)
		if ((pid = fork()) == 0) {
			be_client(port, resumes);
			_exit(0);
		} else if (pid == -1)
			err(1, "fork");
	for (i = 0; i < count; i++)
		if (wait(&status) == -1 || status != 0)
			errx(1, "a client has failed");
	seen->served = seen->latency_count + count;	/* the first ones */
}

/*
 * Measuring
 */

static int
ascending(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static uint32_t
middle_latency(void)
{
	int count = seen->latency_count;

	if (count > LATENCIES)
		count = LATENCIES;
	qsort(seen->latencies, (size_t)count, sizeof seen->latencies[0],
	    ascending);
	return count > 0 ? seen->latencies[count / 2] : 0;
}

/* Returns the processor time of the daemon. */
static double
load(const struct mode *m, int clients, int resumes)
{
	run_clients(clients, start_daemon(m), resumes);
	return end_daemon();
}

/* The time of the start and the end is not counted. */
static void
measure(struct mode *m, int round, int resumes)
{
	double saved = length, start;
	int served;

	length = 0;
	start = load(m, 1, 0);
	served = seen->served;
	length = saved;
	load(m, 1, resumes);
	m->latency[resumes][round] = middle_latency();
	m->cost[resumes][round] = (load(m, MANY, resumes) - start) * 1e6 /
	    (seen->served - served);
	m->rate[resumes][round] = seen->latency_count / length;
}

/*
 * Both ends in this process
 */

static SSL_CTX *
server_context(void)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context == NULL ||
	    SSL_CTX_use_certificate_chain_file(context, "cert") != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, "key", SSL_FILETYPE_PEM) != 1)
		errx(1, "unable to use the certificate");
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return context;
}

/* Returns the processor time of the server's side. */
static double
shake_hands(SSL *client, SSL *server, int resumes)
{
	double began, used = 0;
	BIO *one, *other;
	int done = 0;
	char c;

	if (BIO_new_bio_pair(&one, 0, &other, 0) != 1 ||
	    (resumes && SSL_set_session(client, session) != 1))
		errx(1, "unable to shake hands");
	SSL_set_bio(client, one, one);
	SSL_set_bio(server, other, other);
	while (done != 1) {
		SSL_connect(client);
		began = seconds(CLOCK_PROCESS_CPUTIME_ID);
		done = SSL_accept(server);
		used += seconds(CLOCK_PROCESS_CPUTIME_ID) - began;
	}
	SSL_read(client, &c, 1);	/* the tickets */
	if (SSL_session_reused(server) != resumes)
		errx(1, "no handshake");
	return used;
}

/* us of processor time for each handshake. */
static double
measure_alone(int resumes)
{
	SSL_CTX *for_client = client_context(), *for_server = server_context();
	double used = 0, until = seconds(CLOCK_MONOTONIC) + length;
	SSL *client, *server;
	int count;

	for (count = -1; seconds(CLOCK_MONOTONIC) < until; count++) {
		client = SSL_new(for_client);
		server = SSL_new(for_server);
		if (client == NULL || server == NULL)
			errx(1, "unable to shake hands");
		if (count == -1)	/* gets a session, and warms up */
			shake_hands(client, server, 0);
		else
			used += shake_hands(client, server, resumes);
		end(client);
		end(server);
	}
	SSL_CTX_free(for_client);
	SSL_CTX_free(for_server);
	return used * 1e6 / count;
}

/*
 * The page
 */

static void
report(int resumes)
{
	struct mode *m;

	printf("\n## %s\n\n| | CPU us | us, 1 client | connections a second, "
	    "%d clients |\n| --- | ---: | ---: | ---: |\n",
	    resumes ? "Resumed handshakes" : "Full handshakes", MANY);
	printf("| the handshake alone | ");
	page_spread(alone[resumes], rounds, "%.0f [%.0f-%.0f] | | |\n");
	for (m = modes; m < modes + MODES; m++) {
		printf("| %s | ", m->name);
		page_spread(m->cost[resumes], rounds, "%.0f [%.0f-%.0f] | ");
		page_spread(m->latency[resumes], rounds,
		    "%.0f [%.0f-%.0f] | ");
		page_spread(m->rate[resumes], rounds, "%.0f [%.0f-%.0f] |\n");
	}
}

static void
print_page(void)
{
	printf("# TLS\n\nWritten by `make bench-tls`. Loads of %g s, median "
	    "[least-most] of %d rounds.\n", length, rounds);
	page_machine();
	printf("Each connection to `examples/tls` is a TLS 1.3 handshake, a "
	    "question and its\nanswer, on loopback, with a key on P-256. CPU "
	    "is that of the daemon and all its\nprocesses, for one "
	    "connection. The handshake alone is the server's side of it, in a\n"
	    "process that makes one after another without a connection, a "
	    "fork or an answer.\nA session is resumed by the ticket of the "
	    "client's last connection, which another\nworker has usually "
	    "served.\n");
	report(0);
	report(1);
	printf("\nOpenSSL %s.\n", OpenSSL_version(OPENSSL_VERSION) +
	    strlen("OpenSSL "));
}

static void
run_rounds(void)
{
	int i, resumes, round;

	for (round = 0; round < rounds; round++)
		for (resumes = 0; resumes < 2; resumes++) {
			fprintf(stderr, "\rround %d of %d, %-8s", round + 1,
			    rounds, resumes ? "resumed" : "full");
			alone[resumes][round] = measure_alone(resumes);
			for (i = 0; i < MODES; i++)
				measure(&modes[i], round, resumes);
		}
	fprintf(stderr, "\r%-40s\r", "");
}

static void
clean(void)
{
	if (getpid() != measurer)
		return;
	if (daemon_pid > 0)
		kill(daemon_pid, SIGTERM);
	unlink("cert");
	unlink("key");
	unlink("errors");
	rmdir(directory);
}

int
main(int argc, char *argv[])
{
	int option;

	while ((option = getopt(argc, argv, "r:s:")) != -1)
		if (option == 'r')
			rounds = atoi(optarg);
		else if (option == 's')
			length = atof(optarg);
		else
			return 1;
	if (optind != argc - 1 || rounds < 1 || rounds > ROUNDS_MAX ||
	    length <= 0)
		errx(1, "usage: tls [-r rounds] [-s seconds] daemon");
	program = argv[optind];
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED || mkdtemp(directory) == NULL ||
	    chdir(directory) == -1)
		err(1, "unable to begin");
	measurer = getpid();
	atexit(clean);
	if (system(certificate) != 0)
		errx(1, "unable to make a certificate");
	signal(SIGPIPE, SIG_IGN);
	run_rounds();
	print_page();
	return 0;
}
