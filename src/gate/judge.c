/*
 * What policy says of a query, at the moment it is asked: before anything is sent, at each link of
 * the alias chain, with the complete answer, and again when the kernel confirmed. Within one input
 * policy does not change, so a verdict on the same state is not asked for twice.
 */
#include "gate/engine.h"

bool verdict_passes(const struct sandbox *sandbox, enum ng_verdict verdict)
{
	switch (sandbox->spec.mode) {
	case NG_ENFORCE:
		return verdict == NG_ALLOW;
	case NG_OBSERVE:
		return true;
	default:
		return false;
	}
}

bool type_allowed(const struct ng_bounds *bounds, uint16_t type)
{
	if (!bounds->n_types)
		return type == NG_TYPE_A || type == NG_TYPE_AAAA;
	for (size_t i = 0; i < bounds->n_types; i++) {
		if (bounds->types[i] == type)
			return true;
	}
	return false;
}

/*
 * The addresses that answer triggers see are those the upstream gave, before the filter, and they
 * stay the same for every later judgement of the query. False when memory is out.
 */
bool addresses_note(struct query *query)
{
	query->seen = arena_alloc(&query->arena, (query->n + 1) * sizeof(*query->seen));
	query->n_seen = 0;
	for (size_t i = 0; query->seen && i < query->n; i++) {
		const struct ng_rr *rr = &query->rrs[i];

		if (rr->type == NG_TYPE_A)
			query->seen[query->n_seen++] = ng_addr_make(NG_IPV4, rr->rdata);
		else if (rr->type == NG_TYPE_AAAA)
			query->seen[query->n_seen++] = ng_addr_make(NG_IPV6, rr->rdata);
	}
	return query->seen != NULL;
}

static bool port_in(const struct ng_bounds *bounds, struct ng_port port)
{
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port.proto && bounds->ports[i].port == port.port)
			return true;
	}
	return !bounds->n_ports;
}

void bounds_cross(struct query *query)
{
	const struct ng_policy *policy = &query->sandbox->spec.policy;
	const struct ng_subject subject = {
		.names = &query->holder, .n_names = 1, .client = &query->from};
	struct ng_bounds *bounds = &query->bounds, held = {0}, before = *bounds;
	const struct ng_bounds *wider = before.n_ports ? &before : &held;
	struct ng_decision decision;

	ng_policy_judge(policy, &subject, &decision);
	if (decision.bounded)
		ng_policy_bounds(policy, &subject, &held);
	bounds->n_ports = 0;
	for (size_t i = 0; i < wider->n_ports; i++) {
		if (port_in(&held, wider->ports[i]))
			bounds->ports[bounds->n_ports++] = wider->ports[i];
	}
	query->portless = wider->n_ports && !bounds->n_ports;
}

/* names gets the asked name and the chain behind it. */
static void judge(struct query *query)
{
	struct ng_name names[NG_CHAIN_MAX + 2];
	const struct ng_policy *policy = &query->sandbox->spec.policy;
	struct ng_subject subject = {.names = &query->name,
				     .n_names = 1,
				     .client = &query->from,
				     .addrs = query->seen,
				     .answered = query->complete};

	if (query->links && !query->local) {
		names[0] = query->name;
		for (size_t i = 0; i < query->links; i++)
			names[i + 1] = query->chain[i];
		subject.names = names;
		subject.n_names += query->links;
	}
	if (query->complete && !query->local)
		subject.n_addrs = query->n_seen;
	ng_policy_judge(policy, &subject, &query->decision);
	query->bounds = (struct ng_bounds){0};
	if (query->decision.bounded)
		ng_policy_bounds(policy, &subject, &query->bounds);
	if (query->crossed)
		bounds_cross(query);
}

/* A verdict that no answer can change holds for the links and addresses that came since. */
static bool judged(const struct ng_gate *gate, const struct query *query)
{
	if (query->decided_in != gate->input)
		return false;
	if (!query->decision.open)
		return true;
	return query->decided_links == query->links &&
	       query->decided_complete == query->complete;
}

bool query_allowed(struct ng_gate *gate, struct query *query)
{
	if (!judged(gate, query))
		judge(query);
	query->decided_in = gate->input;
	query->decided_links = query->links;
	query->decided_complete = query->complete;
	return verdict_passes(query->sandbox, query->decision.verdict);
}

static bool name_allowed(const struct sandbox *sandbox, const struct ng_name *name)
{
	struct ng_decision decision;

	ng_policy_decide(&sandbox->spec.policy, name, &decision);
	return verdict_passes(sandbox, decision.verdict);
}

/*
 * By default only the asked name needs a rule. `cname=strict` wants one for every target; and so
 * does a target in a forward zone that the chain crossed into (query.c).
 */
bool chain_allowed(const struct query *query)
{
	if (query->local && query->decision.match.action != NG_ACTION_LOCAL)
		return false; /* the data came from a rule that no longer speaks */
	if (query->crossed &&
	    (query->portless || !name_allowed(query->sandbox, &query->holder)))
		return false;
	for (size_t i = 0; query->bounds.strict && !query->local && i < query->links; i++) {
		if (!name_allowed(query->sandbox, &query->chain[i]))
			return false;
	}
	return true;
}
