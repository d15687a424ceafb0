/*
 * daemon.h - a simple C program becomes a TCP server daemon
 *
 *     shell -- starter -- leader -- master -+- server -+- worker
 *              (both gone at success)       |          `- worker ...
 *                                           `- logger (when enabled)
 *
 * A program calls the stages in the order of this file. Each call returns
 * in a new process, while the process that made it loops inside the call:
 *
 *     daemon_start();                      this is the master
 *     daemon_clean_fd(2);
 *     count = daemon_listen(NULL, "7007", fds, 4);
 *     daemon_master();                     this is a server
 *     daemon_success();                    the shell has its prompt again
 *     daemon_server(fds, count);           this is a worker: one connection
 *
 * On any error a stage says so in one line on standard error and ends its
 * process with status 1, so a program need not check what a stage returns.
 * All other functions that can fail return -1 with errno set.
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DAEMONSRV_DAEMON_H
#define DAEMONSRV_DAEMON_H

#include <sys/types.h>
#include <sys/socket.h>

#define DAEMONSRV_VERSION	"1.0.0"
#define DAEMONSRV_VERSION_MAJOR	1
#define DAEMONSRV_VERSION_MINOR	0
#define DAEMONSRV_VERSION_PATCH	0

/* What daemon_master() returns: in which process the program now is. */
#define DAEMON_SERVER	0
#define DAEMON_LOGGER	1

#ifdef __cplusplus
extern "C" {
#endif

/* What is declared here is public, and nothing else is. */
#if defined(__GNUC__) && __GNUC__ >= 4
#pragma GCC visibility push(default)
#endif

/*
 * Stages, in the order in which a program calls them
 */

/*
 * Goes into the background. Returns 0 in the master: a process of a new
 * session that it does not lead, with /dev/null as stdin, whose stdout and
 * stderr come out where the starter's do until the start has succeeded.
 * The starter stays inside the call until then, and ends with status 0; if
 * the start fails it ends the whole daemon, and itself with status 1, the
 * status of the stage that failed, or 128+n if signal n ended that. A starter
 * that is interrupted by SIGINT, SIGTERM or SIGHUP (or by one of the others
 * that a daemon obeys) ends the daemon likewise and dies of that signal. In
 * the foreground: see daemon_set_foreground().
 */
int daemon_start(void);

/*
 * Keeps a server alive: the master stays inside the call for the daemon's
 * whole life. Returns DAEMON_SERVER in each server, which is a copy of the
 * master as it was at the call. A server that ends with status 0, or by a
 * crash, is followed by another; any other status ends the daemon.
 *
 * With daemon_enable_logger() it returns DAEMON_LOGGER in a logger first, and
 * the first server comes when that has opened its file. A logger ignores
 * SIGHUP, SIGUSR1, SIGUSR2, SIGINT, SIGTERM and SIGQUIT. One that ends is
 * followed by another, which goes on where it was.
 */
int daemon_master(void);

/*
 * Writes the log: the logger stays inside the call until nobody has the log
 * open any more, and ends with status 0. A program that has something to
 * change in the logger (its rights, its root directory) does so between
 * daemon_master() and this; the others call it in whichever process they
 * are, since in a server it does nothing and returns 0.
 *
 * What the master, the servers and the workers write to stderr after
 * daemon_success(), and master and server to stdout, comes to the logger. A
 * line that one write(2) of at most PIPE_BUF bytes writes stays whole, in its
 * writer's order, and gets the prefix once. A longer one, or one without an
 * end, may meet what others write. A last line without its newline gets one.
 *
 * No line is lost and none is written twice, whether the disk is full, the
 * file is renamed, or the logger is killed (SIGKILL) at any moment. Where the
 * system has no splice(2), so not Linux, a logger that is killed between a
 * read and the next instruction loses what it has read, 64 KiB at most. Who
 * cuts the file (copytruncate), or writes to it too, does so at his own risk.
 *
 * The file is opened to be appended to, with mode 0640, and locked: no other
 * daemon can log to it. A symbolic link, what is no regular file, or has
 * another name too, is not opened. It is opened again within a second after it
 * was renamed or removed, and at SIGHUP to the master, but not in the middle
 * of a line, unless the old file cannot be written: then the line that is torn
 * there is whole in the new one. What cannot be written is tried again every
 * second, and a line tells how long that lasted.
 *
 * The daemon's end waits up to 5 seconds for the last lines. If the disk is
 * full for longer, or if somebody keeps the log open (a helper that a worker
 * has left behind), the logger is killed then, and syslog(3) told.
 */
int daemon_logger(void);

/*
 * Confirms the start, from the server: what was written to stdout and
 * stderr so far is shown, the starter ends with status 0, and stdout and
 * stderr become the logger, or /dev/null. In the foreground they stay, but
 * for stderr where there is a logger. Returns 0 in the server.
 * In a server that has called it already it does nothing and returns 0.
 */
int daemon_success(void);

/*
 * Accepts connections on the count listening sockets in fds and forks a
 * worker for each; the server stays inside the call. Returns in each
 * worker, with the connection as stdin and stdout, the index in fds of the
 * listener that it came from. The sockets become non-blocking. Once the
 * daemon is to end, the server and the master close every listening socket
 * that they have.
 */
int daemon_server(const int *fds, int count);

/*
 * In a worker
 */

/*
 * The signal (SIGHUP for a reload, SIGUSR2 for a stop) by which this worker
 * was asked to finish when it can, or 0. A program that had its own handler
 * for these signals when it called daemon_server() keeps it, and 0 stays.
 */
int daemon_stop_requested(void);

/*
 * The client's address, stored and measured as getpeername(2) does it, also
 * when the client has gone. ENOTCONN: this process is no worker; EINVAL: a
 * null pointer.
 */
int daemon_peer(struct sockaddr *addr, socklen_t *len);

/*
 * Ends this connection, so that the client sees its end, and waits for
 * another. Returns the index of that one's listener, with stdin and stdout as
 * fresh as daemon_server() gives them; or -1 when the worker should finish,
 * with both on /dev/null: because it was asked to (daemon_stop_requested()),
 * has had its share (daemon_set_worker_connection_max()), or enough spares
 * wait; always where there are none (daemon_set_worker_spare_count()).
 * ENOTCONN: this process is no worker. One text serves one connection a
 * process, or many:
 *
 *     for (i = daemon_server(fds, n); i >= 0; i = daemon_next_connection())
 *             serve(i);
 */
int daemon_next_connection(void);

/*
 * Ends this connection: flushes stdout, ends the connection for writing, reads
 * what the client still sends until it has seen the end, for at most 2
 * seconds, and puts /dev/null on stdin and stdout. So the client has the whole
 * answer and no reset. ENOTCONN: this process is no worker.
 */
int daemon_end_connection(void);

/*
 * Helpers
 */

/*
 * Closes every descriptor above highest_kept but those that the library
 * itself still needs, and the one of syslog(3) as closelog(3) does. EINVAL:
 * highest_kept is below 2.
 */
int daemon_clean_fd(int highest_kept);

/*
 * Opens a listening TCP socket on every address that getaddrinfo(3) gives
 * for host (NULL: all of this machine's) and service (a port or its name;
 * "0": a free port, the same for all), stores at most max of them in fds
 * and returns how many: all, or none and -1, with a line on standard error
 * that names the address. EINVAL: a null pointer or max below 1, without that
 * line, or an unknown service; EADDRNOTAVAIL: an unknown host; EAGAIN: no
 * answer about it; ENOSPC: more than max addresses; else as socket(2),
 * bind(2) and listen(2) set it.
 */
int daemon_listen(const char *host, const char *service, int *fds, int max);

/*
 * The status with which this process would have ended, where a stage has
 * returned the value of daemon_set_*_return_fatal() instead.
 */
int daemon_exit_status(void);

/*
 * Settings: each before the stage that uses it; 0, or -1 with errno EINVAL
 * for a value out of range (negative, above all) or ENOMEM. Durations are
 * seconds, and 0 means no limit where nothing else is said.
 */

/* The prefix of the library's messages: at most 255 bytes, no slash
 * (EINVAL). Default: the name by which the program was started. */
int daemon_set_program_name(const char *name);

/* daemon_start(): how long the starter waits for success (60). In the
 * foreground the master does, from daemon_master() on. */
int daemon_set_start_timeout(int seconds);

/* daemon_start(): the directory to change to, last of all; NULL: none.
 * A relative one starts where the program was started ("/"). */
int daemon_set_working_directory(const char *path);

/* daemon_start(): whether the calling process is to be the master, and
 * keeps its session, its directory and descriptors 0 to 2: for service
 * managers, containers (as process 1 too) and debugging (0). */
int daemon_set_foreground(int on);

/* daemon_master(): how many restarts in all, those asked for by a signal
 * not counted (0). */
int daemon_set_restart_count_max(int count);

/* daemon_master(): a server that lived for less than so many seconds has
 * ended fast (10; 0: none has). */
int daemon_set_server_fast_time(int seconds);

/* daemon_master(): so many fast ends in a row are answered by a restart,
 * after a pause that doubles from 0.1 to 10 seconds; the next one ends the
 * daemon (5). */
int daemon_set_server_fast_max(int count);

/* daemon_master(): how long workers, or a server that does not obey, may
 * go on after SIGINT, SIGTERM or SIGQUIT, or once the daemon is to end for
 * another reason, before they are killed (5). */
int daemon_set_stop_timeout(int seconds);

/* daemon_master(): whether workers are sent SIGHUP and SIGUSR2 at all. 0 for
 * workers that execute a program which ends at these signals (1). */
int daemon_set_worker_ask(int on);

/* daemon_server(): how long workers may go on after SIGHUP or SIGUSR2
 * before they get SIGTERM and the server ends as it was asked to (0). */
int daemon_set_drain_timeout(int seconds);

/* daemon_server(): how often the server looks for what no event told it;
 * no worker that has ended is kept longer (10; 0 is EINVAL). */
int daemon_set_server_tick(int seconds);

/* daemon_server(): how many workers at once; more clients wait in the
 * kernel's queue (100; 1 to 65536, else EINVAL). */
int daemon_set_worker_count_max(int count);

/* daemon_server(): how many workers are forked ahead of connections, and wait
 * for them; those count as workers, and are no more than that limit leaves
 * room for. Once they have served, twice as many may wait (0; at most 65536,
 * else EINVAL). */
int daemon_set_worker_spare_count(int count);

/* daemon_next_connection(): how many connections a worker may have, the first
 * one among them, before it should finish (0). */
int daemon_set_worker_connection_max(int count);

/* daemon_master(): runs a logger. Always 0. */
int daemon_enable_logger(void);

/* daemon_logger(): the log file's path as strftime(3) formats it, in local
 * time; the file changes when this does, which is looked at once a second.
 * Of missing directories those are made whose own name has a conversion.
 * EINVAL: NULL, empty, more than 4095 bytes, or a '%' that nothing follows.
 * A relative one starts where the program was started. ("/var/log/NAME.log",
 * with the program's name) */
int daemon_set_logger_name_format(const char *format);

/* daemon_logger(): what each line begins with, as strftime(3) formats it; %N
 * are nanoseconds, %3N milliseconds, as in date(1). EINVAL: NULL, more than
 * 255 bytes, or a '%' that nothing follows. ("%Y-%m-%dT%H:%M:%S%z ") */
int daemon_set_logger_prefix_format(const char *format);

/* daemon_logger(): a file that would have more bytes than this becomes
 * FILE.1, what was that FILE.2, and so on; lines stay whole (0). */
int daemon_set_logger_size_max(size_t bytes);

/* daemon_logger(): so many files are kept, the current one among them; of
 * those that have a name by the format, or with a size_max that and a number
 * of an unbroken row from 1 on, the ones written longest ago are removed
 * (0: none is). */
int daemon_set_logger_file_count_max(int count);

/* daemon_logger(): a symbolic link to the current file, which replaces only
 * a symbolic link: where something else is, a message says so, and it stays.
 * NULL: none. EINVAL: empty, or more than 4095 bytes. */
int daemon_set_logger_link(const char *path);

/* daemon_logger(): whether, while the log cannot be written, lines are
 * dropped and counted, and a line tells how many, or whoever writes a line
 * has to wait (0). */
int daemon_set_logger_drop(int on);

/* daemon_logger(): whether control bytes in a line, and the backslash, are
 * written as \xHH, so that no line can do something to a terminal (0). */
int daemon_set_logger_escape(int on);

/* daemon_master(): the same rules for the logger as for the server: what is
 * fast (10), and how many fast ends in a row may be (5). The next one stops
 * the daemon, with status 1. */
int daemon_set_logger_fast_time(int seconds);
int daemon_set_logger_fast_max(int count);

/*
 * Where the stage of that name would have ended its process, in an error or
 * because its work is over, it returns value there instead, with errno.
 * EINVAL: value is positive. 0: it ends the process (the default).
 * daemon_success() follows the server's.
 */
int daemon_set_start_return_fatal(int value);
int daemon_set_master_return_fatal(int value);
int daemon_set_logger_return_fatal(int value);
int daemon_set_server_return_fatal(int value);

#if defined(__GNUC__) && __GNUC__ >= 4
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
