/*
 * From the tables to findings: by sandbox, by kind, and the most frequent first.
 */
#include "config.h"
#include "offline/replay_inside.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct replay_finding *finding_add(struct replay *replay, enum replay_kind kind,
					  const struct setup_sandbox *sandbox)
{
	struct replay_finding *finding = &replay->findings[replay->n_findings++];

	*finding = (struct replay_finding){.kind = kind, .sandbox = sandbox};
	return finding;
}

/* ---- names ---- */

/*
 * A name is in use when it was answered with data, or when no answer to it was recorded: then nobody
 * knows. What was denied all along stays as it is, and is only counted.
 */
static void denied_find(struct replay *replay, const struct asked *asked)
{
	const struct ng_decision *decision = &asked->decision;
	struct replay_finding *finding;

	if (asked->denied && !asked->answered) {
		totals_of(replay, asked->sandbox)->stay_denied++;
		return;
	}
	finding = finding_add(replay, REPLAY_DENIED, asked->sandbox);
	finding->name = &asked->key.name;
	finding->count = larger(asked->queries, asked->responses);
	finding->used = asked->answered || !asked->responses;
	finding->ask = decision->verdict == NG_ASK;
	finding->path = decision->matched ? decision->match.path : NULL;
	finding->line = decision->matched ? decision->match.line : 0;
	finding->reason = asked->sandbox->spec->mode == NG_LOCKDOWN
				  ? "the sandbox is in lockdown"
			  : finding->ask  ? "the rule says to ask first"
			  : finding->path ? "the rule denies it"
					  : "no rule: default deny";
}

static void allowed_find(struct replay *replay, const struct asked *asked)
{
	struct replay_finding *finding;

	if (!asked->denied)
		return;
	finding = finding_add(replay, REPLAY_ALLOWED, asked->sandbox);
	finding->name = &asked->key.name;
	finding->count = asked->denied;
	finding->path = asked->decision.match.path;
	finding->line = asked->decision.match.line;
	finding->reason = "it was denied when it was recorded";
}

static void note_find(struct replay *replay, const struct asked *asked, enum replay_kind kind)
{
	const struct note *note = asked->notes[kind];
	struct replay_finding *finding;

	if (!note)
		return;
	finding = finding_add(replay, kind, asked->sandbox);
	finding->name = &asked->key.name;
	finding->alias = note->alias.len ? &note->alias : NULL;
	finding->type = note->type;
	finding->addr = note->addr;
	finding->count = note->count;
	finding->used = note->used > 0;
	finding->path = note->path;
	finding->line = note->line;
	finding->reason = kind == REPLAY_STRICT ? "this alias has no rule" : note->reason;
}

static void name_find(struct replay *replay, const struct asked *asked)
{
	if (asked->decision.verdict == NG_ALLOW)
		allowed_find(replay, asked);
	else
		denied_find(replay, asked);
	for (int kind = 0; kind < REPLAY_KINDS; kind++)
		note_find(replay, asked, (enum replay_kind)kind);
}

/* ---- destinations ---- */

static const char *const shut_reasons[REPLAY_SHUTS] = {
	[REPLAY_UNNAMED] = "no recorded answer gave this address",
	[REPLAY_REFUSED] = "the answer that gave it would be refused",
	[REPLAY_LATE] = "the lease would have ended",
	[REPLAY_PORT] = "the rule does not open this port",
};

static const char *closed_reason(const struct reached *reached)
{
	static const char *const reasons[] = {
		[TRIAL_NEVER] = "no setting opens this range",
		[TRIAL_HIDDEN] = "ports of encrypted DNS are closed",
		[TRIAL_LOCKDOWN] = "the sandbox is in lockdown",
		[TRIAL_FAMILY] = "the sandbox has no source of that family",
	};

	if (reached->key.proto != IPPROTO_TCP && reached->key.proto != IPPROTO_UDP)
		return "only TCP and UDP pass";
	return (size_t)reached->how < sizeof(reasons) / sizeof(reasons[0])
		       ? reasons[reached->how]
		       : NULL;
}

/* A TCP connection that nobody took up was of no use. Of other protocols nobody knows. */
static bool is_used(const struct reached *reached)
{
	return !reached->redirected && (reached->key.proto != IPPROTO_TCP || reached->back);
}

static void flow_find(struct replay *replay, const struct reached *reached)
{
	enum replay_shut most = REPLAY_OPEN;
	struct replay_finding *finding;
	uint64_t count = 0;

	for (int shut = REPLAY_OPEN + 1; shut < REPLAY_SHUTS; shut++) {
		count += reached->shut[shut];
		if (reached->shut[shut] > reached->shut[most])
			most = (enum replay_shut)shut;
	}
	if (!count)
		return;
	finding = finding_add(replay, REPLAY_FLOW, reached->sandbox);
	finding->name = reached->asked ? &reached->asked->key.name : NULL;
	finding->addr = reached->key.addr;
	finding->proto = reached->key.proto;
	finding->port = reached->key.port;
	finding->shut = most;
	finding->count = count;
	finding->packets = reached->packets;
	finding->used = is_used(reached);
	finding->reason = most == REPLAY_CLOSED ? closed_reason(reached) : shut_reasons[most];
}

/* ---- the whole ---- */

bool replay_is_worse(const struct replay_finding *finding)
{
	if (finding->kind > REPLAY_LAST_WORSE || !finding->used)
		return false;
	if (finding->kind == REPLAY_OWN) /* another answer, not none */
		return false;
	/* Clients that get no service records ask for addresses. */
	return finding->kind != REPLAY_TYPE ||
	       (finding->type != NG_TYPE_HTTPS && finding->type != NG_TYPE_SVCB);
}

static int by_rank(const void *left, const void *right)
{
	const struct replay_finding *a = left, *b = right;

	if (a->sandbox != b->sandbox)
		return a->sandbox < b->sandbox ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (replay_is_worse(a) != replay_is_worse(b))
		return replay_is_worse(a) ? -1 : 1;
	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return 0; /* qsort() of glibc is stable: in order of appearance */
}

/* Two kinds at most besides the notes for each name. */
static size_t findings_most(const struct replay *replay)
{
	const struct asked *asked;
	size_t n = HASH_COUNT(replay->reached) + HASH_COUNT(replay->asked) + 1;

	for (asked = replay->asked; asked; asked = asked->hh.next) {
		for (int kind = 0; kind < REPLAY_KINDS; kind++)
			n += asked->notes[kind] != NULL;
	}
	return n;
}

int findings_make(struct replay *replay)
{
	const struct reached *reached;
	const struct asked *asked;

	free(replay->findings);
	replay->n_findings = 0;
	replay->findings = calloc(findings_most(replay), sizeof(*replay->findings));
	if (!replay->findings)
		return NG_E_NOMEM;
	for (asked = replay->asked; asked; asked = asked->hh.next)
		name_find(replay, asked);
	for (reached = replay->reached; reached; reached = reached->hh.next)
		flow_find(replay, reached);
	qsort(replay->findings, replay->n_findings, sizeof(*replay->findings), by_rank);
	for (size_t i = 0; i < replay->n_findings; i++) {
		const struct replay_finding *finding = &replay->findings[i];

		if (replay_is_worse(finding))
			totals_of(replay, finding->sandbox)->worse[finding->kind]++;
	}
	return NG_OK;
}

const struct replay_finding *replay_findings(const struct replay *replay, size_t *n)
{
	*n = replay->n_findings;
	return replay->findings;
}
