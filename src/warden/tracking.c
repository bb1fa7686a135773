/*
 * Translation and connection tracking end in a network namespace with the last table that needs them.
 * While a gate's table was taken away, packets of flows that had been translated then left as they
 * were written: the kernel's own acknowledgement of a question by TCP to the server that was asked,
 * the gate's answer to the address that stands for a sandbox, or the host's reset to the other end
 * of a masqueraded flow.
 *
 * Where a table can be owned but not outlive its owner (Linux 5.12 to 6.8), a table that needs both is
 * held beside it. Nobody else can take it away, and it is gone with the warden.
 */
#include "warden/kernel.h"

#include "warden/rule_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX (sizeof(((struct wall_table *)0)->table) + sizeof("-tracking"))

#define CHAIN_GUARDED "guarded"
#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))

/* To the host itself: fewer flows begin there than leave. The chain alone needs translation only. */
static const struct base_chain chain = {"input", "nat", NF_INET_LOCAL_IN, 200};
static const struct step needs[] = {CT_STATE(NF_CT_STATE_INVALID_BIT), END};

/*
 * A flow that begins while the gate's table is away stands when it is back, and is not judged again. What
 * goes out is refused by routing then. What is for the host itself is refused here, but for questions to the
 * gate, which are all that the gate's table lets come to the host with the mark that it came in with.
 */
static const struct step came[] = {META(R0, NFT_META_MARK), EQ(HOST32(WALL_MARK_CAME)), COUNTER,
				   DROP, END};
static const struct step by_port[] = {META(R0, NFT_META_MARK), EQ(HOST32(WALL_MARK_PORT)),
				      COUNTER, DROP, END};

static int write_guarded(struct kernel *kernel, const char *name)
{
	const struct wall_table *table = &kernel->table;
	const struct step udp[] = {L4(IPPROTO_UDP), DPORT(table->dns_port), ACCEPT, END};
	const struct step tcp[] = {L4(IPPROTO_TCP), DPORT(table->dns_port), ACCEPT, END};
	const struct step *rules[] = {udp, tcp, came, by_port};
	int code = NG_OK;

	for (size_t i = 0; i < COUNT(rules); i++)
		write_rule(&kernel->batch, &kernel->netlink, name, CHAIN_GUARDED, rules[i]);
	for (size_t i = 0; code == NG_OK && i < table->n_interfaces; i++) {
		struct step steps[4] = {{0}};

		code = step_interface(NFT_META_IIFNAME, table->interfaces[i], steps);
		steps[2] = (struct step)GOTO(CHAIN_GUARDED);
		if (code == NG_OK)
			write_rule(&kernel->batch, &kernel->netlink, name, chain.name, steps);
	}
	return code;
}

int tracking_hold(struct kernel *kernel, int *system)
{
	char name[NAME_MAX];
	struct nlmsghdr *message;
	int code;

	if (kernel->tracking || !kernel->ability.owner || (kernel->flags & NFT_TABLE_F_OWNER))
		return NG_OK;
	snprintf(name, sizeof(name), "%s-tracking", kernel->table.table);
	batch_begin(&kernel->batch, &kernel->netlink);
	message =
		batch_message(&kernel->batch, &kernel->netlink, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	mnl_attr_put_strz(message, NFTA_TABLE_NAME, name);
	mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
	write_chain(&kernel->batch, &kernel->netlink, name, CHAIN_GUARDED, NULL);
	write_chain(&kernel->batch, &kernel->netlink, name, chain.name, &chain);
	flush_chain(&kernel->batch, &kernel->netlink, name, CHAIN_GUARDED);
	flush_chain(&kernel->batch, &kernel->netlink, name, chain.name);
	write_rule(&kernel->batch, &kernel->netlink, name, chain.name, needs);
	code = write_guarded(kernel, name);
	if (code == NG_OK)
		code = batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system);
	kernel->tracking = code == NG_OK;
	return code;
}
