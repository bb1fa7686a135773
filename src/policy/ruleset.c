/*
 * Asking an image: which rule decides a name or an address, and does an allowed name stand below?
 *
 * A look-up walks the name once, from the root to its first label, and has the hashes of all its
 * suffixes. The whole name is asked as an exact owner, then every proper suffix as a wildcard, the
 * longest first: the first hit decides (RPZ.md P3). A closer rule of another kind shadows nothing
 * (T2). No allocation, no copy of the name.
 *
 * Address triggers are sorted by length, the longest first, and within a length by address: each
 * length there is costs two binary searches, one for where it ends, one for the address.
 */
#include "policy/ruleset.h"

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
	return image_path(&ruleset->view, 0);
}

size_t ng_ruleset_count(const struct ng_ruleset *ruleset)
{
	const struct image_head *head = &ruleset->view.head;
	size_t n = (size_t)head->rules + head->statics;
	for (size_t i = 0; i < IMAGE_PREFIXES; i++)
		n += head->prefixes[i];
	return n;
}

uint64_t ng_ruleset_digest(const struct ng_ruleset *ruleset)
{
	return ruleset->view.head.digest;
}

bool ng_ruleset_equal(const struct ng_ruleset *a, const struct ng_ruleset *b)
{
	const struct image_head *head = &a->view.head, *other = &b->view.head;
	size_t rest = (size_t)head->len - sizeof(*head);
	return head->digest == other->digest && memcmp(head, other, sizeof(*head)) == 0 &&
	       memcmp(a->view.slots, b->view.slots, rest) == 0;
}

uint64_t ng_ruleset_expires(const struct ng_ruleset *ruleset)
{
	return ruleset->view.head.expires;
}

/* ---- names ---- */

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

/* What every match has; the trigger's own fields come on top. */
static struct ng_match match_of(const struct ng_ruleset *ruleset, uint8_t kind, uint32_t line,
				uint32_t extra)
{
	const struct image_view *view = &ruleset->view;
	uint32_t file = image_file_of(view, &line);
	return (struct ng_match){
		.action = (enum ng_rule_action)((kind & ~IMAGE_WILDCARD) - 1),
		.trigger = NG_TRIGGER_NAME,
		.wildcard = (kind & IMAGE_WILDCARD) != 0,
		.line = line,
		.path = image_path(view, file),
		.ruleset = ruleset,
		.disabled = (view->head.flags & IMAGE_DISABLED) != 0,
		.extra = extra,
	};
}

/*
 * A large table lies in memory that is far away: asked one after the other, each suffix would wait
 * for its slot. So all are asked for first, and then looked at.
 */
static void slots_fetch(const struct image_view *view, const uint64_t *hashes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(view->slots +
				   (size_t)image_home(hashes[i], view->head.slots) *
					   sizeof(struct image_slot));
}

bool ng_ruleset_match(const struct ng_ruleset *ruleset, const struct ng_name *name,
		      struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	uint8_t starts[NG_LABELS_MAX];
	uint64_t hashes[NG_LABELS_MAX +
			1]; /* of the wildcards from the root on, then of the name */
	struct image_slot slot;
	if (name->len == 0)
		return false;
	size_t n = image_labels(name->wire, name->len, starts);
	uint64_t hash = IMAGE_ROOT;
	for (size_t i = 0; i < n; i++) {
		hashes[i] = hash ^ IMAGE_STAR;
		hash = image_hash_label(hash, name->wire + starts[n - 1 - i]);
	}
	hashes[n] = hash;
	slots_fetch(view, hashes, n + 1);
	bool found = slot_find(view, hash, 0, name->wire, name->len, &slot);
	for (size_t i = n; i-- > 0 && !found;) {
		size_t at = i == 0 ? name->len - 1u : starts[n - i];
		found = slot_find(view, hashes[i], IMAGE_WILDCARD, name->wire + at,
				  name->len - at, &slot);
	}
	if (!found)
		return false;
	*out = match_of(ruleset, slot.kind, slot.line, slot.extra);
	out->labels = slot.labels;
	out->column = slot.column;
	return true;
}

/* *cursor: how many labels were taken off so far; the whole name is asked as an exact owner. */
bool ruleset_next_name(const struct ng_ruleset *ruleset, const struct ng_name *name,
		       uint32_t *cursor, struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	struct ng_name suffix = *name;
	bool more = name->len > 0;
	for (uint32_t i = 0; i < *cursor && more; i++)
		more = ng_name_parent(&suffix);
	for (; more; more = ng_name_parent(&suffix)) {
		uint8_t star = (*cursor)++ > 0 ? IMAGE_WILDCARD : 0;
		uint64_t hash = image_hash_name(suffix.wire, suffix.len);
		struct image_slot slot;
		if (!slot_find(view, star ? hash ^ IMAGE_STAR : hash, star, suffix.wire,
			       suffix.len, &slot))
			continue;
		*out = match_of(ruleset, slot.kind, slot.line, slot.extra);
		out->labels = slot.labels;
		out->column = slot.column;
		return true;
	}
	return false;
}

bool ng_ruleset_rule(const struct ng_ruleset *ruleset, uint32_t *cursor, struct ng_name *owner,
		     struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	struct image_slot slot = {0};
	while (slot.kind == 0) {
		if (*cursor >= view->head.slots)
			return false;
		slot = image_slot_at(view->slots, (*cursor)++);
	}
	*out = match_of(ruleset, slot.kind, slot.line, slot.extra);
	out->labels = slot.labels;
	out->column = slot.column;
	return ng_name_from_wire(view->names + slot.name, view->head.names_len - slot.name,
				 owner) == NG_OK;
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

/* ---- addresses ---- */

static size_t section_of(enum ng_trigger trigger, uint8_t family)
{
	return (trigger == NG_TRIGGER_CLIENT ? IMAGE_CLIENT4 : IMAGE_ANSWER4) +
	       (family == NG_IPV6);
}

bool ruleset_watches(const struct ng_ruleset *ruleset, enum ng_trigger trigger)
{
	const uint32_t *n = ruleset->view.head.prefixes;
	return n[section_of(trigger, NG_IPV4)] > 0 || n[section_of(trigger, NG_IPV6)] > 0;
}

static struct image_prefix prefix_at(const uint8_t *section, uint32_t index)
{
	struct image_prefix item;
	image_item(section, index, &item, sizeof(item));
	return item;
}

/* Behind the last prefix of the length that the one at index has. */
static uint32_t length_end(const uint8_t *section, uint32_t index, uint32_t n)
{
	uint8_t bits = prefix_at(section, index).bits;
	uint32_t low = index, high = n;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (prefix_at(section, middle).bits == bits)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* addr with all bits beyond the length cleared, as a trigger would have it. */
static struct image_prefix network_of(const struct ng_addr *addr, uint8_t bits)
{
	struct image_prefix network = {.bits = bits};
	memcpy(network.addr, addr->bytes, sizeof(network.addr));
	for (size_t i = bits / 8u; i < sizeof(network.addr); i++)
		network.addr[i] &= i == bits / 8u ? (uint8_t)(0xff00u >> (bits % 8)) : 0;
	return network;
}

/* The prefix of one length, from low up to high, that is the address's network. */
static bool length_find(const uint8_t *section, uint32_t low, uint32_t high,
			const struct ng_addr *addr, struct image_prefix *out)
{
	struct image_prefix network = network_of(addr, prefix_at(section, low).bits);
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		struct image_prefix item = prefix_at(section, middle);
		int order = memcmp(network.addr, item.addr, sizeof(item.addr));
		if (order == 0) {
			*out = item;
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static struct ng_match match_of_prefix(const struct ng_ruleset *ruleset, size_t section,
				       const struct image_prefix *item)
{
	bool four = section == IMAGE_CLIENT4 || section == IMAGE_ANSWER4;
	struct ng_match match = match_of(ruleset, item->kind, item->line, item->extra);
	match.trigger = section <= IMAGE_CLIENT6 ? NG_TRIGGER_CLIENT : NG_TRIGGER_ANSWER;
	match.prefix = image_prefix_of(item->addr, four ? NG_IPV4 : NG_IPV6, item->bits);
	match.column = item->column;
	return match;
}

bool ruleset_next_addr(const struct ng_ruleset *ruleset, enum ng_trigger trigger,
		       const struct ng_addr *addr, uint32_t *cursor, struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	size_t section = section_of(trigger, addr->family);
	uint32_t n = ng_addr_len(addr) > 0 ? view->head.prefixes[section] : 0;
	for (uint32_t i = *cursor, end; i < n; i = end) {
		struct image_prefix item;
		end = length_end(view->prefixes[section], i, n);
		if (!length_find(view->prefixes[section], i, end, addr, &item))
			continue;
		*out = match_of_prefix(ruleset, section, &item);
		*cursor = end;
		return true;
	}
	return false;
}

bool ruleset_match_addr(const struct ng_ruleset *ruleset, enum ng_trigger trigger,
			const struct ng_addr *addr, struct ng_match *out)
{
	uint32_t cursor = 0;
	return ruleset_next_addr(ruleset, trigger, addr, &cursor, out);
}

bool ng_ruleset_address(const struct ng_ruleset *ruleset, uint32_t *cursor,
			struct ng_match *out)
{
	const struct image_view *view = &ruleset->view;
	uint32_t index = *cursor;
	for (size_t section = 0; section < IMAGE_PREFIXES; section++) {
		uint32_t n = view->head.prefixes[section];
		if (index < n) {
			struct image_prefix item = prefix_at(view->prefixes[section], index);
			*out = match_of_prefix(ruleset, section, &item);
			++*cursor;
			return true;
		}
		index -= n;
	}
	return false;
}

/* ---- what a rule brings with it ---- */

void ng_match_bounds(const struct ng_match *match, struct ng_bounds *out)
{
	*out = (struct ng_bounds){0};
	if (match->extra == 0)
		return;
	/* The image was proved when it was opened; a match of another image opens nothing wider. */
	if (!image_bounds(&match->ruleset->view, match->extra, out))
		*out = (struct ng_bounds){.n_ports = 1, .strict = true};
}

uint64_t ng_match_until(const struct ng_match *match)
{
	return image_until(&match->ruleset->view, match->extra);
}

uint32_t ng_match_denial_ttl(const struct ng_match *match, uint32_t otherwise)
{
	uint32_t ttl = image_denial_ttl(&match->ruleset->view, match->extra);
	return ttl != 0 ? ttl - 1 : otherwise;
}

bool ng_match_local(const struct ng_match *match, uint32_t *cursor, struct ng_local *out)
{
	return match->action == NG_ACTION_LOCAL &&
	       image_local(&match->ruleset->view, match->extra, cursor, out);
}

bool ng_ruleset_static(const struct ng_ruleset *ruleset, uint32_t *cursor,
		       struct ng_static *out)
{
	const struct image_view *view = &ruleset->view;
	struct image_static item;
	if (*cursor >= view->head.statics)
		return false;
	image_item(view->statics, (*cursor)++, &item, sizeof(item));
	uint32_t file = image_file_of(view, &item.line);
	*out = (struct ng_static){
		.prefix = image_prefix_of(item.addr, item.family, item.bits),
		.port = {item.proto, item.port},
		.line = item.line,
		.column = item.column,
		.path = image_path(view, file),
		.until_s = item.until_s,
	};
	return true;
}

bool ng_ruleset_opened(const struct ng_ruleset *ruleset, uint32_t *cursor,
		       struct ng_prefix *out)
{
	const struct image_view *view = &ruleset->view;
	struct image_opened item;
	if (*cursor >= view->head.opened)
		return false;
	image_item(view->opened, (*cursor)++, &item, sizeof(item));
	*out = image_prefix_of(item.addr, item.family, item.bits);
	return true;
}
