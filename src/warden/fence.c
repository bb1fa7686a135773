/*
 * Which interfaces are guarded is told by their names, like in the table's rules: those that are
 * there when the fence is raised, and those that the kernel tells of later.
 */
#include "warden/fence.h"

#include "warden/warden.h"

#include <errno.h>
#include <linux/rtnetlink.h>
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

int fence_open(struct fence *fence, int program)
{
	int code;

	*fence = (struct fence){.ask.fd = -1, .news.fd = -1, .program = program};
	if (program < 0)
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
	if (fence->program >= 0)
		close(fence->program);
	fence->program = -1;
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

/* True when it is new. */
static bool note_link(struct fence *fence, int index)
{
	struct link *link = find_link(fence, index);

	if (link)
		return false;
	link = calloc(1, sizeof(*link));
	if (!link)
		return true;
	link->index = index;
	HASH_ADD_INT(fence->links, index, link);
	if (!link->hh.tbl)
		free(link);
	return true;
}

static void drop_link(struct fence *fence, int index)
{
	struct link *link = find_link(fence, index);

	if (!link)
		return;
	HASH_DEL(fence->links, link);
	free(link);
}

static int take_link(const struct nlmsghdr *reply, void *who)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(reply);
	struct fence *fence = who;

	if (reply->nlmsg_type == RTM_NEWLINK && is_guarded(&fence->table, link_name(reply)))
		(void)note_link(fence, link->ifi_index);
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
	say("%s: %s; should the nftables table be taken away, what sandboxes send then is not "
	    "refused until it is rebuilt",
	    what, strerror(system));
}

static int put_marks(struct fence *fence, int *system)
{
	const uint32_t handle = mark_handle(fence->table.table);
	struct link *link, *next;
	int done = FENCE_ASIS;

	HASH_ITER (hh, fence->links, link, next) {
		int code = mark_put(&fence->ask, link->index, fence->program, handle, system);

		if (code < NG_OK) {
			complain(fence, "the packets of an interface cannot be marked",
				 *system);
			return code;
		}
		done |= code;
	}
	return done;
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
	fence->complained = false;
	return marks | rules;
}

void fence_raise(struct fence *fence, const struct wall_table *table)
{
	if (fence->program < 0)
		return;
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
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(event);
	int system = 0;

	if (event->nlmsg_type == RTM_DELLINK || !is_guarded(&fence->table, link_name(event))) {
		drop_link(fence, link->ifi_index);
		return;
	}
	if (note_link(fence, link->ifi_index) &&
	    mark_put(&fence->ask, link->ifi_index, fence->program,
		     mark_handle(fence->table.table), &system) < NG_OK)
		complain(fence, "the packets of a new interface cannot be marked", system);
}

static void hear_filter(struct heard *heard, const struct nlmsghdr *event)
{
	const struct tcmsg *filter = mnl_nlmsg_get_payload(event);
	struct fence *fence = heard->fence;
	int system = 0, code;

	if (!find_link(fence, filter->tcm_ifindex))
		return;
	code = mark_put(&fence->ask, filter->tcm_ifindex, fence->program,
			mark_handle(fence->table.table), &system);
	if (code < NG_OK)
		complain(fence, "the packets of an interface cannot be marked", system);
	heard->marked += code == FENCE_CHANGED;
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
		say("another program took the mark off %d sandbox interface%s; it is put back",
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

static int remove_from(struct netlink *netlink, const struct indexes *all, const char *table,
		       int *system)
{
	bool others = false, other;
	int code = NG_OK;

	for (size_t i = 0; code == NG_OK && i < all->n; i++) {
		code = mark_take(netlink, all->items[i], mark_handle(table), system);
		if (code == NG_OK && !others &&
		    mark_any(netlink, all->items[i], &other, system) == NG_OK)
			others = other;
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
