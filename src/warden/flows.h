/*
 * Flows that use a lease which is about to end: found by walking through the connection tracking
 * table, and told to the worker, who decides whether the lease is to be kept open.
 *
 * One walk serves all leases that end soon, and is only begun when there are such. It goes on over
 * many turns of the loop, a few milliseconds each: orders never wait for it.
 */
#pragma once

#include "base/wall.h"
#include "warden/netlink.h"

#define FLOWS_TOLD 128 /* in one packet */

struct flows {
	struct netlink netlink; /* its own: the answers of a walk wait in it */
	uint32_t seq;           /* of the walk's request */
	bool walking;
	uint64_t
		late; /* walks that took too long to be of use, and that no worker was told of */
	bool complained;
	uint8_t walk;     /* its number, as leases remember it */
	uint64_t ends_us; /* leases that end until then are looked for */
	uint64_t begun_us, next_us;
	uint32_t worker; /* who the flows below are to be told */
	struct wall_flow told[FLOWS_TOLD];
	size_t n;
};
