/* The textbook heap, with each node told where it stands so that it can be moved and taken. */
#include "gate/heap.h"

#include <stdlib.h>

static void heap_set(struct heap *heap, size_t i, struct heap_node *node)
{
	heap->nodes[i] = node;
	node->place = i + 1;
}

static void heap_up(struct heap *heap, size_t i, struct heap_node *node)
{
	while (i > 0 && heap->nodes[(i - 1) / 2]->at_us > node->at_us) {
		heap_set(heap, i, heap->nodes[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	heap_set(heap, i, node);
}

static void heap_down(struct heap *heap, size_t i, struct heap_node *node)
{
	for (size_t child = 2 * i + 1; child < heap->n; child = 2 * i + 1) {
		if (child + 1 < heap->n &&
		    heap->nodes[child + 1]->at_us < heap->nodes[child]->at_us)
			child++;
		if (heap->nodes[child]->at_us >= node->at_us)
			break;
		heap_set(heap, i, heap->nodes[child]);
		i = child;
	}
	heap_set(heap, i, node);
}

int heap_put(struct heap *heap, struct heap_node *node, uint64_t at_us)
{
	if (heap->n == heap->room) {
		size_t room = heap->room ? 2 * heap->room : 64;
		struct heap_node **nodes = realloc(heap->nodes, room * sizeof(*nodes));

		if (!nodes)
			return NG_E_NOMEM;
		heap->nodes = nodes;
		heap->room = room;
	}
	node->at_us = at_us;
	heap->n++;
	heap_up(heap, heap->n - 1, node);
	return NG_OK;
}

void heap_move(struct heap *heap, struct heap_node *node, uint64_t at_us)
{
	uint64_t before = node->at_us;

	node->at_us = at_us;
	if (at_us < before)
		heap_up(heap, node->place - 1, node);
	else
		heap_down(heap, node->place - 1, node);
}

void heap_take(struct heap *heap, struct heap_node *node)
{
	size_t i = node->place - 1;
	struct heap_node *last;

	if (!node->place)
		return;
	last = heap->nodes[--heap->n];
	node->place = 0;
	if (last == node)
		return;
	heap_set(heap, i, last);
	heap_up(heap, i, last);
	heap_down(heap, last->place - 1, last);
}

struct heap_node *heap_top(const struct heap *heap)
{
	return heap->n ? heap->nodes[0] : NULL;
}

void heap_finish(struct heap *heap)
{
	free(heap->nodes);
	*heap = (struct heap){0};
}
