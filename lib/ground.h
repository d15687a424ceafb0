/*
 * ground.h - what every file may use
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_GROUND_H
#define DSRV_GROUND_H

#include <limits.h>
#include <netinet/in.h>
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
	char *pid_file;		/* absolute, in the master; NULL: none */
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
	int keepalive;
	int drain_timeout;
	int reload_overlap;
	int stop_timeout;
	int logger_enabled;
	char *logger_name_format;	/* an absolute path, in the master */
	char *logger_prefix_format;
	char *logger_link;		/* absolute, too; NULL: none */
	char *logger_processor;		/* the same */
	int logger_fast_time;
	int logger_fast_max;
	size_t logger_size_max;
	int logger_file_count_max;
	size_t logger_total_max;
	int logger_mode;		/* -1: 0640 less the umask */
	gid_t logger_group;		/* -1: the process's own */
	int logger_drop;
	int logger_escape;
	int server_hang_max;
	int start_return_fatal;
	int master_return_fatal;
	int logger_return_fatal;
	int server_return_fatal;
};

enum {
	DSRV_WORKERS_MAX = 65536,
	DSRV_PATH_MAX = 4096,		/* bytes; also of a format */
	DSRV_PREFIX_FORMAT_MAX = 255,
	DSRV_KEEPALIVE_MAX = 32767	/* seconds: the most of Linux */
};

const struct dsrv_settings *dsrv_settings(void);
const char *dsrv_settings_name(void);
/* For settings that another file keeps: -1 with errno, EINVAL if the value is
 * out of range. unset: a text that must not be freed. */
int dsrv_settings_set(int *setting, int value, int least, int most);
int dsrv_settings_set_text(char **setting, const char *text,
    const char *unset);
/* The mode and group of a new log file. */
void dsrv_settings_set_logger_mode(int mode, gid_t);
/* As if the program had set daemon_set_foreground(1). */
void dsrv_settings_stay_in_foreground(void);
/* Makes the pid file's path absolute; -1 with errno. */
int dsrv_settings_find_pid_file(void);
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

extern const int dsrv_sigtable[];	/* the signals of the table, then 0 */

/* What signo asks for; 0: it is not in the table. */
unsigned dsrv_sigtable_ask(int signo);
/* The signal that workers get for signo; 0: none. */
int dsrv_sigtable_to_workers(int signo);
/* The signal that a received one counts as: a hangup that the kernel sends,
 * because the terminal is gone, is not a reload. */
int dsrv_sigtable_meaning(int signo, int from_kernel);
/* As strsignal(3) for the signals of the table, but safe in a signal
 * handler. */
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
 * backoff.c - the pause after repeated failures; pure
 */

/* The pause after the nth failure in a row: first, doubling up to most. */
int dsrv_backoff(int nth, int first, int most);

/*
 * descriptors.c - what 0, 1 and 2 are, and how all others are opened
 */

/* dup2(2), tried again for a moment. -1 with errno: at has not changed. */
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
/* If stderr is closed, makes it a copy of stdout or stdin, provided that the
 * shell may see it there. Returns whether it did; -1: neither is usable. */
int dsrv_descriptors_lend_stderr(void);
/* Opens /dev/null; -1: it cannot be opened. */
int dsrv_descriptors_first_null(void);
/* Opens /dev/null; after a chroot(2) without one, duplicates stdin. */
int dsrv_descriptors_open_null(void);
/* pipe(2), close-on-exec. The ends named here, which looping processes use, do
 * not block; if that cannot be set, there is no pipe. */
enum { DSRV_READ_END = 1, DSRV_WRITE_END = 2 };
int dsrv_descriptors_pipe(int *read_end, int *write_end, int nonblocking);
/* -1 with errno: it still blocks. */
int dsrv_descriptors_nonblock(int fd);
/* socketpair(2) of a stream, close-on-exec. */
int dsrv_descriptors_pair(int *one, int *other);
/* In a new worker, for stderr, which is the log pipe: replaces it by a
 * descriptor that shares no flags with other processes, so that O_NONBLOCK
 * affects only this one. -1: it is not a pipe, or cannot be opened again, and
 * stays as it is. Keeps errno. */
int dsrv_descriptors_unshare(int fd);
/* Closes it, unless it is -1, and makes it -1. Keeps errno. */
void dsrv_descriptors_close(int *fd);
void dsrv_descriptors_close_all(const int *fds, int count, int except);
/* Whether both are open and the same file. */
int dsrv_descriptors_same(int, int);
/* Moves a new descriptor (or -1) above 2. Call it before another is opened. */
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
/* As write(2), perhaps only a part; -1 with errno, EAGAIN: not now. */
ssize_t dsrv_output_write(const struct dsrv_output *, const char *text,
    size_t size);
void dsrv_output_close(struct dsrv_output *);

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

enum { DSRV_ADDRESS_HOST = INET6_ADDRSTRLEN, DSRV_ADDRESS_TEXT = 64 };

void dsrv_address_keep(struct dsrv_address *, const struct sockaddr *,
    socklen_t);
/* "192.0.2.1" or "2001:db8::1", in DSRV_ADDRESS_HOST bytes. Returns the port;
 * -1: the address has none. */
int dsrv_address_host(char *text, const struct dsrv_address *);
/* "192.0.2.1:4711", "[2001:db8::1]:4711", "unix", or "" if unknown, in
 * DSRV_ADDRESS_TEXT bytes. */
void dsrv_address_text(char *text, const struct dsrv_address *);

/*
 * title.c - how ps(1) shows a process
 */

/* Does nothing unless the program wants titles. The text comes after the
 * program's name and a colon. */
void dsrv_title_set(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
int dsrv_title_is_on(void);
/* In a server: shows how many workers it has now. */
void dsrv_title_set_count(int workers);

/*
 * memory.c - memory that children do not inherit
 */

/* Zeroed and page aligned; NULL with errno. */
void *dsrv_memory_own(size_t size);
/* Zeroed, page aligned, and shared with the children of this process. */
void *dsrv_memory_shared(size_t size);
/* From now on children do not inherit this memory. */
void dsrv_memory_keep(void *, size_t size);
/* From now on children inherit it again. */
void dsrv_memory_lend(void *, size_t size);
void dsrv_memory_free(void *, size_t size);
/* In a new child: unmaps what the system could not keep from it. */
void dsrv_memory_forked(void);

#endif
