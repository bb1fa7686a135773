/* The verbs of the control socket: a table of name, permitted keys and function. */
#include "daemon/daemon.h"
#include "daemon/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOR_MOST_S (366 * 86400) /* of an approval with an end */

/* ---- answers ---- */

void verbs_ok(struct control_request *request)
{
	if (request)
		control_reply(request, json_pack("{s:b}", "ok", 1));
}

void verbs_fail(struct control_request *request, const char *format, ...)
{
	char text[DAEMON_WHY];
	va_list arguments;
	if (!request)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	control_reply(request, json_pack("{s:b, s:s}", "ok", 0, "error", text));
}

json_t *verbs_diags(const struct ng_diags *diags)
{
	static const char *const severities[] = {
		[NG_ERROR] = "error", [NG_WARNING] = "warning", [NG_NOTE] = "note"};
	json_t *all = json_array();
	for (size_t i = 0; i < diags->n; i++) {
		const struct ng_diag *one = &diags->items[i];
		json_array_append_new(all,
				      json_pack("{s:s, s:s?, s:i, s:i, s:s, s:s, s:s?}",
						"severity", severities[one->severity], "path",
						one->path, "line", (int)one->line, "column",
						(int)one->column, "code", one->code, "reason",
						one->reason, "suggestion", one->suggestion));
	}
	return all;
}

void verbs_fail_diags(struct control_request *request, const struct ng_diags *diags,
		      const char *error)
{
	if (request)
		control_reply(request, json_pack("{s:b, s:s, s:o}", "ok", 0, "error", error,
						 "diagnostics", verbs_diags(diags)));
}

/* ---- the verbs that are told here ---- */

static void verb_sandbox_list(struct daemon *daemon, struct control_request *request,
			      json_t *object)
{
	(void)object;
	views_boxes(daemon, request);
}

/* The sandbox that a view is narrowed to, NULL without; false when the request is answered. */
static bool read_sandbox(struct daemon *daemon, struct control_request *request,
			 const json_t *object, const char **out)
{
	const json_t *name = json_object_get(object, "sandbox");
	*out = json_string_value(name);
	if (name && !*out)
		verbs_fail(request, "\"sandbox\" must be a name");
	else if (name && !boxes_find(&daemon->boxes, *out))
		verbs_fail(request, "there is no sandbox \"%.63s\"", *out);
	else
		return true;
	return false;
}

static void verb_status(struct daemon *daemon, struct control_request *request, json_t *object)
{
	const char *name;
	if (read_sandbox(daemon, request, object, &name))
		views_status(daemon, request, name);
}

static void verb_leases(struct daemon *daemon, struct control_request *request, json_t *object)
{
	const char *name;
	if (read_sandbox(daemon, request, object, &name))
		views_leases(daemon, request, name);
}

static void verb_blocked(struct daemon *daemon, struct control_request *request, json_t *object)
{
	const char *name;
	if (!read_sandbox(daemon, request, object, &name))
		return;
	if (daemon->conf->n_declared)
		verbs_fail(request,
			   "beside integrate namegate refuses no packet and counts none; "
			   "the counters of the rules that do are in nft list ruleset");
	else
		views_blocked(daemon, request, name);
}

/* The keys of approve and refuse; false when the request is answered. */
static bool read_wish(struct control_request *request, const json_t *object, struct wish *wish)
{
	const json_t *id = json_object_get(object, "id"),
		     *for_s = json_object_get(object, "for_s");
	const json_t *scope = json_object_get(object, "scope");
	const char *text = scope ? json_string_value(scope) : "sandbox";
	if (!json_is_integer(id) || json_integer_value(id) < 1)
		verbs_fail(request, "\"id\" must be a number that namegate pending shows");
	else if (for_s && (!json_is_integer(for_s) || json_integer_value(for_s) < 1 ||
			   json_integer_value(for_s) > FOR_MOST_S))
		verbs_fail(request, "\"for_s\" must be 1 to %d seconds", FOR_MOST_S);
	else if (!text || (strcmp(text, "sandbox") && strcmp(text, "global")))
		verbs_fail(request, "\"scope\" must be \"sandbox\" or \"global\"");
	else {
		wish->id = (uint64_t)json_integer_value(id);
		wish->for_s = (uint64_t)json_integer_value(for_s);
		wish->global = !strcmp(text, "global");
		return true;
	}
	return false;
}

static void verb_pending(struct daemon *daemon, struct control_request *request, json_t *object)
{
	const char *name;
	if (read_sandbox(daemon, request, object, &name))
		views_waitings(daemon, request, name, NULL);
}

static void verb_approve(struct daemon *daemon, struct control_request *request, json_t *object)
{
	struct wish wish = {.refuse = false};
	if (read_wish(request, object, &wish))
		views_waitings(daemon, request, NULL, &wish);
}

static void verb_refuse(struct daemon *daemon, struct control_request *request, json_t *object)
{
	struct wish wish = {.refuse = true};
	if (read_wish(request, object, &wish))
		views_waitings(daemon, request, NULL, &wish);
}

static void verb_approvals(struct daemon *daemon, struct control_request *request,
			   json_t *object)
{
	(void)object;
	control_reply(request,
		      json_pack("{s:b, s:o}", "ok", 1, "approvals", approvals_json(daemon)));
}

static void verb_withdraw(struct daemon *daemon, struct control_request *request,
			  json_t *object)
{
	const json_t *id = json_object_get(object, "id");
	if (json_is_integer(id) && json_integer_value(id) > 0)
		approvals_withdraw(daemon, request, (uint64_t)json_integer_value(id));
	else
		verbs_fail(request, "\"id\" must be a number that namegate approvals shows");
}

static void verb_reload(struct daemon *daemon, struct control_request *request, json_t *object)
{
	(void)object;
	load_again(daemon, request);
}

static void verb_flush(struct daemon *daemon, struct control_request *request, json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "name"));
	bool below = json_is_true(json_object_get(object, "below"));
	bool all = json_is_true(json_object_get(object, "all"));
	struct ng_name name;
	if (all == (text != NULL) || (all && below))
		verbs_fail(request, "either a \"name\", or \"all\" and nothing else");
	else if (text && ng_name_from_text(text, strlen(text), &name))
		verbs_fail(request, "\"%.80s\" is not a name", text);
	else {
		if (text)
			ng_name_lower(&name);
		views_flush(daemon, request, text ? &name : NULL, below);
	}
}

static const struct verb {
	const char *name;
	const char *keys[4]; /* NULL at the end */
	bool any_keys;       /* the verb checks them itself */
	void (*run)(struct daemon *daemon, struct control_request *request, json_t *object);
} verbs[] = {
	{"status", {"sandbox", NULL}, false, verb_status},
	{"leases", {"sandbox", NULL}, false, verb_leases},
	{"blocked", {"sandbox", NULL}, false, verb_blocked},
	{"sandbox-add", {NULL}, true, verbs_sandbox_add},
	{"sandbox-remove", {"name", NULL}, false, verbs_sandbox_remove},
	{"sandbox-list", {NULL}, false, verb_sandbox_list},
	{"sandbox-mode", {"name", "mode", NULL}, false, verbs_sandbox_mode},
	{"reload", {NULL}, false, verb_reload},
	{"flush", {"name", "below", "all", NULL}, false, verb_flush},
	{"pending", {"sandbox", NULL}, false, verb_pending},
	{"approve", {"id", "for_s", "scope", NULL}, false, verb_approve},
	{"refuse", {"id", "for_s", "scope", NULL}, false, verb_refuse},
	{"approvals", {NULL}, false, verb_approvals},
	{"withdraw", {"id", NULL}, false, verb_withdraw},
};

void verbs_handle(void *owner, struct control_request *request, json_t *object)
{
	struct daemon *daemon = owner;
	const char *name = json_string_value(json_object_get(object, "verb"));
	for (size_t i = 0; name && i < sizeof verbs / sizeof verbs[0]; i++) {
		const struct verb *verb = &verbs[i];
		if (strcmp(name, verb->name))
			continue;
		const char *unknown =
			verb->any_keys ? NULL : spec_unknown_key(object, verb->keys);
		if (daemon->stopping)
			verbs_fail(request, "namegated is stopping");
		else if (unknown)
			verbs_fail(request, "%s: unknown key \"%.40s\"", name, unknown);
		else
			verb->run(daemon, request, object);
		return;
	}
	verbs_fail(
		request,
		"\"verb\" must be status, leases, blocked, sandbox-add, sandbox-remove, "
		"sandbox-list, "
		"sandbox-mode, reload, flush, pending, approve, refuse, approvals or withdraw");
}
