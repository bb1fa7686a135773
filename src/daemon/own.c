/*
 * Own addresses: every address of every interface of this network namespace, and every upstream
 * server. Sorted, so that a change is seen by comparing two lists.
 */
#include "daemon/own.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_STEP 64

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ng_prefix));
}

static int add(struct own *own, const struct ng_addr *addr)
{
	size_t len = ng_addr_len(addr);
	if (!len)
		return NG_OK;
	if (own->n % ROOM_STEP == 0) {
		void *more = realloc(own->items, (own->n + ROOM_STEP) * sizeof *own->items);
		if (!more)
			return NG_E_NOMEM;
		own->items = more;
	}
	own->items[own->n++] = (struct ng_prefix){.addr = *addr, .bits = (uint8_t)(len * 8)};
	return NG_OK;
}

static struct ng_addr addr_of(const struct sockaddr *sock)
{
	if (sock && sock->sa_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)sock;
		return ng_addr_make(NG_IPV4, (const uint8_t *)&v4->sin_addr);
	}
	if (sock && sock->sa_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)sock;
		return ng_addr_make(NG_IPV6, v6->sin6_addr.s6_addr);
	}
	return (struct ng_addr){0};
}

static int add_interfaces(struct own *own)
{
	struct ifaddrs *all;
	int code = NG_OK;
	if (getifaddrs(&all))
		return NG_E_IO;
	for (const struct ifaddrs *one = all; one && !code; one = one->ifa_next) {
		struct ng_addr addr = addr_of(one->ifa_addr);
		code = add(own, &addr);
	}
	freeifaddrs(all);
	return code;
}

static int add_upstreams(struct own *own, const struct conf *conf)
{
	int code = NG_OK;
	for (size_t i = 0; i < conf->n_routes; i++)
		for (size_t j = 0; j < conf->routes[i].n_servers && !code; j++)
			code = add(own, &conf->routes[i].servers[j].addr);
	return code;
}

static void sort(struct own *own)
{
	size_t kept = 0;
	if (own->n)
		qsort(own->items, own->n, sizeof *own->items, compare);
	for (size_t i = 0; i < own->n; i++)
		if (!kept || compare(&own->items[kept - 1], &own->items[i]))
			own->items[kept++] = own->items[i];
	own->n = kept;
}

int own_collect(const struct conf *conf, struct own *out)
{
	struct own own = {0};
	int code = add_interfaces(&own);
	if (!code)
		code = add_upstreams(&own, conf);
	if (code) {
		own_finish(&own);
		return code;
	}
	sort(&own);
	*out = own;
	return NG_OK;
}

/* ---- servers that we are ourselves ---- */

static bool has(const struct own *own, const struct ng_addr *addr)
{
	const struct ng_prefix key = {.addr = *addr, .bits = (uint8_t)(ng_addr_len(addr) * 8)};
	return own->n && bsearch(&key, own->items, own->n, sizeof key, compare);
}

/* On every address: what listens on single ones is held against the servers where they are read. */
static bool listens_everywhere(const struct conf *conf, const struct conf_server *server)
{
	static const uint8_t any[sizeof server->addr.bytes];
	for (size_t i = 0; i < conf->n_listen; i++)
		if (conf->listen[i].port == server->port &&
		    conf->listen[i].addr.family == server->addr.family &&
		    !memcmp(conf->listen[i].addr.bytes, any, sizeof any))
			return true;
	return false;
}

static void check_route(const struct conf *conf, struct conf_route *route,
			const struct own *own, struct ng_diags *diags)
{
	char text[CONF_SERVER_TEXT], zone[CONF_ROUTE_TEXT];
	uint8_t kept = 0;
	for (uint8_t i = 0; i < route->n_servers; i++) {
		const struct conf_server *server = &route->servers[i];
		const bool loop = listens_everywhere(conf, server) && has(own, &server->addr);
		if (loop)
			ng_diag_add(
				diags, route->resolv_conf ? NG_WARNING : NG_ERROR,
				&route->place, "conf-loop", "name the servers behind the gate",
				"%s of forward zone %s is an address of this machine, and "
				"the gate listens there itself%s",
				conf_server_text(server, text), conf_route_text(route, zone),
				route->resolv_conf ? "; it is passed over" : "");
		if (!loop || !route->resolv_conf)
			route->servers[kept++] = *server;
	}
	route->n_servers = kept;
}

int own_check_loops(struct conf *conf, struct ng_diags *diags)
{
	struct own own = {0};
	const size_t errors = diags->errors;
	int code = add_interfaces(&own);
	if (code == NG_OK) {
		sort(&own);
		for (size_t i = 0; i < conf->n_routes; i++)
			check_route(conf, &conf->routes[i], &own, diags);
	}
	own_finish(&own);
	return code ? code : diags->errors > errors ? NG_E_SYNTAX : NG_OK;
}

bool own_equal(const struct own *a, const struct own *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->items, b->items, a->n * sizeof *a->items));
}

void own_finish(struct own *own)
{
	if (!own)
		return;
	free(own->items);
	*own = (struct own){0};
}
