/*
 * The result of a replay for people: for each sandbox what would be worse, what would be else, and
 * what was read; the words that both forms share stand here too.
 */
#include "config.h"

#include "cli/replay.h"

#include <netinet/in.h>
#include <string.h>

#define ROWS_MAX 40 /* of one kind */
#define WHAT_MAX (2 * NG_NAME_TEXT_MAX + 64)

static const struct {
	const char *name, *text;
} kinds[REPLAY_KINDS] = {
	[REPLAY_DENIED] = {"denied", "names that would be denied"},
	[REPLAY_ANSWER] = {"answers", "answers that would be refused"},
	[REPLAY_ALIAS] = {"aliases", "answers that would be refused for an alias"},
	[REPLAY_TYPE] = {"types", "types that would not be answered"},
	[REPLAY_FILTERED] = {"filtered", "answers of which addresses would be taken out"},
	[REPLAY_OWN] = {"own", "names that a rule would answer by itself"},
	[REPLAY_FLOW] = {"flows", "destinations that would not be open"},
	[REPLAY_ALLOWED] = {"allowed", "names that would be allowed, and were denied"},
	[REPLAY_STRICT] = {"strict", "aliases that cname=strict would refuse"},
};

const char *replay_kind_text(enum replay_kind kind)
{
	return kinds[kind].text;
}

const char *replay_kind_name(enum replay_kind kind)
{
	return kinds[kind].name;
}

static const char *flow_text(const struct replay_finding *finding, char out[static WHAT_MAX])
{
	char addr[NG_ADDR_TEXT], name[NG_NAME_TEXT_MAX];
	bool ports = finding->proto == IPPROTO_TCP || finding->proto == IPPROTO_UDP;
	bool six = finding->addr.family == NG_IPV6;
	ng_addr_format(&finding->addr, addr);
	if (ports)
		snprintf(out, WHAT_MAX, "%s%s%s:%u/%s", six ? "[" : "", addr, six ? "]" : "",
			 finding->port, finding->proto == IPPROTO_TCP ? "tcp" : "udp");
	else
		snprintf(out, WHAT_MAX, "%s protocol %u", addr, finding->proto);
	if (finding->name != NULL) {
		size_t len = strlen(out);
		snprintf(out + len, WHAT_MAX - len, " (%s)",
			 ng_name_to_text(finding->name, name));
	}
	return out;
}

static const char *what_text(const struct replay_finding *finding, char out[static WHAT_MAX])
{
	char name[NG_NAME_TEXT_MAX], more[NG_NAME_TEXT_MAX], type[16];
	if (finding->kind == REPLAY_FLOW)
		return flow_text(finding, out);
	ng_name_to_text(finding->name, name);
	if (finding->alias != NULL)
		snprintf(out, WHAT_MAX, "%s -> %s", name,
			 ng_name_to_text(finding->alias, more));
	else if (finding->kind == REPLAY_TYPE)
		snprintf(out, WHAT_MAX, "%s %s", name, ng_type_text(finding->type, type));
	else if (finding->kind == REPLAY_FILTERED && finding->addr.family != NG_NOFAMILY)
		snprintf(out, WHAT_MAX, "%s %s", name, ng_addr_format(&finding->addr, more));
	else
		snprintf(out, WHAT_MAX, "%s", name);
	return out;
}

static const char *use_text(const struct replay_finding *finding)
{
	if (replay_is_worse(finding) || finding->kind > REPLAY_LAST_WORSE)
		return "";
	if (finding->kind == REPLAY_FLOW)
		return finding->proto == IPPROTO_TCP ? "; nothing came back" : "";
	return finding->used ? "" : "; it had no data";
}

static void print_finding(const struct replay_finding *finding)
{
	char what[WHAT_MAX];
	printf("    %8llu  %-40s  ", (unsigned long long)finding->count,
	       what_text(finding, what));
	if (finding->path != NULL)
		printf("%s:%u: ", finding->path, finding->line);
	printf("%s%s\n", finding->reason != NULL ? finding->reason : "", use_text(finding));
}

/* Findings from at on that are of one sandbox and kind; returns how many. */
static size_t print_kind(const struct replay_finding *findings, size_t n)
{
	size_t same = 0, worse = 0;
	while (same < n && findings[same].sandbox == findings[0].sandbox &&
	       findings[same].kind == findings[0].kind)
		worse += replay_is_worse(&findings[same++]);
	printf("  %s: %zu", replay_kind_text(findings[0].kind), same);
	if (findings[0].kind <= REPLAY_LAST_WORSE)
		printf(", in use %zu", worse);
	printf("\n");
	for (size_t i = 0; i < same && i < ROWS_MAX; i++)
		print_finding(&findings[i]);
	if (same > ROWS_MAX)
		printf("    and %zu more; --json has all of them\n", same - ROWS_MAX);
	return same;
}

/* What there was of what is allowed. */
static void print_limits(const struct replay_limits *limits)
{
	char owner[NG_NAME_TEXT_MAX];
	printf("  at most %u of %u questions in a second", limits->queries_most,
	       limits->queries);
	if (limits->over_rate > 0)
		printf("; %llu would be refused", (unsigned long long)limits->over_rate);
	if (limits->budget == NG_BUDGET_OFF)
		printf("\n  no budget of names");
	else if (limits->owner.len == 0)
		printf("\n  nothing of the budget of names");
	else
		printf("\n  at most %llu of %llu octets of the budget of names, below %s",
		       (unsigned long long)limits->out_most, (unsigned long long)limits->store,
		       ng_name_to_text(&limits->owner, owner));
	if (limits->over_budget > 0)
		printf("; %llu questions would be denied for it",
		       (unsigned long long)limits->over_budget);
	printf("\n");
}

static void print_sandbox(const struct replay_call *call, const struct setup_sandbox *sandbox)
{
	const struct replay_totals *totals = replay_totals(call->replay, sandbox);
	size_t n;
	const struct replay_finding *findings = replay_findings(call->replay, &n);
	if (totals->questions + totals->answers + totals->flows == 0)
		return;
	printf("sandbox %s: %llu questions and %llu answers for %llu names, %llu flows\n",
	       sandbox->spec->name, (unsigned long long)totals->questions,
	       (unsigned long long)totals->answers, (unsigned long long)totals->names,
	       (unsigned long long)totals->flows);
	for (size_t at = 0; at < n;)
		at += findings[at].sandbox == sandbox ? print_kind(findings + at, n - at) : 1;
	if (call->limits)
		print_limits(&totals->limits);
	if (totals->stay_denied > 0)
		printf("  names that stay denied: %llu\n",
		       (unsigned long long)totals->stay_denied);
	if (totals->flows_before > 0)
		printf("  flows begun before the capture, not judged: %llu\n",
		       (unsigned long long)totals->flows_before);
	if (totals->unlisted > 0)
		printf("  refusals of more names and destinations than are kept: %llu\n",
		       (unsigned long long)totals->unlisted);
	uint64_t worse = replay_worse(call, sandbox);
	if (worse > 0)
		printf("  what would be worse: %llu\n\n", (unsigned long long)worse);
	else
		printf("  nothing would be worse\n\n");
}

void replay_print(const struct replay_call *call)
{
	const struct ng_addr *addrs;
	size_t n = replay_stranger_addrs(call->replay, &addrs);
	char text[NG_ADDR_TEXT];
	for (size_t i = 0; i < call->setup->n_sandboxes; i++)
		print_sandbox(call, &call->setup->sandboxes[i]);
	captures_print(traffic_counts(call->traffic), "", stdout);
	if (n == 0)
		return;
	printf("left out: %llu questions, answers and flows of no sandbox of the draft:",
	       (unsigned long long)replay_strangers(call->replay));
	for (size_t i = 0; i < n; i++)
		printf(" %s", ng_addr_format(&addrs[i], text));
	printf("\n");
}
