/* The cache: keyed by route and whole question, bounded, and never longer than the shortest TTL. */
#include "gate_world.h"

static struct question_key key_of(const char *name, uint32_t route)
{
	return (struct question_key){.route = route, .type = NG_TYPE_A, .name = name_of(name)};
}

static struct entry *entry_of(struct ng_gate *gate, const char *name, uint32_t route,
			      uint32_t ttl)
{
	const struct question_key key = key_of(name, route);
	const struct ng_addr server = addr_of("192.0.2.53");
	struct ng_answer answer = {0};
	struct ng_rr rr;
	struct arena arena;
	struct entry *entry;

	arena_init(&arena, 1u << 16);
	rr_make(&arena, name, NG_TYPE_A, ttl, "203.0.113.1", &rr);
	answer.rrs = &rr;
	answer.n = 1;
	assert_int_equal(entry_make(gate, &key, &answer, &server, &entry), NG_OK);
	arena_finish(&arena);
	return entry;
}

static bool has(struct ng_gate *gate, const char *name, uint32_t route)
{
	const struct question_key key = key_of(name, route);

	return cache_find(gate, &key) != NULL;
}

static void by_route(void **state)
{
	struct ng_gate *gate = gate_make();

	(void)state;
	assert_true(cache_keep(gate, entry_of(gate, "a.example", 1, 60)));
	assert_true(has(gate, "a.example", 1));
	assert_false(has(gate, "a.example", 2));
	assert_false(has(gate, "b.example", 1));
	ng_gate_destroy(gate);
}

static void until_the_ttl_ends(void **state)
{
	struct ng_gate *gate = gate_make();
	struct entry *never = entry_of(gate, "zero.example", 1, 0);

	(void)state;
	assert_false(cache_keep(gate, never));
	entry_free(never);
	assert_true(cache_keep(gate, entry_of(gate, "a.example", 1, 60)));
	assert_true(cache_keep(gate, entry_of(gate, "long.example", 1, 999999)));
	ng_gate_tick(gate, 60 * SECOND_US - 1);
	assert_true(has(gate, "a.example", 1));
	ng_gate_tick(gate, 60 * SECOND_US);
	assert_false(has(gate, "a.example", 1));
	ng_gate_tick(gate, (uint64_t)NG_TTL_MAX_S * SECOND_US);
	assert_false(has(gate, "long.example", 1));
	assert_int_equal(gate->counters.cache_entries, 0);
	ng_gate_destroy(gate);
}

static void bounded(void **state)
{
	struct ng_gate *gate = gate_make();
	char name[32];

	(void)state;
	gate->settings.limits.cache_entries = 8;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_true(cache_keep(gate, entry_of(gate, name, 1, 60)));
		assert_true(gate->counters.cache_entries <= 8);
	}
	assert_true(has(gate, "n99.example", 1));
	assert_false(has(gate, "n0.example", 1));
	ng_gate_destroy(gate);
}

static void upstream_failure_is_no_answer(void **state)
{
	struct ng_gate *gate = gate_make();
	const struct question_key key = key_of("a.example", 1);
	const struct ng_addr server = addr_of("192.0.2.53");
	const struct ng_answer answer = {.rcode = NG_RCODE_REFUSED};
	struct entry *entry;

	(void)state;
	assert_int_equal(entry_make(gate, &key, &answer, &server, &entry), NG_E_NOTFOUND);
	ng_gate_destroy(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_route),
		cmocka_unit_test(until_the_ttl_ends),
		cmocka_unit_test(bounded),
		cmocka_unit_test(upstream_failure_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
