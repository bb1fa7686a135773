/* The result of a replay for programs: all findings, by sandbox and kind. */
#include "config.h"

#include "cli/output.h"
#include "cli/replay.h"

static const char *const shuts[REPLAY_SHUTS] = {
	[REPLAY_UNNAMED] = "unnamed", [REPLAY_REFUSED] = "refused", [REPLAY_LATE] = "late",
	[REPLAY_PORT] = "port",       [REPLAY_CLOSED] = "closed",
};

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void put_name(json_t *object, const char *key, const struct ng_name *name)
{
	char text[NG_NAME_TEXT_MAX];
	if (name != NULL)
		put(object, key, json_string(ng_name_to_text(name, text)));
}

static void put_flow(json_t *object, const struct replay_finding *finding)
{
	put(object, "proto", json_integer(finding->proto));
	put(object, "port", json_integer(finding->port));
	put(object, "packets", number(finding->packets));
	put(object, "shut", json_string(shuts[finding->shut]));
}

static json_t *finding_json(const struct replay_finding *finding)
{
	char rule[NG_PATH_MAX + 16], text[NG_ADDR_TEXT], type[16];
	json_t *object = json_object();
	put_name(object, "name", finding->name);
	put_name(object, "alias", finding->alias);
	if (finding->type != 0)
		put(object, "type", json_string(ng_type_text(finding->type, type)));
	if (finding->addr.family != NG_NOFAMILY)
		put(object, "address", json_string(ng_addr_format(&finding->addr, text)));
	if (finding->kind == REPLAY_FLOW)
		put_flow(object, finding);
	put(object, "count", number(finding->count));
	if (finding->kind <= REPLAY_LAST_WORSE) {
		put(object, "used", json_boolean(finding->used));
		put(object, "worse", json_boolean(replay_is_worse(finding)));
	}
	if (finding->kind == REPLAY_DENIED)
		put(object, "verdict", json_string(finding->ask ? "ask" : "deny"));
	if (finding->path != NULL) {
		snprintf(rule, sizeof(rule), "%s:%u", finding->path, finding->line);
		put(object, "rule", json_string(rule));
	}
	if (finding->reason != NULL)
		put(object, "reason", json_string(finding->reason));
	return object;
}

static json_t *limits_json(const struct replay_limits *limits)
{
	json_t *object = json_object();
	put(object, "queries", number(limits->queries));
	put(object, "queries_most", number(limits->queries_most));
	put(object, "over_rate", number(limits->over_rate));
	if (limits->budget != NG_BUDGET_OFF) {
		put(object, "budget", number(limits->budget));
		put(object, "store", number(limits->store));
		put(object, "out_most", number(limits->out_most));
	}
	if (limits->owner.len > 0)
		put_name(object, "below", &limits->owner);
	put(object, "over_budget", number(limits->over_budget));
	return object;
}

static json_t *sandbox_json(const struct replay_call *call, const struct setup_sandbox *sandbox)
{
	const struct replay_totals *totals = replay_totals(call->replay, sandbox);
	size_t n;
	const struct replay_finding *findings = replay_findings(call->replay, &n);
	json_t *object = json_object();
	put(object, "sandbox", json_string(sandbox->spec->name));
	put(object, "worse", number(replay_worse(call, sandbox)));
	put(object, "questions", number(totals->questions));
	put(object, "answers", number(totals->answers));
	put(object, "names", number(totals->names));
	put(object, "flows", number(totals->flows));
	put(object, "flows_before", number(totals->flows_before));
	put(object, "stay_denied", number(totals->stay_denied));
	put(object, "unlisted", number(totals->unlisted));
	if (call->limits)
		put(object, "limits", limits_json(&totals->limits));
	for (int kind = 0; kind < REPLAY_KINDS; kind++)
		put(object, replay_kind_name((enum replay_kind)kind), json_array());
	for (size_t i = 0; i < n; i++) {
		if (findings[i].sandbox == sandbox)
			json_array_append_new(
				json_object_get(object, replay_kind_name(findings[i].kind)),
				finding_json(&findings[i]));
	}
	return object;
}

static json_t *strangers_json(const struct replay_call *call)
{
	const struct ng_addr *addrs;
	size_t n = replay_stranger_addrs(call->replay, &addrs);
	json_t *list = json_array();
	char text[NG_ADDR_TEXT];
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(ng_addr_format(&addrs[i], text)));
	return json_pack("{s:o, s:o}", "count", number(replay_strangers(call->replay)),
			 "addresses", list);
}

json_t *replay_json(const struct replay_call *call)
{
	json_t *sandboxes = json_array();
	uint64_t worse = 0;
	for (size_t i = 0; i < call->setup->n_sandboxes; i++) {
		const struct setup_sandbox *sandbox = &call->setup->sandboxes[i];
		worse += replay_worse(call, sandbox);
		json_array_append_new(sandboxes, sandbox_json(call, sandbox));
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "worse", number(worse), "sandboxes",
			 sandboxes, "read", captures_json(traffic_counts(call->traffic)),
			 "strangers", strangers_json(call), "findings",
			 output_diags_json(&call->diags));
}
