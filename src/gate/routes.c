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

const struct route *route_by_id(const struct ng_gate *gate, uint32_t id)
{
	for (size_t i = 0; i < gate->n_routes; i++) {
		if (gate->routes[i].spec.id == id)
			return &gate->routes[i];
	}
	return NULL;
}

void answer_trust(const struct ng_gate *gate, uint32_t id, struct ng_answer *answer)
{
	const struct route *route = route_by_id(gate, id);

	answer->authentic = answer->authentic && route && route->spec.trust_ad;
}
