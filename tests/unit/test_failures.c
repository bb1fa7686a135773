/* What could not be resolved: remembered by whole question, bounded, gone with a reload. */
#include "gate_world.h"

static struct question_key key_of(const char *name, uint32_t route)
{
	return (struct question_key){.route = route, .type = NG_TYPE_A, .name = name_of(name)};
}

static bool held(struct ng_gate *gate, const struct question_key *key)
{
	uint32_t left_s;

	return failure_find(gate, key, &left_s) != TEXT_NONE;
}

static void by_whole_question(void **state)
{
	struct ng_gate *gate = gate_make();
	const struct question_key key = key_of("a.example", 1);
	struct question_key other = key_of("a.example", 2);
	uint32_t left_s = 0;

	(void)state;
	failure_note(gate, &key, TEXT_CHAIN);
	assert_int_equal(failure_find(gate, &key, &left_s), TEXT_CHAIN);
	assert_int_equal(left_s, NG_FAILURE_MIN_S);
	assert_false(held(gate, &other));
	other = key;
	other.type = NG_TYPE_AAAA;
	assert_false(held(gate, &other));
	other = key;
	other.cd = 1;
	assert_false(held(gate, &other));
	other = key_of("b.example", 1);
	assert_false(held(gate, &other));
	failure_forget(gate, &other);
	assert_true(held(gate, &key));
	failure_forget(gate, &key);
	assert_false(held(gate, &key));
	ng_gate_destroy(gate);
}

static void grows_to_its_bound(void **state)
{
	struct ng_gate *gate = gate_make();
	const struct question_key key = key_of("a.example", 1);
	const uint32_t holds[] = {1, 2, 4, NG_FAILURE_MAX_S, NG_FAILURE_MAX_S};
	uint64_t now_us = 1;
	uint32_t left_s;

	(void)state;
	for (size_t i = 0; i < sizeof(holds) / sizeof(*holds); i++) {
		ng_gate_tick(gate, now_us);
		failure_note(gate, &key, TEXT_CHAIN);
		assert_true(failure_find(gate, &key, &left_s));
		assert_int_equal(left_s, holds[i]);
		now_us += holds[i] * (uint64_t)SECOND_US;
		ng_gate_tick(gate, now_us - 1);
		assert_true(held(gate, &key));
		ng_gate_tick(gate, now_us);
		assert_false(held(gate, &key));
	}
	ng_gate_destroy(gate);
}

static void bounded_and_the_oldest_goes(void **state)
{
	struct ng_gate *gate = gate_make();
	struct question_key key;
	char name[32];

	(void)state;
	for (unsigned i = 0; i <= NG_FAILURES_MAX; i++) {
		snprintf(name, sizeof(name), "n%u.example", i);
		key = key_of(name, 1);
		failure_note(gate, &key, TEXT_CHAIN);
	}
	key = key_of("n0.example", 1);
	assert_false(held(gate, &key));
	key = key_of("n1.example", 1);
	assert_true(held(gate, &key));
	failures_clear(gate);
	assert_false(held(gate, &key));
	ng_gate_destroy(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_whole_question),
		cmocka_unit_test(grows_to_its_bound),
		cmocka_unit_test(bounded_and_the_oldest_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
