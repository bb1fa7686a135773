/*
 * What was given back to a chunk is a list through its first four octets, and is taken again before the
 * items that never were; the chunks with room are a list, too.
 */
#include "base/slab.h"

#include "base/grow.h"
#include <stdlib.h>
#include <string.h>

static uint8_t *item_of(const struct slab *slab, struct slab_chunk *chunk, uint32_t i)
{
	return chunk->octets + i * slab->size;
}

static size_t chunk_size(const struct slab *slab)
{
	return sizeof(struct slab_chunk) + SLAB_CHUNK * slab->size;
}

static void roomy_add(struct slab *slab, uint32_t at)
{
	struct slab_chunk *chunk = slab->chunks[at];

	chunk->prev = 0;
	chunk->next = slab->roomy;
	if (chunk->next)
		slab->chunks[chunk->next - 1]->prev = at + 1;
	slab->roomy = at + 1;
}

static void roomy_take(struct slab *slab, uint32_t at)
{
	struct slab_chunk *chunk = slab->chunks[at];

	if (chunk->next)
		slab->chunks[chunk->next - 1]->prev = chunk->prev;
	if (chunk->prev)
		slab->chunks[chunk->prev - 1]->next = chunk->next;
	else
		slab->roomy = chunk->next;
}

/* The first place that has none, so that numbers stay small. */
static size_t place_of_chunk(const struct slab *slab)
{
	size_t at = 0;

	while (at < slab->n_chunks && slab->chunks[at])
		at++;
	return at;
}

static int chunk_add(struct slab *slab)
{
	size_t at = place_of_chunk(slab);
	struct slab_chunk *chunk;

	if (at >= UINT32_MAX / SLAB_CHUNK ||
	    !grow(&slab->chunks, &slab->room, at + 1, sizeof(struct slab_chunk *)))
		return NG_E_NOMEM;
	/* Where there was a chunk before, somebody may still look at an item that was there. */
	chunk = at < slab->n_chunks ? calloc(1, chunk_size(slab)) : malloc(chunk_size(slab));
	if (!chunk)
		return NG_E_NOMEM;
	chunk->used = chunk->seen = 0;
	chunk->free = 0;
	slab->chunks[at] = chunk;
	if (at == slab->n_chunks)
		slab->n_chunks++;
	slab->octets += chunk_size(slab);
	roomy_add(slab, (uint32_t)at);
	return NG_OK;
}

void *slab_take(struct slab *slab, uint32_t *number)
{
	struct slab_chunk *chunk;
	uint32_t at, i;
	void *item;

	if (!slab->roomy && chunk_add(slab))
		return NULL;
	at = slab->roomy - 1;
	chunk = slab->chunks[at];
	i = chunk->free ? chunk->free - 1 : chunk->seen++;
	item = item_of(slab, chunk, i);
	if (chunk->free)
		memcpy(&chunk->free, item, sizeof(chunk->free));
	if (++chunk->used == SLAB_CHUNK)
		roomy_take(slab, at);
	slab->items++;
	*number = at * SLAB_CHUNK + i;
	return memset(item, 0, slab->size);
}

void slab_give(struct slab *slab, uint32_t number)
{
	uint32_t at = number / SLAB_CHUNK, i = number % SLAB_CHUNK;
	struct slab_chunk *chunk = slab->chunks[at];

	memcpy(item_of(slab, chunk, i), &chunk->free, sizeof(chunk->free));
	chunk->free = i + 1;
	slab->items--;
	if (chunk->used-- == SLAB_CHUNK)
		roomy_add(slab, at);
	if (chunk->used || (slab->roomy == at + 1 && !chunk->next))
		return;
	roomy_take(slab, at);
	slab->chunks[at] = NULL;
	slab->octets -= chunk_size(slab);
	free(chunk);
}

void slab_finish(struct slab *slab)
{
	for (size_t i = 0; i < slab->n_chunks; i++)
		free(slab->chunks[i]);
	free(slab->chunks);
	*slab = (struct slab){.size = slab->size};
}
