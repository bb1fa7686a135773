/*
 * tc's own skbedit action would do the same, but is a module that small kernels leave out;
 * programs are built into every kernel that distributions ship. TC_ACT_UNSPEC hands the packet on
 * to whoever else listens at this place.
 */
#include "edge/ingress.h"

#include "base/wall.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NETWORK16(n) __builtin_bswap16(n)
#else
#define NETWORK16(n) (n)
#endif

/*
 * ARP asks routing as well whether it may answer, and must go on doing so. A packet of a bridge's
 * port has been judged by the time it comes in by the bridge; its mark stays. Nobody else can bring
 * such a mark along: the kernel clears it where a packet leaves a network namespace.
 */
static const struct bpf_insn program[] = {
	{.code = BPF_LDX | BPF_W | BPF_MEM,
	 .dst_reg = BPF_REG_0,
	 .src_reg = BPF_REG_1,
	 .off = offsetof(struct __sk_buff, protocol)},
	{.code = BPF_JMP | BPF_JEQ | BPF_K,
	 .dst_reg = BPF_REG_0,
	 .off = 5,
	 .imm = NETWORK16(ETH_P_ARP)},
	{.code = BPF_LDX | BPF_W | BPF_MEM,
	 .dst_reg = BPF_REG_0,
	 .src_reg = BPF_REG_1,
	 .off = offsetof(struct __sk_buff, mark)},
	{.code = BPF_JMP | BPF_JEQ | BPF_K,
	 .dst_reg = BPF_REG_0,
	 .off = 3,
	 .imm = WALL_MARK_PASSED},
	{.code = BPF_JMP | BPF_JEQ | BPF_K,
	 .dst_reg = BPF_REG_0,
	 .off = 2,
	 .imm = WALL_MARK_PORT},
	{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = WALL_MARK_CAME},
	{.code = BPF_STX | BPF_W | BPF_MEM,
	 .dst_reg = BPF_REG_1,
	 .src_reg = BPF_REG_0,
	 .off = offsetof(struct __sk_buff, mark)},
	{.code = BPF_ALU | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_UNSPEC},
	{.code = BPF_JMP | BPF_EXIT},
};

int ingress_program(int *out, char why[static INGRESS_WHY])
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
	attr.insn_cnt = sizeof(program) / sizeof(program[0]);
	attr.insns = (uint64_t)(uintptr_t)program;
	attr.license = (uint64_t)(uintptr_t) "";
	memcpy(attr.prog_name, "namegate", sizeof("namegate"));
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd >= 0) {
		*out = (int)fd; /* closed at exec already */
		return NG_OK;
	}
	snprintf(why, INGRESS_WHY, "the kernel does not take a tc program: %s%s",
		 strerror(errno),
		 errno == EPERM ? " (it needs CAP_BPF outside of user namespaces)"
				: " (it needs CONFIG_BPF_SYSCALL)");
	return errno == EPERM ? NG_E_PERM : NG_E_UNSUPPORTED;
}
