/*
 * Programs that mark what one user of this network namespace sends to some servers, hung on a cgroup.
 * A socket has its mark before the route is looked up, so that routing by it, and the address that it
 * leaves from, are as if it had been set by whoever opened it.
 */
#pragma once

#include "edge/program.h"

#include <namegate/addr.h>

struct mark {
	struct ng_addr addr; /* of a server */
	uint16_t port;
	uint32_t mark;
};

#define MARKS_LINKS 2 /* IPv4, IPv6 */

/*
 * Has sockets of that user, of the open cgroup and below it, carry a server's mark from their connect()
 * on. They do so as long as the links, the caller's descriptors, are open. NG_E_PERM, NG_E_UNSUPPORTED,
 * NG_E_IO; see why. Linux 5.8.
 */
int marks_hang(int cgroup, uint32_t uid, const struct mark *marks, size_t n,
	       int links[static MARKS_LINKS], char why[static PROGRAM_WHY]) NG_MUST_CHECK;
