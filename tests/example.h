/*
 * example.h - the programs of examples/ under test, started by their commands
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include "harness.h"

/* run_command(), which frees what the last command of this run has written. */
void start_words(struct run *, char *const argv[]);

/* Starts a program of examples/; the arguments end with NULL. */
void start_example(struct run *, const char *name, ...);

/* Waits for the end: with status 0; with this status and a message that says
 * this, and nothing is left. */
void run_succeeds(struct run *);
void run_fails(struct run *, int status, const char *said);

/* Waits for the success of a start. Returns the master, and the port that was
 * printed. The second is for a program that prints nothing. */
pid_t run_started(struct run *, int *port);
pid_t run_started_silently(struct run *, int *port);
int port_in(const char *text);

/* Ends the daemon, with status 0; nothing is left. The second waits only. */
void stop_master(pid_t master);
void master_ends(pid_t master);

#endif
