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
#include "base/slab.h"
#include "gate/book.h"
#include "gate/cache.h"
#include "gate/directory.h"
#include "gate/ready.h"
#include "gate/texts.h"

#define HASH_NONFATAL_OOM 1
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#define SECOND_US        1000000u
#define COMMIT_BUDGET_US SECOND_US /* how long a reply waits for the kernel */

enum route_key { ROUTE_ID = 0, ROUTE_ORIGIN, ROUTE_ZONE, ROUTE_KEYS };
struct route {
	struct ng_route spec;
	size_t n_place; /* of the first of its place: how many stand there */
	/* First of those whose key falls on this one, and the one after this; counted from 1, 0: none. */
	struct {
		uint32_t first, next;
	} by[ROUTE_KEYS];
};

struct failure; /* failures.c */

struct wait { /* what one address of a query, at one port, stands on */
	struct query *query;
	struct order *order; /* that it waits for; NULL: for none, or it is resolved */
	struct wait *next, *prev;
	struct lease_key key;
	uint32_t lease; /* its reference when it was wanted */
};

/*
 * Orders and asks are known outside by a number that leads to their place at once: below, where in its slab
 * it stands, 1 being the first; above, how many there were before it, so that none is another's again.
 */
#define PLACE_BITS 24
#define PLACES_MAX ((1u << PLACE_BITS) - 1)

static inline uint64_t number_make(uint64_t *last, uint32_t place)
{
	return ++*last << PLACE_BITS | (place + 1);
}

static inline uint32_t number_place(uint64_t number)
{
	return (uint32_t)(number & PLACES_MAX) - 1;
}

struct order {
	uint64_t until_us;
	uint64_t number; /* 0: of an order that is gone */
	struct lease *lease;
	struct trail *trail; /* for whose sake it was sent; a use of it */
	struct wait *waits;
	struct order *next, *prev;   /* of the lease */
	struct order *newer, *older; /* of the gate */
};

struct question_key { /* what an upstream is asked: the key of asks and cache */
	uint32_t route;
	uint16_t type;
	uint8_t dnssec_ok, cd;
	struct ng_name name; /* lower case */
};

struct ask {
	uint64_t sent_us;
	uint64_t id; /* as an order's number */
	uint64_t hash;
	struct question_key key;
	uint32_t sandbox; /* whose question it was first */
	bool ahead;       /* nobody waits: it is to be known before the old answer ends */
	struct query *queries;
	struct ask *next, *prev; /* of the gate */
};

struct waiting {                 /* a name that waits for approval */
	struct ng_waiting shown; /* name and path are the two below */
	char path[NG_PATH_MAX];
	bool untold;      /* it was asked for since the caller was told of it */
	uint32_t sandbox; /* key from here on: sandbox and name, as long as it is */
	struct ng_name name;
	UT_hash_handle hh; /* in order of arrival */
};

struct fault {          /* what of a chain policy does not allow */
	enum text text; /* about the name */
	size_t link;    /* which of the trail that is */
};

enum query_state { QUERY_RESOLVING = 0, QUERY_ASKING, QUERY_COMMITTING };

struct said { /* of a trail, in the input of that number: an answer's orders all say the same */
	uint64_t input;
	struct ng_trail of;   /* as it was given; only compared */
	struct ng_addr alone; /* the one client of its leases, or none */
	const struct ng_name *name;
	const char *rule, *sandbox_name;
	uint64_t way;
	struct ng_trail trail;
	/* What was decided of the trail's first name alone, for `asker`; NULL: that is not known. */
	const struct ng_decision *decided;
	const struct ng_addr *asker;
};

struct query {
	uint64_t client;
	struct ng_addr from;
	struct ng_peer peer;
	uint16_t keepalive_ds;
	bool tcp, cached, stale;
	bool judged, proved; /* proved: all that was used so far is; see query_prove() */
	bool paid;           /* for leaving: see budget.c */
	enum query_state state;
	struct sandbox *sandbox;
	struct fault fault; /* why the chain may not be followed */
	bool decided;       /* else the decision is to be made anew */
	uint8_t decided_links;
	bool decided_complete;
	struct ng_name *
		chain; /* name and the alias targets in order; NULL without links; in the arena */
	bool complete;        /* the chain and its records are all there */
	struct ng_addr *seen; /* addresses of the answer, before the filter; in the arena */
	size_t n_seen;
	uint8_t local;  /* names that led to the policy's own data; as in struct ng_trail */
	bool replaces;  /* and those stand instead of the answer */
	bool repoliced; /* policy changed since it began */
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
	struct trail *trail; /* of its leases; NULL before the first */
	struct said said;
	struct wait *waits; /* by address, then by port; in the arena */
	size_t n_waits, open_waits;
	int failed; /* first refusal among its orders */
	struct ask *ask;
	struct entry *
		entry; /* of the cache: the one that all of it is from, in the input entry_in */
	uint64_t entry_in;
	struct arena arena;
	struct query *ask_next, *ask_prev;         /* of the ask */
	struct query *sandbox_next, *sandbox_prev; /* of the sandbox */
	struct query *commit_next, *commit_prev;   /* of the gate, by deadline */
	/* From here on it is as the query before left it, until query_begin() says what it is. */
	struct ng_query asked;
	struct ng_name name;         /* asked name, lower case */
	struct ng_name target;       /* where its alias chain has come to, lower case */
	struct ng_decision decision; /* made at that link, by the policy that there is */
	struct ng_bounds given;      /* of the decision */
	struct ng_bounds bounds;     /* and what alias targets open as well: chain_allowed() */
};

struct ng_gate {
	uint64_t now_us;  /* of the input being worked on; never runs backwards */
	uint64_t input;   /* its number: within one input no policy changes */
	uint64_t born_us; /* when its first generation was applied */
	uint64_t seed, version;
	uint64_t zero_ms, nonce;     /* of event ids */
	uint32_t n_events;           /* of those who are no sandbox */
	char mark[16];               /* of their last id */
	uint64_t event_ms;           /* that the time below is of */
	char event_time[10];         /* as ids begin; event.c */
	struct ng_settings settings; /* no zero left in it */
	struct route *routes;
	size_t n_routes;
	struct ng_prefix *own;
	size_t n_own;
	struct directory directory;
	bool warden_lost;
	uint64_t n_elements; /* of all leases */

	struct ask *asks; /* oldest first */
	struct slab ask_slab;
	struct index ask_index; /* by their keys */
	uint64_t last_ask;
	uint32_t n_ahead; /* asks of that kind */
	struct cache cache;
	struct readies ready;
	uint64_t sources_in; /* the last input that changed whose an address is */
	struct failure *failures;
	struct book book;
	struct order *orders; /* oldest first */
	struct slab order_slab;
	uint64_t last_order;
	struct spending *gone;   /* of sandboxes that are, by name */
	struct memory *history;  /* which name an address had last */
	struct waiting *waiting; /* for approval, oldest first */
	uint64_t last_waiting;
	uint32_t waiting_which, waiting_of;
	bool waiting_untold;      /* of some of them */
	bool limits_untold;       /* of some sandboxes */
	struct query *committing; /* oldest first */
	uint32_t n_pending;
	struct query *spares; /* ended, and their memory kept; a list by ask_next */
	size_t n_spares;

	struct ng_action *actions;
	size_t n_actions, next_action, room_actions;
	struct arena words;    /* what actions point to */
	struct arena parsed;   /* the message being read */
	struct ng_query asked; /* the question that is the input */
	struct ng_counters counters;
	uint8_t scratch[NG_MESSAGE_MAX];
};

/* actions.c: the queue. The caller fills the slot (a record is zeroed); out of memory, nobody sees it. */
void actions_begin(struct ng_gate *gate, uint64_t now_us); /* first thing in every input */
struct ng_action *action_add(struct ng_gate *gate, enum ng_action_kind kind);
const struct ng_name *word_name(struct ng_gate *gate, const struct ng_name *name);
const char *word_text(struct ng_gate *gate, const char *text);
const char *word_place(struct ng_gate *gate, const char *path, uint32_t line); /* "path:line" */
const char *word_format(struct ng_gate *gate, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* routes.c */
/* Where a name of that sandbox, in lower case, is asked; NULL: nowhere. */
const struct route *route_of(const struct sandbox *sandbox, const struct ng_name *name);
/* NG_E_NOMEM; NG_E_RANGE: too much is opened, or two have one id. */
int routes_build(const struct ng_generation *generation, struct route **out) NG_MUST_CHECK;
/* The sandbox asks by these n from now on. */
void routes_bind(const struct route *routes, size_t n, struct sandbox *sandbox);
/* These n are the gate's; sandboxes are bound to them. What the old ones were told is void. */
void routes_swap(struct ng_gate *gate, struct route *routes, size_t n);
/* It may be bound to others than its questions were sent by: those are sent anew. */
void routes_resend(struct ng_gate *gate, struct sandbox *sandbox);

/* failures.c: what could not be resolved, for a while (RFC 9520) */
/* NULL: nothing is known. Else what went wrong; left_s: seconds until it may be asked again. */
enum text failure_find(const struct ng_gate *gate, const struct question_key *key,
		       uint32_t *left_s);
/* reason is static. Without memory it is not kept. */
void failure_note(struct ng_gate *gate, const struct question_key *key, enum text text);
void failure_forget(struct ng_gate *gate, const struct question_key *key);
void failures_clear(struct ng_gate *gate);

/* chain.c: follow what an entry says from query->target on. */
enum chain_step {
	CHAIN_FAIL = 0,
	CHAIN_DONE,
	CHAIN_MORE, /* ask for query->target anew */
	CHAIN_LOCAL /* the rule for query->target has data of its own */
};
enum chain_step chain_follow(struct ng_gate *gate, struct query *query,
			     const struct entry *entry);

/* Adds one link; false when the chain is too long, the name malformed or memory out. */
bool chain_move(struct query *query, const uint8_t *wire, size_t len);
/* Copies a record's data into query; the owner is to outlive it. */
bool query_keep(struct query *query, const struct ng_rr *rr);

/* filter.c */
struct filtered {
	struct ng_addr *removed; /* in the words arena */
	size_t n_removed, n_unreachable, n_addrs;
};
/* Takes out of query->rrs every address that this sandbox may not be given. */
void filter_apply(struct ng_gate *gate, struct query *query, struct filtered *out);

/* May policy or configuration open addr, an answer to owner, to this sandbox at all? */
bool addr_allowed(const struct ng_gate *gate, const struct sandbox *sandbox,
		  const struct ng_bounds *bounds, const struct ng_name *owner,
		  const struct ng_addr *addr);

/* trail.c */
struct trail_view { /* a trail taken apart */
	struct ng_trail trail;
	struct ng_name names[NG_CHAIN_MAX + 1];
	struct ng_addr addrs[NG_ADDRS_MAX];
};
/* With one use. NG_E_FULL: the sandbox has no room for more of them. NG_E_NOMEM. */
int trail_make(struct ng_gate *gate, struct sandbox *sandbox, const struct ng_trail *from,
	       struct trail **out) NG_MUST_CHECK;
struct trail *trail_share(struct trail *trail);
void trail_release(struct ng_gate *gate, struct sandbox *sandbox,
		   struct trail *trail);                                /* takes NULL */
bool trail_leads(const struct trail *trail, const struct ng_trail *as); /* by the same names? */
bool trail_answers(const struct trail *trail,
		   const struct ng_trail *as); /* the same addresses? */
/* 0 for a name asked and answered without aliases. */
uint64_t trail_way(const struct ng_trail *trail);
void trail_read(const struct trail *trail, struct trail_view *out);
/* Its memory is given to no other trail while it is watched; it stands no longer for that. False: too often. */
bool trail_watch(struct trail *trail);
size_t trail_size(const struct trail *trail); /* octets of memory */
void trail_unwatch(struct trail *trail);
/* The name whose rule the addresses stand under: the asked one, or where the chain crossed last. */
struct ng_name trail_name(const struct trail *trail);

/* leases.c */
static inline bool rr_is_address(const struct ng_rr *rr)
{
	return rr->type == NG_TYPE_A || rr->type == NG_TYPE_AAAA;
}

/* Of a record that is one: the parser has seen to the length of its data. */
static inline struct ng_addr rr_addr(const struct ng_rr *rr)
{
	struct ng_addr addr = {.family = rr->type == NG_TYPE_A ? NG_IPV4 : NG_IPV6};

	if (rr->type == NG_TYPE_A)
		memcpy(addr.bytes, rr->rdata, 4);
	else
		memcpy(addr.bytes, rr->rdata, sizeof(addr.bytes));
	return addr;
}

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
/* The addresses that it has seen will be leased, most of the time; see index_expect(). */
void leases_expect(const struct ng_gate *gate, const struct query *query);
/* What that client of the sandbox uses it by; NULL: nothing. */
struct lease *lease_at(const struct ng_gate *gate, const struct sandbox *sandbox,
		       const struct ng_addr *client, const struct ng_addr *addr,
		       struct ng_port port);
/* Until when the kernel is known to have it for query's sandbox; 0 when it is not. */
uint64_t lease_confirmed(const struct ng_gate *gate, const struct query *query,
			 const struct ng_addr *addr, struct ng_port port);
/* The same of what was wanted, for as long as the sandbox is what it was. */
uint64_t wait_confirmed(const struct ng_gate *gate, const struct wait *wait);
void lease_free(struct ng_gate *gate, struct lease *lease, int code); /* waiters get code */
/* Has the kernel close it, says so, and frees it. name: of the holder that was last. */
void lease_revoke(struct ng_gate *gate, struct lease *lease, const struct ng_name *name);
void leases_tick(struct ng_gate *gate);
/* evict.c: makes room for n more elements of the sandbox. NG_E_FULL when all it has is promised. */
int lease_room(struct ng_gate *gate, struct sandbox *sandbox, uint8_t n) NG_MUST_CHECK;
/* There is a new one of the sandbox. NG_E_NOMEM. */
int evict_note(const struct ng_gate *gate, struct sandbox *sandbox,
	       const struct lease *lease) NG_MUST_CHECK;
/* The number of elements has changed, or how many there may be: says so when that is an alarm. */
void leases_crowd(struct ng_gate *gate);
/* REVOKE or EVICT. */
void lease_shut(struct ng_gate *gate, const struct lease *lease, enum ng_action_kind kind,
		const struct ng_name *name);
void leases_revoke(struct ng_gate *gate, struct sandbox *sandbox); /* all of them */
/*
 * The lease under that key, made when there is none, with a holder that came by trail; *shared: the
 * trail made for it, to be given along for the next. NG_E_FULL, NG_E_NOMEM.
 */
int lease_hold(struct ng_gate *gate, struct sandbox *sandbox, const struct lease_key *key,
	       const struct ng_trail *trail, struct trail **shared, uint64_t until_us,
	       struct lease **out, struct holder **held) NG_MUST_CHECK;
/* Of those who came by that trail; NULL: none did. */
struct holder *holder_find(const struct lease *lease, const struct ng_trail *trail);
/* It does not hold the lease any more: what is kept of it can be forgotten. */
void holder_release(struct ng_gate *gate, const struct lease *lease, const struct trail *trail);
/* Tells the caller of what replies have promised beyond what it knows of; nothing most of the time. */
void holder_tell(struct ng_gate *gate, const struct lease *lease, struct holder *holder);
/* The next of the sandbox, oldest first; the first after NULL. */
struct lease *lease_after(const struct ng_gate *gate, const struct sandbox *sandbox,
			  const struct lease *lease);
struct lease_key lease_key_of(uint32_t sandbox, const struct ng_addr *client,
			      const struct ng_addr *addr, struct ng_port port);
/* For the caller to say more in it. */
struct ng_record *lease_record(struct ng_gate *gate, const struct lease *lease,
			       enum ng_event event, const struct ng_name *name);
struct ng_name
lease_name(const struct lease *lease); /* that the first of its holders came by */
/* Who uses it, as the sandbox's source number i; none, where only a range of sources is known. */
struct ng_addr lease_client(const struct ng_gate *gate, const struct lease *lease, size_t i);

/* standing.c: leases after policy has changed, after the warden was away, and from an earlier life */
/* May anybody who uses the lease still have it by that trail? By bounds, then. */
bool holder_stays(const struct ng_gate *gate, const struct lease *lease,
		  const struct ng_trail *trail, struct ng_bounds *bounds);
/* After sandbox or policy changed: revokes what nothing justifies any more. */
void leases_judge(struct ng_gate *gate, struct sandbox *sandbox);

/* flows.c: a flow keeps it for those holders alone that may be kept, and up to their ceiling */
void flow_judge(struct ng_gate *gate, struct lease *lease);

/* orders.c: what the kernel is asked for */
/*
 * What there is to say of the lease and of a holder that came by trail, until until_us. said: what an
 * earlier order of the same answer said, and then what this one does; NULL: it has no other.
 */
void order_words(struct ng_gate *gate, const struct lease *lease, const struct ng_trail *trail,
		 struct said *said, uint64_t ends_us, uint64_t until_us,
		 struct ng_lease_order *out);
struct order_wish {
	uint32_t hold_s;
	uint64_t ends_us, until_us; /* the end that names give it; the end */
	uint16_t type;              /* as in struct ng_lease_order */
};
/* by: the holder's trail; trail: the same, taken apart. NULL when memory is out. */
struct order *order_send(struct ng_gate *gate, struct lease *lease, struct trail *by,
			 const struct ng_trail *trail, struct said *said,
			 const struct order_wish *wish);
struct order *order_reaching(const struct lease *lease, uint64_t need_us);
void order_await(struct order *order, struct wait *wait);
void order_resolve(struct ng_gate *gate, struct order *order, int code); /* and frees it */

/* history.c */
void history_note(struct ng_gate *gate, const struct lease_key *of, const struct ng_name *name);
/* at_us: when the address was last known to be the name's. */
bool history_name(const struct ng_gate *gate, uint32_t sandbox, const struct ng_addr *addr,
		  struct ng_name *out, uint64_t *at_us);
/* What is known of an address, while it is watched. NULL: nothing. */
struct memory *history_watch(struct ng_gate *gate, uint32_t sandbox,
			     const struct ng_addr *addr);
void history_unwatch(struct memory *memory); /* takes NULL */
size_t history_size(const struct memory *memory);
bool history_stands(
	const struct memory *memory); /* the name is still the one that it had last */
void history_again(const struct ng_gate *gate,
		   struct memory *memory); /* and has again; it stands */
void history_finish(struct ng_gate *gate);

/* reply.c: what a client is told, and the record of it */
struct told {
	uint64_t client;
	struct ng_addr from;
	struct ng_peer peer;
	const struct ng_query *asked;
	struct sandbox *sandbox; /* NULL: unknown */
	bool tcp;
	const struct ng_decision *decision; /* NULL: none yet */
	const struct ng_name *about;        /* what the text names, and counts */
	uint64_t limit;
	enum text why; /* a text that it is about */
	uint16_t keepalive_ds;
};
/* Builds and queues the reply, and a DECISION record for the caller to complete. */
struct ng_record *reply_send(struct ng_gate *gate, const struct told *told,
			     struct ng_reply_spec *spec, enum ng_verdict verdict);
/* The same for octets that are ready, in the words arena, of an allowed answer; NULL: memory is out. */
struct ng_record *reply_ready(struct ng_gate *gate, const struct told *told,
			      const uint8_t *wire, size_t len);
struct ng_record *reply_error(struct ng_gate *gate, const struct told *told, uint8_t rcode,
			      enum text text);
void reply_denied(struct ng_gate *gate, const struct told *told,
		  const struct ng_decision *decision);
struct negative { /* no answer, but our SOA */
	uint8_t rcode;
	enum ng_verdict verdict;
	enum text text;
	const struct ng_rr *aliases; /* that lead to the name that it is about; may be NULL */
	size_t n;
};
struct ng_record *reply_negative(struct ng_gate *gate, const struct told *told,
				 const struct negative *negative);
void record_rule(struct ng_gate *gate, struct ng_record *record,
		 const struct ng_decision *decision);

/* budget.c: what a sandbox may ask, and send out by asking */
bool rate_allows(struct ng_gate *gate, struct sandbox *sandbox);
/* Octets a minute below each wildcard, or NG_BUDGET_OFF. */
uint32_t budget_of(const struct ng_gate *gate, const struct sandbox *sandbox);
/* May the query's name leave? False: owner, of the wildcard, has no octets left for it. */
bool budget_allows(struct ng_gate *gate, struct query *query, struct ng_name *owner);
/* May what answered the query be asked for again, for nobody? It costs what a known name does. */
bool budget_allows_ahead(struct ng_gate *gate, const struct query *query);
/* The sandbox goes; what it has spent is held against the next one of its name. */
void spending_leave(struct ng_gate *gate, struct sandbox *sandbox);
void spending_finish(struct ng_gate *gate);

/* limits.c: one of them has refused the sandbox something; NULL: nobody's */
void limited(struct ng_gate *gate, struct sandbox *sandbox, enum ng_limit limit);

/* event.c: the next id of the sandbox, NULL for a stranger */
void event_id(struct ng_gate *gate, struct sandbox *sandbox, char out[static NG_EVENT_ID]);

/* waiting.c: names that wait for approval */
void waiting_note(struct ng_gate *gate, struct sandbox *sandbox, const struct ng_name *name,
		  const struct ng_decision *decision);
void waiting_judge(struct ng_gate *gate); /* those that are no longer asked about go */
void waiting_forget(struct ng_gate *gate, uint32_t sandbox);
void waiting_finish(struct ng_gate *gate);

/* special.c: answers what needs no server; false when the question is to go its usual way */
bool special_answer(struct ng_gate *gate, const struct told *told, const struct ng_name *name,
		    const struct ng_decision *decision);

/* reverse.c: a PTR question for the name of an address that the sandbox has open; false as in special.c */
bool reverse_answer(struct ng_gate *gate, const struct told *told, const struct ng_name *name);

/* judge.c: what policy says of a query or a lease at this moment */
struct path { /* what is judged: a way from a name as far as it has come */
	const struct sandbox *sandbox;
	const struct ng_trail *trail;
	const struct ng_addr *client;
	bool complete; /* the trail's addresses are those of the answer */
	uint16_t type;
};
/*
 * Does policy allow the aliases of the path? bounds, of the asked name's rule, are narrowed to what the
 * targets that need rules of their own open as well. fault is set when not.
 */
bool path_follow(const struct path *path, struct ng_bounds *bounds, struct fault *fault);
/* Which name's rule the addresses at the end of trail stand under. */
size_t path_held(const struct sandbox *sandbox, const struct ng_trail *trail);
/* The owner name of the addresses at its end. */
const struct ng_name *trail_end(const struct ng_trail *trail);
struct ng_trail query_trail(const struct query *query);
bool addresses_note(struct query *query); /* once, when the answer is complete */
bool query_allowed(struct query *query);
/* What was decided of its name, asked by its client, before any answer; NULL: not known any more. */
const struct ng_decision *query_decision_alone(const struct query *query);
/* Why nothing is told for its type any more, when that was switched off since it began; or TEXT_NONE. */
enum text type_closed(const struct query *query);
/* After query_allowed(): does policy allow the aliases? Narrows query's bounds; sets its fault. */
bool chain_allowed(struct query *query);
/* By rules that bound it so; bounds mean nothing when it is false. */
bool lease_allowed(const struct ng_gate *gate, const struct lease *lease,
		   const struct ng_trail *trail, const struct ng_addr *client,
		   struct ng_bounds *bounds);
bool name_allowed(const struct sandbox *sandbox, const struct ng_addr *client,
		  const struct ng_name *name);
/* The decision that an order for what the trail leads to rests on. */
void trail_decide(const struct sandbox *sandbox, const struct ng_trail *trail,
		  const struct ng_name *held, const struct ng_addr *client,
		  struct ng_decision *out);
/* Has the alias target that the query has come to a rule with data of its own? */
bool target_serves(struct query *query);
/* Does a rule for the answer's addresses have data to put in its place? */
bool answer_replaced(const struct query *query);
bool verdict_passes(const struct sandbox *sandbox, enum ng_verdict verdict);
bool type_allowed(const struct ng_bounds *bounds, uint16_t type);
bool port_allowed(const struct ng_bounds *bounds, struct ng_port port);
bool serves_local(const struct ng_decision *decision); /* the rule has the answer itself */
bool wants_tcp(const struct ng_decision *decision);

/* query.c: the steps of a query that was not answered at once */
void query_resolve(struct ng_gate *gate, struct query *query);
/* What comes now is proved or not; AD is said when all of it was, and nothing was taken out (RFC 6840 5.8). */
void query_prove(struct query *query, bool proved);
/* Does policy let the question through still? Else it has been answered so, and has ended. */
bool query_stands(struct ng_gate *gate, struct query *query);
void query_with_entry(struct ng_gate *gate, struct query *query, const struct entry *entry);
/* No server has an answer: one whose end is over serves, where settings have it so. Else false. */
bool query_stale(struct ng_gate *gate, struct query *query, const struct question_key *key);

/* answer.c: from a complete chain to the reply */
void query_complete(struct ng_gate *gate, struct query *query);
void query_committed(struct ng_gate *gate, struct query *query);

/* local.c: answers that the policy itself holds */
/* The data stand at query->target. */
void query_local(struct ng_gate *gate, struct query *query);
/* They stand at the asked name, and nothing of what upstream said is shown. */
void query_replace(struct ng_gate *gate, struct query *query);
/* Does the rule's data still lead where trail went: to the first alias out of it, or else to addr? */
bool local_leads(const struct ng_match *match, const struct ng_trail *trail,
		 const struct ng_addr *addr);

/* ends.c: each says its last word and ends the query */
void query_fail(struct ng_gate *gate, struct query *query, enum text text);
/* By what failed before, and is not tried again for so long. */
void query_failed_before(struct ng_gate *gate, struct query *query, enum text why,
			 uint32_t left_s);
void query_refuse(struct ng_gate *gate, struct query *query, enum text text);
void query_denied(struct ng_gate *gate, struct query *query);
void query_over_budget(struct ng_gate *gate, struct query *query, const struct ng_name *owner);
void query_blocked_alias(struct ng_gate *gate, struct query *query);
void query_empty(struct ng_gate *gate, struct query *query, enum text text);
void query_nodata(struct ng_gate *gate, struct query *query, enum text text);
/* The name that the query has come to is never asked of the public DNS. */
void query_stays(struct ng_gate *gate, struct query *query);
void query_truncated(struct ng_gate *gate, struct query *query, enum text text);
void query_plain(struct ng_gate *gate, struct query *query); /* no address in it */
void record_query(struct ng_gate *gate, struct ng_record *record, const struct query *query);
struct told told_of(const struct query *query);
/* Its records, and that they are stale when they are. */
struct ng_reply_spec answer_spec(struct ng_gate *gate, const struct query *query,
				 const struct told *told);

/* pending.c: the life of a pending query */
/* With told's decision; name: the asked one, lowered. NULL when a bound is reached or memory is out. */
struct query *query_begin(struct ng_gate *gate, const struct told *told,
			  const struct ng_name *name, const struct ng_bounds *bounds);
void query_end(struct ng_gate *gate, struct query *query);
void queries_finish(struct ng_gate *gate); /* the memory of those that ended */
void query_commit_wait(struct ng_gate *gate, struct query *query);
void queries_tick(struct ng_gate *gate);

/* routes.c */
const struct route *route_by_id(const struct ng_gate *gate, uint32_t id); /* or NULL */
/* The first that came with it, or NULL. */
const struct route *route_by_origin(const struct ng_gate *gate, uint64_t origin);
/* What servers of the route say of their validation is worth nothing unless they are trusted in that. */
void answer_trust(const struct ng_gate *gate, uint32_t id, struct ng_answer *answer);

/* asks.c */
/* The one for that question; NULL: there is none in flight. */
struct ask *ask_same(const struct ng_gate *gate, const struct question_key *key);
/* The octets of a key that count; they begin at its first. */
unsigned question_len(const struct question_key *key);
uint64_t question_hash(const struct ng_gate *gate, const struct question_key *key);
/* same: as ask_same() said just now. */
void ask_join(struct ng_gate *gate, struct query *query, const struct question_key *key,
	      struct ask *same);
/* What the entry says, once more, since query used it; nothing happens where that would be too much. */
void ask_ahead(struct ng_gate *gate, const struct entry *entry, const struct query *query);
void ask_leave(struct query *query);
/* Nobody waits for it any more, and nobody will learn what comes. */
void ask_drop(struct ng_gate *gate, struct ask *ask);
void asks_init(struct ng_gate *gate);
void asks_finish(struct ng_gate *gate);
/* Takes out of service records what opens addresses past the gate. NG_E_FORMAT, NG_E_NOMEM. */
int services_strip(struct ng_gate *gate, struct ng_answer *answer) NG_MUST_CHECK;

/* taken.c: all leases to the sandbox's sources end, whose ever they are */
void leases_taken(struct ng_gate *gate, const struct sandbox *sandbox);

/* gate.c */
void sandbox_close(struct ng_gate *gate,
		   struct sandbox *sandbox); /* its queries and leases end */
