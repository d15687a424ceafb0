/*
 * page.c - what the pages of figures have in common: medians, the machine
 *
 * SPDX-License-Identifier: ISC
 */
#include <sys/utsname.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "page.h"

static int
ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double
page_median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, ascending);
	return values[count / 2];
}

void
page_spread(double *values, int count, const char *format)
{
	double middle = page_median(values, count);

	printf(format, middle, values[0], values[count - 1]);
}

void
page_machine(void)
{
	char line[256] = "", day[16], *model;
	FILE *cpus = fopen("/proc/cpuinfo", "r");
	time_t today = time(NULL);
	struct utsname system = { .sysname = "?" };

	while (cpus != NULL && fgets(line, sizeof line, cpus) != NULL &&
	    strncmp(line, "model name", 10) != 0)
		*line = '\0';
	if (cpus != NULL)
		fclose(cpus);
	model = strchr(line, ':');
	line[strcspn(line, "\n")] = '\0';
	strftime(day, sizeof day, "%Y-%m-%d", localtime(&today));
	uname(&system);
	printf("Run on %s, %ld CPUs%s%s, %s %s.\n\n", day,
	    sysconf(_SC_NPROCESSORS_ONLN), model != NULL ? " of" : "",
	    model != NULL ? model + 1 : "", system.sysname, system.release);
}
