/*
 * Configuration, policy files and the registry, from the disk into main.
 *
 * A load is done beside what stands: everything is read and compiled first, and only when all of
 * it is good is anything of the old state touched. So a bad file changes nothing, and says where.
 */
#include "config.h"
#include "conf/socket.h"
#include "daemon/daemon.h"
#include "daemon/host.h"
#include "daemon/log.h"
#include "daemon/spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_S 60 /* after an ended rule could not be taken out */

/* ---- boxes of the configuration ---- */

static int conf_box_id(struct daemon *daemon, const char *name, uint32_t *id)
{
	int code = registry_find(daemon->registry, name, id);
	if (code != NG_E_NOTFOUND)
		return code;
	code = registry_take_id(daemon->registry, id);
	return code ? code : registry_put(daemon->registry, name, *id, NULL, 0);
}

static int add_conf_box(struct daemon *daemon, const struct conf_sandbox *conf)
{
	struct box *other = NULL, *box;
	struct conf_sandbox wanted = *conf;
	uint32_t id = 0;
	int code = conf_box_id(daemon, conf->name, &id);
	host_sources(&wanted, id);
	if (code == NG_OK)
		code = boxes_add(&daemon->boxes, id, &wanted, &other, &box);
	return code;
}

/* The configuration may not take what a sandbox registered at run time has. */
static int check_conf_box(const struct daemon *daemon, const struct conf_sandbox *sandbox,
			  struct ng_diags *diags)
{
	struct box *clash, *own = boxes_find(&daemon->boxes, sandbox->name);
	clash = own && own->runtime ? own : NULL;
	bool by_interface = conf_who(sandbox) == WALL_BY_INTERFACE;
	for (size_t i = 0; i < (by_interface ? sandbox->n_sources : 1) && !clash; i++) {
		struct conf_sandbox one = *sandbox;
		one.name[0] = '\0';
		one.sources[0] = sandbox->sources[i];
		one.n_sources = by_interface; /* a token is made for it later */
		struct box *other = boxes_clash(&daemon->boxes, &one, own);
		clash = other && other->runtime ? other : NULL;
	}
	if (clash)
		ng_diag_add(diags, NG_ERROR, &sandbox->place, "conf-sandbox-taken",
			    "remove the registered one first: namegate sandbox remove",
			    "sandbox \"%s\" has the name or a source of sandbox \"%s\", which "
			    "was registered at run time",
			    sandbox->name, clash->conf.name);
	return diags->errors ? NG_E_SYNTAX : NG_OK;
}

/* What a group denies must not be lost to a sandbox that was put under it. */
static int check_groups(const struct daemon *daemon, const struct conf *conf,
			struct ng_diags *diags)
{
	const struct ng_place place = {.path = conf->path ? conf->path : "defaults"};
	struct box *box, *next;
	int code = NG_OK;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		const char *name = box->conf.group;
		if (!box->runtime || box->removing || !name[0] || conf_group_find(conf, name))
			continue;
		ng_diag_add(
			diags, NG_ERROR, &place, "conf-group-used",
			"keep the group, or remove the sandbox first: namegate sandbox remove",
			"there is no group \"%s\", and sandbox \"%s\", which was registered "
			"at run time, is in it",
			name, box->conf.name);
		code = NG_E_SYNTAX;
	}
	return code;
}

static int check_conf_boxes(const struct daemon *daemon, const struct conf *conf,
			    struct ng_diags *diags)
{
	int code = NG_OK;
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		int one = check_conf_box(daemon, &conf->sandboxes[i], diags);
		code = one ? one : code;
	}
	return code;
}

static int replace_conf_box(struct daemon *daemon, struct box *box,
			    const struct conf_sandbox *conf)
{
	struct conf_sandbox wanted = *conf;
	host_sources(&wanted, box->id);
	if (boxes_differ(&box->conf, &wanted))
		box->at_warden = SIDE_ABSENT;
	return boxes_replace(&daemon->boxes, box, &wanted);
}

/* Those that the configuration names are stale no longer; those that it changed go over again. */
int load_conf_boxes(struct daemon *daemon, const struct conf *conf, struct ng_diags *diags)
{
	(void)diags;
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		const struct conf_sandbox *wanted = &conf->sandboxes[i];
		struct box *box = boxes_find(&daemon->boxes, wanted->name);
		int code;
		if (!box) {
			code = add_conf_box(daemon, wanted);
		} else {
			code = replace_conf_box(daemon, box, wanted);
			box->stale = false;
		}
		if (code)
			return code;
	}
	return NG_OK;
}

/* ---- boxes of the registry ---- */

static int restore(struct daemon *daemon, uint32_t id, const struct spec *spec,
		   struct ng_diags *diags, struct box **out)
{
	struct box *other = NULL, *box;
	struct image *inlined = NULL;
	int code = NG_OK;
	if (spec->allow)
		code = images_inline(&daemon->images, spec->sandbox.name, spec->allow, diags,
				     &inlined);
	if (code == NG_OK)
		code = boxes_add(&daemon->boxes, id, &spec->sandbox, &other, &box);
	if (code) {
		images_release(&daemon->images, inlined);
		return code;
	}
	box->runtime = true;
	box->inlined = inlined;
	if (box->conf.group[0] && !conf_group_find(daemon->conf, box->conf.group))
		log_say(LOG_AS_ERROR,
			"sandbox %s: its group \"%s\" is not in the configuration; everything "
			"is "
			"denied to it until the group is back, or it is registered again",
			box->conf.name, box->conf.group);
	*out = box;
	return NG_OK;
}

static void restore_row(void *owner, const char *name, uint32_t id, const char *value,
			size_t len)
{
	struct daemon *daemon = owner;
	char why[SPEC_WHY] = "it cannot be read";
	struct spec spec = {0};
	struct ng_diags diags;
	struct box *box;
	if (!len)
		return; /* an id of the configuration's */
	json_t *object = json_loadb(value, len, JSON_REJECT_DUPLICATES, NULL);
	int code = object ? spec_parse(object, &spec, why) : NG_E_SYNTAX;
	json_decref(object);
	if (code == NG_OK)
		code = host_look_up(daemon->conf, &spec.sandbox, why);
	ng_diags_init(&diags);
	if (code == NG_OK) {
		host_sources(&spec.sandbox, id);
		code = restore(daemon, id, &spec, &diags, &box);
		snprintf(why, sizeof why, "%s", ng_strerror(code));
	}
	if (code)
		log_say(LOG_AS_ERROR,
			"sandbox %s, registered at run time, cannot be brought back: %s; "
			"register "
			"it again",
			name, why);
	log_diags(&diags);
	ng_diags_finish(&diags);
	spec_finish(&spec);
}

void load_registry(struct daemon *daemon)
{
	if (registry_each(daemon->registry, restore_row, daemon))
		log_say(LOG_AS_ERROR, "the registry cannot be read in full; sandboxes that are "
				      "missing must be registered again");
}

/* ---- a start, and a reload ---- */

/* The set is in force: what follows from that, but the children. */
static void in_force(struct daemon *daemon)
{
	daemon->policies.sources.last_good = NULL; /* what comes later must be good */
	policies_note_end(daemon);
	lastgood_keep(daemon, NULL);
	lastgood_say(daemon);
}

int load_start(struct daemon *daemon, struct ng_diags *diags)
{
	int code = host_look_up_all(daemon->conf, diags);
	if (code == NG_OK)
		code = own_check_loops(daemon->conf, diags);
	if (code)
		return code;
	resolv_note(daemon);
	load_registry(daemon);
	code = check_conf_boxes(daemon, daemon->conf, diags);
	if (code == NG_OK)
		code = policies_load(daemon, daemon->conf, true, diags, &daemon->policies);
	if (code == NG_OK)
		code = load_conf_boxes(daemon, daemon->conf, diags);
	if (code == NG_OK)
		code = policies_point_all(daemon, &daemon->policies, diags);
	if (code == NG_OK)
		code = own_collect(daemon->conf, &daemon->own);
	if (code == NG_OK)
		code = registry_next_version(daemon->registry, &daemon->version);
	if (code == NG_OK) {
		in_force(daemon);
		approvals_load(daemon);
	}
	return code;
}

static void warn_fixed(const struct conf *was, const struct conf *is, struct ng_diags *diags)
{
	const struct {
		const char *key;
		bool differs;
	} fixed[] = {
		{"listen", was->n_listen != is->n_listen ||
				   memcmp(was->listen, is->listen, sizeof was->listen)},
		{"socket", conf_sockets_differ(was, is)},
		{"control", strcmp(was->control, is->control) != 0},
		{"workers", was->workers != is->workers},
		{"store", strcmp(was->store, is->store) != 0},
		{"record", strcmp(was->record, is->record) != 0},
		{"worker-user", strcmp(was->worker_user, is->worker_user) != 0},
		{"warden-user", strcmp(was->warden_user, is->warden_user) != 0},
		{"table", strcmp(was->table, is->table) != 0},
		{"integrate",
		 was->n_declared != is->n_declared ||
			 memcmp(was->declared, is->declared, sizeof was->declared) != 0},
	};
	const struct ng_place place = {.path = is->path ? is->path : "defaults"};
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		if (fixed[i].differs)
			ng_diag_add(diags, NG_WARNING, &place, "conf-restart",
				    "restart namegated to apply it",
				    "\"%s\" has changed and stays as it was until a restart",
				    fixed[i].key);
}

/* Boxes of the old configuration are stale until the new one names them. */
static void mark_boxes(struct daemon *daemon)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		box->stale = !box->runtime;
}

static void forget_stale(struct daemon *daemon)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if (box->stale && registry_remove(daemon->registry, box->conf.name))
			log_say(LOG_AS_WARNING, "sandbox %s: its id stays in the registry",
				box->conf.name);
}

/* What only a restart changes is carried over. */
static void swap_conf(struct daemon *daemon, struct conf *conf)
{
	memcpy(conf->table, daemon->conf->table, sizeof conf->table);
	memcpy(conf->declared, daemon->conf->declared, sizeof conf->declared);
	conf->n_declared = daemon->conf->n_declared;
	memcpy(conf->listen, daemon->conf->listen, sizeof conf->listen);
	conf->n_listen = daemon->conf->n_listen;
	conf_free(daemon->conf);
	daemon->conf = conf;
}

static int swap_policies(struct daemon *daemon, struct policy_set *set, struct ng_diags *diags)
{
	int code = policies_point_all(daemon, set, diags);
	policy_set_finish(&daemon->policies, &daemon->images);
	daemon->policies = *set;
	if (registry_next_version(daemon->registry, &daemon->version))
		daemon->version++;
	in_force(daemon);
	return code;
}

/*
 * From here on the new state is the state: what fails now is memory or the registry's disk.
 */
static int take_over(struct daemon *daemon, struct conf *conf, struct policy_set *set,
		     struct own *own, struct ng_diags *diags)
{
	mark_boxes(daemon);
	int code = load_conf_boxes(daemon, conf, diags);
	swap_conf(daemon, conf);
	int pointed = swap_policies(daemon, set, diags);
	forget_stale(daemon);
	own_finish(&daemon->own);
	daemon->own = *own;
	return code ? code : pointed;
}

static int load_beside(struct daemon *daemon, struct ng_diags *diags)
{
	struct conf *conf = NULL;
	struct policy_set set = {0};
	struct own own = {0};
	int code = conf_load(daemon->conf_path, diags, &conf);
	if (code == NG_OK)
		code = host_look_up_all(conf, diags);
	if (code == NG_OK)
		code = own_check_loops(conf, diags);
	if (code == NG_OK) {
		code = check_conf_boxes(daemon, conf, diags);
		int groups = check_groups(daemon, conf, diags);
		code = code ? code : groups;
		int policies = policies_load(daemon, conf, false, diags, &set);
		code = code ? code : policies;
	}
	if (code == NG_OK)
		code = own_collect(conf, &own);
	if (code) {
		policy_set_finish(&set, &daemon->images);
		conf_free(conf);
		return code;
	}
	warn_fixed(daemon->conf, conf, diags);
	code = take_over(daemon, conf, &set, &own, diags);
	sync_all(daemon);
	return code;
}

/* False when nothing has changed. */
static bool load_now(struct daemon *daemon, struct control_request *request)
{
	struct ng_diags diags;
	notify_send(&daemon->notify, "RELOADING=1");
	ng_diags_init(&diags);
	int code = load_beside(daemon, &diags);
	log_diags(&diags);
	if (code) {
		log_say(LOG_AS_ERROR,
			"the reload failed (%s); what was in force stays in force",
			ng_strerror(code));
		notify_send(&daemon->notify, "READY=1");
		verbs_fail_diags(
			request, &diags,
			"nothing has changed, because the configuration or a policy is wrong");
	} else {
		daemon->reload_open = true;
		daemon->reloading = request;
		daemon->reload_notes = verbs_diags(&diags);
	}
	ng_diags_finish(&diags);
	return code == NG_OK;
}

void load_again(struct daemon *daemon, struct control_request *request)
{
	if (daemon->reload_open && request) {
		verbs_fail(request, "a reload is under way; try again when it has ended");
		return;
	}
	daemon->reload_again = daemon->reload_open; /* a signal cannot be told to come again */
	if (!daemon->reload_open)
		(void)load_now(daemon, request);
}

/* ---- rules that end ---- */

/* The inline lists are compiled anew from what the registry keeps of their sandboxes. */
static int recompile_inline(struct daemon *daemon, struct box *box, struct ng_diags *diags)
{
	struct spec spec = {0};
	struct image *image = NULL;
	char why[SPEC_WHY];
	size_t len = 0;
	char *text = malloc(REGISTRY_VALUE_MAX + 1);
	json_t *object = NULL;
	int code = text ? registry_value(daemon->registry, box->conf.name, text, &len)
			: NG_E_NOMEM;
	if (code == NG_OK && !(object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL)))
		code = NG_E_FORMAT;
	if (code == NG_OK)
		code = spec_parse(object, &spec, why);
	if (code == NG_OK && spec.allow)
		code = images_inline(&daemon->images, box->conf.name, spec.allow, diags,
				     &image);
	if (code == NG_OK) {
		box->spare = box->inlined; /* still pointed at, until all is */
		box->inlined = image;
	}
	json_decref(object);
	spec_finish(&spec);
	free(text);
	return code;
}

static void recompile_ended(struct daemon *daemon, uint64_t now_s, struct ng_diags *diags)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		uint64_t ends = box->inlined ? ng_ruleset_expires(box->inlined->ruleset) : 0;
		if (ends && ends <= now_s && recompile_inline(daemon, box, diags))
			log_say(LOG_AS_ERROR,
				"sandbox %s: a rule of its inline list has ended, and the list "
				"cannot be compiled anew; register the sandbox again",
				box->conf.name);
	}
}

/* The configuration stays as it is, and what cannot be compiled stands back: see policies.c. */
static bool fall_back(struct daemon *daemon, struct ng_diags *diags)
{
	struct policy_set set = {0};
	int code = policies_load(daemon, daemon->conf, true, diags, &set);
	if (code) {
		log_say(LOG_AS_ERROR,
			"a rule has ended and still holds: %s; it is tried again in a minute",
			ng_strerror(code));
		return false;
	}
	code = swap_policies(daemon, &set, diags);
	if (code)
		log_say(LOG_AS_ERROR, "not every sandbox has its policy: %s; reload",
			ng_strerror(code));
	sync_all(daemon);
	return true;
}

/* The one that is not pointed at goes: the old inline list, or the new one when nothing changed. */
static void forget_spares(struct daemon *daemon, bool changed)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		struct image *gone = box->spare;
		if (gone && !changed) {
			gone = box->inlined;
			box->inlined = box->spare;
		}
		images_release(&daemon->images, gone);
		box->spare = NULL;
	}
}

void load_tick(struct daemon *daemon)
{
	uint64_t now_s = (uint64_t)time(NULL);
	struct ng_diags diags;
	if (!daemon->rule_ends_s || now_s < daemon->rule_ends_s || daemon->reload_open ||
	    daemon->stopping)
		return;
	log_say(LOG_AS_NOTICE, "a rule's \"until\" has passed; policies are read anew");
	ng_diags_init(&diags);
	recompile_ended(daemon, now_s, &diags);
	bool changed = load_now(daemon, NULL);
	if (!changed)
		changed = fall_back(daemon, &diags);
	log_diags(&diags);
	forget_spares(daemon, changed);
	policies_note_end(daemon);
	if (daemon->rule_ends_s && daemon->rule_ends_s <= now_s)
		daemon->rule_ends_s = now_s + RETRY_S;
	ng_diags_finish(&diags);
}
