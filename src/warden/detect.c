/*
 * What a declared set takes, as the kernel has it, and what to tell an operator whose set does not fit.
 *
 * nft writes the types of a key's fields as one number, six bits a field, which the kernel keeps for
 * whoever lists the set. That number alone tells "ipv4_addr . ipv4_addr" from eight octets of
 * something else. The line that would fit is printed so that a shell takes it as it stands.
 */
#include "warden/declared.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

#define FIELD_BITS 6
#define FIELDS_MAX 5 /* more do not fit into the number */
#define LINE_MAX   512

enum { TYPE_IP4 = 7, TYPE_IP6 = 8, TYPE_PROTO = 12, TYPE_PORT = 13 };

static const struct {
	uint32_t type;
	const char *name;
} type_names[] = {{TYPE_IP4, "ipv4_addr"},
		  {TYPE_IP6, "ipv6_addr"},
		  {9, "ether_addr"},
		  {10, "ether_type"},
		  {TYPE_PROTO, "inet_proto"},
		  {TYPE_PORT, "inet_service"},
		  {19, "mark"},
		  {20, "iface_index"},
		  {41, "ifname"}};

static const struct {
	const char *word;
	uint8_t family;
} families[] = {{"inet", NFPROTO_INET},
		{"ip", NFPROTO_IPV4},
		{"ip6", NFPROTO_IPV6},
		{"bridge", NFPROTO_BRIDGE},
		{"netdev", NFPROTO_NETDEV}};

/* ---- keys ---- */

uint32_t shape_key_type(const struct shape *shape)
{
	uint32_t address = shape->family == NG_IPV4 ? TYPE_IP4 : TYPE_IP6, type = address;

	if (shape->source)
		type = type << FIELD_BITS | address;
	if (shape->port)
		type = (type << FIELD_BITS | TYPE_PROTO) << FIELD_BITS | TYPE_PORT;
	return type;
}

struct shape shape_of(uint32_t key_type)
{
	for (unsigned i = 0; i < 8; i++) {
		struct shape shape = {.family = i & 1 ? NG_IPV6 : NG_IPV4,
				      .source = (i & 2) != 0,
				      .port = (i & 4) != 0};

		if (shape_key_type(&shape) == key_type)
			return shape;
	}
	return (struct shape){0};
}

bool shape_takes(const struct shape *shape, enum ng_family family, bool ports)
{
	return shape->family == family && shape->port == ports;
}

static uint8_t shape_key_len(const struct shape *shape)
{
	const struct lease_key none = {0};
	uint8_t key[KEY_MAX];

	return shape_key(shape, &none, key);
}

/* As nft writes it: "ipv4_addr . inet_service". */
static void key_words(uint32_t key_type, char *out, size_t room)
{
	size_t at = 0;

	out[0] = '\0';
	for (int i = FIELDS_MAX; i-- > 0;) {
		uint32_t field = key_type >> (FIELD_BITS * i) & ((1u << FIELD_BITS) - 1);
		const char *name = "something else";

		if (!field)
			continue;
		for (size_t k = 0; k < sizeof(type_names) / sizeof(type_names[0]); k++)
			if (type_names[k].type == field)
				name = type_names[k].name;
		at += (size_t)snprintf(out + at, room - at, "%s%s", at ? " . " : "", name);
		if (at >= room)
			return;
	}
}

/* ---- what the kernel says ---- */

struct found {
	uint32_t flags, key_type, key_len, size;
	uint32_t table_flags, owner;
};

static uint32_t number(const struct nlattr *attr)
{
	return mnl_attr_validate(attr, MNL_TYPE_U32) == 0 ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

static int take_table(const struct nlmsghdr *reply, void *who)
{
	struct found *found = who;
	struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_TABLE_FLAGS)
			found->table_flags = number(attr);
		else if (mnl_attr_get_type(attr) == NFTA_TABLE_OWNER)
			found->owner = number(attr);
	}
	return MNL_CB_OK;
}

static void take_description(const struct nlattr *description, struct found *found)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, description)
	{
		if (mnl_attr_get_type(attr) == NFTA_SET_DESC_SIZE)
			found->size = number(attr);
	}
}

static int take_set(const struct nlmsghdr *reply, void *who)
{
	struct found *found = who;
	struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(attr)) {
		case NFTA_SET_FLAGS:
			found->flags = number(attr);
			break;
		case NFTA_SET_KEY_TYPE:
			found->key_type = number(attr);
			break;
		case NFTA_SET_KEY_LEN:
			found->key_len = number(attr);
			break;
		case NFTA_SET_DESC:
			take_description(attr, found);
			break;
		}
	}
	return MNL_CB_OK;
}

/* NG_E_NOTFOUND: there is none. */
static int ask(struct netlink *netlink, uint8_t type, uint8_t family, const char *table,
	       const char *set, struct found *found)
{
	char buf[512];
	int system = 0, code;
	struct nlmsghdr *request =
		netlink_request(netlink, buf, NFNL_SUBSYS_NFTABLES, type, 0, family);

	mnl_attr_put_strz(request, NFTA_SET_TABLE, table); /* also a table's own name */
	if (set)
		mnl_attr_put_strz(request, NFTA_SET_NAME, set);
	code = netlink_ask(netlink, request, set ? take_set : take_table, found, &system);
	return system == ENOENT ? NG_E_NOTFOUND : code;
}

_Static_assert((int)NFTA_TABLE_NAME == (int)NFTA_SET_TABLE, "one attribute for both");

/* ---- what would fit ---- */

static bool wants_ipv6(const struct wall_set *set, uint32_t key_type)
{
	while (key_type >> FIELD_BITS)
		key_type >>= FIELD_BITS;
	if (strcmp(set->family, "ip") == 0 || strcmp(set->family, "ip6") == 0)
		return set->family[2] == '6';
	if (key_type == TYPE_IP4 || key_type == TYPE_IP6)
		return key_type == TYPE_IP6;
	return strchr(set->name, '6') != NULL;
}

/* As near as can be to what is there; else pairs of the family that table or name speak of. */
static struct shape wanted_shape(const struct wall_set *set, uint32_t key_type)
{
	struct shape shape = shape_of(key_type);

	if (!shape.family)
		shape.source = !key_type || key_type >> FIELD_BITS;
	shape.family = wants_ipv6(set, key_type) ? NG_IPV6 : NG_IPV4;
	return shape;
}

static void definition(const struct shape *shape, uint32_t size, char *out, size_t room)
{
	char words[96];

	key_words(shape_key_type(shape), words, sizeof(words));
	snprintf(out, room, "{ type %s; flags timeout; size %u; }", words, size);
}

static void missing_line(const struct wall_set *set, const char *body, bool table, char *out)
{
	if (table)
		snprintf(out, LINE_MAX, "nft add set %s %s %s '%s'", set->family, set->table,
			 set->name, body);
	else
		snprintf(out, LINE_MAX, "nft 'add table %s %s; add set %s %s %s %s'",
			 set->family, set->table, set->family, set->table, set->name, body);
}

static void other_line(const struct wall_set *set, const char *body, char *out)
{
	snprintf(out, LINE_MAX, "nft 'delete set %s %s %s; add set %s %s %s %s'", set->family,
		 set->table, set->name, set->family, set->table, set->name, body);
}

static const char *wrong_flags(uint32_t flags)
{
	if (flags & (NFT_SET_MAP | NFT_SET_OBJECT))
		return "it is a map, which gives each key a value";
	if (flags & NFT_SET_INTERVAL)
		return "it is a set of intervals, which is slow to write";
	if (flags & NFT_SET_CONSTANT)
		return "it is constant";
	if (!(flags & NFT_SET_TIMEOUT))
		return "its elements can have no time-out";
	return NULL;
}

/* What is wrong with what is there, in words; empty when nothing is. */
static void judge(const struct wall_set *set, const struct found *found, uint32_t size,
		  char *out, size_t room)
{
	struct shape shape = shape_of(found->key_type);
	const char *flags = wrong_flags(found->flags);
	char words[128];

	out[0] = '\0';
	key_words(found->key_type, words, sizeof(words));
	if (flags)
		snprintf(out, room, "%s", flags);
	else if (!shape.family || shape_key_len(&shape) != found->key_len)
		snprintf(out, room,
			 "its key is %s; a destination address is needed, alone or behind a "
			 "source address, with or without . inet_proto . inet_service",
			 words);
	else if ((shape.family == NG_IPV4 && strcmp(set->family, "ip6") == 0) ||
		 (shape.family == NG_IPV6 && strcmp(set->family, "ip") == 0))
		snprintf(out, room, "its key is %s, which a table of family %s never sees",
			 words, set->family);
	else if (found->size && found->size < size)
		snprintf(out, room, "it takes %u elements, and limits { leases } is %u",
			 found->size, size);
}

static int refuse(const struct wall_set *set, const char *wrong, const char *advice,
		  const char *line, char why[static REFUSAL_MAX])
{
	snprintf(why, REFUSAL_MAX, "set %s %s %s does not fit: %s; %s: %s", set->family,
		 set->table, set->name, wrong, advice, line);
	return NG_E_UNSUPPORTED;
}

static int refuse_owned(const struct wall_set *set, uint32_t owner, const char *body,
			char why[static REFUSAL_MAX])
{
	struct wall_set other = *set;
	char line[LINE_MAX], wrong[96];

	snprintf(other.table, sizeof(other.table), "allowed");
	missing_line(&other, body, false, line);
	snprintf(wrong, sizeof(wrong),
		 "its table is owned by another process (netlink port %u), and only that may "
		 "write it",
		 owner);
	return refuse(set, wrong, "declare it in a table without an owner", line, why);
}

static uint8_t family_of(const struct wall_set *set)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (strcmp(families[i].word, set->family) == 0)
			return families[i].family;
	return NFPROTO_UNSPEC;
}

static void describe(const struct wall_set *set, const struct found *found,
		     struct declared_set *out)
{
	*out = (struct declared_set){
		.at = {.family = family_of(set), .key_len = (uint8_t)found->key_len},
		.shape = shape_of(found->key_type)};
	memcpy(out->at.table, set->table, sizeof(out->at.table));
	memcpy(out->at.name, set->name, sizeof(out->at.name));
}

int declared_detect(struct netlink *netlink, const struct wall_set *set, uint32_t size,
		    struct declared_set *out, char why[static REFUSAL_MAX])
{
	struct found found = {0};
	uint8_t family = family_of(set);
	int there = ask(netlink, NFT_MSG_GETTABLE, family, set->table, NULL, &found);
	int code = there == NG_OK
			   ? ask(netlink, NFT_MSG_GETSET, family, set->table, set->name, &found)
			   : there;
	char body[160], line[LINE_MAX], wrong[256];
	struct shape fit = wanted_shape(set, found.key_type);

	if (code != NG_OK && code != NG_E_NOTFOUND)
		return code;
	definition(&fit, size, body, sizeof(body));
	if (found.table_flags & NFT_TABLE_F_OWNER)
		return refuse_owned(set, found.owner, body, why);
	if (code == NG_E_NOTFOUND) {
		missing_line(set, body, there == NG_OK, line);
		(void)!refuse(
			set, there == NG_OK ? "there is no such set" : "there is no such table",
			"make it with", line, why);
		return NG_E_NOTFOUND;
	}
	judge(set, &found, size, wrong, sizeof(wrong));
	if (!wrong[0]) {
		describe(set, &found, out);
		return NG_OK;
	}
	other_line(set, body, line);
	return refuse(set, wrong, "declare it anew, in your ruleset too, with", line, why);
}
