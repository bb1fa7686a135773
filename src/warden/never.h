/* Destinations that no lease opens, as the kernel's own sets hold them. */
#pragma once

#include "warden/sets.h"

#define NEVER_MAX 32

/* Fills out with disjoint prefixes of that family; returns how many. */
size_t never_prefixes(enum ng_family family, struct ng_prefix out[static NEVER_MAX]);
/* Puts both families into never4 and never6, ports of encrypted DNS and the ND types in theirs. */
void never_ops(struct ops *ops);
