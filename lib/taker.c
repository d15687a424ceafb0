/*
 * taker.c - a child that accepts a client for a server that must not sleep
 *
 * Workers of an earlier server with spares hold the listeners, and perhaps other
 * services do. One of these can make accept(2) sleep, or hold the lock that it
 * takes. So a child, for which nothing waits, accepts, and passes the connection
 * on.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#ifdef HAVE_SYS_PRCTL_H
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "listeners.h"

/* With the message goes the connection. */
union room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void
prepare(struct msghdr *message, struct iovec *part, union room *room,
    struct dsrv_client *client)
{
	memset(message, 0, sizeof *message);
	memset(room, 0, sizeof *room);
	part->iov_base = client;
	part->iov_len = sizeof *client;
	message->msg_iov = part;
	message->msg_iovlen = 1;
	message->msg_control = room->bytes;
	message->msg_controllen = sizeof room->bytes;
}

/*
 * In the child
 */

/* One that sleeps would take a client from the next server. */
static void
end_with(pid_t server)
{
#if defined(HAVE_PRCTL) && defined(PR_SET_PDEATHSIG)
	prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
	if (getppid() != server)
		dsrv_helper_end(ECANCELED);
}

static int
pass(int to, struct dsrv_client *client)
{
	struct msghdr message;
	struct iovec part;
	union room room;
	struct cmsghdr *control;

	prepare(&message, &part, &room, client);
	control = CMSG_FIRSTHDR(&message);
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(sizeof client->conn);
	memcpy(CMSG_DATA(control), &client->conn, sizeof client->conn);
	return sendmsg(to, &message, MSG_NOSIGNAL) == -1 ? -1 : 0;
}

static void
take(int fd, int to, pid_t server)
{
	struct dsrv_client client;
	int kept[2];

	memset(&client, 0, sizeof client);
	kept[0] = dsrv_descriptors_own(fd);	/* 0 to 2 become /dev/null */
	kept[1] = to;
	dsrv_helper_begin(kept, 2);
	end_with(server);
	dsrv_helper_end(dsrv_listener_accept(kept[0], &client) == -1 ||
	    pass(to, &client) == -1 ? errno : 0);
}

/*
 * In the server
 */

int
dsrv_taker_begin(struct dsrv_taker *t, struct dsrv_loop *loop, int fd,
    int listener)
{
	pid_t pid, server = getpid();
	int error;

	if (dsrv_descriptors_pair(&t->from, &t->to) == -1)
		return errno;
	if ((pid = dsrv_loop_fork_helper(loop)) == 0)
		take(fd, t->to, server);
	if (pid == -1) {
		/* Of accept(2) it would mean that there is no client. */
		error = errno == EAGAIN ? ENOMEM : errno;
		dsrv_descriptors_close(&t->from);
		dsrv_descriptors_close(&t->to);
		return error;
	}
	t->pid = pid;
	t->listener = listener;
	t->is_late = 0;
	return 0;
}

static int
receive(int from, struct dsrv_client *client)
{
	struct dsrv_client got;
	struct msghdr message;
	struct iovec part;
	union room room;
	struct cmsghdr *control;

	prepare(&message, &part, &room, &got);
	if (recvmsg(from, &message, MSG_DONTWAIT) != (ssize_t)sizeof got ||
	    (control = CMSG_FIRSTHDR(&message)) == NULL)
		return -1;
	memcpy(&got.conn, CMSG_DATA(control), sizeof got.conn);
	got.conn = dsrv_descriptors_own(got.conn);
	fcntl(got.conn, F_SETFD, FD_CLOEXEC);
	*client = got;
	return got.conn == -1 ? -1 : 0;
}

int
dsrv_taker_end(struct dsrv_taker *t, int status, struct dsrv_client *client)
{
	int got;

	/* First: the connection takes its place, if there is no other. */
	dsrv_descriptors_close(&t->to);
	got = receive(t->from, client);
	dsrv_descriptors_close(&t->from);
	t->pid = 0;
	if (got == 0)
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) != 0 ?
	    WEXITSTATUS(status) : EINTR;
}

pid_t
dsrv_taker_give_up(struct dsrv_taker *t)
{
	pid_t pid = t->pid;

	dsrv_descriptors_close(&t->from);
	dsrv_descriptors_close(&t->to);
	t->pid = 0;
	return pid;
}
