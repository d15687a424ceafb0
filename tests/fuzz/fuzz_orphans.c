/*
 * fuzz_orphans.c - the list of workers that a dead server leaves, and what they
 * say, all lies: only children of the master are counted, and signalled
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "master.h"
#include "fuzz.h"

/* By the kernel, these are our children, or in our session. */
enum { FIRST = 100, CHILDREN = 6, SESSION = 40 };

static struct dsrv_child records[CHILDREN];
static int is_known[CHILDREN];
static pid_t order[CHILDREN];
static int known, signalled;

static int
is_ours(pid_t pid)
{
	return pid >= FIRST && pid < FIRST + CHILDREN;
}

static int
fake_kill(pid_t pid, int signo)
{
	must(is_ours(pid) || (signo == SIGKILL && is_ours(-pid)));
	signalled++;
	return 0;
}

static pid_t
fake_getsid(pid_t pid)
{
	return pid == 0 || is_ours(pid) ? SESSION : -1;
}

static int
fake_adopt(pid_t pid)
{
	if (!is_ours(pid))
		return -1;
	must(!is_known[pid - FIRST]);
	is_known[pid - FIRST] = 1;
	order[known++] = pid;
	return 0;
}

/* Few pids, so that the page is often read to its end. */
enum {
	PIDS = 64,
	PAGE = offsetof(struct dsrv_roster, pids) + PIDS * sizeof(pid_t)
};

static int
fake_listed(const struct dsrv_roster *roster)
{
	return roster->count < 0 ? 0 : roster->count < PIDS ? roster->count :
	    PIDS;
}

/* Every other one is not a worker. */
static void
fake_read(int place, struct dsrv_child *child)
{
	memset(child, 0, sizeof *child);
	child->is_helper = place % 2;
}

#define kill fake_kill
#define getsid fake_getsid
#define dsrv_loop_adopt(loop, pid, is_helper) \
	((void)(loop), (void)(is_helper), fake_adopt(pid))
#define dsrv_loop_has_child(loop, pid) \
	((void)(loop), is_ours(pid) && is_known[(pid) - FIRST])
#define dsrv_loop_child(loop, pid) ((void)(loop), &records[(pid) - FIRST])
#define dsrv_children_listed(roster) fake_listed(roster)
#define dsrv_children_read(roster, place, child) \
	((void)(roster), fake_read(place, child))
#define dsrv_loop_children(loop) ((void)(loop), known)
#define dsrv_loop_child_at(loop, place) ((void)(loop), order[place])
#include "orphans.c"
#undef kill

static struct dsrv_loop loop;
static struct dsrv_roster *roster;
static struct dsrv_orphans o;

static void
open_once(void)
{
	if (roster != NULL)
		return;
	roster = fuzz_bytes(PAGE);
	memset(roster, 0, PAGE);
	o.loop = &loop;
	o.from_dead = -1;
	must(dsrv_children_open(&o.unadopted, NULL) == 0);
}

static void
forget_all(void)
{
	while (dsrv_children_count(&o.unadopted) > 0)
		dsrv_children_remove(&o.unadopted,
		    dsrv_children_at(&o.unadopted, 0), NULL);
	o.count = o.helpers = 0;
	memset(records, 0, sizeof records);
	memset(is_known, 0, sizeof is_known);
	known = signalled = 0;
}

/* The list is at the beginning or the end of its page. */
static void
read_list(struct fuzz_input *in)
{
	size_t count = 1 + fuzz_byte(in) % 16;
	size_t start = fuzz_byte(in) % 2 ? 0 :
	    PIDS - count;

	switch (fuzz_byte(in) % 8) {
	case 0:
		roster->count = INT_MAX;
		break;
	case 1:
		roster->count = fuzz_int(in);
		break;
	default:
		roster->count = (int)count;
	}
	fuzz_fill(in, roster->pids + start, count * sizeof(pid_t));
	dsrv_orphans_adopt(&o, roster, (int)(fuzz_byte(in) % 32));
	memset(roster->pids + start, 0, count * sizeof(pid_t));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	int lists = 0;

	open_once();
	forget_all();
	o.adopting = fuzz_byte(&in) % 2 ? 0 : -1;
	while (in.left > 0)
		switch (fuzz_byte(&in) % 4) {
		case 0:
			if (lists++ == 0)
				read_list(&in);
			break;
		case 1:
			dsrv_orphans_signal(&o, fuzz_byte(&in) % 2 ? SIGKILL :
			    SIGTERM);
			break;
		default:	/* a word on the status pipe */
			dsrv_orphans_add(&o, fuzz_byte(&in) % 2 ? FIRST +
			    (int)(fuzz_byte(&in) % 8) : fuzz_int(&in),
			    SIGTERM, 0);
		}
	must(o.count >= 0 && o.helpers >= 0 && o.count + o.helpers == known);
	signalled = 0;
	dsrv_orphans_signal(&o, SIGTERM);
	must(signalled == known + dsrv_children_count(&o.unadopted));
	return 0;
}
