/*
 * The rules themselves: added, removed, changed, moved to another scope. In a scope the rule of the
 * first source that has one counts for an owner; the others are silent, and so they are here. Lines
 * and files that move change nothing.
 */
#include "config.h"

#include "offline/diff_inside.h"

#include <stdlib.h>
#include <string.h>

/*
 * The name "*" below an owner is below it and equals no other owner, so that it is the wildcard's
 * own rule that decides it, if there is one.
 */
bool diff_rule_in(const struct ng_ruleset *ruleset, const struct ng_name *owner, bool wildcard,
		  struct ng_match *out)
{
	struct ng_match match;
	struct ng_name name = *owner;
	if (wildcard) {
		if (owner->len + 2 > NG_NAME_MAX)
			return false;
		memcpy(name.wire, "\1*", 2);
		memcpy(name.wire + 2, owner->wire, owner->len);
		name.len = (uint8_t)(owner->len + 2);
	}
	if (!ng_ruleset_match(ruleset, &name, &match) || match.wildcard != wildcard ||
	    match.labels != ng_name_labels(owner))
		return false;
	*out = match;
	return true;
}

static bool find_before(const struct ng_policy *policy, enum ng_scope scope, uint8_t end,
			const struct ng_name *owner, bool wildcard, struct ng_match *out)
{
	for (uint8_t i = 0; i < end; i++) {
		if (diff_rule_in(policy->scopes[scope].sources[i], owner, wildcard, out))
			return true;
	}
	return false;
}

bool diff_rule_find(const struct ng_policy *policy, enum ng_scope scope,
		    const struct ng_name *owner, bool wildcard, struct ng_match *out)
{
	return find_before(policy, scope, policy->scopes[scope].n, owner, wildcard, out);
}

/* ---- names ---- */

struct walk {
	struct diff *diff;
	struct diff_group *group;
	const struct ng_policy *policies[DIFF_SIDES];
};

static bool same_rule(const struct ng_match *a, const struct ng_match *b)
{
	struct ng_bounds one, other;
	if (a->action != b->action || a->disabled != b->disabled)
		return false;
	if (a->extra == 0 && b->extra == 0)
		return true;
	ng_match_bounds(a, &one);
	ng_match_bounds(b, &other);
	return diff_weigh_bounds(&one, &other) == 0 && diff_local_equal(a, b) &&
	       ng_match_until(a) == ng_match_until(b);
}

/* A rule that ends later opens for longer, or closes for longer; no end is the latest. */
static unsigned weigh_until(const struct ng_match *old, const struct ng_match *new)
{
	uint64_t was = ng_match_until(old) - 1, is = ng_match_until(new) - 1;
	bool denies = diff_mildness(old->action) == 0;
	if (was == is || old->action != new->action || old->disabled || new->disabled)
		return 0;
	return (is > was) != denies ? DIFF_WIDENS : DIFF_NARROWS;
}

static int add_rule(struct walk *walk, const struct ng_name *owner, bool wildcard, int old,
		    int new, unsigned sense)
{
	struct diff_group *group = walk->group;
	struct diff_rule item = {.scopes = {(uint8_t)old, (uint8_t) new},
				 .sense = (uint8_t)sense,
				 .wildcard = wildcard};
	if (!grow(&group->rules, &group->rules_room, group->n_rules + 1, sizeof(item)))
		return NG_E_NOMEM;
	int code = diff_text_add(walk->diff->inside, owner, &item.at);
	if (code == NG_OK)
		group->rules[group->n_rules++] = item;
	return code;
}

/* Where a rule that has left its scope went: the first scope that has it now, and had not. */
static int target_of(const struct walk *walk, const struct ng_name *owner, bool wildcard)
{
	struct ng_match match;
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		if (diff_rule_find(walk->policies[DIFF_NEW], scope, owner, wildcard, &match) &&
		    !diff_rule_find(walk->policies[DIFF_OLD], scope, owner, wildcard, &match))
			return scope;
	}
	return DIFF_NO_SCOPE;
}

static int see_old(struct walk *walk, enum ng_scope scope, const struct ng_name *owner,
		   const struct ng_match *old)
{
	struct ng_match new;
	bool wildcard = old->wildcard;
	if (!diff_rule_find(walk->policies[DIFF_NEW], scope, owner, wildcard, &new)) {
		int target = target_of(walk, owner, wildcard);
		return add_rule(walk, owner, wildcard, (int)scope, target, 0);
	}
	if (same_rule(old, &new))
		return NG_OK;
	return add_rule(walk, owner, wildcard, (int)scope, (int)scope, weigh_until(old, &new));
}

/* Has some scope lost it, and is this scope where it went? */
static bool moved_here(const struct walk *walk, enum ng_scope here, const struct ng_name *owner,
		       bool wildcard)
{
	struct ng_match match;
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		if (diff_rule_find(walk->policies[DIFF_OLD], scope, owner, wildcard, &match) &&
		    !diff_rule_find(walk->policies[DIFF_NEW], scope, owner, wildcard, &match))
			return target_of(walk, owner, wildcard) == (int)here;
	}
	return false;
}

static int see_new(struct walk *walk, enum ng_scope scope, const struct ng_name *owner,
		   bool wildcard)
{
	struct ng_match match;
	if (diff_rule_find(walk->policies[DIFF_OLD], scope, owner, wildcard, &match) ||
	    moved_here(walk, scope, owner, wildcard))
		return NG_OK;
	return add_rule(walk, owner, wildcard, DIFF_NO_SCOPE, (int)scope, 0);
}

static int walk_source(struct walk *walk, int side, enum ng_scope scope, uint8_t index)
{
	const struct ng_policy *policy = walk->policies[side];
	struct ng_match match, before;
	struct ng_name owner;
	uint32_t cursor = 0;
	int code = NG_OK;
	while (code == NG_OK &&
	       ng_ruleset_rule(policy->scopes[scope].sources[index], &cursor, &owner, &match)) {
		if (owner.len + 2 > NG_NAME_MAX && match.wildcard)
			continue; /* nothing fits below it */
		if (find_before(policy, scope, index, &owner, match.wildcard, &before))
			continue;
		code = side == DIFF_OLD ? see_old(walk, scope, &owner, &match)
					: see_new(walk, scope, &owner, match.wildcard);
	}
	return code;
}

/* ---- all of them ---- */

static int rule_order(const void *a, const void *b, void *context)
{
	const struct diff_rule *one = a, *other = b;
	int order = diff_text_order(context, one->at, other->at);
	if (order == 0)
		order = (int)one->wildcard - other->wildcard;
	if (order == 0)
		order = (int)one->scopes[DIFF_OLD] - other->scopes[DIFF_OLD];
	return order != 0 ? order : (int)one->scopes[DIFF_NEW] - other->scopes[DIFF_NEW];
}

int diff_rules(struct diff *diff, struct diff_group *group, const struct diff_plan *plan)
{
	struct walk walk = {.diff = diff, .group = group};
	int code = NG_OK;
	for (int side = 0; side < DIFF_SIDES; side++)
		walk.policies[side] = diff_policy(group, side);
	for (int side = 0; side < DIFF_SIDES; side++) {
		for (int scope = 0; scope < NG_SCOPES; scope++) {
			uint8_t n = walk.policies[side]->scopes[scope].n;
			for (uint8_t i = 0; i < n && code == NG_OK && !plan->same_scope[scope];
			     i++)
				code = walk_source(&walk, side, scope, i);
		}
	}
	if (code == NG_OK && group->n_rules > 0)
		qsort_r(group->rules, group->n_rules, sizeof(*group->rules), rule_order,
			diff->inside);
	return code;
}

void diff_rule_at(const struct diff *diff, const struct diff_group *group, size_t index,
		  struct diff_rule_row *out)
{
	const struct diff_rule *item = &group->rules[index];
	*out = (struct diff_rule_row){.wildcard = item->wildcard, .sense = item->sense};
	diff_text_name(diff->inside, item->at, &out->owner);
	for (int side = 0; side < DIFF_SIDES; side++) {
		struct ng_match *match = &out->matches[side];
		if (item->scopes[side] == DIFF_NO_SCOPE ||
		    !diff_rule_find(diff_policy(group, side), item->scopes[side], &out->owner,
				    item->wildcard, match))
			continue;
		out->there[side] = true;
		out->scopes[side] = item->scopes[side];
		ng_match_bounds(match, &out->bounds[side]);
		out->until_s[side] = ng_match_until(match);
	}
}
