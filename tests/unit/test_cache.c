/*
 * The cache: keyed by route and whole question, never longer than the shortest TTL, bounded in octets,
 * and shared out so that nobody's flood reaches what a neighbour uses.
 */
#include "gate_world.h"

#include <malloc.h>

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

static bool keep(struct ng_gate *gate, uint32_t sandbox, const char *name)
{
	return cache_keep(gate, entry_of(gate, name, 1, 60), sandbox);
}

/* Asks as a sandbox does: what is not there is brought in. Whether it was there. */
static bool asked(struct ng_gate *gate, uint32_t sandbox, const char *name)
{
	const struct question_key key = key_of(name, 1);
	struct entry *entry = cache_find(gate, &key);
	struct sandbox *box = directory_by_id(&gate->directory, sandbox),
		       gone = {.spec = {.id = sandbox}};
	const struct query query = {.sandbox = box ? box : &gone, .paid = true};

	if (entry)
		cache_use(gate, entry, &query);
	else
		assert_true(keep(gate, sandbox, name));
	return entry != NULL;
}

static struct ng_gate *gate_of(uint32_t sandboxes, uint32_t octets)
{
	struct ng_gate *gate = gate_make();
	struct ng_sandbox box = {.mode = NG_ENFORCE, .n_sources = 1};
	char text[32];

	for (uint32_t id = 2; id <= sandboxes; id++) {
		box.id = id;
		snprintf(box.name, sizeof(box.name), "box%u", id);
		snprintf(text, sizeof(text), "10.67.0.%u", id);
		assert_int_equal(ng_prefix_parse(text, &box.sources[0]), NG_OK);
		assert_int_equal(ng_gate_sandbox_put(gate, 0, &box), NG_OK);
	}
	gate->settings.limits.cache_octets = octets;
	return gate;
}

/* What the shares and the table say of the cache must be the same, and within the bound. */
static void sums_hold(const struct ng_gate *gate)
{
	const struct share *share;
	uint64_t octets = 0;
	size_t n = 0, tabled = 0;

	for (share = gate->cache.shares; share; share = share->hh.next) {
		const struct entry *last = NULL;
		uint64_t own = 0;

		for (const struct entry *entry = share->oldest; entry; entry = entry->newer) {
			assert_ptr_equal(entry->share, share);
			assert_ptr_equal(entry->older, last);
			own += entry->size;
			last = entry;
			n++;
		}
		assert_ptr_equal(share->newest, last);
		assert_int_equal(share->octets, own);
		octets += own;
	}
	for (size_t i = 0; i < gate->cache.room; i++) {
		for (const struct entry *entry = gate->cache.buckets[i]; entry;
		     entry = entry->next)
			tabled++;
	}
	assert_int_equal(tabled, n);
	assert_int_equal(gate->cache.n, n);
	assert_int_equal(gate->cache.octets, octets);
	assert_true(octets <= gate->settings.limits.cache_octets);
}

static void by_route(void **state)
{
	struct ng_gate *gate = gate_make();

	(void)state;
	assert_true(keep(gate, 1, "a.example"));
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
	assert_false(cache_keep(gate, never, 1));
	entry_free(never);
	assert_true(keep(gate, 1, "a.example"));
	assert_true(cache_keep(gate, entry_of(gate, "long.example", 1, 999999), 1));
	ng_gate_tick(gate, 60 * SECOND_US - 1);
	assert_true(has(gate, "a.example", 1));
	ng_gate_tick(gate, 60 * SECOND_US);
	assert_false(has(gate, "a.example", 1));
	ng_gate_tick(gate, (uint64_t)NG_TTL_MAX_S * SECOND_US);
	assert_false(has(gate, "long.example", 1));
	assert_int_equal(gate->cache.n, 0);
	ng_gate_destroy(gate);
}

static void bounded(void **state)
{
	struct ng_gate *gate = gate_of(1, 4096);
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_true(keep(gate, 1, name));
		sums_hold(gate);
	}
	assert_true(gate->cache.octets <= shares_most(gate) && gate->cache.octets > 3584 - 300);
	assert_true(has(gate, "n999.example", 1));
	assert_false(has(gate, "n0.example", 1));
	ng_gate_destroy(gate);
}

static void larger_than_the_whole(void **state)
{
	struct ng_gate *gate = gate_of(1, 64);
	struct entry *entry = entry_of(gate, "a.example", 1, 60);

	(void)state;
	assert_false(cache_keep(gate, entry, 1));
	entry_free(entry);
	sums_hold(gate);
	ng_gate_destroy(gate);
}

static void small_in_memory(void **state)
{
	struct ng_gate *gate = gate_of(1, 1u << 20);

	(void)state;
	assert_true(keep(gate, 1, "registry.npmjs.example"));
	assert_true(gate->cache.octets <= 256);
	ng_gate_destroy(gate);
}

/* What is used between two rounds of the hand outlasts any number of names that are asked once. */
static void names_asked_once_go_first(void **state)
{
	struct ng_gate *gate = gate_of(1, 8192);
	char name[32];

	(void)state;
	assert_false(asked(gate, 1, "used.example"));
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		assert_false(asked(gate, 1, name));
		if (i % 16 == 0)
			assert_true(asked(gate, 1, "used.example"));
	}
	ng_gate_destroy(gate);
}

/* A neighbour's working set is a quarter of the cache; hits of a hundred rounds over it. */
static unsigned neighbour_hits(struct ng_gate *gate, unsigned flood)
{
	static unsigned fresh;
	unsigned hits = 0;
	char name[32];

	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 40; i++) {
			snprintf(name, sizeof(name), "w%u.example", i);
			hits += asked(gate, 2, name);
			for (unsigned j = 0; j < flood; j++) {
				snprintf(name, sizeof(name), "f%u.example", fresh++);
				asked(gate, 1, name);
			}
		}
		sums_hold(gate);
	}
	return hits;
}

static void a_flood_pushes_out_itself(void **state)
{
	struct ng_gate *quiet = gate_of(2, 40 * 4 * 200), *loud = gate_of(2, 40 * 4 * 200);

	(void)state;
	assert_int_equal(neighbour_hits(quiet, 0), 99 * 40);
	assert_int_equal(neighbour_hits(loud, 10), 99 * 40);
	ng_gate_destroy(quiet);
	ng_gate_destroy(loud);
}

/* Whoever floods had asked for the neighbour's names first, and so was charged with them. */
static void what_a_neighbour_uses_becomes_its_own(void **state)
{
	struct ng_gate *gate = gate_of(2, 40 * 4 * 200);
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "w%u.example", i);
		asked(gate, 1, name);
	}
	assert_int_equal(neighbour_hits(gate, 0), 100 * 40);
	assert_int_equal(neighbour_hits(gate, 10), 100 * 40);
	ng_gate_destroy(gate);
}

static void nobodys_goes_before_all_else(void **state)
{
	struct ng_gate *gate = gate_of(3, 40 * 200);
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "g%u.example", i);
		asked(gate, 3, name);
		asked(gate, 3, name);
	}
	assert_true(asked(gate, 2, "g7.example"));
	ng_gate_sandbox_remove(gate, 0, 3);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%u.example", i);
		asked(gate, 1, name);
		sums_hold(gate);
	}
	assert_false(has(gate, "g6.example", 1));
	assert_true(has(gate, "g7.example", 1));
	ng_gate_destroy(gate);
}

/* Sandboxes that ask at random, go and come, over a bound that moves: the sums hold, and nothing leaks. */
static void any_order(void **state)
{
	struct ng_gate *gate = gate_of(9, 20000);
	struct ng_sandbox box = {.mode = NG_ENFORCE, .n_sources = 1, .name = "again"};
	uint64_t now_us = 0, random = 88172645463325252u;
	char name[32];

	(void)state;
	assert_int_equal(ng_prefix_parse("10.68.0.1", &box.sources[0]), NG_OK);
	for (unsigned i = 0; i < 20000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		snprintf(name, sizeof(name), "%.*s%u.example", (int)(random >> 32 & 15),
			 "aaaaaaaaaaaaaaaa", (unsigned)(random >> 40 & 255));
		asked(gate, 1 + (uint32_t)(random & 7), name);
		if (i % 100 == 0)
			ng_gate_tick(gate, now_us += SECOND_US);
		if (i % 1000 == 500)
			ng_gate_sandbox_remove(gate, now_us, 2 + (i / 1000) % 8);
		if (i % 3000 == 999) {
			box.id = 2 + (i / 1000) % 8;
			assert_int_equal(ng_gate_sandbox_put(gate, now_us, &box), NG_OK);
			ng_gate_sandbox_remove(gate, now_us, box.id);
		}
		if (i % 64 == 0)
			sums_hold(gate);
	}
	ng_gate_destroy(gate);
}

/* The same inputs leave the same cache. */
static void nothing_is_random(void **state)
{
	struct ng_gate *gates[2] = {gate_of(3, 10000), gate_of(3, 10000)};
	char name[32];

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "n%u.example", i * i % 97);
		assert_int_equal(asked(gates[0], 1 + i % 3, name),
				 asked(gates[1], 1 + i % 3, name));
	}
	ng_gate_destroy(gates[0]);
	ng_gate_destroy(gates[1]);
}

static bool flushes(struct ng_gate *gate, const char *name, bool below, uint64_t n)
{
	struct ng_name wanted;

	if (name)
		wanted = name_of(name);
	return ng_gate_flush(gate, 0, name ? &wanted : NULL, below) == n;
}

/* An answer by way of an alias tells of the target too. */
static void flush(void **state)
{
	struct ng_gate *gate = gate_of(1, 1u << 20);
	const struct question_key key = key_of("alias.example", 1);
	const struct ng_addr server = addr_of("192.0.2.53");
	struct ng_rr rrs[2];
	struct ng_answer answer = {.rrs = rrs, .n = 2};
	struct entry *entry;
	struct arena arena;

	(void)state;
	arena_init(&arena, 1u << 16);
	rr_make(&arena, "alias.example", NG_TYPE_CNAME, 60, "a.cdn.example", &rrs[0]);
	rr_make(&arena, "a.cdn.example", NG_TYPE_A, 60, "203.0.113.1", &rrs[1]);
	assert_int_equal(entry_make(gate, &key, &answer, &server, &entry), NG_OK);
	arena_finish(&arena);
	assert_true(cache_keep(gate, entry, 1));
	assert_true(keep(gate, 1, "a.zone.example"));
	assert_true(keep(gate, 1, "b.zone.example"));
	assert_true(keep(gate, 1, "azone.example"));
	assert_true(flushes(gate, "zone.example", false, 0));
	assert_true(flushes(gate, "a.zone.example", false, 1));
	assert_false(has(gate, "a.zone.example", 1));
	assert_true(flushes(gate, "zone.example", true, 1));
	assert_true(has(gate, "azone.example", 1));
	assert_true(flushes(gate, "cdn.example", true, 1));
	assert_false(has(gate, "alias.example", 1));
	assert_true(flushes(gate, NULL, false, 1));
	assert_int_equal(gate->cache.n, 0);
	sums_hold(gate);
	ng_gate_destroy(gate);
}

/* Of every size, also such as are not made on the stack: charged what the allocator gave, and it gave no more. */
static void charged_as_allocated(void **state)
{
	struct ng_gate *gate = gate_of(1, 1u << 20);
	const struct ng_addr server = addr_of("192.0.2.53");
	const struct question_key key = key_of("many.example", 1);

	(void)state;
	for (size_t n = 1; n <= 64; n++) {
		struct ng_rr rrs[64];
		struct ng_answer answer = {.rrs = rrs, .n = n};
		struct entry *entry;
		struct arena arena;
		size_t given;

		arena_init(&arena, 1u << 20);
		for (size_t i = 0; i < n; i++)
			rr_make(&arena, n % 2 ? "many.example" : "b.a.example", NG_TYPE_A, 60,
				"203.0.113.1", &rrs[i]);
		assert_int_equal(entry_make(gate, &key, &answer, &server, &entry), NG_OK);
		arena_finish(&arena);
		given = malloc_usable_size(entry);
		assert_true(entry->size >= given + sizeof(size_t));
		assert_true(entry->size <= given + 3 * 16);
		assert_int_equal(entry->n, n);
		assert_true(name_of("many.example").len == entry_name(entry).len);
		entry_free(entry);
	}
	ng_gate_destroy(gate);
}

static unsigned asks_of(struct ng_gate *gate)
{
	struct ng_action action;
	unsigned n = 0;

	while (ng_gate_next(gate, &action))
		n += action.kind == NG_ASK_UPSTREAM;
	return n;
}

/* No more than a part of the questions that may wait is asked for nobody; what ends makes room. */
static void prefetch_is_bounded(void **state)
{
	struct ng_gate *gate = gate_of(2, 1u << 20);
	const struct ng_addr server = addr_of("192.0.2.53");
	char name[32];

	(void)state;
	gate->settings.prefetch = true;
	gate->settings.limits.pending_sandbox = 80;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		asked(gate, 1, name);
	}
	ng_gate_tick(gate, 55 * SECOND_US);
	for (unsigned i = 0; i < 50 * 4; i++) {
		snprintf(name, sizeof(name), "n%u.example", i % 50);
		assert_true(asked(gate, 1, name));
	}
	assert_int_equal(asks_of(gate), 80 / 8 + 1);
	assert_int_equal(gate->n_ahead, 80 / 8 + 1);
	while (gate->asks)
		ng_gate_answer(gate, 56 * SECOND_US, gate->asks->id, &server,
			       (const uint8_t *)"", 0);
	assert_int_equal(gate->n_ahead, 0);
	assert_int_equal(directory_by_id(&gate->directory, 1)->n_ahead, 0);
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
		cmocka_unit_test(larger_than_the_whole),
		cmocka_unit_test(small_in_memory),
		cmocka_unit_test(names_asked_once_go_first),
		cmocka_unit_test(a_flood_pushes_out_itself),
		cmocka_unit_test(what_a_neighbour_uses_becomes_its_own),
		cmocka_unit_test(nobodys_goes_before_all_else),
		cmocka_unit_test(any_order),
		cmocka_unit_test(nothing_is_random),
		cmocka_unit_test(flush),
		cmocka_unit_test(charged_as_allocated),
		cmocka_unit_test(prefetch_is_bounded),
		cmocka_unit_test(upstream_failure_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
