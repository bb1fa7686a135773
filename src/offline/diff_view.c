/*
 * One name on one side, and which of two sides lets more through.
 *
 * Four grades, each more open than the one before: denied by a guard, that is by a wider scope or a
 * source of denials alone, which no later rule could undo; denied; denied until it is approved;
 * allowed. Of two allows the one with a port, a type, a private prefix or time that the other has
 * not lets more through.
 */
#include "offline/diff_inside.h"

#include <namegate/message.h>
#include <string.h>

const struct ng_policy *diff_policy(const struct diff_group *group, int side)
{
	static const struct ng_policy none;
	const struct setup_sandbox *sandbox = group->sides[side];
	return sandbox != NULL ? &sandbox->spec->policy : &none;
}

static bool is_guard(const struct diff *diff, const struct ng_decision *decision)
{
	const struct diff_source *source;
	if (decision->verdict != NG_DENY || !decision->matched)
		return false;
	if (decision->scope != NG_SCOPE_SANDBOX)
		return true;
	HASH_FIND_PTR(diff->inside->sources, &decision->match.ruleset, source);
	return source != NULL && source->denials;
}

void diff_look(const struct diff *diff, const struct diff_group *group, int side,
	       const struct ng_name *name, struct diff_view *out)
{
	const struct setup_sandbox *sandbox = group->sides[side];
	struct ng_decision decision;
	out->closed = sandbox == NULL || sandbox->spec->mode == NG_LOCKDOWN;
	out->verdict = NG_DENY;
	out->matched = out->guarded = false;
	if (out->closed)
		return;
	const struct ng_sandbox *spec = sandbox->spec;
	const struct ng_subject subject = {
		.names = name,
		.n_names = 1,
		.client = spec->n_sources > 0 ? &spec->sources[0].addr : NULL};
	ng_policy_judge(&spec->policy, &subject, &decision);
	out->verdict = decision.verdict;
	out->matched = decision.matched;
	out->scope = decision.scope;
	out->guarded = is_guard(diff, &decision);
	if (decision.matched)
		out->match = decision.match;
	memset(&out->bounds, 0, sizeof(out->bounds));
	if (decision.verdict == NG_ASK || decision.bounded)
		ng_policy_bounds(&spec->policy, &subject, &out->bounds);
}

/* ---- bounds ---- */

static unsigned sense_of(bool more, bool less)
{
	return (more ? DIFF_WIDENS : 0u) | (less ? DIFF_NARROWS : 0u);
}

static bool port_in(const struct ng_bounds *bounds, const struct ng_port *port)
{
	for (uint8_t i = 0; i < bounds->n_ports; i++) {
		if (bounds->ports[i].proto == port->proto &&
		    bounds->ports[i].port == port->port)
			return true;
	}
	return bounds->n_ports == 0;
}

/* Has a some port that b has not? No ports are all ports. */
static bool more_ports(const struct ng_bounds *a, const struct ng_bounds *b)
{
	if (a->n_ports == 0)
		return b->n_ports != 0;
	for (uint8_t i = 0; i < a->n_ports; i++) {
		if (!port_in(b, &a->ports[i]))
			return true;
	}
	return false;
}

static const uint16_t standard[] = {NG_TYPE_A, NG_TYPE_AAAA}; /* of a rule without types */

static const uint16_t *types_of(const struct ng_bounds *bounds, size_t *n)
{
	*n = bounds->n_types > 0 ? bounds->n_types : sizeof(standard) / sizeof(standard[0]);
	return bounds->n_types > 0 ? bounds->types : standard;
}

static bool more_types(const struct ng_bounds *a, const struct ng_bounds *b)
{
	size_t n_a, n_b;
	const uint16_t *types_a = types_of(a, &n_a), *types_b = types_of(b, &n_b);
	for (size_t i = 0; i < n_a; i++) {
		size_t j = 0;
		while (j < n_b && types_b[j] != types_a[i])
			j++;
		if (j == n_b)
			return true;
	}
	return false;
}

static bool more_opened(const struct ng_bounds *a, const struct ng_bounds *b)
{
	for (uint8_t i = 0; i < a->n_opened; i++) {
		if (!diff_covered(&a->opened[i], b->opened, b->n_opened))
			return true;
	}
	return false;
}

/* 0 is no bound at all, so one less than it is the most there is. */
static bool longer(uint32_t a_s, uint32_t b_s)
{
	return a_s - 1 > b_s - 1;
}

unsigned diff_weigh_bounds(const struct ng_bounds *old, const struct ng_bounds *new)
{
	return sense_of(more_ports(new, old), more_ports(old, new)) |
	       sense_of(more_types(new, old), more_types(old, new)) |
	       sense_of(more_opened(new, old), more_opened(old, new)) |
	       sense_of(longer(new->lease_max_s, old->lease_max_s),
			longer(old->lease_max_s, new->lease_max_s)) |
	       sense_of(old->strict && !new->strict, new->strict && !old->strict);
}

/* ---- verdicts ---- */

/* guards: a guard counts. It does not where a sandbox is closed anyway, or is not there. */
static unsigned grade(const struct diff_view *view, bool guards)
{
	static const unsigned grades[] = {[NG_DENY] = 1, [NG_ASK] = 2, [NG_ALLOW] = 3};
	return guards && view->guarded ? 0 : grades[view->verdict];
}

static enum ng_rule_action action_of(const struct diff_view *view)
{
	return view->matched ? view->match.action : NG_ACTION_NXDOMAIN;
}

unsigned diff_mildness(enum ng_rule_action action)
{
	static const unsigned mildness[] = {
		[NG_ACTION_NXDOMAIN] = 0, [NG_ACTION_NODATA] = 0,   [NG_ACTION_DROP] = 0,
		[NG_ACTION_ASK] = 1,      [NG_ACTION_TCP_ONLY] = 2, [NG_ACTION_LOCAL] = 2,
		[NG_ACTION_PASSTHRU] = 3,
	};
	return mildness[action];
}

bool diff_local_equal(const struct ng_match *a, const struct ng_match *b)
{
	struct ng_local one, other;
	uint32_t at_a = 0, at_b = 0;
	for (;;) {
		bool more = ng_match_local(a, &at_a, &one);
		if (more != ng_match_local(b, &at_b, &other))
			return false;
		if (!more)
			return true;
		if (one.type != other.type || one.ttl != other.ttl ||
		    one.rdlen != other.rdlen || memcmp(one.rdata, other.rdata, one.rdlen) != 0)
			return false;
	}
}

/* Other records of a rule may lead to other addresses. */
static unsigned weigh_actions(const struct diff_view *old, const struct diff_view *new)
{
	enum ng_rule_action before = action_of(old), after = action_of(new);
	if (before == after)
		return before != NG_ACTION_LOCAL || diff_local_equal(&old->match, &new->match)
			       ? 0
			       : DIFF_WIDENS | DIFF_NARROWS;
	if (old->verdict == NG_DENY)
		return DIFF_OTHER;
	unsigned was = diff_mildness(before), is = diff_mildness(after);
	return was == is ? DIFF_WIDENS | DIFF_NARROWS : sense_of(is > was, is < was);
}

unsigned diff_weigh(const struct diff_view *old, const struct diff_view *new)
{
	bool open = !old->closed && !new->closed;
	unsigned was = grade(old, open), is = grade(new, open);
	if (was != is)
		return sense_of(is > was, is < was);
	if (!open)
		return 0;
	unsigned sense = weigh_actions(old, new);
	return old->verdict == NG_DENY ? sense
				       : sense | diff_weigh_bounds(&old->bounds, &new->bounds);
}
