/*
 * relay.c - one stream from a pipe to where the starter's was
 *
 * Never blocks and never loses: while the sink takes nothing the source is
 * not read. Its mode stays as it is, since it is shared with the shell: a
 * terminal, which may be ready and yet take less than what is written, is
 * opened anew for a mode of our own.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon-private.h"

void
dsrv_relay_open(struct dsrv_relay *relay, int source, int sink)
{
	const char *terminal = ttyname(sink);
	int fd = -1;

	*relay = (struct dsrv_relay) {
		.source = source, .sink = sink, .left = -1
	};
	if (terminal != NULL)
		fd = dsrv_descriptors_own(open(terminal, O_WRONLY |
		    O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
	if (fd != -1) {
		relay->sink = fd;
		relay->reopened = 1;
	}
	fcntl(source, F_SETFL, O_NONBLOCK);
}

void
dsrv_relay_close(struct dsrv_relay *relay)
{
	if (relay->source != -1)
		close(relay->source);
	if (relay->reopened)
		close(relay->sink);
	relay->source = -1;
	relay->reopened = 0;
}

static void
take(struct dsrv_relay *relay)
{
	size_t size = sizeof relay->buf;
	ssize_t n;

	if (relay->left >= 0 && (size_t)relay->left < size)
		size = (size_t)relay->left;
	n = read(relay->source, relay->buf, size);
	if (n == -1 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		relay->left = 0;
		return;
	}
	if (relay->left >= 0)
		relay->left -= (int)n;
	relay->done = 0;
	relay->len = relay->broken ? 0 : (size_t)n;
}

static void
pass_on(struct dsrv_relay *relay)
{
	ssize_t n = write(relay->sink, relay->buf + relay->done,
	    relay->len - relay->done);

	if (n >= 0)
		relay->done += (size_t)n;
	else if (errno != EINTR && errno != EAGAIN) {
		/* Nobody reads. The daemon starts nevertheless. */
		relay->broken = 1;
		relay->done = relay->len;
	}
}

enum dsrv_relay_wait
dsrv_relay_step(struct dsrv_relay *relay)
{
	if (relay->done < relay->len)
		pass_on(relay);
	else if (relay->left != 0)
		take(relay);
	if (relay->done < relay->len)
		return DSRV_RELAY_SINK;
	return relay->left == 0 ? DSRV_RELAY_OVER : DSRV_RELAY_SOURCE;
}

void
dsrv_relay_watch(struct dsrv_relay *relay, struct dsrv_loop *loop)
{
	relay->source_place = dsrv_loop_watch(loop, relay->source, POLLIN);
	relay->sink_place = dsrv_loop_watch(loop, relay->sink, POLLOUT);
	dsrv_loop_pause(loop, relay->sink_place);
}

int
dsrv_relay_watches(const struct dsrv_relay *relay, int place)
{
	return place == relay->source_place || place == relay->sink_place;
}

void
dsrv_relay_ready(struct dsrv_relay *relay, struct dsrv_loop *loop)
{
	dsrv_loop_pause(loop, relay->source_place);
	dsrv_loop_pause(loop, relay->sink_place);
	switch (dsrv_relay_step(relay)) {
	case DSRV_RELAY_SOURCE:
		dsrv_loop_resume(loop, relay->source_place);
		break;
	case DSRV_RELAY_SINK:
		dsrv_loop_resume(loop, relay->sink_place);
		break;
	case DSRV_RELAY_OVER:
		relay->over = 1;
		break;
	}
}

void
dsrv_relay_finish(struct dsrv_relay *relay, struct dsrv_loop *loop)
{
	/* Not until it is empty: whoever still holds the pipe may go on
	 * writing for ever. */
	if (ioctl(relay->source, FIONREAD, &relay->left) == -1)
		relay->left = 0;
	/* What waits for its sink goes on when that is ready. */
	if (!relay->over && relay->done == relay->len)
		dsrv_relay_ready(relay, loop);
}
