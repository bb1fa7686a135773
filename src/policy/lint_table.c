/*
 * The rules of a source in two orders. By place, so that findings come as a reader meets the lines;
 * and by key, so that what stands below a name is one range, with a running count of denials to
 * say in two steps whether some are in it.
 */
#include "policy/lint_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

struct lint_key lint_key_of(const struct ng_name *name, uint8_t octets[static LINT_KEY_MAX])
{
	uint8_t len = name->len > 0 ? (uint8_t)(name->len - 1) : 0;
	size_t end = len;
	for (size_t at = 0; at < len; at += 1 + (size_t)name->wire[at]) {
		end -= 1 + (size_t)name->wire[at];
		memcpy(octets + end, name->wire + at, 1 + (size_t)name->wire[at]);
	}
	return (struct lint_key){octets, len};
}

bool lint_key_within(struct lint_key key, struct lint_key ancestor)
{
	return key.len >= ancestor.len &&
	       memcmp(key.octets, ancestor.octets, ancestor.len) == 0;
}

int lint_key_order(struct lint_key a, struct lint_key b)
{
	int order = memcmp(a.octets, b.octets, a.len < b.len ? a.len : b.len);
	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---- rules ---- */

struct ng_name lint_rule_name(const struct lint_rule *rule)
{
	struct ng_name name = {.len = rule->len};
	memcpy(name.wire, rule->name, rule->len);
	return name;
}

struct ng_place lint_rule_place(const struct lint_rule *rule)
{
	return (struct ng_place){rule->path, rule->line, rule->column};
}

const char *lint_owner_text(const struct ng_name *name, bool wildcard,
			    char buf[static LINT_OWNER_MAX])
{
	char *at = buf;
	if (wildcard && name->len <= 1)
		return strcpy(buf, "*");
	if (wildcard)
		at = stpcpy(buf, "*.");
	ng_name_to_text(name, at);
	return buf;
}

bool lint_denies(enum ng_rule_action action)
{
	return action == NG_ACTION_NXDOMAIN || action == NG_ACTION_NODATA ||
	       action == NG_ACTION_DROP;
}

static int by_place(const void *left, const void *right)
{
	const struct lint_rule *a = left, *b = right;
	int order = a->path == b->path ? 0 : strcmp(a->path, b->path);
	if (order == 0)
		order = (a->line > b->line) - (a->line < b->line);
	if (order == 0)
		order = (a->column > b->column) - (a->column < b->column);
	return order != 0 ? order : (int)a->wildcard - (int)b->wildcard;
}

static int by_key(const void *left, const void *right)
{
	const struct keyed *a = left, *b = right;
	int order = lint_key_order(a->key, b->key);
	return order != 0 ? order : (int)a->rule->wildcard - (int)b->rule->wildcard;
}

/* ---- making ---- */

/* Octets of all names; how many rules there are. */
static size_t measure(const struct ng_ruleset *ruleset, size_t *octets)
{
	struct ng_match match;
	struct ng_name owner;
	uint32_t cursor = 0;
	size_t n = 0;
	*octets = 0;
	while (ng_ruleset_rule(ruleset, &cursor, &owner, &match)) {
		*octets += owner.len;
		n++;
	}
	return n;
}

static void take_rules(struct ng_lint_table *table)
{
	struct ng_match match;
	struct ng_name owner;
	uint32_t cursor = 0;
	uint8_t *at = table->pool;
	while (ng_ruleset_rule(table->ruleset, &cursor, &owner, &match)) {
		memcpy(at, owner.wire, owner.len);
		table->disabled = match.disabled;
		table->n_denies += lint_denies(match.action);
		table->n_asks += match.action == NG_ACTION_ASK;
		table->rules[table->n++] = (struct lint_rule){
			.name = at,
			.path = match.path,
			.line = match.line,
			.column = match.column,
			.extra = match.extra,
			.len = owner.len,
			.action = (uint8_t)match.action,
			.wildcard = match.wildcard,
		};
		at += owner.len;
	}
}

static void order_keys(struct ng_lint_table *table)
{
	uint8_t *at = table->key_pool;
	uint32_t denies = 0;
	for (size_t i = 0; i < table->n; i++) {
		struct ng_name name = lint_rule_name(&table->rules[i]);
		uint8_t octets[LINT_KEY_MAX];
		struct lint_key key = lint_key_of(&name, octets);
		memcpy(at, octets, key.len);
		table->keys[i] = (struct keyed){{at, key.len}, &table->rules[i]};
		at += key.len;
	}
	qsort(table->keys, table->n, sizeof(*table->keys), by_key);
	for (size_t i = 0; i < table->n; i++) {
		table->denies[i] = denies;
		denies += lint_denies((enum ng_rule_action)table->keys[i].rule->action);
	}
	table->denies[table->n] = denies;
}

int ng_lint_table_create(const struct ng_ruleset *ruleset, struct ng_lint_table **out)
{
	size_t octets, n = measure(ruleset, &octets);
	struct ng_lint_table *table = calloc(1, sizeof(*table));
	if (table == NULL)
		return NG_E_NOMEM;
	table->ruleset = ruleset;
	table->rules = calloc(n + 1, sizeof(*table->rules));
	table->keys = calloc(n + 1, sizeof(*table->keys));
	table->denies = calloc(n + 1, sizeof(*table->denies));
	table->pool = malloc(octets + 1);
	table->key_pool = malloc(octets + 1);
	if (table->rules == NULL || table->keys == NULL || table->denies == NULL ||
	    table->pool == NULL || table->key_pool == NULL) {
		ng_lint_table_destroy(table);
		return NG_E_NOMEM;
	}
	take_rules(table);
	qsort(table->rules, table->n, sizeof(*table->rules), by_place);
	order_keys(table);
	*out = table;
	return NG_OK;
}

void ng_lint_table_destroy(struct ng_lint_table *table)
{
	if (table == NULL)
		return;
	free(table->rules);
	free(table->keys);
	free(table->denies);
	free(table->pool);
	free(table->key_pool);
	free(table);
}

/* ---- asking ---- */

/* The first rule whose key is not before the wanted one; past: nor within it. */
static size_t seek(const struct ng_lint_table *table, struct lint_key wanted, bool past)
{
	size_t low = 0, high = table->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct lint_key key = table->keys[middle].key;
		bool before = past && lint_key_within(key, wanted)
				      ? true
				      : lint_key_order(key, wanted) < 0;
		if (before)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void lint_table_below(const struct ng_lint_table *table, const struct ng_name *name,
		      size_t *begin, size_t *end)
{
	uint8_t octets[LINT_KEY_MAX];
	struct lint_key key = lint_key_of(name, octets);
	*begin = seek(table, key, false);
	*end = seek(table, key, true);
	while (*begin < *end && table->keys[*begin].key.len == key.len)
		(*begin)++;
}

/* No rule owns a name whose first label is an asterisk, so only wildcards can match it. */
bool lint_cover(const struct ng_lint_table *table, const struct ng_name *name,
		struct ng_match *out)
{
	struct ng_name below = {.len = (uint8_t)(name->len + 2), .wire = {1, '*'}};
	if (name->len == 0 || name->len + 2 > NG_NAME_MAX)
		return false;
	memcpy(below.wire + 2, name->wire, name->len);
	return ng_ruleset_match(table->ruleset, &below, out);
}
