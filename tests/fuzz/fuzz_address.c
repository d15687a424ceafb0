/*
 * fuzz_address.c - an address of any family and length becomes a short word
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "ground.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct dsrv_address *kept = fuzz_bytes(sizeof *kept);
	char *text = fuzz_bytes(DSRV_ADDRESS_TEXT);
	struct sockaddr *addr;
	size_t i;

	/* As with accept(2), the length may be more than there was room for. */
	size = size < 128 ? size : 128;
	addr = fuzz_bytes(size);
	fuzz_fill(&in, addr, size);
	memset(kept, 0, sizeof *kept);
	dsrv_address_keep(kept, addr, (socklen_t)size);
	dsrv_address_text(text, kept);
	must(strlen(text) < DSRV_ADDRESS_TEXT);
	for (i = 0; text[i] != '\0'; i++)
		must(text[i] > ' ' && text[i] < 0x7f);
	free(addr);
	free(kept);
	free(text);
	return 0;
}
