/*
 * startdir.h - where the program was started: relative paths begin there
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef DSRV_STARTDIR_H
#define DSRV_STARTDIR_H

/*
 * startdir.c - where the program was started: relative paths begin there
 */

/* The program was started in the present working directory. */
void dsrv_startdir_is_here(void);
/* Makes a path absolute, or a format of one. Does nothing with NULL, nor with
 * the format "-", which is standard output. -1 with errno. */
int dsrv_startdir_complete(char **path);
int dsrv_startdir_complete_format(char **format);

#endif
