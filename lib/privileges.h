/*
 * privileges.h - accounts
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_PRIVILEGES_H
#define DSRV_PRIVILEGES_H

#include <sys/types.h>

/*
 * account.c - accounts by name or number: a user, a group, and the user's
 * groups
 */

#define DSRV_NO_USER ((uid_t)-1)	/* for setresuid(2): unchanged */
#define DSRV_NO_GROUP ((gid_t)-1)

/* At first: no user, no group, no groups, and root is -1. */
struct dsrv_account {
	uid_t uid;
	gid_t gid;
	gid_t *groups;	/* to be freed */
	int count;	/* of groups */
	int root;	/* a descriptor of a directory */
};

/* Finds these, by names or numbers; NULL: not named. -1 with errno, after a
 * report. */
int dsrv_account_find(struct dsrv_account *, const char *user,
    const char *group, const char *root);
/* Reports this; -1 with this errno. */
int dsrv_account_fail(int error, const char *what, const char *name);

#endif
