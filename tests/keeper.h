/*
 * keeper.h - runs something that leaves nothing behind, however it ends
 */
#ifndef KEEPER_H
#define KEEPER_H

#include <sys/types.h>

/* Calls run(argument) in a process of its own and returns its exit status;
 * 128+n if signal n ended it. That process does not depend on the caller's
 * state: it has its own session and directory, default dispositions, no blocked
 * signals, and /dev/null as stdin. When it or the caller ends, even by SIGKILL,
 * everything that it has started is killed and the directory is removed. */
int keep(int (*run)(void *), void *argument);

/* The directory, which is empty at first; commands find it in this variable. */
#define KEPT_DIRECTORY "KEPT_DIRECTORY"
const char *kept_directory(void);

/* Closes all descriptors above 2. main() calls it, so that no process under
 * test gets what was open, such as a socket, where the program was started. */
void close_inherited(void);

void remove_tree(const char *path);

/* The direct children of a process, zombies included: at most max. Returns how
 * many there are. */
int children_of(pid_t pid, pid_t *pids, int max);

/* The state of a process in proc(5), 0 if there is none; and its parent, unless
 * parent is NULL. */
char read_state(pid_t pid, pid_t *parent);

/* Makes the calling process the parent of orphans among its descendants. */
void adopt_orphans(void);

/* Kills all children and the children that they leave, until there are none. */
void kill_descendants(void);

#endif
