/*
 * The inside of the engine, shared by the files of this folder and by nobody else.
 *
 * Ownership: struct ng_gate owns everything. A query is pending from the moment it is not answered
 * at once until its REPLY or DROP is queued; it waits either on one ask (upstream) or on orders
 * (kernel). A lease belongs to one sandbox and goes with it; an order belongs to its lease.
 */
#pragma once

#include <namegate/gate.h>
#include "base/arena.h"
#include "gate/directory.h"
#include "gate/heap.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#define SECOND_US        1000000u
#define COMMIT_BUDGET_US SECOND_US /* how long a reply waits for the kernel */

struct route {
	struct ng_route spec;
};

struct holder { /* a name that keeps a lease */
	struct ng_name name;
	uint64_t until_us;
};

struct lease_key {
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port;
};

struct lease {
	struct lease_key key;
	struct sandbox *sandbox;
	uint64_t confirmed_us; /* the kernel has it until then; 0: not known to have it */
	uint64_t ordered_us;   /* the furthest end that was ever ordered */
	struct holder *holders;
	uint8_t n_holders;
	struct order *orders;      /* in flight */
	struct heap_node due;      /* by the end of the last holder */
	struct lease *next, *prev; /* of the sandbox */
	UT_hash_handle hh;
};

struct wait { /* one query waiting for one order */
	struct query *query;
	struct order *order; /* NULL once it is resolved */
	struct wait *next, *prev;
};

struct order {
	uint64_t number, until_us;
	struct lease *lease;
	struct ng_name name; /* for whose sake it was sent */
	struct wait *waits;
	struct order *next, *prev; /* of the lease */
	UT_hash_handle hh;
};

struct question_key { /* what an upstream is asked: the key of asks and cache */
	uint32_t route;
	uint16_t type;
	uint8_t dnssec_ok, cd;
	struct ng_name name; /* lower case */
};

struct ask {
	uint64_t id;
	struct question_key key;
	uint64_t sent_us;
	struct query *queries;
	UT_hash_handle hh, by_id;
};

struct entry { /* what an upstream said, reduced to chain, wanted type and negative SOA */
	struct question_key key;
	uint64_t stored_us, until_us;
	uint8_t rcode;
	bool negative; /* nothing of the wanted type stands at the end of its chain */
	struct ng_rr *rrs;
	size_t n;
	struct ng_rr *soa;
	struct ng_addr server;
	struct arena arena;
	UT_hash_handle hh;
};

struct waiting {                 /* a name that waits for approval */
	struct ng_waiting shown; /* name and path are the two below */
	char path[NG_PATH_MAX];
	uint32_t sandbox; /* key from here on: sandbox and name, as long as it is */
	struct ng_name name;
	UT_hash_handle hh; /* in order of arrival */
};

enum query_state { QUERY_RESOLVING = 0, QUERY_ASKING, QUERY_COMMITTING };

struct query {
	uint64_t client;
	struct ng_addr from;
	bool tcp, cached;
	enum query_state state;
	struct sandbox *sandbox;
	struct ng_query asked;
	struct ng_name name;   /* asked name, lower case */
	struct ng_name target; /* where its alias chain has come to, lower case */
	struct ng_name
		holder; /* whose rule justifies the addresses: name, or where it crossed */
	bool crossed;   /* holder is not name */
	bool portless;  /* and the two of them have no port in common */
	struct ng_decision decision; /* made in the input of that number, at that link */
	uint64_t decided_in;
	uint8_t decided_links;
	bool decided_complete;
	struct ng_bounds bounds; /* of the decision, once it is complete */
	struct ng_name *chain;   /* alias targets in order, links of them; in the arena */
	bool complete;           /* the chain and its records are all there */
	struct ng_addr *seen;    /* addresses of the answer, before the filter; in the arena */
	size_t n_seen;
	bool local; /* they are the policy's own */
	uint8_t links;
	struct ng_rr *rrs; /* chain and addresses, TTLs as of decided_us; in the arena */
	size_t n, room;
	uint8_t rcode;
	struct ng_rr *soa;
	struct ng_addr upstream;
	uint64_t began_us, asked_us, answered_us, decided_us, commit_us;
	uint32_t upstream_us;
	uint64_t sure_us; /* when the first of its leases ends, as of the input sure_in */
	uint64_t sure_in;
	struct wait *waits; /* one for each order waited for; in the arena */
	size_t n_waits, open_waits;
	int failed; /* first refusal among its orders */
	struct ask *ask;
	struct arena arena;
	struct query *ask_next, *ask_prev;         /* of the ask */
	struct query *sandbox_next, *sandbox_prev; /* of the sandbox */
	struct query *commit_next, *commit_prev;   /* of the gate, by deadline */
};

struct ng_gate {
	uint64_t now_us; /* of the input being worked on; never runs backwards */
	uint64_t input;  /* its number: within one input no policy changes */
	uint64_t seed, version;
	struct ng_settings settings; /* no zero left in it */
	struct route *routes;
	size_t n_routes;
	struct ng_prefix *own;
	size_t n_own;
	struct directory directory;
	bool warden_lost;

	struct ask *asks, *asks_by_id;
	uint64_t last_ask;
	struct entry *cache;
	struct lease *leases;
	struct order *orders;
	uint64_t last_order;
	struct memory *history;  /* which name an address had last */
	struct waiting *waiting; /* for approval, oldest first */
	uint64_t last_waiting;
	struct heap due;          /* of leases */
	struct query *committing; /* oldest first */
	uint32_t n_pending;
	struct query *spare; /* ended, and its memory kept */

	struct ng_action *actions;
	size_t n_actions, next_action, room_actions;
	struct arena words;  /* what actions point to */
	struct arena parsed; /* the message being read */
	struct ng_counters counters;
	uint8_t scratch[NG_MESSAGE_MAX];
};

/* actions.c: the queue. The caller fills the slot (a record is zeroed); out of memory, nobody sees it. */
void actions_begin(struct ng_gate *gate, uint64_t now_us); /* first thing in every input */
struct ng_action *action_add(struct ng_gate *gate, enum ng_action_kind kind);
const struct ng_name *word_name(struct ng_gate *gate, const struct ng_name *name);
const char *word_text(struct ng_gate *gate, const char *text);
const char *word_format(struct ng_gate *gate, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* routes.c */
const struct route *route_of(const struct ng_gate *gate, const struct ng_name *name);

/* cache.c */
struct entry *cache_find(struct ng_gate *gate, const struct question_key *key);
/* Takes the entry over when it may be kept, else leaves it to the caller: then false. */
bool cache_keep(struct ng_gate *gate, struct entry *entry);
void cache_clear(struct ng_gate *gate);
/* Reduces an answer; NG_E_NOMEM, NG_E_FORMAT (an rcode that says nothing of the name: NG_E_NOTFOUND). */
int entry_make(const struct ng_gate *gate, const struct question_key *key,
	       const struct ng_answer *answer, const struct ng_addr *server,
	       struct entry **out) NG_MUST_CHECK;
void entry_free(struct entry *entry); /* takes NULL */

/* chain.c: follow what an entry says from query->target on. */
enum chain_step {
	CHAIN_FAIL = 0,
	CHAIN_DONE,
	CHAIN_MORE
}; /* MORE: ask for query->target anew */
enum chain_step chain_follow(const struct ng_gate *gate, struct query *query,
			     const struct entry *entry);

/* Adds one link; false when the chain is too long, the name malformed or memory out. */
bool chain_move(struct query *query, const uint8_t *wire, size_t len);
/* Copies a record into query, aged. before: the record kept last if it is a neighbour, or NULL. */
bool query_keep(struct query *query, const struct ng_rr *rr, const struct ng_rr *before,
		uint32_t aged_s);

/* filter.c */
struct filtered {
	struct ng_addr *removed; /* in the words arena */
	size_t n_removed, n_unreachable, n_addrs;
};
/* Takes out of query->rrs every address that this sandbox may not be given. */
void filter_apply(struct ng_gate *gate, struct query *query, struct filtered *out);

/* leases.c */
struct want { /* an address that a reply will show, and where it may be used */
	struct ng_addr addr;
	struct ng_port port;
	uint32_t hold_s;
	uint64_t until_us, need_us;
};
/*
 * Sees to it that the kernel has it for query's sandbox until need_us: at once (NG_OK with no
 * wait), or by an order that query then waits for. NG_E_FULL over quota, NG_E_CLOSED without
 * warden, NG_E_NOMEM.
 */
int lease_want(struct ng_gate *gate, struct query *query,
	       const struct want *want) NG_MUST_CHECK;
/* Until when the kernel is known to have it for query's sandbox; 0 when it is not. */
uint64_t lease_confirmed(const struct ng_gate *gate, const struct query *query,
			 const struct ng_addr *addr, struct ng_port port);
void lease_free(struct ng_gate *gate, struct lease *lease, int code); /* waiters get code */
void leases_tick(struct ng_gate *gate);
/* After sandbox or policy changed: revokes what nothing justifies any more. */
void leases_judge(struct ng_gate *gate, struct sandbox *sandbox);
void leases_revoke(struct ng_gate *gate, struct sandbox *sandbox); /* all of them */
/* The live lease of that address for all ports; false when there is none. */
bool lease_name(const struct ng_gate *gate, const struct sandbox *sandbox,
		const struct ng_addr *client, const struct ng_addr *addr, struct ng_name *out);

/* history.c */
void history_note(struct ng_gate *gate, const struct lease_key *of, const struct ng_name *name);
bool history_name(const struct ng_gate *gate, uint32_t sandbox, const struct ng_addr *addr,
		  struct ng_name *out);
void history_finish(struct ng_gate *gate);

/* reply.c: what a client is told, and the record of it */
struct told {
	uint64_t client;
	struct ng_addr from;
	const struct ng_query *asked;
	struct sandbox *sandbox; /* NULL: unknown */
	bool tcp;
};
/* Builds and queues the reply, and a DECISION record for the caller to complete. */
struct ng_record *reply_send(struct ng_gate *gate, const struct told *told,
			     struct ng_reply_spec *spec, enum ng_verdict verdict);
struct ng_record *reply_error(struct ng_gate *gate, const struct told *told, uint8_t rcode,
			      int ede, const char *reason);
void reply_denied(struct ng_gate *gate, const struct told *told,
		  const struct ng_decision *decision);
/* NOERROR without an answer, with our SOA. */
struct ng_record *reply_empty(struct ng_gate *gate, const struct told *told,
			      enum ng_verdict verdict, const char *reason);
void record_rule(struct ng_gate *gate, struct ng_record *record,
		 const struct ng_decision *decision);

/* waiting.c: names that wait for approval */
void waiting_note(struct ng_gate *gate, struct sandbox *sandbox, const struct ng_name *name,
		  const struct ng_decision *decision);
void waiting_judge(struct ng_gate *gate); /* those that are no longer asked about go */
void waiting_forget(struct ng_gate *gate, uint32_t sandbox);
void waiting_finish(struct ng_gate *gate);

/* judge.c: what policy says of a query at this moment */
bool addresses_note(struct query *query); /* once, when the answer is complete */
bool query_allowed(struct ng_gate *gate, struct query *query);
bool chain_allowed(
	const struct query *query); /* what alias targets need of rules of their own */
/* The holder's rule bounds a crossed chain as well: only ports that both open stay. */
void bounds_cross(struct query *query);
bool verdict_passes(const struct sandbox *sandbox, enum ng_verdict verdict);
bool type_allowed(const struct ng_bounds *bounds, uint16_t type);

/* query.c: the steps of a query that was not answered at once */
void query_resolve(struct ng_gate *gate, struct query *query);
void query_with_entry(struct ng_gate *gate, struct query *query, const struct entry *entry);

/* answer.c: from a complete chain to the reply */
void query_complete(struct ng_gate *gate, struct query *query);
void query_committed(struct ng_gate *gate, struct query *query);

/* local.c: answers that the policy itself holds */
void query_local(struct ng_gate *gate, struct query *query);

/* ends.c: each says its last word and ends the query */
void query_fail(struct ng_gate *gate, struct query *query, int ede, const char *reason);
void query_refuse(struct ng_gate *gate, struct query *query, const char *reason);
void query_denied(struct ng_gate *gate, struct query *query);
void query_blocked_alias(struct ng_gate *gate, struct query *query);
void query_empty(struct ng_gate *gate, struct query *query, const char *reason);
void query_truncated(struct ng_gate *gate, struct query *query, const char *reason);
void query_plain(struct ng_gate *gate, struct query *query); /* no address in it */
void record_query(struct ng_gate *gate, struct ng_record *record, const struct query *query);
struct told told_of(const struct query *query);

/* pending.c: the life of a pending query */
/* NULL when a bound is reached or memory is out. */
struct query *query_begin(struct ng_gate *gate, const struct ng_client *client,
			  struct sandbox *sandbox, const struct ng_query *asked);
void query_end(struct ng_gate *gate, struct query *query);
void query_free(struct query *query); /* takes NULL */
void query_commit_wait(struct ng_gate *gate, struct query *query);
void queries_tick(struct ng_gate *gate);

/* asks.c */
void ask_join(struct ng_gate *gate, struct query *query, const struct question_key *key);
void ask_leave(struct query *query);
void asks_finish(struct ng_gate *gate);

/* gate.c */
void sandbox_close(struct ng_gate *gate,
		   struct sandbox *sandbox); /* its queries and leases end */
