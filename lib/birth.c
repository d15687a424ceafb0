/*
 * birth.c - a new worker waits until its server has recorded it
 *
 * A server that is killed just after fork(2) has not recorded the child: no
 * process would ever signal it. And if a worker with SO_LINGER set ended while
 * the server still holds the connection, the server's close(2) would be the
 * last, and sleep. So a child continues only when its server has released it:
 * the server has recorded it and closed its connection. If the server dies
 * first, the child tells the master.
 *
 * The server counts in a page that its children can read but not write: a
 * compromised worker must not release others.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mman.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "report.h"
#include "role.h"
#include "workers.h"

enum {
	YIELDS = 4,	/* usually the server only needs this processor */
	MOMENT = 50, LONGEST_MOMENT = 5000	/* us, doubling */
};

struct counts {
	unsigned begun;
	unsigned released;
};

static struct counts *counts;		/* the server's */
static const struct counts *shown;	/* its children's view of it */

/* Two mappings of one page: children do not inherit the writable one. */
static int
map_sealed(void)
{
#if defined(HAVE_MEMFD_CREATE) && defined(F_SEAL_FUTURE_WRITE)
	int fd = dsrv_descriptors_own(memfd_create("births",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING));
	void *own = MAP_FAILED, *view = MAP_FAILED;

	if (fd != -1 && ftruncate(fd, sizeof *counts) == 0)
		own = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	if (own != MAP_FAILED &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE |
	    F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		view = mmap(NULL, sizeof *counts, PROT_READ, MAP_SHARED,
		    fd, 0);
	if (fd != -1)
		close(fd);
	if (view == MAP_FAILED) {
		if (own != MAP_FAILED)
			munmap(own, sizeof *counts);
		return -1;
	}
	counts = own;
	shown = view;
	dsrv_memory_keep(counts, sizeof *counts);
	return 0;
#else
	return -1;
#endif
}

/* If the system cannot seal the page, children can write it, too. */
static int
map_shared(void)
{
	shown = counts = dsrv_memory_shared(sizeof *counts);
	return counts == NULL ? -1 : 0;
}

int
dsrv_birth_open(void)
{
	return map_sealed() == 0 ? 0 : map_shared();
}

void
dsrv_birth_close(void)
{
	if (counts == NULL)
		return;
	if (shown != counts)
		dsrv_memory_free((void *)(uintptr_t)shown, sizeof *shown);
	dsrv_memory_free(counts, sizeof *counts);
	shown = counts = NULL;
}

unsigned
dsrv_birth_begin(void)
{
	return ++counts->begun;
}

void
dsrv_birth_release(unsigned birth)
{
	__atomic_store_n(&counts->released, birth, __ATOMIC_RELEASE);
}

static int
is_released(unsigned birth)
{
	return (int)(__atomic_load_n(&shown->released, __ATOMIC_ACQUIRE) -
	    birth) >= 0;
}

/* The server is gone. Unless it has released this worker, the master must hear
 * of it. */
static void
be_orphaned(unsigned birth)
{
	if (!is_released(birth) &&
	    dsrv_statuspipe_say(DSRV_STATUS_ORPHAN, getpid()) == -1)
		dsrv_report_exit(1);
}

void
dsrv_birth_wait(unsigned birth, pid_t server)
{
	int yields = 0, moment = MOMENT;

	while (!is_released(birth)) {
		if (getppid() != server) {
			be_orphaned(birth);
			break;
		}
		if (yields++ < YIELDS)
			sched_yield();
		else {
			dsrv_clock_doze(moment);
			if (moment < LONGEST_MOMENT)
				moment *= 2;
		}
	}
	if (shown == counts)	/* it could write it */
		dsrv_birth_close();
}
