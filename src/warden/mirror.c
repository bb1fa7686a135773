/*
 * A hash over the whole key, a hash over the source address, and a binary heap over the ends.
 *
 * Leases of one source address form a group, because that is how sandboxes come and go: a sandbox
 * claims the groups of its addresses, also those that an earlier life of the process left behind.
 * Elements of static rules are in both hashes, so that a lease of the same pair finds them, and
 * never in the heap. The heap knows each lease's place, so that a renewal moves one entry instead of leaving a stale
 * one behind: under steady renewals stale entries would outgrow the leases.
 */
#include "warden/mirror.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

_Static_assert(sizeof(struct lease_key) == 2 * sizeof(struct ng_addr) + 4,
	       "a hole in the key would be compared");

void mirror_finish(struct mirror *mirror)
{
	struct lease *lease, *next;

	if (!mirror)
		return;
	HASH_ITER (hh, mirror->by_key, lease, next) {
		mirror_drop(mirror, lease);
	}
	free(mirror->heap);
	*mirror = (struct mirror){0};
}

struct lease_key lease_key_make(const struct ng_addr *source, const struct ng_addr *to,
				uint8_t proto, uint16_t port)
{
	return (struct lease_key){.source = *source, .to = *to, .proto = proto, .port = port};
}

struct lease *mirror_find(const struct mirror *mirror, const struct lease_key *key)
{
	struct lease *found;

	HASH_FIND(hh, mirror->by_key, key, sizeof(*key), found);
	return found;
}

struct group *mirror_group(const struct mirror *mirror, const struct ng_addr *source)
{
	struct group *found;

	HASH_FIND(hh, mirror->by_source, source, sizeof(*source), found);
	return found;
}

static struct group *group_make(struct mirror *mirror, const struct ng_addr *source,
				struct sandbox *owner)
{
	struct group *group = mirror_group(mirror, source);

	if (group)
		return group;
	group = calloc(1, sizeof(*group));
	if (!group)
		return NULL;
	group->source = *source;
	group->owner = owner;
	HASH_ADD(hh, mirror->by_source, source, sizeof(group->source), group);
	if (!group->hh.tbl) {
		free(group);
		return NULL;
	}
	return group;
}

static void group_unmake(struct mirror *mirror, struct group *group)
{
	if (group->leases)
		return;
	HASH_DELETE(hh, mirror->by_source, group);
	free(group);
}

/* Room in the heap for every lease, so that confirming one never allocates. */
static bool heap_reserve(struct mirror *mirror)
{
	size_t room = mirror->heap_room ? mirror->heap_room * 2 : 256;
	struct lease **wider;

	if (mirror->n + 2 <= mirror->heap_room)
		return true;
	wider = reallocarray(mirror->heap, room, sizeof(struct lease *));
	if (!wider)
		return false;
	mirror->heap = wider;
	mirror->heap_room = room;
	return true;
}

struct lease *mirror_add(struct mirror *mirror, const struct lease_key *key,
			 struct sandbox *owner)
{
	struct lease *lease;
	struct group *group;

	if (!heap_reserve(mirror))
		return NULL;
	lease = calloc(1, sizeof(*lease));
	group = lease ? group_make(mirror, &key->source, owner) : NULL;
	if (!group) {
		free(lease);
		return NULL;
	}
	lease->key = *key;
	lease->group = group;
	HASH_ADD(hh, mirror->by_key, key, sizeof(lease->key), lease);
	if (!lease->hh.tbl) {
		free(lease);
		group_unmake(mirror, group);
		return NULL;
	}
	DL_APPEND(group->leases, lease);
	group->ported += key->proto != 0;
	mirror->n++;
	return lease;
}

static void heap_set(struct mirror *mirror, size_t at, struct lease *lease)
{
	mirror->heap[at] = lease;
	lease->heap = at;
}

static void heap_up(struct mirror *mirror, size_t at)
{
	struct lease *lease = mirror->heap[at];

	for (; at > 1 && mirror->heap[at / 2]->until_us > lease->until_us; at /= 2)
		heap_set(mirror, at, mirror->heap[at / 2]);
	heap_set(mirror, at, lease);
}

static void heap_down(struct mirror *mirror, size_t at)
{
	struct lease *lease = mirror->heap[at];

	for (size_t child; (child = at * 2) <= mirror->heap_n; at = child) {
		if (child < mirror->heap_n &&
		    mirror->heap[child + 1]->until_us < mirror->heap[child]->until_us)
			child++;
		if (mirror->heap[child]->until_us >= lease->until_us)
			break;
		heap_set(mirror, at, mirror->heap[child]);
	}
	heap_set(mirror, at, lease);
}

void mirror_unschedule(struct mirror *mirror, struct lease *lease)
{
	size_t at = lease->heap;
	struct lease *last;

	if (!at)
		return;
	last = mirror->heap[mirror->heap_n--];
	lease->heap = 0;
	if (last == lease)
		return;
	heap_set(mirror, at, last);
	heap_up(mirror, at);
	heap_down(mirror, last->heap);
}

void mirror_confirm(struct mirror *mirror, struct lease *lease, uint64_t until_us)
{
	mirror_unschedule(mirror, lease);
	lease->until_us = until_us;
	lease->code = NG_OK;
	if (until_us == FOREVER)
		return;
	heap_set(mirror, ++mirror->heap_n, lease);
	heap_up(mirror, lease->heap);
}

void mirror_drop(struct mirror *mirror, struct lease *lease)
{
	struct group *group = lease->group;

	mirror_unschedule(mirror, lease);
	if (mirror->walk == lease)
		mirror->walk = lease->hh.next;
	HASH_DELETE(hh, mirror->by_key, lease);
	DL_DELETE(group->leases, lease);
	group->ported -= lease->key.proto != 0;
	mirror->n--;
	free(lease);
	group_unmake(mirror, group);
}

struct lease *mirror_first(const struct mirror *mirror)
{
	return mirror->heap_n ? mirror->heap[1] : NULL;
}
