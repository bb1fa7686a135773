/*
 * The marks: a tc filter on the way in of each guarded interface, and beside a sidecar one on the way
 * out of each. Its handle is made from the
 * table's name, so that two gates on one host keep out of each other's way.
 */
#include "warden/fence.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define NAME "namegate"

uint32_t mark_handle(const char *table)
{
	uint32_t handle = (uint32_t)hash_octets(table, strlen(table), 0);

	return handle ? handle : 1;
}

static struct nlmsghdr *begin(struct netlink *netlink, char *buf, uint16_t type, uint16_t flags,
			      int link, struct tcmsg **out)
{
	void *body;
	struct nlmsghdr *request =
		fence_request(netlink, buf, type, flags, sizeof(struct tcmsg), &body);

	*out = body;
	(*out)->tcm_ifindex = link;
	return request;
}

static int add_place(struct netlink *netlink, int link, int *system)
{
	char buf[256];
	struct tcmsg *body;
	struct nlmsghdr *request =
		begin(netlink, buf, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, link, &body);

	body->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	body->tcm_parent = TC_H_CLSACT;
	mnl_attr_put_strz(request, TCA_KIND, "clsact");
	return netlink_ask(netlink, request, NULL, NULL, system);
}

static struct nlmsghdr *filter(struct netlink *netlink, char *buf, uint16_t type,
			       uint16_t flags, int link, enum fence_side side, uint32_t handle)
{
	static const uint32_t places[FENCE_SIDES] = {
		[FENCE_IN] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
		[FENCE_OUT] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
	struct tcmsg *body;
	struct nlmsghdr *request = begin(netlink, buf, type, flags, link, &body);

	body->tcm_handle = handle;
	body->tcm_parent = places[side];
	body->tcm_info = TC_H_MAKE(FENCE_FILTER << 16, htons(ETH_P_ALL));
	return request;
}

static int add_filter(struct netlink *netlink, int link, enum fence_side side, int program,
		      uint32_t handle, int *system)
{
	char buf[512];
	struct nlattr *options;
	struct nlmsghdr *request = filter(netlink, buf, RTM_NEWTFILTER,
					  NLM_F_CREATE | NLM_F_EXCL, link, side, handle);

	mnl_attr_put_strz(request, TCA_KIND, "bpf");
	options = mnl_attr_nest_start(request, TCA_OPTIONS);
	mnl_attr_put_u32(request, TCA_BPF_FD, (uint32_t)program);
	mnl_attr_put_strz(request, TCA_BPF_NAME, NAME);
	mnl_attr_put_u32(request, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	mnl_attr_nest_end(request, options);
	return netlink_ask(netlink, request, NULL, NULL, system);
}

static bool link_gone(int system)
{
	return system == ENODEV || system == ENXIO;
}

/*
 * An ingress qdisc has the number of a clsact one and its way in alone: a filter for the way out would
 * be taken, and hang on the way in. The kernel compares the kind, EINVAL, with what stands there.
 */
static bool has_no_way_out(struct netlink *netlink, int link)
{
	char buf[256];
	struct tcmsg *body;
	struct nlmsghdr *request = begin(netlink, buf, RTM_GETQDISC, 0, link, &body);
	int system = 0;

	body->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(request, TCA_KIND, "clsact");
	return netlink_ask(netlink, request, NULL, NULL, &system) != NG_OK && system == EINVAL;
}

int mark_put(struct netlink *netlink, int link, enum fence_side side, int program,
	     uint32_t handle, int *system)
{
	int code;

	if (side == FENCE_OUT && has_no_way_out(netlink, link)) {
		*system = EEXIST;
		return NG_E_KERNEL;
	}
	code = add_filter(netlink, link, side, program, handle, system);
	if (code == NG_OK)
		return FENCE_CHANGED;
	if (*system == EEXIST || link_gone(*system))
		return FENCE_ASIS;
	/* There may be no place for filters yet. */
	if (add_place(netlink, link, system) != NG_OK && *system != EEXIST)
		return link_gone(*system) ? FENCE_ASIS : NG_E_KERNEL;
	code = add_filter(netlink, link, side, program, handle, system);
	if (code == NG_OK)
		return FENCE_CHANGED;
	return *system == EEXIST || link_gone(*system) ? FENCE_ASIS : code;
}

int mark_take(struct netlink *netlink, int link, enum fence_side side, uint32_t handle,
	      int *system)
{
	char buf[256];
	struct nlmsghdr *request;
	int code;

	if (side == FENCE_OUT && has_no_way_out(netlink, link))
		return FENCE_ASIS;
	request = filter(netlink, buf, RTM_DELTFILTER, 0, link, side, handle);
	mnl_attr_put_strz(request, TCA_KIND, "bpf");
	code = netlink_ask(netlink, request, NULL, NULL, system);
	/* Nothing is there: no filter, no place for one, or no such interface. */
	if (code != NG_OK && (*system == ENOENT || *system == EINVAL || link_gone(*system)))
		return FENCE_ASIS;
	return code == NG_OK ? FENCE_CHANGED : code;
}

static bool is_named(const struct nlattr *options)
{
	const struct nlattr *option;

	mnl_attr_for_each_nested(option, options)
	{
		if (mnl_attr_get_type(option) == TCA_BPF_NAME &&
		    mnl_attr_validate(option, MNL_TYPE_NUL_STRING) == 0 &&
		    strcmp(mnl_attr_get_str(option), NAME) == 0)
			return true;
	}
	return false;
}

/* The kernel lists the place for filters of one preference as well, as one without a handle. */
static int take_filter(const struct nlmsghdr *reply, void *who)
{
	const struct tcmsg *body = mnl_nlmsg_get_payload(reply);
	struct marks *marks = who;
	const struct nlattr *attr;
	bool ours = false;

	if (!body->tcm_handle)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, reply, sizeof(*body))
	{
		ours |= mnl_attr_get_type(attr) == TCA_OPTIONS && is_named(attr);
	}
	*(ours ? &marks->ours : &marks->others) = true;
	return MNL_CB_OK;
}

int marks_find(struct netlink *netlink, int link, struct marks *out, int *system)
{
	struct marks marks = {0};
	int code = NG_OK;

	for (enum fence_side side = 0; code == NG_OK && side < FENCE_SIDES; side++) {
		char buf[256];
		struct nlmsghdr *request =
			filter(netlink, buf, RTM_GETTFILTER, NLM_F_DUMP, link, side, 0);
		struct tcmsg *body = mnl_nlmsg_get_payload(request);

		body->tcm_info = 0; /* of all preferences and protocols */
		code = netlink_ask(netlink, request, take_filter, &marks, system);
		if (code != NG_OK && (*system == EINVAL || link_gone(*system)))
			code = NG_OK; /* no place for any */
	}
	if (code == NG_OK)
		*out = marks;
	return code;
}

void marks_clear(struct netlink *netlink, int link)
{
	char buf[256];
	struct marks marks;
	struct tcmsg *body;
	struct nlmsghdr *request;
	int system = 0;

	if (marks_find(netlink, link, &marks, &system) != NG_OK || marks.ours || marks.others)
		return;
	request = begin(netlink, buf, RTM_DELQDISC, 0, link, &body);
	body->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	body->tcm_parent = TC_H_CLSACT;
	mnl_attr_put_strz(request, TCA_KIND, "clsact");
	(void)!netlink_ask(netlink, request, NULL, NULL, &system); /* it does no harm */
}
