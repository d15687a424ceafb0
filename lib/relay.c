/*
 * relay.c - the daemon's two streams, from pipes to where the starter's were
 *
 * Never blocks and loses nothing: while the sink takes nothing, the source is
 * not read.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "start.h"

/*
 * One stream
 */

void
dsrv_relay_open(struct dsrv_relay *relay, int source, int sink)
{
	*relay = (struct dsrv_relay){ .source = source, .left = -1 };
	dsrv_output_open(&relay->sink, sink);
}

void
dsrv_relay_close(struct dsrv_relay *relay)
{
	if (relay->source != -1)
		close(relay->source);
	dsrv_output_close(&relay->sink);
	relay->source = -1;
}

static void
take_output(struct dsrv_relay *relay)
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
	ssize_t n = dsrv_output_write(&relay->sink, relay->buf + relay->done,
	    relay->len - relay->done);

	if (n >= 0)
		relay->done += (size_t)n;
	else if (errno != EAGAIN) {
		/* There is no reader. The daemon starts nevertheless. */
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
		take_output(relay);
	if (relay->done < relay->len)
		return DSRV_RELAY_SINK;
	return relay->left == 0 ? DSRV_RELAY_OVER : DSRV_RELAY_SOURCE;
}

void
dsrv_relay_watch(struct dsrv_relay *relay, struct dsrv_loop *loop, int tag)
{
	relay->tag = tag;
	dsrv_loop_watch(loop, tag, relay->source, POLLIN);
	dsrv_loop_watch(loop, tag + 1, relay->sink.fd, POLLOUT);
	dsrv_loop_pause(loop, tag + 1);
}

int
dsrv_relay_has(const struct dsrv_relay *relay, int tag)
{
	return tag == relay->tag || tag == relay->tag + 1;
}

void
dsrv_relay_ready(struct dsrv_relay *relay, struct dsrv_loop *loop)
{
	dsrv_loop_pause(loop, relay->tag);
	dsrv_loop_pause(loop, relay->tag + 1);
	switch (dsrv_relay_step(relay)) {
	case DSRV_RELAY_SOURCE:
		dsrv_loop_resume(loop, relay->tag);
		break;
	case DSRV_RELAY_SINK:
		dsrv_loop_resume(loop, relay->tag + 1);
		break;
	case DSRV_RELAY_OVER:
		relay->over = 1;
		break;
	}
}

void
dsrv_relay_finish(struct dsrv_relay *relay, struct dsrv_loop *loop)
{
	/* Only what is there now: a process that still holds the pipe may keep
	 * writing. */
	if (ioctl(relay->source, FIONREAD, &relay->left) == -1)
		relay->left = 0;
	/* If the stream waits for its sink, it continues when that is ready. */
	if (!relay->over && relay->done == relay->len)
		dsrv_relay_ready(relay, loop);
}

void
dsrv_relay_say(struct dsrv_relay *relay, struct dsrv_loop *loop,
    const char *line, size_t size)
{
	if (relay->done < relay->len)	/* in the middle of something */
		return;
	if (size > sizeof relay->buf - 1)
		size = sizeof relay->buf - 1;
	memcpy(relay->buf, line, size);
	relay->buf[size] = '\n';
	relay->len = size + 1;
	relay->done = 0;
	relay->left = relay->over = 0;
	dsrv_relay_ready(relay, loop);
}

/*
 * Both
 */

static int
open_one(struct dsrv_relays *both, int *to_relay)
{
	int source;

	if (dsrv_descriptors_pipe(&source, to_relay, DSRV_READ_END) == -1)
		return -1;
	both->each[both->count++] = (struct dsrv_relay){ .source = source };
	return 0;
}

int
dsrv_relays_open(struct dsrv_relays *both, int *to_stdout, int *to_stderr)
{
	both->count = 0;
	*to_stdout = *to_stderr = -1;
	if (open_one(both, to_stdout) == -1)
		return -1;
	/* One pipe for both keeps their order. */
	if (!dsrv_descriptors_same(STDOUT_FILENO, STDERR_FILENO))
		return open_one(both, to_stderr);
	*to_stderr = fcntl(*to_stdout, F_DUPFD_CLOEXEC, 3);
	return *to_stderr == -1 ? -1 : 0;
}

void
dsrv_relays_close(struct dsrv_relays *both)
{
	while (both->count > 0)
		dsrv_relay_close(&both->each[--both->count]);
}

void
dsrv_relays_watch(struct dsrv_relays *both, struct dsrv_loop *loop, int tag)
{
	int i;

	/* Only now are there free descriptors for it. */
	for (i = 0; i < both->count; i++) {
		dsrv_relay_open(&both->each[i], both->each[i].source,
		    STDOUT_FILENO + i);
		dsrv_relay_watch(&both->each[i], loop, tag + 2 * i);
	}
}

void
dsrv_relays_ready(struct dsrv_relays *both, struct dsrv_loop *loop)
{
	int i;

	for (i = 0; i < both->count; i++)
		if (dsrv_relay_has(&both->each[i], loop->tag))
			dsrv_relay_ready(&both->each[i], loop);
}

void
dsrv_relays_finish(struct dsrv_relays *both, struct dsrv_loop *loop)
{
	int i;

	for (i = 0; i < both->count; i++)
		dsrv_relay_finish(&both->each[i], loop);
}

int
dsrv_relays_over(const struct dsrv_relays *both)
{
	return both->each[0].over && both->each[both->count - 1].over;
}

void
dsrv_relays_give_up(struct dsrv_relays *both)
{
	both->each[0].over = both->each[both->count - 1].over = 1;
}

void
dsrv_relays_say(struct dsrv_relays *both, struct dsrv_loop *loop,
    const char *line, size_t size)
{
	dsrv_relay_say(&both->each[both->count - 1], loop, line, size);
}
