/*
 * Elements: how addresses become keys.
 *
 * A key is its fields one after another, each padded to four octets with zeroes; interface names
 * take their sixteen. Sets of one field with intervals (the kernel's rbtree) know a range as its
 * first address and a marker after its last one; sets of several fields (pipapo) take both ends in
 * one element. Sets without intervals are hashes, the only kind that is quick to write, so single
 * addresses never go into an interval set.
 */
#include "warden/sets.h"

#include "warden/counts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

/* nft's numbers of the data types; fields of a concatenation are six bits apart. */
enum {
	TYPE_FAMILY = 2,
	TYPE_IP4 = 7,
	TYPE_IP6 = 8,
	TYPE_PROTO = 12,
	TYPE_PORT = 13,
	TYPE_MARK = 19,
	TYPE_UID = 24,
	TYPE_ND = 29,
	TYPE_IF = 41,
	TYPE_CGROUP = 46
};
#define PAIR(a, b)       ((a) << 6 | (b))
#define QUAD(a, b, c, d) (PAIR(PAIR(PAIR(a, b), c), d))

const struct set_shape set_shapes[SET_COUNT] = {
	[SET_SBX4] = {"sbx4", PAIR(TYPE_IF, TYPE_IP4), 20, {0}, 0},
	[SET_SBX6] = {"sbx6", PAIR(TYPE_IF, TYPE_IP6), 32, {0}, 0},
	[SET_SBX4NET] = {"sbx4net", PAIR(TYPE_IF, TYPE_IP4), 20, {16, 4}, NFT_SET_INTERVAL},
	[SET_SBX6NET] = {"sbx6net", PAIR(TYPE_IF, TYPE_IP6), 32, {16, 16}, NFT_SET_INTERVAL},
	[SET_ANY4] = {"any4", TYPE_IP4, 4, {0}, 0},
	[SET_ANY6] = {"any6", TYPE_IP6, 16, {0}, 0},
	[SET_ANY4NET] = {"any4net", TYPE_IP4, 4, {0}, NFT_SET_INTERVAL},
	[SET_ANY6NET] = {"any6net", TYPE_IP6, 16, {0}, NFT_SET_INTERVAL},
	[SET_MASQ4] = {"masq4", TYPE_IP4, 4, {0}, 0},
	[SET_MASQ6] = {"masq6", TYPE_IP6, 16, {0}, 0},
	[SET_MASQ4NET] = {"masq4net", TYPE_IP4, 4, {0}, NFT_SET_INTERVAL},
	[SET_MASQ6NET] = {"masq6net", TYPE_IP6, 16, {0}, NFT_SET_INTERVAL},
	[SET_SNAT4] = {"snat4", TYPE_IP4, 4, {0}, NFT_SET_MAP, TYPE_IP4, 4},
	[SET_SNAT6] = {"snat6", TYPE_IP6, 16, {0}, NFT_SET_MAP, TYPE_IP6, 16},
	[SET_SNAT4NET] =
		{"snat4net", TYPE_IP4, 4, {0}, NFT_SET_MAP | NFT_SET_INTERVAL, TYPE_IP4, 4},
	[SET_SNAT6NET] =
		{"snat6net", TYPE_IP6, 16, {0}, NFT_SET_MAP | NFT_SET_INTERVAL, TYPE_IP6, 16},
	[SET_OBSERVE4] = {"observe4", TYPE_IP4, 4, {0}, 0},
	[SET_OBSERVE6] = {"observe6", TYPE_IP6, 16, {0}, 0},
	[SET_OBSERVE4NET] = {"observe4net", TYPE_IP4, 4, {0}, NFT_SET_INTERVAL},
	[SET_OBSERVE6NET] = {"observe6net", TYPE_IP6, 16, {0}, NFT_SET_INTERVAL},
	[SET_ALLOW4] = {"allow4", PAIR(TYPE_IP4, TYPE_IP4), 8, {0}, NFT_SET_TIMEOUT},
	[SET_ALLOW6] = {"allow6", PAIR(TYPE_IP6, TYPE_IP6), 32, {0}, NFT_SET_TIMEOUT},
	[SET_ALLOW4P] = {"allow4p",
			 QUAD(TYPE_IP4, TYPE_IP4, TYPE_PROTO, TYPE_PORT),
			 16,
			 {0},
			 NFT_SET_TIMEOUT},
	[SET_ALLOW6P] = {"allow6p",
			 QUAD(TYPE_IP6, TYPE_IP6, TYPE_PROTO, TYPE_PORT),
			 40,
			 {0},
			 NFT_SET_TIMEOUT},
	[SET_TWIN4] = {"allow4b", PAIR(TYPE_IP4, TYPE_IP4), 8, {0}, NFT_SET_TIMEOUT},
	[SET_TWIN6] = {"allow6b", PAIR(TYPE_IP6, TYPE_IP6), 32, {0}, NFT_SET_TIMEOUT},
	[SET_TWIN4P] = {"allow4pb",
			QUAD(TYPE_IP4, TYPE_IP4, TYPE_PROTO, TYPE_PORT),
			16,
			{0},
			NFT_SET_TIMEOUT},
	[SET_TWIN6P] = {"allow6pb",
			QUAD(TYPE_IP6, TYPE_IP6, TYPE_PROTO, TYPE_PORT),
			40,
			{0},
			NFT_SET_TIMEOUT},
	[SET_CIDR4] = {"cidr4", PAIR(TYPE_IP4, TYPE_IP4), 8, {4, 4}, NFT_SET_INTERVAL},
	[SET_CIDR6] = {"cidr6", PAIR(TYPE_IP6, TYPE_IP6), 32, {16, 16}, NFT_SET_INTERVAL},
	[SET_CIDR4P] = {"cidr4p",
			QUAD(TYPE_IP4, TYPE_IP4, TYPE_PROTO, TYPE_PORT),
			16,
			{4, 4, 1, 2},
			NFT_SET_INTERVAL},
	[SET_CIDR6P] = {"cidr6p",
			QUAD(TYPE_IP6, TYPE_IP6, TYPE_PROTO, TYPE_PORT),
			40,
			{16, 16, 1, 2},
			NFT_SET_INTERVAL},
	[SET_TALK4] = {"talk4", TYPE_IP4, 4, {0}, NFT_SET_EVAL},
	[SET_TALK6] = {"talk6", TYPE_IP6, 16, {0}, NFT_SET_EVAL},
	[SET_TALKIF] = {"talkif", TYPE_IF, 16, {0}, NFT_SET_EVAL},
	[SET_ASKS4] = {"asks4", TYPE_IP4, 4, {0}, NFT_SET_EVAL | NFT_SET_TIMEOUT},
	[SET_ASKS6] = {"asks6", TYPE_IP6, 16, {0}, NFT_SET_EVAL | NFT_SET_TIMEOUT},
	[SET_WIDE4] = {"wide4",
		       TYPE_IP4,
		       4,
		       {0},
		       NFT_SET_MAP | NFT_SET_INTERVAL,
		       PAIR(TYPE_MARK, TYPE_IP4),
		       8},
	[SET_WIDE6] = {"wide6",
		       TYPE_IP6,
		       16,
		       {0},
		       NFT_SET_MAP | NFT_SET_INTERVAL,
		       PAIR(TYPE_MARK, TYPE_IP6),
		       20},
	[SET_REFUSED4] = {"refused4", TYPE_IP4, 4, {0}, NFT_SET_OBJECT},
	[SET_REFUSED6] = {"refused6", TYPE_IP6, 16, {0}, NFT_SET_OBJECT},
	[SET_REFUSED4NET] =
		{"refused4net", TYPE_IP4, 4, {0}, NFT_SET_OBJECT | NFT_SET_INTERVAL},
	[SET_REFUSED6NET] =
		{"refused6net", TYPE_IP6, 16, {0}, NFT_SET_OBJECT | NFT_SET_INTERVAL},
	[SET_SEEN4] = {"seen4", TYPE_IP4, 4, {0}, NFT_SET_OBJECT},
	[SET_SEEN6] = {"seen6", TYPE_IP6, 16, {0}, NFT_SET_OBJECT},
	[SET_SEEN4NET] = {"seen4net", TYPE_IP4, 4, {0}, NFT_SET_OBJECT | NFT_SET_INTERVAL},
	[SET_SEEN6NET] = {"seen6net", TYPE_IP6, 16, {0}, NFT_SET_OBJECT | NFT_SET_INTERVAL},
	[SET_FORGED] = {"forged", TYPE_IF, 16, {0}, NFT_SET_OBJECT},
	[SET_HOST_UID] = {"host_uid", TYPE_UID, 4, {0}, NFT_SET_MAP, TYPE_IP6, 16},
	[SET_HOST_CGROUP] = {"host_cgroup", TYPE_CGROUP, 8, {0}, NFT_SET_MAP, TYPE_IP6, 16},
	[SET_HOST_SIDECAR] = {"host_sidecar", TYPE_FAMILY, 1, {0}, NFT_SET_MAP, TYPE_IP6, 16},
	[SET_HOST_UID_FLOW] = {"host_uid_flow", PAIR(TYPE_IP4, TYPE_UID), 8, {0}, 0},
	[SET_HOST_CGROUP_FLOW] = {"host_cgroup_flow", PAIR(TYPE_IP4, TYPE_CGROUP), 12, {0}, 0},
	[SET_HOST_SIDECAR_FLOW] = {"host_sidecar_flow", PAIR(TYPE_IP4, TYPE_FAMILY), 8, {0}, 0},
	[SET_HOST_LABEL] = {"host_label", TYPE_IP6, 16, {0}, 0},
	[SET_BRIDGES] = {"bridges", TYPE_IF, 16, {0}, 0},
	[SET_SLAVES] = {"ports", TYPE_IF, 16, {0}, 0},
	[SET_PORTS] = {"ports", TYPE_IF, 16, {0}, 0},
	[SET_PORT4] = {"sbx4", PAIR(TYPE_IF, TYPE_IP4), 20, {0}, 0},
	[SET_PORT6] = {"sbx6", PAIR(TYPE_IF, TYPE_IP6), 32, {0}, 0},
	[SET_PORT4NET] = {"sbx4net", PAIR(TYPE_IF, TYPE_IP4), 20, {16, 4}, NFT_SET_INTERVAL},
	[SET_PORT6NET] = {"sbx6net", PAIR(TYPE_IF, TYPE_IP6), 32, {16, 16}, NFT_SET_INTERVAL},
	[SET_TALKPORT] = {"talkport", TYPE_IF, 16, {0}, NFT_SET_EVAL},
	[SET_FRAMES] = {"frames", TYPE_IF, 16, {0}, NFT_SET_OBJECT},
	[SET_STRAY] = {"stray", TYPE_IF, 16, {0}, NFT_SET_EVAL},
	[SET_NEVER4] = {"never4", TYPE_IP4, 4, {0}, NFT_SET_INTERVAL},
	[SET_NEVER6] = {"never6", TYPE_IP6, 16, {0}, NFT_SET_INTERVAL},
	[SET_PRIVATE_DNS] = {"private_dns", PAIR(TYPE_PROTO, TYPE_PORT), 8, {0}, 0},
	[SET_ND] = {"nd", TYPE_ND, 1, {0}, 0},
};

/* Type, length, text and its end; a longer one would cost each element more. */
const uint8_t set_mark[11] = {
	NFTNL_UDATA_SET_ELEM_COMMENT, 9, 'n', 'a', 'm', 'e', 'g', 'a', 't', 'e', 0};

uint8_t set_family(enum set_id set)
{
	return SET_IS_BRIDGED(set) ? NFPROTO_BRIDGE : NFPROTO_INET;
}

void ops_finish(struct ops *ops)
{
	if (!ops)
		return;
	free(ops->items);
	*ops = (struct ops){0};
}

void ops_clear(struct ops *ops)
{
	ops->n = 0;
	ops->failed = false;
}

static struct op *op_new(struct ops *ops, enum set_id set)
{
	struct op *op;

	if (ops->n == ops->room) {
		size_t room = ops->room ? ops->room * 2 : 256;
		struct op *wider = reallocarray(ops->items, room, sizeof(*wider));

		if (!wider) {
			ops->failed = true;
			return NULL;
		}
		ops->items = wider;
		ops->room = room;
	}
	op = &ops->items[ops->n++];
	*op = (struct op){
		.set = (uint8_t)set, .len = set_shapes[set].key_len, .error = OP_WAITS};
	return op;
}

struct op *op_append(struct ops *ops, const struct op *op)
{
	struct op *copy = op_new(ops, (enum set_id)op->set);

	if (copy)
		*copy = *op;
	return copy;
}

struct op *op_octets(struct ops *ops, enum set_id set, const uint8_t *key, uint8_t len)
{
	struct op *op = op_new(ops, set);

	if (op)
		memcpy(op->key, key, len);
	return op;
}

/* Source, destination and, where there is one, the port: the key of allow and cidr sets. */
static void fill_pair(uint8_t *key, const struct ng_addr *source, const struct ng_addr *to,
		      uint8_t proto, uint16_t port)
{
	size_t len = ng_addr_len(source);
	uint16_t wire_port = htons(port);

	memcpy(key, source->bytes, len);
	memcpy(key + len, to->bytes, len);
	if (!proto)
		return;
	key[2 * len] = proto;
	memcpy(key + 2 * len + 4, &wire_port, sizeof(wire_port));
}

struct op *op_pair(struct ops *ops, const struct ng_addr *source, const struct ng_addr *to,
		   uint8_t proto, uint16_t port)
{
	bool v4 = source->family == NG_IPV4;
	struct op *op;

	if (proto)
		op = op_new(ops, v4 ? SET_ALLOW4P : SET_ALLOW6P);
	else
		op = op_new(ops, v4 ? SET_ALLOW4 : SET_ALLOW6);
	if (op)
		fill_pair(op->key, source, to, proto, port);
	return op;
}

struct pair set_pair(enum set_id set, const uint8_t *key)
{
	const bool v4 = set == SET_ALLOW4 || set == SET_ALLOW4P;
	const enum ng_family family = v4 ? NG_IPV4 : NG_IPV6;
	const size_t len = v4 ? 4 : 16;
	const uint8_t *tail = key + 2 * len;
	struct pair pair = {.source = ng_addr_make(family, key),
			    .to = ng_addr_make(family, key + len)};

	if (set == SET_ALLOW4P || set == SET_ALLOW6P) {
		pair.proto = tail[0];
		pair.port = (uint16_t)(tail[4] << 8 | tail[5]);
	}
	return pair;
}

struct op *op_range(struct ops *ops, const struct ng_prefix *source, const struct ng_prefix *to,
		    uint8_t proto, uint16_t port)
{
	bool v4 = source->addr.family == NG_IPV4;
	struct ng_addr source_last = prefix_last(source), to_last = prefix_last(to);
	struct op *op;

	if (proto)
		op = op_new(ops, v4 ? SET_CIDR4P : SET_CIDR6P);
	else
		op = op_new(ops, v4 ? SET_CIDR4 : SET_CIDR6);
	if (!op)
		return NULL;
	op->has_end = true;
	fill_pair(op->key, &source->addr, &to->addr, proto, port);
	fill_pair(op->key_end, &source_last, &to_last, proto, port);
	return op;
}

enum set_id set_for(enum set_id first, const struct ng_prefix *source)
{
	return first + (source->addr.family == NG_IPV4 ? 0u : 1u) +
	       (ng_prefix_is_host(source) ? 0u : 2u);
}

struct ng_addr prefix_last(const struct ng_prefix *prefix)
{
	struct ng_addr last = prefix->addr;
	size_t len = ng_addr_len(&last);

	for (size_t i = 0; i < len; i++) {
		size_t bit = i * 8;

		if (bit >= prefix->bits)
			last.bytes[i] = 0xff;
		else if (bit + 8 > prefix->bits)
			last.bytes[i] |= (uint8_t)(0xff >> (prefix->bits - bit));
	}
	return last;
}

struct op *op_identity(struct ops *ops, enum set_id first, const char *interface,
		       const struct ng_prefix *source)
{
	size_t len = ng_addr_len(&source->addr);
	struct ng_addr last = prefix_last(source);
	struct op *op;

	op = op_new(ops, set_for(first, source));
	if (!op)
		return NULL;
	op->has_end = !ng_prefix_is_host(source);
	memcpy(op->key, interface, strnlen(interface, NG_IFNAME_MAX));
	memcpy(op->key + NG_IFNAME_MAX, source->addr.bytes, len);
	memcpy(op->key_end, op->key, NG_IFNAME_MAX);
	memcpy(op->key_end + NG_IFNAME_MAX, last.bytes, len);
	return op;
}

struct op *op_name(struct ops *ops, enum set_id set, const char *interface)
{
	struct op *op = op_new(ops, set);

	if (op)
		memcpy(op->key, interface, strnlen(interface, NG_IFNAME_MAX));
	return op;
}

/* The address after this one; false when there is none. */
static bool next_address(struct ng_addr *addr)
{
	for (size_t i = ng_addr_len(addr); i-- > 0;)
		if (++addr->bytes[i])
			return true;
	return false;
}

void op_plain(struct ops *ops, enum set_id set, const struct ng_prefix *prefix, bool remove,
	      uint32_t tag)
{
	struct ng_addr after = prefix_last(prefix);
	bool ends = (set_shapes[set].flags & NFT_SET_INTERVAL) != 0 && next_address(&after);
	struct op *op = op_octets(ops, set, prefix->addr.bytes, set_shapes[set].key_len);

	if (!op)
		return;
	op->remove = remove;
	op->tag = tag;
	if (!ends)
		return;
	op = op_octets(ops, set, after.bytes, set_shapes[set].key_len);
	if (!op)
		return;
	op->interval_end = true;
	op->remove = remove;
	op->tag = tag;
}

void op_mapped(struct ops *ops, enum set_id set, const struct ng_prefix *prefix,
	       const struct ng_addr *value, bool remove, uint32_t tag)
{
	size_t first = ops->n;

	op_plain(ops, set, prefix, remove, tag);
	if (ops->n == first || remove)
		return;
	ops->items[first].value_len = (uint8_t)ng_addr_len(value);
	memcpy(ops->items[first].value, value->bytes, ops->items[first].value_len);
}

struct dump {
	enum set_id set;
	size_t key_len;
	element_fn *each;
	void *who;
	size_t *most; /* NULL: all of them */
	bool more;    /* than that */
};

static bool is_marked(struct nftnl_set_elem *from)
{
	uint32_t len = 0;
	const void *notes = nftnl_set_elem_get(from, NFTNL_SET_ELEM_USERDATA, &len);

	return notes && len == sizeof(set_mark) && memcmp(notes, set_mark, len) == 0;
}

static int give_element(struct nftnl_set_elem *from, void *who)
{
	struct dump *dump = who;
	struct element element = {0};
	uint32_t len = 0;
	const void *key = nftnl_set_elem_get(from, NFTNL_SET_ELEM_KEY, &len);

	if (!key || len != dump->key_len)
		return 0;
	if (dump->most && !*dump->most) {
		dump->more = true;
		return -1;
	}
	if (dump->most)
		--*dump->most;
	element.len = (uint8_t)len;
	memcpy(element.key, key, len);
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_KEY_END)) {
		key = nftnl_set_elem_get(from, NFTNL_SET_ELEM_KEY_END, &len);
		element.has_end = key && len == element.len;
		if (element.has_end)
			memcpy(element.key_end, key, len);
	}
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_FLAGS))
		element.interval_end = nftnl_set_elem_get_u32(from, NFTNL_SET_ELEM_FLAGS) &
				       NFT_SET_ELEM_INTERVAL_END;
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_DATA)) {
		key = nftnl_set_elem_get(from, NFTNL_SET_ELEM_DATA, &len);
		if (key && len <= sizeof(element.value))
			memcpy(element.value, key, len);
	}
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_OBJREF))
		(void)count_value_read(nftnl_set_elem_get_str(from, NFTNL_SET_ELEM_OBJREF),
				       element.value);
	/* Of a set with a time-out for all, a time-out of 0 is listed where an element has none. */
	element.permanent = !nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_EXPIRATION);
	if (nftnl_set_elem_is_set(from, NFTNL_SET_ELEM_EXPIRATION))
		element.expires_ms = nftnl_set_elem_get_u64(from, NFTNL_SET_ELEM_EXPIRATION);
	element.marked = is_marked(from);
	dump->each(dump->who, dump->set, &element);
	return 0;
}

static int take_elements(const struct nlmsghdr *reply, void *who)
{
	struct nftnl_set *set = nftnl_set_alloc();
	struct dump *dump = who;

	if (!set)
		return MNL_CB_ERROR;
	if (nftnl_set_elems_nlmsg_parse(reply, set) == 0)
		nftnl_set_elem_foreach(set, give_element, dump);
	nftnl_set_free(set);
	return dump->more ? MNL_CB_STOP : MNL_CB_OK;
}

static int ask_dump(struct netlink *netlink, uint8_t family, const char *table,
		    const char *name, struct dump *dump)
{
	char buf[512];
	int system = 0, code;
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_NFTABLES,
						   NFT_MSG_GETSETELEM, NLM_F_DUMP, family);

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, name);
	code = netlink_ask(netlink, request, take_elements, dump, &system);
	if (dump->more)
		return NG_E_FULL;
	return system == ENOENT ? NG_OK : code; /* no set, no elements */
}

int set_dump(struct netlink *netlink, const char *table, enum set_id set, element_fn *each,
	     void *who)
{
	return set_dump_some(netlink, table, set, NULL, each, who);
}

int set_dump_some(struct netlink *netlink, const char *table, enum set_id set, size_t *most,
		  element_fn *each, void *who)
{
	struct dump dump = {.set = set,
			    .key_len = set_shapes[set].key_len,
			    .each = each,
			    .who = who,
			    .most = most};

	return ask_dump(netlink, set_family(set), table, set_shapes[set].name, &dump);
}

int set_at_dump(struct netlink *netlink, const struct set_at *at, size_t *most,
		element_fn *each, void *who)
{
	struct dump dump = {.key_len = at->key_len, .each = each, .who = who, .most = most};

	return ask_dump(netlink, at->family, at->table, at->name, &dump);
}

static void take_one(void *who, enum set_id set, const struct element *element)
{
	(void)set;
	*(struct element *)who = *element;
}

static int ask_element(struct netlink *netlink, uint8_t family, const char *table,
		       const char *name, size_t key_len, const uint8_t *key,
		       struct element *out)
{
	struct element found = {0};
	struct dump dump = {.key_len = key_len, .each = take_one, .who = &found};
	char buf[512];
	int system = 0, code;
	struct nlattr *list, *element, *data;
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_NFTABLES,
						   NFT_MSG_GETSETELEM, 0, family);

	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, name);
	list = mnl_attr_nest_start(request, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(request, NFTA_LIST_ELEM);
	data = mnl_attr_nest_start(request, NFTA_SET_ELEM_KEY);
	mnl_attr_put(request, NFTA_DATA_VALUE, key_len, key);
	mnl_attr_nest_end(request, data);
	mnl_attr_nest_end(request, element);
	mnl_attr_nest_end(request, list);
	code = netlink_ask(netlink, request, take_elements, &dump, &system);
	if (code == NG_OK)
		*out = found;
	return system == ENOENT ? NG_E_NOTFOUND : code;
}

int set_element(struct netlink *netlink, const char *table, enum set_id set, const uint8_t *key,
		struct element *out)
{
	return ask_element(netlink, set_family(set), table, set_shapes[set].name,
			   set_shapes[set].key_len, key, out);
}

int set_at_element(struct netlink *netlink, const struct set_at *at, const uint8_t *key,
		   struct element *out)
{
	return ask_element(netlink, at->family, at->table, at->name, at->key_len, key, out);
}
