/* The world answers as a recursive server would: chains, wildcards, DNAME, NODATA, NXDOMAIN. */
#include "unit.h"

#include "base/arena.h"
#include "offline/world.h"

static const char text[] = "$TTL 300\n"
			   "pypi.org. SOA ns.pypi.org. host.pypi.org. 1 3600 600 86400 77\n"
			   "Files.PyPI.org 60 CNAME dual.fastly.example.\n"
			   "dual.fastly.example. 30 A 151.101.0.223\n"
			   "dual.fastly.example. 30 A 151.101.64.223\n"
			   "dual.fastly.example. 30 A 151.101.0.223\n"
			   "dual.fastly.example. AAAA 2a04:4e42::223\n"
			   "gone.pypi.org. CNAME nowhere.pypi.org.\n"
			   "loop.example. CNAME pool.example.\n"
			   "pool.example. CNAME loop.example.\n"
			   "$ORIGIN hub.example.\n"
			   "*       A 192.0.2.1\n"
			   "a.b     A 192.0.2.2\n"
			   "old     DNAME new.example.\n"
			   "$ORIGIN new.example.\n"
			   "www     A 192.0.2.9\n";

struct told {
	struct arena arena;
	struct ng_answer answer;
};

static struct world *world_of(const char *zone)
{
	struct world *world;
	struct ng_diags diags;
	ng_diags_init(&diags);
	assert_int_equal(world_create(&world), NG_OK);
	assert_int_equal(world_add(world, "w.zone", zone, strlen(zone), &diags), NG_OK);
	assert_int_equal(diags.n, 0);
	ng_diags_finish(&diags);
	return world;
}

static struct ng_name name_of(const char *name)
{
	struct ng_name out;
	assert_int_equal(ng_name_from_text(name, strlen(name), &out), NG_OK);
	return out;
}

static void ask(const struct world *world, const char *name, uint16_t type, struct told *told)
{
	static uint8_t wire[NG_MESSAGE_MAX];
	const struct ng_question question = {
		.name = name_of(name), .type = type, .class = NG_CLASS_IN};
	arena_init(&told->arena, 1 << 20);
	size_t len = world_answer(world, &question, wire);
	assert_int_equal(ng_answer_parse(wire, len, &told->arena, &told->answer), NG_OK);
	assert_true(ng_answer_matches(&told->answer, &question));
}

/* "RCODE OWNER TYPE OWNER TYPE …", and the SOA's owner. */
static void expect(const char *zone, const char *name, uint16_t type, const char *wanted)
{
	char said[4096], owner[NG_NAME_TEXT_MAX], word[16];
	struct told told;
	struct world *world = world_of(zone);
	ask(world, name, type, &told);
	int n = snprintf(said, sizeof(said), "%s", ng_rcode_text(told.answer.rcode));
	for (size_t i = 0; i < told.answer.n; i++)
		n += snprintf(said + n, sizeof(said) - (size_t)n, " %s %s",
			      ng_name_to_text(told.answer.rrs[i].owner, owner),
			      ng_type_text(told.answer.rrs[i].type, word));
	if (told.answer.soa != NULL)
		snprintf(said + n, sizeof(said) - (size_t)n, " SOA %s %u",
			 ng_name_to_text(told.answer.soa->owner, owner), told.answer.soa->ttl);
	assert_string_equal(said, wanted);
	arena_finish(&told.arena);
	world_free(world);
}

static void a_chain_is_answered_whole(void **state)
{
	(void)state;
	expect(text, "files.pypi.org", NG_TYPE_A,
	       "NOERROR files.pypi.org CNAME dual.fastly.example A dual.fastly.example A");
	expect(text, "files.pypi.org", NG_TYPE_AAAA,
	       "NOERROR files.pypi.org CNAME dual.fastly.example AAAA");
	expect(text, "files.pypi.org", NG_TYPE_CNAME, "NOERROR files.pypi.org CNAME");
}

static void what_is_not_there_is_denied_with_an_soa(void **state)
{
	(void)state;
	expect(text, "nothing.pypi.org", NG_TYPE_A, "NXDOMAIN SOA pypi.org 300");
	expect(text, "gone.pypi.org", NG_TYPE_A,
	       "NXDOMAIN gone.pypi.org CNAME SOA pypi.org 300");
	expect(text, "pypi.org", NG_TYPE_A, "NOERROR SOA pypi.org 300");
	expect(text, "fastly.example", NG_TYPE_A, "NOERROR SOA . 60"); /* empty non-terminal */
	expect(text, "evil.test", NG_TYPE_A, "NXDOMAIN SOA . 60");
	expect("", "evil.test", NG_TYPE_A, "NXDOMAIN SOA . 60");
}

static void a_loop_is_left(void **state)
{
	(void)state;
	expect(text, "loop.example", NG_TYPE_A,
	       "NOERROR loop.example CNAME pool.example CNAME");
}

static void a_wildcard_speaks_for_what_is_not_there(void **state)
{
	(void)state;
	expect(text, "x.hub.example", NG_TYPE_A, "NOERROR x.hub.example A");
	expect(text, "y.x.hub.example", NG_TYPE_A, "NOERROR y.x.hub.example A");
	expect(text, "a.b.hub.example", NG_TYPE_A, "NOERROR a.b.hub.example A");
	/* RFC 4592 3.3: the closest name above that is there decides. */
	expect(text, "c.b.hub.example", NG_TYPE_A, "NXDOMAIN SOA . 60");
	expect(text, "hub.example", NG_TYPE_A, "NOERROR SOA . 60");
}

static void a_dname_moves_what_is_below(void **state)
{
	(void)state;
	expect(text, "www.old.hub.example", NG_TYPE_A,
	       "NOERROR old.hub.example DNAME www.old.hub.example CNAME www.new.example A");
	expect(text, "x.old.hub.example", NG_TYPE_A,
	       "NXDOMAIN old.hub.example DNAME x.old.hub.example CNAME SOA . 60");
}

static void endless_aliases_end(void **state)
{
	static char zone[8192];
	struct told told;
	int n = 0;
	(void)state;
	for (int i = 0; i < 40; i++)
		n += snprintf(zone + n, sizeof(zone) - (size_t)n,
			      "n%d.test. 5 CNAME n%d.test.\n", i, i + 1);
	struct world *world = world_of(zone);
	ask(world, "n0.test", NG_TYPE_A, &told);
	assert_int_equal(told.answer.n, NG_CHAIN_MAX + 1); /* one more than the gate follows */
	arena_finish(&told.arena);
	world_free(world);
	/* The same by DNAMEs, each of which is two records. */
	n = 0;
	for (int i = 0; i < 40; i++)
		n += snprintf(zone + n, sizeof(zone) - (size_t)n,
			      "n%d.test. 5 DNAME n%d.test.\n", i, i + 1);
	world = world_of(zone);
	ask(world, "x.n0.test", NG_TYPE_A, &told);
	assert_int_equal(told.answer.n, 2 * (NG_CHAIN_MAX + 1));
	arena_finish(&told.arena);
	world_free(world);
}

static void names_and_addresses_are_listed(void **state)
{
	struct ng_addr addrs[NG_ADDRS_MAX];
	char buf[NG_ADDR_TEXT], owner[NG_NAME_TEXT_MAX];
	const struct ng_name *name;
	struct ng_place place;
	size_t cursor = 0;
	(void)state;
	struct world *world = world_of(text);
	struct ng_name asked = name_of("FILES.pypi.org");
	assert_int_equal(world_addresses(world, &asked, addrs), 3);
	assert_string_equal(ng_addr_format(&addrs[2], buf), "2a04:4e42::223");
	assert_true(world_knows(world, &asked));
	asked = name_of("x.old.hub.example");
	assert_true(world_knows(world, &asked));
	asked = name_of("fastly.example");
	assert_false(world_knows(world, &asked));
	assert_true(world_name(world, &cursor, &name, &place));
	assert_true(world_name(world, &cursor, &name, &place));
	assert_string_equal(ng_name_to_text(name, owner), "files.pypi.org");
	assert_string_equal(place.path, "w.zone");
	assert_int_equal(place.line, 3);
	while (world_name(world, &cursor, &name, &place))
		;
	assert_int_equal(cursor, 10);
	world_free(world);
}

static void what_contradicts_itself_is_refused(void **state)
{
	static const char *const bad[][2] = {
		{"a.test. 5 CNAME b.test.\na.test. 5 A 192.0.2.1\n", "world-alias"},
		{"a.test. 5 A 192.0.2.1\na.test. 5 CNAME b.test.\n", "world-alias"},
		{"a.test. 5 CNAME b.test.\na.test. 5 CNAME c.test.\n", "world-alias"},
		{"a.test. 5 A 192.0.2\n", "zone-record"},
		{"a.test. 5 CH TXT x\n", "zone-class"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct world *world;
		struct ng_diags diags;
		ng_diags_init(&diags);
		assert_int_equal(world_create(&world), NG_OK);
		assert_int_equal(world_add(world, "w", bad[i][0], strlen(bad[i][0]), &diags),
				 NG_E_SYNTAX);
		assert_int_equal(diags.errors, 1);
		assert_string_equal(diags.items[0].code, bad[i][1]);
		ng_diags_finish(&diags);
		world_free(world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_is_answered_whole),
		cmocka_unit_test(what_is_not_there_is_denied_with_an_soa),
		cmocka_unit_test(a_loop_is_left),
		cmocka_unit_test(a_wildcard_speaks_for_what_is_not_there),
		cmocka_unit_test(a_dname_moves_what_is_below),
		cmocka_unit_test(endless_aliases_end),
		cmocka_unit_test(names_and_addresses_are_listed),
		cmocka_unit_test(what_contradicts_itself_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
