/*
 * What holds when the nftables table is gone: every packet that comes in by a guarded interface is
 * marked there, ahead of every firewall; what the table lets pass gets another mark; and routing
 * refuses what still has the first on its way to the world outside. The host's own services can be
 * reached then. All of it is state of the kernel and outlives us.
 *
 * Not by a routing rule for each interface ("iif sb1 prohibit"): the kernel walks these one by one
 * for every packet of the whole host, 12 us with 1,000 and 235 us with 10,000 of them, where one
 * rule that looks at a mark costs 0.2 us at most, however many sandboxes there are. And where rp_filter
 * is on, the kernel asks the same rules for the way back of every answer, with the sandbox's
 * interface and without a mark: such rules would have the answers dropped.
 *
 * A sandbox that shares our network namespace has no interface that it comes in by. There each
 * interface but loopback gets a filter on its way out, which drops what the host itself sends and the
 * table has not passed, packet sockets' frames among it.
 *
 * Owns two route netlink sockets and the programs.
 */
#pragma once

#include "base/wall.h"
#include "warden/netlink.h"

#define HASH_NONFATAL_OOM 1
#include <linux/if.h>
#include <uthash.h>

#define FENCE_FILTER 1 /* tc's preference of ours: ahead of filters that could end the walk */

enum fence_side {
	FENCE_IN = 0, /* of guarded interfaces: marks what comes in */
	FENCE_OUT, /* of all but the loopback interface, beside a sidecar: drops what was not passed */
	FENCE_SIDES
};

struct link { /* an interface that has a filter of ours */
	int index;
	char name[IFNAMSIZ];
	bool sides[FENCE_SIDES];
	UT_hash_handle hh;
};

struct fence {
	struct netlink ask, news;  /* news: of interfaces, of filters and of routing rules */
	int programs[FENCE_SIDES]; /* -1 each: none, and then there is no fence */
	struct wall_table table;
	struct link *links;
	bool raised, leaves; /* leaves: some may have FENCE_OUT */
	bool complained;     /* of what cannot be done; once, until it can */
};

/* The programs are taken over. NG_E_IO, NG_E_NOMEM; see errno. */
int fence_open(struct fence *fence, const int programs[FENCE_SIDES]) NG_MUST_CHECK;
void fence_close(struct fence *fence); /* takes NULL; leaves the kernel's state */
/* Has it stand around what the table guards. What cannot be done is said. */
void fence_raise(struct fence *fence, const struct wall_table *table);
/* Reads what was heard, puts back what others took away and guards interfaces that came. */
void fence_look(struct fence *fence);
/* Takes that table's marks away, and the rules with the last of all. NG_E_KERNEL, NG_E_PERM. */
int fence_remove(const char *table, int *system) NG_MUST_CHECK;

/* ---- parts ---- */

enum fence_done { FENCE_ASIS = 0, FENCE_CHANGED };
/*
 * The routing rule of one family (AF_INET, AF_INET6), fence_rules.c. Returns an enum fence_done, or
 * NG_E_KERNEL, NG_E_PERM with the errno.
 */
int rules_settle(struct netlink *netlink, uint8_t family, int *system) NG_MUST_CHECK;
int rules_withdraw(struct netlink *netlink, uint8_t family, int *system) NG_MUST_CHECK;

/*
 * The filters of one interface, fence_marks.c; answer as rules_settle(). FENCE_ASIS where it is gone.
 * NG_E_KERNEL with EEXIST where an ingress qdisc is in FENCE_OUT's place.
 */
uint32_t mark_handle(const char *table);
int mark_put(struct netlink *netlink, int link, enum fence_side side, int program,
	     uint32_t handle, int *system) NG_MUST_CHECK;
int mark_take(struct netlink *netlink, int link, enum fence_side side, uint32_t handle,
	      int *system) NG_MUST_CHECK;
/* Has that interface a filter of any table's, or of anybody's? */
struct marks {
	bool ours, others;
};
int marks_find(struct netlink *netlink, int link, struct marks *out, int *system) NG_MUST_CHECK;
/* Nobody has a filter there: takes the place for them away, where it is one as we make it. */
void marks_clear(struct netlink *netlink, int link);

/* Starts a route netlink request in buf; *body is its fixed part, zeroed. */
struct nlmsghdr *fence_request(struct netlink *netlink, char *buf, uint16_t type,
			       uint16_t flags, size_t len, void **body);
