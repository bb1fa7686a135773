/* The queue of actions: all that one input led to, and what of its room is kept for the next. */
#include "gate_world.h"

#define LEASES 20000

static void adopt(struct ng_gate *gate)
{
	const struct ng_name name = name_of("a.example");
	const struct ng_trail trail = {.names = &name, .n_names = 1};
	const struct ng_addr none = {0};
	const struct ng_port all = {0};

	gate->settings.limits.leases = gate->settings.limits.leases_sandbox = 2 * LEASES;
	for (uint32_t i = 0; i < LEASES; i++) {
		const uint8_t octets[4] = {45, 0, (uint8_t)(i >> 8), (uint8_t)i};
		const struct ng_addr addr = ng_addr_make(NG_IPV4, octets);

		assert_int_equal(ng_gate_adopt(gate, 0, 1, &none, &addr, &all, &trail,
					       900 * SECOND_US, 0),
				 NG_OK);
	}
}

/* The warden goes, of which all is told that there is to tell, and comes back. */
static void come_back(struct ng_gate *gate)
{
	struct ng_action action;

	ng_gate_warden_lost(gate, 1);
	while (ng_gate_next(gate, &action))
		;
	ng_gate_warden_back(gate, 2);
}

/* All that an earlier life has left is ordered at once; a gate never has so much to do again. */
static void gives_back_what_a_start_took(void **state)
{
	struct ng_gate *gate = gate_make();
	struct ng_action action;
	size_t n = 0;

	(void)state;
	adopt(gate);
	for (int turn = 0; turn < 2; turn++) {
		come_back(gate);
		for (n = 0; ng_gate_next(gate, &action);)
			n += action.kind == NG_LEASE;
		assert_int_equal(n, LEASES);
		assert_true(gate->room_actions >= LEASES);
		ng_gate_tick(gate, 3);
		assert_true(gate->room_actions <= LEASES / 4);
	}
	ng_gate_destroy(gate);
}

/* What was not taken yet stays where it is, and so does its room. */
static void keeps_what_was_not_taken(void **state)
{
	struct ng_gate *gate = gate_make();
	struct ng_action action;
	size_t n = 0;

	(void)state;
	adopt(gate);
	come_back(gate);
	assert_true(ng_gate_next(gate, &action));
	ng_gate_tick(gate, 3);
	assert_true(gate->room_actions >= LEASES);
	while (ng_gate_next(gate, &action))
		n += action.kind == NG_LEASE;
	assert_true(n >= LEASES - 1);
	ng_gate_destroy(gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_back_what_a_start_took),
		cmocka_unit_test(keeps_what_was_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
