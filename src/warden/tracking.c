/*
 * Translation and connection tracking end in a network namespace with the last table that needs them.
 * While a gate's table was taken away, packets of flows that had been translated then left as they
 * were written: the kernel's own acknowledgement of a question by TCP to the server that was asked,
 * the gate's answer to the address that stands for a sandbox, or the host's reset to the other end
 * of a masqueraded flow.
 *
 * Where a table can be owned but not outlive its owner (Linux 5.12 to 6.8), a table that does nothing but
 * need both is held beside it. Nobody else can take it away, and it is gone with the warden.
 */
#include "warden/kernel.h"

#include "warden/rule_words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX (sizeof(((struct wall_table *)0)->table) + sizeof("-tracking"))

/* To the host itself: fewer flows begin there than leave. The chain alone needs translation only. */
static const struct base_chain chain = {"input", "nat", NF_INET_LOCAL_IN, 200};
static const struct step steps[] = {CT_STATE(NF_CT_STATE_INVALID_BIT), END};

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
	write_chain(&kernel->batch, &kernel->netlink, name, chain.name, &chain);
	write_rule(&kernel->batch, &kernel->netlink, name, chain.name, steps);
	code = batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system);
	kernel->tracking = code == NG_OK;
	return code;
}
