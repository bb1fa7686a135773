/* What becomes of patterns, prefixes and addresses on their way into the kernel. */
#include "warden/never.h"
#include "warden/sets.h"
#include "warden/steps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void patterns_compare_what_they_say(void **state)
{
	static const char whole[16] = "docker0";
	struct step steps[2];

	(void)state;
	assert_int_equal(step_interface(NFT_META_IIFNAME, "sb*", steps), NG_OK);
	assert_int_equal(steps[0].a, NFT_META_IIFNAME);
	assert_int_equal(steps[1].len, 2);
	assert_memory_equal(steps[1].data, "sb", 2);
	assert_int_equal(step_interface(NFT_META_OIFNAME, "docker0", steps), NG_OK);
	assert_int_equal(steps[1].len, 16);
	assert_memory_equal(steps[1].data, whole, 16);
}

static void patterns_that_cannot_be(void **state)
{
	static const char *const bad[] = {"", "*", "s*b", "sb**", "*b", "0123456789abcdef"};
	struct step steps[2];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(step_interface(NFT_META_IIFNAME, bad[i], steps), NG_E_RANGE);
	assert_int_equal(step_interface(NFT_META_IIFNAME, "0123456789abcd*", steps), NG_OK);
}

static struct ng_prefix prefix(const char *text)
{
	struct ng_prefix made;

	assert_int_equal(ng_prefix_parse(text, &made), NG_OK);
	return made;
}

static void last_of_a_prefix(void **state)
{
	static const char *const cases[][2] = {
		{"10.0.0.0/8", "10.255.255.255"},
		{"10.1.2.3", "10.1.2.3"},
		{"224.0.0.0/3", "255.255.255.255"},
		{"0.0.0.0/0", "255.255.255.255"},
		{"fd00::/9", "fd7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ng_prefix range = prefix(cases[i][0]);
		struct ng_addr last = prefix_last(&range);
		char text[NG_ADDR_TEXT];

		assert_string_equal(ng_addr_format(&last, text), cases[i][1]);
	}
}

static void keys_have_their_fields_in_place(void **state)
{
	static const uint8_t ports[16] = {10, 0, 0, 2, 44, 0, 0, 1, 6, 0, 0, 0, 0x01, 0xbb};
	static const uint8_t identity[20] = {'s', 'b', '1', [16] = 10, 0, 0, 2};
	struct ng_prefix source = prefix("10.0.0.2"), wide = prefix("10.0.0.0/24");
	struct ng_prefix to = prefix("44.0.0.1");
	struct ops ops = {0};
	struct op *op;

	(void)state;
	op = op_pair(&ops, &source.addr, &to.addr, 6, 443);
	assert_int_equal(op->set, SET_ALLOW4P);
	assert_int_equal(op->len, 16);
	assert_memory_equal(op->key, ports, 16);
	op = op_identity(&ops, SET_SBX4, "sb1", &source);
	assert_int_equal(op->set, SET_SBX4);
	assert_memory_equal(op->key, identity, 20);
	op = op_identity(&ops, SET_SBX4, "sb1", &wide);
	assert_int_equal(op->set, SET_SBX4NET);
	assert_true(op->has_end);
	assert_memory_equal(op->key_end, identity, 16);
	assert_int_equal(op->key_end[19], 255);
	ops_finish(&ops);
}

static void sources_have_a_set_for_each_kind(void **state)
{
	static const char *const kinds[] = {"10.0.0.2", "fd00::2", "10.0.0.0/24", "fd00::/64"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ng_prefix source = prefix(kinds[i]);

		assert_int_equal(set_for(SET_SBX4, &source), SET_SBX4 + i);
		assert_int_equal(set_for(SET_ANY4, &source), SET_ANY4 + i);
		assert_int_equal(set_for(SET_MASQ4, &source), SET_MASQ4 + i);
		assert_int_equal(set_for(SET_OBSERVE4, &source), SET_OBSERVE4 + i);
	}
}

static void ranges_have_both_ends_of_each_field(void **state)
{
	static const uint8_t first[16] = {10, 0, 0, 2, 10, 20, 0, 0, 17, 0, 0, 0, 0x15, 0x38};
	static const uint8_t last[16] = {10,  0,  0, 2, 10, 20,   255,
					 255, 17, 0, 0, 0,  0x15, 0x38};
	struct ng_prefix source = prefix("10.0.0.2"), to = prefix("10.20.0.0/16");
	struct ng_prefix source6 = prefix("fd00::/64"), to6 = prefix("2001:db8::1");
	struct ops ops = {0};
	struct op *op = op_range(&ops, &source, &to, 17, 5432);

	(void)state;
	assert_int_equal(op->set, SET_CIDR4P);
	assert_true(op->has_end);
	assert_memory_equal(op->key, first, 16);
	assert_memory_equal(op->key_end, last, 16);
	assert_int_equal(op_range(&ops, &source, &to, 0, 0)->set, SET_CIDR4);
	op = op_range(&ops, &source6, &to6, 0, 0);
	assert_int_equal(op->set, SET_CIDR6);
	assert_int_equal(op->key_end[15], 0xff);
	assert_int_equal(op->key_end[31], 1);
	assert_int_equal(op_range(&ops, &source6, &to6, 6, 1)->set, SET_CIDR6P);
	ops_finish(&ops);
}

/* The fields of an interval set, padded to four octets each, make up its key. */
static void fields_add_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < SET_COUNT; i++) {
		const uint8_t *fields = set_shapes[i].fields;
		size_t len = 0;

		for (size_t k = 0; k < sizeof(set_shapes[i].fields); k++)
			len += (fields[k] + 3u) / 4 * 4;
		assert_non_null(set_shapes[i].name);
		if (len)
			assert_int_equal(len, set_shapes[i].key_len);
		if (SET_IS_CIDR(i))
			assert_int_equal(set_shapes[i].key_len,
					 set_shapes[i - SET_CIDR4 + SET_ALLOW4].key_len);
	}
}

/* A range without a successor has no end marker; a plain set knows no ranges. */
static void ranges_have_ends(void **state)
{
	struct ng_prefix range = prefix("10.0.0.0/8"), top = prefix("224.0.0.0/3");
	struct ng_prefix host = prefix("10.0.0.2");
	struct ops ops = {0};

	(void)state;
	op_plain(&ops, SET_NEVER4, &range, false, 0);
	assert_int_equal(ops.n, 2);
	assert_int_equal(ops.items[1].key[0], 11);
	assert_true(ops.items[1].interval_end);
	op_plain(&ops, SET_NEVER4, &top, false, 0);
	assert_int_equal(ops.n, 3);
	op_plain(&ops, SET_MASQ4, &host, true, 9);
	assert_int_equal(ops.n, 4);
	assert_true(ops.items[3].remove);
	assert_int_equal(ops.items[3].tag, 9);
	ops_finish(&ops);
}

/* The kernel's list and the check before a lease must not drift apart. */
static void never_means_never(void **state)
{
	static const enum ng_family families[] = {NG_IPV4, NG_IPV6};
	struct ng_prefix list[NEVER_MAX];

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		size_t n = never_prefixes(families[f], list);

		assert_in_range(n, 5, NEVER_MAX);
		for (size_t i = 0; i < n; i++) {
			struct ng_addr last = prefix_last(&list[i]);

			assert_true(ng_prefix_valid(&list[i]));
			assert_int_equal(ng_addr_reach(&list[i].addr), NG_REACH_NEVER);
			/* ::/96 is closed beyond what the check knows: nothing lives there. */
			if (list[i].bits != 96)
				assert_int_equal(ng_addr_reach(&last), NG_REACH_NEVER);
			for (size_t k = 0; k < i; k++)
				assert_false(ng_prefix_overlaps(&list[i], &list[k]));
		}
	}
}

static void all_that_is_never_is_listed(void **state)
{
	struct ng_prefix list[NEVER_MAX];
	size_t n = never_prefixes(NG_IPV4, list);

	(void)state;
	for (uint32_t step = 0; step < 1u << 20;
	     step++) { /* every /20's first and a middle one */
		uint8_t octets[4] = {(uint8_t)(step >> 12), (uint8_t)(step >> 4),
				     (uint8_t)(step << 4), (uint8_t)(step * 7)};
		struct ng_addr addr = ng_addr_make(NG_IPV4, octets);
		bool listed = false;

		for (size_t i = 0; i < n && !listed; i++)
			listed = ng_prefix_contains(&list[i], &addr);
		assert_int_equal(listed, ng_addr_reach(&addr) == NG_REACH_NEVER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_compare_what_they_say),
		cmocka_unit_test(patterns_that_cannot_be),
		cmocka_unit_test(last_of_a_prefix),
		cmocka_unit_test(keys_have_their_fields_in_place),
		cmocka_unit_test(sources_have_a_set_for_each_kind),
		cmocka_unit_test(ranges_have_both_ends_of_each_field),
		cmocka_unit_test(fields_add_up),
		cmocka_unit_test(ranges_have_ends),
		cmocka_unit_test(never_means_never),
		cmocka_unit_test(all_that_is_never_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
