/*
 * What single values cannot show: two sandboxes that claim one source, an interface that nobody
 * guards, a zone that has no servers, times that add up to more than a lease may last.
 *
 * Overlaps are found by a sweep over the sorted prefixes: a prefix overlaps another only if one
 * holds the other, so the prefixes that hold the one at hand are a stack.
 */
#include "conf/fields.h"
#include "conf/grants.h"
#include "conf/host.h"
#include "conf/socket.h"

#include <stdlib.h>
#include <string.h>

struct claim { /* one source prefix of one sandbox */
	const struct ng_prefix *prefix;
	const struct conf_sandbox *sandbox;
	size_t section, item;
};

static int claim_order(const void *a, const void *b)
{
	const struct ng_prefix *one = ((const struct claim *)a)->prefix;
	const struct ng_prefix *two = ((const struct claim *)b)->prefix;
	int order = (int)one->addr.family - (int)two->addr.family;
	if (order == 0)
		order = memcmp(one->addr.bytes, two->addr.bytes, sizeof(one->addr.bytes));
	return order != 0 ? order : (int)one->bits - (int)two->bits;
}

/* The one that stands later in the file is reported, with the place of the other. */
static void report_overlap(const struct claim *a, const struct claim *b,
			   const struct tree *tree, struct ng_diags *diags)
{
	char text[NG_PREFIX_TEXT], other[NG_PREFIX_TEXT];
	if (a->section > b->section || (a->section == b->section && a->item > b->item)) {
		const struct claim *swap = a;
		a = b;
		b = swap;
	}
	struct ng_place first = tree_place(tree, CONF_SANDBOX, a->section, "sources", a->item);
	struct ng_place second = tree_place(tree, CONF_SANDBOX, b->section, "sources", b->item);
	ng_diag_add(diags, NG_ERROR, &second, "conf-overlap",
		    "give each sandbox sources of its own",
		    "%s of sandbox %s overlaps %s of sandbox %s at %s:%u:%u",
		    ng_prefix_format(b->prefix, text), b->sandbox->name,
		    ng_prefix_format(a->prefix, other), a->sandbox->name, first.path,
		    first.line, first.column);
}

static void sweep(struct claim *claims, size_t n, const struct claim **stack,
		  const struct tree *tree, struct ng_diags *diags)
{
	size_t depth = 0;
	for (size_t i = 0; i < n; i++) {
		while (depth > 0 &&
		       !ng_prefix_contains(stack[depth - 1]->prefix, &claims[i].prefix->addr))
			depth--;
		for (size_t j = 0; j < depth; j++)
			report_overlap(stack[j], &claims[i], tree, diags);
		stack[depth++] = &claims[i];
	}
}

static void check_sources(const struct conf *conf, const struct tree *tree,
			  struct ng_diags *diags)
{
	size_t n = 0, room = conf->n_sandboxes * NG_SOURCES_MAX;
	struct ng_place place = {tree->path, 0, 0};
	if (room == 0)
		return;
	struct claim *claims = calloc(room, sizeof(*claims));
	const struct claim **stack = calloc(room, sizeof(*stack));
	for (size_t i = 0; claims != NULL && i < conf->n_sandboxes; i++) {
		const struct conf_sandbox *sandbox = &conf->sandboxes[i];
		for (size_t j = 0; j < sandbox->n_sources; j++)
			claims[n++] = (struct claim){&sandbox->sources[j], sandbox, i, j};
	}
	if (claims != NULL && stack != NULL) {
		qsort(claims, n, sizeof(*claims), claim_order);
		sweep(claims, n, stack, tree, diags);
	} else {
		ng_diag_add(diags, NG_ERROR, &place, "conf-memory", NULL, "memory is out");
	}
	free(claims);
	free(stack);
}

static bool guarded(const struct conf *conf, const char *interface)
{
	for (size_t i = 0; i < conf->n_interfaces; i++) {
		const char *pattern = conf->interfaces[i];
		size_t n = strlen(pattern);
		if (pattern[n - 1] == '*' ? strncmp(pattern, interface, n - 1) == 0
					  : strcmp(pattern, interface) == 0)
			return true;
	}
	return false;
}

/* An address that no setting opens would be written in vain, and read as if it worked. */
static void check_opened(const struct ng_prefix *opened, size_t n, const struct tree *tree,
			 int table, size_t section, struct ng_diags *diags)
{
	char text[NG_PREFIX_TEXT];
	for (size_t i = 0; i < n; i++) {
		struct ng_place place = tree_place(tree, table, section, "private", i);
		if (ng_addr_reach(&opened[i].addr) != NG_REACH_NEVER)
			continue;
		ng_diag_add(diags, NG_ERROR, &place, "conf-never",
			    "name the private ranges that are needed, such as 10.2.0.0/16",
			    "%s begins with addresses that no setting opens",
			    ng_prefix_format(&opened[i], text));
	}
}

static void check_snat(const struct ng_prefix *snat, size_t n, const struct tree *tree,
		       int table, size_t section, struct ng_diags *diags)
{
	const char *wrong = snat_wrong(snat, n);
	if (wrong != NULL) {
		struct ng_place place = tree_place(tree, table, section, "snat", n - 1);
		ng_diag_add(diags, NG_ERROR, &place, "conf-snat",
			    "write snat = {\"192.0.2.10\", \"2001:db8::10\"}", "%s", wrong);
	}
}

static void check_integrate(const struct conf *conf, size_t i, const struct tree *tree,
			    struct ng_diags *diags)
{
	const char *why, *key = integrate_wrong(&conf->sandboxes[i], &why);
	if (conf->n_declared == 0 || key == NULL)
		return;
	struct ng_place place = tree_place(tree, CONF_SANDBOX, i, key, 0);
	ng_diag_add(diags, NG_ERROR, &place, "conf-integrate",
		    "leave it out, or leave out integrate",
		    "%s of sandbox %s cannot be had beside integrate: %s", key,
		    conf->sandboxes[i].name, why);
}

static void check_who(const struct conf *conf, size_t i, struct ng_diags *diags)
{
	const struct conf_sandbox *sandbox = &conf->sandboxes[i];
	const char *advice, *wrong = conf_who_wrong(conf, sandbox, &advice);
	if (wrong != NULL)
		ng_diag_add(diags, NG_ERROR, &sandbox->place, "conf-who", advice,
			    "sandbox %s: %s", sandbox->name, wrong);
	conf_report_same(conf, i, diags);
}

/* The line that guards the bridge as well. */
static void suggest_interfaces(const struct conf *conf, const char *bridge, char *out,
			       size_t room)
{
	size_t n = (size_t)snprintf(out, room, "write interfaces = {");
	for (size_t i = 0; i < conf->n_interfaces && n < room; i++)
		n += (size_t)snprintf(out + n, room - n, "\"%s\", ", conf->interfaces[i]);
	if (n < room)
		snprintf(out + n, room - n, "\"%s\"}", bridge);
}

/* One bridge is either one interface to a sandbox, or its ports are told apart. */
static const struct conf_sandbox *plain_on(const struct conf *conf, const char *bridge)
{
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		const struct conf_sandbox *other = &conf->sandboxes[i];
		if (other->bridge[0] == '\0' && strcmp(other->interface, bridge) == 0)
			return other;
	}
	return NULL;
}

static void check_bridge(const struct conf *conf, size_t i, const struct tree *tree,
			 struct ng_diags *diags)
{
	const struct conf_sandbox *sandbox = &conf->sandboxes[i];
	const struct conf_sandbox *plain = plain_on(conf, sandbox->bridge);
	struct ng_place place = tree_place(tree, CONF_SANDBOX, i, "bridge", 0);
	char advice[32 + (NG_IFPATTERNS_MAX + 1) * (NG_IFNAME_MAX + 4)];
	if (sandbox->interface[0] == '\0')
		ng_diag_add(diags, NG_ERROR, &place, "conf-bridge",
			    "add interface = \"tap1\": the sandbox's port of the bridge",
			    "sandbox %s has a bridge and no interface", sandbox->name);
	else if (strcmp(sandbox->interface, sandbox->bridge) == 0)
		ng_diag_add(diags, NG_ERROR, &place, "conf-bridge",
			    "name the sandbox's port of the bridge as its interface",
			    "%s is no port of itself", sandbox->bridge);
	if (plain != NULL)
		ng_diag_add(diags, NG_ERROR, &place, "conf-bridge",
			    "give that one the port that it is on, and the bridge as well",
			    "%s is the interface of sandbox %s at %s:%u:%u, which would be "
			    "told from nobody on it",
			    sandbox->bridge, plain->name, plain->place.path, plain->place.line,
			    plain->place.column);
	if (!guarded(conf, sandbox->bridge)) {
		suggest_interfaces(conf, sandbox->bridge, advice, sizeof(advice));
		ng_diag_add(diags, NG_ERROR, &place, "conf-interface", advice,
			    "the bridge %s matches none of interfaces, so the packets of its "
			    "ports would pass by; it is the bridge that has to, not %s",
			    sandbox->bridge,
			    sandbox->interface[0] != '\0' ? sandbox->interface : "its port");
	}
}

static void check_sandbox(const struct conf *conf, size_t i, const struct tree *tree,
			  struct ng_diags *diags)
{
	const struct conf_sandbox *sandbox = &conf->sandboxes[i];
	struct ng_place place = tree_place(tree, CONF_SANDBOX, i, "interface", 0);
	struct ng_place named = tree_place(tree, CONF_SANDBOX, i, "group", 0);
	if (sandbox->group[0] != '\0' && conf_group_find(conf, sandbox->group) == NULL)
		ng_diag_add(
			diags, NG_ERROR, &named, "conf-group",
			"add group \"NAME\" { policies = {...} }, or name one that is there",
			"there is no group %s", sandbox->group);
	check_opened(sandbox->opened, sandbox->n_opened, tree, CONF_SANDBOX, i, diags);
	check_snat(sandbox->snat, sandbox->n_snat, tree, CONF_SANDBOX, i, diags);
	check_who(conf, i, diags);
	if (sandbox->n_sources == 0 && conf_who(sandbox) == WALL_BY_INTERFACE) {
		ng_diag_add(diags, NG_ERROR, &sandbox->place, "conf-sources",
			    "add sources = {\"192.0.2.7\"}, or uid, cgroup or sidecar",
			    "sandbox %s has no source address, so nothing could be told to be "
			    "it",
			    sandbox->name);
	}
	check_integrate(conf, i, tree, diags);
	if (conf->n_declared > 0)
		return;
	if (sandbox->bridge[0] != '\0')
		check_bridge(conf, i, tree, diags);
	else if (sandbox->interface[0] != '\0' && !guarded(conf, sandbox->interface))
		ng_diag_add(diags, NG_ERROR, &place, "conf-interface",
			    "add it to interfaces, or rename it",
			    "%s matches none of interfaces, so its packets would pass by",
			    sandbox->interface);
}

/*
 * Who can break the connection to the one would have the question sent to the other, for him to read
 * and to answer.
 */
static void check_mix(const struct conf_route *route, size_t i, const struct tree *tree,
		      struct ng_diags *diags)
{
	for (uint8_t j = 1; j < route->n_servers; j++) {
		if ((route->servers[j].transport == WALL_TLS) ==
		    (route->servers[0].transport == WALL_TLS))
			continue;
		const bool first_tls = route->servers[0].transport == WALL_TLS;
		const struct ng_place one = tree_place(tree, CONF_FORWARD, i, "servers", 0);
		const struct ng_place two = tree_place(tree, CONF_FORWARD, i, "servers", j);
		ng_diag_add(diags, NG_ERROR, &two, "conf-tls",
			    "write tls:// before all servers of the zone, or leave out those "
			    "that are not asked by TLS",
			    "this server would be asked %s, and the one at %s:%u:%u %s: who "
			    "breaks the connection by TLS could read and answer the questions",
			    first_tls ? "in the clear" : "by TLS", one.path, one.line,
			    one.column, first_tls ? "by TLS" : "in the clear");
		return;
	}
}

/* A bit in a datagram that anybody on the way may set is no proof. */
static void check_trust(const struct conf_route *route, size_t i, const struct tree *tree,
			struct ng_diags *diags)
{
	for (uint8_t j = 0; route->trust_ad && j < route->n_servers; j++) {
		const struct conf_server *server = &route->servers[j];
		if (server->transport == WALL_TLS ||
		    ng_addr_reach(&server->addr) != NG_REACH_PUBLIC)
			continue;
		const struct ng_place place = tree_place(tree, CONF_FORWARD, i, "servers", j);
		ng_diag_add(
			diags, NG_WARNING, &place, "conf-trust-ad",
			"ask it by TLS, or leave trust-ad to servers on this host or on a "
			"private network",
			"its word that answers were validated is passed on, and who sits on "
			"the way to it can say that as well");
	}
}

/* Encryption to nobody in particular is to whoever sits on the way. */
static void check_servers(const struct conf *conf, size_t i, const struct tree *tree,
			  struct ng_diags *diags)
{
	const struct conf_route *route = &conf->routes[i];
	bool tls = false;
	for (uint8_t j = 0; j < route->n_servers; j++) {
		const struct conf_server *server = &route->servers[j];
		tls |= server->transport == WALL_TLS;
		if (conf_listens(conf, &server->addr, server->port)) {
			const struct ng_place place =
				tree_place(tree, CONF_FORWARD, i, "servers", j);
			ng_diag_add(diags, NG_ERROR, &place, "conf-loop",
				    "name the servers behind the gate",
				    "the gate listens there itself, and would ask itself");
		}
		if (server->transport != WALL_TLS || server->name[0] != '\0' ||
		    route->n_pins > 0)
			continue;
		const struct ng_place place = tree_place(tree, CONF_FORWARD, i, "servers", j);
		ng_diag_add(diags, NG_ERROR, &place, "conf-tls",
			    "write its name behind it, as in tls://192.0.2.53#dns.example, or "
			    "its key with pin-sha256",
			    "nothing says who answers there by TLS");
	}
	check_mix(route, i, tree, diags);
	check_trust(route, i, tree, diags);
	if (route->n_pins > 0 && !tls)
		ng_diag_add(diags, NG_ERROR, &route->place, "conf-tls",
			    "write tls:// before the servers' addresses",
			    "pin-sha256 is given, and no server is asked by TLS");
	if (route->n_source == 2 && route->source[0].family == route->source[1].family) {
		const struct ng_place place = tree_place(tree, CONF_FORWARD, i, "source", 1);
		ng_diag_add(diags, NG_ERROR, &place, "conf-source", "keep one of a family",
			    "there are two addresses of one family to ask from");
	}
}

struct marked { /* one server of one zone */
	const struct conf_server *server;
	const struct conf_route *route;
};

static int marked_order(const void *a, const void *b)
{
	const struct marked *one = a, *two = b;
	int order = (int)one->server->addr.family - (int)two->server->addr.family;
	if (order == 0)
		order = memcmp(one->server->addr.bytes, two->server->addr.bytes,
			       sizeof(one->server->addr.bytes));
	if (order == 0)
		order = (int)one->server->port - (int)two->server->port;
	if (order != 0)
		return order;
	return one->route < two->route ? -1 : one->route > two->route;
}

/* Of the two zones the one that stands later is reported; what has no mark has that of the other. */
static void report_marks(const struct conf *conf, const struct marked *a,
			 const struct marked *b, const struct tree *tree,
			 struct ng_diags *diags)
{
	char text[CONF_SERVER_TEXT], zone[CONF_ROUTE_TEXT];
	const size_t i = (size_t)(b->route - conf->routes);
	const struct ng_place place = b->route->mark != 0
					      ? tree_place(tree, CONF_FORWARD, i, "mark", 0)
					      : b->route->place;
	ng_diag_add(diags, NG_ERROR, &place, "conf-mark",
		    "give both zones the same mark, or servers of their own",
		    "%s has mark 0x%x here and 0x%x in forward zone %s at %s:%u:%u, and the "
		    "kernel can give it only one",
		    conf_server_text(b->server, text), b->route->mark, a->route->mark,
		    conf_route_text(a->route, zone), a->route->place.path, a->route->place.line,
		    a->route->place.column);
}

/* Marks go by address and port, whoever asks there. */
static void check_marks(const struct conf *conf, const struct tree *tree,
			struct ng_diags *diags)
{
	struct ng_place place = {tree->path, 0, 0};
	struct marked *all = calloc(conf->n_routes * NG_SERVERS_MAX + 1, sizeof(*all));
	size_t n = 0;
	if (all == NULL) {
		ng_diag_add(diags, NG_ERROR, &place, "conf-memory", NULL, "memory is out");
		return;
	}
	for (size_t i = 0; i < conf->n_routes; i++)
		for (uint8_t j = 0; j < conf->routes[i].n_servers; j++)
			all[n++] =
				(struct marked){&conf->routes[i].servers[j], &conf->routes[i]};
	qsort(all, n, sizeof(*all), marked_order);
	for (size_t i = 1; i < n; i++)
		if (all[i].route->mark != all[i - 1].route->mark &&
		    all[i].server->port == all[i - 1].server->port &&
		    ng_addr_equal(&all[i].server->addr, &all[i - 1].server->addr))
			report_marks(conf, &all[i - 1], &all[i], tree, diags);
	free(all);
}

static void check_route(const struct conf *conf, size_t i, const struct tree *tree,
			struct ng_diags *diags)
{
	const struct conf_route *route = &conf->routes[i];
	char zone[CONF_ROUTE_TEXT];
	conf_route_text(route, zone);
	check_opened(route->opened, route->n_opened, tree, CONF_FORWARD, i, diags);
	check_servers(conf, i, tree, diags);
	if (route->n_servers == 0 && route->resolv_conf == NULL) {
		ng_diag_add(diags, NG_ERROR, &route->place, "conf-servers",
			    "add servers = {\"192.0.2.53\"} or resolv-conf",
			    "forward zone %s has no servers", zone);
	}
	for (size_t j = 0; j < i; j++) {
		if (conf->routes[j].scope != route->scope ||
		    strcmp(conf->routes[j].owner, route->owner) != 0 ||
		    !ng_name_equal(&conf->routes[j].zone, &route->zone))
			continue;
		ng_diag_add(diags, NG_ERROR, &route->place, "conf-repeat",
			    "put all its servers into one section",
			    "forward zone %s stands already at %s:%u:%u", zone,
			    conf->routes[j].place.path, conf->routes[j].place.line,
			    conf->routes[j].place.column);
	}
}

/* A lease lasts max(lease-min, ttl-max) and the grace, and the warden refuses more than its ceiling. */
static void check_times(const struct conf *conf, const struct tree *tree,
			struct ng_diags *diags)
{
	const struct ng_settings *settings = &conf->settings;
	bool ttl = settings->ttl_max_s > settings->lease_min_s;
	uint64_t most = ttl ? settings->ttl_max_s : settings->lease_min_s;
	struct ng_place place = tree_place(tree, CONF_TOP, 0, ttl ? "ttl-max" : "lease-min", 0);
	if (most + settings->grace_s > NG_LEASE_CEILING_S) {
		ng_diag_add(diags, NG_ERROR, &place, "conf-times", "shorten one of them",
			    "%s and grace together are more than %u seconds",
			    ttl ? "ttl-max" : "lease-min", NG_LEASE_CEILING_S);
	}
}

static void check_zone(const struct conf *conf, size_t i, const struct tree *tree,
		       struct ng_diags *diags)
{
	const struct conf_zone *zone = &conf->zones[i];
	struct ng_place place = tree_place(tree, CONF_ZONE, i, "cname", 0);
	struct ng_name name;
	bool cname = zone->override == NG_OVERRIDE_CNAME;
	if (zone->file == NULL)
		ng_diag_add(diags, NG_ERROR, &zone->place, "conf-zone-file",
			    "add file = \"PATH\"", "zone %s has no file", zone->name);
	if (cname != (zone->cname != NULL))
		ng_diag_add(diags, NG_ERROR, zone->cname != NULL ? &place : &zone->place,
			    "conf-zone-cname",
			    "keep override = cname and cname = \"NAME\" together",
			    cname ? "zone %s is overridden with an alias, and has no cname"
				  : "zone %s has a cname that nothing uses",
			    zone->name);
	else if (cname && ng_name_from_text(zone->cname, strlen(zone->cname), &name) != NG_OK)
		ng_diag_add(diags, NG_ERROR, &place, "conf-zone-cname", "write a domain name",
			    "the cname of zone %s is no name", zone->name);
}

static bool zone_known(const struct conf *conf, const char *policy)
{
	if (strncmp(policy, "zone:", 5) != 0)
		return true;
	for (size_t i = 0; i < conf->n_zones; i++) {
		if (strcmp(conf->zones[i].name, policy + 5) == 0)
			return true;
	}
	return false;
}

static void check_policies(const struct conf *conf, char *const *policies, size_t n,
			   const struct tree *tree, int table, size_t section,
			   struct ng_diags *diags)
{
	for (size_t i = 0; i < n; i++) {
		struct ng_place place = tree_place(tree, table, section, "policies", i);
		if (zone_known(conf, policies[i]))
			continue;
		ng_diag_add(diags, NG_ERROR, &place, "zone-unknown",
			    "add zone \"NAME\" { file = \"...\" }",
			    "there is no zone section for %s", policies[i]);
	}
}

static void check_declared(const struct conf *conf, const struct tree *tree,
			   struct ng_diags *diags)
{
	for (size_t i = 0; i < conf->n_declared; i++) {
		struct ng_place place = tree_place(tree, CONF_INTEGRATE, 0, "sets", i);
		for (size_t j = 0; j < i; j++)
			if (memcmp(&conf->declared[i], &conf->declared[j],
				   sizeof(conf->declared[i])) == 0)
				ng_diag_add(diags, NG_ERROR, &place, "conf-repeat",
					    "keep one of them", "the set stands there twice");
	}
	for (size_t i = 0; conf->n_declared > 0 && i < conf->n_groups; i++) {
		struct ng_place place = tree_place(tree, CONF_GROUP, i, "snat", 0);
		if (conf->groups[i].n_snat > 0)
			ng_diag_add(diags, NG_ERROR, &place, "conf-integrate",
				    "leave it out, or leave out integrate",
				    "snat of group %s cannot be had beside integrate: the "
				    "operator's own ruleset decides under which address a "
				    "sandbox leaves",
				    conf->groups[i].name);
	}
}

void conf_check(const struct conf *conf, const struct tree *tree, struct ng_diags *diags)
{
	struct ng_place place = {tree->path, 0, 0};
	for (size_t i = 0; i < conf->n_routes; i++)
		check_route(conf, i, tree, diags);
	check_marks(conf, tree, diags);
	for (size_t i = 0; i < conf->n_zones; i++)
		check_zone(conf, i, tree, diags);
	check_policies(conf, conf->policies, conf->n_policies, tree, CONF_TOP, 0, diags);
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct conf_group *group = &conf->groups[i];
		check_policies(conf, group->policies, group->n_policies, tree, CONF_GROUP, i,
			       diags);
		check_opened(group->opened, group->n_opened, tree, CONF_GROUP, i, diags);
		check_snat(group->snat, group->n_snat, tree, CONF_GROUP, i, diags);
	}
	for (size_t i = 0; i < conf->n_sandboxes; i++)
		check_policies(conf, conf->sandboxes[i].policies, conf->sandboxes[i].n_policies,
			       tree, CONF_SANDBOX, i, diags);
	for (size_t i = 0; i < conf->n_sandboxes; i++)
		check_sandbox(conf, i, tree, diags);
	if (conf->n_sandboxes > conf->sandboxes_max) {
		ng_diag_add(diags, NG_ERROR, &place, "conf-limit", "raise limits { sandboxes }",
			    "there are %zu sandboxes, and limits allow %u", conf->n_sandboxes,
			    conf->sandboxes_max);
	}
	if (conf->n_routes > NG_ROUTES_MAX)
		ng_diag_add(diags, NG_ERROR, &place, "conf-limit",
			    "give sandboxes of one kind a group, and the group the zones",
			    "there are %zu forward zones, and %u at most can be",
			    conf->n_routes, NG_ROUTES_MAX);
	check_declared(conf, tree, diags);
	check_times(conf, tree, diags);
	check_sources(conf, tree, diags);
	conf_check_sockets(conf, tree, diags);
}
