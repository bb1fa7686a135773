/* Addresses and prefixes: text, canonical form, containment, and where an address leads. */
#include "unit.h"

#include <namegate/addr.h>

static struct ng_addr addr(const char *text)
{
	struct ng_addr out = {0};
	if (ng_addr_parse(text, &out) != NG_OK)
		fail_msg("%s is no address", text);
	return out;
}

static struct ng_prefix prefix(const char *text)
{
	struct ng_prefix out = {0};
	if (ng_prefix_parse(text, &out) != NG_OK)
		fail_msg("%s is no prefix", text);
	return out;
}

static void made_from_octets(void **state)
{
	(void)state;
	uint8_t *four = exact("\xc0\0\2\1", 4);
	struct ng_addr a = ng_addr_make(NG_IPV4, four), b = addr("192.0.2.1"), none = {0};
	free(four);
	assert_true(ng_addr_equal(&a, &b));
	assert_int_equal(ng_addr_len(&a), 4);
	for (int i = 4; i < 16; i++)
		assert_int_equal(a.bytes[i], 0);
	a = ng_addr_make(NG_IPV6, (const uint8_t[16]){[15] = 1});
	assert_int_equal(ng_addr_len(&a), 16);
	a = ng_addr_make(NG_NOFAMILY, NULL);
	assert_true(ng_addr_equal(&a, &none));
	a = ng_addr_make((enum ng_family)5, NULL);
	assert_int_equal(ng_addr_len(&a), 0);
	struct ng_addr zero4 = addr("0.0.0.0"), zero6 = addr("::");
	assert_false(ng_addr_equal(&zero4, &zero6));
	assert_false(ng_addr_equal(&zero4, &none));
}

static void text_round_trips(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{"192.0.2.1", NULL},
		{"255.255.255.255", NULL},
		{"::", NULL},
		{"::1", NULL},
		{"2001:DB8:0:0:1:0:0:1",
		 "2001:db8::1:0:0:1"},          /* RFC 5952 4.2.3: the first run */
		{"2001:db8:0:1:1:1:1:1", NULL}, /* 4.2.2: no run of one */
		{"2001:0db8::0001", "2001:db8::1"},
		{"::ffff:192.0.2.1", NULL},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		char *buf = malloc(NG_ADDR_TEXT);
		struct ng_addr a = addr(texts[i][0]);
		assert_string_equal(ng_addr_format(&a, buf),
				    texts[i][1] ? texts[i][1] : texts[i][0]);
		free(buf);
	}
	char buf[NG_ADDR_TEXT];
	assert_string_equal(ng_addr_format(&(struct ng_addr){0}, buf), "none");
}

static void bad_addresses(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",         "1",          "1.2.3",      "1.2.3.4.5",  "256.1.1.1",
		"01.2.3.4", " 1.2.3.4",   "1.2.3.4 ",   "1.2.3.4:53", "fe80::1%eth0",
		":::",      "1::2::3",    "[::1]",      "12345::",    "::g",
		"0x7f.1",   "2130706433", "1.2.3.4/32", "::1.2.3",    "1:2:3:4:5:6:7:8:9",
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct ng_addr a = addr("10.9.8.7"), before = a;
		if (ng_addr_parse(texts[i], &a) != NG_E_FORMAT)
			fail_msg("%s passed", texts[i]);
		assert_true(ng_addr_equal(&a, &before));
	}
}

static void prefix_text(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		{"192.0.2.0/24", NULL},   {"0.0.0.0/0", NULL}, {"192.0.2.1", "192.0.2.1/32"},
		{"192.0.2.128/25", NULL}, {"fd00::/8", NULL},  {"::/0", NULL},
		{"2001:db8::/127", NULL}, {"::1", "::1/128"},  {"128.0.0.0/1", NULL},
	};
	for (size_t i = 0; i < COUNT(texts); i++) {
		char buf[NG_PREFIX_TEXT];
		struct ng_prefix p = prefix(texts[i][0]);
		assert_true(ng_prefix_valid(&p));
		assert_string_equal(ng_prefix_format(&p, buf),
				    texts[i][1] ? texts[i][1] : texts[i][0]);
	}
	char buf[NG_PREFIX_TEXT];
	assert_string_equal(ng_prefix_format(&(struct ng_prefix){0}, buf), "none");
	struct ng_prefix longest = prefix("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128");
	assert_true(strlen(ng_prefix_format(&longest, buf)) < NG_PREFIX_TEXT);
}

static void bad_prefixes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{"", NG_E_FORMAT},
		{"/8", NG_E_FORMAT},
		{"10.0.0.0/", NG_E_FORMAT},
		{"10.0.0.0/08", NG_E_FORMAT},
		{"10.0.0.0/+8", NG_E_FORMAT},
		{"10.0.0.0/8 ", NG_E_FORMAT},
		{"10.0.0.0/8/8", NG_E_FORMAT},
		{"10.0.0.0/0x8", NG_E_FORMAT},
		{"10.0.0.0/1000", NG_E_FORMAT},
		{"10.0.0.0/-1", NG_E_FORMAT},
		{"host/8", NG_E_FORMAT},
		{"10.0.0.0/33", NG_E_RANGE},
		{"::/129", NG_E_RANGE},
		{"::/999", NG_E_RANGE},
		{"10.0.0.1/8", NG_E_RANGE},
		{"192.0.2.128/24", NG_E_RANGE},
		{"fd00::1/127", NG_E_RANGE},
		{"1.2.3.4/0", NG_E_RANGE},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_prefix p = {.bits = 77};
		int error = ng_prefix_parse(cases[i].text, &p);
		if (error != cases[i].error)
			fail_msg("%s gives %d", cases[i].text, error);
		assert_int_equal(p.bits, 77);
	}
	char text[200];
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	struct ng_prefix p;
	assert_int_equal(ng_prefix_parse(text, &p), NG_E_FORMAT);
}

static void valid_is_canonical(void **state)
{
	(void)state;
	struct ng_prefix p = prefix("10.0.0.0/8");
	p.bits = 33;
	assert_false(ng_prefix_valid(&p));
	p.bits = 4; /* 10 is 00001010 */
	assert_false(ng_prefix_valid(&p));
	p = prefix("10.0.0.0/8");
	p.addr.bytes[15] = 1; /* behind an IPv4 address */
	assert_false(ng_prefix_valid(&p));
	p = prefix("10.0.0.0/8");
	p.addr.family = 5;
	assert_false(ng_prefix_valid(&p));
	assert_false(ng_prefix_valid(&(struct ng_prefix){0}));
	p = prefix("ff00::/8");
	p.bits = 129;
	assert_false(ng_prefix_valid(&p));
}

static void containment(void **state)
{
	(void)state;
	static const struct {
		const char *prefix, *addr;
		bool in;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/25", "192.0.2.127", true},
		{"192.0.2.0/25", "192.0.2.128", false},
		{"0.0.0.0/0", "255.0.0.1", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "1.2.3.4", false},
		{"::/0", "ffff::", true},
		{"fe80::/10", "febf:ffff::", true},
		{"fe80::/10", "fec0::", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.0", false},
		{"2001:db8::/127", "2001:db8::1", true},
		{"2001:db8::/127", "2001:db8::2", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_prefix p = prefix(cases[i].prefix);
		struct ng_addr a = addr(cases[i].addr);
		if (ng_prefix_contains(&p, &a) != cases[i].in)
			fail_msg("%s in %s", cases[i].addr, cases[i].prefix);
	}
	struct ng_prefix none = {0};
	assert_false(ng_prefix_contains(&none, &none.addr));
}

static void overlap_is_symmetric(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b;
		bool yes;
	} cases[] = {
		{"10.0.0.0/8", "10.1.0.0/16", true}, {"10.0.0.0/8", "11.0.0.0/8", false},
		{"10.0.0.0/8", "10.0.0.0/8", true},  {"0.0.0.0/0", "1.1.1.1", true},
		{"0.0.0.0/0", "::/0", false},        {"fd00::/9", "fd80::/9", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_prefix a = prefix(cases[i].a), b = prefix(cases[i].b);
		assert_int_equal(ng_prefix_overlaps(&a, &b), cases[i].yes);
		assert_int_equal(ng_prefix_overlaps(&b, &a), cases[i].yes);
	}
}

static void hosts(void **state)
{
	(void)state;
	struct ng_prefix p = prefix("10.0.0.1");
	assert_true(ng_prefix_is_host(&p));
	p = prefix("10.0.0.0/31");
	assert_false(ng_prefix_is_host(&p));
	p = prefix("::1");
	assert_true(ng_prefix_is_host(&p));
	p = prefix("::/32");
	assert_false(ng_prefix_is_host(&p));
	assert_false(ng_prefix_is_host(&(struct ng_prefix){0}));
}

static void reach_at_every_border(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum ng_reach reach;
	} cases[] = {
		{"0.0.0.0", NG_REACH_NEVER},
		{"0.255.255.255", NG_REACH_NEVER},
		{"1.0.0.0", NG_REACH_PUBLIC},
		{"9.255.255.255", NG_REACH_PUBLIC},
		{"10.0.0.0", NG_REACH_PRIVATE},
		{"10.255.255.255", NG_REACH_PRIVATE},
		{"11.0.0.0", NG_REACH_PUBLIC},
		{"100.63.255.255", NG_REACH_PUBLIC},
		{"100.64.0.0", NG_REACH_PRIVATE},
		{"100.127.255.255", NG_REACH_PRIVATE},
		{"100.128.0.0", NG_REACH_PUBLIC},
		{"100.100.100.199", NG_REACH_PRIVATE},
		{"100.100.100.200", NG_REACH_NEVER},
		{"100.100.100.201", NG_REACH_PRIVATE},
		{"126.255.255.255", NG_REACH_PUBLIC},
		{"127.0.0.0", NG_REACH_NEVER},
		{"127.255.255.255", NG_REACH_NEVER},
		{"128.0.0.0", NG_REACH_PUBLIC},
		{"168.63.129.15", NG_REACH_PUBLIC},
		{"168.63.129.16", NG_REACH_NEVER},
		{"168.63.129.17", NG_REACH_PUBLIC},
		{"169.253.255.255", NG_REACH_PUBLIC},
		{"169.254.0.0", NG_REACH_NEVER},
		{"169.254.169.254", NG_REACH_NEVER},
		{"169.255.0.0", NG_REACH_PUBLIC},
		{"172.15.255.255", NG_REACH_PUBLIC},
		{"172.16.0.0", NG_REACH_PRIVATE},
		{"172.31.255.255", NG_REACH_PRIVATE},
		{"172.32.0.0", NG_REACH_PUBLIC},
		{"192.0.0.0", NG_REACH_PRIVATE},
		{"192.0.0.255", NG_REACH_PRIVATE},
		{"192.0.1.0", NG_REACH_PUBLIC},
		{"192.167.255.255", NG_REACH_PUBLIC},
		{"192.168.0.0", NG_REACH_PRIVATE},
		{"192.168.255.255", NG_REACH_PRIVATE},
		{"192.169.0.0", NG_REACH_PUBLIC},
		{"198.17.255.255", NG_REACH_PUBLIC},
		{"198.18.0.0", NG_REACH_PRIVATE},
		{"198.19.255.255", NG_REACH_PRIVATE},
		{"198.20.0.0", NG_REACH_PUBLIC},
		{"223.255.255.255", NG_REACH_PUBLIC},
		{"224.0.0.0", NG_REACH_NEVER},
		{"240.0.0.1", NG_REACH_NEVER},
		{"255.255.255.255", NG_REACH_NEVER},
		{"::", NG_REACH_NEVER},
		{"::1", NG_REACH_NEVER},
		{"2606:4700::1", NG_REACH_PUBLIC},
		{"fbff::", NG_REACH_PUBLIC},
		{"fc00::", NG_REACH_PRIVATE},
		{"fdff:ffff::", NG_REACH_PRIVATE},
		{"fd00:ec2::253", NG_REACH_PRIVATE},
		{"fd00:ec2::254", NG_REACH_NEVER},
		{"fe00::", NG_REACH_PUBLIC},
		{"fe80::", NG_REACH_NEVER},
		{"febf:ffff::1", NG_REACH_NEVER},
		{"fec0::", NG_REACH_PRIVATE},
		{"feff::", NG_REACH_PRIVATE},
		{"ff00::", NG_REACH_NEVER},
		{"ff02::1", NG_REACH_NEVER},
		{"100::1", NG_REACH_PRIVATE},
		{"2001:2::1", NG_REACH_PRIVATE},
		{"5f00::1", NG_REACH_PRIVATE},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_addr a = addr(cases[i].text);
		if (ng_addr_reach(&a) != cases[i].reach)
			fail_msg("%s is %d", cases[i].text, ng_addr_reach(&a));
	}
	assert_int_equal(ng_addr_reach(&(struct ng_addr){0}), NG_REACH_NEVER);
	assert_int_equal(ng_addr_reach(&(struct ng_addr){.family = 5, .bytes = {1}}),
			 NG_REACH_NEVER);
}

/* Whatever lies in a range that is listed is at least as closed as the range says. */
static void reach_ranges_say_the_same(void **state)
{
	struct ng_prefix range;
	enum ng_reach reach;
	size_t never = 0, private = 0;

	(void)state;
	for (uint32_t cursor = 0; ng_reach_range(&cursor, &range, &reach);) {
		assert_true(ng_prefix_valid(&range));
		assert_true(ng_addr_reach(&range.addr) <= reach);
		never += reach == NG_REACH_NEVER;
		private += reach == NG_REACH_PRIVATE;
	}
	assert_true(never > 8 && private > 8);
}

static void reach_of_ipv4_inside_ipv6(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum ng_reach reach;
	} cases[] = {
		{"::ffff:127.0.0.1", NG_REACH_NEVER},
		{"::ffff:10.0.0.1", NG_REACH_NEVER},
		{"::ffff:8.8.8.8", NG_REACH_NEVER}, /* no packet on a wire looks like that */
		{"::127.0.0.1", NG_REACH_NEVER},
		{"::10.0.0.1", NG_REACH_PRIVATE},
		{"::8.8.8.8", NG_REACH_PUBLIC},
		{"64:ff9b::169.254.169.254", NG_REACH_NEVER},
		{"64:ff9b::192.168.0.1", NG_REACH_PRIVATE},
		{"64:ff9b::8.8.8.8", NG_REACH_PUBLIC},
		{"64:ff9b:1::8.8.8.8", NG_REACH_PRIVATE},
		{"64:ff9b:1::169.254.169.254", NG_REACH_NEVER},
		{"64:ff9b:1:a9fe:a9:fe00::", NG_REACH_NEVER},   /* RFC 6052 2.2, /48 */
		{"64:ff9b:1:a9:fe:a9fe::", NG_REACH_NEVER},     /* /56 */
		{"64:ff9b:1:0:a9:fea9:fe00:0", NG_REACH_NEVER}, /* /64 */
		{"64:ff9b:1:808:8:800::", NG_REACH_PRIVATE},    /* 8.8.8.8 at /48 */
		{"2002:7f00:1::", NG_REACH_NEVER},              /* 127.0.0.1 */
		{"2002:a00:1::", NG_REACH_PRIVATE},
		{"2002:808:808::1", NG_REACH_PUBLIC},
		{"2001:0:808:808::f7f7:f7f7", NG_REACH_PUBLIC},  /* Teredo, client 8.8.8.8 */
		{"2001:0:808:808::f5ff:fffe", NG_REACH_PRIVATE}, /* client 10.0.0.1 */
		{"2001:0:808:808::5601:5601", NG_REACH_NEVER},   /* client 169.254.169.254 */
		{"2001:0:7f00:1::f7f7:f7f7", NG_REACH_NEVER},    /* server 127.0.0.1 */
		{"2001:1::1", NG_REACH_PUBLIC},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct ng_addr a = addr(cases[i].text);
		if (ng_addr_reach(&a) != cases[i].reach)
			fail_msg("%s is %d", cases[i].text, ng_addr_reach(&a));
	}
}

static void only_private_can_be_opened(void **state)
{
	(void)state;
	struct ng_prefix all[] = {prefix("0.0.0.0/0"), prefix("::/0")};
	struct ng_prefix ten[] = {prefix("fd00::/8"), prefix("10.1.0.0/16")};
	struct ng_addr public = addr("8.8.8.8"), loopback = addr("127.0.0.1"),
		       private = addr("10.1.2.3"), other = addr("10.2.2.3"),
		       metadata = addr("fd00:ec2::254"), local = addr("fd00::1");
	assert_true(ng_addr_openable(&public, NULL, 0));
	assert_false(ng_addr_openable(&private, NULL, 0));
	assert_true(ng_addr_openable(&private, ten, 2));
	assert_false(ng_addr_openable(&private, ten, 1));
	assert_false(ng_addr_openable(&other, ten, 2));
	assert_true(ng_addr_openable(&local, ten, 2));
	assert_false(ng_addr_openable(&metadata, ten, 2));
	assert_false(ng_addr_openable(&loopback, all, 2));
	assert_false(ng_addr_openable(&(struct ng_addr){0}, all, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_from_octets),
		cmocka_unit_test(text_round_trips),
		cmocka_unit_test(bad_addresses),
		cmocka_unit_test(prefix_text),
		cmocka_unit_test(bad_prefixes),
		cmocka_unit_test(valid_is_canonical),
		cmocka_unit_test(containment),
		cmocka_unit_test(overlap_is_symmetric),
		cmocka_unit_test(hosts),
		cmocka_unit_test(reach_at_every_border),
		cmocka_unit_test(reach_ranges_say_the_same),
		cmocka_unit_test(reach_of_ipv4_inside_ipv6),
		cmocka_unit_test(only_private_can_be_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
