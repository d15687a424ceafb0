/*
 * fuzz_relay.c - a stream through a relay whose sink takes any part: nothing is
 * lost, doubled or reordered
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <fcntl.h>
#include <unistd.h>

#include "start.h"
#include "fuzz.h"

enum { MOST = 20000 };

static struct dsrv_relay relay;
static char sent[MOST], got[2 * MOST];
static size_t sent_size, got_size;
static int to_source, from_sink;

static void
open_pipe(int *read_end, int *write_end)
{
	int fds[2];

	must(pipe2(fds, O_NONBLOCK | O_CLOEXEC) == 0);
	*read_end = fds[0];
	*write_end = fds[1];
	fcntl(fds[0], F_SETPIPE_SZ, 4096);
}

/* Takes a part of a write, unlike a pipe, which takes all or nothing. */
static void
open_socket(int *read_end, int *write_end)
{
	int fds[2], size = 1;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, fds) == 0);
	*read_end = fds[0];
	*write_end = fds[1];
	setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static void
send_some(struct fuzz_input *in)
{
	size_t count = 1 + 7 * fuzz_byte(in);
	ssize_t n;

	if (count > MOST - sent_size)
		count = MOST - sent_size;
	memset(sent + sent_size, 'a' + (int)(fuzz_byte(in) % 26), count);
	if (count > 0)
		sent[sent_size + count - 1] = '\n';
	if ((n = write(to_source, sent + sent_size, count)) > 0)
		sent_size += (size_t)n;
}

static void
take_some(size_t count)
{
	ssize_t n = read(from_sink, got + got_size, count);

	if (n > 0)
		got_size += (size_t)n;
	must(got_size <= sent_size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int source, sink, i;

	open_pipe(&source, &to_source);
	if (fuzz_byte(&in) % 2 == 0)
		open_pipe(&from_sink, &sink);
	else
		open_socket(&from_sink, &sink);
	sent_size = got_size = 0;
	dsrv_relay_open(&relay, source, sink);
	while (in.left > 0) {
		switch (fuzz_byte(&in) % 4) {
		case 0:
			send_some(&in);
			break;
		case 1:
			take_some(1 + 16 * fuzz_byte(&in));
			break;
		default:
			must(dsrv_relay_step(&relay) != DSRV_RELAY_OVER);
		}
		must(relay.done <= relay.len && relay.len <= sizeof relay.buf);
	}
	close(to_source);
	for (i = 0; dsrv_relay_step(&relay) != DSRV_RELAY_OVER; i++) {
		must(i < MOST);
		take_some(sizeof got - got_size);
	}
	take_some(sizeof got - got_size);
	must(got_size == sent_size && memcmp(got, sent, got_size) == 0);
	dsrv_relay_close(&relay);
	close(sink);
	close(from_sink);
	return 0;
}
