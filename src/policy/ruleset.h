/* What judging asks of a ruleset beyond names. */
#pragma once

#include <namegate/policy.h>

/*
 * The client or answer trigger that holds addr: longest prefix. No allocation; at most one binary
 * search for each prefix length there is.
 */
bool ruleset_match_addr(const struct ng_ruleset *ruleset, enum ng_trigger trigger,
			const struct ng_addr *addr, struct ng_match *out);
/* Has it triggers of that kind, for addresses? */
bool ruleset_watches(const struct ng_ruleset *ruleset, enum ng_trigger trigger);
