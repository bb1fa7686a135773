/*
 * The guarded bridges and their ports: those that some sandbox is registered on. Every port of such
 * a bridge is fenced in, whether its sandbox is registered or not: isolated from the others, known
 * to both tables by its name, learning no addresses. Owns its memory and its sockets.
 *
 * A bridge stays guarded when its last sandbox goes, as long as it has ports.
 */
#pragma once

#include "warden/links.h"
#include "warden/mirror.h" /* uthash, as all here use it */
#include "warden/sets.h"

#define BRIDGES_MAX 1024

struct port {
	uint32_t index, bridge; /* bridge: index */
	char name[NG_IFNAME_MAX];
	bool seen; /* at the last look */
	UT_hash_handle hh;
};
struct bridge {
	char name[NG_IFNAME_MAX];
	uint32_t index; /* 0: it is not there now */
	uint32_t sandboxes;
};
struct ports {
	struct links links;
	struct bridge bridges[BRIDGES_MAX];
	size_t n_bridges;
	struct port *by_index;
	bool stale; /* something has changed: look */
};

int ports_open(struct ports *ports) NG_MUST_CHECK; /* as links_open() */
void ports_close(struct ports *ports);             /* takes NULL */

/* Is that interface a port of that bridge? NG_E_NOTFOUND when not; NG_E_KERNEL, NG_E_IO. */
int ports_check(struct ports *ports, const char *interface, const char *bridge) NG_MUST_CHECK;
/*
 * A sandbox comes to the bridge: it is guarded from now on. What that needs in the kernel's sets is
 * put into ops. NG_E_FULL, NG_E_NOMEM, NG_E_KERNEL: a port could not be fenced in.
 */
int ports_hold(struct ports *ports, const char *bridge, struct ops *ops,
	       uint32_t tag) NG_MUST_CHECK;
void ports_release(struct ports *ports, const char *bridge);
/* Is it guarded, for as many sandboxes? A guarded bridge without one is 0; other ones are -1. */
int64_t ports_sandboxes(const struct ports *ports, const char *bridge);
/* No sandbox is on it, and it is to be guarded no more. */
void ports_forget(struct ports *ports, const char *bridge, struct ops *ops);

void ports_news(struct ports *ports); /* reads what has changed; it may be stale then */
/* Brings ports and sets to what the kernel has now. */
void ports_look(struct ports *ports, struct ops *ops);
/* All elements, for a rebuild. */
void ports_refill(struct ports *ports, struct ops *ops);
