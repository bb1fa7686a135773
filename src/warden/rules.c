/*
 * The rules.
 *
 * Base chains hold nothing but "packets of a guarded interface go to …": whatever is not a
 * sandbox's interface is no business of ours and passes untouched. A guarded interface whose
 * sandbox is not registered (not yet, or no more) matches too, fails the identity check, and is
 * dropped: forgetting a sandbox closes it.
 *
 * The order within "judge" matters. Flows that stand are let through first, so that the end of a
 * lease cuts nothing. The never-open destinations come before the leases: whoever gets an element
 * for the metadata service into a set has won nothing. Each line about IPv4 has its twin about
 * IPv6. What a name or a static rule opens, it opens to TCP and UDP alone: an echo request, a tunnel
 * or SCTP to an open address would carry data past every port.
 *
 * IPv6 extension headers say nothing that a client behind a gate needs to say. Fragments are put
 * together ahead of "source", where one that is still there is a trick.
 *
 * Static rules come after the leases, of which there are more. What none of them opens passes all
 * the same for the sources that are only observed, and is reported; never-open destinations and DNS
 * that the gate cannot see into have been refused to them by then as to all others.
 *
 * Neighbour discovery passes only where it cannot be forwarded: to multicast and link-local
 * addresses and to the host itself. To any other place a neighbour advertisement with a payload
 * would be a way out.
 *
 * Redirected DNS leaves "judge" towards any address; should the translation ever not happen, the
 * forward hook drops what still has port 53, and without that hook routing does: it keeps the mark that
 * it came in with, which nothing for the host itself is asked about.
 */
#include "warden/rules.h"

#include "warden/rule_words.h"
#include "warden/sets.h"

#include <string.h>

/* Regular chains. */
#define CHAIN_SOURCE   "source"
#define CHAIN_FORGED   "forged"
#define CHAIN_KNOWN    "known"
#define CHAIN_WIDE     "wide"
#define CHAIN_ASKSWIDE "asks_wide"
#define CHAIN_FLOOD    "flood"
#define CHAIN_STRAY    "stray"
#define CHAIN_JUDGE    "judge"
#define CHAIN_TOHOST   "tohost"
#define CHAIN_UNOPENED "unopened"
#define CHAIN_PASS     "pass"
#define CHAIN_DENY     "deny"
#define CHAIN_OBSERVE  "observe"
#define CHAIN_CATCH    "catch_dns"
#define CHAIN_INBOUND  "inbound"
#define CHAIN_LEAK     "leak"

/* Base chains. */
#define BASE_SPOOF     "spoof"
#define BASE_GATE      "gate"
#define BASE_DNS       "dns"
#define BASE_TOSANDBOX "tosandbox"
#define BASE_MASQ      "masq"

static const struct base_chain bases[] = {
	{BASE_SPOOF, "filter", NF_INET_PRE_ROUTING, -300}, /* before conntrack */
	{BASE_GATE, "filter", NF_INET_PRE_ROUTING, -150},  /* after it, before translation */
	{BASE_DNS, "nat", NF_INET_PRE_ROUTING, -100},
	{BASE_TOSANDBOX, "filter", NF_INET_FORWARD, 0},
	{BASE_MASQ, "nat", NF_INET_POST_ROUTING, 100},
};

static const char *const regular[] = {
	CHAIN_SOURCE,   CHAIN_FORGED, CHAIN_STRAY, CHAIN_JUDGE,   CHAIN_TOHOST,
	CHAIN_UNOPENED, CHAIN_PASS,   CHAIN_DENY,  CHAIN_OBSERVE, CHAIN_CATCH,
	CHAIN_INBOUND,  CHAIN_LEAK,   CHAIN_KNOWN, CHAIN_WIDE,    CHAIN_ASKS,
	CHAIN_ASKSWIDE, CHAIN_FLOOD};

/* Which packets of a guarded interface go where. No chain: they are accepted. */
static const struct guard {
	const char *base;
	uint32_t meta;
	const char *chain;
} guards[] = {
	{BASE_SPOOF, NFT_META_IIFNAME, CHAIN_SOURCE},
	{BASE_GATE, NFT_META_IIFNAME, CHAIN_JUDGE},
	{BASE_DNS, NFT_META_IIFNAME, CHAIN_CATCH},
	{BASE_TOSANDBOX, NFT_META_OIFNAME, CHAIN_INBOUND},
	{BASE_TOSANDBOX, NFT_META_IIFNAME, CHAIN_LEAK},
	{BASE_MASQ, NFT_META_OIFNAME, NULL},
};

/* Header and all. What is longer than the gate says it takes needs TCP. */
#define QUESTION_MAX (8 + NG_UDP_ADVERTISED)
/* In a lull all that may have come at once has its room again. */
#define TOO_MANY(r, set, queries)                                                              \
	{                                                                                      \
		.kind = STEP_OVER, .reg = (r), .a = 2 * (queries),                             \
		.b = (queries) / 8 > BURST_MIN ? (queries) / 8 : BURST_MIN, .c = ASKED_MS,     \
		.name = (set)                                                                  \
	}
/* Nft knows no part of a value: it lists what R1 had before. */
#define FIRST4    SADDR4(R1), SADDR4(R0), MAP("wide4", R0)
#define FIRST6    SADDR6(R1), SADDR6(R0), MAP("wide6", R0)
#define BURST_MIN 512
#define ASKED_MS  30000

enum side { SIDE_BOTH = 0, SIDE_FIRST, SIDE_TWIN }; /* which lease sets a rule is for */

#define RULE(chain, ...) RULE_OF(SIDE_BOTH, chain, __VA_ARGS__)
#define RULE_OF(side, chain, ...)                                                              \
	{                                                                                      \
		side, chain, (const struct step[])                                             \
		{                                                                              \
			__VA_ARGS__, END                                                       \
		}                                                                              \
	}
#define LEASED_RULES 4 /* of either side */
#define LEASED(set4, set6, set4p, set6p, side)                                                 \
	RULE_OF(side, CHAIN_JUDGE, V4, SADDR4(R0), DADDR4(R1), IN(set4), GOTO(CHAIN_PASS)),    \
		RULE_OF(side, CHAIN_JUDGE, V6, SADDR6(R0), DADDR6(R4), IN(set6),               \
			GOTO(CHAIN_PASS)),                                                     \
		RULE_OF(side, CHAIN_JUDGE, V4, SADDR4(R0), DADDR4(R1),                         \
			META(R2, NFT_META_L4PROTO), TH(R3, 2, 2), IN(set4p),                   \
			GOTO(CHAIN_PASS)),                                                     \
		RULE_OF(side, CHAIN_JUDGE, V6, SADDR6(R0), DADDR6(R4),                         \
			META(R8, NFT_META_L4PROTO), TH(R9, 2, 2), IN(set6p), GOTO(CHAIN_PASS))
/* Each source has its sandbox's counter, the single ones in a hash, the wide ones in a tree. */
#define COUNTED(chain, map4, map4net, map6, map6net)                                           \
	RULE(chain, V4, SADDR4(R0), TALLY(map4)), RULE(chain, V4, SADDR4(R0), TALLY(map4net)), \
		RULE(chain, V6, SADDR6(R0), TALLY(map6)),                                      \
		RULE(chain, V6, SADDR6(R0), TALLY(map6net))

static const struct rule {
	enum side side;
	const char *chain;
	const struct step *steps;
} rules[] = {
	/* Before conntrack, so that a forged packet leaves no trace anywhere. */
	RULE(CHAIN_SOURCE, META(R0, NFT_META_IIFNAME), IN("bridges"), META(R0, NFT_META_MARK),
	     NEQ(HOST32(WALL_MARK_PORT)), COUNTER, DROP), /* of no port that may send it */
	RULE(CHAIN_SOURCE, V4, NET(R0, 0, 1), MASK(0x0f), NEQ(5),
	     GOTO(CHAIN_FORGED)), /* options */
	RULE(CHAIN_SOURCE, V4, META(R0, NFT_META_IIFNAME), SADDR4(R4), IN("sbx4"),
	     GOTO(CHAIN_KNOWN)),
	RULE(CHAIN_SOURCE, V4, META(R0, NFT_META_IIFNAME), SADDR4(R4), IN("sbx4net"),
	     GOTO(CHAIN_WIDE)),
	RULE(CHAIN_SOURCE, V4, SADDR4(R0), IN("any4"), GOTO(CHAIN_KNOWN)),
	RULE(CHAIN_SOURCE, V4, SADDR4(R0), IN("any4net"), GOTO(CHAIN_WIDE)),
	RULE(CHAIN_SOURCE, V6, EXTENSION(IPPROTO_HOPOPTS), NET(R0, 24, 2), EQ(0xff, 0x02),
	     NET(R0, 7, 1), EQ(1), L4(IPPROTO_ICMPV6), COUNTER,
	     DROP), /* listener reports: quietly */
	RULE(CHAIN_SOURCE, V6, EXTENSION(IPPROTO_HOPOPTS), GOTO(CHAIN_FORGED)),
	RULE(CHAIN_SOURCE, V6, EXTENSION(IPPROTO_ROUTING), GOTO(CHAIN_FORGED)),
	RULE(CHAIN_SOURCE, V6, EXTENSION(IPPROTO_DSTOPTS), GOTO(CHAIN_FORGED)),
	RULE(CHAIN_SOURCE, V6, EXTENSION(IPPROTO_FRAGMENT), GOTO(CHAIN_FORGED)),
	RULE(CHAIN_SOURCE, V6, NET(R0, 6, 1), EQ(IPPROTO_AH), GOTO(CHAIN_FORGED)),
	RULE(CHAIN_SOURCE, V6, META(R0, NFT_META_IIFNAME), SADDR6(R4), IN("sbx6"),
	     GOTO(CHAIN_KNOWN)),
	RULE(CHAIN_SOURCE, V6, META(R0, NFT_META_IIFNAME), SADDR6(R4), IN("sbx6net"),
	     GOTO(CHAIN_WIDE)),
	RULE(CHAIN_SOURCE, V6, SADDR6(R0), IN("any6"), GOTO(CHAIN_KNOWN)),
	RULE(CHAIN_SOURCE, V6, SADDR6(R0), IN("any6net"), GOTO(CHAIN_WIDE)),
	RULE(CHAIN_SOURCE, V6, LINKLOCAL(8), HOPS255, ND, ACCEPT),
	RULE(CHAIN_SOURCE, V6, SADDR6(R0), EQ(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	     HOPS255, ND, ACCEPT), /* is this address taken? */
	RULE(CHAIN_SOURCE, GOTO(CHAIN_FORGED)),

	/* Counted by where it came in: what it says of itself is worth nothing. */
	RULE(CHAIN_FORGED, META(R0, NFT_META_IIFNAME), TALLY("forged"), DROP),
	RULE(CHAIN_FORGED, {.kind = STEP_TALLY_IN, .name = "forged-0"}, DROP),

	RULE(CHAIN_KNOWN, META(R0, NFT_META_L4PROTO), NEQ(IPPROTO_UDP), ACCEPT),
	RULE(CHAIN_KNOWN, TH(R0, 2, 2), NEQ(0, 53), ACCEPT),
	RULE(CHAIN_KNOWN, GOTO(CHAIN_ASKS)),
	RULE(CHAIN_WIDE, META(R0, NFT_META_L4PROTO), NEQ(IPPROTO_UDP), ACCEPT),
	RULE(CHAIN_WIDE, TH(R0, 2, 2), NEQ(0, 53), ACCEPT),
	RULE(CHAIN_WIDE, GOTO(CHAIN_ASKSWIDE)),

	COUNTED(CHAIN_FLOOD, "refused4", "refused4net", "refused6", "refused6net"),
	RULE(CHAIN_FLOOD, COUNTER, DROP),

	RULE(CHAIN_JUDGE, CT_STATE(CT_ESTABLISHED), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, CT_STATE(CT_RELATED), L4(IPPROTO_ICMP), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, CT_STATE(CT_RELATED), L4(IPPROTO_ICMPV6), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, CT_STATE(CT_INVALID), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_JUDGE, V6, NET(R0, 24, 2), EQ(0xff, 0x02), HOPS255, ND, GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, V6, LINKLOCAL(24), HOPS255, ND, GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, V6, NET(R0, 24, 2), EQ(0xff, 0x02),
	     DROP), /* listener reports: quietly */
	RULE(CHAIN_JUDGE, TO_LOCAL, GOTO(CHAIN_TOHOST)),
	RULE(CHAIN_JUDGE, L4(IPPROTO_UDP), DPORT(53), GOTO(CHAIN_PASS)), /* redirected next */
	RULE(CHAIN_JUDGE, L4(IPPROTO_TCP), DPORT(53), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, META(R0, NFT_META_L4PROTO), TH(R1, 2, 2), IN("private_dns"),
	     GOTO(CHAIN_DENY)),
	RULE(CHAIN_JUDGE, V4, DADDR4(R0), IN("never4"), GOTO(CHAIN_DENY)),
	RULE(CHAIN_JUDGE, V6, DADDR6(R0), IN("never6"), GOTO(CHAIN_DENY)),
	RULE(CHAIN_JUDGE, META(R0, NFT_META_L4PROTO), NEQ(IPPROTO_TCP), NEQ(IPPROTO_UDP),
	     GOTO(CHAIN_UNOPENED)), /* a lease opens no tunnel */
	LEASED("allow4", "allow6", "allow4p", "allow6p", SIDE_FIRST),
	LEASED("allow4b", "allow6b", "allow4pb", "allow6pb", SIDE_TWIN),
	RULE(CHAIN_JUDGE, V4, SADDR4(R0), DADDR4(R1), IN("cidr4"), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, V6, SADDR6(R0), DADDR6(R4), IN("cidr6"), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, V4, SADDR4(R0), DADDR4(R1), META(R2, NFT_META_L4PROTO), TH(R3, 2, 2),
	     IN("cidr4p"), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, V6, SADDR6(R0), DADDR6(R4), META(R8, NFT_META_L4PROTO), TH(R9, 2, 2),
	     IN("cidr6p"), GOTO(CHAIN_PASS)),
	RULE(CHAIN_JUDGE, GOTO(CHAIN_UNOPENED)),

	RULE(CHAIN_UNOPENED, V4, SADDR4(R0), IN("observe4"), GOTO(CHAIN_OBSERVE)),
	RULE(CHAIN_UNOPENED, V6, SADDR6(R0), IN("observe6"), GOTO(CHAIN_OBSERVE)),
	RULE(CHAIN_UNOPENED, V4, SADDR4(R0), IN("observe4net"), GOTO(CHAIN_OBSERVE)),
	RULE(CHAIN_UNOPENED, V6, SADDR6(R0), IN("observe6net"), GOTO(CHAIN_OBSERVE)),
	RULE(CHAIN_UNOPENED, GOTO(CHAIN_DENY)),

	RULE(CHAIN_TOHOST, L4(IPPROTO_UDP), DPORT(53), GOTO(CHAIN_PASS)),
	RULE(CHAIN_TOHOST, L4(IPPROTO_TCP), DPORT(53), GOTO(CHAIN_PASS)),
	RULE(CHAIN_TOHOST, V6, HOPS255, ND, GOTO(CHAIN_PASS)),
	RULE(CHAIN_TOHOST, V4, L4(IPPROTO_ICMP), TH(R0, 0, 1), EQ(8),
	     {.kind = STEP_LIMIT, .a = 100, .b = 100}, GOTO(CHAIN_PASS)),
	RULE(CHAIN_TOHOST, V6, L4(IPPROTO_ICMPV6), TH(R0, 0, 1), EQ(128),
	     {.kind = STEP_LIMIT, .a = 100, .b = 100}, GOTO(CHAIN_PASS)),
	RULE(CHAIN_TOHOST, GOTO(CHAIN_DENY)),

	RULE(CHAIN_PASS, L4(IPPROTO_UDP), DPORT(53), ACCEPT), /* to the host, by its own rule */
	RULE(CHAIN_PASS, L4(IPPROTO_TCP), DPORT(53), ACCEPT),
	RULE(CHAIN_PASS, {.kind = STEP_MARK, .reg = R0, .a = WALL_MARK_PASSED}, ACCEPT),

	COUNTED(CHAIN_OBSERVE, "seen4", "seen4net", "seen6", "seen6net"),
	RULE(CHAIN_OBSERVE, COUNTER, GOTO(CHAIN_PASS)),

	COUNTED(CHAIN_STRAY, "refused4", "refused4net", "refused6", "refused6net"),
	RULE(CHAIN_STRAY, COUNTER, DROP),

	COUNTED(CHAIN_DENY, "refused4", "refused4net", "refused6", "refused6net"),
	RULE(CHAIN_DENY, COUNTER),
	RULE(CHAIN_DENY, L4(IPPROTO_TCP), {.kind = STEP_REJECT, .a = NFT_REJECT_TCP_RST}),
	RULE(CHAIN_DENY, {.kind = STEP_REJECT,
			  .a = NFT_REJECT_ICMPX_UNREACH,
			  .b = NFT_REJECT_ICMPX_ADMIN_PROHIBITED}),

	RULE(CHAIN_INBOUND, CT_REPLY, CT_STATE(CT_ESTABLISHED), ACCEPT),
	RULE(CHAIN_INBOUND, CT_STATE(CT_RELATED), L4(IPPROTO_ICMP), ACCEPT),
	RULE(CHAIN_INBOUND, CT_STATE(CT_RELATED), L4(IPPROTO_ICMPV6), ACCEPT),
	RULE(CHAIN_INBOUND, COUNTER, DROP),

	/* Nobody outside may begin one: it did while no table stood, or before. */
	RULE(CHAIN_LEAK, CT_REPLY, COUNTER, DROP),
	RULE(CHAIN_LEAK, L4(IPPROTO_UDP), DPORT(53), COUNTER, DROP),
	RULE(CHAIN_LEAK, L4(IPPROTO_TCP), DPORT(53), COUNTER, DROP),

	RULE(BASE_MASQ, V4, SADDR4(R0), MAP("snat4", R1), SNAT4),
	RULE(BASE_MASQ, V6, SADDR6(R0), MAP("snat6", R4), SNAT6),
	RULE(BASE_MASQ, V4, SADDR4(R0), MAP("snat4net", R1), SNAT4),
	RULE(BASE_MASQ, V6, SADDR6(R0), MAP("snat6net", R4), SNAT6),
	RULE(BASE_MASQ, V4, SADDR4(R0), IN("masq4"), {.kind = STEP_MASQUERADE}),
	RULE(BASE_MASQ, V6, SADDR6(R0), IN("masq6"), {.kind = STEP_MASQUERADE}),
	RULE(BASE_MASQ, V4, SADDR4(R0), IN("masq4net"), {.kind = STEP_MASQUERADE}),
	RULE(BASE_MASQ, V6, SADDR6(R0), IN("masq6net"), {.kind = STEP_MASQUERADE}),
};

/*
 * A bridge hands some frames to the host as if its port were no port: those to the addresses that
 * bridges keep for themselves. No hook of the bridge family sees all of them.
 */
static const struct step from_port[] = {META(R0, NFT_META_IIFNAME), IN("ports"), COUNTER, DROP,
					END};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int write_guard(struct batch *batch, struct netlink *netlink, const char *table,
		       const struct guard *guard, const char *pattern)
{
	struct step steps[4] = {{0}};
	int code = step_interface(guard->meta, pattern, steps);

	if (code != NG_OK)
		return code;
	steps[2] = (struct step){.kind = STEP_VERDICT,
				 .a = guard->chain ? (uint32_t)NFT_GOTO : NF_ACCEPT,
				 .name = guard->chain};
	write_rule(batch, netlink, table, guard->base, steps);
	return NG_OK;
}

static int write_guards(struct batch *batch, struct netlink *netlink,
			const struct wall_table *table)
{
	int code = NG_OK;

	for (size_t i = 0; i < COUNT(guards); i++)
		for (size_t k = 0; code == NG_OK && k < table->n_interfaces; k++)
			code = write_guard(batch, netlink, table->table, &guards[i],
					   table->interfaces[k]);
	return code;
}

static void write_catch(struct batch *batch, struct netlink *netlink,
			const struct wall_table *table, uint8_t proto)
{
	const struct step steps[] = {L4(proto),
				     DPORT(53),
				     {.kind = STEP_REDIRECT, .reg = R0, .a = table->dns_port},
				     END};

	write_rule(batch, netlink, table->table, CHAIN_CATCH, steps);
}

/*
 * All sandboxes ask one socket, and what finds its buffer full is lost, whose ever it is. So twice as
 * many questions as a sandbox may ask are let through, of a length that a question can have; of these
 * the worker refuses those that are too many, and says so. A wider source asks as one. Who finds no
 * place in the set, which the kernel cannot always enlarge at once, is not kept from asking.
 */
static void write_asks(struct batch *batch, struct netlink *netlink,
		       const struct wall_table *table)
{
	const uint32_t queries = table->queries_sandbox;
	const struct step longer[] = {TH(R0, 4, 2),
				      MORE(QUESTION_MAX >> 8, QUESTION_MAX & 0xff),
				      GOTO(CHAIN_FLOOD), END};
	const struct step flood = GOTO(CHAIN_FLOOD);
	const struct step known4[] = {V4, SADDR4(R0), TOO_MANY(R0, "asks4", queries), flood,
				      END};
	const struct step known6[] = {V6, SADDR6(R0), TOO_MANY(R0, "asks6", queries), flood,
				      END};
	const struct step wide4[] = {V4, FIRST4, TOO_MANY(R1, "asks4", queries), flood, END};
	const struct step wide6[] = {V6, FIRST6, TOO_MANY(R1, "asks6", queries), flood, END};
	const struct step others[] = {ACCEPT, END};
	const struct step *known[] = {longer, known4, known6, others};
	const struct step *wide[] = {longer, wide4, wide6, others};

	for (size_t i = 0; i < COUNT(known); i++) {
		write_rule(batch, netlink, table->table, CHAIN_ASKS, known[i]);
		write_rule(batch, netlink, table->table, CHAIN_ASKSWIDE, wide[i]);
	}
}

/* Each source has its own limit ahead of the common one, so that no flood hides the others. */
static void write_log(struct batch *batch, struct netlink *netlink,
		      const struct wall_table *table, uint16_t group, const char *chain,
		      const char *prefix)
{
	const struct step limit = {.kind = STEP_LIMIT, .a = 4000, .b = 4000};
	const struct step log = {
		.kind = STEP_LOG, .a = group, .b = BLOCKED_SNAP, .c = 16, .name = prefix};
	const struct step steps4[] = {V4, SADDR4(R0), FAIR("talk4"), limit, log, END};
	const struct step steps6[] = {V6, SADDR6(R0), FAIR("talk6"), limit, log, END};

	write_rule(batch, netlink, table->table, chain, steps4);
	write_rule(batch, netlink, table->table, chain, steps6);
}

/* By where they came in, so that a flood of invented sources is one talker. */
static void write_log_forged(struct batch *batch, struct netlink *netlink,
			     const struct wall_table *table, uint16_t group)
{
	const struct step steps[] = {META(R0, NFT_META_IIFNAME),
				     FAIR("talkif"),
				     {.kind = STEP_LIMIT, .a = 4000, .b = 4000},
				     {.kind = STEP_LOG,
				      .a = group,
				      .b = BLOCKED_SNAP,
				      .c = 16,
				      .name = PREFIX_FORGED},
				     END};

	write_rule(batch, netlink, table->table, CHAIN_FORGED, steps);
}

int rules_write(struct batch *batch, struct netlink *netlink, const struct wall_table *table,
		uint16_t log_group, bool turned, bool bridged)
{
	const enum side other = turned ? SIDE_FIRST : SIDE_TWIN;
	int code;

	for (size_t i = 0; i < COUNT(regular); i++)
		write_chain(batch, netlink, table->table, regular[i], NULL);
	for (size_t i = 0; i < COUNT(bases); i++)
		write_chain(batch, netlink, table->table, bases[i].name, &bases[i]);
	for (size_t i = 0; i < COUNT(regular); i++)
		flush_chain(batch, netlink, table->table, regular[i]);
	for (size_t i = 0; i < COUNT(bases); i++)
		flush_chain(batch, netlink, table->table, bases[i].name);
	code = write_guards(batch, netlink, table);
	if (code != NG_OK)
		return code;
	if (bridged)
		write_rule(batch, netlink, table->table, BASE_SPOOF, from_port);
	write_catch(batch, netlink, table, IPPROTO_UDP);
	write_catch(batch, netlink, table, IPPROTO_TCP);
	write_asks(batch, netlink, table);
	/* Ahead of the verdicts. */
	write_log_forged(batch, netlink, table, log_group);
	write_log(batch, netlink, table, log_group, CHAIN_STRAY, PREFIX_STRAY);
	write_log(batch, netlink, table, log_group, CHAIN_FLOOD, PREFIX_FLOOD);
	write_log(batch, netlink, table, log_group, CHAIN_DENY, "namegate-deny ");
	write_log(batch, netlink, table, log_group, CHAIN_OBSERVE, PREFIX_OBSERVED);
	for (size_t i = 0; i < COUNT(rules); i++)
		if (rules[i].side != other)
			write_rule(batch, netlink, table->table, rules[i].chain,
				   rules[i].steps);
	host_rules_write(batch, netlink, table, log_group, turned);
	return NG_OK;
}

#define OTHER_RULES 19 /* two that catch DNS, eight that admit it, nine that log */
size_t rules_count(const struct wall_table *table, bool bridged)
{
	return bridged + COUNT(rules) - LEASED_RULES + OTHER_RULES +
	       COUNT(guards) * table->n_interfaces + host_rules_count(table);
}
