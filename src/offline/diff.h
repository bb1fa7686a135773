/*
 * What one set-up lets through that another does not, and the reverse.
 *
 * Names are judged by the engine on both sides: every owner of a rule on either side, and for each
 * wildcard names below it that no other rule speaks of. A verdict depends on which owners a name
 * equals or lies below, and on nothing else, so no name is decided otherwise than one of these. What
 * no name shows is compared by itself: rules about addresses, static addresses, opened prefixes,
 * modes, forward zones. The two set-ups must outlive the comparison.
 */
#pragma once

#include "offline/setup.h"

enum { DIFF_OLD = 0, DIFF_NEW, DIFF_SIDES };

enum diff_sense { /* bits: both, when something opens while something else closes */
		  DIFF_WIDENS = 1,
		  DIFF_NARROWS = 2,
		  DIFF_OTHER = 4 /* neither: another answer, another server */
};

enum diff_noun { /* what is counted */
		 DIFF_A_NAME = 0,
		 DIFF_A_RULE, /* about addresses, or with another end */
		 DIFF_A_PREFIX,
		 DIFF_AN_ADDRESS,
		 DIFF_A_MODE,
		 DIFF_A_SANDBOX,
		 DIFF_A_ZONE,
		 DIFF_A_SETTING,
		 DIFF_NOUNS
};

struct diff_tally {
	size_t widens[DIFF_NOUNS], narrows[DIFF_NOUNS], other[DIFF_NOUNS];
};

/* Anything but a name or a rule. Texts are the struct's own; NULL: it is not there on that side. */
struct diff_change {
	enum diff_noun noun;
	unsigned sense; /* 0: worth telling, and nothing else */
	char *what;
	char *texts[DIFF_SIDES];
	const char *paths[DIFF_SIDES]; /* where it stands, or NULL; borrowed */
	uint32_t lines[DIFF_SIDES];
};

/* What one side says of a name. */
struct diff_view {
	bool closed; /* no sandbox, or in lockdown: policy is not asked */
	enum ng_verdict verdict;
	bool matched;
	bool guarded; /* denied by a wider scope, or by a source of denials alone */
	enum ng_scope scope;
	struct ng_match match;
	struct ng_bounds bounds; /* of an ask and an allow */
};

struct diff_name; /* kept small: there may be millions */
struct diff_rule;

struct diff_address { /* a rule about addresses of clients or of answers */
	unsigned sense;
	bool there[DIFF_SIDES];
	enum ng_scope scopes[DIFF_SIDES];
	struct ng_match matches[DIFF_SIDES];
};

struct diff_list { /* changes */
	struct diff_change *items;
	size_t n, room;
};

/* Sandboxes whose differences are the same. */
struct diff_group {
	const struct setup_sandbox *sides[DIFF_SIDES]; /* of the first; NULL: there is none */
	const char **sandboxes;
	size_t n_sandboxes, sandboxes_room;
	struct diff_list changes;
	struct diff_name *names; /* widening first, then by name */
	size_t n_names, names_room;
	struct diff_rule *rules; /* by name */
	size_t n_rules, rules_room;
	struct diff_address *addresses;
	size_t n_addresses, addresses_room;
	unsigned sense;
	bool same; /* nothing to tell */
	UT_hash_handle hh;
	char *key;
};

struct diff {
	const struct setup *setups[DIFF_SIDES];
	struct diff_list changes; /* of forward zones and settings */
	struct diff_group **groups;
	size_t n_groups, n_sandboxes;
	struct diff_tally tally;
	size_t tried;   /* names judged */
	unsigned sense; /* of all together */
	bool same;      /* there is nothing to tell at all */
	struct diff_inside *inside;
};

/* Names to try instead of what the policies name. */
struct diff_corpus {
	uint8_t *wire; /* names in wire form, one behind the other, an octet 1 before those */
	size_t len, room; /* that stand for what is below them, and an octet 0 before others */
};
int diff_corpus_add(struct diff_corpus *corpus, const struct ng_name *name,
		    bool wildcard) NG_MUST_CHECK;
/* The owners of all rules with names. */
int diff_corpus_take(struct diff_corpus *corpus,
		     const struct ng_ruleset *ruleset) NG_MUST_CHECK;
void diff_corpus_finish(struct diff_corpus *corpus);

/*
 * Compares. sandbox: only that one, which must be on one side at least; NULL: all. corpus: NULL for
 * what both policies name. NG_E_NOTFOUND (no such sandbox), NG_E_NOMEM.
 */
int diff_make(const struct setup *old, const struct setup *new, const char *sandbox,
	      const struct diff_corpus *corpus, struct diff **out) NG_MUST_CHECK;
void diff_free(struct diff *diff); /* takes NULL */

/* ---- one row ---- */

struct diff_name_row {
	struct ng_name name;  /* the one that was judged */
	struct ng_name owner; /* what it lies below, or the name itself */
	unsigned depth;       /* so many labels below owner, where no other rule speaks */
	unsigned sense;
	struct diff_view views[DIFF_SIDES];
};
void diff_name_at(const struct diff *diff, const struct diff_group *group, size_t index,
		  struct diff_name_row *out);

struct diff_rule_row {
	struct ng_name owner; /* without the asterisk */
	bool wildcard;
	unsigned sense; /* only what no name shows: another end */
	bool there[DIFF_SIDES];
	enum ng_scope scopes[DIFF_SIDES];
	struct ng_match matches[DIFF_SIDES];
	struct ng_bounds bounds[DIFF_SIDES];
	uint64_t until_s[DIFF_SIDES];
};
void diff_rule_at(const struct diff *diff, const struct diff_group *group, size_t index,
		  struct diff_rule_row *out);
