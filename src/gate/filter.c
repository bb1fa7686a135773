/*
 * Which addresses of an answer may be handed to this sandbox at all.
 *
 * Out goes what no setting opens, what is private and not opted in by the sandbox or by the route
 * of the name that owns the address, and what belongs to the gate, its host, an upstream or
 * another sandbox. An address of a family in which the sandbox has no source, or for which
 * the kernel has no set, could not be leased: it goes as well, but nobody did anything wrong. Signatures leave with the first record removed.
 */
#include "gate/engine.h"

#include <string.h>

static bool is_own(const struct ng_gate *gate, const struct ng_addr *addr)
{
	for (size_t i = 0; i < gate->n_own; i++) {
		if (ng_prefix_contains(&gate->own[i], addr))
			return true;
	}
	return directory_by_source(&gate->directory, addr, NULL) != NULL;
}

bool addr_allowed(const struct ng_gate *gate, const struct sandbox *sandbox,
		  const struct ng_bounds *bounds, const struct ng_name *owner,
		  const struct ng_addr *addr)
{
	const struct ng_sandbox *spec = &sandbox->spec;
	const struct route *route;

	if (is_own(gate, addr))
		return false;
	if (ng_addr_openable(addr, spec->opened, spec->n_opened) ||
	    ng_addr_openable(addr, bounds->opened, bounds->n_opened))
		return true;
	route = route_of(sandbox, owner);
	return route && ng_addr_openable(addr, route->spec.opened, route->spec.n_opened);
}

/* Is there a source that the kernel could pair with an address of that family? */
static bool reachable(const struct ng_gate *gate, const struct query *query,
		      const struct ng_addr *addr)
{
	if (addr->family == NG_IPV4 ? gate->settings.no_ipv4 : gate->settings.no_ipv6)
		return false;
	for (size_t i = 0; i < query->sandbox->spec.n_sources; i++) {
		const struct ng_prefix *prefix = &query->sandbox->spec.sources[i];

		if (prefix->addr.family != addr->family)
			continue;
		if (ng_prefix_is_host(prefix) || ng_prefix_contains(prefix, &query->from))
			return true;
	}
	return false;
}

static bool repeated(const struct query *query, size_t n, const struct ng_rr *rr)
{
	for (size_t i = 0; i < n; i++) {
		if (query->rrs[i].type == rr->type && rr->rdlen == query->rrs[i].rdlen &&
		    memcmp(query->rrs[i].rdata, rr->rdata, rr->rdlen) == 0)
			return true;
	}
	return false;
}

/*
 * The target of a service record is where the client goes next. It is judged like an alias, but since
 * the client asks for its addresses itself, one without a rule would only lead it astray.
 */
static bool service_kept(const struct query *query, const struct ng_rr *rr)
{
	struct ng_name target;

	if (rr->rdlen < 3 || ng_name_from_wire(rr->rdata + 2, rr->rdlen - 2u, &target))
		return false;
	if (target.len == 1 || ng_name_equal(&target, rr->owner))
		return true;
	ng_name_lower(&target);
	return name_allowed(query->sandbox, &query->from, &target);
}

static bool keeps(struct ng_gate *gate, struct query *query, size_t n, const struct ng_rr *rr,
		  struct filtered *out)
{
	struct ng_addr addr;

	if (rr->type == NG_TYPE_HTTPS || rr->type == NG_TYPE_SVCB)
		return service_kept(query, rr);
	if (!rr_is_address(rr))
		return true;
	addr = rr_addr(rr);
	if (out->n_addrs == NG_ADDRS_MAX || repeated(query, n, rr))
		return false;
	if (!addr_allowed(gate, query->sandbox, &query->bounds, rr->owner, &addr)) {
		if (out->removed)
			out->removed[out->n_removed] = addr;
		out->n_removed++;
		return false;
	}
	if (!reachable(gate, query, &addr)) {
		out->n_unreachable++;
		return false;
	}
	out->n_addrs++;
	return true;
}

static void unsign(struct query *query)
{
	size_t n = 0;

	for (size_t i = 0; i < query->n; i++) {
		if (query->rrs[i].type != NG_TYPE_RRSIG)
			query->rrs[n++] = query->rrs[i];
	}
	query->n = n;
}

void filter_apply(struct ng_gate *gate, struct query *query, struct filtered *out)
{
	size_t n = 0, before = query->n;

	*out = (struct filtered){0};
	out->removed = arena_alloc(&gate->words, (query->n + 1) * sizeof(*out->removed));
	for (size_t i = 0; i < query->n; i++) {
		if (keeps(gate, query, n, &query->rrs[i], out))
			query->rrs[n++] = query->rrs[i];
	}
	query->n = n;
	if (n == before)
		return;
	unsign(query);
	query_prove(query, false);
}
