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

#define CHAIN_HOST    "tohost"
#define CHAIN_THROUGH "through"

static const struct base_chain bases[] = {
	{"input", "filter", NF_INET_LOCAL_IN, 0},
	{"forward", "filter", NF_INET_FORWARD, 0},
	{"translation", "nat", NF_INET_LOCAL_IN,
	 100}, /* to the host: fewer begin there than leave */
};
static const char *const regular[] = {CHAIN_HOST, CHAIN_THROUGH}; /* of the first two */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define BELOW(n)                                                                               \
	{                                                                                      \
		.kind = STEP_CMP, .reg = R0, .a = NFT_CMP_LT, OCTETS(n)                        \
	}
/* Router and neighbour discovery, but for redirects: what finds the host, and lets it be found. */
static const struct step discovery[] = {
	V6, HOPS255, L4(IPPROTO_ICMPV6), TH(R0, 0, 1), MORE(132), BELOW(137), ACCEPT, END};

static void add(struct kernel *kernel, const char *name, const char *chain,
		const struct step *steps)
{
	write_rule(&kernel->batch, &kernel->netlink, name, chain, steps);
}

static void write_questions(struct kernel *kernel, const char *name, uint8_t proto)
{
	const uint16_t port = kernel->table.dns_port;
	const struct step steps[] = {L4(proto), DPORT(port), ASKED53, ACCEPT, END};

	add(kernel, name, CHAIN_HOST, steps);
}

static void write_mark(struct kernel *kernel, const char *name, uint16_t mark)
{
	const struct step steps[] = {META(R0, NFT_META_MARK), EQ(HOST32(mark)), COUNTER, DROP,
				     END};

	for (size_t i = 0; i < COUNT(regular); i++)
		add(kernel, name, regular[i], steps);
}

/* Of this gate's interfaces alone: another gate's questions come with the same mark. */
static int write_interface(struct kernel *kernel, const char *name, const char *pattern)
{
	struct step steps[4] = {{0}};
	int code = step_interface(NFT_META_IIFNAME, pattern, steps);

	for (size_t i = 0; code == NG_OK && i < COUNT(regular); i++) {
		steps[2] = (struct step)GOTO(regular[i]);
		add(kernel, name, bases[i].name, steps);
	}
	return code;
}

static int write_all(struct kernel *kernel, const char *name)
{
	const struct wall_table *table = &kernel->table;
	struct batch *batch = &kernel->batch;
	struct nlmsghdr *message =
		batch_message(batch, &kernel->netlink, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	int code = NG_OK;

	mnl_attr_put_strz(message, NFTA_TABLE_NAME, name);
	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	for (size_t i = 0; i < COUNT(regular); i++) {
		write_chain(batch, &kernel->netlink, name, regular[i], NULL);
		flush_chain(batch, &kernel->netlink, name, regular[i]);
	}
	for (size_t i = 0; i < COUNT(bases); i++) {
		write_chain(batch, &kernel->netlink, name, bases[i].name, &bases[i]);
		flush_chain(batch, &kernel->netlink, name, bases[i].name);
	}
	for (size_t i = 0; code == NG_OK && i < table->n_interfaces; i++)
		code = write_interface(kernel, name, table->interfaces[i]);
	add(kernel, name, CHAIN_HOST, discovery);
	write_questions(kernel, name, IPPROTO_UDP);
	write_questions(kernel, name, IPPROTO_TCP);
	write_mark(kernel, name, WALL_MARK_CAME);
	write_mark(kernel, name, WALL_MARK_PORT);
	return code;
}

int guard_hold(struct kernel *kernel, int *system)
{
	char name[NAME_MAX];
	int code;

	if (kernel->guarded || !kernel->ability.owner || (kernel->flags & NFT_TABLE_F_OWNER))
		return NG_OK;
	snprintf(name, sizeof(name), "%s-guard", kernel->table.table);
	batch_begin(&kernel->batch, &kernel->netlink);
	code = write_all(kernel, name);
	if (code == NG_OK)
		code = batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system);
	kernel->guarded = code == NG_OK;
	return code;
}
