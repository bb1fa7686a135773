/*
 * Where the packets of each sandbox go that the kernel does not let pass: the places that it tries
 * most, TARGETS_EACH of them, whatever it does. Counted are the packets that were seen one by one;
 * how many were not is known too.
 */
#pragma once

#include "base/wall.h"

#include <namegate/gate.h>

#define TARGETS_EACH 16

struct target_list;
struct targets {
	struct target_list *by_sandbox, **all; /* owned */
	size_t n, room;
};
void targets_finish(struct targets *targets); /* takes NULL */
/* A record of blocked packets; any other is passed over. Without memory it is forgotten. */
void targets_note(struct targets *targets, uint64_t now_us, const struct ng_record *record);
void targets_forget(struct targets *targets, uint32_t sandbox);
/* The row behind *cursor (start with 0), the most frequent of a sandbox first; false at the end. */
bool targets_at(const struct targets *targets, uint64_t *cursor, struct wall_target *out);
