/*
 * What policy says of a question and of the way that it took, at the moment it is asked: before
 * anything is sent, at each link of the alias chain, with the complete answer, again when the kernel
 * confirmed, and of the lease when policy has changed. It is the same judgement each time, so that
 * a lease stands exactly as long as its question would be answered so.
 *
 * By default only the asked name needs a rule. But a forward zone of its own is a private place:
 * whoever runs a permitted public zone must not be able to lead a sandbox into it by an alias. So
 * a chain that crosses into a zone other than the root needs a rule for the target as well. An alias then
 * opens no more than asking for its target would, and no more than the asked name's rule says: ports
 * and types that both open, the lesser lease-max; `private=` is the target's word alone.
 */
#include "gate/engine.h"

#include <string.h>

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

bool port_allowed(const struct ng_bounds *bounds, struct ng_port port)
{
	if (!bounds->n_ports)
		return true;
	for (size_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port.proto && bounds->ports[i].port == port.port)
			return true;
	}
	return false;
}

bool serves_local(const struct ng_decision *decision)
{
	return decision->verdict == NG_ALLOW && decision->match.action == NG_ACTION_LOCAL;
}

bool wants_tcp(const struct ng_decision *decision)
{
	return decision->verdict == NG_ALLOW && decision->match.action == NG_ACTION_TCP_ONLY;
}

/* ---- one name of the way, as if it were asked itself ---- */

static struct ng_subject subject_at(const struct path *path, size_t link)
{
	const struct ng_trail *trail = path->trail;
	const bool answered = path->complete && !trail->local;

	return (struct ng_subject){
		.names = trail->names + link,
		.n_names = trail->local ? 1 : trail->n_names - link,
		.client = path->client,
		.addrs = trail->addrs,
		.n_addrs = answered ? trail->n_addrs : 0,
		.answered = path->complete,
	};
}

static void judge_at(const struct path *path, size_t link, struct ng_decision *decision,
		     struct ng_bounds *bounds)
{
	const struct ng_policy *policy = &path->sandbox->spec.policy;
	const struct ng_subject subject = subject_at(path, link);

	ng_policy_judge(policy, &subject, decision);
	*bounds = (struct ng_bounds){0};
	if (decision->bounded)
		ng_policy_bounds(policy, &subject, bounds);
}

bool name_allowed(const struct sandbox *sandbox, const struct ng_addr *client,
		  const struct ng_name *name)
{
	const struct ng_subject subject = {.names = name, .n_names = 1, .client = client};
	struct ng_decision decision;

	ng_policy_judge(&sandbox->spec.policy, &subject, &decision);
	return verdict_passes(sandbox, decision.verdict);
}

/* ---- the way as a whole ---- */

/* Is the forward zone of to a private place, and another than that of from? */
static bool crosses(const struct ng_gate *gate, const struct ng_name *from,
		    const struct ng_name *to)
{
	const struct route *route = route_of(gate, to);

	return route && route->spec.zone.len > 1 && route != route_of(gate, from);
}

size_t path_held(const struct ng_gate *gate, const struct ng_trail *trail)
{
	size_t held = 0;

	for (size_t i = 1; i < trail->n_names && !trail->local; i++) {
		if (crosses(gate, &trail->names[held], &trail->names[i]))
			held = i;
	}
	return held;
}

/* Narrows bounds to what the target's rule opens too. NULL, or what is not open then. */
static const char *bounds_cross(struct ng_bounds *bounds, const struct ng_bounds *target,
				uint16_t type)
{
	const struct ng_bounds before = *bounds, *named = before.n_ports ? &before : target;

	bounds->n_ports = 0;
	for (size_t i = 0; i < named->n_ports; i++) {
		if (port_allowed(target, named->ports[i]))
			bounds->ports[bounds->n_ports++] = named->ports[i];
	}
	if (target->lease_max_s &&
	    (!before.lease_max_s || target->lease_max_s < before.lease_max_s))
		bounds->lease_max_s = target->lease_max_s;
	memcpy(bounds->opened, target->opened, sizeof(bounds->opened));
	bounds->n_opened = target->n_opened;
	if (named->n_ports && !bounds->n_ports)
		return "alias without a port that is open for";
	return type_allowed(target, type) ? NULL
					  : "alias, and this query type is not opened for";
}

bool path_follow(const struct ng_gate *gate, const struct path *path, struct ng_bounds *bounds,
		 struct fault *fault)
{
	const struct ng_trail *trail = path->trail;
	bool strict = bounds->strict;
	size_t held = 0;

	for (size_t i = 1; i < trail->n_names && !trail->local; i++) {
		bool crossing = crosses(gate, &trail->names[held], &trail->names[i]);
		struct ng_decision decision;
		struct ng_bounds own;

		if (!crossing && !strict)
			continue;
		fault->link = i;
		fault->text = "alias without a rule for";
		judge_at(path, i, &decision, &own);
		if (!verdict_passes(path->sandbox, decision.verdict) || serves_local(&decision))
			return false;
		if (!crossing)
			continue;
		fault->text = bounds_cross(bounds, &own, path->type);
		if (fault->text)
			return false;
		strict |= own.strict;
		held = i;
	}
	return true;
}

/* ---- a query ---- */

struct ng_trail query_trail(const struct query *query)
{
	return (struct ng_trail){
		.names = query->links ? query->chain : &query->name,
		.n_names = query->links + 1u,
		.addrs = query->seen,
		.n_addrs = query->n_seen,
		.local = query->local,
	};
}

static struct path path_of(const struct query *query, const struct ng_trail *trail)
{
	return (struct path){
		.sandbox = query->sandbox,
		.trail = trail,
		.client = &query->from,
		.complete = query->complete,
		.type = query->asked.question.type,
	};
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

/* Within one input policy does not change: a verdict that no answer can change holds for what came since. */
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
	const struct ng_trail trail = query_trail(query);
	const struct path path = path_of(query, &trail);

	if (!judged(gate, query))
		judge_at(&path, 0, &query->decision, &query->bounds);
	query->decided_in = gate->input;
	query->decided_links = query->links;
	query->decided_complete = query->complete;
	return verdict_passes(query->sandbox, query->decision.verdict);
}

/* Nor when the data came from a rule that no longer speaks, or one speaks now that has data instead. */
bool chain_allowed(const struct ng_gate *gate, struct query *query)
{
	const struct ng_trail trail = query_trail(query);
	const struct path path = path_of(query, &trail);

	query->fault = (struct fault){.text = "a rule has another answer for"};
	if (query->local != serves_local(&query->decision))
		return false;
	return path_follow(gate, &path, &query->bounds, &query->fault);
}

/* ---- a lease ---- */

/* Would this client be given the address, with that port, if it asked now and were answered so? */
bool lease_allowed(const struct ng_gate *gate, const struct lease *lease,
		   const struct ng_trail *trail, const struct ng_addr *client)
{
	const struct ng_addr *addr = &lease->key.addr;
	const struct path path = {
		.sandbox = lease->sandbox,
		.trail = trail,
		.client = client,
		.complete = true,
		.type = addr->family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA,
	};
	struct ng_decision decision;
	struct ng_bounds bounds;
	struct fault fault;

	judge_at(&path, 0, &decision, &bounds);
	if (!verdict_passes(lease->sandbox, decision.verdict) ||
	    trail->local != serves_local(&decision))
		return false;
	if (trail->local ? !local_leads(&decision.match, trail, addr)
			 : !type_allowed(&bounds, path.type))
		return false;
	return path_follow(gate, &path, &bounds, &fault) &&
	       port_allowed(&bounds, lease->key.port) &&
	       addr_allowed(gate, lease->sandbox, &bounds, &trail->names[trail->n_names - 1],
			    addr);
}
