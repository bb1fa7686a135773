/*
 * Which server of a route to ask.
 *
 * The last good one is asked first. One lost packet says nothing about a server, and one slow
 * name neither (a sandbox may choose such names): only several time-outs in a row make it one to
 * avoid, for a while, and when all are to be avoided none is. Time, not a probe, brings it back.
 */
#include "edge/upstream_try_servers.h"

#include <stdlib.h>
#include <string.h>

#define FAILURES    3
#define AVOID_MS    10000
#define NO_CASE_MS  600000
#define TIMEOUT_MIN 10
#define TIMEOUT_MAX 60000

void servers_finish(struct servers *servers)
{
	if (!servers)
		return;
	free(servers->routes);
	*servers = (struct servers){0};
}

static int by_id(const void *a, const void *b)
{
	const struct server_route *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

struct server_route *servers_route(const struct servers *servers, uint32_t id)
{
	const struct server_route key = {.id = id};

	if (!servers->n)
		return NULL;
	return bsearch(&key, servers->routes, servers->n, sizeof(key), by_id);
}

/* Health belongs to the server, whatever route it serves; routes may have changed their ids. */
static void inherit(struct server *server, const struct servers *old)
{
	for (size_t r = 0; r < old->n; r++)
		for (uint8_t i = 0; i < old->routes[r].n_servers; i++) {
			const struct server *known = &old->routes[r].servers[i];
			if (known->at.port == server->at.port &&
			    ng_addr_equal(&known->at.addr, &server->at.addr)) {
				*server = *known;
				return;
			}
		}
}

static void fill(struct server_route *route, const struct upstream_route *from,
		 const struct servers *old)
{
	route->id = from->id;
	route->timeout_ms = from->timeout_ms;
	if (route->timeout_ms < TIMEOUT_MIN)
		route->timeout_ms = TIMEOUT_MIN;
	if (route->timeout_ms > TIMEOUT_MAX)
		route->timeout_ms = TIMEOUT_MAX;
	route->n_servers = from->n_servers < NG_SERVERS_MAX ? from->n_servers : NG_SERVERS_MAX;
	for (uint8_t i = 0; i < route->n_servers; i++) {
		route->servers[i].at = from->servers[i];
		inherit(&route->servers[i], old);
	}
}

int servers_replace(struct servers *servers, const struct upstream_route *routes, size_t n)
{
	struct server_route *fresh = calloc(n ? n : 1, sizeof(*fresh));

	if (!fresh)
		return NG_E_NOMEM;
	for (size_t i = 0; i < n; i++)
		fill(&fresh[i], &routes[i], servers);
	qsort(fresh, n, sizeof(*fresh), by_id);
	free(servers->routes);
	servers->routes = fresh;
	servers->n = n;
	return NG_OK;
}

static bool pick(const struct server_route *route, uint64_t now_ms, bool anyone, uint8_t *tried,
		 uint8_t *out)
{
	for (uint8_t step = 0; step < route->n_servers; step++) {
		uint8_t index = (uint8_t)((route->preferred + step) % route->n_servers);
		uint8_t bit = (uint8_t)(1u << index);

		if (*tried & bit)
			continue;
		if (!anyone && now_ms < route->servers[index].avoid_until_ms)
			continue;
		*tried |= bit;
		*out = index;
		return true;
	}
	return false;
}

uint8_t server_pick(const struct server_route *route, uint64_t now_ms, uint8_t *tried)
{
	uint8_t index = 0;

	if (pick(route, now_ms, false, tried, &index) ||
	    pick(route, now_ms, true, tried, &index))
		return index;
	*tried = 0; /* all had their turn: round again */
	if (!pick(route, now_ms, false, tried, &index))
		(void)pick(route, now_ms, true, tried, &index);
	return index;
}

void server_good(struct server_route *route, uint8_t index)
{
	route->servers[index].failures = 0;
	route->servers[index].avoid_until_ms = 0;
	route->preferred = index;
}

void server_bad(struct server_route *route, uint8_t index, uint64_t now_ms)
{
	if (++route->servers[index].failures >= FAILURES)
		route->servers[index].avoid_until_ms = now_ms + AVOID_MS;
}

void server_no_case(struct server_route *route, uint8_t index, uint64_t now_ms)
{
	route->servers[index].no_case_until_ms = now_ms + NO_CASE_MS;
}
