/*
 * The sandboxes that main has registered, found by id and by source address. Owns them. Knows
 * nothing of the kernel.
 */
#pragma once

#include "base/wall.h"
#include "warden/mirror.h"
#include "warden/statics.h"

/* enum ng_mode, which stands above this floor */
#define MODE_LOCKDOWN 0
#define MODE_OBSERVE  2

struct sandbox;
struct source {
	struct ng_prefix prefix;
	struct sandbox *owner;
	struct source *prev, *next; /* of the wide ones */
	UT_hash_handle hh;          /* of the single addresses, by prefix.addr */
};

struct wire { /* an interface that sandboxes send through */
	char interface[NG_IFNAME_MAX];
	struct sandbox *members;
	UT_hash_handle hh;
};

struct sandbox {
	struct wall_sandbox is;
	struct statics statics;      /* none in lockdown */
	uint32_t leases;             /* elements it holds */
	struct source *sources;      /* owned; as many as it has */
	struct wire *wire;           /* NULL: it may come in by any */
	struct sandbox *prev, *next; /* of the wire */
	UT_hash_handle hh;
};

#define SANDBOX_NETS 4096
struct sandboxes {
	struct sandbox *by_id;
	struct source *singles, *wides;
	uint32_t nets[SANDBOX_NETS]; /* sources in the networks that share a place here, */
	uint32_t broad;              /* and those wider than such a network */
	struct wire *wires;
	size_t n;
};

void sandboxes_finish(struct sandboxes *sandboxes); /* takes NULL */
struct sandbox *sandboxes_find(const struct sandboxes *sandboxes, uint32_t id);
/* Whose source address is it? NULL: nobody's. */
struct sandbox *sandboxes_owner(const struct sandboxes *sandboxes, const struct ng_addr *addr);
/* The only sandbox on that interface; NULL: there is none, or several. */
struct sandbox *sandboxes_alone(const struct sandboxes *sandboxes, const char *interface);
/*
 * Does a source of wanted overlap one of another sandbox (or another of its own)? Leases are kept by
 * source address alone, so an address belongs to one sandbox on whichever interface. NG_E_EXISTS.
 */
int sandboxes_check(const struct sandboxes *sandboxes,
		    const struct wall_sandbox *wanted) NG_MUST_CHECK;
/* Adds, or replaces the sources and attributes of the one with that id. NG_E_NOMEM, NG_E_FULL. */
int sandboxes_put(struct sandboxes *sandboxes, const struct wall_sandbox *wanted,
		  struct sandbox **out) NG_MUST_CHECK;
void sandboxes_remove(struct sandboxes *sandboxes, struct sandbox *sandbox);

/* Is addr within one of its sources; with wide_only, within one wider than an address? */
bool sandbox_has(const struct wall_sandbox *sandbox, const struct ng_addr *addr,
		 bool wide_only);
