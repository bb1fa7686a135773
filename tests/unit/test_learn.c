/* What is learnt, from observations made by hand: evidence, lines, bounds, and what is set aside. */
#include "learn_world.h"

static void given(struct world *world, const char *text, const char *addr)
{
	struct ng_name name = name_of(text);
	see_name(world, &name, NG_TYPE_A, TRAFFIC_ANSWERED, addr, NULL);
}

/* A flow of a capture, answered when it is of TCP. */
static void flow(struct world *world, const char *addr, uint8_t proto, uint16_t port, bool back)
{
	struct traffic_observation seen = {.kind = TRAFFIC_FLOW,
					   .server = addr_of(addr),
					   .proto = proto,
					   .port = port,
					   .client_port = 40000,
					   .began = true,
					   .packets = 1};
	see(world, &seen);
	if (!back)
		return;
	seen.more = true;
	seen.back = 3;
	see(world, &seen);
}

static void connect_to(struct world *world, const char *addr, uint16_t port)
{
	flow(world, addr, IPPROTO_TCP, port, true);
}

static void expect(struct world *world, const char *lines)
{
	propose(world);
	assert_string_equal(lines_of(&world->list), lines);
}

static enum learn_why why_of(const struct world *world, const char *text)
{
	struct ng_name name = name_of(text);
	for (size_t i = 0; i < world->list.n; i++) {
		if (ng_name_equal(&world->list.names[i].name, &name))
			return world->list.names[i].why;
	}
	fail_msg("%s was not kept", text);
	return LEARN_SILENT;
}

/* ---- ports and types ---- */

static void ports(void **state)
{
	struct world world;
	(void)state;
	begin(&world);
	given(&world, "web.example.test", "192.0.2.1");
	given(&world, "quic.example.test", "192.0.2.2");
	given(&world, "idle.example.test", "192.0.2.3");
	given(&world, "knocked.example.test", "192.0.2.4");
	connect_to(&world, "192.0.2.1", 443);
	connect_to(&world, "192.0.2.1", 80);
	flow(&world, "192.0.2.2", IPPROTO_UDP, 443, false);
	flow(&world, "192.0.2.4", IPPROTO_TCP, 22, false);
	world.wish.wildcard = 0;
	expect(&world, "idle.example.test\nknocked.example.test\n"
		       "quic.example.test:443/udp\nweb.example.test:80,443\n");
	world.wish.strict = true;
	expect(&world, "quic.example.test:443/udp\nweb.example.test:80,443\n");
	assert_int_equal(why_of(&world, "knocked.example.test"), LEARN_UNCONNECTED);
	finish(&world);
}

static void ports_of_who_stood_then(void **state)
{
	struct world world;
	(void)state;
	begin(&world);
	given(&world, "a.one.test", "192.0.2.1");
	given(&world, "b.two.test", "192.0.2.1");
	connect_to(&world, "192.0.2.1", 443); /* for either */
	world.now_us += 600000000;
	given(&world, "b.two.test", "192.0.2.1");
	connect_to(&world, "192.0.2.1", 8443); /* b's alone: a's lease is over */
	world.now_us += 600000000;
	connect_to(&world, "192.0.2.1", 9443); /* nobody's any more, so the last one's */
	expect(&world, "a.one.test:443\nb.two.test:443,8443,9443\n");
	finish(&world);
}

static void ports_by_another_address(void **state)
{
	struct world world;
	(void)state;
	begin(&world);
	given(&world, "six.example.test", "2001:db8:1::1");
	world.client = "2001:db8::2";
	connect_to(&world, "2001:db8:1::1", 443);
	expect(&world, "six.example.test:443\n");
	finish(&world);
}

static void unseen_flows_bound_nothing(void **state)
{
	struct world world;
	(void)state;
	begin(&world);
	world.sandbox = "ci"; /* records alone: what passes leaves none */
	given(&world, "api.example.test", "192.0.2.1");
	struct traffic_observation passed = {.kind = TRAFFIC_FLOW,
					     .server = addr_of("192.0.2.1"),
					     .proto = IPPROTO_TCP,
					     .port = 8443,
					     .began = true,
					     .packets = 2};
	see(&world, &passed);
	expect(&world, "api.example.test\n");
	world.sandbox = NULL; /* the same address in a capture */
	connect_to(&world, "192.0.2.1", 443);
	expect(&world, "api.example.test:443,8443\n");
	world.client = "10.77.1.3"; /* somebody else whose packets nobody saw */
	given(&world, "api.example.test", "192.0.2.1");
	expect(&world, "api.example.test\n");
	finish(&world);
}

static void too_many_ports(void **state)
{
	struct world world;
	(void)state;
	begin(&world);
	given(&world, "knock.example.test", "192.0.2.1");
	connect_to(&world, "192.0.2.1", 443);
	for (uint16_t port = 1000; port < 2000; port++)
		flow(&world, "192.0.2.1", IPPROTO_TCP, port, false);
	connect_to(&world, "192.0.2.1", 80);
	expect(&world, "knock.example.test:80,443\n");
	for (uint16_t port = 1000; port < 1015; port++)
		connect_to(&world, "192.0.2.1", port);
	expect(&world, "knock.example.test\n");
	finish(&world);
}

static void types(void **state)
{
	struct world world;
	struct ng_name name = name_of("mail.example.test"), text = name_of("txt.example.test");
	(void)state;
	begin(&world);
	see_name(&world, &name, NG_TYPE_A, TRAFFIC_ANSWERED, "192.0.2.1", NULL);
	see_name(&world, &name, NG_TYPE_MX, TRAFFIC_ANSWERED, NULL, NULL);
	see_name(&world, &name, NG_TYPE_HTTPS, TRAFFIC_EMPTY, NULL, NULL);
	see_name(&world, &name, NG_TYPE_ANY, TRAFFIC_ANSWERED, NULL, NULL);
	see_name(&world, &text, NG_TYPE_TXT, TRAFFIC_ANSWERED, NULL, NULL);
	expect(&world, "mail.example.test types=A,MX,AAAA\ntxt.example.test types=TXT\n");
	for (uint16_t type = 100; type < 107; type++)
		see_name(&world, &text, type, TRAFFIC_ANSWERED, NULL, NULL);
	given(&world, "x.example.test", "192.0.2.1");
	/* Eight of one and two of the others: no line could hold them all. */
	expect(&world, "mail.example.test types=A,MX,AAAA\n"
		       "txt.example.test "
		       "types=TXT,TYPE100,TYPE101,TYPE102,TYPE103,TYPE104,TYPE105,TYPE106\n"
		       "x.example.test\n");
	finish(&world);
}

static void privates(void **state)
{
	struct world world;
	struct ng_name name = name_of("db.example.test");
	struct traffic_address removed = {addr_of("10.20.0.7"), 60};
	struct traffic_observation seen = {
		.kind = TRAFFIC_REMOVED, .name = &name, .addrs = &removed, .n_addrs = 1};
	char text[NG_PREFIX_TEXT];
	(void)state;
	begin(&world);
	see(&world, &seen);
	expect(&world, "");
	assert_int_equal(why_of(&world, "db.example.test"), LEARN_PRIVATE);
	given(&world, "db.example.test", "169.254.169.254");
	expect(&world, "db.example.test\n");
	assert_int_equal(world.list.names[0].evidence.n_privates, 1);
	assert_string_equal(ng_prefix_format(&world.list.names[0].evidence.privates[0], text),
			    "10.20.0.7/32");
	assert_true(world.list.names[0].evidence.never);
	finish(&world);
}

/* ---- names ---- */

static void wildcards(void **state)
{
	static const char *const names[] = {
		"example.com",       "a.example.com",     "b.example.com",    "c.d.example.com",
		"a.x.example.net",   "b.x.example.net",   "c.x.example.net",  "y.example.net",
		"a.co.uk",           "b.co.uk",           "c.co.uk",          "a.github.io",
		"b.github.io",       "c.github.io",       "a.me.github.io",   "b.me.github.io",
		"c.me.github.io",    "a.pages.test",      "b.pages.test",     "c.pages.test",
		"a.core.cloud.test", "b.core.cloud.test", "c.core.cloud.test"};
	struct world world;
	(void)state;
	begin(&world);
	for (size_t i = 0; i < COUNT(names); i++)
		given(&world, names[i], "192.0.2.1");
	expect(&world, ".example.com\na.github.io\nb.github.io\nc.github.io\n"
		       "a.me.github.io\nb.me.github.io\nc.me.github.io\n"
		       "*.example.net\n"
		       "a.core.cloud.test\nb.core.cloud.test\nc.core.cloud.test\n"
		       "a.pages.test\nb.pages.test\nc.pages.test\n"
		       "a.co.uk\nb.co.uk\nc.co.uk\n");
	finish(&world);
}

static void what_a_rule_denied_is_not_covered(void **state)
{
	struct world world;
	struct ng_name evil = name_of("evil.example.com");
	(void)state;
	begin(&world);
	world.sandbox = "ci";
	given(&world, "a.example.com", "192.0.2.1");
	given(&world, "b.example.com", "192.0.2.1");
	given(&world, "c.example.com", "192.0.2.1");
	see_name(&world, &evil, NG_TYPE_A, TRAFFIC_DENIED, NULL, NULL);
	expect(&world, "*.example.com\n"); /* no rule was against it */
	assert_int_equal(why_of(&world, "evil.example.com"), LEARN_DENIED);
	see_name(&world, &evil, NG_TYPE_A, TRAFFIC_ANSWERED, "192.0.2.1", "ban.list:3");
	expect(&world, "a.example.com\nb.example.com\nc.example.com\n");
	assert_int_equal(why_of(&world, "evil.example.com"), LEARN_BARRED);
	finish(&world);
	begin(&world); /* in a capture nobody knows why */
	given(&world, "a.example.com", "192.0.2.1");
	given(&world, "b.example.com", "192.0.2.1");
	given(&world, "c.example.com", "192.0.2.1");
	see_name(&world, &evil, NG_TYPE_A, TRAFFIC_DENIED, NULL, NULL);
	expect(&world, "a.example.com\nb.example.com\nc.example.com\n");
	finish(&world);
}

static void denied_to_one_of_two(void **state)
{
	static const char *const names[] = {"a.example.com", "b.example.com", "c.example.com"};
	struct world world;
	struct ng_name evil = name_of("evil.example.com");
	(void)state;
	begin(&world);
	world.sandbox = "dev";
	world.client = "10.77.1.3";
	see_name(&world, &evil, NG_TYPE_A, TRAFFIC_DENIED, NULL, "ban.list:3");
	world.sandbox = "ci";
	world.client = "10.77.1.2";
	see_name(&world, &evil, NG_TYPE_A, TRAFFIC_ANSWERED, "192.0.2.1", NULL);
	for (size_t i = 0; i < COUNT(names); i++)
		given(&world, names[i], "192.0.2.1");
	/* For both it is denied; ci alone may have it by its name, but no wildcard over it. */
	expect(&world, "a.example.com\nb.example.com\nc.example.com\n");
	world.wish.person = 2;
	expect(&world, "a.example.com\nb.example.com\nc.example.com\nevil.example.com\n");
	world.wish.person = 1;
	expect(&world, "");
	assert_int_equal(world.list.names[0].n_who, 1);
	finish(&world);
}

static void strange_names(void **state)
{
	static const char *const names[] = {"*.example.com",
					    "1.2.3.4",
					    "a\\.b.example.com",
					    "\\010x.example.com",
					    "\\035x.example.com",
					    "@include",
					    "a:443",
					    "!x.example.com",
					    "."};
	struct world world;
	(void)state;
	begin(&world);
	for (size_t i = 0; i < COUNT(names); i++)
		given(&world, names[i], "192.0.2.1");
	given(&world, "xn--pple-43d.com", "192.0.2.1");   /* letters of two scripts */
	given(&world, "xn--80ak6aa92e.com", "192.0.2.1"); /* looks like the next */
	given(&world, "apple.com", "192.0.2.1");
	given(&world, "_srv.ok-1.com", "192.0.2.1");
	expect(&world, "apple.com\n_srv.ok-1.com\n");
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(why_of(&world, names[i]), LEARN_UNWRITABLE);
	assert_int_equal(why_of(&world, "xn--pple-43d.com"), LEARN_ODD);
	assert_int_equal(why_of(&world, "xn--80ak6aa92e.com"), LEARN_ODD);
	finish(&world);
}

static void many_names_that_look_like_others(void **state)
{
	struct world world;
	char text[64];
	(void)state;
	begin(&world);
	given(&world, "fine.com", "192.0.2.1");
	for (int i = 0; i < 900; i++) {
		snprintf(text, sizeof(text), "xn--pple-43d.d%d.com", i);
		given(&world, text, "192.0.2.1");
	}
	propose(&world);
	assert_string_equal(lines_of(&world.list), "fine.com\n");
	finish(&world);
}

static void widen_and_narrow(void **state)
{
	struct world world;
	size_t at = 0;
	(void)state;
	begin(&world);
	given(&world, "a.b.example.com", "192.0.2.1");
	given(&world, "c.b.example.com", "192.0.2.1");
	given(&world, "d.example.com", "192.0.2.1");
	given(&world, "z.org", "192.0.2.1");
	world.wish.wildcard = 0;
	expect(&world, "a.b.example.com\nc.b.example.com\nd.example.com\nz.org\n");
	at = 0;
	assert_true(learn_widen(&world.list, &at));
	assert_string_equal(lines_of(&world.list), "*.b.example.com\nd.example.com\nz.org\n");
	assert_true(learn_widen(&world.list, &at));
	assert_int_equal(at, 0);
	assert_string_equal(lines_of(&world.list), "*.example.com\nz.org\n");
	assert_false(learn_widen(&world.list, &at)); /* not *.com */
	assert_int_equal(learn_narrow(&world.list, 0), NG_OK);
	assert_string_equal(lines_of(&world.list),
			    "a.b.example.com\nc.b.example.com\nd.example.com\nz.org\n");
	assert_int_equal(learn_narrow(&world.list, 0), NG_E_NOTFOUND);
	at = 3;
	assert_true(learn_widen(&world.list, &at)); /* there is nothing above but itself */
	assert_string_equal(lines_of(&world.list),
			    "a.b.example.com\nc.b.example.com\nd.example.com\n.z.org\n");
	finish(&world);
}

/* ---- bounds ---- */

static void floods(void **state)
{
	struct world world;
	struct ng_name name;
	char text[64];
	(void)state;
	begin(&world);
	for (int i = 0; i < LEARN_ASIDE_MAX + 100; i++) {
		snprintf(text, sizeof(text), "n%d.flood.test", i);
		name = name_of(text);
		see_name(&world, &name, NG_TYPE_A, TRAFFIC_EMPTY, NULL, NULL);
	}
	given(&world, "used.example.com", "192.0.2.1"); /* a flood takes no room of it */
	expect(&world, "used.example.com\n");
	assert_int_equal(learn_person(world.learn, 1)->left_out, 100);
	given(&world, "a.example.org", "192.0.2.1");
	given(&world, "b.example.org", "192.0.2.1");
	given(&world, "c.example.org", "192.0.2.1");
	expect(&world, "used.example.com\n*.example.org\n");
	for (int i = 0; i < LEARN_ASIDE_MAX + 1; i++) {
		snprintf(text, sizeof(text), "n%d.barred.test", i);
		name = name_of(text);
		see_name(&world, &name, NG_TYPE_A, TRAFFIC_DENIED, NULL, "x.list:1");
	}
	/* One of them is forgotten, so any wildcard could cover it. */
	expect(&world, "used.example.com\na.example.org\nb.example.org\nc.example.org\n");
	assert_true(learn_person(world.learn, 1)->bars_lost);
	finish(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports),
		cmocka_unit_test(ports_of_who_stood_then),
		cmocka_unit_test(ports_by_another_address),
		cmocka_unit_test(unseen_flows_bound_nothing),
		cmocka_unit_test(too_many_ports),
		cmocka_unit_test(types),
		cmocka_unit_test(privates),
		cmocka_unit_test(wildcards),
		cmocka_unit_test(what_a_rule_denied_is_not_covered),
		cmocka_unit_test(denied_to_one_of_two),
		cmocka_unit_test(strange_names),
		cmocka_unit_test(many_names_that_look_like_others),
		cmocka_unit_test(widen_and_narrow),
		cmocka_unit_test(floods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
