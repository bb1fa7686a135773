/*
 * What can never be reached: the facts of expectation files that say so, and the ranges that no
 * answer opens, with whatever opens a part of one.
 */
#include "config.h"
#include "cli/report.h"

#include <stdlib.h>

struct openers {
	struct report *report;
	struct report_lines *lines;
	const char *sandboxes;
	struct ng_prefix range;
	enum ng_reach reach;
	size_t n;
};

static const char *const kinds[] = {
	[NG_REACH_NEVER] = "no setting opens it",
	[NG_REACH_PRIVATE] = "only a prefix that is named",
};

static void range_row(struct openers *openers, const struct ng_prefix *by, const char *what)
{
	char range[NG_PREFIX_TEXT], text[NG_PREFIX_TEXT + 300], prefix[NG_PREFIX_TEXT] = "";
	if (by != NULL)
		ng_prefix_format(by, prefix);
	snprintf(text, sizeof(text), "%s%s%s%s%s", prefix, by != NULL ? " " : "", what,
		 by != NULL ? " for " : "", by != NULL ? openers->sandboxes : "");
	openers->n++;
	report_lines_row(openers->lines,
			 (const char *const[]){ng_prefix_format(&openers->range, range),
					       kinds[openers->reach], text});
}

static void name_openers(struct openers *openers, const struct setup_sandbox *sandbox)
{
	const struct grants *grants = &sandbox->grants;
	for (uint8_t i = 0; i < grants->n_opened; i++) {
		if (ng_prefix_overlaps(&grants->opened[i], &openers->range))
			range_row(openers, &grants->opened[i],
				  i < grants->n_named ? "to allowed names, by its settings,"
						      : "to allowed names, by a zone or rule,");
	}
	for (size_t i = 0; i < grants->n_statics; i++) {
		if (ng_prefix_overlaps(&grants->statics[i].prefix, &openers->range))
			range_row(openers, &grants->statics[i].prefix, "static");
	}
}

static void print_range(struct openers *openers, const size_t *of)
{
	const struct setup *setup = openers->report->setup;
	openers->n = 0;
	for (size_t i = 0; i < setup->n_sandboxes; i++) {
		char names[256];
		if (of[i] != i || setup->specs[i].mode == NG_LOCKDOWN)
			continue;
		openers->sandboxes = report_names(setup, of, i, names, sizeof(names));
		name_openers(openers, &setup->sandboxes[i]);
	}
	if (openers->n == 0)
		range_row(openers, NULL, "nothing");
}

void report_never_print(struct report *report)
{
	static const char *const heads[] = {"range", "opened by", "here opened by", NULL};
	struct report_lines lines = {.doc = &report->doc, .heads = heads, .what = "ranges"};
	struct openers openers = {.report = report, .lines = &lines};
	size_t *of = report_alike(report->setup);
	uint32_t cursor = 0;
	doc_heading(&report->doc, 2, "What can never be reached");
	report_denials_print(report);
	doc_heading(&report->doc, 3, "Closed ranges");
	doc_paragraph(&report->doc,
		      "No answer opens an address in these ranges. The list is the gate's "
		      "own; what opens a part of a range is from %s and its policies. A range "
		      "that no setting opens stays closed though a prefix around it is named.",
		      report->config);
	while (of != NULL && ng_reach_range(&cursor, &openers.range, &openers.reach)) {
		if (openers.reach != NG_REACH_PUBLIC)
			print_range(&openers, of);
	}
	report_lines_end(&lines);
	free(of);
}
