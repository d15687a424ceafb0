/*
 * http.c - serve the files of one directory by HTTP/1.0
 *
 *     http [-f] [-a address] [-p port] [-c workers] [-s spares] [-t seconds]
 *         directory
 *
 * -f stays in the foreground. The default port is 8080; with 0 the kernel
 * chooses one. seconds limits the request, each 64 kB of the reply and the end
 * of the connection. A connection has one request. With -s this many workers
 * wait for connections and serve one after another. Symbolic links are not
 * followed, so that nothing outside the directory is ever sent.
 *
 * SPDX-License-Identifier: ISC
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <daemon.h>

enum {
	MAX_SOCKETS = 16,
	MAX_LINE = 8192,
	MAX_FIELDS = 65536,	/* bytes, all header fields together */
	BLOCK = 65536
};

/* Functions that check a request return one of these pointers. */
static const char OK[] = "200 OK";
static const char MOVED[] = "301 Moved Permanently";
static const char BAD[] = "400 Bad Request";
static const char FORBIDDEN[] = "403 Forbidden";
static const char NOT_FOUND[] = "404 Not Found";
static const char NOT_ALLOWED[] = "405 Method Not Allowed";
static const char TOO_LONG[] = "414 URI Too Long";
static const char TOO_LARGE[] = "431 Request Header Fields Too Large";
static const char BROKEN[] = "500 Internal Server Error";
static const char NOT_HTTP1[] = "505 HTTP Version Not Supported";

static const char *const types[][2] = {
	{ ".css", "text/css" },
	{ ".gif", "image/gif" },
	{ ".htm", "text/html" },
	{ ".html", "text/html" },
	{ ".jpeg", "image/jpeg" },
	{ ".jpg", "image/jpeg" },
	{ ".js", "text/javascript" },
	{ ".json", "application/json" },
	{ ".pdf", "application/pdf" },
	{ ".png", "image/png" },
	{ ".svg", "image/svg+xml" },
	{ ".txt", "text/plain" }
};

static unsigned patience = 30;
static int head_only;

static const char *
type_of(const char *path)
{
	const char *suffix = strrchr(path, '.');
	size_t i;

	for (i = 0; suffix && i < sizeof types / sizeof types[0]; i++)
		if (strcasecmp(suffix, types[i][0]) == 0)
			return types[i][1];
	return "application/octet-stream";
}

/* Sends everything, or returns -1. A client may send all of its own data before
 * it reads: that is discarded, or both would wait. */
static int
send_all(const char *data, size_t len)
{
	struct pollfd conn = { STDOUT_FILENO, POLLIN | POLLOUT, 0 };
	char dropped[BLOCK];
	ssize_t n;

	alarm(patience);
	while (len > 0) {
		if (poll(&conn, 1, -1) == -1) {
			/* SIGHUP asks to finish, not to abort. */
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (conn.revents & POLLIN &&
		    read(STDIN_FILENO, dropped, sizeof dropped) <= 0)
			conn.events = POLLOUT;
		if (!(conn.revents & ~POLLIN))
			continue;
		n = send(conn.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static void
format_time(char *text, size_t size, time_t when)
{
	strftime(text, size, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&when));
}

/* Returns the length. more: further fields, each with a line end. */
static size_t
format_header(char *text, size_t size, const char *status, const char *type,
    off_t length, const char *more)
{
	char date[64];

	format_time(date, sizeof date, time(NULL));
	return (size_t)snprintf(text, size, "HTTP/1.0 %s\r\nDate: %s\r\n"
	    "Connection: close\r\nContent-Type: %s\r\nContent-Length: %jd\r\n"
	    "%s\r\n", status, date, type, (intmax_t)length, more);
}

static void
send_status(const char *status, const char *more)
{
	char reply[2 * MAX_LINE];
	size_t len;

	len = format_header(reply, sizeof reply, status, "text/plain",
	    (off_t)strlen(status) + 1, more);
	if (!head_only)
		len += (size_t)snprintf(reply + len, sizeof reply - len,
		    "%s\n", status);
	send_all(reply, len);
}

/* If the file has been truncated, the reply ends before the promised length, so
 * the client notices. */
static void
send_file(int fd, const struct stat *st, const char *type)
{
	off_t left = head_only ? 0 : st->st_size;
	char data[BLOCK], date[64], more[96];
	size_t len, want;
	ssize_t n;

	format_time(date, sizeof date, st->st_mtime);
	snprintf(more, sizeof more, "Last-Modified: %s\r\n", date);
	len = format_header(data, sizeof data, OK, type, st->st_size, more);
	do {
		want = sizeof data - len;
		if (left < (off_t)want)
			want = (size_t)left;
		n = read(fd, data + len, want);
		if (send_all(data, len + (n > 0 ? (size_t)n : 0)) == -1)
			return;
		left -= n;
		len = 0;
	} while (n > 0 && left > 0);
}

static const char *
read_line(char line[MAX_LINE], const char *too_long)
{
	if (fgets(line, MAX_LINE, stdin) == NULL)
		return BAD;
	if (strchr(line, '\n') != NULL)
		return OK;
	return strlen(line) + 1 == MAX_LINE ? too_long : BAD;
}

/* The target has room for the whole line. */
static const char *
parse_line(const char *line, char *target)
{
	unsigned major, minor;
	char method[16];
	int end;

	head_only = strncmp(line, "HEAD ", 5) == 0;
	if (sscanf(line, "%15[A-Z] %8191[^ \r\n] HTTP/%1u.%1u%n", method,
	    target, &major, &minor, &end) != 4 || !strchr("\r\n", line[end]) ||
	    target[0] != '/')
		return BAD;
	if (major != 1)
		return NOT_HTTP1;
	return head_only || strcmp(method, "GET") == 0 ? OK : NOT_ALLOWED;
}

static const char *
read_request(char *target)
{
	char line[MAX_LINE];
	const char *status;
	size_t total = 0;

	alarm(patience);
	/* A client too old for header fields waits after its only line. */
	if ((status = read_line(line, TOO_LONG)) != OK ||
	    (status = parse_line(line, target)) != OK)
		return status;
	while ((status = read_line(line, TOO_LARGE)) == OK &&
	    line[strspn(line, "\r\n")] != '\0')
		if ((total += strlen(line)) > MAX_FIELDS)
			return TOO_LARGE;
	return status;
}

static int
decode(const char *target, char *path)
{
	unsigned value;

	while (*target != '\0' && *target != '?') {
		value = (unsigned char)*target++;
		if (value == '%') {
			if (!isxdigit((unsigned char)target[0]) ||
			    !isxdigit((unsigned char)target[1]) ||
			    sscanf(target, "%2x", &value) != 1 || value == 0)
				return -1;
			target += 2;
		}
		*path++ = (char)value;
	}
	*path = '\0';
	return 0;
}

/* Opens one name after the other, so that none leads outside. Without
 * O_NONBLOCK a FIFO would block the worker. */
static int
open_beneath(int root, char *path)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
	    O_CLOEXEC;
	int dir, fd = openat(root, ".", flags);
	char *name;

	for (name = strtok(path, "/"); name != NULL && fd != -1;
	    name = strtok(NULL, "/")) {
		dir = fd;
		errno = EACCES;
		fd = strcmp(name, "..") ? openat(dir, name, flags) : -1;
		close(dir);
	}
	return fd;
}

static const char *
status_of(int error)
{
	if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG)
		return NOT_FOUND;
	if (error == EACCES || error == ELOOP || error == ENXIO)
		return FORBIDDEN;
	return BROKEN;
}

/* The page's relative links need the slash after the directory. With two
 * slashes at its start it would name another host. */
static void
redirect(const char *target)
{
	char field[MAX_LINE + 64];
	int len;

	target += strspn(target, "/\\");
	len = (int)strcspn(target, "?");
	snprintf(field, sizeof field, "Location: /%.*s/%s\r\n", len, target,
	    target + len);
	send_status(MOVED, field);
}

static void
serve(int root)
{
	char target[MAX_LINE], path[MAX_LINE + sizeof "index.html"];
	const char *status, *type;
	struct stat st;
	int fd, slash;

	if ((status = read_request(target)) == OK && decode(target, path))
		status = BAD;
	if (status != OK) {
		send_status(status,
		    status == NOT_ALLOWED ? "Allow: GET, HEAD\r\n" : "");
		return;
	}
	if ((slash = path[strlen(path) - 1] == '/'))
		strcat(path, "index.html");
	type = type_of(path);
	fd = open_beneath(root, path);
	if (fd == -1 || fstat(fd, &st) == -1)
		send_status(status_of(errno), "");
	else if (S_ISREG(st.st_mode))
		send_file(fd, &st, type);
	else if (S_ISDIR(st.st_mode) && !slash)
		redirect(target);
	else
		send_status(FORBIDDEN, "");
	if (fd != -1)
		close(fd);
}

static void
usage(void)
{
	fprintf(stderr, "usage: http [-f] [-a address] [-p port] "
	    "[-c workers] [-s spares] [-t seconds] directory\n");
	exit(2);
}

static int
number(const char *text, int min, int max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 ||
	    value < min || value > max) {
		warnx("%s: not a number from %d to %d", text, min, max);
		usage();
	}
	return (int)value;
}

static void
print_port(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char port[32];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	    getnameinfo((struct sockaddr *)&addr, len, NULL, 0, port,
	    sizeof port, NI_NUMERICSERV) == 0)
		printf("listening on port %s\n", port);
}

int
main(int argc, char *argv[])
{
	const char *address = NULL, *port = "8080";
	int c, i, count, root, fds[MAX_SOCKETS];
	char directory[PATH_MAX];

	while ((c = getopt(argc, argv, "a:c:fp:s:t:")) != -1) {
		if (c == 'a')
			address = optarg;
		else if (c == 'c')
			daemon_set_worker_count_max(number(optarg, 1, 65536));
		else if (c == 'f')
			daemon_set_foreground(1);
		else if (c == 'p' && number(optarg, 0, 65535) >= 0)
			port = optarg;
		else if (c == 's')
			daemon_set_worker_spare_count(number(optarg, 0, 65536));
		else if (c == 't')
			patience = (unsigned)number(optarg, 1, 86400);
		else
			usage();
	}
	if (argc - optind != 1)
		usage();
	/* A relative path would change its meaning in daemon_start(). */
	if (realpath(argv[optind], directory) == NULL)
		err(1, "%s", argv[optind]);

	daemon_start();
	daemon_clean_fd(STDERR_FILENO);
	root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root == -1)
		err(1, "%s", directory);
	if ((count = daemon_listen(address, port, fds, MAX_SOCKETS)) == -1)
		return 1;
	if (strtol(port, NULL, 10) == 0)
		print_port(fds[0]);
	/* If SIGALRM was ignored at the start, no limit would work. */
	signal(SIGALRM, SIG_DFL);
	daemon_master();
	daemon_success();
	for (i = daemon_server(fds, count); i >= 0;
	    i = daemon_next_connection()) {
		serve(root);
		alarm(0);	/* the next client may take long to come */
	}
	return 0;
}
