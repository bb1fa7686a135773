/*
 * How much each wildcard lets a sandbox tell the world by the names that it asks for.
 *
 * A question below a wildcard goes to whoever serves it, and its labels are the sandbox's to choose:
 * of the 255 octets of a name (RFC 1035 2.3.4) what the owner name leaves, less an octet for the
 * length of each label of at most 63. Capital letters carry nothing, since the gate asks in a case
 * of its own; the figure counts whole octets all the same, so it is a ceiling. Octets a minute are what the
 * budget lets out by new names; without one, octets a question times the questions that may be asked.
 */
#include "config.h"
#include "cli/report.h"

#include <inttypes.h>
#include <stdlib.h>

/* Octets of data that the labels below owner can carry. */
static unsigned payload(const struct ng_name *owner)
{
	unsigned room = NG_NAME_MAX - owner->len;
	unsigned lengths = (room + NG_LABEL_MAX) / (NG_LABEL_MAX + 1);
	return room - lengths;
}

struct widest {
	size_t n;
	unsigned payload;
};

static void widest_note(void *context, const struct ng_name *owner,
			const struct ng_match *match, const struct ng_name *asked)
{
	struct widest *widest = context;
	unsigned octets = payload(owner);
	(void)match;
	(void)asked;
	widest->n++;
	if (octets > widest->payload)
		widest->payload = octets;
}

static uint32_t budget_of(const struct setup *setup, size_t i)
{
	const struct ng_sandbox *spec = setup->sandboxes[i].spec;
	if (spec->mode == NG_OBSERVE)
		return NG_BUDGET_OFF;
	return spec->budget ? spec->budget : ng_settings_full(&setup->settings).budget;
}

/* What is observed may ask for every name, and so may whom a rule about clients allows: one wildcard. */
static struct widest widest_of(const struct setup_sandbox *sandbox)
{
	static const struct ng_name root = {.len = 1};
	struct widest widest = {0};
	struct ng_decision client;
	if (sandbox->spec->mode == NG_LOCKDOWN)
		return widest;
	report_each_rule(sandbox, NG_ALLOW, true, widest_note, &widest);
	if (sandbox->spec->mode == NG_OBSERVE ||
	    (report_client_rule(sandbox, &client) && client.verdict == NG_ALLOW))
		widest_note(&widest, &root, NULL, NULL);
	return widest;
}

struct report_ceiling report_ceiling_of(const struct setup *setup, size_t i)
{
	const uint64_t minutes = 24 * 60;
	const struct ng_limits limits = ng_settings_full(&setup->settings).limits;
	const struct widest widest = widest_of(&setup->sandboxes[i]);
	const uint32_t budget = budget_of(setup, i);
	struct report_ceiling out = {.wildcards = widest.n,
				     .queries_s = limits.queries_sandbox,
				     .leases = limits.leases_sandbox,
				     .bounded = budget != NG_BUDGET_OFF};
	if (setup->sandboxes[i].spec->mode == NG_LOCKDOWN)
		out.queries_s = out.leases = 0;
	out.octets_day = out.bounded
				 ? (uint64_t)budget * (minutes + NG_BUDGET_MINUTES) * widest.n
				 : (uint64_t)widest.payload * out.queries_s * minutes * 60;
	return out;
}

struct ceilings {
	struct report *report;
	uint32_t budget; /* octets a minute, or NG_BUDGET_OFF */
	uint32_t queries_s;
	struct report_lines lines;
};

static void ceiling_row(void *context, const struct ng_name *owner,
			const struct ng_match *match, const struct ng_name *asked)
{
	struct ceilings *ceilings = context;
	char name[REPORT_OWNER], octets[16], minute[24], once[24], rule[NG_PATH_MAX + 16];
	uint64_t most = (uint64_t)payload(owner) * ceilings->queries_s;
	bool bounded = ceilings->budget != NG_BUDGET_OFF;
	(void)asked;
	snprintf(octets, sizeof(octets), "%u", payload(owner));
	snprintf(rule, sizeof(rule), "%s:%u", match->path, match->line);
	snprintf(minute, sizeof(minute), "%" PRIu64, bounded ? ceilings->budget : most * 60);
	snprintf(once, sizeof(once), "%" PRIu64,
		 bounded ? (uint64_t)ceilings->budget * NG_BUDGET_MINUTES : most);
	report_lines_row(&ceilings->lines,
			 (const char *const[]){report_owner(owner, true, name), octets, minute,
					       once, rule});
}

static void print_sandbox(struct report *report, const size_t *of, size_t i)
{
	static const char *const heads[] = {
		"wildcard", "octets a question", "octets a minute", "octets at once", "rule",
		NULL};
	const struct setup_sandbox *sandbox = &report->setup->sandboxes[i];
	char names[256];
	struct ng_decision client;
	const struct ng_settings settings = ng_settings_full(&report->setup->settings);
	struct ceilings ceilings = {.report = report,
				    .budget = budget_of(report->setup, i),
				    .queries_s = settings.limits.queries_sandbox};
	size_t n = report_each_rule(sandbox, NG_ALLOW, true, NULL, NULL);
	report_names(report->setup, of, i, names, sizeof(names));
	doc_heading(&report->doc, 3, names);
	if (sandbox->spec->mode == NG_LOCKDOWN) {
		doc_paragraph(&report->doc, "In lockdown no question leaves: 0.");
		return;
	}
	if (sandbox->spec->mode == NG_OBSERVE)
		doc_paragraph(&report->doc, "While it is only observed every name is asked "
					    "for, and no budget is kept.");
	if (report_client_rule(sandbox, &client) && client.verdict == NG_ALLOW)
		doc_paragraph(&report->doc,
			      "The rule about clients at %s:%u allows every name; all of them "
			      "share one budget.",
			      client.match.path, client.match.line);
	else if (n == 0)
		doc_paragraph(&report->doc, "No wildcard is allowed: names alone, as they "
					    "stand, leave for upstream servers.");
	if (n == 0)
		return;
	ceilings.lines = (struct report_lines){
		.doc = &report->doc, .heads = heads, .what = "wildcards", .total = n};
	report_each_rule(sandbox, NG_ALLOW, true, ceiling_row, &ceilings);
	report_lines_end(&ceilings.lines);
}

void report_ceilings_print(struct report *report)
{
	size_t *of = report_alike(report->setup);
	doc_heading(&report->doc, 2, "What names can carry out");
	doc_paragraph(
		&report->doc,
		"Octets a question are what RFC 1035 leaves of 255 below the owner name, as "
		"far as labels of 63 go: a bound that every question is held to. Octets a "
		"minute are the budget: what new names below the wildcard may come to, with "
		"the store of %u minutes at once (budget, in namegate.conf(5)); where it is "
		"off, all the %u questions a second that a sandbox may ask "
		"(queries-sandbox). A question that the cache answers, or that is denied, "
		"carries nothing out.",
		NG_BUDGET_MINUTES,
		ng_settings_full(&report->setup->settings).limits.queries_sandbox);
	for (size_t i = 0; of != NULL && i < report->setup->n_sandboxes; i++) {
		if (of[i] == i)
			print_sandbox(report, of, i);
	}
	free(of);
}
