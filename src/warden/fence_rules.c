/*
 * The routing rules.
 *
 *     0:  fwmark 0x6a7f/0xfffffffd ipproto udp dport 53 lookup local
 *     0:  fwmark 0x6a7f/0xfffffffd ipproto tcp dport 53 lookup local
 *     0:  fwmark 0x6a7f/0xfffffffd ipproto icmp lookup local
 *     0:  fwmark 0x6a7f/0xfffffffd prohibit
 *     0:  lookup local               (the kernel's own)
 *
 * Ours must come before the kernel's, or without the table a sandbox would reach every service of
 * the host; yet there is no preference below 0. Rules of one preference stand in the order in which
 * they came: so ours are added, the kernel's is added once more behind them, and then the first of
 * the two is deleted. At no moment is the host without it, also when we are killed in between, and
 * it keeps its preference: what is at 0 survives "ip rule flush", ours like the kernel's.
 *
 * Questions to the gate and neighbour discovery still arrive: a client is to hear SERVFAIL and why.
 */
#include "warden/fence.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define OURS      0x6a /* FRA_PROTOCOL: who made the rule; nobody else uses it */
#define LINES_MAX 64   /* rules of preference 0 that are looked at */
#define DNS_PORT  53

struct line { /* a rule of preference 0, as far as it matters */
	uint8_t action, proto, ip_proto;
	uint16_t port;
	uint32_t table, mark, mask;
	bool plain; /* matches every packet */
};

struct lines {
	uint8_t family;
	struct line items[LINES_MAX];
	size_t n;
};

#define WANTED 4
static void want(uint8_t family, struct line wanted[static WANTED])
{
	const struct line local = {.action = FR_ACT_TO_TBL,
				   .proto = OURS,
				   .table = RT_TABLE_LOCAL,
				   .mark = WALL_MARK_CAME,
				   .mask = WALL_MARK_REFUSED};

	for (size_t i = 0; i < WANTED; i++)
		wanted[i] = local;
	wanted[0].ip_proto = IPPROTO_UDP;
	wanted[1].ip_proto = IPPROTO_TCP;
	wanted[0].port = wanted[1].port = DNS_PORT;
	wanted[2].ip_proto = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	wanted[3].action = FR_ACT_PROHIBIT;
	wanted[3].table = RT_TABLE_UNSPEC;
}

static bool same(const struct line *one, const struct line *other)
{
	return one->action == other->action && one->proto == other->proto &&
	       one->ip_proto == other->ip_proto && one->port == other->port &&
	       one->table == other->table && one->mark == other->mark &&
	       one->mask == other->mask;
}

static bool is_local(const struct line *line)
{
	return line->plain && line->action == FR_ACT_TO_TBL && line->table == RT_TABLE_LOCAL &&
	       line->proto;
}

/* ---- reading ---- */

static void take_attr(const struct nlattr *attr, struct line *line, uint32_t *preference)
{
	const struct fib_rule_port_range *range = mnl_attr_get_payload(attr);

	switch (mnl_attr_get_type(attr)) {
	case FRA_PRIORITY:
		*preference = mnl_attr_get_u32(attr);
		break;
	case FRA_TABLE:
		line->table = mnl_attr_get_u32(attr);
		break;
	case FRA_PROTOCOL:
		line->proto = mnl_attr_get_u8(attr);
		break;
	case FRA_FWMARK:
		line->mark = mnl_attr_get_u32(attr);
		line->plain = false;
		break;
	case FRA_FWMASK:
		line->mask = mnl_attr_get_u32(attr);
		break;
	case FRA_IP_PROTO:
		line->ip_proto = mnl_attr_get_u8(attr);
		line->plain = false;
		break;
	case FRA_DPORT_RANGE:
		line->port = range->start;
		line->plain = false;
		break;
	case FRA_DST:
	case FRA_SRC:
	case FRA_IIFNAME:
	case FRA_OIFNAME:
	case FRA_TUN_ID:
	case FRA_L3MDEV:
	case FRA_UID_RANGE:
	case FRA_SPORT_RANGE:
		line->plain = false;
		break;
	}
}

static int take_rule(const struct nlmsghdr *reply, void *who)
{
	struct lines *lines = who;
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(reply);
	struct line line = {.action = rule->action, .table = rule->table, .plain = true};
	uint32_t preference = 0;
	struct nlattr *attr;

	if (rule->family != lines->family)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, reply, sizeof(*rule))
	{
		take_attr(attr, &line, &preference);
	}
	line.plain = line.plain && !rule->tos && !(rule->flags & FIB_RULE_INVERT);
	if (preference == 0 && lines->n < LINES_MAX)
		lines->items[lines->n++] = line;
	return MNL_CB_OK;
}

static int read_rules(struct netlink *netlink, uint8_t family, struct lines *out, int *system)
{
	char buf[512];
	void *body;
	struct nlmsghdr *request = fence_request(netlink, buf, RTM_GETRULE, NLM_F_DUMP,
						 sizeof(struct fib_rule_hdr), &body);

	((struct fib_rule_hdr *)body)->family = family;
	*out = (struct lines){.family = family};
	return netlink_ask(netlink, request, take_rule, out, system);
}

/* ---- writing ---- */

/* A deletion takes the first rule that has all that is said here. */
static int send_rule(struct netlink *netlink, uint16_t type, uint8_t family,
		     const struct line *line, int *system)
{
	const struct fib_rule_port_range range = {line->port, line->port};
	char buf[512];
	void *body;
	struct nlmsghdr *request =
		fence_request(netlink, buf, type, type == RTM_NEWRULE ? NLM_F_CREATE : 0,
			      sizeof(struct fib_rule_hdr), &body);

	((struct fib_rule_hdr *)body)->family = family;
	((struct fib_rule_hdr *)body)->action = line->action;
	mnl_attr_put_u32(request, FRA_PRIORITY, 0);
	mnl_attr_put_u8(request, FRA_PROTOCOL, line->proto);
	if (line->table)
		mnl_attr_put_u32(request, FRA_TABLE, line->table);
	if (line->mark) {
		mnl_attr_put_u32(request, FRA_FWMARK, line->mark);
		mnl_attr_put_u32(request, FRA_FWMASK, line->mask);
	}
	if (line->ip_proto)
		mnl_attr_put_u8(request, FRA_IP_PROTO, line->ip_proto);
	if (line->port)
		mnl_attr_put(request, FRA_DPORT_RANGE, sizeof(range), &range);
	return netlink_ask(netlink, request, NULL, NULL, system);
}

/* Ours as they should be, and none of the kernel's before the last of them? */
static bool stands(const struct lines *lines)
{
	struct line wanted[WANTED];
	size_t n = 0;

	want(lines->family, wanted);
	for (size_t i = 0; i < lines->n; i++) {
		const struct line *line = &lines->items[i];

		if (is_local(line) && n < WANTED)
			return false;
		if (line->proto != OURS)
			continue;
		if (n == WANTED || !same(line, &wanted[n]))
			return false;
		n++;
	}
	return n == WANTED;
}

/* From the last to the first: what is left of ours never prohibits more than it should. */
static int drop_ours(struct netlink *netlink, const struct lines *lines, int *system)
{
	int code = NG_OK;

	for (size_t i = lines->n; code == NG_OK && i-- > 0;)
		if (lines->items[i].proto == OURS)
			code = send_rule(netlink, RTM_DELRULE, lines->family, &lines->items[i],
					 system);
	return code;
}

/* Those that stand before ours are added anew behind them before they go. */
static int move_local(struct netlink *netlink, const struct lines *lines, int *system)
{
	int code = NG_OK;

	for (size_t i = 0; code == NG_OK && i < lines->n; i++) {
		const struct line *line = &lines->items[i];

		if (!is_local(line))
			continue;
		code = send_rule(netlink, RTM_NEWRULE, lines->family, line, system);
		if (code == NG_OK)
			code = send_rule(netlink, RTM_DELRULE, lines->family, line, system);
	}
	return code;
}

int rules_settle(struct netlink *netlink, uint8_t family, int *system)
{
	struct line wanted[WANTED];
	struct lines lines;
	int code = read_rules(netlink, family, &lines, system);

	if (code != NG_OK || stands(&lines))
		return code;
	want(family, wanted);
	for (size_t i = 0; code == NG_OK && i < WANTED; i++)
		code = send_rule(netlink, RTM_NEWRULE, family, &wanted[i], system);
	if (code == NG_OK)
		code = move_local(netlink, &lines, system);
	if (code == NG_OK)
		code = drop_ours(netlink, &lines, system);
	return code == NG_OK ? FENCE_CHANGED : code;
}

int rules_withdraw(struct netlink *netlink, uint8_t family, int *system)
{
	struct lines lines;
	int code = read_rules(netlink, family, &lines, system);

	return code == NG_OK ? drop_ours(netlink, &lines, system) : code;
}
