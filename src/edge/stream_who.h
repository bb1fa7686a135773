/* Who is at the other end of an accepted connection. Nothing is owned or kept. */
#pragma once

#include <namegate/gate.h>

struct stream_who {
	struct ng_addr addr; /* an IPv4-mapped one as IPv4 */
	uint32_t ifindex;    /* where the connection came in; 0: the kernel does not say */
	char interface[NG_IFNAME_MAX]; /* its name; empty: not known */
};

/* NG_E_CLOSED when the peer is gone. */
int stream_who(int fd, struct stream_who *out) NG_MUST_CHECK;
/* The process that connected to a Unix socket. NG_E_CLOSED. */
int stream_peer(int fd, struct ng_peer *out) NG_MUST_CHECK;
