/* The warden's sandboxes: whose address is it, and may it be given to two? */
#include "warden/sandboxes.h"
#include "warden/sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct wall_sandbox sandbox_of(uint32_t id, const char *interface, const char *first,
				      const char *second)
{
	struct wall_sandbox sandbox = {.id = id, .mode = 1};

	snprintf(sandbox.interface, sizeof(sandbox.interface), "%s", interface);
	assert_int_equal(ng_prefix_parse(first, &sandbox.sources[0]), NG_OK);
	sandbox.n_sources = 1;
	if (second) {
		assert_int_equal(ng_prefix_parse(second, &sandbox.sources[1]), NG_OK);
		sandbox.n_sources = 2;
	}
	return sandbox;
}

static uint32_t owner(const struct sandboxes *sandboxes, const char *text)
{
	struct ng_addr addr;
	struct sandbox *found;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	found = sandboxes_owner(sandboxes, &addr);
	return found ? found->is.id : 0;
}

static int add(struct sandboxes *sandboxes, struct wall_sandbox wanted)
{
	struct sandbox *made;
	int code = sandboxes_check(sandboxes, &wanted);

	return code == NG_OK ? sandboxes_put(sandboxes, &wanted, &made) : code;
}

static void an_address_has_one_owner(void **state)
{
	struct sandboxes sandboxes = {0};

	(void)state;
	assert_int_equal(add(&sandboxes, sandbox_of(1, "sb1", "10.0.0.2", "fd00::2")), NG_OK);
	assert_int_equal(add(&sandboxes, sandbox_of(2, "sb2", "10.0.1.0/24", NULL)), NG_OK);
	assert_int_equal(owner(&sandboxes, "10.0.0.2"), 1);
	assert_int_equal(owner(&sandboxes, "fd00::2"), 1);
	assert_int_equal(owner(&sandboxes, "10.0.1.77"), 2);
	assert_int_equal(owner(&sandboxes, "10.0.0.3"), 0);
	/* A single one in a wide one, a wide one over a single one, wide ones in each other. */
	assert_int_equal(add(&sandboxes, sandbox_of(3, "sb3", "10.0.1.5", NULL)), NG_E_EXISTS);
	assert_int_equal(add(&sandboxes, sandbox_of(3, "", "10.0.0.0/30", NULL)), NG_E_EXISTS);
	assert_int_equal(add(&sandboxes, sandbox_of(3, "", "10.0.1.0/25", NULL)), NG_E_EXISTS);
	assert_int_equal(add(&sandboxes, sandbox_of(3, "", "10.0.0.0/8", NULL)), NG_E_EXISTS);
	assert_int_equal(add(&sandboxes, sandbox_of(3, "sb3", "10.0.0.2", NULL)), NG_E_EXISTS);
	/* And a sandbox's own sources do not overlap either. */
	assert_int_equal(add(&sandboxes, sandbox_of(3, "sb3", "10.3.0.0/24", "10.3.0.1")),
			 NG_E_EXISTS);
	assert_int_equal(sandboxes.n, 2);
	sandboxes_finish(&sandboxes);
}

static void wide_ones_are_found_from_any_network(void **state)
{
	struct sandboxes sandboxes = {0};
	struct sandbox *broad;

	(void)state;
	assert_int_equal(add(&sandboxes, sandbox_of(1, "", "10.0.0.0/8", "fd00::/32")), NG_OK);
	assert_int_equal(add(&sandboxes, sandbox_of(2, "", "172.16.0.0/16", "fd77::/64")),
			 NG_OK);
	assert_int_equal(owner(&sandboxes, "10.200.3.4"), 1);
	assert_int_equal(owner(&sandboxes, "fd00:0:7::1"), 1);
	assert_int_equal(owner(&sandboxes, "172.16.255.1"), 2);
	assert_int_equal(owner(&sandboxes, "fd77::1:2"), 2);
	assert_int_equal(owner(&sandboxes, "172.17.0.1"), 0);
	assert_int_equal(owner(&sandboxes, "fd77:0:0:1::"), 0);
	broad = sandboxes_find(&sandboxes, 1);
	sandboxes_remove(&sandboxes, broad);
	assert_int_equal(owner(&sandboxes, "10.200.3.4"), 0);
	assert_int_equal(owner(&sandboxes, "172.16.255.1"), 2);
	assert_int_equal(sandboxes.broad, 0);
	sandboxes_finish(&sandboxes);
	for (size_t i = 0; i < SANDBOX_NETS; i++)
		assert_int_equal(sandboxes.nets[i], 0);
}

static void replacing_moves_its_addresses(void **state)
{
	struct sandboxes sandboxes = {0};

	(void)state;
	assert_int_equal(add(&sandboxes, sandbox_of(1, "sb1", "10.0.0.2", "10.1.0.0/16")),
			 NG_OK);
	assert_int_equal(add(&sandboxes, sandbox_of(1, "sb1", "10.0.0.3", NULL)), NG_OK);
	assert_int_equal(owner(&sandboxes, "10.0.0.2"), 0);
	assert_int_equal(owner(&sandboxes, "10.1.0.1"), 0);
	assert_int_equal(owner(&sandboxes, "10.0.0.3"), 1);
	assert_int_equal(add(&sandboxes, sandbox_of(2, "sb2", "10.0.0.2", NULL)), NG_OK);
	sandboxes_remove(&sandboxes, sandboxes_find(&sandboxes, 1));
	assert_null(sandboxes_find(&sandboxes, 1));
	assert_int_equal(owner(&sandboxes, "10.0.0.3"), 0);
	assert_int_equal(owner(&sandboxes, "10.0.0.2"), 2);
	sandboxes_finish(&sandboxes);
	sandboxes_finish(NULL);
}

static void has_asks_for_wide_ones_apart(void **state)
{
	struct wall_sandbox sandbox = sandbox_of(1, "sb1", "10.0.0.2", "10.1.0.0/16");
	struct ng_addr single, wide;

	(void)state;
	assert_int_equal(ng_addr_parse("10.0.0.2", &single), NG_OK);
	assert_int_equal(ng_addr_parse("10.1.2.3", &wide), NG_OK);
	assert_true(sandbox_has(&sandbox, &single, false));
	assert_false(sandbox_has(&sandbox, &single, true));
	assert_true(sandbox_has(&sandbox, &wide, true));
}

static void leases_stand_in_the_sets_that_others_are_told_of(void **state)
{
	(void)state;
	assert_string_equal(set_shapes[SET_ALLOW4].name, wall_lease_set(NG_IPV4, false));
	assert_string_equal(set_shapes[SET_ALLOW6].name, wall_lease_set(NG_IPV6, false));
	assert_string_equal(set_shapes[SET_ALLOW4P].name, wall_lease_set(NG_IPV4, true));
	assert_string_equal(set_shapes[SET_ALLOW6P].name, wall_lease_set(NG_IPV6, true));
}

static uint32_t alone(const struct sandboxes *sandboxes, const char *interface)
{
	const struct sandbox *found = sandboxes_alone(sandboxes, interface);

	return found ? found->is.id : 0;
}

static void knows_who_is_alone_on_an_interface(void **state)
{
	struct sandboxes sandboxes = {0};

	(void)state;
	assert_int_equal(alone(&sandboxes, "sb1"), 0);
	assert_int_equal(add(&sandboxes, sandbox_of(1, "sb1", "10.0.0.1", NULL)), NG_OK);
	assert_int_equal(add(&sandboxes, sandbox_of(2, "", "10.0.0.2", NULL)), NG_OK);
	assert_int_equal(alone(&sandboxes, "sb1"), 1);
	assert_int_equal(alone(&sandboxes, ""), 0);
	assert_int_equal(add(&sandboxes, sandbox_of(3, "sb1", "10.0.0.3", NULL)), NG_OK);
	assert_int_equal(alone(&sandboxes, "sb1"), 0);
	/* The first one moves away, and changes nothing else. */
	assert_int_equal(add(&sandboxes, sandbox_of(1, "sb9", "10.0.0.1", NULL)), NG_OK);
	assert_int_equal(alone(&sandboxes, "sb1"), 3);
	assert_int_equal(alone(&sandboxes, "sb9"), 1);
	sandboxes_remove(&sandboxes, sandboxes_find(&sandboxes, 3));
	assert_int_equal(alone(&sandboxes, "sb1"), 0);
	sandboxes_finish(&sandboxes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_who_is_alone_on_an_interface),
		cmocka_unit_test(an_address_has_one_owner),
		cmocka_unit_test(wide_ones_are_found_from_any_network),
		cmocka_unit_test(replacing_moves_its_addresses),
		cmocka_unit_test(has_asks_for_wide_ones_apart),
		cmocka_unit_test(leases_stand_in_the_sets_that_others_are_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
