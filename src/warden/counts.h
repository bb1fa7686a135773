/*
 * Counters of the table with names of their own: how many packets of a sandbox were dropped or let
 * pass, and how many of those have been reported. Rules find a sandbox's counters by source or by
 * interface in maps, so a flood makes no element and fills no set, and the numbers outlive every
 * process.
 */
#pragma once

#include "warden/netlink.h"
#include "warden/sets.h"

enum count_kind {
	COUNT_REFUSED = 0,
	COUNT_OBSERVED, /* passed, though nothing opened it */
	COUNT_FORGED,   /* dropped before it was anybody's */
	COUNT_FRAMES,   /* dropped at its port of a bridge; counted in the table for bridges */
	COUNT_KINDS
};
#define COUNT_NAME_MAX 32
#define COUNT_NOBODY   0 /* in place of a sandbox's id: an interface that is not one sandbox's */

struct count_name {
	uint32_t sandbox;
	uint8_t kind; /* enum count_kind */
	bool told;    /* of the packets that were counted, those that were reported */
};
/* "refused-42", "told-refused-42" */
void count_name_text(const struct count_name *name, char out[static COUNT_NAME_MAX]);
bool count_name_parse(const char *text, struct count_name *out);

/* Which table's it is: NFPROTO_INET or NFPROTO_BRIDGE. */
uint8_t count_family(const struct count_name *name);

/* The counter is to be there, beginning with packets; one that is there goes on as it is. */
void op_counter(struct ops *ops, const struct count_name *name, uint64_t packets);
/* It is to have exactly that value. Nothing may point to it. */
void op_counter_set(struct ops *ops, const struct count_name *name, uint64_t packets);
void op_counter_remove(struct ops *ops, const struct count_name *name, uint32_t tag);
/* Value of an element in a map to counters. */
void op_count_value(struct op *op, uint32_t sandbox, enum count_kind kind);
/* The same as the kernel lists it; false for a name that is not ours. */
bool count_value_read(const char *name, uint8_t value[static VALUE_MAX]);
/* For a message about an element: the name that its value stands for. */
void count_value_text(const uint8_t *value, char out[static COUNT_NAME_MAX]);
/* A message that makes or removes the counter of that op. */
void counter_write(const struct op *op, struct nlmsghdr *message, const char *table);

/* NG_E_NOTFOUND, NG_E_KERNEL, NG_E_IO. */
int counter_read(struct netlink *netlink, const char *table, const struct count_name *name,
		 uint64_t *out) NG_MUST_CHECK;
typedef void counter_fn(void *who, const struct count_name *name, uint64_t packets);
/* Each of ours, of both tables; none when there is no such table. */
int counters_dump(struct netlink *netlink, const char *table, counter_fn *each,
		  void *who) NG_MUST_CHECK;
