/* See idle.h. A node is known by its number, and found by its lease; the heap is of nodes. */
#include "gate/idle.h"

#include "base/hash.h"
#include "base/index.h"
#include "base/slab.h"
#include "gate/due.h"
#include <stdlib.h>

struct node {
	uint32_t lease, place;
};

struct idle {
	struct slab nodes;
	struct index by_lease;
	struct due uses;
};

static uint32_t *node_place(const void *of, uint32_t item)
{
	return &((struct node *)slab_at(of, item))->place;
}

/* The numbers of leases are the book's own choice, so a seed has nothing to hide. */
static uint64_t lease_hash(uint32_t lease)
{
	return hash_octets(&lease, sizeof(lease), 0);
}

static bool node_same(const void *of, uint32_t item, const void *key)
{
	return ((const struct node *)slab_at(of, item))->lease == *(const uint32_t *)key;
}

int idle_make(struct idle **out)
{
	struct idle *idle = calloc(1, sizeof(*idle));

	if (!idle)
		return NG_E_NOMEM;
	idle->nodes.size = sizeof(struct node);
	idle->by_lease = (struct index){.of = &idle->nodes, .same = node_same};
	idle->uses = (struct due){.of = &idle->nodes, .place = node_place};
	*out = idle;
	return NG_OK;
}

void idle_free(struct idle *idle)
{
	if (!idle)
		return;
	due_finish(&idle->uses);
	index_finish(&idle->by_lease);
	slab_finish(&idle->nodes);
	free(idle);
}

int idle_put(struct idle *idle, uint32_t lease, uint64_t at_us)
{
	uint32_t number;
	struct node *node = slab_take(&idle->nodes, &number);
	bool indexed;

	if (!node)
		return NG_E_NOMEM;
	node->lease = lease;
	indexed = index_put(&idle->by_lease, lease_hash(lease), number) == NG_OK;
	if (indexed && due_put(&idle->uses, number, at_us) == NG_OK)
		return NG_OK;
	if (indexed)
		index_take(&idle->by_lease, lease_hash(lease), &lease, &number);
	slab_give(&idle->nodes, number);
	return NG_E_NOMEM;
}

void idle_take(struct idle *idle, uint32_t lease)
{
	uint32_t number;

	if (!idle || !index_take(&idle->by_lease, lease_hash(lease), &lease, &number))
		return;
	due_take(&idle->uses, *node_place(&idle->nodes, number));
	slab_give(&idle->nodes, number);
}

bool idle_top(const struct idle *idle, uint32_t *lease, uint64_t *at_us)
{
	const struct due_item *top = idle->uses.items;

	if (!idle->uses.n)
		return false;
	*lease = ((const struct node *)slab_at(&idle->nodes, top->item))->lease;
	*at_us = top->at_us;
	return true;
}

void idle_renew(struct idle *idle, uint64_t at_us)
{
	due_move(&idle->uses, 1, at_us);
}
