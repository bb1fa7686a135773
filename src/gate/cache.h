/*
 * What upstreams said, by route and question: kept in blocks of one piece, bounded in octets, shared
 * out fairly between sandboxes.
 *
 * The cache owns its entries and shares. An entry that is not kept belongs to whoever made it.
 */
#pragma once

#include <namegate/gate.h>
#include "gate/heap.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct query; /* engine.h */
struct question_key;
struct share;

/* A record; owner and rdata are offsets into the entry's octets. An owner has its length before it. */
struct entry_rr {
	uint32_t ttl;
	uint16_t type, rdlen;
	uint16_t owner, rdata;
};

struct entry { /* what an upstream said, reduced to chain, wanted type and negative SOA */
	struct entry *next;           /* of its bucket */
	struct entry *newer, *older;  /* of its share */
	struct share *share;          /* who it is charged to */
	struct ready *readies;        /* ready answers of it */
	uint64_t stored_us, until_us; /* until_us: its TTL is over then */
	uint32_t hash, size;          /* size: octets that it is charged with */
	uint32_t other; /* a sandbox that used it lately and does not pay for it; or 0 */
	uint32_t route; /* the question, from here on; its name stands first of the octets */
	uint16_t type;
	uint8_t dnssec_ok, cd;
	uint8_t rcode;
	bool negative; /* nothing of the wanted type stands at the end of its chain */
	bool has_soa;  /* behind the n records */
	bool proved;   /* who is trusted in that says it was validated */
	bool used;     /* since eviction last came by */
	uint8_t hits;  /* up to 255 */
	bool ahead;    /* asked again before its end */
	uint16_t n;
	struct ng_addr server;
	struct entry_rr rrs[]; /* and the octets behind them */
};

struct share { /* of one sandbox; 0: of none */
	uint32_t sandbox;
	bool orphan; /* nobody can use it as its own any more */
	uint64_t octets;
	struct entry *newest, *oldest;
	struct entry *hand;     /* where eviction goes on; NULL: at the oldest */
	struct heap_node first; /* the one that is to lose entries first is at the top */
	UT_hash_handle hh;
};

struct cache {
	struct entry **buckets;
	uint16_t
		*kinds; /* by bucket: one bit for each kind of hash that stands in it, or did */
	size_t room;    /* buckets, a power of two */
	size_t n;
	uint64_t octets;
	struct share *shares;
	struct heap first;
};

/* ---- entry.c ---- */

/* Reduces an answer; NG_E_NOMEM, NG_E_RANGE (an rcode that says nothing of the name: NG_E_NOTFOUND). */
int entry_make(const struct ng_gate *gate, const struct question_key *key,
	       const struct ng_answer *answer, const struct ng_addr *server,
	       struct entry **out) NG_MUST_CHECK;
void entry_free(struct entry *entry); /* takes NULL */
bool entry_asks(const struct entry *entry, const struct question_key *key);
struct ng_name entry_name(const struct entry *entry); /* that was asked */
struct question_key entry_key(const struct entry *entry);
/* Does name, in lower case, own record i? */
bool entry_owns(const struct entry *entry, size_t i, const struct ng_name *name);
struct ng_name entry_owner(const struct entry *entry, size_t i);
uint8_t *entry_rdata(const struct entry *entry, size_t i);

/* ---- cache.c ---- */

/* The entry that still holds, or NULL. */
struct entry *cache_find(struct ng_gate *gate, const struct question_key *key);
/* One whose TTL is over, and which may be shown when no server answers; or NULL. */
struct entry *cache_stale(const struct ng_gate *gate, const struct question_key *key);
/* It serves that query. Asked again, once, when it is in use and about to end. */
void cache_use(struct ng_gate *gate, struct entry *entry, const struct query *query);
/* Would it be asked for again, if it were used now? */
bool cache_ahead_due(const struct ng_gate *gate, const struct entry *entry);
void cache_note(struct entry *entry, uint32_t sandbox); /* the sandbox used it */
/* Takes the entry over, charged to sandbox, when it may be kept; else leaves it to the caller: then false. */
bool cache_keep(struct ng_gate *gate, struct entry *entry, uint32_t sandbox);
void cache_drop(struct ng_gate *gate, struct entry *entry);
void cache_clear(struct ng_gate *gate);

/* ---- shares.c ---- */

/* NG_E_NOMEM: then it is nobody's. */
int share_charge(struct ng_gate *gate, struct entry *entry, uint32_t sandbox) NG_MUST_CHECK;
void share_release(struct ng_gate *gate, struct entry *entry);
uint64_t shares_most(const struct ng_gate *gate); /* the octets that all entries may have */
/* Evicts until the cache has room for so many octets more, no more than that. */
void shares_shrink(struct ng_gate *gate, uint32_t size);
void share_orphan(struct ng_gate *gate, uint32_t sandbox); /* the sandbox has gone */
