/* Destinations that no lease opens, put where the kernel's rules look for them. */
#pragma once

#include "base/never.h"
#include "warden/sets.h"

/* Puts both families into never4 and never6, ports of encrypted DNS and the ND types in theirs. */
void never_ops(struct ops *ops);
