/*
 * A question, step by step: who asks, may they, what is known, ask.
 *
 * What can be said at once is said at once. The rest becomes a pending query that goes on when its
 * upstream answered or when the kernel did (answer.c). Policy is asked at each step: a reply
 * always follows the policy of its own moment.
 */
#include "gate/engine.h"

#include <namegate/special.h>

#define PORT_DNS  53
#define PORTS_LOW 1024 /* those below are given out by the administrator alone */

/* ---- resolving ---- */

static void query_step(struct ng_gate *gate, struct query *query, enum chain_step step)
{
	if (step == CHAIN_DONE)
		query_complete(gate, query);
	else if (step == CHAIN_MORE)
		query_resolve(gate, query);
	else if (step == CHAIN_LOCAL)
		query_local(gate, query);
	else
		query_fail(gate, query, TEXT_CHAIN);
}

void query_prove(struct query *query, bool proved)
{
	query->proved = proved && (query->proved || !query->judged);
	query->judged = true;
}

void query_with_entry(struct ng_gate *gate, struct query *query, const struct entry *entry)
{
	query_prove(query, entry->proved && !query->stale);
	query_step(gate, query, chain_follow(gate, query, entry));
}

bool query_stale(struct ng_gate *gate, struct query *query, const struct question_key *key)
{
	struct entry *entry = cache_stale(gate, key);

	if (!entry)
		return false;
	gate->counters.stale_hits++;
	query->stale = query->cached = true;
	query->upstream = entry->server;
	query_with_entry(gate, query, entry);
	return true;
}

/* What has just failed is not asked again at once. */
static void query_ask(struct ng_gate *gate, struct query *query, const struct question_key *key)
{
	uint32_t left_s;
	enum text why = failure_find(gate, key, &left_s);
	struct ng_name owner;
	struct ask *same;

	if (!why) {
		same = ask_same(gate, key);
		if (same || budget_allows(gate, query, &owner))
			ask_join(gate, query, key, same);
		else
			query_over_budget(gate, query, &owner);
		return;
	}
	if (query_stale(gate, query, key))
		return;
	gate->counters.failure_hits++;
	query->cached = true;
	query_failed_before(gate, query, why, left_s);
}

/* Name and type are judged anew: either may have been closed since it began. */
bool query_stands(struct ng_gate *gate, struct query *query)
{
	enum text closed;

	if (!query_allowed(query)) {
		query_denied(gate, query);
		return false;
	}
	closed = type_closed(query);
	if (closed)
		query_empty(gate, query, closed);
	return !closed;
}

/* Each turn that does not end moves at least one link along, so the chain's bound ends it. */
void query_resolve(struct ng_gate *gate, struct query *query)
{
	const struct route *route = route_of(query->sandbox, &query->target);
	struct question_key key = {
		.type = query->asked.question.type,
		.dnssec_ok = query->asked.dnssec_ok,
		.cd = query->asked.cd,
		.name = query->target,
	};
	struct entry *entry;

	if (!query_stands(gate, query)) /* policy may have changed since the link before */
		return;
	if (!route) {
		query_fail(gate, query, TEXT_NO_ZONE);
		return;
	}
	if (!chain_allowed(query)) {
		query_blocked_alias(gate, query);
		return;
	}
	if (ng_special_stays(&query->target, &route->spec.zone)) {
		query_stays(gate, query);
		return;
	}
	key.route = route->spec.id;
	entry = cache_find(gate, &key);
	if (!entry) {
		query_ask(gate, query, &key);
		return;
	}
	gate->counters.cache_hits++;
	cache_use(gate, entry, query);
	query->entry = query->cached || query->asked_us ? NULL : entry;
	query->entry_in = gate->input;
	query->cached = true;
	query->upstream = entry->server;
	query_with_entry(gate, query, entry);
}

/* ---- the beginning ---- */

static void malformed(struct ng_gate *gate, const struct told *told)
{
	gate->counters.malformed++;
	reply_error(gate, told, told->asked->rcode, TEXT_MALFORMED)->event = NG_EVENT_MALFORMED;
}

/* What an allowed question leads to: the policy's own data, TCP first, or the upstream. */
static void query_dispatch(struct ng_gate *gate, struct query *query)
{
	if (serves_local(&query->decision))
		query_local(gate, query);
	else if (wants_tcp(&query->decision) && !query->tcp)
		query_truncated(gate, query, TEXT_TCP_RULE);
	else
		query_resolve(gate, query);
}

static void query_admit(struct ng_gate *gate, const struct told *told,
			const struct ng_name *name, const struct ng_bounds *bounds)
{
	struct query *query = query_begin(gate, told, name, bounds);

	if (!query) {
		gate->counters.over_quota++;
		limited(gate, told->sandbox, NG_LIMIT_PENDING);
		reply_error(gate, told, NG_RCODE_REFUSED, TEXT_PENDING);
		return;
	}
	query_dispatch(gate, query);
}

/* The name is allowed, and nothing is asked for the type. */
static void type_blocked(struct ng_gate *gate, const struct told *told,
			 const struct ng_decision *decision, enum text text)
{
	const struct negative empty = {.verdict = NG_ALLOW, .text = text};

	record_rule(gate, reply_negative(gate, told, &empty), decision);
}

/* A name that is denied is so before anything is made or sent for it. */
static void query_first(struct ng_gate *gate, struct told *told, const struct ng_name *name)
{
	struct sandbox *sandbox = told->sandbox;
	const struct ng_subject subject = {.names = name, .n_names = 1, .client = &told->from};
	struct ng_bounds bounds = {0};
	struct ng_decision decision;

	ng_policy_judge(&sandbox->spec.policy, &subject, &decision);
	told->decision = &decision;
	if (special_answer(gate, told, name, &decision))
		return;
	if (!verdict_passes(sandbox, decision.verdict)) {
		reply_denied(gate, told, &decision);
		return;
	}
	if (sandbox->spec.no_aaaa && told->asked->question.type == NG_TYPE_AAAA) {
		type_blocked(gate, told, &decision, TEXT_AAAA_OFF);
		return;
	}
	if (decision.bounded)
		ng_policy_bounds(&sandbox->spec.policy, &subject, &bounds);
	if (!serves_local(&decision) && !type_allowed(&bounds, told->asked->question.type))
		type_blocked(gate, told, &decision, TEXT_TYPE);
	else
		query_admit(gate, told, name, &bounds);
}

/* From what the cache has ready, or the usual way. */
static void query_begins(struct ng_gate *gate, struct told *told)
{
	struct expected expected;
	struct ng_name name;

	ng_name_lowered(&told->asked->question.name, &name);
	if (ready_answer(gate, told, &name))
		return;
	ready_expect(gate, told, &name, &expected);
	query_first(gate, told, &name);
	ready_compare(gate, &expected);
}

/* Whose transport it is alone, asking as the first of its single addresses; NULL: it has none, or is gone. */
static struct sandbox *asker_alone(const struct ng_gate *gate, const struct ng_client *client,
				   struct ng_addr *from)
{
	struct sandbox *sandbox = directory_by_id(&gate->directory, client->sandbox);

	for (size_t i = 0; sandbox && i < sandbox->spec.n_sources; i++) {
		if (!ng_prefix_is_host(&sandbox->spec.sources[i]))
			continue;
		*from = sandbox->spec.sources[i].addr;
		return sandbox;
	}
	return NULL;
}

/* Who asks; from is client's address and may become another. NULL: nobody whom we serve. */
static struct sandbox *asker(const struct ng_gate *gate, const struct ng_client *client,
			     struct ng_addr *from)
{
	if (client->sandbox)
		return asker_alone(gate, client, from);
	return directory_by_source(&gate->directory, from, client->interface);
}

uint32_t ng_gate_sandbox_of(const struct ng_gate *gate, const struct ng_client *client)
{
	struct ng_addr from = client->addr;
	const struct sandbox *sandbox = asker(gate, client, &from);

	return sandbox ? sandbox->spec.id : 0;
}

/*
 * Port 53 is where servers listen: by a forged question from there two of them would talk to each other.
 * Below 1024 there are other services that answer whatever comes.
 */
static bool port_silent(const struct ng_gate *gate, const struct ng_client *client)
{
	return client->port == PORT_DNS ||
	       (client->port && client->port < PORTS_LOW && gate->settings.drop_low_ports);
}

void ng_gate_query(struct ng_gate *gate, uint64_t now_us, const struct ng_client *client,
		   const uint8_t *wire, size_t len)
{
	struct told told;
	enum ng_fate fate;

	actions_begin(gate, now_us);
	gate->counters.queries++;
	fate = port_silent(gate, client) ? NG_FATE_SILENCE
					 : ng_query_parse(wire, len, &gate->asked);
	if (fate == NG_FATE_SILENCE) {
		gate->counters.silent++;
		action_add(gate, NG_DROP)->drop = client->handle;
		return;
	}
	told = (struct told){.client = client->handle,
			     .from = client->addr,
			     .peer = client->peer,
			     .asked = &gate->asked,
			     .tcp = client->tcp,
			     .keepalive_ds = client->keepalive_ds};
	told.sandbox = asker(gate, client, &told.from);
	if (told.sandbox && !rate_allows(gate, told.sandbox)) {
		told.limit = gate->settings.limits.queries_sandbox;
		reply_error(gate, &told, NG_RCODE_REFUSED, TEXT_RATE);
	} else if (fate == NG_FATE_ERROR) {
		malformed(gate, &told);
	} else if (!told.sandbox) {
		reply_error(gate, &told, NG_RCODE_REFUSED,
			    client->sandbox ? TEXT_NO_ADDRESS : TEXT_STRANGER);
	} else {
		query_begins(gate, &told);
	}
}
