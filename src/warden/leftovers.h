/*
 * Elements of sandboxes, leases apart, that an earlier life of the warden left in the kernel:
 * identities, ranges of static rules, sources that are observed. They stay until main has had the
 * time to register its sandboxes again; what nobody claimed by then goes.
 */
#pragma once

#include "warden/conntrack.h"
#include "warden/kernel.h"

struct leftover;
struct leftovers {
	struct leftover *identities,
		*rights; /* rights: those that begin with a source address */
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
/*
 * The sandbox has claimed what it wants: other rights of its sources go at once, with the flows
 * that nothing else justifies.
 */
void leftovers_purge(struct leftovers *leftovers, const struct wall_sandbox *sandbox,
		     struct ops *ops, struct cuts *cuts);
/* Puts all that are left into ops for removal and forgets them. */
void leftovers_clear(struct leftovers *leftovers, struct ops *ops, uint32_t tag);
