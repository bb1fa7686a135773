/*
 * Destinations that no lease and no static rule opens, as the kernel's own sets hold them: what the
 * warden puts ahead of all leases, and what the offline mode holds every destination against.
 */
#pragma once

#include <namegate/addr.h>

#define NEVER_MAX   32
#define NEVER_PORTS 3

/* Fills out with disjoint prefixes of that family; returns how many. */
size_t never_prefixes(enum ng_family family, struct ng_prefix out[static NEVER_MAX]);
/* Ports of encrypted DNS, TCP and UDP, closed whatever the address: DoT, DoQ, and DoQ's first port. */
extern const uint16_t never_ports[NEVER_PORTS];
