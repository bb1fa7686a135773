/*
 * The mirror: every lease element that stands in the kernel, with the end that the kernel
 * confirmed. It owns its leases and groups; both are good until they are dropped. No clock and no
 * socket in here: times are microseconds of the caller's monotonic clock.
 */
#pragma once

#include <namegate/addr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* The end of an element that has none: a static rule opens it. */
#define FOREVER UINT64_MAX

struct sandbox;

struct lease_key { /* no holes: compared and hashed as octets */
	struct ng_addr source, to;
	uint8_t proto, pad;
	uint16_t port;
};

struct lease {
	struct lease_key key;
	uint64_t until_us;  /* as confirmed; 0: not yet; FOREVER: it stands without an end */
	uint64_t wanted_us; /* the end that is on its way to the kernel */
	size_t op;          /* its op in the round; only while in_flight */
	uint64_t leased_us; /* of a fixed one: what names hold it for, should the rule go */
	bool fixed;         /* a static rule wants it to stand without an end */
	bool in_flight;
	bool claimed; /* the worker of now has ordered it */
	uint8_t walk; /* the last one that found a flow of it (flows.c) */
	int code;     /* why the last write failed */
	size_t heap;  /* place in the heap, from 1; 0: not in it */
	struct group *group;
	struct lease *prev, *next; /* of the group */
	UT_hash_handle hh;
};

struct group { /* the leases of one source address */
	struct ng_addr source;
	struct sandbox *owner; /* NULL while no sandbox claims the address */
	struct lease *leases;
	size_t ported; /* those of one protocol and port */
	UT_hash_handle hh;
};

struct mirror {
	struct lease *by_key;
	struct group *by_source;
	struct lease **heap; /* earliest end first */
	size_t n, heap_n, heap_room;
	struct lease *
		walk; /* how far somebody has come who goes through all of them, oldest first */
};

void mirror_finish(struct mirror *mirror); /* takes NULL */
struct lease_key lease_key_make(const struct ng_addr *source, const struct ng_addr *to,
				uint8_t proto, uint16_t port);
struct lease *mirror_find(const struct mirror *mirror, const struct lease_key *key);
struct group *mirror_group(const struct mirror *mirror, const struct ng_addr *source);
/* A lease that is not confirmed yet; NULL when memory is out. */
struct lease *mirror_add(struct mirror *mirror, const struct lease_key *key,
			 struct sandbox *owner);
/*
 * The kernel has it until then. Room was reserved by mirror_add(), so this cannot fail. What stands
 * FOREVER is never the first to end.
 */
void mirror_confirm(struct mirror *mirror, struct lease *lease, uint64_t until_us);
/* Its end is not waited for until it is confirmed again. */
void mirror_unschedule(struct mirror *mirror, struct lease *lease);
void mirror_drop(struct mirror *mirror, struct lease *lease);
/* The lease with the earliest confirmed end; NULL when there is none. */
struct lease *mirror_first(const struct mirror *mirror);
