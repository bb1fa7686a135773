/*
 * Why a policy says what it says: every rule that a question touches, in the order in which the gate
 * hears them, and what became of each.
 *
 * The decision is ng_policy_judge()'s own. The fates follow from the order of precedence alone (see
 * policy.h, and P1 to P6 of namegate-rpz(5)), so a test can hold the one against the other. Rules are
 * borrowed from the rulesets; the list of candidates is owned by the explanation.
 */
#pragma once

#include <namegate/policy.h>

enum ng_outcome {
	NG_OUTCOME_DECIDES = 0, /* the verdict is this rule's */
	/* It speaks for its scope, and */
	NG_OUTCOME_JOINS,     /* a wider scope says the same: this one's bounds count as well */
	NG_OUTCOME_OVERRULED, /* a rule of another scope is more severe */
	NG_OUTCOME_APPROVED,  /* asks, and an approval answers */
	NG_OUTCOME_REFUSED,   /* asks, and a refusal answers */
	NG_OUTCOME_UNASKED, /* is about an alias or an address: no rule lets the name be asked */
	/* It does not, because */
	NG_OUTCOME_DISABLED,     /* its zone only records */
	NG_OUTCOME_LATER_LINK,   /* P1: a rule for an earlier name of the alias chain speaks */
	NG_OUTCOME_LATER_SOURCE, /* P2: a source listed before it speaks */
	NG_OUTCOME_DENIED_FIRST, /* P2: a later source denies the name, whatever its addresses */
	NG_OUTCOME_TRIGGER,      /* P4: client before name before answer */
	NG_OUTCOME_LABELS,       /* P3: another has more labels */
	NG_OUTCOME_WILDCARD,     /* P3: an exact owner comes before it */
	NG_OUTCOME_PREFIX,       /* P6: another has a longer prefix, or a smaller address */
	NG_OUTCOMES
};

struct ng_candidate {
	enum ng_scope scope;
	uint8_t source; /* its place in the scope's order, from 0 */
	bool approval; /* from the policy's approvals, which hold refusals, too; source is then unset */
	size_t link; /* which of the subject's names; of an answer trigger the last */
	struct ng_match match;
	enum ng_outcome outcome;
	size_t by; /* the candidate that outdid it; its own index when none did */
};

struct ng_explanation {
	struct ng_decision decision;
	struct ng_bounds bounds;         /* of an allow; else zero */
	struct ng_candidate *candidates; /* widest scope first, in a scope as it is heard */
	size_t n_candidates;
	size_t decider; /* index; n_candidates when no rule decides: default deny */
};

/* NG_E_NOMEM: out is then untouched. */
int ng_explain(const struct ng_policy *policy, const struct ng_subject *subject,
	       struct ng_explanation *out) NG_MUST_CHECK;
void ng_explanation_finish(struct ng_explanation *explanation); /* takes NULL, the zero value */

enum ng_verdict ng_action_verdict(enum ng_rule_action action);
/* The owner name of a rule for names that matched name: its last labels, without the asterisk. */
struct ng_name ng_match_owner(const struct ng_match *match, const struct ng_name *name);

/* A rule that allows a neighbour of name but not name itself: what is most often meant. */
enum ng_near_kind {
	NG_NEAR_APEX = 1, /* a wildcard stands at the name, and covers only what is below */
	NG_NEAR_ABOVE     /* a name above it is allowed, and alone */
};
struct ng_near {
	enum ng_near_kind kind;
	struct ng_match match;
	struct ng_name owner;
};
/* For a name that no rule speaks of. False: there is none. */
bool ng_explain_near(const struct ng_policy *policy, const struct ng_name *name,
		     struct ng_near *out);
