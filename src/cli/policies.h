/* The policy of one sandbox, compiled from its files: what `explain` asks. Owns images and rulesets. */
#pragma once

#include <namegate/policy.h>

struct conf;
struct policies {
	struct ng_image images[NG_SCOPES * NG_RULESETS_MAX];
	struct ng_ruleset *rulesets[NG_SCOPES * NG_RULESETS_MAX];
	size_t n;
	struct ng_policy policy;
};

void policies_init(struct policies *policies);
void policies_finish(struct policies *policies); /* takes NULL */
/*
 * Compiles one source more into a scope; conf as for source_compile(). NG_E_FULL when the scope
 * has its NG_RULESETS_MAX, and what source_compile() returns.
 */
int policies_add(struct policies *policies, enum ng_scope scope, const char *path,
		 const struct conf *conf, struct ng_diags *diags) NG_MUST_CHECK;
