/*
 * A second table, for while somebody has taken the gate's own away. Where a table can be owned but not
 * outlive its owner (Linux 5.12 to 6.8), the warden holds it beside the other: nobody else can take it
 * away, and the kernel removes it with the warden.
 *
 * It drops what came from a sandbox and was not judged: that carries its first mark still. The gate's
 * table leaves it to questions alone, on their way to the gate. Routing refuses what is for the world as
 * well, but asks nobody about what is for the host, or after a rule of smaller preference.
 *
 * And it needs connection tracking and translation, which end in a network namespace with the last table
 * that needs them. Packets of flows that had been translated then left as they were written: the
 * kernel's own acknowledgement of a question by TCP to the server that was asked, the gate's answer to
 * the address that stands for a sandbox, or the host's reset to the other end of a masqueraded flow.
 * What is dropped begins no flow, so none is there that was never translated.
 */
#include "warden/kernel.h"

#include "base/wall.h"
#include "warden/rule_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX (sizeof(((struct wall_table *)0)->table) + sizeof("-guard"))

#define BASE_INPUT   "input"
#define BASE_FORWARD "forward"
#define CHAIN_CAME   "came"

static const struct base_chain bases[] = {
	{BASE_INPUT, "filter", NF_INET_LOCAL_IN, 0},
	{BASE_FORWARD, "filter", NF_INET_FORWARD, 0},
	{"translation", "nat", NF_INET_LOCAL_IN,
	 100}, /* to the host: fewer begin there than leave */
};

#define MARK(mark) META(R0, NFT_META_MARK), EQ(HOST32(mark))
#define ASKED53    {.kind = STEP_CT_PORT, .reg = R0}, EQ(0, 53)
#define BELOW(n)                                                                               \
	{                                                                                      \
		.kind = STEP_CMP, .reg = R0, .a = NFT_CMP_LT, OCTETS(n)                        \
	}
/* Router and neighbour discovery, but for redirects: what finds the host, and lets it be found. */
#define DISCOVERY L4(IPPROTO_ICMPV6), TH(R0, 0, 1), MORE(132), BELOW(137)

static const struct rule {
	const char *chain;
	const struct step *steps;
} rules[] = {
#define RULE(chain, ...)                                                                       \
	{                                                                                      \
		chain, (const struct step[])                                                   \
		{                                                                              \
			__VA_ARGS__, END                                                       \
		}                                                                              \
	}
	RULE(BASE_INPUT, MARK(WALL_MARK_CAME), GOTO(CHAIN_CAME)),
	RULE(BASE_INPUT, MARK(WALL_MARK_PORT), GOTO(CHAIN_CAME)),
	RULE(BASE_FORWARD, MARK(WALL_MARK_CAME), COUNTER, DROP),
	RULE(BASE_FORWARD, MARK(WALL_MARK_PORT), COUNTER, DROP),
	RULE(CHAIN_CAME, V6, HOPS255, DISCOVERY, ACCEPT),
};

static void write_questions(struct kernel *kernel, const char *name, uint8_t proto)
{
	const uint16_t port = kernel->table.dns_port;
	const struct step steps[] = {L4(proto), DPORT(port), ASKED53, ACCEPT, END};

	write_rule(&kernel->batch, &kernel->netlink, name, CHAIN_CAME, steps);
}

static void write_all(struct kernel *kernel, const char *name)
{
	static const struct step others[] = {COUNTER, DROP, END};
	struct batch *batch = &kernel->batch;
	struct nlmsghdr *message =
		batch_message(batch, &kernel->netlink, NFT_MSG_NEWTABLE, NLM_F_CREATE);

	mnl_attr_put_strz(message, NFTA_TABLE_NAME, name);
	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	write_chain(batch, &kernel->netlink, name, CHAIN_CAME, NULL);
	flush_chain(batch, &kernel->netlink, name, CHAIN_CAME);
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
		write_chain(batch, &kernel->netlink, name, bases[i].name, &bases[i]);
		flush_chain(batch, &kernel->netlink, name, bases[i].name);
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		write_rule(batch, &kernel->netlink, name, rules[i].chain, rules[i].steps);
	write_questions(kernel, name, IPPROTO_UDP);
	write_questions(kernel, name, IPPROTO_TCP);
	write_rule(batch, &kernel->netlink, name, CHAIN_CAME, others);
}

int guard_hold(struct kernel *kernel, int *system)
{
	char name[NAME_MAX];
	int code;

	if (kernel->guard_port == kernel->table.dns_port || !kernel->ability.owner ||
	    (kernel->flags & NFT_TABLE_F_OWNER))
		return NG_OK;
	snprintf(name, sizeof(name), "%s-guard", kernel->table.table);
	batch_begin(&kernel->batch, &kernel->netlink);
	write_all(kernel, name);
	code = batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system);
	if (code == NG_OK)
		kernel->guard_port = kernel->table.dns_port;
	return code;
}
