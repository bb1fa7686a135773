/* What judging asks of a ruleset beyond names. */
#pragma once

#include <namegate/policy.h>

/*
 * The client or answer trigger that holds addr: longest prefix. No allocation; at most one binary
 * search for each prefix length there is.
 */
bool ruleset_match_addr(const struct ng_ruleset *ruleset, enum ng_trigger trigger,
			const struct ng_addr *addr, struct ng_match *out);
/*
 * All of them that hold addr, the longest first, one at a time from *cursor (start with 0); false at
 * the end.
 */
bool ruleset_next_addr(const struct ng_ruleset *ruleset, enum ng_trigger trigger,
		       const struct ng_addr *addr, uint32_t *cursor, struct ng_match *out);
/*
 * The same for names: all rules that match name, in the order of their precedence. The first of them
 * is what ng_ruleset_match() finds.
 */
bool ruleset_next_name(const struct ng_ruleset *ruleset, const struct ng_name *name,
		       uint32_t *cursor, struct ng_match *out);
/* Has it triggers of that kind, for addresses? */
bool ruleset_watches(const struct ng_ruleset *ruleset, enum ng_trigger trigger);
