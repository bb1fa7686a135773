/* A binary heap of nodes that live inside their owners: the least time is at the top. */
#pragma once

#include <namegate/error.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	uint64_t at_us;
	size_t place; /* 1 + index in the heap; 0: not in it */
};
struct heap {
	struct heap_node **nodes;
	size_t n, room;
};

int heap_put(struct heap *heap, struct heap_node *node,
	     uint64_t at_us) NG_MUST_CHECK; /* NG_E_NOMEM */
void heap_move(struct heap *heap, struct heap_node *node,
	       uint64_t at_us);                            /* it is in the heap */
void heap_take(struct heap *heap, struct heap_node *node); /* void when it is not in the heap */
struct heap_node *heap_top(const struct heap *heap);       /* NULL when empty */
void heap_finish(struct heap *heap);
