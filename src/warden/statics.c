/*
 * Lists of a few hundred items at most: pairs are compared, nothing is sorted.
 *
 * Of two prefixes one covers the other or they are apart, so leaving out the covered ones is all it
 * takes to make them disjoint. Items of different ports go into a set where the port is part of the
 * key, so only the same port covers.
 *
 * A prefix within a never-open range opens nothing and is a mistake that has to be told. A wider one
 * that holds such a range is taken: the kernel's own list stands ahead of it.
 */
#include "warden/statics.h"

#include "warden/never.h"

#include <stdlib.h>

void statics_finish(struct statics *statics)
{
	if (!statics)
		return;
	free(statics->items);
	*statics = (struct statics){0};
}

static bool covers(const struct ng_prefix *wide, const struct ng_prefix *narrow)
{
	return wide->bits <= narrow->bits && ng_prefix_contains(wide, &narrow->addr);
}

static bool is_never(const struct ng_prefix *prefix)
{
	struct ng_prefix never[NEVER_MAX];
	size_t n = never_prefixes((enum ng_family)prefix->addr.family, never);

	if (ng_prefix_is_host(prefix) && ng_addr_reach(&prefix->addr) == NG_REACH_NEVER)
		return true;
	for (size_t i = 0; i < n; i++)
		if (covers(&never[i], prefix))
			return true;
	return false;
}

static bool same_port(const struct wall_static *a, const struct wall_static *b)
{
	return a->proto == b->proto && a->port == b->port;
}

/* Is item i covered by another one, or the same as an earlier one? */
static bool is_spare(const struct statics *statics, size_t i)
{
	const struct wall_static *item = &statics->items[i];

	for (size_t k = 0; k < statics->n; k++) {
		const struct wall_static *other = &statics->items[k];

		if (k == i || !same_port(item, other) || !covers(&other->prefix, &item->prefix))
			continue;
		if (other->prefix.bits < item->prefix.bits || k < i)
			return true;
	}
	return false;
}

int statics_settle(struct statics *statics)
{
	for (size_t i = 0; i < statics->n; i++)
		if (is_never(&statics->items[i].prefix))
			return NG_E_RANGE;
	for (size_t i = statics->n; i-- > 0;)
		if (is_spare(statics, i))
			statics->items[i] = statics->items[--statics->n];
	return NG_OK;
}

bool statics_has(const struct statics *statics, const struct wall_static *item)
{
	for (size_t i = 0; i < statics->n; i++) {
		const struct wall_static *mine = &statics->items[i];

		if (same_port(mine, item) && mine->prefix.bits == item->prefix.bits &&
		    ng_addr_equal(&mine->prefix.addr, &item->prefix.addr))
			return true;
	}
	return false;
}

bool statics_open(const struct statics *statics, const struct ng_addr *to, uint8_t proto,
		  uint16_t port)
{
	for (size_t i = 0; i < statics->n; i++) {
		const struct wall_static *item = &statics->items[i];

		if ((!item->proto || (item->proto == proto && item->port == port)) &&
		    ng_prefix_contains(&item->prefix, to))
			return true;
	}
	return false;
}
