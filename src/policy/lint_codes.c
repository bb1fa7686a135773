/*
 * The codes of the lint, and how findings leave it. The codes are stable: people put them into
 * their own tools. An entry such as ".name" makes two rules at one place, and is told of once.
 */
#include "policy/lint_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct ng_lint_code ng_lint_codes[NG_LINTS] = {
	[NG_LINT_DUPLICATE] = {"lint-duplicate", NG_NOTE,
			       "an earlier source of the scope has the same rule",
			       "In a scope the source listed first decides, so the second rule "
			       "has no effect. Remove one of the two."},
	[NG_LINT_SUPERFLUOUS] = {"lint-superfluous", NG_NOTE,
				 "a more general rule says the same",
				 "A wildcard above has the same action and bounds, so the rule "
				 "changes nothing. Remove it, or the wildcard when that was "
				 "wider than meant."},
	[NG_LINT_SHADOWED] = {"lint-shadowed", NG_WARNING,
			      "an earlier source of the scope always decides before the rule",
			      "In a scope the source listed first decides, whatever later ones "
			      "say. Put this source before the other, or remove the rule."},
	[NG_LINT_DEAD] = {"lint-dead", NG_WARNING, "a wider scope denies what the rule allows",
			  "A denial in a wider scope can never be reopened in a narrower one. "
			  "Remove the rule, or change the denial."},
	[NG_LINT_DEAD_BELOW] = {"lint-dead-below", NG_NOTE,
				"a wider scope denies some of what the wildcard allows",
				"A denial in a wider scope can never be reopened in a narrower "
				"one. The names that are not denied stay allowed."},
	[NG_LINT_APEX] = {"lint-apex", NG_NOTE,
			  "a wildcard stands without the name that it hangs from",
			  "*.example.com is every name below example.com and not example.com "
			  "itself. In a host list .example.com is both."},
	[NG_LINT_PUBLIC_SUFFIX] = {"lint-public-suffix", NG_WARNING,
				   "a wildcard allows everything under a public suffix",
				   "Anybody can register a name there, so the rule allows what "
				   "anybody puts there. Name what is needed."},
	[NG_LINT_SHARED_HOSTING] = {"lint-shared-hosting", NG_WARNING,
				    "a wildcard allows what strangers host at a provider",
				    "Every customer of the provider gets a name there, so data "
				    "can leave to any of them. Name the account or bucket that "
				    "is needed."},
	[NG_LINT_MIXED_SCRIPT] = {"lint-mixed-script", NG_WARNING,
				  "a label mixes letters of several scripts",
				  "Letters of Cyrillic or Greek that look like Latin ones are "
				  "how names are imitated. Compare the name in punycode with "
				  "that of the service's own documents."},
	[NG_LINT_LOOK_ALIKE] = {"lint-look-alike", NG_WARNING,
				"a name looks like another one of the same source",
				"Its letters are of another script but look like those of a "
				"name that is there as well. Remove it unless both are known."},
	[NG_LINT_UNTIL_SOON] = {"lint-until-soon", NG_NOTE, "a rule ends within seven days",
				"After its `until` the rule is left out. Set a later day, or "
				"remove the rule."},
	[NG_LINT_ALIAS] = {"lint-alias", NG_WARNING,
			   "cname=strict refuses an alias that was seen",
			   "With cname=strict every target of an alias needs a rule that "
			   "allows it. Add one, or take cname=strict away."},
	[NG_LINT_OBSERVE] = {"lint-observe", NG_WARNING,
			     "rules that deny or ask do not hold under observe",
			     "A sandbox in mode observe is let through and only recorded. Set "
			     "mode = enforce when the rules are to hold."},
	[NG_LINT_NO_POLICY] = {"lint-no-policy", NG_WARNING,
			       "a sandbox has no rule that allows anything",
			       "No rule is a denial, so nothing can be reached. Add a policy, "
			       "or write mode = lockdown when that is meant."},
};

void ng_lint_tell(enum ng_lint what, const struct ng_place *place, struct ng_diags *diags,
		  const char *suggestion, const char *reason, ...)
{
	char text[2 * LINT_OWNER_MAX];
	va_list args;
	va_start(args, reason);
	vsnprintf(text, sizeof(text), reason, args);
	va_end(args);
	ng_diag_add(diags, ng_lint_codes[what].severity, place, ng_lint_codes[what].code,
		    suggestion, "%s", text);
}

static bool same_place(const struct ng_place *a, const struct ng_place *b)
{
	return a->line == b->line && a->column == b->column && a->path != NULL &&
	       b->path != NULL && strcmp(a->path, b->path) == 0;
}

bool lint_report_wants(struct lint_report *report, enum ng_lint what,
		       const struct ng_place *place)
{
	if (same_place(&report->last[what], place))
		return false;
	report->last[what] = *place;
	return ++report->told[what] <= NG_LINT_EACH_MAX;
}

void lint_report_end(struct lint_report *report)
{
	struct ng_place place = {report->path, 0, 0};
	for (size_t i = 0; i < NG_LINTS; i++) {
		if (report->told[i] <= NG_LINT_EACH_MAX)
			continue;
		ng_lint_tell((enum ng_lint)i, &place, report->diags, NULL,
			     "%zu more findings of this kind: %s",
			     report->told[i] - NG_LINT_EACH_MAX, ng_lint_codes[i].what);
	}
}
