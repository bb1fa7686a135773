/*
 * Which sources need not be walked, because a change elsewhere cannot reach what they name. Ten
 * thousand sandboxes may share a million rules, and a review is of the few that change.
 *
 * A verdict is made of what each source says of a name. Where both sides have the same source at the
 * same place, it says the same; so a name can be decided otherwise only when a source that changed
 * speaks of it. Such a name is an owner there, or lies below one of its wildcards. When a source that
 * did not change has no rule below any of those wildcards, all names below one of them fare as the
 * one that is judged there. Its denials do not matter if its scope is wider than all that changed:
 * what is denied there stays denied by the same rule, and a denial that an earlier source of its
 * scope overrules decides nothing.
 */
#include "offline/diff_inside.h"

#include <string.h>

static const struct ng_ruleset *source_at(const struct diff_group *group, int side, int scope,
					  uint8_t index)
{
	return diff_policy(group, side)->scopes[scope].sources[index];
}

/* The same number of sources in each scope, on two sides that are open and look at names alone. */
static bool comparable(const struct diff *diff, const struct diff_group *group)
{
	const struct ng_policy *old = diff_policy(group, DIFF_OLD),
			       *new = diff_policy(group, DIFF_NEW);
	for (int side = 0; side < DIFF_SIDES; side++) {
		const struct setup_sandbox *sandbox = group->sides[side];
		if (sandbox == NULL || sandbox->spec->mode == NG_LOCKDOWN ||
		    diff_about_clients(diff, diff_policy(group, side)))
			return false;
	}
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		if (old->scopes[scope].n != new->scopes[scope].n)
			return false;
	}
	return true;
}

/* Has the source a rule below a wildcard of the changed one, other than a denial? */
static bool reaches(const struct ng_ruleset *changed, const struct ng_ruleset *source)
{
	struct ng_name owner;
	struct ng_match match;
	uint32_t cursor = 0;
	while (ng_ruleset_rule(changed, &cursor, &owner, &match)) {
		if (match.wildcard && (owner.len == 1 || ng_ruleset_has_below(source, &owner)))
			return true;
	}
	return false;
}

static bool reached(const struct diff_plan *plan, const struct diff_group *group,
		    const struct ng_ruleset *source)
{
	for (size_t i = 0; i < plan->n_changed; i++) {
		for (int side = 0; side < DIFF_SIDES; side++) {
			if (reaches(source_at(group, side, plan->changed[i].scope,
					      plan->changed[i].index),
				    source))
				return true;
		}
	}
	return false;
}

static void find_changed(const struct diff *diff, const struct diff_group *group,
			 struct diff_plan *plan)
{
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		plan->same_scope[scope] = true;
		for (uint8_t i = 0; i < diff_policy(group, DIFF_OLD)->scopes[scope].n; i++) {
			if (diff_sources_equal(diff, source_at(group, DIFF_OLD, scope, i),
					       source_at(group, DIFF_NEW, scope, i)))
				continue;
			plan->same_scope[scope] = false;
			plan->changed[plan->n_changed].scope = (uint8_t)scope;
			plan->changed[plan->n_changed++].index = i;
		}
	}
}

/* A scope that did not change: its sources are out of the way of what did, or are asked about it. */
static void plan_scope(const struct diff *diff, const struct diff_group *group, int scope,
		       struct diff_plan *plan)
{
	for (uint8_t i = 0; i < diff_policy(group, DIFF_OLD)->scopes[scope].n; i++) {
		const struct ng_ruleset *source = source_at(group, DIFF_OLD, scope, i);
		bool wider = scope < plan->changed[0].scope;
		plan->walks[DIFF_NEW][scope][i] = DIFF_NOT_WALKED;
		plan->walks[DIFF_OLD][scope][i] = (wider || !diff_has_denials(diff, source)) &&
								  !reached(plan, group, source)
							  ? DIFF_NOT_WALKED
							  : DIFF_WALKED_TOUCHED;
	}
}

void diff_plan_make(const struct diff *diff, const struct diff_group *group,
		    struct diff_plan *out)
{
	memset(out, 0, sizeof(*out));
	if (!comparable(diff, group))
		return;
	find_changed(diff, group, out);
	for (int scope = 0; scope < NG_SCOPES && out->n_changed > 0; scope++) {
		if (out->same_scope[scope])
			plan_scope(diff, group, scope, out);
	}
}

bool diff_plan_touched(const struct diff_plan *plan, const struct diff_group *group,
		       const struct ng_name *name)
{
	struct ng_match match;
	for (size_t i = 0; i < plan->n_changed; i++) {
		for (int side = 0; side < DIFF_SIDES; side++) {
			if (ng_ruleset_match(source_at(group, side, plan->changed[i].scope,
						       plan->changed[i].index),
					     name, &match))
				return true;
		}
	}
	return false;
}
