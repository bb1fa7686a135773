/*
 * A name's key is its labels from the root on, each behind its length: what is below a name begins
 * with that name's key, so it stands in one piece when the keys are sorted. The first octets of each
 * key are kept beside the place of the whole, because they decide nearly every comparison.
 */
#include "config.h"

#include "offline/below.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_WORDS 2

struct item {
	uint64_t head[HEAD_WORDS]; /* the key's first octets as numbers, with zeros behind */
	const uint8_t *key;
	size_t len;
};

struct below {
	struct item *items;
	size_t n;
	uint8_t *keys;
};

/* Writes the key and returns its length: one less than the name's, which has the root besides. */
static size_t key_write(const struct ng_name *name, uint8_t out[static NG_NAME_MAX])
{
	size_t len = name->len - 1u, end = len;
	for (size_t at = 0; at < len; at += 1u + name->wire[at]) {
		size_t n = 1u + name->wire[at];
		end -= n;
		memcpy(out + end, name->wire + at, n);
	}
	return len;
}

static void head_make(struct item *item)
{
	for (size_t word = 0; word < HEAD_WORDS; word++) {
		item->head[word] = 0;
		for (size_t i = word * 8; i < word * 8 + 8; i++)
			item->head[word] =
				item->head[word] << 8 | (i < item->len ? item->key[i] : 0u);
	}
}

static int compare(const void *left, const void *right)
{
	const struct item *a = left, *b = right;
	for (size_t word = 0; word < HEAD_WORDS; word++) {
		if (a->head[word] != b->head[word])
			return a->head[word] < b->head[word] ? -1 : 1;
	}
	int order = memcmp(a->key, b->key, a->len < b->len ? a->len : b->len);
	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* The room that all keys take. */
static size_t keys_size(const struct ng_ruleset *ruleset, size_t *n)
{
	struct ng_name owner;
	struct ng_match match;
	size_t size = 0;
	*n = 0;
	for (uint32_t cursor = 0; ng_ruleset_rule(ruleset, &cursor, &owner, &match); ++*n)
		size += owner.len;
	return size;
}

int below_create(const struct ng_ruleset *ruleset, struct below **out)
{
	struct below *below = calloc(1, sizeof(*below));
	struct ng_match match;
	struct ng_name owner;
	size_t room, used = 0, size;
	if (below == NULL)
		return NG_E_NOMEM;
	size = keys_size(ruleset, &room);
	below->keys = malloc(size + 1);
	below->items = calloc(room + 1, sizeof(*below->items));
	if (below->keys == NULL || below->items == NULL) {
		below_free(below);
		return NG_E_NOMEM;
	}
	for (uint32_t cursor = 0; ng_ruleset_rule(ruleset, &cursor, &owner, &match);) {
		struct item *item = &below->items[below->n++];
		uint8_t key[NG_NAME_MAX];
		ng_name_lower(&owner);
		item->len = key_write(&owner, key);
		item->key = memcpy(below->keys + used, key, item->len);
		used += item->len;
		head_make(item);
	}
	qsort(below->items, below->n, sizeof(*below->items), compare);
	*out = below;
	return NG_OK;
}

void below_free(struct below *below)
{
	if (below == NULL)
		return;
	free(below->keys);
	free(below->items);
	free(below);
}

static bool is_within(const struct item *item, const uint8_t *key, size_t len)
{
	return item->len >= len && memcmp(item->key, key, len) == 0;
}

/* The first item that is not before the key. */
static size_t lower_bound(const struct below *below, const struct item *wanted)
{
	size_t low = 0, high = below->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare(&below->items[middle], wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t below_range(const struct below *below, const struct ng_name *top, size_t *first)
{
	uint8_t key[NG_NAME_MAX + 1];
	struct item wanted = {.key = key, .len = key_write(top, key)};
	size_t low, high = below->n;
	head_make(&wanted);
	*first = low = lower_bound(below, &wanted);
	while (low < high) { /* the first that is not within any more */
		size_t middle = low + (high - low) / 2;
		if (is_within(&below->items[middle], key, wanted.len))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void below_name(const struct below *below, size_t index, struct ng_name *out)
{
	const struct item *item = &below->items[index];
	size_t end = item->len;
	for (size_t at = 0; at < item->len; at += 1u + item->key[at]) {
		size_t n = 1u + item->key[at];
		end -= n;
		memcpy(out->wire + end, item->key + at, n);
	}
	out->wire[item->len] = 0;
	out->len = (uint8_t)(item->len + 1);
}
