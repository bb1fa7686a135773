/*
 * What each sandbox can reach: names and wildcards that are allowed or asked about, with what bounds
 * them, static addresses, and ranges that are opened besides.
 *
 * A rule counts when the whole policy decides by it: of a name the decision on that name, of a
 * wildcard that on a name below it that no other rule speaks of. So what a wider scope denies, or a
 * source listed before it, is not shown as reachable.
 */
#include "config.h"
#include "cli/report.h"

#include "offline/explain_words.h"

#include <namegate/message.h>
#include <stdlib.h>
#include <string.h>

/* A name below owner that nobody else's rule is about, as far as there is room for one. */
static bool below(const struct ng_name *owner, struct ng_name *out)
{
	static const char label[] = "any-name-of-namegate-report";
	const uint8_t len = sizeof(label) - 1;
	if (owner->len + len + 1u > NG_NAME_MAX)
		return false;
	out->wire[0] = len;
	memcpy(out->wire + 1, label, len);
	memcpy(out->wire + 1 + len, owner->wire, owner->len);
	out->len = (uint8_t)(owner->len + len + 1);
	return true;
}

static bool same_rule(const struct ng_match *a, const struct ng_match *b)
{
	return a->ruleset == b->ruleset && a->line == b->line && a->column == b->column &&
	       a->wildcard == b->wildcard && a->labels == b->labels;
}

/* The name, with the client that asks, as far as one is known. */
static struct ng_subject subject_of(const struct ng_name *asked, const struct ng_addr *client)
{
	return (struct ng_subject){.names = asked,
				   .n_names = 1,
				   .client = ng_addr_len(client) > 0 ? client : NULL};
}

static void judge(const struct setup_sandbox *sandbox, const struct ng_name *asked,
		  struct ng_decision *out)
{
	const struct ng_addr client = explain_client(sandbox->spec);
	const struct ng_subject subject = subject_of(asked, &client);
	ng_policy_judge(&sandbox->spec->policy, &subject, out);
}

bool report_client_rule(const struct setup_sandbox *sandbox, struct ng_decision *out)
{
	const struct ng_name root = {.len = 1};
	struct ng_name asked;
	if (!explain_watches_clients(&sandbox->spec->policy) || !below(&root, &asked))
		return false;
	judge(sandbox, &asked, out);
	return out->matched && out->match.trigger == NG_TRIGGER_CLIENT;
}

/* Is it this rule that decides, with that verdict? */
static bool decides(const struct setup_sandbox *sandbox, const struct ng_name *owner,
		    const struct ng_match *match, enum ng_verdict wanted, struct ng_name *asked)
{
	struct ng_decision decision;
	*asked = *owner;
	if (match->wildcard && !below(owner, asked))
		return false;
	judge(sandbox, asked, &decision);
	return decision.matched && decision.verdict == wanted &&
	       same_rule(&decision.match, match);
}

static void types_text(const struct ng_bounds *bounds, char *out, size_t size)
{
	char number[16];
	size_t at = 0;
	snprintf(out, size, "A, AAAA");
	for (uint8_t i = 0; i < bounds->n_types && at < size; i++) {
		int len = snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "",
				   ng_type_text(bounds->types[i], number));
		at += len > 0 ? (size_t)len : 0;
	}
}

static size_t walk_ruleset(const struct setup_sandbox *sandbox, enum ng_verdict verdict,
			   bool wildcards, const struct ng_ruleset *ruleset,
			   report_rule_fn *visit, void *context)
{
	struct ng_name owner, asked;
	struct ng_match match;
	uint32_t cursor = 0;
	size_t n = 0;
	while (ng_ruleset_rule(ruleset, &cursor, &owner, &match)) {
		if (match.disabled || match.wildcard != wildcards ||
		    !decides(sandbox, &owner, &match, verdict, &asked))
			continue;
		n++;
		if (visit != NULL)
			visit(context, &owner, &match, &asked);
	}
	return n;
}

size_t report_each_rule(const struct setup_sandbox *sandbox, enum ng_verdict verdict,
			bool wildcards, report_rule_fn *visit, void *context)
{
	const struct ng_policy *policy = &sandbox->spec->policy;
	size_t n = 0;
	for (size_t scope = 0; scope < NG_SCOPES; scope++)
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++)
			n += walk_ruleset(sandbox, verdict, wildcards,
					  policy->scopes[scope].sources[i], visit, context);
	return n;
}

/* ---- printing ---- */

struct reach {
	const struct setup_sandbox *sandbox;
	enum ng_verdict verdict;
	struct report_lines lines;
};

static void rule_row(void *context, const struct ng_name *owner, const struct ng_match *match,
		     const struct ng_name *asked)
{
	struct reach *reach = context;
	const struct ng_addr client = explain_client(reach->sandbox->spec);
	const struct ng_subject subject = subject_of(asked, &client);
	char name[REPORT_OWNER], ports[NG_PORTS_MAX * 12], types[NG_TYPES_MAX * 16],
		rule[NG_PATH_MAX + 16];
	struct ng_bounds bounds = {0};
	if (reach->verdict == NG_ALLOW)
		ng_policy_bounds(&reach->sandbox->spec->policy, &subject, &bounds);
	else
		ng_match_bounds(match, &bounds);
	types_text(&bounds, types, sizeof(types));
	snprintf(rule, sizeof(rule), "%s:%u", match->path, match->line);
	report_lines_row(&reach->lines,
			 (const char *const[]){report_owner(owner, match->wildcard, name),
					       report_ports(bounds.ports, bounds.n_ports, ports,
							    sizeof(ports)),
					       types, rule});
}

static void print_rules(struct report *report, const struct setup_sandbox *sandbox,
			enum ng_verdict verdict, bool wildcards, const char *what)
{
	static const char *const heads[] = {"name", "ports", "types", "rule", NULL};
	struct reach reach = {.sandbox = sandbox, .verdict = verdict};
	size_t n = report_each_rule(sandbox, verdict, wildcards, NULL, NULL);
	if (n == 0)
		return;
	reach.lines = (struct report_lines){
		.doc = &report->doc, .heads = heads, .what = what, .total = n};
	doc_paragraph(&report->doc, "%zu %s", n, what);
	report_each_rule(sandbox, verdict, wildcards, rule_row, &reach);
	report_lines_end(&reach.lines);
}

static void print_statics(struct report *report, const struct setup_sandbox *sandbox)
{
	static const char *const heads[] = {"address or prefix", "port", NULL};
	const struct grants *grants = &sandbox->grants;
	struct report_lines lines = {.doc = &report->doc,
				     .heads = heads,
				     .what = "static prefixes",
				     .total = grants->n_statics};
	if (grants->n_statics == 0)
		return;
	doc_paragraph(&report->doc,
		      "%zu static addresses or prefixes, open without any question",
		      grants->n_statics);
	for (size_t i = 0; i < grants->n_statics; i++) {
		const struct wall_static *one = &grants->statics[i];
		const struct ng_port port = {one->proto, one->port};
		char prefix[NG_PREFIX_TEXT], text[32];
		report_lines_row(&lines, (const char *const[]){
						 ng_prefix_format(&one->prefix, prefix),
						 report_ports(&port, 1, text, sizeof(text))});
	}
	report_lines_end(&lines);
}

static void print_opened(struct report *report, const struct setup_sandbox *sandbox)
{
	char text[NG_PRIVATE_MAX * (NG_PREFIX_TEXT + 2)] = "", prefix[NG_PREFIX_TEXT];
	size_t at = 0;
	for (uint8_t i = 0; i < sandbox->grants.n_opened && at < sizeof(text); i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s", i > 0 ? ", " : "",
				       ng_prefix_format(&sandbox->grants.opened[i], prefix));
	if (at > 0)
		doc_paragraph(&report->doc,
			      "Private ranges that allowed names may open for it, by its own "
			      "settings, its rules, and forward zones: %s.",
			      text);
}

static void print_client(struct report *report, const struct setup_sandbox *sandbox)
{
	struct ng_decision decision;
	char prefix[NG_PREFIX_TEXT];
	if (report_client_rule(sandbox, &decision))
		doc_paragraph(&report->doc,
			      "Every name that no rule below speaks of is %s, by the rule "
			      "about the client %s at %s:%u.",
			      decision.verdict == NG_ALLOW ? "ALLOWED" : "denied",
			      ng_prefix_format(&decision.match.prefix, prefix),
			      decision.match.path, decision.match.line);
}

static void print_sandbox(struct report *report, const size_t *of, size_t i)
{
	static const char *const modes[] = {
		[NG_LOCKDOWN] = "lockdown: nothing passes, whatever the rules say",
		[NG_ENFORCE] = "enforce",
		[NG_OBSERVE] = "observe: everything passes but what is never open, and is "
			       "recorded; here is what enforce would allow"};
	const struct setup_sandbox *sandbox = &report->setup->sandboxes[i];
	char names[256];
	doc_heading(&report->doc, 3, report_names(report->setup, of, i, names, sizeof(names)));
	doc_paragraph(&report->doc, "Mode: %s.", modes[sandbox->spec->mode]);
	if (sandbox->spec->mode == NG_LOCKDOWN)
		return;
	print_client(report, sandbox);
	print_rules(report, sandbox, NG_ALLOW, false, "allowed by name");
	print_rules(report, sandbox, NG_ALLOW, true, "allowed by wildcard");
	print_rules(report, sandbox, NG_ASK, false, "to be approved, by name");
	print_rules(report, sandbox, NG_ASK, true, "to be approved, by wildcard");
	print_statics(report, sandbox);
	print_opened(report, sandbox);
}

void report_reach_print(struct report *report)
{
	size_t *of = report_alike(report->setup);
	doc_heading(&report->doc, 2, "What each sandbox can reach");
	doc_paragraph(
		&report->doc,
		"Of %s and its policies: every rule by which the whole policy decides. An "
		"allowed name opens the addresses that it resolves to, for as long as its "
		"lease. Of rules that look at clients, those for the first single source of a "
		"sandbox count; rules that look at addresses are not listed. Sandboxes of "
		"the same policy stand together; those registered at run time are not in a "
		"configuration.",
		report->config);
	for (size_t i = 0; of != NULL && i < report->setup->n_sandboxes; i++) {
		if (of[i] == i)
			print_sandbox(report, of, i);
	}
	if (report->setup->n_sandboxes == 0)
		doc_paragraph(&report->doc, "The configuration has no sandbox.");
	free(of);
}
