/*
 * visible.h - what can be seen of a daemon
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_VISIBLE_H
#define DSRV_VISIBLE_H

/*
 * visible.c - the program's settings for what can be seen; only that file
 * writes them
 */

struct dsrv_visible {
	int worker_environment;
	int connection_log;
	char *status_file;	/* absolute, in the master; NULL: none */
};

const struct dsrv_visible *dsrv_visible(void);
/* -1 with errno. */
int dsrv_visible_find_status_file(void);

#endif
