/*
 * From a complete chain to the reply: judge again, filter the addresses, lease what is left, and
 * answer when the kernel has confirmed it.
 *
 * Client TTL and lease are computed here and nowhere else. A lease ends no earlier than the TTL
 * handed out plus grace; whatever the kernel took longer, the TTL gives up.
 */
#include "gate/engine.h"

/* A rule without ports opens all: that is one lease for protocol 0. */
static size_t ports_of(const struct query *query)
{
	return query->bounds.n_ports ? query->bounds.n_ports : 1;
}

static struct ng_port port_at(const struct query *query, size_t i)
{
	return query->bounds.n_ports ? query->bounds.ports[i] : (struct ng_port){0};
}

/* ---- the reply ---- */

static void record_addresses(struct ng_gate *gate, struct ng_record *record,
			     const struct query *query, uint64_t until_us)
{
	struct ng_addr *addrs = arena_alloc(&gate->words, (query->n + 1) * sizeof(*addrs));

	record->lease_until_us = until_us;
	record->addrs = addrs;
	record->ports = query->bounds.n_ports
				? arena_copy(&gate->words, query->bounds.ports,
					     query->bounds.n_ports * sizeof(*record->ports))
				: NULL;
	record->n_ports = record->ports ? query->bounds.n_ports : 0;
	for (size_t i = 0; addrs && i < query->n; i++) {
		if (!rr_is_address(&query->rrs[i]))
			continue;
		addrs[record->n_addrs++] = rr_addr(&query->rrs[i]);
		if (record->n_addrs == 1 || query->rrs[i].ttl < record->ttl_s)
			record->ttl_s = query->rrs[i].ttl;
	}
}

/*
 * nth: of the addresses. Where policy changed on the way, other ports may be meant than those that were
 * wanted.
 */
static uint64_t confirmed_until(const struct ng_gate *gate, const struct query *query,
				const struct ng_rr *rr, size_t nth)
{
	const struct ng_addr addr = rr_addr(rr);
	const size_t n = ports_of(query);
	uint64_t until_us = UINT64_MAX;

	for (size_t i = 0; i < n; i++) {
		uint64_t one_us =
			query->repoliced
				? lease_confirmed(gate, query, &addr, port_at(query, i))
				: wait_confirmed(gate, &query->waits[nth * n + i]);

		if (one_us < until_us)
			until_us = one_us;
	}
	return until_us;
}

/*
 * Lowers each TTL to what the confirmed leases still cover with grace. False when one is not
 * confirmed any more: then nothing of this answer may be shown. When lease_want() has found all of
 * it in this very input, there is nothing to look up again.
 */
static bool ttls_covered(const struct ng_gate *gate, struct query *query, uint64_t *until_us)
{
	uint64_t floor_us = gate->now_us + (uint64_t)gate->settings.grace_s * SECOND_US;
	size_t nth = 0;

	*until_us = query->sure_us;
	if (query->sure_in == gate->input)
		return true;
	*until_us = UINT64_MAX;
	for (size_t i = 0; i < query->n; i++) {
		struct ng_rr *rr = &query->rrs[i];
		uint64_t confirmed_us, left_s;

		if (!rr_is_address(rr))
			continue;
		confirmed_us = confirmed_until(gate, query, rr, nth++);
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
	struct ng_reply_spec spec = answer_spec(gate, query, &told);
	struct ng_record *record;
	uint64_t until_us;

	if (!query_stands(gate, query))
		return;
	if (!chain_allowed(query)) {
		query_blocked_alias(gate, query);
		return;
	}
	if (!ttls_covered(gate, query, &until_us)) {
		query_fail(gate, query, TEXT_GONE);
		return;
	}
	record = reply_send(gate, &told, &spec, NG_ALLOW);
	record_query(gate, record, query);
	record->commit_us = (uint32_t)(gate->now_us - query->decided_us);
	record_addresses(gate, record, query, until_us);
	ready_make(gate, query);
	query_end(gate, query);
}

/* The declared set that is missing, in nft's words. */
static enum text missing_set(const struct query *query)
{
	bool v4 = query->asked.question.type != NG_TYPE_AAAA;

	if (!query->bounds.n_ports)
		return v4 ? TEXT_SET_4 : TEXT_SET_6;
	return v4 ? TEXT_SET_PORTS_4 : TEXT_SET_PORTS_6;
}

static enum text refusal_text(const struct query *query, int code)
{
	switch (code) {
	case NG_E_UNSUPPORTED:
		return missing_set(query);
	case NG_E_FULL:
		return TEXT_FULL;
	case NG_E_CLOSED:
		return TEXT_WARDEN;
	case NG_E_EXISTS: /* taken.c */
		return TEXT_GONE;
	default:
		return TEXT_KERNEL;
	}
}

void query_committed(struct ng_gate *gate, struct query *query)
{
	if (query->failed)
		query_fail(gate, query, refusal_text(query, query->failed));
	else
		query_answer(gate, query);
}

/* ---- the lease ---- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The rule's lease-max bounds TTL and lease alike. */
struct ng_terms ng_terms_of(const struct ng_settings *settings, uint32_t lease_max_s,
			    uint32_t ttl_s)
{
	struct ng_terms terms = {.ttl_s = least(ttl_s, settings->ttl_max_s),
				 .grace_s = settings->grace_s};

	if (lease_max_s)
		terms.ttl_s = least(terms.ttl_s, lease_max_s);
	terms.hold_s =
		terms.ttl_s > settings->lease_min_s ? terms.ttl_s : settings->lease_min_s;
	if (lease_max_s)
		terms.hold_s = least(terms.hold_s, lease_max_s);
	terms.slack_s = terms.ttl_s == terms.hold_s ? 1 : 0;
	return terms;
}

static struct want want_of(const struct ng_gate *gate, const struct query *query,
			   struct ng_rr *rr)
{
	const struct ng_terms terms =
		ng_terms_of(&gate->settings, query->bounds.lease_max_s, rr->ttl);

	rr->ttl = terms.ttl_s;
	return (struct want){
		.addr = rr_addr(rr),
		.hold_s = terms.hold_s,
		.until_us =
			gate->now_us +
			((uint64_t)terms.hold_s + terms.slack_s + terms.grace_s) * SECOND_US,
		.need_us = gate->now_us + ((uint64_t)terms.ttl_s + terms.grace_s) * SECOND_US,
	};
}

static int query_lease(struct ng_gate *gate, struct query *query, size_t n_addrs)
{
	query->decided_us = gate->now_us;
	query->sure_us = UINT64_MAX;
	query->said.decided = query_decision_alone(query);
	query->said.asker = &query->from;
	query->waits =
		arena_alloc(&query->arena, n_addrs * ports_of(query) * sizeof(*query->waits));
	if (!query->waits)
		return NG_E_NOMEM;
	for (size_t i = 0; i < query->n; i++) {
		struct ng_rr *rr = &query->rrs[i];
		struct want want;

		if (!rr_is_address(rr)) {
			rr->ttl = least(rr->ttl, gate->settings.ttl_max_s);
			continue;
		}
		want = want_of(gate, query, rr);
		for (size_t j = 0; j < ports_of(query); j++) {
			int error;

			want.port = port_at(query, j);
			error = lease_want(gate, query, &want);
			if (error)
				return error;
		}
	}
	return NG_OK;
}

static void query_open(struct ng_gate *gate, struct query *query, size_t n_addrs)
{
	int error = query_lease(gate, query, n_addrs);

	if (error == NG_E_FULL) {
		gate->counters.over_quota++;
		limited(gate, query->sandbox, NG_LIMIT_LEASES);
		query_refuse(gate, query, TEXT_LEASES);
	} else if (error) {
		query_fail(gate, query, refusal_text(query, error));
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
	record->mode = query->sandbox->spec.mode;
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

static void query_filter(struct ng_gate *gate, struct query *query)
{
	struct ng_reply_spec spec = {.query = &query->asked, .ede = NG_EDE_NONE};
	struct filtered filtered;

	filter_apply(gate, query, &filtered);
	if (filtered.n_removed) {
		query->entry = NULL; /* to be told of each time */
		record_rebind(gate, query, &filtered);
	}
	spec.answers = query->rrs;
	spec.n = query->n;
	spec.limit = query->asked.udp_size;
	if (!filtered.n_addrs && filtered.n_removed)
		query_empty(gate, query, TEXT_ADDRESSES);
	else if (!filtered.n_addrs && filtered.n_unreachable)
		query_empty(gate, query,
			    gate->settings.no_ipv4 || gate->settings.no_ipv6
				    ? TEXT_NO_FAMILY_SET
				    : TEXT_NO_FAMILY);
	else if (!filtered.n_addrs)
		query_plain(gate, query);
	else if (!query->tcp && ng_reply_overflows(&spec))
		query_truncated(gate, query, TEXT_TCP_SIZE);
	else
		query_open(gate, query, filtered.n_addrs);
}

void query_complete(struct ng_gate *gate, struct query *query)
{
	query->complete = true;
	if (!query->replaces && !addresses_note(query)) {
		query_fail(gate, query, TEXT_MEMORY);
		return;
	}
	leases_expect(gate, query);
	if (!query_stands(gate, query))
		return;
	if (answer_replaced(query))
		query_replace(gate, query);
	else if (!chain_allowed(query))
		query_blocked_alias(gate, query);
	else if (wants_tcp(&query->decision) && !query->tcp)
		query_truncated(gate, query, TEXT_TCP_RULE);
	else
		query_filter(gate, query);
}
