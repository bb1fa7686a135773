/*
 * A ready answer is made of the octets of a reply that has just been sent, and of where the query found what
 * it showed. See ready.h.
 */
#include "gate/ready_parts.h"

#include <stdlib.h>
#include <string.h>

#define FLAGS_AT 2
#define FLAG_RD  0x01
#define FLAG_TC  0x02
#define FLAG_CD  0x10
#define POINTER  0xc0
#define RR_HEAD  10u /* type, class, TTL, length */
#define BESIDES  32u /* the allocator's head, and its part of the buckets */

struct making {
	struct ng_gate *gate;
	const struct query *query;
	struct ready_rr rrs[READY_RRS_MAX];
	struct ready_lease leases[READY_LEASES_MAX];
	struct ng_addr addrs[READY_LEASES_MAX];
	size_t n_rrs, n_leases, n_addrs, len;
};

/* Of answers that the cache alone has given, by upstream's word, to a client over UDP. */
static bool suits(const struct ng_gate *gate, const struct query *query)
{
	return gate->ready.use != NG_READY_OFF && !gate->ready.held && query->entry &&
	       query->entry_in == gate->input && !query->tcp && !query->stale &&
	       !query->proved && /* AD is for those who ask for it */
	       !query->local && !query->replaces && !query->decision.shadowed &&
	       query->asked.question.type != NG_TYPE_PTR && /* see reverse.c */
	       readies_most(gate) > sizeof(struct ready) &&
	       query->n + (query->soa != NULL) <= READY_RRS_MAX;
}

/* ---- records ---- */

/* Each record of the entry is shown once at most, and those of one kind in the entry's order. */
static bool ttl_find(const struct entry *entry, const struct ng_rr *rr, uint64_t seen[static 8],
		     uint32_t *ttl)
{
	for (size_t i = 0; i < entry->n && i < NG_ANSWER_RRS_MAX; i++) {
		const struct entry_rr *from = &entry->rrs[i];

		if (seen[i / 64] >> i % 64 & 1 || from->type != rr->type ||
		    from->rdlen != rr->rdlen ||
		    memcmp(entry_rdata(entry, i), rr->rdata, rr->rdlen) != 0 ||
		    !entry_owns(entry, i, rr->owner))
			continue;
		seen[i / 64] |= UINT64_C(1) << i % 64;
		*ttl = from->ttl;
		return true;
	}
	return false;
}

static size_t behind_name(const uint8_t *octets, size_t at)
{
	while (octets[at] && (octets[at] & POINTER) != POINTER)
		at += 1u + octets[at];
	return at + (octets[at] ? 2 : 1);
}

/* The reply is our own: its form is not in doubt. */
static bool records_note(struct making *making)
{
	const struct query *query = making->query;
	const uint8_t *octets = making->gate->scratch;
	size_t at = NG_HEADER_LEN + query->name.len + 4u;
	uint64_t seen[NG_ANSWER_RRS_MAX / 64] = {0};

	_Static_assert(NG_ANSWER_RRS_MAX == 512, "as many bits");
	making->n_rrs = query->n + (query->soa != NULL);
	for (size_t i = 0; i < making->n_rrs; i++) {
		struct ready_rr *rr = &making->rrs[i];

		at = behind_name(octets, at);
		*rr = (struct ready_rr){.at = (uint16_t)(at + 4)};
		at += RR_HEAD + (size_t)(octets[at + 8] << 8 | octets[at + 9]);
		if (i < query->n && !ttl_find(query->entry, &query->rrs[i], seen, &rr->ttl))
			return false;
	}
	making->len = at;
	return at + READY_OPT_LEN <= NG_UDP_ADVERTISED;
}

/* ---- leases ---- */

static bool lease_note(struct making *making, const struct ng_addr *addr, struct ng_port port)
{
	struct ng_gate *gate = making->gate;
	const struct query *query = making->query;
	const struct ng_trail trail = query_trail(query);
	const struct lease *lease = lease_at(gate, query->sandbox, &query->from, addr, port);
	struct ready_lease *out = &making->leases[making->n_leases];
	struct holder *holder = lease ? holder_find(lease, &trail) : NULL;

	if (!holder || making->n_leases == READY_LEASES_MAX || !trail_watch(holder->trail))
		return false;
	out->trail = holder->trail;
	out->lease = book_reference(&gate->book, lease);
	if (port.proto)
		out->memory = history_watch(gate, query->sandbox->spec.id, addr);
	making->n_leases++;
	return out->memory || !port.proto;
}

static bool leases_note(struct making *making)
{
	static const struct ng_port every = {0};
	const struct query *query = making->query;
	const struct ng_bounds *bounds = &query->bounds;

	for (size_t i = 0; i < query->n; i++) {
		const struct ng_rr *rr = &query->rrs[i];
		struct ng_addr addr;

		if (!rr_is_address(rr))
			continue;
		addr = rr_addr(rr);
		making->rrs[i].address = true;
		if (making->n_addrs == READY_LEASES_MAX)
			return false;
		making->addrs[making->n_addrs++] = addr;
		for (size_t j = 0; j < (bounds->n_ports ? bounds->n_ports : 1u); j++) {
			if (!lease_note(making, &addr,
					bounds->n_ports ? bounds->ports[j] : every))
				return false;
		}
	}
	return true;
}

/* ---- the whole ---- */

static size_t size_of(const struct making *making)
{
	return sizeof(struct ready) + making->n_leases * sizeof(struct ready_lease) +
	       making->n_rrs * sizeof(struct ready_rr) +
	       making->query->bounds.n_ports * sizeof(struct ng_port) +
	       making->n_addrs * sizeof(struct ng_addr) + making->len + READY_OPT_LEN;
}

/* Of what it may be the last to keep. The leases of one answer share most of it. */
static size_t watched_size(const struct making *making)
{
	const struct ready_lease *before = NULL;
	size_t size = 0;

	for (size_t i = 0; i < making->n_leases; before = &making->leases[i++]) {
		const struct ready_lease *on = &making->leases[i];

		if (!before || on->trail != before->trail)
			size += trail_size(on->trail) + BESIDES;
		if (on->memory && (!before || on->memory != before->memory))
			size += history_size(on->memory) + BESIDES;
	}
	return size;
}

static void octets_fill(const struct making *making, uint8_t *to)
{
	static const uint8_t opt[READY_OPT_LEN] = {[2] = NG_TYPE_OPT,
						   [3] = NG_UDP_ADVERTISED >> 8,
						   [4] = NG_UDP_ADVERTISED & 0xff};
	const struct query *query = making->query;

	memcpy(to, making->gate->scratch, making->len);
	memcpy(to + making->len, opt, sizeof(opt));
	if (query->asked.dnssec_ok)
		to[making->len + 7] = 0x80;
	memcpy(to + NG_HEADER_LEN, query->name.wire, query->name.len);
	to[FLAGS_AT] &= (uint8_t)~FLAG_RD;
	to[FLAGS_AT + 1] &= (uint8_t)~FLAG_CD;
}

static void rule_note(const struct query *query, struct ready *ready)
{
	const struct ng_decision *decision = &query->decision;

	ready->verdict = query->sandbox->spec.mode == NG_OBSERVE ? decision->verdict : NG_ALLOW;
	if (!decision->matched)
		return;
	ready->path = decision->match.path;
	ready->line = decision->match.line;
}

static struct ready *ready_fill(const struct making *making)
{
	const struct query *query = making->query;
	const size_t size = size_of(making);
	struct ready *ready = malloc(size);

	if (!ready)
		return NULL;
	*ready = (struct ready){
		.entry = query->entry,
		.sandbox = query->sandbox,
		.made_in = making->gate->input,
		.size = (uint32_t)(size + BESIDES + watched_size(making)),
		.lease_max_s = query->bounds.lease_max_s,
		.id = query->sandbox->spec.id,
		.type = query->asked.question.type,
		.len = (uint16_t)making->len,
		.dnssec_ok = query->asked.dnssec_ok,
		.cd = query->asked.cd,
		.from = query->from,
		.name_len = query->name.len,
		.rcode = making->gate->scratch[FLAGS_AT + 1] & 0x0f,
		.has_soa = query->soa != NULL,
		.n_leases = (uint8_t)making->n_leases,
		.n_rrs = (uint8_t)making->n_rrs,
		.n_ports = query->bounds.n_ports,
		.n_addrs = (uint8_t)making->n_addrs,
	};
	memcpy(ready->leases, making->leases, making->n_leases * sizeof(ready->leases[0]));
	memcpy(ready_rrs(ready), making->rrs, making->n_rrs * sizeof(struct ready_rr));
	memcpy(ready_ports(ready), query->bounds.ports,
	       query->bounds.n_ports * sizeof(struct ng_port));
	memcpy(ready_addrs(ready), making->addrs, making->n_addrs * sizeof(struct ng_addr));
	octets_fill(making, ready_octets(ready));
	rule_note(query, ready);
	return ready;
}

static void watches_end(const struct making *making)
{
	for (size_t i = 0; i < making->n_leases; i++) {
		trail_unwatch(making->leases[i].trail);
		history_unwatch(making->leases[i].memory);
	}
}

static void ready_begin(struct ng_gate *gate, const struct query *query)
{
	const struct told told = told_of(query);
	struct making making = {.gate = gate, .query = query};
	const struct ready_key key = ready_key_of(&told, &query->name);
	const uint32_t hash = ready_hash(gate, &key);
	struct ready *ready = NULL, *old = ready_find(gate, &key, hash);

	if (old)
		ready_drop(gate, old);
	if (records_note(&making) && leases_note(&making))
		ready = ready_fill(&making);
	if (!ready) {
		watches_end(&making);
		return;
	}
	ready->hash = hash;
	ready_put(gate, ready);
}

void ready_make(struct ng_gate *gate, const struct query *query)
{
	if (suits(gate, query) && !(gate->scratch[FLAGS_AT] & FLAG_TC))
		ready_begin(gate, query);
}
