/*
 * proc.c - processes as /proc shows them
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "proc.h"

int
proc_children(pid_t parent, pid_t *pids, int max)
{
	char path[64];
	FILE *file;
	long pid;
	int count = 0;

	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children",
	    (long)parent, (long)parent);
	if ((file = fopen(path, "re")) == NULL)
		return 0;
	while (count < max && fscanf(file, "%ld", &pid) == 1)
		pids[count++] = (pid_t)pid;
	fclose(file);
	return count;
}

/* "pid (name) state ...": the name may contain any byte. */
char
proc_state(pid_t pid)
{
	char path[64], text[512], *end;
	size_t len;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if ((file = fopen(path, "re")) == NULL)
		return 0;
	len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[len] = '\0';
	end = strrchr(text, ')');
	return end == NULL || strlen(end) < 3 ? 0 : end[2];
}
