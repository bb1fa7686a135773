/*
 * Token addresses: what stands for a sandbox that has no interface and so no address of its own.
 *
 * Leases, counters and reports of all sandboxes are kept by source address. Processes of the host
 * share the host's addresses, so each such sandbox gets one of each family that no packet outside of
 * the host can have: IPv4 in 127.64.0.0/10, and IPv6 in a fixed unique local prefix, with the IPv4
 * one behind that. Both follow from the sandbox's id alone.
 *
 * In the kernel a flow of such a sandbox carries a label of sixteen octets: four that tell labels of
 * ours from others, then the IPv6 token as far as it is not zero. So it ends with the IPv4 token.
 */
#pragma once

#include <namegate/addr.h>

#define TOKEN_HEAD  'n', 'g', 'h', 'l'                             /* how every label begins */
#define TOKEN_NET6  0xfd, 0x6e, 0x61, 0x6d, 0x65, 0x67, 0x61, 0x74 /* a /64 */
#define TOKEN_NET4  127, 64                                        /* the first ten bits */
#define TOKEN_LABEL 16                                             /* octets of a label */
#define TOKEN_AT4   12 /* where in it the IPv4 token begins */
#define TOKEN_AT6   4  /* and the IPv6 one, whose last four octets are zero */

/* The sources of sandbox id, IPv4, then IPv6. Ids that are 2^22 apart have the same. */
void token_sources(uint32_t id, struct ng_prefix out[static 2]);
/* The label of the sandbox with these sources. */
void token_label(const struct ng_prefix sources[static 2], uint8_t out[static TOKEN_LABEL]);
/* Does the prefix hold any token? */
bool token_within(const struct ng_prefix *prefix);
/* Of a flow's label the token of that family; false when it is not one of ours. */
bool token_of_label(const uint8_t label[static TOKEN_LABEL], enum ng_family family,
		    struct ng_addr *out);
/* The same for the four octets of an IPv4 token. */
bool token_of_octets(const uint8_t octets[static 4], enum ng_family family,
		     struct ng_addr *out);
