/*
 * serve.h - what every contender does with a connection: one line comes back
 *
 * With read(2) and write(2), so that the cost of a connection is that of its
 * server and not of stdio.
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef BENCH_SERVE_H
#define BENCH_SERVE_H

#include <unistd.h>

static void
serve(int in, int out)
{
	char line[1024];
	size_t len = 0, sent = 0;
	ssize_t n;

	do {
		n = read(in, line + len, sizeof line - len);
		if (n <= 0)
			return;
		len += (size_t)n;
	} while (line[len - 1] != '\n' && len < sizeof line);
	while (sent < len && (n = write(out, line + sent, len - sent)) > 0)
		sent += (size_t)n;
}

#endif
