/*
 * The last words of a pending query: each of these answers it and ends it.
 */
#include "gate/engine.h"

struct told told_of(const struct query *query)
{
	return (struct told){
		.client = query->client,
		.from = query->from,
		.peer = query->peer,
		.keepalive_ds = query->keepalive_ds,
		.asked = &query->asked,
		.sandbox = query->sandbox,
		.tcp = query->tcp,
		.decision = &query->decision,
	};
}

void record_query(struct ng_gate *gate, struct ng_record *record, const struct query *query)
{
	record->upstream = query->upstream;
	record->upstream_us = query->upstream_us;
	record->cached = query->cached;
	record_rule(gate, record, &query->decision);
	if (query->sandbox->spec.mode != NG_OBSERVE)
		return;
	record->observed = true;
	record->verdict = query->decision.verdict;
}

static void fail(struct ng_gate *gate, struct query *query, const struct told *told,
		 enum text text)
{
	struct ng_record *record;

	if (!query_allowed(query)) {
		query_denied(gate, query);
		return;
	}
	record = reply_error(gate, told, NG_RCODE_SERVFAIL, text);
	record->verdict = NG_ALLOW;
	record_query(gate, record, query);
	query_end(gate, query);
}

void query_fail(struct ng_gate *gate, struct query *query, enum text text)
{
	const struct told told = told_of(query);

	fail(gate, query, &told, text);
}

void query_failed_before(struct ng_gate *gate, struct query *query, enum text why,
			 uint32_t left_s)
{
	struct told told = told_of(query);

	told.why = why;
	told.limit = left_s;
	fail(gate, query, &told, TEXT_FAILED_BEFORE);
}

void query_refuse(struct ng_gate *gate, struct query *query, enum text text)
{
	struct told told = told_of(query);

	reply_error(gate, &told, NG_RCODE_REFUSED, text);
	query_end(gate, query);
}

void query_denied(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);

	reply_denied(gate, &told, &query->decision);
	query_end(gate, query);
}

void query_over_budget(struct ng_gate *gate, struct query *query, const struct ng_name *owner)
{
	const struct negative over = {
		.rcode = NG_RCODE_NXDOMAIN, .verdict = NG_DENY, .text = TEXT_BUDGET};
	struct told told = told_of(query);

	told.about = owner;
	told.limit = budget_of(gate, query->sandbox);
	record_query(gate, reply_negative(gate, &told, &over), query);
	query_end(gate, query);
}

/* The answer as the upstream gave it: records without an address, or none, and the SOA that says so. */
struct ng_reply_spec answer_spec(struct ng_gate *gate, const struct query *query,
				 const struct told *told)
{
	enum text text = query->stale ? TEXT_STALE : TEXT_NONE;

	return (struct ng_reply_spec){
		.authentic = query->proved && (query->asked.ad || query->asked.dnssec_ok),
		.answers = query->rrs,
		.n = query->n,
		.ede = text_ede(text),
		.ede_text = query->stale ? text_word(gate, text, told) : NULL,
	};
}

void query_plain(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);
	struct ng_reply_spec spec = answer_spec(gate, query, &told);
	struct ng_record *record;

	spec.rcode = query->rcode;
	spec.negative_soa = query->soa != NULL;
	spec.soa = query->soa;
	spec.soa_ttl = query->soa ? query->soa->ttl : 0;
	record = reply_send(gate, &told, &spec, NG_ALLOW);
	record_query(gate, record, query);
	ready_make(gate, query);
	query_end(gate, query);
}

void query_truncated(struct ng_gate *gate, struct query *query, enum text text)
{
	struct told told = told_of(query);
	struct ng_reply_spec spec = {.truncate = true, .ede = NG_EDE_NONE};
	struct ng_record *record = reply_send(gate, &told, &spec, NG_ALLOW);

	record->reason = text_word(gate, text, &told);
	record_query(gate, record, query);
	query_end(gate, query);
}

void query_empty(struct ng_gate *gate, struct query *query, enum text text)
{
	struct told told = told_of(query);
	const struct negative empty = {.verdict = NG_ALLOW, .text = text};

	record_query(gate, reply_negative(gate, &told, &empty), query);
	query_end(gate, query);
}

void query_nodata(struct ng_gate *gate, struct query *query, enum text text)
{
	const struct negative nodata = {
		.verdict = NG_ALLOW, .text = text, .aliases = query->rrs, .n = query->n};
	struct told told = told_of(query);

	record_query(gate, reply_negative(gate, &told, &nodata), query);
	query_end(gate, query);
}

void query_stays(struct ng_gate *gate, struct query *query)
{
	const struct negative nowhere = {
		.rcode = NG_RCODE_NXDOMAIN,
		.verdict = NG_DENY,
		.text = TEXT_STAYS,
		.aliases = query->rrs,
		.n = query->n,
	};
	struct told told = told_of(query);

	record_query(gate, reply_negative(gate, &told, &nowhere), query);
	query_end(gate, query);
}

void query_blocked_alias(struct ng_gate *gate, struct query *query)
{
	const struct ng_trail trail = query_trail(query);
	struct told told = told_of(query);
	const struct negative blocked = {.verdict = NG_DENY, .text = query->fault.text};

	told.about = &trail.names[query->fault.link];
	record_query(gate, reply_negative(gate, &told, &blocked), query);
	query_end(gate, query);
}
