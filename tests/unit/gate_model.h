/*
 * The world of the engine's property test, and policy said again in plain words: random lists, what
 * they say of a name and of a chain of aliases, and which ports they open.
 */
#pragma once

#include "message_maker.h"

#include <base/arena.h>
#include <namegate/gate.h>

#define SEQUENCES   2000
#define STEPS       100
#define BOXES       3
#define CLIENTS_MAX (STEPS + 1)
#define OPEN_MAX    1024
#define SECOND_US   1000000ull
#define GRACE_S     NG_GRACE_S

static const char *const names[] = {"a.t",     "b.t",    "x.a.t",    "y.b.t",
				    "x.x.a.t", "d.corp", "e.d.corp", "evil.test"};
static const char *const patterns[] = {"a.t", "b.t",   "x.a.t",  "*.a.t", "*.b.t",
				       "*.t", "y.b.t", "d.corp", "*.corp"};
static const char *const addresses[] = {"198.51.100.1", "198.51.100.2", "203.0.113.3",
					"10.20.0.4",    "127.0.0.1",    "10.0.0.3"};
#define PRIVATE_FROM 4 /* addresses from here on are opened for nobody; 3 for corp alone */

static const struct ng_port ports[] = {{0, 0}, {6, 443}, {17, 53}};

enum rule { SILENT = 0, ALLOWS, ASKS, DENIES };

struct list {
	enum rule rules[COUNT(patterns)];
	unsigned int ports[COUNT(patterns)]; /* index of the one port; 0: all */
	struct ng_image image;
	struct ng_ruleset *compiled;
};

struct client {
	unsigned int box, name;
	struct ng_addr addr;
	uint16_t type;
	bool told;
};

struct element {
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port;
	uint64_t until_us, promised_us;
};

/* What a caller keeps of a lease: a name that holds it. */
struct kept {
	struct ng_lease_order of;
	struct ng_name name;
	bool refused;
};

struct world {
	uint64_t random, now_us, version;
	unsigned int sequence, step;
	struct ng_gate *gate;
	struct list house, lists[BOXES], approvals[BOXES];
	bool approved[BOXES][COUNT(names)];
	struct ng_sandbox boxes[BOXES];
	bool gone[BOXES], lost, back, policed;
	struct client clients[CLIENTS_MAX];
	size_t n_clients;
	struct ng_ask asks[OPEN_MAX];
	size_t n_asks;
	struct ng_lease_order orders[OPEN_MAX];
	size_t n_orders;
	struct element elements[OPEN_MAX];
	size_t n_elements;
	struct kept kept[OPEN_MAX];
	size_t n_kept;
	bool target[COUNT(names)]; /* some answer aliased to it */
	struct arena arena;
	uint64_t asked, ordered, shown, denied, bound, waited,
		observed; /* that the runs reach what they test */
};

static inline uint64_t draw(struct world *world)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return world->random;
}

static inline unsigned int below(struct world *world, unsigned int n)
{
	return (unsigned int)(draw(world) >> 33) % n;
}

#define hold(world, condition)                                                                 \
	do {                                                                                   \
		if (!(condition))                                                              \
			fail_msg("sequence %u, step %u: %s does not hold", (world)->sequence,  \
				 (world)->step, #condition);                                   \
	} while (0)

static inline struct ng_addr addr_of(const char *text)
{
	struct ng_addr addr;

	assert_int_equal(ng_addr_parse(text, &addr), NG_OK);
	return addr;
}

/* ---- policy, said again in plain words ---- */

static inline bool ends_below(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	return n > z + 1 && name[n - z - 1] == '.' && strcmp(name + n - z, zone) == 0;
}

struct said {
	enum rule rule;
	unsigned int port;
};

static inline struct said list_says(const struct list *list, const char *name)
{
	struct said said = {SILENT, 0};
	size_t longest = 0;

	for (size_t i = 0; i < COUNT(patterns); i++) {
		if (list->rules[i] && strcmp(patterns[i], name) == 0)
			return (struct said){list->rules[i], list->ports[i]};
	}
	for (size_t i = 0; i < COUNT(patterns); i++) {
		const char *zone = patterns[i] + 2;

		if (!list->rules[i] || patterns[i][0] != '*' || !ends_below(name, zone) ||
		    strlen(zone) < longest)
			continue;
		longest = strlen(zone);
		said = (struct said){list->rules[i], list->ports[i]};
	}
	return said;
}

static inline bool is_approved(const struct world *world, unsigned int box, const char *name)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(names[i], name) == 0)
			return world->approved[box][i];
	}
	return false;
}

/* A chain is the asked name and its alias targets: in each list the first that has a rule speaks. */
struct chain {
	const char *names[COUNT(names) + 1];
	size_t n;
};

static inline struct said chain_says(const struct list *list, const struct chain *chain)
{
	struct said said = {SILENT, 0};

	for (size_t i = 0; i < chain->n && !said.rule; i++)
		said = list_says(list, chain->names[i]);
	return said;
}

static inline enum rule verdict(const struct world *world, unsigned int box,
				const struct chain *chain)
{
	enum rule house = chain_says(&world->house, chain).rule;
	enum rule own = chain_says(&world->lists[box], chain).rule;
	enum rule most = house > own ? house : own;

	if (!list_says(&world->house, chain->names[0]).rule &&
	    !list_says(&world->lists[box], chain->names[0]).rule)
		return DENIES;
	return most == ASKS && is_approved(world, box, chain->names[0]) ? ALLOWS : most;
}

static inline bool may_show(const struct world *world, unsigned int box,
			    const struct chain *chain)
{
	enum ng_mode mode = world->boxes[box].mode;

	return !world->gone[box] &&
	       (mode == NG_OBSERVE ||
		(mode == NG_ENFORCE && verdict(world, box, chain) == ALLOWS));
}

static inline bool may_ask(const struct world *world, unsigned int box, const char *name)
{
	const struct chain chain = {{name}, 1};

	return may_show(world, box, &chain);
}

/* What the rules of a chain open: the ports of both lists, or all where one of them names none. */
static inline void ports_said(const struct world *world, unsigned int box,
			      const struct chain *chain, bool out[static COUNT(ports)])
{
	const struct said both[] = {chain_says(&world->house, chain),
				    chain_says(&world->lists[box], chain)};

	memset(out, 0, COUNT(ports) * sizeof(*out));
	for (size_t i = 0; i < COUNT(both); i++) {
		if (both[i].rule)
			out[both[i].port] = true;
	}
	if (out[0] || verdict(world, box, chain) != ALLOWS) {
		memset(out, 0, COUNT(ports) * sizeof(*out));
		out[0] = true;
	}
}

/* Into the private zone both rules count, the asked name's and what asking for the target would open. */
static inline void ports_of(const struct world *world, unsigned int box,
			    const struct chain *chain, bool out[static COUNT(ports)])
{
	struct chain inside = {0};
	bool held[COUNT(ports)], all;

	ports_said(world, box, chain, out);
	for (size_t i = 0; i < chain->n; i++) {
		if (inside.n || ends_below(chain->names[i], "corp"))
			inside.names[inside.n++] = chain->names[i];
	}
	if (!inside.n || inside.n == chain->n)
		return;
	ports_said(world, box, &inside, held);
	all = out[0];
	if (held[0])
		return;
	for (size_t i = 0; i < COUNT(ports); i++)
		out[i] = held[i] && (all || out[i]);
}

static inline void list_end(struct list *list)
{
	ng_ruleset_close(list->compiled);
	ng_image_finish(&list->image);
}

static inline void list_compile(struct list *list, const char *path, const char *text)
{
	struct ng_diags diags;

	ng_diags_init(&diags);
	assert_int_equal(
		ng_compile(&(struct ng_source){.path = path, .text = text, .len = strlen(text)},
			   &diags, &list->image),
		NG_OK);
	ng_diags_finish(&diags);
	assert_int_equal(ng_ruleset_open(list->image.octets, list->image.len, &list->compiled),
			 NG_OK);
}

static inline struct list list_draw(struct world *world, const char *path)
{
	static const char *const marks[] = {[ALLOWS] = "", [ASKS] = "?", [DENIES] = "!"};
	static const char *const suffixes[] = {"", ":443", ":53/udp"};
	struct list list = {0};
	char text[512] = "# drawn\n";

	for (size_t i = 0; i < COUNT(patterns); i++) {
		unsigned int drawn = below(world, 12);

		list.rules[i] = drawn < 4    ? SILENT
				: drawn < 10 ? ALLOWS
				: drawn < 11 ? ASKS
					     : DENIES;
		if (list.rules[i] && list.rules[i] != DENIES && below(world, 3) == 0)
			list.ports[i] = 1 + below(world, COUNT(ports) - 1);
		if (list.rules[i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s%s\n",
				 marks[list.rules[i]], patterns[i], suffixes[list.ports[i]]);
	}
	list_compile(&list, path, text);
	return list;
}
/* What is approved for one sandbox, as a list of names. */
static inline struct list approvals_make(const struct world *world, unsigned int box)
{
	struct list list = {0};
	char text[512] = "# approved\n";

	for (size_t i = 0; i < COUNT(names); i++) {
		if (world->approved[box][i])
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
				 names[i]);
	}
	list_compile(&list, "approvals", text);
	return list;
}
