/*
 * Items of one size, by number: a number takes half of a pointer's room, and an item has no header of
 * its own. Items stay where they are. They come in chunks; a chunk without any is given back, except
 * for the one that the next item comes from, and numbers of items that went are used again.
 */
#pragma once

#include <namegate/error.h>
#include <stdint.h>
#include <stddef.h>

#define SLAB_CHUNK 512 /* items; a power of two */

struct slab_chunk;
struct slab {
	size_t size; /* of an item, a multiple of its alignment and at least 4: set it before the first */
	struct slab_chunk **chunks; /* by number of item; NULL: given back */
	size_t n_chunks, room;
	uint32_t roomy;       /* 1 + the first chunk of those with room; 0: none */
	size_t items, octets; /* in use; taken from the system */
};

void slab_finish(struct slab *slab); /* and all that is in it; the size stays */
/* Zeroed; NULL when memory is out. */
void *slab_take(struct slab *slab, uint32_t *number);
void slab_give(struct slab *slab, uint32_t number);

struct slab_chunk {
	uint16_t used,
		seen; /* items; the first so many were taken once, and others are not written */
	uint32_t free;       /* 1 + the first of those given back */
	uint32_t next, prev; /* of the chunks with room, 1 + their numbers */
	uint8_t octets[];
};

/* It is one that was taken and not given back. */
static inline void *slab_at(const struct slab *slab, uint32_t number)
{
	return slab->chunks[number / SLAB_CHUNK]->octets + number % SLAB_CHUNK * slab->size;
}

/* Of any number at all: that item, or what is left of it when it was given back. NULL: it never was there. */
static inline void *slab_peek(const struct slab *slab, uint32_t number)
{
	const struct slab_chunk *chunk =
		number / SLAB_CHUNK < slab->n_chunks ? slab->chunks[number / SLAB_CHUNK] : NULL;

	return chunk && number % SLAB_CHUNK < chunk->seen ? slab_at(slab, number) : NULL;
}
