/*
 * relay.c - one stream from a pipe to where the starter's was
 *
 * Never blocks for long and never loses: while the sink takes nothing the
 * source is not read. The sink stays in blocking mode, since a terminal is
 * shared with the shell.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon-private.h"

void
dsrv_relay_open(struct dsrv_relay *relay, int source, int sink)
{
	*relay = (struct dsrv_relay) { .source = source, .sink = sink };
	fcntl(source, F_SETFL, O_NONBLOCK);
}

static enum dsrv_relay_wait
take(struct dsrv_relay *relay)
{
	ssize_t n = read(relay->source, relay->buf, sizeof relay->buf);

	if (n == -1 && errno == EINTR)
		return DSRV_RELAY_SOURCE;
	if (n == -1 && errno == EAGAIN && !relay->last)
		return DSRV_RELAY_SOURCE;
	if (n <= 0)
		return DSRV_RELAY_OVER;
	relay->done = 0;
	relay->len = relay->broken ? 0 : (size_t)n;
	return relay->broken ? DSRV_RELAY_SOURCE : DSRV_RELAY_SINK;
}

static enum dsrv_relay_wait
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
	return relay->done < relay->len ? DSRV_RELAY_SINK : DSRV_RELAY_SOURCE;
}

enum dsrv_relay_wait
dsrv_relay_step(struct dsrv_relay *relay)
{
	if (relay->done < relay->len)
		return pass_on(relay);
	return take(relay);
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
	relay->last = 1;
	/* What waits for its sink goes on when that is ready. */
	if (!relay->over && relay->done == relay->len)
		dsrv_relay_ready(relay, loop);
}
