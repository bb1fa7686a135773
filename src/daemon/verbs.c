/*
 * The verbs of the control socket: a table of name, permitted keys and function.
 *
 * A registration is kept (registry), compiled, and sent on its way at once; it is answered by
 * sync.c when warden and worker have both confirmed. Policy files are read with main's rights, so
 * only root and our own user may name some: a member of the group could otherwise read lines of
 * any file out of the diagnostics.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "daemon/spec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOR_MOST_S (366 * 86400) /* of an approval with an end */
#define OWN_REFRESH_MS                                                                         \
	250 /* registrations come in crowds; one look at our addresses serves all */

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

/* ---- sandbox-add ---- */

/* An address came that a zone asks at: that is said once. True when it is news. */
static bool say_loops(struct daemon *daemon)
{
	struct ng_diags diags;
	ng_diags_init(&diags);
	(void)!own_check_loops(daemon->conf, &diags);
	const bool news = diags.n > 0 && !daemon->looping;
	daemon->looping = diags.n > 0;
	if (news)
		log_diags(&diags);
	ng_diags_finish(&diags);
	return news;
}

static void on_own_timer(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	struct own own = {0};
	if (own_collect(daemon->conf, &own))
		return; /* the addresses known so far stay closed; the next registration retries */
	const bool news = say_loops(daemon);
	if (!news && own_equal(&own, &daemon->own)) {
		own_finish(&own);
		return;
	}
	own_finish(&daemon->own);
	daemon->own = own;
	sync_generation(daemon);
}

static void refresh_own(struct daemon *daemon)
{
	if (!uv_is_active((uv_handle_t *)&daemon->own_timer))
		uv_timer_start(&daemon->own_timer, on_own_timer, OWN_REFRESH_MS, 0);
}

/* What stands against this registration; NG_OK when nothing does. */
static int check_spec(struct daemon *daemon, struct spec *spec, bool trusted, char *why)
{
	const struct conf *conf = daemon->conf;
	const char *link = conf_sandbox_link(&spec->sandbox);
	const char *advice, *wrong = conf_who_wrong(conf, &spec->sandbox, &advice);
	int code = wrong ? NG_OK : host_look_up(conf, &spec->sandbox, why);
	const struct box *clash = boxes_clash(&daemon->boxes, &spec->sandbox, NULL);
	const char *reason;
	if (code)
		return code;
	if (wrong)
		snprintf(why, SPEC_WHY, "%s; %s", wrong, advice);
	else if (clash)
		snprintf(why, SPEC_WHY,
			 "sandbox \"%s\" has this name, one of these sources, or this user or "
			 "cgroup%s",
			 clash->conf.name,
			 clash->removing ? " and is being removed; try again in a moment"
					 : "; remove it first");
	else if (boxes_count(&daemon->boxes) >= conf->sandboxes_max)
		snprintf(why, SPEC_WHY, "there are %u sandboxes, which is the configured limit",
			 conf->sandboxes_max);
	else if (conf->n_declared && integrate_wrong(&spec->sandbox, &reason))
		snprintf(why, SPEC_WHY, "\"%s\" cannot be had beside integrate: %s",
			 integrate_wrong(&spec->sandbox, &reason), reason);
	else if (!conf->n_declared && link[0] &&
		 !spec_interface_guarded(link, (const char(*)[NG_IFNAME_MAX])conf->interfaces,
					 conf->n_interfaces))
		snprintf(why, SPEC_WHY,
			 "interface \"%s\" matches none of the configuration's \"interfaces\", "
			 "so "
			 "nothing would guard it; name it like them, or add it there",
			 link);
	else if (spec->sandbox.group[0] && !conf_group_find(conf, spec->sandbox.group))
		snprintf(why, SPEC_WHY,
			 "there is no group \"%s\" in the configuration; add it there and "
			 "reload, "
			 "or name one that is there",
			 spec->sandbox.group);
	else if (spec->sandbox.n_policies && !trusted)
		snprintf(why, SPEC_WHY,
			 "only root may name policy files; give the entries themselves as "
			 "\"allow\"");
	else
		return NG_OK;
	return NG_E_RANGE;
}

static int keep(struct daemon *daemon, const char *name, uint32_t id, const json_t *object)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)object);
	if (!copy)
		return NG_E_NOMEM;
	json_object_del(copy, "verb");
	char *text = json_dumps(copy, JSON_COMPACT);
	json_decref(copy);
	if (!text)
		return NG_E_NOMEM;
	int code = registry_put(daemon->registry, name, id, text, strlen(text));
	free(text);
	return code;
}

/* Everything that can fail, in an order that leaves nothing behind when it does. */
static int register_box(struct daemon *daemon, struct spec *spec, const json_t *object,
			struct ng_diags *diags, struct box **out)
{
	struct box *other = NULL, *box;
	struct image *inlined = NULL;
	uint32_t id = 0;
	int code = NG_OK;
	if (spec->allow)
		code = images_inline(&daemon->images, spec->sandbox.name, spec->allow, diags,
				     &inlined);
	if (code == NG_OK)
		code = registry_take_id(daemon->registry, &id);
	host_sources(&spec->sandbox, id);
	if (code == NG_OK)
		code = boxes_add(&daemon->boxes, id, &spec->sandbox, &other, &box);
	if (code) {
		images_release(&daemon->images, inlined);
		return code;
	}
	box->runtime = true;
	box->inlined = inlined;
	code = policies_add(daemon, box, diags);
	if (code == NG_OK)
		code = keep(daemon, spec->sandbox.name, id, object);
	if (code) {
		boxes_remove(&daemon->boxes, &daemon->images, box);
		return code;
	}
	approvals_point(daemon, box);
	lastgood_keep(daemon, box);
	policies_note_end(daemon);
	*out = box;
	return NG_OK;
}

static void verb_sandbox_add(struct daemon *daemon, struct control_request *request,
			     json_t *object)
{
	char why[SPEC_WHY] = "out of memory";
	struct spec spec = {0};
	struct ng_diags diags;
	struct box *box;
	int code = spec_parse(object, &spec, why);
	if (code == NG_OK)
		code = check_spec(daemon, &spec, control_request_trusted(request), why);
	if (code) {
		verbs_fail(request, "%s", why);
		spec_finish(&spec);
		return;
	}
	ng_diags_init(&diags);
	code = register_box(daemon, &spec, object, &diags, &box);
	if (code) {
		snprintf(why, sizeof why, "sandbox \"%s\" is not registered: %s",
			 spec.sandbox.name, ng_strerror(code));
		verbs_fail_diags(request, &diags, why);
	} else {
		if (host_subordinate(&box->conf, why))
			log_say(LOG_AS_WARNING, "sandbox %s: %s", box->conf.name, why);
		box->waiting = request;
		sync_box(daemon, box);
		refresh_own(daemon);
	}
	ng_diags_finish(&diags);
	spec_finish(&spec);
}

/* ---- the other verbs about sandboxes ---- */

/* The box that "name" names, when nothing else is under way for it; else the request is answered. */
static struct box *named_box(struct daemon *daemon, struct control_request *request,
			     const json_t *object)
{
	const char *name = json_string_value(json_object_get(object, "name"));
	struct box *box = name ? boxes_find(&daemon->boxes, name) : NULL;
	if (!name)
		verbs_fail(request, "\"name\" is missing");
	else if (!box)
		verbs_fail(request,
			   "there is no sandbox \"%.63s\"; namegate sandbox list shows "
			   "which there are",
			   name);
	else if (box->removing || box->waiting || box->stale)
		verbs_fail(request, "sandbox \"%s\" is being changed; try again in a moment",
			   name);
	else
		return box;
	return NULL;
}

static void verb_sandbox_remove(struct daemon *daemon, struct control_request *request,
				json_t *object)
{
	struct box *box = named_box(daemon, request, object);
	if (!box)
		return;
	if (!box->runtime) {
		verbs_fail(request,
			   "sandbox \"%s\" stands in the configuration; take it out there and "
			   "reload",
			   box->conf.name);
		return;
	}
	if (registry_remove(daemon->registry, box->conf.name)) {
		verbs_fail(request,
			   "sandbox \"%s\": the registry cannot be written; see the "
			   "disk of \"store\"",
			   box->conf.name);
		return;
	}
	box->waiting = request;
	approvals_forget(daemon, box->id);
	sync_remove(daemon, box);
}

/* A registered sandbox keeps its mode over a restart, one of the configuration until a reload. */
static int keep_mode(struct daemon *daemon, const struct box *box)
{
	size_t len;
	if (!box->runtime)
		return NG_OK;
	char *text = malloc(REGISTRY_VALUE_MAX + 1);
	json_t *object = NULL;
	int code = text ? registry_value(daemon->registry, box->conf.name, text, &len)
			: NG_E_NOMEM;
	if (code == NG_OK && !(object = json_loadb(text, len, 0, NULL)))
		code = NG_E_FORMAT;
	if (code == NG_OK) {
		json_object_set_new(object, "mode",
				    json_string(spec_mode_text(box->conf.mode)));
		code = keep(daemon, box->conf.name, box->id, object);
	}
	json_decref(object);
	free(text);
	return code;
}

static void verb_sandbox_mode(struct daemon *daemon, struct control_request *request,
			      json_t *object)
{
	const char *text = json_string_value(json_object_get(object, "mode"));
	struct box *box = named_box(daemon, request, object);
	enum ng_mode mode;
	if (!box)
		return;
	if (!text || spec_mode(text, &mode)) {
		verbs_fail(request,
			   "\"mode\" must be \"enforce\", \"observe\" or \"lockdown\"");
		return;
	}
	enum ng_mode before = box->conf.mode;
	box->conf.mode = mode;
	const char *reason;
	if (daemon->conf->n_declared && integrate_wrong(&box->conf, &reason)) {
		box->conf.mode = before;
		verbs_fail(request, "\"mode\" cannot be that beside integrate: %s", reason);
		return;
	}
	if (keep_mode(daemon, box)) {
		box->conf.mode = before;
		verbs_fail(request, "sandbox \"%s\": the registry cannot be written",
			   box->conf.name);
		return;
	}
	box->changed = true;
	box->waiting = request;
	sync_box(daemon, box);
}

static json_t *prefixes_json(const struct ng_prefix *prefixes, size_t n)
{
	char text[NG_PREFIX_TEXT];
	json_t *all = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			all, json_string(ng_prefix_is_host(&prefixes[i])
						 ? ng_addr_format(&prefixes[i].addr, text)
						 : ng_prefix_format(&prefixes[i], text)));
	return all;
}

static json_t *snat_json(const struct grants *grants)
{
	char text[NG_ADDR_TEXT];
	json_t *all = json_array();
	for (size_t i = 0; i < NG_SNAT_MAX; i++)
		if (grants->snat[i].family)
			json_array_append_new(
				all, json_string(ng_addr_format(&grants->snat[i], text)));
	return all;
}

static json_t *budget_json(const struct conf *conf, const struct conf_sandbox *sandbox)
{
	uint32_t said = conf_sandbox_budget(conf, sandbox);
	uint32_t octets = said ? said : conf->settings.budget;
	return octets == NG_BUDGET_OFF ? json_string("off") : json_integer(octets);
}

static json_t *box_json(const struct conf *conf, const struct box *box)
{
	json_t *policies = json_array();
	for (size_t i = 0; i < box->conf.n_policies; i++)
		json_array_append_new(policies, json_string(box->conf.policies[i]));
	bool stands = box->at_worker == SIDE_PRESENT && box->at_warden == SIDE_PRESENT;
	return json_pack(
		"{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:o, s:o, s:o, s:b, s:b, "
		"s:o, s:b, "
		"s:I, "
		"s:b, s:o, s:b, s:I, s:s}",
		"name", box->conf.name, "group", box->conf.group, "id", (json_int_t)box->id,
		"mode", spec_mode_text(box->conf.mode), "interface", box->conf.interface,
		"bridge", box->conf.bridge, "uid", box->conf.uid, "cgroup", box->conf.cgroup,
		"sidecar", (int)box->conf.sidecar, "socket", box->conf.socket, "sources",
		prefixes_json(box->conf.sources, box->conf.n_sources), "private",
		prefixes_json(box->conf.opened, box->conf.n_opened), "policies", policies,
		"inline", box->inlined != NULL, "masquerade", (int)box->conf.masquerade, "snat",
		snat_json(&box->grants), "runtime", (int)box->runtime, "statics",
		(json_int_t)box->grants.n_statics, "closed", (int)box->closed, "budget",
		budget_json(conf, &box->conf), "aaaa",
		(int)!conf_sandbox_no_aaaa(conf, &box->conf), "worker",
		(json_int_t)box->worker + 1, "state",
		box->removing ? "leaving"
		: box->absent ? "absent"
		: box->closed ? "denied"
		: stands      ? "serving"
			      : "waiting");
}

void verbs_add_packets(json_t *object, const struct wall_tally *tally, bool tallied)
{
	const struct {
		const char *key;
		uint64_t packets;
	} numbers[] = {{"refused", tally->refused},
		       {"observed", tally->observed},
		       {"forged", tally->forged}};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		json_object_set_new(object, numbers[i].key,
				    tallied ? json_integer((json_int_t)numbers[i].packets)
					    : json_null());
}

json_t *verbs_boxes_json(struct daemon *daemon, bool tallied)
{
	struct box *box, *next;
	json_t *all = json_array();
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		json_t *object = box_json(daemon->conf, box);
		verbs_add_packets(object, &box->tally, tallied);
		json_array_append_new(all, object);
	}
	return json_pack("{s:b, s:o}", "ok", 1, "sandboxes", all);
}

static void verb_sandbox_list(struct daemon *daemon, struct control_request *request,
			      json_t *object)
{
	(void)object;
	views_boxes(daemon, request);
}

/* ---- the rest ---- */

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
	{"sandbox-add", {NULL}, true, verb_sandbox_add},
	{"sandbox-remove", {"name", NULL}, false, verb_sandbox_remove},
	{"sandbox-list", {NULL}, false, verb_sandbox_list},
	{"sandbox-mode", {"name", "mode", NULL}, false, verb_sandbox_mode},
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
