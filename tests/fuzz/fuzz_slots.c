/*
 * fuzz_slots.c - the page of spares, written by a hostile worker at any moment:
 * the server stays inside it, and believes it only about its own children
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "spares.h"
#include "fuzz.h"

enum { CHILDREN = 5, FIRST = 100, WANTED = 3, MOST = 8 };

static struct dsrv_children children;

static void
open_once(void)
{
	int i;

	if (children.index != NULL)
		return;
	must(dsrv_children_open(&children, NULL) == 0);
	for (i = 0; i < CHILDREN; i++)
		must(dsrv_children_add(&children, FIRST + i, 0) == 0);
}

/* How many of the first slots have this pid; all are at the end of the page. */
static int
count_in(int first, pid_t pid)
{
	const pid_t *slots = (const pid_t *)fuzz_page +
	    fuzz_page_size / sizeof *slots - MOST;
	int slot, count = 0;

	for (slot = 0; slot < first; slot++)
		count += slots[slot] == pid;
	return count;
}

static int
count_of(pid_t pid)
{
	return count_in(MOST, pid);
}

static void
audit(void)
{
	int i, known = count_of(0);

	dsrv_slots_audit(&children);
	for (i = 0, known = count_of(0); i < CHILDREN; i++) {
		must(count_of(FIRST + i) <= 1);
		known += count_of(FIRST + i);
	}
	must(known == MOST);
	must(dsrv_slots_any_wait() == (count_of(0) < MOST));
}

static void
reserve(struct fuzz_input *in)
{
	pid_t pid = fuzz_byte(in) % 2 ? FIRST : -1;
	int slot = dsrv_slots_reserve();

	must(slot >= -1 && slot < MOST);
	must(slot != -1 || count_in(2 * WANTED, 0) == 0);
	if (slot != -1)
		dsrv_slots_give(slot, pid);
}

static void
lose(struct fuzz_input *in)
{
	pid_t pid = fuzz_byte(in) % 4 ? FIRST + (int)(fuzz_byte(in) % 8) :
	    fuzz_int(in);
	int had = pid > 0 && count_of(pid) > 0;

	must(!dsrv_slots_lose(pid) == !had);
	must(pid <= 0 || count_of(pid) == 0);
}

static void
spare(struct fuzz_input *in)
{
	int slot = dsrv_slots_take(FIRST + (int)(fuzz_byte(in) % 8));
	int listener = (int)(fuzz_byte(in) % 4);

	must(slot >= -1 && slot < 2 * WANTED);
	if (slot != -1)
		dsrv_slots_release(slot);
	dsrv_slots_fail(listener);
	dsrv_slots_work(listener);
	dsrv_slots_adapt(listener % 2);
	must(!dsrv_slots_call() || !dsrv_slots_call());
	must(dsrv_slots_few_wait() || dsrv_slots_any_wait());
	must(!dsrv_slots_enough_wait() || dsrv_slots_any_wait());
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const acts[])(struct fuzz_input *) = {
		reserve, lose, spare
	};
	struct fuzz_input in = { data, size };
	unsigned act;

	open_once();
	must(dsrv_slots_open(WANTED, MOST) == 0);
	while (in.left > 0) {
		act = fuzz_byte(&in) % 8;
		if (act < 3)
			acts[act](&in);
		else if (act == 3)
			audit();
		else if (act == 4)
			dsrv_slots_allow_call((int)(fuzz_byte(&in) % 2));
		else	/* the hostile worker */
			fuzz_fill(&in, (int32_t *)fuzz_page + fuzz_byte(&in) %
			    (fuzz_page_size / 4), 4);
	}
	audit();
	dsrv_slots_close();
	return 0;
}
