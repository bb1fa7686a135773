/*
 * Two set-ups side by side. Sandboxes are paired by name; those whose policies and settings differ
 * in the same way are compared once, because there may be thousands of them.
 */
#include "config.h"

#include "offline/diff_inside.h"

#include <stdlib.h>
#include <string.h>

static void group_free(struct diff_group *group)
{
	if (group == NULL)
		return;
	diff_list_finish(&group->changes);
	free(group->sandboxes);
	free(group->names);
	free(group->rules);
	free(group->addresses);
	free(group->key);
	free(group);
}

void diff_free(struct diff *diff)
{
	struct diff_source *source, *next;
	if (diff == NULL)
		return;
	if (diff->inside != NULL) {
		HASH_CLEAR(hh, diff->inside->by_key);
		HASH_ITER (hh, diff->inside->sources, source, next) {
			HASH_DEL(diff->inside->sources, source);
			free(source);
		}
		free(diff->inside->texts);
	}
	for (size_t i = 0; i < diff->n_groups; i++)
		group_free(diff->groups[i]);
	free(diff->groups);
	diff_list_finish(&diff->changes);
	free(diff->inside);
	free(diff);
}

/* ---- sources ---- */

/* Looks until it has seen both kinds. */
static void see_denials(struct diff_source *source)
{
	struct ng_name owner;
	struct ng_match match;
	uint32_t cursor = 0;
	bool permits = false;
	while (!(permits && source->denies) &&
	       ng_ruleset_rule(source->ruleset, &cursor, &owner, &match)) {
		permits |= diff_mildness(match.action) > 0;
		source->denies |= diff_mildness(match.action) == 0;
	}
	source->denials = source->denies && !permits;
}

/* Rules about clients come first. */
static bool about_clients(const struct ng_ruleset *ruleset)
{
	struct ng_match match;
	uint32_t cursor = 0;
	return ng_ruleset_address(ruleset, &cursor, &match) &&
	       match.trigger == NG_TRIGGER_CLIENT;
}

static int know_sources(struct diff *diff, const struct setup *setup)
{
	struct setup_source *from, *next;
	HASH_ITER (hh, setup->sources, from, next) {
		struct diff_source *source = calloc(1, sizeof(*source));
		if (source == NULL)
			return NG_E_NOMEM;
		source->ruleset = from->ruleset;
		see_denials(source);
		source->clients = about_clients(from->ruleset);
		HASH_ADD_PTR(diff->inside->sources, ruleset, source);
	}
	return NG_OK;
}

static struct diff_source *source_of(const struct diff *diff, const struct ng_ruleset *ruleset)
{
	struct diff_source *source;
	HASH_FIND_PTR(diff->inside->sources, &ruleset, source);
	return source;
}

bool diff_has_denials(const struct diff *diff, const struct ng_ruleset *ruleset)
{
	const struct diff_source *source = source_of(diff, ruleset);
	return source == NULL || source->denies;
}

/* Many sandboxes share a source, so the last comparison of each is remembered. */
bool diff_sources_equal(const struct diff *diff, const struct ng_ruleset *old,
			const struct ng_ruleset *new)
{
	struct diff_source *source = source_of(diff, old);
	if (source == NULL)
		return ng_ruleset_equal(old, new);
	if (source->held_against != new)
		source->equal = ng_ruleset_equal(old, new);
	source->held_against = new;
	return source->equal;
}

static bool policies_equal(const struct diff *diff, const struct diff_group *group)
{
	const struct ng_policy *old = diff_policy(group, DIFF_OLD),
			       *new = diff_policy(group, DIFF_NEW);
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		if (old->scopes[scope].n != new->scopes[scope].n)
			return false;
		for (uint8_t i = 0; i < old->scopes[scope].n; i++) {
			if (!diff_sources_equal(diff, old->scopes[scope].sources[i],
						new->scopes[scope].sources[i]))
				return false;
		}
	}
	return true;
}

bool diff_about_clients(const struct diff *diff, const struct ng_policy *policy)
{
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			const struct diff_source *source =
				source_of(diff, policy->scopes[scope].sources[i]);
			if (source != NULL && source->clients)
				return true;
		}
	}
	return false;
}

/* ---- groups ---- */

static void write_side(FILE *to, const struct diff *diff, const struct diff_group *group,
		       int side)
{
	const struct setup_sandbox *sandbox = group->sides[side];
	const struct ng_policy *policy = diff_policy(group, side);
	char prefix[NG_PREFIX_TEXT];
	fprintf(to, "|%d", sandbox == NULL ? -1 : (int)sandbox->spec->mode);
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		fputc('/', to);
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++)
			fprintf(to, " %p", (const void *)policy->scopes[scope].sources[i]);
	}
	if (sandbox != NULL && sandbox->spec->n_sources > 0 && diff_about_clients(diff, policy))
		fputs(ng_prefix_format(&sandbox->spec->sources[0], prefix), to);
}

/* What a pair's differences depend on, as a text. */
static char *key_of(const struct diff *diff, const struct diff_group *group)
{
	char *key = NULL;
	size_t len;
	FILE *to = open_memstream(&key, &len);
	if (to == NULL)
		return NULL;
	for (int side = 0; side < DIFF_SIDES; side++)
		write_side(to, diff, group, side);
	for (size_t i = 0; i < group->changes.n; i++) {
		const struct diff_change *change = &group->changes.items[i];
		fprintf(to, "|%s", change->what);
		for (int side = 0; side < DIFF_SIDES; side++)
			fprintf(to, ";%s",
				change->texts[side] != NULL ? change->texts[side] : "");
	}
	return fclose(to) == 0 ? key : NULL;
}

static int add_member(struct diff_group *group, const char *name)
{
	if (!grow(&group->sandboxes, &group->sandboxes_room, group->n_sandboxes + 1,
		  sizeof(*group->sandboxes)))
		return NG_E_NOMEM;
	group->sandboxes[group->n_sandboxes++] = name;
	return NG_OK;
}

static int join_group(struct diff *diff, struct diff_group *group, const char *name)
{
	struct diff_group *known;
	HASH_FIND_STR(diff->inside->by_key, group->key, known);
	if (known != NULL) {
		group_free(group);
		return add_member(known, name);
	}
	int code = add_member(group, name);
	struct diff_group **groups =
		code == NG_OK
			? realloc(diff->groups, (diff->n_groups + 1) * sizeof(*diff->groups))
			: NULL;
	if (groups == NULL) {
		group_free(group);
		return NG_E_NOMEM;
	}
	diff->groups = groups;
	diff->groups[diff->n_groups++] = group;
	HASH_ADD_KEYPTR(hh, diff->inside->by_key, group->key, strlen(group->key), group);
	return NG_OK;
}

static int take_pair(struct diff *diff, const struct setup_sandbox *old,
		     const struct setup_sandbox *new)
{
	struct diff_group *group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NG_E_NOMEM;
	group->sides[DIFF_OLD] = old;
	group->sides[DIFF_NEW] = new;
	int code = diff_sandbox(&group->changes, group);
	if (code == NG_OK)
		group->key = key_of(diff, group);
	if (group->key == NULL) {
		group_free(group);
		return NG_E_NOMEM;
	}
	diff->n_sandboxes++;
	return join_group(diff, group, (old != NULL ? old : new)->spec->name);
}

struct named { /* sandboxes of one side by their names */
	const struct setup_sandbox *sandbox;
	bool seen;
	UT_hash_handle hh;
};

static int pair_all(struct diff *diff, struct named *items, const struct setup *old,
		    const struct setup *new, const char *only)
{
	struct named *table = NULL, *found;
	int code = NG_OK;
	for (size_t i = 0; i < new->n_sandboxes; i++) {
		const char *name = new->sandboxes[i].spec->name;
		items[i].sandbox = &new->sandboxes[i];
		HASH_ADD_KEYPTR(hh, table, name, strlen(name), &items[i]);
	}
	for (size_t i = 0; i < old->n_sandboxes && code == NG_OK; i++) {
		const struct setup_sandbox *sandbox = &old->sandboxes[i];
		HASH_FIND_STR(table, sandbox->spec->name, found);
		if (found != NULL)
			found->seen = true;
		if (only == NULL || strcmp(only, sandbox->spec->name) == 0)
			code = take_pair(diff, sandbox, found != NULL ? found->sandbox : NULL);
	}
	for (size_t i = 0; i < new->n_sandboxes &&code == NG_OK; i++) {
		if (!items[i].seen &&
		    (only == NULL || strcmp(only, items[i].sandbox->spec->name) == 0))
			code = take_pair(diff, NULL, items[i].sandbox);
	}
	HASH_CLEAR(hh, table);
	return code;
}

static int pair_sandboxes(struct diff *diff, const char *only)
{
	const struct setup *new = diff->setups[DIFF_NEW];
	struct named *items = calloc(new->n_sandboxes + 1, sizeof(*items));
	int code = items != NULL ? pair_all(diff, items, diff->setups[DIFF_OLD], new, only)
				 : NG_E_NOMEM;
	free(items);
	if (code == NG_OK && only != NULL && diff->n_groups == 0)
		return NG_E_NOTFOUND;
	return code;
}

/* ---- comparing ---- */

static bool closed(const struct setup_sandbox *sandbox)
{
	return sandbox == NULL || sandbox->spec->mode == NG_LOCKDOWN;
}

/* Do policies decide alike whatever they say, because they and their clients are the same? */
static bool nothing_to_judge(const struct diff *diff, const struct diff_group *group)
{
	const struct setup_sandbox *old = group->sides[DIFF_OLD], *new = group->sides[DIFF_NEW];
	if (old == NULL || new == NULL || closed(old) != closed(new) ||
	    !policies_equal(diff, group))
		return false;
	if (!diff_about_clients(diff, &old->spec->policy))
		return true;
	return old->spec->n_sources > 0 && new->spec->n_sources > 0 &&
	       ng_addr_equal(&old->spec->sources[0].addr, &new->spec->sources[0].addr);
}

static int compare(struct diff *diff, struct diff_group *group,
		   const struct diff_corpus *corpus)
{
	int code = diff_statics(&group->changes, group);
	if (code != NG_OK || nothing_to_judge(diff, group))
		return code;
	struct diff_plan plan;
	diff_plan_make(diff, group, &plan);
	code = diff_rules(diff, group, &plan);
	if (code == NG_OK)
		code = diff_addresses(group);
	return code == NG_OK ? diff_names(diff, group, &plan, corpus) : code;
}

/* ---- counting ---- */

static void count(struct diff_tally *tally, enum diff_noun noun, unsigned sense)
{
	tally->widens[noun] += (sense & DIFF_WIDENS) != 0;
	tally->narrows[noun] += (sense & DIFF_NARROWS) != 0;
	tally->other[noun] += (sense & DIFF_OTHER) != 0;
}

static unsigned count_list(struct diff_tally *tally, const struct diff_list *list)
{
	unsigned sense = 0;
	for (size_t i = 0; i < list->n; i++) {
		count(tally, list->items[i].noun, list->items[i].sense);
		sense |= list->items[i].sense;
	}
	return sense;
}

static void count_group(struct diff *diff, struct diff_group *group)
{
	struct diff_tally *tally = &diff->tally;
	group->sense = count_list(tally, &group->changes);
	for (size_t i = 0; i < group->n_names; i++) {
		count(tally, DIFF_A_NAME, group->names[i].sense);
		group->sense |= group->names[i].sense;
	}
	for (size_t i = 0; i < group->n_rules; i++) {
		count(tally, DIFF_A_RULE, group->rules[i].sense);
		group->sense |= group->rules[i].sense;
	}
	for (size_t i = 0; i < group->n_addresses; i++) {
		count(tally, DIFF_A_RULE, group->addresses[i].sense);
		group->sense |= group->addresses[i].sense;
	}
	group->same = group->changes.n == 0 && group->n_names == 0 && group->n_rules == 0 &&
		      group->n_addresses == 0;
}

static void count_all(struct diff *diff)
{
	diff->sense = count_list(&diff->tally, &diff->changes);
	diff->same = diff->changes.n == 0;
	for (size_t i = 0; i < diff->n_groups; i++) {
		count_group(diff, diff->groups[i]);
		diff->sense |= diff->groups[i]->sense;
		diff->same &= diff->groups[i]->same;
	}
}

static int make(struct diff *diff, const char *sandbox, const struct diff_corpus *corpus)
{
	int code = diff_whole(&diff->changes, diff->setups[DIFF_OLD], diff->setups[DIFF_NEW]);
	for (int side = 0; side < DIFF_SIDES && code == NG_OK; side++)
		code = know_sources(diff, diff->setups[side]);
	if (code == NG_OK)
		code = pair_sandboxes(diff, sandbox);
	for (size_t i = 0; i < diff->n_groups && code == NG_OK; i++)
		code = compare(diff, diff->groups[i], corpus);
	if (code == NG_OK)
		count_all(diff);
	return code;
}

int diff_make(const struct setup *old, const struct setup *new, const char *sandbox,
	      const struct diff_corpus *corpus, struct diff **out)
{
	struct diff *diff = calloc(1, sizeof(*diff));
	struct diff_inside *inside = calloc(1, sizeof(*inside));
	if (diff == NULL || inside == NULL) {
		free(diff);
		free(inside);
		return NG_E_NOMEM;
	}
	diff->setups[DIFF_OLD] = old;
	diff->setups[DIFF_NEW] = new;
	diff->inside = inside;
	int code = make(diff, sandbox, corpus);
	if (code != NG_OK) {
		diff_free(diff);
		return code;
	}
	*out = diff;
	return NG_OK;
}
