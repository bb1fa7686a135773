/*
 * Hearing of foreign changes to our table. Only needed where the table cannot be owned: nobody but
 * the owner can change an owned one.
 */
#pragma once

#include "warden/netlink.h"

struct watch {
	struct netlink netlink;
	bool listening;
};

/* writer: the port whose own changes are not to be heard. NG_E_IO, NG_E_NOMEM. */
int watch_open(struct watch *watch, uint32_t writer) NG_MUST_CHECK;
void watch_close(struct watch *watch); /* takes NULL */
int watch_listen(struct watch *watch) NG_MUST_CHECK;
/* Reads what was heard; true when somebody touched that table, or may have. */
bool watch_touched(struct watch *watch, const char *table);
struct watched { /* a set, and the table that it stands in */
	uint8_t family;
	const char *table, *set;
};
/* The same of sets: true when one of them, its elements or its table was touched, or may have been. */
bool watch_touched_sets(struct watch *watch, const struct watched *sets, size_t n);
