/*
 * fuzz_deaths.c - a logger that dies at any step, and whose calls fail or do
 * only a part: each byte of the log pipe is in the file once, and each line has
 * its prefix
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <unistd.h>

#include "logger.h"
#include "fuzz.h"

static const struct dsrv_stamp stamp = { .made = 1, .size = 2, .text = "p>" };

static struct fuzz_input fates;
static jmp_buf death;
static int is_mortal, is_filtered;

/* How much a call may do; 0: it fails. */
static size_t
step(size_t count)
{
	unsigned fate = is_mortal ? fuzz_byte(&fates) : 0;

	if (fate == 1)
		longjmp(death, 1);
	if (fate == 2)
		return 0;
	return fate >= 128 && fate - 127u < count ? fate - 127u : count;
}

static ssize_t
failed(int error)
{
	errno = error;
	return -1;
}

/* A pipe gives all that it has, up to this count. */
static ssize_t
frail_read(int fd, void *to, size_t count)
{
	ssize_t n;

	if (step(count) == 0)
		return failed(EIO);
	n = read(fd, to, count);
	step(1);
	return n;
}

static ssize_t
frail_write(int fd, const void *from, size_t count)
{
	size_t most = step(count);
	ssize_t n;

	if (most == 0)
		return failed(ENOSPC);
	n = write(fd, from, most);
	step(1);
	return n;
}

#ifdef HAVE_SPLICE
static ssize_t
frail_splice(int from, int to, size_t count, unsigned flags)
{
	size_t most = is_filtered ? count : step(count);
	ssize_t n;

	if (is_filtered || most == 0)
		return failed(is_filtered ? EPERM : ENOMEM);
	n = splice(from, NULL, to, NULL, most, flags);
	step(1);
	return n;
}
#else
static int is_refused;
#endif

/* There is a step before and one after the store that makes a record valid. */
#undef atomic_signal_fence
#define atomic_signal_fence(order) (void)step(1)
#define read frail_read
#define write frail_write
#define splice(from, a, to, b, count, flags) \
	frail_splice(from, to, count, flags)
#include "intake.c"
#include "journal.c"
#undef splice
#undef write
#undef read

static struct dsrv_handover handover;
static int to_logger, file = -1;

static void
open_once(void)
{
	if (file != -1)
		return;
	must(dsrv_handover_open(&handover, &to_logger) == 0);
	file = memfd_create("log", 0);
	must(file != -1 && fcntl(file, F_SETFL, O_APPEND) == 0);
}

static void
put(int last)
{
	struct dsrv_handover_put put = { .ends_half_a_line = 0 };
	struct dsrv_logturn turn = { .since = 0 };
	struct stat now;

	dsrv_logcompose(&handover, &stamp, &turn, SIZE_MAX, last, &put);
	must(fstat(file, &now) == 0);
	if (put.count > 0)
		dsrv_journal_put(&handover, file, now.st_size, &put);
	while (dsrv_journal_is_pending(&handover))
		dsrv_journal_resume(&handover, file);
}

/* A logger lives until it dies or nothing is left to read. */
static void
live(void)
{
	while (dsrv_intake_recover(&handover) == -1)
		;
	while (dsrv_journal_is_pending(&handover))
		dsrv_journal_resume(&handover, file);
	while (dsrv_intake_take(&handover) > 0 || errno != EAGAIN)
		put(0);
}

static char *
add_prefixes(char *to, const char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++) {
		if (i == 0 || text[i - 1] == '\n') {
			memcpy(to, stamp.text, stamp.size);
			to += stamp.size;
		}
		*to++ = text[i];
	}
	if (size > 0 && text[size - 1] != '\n')
		*to++ = '\n';
	return to;
}

static void
compare(const char *text, size_t size)
{
	char *wanted = fuzz_bytes(3 * size + 3), *got = fuzz_bytes(3 * size + 3);
	size_t length = (size_t)(add_prefixes(wanted, text, size) - wanted);

	must(pread(file, got, 3 * size + 3, 0) == (ssize_t)length);
	must(memcmp(got, wanted, length) == 0);
	free(wanted);
	free(got);
}

/* Removes the bytes that could form a read's mark. */
static void
spare_the_mark(char *text, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if ((unsigned char)text[i] >= 0xf8)
			text[i] = '?';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[4096];
	static size_t count, written, more;

	fates = (struct fuzz_input){ data, size };
	open_once();
	memset(handover.memory->logger.records, 0,
	    sizeof handover.memory->logger.records);
	must(ftruncate(file, 0) == 0);
	is_refused = 0;
	is_filtered = fuzz_byte(&fates) % 2;
	count = (unsigned)fuzz_int(&fates) % (fates.left + 1) % sizeof text;
	fuzz_fill(&fates, text, count);
	if (is_filtered)
		spare_the_mark(text, count);
	for (written = 0; written < count; written += more) {
		more = 1 + fuzz_byte(&fates) * 4u;
		if (more > count - written)
			more = count - written;
		must(write(to_logger, text + written, more) == (ssize_t)more);
		is_mortal = 1;
		if (setjmp(death) == 0)
			live();
		is_mortal = 0;
	}
	live();
	put(1);
	compare(text, count);
	return 0;
}
