/*
 * What upstreams said, by route and question.
 *
 * An entry holds the aliases of the answer section, the records of the wanted type (with their
 * signatures when the client asked for them) and the SOA of a negative answer, unfiltered: what a
 * sandbox may see of it is decided each time it is served. So one entry serves all sandboxes, and
 * a route that opts private ranges in never serves another route.
 *
 * Entries stand in order of arrival and leave in that order when the cache is full.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX (64u << 10) /* octets of one entry */

static unsigned key_len(const struct question_key *key)
{
	return (unsigned)(offsetof(struct question_key, name) + 1u + key->name.len);
}

static unsigned key_hash(const struct ng_gate *gate, const struct question_key *key)
{
	return (unsigned)hash_octets(key, key_len(key), gate->seed);
}

void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	arena_finish(&entry->arena);
	free(entry);
}

static void cache_drop(struct ng_gate *gate, struct entry *entry)
{
	HASH_DEL(gate->cache, entry);
	gate->counters.cache_entries--;
	entry_free(entry);
}

void cache_clear(struct ng_gate *gate)
{
	struct entry *entry, *spare;

	HASH_ITER (hh, gate->cache, entry, spare) {
		cache_drop(gate, entry);
	}
}

struct entry *cache_find(struct ng_gate *gate, const struct question_key *key)
{
	struct entry *entry;

	HASH_FIND_BYHASHVALUE(hh, gate->cache, key, key_len(key), key_hash(gate, key), entry);
	if (entry && entry->until_us <= gate->now_us) {
		cache_drop(gate, entry);
		return NULL;
	}
	return entry;
}

bool cache_keep(struct ng_gate *gate, struct entry *entry)
{
	struct entry *old = cache_find(gate, &entry->key);

	if (old)
		cache_drop(gate, old);
	if (entry->until_us <= entry->stored_us)
		return false;
	while (gate->counters.cache_entries >= gate->settings.limits.cache_entries)
		cache_drop(gate, gate->cache);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, gate->cache, &entry->key, key_len(&entry->key),
				    key_hash(gate, &entry->key), entry);
	if (!entry->hh.tbl)
		return false;
	gate->counters.cache_entries++;
	return true;
}

static bool wanted(const struct ng_rr *rr, uint16_t type, bool dnssec_ok)
{
	if (rr->type == type || rr->type == NG_TYPE_CNAME || rr->type == NG_TYPE_DNAME)
		return true;
	return dnssec_ok && rr->type == NG_TYPE_RRSIG;
}

/* Records of one owner stand together most of the time: the name is then stored once. */
static struct ng_name *owner_copy(struct arena *arena, const struct ng_rr *rr,
				  const struct ng_rr *before)
{
	if (before && ng_name_equal(rr->owner, before->owner))
		return before->owner;
	return arena_copy(arena, rr->owner, sizeof(*rr->owner));
}

static void rr_copy(struct arena *arena, const struct ng_rr *from, const struct ng_rr *before,
		    struct ng_rr *to)
{
	*to = *from;
	to->owner = owner_copy(arena, from, before);
	to->rdata = arena_copy(arena, from->rdata, from->rdlen);
}

static uint32_t soa_minimum(const struct ng_rr *soa)
{
	const uint8_t *last = soa->rdata + soa->rdlen - 4;

	return (uint32_t)last[0] << 24 | (uint32_t)last[1] << 16 | (uint32_t)last[2] << 8 |
	       last[3];
}

/* RFC 2308 5: a negative answer lives for min(SOA TTL, MINIMUM), and not at all without an SOA. */
static uint32_t negative_ttl(const struct entry *entry)
{
	uint32_t minimum;

	if (!entry->soa)
		return 0;
	minimum = soa_minimum(entry->soa);
	return minimum < entry->soa->ttl ? minimum : entry->soa->ttl;
}

static uint32_t entry_ttl(const struct ng_gate *gate, const struct entry *entry)
{
	uint32_t ttl = gate->settings.ttl_max_s;

	for (size_t i = 0; i < entry->n; i++) {
		if (entry->rrs[i].ttl < ttl)
			ttl = entry->rrs[i].ttl;
	}
	/* Aliases alone, without an SOA, deny nothing: their target is asked by itself. */
	if (entry->negative && (entry->soa || entry->rcode != NG_RCODE_NOERROR || !entry->n) &&
	    negative_ttl(entry) < ttl)
		ttl = negative_ttl(entry);
	return ttl;
}

static void entry_fill(struct entry *entry, const struct ng_answer *answer)
{
	entry->negative = true;
	entry->rrs = arena_alloc(&entry->arena, (answer->n + 1) * sizeof(*entry->rrs));
	for (size_t i = 0; entry->rrs && i < answer->n; i++) {
		const struct ng_rr *before = entry->n ? &entry->rrs[entry->n - 1] : NULL;

		if (!wanted(&answer->rrs[i], entry->key.type, entry->key.dnssec_ok))
			continue;
		rr_copy(&entry->arena, &answer->rrs[i], before, &entry->rrs[entry->n]);
		if (answer->rrs[i].type == entry->key.type)
			entry->negative = false;
		entry->n++;
	}
	if (answer->soa && answer->soa->rdlen >= 22) {
		entry->soa = arena_alloc(&entry->arena, sizeof(*entry->soa));
		if (entry->soa)
			rr_copy(&entry->arena, answer->soa, NULL, entry->soa);
	}
}

int entry_make(const struct ng_gate *gate, const struct question_key *key,
	       const struct ng_answer *answer, const struct ng_addr *server, struct entry **out)
{
	struct entry *entry;

	if (answer->rcode != NG_RCODE_NOERROR && answer->rcode != NG_RCODE_NXDOMAIN)
		return NG_E_NOTFOUND;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NG_E_NOMEM;
	arena_init(&entry->arena, ENTRY_MAX);
	entry->key = *key;
	entry->rcode = answer->rcode;
	entry->server = *server;
	entry_fill(entry, answer);
	if (entry->arena.failed) {
		entry_free(entry);
		return NG_E_NOMEM;
	}
	entry->stored_us = gate->now_us;
	entry->until_us = gate->now_us + (uint64_t)entry_ttl(gate, entry) * SECOND_US;
	*out = entry;
	return NG_OK;
}
