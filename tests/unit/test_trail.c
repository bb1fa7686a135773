/* Trails: what a lease remembers of its way, how they are shared, and that they have a bound. */
#include "gate_world.h"

struct way {
	struct ng_gate *gate;
	struct sandbox *sandbox;
	struct ng_name names[NG_CHAIN_MAX + 1];
	struct ng_addr addrs[NG_ADDRS_MAX + 8];
	struct ng_trail trail;
};

static void way_begin(struct way *way, size_t n_names, size_t n_addrs)
{
	char text[64];

	way->gate = gate_make();
	way->sandbox = directory_by_id(&way->gate->directory, 1);
	for (size_t i = 0; i <= NG_CHAIN_MAX; i++) {
		snprintf(text, sizeof(text), "link%zu.%s", i,
			 i == 2 ? "corp.internal" : "example");
		way->names[i] = name_of(text);
	}
	for (size_t i = 0; i < NG_ADDRS_MAX + 8; i++) {
		snprintf(text, sizeof(text), "203.0.113.%zu", i);
		way->addrs[i] = addr_of(text);
	}
	way->trail = (struct ng_trail){.names = way->names,
				       .n_names = n_names,
				       .addrs = way->addrs,
				       .n_addrs = n_addrs};
}

static struct trail *make(struct way *way)
{
	struct trail *trail;

	assert_int_equal(trail_make(way->gate, way->sandbox, &way->trail, &trail), NG_OK);
	return trail;
}

static void comes_back_whole(void **state)
{
	struct trail_view view;
	struct ng_name held;
	struct trail *trail;
	struct way way;

	(void)state;
	way_begin(&way, NG_CHAIN_MAX + 1, NG_ADDRS_MAX + 8);
	trail = make(&way);
	trail_read(trail, &view);
	assert_int_equal(view.trail.n_names, NG_CHAIN_MAX + 1);
	for (size_t i = 0; i <= NG_CHAIN_MAX; i++)
		assert_true(ng_name_same(&view.trail.names[i], &way.names[i]));
	assert_int_equal(view.trail.n_addrs, NG_ADDRS_MAX);
	assert_memory_equal(view.trail.addrs, way.addrs, NG_ADDRS_MAX * sizeof(way.addrs[0]));
	held = trail_name(
		trail); /* where it crossed into corp.internal; out again needs no rule */
	assert_true(ng_name_equal(&held, &way.names[2]));
	trail_release(way.gate, way.sandbox, trail);
	ng_gate_destroy(way.gate);
}

static void differs_by_names_and_by_addresses(void **state)
{
	struct trail *trail;
	struct way way;

	(void)state;
	way_begin(&way, 2, 2);
	trail = make(&way);
	assert_true(trail_leads(trail, &way.trail));
	assert_true(trail_answers(trail, &way.trail));
	way.trail.n_addrs = 1;
	assert_true(trail_leads(trail, &way.trail));
	assert_false(trail_answers(trail, &way.trail));
	way.trail.n_names = 1;
	assert_false(trail_leads(trail, &way.trail));
	way.trail.n_names = 2;
	way.names[1] = name_of("link10.example"); /* begins like what was there */
	assert_false(trail_leads(trail, &way.trail));
	way.names[1] = name_of("link1.example");
	way.names[1] = name_of("link1.example");
	assert_true(trail_leads(trail, &way.trail));
	way.trail.local = 1;
	assert_false(trail_leads(trail, &way.trail));
	trail_release(way.gate, way.sandbox, trail);
	ng_gate_destroy(way.gate);
}

/* The policy's own data at the first name, at the second, or instead of what that answered. */
static void differs_by_where_own_data_stand(void **state)
{
	static const struct {
		uint8_t local;
		bool replaces;
	} kinds[] = {{0, false}, {1, false}, {2, false}, {1, true}, {2, true}};
	struct trail_view view;
	struct trail *trail;
	struct way way;

	(void)state;
	way_begin(&way, 2, 2);
	for (size_t i = 0; i < 5; i++) {
		uint64_t this_way;

		way.trail.local = kinds[i].local;
		way.trail.replaces = kinds[i].replaces;
		this_way = trail_way(&way.trail);
		trail = make(&way);
		trail_read(trail, &view);
		assert_int_equal(view.trail.local, kinds[i].local);
		assert_int_equal(view.trail.replaces, kinds[i].replaces);
		for (size_t j = 0; j < 5; j++) {
			way.trail.local = kinds[j].local;
			way.trail.replaces = kinds[j].replaces;
			assert_int_equal(trail_leads(trail, &way.trail), i == j);
			assert_int_equal(trail_way(&way.trail) == this_way, i == j);
		}
		trail_release(way.gate, way.sandbox, trail);
	}
	ng_gate_destroy(way.gate);
}

/* What replaces an answer stands at the asked name, and an alias out of it where that leads. */
static void ends_where_the_addresses_stand(void **state)
{
	struct way way;

	(void)state;
	way_begin(&way, 3, 1);
	assert_ptr_equal(trail_end(&way.trail), &way.names[2]);
	way.trail.local = 3;
	assert_ptr_equal(trail_end(&way.trail), &way.names[2]);
	way.trail.replaces = true;
	assert_ptr_equal(trail_end(&way.trail), &way.names[0]);
	way.trail.local = 2;
	assert_ptr_equal(trail_end(&way.trail), &way.names[2]);
	ng_gate_destroy(way.gate);
}

static void has_room_for_so_much(void **state)
{
	struct trail *kept[2 * NG_TRAIL_SHARE], *more;
	size_t n = 0;
	int code;
	struct way way;

	(void)state;
	way_begin(&way, 1, 1);
	way.gate->settings.limits.leases_sandbox = 2;
	while ((code = trail_make(way.gate, way.sandbox, &way.trail, &kept[n])) == NG_OK)
		n++;
	assert_int_equal(code, NG_E_FULL);
	assert_true(way.sandbox->trail_octets <= 2 * NG_TRAIL_SHARE);
	assert_int_equal(n, 2 * NG_TRAIL_SHARE / (way.names[0].len + sizeof(way.addrs[0])));
	more = trail_share(kept[0]);
	trail_release(way.gate, way.sandbox, kept[0]);
	assert_int_equal(trail_make(way.gate, way.sandbox, &way.trail, &kept[0]), NG_E_FULL);
	trail_release(way.gate, way.sandbox, more);
	assert_int_equal(trail_make(way.gate, way.sandbox, &way.trail, &kept[0]), NG_OK);
	while (n > 0)
		trail_release(way.gate, way.sandbox, kept[--n]);
	assert_int_equal(way.sandbox->trail_octets, 0);
	trail_release(way.gate, way.sandbox, NULL);
	ng_gate_destroy(way.gate);
}

static const struct ng_lease_order *order_of(struct ng_gate *gate, enum ng_action_kind kind,
					     struct ng_action *action)
{
	while (ng_gate_next(gate, action))
		if (action->kind == kind)
			return &action->lease;
	fail_msg("no such action");
	return NULL;
}

/* What was told to be kept, before and after zones went, is told to be forgotten by the same words. */
static void is_known_by_its_first_name(void **state)
{
	struct ng_route public = {.id = 1, .origin = 11, .zone = name_of(".")};
	struct ng_sandbox box = {.id = 1, .name = "box1", .mode = NG_OBSERVE, .n_sources = 2};
	const struct ng_generation generation = {.version = 2,
						 .routes = &public,
						 .n_routes = 1,
						 .sandboxes = &box,
						 .n_sandboxes = 1};
	const struct ng_addr none = {0};
	const struct ng_port all = {0};
	const struct ng_lease_order *order;
	struct ng_action action;
	struct way way;

	(void)state;
	assert_int_equal(ng_prefix_parse("10.66.0.2", &box.sources[0]), NG_OK);
	assert_int_equal(ng_prefix_parse("fd00:1::/64", &box.sources[1]), NG_OK);
	way_begin(&way, 3, 1);
	assert_int_equal(path_held(way.sandbox, &way.trail), 2);
	assert_int_equal(ng_gate_adopt(way.gate, 0, 1, &none, way.addrs, &all, &way.trail,
				       900 * SECOND_US, 0),
			 NG_OK);
	assert_int_equal(ng_gate_apply(way.gate, 1, &generation), NG_OK);
	ng_gate_warden_back(way.gate, 1);
	order = order_of(way.gate, NG_LEASE, &action);
	assert_true(ng_name_equal(order->name, &way.names[0])); /* nothing crosses any more */
	assert_int_equal(order->way, trail_way(&way.trail));
	box.mode = NG_LOCKDOWN;
	assert_int_equal(ng_gate_apply(way.gate, 2, &generation), NG_OK);
	order = order_of(way.gate, NG_REVOKE, &action);
	assert_int_equal(order->n_held, 1);
	assert_true(ng_name_equal(order->held[0].name, &way.names[0]));
	assert_int_equal(order->held[0].way, trail_way(&way.trail));
	ng_gate_destroy(way.gate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_whole),
		cmocka_unit_test(differs_by_names_and_by_addresses),
		cmocka_unit_test(differs_by_where_own_data_stand),
		cmocka_unit_test(ends_where_the_addresses_stand),
		cmocka_unit_test(has_room_for_so_much),
		cmocka_unit_test(is_known_by_its_first_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
