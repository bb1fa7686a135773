/*
 * A route that is not remembered, because it is new or because memory was out, gets a number of its own:
 * at worst answers that might have been kept are asked for again.
 */
#include "daemon/routes.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct route_number *left = a, *right = b;
	return (left->origin > right->origin) - (left->origin < right->origin);
}

static void remember(struct route_numbers *numbers, const struct route_number *number)
{
	if (numbers->n_given == numbers->room) {
		size_t room = numbers->room ? 2 * numbers->room : 16;
		void *more = reallocarray(numbers->given, room, sizeof *numbers->given);
		if (!more)
			return;
		numbers->given = more;
		numbers->room = room;
	}
	numbers->given[numbers->n_given++] = *number;
}

struct route_number route_number(struct route_numbers *numbers, const struct conf_route *route)
{
	struct route_number number = {.origin = conf_route_origin(route)};
	const struct route_number *known =
		numbers->n_known ? bsearch(&number, numbers->known, numbers->n_known,
					   sizeof number, compare)
				 : NULL;
	number.id = known ? known->id : ++numbers->last;
	remember(numbers, &number);
	return number;
}

void route_numbers_end(struct route_numbers *numbers)
{
	free(numbers->known);
	numbers->known = numbers->given;
	numbers->n_known = numbers->n_given;
	numbers->given = NULL;
	numbers->n_given = numbers->room = 0;
	if (numbers->n_known)
		qsort(numbers->known, numbers->n_known, sizeof *numbers->known, compare);
}

void route_numbers_finish(struct route_numbers *numbers)
{
	if (!numbers)
		return;
	free(numbers->known);
	free(numbers->given);
	*numbers = (struct route_numbers){0};
}
