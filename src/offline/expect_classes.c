/*
 * Which names stand for all names below an owner. What a source says of a name is decided by the
 * longest of its rules that matches; so two names below the owner fare alike when the same rules
 * match them in every source. The names that rules spell, and below the owner and each of these one
 * name that no rule spells, are one of each kind.
 */
#include "config.h"

#include "offline/expect_inside.h"

#include <string.h>

/* A label that nobody writes, so that no rule spells it. */
static const uint8_t unspelled[] = {1, 0x01};

static bool name_below(const struct ng_name *owner, struct ng_name *out)
{
	if (owner->len > NG_NAME_MAX - sizeof(unspelled))
		return false;
	memcpy(out->wire, unspelled, sizeof(unspelled));
	memcpy(out->wire + sizeof(unspelled), owner->wire, owner->len);
	out->len = (uint8_t)(owner->len + sizeof(unspelled));
	return true;
}

static bool visit_below(const struct ng_name *owner, class_fn *visit, void *context)
{
	struct ng_name name;
	return !name_below(owner, &name) || visit(context, &name, false);
}

/* False: visit has ended it. */
static bool visit_tree(const struct below *tree, const struct ng_name *owner, class_fn *visit,
		       void *context)
{
	struct ng_name name;
	size_t first, end = below_range(tree, owner, &first);
	for (size_t i = first; i < end; i++) {
		below_name(tree, i, &name);
		if (!ng_name_equal(&name, owner) &&
		    (!visit(context, &name, true) || !visit_below(&name, visit, context)))
			return false;
	}
	return true;
}

bool classes_visit(struct expect *expect, const struct ng_name *owner, class_fn *visit,
		   void *context)
{
	const struct ng_policy *policy = &expect->sandbox->spec->policy;
	if (!visit_below(owner, visit, context))
		return true;
	for (size_t scope = 0; scope < NG_SCOPES; scope++) {
		for (size_t i = 0; i < policy->scopes[scope].n; i++) {
			const struct below *tree =
				state_tree(expect, policy->scopes[scope].sources[i]);
			if (tree == NULL)
				return false;
			if (!visit_tree(tree, owner, visit, context))
				return true;
		}
	}
	return true;
}
