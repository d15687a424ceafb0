/*
 * start.h - the start of a daemon
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_START_H
#define DSRV_START_H

#include "ground.h"
#include "loop.h"

/*
 * relay.c - copies the daemon's two streams to the starter's
 */

enum dsrv_relay_wait {
	DSRV_RELAY_SOURCE,	/* wait for input from the source */
	DSRV_RELAY_SINK,	/* wait for room in the sink */
	DSRV_RELAY_OVER		/* no more will come */
};

struct dsrv_relay {
	int source;	/* -1: it is not open */
	struct dsrv_output sink;
	int left;	/* bytes still to be read; -1: until end of file */
	int broken;	/* the sink has no reader: data is dropped */
	int over;
	int tag;	/* of the source; the next one is the sink's */
	size_t len;
	size_t done;
	char buf[PIPE_BUF];	/* what a pipe takes whole after POLLOUT */
};

void dsrv_relay_open(struct dsrv_relay *, int source, int sink);
void dsrv_relay_close(struct dsrv_relay *);
/* Moves what can be moved now; returns what to wait for before the next. */
enum dsrv_relay_wait dsrv_relay_step(struct dsrv_relay *);
/* Has a loop watch it with two tags, from this one on. Their events go to
 * dsrv_relay_ready(). */
void dsrv_relay_watch(struct dsrv_relay *, struct dsrv_loop *, int tag);
int dsrv_relay_has(const struct dsrv_relay *, int tag);
void dsrv_relay_ready(struct dsrv_relay *, struct dsrv_loop *);
/* Moves only what the source holds now. */
void dsrv_relay_finish(struct dsrv_relay *, struct dsrv_loop *);
/* After dsrv_relay_finish(): adds this line of size bytes, unless the sink has
 * not yet taken what comes before it. */
void dsrv_relay_say(struct dsrv_relay *, struct dsrv_loop *,
    const char *line, size_t size);

enum { DSRV_RELAY_TAGS = 4 };

/* The relays of stdout and stderr. */
struct dsrv_relays {
	struct dsrv_relay each[2];
	int count;		/* 1: both are one file, in one relay */
};

/* The daemon's ends are the caller's to close, even after -1 with errno; -1:
 * not open. */
int dsrv_relays_open(struct dsrv_relays *, int *to_stdout, int *to_stderr);
/* Closes the starter's ends. */
void dsrv_relays_close(struct dsrv_relays *);
/* With DSRV_RELAY_TAGS tags, from this one on. */
void dsrv_relays_watch(struct dsrv_relays *, struct dsrv_loop *, int tag);
/* Handles an event of one of these tags. */
void dsrv_relays_ready(struct dsrv_relays *, struct dsrv_loop *);
void dsrv_relays_finish(struct dsrv_relays *, struct dsrv_loop *);
/* Whether everything has been moved. */
int dsrv_relays_over(const struct dsrv_relays *);
/* Drops the rest, since there is no reader. */
void dsrv_relays_give_up(struct dsrv_relays *);
/* Adds a line to stderr. */
void dsrv_relays_say(struct dsrv_relays *, struct dsrv_loop *,
    const char *line, size_t size);

/*
 * pidfile.c - the pid file: the master's lock, and its number
 */

/* In daemon_start(): opens and locks it, if one is set. -1 with errno, after a
 * report. */
int dsrv_pidfile_open(void);
/* In the master: writes its number. -1 with errno, after a report. */
int dsrv_pidfile_write(void);
/* In the master: 0 if the lock is still held, or no pid file is set; otherwise
 * an error number, after a report. */
int dsrv_pidfile_check(void);
/* Removes the file, if it is still this one, and gives up the lock. */
void dsrv_pidfile_remove(void);
/* Opens the pid file of a daemon, and stores its number; -1 with errno, ESRCH:
 * none runs; EBUSY: the process of the number has not locked it. */
int dsrv_pidfile_find(const char *path, pid_t *);
/* Whether the file is locked and has this number. */
int dsrv_pidfile_is_of(int fd, pid_t);

/*
 * remains.c - what a start that fails must not leave: files
 */

/* In the starter: opens the pid file, and shares what the master opens. -1 with
 * errno, and it was reported. */
int dsrv_remains_open(void);
/* In the starter and the leader, when the daemon has ended: removes them. */
void dsrv_remains_remove(void);
/* In the starter: they are the daemon's, which has started. */
void dsrv_remains_leave(void);

/*
 * leader.c - the process between the starter and the master
 */

/* ms from SIGTERM to SIGKILL after a failed start. */
enum { DSRV_START_GRACE = 2000 };

/* What the starter tells the leader. */
enum dsrv_leader_word {
	DSRV_LEADER_GO = 'g',	/* the start has succeeded */
	DSRV_LEADER_END = 'e'	/* it has failed, and SIGTERM was sent */
};

/* Creates a session, forks the master and returns in it. The leader stays
 * inside, with null as descriptors 0 to 2, and ends as the master does, once no
 * process of a failed start is left. The lifeline brings the starter's orders,
 * and its end. Closes the count descriptors of for_master (or -1). */
void dsrv_leader_become(int lifeline, int null, const int *for_master,
    int count);

/*
 * starter.c - the process that waits for the verdict on a start
 */

/* The daemon's ends of what connects it with the starter; or -1. */
struct dsrv_ends {
	int to_starter;		/* the status pipe */
	int from_starter;	/* the lifeline */
	int to_stdout;		/* of the starter */
	int to_stderr;
	int null;
};

/* Forks the leader, and returns 0 in it, with these ends. The starter stays
 * inside, and ends or returns the value of start_return_fatal. */
int dsrv_starter_run(struct dsrv_ends *);
/* Closes these ends. */
void dsrv_starter_close(struct dsrv_ends *);

#endif
