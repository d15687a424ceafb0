/*
 * puppet.h - the daemon under test: a program that does at each stage what the
 * test chooses, workers that obey commands, and what a test asks of them
 *
 * Its test knows it as here. A program may do more than serve() and converse():
 * it is then a function of its test, made of these and of what it has to show.
 */
#ifndef PUPPET_H
#define PUPPET_H

#include <sys/resource.h>

#include "harness.h"

enum {
	LISTENERS_MAX = 3,
	NOBODY = 54322	/* a user of no other processes */
};

/* What a worker does if a line is that word, or begins with it and a space: it
 * obeys, or answers with a number. */
struct command {
	const char *word;
	void (*obey)(void);
	long (*tell)(void);
};

extern struct puppet {
	struct run run;
	pid_t master;
	pid_t server;
	pid_t logger;
	int port;	/* of the first listener */
	int ports[LISTENERS_MAX];
	int fds[LISTENERS_MAX];
	int listeners;	/* 0: the program opens fds[0] itself */
	const char *rest;	/* of the line that a worker obeys, without newline */

	/* What the test chooses, before it starts it. */
	int foreground;
	int spares;
	int asks;	/* daemon_set_worker_ask(); 1 */
	int (*open_listener)(int *port);	/* listen_anywhere() */
	const struct command *commands;	/* before the common ones; ends with 0 */
	int has_logger;		/* and start() waits for it */
	void (*before_start)(void);	/* these may be NULL: */
	void (*before_master)(void);
	void (*in_logger)(void);
	void (*before_success)(void);
	void (*before_server)(void);
	void (*after_master)(void);	/* if it returns in the master */
} here;

/*
 * In the program
 */

/* All stages. Returns in a worker, with what daemon_server() has returned. */
int serve(void);
/* Opens fds[0] on 127.0.0.1, and tells the port. serve() does so in the master,
 * unless there are listeners by then. */
void open_port(void);

/* A stage has returned value in a process where it is over: if that is negative
 * it is told as "STAGE over", with "errno" and "status", and the process ends
 * by what may follow. */
void over(const char *stage, int value, void (*then)(void));

/* Obeys the client, line by line: "who" is answered with the worker's pid,
 * "where" with the index that serve() has returned, "asked" with
 * daemon_stop_requested(), "bye" by an end, "exit N" by that status, "crash" by
 * a fault, "exec WORDS" by a shell; any other line comes back. */
void converse(int index);
void hang_up(void);		/* after this command it returns */

/* Both; the second for one client after another. */
void talker(void);
void reused_talker(void);

/* What may be done at a stage. */
void end_with_3(void);
void become_nobody(void);

/*
 * In the test: from a start to an end
 */

/* Opens listeners for the program to inherit, so the test knows the ports. */
void listen_on(int count);
/* From now on only the daemon has them. */
void leave_listeners(void);
/* By run_start() or run_daemon(), with the settings above. */
void run_puppet(void (*how)(struct run *, void (*)(void)),
    void (*program)(void));
/* Hears who they are: the master, the logger if it has one, and the server. */
void meet(void);

/* The first three; and all four: by run_daemon(), if not in the foreground. */
void launch(void (*how)(struct run *, void (*)(void)), int listeners,
    void (*program)(void));
void start(int listeners, void (*program)(void));
/* By run_start(), and not until its success: hears the port and the master. */
void start_begins(void (*program)(void));
/* So that its messages can be read: run.pid is the master, and the listeners
 * stay open here, too. */
void start_in_foreground(int listeners, void (*program)(void));

/* Waits for a server that it does not know yet. */
void next_server(void);

/* The master of a daemon in the background ends with this status; nothing is
 * left. */
void ends_with(int status);
/* Ends it by that signal, with status 0; nothing is left. */
void stop_by(int signo);
void stop(void);		/* SIGTERM */

/* Of a daemon in the foreground: its next message; whether none comes. */
const char *message(void);
int no_message(int ms);

/* Asserts that a text is this many messages of a program called testd: one a
 * line, without control bytes. */
void messages(const char *text, int count);

/* The fact is not told any more, and no process is left to tell it. */
void never_told(const char *word);

/*
 * A gate, where a program waits for the test: one for all its processes
 */

void make_gate(void);
void at_gate(void);		/* in the program */
void open_gate(void);		/* for one process, once */
/* How that process ends: a digit is a status; K, S, A: by KILL, SEGV, ABRT. */
void order_at_gate(char order);

/* How many processes NOBODY may have when the master, which is one of them,
 * forks. Only NOBODY, and root outside a container, may set that. */
void limit_processes(rlim_t count);

/*
 * In the test: clients
 */

/* A client whose worker has said who it is; worker may be NULL. */
int served(int port, pid_t *worker);
/* One connection from beginning to end. */
void call(int port);
/* The answer to a command, as a number. */
int number(int fd, const char *command);
/* Waits until the worker of this client is asked to finish by that signal. */
void is_asked(int fd, int signo);

#endif
