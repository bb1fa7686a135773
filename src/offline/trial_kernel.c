/*
 * The rules of the warden's table in their order, as a packet of a trial meets them. The warden has
 * the last word over what it is ordered, so its own judgement (never-open ranges, lockdown) is part
 * of what passes here.
 */
#include "config.h"

#include "offline/trial_inside.h"

#include "base/never.h"

#define DNS_PORT 53

/* The never-open prefix that holds an address. */
static bool never_find(const struct ng_addr *addr, struct ng_prefix *out)
{
	struct ng_prefix never[NEVER_MAX];
	size_t n = never_prefixes((enum ng_family)addr->family, never);
	for (size_t i = 0; i < n; i++) {
		if (!ng_prefix_contains(&never[i], addr))
			continue;
		*out = never[i];
		return true;
	}
	return false;
}

static bool is_never(const struct ng_addr *addr)
{
	struct ng_prefix prefix;
	return never_find(addr, &prefix);
}

/* The first address behind a prefix; false when it is the last of all. */
static bool address_behind(const struct ng_prefix *prefix, struct ng_addr *out)
{
	size_t len = ng_addr_len(&prefix->addr);
	*out = prefix->addr;
	for (size_t bit = prefix->bits; bit < 8 * len; bit++)
		out->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	for (size_t i = len; i-- > 0;) {
		if (++out->bytes[i] != 0)
			return true;
	}
	return false;
}

/* The first address of a prefix that no never-open range holds; false when there is none. */
static bool first_openable(const struct ng_prefix *prefix, struct ng_addr *out)
{
	struct ng_addr addr = prefix->addr;
	struct ng_prefix never;
	while (never_find(&addr, &never)) {
		if (!address_behind(&never, &addr) || !ng_prefix_contains(prefix, &addr))
			return false;
	}
	*out = addr;
	return true;
}

enum trial_how trial_port_how(struct ng_port port)
{
	if (port.proto != 6 && port.proto != 17)
		return TRIAL_OPEN;
	if (port.port == DNS_PORT)
		return TRIAL_DNS;
	for (size_t i = 0; i < NEVER_PORTS; i++) {
		if (port.port == never_ports[i])
			return TRIAL_HIDDEN;
	}
	return TRIAL_OPEN;
}

/* Does what is open for one port let a packet to the wanted one pass? */
static bool port_fits(struct ng_port open, struct ng_port wanted)
{
	if (open.proto == 0)
		return true;
	if (wanted.proto == 0)
		return trial_port_how(open) == TRIAL_OPEN;
	return open.proto == wanted.proto && open.port == wanted.port;
}

static bool has_family(const struct ng_sandbox *spec, uint8_t family)
{
	for (size_t i = 0; i < spec->n_sources; i++) {
		if (spec->sources[i].addr.family == family)
			return true;
	}
	return false;
}

/* What closes a destination before any lease is looked at. */
static enum trial_how closed(const struct ng_sandbox *spec, uint8_t family, struct ng_port port)
{
	if (spec->mode == NG_LOCKDOWN)
		return TRIAL_LOCKDOWN;
	return has_family(spec, family) ? trial_port_how(port) : TRIAL_FAMILY;
}

static bool say_lease(const struct standing *standing, struct trial_way *way)
{
	way->how = TRIAL_LEASED;
	way->addr = standing->shown.addr;
	way->element = &standing->shown;
	return true;
}

static void place_static(const struct ng_policy *policy, const struct wall_static *fixed,
			 struct ng_place *out)
{
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		for (size_t i = 0; i < policy->scopes[scope].n; i++) {
			const struct ng_ruleset *source = policy->scopes[scope].sources[i];
			struct ng_static one;
			for (uint32_t cursor = 0; ng_ruleset_static(source, &cursor, &one);) {
				if (one.prefix.bits != fixed->prefix.bits ||
				    !ng_addr_equal(&one.prefix.addr, &fixed->prefix.addr) ||
				    one.port.proto != fixed->proto ||
				    one.port.port != fixed->port)
					continue;
				*out = (struct ng_place){ng_ruleset_path(source), one.line,
							 one.column};
				return;
			}
		}
	}
}

static bool say_static(const struct setup_sandbox *sandbox, const struct wall_static *fixed,
		       const struct ng_addr *addr, struct trial_way *way)
{
	way->how = TRIAL_STATIC;
	way->addr = *addr;
	way->fixed = fixed;
	place_static(&sandbox->spec->policy, fixed, &way->rule);
	return true;
}

static struct ng_port static_port(const struct wall_static *fixed)
{
	return (struct ng_port){.proto = fixed->proto, .port = fixed->port};
}

bool trial_reaches(const struct trial *trial, const struct setup_sandbox *sandbox,
		   const struct ng_addr *to, struct ng_port port, struct trial_way *out)
{
	const struct ng_sandbox *spec = trial_spec(trial, sandbox);
	const struct spot *spot = trial_sets_find(trial, spec->id, to);
	const struct standing *standing;
	*out = (struct trial_way){.how = closed(spec, to->family, port), .addr = *to};
	if (out->how != TRIAL_OPEN)
		return false;
	out->how = is_never(to) ? TRIAL_NEVER : TRIAL_SHUT;
	if (out->how == TRIAL_NEVER)
		return false;
	DL_FOREACH2(spot != NULL ? spot->standing : NULL, standing, spot_next)
	{
		if (port_fits(standing->shown.port, port))
			return say_lease(standing, out);
	}
	for (size_t i = 0; i < sandbox->grants.n_statics; i++) {
		const struct wall_static *fixed = &sandbox->grants.statics[i];
		if (port_fits(static_port(fixed), port) &&
		    ng_prefix_contains(&fixed->prefix, to))
			return say_static(sandbox, fixed, to, out);
	}
	if (spec->mode == NG_OBSERVE)
		out->how = TRIAL_OBSERVED;
	return out->how >= TRIAL_OPEN;
}

bool trial_reaches_within(const struct trial *trial, const struct setup_sandbox *sandbox,
			  const struct ng_prefix *prefix, struct ng_port port,
			  struct trial_way *out)
{
	const struct ng_sandbox *spec = trial_spec(trial, sandbox);
	const struct standing *standing;
	struct ng_addr addr;
	*out = (struct trial_way){.how = closed(spec, prefix->addr.family, port),
				  .addr = prefix->addr};
	if (out->how != TRIAL_OPEN)
		return false;
	out->how = first_openable(prefix, &addr) ? TRIAL_SHUT : TRIAL_NEVER;
	if (out->how == TRIAL_NEVER)
		return false;
	struct trial_within within = {.stand = &trial->stands[spec->id - 1], .prefix = prefix};
	while ((standing = trial_sets_within(&within)) != NULL) {
		if (port_fits(standing->shown.port, port) && !is_never(&standing->shown.addr))
			return say_lease(standing, out);
	}
	for (size_t i = 0; i < sandbox->grants.n_statics; i++) {
		const struct wall_static *fixed = &sandbox->grants.statics[i];
		const struct ng_prefix *both =
			fixed->prefix.bits > prefix->bits ? &fixed->prefix : prefix;
		struct ng_addr open;
		if (port_fits(static_port(fixed), port) &&
		    ng_prefix_overlaps(&fixed->prefix, prefix) && first_openable(both, &open))
			return say_static(sandbox, fixed, &open, out);
	}
	if (spec->mode == NG_OBSERVE)
		*out = (struct trial_way){.how = TRIAL_OBSERVED, .addr = addr};
	return out->how >= TRIAL_OPEN;
}

/* Does a never-open range lie within the prefix, or hold it? */
static bool touches_never(const struct ng_prefix *prefix)
{
	struct ng_prefix never[NEVER_MAX];
	size_t n = never_prefixes((enum ng_family)prefix->addr.family, never);
	for (size_t i = 0; i < n; i++) {
		if (ng_prefix_overlaps(&never[i], prefix))
			return true;
	}
	return false;
}

bool trial_reaches_all(const struct trial *trial, const struct setup_sandbox *sandbox,
		       const struct ng_prefix *prefix, struct ng_port port,
		       struct trial_way *out)
{
	const struct ng_sandbox *spec = trial_spec(trial, sandbox);
	*out = (struct trial_way){.how = closed(spec, prefix->addr.family, port),
				  .addr = prefix->addr};
	if (out->how != TRIAL_OPEN)
		return false;
	out->how = touches_never(prefix) ? TRIAL_NEVER : TRIAL_SHUT;
	if (out->how == TRIAL_NEVER)
		return false;
	for (size_t i = 0; i < sandbox->grants.n_statics; i++) {
		const struct wall_static *fixed = &sandbox->grants.statics[i];
		if (port_fits(static_port(fixed), port) && fixed->prefix.bits <= prefix->bits &&
		    ng_prefix_contains(&fixed->prefix, &prefix->addr))
			return say_static(sandbox, fixed, &prefix->addr, out);
	}
	if (spec->mode == NG_OBSERVE)
		out->how = TRIAL_OBSERVED;
	return out->how >= TRIAL_OPEN;
}
