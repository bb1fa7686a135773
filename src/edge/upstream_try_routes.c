/*
 * Which servers there are, and what a reload keeps of what is known about them.
 *
 * A gate answers nobody while its routes are replaced, and there may be thousands: so a server is looked
 * for in its own route first, and among all others by order.
 */
#include "edge/upstream_try_servers.h"

#include <stdlib.h>
#include <string.h>

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

static int addr_order(const struct ng_addr *a, const struct ng_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* 0 for those that are the same alone. */
static int server_order(const struct upstream_server *a, const struct upstream_server *b)
{
	const int addrs = addr_order(&a->addr, &b->addr);

	if (addrs)
		return addrs;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	if (a->transport != b->transport)
		return a->transport < b->transport ? -1 : 1;
	if (a->who != b->who)
		return a->who < b->who ? -1 : 1;
	if (a->mark != b->mark)
		return a->mark < b->mark ? -1 : 1;
	return addr_order(&a->source, &b->source);
}

static int by_server(const void *a, const void *b)
{
	const struct server *const *left = a, *const *right = b;

	return server_order(&(*left)->at, &(*right)->at);
}

void servers_expect(const struct servers *servers, const struct server *from)
{
	for (size_t r = 0; r < servers->n; r++) {
		for (uint8_t i = 0; i < servers->routes[r].n_servers; i++) {
			struct server *server = &servers->routes[r].servers[i];

			if (!server->cookie.expected &&
			    server_order(&server->at, &from->at) == 0)
				server->cookie = from->cookie;
		}
	}
}

struct known { /* all servers of all routes as they were, by what they are */
	const struct server **servers;
	size_t n;
};

static bool known_make(const struct servers *old, struct known *out)
{
	*out = (struct known){
		.servers = calloc(old->n * NG_SERVERS_MAX + 1, sizeof(*out->servers))};
	for (size_t r = 0; out->servers && r < old->n; r++)
		for (uint8_t i = 0; i < old->routes[r].n_servers; i++)
			out->servers[out->n++] = &old->routes[r].servers[i];
	if (out->servers)
		qsort(out->servers, out->n, sizeof(*out->servers), by_server);
	return out->servers;
}

static const struct server *of_route(const struct server_route *route,
				     const struct upstream_server *at)
{
	for (uint8_t i = 0; route && i < route->n_servers; i++)
		if (server_order(&route->servers[i].at, at) == 0)
			return &route->servers[i];
	return NULL;
}

static const struct server *of_any(const struct known *known, const struct server *server)
{
	const struct server **found = known->n ? bsearch(&server, known->servers, known->n,
							 sizeof(*known->servers), by_server)
					       : NULL;

	return found ? *found : NULL;
}

/* Health belongs to the server, whatever route it serves; what was counted belongs to the route too. */
static void inherit(struct server *server, const struct server_route *before,
		    const struct known *known)
{
	const struct server *same = of_route(before, &server->at);
	const struct server *from = same ? same : of_any(known, server);

	if (!from)
		return;
	*server = *from;
	server->probed = false;
	server->told_ms = 0;
	if (!same)
		memset(server->counts, 0, sizeof(server->counts));
}

static void fill(struct server_route *route, const struct upstream_route *from,
		 const struct server_route *before, const struct known *known)
{
	route->id = from->id;
	route->timeout_ms = from->timeout_ms;
	route->trust_ad = from->trust_ad;
	route->zone = from->zone;
	route->sandbox = from->sandbox;
	route->group = from->group;
	if (route->timeout_ms < TIMEOUT_MIN)
		route->timeout_ms = TIMEOUT_MIN;
	if (route->timeout_ms > TIMEOUT_MAX)
		route->timeout_ms = TIMEOUT_MAX;
	route->n_servers = from->n_servers < NG_SERVERS_MAX ? from->n_servers : NG_SERVERS_MAX;
	for (uint8_t i = 0; i < route->n_servers; i++) {
		route->servers[i].at = from->servers[i];
		route->servers[i].who = from->who[i];
		inherit(&route->servers[i], before, known);
	}
}

int servers_replace(struct servers *servers, const struct upstream_route *routes, size_t n)
{
	struct server_route *fresh = calloc(n ? n : 1, sizeof(*fresh));
	struct known known = {0};

	if (!fresh || !known_make(servers, &known)) {
		free(fresh);
		return NG_E_NOMEM;
	}
	for (size_t i = 0; i < n; i++)
		fill(&fresh[i], &routes[i], servers_route(servers, routes[i].id), &known);
	free(known.servers);
	qsort(fresh, n, sizeof(*fresh), by_id);
	free(servers->routes);
	servers->routes = fresh;
	servers->n = n;
	return NG_OK;
}
