/*
 * check_network.c - the hosts of a list of networks
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/un.h>
#include <arpa/inet.h>

#include "admission.h"
#include "harness.h"

static struct dsrv_networks networks;

/* The host of "unix", "" (not known), or an address. */
static struct dsrv_host
host_of(const char *text)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = 4711 };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = 4711, .sin6_scope_id = 3 };
	struct sockaddr any = { .sa_family = AF_UNIX };
	struct dsrv_host host;

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		dsrv_host_from(&host, (struct sockaddr *)&in, sizeof in);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		dsrv_host_from(&host, (struct sockaddr *)&in6, sizeof in6);
	else
		dsrv_host_from(&host, &any, *text != '\0' ?
		    sizeof any.sa_family : 0);
	return host;
}

static int
has(const char *text)
{
	struct dsrv_host host = host_of(text);

	return dsrv_networks_have(&networks, &host);
}

static int
parse(const char *text)
{
	return dsrv_networks_parse(&networks, text);
}

START_TEST(network_has_its_hosts_and_not_their_neighbours)
{
	ck_assert_int_eq(parse("10.0.0.0/8 fd00::/8 unix"), 0);
	ck_assert(has("10.0.0.0"));
	ck_assert(has("10.255.255.255"));
	ck_assert(!has("9.255.255.255"));
	ck_assert(!has("11.0.0.0"));
	ck_assert(has("fd00::"));
	ck_assert(has("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	ck_assert(!has("fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	ck_assert(!has("fe00::"));
	ck_assert(has("unix"));
	ck_assert(!has(""));
}
END_TEST

START_TEST(network_of_an_address_alone_is_that_host)
{
	ck_assert_int_eq(parse("  192.0.2.1   2001:db8::1 "), 0);
	ck_assert_int_eq(networks.count, 2);
	ck_assert(has("192.0.2.1"));
	ck_assert(!has("192.0.2.0"));
	ck_assert(has("2001:db8::1"));
	ck_assert(!has("2001:db8::"));
	ck_assert(!has("unix"));
}
END_TEST

/* Each address differs in one bit, for each length of the prefix. */
START_TEST(network_of_each_prefix_looks_at_its_bits_and_no_others)
{
	struct dsrv_host zero, host;
	char text[32];
	int bits, bit;

	for (bits = 0; bits <= 128; bits++) {
		snprintf(text, sizeof text, "8000::/%d", bits);
		ck_assert_int_eq(parse(text), bits == 0 ? -1 : 0);
		zero = host_of("8000::");
		for (bit = 0; bit < 128 && bits > 0; bit++) {
			host = zero;
			host.bytes[bit / 8] ^= (unsigned char)(
			    0x80 >> bit % 8);
			ck_assert_int_eq(dsrv_networks_have(&networks, &host),
			    bit >= bits);
		}
	}
	for (bits = 1; bits <= 32; bits++) {
		snprintf(text, sizeof text, "128.0.0.0/%d", bits);
		ck_assert_int_eq(parse(text), 0);
		for (bit = 0; bit < 32; bit++) {
			host = host_of("128.0.0.0");
			host.bytes[bit / 8] ^= (unsigned char)(
			    0x80 >> bit % 8);
			ck_assert_int_eq(dsrv_networks_have(&networks, &host),
			    bit >= bits);
		}
	}
}
END_TEST

START_TEST(network_of_all_ipv4_has_no_ipv6_and_the_other_way_round)
{
	ck_assert_int_eq(parse("0.0.0.0/0"), 0);
	ck_assert(has("255.255.255.255"));
	ck_assert(!has("::"));
	ck_assert_int_eq(parse("::/0"), 0);
	ck_assert(has("::1"));
	ck_assert(!has("0.0.0.0"));
	ck_assert(!has("::ffff:192.0.2.1"));
	ck_assert(!has("unix"));
}
END_TEST

START_TEST(network_takes_a_mapped_address_for_an_ipv4_one)
{
	ck_assert_int_eq(parse("10.0.0.0/8"), 0);
	ck_assert(has("::ffff:10.1.2.3"));
	ck_assert(!has("::10.1.2.3"));
	ck_assert_int_eq(parse("::ffff:10.0.0.0/104 ::ffff:192.0.2.1"), 0);
	ck_assert(has("10.1.2.3"));
	ck_assert(has("::ffff:10.1.2.3"));
	ck_assert(has("192.0.2.1"));
	ck_assert(!has("11.0.0.0"));
	ck_assert_int_eq(parse("::ffff:0.0.0.0/96"), 0);
	ck_assert(has("192.0.2.1"));
	ck_assert(!has("::1"));
	ck_assert_int_eq(parse("::ffff:0.0.0.0/95"), -1);
}
END_TEST

START_TEST(network_list_that_is_malformed_is_refused)
{
	static const char *const bad[] = { "10.0.0.1/8", "fd00::1/8",
		"10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/",
		"10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.0/ 8", "10.0.0/8",
		"10.0.0.256", "010.0.0.1", "localhost", "UNIX", "unix/8",
		"/8", "fd00:::/8", "fe80::1%lo", "10.0.0.0/8,fd00::/8",
		"10.0.0.0/8\tfd00::/8", "10.0.0.0/8 x", "10.0.0.0/0000000008",
		"10.0.0.0/4294967304",
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128/128/128" };
	int i;

	for (i = 0; i < DSRV_COUNT(bad); i++)
		ck_assert_msg(parse(bad[i]) == -1, "\"%s\"", bad[i]);
}
END_TEST

START_TEST(network_list_may_be_empty_and_has_an_end)
{
	char text[DSRV_NETWORKS_MAX * 16 + 16] = "";
	int i;

	ck_assert_int_eq(parse(""), 0);
	ck_assert_int_eq(parse("   "), 0);
	ck_assert_int_eq(networks.count, 0);
	ck_assert(!has("192.0.2.1"));
	ck_assert(!has("unix"));
	for (i = 0; i < DSRV_NETWORKS_MAX; i++)
		sprintf(text + strlen(text), "10.0.0.%d ", i);
	ck_assert_int_eq(parse(text), 0);
	ck_assert(has("10.0.0.63"));
	strcat(text, "unix");
	ck_assert_int_eq(parse(text), -1);
}
END_TEST

START_TEST(network_host_of_a_short_address_is_unknown)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	struct dsrv_host host;
	socklen_t len;

	for (len = 0; len < (socklen_t)sizeof in6; len++) {
		dsrv_host_from(&host, (struct sockaddr *)&in6, len);
		ck_assert_int_eq(host.kind, DSRV_HOST_UNKNOWN);
	}
	dsrv_host_from(&host, (struct sockaddr *)&in6, len);
	ck_assert_int_eq(host.kind, DSRV_HOST_IPV6);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		network_has_its_hosts_and_not_their_neighbours,
		network_of_an_address_alone_is_that_host,
		network_of_each_prefix_looks_at_its_bits_and_no_others,
		network_of_all_ipv4_has_no_ipv6_and_the_other_way_round,
		network_takes_a_mapped_address_for_an_ipv4_one,
		network_list_that_is_malformed_is_refused,
		network_list_may_be_empty_and_has_an_end,
		network_host_of_a_short_address_is_unknown
	};

	return RUN_TESTS("network", tests);
}
