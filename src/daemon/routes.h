/*
 * Numbers of forward zones, by which the worker keeps what it was told: one that stays as it is keeps its
 * number, and no number is ever given to another.
 */
#pragma once

#include "conf/conf.h"

struct route_number {
	uint64_t origin; /* conf_route_origin() */
	uint32_t id;
};

struct route_numbers {              /* the zero value has given none */
	struct route_number *known; /* in the last generation, by origin */
	size_t n_known;
	struct route_number *given; /* in this one so far */
	size_t n_given, room;
	uint32_t last;
};

/* The number of a route of the generation that is being told. */
struct route_number route_number(struct route_numbers *numbers, const struct conf_route *route);
/* That was all of it: what was not asked for is forgotten. */
void route_numbers_end(struct route_numbers *numbers);
void route_numbers_finish(struct route_numbers *numbers); /* takes NULL */
