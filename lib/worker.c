/*
 * worker.c - what a worker may ask: its peer, whether to stop, what is next
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

static struct {
	struct sockaddr_storage addr;
	socklen_t len;
} peer;

static volatile sig_atomic_t stop_signal;

void
dsrv_worker_stop(int signo)
{
	stop_signal = signo;
}

void
dsrv_worker_become(int conn, const struct sockaddr *addr, socklen_t len)
{
	dsrv_stage_disconnect();
	dsrv_stage_become(DSRV_WORKER);
	dup2(conn, STDIN_FILENO);
	dup2(conn, STDOUT_FILENO);
	close(conn);
	peer.len = len < (socklen_t)sizeof peer.addr ? len :
	    (socklen_t)sizeof peer.addr;
	memcpy(&peer.addr, addr, peer.len);
}

static int
in_worker(void)
{
	if (dsrv_stage()->kind == DSRV_WORKER)
		return 1;
	errno = ENOTCONN;
	return 0;
}

int
daemon_stop_requested(void)
{
	return stop_signal;
}

int
daemon_peer(struct sockaddr *addr, socklen_t *len)
{
	if (addr == NULL || len == NULL) {
		errno = EINVAL;
		return -1;
	}
	if (!in_worker())
		return -1;
	memcpy(addr, &peer.addr, *len < peer.len ? *len : peer.len);
	*len = peer.len;
	return 0;
}

int
daemon_next_connection(void)
{
	if (!in_worker())
		return -1;
	fflush(stdout);
	if (dsrv_descriptors_null(STDIN_FILENO, STDOUT_FILENO) == -1)
		shutdown(STDIN_FILENO, SHUT_RDWR);
	dsrv_descriptors_renew(STDIN_FILENO);
	dsrv_descriptors_renew(STDOUT_FILENO);
	return -1;
}
