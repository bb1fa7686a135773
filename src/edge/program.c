/*
 * Loading a program. The kernel's own checks of it are all there are; what it finds wrong is a fault of
 * ours, or of a kernel that lacks something.
 */
#include "edge/program.h"
#include "edge/program_code.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers that this builds with. */
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

int program_call(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

uint64_t program_namespace(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len))
		cookie = 0;
	close(fd);
	return cookie;
}

int program_load(uint32_t type, uint32_t attach, const struct bpf_insn *code, size_t n,
		 int *out, char why[static PROGRAM_WHY])
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = type;
	attr.insn_cnt = (uint32_t)n;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.license = (uint64_t)(uintptr_t) "";
	attr.expected_attach_type = attach;
	memcpy(attr.prog_name, "namegate", sizeof("namegate"));
	fd = program_call(BPF_PROG_LOAD, &attr);
	if (fd >= 0) {
		*out = fd; /* closed at exec already */
		return NG_OK;
	}
	snprintf(why, PROGRAM_WHY, "the kernel does not take a %s program: %s%s",
		 type == BPF_PROG_TYPE_SCHED_CLS      ? "tc"
		 : type == BPF_PROG_TYPE_SK_REUSEPORT ? "steering"
						      : "cgroup",
		 strerror(errno),
		 errno == EPERM ? " (it needs CAP_BPF outside of user namespaces)"
		 : type == BPF_PROG_TYPE_CGROUP_SKB ? " (it needs CONFIG_CGROUP_BPF)"
						    : " (it needs CONFIG_BPF_SYSCALL)");
	return errno == EPERM ? NG_E_PERM : NG_E_UNSUPPORTED;
}
