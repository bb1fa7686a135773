/*
 * Every text that says why a question was not answered, or not as it was asked: one table (texts.c),
 * which namegate-answers(7) shows line by line.
 *
 * A text has places for what it speaks of:
 *     {sandbox}  its name          {by}     " by policy FILE:LINE", or nothing without a rule
 *     {type}     that was asked    {name}   told->about
 *     {limit}    told->limit      {why}    what stands in the brackets of told->why
 */
#pragma once

#include <stdint.h>

struct ng_gate;
struct told;

enum text {
	TEXT_NONE = 0,
	/* policy */
	TEXT_LOCKDOWN,
	TEXT_UNLISTED,
	TEXT_DENIED,
	TEXT_ASK,
	/* a rule allows the name, and something else stops the answer */
	TEXT_TYPE,
	TEXT_AAAA_OFF,
	TEXT_BUDGET,
	TEXT_ADDRESSES,
	TEXT_NO_FAMILY,
	TEXT_NO_FAMILY_SET,
	TEXT_NO_DATA,
	TEXT_ALIAS_RULE,
	TEXT_ALIAS_PORT,
	TEXT_ALIAS_TYPE,
	TEXT_ALIAS_DATA,
	/* special-use names */
	TEXT_LOCALHOST,
	TEXT_RESOLVERS,
	TEXT_TURNS_ON,
	TEXT_STAYS,
	/* who asks, and how much */
	TEXT_STRANGER,
	TEXT_NO_ADDRESS,
	TEXT_RATE,
	TEXT_PENDING,
	TEXT_LEASES,
	TEXT_REMOVED,
	/* the kernel */
	TEXT_GONE,
	TEXT_SET_4,
	TEXT_SET_6,
	TEXT_SET_PORTS_4,
	TEXT_SET_PORTS_6,
	TEXT_FULL,
	TEXT_WARDEN,
	TEXT_KERNEL,
	TEXT_UNCONFIRMED,
	TEXT_MEMORY,
	/* the upstream servers */
	TEXT_NO_ZONE,
	TEXT_ASK_MEMORY,
	TEXT_UPSTREAM_FAILS,
	TEXT_UPSTREAM_TIME,
	TEXT_UPSTREAM_MATCH,
	TEXT_UPSTREAM_TRUST,
	TEXT_UPSTREAM_NONE,
	TEXT_UPSTREAM_BUSY,
	TEXT_UPSTREAM_NETWORK,
	TEXT_UPSTREAM_MARK,
	TEXT_UPSTREAM_FORM,
	TEXT_FAILED_BEFORE,
	TEXT_CHAIN,
	TEXT_LOCAL_ALIAS,
	TEXT_STALE, /* of an answer */
	/* of records alone: such a reply has no EDE */
	TEXT_MALFORMED,
	TEXT_LOOPBACK,
	TEXT_OPENED,
	TEXT_TCP_RULE,
	TEXT_TCP_SIZE,
	TEXT_TOO_LONG,
	TEXTS
};

/* The info code that goes with it; NG_EDE_NONE: the text is for the record alone. */
int text_ede(enum text text);
/* With its places filled from told; in the words arena. */
const char *text_word(struct ng_gate *gate, enum text text, const struct told *told);
/* As it stands in the table; NULL: there is none. */
const char *text_form(enum text text);
