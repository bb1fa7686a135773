/* The world of the tests of ready answers: two sandboxes, some rules, and questions of every form. */
#pragma once

#include "message_maker.h"

#include <namegate/gate.h>

#define SECOND UINT64_C(1000000)

struct world {
	struct ng_gate *gate;
	struct ng_image image;
	struct ng_ruleset *rules;
	struct ng_sandbox boxes[2];
	struct ng_generation generation;
	struct ng_route routes[2];
	struct ng_prefix own;
	struct ng_action actions[64];
	size_t n;
	uint64_t now_us, ready;
};

static inline struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	return addr;
}

static inline void rules_load(const char *text, struct ng_image *image,
			      struct ng_ruleset **rules)
{
	struct ng_diags diags;

	ng_diags_init(&diags);
	assert_int_equal(ng_compile(&(struct ng_source){.path = "team.list",
							.text = text,
							.len = strlen(text)},
				    &diags, image),
			 NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(image->octets, image->len, rules), NG_OK);
}

static inline void take(struct world *world)
{
	for (world->n = 0; ng_gate_next(world->gate, &world->actions[world->n]);)
		assert_true(++world->n < COUNT(world->actions));
}

static inline void apply(struct world *world)
{
	world->generation.version++;
	assert_int_equal(ng_gate_apply(world->gate, world->now_us, &world->generation), NG_OK);
	take(world);
}

static inline int world_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	rules_load("*.good.example types=A,AAAA,TXT,PTR\ngood.example\n*.port.example:443\n"
		   "*.brief.example lease-max=10s\n*.corp.internal\n*.in-addr.arpa types=PTR\n",
		   &world->image, &world->rules);
	world->routes[0] = (struct ng_route){.id = 1, .zone = name_of(".")};
	world->routes[1] =
		(struct ng_route){.id = 2, .zone = name_of("corp.internal"), .n_opened = 1};
	assert_int_equal(ng_prefix_parse("10.20.0.0/16", &world->routes[1].opened[0]), NG_OK);
	for (uint32_t i = 0; i < 2; i++) {
		struct ng_sandbox *box = &world->boxes[i];

		*box = (struct ng_sandbox){
			.id = i + 1, .name = "box", .mode = NG_ENFORCE, .n_sources = 2};
		box->policy.scopes[NG_SCOPE_SANDBOX].sources[0] = world->rules;
		box->policy.scopes[NG_SCOPE_SANDBOX].n = 1;
		assert_int_equal(ng_prefix_parse(i ? "10.0.0.3" : "10.0.0.2", &box->sources[0]),
				 NG_OK);
		assert_int_equal(ng_prefix_parse(i ? "fd00::3" : "fd00::2", &box->sources[1]),
				 NG_OK);
	}
	world->generation = (struct ng_generation){.routes = world->routes,
						   .n_routes = 2,
						   .own = &world->own,
						   .sandboxes = world->boxes,
						   .n_sandboxes = 2};
	assert_int_equal(ng_gate_create(42, &world->gate), NG_OK);
	apply(world);
	*state = world;
	return 0;
}

static inline int world_teardown(void **state)
{
	struct world *world = *state;

	ng_gate_destroy(world->gate);
	ng_ruleset_close(world->rules);
	ng_image_finish(&world->image);
	free(world);
	return 0;
}

/* ---- questions ---- */

struct form {
	const char *name, *from; /* from: NULL is 10.0.0.2 */
	uint16_t type, id;       /* 0: A */
	uint16_t udp_size;       /* 0: no EDNS */
	uint16_t flags;
	bool dnssec_ok;
};

static inline void ask_so(struct world *world, const struct form *form)
{
	const struct ng_client client = {.handle = 9,
					 .addr = addr_of(form->from ? form->from : "10.0.0.2")};
	struct ng_counters counters;
	struct maker maker;

	make_header(&maker, form->flags, 1, 0, 0, form->udp_size > 0);
	maker.octets[0] = (uint8_t)(form->id >> 8);
	maker.octets[1] = (uint8_t)form->id;
	make_question(&maker, form->name, form->type ? form->type : NG_TYPE_A);
	if (form->udp_size) {
		make_octets(&maker, "", 1);
		make_u16(&maker, NG_TYPE_OPT);
		make_u16(&maker, form->udp_size);
		make_u32(&maker, form->dnssec_ok ? 0x8000 : 0);
		make_u16(&maker, 0);
	}
	ng_gate_query(world->gate, world->now_us, &client, maker.octets, maker.n);
	take(world);
	ng_gate_counters(world->gate, &counters);
	world->ready = counters.ready_hits;
}

static inline void ask(struct world *world, const char *name)
{
	ask_so(world, &(struct form){.name = name});
}

static inline const struct ng_action *find(const struct world *world, enum ng_action_kind kind)
{
	for (size_t i = 0; i < world->n; i++) {
		if (world->actions[i].kind == kind)
			return &world->actions[i];
	}
	return NULL;
}

static inline const uint8_t *wire(const struct world *world)
{
	assert_non_null(find(world, NG_REPLY));
	return find(world, NG_REPLY)->reply.wire;
}

static inline unsigned int rcode(const struct world *world)
{
	return wire(world)[3] & 15;
}

static inline unsigned int answers(const struct world *world)
{
	return wire(world)[7];
}

static inline const struct ng_record *record(const struct world *world)
{
	assert_non_null(find(world, NG_RECORD));
	return &find(world, NG_RECORD)->record;
}

/* All addresses as the answer to what was just asked, and the kernel's word for each. */
static inline void answer_all(struct world *world, const char *const *addrs, size_t n,
			      uint32_t ttl)
{
	const struct ng_action *action = find(world, NG_ASK_UPSTREAM);
	const struct ng_addr server = addr_of("192.0.2.53");
	char name[NG_NAME_TEXT_MAX];
	uint64_t orders[32];
	size_t n_orders = 0;
	struct maker maker;

	assert_non_null(action);
	ng_name_to_text(&action->ask.question.name, name);
	make_header(&maker, 0x8180, 1, (unsigned int)n, 0, 0);
	make_question(&maker, name, action->ask.question.type);
	for (size_t i = 0; i < n; i++) {
		const struct ng_addr addr = addr_of(addrs[i]);

		make_rr(&maker, "@", action->ask.question.type, ttl, addr.bytes,
			ng_addr_len(&addr));
	}
	ng_gate_answer(world->gate, world->now_us, action->ask.id, &server, maker.octets,
		       maker.n);
	take(world);
	for (size_t i = 0; i < world->n; i++) {
		if (world->actions[i].kind == NG_LEASE)
			orders[n_orders++] = world->actions[i].lease.number;
	}
	for (size_t i = 0; i < n_orders; i++) {
		ng_gate_lease_result(world->gate, world->now_us, orders[i], NG_OK);
		take(world);
	}
}

static inline void answer(struct world *world, const char *addr, uint32_t ttl)
{
	answer_all(world, &addr, 1, ttl);
}

/* Resolved, asked once by the usual way and once more: then it was ready. */
static inline void warm_so(struct world *world, const struct form *form, const char *addr,
			   uint32_t ttl)
{
	uint64_t before;

	ask_so(world, form);
	before = world->ready;
	answer(world, addr, ttl);
	ask_so(world, form);
	assert_int_equal(world->ready, before);
	ask_so(world, form);
	assert_int_equal(world->ready, before + 1);
	assert_int_equal(answers(world), 1);
}

static inline void warm(struct world *world, const char *name)
{
	warm_so(world, &(struct form){.name = name}, "203.0.113.9", 300);
}

/* The next question for it goes the usual way. */
static inline void ask_usual(struct world *world, const char *name)
{
	const uint64_t before = world->ready;

	ask(world, name);
	assert_int_equal(world->ready, before);
}
