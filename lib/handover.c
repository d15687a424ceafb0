/*
 * handover.c - from the log pipe into the log file, each byte once
 *
 *   log pipe --splice--> pending --read--> raw --compose--> out --write--> file
 *
 * SIGKILL never ends a process in the middle of a system call that moves bytes:
 * each byte is on one side or on the other, and only the knowledge of how many
 * were moved is lost. So the text in hand is in memory or in a pipe that the
 * master keeps for the next logger. Two moves are noted before they are made,
 * so that the next logger can measure how far they went: the read by what is
 * left in the pending pipe, which no other process touches; the write by the
 * size of the file, which no other process writes while it is locked.
 *
 * The lock belongs to the open file, which the master keeps too. So a death
 * does not release it, and other daemons that log to this file wait until the
 * next logger has finished the write.
 *
 * A death after each step, and what the next logger finds:
 *
 *     splice            bytes in the pending pipe, none noted: read
 *     note the read     as many bytes in the pending pipe as noted: read
 *     read              fewer: the difference is in raw already
 *     note its end      raw holds them, the pending pipe is empty
 *     lock the file     nothing is noted of it: released, and locked again
 *     check its name    released; another daemon may rotate it now, which the
 *                       check shows when it is locked again
 *     compose           nothing is noted of it: released, and composed again
 *     note the write    locked, and the file is as long as it was: write
 *     write             locked, and longer, by what need not be written again
 *     note its end      raw and out hold nothing that is in the file: released,
 *                       or held for a moment if a line has begun in it
 *     release it        others write now: the noted length is no longer the
 *                       file's, and a line that had begun has been ended there
 *     note that         its rest becomes a line of its own
 *
 * And what another daemon finds that logs to this file, until then:
 *
 *     before the lock   nothing of ours since it was released: it writes
 *     up to the release a lock: it waits, and none of its lines is noted yet
 *     after the release whole lines of ours: it writes; or half a line, which
 *                       it ends, and we note that
 *
 * Only one of the two has noted a write at any moment, the one that has the
 * lock: so both may die.
 *
 * Where splice(2) may not be called, instead of the first four:
 *
 *     mark raw          nothing is noted of it: marked again
 *     note the read     the mark is whole: nothing was read
 *     read              the mark is gone: as much as was noted is in raw
 *     note its end      raw holds it
 *
 * In drop mode another process does that, the reader. It has a record of its
 * own, and hands whole lines on in a ring of memory:
 *
 *     copy into ring    nothing is counted of it: copied again
 *     note the lines    they are out of its raw; the next reader counts them
 *     count them        the logger may take them
 *
 *     copy from ring    nothing is noted of it: copied again
 *     note the lines    raw holds them; the next logger counts them as taken
 *     count them        the reader has their room
 *
 * If the logger has said that it will sleep, the reader rings a bell: it writes
 * a byte into a pipe:
 *
 *     say so            it rings for the next logger, which need not have slept
 *     count the lines   it does not ring, but the pipe ends: as good
 *
 * Messages of the library come from such rings too, the outbox:
 *
 *     copy the message  nothing is counted of it: it is not there
 *     count it          the logger may take it, behind all lines in hand
 *     note the write    it is among what is pending; the next logger goes on
 *                       behind it
 *     count it as taken its writer has the room; without a logger that does
 *                       so the master gives it to syslog
 *
 * The next logger must continue in the same file, even if it was renamed or
 * removed in between. So a logger sends its descriptor through a socket pair
 * that the master holds too. There it stays until the logger ends and the
 * master takes it out for the next one. With it goes the end of a pipe that
 * shows when the reader has died.
 *
 *     send the file     its number is not noted: it is closed
 *     note its number   it is the file, with what is pending, from the
 *                       beginning of a line that is torn in the one before;
 *                       where it ends in half a line, from a newline on
 *     drop the one before, whose lock and claim (logclaim.c) end with it
 *     start a reader, which holds the pipe's other end
 *
 * If the file changes, what is pending has not begun in the new one. It begins
 * there once that file is locked: only then its length and its last line are
 * known.
 *
 * A rotation, while the file is locked, so that no other daemon rotates it:
 *
 *     FILE.1 to FILE.2  there is a gap, and FILE is as full as before: the next
 *                       rotation, by any daemon, fills the gap
 *     FILE to FILE.1    there is no FILE: any daemon creates it. The lock is on
 *                       FILE.1, which no longer has the log's name
 *     and back, if it was replaced just before: as above
 *     create FILE       it is empty, or has the lines of other daemons. Without
 *                       its mode it is given that by the next that opens it
 *     keep it, as above, and release FILE.1
 *
 * After the master's death no logger follows this one:
 *
 *     lock, write       the kernel releases the lock; what is torn is half a
 *                       line, which the next daemon that logs there ends
 *
 * So no process ever needs to know how far a dead logger or reader had come.
 * There are never two loggers or two readers at once: the master waits for the
 * end of a logger, and a reader is gone when its pipe has no other end.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "journal.h"
#include "visible.h"

enum { PIPE_SIZE = 256 * 1024 };

/*
 * The master, and the processes that it forks
 */

static int
open_ends(struct dsrv_handover *h, int *to_logger)
{
	/* Only its own end: processes that write to the log wait if it is
	 * full. */
	return dsrv_descriptors_pipe(&h->ends[DSRV_HANDOVER_LOG],
	    to_logger, DSRV_READ_END) == -1 ||
	    dsrv_descriptors_pipe(&h->ends[DSRV_HANDOVER_PENDING_OUT],
	    &h->ends[DSRV_HANDOVER_PENDING_IN], 0) == -1 ||
	    dsrv_descriptors_pair(&h->ends[DSRV_HANDOVER_KEEP],
	    &h->ends[DSRV_HANDOVER_KEPT]) == -1 ? -1 : 0;
}

int
dsrv_handover_open(struct dsrv_handover *h, int *to_logger)
{
	int i, error;

	for (i = 0; i < DSRV_HANDOVER_ENDS; i++)
		h->ends[i] = -1;
	*to_logger = -1;
	h->from_ring = 0;
	h->memory = dsrv_memory_shared(sizeof *h->memory);
	if (h->memory == NULL)
		return -1;
	h->journal = &h->memory->logger;
	if (open_ends(h, to_logger) == -1) {
		error = errno;
		if (*to_logger != -1)
			close(*to_logger);
		dsrv_handover_close(h);
		errno = error;
		return -1;
	}
#ifdef F_SETPIPE_SZ
	/* Room for the lines of a moment; with less, writers wait more
	 * often. */
	fcntl(*to_logger, F_SETPIPE_SZ, PIPE_SIZE);
#endif
	/* A worker without rights may open it again for writing, to have flags
	 * of its own, but not for reading. */
	fchmod(*to_logger, S_IRUSR | S_IWUSR | S_IWGRP | S_IWOTH);
	return 0;
}

void
dsrv_handover_close(struct dsrv_handover *h)
{
	int i;

	for (i = 0; i < DSRV_HANDOVER_ENDS; i++)
		if (h->ends[i] != -1)
			close(h->ends[i]);
	dsrv_memory_free(h->memory, sizeof *h->memory);
}

void
dsrv_handover_inherit(const struct dsrv_handover *h)
{
	dsrv_memory_keep(h->memory, sizeof *h->memory);
}

void
dsrv_handover_count(const struct dsrv_handover *h, const char *text,
    size_t size)
{
	const char *end = text + size;
	long lines = 0;

	if (dsrv_visible()->status_file == NULL)
		return;
	atomic_fetch_add(&h->memory->bytes, (long)size);
	while ((text = memchr(text, '\n', (size_t)(end - text))) != NULL) {
		lines++;
		text++;
	}
	atomic_fetch_add(&h->memory->lines, lines);
}

void
dsrv_handover_counts(const struct dsrv_handover *h, long *lines, long *bytes,
    long *lost)
{
	*lines = atomic_load(&h->memory->lines);
	*bytes = atomic_load(&h->memory->bytes);
	*lost = atomic_load(&h->memory->lost);
}

long
dsrv_handover_lost(const struct dsrv_handover *h)
{
	return atomic_load(&h->memory->lost) -
	    dsrv_journal_state(h)->told;
}

/*
 * The file and the reader's pipe, kept for the next logger
 */

/* Descriptors on their way through a socket, with a number. */
struct parcel {
	struct msghdr header;
	struct iovec content;
	uint64_t number;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
};

static void
prepare_parcel(struct parcel *p, uint64_t number, int count)
{
	memset(p, 0, sizeof *p);
	p->number = number;
	p->content.iov_base = &p->number;
	p->content.iov_len = sizeof p->number;
	p->header.msg_iov = &p->content;
	p->header.msg_iovlen = 1;
	p->header.msg_control = p->control;
	p->header.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
}

static int
send_kept(const struct dsrv_handover *h, uint64_t number, int file, int bell)
{
	int fds[2] = { file, bell }, count = bell != -1 ? 2 : 1;
	struct cmsghdr *rights;
	struct parcel p;

	prepare_parcel(&p, number, count);
	rights = CMSG_FIRSTHDR(&p.header);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
	memcpy(CMSG_DATA(rights), fds, (size_t)count * sizeof(int));
	return sendmsg(h->ends[DSRV_HANDOVER_KEEP], &p.header,
	    MSG_DONTWAIT) == (ssize_t)sizeof number ? 0 : -1;
}

/* Drops what was kept before the one in force. */
static void
drop_kept(const struct dsrv_handover *h, uint64_t counts)
{
	int end = h->ends[DSRV_HANDOVER_KEPT];
	uint64_t number;

	while (recv(end, &number, sizeof number, MSG_PEEK | MSG_DONTWAIT) ==
	    (ssize_t)sizeof number && number < counts)
		recv(end, &number, sizeof number, MSG_DONTWAIT);
}

/* A number is used only once: a death before it is noted leaves, behind the
 * parcel in force, one that is not. */
static int
send_numbered(const struct dsrv_handover *h, int file, int bell)
{
	uint64_t number = dsrv_journal_record(h)->numbers + 1;

	dsrv_journal_revise(h)->numbers = number;
	dsrv_journal_note(h);
	return send_kept(h, number, file, bell);
}

static void
note_kept(const struct dsrv_handover *h, struct dsrv_record *r)
{
	r->kept = r->numbers;
	dsrv_journal_note(h);
	drop_kept(h, r->kept);
}

int
dsrv_handover_keep(const struct dsrv_handover *h, const struct dsrv_kept *k)
{
	struct dsrv_record *r;

	if (send_numbered(h, k->file, k->bell) == -1)
		return -1;
	r = dsrv_journal_revise(h);
	if (k->path != NULL) {
		r->path = !r->path;
		strcpy(h->memory->paths[r->path], k->path);
		dsrv_journal_move(h, r, k->before);
		r->offset = k->size;
		r->end = -1;
	}
	note_kept(h, r);
	return 0;
}

/*
 * After a death
 */

/* Takes the descriptors out of a parcel, above 2; missing ones are -1. */
static void
unpack(struct parcel *p, int fds[2])
{
	struct cmsghdr *rights = CMSG_FIRSTHDR(&p->header);
	size_t i, count;

	fds[0] = fds[1] = -1;
	if (rights == NULL || rights->cmsg_type != SCM_RIGHTS)
		return;		/* no descriptor was free for it */
	count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(rights), count * sizeof(int));
	for (i = 0; i < count; i++) {
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
		fds[i] = dsrv_descriptors_own(fds[i]);
	}
}

/* The next ones that are kept, and their number; 0: there are none. */
static uint64_t
receive_kept(const struct dsrv_handover *h, int fds[2])
{
	struct parcel p;

	prepare_parcel(&p, 0, 2);
	if (recvmsg(h->ends[DSRV_HANDOVER_KEPT], &p.header,
	    MSG_DONTWAIT) != (ssize_t)sizeof p.number)
		return 0;
	unpack(&p, fds);
	return p.number;
}

static void
replace(int *fd, int by)
{
	if (*fd != -1)
		close(*fd);
	*fd = by;
}

/* Whether there are free descriptors: without them, what is kept would be
 * lost. */
static int
has_room(void)
{
	int one = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int other = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int has = one != -1 && other != -1;

	replace(&one, -1);
	replace(&other, -1);
	return has;
}

void
dsrv_handover_collect(struct dsrv_handover *h)
{
	uint64_t number;
	int fds[2];

	/* Those that were sent, but not noted, must go, too: each may have its
	 * file locked. */
	while (has_room() && (number = receive_kept(h, fds)) != 0)
		if (number == dsrv_journal_record(h)->kept) {
			replace(&h->ends[DSRV_HANDOVER_FILE], fds[0]);
			replace(&h->ends[DSRV_HANDOVER_BELL], fds[1]);
		} else {
			replace(&fds[0], -1);
			replace(&fds[1], -1);
		}
}

void
dsrv_handover_release(struct dsrv_handover *h)
{
	replace(&h->ends[DSRV_HANDOVER_FILE], -1);
	replace(&h->ends[DSRV_HANDOVER_BELL], -1);
}

int
dsrv_handover_recover(struct dsrv_handover *h, struct dsrv_kept *k)
{
	if (dsrv_journal_record(h)->kept == 0) {
		errno = ENOENT;
		return -1;
	}
	/* The master had no free descriptor for it. */
	if (h->ends[DSRV_HANDOVER_FILE] == -1)
		dsrv_handover_collect(h);
	memset(k, 0, sizeof *k);
	k->file = h->ends[DSRV_HANDOVER_FILE];
	k->bell = h->ends[DSRV_HANDOVER_BELL];
	if (k->file == -1) {
		errno = EMFILE;
		return -1;
	}
	return dsrv_handover_keep(h, k);
}

/*
 * What comes from the reader
 */

struct dsrv_ring
dsrv_handover_ring(const struct dsrv_handover *h)
{
	return (struct dsrv_ring) {
		.ends = &h->memory->ring_ends, .bytes = h->memory->ring,
		.size = DSRV_HANDOVER_RING
	};
}
