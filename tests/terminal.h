/*
 * terminal.h - terminals for programs under test
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include <stddef.h>

/* A new terminal: returns its other end and stores its name; -1: there are
 * none. */
int new_terminal(char *name, size_t size);

/* The same, opened; it passes its input on unchanged. */
int new_raw_terminal(int *terminal);

#endif
