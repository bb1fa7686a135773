/*
 * Who pays for what the cache holds, and what leaves when it is full.
 *
 * An entry is charged to the sandbox that brought it in. When room is needed, the sandbox that is
 * charged with most loses first, and only entries of its own: so who fills the cache pushes itself
 * out, and nobody whose entries are within a fair part of it. What belongs to a sandbox that is
 * gone is nobody's, and goes before all else.
 *
 * Within a share the order is SIEVE's: new entries come in at one end, a hand walks from the other
 * and takes the first that was not used since it last came by. Names that are asked once, as a flood of
 * random ones is, leave before any that was asked twice. An entry that another sandbox
 * used meanwhile goes over to that one, and is charged there.
 *
 * No choice here is random: the same inputs leave the same cache.
 */
#include "gate/engine.h"

#include <stdlib.h>

#define STEPS_MAX  256 /* of hands for one new entry, before they take whatever they meet */
#define READY_PART 8   /* of the octets, one in so many, is never an entry's; see ready.h */

uint64_t shares_most(const struct ng_gate *gate)
{
	const uint64_t all = gate->settings.limits.cache_octets;

	return all - all / READY_PART;
}

static uint64_t order_of(const struct share *share)
{
	return share->orphan ? 0 : UINT64_MAX - share->octets;
}

static struct share *share_find(const struct ng_gate *gate, uint32_t sandbox)
{
	struct share *share;

	HASH_FIND(hh, gate->cache.shares, &sandbox, sizeof(sandbox), share);
	return share;
}

static struct share *share_make(struct ng_gate *gate, uint32_t sandbox)
{
	struct share *share = calloc(1, sizeof(*share));

	if (!share)
		return NULL;
	share->sandbox = sandbox;
	if (heap_put(&gate->cache.first, &share->first, order_of(share))) {
		free(share);
		return NULL;
	}
	HASH_ADD(hh, gate->cache.shares, sandbox, sizeof(share->sandbox), share);
	if (share->hh.tbl)
		return share;
	heap_take(&gate->cache.first, &share->first);
	free(share);
	return NULL;
}

static void share_resize(struct ng_gate *gate, struct share *share, uint64_t octets)
{
	gate->cache.octets += octets - share->octets;
	share->octets = octets;
	heap_move(&gate->cache.first, &share->first, order_of(share));
}

static void share_join(struct ng_gate *gate, struct share *share, struct entry *entry)
{
	entry->share = share;
	entry->newer = NULL;
	entry->older = share->newest;
	if (share->newest)
		share->newest->newer = entry;
	else
		share->oldest = entry;
	share->newest = entry;
	share->orphan = !directory_by_id(&gate->directory, share->sandbox);
	share_resize(gate, share, share->octets + entry->size);
}

int share_charge(struct ng_gate *gate, struct entry *entry, uint32_t sandbox)
{
	struct share *share = share_find(gate, sandbox);

	if (!share)
		share = share_make(gate, sandbox);
	if (!share)
		return NG_E_NOMEM;
	share_join(gate, share, entry);
	return NG_OK;
}

void share_release(struct ng_gate *gate, struct entry *entry)
{
	struct share *share = entry->share;

	if (share->hand == entry)
		share->hand = entry->newer;
	if (entry->newer)
		entry->newer->older = entry->older;
	else
		share->newest = entry->older;
	if (entry->older)
		entry->older->newer = entry->newer;
	else
		share->oldest = entry->newer;
	share_resize(gate, share, share->octets - entry->size);
	if (share->oldest)
		return;
	heap_take(&gate->cache.first, &share->first);
	HASH_DELETE(hh, gate->cache.shares, share);
	free(share);
}

void share_orphan(struct ng_gate *gate, uint32_t sandbox)
{
	struct share *share = share_find(gate, sandbox);

	if (!share)
		return;
	share->orphan = true;
	heap_move(&gate->cache.first, &share->first, order_of(share));
}

/* To the other sandbox that uses it; false when there is none. */
static bool entry_hand_over(struct ng_gate *gate, struct entry *entry)
{
	uint32_t sandbox = entry->other;
	struct share *share;

	entry->other = 0;
	if (!sandbox || !directory_by_id(&gate->directory, sandbox))
		return false;
	share = share_find(gate, sandbox);
	if (!share)
		share = share_make(gate, sandbox);
	if (!share)
		return false;
	share_release(gate, entry);
	share_join(gate, share, entry);
	return true;
}

static void entry_evict(struct ng_gate *gate, struct entry *entry)
{
	if (entry->until_us > gate->now_us)
		limited(gate, directory_by_id(&gate->directory, entry->share->sandbox),
			NG_LIMIT_CACHE);
	cache_drop(gate, entry);
}

/* One step of the hand; must: whatever it meets goes. */
static void share_step(struct ng_gate *gate, struct share *share, bool must)
{
	struct entry *entry = share->hand ? share->hand : share->oldest;

	share->hand = entry->newer;
	if (must || entry->until_us <= gate->now_us)
		entry_evict(gate, entry);
	else if (entry_hand_over(gate, entry))
		return;
	else if (entry->used && !share->orphan)
		entry->used = false;
	else
		entry_evict(gate, entry);
}

void shares_shrink(struct ng_gate *gate, uint32_t size)
{
	const uint64_t all = gate->settings.limits.cache_octets, most = shares_most(gate);

	for (unsigned i = 0; gate->cache.n && gate->cache.octets + size > most; i++) {
		struct heap_node *first = heap_top(&gate->cache.first);
		struct share *share =
			(struct share *)((char *)first - offsetof(struct share, first));

		share_step(gate, share, i >= STEPS_MAX);
	}
	readies_shrink(gate, all - gate->cache.octets - size);
}
