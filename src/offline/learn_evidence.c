/*
 * Evidence of a name: counts, times, types and ports. What it keeps of each has a bound; beyond it a
 * port that nobody took up gives way first, so that knocking at many doors does not push out the
 * ones that opened.
 */
#include "config.h"
#include "offline/learn_inside.h"

#include <netinet/in.h>

bool learn_port_used(const struct learn_port *port)
{
	return port->back || port->port.proto != IPPROTO_TCP;
}

void evidence_type(struct learn_evidence *evidence, uint16_t type, uint64_t count)
{
	size_t i = 0;

	while (i < evidence->n_types && evidence->types[i].type != type)
		i++;
	if (i == LEARN_TYPES_MAX) {
		evidence->types_lost = true;
		return;
	}
	if (i == evidence->n_types)
		evidence->types[evidence->n_types++] = (struct learn_type){.type = type};
	evidence->types[i].count += count;
}

struct learn_port *evidence_port_find(struct learn_evidence *evidence, struct ng_port port)
{
	for (size_t i = 0; i < evidence->n_ports; i++) {
		struct learn_port *known = &evidence->ports[i];

		if (known->port.proto == port.proto && known->port.port == port.port)
			return known;
	}
	return NULL;
}

/* A free place, or that of a port of no use; NULL: there is none. */
static struct learn_port *port_room(struct learn_evidence *evidence)
{
	if (evidence->n_ports < LEARN_PORTS_MAX)
		return &evidence->ports[evidence->n_ports++];
	for (size_t i = 0; i < LEARN_PORTS_MAX; i++) {
		if (!learn_port_used(&evidence->ports[i]))
			return &evidence->ports[i];
	}
	return NULL;
}

void evidence_port(struct learn_evidence *evidence, struct ng_port port, uint64_t count,
		   uint64_t back)
{
	struct learn_port *known = evidence_port_find(evidence, port);

	if (!known) {
		known = port_room(evidence);
		if (!known) {
			evidence->ports_lost = true;
			return;
		}
		*known = (struct learn_port){.port = port};
	}
	known->count += count;
	known->back += back;
}

void evidence_time(struct learn_evidence *evidence, uint64_t wall_us)
{
	if (!evidence->first_us || wall_us < evidence->first_us)
		evidence->first_us = wall_us;
	if (wall_us > evidence->last_us)
		evidence->last_us = wall_us;
}

static void private_add(struct learn_evidence *evidence, const struct ng_prefix *prefix)
{
	for (size_t i = 0; i < evidence->n_privates; i++) {
		if (ng_addr_equal(&evidence->privates[i].addr, &prefix->addr))
			return;
	}
	if (evidence->n_privates < NG_RULE_PRIVATE_MAX)
		evidence->privates[evidence->n_privates++] = *prefix;
	else
		evidence->privates_lost = true;
}

void evidence_addr(struct learn_evidence *evidence, const struct ng_addr *addr)
{
	const struct ng_prefix host = {.addr = *addr, .bits = (uint8_t)(8 * ng_addr_len(addr))};
	enum ng_reach reach = ng_addr_reach(addr);

	evidence->addressed = true;
	if (reach == NG_REACH_PRIVATE)
		private_add(evidence, &host);
	evidence->never |= reach == NG_REACH_NEVER;
}

void evidence_merge(struct learn_evidence *into, const struct learn_evidence *from)
{
	into->asked += from->asked;
	into->answered += from->answered;
	into->denied += from->denied;
	into->empty += from->empty;
	into->failed += from->failed;
	into->blocked += from->blocked;
	if (from->first_us) {
		evidence_time(into, from->first_us);
		evidence_time(into, from->last_us);
	}
	for (size_t i = 0; i < from->n_types; i++)
		evidence_type(into, from->types[i].type, from->types[i].count);
	for (size_t i = 0; i < from->n_ports; i++)
		evidence_port(into, from->ports[i].port, from->ports[i].count,
			      from->ports[i].back);
	for (size_t i = 0; i < from->n_privates; i++)
		private_add(into, &from->privates[i]);
	into->types_lost |= from->types_lost;
	into->ports_lost |= from->ports_lost;
	into->privates_lost |= from->privates_lost;
	into->never |= from->never;
	into->addressed |= from->addressed;
	into->wire |= from->wire;
	into->unseen |= from->unseen;
	into->doubted |= from->doubted;
}
