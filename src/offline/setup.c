/*
 * Reading a set-up. The order of sources in a scope is the order in which they are named; a source
 * that several sandboxes name is compiled once, because there may be thousands of them.
 */
#include "config.h"

#include "offline/setup.h"

#include "conf/sources.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct reading {
	const struct setup_wish *wish;
	struct setup *setup;
	struct ng_diags *diags;
};

static void source_free(struct setup_source *source)
{
	if (source == NULL)
		return;
	ng_ruleset_close(source->ruleset);
	ng_image_finish(&source->image);
	free(source->name);
	free(source);
}

void setup_free(struct setup *setup)
{
	struct setup_source *source, *next;
	if (setup == NULL)
		return;
	HASH_ITER (hh, setup->sources, source, next) {
		HASH_DEL(setup->sources, source);
		source_free(source);
	}
	for (size_t i = 0; i < setup->n_sandboxes; i++)
		grants_finish(&setup->sandboxes[i].grants);
	free(setup->sandboxes);
	free(setup->specs);
	free(setup->routes);
	free(setup->own);
	conf_free(setup->conf);
	free(setup);
}

/* ---- sources ---- */

const struct setup_source *setup_source(const struct setup *setup, const char *name)
{
	struct setup_source *source;
	HASH_FIND_STR(setup->sources, name, source);
	return source;
}

static uint64_t now_of(const struct setup_wish *wish)
{
	return wish->now_s != 0 ? wish->now_s : (uint64_t)time(NULL);
}

static int compile(struct reading *reading, struct setup_source *source)
{
	const struct setup_wish *wish = reading->wish;
	const char *folder = wish->config == NULL ? wish->folder : NULL; /* else its own */
	int code = source_compile_at(source->name, folder, reading->setup->conf, now_of(wish),
				     reading->diags, &source->image);
	if (code == NG_OK)
		code = ng_ruleset_open(source->image.octets, source->image.len,
				       &source->ruleset);
	return code;
}

/* A text is never an empty source, nor one that ends before its end; it includes nothing. */
static int compile_text(const struct reading *reading, const struct setup_text *text,
			struct setup_source *source)
{
	const struct ng_place place = {text->name, 0, 0};
	const struct ng_source from = {.format = ng_source_sniff(text->text, text->len),
				       .path = text->name,
				       .text = text->text,
				       .len = text->len,
				       .now_s = now_of(reading->wish)};
	if (text->len == 0 || memchr(text->text, '\0', text->len) != NULL) {
		ng_diag_add(reading->diags, NG_ERROR, &place, "setup-text",
			    "give the text of a host list or zone", "%s",
			    text->len == 0 ? "the source is empty"
					   : "the source has a NUL octet, so it is no text");
		return NG_E_SYNTAX;
	}
	int code = ng_compile(&from, reading->diags, &source->image);
	return code != NG_OK ? code
			     : ng_ruleset_open(source->image.octets, source->image.len,
					       &source->ruleset);
}

static int compile_any(struct reading *reading, struct setup_source *source)
{
	const struct setup_wish *wish = reading->wish;
	for (size_t i = 0; i < wish->n_texts; i++) {
		if (strcmp(wish->texts[i].name, source->name) == 0)
			return compile_text(reading, &wish->texts[i], source);
	}
	return compile(reading, source);
}

static int make_source(struct reading *reading, const char *name, struct setup_source **out)
{
	struct setup_source *source = calloc(1, sizeof(*source));
	if (source == NULL)
		return NG_E_NOMEM;
	source->name = strdup(name);
	int code = source->name != NULL ? compile_any(reading, source) : NG_E_NOMEM;
	if (code == NG_OK) {
		HASH_ADD_KEYPTR(hh, reading->setup->sources, source->name, strlen(source->name),
				source);
		code = source->hh.tbl != NULL ? NG_OK : NG_E_NOMEM;
	}
	if (code != NG_OK) {
		source_free(source);
		return code;
	}
	*out = source;
	return NG_OK;
}

static int take_source(struct reading *reading, const char *name, const struct ng_ruleset **out)
{
	const struct setup_source *known = setup_source(reading->setup, name);
	struct setup_source *made;
	int code = known == NULL ? make_source(reading, name, &made) : NG_OK;
	if (code == NG_OK)
		*out = known != NULL ? known->ruleset : made->ruleset;
	return code;
}

/* All sources of a scope are read, so that one run tells what is wrong with each of them. */
static int take_scope(struct reading *reading, struct setup_sandbox *sandbox,
		      enum ng_scope scope, const char *const *names, size_t n)
{
	struct ng_policy *policy = &sandbox->spec->policy;
	int worst = NG_OK;
	for (size_t i = 0; i < n; i++) {
		const struct ng_ruleset *ruleset;
		int code = take_source(reading, names[i], &ruleset);
		if (code == NG_OK)
			code = grants_add(&sandbox->grants, sandbox->spec->id,
					  sandbox->spec->name, ruleset, reading->diags);
		if (code == NG_OK)
			policy->scopes[scope].sources[policy->scopes[scope].n++] = ruleset;
		worst = code != NG_OK ? code : worst;
	}
	return worst;
}

/* ---- sandboxes ---- */

static int begin_grants(struct reading *reading, struct setup_sandbox *sandbox)
{
	const struct conf_sandbox *conf = sandbox->conf;
	int code = grants_begin(reading->setup->conf, conf, &sandbox->grants);
	if (code != NG_E_FULL)
		return code;
	ng_diag_add(reading->diags, NG_ERROR, &conf->place, "conf-private-many",
		    "open wider prefixes, or fewer",
		    "sandbox \"%s\" and its forward zones together open more than %d "
		    "private prefixes",
		    conf->name, NG_PRIVATE_MAX);
	return NG_E_SYNTAX;
}

static void copy_sandbox(const struct conf *whole, struct setup_sandbox *sandbox)
{
	const struct conf_sandbox *conf = sandbox->conf;
	struct ng_sandbox *spec = sandbox->spec;
	memcpy(spec->name, conf->name, sizeof(spec->name));
	memcpy(spec->interface, conf_sandbox_link(conf), sizeof(spec->interface));
	memcpy(spec->sources, conf->sources, sizeof(spec->sources));
	memcpy(spec->opened, sandbox->grants.opened,
	       sandbox->grants.n_named * sizeof(spec->opened[0]));
	spec->mode = conf->mode;
	spec->n_sources = conf->n_sources;
	spec->n_opened = sandbox->grants.n_named;
	spec->group = conf_group_number(whole, conf->group);
	spec->budget = conf_sandbox_budget(whole, conf);
	spec->no_aaaa = conf_sandbox_no_aaaa(whole, conf);
}

static int read_sandbox(struct reading *reading, const struct conf_sandbox *conf)
{
	struct setup *setup = reading->setup;
	size_t at = setup->n_sandboxes++;
	struct setup_sandbox *sandbox = &setup->sandboxes[at];
	*sandbox = (struct setup_sandbox){.conf = conf, .spec = &setup->specs[at]};
	sandbox->spec->id = (uint32_t)at + 1;
	int code = begin_grants(reading, sandbox);
	if (code != NG_OK)
		return code;
	copy_sandbox(setup->conf, sandbox);
	const struct conf_group *group = conf_group_find(setup->conf, conf->group);
	const struct {
		char *const *names;
		size_t n;
	} scopes[NG_SCOPES] = {
		[NG_SCOPE_GLOBAL] = {setup->conf->policies, setup->conf->n_policies},
		[NG_SCOPE_GROUP] = {group != NULL ? group->policies : NULL,
				    group != NULL ? group->n_policies : 0},
		[NG_SCOPE_SANDBOX] = {conf->policies, conf->n_policies},
	};
	int worst = NG_OK;
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES && worst != NG_E_NOMEM; scope++) {
		code = take_scope(reading, sandbox, scope,
				  (const char *const *)scopes[scope].names, scopes[scope].n);
		worst = code != NG_OK ? code : worst;
	}
	return worst;
}

static int make_room(struct setup *setup, size_t n)
{
	setup->sandboxes = calloc(n + 1, sizeof(*setup->sandboxes));
	setup->specs = calloc(n + 1, sizeof(*setup->specs));
	return setup->sandboxes != NULL && setup->specs != NULL ? NG_OK : NG_E_NOMEM;
}

static int read_sandboxes(struct reading *reading)
{
	const struct conf *conf = reading->setup->conf;
	const char *only = reading->wish->sandbox;
	struct ng_place place = {conf->path, 0, 0};
	int worst = make_room(reading->setup, conf->n_sandboxes);
	for (size_t i = 0; i < conf->n_sandboxes && worst != NG_E_NOMEM; i++) {
		if (only != NULL && strcmp(conf->sandboxes[i].name, only) != 0)
			continue;
		int code = read_sandbox(reading, &conf->sandboxes[i]);
		worst = code != NG_OK ? code : worst;
	}
	if (worst != NG_OK || only == NULL || reading->setup->n_sandboxes > 0)
		return worst;
	ng_diag_add(
		reading->diags, NG_ERROR, &place, "setup-sandbox",
		"name one that it has; those that were registered while the gate runs are in "
		"no file: see namegate sandbox list",
		"the configuration has no sandbox %s", only);
	return NG_E_NOTFOUND;
}

/* ---- routes ---- */

/* One of a sandbox that is not looked at is nobody's. */
static uint32_t owner_of(const struct reading *reading, const struct conf_route *route)
{
	const char *only = reading->wish->sandbox;
	if (only == NULL)
		return (uint32_t)route->outer + 1;
	return strcmp(route->owner, only) == 0 ? 1 : UINT32_MAX;
}

static int read_routes(struct reading *reading)
{
	struct setup *setup = reading->setup;
	const struct conf *conf = setup->conf;
	size_t servers = 0;
	setup->routes = calloc(conf->n_routes, sizeof(*setup->routes));
	setup->own = calloc(conf->n_routes * NG_SERVERS_MAX, sizeof(*setup->own));
	if (setup->routes == NULL || setup->own == NULL)
		return NG_E_NOMEM;
	for (size_t i = 0; i < conf->n_routes; i++) {
		const struct conf_route *from = &conf->routes[i];
		struct ng_route *route = &setup->routes[i];
		route->id = (uint32_t)i + 1;
		if (from->scope == NG_SCOPE_SANDBOX)
			route->sandbox = owner_of(reading, from);
		if (from->scope == NG_SCOPE_GROUP)
			route->group = (uint32_t)from->outer + 1;
		route->zone = from->zone;
		ng_name_lower(&route->zone);
		route->n_opened = from->n_opened;
		route->trust_ad = from->trust_ad;
		memcpy(route->opened, from->opened, sizeof(route->opened));
		for (size_t j = 0; j < from->n_servers; j++) {
			const struct ng_addr *addr = &from->servers[j].addr;
			setup->own[servers++] = (struct ng_prefix){
				.addr = *addr, .bits = (uint8_t)(ng_addr_len(addr) * 8)};
		}
	}
	setup->n_routes = conf->n_routes;
	setup->n_own = servers;
	return NG_OK;
}

/* ---- the whole ---- */

static int read_conf(struct reading *reading)
{
	struct setup *setup = reading->setup;
	int code = conf_load(reading->wish->config, reading->diags, &setup->conf);
	if (code != NG_OK)
		return code;
	setup->settings = setup->conf->settings;
	code = read_routes(reading);
	return code == NG_OK ? read_sandboxes(reading) : code;
}

/* Two texts of one name could not be told apart in what is said of them. */
static int refuse_twins(const struct reading *reading)
{
	const struct setup_wish *wish = reading->wish;
	for (size_t i = 1; i < wish->n_texts; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct ng_place place = {wish->texts[i].name, 0, 0};
			if (strcmp(wish->texts[i].name, wish->texts[j].name) != 0)
				continue;
			ng_diag_add(reading->diags, NG_ERROR, &place, "setup-twice",
				    "give each a name of its own",
				    "two texts have the same name");
			return NG_E_SYNTAX;
		}
	}
	return NG_OK;
}

static int name_policies(const struct reading *reading, const char **names, size_t *n)
{
	const struct setup_wish *wish = reading->wish;
	*n = wish->n_texts > 0 ? wish->n_texts : wish->n_policies;
	for (size_t i = 0; i < *n && i <= NG_RULESETS_MAX; i++)
		names[i] = wish->n_texts > 0 ? wish->texts[i].name : wish->policies[i];
	if (*n <= NG_RULESETS_MAX)
		return refuse_twins(reading);
	struct ng_place place = {names[NG_RULESETS_MAX], 0, 0};
	ng_diag_add(reading->diags, NG_ERROR, &place, "setup-many",
		    "@include some of them in one list", "a scope has at most %d sources",
		    NG_RULESETS_MAX);
	return NG_E_SYNTAX;
}

/* Without a configuration there is one sandbox, and one upstream for all names. */
static int read_policies(struct reading *reading)
{
	const struct setup_wish *wish = reading->wish;
	struct setup *setup = reading->setup;
	const char *names[NG_RULESETS_MAX + 1];
	size_t n;
	int code = make_room(setup, 1);
	setup->routes = calloc(1, sizeof(*setup->routes));
	if (code != NG_OK || setup->routes == NULL)
		return NG_E_NOMEM;
	code = name_policies(reading, names, &n);
	if (code != NG_OK)
		return code;
	setup->routes[0] = (struct ng_route){.id = 1, .zone = {.len = 1}};
	setup->n_routes = setup->n_sandboxes = 1;
	struct setup_sandbox *sandbox = &setup->sandboxes[0];
	sandbox->spec = &setup->specs[0];
	sandbox->spec->id = 1;
	sandbox->spec->mode = NG_ENFORCE;
	strncpy(sandbox->spec->name, wish->sandbox != NULL ? wish->sandbox : "sandbox",
		sizeof(sandbox->spec->name) - 1);
	return take_scope(reading, sandbox, NG_SCOPE_SANDBOX, names, n);
}

int setup_read(const struct setup_wish *wish, struct ng_diags *diags, struct setup **out)
{
	struct reading reading = {
		.wish = wish, .setup = calloc(1, sizeof(*reading.setup)), .diags = diags};
	if (reading.setup == NULL)
		return NG_E_NOMEM;
	int code = wish->config != NULL ? read_conf(&reading) : read_policies(&reading);
	if (code != NG_OK) {
		setup_free(reading.setup);
		return code;
	}
	*out = reading.setup;
	return NG_OK;
}

int setup_approve(struct setup *setup, const struct setup_sandbox *sandbox,
		  const struct setup_text *lines, struct ng_diags *diags)
{
	const struct setup_wish wish = {.texts = lines, .n_texts = 1};
	struct reading reading = {.wish = &wish, .setup = setup, .diags = diags};
	struct setup_source *source;
	int code = make_source(&reading, lines->name, &source);
	if (code == NG_OK)
		sandbox->spec->policy.approvals = source->ruleset;
	return code;
}

const struct setup_sandbox *setup_find(const struct setup *setup, const char *name)
{
	for (size_t i = 0; i < setup->n_sandboxes; i++) {
		if (strcmp(setup->specs[i].name, name) == 0)
			return &setup->sandboxes[i];
	}
	return NULL;
}

size_t setup_route_of(const struct setup *setup, const struct setup_sandbox *sandbox,
		      const struct ng_name *name)
{
	return setup->conf != NULL ? conf_route_of(setup->conf, sandbox->conf, name) : 0;
}

bool setup_route_reaches(const struct setup *setup, const struct setup_sandbox *sandbox,
			 size_t route)
{
	return setup->conf == NULL || conf_route_reaches(setup->conf, sandbox->conf, route);
}

const char *setup_route_text(const struct setup *setup, size_t route,
			     char out[static CONF_ROUTE_TEXT])
{
	return setup->conf != NULL ? conf_route_text(&setup->conf->routes[route], out)
				   : ng_name_to_text(&setup->routes[route].zone, out);
}

struct ng_generation setup_generation(const struct setup *setup, uint64_t version)
{
	return (struct ng_generation){
		.version = version,
		.settings = setup->settings,
		.routes = setup->routes,
		.n_routes = setup->n_routes,
		.own = setup->own,
		.n_own = setup->n_own,
		.sandboxes = setup->specs,
		.n_sandboxes = setup->n_sandboxes,
	};
}
