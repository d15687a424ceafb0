/*
 * accept.h - for tests in which accept(2) fails at a listener, or sleeps
 *
 * The accept(2) and accept4(2) here come before those of libc, so only the
 * tests that want them are linked with them.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

extern struct failing {
	int fd;		/* of a listener, the same in all processes */
	int error;	/* of accept(2) there; 0: it works */
	int times;	/* this many times more; -1: always */
	int calls;	/* that have failed */
	int theft;	/* before the next call another process, as it were,
			 * takes the client; BLOCKING_THEFT: and the socket blocks */
} *failing;		/* shared by all processes; NULL: none fails */

/* Call it before the daemon is started. */
void make_failing(void);
void fail_at(int fd, int error, int times);
enum theft { NO_THEFT, THEFT, BLOCKING_THEFT };
void steal_at(int fd, enum theft);

#endif
