/* Which worker a sandbox belongs to. */
#pragma once

#include <stdint.h>

/*
 * Its index, below workers (0 is taken as 1). It follows from the name alone: so a sandbox that is
 * registered again under its name meets what that name has spent and was leased, and a restart with as
 * many workers finds every row in the store that it was written to.
 */
uint32_t assign_worker(const char *name, uint32_t workers);
