/*
 * The mirror: every lease element that stands in the kernel, with the end that the kernel
 * confirmed. It owns its leases and groups; both are good until they are dropped. No clock and no
 * socket in here: times are microseconds of the caller's monotonic clock.
 */
#pragma once

#include "base/slab.h"
#include "base/index.h"
#include <namegate/addr.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* The end of an element that has none: a static rule opens it. Any other end is before it. */
#define END_BITS 52 /* of microseconds: 142 years */
#define FOREVER  ((UINT64_C(1) << END_BITS) - 1)

struct sandbox;

struct lease_key { /* no holes: compared and hashed as octets */
	struct ng_addr source, to;
	uint8_t proto, pad;
	uint16_t port;
};

/*
 * There may be millions. Its source is its group's, and its key mirror_key()'s to tell; words are
 * aligned to four octets, for one of IPv4 to have 44 in all.
 */
struct lease {
	/* as confirmed; 0: not yet; FOREVER: it stands without an end */
	uint64_t until_us : END_BITS;
	bool fixed : 1;     /* a static rule wants it to stand without an end */
	bool in_flight : 1; /* it has an op in the round */
	bool claimed : 1;   /* the worker of now has ordered it */
	uint8_t walk;       /* the last one that found a flow of it (flows.c) */
	/* of a fixed one: what names hold it for, should the rule go */
	uint64_t leased_us : END_BITS;
	uint8_t proto;
	uint16_t port;
	int16_t code;        /* why the last write failed */
	uint32_t op;         /* its op in the round; only while in_flight */
	uint32_t heap;       /* place in the heap, from 1; 0: not in it */
	uint32_t group;      /* its number */
	uint32_t prev, next; /* numbers of those of the group, in a ring */
	uint8_t to[];        /* 4 or 16 octets */
} __attribute__((packed, aligned(4)));

struct group { /* the leases of one source address */
	struct ng_addr source;
	bool filled;           /* it has a first one */
	struct sandbox *owner; /* NULL while no sandbox claims the address */
	uint32_t first;        /* of the ring */
	uint32_t prev, next;   /* 1 + the numbers of the groups beside it; 0: none */
	uint32_t ported;       /* how many are of one protocol and port */
};

struct mirror {
	struct slab leases[2],
		groups; /* of IPv4 and of IPv6; the lowest bit of a number says which */
	struct index by_key, by_source;
	uint64_t seed;  /* of both */
	uint32_t *heap; /* numbers, earliest end first */
	uint32_t first; /* 1 + the number of the first group */
	size_t n, heap_n, heap_room;
	struct lease *walk; /* how far somebody has come who goes through all of them */
};

/* It stays where it is. Workers order what clients asked for: nobody but us is to know the seed. */
void mirror_init(struct mirror *mirror, uint64_t seed);
void mirror_finish(struct mirror *mirror); /* takes NULL */
struct lease_key lease_key_make(const struct ng_addr *source, const struct ng_addr *to,
				uint8_t proto, uint16_t port);
struct lease_key mirror_key(const struct mirror *mirror, const struct lease *lease);
struct lease *mirror_find(const struct mirror *mirror, const struct lease_key *key);
/* It will be looked for, added or dropped soon; see index_expect(). */
void mirror_expect(const struct mirror *mirror, const struct lease_key *key);
struct group *mirror_group(const struct mirror *mirror, const struct ng_addr *source);
struct group *mirror_group_of(const struct mirror *mirror, const struct lease *lease);
/* The one behind that one, or for NULL the first; NULL: no more. One that is added meanwhile may be missed. */
struct lease *mirror_next(const struct mirror *mirror, const struct lease *lease);
struct group *mirror_next_group(const struct mirror *mirror, const struct group *group);
struct lease *mirror_next_of(const struct mirror *mirror, const struct group *group,
			     const struct lease *lease);
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
