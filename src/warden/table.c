/*
 * One batch builds everything: table, sets, chains, rules, fixed elements. All messages say "create
 * if it is not there", so the same batch adopts a table that stands: its sets and their elements are
 * left alone, its chains are emptied and filled again, and no packet ever sees the state between.
 *
 * Ownership (no other process can change the table) is taken only together with persistence:
 * an owned table without it vanishes with its owner's socket, and the gate would stand open.
 *
 * The lease sets exist twice by name. One side stands and is what the rules look into; the other
 * is made when all leases are to be replaced at once (adopt.c), filled while no rule knows it, and
 * then the rules turn to it in one batch. Until the replaced side is removed both stand, and the one
 * made first has everything that the later one has: whoever finds both keeps the first.
 *
 * What the rules look like is remembered as a hash over the handles that the kernel gave them: a
 * rule that was removed, replaced or added changes it.
 */
#include "warden/kernel.h"

#include "base/hash.h"
#include "warden/counts.h"
#include "warden/never.h"
#include "warden/rules.h"

#include <errno.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#define GC_INTERVAL_MS  30000
#define IDENTITY_SIZE   NG_SANDBOXES_CEILING
#define IDENTITY_SIDES  (NG_SANDBOXES_CEILING * 2) /* a range takes two */
#define FIXED_SIZE      256
#define FIRST_BATCH_OPS 100000
#define LOOKS_MAX       64

static const uint8_t families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
#define FAMILIES(kernel) ((size_t)1 + (kernel)->bridged)

static void write_table(struct kernel *kernel, uint8_t family, const char *name, uint16_t type,
			uint32_t flags)
{
	struct nlmsghdr *message;

	kernel->batch.family = family;
	message = batch_message(&kernel->batch, &kernel->netlink, type,
				type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0);

	mnl_attr_put_strz(message, NFTA_TABLE_NAME, name);
	if (type == NFT_MSG_NEWTABLE)
		mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(flags));
}

static uint32_t set_size(const struct wall_table *table, enum set_id id)
{
	if (SET_IS_LEASE(id) || SET_IS_TWIN(id))
		return table->leases;
	if (id >= SET_NEVER4)
		return FIXED_SIZE;
	return set_shapes[id].flags & NFT_SET_INTERVAL ? IDENTITY_SIDES : IDENTITY_SIZE;
}

/*
 * Given a size, the kernel makes room for all of it at once in a set of this kind, which took most of
 * the time of building the table; without one such a set grows. What goes in is the warden's alone, and
 * no more than NG_SANDBOXES_CEILING.
 */
static bool is_bounded(const struct set_shape *shape)
{
	return shape->flags & (NFT_SET_INTERVAL | NFT_SET_TIMEOUT | NFT_SET_EVAL);
}

/* Byte order of the keys, which nft wants to know when it lists a set of one field: names are host's. */
static void describe_key(struct nftnl_set *set, bool is_name)
{
	struct nftnl_udata_buf *notes = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!notes)
		return;
	nftnl_udata_put_u32(notes, NFTNL_UDATA_SET_KEYBYTEORDER, is_name ? 1 : 2);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(notes),
			   nftnl_udata_buf_len(notes));
	nftnl_udata_buf_free(notes);
}

static void write_set(struct kernel *kernel, const struct wall_table *table, enum set_id id)
{
	const struct set_shape *shape = &set_shapes[id];
	bool several = shape->fields[0] != 0;
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set) {
		kernel->batch.failed = true;
		return;
	}
	nftnl_set_set_str(set, NFTNL_SET_TABLE, table->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, shape->name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, (uint32_t)id + 1);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, shape->key_type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, shape->key_len);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS,
			  shape->flags | (several ? (uint32_t)NFT_SET_CONCAT : 0));
	if (is_bounded(shape))
		nftnl_set_set_u32(set, NFTNL_SET_DESC_SIZE, set_size(table, id));
	if (several)
		nftnl_set_set_data(
			set, NFTNL_SET_DESC_CONCAT, shape->fields,
			(uint32_t)strnlen((const char *)shape->fields, sizeof(shape->fields)));
	else if (shape->key_type < 64)
		describe_key(set,
			     id == SET_HOST_UID || id == SET_HOST_CGROUP ||
				     (shape->key_len == NG_IFNAME_MAX && shape->key_type != 8));
	if (shape->flags & NFT_SET_OBJECT)
		nftnl_set_set_u32(set, NFTNL_SET_OBJ_TYPE, NFT_OBJECT_COUNTER);
	if (shape->value_type) {
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, shape->value_type);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, shape->value_len);
	}
	if (shape->flags & NFT_SET_TIMEOUT)
		nftnl_set_set_u32(set, NFTNL_SET_GC_INTERVAL, GC_INTERVAL_MS);
	kernel->batch.family = set_family(id);
	nftnl_set_nlmsg_build_payload(
		batch_message(&kernel->batch, &kernel->netlink, NFT_MSG_NEWSET, NLM_F_CREATE),
		set);
	nftnl_set_free(set);
}

static void flush_set(struct kernel *kernel, const char *table, enum set_id id)
{
	struct nlmsghdr *message;

	kernel->batch.family = set_family(id);
	message = batch_message(&kernel->batch, &kernel->netlink, NFT_MSG_DELSETELEM, 0);

	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, set_shapes[id].name);
}

static void write_sets(struct kernel *kernel, const struct wall_table *table)
{
	static const enum set_id ranges[] = {SET_ANY4NET,     SET_ANY6NET,     SET_OBSERVE4NET,
					     SET_OBSERVE6NET, SET_MASQ4NET,    SET_MASQ6NET,
					     SET_SNAT4NET,    SET_SNAT6NET,    SET_SEEN4NET,
					     SET_SEEN6NET,    SET_REFUSED4NET, SET_REFUSED6NET,
					     SET_WIDE4,       SET_WIDE6};
	const struct count_name nobody = {.sandbox = COUNT_NOBODY, .kind = COUNT_FORGED};
	struct ops fixed = {0};

	for (int id = 0; id < SET_COUNT; id++)
		if ((kernel->turned ? !SET_IS_LEASE(id) : !SET_IS_TWIN(id)) &&
		    (kernel->bridged || !SET_IS_BRIDGED(id)))
			write_set(kernel, table, (enum set_id)id);
	/*
	 * The fixed ones, limits that may have been others, and ranges of an earlier life that new ones
	 * could overlap: these come back a moment later, when main registers their sandboxes.
	 */
	for (int id = SET_NEVER4; id < SET_COUNT; id++)
		flush_set(kernel, table->table, (enum set_id)id);
	flush_set(kernel, table->table, SET_ASKS4);
	flush_set(kernel, table->table, SET_ASKS6);
	for (size_t i = 0; !kernel->ready && i < sizeof(ranges) / sizeof(ranges[0]); i++)
		flush_set(kernel, table->table, ranges[i]);
	never_ops(&fixed);
	op_counter(&fixed, &nobody, kernel->nobodys);
	kernel->batch.failed |= fixed.failed;
	ops_write(&fixed, 0, fixed.n, table->table, &kernel->ability, &kernel->batch,
		  &kernel->netlink);
	ops_finish(&fixed);
}

static int try_build(struct kernel *kernel, const struct wall_table *table, enum build build,
		     uint32_t flags, struct ops *refill, int *system)
{
	size_t n = refill->n < FIRST_BATCH_OPS ? refill->n : FIRST_BATCH_OPS;
	struct ability ability = kernel->ability;
	int code;

	ability.in_place |= build == BUILD_ANEW; /* new sets have nothing to renew */
	batch_begin(&kernel->batch, &kernel->netlink);
	for (size_t i = 0; i < FAMILIES(kernel); i++) {
		write_table(kernel, families[i], table->table, NFT_MSG_NEWTABLE, flags);
		if (build != BUILD_ANEW)
			continue;
		write_table(kernel, families[i], table->table, NFT_MSG_DELTABLE, 0);
		write_table(kernel, families[i], table->table, NFT_MSG_NEWTABLE, flags);
	}
	write_sets(kernel, table);
	kernel->batch.family = NFPROTO_INET;
	code = rules_write(&kernel->batch, &kernel->netlink, table, kernel->log_group,
			   kernel->turned, kernel->bridged);
	if (code != NG_OK)
		return code;
	if (kernel->bridged)
		bridge_rules_write(&kernel->batch, &kernel->netlink, table, kernel->log_group);
	ops_write_shared(refill, 0, n, table->table, &ability, &kernel->batch,
			 &kernel->netlink);
	code = batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system);
	for (size_t i = 0; code == NG_OK && i < n; i++)
		refill->items[i].error = 0;
	return code;
}

/* ---- what the kernel has ---- */

struct look {
	uint64_t fingerprint;
	size_t n;
};

static int take_rule(const struct nlmsghdr *reply, void *who)
{
	struct look *look = who;
	struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_RULE_HANDLE)
			look->fingerprint =
				hash_octets(mnl_attr_get_payload(attr),
					    mnl_attr_get_payload_len(attr), look->fingerprint);
	}
	look->n++;
	return MNL_CB_OK;
}

static int dump_rules(struct kernel *kernel, const struct wall_table *table, struct look *look,
		      int *system)
{
	int code = NG_OK;

	*look = (struct look){0};
	for (size_t i = 0; code == NG_OK && i < FAMILIES(kernel); i++) {
		char buf[512];
		struct nlmsghdr *request =
			netlink_request(&kernel->netlink, buf, NFNL_SUBSYS_NFTABLES,
					NFT_MSG_GETRULE, NLM_F_DUMP, families[i]);

		mnl_attr_put_strz(request, NFTA_RULE_TABLE, table->table);
		code = netlink_ask(&kernel->netlink, request, take_rule, look, system);
	}
	return code;
}

static size_t rules_wanted(const struct kernel *kernel, const struct wall_table *table)
{
	return rules_count(table, kernel->bridged) +
	       (kernel->bridged ? bridge_rules_count() : 0);
}

/* The rules go out in several parts; whoever commits anything meanwhile spoils them (EINTR). */
static int look_at_rules(struct kernel *kernel, const struct wall_table *table, uint64_t *out,
			 int *system)
{
	struct look look;
	int code = NG_E_KERNEL;

	*system = EINTR;
	for (int try = 0; try < LOOKS_MAX && code != NG_OK && *system == EINTR; try++)
		code = dump_rules(kernel, table, &look, system);
	if (code == NG_OK && look.n != rules_wanted(kernel, table)) {
		*system = ESTALE; /* somebody else has changed them */
		code = NG_E_KERNEL;
	}
	if (code == NG_OK)
		*out = look.fingerprint;
	return code;
}

static int take_owner(const struct nlmsghdr *reply, void *who)
{
	uint32_t *owner = who;
	struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_TABLE_OWNER &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
			*owner = ntohl(mnl_attr_get_u32(attr));
	}
	return MNL_CB_OK;
}

static int ask_table(struct kernel *kernel, uint8_t family, const char *name, bool *there,
		     uint32_t *owner)
{
	char buf[512];
	int code, system = 0;
	struct nlmsghdr *request = netlink_request(&kernel->netlink, buf, NFNL_SUBSYS_NFTABLES,
						   NFT_MSG_GETTABLE, 0, family);

	mnl_attr_put_strz(request, NFTA_TABLE_NAME, name);
	*owner = 0;
	code = netlink_ask(&kernel->netlink, request, take_owner, owner, &system);
	if (code != NG_OK && system != ENOENT)
		return code;
	*there = code == NG_OK;
	return NG_OK;
}

int table_exists(struct kernel *kernel, uint8_t family, const char *name, bool *out)
{
	uint32_t owner;

	return ask_table(kernel, family, name, out, &owner);
}

int table_owner(struct kernel *kernel, const char *name, uint32_t *out)
{
	bool there;

	return ask_table(kernel, NFPROTO_INET, name, &there, out);
}

bool table_intact(struct kernel *kernel)
{
	uint64_t now;
	int system;

	return look_at_rules(kernel, &kernel->table, &now, &system) == NG_OK &&
	       now == kernel->fingerprint;
}

bool table_foreign_change(struct kernel *kernel)
{
	uint32_t generation;
	bool changed;

	if (netlink_generation(&kernel->netlink, &generation) != NG_OK)
		return true;
	changed = generation - kernel->generation != kernel->netlink.commits - kernel->commits;
	kernel->generation = generation;
	kernel->commits = kernel->netlink.commits;
	return changed;
}

/* ---- making and removing ---- */

int table_build(struct kernel *kernel, const struct wall_table *table, enum build build,
		struct ops *refill, int *system)
{
	uint32_t flags =
		kernel->ability.owner_persist ? NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST : 0;
	bool turned = kernel->turned;
	uint64_t fingerprint;
	int code;

	if (build == BUILD_ANEW)
		kernel->turned = false;
	(void)table_foreign_change(kernel);
	code = try_build(kernel, table, build, flags, refill, system);

	if (code == NG_E_KERNEL && *system == EOPNOTSUPP && flags) {
		/* A table that was made without an owner never gets one. */
		flags = 0;
		code = try_build(kernel, table, build, flags, refill, system);
	}
	if (code != NG_OK)
		kernel->turned = turned;
	if (code == NG_OK)
		code = look_at_rules(kernel, table, &fingerprint, system);
	if (code != NG_OK)
		return code;
	kernel->table = *table;
	kernel->flags = flags;
	kernel->fingerprint = fingerprint;
	kernel->ready = true;
	/* Who committed meanwhile may have changed what was looked at, unless it is owned. */
	kernel->doubted = table_foreign_change(kernel) && !(flags & NFT_TABLE_F_OWNER);
	if (refill->n > FIRST_BATCH_OPS && kernel_commit(kernel, refill) != NG_OK)
		*system = EAGAIN; /* the table stands; each op knows how it fared */
	return NG_OK;
}

int table_need_bridge(struct kernel *kernel, int *system)
{
	const struct wall_table table = kernel->table;
	struct ops none = {0};
	int code;

	if (kernel->bridged)
		return NG_OK;
	if (!kernel->ability.bridge)
		return NG_E_UNSUPPORTED;
	kernel->bridged = true;
	code = table_build(kernel, &table, BUILD_OVER, &none, system);
	kernel->bridged = code == NG_OK;
	return code;
}

/* One that was left behind by an owner must be taken over first. Both families, or none. */
static int try_remove(struct kernel *kernel, const char *name, uint32_t flags, int *system)
{
	size_t n = 0;

	batch_begin(&kernel->batch, &kernel->netlink);
	for (size_t i = 0; i < 1 + (size_t)kernel->ability.bridge; i++) {
		bool there;
		int code = table_exists(kernel, families[i], name, &there);

		if (code != NG_OK)
			return code;
		if (!there)
			continue;
		write_table(kernel, families[i], name, NFT_MSG_NEWTABLE, flags);
		write_table(kernel, families[i], name, NFT_MSG_DELTABLE, 0);
		n++;
	}
	return n ? batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system)
		 : NG_E_NOTFOUND;
}

int table_remove(struct kernel *kernel, const char *name, int *system)
{
	uint32_t flags =
		kernel->ability.owner_persist ? NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST : 0;
	int code = try_remove(kernel, name, flags, system);

	/* One that was made without an owner never gets one. */
	if (code == NG_E_KERNEL && *system == EOPNOTSUPP && flags)
		code = try_remove(kernel, name, 0, system);
	return code;
}

void table_forget_talk(struct kernel *kernel)
{
	int system;

	batch_begin(&kernel->batch, &kernel->netlink);
	flush_set(kernel, kernel->table.table, SET_TALK4);
	flush_set(kernel, kernel->table.table, SET_TALK6);
	flush_set(kernel, kernel->table.table, SET_TALKIF);
	if (kernel->bridged)
		flush_set(kernel, kernel->table.table, SET_TALKPORT);
	(void)!batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, &system);
}

/* ---- the two sides of the lease sets ---- */

static int take_handle(const struct nlmsghdr *reply, void *who)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_SET_HANDLE &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint64_t))
			*(uint64_t *)who = be64toh(mnl_attr_get_u64(attr));
	}
	return MNL_CB_OK;
}

/* 0: there is no such set. */
static int set_handle(struct kernel *kernel, const char *table, enum set_id id, uint64_t *out)
{
	char buf[512];
	uint64_t handle = 0;
	int code, system = 0;
	struct nlmsghdr *request = netlink_request(&kernel->netlink, buf, NFNL_SUBSYS_NFTABLES,
						   NFT_MSG_GETSET, 0, NFPROTO_INET);

	mnl_attr_put_strz(request, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(request, NFTA_SET_NAME, set_shapes[id].name);
	code = netlink_ask(&kernel->netlink, request, take_handle, &handle, &system);
	if (code != NG_OK && system != ENOENT)
		return code;
	*out = handle;
	return NG_OK;
}

int table_side(struct kernel *kernel, const char *table)
{
	uint64_t first, twin;
	int code = set_handle(kernel, table, SET_ALLOW4, &first);

	if (code == NG_OK)
		code = set_handle(kernel, table, SET_TWIN4, &twin);
	if (code != NG_OK)
		return code;
	kernel->turned = twin && (!first || twin < first);
	return NG_OK;
}

static enum set_id other_side(const struct kernel *kernel)
{
	return kernel->turned ? SET_ALLOW4 : SET_TWIN4;
}

int table_make_other(struct kernel *kernel, int *system)
{
	batch_begin(&kernel->batch, &kernel->netlink);
	for (unsigned i = 0; i < SET_TO_TWIN; i++)
		write_set(kernel, &kernel->table, other_side(kernel) + i);
	return batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system);
}

static void write_set_removal(struct kernel *kernel, enum set_id id)
{
	struct nlmsghdr *message =
		batch_message(&kernel->batch, &kernel->netlink, NFT_MSG_DELSET, 0);

	mnl_attr_put_strz(message, NFTA_SET_TABLE, kernel->table.table);
	mnl_attr_put_strz(message, NFTA_SET_NAME, set_shapes[id].name);
}

int table_drop_other(struct kernel *kernel, int *system)
{
	uint64_t handle;

	batch_begin(&kernel->batch, &kernel->netlink);
	for (unsigned i = 0; i < SET_TO_TWIN; i++) {
		enum set_id id = other_side(kernel) + i;
		int code = set_handle(kernel, kernel->table.table, id, &handle);

		if (code != NG_OK)
			return code;
		if (handle)
			write_set_removal(kernel, id);
	}
	return batch_commit(&kernel->batch, &kernel->netlink, NULL, NULL, system);
}

int table_turn(struct kernel *kernel, int *system)
{
	const struct wall_table table = kernel->table;
	struct ops none = {0};
	int code;

	kernel->turned = !kernel->turned;
	code = table_build(kernel, &table, BUILD_OVER, &none, system);
	if (code != NG_OK)
		kernel->turned = !kernel->turned;
	return code;
}

enum set_id table_lease_set(const struct kernel *kernel, enum set_id set, bool other)
{
	return SET_IS_LEASE(set) && kernel->turned != other ? set + SET_TO_TWIN : set;
}

int kernel_commit(struct kernel *kernel, struct ops *ops)
{
	for (size_t i = 0; i < ops->n; i++)
		ops->items[i].set =
			(uint8_t)table_lease_set(kernel, (enum set_id)ops->items[i].set, false);
	return ops_commit(ops, kernel->table.table, &kernel->ability, &kernel->batch,
			  &kernel->netlink);
}

int kernel_open(struct kernel *kernel, char why[static SAY_MAX])
{
	int code;

	*kernel = (struct kernel){.netlink.fd = -1};
	code = netlink_open(&kernel->netlink);
	if (code == NG_OK)
		code = batch_init(&kernel->batch);
	if (code != NG_OK) {
		snprintf(why, SAY_MAX, "cannot open a netfilter netlink socket: %s",
			 strerror(errno));
		return code;
	}
	return probe(kernel, why);
}

void kernel_close(struct kernel *kernel)
{
	if (!kernel)
		return;
	netlink_close(&kernel->netlink);
	batch_finish(&kernel->batch);
}
