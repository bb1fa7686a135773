/*
 * Requests and news are on sockets of their own, so that an answer is never looked for among the
 * news. What a bridge says of a port (family AF_BRIDGE) and what the kernel says of an interface
 * differ in shape; the first names the port and its bridge as well, which is all that news are
 * read for.
 */
#include "warden/links.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_ROOM  512
#define DATAGRAMS_MAX 256
#define TRIES_MAX     16

int links_open(struct links *links)
{
	int group = RTNLGRP_LINK, code = netlink_open_route(&links->ask);

	if (code == NG_OK)
		code = netlink_open_route(&links->news);
	if (code == NG_OK && setsockopt(links->news.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP,
					&group, sizeof(group)))
		code = NG_E_IO;
	return code;
}

void links_close(struct links *links)
{
	if (!links)
		return;
	netlink_close(&links->ask);
	netlink_close(&links->news);
}

/* ---- reading ---- */

static bool is_text(const struct nlattr *attr, const char *text)
{
	return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
	       strcmp(mnl_attr_get_str(attr), text) == 0;
}

static void read_port(const struct nlattr *nest, struct iface *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_validate(attr, MNL_TYPE_U8) < 0)
			continue;
		if (mnl_attr_get_type(attr) == IFLA_BRPORT_ISOLATED)
			link->isolated = mnl_attr_get_u8(attr);
		else if (mnl_attr_get_type(attr) == IFLA_BRPORT_LEARNING)
			link->learns = mnl_attr_get_u8(attr);
	}
}

/* The kinds stand before the data. */
static void read_kinds(const struct nlattr *nest, struct iface *link)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_INFO_KIND:
			link->is_bridge = is_text(attr, "bridge");
			break;
		case IFLA_INFO_SLAVE_KIND:
			link->is_port = is_text(attr, "bridge");
			break;
		case IFLA_INFO_SLAVE_DATA:
			if (link->is_port)
				read_port(attr, link);
			break;
		}
	}
}

static struct iface read_link(const struct nlmsghdr *reply)
{
	const struct ifinfomsg *body = mnl_nlmsg_get_payload(reply);
	struct iface link = {.index = (uint32_t)body->ifi_index};
	const struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(*body))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFLA_MASTER && mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			link.master = mnl_attr_get_u32(attr);
		else if (type == IFLA_IFNAME &&
			 mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
			 strlen(mnl_attr_get_str(attr)) < sizeof(link.name))
			strcpy(link.name, mnl_attr_get_str(attr));
		else if (type == IFLA_LINKINFO)
			read_kinds(attr, &link);
	}
	return link;
}

struct reading {
	link_fn *each;
	void *who;
};

static int take_link(const struct nlmsghdr *reply, void *who)
{
	const struct reading *reading = who;
	struct iface link;

	if ((reply->nlmsg_type != RTM_NEWLINK && reply->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(reply) < sizeof(struct ifinfomsg))
		return MNL_CB_OK;
	link = read_link(reply);
	reading->each(reading->who, &link);
	return MNL_CB_OK;
}

/* ---- asking ---- */

static struct nlmsghdr *begin_request(struct links *links, char *buf, uint16_t type,
				      uint16_t flags, uint8_t family, uint32_t index)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *body;

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = links->ask.seq++;
	body = mnl_nlmsg_put_extra_header(request, sizeof(*body));
	body->ifi_family = family;
	body->ifi_index = (int)index;
	return request;
}

static void keep(void *who, const struct iface *link)
{
	*(struct iface *)who = *link;
}

int link_find(struct links *links, const char *name, struct iface *out)
{
	char buf[REQUEST_ROOM];
	struct iface found = {0};
	struct reading reading = {keep, &found};
	int system = 0, code;
	struct nlmsghdr *request = begin_request(links, buf, RTM_GETLINK, 0, AF_UNSPEC, 0);

	mnl_attr_put_strz(request, IFLA_IFNAME, name);
	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	code = netlink_ask(&links->ask, request, take_link, &reading, &system);
	if (code != NG_OK)
		return system == ENODEV ? NG_E_NOTFOUND : code;
	*out = found;
	return NG_OK;
}

static void append(void *who, const struct iface *link)
{
	struct link_list *list = who;

	if (list->n == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct iface *wider = reallocarray(list->items, room, sizeof(*wider));

		list->failed |= !wider;
		if (!wider)
			return;
		list->items = wider;
		list->room = room;
	}
	list->items[list->n++] = *link;
}

void link_list_finish(struct link_list *list)
{
	if (!list)
		return;
	free(list->items);
	*list = (struct link_list){0};
}

static int dump_links(struct links *links, uint32_t master, struct link_list *list, int *system)
{
	char buf[REQUEST_ROOM];
	struct reading reading = {append, list};
	struct nlmsghdr *request =
		begin_request(links, buf, RTM_GETLINK, NLM_F_DUMP, AF_UNSPEC, 0);
	int code;

	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	mnl_attr_put_u32(request, IFLA_MASTER, master);
	list->n = 0;
	code = netlink_ask(&links->ask, request, take_link, &reading, system);
	return list->failed ? NG_E_NOMEM : code;
}

/* A change meanwhile spoils a list (EINTR). */
int link_list(struct links *links, uint32_t master, struct link_list *out)
{
	struct link_list list = {0};
	int system = EINTR, code = NG_E_KERNEL;

	for (int try = 0; try < TRIES_MAX && code == NG_E_KERNEL && system == EINTR; try++)
		code = dump_links(links, master, &list, &system);
	if (code == NG_OK)
		*out = list;
	else
		link_list_finish(&list);
	return code;
}

int link_fence(struct links *links, uint32_t index)
{
	char buf[REQUEST_ROOM];
	int system = 0;
	struct nlmsghdr *request = begin_request(links, buf, RTM_SETLINK, 0, AF_BRIDGE, index);
	struct nlattr *port = mnl_attr_nest_start(request, IFLA_PROTINFO);

	mnl_attr_put_u8(request, IFLA_BRPORT_ISOLATED, 1);
	mnl_attr_put_u8(request, IFLA_BRPORT_LEARNING, 0);
	mnl_attr_put(request, IFLA_BRPORT_FLUSH, 0, NULL);
	mnl_attr_nest_end(request, port);
	return netlink_ask(&links->ask, request, NULL, NULL, &system);
}

/* ---- news ---- */

bool links_news(struct links *links, link_fn *each, void *who)
{
	struct reading reading = {each, who};

	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t got = recv(links->news.fd, links->news.replies, 65536, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS)
			return true;
		if (got <= 0)
			break;
		(void)mnl_cb_run(links->news.replies, (size_t)got, 0, 0, take_link, &reading);
	}
	return false;
}
