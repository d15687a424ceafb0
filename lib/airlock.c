/*
 * airlock.c - from the log pipe into the log file, each byte once
 *
 *     log pipe --splice--> lock --read--> raw --compose--> out --write--> file
 *
 * SIGKILL never ends a process in the middle of a system call that moves
 * bytes: the bytes are on one side or on the other, and what dies is the
 * knowledge of how many. So all that a logger has in hand is in memory or in
 * a pipe that the master keeps for the next one, and two moves are noted
 * before they are made, so that the next logger can measure how far they
 * went: the read by what is left in the lock, a pipe that nobody else
 * touches; the write by the size of the file, which nobody else writes.
 *
 * A death after each step, and what the next logger finds:
 *
 *     splice            bytes in the lock, of which nothing is noted: read
 *     note the read     as many bytes in the lock as noted: read
 *     read              fewer: the difference is in raw already
 *     note its end      raw holds them, the lock is empty
 *     compose           nothing is noted of it: composed again
 *     note the write    the file is as long as it was: write
 *     write             longer, by what need not be written again
 *     note its end      raw and out hold nothing that is in the file
 *
 * The file must be the same one, also where it was renamed or removed in
 * between: a logger sends its descriptor through a socket pair that the master
 * holds too. There it stays on its way, until the logger ends and the master
 * takes it out for the next. Where a write has failed halfway and another file
 * follows, one note moves what is left of it there, from the beginning of the
 * line that is torn.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "daemon-private.h"

enum {
	PIPE_SIZE = 256 * 1024,
	WITHOUT_LOCK = 64 * 1024	/* bytes that a death can cost then */
};

/* What the next logger goes on from. */
struct record {
	int raw;		/* which of the buffers */
	size_t in_raw;		/* bytes that are in no line of out yet */
	size_t from_lock;	/* a read of so many is under way */
	size_t from_out;	/* a write from there on in out, ... */
	size_t to_file;		/* ... of so many, is under way, ... */
	off_t offset;		/* ... to a file that was so long, ... */
	uint64_t file;		/* ... which is kept by this number */
	uint64_t numbers;	/* given to files so far */
	struct dsrv_airlock_state state;
};

struct dsrv_airlock_memory {
	struct record records[2];
	int current;
	char raw[2][DSRV_AIRLOCK_RAW];
	char out[DSRV_AIRLOCK_OUT];
};

/*
 * The record: whole before and after, whenever the process dies
 */

static const struct record *
record(const struct dsrv_airlock *a)
{
	return &a->memory->records[a->memory->current];
}

/* The copy in which to write what is to be, until it is noted. */
static struct record *
revise(const struct dsrv_airlock *a)
{
	struct record *spare = &a->memory->records[!a->memory->current];

	*spare = *record(a);
	return spare;
}

/* One store, after all that it tells of and before all that follows it. */
static void
note(const struct dsrv_airlock *a)
{
	atomic_signal_fence(memory_order_seq_cst);
	a->memory->current = !a->memory->current;
	atomic_signal_fence(memory_order_seq_cst);
}

/*
 * In the master, and in the processes that it forks
 */

int
dsrv_airlock_open(struct dsrv_airlock *a, int *to_logger)
{
	int i, error;

	for (i = 0; i < DSRV_AIRLOCK_ENDS; i++)
		a->ends[i] = -1;
	a->file = *to_logger = -1;
	a->memory = dsrv_memory_shared(sizeof *a->memory);
	if (a->memory == NULL)
		return -1;
	if (dsrv_descriptors_pipe(&a->ends[DSRV_AIRLOCK_LOG],
	    to_logger) == -1 ||
	    dsrv_descriptors_pipe(&a->ends[DSRV_AIRLOCK_LOCK_OUT],
	    &a->ends[DSRV_AIRLOCK_LOCK_IN]) == -1 ||
	    dsrv_descriptors_pair(&a->ends[DSRV_AIRLOCK_KEEP],
	    &a->ends[DSRV_AIRLOCK_KEPT]) == -1) {
		error = errno;
		if (*to_logger != -1)
			close(*to_logger);
		dsrv_airlock_close(a);
		errno = error;
		return -1;
	}
#ifdef F_SETPIPE_SZ
	/* The lines of a moment; with less room, writers wait more often. */
	fcntl(*to_logger, F_SETPIPE_SZ, PIPE_SIZE);
#endif
	/* Of its own end only: who writes to the log waits when it is full. */
	fcntl(a->ends[DSRV_AIRLOCK_LOG], F_SETFL, O_NONBLOCK);
	return 0;
}

void
dsrv_airlock_close(struct dsrv_airlock *a)
{
	int i;

	for (i = 0; i < DSRV_AIRLOCK_ENDS; i++)
		if (a->ends[i] != -1)
			close(a->ends[i]);
	dsrv_airlock_release(a);
	dsrv_memory_free(a->memory, sizeof *a->memory);
}

/*
 * Into the lock and out of it
 */

/* Notes the end of the read that is under way. */
static void
note_read(const struct dsrv_airlock *a, size_t count)
{
	struct record *r = revise(a);

	r->in_raw += count;
	r->from_lock = 0;
	note(a);
}

/* -1 with errno: then the read of what is left is noted still. */
static int
empty_lock(const struct dsrv_airlock *a, size_t count)
{
	const struct record *now;
	ssize_t n;

	while (count > 0) {
		revise(a)->from_lock = count;
		note(a);
		now = record(a);
		n = read(a->ends[DSRV_AIRLOCK_LOCK_OUT],
		    a->memory->raw[now->raw] + now->in_raw, count);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n == -1)
			n = 0;
		note_read(a, (size_t)n);
		count -= (size_t)n;
	}
	return 0;
}

/* Reads what the lock holds, be it after a death or after an error. */
static int
recover_read(const struct dsrv_airlock *a)
{
	size_t noted = record(a)->from_lock;
	int left;

	if (ioctl(a->ends[DSRV_AIRLOCK_LOCK_OUT], FIONREAD, &left) == -1)
		return -1;
	if (noted > 0)
		note_read(a, noted - (size_t)left);
	return empty_lock(a, (size_t)left);
}

ssize_t
dsrv_airlock_take(const struct dsrv_airlock *a)
{
	const struct record *now;
	size_t room;
	ssize_t n;

	if (record(a)->from_lock > 0 && recover_read(a) == -1)
		return -1;
	now = record(a);
	room = DSRV_AIRLOCK_RAW - now->in_raw;
	if (room == 0) {
		errno = ENOBUFS;
		return -1;
	}
#ifdef HAVE_SPLICE
	n = splice(a->ends[DSRV_AIRLOCK_LOG], NULL,
	    a->ends[DSRV_AIRLOCK_LOCK_IN], NULL, room, SPLICE_F_NONBLOCK);
	if (n > 0 && empty_lock(a, (size_t)n) == -1)
		return -1;
#else
	/* A death between these two loses what was read. */
	if (room > WITHOUT_LOCK)
		room = WITHOUT_LOCK;
	n = read(a->ends[DSRV_AIRLOCK_LOG],
	    a->memory->raw[now->raw] + now->in_raw, room);
	if (n > 0)
		note_read(a, (size_t)n);
#endif
	return n;
}

/*
 * Into the file
 */

struct dsrv_airlock_text
dsrv_airlock_text(const struct dsrv_airlock *a)
{
	const struct record *now = record(a);

	return (struct dsrv_airlock_text) {
		.start = a->memory->raw[now->raw], .size = now->in_raw
	};
}

char *
dsrv_airlock_out(const struct dsrv_airlock *a)
{
	return a->memory->out;
}

const struct dsrv_airlock_state *
dsrv_airlock_state(const struct dsrv_airlock *a)
{
	return &record(a)->state;
}

void
dsrv_airlock_set_state(const struct dsrv_airlock *a,
    const struct dsrv_airlock_state *state)
{
	revise(a)->state = *state;
	note(a);
}

/* The first used bytes of raw are no more: what is behind them moves to the
 * other buffer, since a move within one could not be begun again. */
static void
use(const struct dsrv_airlock *a, struct record *r, size_t used)
{
	char *from = a->memory->raw[r->raw];

	r->raw = !r->raw;
	r->in_raw -= used;
	memcpy(a->memory->raw[r->raw], from + used, r->in_raw);
}

void
dsrv_airlock_drop(const struct dsrv_airlock *a, size_t used,
    const struct dsrv_airlock_state *state)
{
	struct record *r = revise(a);

	use(a, r, used);
	r->state = *state;
	note(a);
}

static int
write_from(const struct dsrv_airlock *a, int fd, size_t done)
{
	const char *text = a->memory->out + record(a)->from_out;
	size_t count = record(a)->to_file;
	ssize_t n;

	while (done < count) {
		n = write(fd, text + done, count - done);
		if (n == 0)
			errno = ENOSPC;
		if (n == 0 || (n == -1 && errno != EINTR))
			return -1;
		if (n > 0)
			done += (size_t)n;
	}
	revise(a)->to_file = 0;
	note(a);
	return 0;
}

int
dsrv_airlock_put(const struct dsrv_airlock *a, int fd, off_t size,
    const struct dsrv_airlock_put *put)
{
	struct record *r = revise(a);

	use(a, r, put->used);
	r->from_out = 0;
	r->to_file = put->count;
	r->offset = size;
	r->state = put->state;
	note(a);
	return write_from(a, fd, 0);
}

int
dsrv_airlock_pending(const struct dsrv_airlock *a)
{
	return record(a)->to_file > 0;
}

/* How much of it is in the file, by the length of that. */
static size_t
written(const struct dsrv_airlock *a, off_t size)
{
	off_t done = size - record(a)->offset;

	if (done > (off_t)record(a)->to_file)
		done = (off_t)record(a)->to_file;
	return done > 0 ? (size_t)done : 0;
}

int
dsrv_airlock_resume(const struct dsrv_airlock *a, int fd)
{
	struct stat file;

	if (fstat(fd, &file) == -1)
		return -1;
	if (file.st_size < record(a)->offset) {	/* somebody has cut it */
		revise(a)->offset = file.st_size;
		note(a);
	}
	return write_from(a, fd, written(a, file.st_size));
}

/*
 * The file, kept for the next logger
 */

/* A descriptor on its way through a socket, with a number. */
struct parcel {
	struct msghdr header;
	struct iovec content;
	uint64_t number;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static void
prepare(struct parcel *p, uint64_t number)
{
	memset(p, 0, sizeof *p);
	p->number = number;
	p->content.iov_base = &p->number;
	p->content.iov_len = sizeof p->number;
	p->header.msg_iov = &p->content;
	p->header.msg_iovlen = 1;
	p->header.msg_control = p->control;
	p->header.msg_controllen = sizeof p->control;
}

static int
send_kept(const struct dsrv_airlock *a, int fd, uint64_t number)
{
	struct parcel p;
	struct cmsghdr *rights;

	prepare(&p, number);
	rights = CMSG_FIRSTHDR(&p.header);
	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	return sendmsg(a->ends[DSRV_AIRLOCK_KEEP], &p.header,
	    MSG_DONTWAIT) == (ssize_t)sizeof number ? 0 : -1;
}

/* Drops those that were kept before the one that counts. */
static void
drop_kept(const struct dsrv_airlock *a, uint64_t counts)
{
	int end = a->ends[DSRV_AIRLOCK_KEPT];
	uint64_t number;

	while (recv(end, &number, sizeof number, MSG_PEEK | MSG_DONTWAIT) ==
	    (ssize_t)sizeof number && number < counts)
		recv(end, &number, sizeof number, MSG_DONTWAIT);
}

/* A death before the note leaves one that does not count behind the one that
 * does; its number is never given again. */
static int
keep(const struct dsrv_airlock *a, int fd, off_t offset, size_t done)
{
	uint64_t number = record(a)->numbers + 1;
	struct record *r;

	revise(a)->numbers = number;
	note(a);
	if (send_kept(a, fd, number) == -1)
		return -1;
	r = revise(a);
	r->file = number;
	r->offset = offset;
	r->from_out += done;
	r->to_file -= done;
	note(a);
	drop_kept(a, number);
	return 0;
}

/* Those whole lines of what is pending that are in this file, and can be
 * found there. */
static size_t
done_in(const struct dsrv_airlock *a, int fd)
{
	const char *text = a->memory->out + record(a)->from_out;
	struct stat file;
	size_t done;

	if (fstat(fd, &file) == -1 || file.st_nlink == 0)
		return 0;
	for (done = written(a, file.st_size); done > 0; done--)
		if (text[done - 1] == '\n')
			break;
	return done;
}

int
dsrv_airlock_keep(const struct dsrv_airlock *a, int fd, int before)
{
	struct stat file;

	return fstat(fd, &file) == -1 ? -1 :
	    keep(a, fd, file.st_size, done_in(a, before));
}

/*
 * After a death
 */

/* The next one that is kept, and its number; -1: none is. */
static int
receive_kept(const struct dsrv_airlock *a, uint64_t *number)
{
	struct parcel p;
	struct cmsghdr *rights;
	int fd;

	for (;;) {
		prepare(&p, 0);
		if (recvmsg(a->ends[DSRV_AIRLOCK_KEPT], &p.header,
		    MSG_DONTWAIT) != (ssize_t)sizeof p.number)
			return -1;
		rights = CMSG_FIRSTHDR(&p.header);
		if (rights == NULL || rights->cmsg_type != SCM_RIGHTS)
			continue;	/* no descriptor was left for it */
		memcpy(&fd, CMSG_DATA(rights), sizeof fd);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
		*number = p.number;
		return dsrv_descriptors_own(fd);
	}
}

void
dsrv_airlock_collect(struct dsrv_airlock *a)
{
	uint64_t number;
	int fd;

	/* Those that were sent, but not noted, must go too: each has a lock
	 * on its file. */
	while ((fd = receive_kept(a, &number)) != -1)
		if (number == record(a)->file) {
			dsrv_airlock_release(a);
			a->file = fd;
		} else
			close(fd);
}

void
dsrv_airlock_release(struct dsrv_airlock *a)
{
	if (a->file != -1)
		close(a->file);
	a->file = -1;
}

int
dsrv_airlock_recover(const struct dsrv_airlock *a)
{
	if (record(a)->file == 0) {
		errno = ENOENT;
		return -1;
	}
	if (a->file == -1) {
		errno = EBADF;
		return -1;
	}
	if (keep(a, a->file, record(a)->offset, 0) == -1 ||
	    recover_read(a) == -1)
		return -1;
	return a->file;
}
