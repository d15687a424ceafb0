/*
 * keeper.h - runs something that leaves nothing behind, however it ends
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <sys/types.h>

/* Calls run(argument) in a process of its own and returns the status that it
 * exits with; 128+n if signal n ended it. That process has a session and a
 * directory of its own, default dispositions, no blocked signals, and /dev/null
 * as stdin, which do not depend on the caller's. When it ends, or the caller
 * does, even by SIGKILL, all that it has started is killed and the directory is
 * removed. */
int keep(int (*run)(void *), void *argument);

/* The directory, which is empty at first. Commands have it in this variable. */
#define KEPT_DIRECTORY "KEPT_DIRECTORY"
const char *kept_directory(void);

/* Closes all descriptors above 2. For main(): what those that run the program
 * have open, such as a socket, no process under test must get. */
void close_inherited(void);

void remove_tree(const char *path);

/* The direct children of a process, zombies included: at most max of them;
 * returns how many. */
int children_of(pid_t pid, pid_t *pids, int max);

/* The state of a process as proc(5) has it, 0 if there is none; and its parent,
 * unless that is NULL. */
char read_state(pid_t pid, pid_t *parent);

/* Makes the calling process the parent of what loses its own below it. */
void adopt_orphans(void);

/* Kills all children, and what these leave, until there are none. */
void kill_descendants(void);

#endif
