/*
 * The table of what upstreams said.
 *
 * Chains in buckets, found by a hash that is keyed with the gate's seed: what strangers ask for
 * cannot be made to collide. Which entries leave when there are too many is decided in shares.c.
 */
#include "gate/engine.h"

#include <stdlib.h>

#define BUCKETS_FIRST 256u

static struct entry **bucket_of(const struct cache *cache, uint32_t hash)
{
	return &cache->buckets[hash & (cache->room - 1)];
}

static bool table_grow(struct cache *cache)
{
	size_t room = cache->room ? 2 * cache->room : BUCKETS_FIRST;
	struct cache next = {.room = room, .buckets = calloc(room, sizeof(*next.buckets))};

	if (!next.buckets)
		return cache->room; /* longer chains */
	for (size_t i = 0; i < cache->room; i++) {
		struct entry *entry, *following;

		for (entry = cache->buckets[i]; entry; entry = following) {
			struct entry **bucket = bucket_of(&next, entry->hash);

			following = entry->next;
			entry->next = *bucket;
			*bucket = entry;
		}
	}
	free(cache->buckets);
	cache->buckets = next.buckets;
	cache->room = room;
	return true;
}

static struct entry *table_find(const struct ng_gate *gate, const struct question_key *key,
				uint32_t hash)
{
	struct entry *entry;

	if (!gate->cache.room)
		return NULL;
	for (entry = *bucket_of(&gate->cache, hash); entry; entry = entry->next) {
		if (entry->hash == hash && entry_asks(entry, key))
			return entry;
	}
	return NULL;
}

void cache_drop(struct ng_gate *gate, struct entry *entry)
{
	struct entry **at = bucket_of(&gate->cache, entry->hash);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	gate->cache.n--;
	share_release(gate, entry);
	entry_free(entry);
}

void cache_clear(struct ng_gate *gate)
{
	struct cache *cache = &gate->cache;

	for (size_t i = 0; i < cache->room; i++) {
		while (cache->buckets[i])
			cache_drop(gate, cache->buckets[i]);
	}
	free(cache->buckets);
	heap_finish(&cache->first);
	*cache = (struct cache){0};
}

struct entry *cache_find(struct ng_gate *gate, const struct question_key *key)
{
	struct entry *entry = table_find(gate, key, question_hash(gate, key));

	if (entry && entry->until_us <= gate->now_us) {
		cache_drop(gate, entry);
		return NULL;
	}
	return entry;
}

void cache_use(struct entry *entry, uint32_t sandbox)
{
	entry->used = true;
	if (entry->share->sandbox != sandbox)
		entry->other = sandbox;
}

bool cache_keep(struct ng_gate *gate, struct entry *entry, uint32_t sandbox)
{
	const struct question_key key = {.route = entry->route,
					 .type = entry->type,
					 .dnssec_ok = entry->dnssec_ok,
					 .cd = entry->cd,
					 .name = entry_name(entry)};
	struct cache *cache = &gate->cache;
	struct entry *old, **bucket;

	entry->hash = question_hash(gate, &key);
	old = table_find(gate, &key, entry->hash);
	if (old)
		cache_drop(gate, old);
	if (entry->until_us <= entry->stored_us ||
	    entry->size > gate->settings.limits.cache_octets)
		return false;
	if (cache->n >= cache->room && !table_grow(cache))
		return false;
	shares_shrink(gate, entry->size);
	if (share_charge(gate, entry, sandbox))
		return false;
	bucket = bucket_of(cache, entry->hash);
	entry->next = *bucket;
	*bucket = entry;
	cache->n++;
	return true;
}
