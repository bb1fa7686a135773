/* RPZ zones: the triggers and actions that are read, and a place for each that is not. */
#include "policy_world.h"

#define APEX                                                                                   \
	"$TTL 300\n$ORIGIN rpz.example.\n@ SOA localhost. root.localhost. 1 2 3 4 5\n@ NS "    \
	"localhost.\n"

static void the_actions_for_names_are_taken(void **state)
{
	(void)state;
	struct source zone;
	source_make(&zone, NG_FORMAT_RPZ,
		    APEX "github.com CNAME rpz-passthru.\n*.npmjs.org CNAME RPZ-Passthru.\n"
			 "Evil.npmjs.org CNAME .\nnodata.example CNAME *.\n"
			 "*.ads.example 60 IN CNAME .\n");
	assert_string_equal(zone.said, "");
	const char *const asked[][2] = {
		{"github.com", "allow 2"},
		{"evil.github.com", "none"},
		{"npmjs.org", "none"},
		{"registry.npmjs.org", "allow *2"},
		{"evil.npmjs.org", "nxdomain 3"},
		{"a.evil.npmjs.org", "allow *2"},
		{"nodata.example", "nodata 2"},
		{"x.ads.example", "nxdomain *2"},
		{"evil.com", "none"},
		{"github.com.rpz.example", "none"},
	};
	for (size_t i = 0; i < COUNT(asked); i++)
		assert_string_equal(source_says(&zone, asked[i][0]), asked[i][1]);
	source_finish(&zone);
}

/* The zone that BIND and Unbound read as permitting evil.com or evil.github.com (RPZ.md). */
static void a_wildcard_denial_is_never_shadowed(void **state)
{
	(void)state;
	struct source zone;
	source_make(&zone, NG_FORMAT_RPZ,
		    APEX "github.com CNAME rpz-passthru.\n*.npmjs.org CNAME rpz-passthru.\n"
			 "* CNAME .\n");
	assert_string_equal(zone.said, "");
	const char *const denied[] = {"evil.com",        "evil.org", "npmjs.org",
				      "evil.github.com", "com",      "x.y.github.com"};
	for (size_t i = 0; i < COUNT(denied); i++)
		assert_string_equal(source_says(&zone, denied[i]), "nxdomain *0");
	assert_string_equal(source_says(&zone, "github.com"), "allow 2");
	source_finish(&zone);
}

static void what_is_no_rule_is_said_with_its_place(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"a.example CNAME rpz-something.", "5:17 rpz-unknown?"},
		{"a.example CNAME a.example.", "5:17 rpz-old-passthru"},
		{"a.example CNAME a.example", "5:17 rpz-old-passthru"},
		{"a.example DNAME b.", "5:1 rpz-action"},
		{"a.example NS b.", "5:1 rpz-action"},
		{"a.example DS 1 8 2 00", "5:1 rpz-dnssec?"},
		{"a.example HTTPS 1 .", "5:1 rpz-action"},
		{"a.example A 127.0.0.1", "5:13 rpz-never?"},
		{"_53._udp.a.example CNAME .", "5:26 rpz-port"},
		{"_53._udp.a.example A 192.0.2.1", "5:22 rpz-port"},
		{"_0._tcp.a.example CNAME rpz-passthru.", "5:1 rpz-port"},
		{"_70000._tcp.a.example CNAME rpz-passthru.", "5:1 rpz-port"},
		{"_443._tcp CNAME rpz-passthru.", "5:1 rpz-port"},
		{"33.1.2.0.192.rpz-ip CNAME .", "5:1 rpz-address"},
		{"0.0.0.0.0.rpz-ip CNAME .", "5:1 rpz-address"},
		{"24.1.2.0.192.rpz-ip CNAME .", "5:1 rpz-address"},
		{"32.01.2.0.192.rpz-ip CNAME .", "5:1 rpz-address"},
		{"032.1.2.0.192.rpz-ip CNAME .", "5:1 rpz-address"},
		{"32.256.2.0.192.rpz-ip CNAME .", "5:1 rpz-address"},
		{"32.2.0.192.rpz-ip CNAME .", "5:1 rpz-address"},
		{"rpz-ip CNAME .", "5:1 rpz-address"},
		{"32.rpz-client-ip CNAME .", "5:1 rpz-address"},
		{"128.1.0.0.0.0.0.db8.2001.rpz-ip CNAME .", "5:1 rpz-address"},
		{"128.1.zz.0.db8.2001.rpz-ip CNAME .", "5:1 rpz-address"},
		{"128.1.zz.db8.zz.rpz-ip CNAME .", "5:1 rpz-address"},
		{"128.0001.zz.db8.2001.rpz-ip CNAME .", "5:1 rpz-address"},
		{"128.1.2.3.4.zz.6.7.8.rpz-ip CNAME .", "5:1 rpz-address"},
		{"129.1.zz.db8.2001.rpz-ip CNAME .", "5:1 rpz-address"},
		{"32.1.zz.db8.2001.rpz-ip CNAME .", "5:1 rpz-address"},
		{"ns.evil.example.rpz-nsdname CNAME .", "5:1 rpz-nsdname?"},
		{"32.1.2.0.192.rpz-nsip CNAME .", "5:1 rpz-nsip?"},
		{"a.example.rpz-else CNAME .", "5:1 rpz-trigger"},
		{"a.*.example CNAME .", "5:1 rpz-wildcard"},
		{"*.*.example CNAME .", "5:1 rpz-wildcard"},
		{"@ CNAME .", "5:1 rpz-apex"},
		{"@ TXT text", "5:1 rpz-apex?"},
		{"* CNAME rpz-passthru.", "5:1 rpz-everything?"},
		{"a.example CH CNAME .", "5:1 zone-class"},
		{"a.other. CNAME .", "5:1 zone-outside"},
		{"@ SOA localhost. root. 1 2 3 4 5", "5:1 zone-soa"},
		{"b SOA localhost. root. 1 2 3 4 5", "5:1 zone-origin"},
		{"$INCLUDE /etc/passwd", "5:1 zone-directive"},
		{"a.example CNAME", "5:1 zone-record"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct source zone;
		char text[512];
		snprintf(text, sizeof(text), APEX "%s\nfine.example CNAME .\n", cases[i][0]);
		source_make(&zone, NG_FORMAT_RPZ, text);
		assert_string_equal(zone.said, cases[i][1]);
		assert_int_equal(zone.code, strchr(cases[i][1], '?') ? NG_OK : NG_E_SYNTAX);
		source_finish(&zone);
	}
}

static void a_warned_rule_does_not_work_in_silence(void **state)
{
	(void)state;
	struct source zone;
	source_make(&zone, NG_FORMAT_RPZ,
		    APEX
		    "a.example CNAME rpz-something.\nns.b.rpz-nsdname CNAME rpz-passthru.\n"
		    "ok.example CNAME rpz-passthru.\n");
	assert_int_equal(zone.code, NG_OK);
	assert_int_equal(ng_ruleset_count(zone.ruleset), 1);
	source_finish(&zone);
}

static void a_feed_of_name_servers_is_counted(void **state)
{
	static char text[64 * 64] = APEX;
	(void)state;
	struct source zone;
	for (int i = 0; i < 40; i++)
		snprintf(text + strlen(text), 64, "ns%d.b.rpz-nsdname CNAME .\n", i);
	strcat(text, "a.example CNAME .\n");
	source_make(&zone, NG_FORMAT_RPZ, text);
	assert_int_equal(zone.code, NG_OK);
	assert_int_equal(zone.diags.n, 9); /* eight with their places, and the count */
	assert_string_equal(zone.diags.items[8].reason,
			    "40 records of the zone have this finding, 8 of them are told");
	source_finish(&zone);
}

static void repeats_are_warned_of_and_contradictions_refused(void **state)
{
	(void)state;
	struct source zone;
	source_make(&zone, NG_FORMAT_RPZ, APEX "a.example CNAME .\nA.example CNAME .\n");
	assert_string_equal(zone.said, "6:1 rule-repeat?");
	source_finish(&zone);
	source_make(&zone, NG_FORMAT_RPZ, APEX "a.example CNAME .\n  CNAME *.\n");
	assert_int_equal(zone.code, NG_E_SYNTAX);
	assert_string_equal(zone.said, "6:3 rule-contradiction");
	assert_string_equal(zone.diags.items[0].reason,
			    "a.example contradicts what test:5:1 says of it");
	source_finish(&zone);
}

static void zones_in_the_wild_lack_soa_ns_and_ttl(void **state)
{
	(void)state;
	struct source zone;
	const char text[] = "a.example CNAME .\n";
	source_make_n(&zone, NG_FORMAT_RPZ, text, strlen(text), "rpz.example");
	assert_int_equal(zone.code, NG_OK);
	assert_string_equal(zone.said, "1:1 zone-ttl?, 1:1 zone-soa?, 1:1 zone-ns?");
	assert_string_equal(source_says(&zone, "a.example"), "nxdomain 2");
	source_finish(&zone);
	/* Without a name from anywhere nobody knows what the owners are relative to. */
	source_make(&zone, NG_FORMAT_RPZ, text);
	assert_int_equal(zone.code, NG_E_SYNTAX);
	assert_string_equal(zone.said, "1:1 zone-origin");
	source_finish(&zone);
}

static void another_origin_than_configured_is_refused(void **state)
{
	(void)state;
	struct source zone;
	const char text[] = APEX "a.example CNAME .\n";
	source_make_n(&zone, NG_FORMAT_RPZ, text, strlen(text), "RPZ.Example.");
	assert_int_equal(zone.code, NG_OK);
	source_finish(&zone);
	source_make_n(&zone, NG_FORMAT_RPZ, text, strlen(text), "other.example");
	assert_int_equal(zone.code, NG_E_SYNTAX);
	assert_string_equal(zone.said, "3:1 zone-origin, 4:1 zone-outside, 5:1 zone-outside");
	source_finish(&zone);
	source_make_n(&zone, NG_FORMAT_RPZ, text, strlen(text), "a..b");
	assert_string_equal(zone.said, "0:0 zone-origin");
	source_finish(&zone);
}

static void a_zone_without_rules_says_so(void **state)
{
	(void)state;
	struct source zone;
	source_make(&zone, NG_FORMAT_RPZ, APEX);
	assert_int_equal(zone.code, NG_OK);
	assert_string_equal(zone.said, "1:1 rpz-no-rule?");
	source_finish(&zone);
	source_make(&zone, NG_FORMAT_RPZ, "$TTL 5\n; nothing\n");
	assert_int_equal(zone.code, NG_E_SYNTAX);
	assert_string_equal(zone.said, "1:1 source-empty");
	source_finish(&zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_actions_for_names_are_taken),
		cmocka_unit_test(a_wildcard_denial_is_never_shadowed),
		cmocka_unit_test(what_is_no_rule_is_said_with_its_place),
		cmocka_unit_test(a_warned_rule_does_not_work_in_silence),
		cmocka_unit_test(a_feed_of_name_servers_is_counted),
		cmocka_unit_test(repeats_are_warned_of_and_contradictions_refused),
		cmocka_unit_test(zones_in_the_wild_lack_soa_ns_and_ttl),
		cmocka_unit_test(another_origin_than_configured_is_refused),
		cmocka_unit_test(a_zone_without_rules_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
