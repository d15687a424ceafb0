/*
 * zombies.c - how long processes leave their children as zombies
 *
 *     zombies parent ...
 *
 * Samples the children of these processes every 20 ms until SIGTERM, then
 * prints the age in seconds of the oldest zombie, as names and values: it is at
 * least zombie_seen, from the first sample with it to the last, and at most
 * zombie_age, from the sample before the first.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proc.h"

enum { INTERVAL = 20, MOST = 65536 };

struct zombie {
	pid_t pid;
	double before;	/* when it was last checked and not found */
	double first;	/* when it was found first */
};

struct look {
	double time;
	int count;
	struct zombie zombies[MOST];
};

static volatile sig_atomic_t over;
static double oldest_seen, oldest;

static void
end(int signo)
{
	(void)signo;
	over = 1;
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* A pid that was not a zombie in between is of another process. */
static void
note(struct look *look, const struct look *last, pid_t pid)
{
	struct zombie *zombie = &look->zombies[look->count++];
	int i;

	zombie->pid = pid;
	zombie->before = last->time;
	zombie->first = look->time;
	for (i = 0; i < last->count; i++)
		if (last->zombies[i].pid == pid)
			*zombie = last->zombies[i];
	if (look->time - zombie->first > oldest_seen)
		oldest_seen = look->time - zombie->first;
	if (look->time - zombie->before > oldest)
		oldest = look->time - zombie->before;
}

static void
take(struct look *look, const struct look *last, char *parents[])
{
	static pid_t pids[MOST];
	int count;

	look->time = now();
	look->count = 0;
	for (; *parents != NULL; parents++) {
		count = proc_children((pid_t)atol(*parents), pids, MOST);
		while (count-- > 0)
			if (look->count < MOST &&
			    proc_state(pids[count]) == 'Z')
				note(look, last, pids[count]);
	}
}

int
main(int argc, char *argv[])
{
	static struct look looks[2];
	int count = 0;

	if (argc < 2)
		errx(1, "usage: zombies parent ...");
	signal(SIGTERM, end);
	looks[1].time = now();
	for (; !over; count++) {
		take(&looks[count % 2], &looks[1 - count % 2], argv + 1);
		poll(NULL, 0, INTERVAL);
	}
	printf("zombie_seen %.2f zombie_age %.2f looks %d\n", oldest_seen,
	    oldest, count);
	return 0;
}
