/*
 * echo-static.c - the program that the super-servers start for a connection
 *
 * Linked statically, since that executes fastest.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "serve.h"

int
main(void)
{
	serve(STDIN_FILENO, STDOUT_FILENO);
	_exit(0);
}
