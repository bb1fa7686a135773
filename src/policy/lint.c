/*
 * What a rule is worth among the others. One thing is asked over and over: which rule would decide
 * this name, or what is asked below it, if this one were not there? A source answers that in a
 * step per label, so every look here is linear in the rules, and only "is something denied below"
 * needs the order that the table keeps.
 *
 * Severities: what cannot have been meant, or opens more than it seems to, is a warning; what is
 * merely without effect is a note, because sources that many sandboxes share overlap by nature.
 */
#include "policy/lint_inside.h"

#include <stdio.h>
#include <string.h>

/* ---- one rule and another ---- */

static bool bounds_equal(const struct ng_match *a, const struct ng_match *b)
{
	struct ng_bounds left, right;
	if (a->extra == 0 && b->extra == 0)
		return true;
	memset(&left, 0, sizeof(left));
	memset(&right, 0, sizeof(right));
	ng_match_bounds(a, &left);
	ng_match_bounds(b, &right);
	return memcmp(&left, &right, sizeof(left)) == 0;
}

static struct ng_match match_of(const struct ng_lint_table *table, const struct lint_rule *rule)
{
	return (struct ng_match){
		.action = (enum ng_rule_action)rule->action,
		.trigger = NG_TRIGGER_NAME,
		.wildcard = rule->wildcard,
		.extra = rule->extra,
		.ruleset = table->ruleset,
	};
}

/* Do both give the same answer? Local data is compared by nobody. */
static bool same_effect(const struct ng_lint_table *table, const struct lint_rule *rule,
			const struct ng_match *other)
{
	struct ng_match match = match_of(table, rule);
	return match.action == other->action && match.action != NG_ACTION_LOCAL &&
	       bounds_equal(&match, other);
}

/* What decides in this source where the rule speaks. */
static bool decides(const struct ng_lint_table *table, const struct lint_rule *rule,
		    struct ng_match *out)
{
	struct ng_name name = lint_rule_name(rule);
	if (table->disabled)
		return false;
	return rule->wildcard ? lint_cover(table, &name, out)
			      : ng_ruleset_match(table->ruleset, &name, out);
}

/* ---- one source ---- */

/* The closest wildcard above: it would speak if the rule were not there. */
static void look_above(const struct ng_lint_table *table, const struct lint_rule *rule,
		       struct lint_report *report)
{
	char text[LINT_OWNER_MAX];
	struct ng_name name = lint_rule_name(rule), above = name;
	struct ng_place place = lint_rule_place(rule);
	struct ng_match match;
	if (!ng_name_parent(&above) || !lint_cover(table, &above, &match) ||
	    !same_effect(table, rule, &match) ||
	    !lint_report_wants(report, NG_LINT_SUPERFLUOUS, &place))
		return;
	ng_lint_tell(NG_LINT_SUPERFLUOUS, &place, report->diags, "remove it",
		     "%s is said already by the wildcard at %s:%u:%u",
		     lint_owner_text(&name, rule->wildcard, text), match.path, match.line,
		     match.column);
}

static void look_apex(const struct ng_lint_table *table, const struct lint_rule *rule,
		      struct lint_report *report)
{
	char text[NG_NAME_TEXT_MAX], advice[NG_NAME_TEXT_MAX + 64];
	struct ng_name name = lint_rule_name(rule);
	struct ng_place place = lint_rule_place(rule);
	struct ng_match match;
	if (!rule->wildcard || name.len <= 1 ||
	    ng_ruleset_match(table->ruleset, &name, &match) ||
	    !lint_report_wants(report, NG_LINT_APEX, &place))
		return;
	ng_name_to_text(&name, text);
	snprintf(advice, sizeof(advice), "add %s if it is meant as well", text);
	ng_lint_tell(NG_LINT_APEX, &place, report->diags, advice,
		     "*.%s does not cover %s itself", text, text);
}

int ng_lint_source(const struct ng_lint_table *table, const struct ng_lint_hosting *hosting,
		   struct ng_diags *diags)
{
	struct lint_report report = {.diags = diags, .path = ng_ruleset_path(table->ruleset)};
	int code = NG_OK;
	for (size_t i = 0; i < table->n && code == NG_OK; i++) {
		const struct lint_rule *rule = &table->rules[i];
		if (!lint_suffix(rule, hosting, &report))
			look_apex(table, rule, &report);
		look_above(table, rule, &report);
		code = lint_scripts(table, rule, &report);
	}
	lint_report_end(&report);
	return code;
}

/* ---- one scope ---- */

static void tell_earlier(const struct ng_lint_table *table, const struct lint_rule *rule,
			 const struct ng_match *match, struct lint_report *report)
{
	char text[LINT_OWNER_MAX];
	struct ng_name name = lint_rule_name(rule);
	struct ng_place place = lint_rule_place(rule);
	bool owner =
		match->wildcard == rule->wildcard && match->labels == ng_name_labels(&name);
	enum ng_lint what = !same_effect(table, rule, match) ? NG_LINT_SHADOWED
			    : owner                          ? NG_LINT_DUPLICATE
							     : NG_LINT_SUPERFLUOUS;
	if (!lint_report_wants(report, what, &place))
		return;
	lint_owner_text(&name, rule->wildcard, text);
	if (what == NG_LINT_SHADOWED)
		ng_lint_tell(what, &place, report->diags,
			     "list this source first, or remove the rule",
			     "%s never speaks: %s:%u:%u of an earlier source decides first",
			     text, match->path, match->line, match->column);
	else
		ng_lint_tell(what, &place, report->diags, "remove one of the two",
			     "%s is said already by the earlier source, at %s:%u:%u", text,
			     match->path, match->line, match->column);
}

void ng_lint_scope(const struct ng_lint_table *const *tables, size_t n, struct ng_diags *diags)
{
	struct ng_match match;
	if (n < 2)
		return;
	const struct ng_lint_table *last = tables[n - 1];
	struct lint_report report = {.diags = diags, .path = ng_ruleset_path(last->ruleset)};
	for (size_t i = 0; i < last->n; i++) {
		size_t at = 0;
		while (at + 1 < n && !decides(tables[at], &last->rules[i], &match))
			at++;
		if (at + 1 < n)
			tell_earlier(last, &last->rules[i], &match, &report);
	}
	lint_report_end(&report);
}

/* ---- a wider scope and a narrower one ---- */

struct below { /* what a wide scope says strictly below a name */
	size_t denies, others;
	const struct lint_rule *deny; /* one of them */
};

static void count_below(const struct ng_lint_table *table, const struct ng_name *name,
			struct below *below)
{
	size_t begin, end;
	if (table->disabled || table->n == 0)
		return;
	lint_table_below(table, name, &begin, &end);
	size_t denies = table->denies[end] - table->denies[begin];
	below->denies += denies;
	below->others += end - begin - denies;
	if (denies == 0 || below->deny != NULL)
		return;
	for (size_t low = begin, high = end; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (table->denies[middle + 1] > table->denies[begin]) {
			below->deny = table->keys[middle].rule;
			high = middle;
		} else {
			low = middle + 1;
		}
	}
}

static void tell_dead(const struct lint_rule *rule, const struct ng_match *match,
		      struct lint_report *report)
{
	char text[LINT_OWNER_MAX];
	struct ng_name name = lint_rule_name(rule);
	struct ng_place place = lint_rule_place(rule);
	if (!lint_report_wants(report, NG_LINT_DEAD, &place))
		return;
	ng_lint_tell(NG_LINT_DEAD, &place, report->diags, "remove it, or change the denial",
		     "%s has no effect: %s:%u:%u of a wider scope denies it",
		     lint_owner_text(&name, rule->wildcard, text), match->path, match->line,
		     match->column);
}

static void tell_some(const struct lint_rule *rule, const char *path, uint32_t line,
		      const struct below *below, struct lint_report *report)
{
	char text[LINT_OWNER_MAX];
	struct ng_name name = lint_rule_name(rule);
	struct ng_place place = lint_rule_place(rule);
	if (!lint_report_wants(report, NG_LINT_DEAD_BELOW, &place))
		return;
	lint_owner_text(&name, true, text);
	if (below->others > 0)
		ng_lint_tell(NG_LINT_DEAD_BELOW, &place, report->diags, NULL,
			     "%s:%u of a wider scope denies %s, but for some names below it",
			     path, line, text);
	else
		ng_lint_tell(NG_LINT_DEAD_BELOW, &place, report->diags, NULL,
			     "%zu rules of wider scopes deny names below %s, one of them %s:%u",
			     below->denies, text, path, line);
}

/* A wildcard is dead when all below it is denied; with exceptions, or denials here and there, partly. */
static void look_wildcard(const struct ng_lint_table *const *wide, size_t n,
			  const struct lint_rule *rule, struct lint_report *report)
{
	struct ng_name name = lint_rule_name(rule);
	struct below below = {0};
	struct ng_match match;
	bool covered = false;
	for (size_t i = 0; i < n && !covered; i++) {
		count_below(wide[i], &name, &below);
		covered = decides(wide[i], rule, &match);
	}
	bool denied = covered && lint_denies(match.action);
	if (denied && below.others == 0) {
		tell_dead(rule, &match, report);
	} else if (denied) {
		tell_some(rule, match.path, match.line, &below, report);
	} else if (below.denies > 0) {
		below.others = 0;
		tell_some(rule, below.deny->path, below.deny->line, &below, report);
	}
}

static void look_name(const struct ng_lint_table *const *wide, size_t n,
		      const struct lint_rule *rule, struct lint_report *report)
{
	struct ng_match match;
	for (size_t i = 0; i < n; i++) {
		if (!decides(wide[i], rule, &match))
			continue;
		if (lint_denies(match.action))
			tell_dead(rule, &match, report);
		return;
	}
}

void ng_lint_across(const struct ng_lint_table *const *wide, size_t n,
		    const struct ng_lint_table *narrow, struct ng_diags *diags)
{
	struct lint_report report = {.diags = diags, .path = ng_ruleset_path(narrow->ruleset)};
	for (size_t i = 0; i < narrow->n && !narrow->disabled; i++) {
		const struct lint_rule *rule = &narrow->rules[i];
		if (lint_denies((enum ng_rule_action)rule->action))
			continue;
		if (rule->wildcard)
			look_wildcard(wide, n, rule, &report);
		else
			look_name(wide, n, rule, &report);
	}
	lint_report_end(&report);
}

/* ---- one sandbox ---- */

void ng_lint_sandbox(const struct ng_lint_table *const *tables, size_t n, const char *name,
		     bool observed, const struct ng_place *place, struct ng_diags *diags)
{
	size_t denies = 0, asks = 0, allows = 0;
	for (size_t i = 0; i < n; i++) {
		const struct ng_lint_table *table = tables[i];
		uint32_t cursor = 0;
		struct ng_static opened;
		if (table->disabled)
			continue;
		denies += table->n_denies;
		asks += table->n_asks;
		allows += table->n - table->n_denies - table->n_asks;
		allows += ng_ruleset_static(table->ruleset, &cursor, &opened);
	}
	if (allows + asks == 0 && !observed)
		ng_lint_tell(NG_LINT_NO_POLICY, place, diags,
			     "add a policy, or write mode = lockdown if that is meant",
			     "sandbox %s has no rule that allows anything", name);
	if (observed && denies + asks > 0)
		ng_lint_tell(NG_LINT_OBSERVE, place, diags,
			     "write mode = enforce if they are to hold",
			     "sandbox %s is only observed: %zu rules that deny and %zu that "
			     "ask do not hold",
			     name, denies, asks);
}
