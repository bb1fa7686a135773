/*
 * From rules to a verdict. Inside a scope the source listed first speaks for it. Across scopes
 * the most severe verdict wins, the wider scope among equals; a scope that has no rule for the
 * name is silent, and when all are silent the verdict is deny.
 */
#include <namegate/policy.h>

static const enum ng_verdict verdicts[] = {
	[NG_ACTION_NXDOMAIN] = NG_DENY,
	[NG_ACTION_NODATA] = NG_DENY,
	[NG_ACTION_PASSTHRU] = NG_ALLOW,
};

static bool scope_match(const struct ng_policy *policy, enum ng_scope scope,
			const struct ng_name *name, struct ng_match *out)
{
	for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
		if (ng_ruleset_match(policy->scopes[scope].sources[i], name, out))
			return true;
	}
	return false;
}

void ng_policy_decide(const struct ng_policy *policy, const struct ng_name *name,
		      struct ng_decision *out)
{
	struct ng_decision decision = {.verdict = NG_DENY};
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		struct ng_match match;
		if (!scope_match(policy, scope, name, &match))
			continue;
		enum ng_verdict verdict = verdicts[match.action];
		if (decision.matched && verdict >= decision.verdict)
			continue;
		decision = (struct ng_decision){verdict, true, scope, match};
	}
	*out = decision;
}

bool ng_policy_has_below(const struct ng_policy *policy, const struct ng_name *name)
{
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			if (ng_ruleset_has_below(policy->scopes[scope].sources[i], name))
				return true;
		}
	}
	return false;
}
