/*
 * plus.cc - a daemon in C++: every line comes back
 *
 *     plus [port]
 *
 * SPDX-License-Identifier: ISC
 */
#include <iostream>
#include <string>

#include <daemon.h>

int
main(int argc, char *argv[])
{
	std::string line;
	int fds[4], count;

	daemon_start();
	daemon_clean_fd(2);
	count = daemon_listen(NULL, argc > 1 ? argv[1] : "7007", fds, 4);
	if (count == -1)
		return 1;
	daemon_master();
	daemon_success();
	daemon_server(fds, count);

	while (std::getline(std::cin, line))
		std::cout << line << std::endl;
	return 0;
}
