/*
 * sockets.h - listening sockets and clients of other families than IPv4
 *
 * The functions that listen can be here.open_listener.
 */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <sys/un.h>

#include "harness.h"

/* Leaves the test out if this machine has no ::1. */
int cannot_use_v6(void);

/* On ::1; and on all addresses, IPv4 included. */
int listen_on_v6(int *port);
int listen_for_both(int *port);
int client_of_v6(int port);
int client_of_v6_if(int port);	/* -1: it was refused */

/* At 127.0.0.1: close(2) of a connection may sleep. */
int listen_and_linger(int *port);

/* In the Unix domain, at a name in scratch(); *port is 0. */
struct sockaddr_un local_address(void);
int listen_locally(int *port);
int local_client(void);

#endif
