/*
 * tc's own skbedit action would do the same, but is a module that small kernels leave out;
 * programs are built into every kernel that distributions ship. TC_ACT_UNSPEC hands the packet on
 * to whoever else listens at this place.
 */
#include "edge/program.h"
#include "edge/program_code.h"

#include "base/wall.h"

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>

/* So many octets onto the stack, of what is r2 behind the network header. */
#define READ(n)                                                                                \
	COPY(1, 6), COPY(3, 10), PLUS(3, -8), SET(4, n), SET(5, BPF_HDR_START_NET),            \
		ASK(BPF_FUNC_skb_load_bytes_relative)
#define PASS       SET(0, TC_ACT_UNSPEC), EXIT
#define UDP_HEADER 8

/*
 * ARP asks routing as well whether it may answer, and must go on doing so. A packet of a bridge's
 * port has been judged by the time it comes in by the bridge; its mark stays. Nobody else can bring
 * such a mark along: the kernel clears it where a packet leaves a network namespace.
 *
 * Many questions may come as one packet that is cut only where a socket receives it (UDP_SEGMENT):
 * one for whatever counts packets before, a hundred for the socket's buffer. It is never cut then, and
 * worth no more than one question. Two together may be what the host itself has put together, of a
 * client that asks for both kinds of addresses. Anything but DNS stays as it is.
 */
static const struct bpf_insn code[] = {
	COPY(6, 1),
	LOAD(0, 6, protocol),
	IF_EQ(0, NETWORK16(ETH_P_ARP), 5),
	LOAD(0, 6, mark),
	IF_EQ(0, WALL_MARK_PASSED, 3),
	IF_EQ(0, WALL_MARK_PORT, 2),
	SET(0, WALL_MARK_CAME),
	STORE(6, mark, 0),
	LOAD(7, 6, gso_size),
	IF_NOT(7, 0, 2),
	PASS,
	LOAD(0, 6, protocol),
	SET(2, offsetof(struct iphdr, protocol)),
	SET(8, sizeof(struct iphdr)),
	IF_EQ(0, NETWORK16(ETH_P_IP), 5),
	SET(2, offsetof(struct ipv6hdr, nexthdr)),
	SET(8, sizeof(struct ipv6hdr)),
	IF_EQ(0, NETWORK16(ETH_P_IPV6), 2),
	PASS,
	READ(1),
	IF_EQ(0, 0, 2),
	PASS,
	LOAD8_AT(0, 10, -8),
	IF_EQ(0, IPPROTO_UDP, 2),
	PASS,
	COPY(2, 8),
	READ(UDP_HEADER),
	IF_EQ(0, 0, 2),
	PASS,
	LOAD16_AT(0, 10, -8 + 2),
	IF_EQ(0, NETWORK16(53), 2),
	PASS,
	LOAD16_AT(0, 10, -8 + 4),
	ORDER16(0),
	PLUS(0, -UDP_HEADER),
	COPY(1, 7),
	ADD_UP(7, 1), /* two of them */
	IF_MOST(0, 7, 7),
	COPY(1, 6),
	LOAD(2, 6, len),
	SET(3, 0),
	ASK(BPF_FUNC_skb_change_tail), /* to the length that it has: that it was to be cut is forgotten */
	IF_EQ(0, 0, 2),
	SET(0, TC_ACT_SHOT),
	EXIT,
	PASS,
};

int program_ingress(int *out, char why[static PROGRAM_WHY])
{
	return program_load(BPF_PROG_TYPE_SCHED_CLS, 0, code, sizeof(code) / sizeof(code[0]),
			    out, why);
}
