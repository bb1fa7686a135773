/*
 * Cutting flows by their original direction, before any translation: what the sandbox asked for.
 *
 * Newer kernels delete by a filter of addresses and port in one request, without showing us a single
 * entry.
 * That is used for IPv4 only: up to Linux 6.18 at least, ctnetlink_filter_match_tuple() compares
 * IPv6 addresses the wrong way round and would cut every flow but the one that was meant. For IPv6,
 * for prefixes, for many cuts at once, where flows of one cut are to be weighed one by one, and on
 * kernels that refuse the filter, the table is listed once for all cuts and the matching entries are
 * deleted one by one, by tuple.
 *
 * Of that, listing is the larger part, since the kernel writes out all that it knows of an entry. So
 * it is asked for no more than may be cut, as far as its filter can be trusted, and what is to go is
 * deleted at once, as long as the entry is in the processor's cache. Whoever changes the table while
 * it is listed may hide an entry: so it is listed again, until there is nothing more to cut.
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
#define LOT           64 /* requests that are sent at once */
#define REQUEST_MAX   256
#define LOOKS_MAX     3

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

int conntrack_open(struct conntrack *out)
{
	int code;

	*out = (struct conntrack){.list.fd = -1, .remove.fd = -1};
	code = netlink_open(&out->list);
	return code == NG_OK ? netlink_open(&out->remove) : code;
}

void conntrack_close(struct conntrack *conntrack)
{
	if (!conntrack)
		return;
	netlink_close(&conntrack->list);
	netlink_close(&conntrack->remove);
}

/* ---- the kernel's filter ---- */

static void put_addresses(struct nlmsghdr *request, const struct cut *cut, uint32_t flags)
{
	struct nlattr *part = mnl_attr_nest_start(request, CTA_TUPLE_IP);

	if (flags & FILTER_SOURCE)
		mnl_attr_put(request, CTA_IP_V4_SRC, 4, cut->source.addr.bytes);
	if (flags & FILTER_TO)
		mnl_attr_put(request, CTA_IP_V4_DST, 4, cut->to.addr.bytes);
	mnl_attr_nest_end(request, part);
}

static void put_proto(struct nlmsghdr *request, const struct cut *cut)
{
	struct nlattr *part = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);

	mnl_attr_put_u8(request, CTA_PROTO_NUM, cut->proto);
	mnl_attr_put_u16(request, CTA_PROTO_DST_PORT, htons(cut->port));
	mnl_attr_nest_end(request, part);
}

/* As much of the cut as the kernel can compare. False: nothing. */
static bool put_filter(struct nlmsghdr *request, const struct cut *cut)
{
	bool plain = cut->source.addr.family == NG_IPV4 && !token_within(&cut->source);
	uint32_t flags = cut->proto ? FILTER_PROTO | FILTER_PORT : 0;
	struct nlattr *nest;

	flags |= plain && ng_prefix_is_host(&cut->source) ? FILTER_SOURCE : 0;
	flags |= plain && cut->to.addr.family && ng_prefix_is_host(&cut->to) ? FILTER_TO : 0;
	if (!flags)
		return false;
	nest = mnl_attr_nest_start(request, CTA_TUPLE_ORIG);
	if (flags & (FILTER_SOURCE | FILTER_TO))
		put_addresses(request, cut, flags);
	if (flags & FILTER_PROTO)
		put_proto(request, cut);
	mnl_attr_nest_end(request, nest);
	nest = mnl_attr_nest_start(request, CTA_FILTER);
	mnl_attr_put_u32(request, CTA_FILTER_ORIG_FLAGS, flags);
	mnl_attr_nest_end(request, nest);
	return true;
}

/* One request for one cut of IPv4; NG_E_KERNEL with EOPNOTSUPP where the kernel has no such filter. */
static int cut_by_filter(struct netlink *netlink, const struct cut *cut, int *system)
{
	char buf[512];
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_CTNETLINK,
						   IPCTNL_MSG_CT_DELETE, 0, AF_INET);

	/* With version 0 the kernel would take no notice of the family and flush everything. */
	((struct nfgenmsg *)mnl_nlmsg_get_payload(request))->version = 1;
	if (!put_filter(request, cut))
		return NG_E_UNSUPPORTED;
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

struct victims {
	char octets[LOT * REQUEST_MAX]; /* delete requests, one after another */
	size_t len, n;
	const struct cuts *cuts;
	struct netlink *netlink;
	bool any;
	int error;
};

/* What is known of one entry. */
struct entry {
	const struct nlattr *tuple, *id, *zone, *label;
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

/* An entry that has gone meanwhile is as good as cut. */
static void execute(struct victims *victims)
{
	int error = netlink_tell(victims->netlink, victims->octets, victims->len, ENOENT);

	if (!victims->error)
		victims->error = error;
	victims->len = victims->n = 0;
}

static void copy_attr(struct nlmsghdr *request, uint16_t type, const struct nlattr *attr)
{
	if (attr)
		mnl_attr_put(request, type, mnl_attr_get_payload_len(attr),
			     mnl_attr_get_payload(attr));
}

static void condemn(struct victims *victims, uint8_t family, const struct entry *entry)
{
	struct nlmsghdr *request;

	if (mnl_attr_get_payload_len(entry->tuple) > REQUEST_MAX / 2) { /* none is so large */
		victims->error = EMSGSIZE;
		return;
	}
	request = netlink_request(victims->netlink, victims->octets + victims->len,
				  NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE, 0, family);
	copy_attr(request, CTA_TUPLE_ORIG | NLA_F_NESTED, entry->tuple);
	if (entry->label) /* the tuple alone does not say whose it is: this very entry */
		copy_attr(request, CTA_ID, entry->id);
	copy_attr(request, CTA_ZONE, entry->zone);
	victims->len += MNL_ALIGN(request->nlmsg_len);
	victims->any = true;
	if (++victims->n == LOT)
		execute(victims);
}

static int take_flow(const struct nlmsghdr *reply, void *who)
{
	struct victims *victims = who;
	struct entry entry = {0};
	struct nlattr *attr;
	struct flow flow = {0};

	mnl_attr_for_each(attr, reply, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == CTA_TUPLE_ORIG)
			entry.tuple = attr;
		else if (mnl_attr_get_type(attr) == CTA_ID)
			entry.id = attr;
		else if (mnl_attr_get_type(attr) == CTA_ZONE)
			entry.zone = attr;
		else if (mnl_attr_get_type(attr) == CTA_LABELS)
			entry.label = attr;
	}
	if (!entry.tuple)
		return MNL_CB_OK;
	flow_read(entry.tuple, entry.label, &flow);
	if (is_cut(victims->cuts, &flow))
		condemn(victims, family_of(&flow.source), &entry);
	return MNL_CB_OK;
}

/* AF_UNSPEC: of both. */
static uint8_t common_family(const struct cuts *cuts)
{
	uint8_t family = family_of(&cuts->items[0].source.addr);

	for (size_t i = 1; i < cuts->n; i++)
		if (family_of(&cuts->items[i].source.addr) != family)
			return AF_UNSPEC;
	return family;
}

static int walk(struct conntrack *conntrack, struct victims *victims, bool narrow, int *system)
{
	char buf[512];
	const struct cuts *cuts = victims->cuts;
	uint8_t family =
		cuts->n && !cuts->everything && narrow ? common_family(cuts) : AF_UNSPEC;
	struct nlmsghdr *request = netlink_request(&conntrack->list, buf, NFNL_SUBSYS_CTNETLINK,
						   IPCTNL_MSG_CT_GET, NLM_F_DUMP, family);
	int code;

	if (family != AF_UNSPEC && cuts->n == 1)
		(void)put_filter(request, &cuts->items[0]);
	victims->any = false;
	code = netlink_ask(&conntrack->list, request, take_flow, victims, system);
	execute(victims);
	return code;
}

static int cut_by_walk(struct conntrack *conntrack, const struct cuts *cuts, int *system)
{
	struct victims victims = {.cuts = cuts, .netlink = &conntrack->remove};
	bool narrow = true;
	int code = NG_E_KERNEL;

	for (int look = 0; look < LOOKS_MAX; look++) {
		code = walk(conntrack, &victims, narrow, system);
		if (code == NG_OK && !victims.any)
			break;
		narrow &= code == NG_OK; /* a kernel that does not filter lists everything */
	}
	if (!victims.error)
		return code;
	*system = victims.error;
	return NG_E_KERNEL;
}

int conntrack_cut(struct conntrack *conntrack, struct cuts *cuts)
{
	int code = NG_OK, system = 0;
	bool filtered;

	weigh_kinds(cuts);
	filtered = filter_suffices(cuts);

	for (size_t i = 0; filtered && i < cuts->n; i++) {
		code = cut_by_filter(&conntrack->list, &cuts->items[i], &system);
		if (code != NG_OK && system == ENOENT) /* nothing matched */
			code = NG_OK;
		filtered = code == NG_OK;
	}
	if (!filtered)
		code = cut_by_walk(conntrack, cuts, &system);
	cuts->n = 0;
	cuts->everything = false;
	errno = system;
	return code;
}
