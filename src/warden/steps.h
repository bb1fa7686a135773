/*
 * A rule as a row of steps: what nft would print as one line, in the kernel's own small machine.
 * Steps are values in static tables; write_rule() turns a row into one NEWRULE message.
 */
#pragma once

#include "warden/netlink.h"

enum step_kind {
	STEP_END = 0,
	STEP_META,    /* a = NFT_META_, into reg */
	STEP_PAYLOAD, /* a = base, b = offset, c = length, into reg */
	STEP_EXTHDR,  /* is IPv6 extension header a there? 1 or 0 into reg */
	STEP_CT,      /* a = NFT_CT_, into reg */
	STEP_CT_PORT, /* the port that the flow was begun towards, before translation, into reg */
	STEP_LABEL,   /* the flow's label = the sixteen octets at reg */
	STEP_SOCKET, /* a = NFT_SOCKET_, b = level, into reg; breaks without a socket */
	STEP_FIB,    /* type of the destination address, into reg */
	STEP_MASK,   /* reg &= data */
	STEP_CMP,    /* a = NFT_CMP_, reg against data */
	STEP_LOOKUP, /* the key that starts at reg, in set `name` */
	STEP_COUNTER,
	STEP_LIMIT, /* a = packets a second, b = burst */
	STEP_FAIR, /* the same for each key at reg apart, kept in set `name` for c ms, or for good */
	STEP_OVER, /* the same, but goes on with what is beyond it, and breaks where no element can be made */
	STEP_EACH,  /* counts the packet in the element at reg of set `name`, made if need be */
	STEP_TALLY, /* counts the packet in the counter of the key at reg in map `name` */
	STEP_TALLY_IN,   /* and in the counter `name` */
	STEP_LOG,        /* a = group, b = snaplen, c = queue threshold; prefix `name` */
	STEP_REJECT,     /* a = NFT_REJECT_, b = code */
	STEP_MARK,       /* packet mark = a */
	STEP_ZERO,       /* four octets at reg = 0 */
	STEP_MARK_AS,    /* packet mark = the four octets at reg */
	STEP_REDIRECT,   /* to port a of the host */
	STEP_MAP,        /* the value of the key at reg in map `name`, into reg a */
	STEP_SNAT,       /* leave under the address at reg; a = NFPROTO_ */
	STEP_MASQUERADE, /* leave under the host's address */
	STEP_VERDICT     /* a = NF_ or NFT_, chain `name` for a goto */
};

struct step {
	uint8_t kind, reg, len;
	uint8_t data[16];
	uint32_t a, b, c;
	const char *name;
};

struct base_chain {
	const char *name, *type;
	uint32_t hook;
	int32_t priority;
};
/* Makes a chain if it is not there; base NULL: a regular one. */
void write_chain(struct batch *batch, struct netlink *netlink, const char *table,
		 const char *name, const struct base_chain *base);
/* Empties it. */
void flush_chain(struct batch *batch, struct netlink *netlink, const char *table,
		 const char *name);
/* Adds a rule to the end of chain. Memory failure shows in the batch. */
void write_rule(struct batch *batch, struct netlink *netlink, const char *table,
		const char *chain, const struct step *steps);
/*
 * The comparison that an interface pattern stands for: "sb*" compares two octets, a whole name all
 * sixteen. NG_E_RANGE for what would match every interface or names none.
 */
int step_interface(uint32_t meta, const char *pattern, struct step out[static 2]) NG_MUST_CHECK;
