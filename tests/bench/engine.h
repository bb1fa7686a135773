/*
 * The engine for tools that measure it alone: one sandbox, one route, answers that an upstream would give,
 * and a kernel that confirms. What it says is looked at, and a wrong word ends the program, so that nothing
 * is recorded for an engine that is fast and wrong.
 *
 * All of it is inline: what is counted is to be compiled into the tool that counts.
 */
#pragma once

#include "gate/engine.h"
#include "tests/bench/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct message {
	uint8_t octets[DNS_PACKET];
	size_t len;
};

struct engine {
	struct ng_gate *gate;
	struct ng_image image;
	struct ng_ruleset *rules;
	struct ng_sandbox box;
	struct ng_client client;
	uint64_t now_us;
};

/* What one input led to. */
struct outcome {
	unsigned replies, asks, leases;
	uint64_t ask, orders[DNS_ADDRESSES];
	uint8_t rcode;
};

static inline void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "engine: %s\n", what);
	exit(1);
}

/* ---- making ---- */

/* A host list; before engine_make(). */
static inline void engine_rules(struct engine *engine, const char *text, size_t len)
{
	struct ng_diags diags;

	ng_diags_init(&diags);
	need(ng_compile(&(struct ng_source){.path = "bench.list", .text = text, .len = len},
			&diags, &engine->image) == NG_OK,
	     "the list does not compile");
	ng_diags_finish(&diags);
	need(ng_ruleset_open(engine->image.octets, engine->image.len, &engine->rules) == NG_OK,
	     "the rules do not open");
}

static inline void engine_make(struct engine *engine, const struct ng_settings *settings)
{
	static struct ng_route route = {.id = 1};
	const struct ng_generation generation = {.version = 1,
						 .settings = *settings,
						 .routes = &route,
						 .n_routes = 1,
						 .sandboxes = &engine->box,
						 .n_sandboxes = 1};

	engine->box =
		(struct ng_sandbox){.id = 1, .name = "box", .mode = NG_ENFORCE, .n_sources = 1};
	engine->box.policy.scopes[NG_SCOPE_SANDBOX].sources[0] = engine->rules;
	engine->box.policy.scopes[NG_SCOPE_SANDBOX].n = 1;
	need(ng_prefix_parse("10.0.0.2", &engine->box.sources[0]) == NG_OK &&
		     ng_addr_parse("10.0.0.2", &engine->client.addr) == NG_OK &&
		     ng_name_from_text(".", 1, &route.zone) == NG_OK,
	     "the stage cannot be set");
	need(ng_gate_create(7, &engine->gate) == NG_OK &&
		     ng_gate_apply(engine->gate, 0, &generation) == NG_OK,
	     "the gate cannot be made");
}

static inline void engine_finish(struct engine *engine)
{
	ng_gate_destroy(engine->gate);
	ng_ruleset_close(engine->rules);
	ng_image_finish(&engine->image);
}

static inline void message_make(const char *name, uint16_t id, struct message *out)
{
	out->len = dns_query(name, id, out->octets);
	need(out->len > 0, "a name is no name");
}

static inline void message_answer(const struct message *asked, unsigned addresses,
				  uint32_t ttl_s, struct message *out)
{
	out->len = dns_answer(asked->octets, asked->len, addresses, ttl_s, out->octets);
	need(out->len > 0, "a question has no answer");
}

/* ---- asking ---- */

static inline void engine_take(struct engine *engine, struct outcome *out)
{
	struct ng_action action;

	while (ng_gate_next(engine->gate, &action)) {
		if (action.kind == NG_REPLY) {
			out->replies++;
			out->rcode = dns_rcode(action.reply.wire);
		} else if (action.kind == NG_ASK_UPSTREAM) {
			out->asks++;
			out->ask = action.ask.id;
		} else if (action.kind == NG_LEASE) {
			need(out->leases < DNS_ADDRESSES, "more leases than addresses");
			out->orders[out->leases++] = action.lease.number;
		}
	}
}

static inline void engine_ask(struct engine *engine, const struct message *message,
			      struct outcome *out)
{
	engine->client.handle++;
	engine->now_us += 10;
	ng_gate_query(engine->gate, engine->now_us, &engine->client, message->octets,
		      message->len);
	engine_take(engine, out);
}

/*
 * From the question to the reply, with what the upstream and the kernel say in between: how many addresses
 * were ordered. An address that another name has open for long enough needs no order.
 */
static inline unsigned engine_miss(struct engine *engine, const struct message *asked,
				   const struct message *answer)
{
	struct outcome out = {0};

	engine_ask(engine, asked, &out);
	need(out.asks == 1, "no upstream was asked");
	ng_gate_answer(engine->gate, engine->now_us, out.ask, &engine->client.addr,
		       answer->octets, answer->len);
	engine_take(engine, &out);
	need(!out.leases || !out.replies, "a reply before the kernel has confirmed");
	for (unsigned j = 0; j < out.leases; j++)
		ng_gate_lease_result(engine->gate, engine->now_us, out.orders[j], NG_OK);
	engine_take(engine, &out);
	need(out.replies == 1 && out.rcode == NG_RCODE_NOERROR,
	     "no reply when all was confirmed");
	return out.leases;
}
