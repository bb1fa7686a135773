/*
 * What could open one address for a sandbox: what is closed by nature, who opens the range, static
 * addresses, rules about addresses, and the rules for names that would be given it. A rule counts
 * when a name that it speaks for, answered with just this address, would be allowed and the address
 * would pass the filter. A wildcard is asked with a label that no rule has.
 */
#include "config.h"

#include "offline/explain_address.h"
#include "offline/explain_words.h"
#include "offline/trial.h"

#include "policy/ruleset.h"

#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>

/* ---- whose ---- */

static bool holds(const struct ng_prefix *prefixes, size_t n, const struct ng_addr *addr)
{
	for (size_t i = 0; i < n; i++) {
		if (ng_prefix_contains(&prefixes[i], addr))
			return true;
	}
	return false;
}

static void find_owner(struct explained_address *explained)
{
	const struct setup *setup = explained->setup;
	const struct ng_addr *addr = &explained->addr;
	if (holds(setup->own, setup->n_own, addr))
		snprintf(explained->own, sizeof(explained->own), "an upstream server");
	for (size_t i = 0; setup->conf != NULL && i < setup->conf->n_sandboxes; i++) {
		const struct conf_sandbox *other = &setup->conf->sandboxes[i];
		if (!holds(other->sources, other->n_sources, addr))
			continue;
		snprintf(explained->own, sizeof(explained->own), "sandbox %s", other->name);
		explained->neighbour = true;
	}
}

static bool has_family(const struct ng_sandbox *spec, uint8_t family)
{
	for (uint8_t i = 0; i < spec->n_sources; i++) {
		if (spec->sources[i].addr.family == family)
			return true;
	}
	return spec->n_sources == 0;
}

/* ---- what holds it ---- */

static void add_static(struct explain_statics *statics, const struct explain_static *one)
{
	struct explain_static *grown =
		realloc(statics->items, (statics->n + 1) * sizeof(*grown));
	statics->failed |= grown == NULL;
	if (grown == NULL)
		return;
	statics->items = grown;
	statics->items[statics->n++] = *one;
}

static void add_way(struct explain_ways *ways, const struct explain_way *way)
{
	if (ways->n == ways->room) {
		size_t room = ways->room > 0 ? 2 * ways->room : 16;
		struct explain_way *grown = realloc(ways->items, room * sizeof(*grown));
		ways->failed |= grown == NULL;
		if (grown == NULL)
			return;
		ways->items = grown;
		ways->room = room;
	}
	ways->items[ways->n++] = *way;
}

static void find_statics(struct explained_address *explained, enum ng_scope scope,
			 const struct ng_ruleset *from)
{
	struct explain_static one = {.scope = scope};
	for (uint32_t cursor = 0; ng_ruleset_static(from, &cursor, &one.item);) {
		if (ng_prefix_contains(&one.item.prefix, &explained->addr))
			add_static(&explained->statics, &one);
	}
}

static void find_judged(struct explained_address *explained, struct explain_way way,
			const struct ng_ruleset *from)
{
	uint32_t cursor = 0;
	while (ruleset_next_addr(from, NG_TRIGGER_ANSWER, &explained->addr, &cursor,
				 &way.match))
		add_way(&explained->judged, &way);
}

/* Keeps those prefixes that hold the address. */
static void keep_holding(struct explained_address *explained)
{
	struct explain_openeds *opened = &explained->opened;
	size_t kept = 0;
	for (size_t i = 0; i < opened->n; i++) {
		if (ng_prefix_contains(&opened->items[i].prefix, &explained->addr))
			opened->items[kept++] = opened->items[i];
	}
	opened->n = kept;
}

static void find_opened(struct explained_address *explained)
{
	const struct setup *setup = explained->setup;
	explain_open_sandbox(&explained->opened, setup, explained->sandbox);
	for (size_t i = 0; setup->conf != NULL && i < setup->conf->n_routes; i++) {
		if (setup_route_reaches(setup, explained->sandbox, i))
			explain_open_route(&explained->opened, setup, i);
	}
	keep_holding(explained);
}

static void open_rule(struct explained_address *explained, const struct ng_match *match)
{
	struct explain_opened one = {.by = EXPLAIN_BY_RULE,
				     .place = {match->path, match->line, match->column}};
	struct ng_bounds bounds;
	ng_match_bounds(match, &bounds);
	for (uint8_t i = 0; i < bounds.n_opened; i++) {
		one.prefix = bounds.opened[i];
		if (ng_prefix_contains(&one.prefix, &explained->addr))
			explain_open(&explained->opened, &one);
	}
}

/* ---- rules for names ---- */

/* May a name at or below owner be asked by a route that opens the address? */
static bool routed(const struct explained_address *explained, const struct explain_way *way)
{
	const struct setup *setup = explained->setup;
	const struct ng_addr *addr = &explained->addr;
	size_t best = setup_route_of(setup, explained->sandbox, &way->owner);
	for (size_t i = 0; i < setup->n_routes; i++) {
		const struct ng_route *route = &setup->routes[i];
		bool opens = ng_addr_openable(addr, route->opened, route->n_opened);
		bool root = route->zone.len == 1;
		/* An alias may lead to the root's route without a rule. */
		if (opens &&
		    (root ||
		     (way->match.wildcard && ng_name_within(&route->zone, &way->owner))) &&
		    setup_route_reaches(setup, explained->sandbox, i))
			return true;
	}
	return ng_addr_openable(addr, setup->routes[best].opened, setup->routes[best].n_opened);
}

/* Local data opens its own addresses; where its alias leads is not known. */
static bool answers_with(const struct ng_match *match, const struct ng_addr *addr)
{
	struct ng_local local;
	for (uint32_t cursor = 0; ng_match_local(match, &cursor, &local);) {
		struct ng_addr own =
			ng_addr_make(local.type == NG_TYPE_A ? NG_IPV4 : NG_IPV6, local.rdata);
		if (local.type == NG_TYPE_CNAME ||
		    ((local.type == NG_TYPE_A || local.type == NG_TYPE_AAAA) &&
		     ng_addr_equal(&own, addr)))
			return true;
	}
	return match->action != NG_ACTION_LOCAL;
}

/* A name that the rule speaks for. */
static struct ng_name sample_of(const struct explain_way *way)
{
	struct ng_name name = {.len = (uint8_t)(way->owner.len + 2), .wire = {1, 0xff}};
	if (!way->match.wildcard || way->owner.len > NG_NAME_MAX - 2)
		return way->owner;
	memcpy(name.wire + 2, way->owner.wire, way->owner.len);
	return name;
}

static const struct ng_addr *client_of(const struct explained_address *explained)
{
	return ng_addr_len(&explained->client) > 0 ? &explained->client : NULL;
}

static bool opens(const struct explained_address *explained, const struct explain_way *way)
{
	const struct ng_sandbox *spec = explained->sandbox->spec;
	const struct ng_name name = sample_of(way);
	const struct ng_subject subject = {.names = &name,
					   .n_names = 1,
					   .client = client_of(explained),
					   .addrs = &explained->addr,
					   .n_addrs = 1,
					   .answered = true};
	struct ng_bounds bounds;
	struct ng_decision decision;
	if (ng_action_verdict(way->match.action) != NG_ALLOW || way->match.disabled ||
	    !answers_with(&way->match, &explained->addr))
		return false;
	ng_policy_judge(&spec->policy, &subject, &decision);
	if (decision.verdict != NG_ALLOW)
		return false;
	ng_policy_bounds(&spec->policy, &subject, &bounds);
	return ng_addr_openable(&explained->addr, spec->opened, spec->n_opened) ||
	       ng_addr_openable(&explained->addr, bounds.opened, bounds.n_opened) ||
	       routed(explained, way);
}

/* A rule that lets the client have any name. */
static void find_clients(struct explained_address *explained, struct explain_way way,
			 const struct ng_ruleset *from)
{
	uint32_t cursor = 0;
	way.owner = (struct ng_name){.len = 3, .wire = {1, 0xff}};
	while (client_of(explained) != NULL &&
	       ruleset_next_addr(from, NG_TRIGGER_CLIENT, client_of(explained), &cursor,
				 &way.match)) {
		if (opens(explained, &way))
			add_way(&explained->rules, &way);
	}
}

static void find_rules(struct explained_address *explained, struct explain_way way,
		       const struct ng_ruleset *from)
{
	for (uint32_t cursor = 0; ng_ruleset_rule(from, &cursor, &way.owner, &way.match);) {
		if (!opens(explained, &way))
			continue;
		add_way(&explained->rules, &way);
		open_rule(explained, &way.match);
	}
}

static int by_place(const void *a, const void *b)
{
	const struct explain_way *left = a, *right = b;
	if (left->scope != right->scope)
		return left->scope < right->scope ? -1 : 1;
	if (left->source != right->source)
		return left->source < right->source ? -1 : 1;
	if (left->match.path != right->match.path)
		return strcmp(left->match.path, right->match.path);
	return (left->match.line > right->match.line) - (left->match.line < right->match.line);
}

/* ---- the whole ---- */

/* Neither a name nor a static address opens it; nor does it pass while only observed. */
static bool sealed(const struct explained_address *explained)
{
	return explained->reach == NG_REACH_NEVER || !explained->source ||
	       explained->sandbox->spec->mode == NG_LOCKDOWN;
}

static bool shut(const struct explained_address *explained)
{
	return sealed(explained) || explained->own[0] != '\0';
}

static bool observed(const struct explained_address *explained)
{
	return explained->sandbox->spec->mode == NG_OBSERVE && !sealed(explained);
}

/* A static rule for a port that is closed to all opens nothing. */
static bool has_open_static(const struct explained_address *explained)
{
	for (size_t i = 0; i < explained->statics.n; i++) {
		if (trial_port_how(explained->statics.items[i].item.port) == TRIAL_OPEN)
			return true;
	}
	return false;
}

static void say_sealed(struct explained_address *explained)
{
	const char *name = explained->sandbox->spec->name;
	char *why = explained->reason;
	if (explained->sandbox->spec->mode == NG_LOCKDOWN)
		snprintf(why, EXPLAIN_TEXT, "sandbox %s is in lockdown: nothing is allowed",
			 name);
	else if (explained->reach == NG_REACH_NEVER)
		snprintf(why, EXPLAIN_TEXT, "no setting opens such an address");
	else
		snprintf(why, EXPLAIN_TEXT, "sandbox %s has no source address of that family",
			 name);
}

static void say_open(struct explained_address *explained)
{
	const char *into = explained->neighbour
				   ? "; a sandbox that runs there lets in none from others"
				   : "";
	const char *name = explained->sandbox->spec->name;
	char *why = explained->reason;
	if (observed(explained))
		snprintf(why, EXPLAIN_TEXT,
			 "sandbox %s is only observed: packets to it pass, and are recorded%s",
			 name, into);
	else
		snprintf(why, EXPLAIN_TEXT,
			 "static rules open it, at all times: %zu; rules for names that "
			 "could open it as well: %zu%s",
			 explained->statics.n, explained->rules.n, into);
}

static void say_why(struct explained_address *explained)
{
	char *why = explained->reason;
	explained->open = observed(explained) || has_open_static(explained);
	explained->may = explained->open || explained->rules.n > 0;
	if (sealed(explained))
		say_sealed(explained);
	else if (explained->open)
		say_open(explained);
	else if (explained->own[0] != '\0')
		snprintf(why, EXPLAIN_TEXT, "it belongs to %s, so no name may open it",
			 explained->own);
	else if (explained->may)
		snprintf(why, EXPLAIN_TEXT, "rules for names that could open it: %zu",
			 explained->rules.n);
	else if (explained->statics.n > 0)
		snprintf(why, EXPLAIN_TEXT,
			 "static rules name it at ports of DNS alone, which are open to none");
	else if (explained->reach == NG_REACH_PRIVATE && explained->opened.n == 0)
		snprintf(why, EXPLAIN_TEXT,
			 "it is private, and no sandbox, forward zone or rule opens it");
	else
		snprintf(why, EXPLAIN_TEXT, "no rule allows a name that may have it");
}

static void find_all(struct explained_address *explained)
{
	const struct ng_policy *policy = &explained->sandbox->spec->policy;
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			const struct ng_ruleset *from = policy->scopes[scope].sources[i];
			const struct explain_way way = {.scope = scope, .source = i};
			find_judged(explained, way, from);
			if (!sealed(explained))
				find_statics(explained, scope, from);
			if (shut(explained))
				continue;
			find_clients(explained, way, from);
			find_rules(explained, way, from);
		}
	}
	if (explained->rules.n > 0)
		qsort(explained->rules.items, explained->rules.n,
		      sizeof(*explained->rules.items), by_place);
}

int explain_address_make(const struct setup *setup, const struct setup_sandbox *sandbox,
			 const struct ng_addr *addr, const struct world *world,
			 struct explained_address **out)
{
	struct explained_address *explained = calloc(1, sizeof(*explained));
	if (explained == NULL)
		return NG_E_NOMEM;
	explained->setup = setup;
	explained->sandbox = sandbox;
	explained->addr = *addr;
	explained->reach = ng_addr_reach(addr);
	explained->client = explain_client(sandbox->spec);
	explained->source = has_family(sandbox->spec, addr->family);
	find_owner(explained);
	find_opened(explained);
	find_all(explained);
	say_why(explained);
	bool failed = explained->statics.failed || explained->opened.failed ||
		      explained->judged.failed || explained->rules.failed;
	int code = failed ? NG_E_NOMEM : NG_OK;
	if (code == NG_OK && world != NULL)
		code = explain_address_follow(explained, world);
	if (code != NG_OK) {
		explain_address_free(explained);
		return code;
	}
	*out = explained;
	return NG_OK;
}

void explain_address_free(struct explained_address *explained)
{
	if (explained == NULL)
		return;
	free(explained->statics.items);
	free(explained->opened.items);
	free(explained->judged.items);
	free(explained->rules.items);
	for (size_t i = 0; i < explained->n_resolved; i++)
		free(explained->resolved[i].reason);
	free(explained->resolved);
	free(explained);
}
