/*
 * pages.c - memory.c for the fuzz targets: the sanitizer knows where it ends
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "ground.h"
#include "fuzz.h"

void *fuzz_page;
size_t fuzz_page_size;

void *
dsrv_memory_own(size_t size)
{
	return calloc(1, size);
}

void *
dsrv_memory_shared(size_t size)
{
	fuzz_page = calloc(1, size);
	fuzz_page_size = size;
	return fuzz_page;
}

void
dsrv_memory_free(void *p, size_t size)
{
	(void)size;
	free(p);
}

void
dsrv_memory_keep(void *p, size_t size)
{
	(void)p;
	(void)size;
}

void
dsrv_memory_lend(void *p, size_t size)
{
	dsrv_memory_keep(p, size);
}

void
dsrv_memory_forked(void)
{
}
