/*
 * Which upstream a name belongs to: the forward zone with the most labels that the name is within.
 * The routes stand sorted by zone length, longest first, so the first that fits is the one.
 */
#include "gate/engine.h"

const struct route *route_of(const struct ng_gate *gate, const struct ng_name *name)
{
	for (size_t i = 0; i < gate->n_routes; i++) {
		if (ng_name_within(name, &gate->routes[i].spec.zone))
			return &gate->routes[i];
	}
	return NULL;
}
