/*
 * Sandboxes that come, go and change their mode while the gate runs.
 *
 * A registration is kept (registry), compiled, and sent on its way at once; it is answered by
 * sync.c when warden and worker have both confirmed. Policy files are read with main's rights, so
 * only root and our own user may name some: a member of the group could otherwise read lines of
 * any file out of the diagnostics.
 */
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "daemon/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_REFRESH_MS                                                                         \
	250 /* registrations come in crowds; one look at our addresses serves all */

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

void verbs_sandbox_add(struct daemon *daemon, struct control_request *request, json_t *object)
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

/* ---- what changes one that is there ---- */

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

void verbs_sandbox_remove(struct daemon *daemon, struct control_request *request,
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

void verbs_sandbox_mode(struct daemon *daemon, struct control_request *request, json_t *object)
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
