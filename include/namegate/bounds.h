/*
 * Every bound of the program in one place: what the protocol fixes, and the defaults and
 * ceilings of what the configuration may choose. Nothing in namegate grows past a number
 * that stands here.
 */
#pragma once

/* Fixed by the protocol. */
#define NG_NAME_MAX       255   /* RFC 1035 2.3.4: wire octets of a name, root label included */
#define NG_LABEL_MAX      63    /* RFC 1035 2.3.4 */
#define NG_LABELS_MAX     128   /* 127 one-octet labels and the root */
#define NG_NAME_TEXT_MAX  1025  /* 255 octets, each at most \DDD, and the NUL */
#define NG_MESSAGE_MAX    65535 /* RFC 1035 4.2.2 */
#define NG_HEADER_LEN     12    /* RFC 1035 4.1.1 */
#define NG_UDP_FLOOR      512   /* RFC 1035 2.3.4: what every client takes */
#define NG_UDP_ADVERTISED 1232  /* DNS flag day 2020: no fragments on any common path */

/* Fixed by us. */
#define NG_CHAIN_MAX           16     /* alias links followed for one question */
#define NG_ANSWER_RRS_MAX      512    /* records read from one upstream message */
#define NG_ADDRS_MAX           128    /* addresses that one reply may open */
#define NG_SOURCES_MAX         8      /* source prefixes of one sandbox */
#define NG_PRIVATE_MAX         16     /* opened never-public prefixes of one sandbox or route */
#define NG_RULESETS_MAX        16     /* policy sources in one scope */
#define NG_ROUTES_MAX          4096   /* forward zones, of all, of groups and of sandboxes */
#define NG_SERVERS_MAX         8      /* upstream servers of one route */
#define NG_HOST_MAX            254    /* octets of a host name with the NUL */
#define NG_PINS_MAX            4      /* public keys that one forward zone names */
#define NG_PIN_LEN             32     /* SHA-256 */
#define NG_UPSOURCES_MAX       2      /* addresses that one zone is asked from: one a family */
#define NG_SNAT_MAX            2      /* static egress addresses of one sandbox: one a family */
#define NG_STATICS_MAX         256    /* static addresses and prefixes of one sandbox */
#define NG_PORTS_MAX           16     /* ports that one rule may name */
#define NG_TYPES_MAX           8      /* query types that one rule may name */
#define NG_RULE_PRIVATE_MAX    4      /* opened prefixes of one rule */
#define NG_INCLUDE_DEPTH       8      /* lists that include lists */
#define NG_WAITING_MAX         4096   /* names that wait for approval, in all */
#define NG_WAITING_SANDBOX_MAX 64     /* and of one sandbox */
#define NG_HISTORY_MAX         100000 /* ended leases that are remembered, in all */
#define NG_HISTORY_SHARES      64 /* and when they are full, what one sandbox may take of them */
#define NG_FAILURES_MAX        8192 /* unanswered questions that are remembered */
#define NG_FAILURE_MIN_S       1    /* how long: RFC 9520 3.2 */
#define NG_FAILURE_MAX_S       5
#define NG_HOLDERS_MAX         16 /* names that hold one lease */
/* octets of names and addresses behind leases, for each lease of a sandbox's quota */
#define NG_TRAIL_SHARE      4096
#define NG_SANDBOX_NAME_MAX 64  /* octets with the NUL */
#define NG_IFNAME_MAX       16  /* IFNAMSIZ of Linux */
#define NG_PATH_MAX         256 /* octets of a policy source's name with the NUL */
#define NG_EDE_TEXT_MAX     192 /* octets of EXTRA-TEXT (RFC 8914) that we send */
#define NG_EVENT_ID         27  /* characters of an event's id, with the NUL */
#define NG_LISTENERS_MAX    16
#define NG_WORKERS_MAX      64  /* processes that answer */
#define NG_SOCKETS_MAX      256 /* Unix sockets of sandboxes, in all */
#define NG_SOCKET_MAX       108 /* octets of a Unix socket's path with the NUL: sun_path of Linux */
#define NG_CGROUP_LEVELS    12  /* how deep a sandbox's cgroup may lie */
#define NG_CGROUP_MAX       256 /* octets of its path with the NUL */
#define NG_USER_MAX         33  /* and of a user's name */
#define NG_IFPATTERNS_MAX   8   /* host-side interfaces (patterns) that the gate guards */

/* Defaults; the configuration may change them up to the ceiling beside them. */
#define NG_SANDBOXES_DEFAULT           16384
#define NG_SANDBOXES_CEILING           65536
#define NG_PENDING_DEFAULT             65536 /* questions waiting for upstream or kernel, in all */
#define NG_PENDING_SANDBOX_DEFAULT     512      /* the same, for one sandbox */
#define NG_LEASES_DEFAULT              1048576  /* in all */
#define NG_LEASES_SANDBOX_DEFAULT      4096     /* for one sandbox */
#define NG_CACHE_OCTETS_DEFAULT        33554432 /* what answers are remembered in */
#define NG_CACHE_OCTETS_FLOOR          65536
#define NG_TCP_CLIENTS_DEFAULT         1024
#define NG_TCP_CLIENTS_SANDBOX_DEFAULT 32
#define NG_QUERIES_SANDBOX_DEFAULT     10000 /* questions a second of one sandbox */
#define NG_QUERIES_SANDBOX_MAX         1000000
#define NG_BUSY_CEILING_US             1000000u /* that nobody sleeps after something happened */
#define NG_RECORDS_PER_S_DEFAULT       200      /* record lines a second for one sandbox */

/* Octets a minute that one sandbox may send out by new names below one wildcard, and for how many minutes
 * they gather; namegate-answers(7) has the sums. */
#define NG_BUDGET_DEFAULT 256
#define NG_BUDGET_CEILING (1u << 20)
#define NG_BUDGET_OFF     UINT32_MAX
#define NG_BUDGET_MINUTES 16

#define NG_LEASE_MIN_S 60
#define NG_GRACE_S     30
#define NG_TTL_MAX_S   3600
#define NG_STALE_TTL_S 30 /* RFC 8767 4 */
#define NG_STALE_CEILING_S                                                                     \
	604800 /* as BIND and Unbound know it: longer is no cache but an archive */
#define NG_FLOW_LEASE_S    3600 /* what the longest TTL opens besides */
#define NG_DENY_TTL_S      10
#define NG_LEASE_CEILING_S 86400 /* the warden refuses a longer one */
#define NG_BACKSTOP_S      30    /* kernel time-out beyond the warden's own delete */
