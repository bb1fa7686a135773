/*
 * Fates of rules.
 *
 * All rules of a scope that match the subject are laid out as they are heard: the links of the alias
 * chain (P1), at each link the sources (P2), in a source the client, the name, the answer's
 * addresses (P4), in each of these the better match first (P3, P6). Rules of disabled sources never
 * speak. Of the others the first that is about a client or a name speaks, unless an address rule of a
 * source before it may: it may when the link is the last, and the name is not denied at once. What is
 * left follows from where a rule stands beside the one that speaks.
 */
#include <namegate/explain.h>

#include "policy/ruleset.h"
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

enum ng_verdict ng_action_verdict(enum ng_rule_action action)
{
	switch (action) {
	case NG_ACTION_PASSTHRU:
	case NG_ACTION_TCP_ONLY:
	case NG_ACTION_LOCAL:
		return NG_ALLOW;
	case NG_ACTION_ASK:
		return NG_ASK;
	default:
		return NG_DENY;
	}
}

/* The smaller the louder: a denial, to ask, an allow that changes the answer, an allow. */
static int mildness(const struct ng_match *match)
{
	enum ng_verdict verdict = ng_action_verdict(match->action);
	if (verdict != NG_ALLOW)
		return verdict == NG_DENY ? 0 : 1;
	return match->action == NG_ACTION_PASSTHRU ? 3 : 2;
}

/* ---- the candidates ---- */

struct list {
	struct ng_candidate *items;
	size_t n, room;
	bool failed;
};

static void add(struct list *list, const struct ng_candidate *candidate)
{
	if (list->n == list->room) {
		size_t room = list->room > 0 ? 2 * list->room : 16;
		struct ng_candidate *grown = realloc(list->items, room * sizeof(*grown));
		list->failed |= grown == NULL;
		if (grown == NULL)
			return;
		list->items = grown;
		list->room = room;
	}
	list->items[list->n] = *candidate;
	list->items[list->n].by = list->n;
	list->n++;
}

static void add_names(struct list *list, struct ng_candidate at, const struct ng_ruleset *from,
		      const struct ng_name *name)
{
	uint32_t cursor = 0;
	while (ruleset_next_name(from, name, &cursor, &at.match))
		add(list, &at);
}

static void add_client(struct list *list, struct ng_candidate at, const struct ng_ruleset *from,
		       const struct ng_addr *client)
{
	uint32_t cursor = 0;
	while (client != NULL &&
	       ruleset_next_addr(from, NG_TRIGGER_CLIENT, client, &cursor, &at.match))
		add(list, &at);
}

/* An IPv4 prefix counts as the mapped one. */
static int prefix_order(const struct ng_prefix *a, const struct ng_prefix *b)
{
	int bits_a = a->bits + (a->addr.family == NG_IPV4 ? 96 : 0);
	int bits_b = b->bits + (b->addr.family == NG_IPV4 ? 96 : 0);
	if (bits_a != bits_b)
		return bits_b - bits_a;
	if (a->addr.family != b->addr.family)
		return a->addr.family - b->addr.family;
	return memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

static int by_prefix(const void *a, const void *b)
{
	const struct ng_candidate *left = a, *right = b;
	return prefix_order(&left->match.prefix, &right->match.prefix);
}

/* Several addresses of one answer may meet one rule: it is heard once. */
static void drop_repeats(struct list *list, size_t from)
{
	size_t kept = from;
	for (size_t i = from; i < list->n; i++) {
		if (kept > from && by_prefix(&list->items[kept - 1], &list->items[i]) == 0)
			continue;
		list->items[kept] = list->items[i];
		list->items[kept].by = kept;
		kept++;
	}
	list->n = kept;
}

static void add_answer(struct list *list, struct ng_candidate at, const struct ng_ruleset *from,
		       const struct ng_subject *subject)
{
	size_t first = list->n;
	for (size_t i = 0; i < subject->n_addrs; i++) {
		uint32_t cursor = 0;
		while (ruleset_next_addr(from, NG_TRIGGER_ANSWER, &subject->addrs[i], &cursor,
					 &at.match))
			add(list, &at);
	}
	if (list->n == first)
		return;
	qsort(list->items + first, list->n - first, sizeof(*list->items), by_prefix);
	drop_repeats(list, first);
}

static void gather(struct list *list, const struct ng_policy *policy, enum ng_scope scope,
		   const struct ng_subject *subject)
{
	for (size_t link = 0; link < subject->n_names; link++) {
		bool last = link + 1 == subject->n_names;
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			const struct ng_ruleset *from = policy->scopes[scope].sources[i];
			const struct ng_candidate at = {
				.scope = scope, .source = i, .link = link};
			add_client(list, at, from, link == 0 ? subject->client : NULL);
			add_names(list, at, from, &subject->names[link]);
			if (last && subject->answered)
				add_answer(list, at, from, subject);
		}
	}
}

/* ---- who speaks for a scope ---- */

struct scope {
	size_t from, to; /* its candidates */
	size_t speaker;  /* NONE: silent */
	bool asked;      /* a rule for the asked name, or its client */
};

/* The first of a link that is about client or name (answer: about addresses), and may speak. */
static size_t first_of(const struct list *list, const struct scope *scope, size_t link,
		       bool answer)
{
	for (size_t i = scope->from; i < scope->to; i++) {
		const struct ng_candidate *item = &list->items[i];
		if (item->link == link && !item->match.disabled &&
		    (item->match.trigger == NG_TRIGGER_ANSWER) == answer)
			return i;
	}
	return NONE;
}

static bool denies(const struct ng_match *match)
{
	return ng_action_verdict(match->action) == NG_DENY;
}

static size_t speaker_at(const struct list *list, const struct scope *scope, size_t link)
{
	size_t name = first_of(list, scope, link, false);
	size_t answer = first_of(list, scope, link, true);
	if (name == NONE)
		return answer;
	if (answer == NONE || denies(&list->items[name].match) ||
	    list->items[answer].source >= list->items[name].source)
		return name;
	return answer;
}

static enum ng_outcome beside(const struct ng_candidate *loser,
			      const struct ng_candidate *speaker)
{
	if (loser->link > speaker->link)
		return NG_OUTCOME_LATER_LINK;
	if (loser->source > speaker->source)
		return NG_OUTCOME_LATER_SOURCE;
	if (loser->source < speaker->source)
		return NG_OUTCOME_DENIED_FIRST;
	if (loser->match.trigger != speaker->match.trigger)
		return NG_OUTCOME_TRIGGER;
	if (loser->match.trigger != NG_TRIGGER_NAME)
		return NG_OUTCOME_PREFIX;
	return speaker->match.wildcard ? NG_OUTCOME_LABELS : NG_OUTCOME_WILDCARD;
}

static void settle_scope(struct list *list, const struct ng_subject *subject,
			 struct scope *scope)
{
	scope->speaker = NONE;
	scope->asked = first_of(list, scope, 0, false) != NONE;
	for (size_t link = 0; link < subject->n_names && scope->speaker == NONE; link++)
		scope->speaker = speaker_at(list, scope, link);
	for (size_t i = scope->from; i < scope->to; i++) {
		struct ng_candidate *item = &list->items[i];
		if (item->match.disabled)
			item->outcome = NG_OUTCOME_DISABLED;
		if (item->match.disabled || scope->speaker == NONE || i == scope->speaker)
			continue;
		item->outcome = beside(item, &list->items[scope->speaker]);
		item->by = scope->speaker;
	}
}

/* ---- which scope wins ---- */

static size_t loudest(const struct list *list, const struct scope *scopes)
{
	size_t best = NONE;
	for (int i = NG_SCOPE_GLOBAL; i < NG_SCOPES; i++) {
		size_t speaker = scopes[i].speaker;
		if (speaker != NONE &&
		    (best == NONE || mildness(&list->items[speaker].match) <
					     mildness(&list->items[best].match)))
			best = speaker;
	}
	return best;
}

static void settle_speaker(struct list *list, size_t speaker, size_t decider, bool unasked)
{
	struct ng_candidate *item = &list->items[speaker];
	const struct ng_candidate *winner = &list->items[decider];
	if (unasked) {
		item->outcome = NG_OUTCOME_UNASKED;
		return;
	}
	item->by = decider;
	if (speaker == decider)
		item->outcome = NG_OUTCOME_DECIDES;
	else
		item->outcome = mildness(&item->match) == mildness(&winner->match)
					? NG_OUTCOME_JOINS
					: NG_OUTCOME_OVERRULED;
}

/* What an ask was answered with, as a candidate of its own; NONE when it has not been. */
static size_t settle_approval(struct list *list, const struct ng_policy *policy,
			      const struct ng_subject *subject, size_t asker)
{
	struct ng_candidate approval = {.scope = list->items[asker].scope, .approval = true};
	if (policy->approvals == NULL ||
	    !ng_ruleset_match(policy->approvals, &subject->names[0], &approval.match) ||
	    ng_action_verdict(approval.match.action) == NG_ASK)
		return NONE;
	add(list, &approval);
	if (list->failed)
		return NONE;
	list->items[asker].outcome = ng_action_verdict(approval.match.action) == NG_ALLOW
					     ? NG_OUTCOME_APPROVED
					     : NG_OUTCOME_REFUSED;
	list->items[asker].by = list->n - 1;
	return list->n - 1;
}

static size_t settle(struct list *list, const struct ng_policy *policy,
		     const struct ng_subject *subject, const struct scope *scopes)
{
	size_t decider = loudest(list, scopes);
	bool asked = false;
	if (decider == NONE)
		return NONE;
	const struct ng_match *winner = &list->items[decider].match;
	bool ask = ng_action_verdict(winner->action) == NG_ASK;
	for (int i = NG_SCOPE_GLOBAL; i < NG_SCOPES; i++)
		asked |= scopes[i].asked;
	bool unasked = !asked && !denies(winner);
	for (int i = NG_SCOPE_GLOBAL; i < NG_SCOPES; i++) {
		if (scopes[i].speaker != NONE)
			settle_speaker(list, scopes[i].speaker, decider, unasked);
	}
	if (unasked)
		return NONE;
	size_t approval = ask ? settle_approval(list, policy, subject, decider) : NONE;
	return approval != NONE ? approval : decider;
}

int ng_explain(const struct ng_policy *policy, const struct ng_subject *subject,
	       struct ng_explanation *out)
{
	struct ng_explanation explanation = {0};
	struct scope scopes[NG_SCOPES];
	struct list list = {0};
	for (int i = NG_SCOPE_GLOBAL; i < NG_SCOPES && !list.failed; i++) {
		scopes[i].from = list.n;
		gather(&list, policy, i, subject);
		scopes[i].to = list.n;
		settle_scope(&list, subject, &scopes[i]);
	}
	size_t decider = list.failed ? NONE : settle(&list, policy, subject, scopes);
	if (list.failed) {
		free(list.items);
		return NG_E_NOMEM;
	}
	ng_policy_judge(policy, subject, &explanation.decision);
	if (explanation.decision.verdict == NG_ALLOW)
		ng_policy_bounds(policy, subject, &explanation.bounds);
	explanation.candidates = list.items;
	explanation.n_candidates = list.n;
	explanation.decider = decider != NONE ? decider : list.n;
	*out = explanation;
	return NG_OK;
}

void ng_explanation_finish(struct ng_explanation *explanation)
{
	if (explanation == NULL)
		return;
	free(explanation->candidates);
	*explanation = (struct ng_explanation){0};
}

/* ---- near misses ---- */

struct ng_name ng_match_owner(const struct ng_match *match, const struct ng_name *name)
{
	struct ng_name owner = *name;
	while (ng_name_labels(&owner) > match->labels && ng_name_parent(&owner))
		;
	return owner;
}

static bool allows(const struct ng_policy *policy, const struct ng_name *name,
		   struct ng_match *out)
{
	struct ng_decision decision;
	ng_policy_decide(policy, name, &decision);
	if (decision.verdict != NG_ALLOW)
		return false;
	*out = decision.match;
	return true;
}

/* Does a wildcard stand at the name itself? Then any name one label below it matches by it. */
static bool near_apex(const struct ng_policy *policy, const struct ng_name *name,
		      struct ng_near *out)
{
	struct ng_name below = {.len = (uint8_t)(name->len + 2), .wire = {1, 'a'}};
	if (name->len > NG_NAME_MAX - 2)
		return false;
	memcpy(below.wire + 2, name->wire, name->len);
	if (!allows(policy, &below, &out->match) || !out->match.wildcard ||
	    out->match.labels != ng_name_labels(name))
		return false;
	out->kind = NG_NEAR_APEX;
	out->owner = *name;
	return true;
}

static bool near_above(const struct ng_policy *policy, const struct ng_name *name,
		       struct ng_near *out)
{
	struct ng_name above = *name;
	while (ng_name_parent(&above) && above.len > 1) {
		if (!allows(policy, &above, &out->match) || out->match.wildcard)
			continue;
		out->kind = NG_NEAR_ABOVE;
		out->owner = above;
		return true;
	}
	return false;
}

bool ng_explain_near(const struct ng_policy *policy, const struct ng_name *name,
		     struct ng_near *out)
{
	struct ng_near near = {0};
	if (!near_apex(policy, name, &near) && !near_above(policy, name, &near))
		return false;
	*out = near;
	return true;
}
