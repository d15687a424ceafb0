/*
 * tls.c - a worker speaks TLS on its stdin and stdout
 *
 *     tls [-f] [-a address] [-c workers] [-n connections] [-p port]
 *         [-s spares] [-t seconds] [-u user] certificate key
 *
 * Answers an HTTP request with a page about the connection. -f stays in the
 * foreground. The default port is 8443; with 0 the kernel chooses one. Both
 * files are PEM: the certificate may be followed by those of its issuers, and
 * the key must not need a passphrase. seconds limits a connection, from before
 * the handshake to the end. With -s this many workers wait for connections and
 * serve one after another, with -n at most this many each. Server and workers
 * run as the user, if one is named.
 *
 * The server reads both files before it gives up root's rights, so only root
 * needs to be able to read the key. SIGHUP reads them again; if they are bad,
 * the present server continues. A worker has the key in its memory, whatever
 * its user.
 *
 * A client can resume its session in any worker: SSL_CTX_new() makes the keys
 * of the tickets in the master, and each server and worker inherits them. They
 * last as long as the daemon. A stolen ticket key does not decrypt connections,
 * since with TLS 1.3 each has a key exchange of its own.
 *
 * From 1.1.1 on OpenSSL notices a fork, and no two workers have the same random
 * numbers.
 *
 * SPDX-License-Identifier: ISC
 */
#include <sys/socket.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <daemon.h>

enum { MAX_SOCKETS = 16 };

static unsigned patience = 30;

/* The reason of the first error; NULL: there is none. */
static const char *
reason(void)
{
	unsigned long error = ERR_get_error();
	const char *text = ERR_reason_error_string(error);

	return text != NULL || error == 0 ? text : strerror(ERR_GET_REASON(error));
}

/*
 * The master and the server
 */

static SSL_CTX *
make_context(void)
{
	SSL_CTX *tls;

	/* When it exits, each worker would free memory that all share, and so
	 * copy it. */
	OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT, NULL);
	tls = SSL_CTX_new(TLS_server_method());
	if (tls == NULL ||
	    SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) != 1)
		errx(1, "unable to use TLS 1.3: %s", reason());
	/* Tickets need no cache; each worker would have its own. */
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	return tls;
}

static void
read_files(SSL_CTX *tls, const char *certificate, const char *key)
{
	if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1)
		errx(1, "unable to use %s: %s", certificate, reason());
	if (SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		errx(1, "unable to use %s: %s", key, reason());
}

/*
 * The worker
 */

/* Reads up to the empty line: nothing in a request changes the answer. */
static int
read_request(SSL *tls)
{
	int ends = 0;
	char c;

	while (ends < 2 && SSL_read(tls, &c, 1) == 1)
		if (c == '\n')
			ends++;
		else if (c != '\r')
			ends = 0;
	return ends == 2;
}

static void
answer(SSL *tls)
{
	char peer[64], page[512], text[1024];
	int len;

	daemon_peer_text(peer, sizeof peer);
	len = snprintf(page, sizeof page, "client %s\nworker %ld\n"
	    "%s %s\nsession %s\n", peer, (long)getpid(), SSL_get_version(tls),
	    SSL_get_cipher_name(tls),
	    SSL_session_reused(tls) ? "resumed" : "new");
	len = snprintf(text, sizeof text, "HTTP/1.0 200 OK\r\n"
	    "Content-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
	    len, page);
	SSL_write(tls, text, len);
}

static void
say_why(void)
{
	const char *why = reason();
	char peer[64];

	daemon_peer_text(peer, sizeof peer);
	warnx("unable to serve %s: %s", peer,
	    why != NULL ? why : "it has gone");
}

static void
serve(SSL_CTX *context)
{
	SSL *tls = SSL_new(context);

	alarm(patience);	/* however slowly the client sends */
	ERR_clear_error();
	if (tls == NULL || SSL_set_rfd(tls, STDIN_FILENO) != 1 ||
	    SSL_set_wfd(tls, STDOUT_FILENO) != 1 || SSL_accept(tls) != 1)
		say_why();
	else {
		if (read_request(tls))
			answer(tls);
		/* This tells the client that nothing is missing. */
		SSL_shutdown(tls);
	}
	SSL_free(tls);
}

/*
 * The program
 */

static void
usage(void)
{
	fprintf(stderr, "usage: tls [-f] [-a address] [-c workers] "
	    "[-n connections] [-p port]\n"
	    "           [-s spares] [-t seconds] [-u user] certificate key\n");
	exit(2);
}

static int
number(const char *text, int min, int max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
	    value < min || value > max) {
		warnx("%s: not a number from %d to %d", text, min, max);
		usage();
	}
	return (int)value;
}

static void
print_port(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char port[32];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port,
	    sizeof port, NI_NUMERICSERV) == 0)
		printf("listening on port %s\n", port);
}

int
main(int argc, char *argv[])
{
	const char *address = NULL, *port = "8443", *user = NULL;
	int c, i, count, fds[MAX_SOCKETS];
	SSL_CTX *tls;

	while ((c = getopt(argc, argv, "a:c:fn:p:s:t:u:")) != -1) {
		if (c == 'a')
			address = optarg;
		else if (c == 'c')
			daemon_set_worker_count_max(number(optarg, 1, 65536));
		else if (c == 'f')
			daemon_set_foreground(1);
		else if (c == 'n')
			daemon_set_worker_connection_max(
			    number(optarg, 0, 1000000));
		else if (c == 'p' && number(optarg, 0, 65535) >= 0)
			port = optarg;
		else if (c == 's')
			daemon_set_worker_spare_count(number(optarg, 0, 65536));
		else if (c == 't')
			patience = (unsigned)number(optarg, 1, 86400);
		else if (c == 'u')
			user = optarg;
		else
			usage();
	}
	if (argc - optind != 2)
		usage();

	/* Relative names stay valid, and links lead to the newest files. */
	daemon_set_working_directory(NULL);
	daemon_set_reload_overlap(1);
	signal(SIGPIPE, SIG_IGN);	/* a client may go at any time */
	signal(SIGALRM, SIG_DFL);	/* if it was ignored at the start */
	daemon_start();
	daemon_clean_fd(STDERR_FILENO);
	count = daemon_listen(address, port, fds, MAX_SOCKETS);
	if (count == -1)
		return 1;
	if (strtol(port, NULL, 10) == 0)
		print_port(fds[0]);
	tls = make_context();	/* with the keys of the tickets */
	daemon_master();
	read_files(tls, argv[optind], argv[optind + 1]);
	if (user != NULL && daemon_drop_privileges(user, NULL, NULL) == -1)
		return 1;
	daemon_success();
	for (i = daemon_server(fds, count); i >= 0;
	    i = daemon_next_connection()) {
		serve(tls);
		alarm(0);	/* the next client may take long to come */
	}
	return 0;
}
