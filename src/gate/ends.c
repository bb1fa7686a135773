/*
 * The last words of a pending query: each of these answers it and ends it.
 */
#include "gate/engine.h"

struct told told_of(const struct query *query)
{
	return (struct told){
		.client = query->client,
		.from = query->from,
		.asked = &query->asked,
		.sandbox = query->sandbox,
		.tcp = query->tcp,
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

void query_fail(struct ng_gate *gate, struct query *query, int ede, const char *reason)
{
	struct told told = told_of(query);
	struct ng_record *record;

	if (!query_allowed(gate, query)) {
		query_denied(gate, query);
		return;
	}
	record = reply_error(gate, &told, NG_RCODE_SERVFAIL, ede, reason);
	record->verdict = NG_ALLOW;
	record_query(gate, record, query);
	query_end(gate, query);
}

void query_refuse(struct ng_gate *gate, struct query *query, const char *reason)
{
	struct told told = told_of(query);

	reply_error(gate, &told, NG_RCODE_REFUSED, NG_EDE_PROHIBITED, reason);
	query_end(gate, query);
}

void query_denied(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);

	reply_denied(gate, &told, &query->decision);
	query_end(gate, query);
}

/* The answer as the upstream gave it: records without an address, or none, and the SOA that says so. */
void query_plain(struct ng_gate *gate, struct query *query)
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

	record_query(gate, record, query);
	query_end(gate, query);
}

void query_truncated(struct ng_gate *gate, struct query *query, const char *reason)
{
	struct told told = told_of(query);
	struct ng_reply_spec spec = {.truncate = true, .ede = NG_EDE_NONE};
	struct ng_record *record = reply_send(gate, &told, &spec, NG_ALLOW);

	record->reason = reason;
	record_query(gate, record, query);
	query_end(gate, query);
}

void query_empty(struct ng_gate *gate, struct query *query, const char *reason)
{
	struct told told = told_of(query);
	const struct negative empty = {.verdict = NG_ALLOW, .reason = reason};

	record_query(gate, reply_negative(gate, &told, &empty), query);
	query_end(gate, query);
}

void query_nodata(struct ng_gate *gate, struct query *query, const char *reason)
{
	const struct negative nodata = {
		.verdict = NG_ALLOW, .reason = reason, .aliases = query->rrs, .n = query->n};
	struct told told = told_of(query);

	record_query(gate, reply_negative(gate, &told, &nodata), query);
	query_end(gate, query);
}

void query_stays(struct ng_gate *gate, struct query *query)
{
	const struct negative nowhere = {
		.rcode = NG_RCODE_NXDOMAIN,
		.verdict = NG_DENY,
		.reason =
			"blocked: a special-use name, asked of a forward zone of its own only",
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
	struct negative blocked = {.verdict = NG_DENY};
	char target[NG_NAME_TEXT_MAX];

	ng_name_to_text(&trail.names[query->fault.link], target);
	blocked.reason = word_format(gate, "blocked: %s %s", query->fault.text, target);
	record_query(gate, reply_negative(gate, &told, &blocked), query);
	query_end(gate, query);
}
