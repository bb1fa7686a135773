/*
 * Forward zones: which one a name of a sandbox belongs to, and what tells one from another.
 *
 * The engine decides the same by its own tables (src/gate/routes.c): here is what the file says of it,
 * for those who ask before anything runs.
 */
#include "base/hash.h"
#include "conf/conf.h"

#include <string.h>

/* How close a route stands to the sandbox: 0: it is none of its. */
static int closeness(const struct conf_route *route, const struct conf_sandbox *sandbox)
{
	if (route->scope == NG_SCOPE_GLOBAL)
		return 1;
	if (sandbox == NULL)
		return 0;
	if (route->scope == NG_SCOPE_GROUP)
		return strcmp(route->owner, sandbox->group) == 0 ? 2 : 0;
	return strcmp(route->owner, sandbox->name) == 0 ? 3 : 0;
}

size_t conf_route_of(const struct conf *conf, const struct conf_sandbox *sandbox,
		     const struct ng_name *name)
{
	size_t best = 0;
	int close = 0, labels = -1;
	for (size_t i = 0; i < conf->n_routes; i++) {
		const struct ng_name *zone = &conf->routes[i].zone;
		int here = closeness(&conf->routes[i], sandbox), long_as = ng_name_labels(zone);
		if (here == 0 || here < close || (here == close && long_as <= labels) ||
		    !ng_name_within(name, zone))
			continue;
		best = i;
		close = here;
		labels = long_as;
	}
	return best;
}

/* Who has the zone's own name has all names below it, or leaves them to longer zones of its own. */
bool conf_route_reaches(const struct conf *conf, const struct conf_sandbox *sandbox,
			size_t route)
{
	return closeness(&conf->routes[route], sandbox) > 0 &&
	       conf_route_of(conf, sandbox, &conf->routes[route].zone) == route;
}

const char *conf_route_text(const struct conf_route *route, char out[static CONF_ROUTE_TEXT])
{
	ng_name_to_text(&route->zone, out);
	if (route->scope != NG_SCOPE_GLOBAL)
		snprintf(out + strlen(out), CONF_ROUTE_TEXT - strlen(out), " of %s %s",
			 route->scope == NG_SCOPE_GROUP ? "group" : "sandbox", route->owner);
	return out;
}

uint64_t conf_route_origin(const struct conf_route *route)
{
	const uint8_t scope = (uint8_t)route->scope;
	uint64_t digest = hash_octets(&scope, sizeof(scope), 1);
	digest = hash_octets(route->owner, strlen(route->owner) + 1, digest);
	digest = hash_octets(route->zone.wire, route->zone.len, digest);
	for (uint8_t i = 0; i < route->n_servers; i++) {
		const struct conf_server *server = &route->servers[i];
		const uint16_t how[] = {server->port, (uint16_t)server->transport};
		digest = hash_octets(&server->addr, sizeof(server->addr), digest);
		digest = hash_octets(how, sizeof(how), digest);
		digest = hash_octets(server->name, strlen(server->name) + 1, digest);
	}
	digest = hash_octets(route->pins, route->n_pins * sizeof(route->pins[0]), digest);
	for (uint8_t i = 0; i < route->n_source; i++)
		digest = hash_octets(&route->source[i], sizeof(route->source[i]), digest);
	const uint32_t rest[] = {route->mark, route->trust_ad};
	digest = hash_octets(rest, sizeof(rest), digest);
	return digest != 0 ? digest : 1;
}
