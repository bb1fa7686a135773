/* What the files of `namegate diff` share: the call, and words for what was found. */
#pragma once

#include "offline/diff.h"

#include <stdio.h>

enum diff_format { DIFF_HUMAN = 0, DIFF_MARKDOWN, DIFF_JSON };

struct diff_call {
	const char *words[DIFF_SIDES]; /* as they were given */
	const char *sandbox, *names, *store;
	enum diff_format format;
	unsigned fail_on; /* enum diff_sense bits */
	bool fail_on_any;
	struct ng_diags diags;
	struct setup *setups[DIFF_SIDES];
	struct diff_corpus corpus;
	struct diff *diff;
};

#define DIFF_OWNER_MAX (NG_NAME_TEXT_MAX + 8)
#define DIFF_SAYS_MAX  768 /* a verdict with all that bounds it */
#define DIFF_PLACE_MAX (NG_PATH_MAX + 64)

extern const char *const diff_scopes[NG_SCOPES], *const diff_actions[], *const diff_verdicts[];
/* "3 names, 1 prefix"; "" when all are 0. Returns buf. */
const char *diff_counts(const size_t counts[static DIFF_NOUNS], char buf[static 256]);
/* "+" opens, "-" closes, "*" both, "~" neither, " " nothing but told. */
const char *diff_sign(unsigned sense);
const char *diff_name_text(const struct diff_name_row *row, char buf[static DIFF_OWNER_MAX]);
const char *diff_rule_text(const struct diff_rule_row *row, char buf[static DIFF_OWNER_MAX]);
/* "allow tcp/443 types A,HTTPS lease-max 300 s" */
const char *diff_view_says(const struct diff_view *view, char buf[static DIFF_SAYS_MAX]);
const char *diff_match_says(const struct ng_match *match, const struct ng_bounds *bounds,
			    uint64_t until_s, char buf[static DIFF_SAYS_MAX]);
/* "ci.list:3 (sandbox)", "no rule", "closed" */
const char *diff_view_place(const struct diff_view *view, char buf[static DIFF_PLACE_MAX]);
const char *diff_match_place(const struct ng_match *match, enum ng_scope scope,
			     char buf[static DIFF_PLACE_MAX]);
/* "added", "removed", "moved", "changed" */
const char *diff_fate(bool old, bool new, bool same_scope);

/* A word for each bound, in the order in which they are told. NULL: not bounded by it. */
const char *diff_ports_text(const struct ng_bounds *bounds, char buf[static 256]);
const char *diff_types_text(const struct ng_bounds *bounds, char buf[static 256]);
const char *diff_opened_text(const struct ng_bounds *bounds, char buf[static 256]);
const char *diff_time_text(uint64_t time_s, char buf[static 32]);

void diff_print_human(const struct diff_call *call);
void diff_print_markdown(const struct diff_call *call);
int diff_print_json(const struct diff_call *call, int exit_code);
