/*
 * What the files of the lint share: keys, tables, reports.
 *
 * A key is a name with its labels in the order from the root, each with its length octet. One name is
 * within another exactly when its key begins with the other's, so what is below a name stands
 * together when keys are sorted as octets.
 */
#pragma once

#include <namegate/lint.h>

struct lint_key {
	const uint8_t *octets;
	uint8_t len;
};
#define LINT_KEY_MAX (NG_NAME_MAX - 1)

/* Fills octets with the key of a name. */
struct lint_key lint_key_of(const struct ng_name *name, uint8_t octets[static LINT_KEY_MAX]);
bool lint_key_within(struct lint_key key, struct lint_key ancestor);
int lint_key_order(struct lint_key a, struct lint_key b);

struct lint_rule {
	const uint8_t *name; /* wire form, in the table's pool; the asterisk taken off */
	const char *path;
	uint32_t line, column, extra;
	uint8_t len, action;
	bool wildcard;
};

struct keyed {
	struct lint_key key;
	const struct lint_rule *rule;
};

struct ng_lint_table {
	const struct ng_ruleset *ruleset;
	struct lint_rule *rules; /* by path, line, column */
	size_t n, n_denies, n_asks;
	uint8_t *pool;
	bool disabled;      /* it only records: it decides nothing */
	struct keyed *keys; /* the same by key */
	uint32_t *denies;   /* how many denials stand before each of them, and in all */
	uint8_t *key_pool;
};

struct ng_name lint_rule_name(const struct lint_rule *rule);
struct ng_place lint_rule_place(const struct lint_rule *rule);
/* "*.name" or "name"; returns buf. */
#define LINT_OWNER_MAX (NG_NAME_TEXT_MAX + 2)
const char *lint_owner_text(const struct ng_name *name, bool wildcard,
			    char buf[static LINT_OWNER_MAX]);
bool lint_denies(enum ng_rule_action action);
/* Half open: the rules strictly below a name, by key. */
void lint_table_below(const struct ng_lint_table *table, const struct ng_name *name,
		      size_t *begin, size_t *end);

/* Does some rule of the source decide what is asked below name? The closest wildcard at it or above. */
bool lint_cover(const struct ng_lint_table *table, const struct ng_name *name,
		struct ng_match *out);

/* Findings of one look. */
struct lint_report {
	struct ng_diags *diags;
	const char *path; /* of the closing word */
	size_t told[NG_LINTS];
	struct ng_place last[NG_LINTS]; /* an entry that makes two rules is told once */
};
bool lint_report_wants(struct lint_report *report, enum ng_lint what,
		       const struct ng_place *place);
void lint_report_end(struct lint_report *report);

/* ---- names ---- */

/* A wildcard that allows what strangers put there is told of; true then. */
bool lint_suffix(const struct lint_rule *rule, const struct ng_lint_hosting *hosting,
		 struct lint_report *report);
/* Labels of mixed scripts, and names that look like others of the source. NG_E_NOMEM. */
int lint_scripts(const struct ng_lint_table *table, const struct lint_rule *rule,
		 struct lint_report *report) NG_MUST_CHECK;
