/*
 * What administrators decided on names that a rule says to ask about.
 *
 * An approval is a rule of its own: a name, a sandbox or all of them, yes or no, and the wall time
 * at which it ends. The table is a copy of what the registry keeps; each sandbox gets those that
 * concern it as one small list. It is asked only where the policy itself says "ask", so no
 * approval opens what any scope denies.
 */
#pragma once

#include <namegate/name.h>
#include <uthash.h>

#define APPROVALS_MAX 4096
#define APPROVALS_WHY 256

struct daemon;
struct box;

struct approval {
	uint64_t id;
	uint32_t sandbox; /* 0: all */
	bool refused;
	char name[NG_NAME_TEXT_MAX];
	uint64_t made_s, until_s; /* wall time; until_s 0: no end */
	uint32_t uid;             /* who decided */
	UT_hash_handle hh;
};

struct approvals {
	struct approval *by_id;
};

/* The registry's text of an approval, and back. False when it is none. The caller frees the text. */
char *approval_text(const struct approval *approval);
bool approval_read(uint64_t id, const char *text, size_t len, struct approval *out);
/*
 * The lines of a list for one sandbox: a refusal beats an approval, each name stands once.
 * NULL when memory is out; *n says how many lines. The caller frees it.
 */
char *approvals_lines(const struct approvals *approvals, uint32_t sandbox, size_t *n);
/*
 * Does the line for this name mean this name and nothing else? Names come out of queries, and what
 * is a name on the wire may be a wildcard, an address or an instruction in a list.
 */
bool approval_expressible(const char *name);
/* Takes it into the table in place of one on the same name and sandbox, which is given to *old. */
int approvals_put(struct approvals *approvals, const struct approval *wanted,
		  struct approval **old) NG_MUST_CHECK;
void approvals_finish(struct approvals *approvals);
