/*
 * The table of what upstreams said.
 *
 * Chains in buckets, found by a hash that is keyed with the gate's seed: what strangers ask for
 * cannot be made to collide. What is asked for and not there would be compared with entries that nobody has
 * touched for long, in memory that is far away: so each bucket has a few bits, near each other, that tell of most
 * hashes that they are not in it. Which entries leave when there are too many is decided in shares.c.
 */
#include "gate/engine.h"

#include <stdlib.h>

#define BUCKETS_FIRST 256u
#define PREFETCH_HITS 3  /* what was asked for less often is not worth a question */
#define PREFETCH_PART 10 /* the last tenth of its time */

static size_t place_of(const struct cache *cache, uint32_t hash)
{
	return hash & (cache->room - 1);
}

static uint16_t kind_of(uint32_t hash)
{
	return (uint16_t)(1u << (hash >> 28));
}

static struct entry **bucket_of(const struct cache *cache, uint32_t hash)
{
	return &cache->buckets[place_of(cache, hash)];
}

static void table_put(struct cache *cache, struct entry *entry)
{
	struct entry **bucket = bucket_of(cache, entry->hash);

	entry->next = *bucket;
	*bucket = entry;
	cache->kinds[place_of(cache, entry->hash)] |= kind_of(entry->hash);
}

static void table_take(struct cache *cache, struct entry *entry)
{
	struct entry **bucket = bucket_of(cache, entry->hash), **at = bucket;

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	if (!*bucket)
		cache->kinds[place_of(cache, entry->hash)] = 0;
}

static bool table_grow(struct cache *cache)
{
	size_t room = cache->room ? 2 * cache->room : BUCKETS_FIRST;
	struct cache next = {.room = room,
			     .buckets = calloc(room, sizeof(*next.buckets)),
			     .kinds = calloc(room, sizeof(*next.kinds))};

	if (!next.buckets || !next.kinds) {
		free(next.buckets);
		free(next.kinds);
		return cache->room; /* longer chains */
	}
	for (size_t i = 0; i < cache->room; i++) {
		struct entry *entry, *following;

		for (entry = cache->buckets[i]; entry; entry = following) {
			following = entry->next;
			table_put(&next, entry);
		}
	}
	free(cache->buckets);
	free(cache->kinds);
	cache->buckets = next.buckets;
	cache->kinds = next.kinds;
	cache->room = room;
	return true;
}

static struct entry *table_find(const struct ng_gate *gate, const struct question_key *key,
				uint32_t hash)
{
	struct entry *entry;

	if (!gate->cache.room ||
	    !(gate->cache.kinds[place_of(&gate->cache, hash)] & kind_of(hash)))
		return NULL;
	for (entry = *bucket_of(&gate->cache, hash); entry; entry = entry->next) {
		if (entry->hash == hash && entry_asks(entry, key))
			return entry;
	}
	return NULL;
}

void cache_drop(struct ng_gate *gate, struct entry *entry)
{
	table_take(&gate->cache, entry);
	gate->cache.n--;
	readies_of_entry(gate, entry);
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
	free(cache->kinds);
	heap_finish(&cache->first);
	*cache = (struct cache){0};
}

/* RFC 8767: how long after its end it may still be of use. */
static uint64_t stale_until(const struct ng_gate *gate, const struct entry *entry)
{
	return entry->until_us + (uint64_t)gate->settings.stale_s * SECOND_US;
}

struct entry *cache_find(struct ng_gate *gate, const struct question_key *key)
{
	struct entry *entry = table_find(gate, key, (uint32_t)question_hash(gate, key));

	if (!entry || entry->until_us > gate->now_us)
		return entry;
	if (stale_until(gate, entry) <= gate->now_us)
		cache_drop(gate, entry);
	return NULL;
}

/* What a server denied is not held against the name once the servers are silent. */
struct entry *cache_stale(const struct ng_gate *gate, const struct question_key *key)
{
	struct entry *entry = table_find(gate, key, (uint32_t)question_hash(gate, key));

	if (!entry || stale_until(gate, entry) <= gate->now_us ||
	    (entry->negative && (entry->has_soa || entry->rcode || !entry->n)))
		return NULL;
	return entry;
}

static bool ends_soon(const struct ng_gate *gate, const struct entry *entry)
{
	return (entry->until_us - gate->now_us) * PREFETCH_PART <=
	       entry->until_us - entry->stored_us;
}

bool cache_ahead_due(const struct ng_gate *gate, const struct entry *entry)
{
	return gate->settings.prefetch && !entry->ahead && entry->hits + 1 >= PREFETCH_HITS &&
	       ends_soon(gate, entry);
}

void cache_note(struct entry *entry, uint32_t sandbox)
{
	entry->used = true;
	if (entry->hits < UINT8_MAX)
		entry->hits++;
	if (entry->share->sandbox != sandbox)
		entry->other = sandbox;
}

void cache_use(struct ng_gate *gate, struct entry *entry, const struct query *query)
{
	bool ahead = cache_ahead_due(gate, entry);

	cache_note(entry, query->sandbox->spec.id);
	if (!ahead)
		return;
	entry->ahead = true;
	ask_ahead(gate, entry, query);
}

bool cache_keep(struct ng_gate *gate, struct entry *entry, uint32_t sandbox)
{
	const struct question_key key = entry_key(entry);
	struct cache *cache = &gate->cache;
	struct entry *old;

	entry->hash = (uint32_t)question_hash(gate, &key);
	old = table_find(gate, &key, entry->hash);
	if (old) {
		entry->used = old->used;
		cache_drop(gate, old);
	}
	if (entry->until_us <= entry->stored_us || entry->size > shares_most(gate))
		return false;
	if (cache->n >= cache->room && !table_grow(cache))
		return false;
	shares_shrink(gate, entry->size);
	if (share_charge(gate, entry, sandbox))
		return false;
	table_put(cache, entry);
	cache->n++;
	return true;
}

/* ---- flushing ---- */

static bool is_meant(const struct ng_name *at, const struct ng_name *name, bool below)
{
	return below ? ng_name_within(at, name) : ng_name_equal(at, name);
}

/* An answer is of all names that its records stand at. */
static bool entry_tells_of(const struct entry *entry, const struct ng_name *name, bool below)
{
	struct ng_name at = entry_name(entry);
	bool tells = is_meant(&at, name, below);

	for (size_t i = 0; !tells && i < entry->n; i++) {
		at = entry_owner(entry, i);
		tells = is_meant(&at, name, below);
	}
	return tells;
}

uint64_t ng_gate_flush(struct ng_gate *gate, uint64_t now_us, const struct ng_name *name,
		       bool below)
{
	struct cache *cache = &gate->cache;
	uint64_t flushed = 0;

	actions_begin(gate, now_us);
	for (size_t i = 0; i < cache->room; i++) {
		struct entry *entry = cache->buckets[i], *next;

		for (; entry; entry = next) {
			next = entry->next;
			if (name && !entry_tells_of(entry, name, below))
				continue;
			flushed += entry->until_us > gate->now_us;
			cache_drop(gate, entry);
		}
	}
	failures_clear(gate);
	return flushed;
}
