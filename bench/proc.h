/*
 * proc.h - processes as /proc shows them
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef BENCH_PROC_H
#define BENCH_PROC_H

#include <sys/types.h>

/* Stores at most max children of that process, including zombies; returns how
 * many. */
int proc_children(pid_t parent, pid_t *pids, int max);
/* Z: a zombie; 0: no such process. */
char proc_state(pid_t pid);

#endif
