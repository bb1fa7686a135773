/* So many too many are so many counted: by each limit, of each sandbox, of two at once. */
#include <namegate/gate.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000)
#define TTL    30

struct world {
	struct ng_gate *gate;
	struct ng_image image;
	struct ng_ruleset *rules;
	struct ng_sandbox boxes[2];
	uint64_t now_us;
	bool answers, full; /* upstream answers; or has no place */
	uint8_t ttl;
	unsigned refused, failed, denied; /* replies */
	struct ng_record told;            /* the last record of limits, and what it points to */
	uint64_t limits[NG_LIMITS];
	unsigned n_told, n_answers;
};

static void apply(struct world *world, struct ng_settings settings)
{
	const struct ng_route root = {.id = 1, .zone = {.len = 1}};
	const struct ng_generation generation = {.version = 1,
						 .settings = settings,
						 .routes = &root,
						 .n_routes = 1,
						 .sandboxes = world->boxes,
						 .n_sandboxes = 2};

	assert_int_equal(ng_gate_apply(world->gate, world->now_us, &generation), NG_OK);
}

static int begin(void **state)
{
	static const char text[] = "*.wild.probe\n?.ask.probe\n";
	struct world *world = calloc(1, sizeof(*world));
	const struct ng_source source = {.format = NG_FORMAT_LIST,
					 .path = "a.list",
					 .text = text,
					 .len = sizeof(text) - 1};
	struct ng_diags diags;

	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&source, &diags, &world->image), NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(world->image.octets, world->image.len, &world->rules),
			 NG_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct ng_sandbox *box = &world->boxes[i];

		*box = (struct ng_sandbox){.id = i + 1, .mode = NG_ENFORCE, .n_sources = 1};
		snprintf(box->name, sizeof(box->name), "box%u", i + 1);
		box->sources[0] = (struct ng_prefix){
			.addr = {NG_IPV4, {10, 0, 0, (uint8_t)(i + 1)}}, .bits = 32};
		box->policy.scopes[NG_SCOPE_SANDBOX].sources[0] = world->rules;
		box->policy.scopes[NG_SCOPE_SANDBOX].n = 1;
	}
	assert_int_equal(ng_gate_create(7, &world->gate), NG_OK);
	world->now_us = SECOND;
	world->answers = true;
	world->ttl = TTL;
	*state = world;
	return 0;
}

static int end(void **state)
{
	struct world *world = *state;

	ng_gate_destroy(world->gate);
	ng_ruleset_close(world->rules);
	ng_image_finish(&world->image);
	free(world);
	return 0;
}

/* One address, another for each question. */
static void answer(struct world *world, const struct ng_ask *ask)
{
	const struct ng_addr server = {NG_IPV4, {192, 0, 2, 53}};
	const struct ng_name *name = &ask->question.name;
	uint8_t wire[512] = {0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0};
	const uint8_t rest[] = {0,
				1,
				0,
				1,
				0xc0,
				12,
				0,
				1,
				0,
				1,
				0,
				0,
				0,
				world->ttl,
				0,
				4,
				44,
				0,
				(uint8_t)(world->n_answers >> 8),
				(uint8_t)world->n_answers};

	world->n_answers++;
	memcpy(wire + 12, name->wire, name->len);
	memcpy(wire + 12 + name->len, rest, sizeof(rest));
	ng_gate_answer(world->gate, world->now_us, ask->id, &server, wire,
		       12u + name->len + sizeof(rest));
}

static void note(struct world *world, const struct ng_record *record)
{
	if (record->event == NG_EVENT_LIMITS) {
		world->n_told++;
		world->told = *record;
		memcpy(world->limits, record->limits, sizeof(world->limits));
	}
	if (record->event != NG_EVENT_DECISION)
		return;
	world->refused += record->rcode == NG_RCODE_REFUSED;
	world->failed += record->rcode == NG_RCODE_SERVFAIL;
	world->denied += record->rcode == NG_RCODE_NXDOMAIN;
}

static void carry(struct world *world)
{
	struct ng_action action;

	while (ng_gate_next(world->gate, &action)) {
		if (action.kind == NG_RECORD)
			note(world, &action.record);
		else if (action.kind == NG_LEASE)
			ng_gate_lease_result(world->gate, world->now_us, action.lease.number,
					     NG_OK);
		else if (action.kind == NG_ASK_UPSTREAM && world->full)
			ng_gate_no_answer(world->gate, world->now_us, action.ask.id,
					  NG_NO_SERVER);
		else if (action.kind == NG_ASK_UPSTREAM && world->answers)
			answer(world, &action.ask);
	}
}

/* So many questions of that box, each for a name of its own below zone. */
static void ask(struct world *world, unsigned box, unsigned n, const char *zone)
{
	static unsigned number;

	for (unsigned i = 0; i < n; i++) {
		const struct ng_client client = {.addr = {NG_IPV4, {10, 0, 0, (uint8_t)box}}};
		struct ng_question question = {.type = NG_TYPE_A, .class = NG_CLASS_IN};
		uint8_t wire[512];
		char text[64];

		snprintf(text, sizeof(text), "%010u.%s", ++number, zone);
		assert_int_equal(ng_name_from_text(text, strlen(text), &question.name), NG_OK);
		ng_gate_query(world->gate, world->now_us, &client, wire,
			      ng_ask_build(&question, 1, false, false, wire));
		carry(world);
	}
}

/* That the box was refused so many by that limit, and nothing else by any. */
static void refused(struct world *world, unsigned box, enum ng_limit limit, uint64_t n)
{
	uint64_t cursor = 0, values[NG_LIMITS];
	uint32_t sandbox;

	while (ng_gate_limits_at(world->gate, &cursor, &sandbox, values)) {
		for (unsigned i = 0; sandbox == box && i < NG_LIMITS; i++) {
			if (values[i] != (i == limit ? n : 0))
				fail_msg("box %u: %s %llu", box, ng_limit_word(i),
					 (unsigned long long)values[i]);
		}
		if (sandbox == box)
			return;
	}
	assert_int_equal(n, 0);
}

static void both(struct world *world, enum ng_limit limit, uint64_t one, uint64_t other)
{
	refused(world, 1, limit, one);
	refused(world, 2, limit, other);
}

static void questions_a_second(void **state)
{
	struct world *world = *state;

	apply(world, (struct ng_settings){.limits = {.queries_sandbox = 10}});
	for (unsigned i = 0; i < 5; i++) {
		ask(world, 1, 5, "no.probe");
		ask(world, 2, 3, "no.probe");
	}
	both(world, NG_LIMIT_RATE, 15, 5);
	assert_int_equal(world->refused, 20);
}

static void questions_under_way(void **state)
{
	struct world *world = *state;

	world->answers = false;
	apply(world, (struct ng_settings){.limits = {.pending_sandbox = 4}});
	ask(world, 1, 10, "wild.probe");
	ask(world, 2, 7, "wild.probe");
	both(world, NG_LIMIT_PENDING, 6, 3);
	assert_int_equal(world->refused, 9);
}

static void octets_of_names(void **state)
{
	struct world *world = *state;

	apply(world, (struct ng_settings){.budget = 11}); /* a name takes 11 of 16 times that */
	ask(world, 1, NG_BUDGET_MINUTES + 4, "wild.probe");
	ask(world, 2, NG_BUDGET_MINUTES + 1, "wild.probe");
	both(world, NG_LIMIT_BUDGET, 4, 1);
	assert_int_equal(world->denied, 5);
}

static void leases(void **state)
{
	struct world *world = *state;

	apply(world, (struct ng_settings){.limits = {.leases_sandbox = 8}});
	ask(world, 1, 11, "wild.probe");
	ask(world, 2, 9, "wild.probe");
	both(world, NG_LIMIT_LEASES, 3, 1);
	assert_int_equal(world->refused, 4);
}

static void leases_that_give_way(void **state)
{
	struct world *world = *state;

	world->ttl = 1;
	apply(world, (struct ng_settings){.limits = {.leases_sandbox = 8},
					  .lease_min_s = 3600,
					  .grace_s = 1});
	ask(world, 1, 8, "wild.probe");
	ask(world, 2, 8, "wild.probe");
	world->now_us += 60 * SECOND;
	ask(world, 1, 5, "wild.probe");
	ask(world, 2, 2, "wild.probe");
	both(world, NG_LIMIT_EVICTED, 5, 2);
}

static void places_to_ask_from(void **state)
{
	struct world *world = *state;

	world->full = true;
	apply(world, (struct ng_settings){0});
	ask(world, 1, 6, "wild.probe");
	ask(world, 2, 1, "wild.probe");
	both(world, NG_LIMIT_UPSTREAM, 6, 1);
	assert_int_equal(world->failed, 7);
}

static void names_to_be_approved(void **state)
{
	struct world *world = *state;

	apply(world, (struct ng_settings){0});
	ask(world, 1, NG_WAITING_SANDBOX_MAX + 9, "ask.probe");
	ask(world, 2, NG_WAITING_SANDBOX_MAX, "ask.probe");
	both(world, NG_LIMIT_WAITING, 9, 0);
}

/* As many answers as leave no trace among those that are there have been taken. */
static void answers_that_are_forgotten(void **state)
{
	struct world *world = *state;
	struct ng_counters now;

	apply(world, (struct ng_settings){.limits = {.cache_octets = NG_CACHE_OCTETS_FLOOR},
					  .budget = NG_BUDGET_OFF});
	ask(world, 2, 10, "wild.probe");
	ask(world, 1, 1500, "wild.probe");
	ng_gate_counters(world->gate, &now);
	assert_in_range(now.cache_entries, 11, 1000);
	both(world, NG_LIMIT_CACHE, 1510 - now.cache_entries, 0);
	world->now_us += (TTL + 1) * SECOND; /* what is over is not taken from anybody */
	ask(world, 2, 20, "wild.probe");
	both(world, NG_LIMIT_CACHE, 1510 - now.cache_entries, 0);
}

static void connections(void **state)
{
	struct world *world = *state;

	apply(world, (struct ng_settings){0});
	ng_gate_limited(world->gate, 1, NG_LIMIT_CONNECTIONS);
	ng_gate_limited(world->gate, 2, NG_LIMIT_CONNECTIONS);
	ng_gate_limited(world->gate, 2, NG_LIMIT_CONNECTIONS);
	ng_gate_limited(world->gate, 9, NG_LIMIT_CLOSED); /* gone meanwhile */
	both(world, NG_LIMIT_CONNECTIONS, 1, 2);
}

/* A record each, of sums; none while nothing is new. */
static void records(void **state)
{
	struct world *world = *state;
	const struct ng_settings settings = {.limits = {.queries_sandbox = 10}};

	apply(world, settings);
	ng_gate_limits_tell(world->gate, world->now_us);
	carry(world);
	assert_int_equal(world->n_told, 0);
	ask(world, 1, 13, "no.probe");
	ask(world, 2, 11, "no.probe");
	ng_gate_limits_tell(world->gate, world->now_us);
	carry(world);
	assert_int_equal(world->n_told, 2);
	ng_gate_limits_tell(world->gate, world->now_us);
	carry(world);
	assert_int_equal(world->n_told, 2);
	/* A reload keeps them, and so does what is registered again under its number. */
	apply(world, settings);
	assert_int_equal(ng_gate_sandbox_put(world->gate, world->now_us, &world->boxes[0]),
			 NG_OK);
	ask(world, 1, 2, "no.probe");
	ng_gate_limits_tell(world->gate, world->now_us);
	carry(world);
	assert_int_equal(world->n_told, 3);
	assert_int_equal(world->told.sandbox, 1);
	assert_string_equal(world->told.sandbox_name, "box1");
	assert_int_equal(world->limits[NG_LIMIT_RATE], 5);
	both(world, NG_LIMIT_RATE, 5, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(questions_a_second),   TEST(questions_under_way),
		TEST(octets_of_names),      TEST(leases),
		TEST(leases_that_give_way), TEST(places_to_ask_from),
		TEST(names_to_be_approved), TEST(answers_that_are_forgotten),
		TEST(connections),          TEST(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
