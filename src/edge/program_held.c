/*
 * What leaves is looked at behind all of netfilter's hooks, where the table's mark is on it or is not.
 * A cgroup's program sees the packets of its sockets alone: what the kernel sends without one, resets
 * and errors, is none of these, and what is forwarded as little.
 *
 * A cgroup reaches over network namespaces, the table does not: so the namespace is compared where
 * the kernel tells it (Linux 6.15). Elsewhere what such processes send in namespaces of their own is
 * refused as well, except by a loopback interface, which each namespace has to itself.
 */
#include "edge/program.h"
#include "edge/program_code.h"

#include "base/wall.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <string.h>

#define LOOPBACK 1 /* the index of "lo" in every namespace */
#define PASSED   (WALL_MARK_PASSED & WALL_MARK_BITS)

/* Whose it is not passes: 1. */
static void write_namespace(struct code *code, uint64_t cookie)
{
	if (cookie)
		ADD(code, COPY(1, 6), ASK(BPF_FUNC_get_netns_cookie), SET64(1, cookie),
		    COPY(2, 0), SET(0, 1), IF_SAME(2, 1, 1), EXIT);
	else
		ADD(code, LOAD(2, 6, ifindex), SET(0, 1), IF_NOT(2, LOOPBACK, 1), EXIT);
}

static void write_user(struct code *code, uint32_t uid)
{
	ADD(code, COPY(1, 6), ASK(BPF_FUNC_get_socket_uid), COPY(2, 0), SET(1, uid), SET(0, 1),
	    IF_SAME(2, 1, 1), EXIT);
}

int program_held(uint32_t uid, uint64_t cookie, int *out, char why[static PROGRAM_WHY])
{
	struct code code = {.n = 0};

	ADD(&code, COPY(6, 1));
	write_namespace(&code, cookie);
	if (uid)
		write_user(&code, uid);
	ADD(&code, LOAD(2, 6, mark), BITS(2, WALL_MARK_BITS), SET(0, 1), IF_EQ(2, PASSED, 1),
	    SET(0, 0), EXIT);
	return program_load(BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS, code.items,
			    code.n, out, why);
}

static const struct bpf_insn leaving[] = {
	LOAD(0, 1, protocol),
	IF_EQ(0, NETWORK16(ETH_P_IP), 1),
	IF_NOT(0, NETWORK16(ETH_P_IPV6), 7),
	LOAD(0, 1, ingress_ifindex),
	IF_NOT(0, 0, 5), /* forwarded */
	LOAD(0, 1, mark),
	BITS(0, WALL_MARK_BITS),
	IF_EQ(0, PASSED, 2),
	SET(0, TC_ACT_SHOT),
	EXIT,
	SET(0, TC_ACT_UNSPEC),
	EXIT,
};

int program_leaving(int *out, char why[static PROGRAM_WHY])
{
	return program_load(BPF_PROG_TYPE_SCHED_CLS, 0, leaving,
			    sizeof(leaving) / sizeof(leaving[0]), out, why);
}
