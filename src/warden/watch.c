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
#define DATAGRAMS_MAX 256

_Static_assert(NFTA_TABLE_NAME == ATTR_TABLE && NFTA_CHAIN_TABLE == ATTR_TABLE &&
		       NFTA_RULE_TABLE == ATTR_TABLE && NFTA_SET_TABLE == ATTR_TABLE &&
		       NFTA_SET_ELEM_LIST_TABLE == ATTR_TABLE,
	       "the table's name is attribute 1 everywhere");

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
	const char *table;
	bool touched;
};

static int take_event(const struct nlmsghdr *event, void *who)
{
	struct heard *heard = who;
	struct nlattr *attr;

	if (event->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    (event->nlmsg_type & 0xff) == NFT_MSG_NEWGEN)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, event, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == ATTR_TABLE &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
		    strcmp(mnl_attr_get_str(attr), heard->table) == 0)
			heard->touched = true;
	}
	return MNL_CB_OK;
}

bool watch_touched(struct watch *watch, const char *table)
{
	struct heard heard = {.table = table};

	for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
		ssize_t got =
			recv(watch->netlink.fd, watch->netlink.replies, 65536, MSG_DONTWAIT);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) { /* some news was lost: think the worst */
			heard.touched = true;
			continue;
		}
		if (got <= 0)
			break;
		(void)mnl_cb_run(watch->netlink.replies, (size_t)got, 0, 0, take_event, &heard);
	}
	return heard.touched;
}
