/*
 * check_listen.c - daemon_listen(): sockets on every address, or a reason
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <sched.h>
#include <stddef.h>

#include "harness.h"

enum { MAX = 8, OWN_ERROR = 1234 };

static struct run run;
static int fds[MAX];
static const char *host;	/* what the program listens on, ... */
static char service[32];	/* ... */
static int room;		/* ... and room in its array */

/*
 * Addresses
 */

static int
has_v6(void)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	int has = fd != -1 &&
	    bind(fd, (struct sockaddr *)&addr, sizeof addr) == 0;

	close(fd);
	return has;
}

static int
no_v6(void)
{
	return skip_if(!has_v6(), "this machine has no IPv6");
}

/* As in a chroot(2) without /etc/hosts. */
static int
has_no_names(void)
{
	struct addrinfo *list;
	int error = getaddrinfo("localhost", NULL, NULL, &list);

	if (error == 0)
		freeaddrinfo(list);
	return skip_if(error != 0, "localhost has no address here");
}

static struct sockaddr_storage
name_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	return addr;
}

static int
family_of(int fd)
{
	return name_of(fd).ss_family;
}

static int
client6_if(int port)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	addr.sin6_port = htons((unsigned short)port);
	ck_assert_int_ge(fd, 0);
	if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
option_of(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof value;

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* Listens on one port of every address of this machine. */
static int
listen_on_all(void)
{
	int count = daemon_listen(NULL, "0", fds, MAX);

	ck_assert_int_ge(count, 1);
	return count;
}

static void
set_service(int port)
{
	snprintf(service, sizeof service, "%d", port);
}

/*
 * Programs
 */

/* Tells how many sockets it got, and how many more descriptors are open. */
static void
listener(void)
{
	int before, count, error, fd;

	daemon_set_program_name("testd");
	before = dup(0);
	close(before);
	errno = 0;
	count = daemon_listen(host, service, fds, room);
	error = errno;
	tell("count", count);
	tell("errno", error);
	fd = dup(0);
	tell("more", fd - before);
	exit(0);
}

/* With no room or no address, the call fails with a message that says this. */
static void
fails(int error, const char *message)
{
	run_daemon(&run, listener);
	ck_assert_int_eq(heard(&run, "count"), -1);
	ck_assert_int_eq(heard(&run, "errno"), error);
	ck_assert_int_eq(heard(&run, "more"), 0);
	ck_assert_str_eq(run.err, message);
	nothing_left();
}

/*
 * What it opens
 */

START_TEST(without_a_host_it_listens_on_ipv4_and_ipv6)
{
	int families, count = listen_on_all();

	ck_assert_int_eq(count, 1 + has_v6());
	families = family_of(fds[0]);
	ck_assert(families == AF_INET || families == AF_INET6);
	if (count == 2)
		ck_assert_int_eq(families + family_of(fds[1]),
		    AF_INET + AF_INET6);
	close(client(port_of(fds[0])));
	if (count == 2)
		ck_assert_int_ge(client6_if(port_of(fds[0])), 0);
}
END_TEST

START_TEST(service_0_is_one_free_port_for_all)
{
	int i, count = listen_on_all();

	ck_assert_int_gt(port_of(fds[0]), 0);
	for (i = 1; i < count; i++)
		ck_assert_int_eq(port_of(fds[i]), port_of(fds[0]));
}
END_TEST

START_TEST(a_host_is_an_address_or_a_name)
{
	ck_assert_int_eq(daemon_listen("127.0.0.1", "0", fds, 1), 1);
	ck_assert_int_eq(family_of(fds[0]), AF_INET);
	close(client(port_of(fds[0])));
	if (has_v6()) {
		ck_assert_int_eq(daemon_listen("::1", "0", fds, 1), 1);
		ck_assert_int_eq(family_of(fds[0]), AF_INET6);
	}
	if (has_no_names())
		return;
	ck_assert_int_ge(daemon_listen("localhost", "0", fds, MAX), 1);
}
END_TEST

START_TEST(its_sockets_listen_and_are_close_on_exec)
{
	int i, count = listen_on_all();

	for (i = 0; i < count; i++) {
		ck_assert(fcntl(fds[i], F_GETFD) & FD_CLOEXEC);
		ck_assert(option_of(fds[i], SOL_SOCKET, SO_ACCEPTCONN));
		ck_assert(option_of(fds[i], SOL_SOCKET, SO_REUSEADDR));
		if (family_of(fds[i]) == AF_INET6)
			ck_assert(option_of(fds[i], IPPROTO_IPV6,
			    IPV6_V6ONLY));
	}
}
END_TEST

START_TEST(as_many_clients_wait_as_the_system_lets)
{
	struct tcp_info info;
	socklen_t len = sizeof info;
	unsigned most = 0;
	FILE *file;

	if ((file = fopen("/proc/sys/net/core/somaxconn", "r")) != NULL) {
		ck_assert_int_eq(fscanf(file, "%u", &most), 1);
		fclose(file);
	}
	if (most == 0 || most > SOMAXCONN)
		most = SOMAXCONN;
	listen_on_all();
	ck_assert_int_eq(getsockopt(fds[0], IPPROTO_TCP, TCP_INFO, &info,
	    &len), 0);
	ck_assert_uint_eq(info.tcpi_sacked, most);
}
END_TEST

static void
listener_without_descriptors(void)
{
	int i, count, low = 0;

	close(0);
	close(1);
	close(2);
	count = daemon_listen(host, service, fds, room);
	for (i = 0; i < count; i++)
		low += fds[i] <= 2;
	tell("count", count);
	tell("low", low);
	tell("open", fcntl(0, F_GETFD) != -1 || fcntl(1, F_GETFD) != -1 ||
	    fcntl(2, F_GETFD) != -1);
}

START_TEST(its_sockets_are_above_2_where_0_to_2_are_closed)
{
	strcpy(service, "0");
	room = MAX;
	run_daemon(&run, listener_without_descriptors);
	ck_assert_int_ge(heard(&run, "count"), 1);
	ck_assert_int_eq(heard(&run, "low"), 0);
	ck_assert_int_eq(heard(&run, "open"), 0);
}
END_TEST

START_TEST(a_port_that_was_served_a_moment_ago_is_free)
{
	int conn, fd;

	ck_assert_int_eq(daemon_listen("127.0.0.1", "0", fds, 1), 1);
	set_service(port_of(fds[0]));
	fd = client(port_of(fds[0]));
	ck_assert_int_ge(conn = accept(fds[0], NULL, NULL), 0);
	close(conn);	/* who closes first keeps the port for a while */
	ck_assert_ptr_null(client_hears(fd));
	close(fd);
	close(fds[0]);
	ck_assert_int_eq(daemon_listen("127.0.0.1", service, fds, 1), 1);
}
END_TEST

START_TEST(a_call_that_succeeds_keeps_errno)
{
	errno = OWN_ERROR;
	ck_assert_int_ge(daemon_listen(NULL, "0", fds, MAX), 1);
	ck_assert_int_eq(errno, OWN_ERROR);
	if (has_no_names())
		return;
	errno = OWN_ERROR;
	ck_assert_int_ge(daemon_listen("localhost", "0", fds, MAX), 1);
	ck_assert_int_eq(errno, OWN_ERROR);
}
END_TEST

/*
 * Families that are absent
 */

/* socket(2) fails for that family from now on. Returns whether it does. */
static int
forbid_family(int family)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)family, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
	};
	struct sock_fprog program = { sizeof code / sizeof code[0], code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 &&
	    socket(family, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT;
}

static int
cannot_forbid(int family)
{
	return skip_if(!forbid_family(family), "no seccomp(2) filters here");
}

START_TEST(a_family_that_is_absent_is_passed_over)
{
	if (cannot_forbid(AF_INET6))
		return;
	ck_assert_int_eq(daemon_listen(NULL, "0", fds, MAX), 1);
	ck_assert_int_eq(family_of(fds[0]), AF_INET);
}
END_TEST

START_TEST(the_other_family_is_passed_over_as_well)
{
	if (no_v6() || cannot_forbid(AF_INET))
		return;
	ck_assert_int_eq(daemon_listen(NULL, "0", fds, MAX), 1);
	ck_assert_int_eq(family_of(fds[0]), AF_INET6);
}
END_TEST

START_TEST(without_any_family_there_is_no_socket)
{
	if (cannot_forbid(AF_INET) || cannot_forbid(AF_INET6))
		return;
	strcpy(service, "0");
	room = MAX;
	run_daemon(&run, listener);
	ck_assert_int_eq(heard(&run, "count"), -1);
	ck_assert_int_eq(heard(&run, "errno"), EAFNOSUPPORT);
	ck_assert_int_eq(heard(&run, "more"), 0);
	says(run.err, "testd: unable to listen on ");
}
END_TEST

/*
 * What it refuses
 */

START_TEST(a_port_in_use_is_named_with_its_address)
{
	char message[128];
	int port;

	listen_anywhere(&port);
	host = "127.0.0.1";
	set_service(port);
	room = MAX;
	snprintf(message, sizeof message, "testd: unable to listen on "
	    "127.0.0.1:%d: Address already in use\n", port);
	fails(EADDRINUSE, message);
	if (no_v6())
		return;
	ck_assert_int_eq(daemon_listen("::1", "0", fds, 1), 1);
	host = "::1";
	set_service(port_of(fds[0]));
	snprintf(message, sizeof message, "testd: unable to listen on "
	    "[::1]:%s: Address already in use\n", service);
	fails(EADDRINUSE, message);
}
END_TEST

/* Leaves one of this machine's addresses to another program. */
static void
leave_open(int family)
{
	int i, count = listen_on_all();

	host = NULL;
	room = MAX;
	set_service(port_of(fds[0]));
	for (i = 0; i < count; i++)
		if (family_of(fds[i]) != family)
			close(fds[i]);
}

START_TEST(it_opens_all_or_none)
{
	char message[128];

	if (no_v6())
		return;
	leave_open(AF_INET6);
	snprintf(message, sizeof message, "testd: unable to listen on "
	    "[::]:%s: Address already in use\n", service);
	fails(EADDRINUSE, message);
	leave_open(AF_INET);
	snprintf(message, sizeof message, "testd: unable to listen on "
	    "0.0.0.0:%s: Address already in use\n", service);
	fails(EADDRINUSE, message);
}
END_TEST

START_TEST(more_addresses_than_there_is_room_for_is_enospc)
{
	if (no_v6())
		return;
	strcpy(service, "0");
	room = 1;
	run_daemon(&run, listener);
	ck_assert_int_eq(heard(&run, "count"), -1);
	ck_assert_int_eq(heard(&run, "errno"), ENOSPC);
	ck_assert_int_eq(heard(&run, "more"), 0);
	says(run.err, "testd: unable to listen on ");
}
END_TEST

static void
is_invalid(const char *given, int *where, int max)
{
	int before = descriptors_of(getpid());

	errno = 0;
	ck_assert_int_eq(daemon_listen("127.0.0.1", given, where, max), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(descriptors_of(getpid()), before);
}

START_TEST(a_null_pointer_or_no_room_is_einval)
{
	is_invalid(NULL, fds, MAX);
	is_invalid("0", NULL, MAX);
	is_invalid("0", fds, 0);
	is_invalid("0", fds, -1);
}
END_TEST

/* It is invalid as a name, so no name server is asked. */
#define NO_HOST "not-a-host-at-all-not-a-host-at-all-" \
	"not-a-host-at-all-not-a-host-at-all"

/* Fails with one message, which says this. */
static void
fails_somehow(const char *part)
{
	run_daemon(&run, listener);
	ck_assert_int_eq(heard(&run, "count"), -1);
	ck_assert_int_ne(heard(&run, "errno"), 0);
	ck_assert_int_eq(heard(&run, "more"), 0);
	says(run.err, "testd: unable to listen on ");
	says(run.err, part);
	ck_assert_ptr_eq(strchr(run.err, '\n'),
	    run.err + strlen(run.err) - 1);
	nothing_left();
}

START_TEST(a_host_that_is_none_is_named)
{
	host = NO_HOST;
	strcpy(service, "0");
	room = MAX;
	fails_somehow(NO_HOST);
	host = "300.1.2.3." NO_HOST;
	fails_somehow(NO_HOST);
	host = "";
	fails_somehow("");
}
END_TEST

START_TEST(an_address_that_is_another_machine_s_is_eaddrnotavail)
{
	host = "198.51.100.1";	/* in a network for examples */
	strcpy(service, "0");
	room = MAX;
	fails(EADDRNOTAVAIL, "testd: unable to listen on 198.51.100.1:0: "
	    "Cannot assign requested address\n");
}
END_TEST

START_TEST(a_service_that_is_none_is_named)
{
	static const char *const services[] = { "no-such-service", "-1",
		"65536", "99999", "4294967296", "1x", "" };
	size_t i;

	host = "127.0.0.1";
	room = MAX;
	for (i = 0; i < sizeof services / sizeof services[0]; i++) {
		strcpy(service, services[i]);
		fails_somehow(service);
	}
}
END_TEST

/* The list of hosts has an address twice, under one name. */
static void
listener_with_a_name_twice(void)
{
	if (unshare(CLONE_NEWNS) == -1 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount(host, "/etc/hosts", "none", MS_BIND, NULL) == -1) {
		tell("count", 0);
		exit(0);
	}
	host = "twice";
	listener();
}

START_TEST(an_address_that_a_name_has_twice_is_listened_on_once)
{
	char name[128];
	FILE *file;

	snprintf(name, sizeof name, "%s/hosts", scratch());
	ck_assert_ptr_nonnull(file = fopen(name, "w"));
	fputs("127.0.0.1 twice\n127.0.0.1 other twice\n", file);
	fclose(file);
	host = name;
	strcpy(service, "0");
	room = MAX;
	run_daemon(&run, listener_with_a_name_twice);
	if (!skip_if(heard(&run, "count") == 0, "no mount namespaces"))
		ck_assert_str_eq(run.err, "");
}
END_TEST

/*
 * At the end of a daemon
 */

static int given;	/* the socket that the daemon is started with */

static void
daemon_with_both(void)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof addr;
	int both[2] = { given };

	daemon_start();
	if (daemon_listen("127.0.0.1", "0", &both[1], 1) != 1 ||
	    getsockname(both[1], (struct sockaddr *)&addr, &len) == -1)
		_exit(98);
	tell("port", ntohs(addr.sin_port));
	tell_pid("master");
	if (fork() == 0) {	/* a helper that keeps both */
		tell_pid("helper");
		for (;;)
			pause();
	}
	daemon_master();
	daemon_success();
	daemon_server(both, 2);
	puts("hello");
}

static void
hears_only(int port, const char *line)
{
	int fd = client(port);

	ck_assert_pstr_eq(client_hears(fd), line);
	close(fd);
}

/* A service manager, or the next daemon, still has it. */
START_TEST(a_socket_that_a_daemon_was_started_with_outlives_it)
{
	int port, own;
	pid_t master, helper;

	given = listen_anywhere(&port);
	run_daemon(&run, daemon_with_both);
	own = (int)heard(&run, "port");
	master = (pid_t)heard(&run, "master");
	helper = (pid_t)heard(&run, "helper");
	hears_only(port, "hello");
	hears_only(own, "hello");
	send_signal(master, SIGTERM);
	ck_assert_int_eq(ended(master), 0);
	ck_assert_int_ne(client(port), -1);
	ck_assert_int_eq(client_if(own), -1);
	send_signal(helper, SIGKILL);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		without_a_host_it_listens_on_ipv4_and_ipv6,
		service_0_is_one_free_port_for_all,
		a_host_is_an_address_or_a_name,
		its_sockets_listen_and_are_close_on_exec,
		as_many_clients_wait_as_the_system_lets,
		its_sockets_are_above_2_where_0_to_2_are_closed,
		a_port_that_was_served_a_moment_ago_is_free,
		a_call_that_succeeds_keeps_errno,
		a_family_that_is_absent_is_passed_over,
		the_other_family_is_passed_over_as_well,
		without_any_family_there_is_no_socket,
		a_port_in_use_is_named_with_its_address,
		it_opens_all_or_none,
		more_addresses_than_there_is_room_for_is_enospc,
		a_null_pointer_or_no_room_is_einval,
		a_host_that_is_none_is_named,
		an_address_that_is_another_machine_s_is_eaddrnotavail,
		a_service_that_is_none_is_named,
		an_address_that_a_name_has_twice_is_listened_on_once,
		a_socket_that_a_daemon_was_started_with_outlives_it
	};

	return RUN_TESTS("listen", tests);
}
