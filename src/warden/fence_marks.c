/*
 * The marks: a tc filter on the way in of each guarded interface. Its handle is made from the
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
			       uint16_t flags, int link, uint32_t handle)
{
	struct tcmsg *body;
	struct nlmsghdr *request = begin(netlink, buf, type, flags, link, &body);

	body->tcm_handle = handle;
	body->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	body->tcm_info = TC_H_MAKE(FENCE_FILTER << 16, htons(ETH_P_ALL));
	return request;
}

static int add_filter(struct netlink *netlink, int link, int program, uint32_t handle,
		      int *system)
{
	char buf[512];
	struct nlattr *options;
	struct nlmsghdr *request =
		filter(netlink, buf, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, link, handle);

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

int mark_put(struct netlink *netlink, int link, int program, uint32_t handle, int *system)
{
	int code = add_filter(netlink, link, program, handle, system);

	if (code == NG_OK)
		return FENCE_CHANGED;
	if (*system == EEXIST || link_gone(*system))
		return FENCE_ASIS;
	/* There may be no place for filters yet. */
	if (add_place(netlink, link, system) != NG_OK && *system != EEXIST)
		return link_gone(*system) ? FENCE_ASIS : NG_E_KERNEL;
	code = add_filter(netlink, link, program, handle, system);
	if (code == NG_OK)
		return FENCE_CHANGED;
	return *system == EEXIST || link_gone(*system) ? FENCE_ASIS : code;
}

int mark_take(struct netlink *netlink, int link, uint32_t handle, int *system)
{
	char buf[256];
	struct nlmsghdr *request = filter(netlink, buf, RTM_DELTFILTER, 0, link, handle);
	int code;

	mnl_attr_put_strz(request, TCA_KIND, "bpf");
	code = netlink_ask(netlink, request, NULL, NULL, system);
	/* Nothing is there: no filter, no place for one, or no such interface. */
	if (code != NG_OK && (*system == ENOENT || *system == EINVAL || link_gone(*system)))
		return NG_OK;
	return code;
}

static int take_filter(const struct nlmsghdr *reply, void *who)
{
	struct nlattr *attr, *option;
	bool *found = who;

	mnl_attr_for_each(attr, reply, sizeof(struct tcmsg))
	{
		if (mnl_attr_get_type(attr) != TCA_OPTIONS)
			continue;
		mnl_attr_for_each_nested(option, attr)
		{
			if (mnl_attr_get_type(option) == TCA_BPF_NAME &&
			    mnl_attr_validate(option, MNL_TYPE_NUL_STRING) == 0 &&
			    strcmp(mnl_attr_get_str(option), NAME) == 0)
				*found = true;
		}
	}
	return MNL_CB_OK;
}

int mark_any(struct netlink *netlink, int link, bool *out, int *system)
{
	char buf[256];
	bool found = false;
	struct nlmsghdr *request = filter(netlink, buf, RTM_GETTFILTER, NLM_F_DUMP, link, 0);
	int code = netlink_ask(netlink, request, take_filter, &found, system);

	if (code == NG_OK)
		*out = found;
	return code;
}
