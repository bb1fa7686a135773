/*
 * Whether any lease may lead to an address: a blurred picture of where all of them lead, which is never wrong
 * when it says no.
 *
 * An address that becomes a sandbox's own is to be nobody's lease any more. That happens seldom, and hardly
 * ever is there one; so no lease has room for being found by its address. For each there are counts that it
 * shares with others: one of the address and one of its block (of IPv4 /24, of IPv6 /64), by which ranges
 * are told. One that is full is never counted down.
 */
#pragma once

#include <namegate/addr.h>

#define LEADS_BITS 20 /* of the number of counts, an octet each */

struct leads { /* all zero: no lease is counted */
	uint64_t seed;
	uint8_t *counts; /* NULL: none yet, or no memory */
	bool blind;      /* some could not be counted */
};

void leads_add(struct leads *leads, const struct ng_addr *addr);
void leads_take(struct leads *leads, const struct ng_addr *addr);
/* False: none of those that were added and not taken lies in it. */
bool leads_may(const struct leads *leads, const struct ng_prefix *prefix);
size_t leads_octets(const struct leads *leads); /* of memory */
void leads_finish(struct leads *leads);
