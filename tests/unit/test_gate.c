/*
 * The engine through its public door, where a scene would not see enough: the queue of actions,
 * several generations, the moment of the swap, the warden's comings and goings, and the bounds.
 */
#include <namegate/gate.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1000000u

struct world {
	struct ng_gate *gate;
	struct ng_image image;
	struct ng_ruleset *rules;
	struct ng_sandbox boxes[2];
	struct ng_route routes[2];
	struct ng_action actions[256];
	size_t n;
};

static struct ng_name name_of(const char *text)
{
	struct ng_name name;

	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	return name;
}

static struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	return addr;
}

static void rules_load(struct world *world, const char *text)
{
	struct ng_diags diags;

	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&(struct ng_source){.path = "team.list",
							.text = text,
							.len = strlen(text)},
				    &diags, &world->image),
			 NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(world->image.octets, world->image.len, &world->rules),
			 NG_OK);
}

static void rules_free(struct world *world)
{
	ng_ruleset_close(world->rules);
	ng_image_finish(&world->image);
}

static void box_make(struct world *world, size_t i, const char *source)
{
	struct ng_sandbox *box = &world->boxes[i];

	*box = (struct ng_sandbox){.id = (uint32_t)i + 1, .mode = NG_ENFORCE, .n_sources = 1};
	snprintf(box->name, sizeof(box->name), "box%zu", i + 1);
	assert_int_equal(ng_prefix_parse(source, &box->sources[0]), NG_OK);
	box->policy.scopes[NG_SCOPE_SANDBOX].sources[0] = world->rules;
	box->policy.scopes[NG_SCOPE_SANDBOX].n = 1;
}

static int world_apply(struct world *world, uint64_t now_us, uint64_t version, size_t n_boxes)
{
	const struct ng_generation generation = {
		.version = version,
		.routes = world->routes,
		.n_routes = 2,
		.sandboxes = world->boxes,
		.n_sandboxes = n_boxes,
	};

	return ng_gate_apply(world->gate, now_us, &generation);
}

static void take(struct world *world)
{
	for (world->n = 0; ng_gate_next(world->gate, &world->actions[world->n]);)
		assert_true(++world->n < 256);
}

static int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(ng_gate_create(42, &world->gate), NG_OK);
	rules_load(world, "*.good.example\ngood.example\n");
	box_make(world, 0, "10.0.0.2");
	box_make(world, 1, "10.0.0.3");
	world->routes[0] = (struct ng_route){.id = 1, .zone = name_of(".")};
	world->routes[1] = (struct ng_route){.id = 2, .zone = name_of("corp.internal")};
	assert_int_equal(world_apply(world, 0, 1, 2), NG_OK);
	*state = world;
	return 0;
}

static int world_teardown(void **state)
{
	struct world *world = *state;

	ng_gate_destroy(world->gate);
	rules_free(world);
	free(world);
	return 0;
}

static void ask(struct world *world, uint64_t now_us, uint64_t handle, const char *from,
		const char *name)
{
	const struct ng_question question = {
		.name = name_of(name), .type = NG_TYPE_A, .class = NG_CLASS_IN};
	const struct ng_client client = {.handle = handle, .addr = addr_of(from)};
	uint8_t wire[512];

	ng_gate_query(world->gate, now_us, &client, wire,
		      ng_ask_build(&question, (uint16_t)handle, false, false, wire));
	take(world);
}

/* The answer of an upstream: one A record for the asked name, in plain octets. */
static void answer(struct world *world, uint64_t now_us, const struct ng_ask *asked,
		   const char *addr, uint8_t ttl)
{
	const struct ng_addr server = addr_of("192.0.2.53"), to = addr_of(addr);
	const struct ng_name *name = &asked->question.name;
	const uint8_t tail[] = {0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, ttl, 0, 4};
	uint8_t wire[512] = {0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
	size_t len = 12;

	memcpy(wire + len, name->wire, name->len);
	len += name->len;
	memcpy(wire + len, tail, sizeof(tail));
	len += sizeof(tail);
	memcpy(wire + len, to.bytes, 4);
	ng_gate_answer(world->gate, now_us, asked->id, &server, wire, len + 4);
	take(world);
}

static const struct ng_action *find(const struct world *world, enum ng_action_kind kind)
{
	for (size_t i = 0; i < world->n; i++) {
		if (world->actions[i].kind == kind)
			return &world->actions[i];
	}
	return NULL;
}

static size_t count(const struct world *world, enum ng_action_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < world->n; i++)
		n += world->actions[i].kind == kind;
	return n;
}

static uint8_t rcode(const struct world *world)
{
	const struct ng_action *reply = find(world, NG_REPLY);

	assert_non_null(reply);
	return reply->reply.wire[3] & 15;
}

static uint64_t resolve_to(struct world *world, uint64_t now_us, const char *from,
			   const char *name, const char *addr)
{
	const struct ng_action *action;
	struct ng_ask asked;

	ask(world, now_us, 7, from, name);
	action = find(world, NG_ASK_UPSTREAM);
	assert_non_null(action);
	asked = action->ask;
	answer(world, now_us, &asked, addr, 30);
	action = find(world, NG_LEASE);
	assert_non_null(action);
	assert_null(find(world, NG_REPLY));
	return action->lease.number;
}

static uint64_t resolve(struct world *world, uint64_t now_us, const char *from,
			const char *name)
{
	return resolve_to(world, now_us, from, name, "203.0.113.9");
}

static void denied_at_once(void **state)
{
	struct world *world = *state;

	ask(world, 0, 9, "10.0.0.2", "evil.example");
	assert_int_equal(rcode(world), NG_RCODE_NXDOMAIN);
	assert_null(find(world, NG_ASK_UPSTREAM));
	assert_true(find(world, NG_REPLY)->reply.client == 9);
	assert_true(find(world, NG_RECORD)->record.version == 1);
}

static void replies_after_the_commit(void **state)
{
	struct world *world = *state;
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");

	ng_gate_lease_result(world->gate, 500, number + 1, NG_OK);
	take(world);
	assert_int_equal(world->n, 0);
	ng_gate_lease_result(world->gate, 900, number, NG_OK);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);
	assert_int_equal(find(world, NG_REPLY)->reply.wire[7], 1);
	assert_int_equal(find(world, NG_RECORD)->record.ttl_s, 30);
	ng_gate_lease_result(world->gate, 950, number, NG_OK); /* told twice: void */
	take(world);
	assert_int_equal(world->n, 0);
}

/* "TTL handed out, hold + slack + grace" of an upstream TTL, under the rule's lease-max. */
static const char *terms(const struct ng_settings *settings, uint32_t lease_max_s,
			 uint32_t ttl_s)
{
	static char said[64];
	struct ng_terms terms = ng_terms_of(settings, lease_max_s, ttl_s);

	snprintf(said, sizeof(said), "%u, %u+%u+%u", terms.ttl_s, terms.hold_s, terms.slack_s,
		 terms.grace_s);
	return said;
}

static void ttl_and_lease_in_numbers(void **state)
{
	struct ng_settings settings = ng_settings_full(&(struct ng_settings){0});

	(void)state;
	assert_string_equal(terms(&settings, 0, 30), "30, 60+0+30");
	assert_string_equal(terms(&settings, 0, 0), "0, 60+0+30");
	assert_string_equal(terms(&settings, 0, 60), "60, 60+1+30");
	assert_string_equal(terms(&settings, 0, 86400), "3600, 3600+1+30");
	assert_string_equal(terms(&settings, 20, 30), "20, 20+1+30");
	assert_string_equal(terms(&settings, 20, 5), "5, 20+0+30");
	settings = ng_settings_full(&(struct ng_settings){.grace_s = 7, .lease_min_s = 5});
	assert_string_equal(terms(&settings, 0, 9), "9, 9+1+7");
}

/* A flow keeps a lease for both names, each with the end that it gave itself. */
static void flow_keeps_each_holder_by_its_own_end(void **state)
{
	struct world *world = *state;
	const struct ng_generation generation = {.version = 2,
						 .settings = {.flow_lease_s = 3600},
						 .routes = world->routes,
						 .n_routes = 2,
						 .sandboxes = world->boxes,
						 .n_sandboxes = 2};
	const struct ng_flow flow = {.sandbox = 1, .addr = addr_of("203.0.113.9")};
	const struct ng_action *order, *hold;
	struct ng_ask asked;

	assert_int_equal(ng_gate_apply(world->gate, 0, &generation), NG_OK);
	ng_gate_lease_result(world->gate, 0, resolve(world, 0, "10.0.0.2", "a.good.example"),
			     NG_OK);
	take(world);
	ask(world, 10 * SECOND, 8, "10.0.0.2", "b.good.example");
	asked = find(world, NG_ASK_UPSTREAM)->ask;
	answer(world, 10 * SECOND, &asked, "203.0.113.9", 30);
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);
	ng_gate_flow(world->gate, 89 * SECOND, &flow);
	take(world);
	order = find(world, NG_LEASE);
	assert_non_null(order);
	assert_int_equal(order->lease.ends_us, 100 * SECOND);
	hold = find(world, NG_HOLD);
	assert_non_null(hold);
	assert_int_equal(hold->lease.until_us, order->lease.until_us);
	assert_int_equal(hold->lease.ends_us, 90 * SECOND);
}

static void kernel_silent_for_a_second(void **state)
{
	struct world *world = *state;

	resolve(world, 0, "10.0.0.2", "a.good.example");
	assert_true(ng_gate_deadline(world->gate) == SECOND);
	ng_gate_tick(world->gate, SECOND - 1);
	take(world);
	assert_int_equal(world->n, 0);
	ng_gate_tick(world->gate, SECOND);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_SERVFAIL);
	assert_int_equal(find(world, NG_RECORD)->record.ede, NG_EDE_NOT_READY);
}

static void late_confirmation_still_counts(void **state)
{
	struct world *world = *state;
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");

	ng_gate_tick(world->gate, SECOND);
	take(world);
	ng_gate_lease_result(world->gate, SECOND + 5, number, NG_OK);
	take(world);
	assert_int_equal(world->n, 0);
	ask(world, SECOND + 9, 8, "10.0.0.2", "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);
	assert_null(find(world, NG_LEASE));
}

static void policy_of_the_moment(void **state)
{
	struct world *world = *state;
	struct world old = {.image = world->image, .rules = world->rules};
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");

	rules_load(world, "other.example\n");
	box_make(world, 0, "10.0.0.2");
	box_make(world, 1, "10.0.0.3");
	assert_int_equal(world_apply(world, 100, 2, 2), NG_OK);
	take(world);
	assert_int_equal(count(world, NG_REVOKE), 1);
	assert_int_equal(rcode(world), NG_RCODE_NXDOMAIN);
	assert_true(find(world, NG_RECORD) != NULL);
	rules_free(&old);
	ng_gate_lease_result(world->gate, 200, number, NG_OK);
	take(world);
	assert_int_equal(world->n, 0);
}

static void warden_lost_and_back(void **state)
{
	struct world *world = *state;
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");

	ng_gate_lease_result(world->gate, 10, number, NG_OK);
	take(world);
	resolve_to(world, 20, "10.0.0.2", "b.good.example", "203.0.113.10");
	ng_gate_warden_lost(world->gate, 30);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_SERVFAIL);
	ask(world, 40, 8, "10.0.0.2", "a.good.example"); /* cached and leased, but who knows */
	assert_int_equal(rcode(world), NG_RCODE_SERVFAIL);
	ng_gate_warden_back(world->gate, 50);
	take(world);
	assert_int_equal(count(world, NG_LEASE), 2);
	number = find(world, NG_LEASE)->lease.number;
	ask(world, 60, 8, "10.0.0.2", "a.good.example");
	assert_null(find(world, NG_REPLY));
	ng_gate_lease_result(world->gate, 70, number, NG_OK);
	ng_gate_lease_result(world->gate, 70, number + 1, NG_OK);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);
	assert_int_equal(count(world, NG_REPLY), 1);
}

static void new_source_confirms_nothing(void **state)
{
	struct world *world = *state;
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");

	ng_gate_lease_result(world->gate, 10, number, NG_OK);
	take(world);
	box_make(world, 0, "10.0.0.9");
	assert_int_equal(ng_gate_sandbox_put(world->gate, 20, &world->boxes[0]), NG_OK);
	take(world);
	assert_int_equal(count(world, NG_REVOKE), 1);
	ask(world, 30, 8, "10.0.0.9", "a.good.example");
	assert_int_equal(count(world, NG_LEASE), 1);
	assert_null(find(world, NG_REPLY));
	ask(world, 40, 9, "10.0.0.2", "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_REFUSED);
}

static void failed_put_changes_nothing(void **state)
{
	struct world *world = *state;
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");

	ng_gate_lease_result(world->gate, 10, number, NG_OK);
	take(world);
	box_make(world, 0, "10.0.0.3"); /* the neighbour's */
	assert_int_equal(ng_gate_sandbox_put(world->gate, 20, &world->boxes[0]), NG_E_EXISTS);
	take(world);
	ask(world, 30, 8, "10.0.0.2", "evil.example");
	assert_int_equal(rcode(world), NG_RCODE_NXDOMAIN);
	ask(world, 30, 8, "10.0.0.3", "evil.example");
	assert_true(find(world, NG_RECORD)->record.sandbox == 2);
}

static void ask_by_socket(struct world *world, uint64_t handle, uint32_t sandbox)
{
	const struct ng_question question = {
		.name = name_of("www.good.example"), .type = NG_TYPE_A, .class = NG_CLASS_IN};
	const struct ng_client client = {.handle = handle,
					 .sandbox = sandbox,
					 .peer = {.known = true, .uid = 1000, .pid = 4711},
					 .tcp = true};
	uint8_t wire[512];

	ng_gate_query(world->gate, handle, &client, wire,
		      ng_ask_build(&question, 1, false, false, wire));
	take(world);
}

/* Its leases are for its addresses, and without one nothing is asked. */
static void socket_asks_as_its_sandbox(void **state)
{
	struct world *world = *state;
	const struct ng_client client = {.sandbox = 2};
	const struct ng_action *record;

	assert_int_equal(world_apply(world, 0, 2, 1), NG_OK);
	assert_int_equal(ng_gate_sandbox_of(world->gate, &client), 0);
	ask_by_socket(world, 1, 2); /* there is only the first one as yet */
	assert_int_equal(rcode(world), NG_RCODE_REFUSED);
	assert_int_equal(world_apply(world, 2, 3, 2), NG_OK);
	assert_int_equal(ng_gate_sandbox_of(world->gate, &client), 2);
	ask_by_socket(world, 3, 2);
	assert_non_null(find(world, NG_ASK_UPSTREAM));
	answer(world, 4, &find(world, NG_ASK_UPSTREAM)->ask, "192.0.2.80", 30);
	assert_null(find(world, NG_REPLY));
	assert_int_equal(find(world, NG_LEASE)->lease.sandbox, 2);
	assert_int_equal(find(world, NG_LEASE)->lease.client.family, NG_NOFAMILY);
	ng_gate_lease_result(world->gate, 5, find(world, NG_LEASE)->lease.number, NG_OK);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);
	record = find(world, NG_RECORD);
	assert_int_equal(record->record.sandbox, 2);
	assert_true(ng_addr_equal(&record->record.client, &world->boxes[1].sources[0].addr));
	assert_int_equal(record->record.peer.uid, 1000);
	assert_int_equal(record->record.peer.pid, 4711);
	assert_int_equal(ng_prefix_parse("10.0.1.0/24", &world->boxes[1].sources[0]), NG_OK);
	assert_int_equal(world_apply(world, 6, 4, 2), NG_OK);
	ask_by_socket(world, 7, 2);
	assert_int_equal(rcode(world), NG_RCODE_REFUSED);
}

static void removed_sandbox_ends_its_questions(void **state)
{
	struct world *world = *state;

	resolve(world, 0, "10.0.0.2", "a.good.example");
	ng_gate_sandbox_remove(world->gate, 10, 1);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_REFUSED);
	assert_null(find(world, NG_REVOKE));
	ask(world, 20, 8, "10.0.0.2", "a.good.example");
	assert_int_equal(rcode(world), NG_RCODE_REFUSED);
}

/* An upstream's alias: name, CNAME to target. */
static void answer_alias(struct world *world, const struct ng_ask *asked, const char *target)
{
	const struct ng_addr server = addr_of("192.0.2.53");
	const struct ng_name *name = &asked->question.name, to = name_of(target);
	const uint8_t tail[] = {0, 1, 0, 1, 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 30, 0, to.len};
	uint8_t wire[600] = {0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
	size_t len = 12;

	memcpy(wire + len, name->wire, name->len);
	len += name->len;
	memcpy(wire + len, tail, sizeof(tail));
	len += sizeof(tail);
	memcpy(wire + len, to.wire, to.len);
	ng_gate_answer(world->gate, 0, asked->id, &server, wire, len + to.len);
	take(world);
}

/* Who runs a permitted public zone must not lead a sandbox into a private one by an alias. */
static void alias_into_a_private_zone(void **state)
{
	struct world *world = *state;
	struct world old = {.image = world->image, .rules = world->rules};
	struct ng_ask asked;
	uint64_t number;

	ask(world, 0, 1, "10.0.0.2", "a.good.example");
	asked = find(world, NG_ASK_UPSTREAM)->ask;
	answer_alias(world, &asked, "db.corp.internal");
	assert_null(find(world, NG_ASK_UPSTREAM));
	assert_int_equal(find(world, NG_REPLY)->reply.wire[7], 0);
	assert_int_equal(find(world, NG_RECORD)->record.ede, NG_EDE_BLOCKED);

	rules_load(world, "*.good.example\ndb.corp.internal\n");
	box_make(world, 0, "10.0.0.2");
	assert_int_equal(world_apply(world, 1, 2, 1), NG_OK);
	take(world);
	rules_free(&old);
	ask(world, 2, 2, "10.0.0.2", "a.good.example");
	asked = find(world, NG_ASK_UPSTREAM)->ask;
	assert_int_equal(asked.route, 2);
	answer(world, 3, &asked, "203.0.113.9", 30);
	number = find(world, NG_LEASE)->lease.number;
	ng_gate_lease_result(world->gate, 4, number, NG_OK);
	take(world);
	assert_int_equal(rcode(world), NG_RCODE_NOERROR);

	/* The target's rule is what holds it: with that one gone, so is the lease. */
	old = (struct world){.image = world->image, .rules = world->rules};
	rules_load(world, "*.good.example\n");
	box_make(world, 0, "10.0.0.2");
	assert_int_equal(world_apply(world, 5, 3, 1), NG_OK);
	take(world);
	assert_int_equal(count(world, NG_REVOKE), 1);
	rules_free(&old);
}

static void adoption_follows_policy(void **state)
{
	struct world *world = *state;
	const struct ng_addr none = {0}, addr = addr_of("203.0.113.9");
	const struct ng_port all = {0};
	const struct ng_name names[] = {name_of("A.Good.Example"), name_of("evil.example")};
	const struct ng_trail good = {.names = names, .n_names = 1},
			      evil = {.names = names + 1, .n_names = 1};
	struct ng_lease_view view;
	uint64_t cursor = 0;

	assert_int_equal(
		ng_gate_adopt(world->gate, 0, 1, &none, &addr, &all, &good, 50 * SECOND, 0),
		NG_OK);
	take(world);
	assert_int_equal(world->n, 0);
	assert_int_equal(
		ng_gate_adopt(world->gate, 0, 2, &none, &addr, &all, &evil, 50 * SECOND, 0),
		NG_OK);
	ng_gate_adopted(world->gate, 0);
	take(world);
	assert_int_equal(count(world, NG_REVOKE), 1);
	assert_int_equal(
		ng_gate_adopt(world->gate, 0, 9, &none, &addr, &all, &good, 50 * SECOND, 0),
		NG_E_NOTFOUND);
	struct ng_trail odd = good;
	odd.local = 2; /* of one name */
	assert_int_equal(
		ng_gate_adopt(world->gate, 0, 1, &none, &addr, &all, &odd, 50 * SECOND, 0),
		NG_E_RANGE);
	odd.local = 0;
	odd.replaces = true;
	assert_int_equal(
		ng_gate_adopt(world->gate, 0, 1, &none, &addr, &all, &odd, 50 * SECOND, 0),
		NG_E_RANGE);
	assert_true(ng_gate_lease_at(world->gate, &cursor, &view));
	assert_false(view.confirmed);
	assert_false(ng_gate_lease_at(world->gate, &cursor, &view));
	ng_gate_warden_back(world->gate, SECOND);
	take(world);
	assert_true(find(world, NG_LEASE)->lease.until_us == 50 * SECOND);
	ng_gate_tick(world->gate, 50 * SECOND);
	take(world);
	assert_int_equal(find(world, NG_RECORD)->record.event, NG_EVENT_LEASE_END);
}

/* The question and its answer, where no order is needed. */
static void resolve_held(struct world *world, uint64_t now_us, const char *name, uint8_t ttl)
{
	struct ng_ask asked;

	ask(world, now_us, 8, "10.0.0.2", name);
	assert_non_null(find(world, NG_ASK_UPSTREAM));
	asked = find(world, NG_ASK_UPSTREAM)->ask;
	answer(world, now_us, &asked, "203.0.113.9", ttl);
	assert_null(find(world, NG_LEASE));
}

static void each_holder_is_told_of_once(void **state)
{
	struct world *world = *state;
	const struct ng_name b = name_of("b.good.example");
	const struct ng_lease_order *held;

	ng_gate_lease_result(world->gate, 0, resolve(world, 0, "10.0.0.2", "a.good.example"),
			     NG_OK);
	take(world);
	assert_int_equal(count(world, NG_HOLD), 0); /* the order said it */
	resolve_held(world, SECOND, "b.good.example", 20);
	assert_int_equal(rcode(world), 0);
	assert_int_equal(count(world, NG_HOLD), 1);
	held = &find(world, NG_HOLD)->lease;
	assert_int_equal(held->number, 0);
	assert_true(ng_name_equal(held->name, &b));
	assert_int_equal(held->trail.n_names, 1);
	assert_int_equal(held->until_us, 91 * SECOND);
	assert_string_equal(held->rule, "team.list:1");
	for (uint64_t at = 2; at <= 21;
	     at++) { /* from the cache, then anew: it is known far enough */
		ask(world, at * SECOND, 9, "10.0.0.2", "b.good.example");
		assert_int_equal(count(world, NG_HOLD), 0);
	}
	answer(world, 21 * SECOND, &find(world, NG_ASK_UPSTREAM)->ask, "203.0.113.9", 20);
	assert_int_equal(count(world, NG_REPLY), 1);
	assert_int_equal(count(world, NG_HOLD) + count(world, NG_LEASE), 0);
}

static void holder_behind_an_order_is_told_of_when_it_stands(void **state)
{
	struct world *world = *state;
	const struct ng_name b = name_of("b.good.example");
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");

	resolve_held(world, 0, "b.good.example", 20);
	assert_int_equal(count(world, NG_HOLD) + count(world, NG_REPLY), 0);
	ng_gate_lease_result(world->gate, SECOND, number, NG_OK);
	take(world);
	assert_int_equal(count(world, NG_REPLY), 2);
	assert_int_equal(count(world, NG_HOLD), 1);
	assert_true(ng_name_equal(find(world, NG_HOLD)->lease.name, &b));
	number = resolve_to(world, 2 * SECOND, "10.0.0.3", "c.good.example", "203.0.113.10");
	ng_gate_lease_result(world->gate, 2 * SECOND, number, NG_E_KERNEL);
	take(world);
	assert_int_equal(count(world, NG_HOLD), 0);
}

/* Of several that held it, one that policy allows is enough: nothing is closed in between. */
static void adoption_judges_all_holders(void **state)
{
	struct world *world = *state;
	const struct ng_addr none = {0}, addr = addr_of("203.0.113.9");
	const struct ng_port all = {0};
	const struct ng_name names[] = {name_of("evil.example"), name_of("a.good.example")};
	const struct ng_trail evil = {.names = names, .n_names = 1},
			      good = {.names = names + 1, .n_names = 1};

	assert_int_equal(
		ng_gate_adopt(world->gate, 0, 1, &none, &addr, &all, &evil, 50 * SECOND, 0),
		NG_OK);
	assert_int_equal(
		ng_gate_adopt(world->gate, 0, 1, &none, &addr, &all, &good, 50 * SECOND, 0),
		NG_OK);
	ng_gate_adopted(world->gate, 0);
	take(world);
	assert_int_equal(count(world, NG_REVOKE), 0);
	assert_int_equal(count(world, NG_RELEASE), 1);
	assert_true(ng_name_equal(find(world, NG_RELEASE)->lease.name, &names[0]));
	assert_int_equal(count(world, NG_HOLD), 0); /* it is known already */
}

static void blocked_packet_gets_its_name(void **state)
{
	struct world *world = *state;
	uint64_t number = resolve(world, 0, "10.0.0.2", "a.good.example");
	struct ng_blocked blocked = {.sandbox = 1,
				     .from = addr_of("10.0.0.2"),
				     .to = addr_of("203.0.113.9"),
				     .proto = 6,
				     .port = 443,
				     .count = 3};
	const struct ng_name want = name_of("a.good.example");

	ng_gate_lease_result(world->gate, 10, number, NG_OK);
	take(world);
	ng_gate_tick(world->gate, 91 * SECOND);
	take(world);
	ng_gate_blocked(world->gate, 92 * SECOND, &blocked);
	take(world);
	assert_non_null(find(world, NG_RECORD)->record.name);
	assert_true(ng_name_equal(find(world, NG_RECORD)->record.name, &want));
	blocked.to = addr_of("203.0.113.10");
	ng_gate_blocked(world->gate, 92 * SECOND, &blocked);
	take(world);
	assert_null(find(world, NG_RECORD)->record.name);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(denied_at_once),
		IN_WORLD(replies_after_the_commit),
		cmocka_unit_test(ttl_and_lease_in_numbers),
		IN_WORLD(flow_keeps_each_holder_by_its_own_end),
		IN_WORLD(kernel_silent_for_a_second),
		IN_WORLD(late_confirmation_still_counts),
		IN_WORLD(policy_of_the_moment),
		IN_WORLD(warden_lost_and_back),
		IN_WORLD(new_source_confirms_nothing),
		IN_WORLD(failed_put_changes_nothing),
		IN_WORLD(socket_asks_as_its_sandbox),
		IN_WORLD(removed_sandbox_ends_its_questions),
		IN_WORLD(alias_into_a_private_zone),
		IN_WORLD(adoption_follows_policy),
		IN_WORLD(adoption_judges_all_holders),
		IN_WORLD(each_holder_is_told_of_once),
		IN_WORLD(holder_behind_an_order_is_told_of_when_it_stands),
		IN_WORLD(blocked_packet_gets_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
