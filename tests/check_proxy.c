/*
 * check_proxy.c - the header of the PROXY protocol, version 1 or 2
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include <sys/un.h>

#include "admission.h"
#include "harness.h"

enum { MOST = 16 + 65535 };

static const unsigned char signature[] = "\r\n\r\n\0\r\nQUIT\n";
static const char *const lines[] = {
	"PROXY TCP4 192.0.2.1 198.51.100.2 4711 80\r\n",
	"PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
	"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
	"PROXY TCP6 :: :: 1 1\r\n",
	"PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n",
	"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
	"PROXY UNKNOWN\r\n",
	"PROXY UNKNOWN x\r\n",
	"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"
};

static struct dsrv_proxy proxy;
static unsigned char header[MOST + 1];

/* Feeds as many bytes as are wanted, at most this many at a time. Returns how
 * many were taken until the header was complete or wrong, or there were no
 * more. */
static size_t
feed(const void *bytes, size_t size, size_t most)
{
	size_t n, used = 0;

	memset(&proxy, 0, sizeof proxy);
	while (used < size && (n = dsrv_proxy_wants(&proxy)) > 0) {
		ck_assert_uint_le(n, DSRV_PROXY_STEP);
		n = n < most ? n : most;
		n = n < size - used ? n : size - used;
		dsrv_proxy_take(&proxy, (const char *)bytes + used, n);
		used += n;
	}
	return used;
}

static enum dsrv_proxy_state
state_after(const char *line)
{
	feed(line, strlen(line), DSRV_PROXY_STEP);
	return proxy.state;
}

/* Makes a header of version 2; returns its size. 'x' follows it. */
static size_t
binary(unsigned version_and_command, unsigned family, size_t length)
{
	memset(header, 'x', sizeof header);
	memcpy(header, signature, 12);
	header[12] = (unsigned char)version_and_command;
	header[13] = (unsigned char)family;
	header[14] = (unsigned char)(length >> 8);
	header[15] = (unsigned char)length;
	return 16 + length;
}

static const char *
text_of(const struct sockaddr_storage *addr, socklen_t len)
{
	static char text[2][DSRV_ADDRESS_TEXT];
	static int turn;
	struct dsrv_address kept;

	turn = !turn;
	dsrv_address_keep(&kept, (const struct sockaddr *)addr, len);
	dsrv_address_text(text[turn], &kept);
	return text[turn];
}

static void
expect_addresses(const char *client, const char *local)
{
	ck_assert_int_eq(proxy.state, DSRV_PROXY_GIVEN);
	ck_assert_str_eq(text_of(&proxy.client, proxy.client_len), client);
	ck_assert_str_eq(text_of(&proxy.local, proxy.local_len), local);
}

START_TEST(proxy_line_has_the_addresses_of_client_and_server)
{
	state_after(lines[0]);
	expect_addresses("192.0.2.1:4711", "198.51.100.2:80");
	state_after(lines[4]);
	expect_addresses("[2001:db8::1]:4711", "[2001:db8::2]:80");
	state_after("PROXY TCP4 0.0.0.0 0.0.0.0 0 65535\r\n");
	expect_addresses("0.0.0.0:0", "0.0.0.0:65535");
	state_after(lines[5]);
	expect_addresses("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
}
END_TEST

START_TEST(proxy_line_of_an_unknown_client_leaves_the_own_addresses)
{
	int i;

	for (i = 6; i < DSRV_COUNT(lines); i++)
		ck_assert_int_eq(state_after(lines[i]), DSRV_PROXY_OWN);
}
END_TEST

START_TEST(proxy_takes_not_one_byte_more_than_a_line)
{
	char text[300];
	size_t most;
	int i;

	for (i = 0; i < DSRV_COUNT(lines); i++)
		for (most = 1; most <= DSRV_PROXY_STEP; most++) {
			snprintf(text, sizeof text, "%s%s", lines[i],
			    "\r\nPROXY UNKNOWN\r\n");
			ck_assert_uint_eq(feed(text, strlen(text), most),
			    strlen(lines[i]));
			ck_assert_int_eq(proxy.state, i >= 6 ?
			    DSRV_PROXY_OWN : DSRV_PROXY_GIVEN);
		}
}
END_TEST

START_TEST(proxy_line_that_is_cut_anywhere_goes_on)
{
	size_t cut, most;
	int i;

	for (i = 0; i < DSRV_COUNT(lines); i++)
		for (cut = 0; cut < strlen(lines[i]); cut++)
			for (most = 1; most <= 16; most++) {
				ck_assert_uint_eq(feed(lines[i], cut, most),
				    cut);
				ck_assert_int_eq(proxy.state,
				    DSRV_PROXY_MORE);
				ck_assert_uint_gt(dsrv_proxy_wants(&proxy), 0);
			}
}
END_TEST

START_TEST(proxy_line_that_is_malformed_is_told)
{
	static const char *const bad[] = {
		"PROXY \r\n", "PROXY TCP4\r\n", "PROXY UNKNOW\r\n12",
		"PROXY UNKNOWNX\r\n", "PROXY unknown\r\n", "PROXY UNKNOWN\n\n",
		"PROXY UNKNOWN\r \n", "PROXY UNKNOWN x\ry\r\n",
		"PROXY UNKNOWN x\r\r\n", "PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n",
		"PROXY TCP5 1.1.1.1 1.1.1.1 1 1\r\n",
		"PROXY tcp4 1.1.1.1 1.1.1.1 1 1\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n",
		"PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n",
		"PROXY TCP4 1.1.1.1  1.1.1.1 1 1\r\n",
		"PROXY TCP4 1.1.1.1\t1.1.1.1 1 1\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 99999999999999999999 1\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 +1 1\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n",
		"PROXY TCP4 1.1.1.1 1.1.1.1 0x1 1\r\n",
		"PROXY TCP4 1.1.1 1.1.1.1 1 1\r\n",
		"PROXY TCP4 1.1.1.256 1.1.1.1 1 1\r\n",
		"PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n",
		"PROXY TCP4 :: :: 1 1\r\n", "PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n",
		"PROXY TCP6 ::g :: 1 1\r\n", "PROXY TCP6 fe80::1%lo :: 1 1\r\n",
		"PROXY TCP6 [::] [::] 1 1\r\n"
	};
	int i;

	for (i = 0; i < DSRV_COUNT(bad); i++)
		ck_assert_msg(state_after(bad[i]) == DSRV_PROXY_MALFORMED,
		    "%s", bad[i]);
}
END_TEST

START_TEST(proxy_line_with_a_nul_in_it_is_malformed)
{
	char text[] = "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\0\r\n";

	feed(text, sizeof text - 1, DSRV_PROXY_STEP);
	ck_assert_int_eq(proxy.state, DSRV_PROXY_MALFORMED);
	text[30] = '\r';
	text[31] = '\n';
	feed(text, sizeof text - 1, DSRV_PROXY_STEP);
	ck_assert_int_eq(proxy.state, DSRV_PROXY_GIVEN);
}
END_TEST

START_TEST(proxy_line_of_107_bytes_is_read_and_a_longer_one_too_long)
{
	char text[300] = "PROXY UNKNOWN ";
	size_t most;

	memset(text + 14, 'x', sizeof text - 14);
	for (most = 1; most <= DSRV_PROXY_STEP; most++) {
		memcpy(text + 105, "\r\n", 2);
		ck_assert_uint_eq(feed(text, sizeof text, most), 107);
		ck_assert_int_eq(proxy.state, DSRV_PROXY_OWN);
		memcpy(text + 105, "x\r\n", 3);
		ck_assert_uint_le(feed(text, sizeof text, most), 107);
		ck_assert_int_eq(proxy.state, DSRV_PROXY_TOO_LONG);
		memcpy(text + 105, "xxx", 3);
		ck_assert_uint_le(feed(text, sizeof text, most), 107);
		ck_assert_int_eq(proxy.state, DSRV_PROXY_TOO_LONG);
	}
}
END_TEST

/* The first wrong byte is enough: the client need not send the rest. */
START_TEST(proxy_header_that_is_missing_is_told_at_its_first_wrong_byte)
{
	char text[16];
	size_t i;
	int byte;

	for (byte = 0; byte < 256; byte++)
		for (i = 0; i < 12; i++) {
			memcpy(text, signature, 12);
			text[i] = (char)byte;
			if (byte == signature[i] || (i == 0 && byte == 'P'))
				continue;
			ck_assert_uint_eq(feed(text, 12, 1), i + 1);
			ck_assert_int_eq(proxy.state, DSRV_PROXY_MISSING);
			memcpy(text, "PROXY ", 6);
			text[i % 6] = (char)byte;
			if (byte == "PROXY "[i % 6] || (i % 6 == 0 &&
			    byte == '\r'))
				continue;
			ck_assert_uint_eq(feed(text, 6, 1), i % 6 + 1);
			ck_assert_int_eq(proxy.state, DSRV_PROXY_MISSING);
		}
}
END_TEST

START_TEST(proxy_binary_header_has_the_addresses_of_client_and_server)
{
	size_t size = binary(0x21, 0x11, 12);

	memcpy(header + 16, "\300\0\2\1\306\63\144\2\22\147\0\120", 12);
	ck_assert_uint_eq(feed(header, size + 1, DSRV_PROXY_STEP), size);
	expect_addresses("192.0.2.1:4711", "198.51.100.2:80");
	size = binary(0x21, 0x21, 36);
	memset(header + 16, 0, 32);
	header[16] = 0x20;
	header[17] = 0x01;
	header[31] = 1;
	header[47] = 2;
	memcpy(header + 48, "\22\147\0\120", 4);
	ck_assert_uint_eq(feed(header, size + 1, DSRV_PROXY_STEP), size);
	expect_addresses("[2001::1]:4711", "[::2]:80");
}
END_TEST

START_TEST(proxy_binary_header_has_names_of_unix_sockets)
{
	const struct sockaddr_un *un = (const void *)&proxy.client;
	const socklen_t before = offsetof(struct sockaddr_un, sun_path);
	size_t size = binary(0x21, 0x31, 216);

	memset(header + 16, 0, 216);
	strcpy((char *)header + 16, "/run/x");
	memcpy(header + 16 + 108, "\0ab", 3);
	ck_assert_uint_eq(feed(header, size + 1, DSRV_PROXY_STEP), size);
	expect_addresses("unix", "unix");
	ck_assert_str_eq(un->sun_path, "/run/x");
	ck_assert_uint_eq(proxy.client_len, before + sizeof "/run/x");
	ck_assert_uint_eq(proxy.local_len, before + 3);
	memset(header + 16, 0, 216);
	feed(header, size, DSRV_PROXY_STEP);
	expect_addresses("unix", "unix");
	ck_assert_uint_eq(proxy.client_len, before);
	memset(header + 16, 'n', 216);
	feed(header, size, DSRV_PROXY_STEP);
	ck_assert_uint_eq(proxy.client_len, before + sizeof un->sun_path);
	ck_assert_uint_eq(un->sun_path[0], 'n');
}
END_TEST

static enum dsrv_proxy_state
expected(unsigned version_and_command, unsigned family)
{
	if (version_and_command == 0x20)
		return DSRV_PROXY_OWN;
	if (version_and_command != 0x21 || family >> 4 > 3 ||
	    (family & 15) > 2)
		return DSRV_PROXY_MALFORMED;
	return family >> 4 != 0 && (family & 15) == 1 ? DSRV_PROXY_GIVEN :
	    DSRV_PROXY_OWN;
}

START_TEST(proxy_binary_header_of_each_command_and_family_is_told_apart)
{
	unsigned command, family;
	size_t size, used;

	for (command = 0; command < 256; command++)
		for (family = 0; family < 256; family++) {
			size = binary(command, family, 216);
			used = feed(header, size + 1, DSRV_PROXY_STEP);
			ck_assert_int_eq(proxy.state,
			    expected(command, family));
			/* A wrong one is known before the rest has come. */
			ck_assert_uint_eq(used, proxy.state ==
			    DSRV_PROXY_MALFORMED ? 16 : size);
		}
}
END_TEST

START_TEST(proxy_binary_header_too_short_for_its_addresses_is_malformed)
{
	static const size_t sizes[] = { 0, 12, 36, 216 };
	unsigned family;
	size_t length;

	for (family = 1; family <= 3; family++)
		for (length = 0; length <= sizes[family]; length++) {
			feed(header, binary(0x21, family << 4 | 1, length),
			    DSRV_PROXY_STEP);
			ck_assert_int_eq(proxy.state, length < sizes[family] ?
			    DSRV_PROXY_MALFORMED : DSRV_PROXY_GIVEN);
		}
}
END_TEST

/* One of them is a checksum that is wrong. */
START_TEST(proxy_binary_header_is_passed_over_to_the_end_of_its_tlvs)
{
	size_t length, size, most;

	for (length = 12; length <= 65535; length += length < 600 ? 1 : 4099) {
		size = binary(0x21, 0x11, length);
		memcpy(header + 16, "\300\0\2\1\306\63\144\2\22\147\0\120",
		    12);
		if (length >= 19)
			memcpy(header + 28, "\3\0\4\1\2\3\4", 7);
		for (most = 1; most <= DSRV_PROXY_STEP; most += 73) {
			ck_assert_uint_eq(feed(header, size + 1, most), size);
			expect_addresses("192.0.2.1:4711", "198.51.100.2:80");
		}
	}
	size = binary(0x20, 0xff, 65535);
	ck_assert_uint_eq(feed(header, size + 1, DSRV_PROXY_STEP), size);
	ck_assert_int_eq(proxy.state, DSRV_PROXY_OWN);
}
END_TEST

START_TEST(proxy_binary_header_that_is_cut_anywhere_goes_on)
{
	size_t size = binary(0x21, 0x21, 600), cut, most;

	for (cut = 0; cut < size; cut++)
		for (most = 1; most <= 17; most++) {
			ck_assert_uint_eq(feed(header, cut, most), cut);
			ck_assert_int_eq(proxy.state, DSRV_PROXY_MORE);
			ck_assert_uint_le(dsrv_proxy_wants(&proxy),
			    size - cut);
		}
}
END_TEST

START_TEST(proxy_header_that_is_over_takes_no_more)
{
	struct dsrv_proxy before;

	state_after(lines[0]);
	before = proxy;
	ck_assert_int_eq(dsrv_proxy_take(&proxy, lines[0], 15),
	    DSRV_PROXY_GIVEN);
	ck_assert_int_eq(memcmp(&before, &proxy, sizeof proxy), 0);
	memset(&proxy, 0, sizeof proxy);
	ck_assert_int_eq(dsrv_proxy_take(&proxy, "", 0), DSRV_PROXY_MORE);
	ck_assert_uint_eq(proxy.size, 0);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		proxy_line_has_the_addresses_of_client_and_server,
		proxy_line_of_an_unknown_client_leaves_the_own_addresses,
		proxy_takes_not_one_byte_more_than_a_line,
		proxy_line_that_is_cut_anywhere_goes_on,
		proxy_line_that_is_malformed_is_told,
		proxy_line_with_a_nul_in_it_is_malformed,
		proxy_line_of_107_bytes_is_read_and_a_longer_one_too_long,
		proxy_header_that_is_missing_is_told_at_its_first_wrong_byte,
		proxy_binary_header_has_the_addresses_of_client_and_server,
		proxy_binary_header_has_names_of_unix_sockets,
		proxy_binary_header_of_each_command_and_family_is_told_apart,
		proxy_binary_header_too_short_for_its_addresses_is_malformed,
		proxy_binary_header_is_passed_over_to_the_end_of_its_tlvs,
		proxy_binary_header_that_is_cut_anywhere_goes_on,
		proxy_header_that_is_over_takes_no_more
	};

	return RUN_TESTS("proxy", tests);
}
