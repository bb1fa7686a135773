/*
 * Identity elements that an earlier life of the warden left in the kernel. They stay until main has
 * had the time to register its sandboxes again; what nobody claimed by then goes.
 */
#pragma once

#include "warden/kernel.h"

struct leftover;
struct leftovers {
	struct leftover *all;
	size_t n;
	bool failed; /* memory was out while they were read: some are not known */
};
void leftovers_finish(struct leftovers *leftovers); /* takes NULL */
/* Reads them from the table as it stands. */
int leftovers_read(struct leftovers *leftovers, struct kernel *kernel,
		   const char *table) NG_MUST_CHECK;
/*
 * The element of op is wanted: it is no leftover any more. Leftover ranges that overlap it without
 * being it are put into ops for removal, ahead of op: the kernel would refuse it otherwise.
 */
void leftovers_claim(struct leftovers *leftovers, const struct op *op, struct ops *ops);
/* Puts all that are left into ops for removal and forgets them. */
void leftovers_clear(struct leftovers *leftovers, struct ops *ops, uint32_t tag);
