/*
 * The rules of a source in the order of the name tree: which rules stand at and below a name. A
 * verdict changes, from one name to another below the same owner, only where a rule stands, so the
 * names in here and one name below each of them stand for all.
 */
#pragma once

#include <namegate/policy.h>

struct below;

/* Owns a copy of all owner names; the ruleset may go. NG_E_NOMEM. */
int below_create(const struct ng_ruleset *ruleset, struct below **out) NG_MUST_CHECK;
void below_free(struct below *below); /* takes NULL */
/* The owners at or below top (lower-cased) are those from *first on, before the number returned. */
size_t below_range(const struct below *below, const struct ng_name *top, size_t *first);
void below_name(const struct below *below, size_t index, struct ng_name *out);
