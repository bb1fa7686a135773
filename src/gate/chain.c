/*
 * The alias chain: from the asked name, by CNAME, to the records that were wanted.
 *
 * Only what hangs on that chain is taken out of an answer; other owners are never seen again. The
 * order of records does not matter. A server is believed for the names of its own route only: a
 * chain that leaves the route stops there, and the target is asked again by the route it belongs
 * to. The same happens when the answer ends in the middle of the chain. Where policy has data of its own
 * for a target, the chain ends there, whatever else the answer says of it. A DNAME above a name on the
 * chain is checked against the CNAME that was synthesised from it (RFC 6672 3.3) and left out.
 */
#include "gate/engine.h"

#include <stdlib.h>
#include <string.h>

/* An entry stores the owner of neighbours once (cache.c); so does the query that reads it. */
static struct ng_name *owner_keep(struct query *query, const struct ng_name *owner,
				  const struct ng_rr *before)
{
	if (before && before->owner == owner)
		return query->rrs[query->n - 1].owner;
	return arena_copy(&query->arena, owner, sizeof(*owner));
}

bool query_keep(struct query *query, const struct ng_rr *rr, const struct ng_rr *before,
		uint32_t aged_s)
{
	struct ng_rr *kept;

	if (query->n == query->room) {
		size_t room = query->room ? 2 * query->room : 16;
		struct ng_rr *more = realloc(query->rrs, room * sizeof(*more));

		if (!more)
			return false;
		query->rrs = more;
		query->room = room;
	}
	kept = &query->rrs[query->n];
	*kept = *rr;
	kept->ttl = rr->ttl > aged_s ? rr->ttl - aged_s : 0;
	kept->owner = owner_keep(query, rr->owner, before);
	kept->rdata = arena_copy(&query->arena, rr->rdata, rr->rdlen);
	if (query->arena.failed)
		return false;
	query->n++;
	return true;
}

/* Does the CNAME's target equal what the DNAME makes of its owner? */
static bool dname_agrees(const struct ng_rr *dname, const struct ng_rr *cname)
{
	struct ng_name to, made = *cname->owner;
	size_t prefix = (size_t)(cname->owner->len - dname->owner->len);

	if (ng_name_from_wire(dname->rdata, dname->rdlen, &to) || prefix + to.len > NG_NAME_MAX)
		return false;
	memcpy(made.wire + prefix, to.wire, to.len);
	made.len = (uint8_t)(prefix + to.len);
	return made.len == cname->rdlen &&
	       ng_name_from_wire(cname->rdata, cname->rdlen, &to) == NG_OK &&
	       ng_name_equal(&made, &to);
}

static const struct ng_rr *entry_rr(const struct entry *entry, const struct ng_name *owner,
				    uint16_t type)
{
	for (size_t i = 0; i < entry->n; i++) {
		if (entry->rrs[i].type == type && ng_name_equal(entry->rrs[i].owner, owner))
			return &entry->rrs[i];
	}
	return NULL;
}

static bool dnames_agree(const struct entry *entry, const struct ng_name *name,
			 const struct ng_rr *cname)
{
	for (size_t i = 0; i < entry->n; i++) {
		const struct ng_rr *rr = &entry->rrs[i];

		if (rr->type != NG_TYPE_DNAME || ng_name_equal(rr->owner, name) ||
		    !ng_name_within(name, rr->owner))
			continue;
		if (!cname || !dname_agrees(rr, cname))
			return false;
	}
	return true;
}

static bool covers(const struct ng_rr *rrsig, uint16_t type)
{
	return rrsig->type == NG_TYPE_RRSIG && rrsig->rdlen > 18 &&
	       (rrsig->rdata[0] << 8 | rrsig->rdata[1]) == type;
}

/* Is name the owner of rr? It is when rr shares its owner with the record before, whose owner it is. */
static bool is_owner(const struct ng_rr *rr, const struct ng_rr *before,
		     const struct ng_name *name)
{
	return (before && before->owner == rr->owner) || ng_name_equal(rr->owner, name);
}

/* Keeps all records of type (and their signatures) that name owns; false when memory is out. */
static bool keep_set(struct query *query, const struct entry *entry, uint16_t type,
		     uint32_t aged_s)
{
	const struct ng_rr *before = NULL;

	for (size_t i = 0; i < entry->n; i++) {
		const struct ng_rr *rr = &entry->rrs[i];

		if (!is_owner(rr, before, &query->target) ||
		    (rr->type != type && !covers(rr, type)))
			continue;
		if (!query_keep(query, rr, before, aged_s))
			return false;
		before = rr;
		if (type == NG_TYPE_CNAME && rr->type == type)
			return true; /* a second CNAME of one owner is not believed */
	}
	return true;
}

static void soa_keep(const struct ng_gate *gate, struct query *query, const struct entry *entry)
{
	struct ng_rr *soa = arena_copy(&query->arena, entry->soa, sizeof(*soa));
	uint64_t left_us = entry->until_us > gate->now_us ? entry->until_us - gate->now_us : 0;

	if (!soa)
		return;
	soa->owner = arena_copy(&query->arena, entry->soa->owner, sizeof(*soa->owner));
	soa->rdata = arena_copy(&query->arena, entry->soa->rdata, soa->rdlen);
	soa->ttl = (uint32_t)(left_us / SECOND_US);
	query->soa = soa;
}

/* The chain ends without the wanted type: the name or the type does not exist, if the SOA fits. */
static enum chain_step chain_end(const struct ng_gate *gate, struct query *query,
				 const struct entry *entry, bool moved)
{
	bool fits = entry->soa && ng_name_within(&query->target, entry->soa->owner);

	if (entry->rcode == NG_RCODE_NOERROR && moved && !fits)
		return CHAIN_MORE; /* the answer stops in the middle: ask for the target */
	query->rcode = entry->rcode;
	if (fits)
		soa_keep(gate, query, entry);
	return query->arena.failed ? CHAIN_FAIL : CHAIN_DONE;
}

bool chain_move(struct query *query, const uint8_t *wire, size_t len)
{
	if (query->links == NG_CHAIN_MAX || ng_name_from_wire(wire, len, &query->target))
		return false;
	ng_name_lower(&query->target);
	if (!query->chain) {
		query->chain =
			arena_alloc(&query->arena, (NG_CHAIN_MAX + 1) * sizeof(*query->chain));
		if (!query->chain)
			return false;
		query->chain[0] = query->name;
	}
	query->chain[++query->links] = query->target;
	return true;
}

enum chain_step chain_follow(struct ng_gate *gate, struct query *query,
			     const struct entry *entry)
{
	uint32_t aged_s = (uint32_t)((gate->now_us - entry->stored_us) / SECOND_US);
	uint16_t type = entry->key.type;

	for (bool moved = false;; moved = true) {
		const struct route *route = route_of(gate, &query->target);
		const struct ng_rr *cname;

		if (!route || route->spec.id != entry->key.route)
			return CHAIN_MORE;
		if (entry_rr(entry, &query->target, type))
			return keep_set(query, entry, type, aged_s) ? CHAIN_DONE : CHAIN_FAIL;
		cname = entry_rr(entry, &query->target, NG_TYPE_CNAME);
		if (!dnames_agree(entry, &query->target, cname))
			return CHAIN_FAIL;
		if (!cname)
			return chain_end(gate, query, entry, moved);
		if (!keep_set(query, entry, NG_TYPE_CNAME, aged_s) ||
		    !chain_move(query, cname->rdata, cname->rdlen))
			return CHAIN_FAIL;
		if (target_serves(gate, query))
			return CHAIN_LOCAL;
	}
}
