/*
 * openat.h - for tests that act when the library creates a file
 *
 * The openat(2) here comes before that of libc, so only the tests that want it
 * are linked with it.
 */
#ifndef OPENAT_H
#define OPENAT_H

/* Called around each openat(2) that may create a file; NULL at first. */
extern void (*before_creation)(void), (*after_creation)(void);

#endif
