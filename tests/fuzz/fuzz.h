/*
 * fuzz.h - what the fuzz targets share: the parts of an input, and assertions
 *
 * A target is called with any bytes, millions of times, under sanitizers
 * (tools/fuzz.sh). Each time it checks what must be true.
 *
 * SPDX-License-Identifier: ISC
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The rest of the input, followed by zeros. */
struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

static inline void
fuzz_fill(struct fuzz_input *in, void *to, size_t size)
{
	size_t count = in->left < size ? in->left : size;

	memset(to, 0, size);
	if (count > 0)
		memcpy(to, in->at, count);
	in->at += count;
	in->left -= count;
}

static inline unsigned
fuzz_byte(struct fuzz_input *in)
{
	uint8_t byte;

	fuzz_fill(in, &byte, 1);
	return byte;
}

static inline int32_t
fuzz_int(struct fuzz_input *in)
{
	int32_t number;

	fuzz_fill(in, &number, sizeof number);
	return number;
}

/* Copies a string of the input, up to a NUL or its end, to size bytes. */
static inline char *
fuzz_string(struct fuzz_input *in, char *to, size_t size)
{
	size_t i = 0;
	unsigned byte;

	while (in->left > 0 && (byte = fuzz_byte(in)) != '\0')
		if (i < size - 1)
			to[i++] = (char)byte;
	to[i] = '\0';
	return to;
}

#define must(what) ((what) ? (void)0 : fuzz_stop(__FILE__, __LINE__, #what))

static inline void
fuzz_stop(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
	abort();
}

/* Memory in which a sanitizer sees each access beyond its end. */
static inline void *
fuzz_bytes(size_t size)
{
	void *bytes = malloc(size > 0 ? size : 1);

	must(bytes != NULL);
	return bytes;
}

/* pages.c: the memory that was shared last. */
extern void *fuzz_page;
extern size_t fuzz_page_size;

/* plain.c: whether a terminal shows these bytes as lines of text: they have no
 * control characters, including those of UTF-8. */
int fuzz_is_plain(const char *, size_t);

#endif
