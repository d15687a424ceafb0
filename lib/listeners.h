/*
 * listeners.h - listening sockets
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_LISTENERS_H
#define DSRV_LISTENERS_H

#include "ground.h"
#include "loop.h"

/*
 * ownsocket.c - which listening sockets are the daemon's own
 */

/* daemon_listen() has opened fd; or the daemon was started with it, and others
 * may hold it; or it was given to the daemon to listen on. -1 with errno. */
int dsrv_ownsocket_add(int fd);
int dsrv_ownsocket_add_inherited(int fd);
int dsrv_ownsocket_add_given(int fd);
/* fd, which daemon_listen() has opened, is being closed. */
void dsrv_ownsocket_forget(int fd);
/* Whether fd is such a socket, perhaps under another number. */
int dsrv_ownsocket_is_ours(int fd);
int dsrv_ownsocket_is_inherited(int fd);
int dsrv_ownsocket_is_given(int fd);
/* Those that it was given block again, if they did then. */
void dsrv_ownsocket_give_back(void);
/* The lowest descriptor from there on that daemon_listen() returned or that the
 * daemon was given, and that is still this socket; -1: there is none. */
int dsrv_ownsocket_descriptor(int from);
/* daemon_listen() has failed. And whether it was called, and none is left. */
void dsrv_ownsocket_miss(void);
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
	int same;	/* connections of its host, with this; 0: not known */
};

/* accept(2); the connection blocks, even if fd does not. Returns it, or -1;
 * listener is not set. Clients that have reset their connection are skipped. */
int dsrv_listener_accept(int fd, struct dsrv_client *);

/* What has failed when accept(2) fails: a client's connection, this socket for
 * good, or the system for a while. */
enum dsrv_listener_failure {
	DSRV_LISTENER_CLIENT,
	DSRV_LISTENER_SOCKET,
	DSRV_LISTENER_SYSTEM
};

enum dsrv_listener_failure dsrv_listener_why(int error);
/* ms to leave a listener alone after a failed accept(2); 0: none. failures: in
 * a row, at this listener. */
int dsrv_listener_pause(int error, int *failures);
/* If that is set, its connections end when a client's machine is gone. */
void dsrv_listener_keep_alive(int fd);
/* Makes a listener non-blocking and its connections send without delay; if
 * workers share it, only the former. -1 with errno: it still blocks. */
int dsrv_listener_prepare(int fd, int is_shared);
/* Whether it had become blocking, and is not any more. */
int dsrv_listener_unblock(int fd);
/* Whether a client waits there. */
int dsrv_listener_has_client(int fd);
int dsrv_listener_is_unix(int fd);
/* At the start: a listening socket that is not ours is inherited. -1 with
 * errno. */
int dsrv_listener_inherit(int fd);
/* Ends it for all processes that hold it, unless it is inherited. Clients that
 * wait at a Unix-domain socket are accepted, and go when this process ends.
 * Returns whether more of them wait than there are descriptors. */
int dsrv_listener_end(int fd);

/*
 * unixsocket.c - a listening Unix-domain socket, and the file that is its name
 */

/* Whether a service is the name of such a socket. */
int dsrv_unixsocket_is_meant(const char *service);
/* Its address. -1 with errno: the name is too long. */
struct sockaddr_un;
int dsrv_unixsocket_name(struct sockaddr_un *, socklen_t *,
    const char *service);
/* -1 with errno. */
int dsrv_unixsocket_listen(const char *service);
/* Where it ends: removes the files of those that this process has open. */
void dsrv_unixsocket_remove(int has_started);
/* Before the leader is forked: it and the starter will be told of those that the
 * master opens. -1 with errno. In the master: its children do not get that
 * memory. */
int dsrv_unixsocket_share(void);
void dsrv_unixsocket_keep(void);
/* In the starter and the leader: removes the files of a master that has ended. */
void dsrv_unixsocket_remove_told(void);
/* In the starter: all are the daemon's, which has started. */
void dsrv_unixsocket_leave(void);

/*
 * inherited.c - daemon_listen_inherited(): sockets that the program was given
 */

/* In the process that they are meant for: takes them from the environment, and
 * keeps the one that is descriptor 0. -1 with errno. */
int dsrv_inherited_take(void);

/*
 * fdclean.c - close what is open
 */

/* At the start: notes the listening sockets that are open. -1 with errno. */
int dsrv_fdclean_inherit(void);
/* Whether this process has a listening socket. */
int dsrv_fdclean_has_listener(void);
/* In a helper: closes all but these and 0, 1 and 2, without taking a lock. */
void dsrv_fdclean_helper(const int *fds, int count);
/* Calls visit() with each descriptor that is or may be open, until it returns
 * other than 0; returns that. */
int dsrv_fdclean_visit(int (*visit)(int fd));

/*
 * helper.c - a child that does slow work for a looping process
 */

/* In the child, first: only these descriptors stay open; 0, 1 and 2 become
 * /dev/null. */
void dsrv_helper_begin(const int *fds, int count);
void dsrv_helper_end(int status) __attribute__((noreturn));

/*
 * ports.c - what a daemon listens on
 */

/* How many the library has opened, or was given, that are not among fds: they
 * are put into memory to be freed. -1 with errno. */
int dsrv_ports_others(const int *fds, int count, int **others);
/* Whether that is the socket of one of them, and can be made to listen again
 * after a worker has ended it. */
int dsrv_ports_can_mend(int fd);
/* Forks a child that does that; it exits with 0 or an error number. Returns its
 * pid; -1 with errno. */
pid_t dsrv_ports_mend(struct dsrv_loop *, int fd);
/* Remembers the listening sockets of this process, ... */
void dsrv_ports_find(void);
/* ... and closes them, ... */
void dsrv_ports_close(void);
/* ... as far as that cannot take long, ... */
void dsrv_ports_leave(void);
/* ... or ends them for all processes that hold them; by a child, if workers
 * do. */
void dsrv_ports_end(struct dsrv_loop *, int are_shared);

/*
 * taker.c - a child that accepts a client for a server that must not sleep
 */

struct dsrv_taker {
	pid_t pid;		/* 0: none */
	int listener;		/* its index */
	int is_late;		/* it was killed */
	int from, to;		/* a pair of sockets */
};

/* Forks it. Returns 0 or an error number. */
int dsrv_taker_begin(struct dsrv_taker *, struct dsrv_loop *, int fd,
    int listener);
/* It has ended with that wait status. Returns 0, or why there is no client. */
int dsrv_taker_end(struct dsrv_taker *, int status, struct dsrv_client *);
/* It waits for a lock, and not even SIGKILL ends it; returns its pid. */
pid_t dsrv_taker_give_up(struct dsrv_taker *);

/*
 * accept.c - a server's listeners: accept from the ones that work
 */

struct dsrv_listener {
	int fd;
	int failures;		/* in a row */
	int error;		/* that was reported; 0: none */
	int is_suspect;		/* it no longer listens */
	int is_unix;
	int is_inherited;
	int changes;		/* by others, who made it block */
	pid_t mender;		/* a child that makes it listen; 0: none */
	pid_t stuck;		/* one that was to accept from it; 0: none */
};

/* From which listeners clients are accepted. A client of a Unix-domain socket
 * can send descriptors, so only a worker may close its connection. */
enum dsrv_accept { DSRV_ACCEPT_NONE, DSRV_ACCEPT_NOT_UNIX, DSRV_ACCEPT_ALL };

/* Each listener has a tag of the loop, from tag on; its timer ends its rest
 * after a failure. */
struct dsrv_acceptor {
	struct dsrv_listener *listeners;
	struct dsrv_loop *loop;
	int tag;
	int count;
	int usable;		/* of them */
	int *others;		/* which a worker must not hold either */
	int other_count;
	enum dsrv_accept watched;
	int64_t quiet_until;	/* about mended ones */
	struct dsrv_taker taker;
};

/* 0; or reports what is wrong with a list, and returns an error number. */
int dsrv_accept_check_list(const int *fds, int count);
/* -1 with errno. */
int dsrv_accept_open(struct dsrv_acceptor *, const int *fds, int count,
    struct dsrv_loop *, int tag);
void dsrv_accept_close(struct dsrv_acceptor *);
/* Stops watching all. */
void dsrv_accept_stop(struct dsrv_acceptor *);
/* Accepts a client that is still there. 0 or an error number, ... */
int dsrv_accept_from(struct dsrv_acceptor *, int index, struct dsrv_client *);
/* ... for which that listener rests, unless it is tried again at once. */
void dsrv_accept_fail(struct dsrv_acceptor *, int index, int error);
/* Whether others could make it sleep in that. Then a child accepts: the second
 * forks it, and returns 0 or an error number; the third takes what it has passed
 * on, if this is the one that has ended, and returns 0 or -1; the fourth kills
 * it. */
int dsrv_accept_may_sleep(struct dsrv_acceptor *, int index);
int dsrv_accept_begin(struct dsrv_acceptor *, int index);
int dsrv_accept_end(struct dsrv_acceptor *, const struct dsrv_ended *,
    struct dsrv_client *);
void dsrv_accept_leave(const struct dsrv_acceptor *);
void dsrv_accept_watch(struct dsrv_acceptor *, enum dsrv_accept);
/* The listener's timer says so. */
void dsrv_accept_retry(struct dsrv_acceptor *, int index);
/* A child has ended: whether it was to mend a listener, or was given up. */
int dsrv_accept_lose(struct dsrv_acceptor *, const struct dsrv_ended *);
/* Whether a client is waiting at any listener; or only at one that is not
 * watched while others are. */
int dsrv_accept_has_clients(const struct dsrv_acceptor *);
/* After a moment, drops those that no longer listen. Returns whether all
 * listen. */
int dsrv_accept_check(struct dsrv_acceptor *);

#endif
