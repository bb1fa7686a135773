/*
 * A question, step by step: who asks, may they, what is known, ask, filter, lease, answer.
 *
 * What can be said at once is said at once. The rest becomes a pending query that goes on when its
 * upstream answered or when the kernel did. Policy is asked twice, at the beginning and in the
 * moment of the answer: a reply always follows the policy of that moment.
 */
#include "gate/engine.h"

static struct told told_of(const struct query *query)
{
	return (struct told){
		.client = query->client,
		.from = query->from,
		.asked = &query->asked,
		.sandbox = query->sandbox,
		.tcp = query->tcp,
	};
}

static bool allowed(const struct sandbox *sandbox, const struct ng_name *name,
		    struct ng_decision *decision)
{
	ng_policy_decide(&sandbox->spec.policy, name, decision);
	return sandbox->spec.mode == NG_ENFORCE && decision->verdict == NG_ALLOW;
}

/* The verdict of this moment on the asked name: asked once an input, however many steps look. */
static bool query_allowed(struct ng_gate *gate, struct query *query)
{
	if (query->decided_in != gate->input)
		ng_policy_decide(&query->sandbox->spec.policy, &query->name, &query->decision);
	query->decided_in = gate->input;
	return query->sandbox->spec.mode == NG_ENFORCE && query->decision.verdict == NG_ALLOW;
}

static bool holder_allowed(const struct query *query)
{
	struct ng_decision decision;

	return !query->crossed || allowed(query->sandbox, &query->holder, &decision);
}

static bool is_address(const struct ng_rr *rr)
{
	return rr->type == NG_TYPE_A || rr->type == NG_TYPE_AAAA;
}

static struct ng_addr address_of(const struct ng_rr *rr)
{
	return ng_addr_make(rr->type == NG_TYPE_A ? NG_IPV4 : NG_IPV6, rr->rdata);
}

/* ---- ends ---- */

static void record_times(struct ng_record *record, const struct query *query)
{
	record->upstream = query->upstream;
	record->upstream_us = query->upstream_us;
	record->cached = query->cached;
}

void query_fail(struct ng_gate *gate, struct query *query, int ede, const char *reason)
{
	struct told told = told_of(query);
	struct ng_record *record;

	if (!query_allowed(gate, query)) {
		reply_denied(gate, &told, &query->decision);
	} else {
		record = reply_error(gate, &told, NG_RCODE_SERVFAIL, ede, reason);
		record->verdict = NG_ALLOW;
		record_rule(gate, record, &query->decision);
		record_times(record, query);
	}
	query_end(gate, query);
}

void query_refuse(struct ng_gate *gate, struct query *query, const char *reason)
{
	struct told told = told_of(query);

	reply_error(gate, &told, NG_RCODE_REFUSED, NG_EDE_PROHIBITED, reason);
	query_end(gate, query);
}

static void query_denied(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);

	reply_denied(gate, &told, &query->decision);
	query_end(gate, query);
}

/* The answer carries no address: the name or the type does not exist, says the upstream. */
static void query_negative(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);
	struct ng_reply_spec spec = {
		.rcode = query->rcode,
		.answers = query->rrs,
		.n = query->n,
		.negative_soa = query->soa != NULL,
		.soa = query->soa,
		.soa_ttl = query->soa ? query->soa->ttl : 0,
		.ede = NG_EDE_NONE,
	};
	struct ng_record *record = reply_send(gate, &told, &spec, NG_ALLOW);

	record_rule(gate, record, &query->decision);
	record_times(record, query);
	query_end(gate, query);
}

static void query_truncated(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);
	struct ng_reply_spec spec = {.truncate = true, .ede = NG_EDE_NONE};
	struct ng_record *record = reply_send(gate, &told, &spec, NG_ALLOW);

	record->reason =
		"does not fit into UDP: asked again over TCP it is leased and answered";
	record_rule(gate, record, &query->decision);
	record_times(record, query);
	query_end(gate, query);
}

static void query_empty(struct ng_gate *gate, struct query *query, const char *reason)
{
	struct told told = told_of(query);
	struct ng_record *record = reply_empty(gate, &told, NG_ALLOW, reason);

	record_rule(gate, record, &query->decision);
	record_times(record, query);
	query_end(gate, query);
}

static void query_blocked_alias(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);
	char target[NG_NAME_TEXT_MAX];
	struct ng_record *record;

	ng_name_to_text(&query->holder, target);
	record = reply_empty(
		gate, &told, NG_DENY,
		word_format(gate, "blocked: alias into a forward zone without a rule for %s",
			    target));
	record_times(record, query);
	query_end(gate, query);
}

/* ---- the answer with addresses ---- */

static void record_addresses(struct ng_gate *gate, struct ng_record *record,
			     const struct query *query, uint64_t until_us)
{
	struct ng_addr *addrs = arena_alloc(&gate->words, (query->n + 1) * sizeof(*addrs));

	record->lease_until_us = until_us;
	record->addrs = addrs;
	for (size_t i = 0; addrs && i < query->n; i++) {
		if (!is_address(&query->rrs[i]))
			continue;
		addrs[record->n_addrs++] = address_of(&query->rrs[i]);
		if (record->n_addrs == 1 || query->rrs[i].ttl < record->ttl_s)
			record->ttl_s = query->rrs[i].ttl;
	}
}

/*
 * Lowers each TTL to what the confirmed lease still covers with grace. False when one is not
 * confirmed any more: then nothing of this answer may be shown. When lease_want() has found all of it
 * in this very input, there is nothing to look up again.
 */
static bool ttls_covered(const struct ng_gate *gate, struct query *query, uint64_t *until_us)
{
	uint64_t floor_us = gate->now_us + (uint64_t)gate->settings.grace_s * SECOND_US;

	*until_us = query->sure_us;
	if (query->sure_in == gate->input)
		return true;
	*until_us = UINT64_MAX;
	for (size_t i = 0; i < query->n; i++) {
		struct ng_rr *rr = &query->rrs[i];
		struct ng_addr addr;
		uint64_t confirmed_us, left_s;

		if (!is_address(rr))
			continue;
		addr = address_of(rr);
		confirmed_us = lease_confirmed(gate, query, &addr);
		if (confirmed_us < floor_us)
			return false;
		left_s = (confirmed_us - floor_us) / SECOND_US;
		if (left_s < rr->ttl)
			rr->ttl = (uint32_t)left_s;
		if (confirmed_us < *until_us)
			*until_us = confirmed_us;
	}
	return true;
}

static void query_answer(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);
	struct ng_reply_spec spec = {.ede = NG_EDE_NONE};
	struct ng_record *record;
	uint64_t until_us;

	if (!query_allowed(gate, query)) {
		query_denied(gate, query);
		return;
	}
	if (!holder_allowed(query)) {
		query_blocked_alias(gate, query);
		return;
	}
	if (!ttls_covered(gate, query, &until_us)) {
		query_fail(gate, query, NG_EDE_NOT_READY,
			   "the address is no longer open; nothing is shown");
		return;
	}
	spec.answers = query->rrs;
	spec.n = query->n;
	record = reply_send(gate, &told, &spec, NG_ALLOW);
	record_rule(gate, record, &query->decision);
	record_times(record, query);
	record->commit_us = (uint32_t)(gate->now_us - query->decided_us);
	record_addresses(gate, record, query, until_us);
	query_end(gate, query);
}

static const char *refusal_text(int code)
{
	switch (code) {
	case NG_E_FULL:
		return "the kernel set or a lease quota is full; nothing was opened";
	case NG_E_CLOSED:
		return "the warden is not there to open the address; it is being started again";
	default:
		return "the kernel refused the address; nothing is shown";
	}
}

void query_committed(struct ng_gate *gate, struct query *query)
{
	if (query->failed)
		query_fail(gate, query, NG_EDE_NOT_READY, refusal_text(query->failed));
	else
		query_answer(gate, query);
}

/* Lease at least until the TTL handed out has run down, plus grace; a second covers the commit. */
static int query_lease(struct ng_gate *gate, struct query *query, size_t n_addrs)
{
	const struct ng_settings *settings = &gate->settings;

	query->decided_us = gate->now_us;
	query->sure_us = UINT64_MAX;
	query->waits = arena_alloc(&query->arena, n_addrs * sizeof(*query->waits));
	if (!query->waits)
		return NG_E_NOMEM;
	for (size_t i = 0; i < query->n; i++) {
		struct ng_rr *rr = &query->rrs[i];
		struct ng_addr addr;
		uint64_t need_s, until_s;
		int error;

		if (rr->ttl > settings->ttl_max_s)
			rr->ttl = settings->ttl_max_s;
		if (!is_address(rr))
			continue;
		addr = address_of(rr);
		need_s = (uint64_t)rr->ttl + settings->grace_s;
		until_s = rr->ttl + 1 > settings->lease_min_s
				  ? need_s + 1
				  : (uint64_t)settings->lease_min_s + settings->grace_s;
		error = lease_want(
			gate, query, &addr,
			rr->ttl > settings->lease_min_s ? rr->ttl : settings->lease_min_s,
			gate->now_us + until_s * SECOND_US, gate->now_us + need_s * SECOND_US);
		if (error)
			return error;
	}
	return NG_OK;
}

static void query_open(struct ng_gate *gate, struct query *query, size_t n_addrs)
{
	int error = query_lease(gate, query, n_addrs);

	if (error == NG_E_FULL) {
		gate->counters.over_quota++;
		query_refuse(gate, query, "the sandbox holds as many open addresses as it may");
	} else if (error) {
		query_fail(gate, query, NG_EDE_NOT_READY, refusal_text(error));
	} else if (query->open_waits) {
		query_commit_wait(gate, query);
	} else {
		query->sure_in = gate->input;
		query_answer(gate, query);
	}
}

/* ---- the filter ---- */

static void record_rebind(struct ng_gate *gate, const struct query *query,
			  const struct filtered *filtered)
{
	struct ng_record *record = &action_add(gate, NG_RECORD)->record;

	gate->counters.rebinds++;
	record->event = NG_EVENT_REBIND;
	record->sandbox = query->sandbox->spec.id;
	record->sandbox_name = word_text(gate, query->sandbox->spec.name);
	record->client = query->from;
	record->name = word_name(gate, &query->name);
	record->type = query->asked.question.type;
	record->version = gate->version;
	record->reason = "addresses that this zone may not answer with were taken out";
	record->upstream = query->upstream;
	record->addrs = filtered->removed;
	record->n_addrs = filtered->removed ? filtered->n_removed : 0;
	record_rule(gate, record, &query->decision);
}

/* The chain is complete: judge the name again, filter the addresses, and open what is left. */
static void query_judge(struct ng_gate *gate, struct query *query)
{
	struct filtered filtered;
	struct ng_reply_spec spec = {.query = &query->asked, .ede = NG_EDE_NONE};

	if (!query_allowed(gate, query)) {
		query_denied(gate, query);
		return;
	}
	if (!holder_allowed(query)) {
		query_blocked_alias(gate, query);
		return;
	}
	filter_apply(gate, query, &filtered);
	if (filtered.n_removed)
		record_rebind(gate, query, &filtered);
	spec.answers = query->rrs;
	spec.n = query->n;
	spec.limit = query->asked.udp_size;
	if (!filtered.n_addrs && filtered.n_removed)
		query_empty(gate, query, "blocked: every address is private or the gate's own");
	else if (!filtered.n_addrs && filtered.n_unreachable)
		query_empty(gate, query, "the sandbox has no source address of that family");
	else if (!filtered.n_addrs)
		query_negative(gate, query);
	else if (!query->tcp && ng_reply_overflows(&spec))
		query_truncated(gate, query);
	else
		query_open(gate, query, filtered.n_addrs);
}

/* ---- resolving ---- */

static void query_step(struct ng_gate *gate, struct query *query, enum chain_step step)
{
	if (step == CHAIN_DONE)
		query_judge(gate, query);
	else if (step == CHAIN_MORE)
		query_resolve(gate, query);
	else
		query_fail(gate, query, NG_EDE_INVALID,
			   "the alias chain is a loop, too long or inconsistent");
}

void query_with_entry(struct ng_gate *gate, struct query *query, const struct entry *entry)
{
	query_step(gate, query, chain_follow(gate, query, entry));
}

/*
 * May the alias chain enter this route? By default only the asked name needs a rule. But a forward
 * zone of its own is a private place: whoever runs a permitted public zone must not be able to
 * lead a sandbox into it by an alias. So a chain that crosses into a zone other than the root
 * needs a rule for the target as well, and that rule is then what holds the lease.
 */
static bool may_cross(const struct ng_gate *gate, struct query *query,
		      const struct route *route)
{
	struct ng_decision decision;

	if (!query->links || route->spec.zone.len == 1 ||
	    route == route_of(gate, &query->holder))
		return true;
	query->holder = query->target;
	query->crossed = true;
	return allowed(query->sandbox, &query->holder, &decision);
}

/* Each turn that does not end moves at least one link along, so the chain's bound ends it. */
void query_resolve(struct ng_gate *gate, struct query *query)
{
	const struct route *route = route_of(gate, &query->target);
	struct question_key key = {
		.type = query->asked.question.type,
		.dnssec_ok = query->asked.dnssec_ok,
		.cd = query->asked.cd,
		.name = query->target,
	};
	struct entry *entry;

	if (!query_allowed(gate, query)) { /* policy may have changed since the link before */
		query_denied(gate, query);
		return;
	}
	if (!route) {
		query_fail(gate, query, NG_EDE_NO_UPSTREAM, "no forward zone covers the name");
		return;
	}
	if (!holder_allowed(query) || !may_cross(gate, query, route)) {
		query_blocked_alias(gate, query);
		return;
	}
	key.route = route->spec.id;
	entry = cache_find(gate, &key);
	if (!entry) {
		ask_join(gate, query, &key);
		return;
	}
	gate->counters.cache_hits++;
	query->cached = true;
	query->upstream = entry->server;
	query_with_entry(gate, query, entry);
}

/* ---- the beginning ---- */

static void malformed(struct ng_gate *gate, const struct told *told)
{
	gate->counters.malformed++;
	reply_error(gate, told, told->asked->rcode, NG_EDE_NONE,
		    "malformed or unsupported query")
		->event = NG_EVENT_MALFORMED;
}

static void query_admit(struct ng_gate *gate, const struct ng_client *client,
			struct sandbox *sandbox, const struct told *told,
			const struct ng_decision *decision)
{
	struct query *query = query_begin(gate, client, sandbox, told->asked);

	if (query) {
		query->decision = *decision;
		query->decided_in = gate->input;
		query_resolve(gate, query);
		return;
	}
	gate->counters.over_quota++;
	reply_error(gate, told, NG_RCODE_REFUSED, NG_EDE_PROHIBITED,
		    "the sandbox has as many questions waiting as it may");
}

void ng_gate_query(struct ng_gate *gate, uint64_t now_us, const struct ng_client *client,
		   const uint8_t *wire, size_t len)
{
	struct ng_query asked;
	struct sandbox *sandbox;
	struct told told = {.client = client->handle, .from = client->addr, .tcp = client->tcp};
	struct ng_decision decision;
	struct ng_name name;
	enum ng_fate fate;

	actions_begin(gate, now_us);
	gate->counters.queries++;
	fate = ng_query_parse(wire, len, &asked);
	if (fate == NG_FATE_SILENCE) {
		gate->counters.silent++;
		action_add(gate, NG_DROP)->drop = client->handle;
		return;
	}
	sandbox = directory_by_source(&gate->directory, &client->addr, client->interface);
	told.asked = &asked;
	told.sandbox = sandbox;
	if (fate == NG_FATE_ERROR) {
		malformed(gate, &told);
		return;
	}
	if (!sandbox) {
		reply_error(gate, &told, NG_RCODE_REFUSED, NG_EDE_PROHIBITED,
			    "the asking address is not a known sandbox");
		return;
	}
	name = asked.question.name;
	ng_name_lower(&name);
	if (!allowed(sandbox, &name, &decision))
		reply_denied(gate, &told, &decision);
	else if (asked.question.type != NG_TYPE_A && asked.question.type != NG_TYPE_AAAA)
		record_rule(gate,
			    reply_empty(gate, &told, NG_ALLOW,
					"blocked: only A and AAAA are opened for this name"),
			    &decision);
	else
		query_admit(gate, client, sandbox, &told, &decision);
}
