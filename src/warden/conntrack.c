/*
 * Cutting flows by their original direction, before any translation: what the sandbox asked for.
 *
 * Newer kernels delete by a filter of addresses and port in one request, without showing us a single
 * entry.
 * That is used for IPv4 only: up to Linux 6.18 at least, ctnetlink_filter_match_tuple() compares
 * IPv6 addresses the wrong way round and would cut every flow but the one that was meant. For IPv6,
 * for prefixes, for many cuts at once, where flows of one cut are to be weighed one by one, and on
 * kernels that refuse the filter, the table is dumped once for all cuts and the matching entries are
 * deleted one by one, by tuple and id.
 */
#include "warden/conntrack.h"

#include "base/token.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>

/* The kernel's bits for CTA_FILTER_ORIG_FLAGS (net/netfilter/nf_internals.h). */
#define FILTER_SOURCE (1u << 0)
#define FILTER_TO     (1u << 1)
#define FILTER_PROTO  (1u << 3)
#define FILTER_PORT   (1u << 5)
#define FEW           16 /* so many requests cost less than walking the table in user space */
#define TUPLE_MAX     256

void cuts_add(struct cuts *cuts, const struct cut *cut)
{
	if (cuts->n == cuts->room) {
		size_t room = cuts->room ? cuts->room * 2 : 64;
		struct cut *wider = reallocarray(cuts->items, room, sizeof(*wider));

		if (!wider) {
			cuts->everything = true;
			return;
		}
		cuts->items = wider;
		cuts->room = room;
	}
	cuts->items[cuts->n++] = *cut;
}

void cuts_finish(struct cuts *cuts)
{
	if (!cuts)
		return;
	free(cuts->items);
	cuts->items = NULL;
	cuts->n = cuts->room = 0;
}

static uint8_t family_of(const struct ng_addr *addr)
{
	return addr->family == NG_IPV4 ? AF_INET : AF_INET6;
}

/* One request for one cut of IPv4; NG_E_KERNEL with EOPNOTSUPP where the kernel has no such filter. */
static int cut_by_filter(struct netlink *netlink, const struct cut *cut, int *system)
{
	char buf[512];
	uint32_t flags = FILTER_SOURCE;
	struct nlattr *tuple, *part;
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_CTNETLINK,
						   IPCTNL_MSG_CT_DELETE, 0, AF_INET);

	flags |= cut->to.addr.family ? FILTER_TO : 0;
	flags |= cut->proto ? FILTER_PROTO | FILTER_PORT : 0;

	/* With version 0 the kernel would take no notice of the family and flush everything. */
	((struct nfgenmsg *)mnl_nlmsg_get_payload(request))->version = 1;
	tuple = mnl_attr_nest_start(request, CTA_TUPLE_ORIG);
	part = mnl_attr_nest_start(request, CTA_TUPLE_IP);
	mnl_attr_put(request, CTA_IP_V4_SRC, 4, cut->source.addr.bytes);
	if (cut->to.addr.family)
		mnl_attr_put(request, CTA_IP_V4_DST, 4, cut->to.addr.bytes);
	mnl_attr_nest_end(request, part);
	if (cut->proto) {
		part = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);
		mnl_attr_put_u8(request, CTA_PROTO_NUM, cut->proto);
		mnl_attr_put_u16(request, CTA_PROTO_DST_PORT, htons(cut->port));
		mnl_attr_nest_end(request, part);
	}
	mnl_attr_nest_end(request, tuple);
	part = mnl_attr_nest_start(request, CTA_FILTER);
	mnl_attr_put_u32(request, CTA_FILTER_ORIG_FLAGS, flags);
	mnl_attr_nest_end(request, part);
	return netlink_ask(netlink, request, NULL, NULL, system);
}

/* Its flows differ in their own port alone: what speaks for one speaks for all. */
static bool is_one_kind(const struct cut *cut)
{
	return cut->proto && ng_prefix_is_host(&cut->source) && cut->to.addr.family &&
	       ng_prefix_is_host(&cut->to);
}

/* Weighs what can be weighed as a whole. */
static void weigh_kinds(struct cuts *cuts)
{
	size_t n = 0;

	for (size_t i = 0; i < cuts->n; i++) {
		struct cut *cut = &cuts->items[i];
		struct flow flow = {cut->source.addr, cut->to.addr, cut->proto, cut->port};

		if (cut->weigh && is_one_kind(cut)) {
			if (cuts->spare && cuts->spare(cuts->who, &flow))
				continue;
			cut->weigh = false;
		}
		cuts->items[n++] = *cut;
	}
	cuts->n = n;
}

static bool filter_suffices(const struct cuts *cuts)
{
	if (cuts->n > FEW || cuts->everything)
		return false;
	for (size_t i = 0; i < cuts->n; i++) {
		const struct cut *cut = &cuts->items[i];

		if (cut->weigh || token_within(&cut->source) ||
		    cut->source.addr.family != NG_IPV4 || !ng_prefix_is_host(&cut->source) ||
		    (cut->to.addr.family && !ng_prefix_is_host(&cut->to)))
			return false;
	}
	return true;
}

/* ---- the long way ---- */

struct victims { /* delete requests, one after another */
	char *octets;
	size_t len, room;
	const struct cuts *cuts;
	struct netlink *netlink;
	int error;
};

static void read_address(const struct nlattr *attr, struct flow *flow)
{
	const uint8_t *octets = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	switch (mnl_attr_get_type(attr)) {
	case CTA_IP_V4_SRC:
		flow->source = len == 4 ? ng_addr_make(NG_IPV4, octets) : flow->source;
		break;
	case CTA_IP_V4_DST:
		flow->to = len == 4 ? ng_addr_make(NG_IPV4, octets) : flow->to;
		break;
	case CTA_IP_V6_SRC:
		flow->source = len == 16 ? ng_addr_make(NG_IPV6, octets) : flow->source;
		break;
	case CTA_IP_V6_DST:
		flow->to = len == 16 ? ng_addr_make(NG_IPV6, octets) : flow->to;
		break;
	}
}

static void read_proto(const struct nlattr *attr, struct flow *flow)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (mnl_attr_get_type(attr) == CTA_PROTO_NUM && len >= 1)
		flow->proto = mnl_attr_get_u8(attr);
	if (mnl_attr_get_type(attr) == CTA_PROTO_DST_PORT && len >= 2)
		flow->port = ntohs(mnl_attr_get_u16(attr));
}

/* Flows of the host's own processes have a label that says whose they are: see rules_host.c. */
static void read_label(const struct nlattr *label, struct flow *flow)
{
	if (mnl_attr_get_payload_len(label) == TOKEN_LABEL)
		(void)token_of_label(mnl_attr_get_payload(label),
				     (enum ng_family)flow->source.family, &flow->source);
}

void flow_read(const struct nlattr *tuple, const struct nlattr *label, struct flow *flow)
{
	struct nlattr *part, *attr;

	mnl_attr_for_each_nested(part, tuple)
	{
		uint16_t type = mnl_attr_get_type(part);

		mnl_attr_for_each_nested(attr, part)
		{
			if (type == CTA_TUPLE_IP)
				read_address(attr, flow);
			else if (type == CTA_TUPLE_PROTO)
				read_proto(attr, flow);
		}
	}
	if (label)
		read_label(label, flow);
}

static bool is_cut(const struct cuts *cuts, const struct flow *flow)
{
	for (size_t i = 0; i < cuts->n; i++) {
		const struct cut *cut = &cuts->items[i];

		if (ng_prefix_contains(&cut->source, &flow->source) &&
		    (!cut->to.addr.family || ng_prefix_contains(&cut->to, &flow->to)) &&
		    (!cut->proto || (cut->proto == flow->proto && cut->port == flow->port)) &&
		    !(cut->weigh && cuts->spare && cuts->spare(cuts->who, flow)))
			return true;
	}
	return cuts->everything;
}

static void condemn(struct victims *victims, uint8_t family, const struct nlattr *tuple,
		    const struct nlattr *id)
{
	struct nlmsghdr *request;
	size_t need = TUPLE_MAX + mnl_attr_get_payload_len(tuple);

	if (victims->room - victims->len < need) {
		size_t room = victims->room * 2 + need;
		char *wider = realloc(victims->octets, room);

		if (!wider) {
			victims->error = ENOMEM;
			return;
		}
		victims->octets = wider;
		victims->room = room;
	}
	request = netlink_request(victims->netlink, victims->octets + victims->len,
				  NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, family);
	mnl_attr_put(request, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(tuple),
		     mnl_attr_get_payload(tuple));
	if (id)
		mnl_attr_put(request, CTA_ID, mnl_attr_get_payload_len(id),
			     mnl_attr_get_payload(id));
	victims->len += MNL_ALIGN(request->nlmsg_len);
}

static int take_flow(const struct nlmsghdr *reply, void *who)
{
	struct victims *victims = who;
	const struct nlattr *tuple = NULL, *id = NULL, *label = NULL;
	struct nlattr *attr;
	struct flow flow = {0};

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == CTA_TUPLE_ORIG)
			tuple = attr;
		else if (mnl_attr_get_type(attr) == CTA_ID)
			id = attr;
		else if (mnl_attr_get_type(attr) == CTA_LABELS)
			label = attr;
	}
	if (!tuple)
		return MNL_CB_OK;
	flow_read(tuple, label, &flow);
	if (is_cut(victims->cuts, &flow))
		condemn(victims, family_of(&flow.source), tuple, id);
	return MNL_CB_OK;
}

static int cut_by_walk(struct netlink *netlink, const struct cuts *cuts, int *system)
{
	char buf[256];
	struct victims victims = {.cuts = cuts, .netlink = netlink};
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_CTNETLINK,
						   IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	int code = netlink_ask(netlink, request, take_flow, &victims, system);
	/* An entry that has gone meanwhile is as good as cut. */
	int error = netlink_tell(netlink, victims.octets, victims.len, ENOENT);

	if (error) {
		*system = error;
		code = NG_E_KERNEL;
	}
	if (victims.error)
		code = NG_E_NOMEM;
	free(victims.octets);
	return code;
}

int conntrack_cut(struct netlink *netlink, struct cuts *cuts)
{
	int code = NG_OK, system = 0;
	bool walk;

	weigh_kinds(cuts);
	walk = !filter_suffices(cuts);

	for (size_t i = 0; !walk && code == NG_OK && i < cuts->n; i++) {
		code = cut_by_filter(netlink, &cuts->items[i], &system);
		if (code != NG_OK && system == ENOENT) /* nothing matched */
			code = NG_OK;
		walk = code != NG_OK;
	}
	if (walk)
		code = cut_by_walk(netlink, cuts, &system);
	cuts->n = 0;
	cuts->everything = false;
	errno = system;
	return code;
}
