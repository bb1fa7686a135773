/* What the files of the comparison share. */
#pragma once

#include "base/grow.h"
#include "offline/diff.h"

#define DIFF_NO_SCOPE 0xff

struct diff_name {
	uint32_t at;   /* of the owner, in the texts */
	uint8_t depth; /* 0: the name itself; else so many labels below it */
	uint8_t sense;
};

struct diff_rule {
	uint32_t at;
	uint8_t scopes[DIFF_SIDES]; /* DIFF_NO_SCOPE: not there */
	uint8_t sense;
	bool wildcard;
};

struct diff_source { /* what is known of a ruleset */
	const struct ng_ruleset *ruleset;
	bool denials; /* it says nothing but no */
	bool denies;  /* it says no to something */
	bool clients; /* it has rules about clients */
	const struct ng_ruleset *held_against;
	bool equal; /* to that one */
	UT_hash_handle hh;
};

struct diff_inside {
	uint8_t *texts; /* names from the root down, so that they compare as they stand */
	size_t len, room;
	struct diff_source *sources;
	struct diff_group *by_key;
};

/* ---- sources (diff.c) ---- */
bool diff_sources_equal(const struct diff *diff, const struct ng_ruleset *old,
			const struct ng_ruleset *new);
bool diff_about_clients(const struct diff *diff, const struct ng_policy *policy);
bool diff_has_denials(const struct diff *diff, const struct ng_ruleset *ruleset);

/* ---- what need not be walked (diff_plan.c) ---- */
enum diff_walk {
	DIFF_WALKED = 0,
	DIFF_WALKED_TOUCHED, /* only names that a changed source speaks of are judged */
	DIFF_NOT_WALKED
};
struct diff_plan { /* the zero value: everything is walked */
	enum diff_walk walks[DIFF_SIDES][NG_SCOPES][NG_RULESETS_MAX];
	bool same_scope[NG_SCOPES]; /* the same sources in the same order on both sides */
	struct {
		uint8_t scope, index;
	} changed[NG_SCOPES * NG_RULESETS_MAX]; /* the widest scope first */
	size_t n_changed;
};
void diff_plan_make(const struct diff *diff, const struct diff_group *group,
		    struct diff_plan *out);
bool diff_plan_touched(const struct diff_plan *plan, const struct diff_group *group,
		       const struct ng_name *name);

/* ---- names (diff_names.c) ---- */
int diff_text_add(struct diff_inside *inside, const struct ng_name *name, uint32_t *out);
void diff_text_name(const struct diff_inside *inside, uint32_t at, struct ng_name *out);
int diff_text_order(const struct diff_inside *inside, uint32_t a, uint32_t b);
/*
 * A name that many labels below owner which no rule of the group names, or has below it. False when
 * there is none, because owner is too long.
 */
bool diff_probe(const struct diff_group *group, const struct ng_name *owner, unsigned depth,
		struct ng_name *out);
int diff_names(struct diff *diff, struct diff_group *group, const struct diff_plan *plan,
	       const struct diff_corpus *corpus);

/* ---- verdicts (diff_view.c) ---- */
const struct ng_policy *diff_policy(const struct diff_group *group, int side);
void diff_look(const struct diff *diff, const struct diff_group *group, int side,
	       const struct ng_name *name, struct diff_view *out);
/* enum diff_sense bits; 0 when both decide alike. */
unsigned diff_weigh(const struct diff_view *old, const struct diff_view *new);
unsigned diff_weigh_bounds(const struct ng_bounds *old, const struct ng_bounds *new);
bool diff_local_equal(const struct ng_match *a, const struct ng_match *b);
/* deny 0, ask 1, allow that changes the answer 2, allow 3 */
unsigned diff_mildness(enum ng_rule_action action);

/* ---- rules (diff_rules.c) ---- */
/* The rule with that owner that counts in a scope: of the first source that has one. */
bool diff_rule_find(const struct ng_policy *policy, enum ng_scope scope,
		    const struct ng_name *owner, bool wildcard, struct ng_match *out);
/* Has that source a rule with that owner? */
bool diff_rule_in(const struct ng_ruleset *ruleset, const struct ng_name *owner, bool wildcard,
		  struct ng_match *out);
int diff_rules(struct diff *diff, struct diff_group *group, const struct diff_plan *plan);
int diff_addresses(struct diff_group *group);

/* ---- the rest (diff_settings.c, diff_places.c) ---- */
/* Takes texts over; NULL in what, or in a text that should be there, is memory out. */
int diff_change_add(struct diff_list *list, struct diff_change *change);
void diff_list_finish(struct diff_list *list);
bool diff_prefix_within(const struct ng_prefix *inner, const struct ng_prefix *outer);
/* Are all addresses of prefix in some of the n? */
bool diff_covered(const struct ng_prefix *prefix, const struct ng_prefix *by, size_t n);
/* Prefixes of one kind on both sides: what is in one and not covered by the other. */
int diff_prefixes(struct diff_list *list, enum diff_noun noun, const char *what,
		  const struct ng_prefix *old, size_t n_old, const struct ng_prefix *new,
		  size_t n_new);
int diff_statics(struct diff_list *list, const struct diff_group *group);
int diff_sandbox(struct diff_list *list, const struct diff_group *group);
int diff_whole(struct diff_list *list, const struct setup *old, const struct setup *new);
