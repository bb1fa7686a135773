/*
 * Which upstream a name of a sandbox belongs to: the forward zone with the most labels that the name
 * is within, out of the sandbox's own; when none of these holds it, out of its group's; and then out
 * of those that all have. So who gives a sandbox a zone of its own knows that nobody else is asked
 * for any name in it, however long the zones of others are.
 *
 * The routes of one place stand together, the longest zone first, so that the first that fits is the
 * one; a sandbox has the beginnings of the three places that concern it.
 */
#include "gate/engine.h"

#include <stdlib.h>

const struct route *route_of(const struct sandbox *sandbox, const struct ng_name *name)
{
	for (size_t place = 0; place < ROUTES; place++) {
		const struct routes *routes = &sandbox->routes[place];

		for (size_t i = 0; i < routes->n; i++) {
			if (ng_name_within(name, &routes->first[i].spec.zone))
				return &routes->first[i];
		}
	}
	return NULL;
}

const struct route *route_by_id(const struct ng_gate *gate, uint32_t id)
{
	for (size_t i = 0; i < gate->n_routes; i++) {
		if (gate->routes[i].spec.id == id)
			return &gate->routes[i];
	}
	return NULL;
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
	while (low + found.n < n && place_order(&found.first[found.n].spec, place) == 0)
		found.n++;
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

/* Answers are known by the id alone. */
static int ids_check(const struct route *routes, size_t n)
{
	uint32_t *ids = calloc(n + 1, sizeof(*ids));
	int error = ids ? NG_OK : NG_E_NOMEM;

	for (size_t i = 0; ids && i < n; i++)
		ids[i] = routes[i].spec.id;
	if (ids)
		qsort(ids, n, sizeof(*ids), number_order);
	for (size_t i = 1; ids && i < n; i++) {
		if (ids[i] == ids[i - 1])
			error = NG_E_RANGE;
	}
	free(ids);
	return error;
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
	if (!error)
		error = ids_check(routes, n);
	if (error) {
		free(routes);
		return error;
	}
	qsort(routes, n, sizeof(*routes), route_order);
	*out = routes;
	return NG_OK;
}

/* ---- other routes than before ---- */

static bool route_same(const struct ng_route *a, const struct ng_route *b)
{
	return a->id == b->id && a->origin == b->origin && a->trust_ad == b->trust_ad &&
	       place_order(a, b) == 0 && ng_name_equal(&a->zone, &b->zone);
}

/* Most routes stay, and where they stood. */
static bool route_stays(const struct ng_route *route, size_t at, const struct route *routes,
			size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (route_same(route, &routes[(at + i) % n].spec))
			return true;
	}
	return false;
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
		if (!route_stays(&gate->routes[i].spec, i, routes, n))
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

	HASH_ITER (hh, gate->asks, ask, spare) {
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
