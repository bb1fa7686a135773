/*
 * What changed since a date, as the store remembers it: versions of the policy with the sources that
 * each replaced, sandboxes that came and went, approvals.
 *
 * Of a source that was replaced the compiled form of then may still be kept; then the rules on
 * names that came and went are told, else only how many rules there were.
 */
#define HASH_NONFATAL_OOM 1
#include "config.h"
#include "cli/report.h"
#include "cli/when.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* ---- versions ---- */

static size_t versions_since(const struct report *report)
{
	struct ledger_version version;
	size_t cursor = 0, n = 0;
	while (ledger_version(report->ledger, &cursor, &version))
		n += version.at_s >= report->since_s;
	return n;
}

static void print_versions(struct report *report)
{
	static const char *const heads[] = {"version", "since", "sources", "changed sources",
					    NULL};
	struct report_lines lines = {.doc = &report->doc,
				     .heads = heads,
				     .what = "versions",
				     .total = versions_since(report)};
	struct ledger_version version;
	size_t cursor = 0;
	doc_heading(&report->doc, 3, "Versions");
	if (lines.total == 0)
		doc_paragraph(&report->doc, "None came into force.");
	while (ledger_version(report->ledger, &cursor, &version)) {
		char number[32], at[WHEN_TEXT], sources[16], changes[16];
		if (version.at_s < report->since_s)
			continue;
		snprintf(number, sizeof(number), "%" PRIu64, version.number);
		snprintf(sources, sizeof(sources), "%u", version.sources);
		snprintf(changes, sizeof(changes), "%u", version.changes);
		report_lines_row(&lines,
				 (const char *const[]){number, when_text(version.at_s, at),
						       sources, changes});
	}
	report_lines_end(&lines);
}

/* ---- sources ---- */

struct source_change { /* from the first version since then to the last */
	struct ledger_change ends;
	UT_hash_handle hh;
};

static bool note_change(struct source_change **all, const struct ledger_change *change)
{
	struct source_change *one;
	HASH_FIND_STR(*all, change->name, one);
	if (one != NULL) {
		one->ends.is = change->is;
		one->ends.rules = change->rules;
		return true;
	}
	one = calloc(1, sizeof(*one));
	if (one == NULL)
		return false;
	one->ends = *change;
	HASH_ADD_STR(*all, ends.name, one);
	if (one->hh.tbl == NULL) {
		free(one);
		return false;
	}
	return true;
}

static struct source_change *gather(const struct report *report)
{
	struct source_change *all = NULL;
	struct ledger_version version;
	struct ledger_change change;
	size_t cursor = 0;
	while (ledger_version(report->ledger, &cursor, &version)) {
		size_t at = 0;
		if (version.at_s < report->since_s)
			continue;
		while (ledger_change(&version, &at, &change))
			(void)note_change(&all, &change);
	}
	return all;
}

static void forget(struct source_change *all)
{
	struct source_change *one, *next;
	HASH_ITER (hh, all, one, next) {
		HASH_DEL(all, one);
		free(one);
	}
}

static const char *digest_text(uint64_t digest, uint64_t rules, char out[static 64])
{
	if (digest == 0)
		snprintf(out, 64, "not there");
	else
		snprintf(out, 64, "%016" PRIx64 ", %" PRIu64 " rules", digest, rules);
	return out;
}

/* ---- rules ---- */

struct rule { /* that a ruleset has: keyed by what it does, and on which names */
	UT_hash_handle hh;
	size_t len;
	uint8_t key[NG_NAME_MAX + 3];
};

static size_t rule_key(const struct ng_name *owner, const struct ng_match *match,
		       uint8_t out[static NG_NAME_MAX + 3])
{
	out[0] = (uint8_t)match->action;
	out[1] = match->wildcard;
	out[2] = match->disabled;
	memcpy(out + 3, owner->wire, owner->len);
	return owner->len + 3u;
}

static struct rule *rules_of(const struct ng_ruleset *ruleset)
{
	struct rule *all = NULL, *rule;
	struct ng_name owner;
	struct ng_match match;
	uint32_t cursor = 0;
	while (ng_ruleset_rule(ruleset, &cursor, &owner, &match)) {
		rule = calloc(1, sizeof(*rule));
		if (rule == NULL)
			break;
		rule->len = rule_key(&owner, &match, rule->key);
		HASH_ADD_KEYPTR(hh, all, rule->key, rule->len, rule);
		if (rule->hh.tbl == NULL) {
			free(rule);
			break;
		}
	}
	return all;
}

static void rules_free(struct rule *all)
{
	struct rule *rule, *next;
	HASH_ITER (hh, all, rule, next) {
		HASH_DEL(all, rule);
		free(rule);
	}
}

/* Rules of ruleset that are not among those; with lines they are printed. */
static size_t not_among(const struct ng_ruleset *ruleset, struct rule *those, const char *sign,
			struct report_lines *lines)
{
	static const char *const actions[] = {
		[NG_ACTION_NXDOMAIN] = "deny",   [NG_ACTION_NODATA] = "deny, NODATA",
		[NG_ACTION_PASSTHRU] = "allow",  [NG_ACTION_ASK] = "ask",
		[NG_ACTION_DROP] = "drop",       [NG_ACTION_TCP_ONLY] = "allow over TCP",
		[NG_ACTION_LOCAL] = "local data"};
	uint8_t key[NG_NAME_MAX + 3];
	char name[REPORT_OWNER];
	struct ng_name owner;
	struct ng_match match;
	struct rule *found;
	uint32_t cursor = 0;
	size_t n = 0;
	while (ng_ruleset_rule(ruleset, &cursor, &owner, &match)) {
		size_t len = rule_key(&owner, &match, key);
		HASH_FIND(hh, those, key, len, found);
		if (found != NULL)
			continue;
		n++;
		if (lines != NULL)
			report_lines_row(lines,
					 (const char *const[]){
						 sign, actions[match.action],
						 report_owner(&owner, match.wildcard, name)});
	}
	return n;
}

static void print_difference(struct report *report, const char *name,
			     const struct ng_ruleset *was, const struct ng_ruleset *is)
{
	static const char *const heads[] = {"change", "what", "names", NULL};
	struct rule *before = rules_of(was), *after = rules_of(is);
	size_t came = not_among(is, before, "", NULL), went = not_among(was, after, "", NULL);
	struct report_lines lines = {
		.doc = &report->doc, .heads = heads, .what = "rules", .total = came + went};
	doc_paragraph(&report->doc, "%s: %zu rules on names came, %zu went.", name, came, went);
	not_among(is, before, "came", &lines);
	not_among(was, after, "went", &lines);
	report_lines_end(&lines);
	rules_free(before);
	rules_free(after);
}

static void print_rules(struct report *report, const struct ledger_change *change)
{
	struct ng_ruleset *was = NULL, *is = NULL;
	if (change->was == 0 || change->is == 0 || change->was == change->is)
		return;
	if (ledger_ruleset(report->ledger, change->was, &was) == NG_OK &&
	    ledger_ruleset(report->ledger, change->is, &is) == NG_OK)
		print_difference(report, change->name, was, is);
	else
		doc_paragraph(&report->doc,
			      "%s: what it said then is not kept any more, so its rules cannot "
			      "be compared.",
			      change->name);
	ng_ruleset_close(was);
	ng_ruleset_close(is);
}

static void print_sources(struct report *report)
{
	static const char *const heads[] = {"source", "then", "now", NULL};
	struct source_change *all = gather(report);
	struct report_lines lines = {.doc = &report->doc,
				     .heads = heads,
				     .what = "sources",
				     .total = HASH_COUNT(all)};
	doc_heading(&report->doc, 3, "Sources");
	if (all == NULL)
		doc_paragraph(&report->doc, "None was changed.");
	for (const struct source_change *one = all; one != NULL; one = one->hh.next) {
		char was[64], is[64];
		report_lines_row(&lines,
				 (const char *const[]){
					 one->ends.name,
					 digest_text(one->ends.was, one->ends.was_rules, was),
					 digest_text(one->ends.is, one->ends.rules, is)});
	}
	report_lines_end(&lines);
	for (const struct source_change *one = all; one != NULL; one = one->hh.next)
		print_rules(report, &one->ends);
	forget(all);
}

/* ---- events ---- */

static size_t events_since(const struct report *report, bool notes)
{
	struct ledger_event event;
	size_t cursor = 0, n = 0;
	while (ledger_event(report->ledger, &cursor, &event))
		n += event.at_s >= report->since_s && (event.what == REGISTRY_NOTED) == notes;
	return n;
}

static void print_sandboxes(struct report *report)
{
	static const char *const heads[] = {"time", "sandbox", "what", NULL};
	static const char *const whats[] = {[REGISTRY_ADDED] = "came",
					    [REGISTRY_CHANGED] = "changed",
					    [REGISTRY_REMOVED] = "went"};
	struct report_lines lines = {.doc = &report->doc,
				     .heads = heads,
				     .what = "events",
				     .total = events_since(report, false)};
	struct ledger_event event;
	size_t cursor = 0;
	doc_heading(&report->doc, 3, "Sandboxes");
	if (lines.total == 0)
		doc_paragraph(&report->doc, "None came, changed, or went.");
	while (ledger_event(report->ledger, &cursor, &event)) {
		char at[WHEN_TEXT], name[NG_SANDBOX_NAME_MAX];
		if (event.at_s < report->since_s || event.what == REGISTRY_NOTED)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)event.len, event.text);
		report_lines_row(&lines, (const char *const[]){when_text(event.at_s, at), name,
							       whats[event.what]});
	}
	report_lines_end(&lines);
}

static const char *member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}

static void approval_row(struct report_lines *lines, const struct ledger_event *event)
{
	char at[WHEN_TEXT], uid[32] = "nobody: its time was up";
	json_t *note = json_loadb(event->text, event->len, 0, NULL);
	const json_t *by = json_object_get(note, "uid");
	if (json_is_integer(by))
		snprintf(uid, sizeof(uid), "uid %lld", (long long)json_integer_value(by));
	report_lines_row(lines, (const char *const[]){
					when_text(event->at_s, at), member(note, "name"),
					member(note, "sandbox"), member(note, "action"), uid});
	json_decref(note);
}

static void print_approvals(struct report *report)
{
	static const char *const heads[] = {"time", "name", "sandbox", "what", "by", NULL};
	struct report_lines lines = {.doc = &report->doc,
				     .heads = heads,
				     .what = "decisions",
				     .total = events_since(report, true)};
	struct ledger_event event;
	size_t cursor = 0;
	doc_heading(&report->doc, 3, "Approvals");
	if (lines.total == 0)
		doc_paragraph(&report->doc, "None was given or taken back.");
	while (ledger_event(report->ledger, &cursor, &event)) {
		if (event.at_s >= report->since_s && event.what == REGISTRY_NOTED)
			approval_row(&lines, &event);
	}
	report_lines_end(&lines);
}

/* ---- the whole ---- */

/* Does the store remember all since then? */
static void print_horizon(struct report *report)
{
	struct ledger_version version;
	char at[WHEN_TEXT];
	size_t cursor = 0;
	if (!ledger_version(report->ledger, &cursor, &version))
		doc_paragraph(&report->doc, "The store remembers no version.");
	else if (version.at_s > report->since_s)
		doc_paragraph(&report->doc,
			      "The store remembers nothing from before version %" PRIu64
			      " of %s; what was before that is not told.",
			      version.number, when_text(version.at_s, at));
}

void report_changes_print(struct report *report)
{
	char at[WHEN_TEXT];
	doc_heading(&report->doc, 2, "Changes");
	if (report->since == NULL) {
		doc_paragraph(&report->doc, "Not asked for: no date was given with --since.");
		return;
	}
	doc_paragraph(&report->doc, "Since %s, by the store %s.",
		      when_text(report->since_s, at), report->store);
	print_horizon(report);
	print_versions(report);
	print_sources(report);
	print_sandboxes(report);
	print_approvals(report);
}
