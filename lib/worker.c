/*
 * worker.c - the calls that a worker may make: its addresses, stop, next
 * connection
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients.h"
#include "report.h"
#include "role.h"
#include "visible.h"
#include "spares.h"
#include "workers.h"

enum { LAST_WORDS = 2000 };	/* ms for the client to see the end */

static struct dsrv_endpoint peer;	/* of its connection */
static struct dsrv_endpoint local;	/* the same, once it was asked for */
static int same;	/* connections of its host; 0: not known */
static int64_t since;	/* it is logged; 0: it is over, or is not */

void
dsrv_worker_stop(int signo)
{
	int saved = errno;

	dsrv_role_ask_to_stop(signo);
	dsrv_spare_stop();
	errno = saved;
}

static void
keep_peer(const struct dsrv_client *client)
{
	peer.len = client->len < (socklen_t)sizeof peer.addr ? client->len :
	    (socklen_t)sizeof peer.addr;
	memcpy(&peer.addr, &client->addr, peer.len);
	same = client->same;
	local.len = 0;
}

static void
ask_local(int fd)
{
	local.len = sizeof local.addr;
	if (getsockname(fd, (struct sockaddr *)&local.addr, &local.len) == -1)
		local.len = 0;
}

/* The program may have put another socket there. A connection that its client
 * has reset counts, too. */
static int
is_connection(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	return getpeername(fd, (struct sockaddr *)&addr, &len) == 0 ?
	    len == peer.len && memcmp(&addr, &peer.addr, len) == 0 :
	    errno == ENOTCONN;
}

/* Not for each connection, since few programs ask. */
static void
find_local(void)
{
	int fd, saved = errno;

	for (fd = STDIN_FILENO; fd <= STDOUT_FILENO && local.len == 0; fd++)
		if (is_connection(fd))
			ask_local(fd);
	errno = saved;
}

static void
text_of_peer(char *text)
{
	struct dsrv_address address;

	dsrv_address_keep(&address, (struct sockaddr *)&peer.addr, peer.len);
	dsrv_address_text(text, &address);
}

static void
show_peer(void)
{
	char text[DSRV_ADDRESS_TEXT];

	if (!dsrv_title_is_on())
		return;
	text_of_peer(text);
	dsrv_title_set("worker%s%s", *text != '\0' ? " " : "", text);
}

void
dsrv_worker_become(const struct dsrv_client *client)
{
	dsrv_role_become(DSRV_WORKER);
	if (dsrv_descriptors_put(client->conn, STDIN_FILENO) == -1 ||
	    dsrv_descriptors_put(client->conn, STDOUT_FILENO) == -1)
		dsrv_report_die("serve a connection");
	close(client->conn);
	keep_peer(client);
	show_peer();
}

void
dsrv_worker_log(int workers)
{
	char text[DSRV_ADDRESS_TEXT];

	if (!dsrv_visible()->connection_log)
		return;
	since = dsrv_clock_now();
	dsrv_progress_note(DSRV_PROGRESS_BEGUN);
	text_of_peer(text);
	dsrv_connlog_begin(text, workers);
}

static int
in_worker(void)
{
	if (dsrv_role()->kind == DSRV_WORKER)
		return 1;
	errno = ENOTCONN;
	return 0;
}

int
daemon_stop_requested(void)
{
	int signo = dsrv_role_stop_signal(), pending;

	if (signo == SIGUSR2 || dsrv_role()->kind != DSRV_WORKER)
		return signo;
	pending = dsrv_sigaction_pending_given();	/* it may be the stronger */
	return pending != 0 ? pending : signo;
}

static int
give(const struct dsrv_endpoint *end, struct sockaddr *addr, socklen_t *len)
{
	if (addr == NULL || len == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (!in_worker())
		return -1;
	memcpy(addr, &end->addr, *len < end->len ? *len : end->len);
	*len = end->len;
	return 0;
}

int
daemon_peer(struct sockaddr *addr, socklen_t *len)
{
	return give(&peer, addr, len);
}

int
daemon_local(struct sockaddr *addr, socklen_t *len)
{
	if (dsrv_role()->kind == DSRV_WORKER)
		find_local();
	if (give(&local, addr, len) == -1)
		return -1;
	if (local.len > 0)
		return 0;
	errno = ENOTCONN;	/* the program has closed it */
	return -1;
}

int
daemon_peer_text(char *text, size_t size)
{
	char whole[DSRV_ADDRESS_TEXT];

	if (text == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (!in_worker())
		return -1;
	text_of_peer(whole);
	if (strlen(whole) >= size) {
		errno = ENOSPC;
		return -1;
	}
	strcpy(text, whole);
	return 0;
}

static int
time_left(int64_t until)
{
	int64_t left = until - dsrv_clock_now();

	return left > 0 ? (int)left : 0;
}

/* Reads until the client has seen the end. A close with unread input would send
 * a reset, which can cost the client our last answer. */
static void
empty_connection(void)
{
	struct pollfd conn = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t until = dsrv_clock_now() + LAST_WORDS;
	char unread[4096];
	ssize_t n;

	do
		n = recv(STDIN_FILENO, unread, sizeof unread, MSG_DONTWAIT);
	while (n > 0 ? time_left(until) > 0 :
	    n == -1 && errno == EINTR ? 1 :
	    n == -1 && errno == EAGAIN &&
	    poll(&conn, 1, time_left(until)) != 0);
}

/* The server logs the end of a worker that serves only one client. */
static void
log_end(void)
{
	char text[DSRV_ADDRESS_TEXT];

	if (since == 0 || dsrv_settings()->worker_spare_count == 0)
		return;
	text_of_peer(text);
	dsrv_connlog_done(text, since);
	since = 0;
}

static void
finish_connection(void)
{
	fflush(stdout);
	shutdown(STDOUT_FILENO, SHUT_WR);
	empty_connection();
	log_end();
}

static void
leave_connection(void)
{
	int null = dsrv_spare_null();

	find_local();	/* while the socket still tells */
	if (null != -1 && dsrv_descriptors_put(null, STDIN_FILENO) == 0 &&
	    dsrv_descriptors_put(null, STDOUT_FILENO) == 0)
		return;
	if (dsrv_descriptors_null(STDIN_FILENO, STDOUT_FILENO) == -1)
		shutdown(STDIN_FILENO, SHUT_RDWR);
}

static void
refresh_streams(void)
{
	dsrv_descriptors_refresh(STDIN_FILENO);
	dsrv_descriptors_refresh(STDOUT_FILENO);
}

int
daemon_end_connection(void)
{
	int saved = errno;

	if (!in_worker())
		return -1;
	finish_connection();
	leave_connection();
	refresh_streams();
	errno = saved;
	return 0;
}

static void
tell_program(int is_proxied)
{
	/* A program would learn about the wrong client. */
	if (!dsrv_visible()->worker_environment)
		return;
	find_local();
	if (dsrv_environment_set(&peer, &local, is_proxied ? -1 : same) == -1)
		dsrv_report_die("set a worker's environment");
}

/* Whether its client may be served: one that comes by a proxy needs a
 * header. */
static int
may_serve(const struct dsrv_client *client)
{
	struct dsrv_proxy header;

	if (dsrv_proxied_read(client, &header) == -1)
		return 0;
	if (header.state == DSRV_PROXY_GIVEN) {
		peer.len = header.client_len;
		memcpy(&peer.addr, &header.client, peer.len);
		local.len = header.local_len;
		memcpy(&local.addr, &header.local, local.len);
		show_peer();
	}
	tell_program(header.state == DSRV_PROXY_GIVEN);
	return 1;
}

/* Returns the index of its listener; -1: there is no client. */
static int
take_next(void)
{
	struct dsrv_client client;

	do {
		if (dsrv_spare_take(&client) == -1) {
			leave_connection();
			if (dsrv_spare_wait(&client) == -1)
				return -1;
		}
		/* This also closes the last connection. */
		dsrv_worker_become(&client);
	} while (!may_serve(&client));
	return client.listener;
}

int
dsrv_worker_begin(const struct dsrv_client *client)
{
	int listener = client->listener;

	if (!may_serve(client) && (listener = take_next()) == -1)
		dsrv_report_exit(0);
	return listener;
}

int
daemon_next_connection(void)
{
	int listener, saved = errno;

	if (!in_worker())
		return -1;
	finish_connection();
	if ((listener = take_next()) != -1)
		dsrv_worker_log(-1);
	else
		dsrv_title_set("worker");
	refresh_streams();
	errno = saved;
	return listener;
}
