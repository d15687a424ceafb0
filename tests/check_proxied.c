/*
 * check_proxied.c - clients behind a proxy: the header is read in the worker,
 * from HAProxy and curl, too
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "puppet.h"
#include "sockets.h"

enum {
	MANY = 50,
	LONGEST = 16 + 65535,	/* bytes of a header */
	FRONT = 90		/* HAProxy's descriptor */
};

/* What each server sets, and its workers count. */
static struct limits {
	char proxies[64];
	int workers;
	int source;
	int begun;	/* clients that the program was given */
} *limits;

/*
 * The program
 */

static void
set_limits(void)
{
	daemon_set_proxy_sources(limits->proxies);
	daemon_set_worker_count_max(limits->workers);
	daemon_set_source_worker_max(limits->source);
}

static void
print_peer(void)
{
	struct sockaddr_storage addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&addr;
	socklen_t len = sizeof addr;
	char host[INET6_ADDRSTRLEN] = "";

	memset(&addr, 0, sizeof addr);
	if (daemon_peer((struct sockaddr *)&addr, &len) == -1)
		puts("none");
	else if (addr.ss_family == AF_INET)
		printf("%s %d\n", inet_ntop(AF_INET, &in->sin_addr, host,
		    sizeof host), ntohs(in->sin_port));
	else if (addr.ss_family == AF_INET6)
		printf("%s %d\n", inet_ntop(AF_INET6, &in6->sin6_addr, host,
		    sizeof host), ntohs(in6->sin6_port));
	else
		printf("unix %s\n", ((struct sockaddr_un *)&addr)->sun_path);
}

static const struct command commands[] = {
	{ "peer", print_peer, NULL },
	{ NULL, NULL, NULL }
};

static void
proxied_talker(void)
{
	int index = serve();

	for (; index >= 0; index = daemon_next_connection()) {
		__atomic_add_fetch(&limits->begun, 1, __ATOMIC_SEQ_CST);
		converse(index);
	}
}

/*
 * The test's side
 */

static void
expect_proxies(const char *proxies)
{
	limits = shared_memory(sizeof *limits);
	strcpy(limits->proxies, proxies);
	limits->workers = 100;
	here.before_server = set_limits;
	here.commands = commands;
}

static void
start_behind(const char *proxies)
{
	expect_proxies(proxies);
	start(1, proxied_talker);
}

static void
sends(int fd, const void *bytes, size_t size)
{
	ck_assert_int_eq(send(fd, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static int
begins_with(const void *bytes, size_t size)
{
	int fd = client(here.port);

	sends(fd, bytes, size);
	return fd;
}

static void
is_peer(int fd, const char *expected)
{
	client_says(fd, "peer\n");
	hears(fd, expected);
	echoes(fd, "hello");
	close(fd);
}

/* The client's own address, as the kernel knows it, after this text. */
static void
is_itself_after(int fd, const char *begun)
{
	char expected[64];

	snprintf(expected, sizeof expected, "%s127.0.0.1 %d", begun,
	    port_of(fd));
	is_peer(fd, expected);
}

static void
is_itself(int fd)
{
	is_itself_after(fd, "");
}

#define LINE "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n"

/*
 * Headers of version 2
 */

static unsigned char header[LONGEST + 1];

/* Makes a header of version 2; returns its size. */
static size_t
binary(unsigned version_and_command, unsigned family, const void *addresses,
    size_t size)
{
	static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";

	memset(header, 0, sizeof header);
	memcpy(header, signature, 12);
	header[12] = (unsigned char)version_and_command;
	header[13] = (unsigned char)family;
	header[14] = (unsigned char)(size >> 8);
	header[15] = (unsigned char)size;
	memcpy(header + 16, addresses, size);
	return 16 + size;
}

static const unsigned char ipv4[] = { 192, 0, 2, 1, 198, 51, 100, 2,
	0x12, 0x67, 0, 80 };
static const unsigned char ipv6[36] = { 0x20, 1, 0xd, 0xb8, [15] = 1,
	[16] = 0x20, 1, 0xd, 0xb8, [31] = 2, [32] = 0x12, 0x67, 0, 80 };

static unsigned char filler[65535];

/* The addresses, and what may follow them. */
static const void *
with_tlv(const void *tlv, size_t size)
{
	memset(filler, 0, sizeof filler);
	memcpy(filler, ipv4, sizeof ipv4);
	memcpy(filler + sizeof ipv4, tlv, size);
	return filler;
}

/*
 * Good headers
 */

START_TEST(worker_knows_the_client_that_a_line_names)
{
	start_behind("127.0.0.0/8");
	is_peer(begins_with(LINE, strlen(LINE)), "192.0.2.1 4711");
	is_peer(begins_with("PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n",
	    44), "2001:db8::1 4711");
	stop();
}
END_TEST

START_TEST(worker_knows_the_client_that_a_binary_header_names)
{
	unsigned char local[216] = "/run/client";

	start_behind("10.0.0.0/8 127.0.0.1");
	is_peer(begins_with(header, binary(0x21, 0x11, ipv4, sizeof ipv4)),
	    "192.0.2.1 4711");
	is_peer(begins_with(header, binary(0x21, 0x21, ipv6, sizeof ipv6)),
	    "2001:db8::1 4711");
	is_peer(begins_with(header, binary(0x21, 0x31, local, sizeof local)),
	    "unix /run/client");
	stop();
}
END_TEST

START_TEST(worker_knows_the_proxy_where_it_speaks_for_itself)
{
	start_behind("127.0.0.1");
	is_itself(begins_with("PROXY UNKNOWN\r\n", 15));
	is_itself(begins_with("PROXY UNKNOWN 1.2.3.4 x y z\r\n", 29));
	is_itself(begins_with(header, binary(0x20, 0x00, "", 0)));
	is_itself(begins_with(header, binary(0x20, 0x11, ipv4, sizeof ipv4)));
	is_itself(begins_with(header, binary(0x21, 0x00, "", 0)));
	stop();
}
END_TEST

START_TEST(worker_reads_not_a_byte_more_than_the_header)
{
	size_t size;
	int fd;

	start_behind("127.0.0.1");
	fd = begins_with(LINE "hello\n", strlen(LINE) + 6);
	hears(fd, "hello");
	close(fd);
	size = binary(0x21, 0x11, ipv4, sizeof ipv4);
	memcpy(header + size, "hello\n", 6);
	fd = begins_with(header, size + 6);
	hears(fd, "hello");
	close(fd);
	fd = begins_with("PROXY UNKNOWN\r\n\n", 16);
	hears(fd, "");
	close(fd);
	stop();
}
END_TEST

/* A binary header comes back, as lines that the program has read. */
static void
comes_back(int fd)
{
	hears(fd, "\r");
	hears(fd, "\r");
	/* A NUL ends what the program sees of the third line. */
	hears(fd, "QUIT");
	client_says(fd, "\n");
}

START_TEST(worker_takes_a_second_header_for_the_client_s)
{
	size_t size;
	int fd;

	start_behind("127.0.0.1");
	fd = begins_with(LINE "PROXY UNKNOWN\r\n", strlen(LINE) + 15);
	hears(fd, "PROXY UNKNOWN\r");
	is_peer(fd, "192.0.2.1 4711");
	size = binary(0x21, 0x11, ipv4, sizeof ipv4);
	memcpy(header + size, header, size);
	fd = begins_with(header, 2 * size);
	comes_back(fd);
	is_peer(fd, "!\021192.0.2.1 4711");
	fd = begins_with(LINE, strlen(LINE));
	sends(fd, header, size);
	comes_back(fd);
	is_peer(fd, "!\021192.0.2.1 4711");
	stop();
}
END_TEST

START_TEST(worker_waits_for_a_header_that_comes_byte_by_byte)
{
	size_t i, size;
	int fd;

	start_behind("127.0.0.1");
	fd = client(here.port);
	for (i = 0; i < strlen(LINE); i++)
		sends(fd, &LINE[i], 1);
	is_peer(fd, "192.0.2.1 4711");
	fd = client(here.port);
	size = binary(0x21, 0x21, ipv6, sizeof ipv6);
	for (i = 0; i < size; i++)
		sends(fd, &header[i], 1);
	is_peer(fd, "2001:db8::1 4711");
	stop();
}
END_TEST

START_TEST(worker_passes_over_what_follows_the_addresses)
{
	static const unsigned char bad_crc[] = { 3, 0, 4, 1, 2, 3, 4 };

	start_behind("127.0.0.1");
	is_peer(begins_with(header, binary(0x21, 0x11, with_tlv(bad_crc,
	    sizeof bad_crc), sizeof ipv4 + sizeof bad_crc)),
	    "192.0.2.1 4711");
	is_peer(begins_with(header, binary(0x21, 0x11, with_tlv("", 0),
	    sizeof filler)), "192.0.2.1 4711");
	stop();
}
END_TEST

/*
 * Bad headers
 */

/* The connection ends before the program sees it. */
static void
ends_at(const void *bytes, size_t size)
{
	int before = limits->begun, fd = begins_with(bytes, size);

	hears(fd, NULL);
	close(fd);
	ck_assert_int_eq(limits->begun, before);
}

START_TEST(worker_ends_where_a_line_is_bad)
{
	static const char *const bad[] = {
		"GET / HTTP/1.0\r\n\r\n", "PROXY TCP4 1.2.3.4\r\n",
		"proxy unknown\r\n", "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
		"PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
		"PROXY TCP4 1.2.3.4  1.2.3.4 1 2\r\n",
		"PROXY TCP4 ::1 ::1 1 2\r\n", "PROXY UNKNOWN\nhello, more\n",
		"PROXY UNKNOWN\rhello, more\n"
	};
	char line[108];
	int i;

	start_behind("127.0.0.1");
	for (i = 0; i < COUNT(bad); i++)
		ends_at(bad[i], strlen(bad[i]));
	memset(line, 'x', sizeof line);
	memcpy(line, "PROXY UNKNOWN ", 14);
	ends_at(line, sizeof line);
	is_peer(begins_with(LINE, strlen(LINE)), "192.0.2.1 4711");
	stop();
}
END_TEST

START_TEST(worker_ends_where_a_binary_header_is_bad)
{
	static const unsigned char families[] = { 0x41, 0x51, 0xf1, 0x13, 0x1f };
	int i;

	start_behind("127.0.0.1");
	for (i = 0; i < COUNT(families); i++)
		ends_at(header, binary(0x21, families[i], ipv4, sizeof ipv4));
	ends_at(header, binary(0x11, 0x11, ipv4, sizeof ipv4));
	ends_at(header, binary(0x22, 0x11, ipv4, sizeof ipv4));
	ends_at(header, binary(0x21, 0x11, ipv4, sizeof ipv4 - 1));
	ends_at(header, binary(0x21, 0x21, ipv4, sizeof ipv4));
	is_peer(begins_with(LINE, strlen(LINE)), "192.0.2.1 4711");
	stop();
}
END_TEST

static void
is_cut_off(const void *bytes, size_t size)
{
	int fd = client(here.port);

	if (size > 0)
		sends(fd, bytes, size);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	hears(fd, NULL);
	close(fd);
}

START_TEST(worker_ends_where_a_header_is_cut_at_any_byte)
{
	size_t i, size;

	start_behind("127.0.0.1");
	for (i = 0; i < strlen(LINE); i++)
		is_cut_off(LINE, i);
	size = binary(0x21, 0x11, ipv4, sizeof ipv4);
	for (i = 0; i < size; i++)
		is_cut_off(header, i);
	size = binary(0x21, 0x11, with_tlv("", 0), sizeof filler);
	is_cut_off(header, size - 1);
	is_cut_off(header, 513);
	ck_assert_int_eq(limits->begun, 0);
	stop();
}
END_TEST

START_TEST(worker_ends_where_a_client_resets_within_the_header)
{
	int i;

	start_behind("127.0.0.1");
	for (i = 0; i < MANY; i++)
		reset(begins_with(LINE, (size_t)i % 40 + 1));
	is_peer(begins_with(LINE, strlen(LINE)), "192.0.2.1 4711");
	ck_assert_int_eq(limits->begun, 1);
	stop();
}
END_TEST

/* A byte a second, until the other side ends the connection. */
static size_t
dribble(int fd, const char *bytes)
{
	struct pollfd conn = { .fd = fd, .events = POLLIN };
	size_t sent = 0;

	do {
		if (bytes[sent] == '\0' || send(fd, &bytes[sent], 1,
		    MSG_NOSIGNAL) != 1)
			break;
		sent++;
	} while (poll(&conn, 1, 1000) == 0);
	return sent;
}

START_TEST(worker_does_not_wait_for_ever_for_a_header)
{
	int silent_one, slow;

	expect_proxies("127.0.0.1");
	start_in_foreground(1, proxied_talker);
	silent_one = client(here.port);
	slow = client(here.port);
	ck_assert_uint_lt(dribble(slow, LINE), strlen(LINE));
	hears(slow, NULL);
	hears(silent_one, NULL);
	says(message(), ": its PROXY header is late");
	close(slow);
	close(silent_one);
	ck_assert_int_eq(limits->begun, 0);
	is_peer(begins_with(LINE, strlen(LINE)), "192.0.2.1 4711");
	stop();
}
END_TEST

/*
 * From whom
 */

START_TEST(client_from_elsewhere_may_send_a_header_as_its_own_text)
{
	int fd;

	start_behind("10.0.0.0/8 unix ::1");
	fd = begins_with(LINE, strlen(LINE));
	hears(fd, "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r");
	is_itself(fd);
	fd = begins_with(header, binary(0x21, 0x11, ipv4, sizeof ipv4));
	comes_back(fd);
	is_itself_after(fd, "!\021");
	stop();
}
END_TEST

START_TEST(no_header_is_expected_unless_that_was_set)
{
	start(1, talker);
	ask(here.port, LINE, "PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r");
	stop();
}
END_TEST

START_TEST(client_of_a_local_socket_may_be_a_proxy)
{
	int fd;

	here.open_listener = listen_locally;
	start_behind("unix");
	fd = local_client();
	client_says(fd, LINE);
	is_peer(fd, "192.0.2.1 4711");
	stop();
}
END_TEST

START_TEST(limit_for_sources_counts_the_proxy)
{
	int fd, other;

	expect_proxies("127.0.0.1");
	limits->source = 1;
	start(1, proxied_talker);
	fd = begins_with(LINE, strlen(LINE));
	echoes(fd, "hello");
	other = client(here.port);
	hears(other, NULL);
	close(other);
	close(fd);
	stop();
}
END_TEST

/*
 * The log
 */

START_TEST(log_says_whose_header_is_bad_and_why)
{
	static const struct {
		const char *bytes;
		const char *why;
	} bad[] = {
		{ "GET / HTTP/1.0\r\n\r\n", "missing" },
		{ "PROXY TCP4 1.2.3.4\r\n", "malformed" },
		{ "PROXY UNKNOWN 34567890123456789012345678901234567890"
		    "1234567890123456789012345678901234567890123456789012345678",
		    "too long" }
	};
	char expected[128];
	int i, fd;

	for (i = 0; i < COUNT(bad); i++) {
		expect_proxies("127.0.0.1");
		start_in_foreground(1, proxied_talker);
		fd = begins_with(bad[i].bytes, strlen(bad[i].bytes));
		hears(fd, NULL);
		snprintf(expected, sizeof expected, ": unable to serve "
		    "127.0.0.1:%d: its PROXY header is %s", port_of(fd),
		    bad[i].why);
		says(message(), expected);
		close(fd);
		stop();
		leave_listeners();
	}
}
END_TEST

START_TEST(log_says_how_many_headers_were_bad)
{
	int i;

	expect_proxies("127.0.0.1");
	start_in_foreground(1, proxied_talker);
	for (i = 0; i < MANY; i++)
		ends_at("nonsense\n", 9);
	says(message(), ": its PROXY header is missing");
	has_children(here.server, 0);
	stop();
	says(here.run.err, ": unable to serve ");
	says(here.run.err, " more clients, the last one 127.0.0.1:");
}
END_TEST

/* A load balancer connects like this to see whether the port is open. */
START_TEST(log_says_nothing_of_a_client_that_says_nothing)
{
	int i;

	expect_proxies("127.0.0.1");
	start_in_foreground(1, proxied_talker);
	for (i = 0; i < MANY; i++) {
		is_cut_off("", 0);
		reset(client(here.port));
	}
	is_peer(begins_with(LINE, strlen(LINE)), "192.0.2.1 4711");
	stop();
	ck_assert_str_eq(here.run.err, "");
	ck_assert_int_eq(limits->begun, 1);
}
END_TEST

/*
 * With spares
 */

START_TEST(spare_takes_another_client_after_one_with_a_bad_header)
{
	pid_t worker;
	int fd;

	expect_proxies("127.0.0.1");
	limits->workers = 1;
	here.spares = 1;
	start(1, proxied_talker);
	worker = only_child_of(here.server);
	ends_at("nonsense\n", 9);
	ends_at("PROXY TCP4 x\r\n", 14);
	fd = begins_with(LINE, strlen(LINE));
	ck_assert_int_eq(number(fd, "who"), worker);
	is_peer(fd, "192.0.2.1 4711");
	ends_at("nonsense\n", 9);
	fd = begins_with(header, binary(0x21, 0x21, ipv6, sizeof ipv6));
	ck_assert_int_eq(number(fd, "who"), worker);
	is_peer(fd, "2001:db8::1 4711");
	fd = begins_with("PROXY UNKNOWN\r\n", 15);
	is_itself(fd);
	ck_assert_int_eq(limits->begun, 3);
	stop();
}
END_TEST

/* It serves on, and the server's next tick is far away. */
START_TEST(log_says_at_once_what_a_spare_could_not_read)
{
	char expected[128];
	pid_t worker;
	int fd;

	expect_proxies("127.0.0.1");
	limits->workers = 1;
	here.spares = 1;
	daemon_set_server_tick(3600);
	start_in_foreground(1, proxied_talker);
	worker = only_child_of(here.server);
	fd = begins_with("nonsense\n", 9);
	hears(fd, NULL);
	snprintf(expected, sizeof expected, ": unable to serve 127.0.0.1:%d: "
	    "its PROXY header is missing", port_of(fd));
	says(message(), expected);
	close(fd);
	fd = begins_with(LINE, strlen(LINE));
	ck_assert_int_eq(number(fd, "who"), worker);
	close(fd);
	stop();
}
END_TEST

START_TEST(spare_takes_another_client_after_a_header_that_is_cut_off_or_late)
{
	pid_t worker;
	int fd;

	expect_proxies("127.0.0.1");
	limits->workers = 1;
	here.spares = 1;
	start_in_foreground(1, proxied_talker);
	worker = only_child_of(here.server);
	is_cut_off(LINE, 20);
	says(message(), ": its PROXY header is cut off");
	fd = begins_with(LINE, 20);
	hears(fd, NULL);	/* in 5 s */
	close(fd);
	fd = begins_with(LINE, strlen(LINE));
	ck_assert_int_eq(number(fd, "who"), worker);
	is_peer(fd, "192.0.2.1 4711");
	ck_assert_int_eq(limits->begun, 1);
	stop();
	says(here.run.err, ": its PROXY header is late");
}
END_TEST

START_TEST(log_says_what_spares_could_not_read)
{
	expect_proxies("127.0.0.1");
	here.spares = 2;
	start_in_foreground(1, proxied_talker);
	ends_at("nonsense\n", 9);
	send_signal(here.server, SIGHUP);	/* its workers end */
	says(message(), ": its PROXY header is missing");
	next_server();
	stop();
}
END_TEST

START_TEST(stop_does_not_wait_for_a_header)
{
	int fd;

	start_behind("127.0.0.1");
	fd = begins_with(LINE, 10);
	has_children(here.server, 1);
	stop();
	hears(fd, NULL);
	close(fd);
}
END_TEST

/*
 * HAProxy, curl
 */

static struct run proxy;

static int
haproxy_is_missing(void)
{
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
	    "/sbin:/bin", 1);
	return missing("haproxy -v");
}

/* Returns the port to which its clients connect. */
static int
start_haproxy(const char *how)
{
	char path[128], program[] = "haproxy", file[] = "-f", stay[] = "-db";
	char *argv[] = { program, file, path, stay, NULL };
	int port, fd = listen_anywhere(&port);
	FILE *config;

	ck_assert_int_eq(dup2(fd, FRONT), FRONT);
	close(fd);
	snprintf(path, sizeof path, "%s/haproxy.cfg", scratch());
	config = fopen(path, "w");
	ck_assert_ptr_nonnull(config);
	fprintf(config, "defaults\n"
	    "    mode tcp\n"
	    "    timeout connect 60s\n"
	    "    timeout client 60s\n"
	    "    timeout server 60s\n"
	    "listen front\n"
	    "    bind fd@%d\n"
	    "    server daemon 127.0.0.1:%d %s\n", FRONT, here.port, how);
	fclose(config);
	run_command(&proxy, argv);
	close(FRONT);
	return port;
}

static void
end_haproxy(void)
{
	send_signal(proxy.pid, SIGTERM);
	run_wait(&proxy);
	free(proxy.out);
	free(proxy.err);
}

static void
serves_through_haproxy(const char *how)
{
	char expected[64];
	int port, fd;

	if (haproxy_is_missing())
		return;
	start_behind("127.0.0.1");
	port = start_haproxy(how);
	fd = connect_from("127.0.0.5", port);
	snprintf(expected, sizeof expected, "127.0.0.5 %d", port_of(fd));
	is_peer(fd, expected);
	fd = connect_from("127.0.0.6", port);
	snprintf(expected, sizeof expected, "127.0.0.6 %d", port_of(fd));
	is_peer(fd, expected);
	end_haproxy();
	stop();
}

START_TEST(worker_knows_the_client_of_haproxy_with_send_proxy)
{
	serves_through_haproxy("send-proxy");
}
END_TEST

START_TEST(worker_knows_the_client_of_haproxy_with_send_proxy_v2)
{
	serves_through_haproxy("send-proxy-v2");
}
END_TEST

START_TEST(worker_knows_the_client_of_haproxy_with_tlvs)
{
	serves_through_haproxy("send-proxy-v2 "
	    "proxy-v2-options crc32c,unique-id");
}
END_TEST

/* It serves no client until the daemon has passed a check. */
static void
passes_checks(const char *how, int known)
{
	long since = 0;
	int port, fd;

	if (haproxy_is_missing())
		return;
	expect_proxies("127.0.0.1");
	start_in_foreground(1, proxied_talker);
	port = start_haproxy(how);
	while (limits->begun < known)
		look_again(&since, "a check by HAProxy");
	fd = client(port);
	echoes(fd, "hello");
	close(fd);
	end_haproxy();
	stop();
	ck_assert_str_eq(here.run.err, "");
}

START_TEST(haproxy_checks_the_daemon_by_a_connection)
{
	passes_checks("send-proxy check inter 100ms", 0);
}
END_TEST

START_TEST(haproxy_checks_the_daemon_by_a_line)
{
	passes_checks("send-proxy check check-send-proxy inter 100ms", 3);
}
END_TEST

START_TEST(haproxy_checks_the_daemon_by_a_binary_header)
{
	passes_checks("send-proxy-v2 check check-send-proxy inter 100ms", 3);
}
END_TEST

/* Answers with the first line of the request, and who has asked. */
static void
web_server(void)
{
	char first[128] = "", line[512];

	serve();
	while (fgets(line, sizeof line, stdin) != NULL && *line != '\r')
		if (*first == '\0')
			snprintf(first, sizeof first, "%.100s", line);
	printf("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n%s\n", first);
	print_peer();
	daemon_end_connection();
}

START_TEST(worker_knows_the_client_that_curl_names)
{
	char url[64], program[] = "curl", quiet[] = "-sS", own[] = "-q",
	    header_option[] = "--haproxy-protocol", none[] = "--noproxy",
	    all[] = "*";
	char *argv[] = { program, own, quiet, header_option, none, all, url,
		NULL };
	struct run curl;

	if (missing("curl --help all | grep -q haproxy-protocol"))
		return;
	expect_proxies("127.0.0.1");
	start(1, web_server);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/file", here.port);
	memset(&curl, 0, sizeof curl);
	run_command(&curl, argv);
	exited(run_wait(&curl), 0);
	says(curl.out, "GET /file HTTP/1.1");
	says(curl.out, "127.0.0.1 ");
	free(curl.out);
	free(curl.err);
	stop();
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		worker_knows_the_client_that_a_line_names,
		worker_knows_the_client_that_a_binary_header_names,
		worker_knows_the_proxy_where_it_speaks_for_itself,
		worker_reads_not_a_byte_more_than_the_header,
		worker_takes_a_second_header_for_the_client_s,
		worker_waits_for_a_header_that_comes_byte_by_byte,
		worker_passes_over_what_follows_the_addresses,
		worker_ends_where_a_line_is_bad,
		worker_ends_where_a_binary_header_is_bad,
		worker_ends_where_a_header_is_cut_at_any_byte,
		worker_ends_where_a_client_resets_within_the_header,
		worker_does_not_wait_for_ever_for_a_header,
		client_from_elsewhere_may_send_a_header_as_its_own_text,
		no_header_is_expected_unless_that_was_set,
		client_of_a_local_socket_may_be_a_proxy,
		limit_for_sources_counts_the_proxy,
		log_says_whose_header_is_bad_and_why,
		log_says_how_many_headers_were_bad,
		log_says_nothing_of_a_client_that_says_nothing,
		spare_takes_another_client_after_one_with_a_bad_header,
		log_says_at_once_what_a_spare_could_not_read,
		spare_takes_another_client_after_a_header_that_is_cut_off_or_late,
		log_says_what_spares_could_not_read,
		stop_does_not_wait_for_a_header,
		worker_knows_the_client_of_haproxy_with_send_proxy,
		worker_knows_the_client_of_haproxy_with_send_proxy_v2,
		worker_knows_the_client_of_haproxy_with_tlvs,
		haproxy_checks_the_daemon_by_a_connection,
		haproxy_checks_the_daemon_by_a_line,
		haproxy_checks_the_daemon_by_a_binary_header,
		worker_knows_the_client_that_curl_names
	};

	return RUN_TESTS("proxied", tests);
}
