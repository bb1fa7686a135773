/*
 * The rules of the second table, of family bridge: what a port of a guarded bridge may send and get.
 *
 * Packets of a bridge reach the table of family inet as the bridge's: there the neighbours on it are
 * one interface, and could be taken for each other. So each frame is judged here, by the port it
 * came in by and ahead of everything else: what is allowed gets a mark, without which the other table
 * takes nothing of that bridge. Should this table be gone, the other one lets nothing in.
 *
 * Between ports nothing passes, whether they are isolated or not. What the host sends goes out of
 * the port of its destination alone, whatever the bridge believes to know: an ethernet address says
 * nothing about who has it. A port learns no addresses (ports.c), so no neighbour can draw frames
 * away by sending under another's ethernet address; the bridge shows each frame to every port, and
 * all but the right one are dropped here.
 *
 * ARP and neighbour discovery announce the port's own addresses only, or link-local ones. Nobody
 * but the host is a router, and nobody asks for listeners: a false query would have the bridge
 * keep the host's solicitations from everybody else. All other ethertypes are dropped; that of a
 * tagged frame is the tag's.
 *
 * ICMPv6 is looked at by its place behind the fixed header: what comes behind extension headers
 * is no neighbour discovery to us, and dropped with them.
 */
#include "warden/rule_words.h"
#include "warden/rules.h"

#include <limits.h>
#include <linux/if_ether.h>

#define BASE_ENTER   "enter"
#define BASE_BETWEEN "between"
#define BASE_INSIDE  "inside"
#define BASE_LEAVE   "leave"

#define CHAIN_PORT   "port"
#define CHAIN_ARP    "arp"
#define CHAIN_SIX    "six"
#define CHAIN_ND     "nd"
#define CHAIN_LINK   "link"
#define CHAIN_ADVERT "advert"
#define CHAIN_SENDER "sender"
#define CHAIN_OWN    "own"
#define CHAIN_STRAY  "stray"
#define CHAIN_TOPORT "toport"

/* Of the kernel's NF_BR_ hooks, whose header programs cannot include. */
enum { HOOK_PREROUTING = 0, HOOK_INPUT, HOOK_FORWARD, HOOK_OUTPUT };

static const struct base_chain bases[] = {
	{BASE_ENTER, "filter", HOOK_PREROUTING, INT_MIN},
	{BASE_BETWEEN, "filter", HOOK_FORWARD, INT_MIN},
	{BASE_INSIDE, "filter", HOOK_INPUT, INT_MIN},
	{BASE_LEAVE, "filter", HOOK_OUTPUT, INT_MIN},
};
static const char *const regular[] = {CHAIN_PORT,   CHAIN_ARP,    CHAIN_SIX, CHAIN_ND,
				      CHAIN_LINK,   CHAIN_ADVERT, CHAIN_OWN, CHAIN_SENDER,
				      CHAIN_TOPORT, CHAIN_STRAY};

#define LL(r, offset, length)                                                                  \
	{                                                                                      \
		.kind = STEP_PAYLOAD, .reg = (r), .a = NFT_PAYLOAD_LL_HEADER, .b = (offset),   \
		.c = (length)                                                                  \
	}
#define ETHER(type)     LL(R0, 12, 2), EQ((type) >> 8, (type)&0xff)
#define FROM            META(R0, NFT_META_IIFNAME)
#define TO              META(R0, NFT_META_OIFNAME)
#define NEXT(header)    NET(R0, 6, 1), EQ(header)
#define ICMP6(type)     NET(R0, 40, 1), EQ(type)
#define TARGET6(r)      NET(r, 48, 16)
#define ARP_OP(op)      NET(R0, 6, 2), EQ(0, op)
#define UNSPECIFIED6    SADDR6(R0), EQ(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
#define ALL_MLD_ROUTERS EQ(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16)

#define ROUTER_SOLICIT 133
#define ROUTER_ADVERT  134
#define SOLICIT        135
#define ADVERT         136
#define REDIRECT       137

#define RULE(chain, ...)                                                                       \
	{                                                                                      \
		chain, (const struct step[])                                                   \
		{                                                                              \
			__VA_ARGS__, END                                                       \
		}                                                                              \
	}
static const struct {
	const char *chain;
	const struct step *steps;
} rules[] = {
	RULE(BASE_ENTER, FROM, IN("ports"), GOTO(CHAIN_PORT)),
	RULE(BASE_BETWEEN, FROM, IN("ports"), GOTO(CHAIN_STRAY)),
	RULE(BASE_BETWEEN, TO, IN("ports"), COUNTER, DROP),
	/* To an address that bridges keep for themselves: these frames never "enter". */
	RULE(BASE_INSIDE, FROM, IN("ports"), LL(R0, 0, 6),
	     MASK(0xff, 0xff, 0xff, 0xff, 0xff, 0xf0), EQ(0x01, 0x80, 0xc2, 0, 0, 0),
	     GOTO(CHAIN_STRAY)),
	RULE(BASE_LEAVE, TO, IN("ports"), GOTO(CHAIN_TOPORT)),

	RULE(CHAIN_PORT, ETHER(ETH_P_IP), FROM, SADDR4(R4), IN("sbx4"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_PORT, ETHER(ETH_P_IP), FROM, SADDR4(R4), IN("sbx4net"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_PORT, ETHER(ETH_P_ARP), GOTO(CHAIN_ARP)),
	RULE(CHAIN_PORT, ETHER(ETH_P_IPV6), GOTO(CHAIN_SIX)),
	RULE(CHAIN_PORT, GOTO(CHAIN_STRAY)),

	RULE(CHAIN_ARP, NET(R0, 0, 6), NEQ(0, 1, 8, 0, 6, 4), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_ARP, ARP_OP(1), NET(R0, 14, 4), EQ(0, 0, 0, 0), ACCEPT), /* is it taken? */
	RULE(CHAIN_ARP, ARP_OP(1), FROM, NET(R4, 14, 4), IN("sbx4"), ACCEPT),
	RULE(CHAIN_ARP, ARP_OP(2), FROM, NET(R4, 14, 4), IN("sbx4"), ACCEPT),
	RULE(CHAIN_ARP, ARP_OP(1), FROM, NET(R4, 14, 4), IN("sbx4net"), ACCEPT),
	RULE(CHAIN_ARP, ARP_OP(2), FROM, NET(R4, 14, 4), IN("sbx4net"), ACCEPT),
	RULE(CHAIN_ARP, GOTO(CHAIN_STRAY)),

	RULE(CHAIN_SIX, NEXT(IPPROTO_ICMPV6), GOTO(CHAIN_ND)),
	RULE(CHAIN_SIX, NEXT(IPPROTO_HOPOPTS), DADDR6(R0), ALL_MLD_ROUTERS,
	     DROP), /* listener reports: quietly */
	RULE(CHAIN_SIX, NEXT(IPPROTO_HOPOPTS), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_SIX, NEXT(IPPROTO_ROUTING), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_SIX, NEXT(IPPROTO_DSTOPTS), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_SIX, NEXT(IPPROTO_AH), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_SIX, FROM, SADDR6(R4), IN("sbx6"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_SIX, FROM, SADDR6(R4), IN("sbx6net"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_SIX, GOTO(CHAIN_STRAY)),

	RULE(CHAIN_ND, ICMP6(ADVERT), GOTO(CHAIN_ADVERT)),
	RULE(CHAIN_ND, ICMP6(ROUTER_ADVERT), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_ND, ICMP6(REDIRECT), GOTO(CHAIN_STRAY)),
	RULE(CHAIN_ND, FROM, SADDR6(R4), IN("sbx6"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_ND, FROM, SADDR6(R4), IN("sbx6net"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_ND, HOPS255, GOTO(CHAIN_LINK)),
	RULE(CHAIN_ND, GOTO(CHAIN_STRAY)),

	RULE(CHAIN_LINK, LINKLOCAL(8), ICMP6(SOLICIT), GOTO(CHAIN_OWN)),
	RULE(CHAIN_LINK, LINKLOCAL(8), ICMP6(ROUTER_SOLICIT), GOTO(CHAIN_OWN)),
	RULE(CHAIN_LINK, UNSPECIFIED6, ICMP6(ROUTER_SOLICIT), GOTO(CHAIN_OWN)),
	RULE(CHAIN_LINK, UNSPECIFIED6, ICMP6(SOLICIT), FROM, TARGET6(R4), IN("sbx6"),
	     GOTO(CHAIN_OWN)),
	RULE(CHAIN_LINK, UNSPECIFIED6, ICMP6(SOLICIT), FROM, TARGET6(R4), IN("sbx6net"),
	     GOTO(CHAIN_OWN)),
	RULE(CHAIN_LINK, UNSPECIFIED6, ICMP6(SOLICIT), LINKLOCAL(48), GOTO(CHAIN_OWN)),
	RULE(CHAIN_LINK, GOTO(CHAIN_STRAY)),

	RULE(CHAIN_ADVERT, FROM, TARGET6(R4), IN("sbx6"), GOTO(CHAIN_SENDER)),
	RULE(CHAIN_ADVERT, FROM, TARGET6(R4), IN("sbx6net"), GOTO(CHAIN_SENDER)),
	RULE(CHAIN_ADVERT, LINKLOCAL(48), GOTO(CHAIN_SENDER)),
	RULE(CHAIN_ADVERT, GOTO(CHAIN_STRAY)),

	RULE(CHAIN_SENDER, FROM, SADDR6(R4), IN("sbx6"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_SENDER, FROM, SADDR6(R4), IN("sbx6net"), GOTO(CHAIN_OWN)),
	RULE(CHAIN_SENDER, LINKLOCAL(8), HOPS255, GOTO(CHAIN_OWN)),
	RULE(CHAIN_SENDER, GOTO(CHAIN_STRAY)),

	RULE(CHAIN_OWN, {.kind = STEP_MARK, .reg = R0, .a = WALL_MARK_PORT}, ACCEPT),

	RULE(CHAIN_TOPORT, ETHER(ETH_P_IP), TO, DADDR4(R4), IN("sbx4"), ACCEPT),
	RULE(CHAIN_TOPORT, ETHER(ETH_P_IP), TO, DADDR4(R4), IN("sbx4net"), ACCEPT),
	RULE(CHAIN_TOPORT, ETHER(ETH_P_ARP), TO, NET(R4, 24, 4), IN("sbx4"), ACCEPT),
	RULE(CHAIN_TOPORT, ETHER(ETH_P_ARP), TO, NET(R4, 24, 4), IN("sbx4net"), ACCEPT),
	RULE(CHAIN_TOPORT, ETHER(ETH_P_IPV6), TO, DADDR6(R4), IN("sbx6"), ACCEPT),
	RULE(CHAIN_TOPORT, ETHER(ETH_P_IPV6), TO, DADDR6(R4), IN("sbx6net"), ACCEPT),
	/* The host's own neighbour discovery. */
	RULE(CHAIN_TOPORT, ETHER(ETH_P_IPV6), NEXT(IPPROTO_ICMPV6), HOPS255, NET(R0, 24, 1),
	     EQ(0xff), ACCEPT),
	RULE(CHAIN_TOPORT, ETHER(ETH_P_IPV6), NEXT(IPPROTO_ICMPV6), HOPS255, LINKLOCAL(24),
	     ACCEPT),
	RULE(CHAIN_TOPORT, DROP), /* the copies for the other ports: not worth a count */

	RULE(CHAIN_STRAY, FROM, {.kind = STEP_EACH, .reg = R0, .name = "stray"}),
	RULE(CHAIN_STRAY, FROM, TALLY("frames"), DROP), /* that of its one sandbox */
	RULE(CHAIN_STRAY, COUNTER, DROP),
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* Ahead of the verdicts. Each port has its own limit, so that no flood hides the others. */
static void write_log(struct batch *batch, struct netlink *netlink, const char *table,
		      uint16_t group)
{
	const struct step steps[] = {FROM,
				     FAIR("talkport"),
				     {.kind = STEP_LIMIT, .a = 4000, .b = 4000},
				     {.kind = STEP_LOG,
				      .a = group,
				      .b = BLOCKED_SNAP,
				      .c = 16,
				      .name = PREFIX_FRAME},
				     END};

	write_rule(batch, netlink, table, CHAIN_STRAY, steps);
}

void bridge_rules_write(struct batch *batch, struct netlink *netlink,
			const struct wall_table *table, uint16_t log_group)
{
	const char *name = table->table;

	batch->family = NFPROTO_BRIDGE;
	for (size_t i = 0; i < COUNT(regular); i++)
		write_chain(batch, netlink, name, regular[i], NULL);
	for (size_t i = 0; i < COUNT(bases); i++)
		write_chain(batch, netlink, name, bases[i].name, &bases[i]);
	for (size_t i = 0; i < COUNT(regular); i++)
		flush_chain(batch, netlink, name, regular[i]);
	for (size_t i = 0; i < COUNT(bases); i++)
		flush_chain(batch, netlink, name, bases[i].name);
	write_log(batch, netlink, name, log_group);
	for (size_t i = 0; i < COUNT(rules); i++)
		write_rule(batch, netlink, name, rules[i].chain, rules[i].steps);
}

size_t bridge_rules_count(void)
{
	return COUNT(rules) + 1;
}
