/*
 * The world of a scene: sandboxes, forward zones, settings, and which policy source is whose. Everything that the
 * configuration file says in the daemon, a scene says in a line. Before the first `at` the lines
 * describe generation 1; at a time they change one thing and apply the next generation.
 *
 * A list belongs to the sandboxes that name it. One that nobody names holds for every sandbox.
 */
#include "config.h"

#include "cli/scene_inside.h"

#include <stdlib.h>
#include <string.h>

#define BOXES_MAX 64

/* ---- who is who ---- */

struct box *box_by_name(const struct scene *scene, const char *name)
{
	struct box *box;

	DL_FOREACH (scene->boxes, box) {
		if (!box->gone && strcmp(box->spec.name, name) == 0)
			return box;
	}
	return NULL;
}

struct box *box_by_id(const struct scene *scene, uint32_t id)
{
	struct box *box;

	DL_FOREACH (scene->boxes, box) {
		if (box->spec.id == id)
			return box;
	}
	return NULL;
}

struct box *need_box(struct reader *reader)
{
	const char *name = need_word(reader, "the name of a sandbox");
	struct box *box = box_by_name(reader->scene, name);

	if (box || reader->scene->stopped)
		return box;
	reader->at--;
	word_bad(reader, "there is no sandbox `%s` here", name);
	return NULL;
}

/* ---- sandboxes ---- */

static void box_source(struct reader *reader, struct ng_sandbox *spec)
{
	if (spec->n_sources == NG_SOURCES_MAX)
		word_bad(reader, "a sandbox has at most %u sources", NG_SOURCES_MAX);
	else
		spec->sources[spec->n_sources++] = need_prefix(reader);
}

static enum ng_mode need_mode(struct reader *reader)
{
	if (word_accept(reader, "enforce"))
		return NG_ENFORCE;
	if (word_accept(reader, "observe"))
		return NG_OBSERVE;
	if (!word_accept(reader, "lockdown"))
		word_bad(reader, "the modes are `enforce`, `observe` and `lockdown`");
	return NG_LOCKDOWN;
}

static void box_list(struct reader *reader, struct box *box, enum ng_scope scope)
{
	const char *name = need_word(reader, "the name of a list");

	if (box->n_lists[scope] == NG_RULESETS_MAX)
		word_bad(reader, "a sandbox has at most %u lists of a scope", NG_RULESETS_MAX);
	else
		box->lists[scope][box->n_lists[scope]++] = scene_copy(name, strlen(name));
}

static uint32_t need_budget(struct reader *reader)
{
	return word_accept(reader, "off") ? NG_BUDGET_OFF : need_number(reader, "octets");
}

static void box_option(struct reader *reader, struct box *box)
{
	if (word_accept(reader, "interface"))
		snprintf(box->spec.interface, sizeof(box->spec.interface), "%s",
			 need_word(reader, "an interface"));
	else if (word_accept(reader, "policy"))
		box_list(reader, box, NG_SCOPE_SANDBOX);
	else if (word_accept(reader, "group"))
		box_list(reader, box, NG_SCOPE_GROUP);
	else if (word_accept(reader, "member"))
		snprintf(box->member, sizeof(box->member), "%s",
			 need_word(reader, "the name of a group"));
	else if (word_accept(reader, "mode"))
		box->spec.mode = need_mode(reader);
	else if (word_accept(reader, "private"))
		opened_read(reader, box->spec.opened, &box->spec.n_opened);
	else if (word_accept(reader, "budget"))
		box->spec.budget = need_budget(reader);
	else if (word_accept(reader, "no-aaaa"))
		box->spec.no_aaaa = true;
	else
		box_source(reader, &box->spec);
}

static struct box *box_add(struct scene *scene, const char *name, const struct line *line)
{
	struct box *box = scene_alloc(sizeof(*box));

	box->spec.id = ++scene->last_box;
	box->spec.mode = NG_ENFORCE;
	box->line = line;
	snprintf(box->spec.name, sizeof(box->spec.name), "%s", name);
	DL_APPEND(scene->boxes, box);
	return box;
}

static void lists_forget(struct box *box)
{
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		while (box->n_lists[scope])
			free(box->lists[scope][--box->n_lists[scope]]);
	}
}

/* A sandbox that is there is described anew under its id; else a new one begins. */
static struct box *box_read(struct scene *scene, struct reader *reader)
{
	const char *name = need_word(reader, "the name of a sandbox");
	struct box *box = box_by_name(scene, name);

	if (scene->last_box == BOXES_MAX)
		word_bad(reader, "a scene has at most %u sandboxes", BOXES_MAX);
	if (scene->stopped)
		return NULL;
	if (box) {
		struct ng_sandbox fresh = {.id = box->spec.id, .mode = NG_ENFORCE};

		memcpy(fresh.name, box->spec.name, sizeof(fresh.name));
		box->spec = fresh;
		box->member[0] = '\0';
		lists_forget(box);
	} else {
		box = box_add(scene, name, reader->line);
	}
	while (word_peek(reader) && !scene->stopped)
		box_option(reader, box);
	if (!box->spec.n_sources)
		word_bad(reader, "a sandbox needs a source address");
	return box;
}

static bool somebodys(const struct scene *scene, const struct list *list)
{
	const struct box *box;

	DL_FOREACH (scene->boxes, box) {
		for (size_t scope = 0; scope < NG_SCOPES; scope++) {
			for (size_t i = 0; i < box->n_lists[scope]; i++) {
				if (strcmp(box->lists[scope][i], list->name) == 0)
					return true;
			}
		}
	}
	return false;
}

static void policy_add(struct ng_policy *policy, enum ng_scope scope, const struct list *list)
{
	if (policy->scopes[scope].n < NG_RULESETS_MAX)
		policy->scopes[scope].sources[policy->scopes[scope].n++] = list->rules;
}

static void box_judge(struct scene *scene, struct box *box)
{
	struct ng_policy *policy = &box->spec.policy;
	struct list *list;

	*policy = (struct ng_policy){0};
	policy->approvals = box->approvals ? box->approvals->rules : NULL;
	box->spec.group = route_group(scene, box->member);
	DL_FOREACH (scene->lists, list) {
		if (!somebodys(scene, list))
			policy_add(policy, NG_SCOPE_GLOBAL, list);
	}
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		for (size_t i = 0; i < box->n_lists[scope]; i++) {
			list = list_find(scene, box->lists[scope][i]);
			if (list)
				policy_add(policy, (enum ng_scope)scope, list);
			else
				scene_stop(scene, SCENE_UNUSABLE, box->line, 1,
					   "there is no list `%s`", box->lists[scope][i]);
		}
	}
}

/* ---- settings ---- */

static void own_read(struct scene *scene, struct reader *reader)
{
	while (word_peek(reader) && !scene->stopped) {
		if (scene->n_own == sizeof(scene->own) / sizeof(scene->own[0]))
			word_bad(reader, "a scene has at most 16 addresses of its own");
		else
			scene->own[scene->n_own++] = need_prefix(reader);
	}
}

static void setting_read(struct scene *scene, struct reader *reader)
{
	struct ng_settings *settings = &scene->settings;
	struct ng_limits *limits = &settings->limits;
	const struct {
		const char *name;
		uint32_t *value;
		bool seconds;
	} known[] = {
		{"lease-min", &settings->lease_min_s, true},
		{"grace", &settings->grace_s, true},
		{"ttl-max", &settings->ttl_max_s, true},
		{"deny-ttl", &settings->deny_ttl_s, true},
		{"flow-lease", &settings->flow_lease_s, true},
		{"serve-stale", &settings->stale_s, true},
		{"pending", &limits->pending, false},
		{"pending-sandbox", &limits->pending_sandbox, false},
		{"leases", &limits->leases, false},
		{"leases-sandbox", &limits->leases_sandbox, false},
		{"cache-size", &limits->cache_octets, false},
		{"queries-sandbox", &limits->queries_sandbox, false},
	};
	const struct {
		const char *name;
		bool *value;
	} switches[] = {{"prefetch", &settings->prefetch},
			{"drop-low-ports", &settings->drop_low_ports}};

	if (word_accept(reader, "clock")) {
		scene->clock_s = need_number(reader, "seconds since 1970");
		return;
	}
	if (word_accept(reader, "budget")) {
		settings->budget = need_budget(reader);
		return;
	}
	if (word_accept(reader, "ancestor-answer")) {
		settings->ancestor_nodata = word_accept(reader, "nodata");
		if (!settings->ancestor_nodata && !word_accept(reader, "nxdomain"))
			word_bad(reader, "`ancestor-answer` is nodata or nxdomain");
		return;
	}
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (!word_accept(reader, switches[i].name))
			continue;
		*switches[i].value = word_accept(reader, "true");
		if (!*switches[i].value && !word_accept(reader, "false"))
			word_bad(reader, "`%s` is true or false", switches[i].name);
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!word_accept(reader, known[i].name))
			continue;
		*known[i].value = known[i].seconds ? need_seconds(reader)
						   : need_number(reader, "a number");
		return;
	}
	word_bad(reader, "there is no such setting; see namegate-scene(5)");
}

/* ---- generations ---- */

static bool apply(struct scene *scene)
{
	struct ng_sandbox *specs = scene_alloc(BOXES_MAX * sizeof(*specs));
	struct ng_generation generation = {
		.version = ++scene->version,
		.settings = scene->settings,
		.routes = scene->routes,
		.n_routes = scene->n_routes,
		.own = scene->own,
		.n_own = scene->n_own,
		.sandboxes = specs,
	};
	struct box *box;
	int error = NG_OK;

	routes_own(scene);
	DL_FOREACH (scene->boxes, box) {
		box_judge(scene, box);
		if (!box->gone)
			specs[generation.n_sandboxes++] = box->spec;
	}
	if (!scene->stopped)
		error = ng_gate_apply(scene->gate, scene->now_us, &generation);
	free(specs);
	if (error)
		scene_stop(scene, SCENE_UNUSABLE, NULL, 0,
			   "the engine does not take this world: %s", ng_strerror(error));
	promises_judge(scene);
	return !scene->stopped;
}

void world_begin(struct scene *scene)
{
	scene->routes[scene->n_routes].zone = (struct ng_name){.len = 1};
	scene->routes[scene->n_routes++].id = ++scene->last_route;
	if (!scene->boxes) {
		struct ng_sandbox *spec = &box_add(scene, "box1", NULL)->spec;

		if (ng_prefix_parse("10.0.0.2", &spec->sources[spec->n_sources++]) ||
		    ng_prefix_parse("fd00::2", &spec->sources[spec->n_sources++]))
			scene_stop(scene, SCENE_UNUSABLE, NULL, 0, "no default sandbox");
	}
	if (ng_gate_create(0x5ce4e, &scene->gate))
		scene_stop(scene, SCENE_UNUSABLE, NULL, 0, "the engine cannot be made");
	else
		apply(scene);
	if (scene->gate)
		ng_gate_ready(scene->gate, NG_READY_CHECKED);
}

static const char *const declarations[] = {
	"policy", "list", "rpz",     "refuse",   "sandbox", "route", "own",   "setting",
	"remove", "mode", "approve", "withdraw", "reload",  "begin", "apply",
};

bool world_declares(const struct reader *reader)
{
	const struct word *word = word_peek(reader);

	for (size_t i = 0; word && i < sizeof(declarations) / sizeof(declarations[0]); i++) {
		if (strcmp(word->text, declarations[i]) == 0)
			return true;
	}
	return false;
}

static void kernel_read(struct scene *scene, struct reader *reader)
{
	scene->prompt = word_accept(reader, "prompt");
	if (!scene->prompt)
		word_bad(reader, "the kernel can be `prompt`; without the line it waits for "
				 "`committed`");
}

static void box_end(struct scene *scene, struct box *box)
{
	if (!box)
		return;
	box->gone = true;
	ng_gate_sandbox_remove(scene->gate, scene->now_us, box->spec.id);
	kernel_flush(scene, box->spec.id);
	promises_forget(scene, box->spec.id);
}

static void box_put(struct scene *scene, struct reader *reader, struct box *box)
{
	int error;

	if (!box || scene->stopped)
		return;
	box_judge(scene, box);
	error = ng_gate_sandbox_put(scene->gate, scene->now_us, &box->spec);
	if (error)
		word_bad(reader, "the engine does not take this sandbox: %s",
			 ng_strerror(error));
	promises_judge(scene);
}

void world_declare(struct scene *scene, struct reader *reader)
{
	if (word_accept(reader, "policy"))
		list_free(policy_read(reader, "file"));
	else if (word_accept(reader, "list"))
		list_free(policy_read(reader, "list"));
	else if (word_accept(reader, "rpz"))
		list_free(policy_read(reader, "rpz"));
	else if (word_accept(reader, "refuse"))
		policy_refuse(reader);
	else if (word_accept(reader, "sandbox"))
		box_read(scene, reader);
	else if (word_accept(reader, "route"))
		route_read(scene, reader);
	else if (word_accept(reader, "own"))
		own_read(scene, reader);
	else if (word_accept(reader, "setting"))
		setting_read(scene, reader);
	else if (word_accept(reader, "kernel"))
		kernel_read(scene, reader);
	else
		word_bad(reader, "only `at` and what describes the world begins a line here");
	words_done(reader);
}

static void lists_end(struct list *lists)
{
	struct list *list, *spare;

	DL_FOREACH_SAFE (lists, list, spare) {
		list_free(list);
	}
}

/* A new generation with other sources; the old ones end when nobody asks them any more. */
static void policy_change(struct scene *scene, struct reader *reader, struct list *old)
{
	if (!scene->stopped)
		apply(scene);
	seen_drain(scene, reader->line);
	lists_end(old);
}

static void box_approve(struct scene *scene, struct reader *reader, bool add)
{
	struct box *box = need_box(reader);
	struct list *old = box ? approvals_change(reader, box, add) : NULL;

	box_put(scene, reader, box);
	seen_drain(scene, reader->line);
	list_free(old);
}

static void route_remove(struct scene *scene, struct reader *reader)
{
	route_end(scene, reader);
	if (!scene->stopped)
		apply(scene);
}

static void box_change(struct scene *scene, struct reader *reader)
{
	struct box *box = box_read(scene, reader);

	if (box)
		promises_forget(scene, box->spec.id);
	box_put(scene, reader, box);
}

static void mode_change(struct scene *scene, struct reader *reader)
{
	struct box *box = need_box(reader);

	if (box)
		box->spec.mode = need_mode(reader);
	box_put(scene, reader, box);
}

/* ---- changes that take effect together ---- */

/* The gate still asks what stood there before: it goes with the generation. */
static void replaced_keep(struct scene *scene, struct list *old)
{
	if (old)
		DL_APPEND(scene->replaced, old);
}

static void box_gather(struct scene *scene, struct reader *reader)
{
	struct box *box = box_read(scene, reader);

	if (box)
		promises_forget(scene, box->spec.id);
}

static void mode_gather(struct reader *reader)
{
	struct box *box = need_box(reader);
	enum ng_mode mode = need_mode(reader);

	if (box)
		box->spec.mode = mode;
}

static void gather_end(struct scene *scene, struct reader *reader)
{
	struct list *old = scene->replaced;

	scene->gathering = false;
	scene->replaced = NULL;
	policy_change(scene, reader, old);
}

static void gather(struct scene *scene, struct reader *reader)
{
	if (word_accept(reader, "apply"))
		gather_end(scene, reader);
	else if (word_accept(reader, "policy") || word_accept(reader, "list"))
		replaced_keep(scene, policy_read(reader, "list"));
	else if (word_accept(reader, "rpz"))
		replaced_keep(scene, policy_read(reader, "rpz"));
	else if (word_accept(reader, "sandbox"))
		box_gather(scene, reader);
	else if (word_accept(reader, "mode"))
		mode_gather(reader);
	else if (word_accept(reader, "setting"))
		setting_read(scene, reader);
	else
		word_bad(reader, "what is gathered for `apply` are sources, sandboxes, modes "
				 "and settings");
	words_done(reader);
}

void world_change(struct scene *scene, struct reader *reader)
{
	if (scene->gathering) {
		gather(scene, reader);
		return;
	}
	if (word_accept(reader, "begin")) {
		scene->gathering = true;
		words_done(reader);
		return;
	}
	if (word_accept(reader, "sandbox")) {
		box_change(scene, reader);
	} else if (word_accept(reader, "mode")) {
		mode_change(scene, reader);
	} else if (word_accept(reader, "remove")) {
		if (word_accept(reader, "route"))
			route_remove(scene, reader);
		else
			box_end(scene, need_box(reader));
	} else if (word_accept(reader, "approve")) {
		box_approve(scene, reader, true);
	} else if (word_accept(reader, "withdraw")) {
		box_approve(scene, reader, false);
	} else if (word_accept(reader, "reload")) {
		policy_change(scene, reader, policy_reload(reader));
	} else if (word_accept(reader, "policy") || word_accept(reader, "list")) {
		policy_change(scene, reader, policy_read(reader, "list"));
	} else if (word_accept(reader, "rpz")) {
		policy_change(scene, reader, policy_read(reader, "rpz"));
	} else if (word_accept(reader, "refuse")) {
		policy_refuse(reader);
	} else if (word_accept(reader, "apply")) {
		word_bad(reader, "nothing is gathered: `begin` is missing before this");
	} else {
		world_declare(scene, reader);
		if (!scene->stopped)
			apply(scene);
	}
	words_done(reader);
}

void world_finish(struct scene *scene)
{
	struct box *box, *next_box;

	ng_gate_destroy(scene->gate);
	lists_end(scene->lists);
	lists_end(scene->replaced);
	DL_FOREACH_SAFE (scene->boxes, box, next_box) {
		lists_forget(box);
		list_free(box->approvals);
		free(box);
	}
}
