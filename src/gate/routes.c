/*
 * Which upstream a name of a sandbox belongs to: the forward zone with the most labels that the name
 * is within, out of the sandbox's own; when none of these holds it, out of its group's; and then out
 * of those that all have. So who gives a sandbox a zone of its own knows that nobody else is asked
 * for any name in it, however long the zones of others are.
 *
 * The routes of one place stand together, the longest zone first; a sandbox has the beginnings of the
 * three places that concern it. Of thousands none is compared that has not the same hash: all of them are
 * a table by id and one by origin, those of one place are one by zone, and the heads of the chains stand in
 * the routes themselves. What it costs to find one goes by the labels of the name. Zones and ids are the
 * operator's, who has no reason to make them collide; names that are asked for are put in no table.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <stdlib.h>

/* ---- tables ---- */

static void table_put(struct route *routes, size_t n, enum route_key by, uint64_t key, size_t i)
{
	uint32_t *first = &routes[key % n].by[by].first;

	routes[i].by[by].next = *first;
	*first = (uint32_t)i + 1;
}

/* The first whose key may be this one; NULL: none. */
static const struct route *table_first(const struct route *routes, size_t n, enum route_key by,
				       uint64_t key)
{
	const uint32_t i = n ? routes[key % n].by[by].first : 0;

	return i ? &routes[i - 1] : NULL;
}

static const struct route *table_next(const struct route *routes, enum route_key by,
				      const struct route *route)
{
	const uint32_t i = route->by[by].next;

	return i ? &routes[i - 1] : NULL;
}

static const struct route *id_find(const struct route *routes, size_t n, uint32_t id)
{
	const struct route *route = table_first(routes, n, ROUTE_ID, id);

	while (route && route->spec.id != id)
		route = table_next(routes, ROUTE_ID, route);
	return route;
}

const struct route *route_by_id(const struct ng_gate *gate, uint32_t id)
{
	return id_find(gate->routes, gate->n_routes, id);
}

const struct route *route_by_origin(const struct ng_gate *gate, uint64_t origin)
{
	const struct route *route =
		table_first(gate->routes, gate->n_routes, ROUTE_ORIGIN, origin);

	while (route && route->spec.origin != origin)
		route = table_next(gate->routes, ROUTE_ORIGIN, route);
	return route;
}

static uint64_t zone_hash(const uint8_t *zone, size_t len)
{
	return hash_octets(zone, len, 0);
}

static const struct route *zone_find(const struct routes *place, const uint8_t *zone,
				     size_t len)
{
	const struct route *route =
		table_first(place->first, place->n, ROUTE_ZONE, zone_hash(zone, len));

	while (route &&
	       (route->spec.zone.len != len || memcmp(route->spec.zone.wire, zone, len) != 0))
		route = table_next(place->first, ROUTE_ZONE, route);
	return route;
}

/* ---- which is the one ---- */

static const struct route *place_route(const struct routes *place, const struct ng_name *name)
{
	const struct route *route = NULL;

	for (size_t at = 0; place->n && !route && at < name->len; at += 1u + name->wire[at]) {
		const size_t len = name->len - at;

		if (len <= place->first->spec.zone.len)
			route = zone_find(place, name->wire + at, len);
	}
	return route;
}

const struct route *route_of(const struct sandbox *sandbox, const struct ng_name *name)
{
	const struct route *route = NULL;

	for (size_t place = 0; place < ROUTES && !route; place++)
		route = place_route(&sandbox->routes[place], name);
	return route;
}

void answer_trust(const struct ng_gate *gate, uint32_t id, struct ng_answer *answer)
{
	const struct route *route = route_by_id(gate, id);

	answer->authentic = answer->authentic && route && route->spec.trust_ad;
}

/* ---- places ---- */

static int place_order(const struct ng_route *a, const struct ng_route *b)
{
	if (a->sandbox != b->sandbox)
		return a->sandbox < b->sandbox ? -1 : 1;
	return (a->group > b->group) - (a->group < b->group);
}

static int route_order(const void *a, const void *b)
{
	const struct ng_route *left = &((const struct route *)a)->spec;
	const struct ng_route *right = &((const struct route *)b)->spec;
	const int place = place_order(left, right);

	return place ? place : (int)right->zone.len - (int)left->zone.len;
}

static struct routes place_find(const struct route *routes, size_t n,
				const struct ng_route *place)
{
	struct routes found = {0};
	size_t low = 0, high = n;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (place_order(&routes[middle].spec, place) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	found.first = routes + low;
	if (low < n && place_order(&found.first->spec, place) == 0)
		found.n = found.first->n_place;
	return found;
}

void routes_bind(const struct route *routes, size_t n, struct sandbox *sandbox)
{
	const struct ng_route own = {.sandbox = sandbox->spec.id},
			      group = {.group = sandbox->spec.group}, all = {0};

	sandbox->routes[ROUTES_OWN] = place_find(routes, n, &own);
	sandbox->routes[ROUTES_GROUP] =
		sandbox->spec.group ? place_find(routes, n, &group) : (struct routes){0};
	sandbox->routes[ROUTES_ALL] = place_find(routes, n, &all);
}

static int number_order(const void *a, const void *b)
{
	const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

static void place_table(struct route *first)
{
	for (size_t i = first->n_place; i-- > 0;)
		table_put(first, first->n_place, ROUTE_ZONE,
			  zone_hash(first[i].spec.zone.wire, first[i].spec.zone.len), i);
}

static void places_table(struct route *routes, size_t n)
{
	for (size_t from = 0, to; from < n; from = to) {
		for (to = from + 1;
		     to < n && place_order(&routes[from].spec, &routes[to].spec) == 0; to++)
			;
		routes[from].n_place = to - from;
		place_table(&routes[from]);
	}
}

/* They are in order. NG_E_RANGE: answers are known by the id alone, and two have the same. */
static int tables_make(struct route *routes, size_t n)
{
	places_table(routes, n);
	for (size_t i = n; i-- > 0;) {
		if (id_find(routes, n, routes[i].spec.id))
			return NG_E_RANGE;
		table_put(routes, n, ROUTE_ID, routes[i].spec.id, i);
		table_put(routes, n, ROUTE_ORIGIN, routes[i].spec.origin, i);
	}
	return NG_OK;
}

int routes_build(const struct ng_generation *generation, struct route **out)
{
	const size_t n = generation->n_routes;
	struct route *routes = calloc(n + 1, sizeof(*routes));
	int error = routes ? NG_OK : NG_E_NOMEM;

	for (size_t i = 0; routes && i < n; i++) {
		if (generation->routes[i].n_opened > NG_PRIVATE_MAX)
			error = NG_E_RANGE;
		routes[i].spec = generation->routes[i];
		ng_name_lower(&routes[i].spec.zone);
	}
	if (!error) {
		qsort(routes, n, sizeof(*routes), route_order);
		error = tables_make(routes, n);
	}
	if (error) {
		free(routes);
		return error;
	}
	*out = routes;
	return NG_OK;
}

/* ---- other routes than before ---- */

static bool route_same(const struct ng_route *a, const struct ng_route *b)
{
	return a->id == b->id && a->origin == b->origin && a->trust_ad == b->trust_ad &&
	       place_order(a, b) == 0 && ng_name_equal(&a->zone, &b->zone);
}

static bool route_stays(const struct ng_route *route, const struct route *routes, size_t n)
{
	const struct route *found = id_find(routes, n, route->id);

	return found && route_same(route, &found->spec);
}

struct gone { /* ids of routes that mean something else now, or nothing */
	uint32_t *ids;
	size_t n;
	bool all; /* memory is out: any may be one */
};

static struct gone gone_find(const struct ng_gate *gate, const struct route *routes, size_t n)
{
	struct gone gone = {.ids = malloc((gate->n_routes + 1) * sizeof(*gone.ids))};

	gone.all = !gone.ids;
	for (size_t i = 0; gone.ids && i < gate->n_routes; i++) {
		if (!route_stays(&gate->routes[i].spec, routes, n))
			gone.ids[gone.n++] = gate->routes[i].spec.id;
	}
	if (gone.ids)
		qsort(gone.ids, gone.n, sizeof(*gone.ids), number_order);
	return gone;
}

static bool is_gone(const struct gone *gone, uint32_t id)
{
	return gone->all ||
	       (gone->n && bsearch(&id, gone->ids, gone->n, sizeof(id), number_order));
}

static void answers_drop(struct ng_gate *gate, const struct gone *gone)
{
	const struct cache *cache = &gate->cache;

	for (size_t i = 0; i < cache->room; i++) {
		struct entry *entry = cache->buckets[i], *next;

		for (; entry; entry = next) {
			next = entry->next;
			if (is_gone(gone, entry->route))
				cache_drop(gate, entry);
		}
	}
}

static void asks_drop(struct ng_gate *gate, const struct gone *gone)
{
	struct ask *ask, *spare;

	DL_FOREACH_SAFE (gate->asks, ask, spare) {
		if (is_gone(gone, ask->key.route))
			ask_drop(gate, ask);
	}
}

void routes_resend(struct ng_gate *gate, struct sandbox *sandbox)
{
	struct query *query, *next;

	DL_FOREACH2(sandbox->queries, query, sandbox_next)
	{
		const struct route *route = route_of(sandbox, &query->target);

		if (query->ask && (!route || route->spec.id != query->ask->key.route))
			ask_leave(query);
	}
	DL_FOREACH_SAFE2(sandbox->queries, query, next, sandbox_next)
	{
		if (query->state == QUERY_RESOLVING)
			query_resolve(gate, query);
	}
}

/* Of what was said already, nobody knows any more by which route it came. */
static void proofs_drop(struct ng_gate *gate)
{
	struct sandbox *sandbox, *spare;
	struct query *query;

	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		DL_FOREACH2(sandbox->queries, query, sandbox_next)
		{
			if (query->judged)
				query_prove(query, false);
		}
	}
}

void routes_swap(struct ng_gate *gate, struct route *routes, size_t n)
{
	struct gone gone = gone_find(gate, routes, n);
	struct sandbox *sandbox, *spare;

	free(gate->routes);
	gate->routes = routes;
	gate->n_routes = n;
	if (gone.all || gone.n) {
		answers_drop(gate, &gone);
		asks_drop(gate, &gone);
		proofs_drop(gate);
	}
	free(gone.ids);
	HASH_ITER (hh, gate->directory.by_id, sandbox, spare) {
		routes_resend(gate, sandbox);
	}
}
