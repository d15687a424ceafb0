/*
 * puppet.h - the daemon under test: a program that does at each stage what the
 * test chooses, workers that obey commands, and what a test asks of them
 *
 * The test knows the daemon as "here". If serve() and converse() are not
 * enough, the program is a function of the test, which calls them and does what
 * it has to show.
 */
#ifndef PUPPET_H
#define PUPPET_H

#include <sys/resource.h>

#include "harness.h"

enum {
	LISTENERS_MAX = 3,
	NOBODY = 54322	/* a user without other processes */
};

/* What a worker does when a line is that word, or begins with it and a space:
 * it obeys, or answers with a number. */
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
	const char *rest;	/* what follows the command's word */

	/* The test's choices, made before it starts the program. */
	int foreground;
	int spares;
	int asks;	/* daemon_set_worker_ask(); default 1 */
	int (*open_listener)(int *port);	/* default listen_anywhere() */
	const struct command *commands;	/* looked up first; 0 ends them */
	int has_logger;		/* start() waits for it */
	void (*before_start)(void);	/* each of these may be NULL: */
	void (*before_master)(void);
	void (*in_logger)(void);
	void (*before_success)(void);
	void (*before_server)(void);
	void (*after_master)(void);	/* if daemon_master() returns there */
} here;

/*
 * In the program
 */

/* Calls all stages. Returns in a worker, with the value of daemon_server(). */
int serve(void);
/* Opens fds[0] on 127.0.0.1 and tells the port. serve() calls it in the master
 * if there are no listeners yet. */
void open_port(void);

/* A stage has returned this value in a process where it is over. If it is
 * negative, tells it as "STAGE over", with "errno" and "status", and ends the
 * process by calling then(). */
void over(const char *stage, int value, void (*then)(void));

/* Obeys the client, line by line: "who" is answered with the worker's pid,
 * "where" with index, "asked" with daemon_stop_requested(); "bye" ends the
 * loop, "exit N" the process with that status, "crash" by a fault; "exec WORDS"
 * becomes a shell. Any other line comes back. */
void converse(int index);
void hang_up(void);		/* makes converse() return */

/* serve() and converse(); the second for one client after another. */
void talker(void);
void reused_talker(void);

/* For the stages. */
void end_with_3(void);
void become_nobody(void);

/*
 * In the test: from a start to an end
 */

/* Opens listeners for the program to inherit, so that the test knows the
 * ports. */
void listen_on(int count);
/* Closes them here, so that only the daemon has them. */
void leave_listeners(void);
/* Starts it by run_start() or run_daemon(), with the settings above. */
void run_puppet(void (*how)(struct run *, void (*)(void)),
    void (*program)(void));
/* Waits for the pids of the master, the logger if there is one, and the
 * server. */
void meet(void);

/* The first calls listen_on(), run_puppet() and leave_listeners(); the second
 * also meet(), by run_daemon() if the daemon is in the background. */
void launch(void (*how)(struct run *, void (*)(void)), int listeners,
    void (*program)(void));
void start(int listeners, void (*program)(void));
/* Calls run_start() and does not wait for the success: only for the port and
 * the master. */
void start_begins(void (*program)(void));
/* So that its messages can be read: run.pid is the master, and the listeners
 * stay open here. */
void start_in_foreground(int listeners, void (*program)(void));

/* Waits until a new server tells its pid. */
void next_server(void);

/* Asserts that the master, in the background, ends with this status, and that
 * nothing is left. */
void ends_with(int status);
/* Ends the daemon by that signal; asserts status 0, and that nothing is
 * left. */
void stop_by(int signo);
void stop(void);		/* SIGTERM */

/* The next message of a daemon in the foreground; whether none comes. */
const char *message(void);
int no_message(int ms);

/* Asserts that a text is this many messages of testd, each one line, without
 * control bytes. */
void messages(const char *text, int count);

/* Asserts that the fact is not told again; waits until no process could. */
void never_told(const char *word);

/*
 * A gate, where processes of the program wait for the test: one for all
 */

void make_gate(void);
void at_gate(void);		/* in the program */
void open_gate(void);		/* for one process, once */
/* How a process ends at the gate: a digit is an exit status; K, S and A are
 * SIGKILL, SIGSEGV and SIGABRT. */
void order_at_gate(char order);

/* How many processes NOBODY may have when the master forks, itself included.
 * Only NOBODY, or root outside a container, can set that. */
void limit_processes(rlim_t count);

/*
 * In the test: clients
 */

/* A client whose worker has told its pid; worker may be NULL. */
int served(int port, pid_t *worker);
/* Connects, and waits for the connection's end. */
void call(int port);
/* The answer to a command, a number. */
int number(int fd, const char *command);
/* Waits until this client's worker is asked to finish by that signal. */
void is_asked(int fd, int signo);

#endif
