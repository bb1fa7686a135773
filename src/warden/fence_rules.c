/*
 * The routing rule, one in each family.
 *
 *     0:      lookup local           (the kernel's own)
 *     10000:  fwmark 0x6a7f/0xfffffffd prohibit
 *     32766:  lookup main            (the kernel's own)
 *
 * Not at preference 0, and the kernel's own stays alone there: whoever adds a rule without saying
 * where gets the preference of the second rule less one. With a second rule at 0 all such rules
 * would come to 0 and stand in the order in which they came, where each should stand ahead of the
 * one before; wg-quick's two would cut the host off. 10000 leaves them room on both sides.
 *
 * So what is for the host itself is delivered before ours is asked, also without the table.
 */
#include "warden/fence.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define OURS       0x6a /* FRA_PROTOCOL: who made the rule; nobody else uses it */
#define PREFERENCE 10000
#define FOUND_MAX  64
#define DNS_PORT   53

/* Newer than the headers that this builds with. */
#define ATTR_DPORT_MASK 29

struct line { /* a rule, as far as it matters */
	uint8_t action, proto, ip_proto;
	uint16_t port;
	uint32_t preference, table, mark, mask;
	bool other; /* looks at something else, too */
};

struct lines { /* of ours */
	uint8_t family;
	struct line items[FOUND_MAX];
	size_t n;
};

static const struct line wanted = {.action = FR_ACT_PROHIBIT,
				   .proto = OURS,
				   .preference = PREFERENCE,
				   .mark = WALL_MARK_CAME,
				   .mask = WALL_MARK_REFUSED};

/* What an earlier life had at preference 0: the prohibition, with exceptions ahead of it. */
static bool is_early(uint8_t family, const struct line *line)
{
	const uint8_t icmp = family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (line->preference != 0)
		return false;
	if (line->action == FR_ACT_PROHIBIT)
		return !line->table && !line->ip_proto && !line->port;
	if (line->action != FR_ACT_TO_TBL || line->table != RT_TABLE_LOCAL)
		return false;
	if (line->ip_proto == IPPROTO_UDP || line->ip_proto == IPPROTO_TCP)
		return line->port == DNS_PORT;
	return line->ip_proto == icmp && !line->port;
}

static bool is_wanted(const struct line *line)
{
	return line->preference == PREFERENCE && line->action == FR_ACT_PROHIBIT &&
	       !line->table && !line->ip_proto && !line->port;
}

static bool is_ours(uint8_t family, const struct line *line)
{
	return !line->other && line->proto == OURS && line->mark == WALL_MARK_CAME &&
	       line->mask == WALL_MARK_REFUSED && (is_wanted(line) || is_early(family, line));
}

/* ---- reading ---- */

static void take_attr(const struct nlattr *attr, struct line *line)
{
	const struct fib_rule_port_range *range = mnl_attr_get_payload(attr);

	switch (mnl_attr_get_type(attr)) {
	case FRA_PRIORITY:
		line->preference = mnl_attr_get_u32(attr);
		break;
	case FRA_TABLE:
		line->table = mnl_attr_get_u32(attr);
		break;
	case FRA_PROTOCOL:
		line->proto = mnl_attr_get_u8(attr);
		break;
	case FRA_FWMARK:
		line->mark = mnl_attr_get_u32(attr);
		break;
	case FRA_FWMASK:
		line->mask = mnl_attr_get_u32(attr);
		break;
	case FRA_IP_PROTO:
		line->ip_proto = mnl_attr_get_u8(attr);
		break;
	case FRA_DPORT_RANGE:
		line->port = range->start;
		line->other |= range->end != range->start;
		break;
	case ATTR_DPORT_MASK:
		line->other |= mnl_attr_get_u16(attr) != UINT16_MAX;
		break;
	case FRA_SUPPRESS_PREFIXLEN:
		line->other |= mnl_attr_get_u32(attr) != UINT32_MAX;
		break;
	case FRA_PAD:
		break;
	default:
		line->other = true;
		break;
	}
}

static int take_rule(const struct nlmsghdr *reply, void *who)
{
	struct lines *lines = who;
	const struct fib_rule_hdr *rule = mnl_nlmsg_get_payload(reply);
	struct line line = {.action = rule->action, .table = rule->table};
	struct nlattr *attr;

	if (rule->family != lines->family)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, reply, sizeof(*rule))
	{
		take_attr(attr, &line);
	}
	line.other |=
		rule->tos || rule->src_len || rule->dst_len || (rule->flags & FIB_RULE_INVERT);
	if (is_ours(lines->family, &line) && lines->n < FOUND_MAX)
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
	struct nlmsghdr *request = fence_request(
		netlink, buf, type, type == RTM_NEWRULE ? NLM_F_CREATE | NLM_F_EXCL : 0,
		sizeof(struct fib_rule_hdr), &body);

	((struct fib_rule_hdr *)body)->family = family;
	((struct fib_rule_hdr *)body)->action = line->action;
	mnl_attr_put_u32(request, FRA_PRIORITY, line->preference);
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

/* From the last to the first: what is left of an earlier life never prohibits more than it did. */
static int drop(struct netlink *netlink, const struct lines *lines, bool early_only,
		int *system)
{
	int code = NG_OK;

	for (size_t i = lines->n; code == NG_OK && i-- > 0;) {
		const struct line *line = &lines->items[i];

		if (early_only && is_wanted(line))
			continue;
		code = send_rule(netlink, RTM_DELRULE, lines->family, line, system);
		if (code != NG_OK && *system == ENOENT)
			code = NG_OK;
	}
	return code;
}

int rules_settle(struct netlink *netlink, uint8_t family, int *system)
{
	struct lines lines;
	bool stands = false, early = false;
	int code = read_rules(netlink, family, &lines, system);

	for (size_t i = 0; code == NG_OK && i < lines.n; i++)
		*(is_wanted(&lines.items[i]) ? &stands : &early) = true;
	if (code == NG_OK && !stands) {
		code = send_rule(netlink, RTM_NEWRULE, family, &wanted, system);
		if (code != NG_OK && *system == EEXIST) /* another gate was faster */
			code = NG_OK;
	}
	if (code == NG_OK && early)
		code = drop(netlink, &lines, true, system);
	if (code != NG_OK)
		return code;
	return stands && !early ? FENCE_ASIS : FENCE_CHANGED;
}

int rules_withdraw(struct netlink *netlink, uint8_t family, int *system)
{
	struct lines lines;
	int code = read_rules(netlink, family, &lines, system);

	return code == NG_OK ? drop(netlink, &lines, false, system) : code;
}
