/*
 * fuzz_report.c - a message about a stranger's name stays one line, and fits
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "report.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	char *line = fuzz_bytes(DSRV_REPORT_MAX), name[300], text[4096];
	size_t length, i;

	daemon_set_program_name(fuzz_string(&in, name, sizeof name));
	length = dsrv_report_line(line, "open %s: %d",
	    fuzz_string(&in, text, sizeof text), fuzz_int(&in));
	must(length < DSRV_REPORT_MAX && line[length] == '\0');
	must(strstr(line, ": unable to open ") != NULL);
	for (i = 0; i < length; i++)
		must((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
	free(line);
	return 0;
}
