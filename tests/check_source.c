/*
 * check_source.c - how many workers each source has
 *
 * SPDX-License-Identifier: ISC
 */
#include "config.h"

#include "admission.h"
#include "harness.h"

enum { MOST = DSRV_WORKERS_MAX };

static const uint64_t key[2] = { 0x0123456789abcdef, 0xfedcba9876543210 };
static struct dsrv_sources sources;

static struct dsrv_host
ipv4(unsigned number)
{
	struct dsrv_host host = { .kind = DSRV_HOST_IPV4 };
	int i;

	for (i = 0; i < 4; i++)
		host.bytes[i] = (unsigned char)(number >> (24 - 8 * i));
	return host;
}

/* An address of this network, with this host number. */
static struct dsrv_host
ipv6(unsigned network, unsigned number)
{
	struct dsrv_host host = { .kind = DSRV_HOST_IPV6 };
	int i;

	for (i = 0; i < 4; i++) {
		host.bytes[4 + i] = (unsigned char)(network >> (24 - 8 * i));
		host.bytes[12 + i] = (unsigned char)(number >> (24 - 8 * i));
	}
	return host;
}

static void
open_sources(int ipv4_bits, int ipv6_bits)
{
	ck_assert_int_eq(dsrv_source_open(&sources, ipv4_bits, ipv6_bits, key),
	    0);
}

static int
count(struct dsrv_host host)
{
	return dsrv_source_count(&sources, &host);
}

static int
add(struct dsrv_host host)
{
	return dsrv_source_add(&sources, &host);
}

static int
lose(struct dsrv_host host)
{
	return dsrv_source_remove(&sources, &host);
}

START_TEST(source_has_as_many_workers_as_were_added_and_not_removed)
{
	open_sources(32, 64);
	ck_assert_int_eq(count(ipv4(1)), 0);
	ck_assert_int_eq(add(ipv4(1)), 0);
	ck_assert_int_eq(add(ipv4(1)), 0);
	ck_assert_int_eq(add(ipv4(2)), 0);
	ck_assert_int_eq(count(ipv4(1)), 2);
	ck_assert_int_eq(count(ipv4(2)), 1);
	ck_assert_int_eq(lose(ipv4(1)), 1);
	ck_assert_int_eq(count(ipv4(1)), 1);
	ck_assert_int_eq(lose(ipv4(1)), 1);
	ck_assert_int_eq(lose(ipv4(1)), 0);
	ck_assert_int_eq(count(ipv4(1)), 0);
	ck_assert_int_eq(count(ipv4(2)), 1);
	dsrv_source_close(&sources);
}
END_TEST

START_TEST(source_is_the_prefix_of_an_address)
{
	open_sources(24, 64);
	add(ipv4(0x0a000001));
	add(ipv4(0x0a0000ff));
	add(ipv4(0x0a000100));
	ck_assert_int_eq(count(ipv4(0x0a000080)), 2);
	ck_assert_int_eq(count(ipv4(0x0a000101)), 1);
	add(ipv6(1, 1));
	add(ipv6(1, 0xffffffff));
	add(ipv6(2, 1));
	ck_assert_int_eq(count(ipv6(1, 77)), 2);
	ck_assert_int_eq(count(ipv6(2, 77)), 1);
	dsrv_source_close(&sources);
}
END_TEST

START_TEST(source_of_each_family_is_another_even_with_a_prefix_of_0)
{
	struct dsrv_host local = { .kind = DSRV_HOST_UNIX };
	struct dsrv_host unknown = { .kind = DSRV_HOST_UNKNOWN };

	open_sources(0, 0);
	add(ipv4(1));
	add(ipv4(2));
	add(ipv6(1, 1));
	add(local);
	ck_assert_int_eq(count(ipv4(77)), 2);
	ck_assert_int_eq(count(ipv6(77, 77)), 1);
	ck_assert_int_eq(count(local), 1);
	ck_assert_int_eq(count(unknown), 0);
	dsrv_source_close(&sources);
}
END_TEST

START_TEST(source_table_has_room_for_as_many_sources_as_workers)
{
	unsigned i;

	open_sources(32, 64);
	for (i = 0; i < MOST; i++)
		ck_assert_int_eq(add(ipv6(i, i)), 0);
	ck_assert_int_eq(add(ipv6(MOST, 0)), -1);
	ck_assert_int_eq(add(ipv6(0, 1)), 0);	/* a known network */
	ck_assert_int_eq(count(ipv6(MOST, 0)), 0);
	for (i = 0; i < MOST; i += 2)
		ck_assert_int_eq(lose(ipv6(i, 0)), 1);
	for (i = 0; i < MOST; i++)
		ck_assert_int_eq(count(ipv6(i, 0)),
		    i == 0 ? 1 : (int)(i % 2));
	ck_assert_int_eq(lose(ipv6(0, 0)), 1);
	for (i = 1; i < MOST; i += 2)
		ck_assert_int_eq(lose(ipv6(i, 0)), 1);
	ck_assert_int_eq(sources.used, 0);
	for (i = 0; i < 2 * MOST; i++)
		ck_assert_int_eq(sources.slots[i].count, 0);
	dsrv_source_close(&sources);
}
END_TEST

/* A hundred thousand steps, in a plain array as well. */
START_TEST(source_counts_are_those_of_a_plain_array)
{
	static int plain[512];
	uint32_t random = 1;
	unsigned i, step;

	open_sources(32, 64);
	for (step = 0; step < 100000; step++) {
		random = random * 1664525 + 1013904223;
		i = random >> 8 & 511;
		if (random >> 31 && plain[i] < 3) {
			ck_assert_int_eq(add(ipv4(i)), 0);
			plain[i]++;
		} else {
			ck_assert_int_eq(lose(ipv4(i)), plain[i] > 0);
			plain[i] -= plain[i] > 0;
		}
		ck_assert_int_eq(count(ipv4(i)), plain[i]);
	}
	for (i = 0; i < 512; i++)
		ck_assert_int_eq(count(ipv4(i)), plain[i]);
	dsrv_source_close(&sources);
}
END_TEST

/* The longest run of used slots, which bounds a search. */
static int
longest_row(void)
{
	int i, row = 0, longest = 0;

	for (i = 0; i < 2 * MOST; i++) {
		row = sources.slots[i].count > 0 ? row + 1 : 0;
		longest = row > longest ? row : longest;
	}
	return longest;
}

START_TEST(source_is_found_in_few_steps_in_a_full_table)
{
	unsigned i, step;

	for (step = 0; step < 24; step++) {
		open_sources(32, 64);
		for (i = 0; i < MOST; i++)	/* adjacent, and far apart */
			add(ipv4(step < 16 ? i << step : i * 65537));
		ck_assert_int_le(longest_row(), 200);
		dsrv_source_close(&sources);
	}
}
END_TEST

START_TEST(source_has_another_slot_with_another_key)
{
	uint64_t other[2] = { key[0], key[1] ^ 1 };
	unsigned i, here, same = 0;

	for (i = 0; i < 64; i++) {
		open_sources(32, 64);
		add(ipv4(i));
		for (here = 0; sources.slots[here].count == 0; here++)
			;
		dsrv_source_close(&sources);
		ck_assert_int_eq(dsrv_source_open(&sources, 32, 64, other), 0);
		add(ipv4(i));
		same += sources.slots[here].count > 0;
		dsrv_source_close(&sources);
	}
	ck_assert_int_le(same, 2);
}
END_TEST

int
main(void)
{
	const TTest *const tests[] = {
		source_has_as_many_workers_as_were_added_and_not_removed,
		source_is_the_prefix_of_an_address,
		source_of_each_family_is_another_even_with_a_prefix_of_0,
		source_table_has_room_for_as_many_sources_as_workers,
		source_counts_are_those_of_a_plain_array,
		source_is_found_in_few_steps_in_a_full_table,
		source_has_another_slot_with_another_key
	};

	return RUN_TESTS("source", tests);
}
