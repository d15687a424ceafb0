/*
 * check_spare.c - workers that are forked before their clients come, and
 * workers that serve one client after another
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#ifdef HAVE_SYS_EVENTFD_H
#include <sys/eventfd.h>
#endif
#if defined(__has_include)
#if __has_include(<linux/userfaultfd.h>)
#include <linux/userfaultfd.h>
#endif
#endif
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>
#include <wchar.h>

#include "accept.h"
#include "puppet.h"
#include "sockets.h"

enum {
	CROWD = 24,
	CHILDREN = 64,
	HIGH = 200	/* descriptors above all others */
};

/* The program's settings. */
static int workers_max = 100, connections_max, stop_timeout = 5;
static int reuses;	/* daemon_next_connection() */
static void (*in_worker)(void);

/*
 * The program: a worker answers each line
 */

static int inherited;	/* descriptors from the process that runs the tests */

/* How many descriptors it has from 3 on, without the one for facts. */
static long
own_descriptors(void)
{
	int fd, count = 0;

	for (fd = FACTS + 1; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) != -1;
	return count - inherited;
}

static void
answer_peer(void)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof addr;

	if (daemon_peer((struct sockaddr *)&addr, &len) == -1)
		printf("none\n");
	else
		printf("%d\n", ntohs(addr.sin_port));
}

/* What a compromised or badly written worker can do. */

static void
close_all(void)
{
	int fd;

	for (fd = FACTS + 1; fd < 256; fd++)
		close(fd);
}

static void
shut_sockets(void)
{
	int fd, listens;
	socklen_t len = sizeof listens;

	for (fd = FACTS + 1; fd < 256; fd++)
		if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
		    &len) == 0 && !listens)
			shutdown(fd, SHUT_RDWR);
}

/* Writes these pids, over and over, wherever it shares memory; its own, if
 * there are none. */
static void
fill_shared_memory(const char *numbers)
{
	unsigned long start, end;
	pid_t *word, pids[CHILDREN] = { getpid() };
	char line[512], rights[8], *rest;
	FILE *maps = fopen("/proc/self/maps", "r");
	int i, count = 0;

	for (; (i = (int)strtol(numbers, &rest, 10)) != 0; numbers = rest)
		pids[count++] = i;
	if (count == 0)
		count = 1;
	while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
		if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3 &&
		    strcmp(rights, "rw-s") == 0)
			for (i = 0, word = (pid_t *)start;
			    word < (pid_t *)end; word++)
				*word = pids[i++ % count];
	if (maps != NULL)
		fclose(maps);
}

#ifdef HAVE_SYS_EVENTFD_H

/* Wakes all that it can, for ever. */
static void
call_for_ever(void)
{
	uint64_t one = 1;
	char path[32], target[32];
	int fd;

	for (fd = FACTS + 1; fd < HIGH; fd++) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		memset(target, 0, sizeof target);
		if (readlink(path, target, sizeof target - 1) > 0 &&
		    strcmp(target, "anon_inode:[eventfd]") == 0)
			break;
	}
	printf("%d\n", fd < HIGH);
	for (;;)
		if (write(fd, &one, sizeof one) != sizeof one)
			poll(NULL, 0, 1);
}

#endif

/* Makes the listeners blocking, so that others wait in accept(2). */
static void
make_listeners_wait(void)
{
	int i;

	for (i = 0; i < here.listeners; i++)
		fcntl(here.fds[i], F_SETFL,
		    fcntl(here.fds[i], F_GETFL) & ~O_NONBLOCK);
}

/* Holds the lock of the first listener: a thread calls setsockopt(2), which
 * takes the lock, and sleeps for ever in a page fault. Returns whether it
 * does. */

#if defined(UFFD_API) && defined(SYS_userfaultfd) && defined(TCP_MD5SIG)

static char *half_there;	/* its second page never comes */
static volatile int let_go;

static void *
take_lock(void *size)
{
	setsockopt(here.fds[0], IPPROTO_TCP, TCP_MD5SIG,
	    half_there + (size_t)getpagesize() - sizeof(int),
	    *(socklen_t *)size);
	let_go = 1;
	return NULL;
}

static int
never_comes(char *page)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register faults = {
		.range = { (uintptr_t)page, (unsigned long)getpagesize() },
		.mode = UFFDIO_REGISTER_MODE_MISSING
	};

	return fd != -1 && ioctl(fd, UFFDIO_API, &api) == 0 &&
	    ioctl(fd, UFFDIO_REGISTER, &faults) == 0;
}

/* Whether another process would wait for the lock. */
static int
is_locked(void)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	pid_t pid = fork();

	if (pid == 0) {
		getsockname(here.fds[0], (struct sockaddr *)&addr, &len);
		_exit(0);
	}
	while (!let_go && state_of(pid) != 'D' && state_of(pid) != 'Z')
		poll(NULL, 0, 1);
	return state_of(pid) == 'D';
}

static long
hold_lock(void)
{
	static socklen_t size = sizeof(struct tcp_md5sig);
	size_t page = (size_t)getpagesize();
	pthread_t thread;
	int off = 0;

	/* A server that sets it again must take the lock. */
	setsockopt(here.fds[0], IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
	half_there = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*half_there = 1;
	if (!never_comes(half_there + page) ||
	    pthread_create(&thread, NULL, take_lock, &size) != 0)
		return 0;
	while (!let_go && !is_locked())
		;
	return !let_go;
}

#else

static long
hold_lock(void)
{
	return 0;
}

#endif

/* Puts descriptors of its own in the place of all that were open. */

enum kind { LISTENER, EVENT, PIPE, FILES, KINDS };

static struct usurped {
	int fd;
	enum kind kind;
	int other;	/* a pipe's other end */
	ino_t ino;
} usurped[CHILDREN];
static int usurped_count;

static void
open_as(struct usurped *u)
{
	struct stat file;
	int ends[2], fd = -1;

	switch (u->kind) {
	case LISTENER:
		if ((fd = socket(AF_INET, SOCK_STREAM, 0)) != -1)
			listen(fd, 5);
		break;
#ifdef HAVE_SYS_EVENTFD_H
	case EVENT:
		fd = eventfd(0, EFD_NONBLOCK);
		break;
#endif
	case FILES:
		fd = fileno(tmpfile());
		break;
	default:
		if (pipe(ends) == -1)
			break;
		fd = ends[1];
		u->other = fcntl(ends[0], F_DUPFD, HIGH);
		fcntl(u->other, F_SETFL, O_NONBLOCK);
		close(ends[0]);
	}
	if (fd != u->fd) {
		dup2(fd, u->fd);
		close(fd);
	}
	u->ino = fstat(u->fd, &file) == 0 ? file.st_ino : 0;
}

/* Uses each kind in turn, this one first. Returns how many descriptors there
 * are. */
static int
usurp(int first)
{
	int fd, i;

	for (fd = FACTS + 1; fd < HIGH; fd++)
		if (fcntl(fd, F_GETFD) != -1 && usurped_count < CHILDREN)
			usurped[usurped_count++].fd = fd;
	close_all();
	for (i = 0; i < usurped_count; i++) {
		usurped[i].kind = (first + i) % KINDS;
		open_as(&usurped[i]);
	}
	return usurped_count;
}

static int
is_as_it_was(const struct usurped *u)
{
	struct stat file;
	int listens = 0;
	socklen_t len = sizeof listens;
	char byte[8];

	if (fstat(u->fd, &file) == -1 || file.st_ino != u->ino)
		return 0;
	switch (u->kind) {
	case LISTENER:
		return getsockopt(u->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
		    &len) == 0 && listens;
	case FILES:
		return file.st_size == 0 && lseek(u->fd, 0, SEEK_CUR) == 0;
#ifdef HAVE_SYS_EVENTFD_H
	case EVENT:
		return read(u->fd, byte, sizeof byte) == -1 &&
		    errno == EAGAIN;
#endif
	default:
		return read(u->other, byte, sizeof byte) == -1 &&
		    errno == EAGAIN;
	}
}

static long
damaged(void)
{
	int i, count = 0;

	for (i = 0; i < usurped_count; i++)
		count += !is_as_it_was(&usurped[i]);
	return count;
}

static long
leak_descriptors(void)
{
	struct rlimit few = { 64, 64 };
	int count = 0;

	setrlimit(RLIMIT_NOFILE, &few);
	while (dup(FACTS) != -1)
		count++;
	return count > 0;
}

/* Puts a file of its own in the place of the listener. */
static long
replace_listener(void)
{
	int file = open("/dev/zero", O_RDONLY);

	return dup2(file, here.fds[0]) == here.fds[0];
}

static long
listener_is_zero(void)
{
	char byte = 1;

	return read(here.fds[0], &byte, 1) == 1 && byte == 0;
}

static long
has_no_delay(void)
{
	int on = 0;
	socklen_t len = sizeof on;

	return getsockopt(STDOUT_FILENO, IPPROTO_TCP, TCP_NODELAY, &on,
	    &len) == 0 && on;
}

static long
disconnect(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return connect(here.fds[0], &none, sizeof none);
}

/* Makes the listener a client of itself. */
static long
connect_listener(void)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	getsockname(here.fds[0], (struct sockaddr *)&addr, &len);
	disconnect();
	if (connect(here.fds[0], (struct sockaddr *)&addr, len) == -1 &&
	    errno != EINPROGRESS && errno != ECONNREFUSED)
		return -1;
	return 0;
}

static void
ignore_term(void)
{
	signal(SIGTERM, SIG_IGN);
}

/* Commands with a number as the reply. */

static long
close_listener(void)
{
	return close(here.fds[0]);
}

static long
usurp_from(void)
{
	return usurp(atoi(here.rest));
}

static long
break_listener(void)
{
	return shutdown(here.fds[0], SHUT_RD);
}

static long
break_all(void)
{
	return shutdown(here.fds[0], SHUT_RDWR);
}

static long
clean(void)
{
	return daemon_clean_fd(FACTS);
}

/* Commands without one. */

static void
fill(void)
{
	fill_shared_memory(here.rest);
}

static void
say_wide(void)
{
	fputws(L"wide\n", stdout);
	fflush(stdout);
}

static void
end(void)
{
	daemon_end_connection();
	hang_up();
}

static void
close_stdin(void)
{
	close(STDIN_FILENO);
	hang_up();
}

static void
fclose_stdin(void)
{
	fclose(stdin);
	hang_up();
}

static void
shut_down(void)
{
	shutdown(STDOUT_FILENO, SHUT_RDWR);
}

static void
buffer_fully(void)
{
	setvbuf(stdout, NULL, _IOFBF, BUFSIZ);
}

static void
leave_unflushed(void)
{
	buffer_fully();
	printf("stale");
	hang_up();
}

static const struct command commands[] = {
	{ "close listener", NULL, close_listener },
	{ "close all", close_all, NULL },
	{ "shut", shut_sockets, NULL },
	{ "fill", fill, NULL },
	{ "wait", make_listeners_wait, NULL },
#ifdef HAVE_SYS_EVENTFD_H
	{ "call", call_for_ever, NULL },
#endif
	{ "usurp", NULL, usurp_from },
	{ "damaged", NULL, damaged },
	{ "unblock", unblock_all, NULL },
	{ "leak", NULL, leak_descriptors },
	{ "replace", NULL, replace_listener },
	{ "zero", NULL, listener_is_zero },
	{ "hold", NULL, hold_lock },
	{ "wide", say_wide, NULL },
	{ "end", end, NULL },
	{ "peer", answer_peer, NULL },
	{ "no delay", NULL, has_no_delay },
	{ "descriptors", NULL, own_descriptors },
	{ "clean", NULL, clean },
	{ "break all", NULL, break_all },
	{ "break", NULL, break_listener },
	{ "disconnect", NULL, disconnect },
	{ "connect", NULL, connect_listener },
	{ "close", close_stdin, NULL },
	{ "fclose", fclose_stdin, NULL },
	{ "shutdown", shut_down, NULL },
	{ "full", buffer_fully, NULL },
	{ "unflushed", leave_unflushed, NULL },
	{ NULL, NULL, NULL }
};

static void
set_up(void)
{
	inherited = (int)own_descriptors() - here.listeners;
	daemon_set_worker_count_max(workers_max);
	daemon_set_worker_connection_max(connections_max);
	daemon_set_stop_timeout(stop_timeout);
}

static void
program(void)
{
	int i = serve();

	if (in_worker != NULL)
		in_worker();
	do
		converse(i);
	while (reuses && (i = daemon_next_connection()) >= 0);
	if (reuses) {
		tell("finished", daemon_stop_requested());
		tell("holds", own_descriptors());
		tell("next", daemon_next_connection());
		tell("damaged", damaged());
	}
}

/*
 * The test's side
 */

static const char *host = "127.0.0.1";
static int fixed_port;	/* the kernel does not choose it */

/* The program inherits the listeners, but treats them as its own. */
static int
listen_at(const char *port)
{
	int fd;

	ck_assert_int_eq(daemon_listen(host, port, &fd, 1), 1);
	return fd;
}

static int
open_listener(int *port)
{
	char text[8];
	int fd;

	snprintf(text, sizeof text, "%d", fixed_port ? reserve_port() : 0);
	fd = listen_at(text);
	*port = port_of(fd);
	return fd;
}

static pid_t
serves_one(int port)
{
	pid_t worker;
	int fd = served(port, &worker);

	close(fd);
	return worker;
}

/* Sends it, and waits for the end of the connection. */
static void
leaves(int fd, const char *line)
{
	client_says(fd, line);
	hears(fd, NULL);
	close(fd);
}

/* A broken listener gives up a port that the kernel chose. No other test can
 * get that port while a client is connected there, nor in the minute after a
 * worker has closed its connection first. */
static void
keep_port(int port)
{
	leaves(served(port, NULL), "bye\n");
}

/* Waits until there are this many children, all of them idle spares. */
static void
wait_for_spares(int wanted, pid_t *pids)
{
	int i, count, waiting;
	long since = 0;

	for (;;) {
		count = children_of(here.server, pids, CHILDREN);
		for (i = waiting = 0; i < count; i++)
			waiting += state_of(pids[i]) == 'S';
		if (count == wanted && waiting == wanted)
			return;
		look_again(&since, "spares that wait");
	}
}

static int
is_child(pid_t pid)
{
	pid_t pids[CHILDREN];
	int count = children_of(here.server, pids, CHILDREN);

	while (count > 0)
		if (pids[--count] == pid)
			return 1;
	return 0;
}

static void
says_nothing_for(int ms)
{
	ck_assert_msg(no_message(ms), "%s", message());
}

/*
 * Spares
 */

START_TEST(spares_are_there_before_any_client)
{
	pid_t worker, pids[CHILDREN];
	int i, fd, known = 0;

	start(1, program);
	wait_for_spares(4, pids);
	fd = served(here.port, &worker);
	for (i = 0; i < 4; i++)
		known += pids[i] == worker;
	ck_assert_int_eq(known, 1);
	close(fd);
	stop();
}
END_TEST

START_TEST(spares_that_are_used_up_are_followed_by_others)
{
	pid_t workers[CROWD];
	int fds[CROWD], i, k;

	start(1, program);
	for (i = 0; i < CROWD; i++)
		fds[i] = served(here.port, &workers[i]);
	for (i = 0; i < CROWD; i++)
		for (k = 0; k < i; k++)
			ck_assert_int_ne(workers[i], workers[k]);
	for (i = 0; i < CROWD; i++) {
		ck_assert_pstr_eq(answer(fds[i], "still here"), "still here");
		close(fds[i]);
	}
	stop();
}
END_TEST

START_TEST(spares_are_workers_and_no_more_than_may_be)
{
	int first, second, third, waiting;
	pid_t worker;

	here.spares = 8;
	workers_max = 3;
	start(1, program);
	has_children(here.server, 3);
	first = served(here.port, &worker);
	second = served(here.port, &worker);
	third = served(here.port, &worker);
	waiting = client(here.port);
	client_says(waiting, "who\n");
	settled(here.server);
	has_children(here.server, 3);
	ck_assert(silent(waiting));
	close(second);
	worker = (pid_t)atoi(client_hears(waiting));
	ck_assert(is_child(worker));
	has_children(here.server, 3);
	close(first);
	close(third);
	close(waiting);
	stop();
}
END_TEST

START_TEST(one_spare_alone_is_enough_to_serve_all)
{
	int fds[CROWD], i;
	pid_t worker;

	here.spares = 1;
	start(1, program);
	for (i = 0; i < CROWD; i++)
		fds[i] = served(here.port, &worker);
	for (i = 0; i < CROWD; i++)
		close(fds[i]);
	stop();
}
END_TEST

/* While many clients wait, the server forks as many more as it can. */
START_TEST(spares_for_a_busy_server_leave_when_it_is_not)
{
	enum { MANY = 30 };
	pid_t pids[CHILDREN];
	int i, fds[MANY];
	long since = 0;

	here.spares = 1;
	start(1, program);
	wait_for_spares(1, pids);
	stopped(here.server);
	stopped(pids[0]);
	for (i = 0; i < MANY; i++) {
		fds[i] = client(here.port);
		client_says(fds[i], "who\n");
	}
	send_signal(pids[0], SIGCONT);
	send_signal(here.server, SIGCONT);
	for (i = 0; i < MANY; i++)
		ck_assert_int_gt(atoi(client_hears(fds[i])), 1);
	while (children_of(here.server, pids, CHILDREN) > MANY + 2)
		look_again(&since, "the others to leave");
	for (i = 0; i < MANY; i++)
		close(fds[i]);
	while (children_of(here.server, pids, CHILDREN) > 2)
		look_again(&since, "only spares");
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(spares_of_one_port_do_not_starve_another)
{
	int fds[CROWD], i, other;

	here.spares = 1;
	start(2, program);
	/* More clients wait at the first listener than the server may serve at
	 * once. */
	for (i = 0; i < CROWD; i++)
		fds[i] = client(here.port);
	other = client(here.ports[1]);
	ck_assert_int_eq(number(other, "where"), 1);
	for (i = 0; i < CROWD; i++) {
		ck_assert_int_eq(number(fds[i], "where"), 0);
		close(fds[i]);
	}
	close(other);
	stop();
}
END_TEST

START_TEST(spares_take_turns_where_all_ports_are_busy)
{
	int fds[2][CROWD], i, k, at[2] = { 0, 0 };

	workers_max = 2;
	here.spares = 2;
	start(2, program);
	for (i = 0; i < 2; i++)
		for (k = 0; k < CROWD; k++) {
			fds[i][k] = client(here.ports[i]);
			client_says(fds[i][k], "where\nbye\n");
		}
	for (k = 0; k < CROWD; k++)
		for (i = 0; i < 2; i++) {
			ck_assert_int_eq(atoi(client_hears(fds[i][k])), i);
			at[i]++;
			close(fds[i][k]);
		}
	ck_assert_int_eq(at[0], at[1]);
	stop();
}
END_TEST

START_TEST(spares_that_wait_end_at_a_reload_and_nobody_is_cut_off)
{
	pid_t worker, old = 0;
	int fd;

	start(1, program);
	old = here.server;
	fd = served(here.port, &worker);
	send_signal(here.master, SIGHUP);
	/* All but the one that serves, for which the server waits. */
	has_children(here.server, 1);
	ck_assert(is_child(worker));
	is_asked(fd, SIGHUP);
	leaves(fd, "bye\n");
	next_server();
	ck_assert_int_ne(here.server, old);
	has_children(here.server, 4);
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(spares_end_with_their_server_whatever_ends_it)
{
	static const int signals[] = { SIGUSR2, SIGINT, SIGQUIT, SIGTERM };
	size_t i;

	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		start(1, program);
		has_children(here.server, 4);
		stop_by(signals[i]);
	}
}
END_TEST

START_TEST(spares_end_at_once_at_an_immediate_reload)
{
	pid_t worker;
	int fd;

	start(1, program);
	fd = served(here.port, &worker);
	send_signal(here.master, SIGUSR1);
	hears(fd, NULL);
	close(fd);
	next_server();
	has_children(here.server, 4);
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(spares_end_where_their_server_is_killed)
{
	pid_t worker, pids[CHILDREN];
	int fd, i, count;

	start(1, program);
	wait_for_spares(4, pids);
	fd = served(here.port, &worker);
	count = children_of(here.server, pids, CHILDREN);
	ck_assert_int_ge(count, 4);
	send_signal(here.server, SIGKILL);
	next_server();
	for (i = 0; i < count; i++)
		if (pids[i] != worker)
			gone(pids[i]);
	ck_assert_pstr_eq(answer(fd, "still here"), "still here");
	close(fd);
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(a_spare_that_is_killed_while_it_waits_is_replaced)
{
	pid_t pids[CHILDREN];
	int i, fd;

	here.spares = 2;
	start(1, program);
	for (i = 0; i < 30; i++) {
		wait_for_spares(2, pids);
		/* The next client may be waking it right now. */
		fd = client(here.port);
		send_signal(pids[i % 2], SIGKILL);
		client_says(fd, "who\n");
		/* If it had this client, the connection ends. */
		if (client_hears(fd) == NULL)
			gone(pids[i % 2]);
		close(fd);
		serves_one(here.port);
	}
	has_children(here.server, 2);
	stop();
}
END_TEST

START_TEST(a_spare_that_is_killed_while_it_serves_costs_no_place)
{
	pid_t worker;
	int i, fd;

	here.spares = workers_max = 2;
	start(1, program);
	for (i = 0; i < 10; i++) {
		fd = served(here.port, &worker);
		send_signal(worker, SIGKILL);
		hears(fd, NULL);
		close(fd);
	}
	has_children(here.server, 2);
	stop();
}
END_TEST

START_TEST(a_spare_that_is_told_to_end_is_replaced)
{
	static const int signals[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGTERM };
	pid_t pids[CHILDREN];
	size_t i;

	here.spares = 1;
	start(1, program);
	for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		wait_for_spares(1, pids);
		send_signal(pids[0], signals[i]);
		gone(pids[0]);
		serves_one(here.port);
	}
	stop();
}
END_TEST

static void
note_signal(int signo)
{
	(void)signo;
}

static void
handle_all(void)
{
	static const int table[] = { SIGHUP, SIGUSR1, SIGUSR2, SIGINT,
		SIGTERM, SIGQUIT };
	size_t i;

	for (i = 0; i < sizeof table / sizeof table[0]; i++)
		signal(table[i], note_signal);
}

START_TEST(spares_end_also_where_the_program_has_handlers)
{
	here.before_server = handle_all;
	start(1, program);
	has_children(here.server, 4);
	send_signal(here.master, SIGHUP);
	next_server();
	has_children(here.server, 4);
	send_signal(here.master, SIGUSR1);
	next_server();
	has_children(here.server, 4);
	stop();
}
END_TEST

START_TEST(a_client_that_says_nothing_keeps_nobody_out)
{
	int fds[CROWD], i;

	start(1, program);
	for (i = 0; i < CROWD; i++)
		fds[i] = client(here.port);
	serves_one(here.port);
	for (i = 0; i < CROWD; i++)
		close(fds[i]);
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(clients_that_vanish_cost_nothing)
{
	int i;

	reuses = 1;
	start(1, program);
	for (i = 0; i < 200; i++) {
		reset(client(here.port));
		close(client(here.port));
	}
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(spares_cost_their_server_no_descriptor)
{
	int i, before;
	long since = 0;

	start(1, program);
	serves_one(here.port);
	settled(here.server);
	before = descriptors_of(here.server);
	for (i = 0; i < 100; i++)
		serves_one(here.port);
	/* It may be handing on a connection right now. */
	while (descriptors_of(here.server) != before)
		look_again(&since, "the server to have no more than before");
	stop();
}
END_TEST

START_TEST(new_clients_are_refused_once_all_is_to_end)
{
	pid_t worker;
	int fd;

	reuses = 1;
	start(1, program);
	fd = served(here.port, &worker);
	send_signal(here.master, SIGUSR2);
	is_asked(fd, SIGUSR2);
	has_children(here.server, 1);
	/* The worker has lost the listener, although it could take more
	 * clients. */
	nobody_listens(here.port);
	leaves(fd, "bye\n");
	ck_assert_int_eq(heard(&here.run, "finished"), SIGUSR2);
	ck_assert_int_eq(heard(&here.run, "holds"), 0);
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

/* Connects to this machine; -1: the connection was refused. */
static int
call_if(int family, int port)
{
	return family == AF_INET ? client_if(port) : client_of_v6_if(port);
}

/* Connects when the port is open. */
static int
call_of(int family, int port)
{
	long since = 0;
	int fd;

	while ((fd = call_if(family, port)) == -1)
		look_again(&since, "a port to be open");
	return fd;
}

static void
calls(int family, int port)
{
	int fd = call_of(family, port);

	ck_assert_int_eq(number(fd, "where"), 0);
	leaves(fd, "bye\n");
}

static void
tick_often(void)
{
	daemon_set_server_tick(1);
}

/* chosen: the kernel chose the port, so it is free while nothing listens. */
static void
listens_again(int family, int chosen)
{
	static const char *const ways[] = { "break\n", "break all\n",
		"disconnect\n", "connect\n", "break\n" };
	size_t i;
	int fd;

	host = family == AF_INET ? "127.0.0.1" : "::1";
	fixed_port = !chosen;
	here.foreground = 1;
	here.before_server = tick_often;
	start(1, program);
	calls(family, here.port);
	for (i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		fd = call_of(family, here.port);
		client_says(fd, ways[i]);
		ck_assert_int_eq(atoi(client_hears(fd)), 0);
		if (i == 0)
			says(message(), "it was shut down; it listens again");
		calls(family, here.port);
		close(fd);
	}
	fd = call_of(family, here.port);
	ck_assert_pstr_eq(answer(fd, "no delay"), "1");
	close(fd);
	stop();
	ck_assert_str_eq(here.run.err, "");
}

START_TEST(a_listener_that_is_broken_listens_again)
{
	listens_again(AF_INET, 0);
}
END_TEST

START_TEST(a_listener_that_is_broken_listens_again_on_its_port)
{
	listens_again(AF_INET, 1);
}
END_TEST

START_TEST(a_listener_that_is_broken_listens_again_with_ipv6)
{
	if (!cannot_use_v6())
		listens_again(AF_INET6, 0);
}
END_TEST

START_TEST(a_listener_that_is_broken_listens_again_on_its_ipv6_port)
{
	if (!cannot_use_v6())
		listens_again(AF_INET6, 1);
}
END_TEST

START_TEST(a_listener_that_is_broken_at_a_reload_listens_again)
{
	static const int reloads[] = { SIGHUP, SIGUSR1 };
	pid_t worker;
	int i, fd;

	start(1, program);
	for (i = 0; i < 2; i++) {
		fd = served(here.port, &worker);
		stopped(here.server);	/* so that it cannot repair it */
		ck_assert_int_eq(number(fd, "break"), 0);
		leaves(fd, "bye\n");
		send_signal(here.master, reloads[i]);
		send_signal(here.server, SIGCONT);
		next_server();
		calls(AF_INET, here.port);
	}
	stop();
}
END_TEST

/* The listener is closed for good after a worker has broken it. */
START_TEST(a_listener_that_is_broken_at_a_stop_stays_closed)
{
	pid_t worker;
	int fd;

	in_worker = ignore_term;
	stop_timeout = 60;
	start(1, program);
	fd = served(here.port, &worker);
	ck_assert_int_eq(number(fd, "break"), 0);
	send_signal(here.master, SIGTERM);
	gone(here.server);
	nobody_listens(here.port);
	ck_assert(running(worker));
	client_says(fd, "bye\n");
	ck_assert_int_eq(ended(here.master), 0);
	close(fd);
	nothing_left();
}
END_TEST

/* A Unix-domain socket cannot listen again. */
START_TEST(a_local_listener_that_is_broken_ends_the_daemon)
{
	int fd;

	here.open_listener = listen_locally;
	start(1, program);
	fd = local_client();
	client_says(fd, "break\n");
	ck_assert_int_eq(ended(here.master), 1 << 8);
	close(fd);
	nothing_left();
}
END_TEST

START_TEST(a_listener_that_is_broken_leaves_the_other)
{
	int fd;

	start(2, program);
	keep_port(here.port);
	fd = served(here.ports[1], NULL);
	ck_assert_int_eq(number(fd, "break"), 0);
	close(fd);
	serves_one(here.ports[1]);
	serves_one(here.ports[1]);
	calls(AF_INET, here.port);
	stop();
}
END_TEST

static void
execute(void)
{
	char *argv[] = { (char *)"sh", (char *)"-c",
		(char *)"ls -l /proc/self/fd | grep -c -e socket:", NULL };

	close(FACTS);
	execvp(argv[0], argv);
}

START_TEST(a_program_that_a_spare_executes_has_its_connection_alone)
{
	int fd;

	in_worker = execute;
	start(1, program);
	fd = client(here.port);
	/* stdin and stdout; where grep and ls differ, these are pipes. */
	ck_assert_int_le(atoi(client_hears(fd)), 2);
	hears(fd, NULL);
	close(fd);
	stop();
}
END_TEST

/*
 * Workers that misbehave
 */

static long
switches_of(pid_t pid)
{
	char path[64], line[128];
	long n, sum = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %ld", &n) == 1)
			sum += n;
	fclose(file);
	return sum;
}

/* The server has little to do while others are served. */
static void
spins_not(int port)
{
	long before;
	int i;

	settled(here.server);
	before = switches_of(here.server);
	for (i = 0; i < 5; i++)
		serves_one(port);
	settled(here.server);
	ck_assert_int_lt(switches_of(here.server) - before, 200);
}

START_TEST(a_worker_that_has_closed_the_listener_takes_no_other_client)
{
	static const char *const ways[] = { "close listener\n",
		"close all\n" };
	pid_t worker;
	size_t i;
	int fd;

	reuses = 1;
	here.spares = 2;
	start(1, program);
	for (i = 0; i < 8; i++) {
		fd = served(here.port, &worker);
		client_says(fd, ways[i % 2]);
		if (i % 2 == 0)
			ck_assert_ptr_nonnull(client_hears(fd));
		leaves(fd, "bye\n");
		gone(worker);
		serves_one(here.port);
	}
	spins_not(here.port);
	stop();
}
END_TEST

START_TEST(a_listener_that_is_broken_keeps_nobody_busy)
{
	int fd;

	start(2, program);
	keep_port(here.port);
	fd = served(here.ports[1], NULL);
	ck_assert_int_eq(number(fd, "break"), 0);
	close(fd);
	serves_one(here.ports[1]);
	spins_not(here.ports[1]);
	stop();
}
END_TEST

START_TEST(a_worker_without_descriptors_takes_no_other_client)
{
	pid_t worker;
	int fd;

	reuses = 1;
	here.spares = workers_max = 1;
	start(1, program);
	fd = served(here.port, &worker);
	ck_assert_int_eq(number(fd, "leak"), 1);
	client_says(fd, "bye\n");
	hears(fd, NULL);
	close(fd);
	ck_assert_int_ne(serves_one(here.port), worker);
	stop();
}
END_TEST

START_TEST(a_worker_that_shuts_all_sockets_keeps_the_server_from_nothing)
{
	pid_t worker;
	int fd, i;

	here.spares = 1;
	start(1, program);
	fd = served(here.port, &worker);
	leaves(fd, "shut\nbye\n");
	for (i = 0; i < 3; i++)
		serves_one(here.port);
	spins_not(here.port);
	stop();
}
END_TEST

START_TEST(a_worker_that_takes_all_seats_keeps_nobody_out_for_long)
{
	pid_t worker;
	int fd, i;

	here.before_server = tick_often;
	here.spares = 2;
	start(1, program);
	fd = served(here.port, &worker);
	client_says(fd, "fill\n");
	ck_assert_pstr_eq(answer(fd, "still here"), "still here");
	for (i = 0; i < 4; i++)
		serves_one(here.port);
	close(fd);
	stop();
}
END_TEST

static void
tell_and_die(void)
{
	tell("forked", 1);
	_exit(1);
}

static void
die_after_each_fork(void)
{
	pthread_atfork(NULL, NULL, tell_and_die);
}

START_TEST(spares_that_end_at_once_are_not_forked_without_a_pause)
{
	struct timespec begin, end;
	int i;

	here.spares = 1;
	here.before_server = die_after_each_fork;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	start(1, program);
	for (i = 0; i < 4; i++)
		heard(&here.run, "forked");
	clock_gettime(CLOCK_MONOTONIC, &end);
	/* The pauses are 0.1, 0.2 and 0.4 seconds. */
	ck_assert_int_ge((end.tv_sec - begin.tv_sec) * 1000 +
	    (end.tv_nsec - begin.tv_nsec) / 1000000, 600);
	stop();
}
END_TEST

START_TEST(a_worker_keeps_a_file_where_the_listener_was)
{
	pid_t worker;
	int fd;

	reuses = 1;
	start(1, program);
	fd = served(here.port, &worker);
	ck_assert_int_eq(number(fd, "replace"), 1);
	send_signal(worker, SIGHUP);
	is_asked(fd, SIGHUP);
	ck_assert_int_eq(number(fd, "zero"), 1);
	close(fd);
	stop();
}
END_TEST

START_TEST(nobody_listens_where_the_master_is_killed)
{
	pid_t worker;
	int fd;

	reuses = 1;
	start(1, program);
	fd = served(here.port, &worker);
	send_signal(here.master, SIGKILL);
	is_asked(fd, SIGUSR2);
	gone(here.master);
	has_children(here.server, 1);
	nobody_listens(here.port);
	leaves(fd, "bye\n");
	ck_assert_int_eq(heard(&here.run, "finished"), SIGUSR2);
	nothing_left();
}
END_TEST

/*
 * One connection after another
 */

static void
one_that_reuses(int listeners)
{
	reuses = 1;
	here.spares = workers_max = 1;
	start(listeners, program);
}

START_TEST(a_worker_takes_one_client_after_another)
{
	pid_t worker, first;
	int i, fd, port;
	struct sockaddr_in addr;
	socklen_t len;

	one_that_reuses(1);
	fd = served(here.port, &first);
	for (i = 0; i < 20; i++) {
		leaves(fd, "bye\n");
		fd = served(here.port, &worker);
		ck_assert_int_eq(worker, first);
		len = sizeof addr;
		getsockname(fd, (struct sockaddr *)&addr, &len);
		port = ntohs(addr.sin_port);
		ck_assert_int_eq(number(fd, "peer"), port);
	}
	close(fd);
	stop();
}
END_TEST

START_TEST(a_worker_knows_from_which_listener_each_client_came)
{
	pid_t worker, first = 0;
	int i, fd;

	one_that_reuses(2);
	for (i = 0; i < 10; i++) {
		fd = served(here.ports[i % 2], &worker);
		if (i == 0)
			first = worker;
		ck_assert_int_eq(worker, first);
		ck_assert_int_eq(number(fd, "where"), i % 2);
		leaves(fd, "bye\n");
	}
	stop();
}
END_TEST

/* After this line of one client, the worker's next client finds everything
 * new. */
static void
is_fresh_after(const char *last)
{
	pid_t worker, first;
	int fd;

	one_that_reuses(1);
	fd = served(here.port, &first);
	client_says(fd, last);
	shutdown(fd, SHUT_WR);
	while (client_hears(fd) != NULL)
		;
	close(fd);
	fd = served(here.port, &worker);
	ck_assert_int_eq(worker, first);
	/* Nothing is left of the last client, and output is not delayed. */
	ck_assert_pstr_eq(answer(fd, "hello"), "hello");
	ck_assert_pstr_eq(answer(fd, "again"), "again");
	leaves(fd, "bye\n");
	stop();
}

START_TEST(a_client_gets_nothing_that_the_last_one_sent)
{
	is_fresh_after("bye\nunread\nand more of it");
}
END_TEST

START_TEST(a_client_does_not_meet_the_last_ones_end)
{
	is_fresh_after("half a line");
}
END_TEST

START_TEST(a_client_is_served_after_a_closed_stdin)
{
	is_fresh_after("close\n");
}
END_TEST

START_TEST(a_client_is_served_after_stdin_was_closed_as_a_stream)
{
	is_fresh_after("fclose\n");
}
END_TEST

START_TEST(a_client_is_served_after_a_shutdown)
{
	is_fresh_after("shutdown\nbye\n");
}
END_TEST

START_TEST(a_client_is_answered_line_by_line_after_full_buffers)
{
	is_fresh_after("full\nbye\n");
}
END_TEST

START_TEST(a_client_is_answered_after_wide_characters)
{
	is_fresh_after("wide\nbye\n");
}
END_TEST

START_TEST(a_worker_that_has_finished_gets_no_client_if_it_asks_again)
{
	int fd;
	pid_t worker;

	connections_max = 1;
	one_that_reuses(1);
	fd = served(here.port, &worker);
	leaves(fd, "bye\n");
	ck_assert_int_eq(heard(&here.run, "finished"), 0);
	ck_assert_int_eq(heard(&here.run, "next"), -1);
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(a_client_is_served_after_a_connection_that_was_ended_before)
{
	is_fresh_after("end\n");
}
END_TEST

START_TEST(a_client_gets_what_was_not_flushed_before_its_end)
{
	pid_t worker;
	int fd;

	one_that_reuses(1);
	fd = served(here.port, &worker);
	client_says(fd, "unflushed\n");
	hears(fd, "stale");
	hears(fd, NULL);
	close(fd);
	fd = served(here.port, &worker);
	ck_assert_pstr_eq(answer(fd, "hello"), "hello");
	close(fd);
	stop();
}
END_TEST

/* With unread input, a close would send a reset. */
START_TEST(a_client_whose_words_were_not_read_sees_an_end_and_no_reset)
{
	pid_t worker;
	char byte;
	int fd, i;

	one_that_reuses(1);
	for (i = 0; i < 20; i++) {
		fd = served(here.port, &worker);
		client_says(fd, "one\n");
		hears(fd, "one");
		client_says(fd, "bye\ntwo\nthree\n");
		ck_assert_int_eq(read(fd, &byte, 1), 0);
		close(fd);
	}
	stop();
}
END_TEST

START_TEST(a_worker_that_has_had_its_share_finishes)
{
	pid_t worker, first;
	int i, fd;

	connections_max = 3;
	one_that_reuses(1);
	fd = served(here.port, &first);
	for (i = 1; i < 3; i++) {
		leaves(fd, "bye\n");
		fd = served(here.port, &worker);
		ck_assert_int_eq(worker, first);
	}
	leaves(fd, "bye\n");
	ck_assert_int_eq(heard(&here.run, "finished"), 0);
	ck_assert_int_eq(heard(&here.run, "holds"), 0);
	fd = served(here.port, &worker);
	ck_assert_int_ne(worker, first);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_worker_that_is_asked_to_finish_takes_no_other_client)
{
	pid_t worker, first;
	int fd;

	one_that_reuses(1);
	fd = served(here.port, &first);
	send_signal(first, SIGHUP);
	is_asked(fd, SIGHUP);
	leaves(fd, "bye\n");
	ck_assert_int_eq(heard(&here.run, "finished"), SIGHUP);
	ck_assert_int_eq(heard(&here.run, "holds"), 0);
	fd = served(here.port, &worker);
	ck_assert_int_ne(worker, first);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_worker_that_waits_again_ends_at_a_reload)
{
	pid_t first;

	one_that_reuses(1);
	first = serves_one(here.port);
	settled(first);
	send_signal(here.master, SIGHUP);
	ck_assert_int_eq(heard(&here.run, "finished"), SIGHUP);
	next_server();
	ck_assert_int_ne(serves_one(here.port), first);
	stop();
}
END_TEST

START_TEST(a_worker_that_waits_again_ends_where_the_program_has_handlers)
{
	here.before_server = handle_all;
	one_that_reuses(1);
	settled(serves_one(here.port));
	stop();
}
END_TEST

START_TEST(a_worker_that_waits_again_ends_where_its_server_is_killed)
{
	one_that_reuses(1);
	settled(serves_one(here.port));
	send_signal(here.server, SIGKILL);
	ck_assert_int_eq(heard(&here.run, "finished"), 0);
	next_server();
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(workers_finish_where_enough_spares_wait)
{
	pid_t workers[CROWD];
	int fds[CROWD], i;

	reuses = 1;
	start(1, program);
	for (i = 0; i < CROWD; i++)
		fds[i] = served(here.port, &workers[i]);
	for (i = 0; i < CROWD; i++)
		leaves(fds[i], "bye\n");
	/* All of these stay. */
	has_children(here.server, 2 * here.spares);
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(a_worker_keeps_what_it_waits_by_when_it_cleans_up)
{
	pid_t worker, first;
	int fd;

	one_that_reuses(1);
	fd = served(here.port, &first);
	ck_assert_int_eq(number(fd, "clean"), 0);
	leaves(fd, "bye\n");
	fd = served(here.port, &worker);
	ck_assert_int_eq(worker, first);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_worker_holds_no_more_however_many_clients_it_has)
{
	int i, fd, before;
	pid_t worker;

	one_that_reuses(1);
	fd = served(here.port, &worker);
	leaves(fd, "bye\n");
	settled(worker);	/* by now it can wait for clients */
	fd = served(here.port, &worker);
	before = number(fd, "descriptors");
	for (i = 0; i < 50; i++) {
		leaves(fd, "bye\n");
		fd = served(here.port, &worker);
	}
	ck_assert_int_eq(number(fd, "descriptors"), before);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_crowd_of_clients_is_served_by_few)
{
	int fds[CROWD], i, round;
	pid_t worker;

	reuses = 1;
	here.spares = workers_max = 3;
	start(1, program);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < CROWD; i++) {
			fds[i] = client(here.port);
			client_says(fds[i], "who\nbye\n");
		}
		for (i = 0; i < CROWD; i++) {
			worker = (pid_t)atoi(client_hears(fds[i]));
			ck_assert_int_gt(worker, 1);
			hears(fds[i], NULL);
			close(fds[i]);
		}
	}
	stop();
}
END_TEST

/*
 * What workers hold, and what they make of it
 */

/* The open(2) flags of a descriptor. */
static int
flags_of(pid_t pid, int fd)
{
	char path[64], line[128];
	unsigned flags = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/fdinfo/%d", (long)pid, fd);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	fclose(file);
	return (int)flags;
}

/* Whether this process has it, and so all that it has started. */
static int
test_has(const char *target)
{
	char wanted[64];
	int fd;

	snprintf(wanted, sizeof wanted, "%s", target);
	for (fd = 0; fd < 256; fd++)
		if (strcmp(link_of_fd(getpid(), fd), wanted) == 0)
			return 1;
	return 0;
}

/* How many sockets except its connection, and how many writable pipes, a
 * process has, without those that it had at first. */
static int
sockets_and_pipes_of(pid_t pid)
{
	int fd, count = 0;
	const char *target;

	for (fd = FACTS + 1; fd < 256; fd++) {
		target = link_of_fd(pid, fd);
		if (strncmp(target, "socket:", 7) == 0)
			count++;
		else if (strncmp(target, "pipe:", 5) == 0 &&
		    (flags_of(pid, fd) & O_ACCMODE) != O_RDONLY)
			count += !test_has(target);
	}
	return count;
}

/* The server would have to close a socket's queue, which may take long, and a
 * writer to a pipe can hold its lock. */
START_TEST(a_spare_has_neither_socket_nor_pipe_to_tell_its_server_by)
{
	pid_t worker, pids[CHILDREN];
	long since = 0;
	int fd;

#if !defined(HAVE_SYS_EVENTFD_H) || !defined(HAVE_PREADV2)
	if (skip_if(1, "this system has no eventfd(2) that never waits"))
		return;
#endif
	here.spares = 1;
	start(2, program);
	wait_for_spares(1, pids);
	/* It may not be recorded yet, and have the status pipe open. */
	while (sockets_and_pipes_of(pids[0]) != here.listeners)
		look_again(&since, "a spare without pipes");
	fd = served(here.port, &worker);
	ck_assert_int_eq(sockets_and_pipes_of(worker), here.listeners);
	close(fd);
	stop();
}
END_TEST

/* The file status flags are shared by all processes that hold it. */
START_TEST(a_worker_that_makes_listeners_wait_makes_nobody_deaf)
{
	static const int signals[] = { SIGHUP, SIGTERM };
	pid_t worker, last;
	int i, k, fd;

	here.before_server = tick_often;
	here.spares = 2;
	for (i = 0; i < 2; i++) {
		start(2, program);
		fd = served(here.port, &worker);
		ck_assert_pstr_eq(answer(fd, "wait\nhello"), "hello");
		for (k = 0; k < 3; k++)
			serves_one(here.ports[k % 2]);
		/* A server would look for clients at its tick. */
		ck_assert(silent_for(fd, 1500));
		close(fd);
		last = here.server;
		send_signal(here.master, signals[i]);
		gone(last);
		if (signals[i] == SIGTERM)
			break;
		next_server();
		serves_one(here.port);
		stop();
	}
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

/*
 * A server without spares, and a worker of one that had some
 */

static void
only_the_first_has_spares(void)
{
	tick_often();
	if (__atomic_fetch_add(&failing->calls, 1, __ATOMIC_SEQ_CST) > 0)
		daemon_set_worker_spare_count(0);
}

/* A client of that worker, which obeys nothing; -1: the test is left out. */
static int
client_of_an_earlier_worker(void)
{
	pid_t last;
	int fd;

	if (cannot_adopt())
		return -1;
	make_failing();
	in_worker = ignore_term;
	here.before_server = only_the_first_has_spares;
	here.spares = 1;
	stop_timeout = 1;
	start(2, program);
	fd = served(here.port, NULL);
	last = here.server;
	send_signal(here.master, SIGUSR1);
	next_server();
	reaped(last);
	has_children(here.master, 2);
	return fd;
}

/* It comes first, and the one that accepts next sleeps. */
static void
steals_a_client(void)
{
	int fd;

	steal_at(here.fds[0], BLOCKING_THEFT);
	fd = client(here.port);
	hears(fd, NULL);
	close(fd);
}

START_TEST(a_worker_of_an_earlier_server_makes_one_without_spares_not_deaf)
{
	int fd = client_of_an_earlier_worker();

	if (fd == -1)
		return;
	steals_a_client();
	send_signal(here.master, SIGUSR2);
	leaves(fd, "bye\n");
	ck_assert_int_eq(ended(here.master), 0);
	nothing_left();
}
END_TEST

START_TEST(a_worker_of_an_earlier_server_keeps_no_listener_from_its_clients)
{
	int fd = client_of_an_earlier_worker(), other;
	pid_t worker;

	if (fd == -1)
		return;
	steals_a_client();
	serves_one(here.ports[1]);
	other = served(here.port, &worker);
	ck_assert_int_eq(sockets_and_pipes_of(worker), 0);
	serves_one(here.port);
	close(other);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_worker_of_an_earlier_server_that_holds_a_lock_makes_nobody_deaf)
{
	int fd = client_of_an_earlier_worker(), waits;

	if (fd == -1)
		return;
	if (!skip_if(!number(fd, "hold"),
	    "no page fault can be made to last")) {
		waits = client(here.port);
		serves_one(here.ports[1]);
		serves_one(here.ports[1]);
		close(waits);
	}
	send_signal(here.master, SIGTERM);
	ck_assert_int_eq(ended(here.master), 0);
	close(fd);
	nothing_left();
}
END_TEST

/* A program that knows nothing of the library's descriptors may close them,
 * as by closefrom(3), and get their numbers. */
START_TEST(a_worker_that_holds_the_lock_of_a_listener_makes_nobody_deaf)
{
	pid_t worker;
	int fd, held;

	start(1, program);
	fd = served(here.port, &worker);
	held = number(fd, "hold");
	if (!skip_if(!held, "no page fault can be made to last")) {
		send_signal(here.master, SIGUSR2);
		settled(here.server);
		ck_assert(running(worker));
	}
	stop();
	close(fd);
}
END_TEST

/* It waits for the lock, and keeps nothing that others wait for. */
static void
helper_holds_the_listener_alone(pid_t worker)
{
	char path[64];
	pid_t one, other;
	FILE *children;

	has_children(here.server, 2);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children",
	    (int)here.server, (int)here.server);
	children = fopen(path, "r");
	ck_assert_int_eq(fscanf(children, "%d %d", &one, &other), 2);
	fclose(children);
	has_descriptors(one == worker ? other : one, 4);
}

START_TEST(a_helper_that_waits_for_a_lock_holds_the_listener_alone)
{
	pid_t worker;
	int fd;

	here.spares = workers_max = 1;
	start(1, program);
	fd = served(here.port, &worker);
	if (!skip_if(!number(fd, "hold"),
	    "no page fault can be made to last")) {
		send_signal(here.master, SIGUSR2);
		helper_holds_the_listener_alone(worker);
	}
	stop();
	close(fd);
}
END_TEST

START_TEST(a_worker_that_holds_the_lock_of_a_listener_keeps_no_server_out)
{
	pid_t worker;
	int fd, held;

	if (cannot_adopt())
		return;
	in_worker = ignore_term;
	stop_timeout = 1;
	start(1, program);
	fd = served(here.port, &worker);
	held = number(fd, "hold");
	if (!skip_if(!held, "no page fault can be made to last")) {
		send_signal(here.master, SIGUSR1);
		next_server();
		send_signal(here.master, SIGHUP);
		next_server();
		ck_assert(running(worker));
	}
	stop();
	close(fd);
}
END_TEST

START_TEST(a_worker_keeps_what_it_has_opened_in_place_of_all_that_there_was)
{
	char command[16];
	int fd, kind, count;
	pid_t worker;

	reuses = 1;
	here.spares = 1;
	for (kind = 0; kind < KINDS; kind++) {
		start(1, program);
		fd = served(here.port, &worker);
		snprintf(command, sizeof command, "usurp %d", kind);
		/* A listener, the lifeline, the wakeup and /dev/null. */
		count = number(fd, command);
		ck_assert_int_ge(count, 4);
		send_signal(here.master, SIGHUP);
		is_asked(fd, SIGHUP);
		ck_assert_int_eq(number(fd, "damaged"), 0);
		client_says(fd, "unblock\n");
		ck_assert_int_eq(number(fd, "asked"), SIGHUP);
		ck_assert_int_eq(number(fd, "damaged"), 0);
		leaves(fd, "bye\n");
		ck_assert_int_eq(heard(&here.run, "finished"), SIGHUP);
		ck_assert_int_eq(heard(&here.run, "next"), -1);
		ck_assert_int_eq(heard(&here.run, "damaged"), 0);
		next_server();
		stop();
	}
}
END_TEST

START_TEST(a_worker_that_has_usurped_all_takes_no_other_client)
{
	pid_t worker;
	int fd;

	reuses = 1;
	here.spares = 1;
	start(1, program);
	fd = served(here.port, &worker);
	ck_assert_int_ge(number(fd, "usurp 0"), 4);
	leaves(fd, "bye\n");
	ck_assert_int_eq(heard(&here.run, "next"), -1);
	ck_assert_int_eq(heard(&here.run, "damaged"), 0);
	serves_one(here.port);
	stop();
}
END_TEST

/* Waits until at least this many are idle, which may take the server several
 * checks. */
static void
some_wait(int wanted)
{
	pid_t pids[CHILDREN];
	int i, count, waiting = 0;
	long since = 0;

	while (waiting < wanted) {
		count = children_of(here.server, pids, CHILDREN);
		for (i = waiting = 0; i < count; i++)
			waiting += state_of(pids[i]) == 'S';
		look_again(&since, "spares that wait");
	}
}

/* Others are served while that worker lives, and later. */
static void
fills(const char *command)
{
	pid_t worker;
	int i, fd;

	fd = served(here.port, &worker);
	ck_assert_pstr_eq(answer(fd, command), "hello");
	leaves(fd, "bye\n");
	for (i = 0; i < 2; i++)
		serves_one(here.port);
}

START_TEST(a_worker_that_takes_all_slots_for_nobody_starves_no_client)
{
	here.before_server = tick_often;
	here.spares = 2;
	start(1, program);
	fills("fill 2147483632\nhello");
	some_wait(here.spares);
	fills("fill -1\nhello");
	some_wait(here.spares);
	fills("fill -2147483648 1 2147483647\nhello");
	some_wait(here.spares);
	stop();
}
END_TEST

START_TEST(a_worker_that_takes_all_slots_for_busy_ones_starves_no_client)
{
	char command[128];
	pid_t workers[4];
	int fds[4], i;

	here.before_server = tick_often;
	here.spares = 2;
	start(1, program);
	for (i = 0; i < 4; i++)
		fds[i] = served(here.port, &workers[i]);
	snprintf(command, sizeof command, "fill %ld %ld %ld %ld\nhello",
	    (long)workers[0], (long)workers[1], (long)workers[2],
	    (long)workers[3]);
	fills(command);
	for (i = 0; i < 4; i++) {
		ck_assert_pstr_eq(answer(fds[i], "still here"), "still here");
		close(fds[i]);
	}
	stop();
}
END_TEST

START_TEST(a_worker_that_calls_without_end_keeps_the_server_from_nothing)
{
	pid_t worker;
	int i, fd;

#if !defined(HAVE_SYS_EVENTFD_H) || !defined(HAVE_PREADV2)
	if (skip_if(1, "this system has no eventfd(2) that never waits"))
		return;
#endif
	start(1, program);
	fd = served(here.port, &worker);
	ck_assert_int_eq(number(fd, "call"), 1);
	for (i = 0; i < CROWD; i++)
		serves_one(here.port);
	send_signal(here.master, SIGUSR1);
	hears(fd, NULL);
	close(fd);
	next_server();
	serves_one(here.port);
	stop();
}
END_TEST

/*
 * What workers are
 */

START_TEST(each_spare_leads_a_process_group)
{
	pid_t worker, pids[CHILDREN];
	int i, fd;

	start(1, program);
	wait_for_spares(4, pids);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(getpgid(pids[i]), pids[i]);
	fd = served(here.port, &worker);
	ck_assert_int_eq(getpgid(worker), worker);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_client_of_a_spare_is_answered_without_delay)
{
	pid_t worker;
	int fd;

	one_that_reuses(1);
	/* The first connection may have been made before the server set it. */
	leaves(served(here.port, &worker), "bye\n");
	fd = served(here.port, &worker);
	ck_assert_int_eq(number(fd, "no delay"), 1);
	leaves(fd, "bye\n");
	fd = served(here.port, &worker);
	ck_assert_int_eq(number(fd, "no delay"), 1);
	close(fd);
	stop();
}
END_TEST

START_TEST(a_spare_passes_over_clients_that_have_reset)
{
	pid_t pids[CHILDREN];
	int i, fd;

	here.spares = workers_max = 1;
	start(1, program);
	wait_for_spares(1, pids);
	stopped(pids[0]);
	for (i = 0; i < 20; i++)
		reset(client(here.port));
	fd = client(here.port);
	client_says(fd, "who\n");
	send_signal(pids[0], SIGCONT);
	ck_assert_int_eq(atoi(client_hears(fd)), pids[0]);
	close(fd);
	stop();
}
END_TEST

/*
 * Ends
 */

/* Another daemon listens on the port that this one had. */
static int
listens_on(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_port = htons((unsigned short)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	ck_assert_msg(bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0 &&
	    listen(fd, 5) == 0, "port %d: %s", port, strerror(errno));
	return fd;
}

static void
refuses(int port)
{
	long since = 0;
	int fd;

	while ((fd = client_if(port)) != -1 || errno == ECONNRESET) {
		if (fd != -1)
			close(fd);
		look_again(&since, "a client to be refused");
	}
	ck_assert_int_eq(errno, ECONNREFUSED);
}

/* Stops all of them first, so that each has its signal before any obeys. */
static void
signal_all(int signo)
{
	pid_t pids[CHILDREN + 2];
	int i, count;

	stopped(pids[0] = here.master);
	stopped(pids[1] = here.server);
	count = 2 + children_of(here.server, pids + 2, CHILDREN);
	for (i = 2; i < count; i++)
		if (running(pids[i]))
			stopped(pids[i]);
	for (i = 0; i < count; i++)
		send_signal(pids[i], signo);
	/* The server may have ended some of them already. */
	for (i = 0; i < count; i++)
		kill(pids[i], SIGCONT);
}

/* As a service manager stops a daemon, or pkill(1). No process has failed. */
START_TEST(a_signal_that_reaches_all_processes_at_once_is_no_failure)
{
	pid_t pids[CHILDREN];
	int fd;

	here.foreground = 1;
	start(1, program);
	wait_for_spares(4, pids);
	signal_all(SIGHUP);
	next_server();
	serves_one(here.port);
	signal_all(SIGUSR1);
	next_server();
	fd = served(here.port, pids);
	signal_all(SIGTERM);
	hears(fd, NULL);
	close(fd);
	ck_assert_int_eq(run_wait(&here.run), 0);
	nothing_left();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* It obeys no signal, and has the listeners open. */
START_TEST(a_worker_with_handlers_of_its_own_keeps_no_port_at_a_stop)
{
	static const int signals[] = { SIGTERM, SIGUSR2, SIGINT, SIGQUIT };
	pid_t worker;
	int i, k, fd, other;

	here.before_server = handle_all;
	reuses = 1;
	stop_timeout = 100;
	for (i = 0; i < 4; i++) {
		start(2, program);
		fd = served(here.port, &worker);
		send_signal(here.master, signals[i]);
		for (k = 0; k < 2; k++) {
			refuses(here.ports[k]);
			close(other = listens_on(here.ports[k]));
		}
		ck_assert_int_eq(number(fd, "who"), worker);
		leaves(fd, "bye\n");
		ck_assert_int_eq(ended(here.master), 0);
		nothing_left();
	}
}
END_TEST

/*
 * Workers that must not be asked
 */

/* Whether a process has this signal blocked. */
static int
blocks(pid_t pid, int signo)
{
	unsigned long long set = 0;
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
	ck_assert_ptr_nonnull(file = fopen(path, "r"));
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "SigBlk: %llx", &set) == 1)
			break;
	fclose(file);
	return set >> (signo - 1) & 1;
}

START_TEST(spares_that_are_not_asked_leave_at_a_reload_all_the_same)
{
	pid_t worker, pids[CHILDREN], old;
	int i, fd;

	here.asks = 0;
	reuses = 1;
	start(1, program);
	old = here.server;
	wait_for_spares(4, pids);
	for (i = 0; i < 4; i++)
		ck_assert(!blocks(pids[i], SIGHUP) &&
		    !blocks(pids[i], SIGUSR2));
	fd = served(here.port, &worker);
	ck_assert(!blocks(worker, SIGHUP) && !blocks(worker, SIGUSR2));
	send_signal(here.master, SIGHUP);
	has_children(here.server, 1);
	ck_assert_int_eq(number(fd, "asked"), 0);
	ck_assert(running(old));
	/* It takes no further client, although it does not know why. */
	leaves(fd, "bye\n");
	ck_assert_int_eq(heard(&here.run, "finished"), 0);
	ck_assert_int_eq(heard(&here.run, "next"), -1);
	next_server();
	serves_one(here.port);
	stop();
}
END_TEST

START_TEST(a_worker_that_is_not_asked_and_waits_again_ends_at_a_reload)
{
	here.asks = 0;
	one_that_reuses(1);
	settled(serves_one(here.port));
	send_signal(here.master, SIGHUP);
	ck_assert_int_eq(heard(&here.run, "finished"), 0);
	next_server();
	settled(serves_one(here.port));
	stop_by(SIGUSR2);
}
END_TEST

/*
 * When accept(2) does not work
 */

static int *forked;	/* children of the server, in shared memory */

static void
count_fork(void)
{
	(*forked)++;
}

static void
tick_often_and_count_forks(void)
{
	tick_often();
	pthread_atfork(NULL, count_fork, NULL);
}

static void
start_with_a_failing_listener(int error)
{
	pid_t pids[CHILDREN];

	make_failing();
	forked = shared_memory(sizeof *forked);
	here.before_server = tick_often_and_count_forks;
	here.spares = 2;
	here.foreground = 1;
	start(2, program);
	serves_one(here.port);
	/* A spare that was woken in vain may still be about to call
	 * accept(2). */
	wait_for_spares(here.spares, pids);
	fail_at(here.fds[0], error, -1);
}

/* As at a stop, when the master ends the listener before the server knows. */
START_TEST(spares_do_not_leave_where_a_listener_no_longer_listens)
{
	pid_t pids[CHILDREN];
	int i, fd;

	here.foreground = 1;
	fixed_port = 1;		/* which nobody else can get meanwhile */
	start(2, program);
	wait_for_spares(4, pids);
	fd = served(here.ports[1], NULL);
	ck_assert_int_eq(number(fd, "break"), 0);
	says(message(), "on descriptor ");
	for (i = 0; i < 4; i++)
		ck_assert(is_child(pids[i]));
	close(fd);
	serves_one(here.ports[1]);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

/* A client that waits there for ever does not affect the others. */
static void
rests_alone(int error)
{
	char expected[128];
	int i, stuck, forks;
	double since;

	start_with_a_failing_listener(error);
	stuck = client(here.port);
	client_says(stuck, "who\n");
	snprintf(expected, sizeof expected, ": unable to accept a connection: "
	    "%s; trying again", strerror(error));
	says(message(), expected);
	for (i = 0; i < 5; i++)
		serves_one(here.ports[1]);
	since = seconds() - 1;
	forks = *forked;
	failing->calls = 0;
	/* The server checks at its tick, and sees the client that waits. */
	says_nothing_for(2500);
	/* A few batches, on a slow machine, and then one a second. */
	since = seconds() - since;
	ck_assert_msg(failing->calls < 100 + 20 * since, "%d calls",
	    failing->calls);
	ck_assert_msg(*forked - forks < 50 + 4 * since, "%d forks",
	    *forked - forks);
	serves_one(here.ports[1]);
	failing->error = 0;
	ck_assert_int_gt(atoi(client_hears(stuck)), 1);
	close(stuck);
	serves_one(here.port);
	stop();
	ck_assert_str_eq(here.run.err, "");
}

START_TEST(spares_let_a_listener_rest_where_accept_always_fails)
{
	rests_alone(EPERM);
}
END_TEST

START_TEST(spares_let_a_listener_rest_where_the_system_is_short)
{
	rests_alone(ENOBUFS);
}
END_TEST

/* There are as many spares as workers are allowed, so there is never room for
 * another. */
START_TEST(log_does_not_call_spares_busy_that_wait)
{
	pid_t pids[CHILDREN];
	int i, fd;

	here.spares = workers_max = 2;
	here.foreground = 1;
	start(1, program);
	wait_for_spares(2, pids);
	for (i = 0; i < 2; i++)
		stopped(pids[i]);
	fd = client(here.port);
	client_says(fd, "who\n");
	says_nothing_for(1500);
	for (i = 0; i < 2; i++)
		send_signal(pids[i], SIGCONT);
	ck_assert_int_gt(atoi(client_hears(fd)), 1);
	close(fd);
	stop();
}
END_TEST

/* Longer than any test lasts. */
static void
tick_seldom(void)
{
	daemon_set_server_tick(3600);
}

START_TEST(log_says_that_all_workers_are_busy_while_clients_wait)
{
	int fds[3], i;
	pid_t worker;

	here.before_server = tick_seldom;
	here.spares = workers_max = 2;
	here.foreground = 1;
	start(1, program);
	for (i = 0; i < 2; i++)
		fds[i] = served(here.port, &worker);
	says_nothing_for(1200);
	fds[2] = client(here.port);
	client_says(fds[2], "who\n");
	says(message(), ": unable to accept a connection: "
	    "all 2 workers are busy");
	close(fds[0]);
	ck_assert_int_gt(atoi(client_hears(fds[2])), 1);
	close(fds[1]);
	says(message(), ": unable to accept connections for ");
	close(fds[2]);
	stop();
	ck_assert_str_eq(here.run.err, "");
}
END_TEST

int
main(void)
{
	const TTest *tests[] = {
		spares_are_there_before_any_client,
		spares_that_are_used_up_are_followed_by_others,
		spares_are_workers_and_no_more_than_may_be,
		one_spare_alone_is_enough_to_serve_all,
		spares_for_a_busy_server_leave_when_it_is_not,
		spares_of_one_port_do_not_starve_another,
		spares_take_turns_where_all_ports_are_busy,
		spares_that_wait_end_at_a_reload_and_nobody_is_cut_off,
		spares_end_with_their_server_whatever_ends_it,
		spares_end_at_once_at_an_immediate_reload,
		spares_end_where_their_server_is_killed,
		a_spare_that_is_killed_while_it_waits_is_replaced,
		a_spare_that_is_killed_while_it_serves_costs_no_place,
		a_spare_that_is_told_to_end_is_replaced,
		spares_end_also_where_the_program_has_handlers,
		a_client_that_says_nothing_keeps_nobody_out,
		clients_that_vanish_cost_nothing,
		spares_cost_their_server_no_descriptor,
		new_clients_are_refused_once_all_is_to_end,
		a_listener_that_is_broken_listens_again,
		a_listener_that_is_broken_listens_again_on_its_port,
		a_listener_that_is_broken_listens_again_with_ipv6,
		a_listener_that_is_broken_listens_again_on_its_ipv6_port,
		a_listener_that_is_broken_at_a_reload_listens_again,
		a_listener_that_is_broken_at_a_stop_stays_closed,
		a_local_listener_that_is_broken_ends_the_daemon,
		a_listener_that_is_broken_leaves_the_other,
		a_program_that_a_spare_executes_has_its_connection_alone,
		a_worker_that_has_closed_the_listener_takes_no_other_client,
		a_listener_that_is_broken_keeps_nobody_busy,
		a_worker_without_descriptors_takes_no_other_client,
		a_worker_that_shuts_all_sockets_keeps_the_server_from_nothing,
		a_worker_that_takes_all_seats_keeps_nobody_out_for_long,
		spares_that_end_at_once_are_not_forked_without_a_pause,
		a_worker_keeps_a_file_where_the_listener_was,
		nobody_listens_where_the_master_is_killed,
		a_worker_takes_one_client_after_another,
		a_worker_knows_from_which_listener_each_client_came,
		a_client_gets_nothing_that_the_last_one_sent,
		a_client_does_not_meet_the_last_ones_end,
		a_client_is_served_after_a_closed_stdin,
		a_client_is_served_after_stdin_was_closed_as_a_stream,
		a_client_is_served_after_a_shutdown,
		a_client_is_answered_line_by_line_after_full_buffers,
		a_client_is_answered_after_wide_characters,
		a_worker_that_has_finished_gets_no_client_if_it_asks_again,
		a_client_is_served_after_a_connection_that_was_ended_before,
		a_client_gets_what_was_not_flushed_before_its_end,
		a_client_whose_words_were_not_read_sees_an_end_and_no_reset,
		a_worker_that_has_had_its_share_finishes,
		a_worker_that_is_asked_to_finish_takes_no_other_client,
		a_worker_that_waits_again_ends_at_a_reload,
		a_worker_that_waits_again_ends_where_the_program_has_handlers,
		a_worker_that_waits_again_ends_where_its_server_is_killed,
		workers_finish_where_enough_spares_wait,
		a_worker_keeps_what_it_waits_by_when_it_cleans_up,
		a_worker_holds_no_more_however_many_clients_it_has,
		a_crowd_of_clients_is_served_by_few,
		a_spare_has_neither_socket_nor_pipe_to_tell_its_server_by,
		a_worker_that_makes_listeners_wait_makes_nobody_deaf,
		a_worker_of_an_earlier_server_makes_one_without_spares_not_deaf,
		a_worker_of_an_earlier_server_keeps_no_listener_from_its_clients,
		a_worker_of_an_earlier_server_that_holds_a_lock_makes_nobody_deaf,
		a_worker_that_holds_the_lock_of_a_listener_makes_nobody_deaf,
		a_helper_that_waits_for_a_lock_holds_the_listener_alone,
		a_worker_that_holds_the_lock_of_a_listener_keeps_no_server_out,
		a_worker_keeps_what_it_has_opened_in_place_of_all_that_there_was,
		a_worker_that_has_usurped_all_takes_no_other_client,
		a_worker_that_takes_all_slots_for_nobody_starves_no_client,
		a_worker_that_takes_all_slots_for_busy_ones_starves_no_client,
		a_worker_that_calls_without_end_keeps_the_server_from_nothing,
		each_spare_leads_a_process_group,
		a_client_of_a_spare_is_answered_without_delay,
		a_spare_passes_over_clients_that_have_reset,
		a_signal_that_reaches_all_processes_at_once_is_no_failure,
		a_worker_with_handlers_of_its_own_keeps_no_port_at_a_stop,
		spares_that_are_not_asked_leave_at_a_reload_all_the_same,
		a_worker_that_is_not_asked_and_waits_again_ends_at_a_reload,
		spares_do_not_leave_where_a_listener_no_longer_listens,
		spares_let_a_listener_rest_where_accept_always_fails,
		spares_let_a_listener_rest_where_the_system_is_short,
		log_does_not_call_spares_busy_that_wait,
		log_says_that_all_workers_are_busy_while_clients_wait,
	};

	here.open_listener = open_listener;
	here.spares = 4;
	here.commands = commands;
	here.before_start = set_up;
	return RUN_TESTS("spare", tests);
}
