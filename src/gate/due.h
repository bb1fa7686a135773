/*
 * A heap of items that their owner knows by number, each with a time; the least is at the top. The owner
 * of an item is told where it stands, to have it moved and taken.
 *
 * An item may stand there with a time before its own: who asks for the top then puts that right first.
 * So a time that only grows, and often, costs nothing until the one in here has come.
 */
#pragma once

#include <namegate/error.h>
#include <stddef.h>
#include <stdint.h>

struct due_item {
	uint64_t at_us;
	uint32_t item;
} __attribute__((packed, aligned(4))); /* of very many of them */

struct due {            /* `of` and place are to be set before the first item */
	const void *of; /* what place is given first */
	uint32_t *(*place)(const void *of,
			   uint32_t item); /* 1 + where it stands; 0: not in it */
	struct due_item *items;
	size_t n, room;
};

int due_put(struct due *due, uint32_t item, uint64_t at_us) NG_MUST_CHECK; /* NG_E_NOMEM */
void due_move(const struct due *due, uint32_t place, uint64_t at_us);
void due_take(struct due *due, uint32_t place);
void due_finish(struct due *due); /* `of` and place stay */
