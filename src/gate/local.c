/*
 * Local data (RPZ.md A6, A7): the answer stands in the policy itself. Data for a name, the asked one or
 * an alias target, stand at that name, behind the aliases that led to it, and nothing is asked for
 * it. Data for an answer's addresses stand at the asked name instead of that answer. A CNAME is
 * followed by the routes, as an alias that the policy's author wrote: its target needs no rule.
 * Addresses pass the filter and are leased like any others, so local data opens nothing that the
 * sandbox or its route did not opt in.
 */
#include "gate/engine.h"

#include <string.h>

#define RCODE_YXDOMAIN 6

static bool local_keep(struct ng_gate *gate, struct query *query, const struct ng_local *local)
{
	struct ng_rr rr = {
		.owner = arena_copy(&query->arena, &query->target, sizeof(query->target)),
		.type = local->type,
		.ttl = local->ttl < gate->settings.ttl_max_s ? local->ttl
							     : gate->settings.ttl_max_s,
		.rdata = (uint8_t *)local->rdata, /* copied by query_keep */
		.rdlen = local->rdlen,
	};

	return rr.owner && query_keep(query, &rr);
}

/* "*.garden." puts the data's owner name before "garden."; false when that is too long for a name. */
static bool target_make(const struct ng_name *owner, const struct ng_local *local,
			struct ng_name *out)
{
	static const uint8_t star[] = {1, '*'};
	size_t prefix = owner->len - 1u;

	if (local->rdlen <= sizeof(star) || memcmp(local->rdata, star, sizeof(star)) != 0)
		return ng_name_from_wire(local->rdata, local->rdlen, out) == NG_OK;
	if (prefix + local->rdlen - sizeof(star) > NG_NAME_MAX)
		return false;
	memcpy(out->wire, owner->wire, prefix);
	memcpy(out->wire + prefix, local->rdata + sizeof(star), local->rdlen - sizeof(star));
	out->len = (uint8_t)(prefix + local->rdlen - sizeof(star));
	return true;
}

static bool record_leads(const struct ng_local *local, const struct ng_trail *trail,
			 const struct ng_addr *addr)
{
	struct ng_name target;

	if (trail->n_names > trail->local)
		return local->type == NG_TYPE_CNAME &&
		       target_make(&trail->names[trail->replaces ? 0 : trail->local - 1u],
				   local, &target) &&
		       ng_name_equal(&target, &trail->names[trail->local]);
	return local->type == (addr->family == NG_IPV4 ? NG_TYPE_A : NG_TYPE_AAAA) &&
	       memcmp(local->rdata, addr->bytes, local->rdlen) == 0;
}

bool local_leads(const struct ng_match *match, const struct ng_trail *trail,
		 const struct ng_addr *addr)
{
	struct ng_local local;
	bool leads = false;

	for (uint32_t cursor = 0; !leads && ng_match_local(match, &cursor, &local);)
		leads = record_leads(&local, trail, addr);
	return leads;
}

static void too_long(struct ng_gate *gate, struct query *query)
{
	struct told told = told_of(query);

	record_query(gate, reply_error(gate, &told, RCODE_YXDOMAIN, TEXT_TOO_LONG), query);
	query_end(gate, query);
}

static void local_alias(struct ng_gate *gate, struct query *query, const struct ng_local *local)
{
	struct ng_local cname = *local;
	struct ng_name target;

	if (!target_make(&query->target, local, &target)) {
		too_long(gate, query);
		return;
	}
	cname.rdata = target.wire;
	cname.rdlen = target.len;
	if (!local_keep(gate, query, &cname) || !chain_move(query, target.wire, target.len)) {
		query_fail(gate, query, TEXT_LOCAL_ALIAS);
		return;
	}
	query_resolve(gate, query);
}

static void data_serve(struct ng_gate *gate, struct query *query)
{
	const struct ng_match match = query->decision.match;
	uint16_t type = query->asked.question.type;
	struct ng_local local;
	bool kept = true, any = false;

	for (uint32_t cursor = 0; kept && ng_match_local(&match, &cursor, &local);) {
		if (local.type == type)
			any = kept = local_keep(gate, query, &local);
		if (local.type != NG_TYPE_CNAME || type == NG_TYPE_CNAME)
			continue;
		local_alias(gate, query, &local);
		return;
	}
	if (!kept)
		query_fail(gate, query, TEXT_MEMORY);
	else if (any)
		query_complete(gate, query);
	else
		query_nodata(gate, query, TEXT_NO_DATA);
}

/* What led here is judged before anything of it is shown. */
static void query_serve(struct ng_gate *gate, struct query *query)
{
	query->local = (uint8_t)(query->links + 1);
	query_prove(query, false);
	if (chain_allowed(query))
		data_serve(gate, query);
	else
		query_blocked_alias(gate, query);
}

void query_local(struct ng_gate *gate, struct query *query)
{
	query_serve(gate, query);
}

void query_replace(struct ng_gate *gate, struct query *query)
{
	query->replaces = true;
	query->n = 0;
	query->rcode = NG_RCODE_NOERROR;
	query->soa = NULL;
	query->target = query->name;
	query_serve(gate, query);
}
