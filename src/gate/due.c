/* The textbook heap. Its room grows by a quarter: of an array as large as this the pages move, not the octets. */
#include "gate/due.h"

#include <stdlib.h>

#define LEAST_ROOM 64

static void set(const struct due *due, size_t i, struct due_item item)
{
	due->items[i] = item;
	*due->place(due->of, item.item) = (uint32_t)i + 1;
}

/* The item comes to i, which is free, or above it. */
static void up(const struct due *due, size_t i, struct due_item item)
{
	while (i > 0 && due->items[(i - 1) / 2].at_us > item.at_us) {
		set(due, i, due->items[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	set(due, i, item);
}

static void down(const struct due *due, size_t i, struct due_item item)
{
	for (size_t child = 2 * i + 1; child < due->n; child = 2 * i + 1) {
		if (child + 1 < due->n && due->items[child + 1].at_us < due->items[child].at_us)
			child++;
		if (due->items[child].at_us >= item.at_us)
			break;
		set(due, i, due->items[child]);
		i = child;
	}
	set(due, i, item);
}

static int resize(struct due *due, size_t room)
{
	struct due_item *items = reallocarray(due->items, room, sizeof(*items));

	if (!items)
		return NG_E_NOMEM;
	due->items = items;
	due->room = room;
	return NG_OK;
}

int due_put(struct due *due, uint32_t item, uint64_t at_us)
{
	if (due->n == due->room &&
	    resize(due, due->room ? due->room + due->room / 4 : LEAST_ROOM))
		return NG_E_NOMEM;
	due->n++;
	up(due, due->n - 1, (struct due_item){.at_us = at_us, .item = item});
	return NG_OK;
}

/* Instead of what stood there with the time before_us. */
static void put_at(const struct due *due, size_t i, struct due_item item, uint64_t before_us)
{
	if (item.at_us < before_us)
		up(due, i, item);
	else
		down(due, i, item);
}

void due_move(const struct due *due, uint32_t place, uint64_t at_us)
{
	struct due_item item = due->items[place - 1];
	const uint64_t before_us = item.at_us;

	item.at_us = at_us;
	put_at(due, place - 1, item, before_us);
}

void due_take(struct due *due, uint32_t place)
{
	const struct due_item gone = due->items[place - 1], last = due->items[--due->n];

	*due->place(due->of, gone.item) = 0;
	if (due->n != place - 1)
		put_at(due, place - 1, last, gone.at_us);
	if (due->room > LEAST_ROOM && due->n < due->room / 4 && resize(due, due->room / 2))
		return; /* it stays as large as it is */
}

void due_finish(struct due *due)
{
	free(due->items);
	due->items = NULL;
	due->n = due->room = 0;
}
