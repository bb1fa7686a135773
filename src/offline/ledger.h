/*
 * What the store remembers of policy: its versions and what each changed, the sandboxes that came
 * and went, the approvals that were given and taken back. Readable while namegated runs, by root
 * and by the user that main runs as.
 *
 * All rows are copied at one moment. What the functions below point to is good as long as the
 * ledger is.
 */
#pragma once

#include "edge/registry_history.h"

#include <namegate/policy.h>

#define LEDGER_WHY 512

struct ledger;

/* As history_read(), with the same errors. */
int ledger_read(const char *store, struct ledger **out,
		char why[static LEDGER_WHY]) NG_MUST_CHECK;
void ledger_free(struct ledger *ledger); /* takes NULL */

struct ledger_version {
	uint64_t number, at_s;
	uint32_t sources, changes; /* how many; changes against the version before */
	const uint8_t *rows;
	size_t len;
};
/* The version behind *cursor (start with 0), oldest first; false at the end. */
bool ledger_version(const struct ledger *ledger, size_t *cursor, struct ledger_version *out);

struct ledger_change {
	char name[NG_PATH_MAX];
	uint64_t was, is; /* digests; 0: the source was not there, or is not any more */
	uint64_t was_rules, rules;
};
/* The change of that version behind *cursor (start with 0); false at the end. */
bool ledger_change(const struct ledger_version *version, size_t *cursor,
		   struct ledger_change *out);

struct ledger_source { /* of the last version */
	char name[NG_PATH_MAX];
	uint64_t digest, rules;
	uint64_t version; /* since which it is so */
};
/* By name. */
bool ledger_source(const struct ledger *ledger, size_t *cursor, struct ledger_source *out);

struct ledger_event {
	uint64_t at_s;
	enum registry_event what;
	uint32_t sandbox; /* its id; 0 of a note */
	const char *text; /* the sandbox's name, or the note on an approval: a JSON object */
	size_t len;
};
/* Sandboxes, then approvals, each oldest first. */
bool ledger_event(const struct ledger *ledger, size_t *cursor, struct ledger_event *out);

/*
 * The compiled source of that digest, ready to be asked; borrows from the ledger. NG_E_NOTFOUND: it
 * is not kept any more. NG_E_FORMAT, NG_E_NOMEM.
 */
int ledger_ruleset(const struct ledger *ledger, uint64_t digest,
		   struct ng_ruleset **out) NG_MUST_CHECK;
