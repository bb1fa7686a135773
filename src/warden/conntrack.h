/*
 * Cutting flows: removing connection tracking entries, so that their next packet is judged anew.
 */
#pragma once

#include "warden/netlink.h"

#include <namegate/addr.h>

struct flow {
	struct ng_addr source, to;
	uint8_t proto;
	uint16_t port;
};
/*
 * What a CTA_TUPLE_ORIG and CTA_LABELS (NULL: none) say; the rest of out stays as it is. A label of a
 * sandbox without an interface gives its token as the source.
 */
void flow_read(const struct nlattr *tuple, const struct nlattr *label, struct flow *out);
/* Does something else justify this flow? */
typedef bool spare_fn(const void *who, const struct flow *flow);

struct cut { /* flows that were begun by source, towards `to` (none: anywhere) */
	struct ng_prefix source, to;
	uint8_t proto; /* 0: any; else that protocol and destination port */
	bool weigh;    /* but for those that cuts->spare speaks for */
	uint16_t port;
};
struct cuts {
	struct cut *items;
	size_t n, room;
	bool everything; /* memory was out: cut more rather than less */
	spare_fn *spare;
	const void *who;
};
void cuts_add(struct cuts *cuts, const struct cut *cut);
void cuts_finish(struct cuts *cuts); /* takes NULL */

struct conntrack {
	struct netlink list,
		remove; /* entries are removed while the list is still being read */
};
/* NG_E_IO, NG_E_PERM, NG_E_NOMEM; see errno. */
int conntrack_open(struct conntrack *out) NG_MUST_CHECK;
void conntrack_close(struct conntrack *conntrack); /* takes NULL */

/* Cuts them all and empties the list. NG_E_KERNEL, NG_E_PERM when some may stand still. */
int conntrack_cut(struct conntrack *conntrack, struct cuts *cuts) NG_MUST_CHECK;
