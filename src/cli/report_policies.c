/* The policies: which sources, what is in them, and since when they are in force. */
#include "config.h"
#include "cli/report.h"
#include "cli/when.h"

#include <inttypes.h>
#include <string.h>

static bool last_version(const struct ledger *ledger, struct ledger_version *out)
{
	size_t cursor = 0;
	bool any = false;
	while (ledger_version(ledger, &cursor, out))
		any = true;
	return any;
}

static bool version_time(const struct ledger *ledger, uint64_t number, uint64_t *out_s)
{
	struct ledger_version version;
	size_t cursor = 0;
	while (ledger_version(ledger, &cursor, &version)) {
		if (version.number != number)
			continue;
		*out_s = version.at_s;
		return true;
	}
	return false;
}

static bool in_force(const struct ledger *ledger, const char *name, struct ledger_source *out)
{
	size_t cursor = 0;
	while (ledger_source(ledger, &cursor, out)) {
		if (strcmp(out->name, name) == 0)
			return true;
	}
	return false;
}

/* What the store says of a source that was just read from its file. */
static const char *since(const struct report *report, const char *name, uint64_t digest,
			 char *out, size_t size)
{
	struct ledger_source kept;
	char at[WHEN_TEXT];
	uint64_t at_s;
	if (report->ledger == NULL)
		snprintf(out, size, "no store was read");
	else if (!in_force(report->ledger, name, &kept))
		snprintf(out, size, "not in force: the store does not have it");
	else if (kept.digest != digest)
		snprintf(out, size, "the file differs from what is in force (%016" PRIx64 ")",
			 kept.digest);
	else if (version_time(report->ledger, kept.version, &at_s))
		snprintf(out, size, "version %" PRIu64 ", %s", kept.version,
			 when_text(at_s, at));
	else
		snprintf(out, size, "version %" PRIu64 ", longer ago than the store remembers",
			 kept.version);
	return out;
}

static void print_version(struct report *report)
{
	struct ledger_version version;
	char at[WHEN_TEXT];
	if (report->ledger == NULL)
		doc_paragraph(&report->doc,
			      "No store was read, so nothing is said of what is in force: "
			      "what follows is what the files say.");
	else if (!last_version(report->ledger, &version))
		doc_paragraph(&report->doc, "The store %s remembers no version of the policy.",
			      report->store);
	else
		doc_paragraph(&report->doc,
			      "In force, by the store %s: version %" PRIu64 " since %s, with "
			      "%u sources.",
			      report->store, version.number, when_text(version.at_s, at),
			      version.sources);
}

void report_policies_print(struct report *report)
{
	static const char *const heads[] = {"source", "rules", "digest", "in force since",
					    NULL};
	struct report_lines lines = {.doc = &report->doc,
				     .heads = heads,
				     .what = "sources",
				     .total = HASH_COUNT(report->setup->sources)};
	doc_heading(&report->doc, 2, "Policies and versions");
	print_version(report);
	doc_paragraph(&report->doc,
		      "Sources of %s, as compiled for this report. A digest is of all that a "
		      "source says: equal digests are equal rules at equal places.",
		      report->config);
	for (const struct setup_source *source = report->setup->sources; source != NULL;
	     source = source->hh.next) {
		char rules[32], digest[32], text[160];
		uint64_t number = ng_ruleset_digest(source->ruleset);
		snprintf(rules, sizeof(rules), "%zu", ng_ruleset_count(source->ruleset));
		snprintf(digest, sizeof(digest), "%016" PRIx64, number);
		report_lines_row(&lines,
				 (const char *const[]){source->name, rules, digest,
						       since(report, source->name, number, text,
							     sizeof(text))});
	}
	report_lines_end(&lines);
}
