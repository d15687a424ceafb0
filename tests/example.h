/*
 * example.h - the programs of examples/ under test, started by their commands
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include "harness.h"

/* run_command(); frees the output of this run's last command first. */
void start_words(struct run *, char *const argv[]);

/* Starts a program of examples/; NULL ends the arguments. */
void start_example(struct run *, const char *name, ...);

/* Waits for the end. The first asserts status 0; the second this status, a
 * message that contains this, and that nothing is left. */
void run_succeeds(struct run *);
void run_fails(struct run *, int status, const char *said);

/* Waits until a start has succeeded. Returns the master, and the port that was
 * printed. The second is for programs that print nothing. */
pid_t run_started(struct run *, int *port);
pid_t run_started_silently(struct run *, int *port);
int port_in(const char *text);

/* Ends the daemon; asserts status 0 and that nothing is left. The second only
 * waits for the end. */
void stop_master(pid_t master);
void master_ends(pid_t master);

#endif
