/*
 * Cutting flows: removing connection tracking entries, so that their next packet is judged anew.
 */
#pragma once

#include "warden/netlink.h"

#include <namegate/addr.h>

struct cut { /* flows that were begun by source, towards `to` (none: anywhere) */
	struct ng_prefix source;
	struct ng_addr to;
	uint8_t proto; /* 0: any; else that protocol and destination port */
	uint16_t port;
};
struct cuts {
	struct cut *items;
	size_t n, room;
	bool everything; /* memory was out: cut more rather than less */
};
void cuts_add(struct cuts *cuts, const struct cut *cut);
void cuts_finish(struct cuts *cuts); /* takes NULL */

/* Cuts them all and empties the list. NG_E_KERNEL, NG_E_PERM when some may stand still. */
int conntrack_cut(struct netlink *netlink, struct cuts *cuts) NG_MUST_CHECK;
