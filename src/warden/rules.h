/*
 * The chains and rules of the table: the gate's law, the same for every sandbox.
 */
#pragma once

#include "base/wall.h"
#include "warden/netlink.h"

#define BLOCKED_GROUP    77                 /* first NFLOG group tried for the refused ones */
#define PREFIX_OBSERVED  "namegate-seen "   /* of the log of packets that passed unleased */
#define PREFIX_FORGED    "namegate-forged " /* dropped ahead of conntrack */
#define PREFIX_STRAY     "namegate-stray "  /* of no connection */
#define PREFIX_FLOOD     "namegate-flood "  /* a question too many */
#define PREFIX_FRAME     "namegate-frame "  /* dropped at its port of a bridge */
#define PREFIX_HOST      "namegate-host "   /* the mark is the token; refused */
#define PREFIX_HOST_SEEN "namegate-host-seen " /* and passed unleased */
#define BLOCKED_SNAP     96 /* octets of a refused packet that are looked at */

/* Questions by UDP, of single sources: accepts them, of each source so many a second. */
#define CHAIN_ASKS "asks"

/* Writes all chains, empties them, and fills them. The sets are written before. NG_E_RANGE: a
 * pattern that would put every interface under guard. */
int rules_write(struct batch *batch, struct netlink *netlink, const struct wall_table *table,
		uint16_t log_group, bool turned,
		bool bridged) NG_MUST_CHECK; /* turned: leases are in the twins */
/* Those about sandboxes without an interface (rules_host.c): part of rules_write(). */
void host_rules_write(struct batch *batch, struct netlink *netlink,
		      const struct wall_table *table, uint16_t log_group, bool turned);
size_t host_rules_count(const struct wall_table *table);
/* How many rules rules_write() makes for it. */
size_t rules_count(const struct wall_table *table, bool bridged);

/* The same for the table of family bridge (bridge_rules.c). */
void bridge_rules_write(struct batch *batch, struct netlink *netlink,
			const struct wall_table *table, uint16_t log_group);
size_t bridge_rules_count(void);
