/*
 * The kernel tells every listener of every change. A filter in the socket drops what our own writer
 * caused, so that a busy gate does not wake itself. In all messages that name a table (tables,
 * chains, rules, sets, elements, objects) its name is attribute 1.
 */
#include "warden/watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define ATTR_TABLE    1
#define ATTR_SET      2
#define DATAGRAMS_MAX 256

_Static_assert(NFTA_TABLE_NAME == ATTR_TABLE && NFTA_CHAIN_TABLE == ATTR_TABLE &&
		       NFTA_RULE_TABLE == ATTR_TABLE && NFTA_SET_TABLE == ATTR_TABLE &&
		       NFTA_SET_ELEM_LIST_TABLE == ATTR_TABLE,
	       "the table's name is attribute 1 everywhere");
_Static_assert(NFTA_SET_NAME == ATTR_SET && NFTA_SET_ELEM_LIST_SET == ATTR_SET,
	       "the set's name is attribute 2");

int watch_open(struct watch *watch, uint32_t writer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(writer), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	int error = netlink_open(&watch->netlink);

	if (error != NG_OK)
		return error;
	if (setsockopt(watch->netlink.fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program))) {
		watch_close(watch);
		return NG_E_IO;
	}
	return NG_OK;
}

void watch_close(struct watch *watch)
{
	if (watch)
		netlink_close(&watch->netlink);
}

int watch_listen(struct watch *watch)
{
	int group = NFNLGRP_NFTABLES;

	if (watch->listening)
		return NG_OK;
	if (setsockopt(watch->netlink.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
		       sizeof(group)))
		return NG_E_IO;
	watch->listening = true;
	return NG_OK;
}

struct heard {
	const char *table; /* NULL: sets are watched */
	const struct watched *sets;
	size_t n;
	bool touched;
};

/* A table's name, or a set's, as far as the event has one. */
static const char *name_of(const struct nlmsghdr *event, uint16_t type)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, event, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == type &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
			return mnl_attr_get_str(attr);
	}
	return NULL;
}

static bool is_of_set(const struct nlmsghdr *event, const struct watched *set)
{
	const struct nfgenmsg *body = mnl_nlmsg_get_payload(event);
	const char *table = name_of(event, ATTR_TABLE), *name;

	if (body->nfgen_family != set->family || !table || strcmp(table, set->table) != 0)
		return false;
	switch (event->nlmsg_type & 0xff) {
	case NFT_MSG_NEWTABLE:
	case NFT_MSG_DELTABLE:
		return true;
	case NFT_MSG_NEWSET:
	case NFT_MSG_DELSET:
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		name = name_of(event, ATTR_SET);
		return !name || strcmp(name, set->set) == 0;
	}
	return false;
}

static int take_event(const struct nlmsghdr *event, void *who)
{
	struct heard *heard = who;
	const char *table;

	if (event->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    (event->nlmsg_type & 0xff) == NFT_MSG_NEWGEN)
		return MNL_CB_OK;
	if (heard->table) {
		table = name_of(event, ATTR_TABLE);
		heard->touched |= table && strcmp(table, heard->table) == 0;
	}
	for (size_t i = 0; i < heard->n && !heard->touched; i++)
		heard->touched = is_of_set(event, &heard->sets[i]);
	return MNL_CB_OK;
}

static bool read_news(struct watch *watch, struct heard *heard)
{
	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t got =
			recv(watch->netlink.fd, watch->netlink.replies, 65536, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) { /* some news was lost: think the worst */
			heard->touched = true;
			continue;
		}
		if (got <= 0)
			break;
		(void)mnl_cb_run(watch->netlink.replies, (size_t)got, 0, 0, take_event, heard);
	}
	return heard->touched;
}

bool watch_touched(struct watch *watch, const char *table)
{
	struct heard heard = {.table = table};

	return read_news(watch, &heard);
}

bool watch_touched_sets(struct watch *watch, const struct watched *sets, size_t n)
{
	struct heard heard = {.sets = sets, .n = n};

	return read_news(watch, &heard);
}
