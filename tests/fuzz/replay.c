/*
 * replay.c - calls a fuzz target once with each input of its corpus
 *
 *     fuzz_NAME [input ...]
 *
 * Without libFuzzer, so that make check runs the targets as any compiler builds
 * them. The default is $TOP_SRCDIR/tests/fuzz/corpus/NAME.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <dirent.h>

#include "fuzz.h"

enum { INPUT_MAX = 1024 * 1024 };

static int count;

static void
replay(const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *file = fopen(path, "r");
	uint8_t *input;
	size_t size;

	must(file != NULL);
	size = fread(bytes, 1, sizeof bytes, file);
	must(feof(file) && !ferror(file));
	fclose(file);
	input = fuzz_bytes(size);
	memcpy(input, bytes, size);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
	count++;
}

static void
replay_all(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	char path[4096];

	must(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		must(snprintf(path, sizeof path, "%s/%s", directory,
		    entry->d_name) < (int)sizeof path);
		replay(path);
	}
	closedir(dir);
}

int
main(int argc, char *argv[])
{
	const char *top = getenv("TOP_SRCDIR");
	const char *name = strrchr(argv[0], '_');
	char corpus[4096];
	int i;

	fuzz_page = NULL;	/* so that pages.c gives memory, not memory.c */
	for (i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc > 1)
		return 0;
	must(top != NULL && name != NULL);
	must(snprintf(corpus, sizeof corpus, "%s/tests/fuzz/corpus/%s", top,
	    name + 1) < (int)sizeof corpus);
	replay_all(corpus);
	must(count > 0);
	return 0;
}
