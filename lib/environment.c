/*
 * environment.c - a worker's connection, in variables for the programs that it
 * executes: those of UCSPI, and what systemd and CGI call the client
 *
 * Each variable has a place of its own, where the next connection changes it:
 * setenv(3) would keep the values of all earlier clients. A variable that does
 * not apply to this connection is removed, since the daemon may have been
 * started with one about another connection.
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/un.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers.h"

static const char *const names[] = {
	"PROTO",
	"TCPREMOTEIP", "TCPREMOTEPORT", "TCPREMOTEHOST", "TCPREMOTEINFO",
	"TCPLOCALIP", "TCPLOCALPORT", "TCPLOCALHOST", "TCPCONNNUM",
	"TCPINTERFACE",
	"TCP6REMOTEIP", "TCP6REMOTEPORT", "TCP6REMOTEHOST",
	"TCP6LOCALIP", "TCP6LOCALPORT", "TCP6LOCALHOST", "TCP6INTERFACE",
	"IPCREMOTEEUID", "IPCREMOTEEGID", "IPCREMOTEPATH", "IPCLOCALPATH",
	"IPCCONNNUM",
	"REMOTE_ADDR", "REMOTE_PORT", "REMOTE_HOST"
};

enum { TEXT = 160 };	/* a name, and the longest path of a socket */

static char texts[DSRV_COUNT(names)][TEXT];

static int
index_of(const char *name)
{
	int i = 0;

	while (strcmp(names[i], name) != 0)
		i++;
	return i;
}

static void
forget_all(void)
{
	int i;

	for (i = 0; i < DSRV_COUNT(names); i++)
		unsetenv(names[i]);
}

/* -1 with errno. */
static int
put(const char *name, const char *format, ...)
{
	char *text = texts[index_of(name)];
	int length = snprintf(text, TEXT, "%s=", name);
	va_list values;

	va_start(values, format);
	vsnprintf(text + length, TEXT - (size_t)length, format, values);
	va_end(values);
	return putenv(text);
}

/*
 * TCP. Other families than these and Unix-domain sockets have no variables.
 */

static int
put_end(const char *host_name, const char *port_name,
    const struct dsrv_endpoint *end)
{
	struct dsrv_address address;
	char host[DSRV_ADDRESS_HOST];
	int port;

	dsrv_address_keep(&address, (const struct sockaddr *)&end->addr,
	    end->len);
	if ((port = dsrv_address_host(host, &address)) == -1)
		return 0;
	return put(host_name, "%s", host) != 0 ||
	    put(port_name, "%d", port) != 0 ? -1 : 0;
}

static int
tell_tcp(const struct dsrv_endpoint *peer, const struct dsrv_endpoint *local,
    int same)
{
	return put("PROTO", "TCP") != 0 ||
	    put_end("TCPREMOTEIP", "TCPREMOTEPORT", peer) != 0 ||
	    put_end("REMOTE_ADDR", "REMOTE_PORT", peer) != 0 ||
	    put_end("TCPLOCALIP", "TCPLOCALPORT", local) != 0 ||
	    (same > 0 && put("TCPCONNNUM", "%d", same) != 0) ? -1 : 0;
}

/*
 * Unix-domain sockets
 */

/* In TEXT bytes: an abstract name begins with @, as the kernel shows it; "":
 * the socket has no name. */
static void
path_of(char *path, const struct dsrv_endpoint *end)
{
	const struct sockaddr_un *addr =
	    (const struct sockaddr_un *)&end->addr;
	size_t i, head = offsetof(struct sockaddr_un, sun_path);
	size_t size = end->len > head ? end->len - head : 0;

	if (size > sizeof addr->sun_path)
		size = sizeof addr->sun_path;
	if (size > 0 && addr->sun_path[0] != '\0')
		size = strnlen(addr->sun_path, size);
	for (i = 0; i < size; i++)
		path[i] = addr->sun_path[i] == '\0' ? '@' : addr->sun_path[i];
	path[size] = '\0';
}

/* Whether the system says which process has connected. */
static int
credentials(unsigned long *uid, unsigned long *gid)
{
#ifdef SO_PEERCRED
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_PEERCRED, &peer,
	    &len) == -1)
		return 0;
	*uid = (unsigned long)peer.uid;
	*gid = (unsigned long)peer.gid;
	return 1;
#elif defined(HAVE_GETPEEREID)
	uid_t user;
	gid_t group;

	if (getpeereid(STDIN_FILENO, &user, &group) == -1)
		return 0;
	*uid = (unsigned long)user;
	*gid = (unsigned long)group;
	return 1;
#else
	(void)uid;
	(void)gid;
	return 0;
#endif
}

static int
tell_unix(const struct dsrv_endpoint *peer, const struct dsrv_endpoint *local,
    int same)
{
	char path[TEXT];
	unsigned long uid, gid;

	path_of(path, local);
	if (put("PROTO", "IPC") != 0 || put("IPCLOCALPATH", "%s", path) != 0)
		return -1;
	if (same != -1 && credentials(&uid, &gid) &&
	    (put("IPCREMOTEEUID", "%lu", uid) != 0 ||
	    put("IPCREMOTEEGID", "%lu", gid) != 0))
		return -1;
	path_of(path, peer);
	return put("IPCREMOTEPATH", "%s", path) != 0 ||
	    (*path != '\0' && put("REMOTE_ADDR", "%s", path) != 0) ? -1 : 0;
}

int
dsrv_environment_set(const struct dsrv_endpoint *peer,
    const struct dsrv_endpoint *local, int same)
{
	int family = local->len > 0 ? local->addr.ss_family : AF_UNSPEC;

	forget_all();
	if (family == AF_UNIX)
		return tell_unix(peer, local, same);
	return family == AF_INET || family == AF_INET6 ?
	    tell_tcp(peer, local, same) : 0;
}
