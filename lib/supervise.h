/*
 * supervise.h - children that are kept alive
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_SUPERVISE_H
#define DSRV_SUPERVISE_H

#include "ground.h"
#include "loop.h"
#include "report.h"
#include "role.h"

/*
 * restart.c - how to answer the end of a server or logger; pure
 */

struct dsrv_end {
	unsigned asked;	/* what the daemon was asked for */
	int confirmed;	/* whether the start has succeeded */
	int status;	/* the wait status */
	int64_t lived;	/* ms that it has lived */
};

struct dsrv_history {
	int restarts;	/* in the master's life, without requested ones */
	int fast_ends;	/* in a row */
};

struct dsrv_verdict {
	int again;	/* a new server, */
	int pause;	/* ... after this many ms; or else */
	int status;	/* ... the daemon's exit status */
};

/* After a server's end. */
struct dsrv_verdict dsrv_restart_judge(struct dsrv_history *,
    const struct dsrv_end *);
/* After a logger's end, which is never requested. */
struct dsrv_verdict dsrv_restart_judge_logger(struct dsrv_history *,
    int64_t lived);

/*
 * orphans.c - workers that have outlived their server: adopt them, signal them
 */

struct dsrv_overtime;

struct dsrv_orphans {
	struct dsrv_loop *loop;
	struct dsrv_overtime *overtime;
	int count, helpers;		/* of the adopted ones */
	struct dsrv_children unadopted;	/* if the system cannot adopt */
	int adopting;	/* this process's value before; -1: it cannot */
	int from_dead;	/* the status pipe of the last server that died, where
			 * workers that it had not recorded report; or -1 */
	int missed;	/* the signal that they have missed; 0: none */
	int time_max;	/* s that they have; 0: no limit */
	int tag;	/* of that pipe; its timer: when to stop listening */
	int drain;	/* the tag of a timer: when the first gets SIGTERM */
};

/* -1 with errno. The second is called when the loop is open. */
int dsrv_orphans_open(struct dsrv_orphans *, struct dsrv_loop *,
    struct dsrv_overtime *, int tag, int drain);
void dsrv_orphans_begin(struct dsrv_orphans *);
void dsrv_orphans_close(struct dsrv_orphans *);
/* In a child of the master: drops what it has inherited. */
void dsrv_orphans_leave(struct dsrv_orphans *);
/* SIGKILL goes to the whole group of each worker. */
void dsrv_orphans_signal(struct dsrv_orphans *, int signo);
/* They were asked to finish: if reloads overlap, those without a time limit get
 * drain_timeout. The second: for the timer. */
void dsrv_orphans_let_finish(struct dsrv_orphans *);
void dsrv_orphans_drain(struct dsrv_orphans *);
/* The pid of any orphan; 0: there is none. */
pid_t dsrv_orphans_first(const struct dsrv_orphans *);
/* Adopts a worker that its server had not recorded, and sends it the signal
 * that it has missed (0: none). It has this many seconds (0: no limit). */
void dsrv_orphans_add(struct dsrv_orphans *, pid_t, int missed, int time_max);
/* After the death of a server: adopts its workers, and listens for those that
 * it had not recorded. */
void dsrv_orphans_adopt(struct dsrv_orphans *, const struct dsrv_roster *,
    int missed);
void dsrv_orphans_expect(struct dsrv_orphans *, int from_dead, int missed,
    int time_max);
void dsrv_orphans_hear(struct dsrv_orphans *);
/* Stops listening. */
void dsrv_orphans_forget(struct dsrv_orphans *);
/* A child has ended. */
void dsrv_orphans_lose(struct dsrv_orphans *, const struct dsrv_child *);

/*
 * supervise.c - a child that is kept alive: fork and status pipe
 */

struct dsrv_supervised {
	const char *name;
	pid_t pid;		/* 0: none at the moment */
	int64_t born;
	int from_child;		/* its status pipe, or -1 */
	struct dsrv_loop *loop;
	int tag;		/* the pipe's; its timer: to fork again, ... */
	int refused;		/* ... or to send this signal again; 0: none */
	int fork_failures;	/* in a row */
};

void dsrv_supervise_open(struct dsrv_supervised *, const char *name,
    struct dsrv_loop *, int tag);
void dsrv_supervise_close(struct dsrv_supervised *);
/* When to fork again; DSRV_NEVER. */
void dsrv_supervise_again(struct dsrv_supervised *, int64_t when);
/* As fork(2); the child gets its status pipe. After a failure, which it
 * reports, sets the timer for the next try. */
pid_t dsrv_supervise_fork(struct dsrv_supervised *,
    pid_t (*fork_child)(struct dsrv_loop *));
/* If the signal is refused, since the child runs with other rights, this is
 * reported once, and the timer set for the next try. */
void dsrv_supervise_signal(struct dsrv_supervised *, int signo);
/* After the child's death: it gets no more signals, and none is forked before
 * dsrv_supervise_again(). The second gives its pipe to the caller. */
void dsrv_supervise_lose(struct dsrv_supervised *);
int dsrv_supervise_take_pipe(struct dsrv_supervised *);

/*
 * phase.c - the phases of a daemon's life, as its master sees them; pure
 */

enum dsrv_phase {
	DSRV_PHASE_STARTING,
	DSRV_PHASE_RUNNING,		/* even if a server waits for its workers */
	DSRV_PHASE_STOPPING_SERVER,	/* it has the signal to end at once */
	DSRV_PHASE_KILLING_SERVER,
	DSRV_PHASE_AWAITING_WORKERS,	/* no server is left; they may finish */
	DSRV_PHASE_STOPPING_WORKERS,	/* they have SIGTERM */
	DSRV_PHASE_KILLING_WORKERS,
	DSRV_PHASE_WRITING,		/* only the logger is left */
	DSRV_PHASE_SILENCING,		/* it has SIGKILL */
	DSRV_PHASE_OVER
};

/* How long a phase may last, in ms; or DSRV_NEVER. */
int64_t dsrv_phase_time(enum dsrv_phase, int confirmed);
/* The phase that follows when that time is over. */
enum dsrv_phase dsrv_phase_after(enum dsrv_phase);

/*
 * keeplog.c - the master's side of the log: keep a logger alive
 */

struct dsrv_keeplog {
	struct dsrv_supervised logger;
	struct dsrv_history history;
	struct dsrv_handover handover;
	int opened;	/* a logger has opened its file */
	int left;	/* the daemon no longer writes to the log, ... */
	int done;	/* ... and all is in the file, or never will be */
};

enum dsrv_keeplog_end {
	DSRV_KEEPLOG_AGAIN,	/* another logger starts */
	DSRV_KEEPLOG_TOO_OFTEN,	/* also, but the daemon must end; reported */
	DSRV_KEEPLOG_FAILED,	/* the first did not open its file; reported */
	DSRV_KEEPLOG_DONE	/* everything is written */
};

/* -1 with errno. Does nothing if no logger is enabled. */
int dsrv_keeplog_open(struct dsrv_keeplog *);
void dsrv_keeplog_close(struct dsrv_keeplog *);
/* In a new child, which leaves its messages as this writer. */
void dsrv_keeplog_become_server(struct dsrv_keeplog *, enum dsrv_outbox_role);
void dsrv_keeplog_become_logger(struct dsrv_keeplog *);
/* Has the logger take the master's messages now, not at its next check. */
void dsrv_keeplog_wake(const struct dsrv_keeplog *);
/* Whether the first logger has just opened its file. */
int dsrv_keeplog_hear(struct dsrv_keeplog *);
/* The logger has ended with this status. */
enum dsrv_keeplog_end dsrv_keeplog_lose(struct dsrv_keeplog *, int status,
    int is_ending);
int dsrv_keeplog_is_done(const struct dsrv_keeplog *);
/* The daemon has stopped writing; has waited for ms. */
void dsrv_keeplog_leave(struct dsrv_keeplog *, int confirmed);
void dsrv_keeplog_silence(struct dsrv_keeplog *, int64_t ms);

#endif
