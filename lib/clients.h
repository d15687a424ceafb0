/*
 * clients.h - a server's clients: refusing them, and ending them when their
 * time is over
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_CLIENTS_H
#define DSRV_CLIENTS_H

#include "admission.h"
#include "workers.h"

/*
 * proxied.c - the client behind a proxy: a worker reads its header
 */

enum dsrv_proxied_failure {
	DSRV_PROXIED_WELL,
	DSRV_PROXIED_EMPTY,	/* the client has gone and sent nothing */
	DSRV_PROXIED_MISSING,
	DSRV_PROXIED_MALFORMED,
	DSRV_PROXIED_TOO_LONG,
	DSRV_PROXIED_CUT_OFF,
	DSRV_PROXIED_LATE
};

/* In the server. -1 with errno. */
int dsrv_proxied_open(void);
void dsrv_proxied_close(void);
/* How many headers have failed since the last call; stores the last one's
 * client and failure. */
int dsrv_proxied_hear(struct dsrv_address *, enum dsrv_proxied_failure *);
/* In a worker: reads the header from stdin if this client must send one. -1: it
 * has not sent a valid one. */
int dsrv_proxied_read(const struct dsrv_client *, struct dsrv_proxy *);

/*
 * denial.c - what the log says about clients that are refused
 */

enum dsrv_denial {
	DSRV_DENIED_BUSY, DSRV_DENIED_SOURCE, DSRV_DENIED_PROXIED, DSRV_DENIALS
};

struct dsrv_denials {
	struct dsrv_loop *loop;
	int tag;		/* its timer: when to report how many more */
	struct {
		struct dsrv_limit limit;
		struct dsrv_address client;	/* the last one */
		int detail;		/* its enum dsrv_proxied_failure */
	} by[DSRV_DENIALS];
};

void dsrv_denials_open(struct dsrv_denials *, struct dsrv_loop *, int tag);
/* Adds this many refused clients, at least one; this was the last of them. */
void dsrv_denials_add(struct dsrv_denials *, enum dsrv_denial, int detail,
    const struct dsrv_address *client, int count);
/* Reports clients that were refused since the last line: when the timer says
 * so, and all of them when the process ends. */
void dsrv_denials_look(struct dsrv_denials *);
void dsrv_denials_end(struct dsrv_denials *);

/*
 * farewell.c - the last words for a client that is refused
 */

enum { DSRV_FAREWELL_MAX = 64 };	/* every child has to close each */

/* Connections whose clients may still be reading, the oldest first. */
struct dsrv_farewell {
	int count;
	struct {
		int conn;
		int64_t until;
	} kept[DSRV_FAREWELL_MAX];
};

/* Closes a connection that no other process has. */
void dsrv_farewell_leave(int conn);
/* Sends text, if not NULL, and ends the connection, sooner or later. Not for a
 * Unix-domain socket's. */
void dsrv_farewell_say(struct dsrv_farewell *, int conn, const char *text);
/* Ends what can be ended; returns when to check again, or DSRV_NEVER. */
int64_t dsrv_farewell_look(struct dsrv_farewell *);
/* For lack of room, or at the end. Whether there was one. */
int dsrv_farewell_end_oldest(struct dsrv_farewell *);
/* In a new child. */
void dsrv_farewell_close(struct dsrv_farewell *);

/*
 * overtime.c - workers whose time is over are asked to end, and killed later
 */

struct dsrv_overtime {
	struct dsrv_loop *loop;
	int tag;		/* its timer */
	int64_t look_at;	/* when to check all children next */
	struct dsrv_limit limit;
	char worker[DSRV_NOTICE_WORKER];	/* the last one */
};

void dsrv_overtime_open(struct dsrv_overtime *, struct dsrv_loop *, int tag);
/* This child may run for this many seconds from now on; 0: for ever. */
void dsrv_overtime_begin(struct dsrv_overtime *, pid_t, int seconds);
/* The same for orphans of a dead server, which are children now. */
void dsrv_overtime_adopt(struct dsrv_overtime *, const struct dsrv_roster *);
/* When the timer says so, and when the process ends. */
void dsrv_overtime_look(struct dsrv_overtime *);
void dsrv_overtime_end(struct dsrv_overtime *);

#endif
