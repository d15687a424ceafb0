/*
 * daemon-private.h - the internal interface, a banner for each file
 *
 * Lowest first: a file calls only what is above its own banner.
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DAEMON_PRIVATE_H
#define DAEMON_PRIVATE_H

#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "daemon.h"

#ifndef PIPE_BUF
#define PIPE_BUF 512	/* POSIX's minimum */
#endif

#define DSRV_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/*
 * settings.c - the program's settings; only that file writes them
 */

struct dsrv_settings {
	char *program_name;
	char *working_directory;	/* NULL: stay */
	int start_timeout;
	int foreground;
	int thread_check;
	int restart_count_max;
	int server_fast_time;
	int server_fast_max;
	int server_tick;
	int worker_count_max;
	int worker_spare_count;
	int worker_connection_max;
	int worker_ask;
	int drain_timeout;
	int stop_timeout;
	int logger_enabled;
	char *logger_name_format;	/* an absolute path, in the master */
	char *logger_prefix_format;
	char *logger_link;		/* likewise; NULL: none */
	int logger_fast_time;
	int logger_fast_max;
	size_t logger_size_max;
	int logger_file_count_max;
	int logger_drop;
	int logger_escape;
	int start_return_fatal;
	int master_return_fatal;
	int logger_return_fatal;
	int server_return_fatal;
};

enum {
	DSRV_WORKERS_MAX = 65536,
	DSRV_PATH_MAX = 4096,		/* bytes; also of a format */
	DSRV_PREFIX_FORMAT_MAX = 255
};

const struct dsrv_settings *dsrv_settings(void);
const char *dsrv_settings_name(void);
/* Relative paths start at the directory in which this is called. */
void dsrv_settings_start_here(void);
/* Overrides what the program has set. */
void dsrv_settings_stay_in_foreground(void);
/* Makes the logger's paths absolute; -1 with errno. */
int dsrv_settings_complete(void);

/*
 * sigtable.c - the signal table: what each signal asks for
 */

enum {
	DSRV_ASK_LEAVE = 1,	/* the server must end, and ... */
	DSRV_ASK_AT_ONCE = 2,	/* ... not wait for its workers, */
	DSRV_ASK_FOR_GOOD = 4	/* ... as the last server */
};

extern const int dsrv_sigtable[];	/* those of the table, then 0 */

/* What signo asks for; 0 if it is not in the table. */
unsigned dsrv_sigtable_ask(int signo);
/* The signal that workers get for signo; 0: none. */
int dsrv_sigtable_to_workers(int signo);
/* The signal as which a received one is treated: a hang-up that the kernel
 * sends, because the terminal is gone, is not a reload. */
int dsrv_sigtable_meaning(int signo, int from_kernel);
/* As strsignal(3) for those of the table, but safe in a signal handler. */
const char *dsrv_sigtable_name(int signo);
/* Adds what signo asks for; returns whether that was more than before. */
int dsrv_sigtable_raise(unsigned *asked, int signo);

/*
 * clock.c - the monotonic clock, and short sleeps
 */

#define DSRV_NEVER INT64_MAX

int64_t dsrv_clock_now(void);	/* ms */
int64_t dsrv_clock_earlier(int64_t, int64_t);
void dsrv_clock_sleep(int ms);
void dsrv_clock_doze(int us);

/*
 * descriptors.c - what 0, 1 and 2 are, and how all others are opened
 */

/* dup2(2), tried again for a moment. -1 with errno: at is what it was. */
int dsrv_descriptors_put(int fd, int at);
/* Opens /dev/null for each of the descriptors 0 to 2 that is closed. */
int dsrv_descriptors_fill(void);
/* Opens /dev/null as the descriptors from first to last; if it cannot be
 * opened, as after chroot(2), duplicates stdin, unless that is one of them. */
int dsrv_descriptors_null(int first, int last);
/* Resets the stream of descriptor 0, 1 or 2 as if it had never been used, and
 * makes an output stream line buffered; the descriptor does not change. */
int dsrv_descriptors_renew(int fd);
/* The same for stdin or stdout that was renewed before and has been used. */
int dsrv_descriptors_refresh(int fd);
/* If stderr is closed, makes it a copy of stdout or stdin, if the shell may see
 * that. Returns whether it did; -1: neither is usable. */
int dsrv_descriptors_lend_stderr(void);
/* Opens /dev/null; -1: it cannot. */
int dsrv_descriptors_first_null(void);
/* Opens /dev/null; after a chroot(2) without one, duplicates stdin. */
int dsrv_descriptors_open_null(void);
/* pipe(2), close-on-exec. The ends named, which looping processes use, do not
 * block; if that cannot be, there is no pipe. */
enum { DSRV_READ_END = 1, DSRV_WRITE_END = 2 };
int dsrv_descriptors_pipe(int *read_end, int *write_end, int nonblocking);
/* -1 with errno: it still blocks. */
int dsrv_descriptors_nonblock(int fd);
/* socketpair(2) of a stream, close-on-exec. */
int dsrv_descriptors_pair(int *one, int *other);
/* In a new worker, for stderr, which is the logger's pipe: puts a descriptor
 * that shares no flags with other processes in its place, so that O_NONBLOCK
 * is its own affair. -1: it is not a pipe, or cannot be opened again; then it
 * stays what it is. Keeps errno. */
int dsrv_descriptors_unshare(int fd);
/* Moves a new descriptor (or -1) above 2. To be called before any other is
 * opened. */
int dsrv_descriptors_own(int fd);

/*
 * output.c - write to a descriptor that others share, without sleeping
 */

struct dsrv_output {
	int fd;			/* to wait for with poll(2) */
	int reopened;		/* fd is ours to close */
	ssize_t (*write)(int fd, const char *text, size_t size);
};

/* Never fails; does not change fd. */
void dsrv_output_open(struct dsrv_output *, int fd);
/* As write(2), perhaps in part; -1 with errno, EAGAIN: not now. */
ssize_t dsrv_output_write(const struct dsrv_output *, const char *text,
    size_t size);
void dsrv_output_close(struct dsrv_output *);

/*
 * wakeup.c - lets untrusted processes wake a looping one
 */

struct dsrv_wakeup {
	int fd;		/* the looping process polls this */
	int to;		/* the others send here; perhaps the same */
};

/* -1 with errno. */
int dsrv_wakeup_open(struct dsrv_wakeup *);
void dsrv_wakeup_close(struct dsrv_wakeup *);
/* In a process that only sends. */
void dsrv_wakeup_only_send(struct dsrv_wakeup *);
void dsrv_wakeup_send(int to);
/* After waking: resets it for the next send. */
void dsrv_wakeup_take(const struct dsrv_wakeup *);

/*
 * address.c - a client's address, stored compactly and as text; pure
 */

/* An address, in the space that TCP needs. */
struct dsrv_address {
	socklen_t len;	/* 0: unknown */
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} as;
};

enum { DSRV_ADDRESS_TEXT = 64 };

void dsrv_address_keep(struct dsrv_address *, const struct sockaddr *,
    socklen_t);
/* "192.0.2.1:4711", "[2001:db8::1]:4711", "unix", or "" if unknown, in
 * DSRV_ADDRESS_TEXT bytes. */
void dsrv_address_text(char *text, const struct dsrv_address *);

/*
 * memory.c - memory that children do not inherit
 */

/* Zeroed and page aligned; NULL with errno. */
void *dsrv_memory_own(size_t size);
/* Zeroed, page aligned, and shared with the children of this process. */
void *dsrv_memory_shared(size_t size);
/* From now on children do not inherit it. */
void dsrv_memory_keep(void *, size_t size);
/* From now on they do again. */
void dsrv_memory_lend(void *, size_t size);
void dsrv_memory_free(void *, size_t size);
/* In a new child: unmaps what the system could not keep from it. */
void dsrv_memory_forked(void);

/*
 * ring.c - bytes from one process to one other, through memory that they share
 */

/* How many were put, and taken, ever. */
struct dsrv_ring_ends {
	_Atomic size_t head;
	_Atomic size_t tail;
};

struct dsrv_ring {
	struct dsrv_ring_ends *ends;
	char *bytes;
	size_t size;	/* a power of two */
};

/* In the process that takes: how many there are from head on, where it has
 * taken so many; copies them; has taken up to head. */
size_t dsrv_ring_fill(const struct dsrv_ring *, size_t head);
void dsrv_ring_load(const struct dsrv_ring *, size_t head, char *text,
    size_t count);
void dsrv_ring_take(const struct dsrv_ring *, size_t head);
/* In the one that puts: how many it has put; how many more there is room for;
 * copies them, behind these; has put up to tail. */
size_t dsrv_ring_tail(const struct dsrv_ring *);
size_t dsrv_ring_room(const struct dsrv_ring *, size_t tail);
void dsrv_ring_store(const struct dsrv_ring *, size_t tail, const char *text,
    size_t count);
void dsrv_ring_put(const struct dsrv_ring *, size_t tail);

/*
 * outbox.c - the library's own messages, on their way into the log
 */

enum dsrv_outbox_role {
	DSRV_OUTBOX_MASTER,
	DSRV_OUTBOX_SERVER,
	DSRV_OUTBOX_WRITERS,
	DSRV_OUTBOX_READER = DSRV_OUTBOX_WRITERS	/* the logger */
};

enum { DSRV_OUTBOX_LINE_MAX = 1100 };	/* bytes, with its newline */

/* In the master; -1 with errno. */
int dsrv_outbox_open(void);
void dsrv_outbox_close(void);
/* In a new server or logger, before anything else: its children get none of
 * it. */
void dsrv_outbox_become(enum dsrv_outbox_role);
/* Leaves a line, with its newline, for the logger; never waits. 0: there is no
 * room for it; -1: this process has no outbox. */
int dsrv_outbox_write(const char *line, size_t length);
/* Whether the logger has not yet taken all that this process has left. */
int dsrv_outbox_is_waiting(void);
/* In the logger: stores a writer's next line, without its newline, in
 * DSRV_OUTBOX_LINE_MAX bytes. Returns how many bytes it takes up; 0: there is
 * none. */
size_t dsrv_outbox_read(enum dsrv_outbox_role writer, size_t from, char *line,
    size_t *length);
/* Where those end that this writer has left so far. */
size_t dsrv_outbox_end(enum dsrv_outbox_role writer, size_t from);
/* They are noted up to there: their room is free. */
void dsrv_outbox_have_read(enum dsrv_outbox_role writer, size_t up_to);

/*
 * report.c - the only way to report an error and to end a process
 */

/* Where messages go: during the start to standard error, which the starter
 * empties, waiting a little; later there without waiting, or to syslog(3). */
enum dsrv_report_to {
	DSRV_REPORT_STARTER,
	DSRV_REPORT_STDERR,
	DSRV_REPORT_LOG,	/* by the outbox; without one, to stderr */
	DSRV_REPORT_SYSLOG
};

void dsrv_report_to(enum dsrv_report_to);
/* "NAME: unable to " and the formatted rest, in one line. Keeps errno. */
void dsrv_report(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
/* Stores that line without a newline in DSRV_REPORT_MAX bytes; returns its
 * length. */
enum { DSRV_REPORT_MAX = 1024 };
size_t dsrv_report_line(char *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Writes text that standard error had no room for; with patience, waits a
 * moment. Returns whether some is left. */
int dsrv_report_flush(int patience);
/* How a process ended, in words: "ended with status 3"; in static memory. */
const char *dsrv_report_how(int wait_status);
/* The exit status for a wait status: 128+n for signal n. */
int dsrv_report_status(int wait_status);
/* Ends the process; or, if return_fatal is not 0, returns it with this errno,
 * and daemon_exit_status() returns status. */
int dsrv_report_end(int status, int error, int return_fatal);
/* Ends the process even if a return_fatal is set. */
void dsrv_report_exit(int status) __attribute__((noreturn));
/* Reports "NAME: unable to WHAT" with errno, and exits with status 1. */
void dsrv_report_die(const char *what) __attribute__((noreturn));
/* In a signal handler: reports that this signal has ended the start, and exits
 * with status 1. */
void dsrv_report_stopped(int signo) __attribute__((noreturn));

/*
 * restart.c - how to answer the end of a server or logger; pure
 */

struct dsrv_end {
	unsigned asked;	/* what the daemon was asked for */
	int confirmed;	/* whether the start has succeeded */
	int status;	/* as waitpid(2) gave it */
	int64_t lived;	/* ms */
};

struct dsrv_history {
	int restarts;	/* in the master's life, requested ones not counted */
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
/* The pause after the nth failure in a row: first, doubling up to most. */
int dsrv_restart_pause(int nth, int first, int most);

/*
 * children.c - the live children and their records, found in O(1); pure data
 */

/* Their pids, packed. In separate memory, so that the master can read a
 * server's after the server has died. */
struct dsrv_roster {
	int count;
	int orphans;	/* written by the master; they count as well */
	int has_spares;	/* so that others hold the listeners and accept */
	pid_t pids[DSRV_WORKERS_MAX + 8];
};

/* What a process knows about a child. */
struct dsrv_child {
	struct dsrv_address client;
	int is_orphan;	/* adopted by the master */
	int audited;	/* in this audit of the spares' seats */
};

struct dsrv_children {
	struct dsrv_roster *roster;
	int32_t *index;	/* open addressing: pid -> its place in pids + 1, or 0 */
	struct dsrv_child *records;	/* by the places of pids */
	int own;	/* the roster must be freed */
};

/* Allocates a roster if that is NULL; -1 with errno. */
int dsrv_children_open(struct dsrv_children *, struct dsrv_roster *);
void dsrv_children_close(struct dsrv_children *);
int dsrv_children_count(const struct dsrv_children *);
pid_t dsrv_children_at(const struct dsrv_children *, int place);
int dsrv_children_has(const struct dsrv_children *, pid_t);
/* The child's record, to be filled; NULL: no such child. */
struct dsrv_child *dsrv_children_record(const struct dsrv_children *, pid_t);
/* -1: the table is full. A child that is in it already is not added again. */
int dsrv_children_add(struct dsrv_children *, pid_t);
/* Returns whether it was there, and stores its record in gone, if not NULL.
 * The last one takes its place. */
int dsrv_children_remove(struct dsrv_children *, pid_t,
    struct dsrv_child *gone);

/*
 * handover.c - from the log pipe into the log file, each byte once
 */

enum dsrv_handover_end {
	DSRV_HANDOVER_LOG,	/* where the lines come from */
	DSRV_HANDOVER_PENDING_IN,
	DSRV_HANDOVER_PENDING_OUT,
	DSRV_HANDOVER_KEEP,
	DSRV_HANDOVER_KEPT,
	DSRV_HANDOVER_FILE,	/* of the logger before, and ... */
	DSRV_HANDOVER_BELL,	/* ... of its reader */
	DSRV_HANDOVER_ENDS
};

/* The master's, for each of its loggers in turn; a server has none of it. */
struct dsrv_handover {
	int ends[DSRV_HANDOVER_ENDS];	/* -1: there is none */
	struct dsrv_handover_memory *memory;
	struct dsrv_journal *journal;	/* the logger's, or the reader's */
	int from_ring;	/* a reader reads the log */
};

/* In the master; to_logger is the log pipe's other end. -1 with errno. */
int dsrv_handover_open(struct dsrv_handover *, int *to_logger);
/* In the master, or in a child that is not a logger. */
void dsrv_handover_close(struct dsrv_handover *);
/* In a new logger, first of all: its children get none of the memory. */
void dsrv_handover_inherit(const struct dsrv_handover *);
/* In the master: when a logger has ended, keeps its file for the next, ... */
void dsrv_handover_collect(struct dsrv_handover *);
/* ... and when that has taken it over, does so no more. */
void dsrv_handover_release(struct dsrv_handover *);
/* How many lines were lost of which the log does not tell yet. */
long dsrv_handover_lost(const struct dsrv_handover *);

/*
 * role.c - which process this is, and what its parent gave it
 */

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

struct dsrv_role {
	enum dsrv_role_kind kind;
	pid_t pid;			/* differs in a fork of the program */
	int to_parent;			/* the status pipe, or -1 */
	int to_logger;			/* the log pipe, or -1 */
	struct dsrv_roster *roster;	/* a server's, shared with the master */
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
/* The status pipe to this process's parent, in place of an earlier one. */
void dsrv_role_connect(int to_parent);
void dsrv_role_disconnect(void);
/* This process and its children hold the log pipe. */
void dsrv_role_hold_log(int to_logger);
void dsrv_role_leave_log(void);
/* What else a server or a logger is given. */
void dsrv_role_give_roster(struct dsrv_roster *, int follows);
void dsrv_role_give_handover(const struct dsrv_handover *);
/* In a signal handler: this worker was asked to finish. The second returns the
 * signal, 0: none. */
void dsrv_role_ask_to_stop(int signo);
int dsrv_role_stop_signal(void);
/* Remembers that SIGHUP is ignored and must stay so. */
void dsrv_role_keep_hup_ignored(void);
/* Returns 0 if this is a process of the expected kind without other threads.
 * Else reports "unable to VERB" and returns an error number. */
int dsrv_role_enter(enum dsrv_role_kind expected, const char *verb);
/* These descriptors, except -1, are the library's own too. */
void dsrv_role_keep(const int *fds, int count);
/* The lowest of the library's own descriptors from there on; -1: none. */
int dsrv_role_descriptor(int from);

/*
 * sigaction.c - what signals do in this process and in its children
 */

/* Blocks all signals, and sets a mask. */
void dsrv_sigaction_block(sigset_t *before);
void dsrv_sigaction_let_in(const sigset_t *mask);

/* An action with this handler; NULL: the default action. */
void dsrv_sigaction_prepare(struct sigaction *,
    void (*handler)(int, siginfo_t *, void *));
int dsrv_sigaction_has_handler(const struct sigaction *);
int dsrv_sigaction_ignores(const struct sigaction *);
/* The signals of the table that are ignored. */
void dsrv_sigaction_ignored(sigset_t *);
/* Unblocks the signals of the table and SIGCHLD, and resets ignored ones to
 * their default action, except those untouched. */
void dsrv_sigaction_reset(const sigset_t *untouched);
/* Ends the process by this signal's default action, without a core. */
void dsrv_sigaction_die_of(int signo) __attribute__((noreturn));

/* From here to dsrv_sigaction_end(), which undoes them, changes are recorded. */
void dsrv_sigaction_begin(void);
void dsrv_sigaction_end(void);
void dsrv_sigaction_change(int signo, const struct sigaction *);
void dsrv_sigaction_ignore(int signo);
/* The status of a child is lost where SIGCHLD is ignored. */
void dsrv_sigaction_want_status(void);
/* If the program has no handler for signo, workers get this one; whether they
 * do. */
int dsrv_sigaction_give(int signo, void (*handler)(int));
/* In a new child: restores the program's dispositions, or, if ignoring, ignores
 * the signals of the table. */
void dsrv_sigaction_leave(int ignoring);
/* In a worker: unblocks the signals that it was given handlers for. The second
 * returns one of them that is pending, or 0. */
void dsrv_sigaction_let_given_in(sigset_t *before);
int dsrv_sigaction_pending_given(void);

/*
 * process1.c - process 1 before its first loop
 */

/* Until dsrv_process1_leave() the signals of the table end the start or stay
 * pending, except those that the program handles, or ignores and that are
 * untouched. */
void dsrv_process1_guard(const sigset_t *untouched);
void dsrv_process1_leave(void);
/* The one to obey after the first success, or 0. */
int dsrv_process1_pending(void);

/*
 * sigfd.c - the signals that a process obeys, made readable
 */

enum {
	DSRV_SIGFD_MAX = 16	/* read at once */
};

struct dsrv_signal {
	int signo;
	int from_kernel;	/* not from a process, as at a hang-up */
	pid_t pid;	/* the sender; for SIGCHLD the child */
};

struct dsrv_sigfd {
	int fd;		/* readable when a signal has arrived */
	sigset_t mask;	/* the program's */
	sigset_t worker_mask;	/* and the one for workers */
	sigset_t held;
	sigset_t signals;
};

/* Takes over SIGCHLD, SIGPIPE (which now does nothing) and the signals of the
 * table except those untouched (NULL: none); -1 with errno. */
int dsrv_sigfd_open(struct dsrv_sigfd *, const sigset_t *untouched);
/* Gives the program its signals back. If it forgets, pending signals are
 * discarded. */
void dsrv_sigfd_close(struct dsrv_sigfd *, int forgets);
/* Stores at most DSRV_SIGFD_MAX; returns how many. */
int dsrv_sigfd_read(struct dsrv_sigfd *, struct dsrv_signal *);
/* Acts as if a SIGCHLD had arrived. */
void dsrv_sigfd_hint(void);
/* As dsrv_sigaction_give(); signo is blocked in workers. */
void dsrv_sigfd_give(struct dsrv_sigfd *, int signo, void (*handler)(int));
/* Around a fork(2): none of our handlers may run in the child. */
void dsrv_sigfd_hold(struct dsrv_sigfd *);
void dsrv_sigfd_go_on(struct dsrv_sigfd *);
/* In a new child: as dsrv_sigaction_leave(). Signals stay blocked until the
 * child sets a mask. */
void dsrv_sigfd_leave(struct dsrv_sigfd *, int ignoring);

/*
 * reap.c - which child has ended; the only waitpid(2)
 */

/* Which children a process waits for: those that it has forked, or all, as one
 * that adopts orphans must. */
enum dsrv_reap { DSRV_REAP_FORKED, DSRV_REAP_ALL };

struct dsrv_ended {
	pid_t pid;
	int status;
	struct dsrv_child child;	/* if it was known */
};

struct dsrv_reaper {
	struct dsrv_ended ended;	/* what was found last */
	struct dsrv_children children;
	enum dsrv_reap whom;
	int must_reap;		/* a child ended; for DSRV_REAP_ALL */
	int failed;		/* waitpid(2) has, and must be retried */
	int64_t look_every;	/* ms between checks of all children */
	int64_t look_at;	/* the next such check */
	int unswept;		/* children still to check after a signal, */
	int sweep_now;		/* ... and in this round */
	int hand;		/* the next one of all, ... */
	unsigned recent;	/* ... and of the newest */
};

enum dsrv_reap_hint {
	DSRV_REAP_ENDED,
	DSRV_REAP_LATER,	/* to be found by dsrv_reap_next() */
	DSRV_REAP_STRANGER	/* the SIGCHLD is not from a child */
};

/* -1 with errno. roster: as for dsrv_children_open(). */
int dsrv_reap_open(struct dsrv_reaper *, enum dsrv_reap, struct dsrv_roster *);
void dsrv_reap_close(struct dsrv_reaper *);
/* How often to check for exits that no signal announced; ms. */
void dsrv_reap_look_every(struct dsrv_reaper *, int64_t ms);
/* A SIGCHLD that names pid. */
enum dsrv_reap_hint dsrv_reap_hear(struct dsrv_reaper *, pid_t);
/* Whether another child has ended. */
int dsrv_reap_next(struct dsrv_reaper *);
/* After each wait for events; is_quiet: there was none. */
void dsrv_reap_begin_round(struct dsrv_reaper *, int is_quiet);
/* When to begin a round even without an event, and after how many ms; or
 * DSRV_NEVER. */
int64_t dsrv_reap_look_at(const struct dsrv_reaper *);
int64_t dsrv_reap_patience(const struct dsrv_reaper *);
/* Records an adopted child. -1: it is not a child of this process. */
int dsrv_reap_adopt(struct dsrv_reaper *, pid_t);
/* Waits for this child, however long it takes. */
void dsrv_reap_wait(struct dsrv_reaper *, pid_t);
/* Whether orphaned descendants become children of this process. Returns the
 * old value; -1: the system cannot do this. */
int dsrv_reap_adopting(int on);
/* Whether process group pgid is empty; first reaps its members that are
 * children of this process. */
int dsrv_reap_group_gone(pid_t pgid);
/* Whether pid, or any process, is a child of this one, forked or adopted. */
int dsrv_reap_is_child(pid_t);
int dsrv_reap_has_child(void);
/* Reaps a child that is not recorded; whether it had ended. */
int dsrv_reap_stranger(const struct dsrv_reaper *, pid_t);

/*
 * offspring.c - signals children that this process has not forked
 */

/* Signals every child, but first reaps those that have ended and are not
 * recorded; session: only those of it, 0: of any; but_group: none of that
 * process group. Returns how many; -1: the system does not list them. */
int dsrv_offspring_signal(const struct dsrv_reaper *, pid_t session,
    pid_t but_group, int signo);

/*
 * loop.c - wait for the next event; the only fork(2)
 */

enum dsrv_event {
	DSRV_EVENT_SIGNAL,	/* loop.signo arrived */
	DSRV_EVENT_CHILD,	/* loop.ended tells which ended, and how */
	DSRV_EVENT_FD,		/* the descriptor of loop.tag is ready */
	DSRV_EVENT_TIMER	/* the time of loop.tag has come */
};

struct dsrv_known {
	int64_t timer;	/* of the tag that is this one's index */
	int place;	/* of its descriptor, in the set; 0: none */
	int tag;	/* that has the place after this one's index */
};

/* A tag is a number from 0 on, by which a stage names a thing that has a
 * descriptor to watch, a timer, or both. */
struct dsrv_loop {
	/* set by dsrv_loop_next() */
	int signo;
	int from_kernel;
	struct dsrv_ended ended;
	int tag;

	/* private to the loop */
	struct dsrv_reaper reaper;
	struct pollfd *set;	/* place 0: the signals */
	int places;
	struct dsrv_known *known;
	int tags;
	int cursor;		/* the place checked last in this round */
	int last;		/* the one that was ready last */
	int unseen;		/* places left to check in the round */
	int timed;		/* timers checked in it */
	int in_use;		/* signals that have come are its own */
	struct dsrv_sigfd signals;
	struct dsrv_signal received[DSRV_SIGFD_MAX];
	int received_count;
	int received_next;
};

/* Flushes stdio and takes over signals as dsrv_sigfd_open() does; -1 with
 * errno. roster: as for dsrv_children_open(). */
int dsrv_loop_open(struct dsrv_loop *, int tags, enum dsrv_reap,
    struct dsrv_roster *, const sigset_t *untouched);
/* Gives the program its signals back. Keeps errno. */
void dsrv_loop_close(struct dsrv_loop *);
enum dsrv_event dsrv_loop_next(struct dsrv_loop *);

/* With events 0 the descriptor is ready only when its other end is gone. */
void dsrv_loop_watch(struct dsrv_loop *, int tag, int fd, int events);
void dsrv_loop_pause(struct dsrv_loop *, int tag);
void dsrv_loop_resume(struct dsrv_loop *, int tag);
/* Until it is watched again. */
void dsrv_loop_forget(struct dsrv_loop *, int tag);
int dsrv_loop_watches(const struct dsrv_loop *, int tag);
/* On the clock of dsrv_clock_now(), once; DSRV_NEVER: not at all. */
void dsrv_loop_set_timer(struct dsrv_loop *, int tag, int64_t when);
int64_t dsrv_loop_timer(const struct dsrv_loop *, int tag);

/* As fork(2), and records the child. The child has the program's signal mask
 * and dispositions, and nothing of the loop. */
pid_t dsrv_loop_fork(struct dsrv_loop *);
/* The same, but the child ignores the signals of the table. */
pid_t dsrv_loop_fork_ignoring(struct dsrv_loop *);
/* The same, but signals are blocked until the child sets a mask: the program's
 * or, for a worker that was given handlers, the workers'. */
pid_t dsrv_loop_fork_held(struct dsrv_loop *);
void dsrv_loop_let_in(const struct dsrv_loop *);
void dsrv_loop_let_worker_in(const struct dsrv_loop *);
/* As dsrv_sigfd_give(). */
void dsrv_loop_give(struct dsrv_loop *, int signo, void (*handler)(int));
/* How many forked or adopted children have not ended. */
int dsrv_loop_children(const struct dsrv_loop *);
pid_t dsrv_loop_child_at(const struct dsrv_loop *, int place);
int dsrv_loop_has_child(const struct dsrv_loop *, pid_t);
struct dsrv_child *dsrv_loop_child(const struct dsrv_loop *, pid_t);
const struct dsrv_children *dsrv_loop_known(const struct dsrv_loop *);
/* As dsrv_reap_adopt(), _wait() and _look_every(). */
int dsrv_loop_adopt(struct dsrv_loop *, pid_t);
void dsrv_loop_wait(struct dsrv_loop *, pid_t);
void dsrv_loop_look_every(struct dsrv_loop *, int64_t ms);

/*
 * relay.c - copies the daemon's two streams to the starter's
 */

enum dsrv_relay_wait {
	DSRV_RELAY_SOURCE,	/* wait until the source can be read */
	DSRV_RELAY_SINK,	/* wait until the sink can be written */
	DSRV_RELAY_OVER		/* no more will come */
};

struct dsrv_relay {
	int source;	/* -1: it is not open */
	struct dsrv_output sink;
	int left;	/* bytes still to take; -1: up to end of file */
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
/* Makes a loop watch it by two tags, from this one on; their events go to
 * dsrv_relay_ready(). */
void dsrv_relay_watch(struct dsrv_relay *, struct dsrv_loop *, int tag);
int dsrv_relay_has(const struct dsrv_relay *, int tag);
void dsrv_relay_ready(struct dsrv_relay *, struct dsrv_loop *);
/* Moves only what the source holds now. */
void dsrv_relay_finish(struct dsrv_relay *, struct dsrv_loop *);
/* After that: adds this line of size bytes, unless the sink has not yet taken
 * what precedes it. */
void dsrv_relay_say(struct dsrv_relay *, struct dsrv_loop *,
    const char *line, size_t size);

enum { DSRV_RELAY_TAGS = 4 };

/* Of stdout and stderr. */
struct dsrv_relays {
	struct dsrv_relay each[2];
	int count;		/* 1: both are one file, so it has both */
};

/* The daemon's ends are stored even after -1 with errno, or as -1; they are the
 * caller's to close. */
int dsrv_relays_open(struct dsrv_relays *, int *to_stdout, int *to_stderr);
/* The starter's ends. */
void dsrv_relays_close(struct dsrv_relays *);
/* By DSRV_RELAY_TAGS, from this one on. */
void dsrv_relays_watch(struct dsrv_relays *, struct dsrv_loop *, int tag);
/* Handles an event of one of them. */
void dsrv_relays_ready(struct dsrv_relays *, struct dsrv_loop *);
void dsrv_relays_finish(struct dsrv_relays *, struct dsrv_loop *);
/* Whether everything has been moved. */
int dsrv_relays_over(const struct dsrv_relays *);
/* Drops the rest: there is no reader. */
void dsrv_relays_give_up(struct dsrv_relays *);
/* To stderr. */
void dsrv_relays_say(struct dsrv_relays *, struct dsrv_loop *,
    const char *line, size_t size);

/*
 * ownsocket.c - which listening sockets are the daemon's own
 */

/* daemon_listen() has opened fd; or the daemon was started with it, and others
 * may hold it. -1 with errno. */
int dsrv_ownsocket_add(int fd);
int dsrv_ownsocket_add_inherited(int fd);
/* It is closed, of the first kind. */
void dsrv_ownsocket_forget(int fd);
/* Whether it is that socket, under whatever number. */
int dsrv_ownsocket_is_ours(int fd);
int dsrv_ownsocket_is_inherited(int fd);
/* The lowest descriptor from there on that daemon_listen() gave, and that is
 * still its socket; -1: there is none. And whether fd is one. */
int dsrv_ownsocket_descriptor(int from);
int dsrv_ownsocket_keeps(int fd);
/* Whether there were some, and are none. */
int dsrv_ownsocket_has_lost(void);

/*
 * listener.c - one listening socket: accept from it, end it
 */

/* 0, or the error number that says why fd is not a listening socket. */
int dsrv_listener_check(int fd);

struct dsrv_client {
	int conn;	/* -1: none */
	int listener;	/* its index */
	struct sockaddr_storage addr;
	socklen_t len;
};

/* accept(2); the connection is in blocking mode, even if fd is not. Returns it,
 * or -1; listener is not touched. A client that has reset its connection is
 * passed over, as if it had not been there. */
int dsrv_listener_accept(int fd, struct dsrv_client *);

/* What failed when accept(2) did: a client's connection, this socket for good,
 * or the system for a while. */
enum dsrv_listener_failure {
	DSRV_LISTENER_CLIENT,
	DSRV_LISTENER_SOCKET,
	DSRV_LISTENER_SYSTEM
};

enum dsrv_listener_failure dsrv_listener_why(int error);
/* ms to leave a listener alone after a failure to accept; 0: go on. failures:
 * in a row, at this listener. */
int dsrv_listener_pause(int error, int *failures);
/* Makes a listener non-blocking, and its connections ones without delay. -1
 * with errno: it blocks. */
int dsrv_listener_prepare(int fd);
/* Whether a client waits there. */
int dsrv_listener_has_client(int fd);
int dsrv_listener_is_unix(int fd);
/* At the start: if it listens and is not ours, it is inherited. -1 with
 * errno. */
int dsrv_listener_inherit(int fd);
/* Ends it for all processes that hold it, unless it is inherited; clients that
 * wait at a Unix-domain socket are accepted, and go when this process ends. */
void dsrv_listener_end(int fd);

/*
 * fdclean.c - close what is open
 */

/* At the start: notes the listening sockets that there are. -1 with errno. */
int dsrv_fdclean_inherit(void);
/* Whether this process has a listening socket. */
int dsrv_fdclean_has_listener(void);
/* Each descriptor that is open, or may be, until visit() returns other than 0;
 * returns that. */
int dsrv_fdclean_visit(int (*visit)(int fd));

/*
 * ports.c - what a daemon listens on
 */

/* Remembers every listening socket that this process has, ... */
void dsrv_ports_find(void);
/* ... and closes them, ... */
void dsrv_ports_close(void);
/* ... or does so as far as that cannot take long, ... */
void dsrv_ports_leave(void);
/* ... and ends them for all that hold them; by a child, if workers do. */
void dsrv_ports_end(struct dsrv_loop *, int are_shared);

/*
 * statuspipe.c - the words that travel up the status pipe
 */

enum dsrv_status_word {
	DSRV_STATUS_NOTHING,	/* no word now */
	DSRV_STATUS_GONE,	/* nor later: the writer has closed the pipe */
	DSRV_STATUS_SUCCESS,
	DSRV_STATUS_ASKED,	/* by this signal to end */
	DSRV_STATUS_ENDED,	/* with this status, the reason was given */
	DSRV_STATUS_ORPHAN	/* this worker, unknown to its dead server */
};

/* The ends for the parent (non-blocking) and for the child. */
int dsrv_statuspipe_open(int *from_child, int *to_parent);
/* From now on stdout, stderr and the library's messages go to the logger;
 * without one, to /dev/null and syslog(3), or in the foreground nothing
 * changes. -1 with errno, and it was reported: they are what they were. */
int dsrv_statuspipe_settle(void);
/* To the parent, if there is one. -1: the parent is gone. */
int dsrv_statuspipe_say(enum dsrv_status_word, int number);
enum dsrv_status_word dsrv_statuspipe_hear(int from_child, int *number);

/*
 * leader.c - the process between the starter and the master
 */

/* ms from SIGTERM to SIGKILL after a failed start. */
enum { DSRV_START_GRACE = 2000 };

/* What the starter tells it. */
enum dsrv_leader_word {
	DSRV_LEADER_GO = 'g',	/* the start has succeeded */
	DSRV_LEADER_END = 'e'	/* it has failed, SIGTERM was sent */
};

/* Creates a session, forks the master and returns in it. The leader stays
 * inside, with null as descriptors 0 to 2, and ends as the master does, when no
 * process of a failed start is left. It hears by lifeline, and that its other
 * end is gone. It closes the count descriptors of for_master (or -1). */
void dsrv_leader_become(int lifeline, int null, const int *for_master,
    int count);

/*
 * starter.c - the process that waits for the verdict on a start
 */

/* What the daemon has in its hands until then, or -1. */
struct dsrv_ends {
	int to_starter;		/* the status pipe */
	int from_starter;	/* the lifeline */
	int to_stdout;		/* of the starter */
	int to_stderr;
	int null;
};

/* Forks the leader, and returns 0 in it, with these ends. The starter stays
 * inside and ends, or returns the value of start_return_fatal. */
int dsrv_starter_run(struct dsrv_ends *);
/* Closes them. */
void dsrv_starter_close(struct dsrv_ends *);

/*
 * limit.c - frequent events are reported once, then counted; pure
 */

struct dsrv_limit {
	int unsaid;
	int64_t quiet_until;
};

/* Counts an event; returns whether to report it now. */
int dsrv_limit_event(struct dsrv_limit *, int64_t now);
/* When to report the count; DSRV_NEVER. */
int64_t dsrv_limit_due(const struct dsrv_limit *);
/* The events since the last report; they now count as reported. */
int dsrv_limit_take(struct dsrv_limit *, int64_t now);

/*
 * accept.c - a server's listeners: accept from the ones that work
 */

struct dsrv_listener {
	int fd;
	int failures;		/* in a row */
	int error;		/* that was reported; 0: none */
	int is_suspect;		/* it no longer listens */
};

/* Each listener has a tag of the loop, from tag on: with a timer it rests after
 * a failure. */
struct dsrv_acceptor {
	struct dsrv_listener *listeners;
	struct dsrv_loop *loop;
	int tag;
	int count;
	int usable;		/* of them */
	int watched;
};

/* 0; or reports what is wrong with a list, and returns an error number. */
int dsrv_accept_check_list(const int *fds, int count);
/* -1 with errno. */
int dsrv_accept_open(struct dsrv_acceptor *, const int *fds, int count,
    struct dsrv_loop *, int tag);
void dsrv_accept_close(struct dsrv_acceptor *);
/* Watches none from now on. */
void dsrv_accept_stop(struct dsrv_acceptor *);
/* Accepts a client that is still there; -1: none. */
int dsrv_accept_from(struct dsrv_acceptor *, int index, struct dsrv_client *);
void dsrv_accept_watch(struct dsrv_acceptor *, int on);
/* The time of its timer has come. */
void dsrv_accept_retry(struct dsrv_acceptor *, int index);
/* Whether a client waits at any listener. */
int dsrv_accept_has_clients(const struct dsrv_acceptor *);
/* Drops those that no longer listen, after a moment. Whether all do. */
int dsrv_accept_check(struct dsrv_acceptor *);

/*
 * notice.c - what the log says about workers
 */

enum { DSRV_NOTICE_WORKER = DSRV_ADDRESS_TEXT + 32 };

struct dsrv_crashes {
	struct dsrv_loop *loop;
	int tag;		/* its timer: when to report how many more */
	struct dsrv_limit limit;
	int status;		/* of the last one */
	char worker[DSRV_NOTICE_WORKER];
};

struct dsrv_refused {
	pid_t first;
	int count;
};

struct dsrv_busy {
	int64_t since;		/* 0: there is room */
	int64_t look_at;	/* when to check whether clients wait */
	int said;
};

void dsrv_crashes_open(struct dsrv_crashes *, struct dsrv_loop *, int tag);
/* The child in loop.ended has ended. */
void dsrv_crashes_add(struct dsrv_crashes *, unsigned asked);
/* Reports those that have crashed since the last line, if any. */
void dsrv_crashes_say(struct dsrv_crashes *);
/* After a kill(2) that has failed; and after the last one for this signal. */
void dsrv_refused_add(struct dsrv_refused *, pid_t worker);
void dsrv_refused_say(const struct dsrv_refused *, int signo);
/* Called before each wait; returns when to check again. */
int64_t dsrv_busy_watch(struct dsrv_busy *, int is_full,
    const struct dsrv_acceptor *);

/*
 * orphans.c - workers that have outlived their server: adopt them, signal them
 */

struct dsrv_orphans {
	struct dsrv_loop *loop;
	int count;			/* of the adopted ones */
	struct dsrv_children unadopted;	/* if the system cannot adopt */
	int adopting;	/* this process's value before; -1: it cannot */
	int from_dead;	/* the status pipe of the last server that died, where
			 * workers that it had not recorded report; or -1 */
	int missed;	/* the signal that they have not had; 0: none */
	int tag;	/* of that pipe; its timer: when to stop listening */
};

/* -1 with errno. The second is for when the loop is open. */
int dsrv_orphans_open(struct dsrv_orphans *, struct dsrv_loop *, int tag);
void dsrv_orphans_begin(struct dsrv_orphans *);
void dsrv_orphans_close(struct dsrv_orphans *);
/* In a child of the master: drops what it inherited. */
void dsrv_orphans_leave(struct dsrv_orphans *);
/* SIGKILL goes to a worker's whole group. */
void dsrv_orphans_signal(struct dsrv_orphans *, int signo);
/* The pid of an orphan; 0: none. */
pid_t dsrv_orphans_first(const struct dsrv_orphans *);
/* Adopts a worker and sends it the signal that it has missed; 0: none. */
void dsrv_orphans_add(struct dsrv_orphans *, pid_t, int missed);
/* After a server's death: adopts its workers, and listens for those that it had
 * not recorded. */
void dsrv_orphans_adopt(struct dsrv_orphans *, const struct dsrv_roster *,
    int missed);
void dsrv_orphans_expect(struct dsrv_orphans *, int from_dead, int missed);
void dsrv_orphans_hear(struct dsrv_orphans *);
/* Listens no longer. */
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
	int tag;		/* of that pipe; its timer: to fork a new one, */
	int refused;		/* ... or to send this signal again; 0: none */
	struct dsrv_history history;
	int fork_failures;	/* in a row */
};

void dsrv_supervise_open(struct dsrv_supervised *, const char *name,
    struct dsrv_loop *, int tag);
void dsrv_supervise_close(struct dsrv_supervised *);
/* When to fork a new one; DSRV_NEVER. */
void dsrv_supervise_again(struct dsrv_supervised *, int64_t when);
/* As fork(2); the child gets its status pipe. After a failure, which it reports,
 * the timer is set for the next try. */
pid_t dsrv_supervise_fork(struct dsrv_supervised *,
    pid_t (*fork_child)(struct dsrv_loop *));
/* One that is refused, since the child runs with other rights, is said once, and
 * the timer is set for the next try. */
void dsrv_supervise_signal(struct dsrv_supervised *, int signo);
/* After the child's death: hands its pipe to the caller. */
int dsrv_supervise_take_pipe(struct dsrv_supervised *);

/*
 * phase.c - the phases of a daemon's life, as its master sees them; pure
 */

enum dsrv_phase {
	DSRV_PHASE_STARTING,
	DSRV_PHASE_RUNNING,		/* even if a server waits for its workers */
	DSRV_PHASE_STOPPING_SERVER,	/* it was sent the signal to end at once */
	DSRV_PHASE_KILLING_SERVER,
	DSRV_PHASE_AWAITING_WORKERS,	/* no server is left; they may finish */
	DSRV_PHASE_STOPPING_WORKERS,	/* they were sent SIGTERM */
	DSRV_PHASE_KILLING_WORKERS,
	DSRV_PHASE_WRITING,		/* only the logger is left */
	DSRV_PHASE_SILENCING,		/* it was sent SIGKILL */
	DSRV_PHASE_OVER
};

/* How long a phase may last; ms, or DSRV_NEVER. */
int64_t dsrv_phase_time(enum dsrv_phase, int confirmed);
/* The phase that follows when that time is over. */
enum dsrv_phase dsrv_phase_after(enum dsrv_phase);

/*
 * keeplog.c - the master's side of the log: keep a logger alive
 */

struct dsrv_keeplog {
	struct dsrv_supervised logger;
	struct dsrv_handover handover;
	int opened;	/* a logger has opened its file */
	int left;	/* the daemon no longer writes to the log, ... */
	int done;	/* ... and all is in the file, or never will be */
};

enum dsrv_keeplog_end {
	DSRV_KEEPLOG_AGAIN,	/* a new logger starts */
	DSRV_KEEPLOG_TOO_OFTEN,	/* also, but the daemon must end; reported */
	DSRV_KEEPLOG_FAILED,	/* the first did not open its file; reported */
	DSRV_KEEPLOG_DONE	/* everything is written */
};

/* -1 with errno. Does nothing if no logger is enabled. */
int dsrv_keeplog_open(struct dsrv_keeplog *);
void dsrv_keeplog_close(struct dsrv_keeplog *);
/* In a new child. */
void dsrv_keeplog_become_server(struct dsrv_keeplog *);
void dsrv_keeplog_become_logger(struct dsrv_keeplog *);
/* Has the logger take what the master has to say at once, and not at its next
 * look. */
void dsrv_keeplog_wake(const struct dsrv_keeplog *);
/* Whether the first logger has now opened its file. */
int dsrv_keeplog_hear(struct dsrv_keeplog *);
/* The logger has ended with this status. */
enum dsrv_keeplog_end dsrv_keeplog_lose(struct dsrv_keeplog *, int status,
    int is_ending);
int dsrv_keeplog_is_done(const struct dsrv_keeplog *);
/* The daemon has stopped writing. The second: it has waited for ms. */
void dsrv_keeplog_leave(struct dsrv_keeplog *, int confirmed);
void dsrv_keeplog_silence(struct dsrv_keeplog *, int64_t ms);

/*
 * birth.c - a new worker waits until its server has recorded it
 */

/* In the server; -1 with errno. */
int dsrv_birth_open(void);
void dsrv_birth_close(void);
/* Before each fork: the birth's number, for both processes. */
unsigned dsrv_birth_begin(void);
/* In the server: the child is recorded, and its connection closed here. */
void dsrv_birth_release(unsigned birth);
/* In the child: waits for that, or tells the master that the server is gone. */
void dsrv_birth_wait(unsigned birth, pid_t server);

/*
 * slots.c - the page in which spares say that they wait; only a hint
 */

/* -1 with errno. */
int dsrv_slots_open(int wanted, int most);
void dsrv_slots_close(void);
/* In a spare: a slot for pid; -1: all are taken. */
int dsrv_slots_take(pid_t pid);
void dsrv_slots_release(int slot);
/* In the server: reserves a slot before a fork; gives it to the child's pid, or
 * frees it if that is -1. */
int dsrv_slots_reserve(void);
void dsrv_slots_give(int slot, pid_t pid);
/* A child has ended: returns whether it had a slot, and so perhaps was woken
 * for a client that it did not accept. */
int dsrv_slots_lose(pid_t pid);
/* Frees slots that belong to no child, or are a child's second one. */
void dsrv_slots_audit(const struct dsrv_children *);
int dsrv_slots_any_wait(void);
int dsrv_slots_few_wait(void);
int dsrv_slots_enough_wait(void);
/* Whether spares should call when few wait; in a spare, whether to call now. */
void dsrv_slots_allow_call(int allowed);
int dsrv_slots_call(void);
/* In a spare: accepting has failed at this listener, or works again. Only one
 * spare reports it in between: the first returns whether to. */
int dsrv_slots_fail(int listener);
void dsrv_slots_work(int listener);

/*
 * await.c - a spare's sleep: until one of its listeners is ready
 */

enum {
	DSRV_AWAIT_NOTHING = -1,	/* timeout, or a signal */
	DSRV_AWAIT_LEAVE = -2	/* the server is gone, or waiting fails */
};

struct dsrv_await {
	const int *fds;		/* listeners or -1, then the server's pipe */
	int count;		/* of the listeners */
	int *waiter;		/* the epoll descriptor, -1 at first */
	unsigned first;		/* the listener to prefer */
	const int64_t *retry_at;	/* when each is to be retried; or NULL */
	int64_t now;
	int timeout;		/* ms; -1: none */
};

/* The index of a ready listener, or a value of the enum. */
int dsrv_await_one(const struct dsrv_await *);

/*
 * spare.c - a worker that waits for a connection and accepts it itself
 */

/* In the server, before it forks one; -1 with errno. */
int dsrv_spare_prepare(const int *listeners, int count, int from_server,
    int to_server, int null_device);
void dsrv_spare_forget(void);
/* This listener has become unusable. */
void dsrv_spare_drop(int listener);
/* In a new spare: waits for a client, trying listener turn first; without a
 * slot (-1) only takes a client that is already waiting. -1: it must exit. */
int dsrv_spare_begin(int slot, unsigned turn, struct dsrv_client *);
/* In a worker: takes another client that is already waiting; -1: none. */
int dsrv_spare_take(struct dsrv_client *);
/* Waits for one; -1: the worker must finish. */
int dsrv_spare_wait(struct dsrv_client *);
/* A descriptor of /dev/null, or -1. */
int dsrv_spare_null(void);
/* In a signal handler: closes the listeners. */
void dsrv_spare_stop(void);

/*
 * pool.c - a server's side of its spares
 */

/* The status of a spare that could not accept a client. */
enum { DSRV_POOL_EMPTY_HANDED = 75 };

struct dsrv_pool {
	int is_open;
	struct dsrv_acceptor *acceptor;
	struct dsrv_loop *loop;
	int tag;		/* spares call there; its timer: the next check */
	int refill;		/* fork until enough wait */
	int hungry;		/* how many more, for waiting clients */
	int sent;		/* for them, since the last check, ... */
	int sent_in_vain;	/* ... that got none, ... */
	int vain_looks;		/* ... and checks in a row at which none did */
	int looked;		/* the last check found waiting clients */
	unsigned turn;		/* the listener that a new spare tries first */
	int lost;		/* in a row, before they had a client */
};

/* -1 with errno. */
int dsrv_pool_open(struct dsrv_pool *, const int *listeners,
    struct dsrv_acceptor *, struct dsrv_loop *, int tag);
void dsrv_pool_close(void);
/* Whether to fork another spare, and for which slot; -1: none. */
int dsrv_pool_next(struct dsrv_pool *, int may_fork, int *slot);
/* A spare has called. The second: a child has died, perhaps a spare; returns
 * the ms to wait before the next fork. */
void dsrv_pool_hear(struct dsrv_pool *);
int dsrv_pool_lose(struct dsrv_pool *, const struct dsrv_ended *);
/* Once a tick; and when its timer says so. */
void dsrv_pool_tick(struct dsrv_pool *);
void dsrv_pool_look(struct dsrv_pool *);
/* Tells idle spares to exit. */
void dsrv_pool_release(void);
/* In a new child: keeps only what a spare needs. */
void dsrv_pool_leave(void);

/*
 * worker.c - the calls that a worker may make
 */

/* Makes the calling process the worker of this connection. */
void dsrv_worker_become(const struct dsrv_client *);
/* The handler that daemon_stop_requested() answers from. */
void dsrv_worker_stop(int signo);

#endif
