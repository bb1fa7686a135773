/* What comes late, for a question or an order that is gone, is not taken for the one that has its place now. */
#include "ready_world.h"

static uint64_t order_of(struct world *world, const char *addr)
{
	const struct ng_addr server = addr_of("192.0.2.53"), shown = addr_of(addr);
	const struct ng_action *action = find(world, NG_ASK_UPSTREAM);
	char name[NG_NAME_TEXT_MAX];
	struct maker maker;

	assert_non_null(action);
	ng_name_to_text(&action->ask.question.name, name);
	make_header(&maker, 0x8180, 1, 1, 0, 0);
	make_question(&maker, name, NG_TYPE_A);
	make_rr(&maker, "@", NG_TYPE_A, 60, shown.bytes, 4);
	ng_gate_answer(world->gate, world->now_us, action->ask.id, &server, maker.octets,
		       maker.n);
	take(world);
	assert_non_null(find(world, NG_LEASE));
	return find(world, NG_LEASE)->lease.number;
}

static void late_answer_is_nobodys(void **state)
{
	struct world *world = *state;
	uint64_t first;

	ask(world, "a.good.example");
	first = find(world, NG_ASK_UPSTREAM)->ask.id;
	ng_gate_no_answer(world->gate, world->now_us, first, NG_NO_TIME);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_SERVFAIL);
	ask(world, "b.good.example");
	assert_true(find(world, NG_ASK_UPSTREAM)->ask.id != first);
	ng_gate_no_answer(world->gate, world->now_us, first, NG_NO_TIME);
	take(world);
	assert_int_equal(world->n, 0);
	for (uint64_t id = 0; id < 3; id++) { /* never were any */
		ng_gate_no_answer(world->gate, world->now_us, id, NG_NO_TIME);
		ng_gate_no_answer(world->gate, world->now_us, UINT64_MAX - id, NG_NO_TIME);
	}
	take(world);
	assert_int_equal(world->n, 0);
}

static void late_refusal_is_nobodys(void **state)
{
	struct world *world = *state;
	uint64_t first, second;

	ask(world, "a.good.example");
	first = order_of(world, "203.0.113.1");
	ng_gate_lease_result(world->gate, world->now_us, first, NG_OK);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);
	ask(world, "b.good.example");
	second = order_of(world, "203.0.113.2");
	assert_true(second != first);
	ng_gate_lease_result(world->gate, world->now_us, first, NG_E_KERNEL);
	for (uint64_t number = 0; number < 3; number++) {
		ng_gate_lease_result(world->gate, world->now_us, number, NG_OK);
		ng_gate_lease_result(world->gate, world->now_us, UINT64_MAX - number, NG_OK);
	}
	take(world);
	assert_int_equal(world->n, 0);
	ng_gate_lease_result(world->gate, world->now_us, second, NG_OK);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);
}

/* Many at once, answered in another order than they were asked in. */
static void each_has_its_own(void **state)
{
	enum { MANY = 400 };
	struct world *world = *state;
	static uint64_t ids[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%u.good.example", i);
		ask(world, name);
		if (!find(world, NG_ASK_UPSTREAM))
			fail_msg("%u was not asked", i);
		ids[i] = find(world, NG_ASK_UPSTREAM)->ask.id;
		for (unsigned j = 0; j < i; j++)
			assert_true(ids[j] != ids[i]);
		if (i % 64 == 63)
			world->now_us += SECOND;
	}
	for (unsigned i = 0; i < MANY; i++) {
		ng_gate_no_answer(world->gate, world->now_us, ids[i * 7 % MANY], NG_NO_TIME);
		take(world);
		assert_int_equal(rcode(world), NG_RCODE_SERVFAIL);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(late_answer_is_nobodys),
		TEST(late_refusal_is_nobodys),
		TEST(each_has_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
