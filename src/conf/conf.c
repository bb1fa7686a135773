/*
 * The grammar of the configuration, its defaults, its printer.
 *
 * The tables below are the whole grammar: the reader (load.c) makes libconfuse's options from them,
 * the printer walks them again. What is printed is the effective configuration, defaults included,
 * and reads back to the same.
 */
#include "conf/fields.h"
#include "conf/host.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE(key, kind, type, field)                                                            \
	{                                                                                      \
		key, &(kind), offsetof(type, field), 0, 0, 0, 0                                \
	}
#define NUMBER(key, kind, type, field, low, high)                                              \
	{                                                                                      \
		key, &(kind), offsetof(type, field), 0, 0, low, high                           \
	}
#define LIST(key, kind, type, field, max, low)                                                 \
	{                                                                                      \
		key, &(kind), offsetof(type, field), offsetof(type, n_##field), max, low, 0    \
	}

static const struct field top_fields[] = {
	LIST("listen", kind_endpoint, struct conf, listen, NG_LISTENERS_MAX, 1053),
	ONE("control", kind_path, struct conf, control),
	ONE("store", kind_path, struct conf, store),
	ONE("record", kind_path, struct conf, record),
	ONE("tls-trust", kind_path, struct conf, tls_trust),
	NUMBER("workers", kind_number, struct conf, workers, 1, NG_WORKERS_MAX),
	NUMBER("busy-poll", kind_window, struct conf, busy_us, 1, NG_BUSY_CEILING_US),
	ONE("worker-user", kind_string, struct conf, worker_user),
	ONE("warden-user", kind_string, struct conf, warden_user),
	ONE("table", kind_table, struct conf, table),
	LIST("interfaces", kind_pattern, struct conf, interfaces, NG_IFPATTERNS_MAX, 0),
	LIST("policies", kind_path, struct conf, policies, NG_RULESETS_MAX, 0),
	NUMBER("lease-min", kind_duration, struct conf, settings.lease_min_s, 1,
	       NG_LEASE_CEILING_S),
	NUMBER("grace", kind_duration, struct conf, settings.grace_s, 1, NG_LEASE_CEILING_S),
	NUMBER("flow-lease", kind_duration, struct conf, settings.flow_lease_s, 0,
	       NG_LEASE_CEILING_S),
	NUMBER("ttl-max", kind_duration, struct conf, settings.ttl_max_s, 1,
	       NG_LEASE_CEILING_S),
	NUMBER("deny-ttl", kind_duration, struct conf, settings.deny_ttl_s, 1,
	       NG_LEASE_CEILING_S),
	ONE("budget", kind_budget, struct conf, settings.budget),
	ONE("ancestor-answer", kind_ancestor, struct conf, settings.ancestor_nodata),
	ONE("drop-low-ports", kind_switch, struct conf, settings.drop_low_ports),
	ONE("prefetch", kind_switch, struct conf, settings.prefetch),
	NUMBER("serve-stale", kind_duration, struct conf, settings.stale_s, 0,
	       NG_STALE_CEILING_S),
};

#define LIMIT(key, field, high) NUMBER(key, kind_number, struct conf, field, 1, high)
static const struct field limit_fields[] = {
	LIMIT("pending", settings.limits.pending, 1u << 24),
	LIMIT("pending-sandbox", settings.limits.pending_sandbox, 1u << 20),
	LIMIT("queries-sandbox", settings.limits.queries_sandbox, NG_QUERIES_SANDBOX_MAX),
	LIMIT("leases", settings.limits.leases, 1u << 26),
	LIMIT("leases-sandbox", settings.limits.leases_sandbox, 1u << 24),
	NUMBER("cache-size", kind_size, struct conf, settings.limits.cache_octets,
	       NG_CACHE_OCTETS_FLOOR, UINT32_MAX),
	LIMIT("sandboxes", sandboxes_max, NG_SANDBOXES_CEILING),
	LIMIT("tcp-clients", tcp_clients, 1u << 20),
	LIMIT("tcp-clients-sandbox", tcp_clients_sandbox, 1u << 16),
	LIMIT("records-per-second", records_per_s, 1000000),
	LIMIT("block-reports-per-second", block_reports_per_s, 1000000),
};

static const struct field integrate_fields[] = {
	LIST("sets", kind_set, struct conf, declared, WALL_SETS_MAX, 0),
};

static const struct field forward_fields[] = {
	LIST("servers", kind_server, struct conf_route, servers, NG_SERVERS_MAX, 53),
	LIST("pin-sha256", kind_pin, struct conf_route, pins, NG_PINS_MAX, 0),
	ONE("resolv-conf", kind_path, struct conf_route, resolv_conf),
	LIST("private", kind_prefix, struct conf_route, opened, NG_PRIVATE_MAX, 0),
	LIST("source", kind_address, struct conf_route, source, NG_UPSOURCES_MAX, 0),
	ONE("mark", kind_mark, struct conf_route, mark),
	NUMBER("timeout", kind_number, struct conf_route, timeout_ms, 10, 10000),
	ONE("trust-ad", kind_switch, struct conf_route, trust_ad),
};

static const struct field zone_fields[] = {
	ONE("file", kind_path, struct conf_zone, file),
	ONE("origin", kind_string, struct conf_zone, origin),
	ONE("override", kind_override, struct conf_zone, override),
	ONE("cname", kind_string, struct conf_zone, cname),
};

static const struct field group_fields[] = {
	LIST("policies", kind_path, struct conf_group, policies, NG_RULESETS_MAX, 0),
	LIST("private", kind_prefix, struct conf_group, opened, NG_PRIVATE_MAX, 0),
	LIST("snat", kind_prefix, struct conf_group, snat, NG_SNAT_MAX, 0),
	ONE("budget", kind_budget, struct conf_group, budget),
	ONE("aaaa", kind_toggle, struct conf_group, aaaa),
};

static const struct field sandbox_fields[] = {
	LIST("sources", kind_prefix, struct conf_sandbox, sources, NG_SOURCES_MAX, 0),
	ONE("interface", kind_interface, struct conf_sandbox, interface),
	ONE("bridge", kind_bridge, struct conf_sandbox, bridge),
	ONE("uid", kind_uid, struct conf_sandbox, uid),
	ONE("cgroup", kind_cgroup, struct conf_sandbox, cgroup),
	ONE("sidecar", kind_switch, struct conf_sandbox, sidecar),
	ONE("group", kind_group, struct conf_sandbox, group),
	LIST("policies", kind_path, struct conf_sandbox, policies, NG_RULESETS_MAX, 0),
	ONE("mode", kind_mode, struct conf_sandbox, mode),
	ONE("masquerade", kind_switch, struct conf_sandbox, masquerade),
	LIST("snat", kind_prefix, struct conf_sandbox, snat, NG_SNAT_MAX, 0),
	ONE("budget", kind_budget, struct conf_sandbox, budget),
	ONE("aaaa", kind_toggle, struct conf_sandbox, aaaa),
	LIST("private", kind_prefix, struct conf_sandbox, opened, NG_PRIVATE_MAX, 0),
	ONE("socket", kind_socket, struct conf_sandbox, socket),
	ONE("socket-owner", kind_socket_owner, struct conf_sandbox, socket_owner),
	ONE("socket-mode", kind_octal, struct conf_sandbox, socket_mode),
};

const struct table conf_tables[CONF_TABLES] = {
	[CONF_TOP] = {NULL, false, top_fields, COUNT(top_fields)},
	[CONF_LIMITS] = {"limits", false, limit_fields, COUNT(limit_fields)},
	[CONF_INTEGRATE] = {"integrate", false, integrate_fields, COUNT(integrate_fields)},
	[CONF_FORWARD] = {"forward", true, forward_fields, COUNT(forward_fields)},
	[CONF_ZONE] = {"zone", true, zone_fields, COUNT(zone_fields)},
	[CONF_GROUP] = {"group", true, group_fields, COUNT(group_fields)},
	[CONF_SANDBOX] = {"sandbox", true, sandbox_fields, COUNT(sandbox_fields)},
};

/* ---- memory ---- */

static size_t items_of(const struct field *field, const void *base)
{
	return field->items == 0 ? 1 : *((const uint8_t *)base + field->count);
}

static void fields_free(const struct table *table, void *base)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct field *field = &table->fields[i];
		if (field->kind != &kind_path && field->kind != &kind_string)
			continue;
		char **strings = (char **)((char *)base + field->at);
		for (size_t j = 0; j < items_of(field, base); j++)
			free(strings[j]);
	}
}

void conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	for (size_t i = 0; i < conf->n_routes; i++)
		fields_free(&conf_tables[CONF_FORWARD], &conf->routes[i]);
	for (size_t i = 0; i < conf->n_sandboxes; i++)
		fields_free(&conf_tables[CONF_SANDBOX], &conf->sandboxes[i]);
	for (size_t i = 0; i < conf->n_groups; i++)
		fields_free(&conf_tables[CONF_GROUP], &conf->groups[i]);
	for (size_t i = 0; i < conf->n_zones; i++)
		fields_free(&conf_tables[CONF_ZONE], &conf->zones[i]);
	fields_free(&conf_tables[CONF_TOP], conf);
	free(conf->routes);
	free(conf->zones);
	free(conf->groups);
	free(conf->sandboxes);
	free(conf->trust);
	free(conf->folder);
	free(conf->path);
	free(conf);
}

/* ---- printing ---- */

static void field_print(const struct field *field, const void *base, const char *indent,
			FILE *to)
{
	const char *at = (const char *)base + field->at;
	size_t n = items_of(field, base);
	if (field->items == 0 && field->kind->is_empty != NULL && field->kind->is_empty(at))
		return;
	fprintf(to, "%s%s = %s", indent, field->name, field->items != 0 ? "{" : "");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			fputs(", ", to);
		field->kind->print(at + i * field->kind->size, to);
	}
	fputs(field->items != 0 ? "}\n" : "\n", to);
}

static void section_open(const struct table *table, const char *title, const char *indent,
			 FILE *to)
{
	fprintf(to, "\n%s%s ", indent, table->section);
	if (title != NULL) {
		print_quoted(title, to);
		putc(' ', to);
	}
	fputs("{\n", to);
}

static void fields_print(const struct table *table, const void *base, const char *skip,
			 const char *indent, FILE *to)
{
	for (size_t i = 0; i < table->n; i++) {
		if (skip == NULL || strcmp(table->fields[i].name, skip) != 0)
			field_print(&table->fields[i], base, indent, to);
	}
}

static void section_print(const struct table *table, const char *title, const void *base,
			  FILE *to)
{
	section_open(table, title, "", to);
	fields_print(table, base, NULL, "\t", to);
	fputs("}\n", to);
}

/* Those that stand in the section of that owner. */
static void routes_print(const struct conf *conf, enum ng_scope scope, const char *owner,
			 FILE *to)
{
	const bool inner = scope != NG_SCOPE_GLOBAL;
	const struct table *table = &conf_tables[CONF_FORWARD];
	char zone[NG_NAME_TEXT_MAX];
	for (size_t i = 0; i < conf->n_routes; i++) {
		const struct conf_route *route = &conf->routes[i];
		if (route->scope != scope || strcmp(route->owner, owner) != 0)
			continue;
		section_open(table, ng_name_to_text(&route->zone, zone), inner ? "\t" : "", to);
		fields_print(table, route, route->resolv_conf != NULL ? "servers" : NULL,
			     inner ? "\t\t" : "\t", to);
		fputs(inner ? "\t}\n" : "}\n", to);
	}
}

static void group_print(const struct conf *conf, const struct conf_group *group, FILE *to)
{
	section_open(&conf_tables[CONF_GROUP], group->name, "", to);
	fields_print(&conf_tables[CONF_GROUP], group, NULL, "\t", to);
	routes_print(conf, NG_SCOPE_GROUP, group->name, to);
	fputs("}\n", to);
}

static void sandbox_print(const struct conf *conf, const struct conf_sandbox *sandbox, FILE *to)
{
	const bool token = conf_who(sandbox) != WALL_BY_INTERFACE;
	section_open(&conf_tables[CONF_SANDBOX], sandbox->name, "", to);
	fields_print(&conf_tables[CONF_SANDBOX], sandbox, token ? "sources" : NULL, "\t", to);
	routes_print(conf, NG_SCOPE_SANDBOX, sandbox->name, to);
	fputs("}\n", to);
}

void conf_print(const struct conf *conf, FILE *to)
{
	fields_print(&conf_tables[CONF_TOP], conf, NULL, "", to);
	section_print(&conf_tables[CONF_LIMITS], NULL, conf, to);
	if (conf->n_declared > 0)
		section_print(&conf_tables[CONF_INTEGRATE], NULL, conf, to);
	routes_print(conf, NG_SCOPE_GLOBAL, "", to);
	for (size_t i = 0; i < conf->n_zones; i++)
		section_print(&conf_tables[CONF_ZONE], conf->zones[i].name, &conf->zones[i],
			      to);
	for (size_t i = 0; i < conf->n_groups; i++)
		group_print(conf, &conf->groups[i], to);
	for (size_t i = 0; i < conf->n_sandboxes; i++)
		sandbox_print(conf, &conf->sandboxes[i], to);
}

const char *conf_sandbox_link(const struct conf_sandbox *sandbox)
{
	return sandbox->bridge[0] != '\0' ? sandbox->bridge : sandbox->interface;
}

const struct conf_group *conf_group_find(const struct conf *conf, const char *name)
{
	for (size_t i = 0; name[0] != '\0' && i < conf->n_groups; i++) {
		if (strcmp(conf->groups[i].name, name) == 0)
			return &conf->groups[i];
	}
	return NULL;
}

uint32_t conf_group_number(const struct conf *conf, const char *name)
{
	const struct conf_group *group = conf_group_find(conf, name);
	return group != NULL ? (uint32_t)(group - conf->groups) + 1 : 0;
}

uint32_t conf_sandbox_budget(const struct conf *conf, const struct conf_sandbox *sandbox)
{
	const struct conf_group *group = conf_group_find(conf, sandbox->group);
	return sandbox->budget != 0 ? sandbox->budget : group != NULL ? group->budget : 0;
}

bool conf_sandbox_no_aaaa(const struct conf *conf, const struct conf_sandbox *sandbox)
{
	const struct conf_group *group = conf_group_find(conf, sandbox->group);
	if (sandbox->aaaa != CONF_UNSAID)
		return sandbox->aaaa == CONF_OFF;
	return group != NULL && group->aaaa == CONF_OFF;
}
