/*
 * How long it takes to cut flows. Fills the connection tracking table of its network namespace with
 * entries of one source, cuts those towards one address or port, and prints the milliseconds:
 *
 *     cut ENTRIES        {"filter_ms": ..., "walk_ms": ...}
 *
 * filter: all flows of an IPv4 address, which newer kernels delete in one request; walk: all flows to
 * one port, for which the table is dumped and each entry deleted.
 */
#include "warden/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint8_t from[] = {10, 77, 1, 2}, to[] = {44, 0, 0, 1};

static void die(const char *what)
{
	fprintf(stderr, "cut: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put_tuple(struct nlmsghdr *request, uint16_t type, bool reply, uint16_t port)
{
	struct nlattr *tuple = mnl_attr_nest_start(request, type), *part;

	part = mnl_attr_nest_start(request, CTA_TUPLE_IP);
	mnl_attr_put(request, CTA_IP_V4_SRC, 4, reply ? to : from);
	mnl_attr_put(request, CTA_IP_V4_DST, 4, reply ? from : to);
	mnl_attr_nest_end(request, part);
	part = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(request, CTA_PROTO_NUM, 17);
	mnl_attr_put_u16(request, CTA_PROTO_SRC_PORT, htons(reply ? 443 : port));
	mnl_attr_put_u16(request, CTA_PROTO_DST_PORT, htons(reply ? port : 443));
	mnl_attr_nest_end(request, part);
	mnl_attr_nest_end(request, tuple);
}

/* One flow of each source port. */
static void fill(struct netlink *netlink, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char buf[512];
		int system = 0;
		struct nlmsghdr *request =
			netlink_request(netlink, buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW,
					NLM_F_CREATE, AF_INET);

		put_tuple(request, CTA_TUPLE_ORIG, false, (uint16_t)(1024 + i));
		put_tuple(request, CTA_TUPLE_REPLY, true, (uint16_t)(1024 + i));
		mnl_attr_put_u32(request, CTA_TIMEOUT, htonl(600));
		if (netlink_ask(netlink, request, NULL, NULL, &system) != NG_OK) {
			errno = system;
			die("a flow cannot be made");
		}
	}
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double cut(struct netlink *netlink, uint8_t proto)
{
	struct cuts cuts = {0};
	struct cut one = {.source = {ng_addr_make(NG_IPV4, from), 32},
			  .to = {ng_addr_make(NG_IPV4, to), 32},
			  .proto = proto,
			  .port = proto ? 443 : 0};
	double start = now_ms();

	cuts_add(&cuts, &one);
	if (conntrack_cut(netlink, &cuts) != NG_OK)
		die("flows cannot be cut");
	cuts_finish(&cuts);
	return now_ms() - start;
}

static int count_one(const struct nlmsghdr *reply, void *who)
{
	(void)reply;
	++*(unsigned *)who;
	return MNL_CB_OK;
}

static void expect_flows(struct netlink *netlink, unsigned expected)
{
	char buf[256];
	unsigned n = 0;
	int system = 0;
	struct nlmsghdr *request = netlink_request(netlink, buf, NFNL_SUBSYS_CTNETLINK,
						   IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_INET);

	if (netlink_ask(netlink, request, count_one, &n, &system) != NG_OK || n != expected) {
		fprintf(stderr, "cut: %u flows stand, not %u\n", n, expected);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned n = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	struct netlink netlink;
	double ms[2];

	if (n == 0 || n > 60000) {
		fprintf(stderr, "usage: cut ENTRIES (1 to 60000)\n");
		return 2;
	}
	if (netlink_open(&netlink) != NG_OK)
		die("no netlink socket");
	for (int walk = 0; walk < 2; walk++) {
		fill(&netlink, n);
		expect_flows(&netlink, n);
		ms[walk] = cut(&netlink, walk ? 17 : 0);
		expect_flows(&netlink, 0);
	}
	netlink_close(&netlink);
	printf("{\"filter_ms\": %.2f, \"walk_ms\": %.2f}\n", ms[0], ms[1]);
	return 0;
}
