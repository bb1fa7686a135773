/*
 * Small programs in the kernel that go on without the nftables table: one marks what comes in from a
 * sandbox, ahead of every firewall; others refuse what leaves from a sandbox of the host's own
 * processes and does not carry the mark of what the table has passed (base/wall.h).
 *
 * Loading one takes CAP_BPF (before Linux 5.8 CAP_SYS_ADMIN) and CAP_NET_ADMIN of the machine, not of
 * a user namespace.
 */
#pragma once

#include <namegate/error.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRAM_WHY 256

/* Each gives a descriptor, to be closed by the caller. NG_E_PERM, NG_E_UNSUPPORTED; see why. */

/* For tc, on the way in: marks. */
int program_ingress(int *out, char why[static PROGRAM_WHY]) NG_MUST_CHECK;
/* For tc, on the way out: drops what the host itself sends and the table has not passed. */
int program_leaving(int *out, char why[static PROGRAM_WHY]) NG_MUST_CHECK;
/*
 * For a cgroup: the same for sockets of that cgroup and below, or with a uid that is not 0 for that
 * user's sockets among them. cookie is that of the network namespace that it is about; 0: the kernel
 * knows none, and what goes over a loopback interface is left alone then.
 */
int program_held(uint32_t uid, uint64_t cookie, int *out,
		 char why[static PROGRAM_WHY]) NG_MUST_CHECK;

/* ---- parts ---- */

struct bpf_insn;
union bpf_attr;
/* attach: enum bpf_attach_type, where the type has several. */
int program_load(uint32_t type, uint32_t attach, const struct bpf_insn *code, size_t n,
		 int *out, char why[static PROGRAM_WHY]) NG_MUST_CHECK;
/* enum bpf_cmd; a descriptor, or -1 and errno. */
int program_call(int command, union bpf_attr *attr);
/* By which the kernel tells our network namespace to programs; 0: it does not (Linux 5.14). */
uint64_t program_namespace(void);
