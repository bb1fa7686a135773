/*
 * The engine: values and the current time in, actions out.
 *
 * It opens no socket, reads no clock, draws no random number, logs nothing and calls nobody back.
 * The daemon feeds it packets; `namegate test` feeds it text. Every input function may queue
 * actions, which the caller takes with ng_gate_next() until it returns false. Pointers inside an
 * action are good until the next input. Times are microseconds of one monotonic clock.
 *
 * One query: packet -> parse -> sandbox -> policy -> cache -> ASK -> answer -> filter -> LEASE ->
 * committed -> REPLY -> RECORD. A reply with addresses is queued only after every one of them is
 * known to stand in the kernel beyond the TTL handed out plus grace.
 */
#pragma once

#include <namegate/addr.h>
#include <namegate/message.h>
#include <namegate/policy.h>

struct ng_gate;

struct ng_limits { /* 0 in any field means the default of bounds.h */
	uint32_t pending, pending_sandbox, leases, leases_sandbox, cache_octets;
	uint32_t queries_sandbox; /* a second */
};

struct ng_settings {
	struct ng_limits limits;
	uint32_t lease_min_s, grace_s, ttl_max_s, deny_ttl_s; /* 0 means the default */
	uint32_t
		flow_lease_s; /* how long flows may keep a lease open beyond its end; 0: not at all */
	uint32_t budget; /* as in bounds.h; 0 means the default */
	bool resumed; /* an earlier life may have spent it: the first minute has one minute's worth */
	bool ancestor_nodata;  /* `ancestor-answer nodata` */
	bool no_ipv4, no_ipv6; /* no kernel set would hold addresses of that family */
	bool prefetch;         /* names in use are asked for again before their answer ends */
	bool drop_low_ports;   /* no answer to datagrams from ports below 1024 */
	uint32_t stale_s;      /* what answers serve beyond their end when no server answers */
};

/* The same with every default filled in. */
struct ng_settings ng_settings_full(const struct ng_settings *given);

/* What one address of an answer comes to. The lease stands for hold_s + slack_s + grace_s. */
struct ng_terms {
	uint32_t ttl_s;   /* handed out */
	uint32_t hold_s;  /* what the name holds the address for */
	uint32_t slack_s; /* for the commit, where the name holds no longer than the TTL */
	uint32_t grace_s;
};
/* settings are full; lease_max_s is the rule's (0: none), ttl_s the upstream's. */
struct ng_terms ng_terms_of(const struct ng_settings *settings, uint32_t lease_max_s,
			    uint32_t ttl_s);
/* A lease that a flow keeps open is kept for so long at a time; settings are full. */
uint64_t ng_flow_step_us(const struct ng_settings *settings);

/*
 * A forward zone: where permitted names below `zone` are asked. A sandbox's own zones go ahead of
 * those of its group, and these of those that all have; among those of one place the longest wins.
 */
struct ng_route {
	uint32_t id; /* the caller's, comes back in ASK; each has its own */
	/*
	 * What it stands for: zone, servers and whose it is. Answers are kept from one generation to the
	 * next as long as id and origin stay the same, and over a restart by origin alone. 0: not that.
	 */
	uint64_t origin;
	uint32_t sandbox,
		group; /* whose it is: one of these, by its number; both 0: everybody's */
	struct ng_name zone;
	struct ng_prefix opened[NG_PRIVATE_MAX]; /* private ranges this zone may answer with */
	uint8_t n_opened;
	bool trust_ad; /* its servers' word that they have validated an answer is passed on */
};

enum ng_mode {
	NG_LOCKDOWN = 0, /* nothing */
	NG_ENFORCE,
	NG_OBSERVE /* everything is answered and leased; the record says what enforce would do */
};

struct ng_sandbox {
	uint32_t id; /* never 0, never used twice in the life of a store */
	char name[NG_SANDBOX_NAME_MAX];
	char interface[NG_IFNAME_MAX]; /* host side; empty: any */
	enum ng_mode mode;
	struct ng_prefix sources[NG_SOURCES_MAX];
	uint8_t n_sources;
	struct ng_prefix opened[NG_PRIVATE_MAX];
	uint8_t n_opened;
	uint32_t group;  /* whose routes it has beside its own; 0: none */
	uint32_t budget; /* of names below wildcards; 0: the settings' */
	bool no_aaaa;    /* IPv6 addresses are not told: EMPTY */
	struct ng_policy
		policy; /* rulesets are borrowed until the sandbox is replaced or removed */
};

/* Everything that changes at once at a reload. All of it is copied, but for the rulesets. */
struct ng_generation {
	uint64_t version; /* of the policy; in every record */
	struct ng_settings settings;
	const struct ng_route *routes;
	size_t n_routes;
	const struct ng_prefix
		*own; /* the gate's, the host's and the upstreams' addresses: never opened */
	size_t n_own;
	const struct ng_sandbox *sandboxes;
	size_t n_sandboxes;
};

/* seed keys the tables that strangers fill; draw it at random. The new gate knows no sandbox: it refuses all. */
int ng_gate_create(uint64_t seed, struct ng_gate **out) NG_MUST_CHECK;
/*
 * What event ids are made from: the wall time at zero of the clock that the inputs come with, and a number
 * drawn at random. Without it ids count from zero. To be said before the first question.
 */
void ng_gate_events(struct ng_gate *gate, uint64_t zero_ms, uint64_t nonce);
void ng_gate_destroy(struct ng_gate *gate); /* takes NULL */

/* ---- actions ---- */

enum ng_action_kind {
	NG_ASK_UPSTREAM = 1,
	NG_LEASE,
	NG_REVOKE,
	NG_EVICT,
	NG_REPLY,
	NG_DROP,
	NG_RECORD,
	NG_WAITING,
	NG_HOLD,
	NG_RELEASE,
	NG_SPENT
};

struct ng_ask {      /* send this question to the servers of that route */
	uint64_t id; /* give it back with the answer */
	uint32_t route;
	struct ng_question question; /* lower case; the edge sets the 0x20 case */
	bool dnssec_ok, cd;
};

/* How a name came to its addresses: what a lease rests on, and is judged by when policy changes. */
struct ng_trail {
	const struct ng_name *names; /* lower-cased: the asked name, then its alias targets */
	size_t n_names;              /* 1 to NG_CHAIN_MAX + 1 */
	const struct ng_addr *addrs; /* of the answer, before the filter */
	size_t n_addrs;
	/*
	 * 0: all of it is upstream's. Else the answer is a rule's own data (RPZ.md A6), and only so
	 * many of the names, the way that was met and judged, led to them; the others are aliases
	 * out of them. The data stand at the last name judged, or, where a rule for the answer's
	 * addresses replaces the answer, at the first.
	 */
	uint8_t local;
	bool replaces;
};

/*
 * A name that holds an address open: by the first of its trail, and the way. Which of them is shown may be
 * another one after a reload.
 */
struct ng_held {
	const struct ng_name *name;
	uint64_t way;
};

/*
 * Have this address opened for that sandbox (LEASE), or closed at once (REVOKE). Answer a LEASE
 * with ng_gate_lease_result(); a REVOKE is not answered. The element stands for hold_s + grace_s.
 * EVICT is a REVOKE that cuts no flow: the address may be asked for, it only gave way to another.
 *
 * HOLD and RELEASE order nothing and have no number: one more name needs an address that stands open
 * already, or one of several does not any more. They are to be kept as the LEASE was, or forgotten.
 */
struct ng_lease_order {
	uint64_t number; /* never 0, and never another's again */
	uint32_t sandbox;
	struct ng_addr
		client; /* set only when the client sits in a source prefix wider than one address */
	struct ng_addr addr;
	struct ng_port port; /* proto 0: every protocol and port */
	uint32_t hold_s;     /* what the name holds it for: max(TTL, lease_min) */
	uint32_t grace_s;
	uint64_t until_us; /* end, grace included */
	uint64_t
		ends_us; /* the end that names give it; 0: until_us. Beyond it a flow keeps it open */
	/* whose rule opens it: the asked name, or an alias target's; of RELEASE as in ng_held */
	const struct ng_name *name;
	const char *rule; /* "path:line" that allowed it */
	const char *sandbox_name;
	uint16_t type; /* that was asked for; 0: nobody did, it is an order for what stands */
	uint64_t way;  /* tells apart the chains of aliases that lead from name, or to it */
	struct ng_trail trail; /* to be kept for ng_gate_adopt() */
	/* Of REVOKE and EVICT: all that has been kept for it and not been forgotten yet. */
	const struct ng_held *held;
	size_t n_held;
};

struct ng_reply {
	uint64_t client; /* the handle the caller gave */
	const uint8_t *wire;
	size_t len;
};

enum ng_event {
	NG_EVENT_DECISION = 1, /* a query was answered (or dropped): the usual line */
	NG_EVENT_REBIND,       /* the filter took addresses out of an answer */
	NG_EVENT_BLOCKED,      /* the kernel reported a packet */
	NG_EVENT_LEASE_END,    /* an element reached its end */
	NG_EVENT_REVOKED,      /* a lease lost its last rule */
	NG_EVENT_MALFORMED,    /* a message from a known sandbox that could not be read */
	NG_EVENT_LEASE_KEPT,   /* a lease has come to its end, and a flow keeps it open */
	NG_EVENT_CROWDED, /* elements have come near to what there may be, or are far from it again */
	NG_EVENT_EVICTED,    /* a lease that nobody was promised any more gave way to another */
	NG_EVENT_TABLE_LOST, /* somebody else changed what the kernel holds */
	NG_EVENT_TABLE_BACK, /* it is as it was */
	NG_EVENT_BUDGET, /* new names below a wildcard were more than the sandbox may ask for */
	NG_EVENT_LIMITS  /* limits have refused the sandbox something, or taken it away */
};

enum ng_limit { /* what was refused a sandbox, or taken from it, and by which of its limits */
		NG_LIMIT_RATE = 0, /* questions refused: too many in a second */
		NG_LIMIT_PENDING,  /* questions refused: too many under way */
		NG_LIMIT_BUDGET,   /* questions denied: the octets of their names */
		NG_LIMIT_LEASES,   /* questions refused: no room for another lease */
		NG_LIMIT_EVICTED,  /* leases that gave way to others */
		NG_LIMIT_UPSTREAM, /* questions failed: no place to ask a server */
		NG_LIMIT_WAITING, /* questions whose name found no place among those to be approved */
		NG_LIMIT_CACHE,       /* answers that left the cache before their end */
		NG_LIMIT_CONNECTIONS, /* connections closed at once */
		NG_LIMIT_CLOSED,      /* idle connections closed for others */
		NG_LIMITS
};
/* "rate", "pending", ...: as records and status have them. */
const char *ng_limit_word(enum ng_limit limit);

enum ng_why { /* a packet was blocked, or would have been */
	      NG_WHY_NONE = 0,
	      NG_WHY_UNRESOLVED, /* no permitted name of the sandbox led there */
	      NG_WHY_ENDED,      /* the lease of a name is over */
	      NG_WHY_PORT,       /* a name holds the address, and its rule not this port */
	      NG_WHY_NEVER,      /* a range that is not opened, or never */
	      NG_WHY_PRIVATE_DNS,
	      NG_WHY_PROTOCOL, /* no lease opens it */
	      NG_WHY_HOST,     /* a service of the gate's host */
	      NG_WHY_LOCKDOWN,
	      NG_WHY_SOURCE, /* dropped as forged: the source is not the sandbox's */
	      NG_WHY_OPTIONS,
	      NG_WHY_EXTENSION,
	      NG_WHY_FRAGMENT,
	      NG_WHY_STRAY,  /* of no connection */
	      NG_WHY_FRAME,  /* dropped at its port of a bridge */
	      NG_WHY_FLOOD,  /* a question by UDP, far beyond the limit or too long */
	      NG_WHY_UNSEEN, /* counted, and nobody saw where it went */
	      NG_WHYS
};
/* "unresolved", "spoofed-source": as records have it. */
const char *ng_why_word(enum ng_why why);

struct ng_peer { /* the process at the other end of a Unix socket, by the kernel's word */
	bool known;
	uint32_t pid, uid, gid; /* pid 0: it is none of ours to see */
};

struct ng_record {
	enum ng_event event;
	char id[NG_EVENT_ID]; /* DECISION, MALFORMED: the EDE text ends in it; else "" */
	uint32_t sandbox;
	const char *sandbox_name; /* "" when unknown */
	enum ng_mode mode;        /* of the sandbox, when it is known */
	struct ng_addr client;
	struct ng_peer peer;        /* DECISION, MALFORMED: when a Unix socket was asked */
	const struct ng_name *name; /* NULL when there is none */
	uint16_t type;
	enum ng_verdict verdict;
	bool observed; /* the verdict is what enforce would have done; the mode let it through */
	uint8_t rcode;
	int ede;
	const char *reason; /* the EDE text without the event's id, or one phrase */
	const char *path;   /* of the rule, or NULL */
	uint32_t line;
	uint64_t version;
	const struct ng_addr *addrs; /* handed out, taken out, or blocked */
	size_t n_addrs;
	const struct ng_port *ports; /* what the leases are bound to; none: every port */
	size_t n_ports;
	uint32_t ttl_s;
	uint64_t lease_until_us; /* the earliest of them, grace included; 0 without */
	struct ng_addr upstream; /* who answered; none when nobody was asked */
	uint32_t upstream_us, commit_us;
	uint8_t proto;          /* BLOCKED: IP protocol */
	uint16_t port;          /* BLOCKED: destination port */
	uint64_t count;         /* BLOCKED: packets this record stands for */
	uint64_t logged;        /* BLOCKED: and of those, how many were seen to go there */
	enum ng_why why;        /* BLOCKED */
	const uint64_t *limits; /* LIMITS: by enum ng_limit, since the gate knows the sandbox */
	bool cached;
};

/* A name that a rule says to ask about: denied, and waiting for somebody to approve it. */
struct ng_waiting {
	uint64_t id;
	uint32_t sandbox;
	const struct ng_name *name;
	const char *path; /* of the rule */
	uint32_t line;
	uint64_t first_us, last_us, count;
	bool gone; /* of an action: it waits no longer */
};

/*
 * When all that a sandbox of that name has spent below a wildcard will have come back: to be kept
 * before the next action is acted on, for ng_gate_spent_adopt().
 */
struct ng_spent {
	const char *sandbox_name;
	const struct ng_name *owner; /* of the wildcard */
	uint64_t until_us;
};

struct ng_action {
	enum ng_action_kind kind;
	union {
		struct ng_ask ask;
		struct ng_lease_order lease; /* and of HOLD, REVOKE, EVICT and RELEASE */
		struct ng_reply reply;
		uint64_t drop; /* client handle: it gets no answer */
		struct ng_record record;
		/* it is new, or gone, or ng_gate_waiting_tell(): to be kept */
		struct ng_waiting waiting;
		struct ng_spent spent;
	};
};
bool ng_gate_next(struct ng_gate *gate, struct ng_action *out);

/* ---- inputs ---- */

struct ng_client {
	uint64_t handle; /* the caller's; comes back in REPLY or DROP exactly once */
	struct ng_addr addr;
	/* Where the packet came in; "": not known, and of no sandbox that has one. NULL: any. */
	const char *interface;
	/*
	 * Not 0: the transport is that sandbox's alone and has no addresses. It asks as the first of
	 * its sources that is a single address: what is opened is opened for those.
	 */
	uint32_t sandbox;
	struct ng_peer peer;
	uint16_t port; /* of a datagram: where it came from; 0: of no meaning */
	bool tcp;      /* a stream: replies may be as long as messages can be */
	uint16_t
		keepalive_ds; /* of a stream: its idle time for RFC 7828, in tenths of a second */
};
void ng_gate_query(struct ng_gate *gate, uint64_t now_us, const struct ng_client *client,
		   const uint8_t *wire, size_t len);
/* The sandbox that a question of this client would be taken for; 0: none. */
uint32_t ng_gate_sandbox_of(const struct ng_gate *gate, const struct ng_client *client);

/*
 * The upstream's answer to an ASK: already matched to it in socket, peer, ID and question by the
 * edge, and not truncated. A malformed one counts as none. An ASK is answered exactly once, by
 * this or by ng_gate_no_answer().
 */
void ng_gate_answer(struct ng_gate *gate, uint64_t now_us, uint64_t ask,
		    const struct ng_addr *server, const uint8_t *wire, size_t len);
enum ng_no_answer {
	NG_NO_TIME = 1,
	NG_NO_NETWORK,
	NG_NO_MATCH,
	NG_NO_SERVER,
	NG_NO_TRUST,
	NG_NO_LISTED,
	NG_NO_MARK /* the kernel does not mark what is sent to them, as the zone wants it */
};
void ng_gate_no_answer(struct ng_gate *gate, uint64_t now_us, uint64_t ask,
		       enum ng_no_answer why);

/*
 * The lease that order number, not answered yet, is for: sandbox, client, addr, port, way and the first
 * name of its trail, which is written to *name, nothing else. False: there is none of that number.
 */
bool ng_gate_order(const struct ng_gate *gate, uint64_t number, struct ng_name *name,
		   struct ng_lease_order *out);
/* Does any name or flow keep what the order is about, its sandbox, client, addr and port, open now? */
bool ng_gate_holds(const struct ng_gate *gate, const struct ng_lease_order *order);
/* code: NG_OK when the kernel confirmed, else why not. Unknown numbers are ignored. */
void ng_gate_lease_result(struct ng_gate *gate, uint64_t now_us, uint64_t number, int code);
/* The warden is gone: every order in flight fails. After it is back, order all live leases again. */
void ng_gate_warden_lost(struct ng_gate *gate, uint64_t now_us);
void ng_gate_warden_back(struct ng_gate *gate, uint64_t now_us);
/*
 * Somebody else changed the kernel's table: no lease that was confirmed before counts, until its next
 * order is. Back: it was rebuilt with so many elements; no input needs to wait for it.
 */
void ng_gate_table_lost(struct ng_gate *gate, uint64_t now_us);
void ng_gate_table_back(struct ng_gate *gate, uint64_t now_us, uint64_t elements,
			uint32_t took_us);

/*
 * Ends what is due. ng_gate_deadline() says when the next tick is worth its while, or, with very many
 * leases, may be, and then it is to be asked again; UINT64_MAX: never.
 */
void ng_gate_tick(struct ng_gate *gate, uint64_t now_us);
uint64_t ng_gate_deadline(const struct ng_gate *gate);

/*
 * Swaps in a whole generation. Sandboxes that are not in it are removed; leases that the new
 * policy does not justify are revoked. NG_E_NOMEM, NG_E_RANGE, NG_E_EXISTS (two sandboxes share a
 * source on one interface): then nothing has changed.
 */
int ng_gate_apply(struct ng_gate *gate, uint64_t now_us,
		  const struct ng_generation *generation) NG_MUST_CHECK;
/*
 * Adds or replaces one sandbox. Leases to what becomes its source are revoked, whose ever they are. NG_E_NOMEM,
 * NG_E_FULL, NG_E_EXISTS.
 */
int ng_gate_sandbox_put(struct ng_gate *gate, uint64_t now_us,
			const struct ng_sandbox *sandbox) NG_MUST_CHECK;
/* Its leases end without REVOKE: the warden flushes a removed sandbox itself. */
void ng_gate_sandbox_remove(struct ng_gate *gate, uint64_t now_us, uint32_t id);

/*
 * A lease that stands in the kernel from an earlier life of the process, and one of those who hold
 * it. A trail without addresses has this one. until_us and ends_us are those of its last order. When all were told, ng_gate_adopted() revokes what the
 * policy of the moment does not justify any more. NG_E_NOTFOUND: no such sandbox. NG_E_RANGE: no
 * trail. NG_E_FULL, NG_E_NOMEM.
 */
int ng_gate_adopt(struct ng_gate *gate, uint64_t now_us, uint32_t sandbox,
		  const struct ng_addr *client, const struct ng_addr *addr,
		  const struct ng_port *port, const struct ng_trail *trail, uint64_t until_us,
		  uint64_t ends_us) NG_MUST_CHECK;
void ng_gate_adopted(struct ng_gate *gate, uint64_t now_us);

/* A connection of the sandbox was closed for want of a place: NG_LIMIT_CONNECTIONS or NG_LIMIT_CLOSED. */
void ng_gate_limited(struct ng_gate *gate, uint32_t sandbox, enum ng_limit limit);
/* A record for each sandbox that limits refused something since the last call; once a second will do. */
void ng_gate_limits_tell(struct ng_gate *gate, uint64_t now_us);

/*
 * What a sandbox of that name had spent in an earlier life, or before it was removed. NG_E_RANGE: it has
 * it back. NG_E_FULL, NG_E_NOMEM.
 */
int ng_gate_spent_adopt(struct ng_gate *gate, uint64_t now_us,
			const struct ng_spent *spent) NG_MUST_CHECK;
/* This life ends: SPENT says of each exactly what it has spent, and no more ahead. */
void ng_gate_spent_tell(struct ng_gate *gate, uint64_t now_us);

/* Tells of the waiting names that were asked for again; their numbers may be kept once a second. */
void ng_gate_waiting_tell(struct ng_gate *gate, uint64_t now_us);
/* Names that are new from now on get ids above last, which an earlier life had come to. */
void ng_gate_waiting_from(struct ng_gate *gate, uint64_t last);
/* Of several gates that number together, each has the ids that leave `which` when divided by `of`. */
void ng_gate_waiting_share(struct ng_gate *gate, uint32_t which, uint32_t of);
/*
 * A name that waited in an earlier life, oldest first, under its id. NG_E_NOTFOUND: no such sandbox, or
 * its policy does not ask about the name any more. NG_E_FULL, NG_E_NOMEM.
 */
int ng_gate_waiting_adopt(struct ng_gate *gate, uint64_t now_us,
			  const struct ng_waiting *waiting) NG_MUST_CHECK;

struct ng_blocked {       /* packets that the kernel refused, as the warden reports them */
	uint32_t sandbox; /* 0: of an interface that is not one sandbox's */
	struct ng_addr from, to; /* none: they were only counted */
	uint8_t proto;
	uint16_t port;
	bool observed; /* they passed: the sandbox is only observed */
	enum ng_why
		trick; /* what the kernel's rules saw, from NG_WHY_SOURCE on; 0: nothing odd */
	uint64_t count, logged;
};
void ng_gate_blocked(struct ng_gate *gate, uint64_t now_us, const struct ng_blocked *blocked);

struct ng_flow { /* an established flow that uses a lease, which is about to end */
	uint32_t sandbox;
	struct ng_addr client, addr; /* client as in the order for the lease */
	struct ng_port port;
};
/*
 * The warden tells of such flows again and again as long as they last. The lease is ordered anew for
 * a step, up to flow_lease_s beyond the end that its names give it: for packets, not for answers.
 * No lease stays open so that its rule bounds in time, or that policy would not give again.
 */
void ng_gate_flow(struct ng_gate *gate, uint64_t now_us, const struct ng_flow *flow);
/* Looking for them took so long that leases ended meanwhile; it is only counted. */
void ng_gate_flows_late(struct ng_gate *gate, uint64_t count);

/*
 * Forgets what upstreams said of the name, with below of all names below it too, or of all when name is
 * NULL; and that they failed. An answer that came to it by way of the name counts as well. How many
 * answers that were.
 */
uint64_t ng_gate_flush(struct ng_gate *gate, uint64_t now_us, const struct ng_name *name,
		       bool below);

/*
 * What the cache holds, to be put back in a later life under the same boot of the machine: a step on from
 * *cursor (start with 0). *len octets of an answer are in out then, or 0 when it came upon none; false:
 * that was all. Other inputs may come between: an answer of that time is among these or is not.
 */
#define NG_CACHED_MAX 66000
bool ng_gate_cached_at(struct ng_gate *gate, uint64_t *cursor,
		       uint8_t out[static NG_CACHED_MAX], size_t *len);
/*
 * One of those. It is read as an answer of an upstream is, and holds no longer than its records say.
 * NG_E_FORMAT, NG_E_SHORT, NG_E_NOTFOUND (no such route), NG_E_RANGE (its time is over, or not of this
 * boot), NG_E_FULL, NG_E_NOMEM: then it is not kept, and nothing is lost by that.
 */
int ng_gate_cached_put(struct ng_gate *gate, uint64_t now_us, const uint8_t *octets,
		       size_t len) NG_MUST_CHECK;

/*
 * Whether what the cache says is given from ready octets where that changes nothing (it is unless told
 * otherwise), or never, or by the usual way and held against them: for tests.
 */
enum ng_ready_use { NG_READY_USED = 0, NG_READY_OFF, NG_READY_CHECKED };
void ng_gate_ready(struct ng_gate *gate, enum ng_ready_use use);
/* How often they were not the same. */
uint64_t ng_gate_ready_faults(const struct ng_gate *gate);

/* ---- looking in ---- */

struct ng_counters {
	uint64_t queries, denied, allowed, refused, servfail, malformed, silent;
	uint64_t cache_hits, stale_hits, prefetched, failure_hits, asks, leases_ordered,
		leases_refused, leases_ended, revoked, rebinds, blocked;
	uint64_t over_quota, over_rate, over_budget, evicted;
	uint64_t leases_kept,
		kept_to_ceiling; /* by flows; and of those until they might no longer */
	uint64_t flow_walks_late;
	uint64_t pending, leases, cache_entries, cache_octets, sandboxes; /* now */
	/* Memory of the leases and their indexes, and of the ways that led to them, by name. */
	uint64_t lease_octets, trails, trail_octets;
	uint64_t crowded; /* now: 1 from 80 to 70 hundredths of all elements that may be */
	/* Cache hits that needed no more than ready octets; of those octets now, part of the cache's. */
	uint64_t ready_hits, ready_answers, ready_octets;
};
void ng_gate_counters(const struct ng_gate *gate, struct ng_counters *out);

/*
 * What limits refused the sandbox behind *cursor (start with 0), of those that were refused anything;
 * false at the end. When sandboxes go meanwhile, one may come twice.
 */
bool ng_gate_limits_at(const struct ng_gate *gate, uint64_t *cursor, uint32_t *sandbox,
		       uint64_t out[static NG_LIMITS]);

struct ng_lease_view {
	uint32_t sandbox;
	struct ng_addr client, addr;
	struct ng_port port;
	struct ng_name name; /* whose rule opens it; of several the one that lasts longest */
	uint64_t until_us;
	uint64_t
		kept_us; /* the end that names give it, when a flow keeps it open beyond; else 0 */
	bool confirmed;
};
/* The lease behind *cursor (start with 0), in no particular order; false at the end. */
bool ng_gate_lease_at(const struct ng_gate *gate, uint64_t *cursor, struct ng_lease_view *out);

/* The waiting name behind *cursor (start with 0), oldest first; false at the end. */
bool ng_gate_waiting_at(const struct ng_gate *gate, uint64_t *cursor, struct ng_waiting *out);
