/*
 * The table of ready answers, and how they come to their end. See ready.h.
 *
 * They stand in buckets as the cache's entries do, each once in the list of its sandbox and once beside its
 * entry, and go with either.
 */
#include "gate/ready_parts.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

#define BUCKETS_FIRST 64u
#define CACHE_PART    4 /* of the cache's octets, one in so many */

void ng_gate_ready(struct ng_gate *gate, enum ng_ready_use use)
{
	gate->ready.use = use;
}

uint64_t ng_gate_ready_faults(const struct ng_gate *gate)
{
	return gate->ready.faults;
}

/* ---- the table ---- */

static struct ready **bucket_of(const struct readies *readies, uint32_t hash)
{
	return &readies->buckets[hash & (readies->room - 1)];
}

static bool table_grow(struct readies *readies)
{
	size_t room = readies->room ? 2 * readies->room : BUCKETS_FIRST;
	struct readies next = {.room = room, .buckets = calloc(room, sizeof(*next.buckets))};

	if (!next.buckets)
		return readies->room; /* longer chains */
	for (size_t i = 0; i < readies->room; i++) {
		struct ready *ready, *following;

		for (ready = readies->buckets[i]; ready; ready = following) {
			struct ready **bucket = bucket_of(&next, ready->hash);

			following = ready->next;
			ready->next = *bucket;
			*bucket = ready;
		}
	}
	free(readies->buckets);
	readies->buckets = next.buckets;
	readies->room = room;
	return true;
}

struct ready_key ready_key_of(const struct told *told, const struct ng_name *name)
{
	const struct ng_query *asked = told->asked;

	return (struct ready_key){
		.id = told->sandbox->spec.id,
		.type = asked->question.type,
		.dnssec_ok = asked->dnssec_ok,
		.cd = asked->cd,
		.from = &told->from,
		.name = name,
	};
}

uint32_t ready_hash(const struct ng_gate *gate, const struct ready_key *key)
{
	uint64_t form = (uint64_t)key->id << 18 | (uint64_t)key->type << 2 |
			(uint64_t)key->dnssec_ok << 1 | key->cd;

	return (uint32_t)hash_octets(key->name->wire, key->name->len, gate->seed ^ form);
}

static bool asks_so(const struct ready *ready, const struct ready_key *key)
{
	const uint8_t *name = ready_octets(ready) + NG_HEADER_LEN;

	return ready->id == key->id && ready->type == key->type &&
	       ready->dnssec_ok == key->dnssec_ok && ready->cd == key->cd &&
	       ready->name_len == key->name->len &&
	       memcmp(&ready->from, key->from, sizeof(*key->from)) == 0 &&
	       memcmp(name, key->name->wire, key->name->len) == 0;
}

struct ready *ready_find(const struct ng_gate *gate, const struct ready_key *key, uint32_t hash)
{
	struct ready *ready;

	if (!gate->ready.room)
		return NULL;
	for (ready = *bucket_of(&gate->ready, hash); ready; ready = ready->next) {
		if (ready->hash == hash && asks_so(ready, key))
			return ready;
	}
	return NULL;
}

/* ---- whose it is ---- */

static void part_resize(struct ng_gate *gate, struct readies_of *part, uint64_t octets)
{
	gate->ready.octets += octets - part->octets;
	part->octets = octets;
	if (octets)
		heap_move(&gate->ready.first, &part->first, UINT64_MAX - octets);
	else
		heap_take(&gate->ready.first, &part->first);
}

static bool part_join(struct ng_gate *gate, struct ready *ready)
{
	struct readies_of *part = &ready->sandbox->readies;

	if (!part->newest && heap_put(&gate->ready.first, &part->first, UINT64_MAX))
		return false;
	ready->newer = NULL;
	ready->older = part->newest;
	if (part->newest)
		part->newest->newer = ready;
	else
		part->oldest = ready;
	part->newest = ready;
	part_resize(gate, part, part->octets + ready->size);
	return true;
}

static void part_leave(struct ng_gate *gate, struct ready *ready)
{
	struct readies_of *part = &ready->sandbox->readies;

	if (ready->newer)
		ready->newer->older = ready->older;
	else
		part->newest = ready->older;
	if (ready->older)
		ready->older->newer = ready->newer;
	else
		part->oldest = ready->newer;
	part_resize(gate, part, part->octets - ready->size);
}

static void beside_join(struct ready *ready)
{
	struct entry *entry = ready->entry;

	ready->beside = entry->readies;
	if (ready->beside)
		ready->beside->beside_at = &ready->beside;
	ready->beside_at = &entry->readies;
	entry->readies = ready;
}

static void beside_leave(struct ready *ready)
{
	*ready->beside_at = ready->beside;
	if (ready->beside)
		ready->beside->beside_at = ready->beside_at;
}

/* ---- in and out ---- */

static void ready_free(struct ready *ready)
{
	for (size_t i = 0; i < ready->n_leases; i++) {
		trail_unwatch(ready->leases[i].trail);
		history_unwatch(ready->leases[i].memory);
	}
	free(ready);
}

void ready_drop(struct ng_gate *gate, struct ready *ready)
{
	struct ready **at = bucket_of(&gate->ready, ready->hash);

	while (*at != ready)
		at = &(*at)->next;
	*at = ready->next;
	gate->ready.n--;
	part_leave(gate, ready);
	beside_leave(ready);
	ready_free(ready);
}

uint64_t readies_most(const struct ng_gate *gate)
{
	const uint64_t all = gate->settings.limits.cache_octets, part = all / CACHE_PART,
		       left = all > gate->cache.octets ? all - gate->cache.octets : 0;

	return left < part ? left : part;
}

void readies_shrink(struct ng_gate *gate, uint64_t most)
{
	while (gate->ready.octets > most) {
		struct heap_node *first = heap_top(&gate->ready.first);

		ready_drop(gate, ((struct readies_of *)((char *)first -
							offsetof(struct readies_of, first)))
					 ->oldest);
	}
}

/* Room for one of that size. */
static bool room_make(struct ng_gate *gate, uint32_t size)
{
	const uint64_t most = readies_most(gate);

	if (size > most)
		return false;
	readies_shrink(gate, most - size);
	return gate->ready.n < gate->ready.room || table_grow(&gate->ready);
}

void ready_put(struct ng_gate *gate, struct ready *ready)
{
	struct ready **bucket;

	if (!room_make(gate, ready->size) || !part_join(gate, ready)) {
		ready_free(ready);
		return;
	}
	beside_join(ready);
	bucket = bucket_of(&gate->ready, ready->hash);
	ready->next = *bucket;
	*bucket = ready;
	gate->ready.n++;
}

void readies_of_entry(struct ng_gate *gate, struct entry *entry)
{
	while (entry->readies)
		ready_drop(gate, entry->readies);
}

void readies_of_sandbox(struct ng_gate *gate, struct sandbox *sandbox)
{
	while (sandbox->readies.newest)
		ready_drop(gate, sandbox->readies.newest);
}

void readies_finish(struct ng_gate *gate)
{
	free(gate->ready.buckets);
	heap_finish(&gate->ready.first);
}
