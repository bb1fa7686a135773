/*
 * The steps of a query, one at a time, on inputs that never change: what callgrind counts of them is the
 * same on every machine with this compiler, its options and this C library, where times are not.
 *
 * `steps STEP TIMES` makes a gate of one sandbox with a list of a thousand names, takes the step so many
 * times inside measured(), which is what is counted, and proves what came of each. A step that fails ends
 * the program, so that nothing is recorded for an engine that is fast and wrong.
 */
#include "config.h"
#include "tests/bench/engine.h"

#include <gnu/libc-version.h>
#include <sys/utsname.h>

#define RULES     1000
#define NAMES     64 /* that steps take turns with */
#define ADDRESSES 4
#define TTL_S     300
#define LEASE_S   3600
#define ZONES     NG_ROUTES_MAX

struct stage {
	struct engine engine;
	struct message denied[NAMES], asked[NAMES], answered[NAMES];
	struct ng_name names[NAMES];
};

/* ---- the stage ---- */

static void rules_make(struct stage *stage)
{
	char *text = malloc(RULES * 40), *at = text;

	need(text != NULL, "memory is out");
	for (unsigned i = 0; i < RULES; i++)
		at += sprintf(at,
			      i % 4 ? "host%u.site%u.example\n" : "*.zone%u.site%u.example\n",
			      i, i % 10);
	engine_rules(&stage->engine, text, (size_t)(at - text));
	free(text);
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
		message_answer(&stage->asked[i], ADDRESSES, TTL_S, &stage->answered[i]);
		need(ng_name_from_text(name, strlen(name), &stage->names[i]) == NG_OK,
		     "a name is no name");
	}
}

/* ---- the steps ---- */

static void step_deny(struct stage *stage, unsigned i)
{
	struct outcome out = {0};

	engine_ask(&stage->engine, &stage->denied[i % NAMES], &out);
	need(out.replies == 1 && out.rcode == NG_RCODE_NXDOMAIN, "a name was not denied");
}

static void step_hit(struct stage *stage, unsigned i)
{
	struct outcome out = {0};

	engine_ask(&stage->engine, &stage->asked[i % NAMES], &out);
	need(out.replies == 1 && out.rcode == NG_RCODE_NOERROR && !out.asks,
	     "it was not in the cache");
}

static void step_miss(struct stage *stage, unsigned i)
{
	const unsigned leases = engine_miss(&stage->engine, &stage->asked[i % NAMES],
					    &stage->answered[i % NAMES]);

	need(leases == ADDRESSES, "not all addresses were ordered before the reply");
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
	const struct ng_subject subject = {.names = &stage->names[i % NAMES],
					   .n_names = 1,
					   .client = &stage->engine.client.addr};
	struct ng_decision decision;

	ng_policy_judge(&stage->engine.box.policy, &subject, &decision);
	need(decision.verdict == NG_ALLOW, "a listed name is not allowed");
}

static void step_filter(struct stage *stage, unsigned i)
{
	struct sandbox *sandbox = directory_by_id(&stage->engine.gate->directory, 1);
	const struct ng_bounds bounds = {0};
	const uint8_t *name = stage->asked[i % NAMES].octets + DNS_HEADER_LEN;

	for (unsigned j = 0; j < ADDRESSES; j++) {
		const uint32_t host = dns_address(name, j);
		const uint8_t octets[4] = {(uint8_t)(host >> 24), (uint8_t)(host >> 16),
					   (uint8_t)(host >> 8), (uint8_t)host};
		const struct ng_addr addr = ng_addr_make(NG_IPV4, octets);

		need(addr_allowed(stage->engine.gate, sandbox, &bounds,
				  &stage->names[i % NAMES], &addr),
		     "a public address was taken out");
	}
}

/* The cache has forgotten, the kernel has not: the leases that stand, but not for long, are renewed. */
static void step_renew(struct stage *stage, unsigned i)
{
	(void)i;
	stage->engine.now_us += (uint64_t)(LEASE_S - TTL_S / 2) * SECOND_US;
	step_miss(stage, 0);
}

/* As many forward zones as there may be; what is asked for is in that of all the rest. */
static void zones_make(struct stage *stage)
{
	static struct ng_route routes[ZONES] = {{.id = ZONES, .zone = {.len = 1}}};
	const struct ng_generation generation = {.version = 2,
						 .settings = stage->engine.gate->settings,
						 .routes = routes,
						 .n_routes = ZONES,
						 .sandboxes = &stage->engine.box,
						 .n_sandboxes = 1};

	for (uint32_t i = 1; i < ZONES; i++) {
		char name[DNS_NAME_TEXT];
		const int len = snprintf(name, sizeof(name), "zone%u.corp.internal", i);

		routes[i].id = i;
		need(ng_name_from_text(name, (size_t)len, &routes[i].zone) == NG_OK,
		     "a zone is no name");
	}
	need(ng_gate_apply(stage->engine.gate, stage->engine.now_us, &generation) == NG_OK,
	     "the zones cannot be applied");
}

/* ---- counting ---- */

typedef void step_fn(struct stage *stage, unsigned i);

static const struct step {
	const char *name;
	step_fn *take;
	unsigned warm, hits; /* misses before it, and hits behind those */
	bool zones;
} steps[] = {
	{"deny", step_deny, NAMES, 0, false},           {"hit", step_hit, NAMES, NAMES, false},
	{"hit-first", step_hit, NAMES, 0, false},       {"miss", step_miss, 0, 0, false},
	{"miss-zones", step_miss, 0, 0, true},          {"parse", step_parse, 0, 0, false},
	{"decide", step_decide, 0, 0, false},           {"filter", step_filter, 0, 0, false},
	{"lease-renewal", step_renew, NAMES, 0, false},
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
	engine_make(&stage.engine, &(struct ng_settings){.lease_min_s = LEASE_S});
	messages_make(&stage);
	if (step->zones)
		zones_make(&stage);
	for (unsigned i = 0; i < step->warm; i++)
		step_miss(&stage, i);
	for (unsigned i = 0; i < step->hits; i++)
		step_hit(&stage, i);
	measured(&stage, step->take, times);
	engine_finish(&stage.engine);
}

/* What the numbers hang on beside the code. */
static void print_built_with(void)
{
	struct utsname machine;

	need(uname(&machine) == 0, "the machine has no name");
	printf("gcc %s, libc %s, %s, %s\n", __VERSION__, gnu_get_libc_version(),
	       machine.machine, STEPS_CFLAGS);
}

int main(int argc, char **argv)
{
	const unsigned times = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

	if (argc == 2 && strcmp(argv[1], "--built-with") == 0) {
		print_built_with();
		return 0;
	}
	for (size_t i = 0; times && i < sizeof(steps) / sizeof(*steps); i++) {
		if (strcmp(argv[1], steps[i].name))
			continue;
		run(&steps[i], times);
		return 0;
	}
	fprintf(stderr, "usage: steps STEP TIMES | --built-with\n");
	return 2;
}
