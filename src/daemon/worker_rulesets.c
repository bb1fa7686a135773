/*
 * Rulesets from main.
 *
 * The digest names the content, so a ruleset that many sandboxes use exists once, and a reload
 * that changes nothing moves nothing. The image is checked as any input from outside: main is
 * trusted to choose the policy, but a descriptor that could be written to or cut short after the
 * check would turn a later read into a fault, so the kernel has to promise that it cannot be.
 */
#include "config.h"
#include "daemon/worker_rulesets.h"

#include "edge/sealed.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define COPY_MAX  (64u << 10)
#define IMAGE_MAX (UINT64_C(1) << 30)
#define USES_MAX  (NG_SCOPES * NG_RULESETS_MAX + 1) /* and the approvals */

/* ---- one ruleset ---- */

static void octets_free(struct ruleset *ruleset)
{
	if (ruleset->mapped)
		sealed_unmap(ruleset->octets, ruleset->len);
	else
		free(ruleset->octets);
}

static void ruleset_free(struct ruleset *ruleset)
{
	ng_ruleset_close(ruleset->open);
	octets_free(ruleset);
	free(ruleset);
}

static int octets_copy(struct ruleset *ruleset, int fd)
{
	size_t have = 0;

	ruleset->octets = malloc(ruleset->len);
	if (!ruleset->octets)
		return NG_E_NOMEM;
	while (have < ruleset->len) {
		ssize_t got =
			pread(fd, ruleset->octets + have, ruleset->len - have, (off_t)have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NG_E_IO;
		have += (size_t)got;
	}
	return NG_OK;
}

static int octets_map(struct ruleset *ruleset, int fd)
{
	int code = sealed_map(fd, ruleset->len, &ruleset->octets);

	ruleset->mapped = code == NG_OK;
	return code;
}

static int ruleset_make(uint64_t id, uint64_t len, int fd, struct ruleset **out)
{
	struct ruleset *ruleset;
	int code;

	if (!len || len > IMAGE_MAX || !sealed_is(fd, len))
		return NG_E_FORMAT;
	ruleset = calloc(1, sizeof(*ruleset));
	if (!ruleset)
		return NG_E_NOMEM;
	ruleset->id = id;
	ruleset->len = (size_t)len;
	code = len <= COPY_MAX ? octets_copy(ruleset, fd) : octets_map(ruleset, fd);
	if (!code)
		code = ng_ruleset_open(ruleset->octets, ruleset->len, &ruleset->open);
	if (!code && ng_ruleset_digest(ruleset->open) != id)
		code = NG_E_FORMAT;
	if (code) {
		ruleset_free(ruleset);
		return code;
	}
	*out = ruleset;
	return NG_OK;
}

/* ---- the table ---- */

static struct ruleset *find(const struct rulesets *rulesets, uint64_t id)
{
	struct ruleset *ruleset;

	HASH_FIND(hh, rulesets->by_id, &id, sizeof(id), ruleset);
	return ruleset;
}

int rulesets_add(struct rulesets *rulesets, uint64_t id, uint64_t len, int fd)
{
	struct ruleset *ruleset = find(rulesets, id);
	int code = NG_OK;

	if (!ruleset) {
		code = ruleset_make(id, len, fd, &ruleset);
		if (!code) {
			HASH_ADD(hh, rulesets->by_id, id, sizeof(ruleset->id), ruleset);
			if (!ruleset->hh.tbl) {
				ruleset_free(ruleset);
				code = NG_E_NOMEM;
			}
		}
	}
	close(fd);
	return code;
}

const struct ng_ruleset *rulesets_find(const struct rulesets *rulesets, uint64_t id)
{
	const struct ruleset *ruleset = find(rulesets, id);

	return ruleset ? ruleset->open : NULL;
}

void rulesets_collect(struct rulesets *rulesets)
{
	struct ruleset *ruleset, *spare;

	HASH_ITER (hh, rulesets->by_id, ruleset, spare) {
		if (ruleset->users)
			continue;
		HASH_DEL(rulesets->by_id, ruleset);
		ruleset_free(ruleset);
	}
}

/* ---- who uses what ---- */

static struct member *member_make(const struct rulesets *rulesets,
				  const struct ng_sandbox *sandbox)
{
	struct ruleset *uses[USES_MAX];
	struct member *member;
	uint8_t n = 0;

	for (size_t scope = 0; scope < NG_SCOPES; scope++)
		for (uint8_t i = 0; i < sandbox->policy.scopes[scope].n; i++) {
			uint64_t id =
				ng_ruleset_digest(sandbox->policy.scopes[scope].sources[i]);
			uses[n++] = find(rulesets, id);
		}
	if (sandbox->policy.approvals)
		uses[n++] = find(rulesets, ng_ruleset_digest(sandbox->policy.approvals));
	member = calloc(1, sizeof(*member) + n * sizeof(*uses));
	if (!member)
		return NULL;
	member->id = sandbox->id;
	member->n = n;
	for (uint8_t i = 0; i < n; i++)
		member->uses[i] = uses[i];
	return member;
}

void rulesets_forget(struct member *prepared)
{
	struct member *member, *spare;

	HASH_ITER (hh, prepared, member, spare) {
		HASH_DEL(prepared, member);
		free(member);
	}
}

/* Of two with one id the later counts; the engine refuses such a generation anyway. */
int rulesets_prepare(const struct rulesets *rulesets, const struct ng_sandbox *sandboxes,
		     size_t n, struct member **out)
{
	struct member *prepared = NULL;

	for (size_t i = 0; i < n; i++) {
		struct member *member = member_make(rulesets, &sandboxes[i]), *twin = NULL;

		if (member) {
			HASH_REPLACE(hh, prepared, id, sizeof(member->id), member, twin);
			free(twin);
		}
		if (!member || !member->hh.tbl) {
			free(member);
			rulesets_forget(prepared);
			return NG_E_NOMEM;
		}
	}
	*out = prepared;
	return NG_OK;
}

static void member_drop(struct rulesets *rulesets, struct member *member)
{
	for (uint8_t i = 0; i < member->n; i++)
		member->uses[i]->users--;
	HASH_DEL(rulesets->members, member);
	free(member);
}

void rulesets_release(struct rulesets *rulesets, uint32_t sandbox)
{
	struct member *member;

	HASH_FIND(hh, rulesets->members, &sandbox, sizeof(sandbox), member);
	if (member)
		member_drop(rulesets, member);
}

static void count_in(struct member *prepared)
{
	struct member *member, *spare;

	HASH_ITER (hh, prepared, member, spare) {
		for (uint8_t i = 0; i < member->n; i++)
			member->uses[i]->users++;
	}
}

/* One sandbox: its claim moves to the table. Without memory for that its rulesets stay for good. */
static void take_each(struct rulesets *rulesets, struct member *prepared)
{
	struct member *member, *spare;

	HASH_ITER (hh, prepared, member, spare) {
		rulesets_release(rulesets, member->id);
		HASH_DEL(prepared, member);
		HASH_ADD(hh, rulesets->members, id, sizeof(member->id), member);
		if (!member->hh.tbl)
			free(member);
	}
}

void rulesets_take(struct rulesets *rulesets, struct member *prepared, bool whole)
{
	struct member *member, *spare;

	count_in(prepared);
	if (!whole) {
		take_each(rulesets, prepared);
		return;
	}
	HASH_ITER (hh, rulesets->members, member, spare) {
		member_drop(rulesets, member);
	}
	rulesets->members = prepared;
}

void rulesets_finish(struct rulesets *rulesets)
{
	if (!rulesets)
		return;
	rulesets_take(rulesets, NULL, true);
	rulesets_collect(rulesets);
}
