/* Static rules: what is taken, what is covered, and what they open. */
#include "warden/statics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct wall_static item(const char *prefix, uint8_t proto, uint16_t port)
{
	struct wall_static made = {.sandbox = 1, .proto = proto, .port = port};

	assert_int_equal(ng_prefix_parse(prefix, &made.prefix), NG_OK);
	return made;
}

static struct statics list(size_t n, const struct wall_static *items)
{
	struct statics made = {.items = calloc(n, sizeof(*items)), .n = n};

	memcpy(made.items, items, n * sizeof(*items));
	return made;
}

#define LIST(...)                                                                              \
	list(sizeof((struct wall_static[]){__VA_ARGS__}) / sizeof(struct wall_static),         \
	     (struct wall_static[]){__VA_ARGS__})

static void covered_ones_are_left_out(void **state)
{
	struct statics statics = LIST(item("10.20.0.0/16", 0, 0), item("10.20.3.4", 0, 0),
				      item("10.0.0.0/8", 0, 0), item("10.0.0.0/8", 0, 0),
				      item("10.20.0.0/16", 6, 443), item("10.20.3.4", 6, 443),
				      item("10.20.3.4", 17, 443), item("fd00::/8", 0, 0));
	const struct wall_static wide = item("10.0.0.0/8", 0, 0);
	const struct wall_static tcp = item("10.20.0.0/16", 6, 443);
	const struct wall_static udp = item("10.20.3.4", 17, 443);
	const struct wall_static host = item("10.20.3.4", 6, 443);

	(void)state;
	assert_int_equal(statics_settle(&statics), NG_OK);
	assert_int_equal(statics.n, 4);
	assert_true(statics_has(&statics, &wide));
	assert_true(statics_has(&statics, &tcp)); /* another set: no overlap */
	assert_true(statics_has(&statics, &udp));
	assert_false(statics_has(&statics, &host));
	statics_finish(&statics);
	statics_finish(NULL);
}

static void never_open_ranges_are_refused(void **state)
{
	static const char *const bad[] = {"127.0.0.1",
					  "169.254.169.254",
					  "169.254.0.0/16",
					  "224.0.0.0/4",
					  "::1",
					  "fe80::/64",
					  "fd00:ec2::254",
					  "168.63.129.16",
					  "64:ff9b::7f00:1",
					  "2002:7f00::/24",
					  "0.0.0.0/8"};
	static const char *const good[] = {"10.0.0.0/8",   "192.168.1.1", "fd00::/8",
					   "44.0.0.0/8",   "0.0.0.0/0",   "::/0",
					   "100.64.0.0/10"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct statics statics = LIST(item("44.0.0.1", 0, 0), item(bad[i], 6, 443));

		assert_int_equal(statics_settle(&statics), NG_E_RANGE);
		assert_int_equal(statics.n, 2);
		statics_finish(&statics);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct statics statics = LIST(item(good[i], 0, 0));

		assert_int_equal(statics_settle(&statics), NG_OK);
		assert_int_equal(statics.n, 1);
		statics_finish(&statics);
	}
}

static void opens_what_it_says(void **state)
{
	struct statics statics = LIST(item("44.0.0.0/24", 6, 443), item("44.1.0.1", 0, 0));
	struct ng_addr in = item("44.0.0.9", 0, 0).prefix.addr;
	struct ng_addr host = item("44.1.0.1", 0, 0).prefix.addr;
	struct ng_addr out = item("44.2.0.1", 0, 0).prefix.addr;

	(void)state;
	assert_true(statics_open(&statics, &in, 6, 443));
	assert_false(statics_open(&statics, &in, 17, 443));
	assert_false(statics_open(&statics, &in, 6, 80));
	assert_true(statics_open(&statics, &host, 1, 0));
	assert_false(statics_open(&statics, &out, 6, 443));
	statics_finish(&statics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(covered_ones_are_left_out),
		cmocka_unit_test(never_open_ranges_are_refused),
		cmocka_unit_test(opens_what_it_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
