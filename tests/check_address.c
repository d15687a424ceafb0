/*
 * check_address.c - a client's address, stored compactly and as text
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/un.h>
#include <arpa/inet.h>

#include "ground.h"
#include "harness.h"

static struct dsrv_address kept;

/* The text of an address of that family and port, in this many bytes. */
static const char *
text_of_v4(const char *host, int port)
{
	static char text[DSRV_ADDRESS_TEXT];
	struct sockaddr_in addr = { .sin_family = AF_INET };

	addr.sin_port = htons((unsigned short)port);
	ck_assert_int_eq(inet_pton(AF_INET, host, &addr.sin_addr), 1);
	dsrv_address_keep(&kept, (struct sockaddr *)&addr, sizeof addr);
	memset(&addr, 0xaa, sizeof addr);	/* it is kept, not pointed to */
	dsrv_address_text(text, &kept);
	return text;
}

static const char *
text_of_v6(const char *host, int port)
{
	static char text[DSRV_ADDRESS_TEXT];
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6 };

	addr.sin6_port = htons((unsigned short)port);
	ck_assert_int_eq(inet_pton(AF_INET6, host, &addr.sin6_addr), 1);
	dsrv_address_keep(&kept, (struct sockaddr *)&addr, sizeof addr);
	dsrv_address_text(text, &kept);
	return text;
}

static const char *
text_of(const void *addr, size_t len)
{
	static char text[DSRV_ADDRESS_TEXT];

	dsrv_address_keep(&kept, addr, (socklen_t)len);
	dsrv_address_text(text, &kept);
	return text;
}

START_TEST(address_of_ipv4_is_host_and_port)
{
	ck_assert_str_eq(text_of_v4("192.0.2.1", 4711), "192.0.2.1:4711");
	ck_assert_str_eq(text_of_v4("255.255.255.255", 65535),
	    "255.255.255.255:65535");
	ck_assert_str_eq(text_of_v4("0.0.0.0", 0), "0.0.0.0:0");
}
END_TEST

START_TEST(address_of_ipv6_is_host_in_brackets_and_port)
{
	ck_assert_str_eq(text_of_v6("2001:db8::1", 4711),
	    "[2001:db8::1]:4711");
	ck_assert_str_eq(text_of_v6("ffff:ffff:ffff:ffff:ffff:ffff:"
	    "255.255.255.255", 65535),
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	ck_assert_str_eq(text_of_v6("::", 0), "[::]:0");
}
END_TEST

START_TEST(address_of_ipv4_in_ipv6_is_that_of_ipv4)
{
	ck_assert_str_eq(text_of_v6("::ffff:192.0.2.1", 1), "192.0.2.1:1");
	ck_assert_str_eq(text_of_v6("::fffe:192.0.2.1", 1),
	    "[::fffe:c000:201]:1");
}
END_TEST

START_TEST(address_of_a_host_is_told_without_its_port)
{
	char host[DSRV_ADDRESS_HOST];

	text_of_v4("192.0.2.1", 4711);
	ck_assert_int_eq(dsrv_address_host(host, &kept), 4711);
	ck_assert_str_eq(host, "192.0.2.1");
	text_of_v6("2001:db8::1", 65535);
	ck_assert_int_eq(dsrv_address_host(host, &kept), 65535);
	ck_assert_str_eq(host, "2001:db8::1");
	text_of_v6("::ffff:192.0.2.1", 0);
	ck_assert_int_eq(dsrv_address_host(host, &kept), 0);
	ck_assert_str_eq(host, "192.0.2.1");
	kept.as.any.sa_family = AF_UNIX;
	ck_assert_int_eq(dsrv_address_host(host, &kept), -1);
	kept.len = 0;
	ck_assert_int_eq(dsrv_address_host(host, &kept), -1);
}
END_TEST

START_TEST(address_of_a_local_client_is_unix_with_a_name_and_without)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memset(addr.sun_path, 'x', sizeof addr.sun_path);
	ck_assert_str_eq(text_of(&addr, sizeof addr.sun_family), "unix");
	ck_assert_str_eq(text_of(&addr, sizeof addr), "unix");
}
END_TEST

START_TEST(address_that_is_not_known_has_no_text)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct sockaddr other = { .sa_family = AF_UNSPEC };
	struct dsrv_address none;
	char text[DSRV_ADDRESS_TEXT] = "?";

	memset(&none, 0, sizeof none);
	dsrv_address_text(text, &none);
	ck_assert_str_eq(text, "");
	ck_assert_str_eq(text_of(&other, sizeof other), "");
	text_of_v4("192.0.2.1", 4711);
	ck_assert_str_eq(text_of(&addr, 0), "");
	text_of_v4("192.0.2.1", 4711);
	ck_assert_str_eq(text_of(&addr, 1), "");
}
END_TEST

/* A record may have held another client's address. */
START_TEST(address_shows_nothing_of_the_one_before)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	text_of_v6("2001:db8::1", 4711);
	ck_assert_str_eq(text_of_v4("192.0.2.1", 4711), "192.0.2.1:4711");
	ck_assert_str_eq(text_of(&addr, sizeof addr.sun_family), "unix");
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		address_of_ipv4_is_host_and_port,
		address_of_ipv6_is_host_in_brackets_and_port,
		address_of_ipv4_in_ipv6_is_that_of_ipv4,
		address_of_a_host_is_told_without_its_port,
		address_of_a_local_client_is_unix_with_a_name_and_without,
		address_that_is_not_known_has_no_text,
		address_shows_nothing_of_the_one_before
	};

	return RUN_TESTS("address", tests);
}
