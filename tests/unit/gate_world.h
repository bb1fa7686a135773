/* Makers that the tests of the engine's inside share: names, records, entries, a query. */
#pragma once

#include "gate/engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline struct ng_name name_of(const char *text)
{
	struct ng_name name;

	assert_int_equal(ng_name_from_text(text, strlen(text), &name), NG_OK);
	return name;
}

static inline struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	return addr;
}

/* "owner type data": an address, or a name for CNAME and DNAME. */
static inline void rr_make(struct arena *arena, const char *owner, uint16_t type, uint32_t ttl,
			   const char *data, struct ng_rr *out)
{
	const struct ng_name name = name_of(owner);

	*out = (struct ng_rr){.type = type, .ttl = ttl};
	out->owner = arena_copy(arena, &name, sizeof(name));
	if (type == NG_TYPE_A || type == NG_TYPE_AAAA) {
		const struct ng_addr addr = addr_of(data);

		out->rdlen = (uint16_t)ng_addr_len(&addr);
		out->rdata = arena_copy(arena, addr.bytes, out->rdlen);
	} else {
		const struct ng_name target = name_of(data);

		out->rdlen = target.len;
		out->rdata = arena_copy(arena, target.wire, target.len);
	}
	assert_non_null(out->owner);
	assert_non_null(out->rdata);
}

/* A gate with the routes "." (1) and "corp.internal" (2), private 10/8 opened in the second. */
static inline struct ng_gate *gate_make(void)
{
	struct ng_route routes[2] = {
		{.id = 1, .origin = 11, .zone = name_of(".")},
		{.id = 2, .origin = 22, .zone = name_of("corp.internal"), .n_opened = 1}};
	struct ng_sandbox box = {.id = 1, .name = "box1", .mode = NG_ENFORCE, .n_sources = 2};
	struct ng_prefix own;
	struct ng_generation generation = {.version = 1,
					   .routes = routes,
					   .n_routes = 2,
					   .own = &own,
					   .n_own = 1,
					   .sandboxes = &box,
					   .n_sandboxes = 1};
	struct ng_gate *gate;

	assert_int_equal(ng_prefix_parse("10.0.0.0/8", &routes[1].opened[0]), NG_OK);
	assert_int_equal(ng_prefix_parse("198.51.100.1", &own), NG_OK);
	assert_int_equal(ng_prefix_parse("10.66.0.2", &box.sources[0]), NG_OK);
	assert_int_equal(ng_prefix_parse("fd00:1::/64", &box.sources[1]), NG_OK);
	assert_int_equal(ng_gate_create(3, &gate), NG_OK);
	assert_int_equal(ng_gate_apply(gate, 0, &generation), NG_OK);
	return gate;
}

static inline struct query *query_make(struct ng_gate *gate, const char *name, const char *from)
{
	struct ng_query asked = {
		.question = {.name = name_of(name), .type = NG_TYPE_A, .class = 1},
		.has_question = true,
		.udp_size = 512};
	const struct ng_decision none = {0};
	const struct ng_bounds bounds = {0};
	const struct told told = {.client = 1,
				  .from = addr_of(from),
				  .asked = &asked,
				  .decision = &none,
				  .sandbox = directory_by_id(&gate->directory, 1)};
	struct query *query = query_begin(gate, &told, &asked.question.name, &bounds);

	assert_non_null(query);
	query->decided = false;
	return query;
}
