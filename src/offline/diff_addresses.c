/*
 * Rules about addresses of clients and of answers. No name shows what they do, so each is weighed by
 * what it says: one that allows opens something by being there, one that denies by being gone.
 */
#include "offline/diff_inside.h"

#include <stdlib.h>
#include <string.h>

struct found {
	struct ng_match match;
	enum ng_scope scope;
	uint8_t source;
};

struct finds {
	struct found *items;
	size_t n, room;
};

static int key_order(const struct found *one, const struct found *other)
{
	const struct ng_prefix *a = &one->match.prefix, *b = &other->match.prefix;
	int order = (int)one->scope - (int)other->scope;
	if (order == 0)
		order = (int)one->match.trigger - (int)other->match.trigger;
	if (order == 0)
		order = (int)a->addr.family - b->addr.family;
	if (order == 0)
		order = memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
	return order != 0 ? order : (int)a->bits - b->bits;
}

static int found_order(const void *a, const void *b)
{
	const struct found *one = a, *other = b;
	int order = key_order(one, other);
	return order != 0 ? order : (int)one->source - other->source;
}

/* Of two sources of a scope with the same prefix the first counts. */
static void sort(struct finds *finds)
{
	size_t n = 0;
	if (finds->n > 0)
		qsort(finds->items, finds->n, sizeof(*finds->items), found_order);
	for (size_t i = 0; i < finds->n; i++) {
		if (n == 0 || key_order(&finds->items[n - 1], &finds->items[i]) != 0)
			finds->items[n++] = finds->items[i];
	}
	finds->n = n;
}

static int find(const struct ng_policy *policy, struct finds *finds)
{
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			struct found found = {.scope = scope, .source = i};
			uint32_t cursor = 0;
			while (ng_ruleset_address(policy->scopes[scope].sources[i], &cursor,
						  &found.match)) {
				if (!grow(&finds->items, &finds->room, finds->n + 1,
					  sizeof(found)))
					return NG_E_NOMEM;
				finds->items[finds->n++] = found;
			}
		}
	}
	sort(finds);
	return NG_OK;
}

/* ---- weighing ---- */

/* How open a rule is, with none at all in the middle. */
static unsigned openness(const struct found *found)
{
	if (found == NULL || found->match.disabled)
		return 2;
	unsigned mildness = diff_mildness(found->match.action);
	return mildness < 2 ? mildness : mildness + 1;
}

static unsigned weigh(const struct found *old, const struct found *new)
{
	unsigned was = openness(old), is = openness(new);
	if (was != is)
		return is > was ? DIFF_WIDENS : DIFF_NARROWS;
	if (was == 2)
		return 0; /* both disabled, or one of them and none */
	if (old->match.action == new->match.action)
		return diff_local_equal(&old->match, &new->match) ? 0
								  : DIFF_WIDENS | DIFF_NARROWS;
	return was == 0 ? DIFF_OTHER : DIFF_WIDENS | DIFF_NARROWS;
}

static int add(struct diff_group *group, const struct found *old, const struct found *new)
{
	const struct found *sides[DIFF_SIDES] = {old, new};
	struct diff_address item = {.sense = weigh(old, new)};
	bool both = old != NULL && new != NULL;
	if (both && item.sense == 0 && old->match.disabled == new->match.disabled)
		return NG_OK;
	if (!grow(&group->addresses, &group->addresses_room, group->n_addresses + 1,
		  sizeof(item)))
		return NG_E_NOMEM;
	for (int side = 0; side < DIFF_SIDES; side++) {
		if (sides[side] == NULL)
			continue;
		item.there[side] = true;
		item.scopes[side] = sides[side]->scope;
		item.matches[side] = sides[side]->match;
	}
	group->addresses[group->n_addresses++] = item;
	return NG_OK;
}

static int join(struct diff_group *group, const struct finds *old, const struct finds *new)
{
	size_t i = 0, j = 0;
	int code = NG_OK;
	while (code == NG_OK && (i < old->n || j < new->n)) {
		int order = i == old->n   ? 1
			    : j == new->n ? -1
					  : key_order(&old->items[i], &new->items[j]);
		code = add(group, order <= 0 ? &old->items[i] : NULL,
			   order >= 0 ? &new->items[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	return code;
}

int diff_addresses(struct diff_group *group)
{
	struct finds finds[DIFF_SIDES] = {0};
	int code = find(diff_policy(group, DIFF_OLD), &finds[DIFF_OLD]);
	if (code == NG_OK)
		code = find(diff_policy(group, DIFF_NEW), &finds[DIFF_NEW]);
	if (code == NG_OK)
		code = join(group, &finds[DIFF_OLD], &finds[DIFF_NEW]);
	for (int side = 0; side < DIFF_SIDES; side++)
		free(finds[side].items);
	return code;
}
