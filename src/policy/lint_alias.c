/*
 * What cname=strict would refuse, going by aliases that were seen. Sorted by owner, the aliases are a
 * graph; from each owner that the policy allows under strict, the chain is walked as the gate
 * would, and every target on it must be allowed too. An alias is visited once for each start, so
 * that loops end.
 */
#include "policy/lint_inside.h"

#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#define VISITS_MAX 256 /* aliases looked at for one start: names with many targets multiply */

struct walk {
	const struct ng_policy *policy;
	const char *sandbox;
	const struct ng_lint_alias *aliases;
	size_t n;
	size_t *visited; /* the start, counted from 1, that an alias was last visited for */
	size_t visits;   /* for this start */
	struct lint_report report;
};

static int name_order(const struct ng_name *a, const struct ng_name *b)
{
	int order = memcmp(a->wire, b->wire, a->len < b->len ? a->len : b->len);
	return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int alias_order(const void *left, const void *right)
{
	const struct ng_lint_alias *a = left, *b = right;
	int order = name_order(&a->owner, &b->owner);
	return order != 0 ? order : name_order(&a->target, &b->target);
}

static size_t first_of(const struct walk *walk, const struct ng_name *owner)
{
	size_t low = 0, high = walk->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (name_order(&walk->aliases[middle].owner, owner) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void tell(struct walk *walk, const struct ng_match *rule, const struct ng_name *start,
		 const struct ng_name *target, const struct ng_decision *decision)
{
	char text[NG_NAME_TEXT_MAX], other[NG_NAME_TEXT_MAX], where[NG_PATH_MAX + 64];
	char advice[NG_NAME_TEXT_MAX + 64];
	struct ng_place place = {rule->path, rule->line, rule->column};
	if (++walk->report.told[NG_LINT_ALIAS] > NG_LINT_EACH_MAX)
		return;
	ng_name_to_text(start, text);
	ng_name_to_text(target, other);
	if (decision->matched)
		snprintf(where, sizeof(where), "is %s by %s:%u",
			 decision->verdict == NG_ASK ? "to be asked for" : "denied",
			 decision->match.path, decision->match.line);
	else
		snprintf(where, sizeof(where), "has no rule");
	snprintf(advice, sizeof(advice), "allow %s too, or take cname=strict away", other);
	ng_lint_tell(NG_LINT_ALIAS, &place, walk->report.diags, advice,
		     "%s%s%s%s is allowed with cname=strict, but its alias target %s %s",
		     walk->sandbox != NULL ? "sandbox " : "",
		     walk->sandbox != NULL ? walk->sandbox : "",
		     walk->sandbox != NULL ? ": " : "", text, other, where);
}

/* The targets that follow name; those that were not visited yet for this start. */
static void follow(struct walk *walk, size_t start, const struct ng_match *rule,
		   const struct ng_name *name, int links)
{
	const struct ng_name *asked = &walk->aliases[start].owner;
	struct ng_decision decision;
	for (size_t i = first_of(walk, name);
	     i < walk->n && links < NG_CHAIN_MAX && walk->visits < VISITS_MAX &&
	     ng_name_equal(&walk->aliases[i].owner, name);
	     i++) {
		const struct ng_name *target = &walk->aliases[i].target;
		if (walk->visited[i] == start + 1)
			continue;
		walk->visits++;
		walk->visited[i] = start + 1;
		ng_policy_decide(walk->policy, target, &decision);
		if (decision.verdict != NG_ALLOW)
			tell(walk, rule, asked, target, &decision);
		follow(walk, start, rule, target, links + 1);
	}
}

static bool is_strict(const struct walk *walk, const struct ng_name *name,
		      struct ng_decision *out)
{
	struct ng_subject subject = {.names = name, .n_names = 1};
	struct ng_bounds bounds;
	ng_policy_judge(walk->policy, &subject, out);
	if (out->verdict != NG_ALLOW || !out->bounded)
		return false;
	ng_policy_bounds(walk->policy, &subject, &bounds);
	return bounds.strict;
}

int ng_lint_aliases(const struct ng_policy *policy, const char *sandbox,
		    struct ng_lint_alias *aliases, size_t n, struct ng_diags *diags)
{
	struct walk walk = {
		.policy = policy,
		.sandbox = sandbox,
		.aliases = aliases,
		.n = n,
		.visited = calloc(n + 1, sizeof(*walk.visited)),
		.report = {.diags = diags, .path = sandbox},
	};
	struct ng_decision decision;
	if (walk.visited == NULL)
		return NG_E_NOMEM;
	if (n > 0)
		qsort(aliases, n, sizeof(*aliases), alias_order);
	for (size_t i = 0; i < n; i++) {
		walk.visits = 0;
		bool again = i > 0 && ng_name_equal(&aliases[i - 1].owner, &aliases[i].owner);
		if (!again && is_strict(&walk, &aliases[i].owner, &decision))
			follow(&walk, i, &decision.match, &aliases[i].owner, 0);
	}
	lint_report_end(&walk.report);
	free(walk.visited);
	return NG_OK;
}
