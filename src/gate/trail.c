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

/*
 * The names stand first, in wire form, then the addresses: of each its family, then its 4 octets or
 * 16. Mostly that is less than the room that the allocator gives to the least of all blocks.
 */
struct trail {
	uint32_t uses;
	uint16_t watches, names_len;
	uint8_t n_addrs, n_names, held;
	uint8_t local : 7, replaces : 1;
	uint8_t octets[];
};

_Static_assert((NG_CHAIN_MAX + 1) * NG_NAME_MAX <= UINT16_MAX, "names_len holds that");
_Static_assert(NG_ADDRS_MAX *NG_PORTS_MAX < UINT16_MAX, "uses holds a query and its leases");
_Static_assert(NG_ADDRS_MAX <= UINT8_MAX, "n_addrs holds that");
_Static_assert(NG_CHAIN_MAX + 1 <= 127, "local holds that");

static uint64_t room_of(const struct ng_gate *gate)
{
	return (uint64_t)gate->settings.limits.leases_sandbox * NG_TRAIL_SHARE;
}

/* What it counts for in the sandbox's room, where each address has the room of a long one. */
static uint64_t share_of(const struct trail *trail)
{
	return trail->names_len + trail->n_addrs * sizeof(struct ng_addr);
}

static size_t packed_len(const struct ng_addr *addrs, size_t n)
{
	size_t len = n;

	for (size_t i = 0; i < n; i++)
		len += ng_addr_len(&addrs[i]);
	return len;
}

size_t trail_size(const struct trail *trail)
{
	size_t len = trail->names_len;

	for (size_t i = 0; i < trail->n_addrs; i++)
		len += trail->octets[len] == NG_IPV4 ? 1 + 4 : 1 + 16;
	return offsetof(struct trail, octets) + len;
}

static void fill(struct trail *trail, const struct ng_trail *from)
{
	uint8_t *to = trail->octets;

	for (size_t i = 0; i < from->n_names; i++) {
		memcpy(to, from->names[i].wire, from->names[i].len);
		to += from->names[i].len;
	}
	for (size_t i = 0; i < trail->n_addrs; i++) {
		const size_t len = ng_addr_len(&from->addrs[i]);

		*to++ = from->addrs[i].family;
		memcpy(to, from->addrs[i].bytes, len);
		to += len;
	}
}

static size_t names_len_of(const struct ng_trail *from)
{
	size_t len = 0;

	for (size_t i = 0; i < from->n_names; i++)
		len += from->names[i].len;
	return len;
}

int trail_make(struct ng_gate *gate, struct sandbox *sandbox, const struct ng_trail *from,
	       struct trail **out)
{
	const size_t n_addrs = from->n_addrs < NG_ADDRS_MAX ? from->n_addrs : NG_ADDRS_MAX;
	const size_t names_len = names_len_of(from);
	struct trail *trail;

	if (sandbox->trail_octets + names_len + n_addrs * sizeof(*from->addrs) > room_of(gate))
		return NG_E_FULL;
	trail = malloc(offsetof(struct trail, octets) + names_len +
		       packed_len(from->addrs, n_addrs));
	if (!trail)
		return NG_E_NOMEM;
	*trail = (struct trail){
		.uses = 1,
		.names_len = (uint16_t)names_len,
		.n_addrs = (uint8_t)n_addrs,
		.n_names = (uint8_t)from->n_names,
		.held = (uint8_t)path_held(sandbox, from),
		.local = from->local & 127,
		.replaces = from->replaces,
	};
	fill(trail, from);
	sandbox->trail_octets += share_of(trail);
	gate->counters.trails++;
	gate->counters.trail_octets += trail_size(trail);
	*out = trail;
	return NG_OK;
}

struct trail *trail_share(struct trail *trail)
{
	trail->uses++;
	return trail;
}

void trail_release(struct ng_gate *gate, struct sandbox *sandbox, struct trail *trail)
{
	if (!trail || --trail->uses)
		return;
	sandbox->trail_octets -= share_of(trail);
	gate->counters.trails--;
	gate->counters.trail_octets -= trail_size(trail);
	if (!trail->watches)
		free(trail);
}

bool trail_watch(struct trail *trail)
{
	if (trail->watches == UINT16_MAX)
		return false;
	trail->watches++;
	return true;
}

void trail_unwatch(struct trail *trail)
{
	if (!--trail->watches && !trail->uses)
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
	const size_t n = as->n_addrs < NG_ADDRS_MAX ? as->n_addrs : NG_ADDRS_MAX;
	const uint8_t *at = trail->octets + trail->names_len;

	if (trail->n_addrs != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const size_t len = ng_addr_len(&as->addrs[i]);

		if (*at++ != as->addrs[i].family || memcmp(at, as->addrs[i].bytes, len) != 0)
			return false;
		at += len;
	}
	return true;
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

static const uint8_t *addr_at(const uint8_t *at, struct ng_addr *out)
{
	*out = (struct ng_addr){.family = *at++};
	memcpy(out->bytes, at, ng_addr_len(out));
	return at + ng_addr_len(out);
}

void trail_read(const struct trail *trail, struct trail_view *out)
{
	const uint8_t *at = trail->octets;

	for (size_t i = 0; i < trail->n_names; i++)
		at = name_at(at, &out->names[i]);
	for (size_t i = 0; i < trail->n_addrs; i++)
		at = addr_at(at, &out->addrs[i]);
	out->trail = (struct ng_trail){
		.names = out->names,
		.n_names = trail->n_names,
		.addrs = out->addrs,
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
