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

bool query_keep(struct query *query, const struct ng_rr *rr)
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
	kept->rdata = arena_copy(&query->arena, rr->rdata, rr->rdlen);
	if (query->arena.failed)
		return false;
	query->n++;
	return true;
}

/* Does the CNAME's target equal what the DNAME makes of its owner? */
static bool dname_agrees(const struct entry *entry, size_t dname, const struct ng_name *above,
			 const struct ng_name *name, size_t cname)
{
	struct ng_name to, made = *name;
	size_t prefix = (size_t)(name->len - above->len), len = entry->rrs[cname].rdlen;

	if (ng_name_from_wire(entry_rdata(entry, dname), entry->rrs[dname].rdlen, &to) ||
	    prefix + to.len > NG_NAME_MAX)
		return false;
	memcpy(made.wire + prefix, to.wire, to.len);
	made.len = (uint8_t)(prefix + to.len);
	return made.len == len &&
	       ng_name_from_wire(entry_rdata(entry, cname), len, &to) == NG_OK &&
	       ng_name_equal(&made, &to);
}

/* The first record of that owner and type; the number of records when there is none. */
static size_t entry_rr(const struct entry *entry, const struct ng_name *owner, uint16_t type)
{
	size_t i = 0;

	while (i < entry->n && (entry->rrs[i].type != type || !entry_owns(entry, i, owner)))
		i++;
	return i;
}

/* cname: the name's own, or the number of records. */
static bool dnames_agree(const struct entry *entry, const struct ng_name *name, size_t cname)
{
	for (size_t i = 0; i < entry->n; i++) {
		struct ng_name above;

		if (entry->rrs[i].type != NG_TYPE_DNAME || entry_owns(entry, i, name))
			continue;
		above = entry_owner(entry, i);
		if (ng_name_within(name, &above) &&
		    (cname == entry->n || !dname_agrees(entry, i, &above, name, cname)))
			return false;
	}
	return true;
}

static bool covers(const struct entry *entry, size_t i, uint16_t type)
{
	const uint8_t *rdata = entry_rdata(entry, i);

	return entry->rrs[i].type == NG_TYPE_RRSIG && entry->rrs[i].rdlen > 18 &&
	       (rdata[0] << 8 | rdata[1]) == type;
}

/* The name that the chain has come to, where it stays for as long as the query does. */
static struct ng_name *place_of(struct query *query)
{
	return query->links ? &query->chain[query->links] : &query->name;
}

/* How much of a TTL is left. */
static uint32_t ttl_left(const struct ng_gate *gate, const struct entry *entry, uint32_t ttl)
{
	uint32_t aged_s = (uint32_t)((gate->now_us - entry->stored_us) / SECOND_US);

	if (entry->until_us <= gate->now_us && entry->until_us > entry->stored_us)
		return NG_STALE_TTL_S;
	return ttl > aged_s ? ttl - aged_s : 0;
}

/* Keeps all records of type (and their signatures) that the target owns; false when memory is out. */
static bool keep_set(const struct ng_gate *gate, struct query *query, const struct entry *entry,
		     uint16_t type)
{
	const struct entry_rr *before = NULL;

	for (size_t i = 0; i < entry->n; i++) {
		const struct entry_rr *from = &entry->rrs[i];
		struct ng_rr rr = {.type = from->type, .rdlen = from->rdlen};

		if ((from->type != type && !covers(entry, i, type)) ||
		    !((before && before->owner == from->owner) ||
		      entry_owns(entry, i, &query->target)))
			continue;
		rr.owner = place_of(query);
		rr.ttl = ttl_left(gate, entry, from->ttl);
		rr.rdata = entry_rdata(entry, i);
		if (!query_keep(query, &rr))
			return false;
		before = from;
		if (type == NG_TYPE_CNAME && from->type == type)
			return true; /* a second CNAME of one owner is not believed */
	}
	return true;
}

static void soa_keep(const struct ng_gate *gate, struct query *query, const struct entry *entry,
		     const struct ng_name *owner)
{
	struct ng_rr *soa = arena_alloc(&query->arena, sizeof(*soa));
	uint64_t left_us = entry->until_us > gate->now_us ? entry->until_us - gate->now_us : 0;

	if (!soa)
		return;
	soa->type = NG_TYPE_SOA;
	soa->rdlen = entry->rrs[entry->n].rdlen;
	soa->owner = arena_copy(&query->arena, owner, sizeof(*owner));
	soa->rdata = arena_copy(&query->arena, entry_rdata(entry, entry->n), soa->rdlen);
	soa->ttl = (uint32_t)(left_us / SECOND_US);
	query->soa = soa;
}

/* The chain ends without the wanted type: the name or the type does not exist, if the SOA fits. */
static enum chain_step chain_end(const struct ng_gate *gate, struct query *query,
				 const struct entry *entry, bool moved)
{
	struct ng_name zone = {0};
	bool fits = false;

	if (entry->has_soa) {
		zone = entry_owner(entry, entry->n);
		fits = ng_name_within(&query->target, &zone);
	}

	if (entry->rcode == NG_RCODE_NOERROR && moved && !fits)
		return CHAIN_MORE; /* the answer stops in the middle: ask for the target */
	query->rcode = entry->rcode;
	if (fits)
		soa_keep(gate, query, entry, &zone);
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
	uint16_t type = entry->type;

	for (bool moved = false;; moved = true) {
		const struct route *route = route_of(query->sandbox, &query->target);
		size_t cname;

		if (!route || route->spec.id != entry->route)
			return CHAIN_MORE;
		if (entry_rr(entry, &query->target, type) < entry->n)
			return keep_set(gate, query, entry, type) ? CHAIN_DONE : CHAIN_FAIL;
		cname = entry_rr(entry, &query->target, NG_TYPE_CNAME);
		if (!dnames_agree(entry, &query->target, cname))
			return CHAIN_FAIL;
		if (cname == entry->n)
			return chain_end(gate, query, entry, moved);
		if (!keep_set(gate, query, entry, NG_TYPE_CNAME) ||
		    !chain_move(query, entry_rdata(entry, cname), entry->rrs[cname].rdlen))
			return CHAIN_FAIL;
		if (target_serves(query))
			return CHAIN_LOCAL;
	}
}
