/*
 * tc's own skbedit action would do the same, but is a module that small kernels leave out;
 * programs are built into every kernel that distributions ship. TC_ACT_UNSPEC hands the packet on
 * to whoever else listens at this place.
 */
#include "edge/program.h"
#include "edge/program_code.h"

#include "base/wall.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

/*
 * ARP asks routing as well whether it may answer, and must go on doing so. A packet of a bridge's
 * port has been judged by the time it comes in by the bridge; its mark stays. Nobody else can bring
 * such a mark along: the kernel clears it where a packet leaves a network namespace.
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
	SET(0, TC_ACT_UNSPEC),
	EXIT,
};

int program_ingress(int *out, char why[static PROGRAM_WHY])
{
	return program_load(BPF_PROG_TYPE_SCHED_CLS, 0, code, sizeof(code) / sizeof(code[0]),
			    out, why);
}
