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

/* Goes into the background, while the starter waits for success and shows
 * what the daemon prints. Returns 0 in the master: a process of a new session,
 * with /dev/null as stdin. */
int daemon_start(void);

/* Keeps a server alive, and a logger if one is enabled; the master stays inside
 * the call. Returns DAEMON_SERVER in each server and DAEMON_LOGGER in each
 * logger, which are copies of the master. */
int daemon_master(void);

/* Writes the log; the logger stays inside the call. In a server it does nothing
 * and returns 0, so a program need not ask in which process it is. */
int daemon_logger(void);

/* Confirms the start, from the server: the starter ends with status 0, and
 * stdout and stderr become the log or /dev/null. Returns 0 in the server;
 * a second call does nothing. */
int daemon_success(void);

/* Accepts connections on count listening sockets and forks a worker for each;
 * the server stays inside the call. Returns in each worker the index in fds of
 * the listener; stdin and stdout are the connection. */
int daemon_server(const int *fds, int count);

/*
 * In a worker; elsewhere -1 with ENOTCONN
 */

/* The signal that asked this worker to finish when it can: SIGHUP for a
 * reload, SIGUSR2 for a stop. 0: none has. A program with handlers of its own
 * for these signals at daemon_server() keeps them, and always gets 0. */
int daemon_stop_requested(void);

/* The client's address, as by getpeername(2), but available even after the
 * client has gone, and that of the client behind a proxy. EINVAL: a null
 * pointer. */
int daemon_peer(struct sockaddr *addr, socklen_t *len);

/* The address that the client has connected to, likewise. ENOTCONN: the
 * program has closed the connection before its first call. */
int daemon_local(struct sockaddr *addr, socklen_t *len);

/* The client's address as text, as in the log: "192.0.2.1:4711",
 * "[2001:db8::1]:4711" or "unix". 64 bytes have room for any. EINVAL: a null
 * pointer; ENOSPC: size is too small. */
int daemon_peer_text(char *text, size_t size);

/* Ends the connection so that the client gets the whole answer and no reset:
 * flushes stdout, ends it for writing, and reads what the client still sends,
 * for at most 2 seconds. stdin and stdout are /dev/null after that. */
int daemon_end_connection(void);

/* Ends the connection in the same way and waits for another. Returns the index
 * of its listener, or -1 when the worker should finish. The same code serves
 * one connection per process, or many:
 *     for (i = daemon_server(fds, n); i >= 0; i = daemon_next_connection())
 *             serve(i); */
int daemon_next_connection(void);

/*
 * Helpers
 */

/* Closes every descriptor above highest_kept except those that the library
 * needs, the sockets of daemon_listen(), and those that
 * daemon_listen_inherited() returns. EINVAL: highest_kept is below 2. */
int daemon_clean_fd(int highest_kept);

/* Opens a listening TCP socket on every address of host (NULL: all of this
 * machine's) and service (a port or its name; "0": a free port, the same for
 * all), or a Unix-domain socket if service is an absolute path. Stores them in
 * fds and returns how many: all, or none and -1, with a line on stderr that
 * says why. ENOSPC: more than max. */
int daemon_listen(const char *host, const char *service, int *fds, int max);

/* Stores in fds the listening sockets that systemd or inetd has started the
 * program with; only those of this name, unless it is NULL. Returns how many;
 * 0: none, so that the program may call daemon_listen(); or -1, with a line on
 * stderr that says why. */
int daemon_listen_inherited(const char *name, int *fds, int max);

/* Makes this process another user's for good: changes root, groups, group and
 * user, in that order, and checks that none can be regained. Names or numbers;
 * NULL means the user's own group, the same root, or the same user. Returns 0,
 * even if it is that user already; or -1, with a line on stderr that says why.
 * Usually called in the server, after daemon_master(). */
int daemon_drop_privileges(const char *user, const char *group,
    const char *root);

/* In any process: the pid of the daemon that has this pid file; 0: none runs;
 * -1 with errno. */
pid_t daemon_running(const char *pid_file);

/* Signals that daemon's master, never another process. After SIGUSR2, SIGINT,
 * SIGTERM and SIGQUIT it waits for the daemon's end, for at most this many
 * seconds. -1 with errno: ESRCH, none runs; EPERM; ETIMEDOUT, it still runs. */
int daemon_send(const char *pid_file, int signo, int seconds);

/* The status that this process would have ended with, if a stage has returned
 * the value of daemon_set_*_return_fatal() instead. */
int daemon_exit_status(void);

/*
 * Settings: each before the stage that uses it, which is named first. They
 * return 0, or -1 with errno: EINVAL for a value out of range, or ENOMEM.
 * Durations are in seconds. 0 means no limit unless the comment says otherwise.
 * Defaults are in parentheses.
 */

/* All: the prefix of the library's messages, at most 255 bytes without a
 * slash (the name by which the program was started). */
int daemon_set_program_name(const char *name);

/* All: ps(1) shows "NAME: master", "NAME: server 12/100" and so on instead of
 * the command line. Call it at the beginning of main() with its arguments: it
 * moves the strings of argv and environ, so pointers to them become invalid
 * (off). EINVAL: argv is not main()'s. */
int daemon_set_titles(int argc, char **argv);

/* daemon_start(): how long the starter waits for success; in the foreground
 * the master does (60). */
int daemon_set_start_timeout(int seconds);

/* daemon_start(): the directory to change to at the end; NULL: none. Relative
 * paths, here and elsewhere, start where the program was started ("/"). */
int daemon_set_working_directory(const char *path);

/* daemon_start(): a pid file, which the master keeps locked and removes at the
 * end. The start fails if another daemon has locked it (NULL: none). */
int daemon_set_pid_file(const char *path);

/* daemon_master(): a file with the daemon's counters in Prometheus' text format,
 * replaced once a tick and when the daemon's state changes, and removed at the
 * end; NULL: none (NULL). */
int daemon_set_status_file(const char *path);

/* daemon_start(): whether the calling process becomes the master and keeps its
 * session, its directory and descriptors 0 to 2 (0). */
int daemon_set_foreground(int on);

/* All stages: whether they fail if the process has other threads, which would
 * not exist in the process that goes on. 0 is for the threads of a preloaded
 * agent (1). */
int daemon_set_thread_check(int on);

/* daemon_master(): an open descriptor above 2, to which the master writes a
 * newline at success and which it then closes, for s6 and dinit (none). */
int daemon_set_notify_fd(int fd);

/* daemon_master(): restarts in all, not counting those that a signal asked
 * for (0). */
int daemon_set_restart_count_max(int count);

/* daemon_master(): a server that lived for less than this ended fast (10; 0:
 * none did), and how many fast ends in a row are answered by a restart, with a
 * growing pause (5). */
int daemon_set_server_fast_time(int seconds);
int daemon_set_server_fast_max(int count);

/* daemon_master(): a server whose loop has not run for this long, or that has
 * prepared for this much longer than start_timeout, is killed, by SIGABRT, and
 * another one starts (0). */
int daemon_set_server_hang_max(int seconds);

/* daemon_master(): how long workers, or a server that does not obey, may take
 * to stop before they are killed (5). */
int daemon_set_stop_timeout(int seconds);

/* daemon_master(): whether workers are sent SIGHUP and SIGUSR2 at all. 0 for
 * workers that execute a program which ends at these signals (1). */
int daemon_set_worker_ask(int on);

/* daemon_server(): how long workers may go on after SIGHUP or SIGUSR2 before
 * they get SIGTERM (0). */
int daemon_set_drain_timeout(int seconds);

/* daemon_master(): whether SIGHUP starts the next server beside the present
 * one, which leaves, while its workers finish, when the next one has called
 * daemon_success(). If the next one fails, the present one continues (0). */
int daemon_set_reload_overlap(int on);

/* daemon_server(): how often the server checks for worker exits that it was not
 * told about (10; at least 1). */
int daemon_set_server_tick(int seconds);

/* daemon_server(): workers at once, 1 to 65536; more clients wait in the
 * kernel's queue (100). */
int daemon_set_worker_count_max(int count);

/* daemon_server(): idle workers to keep ready for new connections, within
 * worker_count_max (0: none, at most 65536). */
int daemon_set_worker_spare_count(int count);

/* daemon_listen(), daemon_server(): how soon a connection ends if the client's
 * machine or network has failed, 2 to 32767 (0: sockets are not changed). */
int daemon_set_keepalive(int seconds);

/* daemon_server(): how long a connection may last before its worker gets SIGTERM,
 * and SIGKILL with its process group after stop_timeout (0). */
int daemon_set_worker_time_max(int seconds);

/* daemon_server(): the proxies whose connections must begin with a header of
 * the PROXY protocol, such as "10.0.0.0/8 fd00::/8 unix". daemon_peer() then
 * returns the address of the client behind the proxy. At most 64 networks;
 * NULL: none (NULL). */
int daemon_set_proxy_sources(const char *networks);

/* daemon_server(): workers at once for one source; further clients from there
 * are refused (0). And how many first bits of an IPv4 and an IPv6 address are a
 * source, 1 to 32 and 1 to 128 (32, 64). */
int daemon_set_source_worker_max(int count);
int daemon_set_source_prefix(int ipv4, int ipv6);

/* daemon_server(): workers that may be forked within this many seconds, 1 to
 * 86400; more clients wait in the kernel's queue (0, 1). */
int daemon_set_accept_rate(int count, int seconds);

/* daemon_server(): whether a client at worker_count_max is refused (1) or waits
 * (0). */
int daemon_set_worker_refuse(int on);

/* daemon_server(): the text that a refused client gets, 1 to 1024 bytes; NULL:
 * none (NULL). */
int daemon_set_refuse_text(const char *text);

/* daemon_server(): whether the log has a line when a connection begins and one
 * when it ends: client, worker, how many of how many, status, duration (0). */
int daemon_set_connection_log(int on);

/* daemon_next_connection(): connections that a worker may serve (0). */
int daemon_set_worker_connection_max(int count);

/* daemon_server(): whether a worker has the addresses of its connection in its
 * environment, for programs that it executes: UCSPI's variables, such as
 * TCPREMOTEIP (0). */
int daemon_set_worker_environment(int on);

/* daemon_master(): runs a logger (off). Always 0. */
int daemon_enable_logger(void);

/* daemon_logger(): the log file's path, a strftime(3) format in local time, or
 * "-", /dev/stdout or /dev/stderr in the foreground. A new name starts a new
 * file ("/var/log/NAME.log"). */
int daemon_set_logger_name_format(const char *format);

/* daemon_logger(): the beginning of each line, a strftime(3) format with %N,
 * %3N, %6N and %9N as in date(1) ("%Y-%m-%dT%H:%M:%S%z "). */
int daemon_set_logger_prefix_format(const char *format);

/* daemon_logger(): bytes at which FILE becomes FILE.1, and FILE.1 becomes
 * FILE.2 (0); how many of its own files are kept (0); and how many bytes all of
 * them may have together (0). */
int daemon_set_logger_size_max(size_t bytes);
int daemon_set_logger_file_count_max(int count);
int daemon_set_logger_total_max(size_t bytes);

/* daemon_logger(): the mode of a new file, whatever the umask, and its group, a
 * name or a number; NULL: the process's own (0640 less the umask, NULL). */
int daemon_set_logger_mode(int mode, const char *group);

/* daemon_logger(): a symbolic link to the current file; NULL: none. It replaces
 * only a symbolic link (NULL). */
int daemon_set_logger_link(const char *path);

/* daemon_logger(): a program, "gzip" by its path for example, that is executed
 * with each finished file, one at a time. What it makes of it, FILE.1.gz of
 * FILE.1, is one of the logger's files; NULL: none (NULL). */
int daemon_set_logger_processor(const char *path);

/* daemon_logger(): while the log cannot be written, lines are dropped and
 * counted (1), or writers wait (0). */
int daemon_set_logger_drop(int on);

/* daemon_logger(): control characters are written as \xHH, so that no log line
 * can control a terminal (0). */
int daemon_set_logger_escape(int on);

/* daemon_master(): the same two rules for the logger as for a server; over
 * the limit the daemon stops with status 1 (10, 5). */
int daemon_set_logger_fast_time(int seconds);
int daemon_set_logger_fast_max(int count);

/* What this stage returns, with errno set, instead of ending its process;
 * negative. 0: it ends the process. daemon_success() uses the server's (0). */
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
