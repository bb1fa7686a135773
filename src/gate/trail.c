/*
 * Trails: how a name came to an address, kept for as long as a lease rests on it.
 *
 * What opened an address is not the asked name alone: alias targets may be denied, may need rules of
 * their own and bound ports, and rules for answers look at all of its addresses. So a lease remembers
 * all of that, and a reload asks of it what it would ask of the question. The leases of one answer
 * share one trail; a sandbox has room for so much of them as its leases may need.
 */
#include "gate/engine.h"

#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

/* The names stand first, in wire form, then the addresses. */
struct trail {
	uint32_t uses;
	uint16_t n_addrs;
	uint8_t n_names, held, local;
	bool replaces;
	size_t names_len, len;
	uint8_t octets[];
};

static uint64_t room_of(const struct ng_gate *gate)
{
	return (uint64_t)gate->settings.limits.leases_sandbox * NG_TRAIL_SHARE;
}

static void fill(struct trail *trail, const struct ng_trail *from)
{
	uint8_t *to = trail->octets;

	for (size_t i = 0; i < from->n_names; i++) {
		memcpy(to, from->names[i].wire, from->names[i].len);
		to += from->names[i].len;
	}
	memcpy(to, from->addrs, trail->n_addrs * sizeof(*from->addrs));
}

int trail_make(const struct ng_gate *gate, struct sandbox *sandbox, const struct ng_trail *from,
	       struct trail **out)
{
	size_t n_addrs = from->n_addrs < NG_ADDRS_MAX ? from->n_addrs : NG_ADDRS_MAX;
	size_t names_len = 0, len;
	struct trail *trail;

	for (size_t i = 0; i < from->n_names; i++)
		names_len += from->names[i].len;
	len = names_len + n_addrs * sizeof(*from->addrs);
	if (sandbox->trail_octets + len > room_of(gate))
		return NG_E_FULL;
	trail = calloc(1, sizeof(*trail) + len);
	if (!trail)
		return NG_E_NOMEM;
	trail->uses = 1;
	trail->n_names = (uint8_t)from->n_names;
	trail->n_addrs = (uint16_t)n_addrs;
	trail->held = (uint8_t)path_held(gate, from);
	trail->local = from->local;
	trail->replaces = from->replaces;
	trail->names_len = names_len;
	trail->len = len;
	fill(trail, from);
	sandbox->trail_octets += len;
	*out = trail;
	return NG_OK;
}

struct trail *trail_share(struct trail *trail)
{
	trail->uses++;
	return trail;
}

void trail_release(struct sandbox *sandbox, struct trail *trail)
{
	if (!trail || --trail->uses)
		return;
	sandbox->trail_octets -= trail->len;
	free(trail);
}

bool trail_leads(const struct trail *trail, const struct ng_trail *as)
{
	const uint8_t *at = trail->octets;

	if (trail->n_names != as->n_names || trail->local != as->local ||
	    trail->replaces != as->replaces)
		return false;
	for (size_t i = 0; i < as->n_names; i++) {
		if ((size_t)(trail->octets + trail->names_len - at) < as->names[i].len ||
		    memcmp(at, as->names[i].wire, as->names[i].len) != 0)
			return false;
		at += as->names[i].len;
	}
	return true;
}

bool trail_answers(const struct trail *trail, const struct ng_trail *as)
{
	size_t n = as->n_addrs < NG_ADDRS_MAX ? as->n_addrs : NG_ADDRS_MAX;

	return trail->n_addrs == n &&
	       memcmp(trail->octets + trail->names_len, as->addrs, n * sizeof(*as->addrs)) == 0;
}

uint64_t trail_way(const struct ng_trail *trail)
{
	uint64_t way = (uint64_t)trail->replaces << 8 | trail->local;

	if (trail->n_names == 1)
		return way;
	for (size_t i = 0; i < trail->n_names; i++)
		way = hash_octets(trail->names[i].wire, trail->names[i].len, way);
	return way;
}

/* Names within a trail were checked when it was made: each is as long as its labels say. */
static const uint8_t *name_at(const uint8_t *at, struct ng_name *out)
{
	size_t len = 0;

	while (at[len])
		len += 1u + at[len];
	out->len = (uint8_t)++len;
	memcpy(out->wire, at, len);
	return at + len;
}

void trail_read(const struct trail *trail, struct trail_view *out)
{
	const uint8_t *at = trail->octets;

	for (size_t i = 0; i < trail->n_names; i++)
		at = name_at(at, &out->names[i]);
	out->trail = (struct ng_trail){
		.names = out->names,
		.n_names = trail->n_names,
		.addrs = (const struct ng_addr *)at,
		.n_addrs = trail->n_addrs,
		.local = trail->local,
		.replaces = trail->replaces,
	};
}

struct ng_name trail_name(const struct trail *trail)
{
	const uint8_t *at = trail->octets;
	struct ng_name name;

	for (size_t i = 0; i <= trail->held; i++)
		at = name_at(at, &name);
	return name;
}
