/*
 * farewell.c - the last words for a client that is refused
 *
 * Closing a connection at once, with unread input, would send a reset, which
 * can cost the client the text. So the connection is kept for a moment, until
 * the client has seen the end. The server checks now and then, and never waits.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clients.h"

enum {
	LONGEST = 2000, LOOK_EVERY = 50,	/* ms */
	PIECES = 16	/* read at a time: one that sends much must wait */
};

/* Whether the client has ended its side, too; reads what it has sent. */
static int
is_over(int conn)
{
	char unread[4096];
	ssize_t n = 1;
	int i;

	for (i = 0; i < PIECES && n > 0; i++)
		n = recv(conn, unread, sizeof unread, MSG_DONTWAIT);
	return n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR);
}

static void
end(struct dsrv_farewell *f, int place)
{
	close(f->kept[place].conn);
	f->count--;
	memmove(&f->kept[place], &f->kept[place + 1],
	    (size_t)(f->count - place) * sizeof f->kept[0]);
}

int
dsrv_farewell_end_oldest(struct dsrv_farewell *f)
{
	if (f->count == 0)
		return 0;
	is_over(f->kept[0].conn);	/* perhaps no reset */
	end(f, 0);
	return 1;
}

static void
keep(struct dsrv_farewell *f, int conn)
{
	if (f->count == DSRV_COUNT(f->kept))
		dsrv_farewell_end_oldest(f);
	f->kept[f->count].conn = conn;
	f->kept[f->count].until = dsrv_clock_now() + LONGEST;
	f->count++;
}

/* If the program has set it on the listener, close(2) would sleep. */
static void
do_not_linger(int conn)
{
	const struct linger off = { 0 };

	setsockopt(conn, SOL_SOCKET, SO_LINGER, &off, sizeof off);
}

void
dsrv_farewell_leave(int conn)
{
	do_not_linger(conn);
	close(conn);
}

void
dsrv_farewell_say(struct dsrv_farewell *f, int conn, const char *text)
{
	if (text == NULL) {
		dsrv_farewell_leave(conn);
		return;
	}
	do_not_linger(conn);
	/* It fits: nothing has been sent before it. */
	send(conn, text, strlen(text), MSG_DONTWAIT);
	shutdown(conn, SHUT_WR);
	keep(f, conn);
}

int64_t
dsrv_farewell_look(struct dsrv_farewell *f)
{
	int64_t now = dsrv_clock_now();
	int i;

	for (i = f->count - 1; i >= 0; i--)
		if (is_over(f->kept[i].conn) || f->kept[i].until <= now)
			end(f, i);
	return f->count > 0 ? now + LOOK_EVERY : DSRV_NEVER;
}

void
dsrv_farewell_close(struct dsrv_farewell *f)
{
	while (f->count > 0)
		close(f->kept[--f->count].conn);
}
