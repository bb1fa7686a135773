/*
 * Configuration, policy files and the registry, from the disk into main.
 *
 * A load is done beside what stands: everything is read and compiled first, and only when all of
 * it is good is anything of the old state touched. So a bad file changes nothing, and says where.
 */
#include "config.h"
#include "daemon/daemon.h"
#include "daemon/log.h"
#include "daemon/spec.h"

#include <stdio.h>
#include <string.h>

/* ---- policy files ---- */

void policy_set_finish(struct policy_set *set, struct images *images)
{
	sources_finish(&set->sources, images);
	*set = (struct policy_set){0};
}

/* The first fault does not hide the next: an operator wants to see all of them at once. */
static int load_paths(struct daemon *daemon, struct policy_set *set, char *const *paths,
		      size_t n, struct ng_diags *diags)
{
	struct image *image;
	int worst = NG_OK;
	for (size_t i = 0; i < n; i++) {
		int code =
			sources_load(&set->sources, &daemon->images, paths[i], diags, &image);
		worst = code ? code : worst;
	}
	return worst;
}

int load_policies(struct daemon *daemon, const struct conf *conf, struct ng_diags *diags,
		  struct policy_set *out)
{
	struct policy_set set = {0};
	struct box *box, *next;
	int code = load_paths(daemon, &set, conf->policies, conf->n_policies, diags);
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		int one = load_paths(daemon, &set, conf->sandboxes[i].policies,
				     conf->sandboxes[i].n_policies, diags);
		code = one ? one : code;
	}
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		int one = box->runtime ? load_paths(daemon, &set, box->conf.policies,
						    box->conf.n_policies, diags)
				       : NG_OK;
		code = one ? one : code;
	}
	for (size_t i = 0; i < conf->n_policies && !code; i++)
		code = sources_load(&set.sources, &daemon->images, conf->policies[i], diags,
				    &set.globals[set.n_globals++]);
	if (code)
		policy_set_finish(&set, &daemon->images);
	else
		*out = set;
	return code;
}

int load_box_images(struct daemon *daemon, struct policy_set *set, struct box *box,
		    struct ng_diags *diags)
{
	struct image *images[NG_RULESETS_MAX];
	uint8_t n = 0;
	if (box->inlined)
		images[n++] = box->inlined;
	for (size_t i = 0; i < box->conf.n_policies && n < NG_RULESETS_MAX; i++) {
		int code = sources_load(&set->sources, &daemon->images, box->conf.policies[i],
					diags, &images[n]);
		if (code)
			return code;
		n++;
	}
	memcpy(box->images, images, n * sizeof images[0]);
	box->n_images = n;
	return NG_OK;
}

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
	uint32_t id = 0;
	int code = conf_box_id(daemon, conf->name, &id);
	if (code == NG_OK)
		code = boxes_add(&daemon->boxes, id, conf, &other, &box);
	return code;
}

/* The configuration may not take what a sandbox registered at run time has. */
static int check_conf_box(const struct daemon *daemon, const struct conf *conf,
			  const struct conf_sandbox *sandbox, struct ng_diags *diags)
{
	struct ng_prefix opened[NG_PRIVATE_MAX];
	uint8_t n;
	struct box *clash, *own = boxes_find(&daemon->boxes, sandbox->name);
	if (feed_opened(conf, sandbox, opened, &n))
		ng_diag_add(diags, NG_ERROR, &sandbox->place, "conf-private-many",
			    "open wider prefixes, or fewer",
			    "sandbox \"%s\" and all forward zones together open more than %d "
			    "private prefixes",
			    sandbox->name, NG_PRIVATE_MAX);
	clash = own && own->runtime ? own : NULL;
	for (size_t i = 0; i < sandbox->n_sources && !clash; i++) {
		struct conf_sandbox one = {.sources = {sandbox->sources[i]}, .n_sources = 1};
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

static int check_conf_boxes(const struct daemon *daemon, const struct conf *conf,
			    struct ng_diags *diags)
{
	int code = NG_OK;
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		int one = check_conf_box(daemon, conf, &conf->sandboxes[i], diags);
		code = one ? one : code;
	}
	return code;
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
			if (boxes_differ(&box->conf, wanted))
				box->at_warden = SIDE_ABSENT;
			code = boxes_replace(&daemon->boxes, box, wanted);
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
	ng_diags_init(&diags);
	if (code == NG_OK) {
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

static int point_all(struct daemon *daemon, struct policy_set *set, struct ng_diags *diags)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		box->n_images = 0; /* the images of a stale one go with the old set */
		int code = box->stale ? NG_OK : load_box_images(daemon, set, box, diags);
		if (code)
			return code;
	}
	return NG_OK;
}

/* A policy file of a registered sandbox may have gone meanwhile: that one sandbox is left out. */
static void drop_unreadable(struct daemon *daemon, struct ng_diags *diags)
{
	struct box *box, *next;
	struct policy_set set = {0};
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		if (!box->runtime || !load_box_images(daemon, &set, box, diags))
			continue;
		log_say(LOG_AS_ERROR,
			"sandbox %s, registered at run time, is refused: a policy of its "
			"cannot "
			"be read; register it again",
			box->conf.name);
		boxes_remove(&daemon->boxes, &daemon->images, box);
	}
	policy_set_finish(&set, &daemon->images);
}

int load_start(struct daemon *daemon, struct ng_diags *diags)
{
	struct ng_diags dropped;
	load_registry(daemon);
	ng_diags_init(&dropped);
	drop_unreadable(daemon, &dropped);
	log_diags(&dropped);
	ng_diags_finish(&dropped);
	int code = check_conf_boxes(daemon, daemon->conf, diags);
	if (code == NG_OK)
		code = load_policies(daemon, daemon->conf, diags, &daemon->policies);
	if (code == NG_OK)
		code = load_conf_boxes(daemon, daemon->conf, diags);
	if (code == NG_OK)
		code = point_all(daemon, &daemon->policies, diags);
	if (code == NG_OK)
		code = own_collect(daemon->conf, &daemon->own);
	if (code == NG_OK)
		code = registry_next_version(daemon->registry, &daemon->version);
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
		{"control", strcmp(was->control, is->control) != 0},
		{"store", strcmp(was->store, is->store) != 0},
		{"record", strcmp(was->record, is->record) != 0},
		{"worker-user", strcmp(was->worker_user, is->worker_user) != 0},
		{"warden-user", strcmp(was->warden_user, is->warden_user) != 0},
		{"table", strcmp(was->table, is->table) != 0},
	};
	const struct ng_place place = {.path = is->path ? is->path : "defaults"};
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
		if (fixed[i].differs)
			ng_diag_add(diags, NG_WARNING, &place, "conf-restart",
				    "restart namegated to apply it",
				    "\"%s\" has changed and stays as it was until a restart",
				    fixed[i].key);
}

static bool routes_open_alike(const struct conf *a, const struct conf *b)
{
	const struct conf_sandbox none = {.n_opened = 0};
	struct ng_prefix of_a[NG_PRIVATE_MAX], of_b[NG_PRIVATE_MAX];
	uint8_t n_a, n_b;
	return !feed_opened(a, &none, of_a, &n_a) && !feed_opened(b, &none, of_b, &n_b) &&
	       n_a == n_b && !memcmp(of_a, of_b, n_a * sizeof of_a[0]);
}

/* Boxes of the old configuration are stale until the new one names them. */
static void mark_boxes(struct daemon *daemon, bool all_again)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next) {
		box->stale = !box->runtime;
		if (all_again && !box->removing)
			box->at_warden = SIDE_ABSENT;
	}
}

static void forget_stale(struct daemon *daemon)
{
	struct box *box, *next;
	HASH_ITER (by_id, daemon->boxes.by_id, box, next)
		if (box->stale && registry_remove(daemon->registry, box->conf.name))
			log_say(LOG_AS_WARNING, "sandbox %s: its id stays in the registry",
				box->conf.name);
}

/*
 * What only a restart changes is carried over. From here on the new state is the state: what fails
 * now is memory or the registry's disk.
 */
static int take_over(struct daemon *daemon, struct conf *conf, struct policy_set *set,
		     struct own *own, struct ng_diags *diags)
{
	mark_boxes(daemon, !routes_open_alike(daemon->conf, conf));
	int code = load_conf_boxes(daemon, conf, diags);
	if (code == NG_OK)
		code = point_all(daemon, set, diags);
	forget_stale(daemon);
	memcpy(conf->table, daemon->conf->table, sizeof conf->table);
	memcpy(conf->listen, daemon->conf->listen, sizeof conf->listen);
	conf->n_listen = daemon->conf->n_listen;
	conf_free(daemon->conf);
	daemon->conf = conf;
	policy_set_finish(&daemon->policies, &daemon->images);
	daemon->policies = *set;
	own_finish(&daemon->own);
	daemon->own = *own;
	if (registry_next_version(daemon->registry, &daemon->version))
		daemon->version++;
	return code;
}

static int load_beside(struct daemon *daemon, struct ng_diags *diags)
{
	struct conf *conf = NULL;
	struct policy_set set = {0};
	struct own own = {0};
	int code = conf_load(daemon->conf_path, diags, &conf);
	if (code == NG_OK) {
		code = check_conf_boxes(daemon, conf, diags);
		int policies = load_policies(daemon, conf, diags, &set);
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

void load_again(struct daemon *daemon, struct control_request *request)
{
	struct ng_diags diags;
	if (daemon->reload_open && request) {
		verbs_fail(request, "a reload is under way; try again when it has ended");
		return;
	}
	daemon->reload_again = daemon->reload_open; /* a signal cannot be told to come again */
	if (daemon->reload_open)
		return;
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
}
