/*
 * Loading a program. The kernel's own checks of it are all there are; what it finds wrong is a fault of
 * ours, or of a kernel that lacks something.
 */
#include "edge/program.h"
#include "edge/program_code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int program_load(uint32_t type, const struct bpf_insn *code, size_t n, int *out,
		 char why[static PROGRAM_WHY])
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insn_cnt = (uint32_t)n;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.license = (uint64_t)(uintptr_t) "";
	if (type == BPF_PROG_TYPE_CGROUP_SKB)
		attr.expected_attach_type = BPF_CGROUP_INET_EGRESS;
	memcpy(attr.prog_name, "namegate", sizeof("namegate"));
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd >= 0) {
		*out = (int)fd; /* closed at exec already */
		return NG_OK;
	}
	snprintf(why, PROGRAM_WHY, "the kernel does not take a %s program: %s%s",
		 type == BPF_PROG_TYPE_SCHED_CLS ? "tc" : "cgroup", strerror(errno),
		 errno == EPERM ? " (it needs CAP_BPF outside of user namespaces)"
		 : type == BPF_PROG_TYPE_SCHED_CLS ? " (it needs CONFIG_BPF_SYSCALL)"
						   : " (it needs CONFIG_CGROUP_BPF)");
	return errno == EPERM ? NG_E_PERM : NG_E_UNSUPPORTED;
}
