/*
 * Which interfaces are guarded is told by their names, like in the table's rules: those that are
 * there when the fence is raised, and those that the kernel tells of later.
 */
#include "warden/fence.h"

#include "warden/warden.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAMS_MAX 256
#ifndef RTEXT_FILTER_SKIP_STATS
#define RTEXT_FILTER_SKIP_STATS (1 << 3)
#endif

struct nlmsghdr *fence_request(struct netlink *netlink, char *buf, uint16_t type,
			       uint16_t flags, size_t len, void **body)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buf);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = netlink->seq++;
	*body = mnl_nlmsg_put_extra_header(request, len);
	return request;
}

static int join_groups(const struct netlink *netlink)
{
	static const int groups[] = {RTNLGRP_LINK, RTNLGRP_TC, RTNLGRP_IPV4_RULE,
				     RTNLGRP_IPV6_RULE};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (setsockopt(netlink->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i],
			       sizeof(groups[i])))
			return NG_E_IO;
	return NG_OK;
}

int fence_open(struct fence *fence, const int programs[FENCE_SIDES])
{
	int code;

	*fence = (struct fence){.ask.fd = -1, .news.fd = -1};
	memcpy(fence->programs, programs, sizeof(fence->programs));
	if (programs[FENCE_IN] < 0)
		return NG_OK;
	code = netlink_open_route(&fence->ask);
	if (code == NG_OK)
		code = netlink_open_route(&fence->news);
	return code == NG_OK ? join_groups(&fence->news) : code;
}

static void forget_links(struct fence *fence)
{
	struct link *link, *next;

	HASH_ITER (hh, fence->links, link, next) {
		HASH_DEL(fence->links, link);
		free(link);
	}
}

void fence_close(struct fence *fence)
{
	if (!fence)
		return;
	forget_links(fence);
	netlink_close(&fence->ask);
	netlink_close(&fence->news);
	for (size_t side = 0; side < FENCE_SIDES; side++) {
		if (fence->programs[side] >= 0)
			close(fence->programs[side]);
		fence->programs[side] = -1;
	}
}

/* ---- interfaces ---- */

static bool is_guarded(const struct wall_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_interfaces; i++) {
		const char *pattern = table->interfaces[i];
		size_t len = strlen(pattern);

		if (len && pattern[len - 1] == '*' ? !strncmp(name, pattern, len - 1)
						   : !strcmp(name, pattern))
			return true;
	}
	return false;
}

static const char *link_name(const struct nlmsghdr *reply)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, reply, sizeof(struct ifinfomsg))
	{
		if (mnl_attr_get_type(attr) == IFLA_IFNAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attr);
	}
	return "";
}

static struct link *find_link(const struct fence *fence, int index)
{
	struct link *link;

	HASH_FIND_INT(fence->links, &index, link);
	return link;
}

/* NULL: memory is out. */
static struct link *find_or_make(struct fence *fence, int index)
{
	struct link *link = find_link(fence, index);

	if (link)
		return link;
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	link->index = index;
	HASH_ADD_INT(fence->links, index, link);
	if (link->hh.tbl)
		return link;
	free(link);
	return NULL;
}

static void drop_link(struct fence *fence, int index)
{
	struct link *link = find_link(fence, index);

	if (!link)
		return;
	HASH_DEL(fence->links, link);
	free(link);
}

/* Which filters is it to have? False: none. */
static bool wants(const struct fence *fence, const struct nlmsghdr *news,
		  bool sides[static FENCE_SIDES])
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(news);

	sides[FENCE_IN] = is_guarded(&fence->table, link_name(news));
	sides[FENCE_OUT] =
		(fence->table.hosts & WALL_HOST_SIDECAR) && !(link->ifi_flags & IFF_LOOPBACK);
	return sides[FENCE_IN] || sides[FENCE_OUT];
}

static void name_link(struct link *link, const struct nlmsghdr *news)
{
	snprintf(link->name, sizeof(link->name), "%s", link_name(news));
}

static int take_link(const struct nlmsghdr *reply, void *who)
{
	const struct ifinfomsg *body = mnl_nlmsg_get_payload(reply);
	struct fence *fence = who;
	bool sides[FENCE_SIDES];
	struct link *link;

	if (reply->nlmsg_type != RTM_NEWLINK || (!wants(fence, reply, sides) && !fence->leaves))
		return MNL_CB_OK;
	link = find_or_make(fence, body->ifi_index);
	if (link) {
		memcpy(link->sides, sides, sizeof(link->sides));
		name_link(link, reply);
	}
	return MNL_CB_OK;
}

static int read_links(struct netlink *netlink, mnl_cb_t each, void *who, int *system)
{
	char buf[256];
	void *body;
	struct nlmsghdr *request = fence_request(netlink, buf, RTM_GETLINK, NLM_F_DUMP,
						 sizeof(struct ifinfomsg), &body);

	mnl_attr_put_u32(request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return netlink_ask(netlink, request, each, who, system);
}

/* ---- raising it ---- */

static void complain(struct fence *fence, const char *what, int system)
{
	if (fence->complained)
		return;
	fence->complained = true;
	say("%s%s%s; should the nftables table be taken away, what sandboxes send then is not "
	    "refused until it is rebuilt",
	    what, system ? ": " : "", system ? strerror(system) : "");
}

static void complain_of_link(struct fence *fence, const struct link *link, enum fence_side side,
			     int system)
{
	const bool in = side == FENCE_IN, no_room = !in && system == EEXIST;
	char what[192];

	if (no_room)
		snprintf(what, sizeof(what),
			 "what leaves by interface %s cannot be held back, since it has an "
			 "ingress "
			 "qdisc in place of a clsact one; \"tc qdisc del dev %s ingress\" "
			 "makes room",
			 link->name, link->name);
	else
		snprintf(what, sizeof(what), "what %s interface %s cannot be %s",
			 in ? "comes in by" : "leaves by", link->name,
			 in ? "marked" : "held back");
	complain(fence, what, no_room ? 0 : system);
}

/* What cannot be done on one side is no reason to leave the other, nor other interfaces, open. */
static int put_mark(struct fence *fence, const struct link *link, int *system)
{
	const uint32_t handle = mark_handle(fence->table.table);
	int done = FENCE_ASIS, worst = NG_OK;

	for (enum fence_side side = 0; side < FENCE_SIDES; side++) {
		int code = FENCE_ASIS;

		if (link->sides[side])
			code = mark_put(&fence->ask, link->index, side, fence->programs[side],
					handle, system);
		else if (side == FENCE_OUT && fence->leaves)
			code = mark_take(&fence->ask, link->index, side, handle, system);
		if (code < NG_OK) {
			complain_of_link(fence, link, side, *system);
			worst = code;
		} else {
			done |= code;
		}
	}
	return worst < NG_OK ? worst : done;
}

static int put_marks(struct fence *fence, int *system)
{
	struct link *link, *next;
	int done = FENCE_ASIS, worst = NG_OK;

	HASH_ITER (hh, fence->links, link, next) {
		int code = put_mark(fence, link, system);

		if (code < NG_OK)
			worst = code;
		else
			done |= code;
	}
	return worst < NG_OK ? worst : done;
}

static int put_rules(struct fence *fence, int *system)
{
	int done = rules_settle(&fence->ask, AF_INET, system), done6;

	if (done < NG_OK) {
		complain(fence, "the routing rules cannot be made", *system);
		return done;
	}
	done6 = rules_settle(&fence->ask, AF_INET6, system);
	/* A host without IPv6 forwards none. */
	if (done6 < NG_OK && *system != EAFNOSUPPORT && *system != EOPNOTSUPP) {
		complain(fence, "the IPv6 routing rules cannot be made", *system);
		return done6;
	}
	return done6 < NG_OK ? done : done | done6;
}

/* The marks first: a rule without them does nothing. */
static int put_all(struct fence *fence)
{
	int system = 0, marks, rules;

	forget_links(fence);
	if (read_links(&fence->ask, take_link, fence, &system) != NG_OK) {
		complain(fence, "the interfaces cannot be listed", system);
		return NG_E_KERNEL;
	}
	marks = put_marks(fence, &system);
	rules = put_rules(fence, &system);
	if (marks < NG_OK || rules < NG_OK)
		return NG_E_KERNEL;
	fence->leaves = fence->table.hosts & WALL_HOST_SIDECAR;
	fence->complained = false;
	return marks | rules;
}

void fence_raise(struct fence *fence, const struct wall_table *table)
{
	if (fence->programs[FENCE_IN] < 0)
		return;
	fence->leaves |= !fence->raised; /* an earlier life may have left some */
	fence->table = *table;
	fence->raised = true;
	(void)put_all(fence);
}

/* ---- news ---- */

struct heard {
	struct fence *fence;
	bool rules, all;
	int marked; /* guarded interfaces that lost their mark */
};

static void hear_link(struct fence *fence, const struct nlmsghdr *event)
{
	const struct ifinfomsg *body = mnl_nlmsg_get_payload(event);
	bool sides[FENCE_SIDES];
	struct link *link;
	int system = 0;

	if (event->nlmsg_type == RTM_DELLINK || !wants(fence, event, sides)) {
		drop_link(fence, body->ifi_index);
		return;
	}
	link = find_or_make(fence, body->ifi_index);
	if (!link)
		return;
	name_link(link, event);
	if (!memcmp(link->sides, sides, sizeof(sides)))
		return;
	memcpy(link->sides, sides, sizeof(sides));
	(void)!put_mark(fence, link, &system);
}

static void hear_filter(struct heard *heard, const struct nlmsghdr *event)
{
	const struct tcmsg *filter = mnl_nlmsg_get_payload(event);
	struct fence *fence = heard->fence;
	const struct link *link = find_link(fence, filter->tcm_ifindex);
	int system = 0;

	if (link)
		heard->marked += put_mark(fence, link, &system) == FENCE_CHANGED;
}

static int take_event(const struct nlmsghdr *event, void *who)
{
	struct heard *heard = who;

	if (event->nlmsg_pid == heard->fence->ask.port)
		return MNL_CB_OK; /* our own doing */
	switch (event->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		hear_link(heard->fence, event);
		break;
	case RTM_DELQDISC:
	case RTM_DELTFILTER:
		hear_filter(heard, event);
		break;
	case RTM_NEWRULE:
	case RTM_DELRULE:
		heard->rules = true;
		break;
	}
	return MNL_CB_OK;
}

static void hear(struct fence *fence, struct heard *heard)
{
	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t got = recv(fence->news.fd, fence->news.replies, 65536, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) { /* some news was lost: think the worst */
			heard->all = true;
			continue;
		}
		if (got <= 0)
			break;
		(void)mnl_cb_run(fence->news.replies, (size_t)got, 0, 0, take_event, heard);
	}
}

void fence_look(struct fence *fence)
{
	struct heard heard = {.fence = fence};
	int system = 0, rules = FENCE_ASIS;

	if (!fence->raised)
		return;
	hear(fence, &heard);
	if (heard.all)
		(void)put_all(fence);
	else if (heard.rules)
		rules = put_rules(fence, &system);
	if (rules == FENCE_CHANGED)
		say("the routing rules that refuse what the table has not passed were changed "
		    "by "
		    "another program; they are put back");
	if (heard.marked)
		say("another program took the mark off %d interface%s; it is put back",
		    heard.marked, heard.marked == 1 ? "" : "s");
}

/* ---- taking it down ---- */

struct indexes {
	int *items; /* owned */
	size_t n, room;
	bool failed;
};

static int take_index(const struct nlmsghdr *reply, void *who)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(reply);
	struct indexes *all = who;

	if (all->n == all->room) {
		size_t room = all->room ? 2 * all->room : 64;
		int *wider = reallocarray(all->items, room, sizeof(*wider));

		all->failed |= !wider;
		if (!wider)
			return MNL_CB_OK;
		all->items = wider;
		all->room = room;
	}
	all->items[all->n++] = link->ifi_index;
	return MNL_CB_OK;
}

static int take_marks(struct netlink *netlink, int link, uint32_t handle, int *system)
{
	int in = mark_take(netlink, link, FENCE_IN, handle, system), out;

	if (in < NG_OK)
		return in;
	out = mark_take(netlink, link, FENCE_OUT, handle, system);
	if (in == FENCE_CHANGED || out == FENCE_CHANGED)
		marks_clear(netlink, link);
	return out < NG_OK ? out : NG_OK;
}

static int remove_from(struct netlink *netlink, const struct indexes *all, const char *table,
		       int *system)
{
	bool others = false;
	int code = NG_OK;

	for (size_t i = 0; code == NG_OK && i < all->n; i++) {
		struct marks marks = {0};

		code = take_marks(netlink, all->items[i], mark_handle(table), system);
		if (code == NG_OK && !others)
			code = marks_find(netlink, all->items[i], &marks, system);
		others |= marks.ours;
	}
	if (code != NG_OK || others)
		return code;
	code = rules_withdraw(netlink, AF_INET, system);
	if (code == NG_OK && rules_withdraw(netlink, AF_INET6, system) != NG_OK &&
	    *system != EAFNOSUPPORT && *system != EOPNOTSUPP)
		code = NG_E_KERNEL;
	return code;
}

int fence_remove(const char *table, int *system)
{
	struct indexes all = {0};
	struct netlink netlink;
	int code = netlink_open_route(&netlink);

	if (code != NG_OK) {
		*system = errno;
		return code;
	}
	code = read_links(&netlink, take_index, &all, system);
	if (code == NG_OK && all.failed) {
		*system = ENOMEM;
		code = NG_E_NOMEM;
	}
	if (code == NG_OK)
		code = remove_from(&netlink, &all, table, system);
	free(all.items);
	netlink_close(&netlink);
	return code;
}
