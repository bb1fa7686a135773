/*
 * The walls between the processes: fixed-size records over SOCK_SEQPACKET socket pairs.
 *
 * One packet is one struct wall_head and `count` bodies of the kind's size; nothing in it is a
 * pointer or of variable length. The reader runs wall_check() on every packet before it looks at
 * a body: direction, size, count, terminated strings, canonical addresses, ranges. A packet that
 * fails the check ends the channel. Descriptors (SCM_RIGHTS) come with exactly the kinds that
 * say so.
 *
 *     main -> warden   WALL_TABLE, WALL_SANDBOX_ADD, WALL_STATIC, WALL_SANDBOX_REMOVE,
 *                      WALL_CHANNEL (descriptor), WALL_TALLIES
 *     warden -> main   WALL_READY, WALL_DONE, WALL_TALLY_ROW, WALL_TALLIES_END
 *     main -> worker   WALL_BEGIN, WALL_TRUST (descriptor), WALL_ROUTE, WALL_OWN, WALL_RULESET (descriptor), WALL_MEMBER,
 *                      WALL_COMMIT, WALL_SANDBOX_REMOVE, WALL_LISTENER (descriptor),
 *                      WALL_CHANNEL (descriptor), WALL_STATUS, WALL_LEASES, WALL_WAITINGS,
 *                      WALL_TARGETS, WALL_LIMITS, WALL_UPSTREAMS,
 *                      WALL_FLUSH
 *     worker -> main   WALL_READY, WALL_DONE, WALL_COUNTERS, WALL_LEASE_ROW, WALL_LEASES_END,
 *                      WALL_WAITING_ROW, WALL_WAITINGS_END, WALL_TARGET_ROW, WALL_TARGETS_END,
 *                      WALL_LIMIT_ROW, WALL_LIMITS_END, WALL_UPSTREAM_ROW,
 *                      WALL_UPSTREAMS_END, WALL_FLUSHED
 *     worker -> warden WALL_LEASE, WALL_REVOKE, WALL_EVICT, WALL_CLAIMED
 *     warden -> worker WALL_LEASED, WALL_BLOCKED, WALL_FLOW,
 *                      WALL_FLOWS_LATE, WALL_TABLE_LOST, WALL_TABLE_BACK
 *
 * WALL_DONE answers, by seq, each WALL_TABLE, WALL_SANDBOX_ADD and WALL_SANDBOX_REMOVE (warden), each WALL_COMMIT,
 * single WALL_MEMBER and WALL_SANDBOX_REMOVE (worker).
 *
 * A WALL_SANDBOX_ADD that announces statics is followed by exactly so many in WALL_STATIC packets with
 * its seq; then all of it is committed at once and answered. They replace those it had before.
 *
 * A reload is WALL_BEGIN, then routes, own prefixes, rulesets and members in any order, then
 * WALL_COMMIT, which swaps all of it in at once; the members between BEGIN and COMMIT are the
 * whole set. A WALL_MEMBER (and the WALL_RULESETs that it needs) outside of BEGIN..COMMIT adds or
 * replaces one sandbox.
 *
 * A worker begins a channel to the warden with orders for every lease that it knows of, and ends
 * them with WALL_CLAIMED: what stands in the kernel beyond that, nobody can explain.
 *
 * Between WALL_TABLE_LOST and WALL_TABLE_BACK the table may lack what was confirmed before; orders that
 * come meanwhile are answered when it stands again.
 */
#pragma once

#include <namegate/addr.h>
#include <namegate/bounds.h>

#define WALL_PACKET_MAX 32768
#define WALL_TRUST_MAX  (8u << 20) /* octets of certificates */
#define WALL_FD         3          /* where a started child finds its channel to main */

/*
 * Packet marks. Every packet that comes in by a guarded interface carries the first; what the table
 * lets pass gets the second in its place. Routing refuses what still has the first, or the third:
 * that of a packet which a port of a bridge may send, as the table for bridges has found, on its way
 * to the other table. The mask leaves out the one bit in which these two differ.
 *
 * What the table lets pass of the host's own processes carries the second one, too, and what does not
 * is dropped on its way out. Of that mark only the low bits are looked at there: the higher ones are
 * what other firewalls change in the marks of packets that are not theirs (Kubernetes has 0x4000).
 */
#define WALL_MARK_CAME    0x6a7f
#define WALL_MARK_PASSED  0x6a7e
#define WALL_MARK_PORT    0x6a7d
#define WALL_MARK_REFUSED 0xfffffffdu /* of WALL_MARK_CAME: what routing looks at */
#define WALL_MARK_BITS    0x7f        /* of WALL_MARK_PASSED, on the way out */

enum wall_kind {
	WALL_NONE = 0,
	WALL_READY,
	WALL_DONE,
	WALL_TABLE,
	WALL_SANDBOX_ADD,
	WALL_SANDBOX_REMOVE,
	WALL_CHANNEL,
	WALL_BEGIN,
	WALL_ROUTE,
	WALL_OWN,
	WALL_RULESET,
	WALL_TRUST,
	WALL_MEMBER,
	WALL_COMMIT,
	WALL_LISTENER,
	WALL_STATUS,
	WALL_LEASES,
	WALL_COUNTERS,
	WALL_LEASE_ROW,
	WALL_LEASES_END,
	WALL_LEASE,
	WALL_REVOKE,
	WALL_CLAIMED,
	WALL_LEASED,
	WALL_BLOCKED,
	WALL_STATIC,
	WALL_WAITINGS,
	WALL_WAITING_ROW,
	WALL_WAITINGS_END,
	WALL_FLOW,
	WALL_FLOWS_LATE,
	WALL_TABLE_LOST,
	WALL_TABLE_BACK,
	WALL_EVICT, /* a WALL_REVOKE that cuts no flow */
	WALL_TALLIES,
	WALL_TALLY_ROW,
	WALL_TALLIES_END,
	WALL_TARGETS,
	WALL_TARGET_ROW,
	WALL_TARGETS_END,
	WALL_FLUSH,
	WALL_FLUSHED,
	WALL_LIMITS,
	WALL_LIMIT_ROW,
	WALL_LIMITS_END,
	WALL_UPSTREAMS,
	WALL_UPSTREAM_ROW,
	WALL_UPSTREAMS_END,
	WALL_KINDS
};

enum wall_way { /* who writes to whom */
		WALL_MAIN_TO_WARDEN = 1,
		WALL_WARDEN_TO_MAIN,
		WALL_MAIN_TO_WORKER,
		WALL_WORKER_TO_MAIN,
		WALL_WORKER_TO_WARDEN,
		WALL_WARDEN_TO_WORKER
};

struct wall_head {
	uint16_t kind;
	uint16_t count; /* bodies that follow: at least 1, also for the empty kinds */
	uint32_t seq;
};

struct wall_done { /* also WALL_READY, WALL_COMMIT, WALL_STATUS, WALL_CLAIMED, WALL_TABLE_LOST, and the
		     * questions for rows and the ends of rows: code 0 */
	int32_t code;    /* enum ng_error */
	uint32_t system; /* errno behind it, 0 without */
	uint32_t takes;  /* of a WALL_TABLE with sets that went well: WALL_TAKES; else 0 */
	uint32_t
		held; /* of a WALL_SANDBOX_ADD that was refused: 1: the host's processes that it is
			  * are told apart all the same, and shut out; else 0 */
};

/* A set that an operator's own ruleset declares. The family is nft's word for that of its table. */
#define WALL_SETS_MAX     8
#define WALL_NFT_NAME_MAX 64
struct wall_set {
	char family[8]; /* inet, ip, ip6, bridge, netdev */
	char table[WALL_NFT_NAME_MAX], name[WALL_NFT_NAME_MAX];
};
/* A name in an nftables ruleset that nft and a shell take without quotes. */
bool wall_nft_name_good(const char *name);
bool wall_set_family_good(const char *family);

/* What declared sets take, of that family: leases of all ports, and of one port each. */
#define WALL_TAKES(family, ports) (1u << (2 * ((family) == NG_IPV6) + ((ports) ? 1 : 0)))

struct wall_table {        /* once, first; again at a reload */
	char table[32];    /* name of the nftables table */
	uint16_t dns_port; /* where port 53 of a sandbox is redirected to */
	uint8_t n_interfaces;
	uint8_t n_sets;  /* not 0: no table; leases go into these and nowhere else */
	uint8_t again;   /* 1: it was refused just now and that has been said */
	uint8_t workers; /* how many there are to be; 0 is one */
	struct wall_set sets[WALL_SETS_MAX];
	char interfaces[NG_IFPATTERNS_MAX][NG_IFNAME_MAX]; /* "sb*" or a whole name */
	uint32_t lease_ceiling_s;
	uint32_t leases_sandbox; /* elements that one sandbox may hold */
	uint32_t leases;         /* size of the sets */
	uint32_t block_reports_per_s;
	uint32_t flow_step_ms; /* flows keep leases open for so long at a time; 0: not at all */
	uint32_t worker_uid;   /* whose packets pass beside a WALL_HOST_SIDECAR */
	uint16_t hosts;        /* WALL_HOST_: which kinds of sandboxes without an interface */
	uint16_t pad_hosts;
	uint32_t queries_sandbox; /* a second; at most NG_QUERIES_SANDBOX_MAX */
	uint32_t busy_us;         /* not to sleep for so long after an order; 0: sleep */
};
#define WALL_HOST_UID      0x01u
#define WALL_HOST_SIDECAR  0x02u
#define WALL_HOST_LEVEL(n) (2u << (n)) /* cgroups that lie n levels below the root */

/* How packets of a sandbox are told from others. All but the first have a token as their sources. */
enum wall_who {
	WALL_BY_INTERFACE = 0, /* and source address; "": any interface that is guarded */
	WALL_BY_UID,           /* who opened the socket */
	WALL_BY_CGROUP,        /* where the socket was opened, or below that */
	WALL_BY_NAMESPACE,     /* whatever leaves our network namespace, but for the worker's */
	WALL_BYS
};

#define WALL_MASQUERADE 0x01u
struct wall_sandbox {
	uint32_t id;
	uint8_t n_sources, n_opened, flags, mode; /* mode: enum ng_mode */
	uint32_t n_statics;                       /* at most NG_STATICS_MAX */
	char interface[NG_IFNAME_MAX];
	char bridge[NG_IFNAME_MAX]; /* that the interface is a port of; "": none */
	struct ng_prefix sources[NG_SOURCES_MAX];
	struct ng_prefix opened[NG_PRIVATE_MAX];
	struct ng_addr snat[NG_SNAT_MAX]; /* IPv4, IPv6: the source it leaves with; or none */
	uint8_t who;                      /* enum wall_who */
	uint8_t level;                    /* WALL_BY_CGROUP: below the root, from 1 */
	uint16_t worker; /* the one that orders for it, and no other may: its number less 1 */
	uint32_t uid;    /* WALL_BY_UID: never 0 */
	uint64_t cgroup; /* WALL_BY_CGROUP: the kernel's number of it */
};

/* An address or prefix that policy opens for as long as the sandbox is there, by no name. */
struct wall_static {
	uint32_t sandbox;
	struct ng_prefix prefix;
	uint8_t proto; /* 0: all; else IP protocol, and a port */
	uint8_t pad;
	uint16_t port;
};

/* The set of the table that leases stand in: of that family, bound to ports or not. */
const char *wall_lease_set(enum ng_family family, bool ports);

struct wall_id {
	uint32_t id;
};

enum wall_channel { WALL_TO_WARDEN = 1, WALL_TO_WORKER };
struct wall_channel_body {
	uint32_t worker;
}; /* number of the worker, from 1 */

struct wall_begin {
	uint64_t version;
	uint32_t lease_min_s, grace_s, ttl_max_s, deny_ttl_s, flow_lease_s, stale_s;
	uint32_t pending, pending_sandbox, leases, leases_sandbox, cache_octets;
	uint32_t queries_sandbox, budget;
	uint32_t tcp_clients, tcp_clients_sandbox, records_per_s;
	uint32_t flags;   /* WALL_ANCESTOR_NODATA, WALL_PREFETCH, WALL_DROP_, WALL_NO_ */
	uint32_t busy_us; /* not to sleep for so long after something happened; 0: sleep */
};
#define WALL_ANCESTOR_NODATA 0x01u
#define WALL_NO_IPV4         0x02u /* nothing could hold an address of that family open */
#define WALL_RESUMED         0x10u /* the worker before this one died */
#define WALL_NO_IPV6         0x04u
#define WALL_PREFETCH        0x08u
#define WALL_DROP_LOW_PORTS  0x20u

struct wall_flush {       /* answers to be forgotten */
	uint8_t name_len; /* 0: all of them */
	uint8_t below;    /* 1: of all names below it as well */
	uint8_t name[NG_NAME_MAX];
};
struct wall_flushed {
	uint64_t entries;
};

enum wall_transport {
	WALL_UDP = 0, /* and TCP for what does not fit, or looks forged */
	WALL_TCP,
	WALL_TLS, /* and nothing else, ever */
	WALL_TRANSPORTS
};
struct wall_server {
	struct ng_addr addr;
	uint16_t port;
	uint8_t transport;
	char name
		[NG_HOST_MAX]; /* of the server in its certificate; "": only its key is known */
};
struct wall_route {
	uint64_t origin; /* as in struct ng_route, as the next three are; never 0 */
	uint32_t id, sandbox, group;
	uint8_t zone_len;
	uint8_t zone[NG_NAME_MAX]; /* wire form, lower case */
	uint8_t n_opened, n_servers;
	struct ng_prefix opened[NG_PRIVATE_MAX];
	struct wall_server servers[NG_SERVERS_MAX];
	uint32_t timeout_ms; /* for one try; the whole budget is four times that */
	uint32_t mark; /* that sockets to its servers have once they are connected; 0: any */
	uint8_t n_pins, n_source;
	uint8_t trust_ad; /* 0 or 1 */
	uint8_t pins[NG_PINS_MAX]
		    [NG_PIN_LEN]; /* one of these is the key of whoever is asked by TLS */
	struct ng_addr source[NG_UPSOURCES_MAX];
};
struct wall_own {
	struct ng_prefix prefix;
};

struct wall_ruleset { /* the descriptor is a sealed memfd that holds the image */
	uint64_t id;  /* ng_ruleset_digest() */
	uint64_t len;
};

struct wall_trust { /* the descriptor is a sealed memfd that holds certificates as PEM */
	uint64_t len;
};

struct wall_member {
	uint32_t id;
	char name[NG_SANDBOX_NAME_MAX];
	char interface[NG_IFNAME_MAX];
	uint8_t mode, n_sources, n_opened;
	uint8_t n_rulesets[3]; /* by enum ng_scope */
	struct ng_prefix sources[NG_SOURCES_MAX];
	struct ng_prefix opened[NG_PRIVATE_MAX];
	uint64_t rulesets[3 * NG_RULESETS_MAX]; /* scope s starts at s * NG_RULESETS_MAX */
	uint64_t approvals;                     /* a ruleset; 0: none */
	uint32_t budget;                        /* 0: the gate's */
	uint32_t no_aaaa;                       /* 0 or 1 */
	uint32_t group;                         /* whose routes it has as well; 0: none */
	uint32_t pad;
};

struct wall_listener {
	uint32_t stream;  /* 0: UDP, bound; 1: a stream, listening */
	uint32_t sandbox; /* whose it is: then it is a Unix socket; else 0 */
};

struct wall_counters {
	uint64_t values[57];
}; /* struct ng_counters first, then the edges' own */

struct wall_lease_row {
	uint32_t sandbox;
	struct ng_addr client, addr;
	uint8_t proto, pad;
	uint16_t port;
	uint8_t confirmed, name_len;
	uint8_t name[NG_NAME_MAX];
	uint64_t until_us;
	uint64_t kept_us; /* as in struct ng_lease_view */
};

struct wall_waiting_row {
	uint64_t id;
	uint32_t sandbox;
	uint8_t name_len;
	uint8_t name[NG_NAME_MAX];
	char path[NG_PATH_MAX];
	uint32_t line;
	uint64_t first_us, last_us, count; /* CLOCK_MONOTONIC */
};

struct wall_lease { /* WALL_LEASE; WALL_REVOKE and WALL_EVICT (then until_us is 0) */
	uint64_t number;
	uint32_t sandbox;
	struct ng_addr client; /* none, or an address in a source prefix wider than one */
	struct ng_addr addr;
	uint8_t proto; /* 0: all; else IP protocol, and a port */
	uint8_t pad;
	uint16_t port;
	uint64_t until_us; /* CLOCK_MONOTONIC, end with grace */
};
struct wall_leased {
	uint64_t number;
	int32_t code; /* enum ng_error: NG_OK when the kernel acknowledged */
};

enum wall_trick { /* what the kernel's rules saw in a refused packet, beyond where it goes */
		  WALL_TRICK_NONE = 0,
		  WALL_TRICK_SOURCE,    /* the source is none of the sandbox's */
		  WALL_TRICK_OPTIONS,   /* IP options */
		  WALL_TRICK_EXTENSION, /* an IPv6 extension header */
		  WALL_TRICK_FRAGMENT,
		  WALL_TRICK_STRAY, /* of no connection that there is, or could be */
		  WALL_TRICK_FRAME, /* not for a port of a bridge to send */
		  WALL_TRICK_FLOOD, /* a question too many, or too long */
		  WALL_TRICKS
};
struct wall_blocked {
	uint32_t sandbox;        /* 0: it came in where no single sandbox is */
	struct ng_addr from, to; /* none: the packets were only counted */
	uint8_t proto;
	uint8_t observed; /* 1: it passed, since the sandbox is only observed */
	uint8_t trick;    /* enum wall_trick */
	uint8_t pad;
	uint16_t port;
	uint32_t logged; /* of the count: packets that were seen to go there */
	uint64_t count;  /* and those that were not looked at one by one */
};

/* Packets of one sandbox since it was registered, by the kernel's counters; of nobody: sandbox 0. */
struct wall_tally {
	uint32_t sandbox, pad;
	uint64_t refused, observed, forged;
};

#define WALL_REASON_MAX 320
struct wall_target {       /* where packets of a sandbox were seen to go, and did not get */
	uint32_t sandbox;  /* 0: nobody's, as above */
	struct ng_addr to; /* none: `packets` of the sandbox are not among its targets */
	uint8_t proto, observed, why, name_len; /* why: enum ng_why */
	uint16_t port, pad;
	uint8_t name[NG_NAME_MAX]; /* that last held the address there */
	uint64_t packets;          /* at most; `over` of them may be another's */
	uint64_t over;
	uint64_t first_us, last_us; /* CLOCK_MONOTONIC */
	char reason[WALL_REASON_MAX];
};

struct wall_limit_row { /* what limits have refused a sandbox, or taken from it */
	uint32_t sandbox, pad;
	uint64_t values[16]; /* by enum ng_limit */
};

struct wall_upstream { /* a server as it was found to be */
	struct ng_addr addr;
	uint8_t transport; /* enum wall_transport */
	uint8_t state;     /* enum upstream_state, as the edge has it; at most 2 */
	uint16_t port;
	uint32_t aside_ms, srtt_us, tcp_us;
	uint32_t sandbox, group; /* whose zone it is, as in struct wall_route */
	uint8_t zone_len;
	uint8_t zone[NG_NAME_MAX];
	uint64_t counts[16]; /* by enum upstream_count */
};

struct wall_late { /* flows were looked for so often without being found before leases ended */
	uint64_t count;
};

struct wall_flow { /* an established flow uses this lease, which ends soon */
	uint32_t sandbox;
	struct ng_addr client, addr; /* client as in the order for it */
	uint8_t proto, pad;
	uint16_t port;
};

struct wall_rebuilt { /* WALL_TABLE_BACK */
	uint64_t elements;
	uint32_t took_us; /* since it was noticed */
};

struct wall_packet {
	struct wall_head head;
	union {
		struct wall_done done;
		struct wall_table table;
		struct wall_sandbox sandbox;
		struct wall_id id;
		struct wall_channel_body channel;
		struct wall_begin begin;
		struct wall_route route;
		struct wall_own own;
		struct wall_ruleset ruleset;
		struct wall_trust trust;
		struct wall_member member;
		struct wall_listener listener;
		struct wall_counters counters;
		struct wall_flush flush;
		struct wall_flushed flushed;
		struct wall_static statics[(WALL_PACKET_MAX - 8) / sizeof(struct wall_static)];
		struct wall_lease_row row;
		struct wall_waiting_row waiting;
		struct wall_tally tally[(WALL_PACKET_MAX - 8) / sizeof(struct wall_tally)];
		struct wall_target target;
		struct wall_limit_row limits;
		struct wall_upstream upstream;
		struct wall_lease lease[(WALL_PACKET_MAX - 8) / sizeof(struct wall_lease)];
		struct wall_leased leased[(WALL_PACKET_MAX - 8) / sizeof(struct wall_leased)];
		struct wall_rebuilt rebuilt;
		struct wall_blocked
			blocked[(WALL_PACKET_MAX - 8) / sizeof(struct wall_blocked)];
		struct wall_late late;
		struct wall_flow flow[(WALL_PACKET_MAX - 8) / sizeof(struct wall_flow)];
	};
};

/* Is this a host name as a certificate has it, without a dot at its end? */
bool wall_host_good(const char *name);
size_t wall_body_size(enum wall_kind kind); /* 0 for a kind that does not exist */
size_t wall_packet_size(enum wall_kind kind, size_t count); /* head and bodies */
size_t wall_count_max(enum wall_kind kind); /* bodies that one packet may hold */
/*
 * Is this packet, of len octets with n_fds descriptors, one that may come this way? NG_E_FORMAT
 * when not. Only then may packet->head and the bodies be read.
 */
int wall_check(enum wall_way way, const struct wall_packet *packet, size_t len,
	       size_t n_fds) NG_MUST_CHECK;
