/*
 * The mark that a packet gets where it comes in from a sandbox, before any firewall sees it: a
 * program of four instructions in the kernel, which the warden hangs on each guarded interface.
 */
#pragma once

#include <namegate/error.h>

#define INGRESS_WHY 160

/*
 * Loads it and gives a descriptor, to be closed by the caller. Takes CAP_BPF (before Linux 5.8
 * CAP_SYS_ADMIN) and CAP_NET_ADMIN of the machine, not of a user namespace. NG_E_PERM,
 * NG_E_UNSUPPORTED, with one line in why.
 */
int ingress_program(int *out, char why[static INGRESS_WHY]) NG_MUST_CHECK;
