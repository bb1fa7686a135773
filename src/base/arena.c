/*
 * Blocks in a list, each at least twice as large as the one before, filled from the front. What was
 * handed out is never moved and never given back alone. The limit counts what callers asked for
 * (rounded up to the alignment), so a stranger's message can cost at most that much.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT   _Alignof(max_align_t)
#define BLOCK_FIRST 4096u
#define BLOCK_LAST  (1u << 20)

struct arena_block {
	struct arena_block *next;
	size_t room, used;
	_Alignas(max_align_t) uint8_t octets[];
};

void arena_init(struct arena *arena, size_t limit)
{
	*arena = (struct arena){.limit = limit};
}

static void blocks_free(struct arena_block *block)
{
	while (block) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
}

void arena_finish(struct arena *arena)
{
	if (!arena)
		return;
	blocks_free(arena->first);
	*arena = (struct arena){0};
}

void arena_reset(struct arena *arena)
{
	if (arena->first) {
		blocks_free(arena->first->next);
		arena->first->next = NULL;
		arena->first->used = 0;
	}
	arena->now = arena->first;
	arena->used = 0;
	arena->failed = false;
}

/* Makes a block with room for size the current one; NULL when memory is out. */
static struct arena_block *block_add(struct arena *arena, size_t size)
{
	size_t room = arena->now ? 2 * arena->now->room : BLOCK_FIRST;
	if (room > BLOCK_LAST)
		room = BLOCK_LAST;
	if (room < size)
		room = size;

	struct arena_block *block = malloc(sizeof(*block) + room);
	if (!block)
		return NULL;
	*block = (struct arena_block){.room = room};
	if (arena->now)
		arena->now->next = block;
	else
		arena->first = block;
	return arena->now = block;
}

/* What does not fit the current block: a new one, or the failure that sticks. */
static __attribute__((noinline)) struct arena_block *block_for(struct arena *arena, size_t size,
							       size_t padded)
{
	bool wrapped = padded < size || padded > SIZE_MAX - sizeof(struct arena_block);
	struct arena_block *block = NULL;

	if (!arena->failed && !wrapped && padded <= arena->limit - arena->used)
		block = block_add(arena, padded);
	if (!block)
		arena->failed = true;
	return block;
}

static inline void *take(struct arena *arena, size_t size)
{
	/* Nothing still gets an address of its own. */
	size_t padded = size ? (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
	struct arena_block *block = arena->now;

	if (!block || arena->failed || padded < size || padded > block->room - block->used ||
	    padded > arena->limit - arena->used)
		block = block_for(arena, size, padded);
	if (!block)
		return NULL;
	void *at = block->octets + block->used;
	block->used += padded;
	arena->used += padded;
	return at;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *at = take(arena, size);
	return at ? memset(at, 0, size) : NULL;
}

void *arena_copy(struct arena *arena, const void *from, size_t size)
{
	void *at = take(arena, size);
	if (at && size)
		memcpy(at, from, size);
	return at;
}
