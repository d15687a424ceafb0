/*
 * role.h - which process this is, and its words to its parent
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_ROLE_H
#define DSRV_ROLE_H

#include "ground.h"
#include "loop.h"

/*
 * handover.c - from the log pipe into the log file, each byte once
 */

enum dsrv_handover_end {
	DSRV_HANDOVER_LOG,	/* where the lines come from */
	DSRV_HANDOVER_PENDING_IN,
	DSRV_HANDOVER_PENDING_OUT,
	DSRV_HANDOVER_KEEP,
	DSRV_HANDOVER_KEPT,
	DSRV_HANDOVER_FILE,	/* the last logger's file, ... */
	DSRV_HANDOVER_BELL,	/* ... and the bell of its reader */
	DSRV_HANDOVER_ENDS
};

/* The master's, for each of its loggers in turn. A server has none. */
struct dsrv_handover {
	int ends[DSRV_HANDOVER_ENDS];	/* -1: there is none */
	struct dsrv_handover_memory *memory;
	struct dsrv_journal *journal;	/* the logger's, or the reader's */
	int from_ring;	/* a reader reads the log */
};

/* In the master; to_logger is the log pipe's other end. -1 with errno. */
int dsrv_handover_open(struct dsrv_handover *, int *to_logger);
/* In the master, or in a child other than a logger. */
void dsrv_handover_close(struct dsrv_handover *);
/* In a new logger, first of all: its children get none of the memory. */
void dsrv_handover_inherit(const struct dsrv_handover *);
/* In the master: after the end of a logger, keeps its file for the next one,
 * ... */
void dsrv_handover_collect(struct dsrv_handover *);
/* ... and drops it when that has taken it over. */
void dsrv_handover_release(struct dsrv_handover *);
/* In the logger: this was written. In the master: how many lines and bytes were
 * ever written, and how many lines lost. */
void dsrv_handover_count(const struct dsrv_handover *, const char *text,
    size_t size);
void dsrv_handover_counts(const struct dsrv_handover *, long *lines,
    long *bytes, long *lost);
/* How many lost lines the log does not mention yet. */
long dsrv_handover_lost(const struct dsrv_handover *);

/*
 * role.c - which process this is, and what its parent gave it
 */

/* What a master shares only with its servers. */
enum { DSRV_SERVERS = 2 };	/* at once, in a reload that overlaps */

struct dsrv_shared {
	int orphans;	/* by the master: they count as a server's workers do */
	int has_ended;	/* by the master: the listeners, for good */
	int has_spares;	/* some server had, so that others hold the listeners
			 * and accept */
	int keeps_alive;	/* some server has set it on listeners */
	int on_hup[DSRV_SERVERS];	/* by the master: enum dsrv_on_hup */
	struct dsrv_roster rosters[DSRV_SERVERS];
};

/* What SIGHUP means to a server. */
enum dsrv_on_hup {
	DSRV_ON_HUP_WAIT,	/* it waits for its workers */
	DSRV_ON_HUP_ASK,	/* it has the master start the next one */
	DSRV_ON_HUP_LEAVE	/* another serves: it leaves its workers */
};

enum dsrv_role_kind {
	DSRV_PROGRAM,	/* no stage has been called */
	DSRV_MASTER,	/* daemon_start() has returned */
	DSRV_STARTING,	/* a server before daemon_success() */
	DSRV_CONFIRMED,	/* a server after it */
	DSRV_SERVING,	/* a server in daemon_server() */
	DSRV_WORKER,
	DSRV_LOGGER,	/* before daemon_logger() */
	DSRV_OVER	/* a stage has returned its return_fatal */
};

/* The library's descriptors in a process that runs the program. */
enum dsrv_held {
	DSRV_TO_PARENT,	/* the status pipe */
	DSRV_TO_LOGGER,	/* the log pipe */
	DSRV_PID_FILE,	/* with its lock; no child of a master holds it */
	DSRV_NOTIFY,	/* the program's, for a newline; likewise */
	DSRV_HELD
};

struct dsrv_role {
	enum dsrv_role_kind kind;
	pid_t pid;			/* differs in a fork of the program */
	int held[DSRV_HELD];		/* -1: not held */
	struct dsrv_shared *shared;	/* a server's, shared with its master */
	int place;			/* of a server in that */
	struct dsrv_roster *roster;	/* the roster there */
	int follows;			/* a server: not the first confirmed */
	struct dsrv_handover handover;	/* a logger's */
	const int *kept;		/* a spare's */
	int kept_count;
	int hup_ignored;		/* in the foreground, to stay so */
};

const struct dsrv_role *dsrv_role(void);
/* From now on this process is of that kind. */
void dsrv_role_become(enum dsrv_role_kind);
/* From now on a process that the program forks drops its status pipe. */
void dsrv_role_guard(void);
/* Holds this descriptor instead of an earlier one. */
void dsrv_role_hold(enum dsrv_held, int fd);
/* Holds it no longer, but leaves it open. */
void dsrv_role_forget(enum dsrv_held);
/* Whether it is held, and the program has not closed the descriptor, which may
 * be another file's by now. */
int dsrv_role_holds(enum dsrv_held);
/* Closes it, if it is held. */
void dsrv_role_leave(enum dsrv_held);
/* The same in a new worker, before the program runs there: its server has
 * checked that the descriptor is still the library's. */
void dsrv_role_drop(enum dsrv_held);
/* What else a server, or a logger, gets. */
void dsrv_role_give_shared(struct dsrv_shared *, int place, int follows);
void dsrv_role_give_handover(const struct dsrv_handover *);
/* In a server: how many workers of others count against its limit; what SIGHUP
 * means now. */
int dsrv_role_others(void);
enum dsrv_on_hup dsrv_role_on_hup(void);
/* In a signal handler: this worker was asked to finish. The second returns that
 * signal; 0: it was not. */
void dsrv_role_ask_to_stop(int signo);
int dsrv_role_stop_signal(void);
/* Remembers that SIGHUP is ignored and must stay so. */
void dsrv_role_keep_hup_ignored(void);
/* Returns 0 if this is a process of the expected kind without other threads.
 * Otherwise reports "unable to VERB" and returns an error number. */
int dsrv_role_enter(enum dsrv_role_kind expected, const char *verb);
/* These descriptors, except -1, belong to the library, too. */
void dsrv_role_keep(const int *fds, int count);
/* The lowest of the library's descriptors from there on; -1: there is none. */
int dsrv_role_descriptor(int from);

/*
 * notify.c - what the service manager is told, and when
 */

/* In daemon_start(): takes the variables out of the environment; -1 with
 * errno. */
int dsrv_notify_take(void);
/* In the master, at the first success. */
void dsrv_notify_ready(void);
/* A reload begins; is over. failure: what has become of the next server; NULL:
 * it has confirmed. */
void dsrv_notify_reloading(void);
void dsrv_notify_reloaded(const char *failure);
/* The daemon begins to stop. */
void dsrv_notify_stopping(void);
/* The manager's patience in ms; 0: it does not watch. The second: the server's
 * loop has been silent for this many ms. */
int64_t dsrv_notify_watchdog(void);
void dsrv_notify_alive(int64_t silent);
/* When to call dsrv_notify_look(), which sends what is due; DSRV_NEVER. */
int64_t dsrv_notify_when(void);
void dsrv_notify_look(int workers, int limit);

/*
 * pulse.c - a server shows its master that its loop goes round
 */

struct dsrv_pulse {
	unsigned seen;
	int in_vain;
	int is_aborted;		/* the server, because of that */
};

/* ms between two checks; 0: there are none. */
int dsrv_pulse_every(void);
/* In the server, for each round; the timer of this tag wakes it. The second:
 * there are no more, and the program goes on. */
void dsrv_pulse_beat(struct dsrv_loop *, int tag);
void dsrv_pulse_end(void);
/* In the master: before the birth of a server; then each time. Returns for how
 * many ms the server has not gone round. */
void dsrv_pulse_begin(struct dsrv_pulse *, struct dsrv_roster *);
int64_t dsrv_pulse_look(struct dsrv_pulse *, const struct dsrv_roster *);

/*
 * statuspipe.c - the words that travel up the status pipe
 */

enum dsrv_status_word {
	DSRV_STATUS_NOTHING,	/* no word now */
	DSRV_STATUS_GONE,	/* nor later: the writer has closed the pipe */
	DSRV_STATUS_SUCCESS,
	DSRV_STATUS_ASKED,	/* by this signal to end */
	DSRV_STATUS_ENDED,	/* with this status, after reporting why */
	DSRV_STATUS_RELOAD,	/* asks for the next server to be started */
	DSRV_STATUS_ORPHAN	/* this worker, unknown to its dead server */
};

/* The ends for the parent (non-blocking) and for the child. */
int dsrv_statuspipe_open(int *from_child, int *to_parent);
/* From now on stdout, stderr and the library's messages go to the logger;
 * without a logger, to /dev/null and syslog(3), but in the foreground nothing
 * changes. -1 with errno, after a report: nothing has changed. */
int dsrv_statuspipe_settle(void);
/* To the parent, if there is one. -1: it is gone. */
int dsrv_statuspipe_say(enum dsrv_status_word, int number);
enum dsrv_status_word dsrv_statuspipe_hear(int from_child, int *number);

#endif
