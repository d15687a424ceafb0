/*
 * pidfile.h - what the tests of pid files share
 */
#ifndef PIDFILE_H
#define PIDFILE_H

#include <limits.h>

#include "puppet.h"

extern char directory[PATH_MAX];	/* the scratch directory */
extern char path[PATH_MAX + 16];	/* of the pid file in it */
extern char other[PATH_MAX + 16];	/* of another file there */

/* Makes these; the program calls prepare() before it starts. */
void use_directory_with(void (*prepare)(void));
/* The program sets the pid file. */
void use_directory(void);
void has_pid_file(void);

/* A process that is not part of the daemon. */
pid_t stranger(void);
void end_stranger(pid_t);

/* Takes the lock again and again, in a process of its own: as a script does
 * that checks it with flock(1). */
void lock_for_ever(int how);

#ifdef HAVE_FLOCK
enum { HAS_LOCKS = 1 };
#else
enum { HAS_LOCKS = 0 };
#endif

#endif
