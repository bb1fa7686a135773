/*
 * What the kernel knows of interfaces, over rtnetlink: which are ports of a bridge, and how such a
 * port is set. Knows nothing of sandboxes.
 */
#pragma once

#include "warden/netlink.h"

#include <namegate/bounds.h>

struct iface {
	uint32_t index, master; /* master 0: none */
	char name[NG_IFNAME_MAX];
	bool is_bridge, is_port; /* is_port: of a bridge, which is its master */
	bool isolated, learns;   /* of a port */
};

struct links {
	struct netlink ask, news;
};
/* NG_E_IO, NG_E_PERM, NG_E_NOMEM; see errno. */
int links_open(struct links *links) NG_MUST_CHECK;
void links_close(struct links *links); /* takes NULL */

typedef void link_fn(void *who, const struct iface *link);
/* NG_E_NOTFOUND: there is none of that name. NG_E_KERNEL, NG_E_IO. */
int link_find(struct links *links, const char *name, struct iface *out) NG_MUST_CHECK;
struct link_list {
	struct iface *items; /* owned */
	size_t n, room;
	bool failed; /* memory */
};
void link_list_finish(struct link_list *list); /* takes NULL */
/* Each interface whose master has that index. NG_E_NOMEM, NG_E_KERNEL, NG_E_IO: nothing is listed. */
int link_list(struct links *links, uint32_t master, struct link_list *out) NG_MUST_CHECK;
/*
 * Isolates a port from the others and has it learn no addresses; those that it has learned are
 * forgotten. NG_E_PERM, NG_E_KERNEL.
 */
int link_fence(struct links *links, uint32_t index) NG_MUST_CHECK;
/*
 * Reads what has changed since the last call, and hands it out. True when some of it was lost, so
 * that anything may have changed. Of news that are not whole, master is 0.
 */
bool links_news(struct links *links, link_fn *each, void *who);
