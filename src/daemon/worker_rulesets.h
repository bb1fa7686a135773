/*
 * Compiled policy sources that main handed over, by digest, each kept while a sandbox uses it.
 *
 * A small image is copied and its descriptor closed; a large one is mapped read-only, so that all
 * workers share its pages. An image that could still change under us is refused.
 */
#pragma once

#include <namegate/gate.h>
#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct ruleset {
	uint64_t id;
	uint32_t users;
	uint8_t *octets;
	size_t len;
	bool mapped;
	struct ng_ruleset *open;
	UT_hash_handle hh;
};

struct member { /* one sandbox's claim on its rulesets */
	uint32_t id;
	uint8_t n;
	UT_hash_handle hh;
	struct ruleset *uses[];
};

struct rulesets { /* the zero value is empty */
	struct ruleset *by_id;
	struct member *members;
};

void rulesets_finish(struct rulesets *rulesets); /* takes NULL */
/*
 * Takes the image behind fd over, and closes fd in any case; one that is known already is not
 * read again. NG_E_FORMAT (not sealed, not len octets, no image), NG_E_IO, NG_E_NOMEM.
 */
int rulesets_add(struct rulesets *rulesets, uint64_t id, uint64_t len, int fd) NG_MUST_CHECK;
const struct ng_ruleset *rulesets_find(const struct rulesets *rulesets, uint64_t id);

/*
 * What these sandboxes use, prepared: nothing counts before rulesets_take(). NG_E_NOMEM.
 * Engine calls that can fail stand between the two.
 */
int rulesets_prepare(const struct rulesets *rulesets, const struct ng_sandbox *sandboxes,
		     size_t n, struct member **out) NG_MUST_CHECK;
void rulesets_forget(struct member *prepared); /* takes NULL */
/* Puts the prepared claims into force; whole: they are all there are, else they replace their own sandboxes'. */
void rulesets_take(struct rulesets *rulesets, struct member *prepared, bool whole);
void rulesets_release(struct rulesets *rulesets, uint32_t sandbox);
/* Closes what nobody uses. The engine must hold none of it any more. */
void rulesets_collect(struct rulesets *rulesets);
