/*
 * What could open an address, for programs; and the members that explanations of names have as
 * well. Of the rules at most RULES_MAX are listed, and all are counted.
 */
#include "config.h"

#include "offline/explain_address.h"
#include "offline/explain_words.h"
#include "offline/parts.h"

#define RULES_MAX 1000

/* ---- shared ---- */

json_t *explain_opened_json(const struct explain_openeds *openeds)
{
	json_t *array = json_array();
	char zone[NG_NAME_TEXT_MAX];
	for (size_t i = 0; i < openeds->n; i++) {
		const struct explain_opened *one = &openeds->items[i];
		json_t *object = json_object();
		part_put(&object, "prefix", part_prefix(&one->prefix));
		part_put(&object, "by", part_text(explain_openers[one->by]));
		part_put(&object, "name",
			 part_text(one->zone != NULL ? ng_name_to_text(one->zone, zone)
						     : one->name));
		part_put(&object, "place", part_place(&one->place));
		part_append(&array, object);
	}
	return array;
}

json_t *explain_ports_json(const struct ng_bounds *bounds)
{
	json_t *array = json_array();
	char port[16];
	for (uint8_t i = 0; i < bounds->n_ports; i++)
		part_append(&array, part_text(explain_port(bounds->ports[i], port)));
	return array;
}

/* ---- an address ---- */

static json_t *way(const struct explain_way *from)
{
	const struct ng_match *match = &from->match;
	char owner[EXPLAIN_OWNER];
	struct ng_bounds bounds;
	json_t *object = json_object();
	ng_match_bounds(match, &bounds);
	part_put(&object, "scope", part_text(explain_scopes[from->scope]));
	part_put(&object, "path", part_text(match->path));
	part_put(&object, "line", json_integer(match->line));
	part_put(&object, "column", json_integer(match->column));
	part_put(&object, "owner", part_text(explain_owner(match, &from->owner, owner)));
	part_put(&object, "trigger", part_text(explain_triggers[match->trigger]));
	part_put(&object, "action", part_text(explain_actions[match->action]));
	part_put(&object, "disabled", json_boolean(match->disabled));
	part_put(&object, "ports", explain_ports_json(&bounds));
	return object;
}

static json_t *ways(const struct explain_ways *from)
{
	json_t *array = json_array();
	for (size_t i = 0; i < from->n && i < RULES_MAX; i++)
		part_append(&array, way(&from->items[i]));
	return array;
}

static json_t *statics(const struct explain_statics *from)
{
	json_t *array = json_array();
	char port[16];
	for (size_t i = 0; i < from->n; i++) {
		const struct ng_static *item = &from->items[i].item;
		json_t *object = json_object();
		part_put(&object, "scope", part_text(explain_scopes[from->items[i].scope]));
		part_put(&object, "path", part_text(item->path));
		part_put(&object, "line", json_integer(item->line));
		part_put(&object, "column", json_integer(item->column));
		part_put(&object, "prefix", part_prefix(&item->prefix));
		part_put(&object, "port",
			 item->port.proto != 0 ? part_text(explain_port(item->port, port))
					       : json_null());
		part_append(&array, object);
	}
	return array;
}

static json_t *resolved(const struct explained_address *explained)
{
	char name[NG_NAME_TEXT_MAX];
	json_t *array = json_array();
	for (size_t i = 0; i < explained->n_resolved; i++) {
		const struct explain_resolved *one = &explained->resolved[i];
		json_t *object = json_object();
		part_put(&object, "name", part_text(ng_name_to_text(&one->name, name)));
		part_put(&object, "place", part_place(&one->place));
		part_put(&object, "opens", json_boolean(one->opens));
		part_put(&object, "why", part_text(one->reason));
		part_append(&array, object);
	}
	return array;
}

json_t *explain_address_json(const struct explained_address *explained)
{
	static const char *const reaches[] = {[NG_REACH_NEVER] = "never",
					      [NG_REACH_PRIVATE] = "private",
					      [NG_REACH_PUBLIC] = "public"};
	const struct ng_sandbox *spec = explained->sandbox->spec;
	json_t *object = json_object();
	part_put(&object, "sandbox", part_text(spec->name));
	part_put(&object, "mode", part_text(explain_modes[spec->mode]));
	part_put(&object, "address", part_addr(&explained->addr));
	part_put(&object, "reach", part_text(reaches[explained->reach]));
	part_put(&object, "owner", part_words(explained->own));
	part_put(&object, "may", json_boolean(explained->may));
	part_put(&object, "open", json_boolean(explained->open));
	part_put(&object, "why", part_text(explained->reason));
	part_put(&object, "opened", explain_opened_json(&explained->opened));
	part_put(&object, "statics", statics(&explained->statics));
	part_put(&object, "judged", ways(&explained->judged));
	part_put(&object, "rules", ways(&explained->rules));
	part_put(&object, "names", explained->followed ? resolved(explained) : json_null());
	part_put(&object, "rules_total", json_integer((json_int_t)explained->rules.n));
	return object;
}
