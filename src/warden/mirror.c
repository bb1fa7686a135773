/*
 * An index over the whole key, an index over the source address, and a binary heap over the ends.
 *
 * Leases of one source address form a group, because that is how sandboxes come and go: a sandbox
 * claims the groups of its addresses, also those that an earlier life of the process left behind.
 * Elements of static rules are in both indexes, so that a lease of the same pair finds them, and
 * never in the heap. The heap knows each lease's place, so that a renewal moves one entry instead of leaving a stale
 * one behind: under steady renewals stale entries would outgrow the leases.
 *
 * Leases are told by number, which is half a pointer, and have neither their number nor their source
 * in them: their neighbours in the group's ring know the one, the group the other.
 */
#include "warden/mirror.h"

#include "base/grow.h"
#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct lease_key) == 2 * sizeof(struct ng_addr) + 4,
	       "a hole in the key would be compared");
_Static_assert(sizeof(struct lease) == 40, "a million of them are 42 MiB");

static struct lease *lease_at(const struct mirror *mirror, uint32_t number)
{
	return slab_at(&mirror->leases[number & 1], number >> 1);
}

static struct lease *lease_take(struct mirror *mirror, const struct lease_key *key,
				uint32_t *number)
{
	const unsigned which = key->source.family == NG_IPV6;
	struct lease *lease = slab_take(&mirror->leases[which], number);

	if (!lease)
		return NULL;
	*number = *number << 1 | which;
	lease->proto = key->proto;
	lease->port = key->port;
	memcpy(lease->to, key->to.bytes, ng_addr_len(&key->source));
	return lease;
}

static void lease_give(struct mirror *mirror, uint32_t number)
{
	slab_give(&mirror->leases[number & 1], number >> 1);
}

static struct group *group_at(const struct mirror *mirror, uint32_t number)
{
	return slab_at(&mirror->groups, number);
}

static uint32_t number_of(const struct mirror *mirror, const struct lease *lease)
{
	return lease_at(mirror, lease->next)->prev;
}

/* ---- keys ---- */

struct lease_key lease_key_make(const struct ng_addr *source, const struct ng_addr *to,
				uint8_t proto, uint16_t port)
{
	return (struct lease_key){.source = *source, .to = *to, .proto = proto, .port = port};
}

struct lease_key mirror_key(const struct mirror *mirror, const struct lease *lease)
{
	struct lease_key key = {.source = mirror_group_of(mirror, lease)->source,
				.proto = lease->proto,
				.port = lease->port};

	key.to.family = key.source.family;
	memcpy(key.to.bytes, lease->to, ng_addr_len(&key.source));
	return key;
}

static uint64_t key_hash(const struct mirror *mirror, const struct lease_key *key)
{
	return hash_octets(key, sizeof(*key), mirror->seed);
}

static bool lease_same(const void *of, uint32_t number, const void *wanted)
{
	const struct lease_key key = mirror_key(of, lease_at(of, number));

	return memcmp(&key, wanted, sizeof(key)) == 0;
}

static uint64_t source_hash(const struct mirror *mirror, const struct ng_addr *source)
{
	return hash_octets(source, sizeof(*source), mirror->seed);
}

static bool group_same(const void *of, uint32_t number, const void *source)
{
	return memcmp(&group_at(of, number)->source, source, sizeof(struct ng_addr)) == 0;
}

void mirror_init(struct mirror *mirror, uint64_t seed)
{
	*mirror = (struct mirror){
		.leases = {{.size = sizeof(struct lease) + 4},
			   {.size = sizeof(struct lease) + 16}},
		.groups = {.size = sizeof(struct group)},
		.by_key = {.of = mirror, .same = lease_same},
		.by_source = {.of = mirror, .same = group_same},
		.seed = seed,
	};
}

void mirror_finish(struct mirror *mirror)
{
	if (!mirror)
		return;
	index_finish(&mirror->by_key);
	index_finish(&mirror->by_source);
	slab_finish(&mirror->leases[0]);
	slab_finish(&mirror->leases[1]);
	slab_finish(&mirror->groups);
	free(mirror->heap);
	mirror_init(mirror, mirror->seed);
}

/* ---- finding ---- */

struct lease *mirror_find(const struct mirror *mirror, const struct lease_key *key)
{
	uint32_t number;

	return index_find(&mirror->by_key, key_hash(mirror, key), key, &number)
		       ? lease_at(mirror, number)
		       : NULL;
}

void mirror_expect(const struct mirror *mirror, const struct lease_key *key)
{
	index_expect(&mirror->by_key, key_hash(mirror, key));
}

struct group *mirror_group(const struct mirror *mirror, const struct ng_addr *source)
{
	uint32_t number;

	return index_find(&mirror->by_source, source_hash(mirror, source), source, &number)
		       ? group_at(mirror, number)
		       : NULL;
}

struct group *mirror_group_of(const struct mirror *mirror, const struct lease *lease)
{
	return group_at(mirror, lease->group);
}

struct lease *mirror_next_of(const struct mirror *mirror, const struct group *group,
			     const struct lease *lease)
{
	if (!lease)
		return lease_at(mirror, group->first);
	return lease->next == group->first ? NULL : lease_at(mirror, lease->next);
}

struct group *mirror_next_group(const struct mirror *mirror, const struct group *group)
{
	uint32_t next = group ? group->next : mirror->first;

	return next ? group_at(mirror, next - 1) : NULL;
}

struct lease *mirror_next(const struct mirror *mirror, const struct lease *lease)
{
	struct group *group = lease ? mirror_group_of(mirror, lease) : NULL;
	struct lease *next = group ? mirror_next_of(mirror, group, lease) : NULL;

	if (next)
		return next;
	group = mirror_next_group(mirror, group);
	return group ? mirror_next_of(mirror, group, NULL) : NULL;
}

/* ---- groups ---- */

static bool group_make(struct mirror *mirror, const struct ng_addr *source,
		       struct sandbox *owner, uint32_t *number)
{
	const uint64_t hash = source_hash(mirror, source);
	struct group *group;

	if (index_find(&mirror->by_source, hash, source, number))
		return true;
	group = slab_take(&mirror->groups, number);
	if (!group)
		return false;
	group->source = *source;
	group->owner = owner;
	if (index_put(&mirror->by_source, hash, *number)) {
		slab_give(&mirror->groups, *number);
		return false;
	}
	group->next = mirror->first;
	if (group->next)
		group_at(mirror, group->next - 1)->prev = *number + 1;
	mirror->first = *number + 1;
	return true;
}

static void group_unmake(struct mirror *mirror, uint32_t number)
{
	struct group *group = group_at(mirror, number);

	if (group->filled)
		return;
	if (group->next)
		group_at(mirror, group->next - 1)->prev = group->prev;
	if (group->prev)
		group_at(mirror, group->prev - 1)->next = group->next;
	else
		mirror->first = group->next;
	(void)index_take(&mirror->by_source, source_hash(mirror, &group->source),
			 &group->source, &number);
	slab_give(&mirror->groups, number);
}

/* Behind all others. */
static void ring_add(struct mirror *mirror, struct group *group, uint32_t number)
{
	struct lease *lease = lease_at(mirror, number), *first;

	if (!group->filled) {
		group->filled = true;
		group->first = lease->prev = lease->next = number;
		return;
	}
	first = lease_at(mirror, group->first);
	lease->prev = first->prev;
	lease->next = group->first;
	lease_at(mirror, lease->prev)->next = number;
	first->prev = number;
}

static void ring_take(struct mirror *mirror, struct group *group, uint32_t number)
{
	struct lease *lease = lease_at(mirror, number);

	group->filled = lease->next != number;
	lease_at(mirror, lease->prev)->next = lease->next;
	lease_at(mirror, lease->next)->prev = lease->prev;
	if (group->first == number)
		group->first = lease->next;
}

/* ---- leases ---- */

/* Room in the heap for every lease, so that confirming one never allocates. */
static bool heap_reserve(struct mirror *mirror)
{
	return grow(&mirror->heap, &mirror->heap_room, mirror->n + 2, sizeof(*mirror->heap));
}

struct lease *mirror_add(struct mirror *mirror, const struct lease_key *key,
			 struct sandbox *owner)
{
	struct lease *lease;
	uint32_t number, group;

	if (!heap_reserve(mirror) || !group_make(mirror, &key->source, owner, &group))
		return NULL;
	lease = lease_take(mirror, key, &number);
	if (lease && index_put(&mirror->by_key, key_hash(mirror, key), number)) {
		lease_give(mirror, number);
		lease = NULL;
	}
	if (!lease) {
		group_unmake(mirror, group);
		return NULL;
	}
	lease->group = group;
	group_at(mirror, group)->ported += key->proto != 0;
	ring_add(mirror, group_at(mirror, group), number);
	mirror->n++;
	return lease;
}

static uint64_t end_at(const struct mirror *mirror, size_t at)
{
	return lease_at(mirror, mirror->heap[at])->until_us;
}

static void heap_set(struct mirror *mirror, size_t at, uint32_t number)
{
	mirror->heap[at] = number;
	lease_at(mirror, number)->heap = (uint32_t)at;
}

static void heap_up(struct mirror *mirror, size_t at)
{
	const uint32_t number = mirror->heap[at];
	const uint64_t until_us = end_at(mirror, at);

	for (; at > 1 && end_at(mirror, at / 2) > until_us; at /= 2)
		heap_set(mirror, at, mirror->heap[at / 2]);
	heap_set(mirror, at, number);
}

static void heap_down(struct mirror *mirror, size_t at)
{
	const uint32_t number = mirror->heap[at];
	const uint64_t until_us = end_at(mirror, at);

	for (size_t child; (child = at * 2) <= mirror->heap_n; at = child) {
		if (child < mirror->heap_n && end_at(mirror, child + 1) < end_at(mirror, child))
			child++;
		if (end_at(mirror, child) >= until_us)
			break;
		heap_set(mirror, at, mirror->heap[child]);
	}
	heap_set(mirror, at, number);
}

void mirror_unschedule(struct mirror *mirror, struct lease *lease)
{
	const size_t at = lease->heap;
	uint32_t last;

	if (!at)
		return;
	last = mirror->heap[mirror->heap_n--];
	lease->heap = 0;
	if (at > mirror->heap_n)
		return;
	heap_set(mirror, at, last);
	heap_up(mirror, at);
	heap_down(mirror, lease_at(mirror, last)->heap);
}

void mirror_confirm(struct mirror *mirror, struct lease *lease, uint64_t until_us)
{
	mirror_unschedule(mirror, lease);
	lease->until_us = (until_us < FOREVER ? until_us : FOREVER) & FOREVER;
	lease->code = NG_OK;
	if (until_us >= FOREVER)
		return;
	heap_set(mirror, ++mirror->heap_n, number_of(mirror, lease));
	heap_up(mirror, lease->heap);
}

void mirror_drop(struct mirror *mirror, struct lease *lease)
{
	const struct lease_key key = mirror_key(mirror, lease);
	const uint32_t group = lease->group;
	uint32_t number;

	mirror_unschedule(mirror, lease);
	if (mirror->walk == lease)
		mirror->walk = mirror_next(mirror, lease);
	(void)index_take(&mirror->by_key, key_hash(mirror, &key), &key, &number);
	group_at(mirror, group)->ported -= key.proto != 0;
	ring_take(mirror, group_at(mirror, group), number);
	mirror->n--;
	lease_give(mirror, number);
	group_unmake(mirror, group);
}

struct lease *mirror_first(const struct mirror *mirror)
{
	return mirror->heap_n ? lease_at(mirror, mirror->heap[1]) : NULL;
}
