/*
 * fuzz_status.c - any bytes in a status pipe: the parent hears only existing
 * words, and the end only when it has come
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "role.h"
#include "fuzz.h"

/* Reads until the pipe is empty, as a loop does that is woken while it is
 * not. */
static void
hear_all(int from_child)
{
	int number, left;
	enum dsrv_status_word word;

	for (;;) {
		must(ioctl(from_child, FIONREAD, &left) == 0);
		if (left == 0)
			return;
		word = dsrv_statuspipe_hear(from_child, &number);
		must(word == DSRV_STATUS_NOTHING ||
		    (left >= 8 && word >= DSRV_STATUS_SUCCESS &&
		    word <= DSRV_STATUS_ORPHAN));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int from_child, to_parent, number;
	size_t count;
	char text[64];

	must(dsrv_statuspipe_open(&from_child, &to_parent) == 0);
	while (in.left > 0) {
		count = 1 + fuzz_byte(&in) % sizeof text;
		fuzz_fill(&in, text, count);
		must(write(to_parent, text, count) == (ssize_t)count);
		hear_all(from_child);
		must(dsrv_statuspipe_hear(from_child, &number) ==
		    DSRV_STATUS_NOTHING);
	}
	close(to_parent);
	must(dsrv_statuspipe_hear(from_child, &number) == DSRV_STATUS_GONE);
	close(from_child);
	return 0;
}
