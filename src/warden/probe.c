/*
 * What this kernel can do, found by trying it on a scratch table and never by its version.
 *
 * Four things differ between Linux 5.10 and today: whether the end of a batch is acknowledged, whether a table can be owned and outlive its
 * owner's socket, whether a second "add" renews a live element's end, and whether deleting what is
 * not there can be asked for without an error.
 */
#include "warden/kernel.h"

#include <errno.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHORT_MS  1000000u
#define LONG_MS   5000000u
#define MIDDLE_MS 3000000u

struct scratch {
	struct kernel *kernel;
	char table[32];
	int system;
};

static void scratch_table(struct scratch *scratch, uint16_t type, uint32_t flags)
{
	struct nlmsghdr *message =
		batch_message(&scratch->kernel->batch, &scratch->kernel->netlink, type,
			      type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

	mnl_attr_put_strz(message, NFTA_TABLE_NAME, scratch->table);
	if (flags)
		mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(flags));
}

static void scratch_set(struct scratch *scratch)
{
	const struct set_shape *shape = &set_shapes[SET_ALLOW4];
	struct nlmsghdr *message =
		batch_message(&scratch->kernel->batch, &scratch->kernel->netlink,
			      NFT_MSG_NEWSET, NLM_F_CREATE);

	mnl_attr_put_strz(message, NFTA_SET_TABLE, scratch->table);
	mnl_attr_put_strz(message, NFTA_SET_NAME, shape->name);
	mnl_attr_put_u32(message, NFTA_SET_FLAGS, htonl(shape->flags));
	mnl_attr_put_u32(message, NFTA_SET_KEY_LEN, htonl(shape->key_len));
	mnl_attr_put_u32(message, NFTA_SET_ID, htonl(1));
}

static bool scratch_commit(struct scratch *scratch)
{
	return batch_commit(&scratch->kernel->batch, &scratch->kernel->netlink, NULL, NULL,
			    &scratch->system) == NG_OK;
}

/* Nothing is made: it is all about who answers. */
static bool can_acknowledge_end(struct scratch *scratch)
{
	struct netlink *netlink = &scratch->kernel->netlink;
	bool can;

	netlink->acks_end = true;
	batch_begin(&scratch->kernel->batch, netlink);
	scratch_table(scratch, NFT_MSG_NEWTABLE, 0);
	can = scratch_commit(scratch);
	netlink->acks_end = can;
	return can;
}

static bool can_own(struct scratch *scratch, uint32_t flags)
{
	batch_begin(&scratch->kernel->batch, &scratch->kernel->netlink);
	scratch_table(scratch, NFT_MSG_NEWTABLE, flags);
	scratch_table(scratch, NFT_MSG_DELTABLE, 0);
	return scratch_commit(scratch);
}

/* Whoever was built without it refuses its tables. */
static bool can_bridge(struct scratch *scratch)
{
	batch_begin(&scratch->kernel->batch, &scratch->kernel->netlink);
	scratch->kernel->batch.family = NFPROTO_BRIDGE;
	scratch_table(scratch, NFT_MSG_NEWTABLE, 0);
	scratch_table(scratch, NFT_MSG_DELTABLE, 0);
	return scratch_commit(scratch);
}

static bool scratch_element(struct scratch *scratch, uint64_t timeout_ms, bool remove)
{
	/* Written as for a kernel that renews in place and can destroy, to see whether it does. */
	const struct ability wished = {.in_place = true, .destroy = true};
	static const uint8_t key[KEY_MAX] = {192, 0, 2, 1, 192, 0, 2, 2};
	struct ops ops = {0};
	struct op *op = op_octets(&ops, SET_ALLOW4, key, set_shapes[SET_ALLOW4].key_len);
	bool done = false;

	if (op) {
		op->timeout_ms = timeout_ms;
		op->remove = remove;
		op->key[7] = remove ? 3 : 2; /* what is removed was never there */
		batch_begin(&scratch->kernel->batch, &scratch->kernel->netlink);
		ops_write(&ops, 0, ops.n, scratch->table, &wished, &scratch->kernel->batch,
			  &scratch->kernel->netlink);
		done = scratch_commit(scratch);
	}
	ops_finish(&ops);
	return done;
}

static void take_longest(void *who, enum set_id set, const struct element *element)
{
	uint64_t *longest = who;

	(void)set;
	if (element->expires_ms > *longest)
		*longest = element->expires_ms;
}

static bool can_renew(struct scratch *scratch)
{
	uint64_t longest = 0;

	if (!scratch_element(scratch, SHORT_MS, false) ||
	    !scratch_element(scratch, LONG_MS, false))
		return false;
	if (set_dump(&scratch->kernel->netlink, scratch->table, SET_ALLOW4, take_longest,
		     &longest) != NG_OK)
		return false;
	return longest > MIDDLE_MS;
}

int probe(struct kernel *kernel, char why[static SAY_MAX])
{
	struct scratch scratch = {.kernel = kernel};
	bool made;

	snprintf(scratch.table, sizeof(scratch.table), "namegate-probe-%ld", (long)getpid());
	batch_begin(&kernel->batch, &kernel->netlink);
	scratch_table(&scratch, NFT_MSG_NEWTABLE, 0);
	scratch_set(&scratch);
	made = scratch_commit(&scratch);
	if (!made && scratch.system == EPERM) {
		snprintf(
			why, SAY_MAX,
			"CAP_NET_ADMIN is missing; start namegated with sudo or by its systemd "
			"unit, or inside unshare -Urn");
		return NG_E_PERM;
	}
	if (!made) {
		snprintf(why, SAY_MAX,
			 "the kernel refuses an nftables table with a timed set: %s; it needs "
			 "CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET",
			 strerror(scratch.system));
		return NG_E_KERNEL;
	}
	kernel->ability.acks_end = can_acknowledge_end(&scratch);
	kernel->ability.in_place = can_renew(&scratch);
	kernel->ability.destroy = scratch_element(&scratch, 0, true);
	batch_begin(&kernel->batch, &kernel->netlink);
	scratch_table(&scratch, NFT_MSG_DELTABLE, 0);
	if (!scratch_commit(&scratch)) {
		snprintf(why, SAY_MAX,
			 "cannot remove the scratch table %s: %s; remove it with "
			 "nft delete table inet %s",
			 scratch.table, strerror(scratch.system), scratch.table);
		return NG_E_KERNEL;
	}
	kernel->ability.owner = can_own(&scratch, NFT_TABLE_F_OWNER);
	kernel->ability.owner_persist =
		can_own(&scratch, NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST);
	kernel->ability.bridge = can_bridge(&scratch);
	return NG_OK;
}
