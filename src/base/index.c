/*
 * Linear probing. A place holds 1 + the item's number, and above it the upper bits of the hash. They say
 * where the item belongs in places of any number, so nothing that moves is looked at, and they spare all but
 * a few looks at items that are not meant: with very many items each look would be at cold memory. What is
 * taken leaves no mark behind: the items after it close the gap. Only in old places, which go soon, marks
 * are left.
 */
#include "base/index.h"

#include <stdlib.h>

#define ITEM_BITS  27
#define ITEM_MASK  ((UINT64_C(1) << ITEM_BITS) - 1)
#define GONE       UINT64_MAX /* was here, or has moved; no item is that */
#define LEAST_BITS 6
#define STEP       16 /* old places that one put or take moves */

static size_t count_of(const struct index_places *places)
{
	return places->at ? (size_t)1 << places->bits : 0;
}

/* Of a hash, or of a word, which begins like it. */
static size_t home_of(const struct index_places *places, uint64_t hash)
{
	return (size_t)(hash >> (64 - places->bits));
}

static size_t after(const struct index_places *places, size_t i)
{
	return (i + 1) & (count_of(places) - 1);
}

static uint64_t word_of(uint64_t hash, uint32_t item)
{
	return (hash & ~ITEM_MASK) | (item + 1);
}

static uint32_t item_of(uint64_t word)
{
	return (uint32_t)(word & ITEM_MASK) - 1;
}

/* SIZE_MAX when it is not there. There are places. It stands within each who finds something: those are many. */
static inline __attribute__((always_inline)) size_t probe(const struct index *self,
							  const struct index_places *places,
							  uint64_t hash, const void *key)
{
	for (size_t i = home_of(places, hash); places->at[i]; i = after(places, i)) {
		const uint64_t word = places->at[i];

		if (word != GONE && ((word ^ hash) & ~ITEM_MASK) == 0 &&
		    self->same(self->of, item_of(word), key))
			return i;
	}
	return SIZE_MAX;
}

static void place(struct index_places *places, uint64_t word)
{
	size_t i = home_of(places, word);

	while (places->at[i])
		i = after(places, i);
	places->at[i] = word;
}

/* What stands behind the gap moves into it, unless it would come before its home. */
static void close_gap(struct index_places *places, size_t gap)
{
	for (size_t i = after(places, gap); places->at[i]; i = after(places, i)) {
		size_t home = home_of(places, places->at[i]);
		size_t mask = count_of(places) - 1;

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		places->at[gap] = places->at[i];
		gap = i;
	}
	places->at[gap] = 0;
}

/* ---- size ---- */

static void move_some(struct index *self)
{
	size_t until = self->moved + STEP;

	if (!self->old.at)
		return;
	for (; self->moved < until && self->moved < count_of(&self->old); self->moved++) {
		uint64_t *word = &self->old.at[self->moved];

		if (*word == 0 || *word == GONE)
			continue;
		place(&self->places, *word);
		*word = GONE;
	}
	if (self->moved < count_of(&self->old))
		return;
	free(self->old.at);
	self->old = (struct index_places){0};
}

static int resize(struct index *self, unsigned bits)
{
	uint64_t *at = calloc((size_t)1 << bits, sizeof(*at));

	if (!at)
		return NG_E_NOMEM;
	self->old = self->places;
	self->moved = 0;
	self->places = (struct index_places){.at = at, .bits = bits};
	return NG_OK;
}

/* A move is over long before the next: it takes an eighth of the places' number of puts or takes. */
static int room(struct index *self)
{
	move_some(self);
	if (self->n < count_of(&self->places) / 8 * 7)
		return NG_OK;
	return resize(self, self->places.at ? self->places.bits + 1 : LEAST_BITS);
}

static void shrink(struct index *self)
{
	move_some(self);
	if (self->old.at || self->places.bits <= LEAST_BITS ||
	    self->n >= count_of(&self->places) / 8)
		return;
	if (resize(self, self->places.bits - 1))
		return; /* it stays as large as it is */
}

/* ---- use ---- */

static __attribute__((noinline)) size_t probe_old(const struct index *self, uint64_t hash,
						  const void *key)
{
	return probe(self, &self->old, hash, key);
}

bool index_find(const struct index *self, uint64_t hash, const void *key, uint32_t *item)
{
	const struct index_places *in = &self->places;
	size_t i = in->at ? probe(self, in, hash, key) : SIZE_MAX;

	if (i == SIZE_MAX && self->old.at) {
		in = &self->old;
		i = probe_old(self, hash, key);
	}
	if (i == SIZE_MAX)
		return false;
	*item = item_of(in->at[i]);
	return true;
}

int index_put(struct index *self, uint64_t hash, uint32_t item)
{
	if (item > INDEX_ITEM_MAX)
		return NG_E_RANGE;
	if (room(self))
		return NG_E_NOMEM;
	place(&self->places, word_of(hash, item));
	self->n++;
	return NG_OK;
}

bool index_take(struct index *self, uint64_t hash, const void *key, uint32_t *item)
{
	size_t i = self->places.at ? probe(self, &self->places, hash, key) : SIZE_MAX;

	if (i != SIZE_MAX) {
		*item = item_of(self->places.at[i]);
		close_gap(&self->places, i);
	} else {
		i = self->old.at ? probe_old(self, hash, key) : SIZE_MAX;
		if (i == SIZE_MAX)
			return false;
		*item = item_of(self->old.at[i]);
		self->old.at[i] = GONE;
	}
	self->n--;
	shrink(self);
	return true;
}

size_t index_octets(const struct index *self)
{
	return (count_of(&self->places) + count_of(&self->old)) * sizeof(uint64_t);
}

void index_finish(struct index *self)
{
	free(self->places.at);
	free(self->old.at);
	self->places = self->old = (struct index_places){0};
	self->n = self->moved = 0;
}
