/*
 * Tokens: of an id two addresses that nothing else has, and the way back from a flow's label.
 */
#include "unit.h"

#include "base/token.h"

static void an_id_gives_one_of_each_family(void **state)
{
	(void)state;
	char text[NG_PREFIX_TEXT];
	struct ng_prefix sources[2];
	token_sources(1, sources);
	assert_string_equal(ng_prefix_format(&sources[0], text), "127.64.0.1/32");
	assert_string_equal(ng_prefix_format(&sources[1], text),
			    "fd6e:616d:6567:6174:7f40:1::/128");
	token_sources(UINT32_MAX, sources);
	assert_string_equal(ng_prefix_format(&sources[0], text), "127.127.255.255/32");
	assert_true(ng_prefix_valid(&sources[1]));
}

static void neighbours_differ(void **state)
{
	(void)state;
	struct ng_prefix one[2], other[2];
	for (uint32_t bit = 0; bit < 22; bit++) {
		token_sources(5, one);
		token_sources(5 ^ 1u << bit, other);
		for (size_t i = 0; i < 2; i++)
			assert_false(ng_addr_equal(&one[i].addr, &other[i].addr));
	}
}

static void a_label_leads_back(void **state)
{
	(void)state;
	struct ng_prefix sources[2];
	struct ng_addr found = {0};
	for (uint32_t id = 1; id; id <<= 1) {
		uint8_t label[TOKEN_LABEL];
		token_sources(id, sources);
		token_label(sources, label);
		assert_true(token_of_label(label, NG_IPV4, &found));
		assert_true(ng_addr_equal(&found, &sources[0].addr));
		assert_true(token_of_label(label, NG_IPV6, &found));
		assert_true(ng_addr_equal(&found, &sources[1].addr));
		assert_true(token_of_octets(label + TOKEN_AT4, NG_IPV6, &found));
		assert_true(ng_addr_equal(&found, &sources[1].addr));
		for (size_t i = 0; i < TOKEN_AT4 + 1; i++) { /* somebody else's label */
			label[i] ^= 0x80;
			assert_false(token_of_label(label, NG_IPV4, &found));
			label[i] ^= 0x80;
		}
	}
}

static void prefixes_that_hold_tokens(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool within;
	} cases[] = {
		{"127.64.0.0/10", true},   {"127.0.0.0/8", true},
		{"127.127.255.255", true}, {"127.128.0.0/9", false},
		{"127.0.0.1", false},      {"0.0.0.0/0", true},
		{"10.0.0.0/8", false},     {"fd6e:616d:6567:6174::1", true},
		{"fd00::/8", true},        {"fd6e:616d:6567:6175::/64", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_prefix prefix;
		assert_int_equal(ng_prefix_parse(cases[i].text, &prefix), NG_OK);
		assert_int_equal(token_within(&prefix), cases[i].within);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_gives_one_of_each_family),
		cmocka_unit_test(neighbours_differ),
		cmocka_unit_test(a_label_leads_back),
		cmocka_unit_test(prefixes_that_hold_tokens),
	};
	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
