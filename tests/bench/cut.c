/*
 * How long it takes to cut flows. Fills the connection tracking table of its network namespace with
 * entries of one source, and a fiftieth as many that something else justifies; cuts the former in three ways, sees that the
 * latter stand, and prints the milliseconds:
 *
 *     cut ENTRIES        {"address_ms": ..., "port_ms": ..., "walk_ms": ...}
 *
 * address, port: all flows to an IPv4 address, or to one port there, which newer kernels delete in one
 * request; walk: those to an IPv6 address, weighed one by one: the table is listed and each entry
 * deleted meanwhile.
 */
#include "warden/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PORT  443
#define OTHER 80 /* is justified by something else */

enum way { WAY_ADDRESS = 0, WAY_PORT, WAY_WALK, WAYS };

static const char *const sources[WAYS] = {"10.77.1.2", "10.77.1.2", "fd77:1::2"};
static const char *const targets[WAYS] = {"44.0.0.1", "44.0.0.1", "2001:db8:80::1"};

static void die(const char *what)
{
	fprintf(stderr, "cut: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct ng_addr address(const char *text)
{
	struct ng_addr addr;

	if (ng_addr_parse(text, &addr) != NG_OK)
		die(text);
	return addr;
}

/* Addresses: source, then destination. */
static void put_tuple(struct nlmsghdr *request, uint16_t type, const struct ng_addr addrs[2],
		      const uint16_t ports[2])
{
	struct nlattr *tuple = mnl_attr_nest_start(request, type), *part;
	bool v4 = addrs[0].family == NG_IPV4;

	part = mnl_attr_nest_start(request, CTA_TUPLE_IP);
	mnl_attr_put(request, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, ng_addr_len(&addrs[0]),
		     addrs[0].bytes);
	mnl_attr_put(request, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, ng_addr_len(&addrs[1]),
		     addrs[1].bytes);
	mnl_attr_nest_end(request, part);
	part = mnl_attr_nest_start(request, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(request, CTA_PROTO_NUM, IPPROTO_UDP);
	mnl_attr_put_u16(request, CTA_PROTO_SRC_PORT, htons(ports[0]));
	mnl_attr_put_u16(request, CTA_PROTO_DST_PORT, htons(ports[1]));
	mnl_attr_nest_end(request, part);
	mnl_attr_nest_end(request, tuple);
}

static void make_flow(struct netlink *netlink, const struct ng_addr *source,
		      const struct ng_addr *to, uint16_t from_port, uint16_t port)
{
	const struct ng_addr there[2] = {*source, *to}, back[2] = {*to, *source};
	const uint16_t there_ports[2] = {from_port, port}, back_ports[2] = {port, from_port};
	char buf[512];
	int system = 0;
	struct nlmsghdr *request =
		netlink_request(netlink, buf, NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_NEW,
				NLM_F_CREATE, source->family == NG_IPV4 ? AF_INET : AF_INET6);

	put_tuple(request, CTA_TUPLE_ORIG, there, there_ports);
	put_tuple(request, CTA_TUPLE_REPLY, back, back_ports);
	mnl_attr_put_u32(request, CTA_TIMEOUT, htonl(600));
	if (netlink_ask(netlink, request, NULL, NULL, &system) != NG_OK) {
		errno = system;
		die("a flow cannot be made");
	}
}

static void fill(struct netlink *netlink, enum way way, unsigned n)
{
	struct ng_addr source = address(sources[way]), to = address(targets[way]);

	/* Whatever is to an address is cut with it, unless it is weighed: so another one. */
	struct ng_addr spared = way == WAY_ADDRESS ? address("44.0.0.2") : to;

	for (unsigned i = 0; i < n; i++)
		make_flow(netlink, &source, &to, (uint16_t)(1024 + i), PORT);
	for (unsigned i = 0; i < n / 50; i++)
		make_flow(netlink, &source, &spared, (uint16_t)(1024 + i), OTHER);
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static bool spare_other(const void *who, const struct flow *flow)
{
	(void)who;
	return flow->port == OTHER;
}

static double cut(struct conntrack *conntrack, enum way way)
{
	struct cuts cuts = {.spare = spare_other};
	struct ng_addr source = address(sources[way]), to = address(targets[way]);
	const uint8_t bits = (uint8_t)(8 * ng_addr_len(&source));
	struct cut one = {.source = {source, bits},
			  .to = {to, bits},
			  .proto = way == WAY_PORT ? IPPROTO_UDP : 0,
			  .port = way == WAY_PORT ? PORT : 0,
			  .weigh = way != WAY_ADDRESS};
	double start = now_ms();

	cuts_add(&cuts, &one);
	if (conntrack_cut(conntrack, &cuts) != NG_OK)
		die("flows cannot be cut");
	cuts_finish(&cuts);
	return now_ms() - start;
}

static void clear(struct conntrack *conntrack)
{
	struct cuts cuts = {.everything = true};

	if (conntrack_cut(conntrack, &cuts) != NG_OK)
		die("flows cannot be cleared");
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
						   IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);

	if (netlink_ask(netlink, request, count_one, &n, &system) != NG_OK || n != expected) {
		fprintf(stderr, "cut: %u flows stand, not %u\n", n, expected);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	unsigned n = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	struct netlink netlink;
	struct conntrack conntrack;
	double ms[WAYS];

	if (n < 50 || n > 60000) {
		fprintf(stderr, "usage: cut ENTRIES (50 to 60000)\n");
		return 2;
	}
	if (netlink_open(&netlink) != NG_OK || conntrack_open(&conntrack) != NG_OK)
		die("no netlink socket");
	for (enum way way = WAY_ADDRESS; way < WAYS; way++) {
		fill(&netlink, way, n);
		expect_flows(&netlink, n + n / 50);
		ms[way] = cut(&conntrack, way);
		expect_flows(&netlink, n / 50);
		clear(&conntrack);
	}
	netlink_close(&netlink);
	conntrack_close(&conntrack);
	printf("{\"address_ms\": %.2f, \"port_ms\": %.2f, \"walk_ms\": %.2f}\n",
	       ms[WAY_ADDRESS], ms[WAY_PORT], ms[WAY_WALK]);
	return 0;
}
