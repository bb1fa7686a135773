/*
 * The steps of a query, one at a time, on inputs that never change: what callgrind counts of them is the
 * same on every machine with this compiler, where times are not.
 *
 * `steps STEP TIMES` makes a gate of one sandbox with a list of a thousand names, takes the step so many
 * times inside measured(), which is what is counted, and proves what came of each. A step that fails ends
 * the program, so that nothing is recorded for an engine that is fast and wrong.
 */
#include "config.h"
#include "gate/engine.h"
#include "tests/bench/dns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES     1000
#define NAMES     64 /* that steps take turns with */
#define ADDRESSES 4
#define TTL_S     300
#define LEASE_S   3600

struct message {
	uint8_t octets[DNS_PACKET];
	size_t len;
};

struct stage {
	struct ng_gate *gate;
	struct ng_image image;
	struct ng_ruleset *rules;
	struct ng_sandbox box;
	struct ng_client client;
	struct message denied[NAMES], asked[NAMES], answered[NAMES];
	struct ng_name names[NAMES];
	uint64_t now_us;
};

static void need(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "steps: %s\n", what);
	exit(1);
}

/* ---- the stage ---- */

static void rules_make(struct stage *stage)
{
	char *text = malloc(RULES * 40), *at = text;
	struct ng_diags diags;

	need(text != NULL, "memory is out");
	for (unsigned i = 0; i < RULES; i++)
		at += sprintf(at,
			      i % 4 ? "host%u.site%u.example\n" : "*.zone%u.site%u.example\n",
			      i, i % 10);
	ng_diags_init(&diags);
	need(ng_compile(&(struct ng_source){.path = "steps.list",
					    .text = text,
					    .len = (size_t)(at - text)},
			&diags, &stage->image) == NG_OK,
	     "the list does not compile");
	ng_diags_finish(&diags);
	free(text);
	need(ng_ruleset_open(stage->image.octets, stage->image.len, &stage->rules) == NG_OK,
	     "the rules do not open");
}

static void gate_make(struct stage *stage)
{
	static struct ng_route route = {.id = 1};
	const struct ng_generation generation = {.version = 1,
						 .settings = {.lease_min_s = LEASE_S},
						 .routes = &route,
						 .n_routes = 1,
						 .sandboxes = &stage->box,
						 .n_sandboxes = 1};

	stage->box =
		(struct ng_sandbox){.id = 1, .name = "box", .mode = NG_ENFORCE, .n_sources = 1};
	stage->box.policy.scopes[NG_SCOPE_SANDBOX].sources[0] = stage->rules;
	stage->box.policy.scopes[NG_SCOPE_SANDBOX].n = 1;
	need(ng_prefix_parse("10.0.0.2", &stage->box.sources[0]) == NG_OK &&
		     ng_addr_parse("10.0.0.2", &stage->client.addr) == NG_OK &&
		     ng_name_from_text(".", 1, &route.zone) == NG_OK,
	     "the stage cannot be set");
	need(ng_gate_create(7, &stage->gate) == NG_OK &&
		     ng_gate_apply(stage->gate, 0, &generation) == NG_OK,
	     "the gate cannot be made");
}

static void message_make(const char *name, uint16_t id, struct message *out)
{
	out->len = dns_query(name, id, out->octets);
	need(out->len > 0, "a name is no name");
}

static void messages_make(struct stage *stage)
{
	for (unsigned i = 0; i < NAMES; i++) {
		char name[DNS_NAME_TEXT];
		unsigned rule = i * 4 + i % 4; /* wildcards and names alike */

		snprintf(name, sizeof(name), "a%u.tracker.example", i);
		message_make(name, (uint16_t)(0x100 + i), &stage->denied[i]);
		snprintf(name, sizeof(name),
			 rule % 4 ? "host%u.site%u.example" : "www.zone%u.site%u.example", rule,
			 rule % 10);
		message_make(name, (uint16_t)(0x200 + i), &stage->asked[i]);
		stage->answered[i].len =
			dns_answer(stage->asked[i].octets, stage->asked[i].len, ADDRESSES,
				   TTL_S, stage->answered[i].octets);
		need(ng_name_from_text(name, strlen(name), &stage->names[i]) == NG_OK,
		     "a name is no name");
	}
}

/* ---- the steps ---- */

/* What one input led to. */
struct outcome {
	unsigned replies, asks, leases;
	uint64_t ask, orders[ADDRESSES];
	uint8_t rcode;
};

static void take_out(struct stage *stage, struct outcome *out)
{
	struct ng_action action;

	while (ng_gate_next(stage->gate, &action)) {
		if (action.kind == NG_REPLY) {
			out->replies++;
			out->rcode = dns_rcode(action.reply.wire);
		} else if (action.kind == NG_ASK_UPSTREAM) {
			out->asks++;
			out->ask = action.ask.id;
		} else if (action.kind == NG_LEASE) {
			need(out->leases < ADDRESSES, "more leases than addresses");
			out->orders[out->leases++] = action.lease.number;
		}
	}
}

static void ask(struct stage *stage, const struct message *message, struct outcome *out)
{
	stage->client.handle++;
	stage->now_us += 10;
	ng_gate_query(stage->gate, stage->now_us, &stage->client, message->octets,
		      message->len);
	take_out(stage, out);
}

static void step_deny(struct stage *stage, unsigned i)
{
	struct outcome out = {0};

	ask(stage, &stage->denied[i % NAMES], &out);
	need(out.replies == 1 && out.rcode == NG_RCODE_NXDOMAIN, "a name was not denied");
}

static void step_hit(struct stage *stage, unsigned i)
{
	struct outcome out = {0};

	ask(stage, &stage->asked[i % NAMES], &out);
	need(out.replies == 1 && out.rcode == NG_RCODE_NOERROR && !out.asks,
	     "it was not in the cache");
}

/* From the question to the reply, with what the upstream and the kernel say in between. */
static void step_miss(struct stage *stage, unsigned i)
{
	const struct message *answer = &stage->answered[i % NAMES];
	struct outcome out = {0};

	ask(stage, &stage->asked[i % NAMES], &out);
	need(out.asks == 1, "no upstream was asked");
	ng_gate_answer(stage->gate, stage->now_us, out.ask, &stage->client.addr, answer->octets,
		       answer->len);
	take_out(stage, &out);
	need(out.leases == ADDRESSES && !out.replies,
	     "not all addresses were ordered before the reply");
	for (unsigned j = 0; j < ADDRESSES; j++)
		ng_gate_lease_result(stage->gate, stage->now_us, out.orders[j], NG_OK);
	take_out(stage, &out);
	need(out.replies == 1 && out.rcode == NG_RCODE_NOERROR,
	     "no reply when all was confirmed");
}

static void step_parse(struct stage *stage, unsigned i)
{
	const struct message *message = &stage->asked[i % NAMES];
	struct ng_query query;

	need(ng_query_parse(message->octets, message->len, &query) == NG_FATE_ASKED,
	     "no query");
}

static void step_decide(struct stage *stage, unsigned i)
{
	const struct ng_subject subject = {
		.names = &stage->names[i % NAMES], .n_names = 1, .client = &stage->client.addr};
	struct ng_decision decision;

	ng_policy_judge(&stage->box.policy, &subject, &decision);
	need(decision.verdict == NG_ALLOW, "a listed name is not allowed");
}

static void step_filter(struct stage *stage, unsigned i)
{
	struct sandbox *sandbox = directory_by_id(&stage->gate->directory, 1);
	const struct ng_bounds bounds = {0};
	const uint8_t *name = stage->asked[i % NAMES].octets + DNS_HEADER_LEN;

	for (unsigned j = 0; j < ADDRESSES; j++) {
		const uint32_t host = dns_address(name, j);
		const uint8_t octets[4] = {(uint8_t)(host >> 24), (uint8_t)(host >> 16),
					   (uint8_t)(host >> 8), (uint8_t)host};
		const struct ng_addr addr = ng_addr_make(NG_IPV4, octets);

		need(addr_allowed(stage->gate, sandbox, &bounds, &stage->names[i % NAMES],
				  &addr),
		     "a public address was taken out");
	}
}

/* The cache has forgotten, the kernel has not: the leases that stand, but not for long, are renewed. */
static void step_renew(struct stage *stage, unsigned i)
{
	(void)i;
	stage->now_us += (uint64_t)(LEASE_S - TTL_S / 2) * SECOND_US;
	step_miss(stage, 0);
}

/* ---- counting ---- */

typedef void step_fn(struct stage *stage, unsigned i);

static const struct step {
	const char *name;
	step_fn *take;
	unsigned warm; /* misses before it */
} steps[] = {
	{"deny", step_deny, NAMES},
	{"hit", step_hit, NAMES},
	{"miss", step_miss, 0},
	{"parse", step_parse, 0},
	{"decide", step_decide, 0},
	{"filter", step_filter, 0},
	{"lease-renewal", step_renew, NAMES},
};

__attribute__((noipa)) static void measured(struct stage *stage, step_fn *take, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		take(stage, i);
}

static void run(const struct step *step, unsigned times)
{
	static struct stage stage;

	rules_make(&stage);
	gate_make(&stage);
	messages_make(&stage);
	for (unsigned i = 0; i < step->warm; i++)
		step_miss(&stage, i);
	measured(&stage, step->take, times);
	ng_gate_destroy(stage.gate);
	ng_ruleset_close(stage.rules);
	ng_image_finish(&stage.image);
}

int main(int argc, char **argv)
{
	const unsigned times = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (argc == 2 && strcmp(argv[1], "--compiler") == 0) {
		puts(__VERSION__);
		return 0;
	}
	for (size_t i = 0; times && i < sizeof(steps) / sizeof(*steps); i++) {
		if (strcmp(argv[1], steps[i].name))
			continue;
		run(&steps[i], times);
		return 0;
	}
	fprintf(stderr, "usage: steps STEP TIMES | --compiler\n");
	return 2;
}
