/*
 * Which names are judged, and those that came out differently.
 *
 * A name has the verdict of the owners that it equals or lies below. So it is enough to judge every
 * owner of a rule and, below each wildcard and below the root, one name that nothing else speaks of;
 * a second one, several labels below, because depth is what people doubt. Names are kept root first,
 * each label behind its length: two of them then compare label by label as they stand, and
 * relatives stand together.
 */
#include "config.h"

#include "offline/diff_inside.h"

#include <stdlib.h>
#include <string.h>

#define DEEP 3 /* labels below a wildcard, for the second name */

/* ---- names as texts ---- */

int diff_text_add(struct diff_inside *inside, const struct ng_name *name, uint32_t *out)
{
	size_t end = inside->len + name->len;
	if (end > UINT32_MAX || !grow(&inside->texts, &inside->room, end, 1))
		return NG_E_NOMEM;
	uint8_t *to = inside->texts + end - 1;
	*to = 0;
	for (const uint8_t *label = name->wire; *label != 0; label += 1 + *label) {
		to -= 1 + *label;
		memcpy(to, label, 1 + (size_t)*label);
	}
	*out = (uint32_t)inside->len;
	inside->len = end;
	return NG_OK;
}

void diff_text_name(const struct diff_inside *inside, uint32_t at, struct ng_name *out)
{
	const uint8_t *text = inside->texts + at;
	size_t n = 0;
	while (text[n] != 0)
		n += 1 + (size_t)text[n];
	uint8_t *to = out->wire + n;
	*to = 0;
	for (size_t i = 0; i < n; i += 1 + (size_t)text[i]) {
		to -= 1 + text[i];
		memcpy(to, text + i, 1 + (size_t)text[i]);
	}
	out->len = (uint8_t)(n + 1);
}

int diff_text_order(const struct diff_inside *inside, uint32_t a, uint32_t b)
{
	const uint8_t *one = inside->texts + a, *other = inside->texts + b;
	while (*one != 0 && *other != 0) {
		size_t n = *one < *other ? *one : *other;
		int order = memcmp(one + 1, other + 1, n);
		if (order == 0)
			order = (int)*one - *other;
		if (order != 0)
			return order;
		one += 1 + n;
		other += 1 + n;
	}
	return (int)*one - *other;
}

/* ---- names below a wildcard ---- */

/* Takes one label more in front; false when the name gets too long. */
static bool push(struct ng_name *name, const char *label, size_t n)
{
	if (name->len + n + 1 > NG_NAME_MAX)
		return false;
	memmove(name->wire + n + 1, name->wire, name->len);
	memcpy(name->wire + 1, label, n);
	name->wire[0] = (uint8_t)n;
	name->len = (uint8_t)(name->len + n + 1);
	return true;
}

static bool has_rule(const struct diff_group *group, const struct ng_name *name)
{
	struct ng_match match;
	for (int side = 0; side < DIFF_SIDES; side++) {
		const struct ng_policy *policy = diff_policy(group, side);
		for (int scope = 0; scope < NG_SCOPES; scope++) {
			for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
				const struct ng_ruleset *source =
					policy->scopes[scope].sources[i];
				if (diff_rule_in(source, name, false, &match) ||
				    diff_rule_in(source, name, true, &match))
					return true;
			}
		}
	}
	return false;
}

/* One label below that has no rule: a word if it fits, else any octet. */
static bool push_new(const struct diff_group *group, struct ng_name *name)
{
	const struct ng_name parent = *name;
	char label[16];
	for (unsigned i = 0; i < 64; i++) {
		int n = snprintf(label, sizeof(label), "any-name%.0u", i);
		*name = parent;
		if (push(name, label, (size_t)n) && !has_rule(group, name))
			return true;
	}
	for (unsigned octet = 'a'; octet < 'a' + 256; octet++) {
		label[0] = (char)octet;
		*name = parent;
		if ((octet % 256 < 'A' || octet % 256 > 'Z') && octet % 256 != '*' &&
		    push(name, label, 1) && !has_rule(group, name))
			return true;
	}
	*name = parent;
	return false;
}

bool diff_probe(const struct diff_group *group, const struct ng_name *owner, unsigned depth,
		struct ng_name *out)
{
	struct ng_name name = *owner;
	for (unsigned i = 0; i < depth; i++) {
		if (!push_new(group, &name))
			return false;
	}
	*out = name;
	return true;
}

/* ---- judging ---- */

struct judging {
	struct diff *diff;
	struct diff_group *group;
	const struct diff_plan *plan;
	bool touched_only;
};

static int judge(struct judging *judging, const struct ng_name *name,
		 const struct ng_name *owner, uint8_t depth)
{
	struct diff_group *group = judging->group;
	struct diff_inside *inside = judging->diff->inside;
	struct diff_view views[DIFF_SIDES];
	if (judging->touched_only && !diff_plan_touched(judging->plan, group, name))
		return NG_OK;
	for (int side = 0; side < DIFF_SIDES; side++)
		diff_look(judging->diff, group, side, name, &views[side]);
	judging->diff->tried++;
	unsigned sense = diff_weigh(&views[DIFF_OLD], &views[DIFF_NEW]);
	if (sense == 0)
		return NG_OK;
	struct diff_name *last = &group->names[group->n_names];
	struct ng_name before;
	if (depth == DEEP && group->n_names > 0 && last[-1].depth == 1 &&
	    last[-1].sense == sense) {
		diff_text_name(inside, last[-1].at, &before);
		if (ng_name_equal(&before, owner))
			return NG_OK; /* one label below has told it */
	}
	struct diff_name item = {.depth = depth, .sense = (uint8_t)sense};
	if (!grow(&group->names, &group->names_room, group->n_names + 1, sizeof(item)))
		return NG_E_NOMEM;
	int code = diff_text_add(inside, owner, &item.at);
	if (code == NG_OK)
		group->names[group->n_names++] = item;
	return code;
}

static int judge_below(struct judging *judging, const struct ng_name *owner)
{
	static const uint8_t depths[] = {1, DEEP};
	struct ng_name name = *owner;
	int code = NG_OK;
	/* What speaks of a name below that nothing names speaks of "*" below as well. */
	if (judging->touched_only && push(&name, "*", 1) &&
	    !diff_plan_touched(judging->plan, judging->group, &name))
		return NG_OK;
	for (size_t i = 0; i < sizeof(depths) && code == NG_OK; i++) {
		if (diff_probe(judging->group, owner, depths[i], &name))
			code = judge(judging, &name, owner, depths[i]);
	}
	return code;
}

static int judge_owner(struct judging *judging, const struct ng_name *owner, bool wildcard)
{
	int code = judge(judging, owner, owner, 0);
	return wildcard && code == NG_OK ? judge_below(judging, owner) : code;
}

/* Is there a source on the old side that has this very rule, and is walked? */
static bool judged_before(const struct judging *judging, const struct ng_name *owner,
			  bool wildcard)
{
	struct ng_match match;
	const struct ng_policy *policy = diff_policy(judging->group, DIFF_OLD);
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n; i++) {
			if (judging->plan->walks[DIFF_OLD][scope][i] == DIFF_WALKED &&
			    diff_rule_in(policy->scopes[scope].sources[i], owner, wildcard,
					 &match))
				return true;
		}
	}
	return false;
}

static int judge_source(struct judging *judging, int side, const struct ng_ruleset *source)
{
	struct ng_name owner;
	struct ng_match match;
	uint32_t cursor = 0;
	int code = NG_OK;
	while (code == NG_OK && ng_ruleset_rule(source, &cursor, &owner, &match)) {
		if (side == DIFF_OLD || !judged_before(judging, &owner, match.wildcard))
			code = judge_owner(judging, &owner, match.wildcard);
	}
	return code;
}

static int judge_side(struct judging *judging, int side)
{
	const struct ng_policy *policy = diff_policy(judging->group, side);
	int code = NG_OK;
	for (int scope = 0; scope < NG_SCOPES; scope++) {
		for (uint8_t i = 0; i < policy->scopes[scope].n && code == NG_OK; i++) {
			enum diff_walk walk = judging->plan->walks[side][scope][i];
			judging->touched_only = walk == DIFF_WALKED_TOUCHED;
			if (walk != DIFF_NOT_WALKED)
				code = judge_source(judging, side,
						    policy->scopes[scope].sources[i]);
		}
	}
	return code;
}

static int judge_policies(struct judging *judging)
{
	const struct ng_name root = {.len = 1};
	int code = judge_below(judging, &root);
	for (int side = 0; side < DIFF_SIDES && code == NG_OK; side++)
		code = judge_side(judging, side);
	return code;
}

/* ---- a corpus ---- */

int diff_corpus_add(struct diff_corpus *corpus, const struct ng_name *name, bool wildcard)
{
	if (!grow(&corpus->wire, &corpus->room, corpus->len + name->len + 1, 1))
		return NG_E_NOMEM;
	corpus->wire[corpus->len] = wildcard;
	memcpy(corpus->wire + corpus->len + 1, name->wire, name->len);
	corpus->len += 1 + (size_t)name->len;
	return NG_OK;
}

int diff_corpus_take(struct diff_corpus *corpus, const struct ng_ruleset *ruleset)
{
	struct ng_name owner;
	struct ng_match match;
	uint32_t cursor = 0;
	int code = NG_OK;
	while (code == NG_OK && ng_ruleset_rule(ruleset, &cursor, &owner, &match))
		code = diff_corpus_add(corpus, &owner, match.wildcard);
	return code;
}

void diff_corpus_finish(struct diff_corpus *corpus)
{
	free(corpus->wire);
	*corpus = (struct diff_corpus){0};
}

static int judge_corpus(struct judging *judging, const struct diff_corpus *corpus)
{
	int code = NG_OK;
	for (size_t at = 0; at < corpus->len && code == NG_OK;) {
		struct ng_name name;
		bool wildcard = corpus->wire[at++] != 0;
		code = ng_name_from_wire(corpus->wire + at, corpus->len - at, &name);
		if (code == NG_OK)
			code = judge_owner(judging, &name, wildcard);
		at += name.len;
	}
	return code;
}

/* ---- order ---- */

/* Widening first; then by name, and what is below it behind it. */
static int name_order(const void *a, const void *b, void *context)
{
	const struct diff_name *one = a, *other = b;
	int order = (int)((other->sense & DIFF_WIDENS) - (one->sense & DIFF_WIDENS));
	if (order == 0)
		order = diff_text_order(context, one->at, other->at);
	return order != 0 ? order : (int)one->depth - other->depth;
}

/* Two sources of one side may name the same owner. */
static void take_repeats_out(struct judging *judging)
{
	struct diff_group *group = judging->group;
	struct diff_inside *inside = judging->diff->inside;
	size_t n = 0;
	for (size_t i = 0; i < group->n_names; i++) {
		if (n == 0 || name_order(&group->names[n - 1], &group->names[i], inside) != 0)
			group->names[n++] = group->names[i];
	}
	group->n_names = n;
}

int diff_names(struct diff *diff, struct diff_group *group, const struct diff_plan *plan,
	       const struct diff_corpus *corpus)
{
	struct judging judging = {.diff = diff, .group = group, .plan = plan};
	int code = corpus != NULL ? judge_corpus(&judging, corpus) : judge_policies(&judging);
	if (code != NG_OK || group->n_names == 0)
		return code;
	qsort_r(group->names, group->n_names, sizeof(*group->names), name_order, diff->inside);
	take_repeats_out(&judging);
	return NG_OK;
}

void diff_name_at(const struct diff *diff, const struct diff_group *group, size_t index,
		  struct diff_name_row *out)
{
	const struct diff_name *item = &group->names[index];
	diff_text_name(diff->inside, item->at, &out->owner);
	out->name = out->owner;
	out->depth = item->depth;
	out->sense = item->sense;
	if (item->depth > 0)
		diff_probe(group, &out->owner, item->depth, &out->name);
	for (int side = 0; side < DIFF_SIDES; side++)
		diff_look(diff, group, side, &out->name, &out->views[side]);
}
