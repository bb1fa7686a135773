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
 *
 * Where a rule has data of its own for a name of the way, or for the answer, what led there is judged
 * as ever, with what the rule saw. The aliases out of such data are the author's word: they need no
 * rule and enter every zone, but what another scope denies stays denied.
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

/* The names that the answer hangs on before any of the policy's own data; they are all judged alike. */
static size_t led_by(const struct ng_trail *trail)
{
	if (!trail->local)
		return trail->n_names;
	return trail->replaces ? trail->local : trail->local - 1u;
}

/* The names up to end as they stand before anything is known of the answer. */
static struct ng_subject subject_until(const struct path *path, size_t link, size_t end)
{
	return (struct ng_subject){
		.names = path->trail->names + link,
		.n_names = end - link,
		.client = path->client,
		.answered = path->complete,
	};
}

/* What decides for the asked name; with data of the policy's own, what the rule for them saw. */
static struct ng_subject subject_whole(const struct path *path)
{
	const struct ng_trail *trail = path->trail;
	const bool seen = path->complete && (!trail->local || trail->replaces);
	struct ng_subject subject =
		subject_until(path, 0, trail->local ? trail->local : trail->n_names);

	subject.addrs = trail->addrs;
	subject.n_addrs = seen ? trail->n_addrs : 0;
	return subject;
}

/* Of an alias target alone: a rule for what comes behind the policy's own data is not asked. */
static struct ng_subject subject_at(const struct path *path, size_t link)
{
	struct ng_subject subject = subject_until(path, link, led_by(path->trail));

	if (path->complete && !path->trail->local) {
		subject.addrs = path->trail->addrs;
		subject.n_addrs = path->trail->n_addrs;
	}
	return subject;
}

static void judge_subject(const struct path *path, const struct ng_subject *subject,
			  struct ng_decision *decision, struct ng_bounds *bounds)
{
	const struct ng_policy *policy = &path->sandbox->spec.policy;

	ng_policy_judge(policy, subject, decision);
	*bounds = (struct ng_bounds){0};
	if (decision->bounded)
		ng_policy_bounds(policy, subject, bounds);
}

/* Scopes that were silent until the policy's own data may deny where those lead. */
static void judge_behind(const struct path *path, struct ng_decision *decision)
{
	const struct ng_trail *trail = path->trail;
	const struct ng_policy *policy = &path->sandbox->spec.policy;
	const struct ng_subject here = subject_until(path, 0, trail->local),
				there = subject_until(path, 0, trail->n_names);
	struct ng_decision before, behind;

	if (!trail->local || trail->local == trail->n_names || decision->verdict != NG_ALLOW)
		return;
	ng_policy_judge(policy, &here, &before);
	ng_policy_judge(policy, &there, &behind);
	if (before.verdict == NG_ALLOW && behind.verdict != NG_ALLOW)
		*decision = behind;
}

static void judge_whole(const struct path *path, struct ng_decision *decision,
			struct ng_bounds *bounds)
{
	const struct ng_subject subject = subject_whole(path);

	judge_subject(path, &subject, decision, bounds);
	judge_behind(path, decision);
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
static bool crosses(const struct sandbox *sandbox, const struct ng_name *from,
		    const struct ng_name *to)
{
	const struct route *route = route_of(sandbox, to);

	return route && route->spec.zone.len > 1 && route != route_of(sandbox, from);
}

const struct ng_name *trail_end(const struct ng_trail *trail)
{
	bool behind = trail->n_names > trail->local;

	return &trail->names[trail->replaces && !behind ? 0 : trail->n_names - 1];
}

size_t path_held(const struct sandbox *sandbox, const struct ng_trail *trail)
{
	size_t held = 0;

	for (size_t i = 1; i < led_by(trail); i++) {
		if (crosses(sandbox, &trail->names[held], &trail->names[i]))
			held = i;
	}
	return held;
}

/*
 * How many names lead to the first that has a rule with data of its own, 0 when none has: those data
 * are given before anything is known of what comes behind.
 */
static uint8_t path_serves(const struct path *path)
{
	const struct ng_trail *trail = path->trail;
	struct ng_decision decision = {.open = true};
	size_t end = trail->local ? trail->local : trail->n_names;

	for (size_t n = 1; n <= end && decision.open; n++) {
		const struct ng_subject subject = {
			.names = trail->names, .n_names = n, .client = path->client};

		ng_policy_judge(&path->sandbox->spec.policy, &subject, &decision);
		if (serves_local(&decision))
			return (uint8_t)n;
	}
	return 0;
}

/* Would it be answered by the same kind of rule at the same place? *data: the rule with data, if any. */
static bool data_stand(const struct path *path, struct ng_decision *data)
{
	const struct ng_trail *trail = path->trail;
	const struct ng_subject subject = subject_whole(path);

	ng_policy_judge(&path->sandbox->spec.policy, &subject, data);
	return serves_local(data) == (trail->local > 0) &&
	       path_serves(path) == (trail->replaces ? 0 : trail->local);
}

/* Narrows bounds to what the target's rule opens too. TEXT_NONE, or what is not open then. */
static enum text bounds_cross(struct ng_bounds *bounds, const struct ng_bounds *target,
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
		return TEXT_ALIAS_PORT;
	return type_allowed(target, type) ? TEXT_NONE : TEXT_ALIAS_TYPE;
}

bool path_follow(const struct path *path, struct ng_bounds *bounds, struct fault *fault)
{
	const struct ng_trail *trail = path->trail;
	bool strict = bounds->strict;
	size_t held = 0;

	for (size_t i = 1; i < led_by(trail); i++) {
		bool crossing = crosses(path->sandbox, &trail->names[held], &trail->names[i]);
		const struct ng_subject subject = subject_at(path, i);
		struct ng_decision decision;
		struct ng_bounds own;

		if (!crossing && !strict)
			continue;
		fault->link = i;
		fault->text = TEXT_ALIAS_RULE;
		judge_subject(path, &subject, &decision, &own);
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

/* The question itself is let through by the asked name's rule, or that rule has the answer. */
static bool asked_allowed(const struct path *path)
{
	const struct ng_subject subject = {
		.names = path->trail->names, .n_names = 1, .client = path->client};
	struct ng_decision decision;
	struct ng_bounds bounds;

	judge_subject(path, &subject, &decision, &bounds);
	return serves_local(&decision) || type_allowed(&bounds, path->type);
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
		.replaces = query->replaces,
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

		if (rr_is_address(rr))
			query->seen[query->n_seen++] = rr_addr(rr);
	}
	return query->seen != NULL;
}

/*
 * A verdict that no answer can change holds for what came since, for as long as the policy that it was made
 * by: when that changes, sandbox_move() takes it from the query. Data instead of an answer are decided when
 * it is there, and may lead to more names yet. A denial that only observes stays one, but the answer may
 * show another rule that says so.
 */
static bool judged(const struct query *query)
{
	if (!query->decided)
		return false;
	if (query->decision.verdict == NG_ALLOW && !query->decision.open && !query->replaces)
		return true;
	return query->decided_links == query->links &&
	       query->decided_complete == query->complete;
}

static void query_judge(struct query *query)
{
	const struct ng_trail trail = query_trail(query);
	const struct path path = path_of(query, &trail);

	judge_whole(&path, &query->decision, &query->given);
	query->bounds = query->given;
	query->decided = true;
	query->decided_links = query->links;
	query->decided_complete = query->complete;
}

bool query_allowed(struct query *query)
{
	if (!judged(query))
		query_judge(query);
	return verdict_passes(query->sandbox, query->decision.verdict);
}

const struct ng_decision *query_decision_alone(const struct query *query)
{
	const bool alone = query->decided && !query->decided_links &&
			   !query->decided_complete && !query->decision.open &&
			   query->decision.verdict == NG_ALLOW;

	return alone ? &query->decision : NULL;
}

static enum text type_judge(const struct query *query)
{
	const struct ng_trail trail = query_trail(query);
	const struct path path = path_of(query, &trail);

	if (query->sandbox->spec.no_aaaa && path.type == NG_TYPE_AAAA)
		return TEXT_AAAA_OFF;
	return asked_allowed(&path) ? TEXT_NONE : TEXT_TYPE;
}

enum text type_closed(const struct query *query)
{
	return query->repoliced ? type_judge(query) : TEXT_NONE;
}

/* A decision that no answer can change holds for all targets behind as well. */
bool target_serves(struct query *query)
{
	return !query->local && query->decision.open && query_allowed(query) &&
	       serves_local(&query->decision);
}

bool answer_replaced(const struct query *query)
{
	return !query->local && serves_local(&query->decision) &&
	       query->decision.match.trigger == NG_TRIGGER_ANSWER;
}

static bool query_data_stand(const struct query *query)
{
	const struct ng_trail trail = query_trail(query);
	const struct path path = path_of(query, &trail);
	struct ng_decision data;

	return data_stand(&path, &data);
}

/* From the bounds of the asked name's rule on, each time: a longer way, or its answer, may say otherwise. */
static bool links_allowed(struct query *query)
{
	const struct ng_trail trail = query_trail(query);
	const struct path path = path_of(query, &trail);

	query->bounds = query->given;
	return path_follow(&path, &query->bounds, &query->fault);
}

/* Nor when the data came from a rule that no longer speaks, or one speaks now that has data instead. */
bool chain_allowed(struct query *query)
{
	query->fault = (struct fault){.text = TEXT_ALIAS_DATA};
	if (query->repoliced && !query_data_stand(query))
		return false;
	if (!query->local && serves_local(&query->decision))
		return false;
	return !query->links || links_allowed(query);
}

/* ---- a lease ---- */

void trail_decide(const struct sandbox *sandbox, const struct ng_trail *trail,
		  const struct ng_name *held, const struct ng_addr *client,
		  struct ng_decision *out)
{
	const struct path path = {
		.sandbox = sandbox, .trail = trail, .client = client, .complete = true};
	const struct ng_subject whole = subject_whole(&path),
				alone = {.names = held, .n_names = 1, .client = client};

	ng_policy_judge(&sandbox->spec.policy, trail->local ? &whole : &alone, out);
}

/* Would this client be given the address, with that port, if it asked now and were answered so? */
bool lease_allowed(const struct ng_gate *gate, const struct lease *lease,
		   const struct ng_trail *trail, const struct ng_addr *client,
		   struct ng_bounds *bounds)
{
	const struct sandbox *sandbox = lease_sandbox(&gate->book, lease);
	const struct ng_addr addr = lease_addr(lease);
	const struct path path = {
		.sandbox = sandbox,
		.trail = trail,
		.client = client,
		.complete = true,
		.type = addr.family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA,
	};
	struct ng_decision decision, data;
	struct fault fault;

	if (sandbox->spec.no_aaaa && addr.family == NG_IPV6)
		return false;

	judge_whole(&path, &decision, bounds);
	if (!verdict_passes(sandbox, decision.verdict) || !data_stand(&path, &data))
		return false;
	if (trail->local ? !asked_allowed(&path) || !local_leads(&data.match, trail, &addr)
			 : !type_allowed(bounds, path.type))
		return false;
	return path_follow(&path, bounds, &fault) && port_allowed(bounds, lease_port(lease)) &&
	       addr_allowed(gate, sandbox, bounds, trail_end(trail), &addr);
}
