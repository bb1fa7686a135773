/*
 * An index of items that their owner knows by number: eight octets a place, and at most seven eighths
 * of the places in use. The item's key stays with its owner, who is asked for it again; strangers who
 * choose keys must not know the seed of the hash.
 *
 * It grows and shrinks in steps: each put and take moves a few of the old places to the new ones, so
 * that none of them takes long however much there is.
 */
#pragma once

#include <namegate/error.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INDEX_ITEM_MAX ((1u << 27) - 3) /* the largest number */

struct index_places {
	uint64_t *at;
	unsigned bits; /* there are 2 to that many of them */
};

struct index {          /* `of` and `same` are to be set before the first item; else all zero */
	const void *of; /* what `same` is given first */
	bool (*same)(const void *of, uint32_t item, const void *key);
	size_t n;
	struct index_places places,
		old;  /* old.at: NULL, unless there is still some to be moved */
	size_t moved; /* of the old places */
};

void index_finish(struct index *self);
/* hash: of the key. False: it has none. */
bool index_find(const struct index *self, uint64_t hash, const void *key, uint32_t *item);
/* It is not in it yet. NG_E_NOMEM; NG_E_RANGE: the number is too large. */
int index_put(struct index *self, uint64_t hash, uint32_t item) NG_MUST_CHECK;
/* Takes out what is found; the item must still have its key. */
bool index_take(struct index *self, uint64_t hash, const void *key, uint32_t *item);
size_t index_octets(const struct index *self);

/*
 * What a find, put or take of that hash looks at first is on its way from memory. Of a large index nothing is near
 * by itself: who knows of several early has them come at the same time, and works on meanwhile.
 */
static inline void index_expect(const struct index *self, uint64_t hash)
{
	if (self->places.at)
		__builtin_prefetch(&self->places.at[hash >> (64 - self->places.bits)]);
}
