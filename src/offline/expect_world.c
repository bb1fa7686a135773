/*
 * Everything that a sandbox could open, at one moment: a trial of its own in which it asks for every
 * name that the world knows or that the policy itself answers. What is not open in there is not open
 * by any of these names, in any order and at any time.
 *
 * A wildcard of the world speaks for names without number; one of each kind is asked (see
 * expect_classes.c). A DNAME gives the names below its target other names, which are asked as well.
 */
#include "config.h"

#include "offline/expect_inside.h"

#include <stdlib.h>
#include <string.h>

struct asking_all {
	struct expect *expect;
	bool failed;
};

static bool may_ask(const struct expect *expect, const struct ng_name *name)
{
	const struct ng_sandbox *spec = expect->sandbox->spec;
	struct ng_addr clients[NG_SOURCES_MAX];
	struct ng_decision decision;
	if (spec->mode != NG_ENFORCE)
		return spec->mode == NG_OBSERVE;
	size_t n = trial_clients(expect->setup, expect->sandbox, clients);
	for (size_t i = 0; i < n; i++) {
		const struct ng_subject subject = {
			.names = name, .n_names = 1, .client = &clients[i]};
		ng_policy_judge(&spec->policy, &subject, &decision);
		if (decision.verdict == NG_ALLOW)
			return true;
	}
	return false;
}

/* False: ended, because memory is out. */
static bool ask_name(void *context, const struct ng_name *name, bool spelled)
{
	static const uint16_t types[] = {NG_TYPE_A, NG_TYPE_AAAA};
	struct asking_all *all = context;
	struct trial_reply reply;
	(void)spelled;
	if (!may_ask(all->expect, name))
		return true;
	for (size_t i = 0; i < 2 && !all->failed; i++)
		all->failed = trial_ask(all->expect->everything, all->expect->sandbox, name,
					types[i], &reply) != NG_OK;
	return !all->failed;
}

/* name with its end, source, put in place of target's; false: it is too long. */
static bool name_moved(const struct ng_name *name, const struct ng_name *target,
		       const struct ng_name *source, struct ng_name *out)
{
	size_t prefix = (size_t)(name->len - target->len);
	if (prefix + source->len > NG_NAME_MAX)
		return false;
	memcpy(out->wire, name->wire, prefix);
	memcpy(out->wire + prefix, source->wire, source->len);
	out->len = (uint8_t)(prefix + source->len);
	return true;
}

/* The names below a DNAME's target, as they are called below the DNAME. */
static void ask_moved(struct asking_all *all, const struct ng_name *owner,
		      const struct ng_name *target)
{
	const struct ng_name *name;
	struct ng_name moved;
	struct ng_place place;
	size_t cursor = 0;
	while (!all->failed && world_name(all->expect->world, &cursor, &name, &place)) {
		if (name->len > target->len && ng_name_within(name, target) &&
		    name_moved(name, target, owner, &moved))
			ask_name(all, &moved, true);
	}
}

static bool is_wildcard(const struct ng_name *name)
{
	return name->len > 2 && name->wire[0] == 1 && name->wire[1] == '*';
}

static void ask_world(struct asking_all *all)
{
	struct expect *expect = all->expect;
	const struct ng_name *name;
	struct ng_name owner, target;
	struct ng_place place;
	size_t cursor = 0;
	while (!all->failed && world_name(expect->world, &cursor, &name, &place)) {
		bool moves = world_dname(expect->world, name, &target);
		owner = *name;
		ask_name(all, name, true);
		if (is_wildcard(name))
			ng_name_parent(&owner);
		if (moves)
			ask_moved(all, &owner, &target);
		if ((moves || is_wildcard(name)) && !all->failed)
			all->failed = !classes_visit(expect, &owner, ask_name, all);
	}
}

/* Local data of RPZ zones: answers that the policy gives itself. */
static void ask_local(struct asking_all *all)
{
	const struct ng_policy *policy = &all->expect->sandbox->spec->policy;
	struct ng_match match;
	struct ng_name owner;
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		for (size_t i = 0; i < policy->scopes[scope].n; i++) {
			const struct ng_ruleset *source = policy->scopes[scope].sources[i];
			for (uint32_t cursor = 0;
			     !all->failed &&
			     ng_ruleset_rule(source, &cursor, &owner, &match);) {
				if (match.action != NG_ACTION_LOCAL)
					continue;
				if (!match.wildcard)
					ask_name(all, &owner, true);
				else if (!classes_visit(all->expect, &owner, ask_name, all))
					all->failed = true;
			}
		}
	}
}

static bool everything_make(struct expect *expect, const struct word *word)
{
	const struct trial_wish wish = {
		.setup = expect->setup, .world = expect->world, .unbounded = true};
	if (expect->everything != NULL)
		return true;
	expect->asked = calloc(expect->setup->n_sandboxes + 1, sizeof(*expect->asked));
	if (expect->asked == NULL || trial_create(&wish, &expect->everything) != NG_OK) {
		free(expect->asked);
		expect->asked = NULL;
		expect_stop(expect, word, "the engine does not take the policy");
		return false;
	}
	trial_advance(expect->everything, expect->now_us);
	return true;
}

bool everything_asked(struct expect *expect, const struct word *word)
{
	struct asking_all all = {.expect = expect};
	if (expect->world == NULL) {
		expect_stop(
			expect, word,
			"nothing says what names lead to; a public address, or a private one "
			"that is opened to answers, needs `answers FILE` above");
		return false;
	}
	if (!everything_make(expect, word))
		return false;
	if (expect->asked[expect->sandbox->spec->id - 1])
		return true;
	ask_world(&all);
	ask_local(&all);
	if (all.failed)
		expect_stop(expect, word, "memory is out");
	expect->asked[expect->sandbox->spec->id - 1] = true;
	return !all.failed;
}
