/*
 * keep.c - runs a command that leaves nothing behind, however it ends
 *
 *     keep command [argument ...]
 *
 * SPDX-License-Identifier: ISC
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keeper.h"

static int
execute(void *argv)
{
	char *const *words = argv;

	execvp(words[0], words);
	perror(words[0]);
	return 127;
}

int
main(int argc, char *argv[])
{
	if (argc < 2) {
		fprintf(stderr, "usage: keep command [argument ...]\n");
		return EXIT_FAILURE;
	}
	close_inherited();
	return keep(execute, argv + 1);
}
