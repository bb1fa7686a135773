/*
 * Lint: what is well-formed in a policy and still most likely not what its author meant.
 *
 * A table is made of each ruleset once, and borrows it; every look at it costs n log n at most.
 * Findings go to the diagnostics, as those of the compiler do. Of one code a look tells
 * NG_LINT_EACH_MAX and then how many more there are, so that no flood of notes hides a warning.
 */
#pragma once

#include <namegate/policy.h>

#define NG_LINT_EACH_MAX 24
#define NG_LINT_SOON_S   (7u * 86400u) /* an `until` this near is worth a note */

/* What each finding means; the manual page has the same table. */
enum ng_lint {
	NG_LINT_DUPLICATE = 0,
	NG_LINT_SUPERFLUOUS,
	NG_LINT_SHADOWED,
	NG_LINT_DEAD,
	NG_LINT_DEAD_BELOW,
	NG_LINT_APEX,
	NG_LINT_PUBLIC_SUFFIX,
	NG_LINT_SHARED_HOSTING,
	NG_LINT_MIXED_SCRIPT,
	NG_LINT_LOOK_ALIKE,
	NG_LINT_UNTIL_SOON,
	NG_LINT_ALIAS,
	NG_LINT_OBSERVE,
	NG_LINT_NO_POLICY,
	NG_LINTS
};
struct ng_lint_code {
	const char *code; /* "lint-apex" */
	enum ng_severity severity;
	const char *what; /* one sentence */
	const char *help; /* why it matters, and what to do */
};
extern const struct ng_lint_code ng_lint_codes[NG_LINTS];

/*
 * Names under which anybody gets a name of his own: one a line, `#` begins a comment. They stand
 * beside the public suffix list that libpsl has built in. NG_E_FORMAT (a line that is no name),
 * NG_E_NOMEM.
 */
struct ng_lint_hosting;
int ng_lint_hosting_create(const char *text, size_t len,
			   struct ng_lint_hosting **out) NG_MUST_CHECK;
void ng_lint_hosting_destroy(struct ng_lint_hosting *hosting); /* takes NULL */

struct ng_lint_table;
int ng_lint_table_create(const struct ng_ruleset *ruleset,
			 struct ng_lint_table **out) NG_MUST_CHECK;
void ng_lint_table_destroy(struct ng_lint_table *table); /* takes NULL */

/* One source by itself. NG_E_NOMEM. */
int ng_lint_source(const struct ng_lint_table *table, const struct ng_lint_hosting *hosting,
		   struct ng_diags *diags) NG_MUST_CHECK;
/* Sources of one scope in their order: the last of them against those before it. */
void ng_lint_scope(const struct ng_lint_table *const *tables, size_t n, struct ng_diags *diags);
/* The sources of a wider scope in their order, and one of a narrower scope. */
void ng_lint_across(const struct ng_lint_table *const *wide, size_t n,
		    const struct ng_lint_table *narrow, struct ng_diags *diags);
/* All sources of a sandbox; place is where it is configured. */
void ng_lint_sandbox(const struct ng_lint_table *const *tables, size_t n, const char *name,
		     bool observed, const struct ng_place *place, struct ng_diags *diags);

/* An alias that was seen in an answer. */
struct ng_lint_alias {
	struct ng_name owner, target; /* lower-cased */
};
/* Sorts the aliases. NG_E_NOMEM. sandbox: its name, or NULL for a source by itself. */
int ng_lint_aliases(const struct ng_policy *policy, const char *sandbox,
		    struct ng_lint_alias *aliases, size_t n,
		    struct ng_diags *diags) NG_MUST_CHECK;

/* Tells one finding of a code that the callers of this header find themselves. */
void ng_lint_tell(enum ng_lint what, const struct ng_place *place, struct ng_diags *diags,
		  const char *suggestion, const char *reason, ...)
	__attribute__((format(printf, 5, 6)));
