/*
 * From rules to a verdict.
 *
 * Inside a scope one rule speaks. The alias chain is walked from the asked name on, and the first
 * name that some source has a rule for ends the search (RPZ.md P1); at each name the sources are
 * asked in their order (P2), and a source is asked for the client, the name, the answer's addresses
 * (P4). The client belongs to the first name, the addresses to the last. A name that a later
 * source denies is denied at once, whatever an earlier source would say of the addresses (P2), and a
 * name that no rule speaks for is denied whatever rules there are for its aliases and addresses: so
 * what was denied before anything was sent is still so when the answer is there.
 *
 * Across scopes the most severe rule wins, the wider scope among equals; a scope that has no rule
 * is silent, and when all are silent the verdict is deny. Among allows those that change the
 * answer, local data and TCP first, are the more severe: a narrower scope may narrow.
 */
#include "policy/ruleset.h"

#include <string.h>

static const struct {
	enum ng_verdict verdict;
	uint8_t mildness;
} actions[] = {
	[NG_ACTION_NXDOMAIN] = {NG_DENY, 0},  [NG_ACTION_NODATA] = {NG_DENY, 0},
	[NG_ACTION_DROP] = {NG_DENY, 0},      [NG_ACTION_ASK] = {NG_ASK, 1},
	[NG_ACTION_LOCAL] = {NG_ALLOW, 2},    [NG_ACTION_TCP_ONLY] = {NG_ALLOW, 2},
	[NG_ACTION_PASSTHRU] = {NG_ALLOW, 3},
};

/* What one scope says. */
struct voice {
	struct ng_match match;
	bool matched;
	bool asked;    /* a rule for the asked name or the client itself */
	bool open;     /* the answer may change it */
	bool shadowed; /* a disabled source would have spoken first: */
	struct ng_match shadow;
};

static void shadow(struct voice *voice, const struct ng_match *match)
{
	if (!voice->shadowed)
		voice->shadow = *match;
	voice->shadowed = true;
}

/* The rule of the sources from..n that matches the client or the name; its index, or n. */
static uint8_t match_name(const struct ng_policy *policy, enum ng_scope scope, uint8_t from,
			  const struct ng_addr *client, const struct ng_name *name,
			  struct ng_match *out)
{
	uint8_t n = policy->scopes[scope].n, i = from;
	for (; i < n; i++) {
		const struct ng_ruleset *source = policy->scopes[scope].sources[i];
		if ((client != NULL &&
		     ruleset_match_addr(source, NG_TRIGGER_CLIENT, client, out)) ||
		    ng_ruleset_match(source, name, out))
			break;
	}
	return i;
}

/* An IPv4 prefix counts as the mapped one, so that lengths of both families compare. */
static unsigned length_of(const struct ng_prefix *prefix)
{
	return prefix->addr.family == NG_IPV4 ? prefix->bits + 96u : prefix->bits;
}

/* Is a the better match among the addresses of one answer (P6)? */
static bool better(const struct ng_match *a, const struct ng_match *b)
{
	unsigned len_a = length_of(&a->prefix), len_b = length_of(&b->prefix);
	if (len_a != len_b)
		return len_a > len_b;
	if (a->prefix.addr.family != b->prefix.addr.family)
		return a->prefix.addr.family < b->prefix.addr.family;
	return memcmp(a->prefix.addr.bytes, b->prefix.addr.bytes,
		      sizeof(a->prefix.addr.bytes)) < 0;
}

static bool match_answer(const struct ng_ruleset *source, const struct ng_subject *subject,
			 struct ng_match *out)
{
	struct ng_match match;
	bool found = false;
	if (!ruleset_watches(source, NG_TRIGGER_ANSWER))
		return false;
	for (size_t i = 0; i < subject->n_addrs; i++) {
		if (!ruleset_match_addr(source, NG_TRIGGER_ANSWER, &subject->addrs[i],
					&match) ||
		    (found && !better(&match, out)))
			continue;
		*out = match;
		found = true;
	}
	return found;
}

/* An address rule of the sources before `end`, in their order; disabled ones leave a shadow. */
static bool match_answers(const struct ng_policy *policy, enum ng_scope scope, uint8_t end,
			  const struct ng_subject *subject, struct voice *voice)
{
	for (uint8_t i = 0; i < end; i++) {
		struct ng_match match;
		if (!match_answer(policy->scopes[scope].sources[i], subject, &match))
			continue;
		if (match.disabled) {
			shadow(voice, &match);
			continue;
		}
		voice->match = match;
		voice->matched = true;
		return true;
	}
	return false;
}

static bool watched(const struct ng_policy *policy, enum ng_scope scope, uint8_t end)
{
	for (uint8_t i = 0; i < end; i++) {
		if (ruleset_watches(policy->scopes[scope].sources[i], NG_TRIGGER_ANSWER))
			return true;
	}
	return false;
}

/* One name of the chain; last: the addresses are its own. */
static void hear_name(const struct ng_policy *policy, enum ng_scope scope,
		      const struct ng_subject *subject, size_t link, struct voice *voice)
{
	uint8_t n = policy->scopes[scope].n, at = 0;
	const struct ng_addr *client = link == 0 ? subject->client : NULL;
	bool last = link + 1 == subject->n_names;
	for (;; at++) {
		at = match_name(policy, scope, at, client, &subject->names[link],
				&voice->match);
		if (at == n || !voice->match.disabled)
			break;
		shadow(voice, &voice->match);
	}
	if (at < n) {
		voice->matched = true;
		voice->asked = link == 0;
		if (actions[voice->match.action].verdict == NG_DENY)
			return;
	}
	if (last && subject->answered)
		match_answers(policy, scope, at, subject, voice);
	else if (last)
		voice->open = at < n ? watched(policy, scope, at) : n > 0;
}

static void hear(const struct ng_policy *policy, enum ng_scope scope,
		 const struct ng_subject *subject, struct voice *voice)
{
	voice->matched = voice->asked = voice->open = voice->shadowed = false;
	for (size_t i = 0; i < subject->n_names && !voice->matched; i++)
		hear_name(policy, scope, subject, i, voice);
}

/* Does a speak louder than what was decided so far? */
static bool louder(const struct ng_match *match, bool decided, const struct ng_match *so_far)
{
	return !decided || actions[match->action].mildness < actions[so_far->action].mildness;
}

/* What was decided about a name that a rule asks about; false: nothing yet. */
static bool settled(const struct ng_policy *policy, const struct ng_subject *subject,
		    struct ng_match *out)
{
	struct ng_match match;
	bool found = policy->approvals != NULL && subject->n_names > 0 &&
		     ng_ruleset_match(policy->approvals, &subject->names[0], &match) &&
		     actions[match.action].verdict != NG_ASK;
	if (found)
		*out = match;
	return found;
}

/* Disabled sources decide nothing, but the record says where they would have. */
struct would {
	bool decided, shadow;
	struct ng_match match;
};

static void would_hear(struct would *would, const struct voice *voice)
{
	const struct ng_match *match = voice->shadowed ? &voice->shadow : &voice->match;
	if ((!voice->shadowed && !voice->matched) ||
	    !louder(match, would->decided, &would->match))
		return;
	would->decided = true;
	would->shadow = voice->shadowed;
	would->match = *match;
}

/* Asked again, and only where a disabled source spoke: every other question is spared the room. */
static void judge_shadow(const struct ng_policy *policy, const struct ng_subject *subject,
			 struct ng_decision *decision)
{
	struct would would = {0};
	struct voice voice;
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		hear(policy, scope, subject, &voice);
		would_hear(&would, &voice);
	}
	decision->shadowed = would.shadow;
	if (would.shadow)
		decision->shadow = would.match;
}

void ng_policy_judge(const struct ng_policy *policy, const struct ng_subject *subject,
		     struct ng_decision *out)
{
	struct voice voice;
	bool shadows = false, asked = false;
	out->verdict = NG_DENY;
	out->matched = out->open = out->bounded = out->shadowed = false;
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		if (policy->scopes[scope].n == 0)
			continue;
		hear(policy, scope, subject, &voice);
		out->open |= voice.open;
		shadows |= voice.shadowed;
		asked |= voice.asked;
		if (!voice.matched)
			continue;
		out->bounded |= voice.match.extra != 0;
		if (!louder(&voice.match, out->matched, &out->match))
			continue;
		out->verdict = actions[voice.match.action].verdict;
		out->matched = true;
		out->scope = scope;
		out->match = voice.match;
	}
	if (shadows)
		judge_shadow(policy, subject, out);
	if (out->verdict != NG_DENY && !asked) { /* nothing would have been asked */
		out->verdict = NG_DENY;
		out->matched = false;
	}
	if (out->verdict == NG_ASK && settled(policy, subject, &out->match))
		out->verdict = actions[out->match.action].verdict;
	if (out->verdict != NG_ALLOW)
		out->open = out->bounded = false;
}

void ng_policy_decide(const struct ng_policy *policy, const struct ng_name *name,
		      struct ng_decision *out)
{
	const struct ng_subject subject = {.names = name, .n_names = 1};
	ng_policy_judge(policy, &subject, out);
}

/* ---- bounds ---- */

static bool type_in(const struct ng_bounds *bounds, uint16_t type)
{
	for (uint8_t i = 0; i < bounds->n_types; i++) {
		if (bounds->types[i] == type)
			return true;
	}
	return false;
}

/* What does not fit is left out: the union is then narrower than what was said, never wider. */
static void types_add(struct ng_bounds *to, const uint16_t *types, uint8_t n)
{
	for (uint8_t i = 0; i < n; i++) {
		if (!type_in(to, types[i]) && to->n_types < NG_TYPES_MAX)
			to->types[to->n_types++] = types[i];
	}
}

static void ports_add(struct ng_bounds *to, const struct ng_bounds *from)
{
	for (uint8_t i = 0; i < from->n_ports; i++) {
		const struct ng_port *port = &from->ports[i];
		uint8_t j = 0;
		while (j < to->n_ports &&
		       (to->ports[j].proto != port->proto || to->ports[j].port != port->port))
			j++;
		if (j == to->n_ports && j < NG_PORTS_MAX)
			to->ports[to->n_ports++] = *port;
	}
}

static void opened_add(struct ng_bounds *to, const struct ng_bounds *from)
{
	for (uint8_t i = 0; i < from->n_opened && to->n_opened < NG_RULE_PRIVATE_MAX; i++) {
		uint8_t j = 0;
		while (j < to->n_opened &&
		       (to->opened[j].bits != from->opened[i].bits ||
			!ng_addr_equal(&to->opened[j].addr, &from->opened[i].addr)))
			j++;
		if (j == to->n_opened)
			to->opened[to->n_opened++] = from->opened[i];
	}
}

static void bounds_join(struct ng_bounds *to, const struct ng_bounds *from)
{
	static const uint16_t standard[] = {1,
					    28}; /* A and AAAA: what a rule without types has */
	if (to->n_ports == 0 || from->n_ports == 0)
		to->n_ports = 0;
	else
		ports_add(to, from);
	if (to->n_types > 0 || from->n_types > 0) {
		if (to->n_types == 0)
			types_add(to, standard, 2);
		types_add(to, from->n_types == 0 ? standard : from->types,
			  from->n_types == 0 ? 2 : from->n_types);
	}
	opened_add(to, from);
	if (to->lease_max_s == 0 ||
	    (from->lease_max_s != 0 && from->lease_max_s < to->lease_max_s))
		to->lease_max_s = from->lease_max_s;
	to->strict |= from->strict;
}

static void bounds_hear(const struct ng_match *match, bool *any, struct ng_bounds *out)
{
	struct ng_bounds bounds;
	ng_match_bounds(match, &bounds);
	if (*any)
		bounds_join(out, &bounds);
	else
		*out = bounds;
	*any = true;
}

/* An approval lets an ask pass; what the asking rule was bounded by still holds. */
void ng_policy_bounds(const struct ng_policy *policy, const struct ng_subject *subject,
		      struct ng_bounds *out)
{
	struct ng_bounds bounds = {0};
	struct voice voice;
	bool any = false;
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		hear(policy, scope, subject, &voice);
		if (voice.matched)
			bounds_hear(&voice.match, &any, &bounds);
	}
	*out = bounds;
}

bool ng_policy_has_below(const struct ng_policy *policy, const struct ng_name *name)
{
	for (int scope = NG_SCOPE_GLOBAL; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			if (ng_ruleset_has_below(policy->scopes[scope].sources[i], name))
				return true;
		}
	}
	return false;
}

bool ng_decision_wild(const struct ng_decision *decision)
{
	return !decision->matched || decision->match.trigger != NG_TRIGGER_NAME ||
	       decision->match.wildcard;
}
