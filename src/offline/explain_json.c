/*
 * An explanation for programs: one object, whose shape namegate-explain(1) documents. A member that
 * says nothing is null or an empty array; none is left out, but for the rule's own when no rule
 * decides.
 */
#include "config.h"

#include "offline/explain_words.h"
#include "offline/parts.h"

#include "base/wall.h"

#include <namegate/message.h>

/* ---- rules ---- */

static json_t *candidate(const struct explained *explained, size_t i)
{
	const struct ng_candidate *item = &explained->why.candidates[i];
	const struct ng_match *match = &item->match;
	char owner[EXPLAIN_OWNER], fate[EXPLAIN_TEXT];
	uint64_t until_s = ng_match_until(match);
	json_t *object = json_object();
	part_put(&object, "scope", part_text(explain_scopes[item->scope]));
	part_put(&object, "source", json_integer(item->source + 1));
	part_put(&object, "approval", json_boolean(item->approval));
	part_put(&object, "path", part_text(match->path));
	part_put(&object, "line", json_integer(match->line));
	part_put(&object, "column", json_integer(match->column));
	part_put(&object, "owner",
		 part_text(explain_owner(match, &explained->names[item->link], owner)));
	part_put(&object, "trigger", part_text(explain_triggers[match->trigger]));
	part_put(&object, "action", part_text(explain_actions[match->action]));
	part_put(&object, "verdict",
		 part_text(explain_verdicts[ng_action_verdict(match->action)]));
	part_put(&object, "link", json_integer((json_int_t)item->link));
	part_put(&object, "until",
		 until_s > 0 ? json_integer((json_int_t)until_s) : json_null());
	part_put(&object, "outcome", part_text(explain_outcomes[item->outcome]));
	part_put(&object, "by",
		 item->by != i ? json_integer((json_int_t)item->by) : json_null());
	part_put(&object, "why", part_text(explain_fate(explained, i, fate)));
	return object;
}

static json_t *candidates(const struct explained *explained)
{
	json_t *array = json_array();
	for (size_t i = 0; i < explained->why.n_candidates; i++)
		part_append(&array, candidate(explained, i));
	return array;
}

static void put_rule(json_t **object, const struct explained *explained)
{
	const struct ng_decision *decision = &explained->why.decision;
	const struct ng_place at = {decision->match.path, decision->match.line, 0};
	char owner[EXPLAIN_OWNER];
	if (!decision->matched)
		return;
	part_put(object, "rule", part_place(&at));
	part_put(object, "column", json_integer(decision->match.column));
	part_put(object, "owner", part_text(explain_decider(explained, owner)));
	part_put(object, "scope", part_text(explain_scopes[decision->scope]));
}

/* ---- what is sent ---- */

static json_t *route(const struct explained *explained)
{
	const struct conf_route *from = explained->route_conf;
	char zone[NG_NAME_TEXT_MAX], server[CONF_SERVER_TEXT];
	if (from == NULL || !explained->passes)
		return json_null();
	json_t *object = json_object(), *servers = json_array();
	for (uint8_t i = 0; i < from->n_servers; i++)
		part_append(&servers, part_text(conf_server_text(&from->servers[i], server)));
	part_put(&object, "zone", part_text(ng_name_to_text(&from->zone, zone)));
	part_put(&object, "scope", part_text(explain_scopes[from->scope]));
	part_put(&object, "owner", part_text(from->owner[0] != '\0' ? from->owner : NULL));
	part_put(&object, "servers", servers);
	part_put(&object, "resolv_conf", part_text(from->resolv_conf));
	return object;
}

static json_t *sends(const struct explained *explained)
{
	const struct ng_bounds *bounds = &explained->why.bounds;
	json_t *object = json_object(), *types = json_array();
	char type[16];
	if (bounds->n_types == 0) {
		part_append(&types, part_text("A"));
		part_append(&types, part_text("AAAA"));
	}
	for (uint8_t i = 0; i < bounds->n_types; i++)
		part_append(&types, part_text(ng_type_text(bounds->types[i], type)));
	part_put(&object, "asks", json_boolean(explained->asks));
	part_put(&object, "questions_max",
		 json_integer(explained->asks ? NG_CHAIN_MAX + 1 : 0));
	part_put(&object, "types", explained->passes ? types : json_array());
	if (!explained->passes)
		json_decref(types);
	part_put(&object, "aliases", part_text(bounds->strict ? "strict" : "follow"));
	return object;
}

/* ---- what is opened ---- */

static json_t *ranges(enum ng_reach wanted)
{
	json_t *array = json_array();
	struct ng_prefix range;
	enum ng_reach reach;
	for (uint32_t cursor = 0; ng_reach_range(&cursor, &range, &reach);) {
		if (reach == wanted)
			part_append(&array, part_prefix(&range));
	}
	return array;
}

static json_t *filter(const struct explained *explained)
{
	json_t *object = json_object(), *own = json_array();
	for (size_t i = 0; i < explained->setup->n_own; i++)
		part_append(&own, part_prefix(&explained->setup->own[i]));
	part_put(&object, "never", ranges(NG_REACH_NEVER));
	part_put(&object, "private", ranges(NG_REACH_PRIVATE));
	part_put(&object, "own", own);
	part_put(&object, "opened", explain_opened_json(&explained->opened));
	return object;
}

static json_t *terms(const struct explained *explained)
{
	static const uint32_t examples[] = {0, 30, 60, 300, 3600, 86400};
	const struct ng_settings *settings = &explained->settings;
	uint32_t most = explained->why.bounds.lease_max_s;
	json_t *object = json_object(), *array = json_array();
	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct ng_terms one = ng_terms_of(settings, most, examples[i]);
		part_append(&array,
			    json_pack("{s:I, s:I, s:I}", "ttl_s", (json_int_t)examples[i],
				      "handed_out_s", (json_int_t)one.ttl_s, "stands_s",
				      (json_int_t)one.hold_s + one.slack_s + one.grace_s));
	}
	part_put(&object, "lease_min_s", json_integer(settings->lease_min_s));
	part_put(&object, "grace_s", json_integer(settings->grace_s));
	part_put(&object, "flow_lease_s", json_integer(settings->flow_lease_s));
	part_put(&object, "ttl_max_s", json_integer(settings->ttl_max_s));
	part_put(&object, "deny_ttl_s", json_integer(settings->deny_ttl_s));
	part_put(&object, "lease_max_s", most > 0 ? json_integer(most) : json_null());
	part_put(&object, "examples", array);
	return object;
}

static bool opens(const struct explained *explained, const struct ng_prefix *source)
{
	return explained->reply >= EXPLAIN_LOCAL &&
	       source->addr.family == (explained->type == NG_TYPE_A      ? NG_IPV4
				       : explained->type == NG_TYPE_AAAA ? NG_IPV6
									 : NG_NOFAMILY);
}

static json_t *kernel(const struct explained *explained)
{
	const struct ng_sandbox *spec = explained->sandbox->spec;
	bool bound = explained->why.bounds.n_ports > 0;
	json_t *array = json_array();
	for (uint8_t i = 0; i < spec->n_sources; i++) {
		const struct ng_prefix *source = &spec->sources[i];
		json_t *object;
		if (!opens(explained, source))
			continue;
		object = json_object();
		part_put(&object, "set", part_text(wall_lease_set(source->addr.family, bound)));
		part_put(&object, "key",
			 part_text(bound ? "saddr . daddr . proto . dport" : "saddr . daddr"));
		part_put(&object, "source", part_prefix(source));
		part_put(&object, "backstop_s", json_integer(NG_BACKSTOP_S));
		part_append(&array, object);
	}
	return array;
}

/* ---- the whole ---- */

json_t *explain_json(const struct explained *explained)
{
	const struct ng_sandbox *spec = explained->sandbox->spec;
	const struct conf *conf = explained->setup->conf;
	json_t *object = json_object();
	char type[16];
	uint32_t octets;
	part_put(&object, "sandbox", part_text(spec->name));
	part_put(&object, "mode", part_text(explain_modes[spec->mode]));
	part_put(&object, "written", part_text(explained->written));
	part_put(&object, "name", part_text(explained->text));
	part_put(&object, "type", part_text(ng_type_text(explained->type, type)));
	part_put(&object, "client", part_addr(&explained->client));
	part_put(&object, "verdict",
		 part_text(explain_verdicts[explained->why.decision.verdict]));
	part_put(&object, "allowed", json_boolean(explained->allowed));
	part_put(&object, "passes", json_boolean(explained->passes));
	part_put(&object, "open", json_boolean(explained->why.decision.open));
	part_put(&object, "answer", part_text(explain_replies[explained->reply]));
	part_put(&object, "why", part_text(explained->reason));
	part_put(&object, "hint", part_words(explained->hint));
	put_rule(&object, explained);
	part_put(&object, "candidates", candidates(explained));
	part_put(&object, "route", route(explained));
	part_put(&object, "sends", sends(explained));
	part_put(&object, "budget",
		 explained->asks && explain_budget(explained, &octets) ? json_integer(octets)
								       : json_null());
	part_put(&object, "filter", filter(explained));
	part_put(&object, "lease", terms(explained));
	part_put(&object, "ports", explain_ports_json(&explained->why.bounds));
	part_put(&object, "table", part_text(conf != NULL ? conf->table : NULL));
	part_put(&object, "kernel", kernel(explained));
	part_put(&object, "answers",
		 explained->trial != NULL ? explain_followed_json(explained) : json_null());
	return object;
}
