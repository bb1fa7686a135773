/*
 * Rules about packets of the host's own processes: sandboxes without an interface.
 *
 * Such a packet is known by its socket, in the output hook: by the cgroup that the socket was opened
 * in, by the user who opened it, or, in a namespace that is the sandbox's own, by not being the
 * worker's. What is known is written into the flow's label (token.h). All rules
 * after that read the label and judge as "judge" does, with the token of the packet's family in the place
 * of the source address; so leases, static rules, counters and
 * reports are the same as for a sandbox with an interface.
 *
 * A flow passes without being judged again when it is established and has a label: one that stood
 * before its sandbox was there has none and is judged like a new one. Only what the sandbox itself
 * began passes at all: answers to those who come from outside are refused.
 *
 * The kernel only ever adds bits to a label. So a flow that has one of ours is never given another: it
 * stays whose it is, and any other sandbox that sends on it, from a port that the first one left, is
 * refused. A refusal of that kind is in nobody's name, for the flow's own is not the sender's.
 *
 * DNS is judged to pass, turned to the gate's own port by "host_dns" and, on its way there over the
 * loopback interface, given the token as its source by "host_ask": so the gate sees which sandbox
 * asks, and the answer goes back through the same translations to the address that asked, from the
 * address that was asked. Nobody else may ask under a token, and no token comes in from
 * outside. Translation is settled by a flow's first packet: one to port 53 that stood before its
 * sandbox was there is not turned, and "host_leak" refuses it.
 *
 * Cgroups are looked at from the deepest level up, then the user, then the namespace: the narrower
 * sandbox has its say. A socket of the kernel's own that carries some user's data has no opener that
 * could be told (old kernels make MPTCP's that way): while sandboxes are told by their user, such
 * a socket begins no flow. What the kernel sends without a socket, resets and errors, passes.
 *
 * What passes gets a mark, without which it is dropped behind all of netfilter (edge/program_held.c):
 * so nothing comes out while the table is gone. DNS gets it behind its translation: a table that goes
 * away between these two would let it out as it was.
 *
 * With a sidecar, containers share the loopback interface, and it is theirs, but for 127.0.0.11: there
 * Docker's own resolver listens, on a port of its choice, and asks for whoever comes. Router and neighbour
 * discovery, multicast reports and errors are the kernel's own work.
 */
#include "warden/rules.h"

#include "base/token.h"
#include "warden/rule_words.h"

#include <libnftnl/rule.h>
#include <string.h>

/* Regular chains. */
#define CHAIN_OWNED   "host_owned"
#define CHAIN_KERNEL  "host_kernel"
#define CHAIN_UNOWNED "host_unowned"
#define CHAIN_SIDECAR "host_sidecar"
#define CHAIN_SHARED  "host_shared"
#define CHAIN_FLOW    "host_flow"
#define CHAIN_JUDGE   "host_judge"
#define CHAIN_REST    "host_unopened"
#define CHAIN_OBSERVE "host_observe"
#define CHAIN_DENY    "host_deny"
#define CHAIN_PASS    "host_pass"
#define CHAIN_MARK    "host_mark"

/* Nobody passes without the mark, but what stays on the loopback interface beside a sidecar. */
#define PASS     GOTO(CHAIN_PASS)
#define LOOPBACK 1 /* the index of "lo" in every namespace */

/* Base chains. */
#define BASE_OUT  "host_out"
#define BASE_DNS  "host_dns"
#define BASE_ASK  "host_ask"
#define BASE_LEAK "host_leak"
#define BASE_IN   "host_in"

static const char *const regular[] = {CHAIN_OWNED,   CHAIN_KERNEL, CHAIN_UNOWNED, CHAIN_SIDECAR,
				      CHAIN_SHARED,  CHAIN_FLOW,   CHAIN_JUDGE,   CHAIN_REST,
				      CHAIN_OBSERVE, CHAIN_DENY,   CHAIN_PASS,    CHAIN_MARK};

static const struct base_chain bases[] = {
	{BASE_OUT, "filter", NF_INET_LOCAL_OUT, -150}, /* after conntrack, before translation */
	{BASE_DNS, "nat", NF_INET_LOCAL_OUT, -101},    /* ahead of a container engine's */
	{BASE_LEAK, "filter", NF_INET_LOCAL_OUT, -90}, /* after translation */
	{BASE_ASK, "nat", NF_INET_POST_ROUTING, 99},   /* before "masq" */
	{BASE_IN, "filter", NF_INET_PRE_ROUTING, -300}, /* before conntrack */
};

/*
 * The label lies in R0 to R3: from R1 on the IPv6 token, whose end is set in R4, and in R3 the IPv4
 * token. nft knows no part of a label; what is loaded there before, and never read, lets it list these
 * rules as what they mean: the source address in them is the token.
 */
#define LABEL                                                                                  \
	{                                                                                      \
		.kind = STEP_CT, .reg = R0, .a = NFT_CT_LABELS                                 \
	}
#define ZERO                                                                                   \
	{                                                                                      \
		.kind = STEP_ZERO, .reg = R4                                                   \
	}
#define TOKEN4    SADDR4(R3), LABEL
#define TOKEN6    SADDR6(R1), LABEL, ZERO
#define OURS      LABEL, IN("host_label")
#define ANY_TOKEN 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define MARKED                                                                                 \
	LABEL, MASK(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),               \
		EQ(TOKEN_HEAD, ANY_TOKEN) /* a sandbox's, whether it still stands or not */
#define LABELLED                                                                               \
	{                                                                                      \
		.kind = STEP_LABEL, .reg = R4                                                  \
	}
#define SNAT_AT(r, family)                                                                     \
	{                                                                                      \
		.kind = STEP_SNAT, .reg = (r), .a = (family)                                   \
	}
#define IN_AT(r, set)                                                                          \
	{                                                                                      \
		.kind = STEP_LOOKUP, .reg = (r), .name = (set)                                 \
	}
#define TALLY_AT(r, set)                                                                       \
	{                                                                                      \
		.kind = STEP_TALLY, .reg = (r), .name = (set)                                  \
	}
#define MAP_AT(r, map, to)                                                                     \
	{                                                                                      \
		.kind = STEP_MAP, .reg = (r), .a = (to), .name = (map)                         \
	}
#define NOT_LOCAL    {.kind = STEP_FIB, .reg = R0}, NEQ(HOST32(RTN_LOCAL))
#define CT_NEW       NF_CT_STATE_BIT(IP_CT_NEW)
#define FROM_OUTSIDE META(R0, NFT_META_IIF), NEQ(HOST32(LOOPBACK))
#define CT_FORWARD   {.kind = STEP_CT, .reg = R0, .a = NFT_CT_DIRECTION}, EQ(0)
#define ANY_NUMBER                                                                             \
	{                                                                                      \
		.kind = STEP_CMP, .reg = R0, .a = NFT_CMP_GTE, OCTETS(0, 0, 0, 0)              \
	}
#define OWNED            META(R0, NFT_META_SKUID), ANY_NUMBER /* can its opener be told? */
#define SOCKET           {.kind = STEP_SOCKET, .reg = R0, .a = NFT_SOCKET_MARK}, ANY_NUMBER
#define ICMP6_TYPE(type) L4(IPPROTO_ICMPV6), TH(R0, 0, 1), EQ(type)
#define MARK_TOKEN                                                                             \
	{                                                                                      \
		.kind = STEP_MARK_AS, .reg = R3                                                \
	}
#define REJECT_RESET                                                                           \
	{                                                                                      \
		.kind = STEP_REJECT, .a = NFT_REJECT_TCP_RST                                   \
	}
#define REJECT_ADMIN                                                                           \
	{                                                                                      \
		.kind = STEP_REJECT, .a = NFT_REJECT_ICMPX_UNREACH,                            \
		.b = NFT_REJECT_ICMPX_ADMIN_PROHIBITED                                         \
	}

enum side { SIDE_BOTH = 0, SIDE_FIRST, SIDE_TWIN };

#define ANY                     0
#define RULE(kinds, chain, ...) RULE_OF(SIDE_BOTH, kinds, chain, __VA_ARGS__)
#define RULE_OF(side, kinds, chain, ...)                                                       \
	{                                                                                      \
		side, kinds, chain, (const struct step[])                                      \
		{                                                                              \
			__VA_ARGS__, END                                                       \
		}                                                                              \
	}
#define OPENED4  V4, TOKEN4, DADDR4(R4)
#define OPENED6  V6, TOKEN6, DADDR6(R5)
#define OPENED4P OPENED4, META(R5, NFT_META_L4PROTO), TH(R6, 2, 2)
#define OPENED6P OPENED6, META(R9, NFT_META_L4PROTO), TH(R10, 2, 2)
#define LEASED(set4, set6, set4p, set6p, side)                                                 \
	RULE_OF(side, ANY, CHAIN_JUDGE, OPENED4, IN_AT(R3, set4), PASS),                       \
		RULE_OF(side, ANY, CHAIN_JUDGE, OPENED6, IN_AT(R1, set6), PASS),               \
		RULE_OF(side, ANY, CHAIN_JUDGE, OPENED4P, IN_AT(R3, set4p), PASS),             \
		RULE_OF(side, ANY, CHAIN_JUDGE, OPENED6P, IN_AT(R1, set6p), PASS)

#define UID     WALL_HOST_UID
#define SIDECAR WALL_HOST_SIDECAR

/* Behind those that host_rules_write() makes for each kind. */
static const struct rule {
	enum side side;
	uint16_t kinds; /* there is a sandbox of one of these, or ANY */
	const char *chain;
	const struct step *steps;
} rules[] = {
	RULE(UID | SIDECAR, BASE_OUT, OWNED, GOTO(CHAIN_OWNED)),
	RULE(SIDECAR, BASE_OUT, GOTO(CHAIN_KERNEL)),
	RULE(ANY, BASE_IN, V4, NET(R0, 12, 2), MASK(0xff, 0xc0), EQ(TOKEN_NET4), FROM_OUTSIDE,
	     COUNTER, DROP),
	RULE(ANY, BASE_IN, V6, NET(R0, 8, 8), EQ(TOKEN_NET6), FROM_OUTSIDE, COUNTER, DROP),
	RULE(UID, BASE_OUT, CT_STATE(CT_ESTABLISHED), OURS,
	     PASS), /* of a socket closed by now */
	RULE(UID, BASE_OUT, CT_STATE(CT_NEW), L4(IPPROTO_TCP), SOCKET, GOTO(CHAIN_UNOWNED)),
	RULE(UID, BASE_OUT, CT_STATE(CT_NEW), L4(IPPROTO_UDP), SOCKET, GOTO(CHAIN_UNOWNED)),

	RULE(SIDECAR, CHAIN_KERNEL, CT_STATE(CT_ESTABLISHED), PASS),
	RULE(SIDECAR, CHAIN_KERNEL, CT_STATE(CT_RELATED), PASS),
	RULE(SIDECAR, CHAIN_KERNEL, V6, HOPS255, ND, PASS),
	RULE(SIDECAR, CHAIN_KERNEL, V6, ICMP6_TYPE(131), PASS), /* who listens to what, */
	RULE(SIDECAR, CHAIN_KERNEL, V6, ICMP6_TYPE(132), PASS),
	RULE(SIDECAR, CHAIN_KERNEL, V6, ICMP6_TYPE(143), PASS),
	RULE(SIDECAR, CHAIN_KERNEL, V4, L4(IPPROTO_IGMP), PASS), /* of multicast */
	RULE(SIDECAR, CHAIN_KERNEL, GOTO(CHAIN_SIDECAR)),

	RULE(SIDECAR, CHAIN_SIDECAR, CT_STATE(CT_ESTABLISHED), TO_LOCAL, OURS, ACCEPT),
	RULE(SIDECAR, CHAIN_SIDECAR, CT_STATE(CT_ESTABLISHED), V6, NET(R0, 24, 8),
	     EQ(TOKEN_NET6), OURS,
	     ACCEPT), /* the gate's answers, which the token does not keep */
	RULE(SIDECAR, CHAIN_SIDECAR, CT_STATE(CT_ESTABLISHED), TOKEN4,
	     META(R4, NFT_META_NFPROTO), IN_AT(R3, "host_sidecar_flow"), GOTO(CHAIN_FLOW)),
	RULE(SIDECAR, CHAIN_SIDECAR, TOKEN4, META(R4, NFT_META_NFPROTO),
	     IN_AT(R3, "host_sidecar_flow"), GOTO(CHAIN_SHARED)),
	RULE(SIDECAR, CHAIN_SIDECAR, MARKED, GOTO(CHAIN_UNOWNED)),
	RULE(SIDECAR, CHAIN_SIDECAR, META(R0, NFT_META_NFPROTO), MAP("host_sidecar", R4),
	     LABELLED),
	RULE(SIDECAR, CHAIN_SIDECAR, GOTO(CHAIN_SHARED)),

	RULE(SIDECAR, CHAIN_SHARED, V4, DADDR4(R0), EQ(127, 0, 0, 11), GOTO(CHAIN_JUDGE)),
	RULE(SIDECAR, CHAIN_SHARED, TO_LOCAL, ACCEPT),
	RULE(SIDECAR, CHAIN_SHARED, GOTO(CHAIN_JUDGE)),

	RULE(ANY, CHAIN_UNOWNED, COUNTER),
	RULE(ANY, CHAIN_UNOWNED, L4(IPPROTO_TCP), REJECT_RESET),
	RULE(ANY, CHAIN_UNOWNED, REJECT_ADMIN),

	RULE(ANY, CHAIN_PASS, L4(IPPROTO_UDP), DPORT(53),
	     ACCEPT), /* marked where it is turned */
	RULE(ANY, CHAIN_PASS, L4(IPPROTO_TCP), DPORT(53), ACCEPT),
	RULE(ANY, CHAIN_PASS, GOTO(CHAIN_MARK)),

	RULE(ANY, CHAIN_MARK, {.kind = STEP_MARK, .reg = R0, .a = WALL_MARK_PASSED}, ACCEPT),

	RULE(ANY, CHAIN_FLOW, CT_REPLY, GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_FLOW, PASS),

	RULE(ANY, CHAIN_JUDGE, CT_REPLY, GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, CT_STATE(CT_INVALID), COUNTER, DROP),
	RULE(ANY, CHAIN_JUDGE, V4, NET(R0, 0, 1), MASK(0x0f), NEQ(5), COUNTER,
	     DROP), /* options */
	RULE(ANY, CHAIN_JUDGE, V6, EXTENSION(IPPROTO_HOPOPTS), GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, V6, EXTENSION(IPPROTO_ROUTING), GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, V6, EXTENSION(IPPROTO_DSTOPTS), GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, V6, EXTENSION(IPPROTO_FRAGMENT), GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, V6, NET(R0, 6, 1), EQ(IPPROTO_AH), GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, L4(IPPROTO_UDP), DPORT(53), OURS, PASS), /* redirected next */
	RULE(ANY, CHAIN_JUDGE, L4(IPPROTO_TCP), DPORT(53), OURS, PASS),
	RULE(ANY, CHAIN_JUDGE, META(R0, NFT_META_L4PROTO), TH(R1, 2, 2), IN("private_dns"),
	     GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, V4, DADDR4(R0), IN("never4"), GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, V6, DADDR6(R0), IN("never6"), GOTO(CHAIN_DENY)),
	RULE(ANY, CHAIN_JUDGE, META(R0, NFT_META_L4PROTO), NEQ(IPPROTO_TCP), NEQ(IPPROTO_UDP),
	     GOTO(CHAIN_REST)), /* a lease opens no tunnel */
	LEASED("allow4", "allow6", "allow4p", "allow6p", SIDE_FIRST),
	LEASED("allow4b", "allow6b", "allow4pb", "allow6pb", SIDE_TWIN),
	RULE(ANY, CHAIN_JUDGE, OPENED4, IN_AT(R3, "cidr4"), PASS),
	RULE(ANY, CHAIN_JUDGE, OPENED6, IN_AT(R1, "cidr6"), PASS),
	RULE(ANY, CHAIN_JUDGE, OPENED4P, IN_AT(R3, "cidr4p"), PASS),
	RULE(ANY, CHAIN_JUDGE, OPENED6P, IN_AT(R1, "cidr6p"), PASS),
	RULE(ANY, CHAIN_JUDGE, GOTO(CHAIN_REST)),

	RULE(ANY, CHAIN_REST, V4, TOKEN4, IN_AT(R3, "observe4"), GOTO(CHAIN_OBSERVE)),
	RULE(ANY, CHAIN_REST, V6, TOKEN6, IN_AT(R1, "observe6"), GOTO(CHAIN_OBSERVE)),
	RULE(ANY, CHAIN_REST, GOTO(CHAIN_DENY)),

	RULE(ANY, CHAIN_OBSERVE, V4, TOKEN4, TALLY_AT(R3, "seen4")),
	RULE(ANY, CHAIN_OBSERVE, V6, TOKEN6, TALLY_AT(R1, "seen6")),
	RULE(ANY, CHAIN_OBSERVE, COUNTER, PASS),

	RULE(ANY, CHAIN_DENY, V4, TOKEN4, TALLY_AT(R3, "refused4")),
	RULE(ANY, CHAIN_DENY, V6, TOKEN6, TALLY_AT(R1, "refused6")),
	RULE(ANY, CHAIN_DENY, COUNTER),
	RULE(ANY, CHAIN_DENY, L4(IPPROTO_TCP), REJECT_RESET),
	RULE(ANY, CHAIN_DENY, REJECT_ADMIN),
};

/* Rules of other sandboxes' static egress addresses, which know the source by itself. */
static const struct rule last[] = {
	RULE(ANY, BASE_ASK, V4, NOT_LOCAL, TOKEN4, MAP_AT(R3, "snat4", R4),
	     SNAT_AT(R4, NFPROTO_IPV4)),
	RULE(ANY, BASE_ASK, V6, NOT_LOCAL, TOKEN6, MAP_AT(R1, "snat6", R5),
	     SNAT_AT(R5, NFPROTO_IPV6)),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct writer {
	struct batch *batch; /* NULL: only count */
	struct netlink *netlink;
	const struct wall_table *table;
	size_t n;
};

static void add(struct writer *writer, const char *chain, const struct step *steps)
{
	writer->n++;
	if (writer->batch)
		write_rule(writer->batch, writer->netlink, writer->table->table, chain, steps);
}

/* ---- who it is ---- */

/*
 * By the key at `know`, for which map has the label, and flows the token in front of it. A flow that is
 * the sandbox's own is judged with the label it has; one that is another's is refused.
 */
static void write_known(struct writer *writer, struct step know, const char *map,
			const char *flows)
{
	const struct step anothers[] = {know, MAP(map, R4), MARKED, GOTO(CHAIN_UNOWNED), END};
	const struct step other[] = {know, MAP(map, R4), LABELLED, GOTO(CHAIN_JUDGE), END};
	struct step own[] = {TOKEN4, know, IN_AT(R3, flows), GOTO(CHAIN_JUDGE), END};
	struct step stands[] = {CT_STATE(CT_ESTABLISHED), TOKEN4,           know,
				IN_AT(R3, flows),         GOTO(CHAIN_FLOW), END};

	stands[5].reg = R4;
	own[2].reg = R4;
	add(writer, BASE_OUT, stands);
	add(writer, BASE_OUT, own);
	add(writer, BASE_OUT, anothers);
	add(writer, BASE_OUT, other);
}

static void write_kinds(struct writer *writer)
{
	for (uint32_t level = NG_CGROUP_LEVELS; level > 0; level--) {
		struct step know = {
			.kind = STEP_SOCKET, .reg = R0, .a = NFT_SOCKET_CGROUPV2, .b = level};

		if (writer->table->hosts & WALL_HOST_LEVEL(level))
			write_known(writer, know, "host_cgroup", "host_cgroup_flow");
	}
	if (writer->table->hosts & UID)
		write_known(writer, (struct step)META(R0, NFT_META_SKUID), "host_uid",
			    "host_uid_flow");
}

static void write_owned(struct writer *writer)
{
	struct step worker[] = {META(R0, NFT_META_SKUID), EQ(0, 0, 0, 0), GOTO(CHAIN_MARK),
				END};
	const struct step other[] = {GOTO(CHAIN_SIDECAR), END};

	if (!(writer->table->hosts & SIDECAR))
		return;
	memcpy(worker[1].data, &writer->table->worker_uid, sizeof(uint32_t));
	add(writer, CHAIN_OWNED, worker);
	add(writer, CHAIN_OWNED, other);
}

/* ---- DNS ---- */

static void write_dns(struct writer *writer, uint8_t proto)
{
	const uint16_t port = writer->table->dns_port;
	const struct step forged4[] = {
		V4,        NET(R0, 12, 2), MASK(0xff, 0xc0), EQ(TOKEN_NET4),
		L4(proto), DPORT(port),    COUNTER,          DROP,
		END};
	const struct step forged6[] = {V6,          NET(R0, 8, 8), EQ(TOKEN_NET6), L4(proto),
				       DPORT(port), COUNTER,       DROP,           END};
	const struct step turn[] = {
		L4(proto), DPORT(53), OURS, {.kind = STEP_REDIRECT, .reg = R0, .a = port}, END};
	const struct step name4[] = {
		V4, L4(proto), DPORT(port), TO_LOCAL, OURS, TOKEN4, SNAT_AT(R3, NFPROTO_IPV4),
		END};
	const struct step name6[] = {
		V6, L4(proto), DPORT(port), TO_LOCAL, OURS, TOKEN6, SNAT_AT(R1, NFPROTO_IPV6),
		END};

	add(writer, BASE_OUT, forged4);
	add(writer, BASE_OUT, forged6);
	add(writer, BASE_DNS, turn);
	add(writer, BASE_ASK, name4);
	add(writer, BASE_ASK, name6);
}

/* By now the token is the source, and forged ones have been dropped. */
static void write_asks(struct writer *writer)
{
	const uint16_t port = writer->table->dns_port;
	const struct step asks4[] = {V4,
				     NET(R0, 12, 2),
				     MASK(0xff, 0xc0),
				     EQ(TOKEN_NET4),
				     L4(IPPROTO_UDP),
				     DPORT(port),
				     GOTO(CHAIN_ASKS),
				     END};
	const struct step asks6[] = {V6,
				     NET(R0, 8, 8),
				     EQ(TOKEN_NET6),
				     L4(IPPROTO_UDP),
				     DPORT(port),
				     GOTO(CHAIN_ASKS),
				     END};

	add(writer, BASE_IN, asks4);
	add(writer, BASE_IN, asks6);
}

/* What was not turned, by its first packet or by somebody else's translation, was turned elsewhere. */
static void write_leak(struct writer *writer, uint8_t proto)
{
	const uint16_t port = writer->table->dns_port;
	const struct step turned4[] = {V4,        DADDR4(R0),  EQ(127, 0, 0, 1),
				       L4(proto), DPORT(port), GOTO(CHAIN_MARK),
				       END};
	const struct step turned6[] = {
		V6,        DADDR6(R0),  EQ(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
		L4(proto), DPORT(port), GOTO(CHAIN_MARK),
		END};
	const struct step leaks[] = {L4(proto),           OURS, CT_FORWARD, ASKED53,
				     GOTO(CHAIN_UNOWNED), END};

	add(writer, BASE_LEAK, turned4);
	add(writer, BASE_LEAK, turned6);
	add(writer, BASE_LEAK, leaks);
}

/* ---- what was refused ---- */

/*
 * The reader is told the token by the packet's mark. A packet that passes gets its mark back, and one
 * that had a mark is counted and not shown.
 */
static void write_log(struct writer *writer, uint16_t group, bool passes)
{
	const char *chain = passes ? CHAIN_OBSERVE : CHAIN_DENY;
	const struct step limit = {.kind = STEP_LIMIT, .a = 4000, .b = 4000};
	const struct step log = {.kind = STEP_LOG,
				 .a = group,
				 .b = BLOCKED_SNAP,
				 .c = 16,
				 .name = passes ? PREFIX_HOST_SEEN : PREFIX_HOST};
	const struct step clear = {.kind = passes ? STEP_MARK : STEP_END, .reg = R0};
	const struct step fair4 = {
		.kind = STEP_FAIR, .reg = R3, .a = 50, .b = 100, .name = "talk4"};
	const struct step fair6 = {
		.kind = STEP_FAIR, .reg = R1, .a = 50, .b = 100, .name = "talk6"};
	const struct step steps4[] = {META(R0, NFT_META_MARK),
				      EQ(0, 0, 0, 0),
				      V4,
				      TOKEN4,
				      fair4,
				      limit,
				      MARK_TOKEN,
				      log,
				      clear,
				      END};
	const struct step steps6[] = {META(R0, NFT_META_MARK),
				      EQ(0, 0, 0, 0),
				      V6,
				      SADDR4(R3),
				      TOKEN6,
				      fair6,
				      limit,
				      MARK_TOKEN,
				      log,
				      clear,
				      END};
	const size_t from = passes ? 0 : 2; /* whatever mark the refused one has */

	add(writer, chain, steps4 + from);
	add(writer, chain, steps6 + from);
}

/* ---- all of it ---- */

static void write_table(struct writer *writer, const struct rule *table, size_t n,
			enum side other)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].side != other &&
		    (table[i].kinds == ANY || (table[i].kinds & writer->table->hosts)))
			add(writer, table[i].chain, table[i].steps);
}

static void write_all(struct writer *writer, uint16_t log_group, bool turned)
{
	const enum side other = turned ? SIDE_FIRST : SIDE_TWIN;

	if (!writer->table->hosts)
		return;
	write_dns(writer, IPPROTO_UDP);
	write_dns(writer, IPPROTO_TCP);
	write_leak(writer, IPPROTO_UDP);
	write_leak(writer, IPPROTO_TCP);
	write_log(writer, log_group, false);
	write_log(writer, log_group, true);
	write_kinds(writer);
	write_owned(writer);
	write_table(writer, rules, COUNT(rules), other);
	write_asks(writer);
	write_table(writer, last, COUNT(last), other);
}

void host_rules_write(struct batch *batch, struct netlink *netlink,
		      const struct wall_table *table, uint16_t log_group, bool turned)
{
	struct writer writer = {batch, netlink, table, 0};

	for (size_t i = 0; i < COUNT(regular); i++)
		write_chain(batch, netlink, table->table, regular[i], NULL);
	for (size_t i = 0; i < COUNT(bases); i++)
		write_chain(batch, netlink, table->table, bases[i].name, &bases[i]);
	for (size_t i = 0; i < COUNT(regular); i++)
		flush_chain(batch, netlink, table->table, regular[i]);
	for (size_t i = 0; i < COUNT(bases); i++)
		flush_chain(batch, netlink, table->table, bases[i].name);
	write_all(&writer, log_group, turned);
}

size_t host_rules_count(const struct wall_table *table)
{
	struct writer writer = {.table = table};

	write_all(&writer, 0, false);
	return writer.n;
}
