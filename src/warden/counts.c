/*
 * Counter objects in netlink. Making one that is there changes nothing, and the kernel knows no way
 * to set one: it is taken out and put in again, which only works as long as no element or rule has
 * it.
 */
#include "warden/counts.h"

#include <errno.h>
#include <libnftnl/object.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOLD "told-"

static const char *const words[COUNT_KINDS] = {[COUNT_REFUSED] = "refused",
					       [COUNT_OBSERVED] = "observed",
					       [COUNT_FORGED] = "forged",
					       [COUNT_FRAMES] = "frames"};

uint8_t count_family(const struct count_name *name)
{
	return name->kind == COUNT_FRAMES && !name->told ? NFPROTO_BRIDGE : NFPROTO_INET;
}

void count_name_text(const struct count_name *name, char out[static COUNT_NAME_MAX])
{
	snprintf(out, COUNT_NAME_MAX, "%s%s-%u", name->told ? TOLD : "", words[name->kind],
		 name->sandbox);
}

bool count_name_parse(const char *text, struct count_name *out)
{
	bool told = !strncmp(text, TOLD, strlen(TOLD));
	char again[COUNT_NAME_MAX];

	for (uint8_t kind = 0; kind < COUNT_KINDS; kind++) {
		const char *id = text + (told ? strlen(TOLD) : 0);
		size_t len = strlen(words[kind]);
		struct count_name name = {.kind = kind, .told = told};

		if (strncmp(id, words[kind], len) != 0 || id[len] != '-')
			continue;
		name.sandbox = (uint32_t)strtoul(id + len + 1, NULL, 10);
		count_name_text(&name, again);
		if (strcmp(again, text) != 0)
			return false;
		*out = name;
		return true;
	}
	return false;
}

/* ---- ops ---- */

static struct op *op_named(struct ops *ops, const struct count_name *name, uint64_t packets)
{
	char text[KEY_MAX] = "";
	struct op *op;

	count_name_text(name, text);
	op = op_octets(ops, SET_FORGED, (const uint8_t *)text, COUNT_NAME_MAX);
	if (!op)
		return NULL;
	op->set = SET_COUNT; /* no set at all */
	op->packets = packets;
	op->bridged = count_family(name) == NFPROTO_BRIDGE;
	return op;
}

void op_counter(struct ops *ops, const struct count_name *name, uint64_t packets)
{
	struct op *op = op_named(ops, name, packets);

	if (op)
		op->tag = UINT32_MAX;
}

void op_counter_set(struct ops *ops, const struct count_name *name, uint64_t packets)
{
	struct op *op = op_named(ops, name, packets);

	if (!op)
		return;
	op->tag = UINT32_MAX;
	op->anew = true;
}

void op_counter_remove(struct ops *ops, const struct count_name *name, uint32_t tag)
{
	struct op *op = op_named(ops, name, 0);

	if (!op)
		return;
	op->tag = tag;
	op->remove = true;
}

void op_count_value(struct op *op, uint32_t sandbox, enum count_kind kind)
{
	memcpy(op->value, &sandbox, sizeof(sandbox));
	op->value[sizeof(sandbox)] = (uint8_t)kind;
	op->value_len = sizeof(sandbox) + 1;
}

bool count_value_read(const char *name, uint8_t value[static VALUE_MAX])
{
	struct count_name parsed;
	struct op op = {0};

	if (!count_name_parse(name, &parsed) || parsed.told)
		return false;
	op_count_value(&op, parsed.sandbox, (enum count_kind)parsed.kind);
	memcpy(value, op.value, sizeof(op.value));
	return true;
}

void count_value_text(const uint8_t *value, char out[static COUNT_NAME_MAX])
{
	struct count_name name = {.kind = value[sizeof(name.sandbox)]};

	memcpy(&name.sandbox, value, sizeof(name.sandbox));
	count_name_text(&name, out);
}

void counter_write(const struct op *op, struct nlmsghdr *message, const char *table)
{
	struct nlattr *data;

	mnl_attr_put_strz(message, NFTA_OBJ_TABLE, table);
	mnl_attr_put_strz(message, NFTA_OBJ_NAME, (const char *)op->key);
	mnl_attr_put_u32(message, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	if (op->remove)
		return;
	data = mnl_attr_nest_start(message, NFTA_OBJ_DATA);
	mnl_attr_put_u64(message, NFTA_COUNTER_BYTES, 0);
	mnl_attr_put_u64(message, NFTA_COUNTER_PACKETS, htobe64(op->packets));
	mnl_attr_nest_end(message, data);
}

/* ---- reading ---- */

struct reading {
	counter_fn *each;
	void *who;
};

static int take_counter(const struct nlmsghdr *reply, void *who)
{
	const struct reading *reading = who;
	struct nftnl_obj *object = nftnl_obj_alloc();
	struct count_name name;

	if (!object)
		return MNL_CB_ERROR;
	if (nftnl_obj_nlmsg_parse(reply, object) == 0 &&
	    nftnl_obj_get_u32(object, NFTNL_OBJ_TYPE) == NFT_OBJECT_COUNTER &&
	    count_name_parse(nftnl_obj_get_str(object, NFTNL_OBJ_NAME), &name))
		reading->each(reading->who, &name,
			      nftnl_obj_get_u64(object, NFTNL_OBJ_CTR_PKTS));
	nftnl_obj_free(object);
	return MNL_CB_OK;
}

static struct nlmsghdr *request_counter(struct netlink *netlink, char *buf, const char *table,
					uint8_t family, uint16_t flags)
{
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_NFTABLES,
						   NFT_MSG_GETOBJ, flags, family);

	mnl_attr_put_strz(request, NFTA_OBJ_TABLE, table);
	mnl_attr_put_u32(request, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	return request;
}

static void take_value(void *who, const struct count_name *name, uint64_t packets)
{
	(void)name;
	*(uint64_t *)who = packets;
}

int counter_read(struct netlink *netlink, const char *table, const struct count_name *name,
		 uint64_t *out)
{
	char buf[512], text[COUNT_NAME_MAX];
	uint64_t packets = 0;
	struct reading reading = {take_value, &packets};
	struct nlmsghdr *request = request_counter(netlink, buf, table, count_family(name), 0);
	int system = 0, code;

	count_name_text(name, text);
	mnl_attr_put_strz(request, NFTA_OBJ_NAME, text);
	code = netlink_ask(netlink, request, take_counter, &reading, &system);
	if (code == NG_OK)
		*out = packets;
	return system == ENOENT ? NG_E_NOTFOUND : code;
}

int counters_dump(struct netlink *netlink, const char *table, counter_fn *each, void *who)
{
	static const uint8_t families[] = {NFPROTO_INET, NFPROTO_BRIDGE};
	struct reading reading = {each, who};
	int code = NG_OK;

	for (size_t i = 0; code == NG_OK && i < sizeof(families); i++) {
		char buf[512];
		struct nlmsghdr *request =
			request_counter(netlink, buf, table, families[i], NLM_F_DUMP);
		int system = 0;

		code = netlink_ask(netlink, request, take_counter, &reading, &system);
		if (system == ENOENT)
			code = NG_OK;
	}
	return code;
}
