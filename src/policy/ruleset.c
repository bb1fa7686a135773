/*
 * Asking an image: which rule decides a name, and does an allowed name stand below it?
 *
 * A look-up walks the name once, from the root to its first label. Every proper suffix is asked as
 * a wildcard, the whole name as an exact owner; the last hit is the one with the most labels, and
 * an exact one comes after all wildcards (RPZ.md P3). A closer rule of another kind shadows nothing
 * (T2). No allocation, no copy of the name.
 */
#include "policy/image.h"

#include <stdlib.h>
#include <string.h>

struct ng_ruleset {
	struct image_view view;
};

int ng_ruleset_open(const uint8_t *octets, size_t len, struct ng_ruleset **out)
{
	struct image_view view;
	int code = image_view(octets, len, &view);
	if (code == NG_OK)
		code = image_check(&view);
	if (code != NG_OK)
		return code;
	struct ng_ruleset *ruleset = malloc(sizeof(*ruleset));
	if (ruleset == NULL)
		return NG_E_NOMEM;
	ruleset->view = view;
	*out = ruleset;
	return NG_OK;
}

void ng_ruleset_close(struct ng_ruleset *ruleset)
{
	free(ruleset);
}

const char *ng_ruleset_path(const struct ng_ruleset *ruleset)
{
	return ruleset->view.path;
}

size_t ng_ruleset_count(const struct ng_ruleset *ruleset)
{
	return ruleset->view.head.rules;
}

uint64_t ng_ruleset_digest(const struct ng_ruleset *ruleset)
{
	return ruleset->view.head.digest;
}

/* Do len octets at an offset of the names equal wire? An image's names end inside it, so a shorter one differs. */
static bool name_is(const struct image_view *view, uint32_t offset, const uint8_t *wire,
		    size_t len)
{
	return view->head.names_len - offset >= len &&
	       memcmp(view->names + offset, wire, len) == 0;
}

/* The rule with this owner name, exact or wildcard. */
static bool slot_find(const struct image_view *view, uint64_t hash, uint8_t star,
		      const uint8_t *wire, size_t len, struct image_slot *out)
{
	uint32_t slots = view->head.slots;
	for (uint32_t i = image_home(hash, slots);; i = i + 1 == slots ? 0 : i + 1) {
		struct image_slot slot = image_slot_at(view->slots, i);
		if (slot.kind == 0)
			return false;
		if (slot.tag == (uint32_t)hash && (slot.kind & IMAGE_WILDCARD) == star &&
		    name_is(view, slot.name, wire, len)) {
			*out = slot;
			return true;
		}
	}
}

static struct ng_match match_of(const struct image_view *view, const struct image_slot *slot)
{
	return (struct ng_match){
		.action = (enum ng_rule_action)((slot->kind & ~IMAGE_WILDCARD) - 1),
		.wildcard = (slot->kind & IMAGE_WILDCARD) != 0,
		.labels = slot->labels,
		.line = slot->line,
		.column = slot->column,
		.path = view->path,
	};
}

bool ng_ruleset_match(const struct ng_ruleset *ruleset, const struct ng_name *name,
		      struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	uint8_t starts[NG_LABELS_MAX];
	struct image_slot slot;
	if (name->len == 0)
		return false;
	size_t n = image_labels(name->wire, name->len, starts), at = name->len - 1u;
	uint64_t hash = IMAGE_ROOT;
	bool found = false;
	for (size_t i = n; i-- > 0; at = starts[i]) {
		found |= slot_find(view, hash ^ IMAGE_STAR, IMAGE_WILDCARD, name->wire + at,
				   name->len - at, &slot);
		hash = image_hash_label(hash, name->wire + starts[i]);
	}
	found |= slot_find(view, hash, 0, name->wire, name->len, &slot);
	if (found)
		*out = match_of(view, &slot);
	return found;
}

bool ng_ruleset_has_below(const struct ng_ruleset *ruleset, const struct ng_name *name)
{
	const struct image_view *view = &ruleset->view;
	uint32_t slots = view->head.ancestor_slots;
	if (name->len == 0)
		return false;
	uint32_t i = image_home(image_hash_name(name->wire, name->len), slots);
	for (;; i = i + 1 == slots ? 0 : i + 1) {
		uint32_t offset = image_ancestor_at(view->ancestors, i);
		if (offset == IMAGE_NONE)
			return false;
		if (name_is(view, offset, name->wire, name->len))
			return true;
	}
}
