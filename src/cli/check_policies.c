/*
 * Sources, each read once, and held against those that decide before them: earlier ones of the
 * scope, and the wider scopes. Thousands of sandboxes may share their lists, so what was held against
 * each other for one sandbox is not again for the next.
 */
#include "config.h"

#include "cli/check.h"
#include "conf/files.h"
#include "conf/sources.h"

#include <stdlib.h>
#include <string.h>

/* ---- one source ---- */

static bool same_finding(const struct ng_diag *a, const struct ng_diag *b)
{
	return a->line == b->line && a->column == b->column && strcmp(a->path, b->path) == 0 &&
	       strcmp(a->code, b->code) == 0;
}

static bool known(const struct ng_diags *diags, const struct ng_diag *finding)
{
	for (size_t i = 0; i < diags->n; i++) {
		if (same_finding(&diags->items[i], finding))
			return true;
	}
	return false;
}

/* Rules that end soon are those that the same text a week later leaves out. */
static void look_ahead(struct check *check, const struct check_source *source, const char *path,
		       const char *base_dir)
{
	uint64_t soon = check->now_s + NG_LINT_SOON_S,
		 ends = ng_ruleset_expires(source->ruleset);
	struct ng_diags later;
	struct ng_image image = {0};
	if (ends == 0 || ends > soon)
		return;
	ng_diags_init(&later);
	check_note(check, source_compile_at(path, base_dir, check->conf, soon, &later, &image));
	for (size_t i = 0; i < later.n; i++) {
		const struct ng_diag *diag = &later.items[i];
		struct ng_place place = {diag->path, diag->line, diag->column};
		if (strcmp(diag->code, "list-expired") == 0 && !known(&check->diags, diag))
			ng_lint_tell(NG_LINT_UNTIL_SOON, &place, &check->diags,
				     "move its date, or take the line out in time",
				     "the rule ends within seven days");
	}
	ng_image_finish(&image);
	ng_diags_finish(&later);
}

static int open_source(struct check *check, struct check_source *source, const char *path,
		       const char *base_dir)
{
	int code = source_compile(path, base_dir, check->conf, &check->diags, &source->image);
	if (code == NG_OK)
		code = ng_ruleset_open(source->image.octets, source->image.len,
				       &source->ruleset);
	if (code == NG_OK)
		code = ng_lint_table_create(source->ruleset, &source->table);
	if (code != NG_OK)
		return code;
	look_ahead(check, source, path, base_dir);
	return ng_lint_source(source->table, check->hosting, &check->diags);
}

struct check_source *check_source(struct check *check, const char *path, const char *base_dir)
{
	struct check_source *source;
	char *key = file_beside(path, base_dir);
	if (key == NULL) {
		check_note(check, NG_E_NOMEM);
		return NULL;
	}
	HASH_FIND_STR(check->sources, key, source);
	if (source == NULL) {
		source = calloc(1, sizeof(*source));
		if (source == NULL) {
			check_note(check, NG_E_NOMEM);
			free(key);
			return NULL;
		}
		source->path = key;
		key = NULL;
		HASH_ADD_KEYPTR(hh, check->sources, source->path, strlen(source->path), source);
		int code = open_source(check, source, path, base_dir);
		check_note(check, code);
		source->good = code == NG_OK;
		check_add_file(check, "policy", path, source->good,
			       source->good ? ng_ruleset_count(source->ruleset) : 0);
	}
	free(key);
	return source->good ? source : NULL;
}

void check_sources_free(struct check *check)
{
	struct check_source *source, *next;
	HASH_ITER (hh, check->sources, source, next) {
		HASH_DEL(check->sources, source);
		ng_lint_table_destroy(source->table);
		ng_ruleset_close(source->ruleset);
		ng_image_finish(&source->image);
		free(source->path);
		free(source);
	}
}

/* ---- sources against each other ---- */

struct group { /* the sources of one scope, in order */
	const struct check_source *sources[NG_RULESETS_MAX];
	const struct ng_lint_table *tables[NG_RULESETS_MAX];
	size_t n;
	bool whole; /* no source is missing */
};

static void group_open(struct check *check, char *const *paths, size_t n, const char *folder,
		       struct group *out)
{
	*out = (struct group){.whole = true};
	for (size_t i = 0; i < n && i < NG_RULESETS_MAX; i++) {
		struct check_source *source = check_source(check, paths[i], folder);
		out->whole = out->whole && source != NULL;
		if (source == NULL)
			continue;
		out->sources[out->n] = source;
		out->tables[out->n++] = source->table;
	}
}

static void group_lint(const struct group *group, struct ng_diags *diags)
{
	for (size_t i = 2; i <= group->n; i++)
		ng_lint_scope(group->tables, i, diags);
}

static void hold_against(struct check *check, const struct group *wide,
			 const struct group *narrow)
{
	for (size_t i = 0; i < narrow->n; i++) {
		struct check_source *source = (struct check_source *)narrow->sources[i];
		if (!source->held)
			ng_lint_across(wide->tables, wide->n, source->table, &check->diags);
		source->held = true;
	}
}

static void hold_group(struct check *check, const struct conf_group *conf,
		       const struct group *wide, const struct group *narrow)
{
	for (size_t i = 0; conf != NULL && i < narrow->n; i++) {
		struct check_source *source = (struct check_source *)narrow->sources[i];
		if (source->under != conf)
			ng_lint_across(wide->tables, wide->n, source->table, &check->diags);
		source->under = conf;
	}
}

static void lint_whole(struct check *check, const struct conf_sandbox *sandbox,
		       const struct group *global, const struct group *shared,
		       const struct group *own)
{
	const struct ng_lint_table *tables[NG_SCOPES * NG_RULESETS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < global->n; i++)
		tables[n++] = global->tables[i];
	for (size_t i = 0; i < shared->n; i++)
		tables[n++] = shared->tables[i];
	for (size_t i = 0; i < own->n; i++)
		tables[n++] = own->tables[i];
	if (sandbox->mode != NG_LOCKDOWN && global->whole && shared->whole && own->whole)
		ng_lint_sandbox(tables, n, sandbox->name, sandbox->mode == NG_OBSERVE,
				&sandbox->place, &check->diags);
}

/* A source alone is asked as the policy of a sandbox that has no other. */
static void lint_aliases(struct check *check, const char *sandbox, const struct group *global,
			 const struct group *shared, const struct group *own)
{
	struct ng_policy policy = {0};
	for (size_t i = 0; global != NULL && i < global->n; i++)
		policy.scopes[NG_SCOPE_GLOBAL].sources[i] = global->sources[i]->ruleset;
	policy.scopes[NG_SCOPE_GLOBAL].n = global != NULL ? (uint8_t)global->n : 0;
	for (size_t i = 0; shared != NULL && i < shared->n; i++)
		policy.scopes[NG_SCOPE_GROUP].sources[i] = shared->sources[i]->ruleset;
	policy.scopes[NG_SCOPE_GROUP].n = shared != NULL ? (uint8_t)shared->n : 0;
	for (size_t i = 0; i < own->n; i++)
		policy.scopes[NG_SCOPE_SANDBOX].sources[i] = own->sources[i]->ruleset;
	policy.scopes[NG_SCOPE_SANDBOX].n = (uint8_t)own->n;
	if (check->n_aliases > 0)
		check_note(check, ng_lint_aliases(&policy, sandbox, check->aliases,
						  check->n_aliases, &check->diags));
}

/* Do two sandboxes name the same sources in the same order? */
static bool same_sources(const struct group *a, const struct group *b)
{
	return a->n == b->n && memcmp(a->sources, b->sources, a->n * sizeof(*a->sources)) == 0;
}

void check_policies(struct check *check, const struct conf *conf, const char *folder)
{
	struct group global, shared, own, before = {0};
	group_open(check, conf->policies, conf->n_policies, folder, &global);
	group_lint(&global, &check->diags);
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct conf_group *group = &conf->groups[i];
		group_open(check, group->policies, group->n_policies, folder, &shared);
		group_lint(&shared, &check->diags);
		hold_against(check, &global, &shared);
	}
	for (size_t i = 0; i < conf->n_sandboxes; i++) {
		const struct conf_sandbox *sandbox = &conf->sandboxes[i];
		const struct conf_group *group = conf_group_find(conf, sandbox->group);
		group_open(check, group != NULL ? group->policies : NULL,
			   group != NULL ? group->n_policies : 0, folder, &shared);
		group_open(check, sandbox->policies, sandbox->n_policies, folder, &own);
		if (!same_sources(&own, &before))
			group_lint(&own, &check->diags);
		hold_against(check, &global, &own);
		hold_group(check, group, &shared, &own);
		lint_whole(check, sandbox, &global, &shared, &own);
		lint_aliases(check, sandbox->name, &global, &shared, &own);
		before = own;
	}
}

void check_alone(struct check *check, const char *path)
{
	struct group own;
	char *paths[] = {(char *)path};
	group_open(check, paths, 1, NULL, &own);
	lint_aliases(check, NULL, NULL, NULL, &own);
}
