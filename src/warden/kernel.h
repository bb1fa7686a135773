/*
 * The table in the kernel: building it, adopting one that an earlier life left, noticing that
 * somebody else touched it, removing it. Owns the writing socket and its batch.
 */
#pragma once

#include "warden/mirror.h"
#include "warden/sets.h"

#define SAY_MAX 256

struct kernel {
	struct netlink netlink;
	struct batch batch;
	struct ability ability;
	struct wall_table table;
	uint16_t log_group; /* where refused packets are reported */
	bool ready;         /* the table stands as far as we know */
	bool turned;        /* leases stand in the twins */
	bool guarded;       /* guard_hold() has done it, for the table as it is */
	bool bridged;   /* there is a second table, of family bridge: made when first needed */
	uint32_t flags; /* the table's */
	uint64_t fingerprint; /* of the rules as the kernel lists them */
	uint32_t generation;  /* of the rule set, when last looked at */
	uint32_t commits;     /* our own, at that moment */
	bool doubted; /* somebody else committed while the table was made: make it once more */
	uint64_t
		nobodys; /* forged packets of COUNT_NOBODY that a table built anew begins with */
};

/* Opens the socket and probes. NG_E_PERM, NG_E_IO, NG_E_KERNEL, with one line in why. */
int kernel_open(struct kernel *kernel, char why[static SAY_MAX]) NG_MUST_CHECK;
void kernel_close(struct kernel *kernel); /* takes NULL; leaves the table */
int probe(struct kernel *kernel, char why[static SAY_MAX]) NG_MUST_CHECK;

/* Is a table of that name there, of NFPROTO_INET or NFPROTO_BRIDGE? */
int table_exists(struct kernel *kernel, uint8_t family, const char *name,
		 bool *out) NG_MUST_CHECK;
/* The netlink port of who owns it; 0: nobody, or it is not there. */
int table_owner(struct kernel *kernel, const char *name, uint32_t *out) NG_MUST_CHECK;
enum build { BUILD_OVER = 0, BUILD_ANEW }; /* keep the sets that are there, or replace all */
/*
 * Makes the kernel's table what `table` says, with refill's elements on top, in one batch (what
 * does not fit into it follows in others). The old one stands until then. Codes as batch_commit(),
 * and NG_E_RANGE for an interface pattern that cannot be.
 */
int table_build(struct kernel *kernel, const struct wall_table *table, enum build build,
		struct ops *refill, int *system) NG_MUST_CHECK;
/* False when table or rules are not what table_build() left. */
bool table_intact(struct kernel *kernel);
/* Has anybody else committed since the last call? Looks at the generation number only. */
bool table_foreign_change(struct kernel *kernel);
/*
 * Where the table is not owned but could be for a life (Linux 5.12): holds a second one that drops what
 * comes from sandboxes, and keeps flows translated, while somebody has taken the first away. Does so
 * while kernel->guarded is not set; to be asked again after a failure. Codes as batch_commit().
 */
int guard_hold(struct kernel *kernel, int *system) NG_MUST_CHECK;
/* Makes the second table as well, if it is not there. NG_E_UNSUPPORTED: this kernel has none. */
int table_need_bridge(struct kernel *kernel, int *system) NG_MUST_CHECK;
/* Of both families. NG_E_NOTFOUND: there is neither. */
int table_remove(struct kernel *kernel, const char *name, int *system) NG_MUST_CHECK;

/* Which side of the lease sets do that table's rules look into? Into turned. */
int table_side(struct kernel *kernel, const char *table) NG_MUST_CHECK;
/* Makes the other side, empty; has the rules look into it instead; removes what they do not look into. */
int table_make_other(struct kernel *kernel, int *system) NG_MUST_CHECK;
int table_turn(struct kernel *kernel, int *system) NG_MUST_CHECK;
int table_drop_other(struct kernel *kernel, int *system) NG_MUST_CHECK;
/* For one of SET_ALLOW the set of that side; any other as it is. */
enum set_id table_lease_set(const struct kernel *kernel, enum set_id set, bool other);

/* Forgets whose packets were reported: sources come and go, and these elements have no end. */
void table_forget_talk(struct kernel *kernel);

/* ops_commit(), where SET_ALLOW is the side that stands. */
int kernel_commit(struct kernel *kernel, struct ops *ops) NG_MUST_CHECK;
