/*
 * A region of memory that is given back all at once. The first failure sticks: arena_alloc()
 * returns NULL from then on until the reset, so a caller may check once at the end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *first, *now;
	size_t limit, used; /* octets handed out since the reset, and the most that may be */
	bool failed;
};

void arena_init(struct arena *arena, size_t limit);
void arena_finish(struct arena *arena); /* takes NULL */
void arena_reset(struct arena *arena);  /* keeps the first block for the next use */
/* Zeroed, aligned for any type; NULL when the limit or memory is out. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *from, size_t size);
